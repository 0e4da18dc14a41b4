-- Protection of the jobs that work for all tenants from one tenant's rows: bounds checked when a row is written, and a table
-- for work that the jobs had to skip. Bounds are too wide to matter to honest writers.

-- Conditions by table; their text columns are in indexes, whose entries have at most 2704 bytes.
CREATE FUNCTION tenancy_steps.observability_checks() RETURNS TABLE ("table" text, name text, condition text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT v.* FROM (VALUES
    ('logs', 'times', $c$start_time >= '1970-01-01 00:00+00' AND start_time < '2200-01-01 00:00+00'
      AND isfinite(end_time) AND end_time - start_time >= '-1 day' AND end_time - start_time <= '7 days'$c$),
    ('logs', 'tokens', $c$usage_input_tokens >= 0 AND usage_input_tokens <= 1000000000 AND usage_output_tokens >= 0 AND usage_output_tokens <= 1000000000
      AND usage_cache_read_input_tokens >= 0 AND usage_cache_read_input_tokens <= 1000000000
      AND usage_cache_creation_input_tokens >= 0 AND usage_cache_creation_input_tokens <= 1000000000$c$),
    ('logs', 'cost', $c$cost >= -1e15 AND cost <= 1e15 AND scale(cost) <= 1000$c$),
    ('logs', 'names', $c$octet_length(operation_name) <= 200 AND octet_length(provider_name) <= 200 AND octet_length(request_model) <= 1000
      AND octet_length(response_model) <= 1000 AND octet_length(trace_id) <= 200 AND octet_length(span_id) <= 200$c$),
    ('log_payloads', 'times', $c$start_time >= '1970-01-01 00:00+00' AND start_time < '2200-01-01 00:00+00'$c$),
    ('traces', 'times', $c$start_time >= '1970-01-01 00:00+00' AND start_time < '2200-01-01 00:00+00' AND isfinite(end_time)$c$),
    ('traces', 'names', $c$octet_length(trace_id) <= 200 AND octet_length(span_id) <= 200 AND octet_length(parent_span_id) <= 200
      AND octet_length(name) <= 2000$c$),
    ('analytics', 'hours', $c$hour >= '1970-01-01 00:00+00' AND hour < '2200-01-01 00:00+00'$c$)) v ("table", name, condition)
$$;
COMMENT ON FUNCTION tenancy_steps.observability_checks() IS 'CHECK constraints of the observability tables, by table and name';

CREATE FUNCTION tenancy_steps.create_job_problems(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF tenancy_steps.has_own(create_job_problems.schema, 'job_problems') THEN
    RETURN;
  END IF;
  EXECUTE format($ddl$
    CREATE TABLE %1$s.job_problems (
      noticed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      job text COLLATE "C" NOT NULL,
      object text COLLATE "C",
      hour timestamptz,
      organization uuid,
      rows bigint,
      problem text NOT NULL
    );
    COMMENT ON TABLE %1$s.job_problems IS 'What the last run of each job left out, of all organizations: for the owner of the tables alone';
    COMMENT ON COLUMN %1$s.job_problems.noticed_at IS 'When the job came upon it';
    COMMENT ON COLUMN %1$s.job_problems.job IS 'refresh_analytics, create_partitions, or drop_partitions of which table';
    COMMENT ON COLUMN %1$s.job_problems.object IS 'Table or partition that was passed over';
    COMMENT ON COLUMN %1$s.job_problems.hour IS 'Hour that is summed up without these rows';
    COMMENT ON COLUMN %1$s.job_problems.organization IS 'Id of the organization whose rows they are';
    COMMENT ON COLUMN %1$s.job_problems.rows IS 'How many rows';
    COMMENT ON COLUMN %1$s.job_problems.problem IS 'Why'
  $ddl$, create_job_problems.schema);
END
$$;
COMMENT ON FUNCTION tenancy_steps.create_job_problems(regnamespace) IS 'Creates in a schema the table of what jobs leave out, unless it is there';

CREATE FUNCTION tenancy_steps.add_observability_checks(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off AS $$
DECLARE
  bound record;
  relation regclass;
  has_rows boolean;
BEGIN
  FOR bound IN SELECT c."table", format('%s_%s_check', c."table", c.name) AS name, c.condition FROM tenancy_steps.observability_checks() c LOOP
    relation := to_regclass(format('%s.%I', add_observability_checks.schema, bound."table"));
    IF NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = relation AND c.conname = bound.name) THEN
      EXECUTE format('SELECT EXISTS (SELECT FROM %s)', relation) INTO has_rows;
      EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (%s) %s', relation, bound.name, bound.condition,
                     CASE WHEN has_rows THEN 'NOT VALID' END);
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_steps.add_observability_checks(regnamespace) IS 'Gives the observability tables of a schema the constraints that they lack; existing rows are not checked';

CREATE FUNCTION tenancy_steps.bound_observability(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off AS $$
DECLARE
  bound record;
  control name;
BEGIN
  PERFORM tenancy_steps.create_job_problems(bound_observability.schema);
  PERFORM tenancy_steps.add_observability_checks(bound_observability.schema);
  IF NOT tenancy_steps.has_own(bound_observability.schema, 'accepted_times') THEN
    EXECUTE format($ddl$
      CREATE TABLE %s.accepted_times (
        past interval NOT NULL CHECK (past >= '0' AND past <= '200 years'),
        future interval NOT NULL CHECK (future >= '0' AND future <= '100 years')
      ) $ddl$, bound_observability.schema);
  END IF;
  EXECUTE format($ddl$
    INSERT INTO %1$s.accepted_times SELECT interval '400 days', interval '1 day' WHERE NOT EXISTS (SELECT FROM %1$s.accepted_times);
    COMMENT ON TABLE %1$s.accepted_times IS 'One row: how far from now the times of rows may be that tenants write. Roles that row security does not filter may write any';
    COMMENT ON COLUMN %1$s.accepted_times.past IS 'How long ago, at most';
    COMMENT ON COLUMN %1$s.accepted_times.future IS 'How far ahead, at most: clocks differ'
  $ddl$, bound_observability.schema);

  -- Variables get their values before the first statement: one of a table's type would be of whatever has its name by then.
  EXECUTE 'CREATE OR REPLACE FUNCTION ' || format($ddl$%1$s.check_time() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp SET timezone = 'UTC'
    SET debug_print_parse = off SET debug_print_rewritten = off SET debug_print_plan = off AS $body$
    DECLARE
      given timestamptz;
      accepted record;
    BEGIN
      IF NOT tenancy_steps.is_owned_by_caller(%3$s::regclass) THEN
        PERFORM tenancy_steps.refuse_several_owners(%4$L::regnamespace);
      END IF;
      IF TG_ARGV[0] = 'hour' THEN
        given := NEW.hour;
      ELSE
        given := NEW.start_time;
      END IF;
      SELECT * INTO accepted FROM %1$s.accepted_times;
      IF given >= pg_catalog.now() - accepted.past AND given <= pg_catalog.now() + accepted.future THEN
        RETURN NULL;
      END IF;
      RAISE EXCEPTION USING ERRCODE = 'check_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = TG_ARGV[0],
        MESSAGE = pg_catalog.format('%%s %%s is too far from now', TG_ARGV[0], given),
        DETAIL = pg_catalog.format('Accepted is what is no more than %%s ago, and no more than %%s ahead.', accepted.past, accepted.future),
        HINT = %2$L;
    END
    $body$ $ddl$, bound_observability.schema,
      format('Older rows are loaded by a role that row security does not filter; table %s.accepted_times has these bounds.',
      bound_observability.schema), quote_literal(format('%s.accepted_times', bound_observability.schema)), bound_observability.schema);
  EXECUTE format('COMMENT ON FUNCTION %s.check_time() IS %L', bound_observability.schema,
                 'Trigger: refuses a row whose time (the argument: its column) is outside of what accepted_times says');
  EXECUTE format('REVOKE ALL ON FUNCTION %s.check_time() FROM PUBLIC', bound_observability.schema);

  FOR bound IN SELECT v."table", to_regclass(format('%s.%I', bound_observability.schema, v."table")) AS relation
               FROM unnest(ARRAY['logs', 'log_payloads', 'traces', 'analytics']) v ("table") LOOP
    control := CASE bound."table" WHEN 'analytics' THEN 'hour' ELSE 'start_time' END;
    -- After the row is stored, since BEFORE triggers slow COPY down; and only queued for times far from now. Days would need a
    -- time zone look-up, hours don't.
    IF NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = bound.relation AND t.tgname = 'check_time') THEN
      EXECUTE format('CREATE TRIGGER check_time AFTER INSERT OR UPDATE OF %1$I ON %2$s FOR EACH ROW
                      WHEN ((NEW.%1$I < now() - interval ''24 hours'' OR NEW.%1$I > now() + interval ''10 minutes'') AND row_security_active(%3$s::oid))
                      EXECUTE FUNCTION %4$s.check_time(%1$L)', control, bound.relation, quote_literal(bound.relation) || '::regclass', bound_observability.schema);
    END IF;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_steps.bound_observability(regnamespace) IS 'Gives the observability tables of a schema their bounds, where they lack them; rows that are there are not looked at';

-- The text of an error can quote a tenant's row: it is for the owner of the tables, not for the roles that run the job.
CREATE FUNCTION tenancy_steps.record_job_problem(schema regnamespace, job text, object text, state text, problem text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  -- Tables created by 1.0 have none until update_observability().
  has_table boolean := to_regclass(format('%s.job_problems', record_job_problem.schema)) IS NOT NULL;
  the_job CONSTANT text := left(record_job_problem.job, 100);
  the_object CONSTANT text := left(record_job_problem.object, 300);
BEGIN
  PERFORM tenancy_steps.warning(format('%s.%s: %s is passed over (SQLSTATE %s)', record_job_problem.schema, the_job,
    the_object, left(record_job_problem.state, 5)),
    hint => CASE WHEN has_table THEN format('Table %s.job_problems has the reason.', record_job_problem.schema)
                ELSE format('Call tenancy.update_observability(%L) to have reasons recorded.', record_job_problem.schema) END);
  IF has_table THEN
    EXECUTE format('INSERT INTO %s.job_problems (job, object, problem) VALUES ($1, $2, $3)', record_job_problem.schema)
      USING the_job, the_object, left(record_job_problem.problem, 10000);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_steps.record_job_problem(regnamespace, text, text, text, text) IS 'Reports what a job of the observability tables passes over: the object and the SQLSTATE as a WARNING, the reason in job_problems';

CREATE FUNCTION tenancy_steps.forget_job_problems(schema regnamespace, job text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF to_regclass(format('%s.job_problems', forget_job_problems.schema)) IS NOT NULL THEN
    EXECUTE format('DELETE FROM %s.job_problems WHERE job = $1', forget_job_problems.schema) USING forget_job_problems.job;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_steps.forget_job_problems(regnamespace, text) IS 'Removes what an earlier run of a job has left in job_problems';

CREATE FUNCTION tenancy_steps.record_rows_left_out(schema regnamespace, hour timestamptz, organization_id uuid, rows bigint, problem text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF to_regclass(format('%s.job_problems', record_rows_left_out.schema)) IS NOT NULL THEN
    EXECUTE format('INSERT INTO %s.job_problems (job, hour, organization, rows, problem) VALUES (''refresh_analytics'', $1, $2, $3, $4)', record_rows_left_out.schema)
    USING record_rows_left_out.hour, record_rows_left_out.organization_id, record_rows_left_out.rows, record_rows_left_out.problem;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_steps.record_rows_left_out(regnamespace, timestamptz, uuid, bigint, text) IS 'Reports in job_problems that rows of an organization are not summed up';

CREATE FUNCTION tenancy_steps.forget_rows_left_out(schema regnamespace, hours timestamptz[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF to_regclass(format('%s.job_problems', forget_rows_left_out.schema)) IS NOT NULL THEN
    EXECUTE format('DELETE FROM %s.job_problems WHERE job = ''refresh_analytics'' AND (hour = ANY ($1) OR $1 IS NULL AND hour IS NULL)', forget_rows_left_out.schema)
    USING forget_rows_left_out.hours;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_steps.forget_rows_left_out(regnamespace, timestamptz[]) IS 'Removes from job_problems what is there of hours that are to be summed up again (NULL: of rows of no hour)';
