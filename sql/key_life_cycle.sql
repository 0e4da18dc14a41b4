-- From the making of an API key to its tombstone.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\set documents :srcdir '/sql/include/documents.sql'
\i :world
\i :documents
SET client_min_messages = warning;
\o /dev/null
SELECT tenancy.protect('prompts', 'documents', organization => 'organization_id', workspace => 'workspace_id', api_key => 'api_key_id');
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id');
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
\o
-- The session's principal with a secret, or the error.
CREATE FUNCTION is_by(key text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(key, true);
  RETURN (SELECT concat_ws(' ', kind, source, organization, workspace, email) FROM tenancy.whoami());
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s: %s', SQLSTATE, SQLERRM);
END
$$;
-- Keeps a secret under a name.
CREATE FUNCTION keep(as_name text, new_secret text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO app.secrets VALUES (as_name, new_secret) ON CONFLICT (name) DO UPDATE SET secret = EXCLUDED.secret
$$;
CREATE FUNCTION id_of(key text) RETURNS uuid LANGUAGE sql AS $$ SELECT api_key_id FROM tenancy.api_keys WHERE api_keys.name = key $$;

-- Made: the secret once, and nowhere in the catalogs
SELECT keep('new', (SELECT secret FROM tenancy.create_api_key('workspace_user_key', 'new', 'acme', 'search', 'mike@acme.test', '["documents.list", "documents.view", "documents.create"]')));
SELECT length(secret), left(secret, 3) FROM secrets WHERE name = 'new';
SELECT kind, name, workspace_id IS NOT NULL AS has_workspace, user_id IS NOT NULL AS has_user, (SELECT secret LIKE k.display_prefix || '%' AND length(secret) > 3 * length(k.display_prefix) FROM secrets WHERE name = 'new') AS prefix_is_of_it,
       all_scopes, expires_at, revoked_at, deleted_at FROM tenancy.api_keys k WHERE name = 'new';
SELECT count(*) AS found_by_hash FROM tenancy.api_key_secrets WHERE secret_hash = sha256((SELECT secret::bytea FROM secrets WHERE name = 'new')) AND api_key_id = id_of('new');
SELECT count(DISTINCT secret) AS different FROM generate_series(1, 100) i, tenancy.create_api_key('workspace_service_key', 'one of many', 'acme', 'search');
SET SESSION AUTHORIZATION regress_app;
SELECT is_by('new'), visible('new', 'app.prompts');
RESET SESSION AUTHORIZATION;
-- one letter more, less or other isn't it
INSERT INTO secrets SELECT 'longer', secret || 'a' FROM secrets WHERE name = 'new' UNION ALL SELECT 'shorter', left(secret, -1) FROM secrets WHERE name = 'new'
  UNION ALL SELECT 'other', left(secret, 10) || CASE substr(secret, 11, 1) WHEN 'a' THEN 'b' ELSE 'a' END || substr(secret, 12) FROM secrets WHERE name = 'new' UNION ALL SELECT 'word', 'secret';
SET SESSION AUTHORIZATION regress_app;
SELECT key, is_by(key) FROM unnest(ARRAY['longer', 'shorter', 'other', 'word']) key;
RESET SESSION AUTHORIZATION;

-- Changed: each where it is given
SELECT tenancy.update_api_key(id_of('new'), 'newer');
SELECT name, expires_at, (SELECT string_agg(resource || '.' || action, ' ' ORDER BY resource, action) FROM tenancy.api_key_scopes s WHERE s.api_key_id = k.api_key_id) AS scopes FROM tenancy.api_keys k WHERE name = 'newer';
SELECT tenancy.update_api_key(id_of('newer'), scopes => '{"prompts": "read", "completions": "enabled"}');
SELECT tenancy.update_api_key(id_of('newer'), expires_at => '2999-01-01 00:00+00');
SELECT name, expires_at = '2999-01-01 00:00+00' AS in_2999, (SELECT string_agg(resource || '.' || action, ' ' ORDER BY resource, action) FROM tenancy.api_key_scopes s WHERE s.api_key_id = k.api_key_id) AS scopes FROM tenancy.api_keys k WHERE name = 'newer';
SELECT tenancy.update_api_key(id_of('newer'), 'new', NULL, 'infinity');
SELECT name, expires_at FROM tenancy.api_keys WHERE name = 'new';
SELECT tenancy.update_api_key(id_of('new'), scopes => '"all"');
SELECT all_scopes, (SELECT count(*) FROM tenancy.api_key_scopes s WHERE s.api_key_id = k.api_key_id) AS scopes FROM tenancy.api_keys k WHERE name = 'new';
SELECT tenancy.update_api_key(id_of('new'), scopes => '["documents.list", "documents.view", "documents.create"]');
SELECT all_scopes, (SELECT count(*) FROM tenancy.api_key_scopes s WHERE s.api_key_id = k.api_key_id) AS scopes FROM tenancy.api_keys k WHERE name = 'new';
SET SESSION AUTHORIZATION regress_app;
SELECT is_by('new'), visible('new', 'app.prompts'), visible('new', 'app.logs');
RESET SESSION AUTHORIZATION;
SELECT call, f.state, regexp_replace(f.message, 'key [0-9a-f-]{36}', 'key …') AS message, f.hint FROM unnest(ARRAY[$$update_api_key(app.id_of('new'), expires_at => '2020-01-01')$$, $$update_api_key(app.id_of('new'), expires_at => now())$$,
    $$update_api_key(app.id_of('new'), expires_at => '-infinity')$$, $$update_api_key(app.id_of('new'), '')$$, $$update_api_key(app.id_of('new'), scopes => '["prompts.vieuw"]')$$,
    $$update_api_key(gen_random_uuid(), 'x')$$, $$update_api_key(NULL, 'x')$$]) call, failure('SELECT tenancy.' || call) f;

-- Expired: refused, and again accepted when it is prolonged
SELECT tenancy.update_api_key(id_of('new'), expires_at => '2999-01-01');
SET SESSION AUTHORIZATION regress_app;
SELECT is_by('new');
RESET SESSION AUTHORIZATION;
UPDATE tenancy.api_keys SET expires_at = now() - interval '1 second' WHERE name = 'new';
SET SESSION AUTHORIZATION regress_app;
SELECT is_by('new'), visible('new', 'app.prompts'), is_by('mike key');
RESET SESSION AUTHORIZATION;
SELECT tenancy.rotate_api_key(id_of('new'));
SELECT tenancy.update_api_key(id_of('new'), expires_at => 'infinity');
SET SESSION AUTHORIZATION regress_app;
SELECT is_by('new'), visible('new', 'app.prompts');
RESET SESSION AUTHORIZATION;

-- Rotated: the id stays, and both secrets work
CREATE TABLE before AS SELECT api_key_id, display_prefix FROM tenancy.api_keys WHERE name = 'new';
SELECT keep('old', (SELECT secret FROM secrets WHERE name = 'new'));
SELECT keep('new', tenancy.rotate_api_key(id_of('new')));
SELECT (SELECT secret FROM secrets WHERE name = 'new') <> (SELECT secret FROM secrets WHERE name = 'old') AS another_secret, b.display_prefix <> k.display_prefix AS another_prefix FROM before b JOIN tenancy.api_keys k USING (api_key_id);
SELECT is_current, valid_until BETWEEN now() + interval '29 minutes' AND now() + interval '30 minutes' AS for_half_an_hour FROM tenancy.api_key_secrets WHERE api_key_id = id_of('new') ORDER BY 1;
SET SESSION AUTHORIZATION regress_app;
SELECT key, is_by(key), visible(key, 'app.prompts'), attempt(key, 'INSERT INTO app.prompts (id) VALUES (100)') FROM unnest(ARRAY['old', 'new']) key;
RESET SESSION AUTHORIZATION;
-- no other meanwhile
SELECT transition, f.state, f.message, f.hint FROM unnest(ARRAY['30 minutes', '1 day', '0']) transition, failure(format('SELECT tenancy.rotate_api_key(app.id_of(''new''), %L)', transition)) f;
-- over by the clock
UPDATE tenancy.api_key_secrets SET valid_until = now() WHERE api_key_id = id_of('new') AND NOT is_current;
SET SESSION AUTHORIZATION regress_app;
SELECT key, is_by(key), visible(key, 'app.prompts') FROM unnest(ARRAY['old', 'new']) key;
RESET SESSION AUTHORIZATION;
SELECT keep('old', (SELECT secret FROM secrets WHERE name = 'new'));
SELECT keep('new', tenancy.rotate_api_key(id_of('new'), '1 day'));
SELECT count(*) FROM tenancy.api_key_secrets WHERE api_key_id = id_of('new');
SET SESSION AUTHORIZATION regress_app;
SELECT key, is_by(key) FROM unnest(ARRAY['old', 'new']) key;
RESET SESSION AUTHORIZATION;
-- over before its time
SELECT tenancy.end_api_key_transition(id_of('new'));
SET SESSION AUTHORIZATION regress_app;
SELECT key, is_by(key) FROM unnest(ARRAY['old', 'new']) key;
RESET SESSION AUTHORIZATION;
SELECT tenancy.end_api_key_transition(id_of('new'));
-- at once
SELECT keep('old', (SELECT secret FROM secrets WHERE name = 'new'));
SELECT keep('new', tenancy.rotate_api_key(id_of('new'), '0'));
SET SESSION AUTHORIZATION regress_app;
SELECT key, is_by(key) FROM unnest(ARRAY['old', 'new']) key;
RESET SESSION AUTHORIZATION;
SELECT transition, f.state, f.message, f.hint FROM unnest(ARRAY['29 minutes 59 seconds', '1 second', '-1 hour', NULL]) transition, failure(format('SELECT tenancy.rotate_api_key(app.id_of(''new''), %L)', transition)) f;
-- of a session that acts by the old secret, mid-transaction
SELECT keep('old', (SELECT secret FROM secrets WHERE name = 'new'));
SELECT keep('new', tenancy.rotate_api_key(id_of('new')));
-- a rotation that is rolled back has not been
BEGIN;
SELECT tenancy.end_api_key_transition(id_of('new'));
SELECT length(tenancy.rotate_api_key(id_of('new'), '0')) > 0 AS rotated;
ROLLBACK;
SET SESSION AUTHORIZATION regress_app;
SELECT key, is_by(key) FROM unnest(ARRAY['old', 'new']) key;
RESET SESSION AUTHORIZATION;
SELECT tenancy.end_api_key_transition(id_of('new'));

-- Rows by the key: its user's own, as the table says only which key wrote them
SET SESSION AUTHORIZATION regress_app;
BEGIN;
CALL become('new', true);
INSERT INTO prompts (id, body) VALUES (100, 'by the new key') RETURNING workspace_id, user_id, api_key_id IS NOT NULL AS has_key;
COMMIT;
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'members_view_all_data', false), tenancy.set_workspace_role('acme/search', 'nora@acme.test', 'member');
SET SESSION AUTHORIZATION regress_app;
SELECT who, visible(who, 'app.prompts') FROM unnest(ARRAY['mike', 'new', 'mike key', 'nora', 'mona', 'search service']) who;
RESET SESSION AUTHORIZATION;

-- Revoked: for good
SELECT tenancy.revoke_api_key(id_of('new'));
SET SESSION AUTHORIZATION regress_app;
SELECT is_by('new'), is_by('mike key'), visible('new', 'app.prompts') AS by_it, visible('mike', 'app.prompts') AS users_own;
RESET SESSION AUTHORIZATION;
SELECT revoked_at IS NOT NULL AS revoked, deleted_at FROM tenancy.api_keys WHERE name = 'new';
CREATE TABLE revoked AS SELECT revoked_at FROM tenancy.api_keys WHERE name = 'new';
SELECT tenancy.revoke_api_key(id_of('new'));
SELECT k.revoked_at = r.revoked_at AS still_the_first_time FROM tenancy.api_keys k, revoked r WHERE name = 'new';
SELECT tenancy.rotate_api_key(id_of('new'));
SELECT tenancy.update_api_key(id_of('new'), 'new', '["documents.view"]', 'infinity');
SET SESSION AUTHORIZATION regress_app;
SELECT is_by('new');
RESET SESSION AUTHORIZATION;

-- Deleted: a tombstone, and the rows stay the user's own
CREATE TABLE gone AS SELECT api_key_id FROM tenancy.api_keys WHERE name = 'new';
SELECT tenancy.delete_api_key(api_key_id) FROM gone;
SELECT kind, name, user_id IS NOT NULL AS has_user, display_prefix, all_scopes, revoked_at IS NOT NULL AS revoked, deleted_at IS NOT NULL AS deleted FROM tenancy.api_keys JOIN gone USING (api_key_id);
SELECT (SELECT count(*) FROM tenancy.api_key_secrets JOIN gone USING (api_key_id)) AS secrets, (SELECT count(*) FROM tenancy.api_key_scopes JOIN gone USING (api_key_id)) AS scopes;
SET SESSION AUTHORIZATION regress_app;
SELECT is_by('new'), is_by('mike key'), visible('mike', 'app.prompts') AS users_own, visible('nora', 'app.prompts') AS anothers;
RESET SESSION AUTHORIZATION;
SELECT call, f.state, regexp_replace(f.message, 'key [0-9a-f-]{36}', 'key …') AS message FROM unnest(ARRAY['update_api_key((SELECT api_key_id FROM app.gone), ''x'')', 'rotate_api_key((SELECT api_key_id FROM app.gone))',
    'end_api_key_transition((SELECT api_key_id FROM app.gone))', 'revoke_api_key((SELECT api_key_id FROM app.gone))', 'delete_api_key((SELECT api_key_id FROM app.gone))']) call, failure('SELECT tenancy.' || call) f;
-- nobody who administers keys sees it any more as one that works
SET SESSION AUTHORIZATION regress_app;
SELECT set_config('tenancy.user', 'mona@acme.test', false);
SELECT count(*) FROM tenancy.who_can('documents', 'view', 'search') w JOIN app.gone g ON g.api_key_id = w.principal_id;
SELECT count(*) FROM tenancy.who_can('documents', 'view', 'search') w WHERE w.principal_id = 'dddddddd-0000-4000-8000-000000000003';
SELECT set_config('tenancy.user', '', false);
RESET SESSION AUTHORIZATION;
-- a key can be made with the name of one that is gone
SELECT count(*) FROM tenancy.create_api_key('workspace_user_key', 'new', 'acme', 'search', 'mike@acme.test');

-- By plain SQL, as a DBA: the same facts count
UPDATE tenancy.api_keys SET revoked_at = now() WHERE name = 'mike key';
SET SESSION AUTHORIZATION regress_app;
SELECT is_by('mike key'), is_by('ben support key');
RESET SESSION AUTHORIZATION;
UPDATE tenancy.api_keys SET revoked_at = NULL WHERE name = 'mike key';
SET SESSION AUTHORIZATION regress_app;
SELECT is_by('mike key'), is_by('ben support key');
RESET SESSION AUTHORIZATION;
DELETE FROM tenancy.api_key_secrets WHERE api_key_id = id_of('mike key');
SET SESSION AUTHORIZATION regress_app;
SELECT is_by('mike key'), is_by('ben support key');
RESET SESSION AUTHORIZATION;
-- at most two secrets, of which one is current; what a key stands for stays
SELECT f.state, f.message FROM unnest(ARRAY['INSERT INTO tenancy.api_key_secrets (secret_hash, api_key_id) VALUES (sha256(''x''), app.id_of(''ben support key''))',
  'INSERT INTO tenancy.api_key_secrets (secret_hash, api_key_id, is_current) VALUES (sha256(''x''), app.id_of(''ben support key''), false)',
  'UPDATE tenancy.api_keys SET kind = ''workspace_service_key'', user_id = NULL WHERE name = ''ben support key''',
  'UPDATE tenancy.api_keys SET user_id = ''cccccccc-0000-4000-8000-000000000001'' WHERE name = ''ben support key''']) command, failure(command) f;

-- A credential that ends hands out nothing that lasts longer: not to itself, nor to another key
\o /dev/null
SELECT keep('ending', (SELECT secret FROM tenancy.create_api_key('organization_service_key', 'ending', 'acme', scopes => '"all"', expires_at => '2999-01-01 00:00+00'))),
       keep('lasting', (SELECT secret FROM tenancy.create_api_key('organization_service_key', 'lasting', 'acme', scopes => '["logs.view"]')));
\o
CREATE FUNCTION known(key text) RETURNS uuid LANGUAGE sql SECURITY DEFINER AS $$ SELECT api_key_id FROM tenancy.api_keys WHERE api_keys.name = key $$;
GRANT ALL ON secrets TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
CALL become('ending');
SELECT call, f.state, f.message FROM unnest(ARRAY[$$update_api_key(app.known('ending'), expires_at => 'infinity')$$, $$update_api_key(app.known('ending'), expires_at => '2999-01-01 00:00:01+00')$$,
  $$update_api_key(app.known('lasting'), scopes => '["logs.view", "api_keys.edit"]')$$, $$rotate_api_key(app.known('lasting'))$$]) call, failure('SELECT tenancy.' || call) f;
SELECT f.state, f.message FROM failure($$SELECT tenancy.set_jwks(NULL, '{"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}')$$) f;
-- but shorter, the same, or nothing
SELECT tenancy.update_api_key(known('ending'), 'ending', expires_at => '2998-01-01 00:00+00'), tenancy.update_api_key(known('lasting'), 'lasting'), tenancy.set_jwks(NULL, NULL);
SELECT keep('shorter', (SELECT secret FROM tenancy.create_api_key('organization_service_key', 'shorter', scopes => '["logs.view"]', expires_at => '2900-01-01 00:00+00'))),
       keep('as long', (SELECT secret FROM tenancy.create_api_key('organization_service_key', 'as long', scopes => '["logs.view"]'))),
       length(tenancy.rotate_api_key(known('ending'))) > 0 AS rotated;
CALL become('acme master');
SELECT tenancy.update_api_key(known('shorter'), expires_at => '2999-01-01 00:00+00');
RESET SESSION AUTHORIZATION;
SELECT name, expires_at AT TIME ZONE 'UTC' AS ends_at FROM tenancy.api_keys WHERE name IN ('ending', 'lasting', 'shorter', 'as long') ORDER BY 1;
