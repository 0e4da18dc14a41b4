-- An organization without grants, visibility and settings of its own costs no lookup of these: its row says that there are none.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\set lookups :srcdir '/sql/include/lookups.sql'
\i :world
\pset format unaligned
SET client_min_messages = warning;
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id');
\i :lookups
CREATE FUNCTION looked_up(who text) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(string_agg(format('%s %s', catalog, scans), ', ' ORDER BY catalog), 'none') FROM app.lookups(who) WHERE scans > 0 AND catalog IN ('grants', 'visibility', 'workspace_overrides')
$$;
CREATE FUNCTION marked() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(slug, ', ' ORDER BY slug) FROM tenancy.organizations WHERE has_overrides $$;
SELECT marked();
SELECT max(audit_id) AS begins FROM tenancy.audit_log \gset
SET SESSION AUTHORIZATION regress_app;
SELECT who, looked_up(who) FROM unnest(ARRAY['mike', 'gus', 'nora', 'search service', 'nobody']) who;
RESET SESSION AUTHORIZATION;

-- Each kind of row marks its organization alone, by whatever statement, and counts at once
CREATE FUNCTION tried(made text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  BEGIN
    EXECUTE made;
    result := app.marked();
    PERFORM set_config('session_authorization', 'regress_app', true);
    result := concat_ws('; ', coalesce(result, 'none'), app.looked_up('mike'));
    RAISE EXCEPTION USING ERRCODE = 'TEST0';
  EXCEPTION WHEN SQLSTATE 'TEST0' THEN
    RETURN result;
  END;
END
$$;
SELECT tried(made), made FROM unnest(ARRAY[
  'SELECT 1',
  'SELECT tenancy.set_setting(''acme'', ''members_view_all_data'', false)',
  'SELECT tenancy.set_setting(''acme'', ''members_view_all_data'', false, ''search'')',
  'SELECT tenancy.revoke_permission(''acme'', ''workspace'', ''manager'', ''prompts'', ''publish'')',
  'INSERT INTO tenancy.workspace_overrides (organization_id, category, allowed) SELECT organization_id, ''logs'', true FROM tenancy.organizations WHERE slug = ''globex''',
  'INSERT INTO tenancy.visibility (role_id, organization_id, all_rows) SELECT (SELECT role_id FROM tenancy.roles WHERE level = ''workspace'' AND name = ''manager'' AND organization_id IS NULL), organization_id, false FROM tenancy.organizations WHERE slug = ''acme''',
  'WITH made AS (INSERT INTO tenancy.visibility (role_id, organization_id, all_rows) SELECT r.role_id, o.organization_id, false FROM tenancy.roles r, tenancy.organizations o
     WHERE o.slug = ''globex'' AND r.level = ''workspace'' AND r.name = ''member'' AND r.organization_id IS NULL RETURNING 1) SELECT count(*) FROM made',
  'UPDATE tenancy.organizations SET has_overrides = true WHERE slug = ''acme''']) made;
SET SESSION AUTHORIZATION regress_app;
SELECT visible('mike', 'logs') AS before;
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
SET SESSION AUTHORIZATION regress_app;
SELECT looked_up('mike'), visible('mike', 'logs') AS after, looked_up('gus');
RESET SESSION AUTHORIZATION;
-- The mark has no entry of its own, and nobody takes it away
SELECT count(*) FROM tenancy.audit_log WHERE resource_type = 'organization' AND action = 'update' AND audit_id > :begins;
SELECT tenancy.reset_setting('acme', 'members_view_all_data');
UPDATE tenancy.organizations SET has_overrides = false;
SELECT marked();

-- Without other triggers as well, and a mark that is missing all the same is found
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO tenancy.workspace_overrides (organization_id, category, allowed) SELECT organization_id, 'logs', true FROM tenancy.organizations WHERE slug = 'globex';
SELECT marked();
SELECT count(*) FROM tenancy.advise() WHERE rule = 'unmarked_organizations';
ALTER TABLE tenancy.organizations DISABLE TRIGGER keep_mark;
UPDATE tenancy.organizations SET has_overrides = false;
SET LOCAL session_replication_role = origin;
SELECT severity, object, problem FROM tenancy.advise() WHERE rule = 'unmarked_organizations';
DO $$ BEGIN EXECUTE (SELECT fix_sql FROM tenancy.advise() WHERE rule = 'unmarked_organizations'); END $$;
SELECT marked(), count(*) FROM tenancy.advise() WHERE rule = 'unmarked_organizations';
ROLLBACK;
