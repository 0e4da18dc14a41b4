-- Observability tables and their functions have one owner: code of another's does not run with the functions' rights.
\pset format unaligned
SET client_min_messages = error;
DROP ROLE IF EXISTS regress_dev, regress_filtered, regress_keeper, regress_next, regress_writer;
CREATE ROLE regress_dev;
CREATE ROLE regress_filtered;
CREATE ROLE regress_keeper BYPASSRLS;
CREATE ROLE regress_next BYPASSRLS;
CREATE ROLE regress_writer LOGIN;
SELECT organization_id AS acme, workspace_id AS search FROM tenancy.create_organization('Owners', 'olivia@owners.test') \gset
SELECT secret FROM tenancy.create_api_key('workspace_service_key', 'k', :'acme', :'search', NULL, '{"completions": "enabled"}') \gset
SELECT tenancy.create_observability('observed') \gset
CREATE SCHEMA tools;
GRANT USAGE ON SCHEMA observed, tools TO regress_writer, regress_dev, regress_filtered, regress_keeper, regress_next;
GRANT INSERT, SELECT ON ALL TABLES IN SCHEMA observed TO regress_writer;
CREATE FUNCTION tools.owners() RETURNS TABLE (kind text, owners text, number bigint) LANGUAGE sql AS $$
  SELECT o.kind, string_agg(DISTINCT pg_get_userbyid(o.owner), ' '), count(*) FROM tenancy_steps.observability_objects('observed') o WHERE o.kind <> 'TABLE' GROUP BY 1
  UNION ALL
  SELECT o.kind, string_agg(DISTINCT pg_get_userbyid(o.owner), ' '), NULL FROM tenancy_steps.observability_objects('observed') o WHERE o.kind = 'TABLE' GROUP BY 1
  ORDER BY 1
$$;
CREATE FUNCTION tools.failure(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tools TO PUBLIC;
-- None of them has plans printed, with what it reads as constants, but those that only call a function of the extension.
SELECT p.proname, p.prosecdef AS with_owners_rights, (SELECT string_agg(c, ' ') FROM unnest(p.proconfig) c WHERE c ~ '^debug_print') AS printed, p.prosqlbody IS NOT NULL AS only_calls
FROM pg_proc p WHERE p.pronamespace = 'observed'::regnamespace AND p.prosecdef ORDER BY 1;
SET client_min_messages = notice;
SELECT owners, count(*) = 3 AS all_kinds FROM tools.owners() GROUP BY owners;

-- The leak without it: a table's owner has code run as whoever writes to the table, here the functions' owner, a superuser.
CREATE FUNCTION tools.say() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE 'code on % runs as %', TG_TABLE_NAME, replace(current_user, session_user, 'the session''s user');
  RETURN NULL;
END
$$;
ALTER TABLE observed.analytics_pending OWNER TO regress_dev;
ALTER TABLE observed.trace_initiators OWNER TO regress_dev;
ALTER TABLE observed.accepted_times OWNER TO regress_dev;
SET ROLE regress_dev;
CREATE TRIGGER say AFTER INSERT ON observed.analytics_pending FOR EACH STATEMENT EXECUTE FUNCTION tools.say();
CREATE TRIGGER say AFTER INSERT ON observed.trace_initiators FOR EACH STATEMENT EXECUTE FUNCTION tools.say();
RESET ROLE;
BEGIN;
ALTER TABLE observed.analytics_pending OWNER TO CURRENT_USER;
INSERT INTO observed.analytics_pending VALUES ('2026-01-01', false);
ROLLBACK;
SET SESSION AUTHORIZATION regress_writer;
SET tenancy.api_key = :'secret';
SELECT tools.failure($$INSERT INTO observed.logs (request_model) VALUES ('m')$$);
SELECT tools.failure($$INSERT INTO observed.traces (trace_id, span_id, name, start_time) VALUES ('t', 's', 'n', now())$$);
SELECT tools.failure($$INSERT INTO observed.log_payloads (log_id, start_time) VALUES (gen_random_uuid(), now() - interval '2 days')$$);
RESET tenancy.api_key;
RESET SESSION AUTHORIZATION;
SELECT tools.failure('SELECT observed.refresh_analytics()'), tools.failure('SELECT observed.create_partitions()');
SELECT tools.failure($$SELECT observed.drop_partitions('logs', '1 day')$$), tools.failure('SELECT observed.invalidate_analytics()');
SELECT tools.failure($$SELECT tenancy.update_observability('observed')$$);

-- A new owner of the tables has the functions made anew: no function, least of all a look-alike, gets another owner.
DROP TRIGGER say ON observed.analytics_pending;
DROP TRIGGER say ON observed.trace_initiators;
GRANT CREATE ON SCHEMA observed TO regress_dev;
SET ROLE regress_dev;
CREATE FUNCTION observed.refresh_analytics(code text) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN QUERY EXECUTE code; END';
CREATE FUNCTION observed.create_partitions() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN -1; END';
RESET ROLE;
CREATE PROCEDURE tools.give(role regrole) LANGUAGE plpgsql AS $$
DECLARE
  relation regclass;
BEGIN
  FOR relation IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'observed'::regnamespace AND c.relkind IN ('r', 'p') LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO %s', relation, role);
  END LOOP;
END
$$;
CALL tools.give('regress_filtered');
SET ROLE regress_filtered;
SELECT tools.failure($$SELECT tenancy.update_observability('observed')$$);
RESET ROLE;
CALL tools.give('regress_keeper');
SELECT * FROM tools.owners();
SELECT tools.failure('SELECT observed.refresh_analytics()'), tools.failure($$SELECT observed.drop_partitions('logs', '1 day')$$);
SET ROLE regress_keeper;
SELECT tools.failure($$SELECT tenancy.update_observability('observed')$$);
RESET ROLE;
ALTER SCHEMA observed OWNER TO regress_keeper;
ALTER TABLE observed.analytics OWNER TO regress_next;
SET ROLE regress_keeper;
SELECT tools.failure($$SELECT tenancy.update_observability('observed')$$);
RESET ROLE;
ALTER TABLE observed.analytics OWNER TO CURRENT_USER;
SET ROLE regress_keeper;
SELECT tenancy.update_observability('observed');
RESET ROLE;
ALTER TABLE observed.analytics OWNER TO regress_keeper;
-- Objects of others that depend on a function stay, and so does the function.
CREATE VIEW tools.entries AS SELECT log_id FROM observed.log_entries;
SET ROLE regress_keeper;
SELECT tools.failure($$SELECT tenancy.update_observability('observed')$$);
RESET ROLE;
DROP VIEW tools.entries;
-- Neither does code of a former owner get the new one's rights by a trigger.
SET ROLE regress_dev;
CREATE FUNCTION observed.left_over() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
RESET ROLE;
CREATE TRIGGER left_over AFTER INSERT ON observed.logs FOR EACH STATEMENT EXECUTE FUNCTION observed.left_over();
SET ROLE regress_keeper;
SELECT tenancy.update_observability('observed');
RESET ROLE;
DROP FUNCTION observed.left_over() CASCADE;
SET ROLE regress_keeper;
SELECT tenancy.update_observability('observed');
RESET ROLE;
SELECT * FROM tools.owners();
SELECT p.oid::regprocedure, p.prosecdef, p.proowner::regrole FROM pg_proc p WHERE p.pronamespace = 'observed'::regnamespace ORDER BY p.oid::regprocedure::text COLLATE "C";
SELECT t.tgrelid::regclass AS relation, string_agg(t.tgname, ' ' ORDER BY t.tgname) AS triggers FROM pg_trigger t
WHERE t.tgfoid IN (SELECT f.function FROM tenancy_steps.observability_functions('observed') f)
  AND t.tgrelid IN (SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'observed'::regnamespace AND c.relname IN ('logs', 'logs_default', 'log_payloads', 'traces', 'analytics')) GROUP BY 1 ORDER BY 1;
SELECT relowner::regrole, reloptions FROM pg_class WHERE oid = 'observed.log_entries'::regclass;
SET SESSION AUTHORIZATION regress_writer;
SET tenancy.api_key = :'secret';
INSERT INTO observed.logs (request_model) VALUES ('m');
INSERT INTO observed.traces (trace_id, span_id, name, start_time) VALUES ('t', 's', 'n', now());
INSERT INTO observed.log_payloads (log_id, start_time) VALUES (gen_random_uuid(), now() - interval '2 days');
SELECT count(*) FROM observed.logs;
RESET tenancy.api_key;
RESET SESSION AUTHORIZATION;
SELECT observed.refresh_analytics() AS hours, observed.create_partitions('1 day', now()) AS made;
INSERT INTO observed.logs_default (log_id, start_time, organization_id) VALUES (gen_random_uuid(), '2020-01-01', :'acme');
SELECT observed.refresh_analytics() AS hours;
-- Whoever is not their owner is told so. Called again, it changes nothing.
SELECT tenancy.update_observability('observed');
SET ROLE regress_keeper;
SELECT tenancy.update_observability('observed');
RESET ROLE;
-- Tables of 1.0 lack some: whatever else has the name is not taken for one.
DROP TABLE observed.job_problems;
SET ROLE regress_dev;
CREATE VIEW observed.job_problems AS SELECT 1;
RESET ROLE;
SELECT tools.failure('SELECT observed.refresh_analytics()');
SET ROLE regress_keeper;
SELECT tenancy.update_observability('observed');
DROP VIEW observed.job_problems;
SELECT tenancy.update_observability('observed');
RESET ROLE;
-- Nor is a view of another role, made meanwhile, replaced with a superuser's rights.
BEGIN;
ALTER VIEW observed.log_entries OWNER TO regress_dev;
SELECT tools.failure($$SELECT tenancy_steps.create_log_entries('observed')$$);
ALTER VIEW observed.log_entries OWNER TO CURRENT_USER;
SELECT tools.failure($$SELECT tenancy_steps.create_log_entries('observed')$$);
ROLLBACK;
DROP FUNCTION observed.refresh_analytics(text), observed.create_partitions();
-- A view in the place of a table is not even read before its owner is known.
CREATE SCHEMA trap;
GRANT USAGE, CREATE ON SCHEMA trap TO regress_dev;
SET ROLE regress_dev;
CREATE FUNCTION trap.say() RETURNS interval LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'read'; RETURN '1 hour'; END $$;
CREATE VIEW trap.analytics_state AS SELECT trap.say() AS recent;
CREATE FUNCTION trap.mark_changed_hours() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
RESET ROLE;
SELECT recent FROM trap.analytics_state;
SELECT tools.failure($$SELECT tenancy.refresh_analytics('trap', NULL)$$), tools.failure($$SELECT tenancy_steps.track_partitions('trap')$$);
SELECT tools.failure($$SELECT tenancy.update_observability('trap')$$);
DROP VIEW trap.analytics_state;
-- Neither does create_observability() take what is there, nor does ALTER TABLE give anybody anything.
SELECT tools.failure($$SELECT tenancy.create_observability('trap')$$);
SET ROLE regress_dev;
CREATE TABLE trap.logs (x integer);
CREATE TRIGGER t AFTER INSERT ON trap.logs FOR EACH ROW EXECUTE FUNCTION trap.mark_changed_hours();
CREATE FUNCTION trap.refresh_analytics(hours integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN 0; END';
RESET ROLE;
CREATE TABLE trap.traces (organization_id uuid NOT NULL);
ALTER TABLE trap.traces ADD note text;
SELECT tenancy.protect('trap.traces', 'traces', 'organization_id');
SELECT DISTINCT p.proowner::regrole FROM pg_proc p WHERE p.pronamespace = 'trap'::regnamespace;
-- What a superuser adds is no obstacle, and what another role adds is one.
CREATE TABLE observed.traces_old PARTITION OF observed.traces FOR VALUES FROM ('2001-01-01') TO ('2001-02-01');
SELECT observed.refresh_analytics() AS hours;
ALTER TABLE observed.traces_old OWNER TO regress_next;
SELECT observed.refresh_analytics() AS hours;
ALTER TABLE observed.traces_old OWNER TO regress_keeper;
-- The schema's owner could bring functions and tables of its own.
ALTER SCHEMA observed OWNER TO regress_dev;
SELECT tools.failure('SELECT observed.refresh_analytics()');
ALTER SCHEMA observed OWNER TO regress_keeper;
-- Nor are functions in the schema, which its owner can replace, run with the rights of whoever calls the procedures.
CREATE FUNCTION tools.runs() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE 'code of the schema''s owner runs as %', replace(current_user, session_user, 'the session''s user');
  RETURN 0;
END
$$;
GRANT EXECUTE ON FUNCTION tools.runs() TO PUBLIC;
BEGIN;
SET ROLE regress_keeper;
DROP FUNCTION observed.create_partitions(interval, timestamptz), observed.refresh_analytics(integer);
CREATE FUNCTION observed.create_partitions(interval, timestamptz) RETURNS integer LANGUAGE sql AS 'SELECT tools.runs()';
CREATE FUNCTION observed.refresh_analytics(integer) RETURNS integer LANGUAGE sql AS 'SELECT tools.runs()';
RESET ROLE;
SELECT observed.refresh_analytics(1);
COMMIT;
\set VERBOSITY terse
CALL tenancy.create_partitions_in_batches('observed', now(), now());
CALL tenancy.refresh_analytics_in_batches('observed');
\set VERBOSITY default
SET ROLE regress_keeper;
SET client_min_messages = warning;
CALL tenancy.create_partitions_in_batches('observed', now(), now());
CALL tenancy.refresh_analytics_in_batches('observed');
SET client_min_messages = notice;
RESET ROLE;
CREATE SCHEMA theirs AUTHORIZATION regress_dev;
SELECT tenancy.create_observability('theirs');
-- Who may refer to a table has code run by checks of the foreign key, and by it changes what names mean, also after the statement.
ALTER SCHEMA trap OWNER TO regress_dev;
GRANT USAGE ON SCHEMA observed TO regress_dev;
GRANT USAGE ON SCHEMA trap TO PUBLIC;
GRANT REFERENCES ON observed.trace_initiators TO regress_dev;
SET ROLE regress_dev;
CREATE FUNCTION trap.set_config(text, text, boolean) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RAISE WARNING 'code of % runs as %', 'regress_dev', current_user;
  RETURN NULL;
END
$$;
CREATE FUNCTION trap.takes_over(integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'trap, pg_catalog', false);
  RETURN true;
END
$$;
CREATE TABLE trap.referring (trace_id text COLLATE "C", organization_id uuid, workspace_id uuid,
  FOREIGN KEY (trace_id, organization_id, workspace_id) REFERENCES observed.trace_initiators (trace_id, organization_id, workspace_id));
CREATE INDEX referring_part ON trap.referring (trace_id) WHERE trap.takes_over(1);
RESET ROLE;
SET SESSION AUTHORIZATION regress_writer;
SET tenancy.api_key = :'secret';
INSERT INTO observed.traces (trace_id, span_id, name, start_time) VALUES ('old', 's', 'n', now() - interval '3 days');
RESET tenancy.api_key;
RESET SESSION AUTHORIZATION;
SET client_min_messages = warning;
ALTER INDEX trap.referring_part RESET (fillfactor);  -- so that the condition is worked out anew
SELECT observed.drop_partitions('traces', '1 day') AS dropped, (SELECT count(*) FROM observed.trace_initiators WHERE trace_id = 'old') AS left_before;
RESET search_path;
SELECT count(*) FROM observed.trace_initiators WHERE trace_id = 'old';
-- In a schema that was renamed, functions name what somebody else has put in its place: none of its code runs, whatever kind of object it is.
SELECT tenancy.create_observability('renamed');
GRANT USAGE ON SCHEMA renamed TO regress_writer;
GRANT INSERT, SELECT ON ALL TABLES IN SCHEMA renamed TO regress_writer;
ALTER SCHEMA renamed RENAME TO put_aside;
CREATE SCHEMA renamed AUTHORIZATION regress_dev;
SET ROLE regress_dev;
GRANT USAGE ON SCHEMA renamed TO PUBLIC;
CREATE FUNCTION renamed.code(name text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RAISE WARNING 'code of % runs as %', code.name, replace(current_user, session_user, 'the session''s user');
  RETURN true;
END
$$;
CREATE PROCEDURE renamed.put(statement text) LANGUAGE plpgsql AS $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY '{logs,log_payloads,traces,trace_initiators,analytics,analytics_pending,analytics_partitions,analytics_state,analytics_kept,accepted_times,job_problems}'::text[] LOOP
    EXECUTE format(put.statement, name);
  END LOOP;
END
$$;
RESET ROLE;
CREATE FUNCTION tools.write_all() RETURNS SETOF text LANGUAGE sql AS $$
  SELECT tools.failure(s) FROM unnest(ARRAY[
    $s$INSERT INTO put_aside.logs (request_model) VALUES ('m')$s$, $s$INSERT INTO put_aside.log_payloads (log_id, start_time) VALUES (gen_random_uuid(), now() - interval '2 days')$s$,
    $s$INSERT INTO put_aside.traces (trace_id, span_id, name, start_time) VALUES ('t', 's', 'n', now())$s$]) s
$$;
SET ROLE regress_dev;
CALL renamed.put('CREATE DOMAIN renamed.%I AS integer CHECK (renamed.code(%1$L))');
RESET ROLE;
SET SESSION AUTHORIZATION regress_writer;
SET tenancy.api_key = :'secret';
SELECT * FROM tools.write_all();
RESET tenancy.api_key;
RESET SESSION AUTHORIZATION;
SET ROLE regress_dev;
CALL renamed.put('DROP DOMAIN renamed.%I');
CALL renamed.put('CREATE VIEW renamed.%I AS SELECT renamed.code(%1$L) AS past');
RESET ROLE;
SET SESSION AUTHORIZATION regress_writer;
SET tenancy.api_key = :'secret';
SELECT * FROM tools.write_all();
RESET tenancy.api_key;
RESET SESSION AUTHORIZATION;
-- What jobs note of all tenants is for the tables' owner, whoever may read and write all data.
CREATE ROLE regress_loader;
GRANT pg_read_all_data, pg_write_all_data TO regress_loader;
BEGIN;
SET LOCAL client_min_messages = error;
SELECT tenancy.create_observability('notes') \gset
GRANT ALL ON ALL TABLES IN SCHEMA notes TO regress_loader;
INSERT INTO notes.job_problems (job, problem) VALUES ('job', 'of a tenant');
INSERT INTO notes.analytics_pending VALUES (now(), true);
CREATE FUNCTION notes.reached(OUT name text, OUT read bigint, OUT removed bigint) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
  FOREACH name IN ARRAY '{analytics_pending,analytics_partitions,analytics_state,analytics_kept,accepted_times,job_problems}'::text[] LOOP
    EXECUTE format('SELECT count(*) FROM notes.%I', name) INTO read;
    EXECUTE format('WITH r AS (DELETE FROM notes.%I RETURNING 1) SELECT count(*) FROM r', name) INTO removed;
    RETURN NEXT;
  END LOOP;
END
$$;
SET LOCAL ROLE regress_loader;
SELECT * FROM notes.reached();
\set VERBOSITY terse
SAVEPOINT before;
INSERT INTO notes.analytics_pending VALUES (now(), true);
ROLLBACK TO before;
\set VERBOSITY default
RESET ROLE;
SELECT name, read > 0 AS has_rows, removed = read AS removed FROM notes.reached();
ROLLBACK;
-- Those of an earlier version
BEGIN;
SET LOCAL client_min_messages = error;
SELECT tenancy.create_observability('notes') \gset
ALTER TABLE notes.job_problems DISABLE ROW LEVEL SECURITY;
SELECT tenancy.update_observability('notes');
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'notes.job_problems'::regclass;
ROLLBACK;
DROP ROLE regress_loader;
-- A schema public is its database's owner's, who could put another table, or function, in one's place.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT tenancy.create_observability('public') \gset
SELECT public.refresh_analytics(NULL) AS hours;
SELECT format('ALTER DATABASE %I OWNER TO regress_dev', current_database()) \gexec
\set VERBOSITY sqlstate
SELECT public.refresh_analytics(NULL) AS hours;
ROLLBACK;
BEGIN;
SELECT format('ALTER DATABASE %I OWNER TO regress_dev', current_database()) \gexec
SELECT tenancy.create_observability('public');
ROLLBACK;
\set VERBOSITY default
SET client_min_messages = error;
DROP SCHEMA observed, put_aside, renamed, theirs, tools, trap CASCADE;
DROP ROLE regress_dev, regress_filtered, regress_keeper, regress_next, regress_writer;
SELECT count(*) FROM tenancy.purge_organization('owners') \gset
