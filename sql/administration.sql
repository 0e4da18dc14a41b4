-- Organizations, workspaces, users, memberships, logins, as a DBA manages them.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
-- An organization comes with its default workspace, its owner, and its master key.
SELECT organization_id, workspace_id, owner_id, master_key FROM tenancy.create_organization('Initech & Söhne', 'Bill@Initech.test', external_id => '77') \gset
SELECT slug, name, external_id FROM tenancy.organizations WHERE organization_id = :'organization_id';
SELECT slug, name, is_default FROM tenancy.workspaces WHERE organization_id = :'organization_id' AND workspace_id = :'workspace_id';
SELECT email, active FROM tenancy.users WHERE user_id = :'owner_id';
SELECT r.level, r.name FROM tenancy.organization_members m JOIN tenancy.roles r USING (role_id) WHERE m.organization_id = :'organization_id';
SELECT kind, name, all_scopes, expires_at, display_prefix = left(:'master_key', 8) AS prefix_shown FROM tenancy.api_keys WHERE organization_id = :'organization_id';
SELECT (SELECT count(*) FROM tenancy.api_key_secrets WHERE secret_hash = sha256(:'master_key')) AS hashed,
       (SELECT count(*) FROM tenancy.api_keys k WHERE k::text LIKE '%' || substr(:'master_key', 9) || '%') AS stored;
-- The owner can be somebody who exists.
SELECT count(*) FROM tenancy.users;
SELECT o.owner_id = u.user_id AS same_user FROM tenancy.create_organization('Second', 'MIKE@acme.test', 'two') o, tenancy.users u WHERE u.email = 'mike@acme.test';
SELECT count(*) FROM tenancy.users;
SELECT state, message, hint FROM (VALUES
  ('SELECT tenancy.create_organization(''Acme'', ''x@acme.test'')'),
  ('SELECT tenancy.create_organization(''日本'', ''x@acme.test'')'),
  ('SELECT tenancy.create_organization(''日本'', ''x@acme.test'', ''japan'')'),
  ('SELECT tenancy.create_organization('''', ''x@acme.test'')'),
  ('SELECT tenancy.create_organization(NULL, ''x@acme.test'')'),
  ('SELECT tenancy.create_organization(''X'', NULL)'),
  ('SELECT tenancy.create_organization(''X'', ''nobody'')'),
  ('SELECT tenancy.create_organization(''X'', ''x@acme.test'', ''Not A Slug'')'),
  ('SELECT tenancy.create_organization(''X'', ''x@acme.test'', external_id => ''1'')')) v (command), failure(command);

-- Users and workspaces
SELECT tenancy.create_user('New@Acme.TEST', 'New', '300') IS NOT NULL AS made;
SELECT email, name, external_id, active FROM tenancy.users WHERE external_id = '300';
SELECT tenancy.create_user('new@acme.test');
SELECT tenancy.create_workspace('acme', 'Sales & Marketing', external_id => '14') IS NOT NULL AS made;
SELECT slug, name, external_id, is_default FROM tenancy.workspaces WHERE external_id = '14';
SELECT tenancy.create_workspace('acme', 'Search');
SELECT tenancy.create_workspace('acme', '!!');
SELECT tenancy.create_workspace('acme', NULL);
SELECT tenancy.create_workspace('acmee', 'x');
SELECT tenancy.create_workspace(NULL, 'x');

-- Memberships
CREATE VIEW members AS
SELECT u.email, o.slug AS organization, r.name AS role,
       (SELECT string_agg(w.slug || ': ' || wr.name, ', ' ORDER BY w.slug)
        FROM tenancy.workspace_members wm JOIN tenancy.workspaces w USING (workspace_id) JOIN tenancy.roles wr ON wr.role_id = wm.role_id
        WHERE wm.user_id = m.user_id AND wm.organization_id = m.organization_id) AS workspaces
FROM tenancy.organization_members m JOIN tenancy.users u USING (user_id) JOIN tenancy.organizations o USING (organization_id) JOIN tenancy.roles r USING (role_id);
SELECT tenancy.set_organization_role('acme', 'new@acme.test', 'member'), tenancy.set_workspace_role('acme/search', 'NEW@acme.test', 'manager');
SELECT * FROM members WHERE email = 'new@acme.test';
SELECT tenancy.set_organization_role('1', '300', 'admin'), tenancy.set_workspace_role('12', '300', 'member'), tenancy.set_workspace_role('13', '300', 'admin');
SELECT * FROM members WHERE email = 'new@acme.test';
SELECT tenancy.remove_workspace_member('acme/search', 'new@acme.test');
SELECT * FROM members WHERE email = 'new@acme.test';
SELECT tenancy.remove_workspace_member('acme/search', 'new@acme.test');
SELECT tenancy.remove_organization_member('acme', 'new@acme.test');
SELECT * FROM members WHERE email = 'new@acme.test';
SELECT tenancy.remove_organization_member('acme', 'new@acme.test');
SELECT tenancy.set_workspace_role('acme/search', 'new@acme.test', 'member');
SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'manger');
SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'owner');
SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'manager');
SELECT tenancy.set_organization_role('acme', 'nobody', 'member');
-- An address that isn't known yet is an invitation.
SELECT tenancy.set_organization_role('acme', 'Invited@acme.test', 'member');
SELECT * FROM members WHERE email = 'invited@acme.test';
SELECT tenancy.set_organization_role('acme', 'olivia@acme.test', 'member');

-- Logins
CREATE VIEW logins AS SELECT b.login, b.trusted, u.email, o.slug AS organization, w.slug AS workspace
FROM tenancy.login_bindings b LEFT JOIN tenancy.users u USING (user_id)
LEFT JOIN tenancy.organizations o ON o.organization_id = b.organization_id LEFT JOIN tenancy.workspaces w ON w.workspace_id = b.workspace_id;
SELECT tenancy.trust_login('regress_plain');
SELECT * FROM logins WHERE login = 'regress_plain'::regrole;
SELECT tenancy.bind_login('regress_plain', 'ben@acme.test');
SELECT * FROM logins WHERE login = 'regress_plain'::regrole;
SELECT tenancy.bind_login('regress_plain', 'ben@acme.test', 'acme', 'support');
SELECT * FROM logins WHERE login = 'regress_plain'::regrole;
SET SESSION AUTHORIZATION regress_plain;
SELECT kind, source, organization, workspace, email FROM tenancy.whoami();
RESET SESSION AUTHORIZATION;
SELECT tenancy.bind_login('regress_plain', 'ben@acme.test', NULL, 'acme/search');
SELECT * FROM logins WHERE login = 'regress_plain'::regrole;
SELECT tenancy.unbind_login('regress_plain');
SELECT * FROM logins WHERE login = 'regress_plain'::regrole;
SELECT tenancy.unbind_login('regress_plain');
SELECT tenancy.trust_login('regress_plan');
SELECT tenancy.bind_login('regress_plan', 'ben@acme.test');
SELECT tenancy.bind_login('regress_plain');
SELECT tenancy.bind_login('regress_plain', 'gus@globex.test', 'acme');
SELECT tenancy.bind_login('regress_plain', 'ben@acme.test', 'acme', 'lab');
-- Of a role that is gone nothing is left to another one of its name.
CREATE ROLE regress_gone LOGIN;
SELECT tenancy.bind_login('regress_gone', 'ben@acme.test', 'acme');
SELECT tenancy.trust_login('regress_gone');
SET SESSION AUTHORIZATION regress_gone;
SELECT kind, email FROM tenancy.whoami();
RESET SESSION AUTHORIZATION;
DROP ROLE regress_gone;
CREATE ROLE regress_gone LOGIN;
SET SESSION AUTHORIZATION regress_gone;
SELECT kind, email FROM tenancy.whoami();
SET tenancy."user" = 'ben@acme.test';
SELECT kind, email FROM tenancy.whoami();
RESET tenancy."user";
RESET SESSION AUTHORIZATION;
SELECT tenancy.unbind_login('regress_gone');
SELECT severity, regexp_replace(object, '^[0-9]+$', 'number') AS object, problem, fix_sql = format('SELECT tenancy.unbind_login(%L)', object) AS fix
FROM tenancy.advise() WHERE rule = 'stale_binding';
SELECT tenancy.unbind_login(object) FROM tenancy.advise() WHERE rule = 'stale_binding';
SELECT count(*) FROM tenancy.advise() WHERE rule = 'stale_binding';
DROP ROLE regress_gone;
