-- Observability tables and the functions in their schema have one owner: triggers and jobs run with the functions' owner's rights, and
-- whoever owns a table, or the schema, could have code of its own run by them.

CREATE FUNCTION tenancy_steps.is_owned_by_caller(relation regclass) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_is_owned_by_caller';
COMMENT ON FUNCTION tenancy_steps.is_owned_by_caller(regclass) IS 'Whether a table is owned by the current role itself';

CREATE FUNCTION tenancy_steps.observability_objects(schema regnamespace) RETURNS TABLE (kind text, identity text, owner oid)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  WITH RECURSIVE named AS (
    SELECT c.oid FROM pg_class c
    WHERE c.relnamespace = observability_objects.schema AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname = ANY (
      '{logs,log_payloads,log_entries,traces,trace_initiators,analytics,analytics_pending,analytics_partitions,analytics_state,analytics_kept,accepted_times,job_problems}')
    UNION
    SELECT i.inhrelid FROM pg_inherits i JOIN named n ON i.inhparent = n.oid)
  SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, c.oid::regclass::text, c.relowner FROM pg_class c JOIN named n ON n.oid = c.oid
  UNION ALL
  SELECT 'FUNCTION', p.oid::regprocedure::text, p.proowner FROM pg_proc p
  WHERE p.pronamespace = observability_objects.schema AND p.proname = ANY (
    '{attribute_spans,check_time,mark_changed_hours,refresh_analytics,invalidate_analytics,create_partitions,drop_partitions,trace_tree}')
  UNION ALL
  SELECT 'SCHEMA', quote_ident(n.nspname), n.nspowner FROM pg_namespace n WHERE n.oid = observability_objects.schema
$$;
COMMENT ON FUNCTION tenancy_steps.observability_objects(regnamespace) IS 'What create_observability() has made in a schema, the schema, and their owners';

-- An owner who has the current role's rights anyway, such as a superuser, gains nothing; nor does a database's owner by its schema public.
CREATE FUNCTION tenancy_steps.refuse_several_owners(schema regnamespace) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  other record;
BEGIN
  SELECT o.*, CASE WHEN o.kind <> 'SCHEMA' THEN (
    SELECT min(e.owner) = max(e.owner) FROM tenancy_steps.observability_objects(refuse_several_owners.schema) e WHERE e.kind <> 'SCHEMA') END AS owns_all INTO other
  FROM tenancy_steps.observability_objects(refuse_several_owners.schema) o
  WHERE NOT pg_has_role(o.owner, current_user, 'USAGE')
    AND NOT (o.kind = 'SCHEMA' AND o.owner = 'pg_database_owner'::regrole AND pg_has_role(current_user, 'pg_database_owner', 'MEMBER'))
  ORDER BY o.kind, o.identity LIMIT 1;
  IF NOT FOUND THEN
    RETURN;
  ELSIF other.owns_all THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('must be owner of the observability tables of schema %s', refuse_several_owners.schema),
      DETAIL = 'Their owner could have code run by this.', HINT = format('SET ROLE %I, which is their owner.', pg_get_userbyid(other.owner));
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
    MESSAGE = format('tables and functions of schema %s have different owners', refuse_several_owners.schema),
    DETAIL = format('This runs as role "%s", and %s %s is owned by role "%s", which could have its code run by it.', current_user,
      lower(other.kind), other.identity, pg_get_userbyid(other.owner)),
    HINT = format('ALTER %s %s OWNER TO %I.', other.kind, other.identity, current_user);
END
$$;
COMMENT ON FUNCTION tenancy_steps.refuse_several_owners(regnamespace) IS 'Raises 42501 or 55000 where an owner of observability tables, or of their schema, would gain the current role''s rights by having code of its own run';

-- Runs with the rights of whoever alters the table: the server checks that it may do so with the others.
CREATE FUNCTION tenancy_steps.follow_observability_owner() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  altered record;
  other record;
BEGIN
  FOR altered IN
    SELECT DISTINCT c.relnamespace::regnamespace AS place, c.relowner, p.proowner
    FROM pg_event_trigger_ddl_commands() d JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
    JOIN pg_proc p ON p.proname = 'mark_changed_hours' AND p.pronamespace = c.relnamespace AND p.pronargs = 0
    WHERE c.relkind IN ('r', 'p') AND c.relowner <> p.proowner
      AND c.relname = ANY ('{logs,log_payloads,traces,trace_initiators,analytics,analytics_pending,analytics_partitions,analytics_state,analytics_kept,accepted_times,job_problems}')
      AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgfoid = p.oid AND t.tgrelid = to_regclass(format('%s.logs', c.relnamespace::regnamespace))) LOOP
    IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = altered.relowner AND (r.rolsuper OR r.rolbypassrls)) THEN
      RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('role "%s" is filtered by row security', pg_get_userbyid(altered.relowner)),
        DETAIL = 'The owner of observability tables sums up the rows of all tenants.', HINT = 'Name a role without LOGIN that has BYPASSRLS.';
    END IF;
    -- Functions first: their owner says that nothing is left to do after the commands below.
    FOR other IN SELECT o.* FROM tenancy_steps.observability_objects(altered.place) o
                 WHERE o.owner <> altered.relowner AND (o.kind <> 'SCHEMA' OR o.owner = altered.proowner)
                 ORDER BY o.kind <> 'FUNCTION', o.identity LOOP
      EXECUTE format('ALTER %s %s OWNER TO %I', other.kind, other.identity, pg_get_userbyid(altered.relowner));
    END LOOP;
    RAISE NOTICE USING MESSAGE = format('all observability tables of schema %s, and their functions, are owned by "%s"', altered.place, pg_get_userbyid(altered.relowner));
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_steps.follow_observability_owner() IS 'Event trigger: the observability tables of a schema, its functions and the schema get a new owner together';
