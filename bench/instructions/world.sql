-- One organization with ten workspaces, and the log of each, for bench/instructions/run.sh; for any version of pg_tenancy.
CREATE ROLE bench_app LOGIN;
CREATE EXTENSION pg_tenancy;
CREATE TABLE logs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, organization_id uuid NOT NULL, workspace_id uuid NOT NULL,
  user_id uuid, api_key_id uuid, created_at timestamptz NOT NULL DEFAULT now(), body text);
CREATE TABLE settings AS SELECT * FROM tenancy.create_organization('Bench', 'owner@bench.test');
-- Ids that are the same each time: how many entries a page of an index holds before the newest decides over the count.
CREATE TABLE places AS
SELECT n, format('11111111-0000-4000-8000-%s', lpad(n::text, 12, '0'))::uuid AS workspace_id FROM generate_series(1, 10) n;
INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name)
SELECT p.workspace_id, s.organization_id, 'place-' || p.n, 'Place ' || p.n FROM settings s, places p;
INSERT INTO logs (organization_id, workspace_id, created_at, body)
SELECT s.organization_id, p.workspace_id, '2026-01-01'::timestamptz + i * interval '1 minute', 'row ' || i
FROM settings s, generate_series(1, 20000) i JOIN places p ON p.n = i % 10 + 1;
CREATE INDEX ON logs (workspace_id, created_at);
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id');
CREATE ROLE bench_hand LOGIN BYPASSRLS;
GRANT SELECT, INSERT ON logs TO bench_app, bench_hand;
-- The first is the session's; a transaction with a key of its own takes one of the others.
CREATE TABLE secret AS
SELECT g.n, k.secret FROM settings s, generate_series(0, 40) g (n) JOIN places p ON p.n = g.n % 10 + 1,
  tenancy.create_api_key('workspace_service_key', 'bench ' || g.n, s.organization_id::text, p.workspace_id::text, scopes => '["logs.view", "logs.write"]') k;
-- A transaction with a user of its own takes one of these, each a member of one workspace.
SELECT tenancy.trust_login('bench_app');
SELECT tenancy.create_user(m.email), tenancy.set_organization_role('bench', m.email, 'member'), tenancy.set_workspace_role('bench/place-' || i % 10 + 1, m.email, 'member')
FROM generate_series(1, 40) i, format('user%s@bench.test', i) m (email);
VACUUM (FREEZE, ANALYZE);
