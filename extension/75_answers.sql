-- Lists of permissions and of those who hold them: the decisions of authorize().

CREATE FUNCTION tenancy.permissions()
RETURNS TABLE (workspace_id uuid, workspace text, resource text, action text, rows text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_permissions';
COMMENT ON FUNCTION tenancy.permissions() IS 'All that the session may do: per workspace, and (workspace NULL) on the organization, each permission and whether it reaches all rows or only own ones';

CREATE FUNCTION tenancy.explain_authorize(resource text, action text, workspace text DEFAULT NULL)
RETURNS TABLE (step integer, rule text, source text, result text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_explain_authorize';
COMMENT ON FUNCTION tenancy.explain_authorize(text, text, text) IS 'Why the session may or may not do it: each role, grant, override, switch and scope involved, and last the decision; 22023 when the permission isn''t registered, 42704 for an unknown workspace';

CREATE FUNCTION tenancy_internal.principals_with(organization_id uuid, workspace_id uuid, resource text, action text)
RETURNS TABLE (principal_kind text, principal_id uuid, name text, rows text, via text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_who_can';
COMMENT ON FUNCTION tenancy_internal.principals_with(uuid, uuid, text, text) IS 'Users and API keys of an organization that hold the permission in a workspace, or (NULL) anywhere';

CREATE FUNCTION tenancy.who_can(resource text, action text, workspace text DEFAULT NULL)
RETURNS TABLE (principal_kind text, principal_id uuid, name text, rows text, via text)
LANGUAGE tenancy STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_workspace tenancy.workspaces := tenancy_internal.resolve_workspace(who_can.workspace);
  the_organization uuid := coalesce(the_workspace.organization_id, tenancy_internal.resolve_organization(NULL));
  by_dba CONSTANT boolean := tenancy.is_dba();
  sees_people boolean;
  sees_groups boolean;
BEGIN
  PERFORM tenancy_internal.require_permission(the_organization, the_workspace.workspace_id, 'team', 'list', true);
  -- People as in tenancy.members, keys as in tenancy.api_keys: read once, and not for each row.
  sees_people := tenancy_internal.sees_all_members(the_organization);
  -- As in tenancy.groups: a workspace's team is not told of those of the whole organization.
  sees_groups := by_dba OR tenancy_internal.permission_reach(the_organization, NULL, 'team', 'list') = 'all';
  RETURN QUERY SELECT p.principal_kind, p.principal_id,
    CASE WHEN by_dba OR CASE p.principal_kind WHEN 'user' THEN sees_people OR p.principal_id IN (SELECT s FROM tenancy_steps.people_of_session() s)
                        ELSE p.principal_id IN (SELECT k.api_key_id FROM tenancy.api_keys k WHERE k.organization_id = the_organization
                                                AND tenancy.row_visible('api_keys', 'list', k.organization_id, k.workspace_id, k.user_id, NULL)) END THEN p.name END,
    p.rows,
    CASE WHEN sees_groups OR p.via !~ '^organization role ' THEN p.via ELSE regexp_replace(p.via, ' of group .*', ' of a group') END
  FROM tenancy_internal.principals_with(the_organization, the_workspace.workspace_id, who_can.resource, who_can.action) p;
END
$$;
COMMENT ON FUNCTION tenancy.who_can(text, text, text) IS 'Users and API keys that hold the permission in a workspace, or (NULL) anywhere in the session''s organization, how many rows it reaches, and by which role or scope; needs team.list there; the name is that of people and keys that the session may see in members and api_keys, else NULL; 22023 when the permission isn''t registered';

CREATE FUNCTION tenancy_internal.role_matrix(organization_id uuid)
RETURNS TABLE (level text, role text, resource text, action text, allowed boolean, source text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_access_matrix';
COMMENT ON FUNCTION tenancy_internal.role_matrix(uuid) IS 'The role matrix of an organization with its overrides';

CREATE FUNCTION tenancy.access_matrix(organization text DEFAULT NULL)
RETURNS TABLE (level text, role text, resource text, action text, allowed boolean, source text)
LANGUAGE tenancy STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid;
  sees_groups boolean;
  sees_own boolean;
BEGIN
  IF tenancy_internal.has_nothing_to_list(access_matrix.organization, 'roles') THEN
    RETURN;
  END IF;
  the_organization := tenancy_internal.resolve_organization(access_matrix.organization);
  -- As all of tenancy.groups
  sees_groups := tenancy.is_dba() OR tenancy_internal.permission_reach(the_organization, NULL, 'team', 'list') = 'all';
  -- As in tenancy.grants and settings(): what the organization sets for all of its workspaces
  sees_own := tenancy.is_dba() OR tenancy_internal.permission_reach(the_organization, NULL, 'workspaces', 'view') = 'all';
  RETURN QUERY SELECT m.* FROM tenancy_internal.role_matrix(the_organization) m
  WHERE CASE m.level WHEN 'group' THEN sees_groups ELSE sees_own OR m.source IS DISTINCT FROM 'organization' END;
END
$$;
COMMENT ON FUNCTION tenancy.access_matrix(text) IS 'Permissions of each role in an organization (NULL: the session''s own), and their source: a built-in grant, a row of the organization or nothing; without workspaces'' overrides; what the organization itself grants or takes for whoever has workspaces.view there. And (level group), for whoever has team.list in the organization, what each group''s roles give its members';
