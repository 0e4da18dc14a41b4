-- Search of logs by more than model and status: by keys of metadata, and by words of requests and responses. It slows down
-- writers, so it is made on request only.

CREATE FUNCTION tenancy_steps.add_index(relation regclass, index name, definition text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_class c JOIN pg_class t ON t.relnamespace = c.relnamespace WHERE t.oid = add_index.relation AND c.relname = add_index.index) THEN
    EXECUTE format('CREATE INDEX %I ON %s %s', add_index.index, add_index.relation, add_index.definition);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_steps.add_index(regclass, name, text) IS 'Makes an index, unless its name is taken in the schema of the table';

CREATE FUNCTION tenancy_steps.add_metadata_key(logs regclass, key text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET quote_all_identifiers = off AS $$
DECLARE
  wanted text;
BEGIN
  IF length(add_metadata_key.key) > 1000 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a key of metadata has at most 1000 characters';
  END IF;
  FOREACH wanted IN ARRAY '{workspace_id,organization_id}'::text[] LOOP
    CONTINUE WHEN EXISTS (SELECT FROM pg_index i WHERE i.indrelid = add_metadata_key.logs AND i.indnkeyatts = 3 AND pg_get_indexdef(i.indexrelid, 1, false) = wanted
                            AND pg_get_indexdef(i.indexrelid, 2, false) = format('((metadata ->> %L::text))', add_metadata_key.key));
    EXECUTE format('CREATE INDEX ON %s (%I, (metadata ->> %L), start_time)', add_metadata_key.logs, wanted, add_metadata_key.key);
  END LOOP;
END
$$;
COMMENT ON FUNCTION tenancy_steps.add_metadata_key(regclass, text) IS 'Indexes logs by a key of metadata, led by the tenant, unless they are';

-- JSON escapes are not part of words, and longer strings than words (base64) would raise a NOTICE for the writer. The length
-- limit here keeps the tsvector below its maximum, which would be an error.
CREATE FUNCTION tenancy_steps.add_payload_words(log_payloads regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = add_payload_words.log_payloads AND a.attname = 'words' AND NOT a.attisdropped) THEN
    EXECUTE format($ddl$
      ALTER TABLE %s ADD COLUMN words tsvector GENERATED ALWAYS AS (to_tsvector('simple'::regconfig,
        regexp_replace(coalesce(left(request::text, 50000), '') || ' ' || coalesce(left(response::text, 50000), ''),
                       E'\\\\(?:u[0-9a-fA-F]{4}|.)|[^\\s"\\\\]{200,}', ' ', 'g'))) STORED $ddl$, add_payload_words.log_payloads);
    EXECUTE format('COMMENT ON COLUMN %s.words IS %L', add_payload_words.log_payloads, 'Words of request and response: of the first 50,000 characters of each');
  END IF;
  IF NOT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                 WHERE i.indrelid = add_payload_words.log_payloads AND a.attname = 'words') THEN
    EXECUTE format('CREATE INDEX ON %s USING gin (words)', add_payload_words.log_payloads);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_steps.add_payload_words(regclass) IS 'Gives log_payloads the words of each row, in a column of their own, and an index on them, unless it has both';

CREATE FUNCTION tenancy.add_observability_search(schema text DEFAULT 'observability', metadata_keys text[] DEFAULT '{}', words boolean DEFAULT false, any_key boolean DEFAULT false)
RETURNS void LANGUAGE tenancy_unit SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  place regnamespace := tenancy_steps.schema_named(add_observability_search.schema);
  logs regclass;
  payloads regclass;
  key text;
BEGIN
  IF place IS NULL OR to_regclass(format('%s.analytics_state', place)) IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('schema "%s" has no observability tables', add_observability_search.schema),
      HINT = 'Use tenancy.create_observability() to make them.';
  END IF;
  PERFORM tenancy_steps.refuse_several_owners(place, functions => false);
  logs := format('%s.logs', place);
  payloads := format('%s.log_payloads', place);
  -- Columns and indexes that earlier versions did not create.
  PERFORM tenancy_steps.add_index(logs, 'logs_organization_model_idx', '(organization_id, request_model, http_response_status_code, start_time)');
  PERFORM tenancy_steps.add_index(logs, 'logs_failed_idx', '(workspace_id, http_response_status_code, start_time) WHERE http_response_status_code >= 400');
  PERFORM tenancy_steps.add_index(logs, 'logs_organization_failed_idx', '(organization_id, http_response_status_code, start_time) WHERE http_response_status_code >= 400');
  FOREACH key IN ARRAY coalesce(add_observability_search.metadata_keys, '{}') LOOP
    PERFORM tenancy_steps.add_metadata_key(logs, key);
  END LOOP;
  IF add_observability_search.any_key THEN
    PERFORM tenancy_steps.add_index(logs, 'logs_metadata_idx', 'USING gin (metadata jsonb_path_ops)');
  END IF;
  IF add_observability_search.words THEN
    PERFORM tenancy_steps.add_payload_words(payloads);
    -- The view includes the column, which is payload like its source.
    IF NOT tenancy_steps.is_distributed(payloads) THEN
      PERFORM tenancy.create_scoped_view(payloads, format('%s.log_payloads_scoped', place));
    END IF;
  END IF;
  IF (add_observability_search.words OR add_observability_search.any_key) AND current_setting('tenancy.trusted_conditions', true) IS DISTINCT FROM 'all' THEN
    PERFORM tenancy_steps.notice('GIN indexes serve tenants where tenancy.trusted_conditions is all',
      detail => 'Their search meets entries of all tenants.', hint => 'Where tenants send no SQL of their own, a superuser can set it; else name the keys of metadata.');
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.add_observability_search(text, text[], boolean, boolean) IS 'Gives observability tables what logs are searched by: indexes on model and status that an earlier version did not make, on the metadata keys that are named, on any key (any_key), and the words of payloads (words: rewrites log_payloads once); for their owner. Called again, it adds what is missing; 42704 where there are no such tables';
