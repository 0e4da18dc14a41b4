-- Users who leave lose their keys for good. Also two ways in which rights came back, or were taken.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\o /dev/null
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id');
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
CREATE FUNCTION with_key(who text, workspace text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO app.secrets SELECT who || ' in ' || workspace, k.secret
  FROM tenancy.create_api_key('workspace_user_key', who || ' in ' || workspace, 'acme', workspace, who || '@acme.test', '["logs.view", "logs.list"]') k
$$;
SELECT with_key('ben', 'search'), with_key('ben', 'support'), with_key('mona', 'search'), with_key('olivia', 'search'), with_key('adam', 'support');
SELECT tenancy.set_workspace_role('acme/search', 'olivia@acme.test', 'member');
\o
CREATE FUNCTION keys_now() RETURNS TABLE (key text, sees text) LANGUAGE sql AS
$$ SELECT name, app.visible(name, 'app.logs') FROM app.secrets WHERE name LIKE '% in %' ORDER BY name $$;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM keys_now();
RESET SESSION AUTHORIZATION;
-- Out of a workspace, by the function and by plain DML, and back again; the others go on
SELECT tenancy.remove_workspace_member('acme/search', 'ben@acme.test'), tenancy.set_workspace_role('acme/search', 'ben@acme.test', 'manager');
DELETE FROM tenancy.workspace_members WHERE user_id = 'cccccccc-0000-4000-8000-000000000001';
INSERT INTO tenancy.workspace_members (workspace_id, user_id, organization_id, role_id)
VALUES ('aaaaaaaa-0000-4000-8000-000000000002', 'cccccccc-0000-4000-8000-000000000001', 'aaaaaaaa-0000-4000-8000-000000000000', '00000000-0000-4000-8000-000000000013');
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM keys_now();
SELECT visible('ben', 'app.logs') AS ben_is_back;
RESET SESSION AUTHORIZATION;
-- Out of the organization, and back; a change of role gives no more than the role, and ends nothing where one remains: adam has none in support
SELECT tenancy.remove_organization_member('acme', 'ben@acme.test'), tenancy.set_organization_role('acme', 'ben@acme.test', 'member'),
       tenancy.set_workspace_role('acme/support', 'ben@acme.test', 'member'), tenancy.set_workspace_role('acme/search', 'mona@acme.test', 'member'),
       tenancy.set_organization_role('acme', 'adam@acme.test', 'member');
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM keys_now();
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_organization_role('acme', 'adam@acme.test', 'admin');
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM keys_now();
RESET SESSION AUTHORIZATION;
-- A membership that is made another's, and all at once
UPDATE tenancy.workspace_members SET user_id = 'cccccccc-0000-4000-8000-000000000007'
WHERE user_id = 'cccccccc-0000-4000-8000-000000000003' AND workspace_id = 'aaaaaaaa-0000-4000-8000-000000000002';
SELECT name, revoked_at IS NOT NULL AS revoked FROM tenancy.api_keys WHERE name LIKE '% in %' OR kind <> 'workspace_user_key' ORDER BY name;
BEGIN;
TRUNCATE tenancy.workspace_members;
SELECT name FROM tenancy.api_keys WHERE revoked_at IS NULL ORDER BY name;
ROLLBACK;
-- It is in the audit log. When a workspace or the organization goes, its keys go with it, and are not revoked first.
SELECT action, after ->> 'name' AS name FROM tenancy.audit_log WHERE resource_type = 'api_key' AND action = 'revoke' AND after ->> 'name' LIKE '% in %' ORDER BY audit_id;
BEGIN;
DELETE FROM tenancy.workspaces WHERE slug = 'support';
DELETE FROM tenancy.organizations WHERE slug = 'acme';
SELECT action, before ->> 'name' AS name FROM tenancy.audit_log WHERE resource_type = 'api_key' AND before ->> 'name' LIKE '% in support' ORDER BY action DESC, name;
ROLLBACK;

-- Of several roles in a workspace, the last one that goes takes the keys along: whoever may give and take another one ends none.
CREATE FUNCTION keys_in(the_workspace text) RETURNS TABLE (key text, state text) LANGUAGE sql AS
$$ SELECT r.name, r.state FROM tenancy.review_api_keys('acme') r WHERE r.name LIKE '% in ' || the_workspace ORDER BY r.name $$;
\o /dev/null
SELECT tenancy.create_role('acme', 'workspace', 'lead'), tenancy.create_role('acme', 'organization', 'auditor', all_workspaces => true);
SELECT tenancy.grant_permission('acme', 'workspace', 'lead', 'team', a) FROM unnest('{list,view,add_users,assign_roles}'::text[]) a;
SELECT tenancy.create_group('acme', 'desk'), tenancy.create_group('acme', 'night desk');
SELECT tenancy.set_group_role('acme/shared-team-workspace', g, 'manager'), tenancy.sync_group('acme', g, ARRAY['nora@acme.test', 'wanda@acme.test']) FROM unnest('{desk,night desk}'::text[]) g;
SELECT tenancy.set_organization_role('acme', 'ben@acme.test', 'auditor'), tenancy.set_workspace_role('acme/shared-team-workspace', 'mona@acme.test', 'lead');
SELECT with_key(who, 'shared-team-workspace') FROM unnest('{olivia,adam,ben,mona,nora,wanda}'::text[]) who;
\o
SET SESSION AUTHORIZATION regress_app;
SELECT who, attempt('mona', format('SELECT tenancy.revoke_api_keys(%L)', who || '@acme.test')) AS revokes FROM unnest('{olivia,adam,ben,nora,mona}'::text[]) who;
CALL become('mona');
SELECT count(tenancy.set_workspace_role('shared-team-workspace', who || '@acme.test', 'lead')) FROM unnest('{olivia,adam,ben,nora}'::text[]) who;
SELECT count(tenancy.remove_workspace_member('shared-team-workspace', who || '@acme.test')) FROM unnest('{olivia,adam,ben,nora}'::text[]) who;
SELECT count(tenancy.set_workspace_role('shared-team-workspace', who || '@acme.test', 'lead', until => clock_timestamp() + interval '50 ms')) FROM unnest('{olivia,adam,ben,nora}'::text[]) who;
SELECT pg_sleep(0.1);
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.remove_workspace_member('acme/shared-team-workspace', 'mona@acme.test'), tenancy.sync_group('acme', 'desk', ARRAY['wanda@acme.test']);
SELECT * FROM keys_in('shared-team-workspace');
SET SESSION AUTHORIZATION regress_app;
SELECT key, sees ~ '^28000' AS refused FROM keys_now() WHERE key LIKE '% in shared%';
RESET SESSION AUTHORIZATION;
-- The last one: of the organization, by a role that reaches less or itself does, and of a group; mona is back, and so are the others
SELECT tenancy.set_organization_role('acme', 'adam@acme.test', 'member'), tenancy.sync_group('acme', 'night desk', ARRAY['wanda@acme.test']);
UPDATE tenancy.roles SET all_workspaces = false WHERE name = 'auditor';
SELECT * FROM keys_in('shared-team-workspace');
SELECT tenancy.set_organization_role('acme', 'adam@acme.test', 'admin'), tenancy.sync_group('acme', 'desk', ARRAY['nora@acme.test', 'wanda@acme.test']),
       tenancy.set_workspace_role('acme/shared-team-workspace', 'mona@acme.test', 'lead');
UPDATE tenancy.roles SET all_workspaces = true WHERE name = 'auditor';
SET SESSION AUTHORIZATION regress_app;
SELECT key, sees ~ '^28000' AS refused FROM keys_now() WHERE key LIKE '% in shared%';
RESET SESSION AUTHORIZATION;
-- Both of wanda's roles have ended; what goes on brings nothing back, though it be both at once
UPDATE tenancy.group_roles SET ends_at = clock_timestamp();
SELECT * FROM keys_in('shared-team-workspace') WHERE key LIKE 'wanda%';
UPDATE tenancy.group_roles SET ends_at = NULL;
SELECT * FROM keys_in('shared-team-workspace') WHERE key LIKE 'wanda%';
SELECT name FROM tenancy.api_keys WHERE name LIKE '% in shared-team-workspace' AND revoked_at IS NULL;
\o /dev/null
SELECT tenancy.drop_group('acme', g) FROM unnest('{desk,night desk}'::text[]) g;
SELECT tenancy.set_organization_role('acme', 'ben@acme.test', 'member');
\o

-- A key for somebody who isn't in the workspace yet would begin to act on the day that they are
SET SESSION AUTHORIZATION regress_app;
SELECT who, attempt(who, 'SELECT tenancy.create_api_key(''workspace_user_key'', ''k'', NULL, ''support'', ''nora@acme.test'', ''["logs.view"]'')'),
       attempt(who, 'SELECT tenancy.create_api_key(''workspace_user_key'', ''k'', NULL, ''support'', ''wanda@acme.test'', ''["logs.view"]'')') FROM unnest(ARRAY['olivia', 'adam', 'wanda']) who;
RESET SESSION AUTHORIZATION;

-- An admin from whom the organization has taken logs gets them back by no token of their own; owners and the master key may
SELECT tenancy.set_setting('acme', 'org_admins_view_logs', false);
SET SESSION AUTHORIZATION regress_app;
SELECT who, attempt(who, 'SELECT tenancy.set_jwks(NULL, ''{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'')') AS sets_keys,
       attempt(who, 'SELECT tenancy.set_jwks(NULL, NULL)') AS removes_keys
FROM unnest(ARRAY['olivia', 'adam', 'acme master', 'mona', 'search service']) who;
RESET SESSION AUTHORIZATION;
SELECT tenancy.reset_setting('acme', 'org_admins_view_logs');

-- A workspace takes nothing from the organization's admins, whoever says so
SELECT tenancy.allow_workspace_overrides('acme', 'logs', true), tenancy.set_workspace_role('acme/search', 'mona@acme.test', 'manager');
SET SESSION AUTHORIZATION regress_app;
SELECT who, attempt(who, 'SELECT tenancy.set_setting(NULL, ''org_admins_view_logs'', false, ''search'')') AS admins,
       attempt(who, 'SELECT tenancy.set_setting(NULL, ''members_view_logs'', false, ''search'')') AS members FROM unnest(ARRAY['olivia', 'adam', 'mona', 'mike']) who;
RESET SESSION AUTHORIZATION;
INSERT INTO tenancy.grants (role_id, organization_id, workspace_id, resource, action, allowed)
VALUES ('00000000-0000-4000-8000-000000000002', 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'logs', 'view', false);
SET SESSION AUTHORIZATION regress_app;
SELECT visible('adam', 'app.logs');
RESET SESSION AUTHORIZATION;
SELECT value, source FROM tenancy.settings('acme', 'search') WHERE setting = 'org_admins_view_logs';
-- The other way round it counts: what the organization has taken, a workspace can give for itself
SELECT tenancy.set_setting('acme', 'org_admins_view_logs', false), tenancy.set_setting('acme', 'org_admins_view_logs', true, 'search');
SET SESSION AUTHORIZATION regress_app;
SELECT visible('adam', 'app.logs');
RESET SESSION AUTHORIZATION;
SELECT value, source FROM tenancy.settings('acme', 'search') WHERE setting = 'org_admins_view_logs';

-- A dump of 1.0 that is restored without an update has keys of users who have left, and no names of protected tables.
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM tenancy.advise() WHERE rule IN ('keys_of_leavers', 'unknown_name');
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE tenancy.api_keys SET revoked_at = NULL WHERE user_id IS NOT NULL;
DELETE FROM tenancy.workspace_members;
DELETE FROM tenancy.organization_members;
DELETE FROM tenancy.protected_names WHERE table_name = 'logs';
COMMIT;
SELECT count(*) > 0 AS valid_again FROM tenancy.api_keys WHERE user_id IS NOT NULL AND revoked_at IS NULL;
SELECT severity, rule, object, regexp_replace(problem, '\d+', 'n') AS problem, fix_sql FROM tenancy.advise() WHERE rule IN ('keys_of_leavers', 'unknown_name');
SET client_min_messages = warning;
SELECT fix_sql FROM tenancy.advise() WHERE rule IN ('keys_of_leavers', 'unknown_name') \gexec
RESET client_min_messages;
SELECT count(*) FROM tenancy.advise() WHERE rule IN ('keys_of_leavers', 'unknown_name');
SELECT count(*) AS valid_again FROM tenancy.api_keys WHERE user_id IS NOT NULL AND revoked_at IS NULL;
SELECT table_name FROM tenancy.protected_names;

-- Where members come by logical replication, a login that is bound there stands for nobody once its user has left, or its workspace has gone.
SET client_min_messages = error;
CREATE ROLE regress_bound_1 LOGIN;
CREATE ROLE regress_bound_2 LOGIN;
CREATE ROLE regress_bound_3 LOGIN;
CREATE ROLE regress_bound_4 LOGIN;
RESET client_min_messages;
\o /dev/null
SELECT tenancy.set_organization_role('acme', u || '@acme.test', 'member') FROM unnest('{mona,mike,ben,nora}'::text[]) u;
SELECT tenancy.set_workspace_role('acme/support', 'ben@acme.test', 'member');
SELECT tenancy.bind_login('regress_bound_1', 'mona@acme.test', 'acme'), tenancy.bind_login('regress_bound_2', 'mike@acme.test', 'acme'),
       tenancy.bind_login('regress_bound_3', 'ben@acme.test', 'acme', 'support'), tenancy.bind_login('regress_bound_4', 'nora@acme.test', 'acme');
UPDATE tenancy.organization_members m SET ends_at = now() - interval '1 hour' FROM tenancy.users u WHERE u.user_id = m.user_id AND u.email = 'mike@acme.test';
\o
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE tenancy.organization_members SET created_at = created_at;
SELECT string_agg(login::text, ' ' ORDER BY login::text) AS bound FROM tenancy.login_bindings WHERE login::text ~ 'bound';
DELETE FROM tenancy.organization_members m USING tenancy.users u WHERE u.user_id = m.user_id AND u.email = 'mona@acme.test';
UPDATE tenancy.organization_members m SET ends_at = NULL FROM tenancy.users u WHERE u.user_id = m.user_id AND u.email = 'mike@acme.test';
DELETE FROM tenancy.workspaces WHERE slug = 'support';
SELECT string_agg(login::text, ' ' ORDER BY login::text) AS bound FROM tenancy.login_bindings WHERE login::text ~ 'bound';
DELETE FROM tenancy.users WHERE email = 'nora@acme.test';
SELECT string_agg(login::text, ' ' ORDER BY login::text) AS bound FROM tenancy.login_bindings WHERE login::text ~ 'bound';
ROLLBACK;
-- One without an organization is bound to the first that the user joins, ends with it, and acts in the first also where that wasn't stored.
BEGIN;
INSERT INTO tenancy.users (email) VALUES ('joins@x.test'), ('raced@x.test');
INSERT INTO tenancy.organizations (slug, name) VALUES ('first', 'First'), ('second', 'Second');
SELECT tenancy.bind_login('regress_bound_1', 'joins@x.test'), tenancy.bind_login('regress_bound_2', 'raced@x.test') \g /dev/null
SET LOCAL session_replication_role = replica;
CREATE VIEW bindings AS SELECT login, o.slug FROM tenancy.login_bindings b LEFT JOIN tenancy.organizations o USING (organization_id) WHERE login::text ~ 'bound_[12]' ORDER BY login::text;
CREATE FUNCTION join_one(organization text, who text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO tenancy.organization_members (organization_id, user_id, role_id)
  SELECT o.organization_id, u.user_id, '00000000-0000-4000-8000-000000000003' FROM tenancy.organizations o, tenancy.users u WHERE o.slug = organization AND u.email = who
$$;
SELECT join_one('first', 'joins@x.test'), join_one('first', 'raced@x.test') \g /dev/null
UPDATE tenancy.login_bindings SET organization_id = NULL WHERE login = 'regress_bound_2'::regrole;
TABLE bindings;
SAVEPOINT joined;
SELECT join_one('second', 'joins@x.test'), join_one('second', 'raced@x.test') \g /dev/null
TABLE bindings;
ROLLBACK TO joined;
DELETE FROM tenancy.organization_members m USING tenancy.users u WHERE u.user_id = m.user_id AND u.email LIKE '%@x.test';
TABLE bindings;
ROLLBACK;
-- What ends a binding leaves the trust that all tenants need; a DBA ends both.
SELECT tenancy.trust_login(login::text::name) FROM tenancy.login_bindings WHERE login::text ~ 'bound' \g /dev/null
SET client_min_messages = error;
SELECT tenancy.bind_login('regress_bound_1', 'mona@acme.test', 'acme'), tenancy.bind_login('regress_bound_2', 'nora@acme.test'),
       tenancy.bind_login('regress_bound_3', 'ben@acme.test', 'acme', 'support'), tenancy.bind_login('regress_bound_4', 'nora@acme.test', 'acme') \g /dev/null
CREATE VIEW bindings AS SELECT login, trusted, b.user_id IS NOT NULL AS bound FROM tenancy.login_bindings b WHERE login::text ~ 'bound' ORDER BY login::text;
CREATE FUNCTION bindings_after(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  role text;
  result text;
BEGIN
  FOREACH role IN ARRAY '{origin, replica}'::text[] LOOP
    BEGIN
      PERFORM set_config('session_replication_role', role, true);
      EXECUTE bindings_after.change;
      result := concat_ws('; ', result, (SELECT string_agg(CASE WHEN trusted AND NOT bound THEN 'trusted' WHEN trusted THEN 'both' ELSE 'bound' END, ' ') FROM bindings));
      RAISE SQLSTATE 'UNDO1';
    EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
    END;
  END LOOP;
  RETURN result;
END
$$;
SELECT change, bindings_after(change) FROM unnest(ARRAY['SELECT',
  $$DELETE FROM tenancy.organization_members m USING tenancy.users u WHERE u.user_id = m.user_id AND u.email = 'mona@acme.test'$$,
  $$DELETE FROM tenancy.organization_members m USING tenancy.users u WHERE u.user_id = m.user_id AND u.email = 'nora@acme.test'$$,
  $$DELETE FROM tenancy.workspaces WHERE slug = 'support'$$,
  $$DELETE FROM tenancy.api_keys k USING tenancy.users u WHERE k.user_id = u.user_id AND u.email = 'nora@acme.test';
    DELETE FROM tenancy.users WHERE email = 'nora@acme.test'$$,
  $$UPDATE tenancy.organization_members m SET ends_at = now() - interval '1 hour' FROM tenancy.users u WHERE u.user_id = m.user_id AND u.email = 'ben@acme.test';
    UPDATE tenancy.organization_members m SET ends_at = NULL FROM tenancy.users u WHERE u.user_id = m.user_id AND u.email = 'ben@acme.test'$$,
  $$DELETE FROM tenancy.login_bindings WHERE login = 'regress_bound_1'::regrole$$,
  $$SELECT tenancy.unbind_login('regress_bound_2')$$]) change;
DROP VIEW bindings;
DROP FUNCTION bindings_after(text);
SELECT tenancy.unbind_login(login::text::name) FROM tenancy.login_bindings WHERE login::text ~ 'bound' \g /dev/null
DROP ROLE regress_bound_1, regress_bound_2, regress_bound_3, regress_bound_4;
