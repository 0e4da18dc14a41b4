-- Observability tables and the functions in their schema have one owner: triggers and jobs run with the functions' owner's rights, and
-- whoever owns a table, or the schema, could have code of its own run by them.

CREATE FUNCTION tenancy_steps.is_owned_by_caller(relation regclass) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_is_owned_by_caller';
COMMENT ON FUNCTION tenancy_steps.is_owned_by_caller(regclass) IS 'Whether a table is owned by the current role itself';

-- A function of another signature is somebody else's, whatever its name.
CREATE FUNCTION tenancy_steps.observability_functions(schema regnamespace) RETURNS TABLE (function regprocedure, owner oid, is_for_triggers boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT p.oid::regprocedure, p.proowner, v.is_for_triggers
  FROM (VALUES ('attribute_spans', '{}'::regtype[], true), ('check_time', '{}', true), ('mark_changed_hours', '{}', true), ('refresh_analytics', '{integer}', false),
    ('invalidate_analytics', '{timestamptz,timestamptz}', false),
    ('create_partitions', '{interval,timestamptz}', false), ('drop_partitions', '{text,interval,boolean}', false),
    ('trace_tree', '{text,timestamptz,timestamptz}', false)) v (name, arguments, is_for_triggers)
  JOIN pg_proc p ON p.pronamespace = observability_functions.schema AND p.proname = v.name AND string_to_array(p.proargtypes::text, ' ')::oid[] = v.arguments::oid[]
$$;
COMMENT ON FUNCTION tenancy_steps.observability_functions(regnamespace) IS 'Functions of the names and arguments that create_observability() makes in a schema, and their owners';

CREATE FUNCTION tenancy_steps.observability_objects(schema regnamespace) RETURNS TABLE (kind text, identity text, owner oid)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH RECURSIVE named AS (
    SELECT c.oid FROM pg_class c
    WHERE c.relnamespace = observability_objects.schema AND c.relname = ANY (
      '{logs,log_payloads,traces,trace_initiators,analytics,analytics_pending,analytics_partitions,analytics_state,analytics_kept,accepted_times,job_problems}')
    UNION
    SELECT i.inhrelid FROM pg_inherits i JOIN named n ON i.inhparent = n.oid)
  SELECT CASE WHEN c.relkind IN ('r', 'p', 'f') THEN 'TABLE' ELSE 'OTHER' END, c.oid::regclass::text, c.relowner FROM pg_class c JOIN named n ON n.oid = c.oid
  UNION ALL
  -- Those of a schema on a cluster's nodes, or of 1.0, lack functions for triggers: one that no trigger of these tables runs is no part of them.
  SELECT 'FUNCTION', f.function::text, f.owner FROM tenancy_steps.observability_functions(observability_objects.schema) f
  WHERE NOT f.is_for_triggers OR EXISTS (SELECT FROM pg_trigger t JOIN named n ON n.oid = t.tgrelid WHERE t.tgfoid = f.function)
  UNION ALL
  SELECT 'SCHEMA', quote_ident(n.nspname), n.nspowner FROM pg_namespace n WHERE n.oid = observability_objects.schema
$$;
COMMENT ON FUNCTION tenancy_steps.observability_objects(regnamespace) IS 'Tables (OTHER: what is none, and has the name of one) and functions of create_observability() in a schema, the schema, and their owners';

CREATE FUNCTION tenancy_steps.refuse_no_schema(schema regnamespace) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF refuse_no_schema.schema IS NULL OR NOT EXISTS (SELECT FROM pg_namespace n WHERE n.oid = refuse_no_schema.schema) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a schema must be given';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_steps.refuse_no_schema(regnamespace) IS 'Raises 22023 unless there is such a schema: by NULL, or an id of none, statements about its tables would become others';

-- A schema public is the database's owner's.
CREATE FUNCTION tenancy_steps.has_rights_of_caller(owner oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT pg_has_role(CASE has_rights_of_caller.owner WHEN 'pg_database_owner'::regrole THEN d.datdba ELSE has_rights_of_caller.owner END, current_user, 'USAGE')
  FROM pg_database d WHERE d.datname = current_database()
$$;
COMMENT ON FUNCTION tenancy_steps.has_rights_of_caller(oid) IS 'Whether an owner, pg_database_owner included, has the current role''s rights anyway, as a superuser has';

-- An owner who has the current role's rights anyway gains nothing.
CREATE FUNCTION tenancy_steps.refuse_several_owners(schema regnamespace, functions boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  others record;
BEGIN
  PERFORM tenancy_steps.refuse_no_schema(refuse_several_owners.schema);
  SELECT string_agg(format('%s %s', lower(o.kind), o.identity), ', ' ORDER BY o.kind, o.identity) FILTER (WHERE o.place <= 5) AS names,
         min(o.owner::regrole::text) FILTER (WHERE o.kind <> 'SCHEMA') AS owner, bool_or(o.kind = 'OTHER') AS no_table,
         -- The current role owns none of it.
         bool_and(o.owns_all) AS own_all
  INTO others
  FROM (SELECT f.*, row_number() OVER (ORDER BY f.kind, f.identity) AS place
        FROM (SELECT e.*, CASE WHEN e.kind <> 'SCHEMA' THEN min(e.owner) FILTER (WHERE e.kind <> 'SCHEMA') OVER () = max(e.owner) FILTER (WHERE e.kind <> 'SCHEMA') OVER () END AS owns_all
              FROM tenancy_steps.observability_objects(refuse_several_owners.schema) e WHERE refuse_several_owners.functions OR e.kind <> 'FUNCTION') f
        WHERE f.kind = 'OTHER' OR NOT tenancy_steps.has_rights_of_caller(f.owner)) o;
  IF others.names IS NULL THEN
    RETURN;
  ELSIF others.no_table THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('schema %s has something else of an observability table''s name', refuse_several_owners.schema),
      DETAIL = format('Not a table, or of another owner than role "%s": %s.', current_user, replace(others.names, 'other ', '')), HINT = 'Drop or rename it.';
  ELSIF others.own_all THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('must be owner of the observability tables of schema %s', refuse_several_owners.schema),
      DETAIL = 'Their owner could have code run by this.', HINT = format('SET ROLE %s, which is their owner.', others.owner);
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
    MESSAGE = format('tables and functions of schema %s have different owners', refuse_several_owners.schema),
    DETAIL = format('This runs as role "%s", and others own, and could have code run by: %s.', current_user, others.names),
    HINT = format('Give the schema and its observability tables one owner, who then calls tenancy.update_observability(%L): it makes the functions anew. Alter no function''s owner.', refuse_several_owners.schema);
END
$$;
COMMENT ON FUNCTION tenancy_steps.refuse_several_owners(regnamespace, boolean) IS 'Raises 42501 or 55000 where an owner of observability tables, of their functions (unless these do not count), or of their schema would gain the current role''s rights by having code of its own run, or where something else has a table''s name';

-- A table or view that somebody else has made in the meantime is never taken for one of these.
CREATE FUNCTION tenancy_steps.has_own(schema regnamespace, name text, kinds "char"[] DEFAULT '{r,p}') RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_one record;
BEGIN
  SELECT c.relkind, c.relowner INTO found_one FROM pg_class c WHERE c.relnamespace = has_own.schema AND c.relname = has_own.name;
  IF NOT FOUND THEN
    RETURN false;
  ELSIF found_one.relkind <> ALL (has_own.kinds) OR NOT pg_has_role(found_one.relowner, current_user, 'USAGE') THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_table', MESSAGE = format('relation "%s" of another owner, or kind, exists in schema %s', left(has_own.name, 63), has_own.schema),
      HINT = 'Drop or rename it.';
  END IF;
  RETURN true;
END
$$;
COMMENT ON FUNCTION tenancy_steps.has_own(regnamespace, text, "char"[]) IS 'Whether a schema has a relation of a name and of one of these kinds; 42P07 where somebody else''s object has it';

CREATE FUNCTION tenancy_steps.partition_unit(schema regnamespace) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp SET quote_all_identifiers = off SET intervalstyle = 'postgres' AS $$
  SELECT CASE WHEN coalesce(
    (SELECT min(r.upper - r.lower) > interval '7 days'
     FROM tenancy_steps.partition_ranges(to_regclass(format('%s.logs', partition_unit.schema))) r WHERE isfinite(r.lower) AND isfinite(r.upper)),
    (SELECT bool_or(pg_get_function_arguments(f.function) LIKE '%mons%') FROM tenancy_steps.observability_functions(partition_unit.schema) f
     JOIN pg_proc p ON p.oid = f.function AND p.proname = 'create_partitions')) THEN 'month' ELSE 'day' END
$$;
COMMENT ON FUNCTION tenancy_steps.partition_unit(regnamespace) IS 'How observability tables of a schema are partitioned: by day or month';

-- A former owner's code: it is looked for in all that statements on the tables evaluate, and from there in everything that this depends
-- on. In pg_depend an expression leads to an operator, and this to its function; domains, operator families, views and tables have
-- their code in rows of other catalogs, which refer to them. Whatever a role could change later counts.
CREATE FUNCTION tenancy_steps.foreign_code_of_tables(schema regnamespace) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH RECURSIVE tables AS (
    SELECT o.identity::regclass::oid AS oid FROM tenancy_steps.observability_objects(foreign_code_of_tables.schema) o WHERE o.kind = 'TABLE'
  ), edges AS NOT MATERIALIZED (
    -- Constraints and triggers ask another table as that table's owner.
    SELECT d.classid, d.objid, d.refclassid, d.refobjid FROM pg_depend d
    WHERE NOT (d.refclassid = 'pg_class'::regclass AND d.classid IN ('pg_constraint'::regclass, 'pg_trigger'::regclass))
      AND d.refclassid NOT IN ('pg_namespace'::regclass, 'pg_extension'::regclass)
    UNION ALL SELECT 'pg_type'::regclass, c.contypid, 'pg_constraint'::regclass, c.oid FROM pg_constraint c WHERE c.contypid <> 0
    UNION ALL SELECT 'pg_type'::regclass, t.oid, 'pg_class'::regclass, t.typrelid FROM pg_type t WHERE t.typrelid <> 0
    UNION ALL SELECT 'pg_opfamily'::regclass, f.amprocfamily, 'pg_proc'::regclass, f.amproc FROM pg_amproc f
    UNION ALL SELECT 'pg_opfamily'::regclass, f.amopfamily, 'pg_operator'::regclass, f.amopopr FROM pg_amop f
    -- The planner may take these in an operator's place.
    UNION ALL SELECT 'pg_operator'::regclass, o.oid, 'pg_operator'::regclass, o.oprcom FROM pg_operator o WHERE o.oprcom <> 0
    UNION ALL SELECT 'pg_operator'::regclass, o.oid, 'pg_operator'::regclass, o.oprnegate FROM pg_operator o WHERE o.oprnegate <> 0
    UNION ALL SELECT 'pg_class'::regclass, r.ev_class, 'pg_rewrite'::regclass, r.oid FROM pg_rewrite r
    UNION ALL SELECT 'pg_class'::regclass, l.polrelid, 'pg_policy'::regclass, l.oid FROM pg_policy l
  ), reached AS (
    SELECT u.classid AS root_class, u.objid AS root, u.classid, u.objid
    FROM tables o, LATERAL (
      SELECT 'pg_class'::regclass::oid, o.oid
      UNION ALL SELECT 'pg_class'::regclass, i.indexrelid FROM pg_index i WHERE i.indrelid = o.oid
      UNION ALL SELECT 'pg_trigger'::regclass, t.oid FROM pg_trigger t WHERE t.tgrelid = o.oid
      UNION ALL SELECT 'pg_constraint'::regclass, c.oid FROM pg_constraint c WHERE c.conrelid = o.oid
      UNION ALL SELECT 'pg_policy'::regclass, l.oid FROM pg_policy l WHERE l.polrelid = o.oid
      UNION ALL SELECT 'pg_attrdef'::regclass, a.oid FROM pg_attrdef a WHERE a.adrelid = o.oid
      UNION ALL SELECT 'pg_rewrite'::regclass, r.oid FROM pg_rewrite r WHERE r.ev_class = o.oid
      UNION ALL SELECT 'pg_statistic_ext'::regclass, s.oid FROM pg_statistic_ext s WHERE s.stxrelid = o.oid) u (classid, objid)
    UNION
    -- From each table only its own: others are reached from themselves.
    SELECT r.root_class, r.root, e.refclassid, e.refobjid FROM reached r JOIN edges e ON e.classid = r.classid AND e.objid = r.objid
    WHERE NOT (e.refclassid = 'pg_class'::regclass AND e.refobjid IN (SELECT o.oid FROM tables o))
      AND NOT (r.classid = 'pg_class'::regclass AND r.objid = r.root AND e.refclassid IN ('pg_rewrite'::regclass, 'pg_policy'::regclass))
  ), owned AS (
    SELECT 'pg_proc'::regclass::oid AS classid, p.oid, p.proowner AS owner FROM pg_proc p
    UNION ALL SELECT 'pg_operator'::regclass, o.oid, o.oprowner FROM pg_operator o
    UNION ALL SELECT 'pg_type'::regclass, t.oid, t.typowner FROM pg_type t
    UNION ALL SELECT 'pg_opclass'::regclass, c.oid, c.opcowner FROM pg_opclass c
    UNION ALL SELECT 'pg_opfamily'::regclass, f.oid, f.opfowner FROM pg_opfamily f
    UNION ALL SELECT 'pg_class'::regclass, c.oid, c.relowner FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'f')
  )
  SELECT string_agg(f.place, ', ' ORDER BY f.place COLLATE "C") FROM (
    SELECT DISTINCT format('%s (%s)', pg_describe_object(r.root_class, r.root, 0), pg_describe_object(r.classid, r.objid, 0)) AS place
    FROM reached r JOIN owned o ON o.classid = r.classid AND o.oid = r.objid
    WHERE NOT pg_has_role(o.owner, current_user, 'USAGE') AND (r.root_class, r.root) <> (r.classid, r.objid)
      -- Another extension's owner can replace its functions.
      AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension x ON d.refclassid = 'pg_extension'::regclass AND x.oid = d.refobjid AND x.extname = 'pg_tenancy'
                      WHERE d.classid = r.classid AND d.objid = r.objid AND d.deptype = 'e')
    ORDER BY 1 LIMIT 5) f
$$;
COMMENT ON FUNCTION tenancy_steps.foreign_code_of_tables(regnamespace) IS 'Functions, operators, types, views and tables of roles without the current role''s rights that statements on observability tables evaluate, directly or by what these depend on, and what evaluates them; NULL for none';

-- Nobody knows what a function of another owner contains, so none is ever given to the tables' owner. The schema's owner may drop it.
CREATE FUNCTION tenancy_steps.drop_foreign_functions(schema regnamespace) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  me CONSTANT oid := quote_ident(current_user)::regrole;
  others text;
  entries CONSTANT oid := (SELECT c.oid FROM pg_class c WHERE c.relnamespace = drop_foreign_functions.schema AND c.relname = 'log_entries' AND c.relkind = 'v' AND c.relowner <> me);
  gone record;
BEGIN
  -- Where none is left, a former owner's have been dropped by hand.
  IF entries IS NULL AND (SELECT bool_and(f.owner = me) FROM tenancy_steps.observability_functions(drop_foreign_functions.schema) f) THEN
    RETURN false;
  END IF;
  others := (SELECT string_agg(o.identity, ', ' ORDER BY o.identity) FROM (
    SELECT e.identity FROM tenancy_steps.observability_objects(drop_foreign_functions.schema) e WHERE e.kind = 'TABLE' AND e.owner <> me ORDER BY 1 LIMIT 5) o);
  IF others IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('observability tables of schema %s have different owners', drop_foreign_functions.schema),
      DETAIL = format('Role "%s" does not own %s.', current_user, others), HINT = 'ALTER TABLE ... OWNER TO gives a table another owner.';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_namespace n WHERE n.oid = drop_foreign_functions.schema AND pg_has_role(current_user, n.nspowner, 'USAGE')) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('must be owner of schema %s', drop_foreign_functions.schema),
      DETAIL = 'Functions of another owner are dropped there, and made anew.', HINT = format('ALTER SCHEMA %s OWNER TO %I.', drop_foreign_functions.schema, current_user);
  END IF;
  FOR gone IN
    SELECT t.tgname, t.tgrelid::regclass AS relation FROM pg_trigger t
    JOIN tenancy_steps.observability_functions(drop_foreign_functions.schema) f ON f.function = t.tgfoid AND f.owner <> me
    WHERE t.tgparentid = 0 AND NOT t.tgisinternal AND t.tgname IN ('mark_insert', 'mark_update', 'mark_delete', 'mark_truncate', 'check_time', 'attribute_spans')
      AND t.tgrelid::regclass::text IN (SELECT o.identity FROM tenancy_steps.observability_objects(drop_foreign_functions.schema) o WHERE o.kind = 'TABLE') LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', gone.tgname, gone.relation);
  END LOOP;
  FOR gone IN SELECT f.function FROM tenancy_steps.observability_functions(drop_foreign_functions.schema) f WHERE f.owner <> me LOOP
    EXECUTE format('DROP ROUTINE %s', gone.function);
  END LOOP;
  IF entries IS NOT NULL THEN
    EXECUTE format('DROP VIEW %s', entries::regclass);
  END IF;
  others := tenancy_steps.foreign_code_of_tables(drop_foreign_functions.schema);
  IF others IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('observability tables of schema %s evaluate code of other roles', drop_foreign_functions.schema),
      DETAIL = format('It would run with the rights of role "%s": %s.', current_user, others), HINT = 'Drop what evaluates it.';
  END IF;
  PERFORM tenancy_steps.notice(format('functions of schema %s are made anew, and owned by "%s"', drop_foreign_functions.schema, current_user),
    detail => 'Those of another owner are dropped, and with them the privileges on them.', hint => 'Grant these again.');
  RETURN true;
END
$$;
COMMENT ON FUNCTION tenancy_steps.drop_foreign_functions(regnamespace) IS 'Drops the functions for observability tables, with their triggers, and the view log_entries, as far as another role owns them; false for none. 2BP01 where something else depends on them';

CREATE FUNCTION tenancy_steps.create_missing_functions(schema regnamespace, unit text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  place CONSTANT regnamespace := create_missing_functions.schema;
  on_nodes CONSTANT boolean := tenancy_steps.recomputed_time(place) IS NOT NULL;
  logs CONSTANT regclass := format('%s.logs', place)::regclass;
  partition regclass;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = place AND c.relname = 'log_entries') THEN
    PERFORM tenancy_steps.create_log_entries(place);
  END IF;
  IF NOT EXISTS (SELECT FROM tenancy_steps.observability_functions(place) f JOIN pg_proc p ON p.oid = f.function AND p.proname = 'trace_tree') THEN
    IF on_nodes THEN
      PERFORM tenancy_steps.create_trace_tree_on_nodes(place);
    ELSE
      PERFORM tenancy_steps.create_trace_tree(place);
    END IF;
  END IF;
  PERFORM tenancy_steps.create_observability_functions(place, create_missing_functions.unit);
  IF on_nodes THEN
    RETURN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = format('%s.traces', place)::regclass AND t.tgname = 'attribute_spans') THEN
    PERFORM tenancy_steps.create_span_trigger(place);
  END IF;
  IF NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = logs AND t.tgname = 'mark_insert') THEN
    PERFORM tenancy_steps.create_change_triggers(logs, place);
  END IF;
  -- track_partitions() passes over those that it knows.
  FOR partition IN EXECUTE format('SELECT p FROM tenancy_steps.partitions_of($1) p JOIN %s.analytics_partitions k ON k.relation = p', place) USING logs LOOP
    IF NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = partition AND t.tgname = 'mark_insert') THEN
      PERFORM tenancy_steps.create_partition_triggers(partition, place);
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_steps.create_missing_functions(regnamespace, text) IS 'Creates the functions, with their triggers, and the view that drop_foreign_functions() has dropped in a schema';
