-- LiteLLM's database, protected: its organizations are the tenants, its teams the workspaces.
--
--   psql -v gateway=litellm -v reader=grafana -f litellm.sql
--
-- gateway is the role that the proxy connects as. It serves all tenants and goes on as before. reader is a login by which people or
-- BI tools read. Tables and columns are those of the proxy's schema (schema.prisma); ids are text, and names have capitals.
-- Run it again after organizations, teams or people were added: what is there already is left as it is.

-- The tables are those of the first schema of the search path. Reading them runs code of whoever owns them and their types, with the
-- rights of whoever runs this script: let nobody but the proxy's own role create anything in that schema, and trust that role.
SELECT pg_catalog.current_setting('search_path') AS path_before, pg_catalog.current_schema() AS schema \gset
SET search_path = pg_catalog, :"schema", pg_temp;

-- Who there is. LiteLLM's ids become external ids, which is what the tables' columns are compared with.
SELECT tenancy.create_user(u.user_email, u.user_alias, external_id => u.user_id)
FROM "LiteLLM_UserTable" u
WHERE u.user_email IS NOT NULL AND NOT EXISTS (SELECT FROM tenancy.users t WHERE t.email = lower(u.user_email) OR t.external_id = u.user_id);

SELECT o.organization_alias, (tenancy.create_organization(o.organization_alias, admin.user_email, external_id => o.organization_id)).organization_id
FROM "LiteLLM_OrganizationTable" o
CROSS JOIN LATERAL (
  SELECT u.user_email FROM "LiteLLM_OrganizationMembership" m JOIN "LiteLLM_UserTable" u USING (user_id)
  WHERE m.organization_id = o.organization_id AND m.user_role = 'org_admin' AND u.user_email IS NOT NULL ORDER BY m.created_at, u.user_id LIMIT 1) admin
WHERE NOT EXISTS (SELECT FROM tenancy.organizations t WHERE t.external_id = o.organization_id);

SELECT tenancy.create_workspace(t.organization_id, coalesce(t.team_alias, t.team_id), external_id => t.team_id)
FROM "LiteLLM_TeamTable" t JOIN tenancy.organizations o ON o.external_id = t.organization_id
WHERE NOT EXISTS (SELECT FROM tenancy.workspaces w WHERE w.external_id = t.team_id);

SELECT tenancy.set_organization_role(t.organization_id, u.email, 'member')
FROM "LiteLLM_TeamTable" t CROSS JOIN jsonb_to_recordset(t.members_with_roles) m (user_id text, role text)
JOIN tenancy.organizations o ON o.external_id = t.organization_id JOIN tenancy.users u ON u.external_id = m.user_id
WHERE NOT EXISTS (SELECT FROM tenancy.organization_members x WHERE x.organization_id = o.organization_id AND x.user_id = u.user_id)
GROUP BY t.organization_id, u.email;
SELECT tenancy.set_workspace_role(t.team_id, u.email, CASE m.role WHEN 'admin' THEN 'manager' ELSE 'member' END)
FROM "LiteLLM_TeamTable" t CROSS JOIN jsonb_to_recordset(t.members_with_roles) m (user_id text, role text)
JOIN tenancy.workspaces w ON w.external_id = t.team_id JOIN tenancy.users u ON u.external_id = m.user_id
WHERE NOT EXISTS (SELECT FROM tenancy.workspace_members x WHERE x.workspace_id = w.workspace_id AND x.user_id = u.user_id);

-- The proxy reads and writes every tenant's rows.
ALTER ROLE :"gateway" BYPASSRLS;

-- Each request: metadata for whoever may list logs, prompts and answers for whoever may view them.
CREATE INDEX IF NOT EXISTS spend_logs_team_idx ON "LiteLLM_SpendLogs" (team_id, "startTime");
CREATE INDEX IF NOT EXISTS spend_logs_organization_idx ON "LiteLLM_SpendLogs" (organization_id, "startTime");
CREATE INDEX IF NOT EXISTS spend_logs_user_idx ON "LiteLLM_SpendLogs" (team_id, "user", "startTime");
SELECT tenancy.protect('"LiteLLM_SpendLogs"', 'logs', organization => 'organization_id', workspace => 'team_id', owner => 'user',
                       payload => '{messages,response,proxy_server_request}');
SELECT tenancy.create_scoped_view('"LiteLLM_SpendLogs"', 'spend_logs');

-- What the proxy sums up by day. Only tables that name an organization or a team can be protected: "LiteLLM_DailyUserSpend",
-- which names neither, is granted to nobody. The organization's sums are shown to each of its members.
SELECT tenancy.protect('"LiteLLM_DailyTeamSpend"', 'analytics', workspace => 'team_id', create_indexes => true);
SELECT tenancy.protect('"LiteLLM_DailyOrganizationSpend"', 'analytics', organization => 'organization_id', create_indexes => true);

-- The proxy's own keys, by their hash: for whoever may see the team's keys.
SELECT tenancy.protect('"LiteLLM_VerificationToken"', 'api_keys', organization => 'organization_id', workspace => 'team_id', owner => 'user_id',
                       create_indexes => true);

GRANT SELECT ON spend_logs, "LiteLLM_SpendLogs", "LiteLLM_DailyTeamSpend", "LiteLLM_DailyOrganizationSpend" TO :"reader";
GRANT SELECT (key_name, key_alias, spend, expires, models, user_id, team_id, organization_id, blocked, created_at) ON "LiteLLM_VerificationToken" TO :"reader";
SELECT set_config('search_path', :'path_before', false) \g /dev/null
