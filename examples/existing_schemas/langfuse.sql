-- Langfuse's database (version 2, which keeps traces in PostgreSQL), protected: its organizations are the tenants, its projects the
-- workspaces.
--
--   psql -v application=langfuse -v reader=grafana -f langfuse.sql
--
-- application is the role that Langfuse connects as; it serves all projects and goes on as before. reader is a login by which people
-- or BI tools read. Run it again after organizations, projects or people were added.

-- The tables are those of the first schema of the search path. Reading them runs code of whoever owns them and their types, with the
-- rights of whoever runs this script: let nobody but Langfuse's own role create anything in that schema, and trust that role.
SELECT pg_catalog.current_setting('search_path') AS path_before, pg_catalog.current_schema() AS schema \gset
SET search_path = pg_catalog, :"schema", pg_temp;

SELECT tenancy.create_user(u.email, u.name, external_id => u.id)
FROM users u
WHERE u.email IS NOT NULL AND NOT EXISTS (SELECT FROM tenancy.users t WHERE t.email = lower(u.email) OR t.external_id = u.id);

SELECT o.name, (tenancy.create_organization(o.name, owner.email, external_id => o.id)).organization_id
FROM organizations o
CROSS JOIN LATERAL (SELECT u.email FROM organization_memberships m JOIN users u ON u.id = m.user_id
                    WHERE m.org_id = o.id AND m.role = 'OWNER' ORDER BY m.created_at, u.id LIMIT 1) owner
WHERE NOT EXISTS (SELECT FROM tenancy.organizations t WHERE t.external_id = o.id);

SELECT tenancy.create_workspace(p.org_id, p.name, external_id => p.id)
FROM projects p JOIN tenancy.organizations o ON o.external_id = p.org_id
WHERE NOT EXISTS (SELECT FROM tenancy.workspaces w WHERE w.external_id = p.id);

-- A role of the organization reaches its projects; a role in a project is one in the workspace.
SELECT tenancy.set_organization_role(m.org_id, u.email, CASE m.role WHEN 'OWNER' THEN 'owner' WHEN 'ADMIN' THEN 'admin' ELSE 'member' END)
FROM organization_memberships m JOIN users u ON u.id = m.user_id JOIN tenancy.organizations o ON o.external_id = m.org_id
JOIN tenancy.users t ON t.external_id = u.id
WHERE NOT EXISTS (SELECT FROM tenancy.organization_members x WHERE x.organization_id = o.organization_id AND x.user_id = t.user_id);
SELECT tenancy.set_workspace_role(p.id, u.email, CASE coalesce(pm.role, m.role) WHEN 'OWNER' THEN 'admin' WHEN 'ADMIN' THEN 'manager' ELSE 'member' END)
FROM organization_memberships m JOIN users u ON u.id = m.user_id JOIN projects p ON p.org_id = m.org_id
LEFT JOIN project_memberships pm ON pm.project_id = p.id AND pm.user_id = m.user_id
JOIN tenancy.workspaces w ON w.external_id = p.id JOIN tenancy.users t ON t.external_id = u.id
WHERE m.role NOT IN ('OWNER', 'ADMIN') AND coalesce(pm.role, m.role) <> 'NONE'
  AND NOT EXISTS (SELECT FROM tenancy.workspace_members x WHERE x.workspace_id = w.workspace_id AND x.user_id = t.user_id);

ALTER ROLE :"application" BYPASSRLS;

-- user_id of a trace is a user of the traced application, nobody here: no column says whose a row is, so that who is restricted to
-- own rows sees none. Input, output and metadata are content.
CREATE INDEX IF NOT EXISTS traces_tenancy_idx ON traces (project_id, "timestamp");
SELECT tenancy.protect('traces', 'traces', workspace => 'project_id', payload => '{input,output,metadata}');
SELECT tenancy.create_scoped_view('traces', 'traces_scoped');
CREATE INDEX IF NOT EXISTS observations_tenancy_idx ON observations (project_id, start_time);
SELECT tenancy.protect('observations', 'traces', workspace => 'project_id', payload => '{input,output,metadata,status_message}');
SELECT tenancy.create_scoped_view('observations', 'observations_scoped');
SELECT tenancy.protect('scores', 'traces', workspace => 'project_id', payload => '{comment}', create_indexes => true);
SELECT tenancy.create_scoped_view('scores', 'scores_scoped');

GRANT SELECT ON traces, observations, scores, traces_scoped, observations_scoped, scores_scoped TO :"reader";
SELECT set_config('search_path', :'path_before', false) \g /dev/null
