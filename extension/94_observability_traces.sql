-- Traces by who began them. A span that a user wrote is that user's own; one that nobody wrote (a service key, a token) is the own of
-- the user whose root span was the first of its trace, whichever of them came first.

CREATE FUNCTION tenancy_steps.create_trace_initiators(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off AS $$
BEGIN
  EXECUTE format($ddl$
    CREATE TABLE %1$s.trace_initiators (
      trace_id text COLLATE "C" NOT NULL,
      organization_id uuid NOT NULL,
      workspace_id uuid,
      user_id uuid,
      api_key_id uuid,
      begun boolean NOT NULL DEFAULT false,
      contested boolean NOT NULL DEFAULT false,
      first_at timestamptz NOT NULL,
      last_at timestamptz NOT NULL,
      UNIQUE NULLS NOT DISTINCT (trace_id, organization_id, workspace_id)
    );
    CREATE INDEX trace_initiators_organization_idx ON %1$s.trace_initiators (organization_id);
    CREATE INDEX trace_initiators_workspace_idx ON %1$s.trace_initiators (workspace_id, user_id);
    COMMENT ON TABLE %1$s.trace_initiators IS 'Who began a trace, in each workspace; traces of users alone have no row until their root is written';
    COMMENT ON COLUMN %1$s.trace_initiators.user_id IS 'The user of the first root span; NULL for none';
    COMMENT ON COLUMN %1$s.trace_initiators.api_key_id IS 'The API key of that span';
    COMMENT ON COLUMN %1$s.trace_initiators.begun IS 'Whether a root span is there: who began a trace never changes';
    COMMENT ON COLUMN %1$s.trace_initiators.contested IS 'Whether another user has written a root span, too: spans that nobody wrote are then nobody''s own';
    COMMENT ON COLUMN %1$s.trace_initiators.first_at IS 'start_time of the first of the spans by which the row came about';
    COMMENT ON COLUMN %1$s.trace_initiators.last_at IS 'start_time of the last of them'
  $ddl$, create_trace_initiators.schema);

  PERFORM tenancy_steps.create_span_function(create_trace_initiators.schema);
  PERFORM tenancy_steps.create_span_trigger(create_trace_initiators.schema);
END
$$;
COMMENT ON FUNCTION tenancy_steps.create_trace_initiators(regnamespace) IS 'Creates in a schema what remembers who began a trace, and the trigger that gives it to spans; neither is protected yet';

CREATE FUNCTION tenancy_steps.create_span_trigger(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER attribute_spans AFTER INSERT ON %1$s.traces REFERENCING NEW TABLE AS written
                  FOR EACH STATEMENT EXECUTE FUNCTION %1$s.attribute_spans()', create_span_trigger.schema);
END
$$;
COMMENT ON FUNCTION tenancy_steps.create_span_trigger(regnamespace) IS 'Creates in a schema the trigger that gives spans the user who began their trace';

CREATE FUNCTION tenancy_steps.create_span_function(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  -- The row of a trace is locked before its spans are read, in the order of the traces: whoever writes a root then finds all
  -- other spans, or waits for them, or raises 40001.
  EXECUTE 'CREATE OR REPLACE FUNCTION ' || format($ddl$%1$s.attribute_spans() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off
    SET debug_print_parse = off SET debug_print_rewritten = off SET debug_print_plan = off AS $body$
    DECLARE
      trace record;
      root record;
      known record;  -- not of the table's type, see check_time()
      owner uuid;
    BEGIN
      IF NOT (tenancy_steps.is_owned_by_caller(TG_RELID) AND tenancy_steps.is_owned_by_caller(%2$s::regclass)
              AND tenancy_steps.is_owned_by_caller(%3$s::regclass)) THEN
        PERFORM tenancy_steps.refuse_several_owners(%4$L::regnamespace);
      END IF;
      FOR trace IN
        SELECT w.trace_id, w.organization_id, w.workspace_id, pg_catalog.min(w.start_time) AS first_at, pg_catalog.max(w.start_time) AS last_at,
               pg_catalog.bool_or(w.parent_span_id IS NULL) AS has_root
        FROM written w GROUP BY 1, 2, 3
        HAVING pg_catalog.bool_or(w.user_id IS NULL OR w.parent_span_id IS NULL OR w.initiator_id IS DISTINCT FROM w.user_id)
        ORDER BY 1, 2, 3 LOOP
        SELECT i.* INTO known FROM %1$s.trace_initiators i
        WHERE i.trace_id = trace.trace_id AND i.organization_id = trace.organization_id AND i.workspace_id IS NOT DISTINCT FROM trace.workspace_id;
        IF trace.has_root OR known.begun IS NOT TRUE THEN
          INSERT INTO %1$s.trace_initiators AS i (trace_id, organization_id, workspace_id, user_id, api_key_id, first_at, last_at)
          VALUES (trace.trace_id, trace.organization_id, trace.workspace_id, NULL, NULL, trace.first_at, trace.last_at)
          ON CONFLICT (trace_id, organization_id, workspace_id) DO UPDATE
          SET first_at = least(i.first_at, EXCLUDED.first_at), last_at = greatest(i.last_at, EXCLUDED.last_at)
          RETURNING i.* INTO known;
          trace.first_at := known.first_at;
          trace.last_at := known.last_at;
        END IF;
        IF trace.has_root THEN
          FOR root IN SELECT w.user_id, w.api_key_id FROM written w
                      WHERE w.trace_id = trace.trace_id AND w.organization_id = trace.organization_id
                        AND w.workspace_id IS NOT DISTINCT FROM trace.workspace_id AND w.parent_span_id IS NULL
                      ORDER BY w.start_time, w.span_id LOOP
            IF NOT known.begun THEN
              known.begun := true;
              known.user_id := root.user_id;
              known.api_key_id := root.api_key_id;
            ELSIF root.user_id <> known.user_id AND NOT known.contested THEN
              known.contested := true;
              trace.first_at := '-infinity';
              trace.last_at := 'infinity';
            END IF;
          END LOOP;
          UPDATE %1$s.trace_initiators i
          SET begun = known.begun, user_id = known.user_id, api_key_id = known.api_key_id, contested = known.contested
          WHERE i.trace_id = trace.trace_id AND i.organization_id = trace.organization_id AND i.workspace_id IS NOT DISTINCT FROM trace.workspace_id
            AND (i.begun, i.contested) IS DISTINCT FROM (known.begun, known.contested);
        END IF;
        owner := CASE WHEN NOT known.contested THEN known.user_id END;
        UPDATE %1$s.traces t SET initiator_id = coalesce(t.user_id, owner)
        WHERE t.trace_id = trace.trace_id AND t.organization_id = trace.organization_id AND t.workspace_id IS NOT DISTINCT FROM trace.workspace_id
          AND t.start_time BETWEEN trace.first_at AND trace.last_at AND t.initiator_id IS DISTINCT FROM coalesce(t.user_id, owner);
      END LOOP;
      RETURN NULL;
    END
    $body$ $ddl$, create_span_function.schema, quote_literal(format('%s.trace_initiators', create_span_function.schema)),
      quote_literal(format('%s.traces', create_span_function.schema)), create_span_function.schema);
  EXECUTE format('COMMENT ON FUNCTION %s.attribute_spans() IS %L', create_span_function.schema, 'Trigger: spans get the user who began their trace');
  EXECUTE format('REVOKE ALL ON FUNCTION %s.attribute_spans() FROM PUBLIC', create_span_function.schema);
END
$$;
COMMENT ON FUNCTION tenancy_steps.create_span_function(regnamespace) IS 'Creates or replaces in a schema the function that gives spans the user who began their trace';

CREATE FUNCTION tenancy_steps.create_trace_tree(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  EXECUTE 'CREATE OR REPLACE FUNCTION ' || format($ddl$%1$s.trace_tree(trace_id text, since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity')
    RETURNS TABLE (depth integer, span_id text, parent_span_id text, name text, kind text, start_time timestamptz, duration interval,
                   status_code text, service_name text)
    LANGUAGE sql STABLE
    BEGIN ATOMIC
      WITH RECURSIVE span AS MATERIALIZED (
        SELECT t.span_id, t.parent_span_id, t.name, t.kind, t.start_time, t.end_time - t.start_time AS duration, t.status_code, t.service_name,
               t.parent_span_id IS NULL OR t.initiator_id IS DISTINCT FROM tenancy.current_user_id() AS is_whole
        FROM %1$s.traces_scoped t
        WHERE t.trace_id = trace_tree.trace_id AND t.start_time >= since AND t.start_time <= until
      ), tree AS (
        SELECT 0 AS depth, s.* FROM span s WHERE NOT EXISTS (SELECT FROM span p WHERE p.span_id = s.parent_span_id)
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
  $ddl$, create_trace_tree.schema);
  EXECUTE format('COMMENT ON FUNCTION %s.trace_tree(text, timestamptz, timestamptz) IS %L', create_trace_tree.schema,
                 'The spans of a trace that the session may list, parents before their children; nothing of a trace of which it sees own spans alone and no root. A span whose parent is not among them is a root');
END
$$;
COMMENT ON FUNCTION tenancy_steps.create_trace_tree(regnamespace) IS 'Creates or replaces in a schema the function that shows a trace as a tree';

-- For tables of 1.0, whose spans are their users' own, and those that nobody wrote the own of whoever wrote the root.
CREATE FUNCTION tenancy_steps.add_trace_initiators(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET row_security = off AS $$
DECLARE
  spans regclass := format('%s.traces', add_trace_initiators.schema)::regclass;
BEGIN
  EXECUTE format('ALTER TABLE %s ADD COLUMN initiator_id uuid', spans);
  EXECUTE format('WITH root AS (
      SELECT t.trace_id, t.organization_id, t.workspace_id, (array_agg(t.user_id ORDER BY t.start_time, t.span_id))[1] AS user_id,
             count(DISTINCT t.user_id) > 1 AS contested
      FROM %1$s t WHERE t.parent_span_id IS NULL GROUP BY 1, 2, 3)
    UPDATE %1$s t SET initiator_id = coalesce(t.user_id, r.user_id)
    FROM %1$s s LEFT JOIN root r ON r.trace_id = s.trace_id AND r.organization_id = s.organization_id AND NOT r.contested
                                AND r.workspace_id IS NOT DISTINCT FROM s.workspace_id
    WHERE (t.tableoid, t.ctid) = (s.tableoid, s.ctid) AND coalesce(t.user_id, r.user_id) IS NOT NULL', spans);
  EXECUTE format('CREATE INDEX traces_initiator_idx ON %s (workspace_id, initiator_id, start_time)', spans);
  PERFORM tenancy_steps.create_trace_initiators(add_trace_initiators.schema);
  EXECUTE format('INSERT INTO %2$s.trace_initiators (trace_id, organization_id, workspace_id, user_id, api_key_id, begun, contested, first_at, last_at)
    SELECT t.trace_id, t.organization_id, t.workspace_id, (array_agg(t.user_id ORDER BY t.start_time, t.span_id))[1],
           (array_agg(t.api_key_id ORDER BY t.start_time, t.span_id))[1], true, count(DISTINCT t.user_id) > 1, min(t.start_time), max(t.start_time)
    FROM %1$s t WHERE t.parent_span_id IS NULL GROUP BY 1, 2, 3', spans, add_trace_initiators.schema);
  PERFORM tenancy_steps.protect_traces(add_trace_initiators.schema);
  PERFORM tenancy.create_scoped_view(spans, format('%s.traces_scoped', add_trace_initiators.schema));
  PERFORM tenancy_steps.create_trace_tree(add_trace_initiators.schema);
END
$$;
COMMENT ON FUNCTION tenancy_steps.add_trace_initiators(regnamespace) IS 'Gives observability tables of an earlier version who began a trace';

CREATE FUNCTION tenancy_steps.protect_traces(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy.protect(format('%s.traces', protect_traces.schema)::regclass, 'traces', 'organization_id', 'workspace_id', 'user_id', 'api_key_id',
    '{status_message,attributes,events,links}', workspace_implies_organization => true, initiator => 'initiator_id');
  PERFORM tenancy.protect(format('%s.trace_initiators', protect_traces.schema)::regclass, 'traces', 'organization_id', 'workspace_id', 'user_id',
    'api_key_id', '{}', workspace_implies_organization => true);
  -- The trigger alone writes rows, whatever privileges somebody grants.
  EXECUTE format('CREATE POLICY by_spans_only ON %s.trace_initiators AS RESTRICTIVE FOR INSERT WITH CHECK (false)', protect_traces.schema);
END
$$;
COMMENT ON FUNCTION tenancy_steps.protect_traces(regnamespace) IS 'Protects the spans of a schema, and what remembers who began a trace';
