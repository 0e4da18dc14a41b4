-- Statements × tables × identities × plans: each cell shows (or changes) just the rows that the identity is entitled to,
-- while others lie beside them. Generated: a new statement, table, identity or plan is one line.
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
-- Members see their own rows only; managers, and whoever is above, all.
SELECT tenancy.set_setting('acme', 'members_view_all_data', false), tenancy.set_jwks('acme', jwks) FROM jwks WHERE name = 'acme';

INSERT INTO tables (relation, kind, shape, id_type, spare, conflict, sampled) VALUES
  ('plain', 'ordinary', 'full', 'uuid', 100, 'id', false),
  ('not_logged', 'ordinary', 'full', 'uuid', 100, 'id', false),
  ('numbers', 'ordinary', 'full', 'bigint', 100, 'id', false),
  ('words', 'ordinary', 'full', 'text', 100, 'id', false),
  ('generated', 'ordinary', 'full', 'uuid', 100, 'id', false),
  ('referenced', 'ordinary', 'full', 'uuid', 100, 'id', false),
  ('referencing', 'ordinary', 'full', 'uuid', 100, NULL, false),
  ('by_owner', 'ordinary', 'full', 'uuid', 100, 'id', false),
  ('by_key', 'ordinary', 'by key', 'uuid', 100, 'id', false),
  ('by_neither', 'ordinary', 'by neither', 'uuid', 100, 'id', false),
  ('of_organization', 'ordinary', 'organization', 'uuid', 100, 'id', false),
  ('of_workspace', 'ordinary', 'workspace', 'uuid', 100, 'id', false),
  ('append_only', 'ordinary', 'logs', 'uuid', 100, 'id', false),
  ('ranged', 'partitioned by range', 'full', 'uuid', 100, 'id', true),
  ('ranged_low', 'partition, by name', 'full', 'uuid', NULL, 'id', false),
  ('ranged_rest', 'default partition, by name', 'full', 'uuid', 100, 'id', false),
  ('listed', 'partitioned by list', 'full', 'bigint', 100, NULL, false),
  ('listed_acme', 'middle level, by name', 'full', 'bigint', NULL, NULL, false),
  ('listed_acme_low', 'partition, by name', 'full', 'bigint', NULL, NULL, false),
  ('listed_acme_rest', 'default partition, by name', 'full', 'bigint', NULL, NULL, false),
  ('hashed', 'partitioned by hash', 'full', 'uuid', 100, NULL, false),
  ('hashed_0', 'partition, by name', 'full', 'uuid', NULL, NULL, false),
  ('attached', 'partition with columns in another order, by name', 'full', 'uuid', NULL, 'id', false),
  ('detached', 'former partition', 'full', 'uuid', NULL, 'id', false),
  ('ancestor', 'parent by inheritance', 'full', 'text', 100, NULL, true),
  ('descendant', 'child by inheritance, by name', 'full', 'text', 100, NULL, false),
  ('scoped', 'scoped view', 'full', 'uuid', NULL, NULL, false);
UPDATE tables SET writable = false WHERE relation = 'scoped';

\i :identities

INSERT INTO statements (via, expects, statement, sql) VALUES
  ('rows', 'sees', 'SELECT', 'SELECT id FROM $T'),
  ('rows', 'sees', 'TABLE', 'SELECT id FROM (TABLE $T) t'),
  ('rows', 'sees', 'filter that is always true', 'SELECT id FROM $T WHERE organization_id = organization_id OR workspace_id IS NULL OR true'),
  ('rows', 'sees', 'filter that names others', 'SELECT id FROM $T WHERE id IN (1, 2, 3, 4, 5, 6, 7, 8) OR organization_id = $AWAY OR workspace_id = $AWAY_WORKSPACE'),
  ('rows', 'sees', 'by ctid', 'SELECT id FROM $T WHERE ctid >= ''(0,0)'' AND tableoid > 0'),
  ('rows', 'sees', 'order and limit', 'SELECT id FROM $T ORDER BY id DESC FETCH FIRST 100 ROWS WITH TIES'),
  ('rows', 'count', 'count', 'SELECT count(*)::int AS id FROM $T'),
  ('rows', 'max', 'max', 'SELECT max(id) AS id FROM $T'),
  ('rows', 'sees', 'GROUP BY', 'SELECT id FROM $T GROUP BY GROUPING SETS ((id), ()) HAVING id IS NOT NULL'),
  ('rows', 'sees', 'DISTINCT ON', 'SELECT DISTINCT ON (id, body) id FROM $T ORDER BY id, body'),
  ('rows', 'sees', 'window', 'SELECT coalesce(lag(id) OVER (ORDER BY id), (SELECT max(id) FROM $T)) AS id FROM $T'),
  ('rows', 'sees', 'whole row', 'SELECT (to_jsonb(t) ->> ''id'')::int AS id FROM $T t'),
  ('rows', 'sees', 'join', 'SELECT a.id FROM $T a JOIN $T b USING (id) JOIN app.logs c USING (id)'),
  ('rows', 'sees', 'outer joins', 'SELECT t.id FROM generate_series(1, 8) n LEFT JOIN $T t ON t.id = n FULL JOIN $T u ON u.id = t.id WHERE t.id IS NOT NULL'),
  ('rows', 'hides', 'anti-join', 'SELECT n AS id FROM generate_series(1, 8) n WHERE NOT EXISTS (SELECT FROM $T t WHERE t.id = n)'),
  ('rows', 'sees', 'semi-join', 'SELECT n AS id FROM generate_series(1, 8) n WHERE n IN (SELECT id FROM $T)'),
  ('rows', 'sees', 'lateral', 'SELECT l.id FROM generate_series(1, 8) n, LATERAL (SELECT id FROM $T t WHERE t.id = n LIMIT 1) l'),
  ('rows', 'sees', 'sub-query', 'SELECT id FROM (SELECT id FROM $T OFFSET 0) s'),
  ('rows', 'sees', 'sub-query as a value', 'SELECT unnest(ARRAY(SELECT id FROM $T)) AS id'),
  ('rows', 'sees', 'correlated sub-query', 'SELECT (SELECT t.id FROM $T t WHERE t.id = n LIMIT 1) AS id FROM generate_series(1, 8) n WHERE (SELECT t.id FROM $T t WHERE t.id = n LIMIT 1) > 0'),
  ('rows', 'sees', 'CTE', 'WITH c AS (SELECT id FROM $T) SELECT id FROM c'),
  ('rows', 'sees', 'CTE, materialized', 'WITH c AS MATERIALIZED (SELECT id FROM $T) SELECT id FROM c'),
  ('rows', 'sees', 'CTE, recursive', 'WITH RECURSIVE c AS (SELECT min(id) AS id FROM $T UNION SELECT t.id FROM $T t JOIN c ON t.id > c.id) SELECT id FROM c WHERE id > 0'),
  ('rows', 'sees', 'set operations', 'SELECT id FROM $T UNION (SELECT id FROM $T INTERSECT SELECT id FROM app.logs) EXCEPT SELECT 0'),
  ('rows', 'sees', 'TABLESAMPLE', 'SELECT id FROM $T TABLESAMPLE SYSTEM (100)'),
  ('rows', 'locks', 'FOR UPDATE', 'SELECT id FROM $T FOR UPDATE'),
  ('rows', 'locks', 'FOR KEY SHARE SKIP LOCKED', 'SELECT id FROM $T FOR KEY SHARE SKIP LOCKED'),
  ('rows', 'sees', 'query_to_xml', 'SELECT unnest(xpath(''//id/text()'', query_to_xml(''SELECT id FROM $T'', false, false, '''')))::text::int AS id'),
  ('rows', 'sees', 'ts_stat', 'SELECT word::int AS id FROM ts_stat(''SELECT to_tsvector(''''simple'''', id::text) FROM $T'')'),
  ('rows', 'sees', 'SQL function, inlined', 'SELECT id FROM app.$T_inlined()'),
  ('rows', 'sees', 'SQL function, not inlined', 'SELECT id FROM app.$T_called() id'),
  ('rows', 'sees', 'SQL function, BEGIN ATOMIC', 'SELECT id FROM app.$T_atomic() id'),
  ('rows', 'sees', 'PL/pgSQL, static', 'SELECT id FROM app.$T_static() id'),
  ('rows', 'sees', 'PL/pgSQL, expression', 'SELECT unnest(app.$T_expression()) AS id'),
  ('rows', 'sees', 'PL/pgSQL, cursor', 'SELECT id FROM app.$T_cursor() id'),
  ('rows', 'sees', 'PL/pgSQL, dynamic', 'SELECT id FROM app.dynamic(''$T'') id'),
  ('rows', 'sees', 'PL/pgSQL, loop', 'SELECT id FROM app.looped(''$T'') id'),
  ('rows', 'sees', 'cursor handed on', 'SELECT id FROM app.fetched(app.opened(''$T'')) id'),
  ('rows', 'sees', 'SECURITY DEFINER, ordinary owner', 'SELECT id FROM app.$T_definer() id'),
  ('rows', 'sees', 'view, security_invoker', 'SELECT id FROM app.$T_as_invoker'),
  ('rows', 'sees', 'view of an ordinary owner', 'SELECT id FROM app.$T_as_owner'),
  ('rows', 'sees', 'view, security_barrier', 'SELECT id FROM app.$T_barrier'),
  ('rows', 'sees', 'view on views', 'SELECT id FROM app.$T_on_view'),
  ('script', 'sees', 'CREATE TABLE AS', 'CREATE TEMP TABLE seen AS SELECT id FROM $T; SELECT array_agg(id) FROM seen'),
  ('script', 'sees', 'SELECT INTO', 'SELECT id INTO TEMP seen FROM $T; SELECT array_agg(id) FROM seen'),
  ('script', 'sees', 'INSERT .. SELECT', 'CREATE TEMP TABLE seen (id int); INSERT INTO seen SELECT id FROM $T; SELECT array_agg(id) FROM seen'),
  ('script', 'sees', 'temporary view', 'CREATE TEMP VIEW seen AS SELECT id FROM $T; SELECT array_agg(id) FROM seen'),
  ('script', 'sees', 'temporary materialized copy by EXECUTE', 'PREPARE p AS SELECT id FROM $T; CREATE TEMP TABLE seen AS EXECUTE p; DEALLOCATE p; SELECT array_agg(id) FROM seen'),
  ('script', 'sees', 'DO', 'DO $do$ BEGIN PERFORM set_config(''app.ids'', (SELECT array_agg(id)::text FROM $T), true); END $do$; SELECT nullif(current_setting(''app.ids''), '''')::int[]'),
  ('script', 'sees', 'trigger function', 'INSERT INTO app.bell (relation) VALUES (''$T'') RETURNING ids'),
  ('script', 'locks', 'UPDATE .. RETURNING', 'WITH u AS (UPDATE $T SET body = body RETURNING id) SELECT array_agg(id) FROM u'),
  ('script', 'deletes', 'DELETE .. RETURNING', 'WITH u AS (DELETE FROM $T RETURNING id) SELECT array_agg(id) FROM u'),
  ('command', 'updates', 'UPDATE', 'UPDATE $T SET body = ''touched'''),
  ('command', 'updates', 'UPDATE of named rows', 'UPDATE $T SET body = ''touched'' WHERE id BETWEEN 1 AND 8 RETURNING *'),
  ('command', 'updates', 'UPDATE .. FROM', 'UPDATE $T t SET body = ''touched'' FROM app.logs l WHERE l.id = t.id'),
  ('command', 'moves', 'UPDATE to another organization', 'UPDATE $T SET body = ''touched'', organization_id = $AWAY, workspace_id = $AWAY_WORKSPACE'),
  ('command', 'deletes', 'DELETE', 'DELETE FROM $T'),
  ('command', 'deletes', 'DELETE .. USING', 'DELETE FROM $T t USING app.logs l WHERE l.id = t.id RETURNING *'),
  ('command', 'updates or refused', 'MERGE, update', 'MERGE INTO $T t USING generate_series(1, 8) n ON t.id = n WHEN MATCHED THEN UPDATE SET body = ''touched'''),
  ('command', 'deletes or refused', 'MERGE, delete', 'MERGE INTO $T t USING generate_series(1, 8) n ON t.id = n WHEN MATCHED THEN DELETE'),
  ('command', 'creates', 'MERGE, insert', 'MERGE INTO $T t USING (VALUES ($SPARE)) v (id) ON t.id = v.id WHEN NOT MATCHED THEN INSERT (id, workspace_id) VALUES (v.id, $HOME_WORKSPACE)'),
  ('command', 'moves what is seen', 'MERGE, to another organization', 'MERGE INTO $T t USING generate_series(1, 8) n ON t.id = n WHEN MATCHED THEN UPDATE SET body = ''touched'', organization_id = $AWAY, workspace_id = $AWAY_WORKSPACE'),
  ('command', 'creates', 'INSERT', 'INSERT INTO $T (id, workspace_id) VALUES ($SPARE, $HOME_WORKSPACE)'),
  ('command', 'creates and sees', 'INSERT .. RETURNING', 'INSERT INTO $T (id, workspace_id) VALUES ($SPARE, $HOME_WORKSPACE) RETURNING id'),
  ('command', 'writes away', 'INSERT for another organization', 'INSERT INTO $T (id, organization_id, workspace_id) VALUES ($SPARE, $AWAY, $AWAY_WORKSPACE)'),
  ('command', 'writes elsewhere', 'INSERT into another workspace', 'INSERT INTO $T (id, workspace_id, organization_id) SELECT $SPARE, $AWAY_WORKSPACE, $HOME'),
  ('command', 'creates nothing', 'ON CONFLICT DO NOTHING', 'INSERT INTO $T (id, workspace_id) VALUES ($HIDDEN, $HOME_WORKSPACE) ON CONFLICT DO NOTHING'),
  ('command', 'upserts', 'ON CONFLICT DO UPDATE', 'INSERT INTO $T (id, workspace_id) VALUES ($OWN, $HOME_WORKSPACE) ON CONFLICT ($CONFLICT) DO UPDATE SET body = ''touched'''),
  ('command', 'steals', 'ON CONFLICT DO UPDATE of a hidden row', 'INSERT INTO $T (id, workspace_id) VALUES ($HIDDEN, $HOME_WORKSPACE) ON CONFLICT ($CONFLICT) DO UPDATE SET body = ''touched'' RETURNING body'),
  ('command', 'denied', 'row_security = off', 'SET LOCAL row_security = off; SELECT FROM $T'),
  ('command', 'denied', 'TRUNCATE', 'TRUNCATE $T CASCADE'),
  ('command', 'denied', 'CREATE POLICY', 'CREATE POLICY mine ON $T USING (true)'),
  ('command', 'denied', 'DISABLE ROW LEVEL SECURITY', 'ALTER TABLE $T DISABLE ROW LEVEL SECURITY'),
  ('command', 'denied', 'CREATE TRIGGER', 'CREATE TRIGGER mine BEFORE INSERT ON $T FOR EACH ROW EXECUTE FUNCTION app.ring()'),
  ('command', 'denied', 'CREATE RULE', 'CREATE RULE mine AS ON INSERT TO $T DO INSTEAD NOTHING'),
  ('command', 'denied', 'ALTER TABLE .. OWNER', 'ALTER TABLE $T OWNER TO CURRENT_USER');

-- Elsewhere the server takes enormous costs, such as that of a scan it isn't to make, for a reason to compile.
SET jit = off;
INSERT INTO modes (mode, how, only_reads, every, every_sampled, settings) VALUES
  ('direct', 'direct', false, 2, 1, 'SELECT'),
  ('custom plan', 'prepared', false, 61, 2, 'SET LOCAL plan_cache_mode = force_custom_plan'),
  ('generic plan', 'prepared', false, 61, 1, 'SET LOCAL plan_cache_mode = force_generic_plan'),
  ('generic plan, made for somebody else', 'planned as another', false, 61, 1, 'SET LOCAL plan_cache_mode = force_generic_plan'),
  ('policies called row by row', 'direct', false, 61, 1, 'SET LOCAL tenancy.specialize = off'),
  ('indexes and nested loops', 'direct', false, 61, 2, 'SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off'),
  ('scans and merges', 'direct', false, 61, 2, 'SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_nestloop = off; SET LOCAL enable_hashjoin = off'),
  ('partitionwise', 'direct', true, 61, 2, 'SET LOCAL enable_partitionwise_join = on; SET LOCAL enable_partitionwise_aggregate = on'),
  ('decoys in the search path', 'direct', false, 61, 2, 'SET LOCAL search_path = decoys, app, pg_catalog'),
  ('parallel', 'direct', true, 0, 11, 'SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL cpu_tuple_cost = 1000; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL parallel_leader_participation = off'),
  ('parallel, with the leader', 'direct', true, 0, 17, 'SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL cpu_tuple_cost = 1000; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off'),
  ('compiled', 'direct', true, 0, 7, 'SET LOCAL jit = on; SET LOCAL jit_above_cost = 0');

-- The tables, each with the same eight rows.
DO $$
DECLARE
  t record;
BEGIN
  FOR t IN SELECT * FROM tables WHERE kind = 'ordinary' OR relation IN ('ranged', 'listed', 'hashed', 'ancestor') LOOP
    EXECUTE format('CREATE TABLE %1$I (id int NOT NULL, organization_id %2$s, workspace_id %2$s, user_id %2$s, api_key_id %2$s, body text)%3$s', t.relation, t.id_type,
                   CASE t.relation WHEN 'ranged' THEN ' PARTITION BY RANGE (id)' WHEN 'listed' THEN ' PARTITION BY LIST (organization_id)'
                                   WHEN 'hashed' THEN ' PARTITION BY HASH (workspace_id)' ELSE '' END);
    IF t.conflict IS NOT NULL THEN
      EXECUTE format('ALTER TABLE %I ADD UNIQUE (%s)', t.relation, t.conflict);
    END IF;
  END LOOP;
END
$$;
ALTER TABLE not_logged SET UNLOGGED;
ALTER TABLE generated ADD twice int GENERATED ALWAYS AS (id * 2) STORED;
ALTER TABLE referencing ADD refers_to int DEFAULT 1 REFERENCES referenced (id) ON DELETE CASCADE;
CREATE TABLE ranged_low PARTITION OF ranged FOR VALUES FROM (0) TO (4);
CREATE TABLE ranged_rest PARTITION OF ranged DEFAULT;
CREATE TABLE listed_acme PARTITION OF listed FOR VALUES IN (1) PARTITION BY RANGE (id);
CREATE TABLE listed_acme_low PARTITION OF listed_acme FOR VALUES FROM (0) TO (4);
CREATE TABLE listed_acme_rest PARTITION OF listed_acme DEFAULT;
CREATE TABLE listed_rest PARTITION OF listed DEFAULT;
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE descendant (more int, body text, api_key_id text, user_id text, workspace_id text, organization_id text, id int NOT NULL);
ALTER TABLE descendant INHERIT ancestor;
CREATE TABLE leaving (LIKE plain) PARTITION BY LIST (id);
CREATE TABLE detached PARTITION OF leaving DEFAULT;
ALTER TABLE detached ADD UNIQUE (id);
CREATE TABLE with_payload (LIKE plain);
DO $$
DECLARE
  root record;
BEGIN
  FOR root IN SELECT relation, shape FROM tables WHERE relation::regclass NOT IN (SELECT inhrelid FROM pg_inherits) AND relation NOT IN ('scoped', 'attached')
              UNION ALL VALUES ('leaving', 'full'), ('with_payload', 'full') LOOP
    PERFORM tenancy.protect(root.relation::regclass, CASE root.shape WHEN 'logs' THEN 'logs' ELSE 'documents' END,
      organization => CASE WHEN root.shape <> 'workspace' THEN 'organization_id'::name END,
      workspace => CASE WHEN root.shape <> 'organization' THEN 'workspace_id'::name END,
      owner => CASE WHEN root.shape NOT IN ('by key', 'by neither') THEN 'user_id'::name END,
      api_key => CASE WHEN root.shape <> 'by neither' AND root.relation <> 'by_owner' THEN 'api_key_id'::name END,
      payload => CASE root.relation WHEN 'with_payload' THEN '{body}'::name[] END, create_indexes => true);
  END LOOP;
END
$$;
SELECT tenancy.create_scoped_view('with_payload', 'scoped');
-- Attaching to a protected table, and detaching
CREATE TABLE attached (gone int, body text, api_key_id uuid, user_id uuid, workspace_id uuid, organization_id uuid, id int NOT NULL UNIQUE);
ALTER TABLE attached DROP COLUMN gone;
ALTER TABLE ranged ATTACH PARTITION attached FOR VALUES FROM (4) TO (6);
SELECT fill(relation, id_type) FROM tables WHERE kind IN ('ordinary', 'partitioned by range', 'partitioned by list', 'partitioned by hash', 'parent by inheritance')
UNION ALL SELECT fill(relation, 'uuid') FROM unnest(ARRAY['leaving', 'with_payload']) relation;
ALTER TABLE ranged_low SET (parallel_workers = 2);
ALTER TABLE ranged_rest SET (parallel_workers = 2);
ALTER TABLE leaving DETACH PARTITION detached;
WITH moved AS (DELETE FROM ancestor WHERE id % 2 = 1 RETURNING *)
INSERT INTO descendant (id, organization_id, workspace_id, user_id, api_key_id, body) SELECT * FROM moved;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app TO PUBLIC;
REVOKE TRUNCATE, REFERENCES, TRIGGER ON ALL TABLES IN SCHEMA app FROM PUBLIC;
SELECT make_ways(relation) FROM tables;
DO $$
DECLARE
  t record;
BEGIN
  FOR t IN SELECT * FROM tables LOOP
    EXECUTE format('UPDATE tables SET holds = (SELECT array_agg(id ORDER BY id) FROM %I) WHERE relation = %L', CASE t.relation WHEN 'scoped' THEN 'with_payload' ELSE t.relation END, t.relation);
  END LOOP;
END
$$;

-- The plan of a kind.
CREATE FUNCTION plan(mode text) RETURNS TABLE (workers boolean, index boolean, row_by_row boolean, compiled boolean) LANGUAGE plpgsql AS $$
DECLARE
  line text;
  lines text := '';
BEGIN
  EXECUTE (SELECT settings FROM modes m WHERE m.mode = plan.mode);
  SET LOCAL SESSION AUTHORIZATION regress_app;
  CALL app.become('olivia', true);
  FOR line IN EXECUTE 'EXPLAIN ANALYZE SELECT id FROM app.ranged WHERE id > 1' LOOP
    lines := lines || line;
  END LOOP;
  workers := lines LIKE '%Workers Launched: 2%'; index := lines LIKE '%Index%'; row_by_row := lines LIKE '%row_visible%'; compiled := lines LIKE '%JIT:%';
  RETURN NEXT;
  RAISE EXCEPTION USING ERRCODE = 'TEST0';
EXCEPTION WHEN SQLSTATE 'TEST0' THEN
END
$$;
RESET client_min_messages;
\o
\set ECHO all
SELECT mode, (plan(mode)).* FROM modes WHERE how = 'direct' AND settings <> 'SELECT' ORDER BY n;

CALL run_matrix();
CALL run_control();
-- Rows: over all cells, those that were to be shown and those that were to be withheld, beside each other in the tables.
SELECT mode, count(*) AS cells, sum(shown) AS rows_shown, sum(withheld) AS rows_withheld, count(*) FILTER (WHERE outcome LIKE '42501') AS refused
FROM cells LEFT JOIN modes USING (mode) GROUP BY mode, n ORDER BY n;
SELECT identity, count(*) AS cells, sum(shown) AS rows_shown, sum(withheld) AS rows_withheld, count(*) FILTER (WHERE outcome LIKE '42501') AS refused
FROM cells JOIN identities USING (identity) GROUP BY identity, n ORDER BY n;
SELECT kind, relation, count(*) AS cells, sum(shown) AS rows_shown, sum(withheld) AS rows_withheld, count(*) FILTER (WHERE outcome LIKE '42501') AS refused
FROM cells JOIN tables USING (relation) WHERE mode <> 'control' GROUP BY kind, relation, n ORDER BY n;
SELECT expects, count(DISTINCT statement) AS statements, count(*) AS cells, count(*) FILTER (WHERE outcome LIKE '42501') AS refused, count(*) FILTER (WHERE outcome = '-') AS nothing
FROM cells JOIN statements USING (statement) WHERE mode <> 'control' GROUP BY expects ORDER BY min(n);
-- None is without cells, and none without others' rows beside its own.
SELECT statement FROM statements LEFT JOIN cells USING (statement) GROUP BY statement HAVING count(*) FILTER (WHERE mode <> 'control' AND shown > 0 AND withheld > 0) < 50;
-- Cells that went wrong
SELECT * FROM cells WHERE outcome <> ALL (string_to_array(expected, ' or ')) ORDER BY 1, 2, 3, 4 LIMIT 100;
SET client_min_messages = warning;
DROP SCHEMA decoys CASCADE;
