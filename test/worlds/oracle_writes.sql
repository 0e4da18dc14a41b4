-- Rows that a principal would write: what it inserts, and what it makes of others. A part of oracle.sql.

-- Over whose rights no setting is, where: owners and admins of the organization everywhere, a workspace's admins there; in sessions of
-- their own, since no scope of a key names this.
CREATE VIEW oracle.above_settings AS
SELECT p.n, place.workspace_id
FROM oracle.principals p
JOIN oracle.seats m ON m.user_id = p.user_id AND m.organization_id = p.organization_id AND m.workspace_id IS NULL
JOIN tenancy.roles r ON r.role_id = m.role_id AND r.organization_id IS NULL AND r.name IN ('owner', 'admin')
JOIN oracle.places place ON place.organization_id = p.organization_id
WHERE p.kind = 'user'
UNION
SELECT p.n, m.workspace_id
FROM oracle.principals p
JOIN oracle.seats m ON m.user_id = p.user_id AND m.organization_id = p.organization_id AND m.workspace_id IS NOT NULL
JOIN tenancy.roles r ON r.role_id = m.role_id AND r.organization_id IS NULL AND r.name = 'admin'
WHERE p.kind = 'user';

-- Which users may view rows of a resource in which workspace, or (NULL) on the organization level.
CREATE TABLE oracle.viewers (organization_id uuid, workspace_id uuid, user_id uuid, resource text);

-- Rows that name somebody else as owner: who reaches all rows of the place, and holds the permission for it there or, where there is
-- none, is above settings, names an active user who may view the row, and no key but one of that user's, or its own.
CREATE VIEW oracle.for_another AS
SELECT x.n, x.t, x.id, x.workspace_id
FROM oracle.seen x JOIN oracle.relations t ON t.t = x.t
WHERE x.only_n IS NOT NULL AND NOT x.of_parent AND x.owner IS NOT NULL AND x.owner IS DISTINCT FROM x.me
  AND CASE WHEN EXISTS (SELECT FROM tenancy.permissions p WHERE p.resource = t.resource AND p.action = 'attribute')
    THEN x.kind <> 'jwt' AND EXISTS (
      SELECT FROM oracle.holds h WHERE h.n = x.n AND h.resource = t.resource AND h.action = 'attribute' AND h.workspace_id IS NOT DISTINCT FROM x.workspace_id)
    ELSE EXISTS (SELECT FROM oracle.above_settings s WHERE s.n = x.n AND s.workspace_id IS NOT DISTINCT FROM x.workspace_id) END
  AND EXISTS (
    SELECT FROM oracle.viewers p JOIN tenancy.users u ON u.user_id = p.user_id AND u.active
    WHERE p.organization_id = x.organization_id AND p.workspace_id IS NOT DISTINCT FROM x.workspace_id AND p.resource = t.resource
      AND (x.workspace_type IS NULL OR x.workspace IS NOT NULL OR EXISTS (
        SELECT FROM oracle.seats m JOIN tenancy.roles r ON r.role_id = m.role_id AND m.workspace_id IS NULL AND r.organization_id IS NULL AND r.name IN ('owner', 'admin')
        WHERE m.organization_id = p.organization_id AND m.user_id = p.user_id AND NOT m.taken))
      AND x.owner = oracle.named(x.owner_type, u.user_id, oracle.id_of(u.user_id, x.organization_id))
      AND (x.api_key_type IS NULL OR x.api_key IS NULL OR coalesce(x.api_key = x.my_key, false) OR EXISTS (
        SELECT FROM tenancy.api_keys k
        WHERE k.user_id = u.user_id AND k.organization_id = x.organization_id
          AND x.api_key = oracle.named(x.api_key_type, k.api_key_id, k.external_id))));

-- May the row be what the principal inserts ("insert"), or what it makes of a row that it may update ("stay")?
-- Decision 9: organization and workspace are both looked at; an inserted row's user and key are the principal's.
CREATE VIEW oracle.writes AS
SELECT x.n, x.t, x.id, purpose.purpose,
  (x.organization_type IS NULL OR x.in_organization OR (purpose.purpose = 'stay' OR x.of_parent) AND x.by_workspace)
  AND CASE
    WHEN x.workspace_type IS NULL THEN level.rows IS NOT NULL AND (level.rows = 'all' OR x.own OR purpose.unowned AND NOT x.of_parent)
    WHEN x.workspace IS NULL AND coalesce(level.reach = 'organization', false) AND NOT x.of_organization
      AND EXISTS (SELECT FROM oracle.heads h WHERE h.n = x.n) THEN
      CASE WHEN x.organization_type IS NOT NULL THEN true END
    WHEN x.workspace IS NULL THEN false
    ELSE organization.rows IS NOT NULL
      OR workspace.rows IS NOT NULL AND (workspace.rows = 'all' OR x.own OR purpose.unowned AND NOT x.of_parent)
  END
  AND (another.id IS NOT NULL AND purpose.purpose = 'insert' AND coalesce(
      CASE WHEN x.workspace_type IS NULL OR x.workspace IS NULL THEN level.rows ELSE least(organization.rows, workspace.rows) END = 'all', false)
  OR CASE
    WHEN purpose.purpose = 'stay' OR x.of_parent OR x.owner_type IS NULL THEN true
    WHEN x.user_id IS NULL THEN x.owner IS NULL
    WHEN x.owner IS NOT NULL THEN coalesce(x.owner = x.me, false)
    WHEN x.me IS NOT NULL AND x.kind = 'user' THEN false
  END
  AND CASE
    WHEN purpose.purpose = 'stay' OR x.of_parent OR x.api_key_type IS NULL THEN true
    WHEN x.api_key_id IS NULL THEN x.api_key IS NULL
    WHEN x.api_key IS NOT NULL THEN coalesce(x.api_key = x.my_key, false)
    WHEN x.my_key IS NOT NULL THEN false
  END) AS answer
FROM oracle.seen x
-- unowned: whether a principal that is restricted to own rows may write a row of no owner
CROSS JOIN (VALUES ('insert', 'insert', true), ('stay', 'update', false)) purpose (purpose, needs, unowned)
LEFT JOIN oracle.for_another another ON another.n = x.n AND another.t = x.t AND another.id = x.id
LEFT JOIN oracle.reach level ON level.n = x.n AND level.t = x.t AND level.purpose = purpose.needs AND level.workspace_id IS NULL
LEFT JOIN oracle.reach organization ON organization.n = x.n AND organization.t = x.t AND organization.purpose = purpose.needs
  AND organization.reach = 'organization' AND organization.workspace_id = x.workspace_id
LEFT JOIN oracle.reach workspace ON workspace.n = x.n AND workspace.t = x.t AND workspace.purpose = purpose.needs
  AND workspace.reach = 'workspace' AND workspace.workspace_id = x.workspace_id
WHERE purpose.purpose = 'stay' OR x.only_n IS NOT NULL;
