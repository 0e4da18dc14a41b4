-- Rows by who began what they are part of: protect(..., initiator), and the traces of create_observability().
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set search '''aaaaaaaa-0000-4000-8000-000000000002'''
\set mike '''cccccccc-0000-4000-8000-000000000004'''
\set mona '''cccccccc-0000-4000-8000-000000000003'''
-- What a statement of somebody's comes to, undone: rows changed, or the error.
CREATE FUNCTION outcome(who text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  n int;
  what text;
BEGIN
  CALL app.become(who, true);
  BEGIN
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    RAISE EXCEPTION USING ERRCODE = 'XX999', MESSAGE = n || ' row(s)';
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS what = MESSAGE_TEXT;
    RETURN CASE WHEN SQLSTATE = 'XX999' THEN what ELSE SQLSTATE || ' ' || what END;
  END;
END
$$;
CREATE FUNCTION seen(who text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  CALL app.become(who, true);
  EXECUTE format('SELECT coalesce(string_agg(x::text, '' '' ORDER BY x), ''-'') FROM (%s) s (x)', query) INTO result;
  RETURN result;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;

INSERT INTO tenancy.api_key_scopes SELECT k.api_key_id, 'traces', a FROM tenancy.api_keys k, unnest(ARRAY['list', 'view', 'write']) a WHERE k.name IN ('mike key', 'search service');
-- A table of one's own: mike began run 1, whose second step a service did; mona began run 2, in which mike did a step.
CREATE TABLE steps (id int, organization_id uuid DEFAULT 'aaaaaaaa-0000-4000-8000-000000000000', workspace_id uuid DEFAULT 'aaaaaaaa-0000-4000-8000-000000000002', user_id uuid, begun_by uuid);
INSERT INTO steps (id, user_id, begun_by) VALUES (1, :mike, :mike), (2, NULL, :mike), (3, :mona, :mona), (4, :mike, :mona), (5, NULL, NULL);
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
SELECT tenancy.protect('steps', 'traces', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true);
GRANT ALL ON steps TO regress_app;
SET SESSION AUTHORIZATION regress_app;
-- By who wrote it: mike sees half of his run, and a step of mona's.
SELECT who, seen(who, 'SELECT id FROM app.steps') FROM unnest(ARRAY['olivia', 'mona', 'mike', 'mike key', 'search service', 'nobody']) who;
RESET SESSION AUTHORIZATION;
SELECT tenancy.protect('steps', 'traces', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true, initiator => 'begun_by');
SELECT owner_column, writer_column, defaulted_columns FROM tenancy.protected_tables WHERE relation = 'steps'::regclass;
SELECT polname, polcmd, polpermissive, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid) FROM pg_policy WHERE polrelid = 'steps'::regclass ORDER BY 1;
SET SESSION AUTHORIZATION regress_app;
SELECT who, seen(who, 'SELECT id FROM app.steps') FROM unnest(ARRAY['olivia', 'mona', 'mike', 'mike key', 'search service', 'nobody']) who;
SET search_path = app;
CALL become('mike key');
SELECT tenancy.explain_rows('app.steps');
INSERT INTO steps (id) VALUES (6) RETURNING id, user_id, begun_by;
CALL become('search service');
INSERT INTO steps (id) VALUES (7) RETURNING id, user_id, begun_by;
SELECT what, outcome('mike key', format('INSERT INTO app.steps (id, user_id, begun_by) VALUES (8, %s, %s)', v.writer, v.initiator)) AS mike_key,
  outcome('search service', format('INSERT INTO app.steps (id, user_id, begun_by) VALUES (8, %s, %s)', v.writer, v.initiator)) AS service
FROM (VALUES (1, 'own', 'DEFAULT', 'DEFAULT'), (2, 'begun by another', 'DEFAULT', '''cccccccc-0000-4000-8000-000000000003'''), (3, 'written by another', '''cccccccc-0000-4000-8000-000000000003''', 'DEFAULT'),
  (4, 'by nobody', 'NULL', 'NULL'), (5, 'for mike', '''cccccccc-0000-4000-8000-000000000004''', '''cccccccc-0000-4000-8000-000000000004''')) v (n, what, writer, initiator) ORDER BY n;
\set VERBOSITY default
CALL become('mike key');
INSERT INTO steps (id, user_id) VALUES (8, :mona);
INSERT INTO steps (id, begun_by) VALUES (8, :mona);
RESET SESSION AUTHORIZATION;
CALL become('mike key');
SELECT tenancy.explain_write('steps', '{"id": 8, "organization_id": "aaaaaaaa-0000-4000-8000-000000000000", "workspace_id": "aaaaaaaa-0000-4000-8000-000000000002", "begun_by": "cccccccc-0000-4000-8000-000000000003"}'), tenancy.explain_write('steps', '{"id": 8, "organization_id": "aaaaaaaa-0000-4000-8000-000000000000", "workspace_id": "aaaaaaaa-0000-4000-8000-000000000002", "user_id": "cccccccc-0000-4000-8000-000000000003"}'),
  tenancy.explain_write('steps', '{"id": 8, "organization_id": "aaaaaaaa-0000-4000-8000-000000000000", "workspace_id": "aaaaaaaa-0000-4000-8000-000000000002"}');
CALL become('nobody');
-- For somebody else: the owner; a service key that may, and in both columns.
INSERT INTO tenancy.api_key_scopes SELECT k.api_key_id, 'traces', 'attribute' FROM tenancy.api_keys k WHERE k.name = 'search service';
SET SESSION AUTHORIZATION regress_app;
SELECT v.writer, v.initiator, outcome('olivia', format('INSERT INTO app.steps (id, workspace_id, user_id, begun_by) VALUES (8, ''aaaaaaaa-0000-4000-8000-000000000002'', %s, %s)', v.writer, v.initiator)) AS olivia,
  outcome('search service', format('INSERT INTO app.steps (id, user_id, begun_by) VALUES (8, %s, %s)', v.writer, v.initiator)) AS service
FROM (VALUES (1, 'DEFAULT', '''cccccccc-0000-4000-8000-000000000004'''), (2, '''cccccccc-0000-4000-8000-000000000004''', 'DEFAULT'), (3, '''cccccccc-0000-4000-8000-000000000004''', '''cccccccc-0000-4000-8000-000000000004'''),
  (4, '''cccccccc-0000-4000-8000-000000000004''', '''cccccccc-0000-4000-8000-000000000006''')) v (n, writer, initiator) ORDER BY n;
RESET SESSION AUTHORIZATION;
-- Names may change, tables may come again; a policy that is gone is found.
ALTER TABLE steps RENAME COLUMN user_id TO writer;
ALTER TABLE steps RENAME COLUMN begun_by TO initiator;
SELECT owner_column, writer_column FROM tenancy.protected_tables WHERE relation = 'steps'::regclass;
SELECT tenancy_internal.protect_call(t) FROM tenancy.protected_tables t WHERE relation = 'steps'::regclass;
DROP POLICY tenancy_writer ON steps;
SELECT rule, object, problem, fix_sql FROM tenancy.advise() WHERE rule = 'protection_broken';
DROP TABLE steps;
CREATE TABLE steps (id int, organization_id uuid, workspace_id uuid, writer uuid, initiator uuid);
SELECT owner_column, writer_column FROM tenancy.protected_tables WHERE relation = 'steps'::regclass;
SELECT polname FROM pg_policy WHERE polrelid = 'steps'::regclass ORDER BY 1;
SELECT tenancy.unprotect('steps');
SELECT count(*) FROM pg_policy WHERE polrelid = 'steps'::regclass;
-- Without owner; with a parent
SELECT tenancy.protect('steps', 'traces', organization => 'organization_id', workspace => 'workspace_id', create_indexes => true, initiator => 'initiator');
SELECT owner_column, writer_column FROM tenancy.protected_tables WHERE relation = 'steps'::regclass;
SELECT tenancy.protect('steps', 'traces', organization => 'organization_id', through => '{id}', initiator => 'initiator');
SELECT tenancy.protect('steps', 'traces', organization => 'organization_id', initiator => 'nothing');
SELECT tenancy.unprotect('steps');
DROP TABLE steps;

-- Who began a row may change it, and who wrote it and by which key, unless these columns need an action.
BEGIN;
SELECT tenancy.register_resource('jobs', 'Jobs', '{view,create,update,attribute}', members => '{view,create,update}', data_visibility => true) \g /dev/null
CREATE TABLE jobs (id int, organization_id uuid, workspace_id uuid, writer uuid, key_id uuid, initiator uuid);
SELECT tenancy.protect('jobs', 'jobs', organization => 'organization_id', workspace => 'workspace_id', owner => 'writer', api_key => 'key_id', initiator => 'initiator',
  create_indexes => true, actions => '{"attribute": ["writer", "key_id"]}');
GRANT ALL ON jobs TO regress_app;
SET LOCAL SESSION AUTHORIZATION regress_app;
CALL become('mike');
INSERT INTO jobs (id, workspace_id) VALUES (1, :search) RETURNING writer = :mike AS written_by_mike, initiator = :mike AS begun_by_mike;
SELECT v.assigned, outcome('mike', 'UPDATE app.jobs SET ' || v.assigned) FROM (VALUES (1, 'id = 2'), (2, 'writer = initiator, key_id = NULL'), (3, 'writer = ''cccccccc-0000-4000-8000-000000000003'''),
  (4, 'key_id = gen_random_uuid()'), (5, 'initiator = ''cccccccc-0000-4000-8000-000000000003''')) v (n, assigned) ORDER BY v.n;
ROLLBACK;

-- Traces
SET client_min_messages = warning;
SELECT tenancy.create_observability('obs') \gset
GRANT USAGE ON SCHEMA obs TO regress_app;
GRANT SELECT, INSERT ON obs.traces, obs.trace_initiators TO regress_app;
GRANT SELECT ON obs.traces_scoped TO regress_app;
GRANT EXECUTE ON FUNCTION obs.trace_tree TO regress_app;
-- A trace is spans in the order in which they are written, each by somebody, "*" for a root.
CREATE FUNCTION write_trace(trace text, spans text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  span text;
  n int := 0;
BEGIN
  FOREACH span IN ARRAY spans LOOP
    n := n + 1;
    CALL app.become(ltrim(span, '*'), true);
    INSERT INTO obs.traces (trace_id, span_id, parent_span_id, name, start_time, workspace_id)
    VALUES (trace, n, CASE WHEN span NOT LIKE '*%' THEN 'root' END, span, now() + n * interval '1 s', 'aaaaaaaa-0000-4000-8000-000000000002');
  END LOOP;
END
$$;
GRANT ALL ON FUNCTION write_trace, outcome, seen TO regress_app;
SELECT secret AS mona_secret FROM tenancy.create_api_key('workspace_user_key', 'mona key', 'acme', 'search', 'mona@acme.test', '{"completions": "enabled", "traces": ["list", "view"]}') \gset
INSERT INTO secrets (name, secret) VALUES ('mona key', :'mona_secret');
SELECT tenancy.set_setting('acme', 'managers_view_all_data', false);
SET SESSION AUTHORIZATION regress_app;
SELECT write_trace('root first', '{*mike key,search service}'), write_trace('children first', '{search service,search service,*mike key}'),
  write_trace('of a service', '{*search service,search service,mike key}'), write_trace('with another user', '{*mike key,mona key,search service}'),
  write_trace('two roots', '{search service,*mike key,*mona key,search service}'), write_trace('a service''s root too', '{*mike key,*search service,search service}'),
  write_trace('forged', '{*search service,*mona key,search service}'), write_trace('no root', '{search service,mike key}') \gset
RESET SESSION AUTHORIZATION;
CALL become('nobody');
SELECT t.trace_id, string_agg(concat_ws(' ', t.name, 'of', u.email), ', ' ORDER BY t.start_time) FROM obs.traces t LEFT JOIN tenancy.users u ON u.user_id = t.initiator_id GROUP BY 1 ORDER BY 1;
SELECT i.trace_id, i.begun, i.contested, u.email, i.api_key_id IS NOT NULL AS by_key FROM obs.trace_initiators i LEFT JOIN tenancy.users u USING (user_id) ORDER BY 1;
SET SESSION AUTHORIZATION regress_app;
SELECT t.trace, seen('mike', format('SELECT span_id FROM obs.traces WHERE trace_id = %L', t.trace)) AS mike, seen('mike', format('SELECT span_id FROM obs.trace_tree(%L)', t.trace)) AS mikes_tree,
  seen('mona', format('SELECT span_id FROM obs.traces WHERE trace_id = %L', t.trace)) AS mona, seen('mona', format('SELECT span_id FROM obs.trace_tree(%L)', t.trace)) AS monas_tree,
  seen('olivia', format('SELECT span_id FROM obs.trace_tree(%L)', t.trace)) AS olivia, seen('ben', format('SELECT span_id FROM obs.traces WHERE trace_id = %L', t.trace)) AS ben
FROM unnest(ARRAY['root first', 'children first', 'of a service', 'with another user', 'two roots', 'a service''s root too', 'forged', 'no root']) WITH ORDINALITY t (trace, n) ORDER BY t.n;
-- What a writer says of the initiator is nothing.
SELECT who, outcome(who, 'INSERT INTO obs.traces (trace_id, span_id, name, start_time, workspace_id, initiator_id) VALUES (''x'', ''1'', ''x'', now(), ''aaaaaaaa-0000-4000-8000-000000000002'', ''cccccccc-0000-4000-8000-000000000003'')')
FROM unnest(ARRAY['mike key', 'search service']) who;
SELECT who, outcome(who, 'INSERT INTO obs.trace_initiators (trace_id, workspace_id, begun, first_at, last_at) VALUES (''forged root'', ''aaaaaaaa-0000-4000-8000-000000000002'', true, now(), now())') FROM unnest(ARRAY['mike key', 'search service']) who;
-- A gateway that says for whom: the span is that user's, as if it had written it.
CALL become('search service');
INSERT INTO obs.traces (trace_id, span_id, parent_span_id, name, start_time, workspace_id, user_id) VALUES ('of a gateway', '2', '1', 'call', now(), :search, NULL);
INSERT INTO obs.traces (trace_id, span_id, name, start_time, workspace_id, user_id) VALUES ('of a gateway', '1', 'request', now(), :search, :mike);
SELECT seen('mike', 'SELECT span_id FROM obs.trace_tree(''of a gateway'')') AS mike, seen('mona', 'SELECT span_id FROM obs.trace_tree(''of a gateway'')') AS mona;
-- A span of the same id and time is another's.
CALL become('search service');
INSERT INTO obs.traces (trace_id, span_id, parent_span_id, name, start_time, workspace_id) VALUES ('same id', '1', 'r', 'of a service', current_date, :search);
CALL become('mona key');
INSERT INTO obs.traces (trace_id, span_id, name, start_time, workspace_id) VALUES ('same id', '1', 'of mona', current_date, :search);
SELECT seen('mona', 'SELECT name FROM obs.traces WHERE trace_id = ''same id''') AS mona, seen('olivia', 'SELECT name FROM obs.traces WHERE trace_id = ''same id''') AS olivia;
-- Several traces in one statement, and one trace in two workspaces
CALL become('search service');
INSERT INTO obs.traces (trace_id, span_id, parent_span_id, name, start_time, workspace_id)
SELECT 'many ' || i % 3, i, CASE WHEN i > 3 THEN '1' END, 'x', now(), 'aaaaaaaa-0000-4000-8000-000000000002' FROM generate_series(9, 1, -1) i;
CALL become('acme master');
INSERT INTO obs.traces (trace_id, span_id, parent_span_id, name, start_time, workspace_id) VALUES ('root first', 'elsewhere', 'root', 'x', now(), 'aaaaaaaa-0000-4000-8000-000000000003');
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT trace_id, span_id, initiator_id IS NULL AS of_nobody FROM obs.traces WHERE trace_id LIKE 'many%' OR span_id = 'elsewhere' ORDER BY 1, 2;
-- Who began a trace is known as long as there are spans of it, also where the root is long gone: nobody else becomes it.
INSERT INTO obs.traces (trace_id, span_id, name, start_time, organization_id, workspace_id, user_id) VALUES ('long', '1', 'root', now() - interval '60 days', 'aaaaaaaa-0000-4000-8000-000000000000', :search, :mike);
INSERT INTO obs.traces (trace_id, span_id, parent_span_id, name, start_time, organization_id, workspace_id) VALUES ('long', '2', '1', 'late', now(), 'aaaaaaaa-0000-4000-8000-000000000000', :search);
INSERT INTO obs.traces (trace_id, span_id, name, start_time, organization_id, workspace_id, user_id) VALUES ('over', '1', 'root', now() - interval '60 days', 'aaaaaaaa-0000-4000-8000-000000000000', :search, :mike);
SELECT obs.drop_partitions('traces', '30 days') \gset
SELECT trace_id, count(t.span_id) AS spans, (SELECT count(*) FROM obs.trace_initiators i WHERE i.trace_id = v.trace_id) AS initiators
FROM (VALUES ('long'), ('over')) v (trace_id) LEFT JOIN obs.traces t USING (trace_id) GROUP BY 1 ORDER BY 1;
INSERT INTO obs.traces (trace_id, span_id, name, start_time, organization_id, workspace_id, user_id) VALUES ('long', '3', 'another root', now(), 'aaaaaaaa-0000-4000-8000-000000000000', :search, :mona);
SELECT span_id, initiator_id = :mike AS of_mike FROM obs.traces WHERE trace_id = 'long' ORDER BY 1;
SELECT obs.drop_partitions('traces', '0') \gset
SELECT count(*) > 0 AS todays FROM obs.trace_initiators;
DROP SCHEMA obs CASCADE;
