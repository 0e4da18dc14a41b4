-- One change of the rights in an organization, as it comes: it may be refused, which is none.
CREATE FUNCTION load.change(o int, kind int, a int, b int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  org text := 'org' || o;
  member text := 'user' || a % 8 || '@test';
  workspace text := format('org%s/w%s%s', o, o, b % 3);
  switch boolean := (a + b) % 2 = 0;
  key uuid := (SELECT k.api_key_id FROM load.keys k WHERE k.organization = o ORDER BY k.api_key_id LIMIT 1 OFFSET a);
  what text;
  state text;
BEGIN
  BEGIN
    CASE kind
    WHEN 1, 2 THEN
      what := 'organization role';
      PERFORM tenancy.set_organization_role(org, member, (ARRAY['member', 'admin', 'auditor', 'member'])[1 + b % 4]);
    WHEN 3 THEN
      what := 'organization member removed';
      PERFORM tenancy.remove_organization_member(org, member);
    WHEN 4, 5, 6 THEN
      what := 'workspace role';
      PERFORM tenancy.set_workspace_role(workspace, member, (ARRAY['admin', 'manager', 'member', 'helper'])[1 + b % 4]);
    WHEN 7 THEN
      what := 'workspace member removed';
      PERFORM tenancy.remove_workspace_member(workspace, member);
    WHEN 8, 9 THEN
      what := 'setting';
      PERFORM tenancy.set_setting(org, (ARRAY['members_view_all_data', 'managers_view_all_data', 'members_view_logs', 'org_admins_view_logs'])[1 + a % 4],
                                  switch, CASE WHEN b % 2 = 0 AND a % 4 <> 3 THEN workspace END);
    WHEN 10 THEN
      what := 'workspace overrides';
      PERFORM tenancy.allow_workspace_overrides(org, (ARRAY['logs', 'data_visibility'])[1 + a % 2], switch);
    WHEN 11 THEN
      what := 'grant';
      IF switch THEN
        PERFORM tenancy.grant_permission(org, 'workspace', 'helper', 'logs', 'view');
      ELSE
        PERFORM tenancy.revoke_permission(org, 'workspace', 'helper', 'logs', 'view');
      END IF;
    WHEN 12 THEN
      what := 'key made, or role''s visibility';
      IF a < 4 THEN
        PERFORM load.new_key(o, (ARRAY['organization_service_key', 'workspace_service_key', 'workspace_user_key'])[1 + a % 3], b % 3, b % 8);
      ELSE
        PERFORM tenancy.set_role_visibility(org, 'helper', switch, CASE WHEN b % 2 = 0 THEN workspace END);
      END IF;
    WHEN 13 THEN
      what := 'key revoked';
      -- Now and then another takes its place.
      IF a < 3 THEN
        PERFORM load.new_key(o, 'workspace_service_key', b % 3, NULL);
      END IF;
      PERFORM tenancy.revoke_api_key(key) WHERE key IS NOT NULL AND a % 4 = 0;
    WHEN 14 THEN
      what := 'key''s scopes';
      PERFORM tenancy.update_api_key(key, scopes => CASE WHEN switch THEN '["logs.view"]' ELSE '["logs.list"]' END::jsonb) WHERE key IS NOT NULL;
    WHEN 15 THEN
      what := 'key rotated';
      UPDATE load.keys k SET secret = tenancy.rotate_api_key(key, '0') WHERE k.api_key_id = key;
    WHEN 16 THEN
      what := 'user locked or unlocked, by plain SQL';
      UPDATE tenancy.users u SET active = NOT active WHERE email = member;
    END CASE;
  EXCEPTION
    WHEN undefined_object OR object_not_in_prerequisite_state OR foreign_key_violation OR unique_violation OR invalid_parameter_value THEN
      state := SQLSTATE || ' ' || SQLERRM;
  END;
  INSERT INTO load.changes VALUES (what, state);
END
$$;
