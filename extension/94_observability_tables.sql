-- Tables for LLM requests, named after OpenTelemetry's conventions. They belong to the caller of create_observability(), not to
-- the extension: pg_dump dumps them like any other tables.

CREATE FUNCTION tenancy_steps.create_observability_tables(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  EXECUTE format($ddl$
  CREATE TABLE %1$s.logs (
    log_id uuid NOT NULL DEFAULT gen_random_uuid(),
    start_time timestamptz NOT NULL DEFAULT now(),
    end_time timestamptz,
    organization_id uuid NOT NULL,
    workspace_id uuid,
    user_id uuid,
    api_key_id uuid,
    trace_id text COLLATE "C",
    span_id text COLLATE "C",
    conversation_id text COLLATE "C",
    operation_name text COLLATE "C",
    provider_name text COLLATE "C",
    request_model text COLLATE "C",
    response_model text COLLATE "C",
    response_id text COLLATE "C",
    response_finish_reasons text[],
    http_response_status_code integer,
    error_type text COLLATE "C",
    usage_input_tokens bigint,
    usage_output_tokens bigint,
    usage_cache_read_input_tokens bigint,
    usage_cache_creation_input_tokens bigint,
    time_to_first_token interval,
    cost numeric,
    metadata jsonb NOT NULL DEFAULT '{}',
    written_by uuid,
    -- Another workspace's or writer's entry of the same id is no obstacle, and its existence stays unknown.
    UNIQUE NULLS NOT DISTINCT (log_id, start_time, organization_id, workspace_id, written_by)
  ) PARTITION BY RANGE (start_time);
  CREATE INDEX logs_organization_idx ON %1$s.logs (organization_id, start_time);
  CREATE INDEX logs_workspace_idx ON %1$s.logs (workspace_id, start_time);
  CREATE INDEX logs_user_idx ON %1$s.logs (workspace_id, user_id, start_time);
  CREATE INDEX logs_api_key_idx ON %1$s.logs (workspace_id, api_key_id, start_time);
  CREATE INDEX logs_model_idx ON %1$s.logs (workspace_id, request_model, http_response_status_code, start_time);
  CREATE INDEX logs_organization_model_idx ON %1$s.logs (organization_id, request_model, http_response_status_code, start_time);
  -- Of what failed, whatever the model: few, so that it costs little to write.
  CREATE INDEX logs_failed_idx ON %1$s.logs (workspace_id, http_response_status_code, start_time) WHERE http_response_status_code >= 400;
  CREATE INDEX logs_organization_failed_idx ON %1$s.logs (organization_id, http_response_status_code, start_time) WHERE http_response_status_code >= 400;
  CREATE INDEX logs_trace_idx ON %1$s.logs (trace_id) WHERE trace_id IS NOT NULL;
  -- For the roll-up, which reads whole hours of all tenants.
  CREATE INDEX logs_start_time_idx ON %1$s.logs USING brin (start_time) WITH (pages_per_range = 16);
  COMMENT ON TABLE %1$s.logs IS 'Requests to models: metadata. Who may list logs sees a row';
  COMMENT ON COLUMN %1$s.logs.log_id IS 'Id of the entry; its writer may choose it, to write again without doubling';
  COMMENT ON COLUMN %1$s.logs.start_time IS 'When the request began (span: start time)';
  COMMENT ON COLUMN %1$s.logs.end_time IS 'When the response was complete (span: end time)';
  COMMENT ON COLUMN %1$s.logs.trace_id IS 'Trace that the request is part of (span: trace id, 32 hexadecimal digits)';
  COMMENT ON COLUMN %1$s.logs.span_id IS 'Span of the request in its trace (span: span id, 16 hexadecimal digits)';
  COMMENT ON COLUMN %1$s.logs.conversation_id IS 'gen_ai.conversation.id';
  COMMENT ON COLUMN %1$s.logs.operation_name IS 'gen_ai.operation.name: chat, embeddings, text_completion and so on';
  COMMENT ON COLUMN %1$s.logs.provider_name IS 'gen_ai.provider.name: openai, anthropic, aws.bedrock and so on';
  COMMENT ON COLUMN %1$s.logs.request_model IS 'gen_ai.request.model: the model that was asked for';
  COMMENT ON COLUMN %1$s.logs.response_model IS 'gen_ai.response.model: the model that answered';
  COMMENT ON COLUMN %1$s.logs.response_id IS 'gen_ai.response.id';
  COMMENT ON COLUMN %1$s.logs.response_finish_reasons IS 'gen_ai.response.finish_reasons';
  COMMENT ON COLUMN %1$s.logs.http_response_status_code IS 'http.response.status_code';
  COMMENT ON COLUMN %1$s.logs.error_type IS 'error.type: a short class of error, NULL for success';
  COMMENT ON COLUMN %1$s.logs.usage_input_tokens IS 'gen_ai.usage.input_tokens';
  COMMENT ON COLUMN %1$s.logs.usage_output_tokens IS 'gen_ai.usage.output_tokens';
  COMMENT ON COLUMN %1$s.logs.usage_cache_read_input_tokens IS 'gen_ai.usage.cache_read.input_tokens';
  COMMENT ON COLUMN %1$s.logs.usage_cache_creation_input_tokens IS 'gen_ai.usage.cache_creation.input_tokens';
  COMMENT ON COLUMN %1$s.logs.time_to_first_token IS 'gen_ai.server.time_to_first_token';
  COMMENT ON COLUMN %1$s.logs.cost IS 'Price of the request, in the one currency that the writers use (not an OpenTelemetry attribute)';
  COMMENT ON COLUMN %1$s.logs.metadata IS 'Any other attributes, as an object';

  CREATE TABLE %1$s.log_payloads (
    log_id uuid NOT NULL,
    start_time timestamptz NOT NULL,
    organization_id uuid NOT NULL,
    workspace_id uuid,
    user_id uuid,
    api_key_id uuid,
    request jsonb,
    response jsonb,
    written_by uuid,
    UNIQUE NULLS NOT DISTINCT (log_id, start_time, organization_id, workspace_id, written_by)
  ) PARTITION BY RANGE (start_time);
  CREATE INDEX log_payloads_organization_idx ON %1$s.log_payloads (organization_id, start_time);
  CREATE INDEX log_payloads_workspace_idx ON %1$s.log_payloads (workspace_id, start_time);
  CREATE INDEX log_payloads_user_idx ON %1$s.log_payloads (workspace_id, user_id, start_time);
  COMMENT ON TABLE %1$s.log_payloads IS 'Requests to models: full content. Who may view logs sees a row';
  COMMENT ON COLUMN %1$s.log_payloads.log_id IS 'The entry of logs';
  COMMENT ON COLUMN %1$s.log_payloads.start_time IS 'start_time of the entry';
  COMMENT ON COLUMN %1$s.log_payloads.request IS 'What was sent: gen_ai.input.messages, gen_ai.system_instructions, gen_ai.tool.definitions, parameters';
  COMMENT ON COLUMN %1$s.log_payloads.response IS 'What came back: gen_ai.output.messages';

  CREATE TABLE %1$s.traces (
    trace_id text COLLATE "C" NOT NULL,
    span_id text COLLATE "C" NOT NULL,
    parent_span_id text COLLATE "C",
    start_time timestamptz NOT NULL,
    end_time timestamptz,
    organization_id uuid NOT NULL,
    workspace_id uuid,
    user_id uuid,
    api_key_id uuid,
    name text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL DEFAULT 'internal' CHECK (kind IN ('internal', 'server', 'client', 'producer', 'consumer')),
    status_code text COLLATE "C" NOT NULL DEFAULT 'unset' CHECK (status_code IN ('unset', 'ok', 'error')),
    status_message text,
    service_name text COLLATE "C",
    scope_name text COLLATE "C",
    scope_version text COLLATE "C",
    trace_state text,
    resource jsonb NOT NULL DEFAULT '{}',
    attributes jsonb NOT NULL DEFAULT '{}',
    events jsonb NOT NULL DEFAULT '[]',
    links jsonb NOT NULL DEFAULT '[]',
    initiator_id uuid,
    written_by uuid,
    UNIQUE NULLS NOT DISTINCT (trace_id, span_id, start_time, organization_id, workspace_id, written_by)
  ) PARTITION BY RANGE (start_time);
  CREATE INDEX traces_organization_idx ON %1$s.traces (organization_id, start_time);
  CREATE INDEX traces_workspace_idx ON %1$s.traces (workspace_id, start_time);
  CREATE INDEX traces_user_idx ON %1$s.traces (workspace_id, user_id, start_time);
  CREATE INDEX traces_initiator_idx ON %1$s.traces (workspace_id, initiator_id, start_time);
  CREATE INDEX traces_name_idx ON %1$s.traces (workspace_id, name, status_code, start_time);
  COMMENT ON TABLE %1$s.traces IS 'OpenTelemetry spans. Who may view traces sees a row; who may only list them, traces_scoped';
  COMMENT ON COLUMN %1$s.traces.trace_id IS 'Span: trace id, 32 hexadecimal digits';
  COMMENT ON COLUMN %1$s.traces.span_id IS 'Span: span id, 16 hexadecimal digits';
  COMMENT ON COLUMN %1$s.traces.parent_span_id IS 'Span: parent span id, NULL for the root';
  COMMENT ON COLUMN %1$s.traces.start_time IS 'Span: start time';
  COMMENT ON COLUMN %1$s.traces.end_time IS 'Span: end time';
  COMMENT ON COLUMN %1$s.traces.name IS 'Span: name';
  COMMENT ON COLUMN %1$s.traces.kind IS 'Span: kind, in lower case and without SPAN_KIND_';
  COMMENT ON COLUMN %1$s.traces.status_code IS 'Span: status code, in lower case and without STATUS_CODE_';
  COMMENT ON COLUMN %1$s.traces.status_message IS 'Span: status message';
  COMMENT ON COLUMN %1$s.traces.service_name IS 'service.name of the resource';
  COMMENT ON COLUMN %1$s.traces.scope_name IS 'Instrumentation scope: name';
  COMMENT ON COLUMN %1$s.traces.scope_version IS 'Instrumentation scope: version';
  COMMENT ON COLUMN %1$s.traces.trace_state IS 'Span: trace state';
  COMMENT ON COLUMN %1$s.traces.resource IS 'Attributes of the resource';
  COMMENT ON COLUMN %1$s.traces.attributes IS 'Attributes of the span, with messages where they are recorded';
  COMMENT ON COLUMN %1$s.traces.events IS 'Events of the span';
  COMMENT ON COLUMN %1$s.traces.links IS 'Links of the span';
  COMMENT ON COLUMN %1$s.traces.initiator_id IS 'The span''s user; without one, the user who began the trace';

  CREATE TABLE %1$s.analytics (
    hour timestamptz NOT NULL,
    organization_id uuid NOT NULL,
    workspace_id uuid,
    user_id uuid,
    api_key_id uuid,
    operation_name text COLLATE "C",
    provider_name text COLLATE "C",
    request_model text COLLATE "C",
    http_response_status_code integer,
    requests bigint NOT NULL,
    usage_input_tokens bigint NOT NULL,
    usage_output_tokens bigint NOT NULL,
    usage_cache_read_input_tokens bigint NOT NULL,
    usage_cache_creation_input_tokens bigint NOT NULL,
    cost numeric NOT NULL,
    timed_requests bigint NOT NULL,
    duration interval NOT NULL,
    UNIQUE NULLS NOT DISTINCT (hour, organization_id, workspace_id, user_id, api_key_id, operation_name, provider_name, request_model,
                               http_response_status_code)
  ) PARTITION BY RANGE (hour);
  CREATE INDEX analytics_organization_idx ON %1$s.analytics (organization_id, hour);
  CREATE INDEX analytics_workspace_idx ON %1$s.analytics (workspace_id, hour);
  CREATE INDEX analytics_user_idx ON %1$s.analytics (workspace_id, user_id, hour);
  COMMENT ON TABLE %1$s.analytics IS 'Sums of logs by hour, workspace, user, key, model and status, kept by refresh_analytics(). Who may view analytics sees a row';
  COMMENT ON COLUMN %1$s.analytics.hour IS 'Beginning of the hour (UTC) in which the requests began';
  COMMENT ON COLUMN %1$s.analytics.operation_name IS 'gen_ai.operation.name';
  COMMENT ON COLUMN %1$s.analytics.provider_name IS 'gen_ai.provider.name';
  COMMENT ON COLUMN %1$s.analytics.request_model IS 'gen_ai.request.model';
  COMMENT ON COLUMN %1$s.analytics.http_response_status_code IS 'http.response.status_code';
  COMMENT ON COLUMN %1$s.analytics.requests IS 'Number of requests';
  COMMENT ON COLUMN %1$s.analytics.usage_input_tokens IS 'Sum of gen_ai.usage.input_tokens';
  COMMENT ON COLUMN %1$s.analytics.usage_output_tokens IS 'Sum of gen_ai.usage.output_tokens';
  COMMENT ON COLUMN %1$s.analytics.usage_cache_read_input_tokens IS 'Sum of gen_ai.usage.cache_read.input_tokens';
  COMMENT ON COLUMN %1$s.analytics.usage_cache_creation_input_tokens IS 'Sum of gen_ai.usage.cache_creation.input_tokens';
  COMMENT ON COLUMN %1$s.analytics.cost IS 'Sum of cost';
  COMMENT ON COLUMN %1$s.analytics.timed_requests IS 'Number of requests that have an end_time';
  COMMENT ON COLUMN %1$s.analytics.duration IS 'Sum of their end_time - start_time (gen_ai.client.operation.duration)'
  $ddl$, create_observability_tables.schema);
END
$$;
COMMENT ON FUNCTION tenancy_steps.create_observability_tables(regnamespace) IS 'Creates logs, log_payloads, traces and analytics in a schema, without partitions and not yet protected';

-- A row can name another user and key than its writer's. Its writer then stands in a column of its own, in which principals can write
-- nothing else. A condition and no trigger, since BEFORE triggers slow COPY down.
CREATE FUNCTION tenancy_steps.keep_writer(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  writer CONSTANT text := 'coalesce(tenancy.current_api_key_id(), tenancy.current_user_id())';
BEGIN
  IF NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = keep_writer.relation AND p.polname = 'written_by_session') THEN
    EXECUTE format('CREATE POLICY written_by_session ON %s AS RESTRICTIVE FOR INSERT WITH CHECK (written_by IS NOT DISTINCT FROM %s)', keep_writer.relation, writer);
  END IF;
  IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = keep_writer.relation AND a.attname = 'written_by' AND a.atthasdef) THEN
    EXECUTE format('ALTER TABLE ONLY %s ALTER COLUMN written_by SET DEFAULT %s', keep_writer.relation, writer);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_steps.keep_writer(regclass) IS 'Lets one table with a column written_by say who wrote a row: by its default, and a policy for INSERT';

CREATE FUNCTION tenancy_steps.keep_writers(schema regnamespace) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  relation regclass;
BEGIN
  FOR relation IN SELECT to_regclass(format('%s.%I', keep_writers.schema, t)) FROM unnest('{logs,log_payloads,traces}'::text[]) t LOOP
    -- The default comes later: rows that are there say nothing, and are not written anew.
    IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = 'written_by' AND NOT a.attisdropped) THEN
      EXECUTE format('ALTER TABLE %s ADD COLUMN written_by uuid', relation);
    END IF;
    EXECUTE format('COMMENT ON COLUMN %s.written_by IS %L', relation,
                   'Whose session wrote the row: the API key or, without one, the user; NULL for a token, and for rows from before there was this column');
    -- A statement that names a partition is under its policies alone. Later partitions get theirs when they are attached.
    PERFORM tenancy_steps.keep_writer(f.relid::regclass) FROM (
      WITH RECURSIVE family AS (
        SELECT relation::oid AS relid
        UNION
        SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.relid)
      TABLE family) f;
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_steps.keep_writers(regnamespace) IS 'Lets the observability tables of a schema say who wrote a row, where they do not yet';
