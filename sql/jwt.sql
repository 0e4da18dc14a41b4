-- Tokens: good ones, every way known to cheat, rotation of keys. sql/include/tokens.sql has them, and make_jwt.pl made them.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\set tokens :srcdir '/sql/include/tokens.sql'
\i :world
\set ECHO none
\i :tokens
\set ECHO all
SELECT FROM tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id',
                            owner => 'user_id', api_key => 'api_key_id', create_indexes => true);
SELECT FROM tenancy.protect('prompts', 'prompts', organization => 'organization_id', workspace => 'workspace_id',
                            owner => 'user_id', api_key => 'api_key_id', create_indexes => true);
GRANT ALL ON ALL TABLES IN SCHEMA app TO regress_plain;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA app TO regress_plain;
-- Rows that a session with a token sees, or its error.
\set ECHO none
CREATE FUNCTION rows_by(jwt text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  ids text;
BEGIN
  PERFORM set_config('tenancy.jwt', jwt, true);
  SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), '-') INTO ids FROM app.logs;
  RETURN ids;
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s: %s', SQLSTATE, SQLERRM);
END
$$;
CREATE FUNCTION use_token(name text) RETURNS void LANGUAGE sql AS
$$ SELECT set_config('tenancy.jwt', t.token, false) FROM app.tokens t WHERE t.name = use_token.name $$;
\set ECHO all

-- Keys
SELECT name, tenancy_internal.check_jwk(jwks) FROM jwks WHERE name IN ('rsa', 'ec', 'ed') ORDER BY name;
SELECT tenancy.set_jwks('acme', jwks) FROM jwks WHERE name = 'acme';
SELECT tenancy.set_jwks('globex', jwks) FROM jwks WHERE name = 'globex';
SELECT o.slug, k.kid, k.alg, (SELECT string_agg(name, ' ' ORDER BY name) FROM jsonb_object_keys(k.jwk) name) AS members
FROM tenancy.jwt_keys k JOIN tenancy.organizations o USING (organization_id) ORDER BY 1, 2;

CREATE FUNCTION refusal(jwks jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tenancy.set_jwks('acme', jwks);
  RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s: %s', SQLSTATE, SQLERRM);
END
$$;
BEGIN;
SELECT v.what, refusal(j.jwks || v.change) AS outcome
FROM (VALUES
  (1, 'rsa', 'as it is', '{}'::jsonb), (2, 'ec', 'as it is', '{}'), (3, 'ed', 'as it is', '{}'),
  (4, 'rsa', 'for signatures', '{"use": "sig", "key_ops": ["verify"], "alg": "RS256", "x5c": ["MII"], "ext": true}'),
  (5, 'rsa', 'for encryption', '{"use": "enc"}'), (6, 'rsa', 'use is a list', '{"use": ["sig"]}'),
  (7, 'rsa', 'to sign', '{"key_ops": ["sign"]}'), (8, 'rsa', 'operations are a text', '{"key_ops": "verify"}'),
  (9, 'rsa', 'RS512', '{"alg": "RS512"}'), (10, 'rsa', 'HS256', '{"alg": "HS256"}'), (11, 'rsa', 'ES256', '{"alg": "ES256"}'),
  (12, 'ec', 'RS256', '{"alg": "RS256"}'), (13, 'ed', 'none', '{"alg": "none"}'),
  (14, 'rsa', 'private d', '{"d": "AQAB"}'), (15, 'rsa', 'private p', '{"p": null}'), (16, 'rsa', 'private q', '{"q": "AQAB"}'),
  (17, 'rsa', 'private dp', '{"dp": "AQAB"}'), (18, 'rsa', 'private dq', '{"dq": "AQAB"}'), (19, 'rsa', 'private qi', '{"qi": "AQAB"}'),
  (20, 'rsa', 'more primes', '{"oth": []}'), (21, 'ec', 'private d', '{"d": "AQAB"}'), (22, 'ed', 'private d', '{"d": "AQAB"}'),
  (23, 'rsa', 'symmetric', '{"kty": "oct", "k": "AQAB"}'), (24, 'rsa', 'symmetric without the key', '{"kty": "oct"}'),
  (25, 'rsa', 'type missing', '{"kty": null}'), (26, 'rsa', 'type in other case', '{"kty": "rsa"}'), (27, 'rsa', 'of another type', '{"kty": "EC"}'),
  (28, 'weak', '1024 bits', '{}'), (29, 'rsa', 'no modulus', '{"n": null}'), (30, 'rsa', 'modulus with padding', '{"n": "AQAB=="}'),
  (31, 'rsa', 'exponent 1', '{"e": "AQ"}'), (32, 'rsa', 'exponent even', '{"e": "Ag"}'), (33, 'rsa', 'exponent missing', '{"e": ""}'),
  (34, 'p384', 'another curve', '{}'), (35, 'p384', 'said to be P-256', '{"crv": "P-256"}'), (36, 'ec', 'another curve', '{"crv": "secp256k1"}'),
  (37, 'ec', 'off the curve', '{"y": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}'), (38, 'ec', 'short', '{"x": "AAAA"}'),
  (39, 'ed', 'X25519', '{"crv": "X25519"}'), (40, 'ed', 'short', '{"x": "AAAA"}'), (41, 'ed', 'Ed448', '{"crv": "Ed448"}'),
  (42, 'rsa', 'kid missing', '{"kid": null}'), (43, 'rsa', 'kid empty', '{"kid": ""}'), (44, 'rsa', 'kid a number', '{"kid": 1}'),
  (45, 'rsa', 'kid long', jsonb_build_object('kid', repeat('x', 256)))
) v (n, name, what, change) JOIN jwks j USING (name) ORDER BY v.n;
SELECT v.what, refusal(v.jwks) AS outcome
FROM (SELECT 1, 'twice', jsonb_build_object('keys', jsonb_build_array(jwks, jwks)) FROM jwks WHERE name = 'rsa'
      UNION ALL SELECT 2, 'no modulus of a key', jsonb_set(jwks, '{n}', to_jsonb(repeat('A', 340) || 'AE')) FROM jwks WHERE name = 'rsa'
      UNION ALL SELECT 3, 'prime modulus', jsonb_set(jwks, '{n}', to_jsonb(repeat('_', 341) || 'w')) FROM jwks WHERE name = 'rsa'
      UNION ALL SELECT 4, 'a list', '[1]'
      UNION ALL SELECT 5, 'a text', '"rsa"'
      UNION ALL SELECT 6, 'keys are no list', '{"keys": {}}'
      UNION ALL SELECT 7, 'a key is no object', '{"keys": ["rsa"]}'
      UNION ALL SELECT 8, 'too many', jsonb_build_object('keys', jsonb_agg(jwks)) FROM jwks, generate_series(1, 65) WHERE name = 'rsa') v (n, what, jwks)
ORDER BY v.n;
-- Plain SQL can't do what set_jwks() refuses.
SELECT * FROM failure($$INSERT INTO tenancy.jwt_keys SELECT o.organization_id, 'weak', 'RS256', j.jwks FROM tenancy.organizations o, app.jwks j WHERE j.name = 'weak' AND o.slug = 'acme'$$);
SELECT * FROM failure($$UPDATE tenancy.jwt_keys SET alg = 'ES256' WHERE kid = 'rsa'$$);
SELECT * FROM failure($$SELECT tenancy.set_jwks('acme', NULL, '')$$);
SELECT * FROM failure($$SELECT tenancy.set_jwks('initech', NULL)$$);
ROLLBACK;
-- Replacing leaves alone what stays.
BEGIN;
UPDATE tenancy.jwt_keys SET created_at = '2000-01-01';
SELECT tenancy.set_jwks('acme', jwks, 'https://id.acme.test', 'database') FROM jwks WHERE name = 'acme rotating';
SELECT kid, created_at < '2001-01-01' AS stayed FROM tenancy.jwt_keys ORDER BY organization_id, kid;
SELECT issuer, audience FROM tenancy.jwt_issuers;
SELECT tenancy.set_jwks('acme', jwks, 'https://id.acme.test') FROM jwks WHERE name = 'acme other key';
SELECT kid, created_at < '2001-01-01' AS stayed FROM tenancy.jwt_keys ORDER BY organization_id, kid;
SELECT issuer, audience FROM tenancy.jwt_issuers;
SELECT tenancy.set_jwks('acme', '{"keys": []}');
SELECT kid FROM tenancy.jwt_keys;
SELECT issuer, audience FROM tenancy.jwt_issuers;
ROLLBACK;

-- Tokens. Each is tried between two good ones on the same rows.
SET SESSION AUTHORIZATION regress_plain;
SELECT outcome, name, rows_by(token) FROM tokens WHERE outcome IN ('good', 'no rights') ORDER BY n;
SELECT count(*) FROM logs;
SELECT t.name, rows_by(good.token) || ' | ' || rows_by(t.token) || ' | ' || rows_by(good.token) AS outcome
FROM tokens t, tokens good WHERE t.outcome = 'refused' AND good.name = 'RS256' ORDER BY t.n;
SELECT t.outcome, t.name, rows_by(t.token) FROM tokens t WHERE t.outcome = 'not ours' ORDER BY n;
SET SESSION AUTHORIZATION DEFAULT;
SELECT tenancy.set_jwks('acme', jwks, 'https://id.acme.test', 'database') FROM jwks WHERE name = 'acme';
SET SESSION AUTHORIZATION regress_plain;
SELECT t.name, rows_by(good.token) || ' | ' || rows_by(t.token) || ' | ' || rows_by(good.token) AS outcome
FROM tokens t, tokens good WHERE t.outcome = 'not ours' AND good.name = 'issuer and audience' ORDER BY t.n;
SELECT name, rows_by(token) FROM tokens WHERE name IN ('RS256', 'audience in a list', 'globex') ORDER BY n;
SET SESSION AUTHORIZATION DEFAULT;
SELECT tenancy.set_jwks('acme', jwks) FROM jwks WHERE name = 'acme';
SET SESSION AUTHORIZATION regress_plain;

-- A key of an issuer that a DBA trusts for users signs no tokens of an organization, whoever has configured it first.
SET SESSION AUTHORIZATION DEFAULT;
SELECT tenancy.trust_issuer(NULL, 'https://idp.test', jwks, ARRAY['database']) FROM jwks WHERE name = 'acme';
SET SESSION AUTHORIZATION regress_plain;
SELECT name, rows_by(token) FROM tokens WHERE name IN ('RS256', 'globex') ORDER BY n;
SET SESSION AUTHORIZATION DEFAULT;
SELECT failure($$SELECT tenancy.set_jwks('acme', jwks) FROM app.jwks WHERE name = 'acme'$$);
SELECT failure($$SELECT tenancy.set_jwks('globex', jwks) FROM app.jwks WHERE name = 'acme'$$);
SELECT tenancy.trust_issuer(NULL, 'https://idp.test', NULL, NULL);
-- Another organization that trusts it for users of its own takes nothing away, whatever issuer the tokens name.
SELECT tenancy.trust_issuer('globex', issuer, jwks, ARRAY['database']) FROM jwks, unnest(ARRAY['https://id.acme.test', 'https://idp.test']) issuer WHERE name = 'acme';
SET SESSION AUTHORIZATION regress_plain;
SELECT name, rows_by(token) FROM tokens WHERE name IN ('RS256', 'issuer and audience', 'globex') ORDER BY n;
SET SESSION AUTHORIZATION DEFAULT;
DELETE FROM tenancy.trusted_issuers;
-- The organization's own trust does, however the key is spelled.
SELECT tenancy.set_jwks('acme', NULL);
SELECT tenancy.trust_issuer('acme', 'https://id.acme.test', jwks, ARRAY['database']) FROM jwks WHERE name = 'acme';
SELECT tenancy.set_jwks('acme', (SELECT jsonb_build_object('keys', jsonb_agg(k || '{"y": "AA"}')) FROM jsonb_array_elements(jwks -> 'keys') k WHERE k ->> 'kty' <> 'EC')) FROM jwks WHERE name = 'acme';
SET SESSION AUTHORIZATION regress_plain;
SELECT name, rows_by(token) FROM tokens WHERE name = 'RS256';
SET SESSION AUTHORIZATION DEFAULT;
DELETE FROM tenancy.trusted_issuers;
SET SESSION AUTHORIZATION regress_plain;
SELECT name, rows_by(token) FROM tokens WHERE name = 'RS256';
SET SESSION AUTHORIZATION DEFAULT;
SELECT tenancy.set_jwks('acme', jwks) FROM jwks WHERE name = 'acme';
SET SESSION AUTHORIZATION regress_plain;
SELECT name, rows_by(token) FROM tokens WHERE name = 'RS256';

-- Its principal
SELECT use_token('other claims');
SELECT kind, source, organization, workspace, user_id, email, api_key_id, login, expires_at AT TIME ZONE 'UTC' AS expires_at FROM tenancy.whoami();
SELECT tenancy.current_token_subject();
SHOW tenancy.jwt;
SELECT setting FROM pg_settings WHERE name = 'tenancy.jwt' AND (setting <> 'jwt…' OR coalesce(reset_val, '') <> '');
SELECT current_setting('tenancy.jwt'), set_config('tenancy.jwt', 'secret', true);
SELECT use_token('every scope of a workspace');
SELECT resource || '.' || action AS right, tenancy.authorize(resource, action) FROM (VALUES
  ('logs', 'view'), ('logs', 'write'), ('logs', 'list'), ('prompts', 'list'), ('organization', 'update'), ('billing', 'manage'), ('audit_logs', 'list')) v (resource, action);
SELECT tenancy.authorize('logs', 'view', 'search');
SELECT tenancy.authorize('logs', 'view', 'support');
SELECT * FROM failure($$SELECT tenancy.require('prompts', 'delete')$$);
-- Rows written under a token carry no user and no key.
BEGIN;
INSERT INTO logs (id, body) VALUES (9, 'by a token');
SELECT * FROM logs WHERE id = 9;
ROLLBACK;
SELECT failure($$INSERT INTO app.logs (id, user_id) VALUES (10, 'cccccccc-0000-4000-8000-000000000004')$$);
SELECT failure($$INSERT INTO app.logs (id, api_key_id) VALUES (10, 'dddddddd-0000-4000-8000-000000000002')$$);
SELECT failure($$INSERT INTO app.logs (id, workspace_id) VALUES (10, 'aaaaaaaa-0000-4000-8000-000000000003')$$);
SELECT use_token('unknown scopes');
SELECT resource || '.' || action AS right FROM tenancy.permissions WHERE tenancy.authorize(resource, action);

-- Other settings beside it
SET tenancy.workspace = 'search';
SELECT count(*) FROM logs;
SET tenancy.workspace = 'support';
SELECT count(*) FROM logs;
RESET tenancy.workspace;
SET tenancy.organization = 'acme';
SELECT count(*) FROM logs;
SET tenancy.organization = 'globex';
SELECT count(*) FROM logs;
RESET tenancy.organization;
\set VERBOSITY default
SET tenancy."user" = 'mike@acme.test';
SELECT count(*) FROM logs;
SET tenancy.api_key = 'nonsense';
SELECT count(*) FROM logs;
RESET tenancy."user";
SELECT count(*) FROM logs;
RESET tenancy.api_key;
SELECT count(*) FROM logs;
RESET tenancy.jwt;
SELECT count(*) FROM logs;

-- Assigning, and taking back
SELECT use_token('RS256');
PREPARE seen AS SELECT count(*) FROM app.logs;
SET plan_cache_mode = force_generic_plan;
EXECUTE seen;
SELECT use_token('globex');
EXECUTE seen;
BEGIN;
SELECT set_config('tenancy.jwt', token, true) FROM tokens WHERE name = 'RS256';
EXECUTE seen;
SAVEPOINT s;
SET LOCAL tenancy.jwt = 'nonsense';
EXECUTE seen;
ROLLBACK TO s;
EXECUTE seen;
COMMIT;
EXECUTE seen;
SET tenancy.jwt = '';
EXECUTE seen;
SELECT use_token('RS256');
EXECUTE seen;
DISCARD ALL;
SELECT current_user, count(*) FROM app.logs;

-- Keys change, and what was planned and resolved goes at once.
SET SESSION AUTHORIZATION DEFAULT;
SET search_path = app;
-- By plain SQL this time, as set_jwks() leaves alone what stays.
\set ECHO none
CREATE FUNCTION configure(keys text) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$
  DELETE FROM tenancy.jwt_keys WHERE organization_id = 'aaaaaaaa-0000-4000-8000-000000000000';
  INSERT INTO tenancy.jwt_keys (organization_id, kid, alg, jwk)
  SELECT 'aaaaaaaa-0000-4000-8000-000000000000', key ->> 'kid', tenancy_internal.check_jwk(key), key
  FROM app.jwks, jsonb_array_elements(jwks -> 'keys') key WHERE name = keys
$$;
\set ECHO all
SET SESSION AUTHORIZATION regress_plain;
SET plan_cache_mode = force_generic_plan;
PREPARE seen AS SELECT count(*) FROM app.logs;
SELECT use_token('RS256');
EXECUTE seen;
SELECT configure('acme rotating');
EXECUTE seen;
SELECT use_token('next key');
EXECUTE seen;
SELECT configure('acme rotated');
EXECUTE seen;
SELECT use_token('RS256');
EXECUTE seen;
SELECT configure('acme');
EXECUTE seen;
-- the same kid, another key
SELECT configure('acme other key');
EXECUTE seen;
BEGIN;
SELECT configure('acme');
EXECUTE seen;
ROLLBACK;
EXECUTE seen;
SELECT configure('acme');
EXECUTE seen;
BEGIN;
SELECT configure(NULL);
SAVEPOINT s;
EXECUTE seen;
ROLLBACK;
EXECUTE seen;
SELECT configure(NULL);
EXECUTE seen;
SELECT configure('acme');
EXECUTE seen;
SET SESSION AUTHORIZATION DEFAULT;
TRUNCATE tenancy.jwt_keys;
SET SESSION AUTHORIZATION regress_plain;
EXECUTE seen;

-- An ambiguous organization is none.
SET SESSION AUTHORIZATION DEFAULT;
SELECT configure('acme');
ALTER TABLE tenancy.organizations DISABLE TRIGGER check_names;  -- as in data of 1.0
UPDATE tenancy.organizations SET external_id = 'acme' WHERE slug = 'globex';
ALTER TABLE tenancy.organizations ENABLE TRIGGER check_names;
SET SESSION AUTHORIZATION regress_plain;
EXECUTE seen;
SELECT use_token('ids');
EXECUTE seen;

-- Not for everybody
SELECT failure($$SELECT tenancy.set_jwks('acme', NULL)$$);
SELECT failure($$SELECT tenancy_internal.check_jwk('{}')$$);
SELECT failure($$SELECT * FROM tenancy.jwt_keys$$);
SELECT failure($$SELECT * FROM tenancy.jwt_issuers$$);
