-- Groups: roles that members of an organization have together, by sync_group() or by the tokens of an issuer.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\set tokens :srcdir '/sql/include/user_tokens.sql'
\i :world
\set ECHO none
\i :tokens
\set ECHO all
SELECT FROM tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id', create_indexes => true);
GRANT ALL ON ALL TABLES IN SCHEMA app TO regress_plain;
-- Rows and rights of a member
CREATE FUNCTION has(who text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  RETURN concat_ws(' | ', app.visible(who, 'app.logs'), (SELECT string_agg(DISTINCT concat_ws(' ', p.workspace, p.rows), ', ' ORDER BY concat_ws(' ', p.workspace, p.rows)) FROM tenancy.permissions() p WHERE p.resource = 'logs' AND p.action = 'view'));
EXCEPTION WHEN OTHERS THEN
  RETURN SQLERRM;
END
$$;
SET SESSION AUTHORIZATION regress_app;
SELECT who, has(who) FROM unnest(ARRAY['nora', 'mike', 'wanda']) who;

-- By whom: an owner and admins; names are an organization's own
CALL become('mona');
SELECT failure($$SELECT tenancy.create_group(NULL, 'support')$$);
CALL become('olivia');
SELECT failure($$SELECT tenancy.create_group(NULL, v)$$) FROM unnest(ARRAY['']) v;
SELECT failure($$SELECT tenancy.create_group(NULL, '')$$);
SELECT tenancy.create_group(NULL, 'support') IS NOT NULL AS made, tenancy.create_group(NULL, 'Élite/eu') IS NOT NULL AS too, tenancy.create_group(NULL, 'synced', open_to_sync => true) IS NOT NULL AS open;
SELECT failure($$SELECT tenancy.create_group(NULL, 'support')$$);
SELECT failure($$SELECT tenancy.create_group('globex', 'x')$$);
CALL become('gus');
SELECT tenancy.create_group(NULL, 'support') IS NOT NULL AS also_here;
SELECT name, open_to_sync FROM tenancy.groups;
CALL become('nora');
SELECT name FROM tenancy.groups;

-- Members, all at once: a name that is no member's leaves the group as it is
CALL become('olivia');
SELECT tenancy.sync_group(NULL, 'support', ARRAY['nora@acme.test', 'mike@acme.test', 'MIKE@acme.test']);
SELECT failure(format('SELECT tenancy.sync_group(NULL, ''support'', %s)', m)) FROM unnest(ARRAY['NULL', 'ARRAY[NULL]', 'ARRAY[''nora@acme.test'', ''gus@globex.test'']', 'ARRAY[''nobody@x.test'']', '''{{a,b},{c,d}}''']) m;
SELECT failure($$SELECT tenancy.sync_group(NULL, 'suport', '{}')$$);
SELECT u.email FROM tenancy.group_members m JOIN tenancy.members u USING (user_id) ORDER BY 1;
SELECT who, has(who) FROM unnest(ARRAY['nora', 'mike']) who;

-- Roles: of the organization, or of a workspace; what the text is must be clear
CALL become('olivia');
SELECT tenancy.set_group_role('support', 'support', 'member'), tenancy.set_group_role('acme/search', 'support', 'manager');
SELECT who, has(who) FROM unnest(ARRAY['nora', 'mike', 'wanda']) who;
CALL become('olivia');
SELECT failure(v) FROM unnest(ARRAY[$$SELECT tenancy.set_group_role('support', 'support', 'owner')$$, $$SELECT tenancy.set_group_role('nowhere', 'support', 'member')$$, $$SELECT tenancy.set_group_role('globex', 'support', 'member')$$,
  $$SELECT tenancy.set_group_role('lab', 'support', 'member')$$, $$SELECT tenancy.set_group_role(NULL, 'support', 'manager')$$, $$SELECT tenancy.set_group_role(NULL, 'nothing', 'member')$$]) v;
SELECT tenancy.create_workspace(NULL, 'Acme', 'acme') IS NOT NULL AS made;
SELECT failure($$SELECT tenancy.set_group_role('acme', 'support', 'admin')$$);
SELECT tenancy.delete_workspace('acme/acme');
SELECT tenancy.set_group_role('acme', 'support', 'admin');
SELECT who, has(who) FROM unnest(ARRAY['nora', 'mike', 'wanda']) who;
CALL become('olivia');
SELECT tenancy.set_group_role(NULL, 'support', NULL);

-- The union is of permissions with the rows that they reach: a role that sees all rows widens none that another role gives.
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
SELECT tenancy.create_role('acme', 'workspace', 'reader') IS NOT NULL AS role, tenancy.grant_permission('acme', 'workspace', 'reader', 'prompts', 'view'), tenancy.set_role_visibility('acme', 'reader', true);
SELECT tenancy.create_group('acme', 'readers') IS NOT NULL AS made, tenancy.sync_group('acme', 'readers', ARRAY['mike@acme.test']), tenancy.set_group_role('acme/search', 'readers', 'reader'), tenancy.sync_group('acme', 'support', ARRAY['nora@acme.test']);
SET SESSION AUTHORIZATION regress_app;
SELECT who, has(who) FROM unnest(ARRAY['mike', 'nora']) who;
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.grant_permission('acme', 'workspace', 'reader', 'logs', 'view');
SET SESSION AUTHORIZATION regress_app;
SELECT who, has(who) FROM unnest(ARRAY['mike']) who;
-- Overrides are of each role before the union
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.revoke_permission('acme', 'workspace', 'reader', 'logs', 'view');
SET SESSION AUTHORIZATION regress_app;
SELECT who, has(who) FROM unnest(ARRAY['mike']) who;
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.reset_setting('acme', 'members_view_all_data');

-- Answers name the group
SET SESSION AUTHORIZATION regress_app;
CALL become('nora');
SELECT rule, source, result FROM tenancy.explain_authorize('logs', 'view', 'search');
SELECT tenancy.authorize('team', 'assign_roles', 'search') AS manages;
CALL become('olivia');
SELECT name, rows, via FROM tenancy.who_can('logs', 'view', 'search') WHERE principal_kind = 'user' ORDER BY 1;
SELECT level, role, resource, action, source FROM tenancy.access_matrix() WHERE level = 'group' AND resource IN ('logs', 'team', 'prompts') AND action IN ('view', 'assign_roles') ORDER BY 2, 3, 4, 5;
SELECT count(*) = 0 AS none FROM tenancy.who_can('logs', 'view', 'support') WHERE via ~ 'readers';
-- Groups are for those to see who may list the team
SELECT who, attempt(who, $$SELECT FROM tenancy.access_matrix() WHERE level = 'group'$$) ~ '^[1-9]\d* rows?$' AS in_matrix, attempt(who, $$SELECT FROM tenancy.groups$$) ~ '^[1-9]\d* rows?$' AS listed, attempt(who, $$SELECT FROM tenancy.access_matrix() WHERE level = 'workspace'$$) ~ '^[1-9]\d* rows?$' AS roles
FROM unnest(ARRAY['olivia', 'wanda', 'search service', 'mike key']) who;

-- A key follows its user's groups, and is revoked with the last role there
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
INSERT INTO app.secrets SELECT 'nora key', secret FROM tenancy.create_api_key('workspace_user_key', 'nora key', 'acme', 'search', 'nora@acme.test', scopes => '["logs.view"]');
SELECT count(*) FROM tenancy.advise() WHERE rule = 'keys_of_leavers';
SET SESSION AUTHORIZATION regress_app;
SELECT has('nora key');
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.sync_group('acme', 'support', '{}');
SELECT tenancy.sync_group('acme', 'support', ARRAY['nora@acme.test']);
SET SESSION AUTHORIZATION regress_app;
SELECT has('nora key'), has('nora');
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
SELECT name, revoked_at IS NOT NULL AS revoked FROM tenancy.api_keys WHERE name IN ('nora key', 'mike key') ORDER BY 1;
-- The last owner is a member with the role itself.
SELECT tenancy.set_group_role('acme', 'support', 'owner');
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT failure($$SELECT tenancy.set_organization_role(NULL, 'olivia@acme.test', 'member')$$);
SELECT failure($$SELECT tenancy.drop_role(NULL, 'workspace', 'reader')$$);

-- Nobody gives by a group what they don't have: neither roles, nor membership, nor takes it
CALL become('adam');
SELECT failure(v) FROM unnest(ARRAY[$$SELECT tenancy.set_group_role(NULL, 'readers', 'owner')$$, $$SELECT tenancy.sync_group(NULL, 'support', ARRAY['adam@acme.test'])$$, $$SELECT tenancy.sync_group(NULL, 'support', '{}')$$,
  $$SELECT tenancy.set_group_role(NULL, 'support', 'member')$$, $$SELECT tenancy.set_group_role(NULL, 'support', NULL)$$, $$SELECT tenancy.drop_group(NULL, 'support')$$]) v;
SELECT tenancy.set_group_role(NULL, 'readers', 'admin'), tenancy.sync_group(NULL, 'readers', ARRAY['mike@acme.test', 'nora@acme.test']);
CALL become('mona');
SELECT failure(v) FROM unnest(ARRAY[$$SELECT tenancy.set_group_role('search', 'readers', 'manager')$$, $$SELECT tenancy.set_group_role('support', 'readers', 'member')$$, $$SELECT tenancy.sync_group(NULL, 'readers', '{}')$$]) v;
CALL become('olivia');
SELECT tenancy.set_group_role(NULL, 'support', NULL), tenancy.set_group_role(NULL, 'readers', NULL);
-- A bridge that may sync, and has none of the roles: groups alone that are open to it
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_group_role('acme/search', 'synced', 'manager');
INSERT INTO app.secrets SELECT 'bridge', secret FROM tenancy.create_api_key('organization_service_key', 'bridge', 'acme', scopes => '["team.sync_groups"]');
SET SESSION AUTHORIZATION regress_app;
CALL become('adam');
SELECT failure($$SELECT tenancy.create_api_key('organization_service_key', 'bridge', scopes => '["team.sync_groups"]')$$);
CALL app.become('nobody');
SET SESSION AUTHORIZATION regress_plain;
SELECT set_config('tenancy.api_key', (SELECT secret FROM app.secrets WHERE name = 'bridge'), false) IS NOT NULL AS is_key;
SELECT tenancy.sync_group(NULL, 'synced', ARRAY['nora@acme.test']);
SELECT (f).state, regexp_replace((f).message, '[0-9a-f-]{36}', '…') AS message FROM (SELECT failure(v) AS f FROM unnest(ARRAY[$$SELECT tenancy.sync_group(NULL, 'readers', ARRAY['nora@acme.test'])$$, $$SELECT tenancy.set_group_role(NULL, 'synced', 'member')$$, $$SELECT tenancy.create_group(NULL, 'x')$$]) v) x;
RESET tenancy.api_key;
SET SESSION AUTHORIZATION regress_app;
SELECT has('nora');

-- The claim of groups: of tokens of the group's issuer, in their session only
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
SELECT failure($$SELECT tenancy.create_group('acme', 'admins', 'https://idp.test')$$);
SELECT tenancy.trust_issuer('acme', 'https://idp.test', jwks, ARRAY['database'], max_age => '80 years', groups_claim => 'groups') FROM jwks WHERE name = 'idp';
SELECT tenancy.link_identity('https://idp.test', 'mike', 'mike@acme.test', 'acme');
SELECT tenancy.create_group('acme', 'admins', 'https://idp.test') IS NOT NULL AS made, tenancy.set_group_role('acme/support', 'admins', 'manager');
SELECT failure($$SELECT tenancy.sync_group('acme', 'admins', ARRAY['mike@acme.test'])$$);
SELECT failure($$INSERT INTO tenancy.group_members (group_id, user_id, organization_id) SELECT g.group_id, m.user_id, g.organization_id FROM tenancy.groups g JOIN tenancy.organization_members m USING (organization_id) WHERE g.name = 'admins' LIMIT 1$$);
SELECT failure($$UPDATE tenancy.groups SET trust_id = NULL WHERE name = 'admins'$$);
CREATE FUNCTION with_token(name text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('tenancy.jwt', (SELECT t.token FROM app.tokens t WHERE t.name = with_token.name), true), set_config('tenancy.organization', 'acme', true);
  RETURN (SELECT string_agg(DISTINCT concat_ws(' ', p.workspace, p.rows), ', ') FROM tenancy.permissions() p WHERE p.resource = 'logs' AND p.action = 'view') ||
    coalesce(' | ' || (SELECT string_agg(e.rule, ', ') FROM tenancy.explain_authorize('logs', 'view') e WHERE e.rule ~ 'group'), '');
EXCEPTION WHEN OTHERS THEN
  RETURN SQLERRM;
END
$$;
CALL app.become('nobody');
SET SESSION AUTHORIZATION regress_plain;
SELECT name, with_token(name) FROM tokens WHERE name = 'RS256' OR name ~ '^groups' ORDER BY n;
SET SESSION AUTHORIZATION regress_app;
SELECT has('mike'), has('mike key');
-- Without the claim, or the trust, none; the trust takes its groups along
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.trust_issuer('acme', 'https://idp.test', jwks, ARRAY['database'], max_age => '80 years') FROM jwks WHERE name = 'idp';
CALL app.become('nobody');
SET SESSION AUTHORIZATION regress_plain;
SELECT name, with_token(name) FROM tokens WHERE name = 'groups';
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.trust_issuer('acme', 'https://idp.test', NULL, NULL);
SELECT count(*) FROM tenancy.groups WHERE name = 'admins';

-- A member who leaves leaves the groups, and comes back without them
SELECT tenancy.remove_organization_member('acme', 'nora@acme.test'), tenancy.set_organization_role('acme', 'nora@acme.test', 'member');
SELECT count(*) FROM tenancy.group_members m JOIN tenancy.users u USING (user_id) WHERE u.email = 'nora@acme.test';
SELECT actor_kind, action, resource_type FROM tenancy.audit_log WHERE resource_type ~ '^group' ORDER BY audit_id DESC LIMIT 3;

-- Whoever ends a membership, or moves its end, has the rights of the member's groups
SELECT tenancy.create_role('acme', 'organization', 'warden', 'member') IS NOT NULL AS role, tenancy.grant_permission('acme', 'organization', 'warden', 'team', 'add_users'), tenancy.grant_permission('acme', 'organization', 'warden', 'team', 'assign_roles');
SELECT tenancy.set_organization_role('acme', 'nora@acme.test', 'warden'), tenancy.remove_workspace_member('acme/support', 'wanda@acme.test'), tenancy.set_organization_role('acme', 'wanda@acme.test', 'member', now() + interval '1 day'), tenancy.sync_group('acme', 'synced', ARRAY['wanda@acme.test']);
CREATE FUNCTION of_wanda() RETURNS TABLE (call text, failed text) LANGUAGE sql AS $f$
  SELECT call, concat_ws(': ', (f).state, (f).message) FROM (SELECT call, failure('SELECT ' || call) AS f FROM unnest(ARRAY[
    $$tenancy.set_organization_role(NULL, 'wanda@acme.test', 'member', 'infinity')$$, $$tenancy.set_organization_role(NULL, 'wanda@acme.test', 'member', now() + interval '2 days')$$, $$tenancy.set_organization_role(NULL, 'wanda@acme.test', 'member', now() + interval '1 hour')$$,
    $$tenancy.remove_organization_member(NULL, 'wanda@acme.test')$$, $$tenancy.sync_group(NULL, 'synced', '{}')$$, $$tenancy.set_organization_role(NULL, 'wanda@acme.test', 'member', reason => 'moved')$$]) call) x
$f$;
SET SESSION AUTHORIZATION regress_app;
CALL become('nora');
SELECT * FROM of_wanda();
CALL become('olivia');
SELECT * FROM of_wanda();
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.sync_group('acme', 'synced', '{}');
SET SESSION AUTHORIZATION regress_app;
CALL become('nora');
SELECT * FROM of_wanda();
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.drop_group('acme', 'support'), tenancy.drop_group('acme', 'readers');
SELECT g.name FROM tenancy.groups g JOIN tenancy.organizations o USING (organization_id) WHERE o.slug = 'acme' ORDER BY 1;
-- A name in the form of an id is refused, and where there is one, a reference is to the row with the id
RESET SESSION AUTHORIZATION;
BEGIN;
SELECT tenancy.create_group('acme', 'mountain') AS mountain \gset
SELECT role_id AS member FROM tenancy.roles WHERE organization_id IS NULL AND level = 'organization' AND name = 'member' \gset
SELECT name, failure(format('SELECT tenancy.create_group(''acme'', %L)', name)) AS of_a_group, failure(format('SELECT tenancy.create_role(''acme'', ''organization'', %L)', lower(name))) AS of_a_role
FROM unnest(ARRAY['eeeeeeee-0000-4000-8000-000000000001', 'EEEEEEEE-0000-4000-8000-000000000001', 'eeeeeeee00004000800000000000000f']) name;
SELECT failure($$UPDATE tenancy.groups SET name = 'eeeeeeee-0000-4000-8000-000000000001' WHERE name = 'mountain'$$) AS renamed;
SET LOCAL check_function_bodies = off;
SELECT set_config('search_path', '', true);
INSERT INTO tenancy.groups (organization_id, name) VALUES ('aaaaaaaa-0000-4000-8000-000000000000', :'mountain');
INSERT INTO tenancy.roles (organization_id, level, name) VALUES ('aaaaaaaa-0000-4000-8000-000000000000', 'organization', :'member');
RESET search_path;
RESET check_function_bodies;
SELECT (tenancy_internal.find_group('aaaaaaaa-0000-4000-8000-000000000000', :'mountain')).name, tenancy_internal.find_role('aaaaaaaa-0000-4000-8000-000000000000', 'organization', :'member') = :'member' AS built_in;
-- Changed otherwise, they stay
UPDATE tenancy.groups SET open_to_sync = true WHERE name = :'mountain' RETURNING open_to_sync;
ROLLBACK;
-- Passed without a moment, a member keeps the end of a membership; one that has ended is a new one, without an end
SELECT tenancy.sync_group('acme', 'synced', ARRAY['nora@acme.test'], until => now() + interval '1 day');
SELECT tenancy.sync_group('acme', 'synced', ARRAY['nora@acme.test']);
SELECT m.ends_at IS NOT NULL AS ends FROM tenancy.group_members m JOIN tenancy.groups g USING (group_id) WHERE g.name = 'synced';
UPDATE tenancy.group_members m SET ends_at = clock_timestamp() FROM tenancy.groups g WHERE g.group_id = m.group_id AND g.name = 'synced';
SELECT tenancy.sync_group('acme', 'synced', ARRAY['nora@acme.test']);
SELECT m.ends_at IS NOT NULL AS ends FROM tenancy.group_members m JOIN tenancy.groups g USING (group_id) WHERE g.name = 'synced';

-- What is about the whole organization is for those to see who may list its team, and not only a workspace's: of groups, those that have a role
-- there; of elevations and their rules, one's own. The functions say the same.
CREATE FUNCTION shown(who text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found text;
BEGIN
  CALL app.become(who, true);
  EXECUTE format('SELECT coalesce(string_agg(name, '' '' ORDER BY name), ''-'') FROM (%s) q (name)', query) INTO found;
  RETURN found;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END
$$;
\o /dev/null
DELETE FROM tenancy.groups;
DELETE FROM tenancy.invitations;
SELECT tenancy.create_group('acme', g), tenancy.set_group_role(target, g, 'manager') FROM (VALUES ('desk', 'acme/search'), ('merger', 'acme/support')) v (g, target);
SELECT tenancy.create_group('acme', 'board'), tenancy.set_group_role('acme', 'board', 'admin');
SELECT tenancy.sync_group('acme', g, ARRAY['nora@acme.test']) FROM unnest('{desk,merger}'::text[]) g;
SELECT tenancy.allow_elevation('acme', 'organization/admin', m || '@acme.test', '1 hour', approval => true) FROM unnest('{mike,wanda}'::text[]) m;
SELECT tenancy.invite('acme', 'new@acme.test');
SET SESSION AUTHORIZATION regress_app;
CALL become('wanda');
SELECT tenancy.elevate('admin', 'ticket', '1 hour');
CALL become('nobody');
\o
SELECT who, shown(who, 'SELECT name FROM tenancy.groups') AS groups, shown(who, 'SELECT count(*)::text FROM tenancy.group_members') AS their_members,
  shown(who, 'SELECT DISTINCT role FROM tenancy.access_matrix() WHERE level = ''group''') AS in_matrix,
  shown(who, 'SELECT count(*)::text FROM tenancy.elevations') AS elevations, shown(who, 'SELECT count(*)::text FROM tenancy.review_elevations()') AS reviewed,
  shown(who, 'SELECT count(*)::text FROM tenancy.elevation_rules') AS rules, shown(who, 'SELECT email FROM tenancy.invitations') AS invited,
  shown(who, 'SELECT ''yes'' WHERE EXISTS (SELECT FROM tenancy.who_can(''team'', ''list''))') AS who_can
FROM unnest('{olivia,adam,wanda,mona,mike,nora,ben,acme master,search service,gus,nobody}'::text[]) who;
-- Nor does an answer about a workspace name them.
RESET SESSION AUTHORIZATION;
SELECT tenancy.sync_group('acme', 'board', '{nora@acme.test}') \gset
SET SESSION AUTHORIZATION regress_app;
SELECT who, shown(who, 'SELECT via FROM tenancy.who_can(''workspaces'', ''delete'', ''acme/search'') WHERE name = ''nora@acme.test''') AS via FROM unnest('{olivia,mike,search service}'::text[]) who;
RESET SESSION AUTHORIZATION;
