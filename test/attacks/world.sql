-- The world that is attacked: three organizations, protected tables of several shapes, canaries in all of them, in the
-- catalogs, and in a table of somebody else's; logins of every kind, and whom they can act as.
--
-- Expects psql variables: globex and umbrella, the names of the two foreign organizations; g and u, the first digits of their
-- ids; number, the first digits of their numbers. Two worlds in which these differ must look the same from acme.
--
--   acme      workspaces search and support, and the default one
--     olivia  owner
--     adam    admin
--     mona    manager in search
--     mike    member in search, sees own rows only
--     ben     member in support
--   globex    workspace lab; gus is its owner
--   umbrella  workspace lab; ursula is its owner
--
-- Words that say whose a thing is: canary_mike, canary_search, canary_support, canary_org (no workspace), canary_globex
-- (both foreign organizations), canary_theirs (the table of somebody else's).

CREATE EXTENSION pg_tenancy;
SELECT format('ALTER DATABASE %I SET session_preload_libraries = pg_tenancy', current_database()) \gexec
-- Plans that are forced look expensive, and would be compiled.
SELECT format('ALTER DATABASE %I SET jit = off', current_database()) \gexec
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA attacks;
GRANT USAGE ON SCHEMA attacks TO PUBLIC;

SELECT set_config('attacks.g', :'g', false), set_config('attacks.u', :'u', false), set_config('attacks.number', :'number', false) \g /dev/null
INSERT INTO tenancy.organizations (organization_id, slug, name, external_id) VALUES
  ('aaaaaaaa-0000-4000-8000-000000000000', 'acme', 'Acme', '1'),
  ((:'g' || '-0000-4000-8000-000000000000')::uuid, :'globex', 'canary_globex Inc', :'number' || '2'),
  ((:'u' || '-0000-4000-8000-000000000000')::uuid, :'umbrella', 'canary_globex Umbrella', :'number' || '3');
INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name, external_id, is_default) VALUES
  ('aaaaaaaa-0000-4000-8000-000000000001', 'aaaaaaaa-0000-4000-8000-000000000000', 'shared', 'Shared', '11', true),
  ('aaaaaaaa-0000-4000-8000-000000000002', 'aaaaaaaa-0000-4000-8000-000000000000', 'search', 'Search', '12', false),
  ('aaaaaaaa-0000-4000-8000-000000000003', 'aaaaaaaa-0000-4000-8000-000000000000', 'support', 'canary_support', '13', false),
  ((:'g' || '-0000-4000-8000-000000000001')::uuid, (:'g' || '-0000-4000-8000-000000000000')::uuid, 'shared', 'canary_globex shared', :'number' || '21', true),
  ((:'g' || '-0000-4000-8000-000000000002')::uuid, (:'g' || '-0000-4000-8000-000000000000')::uuid, 'lab-of-' || :'globex', 'canary_globex lab', :'number' || '22', false),
  ((:'u' || '-0000-4000-8000-000000000001')::uuid, (:'u' || '-0000-4000-8000-000000000000')::uuid, 'shared', 'canary_globex shared', :'number' || '31', true),
  ((:'u' || '-0000-4000-8000-000000000002')::uuid, (:'u' || '-0000-4000-8000-000000000000')::uuid, 'lab-of-' || :'umbrella', 'canary_globex lab', :'number' || '32', false);
INSERT INTO tenancy.users (user_id, email, name, external_id) VALUES
  ('cccccccc-0000-4000-8000-000000000001', 'olivia@acme.test', 'Olivia', '101'),
  ('cccccccc-0000-4000-8000-000000000002', 'adam@acme.test', 'Adam', '102'),
  ('cccccccc-0000-4000-8000-000000000003', 'mona@acme.test', 'Mona', '103'),
  ('cccccccc-0000-4000-8000-000000000004', 'mike@acme.test', 'Mike', '104'),
  ('cccccccc-0000-4000-8000-000000000005', 'ben@acme.test', 'Ben', '105'),
  ((:'g' || '-0000-4000-8000-00000000000a')::uuid, 'gus@' || :'globex' || '.test', 'canary_globex Gus', :'number' || '201'),
  ((:'g' || '-0000-4000-8000-00000000000b')::uuid, 'canary_globex@secret.test', 'canary_globex Gina', :'number' || '202'),
  ((:'u' || '-0000-4000-8000-00000000000a')::uuid, 'ursula@' || :'umbrella' || '.test', 'canary_globex Ursula', :'number' || '301');
SELECT tenancy.set_organization_role(organization, member, role) FROM (VALUES
  ('acme', 'olivia@acme.test', 'owner'), ('acme', 'adam@acme.test', 'admin'), ('acme', 'mona@acme.test', 'member'),
  ('acme', 'mike@acme.test', 'member'), ('acme', 'ben@acme.test', 'member'), (:'globex', 'gus@' || :'globex' || '.test', 'owner'),
  (:'globex', 'canary_globex@secret.test', 'admin'), (:'umbrella', 'ursula@' || :'umbrella' || '.test', 'owner')) v (organization, member, role) \g /dev/null
SELECT tenancy.set_workspace_role(workspace, member, role) FROM (VALUES
  ('acme/search', 'mona@acme.test', 'manager'), ('acme/search', 'mike@acme.test', 'member'), ('acme/support', 'ben@acme.test', 'member'),
  (:'globex' || '/lab-of-' || :'globex', 'canary_globex@secret.test', 'manager')) v (workspace, member, role) \g /dev/null
SELECT tenancy.set_setting('acme', 'members_view_all_data', false) \g /dev/null
INSERT INTO tenancy.roles (role_id, organization_id, level, name) VALUES
  ((:'g' || '-0000-4000-8000-00000000000c')::uuid, (:'g' || '-0000-4000-8000-000000000000')::uuid, 'workspace', 'canary_globex_role');

-- Keys with fixed ids, and secrets that only this test's superuser knows.
CREATE TABLE attacks.secrets (name text PRIMARY KEY, secret text NOT NULL, api_key_id uuid NOT NULL);
INSERT INTO attacks.secrets
SELECT name, tenancy_internal.generate_api_key(), (CASE WHEN name LIKE 'globex%' THEN :'g' ELSE 'dddddddd' END || '-0000-4000-8000-00000000000' || n)::uuid
FROM unnest(ARRAY['acme master', 'acme reader', 'search key', 'mike key', 'support key', 'globex master', 'globex lab key']) WITH ORDINALITY k (name, n);
INSERT INTO tenancy.api_keys (api_key_id, kind, name, organization_id, workspace_id, user_id, external_id, all_scopes)
SELECT s.api_key_id, v.kind, v.label, v.organization::uuid, v.workspace::uuid, v.member::uuid, v.external_id, v.all_scopes
FROM attacks.secrets s JOIN (VALUES
  ('acme master', 'organization_service_key', 'acme master', 'aaaaaaaa-0000-4000-8000-000000000000', NULL, NULL, '901', true),
  ('acme reader', 'organization_service_key', 'acme reader', 'aaaaaaaa-0000-4000-8000-000000000000', NULL, NULL, '902', false),
  ('search key', 'workspace_service_key', 'search key', 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', NULL, '903', false),
  ('mike key', 'workspace_user_key', 'mike key', 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'cccccccc-0000-4000-8000-000000000004', '904', false),
  ('support key', 'workspace_service_key', 'canary_support key', 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000003', NULL, '905', false),
  ('globex master', 'organization_service_key', 'canary_globex master', :'g' || '-0000-4000-8000-000000000000', NULL, NULL, :'number' || '906', true),
  ('globex lab key', 'workspace_service_key', 'canary_globex lab key', :'g' || '-0000-4000-8000-000000000000', :'g' || '-0000-4000-8000-000000000002', NULL, :'number' || '907', false))
  v (name, kind, label, organization, workspace, member, external_id, all_scopes) USING (name);
INSERT INTO tenancy.api_key_secrets (secret_hash, api_key_id) SELECT sha256(convert_to(secret, 'UTF8')), api_key_id FROM attacks.secrets;
INSERT INTO tenancy.api_key_scopes
SELECT k.api_key_id, p.resource, p.action FROM tenancy.api_keys k, tenancy.permissions p
WHERE NOT k.all_scopes AND p.resource IN ('logs', 'prompts', 'traces', 'completions') AND (k.name <> 'acme reader' OR p.action IN ('list', 'view'));
SELECT tenancy.set_jwks(:'globex', '{"kty": "OKP", "crv": "Ed25519", "kid": "canary_globex kid", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}',
  issuer => 'https://canary_globex.test') \g /dev/null

-- Tables of an ordinary owner.
CREATE SCHEMA app AUTHORIZATION att_owner;
GRANT USAGE ON SCHEMA app TO PUBLIC;
SELECT format('GRANT CREATE ON DATABASE %I TO att_owner', current_database()) \gexec
ALTER DEFAULT PRIVILEGES FOR ROLE att_owner GRANT ALL ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE att_owner GRANT USAGE ON SCHEMAS TO PUBLIC;
SET ROLE att_owner;
CREATE TABLE app.logs (
  id uuid DEFAULT gen_random_uuid() PRIMARY KEY, n int, organization_id uuid, workspace_id uuid, user_id uuid, api_key_id uuid,
  amount int, body text, at timestamptz DEFAULT '2026-01-01');
CREATE TABLE app.docs (
  id uuid DEFAULT gen_random_uuid() PRIMARY KEY, n int, organization_id uuid, workspace_id uuid, user_id uuid, title text, body text);
CREATE TABLE app.events (n int, day int, organization_id uuid, workspace_id uuid, user_id uuid, amount int, body text) PARTITION BY RANGE (day);
CREATE TABLE app.events_1 PARTITION OF app.events FOR VALUES FROM (0) TO (10);
CREATE TABLE app.events_2 PARTITION OF app.events FOR VALUES FROM (10) TO (20);
CREATE TABLE app.tickets (n int, workspace_id bigint NOT NULL, amount int, body text);
CREATE TABLE app.texts (n int, organization text NOT NULL, owner text, body text);
RESET ROLE;

CREATE TABLE attacks.rows_of (organization uuid, workspace uuid, member uuid, api_key uuid, body text, number text);
INSERT INTO attacks.rows_of VALUES
  ('aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'cccccccc-0000-4000-8000-000000000004', 'dddddddd-0000-4000-8000-000000000004', 'canary_mike', '101'),
  ('aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'cccccccc-0000-4000-8000-000000000003', NULL, 'canary_search', '102'),
  ('aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000003', 'cccccccc-0000-4000-8000-000000000005', NULL, 'canary_support', '103'),
  ('aaaaaaaa-0000-4000-8000-000000000000', NULL, 'cccccccc-0000-4000-8000-000000000001', NULL, 'canary_org', '104'),
  ((:'g' || '-0000-4000-8000-000000000000')::uuid, (:'g' || '-0000-4000-8000-000000000002')::uuid, (:'g' || '-0000-4000-8000-00000000000a')::uuid, NULL, 'canary_globex', :'number' || '1'),
  ((:'u' || '-0000-4000-8000-000000000000')::uuid, (:'u' || '-0000-4000-8000-000000000002')::uuid, (:'u' || '-0000-4000-8000-00000000000a')::uuid, NULL, 'canary_globex umbrella', :'number' || '2');
INSERT INTO app.logs (n, organization_id, workspace_id, user_id, api_key_id, amount, body)
SELECT 10 * number::bigint + i, organization, workspace, member, api_key, number::int, body FROM attacks.rows_of, generate_series(1, 3) i;
INSERT INTO app.docs (n, organization_id, workspace_id, user_id, title, body)
SELECT 10 * number::bigint + i, organization, workspace, member, body || ' title', body FROM attacks.rows_of, generate_series(1, 2) i;
INSERT INTO app.events SELECT number::int, i, organization, workspace, member, number::int, body FROM attacks.rows_of, unnest(ARRAY[5, 15]) i;
INSERT INTO app.tickets SELECT number::int, w.external_id::bigint, number::int, body FROM attacks.rows_of r JOIN tenancy.workspaces w ON w.workspace_id = r.workspace;
INSERT INTO app.texts SELECT number::int, o.external_id, u.external_id, body
FROM attacks.rows_of r JOIN tenancy.organizations o ON o.organization_id = r.organization LEFT JOIN tenancy.users u ON u.user_id = r.member;
-- Rows that no workspace has yet.
INSERT INTO app.tickets VALUES (1, (:'number' || '99')::bigint, 1, 'canary_globex unclaimed');
CREATE INDEX ON app.logs (organization_id, at);
CREATE INDEX ON app.logs (workspace_id);
-- For trusted conditions: no index begins with a tenant.
CREATE INDEX ON app.logs (body text_pattern_ops);
CREATE INDEX ON app.logs (lower(body));
CREATE INDEX ON app.docs (body text_pattern_ops);
CREATE INDEX ON app.events (body text_pattern_ops);
CREATE INDEX ON app.logs (amount);
CREATE INDEX ON app.events (workspace_id);
SELECT tenancy.protect('app.logs', 'logs', 'organization_id', 'workspace_id', 'user_id', 'api_key_id'),
       tenancy.protect('app.docs', 'logs', 'organization_id', 'workspace_id', 'user_id', payload => '{body}'),
       tenancy.protect('app.events', 'traces', 'organization_id', 'workspace_id', 'user_id'),
       tenancy.protect('app.tickets', 'logs', workspace => 'workspace_id'),
       tenancy.protect('app.texts', 'logs', organization => 'organization', owner => 'owner'),
       tenancy.create_scoped_view('app.docs', 'app.docs_scoped'),
       tenancy.create_observability('observability') \g /dev/null
INSERT INTO observability.logs (organization_id, workspace_id, user_id, start_time, request_model, usage_input_tokens)
SELECT organization, workspace, member, now() - interval '1 hour', body, number::bigint FROM attacks.rows_of;
INSERT INTO observability.log_payloads (log_id, start_time, organization_id, workspace_id, user_id, request)
SELECT log_id, start_time, organization_id, workspace_id, user_id, jsonb_build_object('prompt', request_model) FROM observability.logs;
INSERT INTO observability.traces (trace_id, span_id, start_time, organization_id, workspace_id, user_id, name, attributes)
SELECT md5(body), '1', now() - interval '1 hour', organization, workspace, member, 'span', jsonb_build_object('prompt', body) FROM attacks.rows_of;
SELECT observability.refresh_analytics() \g /dev/null
GRANT USAGE ON SCHEMA observability TO PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA app FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app TO PUBLIC;
GRANT SELECT ON observability.logs, observability.log_payloads, observability.traces, observability.analytics, observability.log_entries,
  observability.traces_scoped, observability.log_payloads_scoped TO PUBLIC;
GRANT INSERT ON observability.logs, observability.log_payloads, observability.traces TO PUBLIC;
GRANT EXECUTE ON FUNCTION observability.trace_tree TO PUBLIC;

-- Objects that an application's owner creates, relying on forced row security.
SET ROLE att_owner;
CREATE VIEW app.recent AS SELECT n, body FROM app.logs;
CREATE VIEW app.guarded WITH (security_barrier) AS SELECT n, body FROM app.events WHERE day >= 0;
CREATE FUNCTION app.report() RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS
$$ BEGIN RETURN (SELECT string_agg(l.body, ' ') FROM app.logs l); END $$;
CREATE FUNCTION app.report_sql() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER AS
$$ SELECT string_agg(d.body, ' ') FROM app.docs d $$;
GRANT SELECT ON app.recent, app.guarded TO PUBLIC;
RESET ROLE;

CREATE SCHEMA theirs;
GRANT USAGE ON SCHEMA theirs TO PUBLIC;
CREATE TABLE theirs.notes (owner name, amount int, body text);
INSERT INTO theirs.notes SELECT 'att_other', i, 'canary_theirs ' || i FROM generate_series(1, 5) i;
ALTER TABLE theirs.notes OWNER TO att_other;
ALTER TABLE theirs.notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON theirs.notes USING (owner = current_user);
GRANT SELECT, INSERT, UPDATE, DELETE ON theirs.notes TO PUBLIC;

-- Each attacker has a place for code, but for the tenants' login.
SELECT format('CREATE SCHEMA %I AUTHORIZATION %1$I', rolname) FROM pg_roles WHERE rolname ~ '^att_' AND rolname NOT IN ('att_web', 'att_bound', 'att_other') \gexec
GRANT EXECUTE ON FUNCTION tenancy.protect, tenancy.unprotect, tenancy.create_scoped_view TO att_owner;
GRANT SELECT ON ALL TABLES IN SCHEMA tenancy TO att_dba;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tenancy TO att_dba;
GRANT ALL ON ALL TABLES IN SCHEMA tenancy TO att_granted;
GRANT ALL ON ALL SEQUENCES IN SCHEMA tenancy TO att_granted;
GRANT ALL ON ALL FUNCTIONS IN SCHEMA tenancy TO att_granted;
GRANT ALL ON SCHEMA tenancy_internal, tenancy_steps TO att_granted;
GRANT ALL ON ALL FUNCTIONS IN SCHEMA tenancy_internal, tenancy_steps TO att_granted;
SELECT format('GRANT USAGE ON TYPE %s TO %I', oid::regtype, CASE typname WHEN 'sign_up' THEN 'att_sign_up' ELSE 'att_dba' END)
FROM pg_type WHERE typnamespace = 'tenancy'::regnamespace AND typname IN ('administrator', 'sign_up') \gexec
SELECT tenancy.trust_login('att_app'), tenancy.bind_login('att_bound', 'mike@acme.test') \g /dev/null

-- The principals, and the rows that each must not reach.
CREATE TABLE attacks.principals (principal text PRIMARY KEY, setting text, value text, login name, forbidden text NOT NULL);
INSERT INTO attacks.principals
SELECT v.principal, v.setting, coalesce((SELECT s.secret FROM attacks.secrets s WHERE s.name = v.value), v.value), v.login, v.forbidden
FROM (VALUES
  ('nobody', NULL, NULL, 'att_web', 'canary_'),
  ('acme master', 'api_key', 'acme master', 'att_web', 'canary_(globex|theirs)'),
  ('acme reader', 'api_key', 'acme reader', 'att_web', 'canary_(globex|theirs)'),
  ('search key', 'api_key', 'search key', 'att_web', 'canary_(globex|theirs|support|org)'),
  ('mike key', 'api_key', 'mike key', 'att_web', 'canary_(globex|theirs|support|org|search)'),
  ('mike', NULL, NULL, 'att_bound', 'canary_(globex|theirs|support|org|search)'),
  ('mike in the app', 'user', 'mike@acme.test', 'att_app', 'canary_(globex|theirs|support|org|search)'),
  ('mona', 'user', 'mona@acme.test', 'att_app', 'canary_(globex|theirs|support|org)'),
  ('adam', 'user', 'adam@acme.test', 'att_app', 'canary_(globex|theirs)'),
  ('olivia', 'user', 'olivia@acme.test', 'att_app', 'canary_(globex|theirs)'),
  ('ben', 'user', 'ben@acme.test', 'att_app', 'canary_(globex|theirs|search|mike|org)'),
  ('support key', 'api_key', 'support key', 'att_web', 'canary_(globex|theirs|search|mike|org)'),
  ('gus', 'user', 'gus@' || :'globex' || '.test', 'att_app', 'canary_(theirs|mike|search|support|org)'),
  ('globex master', 'api_key', 'globex master', 'att_web', 'canary_(theirs|mike|search|support|org)'),
  ('globex lab key', 'api_key', 'globex lab key', 'att_web', 'canary_(theirs|mike|search|support|org)'))
  v (principal, setting, value, login, forbidden);

-- A key for tokens, and a token that it has signed once and for all (its private half is thrown away): in acme/search, with most scopes.
CREATE TABLE attacks.tokens (name text PRIMARY KEY, value text NOT NULL);
GRANT SELECT ON attacks.tokens TO PUBLIC;
INSERT INTO attacks.tokens VALUES
  ('jwk', '{"kty": "OKP", "crv": "Ed25519", "kid": "attacker", "x": "XBbWStr9Vn7_DlgeWCKJop_1xqvlXga4AhgeBz7WtPg"}'),
  ('token', 'eyJhbGciOiJFZERTQSIsImtpZCI6ImF0dGFja2VyIn0.eyJzdWIiOiJhdHRhY2tlciIsIm9yZ2FuaXphdGlvbl9pZCI6ImFjbWUiLCJ3b3Jrc3BhY2Vfc2x1ZyI6InNlYXJjaCIsInNjb3BlIjoibG9ncy52aWV3IGxvZ3MubGlzdCBwcm9tcHRzLnZpZXcgcHJvbXB0cy5kZWxldGUgYXBpX2tleXMuY3JlYXRlIGJpbGxpbmcubWFuYWdlIGF1ZGl0X2xvZ3MubGlzdCB0ZWFtLmFzc2lnbl9yb2xlcyBvcmdhbml6YXRpb24udXBkYXRlIiwiZXhwIjo0MTAyNDQ0ODAwfQ.VW_2gAaxYhbjbMEI7jWrBRh8PyuQdUSwn0lQx12NsJsjIMDGh8DOW2s2nbr_tGx0LtB7IurI76fYvvm2CxIRCQ');
INSERT INTO attacks.principals VALUES ('token', 'jwt', (SELECT value FROM attacks.tokens WHERE name = 'token'), 'att_web', 'canary_globex');

-- Makes the transaction somebody's.
CREATE PROCEDURE attacks.become(who text, local boolean DEFAULT true) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('tenancy.' || s, '', local) FROM unnest(ARRAY['api_key', 'jwt', 'user', 'organization', 'workspace']) s;
  PERFORM set_config('tenancy.' || p.setting, p.value, local) FROM attacks.principals p WHERE p.principal = who AND p.setting IS NOT NULL;
END
$$;
ANALYZE;
