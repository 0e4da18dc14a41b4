-- Data visibility, sentence by sentence: what the gateway's documentation makes one expect, and what a user sees.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
SELECT tenancy.create_observability('obs') \gset
GRANT USAGE ON SCHEMA obs TO regress_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA obs TO regress_app;
GRANT EXECUTE ON FUNCTION obs.trace_tree TO regress_app;
INSERT INTO tenancy.api_key_scopes SELECT k.api_key_id, r, a FROM tenancy.api_keys k, tenancy.permissions p, LATERAL (SELECT p.resource, p.action) x (r, a)
WHERE NOT k.all_scopes AND p.resource IN ('logs', 'traces', 'analytics') AND p.action IN ('view', 'list', 'write') ON CONFLICT DO NOTHING;
CREATE FUNCTION key_of(member text, workspace text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  made record;
BEGIN
  SELECT * INTO made FROM tenancy.create_api_key('workspace_user_key', member || ' ' || workspace, 'acme', workspace, member || '@acme.test',
    '{"completions": "enabled", "metrics": "enabled", "logs": ["list", "view", "export"], "traces": ["list", "view"]}');
  INSERT INTO app.secrets VALUES (member || ' ' || workspace, made.secret);
END
$$;
SELECT key_of(m, w) FROM (VALUES ('mona', 'search'), ('ben', 'search'), ('ben', 'support'), ('wanda', 'support')) v (m, w) \g /dev/null
-- Requests of users, in two workspaces, by their keys, and of a service: a log, its payload and a span each.
CREATE FUNCTION request(n int, who text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  log uuid := gen_random_uuid();
BEGIN
  CALL app.become(who, true);
  INSERT INTO obs.logs (log_id, start_time, request_model, operation_name, usage_input_tokens) VALUES (log, now() - interval '2 hours', 'm' || n, who, 1);
  INSERT INTO obs.log_payloads (log_id, start_time, request) VALUES (log, now() - interval '2 hours', to_jsonb('text ' || n));
  INSERT INTO obs.traces (trace_id, span_id, name, start_time) VALUES (n, '1', 'root', now() - interval '2 hours');
END
$$;
GRANT EXECUTE ON FUNCTION request TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SELECT request(n, who) FROM (VALUES (1, 'mike key'), (2, 'mona search'), (3, 'ben search'), (4, 'search service'), (5, 'ben support'), (6, 'wanda support')) v (n, who) \g /dev/null
RESET SESSION AUTHORIZATION;
CALL become('nobody');
SELECT obs.refresh_analytics() \gset
CREATE FUNCTION sees(who text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text[] := '{}';
  query text;
  part text;
BEGIN
  CALL app.become(who, true);
  FOREACH query IN ARRAY ARRAY['SELECT right(request_model, 1) FROM obs.logs', 'SELECT right(request #>> ''{}'', 1) FROM obs.log_payloads', 'SELECT right(request_model, 1) FROM obs.analytics',
    'SELECT trace_id FROM obs.traces', 'SELECT g FROM generate_series(1, 7) g WHERE EXISTS (SELECT FROM obs.trace_tree(g::text))'] LOOP
    EXECUTE format('SELECT coalesce(string_agg(x::text, '''' ORDER BY x), ''-'') FROM (%s) s (x)', query) INTO part;
    result := result || part;
  END LOOP;
  -- The same in logs, payloads, analytics, traces and trees, or each.
  RETURN CASE WHEN cardinality(array_positions(result, result[1])) = cardinality(result) THEN result[1] ELSE result::text END;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END
$$;
GRANT EXECUTE ON FUNCTION sees TO regress_app;
CREATE FUNCTION expect(sentence text, expected jsonb) RETURNS TABLE (who text, expected text, seen text) LANGUAGE sql AS $$
  SELECT e.key, e.value #>> '{}', sees(e.key) FROM jsonb_each(expected) e WHERE sees(e.key) IS DISTINCT FROM e.value #>> '{}'
$$;
GRANT EXECUTE ON FUNCTION expect TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM expect('Members have access to logs and analytics; workspaces are their own', '{"mike": "1234", "mona": "1234", "ben": "123456", "wanda": "56", "olivia": "123456", "adam": "123456", "nora": "-", "gus": "-", "nobody": "-"}');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM expect('Members View All Data off: the user only sees requests made with their own API keys', '{"mike": "1", "ben": "12345"}');
SELECT * FROM expect('... managers and owners, admins as before', '{"mona": "1234", "wanda": "56", "olivia": "123456", "adam": "123456"}');
SELECT * FROM expect('Workspace-user keys: the same settings, by the role of the user', '{"mike key": "1", "mona search": "1234", "ben search": "1234", "ben support": "5", "wanda support": "56"}');
SELECT * FROM expect('Service API keys bypass the restrictions', '{"search service": "1234", "acme master": "123456"}');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'managers_view_all_data', false);
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM expect('Managers View All Data off; logs of service keys are nobody''s', '{"mona": "2", "ben": "35", "mike": "1", "wanda": "56", "olivia": "123456", "adam": "123456", "ben search": "3", "search service": "1234"}');
RESET SESSION AUTHORIZATION;
-- An organization's admin who is a restricted member of a workspace as well: always full access
SELECT tenancy.set_workspace_role('acme/search', 'adam@acme.test', 'member');
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM expect('Organization owners and admins always have full access', '{"adam": "123456"}');
RESET SESSION AUTHORIZATION;
-- Overrides: off until the toggle allows them, then the workspace's own, or the organization's
SELECT tenancy.set_setting('acme', 'members_view_all_data', true, 'search'), tenancy.set_setting('acme', 'managers_view_all_data', true, 'search');
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM expect('Without the toggle a workspace''s settings are ignored', '{"mona": "2", "mike": "1", "ben": "35"}');
RESET SESSION AUTHORIZATION;
SELECT tenancy.allow_workspace_overrides('acme', 'data_visibility', true);
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM expect('Workspace settings take precedence; others fall back to the organization''s', '{"mona": "1234", "mike": "1234", "ben": "12345", "wanda": "56"}');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'members_view_all_data', true), tenancy.set_setting('acme', 'members_view_all_data', false, 'search');
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM expect('... in both directions', '{"mona": "1234", "mike": "1", "ben": "123456"}');
-- The other resources are the workspace's, whatever the switches say.
RESET SESSION AUTHORIZATION;
SELECT tenancy.protect('prompts', 'prompts', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true);
SET SESSION AUTHORIZATION regress_app;
SELECT who, app.visible(who, 'app.prompts') FROM unnest(ARRAY['mike', 'mona', 'ben']) who;
RESET SESSION AUTHORIZATION;
DROP SCHEMA obs CASCADE;
