-- The built-in permissions, roles and grants: the matrix of the access model, word for word in its verbs.

CREATE FUNCTION tenancy_internal.is_named_only(action text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT is_named_only.action = 'attribute'
$$;
COMMENT ON FUNCTION tenancy_internal.is_named_only(text) IS 'Whether permissions of this action are given by their names alone: neither a level nor a key with every scope includes them';

-- Functions rather than statements, since use_vocabulary() brings back what it has taken away.
CREATE FUNCTION tenancy_internal.built_in_permissions() RETURNS TABLE (resource text, action text, description text, data_visibility boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
SELECT v.resource, action, format('%s %s', initcap(replace(action, '_', ' ')), v.what),
       v.resource IN ('logs', 'traces', 'analytics')
FROM (VALUES
  ('logs', 'list view filter group export write attribute', 'request logs (list: metadata only)'),
  ('traces', 'list view filter group export write attribute', 'traces'),
  ('analytics', 'view filter group write', 'analytics'),
  ('completions', 'write', 'completions'),
  ('prompts', 'list view create update delete publish', 'prompts'),
  ('configs', 'list view create update delete', 'configs'),
  ('guardrails', 'list view create update delete', 'guardrails'),
  ('integrations', 'list create edit duplicate delete copy', 'integrations'),
  ('providers', 'list create edit duplicate delete copy', 'providers of the model catalog'),
  ('models', 'list create edit duplicate delete copy', 'models of the model catalog'),
  ('team', 'list view add_users assign_roles sync_groups', 'in user management'),
  ('organization', 'update', 'the organization'),
  ('api_keys', 'list view create edit delete update rotate', 'API keys'),
  ('billing', 'manage', 'billing'),
  ('audit_logs', 'list', 'audit entries'),
  ('workspaces', 'list view create update delete', 'workspaces')
) v (resource, actions, what), string_to_table(v.actions, ' ') action
$$;
COMMENT ON FUNCTION tenancy_internal.built_in_permissions() IS 'The permissions that come with the extension, those of every vocabulary';

INSERT INTO tenancy.permissions (resource, action, description, built_in, data_visibility)
SELECT p.resource, p.action, p.description, true, p.data_visibility FROM tenancy_internal.built_in_permissions() p;

-- Ids are fixed: the module and dumps identify the built-in roles by them.
INSERT INTO tenancy.roles (role_id, level, name, all_workspaces, description) VALUES
  ('00000000-0000-4000-8000-000000000001', 'organization', 'owner', true, 'Everything, in every workspace; above every setting'),
  ('00000000-0000-4000-8000-000000000002', 'organization', 'admin', true, 'Everything but billing, in every workspace'),
  ('00000000-0000-4000-8000-000000000003', 'organization', 'member', false, 'Reaches the workspaces the user belongs to'),
  ('00000000-0000-4000-8000-000000000011', 'workspace', 'admin', false, 'Everything in the workspace; above data visibility'),
  ('00000000-0000-4000-8000-000000000012', 'workspace', 'manager', false, 'Everything in the workspace, subject to settings'),
  ('00000000-0000-4000-8000-000000000013', 'workspace', 'member', false, 'Sees and works in the workspace, subject to settings');

CREATE FUNCTION tenancy_internal.built_in_grants() RETURNS TABLE (role_id uuid, resource text, action text)
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
SELECT r.role_id, v.resource, action
FROM (VALUES
  -- organization level
  ('organization', 'owner admin', 'logs', 'list view filter group export write attribute'),
  ('organization', 'owner admin', 'traces', 'list view filter group export write attribute'),
  ('organization', 'owner admin', 'analytics', 'view filter group write'),
  ('organization', 'owner admin', 'completions', 'write'),
  ('organization', 'owner admin', 'prompts', 'list view create update delete publish'),
  ('organization', 'owner admin', 'configs', 'list view create update delete'),
  ('organization', 'owner admin', 'guardrails', 'list view create update delete'),
  ('organization', 'owner admin', 'integrations', 'list create edit duplicate delete copy'),
  ('organization', 'owner admin', 'providers', 'list create edit duplicate delete copy'),
  ('organization', 'owner admin', 'models', 'list create edit duplicate delete copy'),
  ('organization', 'owner admin', 'team', 'list view add_users assign_roles'),
  ('organization', 'owner admin', 'organization', 'update'),
  ('organization', 'owner admin', 'api_keys', 'list view create edit delete update rotate'),
  ('organization', 'owner', 'billing', 'manage'),
  ('organization', 'owner', 'team', 'sync_groups'),
  ('organization', 'owner admin', 'audit_logs', 'list'),
  ('organization', 'owner admin', 'workspaces', 'list view create update delete'),
  ('organization', 'member', 'logs', 'list view filter group export'),
  ('organization', 'member', 'traces', 'list view filter group export'),
  ('organization', 'member', 'analytics', 'view filter group'),
  ('organization', 'member', 'prompts', 'list view create update'),
  ('organization', 'member', 'configs', 'list view create'),
  ('organization', 'member', 'guardrails', 'list view create update'),
  ('organization', 'member', 'integrations', 'list copy'),
  ('organization', 'member', 'providers', 'list copy'),
  ('organization', 'member', 'models', 'list copy'),
  ('organization', 'member', 'workspaces', 'list view'),
  -- workspace level
  ('workspace', 'admin manager member', 'logs', 'list view filter group export'),
  ('workspace', 'admin manager member', 'traces', 'list view filter group export'),
  ('workspace', 'admin manager member', 'analytics', 'view filter group'),
  ('workspace', 'admin', 'logs', 'attribute'),
  ('workspace', 'admin', 'traces', 'attribute'),
  ('workspace', 'admin manager', 'prompts', 'list view create update delete publish'),
  ('workspace', 'admin manager', 'configs', 'list view create update delete'),
  ('workspace', 'admin manager', 'guardrails', 'list view create update delete'),
  ('workspace', 'admin manager', 'integrations', 'list create edit duplicate delete copy'),
  ('workspace', 'admin manager', 'providers', 'list create edit duplicate delete copy'),
  ('workspace', 'admin manager', 'models', 'list create edit duplicate delete copy'),
  ('workspace', 'admin manager', 'team', 'list view add_users assign_roles'),
  ('workspace', 'admin manager', 'api_keys', 'list view create edit delete update rotate'),
  ('workspace', 'admin manager', 'workspaces', 'list view update'),
  ('workspace', 'member', 'prompts', 'list view create update'),
  ('workspace', 'member', 'configs', 'list view create'),
  ('workspace', 'member', 'guardrails', 'list view create update'),
  ('workspace', 'member', 'integrations', 'list copy'),
  ('workspace', 'member', 'providers', 'list copy'),
  ('workspace', 'member', 'models', 'list copy'),
  ('workspace', 'member', 'team', 'list view'),
  ('workspace', 'member', 'workspaces', 'list view')
) v (level, roles, resource, actions)
CROSS JOIN string_to_table(v.roles, ' ') role
CROSS JOIN string_to_table(v.actions, ' ') action
JOIN tenancy.roles r ON r.organization_id IS NULL AND r.level = v.level AND r.name = role
$$;
COMMENT ON FUNCTION tenancy_internal.built_in_grants() IS 'The grants of the built-in roles, those of every vocabulary';

INSERT INTO tenancy.grants (role_id, resource, action) SELECT g.role_id, g.resource, g.action FROM tenancy_internal.built_in_grants() g;

-- The settings are names for overrides of these grants and for visibility switches.
CREATE TABLE tenancy.setting_definitions (
  setting text COLLATE "C" PRIMARY KEY,
  category text COLLATE "C" NOT NULL,
  role_id uuid NOT NULL REFERENCES tenancy.roles,
  resource text COLLATE "C",
  actions text[],
  description text NOT NULL,
  CHECK ((category = 'data_visibility') = (resource IS NULL)),
  CHECK ((resource IS NULL) = (actions IS NULL))
);
COMMENT ON TABLE tenancy.setting_definitions IS 'The vocabulary of settings: each overrides grants of a role or switches its visibility';
COMMENT ON COLUMN tenancy.setting_definitions.setting IS 'Name of the setting';
COMMENT ON COLUMN tenancy.setting_definitions.category IS 'Category, which an organization can open to its workspaces';
COMMENT ON COLUMN tenancy.setting_definitions.role_id IS 'Role that the setting is about';
COMMENT ON COLUMN tenancy.setting_definitions.resource IS 'Resource of the grants it overrides; NULL for a visibility switch';
COMMENT ON COLUMN tenancy.setting_definitions.actions IS 'Actions of the grants it overrides; NULL for a visibility switch';
COMMENT ON COLUMN tenancy.setting_definitions.description IS 'What the setting means';

CREATE FUNCTION tenancy_internal.built_in_settings() RETURNS SETOF tenancy.setting_definitions
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
SELECT v.setting, v.category, r.role_id, v.resource, string_to_array(v.actions, ' '), v.description
FROM (VALUES
  ('managers_view_all_data', 'data_visibility', 'workspace', 'manager', NULL, NULL, 'Off: workspace managers see only rows that they or their keys produced'),
  ('members_view_all_data', 'data_visibility', 'workspace', 'member', NULL, NULL, 'Off: workspace members see only rows that they or their keys produced'),
  ('managers_view_logs', 'logs', 'workspace', 'manager', 'logs', 'view', 'Full content of logs'),
  ('members_view_logs', 'logs', 'workspace', 'member', 'logs', 'view', 'Full content of logs'),
  ('org_admins_view_logs', 'logs', 'organization', 'admin', 'logs', 'view', 'Full content of logs'),
  ('managers_view_logs_metadata', 'logs', 'workspace', 'manager', 'logs', 'list', 'Metadata of logs'),
  ('members_view_logs_metadata', 'logs', 'workspace', 'member', 'logs', 'list', 'Metadata of logs'),
  ('org_admins_view_logs_metadata', 'logs', 'organization', 'admin', 'logs', 'list', 'Metadata of logs'),
  ('managers_view_analytics', 'analytics', 'workspace', 'manager', 'analytics', 'view', 'Analytics'),
  ('members_view_analytics', 'analytics', 'workspace', 'member', 'analytics', 'view', 'Analytics'),
  ('managers_view_keys', 'api_keys', 'workspace', 'manager', 'api_keys', 'list view', 'User and service keys of the workspace'),
  ('managers_manage_keys', 'api_keys', 'workspace', 'manager', 'api_keys', 'create edit delete update rotate', 'User and service keys of the workspace'),
  ('members_view_keys', 'api_keys', 'workspace', 'member', 'api_keys', 'list view', 'Own user keys only'),
  ('members_manage_keys', 'api_keys', 'workspace', 'member', 'api_keys', 'create edit delete update rotate', 'Own user keys only'),
  ('managers_view_prompts', 'prompts', 'workspace', 'manager', 'prompts', 'list view', 'See prompts'),
  ('managers_write_prompts', 'prompts', 'workspace', 'manager', 'prompts', 'create update delete publish', 'Change prompts'),
  ('members_view_prompts', 'prompts', 'workspace', 'member', 'prompts', 'list view', 'See prompts'),
  ('members_write_prompts', 'prompts', 'workspace', 'member', 'prompts', 'create update', 'Create and update prompts'),
  ('managers_view_guardrails', 'guardrails', 'workspace', 'manager', 'guardrails', 'list view', 'See guardrails'),
  ('managers_write_guardrails', 'guardrails', 'workspace', 'manager', 'guardrails', 'create update delete', 'Change guardrails'),
  ('members_view_guardrails', 'guardrails', 'workspace', 'member', 'guardrails', 'list view', 'See guardrails'),
  ('managers_write_integrations', 'integrations', 'workspace', 'manager', 'integrations', 'create edit duplicate delete', 'Change integrations')
) v (setting, category, level, role, resource, actions, description)
JOIN tenancy.roles r ON r.organization_id IS NULL AND r.level = v.level AND r.name = v.role
$$;
COMMENT ON FUNCTION tenancy_internal.built_in_settings() IS 'The settings that come with the extension, those of every vocabulary';

INSERT INTO tenancy.setting_definitions (setting, category, role_id, resource, actions, description)
SELECT s.setting, s.category, s.role_id, s.resource, s.actions, s.description FROM tenancy_internal.built_in_settings() s;
