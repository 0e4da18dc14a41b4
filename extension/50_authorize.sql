-- Permissions of the session.

CREATE FUNCTION tenancy_internal.authorize_support(internal) RETURNS internal
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_authorize_support';
COMMENT ON FUNCTION tenancy_internal.authorize_support(internal) IS 'Planner support: authorize() in a query of tables as a constant, and over a column as a filter on it';

CREATE FUNCTION tenancy.authorize(resource text, action text) RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE SUPPORT tenancy_internal.authorize_support AS 'MODULE_PATHNAME', 'pg_tenancy_authorize';
COMMENT ON FUNCTION tenancy.authorize(text, text) IS 'Whether the session holds the permission anywhere in its organization, or (a resource of the organization itself) there; false for NULL; 22023 when it isn''t registered';

CREATE FUNCTION tenancy.authorize(resource text, action text, workspace uuid) RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE COST 10 SUPPORT tenancy_internal.authorize_support
AS 'MODULE_PATHNAME', 'pg_tenancy_authorize_workspace';
COMMENT ON FUNCTION tenancy.authorize(text, text, uuid) IS 'Whether the session holds the permission in the workspace; false for one of another organization and for NULL; 22023 when the permission isn''t registered';

CREATE FUNCTION tenancy.authorize(resource text, action text, workspace text) RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_authorize_reference';
COMMENT ON FUNCTION tenancy.authorize(text, text, text) IS 'Whether the session holds the permission in the workspace referred to; false for NULL; 42704 when its organization has no such workspace, 22023 when the permission isn''t registered';

CREATE FUNCTION tenancy.require(resource text, action text, workspace text DEFAULT NULL) RETURNS void
LANGUAGE tenancy STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  -- In parentheses, since IF ends at the first THEN.
  IF NOT (CASE WHEN require.workspace IS NULL THEN tenancy.authorize(require.resource, require.action)
               ELSE tenancy.authorize(require.resource, require.action, require.workspace) END) THEN
    PERFORM tenancy_steps.deny(require.resource, require.action, 'workspace "' || require.workspace || '"',
                               -- Without an organization, the answer could depend on those that there are.
                               CASE WHEN tenancy.current_organization_id() IS NOT NULL
                                 THEN tenancy_internal.lookup_workspace(require.workspace, tenancy.current_organization_id()) END);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.require(text, text, text) IS 'Raises 42501 unless the session holds the permission (28000 when it has no principal), naming principal, permission and place, and in the hint the roles that have it there and the setting that withholds it';

-- Both of one principal: a sub-select is evaluated once, when its value is first needed, and between two of them a function of the
-- query could make the session somebody else.
CREATE FUNCTION tenancy_steps.organization_where(resource text, action text) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT CASE WHEN tenancy.authorize(organization_where.resource, organization_where.action) THEN tenancy.current_organization_id() END
$$;
COMMENT ON FUNCTION tenancy_steps.organization_where(text, text) IS 'The session''s organization if it holds the permission anywhere in it, else NULL; for policies of catalogs';

CREATE FUNCTION tenancy_steps.organization_with(resource text, action text) RETURNS uuid
LANGUAGE tenancy_unit STABLE SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  mine CONSTANT uuid := tenancy.current_organization_id();
BEGIN
  RETURN CASE WHEN mine IS NULL THEN NULL WHEN tenancy_internal.permission_reach(mine, NULL, organization_with.resource, organization_with.action) = 'all' THEN mine END;
END
$$;
COMMENT ON FUNCTION tenancy_steps.organization_with(text, text) IS 'The session''s organization if it holds the permission there and not only in a workspace, else NULL; for policies of catalogs about the whole of it';

-- As the functions ask that have require_permission(..., only_own => true) for the organization: its members hold it for their own workspaces.
CREATE FUNCTION tenancy_steps.organization_in_part(resource text, action text) RETURNS uuid
LANGUAGE tenancy_unit STABLE SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  mine CONSTANT uuid := tenancy.current_organization_id();
BEGIN
  RETURN CASE WHEN mine IS NULL THEN NULL
              WHEN tenancy_internal.permission_reach(mine, NULL, organization_in_part.resource, organization_in_part.action) IS NOT NULL THEN mine END;
END
$$;
COMMENT ON FUNCTION tenancy_steps.organization_in_part(text, text) IS 'The session''s organization if it holds the permission there, be it over its own alone, and not only in a workspace, else NULL; for policies of catalogs';

CREATE FUNCTION tenancy.register_permission(resource text, action text, description text, data_visibility boolean DEFAULT false)
RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  governed boolean;
BEGIN
  PERFORM tenancy_internal.require_dba();
  IF (SELECT count(*) FROM tenancy.permissions) >= 1000 THEN
    RAISE EXCEPTION USING ERRCODE = 'program_limit_exceeded', MESSAGE = 'too many permissions',
      DETAIL = 'At most 1000 permissions can be registered.';
  END IF;
  IF NOT tenancy_internal.can_be_registered(register_permission.resource, register_permission.action) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('action "%s" cannot be registered for resource "%s"', register_permission.action, register_permission.resource),
      DETAIL = 'Logs, traces and analytics are append-only for every principal.';
  END IF;
  -- Their names keep their meaning, so that they can be brought back, also by a restore.
  IF register_permission.resource = ANY (tenancy_internal.words('gateway')) AND EXISTS (SELECT FROM tenancy.chosen_vocabulary) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('resource "%s" belongs to the vocabulary "llm_gateway", which this database leaves out', register_permission.resource),
      HINT = 'Register a resource of another name, or use tenancy.use_vocabulary(''llm_gateway'').';
  END IF;
  -- A resource is governed by data visibility with all its actions or with none.
  SELECT bool_or(p.data_visibility) INTO governed FROM tenancy.permissions p WHERE p.resource = register_permission.resource;
  IF register_permission.data_visibility AND NOT governed THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('resource "%s" is registered without data visibility', register_permission.resource),
      HINT = CASE WHEN EXISTS (SELECT FROM tenancy.permissions p WHERE p.resource = register_permission.resource AND p.built_in)
                  THEN 'Register a resource of another name.' ELSE 'Use tenancy.set_data_visibility() first.' END;
  END IF;
  INSERT INTO tenancy.permissions (resource, action, description, data_visibility)
  VALUES (register_permission.resource, register_permission.action, register_permission.description,
          coalesce(governed, register_permission.data_visibility, false));
  -- Some role must hold it, or nobody could delegate it: the built-in roles that hold everything else do.
  INSERT INTO tenancy.grants (role_id, resource, action)
  SELECT r.role_id, register_permission.resource, register_permission.action FROM tenancy.roles r
  WHERE r.organization_id IS NULL AND tenancy_internal.holds_new_permissions(r.role_id, register_permission.resource);
END
$$;
COMMENT ON FUNCTION tenancy.register_permission(text, text, text, boolean) IS 'For a DBA: adds a permission for a resource of one''s own; owners and admins hold it from then on, and unless the resource is on the organization level workspace admins; with data_visibility a new resource is observability data, of which a restricted role sees its user''s own rows; 23505 when it exists';

CREATE FUNCTION tenancy.set_data_visibility(resource text, restricted boolean) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.require_dba();
  PERFORM tenancy_internal.check_resource(set_data_visibility.resource);
  IF set_data_visibility.restricted IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a resource is under data visibility or not';
  END IF;
  IF EXISTS (SELECT FROM tenancy.permissions p WHERE p.resource = set_data_visibility.resource AND p.built_in) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('data visibility of built-in resource "%s" cannot be changed', set_data_visibility.resource),
      DETAIL = 'It governs logs, traces and analytics, and no other built-in resource.';
  END IF;
  UPDATE tenancy.permissions p SET data_visibility = set_data_visibility.restricted
  WHERE p.resource = set_data_visibility.resource AND p.data_visibility <> set_data_visibility.restricted;
END
$$;
COMMENT ON FUNCTION tenancy.set_data_visibility(text, boolean) IS 'For a DBA: puts a registered resource under data visibility, as observability data is, or shares its rows with all principals that may view them; 55000 for a built-in resource';
