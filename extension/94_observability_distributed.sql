-- Observability tables on the nodes of a Citus cluster: distributed by organization, without triggers. What triggers do elsewhere is
-- left out (who began a trace, how far from now a time may be), or done by the jobs: the roll-up sums up recent hours again.

CREATE FUNCTION tenancy_steps.recomputed_time(schema regnamespace) RETURNS interval
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  recent interval;
BEGIN
  IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass(format('%s.analytics_state', recomputed_time.schema)) AND a.attname = 'recent' AND NOT a.attisdropped) THEN
    EXECUTE format('SELECT s.recent FROM %s.analytics_state s', recomputed_time.schema) INTO recent;
  END IF;
  RETURN recent;
END
$$;
COMMENT ON FUNCTION tenancy_steps.recomputed_time(regnamespace) IS 'For how long before the last refresh hours are summed up again; NULL where triggers notice what changes';

CREATE FUNCTION tenancy_steps.mark_recent_hours(schema regnamespace, recent interval) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off SET timezone = 'UTC' AS $$
DECLARE
  since timestamptz;
  until timestamptz := now() + interval '1 day';
BEGIN
  EXECUTE format('SELECT greatest(date_bin(''1 hour'', s.refreshed_at - $1, ''epoch''), ''1970-01-01 00:00+00'') FROM %s.analytics_state s', mark_recent_hours.schema)
    INTO since USING mark_recent_hours.recent;
  EXECUTE format('INSERT INTO %1$s.analytics_pending
                  SELECT DISTINCT date_bin(''1 hour'', l.start_time, ''epoch''), true FROM %1$s.logs l WHERE l.start_time >= $1 AND l.start_time < $2', mark_recent_hours.schema)
    USING since, until;
  EXECUTE format('INSERT INTO %1$s.analytics_pending SELECT DISTINCT a.hour, true FROM %1$s.analytics a WHERE a.hour >= $1 AND a.hour < $2', mark_recent_hours.schema)
    USING since, until;
END
$$;
COMMENT ON FUNCTION tenancy_steps.mark_recent_hours(regnamespace, interval) IS 'Has the hours since a while before the last refresh summed up again; at the first refresh, all hours';

-- Each node sums up its own organizations' rows. The rows of both tables that belong together are on one node.
CREATE FUNCTION tenancy_steps.sum_up_on_nodes(schema regnamespace, hours timestamptz[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off SET timezone = 'UTC' AS $$
DECLARE
  first timestamptz := (SELECT min(h) FROM unnest(sum_up_on_nodes.hours) h);
  until timestamptz := (SELECT max(h) FROM unnest(sum_up_on_nodes.hours) h) + interval '1 hour';
BEGIN
  -- NULLs are equal here: rows are compared as text.
  EXECUTE format($query$
    DELETE FROM %1$s.analytics a
    WHERE a.hour >= $1 AND a.hour < $2 AND a.hour = ANY ($3)
      AND NOT EXISTS (
        SELECT 1 FROM %1$s.logs l
        WHERE l.organization_id = a.organization_id AND l.start_time >= $1 AND l.start_time < $2
          AND date_bin('1 hour', l.start_time, 'epoch') = a.hour
          AND ROW(l.workspace_id, l.user_id, l.api_key_id, l.operation_name, l.provider_name, l.request_model, l.http_response_status_code)::text
              = ROW(a.workspace_id, a.user_id, a.api_key_id, a.operation_name, a.provider_name, a.request_model, a.http_response_status_code)::text)
  $query$, sum_up_on_nodes.schema) USING first, until, sum_up_on_nodes.hours;
  EXECUTE tenancy_steps.summing_statement(sum_up_on_nodes.schema, '', '') USING first, until, sum_up_on_nodes.hours;
END
$$;
COMMENT ON FUNCTION tenancy_steps.sum_up_on_nodes(regnamespace, timestamptz[]) IS 'Sums up hours of distributed logs, and removes sums of what is no longer there';

-- Rows of that time which are in the default partition are on other nodes: they wait in a table of this one.
CREATE FUNCTION tenancy_steps.create_partition_on_nodes(
  parent regclass, partition text, default_partition regclass, first timestamptz, until timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET row_security = off AS $$
DECLARE
  moved bigint := 0;
  control name := (SELECT a.attname FROM pg_partitioned_table p JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
                   WHERE p.partrelid = create_partition_on_nodes.parent);
  columns text := (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
                   WHERE a.attrelid = create_partition_on_nodes.parent AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '');
BEGIN
  IF create_partition_on_nodes.default_partition IS NOT NULL THEN
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', create_partition_on_nodes.default_partition);
    EXECUTE format('SELECT count(*) FROM %s WHERE %I >= $1 AND %2$I < $2', create_partition_on_nodes.default_partition, control)
      INTO moved USING create_partition_on_nodes.first, create_partition_on_nodes.until;
  END IF;
  IF moved > 0 THEN
    EXECUTE format('CREATE TEMPORARY TABLE waiting_rows AS SELECT %s FROM %s WHERE %I >= %L AND %3$I < %5$L', columns,
                   create_partition_on_nodes.default_partition, control, create_partition_on_nodes.first, create_partition_on_nodes.until);
    EXECUTE format('DELETE FROM %s WHERE %I >= $1 AND %2$I < $2', create_partition_on_nodes.default_partition, control)
      USING create_partition_on_nodes.first, create_partition_on_nodes.until;
  END IF;
  EXECUTE format('CREATE TABLE %s PARTITION OF %s FOR VALUES FROM (%L) TO (%L)', create_partition_on_nodes.partition, create_partition_on_nodes.parent,
                 create_partition_on_nodes.first, create_partition_on_nodes.until);
  IF moved > 0 THEN
    EXECUTE format('INSERT INTO %s (%s) SELECT %2$s FROM pg_temp.waiting_rows', create_partition_on_nodes.partition, columns);
    DROP TABLE pg_temp.waiting_rows;
    PERFORM tenancy_steps.notice(format('%s rows move from the default partition to %s', moved, create_partition_on_nodes.partition));
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_steps.create_partition_on_nodes(regclass, text, regclass, timestamptz, timestamptz) IS 'Makes a partition of a distributed table, and moves its rows there from the default partition';

-- Citus has no recursive queries of rows on other nodes, and no parameters in functions of language SQL.
CREATE FUNCTION tenancy_steps.create_trace_tree_on_nodes(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  EXECUTE format($ddl$
    CREATE FUNCTION %1$s.trace_tree(trace_id text, since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity')
    RETURNS TABLE (depth integer, span_id text, parent_span_id text, name text, kind text, start_time timestamptz, duration interval,
                   status_code text, service_name text)
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $body$
    DECLARE
      spans jsonb;
    BEGIN
      SELECT jsonb_agg(to_jsonb(s)) INTO spans FROM (
        SELECT t.span_id, t.parent_span_id, t.name, t.kind, t.start_time, t.end_time, t.status_code, t.service_name, t.user_id FROM %1$s.traces t
        WHERE t.trace_id = trace_tree.trace_id AND t.start_time >= trace_tree.since AND t.start_time <= trace_tree.until) s;
      RETURN QUERY
      WITH RECURSIVE span AS MATERIALIZED (
        SELECT t.span_id, t.parent_span_id, t.name, t.kind, t.start_time, t.end_time - t.start_time AS duration, t.status_code, t.service_name,
               t.parent_span_id IS NULL OR t.user_id IS DISTINCT FROM tenancy.current_user_id() AS is_whole
        FROM jsonb_to_recordset(spans) t (span_id text, parent_span_id text, name text, kind text, start_time timestamptz, end_time timestamptz,
                                          status_code text, service_name text, user_id uuid)
      ), tree AS (
        SELECT 0 AS depth, s.* FROM span s WHERE NOT EXISTS (SELECT 1 FROM span p WHERE p.span_id = s.parent_span_id)
        UNION ALL
        SELECT t.depth + 1, s.* FROM tree t JOIN span s ON s.parent_span_id = t.span_id
      ) SEARCH DEPTH FIRST BY start_time, span_id SET place
        CYCLE span_id SET is_cycle USING path
      -- Spans that are each other's parents have no root: they come last. Own spans in somebody else's trace are no trace.
      SELECT coalesce(t.depth, 0), s.span_id, s.parent_span_id, s.name, s.kind, s.start_time, s.duration, s.status_code, s.service_name
      FROM span s LEFT JOIN tree t ON t.span_id = s.span_id AND t.start_time = s.start_time AND NOT t.is_cycle
      WHERE (SELECT bool_or(w.is_whole) FROM span w)
      ORDER BY t.place NULLS LAST, s.start_time, s.span_id;
    END
    $body$ $ddl$, create_trace_tree_on_nodes.schema);
  EXECUTE format('COMMENT ON FUNCTION %s.trace_tree(text, timestamptz, timestamptz) IS %L', create_trace_tree_on_nodes.schema,
                 'The spans of a trace that the session may view, parents before their children; nothing of a trace of which it sees own spans alone and no root. A span whose parent is not among them is a root');
END
$$;
COMMENT ON FUNCTION tenancy_steps.create_trace_tree_on_nodes(regnamespace) IS 'Creates in a schema the function that shows a trace of distributed spans as a tree';

CREATE FUNCTION tenancy_steps.distribute_observability(schema regnamespace, unit text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  place CONSTANT regnamespace := distribute_observability.schema;
  keyed record;
BEGIN
  -- Nothing fills it in. A table of this name may have been protected by it.
  IF EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = format('%s.traces', place)::regclass) THEN
    PERFORM tenancy.unprotect(format('%s.traces', place)::regclass);
  END IF;
  EXECUTE format('ALTER TABLE %s.traces DROP COLUMN initiator_id', place);
  -- Nor who wrote a row: its user and key stand in for it in the unique keys, which go with the column.
  FOR keyed IN SELECT * FROM (VALUES ('logs', 'log_id'), ('log_payloads', 'log_id'), ('traces', 'trace_id, span_id')) v (name, ids) LOOP
    EXECUTE format('ALTER TABLE %s.%I DROP COLUMN written_by, ADD UNIQUE NULLS NOT DISTINCT (%s, start_time, organization_id, workspace_id, user_id, api_key_id)',
                   place, keyed.name, keyed.ids);
  END LOOP;
  -- pg_partman makes partitions in ways that Citus has not.
  PERFORM tenancy_steps.start_partitions(to_regclass(format('%s.%I', place, v.name)), v.unit, NULL)
  FROM (VALUES ('logs', distribute_observability.unit), ('log_payloads', distribute_observability.unit), ('traces', distribute_observability.unit),
    ('analytics', 'month')) v (name, unit);
  PERFORM tenancy_steps.protect_logs(place);
  PERFORM tenancy.protect(format('%s.traces', place)::regclass, 'traces', 'organization_id', 'workspace_id', 'user_id', 'api_key_id',
    '{status_message,attributes,events,links}', workspace_implies_organization => true);
  PERFORM tenancy_steps.create_analytics_state(place);
  EXECUTE format('ALTER TABLE %s.analytics_state ADD COLUMN recent interval NOT NULL DEFAULT ''3 hours'' CHECK (recent >= ''0'' AND recent <= ''400 days'')', place);
  EXECUTE format('COMMENT ON COLUMN %s.analytics_state.recent IS %L', place,
                 'For how long before the last refresh hours are summed up again: how late logs come, and how long they take');
  PERFORM tenancy_steps.create_job_problems(place);
  PERFORM tenancy_steps.add_observability_checks(place);
  PERFORM tenancy.distribute(format('%s.%I', place, v.name)::regclass) FROM unnest(ARRAY['logs', 'log_payloads', 'traces', 'analytics']) v (name);
  PERFORM tenancy_steps.create_log_entries(place);
  PERFORM tenancy_steps.create_trace_tree_on_nodes(place);
END
$$;
COMMENT ON FUNCTION tenancy_steps.distribute_observability(regnamespace, text) IS 'Partitions, protects and distributes new observability tables, with what belongs to them';
