-- Errors: what was meant is named where it is near, and nothing that is another tenant's.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
-- Every mistyped word: the SQLSTATE, and the nearest one in the hint
CREATE TABLE t (id int, organization_id uuid);
SELECT command, state, hint FROM (VALUES
  ('SELECT tenancy.protect(''t'', ''log'', organization => ''organization_id'')'),
  ('SELECT tenancy.protect(''t'', ''logs'', organization => ''organisation_id'')'),
  ('SELECT tenancy.authorize(''prompt'', ''view'')'),
  ('SELECT tenancy.authorize(''prompts'', ''wiev'')'),
  ('SELECT tenancy.set_organization_role(''acme'', ''mike@acme.test'', ''onwer'')'),
  ('SELECT tenancy.set_workspace_role(''acme/search'', ''mike@acme.test'', ''mangaer'')'),
  ('SELECT tenancy.set_setting(''acme'', ''member_view_all_data'', true)'),
  ('SELECT tenancy.allow_workspace_overrides(''acme'', ''prompt'', true)'),
  ('SELECT tenancy.create_api_key(''organisation_service_key'', ''k'', ''acme'')'),
  ('SELECT tenancy_internal.expand_scopes(''{"prompt": "read"}'')'),
  ('SELECT tenancy_internal.expand_scopes(''{"prompts": "raed"}'')'),
  ('SELECT tenancy_internal.expand_scopes(''["logs.veiw"]'')'),
  ('SELECT tenancy.trust_login(''regress_apps'')')) v (command), failure(command);
-- Nothing near: no hint that names nothing
SELECT command, state, hint FROM (VALUES
  ('SELECT tenancy.protect(''t'', ''xyzzy'', organization => ''organization_id'')'),
  ('SELECT tenancy.protect(''t'', ''logs'', organization => ''xyzzyxyzzy'')'),
  ('SELECT tenancy.authorize(''xyzzy'', ''view'')'),
  ('SELECT tenancy.set_organization_role(''acme'', ''mike@acme.test'', ''xyzzy'')'),
  ('SELECT tenancy.set_setting(''acme'', ''xyzzy'', true)'),
  ('SELECT tenancy.allow_workspace_overrides(''acme'', ''xyzzy'', true)'),
  ('SELECT tenancy.create_api_key(''xyzzy'', ''k'', ''acme'')'),
  ('SELECT tenancy_internal.expand_scopes(''{"xyzzy": "read"}'')'),
  ('SELECT tenancy_internal.expand_scopes(''["xyzzy"]'')'),
  ('SELECT tenancy.trust_login(''xyzzyxyzzyxyzzy'')')) v (command), failure(command)
WHERE hint LIKE '%""%' OR hint IS NULL;
-- A missing object gives the same error as another tenant's.
SET SESSION AUTHORIZATION regress_app;
SELECT workspace, (failure(format('SET LOCAL "tenancy.user" = ''mike@acme.test''; SELECT tenancy.authorize(''logs'', ''view'', %L)', workspace))).*
FROM unnest(ARRAY['lab', 'globex/lab', 'bbbbbbbb-0000-4000-8000-000000000002', '22', 'no-such', 'bbbbbbbb-0000-4000-8000-00000000000f']) workspace;
SELECT workspace, (failure(format('SET LOCAL "tenancy.user" = ''mike@acme.test''; SET LOCAL tenancy.workspace = %L; SELECT * FROM tenancy.whoami()', workspace))).*
FROM unnest(ARRAY['lab', 'no-such']) workspace;
SELECT organization, (failure(format('SET LOCAL "tenancy.user" = ''mike@acme.test''; SET LOCAL tenancy.organization = %L; SELECT * FROM tenancy.whoami()', organization))).*
FROM unnest(ARRAY['globex', 'no-such']) organization;
SELECT who, (failure(format('SET LOCAL "tenancy.user" = %L; SELECT * FROM tenancy.whoami()', who))).*
FROM unnest(ARRAY['nobody@acme.test', '1', '', '  ', 'mike@acme.test ']) who;
RESET SESSION AUTHORIZATION;
-- Constraints of a protected table name the key that was given, and nothing of the row that is in the way.
\o /dev/null
SELECT tenancy.protect('prompts', 'prompts', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true);
\o
GRANT ALL ON prompts TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
INSERT INTO prompts (id, workspace_id, body) VALUES (8, 'aaaaaaaa-0000-4000-8000-000000000002', 'mine');
INSERT INTO prompts (id, workspace_id, body) VALUES (8, 'bbbbbbbb-0000-4000-8000-000000000002', 'theirs');
UPDATE prompts SET workspace_id = 'bbbbbbbb-0000-4000-8000-000000000002';
RESET SESSION AUTHORIZATION;
-- Why a session is refused, for programs: one SQLSTATE, and the field that names the reason
CREATE FUNCTION reason(settings text[], command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  setting text;
  state text;
  place text;
  reason text;
BEGIN
  BEGIN
    FOREACH setting IN ARRAY settings LOOP
      PERFORM set_config(split_part(setting, '=', 1), split_part(setting, '=', 2), true);
    END LOOP;
    EXECUTE command;
    RETURN 'no error';
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, place = SCHEMA_NAME, reason = CONSTRAINT_NAME;
    RETURN concat_ws(' ', state, place, reason);
  END;
END
$$;
SET SESSION AUTHORIZATION regress_app;
SELECT settings, reason(settings, 'SELECT * FROM tenancy.whoami()') FROM (VALUES
  (ARRAY['tenancy.user=', 'tenancy.api_key=x']), (ARRAY['tenancy.user=', 'tenancy.jwt=x']), (ARRAY['tenancy.user=nobody@acme.test']),
  (ARRAY['tenancy.user=mike@acme.test', 'tenancy.organization=globex']), (ARRAY['tenancy.user=mike@acme.test', 'tenancy.jwt=x'])) v (settings);
SELECT command, reason(ARRAY['tenancy.user='], command) FROM (VALUES
  ('SELECT tenancy.require(''logs'', ''view'')'), ('SELECT tenancy.create_workspace(''acme'', ''Ours'')'),
  ('SELECT tenancy.decline_invitation(''11111111-0000-4000-8000-000000000001'')')) v (command);
SELECT reason(ARRAY['tenancy.user=mike@acme.test'], 'SELECT tenancy.require(''billing'', ''manage'')');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_plain;
SELECT reason(ARRAY['tenancy.user=mike@acme.test'], 'SELECT * FROM tenancy.whoami()');
RESET SESSION AUTHORIZATION;
