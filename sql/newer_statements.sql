-- Statements that a version of the server has added, or plans otherwise, in cells like those of sql/isolation_matrix.sql: MERGE with
-- RETURNING (17), RETURNING old (18); upserts that select, aggregates before joins, NOT IN as a join, FOR PORTION OF, GRAPH_TABLE (19).
-- What a server does not know isn't asked of it; test/tap/server_versions.pl has the rest, such as COPY.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\set documents :srcdir '/sql/include/documents.sql'
\set tokens :srcdir '/sql/include/tokens.sql'
\set matrix :srcdir '/sql/include/matrix.sql'
\set identities :srcdir '/sql/include/matrix_identities.sql'
\i :world
\i :documents
\set ECHO none
\i :tokens
\i :matrix
\o /dev/null
SELECT tenancy.set_setting('acme', 'members_view_all_data', false), tenancy.set_jwks('acme', jwks) FROM jwks WHERE name = 'acme';
INSERT INTO tables (relation, kind, shape, id_type, spare, conflict, sampled) VALUES
  ('plain', 'ordinary', 'full', 'uuid', 100, 'id', true),
  ('of_workspace', 'ordinary', 'workspace', 'uuid', 100, 'id', true),
  ('append_only', 'ordinary', 'logs', 'uuid', 100, 'id', true),
  ('ranged', 'partitioned by range', 'full', 'uuid', 100, 'id', true),
  ('ranged_low', 'partition, by name', 'full', 'uuid', NULL, 'id', true),
  ('ancestor', 'parent by inheritance', 'full', 'text', 100, NULL, true);
\i :identities
INSERT INTO modes (mode, how, only_reads, every, every_sampled, settings) VALUES
  ('direct', 'direct', false, 1, 1, 'SELECT'),
  ('generic plan', 'prepared', false, 1, 1, 'SET LOCAL plan_cache_mode = force_generic_plan'),
  ('generic plan, made for somebody else', 'planned as another', false, 1, 1, 'SET LOCAL plan_cache_mode = force_generic_plan'),
  ('policies called row by row', 'direct', false, 1, 1, 'SET LOCAL tenancy.specialize = off'),
  ('indexes and nested loops', 'direct', false, 1, 2, 'SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off');
UPDATE modes SET settings = settings || '; SET LOCAL min_eager_agg_group_size = 0' WHERE current_setting('server_version_num')::int >= 190000;
INSERT INTO statements (via, expects, statement, sql)
SELECT via, expects, statement, sql FROM (VALUES
  (15, 'rows', 'hides', 'NOT IN', 'SELECT n AS id FROM generate_series(1, 8) n WHERE n NOT IN (SELECT id FROM $T)'),
  (15, 'rows', 'hides', 'NOT IN, of itself', 'SELECT DISTINCT l.id FROM (VALUES (1), (2), (3), (4), (5), (6), (7), (8)) l (id) WHERE NOT (l.id IN (SELECT t.id FROM $T t WHERE t.id = l.id))'),
  (15, 'rows', 'hides', 'outer join that keeps the rest', 'SELECT n AS id FROM generate_series(1, 8) n LEFT JOIN $T t ON t.id = n WHERE t.id IS NULL'),
  (15, 'rows', 'sees', 'aggregate before a join', 'SELECT max(t.id) AS id FROM $T t JOIN app.logs l ON l.id = t.id GROUP BY l.id'),
  (15, 'rows', 'count', 'count before a join', 'SELECT coalesce(sum(c), 0)::int AS id FROM (SELECT l.id, count(*) AS c FROM $T t JOIN app.logs l ON l.id = t.id GROUP BY l.id) s'),
  (17, 'script', 'updates or refused', 'MERGE .. RETURNING', 'WITH m AS (MERGE INTO $T t USING generate_series(1, 8) n ON t.id = n WHEN MATCHED THEN UPDATE SET body = ''touched'' RETURNING t.id) SELECT array_agg(id) FROM m'),
  (17, 'script', 'deletes or refused', 'MERGE .. NOT MATCHED BY SOURCE', 'WITH m AS (MERGE INTO $T t USING (SELECT 0 AS n WHERE false) s ON t.id = s.n WHEN NOT MATCHED BY SOURCE THEN DELETE RETURNING t.id) SELECT array_agg(id) FROM m'),
  (18, 'script', 'locks', 'UPDATE .. RETURNING old', 'WITH u AS (UPDATE $T SET body = ''touched'' RETURNING old.id) SELECT array_agg(id) FROM u'),
  (18, 'script', 'deletes', 'DELETE .. RETURNING old, new', 'WITH d AS (DELETE FROM $T RETURNING coalesce(new.id, old.id) AS id) SELECT array_agg(id) FROM d'),
  (19, 'script', 'upserts', 'ON CONFLICT DO SELECT', 'WITH s AS (INSERT INTO $T (id, workspace_id) VALUES ($OWN, $HOME_WORKSPACE) ON CONFLICT ($CONFLICT) DO SELECT RETURNING id) SELECT array_agg(id) FROM s'),
  (19, 'script', 'upserts', 'ON CONFLICT DO SELECT FOR UPDATE', 'WITH s AS (INSERT INTO $T (id, workspace_id) VALUES ($OWN, $HOME_WORKSPACE) ON CONFLICT ($CONFLICT) DO SELECT FOR UPDATE RETURNING id) SELECT array_agg(id) FROM s'),
  (19, 'command', 'steals', 'ON CONFLICT DO SELECT of a hidden row', 'INSERT INTO $T (id, workspace_id) VALUES ($HIDDEN, $HOME_WORKSPACE) ON CONFLICT ($CONFLICT) DO SELECT RETURNING body'),
  (19, 'command', 'steals', 'ON CONFLICT DO SELECT FOR UPDATE of a hidden row', 'INSERT INTO $T (id, workspace_id) VALUES ($HIDDEN, $HOME_WORKSPACE) ON CONFLICT ($CONFLICT) DO SELECT FOR UPDATE WHERE true RETURNING body'))
  v (since, via, expects, statement, sql) WHERE current_setting('server_version_num')::int / 10000 >= since;

CREATE TABLE plain (id int NOT NULL UNIQUE, organization_id uuid, workspace_id uuid, user_id uuid, api_key_id uuid, body text, span int4range DEFAULT '[0,9)');
CREATE TABLE of_workspace (LIKE plain INCLUDING ALL);
CREATE TABLE append_only (LIKE plain INCLUDING ALL);
CREATE TABLE ranged (LIKE plain INCLUDING ALL) PARTITION BY RANGE (id);
CREATE TABLE ranged_low PARTITION OF ranged FOR VALUES FROM (0) TO (4);
CREATE TABLE ranged_rest PARTITION OF ranged DEFAULT;
CREATE TABLE ancestor (id int NOT NULL, organization_id text, workspace_id text, user_id text, api_key_id text, body text, span int4range DEFAULT '[0,9)');
CREATE TABLE descendant () INHERITS (ancestor);
SELECT tenancy.protect(r::regclass, CASE r WHEN 'append_only' THEN 'logs' ELSE 'documents' END, organization => CASE WHEN r <> 'of_workspace' THEN 'organization_id'::name END,
                       workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id', create_indexes => true) FROM unnest('{plain,of_workspace,append_only,ranged,ancestor}'::text[]) r;
SELECT fill(relation, id_type) FROM tables WHERE relation <> 'ranged_low';
WITH moved AS (DELETE FROM ONLY ancestor WHERE id % 2 = 1 RETURNING *) INSERT INTO descendant SELECT * FROM moved;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app TO PUBLIC;
DO $$
DECLARE
  t record;
BEGIN
  FOR t IN SELECT * FROM tables LOOP
    EXECUTE format('UPDATE tables SET holds = (SELECT array_agg(id ORDER BY id) FROM %1$I) WHERE relation = %1$L', t.relation);
  END LOOP;
END
$$;
-- What may be in a build of 19, or not: 19rc1 has neither.
DO $$
BEGIN
  EXECUTE 'UPDATE plain FOR PORTION OF span FROM 1 TO 2 SET body = body WHERE false';
  INSERT INTO statements (via, expects, statement, sql) VALUES
    ('command', 'updates', 'UPDATE FOR PORTION OF', 'UPDATE $T FOR PORTION OF span FROM 0 TO 9 SET body = ''touched'''),
    ('command', 'deletes', 'DELETE FOR PORTION OF', 'DELETE FROM $T FOR PORTION OF span FROM 0 TO 9');
EXCEPTION WHEN syntax_error THEN
END
$$;
DO $$
DECLARE
  t record;
BEGIN
  FOR t IN SELECT * FROM tables LOOP
    EXECUTE format('CREATE PROPERTY GRAPH graph_%1$s VERTEX TABLES (%1$s KEY (id) LABEL one PROPERTIES (id))', t.relation);
    EXECUTE format('ALTER PROPERTY GRAPH graph_%1$s OWNER TO regress_owner', t.relation);
    EXECUTE format('GRANT SELECT ON PROPERTY GRAPH graph_%1$s TO PUBLIC', t.relation);
  END LOOP;
  INSERT INTO statements (via, expects, statement, sql) VALUES ('rows', 'sees', 'GRAPH_TABLE', 'SELECT id FROM GRAPH_TABLE (app.graph_$T MATCH (t IS one) COLUMNS (t.id))');
EXCEPTION WHEN syntax_error THEN
END
$$;
RESET client_min_messages;
\o
\set ECHO all
SELECT relation, holds FROM tables ORDER BY n;
CALL run_matrix();
CALL run_control();
SELECT DISTINCT identity FROM cells WHERE mode <> 'control' ORDER BY 1;
-- None is without cells, and none without others' rows beside its own.
SELECT statement FROM statements LEFT JOIN cells USING (statement) GROUP BY statement HAVING count(*) FILTER (WHERE mode <> 'control' AND shown > 0 AND withheld > 0) < 10;
-- Cells that went wrong
SELECT * FROM cells WHERE outcome <> ALL (string_to_array(expected, ' or ')) ORDER BY 1, 2, 3, 4 LIMIT 100;
SET client_min_messages = warning;
DROP SCHEMA decoys CASCADE;
