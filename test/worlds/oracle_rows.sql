-- Rows: whose they are, and who may read, update and delete them. A part of oracle.sql.

-- Which actions, any of them, a purpose needs on a table (decisions 9 and 10).
CREATE VIEW oracle.needs AS
SELECT t.t, purpose.purpose, p.resource, p.action
FROM oracle.relations t
CROSS JOIN (VALUES ('read'), ('insert'), ('update'), ('delete')) purpose (purpose)
JOIN tenancy.permissions p ON p.resource = t.resource
WHERE CASE purpose.purpose
  WHEN 'read' THEN
    p.action = 'view'
    OR p.action = 'list' AND t.payload = '{}'
    OR p.action = 'list' AND NOT EXISTS (SELECT FROM tenancy.permissions v WHERE v.resource = t.resource AND v.action = 'view')
  WHEN 'insert' THEN
    p.action = 'write' OR p.action = 'create' AND t.resource NOT IN ('logs', 'traces', 'analytics')
  WHEN 'update' THEN
    p.action IN ('update', 'edit') AND t.resource NOT IN ('logs', 'traces', 'analytics')
  WHEN 'delete' THEN
    p.action = 'delete' AND t.resource NOT IN ('logs', 'traces', 'analytics')
  END;

CREATE TABLE oracle.reach (
  n int NOT NULL,
  t int NOT NULL,
  purpose text NOT NULL,
  reach text NOT NULL,
  workspace_id uuid,
  rows text NOT NULL
);

CREATE VIEW oracle.principal_reach AS
SELECT h.n, a.t, a.purpose, h.reach, h.workspace_id, min(h.rows) AS rows
FROM oracle.holds h JOIN oracle.needs a ON a.resource = h.resource AND a.action = h.action
GROUP BY h.n, a.t, a.purpose, h.reach, h.workspace_id;

-- Reach over the whole organization: in every place of it, in some, in none.
CREATE VIEW oracle.extent AS
SELECT p.n, t.t, purpose.purpose,
  CASE count(r.n) WHEN 0 THEN 'none' WHEN count(*) THEN 'every' ELSE 'some' END AS extent
FROM oracle.principals p
CROSS JOIN oracle.relations t
CROSS JOIN (VALUES ('read'), ('update'), ('delete')) purpose (purpose)
LEFT JOIN oracle.places place ON place.organization_id = p.organization_id
LEFT JOIN oracle.reach r ON r.n = p.n AND r.t = t.t AND r.purpose = purpose.purpose AND r.reach = 'organization'
  AND r.workspace_id IS NOT DISTINCT FROM place.workspace_id
GROUP BY p.n, t.t, purpose.purpose;

-- The tenant columns of a row, compared with a principal.
CREATE VIEW oracle.seen_rows AS
SELECT p.n, p.kind, p.organization_id, p.user_id, p.api_key_id, x.t, x.id, x.only_n, x.workspace, x.owner, x.api_key,
  t.organization_type, t.workspace_type, t.owner_type, t.api_key_type, t.partition_key,
  oracle.of_organization(t.resource) AS of_organization,
  -- it names the principal's organization
  coalesce(x.organization = oracle.named(t.organization_type, o.organization_id, o.external_id), false) AS in_organization,
  -- it names this workspace of the principal's organization
  w.workspace_id,
  -- it is for everybody, or its workspace alone says whose it is
  t.shared AND x.organization IS NULL AND x.workspace IS NULL AS for_everybody,
  t.workspace_decides AND x.organization IS NULL AND x.workspace IS NOT NULL AS by_workspace,
  t.parent IS NOT NULL AS of_parent,
  -- what would name the principal's user and key
  oracle.named(t.owner_type, u.user_id, oracle.id_of(u.user_id, p.organization_id)) AS me,
  oracle.named(t.api_key_type, k.api_key_id, k.external_id) AS my_key,
  -- it is the user's own (decision 12)
  CASE
    WHEN t.owner_type IS NOT NULL THEN coalesce(x.owner = oracle.named(t.owner_type, u.user_id, oracle.id_of(u.user_id, p.organization_id)), false)
    WHEN t.api_key_type IS NOT NULL THEN EXISTS (
      SELECT FROM tenancy.api_keys mine
      WHERE mine.user_id = p.user_id AND mine.organization_id = p.organization_id
        AND x.api_key = oracle.named(t.api_key_type, mine.api_key_id, mine.external_id))
    ELSE false
  END AS own
FROM oracle.principals p
CROSS JOIN oracle.rows x
JOIN oracle.relations t ON t.t = x.t
LEFT JOIN tenancy.organizations o ON o.organization_id = p.organization_id
LEFT JOIN tenancy.users u ON u.user_id = p.user_id
LEFT JOIN tenancy.api_keys k ON k.api_key_id = p.api_key_id
LEFT JOIN tenancy.workspaces w ON w.organization_id = p.organization_id
  AND x.workspace = oracle.named(t.workspace_type, w.workspace_id, w.external_id)
WHERE x.only_n IS NULL OR x.only_n = p.n;

CREATE TABLE oracle.seen (LIKE oracle.seen_rows);

-- Roles that see rows with a NULL workspace: owners, admins, organization service keys (decision 2).
CREATE VIEW oracle.heads AS
SELECT p.n FROM oracle.principals p
WHERE p.kind = 'organization_service_key'
   OR p.kind = 'user' AND EXISTS (
     SELECT FROM oracle.seats m JOIN tenancy.roles r ON r.role_id = m.role_id
     WHERE m.user_id = p.user_id AND m.organization_id = p.organization_id AND m.workspace_id IS NULL
       AND r.organization_id IS NULL AND r.name IN ('owner', 'admin'));

-- Rows that are kept. Of an organization's and a workspace's setting, the stricter one counts. A row past its days is seen by nobody but, under a
-- legal hold, by the organization's owners in their own sessions; the job removes it unless it is under a hold. Without content, rows of
-- kind payloads are not stored at all, and others without the columns that hold it.
CREATE FUNCTION oracle.settings_for(setting text, organization uuid, workspace uuid) RETURNS text[] STABLE LANGUAGE sql AS $$
  SELECT coalesce(array_agg(s.value), '{}') FROM tenancy.logging_settings s
  WHERE s.setting = settings_for.setting AND s.organization_id = settings_for.organization AND (s.workspace_id IS NULL OR s.workspace_id = settings_for.workspace)
$$;

CREATE VIEW oracle.expired AS
SELECT x.t, x.id, x.organization::uuid AS organization_id, oracle.settings_for('legal_hold', x.organization::uuid, x.workspace::uuid) <> '{}' AS held
FROM oracle.rows x JOIN oracle.relations t ON t.t = x.t AND t.kept IS NOT NULL
WHERE x.only_n IS NULL
  AND x.received < now() - interval '1 day' * (SELECT min(d::int) FROM unnest(oracle.settings_for('retention_days.' || t.kept, x.organization::uuid, x.workspace::uuid)) d);

CREATE FUNCTION oracle.stored(kind text, organization uuid, workspace uuid) RETURNS text STABLE LANGUAGE sql AS $$
  SELECT CASE WHEN s @> '{none}' AND stored.kind = 'payloads' THEN 'nothing' WHEN s && '{none,metadata}' THEN 'metadata' ELSE 'content' END
  FROM oracle.settings_for('store_content', stored.organization, stored.workspace) s
$$;

CREATE VIEW oracle.hidden AS
SELECT p.n, e.t, e.id
FROM oracle.expired e CROSS JOIN oracle.principals p
WHERE NOT (e.held AND p.kind = 'user' AND EXISTS (
  SELECT FROM oracle.members m JOIN tenancy.roles r ON r.role_id = m.role_id AND r.organization_id IS NULL AND r.name = 'owner'
  WHERE m.organization_id = e.organization_id AND m.user_id = p.user_id));

CREATE TABLE oracle.answers (
  n int NOT NULL,
  t int NOT NULL,
  id int NOT NULL,
  purpose text NOT NULL,
  answer boolean
);

-- May the principal read, update, delete the row as it is?
CREATE VIEW oracle.access AS
SELECT x.n, x.t, x.id, e.purpose,
  CASE
    WHEN e.purpose = 'read' AND EXISTS (SELECT FROM oracle.hidden h WHERE h.n = x.n AND h.t = x.t AND h.id = x.id) THEN false
    -- for everybody who may read the resource anywhere
    WHEN e.purpose = 'read' AND x.for_everybody AND EXISTS (
      SELECT FROM oracle.reach r WHERE r.n = x.n AND r.t = x.t AND r.purpose = 'read') THEN true
    -- on the organization level
    WHEN x.workspace_type IS NULL THEN x.in_organization AND level.rows IS NOT NULL AND (level.rows = 'all' OR x.own)
    -- the organization's own rows
    WHEN x.workspace IS NULL THEN x.in_organization AND coalesce(level.reach = 'organization', false) AND NOT x.of_organization
      AND EXISTS (SELECT FROM oracle.heads h WHERE h.n = x.n)
    -- only the workspace is named
    WHEN x.organization_type IS NULL OR x.by_workspace THEN reached.over_organization OR reached.in_workspace
    -- both are named (decision 8), and agree
    WHEN x.in_organization AND x.workspace_id IS NOT NULL THEN reached.over_organization OR reached.in_workspace
    -- the organization, and a workspace that isn't one of its own
    WHEN x.in_organization THEN CASE e.extent WHEN 'every' THEN true WHEN 'none' THEN false END
    -- the workspace, but not the organization
    WHEN x.partition_key = 'organization' THEN false
    WHEN reached.in_workspace THEN CASE e.extent WHEN 'none' THEN true END
    WHEN reached.over_organization THEN CASE e.extent WHEN 'every' THEN false END
    ELSE false
  END AS answer
FROM oracle.seen x
JOIN oracle.extent e ON e.n = x.n AND e.t = x.t
LEFT JOIN oracle.reach level ON level.n = x.n AND level.t = x.t AND level.purpose = e.purpose AND level.workspace_id IS NULL
LEFT JOIN oracle.reach organization ON organization.n = x.n AND organization.t = x.t AND organization.purpose = e.purpose
  AND organization.reach = 'organization' AND organization.workspace_id = x.workspace_id
LEFT JOIN oracle.reach workspace ON workspace.n = x.n AND workspace.t = x.t AND workspace.purpose = e.purpose
  AND workspace.reach = 'workspace' AND workspace.workspace_id = x.workspace_id
CROSS JOIN LATERAL (SELECT
  organization.rows IS NOT NULL AS over_organization,
  workspace.rows IS NOT NULL AND (workspace.rows = 'all' OR x.own) AS in_workspace) reached;
