-- Principals: what they hold, where, and by what reach. A part of oracle.sql.
--   organization: over the whole organization and all its workspaces
--   membership:   an organization role without that reach, on the organization level only
--   workspace:    in this workspace

-- Current members: a membership that has ended is none, and takes along all that the user has there.
CREATE VIEW oracle.members AS
SELECT m.* FROM tenancy.organization_members m WHERE m.ends_at IS NULL OR m.ends_at > now();

-- The roles that a user has, its own and its groups', in the organization (workspace NULL) or a workspace.
CREATE VIEW oracle.lasting_seats AS
SELECT m.user_id, m.organization_id, s.workspace_id, s.role_id
FROM oracle.members m JOIN (
  SELECT user_id, organization_id, NULL::uuid AS workspace_id, role_id, ends_at FROM tenancy.organization_members
  UNION
  SELECT user_id, organization_id, workspace_id, role_id, ends_at FROM tenancy.workspace_members
  UNION
  SELECT g.user_id, g.organization_id, r.workspace_id, r.role_id, least(g.ends_at, r.ends_at)
  FROM tenancy.group_members g JOIN tenancy.group_roles r ON r.group_id = g.group_id) s
  ON s.user_id = m.user_id AND s.organization_id = m.organization_id
WHERE s.ends_at IS NULL OR s.ends_at > now();

-- And those that it has taken for a time, as long as their rule is about it: in its own sessions, and not for its keys.
CREATE VIEW oracle.seats AS
SELECT s.*, false AS taken FROM oracle.lasting_seats s
UNION ALL
SELECT e.user_id, e.organization_id, e.workspace_id, e.role_id, true
FROM tenancy.elevations e JOIN tenancy.elevation_rules r ON r.rule_id = e.rule_id AND r.role_id = e.role_id
JOIN oracle.members m ON m.user_id = e.user_id AND m.organization_id = e.organization_id
WHERE e.ends_at > now()
  AND (r.user_id = e.user_id
    OR EXISTS (SELECT FROM oracle.lasting_seats s WHERE s.user_id = e.user_id AND s.organization_id = e.organization_id AND s.role_id = r.subject_role_id
                 AND (s.workspace_id IS NULL OR s.workspace_id = e.workspace_id))
    OR EXISTS (SELECT FROM tenancy.group_members g WHERE g.group_id = r.group_id AND g.user_id = e.user_id AND (g.ends_at IS NULL OR g.ends_at > now())));

CREATE VIEW oracle.user_roles AS
SELECT s.user_id, s.organization_id, NULL::uuid AS workspace_id, r.role_id,
       CASE WHEN r.all_workspaces THEN 'organization' ELSE 'membership' END AS reach, s.taken
FROM oracle.seats s JOIN tenancy.roles r ON r.role_id = s.role_id WHERE s.workspace_id IS NULL
UNION ALL
SELECT s.user_id, s.organization_id, w.workspace_id, r.role_id, 'organization', s.taken
FROM oracle.seats s JOIN tenancy.roles r ON r.role_id = s.role_id AND r.all_workspaces
JOIN tenancy.workspaces w ON w.organization_id = s.organization_id WHERE s.workspace_id IS NULL
UNION ALL
SELECT s.user_id, s.organization_id, s.workspace_id, s.role_id, 'workspace', s.taken
FROM oracle.seats s WHERE s.workspace_id IS NOT NULL;

-- Visibility goes with the role that grants (decision 1): here by role, taken together where it is asked.
CREATE VIEW oracle.user_holds AS
SELECT u.user_id, u.organization_id, u.workspace_id, u.reach, g.resource, g.action,
  CASE
    -- what the workspace role member may do with API keys, it may do with its user's own (decision 16)
    WHEN g.resource = 'api_keys' AND r.organization_id IS NULL AND r.level = 'workspace' AND r.name = 'member' THEN 'own'
    WHEN (g.resource, g.action) IN (SELECT o.resource, o.action FROM oracle.governed o) THEN v.rows
    ELSE 'all'
  END AS rows, u.taken
FROM oracle.user_roles u
JOIN tenancy.roles r ON r.role_id = u.role_id
JOIN oracle.role_grants g ON g.role_id = u.role_id AND g.organization_id = u.organization_id
  AND g.workspace_id IS NOT DISTINCT FROM u.workspace_id
JOIN oracle.role_rows v ON v.role_id = u.role_id AND v.organization_id = u.organization_id
  AND v.workspace_id IS NOT DISTINCT FROM u.workspace_id;

CREATE VIEW oracle.key_scopes AS
SELECT s.api_key_id, s.resource, s.action FROM tenancy.api_key_scopes s
UNION
SELECT k.api_key_id, p.resource, p.action FROM tenancy.api_keys k CROSS JOIN tenancy.permissions p WHERE k.all_scopes AND p.action <> 'attribute';

-- Single scopes in the words of gateways, where no permission has that name. What a completion leaves behind may be written by who
-- may write completions.
CREATE VIEW oracle.words AS
SELECT word, resource, action FROM (VALUES
  ('completions.write', '{completions,logs,traces,analytics}'::text[], '{write}'::text[]), ('completions.enabled', '{completions,logs,traces,analytics}', '{write}'),
  ('metrics.enabled', '{analytics}', '{view,filter,group}'),
  ('users.read', '{team}', '{list,view,copy}'), ('users.write', '{team}', '{list,view,copy,create,update,edit,duplicate,publish,add_users,assign_roles}'),
  ('users.delete', '{team}', '{list,view,copy,create,update,edit,duplicate,publish,add_users,assign_roles,delete}')) v (word, resources, actions), unnest(v.resources) resource, unnest(v.actions) action
UNION ALL
SELECT feature || '.' || v.level, feature, action
FROM unnest('{prompts,configs,guardrails,integrations,providers,models}'::text[]) feature,
     (VALUES ('read', '{list,view,copy}'::text[]), ('write', '{list,view,copy,create,update,edit,duplicate,publish}')) v (level, actions), unnest(v.actions) action;

-- A text with blanks or a list, each scope with or without "portkey." in front.
CREATE VIEW oracle.token_scopes AS
WITH claims AS (SELECT token, value FROM oracle.tokens, jsonb_each(claims) WHERE key IN ('scope', 'scopes')),
words AS (SELECT token, regexp_split_to_table(value #>> '{}', ' +') AS word FROM claims WHERE jsonb_typeof(value) = 'string'
          UNION ALL SELECT token, jsonb_array_elements_text(value) FROM claims WHERE jsonb_typeof(value) = 'array')
SELECT DISTINCT w.token, p.resource, p.action
FROM words w JOIN tenancy.permissions p ON p.action <> 'attribute' AND (w.word IN (p.resource || '.' || p.action, 'portkey.' || p.resource || '.' || p.action)
  OR EXISTS (SELECT FROM oracle.words o WHERE w.word IN (o.word, 'portkey.' || o.word) AND o.resource = p.resource AND o.action = p.action));

CREATE VIEW oracle.principal_holds AS
WITH user_holds AS MATERIALIZED (SELECT * FROM oracle.user_holds)
SELECT p.n, h.reach, h.workspace_id, h.resource, h.action, h.rows
FROM oracle.principals p
JOIN user_holds h ON h.user_id = p.user_id AND h.organization_id = p.organization_id
WHERE p.kind = 'user'
UNION ALL
SELECT p.n, 'organization', place.workspace_id, s.resource, s.action, 'all'
FROM oracle.principals p
JOIN oracle.key_scopes s ON s.api_key_id = p.api_key_id
JOIN oracle.places place ON place.organization_id = p.organization_id
  AND (place.workspace_id IS NULL OR NOT oracle.of_organization(s.resource, s.action))
WHERE p.kind = 'organization_service_key'
UNION ALL
SELECT p.n, 'workspace', k.workspace_id, s.resource, s.action, 'all'
FROM oracle.principals p
JOIN tenancy.api_keys k ON k.api_key_id = p.api_key_id
JOIN oracle.key_scopes s ON s.api_key_id = p.api_key_id
WHERE p.kind = 'workspace_service_key' AND NOT oracle.of_organization(s.resource, s.action)
UNION ALL
SELECT p.n, 'workspace', t.workspace_id, s.resource, s.action, 'all'
FROM oracle.principals p
JOIN oracle.tokens t ON t.token = p.token
JOIN oracle.token_scopes s ON s.token = p.token
WHERE p.kind = 'jwt' AND NOT oracle.of_organization(s.resource, s.action)
UNION ALL
-- A user key: its scopes, as far as its user holds them there.
SELECT p.n, 'workspace', k.workspace_id, s.resource, s.action, h.rows
FROM oracle.principals p
JOIN tenancy.api_keys k ON k.api_key_id = p.api_key_id
JOIN tenancy.users u ON u.user_id = k.user_id AND u.active
JOIN oracle.key_scopes s ON s.api_key_id = k.api_key_id
JOIN user_holds h ON h.user_id = k.user_id AND h.workspace_id = k.workspace_id
  AND h.resource = s.resource AND h.action = s.action AND NOT h.taken
WHERE p.kind = 'workspace_user_key'
  AND (s.resource <> 'api_keys' OR s.action IN ('list', 'view'))
UNION ALL
-- Permissions to write what a completion produces come from the scope alone (decision 6).
SELECT p.n, 'workspace', k.workspace_id, s.resource, s.action, 'own'
FROM oracle.principals p
JOIN tenancy.api_keys k ON k.api_key_id = p.api_key_id
JOIN tenancy.users u ON u.user_id = k.user_id AND u.active
JOIN oracle.key_scopes s ON s.api_key_id = k.api_key_id
WHERE p.kind = 'workspace_user_key'
  AND s.action = 'write' AND s.resource IN ('completions', 'logs', 'traces', 'analytics')
  AND EXISTS (SELECT FROM oracle.user_roles r WHERE r.user_id = k.user_id AND r.workspace_id = k.workspace_id AND NOT r.taken);

CREATE TABLE oracle.holds (
  n int NOT NULL,
  reach text NOT NULL,
  workspace_id uuid,
  resource text NOT NULL,
  action text NOT NULL,
  rows text NOT NULL
);

-- tenancy.workspace narrows everything (decision 3): what is left is reach by that workspace.
CREATE VIEW oracle.narrowed_holds AS
SELECT p.n, CASE WHEN p.narrowed IS NULL THEN h.reach ELSE 'workspace' END AS reach,
       h.workspace_id, h.resource, h.action, CASE WHEN bool_or(h.rows = 'all') THEN 'all' ELSE 'own' END AS rows
FROM oracle.principal_holds h JOIN oracle.principals p ON p.n = h.n
WHERE p.narrowed IS NULL OR h.workspace_id = p.narrowed
GROUP BY p.n, 2, h.workspace_id, h.resource, h.action;

-- "all", "own" or NULL: what the principal holds in a workspace, or (NULL) on the organization level.
CREATE FUNCTION oracle.holds(n int, resource text, action text, workspace uuid) RETURNS text STABLE LANGUAGE sql AS $$
  SELECT min(h.rows) FROM oracle.holds h  -- "all" comes before "own"
  WHERE h.n = holds.n AND h.resource = holds.resource AND h.action = holds.action
    AND h.workspace_id IS NOT DISTINCT FROM workspace
$$;

-- authorize() without a workspace (decision 13).
CREATE FUNCTION oracle.holds_anywhere(n int, resource text, action text) RETURNS boolean STABLE LANGUAGE sql AS $$
  SELECT EXISTS (
    SELECT FROM oracle.holds h
    WHERE h.n = holds_anywhere.n AND h.resource = holds_anywhere.resource AND h.action = holds_anywhere.action)
$$;
