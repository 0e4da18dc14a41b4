-- What elevation lets a role, a group or a member take is given with it, and nothing that was given or made by an elevation outlives it.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
CREATE FUNCTION by(who text, command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
  the_detail text;
BEGIN
  CALL app.become(who, true);
  EXECUTE command INTO result;
  RETURN coalesce(nullif(result, ''), 'done');
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS the_detail = PG_EXCEPTION_DETAIL;
  RETURN format('%s: %s', SQLSTATE, concat_ws(' / ', regexp_replace(SQLERRM, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', 'ID'), nullif(regexp_replace(the_detail, ' at .*', ' at …'), '')));
END
$$;
-- The same, and nothing of it stays.
CREATE FUNCTION tried(who text, command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  result := app.by(who, command);
  RAISE EXCEPTION USING ERRCODE = 'TEST0', MESSAGE = result;
EXCEPTION WHEN SQLSTATE 'TEST0' THEN
  RETURN regexp_replace(result, ' / Nobody can hand out.*', '');
END
$$;
-- What somebody gives before there is a rule, and after: the same calls.
CREATE TABLE gifts (id int PRIMARY KEY, who text, call text);
INSERT INTO gifts VALUES
  (1, 'adam', $$sync_group(NULL, 'on call', ARRAY['adam@acme.test'])$$), (2, 'adam', $$drop_group(NULL, 'on call')$$),
  (3, 'adam', $$set_organization_role(NULL, 'nora@acme.test', 'incident')$$), (4, 'adam', $$invite(NULL, 'friend@acme.test', 'incident') IS NOT NULL$$), (5, 'adam', $$set_group_role('acme', 'others', 'incident')$$),
  (6, 'adam', $$drop_role(NULL, 'organization', 'incident')$$),
  (7, 'mona', $$set_workspace_role('search', 'mona@acme.test', 'lead')$$), (8, 'mona', $$set_workspace_role('search', 'nora@acme.test', 'lead')$$), (9, 'adam', $$set_group_role('search', 'others', 'lead')$$),
  (10, 'adam', $$invite(NULL, 'friend@acme.test', 'member', '{"search": "lead"}') IS NOT NULL$$),
  (11, 'adam', $$remove_organization_member(NULL, 'mike@acme.test')$$), (12, 'adam', $$set_organization_role(NULL, 'mike@acme.test', 'member', now() + interval '1 day')$$),
  (13, 'adam', $$link_identity('https://idp.acme.test', 'sub', 'mike@acme.test')$$), (14, 'syncs', $$sync_group(NULL, 'by directory', ARRAY['adam@acme.test'])$$);
SELECT tenancy.create_group('acme', 'on call') IS NOT NULL AS made, tenancy.create_group('acme', 'others') IS NOT NULL AS made, tenancy.create_group('acme', 'by directory', open_to_sync => true) IS NOT NULL AS made,
  tenancy.create_role('acme', 'organization', 'incident', 'member') IS NOT NULL AS made, tenancy.create_role('acme', 'organization', 'directory') IS NOT NULL AS made, tenancy.create_role('acme', 'workspace', 'lead') IS NOT NULL AS made, tenancy.set_group_role('acme', 'by directory', 'directory'),
  tenancy.trust_issuer('acme', 'https://idp.acme.test', '{"keys": [{"kid": "1", "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}', ARRAY['database']);
INSERT INTO secrets SELECT 'syncs', secret FROM tenancy.create_api_key('organization_service_key', 'syncs', 'acme', scopes => '["team.sync_groups"]');
SET SESSION AUTHORIZATION regress_app;
-- Without rules
SELECT id, who, call, tried(who, 'SELECT tenancy.' || call) AS result FROM gifts ORDER BY id;
SELECT rule, by('olivia', format('SELECT tenancy.allow_elevation(NULL, %s, ''2 hours'')', rule)) FROM unnest(ARRAY[
  $$'owner', 'group/on call'$$, $$'owner', 'role/organization/incident'$$, $$'workspace/admin', 'role/workspace/lead'$$, $$'owner', 'member/mike@acme.test'$$, $$'owner', 'role/organization/directory'$$]) rule;
-- With them: who gives it gives what may be taken
SELECT id, who, call, tried(who, 'SELECT tenancy.' || call) AS result FROM gifts ORDER BY id;
-- who has it can give it, in the same way
SELECT id, call, tried('olivia', 'SELECT tenancy.' || call) AS by_owner, tried('acme master', 'SELECT tenancy.' || call) AS by_key FROM gifts WHERE who = 'adam' ORDER BY id;
SELECT id, call, tried('wanda', 'SELECT tenancy.' || replace(call, 'search', 'support')) AS by_workspace_admin FROM gifts WHERE who = 'mona' ORDER BY id;
-- and what lets take nothing more is given as before
SELECT tried('adam', $$SELECT tenancy.set_group_role('acme', 'others', 'member')$$) AS group_role, tried('adam', $$SELECT tenancy.sync_group(NULL, 'others', ARRAY['adam@acme.test'])$$) AS members, tried('mona', $$SELECT tenancy.set_workspace_role('search', 'nora@acme.test', 'member')$$) AS role;
-- A workspace role that an organization's role lets take can be taken in any workspace
SELECT by('olivia', $$SELECT tenancy.create_role(NULL, 'organization', 'recruiter', 'member') IS NOT NULL, tenancy.grant_permission(NULL, 'organization', 'recruiter', 'team', 'add_users'), tenancy.grant_permission(NULL, 'organization', 'recruiter', 'team', 'assign_roles')$$) AS recruiter,
  by('olivia', $$SELECT tenancy.create_role(NULL, 'organization', 'helper', 'member') IS NOT NULL$$) AS helper, by('olivia', $$SELECT tenancy.set_organization_role(NULL, 'wanda@acme.test', 'recruiter')$$) AS given;
SELECT tried('wanda', $$SELECT tenancy.set_organization_role(NULL, 'nora@acme.test', 'helper')$$) AS before;
SELECT by('olivia', $$SELECT tenancy.allow_elevation(NULL, 'workspace/admin', 'role/organization/helper', '1 hour')$$) AS rule;
SELECT tried('wanda', $$SELECT tenancy.set_organization_role(NULL, 'nora@acme.test', 'helper')$$) AS by_admin_of_one_workspace, tried('adam', $$SELECT tenancy.set_organization_role(NULL, 'nora@acme.test', 'helper')$$) AS by_admin_of_all, tried('wanda', $$SELECT tenancy.set_organization_role(NULL, 'nora@acme.test', 'member')$$) AS what_lets_take_nothing;
-- A group is open to sync, or its members may take roles
SELECT by('olivia', $$SELECT tenancy.allow_elevation(NULL, 'organization/admin', 'group/by directory', '1 hour')$$) AS rule;
RESET SESSION AUTHORIZATION;
CALL become('nobody');
SELECT (failure($$SELECT tenancy.allow_elevation('acme', 'organization/admin', 'group/by directory', '1 hour')$$)).*;
-- A kind before a slash is none of the name: what is called so is another one
SELECT tenancy.create_group('acme', 'group/on call') IS NOT NULL AS made, tenancy.create_group('acme', 'group/off duty') IS NOT NULL AS made, tenancy.create_group('acme', 'role/lead') IS NOT NULL AS made;
CREATE FUNCTION allowed_to(subject text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  the_detail text;
  result text;
BEGIN
  PERFORM tenancy.allow_elevation('acme', 'workspace/manager', allowed_to.subject, '1 hour');
  SELECT concat('group ' || g.name, r.level || ' role ' || r.name, u.email) INTO result FROM tenancy.elevation_rules e
  LEFT JOIN tenancy.groups g USING (group_id) LEFT JOIN tenancy.roles r ON r.role_id = e.subject_role_id LEFT JOIN tenancy.users u ON u.user_id = e.user_id
  WHERE e.role_id = (SELECT m.role_id FROM tenancy.roles m WHERE m.organization_id IS NULL AND m.name = 'manager');
  PERFORM tenancy.allow_elevation('acme', 'workspace/manager', allowed_to.subject, NULL);
  RETURN result;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS the_detail = PG_EXCEPTION_DETAIL;
  RETURN concat_ws(' / ', SQLSTATE || ': ' || SQLERRM, nullif(the_detail, ''));
END
$$;
SELECT subject, allowed_to(subject) FROM unnest(ARRAY['group/on call', 'group/group/on call', 'on call', 'group/off duty', 'group/group/off duty', 'role/lead', 'role/role/lead', 'group/role/lead', 'role/group/on call', 'organization/helper',
  'role/organization/helper', 'workspace/helper', 'member/mike@acme.test', 'mike@acme.test', 'role/mike@acme.test', 'group/', 'group/nobody']) subject;
SELECT allowed_to('group/' || upper(group_id::text)) AS by_id FROM tenancy.groups WHERE name = 'others';

-- Adam, an admin, takes the role owner: he gives what he can give without it, and no more
SELECT tenancy.allow_elevation('acme', 'owner', 'adam@acme.test', '1 hour', 100), tenancy.set_organization_role('acme', 'nora@acme.test', 'owner');
SELECT tenancy.trust_issuer('acme', 'https://trusted.test', '{"keys": [{"kid": "1", "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}', ARRAY['database']);
CREATE FUNCTION elevation_of(address text) RETURNS uuid LANGUAGE sql SECURITY DEFINER AS $$ SELECT e.elevation_id FROM tenancy.elevations e JOIN tenancy.users u USING (user_id) WHERE u.email = address AND e.ends_at > clock_timestamp() $$;
SET SESSION AUTHORIZATION regress_app;
SELECT by('adam', $$SELECT until > now() FROM tenancy.elevate('owner', 'test', '1 hour')$$) AS taken;
SELECT by('adam', $$SELECT tenancy.authorize('billing', 'manage')$$) AS used;
SELECT call, tried('adam', 'SELECT ' || call) AS result FROM unnest(ARRAY[
  $$tenancy.set_organization_role(NULL, 'adam@acme.test', 'owner', now() + interval '50 minutes')$$, $$tenancy.set_organization_role(NULL, 'ben@acme.test', 'owner', now() + interval '50 minutes')$$,
  $$api_key_id IS NOT NULL FROM tenancy.create_api_key('organization_service_key', 'k', scopes => '"all"', expires_at => now() + interval '50 minutes')$$, $$tenancy.create_role(NULL, 'organization', 'mine', 'owner') IS NOT NULL$$,
  $$tenancy.set_group_role('acme', 'others', 'owner', now() + interval '50 minutes')$$, $$tenancy.invite(NULL, 'friend@acme.test', 'owner') IS NOT NULL$$, $$tenancy.trust_issuer(NULL, 'https://x.test', '{"keys": [{"kid": "1", "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}', ARRAY['database'])$$,
  $$tenancy.trust_issuer(NULL, 'https://trusted.test', NULL, NULL)$$, $$tenancy.set_jwks(NULL, '{"keys": [{"kid": "c", "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}')$$, $$tenancy.grant_permission(NULL, 'organization', 'incident', 'billing', 'manage', now() + interval '50 minutes')$$,
  $$tenancy.drop_group(NULL, 'on call')$$, $$tenancy.drop_role(NULL, 'organization', 'incident')$$, $$tenancy.rotate_api_key('dddddddd-0000-4000-8000-000000000001') IS NOT NULL$$,
  $$tenancy.remove_organization_member(NULL, 'nora@acme.test')$$, $$tenancy.set_organization_role(NULL, 'nora@acme.test', 'owner', now() + interval '1 second')$$,
  $$tenancy.set_organization_role(NULL, 'ben@acme.test', 'admin', now() + interval '50 minutes')$$, $$tenancy.set_workspace_role('search', 'mike@acme.test', 'manager', now() + interval '50 minutes')$$,
  $$api_key_id IS NOT NULL FROM tenancy.create_api_key('workspace_service_key', 'k', NULL, 'search', scopes => '["logs.view"]', expires_at => now() + interval '50 minutes')$$, $$tenancy.delete_api_key('dddddddd-0000-4000-8000-000000000001')$$]) call;
-- nor by a permission whose holder gives more than it has itself: the members of a group, scopes of a key
RESET SESSION AUTHORIZATION;
CALL become('nobody');
SELECT tenancy.set_group_role('acme', 'by directory', 'owner'), tenancy.allow_elevation('acme', 'owner', 'mike@acme.test', '1 hour', 100);
SET SESSION AUTHORIZATION regress_app;
SELECT by('mike', $$SELECT until > now() FROM tenancy.elevate('owner', 'test', '1 hour')$$) AS taken;
SELECT tried('adam', $$SELECT tenancy.sync_group(NULL, 'by directory', ARRAY['adam@acme.test'], now() + interval '50 minutes')$$) AS members,
  tried('mike', $$SELECT api_key_id IS NOT NULL FROM tenancy.create_api_key('workspace_user_key', 'k', NULL, 'search', 'mike@acme.test', '["logs.write"]', now() + interval '50 minutes')$$) AS key;
SELECT tried('olivia', $$SELECT tenancy.sync_group(NULL, 'by directory', ARRAY['nora@acme.test'])$$) AS members;
SELECT by('olivia', format('SELECT tenancy.end_elevation(%L)', elevation_of('mike@acme.test'))) AS ended;
-- Nothing of it is left when it is ended early
SELECT by('olivia', format('SELECT tenancy.end_elevation(%L)', elevation_of('adam@acme.test'))) AS ended;
SELECT by('adam', $$SELECT tenancy.authorize('billing', 'manage')$$) AS used;

-- An owner until a moment, and a key of one: permanent ones stay, by whatever call
RESET SESSION AUTHORIZATION;
CALL become('nobody');
SELECT tenancy.set_organization_role('acme', 'adam@acme.test', 'owner', now() + interval '1 day');
SET SESSION AUTHORIZATION regress_app;
INSERT INTO secrets SELECT 'ends', by('adam', $$SELECT secret FROM tenancy.create_api_key('organization_service_key', 'ends', scopes => '"all"', expires_at => now() + interval '1 hour')$$);
SELECT call, tried('adam', 'SELECT tenancy.' || call) AS until_tomorrow, tried('ends', 'SELECT tenancy.' || call) AS its_key, tried('olivia', 'SELECT tenancy.' || call) AS lasting, tried('acme master', 'SELECT tenancy.' || call) AS lasting_key FROM unnest(ARRAY[
  $$remove_organization_member(NULL, 'nora@acme.test')$$, $$set_organization_role(NULL, 'nora@acme.test', 'member')$$, $$set_organization_role(NULL, 'nora@acme.test', 'owner', now() + interval '1 second')$$, $$set_organization_role(NULL, 'nora@acme.test', 'member', now() + interval '1 second')$$,
  $$drop_group(NULL, 'on call')$$, $$drop_role(NULL, 'organization', 'incident')$$, $$drop_role(NULL, 'workspace', 'lead')$$, $$remove_organization_member(NULL, 'ben@acme.test')$$]) call;

-- What a service's token gives ends with the token
RESET SESSION AUTHORIZATION;
CALL become('nobody');
SELECT tenancy.set_jwks('acme', '{"keys": [{"kid": "climb", "kty": "OKP", "crv": "Ed25519", "x": "pLZg-Ol_TmAiKUWDELbQGzECqLPaH24QrozRSIFZ92E"}]}');
\set token 'eyJhbGciOiJFZERTQSIsImtpZCI6ImNsaW1iIiwidHlwIjoiSldUIn0.eyJvcmdhbml6YXRpb25faWQiOiJhYWFhYWFhYS0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDAiLCJ3b3Jrc3BhY2Vfc2x1ZyI6InNlYXJjaCIsInNjb3BlIjoibG9ncy5saXN0IGxvZ3MudmlldyBsb2dzLmZpbHRlciBsb2dzLmdyb3VwIGxvZ3MuZXhwb3J0IGxvZ3Mud3JpdGUgdHJhY2VzLmxpc3QgdHJhY2VzLnZpZXcgdHJhY2VzLmZpbHRlciB0cmFjZXMuZ3JvdXAgdHJhY2VzLmV4cG9ydCB0cmFjZXMud3JpdGUgYW5hbHl0aWNzLnZpZXcgYW5hbHl0aWNzLmZpbHRlciBhbmFseXRpY3MuZ3JvdXAgYW5hbHl0aWNzLndyaXRlIGNvbXBsZXRpb25zLndyaXRlIHByb21wdHMubGlzdCBwcm9tcHRzLnZpZXcgcHJvbXB0cy5jcmVhdGUgcHJvbXB0cy51cGRhdGUgcHJvbXB0cy5kZWxldGUgcHJvbXB0cy5wdWJsaXNoIGNvbmZpZ3MubGlzdCBjb25maWdzLnZpZXcgY29uZmlncy5jcmVhdGUgY29uZmlncy51cGRhdGUgY29uZmlncy5kZWxldGUgZ3VhcmRyYWlscy5saXN0IGd1YXJkcmFpbHMudmlldyBndWFyZHJhaWxzLmNyZWF0ZSBndWFyZHJhaWxzLnVwZGF0ZSBndWFyZHJhaWxzLmRlbGV0ZSBpbnRlZ3JhdGlvbnMubGlzdCBpbnRlZ3JhdGlvbnMuY3JlYXRlIGludGVncmF0aW9ucy5lZGl0IGludGVncmF0aW9ucy5kdXBsaWNhdGUgaW50ZWdyYXRpb25zLmRlbGV0ZSBpbnRlZ3JhdGlvbnMuY29weSBwcm92aWRlcnMubGlzdCBwcm92aWRlcnMuY3JlYXRlIHByb3ZpZGVycy5lZGl0IHByb3ZpZGVycy5kdXBsaWNhdGUgcHJvdmlkZXJzLmRlbGV0ZSBwcm92aWRlcnMuY29weSBtb2RlbHMubGlzdCBtb2RlbHMuY3JlYXRlIG1vZGVscy5lZGl0IG1vZGVscy5kdXBsaWNhdGUgbW9kZWxzLmRlbGV0ZSBtb2RlbHMuY29weSB0ZWFtLmxpc3QgdGVhbS52aWV3IHRlYW0uYWRkX3VzZXJzIHRlYW0uYXNzaWduX3JvbGVzIHRlYW0uc3luY19ncm91cHMgb3JnYW5pemF0aW9uLnVwZGF0ZSBhcGlfa2V5cy5saXN0IGFwaV9rZXlzLnZpZXcgYXBpX2tleXMuY3JlYXRlIGFwaV9rZXlzLmVkaXQgYXBpX2tleXMuZGVsZXRlIGFwaV9rZXlzLnVwZGF0ZSBhcGlfa2V5cy5yb3RhdGUgYmlsbGluZy5tYW5hZ2UgYXVkaXRfbG9ncy5saXN0IHdvcmtzcGFjZXMubGlzdCB3b3Jrc3BhY2VzLnZpZXcgd29ya3NwYWNlcy5jcmVhdGUgd29ya3NwYWNlcy51cGRhdGUgd29ya3NwYWNlcy5kZWxldGUiLCJleHAiOjQxMDI0NDQ4MDB9.bCZLtAd8oSWYK5GaIuC2uFS_WSgvWRt3Gq2mhNrpa3J3xKREjycvU3uU_aHFsJkYN6XW8oHqSzx68ICjAWktCg'
SET SESSION AUTHORIZATION regress_app;
SELECT set_config('tenancy.jwt', :'token', false) IS NOT NULL AS used;
SELECT kind, workspace, expires_at FROM tenancy.whoami();
SELECT call, f.state, f.message FROM unnest(ARRAY[$$set_workspace_role('search', 'wanda@acme.test', 'member')$$, $$set_workspace_role('search', 'wanda@acme.test', 'member', '2101-01-01')$$, $$set_workspace_role('search', 'wanda@acme.test', 'member', '2099-01-01')$$,
  $$set_workspace_role('search', 'mike@acme.test', 'member', 'infinity')$$]) call, failure('SELECT tenancy.' || call) f;
RESET tenancy.jwt;
RESET SESSION AUTHORIZATION;
-- A permission denied until a moment is one that a switch of visibility confers from then on; and moments to come may be the last ones.
CALL become('nobody');
SELECT tenancy.create_role('acme', 'organization', 'configures', 'admin', true) IS NOT NULL AS made, tenancy.revoke_permission('acme', 'organization', 'configures', 'logs', 'view'),
  tenancy.set_organization_role('acme', 'nora@acme.test', 'configures');
SET SESSION AUTHORIZATION regress_app;
SELECT tried('nora', $$SELECT tenancy.set_role_visibility(NULL, 'member', true)$$) AS has_less, tried('adam', $$SELECT tenancy.set_role_visibility(NULL, 'member', true)$$) AS has_all;
RESET SESSION AUTHORIZATION;
CALL become('nobody');
SELECT tenancy.revoke_permission('acme', level, 'member', 'logs', 'view', until => now() + interval '1 hour') FROM unnest('{workspace,organization}'::text[]) level;
SET SESSION AUTHORIZATION regress_app;
SELECT tried('nora', $$SELECT tenancy.set_role_visibility(NULL, 'member', true)$$) AS has_less, tried('adam', $$SELECT tenancy.set_role_visibility(NULL, 'member', true)$$) AS has_all;
RESET SESSION AUTHORIZATION;
CALL become('nobody');
SELECT tenancy.revoke_permission('acme', 'workspace', 'member', 'logs', 'view', until => '294276-12-31 23:59:59+00');
SET SESSION AUTHORIZATION regress_app;
SELECT tried('olivia', $$SELECT tenancy.set_workspace_role('search', 'mike@acme.test', 'manager')$$) AS gives, tried('olivia', $$SELECT tenancy.remove_workspace_member('search', 'mike@acme.test')$$) AS removes;
RESET SESSION AUTHORIZATION;
CALL become('nobody');
