-- A tenant's rows in all protected tables: export, and removal for good.

CREATE FUNCTION tenancy_internal.id_condition(relation regclass, "column" name, ids uuid[], external_ids text[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- An external id that is not a number's only spelling matches nothing in a column of numbers.
  SELECT format('t.%I = ANY (%L::%s[])', id_condition."column",
    CASE WHEN base.type = 'uuid' THEN id_condition.ids::text
         WHEN base.type = 'text' THEN id_condition.external_ids::text
         ELSE (SELECT coalesce(array_agg(e), '{}')::text FROM unnest(id_condition.external_ids) e
               WHERE CASE WHEN e ~ '^(0|-?[1-9][0-9]{0,18})$'
                          THEN e::numeric BETWEEN base.lowest AND -(base.lowest + 1) ELSE false END) END, base.type)
  FROM pg_attribute a,
  LATERAL (SELECT CASE tenancy_internal.base_type(a.atttypid)
                    WHEN 'uuid'::regtype THEN 'uuid' WHEN 'smallint'::regtype THEN 'smallint'
                    WHEN 'integer'::regtype THEN 'integer' WHEN 'bigint'::regtype THEN 'bigint' ELSE 'text' END) named (type),
  LATERAL (SELECT named.type, CASE named.type WHEN 'smallint' THEN -32768 WHEN 'integer' THEN -2147483648
                                ELSE -9223372036854775808 END::numeric) base (type, lowest)
  WHERE a.attrelid = id_condition.relation AND a.attname = id_condition."column" AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION tenancy_internal.id_condition(regclass, name, uuid[], text[]) IS 'A condition on table t as SQL: that the column names one of some entities, by id or external id as its type has it; NULL without a column';

CREATE FUNCTION tenancy_internal.organization_conditions(protected_table tenancy.protected_tables, the_organization uuid, OUT own text, OUT disputed text)
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  t CONSTANT tenancy.protected_tables := organization_conditions.protected_table;
  by_organization text;
  by_workspace text;
  by_another text;
BEGIN
  SELECT tenancy_internal.id_condition(t.relation, t.organization_column, array_agg(o.organization_id), array_remove(array_agg(o.external_id::text), NULL))
  INTO by_organization FROM tenancy.organizations o WHERE o.organization_id = organization_conditions.the_organization;
  SELECT tenancy_internal.id_condition(t.relation, t.workspace_column, coalesce(array_agg(w.workspace_id), '{}'),
                              coalesce(array_remove(array_agg(w.external_id::text), NULL), '{}'))
  INTO by_workspace FROM tenancy.workspaces w WHERE w.organization_id = organization_conditions.the_organization;
  IF by_organization IS NULL OR by_workspace IS NULL THEN
    organization_conditions.own := coalesce(by_organization, by_workspace);
    organization_conditions.disputed := 'false';
    RETURN;
  END IF;
  -- Workspaces that the organization's rows name. Other tenants' are recognized here, since the table's owner may not read the
  -- catalogs.
  SELECT coalesce(format('t.%I::text = ANY (%L)', t.workspace_column, array_agg(named.id)), 'false') INTO by_another
  FROM (SELECT r #>> '{}' AS id FROM tenancy_internal.as_owner(t.relation, format(
          'SELECT DISTINCT to_jsonb(t.%I::text) FROM %s t WHERE %s AND t.%1$I IS NOT NULL',
          t.workspace_column, tenancy_internal.from_clause_for(t.relation), by_organization)) r) named,
       pg_attribute a
  WHERE a.attrelid = t.relation AND a.attname = t.workspace_column AND EXISTS (
    SELECT FROM tenancy.workspaces w
    WHERE w.organization_id <> organization_conditions.the_organization
      AND CASE tenancy_internal.base_type(a.atttypid) WHEN 'uuid'::regtype THEN w.workspace_id::text ELSE w.external_id::text END = named.id);
  -- The organization decides. Rows that name an organization and another's workspace are visible to both, and removed with
  -- neither.
  organization_conditions.own := format('((%s OR t.%I IS NULL AND %s) AND (%s) IS NOT TRUE)', by_organization, t.organization_column,
    by_workspace, by_another);
  organization_conditions.disputed := format('(%s AND %s)', by_organization, by_another);
END
$$;
COMMENT ON FUNCTION tenancy_internal.organization_conditions(tenancy.protected_tables, uuid) IS 'Conditions on a protected table t as SQL: rows that are the organization''s own, and rows that name it together with a workspace of another';

CREATE FUNCTION tenancy_internal.resolve_organization_for_dba(reference text) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.require_dba();
  IF resolve_organization_for_dba.reference IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'an organization must be given';
  END IF;
  RETURN tenancy_internal.find_organization(resolve_organization_for_dba.reference);
END
$$;
COMMENT ON FUNCTION tenancy_internal.resolve_organization_for_dba(text) IS 'Id of the organization that a DBA refers to; 42501 for anybody else, 42704 for none, 22004 for NULL';

-- The policies give the tenant columns. A table whose policies are missing, or not as protect() made them, is left out.
CREATE FUNCTION tenancy_internal.check_intact(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  problem text := (tenancy_internal.inspect_protection(check_intact.relation)).problem;
BEGIN
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('table %s is not protected as recorded', check_intact.relation), DETAIL = format('Found: %s.', problem),
      HINT = 'Call tenancy.protect() again, or tenancy.unprotect(); tenancy.advise() says more.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_intact(regclass) IS 'Raises 55000 unless the table''s policies are as protect() made them';

-- The settings are those of pg_dump: the caller's could lose digits, or write what is read as something else.
CREATE FUNCTION tenancy_steps.list_exported_rows(organization text, within regclass) RETURNS TABLE (relation regclass, "row" jsonb)
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp
SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres' SET extra_float_digits = 3 SET bytea_output = 'hex' AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_organization_for_dba(list_exported_rows.organization);
  exported tenancy.protected_tables;
  rows_of_table bigint;
  counts jsonb := '{}';
BEGIN
  IF list_exported_rows.within IS NOT NULL AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = list_exported_rows.within) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('table %s is not protected', list_exported_rows.within),
      HINT = 'tenancy.protected_tables lists those that are.';
  END IF;
  -- The entry with the numbers goes with the transaction, the rows could have been read before that.
  PERFORM tenancy_internal.queue_audit_event('begin_export', 'organization', the_organization::text, the_organization, NULL,
    jsonb_build_object('table', coalesce(list_exported_rows.within::text, 'all')));
  PERFORM tenancy_internal.report_unrecorded_tables(list_exported_rows.within);
  FOR exported IN SELECT * FROM tenancy_internal.lock_tables_with_rows(list_exported_rows.within, 'access share') t ORDER BY t.relation::text LOOP
    PERFORM tenancy_internal.check_intact(exported.relation);
    RETURN QUERY SELECT exported.relation::regclass, r FROM tenancy_internal.as_owner(exported.relation, format(
      -- "*": a column can have the name of the row.
      'SELECT to_jsonb(r.*) FROM (SELECT %s FROM %s t WHERE %s) r', tenancy_internal.columns_as_jsonb(exported.relation),
      tenancy_internal.from_clause_for(exported.relation),
      (tenancy_internal.organization_conditions(exported, the_organization)).own)) r;
    GET DIAGNOSTICS rows_of_table = ROW_COUNT;
    counts := counts || jsonb_build_object(exported.relation::text, rows_of_table);
  END LOOP;
  PERFORM tenancy_internal.add_audit_entry('export', 'organization', the_organization::text, the_organization, after => counts);
END
$$;
COMMENT ON FUNCTION tenancy_steps.list_exported_rows(text, regclass) IS 'For a DBA: what export_organization() returns';

-- In SQL, since in PL/pgSQL an argument and a column can't have the same name.
CREATE FUNCTION tenancy.export_organization(organization text, relation regclass DEFAULT NULL)
RETURNS TABLE (relation regclass, "row" jsonb)
LANGUAGE sql SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT * FROM tenancy_steps.list_exported_rows($1, $2)
$$;
COMMENT ON FUNCTION tenancy.export_organization(text, regclass) IS 'For a DBA: all rows of an organization in protected tables, or (the second argument) in one of them with its partitions and children, each with its table (for a partition, the partitioned table); each table is read as its owner; leaves an audit entry with the numbers of rows, and one that the export began, which stays if the transaction is rolled back; 55000 for a table that isn''t protected, or no longer as protect() made it';

CREATE FUNCTION tenancy.close_organization(organization text) RETURNS uuid
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_organization_for_dba(close_organization.organization);
BEGIN
  PERFORM tenancy_internal.lock_organization(the_organization);
  -- Concurrent purges of one organization take turns; one notification is enough.
  PERFORM FROM tenancy.organizations o WHERE o.organization_id = the_organization FOR UPDATE;
  UPDATE tenancy.organizations o SET closed_at = now() WHERE o.organization_id = the_organization AND o.closed_at IS NULL;
  DELETE FROM tenancy.api_key_secrets s
  WHERE s.api_key_id IN (SELECT k.api_key_id FROM tenancy.api_keys k WHERE k.organization_id = the_organization);
  DELETE FROM tenancy.jwt_keys k WHERE k.organization_id = the_organization;
  DELETE FROM tenancy.trusted_issuers t WHERE t.organization_id = the_organization;
  DELETE FROM tenancy.organization_members m WHERE m.organization_id = the_organization;
  RETURN the_organization;
END
$$;
COMMENT ON FUNCTION tenancy.close_organization(text) IS 'For a DBA: ends all access to an organization at once and for good, as the first step of its removal: members, secrets of keys, and keys for tokens go, rows stay, and nobody gets any of these, or a role, group or invitation there, again (55000); returns its id';

CREATE FUNCTION tenancy_steps.remove_access(organization text, at_most bigint) RETURNS bigint
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_organization_for_dba(remove_access.organization);
  removed bigint;
  in_all bigint := 0;
BEGIN
  PERFORM tenancy_internal.lock_organization(the_organization);
  UPDATE tenancy.organizations o SET closed_at = now() WHERE o.organization_id = the_organization AND o.closed_at IS NULL;
  DELETE FROM tenancy.jwt_keys k WHERE k.organization_id = the_organization;
  DELETE FROM tenancy.trusted_issuers t WHERE t.organization_id = the_organization;
  DELETE FROM tenancy.api_key_secrets s WHERE s.ctid = ANY (ARRAY(
    SELECT s.ctid FROM tenancy.api_key_secrets s JOIN tenancy.api_keys k USING (api_key_id)
    WHERE k.organization_id = the_organization LIMIT remove_access.at_most FOR UPDATE OF s));
  GET DIAGNOSTICS in_all = ROW_COUNT;
  DELETE FROM tenancy.organization_members m WHERE m.ctid = ANY (ARRAY(
    SELECT m.ctid FROM tenancy.organization_members m
    WHERE m.organization_id = the_organization LIMIT remove_access.at_most - in_all FOR UPDATE));
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN in_all + removed;
END
$$;
COMMENT ON FUNCTION tenancy_steps.remove_access(text, bigint) IS 'For a DBA: a part of close_organization(): removes at most so many secrets of keys and members, and returns how many; while it returns more than 0, others of the organization still have access';

CREATE PROCEDURE tenancy.close_organization_in_batches(organization text, batch_size bigint DEFAULT 1000)
LANGUAGE plpgsql AS $$
DECLARE
  removed bigint;
BEGIN
  IF close_organization_in_batches.batch_size IS NULL OR close_organization_in_batches.batch_size OPERATOR(pg_catalog.<) 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the number of rows must be positive';
  END IF;
  LOOP
    SET LOCAL search_path = pg_catalog, tenancy, pg_temp;
    removed := tenancy_steps.remove_access(close_organization_in_batches.organization, close_organization_in_batches.batch_size);
    COMMIT;
    EXIT WHEN removed OPERATOR(pg_catalog.=) 0;
  END LOOP;
  -- Members added meanwhile are removed as well.
  SET LOCAL search_path = pg_catalog, tenancy, pg_temp;
  PERFORM tenancy.close_organization(close_organization_in_batches.organization);
  COMMIT;
END
$$;
COMMENT ON PROCEDURE tenancy.close_organization_in_batches(text, bigint) IS 'For a DBA: close_organization() in transactions of so many rows each, for organizations of many thousand members, which one transaction would hold for long; access ends batch by batch';

CREATE FUNCTION tenancy_internal.columns_as_json(relation oid, columns smallint[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT format('jsonb_build_array(%s)', string_agg(format('t.%I::text', a.attname), ', ' ORDER BY u.n))
  FROM unnest(columns_as_json.columns) WITH ORDINALITY u (attnum, n)
  JOIN pg_attribute a ON a.attrelid = columns_as_json.relation AND a.attnum = u.attnum
$$;
COMMENT ON FUNCTION tenancy_internal.columns_as_json(oid, smallint[]) IS 'An expression as SQL: columns of a table t as a JSON array of texts';

-- Rows to delete first: rows of protected tables that refer to the row, by any foreign key. Those that would be deleted or
-- changed with it (ON DELETE CASCADE ...) might be another tenant's. A row that refers to itself blocks nothing. Each table is
-- read as its own owner, so keys are passed from one to the other as constants: as texts that lose nothing, whatever the caller's
-- settings.
CREATE FUNCTION tenancy_internal.unreferenced_rows(leaf regclass, candidates tid[], foreign_key oid) RETURNS tid[]
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET extra_float_digits = 3 AS $$
DECLARE
  referring oid;
  referring_key smallint[];
  leaf_key smallint[];
  columns text;
  typed text;
  with_keys jsonb[];
  references_found jsonb[];
BEGIN
  SELECT k.conrelid, k.conkey, array_agg(mine.attnum ORDER BY u.n),
         string_agg(format('t.%I', r.attname), ', ' ORDER BY u.n),
         string_agg(format('(e ->> %s)::%s', u.n - 1, format_type(r.atttypid, NULL)), ', ' ORDER BY u.n)
  INTO referring, referring_key, leaf_key, columns, typed
  FROM pg_constraint k, unnest(k.conkey, k.confkey) WITH ORDINALITY u (attnum, referred, n)
  JOIN pg_attribute r ON r.attnum = u.attnum
  JOIN pg_attribute theirs ON theirs.attnum = u.referred
  -- a partition's columns may have other numbers than its parent's
  JOIN pg_attribute mine ON mine.attname = theirs.attname AND mine.attrelid = unreferenced_rows.leaf
  WHERE k.oid = unreferenced_rows.foreign_key AND r.attrelid = k.conrelid AND theirs.attrelid = k.confrelid
  GROUP BY k.oid, k.conrelid, k.conkey;

  with_keys := ARRAY(SELECT r FROM tenancy_internal.as_owner(unreferenced_rows.leaf, format(
    'SELECT jsonb_build_array(t.ctid::text, %s) FROM ONLY %s t WHERE t.ctid = ANY (%L)',
    tenancy_internal.columns_as_json(unreferenced_rows.leaf, leaf_key), unreferenced_rows.leaf, unreferenced_rows.candidates)) r);
  references_found := ARRAY(SELECT r FROM tenancy_internal.as_owner(referring, format(
    'SELECT jsonb_build_array(%s, t.ctid::text, t.tableoid::bigint) FROM %s t WHERE (%s) IN (SELECT %s FROM unnest(%L::jsonb[]) e)',
    tenancy_internal.columns_as_json(referring, referring_key), tenancy_internal.from_clause_for(referring), columns, typed,
    ARRAY(SELECT DISTINCT c -> 1 FROM unnest(with_keys) c))) r);
  RETURN ARRAY(
    SELECT (c ->> 0)::tid FROM unnest(with_keys) c
    WHERE NOT EXISTS (SELECT FROM unnest(references_found) r
                      WHERE r -> 0 = c -> 1 AND (r -> 1 <> c -> 0 OR (r ->> 2)::oid <> unreferenced_rows.leaf)));
END
$$;
COMMENT ON FUNCTION tenancy_internal.unreferenced_rows(regclass, tid[], oid) IS 'Those rows of a table or leaf partition, by address, that no other row refers to by a foreign key';

-- With pass_over, work for all tenants goes on without rows that open transactions hold, and without those that a foreign key of an
-- unprotected table would not let go, either.
CREATE FUNCTION tenancy_internal.removable_rows(leaf regclass, own_rows text, at_most bigint, pass_over boolean) RETURNS tid[]
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  rows_at_once CONSTANT bigint := 10000;
  foreign_keys CONSTANT oid[] := ARRAY(
    SELECT k.oid FROM pg_constraint k
    WHERE k.contype = 'f' AND k.conparentid = 0
      AND (k.confrelid = removable_rows.leaf OR k.confrelid IN (SELECT a.relid FROM pg_partition_ancestors(removable_rows.leaf) a))
      AND EXISTS (SELECT FROM tenancy.protected_tables p WHERE p.relation = k.conrelid));
  other_foreign_keys CONSTANT oid[] := ARRAY(
    SELECT k.oid FROM pg_constraint k
    WHERE removable_rows.pass_over AND k.contype = 'f' AND k.conparentid = 0 AND k.confdeltype IN ('a', 'r') AND k.oid <> ALL (foreign_keys)
      AND (k.confrelid = removable_rows.leaf OR k.confrelid IN (SELECT a.relid FROM pg_partition_ancestors(removable_rows.leaf) a)));
  foreign_key oid;
  last_read tid := '(0,0)';
  candidates tid[];
  number_read bigint;
  removable tid[] := '{}';
BEGIN
  -- Window by window: the first rows may all be referred to.
  LOOP
    candidates := ARRAY(SELECT (r #>> '{}')::tid FROM tenancy_internal.as_owner(removable_rows.leaf, format(
      'SELECT to_jsonb(t.ctid::text) FROM ONLY %s t WHERE %s AND t.ctid > %L ORDER BY t.ctid LIMIT %s',
      removable_rows.leaf, removable_rows.own_rows, last_read, rows_at_once)) r);
    number_read := cardinality(candidates);
    last_read := candidates[number_read];
    FOREACH foreign_key IN ARRAY foreign_keys LOOP
      EXIT WHEN cardinality(candidates) = 0;
      candidates := tenancy_internal.unreferenced_rows(removable_rows.leaf, candidates, foreign_key);
    END LOOP;
    FOREACH foreign_key IN ARRAY other_foreign_keys LOOP
      EXIT WHEN cardinality(candidates) = 0;
      BEGIN
        candidates := tenancy_internal.unreferenced_rows(removable_rows.leaf, candidates, foreign_key);
      EXCEPTION WHEN OTHERS OR assert_failure THEN
        -- Its owner may not be able to read it, or not by this search_path. The foreign key itself is checked in any case.
        NULL;
      END;
    END LOOP;
    IF removable_rows.pass_over AND cardinality(candidates) > 0 THEN
      candidates := ARRAY(SELECT (r #>> '{}')::tid FROM tenancy_internal.as_owner(removable_rows.leaf, format(
        'SELECT to_jsonb(t.ctid::text) FROM ONLY %s t WHERE t.ctid = ANY (%L) AND %s LIMIT %s FOR UPDATE SKIP LOCKED',
        removable_rows.leaf, candidates, removable_rows.own_rows, removable_rows.at_most - cardinality(removable))) r);
    END IF;
    removable := removable || candidates;
    EXIT WHEN cardinality(removable) >= removable_rows.at_most OR number_read < rows_at_once;
  END LOOP;
  RETURN removable[:removable_rows.at_most];
END
$$;
COMMENT ON FUNCTION tenancy_internal.removable_rows(regclass, text, bigint, boolean) IS 'Addresses of at most so many rows of a table or leaf partition that meet a condition and that no row of a protected table refers to; with the fourth argument, no row of any table that keeps them, and that are free, which locks them';

CREATE FUNCTION tenancy_internal.set_reference(schema name, name name, deferred boolean) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_set_reference';
COMMENT ON FUNCTION tenancy_internal.set_reference(name, name, boolean) IS 'Has a foreign key checked at once in this transaction, or at its end; raises 55000 while a constraint of the same name that is no foreign key is still to be checked, since its trigger would run, too';

-- In a security-restricted operation nothing may wait for the end of the transaction. Constraints are named one by one: ALL
-- would also fire other pending triggers.
CREATE FUNCTION tenancy_internal.check_references_at(leaf regclass, mode text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.set_reference(n.nspname, k.conname, check_references_at.mode = 'DEFERRED')
  FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
  WHERE k.contype = 'f' AND k.condeferred
    AND (check_references_at.leaf IN (k.conrelid, k.confrelid)
         OR k.confrelid IN (SELECT a.relid FROM pg_partition_ancestors(check_references_at.leaf) a));
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_references_at(regclass, text) IS 'Has foreign keys from and to a table that are initially deferred checked IMMEDIATE, or DEFERRED again, in this transaction';

-- Referring tables come before these, so that one pass is enough; in a cycle any order works, with several passes.
CREATE FUNCTION tenancy_internal.tables_by_references() RETURNS SETOF tenancy.protected_tables
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH RECURSIVE tables AS (
    SELECT t.relation FROM tenancy_internal.tables_with_rows() t
  ), reference AS (
    SELECT DISTINCT coalesce(pg_partition_root(k.conrelid), k.conrelid)::oid AS referring,
                    coalesce(pg_partition_root(k.confrelid), k.confrelid)::oid AS referred
    FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid <> k.confrelid
  ), distance AS (
    SELECT t.relation::oid AS relid, 0 AS steps FROM tables t
    UNION
    SELECT r.referred, d.steps + 1 FROM distance d JOIN reference r ON r.referring = d.relid
    WHERE r.referred <> r.referring AND d.steps < (SELECT count(*) FROM tables)
  )
  SELECT t.* FROM tenancy_internal.tables_with_rows() t
  ORDER BY (SELECT max(d.steps) FROM distance d WHERE d.relid = t.relation), t.relation::text
$$;
COMMENT ON FUNCTION tenancy_internal.tables_by_references() IS 'tables_with_rows(), those first that refer to others by foreign keys';

-- By address and not by key, since a table need not have one; the addresses are those of one table, hence the leaves.
CREATE FUNCTION tenancy_internal.remove_rows(purged tenancy.protected_tables, own_rows text, at_most bigint, pass_over boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  most_of_batch CONSTANT bigint := 10000;
  leaf regclass;
  in_batch bigint;
  in_all bigint := 0;
BEGIN
  PERFORM tenancy_internal.check_intact(remove_rows.purged.relation);
  FOR leaf IN
    SELECT c.oid FROM pg_class c
    WHERE c.relkind = 'r' AND (c.oid = remove_rows.purged.relation
      OR c.oid IN (SELECT p.relid FROM pg_partition_tree(remove_rows.purged.relation) p))
    ORDER BY c.oid::regclass::text LOOP
    CONTINUE WHEN tenancy_internal.lock_tables(ARRAY[leaf], 'row exclusive', true) = '{}';
    PERFORM tenancy_internal.check_references_at(leaf, 'IMMEDIATE');
    LOOP
      in_batch := (SELECT r::bigint FROM tenancy_internal.as_owner(leaf, format(
        -- A place is one in each shard, where Citus distributes the table.
        'DELETE FROM ONLY %s t WHERE t.ctid = ANY (%L) AND %s',
        leaf, tenancy_internal.removable_rows(leaf, remove_rows.own_rows, least(most_of_batch, remove_rows.at_most - in_all), remove_rows.pass_over),
        remove_rows.own_rows)) r);
      EXIT WHEN in_batch = 0;
      in_all := in_all + in_batch;
      PERFORM tenancy_steps.notice(format('rows removed from table %s: %s', leaf, in_batch));
    END LOOP;
    PERFORM tenancy_internal.check_references_at(leaf, 'DEFERRED');
  END LOOP;
  RETURN in_all;
END
$$;
COMMENT ON FUNCTION tenancy_internal.remove_rows(tenancy.protected_tables, text, bigint, boolean) IS 'Removes rows that meet a condition from one table, at most so many, that nothing refers to, and, with the fourth argument, that open transactions do not hold; returns how many';

CREATE FUNCTION tenancy_internal.purge_table(purged tenancy.protected_tables, organization_id uuid, at_most bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RETURN tenancy_internal.remove_rows(purge_table.purged,
    (tenancy_internal.organization_conditions(purge_table.purged, purge_table.organization_id)).own, purge_table.at_most);
END
$$;
COMMENT ON FUNCTION tenancy_internal.purge_table(tenancy.protected_tables, uuid, bigint) IS 'Removes rows of an organization from one table, at most so many, that nothing refers to; returns how many';

CREATE FUNCTION tenancy_internal.finish_purge(organization_id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  purged tenancy.protected_tables;
  condition record;
  any_left boolean;
  disputed bigint;
BEGIN
  FOR purged IN SELECT * FROM tenancy_internal.tables_by_references() LOOP
    condition := tenancy_internal.organization_conditions(purged, finish_purge.organization_id);
    any_left := (SELECT r::boolean FROM tenancy_internal.as_owner(purged.relation, format(
      'SELECT to_jsonb(EXISTS (SELECT 1 FROM %s t WHERE %s))', tenancy_internal.from_clause_for(purged.relation), condition.own)) r);
    IF any_left THEN
      RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation', TABLE = purged.relation::text,
        MESSAGE = format('rows of the organization in table %s cannot be removed', purged.relation),
        DETAIL = 'Rows that are not the organization''s refer to them, or they refer to each other in a circle, or a trigger keeps them.',
        HINT = 'Remove what refers to them, then go on with the same call.';
    END IF;
    disputed := (SELECT r::bigint FROM tenancy_internal.as_owner(purged.relation, format(
      'SELECT to_jsonb(count(*)) FROM %s t WHERE %s', tenancy_internal.from_clause_for(purged.relation), condition.disputed)) r);
    IF disputed > 0 THEN
      PERFORM tenancy_steps.warning(format('rows left in table %s: %s', purged.relation, disputed),
        detail => 'They name the organization together with a workspace of another.');
    END IF;
  END LOOP;
  PERFORM tenancy_internal.report_unrecorded_tables(NULL);
  DELETE FROM tenancy.organizations o WHERE o.organization_id = finish_purge.organization_id;
END
$$;
COMMENT ON FUNCTION tenancy_internal.finish_purge(uuid) IS 'Removes an organization from the catalogs once it has no rows left, or raises 23503; warns of rows that name another''s workspace, and of tables that are not on record';

CREATE FUNCTION tenancy.purge_organization(organization text, at_most bigint DEFAULT NULL)
RETURNS TABLE (relation regclass, removed bigint)
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid;
  budget bigint := coalesce(purge_organization.at_most, 9223372036854775807);
  held regclass[];
  tables regclass[];
  counts bigint[];
  purged tenancy.protected_tables;
  in_table bigint;
  in_round bigint;
  waited boolean := false;
BEGIN
  the_organization := tenancy.close_organization(purge_organization.organization);
  -- With the organization locked
  PERFORM tenancy_internal.check_not_held(the_organization), tenancy_internal.require_latest_rows('purge_organization()');
  IF budget < 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the number of rows must be positive';
  END IF;
  -- Purges take turns: each waits for writers, and is a writer itself.
  LOCK TABLE tenancy.organizations IN SHARE UPDATE EXCLUSIVE MODE;
  held := ARRAY(SELECT t.relation::regclass FROM tenancy_internal.lock_tables_with_rows(NULL, 'row exclusive') t);
  SELECT coalesce(array_agg(t.relation::regclass), '{}'), coalesce(array_agg(0), '{}') INTO tables, counts
  FROM tenancy_internal.tables_by_references() t WHERE t.relation = ANY (held);
  LOOP
    in_round := 0;
    FOR purged IN SELECT * FROM tenancy_internal.tables_by_references() t WHERE t.relation = ANY (held) LOOP
      EXIT WHEN budget = 0;
      in_table := tenancy_internal.purge_table(purged, the_organization, budget);
      budget := budget - in_table;
      in_round := in_round + in_table;
      counts[array_position(tables, purged.relation)] := counts[array_position(tables, purged.relation)] + in_table;
    END LOOP;
    EXIT WHEN budget = 0 OR in_round = 0 AND waited;
    -- Uncommitted transactions may have written rows of the organization.
    IF in_round = 0 THEN
      PERFORM tenancy_internal.wait_for_writers_of(held);
      waited := true;
    END IF;
  END LOOP;
  IF EXISTS (SELECT FROM unnest(counts) c WHERE c > 0) THEN
    PERFORM tenancy_internal.add_audit_entry('purge', 'organization', the_organization::text, the_organization,
      after => (SELECT jsonb_object_agg(u.t::text, u.c) FROM unnest(tables, counts) u (t, c) WHERE u.c > 0));
  END IF;
  IF budget > 0 THEN
    PERFORM tenancy_internal.finish_purge(the_organization);
  END IF;
  RETURN QUERY SELECT u.t, u.c FROM unnest(tables, counts) WITH ORDINALITY u (t, c, n) ORDER BY u.n;
END
$$;
COMMENT ON FUNCTION tenancy.purge_organization(text, bigint) IS 'For a DBA: removes an organization for good: closes it, then deletes its rows in protected tables (at most so many in this call), and with the call that leaves none, the organization itself; returns the rows removed per table; audit entries stay, see purge_audit_log(); waits for transactions that have written to protected tables, see wait_for_writers(), but not for those that begin before it is committed, see purge_organization_in_batches(); each table is worked on as its owner, with its triggers; 23503 while rows of others refer to its rows, 55000 for a table that is no longer as protect() made it';

CREATE FUNCTION tenancy_steps.purge_is_possible(organization text) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.check_not_held(tenancy_internal.resolve_organization_for_dba(purge_is_possible.organization));
  PERFORM tenancy_internal.report_unrecorded_tables(NULL);
END
$$;
COMMENT ON FUNCTION tenancy_steps.purge_is_possible(text) IS 'For a DBA: a part of purge_organization_in_batches(): raises 55000 while a legal hold keeps rows of the organization, and warns of tables that are not on record, before access ends';

-- Each transaction begins by pinning search_path. The procedure itself cannot: a SET clause would prevent COMMIT.
CREATE PROCEDURE tenancy.purge_organization_in_batches(organization text, batch_size bigint DEFAULT 10000)
LANGUAGE plpgsql AS $$
DECLARE
  the_organization pg_catalog.uuid;
BEGIN
  SET LOCAL search_path = pg_catalog, tenancy, pg_temp;
  PERFORM tenancy_steps.purge_is_possible(purge_organization_in_batches.organization);
  COMMIT;
  CALL tenancy.close_organization_in_batches(purge_organization_in_batches.organization);
  SET LOCAL search_path = pg_catalog, tenancy, pg_temp;
  the_organization := tenancy.close_organization(purge_organization_in_batches.organization);
  COMMIT;
  -- Transactions begun while the organization was open could still add rows. No lock is held meanwhile.
  SET LOCAL search_path = pg_catalog, tenancy, pg_temp;
  PERFORM tenancy.wait_for_writers();
  COMMIT;
  LOOP
    SET LOCAL search_path = pg_catalog, tenancy, pg_temp;
    EXIT WHEN NOT EXISTS (SELECT FROM tenancy.organizations o WHERE o.organization_id = the_organization);
    PERFORM FROM tenancy.purge_organization(the_organization::text, purge_organization_in_batches.batch_size);
    COMMIT;
  END LOOP;
END
$$;
COMMENT ON PROCEDURE tenancy.purge_organization_in_batches(text, bigint) IS 'For a DBA: the same, in transactions of so many rows each, after waiting for transactions that had written before the organization was closed; stopped anywhere, it goes on where it was when called again';
