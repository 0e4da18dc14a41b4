-- Settings: names for rows of grants and visibility.

CREATE FUNCTION tenancy.find_setting(setting text) RETURNS tenancy.setting_definitions
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_setting tenancy.setting_definitions;
BEGIN
  SELECT * INTO found_setting FROM tenancy.setting_definitions d WHERE d.setting = find_setting.setting;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('setting "%s" does not exist', setting),
      HINT = coalesce('Perhaps you meant "' || (SELECT tenancy.nearest(find_setting.setting, array_agg(d.setting::text))
                              FROM tenancy.setting_definitions d) || '".', 'See tenancy.setting_definitions.');
  END IF;
  RETURN found_setting;
END
$$;
COMMENT ON FUNCTION tenancy.find_setting(text) IS 'The definition of a setting; 22023 with the nearest name';
REVOKE ALL ON FUNCTION tenancy.find_setting(text) FROM PUBLIC;

CREATE FUNCTION tenancy.require_setting_right(
  definition tenancy.setting_definitions, organization_id uuid, workspace_id uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_variable
DECLARE
  held boolean;
BEGIN
  IF tenancy.is_dba() THEN
    RETURN;
  END IF;
  IF workspace_id IS NULL THEN
    PERFORM tenancy.require_right(organization_id, NULL, 'organization', 'update');
  ELSE
    PERFORM tenancy.require_right(organization_id, workspace_id, 'workspaces', 'update', true);
  END IF;
  -- Whoever a setting could restrict can't lift it; without actions, it is about seeing all rows of any resource.
  SELECT bool_and(CASE WHEN workspace_id IS NULL THEN tenancy.holds_everywhere(organization_id, p.resource, p.action)
                       ELSE coalesce(tenancy.holds(organization_id, workspace_id, p.resource, p.action) = 'all', false) END) INTO held
  FROM (SELECT definition.resource, action FROM unnest(definition.actions) action
        UNION ALL SELECT 'workspaces', 'view' WHERE definition.resource IS NULL) p (resource, action);
  IF NOT held THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied: setting "%s" gives more than the session has', definition.setting),
      DETAIL = 'Nobody can hand out, or take away, rights that they do not hold themselves.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.require_setting_right(tenancy.setting_definitions, uuid, uuid) IS 'Raises 42501 unless the caller is a DBA, or may update the organization or workspace and holds what the setting is about';
REVOKE ALL ON FUNCTION tenancy.require_setting_right(tenancy.setting_definitions, uuid, uuid) FROM PUBLIC;

CREATE FUNCTION tenancy.set_setting(organization text, setting text, value boolean, workspace text DEFAULT NULL)
RETURNS void LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  definition tenancy.setting_definitions := tenancy.find_setting(setting);
  the_organization uuid := tenancy.own_organization(organization);
  the_workspace uuid := (tenancy.own_workspace(workspace, the_organization)).workspace_id;
BEGIN
  PERFORM tenancy.require_setting_right(definition, the_organization, the_workspace);
  IF value IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a setting''s value cannot be NULL',
      HINT = 'Use tenancy.reset_setting() to take a value away.';
  END IF;
  IF definition.resource IS NULL THEN
    INSERT INTO tenancy.visibility (role_id, organization_id, workspace_id, all_rows)
    VALUES (definition.role_id, the_organization, the_workspace, value)
    ON CONFLICT (role_id, organization_id, workspace_id) DO UPDATE SET all_rows = EXCLUDED.all_rows;
  ELSE
    INSERT INTO tenancy.grants (role_id, organization_id, workspace_id, resource, action, allowed)
    SELECT definition.role_id, the_organization, the_workspace, definition.resource, action, value
    FROM unnest(definition.actions) action
    ON CONFLICT (role_id, organization_id, workspace_id, resource, action) DO UPDATE SET allowed = EXCLUDED.allowed;
  END IF;
  IF the_workspace IS NOT NULL AND NOT EXISTS (
    SELECT FROM tenancy.workspace_overrides o
    WHERE o.organization_id = the_organization AND o.category = definition.category AND o.allowed) THEN
    RAISE NOTICE USING MESSAGE = format('the organization does not allow workspaces to configure %s', definition.category),
      DETAIL = 'The workspace''s setting is kept, and ignored until it does.',
      HINT = 'Use tenancy.allow_workspace_overrides().';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.set_setting(text, text, boolean, text) IS 'Sets a setting of an organization (NULL: the session''s own), or of one of its workspaces; needs organization.update, or workspaces.update there, and what the setting is about; 22023 for an unknown setting';

CREATE FUNCTION tenancy.reset_setting(organization text, setting text, workspace text DEFAULT NULL)
RETURNS void LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  definition tenancy.setting_definitions := tenancy.find_setting(setting);
  the_organization uuid := tenancy.own_organization(organization);
  the_workspace uuid := (tenancy.own_workspace(workspace, the_organization)).workspace_id;
BEGIN
  PERFORM tenancy.require_setting_right(definition, the_organization, the_workspace);
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

CREATE FUNCTION tenancy.allow_workspace_overrides(organization text, category text, allowed boolean) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  categories text[];
  the_organization uuid := tenancy.own_organization(organization);
BEGIN
  PERFORM tenancy.require_right(the_organization, NULL, 'organization', 'update');
  -- Opening or closing a category can bring back what a setting has taken away.
  PERFORM tenancy.require_setting_right(d, the_organization, NULL) FROM tenancy.setting_definitions d
  WHERE d.category = allow_workspace_overrides.category;
  SELECT array_agg(DISTINCT d.category::text) INTO categories FROM tenancy.setting_definitions d;
  IF category IS NULL OR category <> ALL (categories) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('category "%s" does not exist', category),
      HINT = coalesce('Perhaps you meant "' || tenancy.nearest(category, categories) || '".',
                      format('Categories are %s.', array_to_string(categories, ', ')));
  END IF;
  INSERT INTO tenancy.workspace_overrides (organization_id, category, allowed)
  VALUES (the_organization, category, allowed)
  ON CONFLICT ON CONSTRAINT workspace_overrides_pkey DO UPDATE SET allowed = EXCLUDED.allowed;
END
$$;
COMMENT ON FUNCTION tenancy.allow_workspace_overrides(text, text, boolean) IS 'Lets workspaces'' own settings of a category count, or not; needs organization.update; 22023 for an unknown category';

CREATE FUNCTION tenancy.settings(organization text, workspace text DEFAULT NULL)
RETURNS TABLE (category text, setting text, value boolean, source text)
LANGUAGE tenancy STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_column
DECLARE
  the_organization uuid := tenancy.own_organization(organization);
  the_workspace uuid := (tenancy.own_workspace(workspace, the_organization)).workspace_id;
BEGIN
  IF NOT tenancy.is_dba() AND NOT (CASE WHEN the_workspace IS NULL THEN tenancy.authorize('workspaces', 'view')
                                        ELSE tenancy.authorize('workspaces', 'view', the_workspace) END) THEN
    PERFORM tenancy.deny('workspaces', 'view', 'workspace "' || workspace || '"');
  END IF;
  RETURN QUERY
  WITH parts AS (
    -- A setting is what all of its grants, or its one switch, come to on each level.
    SELECT d.setting, g.allowed IS NOT NULL AS born, o.allowed AS of_organization, w.allowed AS of_workspace
    FROM tenancy.setting_definitions d CROSS JOIN unnest(d.actions) part (action)
    LEFT JOIN tenancy.grants g ON g.role_id = d.role_id AND g.organization_id IS NULL
      AND g.resource = d.resource AND g.action = part.action
    LEFT JOIN tenancy.grants o ON o.role_id = d.role_id AND o.organization_id = the_organization AND o.workspace_id IS NULL
      AND o.resource = d.resource AND o.action = part.action
    LEFT JOIN tenancy.grants w ON w.role_id = d.role_id AND w.organization_id = the_organization AND w.workspace_id = the_workspace
      AND w.resource = d.resource AND w.action = part.action
    UNION ALL
    SELECT d.setting, true, o.all_rows, w.all_rows
    FROM tenancy.setting_definitions d
    LEFT JOIN tenancy.visibility o ON o.role_id = d.role_id AND o.organization_id = the_organization AND o.workspace_id IS NULL
    LEFT JOIN tenancy.visibility w ON w.role_id = d.role_id AND w.organization_id = the_organization AND w.workspace_id = the_workspace
    WHERE d.resource IS NULL
  ), settings AS (
    SELECT p.setting, bool_and(p.born) AS born,
           CASE WHEN count(p.of_organization) > 0 THEN bool_and(coalesce(p.of_organization, p.born)) END AS of_organization,
           CASE WHEN count(p.of_workspace) > 0 THEN bool_and(coalesce(p.of_workspace, p.of_organization, p.born)) END AS of_workspace
    FROM parts p GROUP BY p.setting
  )
  SELECT d.category::text, d.setting::text,
         CASE WHEN s.of_workspace IS NOT NULL AND coalesce(a.allowed, false) THEN s.of_workspace
              ELSE coalesce(s.of_organization, s.born) END,
         CASE WHEN s.of_workspace IS NOT NULL AND coalesce(a.allowed, false) THEN 'workspace'
              WHEN s.of_workspace IS NOT NULL THEN 'workspace but switched off'
              WHEN s.of_organization IS NOT NULL THEN 'organization'
              ELSE 'default' END
  FROM tenancy.setting_definitions d
  JOIN settings s ON s.setting = d.setting
  LEFT JOIN tenancy.workspace_overrides a ON a.organization_id = the_organization AND a.category = d.category
  ORDER BY d.category, d.setting;
END
$$;
COMMENT ON FUNCTION tenancy.settings(text, text) IS 'Every setting as it counts in an organization (NULL: the session''s own), or in one of its workspaces, and where the value comes from';
