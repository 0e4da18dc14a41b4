-- One organization, the second of the wide ones of schema.sql, with :workspaces workspaces, a member of all of them and a
-- member of ten. The rows are spread over the workspaces by chance.

SET session_replication_role = replica;
INSERT INTO tenancy.organizations (organization_id, slug, name) VALUES (bench.wide_organization_id(2), 'wide', 'Wide');
INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name, is_default)
SELECT bench.wide_workspace_id(2, w), bench.wide_organization_id(2), 'wide-' || w, 'Wide ' || w, w = 1 FROM generate_series(1, :workspaces) w;
INSERT INTO tenancy.users (user_id, email)
SELECT bench.wide_user_id(2, n), format('wide-%s@wide.example', n) FROM unnest(ARRAY[10, :workspaces]) n;
INSERT INTO tenancy.organization_members (organization_id, user_id, role_id)
SELECT bench.wide_organization_id(2), bench.wide_user_id(2, n), (SELECT tenancy_internal.find_role(NULL, 'organization', 'member'))
FROM unnest(ARRAY[10, :workspaces]) n;
INSERT INTO tenancy.workspace_members (workspace_id, user_id, organization_id, role_id)
SELECT bench.wide_workspace_id(2, w * (:workspaces / n)), bench.wide_user_id(2, n), bench.wide_organization_id(2), (SELECT tenancy_internal.find_role(NULL, 'workspace', 'member'))
FROM unnest(ARRAY[10, :workspaces]) n, generate_series(1, n) w;
RESET session_replication_role;

CREATE TABLE app.wide_logs (LIKE app.logs INCLUDING DEFAULTS);
INSERT INTO app.wide_logs
SELECT log_id, bench.wide_organization_id(2), bench.wide_workspace_id(2, 1 + floor(:workspaces * random())::bigint), NULL, NULL, created_at, model, status,
       prompt_tokens, completion_tokens, cost, latency_ms
FROM app.logs WHERE log_id <= 500000;
CREATE INDEX ON app.wide_logs (workspace_id, created_at DESC);
CREATE INDEX ON app.wide_logs (created_at DESC);
GRANT SELECT ON app.wide_logs TO bench_app;
SELECT tenancy.protect('app.wide_logs', 'logs', 'organization_id', 'workspace_id', 'user_id', 'api_key_id');
VACUUM ANALYZE;
