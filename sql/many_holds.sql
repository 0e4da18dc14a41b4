-- Many holds of one tenant cost others nothing for each row: counted in pages that the server reads, not in time.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set held :srcdir '/sql/include/held.sql'
\i :held
\pset format unaligned
SET client_min_messages = error;
CREATE TABLE notes (id int, day date NOT NULL, organization_id uuid, workspace_id uuid, body text) PARTITION BY RANGE (day);
CREATE TABLE notes_1 PARTITION OF notes FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE notes_2 PARTITION OF notes FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
\o /dev/null
SELECT tenancy.protect('notes', 'logs', 'organization_id', 'workspace_id');
SELECT tenancy.apply_logging_settings('notes', 'logs', '{body}');
\o
INSERT INTO notes SELECT i, '2026-01-05', :acme, :search, 'text' FROM generate_series(1, 200) i;
-- RETURNS how many pages a statement reads; nothing remains of it.
CREATE FUNCTION pages(statement text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING off, COSTS off, FORMAT json) ' || statement INTO plan;
  RAISE EXCEPTION USING ERRCODE = 'P0099', MESSAGE = (plan -> 0 -> 'Plan' ->> 'Shared Hit Blocks')::bigint + (plan -> 0 -> 'Plan' ->> 'Shared Read Blocks')::bigint;
EXCEPTION WHEN SQLSTATE 'P0099' THEN
  RETURN SQLERRM;
END
$$;
CREATE TABLE statements (n int, statement text, before bigint);
INSERT INTO statements VALUES (1, 'UPDATE notes SET day = ''2026-02-05'''), (2, 'DELETE FROM notes'), (3, 'UPDATE notes SET id = id + 1'),
  (4, 'INSERT INTO notes SELECT id, day, organization_id, workspace_id, body FROM notes');
-- First what a session reads once
SELECT count(pages(statement)) FROM statements;
UPDATE statements SET before = pages(statement);
-- Another tenant's holds and settings, of workspaces that it makes
SET session_replication_role = replica;
INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name)
SELECT gen_random_uuid(), 'bbbbbbbb-0000-4000-8000-000000000000', 'w' || i, 'W' FROM generate_series(1, 2000) i;
INSERT INTO tenancy.logging_settings (organization_id, workspace_id, setting, value)
SELECT w.organization_id, w.workspace_id, s.setting, s.value FROM tenancy.workspaces w, (VALUES ('legal_hold', 'on'), ('store_content', 'metadata')) s (setting, value)
WHERE w.organization_id = 'bbbbbbbb-0000-4000-8000-000000000000';
RESET session_replication_role;
ANALYZE tenancy.logging_settings;
\connect -
SET search_path = app;
SELECT count(pages(statement)) FROM statements;
-- A deeper index makes it one more for each of some ten looks at a row, of which there are 200.
SELECT n, statement, CASE WHEN more <= 3000 THEN 'as before' ELSE more::text END AS pages FROM (SELECT n, statement, pages(statement) - before AS more FROM statements) s ORDER BY n;
-- A search for held rows reads the list of holds once, however many partitions and rows there are.
CREATE TABLE empty (LIKE notes_1);
CREATE FUNCTION search(t text) RETURNS bigint LANGUAGE sql AS $$
  SELECT pages(format('SELECT tenancy_internal.has_kept_rows(%L, ''organization_id'', ''workspace_id'')', t))
$$;
SELECT count(search(t)) FROM unnest('{notes,empty}'::text[]) t;
SELECT search('notes') - search('empty') <= 1000 AS once;
-- Nor do settings of other workspaces of the same tenant.
SET session_replication_role = replica;
INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name)
SELECT gen_random_uuid(), 'aaaaaaaa-0000-4000-8000-000000000000', 'w' || i, 'W' FROM generate_series(1, 2000) i;
INSERT INTO tenancy.logging_settings (organization_id, workspace_id, setting, value)
SELECT w.organization_id, w.workspace_id, s.setting, CASE s.setting WHEN 'store_content' THEN 'metadata' ELSE substr(w.slug, 2) END
FROM tenancy.workspaces w, unnest('{store_content,retention_days.logs}'::text[]) s (setting) WHERE w.slug ~ '^w\d' AND w.organization_id = 'aaaaaaaa-0000-4000-8000-000000000000';
RESET session_replication_role;
ANALYZE tenancy.logging_settings;
\connect -
SET search_path = app;
SELECT count(pages(statement)) FROM statements;
SELECT n, CASE WHEN more <= 3000 THEN 'as before' ELSE more::text END AS pages FROM (SELECT n, pages(statement) - before AS more FROM statements) s ORDER BY n;
-- All of them are one condition for the job, by which each row goes at its own workspace's end.
SET session_replication_role = replica;
INSERT INTO notes (id, day, organization_id, workspace_id, received_at)
SELECT i, '2026-01-05', w.organization_id, w.workspace_id, now() - interval '1 day' * i FROM tenancy.workspaces w, generate_series(100, 2000, 100) i
WHERE w.organization_id = 'aaaaaaaa-0000-4000-8000-000000000000';
RESET session_replication_role;
SELECT tenancy.set_logging('acme', 'retention_days.logs', '1950');
SELECT count(e) AS conditions FROM tenancy_internal.kept_tables k JOIN tenancy.protected_tables t USING (relation), tenancy_internal.expired_rows(k, t, false) e;
CREATE TABLE expired AS SELECT n.ctid AS place, n.tableoid AS part FROM notes n JOIN tenancy.workspaces w USING (workspace_id)
WHERE now() - n.received_at > interval '1 day' * least(1950, CASE WHEN w.slug ~ '^w\d' THEN substr(w.slug, 2)::int END);
SELECT count(*) AS expired FROM expired;
SELECT removed, referred_to, held FROM tenancy.remove_expired_rows(1000000);
SELECT count(*) AS missed FROM notes n JOIN expired e ON e.place = n.ctid AND e.part = n.tableoid;
SELECT count(*) AS left_over FROM notes n JOIN tenancy.workspaces w USING (workspace_id);
