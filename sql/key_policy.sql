-- API keys that are governed: networks, age, all of a user's at once, what is kept beside them.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET timezone = 'UTC';
SELECT FROM tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id', create_indexes => true);
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
\set ECHO none
CREATE FUNCTION id_of(key text) RETURNS uuid LANGUAGE sql AS $$ SELECT api_key_id FROM tenancy.api_keys WHERE api_keys.name = key $$;
CREATE FUNCTION keep(as_name text, new_secret text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO app.secrets VALUES (as_name, new_secret) ON CONFLICT (name) DO UPDATE SET secret = EXCLUDED.secret
$$;
-- As who does it: the outcome of a call, which stays.
CREATE FUNCTION by(who text, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  hint text;
BEGIN
  CALL app.become(who, true);
  EXECUTE 'SELECT ' || call;
  CALL app.become('nobody', true);
  RETURN 'done';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(' | ', SQLSTATE, regexp_replace(SQLERRM, '[0-9a-f]{8}-[0-9a-f-]{27}', '…'), nullif(detail, ''), nullif(hint, ''));
END
$$;
\set ECHO all

-- Networks: what is one
SELECT networks, failure(format('SELECT tenancy.create_api_key(''workspace_service_key'', ''k'', ''acme'', ''search'', allowed_networks => %L)', networks))
FROM unnest(ARRAY['{local}', '{10.0.0.0/8,2001:db8::/32,local,203.0.113.9}', '{any}', '{}', '{any,local}', '{10.0.0.1/8}', '{10.0.0.0/33}', '{010.0.0.1}', '{host.example}', '{LOCAL}', '{NULL}', '{{local},{local}}', '{""}', '{fe80::1%eth0}']) networks;
SELECT failure('SELECT tenancy.create_api_key(''workspace_service_key'', ''k'', ''acme'', ''search'', allowed_networks => array_fill(''local''::text, ARRAY[65]))');
UPDATE tenancy.api_keys SET allowed_networks = '{nonsense}' WHERE name = 'mike key';

-- The session comes by a socket: it is local, whatever addresses are allowed
SELECT visible('mike key', 'logs');
SELECT tenancy.update_api_key(id_of('mike key'), allowed_networks => '{127.0.0.1,::1,0.0.0.0/0,::/0}');
SET SESSION AUTHORIZATION regress_plain;
SELECT visible('mike key', 'logs');
RESET SESSION AUTHORIZATION;
SELECT by('mike key', 'count(*) FROM tenancy.my_organizations()'), by('mike key', 'tenancy.require(''logs'', ''view'')');
-- ... with the error of a secret that nobody has
INSERT INTO secrets VALUES ('unknown', tenancy_internal.generate_api_key());
SELECT by('mike key', 'tenancy.whoami()') = by('unknown', 'tenancy.whoami()') AS same_error;
SELECT tenancy.update_api_key(id_of('mike key'), allowed_networks => '{10.0.0.0/8,local}');
SELECT visible('mike key', 'logs');
-- A statement that is prepared, and a session that goes on
CALL become('mike key');
PREPARE seen AS SELECT count(*) FROM logs;
SET plan_cache_mode = force_generic_plan;
SET ROLE regress_plain;
EXECUTE seen;
RESET ROLE;
UPDATE tenancy.api_keys SET allowed_networks = '{10.0.0.0/8}' WHERE name = 'mike key';
SET ROLE regress_plain;
EXECUTE seen;
RESET ROLE;
CALL become('nobody');
RESET plan_cache_mode;
SELECT tenancy.update_api_key(id_of('mike key'), allowed_networks => '{any}');
SELECT visible('mike key', 'logs'), (SELECT allowed_networks FROM tenancy.api_keys WHERE name = 'mike key');
-- A user who is locked is told to whoever has the secret and may use it
UPDATE tenancy.users SET active = false WHERE email = 'mike@acme.test';
SELECT by('mike key', 'tenancy.whoami()');
UPDATE tenancy.api_keys SET allowed_networks = '{10.0.0.0/8}' WHERE name = 'mike key';
SELECT by('mike key', 'tenancy.whoami()');
UPDATE tenancy.users SET active = true WHERE email = 'mike@acme.test';
UPDATE tenancy.api_keys SET allowed_networks = NULL WHERE name = 'mike key';

-- Nobody gets a credential for more networks than its own has
SELECT keep('confined', secret) FROM tenancy.create_api_key('organization_service_key', 'confined', 'acme', scopes => '"all"', allowed_networks => '{local,10.0.0.0/8}');
SELECT keep('wide', secret) FROM tenancy.create_api_key('workspace_service_key', 'wide', 'acme', 'search', scopes => '["logs.view"]');
SET SESSION AUTHORIZATION regress_plain;
SELECT call, by('confined', 'tenancy.' || call) FROM unnest(ARRAY[
  'create_api_key(''workspace_service_key'', ''from everywhere'', workspace => ''search'', allowed_networks => ''{any}'')',
  'create_api_key(''workspace_service_key'', ''from elsewhere'', workspace => ''search'', allowed_networks => ''{10.1.0.0/16,192.0.2.1}'')',
  'create_api_key(''workspace_service_key'', ''from less'', workspace => ''search'', allowed_networks => ''{10.1.0.0/16}'')',
  'create_api_key(''workspace_service_key'', ''from the same'', workspace => ''search'')',
  'update_api_key(''confined'', allowed_networks => ''{any}'')', 'update_api_key(''confined'', allowed_networks => ''{local,10.0.0.0/7}'')',
  'update_api_key(''wide'', scopes => ''["logs.view", "logs.list"]'')', 'update_api_key(''wide'', expires_at => ''2999-01-01'')', 'rotate_api_key(''wide'')',
  'update_api_key(''wide'', expires_at => clock_timestamp() + interval ''1 s'')',
  'update_api_key(''wide'', allowed_networks => ''{10.1.0.0/16}'')', 'update_api_key(''wide'', description => ''x'')', 'update_api_key(''wide'', metadata => ''{}'')', 'update_api_key(''wide'', reason => ''x'')',
  'update_api_key(''from less'', expires_at => ''2999-01-01'', description => ''x'')', 'update_api_key(''wide'', ''wide still'')', 'update_api_key(''wide still'', ''wide'')', 'update_api_key(''from less'', allowed_networks => ''{10.1.2.0/24}'')', 'update_api_key(''from less'', allowed_networks => ''{10.0.0.0/8}'')',
  'set_jwks(NULL, ''{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'')',
  'trust_issuer(NULL, ''https://id.acme.test'', ''{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'', ''{db}'')']) call;
RESET SESSION AUTHORIZATION;
SELECT name, allowed_networks FROM tenancy.api_keys WHERE name LIKE 'from %' OR name = 'confined' ORDER BY name;
-- Widening gives what the key can do; narrowing gives nothing
SET SESSION AUTHORIZATION regress_app;
SELECT by('mona', 'tenancy.update_api_key(''search service'', allowed_networks => ''{10.0.0.0/8}'')');
SELECT by('mona', 'tenancy.update_api_key(''search service'', allowed_networks => ''{any}'')');
SELECT by('mike', 'tenancy.update_api_key(''search service'', allowed_networks => ''{local}'')');
RESET SESSION AUTHORIZATION;

-- What is kept beside a key
SET SESSION AUTHORIZATION regress_app;
SELECT by('olivia', 'tenancy.update_api_key(''wide'', description => ''nightly import'', metadata => ''{"team": "data"}'', reason => ''TICKET-1'')');
RESET SESSION AUTHORIZATION;
SELECT description, metadata, reason FROM tenancy.api_keys WHERE name = 'wide';
SELECT failure('SELECT tenancy.update_api_key(''wide'', organization => ''acme'', ' || call) FROM unnest(ARRAY['description => repeat(''x'', 1001))', 'metadata => ''[1]'')', 'metadata => jsonb_build_object(''x'', repeat(''x'', 8192)))', 'reason => repeat(''x'', 1001))', 'metadata => ''{}'')']) call;
SELECT action, before -> 'metadata' AS before, after -> 'metadata' AS after, after -> 'reason' AS reason FROM tenancy.audit_log WHERE resource_type = 'api_key' AND resource_id = id_of('wide')::text AND action = 'update' AND after ->> 'reason' IS NOT NULL;

-- Scopes: strings and objects in one array
SELECT string_agg(resource || '.' || action, ' ' ORDER BY resource, action) FROM tenancy_internal.expand_scopes('["logs.view", {"prompts": "read", "traces": ["list"]}, "logs.view"]');
SELECT failure(format('SELECT tenancy_internal.expand_scopes(%L)', s)) FROM unnest(ARRAY['[1]', '[["logs.view"]]', '[null]', '[{"logs": 1}]', '[{"prompts": "much"}]', '["logs.vieuw"]']) s;
SELECT failure(format('SELECT tenancy_internal.expand_scopes(%L)', (SELECT jsonb_agg(jsonb_build_object('logs', jsonb_build_array('view', 'list', 'view'))) FROM generate_series(1, 400))));
-- ... entries without a level among those that are counted
SELECT n, failure(format('SELECT tenancy_internal.expand_scopes(%L)', (SELECT jsonb_agg(l.e) FROM generate_series(1, n), LATERAL (SELECT e) l))) FROM unnest('{1024,1025}'::int[]) n, unnest('{"{}","{\"logs\": []}"}'::jsonb[]) e;

-- A revoked key stays as it is
SELECT tenancy.revoke_api_key('wide', 'acme');
SELECT failure('SELECT tenancy.update_api_key(''wide'', organization => ''acme'', ' || call) FROM unnest(ARRAY['name => ''x'')', 'scopes => ''"all"'')', 'expires_at => ''infinity'')', 'allowed_networks => ''{any}'')', 'description => ''x'')']) call;
SELECT failure('SELECT tenancy.rotate_api_key(''wide'', organization => ''acme'')');
SET SESSION AUTHORIZATION regress_app;
SELECT by('mike', 'tenancy.update_api_key(''wide'', name => ''x'')');
RESET SESSION AUTHORIZATION;

-- All keys of a user: for the user, or with api_keys.delete in the organization
SELECT count(*) FROM generate_series(1, 3) i, tenancy.create_api_key('workspace_user_key', 'mike ' || i, 'acme', 'search', 'mike@acme.test', '["logs.view"]');
SELECT count(*) FROM tenancy.create_api_key('workspace_user_key', 'ben search', 'acme', 'search', 'ben@acme.test', '["logs.view"]');
SET SESSION AUTHORIZATION regress_app;
SELECT who, by(who, 'tenancy.revoke_api_keys(''mike@acme.test'')') FROM unnest(ARRAY['mona', 'ben', 'nora', 'mike key', 'search service', 'gus', 'nobody']) who;
-- ... and without it nobody finds out who is a member
SELECT who, by(who, 'tenancy.revoke_api_keys(''mike@acme.test'')') = by(who, 'tenancy.revoke_api_keys(''gus@globex.test'')') AS same_answer FROM unnest(ARRAY['mona', 'nora', 'mike key', 'search service']) who;
SELECT visible('mike key', 'app.logs'), visible('mike key', 'app.prompts');
SELECT by('mike', 'tenancy.revoke_api_keys(''mike@acme.test'')');
SELECT visible('mike key', 'app.logs');
SELECT by('adam', 'tenancy.revoke_api_keys(''ben@acme.test'')'), by('adam', 'tenancy.revoke_api_keys(''gus@globex.test'')'), by('adam', 'tenancy.revoke_api_keys(''gus@globex.test'', ''globex'')'), by('adam', 'tenancy.revoke_api_keys(NULL)');
RESET SESSION AUTHORIZATION;
SELECT name, revoked_at IS NOT NULL AS revoked FROM tenancy.api_keys WHERE organization_id = 'aaaaaaaa-0000-4000-8000-000000000000' AND user_id IS NOT NULL ORDER BY 1;
SELECT u.email FROM tenancy_internal.ended_tokens e JOIN tenancy.users u USING (user_id) ORDER BY 1;
-- ... which is in the log, also of a member who has no key
SELECT l.actor, l.action, l.resource_type, u.email AS of_member, l.after ? 'issued_before' AS has_moment FROM tenancy.audit_log l JOIN tenancy.users u ON u.user_id::text = l.resource_id
WHERE l.resource_type = 'user_tokens' ORDER BY l.audit_id DESC LIMIT 2;
SELECT tenancy.revoke_api_keys('nora@acme.test', 'acme') AS keys;
SELECT l.actor_kind, l.action, u.email AS of_member FROM tenancy.audit_log l JOIN tenancy.users u ON u.user_id::text = l.resource_id
WHERE l.organization_id = 'aaaaaaaa-0000-4000-8000-000000000000' ORDER BY l.audit_id DESC LIMIT 1;

-- Age: what a policy is, and who sets it
SELECT policy, failure('SELECT tenancy.set_key_policy(organization => ''acme'', max_age => ' || policy || ')') FROM unnest(ARRAY['''23:59:59''', '''1 day''', '''10 years 1 day''', '''-1 day''', '''90 days'', warning => ''90 days''', '''90 days'', warning => ''-1 s''', '''90 days'', warning => NULL', '''1 mon'', warning => ''31 days''', 'NULL, warning => NULL']) policy;
SET SESSION AUTHORIZATION regress_app;
SELECT who, by(who, 'tenancy.set_key_policy(NULL, ''90 days'', ''10 days'')') FROM unnest(ARRAY['mike', 'mona', 'gus', 'acme master', 'search service', 'olivia']) who;
RESET SESSION AUTHORIZATION;
SELECT slug, key_max_age, key_warning FROM tenancy.organizations ORDER BY 1;
SELECT tenancy.set_organization_role('acme', 'nora@acme.test', 'admin', now() + interval '1 day');
SET SESSION AUTHORIZATION regress_app;
SELECT regexp_replace(by('nora', 'tenancy.set_key_policy(max_age => NULL)'), 'ends at [^|]*\.', 'ends at ….');
RESET SESSION AUTHORIZATION;
-- Each key has the time of its warning at least, and a new one all of it
\set ECHO none
CREATE FUNCTION ages() RETURNS TABLE (name text, state text, rotate_in interval, warned_in interval) LANGUAGE sql AS $$
  SELECT k.name, r.state, date_trunc('hour', k.rotate_by - now() + interval '1 minute'), date_trunc('hour', k.rotation_due_at - now() + interval '1 minute')
  FROM tenancy.review_api_keys('acme') r JOIN tenancy.api_keys k USING (api_key_id) WHERE k.name IN ('acme master', 'search service', 'new', 'confined') ORDER BY 1
$$;
\set ECHO all
UPDATE tenancy.api_keys SET created_at = now() - interval '1 year' WHERE name = 'search service';
SELECT tenancy.set_key_policy('acme', NULL), tenancy.set_key_policy('acme', '90 days', '10 days');
SELECT keep('new', secret) FROM tenancy.create_api_key('workspace_service_key', 'new', 'acme', 'search', scopes => '["logs.view"]');
SELECT * FROM ages();
-- The same policy again gives no time, a longer one does, a shorter one leaves the warning
UPDATE tenancy.api_keys SET rotate_by = now() + interval '3 days', rotation_due_at = now() - interval '7 days' WHERE name = 'search service';
SELECT tenancy.set_key_policy('acme', '90 days', '10 days');
SELECT * FROM ages();
SELECT tenancy.set_key_policy('acme', '2 days', '1 day');
SELECT * FROM ages();
SELECT tenancy.set_key_policy('acme', '400 days', '10 days');
SELECT * FROM ages();
-- Warned about, once in a session
UPDATE tenancy.api_keys SET rotate_by = '2999-01-01 00:00+00', rotation_due_at = now() - interval '1 day' WHERE name = 'new';
SET SESSION AUTHORIZATION regress_plain;
CALL become('new');
SELECT expires_at, kind FROM tenancy.whoami();
SELECT count(*) FROM app.logs;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
-- Too old: refused, with the reason for whoever has the secret, and no longer policy revives it
UPDATE tenancy.api_keys SET rotate_by = now() - interval '1 us' WHERE name IN ('new', 'acme master', 'confined');
SELECT visible('acme master', 'logs'), by('new', 'tenancy.whoami()');
SELECT tenancy.set_key_policy('acme', '500 days'), tenancy.set_key_policy('acme', NULL), tenancy.set_key_policy('acme', '100 days');
SELECT by('new', 'tenancy.whoami()');
SELECT * FROM ages();
SELECT count(*) FROM tenancy.who_can('logs', 'view', 'search') WHERE name LIKE 'new%';
UPDATE tenancy.api_keys SET allowed_networks = '{10.0.0.0/8}' WHERE name = 'confined';
SELECT by('confined', 'tenancy.whoami()'), by('confined', 'tenancy.rotate_own_api_key()');
UPDATE tenancy.api_keys SET allowed_networks = '{local}' WHERE name = 'confined';
-- It rotates itself, or somebody else does; nobody else's key by this
SELECT who, by(who, 'tenancy.rotate_own_api_key()') FROM unnest(ARRAY['new', 'mike key', 'unknown', 'nobody', 'ben support key', 'globex master']) who;
CALL become('acme master');
SET SESSION AUTHORIZATION regress_plain;
SELECT tenancy.rotate_own_api_key() AS secret \gset
SELECT kind FROM tenancy.whoami();
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT keep('rotated master', :'secret');
SELECT visible('rotated master', 'logs'), visible('acme master', 'logs');
SELECT name, state, rotate_in FROM ages() WHERE name = 'acme master';
SELECT action, actor_kind, actor_id = id_of('acme master') AS itself FROM tenancy.audit_log WHERE resource_id = id_of('acme master')::text AND at > now() - interval '1 minute' AND action IN ('rotate', 'add_secret', 'update_secret') ORDER BY audit_id DESC LIMIT 3;
SELECT by('rotated master', 'tenancy.rotate_api_key(''new'')');
-- The old secret gets no longer than it had
SELECT tenancy.end_api_key_transition('new', 'acme');
SET client_min_messages = warning;
SELECT length(tenancy.rotate_api_key('new', '1 year', 'acme')) > 0 AS rotated;
SELECT valid_until < now() + interval '101 days' AS in_time FROM tenancy.api_key_secrets WHERE api_key_id = id_of('new') AND NOT is_current;
SELECT tenancy.set_key_policy('acme', '2 days', '1 day');
SELECT valid_until < now() + interval '3 days' AS in_time FROM tenancy.api_key_secrets WHERE api_key_id = id_of('new') AND NOT is_current;
-- Without a policy it gets all of the transition, without a NOTICE, and a policy that is taken away leaves it that
SELECT tenancy.set_key_policy('acme', NULL);
SET client_min_messages = notice;
SELECT keep('lasting ' || n, secret) FROM generate_series(1, 2) n, tenancy.create_api_key('workspace_service_key', 'lasting ' || n, 'acme', 'search', scopes => '["logs.view"]');
SELECT keep('lasting 1 anew', tenancy.rotate_api_key('lasting 1', '7 days', 'acme')), keep('lasting 2 anew', tenancy.rotate_api_key('lasting 2', '1 day', 'acme'));
CREATE FUNCTION old_secrets() RETURNS TABLE (name text, lasts interval) LANGUAGE sql AS $$
  SELECT k.name, date_trunc('hour', s.valid_until - now() + interval '1 minute') FROM tenancy.api_key_secrets s JOIN tenancy.api_keys k USING (api_key_id) WHERE k.name LIKE 'lasting%' AND NOT s.is_current ORDER BY 1
$$;
SELECT * FROM old_secrets();
SELECT tenancy.set_key_policy('acme', NULL);
SELECT * FROM old_secrets();
SELECT visible('lasting 1', 'logs'), visible('lasting 1 anew', 'logs');
-- One with a policy shortens what would last longer than the key
SELECT tenancy.set_key_policy('acme', '3 days', '2 days');
SELECT * FROM old_secrets();
SELECT tenancy.end_api_key_transition('lasting 2', 'acme');
SELECT tenancy.set_key_policy('acme', NULL), tenancy.set_key_policy('acme', '2 days', '1 day');
-- A key that has to be rotated ends no earlier for what it makes
SET client_min_messages = error;
SELECT tenancy.end_api_key_transition('acme master', 'acme');
SELECT keep('rotated master', tenancy.rotate_api_key('acme master', '0', 'acme'));
SELECT by('rotated master', 'tenancy.create_api_key(''workspace_service_key'', ''made by it'', workspace => ''search'', scopes => ''["logs.view"]'')'), (SELECT expires_at FROM tenancy.api_keys WHERE name = 'made by it');

-- A key that is brought along, as old as it is, has the time of the warning; a deleted one keeps nothing but its id and name
SET client_min_messages = error;
INSERT INTO tenancy.api_keys (kind, name, organization_id, created_at) VALUES ('organization_service_key', 'brought along', 'aaaaaaaa-0000-4000-8000-000000000000', '2020-01-01') RETURNING rotate_by = now() + interval '1 day' AS in_a_day, rotation_due_at = now() AS warned;
UPDATE tenancy.api_keys SET description = 'd', metadata = '{"m": 1}', reason = 'r' WHERE name = 'brought along';
SELECT tenancy.delete_api_key('brought along', 'acme');
SELECT name, description, metadata, reason, rotate_by IS NULL AS no_age FROM tenancy.api_keys WHERE name = 'brought along';
-- What a DBA is told
RESET SESSION AUTHORIZATION;
SELECT severity, rule, object, problem FROM tenancy.advise() WHERE rule IN ('keys_to_be_rotated', 'key_networks') ORDER BY rule, object;
-- Levels of resources of the user's own, as of those built in, and mixed
SELECT tenancy.register_permission('projects', action, 'x') FROM unnest(ARRAY['list', 'view', 'create', 'update', 'delete']) action;
SELECT s, (SELECT string_agg(resource || '.' || action, ' ' ORDER BY resource, action) FROM tenancy_internal.expand_scopes(s::jsonb)) FROM unnest(ARRAY['{"projects": "write"}', '["projects.read", {"prompts": "read"}]', '[{"projects": "delete", "prompts": "read"}, "logs.view"]', '{"projects": ["read"], "logs": ["view", "list"]}']) s;
-- Who reviews keys
SET SESSION AUTHORIZATION regress_app;
SELECT who, (SELECT attempt(who, 'SELECT FROM tenancy.review_api_keys()')) FROM unnest(ARRAY['olivia', 'mona', 'mike', 'nora', 'gus', 'rotated master', 'search service', 'nobody']) who;
SELECT attempt('gus', 'SELECT FROM tenancy.review_api_keys(''acme'')');
CALL become('gus');
SELECT name, state, kind, last_used_at, allowed_networks FROM tenancy.review_api_keys();
SELECT count(*) FROM tenancy_internal.api_key_uses;
-- Who has created which key: a person, a key in its own name, a DBA; and whether that person is still there
RESET SESSION AUTHORIZATION;
CALL become('nobody');
SELECT tenancy.set_key_policy(max_age => NULL, organization => 'acme'), tenancy.set_organization_role('acme', 'adam@acme.test', 'admin');
SELECT keep('maker', secret) FROM tenancy.create_api_key('organization_service_key', 'maker', 'acme', scopes => '"all"');
SET SESSION AUTHORIZATION regress_app;
SELECT who, by(who, format('tenancy.create_api_key(''workspace_service_key'', ''by %s'', workspace => ''search'', scopes => ''["logs.view"]'')', who)) FROM unnest(ARRAY['olivia', 'adam', 'maker']) who;
CALL become('olivia');
SELECT name, created_at <= now() AS made, created_by FROM tenancy.review_api_keys() WHERE name LIKE 'by %' OR name = 'maker' ORDER BY name;
SELECT name, since <= now() AS since, given_by, remark FROM tenancy.access_review() WHERE name LIKE 'by %' OR name = 'maker' ORDER BY name;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
UPDATE tenancy.users SET email = 'adam.b@acme.test' WHERE email = 'adam@acme.test';
SELECT name, created_by FROM tenancy.review_api_keys('acme') WHERE name = 'by adam';
-- To whom may not see the team, people have ids only.
SELECT keep('viewer', secret) FROM tenancy.create_api_key('workspace_service_key', 'viewer', 'acme', 'search', scopes => '["api_keys.view"]');
SELECT keep('team viewer', secret) FROM tenancy.create_api_key('workspace_service_key', 'team viewer', 'acme', 'search', scopes => '["api_keys.view", "team.view"]');
SET SESSION AUTHORIZATION regress_app;
CALL become('viewer');
SELECT name, created_by FROM tenancy.review_api_keys() WHERE name IN ('by olivia', 'by adam') ORDER BY name;
CALL become('team viewer');
SELECT name, created_by FROM tenancy.review_api_keys() WHERE name IN ('by olivia', 'by adam') ORDER BY name;
CALL become('mona');
SELECT name, created_by FROM tenancy.review_api_keys() WHERE name IN ('by olivia', 'by adam') ORDER BY name;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_workspace_role('acme/search', 'olivia@acme.test', 'member');
SET SESSION AUTHORIZATION regress_app;
CALL become('viewer');
SELECT name, created_by FROM tenancy.review_api_keys() WHERE name IN ('by olivia', 'by adam') ORDER BY name;
CALL become('team viewer');
SELECT name, created_by FROM tenancy.review_api_keys() WHERE name IN ('by olivia', 'by adam') ORDER BY name;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.remove_workspace_member('acme/search', 'olivia@acme.test');
DELETE FROM tenancy.api_keys WHERE name IN ('viewer', 'team viewer');
-- Somebody who has left has an id only, whatever the address is since.
SELECT tenancy.delete_api_key('maker', 'acme'), tenancy.remove_organization_member('acme', 'adam.b@acme.test');
SELECT name, given_by, remark FROM tenancy.access_review('acme') WHERE name LIKE 'by %' ORDER BY name;
SELECT name, created_by FROM tenancy.review_api_keys('acme') WHERE name LIKE 'by %' ORDER BY name;
-- As those of version 1.0 are
UPDATE tenancy.api_keys SET created_by_user = NULL, created_by_key = NULL WHERE name LIKE 'by %';
SELECT name, regexp_replace(created_by, 'pgt_.*', '…') AS created_by FROM tenancy.review_api_keys('acme') WHERE name LIKE 'by %' ORDER BY name;
-- One to which the policy does not apply is found
SELECT tenancy.set_key_policy('acme', '30 days', '7 days');
SELECT count(*) FROM tenancy.advise() WHERE rule = 'keys_without_policy';
BEGIN;
ALTER TABLE tenancy.api_keys DISABLE TRIGGER ALL;
UPDATE tenancy.api_keys SET rotate_by = NULL, rotation_due_at = NULL WHERE name = 'by olivia';
ALTER TABLE tenancy.api_keys ENABLE TRIGGER ALL;
SELECT severity, object, problem FROM tenancy.advise() WHERE rule = 'keys_without_policy';
DO $$ BEGIN EXECUTE (SELECT fix_sql FROM tenancy.advise() WHERE rule = 'keys_without_policy'); END $$;
SELECT count(*) FROM tenancy.advise() WHERE rule = 'keys_without_policy';
ROLLBACK;
