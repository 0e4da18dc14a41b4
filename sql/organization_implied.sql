-- protect(…, workspace_implies_organization => true): a vow in place of a foreign key, by which who belongs to many workspaces finds
-- the newest rows by an index on the organization. A false vow hides rows; it never shows one.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set plans :srcdir '/sql/include/plans.sql'
\i :plans
\set ECHO none
\pset format unaligned
\o /dev/null
SET client_min_messages = warning;
-- Twenty workspaces more, all nora's.
INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name)
SELECT format('aaaaaaaa-0000-4000-8000-0000000001%s', lpad(n::text, 2, '0'))::uuid, 'aaaaaaaa-0000-4000-8000-000000000000', 'w' || n, 'W' || n FROM generate_series(1, 20) n;
INSERT INTO tenancy.workspace_members (workspace_id, user_id, organization_id, role_id)
SELECT workspace_id, (SELECT user_id FROM tenancy.users WHERE email ~ '^nora@'), organization_id, tenancy_internal.find_role(NULL, 'workspace', 'manager') FROM tenancy.workspaces WHERE slug ~ '^w[0-9]+$';
CREATE TABLE docs (id int, organization_id uuid NOT NULL, workspace_id uuid, user_id uuid, title text, price numeric, made timestamptz);
INSERT INTO docs
SELECT n, w.organization_id, w.workspace_id, NULL, CASE WHEN w.slug = 'lab' THEN 'hidden' ELSE md5(n::text) END, n % 100, timestamptz '2025-01-01 00:00+00' + n * interval '1 hour'
FROM generate_series(1, 20000) n JOIN tenancy.workspaces w ON w.slug = CASE WHEN n % 10 < 3 THEN 'lab' ELSE 'w' || 1 + n % 20 END;
CREATE INDEX docs_organization ON docs (organization_id, made);
CREATE INDEX docs_workspace ON docs (workspace_id, made);
CREATE INDEX docs_price ON docs (price);
ANALYZE docs;
GRANT ALL ON docs TO PUBLIC;
CREATE FUNCTION page(columns text DEFAULT 'id') RETURNS text LANGUAGE sql AS $$ SELECT format('SELECT %s FROM app.docs ORDER BY made DESC LIMIT 5', columns) $$;
-- the index that a page is found by, and whether the organization is compared at all
CREATE FUNCTION found_by(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN format('%s%s', coalesce(substring(plan::text FROM '"Index Name": "([^"]*)"'), 'none'), CASE WHEN plan::text ~ 'organization_id = ' THEN ', organization' END);
END
$$;
RESET client_min_messages;
\o
\set ECHO all
SET client_min_messages = warning;
SELECT tenancy.protect('docs', 'logs', 'organization_id', 'workspace_id', 'user_id') IS NOT NULL AS protected;
RESET client_min_messages;
SET SESSION AUTHORIZATION regress_app;
SET tenancy."user" = 'nora@acme.test';
SET tenancy.organization = 'acme';
SELECT found_by(page()), estimate('SELECT FROM app.docs') AS estimate \gset without_
\echo :without_found_by
SELECT count(*), min(id), max(id) FROM docs;
RESET SESSION AUTHORIZATION;
SELECT tenancy.protect('docs', 'logs', 'organization_id', 'workspace_id', 'user_id', workspace_implies_organization => true) IS NOT NULL AS protected;
SELECT qual FROM pg_policies WHERE tablename = 'docs' AND cmd = 'SELECT';
SELECT workspace_implies_organization AS of_table, (SELECT workspace_implies_organization FROM tenancy.protected_names WHERE table_name = 'docs') AS of_name, (tenancy_internal.inspect_protection(relation)).problem
FROM tenancy.protected_tables WHERE relation = 'docs'::regclass;
SELECT * FROM failure('SELECT tenancy.protect(''docs'', ''logs'', ''organization_id'', ''workspace_id'', workspace_implies_organization => NULL)');
SELECT * FROM failure('SELECT tenancy.protect(''docs'', ''logs'', ''organization_id'', workspace_implies_organization => true)');
SET SESSION AUTHORIZATION regress_app;
SELECT found_by(page()), found_by('SELECT id FROM app.docs ORDER BY made') AS whole, found_by('SELECT id FROM app.docs LIMIT 5') AS unordered, estimate('SELECT FROM app.docs') = :without_estimate AS same_estimate;
SELECT count(*), min(id), max(id) FROM docs;
-- by a prepared statement, for one principal after another
PREPARE page AS SELECT id, organization_id, workspace_id FROM docs ORDER BY made DESC LIMIT 2;
SELECT found_by('EXECUTE page');
EXECUTE page;
SET tenancy."user" = 'gus@globex.test';
SET tenancy.organization = 'globex';
EXECUTE page;
SET tenancy."user" = 'mike@acme.test';
SET tenancy.organization = 'acme';
EXECUTE page;
SET tenancy."user" = 'nora@acme.test';
EXECUTE page;
DEALLOCATE page;
-- What tenants write keeps to it, whatever they vouch for: a workspace of theirs with another organization
SELECT * FROM failure('INSERT INTO app.docs (id, organization_id, workspace_id) VALUES (0, ''bbbbbbbb-0000-4000-8000-000000000000'', ''aaaaaaaa-0000-4000-8000-000000000101'')');

-- Where it is false, by whom no policy concerns: rows of nora's workspace that name another organization, the newest of all; and
-- of another's workspace that name hers.
RESET SESSION AUTHORIZATION;
INSERT INTO docs VALUES (30000, 'bbbbbbbb-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000101', NULL, 'disputed', 1, '2030-01-01'),
  (40000, 'aaaaaaaa-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000002', NULL, 'hidden', 1, '2030-01-01'),
  (50000, 'aaaaaaaa-0000-4000-8000-000000000000', NULL, NULL, 'hidden', 1, '2030-01-01');
ANALYZE docs;
CREATE FUNCTION leak(title text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN IF title = 'hidden' THEN RAISE 'leak'; END IF; RETURN true; END $$;
CREATE TABLE pages (n serial, query text);
INSERT INTO pages (query) VALUES ('SELECT max(id) FROM (SELECT id FROM app.docs ORDER BY made DESC LIMIT 5) d'), ('SELECT max(id) FROM (SELECT id FROM app.docs WHERE app.leak(title) ORDER BY made DESC LIMIT 5) d'),
  ('SELECT max(id) FROM (SELECT id FROM app.docs WHERE price IN (1, 5) AND app.leak(title) ORDER BY made DESC LIMIT 5) d'), ('SELECT max(id) FROM (SELECT id FROM app.docs ORDER BY app.leak(title), made DESC LIMIT 5) d'),
  ('SELECT max(id) FROM app.docs'), ('SELECT max(id) FROM app.docs WHERE price IN (1, 5) AND app.leak(title)'), ('SELECT max(id) FROM app.docs WHERE organization_id = ''bbbbbbbb-0000-4000-8000-000000000000'''),
  ('SELECT max(id) FROM (SELECT d.id FROM app.docs d JOIN app.docs e USING (id) WHERE app.leak(e.title) ORDER BY d.made DESC LIMIT 5) d'),
  ('SELECT max(id) FROM (SELECT id FROM app.docs ORDER BY made DESC LIMIT 5 FOR UPDATE) d');
CREATE FUNCTION answer(query text, mode text, by_index boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
BEGIN
  PERFORM app.trust(mode), set_config('enable_seqscan', (NOT by_index)::text, true), set_config('enable_bitmapscan', by_index::text, true), set_config('enable_indexscan', by_index::text, true);
  EXECUTE query INTO answer;
  RETURN answer;
EXCEPTION WHEN raise_exception THEN
  RETURN SQLERRM;
END
$$;
GRANT SELECT ON pages TO PUBLIC;
-- Whom no policy concerns: functions meet them
SELECT answer(query, 'own_rows', true), count(*) FROM pages GROUP BY 1 ORDER BY 1;
SET SESSION AUTHORIZATION regress_app;
-- A page lacks the disputed row, which is there for other queries of nora's; nothing else is ever met
SELECT n, answer, count(*) AS times, left(max(query), 90) AS query FROM pages, unnest('{none,own_rows,all}'::text[]) mode, unnest('{t,f}'::boolean[]) by_index, LATERAL answer(query, mode, by_index) GROUP BY 1, 2 ORDER BY 1, 2;
-- Not where the organization can be absent, nor where children can lose NOT NULL
RESET SESSION AUTHORIZATION;
ALTER TABLE docs ALTER organization_id DROP NOT NULL;
SET SESSION AUTHORIZATION regress_app;
SELECT found_by(page());
RESET SESSION AUTHORIZATION;
ALTER TABLE docs ALTER organization_id SET NOT NULL;
CREATE TABLE child () INHERITS (docs);
SELECT workspace_implies_organization FROM tenancy.protected_tables WHERE relation = 'child'::regclass;
SET SESSION AUTHORIZATION regress_app;
SELECT found_by(page()) ~ 'organization$' AS by_organization;
RESET SESSION AUTHORIZATION;
DROP TABLE child;
ANALYZE docs;
SET SESSION AUTHORIZATION regress_app;
SELECT found_by(page()) ~ 'organization$' AS by_organization;
RESET SESSION AUTHORIZATION;
-- A table that takes the name is protected with the same vow; advise() writes it down.
DELETE FROM docs WHERE id >= 30000;
CREATE TABLE kept AS SELECT * FROM docs;
DROP TABLE docs;
CREATE TABLE docs (LIKE kept);
SELECT workspace_implies_organization FROM tenancy.protected_tables WHERE relation = 'docs'::regclass;
SET tenancy.guard_rails = off;
ALTER POLICY tenancy_select ON docs USING (true);
RESET tenancy.guard_rails;
SELECT fix_sql FROM tenancy.advise() WHERE rule = 'protection_broken' AND object ~ 'docs';
SELECT tenancy.unprotect('docs');
DROP TABLE docs;

-- Partitions, of those that are made later too, and as create_observability() has it
SET client_min_messages = warning;
SELECT tenancy.create_observability('obs') IS NOT NULL AS made;
RESET client_min_messages;
SELECT c.relname, bool_and(t.workspace_implies_organization) AS vouched, count(*) > 1 AS with_partitions FROM tenancy.protected_tables t JOIN pg_partition_tree(t.relation) p ON p.isleaf OR p.level = 0
JOIN pg_class c ON c.oid = coalesce(pg_partition_root(t.relation), t.relation) JOIN tenancy.protected_tables r ON r.relation = c.oid
WHERE t.relation::text ~ '^obs\.' AND c.relnamespace = 'obs'::regnamespace GROUP BY 1 ORDER BY 1;
GRANT USAGE ON SCHEMA obs TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA obs TO PUBLIC;
RESET tenancy."user";
RESET tenancy.organization;
INSERT INTO obs.logs (log_id, start_time, organization_id, workspace_id, request_model)
SELECT gen_random_uuid(), now() - n * interval '2 seconds', organization_id, workspace_id, 'm' FROM kept, LATERAL (SELECT id AS n) i;
ANALYZE obs.logs;
SET SESSION AUTHORIZATION regress_app;
SET tenancy."user" = 'nora@acme.test';
SET tenancy.organization = 'acme';
SELECT trust('own_rows');
SELECT regexp_replace(found_by('SELECT log_id FROM obs.logs ORDER BY start_time DESC LIMIT 50'), 'logs_[p0-9_]*(organization|workspace)', 'logs of \1') AS page;
SELECT count(*), bool_and(organization_id = 'aaaaaaaa-0000-4000-8000-000000000000') FROM (SELECT * FROM obs.logs ORDER BY start_time DESC LIMIT 50) l;
RESET SESSION AUTHORIZATION;
SET client_min_messages = warning;
DROP SCHEMA obs CASCADE;
RESET client_min_messages;
