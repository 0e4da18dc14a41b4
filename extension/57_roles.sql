-- An organization's own roles, and overrides of the built-in ones.

CREATE FUNCTION tenancy.create_role(
  organization text DEFAULT NULL, level text DEFAULT NULL, name text DEFAULT NULL, copy_of text DEFAULT NULL, all_workspaces boolean DEFAULT false) RETURNS uuid
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_changed_organization(create_role.organization, 'team', 'assign_roles');
  template uuid;
  new_id uuid;
BEGIN
  PERFORM tenancy_internal.require_permission(the_organization, NULL, 'team', 'assign_roles'),
          tenancy_internal.require_role_within_rights(NULL, 'the role');
  PERFORM tenancy_internal.check_given('name', create_role.name);
  PERFORM tenancy_internal.check_level(create_role.level);
  IF create_role.copy_of IS NOT NULL THEN
    template := tenancy_internal.find_role(the_organization, create_role.level, create_role.copy_of);
  END IF;
  INSERT INTO tenancy.roles (organization_id, level, name, all_workspaces)
  VALUES (the_organization, create_role.level, create_role.name, create_role.all_workspaces) RETURNING role_id INTO new_id;
  -- The template's grants as in this organization: its own grants, then the organization's overrides. What ends there ends here.
  INSERT INTO tenancy.grants (role_id, organization_id, resource, action, ends_at, reason)
  SELECT new_id, the_organization, g.resource, g.action, g.ends_at, g.reason
  FROM (SELECT DISTINCT ON (g.resource, g.action) g.organization_id, g.resource, g.action, g.allowed, g.ends_at, g.reason
        FROM tenancy.grants g
        WHERE g.role_id = template AND g.workspace_id IS NULL
          AND (g.organization_id IS NULL OR g.organization_id = the_organization)
          AND (g.ends_at IS NULL OR g.ends_at > clock_timestamp())
        ORDER BY g.resource, g.action, g.organization_id NULLS LAST) g
  -- Permissions that no level and no key with every scope includes have to be named here, too.
  WHERE g.allowed AND NOT (g.organization_id IS NULL AND tenancy_internal.is_named_only(g.action));
  -- Checks the finished role, so that the core computes what it confers.
  IF create_role.level = 'organization' THEN
    PERFORM tenancy_internal.require_delegable_role(the_organization, NULL, new_id);
  ELSE
    PERFORM tenancy_internal.require_delegable_workspace_grants(the_organization, new_id);
  END IF;
  RETURN new_id;
END
$$;
COMMENT ON FUNCTION tenancy.create_role(text, text, text, text, boolean) IS 'Creates a role of an organization (NULL: the session''s own) on a level (organization, workspace), empty or with the grants of another role (of a built-in one without attribute, which has to be granted by name), reaching all workspaces or none, and returns its id; needs team.assign_roles and at least the rights of the role; 42704, 23505, 23514';

CREATE FUNCTION tenancy_internal.require_delegable_workspace_grants(organization_id uuid, role_id uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  -- A workspace role can be given in any workspace.
  PERFORM tenancy_internal.require_delegation(tenancy_internal.missing_for_permissions(require_delegable_workspace_grants.organization_id, NULL,
    require_delegable_workspace_grants.role_id, (SELECT coalesce(array_agg(g.resource || '.' || g.action), '{}') FROM tenancy.grants g
     WHERE g.role_id = require_delegable_workspace_grants.role_id AND g.allowed)));
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_delegable_workspace_grants(uuid, uuid) IS 'Raises 42501 unless the caller is a DBA or holds in every workspace all that a workspace role grants';

CREATE FUNCTION tenancy.drop_role(organization text DEFAULT NULL, level text DEFAULT NULL, name text DEFAULT NULL) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_changed_organization(drop_role.organization, 'team', 'assign_roles');
  the_role uuid;
BEGIN
  PERFORM tenancy_internal.require_permission(the_organization, NULL, 'team', 'assign_roles');
  the_role := tenancy_internal.find_role(the_organization, drop_role.level, drop_role.name);
  IF drop_role.level = 'organization' THEN
    PERFORM tenancy_internal.require_delegable_role(the_organization, NULL, the_role);
  ELSE
    PERFORM tenancy_internal.require_delegable_workspace_grants(the_organization, the_role);
  END IF;
  IF EXISTS (SELECT FROM tenancy.elevation_rules e WHERE e.organization_id = the_organization AND the_role IN (e.role_id, e.subject_role_id)) THEN
    PERFORM tenancy_internal.require_rules_permission(the_organization);  -- these go with it
  END IF;
  BEGIN
    DELETE FROM tenancy.roles r WHERE r.role_id = the_role;
  EXCEPTION WHEN foreign_key_violation THEN
    RAISE EXCEPTION USING ERRCODE = 'dependent_objects_still_exist',
      MESSAGE = format('role "%s" is still given to members', drop_role.name),
      HINT = 'Give them another role first.';
  END;
END
$$;
COMMENT ON FUNCTION tenancy.drop_role(text, text, text) IS 'Drops a role of an organization (NULL: the session''s own); needs team.assign_roles and at least the rights of the role, and where rules let members take it, or those who have it another one, those that allow_elevation() needs; 2BP01 while members have it, 55000 for a built-in role';

CREATE FUNCTION tenancy_internal.change_grant(organization text, level text, role text, resource text, action text, allow boolean,
                                              until timestamptz, reason text)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_changed_organization(change_grant.organization, 'team', 'assign_roles');
  the_role tenancy.roles;
  born boolean;
  before record;
  the_end timestamptz;
BEGIN
  PERFORM tenancy_internal.check_permission(change_grant.resource, change_grant.action);
  PERFORM tenancy_internal.require_permission(the_organization, NULL, 'team', 'assign_roles');
  PERFORM tenancy_internal.lock_members(the_organization);
  SELECT * INTO the_role FROM tenancy.roles r WHERE r.role_id = tenancy_internal.find_role(the_organization, change_grant.level, change_grant.role);
  SELECT g.allowed, g.ends_at INTO before FROM tenancy.grants g
  WHERE g.role_id = the_role.role_id AND g.organization_id = the_organization AND g.workspace_id IS NULL
    AND g.resource = change_grant.resource AND g.action = change_grant.action;
  the_end := tenancy_internal.check_until(change_grant.until,
                                          CASE WHEN before.allowed = change_grant.allow AND before.ends_at > clock_timestamp() THEN before.ends_at END);
  -- The change lasts until the end of what it takes away, and has to lie within the session's rights.
  PERFORM tenancy_internal.require_role_within_rights(
    CASE WHEN the_end IS NOT NULL AND (before.allowed IS NULL OR before.ends_at IS NOT NULL) THEN greatest(the_end, before.ends_at) END, 'the change of the role');
  IF the_role.level = 'workspace' AND change_grant.resource = ANY (tenancy_internal.words('organization_level')) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('resource "%s" is on the organization level', change_grant.resource),
      DETAIL = 'A workspace role does not reach it.';
  END IF;
  IF NOT tenancy_internal.can_be_overridden(the_role.role_id, the_role.level, change_grant.resource, change_grant.action) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('%s.%s of %s role "%s" cannot be overridden', change_grant.resource, change_grant.action, the_role.level, the_role.name),
      DETAIL = 'Owners and workspace admins are above every setting, admins above all but those on their seeing logs.',
      HINT = 'Define a role of the organization, for example as a copy of it.';
  END IF;
  -- Where the role counts: on the organization alone, or in every workspace.
  PERFORM tenancy_internal.require_delegation(tenancy_internal.missing_for_permissions(the_organization, NULL, the_role.role_id, ARRAY[change_grant.resource || '.' || change_grant.action]));
  born := EXISTS (SELECT FROM tenancy.grants g WHERE g.role_id = the_role.role_id AND g.organization_id IS NULL
                    AND g.resource = change_grant.resource AND g.action = change_grant.action);
  -- At an end the role's own grant decides again, and not what the organization had before.
  IF the_end IS NOT NULL AND (born = change_grant.allow OR before.allowed = NOT change_grant.allow AND before.ends_at IS NULL) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('%s.%s of %s role "%s" cannot %s until a moment', change_grant.resource, change_grant.action, the_role.level, the_role.name,
                       CASE WHEN change_grant.allow THEN 'be granted' ELSE 'be revoked' END),
      DETAIL = CASE WHEN born = change_grant.allow THEN 'From then on the role would have its own grant, which is the same.'
                    ELSE 'From then on the role would have its own grant, and not what the organization has set before.' END,
      HINT = 'Give members another role for the time, or let them take it by tenancy.elevate().';
  END IF;
  IF born = change_grant.allow THEN
    DELETE FROM tenancy.grants g
    WHERE g.role_id = the_role.role_id AND g.organization_id = the_organization AND g.workspace_id IS NULL
      AND g.resource = change_grant.resource AND g.action = change_grant.action;
  ELSE
    INSERT INTO tenancy.grants AS g (role_id, organization_id, resource, action, allowed, ends_at, reason)
    VALUES (the_role.role_id, the_organization, change_grant.resource, change_grant.action, change_grant.allow, the_end, change_grant.reason)
    ON CONFLICT ON CONSTRAINT grants_key DO UPDATE
    SET allowed = EXCLUDED.allowed, ends_at = EXCLUDED.ends_at,
        reason = CASE WHEN g.allowed = EXCLUDED.allowed THEN coalesce(EXCLUDED.reason, g.reason) ELSE EXCLUDED.reason END;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.change_grant(text, text, text, text, text, boolean, timestamptz, text) IS 'Makes an organization''s role have a permission or not, until a moment';

CREATE FUNCTION tenancy.grant_permission(
  organization text DEFAULT NULL, level text DEFAULT NULL, role text DEFAULT NULL, resource text DEFAULT NULL, action text DEFAULT NULL,
  until timestamptz DEFAULT NULL, reason text DEFAULT NULL) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.change_grant(grant_permission.organization, grant_permission.level, grant_permission.role,
    grant_permission.resource, grant_permission.action, true, grant_permission.until, grant_permission.reason);
END
$$;
COMMENT ON FUNCTION tenancy.grant_permission(text, text, text, text, text, timestamptz, text) IS 'Gives a role of an organization (NULL: the session''s own) a permission, or overrides a built-in role there, until a moment (infinity: without an end; NULL: as before, and a new grant without one), for a reason; needs team.assign_roles and the permission itself; 42501 where rights that end would change what lasts longer, 22023 for an unregistered permission, 55000 for a grant that can''t be overridden, and for an end at which something else than before would decide';

CREATE FUNCTION tenancy.revoke_permission(
  organization text DEFAULT NULL, level text DEFAULT NULL, role text DEFAULT NULL, resource text DEFAULT NULL, action text DEFAULT NULL,
  until timestamptz DEFAULT NULL, reason text DEFAULT NULL) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.change_grant(revoke_permission.organization, revoke_permission.level, revoke_permission.role,
    revoke_permission.resource, revoke_permission.action, false, revoke_permission.until, revoke_permission.reason);
END
$$;
COMMENT ON FUNCTION tenancy.revoke_permission(text, text, text, text, text, timestamptz, text) IS 'Takes a permission from a role of an organization (NULL: the session''s own), or overrides a built-in role there, until a moment (infinity: without an end; NULL: as before, and a new override without one), for a reason; needs team.assign_roles and the permission itself; 42501 where rights that end would change what lasts longer, 22023 for an unregistered permission, 55000 for a grant that can''t be overridden, and for an end at which something else than before would decide';

CREATE FUNCTION tenancy.set_role_visibility(
  organization text DEFAULT NULL, role text DEFAULT NULL, all_rows boolean DEFAULT NULL, workspace text DEFAULT NULL) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_organization(set_role_visibility.organization);
  the_workspace uuid := (tenancy_internal.resolve_workspace(set_role_visibility.workspace, the_organization)).workspace_id;
  the_role uuid;
BEGIN
  PERFORM tenancy_internal.require_configuration_permission(the_organization, the_workspace);
  PERFORM tenancy_internal.lock_organization(the_organization);
  the_role := tenancy_internal.find_role(the_organization, 'workspace', set_role_visibility.role);
  PERFORM tenancy_internal.require_configuration_permission(the_organization, the_workspace);
  PERFORM tenancy_internal.require_delegation(tenancy_internal.missing_for_visibility(the_organization, the_workspace, the_role),
                                     'data visibility of role "' || set_role_visibility.role || '"');
  IF tenancy_internal.is_above_visibility(the_role) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'workspace admins are above data visibility';
  END IF;
  IF set_role_visibility.all_rows IS NULL THEN
    DELETE FROM tenancy.visibility v WHERE v.role_id = the_role AND v.organization_id = the_organization
      AND v.workspace_id IS NOT DISTINCT FROM the_workspace;
  ELSE
    INSERT INTO tenancy.visibility (role_id, organization_id, workspace_id, all_rows)
    VALUES (the_role, the_organization, the_workspace, set_role_visibility.all_rows)
    ON CONFLICT (role_id, organization_id, workspace_id) DO UPDATE SET all_rows = EXCLUDED.all_rows;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.set_role_visibility(text, text, boolean, text) IS 'Makes a workspace role see all rows or only its user''s own, in an organization (NULL: the session''s own) or one of its workspaces; NULL takes its switch away, so that it follows the role member; needs the same rights as a setting';
