-- Roles: their permissions and the rows that they show, in each place. A part of oracle.sql.

-- Where a permission can be held: in an organization as such (workspace NULL), in a workspace.
CREATE VIEW oracle.places AS
SELECT organization_id, NULL::uuid AS workspace_id FROM tenancy.organizations
UNION ALL
SELECT organization_id, workspace_id FROM tenancy.workspaces;

-- Overrides that count: decision 4.
-- A workspace takes nothing from roles of the organization (decision 17).
CREATE VIEW oracle.overrides AS
SELECT g.role_id, g.organization_id, g.workspace_id, g.resource, g.action, g.allowed
FROM tenancy.grants g JOIN tenancy.roles r ON r.role_id = g.role_id
WHERE g.organization_id IS NOT NULL
  AND NOT (r.organization_id IS NULL AND r.level = 'organization' AND r.name = 'owner')
  AND NOT (r.organization_id IS NULL AND r.level = 'workspace' AND r.name = 'admin')
  AND (NOT (r.organization_id IS NULL AND r.level = 'organization' AND r.name = 'admin')
       OR g.resource = 'logs' AND g.action IN ('view', 'list'))
  AND (g.workspace_id IS NULL
       OR EXISTS (SELECT FROM tenancy.workspace_overrides o
                  WHERE o.organization_id = g.organization_id AND o.category = g.resource AND o.allowed))
  AND (g.workspace_id IS NULL OR r.level = 'workspace' OR g.allowed)
  AND (g.ends_at IS NULL OR g.ends_at > now());

-- Resources of the organization itself: in no workspace is anything held by them, and no row shown, whatever is granted.
CREATE FUNCTION oracle.of_organization(resource text, action text DEFAULT NULL) RETURNS boolean IMMUTABLE LANGUAGE sql AS $$
  SELECT resource IN ('organization', 'billing', 'audit_logs') OR resource = 'team' AND action IS NOT DISTINCT FROM 'sync_groups'
$$;

-- Observability data alone is under data visibility: logs, traces and analytics, and what is registered as such.
CREATE VIEW oracle.governed AS
SELECT p.resource, p.action FROM tenancy.permissions p
WHERE p.resource IN ('logs', 'traces', 'analytics') OR NOT p.built_in AND p.data_visibility;

-- The permissions of a role in a place: the workspace's row, otherwise the organization's, otherwise the built-in one (decision
-- 5).
CREATE VIEW oracle.role_grants AS
SELECT r.role_id, place.organization_id, place.workspace_id, p.resource, p.action
FROM oracle.places place
JOIN tenancy.roles r ON r.organization_id IS NULL OR r.organization_id = place.organization_id
CROSS JOIN tenancy.permissions p
LEFT JOIN tenancy.grants built_in
  ON built_in.role_id = r.role_id AND built_in.organization_id IS NULL
  AND built_in.resource = p.resource AND built_in.action = p.action
LEFT JOIN oracle.overrides organization
  ON organization.role_id = r.role_id AND organization.resource = p.resource AND organization.action = p.action
  AND organization.organization_id = place.organization_id AND organization.workspace_id IS NULL
LEFT JOIN oracle.overrides workspace
  ON workspace.role_id = r.role_id AND workspace.resource = p.resource AND workspace.action = p.action
  AND workspace.workspace_id = place.workspace_id
WHERE coalesce(workspace.allowed, organization.allowed, built_in.allowed, false)
  AND (place.workspace_id IS NULL OR NOT oracle.of_organization(p.resource, p.action));

-- Visibility switches that count, with the name of their role if it is built in.
CREATE VIEW oracle.switches AS
SELECT v.role_id, v.organization_id, v.workspace_id, v.all_rows, r.organization_id IS NULL AND r.name = 'member' AS of_member
FROM tenancy.visibility v JOIN tenancy.roles r ON r.role_id = v.role_id
WHERE v.workspace_id IS NULL
   OR EXISTS (SELECT FROM tenancy.workspace_overrides o
              WHERE o.organization_id = v.organization_id AND o.category = 'data_visibility' AND o.allowed);

-- Whether a role that grants shows all rows of a place, or its user's own (decisions 2, 3 and 5).
CREATE VIEW oracle.role_rows AS
SELECT r.role_id, place.organization_id, place.workspace_id,
  CASE WHEN CASE
    WHEN r.all_workspaces THEN true
    WHEN r.level = 'organization' THEN
      coalesce((SELECT s.all_rows FROM oracle.switches s
                WHERE s.of_member AND s.organization_id = place.organization_id AND s.workspace_id IS NULL), true)
    WHEN r.organization_id IS NULL AND r.name = 'admin' THEN true
    ELSE
      coalesce((SELECT s.all_rows FROM oracle.switches s
                WHERE s.role_id = r.role_id AND s.workspace_id = place.workspace_id),
               (SELECT s.all_rows FROM oracle.switches s
                WHERE s.role_id = r.role_id AND s.organization_id = place.organization_id AND s.workspace_id IS NULL),
               (SELECT s.all_rows FROM oracle.switches s
                WHERE s.of_member AND r.organization_id IS NOT NULL AND s.workspace_id = place.workspace_id),
               (SELECT s.all_rows FROM oracle.switches s
                WHERE s.of_member AND r.organization_id IS NOT NULL
                  AND s.organization_id = place.organization_id AND s.workspace_id IS NULL),
               true)
    END THEN 'all' ELSE 'own' END AS rows
FROM oracle.places place
JOIN tenancy.roles r ON r.organization_id IS NULL OR r.organization_id = place.organization_id;
