-- simulate(): a DBA sees what somebody else would see, and the query gets nothing of the DBA's rights, whatever it tries.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\o /dev/null
SELECT tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id', 'api_key_id');
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
SELECT session_user AS dba \gset
CREATE TABLE written (what text);
\o
RESET client_min_messages;
-- The session as seen from inside.
CREATE FUNCTION me() RETURNS text LANGUAGE sql AS
$$ SELECT format('%s as %s, %s, read-only %s', replace(session_user, current_setting('app.dba'), 'dba'), replace(current_user, current_setting('app.dba'), 'dba'),
                 coalesce((SELECT email FROM tenancy.whoami()), 'nobody'), current_setting('transaction_read_only')) $$;
SELECT set_config('app.dba', session_user, false) IS NOT NULL AS known;
-- The answer of a command, or what goes wrong.
\set ECHO none
CREATE FUNCTION try(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
BEGIN
  IF command ~ '^(SELECT|EXECUTE)' THEN
    EXECUTE command INTO answer;
  ELSE
    EXECUTE command;
  END IF;
  RETURN coalesce(answer, 'done') || '; ' || app.me();
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || replace(SQLERRM, current_setting('app.dba'), 'dba');
END
$$;

-- The rows of each user, and those that the application's login really shows
CREATE FUNCTION simulated(who text, relation text) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(string_agg(s ->> 'id', ' ' ORDER BY (s ->> 'id')::int), '-')
  FROM tenancy.simulate('SELECT id FROM ' || relation, who || CASE who WHEN 'gus' THEN '@globex.test' ELSE '@acme.test' END, login => 'regress_app') s
$$;
\set ECHO all
CREATE TABLE simulations AS SELECT n, who, simulated(who, 'logs') AS ids FROM people WHERE who !~ ' ' AND who <> 'nobody';
SET SESSION AUTHORIZATION regress_app;
SELECT s.who, s.ids, visible(s.who, 'logs') = s.ids AS as_in_reality FROM simulations s ORDER BY n;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT * FROM tenancy.simulate('SELECT id, body, user_id IS NULL AS "by a key" FROM app.logs ORDER BY id', 'ben@acme.test');
-- From inside it is the login's session, and afterwards the DBA's again.
SELECT me();
SELECT * FROM tenancy.simulate('SELECT app.me(), tenancy.is_dba()', 'ben@acme.test', 'acme');
SELECT * FROM tenancy.simulate('SELECT kind, source, login, organization FROM tenancy.whoami()', '105');
SELECT * FROM tenancy.simulate('EXPLAIN (COSTS OFF) SELECT id FROM app.logs', 'gus@globex.test') s WHERE s::text ~ 'Scan';
SELECT * FROM tenancy.simulate('SHOW row_security', 'gus@globex.test');
SELECT me(), current_setting('tenancy.user') AS "user";
BEGIN;
SET LOCAL ROLE regress_owner;
SELECT me();
RESET ROLE;
ROLLBACK;

-- Which login: the one that is bound to the user, else the only trusted one; and a binding to a workspace counts.
SELECT s ->> 'me' FROM tenancy.simulate('SELECT app.me()', 'mike@acme.test') s;
UPDATE tenancy.login_bindings SET organization_id = 'aaaaaaaa-0000-4000-8000-000000000000', workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003',
  user_id = 'cccccccc-0000-4000-8000-000000000005' WHERE login = 'regress_bound'::regrole;
SELECT tenancy.set_setting('acme', 'members_view_all_data', true);
SELECT string_agg(s ->> 'id', ' ') AS confined FROM tenancy.simulate('SELECT id FROM app.logs ORDER BY id', 'ben@acme.test') s;
SELECT string_agg(s ->> 'id', ' ') AS not_confined FROM tenancy.simulate('SELECT id FROM app.logs ORDER BY id', 'ben@acme.test', login => 'regress_app') s;
SELECT tenancy.bind_login('regress_plain', 'ben@acme.test');
SELECT tenancy.simulate('SELECT 1', 'ben@acme.test');
SELECT tenancy.unbind_login('regress_app');
SELECT tenancy.simulate('SELECT 1', 'olivia@acme.test');
SELECT tenancy.trust_login('regress_app');
-- Not for whom no policy applies to, nor for a DBA
CREATE ROLE regress_bypass LOGIN BYPASSRLS;
CREATE ROLE regress_group;
SELECT (failure(format('SELECT tenancy.simulate(''SELECT 1'', ''ben@acme.test'', login => %L)', login))).message FROM unnest(ARRAY['regress_bypass', 'regress_group', 'regress_ap']) login;
SELECT replace((failure(format('SELECT tenancy.simulate(''SELECT 1'', ''ben@acme.test'', login => %L)', session_user))).message, session_user, 'dba') AS message;
-- Only of members who may come in
SELECT tenancy.simulate('SELECT 1', 'gus@globex.test', 'acme');
SELECT tenancy.simulate('SELECT 1', 'x@y.test');
SELECT tenancy.set_organization_role('globex', 'olivia@acme.test', 'owner');
UPDATE tenancy.users SET active = false WHERE email = 'gus@globex.test';
SELECT tenancy.simulate('SELECT count(*) FROM app.logs', 'gus@globex.test');
UPDATE tenancy.users SET active = true WHERE email = 'gus@globex.test';
SELECT tenancy.set_organization_role('globex', 'olivia@acme.test', 'member');
SELECT tenancy.simulate('SELECT 1', 'olivia@acme.test');
SELECT tenancy.simulate('SELECT organization FROM tenancy.whoami()', 'olivia@acme.test', 'acme');
SELECT tenancy.simulate(NULL, 'olivia@acme.test');
SELECT tenancy.simulate('SELECT 1', NULL);

-- One statement that returns rows, and writes nothing
SELECT query, f.state, f.message FROM unnest(ARRAY['', ';', 'SELECT 1; SELECT 2', 'SELECT 1; DROP TABLE app.written', 'DROP TABLE app.written', 'COPY app.logs TO STDOUT',
  'COPY app.written FROM PROGRAM ''true''', 'SET ROLE regress_owner', 'COMMIT', 'DO ''BEGIN END''', 'CALL app.become(''nobody'')', 'SELECT', 'SELECT 1 AS x INTO app.new', 'CREATE TABLE app.new AS SELECT 1',
  'INSERT INTO app.written VALUES (''x'') RETURNING *', 'WITH w AS (INSERT INTO app.written VALUES (''x'') RETURNING *) SELECT * FROM w', 'SELECT * FROM app.written FOR UPDATE',
  'DELETE FROM app.logs RETURNING *', 'EXPLAIN ANALYZE INSERT INTO app.written VALUES (''x'')', 'SELECT nextval(''app.people_n_seq'')', 'SELECT pg_read_file(''PG_VERSION'')', 'SELECT secret_hash FROM tenancy.api_key_secrets',
  'FETCH ALL FROM c', 'SELECT 1/0', 'SELEC 1', 'SELECT * FROM app.nothing']) query, failure(format('SELECT tenancy.simulate(%L, ''ben@acme.test'', login => ''regress_app'')', query)) f;
SELECT count(*) FROM written;

-- Attempts to get at the DBA's rights, from inside a function that the query calls
\set ECHO none
CREATE FUNCTION attempts(who text, login name) RETURNS TABLE (command text, outcome text) LANGUAGE plpgsql AS $$
BEGIN
  FOREACH command IN ARRAY ARRAY['SET ROLE ' || quote_ident(current_setting('app.dba')), 'RESET ROLE', 'SET ROLE NONE', 'SET LOCAL ROLE regress_owner', 'SET SESSION AUTHORIZATION DEFAULT',
    'RESET SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION regress_owner', 'SELECT set_config(''role'', ''none'', false)', 'SELECT set_config(''session_authorization'', ''default'', true)',
    'SELECT app.as_owner()', 'RESET ALL', 'DISCARD ALL', 'SET row_security = off', 'SET transaction_read_only = off', 'SET LOCAL transaction_read_only = off; INSERT INTO app.written VALUES (''x'')',
    'SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE', 'COMMIT', 'ROLLBACK', 'INSERT INTO app.written VALUES (''x'')', 'CREATE TEMP TABLE t (id int)', 'CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql RETURN 1',
    'CREATE TABLE app.new (id int)', 'PREPARE p AS SELECT 1', 'DEALLOCATE ALL', 'EXECUTE of_the_dba', 'LISTEN x', 'SET session_replication_role = replica', 'SET tenancy.guard_rails = off', 'LOAD ''pg_tenancy''',
    'SELECT set_config(''tenancy.api_key'', ''' || (SELECT secret FROM app.secrets WHERE name = 'globex master') || ''', false)', 'SET tenancy."user" = ''gus@globex.test''', 'SET LOCAL tenancy.workspace = ''support''',
    'RESET tenancy."user"', 'RESET tenancy.workspace', 'RESET tenancy.simulation', 'SET tenancy.simulation = ''''', 'SELECT set_config(''tenancy.simulation'', '''', true)', 'SELECT tenancy.seal()',
    'SELECT count(*) FROM tenancy.organizations', 'SELECT count(*) FROM tenancy.audit_log', 'SELECT tenancy.export_organization(''globex'')', 'SELECT tenancy.settings(''globex'')', 'SELECT count(*) FROM tenancy.advise()',
    'SELECT tenancy.simulate(''SELECT 1'', ''gus@globex.test'')', 'SELECT tenancy_steps.begin_simulation(''SELECT 1'', ''gus@globex.test'', NULL, NULL)', 'SELECT tenancy.create_user(''x@y.test'')', 'SELECT tenancy.unprotect(''app.logs'')',
    'SELECT count(*) FROM app.logs', 'SELECT app.as_definer(''SET ROLE NONE'')', 'SELECT app.as_definer(''SELECT tenancy.is_dba()'')', 'SELECT app.as_definer(''RESET tenancy.simulation'')',
    'SELECT app.as_definer(''INSERT INTO app.written VALUES (1)'')'] LOOP
    SELECT s ->> 'try' INTO outcome FROM tenancy.simulate(format('SELECT app.try(%L)', command), who, 'acme', login) s;
    outcome := coalesce(outcome, 'nothing');
    command := replace(regexp_replace(command, 'pgt_[^'']*', '…'), quote_ident(current_setting('app.dba')), 'dba');
    RETURN NEXT;
  END LOOP;
END
$$;
\set ECHO all
SET client_min_messages = error;
CREATE FUNCTION as_owner() RETURNS int LANGUAGE sql SET role = regress_owner AS 'SELECT 1';
-- A function of a superuser's runs by its owner's rights, as it does for the login itself; it can't write either.
CREATE FUNCTION as_definer(command text) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT app.try(command)';
PREPARE of_the_dba AS SELECT string_agg(id::text, ' ' ORDER BY id) FROM app.logs;
EXECUTE of_the_dba;
SELECT * FROM attempts('ben@acme.test', 'regress_bound');
-- Servers before 16 let a read-only transaction make large objects; it is undone.
SELECT count(*) FROM tenancy.simulate('SELECT app.try(''SELECT lo_create(4711)'')', 'ben@acme.test', login => 'regress_app');
SELECT me(), (SELECT count(*) FROM written) AS written, (SELECT count(*) FROM pg_largeobject_metadata) AS large_objects, current_setting('row_security') AS row_security;
EXECUTE of_the_dba;
RESET client_min_messages;

-- Cursors of the DBA's would deliver the DBA's rows.
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM app.logs;
SELECT tenancy.simulate('FETCH ALL FROM c', 'ben@acme.test', login => 'regress_app');
ROLLBACK;
\set VERBOSITY terse
DO $$
DECLARE
  u record;
BEGIN
  FOR u IN SELECT email FROM tenancy.users ORDER BY email LOOP
    PERFORM tenancy.simulate('SELECT 1', u.email, 'acme', 'regress_app');
  END LOOP;
END
$$;
\set VERBOSITY default
-- An error inside leaves the DBA who it was, also where it is caught.
DO $$
BEGIN
  PERFORM set_config('tenancy.workspace', 'search', true);
  BEGIN
    PERFORM tenancy.simulate('SELECT 1/0', 'ben@acme.test', login => 'regress_app');
  EXCEPTION WHEN division_by_zero THEN
    RAISE NOTICE '%, workspace %, entries %', replace(concat(session_user, ' as ', current_user, ', read-only ', current_setting('transaction_read_only')), session_user, 'dba'), current_setting('tenancy.workspace'),
      (SELECT count(*) FROM tenancy.audit_log WHERE action = 'simulate' AND after ->> 'query' = 'SELECT 1/0');
  END;
  PERFORM set_config('tenancy.workspace', '', true);
  INSERT INTO app.written VALUES ('by the DBA');
END
$$;
SELECT * FROM written;
-- In parallel workers the same
SET client_min_messages = warning;
CREATE TABLE many (id int, organization_id uuid, workspace_id uuid, user_id uuid);
INSERT INTO many SELECT i, organization_id, workspace_id, user_id FROM generate_series(1, 1000) i, logs l;
SELECT tenancy.protect('many', 'logs', 'organization_id', 'workspace_id', 'user_id', create_indexes => true);
RESET client_min_messages;
ANALYZE many;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off;
SELECT count(*) > 0 AS parallel FROM tenancy.simulate('EXPLAIN SELECT count(*) FROM app.many', 'gus@globex.test', 'globex', 'regress_app') s WHERE s::text ~ 'Gather';
SELECT s AS by_workers FROM tenancy.simulate('SELECT count(*) FROM app.many', 'gus@globex.test', 'globex', 'regress_app') s;
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers_per_gather; RESET parallel_leader_participation;

-- Rights: DBAs only, and those who aren't superusers only for logins of which they are members.
SET SESSION AUTHORIZATION regress_owner;
SELECT tenancy.simulate('SELECT 1', 'ben@acme.test', login => 'regress_app');
SELECT tenancy_steps.begin_simulation('SELECT 1', 'ben@acme.test', NULL, 'regress_app');
RESET SESSION AUTHORIZATION;
GRANT USAGE ON TYPE tenancy.administrator TO regress_owner;
SET SESSION AUTHORIZATION regress_owner;
SELECT tenancy.simulate('SELECT 1', 'ben@acme.test', login => 'regress_app');
RESET SESSION AUTHORIZATION;
GRANT regress_app TO regress_owner;
-- As a connection of its own would be, and not as a superuser's that has taken the role.
\set owner_query 'SELECT string_agg(s ->> ''id'', '' '' ORDER BY s ->> ''id'') FROM tenancy.simulate(''SELECT id FROM app.logs'', ''gus@globex.test'', ''globex'', ''regress_app'') s'
SET SESSION AUTHORIZATION regress_owner;
:owner_query;
RESET SESSION AUTHORIZATION;
SET ROLE regress_owner;
:owner_query;
SELECT current_user, tenancy.is_dba();
RESET ROLE;
\c - regress_owner
SET app.dba = 'regress_owner';
:owner_query;
SELECT s ->> 'try' AS outcome FROM unnest(ARRAY['RESET ROLE', 'SET ROLE regress_owner', 'SELECT tenancy.is_dba()', 'SELECT count(*) FROM tenancy.organizations', 'SELECT tenancy.simulate(''SELECT 1'', ''gus@globex.test'')',
    'RESET tenancy."user"', 'RESET ALL']) command, tenancy.simulate(format('SELECT app.try(%L)', command), 'gus@globex.test', 'globex', 'regress_app') s;
SELECT current_user, session_user, tenancy.is_dba();
\c - :dba
SET search_path = app;
REVOKE USAGE ON TYPE tenancy.administrator FROM regress_owner;
-- Advisory locks of the query are gone with it, and those of the session stay.
SELECT pg_advisory_lock(901), pg_advisory_lock(901), pg_advisory_lock_shared(902) \g /dev/null
SELECT * FROM tenancy.simulate('SELECT pg_advisory_lock(900)::text, pg_try_advisory_lock(902)::text, pg_advisory_unlock_all()::text, pg_advisory_lock(903)::text', 'ben@acme.test', login => 'regress_app');
SELECT * FROM tenancy.simulate('SELECT 1 / 0, pg_advisory_lock(900)', 'ben@acme.test', login => 'regress_app');
SELECT objid, mode FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objid BETWEEN 900 AND 909 ORDER BY 1, 2;
SELECT pg_advisory_unlock(901), pg_advisory_unlock(901), pg_advisory_unlock_shared(902);
-- Where no entry can be written, nothing is shown.
BEGIN READ ONLY;
SELECT tenancy.simulate('SELECT 1', 'ben@acme.test', login => 'regress_app');
ROLLBACK;
SELECT replace(actor, :'dba', 'dba') AS actor, left(organization_id::text, 4) AS organization, resource_type, resource_id, after FROM tenancy.audit_log WHERE action = 'simulate' ORDER BY audit_id LIMIT 2;
SELECT count(*) AS broken FROM tenancy.verify_audit_log();
SET client_min_messages = warning;
DROP ROLE regress_bypass, regress_group;
