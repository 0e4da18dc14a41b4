-- Jobs, triggers, views and functions of observability tables mean the server's functions, operators and types, whatever somebody who
-- may create in their schema has put there.
\pset format unaligned
SET client_min_messages = error;
DROP ROLE IF EXISTS regress_dev, regress_writer;
CREATE ROLE regress_dev;
CREATE ROLE regress_writer LOGIN;
SELECT organization_id AS acme, workspace_id AS search FROM tenancy.create_organization('Names', 'olivia@names.test') \gset
SELECT secret FROM tenancy.create_api_key('workspace_service_key', 'k', :'acme', :'search', NULL, '"all"') \gset
CREATE SCHEMA tools;
CREATE SCHEMA named;
CREATE TABLE tools.ran (what text, by_superuser boolean);
GRANT USAGE ON SCHEMA tools TO PUBLIC;
GRANT INSERT ON tools.ran TO PUBLIC;
GRANT USAGE, CREATE ON SCHEMA named TO regress_dev;
GRANT USAGE ON SCHEMA named TO regress_writer;
CREATE FUNCTION tools.note(what text) RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('INSERT INTO tools.ran SELECT %L, r.rolsuper FROM pg_roles r WHERE r.rolname = current_user', note.what);
  RETURN true;
END
$$;
-- Look-alikes of what the extension names: of each function, for arguments of its own types, and with texts for any of them; of
-- operators, for each pair of types that the tables have; and of types.
CREATE FUNCTION tools.look_alikes() RETURNS TABLE (kind text, at_least_100 boolean) LANGUAGE plpgsql AS $$
DECLARE
  one record;
BEGIN
  CREATE TEMPORARY TABLE made (kind text);
  FOR one IN
    WITH body AS (
      SELECT p.prosrc AS source FROM pg_proc p WHERE p.pronamespace IN ('tenancy'::regnamespace, 'tenancy_steps'::regnamespace) AND p.prosrc ~ 'analytics|partition|logs|traces|job_problems'
    ), word AS (SELECT DISTINCT m[1] AS word FROM body b, regexp_matches(b.source, '([a-z_0-9]+)\(', 'g') m),
    server AS (SELECT DISTINCT p.proname, p.proargtypes::oid[] AS types, p.pronargs, p.prorettype FROM pg_proc p JOIN word w ON w.word = p.proname
               WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.pronargs <= 3),
    variant AS (SELECT s.proname, s.prorettype, ARRAY(SELECT CASE WHEN (v >> (i - 1)::int) & 1 = 1 THEN 'text'::regtype::oid ELSE t END FROM unnest(s.types) WITH ORDINALITY u (t, i) ORDER BY i) AS types
                FROM server s, generate_series(0, (1 << s.pronargs) - 1) v)
    SELECT DISTINCT format('named.%I(%s)', v.proname, array_to_string(v.types::regtype[], ', ')) AS head, v.proname AS name,
           CASE WHEN r.typtype = 'p' THEN 'text' ELSE v.prorettype::regtype::text END AS result
    FROM variant v JOIN pg_type r ON r.oid = v.prorettype
    WHERE NOT EXISTS (SELECT FROM unnest(v.types) t JOIN pg_type y ON y.oid = t WHERE y.typtype = 'p' AND y.typname NOT LIKE 'any_%') LOOP
    BEGIN
      EXECUTE format('CREATE FUNCTION %s RETURNS %s LANGUAGE plpgsql AS ''BEGIN PERFORM tools.note(''%L''); RETURN NULL; END''', one.head, one.result, one.name);
      INSERT INTO made VALUES ('functions');
    EXCEPTION WHEN duplicate_function OR invalid_function_definition THEN
      NULL;
    END;
  END LOOP;
  FOR one IN SELECT o.name, l.type AS "left", r.type AS "right" FROM unnest('{=,<>,<,<=,>,>=,+,-,||,~,->>}'::text[]) o (name),
      unnest('{timestamptz,interval,uuid,text,name,bigint,integer,numeric,boolean,oid,regclass}'::text[]) l (type),
      unnest('{timestamptz,interval,uuid,text,name,bigint,integer,numeric,boolean,oid,regclass}'::text[]) r (type) WHERE 'text' IN (l.type, r.type) OR l.type = r.type LOOP
    EXECUTE format('CREATE OR REPLACE FUNCTION named.look_alike(%s, %s) RETURNS boolean LANGUAGE plpgsql AS ''BEGIN PERFORM tools.note(''''operator''''); RETURN NULL; END''', one."left", one."right");
    EXECUTE format('CREATE OPERATOR named.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = named.look_alike)', one.name, one."left", one."right");
    INSERT INTO made VALUES ('operators');
  END LOOP;
  FOR one IN SELECT t FROM unnest('{timestamptz,text,uuid,jsonb,regclass,regnamespace,name,oid}'::text[]) t LOOP
    EXECUTE format('CREATE DOMAIN named.%I AS pg_catalog.%1$I CHECK (tools.note(''type''))', one.t);
  END LOOP;
  RETURN QUERY SELECT m.kind, count(*) >= 100 FROM made m GROUP BY 1 ORDER BY 1;
  DROP TABLE made;
END
$$;
GRANT TEMPORARY ON DATABASE :"DBNAME" TO regress_dev;
SET ROLE regress_dev;
SELECT * FROM tools.look_alikes();
RESET ROLE;
-- The leak without it: they are called where the schema is in the path.
BEGIN;
SET LOCAL search_path = named, pg_temp;
SELECT date_bin('1 hour', '2026-01-01 00:30+00'::timestamptz, 'epoch') IS NULL AS is_null;
SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 AS called, pg_catalog.bool_and(by_superuser) AS by_superuser FROM tools.ran;
ROLLBACK;
-- Tables are made beside them,
SELECT tenancy.create_observability('named');
GRANT INSERT, SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA named TO regress_writer;
GRANT EXECUTE ON FUNCTION named.trace_tree(text, timestamptz, timestamptz) TO regress_writer;
-- written to by tenants,
SET SESSION AUTHORIZATION regress_writer;
SET tenancy.api_key = :'secret';
INSERT INTO named.logs (start_time, end_time, request_model, cost, usage_input_tokens, metadata) SELECT now() - d * interval '1 day', now() - d * interval '1 day', 'm', 1, 1, '{"team": "x"}' FROM generate_series(0, 40, 4) d;
INSERT INTO named.log_payloads (log_id, start_time, request) SELECT gen_random_uuid(), now() - interval '2 days', '{"text": "words"}';
INSERT INTO named.traces (trace_id, span_id, parent_span_id, name, start_time) VALUES ('t', 's', NULL, 'n', now()), ('t', 's2', 's', 'n', now() - interval '2 days');
UPDATE named.logs SET cost = 2 WHERE start_time < now() - interval '20 days';
DELETE FROM named.logs WHERE start_time < now() - interval '39 days';
SELECT count(*) FROM named.log_entries;
SELECT count(*) FROM named.log_payloads_scoped;
SELECT count(*) FROM named.trace_tree('t');
RESET tenancy.api_key;
RESET SESSION AUTHORIZATION;
-- and worked on by the jobs, with rows that they pass over.
ALTER TABLE named.logs DROP CONSTRAINT logs_tokens_check, DROP CONSTRAINT logs_times_check, DROP CONSTRAINT logs_cost_check;
INSERT INTO named.logs (start_time, organization_id, workspace_id, cost) VALUES ('1960-01-01 00:00+00', :'acme', :'search', 1), (now(), :'acme', :'search', 'NaN');
INSERT INTO named.logs (start_time, organization_id, workspace_id, usage_input_tokens) SELECT now(), :'acme', :'search', 9223372036854775807 FROM generate_series(1, 2);
SELECT named.refresh_analytics() > 0 AS hours;
SELECT count(*) > 0 AS left_out FROM named.job_problems;
SELECT named.invalidate_analytics() > 0 AS hours, named.create_partitions('9 days', now() - interval '5 days') > 0 AS made;
INSERT INTO named.analytics_kept VALUES (:'acme', NULL, now() - interval '30 days');
CALL tenancy.refresh_analytics_in_batches('named', 2);
CALL tenancy.create_partitions_in_batches('named', now(), now() + interval '20 days');
SELECT tenancy.update_observability('named');
SELECT tenancy.add_observability_search('named', '{team}', true, true);
TRUNCATE named.logs_default;
DELETE FROM named.log_payloads;
SELECT named.drop_partitions(t, '3 days', true) > 0 AS dropped FROM unnest('{logs,log_payloads,traces,analytics}'::text[]) t;
SELECT named.refresh_analytics() >= 0 AS hours;
-- What runs on the nodes of a cluster
DELETE FROM named.logs WHERE usage_input_tokens > 1000000 OR cost = 'NaN';
INSERT INTO named.logs (start_time, organization_id, workspace_id, cost) VALUES (now(), :'acme', :'search', 1);
SELECT tenancy_steps.mark_recent_hours('named', '3 hours');
SELECT tenancy_steps.sum_up_on_nodes('named', ARRAY[date_trunc('hour', now())]);
DROP FUNCTION named.trace_tree(text, timestamptz, timestamptz);
SELECT tenancy_steps.create_trace_tree_on_nodes('named');
SELECT count(*) FROM named.trace_tree('t');
SELECT what, count(*) FROM tools.ran GROUP BY 1 ORDER BY 1;
-- None of the functions in the schema, and of the extension, resolves names there; PL/pgSQL without a path is only in procedures that commit.
SELECT p.proname, p.proconfig FROM pg_proc p
WHERE p.pronamespace = 'named'::regnamespace AND p.proowner <> 'regress_dev'::regrole AND p.prosqlbody IS NULL ORDER BY 1;
SELECT p.oid::regprocedure, p.proconfig FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace IN ('tenancy'::regnamespace, 'tenancy_internal'::regnamespace, 'tenancy_steps'::regnamespace) AND l.lanname NOT IN ('c', 'internal') AND p.prosqlbody IS NULL
  AND NOT coalesce('search_path=pg_catalog, tenancy, pg_temp' = ANY (p.proconfig), false) ORDER BY 1;

-- No schema is not every schema.
\set VERBOSITY terse
SELECT tenancy.refresh_analytics(NULL, 1);
SELECT tenancy.invalidate_analytics(NULL, now(), now());
SELECT tenancy.create_partitions(NULL, 'day', '1 day', now());
SELECT tenancy.create_partitions('named', 'day', NULL, now());
SELECT tenancy.create_partitions('named', 'day', '7 days', at) FROM unnest('{infinity, -infinity}'::timestamptz[]) at;
SELECT tenancy.create_partitions('named', 'day', '7 days', '-infinity');
SELECT tenancy.create_partitions('named', 'day', '40 years', now());
SELECT tenancy.drop_partitions(NULL, 'logs', '1 day', false);
CALL tenancy.refresh_analytics_in_batches(NULL);
CALL tenancy.create_partitions_in_batches(NULL, now(), now());
CALL tenancy.create_partitions_in_batches('named', NULL, now());
CALL tenancy.create_partitions_in_batches('named', now(), 'infinity');
SELECT tenancy_steps.refuse_no_schema(1::regnamespace);
\set VERBOSITY default

DROP SCHEMA named, tools CASCADE;
REVOKE TEMPORARY ON DATABASE :"DBNAME" FROM regress_dev;
DROP ROLE regress_dev, regress_writer;
SELECT count(*) FROM tenancy.purge_organization('names') \gset
