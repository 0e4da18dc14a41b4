-- Administration by principals: each may do what it holds the right to, in its own organization, and hand out no more than it has.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\o /dev/null
-- Two more keys: one that may manage search's keys and members, and mona's with every scope.
INSERT INTO secrets SELECT 'search manager', k.secret FROM tenancy.create_api_key('workspace_service_key', 'search manager', 'acme', 'search',
  scopes => '["api_keys.create", "api_keys.edit", "api_keys.rotate", "api_keys.delete", "api_keys.list", "team.add_users", "team.assign_roles", "team.list", "prompts.view", "logs.view"]') k;
INSERT INTO secrets SELECT 'mona key', k.secret FROM tenancy.create_api_key('workspace_user_key', 'mona key', 'acme', 'search', 'mona@acme.test', '"all"') k;
INSERT INTO people (who) VALUES ('search manager'), ('mona key');
UPDATE tenancy.api_keys SET external_id = '90' || name WHERE name IN ('search manager', 'mona key');
SELECT tenancy.create_role('acme', 'workspace', 'helper', 'member'), tenancy.create_role('acme', 'organization', 'clerk');
SELECT tenancy.grant_permission('acme', 'organization', 'clerk', 'billing', 'manage');
GRANT SELECT ON ALL TABLES IN SCHEMA app TO PUBLIC;
\o
-- The outcome without the principal's name, since some keys' ids differ each time.
\set ECHO none
CREATE FUNCTION outcome_of(who text, command text) RETURNS text LANGUAGE sql AS $$
  SELECT regexp_replace(regexp_replace(app.attempt(who, command), '(user "[^"]*"|(workspace|organization) [a-z]+ key [0-9a-f-]{36}) may', '… may'),
                        'API key [0-9a-f]{8}-[0-9a-f-]{27}', 'API key …')
$$;
-- The most frequent outcome counts its principals only: they are all whom the other rows do not name.
CREATE FUNCTION everybody(command text) RETURNS TABLE (outcome text, who text) LANGUAGE sql AS $$
  SELECT outcome, CASE WHEN row_number() OVER (ORDER BY count(*) DESC, min(n)) > 1 THEN string_agg(who, ', ' ORDER BY n) ELSE 'the other ' || count(*) END
  FROM app.people, app.outcome_of(who, command) outcome WHERE who <> 'nobody' GROUP BY outcome ORDER BY min(n)
$$;
\set ECHO all
GRANT ALL ON ALL FUNCTIONS IN SCHEMA app TO PUBLIC;

-- Rights and refusals: for a session of another organization, acme does not exist.
SET SESSION AUTHORIZATION regress_app;
-- of a DBA only
SELECT * FROM everybody($$SELECT tenancy.create_user('new@acme.test', 'New')$$);
SELECT * FROM everybody($$SELECT tenancy.create_organization('New', 'new@acme.test')$$);
SELECT * FROM everybody($$SELECT tenancy.trust_login('regress_plain')$$);
SELECT * FROM everybody($$SELECT tenancy.bind_login('regress_plain', 'mike@acme.test')$$);
SELECT * FROM everybody($$SELECT tenancy.unbind_login('regress_bound')$$);
SELECT * FROM everybody($$SELECT tenancy.register_permission('datasets', 'view', 'View datasets')$$);
-- workspaces
SELECT * FROM everybody($$SELECT tenancy.create_workspace('acme', 'New')$$);
SELECT * FROM everybody($$SELECT tenancy.create_workspace(NULL, 'New')$$);
SELECT * FROM everybody($$SELECT tenancy.delete_workspace('support')$$);
-- members
SELECT * FROM everybody($$SELECT tenancy.set_organization_role('acme', 'nora@acme.test', 'admin')$$);
SELECT * FROM everybody($$SELECT tenancy.invite(NULL, 'new@acme.test')$$);
SELECT * FROM everybody($$SELECT tenancy.remove_organization_member('acme', 'nora@acme.test')$$);
SELECT * FROM everybody($$SELECT tenancy.set_workspace_role('search', 'nora@acme.test', 'member')$$);
SELECT * FROM everybody($$SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'helper')$$);
SELECT * FROM everybody($$SELECT tenancy.remove_workspace_member('acme/search', 'mike@acme.test')$$);
-- roles and settings
SELECT * FROM everybody($$SELECT tenancy.create_role('acme', 'workspace', 'another', 'helper')$$);
SELECT * FROM everybody($$SELECT tenancy.drop_role('acme', 'workspace', 'helper')$$);
SELECT * FROM everybody($$SELECT tenancy.grant_permission('acme', 'workspace', 'helper', 'prompts', 'delete')$$);
SELECT * FROM everybody($$SELECT tenancy.revoke_permission('acme', 'workspace', 'helper', 'prompts', 'view')$$);
SELECT * FROM everybody($$SELECT tenancy.set_role_visibility('acme', 'helper', false)$$);
SELECT * FROM everybody($$SELECT tenancy.set_setting('acme', 'members_view_logs', false)$$);
SELECT * FROM everybody($$SELECT tenancy.set_setting('acme', 'members_view_logs', false, 'search')$$);
SELECT * FROM everybody($$SELECT tenancy.reset_setting('acme', 'members_view_logs')$$);
SELECT * FROM everybody($$SELECT tenancy.reset_setting(NULL, 'members_view_logs', 'search')$$);
SELECT * FROM everybody($$SELECT tenancy.allow_workspace_overrides('acme', 'logs', true)$$);
SELECT * FROM everybody($$SELECT count(*) FROM tenancy.settings('acme', 'search')$$);
-- keys
SELECT * FROM everybody($$SELECT tenancy.create_api_key('organization_service_key', 'new', 'acme', scopes => '["prompts.view"]')$$);
SELECT * FROM everybody($$SELECT tenancy.create_api_key('workspace_service_key', 'new', NULL, 'search', scopes => '["prompts.view"]')$$);
SELECT * FROM everybody($$SELECT tenancy.create_api_key('workspace_user_key', 'new', NULL, 'search', 'mike@acme.test', scopes => '["prompts.view"]')$$);
SELECT * FROM everybody($$SELECT tenancy.update_api_key('dddddddd-0000-4000-8000-000000000001', 'new')$$);
SELECT * FROM everybody($$SELECT tenancy.update_api_key('dddddddd-0000-4000-8000-000000000002', 'new')$$);
SELECT * FROM everybody($$SELECT tenancy.rotate_api_key('dddddddd-0000-4000-8000-000000000001')$$);
SELECT * FROM everybody($$SELECT tenancy.rotate_api_key('dddddddd-0000-4000-8000-000000000002')$$);
SELECT * FROM everybody($$SELECT tenancy.end_api_key_transition('dddddddd-0000-4000-8000-000000000002')$$);
SELECT * FROM everybody($$SELECT tenancy.revoke_api_key('dddddddd-0000-4000-8000-000000000002')$$);
SELECT * FROM everybody($$SELECT tenancy.delete_api_key('dddddddd-0000-4000-8000-000000000003')$$);
-- answers
SELECT * FROM everybody($$SELECT count(*) FROM tenancy.who_can('logs', 'view')$$);
SELECT * FROM everybody($$SELECT count(*) FROM tenancy.who_can('logs', 'view', 'search')$$);
SELECT * FROM everybody($$SELECT count(*) FROM tenancy.access_matrix('acme')$$);
-- an organization's settings, without naming a workspace: for who may view some workspace
SELECT left(outcome, 5) AS outcome, string_agg(who, ', ' ORDER BY n) AS who
FROM people, attempt(who, 'SELECT FROM tenancy.settings(''acme'') LIMIT 1') outcome WHERE who <> 'nobody' GROUP BY 1 ORDER BY min(n);
-- Without a principal there is nobody to hold a right
SELECT command, left(attempt('nobody', 'SELECT tenancy.' || command), 5) AS state
FROM unnest(ARRAY[$$create_workspace('acme', 'New')$$, $$create_workspace(NULL, 'New')$$, $$delete_workspace('acme/support')$$,
  $$set_organization_role('acme', 'nora@acme.test', 'member')$$, $$remove_organization_member('acme', 'nora@acme.test')$$,
  $$set_workspace_role('acme/search', 'nora@acme.test', 'member')$$, $$remove_workspace_member('acme/search', 'mike@acme.test')$$,
  $$create_role('acme', 'workspace', 'another')$$, $$drop_role('acme', 'workspace', 'helper')$$,
  $$grant_permission('acme', 'workspace', 'helper', 'prompts', 'delete')$$, $$revoke_permission('acme', 'workspace', 'helper', 'prompts', 'view')$$,
  $$set_role_visibility('acme', 'helper', false)$$, $$set_setting('acme', 'members_view_logs', false)$$, $$reset_setting('acme', 'members_view_logs')$$,
  $$allow_workspace_overrides('acme', 'logs', true)$$, $$settings('acme')$$, $$settings(NULL)$$,
  $$create_api_key('workspace_service_key', 'new', 'acme', 'search')$$, $$update_api_key('dddddddd-0000-4000-8000-000000000002', 'new')$$,
  $$rotate_api_key('dddddddd-0000-4000-8000-000000000002')$$, $$end_api_key_transition('dddddddd-0000-4000-8000-000000000002')$$,
  $$revoke_api_key('dddddddd-0000-4000-8000-000000000002')$$, $$delete_api_key('dddddddd-0000-4000-8000-000000000002')$$,
  $$who_can('logs', 'view')$$, $$access_matrix('acme')$$]) command;
-- Functions that the others are made of are not for everybody to call
RESET SESSION AUTHORIZATION;
SELECT p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace::regnamespace::text ~ '^tenancy' AND has_function_privilege('regress_plain', p.oid, 'EXECUTE')
  AND p.prorettype <> 'trigger'::regtype AND p.proname ~ '^(find_|own_|require_|check_|lock_|change_|set_scopes|scopes_of_key|scope_names|expand_|holds|principals_with|role_matrix|nearest|slug_of|generate)' ORDER BY 1;

-- Nobody hands out more than it has: the attempt, and the same by who may.
CREATE TABLE attempts (n serial, world text, who text, command text);
-- In the order of the attempts, so that the function's name is enough.
CREATE FUNCTION outcomes(chosen text) RETURNS TABLE (who text, command text, outcome text) LANGUAGE sql AS $$
  SELECT who, split_part(command, '(', 1), app.outcome_of(who, 'SELECT tenancy.' || command) FROM app.attempts WHERE world = chosen ORDER BY n
$$;
INSERT INTO attempts (world, who, command) VALUES
  -- owners and admins
  ('as it is', 'adam', $$set_organization_role('acme', 'adam@acme.test', 'owner')$$),
  ('as it is', 'adam', $$set_organization_role('acme', 'nora@acme.test', 'owner')$$),
  ('as it is', 'adam', $$set_organization_role('acme', 'nora@acme.test', '00000000-0000-4000-8000-000000000001')$$),
  ('as it is', 'olivia', $$set_organization_role('acme', 'nora@acme.test', 'owner')$$),
  ('as it is', 'adam', $$set_organization_role('acme', 'nora@acme.test', 'admin')$$),
  ('as it is', 'adam', $$set_organization_role('acme', 'nora@acme.test', 'clerk')$$),
  ('as it is', 'olivia', $$set_organization_role('acme', 'nora@acme.test', 'clerk')$$),
  ('as it is', 'adam', $$grant_permission('acme', 'organization', 'clerk', 'audit_logs', 'list')$$),
  ('as it is', 'adam', $$grant_permission('acme', 'organization', 'member', 'billing', 'manage')$$),
  ('as it is', 'olivia', $$grant_permission('acme', 'organization', 'member', 'billing', 'manage')$$),
  ('as it is', 'adam', $$drop_role('acme', 'organization', 'clerk')$$),
  ('as it is', 'olivia', $$drop_role('acme', 'organization', 'clerk')$$),
  ('as it is', 'adam', $$create_role('acme', 'organization', 'copy', 'owner', true)$$),
  ('as it is', 'adam', $$create_role('acme', 'organization', 'copy', 'owner')$$),
  ('as it is', 'adam', $$create_role('acme', 'organization', 'copy', 'admin', true)$$),
  ('as it is', 'olivia', $$create_role('acme', 'organization', 'copy', 'owner', true)$$),
  -- keys of the organization
  ('as it is', 'adam', $$create_api_key('organization_service_key', 'k', NULL, scopes => '["billing.manage"]')$$),
  ('as it is', 'adam', $$create_api_key('organization_service_key', 'k', NULL, scopes => '"all"')$$),
  ('as it is', 'adam', $$create_api_key('organization_service_key', 'k', NULL, scopes => '["logs.view", "audit_logs.list", "api_keys.create", "logs.write"]')$$),
  ('as it is', 'olivia', $$create_api_key('organization_service_key', 'k', NULL, scopes => '"all"')$$),
  ('as it is', 'adam', $$rotate_api_key('dddddddd-0000-4000-8000-000000000001')$$),
  ('as it is', 'adam', $$rotate_api_key('dddddddd-0000-4000-8000-000000000001', '0')$$),
  ('as it is', 'adam', $$update_api_key('dddddddd-0000-4000-8000-000000000001', scopes => '"all"')$$),
  ('as it is', 'adam', $$update_api_key('dddddddd-0000-4000-8000-000000000002', scopes => '["billing.manage"]')$$),
  ('as it is', 'adam', $$update_api_key('dddddddd-0000-4000-8000-000000000002', scopes => '"all"')$$),
  ('as it is', 'adam', $$rotate_api_key('dddddddd-0000-4000-8000-000000000002')$$),
  ('as it is', 'olivia', $$rotate_api_key('dddddddd-0000-4000-8000-000000000001')$$),
  -- managers: what they have, in their workspace; admins are above data visibility, managers aren't
  ('as it is, states', 'mona', $$set_workspace_role('search', 'mona@acme.test', 'admin')$$),
  ('as it is, states', 'mona', $$set_workspace_role('search', 'mike@acme.test', 'admin')$$),
  ('as it is', 'adam', $$set_workspace_role('search', 'mike@acme.test', 'admin')$$),
  ('as it is', 'mona', $$set_workspace_role('search', 'mike@acme.test', 'manager')$$),
  ('as it is', 'mona', $$set_workspace_role('support', 'mona@acme.test', 'member')$$),
  ('as it is', 'mona', $$set_workspace_role('support', 'mike@acme.test', 'member')$$),
  ('as it is', 'ben', $$set_workspace_role('support', 'mike@acme.test', 'member')$$),
  ('as it is', 'wanda', $$set_workspace_role('support', 'ben@acme.test', 'admin')$$),
  ('as it is', 'ben', $$remove_workspace_member('support', 'wanda@acme.test')$$),
  ('as it is', 'mona', $$set_setting('acme', 'managers_view_logs', true)$$),
  ('as it is', 'mona', $$create_api_key('workspace_service_key', 'k', NULL, 'search', scopes => '["billing.manage"]')$$),
  ('as it is', 'mona', $$create_api_key('workspace_service_key', 'k', NULL, 'search', scopes => '"all"')$$),
  ('as it is', 'mona', $$create_api_key('workspace_service_key', 'k', NULL, 'support')$$),
  ('as it is', 'mona', $$create_api_key('workspace_service_key', 'k', NULL, 'search')$$),
  ('as it is', 'mona', $$rotate_api_key('dddddddd-0000-4000-8000-000000000004')$$),
  ('as it is', 'mona', $$rotate_api_key('dddddddd-0000-4000-8000-000000000003')$$),
  -- members
  ('as it is', 'mike', $$create_api_key('workspace_user_key', 'k', NULL, 'search')$$),
  ('as it is', 'mike', $$create_api_key('workspace_service_key', 'k', NULL, 'search')$$),
  -- keys
  ('as it is', 'mona key', $$create_api_key('workspace_user_key', 'k', NULL, 'search', scopes => '["prompts.view"]')$$),
  ('as it is', 'mona key', $$rotate_api_key('dddddddd-0000-4000-8000-000000000003')$$),
  ('as it is', 'mona', $$create_api_key('workspace_user_key', 'k', NULL, 'search', scopes => '["prompts.view"]')$$),
  ('as it is', 'search manager', $$create_api_key('workspace_service_key', 'k', NULL, 'support', scopes => '["prompts.view"]')$$),
  ('as it is', 'search manager', $$rotate_api_key('dddddddd-0000-4000-8000-000000000004')$$),
  ('as it is', 'search manager', $$create_api_key('organization_service_key', 'k', NULL, scopes => '["prompts.view"]')$$),
  ('as it is', 'search manager', $$create_api_key('workspace_service_key', 'k', NULL, 'search', scopes => '["prompts.delete"]')$$),
  ('as it is', 'search manager', $$create_api_key('workspace_service_key', 'k', NULL, 'search', scopes => '["api_keys.update"]')$$),
  ('as it is', 'search manager', $$create_api_key('workspace_service_key', 'k', NULL, 'search', scopes => '["prompts.view", "api_keys.create"]')$$),
  ('as it is', 'search manager', $$rotate_api_key('dddddddd-0000-4000-8000-000000000002')$$),
  ('as it is', 'search manager', $$set_workspace_role('search', 'nora@acme.test', 'member')$$),
  ('as it is', 'acme master', $$set_workspace_role('search', 'nora@acme.test', 'member')$$),
  -- the last owner and the default workspace
  ('as it is', 'olivia', $$set_organization_role('acme', 'olivia@acme.test', 'admin')$$),
  ('as it is', 'olivia', $$remove_organization_member('acme', 'olivia@acme.test')$$),
  ('as it is', 'olivia', $$delete_workspace('shared-team-workspace')$$),
  ('as it is', 'acme master', $$delete_workspace('shared-team-workspace')$$),
  ('as it is', 'olivia', $$delete_workspace('search')$$),
  -- what is another organization's, by whatever reference: not there
  ('as it is', 'olivia', $$create_workspace('globex', 'New')$$),
  ('as it is', 'olivia', $$create_workspace('2', 'New')$$),
  ('as it is', 'olivia', $$create_workspace('bbbbbbbb-0000-4000-8000-000000000000', 'New')$$),
  ('as it is', 'olivia', $$set_workspace_role('lab', 'nora@acme.test', 'member')$$),
  ('as it is', 'olivia', $$set_workspace_role('globex/lab', 'nora@acme.test', 'member')$$),
  ('as it is', 'olivia', $$set_workspace_role('bbbbbbbb-0000-4000-8000-000000000002', 'nora@acme.test', 'member')$$),
  ('as it is', 'olivia', $$set_workspace_role('22', 'nora@acme.test', 'member')$$),
  ('as it is', 'olivia', $$set_workspace_role('search', 'gus@globex.test', 'member')$$),
  ('as it is', 'olivia', $$set_workspace_role('search', 'nobody-at-all@globex.test', 'member')$$),
  ('as it is', 'olivia', $$delete_workspace('globex/lab')$$),
  ('as it is', 'olivia', $$set_setting('globex', 'members_view_logs', false)$$),
  ('as it is', 'olivia', $$set_setting('acme', 'members_view_logs', false, 'lab')$$),
  ('as it is', 'olivia', $$create_api_key('workspace_service_key', 'k', 'acme', 'globex/lab')$$),
  ('as it is', 'olivia', $$create_api_key('workspace_user_key', 'k', 'acme', 'search', 'gus@globex.test')$$),
  ('as it is', 'olivia', $$rotate_api_key('dddddddd-0000-4000-8000-000000000005')$$),
  ('as it is', 'olivia', $$rotate_api_key('dddddddd-0000-4000-8000-00000000ffff')$$),
  ('as it is', 'olivia', $$remove_organization_member('acme', 'gus@globex.test')$$),
  ('as it is', 'olivia', $$access_matrix('globex')$$),
  ('as it is', 'olivia', $$who_can('logs', 'view', 'globex/lab')$$),
  -- whoever is no member yet is known by the address alone, not by an id that can be counted up
  ('as it is, states', 'olivia', $$set_organization_role('acme', '201', 'member')$$),
  ('as it is, states', 'olivia', $$set_organization_role('acme', '202', 'member')$$),
  ('as it is, states', 'olivia', $$set_organization_role('acme', 'cccccccc-0000-4000-8000-000000000008', 'member')$$),
  ('as it is', 'olivia', $$set_organization_role('acme', '107', 'admin')$$),
  ('as it is', 'olivia', $$set_organization_role('acme', 'Gus@Globex.test', 'member')$$),
  ('as it is', 'olivia', $$invite('acme', 'Gus@Globex.test')$$);
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM outcomes('as it is');
SELECT who, command, left(outcome, 5) AS state FROM outcomes('as it is, states');
RESET SESSION AUTHORIZATION;

-- Another owner: owners demote owners, admins don't
SELECT tenancy.set_organization_role('acme', 'nora@acme.test', 'owner');
INSERT INTO attempts (world, who, command) VALUES
  ('two owners', 'adam', $$set_organization_role('acme', 'nora@acme.test', 'member')$$),
  ('two owners', 'adam', $$remove_organization_member('acme', 'nora@acme.test')$$),
  ('two owners', 'acme master', $$remove_organization_member('acme', 'nora@acme.test')$$),
  ('two owners', 'olivia', $$remove_organization_member('acme', 'nora@acme.test')$$),
  ('two owners', 'olivia', $$set_organization_role('acme', 'olivia@acme.test', 'admin')$$),
  ('two owners', 'olivia', $$remove_organization_member('acme', 'adam@acme.test')$$),
  ('two owners', 'adam', $$remove_organization_member('acme', 'mike@acme.test')$$);
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM outcomes('two owners');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_organization_role('acme', 'nora@acme.test', 'member');

-- Managers see own rows only: they can't lift that, by whatever way, and what they may hand out is as narrow
SELECT tenancy.set_setting('acme', 'managers_view_all_data', false), tenancy.allow_workspace_overrides('acme', 'data_visibility', true);
INSERT INTO attempts (world, who, command) VALUES
  ('restricted managers', 'mona', $$set_workspace_role('search', 'mona@acme.test', 'admin')$$),
  ('restricted managers', 'mona', $$set_workspace_role('search', 'mona@acme.test', 'member')$$),
  ('restricted managers', 'mona', $$set_workspace_role('search', 'nora@acme.test', 'member')$$),
  ('restricted managers', 'mona', $$set_setting('acme', 'managers_view_all_data', true)$$),
  ('restricted managers', 'mona', $$set_setting('acme', 'managers_view_all_data', true, 'search')$$),
  ('restricted managers', 'mona', $$reset_setting('acme', 'managers_view_all_data')$$),
  ('restricted managers', 'mona', $$set_role_visibility('acme', 'manager', true, 'search')$$),
  ('restricted managers', 'mona', $$create_api_key('workspace_service_key', 'k', NULL, 'search', scopes => '["logs.view"]')$$),
  ('restricted managers', 'mona', $$create_api_key('workspace_user_key', 'k', NULL, 'search', 'mike@acme.test', scopes => '["logs.view"]')$$),
  ('restricted managers', 'mona', $$rotate_api_key('dddddddd-0000-4000-8000-000000000002')$$),
  ('restricted managers', 'mona', $$create_api_key('workspace_user_key', 'k', NULL, 'search', scopes => '["logs.view"]')$$),
  ('restricted managers', 'adam', $$set_setting('acme', 'managers_view_all_data', true)$$),
  ('restricted managers', 'wanda', $$set_setting('acme', 'managers_view_all_data', true, 'support')$$),
  ('restricted managers', 'wanda', $$set_workspace_role('support', 'mike@acme.test', 'manager')$$);
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM outcomes('restricted managers');
RESET SESSION AUTHORIZATION;
SELECT tenancy.reset_setting('acme', 'managers_view_all_data'), tenancy.allow_workspace_overrides('acme', 'data_visibility', false);

-- Managers without logs.view: not by the workspace's setting, a role, a key, or somebody else's key
SELECT tenancy.set_setting('acme', 'managers_view_logs', false), tenancy.allow_workspace_overrides('acme', 'logs', true);
INSERT INTO attempts (world, who, command) VALUES
  ('blind managers', 'mona', $$set_setting('acme', 'managers_view_logs', true, 'search')$$),
  ('blind managers', 'mona', $$set_setting('acme', 'members_view_logs', true, 'search')$$),
  ('blind managers', 'mona', $$set_setting('acme', 'members_view_prompts', false, 'search')$$),
  ('blind managers', 'mona', $$reset_setting('acme', 'managers_view_logs', 'search')$$),
  ('blind managers', 'mona', $$set_workspace_role('search', 'mona@acme.test', 'member')$$),
  ('blind managers', 'mona', $$set_workspace_role('search', 'mona@acme.test', 'admin')$$),
  ('blind managers', 'mona', $$set_workspace_role('search', 'nora@acme.test', 'manager')$$),
  ('blind managers', 'mona', $$create_api_key('workspace_service_key', 'k', NULL, 'search', scopes => '["logs.view"]')$$),
  ('blind managers', 'mona', $$create_api_key('workspace_user_key', 'k', NULL, 'search', 'mike@acme.test', scopes => '["logs.view"]')$$),
  ('blind managers', 'mona', $$create_api_key('workspace_user_key', 'k', NULL, 'search', scopes => '["logs.list"]')$$),
  ('blind managers', 'mona', $$rotate_api_key('dddddddd-0000-4000-8000-000000000003')$$),
  ('blind managers', 'wanda', $$set_setting('acme', 'managers_view_logs', true, 'support')$$);
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM outcomes('blind managers');
RESET SESSION AUTHORIZATION;
SELECT tenancy.reset_setting('acme', 'managers_view_logs'), tenancy.allow_workspace_overrides('acme', 'logs', false);

-- Members who may manage their own keys
SELECT tenancy.set_setting('acme', 'members_manage_keys', true), tenancy.set_setting('acme', 'members_view_keys', true);
INSERT INTO attempts (world, who, command) VALUES
  ('members manage keys', 'mike', $$create_api_key('workspace_user_key', 'k', NULL, 'search')$$),
  ('members manage keys', 'mike', $$create_api_key('workspace_user_key', 'k', NULL, 'search', 'mike@acme.test', '["prompts.update"]')$$),
  ('members manage keys', 'mike', $$create_api_key('workspace_user_key', 'k', NULL, 'search', 'mike@acme.test', '["prompts.delete"]')$$),
  ('members manage keys', 'mike', $$create_api_key('workspace_user_key', 'k', NULL, 'search', 'mona@acme.test', '["prompts.view"]')$$),
  ('members manage keys', 'mike', $$create_api_key('workspace_user_key', 'k', NULL, 'support', 'mike@acme.test', '["prompts.view"]')$$),
  ('members manage keys', 'mike', $$create_api_key('workspace_service_key', 'k', NULL, 'search', scopes => '["prompts.view"]')$$),
  ('members manage keys', 'mike', $$create_api_key('organization_service_key', 'k', NULL, scopes => '["prompts.view"]')$$),
  ('members manage keys', 'mike', $$rotate_api_key('dddddddd-0000-4000-8000-000000000002')$$),
  ('members manage keys', 'mike', $$rotate_api_key('dddddddd-0000-4000-8000-000000000004')$$),
  ('members manage keys', 'mike', $$rotate_api_key('dddddddd-0000-4000-8000-000000000003')$$),
  ('members manage keys', 'mike', $$update_api_key('dddddddd-0000-4000-8000-000000000003', 'mine', '["logs.view"]')$$),
  ('members manage keys', 'mike', $$revoke_api_key('dddddddd-0000-4000-8000-000000000003')$$),
  ('members manage keys', 'mike key', $$rotate_api_key('dddddddd-0000-4000-8000-000000000003')$$),
  ('members manage keys', 'mona', $$create_api_key('workspace_user_key', 'k', NULL, 'search', 'mike@acme.test', '["prompts.view"]')$$);
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM outcomes('members manage keys');
RESET SESSION AUTHORIZATION;
-- restricted to own rows as well: own keys still
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM outcomes('members manage keys') WHERE who LIKE 'mike%';
RESET SESSION AUTHORIZATION;
SELECT tenancy.reset_setting('acme', setting) FROM unnest(ARRAY['members_manage_keys', 'members_view_keys', 'members_view_all_data']) setting;

-- Admins without logs.view
SELECT tenancy.set_setting('acme', 'org_admins_view_logs', false);
SELECT tenancy.set_setting('acme', 'org_admins_view_logs', true, 'support');
INSERT INTO attempts (world, who, command) VALUES
  ('blind admins', 'adam', $$set_setting('acme', 'org_admins_view_logs', true)$$),
  ('blind admins', 'adam', $$reset_setting('acme', 'org_admins_view_logs')$$),
  ('blind admins', 'adam', $$set_setting('acme', 'org_admins_view_logs', true, 'search')$$),
  ('blind admins', 'adam', $$grant_permission('acme', 'organization', 'admin', 'logs', 'view')$$),
  ('blind admins', 'adam', $$grant_permission('acme', 'organization', 'member', 'logs', 'view')$$),
  ('blind admins', 'adam', $$set_workspace_role('search', 'adam@acme.test', 'manager')$$),
  ('blind admins', 'adam', $$set_workspace_role('search', 'adam@acme.test', 'admin')$$),
  ('blind admins', 'adam', $$create_role('acme', 'organization', 'copy', 'admin', true)$$),
  ('blind admins', 'adam', $$create_role('acme', 'organization', 'copy', 'member', true)$$),
  ('blind admins', 'adam', $$create_role('acme', 'workspace', 'copy', 'manager')$$),
  ('blind admins', 'adam', $$create_api_key('organization_service_key', 'k', NULL, scopes => '["logs.view"]')$$),
  ('blind admins', 'adam', $$create_api_key('organization_service_key', 'k', NULL, scopes => '["logs.list", "logs.write"]')$$),
  ('blind admins', 'adam', $$rotate_api_key('dddddddd-0000-4000-8000-000000000002')$$),
  -- support has switched it on for its own logs, and what opens or closes a category to workspaces decides over it
  ('blind admins, states', 'adam', $$allow_workspace_overrides('acme', 'logs', true)$$),
  ('blind admins', 'adam', $$allow_workspace_overrides('acme', 'prompts', true)$$),
  ('blind admins', 'olivia', $$allow_workspace_overrides('acme', 'logs', true)$$),
  ('blind admins', 'olivia', $$set_setting('acme', 'org_admins_view_logs', true)$$);
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM outcomes('blind admins');
SELECT who, command, left(outcome, 5) AS state FROM outcomes('blind admins, states');
RESET SESSION AUTHORIZATION;
SELECT tenancy.reset_setting('acme', 'org_admins_view_logs'), tenancy.reset_setting('acme', 'org_admins_view_logs', 'support');

-- A role of the organization's own that administers members, but reaches no workspace and holds little else. Nora has it, and is a
-- mere member of search.
SELECT tenancy.create_role('acme', 'organization', 'staff') IS NOT NULL AS created, tenancy.create_role('acme', 'organization', 'auditor', all_workspaces => true) IS NOT NULL AS created;
SELECT tenancy.grant_permission('acme', 'organization', 'staff', resource, action)
FROM (VALUES ('team', 'list'), ('team', 'add_users'), ('team', 'assign_roles'), ('organization', 'update'), ('prompts', 'delete'), ('logs', 'view'), ('workspaces', 'view')) v (resource, action);
SELECT tenancy.grant_permission('acme', 'organization', 'auditor', 'team', action) FROM unnest(ARRAY['list', 'add_users', 'assign_roles']) action;
SELECT tenancy.set_organization_role('acme', 'nora@acme.test', 'staff'), tenancy.set_workspace_role('acme/search', 'nora@acme.test', 'member'),
       tenancy.set_organization_role('acme', 'wanda@acme.test', 'auditor');
SELECT tenancy.set_setting('acme', 'members_view_logs', false);
INSERT INTO attempts (world, who, command) VALUES
  ('staff', 'nora', $$set_organization_role('acme', 'mike@acme.test', 'staff')$$),
  ('staff', 'nora', $$set_organization_role('acme', 'mike@acme.test', 'admin')$$),
  ('staff', 'nora', $$invite('acme', 'new@acme.test', 'auditor')$$),
  ('staff', 'wanda', $$invite('acme', 'new@acme.test', 'auditor')$$),
  ('staff', 'nora', $$set_organization_role('acme', 'nora@acme.test', 'admin')$$),
  ('staff', 'nora', $$set_organization_role('acme', 'adam@acme.test', 'staff')$$),
  ('staff', 'nora', $$grant_permission('acme', 'organization', 'staff', 'billing', 'manage')$$),
  ('staff', 'nora', $$grant_permission('acme', 'organization', 'staff', 'prompts', 'create')$$),
  ('staff', 'nora', $$grant_permission('acme', 'organization', 'member', 'prompts', 'delete')$$),
  ('staff', 'nora', $$create_role('acme', 'organization', 'copy', 'staff')$$),
  ('staff', 'nora', $$create_role('acme', 'organization', 'copy', 'staff', true)$$),
  ('staff', 'nora', $$create_role('acme', 'organization', 'copy', 'admin')$$),
  ('staff', 'nora', $$create_role('acme', 'workspace', 'copy', 'admin')$$),
  ('staff', 'nora', $$drop_role('acme', 'organization', 'auditor')$$),
  -- what staff holds on the organization level it holds in no workspace: there, it is a member's
  ('staff, states', 'nora', $$grant_permission('acme', 'workspace', 'member', 'prompts', 'delete')$$),
  ('staff, states', 'nora', $$grant_permission('acme', 'organization', 'auditor', 'logs', 'view')$$),
  ('staff, states', 'nora', $$set_setting('acme', 'members_view_logs', true)$$),
  ('staff, states', 'nora', $$reset_setting('acme', 'members_view_logs')$$),
  ('staff, states', 'nora', $$set_setting('acme', 'managers_view_all_data', true)$$),
  ('staff', 'olivia', $$grant_permission('acme', 'workspace', 'member', 'prompts', 'delete')$$),
  ('staff', 'olivia', $$set_setting('acme', 'members_view_logs', true)$$),
  ('staff', 'wanda', $$grant_permission('acme', 'workspace', 'member', 'team', 'add_users')$$),
  ('staff', 'wanda', $$grant_permission('acme', 'workspace', 'member', 'prompts', 'delete')$$);
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM outcomes('staff');
SELECT who, command, left(outcome, 5) AS state FROM outcomes('staff, states');
RESET SESSION AUTHORIZATION;

-- A session of two organizations acts in the one that it has chosen
SELECT tenancy.set_organization_role('globex', 'olivia@acme.test', 'member');
SET SESSION AUTHORIZATION regress_app;
SELECT set_config('tenancy.user', 'olivia@acme.test', false);
SET tenancy.organization = 'acme';
SELECT tenancy.create_workspace(NULL, 'From acme') IS NOT NULL AS created;
SELECT tenancy.create_workspace('globex', 'From acme');
SET tenancy.organization = 'globex';
SELECT tenancy.create_workspace(NULL, 'From globex');
SELECT tenancy.create_workspace('acme', 'From globex');
RESET tenancy.organization;
SELECT tenancy.create_workspace(NULL, 'From nowhere');
-- narrowed to a workspace, the rest is not there to administer
SET tenancy.organization = 'acme';
SET tenancy.workspace = 'search';
SELECT tenancy.create_workspace(NULL, 'From search');
SELECT tenancy.set_workspace_role('support', 'mike@acme.test', 'member');
SELECT tenancy.set_workspace_role('search', 'nora@acme.test', 'manager');
RESET tenancy.workspace;
RESET tenancy.organization;
SELECT set_config('tenancy.user', '', false);
RESET SESSION AUTHORIZATION;
