-- Tenants, people and their rights: roles, settings, memberships, groups, elevations. A part of generate.sql.
-- Databases of 1.0 can have workspaces whose external id is another object's id.
ALTER TABLE tenancy.workspaces DISABLE TRIGGER check_external_id_form;

CREATE FUNCTION worlds.make_tenants() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  organization_ids text[] := worlds.external_ids();
  workspace_ids text[] := worlds.external_ids();
  user_ids text[] := worlds.external_ids();
  made int := 0;
BEGIN
  FOR o IN 1..worlds.pick(ARRAY[1, 1, 2, 2, 2, 3, 4]) LOOP
    INSERT INTO tenancy.organizations (organization_id, slug, name, external_id)
    VALUES (worlds.random_uuid(), 'o' || o, 'Organization ' || o,
            CASE WHEN worlds.chance(0.7) THEN organization_ids[o] END);
    FOR w IN 1..worlds.between(1, 5) LOOP
      made := made + 1;
      INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name, external_id, is_default)
      SELECT worlds.random_uuid(), organization_id, 'w' || w, 'Workspace ' || w,
             CASE WHEN worlds.chance(0.7) THEN workspace_ids[made]
                  WHEN worlds.chance(0.1) AND w = 1 THEN organization_id::text END, w = 1
      FROM tenancy.organizations WHERE slug = 'o' || o;
    END LOOP;
  END LOOP;
  FOR u IN 1..worlds.between(3, 6) LOOP
    INSERT INTO tenancy.users (user_id, email, name, external_id)
    VALUES (worlds.random_uuid(), 'u' || u || '@example.com', 'User ' || u, CASE WHEN worlds.chance(0.7) THEN user_ids[u] END);
  END LOOP;
END
$$;

-- The permissions that tables of these worlds are about.
CREATE FUNCTION worlds.permissions_in_play() RETURNS text[] LANGUAGE sql AS $$
  SELECT array_agg(p.resource || '.' || p.action ORDER BY p.resource, p.action)
  FROM tenancy.permissions p
  WHERE p.resource IN ('logs', 'traces', 'analytics', 'prompts', 'integrations', 'gadgets', 'widgets', 'api_keys', 'billing', 'audit_logs')
    AND p.action IN ('list', 'view', 'write', 'create', 'edit', 'update', 'delete', 'export', 'attribute')
$$;

CREATE FUNCTION worlds.roles_of(organization uuid, role_level text) RETURNS uuid[] LANGUAGE sql AS $$
  SELECT array_agg(r.role_id ORDER BY r.organization_id NULLS FIRST, r.name)
  FROM tenancy.roles r
  WHERE (r.organization_id IS NULL OR r.organization_id = roles_of.organization) AND r.level = role_level
$$;

CREATE FUNCTION worlds.workspaces_of(organization uuid) RETURNS uuid[] LANGUAGE sql AS $$
  SELECT array_agg(w.workspace_id ORDER BY w.slug) FROM tenancy.workspaces w WHERE w.organization_id = organization
$$;

CREATE FUNCTION worlds.make_role(organization uuid, role_level text, role_name text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  role uuid := worlds.random_uuid();
  permission text;
BEGIN
  INSERT INTO tenancy.roles (role_id, organization_id, level, name, all_workspaces)
  VALUES (role, organization, role_level, role_name, role_level = 'organization' AND worlds.chance(0.6));
  FOREACH permission IN ARRAY worlds.permissions_in_play() LOOP
    IF worlds.chance(0.5) THEN
      INSERT INTO tenancy.grants (role_id, organization_id, resource, action, allowed)
      VALUES (role, organization, split_part(permission, '.', 1), split_part(permission, '.', 2), worlds.chance(0.85));
    END IF;
  END LOOP;
END
$$;

-- An override of any role, also of those above overrides, for the organization or one of its workspaces. Now and then a
-- workspace's on what an organization role sees of logs, while it may have one: which can give and not take.
CREATE FUNCTION worlds.make_override(organization uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  about_admins boolean := worlds.chance(0.2);
  permission text := CASE WHEN about_admins THEN worlds.pick(ARRAY['logs.view', 'logs.list']) ELSE worlds.pick(worlds.permissions_in_play()) END;
  about text := split_part(permission, '.', 1);
BEGIN
  INSERT INTO tenancy.grants (role_id, organization_id, workspace_id, resource, action, allowed)
  VALUES (worlds.pick(worlds.roles_of(organization, 'organization') || CASE WHEN NOT about_admins THEN worlds.roles_of(organization, 'workspace') END), organization,
          CASE WHEN about_admins OR about IN ('logs', 'analytics', 'prompts', 'integrations', 'api_keys') AND worlds.chance(0.6)
               THEN worlds.pick(worlds.workspaces_of(organization)) END,
          about, split_part(permission, '.', 2), worlds.chance(0.4))
  ON CONFLICT (role_id, organization_id, workspace_id, resource, action) DO UPDATE SET allowed = NOT grants.allowed;
  IF about_admins AND worlds.chance(0.5) THEN
    INSERT INTO tenancy.workspace_overrides (organization_id, category, allowed) VALUES (organization, 'logs', true)
    ON CONFLICT (organization_id, category) DO NOTHING;
  END IF;
END
$$;

CREATE FUNCTION worlds.make_switch(organization uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO tenancy.visibility (role_id, organization_id, workspace_id, all_rows)
  VALUES (worlds.pick(worlds.roles_of(organization, 'workspace')), organization,
          CASE WHEN worlds.chance(0.5) THEN worlds.pick(worlds.workspaces_of(organization)) END, worlds.chance(0.35))
  ON CONFLICT (role_id, organization_id, workspace_id) DO UPDATE SET all_rows = NOT visibility.all_rows;
END
$$;

CREATE FUNCTION worlds.allow_overrides(organization uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO tenancy.workspace_overrides (organization_id, category, allowed)
  VALUES (organization, worlds.pick(ARRAY['data_visibility', 'logs', 'analytics', 'prompts', 'integrations', 'api_keys']), worlds.chance(0.7))
  ON CONFLICT (organization_id, category) DO UPDATE SET allowed = NOT workspace_overrides.allowed;
END
$$;

CREATE FUNCTION worlds.make_rights() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  organization uuid;
  member record;
  workspace uuid;
BEGIN
  FOR organization IN SELECT organization_id FROM tenancy.organizations ORDER BY slug LOOP
    FOR i IN 1..worlds.between(0, 2) LOOP
      PERFORM worlds.make_role(organization, 'organization', 'custom' || i);
    END LOOP;
    FOR i IN 1..worlds.between(0, 2) LOOP
      PERFORM worlds.make_role(organization, 'workspace', 'custom' || i);
    END LOOP;
    FOR i IN 1..worlds.between(0, 12) LOOP
      PERFORM worlds.make_override(organization);
    END LOOP;
    FOR i IN 1..worlds.between(0, 6) LOOP
      PERFORM worlds.make_switch(organization);
    END LOOP;
    FOR i IN 1..worlds.between(0, 5) LOOP
      PERFORM worlds.allow_overrides(organization);
    END LOOP;

    FOR member IN SELECT user_id, row_number() OVER (ORDER BY email) AS number FROM tenancy.users ORDER BY email LOOP
      IF member.number = 1 OR worlds.chance(0.6) THEN
        INSERT INTO tenancy.organization_members (organization_id, user_id, external_id, role_id)
        VALUES (organization, member.user_id, CASE WHEN worlds.chance(0.25) THEN '770' || member.number END,
                CASE WHEN member.number = 1 OR worlds.chance(0.05) THEN (worlds.roles_of(NULL, 'organization'))[3]  -- owner
                     WHEN worlds.chance(0.5) THEN (worlds.roles_of(NULL, 'organization'))[2]  -- member
                     ELSE worlds.pick(worlds.roles_of(organization, 'organization')) END);
        FOREACH workspace IN ARRAY worlds.workspaces_of(organization) LOOP
          IF worlds.chance(0.5) THEN
            INSERT INTO tenancy.workspace_members (workspace_id, user_id, organization_id, role_id)
            VALUES (workspace, member.user_id, organization, worlds.pick(worlds.roles_of(organization, 'workspace')));
          END IF;
        END LOOP;
      ELSIF worlds.chance(0.5) THEN
        -- counts for nothing
        INSERT INTO tenancy.invitations (organization_id, email, role_id, workspaces, expires_at)
        SELECT organization, u.email, worlds.pick(worlds.roles_of(organization, 'organization')),
               jsonb_build_object((worlds.workspaces_of(organization))[1], worlds.pick(worlds.roles_of(organization, 'workspace'))),
               now() + interval '1 day'
        FROM tenancy.users u WHERE u.user_id = member.user_id;
      END IF;
    END LOOP;
    FOR i IN 1..worlds.between(0, 3) LOOP
      PERFORM worlds.make_group(organization);
    END LOOP;
    PERFORM worlds.make_ends(organization), worlds.make_elevations(organization);
    -- The oracle knows members of now alone; rows in the name of who has left are tested by sql/attribution_grace.
    INSERT INTO tenancy.logging_settings (organization_id, setting, value) VALUES (organization, 'attribution_grace_hours', '0');
  END LOOP;
END
$$;

-- A group with some members, and roles in some places.
CREATE FUNCTION worlds.make_group(organization uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  the_group uuid;
  workspace uuid;
  member uuid;
BEGIN
  INSERT INTO tenancy.groups (organization_id, name)
  SELECT organization, 'group ' || count(*) FROM tenancy.groups g WHERE g.organization_id = make_group.organization RETURNING group_id INTO the_group;
  FOR member IN SELECT m.user_id FROM tenancy.organization_members m JOIN tenancy.users u USING (user_id) WHERE m.organization_id = organization ORDER BY u.email LOOP
    IF worlds.chance(0.4) THEN
      INSERT INTO tenancy.group_members (group_id, user_id, organization_id) VALUES (the_group, member, organization);
    END IF;
  END LOOP;
  IF worlds.chance(0.3) THEN
    INSERT INTO tenancy.group_roles (group_id, workspace_id, organization_id, role_id)
    VALUES (the_group, NULL, organization, worlds.pick(worlds.roles_of(organization, 'organization')));
  END IF;
  FOREACH workspace IN ARRAY worlds.workspaces_of(organization) LOOP
    IF worlds.chance(0.3) THEN
      INSERT INTO tenancy.group_roles (group_id, workspace_id, organization_id, role_id)
      VALUES (the_group, workspace, organization, worlds.pick(worlds.roles_of(organization, 'workspace')));
    END IF;
  END LOOP;
END
$$;

-- Ends of some roles, long past and far off. Owners that an organization can't be without have none.
CREATE FUNCTION worlds.make_ends(organization uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE tenancy.organization_members m SET ends_at = now() + interval '1 year' * worlds.pick(ARRAY[-1, 1, 1])
  FROM tenancy.users u WHERE u.user_id = m.user_id AND u.email <> 'u1@example.com' AND m.organization_id = make_ends.organization AND worlds.chance(0.15);
  UPDATE tenancy.workspace_members m SET ends_at = now() + interval '1 year' * worlds.pick(ARRAY[-1, 1, 1])
  WHERE m.organization_id = make_ends.organization AND worlds.chance(0.2);
  UPDATE tenancy.group_roles r SET ends_at = now() + interval '1 year' * worlds.pick(ARRAY[-1, 1, 1])
  WHERE r.organization_id = make_ends.organization AND worlds.chance(0.2);
  UPDATE tenancy.group_members m SET ends_at = now() + interval '1 year' * worlds.pick(ARRAY[-1, 1, 1])
  WHERE m.organization_id = make_ends.organization AND worlds.chance(0.2);
  UPDATE tenancy.grants g SET ends_at = now() + interval '1 year' * worlds.pick(ARRAY[-1, 1, 1])
  WHERE g.organization_id = make_ends.organization AND worlds.chance(0.2);
END
$$;

-- Roles that some members have taken for a time, by rules about them, about a role or about a group: current, ended, and not approved.
CREATE FUNCTION worlds.make_elevations(organization uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  member record;
  level text;
  the_role uuid;
  the_rule uuid;
  kind int;
BEGIN
  FOR member IN SELECT m.user_id FROM tenancy.organization_members m JOIN tenancy.users u USING (user_id) WHERE m.organization_id = organization ORDER BY u.email LOOP
    CONTINUE WHEN NOT worlds.chance(0.3);
    level := worlds.pick(ARRAY['organization', 'workspace']);
    the_role := worlds.pick(worlds.roles_of(organization, level));
    kind := worlds.between(1, 3);
    INSERT INTO tenancy.elevation_rules AS r (organization_id, role_id, user_id, subject_role_id, group_id, maximum)
    SELECT organization, the_role, CASE WHEN v.kind = 1 THEN member.user_id END, CASE WHEN v.kind = 2 THEN worlds.pick(worlds.roles_of(organization, worlds.pick(ARRAY['organization', 'workspace']))) END,
           CASE WHEN v.kind = 3 THEN v.a_group END, '1 day'
    FROM (SELECT CASE WHEN kind = 3 AND g.a_group IS NULL THEN 1 ELSE kind END AS kind, g.a_group
          FROM (SELECT worlds.pick(ARRAY(SELECT g.group_id FROM tenancy.groups g WHERE g.organization_id = organization ORDER BY g.name)) AS a_group) g) v
    ON CONFLICT ON CONSTRAINT elevation_rules_key DO UPDATE SET maximum = EXCLUDED.maximum RETURNING r.rule_id INTO the_rule;
    INSERT INTO tenancy.elevations (organization_id, user_id, role_id, workspace_id, rule_id, reason, duration, ends_at)
    VALUES (organization, member.user_id, the_role, CASE level WHEN 'workspace' THEN worlds.pick(worlds.workspaces_of(organization)) END, the_rule, 'by chance', '1 day',
            now() + interval '1 day' * worlds.pick(ARRAY[1, 1, 1, -1, NULL]));
  END LOOP;
END
$$;
