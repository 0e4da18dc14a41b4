-- What the extension's functions do does not depend on parameters that any login may set for its session: SQL and PL/pgSQL are parsed
-- in the session of whoever calls, and so are literals, and the text that expressions and names are printed as.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\set ask :srcdir '/sql/include/session_settings.sql'
\i :world
SET client_min_messages = error;
CREATE SCHEMA shop AUTHORIZATION regress_owner;
GRANT USAGE ON SCHEMA shop TO PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy.protect, tenancy.unprotect, tenancy.create_scoped_view, tenancy.apply_logging_settings(regclass, text, name[]) TO regress_owner;
ALTER ROLE regress_owner BYPASSRLS;
GRANT CREATE ON DATABASE :DBNAME TO regress_owner;
GRANT EXECUTE ON FUNCTION tenancy.create_observability TO regress_owner;
SET SESSION AUTHORIZATION regress_owner;
-- Code that its owner has parsed by somebody with more rights
CREATE TABLE shop.noted (who text);
GRANT ALL ON shop.noted TO PUBLIC;
CREATE FUNCTION shop.note() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO shop.noted VALUES (current_user); RETURN true; END $$;
CREATE DOMAIN shop.checked AS int CHECK (shop.note());
CREATE TYPE shop.pair AS (a shop.checked);
CREATE TABLE shop.prompts (id int, organization_id uuid, workspace_id uuid, user_id uuid, title text DEFAULT 'new', at timestamptz DEFAULT '2026-03-02 01:00+00', price float8 DEFAULT 0.1, wait interval DEFAULT '-1 day 02:00');
SELECT tenancy.protect('shop.prompts', 'prompts', 'organization_id', 'workspace_id', 'user_id', payload => '{title}', actions => '{"publish": ["title"]}');
INSERT INTO shop.prompts SELECT n, o.organization_id FROM tenancy.organizations o, generate_series(1, 3) n;
GRANT ALL ON shop.prompts TO regress_app;
TRUNCATE shop.noted;
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'members_view_all_data', true) \g /dev/null

CREATE TABLE app.questions (n serial PRIMARY KEY, login name NOT NULL, member text, statements text[] NOT NULL);
CREATE TABLE app.answers (settings text, n int REFERENCES app.questions, answer text);
-- The result of the last statement, or an error; nothing is kept.
CREATE FUNCTION app.answer(login name, member text, statements text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  BEGIN
    PERFORM set_config('tenancy.user', coalesce(answer.member, ''), true);
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', answer.login);
    FOR place IN 1 .. cardinality(answer.statements) - 1 LOOP
      EXECUTE answer.statements[place];
    END LOOP;
    EXECUTE answer.statements[cardinality(answer.statements)] INTO result;
    RAISE EXCEPTION USING ERRCODE = 'ZZ999', MESSAGE = 'undo';
  EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
    RETURN result;
  WHEN OTHERS THEN
    RETURN concat(SQLSTATE, ' ', SQLERRM);
  END;
END
$$;
INSERT INTO app.questions (login, member, statements) VALUES
  -- Code of a table's owner
  ('regress_owner', NULL, ARRAY[$$CREATE TABLE shop.other (organization_id uuid, v shop.pair DEFAULT coalesce(NULL, '(1)'::shop.pair))$$,
    $$SELECT tenancy.protect('shop.other', 'prompts', 'organization_id', actions => '{"publish": ["v"]}')$$, $$SELECT string_agg(DISTINCT n.who, ' ') FROM shop.noted n$$]),
  ('regress_owner', NULL, ARRAY[$$ALTER TABLE shop.prompts ADD v shop.pair$$, $$CREATE POLICY p ON shop.prompts AS RESTRICTIVE USING (v IS DISTINCT FROM '(1)'::shop.pair)$$, $$TRUNCATE shop.noted$$,
    $$SELECT tenancy.create_scoped_view('shop.prompts', 'shop.scoped')$$, $$SELECT string_agg(DISTINCT n.who, ' ') FROM shop.noted n$$]),
  ('regress_owner', NULL, ARRAY[$$CREATE POLICY p ON shop.prompts AS RESTRICTIVE USING (EXISTS (SELECT FROM tenancy.api_key_secrets))$$, $$SELECT tenancy.create_scoped_view('shop.prompts', 'shop.scoped')$$]),
  -- Guard rails
  ('regress_owner', NULL, ARRAY[$$CREATE TABLE shop.copy (LIKE shop.prompts INCLUDING DEFAULTS)$$, $$GRANT SELECT ON shop.copy TO PUBLIC$$, $$RESET SESSION AUTHORIZATION$$,
    $$SELECT concat(c.relrowsecurity, ' ', tenancy_internal.fills_in_tenants(c.oid)) FROM pg_class c WHERE c.oid = 'shop.copy'::regclass$$]),
  ('regress_owner', NULL, ARRAY[$$DROP TRIGGER "~tenancy_action_1_insert" ON shop.prompts$$]),
  ('regress_owner', NULL, ARRAY[$$CREATE POLICY p ON shop.prompts USING (true)$$]),
  ('regress_owner', NULL, ARRAY[$$SELECT tenancy.unprotect('shop.prompts')$$, $$SELECT string_agg(a.attname, ' ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = 'shop.prompts'::regclass AND a.atthasdef$$]),
  ('regress_owner', NULL, ARRAY[$$SELECT tenancy.protect('shop.prompts', 'prompts', 'organization_id', 'workspace_id', 'user_id', actions => '{"publish": ["at", "price", "wait"]}')$$, $$SET LOCAL quote_all_identifiers = off$$, $$SET LOCAL datestyle = 'ISO'$$, $$SET LOCAL timezone = 'UTC'$$, $$SET LOCAL intervalstyle = 'postgres'$$, $$SET LOCAL extra_float_digits = 1$$,
    $$SELECT string_agg(pg_get_triggerdef(t.oid), ' ' ORDER BY t.tgname) FROM pg_trigger t WHERE t.tgrelid = 'shop.prompts'::regclass AND t.tgname ~ '^~tenancy_action'$$]),
  ('postgres', NULL, ARRAY[$$SELECT string_agg(concat_ws(' ', a.rule, a.object, a.problem), '; ' ORDER BY a.rule, a.object, a.problem) FROM tenancy.advise() a WHERE a.severity IN ('error', 'warning') AND a.rule NOT IN ('row_security_off', 'old_server')$$]),
  -- Tenants
  ('regress_app', 'olivia@acme.test', ARRAY[$$SELECT concat_ws(' ', w.kind, w.organization, w.email) FROM tenancy.whoami() w$$]),
  ('regress_app', 'olivia@acme.test', ARRAY[$$SELECT count(*) FROM shop.prompts$$]),
  ('regress_app', 'gus@globex.test', ARRAY[$$SELECT count(*) FROM shop.prompts$$]),
  ('regress_app', NULL, ARRAY[$$SELECT count(*) FROM shop.prompts$$]),
  ('regress_app', 'olivia@acme.test', ARRAY[$$UPDATE shop.prompts SET title = 'old'$$, $$SELECT count(*) FROM shop.prompts WHERE title = 'old'$$]),
  ('regress_app', 'mike@acme.test', ARRAY[$$SELECT string_agg(concat(p.resource, '.', p.action), ' ' ORDER BY p.resource, p.action) FROM tenancy.permissions p WHERE tenancy.authorize(p.resource, p.action)$$]),
  ('regress_app', 'mike@acme.test', ARRAY[$$SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'owner')$$]),
  ('regress_app', 'adam@acme.test', ARRAY[$$SELECT tenancy.set_organization_role(NULL, 'adam@acme.test', 'owner')$$]),
  ('regress_app', 'olivia@acme.test', ARRAY[$$SELECT tenancy.set_organization_role(NULL, 'olivia@acme.test', 'member')$$]),
  ('regress_app', 'olivia@acme.test', ARRAY[$$SELECT tenancy.set_organization_role('globex', 'olivia@acme.test', 'owner')$$]),
  ('regress_app', 'olivia@acme.test', ARRAY[$$SELECT tenancy.create_role(NULL, 'workspace', 'reader', 'member')$$, $$SELECT tenancy.set_workspace_role('search', 'mona@acme.test', 'reader')$$,
    $$SELECT string_agg(concat(g.resource, '.', g.action), ' ' ORDER BY g.resource, g.action) FROM tenancy.grants g JOIN tenancy.roles r USING (role_id) WHERE r.name = 'reader'$$]),
  ('regress_app', 'olivia@acme.test', ARRAY[$$SELECT k.secret ~ '^[[:alnum:]_]+$' FROM tenancy.create_api_key('workspace_user_key', E'a\\b''c', NULL, 'search', 'mike@acme.test', '["logs.view"]') k$$]),
  ('regress_app', 'olivia@acme.test', ARRAY[$$SELECT tenancy.set_setting(NULL, 'members_view_all_data', false)$$, $$SELECT string_agg(concat(l.action, ' ', l.resource_type, ' ', l.actor_kind), '; ') FROM (SELECT * FROM tenancy.audit_log ORDER BY audit_id DESC LIMIT 1) l$$]),
  ('regress_app', 'olivia@acme.test', ARRAY[$$SELECT tenancy.invite(NULL, E'o''x\\@acme.test', 'member') IS NOT NULL$$]),
  -- Observability tables, by month and by day
  ('regress_owner', NULL, ARRAY[$$SELECT tenancy.create_observability('seen', 'month')$$, $$INSERT INTO seen.logs (log_id, start_time, organization_id, request_model) SELECT gen_random_uuid(), now(), o.organization_id, 'm' FROM tenancy.organizations o$$,
    $$SELECT seen.refresh_analytics()$$, $$SELECT tenancy.update_observability('seen')$$, $$SELECT tenancy.add_observability_search('seen', '{team}', words => true)$$,
    $$INSERT INTO seen.log_payloads (log_id, start_time, organization_id, request) SELECT gen_random_uuid(), now(), o.organization_id, E'{"text": "one\\ntwo \\\\ three"}' FROM tenancy.organizations o WHERE o.slug = 'acme'$$,
    $$SELECT set_config('app.unit', tenancy_steps.partition_unit('seen'), true)$$,
    $$SELECT tenancy.create_partitions('seen', 'day', '1 day', '2031-12-31 00:00+00')$$,
    $$SELECT concat_ws(' ', current_setting('app.unit'), tenancy_steps.partition_unit('seen'), (SELECT count(*) FROM tenancy_steps.observability_functions('seen')), (SELECT count(DISTINCT r.lower) FROM tenancy_steps.partition_ranges('seen.logs') r),
       (SELECT string_agg(concat_ws(' ', r.partition, extract(epoch FROM r.lower)::bigint, extract(epoch FROM r.upper)::bigint), ' ' ORDER BY r.lower) FROM tenancy_steps.partition_ranges('seen.logs') r WHERE r.lower > '2031-01-01 00:00+00'::timestamptz),
       (SELECT string_agg(concat(a.requests, a.request_model), ' ') FROM seen.analytics a), (SELECT string_agg(p.words::text, ' ') FROM seen.log_payloads p))$$]),
  -- Help
  ('regress_app', 'olivia@acme.test', ARRAY[$$SELECT md5(string_agg(h, ' ')) FROM tenancy.help('authorize()') h$$]),
  ('regress_app', 'olivia@acme.test', ARRAY[$$SELECT md5(string_agg(h, ' ')) FROM tenancy.help('tenancy.whoami()') h$$]);

\set questions true
\set name '(defaults)'
\set settings '{}'
\i :ask
SELECT q.n, q.login, q.member, left(a.answer, 300) AS answer FROM app.answers a JOIN app.questions q USING (n) WHERE q.statements[1] !~ 'advise|help' ORDER BY 1;
-- What takes long is asked once more, under all those of the settings that change how texts are read and printed.
\set questions 'statements[1] ~ ''create_observability'''
\set name "texts read and printed"
\set settings '{"standard_conforming_strings": "off", "backslash_quote": "on", "quote_all_identifiers": "on", "DateStyle": "SQL, DMY", "TimeZone": "Asia/Kolkata", "IntervalStyle": "sql_standard"}'
\i :ask
\set questions 'statements[1] !~ ''create_observability'''
\set name standard_conforming_strings
\set settings '{"standard_conforming_strings": "off", "backslash_quote": "on"}'
\i :ask
\set name quote_all_identifiers
\set settings '{"quote_all_identifiers": "on"}'
\i :ask
\set name times
\set settings '{"DateStyle": "SQL, DMY", "TimeZone": "Asia/Kolkata", "IntervalStyle": "sql_standard"}'
\i :ask
\set name nulls
\set settings '{"transform_null_equals": "on", "array_nulls": "off"}'
\i :ask
\set name "more times"
\set settings '{"DateStyle": "German", "TimeZone": "America/St_Johns", "IntervalStyle": "iso_8601"}'
\i :ask
\set name texts
\set settings '{"extra_float_digits": "-15", "bytea_output": "escape", "xmloption": "document", "xmlbinary": "hex", "lc_messages": "C", "lc_monetary": "C", "default_text_search_config": "pg_catalog.english"}'
\i :ask
\set name plans
\set settings '{"enable_seqscan": "off", "enable_hashjoin": "off", "enable_sort": "off", "plan_cache_mode": "force_generic_plan", "constraint_exclusion": "on", "from_collapse_limit": "1", "join_collapse_limit": "1", "gin_fuzzy_search_limit": "1", "cursor_tuple_fraction": "0", "jit": "off"}'
\i :ask
\set name parallel
\set settings '{"force_parallel_mode": "on", "debug_parallel_query": "on", "parallel_setup_cost": "0", "parallel_tuple_cost": "0", "min_parallel_table_scan_size": "0"}'
\i :ask
\set name transactions
\set settings '{"default_transaction_isolation": "serializable", "default_transaction_deferrable": "on", "lock_timeout": "10s", "synchronous_commit": "off"}'
\i :ask
\set name bodies
\set settings '{"check_function_bodies": "off", "escape_string_warning": "off", "plpgsql.extra_errors": "all", "plpgsql.check_asserts": "off", "default_toast_compression": "pglz", "search_path": "shop, pg_catalog"}'
\i :ask
SELECT q.n, a.settings, left(a.answer, 300) AS answer, left(d.answer, 300) AS by_default FROM app.answers a JOIN app.answers d ON d.n = a.n AND d.settings = '(defaults)' JOIN app.questions q ON q.n = a.n
WHERE replace(a.answer, '"', '') IS DISTINCT FROM replace(d.answer, '"', '') ORDER BY 1, 2;
SELECT count(DISTINCT a.settings) AS sets FROM app.answers a;
-- Row security that is switched off hides nothing by accident: whoever is filtered gets an error instead.
\set name row_security
\set settings '{"row_security": "off"}'
\i :ask
SELECT q.n, left(a.answer, 150) AS answer FROM app.answers a JOIN app.answers d ON d.n = a.n AND d.settings = '(defaults)' JOIN app.questions q ON q.n = a.n
WHERE a.settings = 'row_security' AND a.answer IS DISTINCT FROM d.answer ORDER BY 1;
SET client_min_messages = error;
ALTER ROLE regress_owner NOBYPASSRLS;
DROP SCHEMA shop CASCADE;
DROP TABLE app.answers, app.questions;
DROP FUNCTION app.answer;
REVOKE CREATE ON DATABASE :DBNAME FROM regress_owner;
DROP OWNED BY regress_owner;
