-- The catalogs belong to a superuser, and our functions write them with that superuser's rights. Other roles' triggers on them
-- would run with these rights, and so would casts of other roles' types, with which their foreign keys compare keys of ours. A row that
-- a foreign key removes or changes together with ours is removed as its table's owner; but before PostgreSQL 18 that table's AFTER
-- triggers come later, with the rights of whoever changes ours.
-- GRANT ALL ON ALL TABLES includes the privileges TRIGGER and REFERENCES.

-- In PL/pgSQL, which keeps the plan, since each DDL command calls it.
CREATE FUNCTION tenancy_steps.tables_changed_with(relations oid[]) RETURNS SETOF oid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp SET max_parallel_workers_per_gather = 0 AS $$
BEGIN
  RETURN QUERY WITH RECURSIVE changed AS (
    SELECT f.conrelid FROM pg_constraint f
    WHERE f.contype = 'f' AND f.confrelid = ANY (tables_changed_with.relations) AND (f.confdeltype IN ('c', 'n', 'd') OR f.confupdtype IN ('c', 'n', 'd'))
    UNION
    SELECT f.conrelid FROM changed h JOIN pg_constraint f ON f.confrelid = h.conrelid
    WHERE f.contype = 'f' AND (f.confdeltype IN ('c', 'n', 'd') OR f.confupdtype IN ('c', 'n', 'd')))
  SELECT h.conrelid FROM changed h WHERE h.conrelid <> ALL (tables_changed_with.relations);
END
$$;
COMMENT ON FUNCTION tenancy_steps.tables_changed_with(oid[]) IS 'Other tables whose rows foreign keys remove or change together with rows of these tables, directly or by others';

CREATE FUNCTION tenancy_steps.foreign_code_on_catalogs() RETURNS TABLE (object oid, relation oid, problem text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp
-- Called by each DDL command, under the settings of whoever runs it: parallel workers could be started for each catalog.
SET max_parallel_workers_per_gather = 0 AS $$
  WITH catalogs AS (
    SELECT d.objid AS relid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
    WHERE e.extname = 'pg_tenancy' AND d.deptype = 'e' AND d.classid = 'pg_class'::regclass
  )
  SELECT t.oid, t.tgrelid, format('trigger "%s" on table %s.%s', t.tgname, c.relnamespace::regnamespace, c.relname)
  FROM catalogs k JOIN pg_trigger t ON t.tgrelid = k.relid JOIN pg_class c ON c.oid = k.relid
  WHERE NOT t.tgisinternal AND NOT EXISTS (
    SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_tenancy'
    WHERE d.classid = 'pg_proc'::regclass AND d.objid = t.tgfoid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')
  UNION ALL
  SELECT f.oid, f.conrelid, format('foreign key "%s" of table %s', f.conname, f.conrelid::regclass)
  FROM catalogs k JOIN pg_constraint f ON f.confrelid = k.relid AND f.contype = 'f'
  WHERE EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = f.conrelid AND a.attnum = ANY (f.conkey)
                  AND a.atttypid >= 16384)  -- FirstNormalObjectId: not built in
  UNION ALL
  SELECT t.oid, t.tgrelid, format('trigger "%s" on table %s, which changes together with tables of pg_tenancy', t.tgname, t.tgrelid::regclass)
  FROM tenancy_steps.tables_changed_with(ARRAY(SELECT k.relid FROM catalogs k)) h JOIN pg_trigger t ON t.tgrelid = h JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_roles o ON o.oid = p.proowner
  -- AFTER UPDATE or DELETE, or INSERT of a row that moves to another partition, with a function that somebody else can replace
  WHERE NOT t.tgisinternal AND (t.tgtype::integer & 2) = 0
    AND (t.tgtype::integer & CASE WHEN (SELECT c.relispartition FROM pg_class c WHERE c.oid = h) THEN 28 ELSE 24 END) <> 0
    AND NOT (o.rolsuper AND (t.tgnargs = 0 AND t.tgqual IS NULL OR p.pronamespace::regnamespace::text IN ('tenancy', 'tenancy_internal')))
$$;
COMMENT ON FUNCTION tenancy_steps.foreign_code_on_catalogs() IS 'Triggers on the extension''s tables that are not its own, foreign keys that refer to them by a column whose type is not built in, and AFTER triggers of others on tables that foreign keys change together with them';

CREATE FUNCTION tenancy_internal.refuse_foreign_code() RETURNS event_trigger
LANGUAGE tenancy_unit SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  problem text;
BEGIN
  -- Of superusers as well: the module itself writes this table, and keeps no such index.
  IF EXISTS (SELECT FROM pg_index i JOIN pg_event_trigger_ddl_commands() c ON c.classid = 'pg_class'::regclass AND c.objid IN (i.indexrelid, i.indrelid)
             WHERE i.indrelid = to_regclass('tenancy.api_key_secrets') AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL OR i.indisexclusion)
               AND NOT c.in_extension) THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = 'table tenancy.api_key_secrets cannot have an index on expressions or of a part of its rows',
      HINT = 'Use an index on columns. One that was built concurrently has to be dropped.';
  END IF;
  IF (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user) THEN
    RETURN;
  END IF;
  -- By the relations touched, not by the command's name: CREATE SCHEMA also creates tables and triggers.
  IF NOT EXISTS (SELECT FROM pg_event_trigger_ddl_commands() c
                 WHERE c.classid IN ('pg_trigger'::regclass, 'pg_class'::regclass, 'pg_type'::regclass)) THEN
    RETURN;
  END IF;
  -- Triggers on the catalogs, with any function; triggers on any table with functions of ours that run with our rights, or
  -- that protect() alone puts on tables (it acts as a superuser): they read parents whose rows the caller may not see. And
  -- foreign keys, also if the command changed another table together with this one.
  SELECT found.problem INTO problem FROM (
    SELECT format('trigger "%s" on table %s.%s', t.tgname, r.relnamespace::regnamespace, r.relname)
    FROM pg_event_trigger_ddl_commands() c JOIN pg_trigger t ON c.classid = 'pg_trigger'::regclass AND t.oid = c.objid
    JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class r ON r.oid = t.tgrelid
    WHERE r.relnamespace IN ('tenancy'::regnamespace, 'tenancy_internal'::regnamespace)
      OR p.prosecdef AND p.pronamespace = 'tenancy'::regnamespace
      OR p.pronamespace = 'tenancy_internal'::regnamespace AND (p.prosecdef OR c.command_tag <> 'ALTER TRIGGER')
    UNION ALL
    SELECT f.problem FROM tenancy_steps.foreign_code_on_catalogs() f JOIN pg_class r ON r.oid = f.relation JOIN pg_roles o ON o.oid = r.relowner
    WHERE CASE WHEN NOT EXISTS (SELECT FROM pg_trigger t WHERE t.oid = f.object AND t.tgrelid = f.relation) THEN NOT o.rolsuper
      -- One that is there already concerns only those who change its table, or one that changes together with it.
      ELSE r.relnamespace NOT IN ('tenancy'::regnamespace, 'tenancy_internal'::regnamespace) AND (
        EXISTS (SELECT FROM pg_event_trigger_ddl_commands() c WHERE c.classid = 'pg_trigger'::regclass AND c.objid = f.object OR c.classid = 'pg_class'::regclass AND c.objid = f.relation)
        OR f.relation IN (SELECT h FROM tenancy_steps.tables_changed_with(ARRAY(SELECT c.objid FROM pg_event_trigger_ddl_commands() c WHERE c.classid = 'pg_class'::regclass)) h)) END
  ) found (problem) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('permission denied: %s', problem),
      DETAIL = 'It would run with the rights of the owner of pg_tenancy, who is a superuser.', HINT = 'Only a superuser can create it.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.refuse_foreign_code() IS 'Event trigger: raises 42501 when somebody who is no superuser makes code run by changes of the extension''s tables, and 0A000 for an index that the module would not keep';

-- Foreign keys to and from protected tables are validated over all rows, whoever owns the tables. A table that is to become a
-- partition gets its parent's keys first: by commands that only validate foreign keys, while ATTACH PARTITION also runs users' code.
CREATE FUNCTION tenancy_steps.take_foreign_keys(parent oid, partition oid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  key record;
BEGIN
  FOR key IN
    SELECT k.conname, pg_get_constraintdef(k.oid) AS definition FROM pg_constraint k
    JOIN pg_class c ON c.oid = take_foreign_keys.partition AND c.relkind IN ('r', 'p')
    WHERE k.conrelid = take_foreign_keys.parent AND k.contype = 'f' AND k.convalidated
      -- a key to a partitioned table has one entry more for each of that table's partitions
      AND NOT EXISTS (SELECT FROM pg_constraint above WHERE above.oid = k.conparentid AND above.conrelid = k.conrelid)
      AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid IN (k.confrelid, take_foreign_keys.partition) AND p.polname = 'tenancy_select')
      AND NOT EXISTS (SELECT FROM pg_constraint own WHERE own.conrelid = take_foreign_keys.partition AND own.contype = 'f' AND own.convalidated
                        AND pg_get_constraintdef(own.oid) = pg_get_constraintdef(k.oid))
    ORDER BY k.conname LOOP
    EXECUTE format('ALTER TABLE %s ADD %s %s', take_foreign_keys.partition::regclass,
      CASE WHEN NOT EXISTS (SELECT FROM pg_constraint own WHERE own.conrelid = take_foreign_keys.partition AND own.conname = key.conname)
           THEN format('CONSTRAINT %I', key.conname) END, key.definition);
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_steps.take_foreign_keys(oid, oid) IS 'Gives a table that is to become a partition those foreign keys of its parent whose validation concerns protected tables';

CREATE FUNCTION tenancy_internal.exempt_validation() RETURNS event_trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_exempt_validation';
COMMENT ON FUNCTION tenancy_internal.exempt_validation() IS 'Event trigger: has an ALTER TABLE that only validates foreign keys see all rows of its owner''s tables';
