-- May the session do this?

CREATE FUNCTION tenancy.authorize(resource text, action text) RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_authorize';
COMMENT ON FUNCTION tenancy.authorize(text, text) IS 'Whether the session holds the permission anywhere in its organization, or (a resource of the organization itself) there; 22023 when it isn''t registered';

CREATE FUNCTION tenancy.authorize_support(internal) RETURNS internal
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_authorize_support';
COMMENT ON FUNCTION tenancy.authorize_support(internal) IS 'Planner support: authorize() over a column as a filter on it';

CREATE FUNCTION tenancy.authorize(resource text, action text, workspace uuid) RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE COST 10 SUPPORT tenancy.authorize_support
AS 'MODULE_PATHNAME', 'pg_tenancy_authorize_workspace';
COMMENT ON FUNCTION tenancy.authorize(text, text, uuid) IS 'Whether the session holds the permission in the workspace; false for one of another organization; 22023 when the permission isn''t registered';

CREATE FUNCTION tenancy.authorize(resource text, action text, workspace text) RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_authorize_reference';
COMMENT ON FUNCTION tenancy.authorize(text, text, text) IS 'Whether the session holds the permission in the workspace referred to; 42704 when its organization has no such workspace, 22023 when the permission isn''t registered';

CREATE FUNCTION tenancy.require(resource text, action text, workspace text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  -- In parentheses, since IF ends at the first THEN.
  IF NOT (CASE WHEN workspace IS NULL THEN tenancy.authorize(resource, action)
               ELSE tenancy.authorize(resource, action, workspace) END) THEN
    PERFORM tenancy.deny(resource, action, 'workspace "' || workspace || '"');
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.require(text, text, text) IS 'Raises 42501 unless the session holds the permission (28000 when it has no principal), naming who, what, where, and in the hint which roles would do';

CREATE FUNCTION tenancy.register_permission(resource text, action text, description text) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
#variable_conflict use_variable
BEGIN
  PERFORM tenancy.require_dba();
  IF (SELECT count(*) FROM tenancy.permissions) >= 1000 THEN
    RAISE EXCEPTION USING ERRCODE = 'program_limit_exceeded', MESSAGE = 'too many permissions',
      DETAIL = 'At most 1000 permissions can be registered.';
  END IF;
  IF resource IN ('logs', 'traces', 'analytics') AND action IN ('create', 'update', 'edit', 'delete') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('action "%s" cannot be registered for resource "%s"', action, resource),
      DETAIL = 'Logs, traces and analytics are append-only for every principal.';
  END IF;
  INSERT INTO tenancy.permissions (resource, action, description) VALUES (resource, action, description);
  -- Somebody must hold it, or nobody could hand it out: who holds everything else does.
  INSERT INTO tenancy.grants (role_id, resource, action)
  SELECT r.role_id, resource, action FROM tenancy.roles r
  WHERE r.organization_id IS NULL
    AND (r.level, r.name) IN (('organization', 'owner'), ('organization', 'admin'), ('workspace', 'admin'));
END
$$;
COMMENT ON FUNCTION tenancy.register_permission(text, text, text) IS 'For a DBA: adds a permission for a resource of one''s own; owners, admins and workspace admins hold it from then on; 23505 when it exists';
