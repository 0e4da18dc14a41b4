-- Roads to rights: short series of administrative calls by a principal with some rights, whatever their results.
CREATE FUNCTION attacks.step() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  workspace text := attacks.pick(ARRAY['''search''', '''support''', '''shared''']);
  member text := quote_literal(attacks.pick(ARRAY['olivia', 'adam', 'mona', 'mike', 'ben']) || '@acme.test');
  level text := attacks.pick(ARRAY['organization', 'workspace']);
  role text := quote_literal(CASE WHEN random() < 0.3 THEN 'helper' WHEN level = 'organization' THEN attacks.pick(ARRAY['owner', 'admin', 'member']) ELSE attacks.pick(ARRAY['admin', 'manager', 'member']) END);
  key text := quote_literal('dddddddd-0000-4000-8000-00000000000' || (1 + floor(random() * 5))::int);
  setting text := quote_literal((SELECT d.setting FROM attacks.settings d ORDER BY random() LIMIT 1));
  category text := quote_literal((SELECT d.category FROM attacks.settings d ORDER BY random() LIMIT 1));
  groups text := quote_literal(attacks.pick(ARRAY['helpers', 'others']));
  permission attacks.permissions;
  scopes text;
  value text := attacks.pick(ARRAY['true', 'false']);
BEGIN
  SELECT * INTO permission FROM attacks.permissions ORDER BY random() LIMIT 1;
  scopes := attacks.pick(ARRAY['''"all"''', 'NULL', '''["logs.view", "logs.list"]''', quote_literal(jsonb_build_array(permission.resource || '.' || permission.action)), '''{"prompts": "delete", "logs": "view"}''', '''[]''']);
  RETURN 'SELECT ' || attacks.pick(ARRAY[
    format('tenancy.set_organization_role(NULL, %s, %s)', member, role), format('tenancy.set_workspace_role(%s, %s, %s)', workspace, member, role), format('tenancy.set_workspace_role(%s, %s, %s)', workspace, member, role),
    format('tenancy.remove_organization_member(NULL, %s)', member), format('tenancy.remove_workspace_member(%s, %s)', workspace, member),
    format('tenancy.create_role(NULL, %L, ''helper'', %s, %s) IS NULL', level, attacks.pick(ARRAY[role, 'NULL']), value), format('tenancy.drop_role(NULL, %L, %s)', level, role),
    format('tenancy.grant_permission(NULL, %L, %s, %L, %L)', level, role, permission.resource, permission.action), format('tenancy.revoke_permission(NULL, %L, %s, %L, %L)', level, role, permission.resource, permission.action),
    format('tenancy.set_role_visibility(NULL, %s, %s, %s)', role, attacks.pick(ARRAY[value, 'NULL']), attacks.pick(ARRAY[workspace, 'NULL'])),
    format('tenancy.set_setting(NULL, %s, %s, %s)', setting, value, attacks.pick(ARRAY[workspace, 'NULL'])), format('tenancy.set_setting(NULL, %s, %s, %s)', setting, value, workspace), format('tenancy.reset_setting(NULL, %s, %s)', setting, attacks.pick(ARRAY[workspace, 'NULL'])),
    format('tenancy.allow_workspace_overrides(NULL, %s, %s)', category, value),
    format('api_key_id IS NULL FROM tenancy.create_api_key(''organization_service_key'', ''new'', scopes => %s)', scopes), format('api_key_id IS NULL FROM tenancy.create_api_key(''workspace_service_key'', ''new'', workspace => %s, scopes => %s)', workspace, scopes),
    format('api_key_id IS NULL FROM tenancy.create_api_key(''workspace_user_key'', ''new'', workspace => %s, member => %s, scopes => %s)', workspace, attacks.pick(ARRAY[member, 'NULL']), scopes),
    format('tenancy.update_api_key(%s, scopes => %s)', key, scopes), format('tenancy.update_api_key(%s, expires_at => ''infinity'')', key), format('tenancy.rotate_api_key(%s) IS NULL', key), format('tenancy.revoke_api_key(%s)', key), format('tenancy.delete_api_key(%s)', key),
    format('tenancy.create_group(NULL, %s, open_to_sync => %s) IS NULL', groups, value), format('tenancy.set_group_role(%s, %s, %s)', attacks.pick(ARRAY[workspace, '''acme''']), groups, role), format('tenancy.set_group_role(%s, %s, %s)', workspace, groups, attacks.pick(ARRAY[role, 'NULL'])),
    format('tenancy.sync_group(NULL, %s, ARRAY[%s])', groups, member), format('tenancy.sync_group(NULL, %s, ''{}'')', groups), format('tenancy.drop_group(NULL, %s)', groups),
    'tenancy.set_jwks(NULL, (SELECT value::jsonb FROM attacks.tokens WHERE name = ''jwk''))', format('tenancy.create_workspace(NULL, ''New'') IS NULL'), format('tenancy.delete_workspace(%s)', workspace)]);
END
$$;
-- A membership or a role that ends at once, or is to last: by the attacker alone, so that nothing ends while rights are compared.
CREATE FUNCTION attacks.ending_step() RETURNS text LANGUAGE sql AS $$
  SELECT format('SELECT tenancy.%s, %L, %s)', CASE WHEN random() < 0.7 THEN format('set_organization_role(NULL, %L', m.member) ELSE format('set_workspace_role(''search'', %L', m.member) END,
    attacks.pick(ARRAY['member', 'member', 'admin', 'helper']), attacks.pick(ARRAY['clock_timestamp() + interval ''1 ms''', 'clock_timestamp() + interval ''1 ms''', '''infinity''']))
  FROM (SELECT attacks.pick(ARRAY['olivia', 'adam', 'mona', 'mike', 'ben']) || '@acme.test') m (member)
$$;
-- A role of the organization's own, with a few permissions and those for administration, for the attacker or for ben.
CREATE FUNCTION attacks.delegation(attacker text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  level text := attacks.pick(ARRAY['organization', 'workspace']);
  member text := quote_literal(CASE WHEN attacker ~ '@acme' THEN attacker ELSE 'mike@acme.test' END);
BEGIN
  IF random() < 0.3 THEN
    -- The attacker's role is a group's.
    RETURN format(E'SELECT tenancy.create_group(NULL, ''helpers'') IS NULL;\nSELECT tenancy.sync_group(NULL, ''helpers'', ARRAY[%s]);\nSELECT tenancy.set_group_role(%s);\n', member,
      attacks.pick(ARRAY['''search'', ''helpers'', ''manager''', '''search'', ''helpers'', ''admin''', '''acme'', ''helpers'', ''admin''', '''support'', ''helpers'', ''member''']));
  END IF;
  RETURN format(E'\\warn @> before: a role\nSELECT tenancy.create_role(NULL, %L, ''helper'', %s, %s) IS NULL;\n', level, attacks.pick(ARRAY['NULL', 'NULL', '''member''']),
      CASE WHEN level = 'organization' AND random() < 0.4 THEN 'true' ELSE 'false' END) ||
    (SELECT string_agg(format(E'SELECT tenancy.grant_permission(NULL, %L, ''helper'', %L, %L);\n', level, p.resource, p.action), '')
     FROM (SELECT x.resource, x.action FROM attacks.permissions x
           ORDER BY random() * CASE WHEN (x.resource, x.action) IN (('team', 'assign_roles'), ('team', 'add_users'), ('organization', 'update'), ('api_keys', 'create'), ('api_keys', 'rotate'), ('api_keys', 'edit'), ('workspaces', 'update')) THEN 0.3 ELSE 1 END LIMIT 6) p) ||
    CASE level WHEN 'organization' THEN format(E'SELECT tenancy.set_organization_role(NULL, %s, ''helper'');\n', member)
      ELSE format(E'SELECT tenancy.set_workspace_role(''search'', %s, ''helper'');\n', member) END;
END
$$;
CREATE PROCEDURE attacks.make_roads(rounds int) LANGUAGE plpgsql AS $$
DECLARE
  attacker attacks.principals;
  statements text[];
  before text;
BEGIN
  FOR attacker IN SELECT * FROM attacks.principals WHERE principal IN ('acme master', 'acme reader', 'search key', 'mike key', 'mike', 'mona', 'adam', 'ben') LOOP
    FOR i IN 1..4 * rounds LOOP
      -- The owner's preparations, then the attacker's steps.
      before := (SELECT string_agg(format(E'\\warn @> before\n%s;\n', attacks.step()), '') FROM generate_series(1, 3)) || CASE WHEN random() < 0.5 THEN attacks.delegation(attacker.value) ELSE '' END;
      statements := ARRAY(SELECT CASE WHEN random() < 0.1 THEN attacks.ending_step() ELSE attacks.step() END FROM generate_series(1, 4));
      INSERT INTO attacks.cases (family, title, script, forbidden, rights, may, fresh)
      VALUES ('roads', attacker.principal, E'@as att_app olivia\n' || before || E'@as postgres\nCALL attacks.rights_remembered();\n' || attacks.as_script(attacker.login, attacker.principal, '', statements), attacker.forbidden, attacker.principal, '{}', false);
    END LOOP;
  END LOOP;
END
$$;
CALL attacks.make_roads(:rounds);
