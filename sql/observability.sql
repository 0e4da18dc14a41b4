-- The tables that create_observability() makes: whose they are, who sees and writes what.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS obs CASCADE;
SET client_min_messages = notice;
SELECT tenancy.create_observability('obs');

-- Protected, and each partition, too
SELECT relation, resource, owner_column, api_key_column, payload FROM tenancy.protected_tables
WHERE relation::text !~ '_p[0-9]+$' ORDER BY relation::text;
SELECT p.relid::regclass AS "table", bool_and(r.relation IS NOT NULL) AS protected, count(*) FILTER (WHERE f.isleaf) >= 2 AS partitioned,
       bool_or(tenancy_steps.is_default_partition(f.relid)) AS has_default
FROM unnest(ARRAY['obs.logs', 'obs.log_payloads', 'obs.traces', 'obs.analytics']::regclass[]) p (relid),
     pg_partition_tree(p.relid) f LEFT JOIN tenancy.protected_tables r ON r.relation = f.relid
GROUP BY p.relid ORDER BY 1;
SELECT problem FROM tenancy.protected_tables, tenancy_internal.inspect_protection(relation) WHERE problem IS NOT NULL;
SELECT a.* FROM tenancy.advise() a WHERE object LIKE 'obs.%';
-- Nobody but the schema's owner is granted anything
SELECT c.relname, c.relacl FROM pg_class c WHERE c.relnamespace = 'obs'::regnamespace AND c.relkind IN ('r', 'p', 'v')
  AND EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee <> (SELECT n.nspowner FROM pg_namespace n WHERE n.oid = c.relnamespace));
SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'obs'::regnamespace AND has_function_privilege('regress_plain', p.oid, 'EXECUTE');
SELECT has_schema_privilege('regress_plain', 'obs', 'USAGE');
-- All of it says what it is; members of the extension are none of it
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'obs'::regnamespace AND c.relkind IN ('p', 'v') AND obj_description(c.oid, 'pg_class') IS NULL;
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'obs'::regnamespace AND c.relkind = 'p' AND col_description(c.oid, a.attnum) IS NULL
  AND a.attname NOT IN ('organization_id', 'workspace_id', 'user_id', 'api_key_id');
SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'obs'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT count(*) FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'pg_tenancy'
JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid WHERE c.relnamespace = 'obs'::regnamespace AND d.deptype = 'e';

-- Refused, with nothing changed
SELECT * FROM failure($$SELECT tenancy.create_observability('obs')$$);
SELECT * FROM failure($$SELECT tenancy.create_observability('other', 'week')$$);
SELECT * FROM failure($$SELECT tenancy.create_observability(NULL)$$);
SELECT * FROM failure($$SELECT tenancy.create_observability('other', NULL)$$);
SELECT * FROM failure($$SELECT tenancy.create_observability('other', distributed => NULL)$$);
SELECT * FROM failure($$SELECT tenancy.create_observability('other', distributed => true)$$);
SELECT to_regnamespace('other');

-- Rows are stamped with who writes them.
GRANT USAGE ON SCHEMA obs TO regress_app, regress_plain;
GRANT SELECT, INSERT ON obs.logs, obs.log_payloads, obs.traces TO regress_app, regress_plain;
GRANT SELECT ON obs.analytics, obs.log_entries, obs.log_payloads_scoped, obs.traces_scoped TO regress_app, regress_plain;
GRANT EXECUTE ON FUNCTION obs.trace_tree TO regress_app;
INSERT INTO tenancy.api_key_scopes SELECT api_key_id, 'traces', 'write' FROM tenancy.api_keys WHERE NOT all_scopes;
SET SESSION AUTHORIZATION regress_plain;
CALL become('mike key');
WITH entry AS (INSERT INTO obs.logs (request_model, usage_input_tokens) VALUES ('small', 7) RETURNING log_id, start_time)
INSERT INTO obs.log_payloads (log_id, start_time, request, response) SELECT log_id, start_time, '"mike asks"', '"model answers"' FROM entry;
INSERT INTO obs.traces (trace_id, span_id, start_time, name) VALUES ('0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331', now(), 'chat small');
CALL become('search service');
INSERT INTO obs.logs (request_model) VALUES ('large');
CALL become('globex master');
INSERT INTO obs.logs (request_model) VALUES ('foreign');
-- In nobody else's name, and not into what nobody may write
CALL become('mike key');
SELECT * FROM failure($$INSERT INTO obs.logs (workspace_id) VALUES ('aaaaaaaa-0000-4000-8000-000000000003')$$);
SELECT * FROM failure($$INSERT INTO obs.log_payloads (log_id, start_time, user_id) VALUES (gen_random_uuid(), now(), 'cccccccc-0000-4000-8000-000000000003')$$);
SELECT * FROM failure($$INSERT INTO obs.analytics SELECT FROM obs.analytics$$);
SELECT * FROM failure($$SELECT obs.refresh_analytics()$$);
SELECT * FROM failure($$SELECT * FROM obs.analytics_pending$$);
CALL become('nobody');
SELECT * FROM failure($$INSERT INTO obs.logs (organization_id) VALUES ('aaaaaaaa-0000-4000-8000-000000000000')$$);
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
SELECT l.request_model, o.slug, w.slug, u.email, k.name FROM obs.logs l JOIN tenancy.organizations o USING (organization_id)
LEFT JOIN tenancy.workspaces w USING (workspace_id) LEFT JOIN tenancy.users u USING (user_id) LEFT JOIN tenancy.api_keys k USING (api_key_id) ORDER BY 1;
SELECT u.email, k.name FROM obs.log_payloads JOIN tenancy.users u USING (user_id) JOIN tenancy.api_keys k USING (api_key_id)
UNION ALL SELECT u.email, k.name FROM obs.traces JOIN tenancy.users u USING (user_id) JOIN tenancy.api_keys k USING (api_key_id);

-- Metadata for whoever may list, content for whoever may view
CREATE FUNCTION entries(who text) RETURNS TABLE (logs text, payloads text, entries text) LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  RETURN QUERY SELECT (SELECT string_agg(request_model, ' ' ORDER BY request_model) FROM obs.logs),
    (SELECT string_agg(request::text, ' ') FROM obs.log_payloads),
    (SELECT string_agg(request_model || coalesce(': ' || response::text, ''), ', ' ORDER BY request_model) FROM obs.log_entries);
END
$$;
SET SESSION AUTHORIZATION regress_app;
SELECT who, (entries(who)).* FROM unnest(ARRAY['olivia', 'mona', 'mike', 'wanda', 'gus', 'nobody']) who;
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'managers_view_logs', false), tenancy.set_setting('acme', 'members_view_all_data', false);
SET SESSION AUTHORIZATION regress_app;
SELECT who, (entries(who)).* FROM unnest(ARRAY['olivia', 'mona', 'mike']) who;
CALL become('mona');
SELECT request IS NULL AS masked, user_id IS NOT NULL AS is_listed FROM obs.log_payloads_scoped;
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'managers_view_logs_metadata', false);
SET SESSION AUTHORIZATION regress_app;
SELECT who, (entries(who)).* FROM unnest(ARRAY['olivia', 'mona', 'mike']) who;
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.reset_setting('acme', s) FROM unnest(ARRAY['managers_view_logs', 'managers_view_logs_metadata', 'members_view_all_data']) s;

-- A trace as a tree: siblings in their order, children below their parent, whatever the parent ids say
INSERT INTO obs.traces (trace_id, span_id, parent_span_id, start_time, end_time, name, organization_id, workspace_id, user_id, status_code)
SELECT 'tree', id, parent, '2026-03-01 12:00+00'::timestamptz + second * interval '1 second', '2026-03-01 12:00+00'::timestamptz + second * interval '1 second' + interval '1 second',
       name, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', ('cccccccc-0000-4000-8000-00000000000' || person)::uuid, 'ok'
FROM (VALUES ('01', NULL, 0, 'agent', 3), ('02', '01', 3, 'answer', 3), ('03', '01', 1, 'retrieve', 3), ('04', '03', 2, 'embed', 4),
             ('05', '04', 2.5, 'request', 4), ('06', 'ff', 4, 'parent is elsewhere', 3), ('07', '08', 5, 'one of two that hold each other', 3),
             ('08', '07', 6, 'the other', 3), ('09', '09', 7, 'its own parent', 3), ('0a', '07', 8, 'child of such', 3)) v (id, parent, second, name, person);
SET SESSION AUTHORIZATION regress_app;
CALL become('mona');
SELECT repeat('  ', depth) || name AS span, depth, span_id, duration, status_code FROM obs.trace_tree('tree');
SELECT count(*) FROM obs.trace_tree('tree', '2026-03-01 12:00:02+00', '2026-03-01 12:00:03+00');
SELECT count(*) FROM obs.trace_tree('none');
CALL become('gus');
SELECT count(*) FROM obs.trace_tree('tree');
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
SELECT repeat('  ', depth) || name AS span FROM obs.trace_tree('tree');
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;

-- The filters that people use walk an index.
INSERT INTO obs.logs (start_time, organization_id, workspace_id, user_id, api_key_id, request_model, http_response_status_code)
SELECT '2026-03-01 00:00+00'::timestamptz + n * interval '1 second', 'aaaaaaaa-0000-4000-8000-000000000000',
       ('aaaaaaaa-0000-4000-8000-00000000000' || 2 + n % 2)::uuid, ('cccccccc-0000-4000-8000-00000000000' || 3 + n % 4)::uuid,
       ('dddddddd-0000-4000-8000-00000000000' || 2 + n % 3)::uuid, 'model ' || n % 10, CASE n % 20 WHEN 4 THEN 500 ELSE 200 END
FROM generate_series(1, 20000) n;
SELECT obs.create_partitions('1 day', '2026-03-01 00:00+00') > 0 AS made;
ANALYZE obs.logs;
-- The index that a query uses, and whether it sorts.
CREATE FUNCTION walks(query text) RETURNS TABLE (index text, sorts boolean) LANGUAGE plpgsql AS $$
DECLARE
  plan text := '';
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    plan := plan || line;
  END LOOP;
  RETURN QUERY SELECT substring(plan FROM '[Ss]can[^>]* (?:using|on) (logs_p20260301\w*idx)'), plan ~ '(^|-> *)(Incremental )?Sort ';
END
$$;
SET SESSION AUTHORIZATION regress_app;
CALL become('mona');
SELECT q.what, w.* FROM (VALUES
  ('newest of the workspace', 'SELECT * FROM obs.logs WHERE start_time >= ''2026-03-01 00:00+00'' AND start_time < ''2026-03-02 00:00+00'' ORDER BY start_time DESC LIMIT 50'),
  ('newest of a user', 'SELECT * FROM obs.logs WHERE start_time >= ''2026-03-01 00:00+00'' AND start_time < ''2026-03-02 00:00+00'' AND user_id = ''cccccccc-0000-4000-8000-000000000004'' ORDER BY start_time DESC LIMIT 50'),
  ('newest by a key', 'SELECT * FROM obs.logs WHERE start_time >= ''2026-03-01 00:00+00'' AND start_time < ''2026-03-02 00:00+00'' AND api_key_id = ''dddddddd-0000-4000-8000-000000000003'' ORDER BY start_time DESC LIMIT 50'),
  ('newest errors of a model', 'SELECT * FROM obs.logs WHERE start_time >= ''2026-03-01 00:00+00'' AND start_time < ''2026-03-02 00:00+00'' AND request_model = ''model 4'' AND http_response_status_code = 500 ORDER BY start_time DESC LIMIT 5'),
  ('a trace', 'SELECT * FROM obs.logs WHERE trace_id = ''0af7651916cd43dd8448eb211c80319c''')) q (what, query), walks(q.query) w;
CALL become('olivia');
SELECT * FROM walks('SELECT * FROM obs.logs WHERE start_time >= ''2026-03-01 00:00+00'' AND start_time < ''2026-03-02 00:00+00'' ORDER BY start_time DESC LIMIT 50');
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;

-- By month, in a schema whose name has to be quoted, and by a role that is no superuser
SET client_min_messages = warning;
DROP SCHEMA obs CASCADE;
CREATE ROLE regress_observability NOLOGIN;
GRANT EXECUTE ON FUNCTION tenancy.create_observability, tenancy.protect, tenancy.create_scoped_view TO regress_observability;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO regress_observability', current_database()); END $$;
SET ROLE regress_observability;
SELECT * FROM app.failure($$SELECT tenancy.create_observability('The "logs"', 'month')$$);
RESET ROLE;
ALTER ROLE regress_observability BYPASSRLS;
SET ROLE regress_observability;
SELECT * FROM app.failure($$SELECT tenancy.create_observability('app', 'month')$$);
SELECT * FROM app.failure($$SELECT tenancy.create_observability('other', distributed => true)$$);
SELECT tenancy.create_observability('The "logs"', 'month');
RESET ROLE;
SELECT c.relkind, c.relowner::regrole, count(*) FROM pg_class c
WHERE c.relnamespace = '"The ""logs"""'::regnamespace AND c.relkind IN ('r', 'p', 'v') GROUP BY 1, 2 ORDER BY 1, 2;
GRANT USAGE ON SCHEMA "The ""logs""" TO regress_plain;
GRANT INSERT ON "The ""logs""".logs TO regress_plain;
SET SESSION AUTHORIZATION regress_plain;
CALL app.become('mike key');
INSERT INTO "The ""logs""".logs (request_model) VALUES ('small'), ('small');
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
GRANT USAGE ON SCHEMA "The ""logs""" TO regress_bound;
GRANT SELECT ON "The ""logs""".analytics TO regress_bound;
GRANT EXECUTE ON FUNCTION "The ""logs""".refresh_analytics TO regress_bound;
SET SESSION AUTHORIZATION regress_bound;
SELECT "The ""logs""".refresh_analytics();
SELECT request_model, requests FROM "The ""logs""".analytics;
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
SELECT "The ""logs""".create_partitions() AS made_already;
DROP SCHEMA "The ""logs""" CASCADE;
DO $$ BEGIN EXECUTE format('REVOKE CREATE ON DATABASE %I FROM regress_observability', current_database()); END $$;
REVOKE ALL ON FUNCTION tenancy.create_observability, tenancy.protect, tenancy.create_scoped_view FROM regress_observability;
DROP ROLE regress_observability;
SELECT count(*) FROM tenancy.protected_tables WHERE relation::text ~ 'obs|logs"' ;
SELECT count(*) FROM tenancy.scoped_views WHERE view::text ~ 'obs|logs"' ;
