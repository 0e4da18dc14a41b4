-- The access model once more, as plain joins over the catalogs. It shares no code with the module, and is slow on
-- purpose: what it says is meant to be read next to the access model and docs/design/access-decisions.md ("decision N").
--
-- In:  oracle.principals, oracle.tokens, oracle.relations, oracle.rows.  Out, after oracle.answer(): oracle.holds, oracle.answers.
--
-- An answer is true, false, or NULL where the decisions leave it open; then either is right, as long as all ways of
-- asking agree. Open are:
--   1. In a table with both columns, for a principal that reaches the whole organization but holds the permission in a
--      part of its workspaces only, or holds it by a workspace role as well: rows that name the organization and a
--      workspace that isn't one of its own, and rows that name one of its workspaces and not the organization.
--   2. INSERT of a NULL owner by a user key, or of a NULL owner or key by a principal that has no id in the column's type.
--   3. INSERT of a NULL workspace, where no other column names the organization, by who may write NULL workspaces.

CREATE SCHEMA oracle;

-- The principal. narrowed: the workspace to which tenancy.workspace, or the login's binding, confines the session.
CREATE TABLE oracle.principals (
  n int PRIMARY KEY,
  kind text NOT NULL,
  organization_id uuid,
  user_id uuid,      -- of a user key, its user
  api_key_id uuid,
  narrowed uuid,
  token int
);

-- The tokens of principals of kind jwt: where they are for, and all that they claim.
CREATE TABLE oracle.tokens (
  token int PRIMARY KEY,
  organization_id uuid NOT NULL,
  workspace_id uuid NOT NULL,
  claims jsonb NOT NULL
);

-- Which tables. The types are those of the columns, NULL where the table has no such column. partition_key: what a
-- partitioned table is partitioned by, organization or workspace. shared: protected so. workspace_decides: when it was
-- protected, it had rows that name a workspace and no organization, or its parent decides so. parent: a row says what the
-- row of that table says to which it refers; whose it is, is not what its writer says. kept: the kind of its rows, where it follows what
-- organizations set about what is kept.
CREATE TABLE oracle.relations (
  t int PRIMARY KEY,
  resource text NOT NULL,
  payload name[],
  organization_type text,
  workspace_type text,
  owner_type text,
  api_key_type text,
  partition_key text,
  shared boolean NOT NULL DEFAULT false,
  workspace_decides boolean NOT NULL DEFAULT false,
  parent int,
  kept text
);

-- Which rows, with the columns' values as text. Rows with only_n are not stored: principal only_n would write them. received: when, in a
-- table that follows what is kept.
CREATE TABLE oracle.rows (
  t int NOT NULL,
  id int NOT NULL,
  only_n int,
  organization text,
  workspace text,
  owner text,
  api_key text,
  received timestamptz,
  PRIMARY KEY (t, id)
);

-- The value that stands for an entity in a column of this type; NULL if there is none (decision 11).
CREATE FUNCTION oracle.named(type text, id uuid, external_id text) RETURNS text IMMUTABLE LANGUAGE sql AS $$
  SELECT CASE
    WHEN type = 'uuid' THEN id::text
    WHEN type = 'text' THEN external_id
    WHEN type = 'varchar(12)' THEN CASE WHEN length(external_id) <= 12 THEN external_id END
    WHEN NOT external_id ~ '^(0|-?[1-9][0-9]{0,18})$' THEN NULL
    WHEN type = 'bigint' AND external_id::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 THEN external_id
    WHEN type = 'integer' AND external_id::numeric BETWEEN -2147483648 AND 2147483647 THEN external_id
  END COLLATE "C"
$$;

---------------------------------------------------------------------------------------------------------------------
-- Roles
---------------------------------------------------------------------------------------------------------------------

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

---------------------------------------------------------------------------------------------------------------------
-- Principals: what they hold, where, and by what reach
--   organization: over the whole organization and all its workspaces
--   membership:   an organization role without that reach, on the organization level only
--   workspace:    in this workspace
---------------------------------------------------------------------------------------------------------------------

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

---------------------------------------------------------------------------------------------------------------------
-- Rows
---------------------------------------------------------------------------------------------------------------------

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
  oracle.named(t.owner_type, u.user_id, u.external_id) AS me,
  oracle.named(t.api_key_type, k.api_key_id, k.external_id) AS my_key,
  -- it is the user's own (decision 12)
  CASE
    WHEN t.owner_type IS NOT NULL THEN coalesce(x.owner = oracle.named(t.owner_type, u.user_id, u.external_id), false)
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

-- Over whose rights no setting is, where: owners and admins of the organization everywhere, a workspace's admins there.
CREATE VIEW oracle.above_settings AS
SELECT p.n, place.workspace_id
FROM oracle.principals p
JOIN oracle.seats m ON m.user_id = p.user_id AND m.organization_id = p.organization_id AND m.workspace_id IS NULL
JOIN tenancy.roles r ON r.role_id = m.role_id AND r.organization_id IS NULL AND r.name IN ('owner', 'admin')
JOIN oracle.places place ON place.organization_id = p.organization_id
WHERE p.kind = 'user' OR p.kind = 'workspace_user_key' AND NOT m.taken
UNION
SELECT p.n, m.workspace_id
FROM oracle.principals p
JOIN oracle.seats m ON m.user_id = p.user_id AND m.organization_id = p.organization_id AND m.workspace_id IS NOT NULL
JOIN tenancy.roles r ON r.role_id = m.role_id AND r.organization_id IS NULL AND r.name = 'admin'
WHERE p.kind = 'user' OR p.kind = 'workspace_user_key' AND NOT m.taken;

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
      AND x.owner = oracle.named(x.owner_type, u.user_id, u.external_id)
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

-- Answers everything that the three tables ask, from the catalogs as they are now.
CREATE FUNCTION oracle.answer() RETURNS void LANGUAGE plpgsql SET jit = off AS $$
BEGIN
  TRUNCATE oracle.holds, oracle.reach, oracle.seen, oracle.viewers, oracle.answers;
  INSERT INTO oracle.viewers
  SELECT DISTINCT h.organization_id, h.workspace_id, h.user_id, h.resource FROM oracle.user_holds h WHERE h.action IN ('view', 'list') AND NOT h.taken;
  INSERT INTO oracle.holds SELECT * FROM oracle.narrowed_holds;
  INSERT INTO oracle.reach SELECT * FROM oracle.principal_reach;
  INSERT INTO oracle.seen SELECT * FROM oracle.seen_rows;
  ANALYZE oracle.holds, oracle.reach, oracle.seen, oracle.viewers;
  INSERT INTO oracle.answers SELECT * FROM oracle.access;
  INSERT INTO oracle.answers SELECT * FROM oracle.writes;
END
$$;
