-- What a tenant can store has a limit, so that one call can't fill the disk, the audit log included; and nothing that is looked up is
-- too long for an index.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\set VERBOSITY terse
-- Texts of the catalogs without a limit: made by the extension itself, or words of a list
SELECT a.attrelid::regclass AS catalog, a.attname, format_type(a.atttypid, NULL) AS type FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace::regnamespace::text IN ('tenancy', 'tenancy_internal') AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid IN ('text'::regtype, 'jsonb'::regtype, 'text[]'::regtype)
  AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'check_length' AND pg_get_triggerdef(t.oid) ~ format('length\(\(*new.%s\M.*\(.*''%1$s'', ', a.attname))
  AND NOT EXISTS (SELECT FROM pg_constraint t WHERE t.conrelid = c.oid AND t.contype = 'c' AND a.attnum = ANY (t.conkey)
                    AND pg_get_constraintdef(t.oid) ~ ('length\(\(?' || a.attname || '\M.* <= |' || a.attname || ' = ANY'))
  -- The referenced column has the limit.
  AND NOT EXISTS (SELECT FROM pg_constraint t WHERE t.conrelid = c.oid AND t.contype = 'f' AND a.attnum = ANY (t.conkey))
ORDER BY 1, 2;

-- Random letters, which no compression makes shorter
CREATE FUNCTION letters(n integer) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(chr(97 + abs(hashint4(i)) % 26), '' ORDER BY i) FROM generate_series(1, n) i
$$;
CREATE TABLE tries AS SELECT * FROM (VALUES
  (1, 'workspace name', $$SELECT tenancy.create_workspace(NULL, %L, 'slug')$$, 1000),
  (2, 'workspace slug', $$SELECT tenancy.create_workspace(NULL, 'Name', %L)$$, 100),
  (3, 'key name', $$SELECT tenancy.create_api_key('organization_service_key', %L, scopes => '[]')$$, 1000),
  (4, 'new key name', $$SELECT tenancy.update_api_key((SELECT api_key_id FROM tenancy.api_keys WHERE name = 'search service'), %L)$$, 1000),
  (5, 'role name', $$SELECT tenancy.create_role(NULL, 'workspace', %L)$$, 100),
  (6, 'address', $$SELECT tenancy.invite(NULL, %L || '@acme.test')$$, 310),
  (7, 'issuer', $$SELECT tenancy.set_jwks(NULL, NULL, issuer => %L)$$, 1000),
  (8, 'audience', $$SELECT tenancy.set_jwks(NULL, NULL, audience => %L)$$, 1000),
  (9, 'key of tokens', $$SELECT tenancy.set_jwks(NULL, jsonb_build_object('kty', 'OKP', 'crv', 'Ed25519', 'kid', %L::text, 'x', 'Hux2PG0YG-i5tAs48sxcOaBDTs4Zme0giJIiI2Nx15c'))$$, 255),
  (10, 'key of tokens, unused member', $$SELECT tenancy.set_jwks(NULL, jsonb_build_object('kty', 'OKP', 'crv', 'Ed25519', 'kid', 'k', 'x', 'Hux2PG0YG-i5tAs48sxcOaBDTs4Zme0giJIiI2Nx15c', 'y', %L::text))$$, 16000)
) v (n, what, command, longest);
GRANT SELECT ON tries TO PUBLIC;
SET SESSION AUTHORIZATION regress_plain;
CALL app.become('acme master');
SELECT what, longest, f.state AS with_longest, g.state AS one_more, h.state AS a_million, h.message AS bound
FROM app.tries, app.failure(format(command, app.letters(longest))) f, app.failure(format(command, app.letters(longest + CASE n WHEN 10 THEN 1000 ELSE 1 END))) g,
     app.failure(format(command, repeat(app.letters(1000), 1000))) h ORDER BY n;
RESET SESSION AUTHORIZATION;
-- By a DBA
SELECT what, f.state, f.message AS bound FROM (VALUES
  ('organization name', $$SELECT tenancy.create_organization(%L, 'x@y.test', 'x')$$, 1001), ('organization slug', $$SELECT tenancy.create_organization('X', 'x@y.test', %L)$$, 101),
  ('organization id', $$SELECT tenancy.create_organization('X', 'x@y.test', external_id => %L)$$, 501), ('workspace id', $$SELECT tenancy.create_workspace('acme', 'X', external_id => %L)$$, 501),
  ('owner', $$SELECT tenancy.create_organization('X', %L || '@y.test')$$, 320), ('user', $$SELECT tenancy.create_user(%L || '@y.test')$$, 320),
  ('user name', $$SELECT tenancy.create_user('x@y.test', %L)$$, 1001), ('user id', $$SELECT tenancy.create_user('x@y.test', external_id => %L)$$, 501),
  ('key id', $$SELECT tenancy.create_api_key('organization_service_key', 'X', 'acme', scopes => '[]', external_id => %L)$$, 501),
  ('description', $$SELECT tenancy.register_permission('reports', 'view', %L)$$, 1001),
  ('role description', $$UPDATE tenancy.roles SET description = %L WHERE organization_id IS NOT NULL$$, 1001)) v (what, command, n), failure(format(command, letters(n))) f
WHERE what <> 'role description' OR tenancy.create_role('acme', 'workspace', 'described') IS NOT NULL;

-- A slug that is made from a name is as short as it must be.
SELECT length(tenancy_internal.slug_of(repeat('Name ', 200))), tenancy_internal.slug_of(repeat('x', 99) || ' y'), tenancy_internal.slug_of(repeat('-', 150) || 'x');
SELECT tenancy.create_workspace('acme', repeat('Long name ', 100)) IS NOT NULL AS made;
-- A row that 1.0 took can be restored, and changed where it is within the limits.
SET session_replication_role = replica;
UPDATE tenancy.api_keys SET external_id = letters(2000) WHERE name = 'mike key';
RESET session_replication_role;
SELECT tenancy.revoke_api_key('dddddddd-0000-4000-8000-000000000003');
UPDATE tenancy.api_keys SET external_id = letters(2001) WHERE name = 'mike key';
UPDATE tenancy.api_keys SET external_id = NULL WHERE name = 'mike key';
-- Scopes are as many as there can be permissions.
SET SESSION AUTHORIZATION regress_plain;
CALL app.become('acme master');
SELECT state, message FROM (VALUES (1, format('SELECT tenancy.create_api_key(''organization_service_key'', ''X'', scopes => %L)', (SELECT jsonb_agg('logs.view'::text) FROM generate_series(1, 1025)))),
  (2, format('SELECT tenancy.create_api_key(''organization_service_key'', ''X'', scopes => %L)', (SELECT jsonb_build_object('logs', jsonb_agg('list'::text)) FROM generate_series(1, 1025)))),
  (3, format('SELECT tenancy.create_api_key(''organization_service_key'', ''X'', scopes => %L)', (SELECT jsonb_agg('logs.view'::text) FROM generate_series(1, 1024))))) v (n, command), app.failure(command) ORDER BY n;
-- They are counted before anything else is done with them.
SET statement_timeout = '10s';
SELECT message FROM (VALUES (1, '[%s]'), (2, '{"logs": [%s]}'), (3, '[{"logs": [%s]}]')) v (n, scopes),
  (SELECT string_agg('"logs.view"', ', ') FROM generate_series(1, 400000)) many (single),
  app.failure(format('SELECT tenancy.create_api_key(''organization_service_key'', ''X'', scopes => %L)', format(scopes, single))) ORDER BY n;
RESET statement_timeout;
-- A principal with the longest possible name leaves ordinary entries.
SELECT tenancy.update_api_key((SELECT api_key_id FROM tenancy.api_keys WHERE name = 'acme master'), (SELECT string_agg(chr(65536 + abs(hashint4(i)) % 60000), '' ORDER BY i) FROM generate_series(1, 1000) i));
SELECT tenancy.create_workspace(NULL, 'By somebody') IS NOT NULL AS made;
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
SELECT action, length(actor) FROM tenancy.audit_log WHERE resource_type = 'workspace' AND after ->> 'name' = 'By somebody' ORDER BY audit_id DESC LIMIT 1;
-- No entry of all these is long.
SELECT max(pg_column_size(l)) < 20000 AS short FROM tenancy.audit_log l WHERE at > now() - interval '1 minute';
