-- Changes of rights: before a world is checked first, and in between. A part of generate.sql.

-- Keys and memberships are added first, then some are removed.
CREATE FUNCTION worlds.kill_key(key uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  CASE worlds.between(1, 4)
  WHEN 1 THEN
    UPDATE tenancy.api_keys SET revoked_at = now() WHERE api_key_id = key;
  WHEN 2 THEN
    -- long ago: what counts is the time when the client's statement began, here the CALL that makes all worlds
    UPDATE tenancy.api_keys SET expires_at = now() - interval '1 day' WHERE api_key_id = key;
  WHEN 3 THEN
    UPDATE tenancy.api_keys SET rotate_by = now() - interval '1 day' WHERE api_key_id = key;
  ELSE
    DELETE FROM tenancy.api_key_secrets WHERE api_key_id = key;
    UPDATE tenancy.api_keys SET deleted_at = now() WHERE api_key_id = key;
  END CASE;
END
$$;

CREATE FUNCTION worlds.age() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  it record;
BEGIN
  FOR it IN SELECT api_key_id FROM tenancy.api_keys ORDER BY name LOOP
    IF worlds.chance(0.15) THEN
      PERFORM worlds.kill_key(it.api_key_id);
    ELSIF worlds.chance(0.2) THEN
      UPDATE tenancy.api_keys SET expires_at = now() + interval '1 day' WHERE api_key_id = it.api_key_id;
    ELSIF worlds.chance(0.1) THEN
      UPDATE tenancy.api_keys SET rotate_by = now() + interval '1 day' WHERE api_key_id = it.api_key_id;
    END IF;
    -- All sessions come by a socket.
    IF worlds.chance(0.2) THEN
      UPDATE tenancy.api_keys SET allowed_networks = CASE WHEN worlds.chance(0.7) THEN '{192.0.2.0/24,local}' ELSE '{0.0.0.0/0,::/0}' END::text[] WHERE api_key_id = it.api_key_id;
    END IF;
  END LOOP;
  FOR it IN SELECT m.workspace_id, m.user_id
            FROM tenancy.workspace_members m JOIN tenancy.users u USING (user_id)
            JOIN tenancy.workspaces w USING (workspace_id) JOIN tenancy.organizations o ON o.organization_id = w.organization_id
            ORDER BY u.email, o.slug, w.slug LOOP
    IF worlds.chance(0.1) THEN
      DELETE FROM tenancy.workspace_members WHERE workspace_id = it.workspace_id AND user_id = it.user_id;
    END IF;
  END LOOP;
  FOR it IN SELECT m.organization_id, m.user_id
            FROM tenancy.organization_members m JOIN tenancy.users u USING (user_id) JOIN tenancy.organizations o USING (organization_id)
            WHERE u.email <> 'u1@example.com' ORDER BY u.email, o.slug LOOP
    IF worlds.chance(0.06) THEN
      DELETE FROM tenancy.organization_members WHERE organization_id = it.organization_id AND user_id = it.user_id;
    END IF;
  END LOOP;
  -- The last owner of an organization cannot be locked.
  FOR it IN SELECT user_id FROM tenancy.users WHERE email <> 'u1@example.com' ORDER BY email LOOP
    IF worlds.chance(0.12) THEN
      UPDATE tenancy.users SET active = false WHERE user_id = it.user_id;
    END IF;
  END LOOP;
END
$$;

-- One change of rights, of any kind.
CREATE FUNCTION worlds.change() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  organization uuid;
  seat tenancy.workspace_members;
  key uuid;
BEGIN
  SELECT worlds.pick(array_agg(organization_id ORDER BY slug)) INTO organization FROM tenancy.organizations;
  SELECT worlds.pick(array_agg(k.api_key_id ORDER BY k.name)) INTO key FROM tenancy.api_keys k WHERE k.organization_id = organization;
  seat := worlds.pick(ARRAY(
    SELECT m FROM tenancy.workspace_members m JOIN tenancy.users u USING (user_id) JOIN tenancy.workspaces w USING (workspace_id)
    WHERE m.organization_id = organization ORDER BY u.email, w.slug));
  CASE worlds.between(1, 25)
  WHEN 1 THEN
    PERFORM worlds.make_switch(organization);
  WHEN 18 THEN
    PERFORM worlds.make_group(organization);
  WHEN 25 THEN
    PERFORM worlds.make_kept_settings(organization);
  WHEN 21 THEN
    PERFORM worlds.make_ends(organization);
  WHEN 23 THEN
    PERFORM worlds.make_elevations(organization);
  WHEN 24 THEN
    DELETE FROM tenancy.elevation_rules r WHERE r.organization_id = organization;
  WHEN 22 THEN
    UPDATE tenancy.workspace_members m SET ends_at = NULL WHERE m.organization_id = organization;
  WHEN 19 THEN
    DELETE FROM tenancy.group_members m USING tenancy.groups g WHERE g.group_id = m.group_id AND g.organization_id = organization AND m.user_id = seat.user_id;
  WHEN 20 THEN
    UPDATE tenancy.group_roles r SET role_id = worlds.pick(worlds.roles_of(organization, CASE WHEN r.workspace_id IS NULL THEN 'organization' ELSE 'workspace' END))
    WHERE r.organization_id = organization;
  WHEN 2 THEN
    PERFORM worlds.allow_overrides(organization);
  WHEN 3 THEN
    PERFORM worlds.make_override(organization);
  WHEN 4 THEN
    DELETE FROM tenancy.grants g WHERE g.organization_id = organization AND g.action IN ('view', 'list');
  WHEN 5 THEN
    DELETE FROM tenancy.visibility v WHERE v.organization_id = organization;
  WHEN 6 THEN
    DELETE FROM tenancy.workspace_members WHERE workspace_id = seat.workspace_id AND user_id = seat.user_id;
  WHEN 7 THEN
    UPDATE tenancy.workspace_members SET role_id = worlds.pick(worlds.roles_of(organization, 'workspace'))
    WHERE workspace_id = seat.workspace_id AND user_id = seat.user_id;
  WHEN 8 THEN
    INSERT INTO tenancy.workspace_members (workspace_id, user_id, organization_id, role_id)
    SELECT w.workspace_id, m.user_id, organization, seat.role_id
    FROM tenancy.organization_members m, tenancy.workspaces w
    WHERE m.organization_id = organization AND w.organization_id = organization AND w.slug = 'w1' AND seat.role_id IS NOT NULL
    ON CONFLICT DO NOTHING;
  WHEN 9 THEN
    UPDATE tenancy.organization_members SET role_id = worlds.pick(worlds.roles_of(organization, 'organization'))
    WHERE organization_id = organization AND user_id = seat.user_id
      AND user_id <> (SELECT user_id FROM tenancy.users WHERE email = 'u1@example.com');
  WHEN 10 THEN
    DELETE FROM tenancy.organization_members
    WHERE organization_id = organization AND user_id = seat.user_id
      AND user_id <> (SELECT user_id FROM tenancy.users WHERE email = 'u1@example.com');
  WHEN 11 THEN
    UPDATE tenancy.users SET active = NOT active WHERE user_id = seat.user_id AND email <> 'u1@example.com';
  WHEN 12 THEN
    PERFORM worlds.kill_key(key);
  WHEN 13 THEN
    DELETE FROM tenancy.api_key_scopes WHERE api_key_id = key AND action IN ('view', 'list');
  WHEN 14 THEN
    INSERT INTO tenancy.api_key_scopes SELECT key, resource, action FROM tenancy.permissions
    ON CONFLICT DO NOTHING;
    UPDATE tenancy.roles SET all_workspaces = NOT all_workspaces WHERE organization_id = organization AND level = 'organization';
  WHEN 15 THEN
    -- 'nobody' and 123456 are in tables already: rows that belonged to no one find their owner
    IF worlds.chance(0.5) THEN
      UPDATE tenancy.workspaces w SET external_id = CASE WHEN w.external_id IS NULL THEN '123456' END
      WHERE w.workspace_id = (worlds.workspaces_of(organization))[1]
        AND NOT EXISTS (SELECT FROM tenancy.given_external_ids g WHERE g.kind = 'workspace' AND g.external_id = '123456' AND g.holder <> w.workspace_id);
    ELSE
      UPDATE tenancy.users u SET external_id = CASE WHEN u.external_id IS NULL THEN 'nobody' END
      WHERE u.user_id = seat.user_id
        AND NOT EXISTS (SELECT FROM tenancy.given_external_ids g WHERE g.kind = 'user' AND g.external_id = 'nobody' AND g.holder <> u.user_id);
    END IF;
  WHEN 16 THEN
    PERFORM worlds.configure_tokens(organization);
  WHEN 17 THEN
    PERFORM tenancy.set_data_visibility(worlds.pick(ARRAY['gadgets', 'widgets']), worlds.chance(0.5));
  END CASE;
END
$$;
