-- A tenant's rows over all protected tables: handed out, and removed for good.

CREATE FUNCTION tenancy.names_one_of(relation regclass, "column" name, ids uuid[], external_ids text[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- An external id that is no number, or not the number's only spelling, names nothing in a column of numbers.
  SELECT format('t.%I = ANY (%L::%s[])', "column",
    CASE WHEN base.type = 'uuid' THEN ids::text
         WHEN base.type = 'text' THEN external_ids::text
         ELSE (SELECT coalesce(array_agg(e), '{}')::text FROM unnest(external_ids) e
               WHERE CASE WHEN e ~ '^(0|-?[1-9][0-9]{0,18})$'
                          THEN e::numeric BETWEEN base.lowest AND -(base.lowest + 1) ELSE false END) END, base.type)
  FROM pg_attribute a,
  LATERAL (SELECT CASE tenancy.base_type(a.atttypid)
                    WHEN 'uuid'::regtype THEN 'uuid' WHEN 'smallint'::regtype THEN 'smallint'
                    WHEN 'integer'::regtype THEN 'integer' WHEN 'bigint'::regtype THEN 'bigint' ELSE 'text' END) named (type),
  LATERAL (SELECT named.type, CASE named.type WHEN 'smallint' THEN -32768 WHEN 'integer' THEN -2147483648
                                ELSE -9223372036854775808 END::numeric) base (type, lowest)
  WHERE a.attrelid = relation AND a.attname = "column" AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION tenancy.names_one_of(regclass, name, uuid[], text[]) IS 'A condition on table t as SQL: that the column names one of some entities, by id or external id as its type has it; NULL without a column';
REVOKE ALL ON FUNCTION tenancy.names_one_of(regclass, name, uuid[], text[]) FROM PUBLIC;

CREATE FUNCTION tenancy.rows_of_organization(protected_table tenancy.protected_tables, the_organization uuid, OUT own text, OUT disputed text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  t CONSTANT tenancy.protected_tables := protected_table;
  by_organization text;
  by_workspace text;
  by_another text;
BEGIN
  SELECT tenancy.names_one_of(t.relation, t.organization_column, array_agg(o.organization_id), array_remove(array_agg(o.external_id::text), NULL))
  INTO by_organization FROM tenancy.organizations o WHERE o.organization_id = the_organization;
  SELECT tenancy.names_one_of(t.relation, t.workspace_column, coalesce(array_agg(w.workspace_id), '{}'),
                              coalesce(array_remove(array_agg(w.external_id::text), NULL), '{}'))
  INTO by_workspace FROM tenancy.workspaces w WHERE w.organization_id = the_organization;
  IF by_organization IS NULL OR by_workspace IS NULL THEN
    own := coalesce(by_organization, by_workspace);
    disputed := 'false';
    RETURN;
  END IF;
  SELECT format('EXISTS (SELECT FROM tenancy.workspaces w WHERE w.organization_id <> %L AND ', the_organization) ||
         CASE WHEN tenancy.base_type(a.atttypid) = 'uuid'::regtype THEN format('w.workspace_id = t.%I)', a.attname)
              ELSE format('w.external_id = t.%I::text)', a.attname) END
  INTO by_another FROM pg_attribute a WHERE a.attrelid = t.relation AND a.attname = t.workspace_column;
  -- The organization decides. Who says one organization and another's workspace is seen by both, and nobody's to remove.
  own := format('((%s OR t.%I IS NULL AND %s) AND NOT %s)', by_organization, t.organization_column, by_workspace, by_another);
  disputed := format('(%s AND %s)', by_organization, by_another);
END
$$;
COMMENT ON FUNCTION tenancy.rows_of_organization(tenancy.protected_tables, uuid) IS 'Conditions on a protected table t as SQL: rows that are the organization''s own, and rows that name it together with a workspace of another';
REVOKE ALL ON FUNCTION tenancy.rows_of_organization(tenancy.protected_tables, uuid) FROM PUBLIC;

-- Rows of partitions count as their partitioned table's; inheritance children have columns of their own.
CREATE FUNCTION tenancy.tables_with_rows(within regclass DEFAULT NULL) RETURNS SETOF tenancy.protected_tables
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH chosen AS (
    SELECT t.* FROM tenancy.protected_tables t
    WHERE within IS NULL OR t.relation IN (SELECT tenancy.family_of(within))
  )
  SELECT t.* FROM chosen t JOIN pg_class c ON c.oid = t.relation
  WHERE NOT (c.relispartition AND EXISTS (
    SELECT FROM pg_inherits i JOIN chosen p ON p.relation = i.inhparent WHERE i.inhrelid = t.relation))
$$;
COMMENT ON FUNCTION tenancy.tables_with_rows(regclass) IS 'Protected tables (NULL: all, else the table and what is below it) without the partitions of those';
REVOKE ALL ON FUNCTION tenancy.tables_with_rows(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.only_if_plain(relation regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT format('%s%s', CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END, relation) FROM pg_class c WHERE c.oid = relation
$$;
COMMENT ON FUNCTION tenancy.only_if_plain(regclass) IS 'A table for FROM: with its partitions, without its inheritance children';
REVOKE ALL ON FUNCTION tenancy.only_if_plain(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.organization_for_dba(reference text) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy.require_dba();
  IF reference IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'an organization must be given';
  END IF;
  RETURN tenancy.find_organization(reference);
END
$$;
COMMENT ON FUNCTION tenancy.organization_for_dba(text) IS 'Id of the organization that a DBA refers to; 42501 for anybody else, 42704 for none, 22004 for NULL';
REVOKE ALL ON FUNCTION tenancy.organization_for_dba(text) FROM PUBLIC;

-- Export and purge run by the rights of the extension's owner. What others have written must not: it would be a way for a DBA, or
-- for a table's owner, to become a superuser. A superuser who calls runs it anyway, as by any query on such a table. What is looked
-- at is locked, or can't be changed by others: a function could be altered meanwhile, and so it is its owner that counts.
CREATE FUNCTION tenancy.is_superusers(role oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT EXISTS (SELECT FROM pg_roles r WHERE r.oid = role AND r.rolsuper)
$$;
COMMENT ON FUNCTION tenancy.is_superusers(oid) IS 'Whether what the role owns is a superuser''s';
REVOKE ALL ON FUNCTION tenancy.is_superusers(oid) FROM PUBLIC;

CREATE FUNCTION tenancy.refuse_code_of_others(code text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF code IS NOT NULL AND current_setting('is_superuser') <> 'on' THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('%s could run by the rights of the extension''s owner', code),
      DETAIL = 'It is not a superuser''s.', HINT = 'Call this as a superuser, or without it.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.refuse_code_of_others(text) IS 'Raises 42501, unless a superuser calls, when there is such code';
REVOKE ALL ON FUNCTION tenancy.refuse_code_of_others(text) FROM PUBLIC;

CREATE FUNCTION tenancy.code_run_by_delete(leaf regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT min(code) FROM (
    -- Its function, and what its condition calls
    SELECT format('trigger "%s" on table %s', t.tgname, leaf)
    FROM pg_trigger t JOIN pg_depend d ON d.classid = 'pg_trigger'::regclass AND d.objid = t.oid
    LEFT JOIN pg_proc p ON d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid
    LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
    LEFT JOIN pg_type y ON d.refclassid = 'pg_type'::regclass AND y.oid = d.refobjid
    WHERE t.tgrelid = leaf AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 8 <> 0  -- TRIGGER_TYPE_DELETE
      AND NOT tenancy.is_superusers(coalesce(p.proowner, o.oprowner, y.typowner))
      AND coalesce(p.oid, o.oid, y.oid) IS NOT NULL
    UNION ALL
    SELECT format('rule "%s" on table %s', r.rulename, leaf) FROM pg_rewrite r WHERE r.ev_class = leaf AND r.ev_type = '4'  -- CMD_DELETE
  ) found (code)
$$;
COMMENT ON FUNCTION tenancy.code_run_by_delete(regclass) IS 'Of what is not a superuser''s, and would run by the rights of whoever deletes rows of just this table: one thing, in words; NULL: there is none';
REVOKE ALL ON FUNCTION tenancy.code_run_by_delete(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.code_run_by_to_jsonb(relation regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  -- Who owns a type can make a cast to json at any time. Of domains the base type counts.
  WITH RECURSIVE part AS (
    SELECT a.atttypid AS type FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT inner_type FROM part JOIN pg_type t ON t.oid = part.type,
    LATERAL (SELECT t.typbasetype UNION ALL SELECT t.typelem
             UNION ALL SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) p (inner_type)
    WHERE inner_type <> 0
  )
  SELECT min(format('a cast to json of type %s', t.oid::regtype)) FROM part JOIN pg_type t ON t.oid = part.type
  WHERE t.typtype <> 'd' AND t.typcategory <> 'A' AND NOT tenancy.is_superusers(t.typowner)
$$;
COMMENT ON FUNCTION tenancy.code_run_by_to_jsonb(regclass) IS 'Of what is not a superuser''s, and could run when rows of a table are turned into JSON: one thing, in words; NULL: there is none';
REVOKE ALL ON FUNCTION tenancy.code_run_by_to_jsonb(regclass) FROM PUBLIC;

CREATE FUNCTION tenancy.exported_rows(organization text, within regclass) RETURNS TABLE (relation regclass, "row" jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  the_organization uuid := tenancy.organization_for_dba(organization);
  exported tenancy.protected_tables;
  rows_of_table bigint;
  counts jsonb := '{}';
BEGIN
  IF within IS NOT NULL AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = within) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('table %s is not protected', within),
      HINT = 'tenancy.protected_tables lists those that are.';
  END IF;
  FOR exported IN SELECT * FROM tenancy.tables_with_rows(within) t ORDER BY t.relation::text LOOP
    EXECUTE format('LOCK TABLE ONLY %s IN ACCESS SHARE MODE', exported.relation);
    PERFORM tenancy.refuse_code_of_others(tenancy.code_run_by_to_jsonb(exported.relation));
    RETURN QUERY EXECUTE format('SELECT $1, to_jsonb(t) FROM %s t WHERE %s', tenancy.only_if_plain(exported.relation),
                                (tenancy.rows_of_organization(exported, the_organization)).own) USING exported.relation;
    GET DIAGNOSTICS rows_of_table = ROW_COUNT;
    counts := counts || jsonb_build_object(exported.relation::text, rows_of_table);
  END LOOP;
  PERFORM tenancy.add_audit_entry('export', 'organization', the_organization::text, the_organization, after => counts);
END
$$;
COMMENT ON FUNCTION tenancy.exported_rows(text, regclass) IS 'What export_organization() returns';
REVOKE ALL ON FUNCTION tenancy.exported_rows(text, regclass) FROM PUBLIC;

-- In SQL, since in PL/pgSQL an argument and a column can't have the same name.
CREATE FUNCTION tenancy.export_organization(organization text, relation regclass DEFAULT NULL)
RETURNS TABLE (relation regclass, "row" jsonb)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT * FROM tenancy.exported_rows($1, $2)
$$;
COMMENT ON FUNCTION tenancy.export_organization(text, regclass) IS 'For a DBA: all rows of an organization in protected tables, or (the second argument) in one of them with what is below it, each with its table (for a partition, the partitioned table); leaves an audit entry with the numbers of rows; 55000 for a table that isn''t protected, 42501, unless a superuser calls, for a column whose type isn''t a superuser''s, since its owner''s cast to json would run by the rights of the extension''s owner';

CREATE FUNCTION tenancy.close_organization(organization text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  the_organization uuid := tenancy.organization_for_dba(organization);
BEGIN
  -- Two who purge the same organization take turns; and once is enough to tell every session.
  PERFORM FROM tenancy.organizations o WHERE o.organization_id = the_organization FOR UPDATE;
  UPDATE tenancy.organizations o SET closed_at = now() WHERE o.organization_id = the_organization AND o.closed_at IS NULL;
  DELETE FROM tenancy.api_key_secrets s
  WHERE s.api_key_id IN (SELECT k.api_key_id FROM tenancy.api_keys k WHERE k.organization_id = the_organization);
  DELETE FROM tenancy.jwt_keys k WHERE k.organization_id = the_organization;
  DELETE FROM tenancy.organization_members m WHERE m.organization_id = the_organization;
  RETURN the_organization;
END
$$;
COMMENT ON FUNCTION tenancy.close_organization(text) IS 'For a DBA: ends all access to an organization at once and for good, as the first step of its removal: members, secrets of keys, and keys for tokens go, rows stay; returns its id';

-- What must go before a row can: rows of protected tables that refer to it, by whatever foreign key. Those that would go or
-- change along with it (ON DELETE CASCADE …) might be another tenant's. A row that refers to itself stands in nobody's way.
CREATE FUNCTION tenancy.not_referred_to(leaf regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT coalesce(string_agg(format(
    ' AND NOT EXISTS (SELECT FROM %s r WHERE (%s) = (%s) AND (r.tableoid, r.ctid) <> (t.tableoid, t.ctid))',
    tenancy.only_if_plain(k.conrelid),
    (SELECT string_agg(format('r.%I', a.attname), ', ' ORDER BY u.n) FROM unnest(k.conkey) WITH ORDINALITY u (attnum, n)
     JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum),
    (SELECT string_agg(format('t.%I', a.attname), ', ' ORDER BY u.n) FROM unnest(k.confkey) WITH ORDINALITY u (attnum, n)
     JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum)), '' ORDER BY k.oid), '')
  FROM pg_constraint k
  WHERE k.contype = 'f' AND k.conparentid = 0
    AND (k.confrelid = leaf OR k.confrelid IN (SELECT a.relid FROM pg_partition_ancestors(leaf) a))
    AND EXISTS (SELECT FROM tenancy.protected_tables p WHERE p.relation = k.conrelid)
$$;
COMMENT ON FUNCTION tenancy.not_referred_to(regclass) IS 'A condition on table t as SQL, to be added to others: that no other row of a protected table refers to the row';
REVOKE ALL ON FUNCTION tenancy.not_referred_to(regclass) FROM PUBLIC;

-- Tables that refer to others come before these, so that one round does; in a circle any order does, by several rounds.
CREATE FUNCTION tenancy.tables_by_references() RETURNS SETOF tenancy.protected_tables
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH RECURSIVE tables AS (
    SELECT t.relation FROM tenancy.tables_with_rows() t
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
  SELECT t.* FROM tenancy.tables_with_rows() t
  ORDER BY (SELECT max(d.steps) FROM distance d WHERE d.relid = t.relation), t.relation::text
$$;
COMMENT ON FUNCTION tenancy.tables_by_references() IS 'tables_with_rows(), those first that refer to others by foreign keys';
REVOKE ALL ON FUNCTION tenancy.tables_by_references() FROM PUBLIC;

-- By address and not by key, since a table need not have one; the addresses are those of one table, hence the leaves.
CREATE FUNCTION tenancy.purge_table(purged tenancy.protected_tables, organization_id uuid, at_most bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  own_rows CONSTANT text := (tenancy.rows_of_organization(purged, organization_id)).own;
  most_of_batch CONSTANT bigint := 10000;
  leaf regclass;
  in_batch bigint;
  in_all bigint := 0;
BEGIN
  FOR leaf IN
    SELECT c.oid FROM pg_class c
    WHERE c.relkind = 'r' AND (c.oid = purged.relation OR c.oid IN (SELECT p.relid FROM pg_partition_tree(purged.relation) p))
    ORDER BY c.oid::regclass::text LOOP
    EXECUTE format('LOCK TABLE ONLY %s IN ROW EXCLUSIVE MODE', leaf);
    PERFORM tenancy.refuse_code_of_others(tenancy.code_run_by_delete(leaf));
    LOOP
      EXECUTE format('DELETE FROM ONLY %1$s WHERE ctid = ANY (ARRAY(SELECT t.ctid FROM ONLY %1$s t WHERE %2$s%3$s LIMIT $1))',
                     leaf, own_rows, tenancy.not_referred_to(leaf)) USING least(most_of_batch, at_most - in_all);
      GET DIAGNOSTICS in_batch = ROW_COUNT;
      EXIT WHEN in_batch = 0;
      in_all := in_all + in_batch;
      RAISE NOTICE 'rows removed from table %: %', leaf, in_batch;
    END LOOP;
  END LOOP;
  RETURN in_all;
END
$$;
COMMENT ON FUNCTION tenancy.purge_table(tenancy.protected_tables, uuid, bigint) IS 'Removes rows of an organization from one table, at most so many, that nothing refers to; returns how many';
REVOKE ALL ON FUNCTION tenancy.purge_table(tenancy.protected_tables, uuid, bigint) FROM PUBLIC;

CREATE FUNCTION tenancy.finish_purge(organization_id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  purged tenancy.protected_tables;
  condition record;
  any_left boolean;
  disputed bigint;
BEGIN
  FOR purged IN SELECT * FROM tenancy.tables_by_references() LOOP
    condition := tenancy.rows_of_organization(purged, organization_id);
    EXECUTE format('SELECT EXISTS (SELECT FROM %s t WHERE %s)', tenancy.only_if_plain(purged.relation), condition.own) INTO any_left;
    IF any_left THEN
      RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation', TABLE = purged.relation::text,
        MESSAGE = format('rows of the organization in table %s cannot be removed', purged.relation),
        DETAIL = 'Rows that are not the organization''s refer to them, or they refer to each other in a circle, or a trigger keeps them.',
        HINT = 'Remove what refers to them, then go on with the same call.';
    END IF;
    EXECUTE format('SELECT count(*) FROM %s t WHERE %s', tenancy.only_if_plain(purged.relation), condition.disputed) INTO disputed;
    IF disputed > 0 THEN
      RAISE WARNING USING MESSAGE = format('rows left in table %s: %s', purged.relation, disputed),
        DETAIL = 'They name the organization together with a workspace of another.';
    END IF;
  END LOOP;
  DELETE FROM tenancy.organizations o WHERE o.organization_id = organization_id;
END
$$;
COMMENT ON FUNCTION tenancy.finish_purge(uuid) IS 'Removes an organization from the catalogs once it has no rows left, or raises 23503; warns of rows that name another''s workspace';
REVOKE ALL ON FUNCTION tenancy.finish_purge(uuid) FROM PUBLIC;

CREATE FUNCTION tenancy.purge_organization(organization text, at_most bigint DEFAULT NULL)
RETURNS TABLE (relation regclass, removed bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  the_organization uuid := tenancy.close_organization(organization);
  budget bigint := coalesce(at_most, 9223372036854775807);
  tables regclass[];
  counts bigint[];
  purged tenancy.protected_tables;
  in_table bigint;
  in_round bigint;
BEGIN
  IF budget < 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the number of rows must be positive';
  END IF;
  SELECT coalesce(array_agg(t.relation::regclass), '{}'), coalesce(array_agg(0), '{}') INTO tables, counts FROM tenancy.tables_by_references() t;
  LOOP
    in_round := 0;
    FOR purged IN SELECT * FROM tenancy.tables_by_references() LOOP
      EXIT WHEN budget = 0;
      in_table := tenancy.purge_table(purged, the_organization, budget);
      budget := budget - in_table;
      in_round := in_round + in_table;
      counts[array_position(tables, purged.relation)] := counts[array_position(tables, purged.relation)] + in_table;
    END LOOP;
    EXIT WHEN in_round = 0 OR budget = 0;
  END LOOP;
  IF EXISTS (SELECT FROM unnest(counts) c WHERE c > 0) THEN
    PERFORM tenancy.add_audit_entry('purge', 'organization', the_organization::text, the_organization,
      after => (SELECT jsonb_object_agg(u.t::text, u.c) FROM unnest(tables, counts) u (t, c) WHERE u.c > 0));
  END IF;
  IF budget > 0 THEN
    PERFORM tenancy.finish_purge(the_organization);
  END IF;
  RETURN QUERY SELECT u.t, u.c FROM unnest(tables, counts) WITH ORDINALITY u (t, c, n) ORDER BY u.n;
END
$$;
COMMENT ON FUNCTION tenancy.purge_organization(text, bigint) IS 'For a DBA: removes an organization for good: closes it, then deletes its rows in protected tables (at most so many in this call), and with the call that leaves none, the organization itself; returns the rows removed per table; audit entries stay, see purge_audit_log(); 23503 while rows of others refer to its rows, 42501, unless a superuser calls, for a table with a rule, or a trigger that isn''t a superuser''s, which would run by the rights of the extension''s owner';

-- Each transaction begins by pinning search_path, which the procedure itself can't: a SET clause would keep it from COMMIT.
CREATE PROCEDURE tenancy.purge_organization_in_batches(organization text, batch_size bigint DEFAULT 10000)
LANGUAGE plpgsql AS $$
DECLARE
  the_organization uuid;
  closing xid8;
  told boolean := false;
BEGIN
  SET LOCAL search_path = pg_catalog, tenancy, pg_temp;
  the_organization := tenancy.close_organization(organization);
  closing := pg_current_xact_id();
  COMMIT;
  -- What was begun while the organization was open could still add rows.
  LOOP
    SET LOCAL search_path = pg_catalog, tenancy, pg_temp;
    EXIT WHEN pg_snapshot_xmin(pg_current_snapshot()) > closing;
    IF NOT told THEN
      RAISE NOTICE 'waiting for transactions that began before the organization was closed';
      told := true;
    END IF;
    PERFORM pg_sleep(0.1);
    COMMIT;
  END LOOP;
  LOOP
    SET LOCAL search_path = pg_catalog, tenancy, pg_temp;
    EXIT WHEN NOT EXISTS (SELECT FROM tenancy.organizations o WHERE o.organization_id = the_organization);
    PERFORM FROM tenancy.purge_organization(the_organization::text, batch_size);
    COMMIT;
  END LOOP;
END
$$;
COMMENT ON PROCEDURE tenancy.purge_organization_in_batches(text, bigint) IS 'For a DBA: the same, in transactions of so many rows each, after waiting for those that began before; stopped anywhere, it goes on where it was when called again';
