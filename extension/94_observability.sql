-- create_observability(): everything is in a schema of the caller's, including functions, which run with the rights of the
-- schema's owner, so that others can be granted the jobs without the data.

-- A longer name would be cut, and quoted in full by each message about it.
CREATE FUNCTION tenancy_steps.schema_named(name text) RETURNS regnamespace
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF octet_length(schema_named.name) > 63 THEN
    RAISE EXCEPTION USING ERRCODE = 'name_too_long', MESSAGE = 'the name of a schema is too long',
      DETAIL = format('It has %s bytes, and may have 63.', octet_length(schema_named.name));
  END IF;
  RETURN to_regnamespace(quote_ident(schema_named.name));
END
$$;
COMMENT ON FUNCTION tenancy_steps.schema_named(text) IS 'The schema of a name, or NULL; 42622 for a name that no schema can have';

CREATE FUNCTION tenancy_steps.validate_observability(schema name, partition_by text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  taken text;
BEGIN
  IF validate_observability.partition_by IS NULL OR validate_observability.partition_by NOT IN ('day', 'month') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('tables cannot be partitioned by "%s"', left(validate_observability.partition_by, 100)),
      HINT = 'Use "day" or "month".';
  END IF;
  IF validate_observability.schema IS NULL OR validate_observability.schema = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a schema must be given';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = current_user AND (r.rolsuper OR r.rolbypassrls)) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('role "%s" is filtered by row security', current_user),
      DETAIL = 'The owner of the tables sums up the rows of all tenants.',
      HINT = 'Call this as a superuser, or SET ROLE to a role without LOGIN that has BYPASSRLS.';
  END IF;
  IF EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = validate_observability.schema
    AND NOT pg_has_role(current_user, n.nspowner, 'USAGE')) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('must be owner of schema %s', validate_observability.schema);
  END IF;
  IF EXISTS (SELECT FROM tenancy_steps.observability_objects(to_regnamespace(quote_ident(validate_observability.schema))) o
             WHERE o.kind = 'SCHEMA' AND o.owner <> quote_ident(current_user)::regrole AND NOT tenancy_steps.has_rights_of_caller(o.owner)) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('schema "%s" is owned by another role than the tables would be', validate_observability.schema),
      DETAIL = 'Its owner could have code run by the functions of the tables.', HINT = 'SET ROLE to the schema''s owner, or name a schema that does not exist yet.';
  END IF;
  SELECT format('relation "%s" already exists in schema "%s"', c.relname, validate_observability.schema) INTO taken
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = validate_observability.schema AND c.relname IN ('logs', 'log_payloads', 'log_entries', 'log_payloads_scoped',
    'traces', 'traces_scoped', 'trace_initiators', 'analytics',
                                             'analytics_pending', 'analytics_partitions', 'analytics_state', 'analytics_kept', 'accepted_times', 'job_problems')
  ORDER BY c.relname LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_table', MESSAGE = taken, HINT = 'Name another schema; tenancy.update_observability() brings tables of an older version up to date.';
  END IF;
  SELECT format('function %s already exists', f.function) INTO taken
  FROM tenancy_steps.observability_functions(to_regnamespace(quote_ident(validate_observability.schema))) f ORDER BY 1 LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_function', MESSAGE = taken, HINT = 'Name another schema.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_steps.validate_observability(name, text) IS 'Raises what keeps create_observability() from beginning';

CREATE FUNCTION tenancy_steps.create_observability_functions(schema regnamespace, unit text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  -- Bodies that are parsed here, once, independent of the callers' search_path.
  EXECUTE format($ddl$
    %4$s %1$s.refresh_analytics(hours integer DEFAULT NULL) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC SELECT tenancy.refresh_analytics(%1$L::regnamespace, hours); END;
    %4$s %1$s.invalidate_analytics(since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity') RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC SELECT tenancy.invalidate_analytics(%1$L::regnamespace, since, until); END;
    %4$s %1$s.create_partitions(ahead interval DEFAULT %3$L, since timestamptz DEFAULT now()) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC SELECT tenancy.create_partitions(%1$L::regnamespace, %2$L, ahead, since); END;
    %4$s %1$s.drop_partitions("table" text, older_than interval, keep_analytics boolean DEFAULT false) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC SELECT tenancy.drop_partitions(%1$L::regnamespace, "table", older_than, keep_analytics); END
  $ddl$, create_observability_functions.schema, CASE create_observability_functions.unit WHEN 'day' THEN 'day' ELSE 'month' END,
    CASE create_observability_functions.unit WHEN 'day' THEN '7 days' ELSE '2 months' END, 'CREATE OR REPLACE FUNCTION');
  EXECUTE format($ddl$
    COMMENT ON FUNCTION %1$s.refresh_analytics(integer) IS 'Brings analytics up to date with logs: sums up the hours that have changed, the newest first, at most so many (NULL: all), and returns how many';
    COMMENT ON FUNCTION %1$s.invalidate_analytics(timestamptz, timestamptz) IS 'Lets the next refresh sum up all hours of a time again, and returns how many these are';
    COMMENT ON FUNCTION %1$s.create_partitions(interval, timestamptz) IS 'Makes the partitions that are missing from since on, for so long, and returns how many';
    COMMENT ON FUNCTION %1$s.drop_partitions(text, interval, boolean) IS 'Drops the partitions of logs, log_payloads, traces or analytics that ended longer ago than older_than, and returns how many; with keep_analytics, what was summed up of logs stays';
    -- By their arguments: somebody else's functions may have the same names.
    REVOKE ALL ON FUNCTION %1$s.refresh_analytics(integer), %1$s.invalidate_analytics(timestamptz, timestamptz), %1$s.create_partitions(interval, timestamptz),
      %1$s.drop_partitions(text, interval, boolean), %1$s.trace_tree(text, timestamptz, timestamptz) FROM PUBLIC
  $ddl$, create_observability_functions.schema);
END
$$;
COMMENT ON FUNCTION tenancy_steps.create_observability_functions(regnamespace, text) IS 'Creates or replaces in a schema the functions of the observability tables';

-- With all arguments, of the functions' types, no function of the same name is called in their place.
CREATE FUNCTION tenancy_steps.job_statements(schema regnamespace, unit text) RETURNS TABLE (job text, times text, statement text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT format(v.job, job_statements.schema), v.times, format(v.statement, job_statements.schema)
  FROM (VALUES
    ('%s: create partitions', '10 * * * *', CASE job_statements.unit WHEN 'day' THEN 'SELECT %s.create_partitions(''7 days''::interval, pg_catalog.now())'
      ELSE 'SELECT %s.create_partitions(''2 months''::interval, pg_catalog.now())' END),
    ('%s: refresh analytics', '*/5 * * * *', 'SELECT %s.refresh_analytics(NULL::integer)')) v (job, times, statement)
$$;
COMMENT ON FUNCTION tenancy_steps.job_statements(regnamespace, text) IS 'Jobs of pg_cron for observability tables';

CREATE FUNCTION tenancy_steps.schedule_observability(schema regnamespace, unit text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  j record;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'pg_cron') OR NOT has_schema_privilege('cron', 'USAGE') THEN
    RETURN false;
  END IF;
  FOR j IN SELECT * FROM tenancy_steps.job_statements(schedule_observability.schema, schedule_observability.unit) LOOP
    EXECUTE 'SELECT cron.schedule($1, $2, $3)' USING j.job, j.times, j.statement;
  END LOOP;
  RETURN true;
END
$$;
COMMENT ON FUNCTION tenancy_steps.schedule_observability(regnamespace, text) IS 'Lets pg_cron, where it is installed, make partitions every hour and refresh analytics every five minutes; false where it isn''t';

CREATE FUNCTION tenancy_steps.protect_logs(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  -- The policies take rows whose workspace is the organization's only, and a workspace never moves.
  PERFORM tenancy.protect(format('%s.%I', protect_logs.schema, v.name)::regclass, v.resource, 'organization_id', 'workspace_id', 'user_id', 'api_key_id', v.payload,
                          workspace_implies_organization => true)
  FROM (VALUES ('logs', 'logs', '{}'::name[]), ('log_payloads', 'logs', '{request,response}'),
    ('analytics', 'analytics', NULL)) v (name, resource, payload);
END
$$;
COMMENT ON FUNCTION tenancy_steps.protect_logs(regnamespace) IS 'Protects logs, log_payloads and analytics of a schema';

CREATE FUNCTION tenancy_steps.create_log_entries(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  logs regclass := to_regclass(format('%s.logs', create_log_entries.schema));
  entries CONSTANT regclass := CASE WHEN tenancy_steps.has_own(create_log_entries.schema, 'log_entries', '{v}')
                                    THEN to_regclass(format('%s.log_entries', create_log_entries.schema)) END;
  columns text;
  writer text := '';
  -- Everybody who knows a log's id can write a row of that id, which is no content of the log.
  same_writer text := '(p.user_id, p.api_key_id) IS NOT DISTINCT FROM (l.user_id, l.api_key_id)';
BEGIN
  SELECT string_agg(format('l.%I', a.attname), ', ' ORDER BY a.attnum) INTO columns FROM pg_attribute a
  WHERE a.attrelid = logs AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'written_by'
    AND (entries IS NULL OR EXISTS (SELECT FROM pg_attribute e WHERE e.attrelid = entries AND e.attname = a.attname));
  -- At the end: a view that is there gets further columns only behind its others.
  IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = logs AND a.attname = 'written_by' AND NOT a.attisdropped) THEN
    writer := ', l.written_by';
    same_writer := 'p.written_by IS NOT DISTINCT FROM l.written_by';
  END IF;
  -- Not one that somebody else makes meanwhile
  EXECUTE format('CREATE ' || CASE WHEN entries IS NOT NULL THEN 'OR REPLACE ' ELSE '' END || 'VIEW %1$s.log_entries WITH (security_invoker) AS
                  SELECT %2$s, p.request, p.response%3$s FROM %1$s.logs l
                  LEFT JOIN %1$s.log_payloads p ON p.log_id = l.log_id AND p.start_time = l.start_time AND p.organization_id = l.organization_id
                    AND p.workspace_id IS NOT DISTINCT FROM l.workspace_id AND %4$s', create_log_entries.schema, columns, writer, same_writer);
  EXECUTE format('COMMENT ON VIEW %s.log_entries IS %L', create_log_entries.schema,
                 'Logs with their content: request and response are NULL where the session may list a log and not view it');
END
$$;
COMMENT ON FUNCTION tenancy_steps.create_log_entries(regnamespace) IS 'Creates in a schema the view of logs with their content, or gives it who wrote a row';

CREATE FUNCTION tenancy_steps.protect_observability(schema regnamespace, unit text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  place CONSTANT regnamespace := protect_observability.schema;
BEGIN
  IF tenancy_steps.distrusted_of_partman() IS NOT NULL THEN
    PERFORM tenancy_steps.warning('pg_partman is not used',
      detail => format('Role %s could have its code run there with the rights of the owner of these tables.', tenancy_steps.distrusted_of_partman()),
      hint => 'It owns something in that schema, or has CREATE on it, or TRIGGER on a table.');
  END IF;
  PERFORM tenancy_steps.start_partitions(to_regclass(format('%s.%I', place, v.name)), v.unit, tenancy_steps.partman_schema())
  FROM (VALUES ('logs', protect_observability.unit), ('log_payloads', protect_observability.unit), ('traces', protect_observability.unit),
    ('analytics', 'month')) v (name, unit);
  PERFORM tenancy_steps.protect_logs(place);
  PERFORM tenancy_steps.create_trace_initiators(place);
  PERFORM tenancy_steps.protect_traces(place);
  PERFORM tenancy_steps.keep_writers(place);
  PERFORM tenancy.create_scoped_view(format('%s.log_payloads', place)::regclass, format('%s.log_payloads_scoped', place));
  PERFORM tenancy.create_scoped_view(format('%s.traces', place)::regclass, format('%s.traces_scoped', place));
  PERFORM tenancy_steps.create_log_entries(place);
  PERFORM tenancy_steps.create_analytics_state(place);
  PERFORM tenancy_steps.track_changes(place);
  PERFORM tenancy_steps.bound_observability(place);
  PERFORM tenancy_steps.create_analytics_kept(place);
  PERFORM tenancy_steps.create_trace_tree(place);
END
$$;
COMMENT ON FUNCTION tenancy_steps.protect_observability(regnamespace, text) IS 'Partitions and protects new observability tables, with all that belongs to them on one server';

CREATE FUNCTION tenancy.create_observability(schema text DEFAULT 'observability', partition_by text DEFAULT 'day', distributed boolean DEFAULT false) RETURNS void
LANGUAGE tenancy_unit SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  place regnamespace;
  made integer;
BEGIN
  place := tenancy_steps.schema_named(create_observability.schema);
  PERFORM tenancy_steps.validate_observability(create_observability.schema::name, create_observability.partition_by);
  IF create_observability.distributed IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'whether the tables are distributed must be given';
  ELSIF create_observability.distributed THEN
    IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = current_user AND r.rolsuper) THEN
      RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'must be superuser to distribute tables';
    END IF;
    PERFORM tenancy_internal.check_distribution();
  END IF;
  IF place IS NULL THEN
    EXECUTE format('CREATE SCHEMA %I', create_observability.schema);
    EXECUTE format('COMMENT ON SCHEMA %I IS %L', create_observability.schema,
      'Logs, traces and analytics of requests to models, made by tenancy.create_observability()');
  END IF;
  place := quote_ident(create_observability.schema);
  PERFORM tenancy_steps.create_observability_tables(place);
  IF create_observability.distributed THEN
    PERFORM tenancy_steps.distribute_observability(place, create_observability.partition_by);
  ELSE
    PERFORM tenancy_steps.protect_observability(place, create_observability.partition_by);
  END IF;
  PERFORM tenancy_steps.create_observability_functions(place, create_observability.partition_by);
  PERFORM tenancy_steps.hide_working_tables(place);
  made := tenancy.create_partitions(place, create_observability.partition_by,
    CASE create_observability.partition_by WHEN 'day' THEN interval '7 days' ELSE interval '2 months' END, now());
  -- Others may have made something in the meantime.
  PERFORM tenancy_steps.refuse_several_owners(place);
  IF NOT tenancy_steps.schedule_observability(place, create_observability.partition_by) THEN
    PERFORM tenancy_steps.notice(format('call %1$s.create_partitions() every day, and %1$s.refresh_analytics() as often as charts are to be fresh', place),
      detail => 'pg_cron would be used if it were installed in this database.');
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.create_observability(text, text, boolean) IS 'Makes, in a schema of its own (or in one of the caller''s), the protected tables logs, log_payloads, traces (OpenTelemetry spans) and analytics (hourly roll-up), partitioned by day or month, with views and functions, and with bounds on tenants'' rows; the caller owns them, and must be a superuser or have BYPASSRLS. No privileges are granted to others. With distributed, by a superuser on the coordinator of a Citus cluster: on its nodes, by organization, without triggers. 42501, 42P07, 22023, 55000 when it can''t be, with nothing changed';
REVOKE ALL ON FUNCTION tenancy.create_observability(text, text, boolean) FROM PUBLIC;

CREATE FUNCTION tenancy.update_observability(schema text DEFAULT 'observability') RETURNS void
LANGUAGE tenancy_unit SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  place regnamespace := tenancy_steps.schema_named(update_observability.schema);
  unit text;
  dropped boolean;
BEGIN
  IF place IS NULL OR to_regclass(format('%s.analytics_state', place)) IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('schema "%s" has no observability tables', update_observability.schema),
      HINT = 'Use tenancy.create_observability() to make them.';
  END IF;
  PERFORM tenancy_steps.refuse_several_owners(place, functions => false);
  IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = current_user AND (r.rolsuper OR r.rolbypassrls)) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('role "%s" is filtered by row security', current_user),
      DETAIL = 'The owner of the tables sums up the rows of all tenants.', HINT = 'Give them to a role without LOGIN that has BYPASSRLS.';
  END IF;
  EXECUTE format('SELECT FROM %s.analytics_state FOR UPDATE', place);
  unit := tenancy_steps.partition_unit(place);
  dropped := tenancy_steps.drop_foreign_functions(place);
  PERFORM tenancy_steps.hide_working_tables(place);
  -- Distributed ones are from this version on.
  IF tenancy_steps.recomputed_time(place) IS NOT NULL THEN
    IF dropped THEN
      PERFORM tenancy_steps.create_missing_functions(place, unit);
      PERFORM tenancy_steps.refuse_several_owners(place);
    END IF;
    RETURN;
  END IF;
  PERFORM tenancy_steps.bound_observability(place);
  PERFORM tenancy_steps.create_analytics_kept(place);
  PERFORM tenancy_steps.hide_working_tables(place);
  PERFORM tenancy_steps.create_change_function(place);
  IF NOT tenancy_steps.has_own(place, 'trace_initiators') THEN
    PERFORM tenancy_steps.add_trace_initiators(place);
  ELSE
    PERFORM tenancy_steps.create_span_function(place);
    PERFORM tenancy_steps.create_trace_tree(place);
  END IF;
  PERFORM tenancy_steps.keep_writers(place);
  IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass(format('%s.traces_scoped', place)) AND a.attname = 'written_by') THEN
    PERFORM tenancy.create_scoped_view(format('%s.%I', place, v)::regclass, format('%s.%I', place, v || '_scoped')) FROM unnest('{log_payloads,traces}'::text[]) v;
  END IF;
  -- One that somebody has changed stays as it is.
  IF (SELECT array_agg(e.attname ORDER BY e.attnum) FROM pg_attribute e JOIN pg_class v ON v.oid = e.attrelid AND v.relkind = 'v'
      WHERE e.attrelid = to_regclass(format('%s.log_entries', place)) AND e.attnum > 0)
     = (SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
        WHERE a.attrelid = to_regclass(format('%s.logs', place)) AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'written_by'
          AND EXISTS (SELECT FROM pg_attribute e WHERE e.attrelid = to_regclass(format('%s.log_entries', place)) AND e.attname = a.attname))
       || '{request,response}'::name[] THEN
    PERFORM tenancy_steps.create_log_entries(place);
  END IF;
  IF dropped THEN
    PERFORM tenancy_steps.create_missing_functions(place, unit);
  END IF;
  PERFORM tenancy_steps.refuse_several_owners(place);
  PERFORM tenancy_steps.keep_partman_by_the_clock(p.relation)
  FROM unnest(ARRAY['logs', 'log_payloads', 'traces', 'analytics']) v ("table"), LATERAL to_regclass(format('%s.%I', place, v."table")) p (relation)
  WHERE tenancy_steps.partman_name(p.relation) IS NOT NULL;
END
$$;
COMMENT ON FUNCTION tenancy.update_observability(text) IS 'Adds to observability tables of an earlier version: bounds for new rows, job_problems, who began a trace, who wrote a row, and which sums outlive their logs. For their owner: if it is a new one, functions and triggers of another owner are dropped and made anew, and privileges on them are to be granted again. 42501, 55000 for anybody else, or while tables have different owners; 42704 if there are none';
