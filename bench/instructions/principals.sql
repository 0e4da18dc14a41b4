-- Besides world.sql: an organization of 10,000 members, of whom each sees the log of one of its hundred workspaces; for any version
-- of pg_tenancy.
SELECT tenancy.trust_login('bench_app') \g /dev/null
SELECT tenancy.create_organization('big', 'owner@big.test') \g /dev/null
INSERT INTO tenancy.workspaces (organization_id, slug, name)
SELECT o.organization_id, 'place-' || i, 'Place ' || i FROM tenancy.organizations o, generate_series(1, 100) i WHERE o.slug = 'big';
INSERT INTO tenancy.users (email) SELECT format('member%s@big.test', i) FROM generate_series(1, 10000) i;
INSERT INTO tenancy.organization_members (organization_id, user_id, role_id)
SELECT o.organization_id, u.user_id, r.role_id
FROM tenancy.organizations o, tenancy.users u, tenancy.roles r
WHERE o.slug = 'big' AND u.email ~ '^member[0-9]+@big' AND r.organization_id IS NULL AND r.level = 'organization' AND r.name = 'member';
INSERT INTO tenancy.workspace_members (workspace_id, user_id, organization_id, role_id)
SELECT w.workspace_id, u.user_id, o.organization_id, r.role_id
FROM tenancy.organizations o JOIN tenancy.workspaces w USING (organization_id), tenancy.users u, tenancy.roles r
WHERE o.slug = 'big' AND u.email ~ '^member[0-9]+@big' AND w.slug = 'place-' || substring(u.email FROM 7 FOR strpos(u.email, '@') - 7)::integer % 100 + 1
  AND r.organization_id IS NULL AND r.level = 'workspace' AND r.name = 'member';
INSERT INTO logs (organization_id, workspace_id, created_at, body)
SELECT w.organization_id, w.workspace_id, '2026-01-01'::timestamptz + i * interval '1 minute', 'row ' || i
FROM generate_series(1, 100) i, tenancy.workspaces w JOIN tenancy.organizations o USING (organization_id) WHERE o.slug = 'big';
VACUUM (FREEZE, ANALYZE);
