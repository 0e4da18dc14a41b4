-- The built-in roles' grants, cell by cell as the access model's tables have them.
\pset format unaligned
CREATE TEMP TABLE matrix (resource text, owner text, admin text, member text);
INSERT INTO matrix VALUES
  -- section 2, word for word
  ('logs',         'view filter group', '=', '='),
  ('analytics',    'view filter group', '=', '='),
  ('traces',       'view filter group', '=', '='),
  ('prompts',      'list view create update delete publish', '=', 'list view create update'),
  ('configs',      'list view create update delete', '=', 'list view create'),
  ('guardrails',   'list view create update delete', '=', 'list view create update'),
  ('integrations', 'list create edit duplicate delete copy', '=', 'list copy'),
  ('providers',    'list create edit duplicate delete copy', '=', 'list copy'),
  ('models',       'list create edit duplicate delete copy', '=', 'list copy'),
  ('team',         'add_users assign_roles', '=', ''),
  ('organization', 'update', '=', ''),
  ('api_keys',     'create edit delete update rotate', '=', ''),
  ('billing',      'manage', '', ''),
  ('team',         'sync_groups', '', ''),
  ('audit_logs',   'list', '=', ''),
  ('workspaces',   'list view create update delete', '=', 'list view'),
  -- below the table: metadata and export go with view, writing is for owners and admins
  ('logs',         'list export', '=', '='),
  ('traces',       'list export', '=', '='),
  ('logs',         'write', '=', ''),
  ('traces',       'write', '=', ''),
  ('analytics',    'write', '=', ''),
  -- to say for whom a row is
  ('logs',         'attribute', '=', ''),
  ('traces',       'attribute', '=', ''),
  ('completions',  'write', '=', ''),
  -- whoever manages users and keys sees them
  ('team',         'list view', '=', ''),
  ('api_keys',     'list view', '=', '');

CREATE TEMP TABLE expected AS
SELECT 'organization' AS level, 'owner' AS role, resource, string_to_table(owner, ' ') AS action FROM matrix
UNION ALL SELECT 'organization', 'admin', resource, string_to_table(replace(admin, '=', owner), ' ') FROM matrix
UNION ALL SELECT 'organization', 'member', resource, string_to_table(replace(member, '=', owner), ' ') FROM matrix
-- section 3: every role views what the workspace produces; admin and manager change its resources, members as in section 2
UNION ALL SELECT 'workspace', role, resource, string_to_table(owner, ' ') FROM matrix, unnest(ARRAY['admin', 'manager']) role
          WHERE resource NOT IN ('organization', 'billing', 'audit_logs', 'workspaces', 'completions') AND owner NOT IN ('write', 'sync_groups', 'attribute')
UNION ALL SELECT 'workspace', 'admin', unnest(ARRAY['logs', 'traces']), 'attribute'
UNION ALL SELECT 'workspace', 'member', resource, string_to_table(replace(member, '=', owner), ' ') FROM matrix
UNION ALL SELECT 'workspace', 'member', 'team', unnest(ARRAY['list', 'view'])
UNION ALL SELECT 'workspace', role, 'workspaces', unnest(ARRAY['list', 'view', 'update']) FROM unnest(ARRAY['admin', 'manager']) role;

CREATE TEMP TABLE actual AS
SELECT r.level::text, r.name::text AS role, g.resource::text, g.action::text
FROM tenancy.grants g JOIN tenancy.roles r USING (role_id)
WHERE r.organization_id IS NULL AND g.organization_id IS NULL AND g.allowed
  AND (g.resource, g.action) IN (SELECT resource, action FROM tenancy.permissions WHERE built_in);

SELECT 'missing' AS cell, e.* FROM (TABLE expected EXCEPT TABLE actual) e
UNION ALL
SELECT 'too many', a.* FROM (TABLE actual EXCEPT TABLE expected) a
ORDER BY 1, 2, 3, 4, 5;
SELECT level, role, count(*) FROM actual GROUP BY level, role ORDER BY level, role;

SELECT role_id, level, name, all_workspaces FROM tenancy.roles WHERE organization_id IS NULL ORDER BY role_id;

-- Nothing is registered that nobody holds; every permission is described.
SELECT resource, action FROM tenancy.permissions WHERE built_in
EXCEPT SELECT resource, action FROM actual;
SELECT resource, string_agg(action, ' ' ORDER BY action) AS actions FROM tenancy.permissions WHERE built_in GROUP BY resource ORDER BY resource;

-- The settings of section 4, with their roles, and what they override
SELECT category, setting, r.level || ' ' || r.name AS role, resource, actions
FROM tenancy.setting_definitions d JOIN tenancy.roles r USING (role_id) ORDER BY category, setting;

-- What constraints list is what the core knows.
WITH listed AS (
  SELECT conname, (SELECT array_agg(DISTINCT m[1] ORDER BY m[1]) FROM regexp_matches(pg_get_constraintdef(oid), $$'([a-z_]+)'$$, 'g') m) AS words
  FROM pg_constraint WHERE connamespace = 'tenancy'::regnamespace AND contype = 'c')
SELECT conname, list, words = (SELECT array_agg(w ORDER BY w COLLATE "C") FROM unnest(tenancy_internal.words(list)) w) AS same
FROM (VALUES ('roles_level_check', 'levels'), ('workspace_overrides_category_check', 'categories'), ('api_keys_kind_check', 'key_kinds'),
             ('permissions_data_visibility_check', 'observability')) v (conname, list)
JOIN listed USING (conname) ORDER BY conname;
