-- A member without groups and elevations costs no lookup of these: the row of the membership says that there are none.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\set lookups :srcdir '/sql/include/lookups.sql'
\i :world
\pset format unaligned
SET client_min_messages = warning;
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id');
SELECT max(audit_id) AS begins FROM tenancy.audit_log \gset
\i :lookups
CREATE FUNCTION looked_up(who text) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(format('%s %s', catalog, scans), ', ' ORDER BY catalog) FROM app.lookups(who) WHERE scans > 0 AND catalog IN ('organization_members', 'group_members', 'elevations')
$$;
SELECT m.email, o.has_more_roles FROM tenancy.organization_members o JOIN tenancy.users m USING (user_id) WHERE m.email IN ('mike@acme.test', 'nora@acme.test') ORDER BY 1;
SET SESSION AUTHORIZATION regress_app;
SELECT who, looked_up(who) FROM unnest(ARRAY['mike', 'nora', 'mike key', 'search service', 'nobody']) who;
RESET SESSION AUTHORIZATION;
-- Others' groups and elevations make no difference; the member's own are found
SELECT tenancy.create_group('acme', 'desk') IS NOT NULL AS made, tenancy.set_group_role('acme/support', 'desk', 'manager'), tenancy.sync_group('acme', 'desk', '{nora@acme.test}');
SELECT tenancy.allow_elevation('acme', 'workspace/manager', 'ben@acme.test', '1 hour');
SET SESSION AUTHORIZATION regress_app;
CALL become('ben');
SELECT until > now() AS taken FROM tenancy.elevate('manager', 'test', '10 minutes', 'search');
CALL become('nobody');
SELECT who, looked_up(who) FROM unnest(ARRAY['mike', 'mike key', 'nora', 'ben']) who;
SELECT visible('nora', 'logs') AS nora, visible('ben', 'logs') AS ben;
RESET SESSION AUTHORIZATION;
SELECT m.email FROM tenancy.organization_members o JOIN tenancy.users m USING (user_id) WHERE o.has_more_roles ORDER BY 1;
-- The mark has no entry of its own
SELECT count(*) FROM tenancy.audit_log WHERE resource_type = 'organization_member' AND action = 'update' AND audit_id > :begins;
-- By plain SQL, too, also where another transaction began before
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO tenancy.group_members (group_id, user_id, organization_id) SELECT g.group_id, u.user_id, g.organization_id FROM tenancy.groups g, tenancy.users u WHERE g.name = 'desk' AND u.email = 'mona@acme.test';
SET LOCAL SESSION AUTHORIZATION regress_app;
SELECT looked_up('mona'), visible('mona', 'logs') AS mona;
ROLLBACK;
SELECT count(*) FROM tenancy.organization_members o JOIN tenancy.users m USING (user_id) WHERE o.has_more_roles AND m.email = 'mona@acme.test';
INSERT INTO tenancy.group_members (group_id, user_id, organization_id) SELECT g.group_id, u.user_id, g.organization_id FROM tenancy.groups g, tenancy.users u WHERE g.name = 'desk' AND u.email = 'mona@acme.test';
UPDATE tenancy.group_members m SET user_id = u.user_id FROM tenancy.users u WHERE u.email = 'mike@acme.test' AND m.user_id = (SELECT user_id FROM tenancy.users WHERE email = 'mona@acme.test');
SET SESSION AUTHORIZATION regress_app;
SELECT looked_up('mike'), visible('mike', 'logs') AS mike;
RESET SESSION AUTHORIZATION;
-- Nobody takes the mark away: a group or an elevation may be given meanwhile
UPDATE tenancy.organization_members SET has_more_roles = false;
SELECT m.email FROM tenancy.organization_members o JOIN tenancy.users m USING (user_id) WHERE o.has_more_roles ORDER BY 1;
SELECT count(*) AS entries FROM tenancy.audit_log l WHERE resource_type = 'organization_member' AND action = 'update' AND after ->> 'has_more_roles' = 'false' AND audit_id > :begins;
SELECT tenancy.sync_group('acme', 'desk', '{}');
UPDATE tenancy.organization_members SET has_more_roles = false;
SELECT m.email FROM tenancy.organization_members o JOIN tenancy.users m USING (user_id) WHERE o.has_more_roles ORDER BY 1;
SET SESSION AUTHORIZATION regress_app;
SELECT who, looked_up(who) FROM unnest(ARRAY['mike', 'nora']) who;
SELECT visible('nora', 'logs') AS nora;

-- Without other triggers as well, and a mark that is missing all the same is found
RESET SESSION AUTHORIZATION;
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO tenancy.group_members (group_id, user_id, organization_id) SELECT g.group_id, u.user_id, g.organization_id FROM tenancy.groups g, tenancy.users u WHERE g.name = 'desk' AND u.email IN ('mona@acme.test', 'nora@acme.test');
UPDATE tenancy.organization_members SET has_more_roles = false;
SELECT count(*) FROM tenancy.advise() WHERE rule = 'unmarked_members';
ALTER TABLE tenancy.organization_members DISABLE TRIGGER keep_mark;
UPDATE tenancy.organization_members SET has_more_roles = false;
SET LOCAL session_replication_role = origin;
SELECT severity, problem FROM tenancy.advise() WHERE rule = 'unmarked_members';
DO $$ BEGIN EXECUTE (SELECT fix_sql FROM tenancy.advise() WHERE rule = 'unmarked_members'); END $$;
SELECT count(*) FROM tenancy.advise() WHERE rule = 'unmarked_members';
ALTER TABLE tenancy.organization_members DISABLE TRIGGER keep_mark;
UPDATE tenancy.organization_members SET has_more_roles = false;
-- and mended by who touches the group, but for who has taken a role
SELECT tenancy.set_group_role('acme/support', 'desk', 'manager');
SELECT count(*) FROM tenancy.advise() WHERE rule = 'unmarked_members';
ROLLBACK;
