-- Work on all protected tables, concurrent with DDL and with writers.

CREATE FUNCTION tenancy_internal.lock_tables(relations regclass[], mode text, wait boolean) RETURNS regclass[]
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_hold_tables';
COMMENT ON FUNCTION tenancy_internal.lock_tables(regclass[], text, boolean) IS 'Locks tables until the end of the transaction ("access share", "row exclusive", "share update exclusive"), waiting for none while it holds another, and returns those that still exist; without the third argument those that others have locked are left out';

CREATE FUNCTION tenancy_internal.schema_of(relation regclass) RETURNS oid
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_schema_of';
COMMENT ON FUNCTION tenancy_internal.schema_of(regclass) IS 'The schema in which a table is now, whatever the transaction''s snapshot is';

CREATE FUNCTION tenancy_internal.owner_of(relation regclass) RETURNS regrole
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_owner_of';
COMMENT ON FUNCTION tenancy_internal.owner_of(regclass) IS 'The owner of a relation now, whatever the transaction''s snapshot is; NULL where there is none';

CREATE FUNCTION tenancy_internal.keep_schemas(schemas oid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  kept bigint;
BEGIN
  -- Which a new name waits for, and GRANT or another owner does not.
  PERFORM FROM pg_namespace n WHERE n.oid = ANY (keep_schemas.schemas) ORDER BY n.oid FOR KEY SHARE;
  GET DIAGNOSTICS kept = ROW_COUNT;
  IF kept < cardinality(keep_schemas.schemas) THEN
    RAISE EXCEPTION USING ERRCODE = 'serialization_failure', MESSAGE = 'could not serialize access due to concurrent change of schemas';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.keep_schemas(oid[]) IS 'Has schemas, each named once, keep their names until the end of the transaction; 40001 where an old snapshot does not show one';

-- Statements on users' tables name them by schema, and the extension's owner may use any table that has got a name meanwhile. Owners
-- of schemas cannot give one another's name while its row is locked; tables that are locked stay in their schemas, and get no
-- children.
CREATE FUNCTION tenancy_internal.keep_name(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.lock_tables(ARRAY[keep_name.relation], 'share update exclusive', true);
  PERFORM tenancy_internal.keep_schemas(ARRAY[tenancy_internal.schema_of(keep_name.relation)]);
END
$$;
COMMENT ON FUNCTION tenancy_internal.keep_name(regclass) IS 'Locks a table, and has its schema keep its name, until the end of the transaction, so that the table''s name goes on meaning it';

CREATE FUNCTION tenancy_internal.keep_names(relation regclass, mode text, further name DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  joined regclass[];
  family regclass[] := '{}';
  referenced regclass[];
BEGIN
  LOOP
    joined := ARRAY(SELECT f FROM tenancy_internal.family_of(keep_names.relation) f WHERE f <> ALL (family));
    EXIT WHEN joined = '{}';
    family := family || joined;
    PERFORM tenancy_internal.lock_tables(joined, keep_names.mode, true);
  END LOOP;
  PERFORM tenancy_internal.require_current('{pg_inherits,pg_constraint,tenancy.protected_tables,tenancy.protected_names,tenancy_internal.kept_tables}');
  referenced := ARRAY(SELECT DISTINCT k.confrelid::regclass FROM pg_constraint k
                      WHERE k.contype = 'f' AND k.conrelid = ANY (family) AND k.confrelid <> ALL (family));
  PERFORM tenancy_internal.lock_tables(referenced, 'access share', true);
  PERFORM tenancy_internal.keep_schemas(ARRAY(SELECT DISTINCT tenancy_internal.schema_of(m) FROM unnest(family || referenced) m));
  -- By its name: the one that has it once whoever renames it has committed.
  PERFORM FROM pg_namespace n WHERE n.nspname = keep_names.further FOR KEY SHARE;
END
$$;
COMMENT ON FUNCTION tenancy_internal.keep_names(regclass, text, name) IS 'keep_name() of a table, its partitions and children, and the tables that they refer to, and of a further schema; mode: the lock, as for lock_tables(), on the table, its partitions and children';

-- The extension's owner could go on where PostgreSQL would ask whose a partition or child is; and it can become somebody else's while its
-- lock is waited for.
CREATE FUNCTION tenancy_internal.keep_own(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.keep_names(keep_own.relation, 'share update exclusive');
  PERFORM tenancy_internal.check_owner(f) FROM tenancy_internal.family_of(keep_own.relation) f;
END
$$;
COMMENT ON FUNCTION tenancy_internal.keep_own(regclass) IS 'keep_names() of a table that is to be changed with its partitions and children; 42501 unless the caller owns all of them';

-- The server evaluates constant parts of a partition key as whoever loads the table first, as making a trigger for rows does. Those
-- statements are ours. A function is judged by no owner: those of extensions, whose owner is a superuser, call what their arguments' types
-- have, such as the checks of domains in a row type.
CREATE FUNCTION tenancy_internal.check_partition_keys(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  members CONSTANT oid[] := ARRAY(SELECT f FROM tenancy_internal.family_of(check_partition_keys.relation) f
                                  UNION SELECT a.relid FROM pg_partition_ancestors(check_partition_keys.relation) a (relid));
  code record;
BEGIN
  IF EXISTS (SELECT FROM unnest(members) m WHERE pg_get_partkeydef(m) IS NOT NULL AND NOT EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partrelid = m)) THEN
    RAISE EXCEPTION USING ERRCODE = 'serialization_failure', MESSAGE = 'could not serialize access due to concurrent change of partitions';
  END IF;
  -- Dependencies on built-in objects are not recorded. A typed table depends on its own type; and enumerations have no code.
  SELECT c.oid::regclass AS relation, pg_describe_object(d.refclassid, d.refobjid, 0) AS object INTO code
  FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid JOIN pg_roles r ON r.oid = c.relowner
  JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'n'
  LEFT JOIN pg_type t ON d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid
  WHERE c.oid = ANY (members) AND p.partexprs IS NOT NULL AND NOT r.rolsuper
    AND d.refclassid NOT IN ('pg_class'::regclass, 'pg_collation'::regclass, 'pg_am'::regclass, 'pg_namespace'::regclass, 'pg_opclass'::regclass)
    AND NOT coalesce(t.oid = c.reloftype OR t.typtype = 'e', false)
  ORDER BY c.oid, d.refclassid, d.refobjid LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
      MESSAGE = format('partition key of table %s needs more than what is built in', code.relation),
      DETAIL = format('Code could run with the rights of pg_tenancy: %s.', code.object),
      HINT = 'Partition by a column, or by built-in functions of columns.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_partition_keys(regclass) IS 'Raises 0A000 where the partition key of a table, its partitions and children, or of what it is a partition of, has a function, operator or type that is not built in, unless a superuser owns that table; 40001 where an old snapshot does not show one';

CREATE FUNCTION tenancy_internal.require_current(relations regclass[]) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_require_current';
COMMENT ON FUNCTION tenancy_internal.require_current(regclass[]) IS 'Raises 40001 where the transaction has an old snapshot, and other sessions have changed these tables since';

CREATE FUNCTION tenancy_internal.wait_for_transaction(virtual_transaction text) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_wait_for_transaction';
COMMENT ON FUNCTION tenancy_internal.wait_for_transaction(text) IS 'Waits until a transaction, as pg_locks names it, has ended';

-- A partition whose DETACH ... CONCURRENTLY was stopped in the middle still is one, but queries of its parent leave it out, as does
-- pg_partition_tree().
CREATE FUNCTION tenancy_internal.is_seen_by_parent(relation regclass) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT c.relispartition AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid AND NOT i.inhdetachpending)
  FROM pg_class c WHERE c.oid = is_seen_by_parent.relation
$$;
COMMENT ON FUNCTION tenancy_internal.is_seen_by_parent(regclass) IS 'Whether a table is a partition whose rows a query of its partitioned table returns';

-- Rows of partitions count as their partitioned table's; inheritance children have columns of their own.
CREATE FUNCTION tenancy_internal.tables_with_rows(within regclass DEFAULT NULL) RETURNS SETOF tenancy.protected_tables
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH chosen AS (
    SELECT t.* FROM tenancy.protected_tables t
    WHERE tables_with_rows.within IS NULL OR t.relation IN (SELECT tenancy_internal.family_of(tables_with_rows.within))
  )
  SELECT t.* FROM chosen t JOIN pg_class c ON c.oid = t.relation
  WHERE NOT (c.relispartition AND tenancy_internal.is_seen_by_parent(t.relation) AND EXISTS (
    SELECT FROM pg_inherits i JOIN chosen p ON p.relation = i.inhparent WHERE i.inhrelid = t.relation))
$$;
COMMENT ON FUNCTION tenancy_internal.tables_with_rows(regclass) IS 'Protected tables (NULL: all, else the table and what is below it) without those partitions of them that their queries return';

-- By the marks that protection leaves: a policy, or the name. A table without its record was restored by itself, took the place of another, or
-- is a copy. No error: whoever may create a table would keep organizations from being removed.
CREATE FUNCTION tenancy_internal.report_unrecorded_tables(within regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  unrecorded text := (
    SELECT string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid::regclass::text) FROM pg_class c
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT tenancy_internal.is_seen_by_parent(c.oid)
      AND (report_unrecorded_tables.within IS NULL OR c.oid IN (SELECT tenancy_internal.family_of(report_unrecorded_tables.within)))
      AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = c.oid)
      AND (EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname IN ('tenancy_select', 'tenancy_closed'))
           OR (tenancy_internal.remembered_name(c.oid)).table_name IS NOT NULL)
      AND NOT tenancy_internal.is_part_of_other_node(c.oid));
BEGIN
  IF unrecorded IS NOT NULL THEN
    PERFORM tenancy_steps.warning(format('tables left out, which are not recorded as protected: %s', unrecorded),
      detail => 'Their rows stay as they are.',
      hint => 'Protect these tables, or forget their names; tenancy.advise() says how.');
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.report_unrecorded_tables(regclass) IS 'Raises a WARNING that names tables (NULL: all, else the table and what is below it) with policies or the name of a protected one that tenancy.protected_tables does not know';

CREATE FUNCTION tenancy_internal.from_clause_for(relation regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT format('%s%s', CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END, from_clause_for.relation) FROM pg_class c
    WHERE c.oid = from_clause_for.relation
$$;
COMMENT ON FUNCTION tenancy_internal.from_clause_for(regclass) IS 'A table for FROM: with its partitions, without its inheritance children';

-- Partitioned tables come first, since DDL locks these before their partitions. The next pass finds tables created or attached
-- meanwhile; a locked table can be neither dropped nor attached.
CREATE FUNCTION tenancy_internal.lock_tables_with_rows(within regclass, mode text) RETURNS SETOF tenancy.protected_tables
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  wanted regclass[];
  tried regclass[] := '{}';
  held regclass[] := '{}';
BEGIN
  LOOP
    wanted := ARRAY(SELECT t.relation::regclass FROM tenancy_internal.tables_with_rows(lock_tables_with_rows.within) t JOIN pg_class c ON c.oid = t.relation
                    WHERE t.relation <> ALL (tried)
                    ORDER BY c.relkind = 'p' DESC, EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid), c.oid);
    EXIT WHEN wanted = '{}';
    tried := tried || wanted;
    held := held || tenancy_internal.lock_tables(wanted, lock_tables_with_rows.mode, true);
  END LOOP;
  RETURN QUERY SELECT t.* FROM tenancy_internal.tables_with_rows(lock_tables_with_rows.within) t WHERE t.relation = ANY (held) ORDER BY t.relation::text;
END
$$;
COMMENT ON FUNCTION tenancy_internal.lock_tables_with_rows(regclass, text) IS 'tables_with_rows(), locked until the end of the transaction';

-- The type json holds what jsonb cannot: \u0000, halves of surrogate pairs, numbers beyond numeric. One such value of a tenant is no
-- reason to have none of its rows.
CREATE FUNCTION tenancy_steps.as_jsonb(value anyelement) RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RETURN to_jsonb(as_jsonb.value);
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
  RETURN to_jsonb(as_jsonb.value::text);
END
$$;
COMMENT ON FUNCTION tenancy_steps.as_jsonb(anyelement) IS 'A value as jsonb, or its text where that cannot hold it';

-- Columns of built-in types other than json need no such care.
CREATE FUNCTION tenancy_internal.columns_as_jsonb(relation regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT string_agg(format(CASE WHEN a.atttypid IN ('json'::regtype, 'json[]'::regtype) OR a.atttypid >= 16384
                                THEN 'tenancy_steps.as_jsonb(t.%1$I) AS %1$I' ELSE 't.%1$I' END, a.attname), ', ' ORDER BY a.attnum)
  FROM pg_attribute a WHERE a.attrelid = columns_as_jsonb.relation AND a.attnum > 0 AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION tenancy_internal.columns_as_jsonb(regclass) IS 'The columns of a table t as SQL, each as to_jsonb() can take it';

-- Waits as CREATE INDEX CONCURRENTLY does, without blocking other sessions; but not for VACUUM and the like, which write no
-- rows.
CREATE FUNCTION tenancy_internal.wait_for_writers_of(relations regclass[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  writer text;
  is_reported boolean := false;
BEGIN
  FOR writer IN
    SELECT DISTINCT l.virtualtransaction FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE d.datname = current_database() AND l.locktype = 'relation' AND l.mode = 'RowExclusiveLock' AND l.granted
      AND l.pid IS DISTINCT FROM pg_backend_pid()
      AND l.relation IN (SELECT f::oid FROM unnest(wait_for_writers_of.relations) r, tenancy_internal.family_of(r) f) LOOP
    IF NOT is_reported THEN
      PERFORM tenancy_steps.notice('waiting for transactions that have written to protected tables');
      is_reported := true;
    END IF;
    PERFORM tenancy_internal.wait_for_transaction(writer);
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.wait_for_writers_of(regclass[]) IS 'Waits until the transactions that have written to tables, or are about to, have ended';

CREATE FUNCTION tenancy.wait_for_writers() RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.require_dba();
  PERFORM tenancy_internal.wait_for_writers_of(ARRAY(SELECT t.relation::regclass FROM tenancy.protected_tables t));
END
$$;
COMMENT ON FUNCTION tenancy.wait_for_writers() IS 'For a DBA: waits until all transactions have ended that have written to protected tables so far, of any tenant; later ones are not waited for, and see all changes of rights committed before the call; lock_timeout limits each wait';

CREATE FUNCTION tenancy_internal.check_without_rows(workspace tenancy.workspaces) RETURNS regclass[]
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  protected_table record;
  holds_rows boolean;
  looked_at regclass[] := '{}';
BEGIN
  FOR protected_table IN
    SELECT t.relation::regclass AS relation, t.workspace_column, tenancy_internal.base_type(a.atttypid) = 'uuid'::regtype AS is_uuid
    FROM tenancy_internal.lock_tables_with_rows(NULL, 'access share') t JOIN pg_attribute a ON a.attrelid = t.relation AND a.attname = t.workspace_column
    WHERE NOT a.attisdropped ORDER BY t.relation::text LOOP
    looked_at := looked_at || protected_table.relation;
    holds_rows := (SELECT r::boolean FROM tenancy_internal.as_owner(protected_table.relation, format(
      CASE WHEN protected_table.is_uuid THEN 'SELECT to_jsonb(EXISTS (SELECT 1 FROM %s WHERE %I = %L::uuid))'
                                        ELSE 'SELECT to_jsonb(EXISTS (SELECT 1 FROM %s WHERE %I::text = %L))' END,
      tenancy_internal.from_clause_for(protected_table.relation), protected_table.workspace_column,
      CASE WHEN protected_table.is_uuid THEN (check_without_rows.workspace).workspace_id::text ELSE (check_without_rows.workspace).external_id::text END)) r);
    IF holds_rows THEN
      RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
        MESSAGE = format('workspace "%s" still has rows in table %s', (check_without_rows.workspace).slug, protected_table.relation),
        HINT = 'Delete or move these rows first; with_rows => true removes those that are its alone.';
    END IF;
  END LOOP;
  RETURN looked_at;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_without_rows(tenancy.workspaces) IS 'Raises 55000 while a protected table holds rows of the workspace, and returns the tables that could hold some; keeps them from being dropped or attached';

-- Rows that name another organization together with the workspace are not the workspace's alone, and keep it.
CREATE FUNCTION tenancy_internal.remove_workspace_rows(workspace tenancy.workspaces, tables regclass[]) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  protected_table tenancy.protected_tables;
  gone CONSTANT tenancy.workspaces := remove_workspace_rows.workspace;
  counts jsonb := '{}';
  in_table bigint;
  in_round bigint;
BEGIN
  LOOP
    in_round := 0;
    FOR protected_table IN SELECT * FROM tenancy_internal.tables_by_references() t WHERE t.relation = ANY (remove_workspace_rows.tables) LOOP
      SELECT tenancy_internal.remove_rows(protected_table, concat_ws(' AND ',
          tenancy_internal.id_condition(t.relation, t.workspace_column, ARRAY[gone.workspace_id], array_remove(ARRAY[gone.external_id::text], NULL)),
          CASE WHEN t.organization_column IS NOT NULL THEN
            format('(t.%1$I IS NULL OR %2$s)', t.organization_column,
                   tenancy_internal.id_condition(t.relation, t.organization_column, ARRAY[o.organization_id], array_remove(ARRAY[o.external_id::text], NULL))) END),
        9223372036854775807)
      INTO in_table FROM tenancy.protected_tables t, tenancy.organizations o
      WHERE t.relation = protected_table.relation AND o.organization_id = gone.organization_id;
      in_table := coalesce(in_table, 0);  -- the organization has gone
      in_round := in_round + in_table;
      counts := counts || jsonb_build_object(protected_table.relation::text,
                                             coalesce((counts ->> protected_table.relation::text)::bigint, 0) + in_table);
    END LOOP;
    EXIT WHEN in_round = 0;
  END LOOP;
  RETURN counts;
END
$$;
COMMENT ON FUNCTION tenancy_internal.remove_workspace_rows(tenancy.workspaces, regclass[]) IS 'Removes the rows of a workspace from tables, and returns how many from each';

CREATE FUNCTION tenancy_internal.tables_by_workspace() RETURNS regclass[]
LANGUAGE sql SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT coalesce(array_agg(t.relation::regclass), '{}') FROM tenancy_internal.lock_tables_with_rows(NULL, 'row exclusive') t
  WHERE t.workspace_column IS NOT NULL
$$;
COMMENT ON FUNCTION tenancy_internal.tables_by_workspace() IS 'Protected tables whose rows name workspaces, locked for deletion';

-- Rows that no principal can delete one by one, such as logs, go with the workspace only by a right on the organization: the
-- workspace's own administrators cannot remove evidence by removing the workspace.
CREATE FUNCTION tenancy_internal.require_removal_of_rows(workspace tenancy.workspaces) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  needed record;
BEGIN
  PERFORM tenancy_internal.require_permission((require_removal_of_rows.workspace).organization_id, NULL, 'organization', 'update');
  FOR needed IN
    SELECT DISTINCT t.resource FROM tenancy.protected_tables t JOIN tenancy.permissions p ON p.resource = t.resource AND p.action = 'delete'
    WHERE t.workspace_column IS NOT NULL ORDER BY t.resource LOOP
    PERFORM tenancy_internal.require_permission((require_removal_of_rows.workspace).organization_id,
                                                (require_removal_of_rows.workspace).workspace_id, needed.resource, 'delete');
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_removal_of_rows(tenancy.workspaces) IS 'Raises 42501 unless the caller may update the organization and delete what can be deleted in the workspace';

CREATE FUNCTION tenancy.delete_workspace(workspace text, with_rows boolean DEFAULT false) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  gone tenancy.workspaces;
  tables regclass[];
  counts jsonb;
  late jsonb;
BEGIN
  gone := tenancy_internal.resolve_changed_workspace(delete_workspace.workspace, 'workspaces', 'delete');
  PERFORM tenancy_internal.require_permission(gone.organization_id, gone.workspace_id, 'workspaces', 'delete');
  IF delete_workspace.with_rows THEN
    PERFORM tenancy_internal.require_removal_of_rows(gone);
  END IF;
  PERFORM tenancy_internal.check_not_held(gone.organization_id, gone.workspace_id), tenancy_internal.report_unrecorded_tables(NULL),
          tenancy_internal.require_latest_rows('delete_workspace()');
  PERFORM FROM tenancy.workspaces w WHERE w.workspace_id = gone.workspace_id FOR UPDATE;
  IF gone.is_default THEN
    DELETE FROM tenancy.workspaces w WHERE w.workspace_id = gone.workspace_id;  -- raises the error before any work is done
  END IF;
  IF delete_workspace.with_rows THEN
    tables := tenancy_internal.tables_by_workspace();
    counts := tenancy_internal.remove_workspace_rows(gone, tables);
  END IF;
  tables := tenancy_internal.check_without_rows(gone);
  DELETE FROM tenancy.workspaces w WHERE w.workspace_id = gone.workspace_id;
  -- Waits as a foreign key would: uncommitted rows may belong to the workspace.
  PERFORM tenancy_internal.wait_for_writers_of(tables);
  IF delete_workspace.with_rows THEN
    late := tenancy_internal.remove_workspace_rows(gone, tables);
    SELECT jsonb_object_agg(c.key, c.rows) INTO counts
    FROM (SELECT e.key, sum(e.value::bigint) FROM (SELECT * FROM jsonb_each_text(counts) UNION ALL SELECT * FROM jsonb_each_text(late)) e
          GROUP BY e.key) c (key, rows) WHERE c.rows > 0;
    PERFORM tenancy_internal.add_audit_entry('purge', 'workspace', gone.workspace_id::text, gone.organization_id, gone.workspace_id,
                                             after => coalesce(counts, '{}'));
  END IF;
  PERFORM tenancy_internal.check_without_rows(gone);
END
$$;
COMMENT ON FUNCTION tenancy.delete_workspace(text, boolean) IS 'Deletes a workspace with its memberships, settings and keys; needs workspaces.delete there; waits for transactions that have written to tables whose rows name workspaces (lock_timeout limits each wait); 55000 for the default workspace, and while a protected table still holds rows of it. With with_rows these are removed as well, logs and other append-only ones included, with an audit entry of how many per table; this needs organization.update besides, and the permission to delete what principals can delete. A WARNING names tables that are not recorded as protected, whose rows stay. Commit at once: a row written between this call and the commit would be left without a workspace; advise() finds such rows';
