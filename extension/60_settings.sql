-- Tenant settings: names for rows of grants and visibility.

-- Most organizations have no such rows; their own row, which their members' sessions read, says so. One that is marked stays so, and the mark
-- comes in the transaction that makes the rows: no snapshot has these without it.
CREATE FUNCTION tenancy_internal.mark_organization() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  UPDATE tenancy.organizations o SET has_overrides = true WHERE o.organization_id = NEW.organization_id AND NOT o.has_overrides;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.mark_organization() IS 'Trigger: sessions of the organization''s members look for its grants, visibility and settings from now on';

CREATE FUNCTION tenancy_internal.unmarked_organizations() RETURNS SETOF uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT o.organization_id FROM tenancy.organizations o
  WHERE NOT o.has_overrides AND (EXISTS (SELECT FROM tenancy.grants g WHERE g.organization_id = o.organization_id)
    OR EXISTS (SELECT FROM tenancy.visibility v WHERE v.organization_id = o.organization_id)
    OR EXISTS (SELECT FROM tenancy.workspace_overrides w WHERE w.organization_id = o.organization_id))
$$;
COMMENT ON FUNCTION tenancy_internal.unmarked_organizations() IS 'Organizations whose rows do not say that they have grants, visibility or settings of their own';

-- For rows that came without the trigger, as those of version 1.0 did.
CREATE FUNCTION tenancy_internal.mark_organizations() RETURNS void
LANGUAGE sql SET search_path = pg_catalog, tenancy, pg_temp AS $$
  UPDATE tenancy.organizations o SET has_overrides = true WHERE o.organization_id IN (SELECT tenancy_internal.unmarked_organizations())
$$;
COMMENT ON FUNCTION tenancy_internal.mark_organizations() IS 'Sessions of members of all organizations look for what these have of their own';

CREATE FUNCTION tenancy_internal.find_setting(setting text) RETURNS tenancy.setting_definitions
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_setting tenancy.setting_definitions;
BEGIN
  PERFORM tenancy_internal.check_given('setting', find_setting.setting);
  SELECT * INTO found_setting FROM tenancy.setting_definitions d WHERE d.setting = find_setting.setting;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('setting "%s" does not exist', find_setting.setting),
      HINT = coalesce('Perhaps you meant "' || (SELECT tenancy_internal.nearest(find_setting.setting, array_agg(d.setting::text))
                              FROM tenancy.setting_definitions d) || '".', 'See tenancy.setting_definitions.');
  END IF;
  RETURN found_setting;
END
$$;
COMMENT ON FUNCTION tenancy_internal.find_setting(text) IS 'The definition of a setting; 22023 with the nearest name';

CREATE FUNCTION tenancy_internal.require_configuration_permission(organization_id uuid, workspace_id uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.require_role_within_rights(NULL, 'the setting');
  IF require_configuration_permission.workspace_id IS NULL THEN
    PERFORM tenancy_internal.require_permission(require_configuration_permission.organization_id, NULL, 'organization', 'update');
  ELSE
    PERFORM tenancy_internal.require_permission(require_configuration_permission.organization_id, require_configuration_permission.workspace_id,
                                  'workspaces', 'update', true);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_configuration_permission(uuid, uuid) IS 'Raises 42501 unless the caller is a DBA, or may update the organization or (where given) the workspace';

CREATE FUNCTION tenancy_internal.require_setting_permission(
  definition tenancy.setting_definitions, organization_id uuid, workspace_id uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.require_configuration_permission(require_setting_permission.organization_id, require_setting_permission.workspace_id);
  -- Principals that a setting could restrict cannot lift it.
  PERFORM tenancy_internal.require_delegation(CASE
    WHEN (require_setting_permission.definition).resource IS NULL THEN
      tenancy_internal.missing_for_visibility(require_setting_permission.organization_id, require_setting_permission.workspace_id,
                                   (require_setting_permission.definition).role_id)
    ELSE
      tenancy_internal.missing_for_permissions(require_setting_permission.organization_id, require_setting_permission.workspace_id,
        (require_setting_permission.definition).role_id,
        (SELECT array_agg((require_setting_permission.definition).resource || '.' || action)
         FROM unnest((require_setting_permission.definition).actions) action))
    END, format('setting "%s"', (require_setting_permission.definition).setting));
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_setting_permission(tenancy.setting_definitions, uuid, uuid) IS 'Raises 42501 unless the caller is a DBA, or may update the organization or workspace and holds what the setting is about';

CREATE FUNCTION tenancy.set_setting(
  organization text DEFAULT NULL, setting text DEFAULT NULL, value boolean DEFAULT NULL, workspace text DEFAULT NULL)
RETURNS void LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  definition tenancy.setting_definitions := tenancy_internal.find_setting(set_setting.setting);
  the_organization uuid := tenancy_internal.resolve_organization(set_setting.organization);
  the_workspace uuid := (tenancy_internal.resolve_workspace(set_setting.workspace, the_organization)).workspace_id;
BEGIN
  PERFORM tenancy_internal.require_configuration_permission(the_organization, the_workspace);
  PERFORM tenancy_internal.lock_organization(the_organization);
  PERFORM tenancy_internal.require_setting_permission(definition, the_organization, the_workspace);
  IF set_setting.value IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a setting''s value cannot be NULL',
      HINT = 'Use tenancy.reset_setting() to take a value away.';
  END IF;
  IF the_workspace IS NOT NULL
     AND NOT (SELECT tenancy_internal.workspace_may_override(r.level, set_setting.value) FROM tenancy.roles r WHERE r.role_id = definition.role_id) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('setting "%s" cannot be switched off by a workspace', set_setting.setting),
      DETAIL = 'A workspace takes nothing from roles of the organization.',
      HINT = 'Set it for the organization.';
  END IF;
  IF definition.resource IS NULL THEN
    INSERT INTO tenancy.visibility (role_id, organization_id, workspace_id, all_rows)
    VALUES (definition.role_id, the_organization, the_workspace, set_setting.value)
    ON CONFLICT (role_id, organization_id, workspace_id) DO UPDATE SET all_rows = EXCLUDED.all_rows;
  ELSE
    INSERT INTO tenancy.grants (role_id, organization_id, workspace_id, resource, action, allowed)
    SELECT definition.role_id, the_organization, the_workspace, definition.resource, action, set_setting.value
    FROM unnest(definition.actions) action
    ON CONFLICT (role_id, organization_id, workspace_id, resource, action) DO UPDATE SET allowed = EXCLUDED.allowed, ends_at = NULL, reason = NULL;
  END IF;
  IF the_workspace IS NOT NULL AND NOT EXISTS (
    SELECT FROM tenancy.workspace_overrides o
    WHERE o.organization_id = the_organization AND o.category = definition.category AND o.allowed) THEN
    PERFORM tenancy_steps.notice(format('the organization does not allow workspaces to configure %s', definition.category),
      detail => 'The workspace''s setting is kept, and ignored until it does.',
      hint => 'Use tenancy.allow_workspace_overrides().');
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.set_setting(text, text, boolean, text) IS 'Sets a setting of an organization (NULL: the session''s own), or of one of its workspaces; needs organization.update, or workspaces.update there, and the permissions that the setting changes; 22023 for an unknown setting';

CREATE FUNCTION tenancy.reset_setting(organization text DEFAULT NULL, setting text DEFAULT NULL, workspace text DEFAULT NULL)
RETURNS void LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  definition tenancy.setting_definitions := tenancy_internal.find_setting(reset_setting.setting);
  the_organization uuid := tenancy_internal.resolve_organization(reset_setting.organization);
  the_workspace uuid := (tenancy_internal.resolve_workspace(reset_setting.workspace, the_organization)).workspace_id;
BEGIN
  PERFORM tenancy_internal.require_configuration_permission(the_organization, the_workspace);
  PERFORM tenancy_internal.lock_organization(the_organization);
  PERFORM tenancy_internal.require_setting_permission(definition, the_organization, the_workspace);
  DELETE FROM tenancy.visibility v
  WHERE definition.resource IS NULL AND v.role_id = definition.role_id AND v.organization_id = the_organization
    AND v.workspace_id IS NOT DISTINCT FROM the_workspace;
  DELETE FROM tenancy.grants g
  WHERE g.role_id = definition.role_id AND g.organization_id = the_organization
    AND g.workspace_id IS NOT DISTINCT FROM the_workspace
    AND g.resource = definition.resource AND g.action = ANY (definition.actions);
END
$$;
COMMENT ON FUNCTION tenancy.reset_setting(text, text, text) IS 'Takes a setting of an organization, or of one of its workspaces, away, so that the next wider one counts; needs the same rights as set_setting()';

CREATE FUNCTION tenancy.allow_workspace_overrides(
  organization text DEFAULT NULL, category text DEFAULT NULL, allowed boolean DEFAULT NULL) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  categories text[];
  the_organization uuid := tenancy_internal.resolve_changed_organization(allow_workspace_overrides.organization, 'organization', 'update');
BEGIN
  PERFORM tenancy_internal.require_permission(the_organization, NULL, 'organization', 'update');
  PERFORM tenancy_internal.check_given('category', allow_workspace_overrides.category),
          tenancy_internal.check_given('allowed', allow_workspace_overrides.allowed::text);
  -- Opening or closing a category can restore what a setting has taken away, and activate workspaces' rows for custom roles.
  PERFORM tenancy_internal.require_setting_permission(d, the_organization, NULL) FROM tenancy.setting_definitions d
  WHERE d.category = allow_workspace_overrides.category;
  PERFORM tenancy_internal.require_delegation(tenancy_internal.missing_for_permissions(the_organization, NULL, g.role_id, ARRAY[g.permission]))
  FROM (SELECT DISTINCT g.role_id, g.resource || '.' || g.action FROM tenancy.grants g
        WHERE g.organization_id = the_organization AND g.workspace_id IS NOT NULL
          AND tenancy_internal.category_of(g.resource) = allow_workspace_overrides.category) g (role_id, permission);
  PERFORM tenancy_internal.require_delegation(tenancy_internal.missing_for_visibility(the_organization, NULL, v.role_id))
  FROM (SELECT DISTINCT v.role_id FROM tenancy.visibility v
        WHERE v.organization_id = the_organization AND v.workspace_id IS NOT NULL
          AND allow_workspace_overrides.category = 'data_visibility') v;
  SELECT array_agg(DISTINCT d.category::text) INTO categories FROM tenancy.setting_definitions d;
  IF allow_workspace_overrides.category <> ALL (categories) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('category "%s" does not exist', allow_workspace_overrides.category),
      HINT = coalesce('Perhaps you meant "' || tenancy_internal.nearest(allow_workspace_overrides.category, categories) || '".',
                      format('Categories are %s.', array_to_string(categories, ', ')));
  END IF;
  INSERT INTO tenancy.workspace_overrides (organization_id, category, allowed)
  VALUES (the_organization, allow_workspace_overrides.category, allow_workspace_overrides.allowed)
  ON CONFLICT ON CONSTRAINT workspace_overrides_pkey DO UPDATE SET allowed = EXCLUDED.allowed;
END
$$;
COMMENT ON FUNCTION tenancy.allow_workspace_overrides(text, text, boolean) IS 'Lets workspaces'' own settings of a category count, or not; needs organization.update; 22023 for an unknown category';

CREATE FUNCTION tenancy_internal.setting_value(organization_id uuid, workspace_id uuid, role_id uuid, resource text, actions text[]) RETURNS boolean
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_setting_value';
COMMENT ON FUNCTION tenancy_internal.setting_value(uuid, uuid, uuid, text, text[]) IS 'What a setting comes to in a workspace or (NULL) the organization: whether the role holds all of its actions, or (without a resource) sees all rows';

CREATE FUNCTION tenancy.settings(organization text DEFAULT NULL, workspace text DEFAULT NULL)
RETURNS TABLE (category text, setting text, value boolean, source text)
LANGUAGE tenancy STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid;
  the_workspace uuid;
BEGIN
  IF tenancy_internal.has_nothing_to_list(settings.organization, 'settings') THEN
    RETURN;
  END IF;
  the_organization := tenancy_internal.resolve_organization(settings.organization);
  the_workspace := (tenancy_internal.resolve_workspace(settings.workspace, the_organization)).workspace_id;
  IF NOT tenancy.is_dba() AND NOT (CASE WHEN the_workspace IS NULL THEN tenancy.authorize('workspaces', 'view')
                                        ELSE tenancy.authorize('workspaces', 'view', the_workspace) END) THEN
    PERFORM tenancy_steps.deny('workspaces', 'view', 'workspace "' || settings.workspace || '"', the_workspace);
  END IF;
  -- The value is the effective one, from the rights; the source is the most specific row, with whether it counts.
  RETURN QUERY
  SELECT d.category::text, d.setting::text,
         tenancy_internal.setting_value(the_organization, the_workspace, d.role_id, d.resource, d.actions),
         CASE WHEN s.of_workspace AND coalesce(a.allowed, false) THEN 'workspace'
              WHEN s.of_workspace THEN 'workspace but switched off'
              WHEN s.of_organization THEN 'organization'
              ELSE 'default' END
  FROM tenancy.setting_definitions d
  JOIN tenancy.roles r ON r.role_id = d.role_id
  CROSS JOIN LATERAL (
    SELECT coalesce(bool_or(o.workspace_id IS NOT NULL), false) AS of_workspace,
           coalesce(bool_or(o.workspace_id IS NULL), false) AS of_organization
    FROM (SELECT g.workspace_id FROM tenancy.grants g
          WHERE g.role_id = d.role_id AND g.organization_id = the_organization
            AND g.resource = d.resource AND g.action = ANY (d.actions) AND (g.ends_at IS NULL OR g.ends_at > clock_timestamp())
            AND (g.workspace_id IS NULL OR g.workspace_id = the_workspace AND tenancy_internal.workspace_may_override(r.level, g.allowed))
          UNION ALL
          SELECT v.workspace_id FROM tenancy.visibility v
          WHERE d.resource IS NULL AND v.role_id = d.role_id AND v.organization_id = the_organization
            AND (v.workspace_id IS NULL OR v.workspace_id = the_workspace)) o) s
  LEFT JOIN tenancy.workspace_overrides a ON a.organization_id = the_organization AND a.category = d.category
  ORDER BY d.category, d.setting;
END
$$;
COMMENT ON FUNCTION tenancy.settings(text, text) IS 'Every setting as it counts in an organization (NULL: the session''s own), or in one of its workspaces, and where the value comes from';
