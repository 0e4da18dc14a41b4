-- Which rows a principal sees and may write: section 8 of the access model.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SELECT FROM tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id',
                            owner => 'user_id', api_key => 'api_key_id', create_indexes => true);
SELECT FROM tenancy.protect('prompts', 'prompts', organization => 'organization_id', workspace => 'workspace_id',
                            owner => 'user_id', api_key => 'api_key_id', create_indexes => true);
SELECT id, body FROM logs ORDER BY id;
GRANT ALL ON ALL TABLES IN SCHEMA app TO regress_app, regress_plain, regress_bound;

SET SESSION AUTHORIZATION regress_app;

-- Reading
SELECT * FROM who_sees('logs');
SELECT * FROM who_sees('prompts');

-- The policy's function, run row by row, and the filter that planning makes of it are the same.
SET SESSION AUTHORIZATION DEFAULT;
SET tenancy.specialize = off;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_sees('logs');
SET SESSION AUTHORIZATION DEFAULT;
RESET tenancy.specialize;
SET SESSION AUTHORIZATION regress_app;

-- UPDATE and DELETE of prompts; logs are append-only for everybody.
SELECT * FROM who_can('UPDATE app.prompts SET body = body');
SELECT * FROM who_can('DELETE FROM app.prompts');
SELECT * FROM who_can('UPDATE app.logs SET body = body');
SELECT * FROM who_can('DELETE FROM app.logs');
SELECT * FROM who_can('MERGE INTO app.prompts p USING generate_series(1, 8) n ON p.id = n
                       WHEN MATCHED AND n % 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET body = ''merged''');

-- A row can't be moved out of reach, nor be taken from where it isn't seen.
SELECT * FROM who_can($$UPDATE app.prompts SET workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003' WHERE id = 1$$);
SELECT * FROM who_can($$UPDATE app.prompts SET organization_id = 'bbbbbbbb-0000-4000-8000-000000000000',
                                workspace_id = 'bbbbbbbb-0000-4000-8000-000000000002' WHERE id = 1$$);
SELECT * FROM who_can($$UPDATE app.prompts SET workspace_id = NULL WHERE id = 1$$);
SELECT * FROM who_can($$UPDATE app.prompts SET organization_id = NULL WHERE id = 1$$);

-- INSERT fills in what is missing: organization and workspace where there is just one, user and key as they are.
SELECT * FROM who_can($$INSERT INTO app.prompts (id, workspace_id) VALUES (100, 'aaaaaaaa-0000-4000-8000-000000000002')$$);
SELECT * FROM who_can($$INSERT INTO app.logs (id, workspace_id) VALUES (100, 'aaaaaaaa-0000-4000-8000-000000000002')$$);
SELECT * FROM who_can('INSERT INTO app.prompts (id) VALUES (100)');
BEGIN;
CALL become('mike key', true);
INSERT INTO logs (id, body) VALUES (100, 'filled in') RETURNING *;
ROLLBACK;

-- Attribution to others is refused: another user, another key, another organization, another workspace, NULL.
SELECT attempt('mike key', format('INSERT INTO app.logs (id, %I) VALUES (100, %L)', "column", value)), "column", value
FROM (VALUES ('user_id', 'cccccccc-0000-4000-8000-000000000004'),
             ('user_id', 'cccccccc-0000-4000-8000-000000000003'),
             ('user_id', NULL),
             ('api_key_id', 'dddddddd-0000-4000-8000-000000000003'),
             ('api_key_id', 'dddddddd-0000-4000-8000-000000000002'),
             ('api_key_id', NULL),
             ('organization_id', 'aaaaaaaa-0000-4000-8000-000000000000'),
             ('organization_id', 'bbbbbbbb-0000-4000-8000-000000000000'),
             ('organization_id', NULL),
             ('workspace_id', 'aaaaaaaa-0000-4000-8000-000000000002'),
             ('workspace_id', 'aaaaaaaa-0000-4000-8000-000000000003'),
             ('workspace_id', 'bbbbbbbb-0000-4000-8000-000000000002'),
             ('workspace_id', NULL)) v ("column", value);
-- A user writes no key, a service key no user.
SELECT attempt('mike', $$INSERT INTO app.prompts (id, workspace_id, api_key_id) VALUES
  (100, 'aaaaaaaa-0000-4000-8000-000000000002', 'dddddddd-0000-4000-8000-000000000003')$$);
SELECT attempt('search service', $$INSERT INTO app.prompts (id, user_id) VALUES (100, 'cccccccc-0000-4000-8000-000000000004')$$);

-- Existing keys give nothing away: the upsert of a row that isn't visible is refused.
SELECT attempt('mike', $$INSERT INTO app.prompts (id, workspace_id) VALUES (8, 'aaaaaaaa-0000-4000-8000-000000000002')
  ON CONFLICT (id) DO UPDATE SET body = 'stolen' RETURNING body$$);
SELECT attempt('mike', $$INSERT INTO app.prompts (id, workspace_id) VALUES (1, 'aaaaaaaa-0000-4000-8000-000000000002')
  ON CONFLICT (id) DO UPDATE SET body = 'mine' RETURNING body$$);

-- One visible row in each kind of statement.
SELECT attempt('mike', query), query
FROM (VALUES ('SELECT FROM app.logs WHERE id IN (1, 8)'),
             ('SELECT FROM app.logs a JOIN app.logs b USING (id) WHERE a.id IN (1, 8)'),
             ('SELECT FROM app.prompts WHERE id IN (SELECT id FROM app.logs) AND id IN (1, 8)'),
             ('WITH l AS MATERIALIZED (SELECT * FROM app.logs) SELECT FROM l WHERE id IN (1, 8)'),
             ('WITH RECURSIVE l AS (SELECT id FROM app.logs WHERE id IN (1, 8)
                                    UNION SELECT g.id FROM app.logs g JOIN l ON g.id = l.id) SELECT FROM l'),
             ('SELECT FROM generate_series(1, 8, 7) n, LATERAL (SELECT FROM app.logs WHERE id = n) l'),
             ('SELECT id FROM app.logs WHERE id IN (1, 8) UNION SELECT id FROM app.prompts WHERE id IN (1, 8)'),
             ('SELECT count(*) OVER () FROM app.logs WHERE id IN (1, 8)'),
             ('SELECT FROM app.logs TABLESAMPLE BERNOULLI (100) WHERE id IN (1, 8)'),
             ('SELECT FROM app.prompts WHERE id IN (1, 8) FOR UPDATE'),
             ('SELECT FROM app.prompts WHERE id IN (1, 8) FOR SHARE'),
             ('TABLE app.logs EXCEPT SELECT * FROM app.logs WHERE id NOT IN (1, 8)'),
             ('CREATE TEMP TABLE t AS SELECT * FROM app.logs WHERE id IN (1, 8)'),
             ('WITH u AS (UPDATE app.prompts SET body = body WHERE id IN (1, 8) RETURNING *) SELECT FROM u')) v (query);
-- COPY
CALL become('mike');
COPY (SELECT id FROM logs WHERE id IN (1, 8)) TO STDOUT;
COPY logs (id) TO STDOUT;
COPY logs (id) FROM STDIN;
9
\.

-- Row locks on an append-only table need a right that nobody has.
SELECT attempt('mike', 'SELECT FROM app.logs WHERE id IN (1, 8) FOR UPDATE');

-- Errors of the user's own conditions see visible rows only: they run after the filter.
CREATE FUNCTION pg_temp.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
$$ BEGIN RAISE NOTICE 'told: %', $1; RETURN true; END $$;
SELECT count(*) FROM logs WHERE pg_temp.tell(body);

-- Called by hand, on values that aren't columns
SELECT tenancy.row_visible('logs', 'view', NULL, NULL, NULL, NULL) AS nothing_named,
       tenancy.row_visible('logs', 'view', NULL, 'aaaaaaaa-0000-4000-8000-000000000002'::uuid, NULL, NULL) AS mine,
       tenancy.row_visible('logs', 'view', NULL, 'aaaaaaaa-0000-4000-8000-000000000003'::uuid, NULL, NULL) AS not_mine,
       tenancy.row_visible(NULL, 'view', NULL, 'aaaaaaaa-0000-4000-8000-000000000002'::uuid, NULL, NULL) AS no_resource,
       tenancy.row_accepted('prompts', 'insert', NULL, 'aaaaaaaa-0000-4000-8000-000000000002'::uuid, NULL, NULL) AS may_insert,
       tenancy.row_accepted('prompts', 'insert', NULL, 'aaaaaaaa-0000-4000-8000-000000000003'::uuid, NULL, NULL) AS may_not_insert;
SELECT tenancy.row_visible('logs', 'vieuw', NULL, 'aaaaaaaa-0000-4000-8000-000000000002'::uuid, NULL, NULL);
SELECT tenancy.row_visible('logss', 'view', NULL, 'aaaaaaaa-0000-4000-8000-000000000002'::uuid, NULL, NULL);

-- explain_rows() says what the filter is.
CALL become('olivia');
SELECT tenancy.explain_rows('logs');
CALL become('ben');
SELECT tenancy.explain_rows('logs');
CALL become('nobody');
SELECT tenancy.explain_rows('logs');
SELECT tenancy.explain_rows('people');
RESET SESSION AUTHORIZATION;
