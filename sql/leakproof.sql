-- No function of the extension sees rows that a policy hides, or tells of them: none is leakproof, since PostgreSQL lets
-- leakproof functions run before the policies of any table, whatever they raise.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SELECT FROM tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true);
SELECT p.oid::regprocedure FROM pg_depend d JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND p.proleakproof
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_tenancy');

-- Oracles in 1.0: hidden rows in the message, and whether any satisfies a condition.
GRANT ALL ON logs TO PUBLIC;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
SELECT count(*), max(id) FROM logs;
SELECT failure('SELECT FROM app.logs WHERE id = 8 AND tenancy.filter_id(body) IS NULL');
SELECT failure('SELECT FROM app.logs WHERE id = 1 AND tenancy.filter_id(body) IS NULL');
SELECT failure('SELECT FROM app.logs WHERE tenancy.plan_guard(CASE WHEN body LIKE ''lab%'' THEN 0 END, ''infinity'', id) IS NULL');
-- With values of a row, it is no condition of the whole scan.
SELECT failure('SELECT FROM app.logs WHERE NOT tenancy.plan_guard(-1, coalesce(NULLIF(body, body)::timestamptz, ''infinity''), NULL::record)') AS of_rows, failure('SELECT FROM app.logs WHERE NOT tenancy.plan_guard(id, ''-infinity'', NULL::int)') AS of_ids;
SELECT failure('SELECT FROM app.logs WHERE id = 8 AND tenancy.shape_guard(organization_id, ''workspace'', workspace_id)');
SELECT failure('SELECT FROM app.logs WHERE id = 8 AND tenancy.row_visible(''logs'', body, organization_id, workspace_id, user_id, NULL)');
SELECT failure('SELECT FROM app.logs WHERE id = 8 AND tenancy.row_accepted(''logs'', body, organization_id, workspace_id, user_id, NULL)');
CALL become('nobody');
SELECT failure('SELECT FROM tenancy.api_keys WHERE tenancy.filter_id(name) IS NULL');
SELECT failure('SELECT FROM tenancy.workspaces WHERE tenancy.filter_id(slug) IS NULL');
SELECT failure('SELECT FROM tenancy.users WHERE tenancy.filter_id(email) IS NULL');
RESET SESSION AUTHORIZATION;

-- Every function of the extension that anybody may call, over somebody else's table with a policy of its own: its result must
-- not depend on hidden rows. So it is the same over a copy without these.
CREATE FUNCTION is_open(hidden boolean) RETURNS boolean STABLE COST 1000 LANGUAGE plpgsql AS 'BEGIN RETURN NOT hidden; END';
CREATE TABLE vault (hidden boolean, t text, u uuid, l bigint, i int, at timestamptz, b boolean, r regclass, n name, j jsonb, ts text[],
                    s interval, ns regnamespace, p point, x bytea);
INSERT INTO vault VALUES
  (true, 'CANARY', 'bbbbbbbb-0000-4000-8000-000000000002', 4711, 4711, '-infinity', false, 'app.secrets', 'CANARY', '{"CANARY": 1}', '{CANARY}', '-1 day',
   'tenancy', '(47,11)', '\xff'),
  (true, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (false, 'workspace', 'aaaaaaaa-0000-4000-8000-000000000002', 1, 1, 'infinity', true, 'app.logs', 'app', '[]', '{view}', '1 day', 'app', '(1,1)', '\x00'),
  (false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE vault_without (LIKE vault);
INSERT INTO vault_without SELECT * FROM vault WHERE NOT hidden;
ALTER TABLE vault ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault_without ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON vault USING (app.is_open(hidden));
CREATE POLICY seen ON vault_without USING (app.is_open(hidden));
GRANT SELECT ON vault, vault_without TO PUBLIC;

-- Arguments of a type: columns, and constants that let the call get far. Of the types that stand for any, all columns; of one that
-- isn't here, NULL.
CREATE TABLE arguments (type regtype, choices text[]);
INSERT INTO arguments VALUES ('text', '{v.t,''logs'',''view'',v.t}'), ('uuid', '{v.u}'), ('bigint', '{v.l,"nullif(v.l, 1)"}'), ('integer', '{v.i}'), ('timestamptz', '{v.at,''infinity''}'),
  ('boolean', '{v.b,v.hidden}'), ('regclass', '{v.r}'), ('name', '{v.n}'), ('jsonb', '{v.j}'), ('text[]', '{v.ts}'), ('interval', '{v.s}'), ('regnamespace', '{v.ns}'), ('numeric', '{v.l}'), ('timestamptz[]', '{"ARRAY[v.at]"}'),
  ('"any"', '{v.u,"NULL",v.t,v.p,"ROW(v.u, v.t)",v.x,v.hidden,v.i}'), ('anyelement', '{v.u,v.t,v.l,v.p}');

CREATE VIEW calls AS
SELECT p.oid::regprocedure AS function, round,
  format('%s(%s)', p.oid::regproc, (SELECT string_agg(coalesce(choices[1 + (round + n::int) % cardinality(choices)],
                                                              format('CASE WHEN v.hidden THEN NULL::%s END', type::regtype)), ', ' ORDER BY n)
                                   FROM unnest(p.proargtypes) WITH ORDINALITY a (type, n) LEFT JOIN app.arguments USING (type))) AS call
FROM pg_depend d JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid, generate_series(1, 8) round
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_tenancy')
  AND p.prokind = 'f' AND NOT p.proretset AND has_function_privilege('public', p.oid, 'EXECUTE')
  AND p.pronargs > 0 AND NOT p.proargtypes::oid[] && '{internal,pg_ddl_command}'::regtype[]::oid[]
  AND NOT 'record'::regtype = p.prorettype;

CREATE FUNCTION outcome(call text, relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  rows bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM %s v WHERE (%s) IS NOT NULL', relation, call) INTO rows;
  RAISE EXCEPTION USING ERRCODE = 'TEST0', MESSAGE = rows;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE FUNCTION telling() RETURNS SETOF regprocedure LANGUAGE sql AS $$
  SELECT DISTINCT function FROM app.calls WHERE app.outcome(call, 'app.vault') <> app.outcome(call, 'app.vault_without') ORDER BY 1
$$;
GRANT SELECT ON calls, arguments TO PUBLIC;
SET client_min_messages = error;
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
SELECT count(*) > 100 AS many, count(DISTINCT function) > 30 AS of_many_functions FROM calls;
SELECT telling();
CALL become('nobody');
SELECT telling();
SET SESSION AUTHORIZATION regress_plain;
SELECT telling();
RESET SESSION AUTHORIZATION;
-- Planted: as in 1.0
BEGIN;
ALTER FUNCTION tenancy.filter_id(text) LEAKPROOF;
ALTER FUNCTION tenancy.plan_guard(bigint, timestamptz, "any") LEAKPROOF;
ALTER FUNCTION tenancy.shape_guard(uuid, text, uuid) LEAKPROOF COST 1;
ALTER FUNCTION tenancy.row_visible(text, text, "any", "any", "any", "any") LEAKPROOF COST 1;
SET LOCAL SESSION AUTHORIZATION regress_app;
SELECT telling();
ROLLBACK;
DROP VIEW calls;
DROP TABLE vault, vault_without;
