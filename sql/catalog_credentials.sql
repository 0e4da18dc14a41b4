-- Catalogs of credentials: what they take.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set VERBOSITY terse
\set acme 'aaaaaaaa-0000-4000-8000-000000000000'
\set globex 'bbbbbbbb-0000-4000-8000-000000000000'
\set search 'aaaaaaaa-0000-4000-8000-000000000002'
\set mike 'cccccccc-0000-4000-8000-000000000004'
\set mike_key 'dddddddd-0000-4000-8000-000000000003'
-- Kind, workspace and user go together.
INSERT INTO tenancy.api_keys (kind, name, organization_id, workspace_id, user_id) VALUES ('organization_service_key', 'x', :'acme', :'search', NULL);
INSERT INTO tenancy.api_keys (kind, name, organization_id, workspace_id, user_id) VALUES ('organization_service_key', 'x', :'acme', NULL, :'mike');
INSERT INTO tenancy.api_keys (kind, name, organization_id, workspace_id, user_id) VALUES ('workspace_service_key', 'x', :'acme', NULL, NULL);
INSERT INTO tenancy.api_keys (kind, name, organization_id, workspace_id, user_id) VALUES ('workspace_service_key', 'x', :'acme', :'search', :'mike');
INSERT INTO tenancy.api_keys (kind, name, organization_id, workspace_id, user_id) VALUES ('workspace_user_key', 'x', :'acme', :'search', NULL);
INSERT INTO tenancy.api_keys (kind, name, organization_id, workspace_id, user_id) VALUES ('workspace_user_key', 'x', :'acme', NULL, :'mike');
INSERT INTO tenancy.api_keys (kind, name, organization_id, workspace_id, user_id) VALUES ('user_key', 'x', :'acme', :'search', :'mike');
INSERT INTO tenancy.api_keys (kind, name, organization_id, workspace_id, user_id) VALUES ('workspace_service_key', 'x', :'globex', :'search', NULL);
-- At most two live secrets, hashes only
INSERT INTO tenancy.api_key_secrets VALUES ('\x00', :'mike_key', false, now());
INSERT INTO tenancy.api_key_secrets VALUES (sha256('1'), :'mike_key', false, NULL);
INSERT INTO tenancy.api_key_secrets VALUES (sha256('1'), :'mike_key', true, NULL);
INSERT INTO tenancy.api_key_secrets VALUES (sha256('1'), :'mike_key', false, now());
INSERT INTO tenancy.api_key_secrets VALUES (sha256('2'), :'mike_key', false, now());
INSERT INTO tenancy.api_key_secrets VALUES (sha256('1'), 'dddddddd-0000-4000-8000-000000000002', false, now());
INSERT INTO tenancy.api_key_scopes VALUES (:'mike_key', 'logs', 'vieuw');
-- A user with keys stays: rows they wrote have to stay the user's.
DELETE FROM tenancy.users WHERE user_id = :'mike';
-- Bindings: a login is trusted, or stands for a user, or both.
INSERT INTO tenancy.login_bindings (login) VALUES ('regress_plain');
INSERT INTO tenancy.login_bindings (login, trusted, organization_id) VALUES ('regress_plain', true, :'acme');
INSERT INTO tenancy.login_bindings (login, user_id, workspace_id) VALUES ('regress_plain', :'mike', :'search');
INSERT INTO tenancy.login_bindings (login, user_id, organization_id, workspace_id)
VALUES ('regress_plain', :'mike', :'acme', 'bbbbbbbb-0000-4000-8000-000000000002');
INSERT INTO tenancy.login_bindings (login, user_id, organization_id) VALUES ('regress_plain', :'mike', :'globex');
INSERT INTO tenancy.login_bindings (login, user_id, organization_id, workspace_id) VALUES ('regress_plain', :'mike', :'acme', :'search');
-- A binding goes with the membership that it is for.
SELECT tenancy.remove_organization_member('acme', 'mike@acme.test');
SELECT login, trusted, user_id IS NOT NULL AS bound FROM tenancy.login_bindings ORDER BY login::text;
