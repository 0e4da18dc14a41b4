-- The roll-up of logs by hour. Statements that change logs record the hours they touched in analytics_pending, in their own
-- transaction; refresh_analytics() removes these records and recomputes the hours from the existing rows. Therefore late rows,
-- the order of commits and the frequency of refreshes do not matter.

CREATE FUNCTION tenancy_steps.create_analytics_state(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  EXECUTE format($ddl$
    CREATE TABLE %1$s.analytics_pending (hour timestamptz NOT NULL, shrunk boolean NOT NULL);
    COMMENT ON TABLE %1$s.analytics_pending IS 'Hours of logs that have changed since they were summed up. Any number of rows for an hour: writers do not wait for each other';
    COMMENT ON COLUMN %1$s.analytics_pending.hour IS 'Beginning of the hour';
    COMMENT ON COLUMN %1$s.analytics_pending.shrunk IS 'Rows were changed or removed: rows of analytics may have to go';

    CREATE TABLE %1$s.analytics_partitions (relation regclass UNIQUE, lower timestamptz NOT NULL, upper timestamptz NOT NULL);
    COMMENT ON TABLE %1$s.analytics_partitions IS 'Partitions of logs that the roll-up knows of';
    COMMENT ON COLUMN %1$s.analytics_partitions.relation IS 'The partition; NULL where it was dropped and what was summed up of it stays as it was';
    COMMENT ON COLUMN %1$s.analytics_partitions.lower IS 'Beginning of the time that it covers';
    COMMENT ON COLUMN %1$s.analytics_partitions.upper IS 'End of the time that it covers';

    CREATE TABLE %1$s.analytics_state (refreshed_at timestamptz);
    COMMENT ON TABLE %1$s.analytics_state IS 'One row, which is locked by whoever refreshes, or makes or drops partitions';
    COMMENT ON COLUMN %1$s.analytics_state.refreshed_at IS 'When the roll-up was last brought up to date';
    INSERT INTO %1$s.analytics_state VALUES (NULL)
  $ddl$, create_analytics_state.schema);
END
$$;
COMMENT ON FUNCTION tenancy_steps.create_analytics_state(regnamespace) IS 'Creates in a schema what the roll-up remembers';

CREATE FUNCTION tenancy_steps.create_change_function(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  EXECUTE 'CREATE OR REPLACE FUNCTION ' || format($ddl$%1$s.mark_changed_hours() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp
    SET debug_print_parse = off SET debug_print_rewritten = off SET debug_print_plan = off AS $body$
    BEGIN
      IF NOT (tenancy_steps.is_owned_by_caller(%2$s::regclass) AND tenancy_steps.is_owned_by_caller(%3$s::regclass)) THEN
        PERFORM tenancy_steps.refuse_several_owners(%4$L::regnamespace);
      END IF;
      IF TG_OP = 'TRUNCATE' THEN
        -- Treated like a new partition.
        DELETE FROM %1$s.analytics_partitions WHERE relation = TG_RELID;
        RETURN NULL;
      END IF;
      INSERT INTO %1$s.analytics_pending
      SELECT DISTINCT pg_catalog.date_bin('1 hour', start_time, 'epoch'), TG_OP <> 'INSERT' FROM changed;
      IF TG_OP = 'UPDATE' THEN
        INSERT INTO %1$s.analytics_pending
        SELECT DISTINCT pg_catalog.date_bin('1 hour', start_time, 'epoch'), true FROM changed_to;
      END IF;
      RETURN NULL;
    END
    $body$ $ddl$, create_change_function.schema, quote_literal(format('%s.analytics_pending', create_change_function.schema)),
      quote_literal(format('%s.analytics_partitions', create_change_function.schema)), create_change_function.schema);
  EXECUTE format('COMMENT ON FUNCTION %s.mark_changed_hours() IS %L', create_change_function.schema,
                 'Trigger: notes which hours a statement has changed, for refresh_analytics()');
  EXECUTE format('REVOKE ALL ON FUNCTION %s.mark_changed_hours() FROM PUBLIC', create_change_function.schema);
END
$$;
COMMENT ON FUNCTION tenancy_steps.create_change_function(regnamespace) IS 'Creates or replaces in a schema the function that notes which hours of logs have changed';

CREATE FUNCTION tenancy_steps.track_changes(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_steps.create_change_function(track_changes.schema);
  PERFORM tenancy_steps.create_change_triggers(format('%s.logs', track_changes.schema)::regclass, track_changes.schema);
END
$$;
COMMENT ON FUNCTION tenancy_steps.track_changes(regnamespace) IS 'Creates in a schema the triggers that notice changes of logs';

-- pg_read_all_data and pg_write_all_data, and privileges on all tables of the schema, include them. Their owner, who runs the jobs, isn't
-- filtered.
CREATE FUNCTION tenancy_steps.hide_working_tables(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  hidden regclass;
BEGIN
  FOR hidden IN SELECT c.oid FROM unnest('{analytics_pending,analytics_partitions,analytics_state,analytics_kept,accepted_times,job_problems}'::text[]) v (name)
                JOIN pg_class c ON c.relnamespace = hide_working_tables.schema AND c.relname = v.name
                WHERE tenancy_steps.has_own(hide_working_tables.schema, v.name) AND NOT c.relrowsecurity LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', hidden);
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_steps.hide_working_tables(regnamespace) IS 'Has row security hide what jobs note of all tenants from everybody but the tables'' owner';

-- Tables made by 1.0 have none until update_observability().
CREATE FUNCTION tenancy_steps.create_analytics_kept(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT tenancy_steps.has_own(create_analytics_kept.schema, 'analytics_kept') THEN
    EXECUTE format($ddl$
      CREATE TABLE %1$s.analytics_kept (organization uuid NOT NULL, workspace uuid, before timestamptz NOT NULL, since timestamptz NOT NULL DEFAULT '-infinity',
                                        UNIQUE NULLS NOT DISTINCT (organization, workspace, since));
      COMMENT ON TABLE %1$s.analytics_kept IS 'Sums that no longer become smaller: logs of these hours have been removed at the end of their retention';
      COMMENT ON COLUMN %1$s.analytics_kept.organization IS 'The organization';
      COMMENT ON COLUMN %1$s.analytics_kept.workspace IS 'The workspace; NULL: all of the organization''s';
      COMMENT ON COLUMN %1$s.analytics_kept.before IS 'Hours before that';
      COMMENT ON COLUMN %1$s.analytics_kept.since IS 'Hours since then: a later hour, of logs that began after they were received'
    $ddl$, create_analytics_kept.schema);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_steps.create_analytics_kept(regnamespace) IS 'Creates in a schema the table of sums that outlive their logs';

CREATE FUNCTION tenancy_steps.kept_sums(schema regnamespace) RETURNS TABLE (organization_id uuid, workspace_id uuid, before timestamptz, since timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF to_regclass(format('%s.analytics_kept', kept_sums.schema)) IS NOT NULL THEN
    RETURN QUERY EXECUTE format('SELECT k.organization, k.workspace, k.before, k.since FROM %s.analytics_kept k', kept_sums.schema);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_steps.kept_sums(regnamespace) IS 'Which sums outlive their logs, and no longer become smaller';

CREATE FUNCTION tenancy_steps.create_change_triggers(relation regclass, schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER mark_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS changed
                  FOR EACH STATEMENT EXECUTE FUNCTION %s.mark_changed_hours()', create_change_triggers.relation, create_change_triggers.schema);
  EXECUTE format('CREATE TRIGGER mark_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS changed NEW TABLE AS changed_to
                  FOR EACH STATEMENT EXECUTE FUNCTION %s.mark_changed_hours()', create_change_triggers.relation, create_change_triggers.schema);
  EXECUTE format('CREATE TRIGGER mark_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS changed
                  FOR EACH STATEMENT EXECUTE FUNCTION %s.mark_changed_hours()', create_change_triggers.relation, create_change_triggers.schema);
END
$$;
COMMENT ON FUNCTION tenancy_steps.create_change_triggers(regclass, regnamespace) IS 'Lets changes of logs, or of a partition by its own name, be noticed';

-- A statement fires only the triggers of the table that it names, so partitions have them as well.
CREATE FUNCTION tenancy_steps.create_partition_triggers(partition regclass, schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_steps.create_change_triggers(create_partition_triggers.partition, create_partition_triggers.schema);
  EXECUTE format('CREATE TRIGGER mark_truncate AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION %s.mark_changed_hours()',
                 create_partition_triggers.partition, create_partition_triggers.schema);
END
$$;
COMMENT ON FUNCTION tenancy_steps.create_partition_triggers(regclass, regnamespace) IS 'Lets changes of a partition by its own name be noticed';

CREATE FUNCTION tenancy_steps.track_partitions(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off AS $$
DECLARE
  logs regclass := format('%s.logs', track_partitions.schema)::regclass;
  recent interval;
  sums_of_range CONSTANT text := 'INSERT INTO %1$s.analytics_pending SELECT DISTINCT a.hour, true FROM %1$s.analytics a WHERE a.hour >= $1 AND a.hour < $2';
  partition record;
  come regclass[];
BEGIN
  PERFORM tenancy_steps.refuse_several_owners(track_partitions.schema);
  recent := tenancy_steps.recomputed_time(track_partitions.schema);
  EXECUTE format('SELECT ARRAY(SELECT p FROM tenancy_steps.partitions_of($1) p EXCEPT SELECT k.relation FROM %s.analytics_partitions k)', track_partitions.schema)
    INTO come USING logs;
  IF cardinality(come) > 0 THEN
    FOR partition IN SELECT r.* FROM tenancy_steps.partition_ranges(logs) r WHERE r.partition = ANY (come) LOOP
      IF recent IS NULL AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = partition.partition AND t.tgname = 'mark_insert') THEN
        PERFORM tenancy_steps.create_partition_triggers(partition.partition, track_partitions.schema);
      END IF;
      EXECUTE format('INSERT INTO %s.analytics_partitions VALUES ($1, $2, $3)', track_partitions.schema)
        USING partition.partition, partition.lower, partition.upper;
      -- An attached partition has brought its rows.
      EXECUTE format('INSERT INTO %s.analytics_pending SELECT DISTINCT date_bin(''1 hour'', start_time, ''epoch''), false FROM %s
                      WHERE start_time >= ''1970-01-01 00:00+00'' AND start_time < ''2200-01-01 00:00+00''', track_partitions.schema, partition.partition);
      EXECUTE format(sums_of_range, track_partitions.schema) USING partition.lower, partition.upper;
    END LOOP;
  END IF;
  FOR partition IN EXECUTE format('DELETE FROM %s.analytics_partitions k
                   WHERE k.relation IS NOT NULL AND NOT EXISTS (SELECT FROM tenancy_steps.partitions_of($1) p WHERE p = k.relation)
                   RETURNING k.*', track_partitions.schema) USING logs LOOP
    EXECUTE pg_catalog.format(sums_of_range, track_partitions.schema) USING partition.lower, partition.upper;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_steps.track_partitions(regnamespace) IS 'Notices partitions of logs that were made, attached, detached or dropped';

-- Rows within the tables' constraints (see observability_checks()): others could make the sum of all rows fail.
CREATE FUNCTION tenancy_steps.can_be_summed_up(
  started timestamptz, ended timestamptz, input_tokens bigint, output_tokens bigint, read_tokens bigint, creation_tokens bigint,
  cost numeric, operation text, provider text, model text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (pg_catalog.isfinite(ended) AND ended OPERATOR(pg_catalog.-) started BETWEEN '-1 day' AND '7 days'
        AND input_tokens BETWEEN 0 AND 1000000000 AND output_tokens BETWEEN 0 AND 1000000000
        AND read_tokens BETWEEN 0 AND 1000000000 AND creation_tokens BETWEEN 0 AND 1000000000
        AND cost BETWEEN -1e15 AND 1e15 AND pg_catalog.scale(cost) OPERATOR(pg_catalog.<=) 1000
        AND pg_catalog.octet_length(operation) OPERATOR(pg_catalog.<=) 200
        AND pg_catalog.octet_length(provider) OPERATOR(pg_catalog.<=) 200
        AND pg_catalog.octet_length(model) OPERATOR(pg_catalog.<=) 1000) IS NOT FALSE;
COMMENT ON FUNCTION tenancy_steps.can_be_summed_up(timestamptz, timestamptz, bigint, bigint, bigint, bigint, numeric, text, text, text) IS 'Whether a log is within the bounds of what can be summed up for all tenants';

-- $1 and $2 bound the time, for the sake of partitions; $3 are the hours. Citus takes no list of columns after SET.
CREATE FUNCTION tenancy_steps.summing_statement(schema regnamespace, rows_counted text, sums_replaced text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT format($query$
    INSERT INTO %1$s.analytics AS a
    SELECT date_bin('1 hour', l.start_time, 'epoch'), l.organization_id, l.workspace_id, l.user_id, l.api_key_id,
           l.operation_name, l.provider_name, l.request_model, l.http_response_status_code,
           count(*), coalesce(sum(l.usage_input_tokens), 0), coalesce(sum(l.usage_output_tokens), 0),
           coalesce(sum(l.usage_cache_read_input_tokens), 0), coalesce(sum(l.usage_cache_creation_input_tokens), 0),
           coalesce(sum(l.cost), 0), count(l.end_time), coalesce(sum(l.end_time - l.start_time), '0')
    FROM %1$s.logs l
    WHERE l.start_time >= $1 AND l.start_time < $2 AND date_bin('1 hour', l.start_time, 'epoch') = ANY ($3) %2$s
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
    ON CONFLICT (hour, organization_id, workspace_id, user_id, api_key_id, operation_name, provider_name, request_model,
                 http_response_status_code)
    DO UPDATE SET requests = excluded.requests, usage_input_tokens = excluded.usage_input_tokens, usage_output_tokens = excluded.usage_output_tokens,
                  usage_cache_read_input_tokens = excluded.usage_cache_read_input_tokens,
                  usage_cache_creation_input_tokens = excluded.usage_cache_creation_input_tokens,
                  cost = excluded.cost, timed_requests = excluded.timed_requests, duration = excluded.duration
    WHERE (a.requests, a.usage_input_tokens, a.usage_output_tokens, a.usage_cache_read_input_tokens, a.usage_cache_creation_input_tokens,
           a.cost, a.timed_requests, a.duration)
          IS DISTINCT FROM
          (excluded.requests, excluded.usage_input_tokens, excluded.usage_output_tokens, excluded.usage_cache_read_input_tokens,
           excluded.usage_cache_creation_input_tokens, excluded.cost, excluded.timed_requests, excluded.duration) %3$s
  $query$, summing_statement.schema, summing_statement.rows_counted, summing_statement.sums_replaced)
$$;
COMMENT ON FUNCTION tenancy_steps.summing_statement(regnamespace, text, text) IS 'SQL that sums up hours of logs, with further conditions on rows of logs (l) and on sums that are there already (a)';

CREATE FUNCTION tenancy_steps.sum_up(schema regnamespace, hours timestamptz[], every_row boolean, only_organization uuid DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off SET timezone = 'UTC' AS $$
DECLARE
  first timestamptz := (SELECT min(h) FROM unnest(sum_up.hours) h);
  until timestamptz := (SELECT max(h) FROM unnest(sum_up.hours) h) + interval '1 hour';
BEGIN
  EXECUTE 'WITH kept AS MATERIALIZED (SELECT * FROM tenancy_steps.kept_sums($6))' || tenancy_steps.summing_statement(sum_up.schema,
    $rows$AND ($4 IS NULL OR l.organization_id = $4)
      AND ($5 OR tenancy_steps.can_be_summed_up(
             l.start_time, l.end_time, l.usage_input_tokens, l.usage_output_tokens, l.usage_cache_read_input_tokens,
             l.usage_cache_creation_input_tokens, l.cost, l.operation_name, l.provider_name, l.request_model))$rows$,
    $sums$AND (excluded.requests > a.requests OR NOT EXISTS (
        SELECT FROM kept k WHERE k.organization_id = a.organization_id AND (k.workspace_id IS NULL OR k.workspace_id = a.workspace_id)
          AND a.hour >= k.since AND a.hour < k.before))$sums$)
  USING first, until, sum_up.hours, sum_up.only_organization, sum_up.every_row, sum_up.schema;
END
$$;
COMMENT ON FUNCTION tenancy_steps.sum_up(regnamespace, timestamptz[], boolean, uuid) IS 'Sums up hours of logs, of one organization or (NULL) all: every row, or those that are within bounds';

-- Errors of the server, of the caller, or caused by other sessions: these stop a job, and the next run does its work. All
-- others can be caused by a tenant's rows.
CREATE FUNCTION tenancy_steps.stops_job(state text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN state OPERATOR(pg_catalog.~) '^(40...|42501|53...|55P03|57...|58...|XX...)$';
COMMENT ON FUNCTION tenancy_steps.stops_job(text) IS 'Whether an error (its SQLSTATE) has nothing to do with the rows that a job works on';

CREATE FUNCTION tenancy_steps.sum_up_without_some(schema regnamespace, hours timestamptz[]) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off SET timezone = 'UTC' AS $$
DECLARE
  first timestamptz := (SELECT min(h) FROM unnest(sum_up_without_some.hours) h);
  until timestamptz := (SELECT max(h) FROM unnest(sum_up_without_some.hours) h) + interval '1 hour';
  of_organization uuid;
  problem record;
  left_out bigint := 0;
BEGIN
  BEGIN
    PERFORM tenancy_steps.sum_up(sum_up_without_some.schema, sum_up_without_some.hours, false);
  EXCEPTION WHEN OTHERS OR assert_failure THEN
    IF tenancy_steps.stops_job(SQLSTATE) THEN
      RAISE;
    END IF;
    -- With any problem of these rows, the others' are still summed up.
    FOR of_organization IN EXECUTE format('SELECT DISTINCT l.organization_id FROM %s.logs l WHERE l.start_time >= $1 AND l.start_time < $2', sum_up_without_some.schema)
                           USING first, until LOOP
      BEGIN
        PERFORM tenancy_steps.sum_up(sum_up_without_some.schema, sum_up_without_some.hours, false, of_organization);
      EXCEPTION WHEN OTHERS OR assert_failure THEN
        IF tenancy_steps.stops_job(SQLSTATE) THEN
          RAISE;
        END IF;
        PERFORM tenancy_steps.record_rows_left_out(sum_up_without_some.schema, h, of_organization, NULL, SQLERRM) FROM unnest(sum_up_without_some.hours) h;
        left_out := left_out + 1;
      END;
    END LOOP;
  END;
  FOR problem IN EXECUTE format($query$
    SELECT date_bin('1 hour', l.start_time, 'epoch') AS hour, l.organization_id, count(*) AS rows FROM %s.logs l
    WHERE l.start_time >= $1 AND l.start_time < $2 AND date_bin('1 hour', l.start_time, 'epoch') = ANY ($3)
      AND NOT tenancy_steps.can_be_summed_up(
            l.start_time, l.end_time, l.usage_input_tokens, l.usage_output_tokens, l.usage_cache_read_input_tokens,
            l.usage_cache_creation_input_tokens, l.cost, l.operation_name, l.provider_name, l.request_model)
    GROUP BY 1, 2 $query$, sum_up_without_some.schema) USING first, until, sum_up_without_some.hours LOOP
    PERFORM tenancy_steps.record_rows_left_out(sum_up_without_some.schema, problem.hour, problem.organization_id, problem.rows, 'out of the bounds of logs');
    left_out := left_out + 1;
  END LOOP;
  RETURN left_out;
END
$$;
COMMENT ON FUNCTION tenancy_steps.sum_up_without_some(regnamespace, timestamptz[]) IS 'Sums up hours of logs that could not be summed up whole, without the rows that keep the others from it, and returns of how many hours and organizations some were left out';

-- Sums that a legal hold keeps stay as they are, or are brought up to date, and the others' go on. One that is set meanwhile would
-- have the whole job fail as it is committed.
CREATE FUNCTION tenancy_steps.remove_sums(schema regnamespace, hours timestamptz[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off AS $$
DECLARE
  removal CONSTANT text := $query$
    DELETE FROM %s.analytics a
    WHERE a.hour = ANY ($1)
      AND NOT EXISTS (SELECT FROM tenancy_steps.kept_sums($2) k
                      WHERE k.organization_id = a.organization_id AND (k.workspace_id IS NULL OR k.workspace_id = a.workspace_id)
                        AND a.hour >= k.since AND a.hour < k.before) $query$;
  place record;
BEGIN
  BEGIN
    EXECUTE format(removal, remove_sums.schema) USING remove_sums.hours, remove_sums.schema;
    PERFORM tenancy_steps.settle_changes();
  EXCEPTION WHEN object_not_in_prerequisite_state THEN
    FOR place IN EXECUTE format('SELECT DISTINCT a.organization_id, a.workspace_id FROM %s.analytics a WHERE a.hour = ANY ($1)', remove_sums.schema)
                 USING remove_sums.hours LOOP
      BEGIN
        EXECUTE format(removal || ' AND a.organization_id IS NOT DISTINCT FROM $3 AND a.workspace_id IS NOT DISTINCT FROM $4', remove_sums.schema)
          USING remove_sums.hours, remove_sums.schema, place.organization_id, place.workspace_id;
        PERFORM tenancy_steps.settle_changes();
      EXCEPTION WHEN object_not_in_prerequisite_state THEN
        NULL;
      END;
    END LOOP;
  END;
END
$$;
COMMENT ON FUNCTION tenancy_steps.remove_sums(regnamespace, timestamptz[]) IS 'Removes what was summed up of hours, except what a legal hold keeps, and what outlives its logs';

CREATE FUNCTION tenancy.refresh_analytics(schema regnamespace, hours integer) RETURNS integer
LANGUAGE tenancy_unit SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off SET timezone = 'UTC' AS $$
DECLARE
  todo timestamptz[];
  shrunk_hours timestamptz[];
  day record;
  problem record;
  recent interval;
  done integer := 0;
  left_out bigint := 0;
  out_of_bounds bigint;
BEGIN
  PERFORM tenancy_steps.refuse_several_owners(refresh_analytics.schema);
  recent := tenancy_steps.recomputed_time(refresh_analytics.schema);
  -- One at a time. Each statement below sees what was committed before it began, so that an hour whose mark is taken is summed
  -- up with everything that the mark was about.
  EXECUTE format('SELECT FROM %s.analytics_state FOR UPDATE', refresh_analytics.schema);
  PERFORM tenancy_steps.track_partitions(refresh_analytics.schema);
  IF recent IS NOT NULL THEN
    PERFORM tenancy_steps.mark_recent_hours(refresh_analytics.schema, recent);
  END IF;
  EXECUTE format('DELETE FROM %1$s.analytics_pending p USING %1$s.analytics_partitions k WHERE k.relation IS NULL AND p.hour >= k.lower AND p.hour < k.upper',
                 refresh_analytics.schema);
  -- From before the tables' bounds
  EXECUTE format($query$DELETE FROM %s.analytics_pending WHERE hour < '1970-01-01 00:00+00' OR hour >= '2200-01-01 00:00+00'$query$, refresh_analytics.schema);
  GET DIAGNOSTICS out_of_bounds = ROW_COUNT;
  IF out_of_bounds > 0 THEN
    PERFORM tenancy_steps.forget_rows_left_out(refresh_analytics.schema, NULL);
    FOR problem IN EXECUTE format($query$SELECT l.organization_id, count(*) AS rows FROM %s.logs l
                   WHERE l.start_time < '1970-01-01 00:00+00' OR l.start_time >= '2200-01-01 00:00+00' GROUP BY 1$query$, refresh_analytics.schema) LOOP
      PERFORM tenancy_steps.record_rows_left_out(refresh_analytics.schema, NULL, problem.organization_id, problem.rows, 'out of the bounds of logs: start_time');
      left_out := left_out + 1;
    END LOOP;
  END IF;
  EXECUTE format($query$
    WITH taken AS (
      DELETE FROM %1$s.analytics_pending
      WHERE hour IN (SELECT DISTINCT p.hour FROM %1$s.analytics_pending p ORDER BY p.hour DESC LIMIT $1)
      RETURNING hour, shrunk)
    SELECT array_agg(DISTINCT hour), array_agg(DISTINCT hour) FILTER (WHERE shrunk) FROM taken $query$, refresh_analytics.schema)
  INTO todo, shrunk_hours USING refresh_analytics.hours;
  PERFORM tenancy_steps.forget_rows_left_out(refresh_analytics.schema, coalesce(todo, '{}'));

  IF recent IS NULL THEN
    PERFORM tenancy_steps.remove_sums(refresh_analytics.schema, shrunk_hours);
  END IF;
  FOR day IN
    SELECT array_agg(h) AS hours, count(*) OVER () AS days FROM unnest(todo) h GROUP BY date_trunc('day', h) ORDER BY min(h) DESC LOOP
    BEGIN
      IF recent IS NULL THEN
        PERFORM tenancy_steps.sum_up(refresh_analytics.schema, day.hours, true);
      ELSE
        PERFORM tenancy_steps.sum_up_on_nodes(refresh_analytics.schema, day.hours);
      END IF;
    EXCEPTION WHEN OTHERS OR assert_failure THEN
      IF recent IS NOT NULL OR tenancy_steps.stops_job(SQLSTATE) THEN
        RAISE;
      END IF;
      left_out := left_out + tenancy_steps.sum_up_without_some(refresh_analytics.schema, day.hours);
    END;
    done := done + 1;
    IF day.days > 1 THEN
      PERFORM tenancy_steps.notice(format('analytics of %s: %s of %s days', refresh_analytics.schema, done, day.days));
    END IF;
  END LOOP;
  IF left_out > 0 THEN
    PERFORM tenancy_steps.warning(format('%s.refresh_analytics: some rows are not summed up', refresh_analytics.schema),
      detail => format('They stand in the way of everybody else''s, in %s hours of an organization.', left_out),
      hint => CASE WHEN to_regclass(format('%s.job_problems', refresh_analytics.schema)) IS NULL THEN format('Call tenancy.update_observability(%L).', refresh_analytics.schema)
                  ELSE format('Table %s.job_problems has whose they are, and why.', refresh_analytics.schema) END);
  END IF;
  EXECUTE format('UPDATE %s.analytics_state SET refreshed_at = clock_timestamp()', refresh_analytics.schema);
  RETURN coalesce(cardinality(todo), 0);
END
$$;
COMMENT ON FUNCTION tenancy.refresh_analytics(regnamespace, integer) IS 'Sums up again the hours of logs that have changed, the newest first, at most so many (NULL: all), and returns how many; rows that cannot be summed up are left out with a WARNING, see job_problems; sums that a legal hold keeps are not removed; 42501 for a role that row security filters';

-- Not by the function in the schema, see create_partitions_in_batches().
CREATE PROCEDURE tenancy.refresh_analytics_in_batches(schema regnamespace, hours integer DEFAULT 24)
LANGUAGE plpgsql AS $$
DECLARE
  done integer;
  total integer := 0;
BEGIN
  LOOP
    done := tenancy.refresh_analytics(refresh_analytics_in_batches.schema, refresh_analytics_in_batches.hours);
    COMMIT;
    EXIT WHEN done OPERATOR(pg_catalog.=) 0;
    total := total OPERATOR(pg_catalog.+) done;
    PERFORM tenancy_steps.notice(pg_catalog.format('analytics of %s: %s hours are up to date', refresh_analytics_in_batches.schema, total));
    -- Otherwise continuous writes would keep it from ending.
    EXIT WHEN (done OPERATOR(pg_catalog.<) refresh_analytics_in_batches.hours) IS NOT FALSE;
  END LOOP;
END
$$;
COMMENT ON PROCEDURE tenancy.refresh_analytics_in_batches(regnamespace, integer) IS 'Runs refresh_analytics() for so many hours at a time, committing each batch; called again it goes on where it was stopped';

CREATE FUNCTION tenancy.invalidate_analytics(schema regnamespace, since timestamptz, until timestamptz) RETURNS integer
LANGUAGE tenancy_unit SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off AS $$
DECLARE
  marked integer;
BEGIN
  PERFORM tenancy_steps.refuse_several_owners(invalidate_analytics.schema);
  EXECUTE format($query$
    INSERT INTO %1$s.analytics_pending
    SELECT h.hour, true FROM (
      SELECT date_bin('1 hour', l.start_time, 'epoch') AS hour FROM %1$s.logs l
      WHERE l.start_time >= greatest($1, '1970-01-01 00:00+00') AND l.start_time < least($2, '2200-01-01 00:00+00')
      UNION
      SELECT a.hour FROM %1$s.analytics a WHERE a.hour >= $1 AND a.hour < $2) h $query$, invalidate_analytics.schema)
  USING invalidate_analytics.since, invalidate_analytics.until;
  GET DIAGNOSTICS marked = ROW_COUNT;
  RETURN marked;
END
$$;
COMMENT ON FUNCTION tenancy.invalidate_analytics(regnamespace, timestamptz, timestamptz) IS 'Lets the next refresh sum up all hours of a time again, and returns how many these are';
