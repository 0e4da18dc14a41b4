-- row_visible() and its like, called by hand: over anything, anywhere in a query. Planning replaces a call where that changes nothing.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
GRANT SET ON PARAMETER tenancy.specialize TO regress_app;
GRANT ALL ON logs TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;

-- Arguments that refer to other parts of the query are not copied: each of these crashed the server.
CALL become('mike');
SELECT count(*) FROM (VALUES (gen_random_uuid())) r (w) WHERE tenancy.row_visible('logs', 'view', NULL, (SELECT r.w), NULL, NULL);
SELECT string_agg(id::text, ' ' ORDER BY id) FROM logs r WHERE tenancy.row_visible('logs', 'view', NULL, (SELECT r.workspace_id), NULL, NULL);
SELECT string_agg(id::text, ' ' ORDER BY id) FROM logs r WHERE tenancy.row_visible('logs', 'view', (SELECT r.organization_id LIMIT 1), r.workspace_id, NULL, NULL);
SELECT string_agg(id::text, ' ' ORDER BY id) FROM logs r WHERE tenancy.authorize('logs', 'view', coalesce((SELECT r.workspace_id LIMIT 1), r.workspace_id));
SELECT string_agg(id::text, ' ' ORDER BY id) FROM logs r
WHERE tenancy.row_visible('logs', 'view', NULL, (SELECT s.w FROM (SELECT (SELECT r.workspace_id) AS w OFFSET 0) s), r.user_id, NULL);

-- The answers of a query as planning likes it, and row by row.
CREATE FUNCTION pg_temp.both_ways(who text, query text, OUT answer text, OUT row_by_row text) LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  EXECUTE format('SELECT string_agg(q::text, '' '' ORDER BY q::text) FROM (%s) q', query) INTO answer;
  PERFORM set_config('tenancy.specialize', 'off', true);
  EXECUTE format('SELECT string_agg(q::text, '' '' ORDER BY q::text) FROM (%s) q', query) INTO row_by_row;
  PERFORM set_config('tenancy.specialize', 'on', true);
END
$$;
CREATE TEMP TABLE queries (n serial, query text);
INSERT INTO queries (query) VALUES
  -- false of NULL, not NULL
  ('SELECT id, tenancy.row_visible(''logs'', ''view'', organization_id, workspace_id, user_id, api_key_id) FROM app.logs'),
  ('SELECT id, tenancy.row_visible(''logs'', ''view'', organization_id, workspace_id, user_id, NULL, true) FROM app.logs'),
  ('SELECT id, tenancy.row_visible(''logs'', ''view'', NULL, workspace_id, user_id, NULL) FROM app.logs'),
  ('SELECT id, tenancy.row_accepted(''logs'', ''insert'', organization_id, workspace_id, user_id, api_key_id) FROM app.logs'),
  ('SELECT id, tenancy.payload_visible(''logs'', ''view'', organization_id, workspace_id, user_id, NULL) FROM app.logs'),
  ('SELECT id, tenancy.authorize(''logs'', ''view'', workspace_id) FROM app.logs'),
  ('SELECT id FROM app.logs WHERE NOT tenancy.row_visible(''logs'', ''view'', organization_id, workspace_id, user_id, NULL)'),
  ('SELECT id, x FROM app.logs, LATERAL (SELECT tenancy.row_visible(''logs'', ''view'', organization_id, workspace_id, user_id, NULL)) s (x) WHERE x IS NULL OR NOT x'),
  -- the same call twice: where it is a condition, and where it is asked of others' rows, or of what has become of them
  ('SELECT r.id, n, tenancy.row_visible(''logs'', ''view'', organization_id, workspace_id, user_id, NULL) FROM generate_series(1, 9, 3) n
    LEFT JOIN app.logs r ON r.id = n AND tenancy.row_visible(''logs'', ''view'', organization_id, workspace_id, user_id, NULL)'),
  ('SELECT tenancy.row_visible(''logs'', ''view'', organization_id, workspace_id, user_id, NULL), count(*) FROM app.logs
    WHERE tenancy.row_visible(''logs'', ''view'', organization_id, workspace_id, user_id, NULL) OR id > 6 GROUP BY 1
    HAVING NOT tenancy.row_visible(''logs'', ''view'', organization_id, workspace_id, user_id, NULL) OR count(*) > 1'),
  -- over what isn't this row's columns
  ('SELECT workspace_id, tenancy.row_visible(''logs'', ''view'', min(organization_id::text)::uuid, workspace_id, NULL, NULL), tenancy.authorize(''logs'', ''view'', workspace_id)
    FROM app.logs GROUP BY ROLLUP (workspace_id)'),
  ('SELECT id, tenancy.row_visible(''logs'', ''view'', NULL, unnest(ARRAY[workspace_id, NULL]), NULL, NULL) FROM app.logs'),
  ('SELECT id, tenancy.authorize(''logs'', ''view'', first_value(workspace_id) OVER (ORDER BY id)) FROM app.logs'),
  ('SELECT id, (SELECT tenancy.row_visible(''logs'', ''view'', NULL, l.workspace_id, NULL, NULL)) FROM app.logs l'),
  ('SELECT id FROM app.logs l WHERE EXISTS (SELECT FROM app.prompts p WHERE p.id > l.id AND tenancy.row_visible(''logs'', ''view'', p.organization_id, l.workspace_id, p.user_id, NULL))'),
  -- a workspace that no type of ids names
  ('SELECT id, tenancy.row_visible(''logs'', ''view'', organization_id, now(), user_id, NULL), tenancy.row_visible(''logs'', ''view'', organization_id, l, NULL, NULL) FROM app.logs l');
SELECT q.n, p.who, b.answer FROM queries q, people p, pg_temp.both_ways(p.who, query) b
WHERE p.who IN ('olivia', 'mona', 'ben', 'nobody') AND q.n IN (1, 4, 6, 7) ORDER BY q.n, p.n;
SELECT q.n, count(*), string_agg(who, ', ' ORDER BY p.n) FILTER (WHERE answer IS DISTINCT FROM row_by_row) AS differ
FROM queries q, people p, pg_temp.both_ways(p.who, query) b GROUP BY q.n ORDER BY q.n;
-- with own rows only
RESET SESSION AUTHORIZATION;
CALL become('nobody');
SELECT tenancy.set_setting('acme', 'members_view_all_data', false), tenancy.set_setting('acme', 'managers_view_all_data', false) \g /dev/null
SET SESSION AUTHORIZATION regress_app;
SELECT q.n, p.who, b.answer FROM queries q, people p, pg_temp.both_ways(p.who, query) b
WHERE p.who IN ('mona', 'ben') AND q.n IN (1, 7) ORDER BY q.n, p.n;
SELECT q.n, count(*), string_agg(who, ', ' ORDER BY p.n) FILTER (WHERE answer IS DISTINCT FROM row_by_row) AS differ
FROM queries q, people p, pg_temp.both_ways(p.who, query) b GROUP BY q.n ORDER BY q.n;

-- in writes: conditions of MERGE, of ON CONFLICT; of the row as it was and as it is
CREATE TEMP TABLE writes (n serial, command text);
INSERT INTO writes (command) VALUES
  ('MERGE INTO app.copy r USING app.logs l ON r.id = l.id AND tenancy.row_visible(''logs'', ''view'', r.organization_id, r.workspace_id, r.user_id, NULL)
    WHEN MATCHED AND NOT tenancy.authorize(''logs'', ''view'', l.workspace_id) THEN DO NOTHING WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (l.id + 10)'),
  ('INSERT INTO app.copy AS r SELECT * FROM app.logs ON CONFLICT (id) DO UPDATE SET user_id = NULL
    WHERE NOT tenancy.row_visible(''logs'', ''view'', r.organization_id, r.workspace_id, r.user_id, NULL)'),
  ('UPDATE app.prompts SET user_id = CASE WHEN NOT tenancy.row_accepted(''prompts'', ''update'', organization_id, workspace_id, user_id, NULL) THEN user_id END'),
  ('UPDATE app.copy r SET body = NULL FROM app.logs l WHERE l.id = r.id + 1 AND tenancy.row_visible(''logs'', ''view'', l.organization_id, r.workspace_id, l.user_id, NULL)');
RESET SESSION AUTHORIZATION;
CALL become('nobody');
CREATE TABLE copy (LIKE logs INCLUDING ALL);
INSERT INTO copy SELECT * FROM logs;
SELECT tenancy.protect('prompts', 'prompts', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true) \g /dev/null
GRANT ALL ON copy, prompts TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
CREATE TEMP TABLE outcomes AS SELECT w.n, p.who, app.attempt(p.who, command) AS planned FROM writes w, people p;
SET tenancy.specialize = off;
SELECT o.n, p.who, o.planned, attempt(p.who, command) AS row_by_row FROM outcomes o JOIN writes w USING (n) JOIN people p USING (who)
WHERE p.who IN ('olivia', 'mona', 'ben', 'nobody') ORDER BY o.n, p.n;
SELECT o.n, p.who FROM outcomes o JOIN writes w USING (n) JOIN people p USING (who) WHERE o.planned <> attempt(p.who, command);
RESET tenancy.specialize;

-- IF NOT … THEN refuse: what isn't named isn't held.
CALL become('olivia');
SELECT tenancy.authorize('logs', 'view', NULL::uuid) AS by_id, tenancy.authorize('logs', 'view', NULL::text) AS by_name, tenancy.authorize('logs', NULL) AS action,
       tenancy.authorize(NULL, 'view') AS resource, tenancy.authorize('logs', 'view', workspace_id) AS "column" FROM logs WHERE workspace_id IS NULL;
SELECT (failure('SELECT tenancy.require(''logs'', NULL)')).state;

-- A condition that is met when the call is false has its guard, too: a cursor doesn't go on with the answers for somebody else.
RESET SESSION AUTHORIZATION;
CREATE TABLE notices AS SELECT * FROM logs;
ALTER TABLE notices ENABLE ROW LEVEL SECURITY;
CREATE POLICY others ON notices USING (NOT tenancy.row_visible('logs', 'view', organization_id, workspace_id, user_id, NULL));
GRANT SELECT ON notices TO regress_app;
SET SESSION AUTHORIZATION regress_app;
SELECT who, ids FROM who_sees('notices') WHERE who IN ('olivia', 'mike', 'nobody');
CALL become('nobody');
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM notices;
FETCH 1 FROM c;
CALL become('olivia', true);
FETCH ALL FROM c;
ROLLBACK;
CALL become('olivia');
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM notices WHERE id > 7;
SAVEPOINT s;
CALL become('gus', true);
FETCH ALL FROM c;
ROLLBACK TO s;
FETCH ALL FROM c;
ROLLBACK;

-- A plan that is shared and serves nobody, too: where the filter is one of several alternatives, no row passes by it.
RESET SESSION AUTHORIZATION;
DROP POLICY others ON notices;
CREATE POLICY own_or_first ON notices USING (tenancy.row_visible('logs', 'view', organization_id, workspace_id, user_id, NULL) OR id = 1);
SET SESSION AUTHORIZATION regress_app;
SET tenancy.share_plans = on;
SET plan_cache_mode = force_generic_plan;
PREPARE q AS SELECT string_agg(id::text, ' ' ORDER BY id) FROM notices;
CALL become('olivia');
EXECUTE q;
CALL become('gus');
EXECUTE q;
CALL become('nobody');
EXECUTE q;
CALL become('olivia');
EXECUTE q;
RESET tenancy.share_plans;

-- Calls within calls: what is copied is bounded.
CALL become('ben');
DO $$
DECLARE
  argument text := 'workspace_id';
  ids text;
BEGIN
  FOR depth IN 1..40 LOOP
    argument := format('CASE WHEN tenancy.row_visible(''logs'', ''view'', organization_id, %s, user_id, NULL) THEN workspace_id END', argument);
  END LOOP;
  EXECUTE format('SELECT string_agg(id::text, '' '' ORDER BY id) FROM app.logs WHERE tenancy.row_visible(''logs'', ''view'', organization_id, %s, user_id, NULL)', argument) INTO ids;
  RAISE NOTICE '%', ids;
END
$$;
-- An unknown name is an error if the call is executed, and only then.
SELECT count(*) FROM logs WHERE CASE WHEN id < 0 THEN tenancy.row_visible('logs', 'vieuw', organization_id, workspace_id, NULL, NULL) OR tenancy.authorize('logs', 'vieuw', workspace_id) END;
SELECT count(*) FROM logs WHERE tenancy.row_visible('logs', 'vieuw', organization_id, workspace_id, NULL, NULL);
SELECT count(*) FROM logs WHERE tenancy.authorize('logs', 'vieuw', workspace_id);
-- The functions of plans answer for each row.
SELECT entity, tenancy.filter_id(entity) FROM (VALUES ('user'), ('organization'), ('workspace'), ('user'), (NULL)) v (entity);
SELECT tenancy.plan_guard(NULL, NULL, NULL), tenancy.shape_guard(NULL, NULL, NULL);
RESET SESSION AUTHORIZATION;
REVOKE SET ON PARAMETER tenancy.specialize FROM regress_app;
