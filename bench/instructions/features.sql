-- Besides world.sql: users of three organizations; with features = on, those of two of them, and a table, have what nobody had before.
-- member1 to member20 of each; beside1 to beside20 are in the organization of groups, and in none.
\if :features
SELECT tenancy.create_group('grouped', 'readers') \g /dev/null
SELECT tenancy.set_group_role('grouped/shared-team-workspace', 'readers', 'member') \g /dev/null
SELECT tenancy.sync_group('grouped', 'readers', array_agg(format('member%s@grouped.test', i))) FROM generate_series(1, 20) i \g /dev/null
SELECT tenancy.set_workspace_role('ending/shared-team-workspace', format('member%s@ending.test', i), 'member', until => '2100-01-01') FROM generate_series(1, 20) i \g /dev/null
SELECT tenancy.protect('audited', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id', audit_reads => true) \g /dev/null
-- Rows of others' traces, columns that need a permission, contents that are kept or not, rows written for others, ids of members
SELECT tenancy.protect('initiated', 'traces', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', initiator => 'initiator_id') \g /dev/null
SELECT tenancy.protect('published', 'prompts', organization => 'organization_id', workspace => 'workspace_id', actions => '{"publish": ["body"]}') \g /dev/null
SELECT tenancy.apply_logging_settings('initiated'::regclass, 'traces', ARRAY['body']::name[]), tenancy.set_logging('grouped', 'store_content', 'none'),
       tenancy.set_logging('grouped', 'retention_days.traces', '30'), tenancy.set_logging('ending', 'legal_hold', 'on') \g /dev/null
SELECT tenancy.create_api_key('workspace_service_key', 'gateway', 'grouped', 'shared-team-workspace', scopes => '["logs.attribute", "logs.write"]') \g /dev/null
SELECT tenancy.set_member('grouped', format('member%s@grouped.test', i), external_id => 'g-' || i) FROM generate_series(1, 20) i \g /dev/null
\else
SELECT tenancy.trust_login('bench_app') \g /dev/null
SELECT tenancy.create_organization(slug, 'owner@' || slug || '.test') FROM unnest(ARRAY['plain', 'grouped', 'ending']) o (slug) \g /dev/null
SELECT tenancy.set_organization_role(o.slug, m.email, 'member'), tenancy.set_workspace_role(o.slug || '/shared-team-workspace', m.email, 'member')
FROM unnest(ARRAY['plain', 'grouped', 'ending']) o (slug), unnest(ARRAY['member', 'beside']) k (kind), generate_series(1, 20) i, format('%s%s@%s.test', k.kind, i, o.slug) m (email) \g /dev/null
INSERT INTO logs (organization_id, workspace_id, created_at, body)
SELECT w.organization_id, w.workspace_id, '2026-01-01'::timestamptz + i * interval '1 minute', 'row ' || i
FROM generate_series(1, 2000) i, tenancy.workspaces w JOIN tenancy.organizations o USING (organization_id) WHERE o.slug IN ('plain', 'grouped', 'ending');
CREATE TABLE audited (LIKE logs INCLUDING ALL);
CREATE TABLE initiated (LIKE logs INCLUDING ALL, initiator_id uuid);
CREATE TABLE published (LIKE logs INCLUDING ALL);
INSERT INTO audited (organization_id, workspace_id, created_at, body) SELECT organization_id, workspace_id, created_at, body FROM logs;
GRANT SELECT ON audited TO bench_app;
\endif
VACUUM (FREEZE, ANALYZE);
