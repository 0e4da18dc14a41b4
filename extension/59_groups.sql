-- Groups: their members have the group's roles in addition to their own. A group has one source of members for life: sync_group(), or the
-- tokens of one issuer.

CREATE FUNCTION tenancy_internal.check_group_member() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM tenancy.groups g WHERE g.group_id = NEW.group_id AND g.trust_id IS NOT NULL) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'tokens say who belongs to the group',
      DETAIL = 'A group''s members have one source.';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_group_member() IS 'Trigger: no members are stored of a group whose members tokens name';

CREATE FUNCTION tenancy_internal.check_group() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF (NEW.group_id, NEW.organization_id, NEW.trust_id) IS DISTINCT FROM (OLD.group_id, OLD.organization_id, OLD.trust_id) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'a group cannot change its organization or the source of its members',
      HINT = 'Create another group.';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_group() IS 'Trigger: a group keeps its organization and the source of its members';

-- Most members belong to no group and take no role; the row of their membership, which their sessions read anyway, says so.
CREATE FUNCTION tenancy_internal.mark_member() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  -- Also where it is marked: somebody may be about to change the mark.
  PERFORM FROM tenancy.organization_members m WHERE m.organization_id = NEW.organization_id AND m.user_id = NEW.user_id FOR NO KEY UPDATE;
  UPDATE tenancy.organization_members m SET has_more_roles = true
  WHERE m.organization_id = NEW.organization_id AND m.user_id = NEW.user_id AND NOT m.has_more_roles;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.mark_member() IS 'Trigger: the member''s sessions look for roles by groups and elevations from now on';

-- For rows that came without the trigger, as of a restore that disables it.
CREATE FUNCTION tenancy_internal.mark_group(group_id uuid) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, tenancy, pg_temp AS $$
  UPDATE tenancy.organization_members m SET has_more_roles = true
  FROM tenancy.group_members g
  WHERE g.group_id = mark_group.group_id AND m.organization_id = g.organization_id AND m.user_id = g.user_id AND NOT m.has_more_roles
$$;
COMMENT ON FUNCTION tenancy_internal.mark_group(uuid) IS 'Sessions of all members of a group look for roles by groups from now on';

CREATE FUNCTION tenancy_internal.keep_mark() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF TG_TABLE_NAME = 'organizations' THEN
    NEW.has_overrides := true;
  ELSE
    NEW.has_more_roles := true;
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.keep_mark() IS 'Trigger: the mark stays, since what it stands for may be given meanwhile';

-- For changes of roles and of members: each waits for the other, and one that does not see the other fails.
CREATE FUNCTION tenancy_internal.find_group(organization_id uuid, name text) RETURNS tenancy.groups
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_one tenancy.groups;
BEGIN
  PERFORM tenancy_internal.check_given('group', find_group.name);
  PERFORM tenancy_internal.lock_members(find_group.organization_id);
  -- Ids first: a group can have another one's id for its name.
  SELECT * INTO found_one FROM tenancy.groups g
  WHERE g.organization_id = find_group.organization_id AND g.group_id::text = lower(find_group.name) FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    SELECT * INTO found_one FROM tenancy.groups g
    WHERE g.organization_id = find_group.organization_id AND g.name = find_group.name FOR NO KEY UPDATE;
  END IF;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('group "%s" does not exist', find_group.name),
      HINT = 'See tenancy.groups.';
  END IF;
  RETURN found_one;
END
$$;
COMMENT ON FUNCTION tenancy_internal.find_group(uuid, text) IS 'A group of the organization by name or id, locked; 42704 for none';

-- Membership of a group is possession of its roles, and of what the group may take.
CREATE FUNCTION tenancy_internal.require_delegable_group(group_id uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.require_delegable_role(r.organization_id, r.workspace_id, r.role_id) FROM tenancy.group_roles r
  WHERE r.group_id = require_delegable_group.group_id;
  PERFORM tenancy_internal.require_delegation(tenancy_internal.missing_for_takable(g.organization_id, NULL, g.group_id),
                                              format('what group "%s" may take by tenancy.elevate()', g.name))
  FROM tenancy.groups g WHERE g.group_id = require_delegable_group.group_id;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_delegable_group(uuid) IS 'Raises 42501 unless the caller is a DBA or has at least the rights of all of a group''s roles, and of those that its members may take by elevate()';

-- No key of a directory fills a group whose members take more than its roles.
CREATE FUNCTION tenancy_internal.takes_roles(the_group tenancy.groups) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT EXISTS (SELECT FROM tenancy.elevation_rules e
                 WHERE e.organization_id = takes_roles.the_group.organization_id
                   AND (e.group_id = takes_roles.the_group.group_id
                        OR e.subject_role_id IN (SELECT r.role_id FROM tenancy.group_roles r WHERE r.group_id = takes_roles.the_group.group_id)))
$$;
COMMENT ON FUNCTION tenancy_internal.takes_roles(tenancy.groups) IS 'Whether the members of a group may take roles by elevate(), for the group or for one of its roles';

CREATE FUNCTION tenancy.create_group(organization text DEFAULT NULL, name text DEFAULT NULL, issuer text DEFAULT NULL,
                                     open_to_sync boolean DEFAULT false) RETURNS uuid
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_changed_organization(create_group.organization, 'team', 'assign_roles');
  the_trust tenancy.trusted_issuers;
  new_id uuid;
BEGIN
  PERFORM tenancy_internal.require_permission(the_organization, NULL, 'team', 'assign_roles');
  IF length(create_group.name) BETWEEN 1 AND 255 IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a group has a name of 1 to 255 characters';
  ELSIF create_group.issuer IS NOT NULL AND create_group.open_to_sync THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a group whose members tokens name cannot be open to sync_group()';
  END IF;
  IF create_group.issuer IS NOT NULL THEN
    -- The organization's own trust comes before a DBA's.
    SELECT * INTO the_trust FROM tenancy.trusted_issuers t
    WHERE t.issuer = create_group.issuer AND (t.organization_id = the_organization OR t.organization_id IS NULL) AND t.groups_claim IS NOT NULL
    ORDER BY t.organization_id NULLS LAST LIMIT 1;
    IF NOT FOUND THEN
      RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('issuer "%s" is not trusted to name groups', create_group.issuer),
        HINT = 'See the argument groups_claim of tenancy.trust_issuer().';
    END IF;
  END IF;
  INSERT INTO tenancy.groups (organization_id, name, trust_id, open_to_sync)
  VALUES (the_organization, create_group.name, the_trust.trust_id, coalesce(create_group.open_to_sync, false))
  ON CONFLICT DO NOTHING RETURNING groups.group_id INTO new_id;
  IF new_id IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'duplicate_object', MESSAGE = format('group "%s" exists already', create_group.name);
  END IF;
  RETURN new_id;
END
$$;
COMMENT ON FUNCTION tenancy.create_group(text, text, text, boolean) IS 'Creates a group in an organization (NULL: the session''s own) and returns its id. sync_group() says who belongs to it or, with an issuer, the claim of groups in that issuer''s tokens, in their session only. One that is open to sync can get its members from whoever has team.sync_groups. Needs team.assign_roles; 42704 for an issuer that is not trusted to name groups, 42710 for a name that is taken';

CREATE FUNCTION tenancy.drop_group(organization text DEFAULT NULL, "group" text DEFAULT NULL) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_changed_organization(drop_group.organization, 'team', 'assign_roles');
  the_group tenancy.groups;
BEGIN
  PERFORM tenancy_internal.require_permission(the_organization, NULL, 'team', 'assign_roles');
  the_group := tenancy_internal.find_group(the_organization, drop_group."group");
  PERFORM tenancy_internal.require_delegable_group(the_group.group_id);
  IF EXISTS (SELECT FROM tenancy.elevation_rules e WHERE e.organization_id = the_organization AND e.group_id = the_group.group_id) THEN
    PERFORM tenancy_internal.require_rules_permission(the_organization);  -- these go with it
  END IF;
  DELETE FROM tenancy.groups g WHERE g.group_id = the_group.group_id;
END
$$;
COMMENT ON FUNCTION tenancy.drop_group(text, text) IS 'Drops a group of an organization (NULL: the session''s own); its members lose the group''s roles. Needs team.assign_roles and at least the rights of all its roles, and where its members may take roles by elevate() those that allow_elevation() needs; 42704 when there is none';

CREATE FUNCTION tenancy.sync_group(organization text DEFAULT NULL, "group" text DEFAULT NULL, members text[] DEFAULT NULL, until timestamptz DEFAULT NULL, reason text DEFAULT NULL) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_organization(sync_group.organization);
  the_group tenancy.groups;
  member text;
  the_user uuid;
  given uuid[] := '{}';
  the_end timestamptz := tenancy_internal.check_until(sync_group.until, NULL);
  last_end timestamptz;
  members_before uuid[];
  by_sync boolean;
  syncs boolean := CASE WHEN NOT tenancy.is_dba() THEN tenancy_internal.lasting_reach(the_organization, NULL, 'team', 'sync_groups') = 'all' END;
BEGIN
  IF syncs IS NOT TRUE THEN
    PERFORM tenancy_internal.require_permission(the_organization, NULL, 'team', 'assign_roles');
  END IF;
  IF sync_group.members IS NULL OR array_ndims(sync_group.members) > 1 OR array_position(sync_group.members, NULL) IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'members must be given as an array',
      HINT = 'An empty array removes all.';
  END IF;
  the_group := tenancy_internal.find_group(the_organization, sync_group."group");
  -- With the organization locked
  syncs := CASE WHEN NOT tenancy.is_dba() THEN tenancy_internal.lasting_reach(the_organization, NULL, 'team', 'sync_groups') = 'all' END;
  IF the_group.trust_id IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('tokens say who belongs to group "%s"', the_group.name),
      DETAIL = 'A group''s members have one source.';
  END IF;
  by_sync := syncs IS TRUE AND the_group.open_to_sync AND NOT tenancy_internal.takes_roles(the_group);
  IF NOT by_sync THEN
    PERFORM tenancy_internal.require_permission(the_organization, NULL, 'team', 'assign_roles'),
            tenancy_internal.require_delegable_group(the_group.group_id);
  END IF;
  FOREACH member IN ARRAY sync_group.members LOOP
    the_user := tenancy_internal.lookup_user(member, the_organization);
    IF the_user IS NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('user "%s" is not a member of the organization', member),
        DETAIL = 'The group is unchanged.', HINT = 'Name a member by id, external id or e-mail address; tenancy.invite() invites others.';
    END IF;
    given := given || the_user;
  END LOOP;
  -- The change lasts until the end of the memberships that it takes away, and has to lie within the session's rights.
  SELECT CASE WHEN the_end IS NOT NULL AND bool_or(m.ends_at IS NULL) IS NOT TRUE THEN greatest(the_end, max(m.ends_at)) END INTO last_end FROM tenancy.group_members m
  WHERE m.group_id = the_group.group_id AND (m.user_id <> ALL (given) OR m.ends_at IS DISTINCT FROM the_end);
  PERFORM tenancy_internal.require_role_within_rights(last_end, 'membership of the group');
  members_before := ARRAY(SELECT m.user_id FROM tenancy.group_members m WHERE m.group_id = the_group.group_id AND m.ends_at > clock_timestamp() IS NOT FALSE);
  DELETE FROM tenancy.group_members m WHERE m.group_id = the_group.group_id AND m.user_id <> ALL (given);
  INSERT INTO tenancy.group_members AS m (group_id, user_id, organization_id, ends_at, reason)
  SELECT DISTINCT the_group.group_id, g.user_id, the_organization, the_end, sync_group.reason FROM unnest(given) g (user_id)
  ON CONFLICT ON CONSTRAINT group_members_pkey DO UPDATE
  SET ends_at = CASE WHEN sync_group.until IS NULL THEN m.ends_at ELSE EXCLUDED.ends_at END, reason = coalesce(EXCLUDED.reason, m.reason)
  WHERE sync_group.until IS NOT NULL AND m.ends_at IS DISTINCT FROM EXCLUDED.ends_at OR EXCLUDED.reason IS NOT NULL;
  PERFORM tenancy_internal.mark_group(the_group.group_id);
  -- The caller, or whose keys it has, may be among them, and has not had these rights.
  PERFORM tenancy_internal.note_taken_rights(the_organization, ARRAY(
    SELECT m.user_id FROM tenancy.group_members m WHERE m.group_id = the_group.group_id AND m.user_id <> ALL (members_before)))
  WHERE by_sync;
END
$$;
COMMENT ON FUNCTION tenancy.sync_group(text, text, text[], timestamptz, text) IS 'Makes these members of an organization (NULL: the session''s own), and nobody else, the members of a group, until a moment (infinity: without an end; NULL: as before; without one for new ones, and for those whose membership has ended), for a reason; an empty array removes all. Needs team.assign_roles and at least the rights of all of the group''s roles, and of those that its members may take by elevate() or, for a group that is open to it and whose members may take none, team.sync_groups; of those whom such a call adds, sessions in the organization are refused until it is committed (55000). 42501 where rights that end would take away a membership that lasts longer; 42704 for somebody who is no member of the organization, and the group stays as it is; 55000 for a group whose members tokens name';

CREATE FUNCTION tenancy.set_group_role(target text, "group" text, role text, until timestamptz DEFAULT NULL, reason text DEFAULT NULL)
RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid;
  the_workspace tenancy.workspaces;
  is_organization boolean;
  the_group tenancy.groups;
  the_role uuid;
  role_before uuid;
  end_before timestamptz;
  the_end timestamptz;
BEGIN
  PERFORM tenancy_internal.require_principal();
  -- The text says the level, and one that fits both says neither: role admin is another one on each.
  BEGIN
    the_organization := tenancy_internal.resolve_organization(set_group_role.target);
    is_organization := true;
  EXCEPTION WHEN undefined_object THEN
    is_organization := false;
  END;
  IF set_group_role.target IS NOT NULL THEN
    BEGIN
      the_workspace := tenancy_internal.resolve_workspace(set_group_role.target);
    EXCEPTION WHEN undefined_object THEN
      IF NOT is_organization THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object',
          MESSAGE = format('organization or workspace "%s" does not exist', set_group_role.target);
      END IF;
    END;
    IF is_organization AND the_workspace.workspace_id IS NOT NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('reference "%s" is ambiguous', set_group_role.target),
        DETAIL = 'It is an organization and a workspace.', HINT = 'Use the id, or write a workspace as organization/workspace.';
    END IF;
    the_organization := coalesce(the_organization, the_workspace.organization_id);
  END IF;
  PERFORM tenancy_internal.require_permission(the_organization, the_workspace.workspace_id, 'team', 'assign_roles'),
          tenancy_internal.require_permission(the_organization, the_workspace.workspace_id, 'team', 'add_users');
  the_group := tenancy_internal.find_group(the_organization, set_group_role."group");
  -- With the organization locked
  PERFORM tenancy_internal.require_permission(the_organization, the_workspace.workspace_id, 'team', 'assign_roles'),
          tenancy_internal.require_permission(the_organization, the_workspace.workspace_id, 'team', 'add_users');
  SELECT r.role_id, r.ends_at INTO role_before, end_before FROM tenancy.group_roles r
  WHERE r.group_id = the_group.group_id AND r.workspace_id IS NOT DISTINCT FROM the_workspace.workspace_id FOR UPDATE;
  IF role_before IS NOT NULL THEN
    PERFORM tenancy_internal.require_delegable_role(the_organization, the_workspace.workspace_id, role_before);
  END IF;
  IF set_group_role.role IS NULL THEN
    DELETE FROM tenancy.group_roles r
    WHERE r.group_id = the_group.group_id AND r.workspace_id IS NOT DISTINCT FROM the_workspace.workspace_id;
  ELSE
    the_role := tenancy_internal.find_role(the_organization, CASE WHEN is_organization THEN 'organization' ELSE 'workspace' END, set_group_role.role);
    PERFORM tenancy_internal.require_delegable_role(the_organization, the_workspace.workspace_id, the_role);
    the_end := tenancy_internal.check_until(set_group_role.until, end_before);
    PERFORM tenancy_internal.require_role_within_rights(the_end, 'the role');
    INSERT INTO tenancy.group_roles AS r (group_id, workspace_id, organization_id, role_id, ends_at, reason)
    VALUES (the_group.group_id, the_workspace.workspace_id, the_organization, the_role, the_end, set_group_role.reason)
    ON CONFLICT ON CONSTRAINT group_roles_key DO UPDATE
    SET role_id = EXCLUDED.role_id, ends_at = EXCLUDED.ends_at, reason = coalesce(EXCLUDED.reason, r.reason);
  END IF;
  UPDATE tenancy.groups g SET changed_at = clock_timestamp() WHERE g.group_id = the_group.group_id;
  PERFORM tenancy_internal.mark_group(the_group.group_id);
END
$$;
COMMENT ON FUNCTION tenancy.set_group_role(text, text, text, timestamptz, text) IS 'Gives the members of a group a role in an organization (NULL: the session''s own) or in one of its workspaces, besides their own roles, until a moment (infinity: without an end; NULL: as before, and a new role without one), for a reason; NULL takes it from them. Needs team.assign_roles and team.add_users there and at least the rights of the old and the new role; 22023 for a target that fits both an organization and a workspace, 42704 for a group, role or target that does not exist';
