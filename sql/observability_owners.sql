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
GRANT USAGE ON SCHEMA observed, tools TO regress_writer, regress_dev, regress_keeper, regress_next;
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
SET client_min_messages = notice;
SELECT owners, count(*) > 3 AS several FROM tools.owners() GROUP BY owners;

-- The leak without it: a table's owner has code run as whoever writes to the table, here the functions' owner, a superuser.
CREATE FUNCTION tools.say() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE 'code on % runs as %', TG_TABLE_NAME, replace(current_user, session_user, 'the session''s user');
  RETURN NULL;
END
$$;
ALTER EVENT TRIGGER tenancy_owners DISABLE;
ALTER TABLE observed.analytics_pending OWNER TO regress_dev;
ALTER TABLE observed.trace_initiators OWNER TO regress_dev;
ALTER TABLE observed.accepted_times OWNER TO regress_dev;
ALTER EVENT TRIGGER tenancy_owners ENABLE ALWAYS;
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

-- A new owner gets all of it, unless row security filters it.
SELECT tools.failure('ALTER TABLE observed.logs OWNER TO regress_filtered');
DROP TRIGGER say ON observed.analytics_pending;
DROP TRIGGER say ON observed.trace_initiators;
ALTER TABLE observed.logs OWNER TO regress_keeper;
SELECT * FROM tools.owners();
SET SESSION AUTHORIZATION regress_writer;
SET tenancy.api_key = :'secret';
INSERT INTO observed.logs (request_model) VALUES ('m');
INSERT INTO observed.traces (trace_id, span_id, name, start_time) VALUES ('t', 's', 'n', now());
INSERT INTO observed.log_payloads (log_id, start_time) VALUES (gen_random_uuid(), now() - interval '2 days');
SELECT count(*) FROM observed.logs;
RESET tenancy.api_key;
RESET SESSION AUTHORIZATION;
SELECT observed.refresh_analytics() AS hours, observed.create_partitions() AS made;
-- Roles give what is theirs only.
GRANT regress_keeper TO regress_dev;
GRANT regress_next TO regress_dev;
SET ROLE regress_dev;
SELECT tools.failure('ALTER TABLE observed.analytics OWNER TO regress_next');
RESET ROLE;
GRANT CREATE ON SCHEMA observed TO regress_next;
GRANT CREATE ON DATABASE :"DBNAME" TO regress_next;
SET ROLE regress_dev;
SELECT tools.failure('ALTER TABLE observed.analytics OWNER TO regress_next');
RESET ROLE;
SELECT * FROM tools.owners();
REASSIGN OWNED BY regress_next TO regress_keeper;
SELECT * FROM tools.owners();
SELECT observed.refresh_analytics() AS hours;
SELECT tenancy.update_observability('observed');
SET ROLE regress_keeper;
SELECT tenancy.update_observability('observed');
RESET ROLE;
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
SET client_min_messages = error;
DROP SCHEMA observed, theirs, tools CASCADE;
REVOKE CREATE ON DATABASE :"DBNAME" FROM regress_next;
DROP ROLE regress_dev, regress_filtered, regress_keeper, regress_next, regress_writer;
SELECT count(*) FROM tenancy.purge_organization('owners') \gset
