-- Who is calling: the role that is current where an administration function is called, whatever runs around it; and nobody inside a
-- security-restricted operation.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = error;
DROP ROLE IF EXISTS regress_dev, regress_dba, regress_etl, regress_web, regress_app_owner;
CREATE ROLE regress_dev LOGIN;
CREATE ROLE regress_dba LOGIN;
CREATE ROLE regress_etl LOGIN;
CREATE ROLE regress_web LOGIN;
CREATE ROLE regress_app_owner;
GRANT USAGE ON SCHEMA app TO regress_dev, regress_dba, regress_etl, regress_web, regress_app_owner;
CREATE SCHEMA regress_dev AUTHORIZATION regress_dev;
SET client_min_messages = notice;
SET search_path = app;

-- Executes each of these in a statement: NULL on success, otherwise the error.
CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;

-- A DBA holds USAGE on the marker, and no other right makes one.
GRANT USAGE ON TYPE tenancy.administrator TO regress_dba;
GRANT pg_write_all_data, pg_read_all_data TO regress_etl;
GRANT ALL ON ALL TABLES IN SCHEMA tenancy, tenancy_internal TO regress_etl;
GRANT ALL ON ALL SEQUENCES IN SCHEMA tenancy TO regress_etl;
GRANT ALL ON ALL FUNCTIONS IN SCHEMA tenancy TO regress_etl;
GRANT ALL ON SCHEMA tenancy_internal, tenancy_steps TO regress_etl;
GRANT ALL ON ALL FUNCTIONS IN SCHEMA tenancy_internal, tenancy_steps TO regress_etl;
SET SESSION AUTHORIZATION regress_dba;
SELECT tenancy.is_dba(), outcome($$SELECT tenancy.create_user('by-dba@x.test')$$);
SET SESSION AUTHORIZATION regress_etl;
SELECT tenancy.is_dba(), outcome($$SELECT tenancy.create_user('by-etl@x.test')$$);
SET client_min_messages = warning;
SELECT c.relname, outcome(format('SELECT 1/count(*) FROM %s.%I', c.relnamespace::regnamespace, c.relname)) AS reads, outcome(format('TRUNCATE %s.%I CASCADE', c.relnamespace::regnamespace, c.relname)) AS truncates
FROM pg_class c WHERE c.relnamespace::regnamespace::text IN ('tenancy', 'tenancy_internal') AND c.relkind = 'r' ORDER BY c.relname COLLATE "C";
SELECT outcome($$INSERT INTO tenancy.login_bindings (login, trusted) VALUES ('regress_etl', true)$$) AS binds,
       outcome($$INSERT INTO tenancy.permissions (resource, action) VALUES ('x', 'y')$$) AS registers,
       outcome($$INSERT INTO tenancy.api_key_secrets (secret_hash, api_key_id) VALUES (sha256('x'), gen_random_uuid())$$) AS brings_a_secret;
SET client_min_messages = notice;
WITH changed AS (UPDATE tenancy.setting_definitions SET category = category RETURNING 1) SELECT count(*) AS changed FROM changed;
RESET SESSION AUTHORIZATION;
-- PUBLIC has none of it in a new database.
SELECT has_type_privilege('regress_web', 'tenancy.administrator', 'USAGE') AS administers, has_type_privilege('regress_web', 'tenancy.sign_up', 'USAGE') AS signs_up;
SELECT severity, rule, object, problem FROM tenancy.advise() WHERE rule IN ('administrators', 'everybody_administers');

-- Code of others that runs by the rights of its owner inside a DBA's, or a superuser's, maintenance: no caller.
SET SESSION AUTHORIZATION regress_dev;
SET search_path = regress_dev;
CREATE TABLE said (what text, current_user_is name, outcome text);
\set ECHO none
CREATE FUNCTION act(what text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  outcome text := app.outcome($q$SELECT tenancy.trust_login('regress_dev')$q$);
BEGIN
  RAISE NOTICE '% as %, DBA: %: %', what, current_user, tenancy.is_dba(), outcome;
  RETURN true;
END
$$;
CREATE FUNCTION quietly(what text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN regress_dev.act(what); END $$;
\set ECHO all
CREATE TABLE t (i int);
INSERT INTO t VALUES (1);
CREATE INDEX t_idx ON t (quietly('index'));
CREATE MATERIALIZED VIEW m AS SELECT act('view') WITH NO DATA;
RESET SESSION AUTHORIZATION;
ANALYZE regress_dev.t;
REINDEX TABLE regress_dev.t;
REFRESH MATERIALIZED VIEW regress_dev.m;
-- In a refresh, event triggers are given no commands: there are none then, but for the server's own.
SET SESSION AUTHORIZATION regress_dev;
CREATE FUNCTION regress_dev.attempts() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  command text;
BEGIN
  FOREACH command IN ARRAY ARRAY['ALTER TABLE regress_dev.t ADD COLUMN j int', 'CREATE TRIGGER t BEFORE INSERT ON regress_dev.t EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    'CREATE POLICY p ON regress_dev.t', 'GRANT SELECT ON regress_dev.t TO PUBLIC', 'CREATE TABLE regress_dev.u (i int)', 'DROP TABLE regress_dev.t'] LOOP
    RETURN NEXT app.outcome(command);
  END LOOP;
END
$$;
CREATE MATERIALIZED VIEW regress_dev.r AS SELECT row_number() OVER () AS n, a.outcome FROM regress_dev.attempts() a (outcome);
SELECT outcome FROM regress_dev.r ORDER BY n;
CREATE UNIQUE INDEX ON regress_dev.r (n);
REFRESH MATERIALIZED VIEW CONCURRENTLY regress_dev.r;
SELECT count(*) AS tables FROM pg_class WHERE relnamespace = 'regress_dev'::regnamespace AND relkind = 'r';
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_dba;
-- The caller is the DBA in code that runs with a DBA's rights ...
SELECT tenancy.is_dba() AS directly;
RESET SESSION AUTHORIZATION;
-- ... in a wrapper that a DBA makes on purpose, for one who is none,
CREATE FUNCTION app.sign_up(name text, email text) RETURNS uuid LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT organization_id FROM tenancy.create_organization(name, email) $$;
ALTER FUNCTION app.sign_up(text, text) OWNER TO regress_dba;
CREATE FUNCTION app.is_dba_inside() RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT tenancy.is_dba() $$;
ALTER FUNCTION app.is_dba_inside() OWNER TO regress_dba;
SET SESSION AUTHORIZATION regress_web;
SET search_path = app;
SELECT tenancy.is_dba(), app.is_dba_inside(), outcome($$SELECT app.sign_up('Hooli', 'gavin@hooli.test')$$) AS wrapped,
       outcome($$SELECT tenancy.create_organization('Direct', 'd@direct.test')$$) AS directly;
-- and not where somebody else's definer function runs inside a DBA's statement.
SET SESSION AUTHORIZATION regress_dev;
SET search_path = regress_dev;
CREATE FUNCTION helpful() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ SELECT app.outcome($q$SELECT tenancy.trust_login('regress_dev')$q$) $$;
GRANT USAGE ON SCHEMA regress_dev TO regress_dba;
SET SESSION AUTHORIZATION regress_dba;
SELECT regress_dev.helpful();
RESET SESSION AUTHORIZATION;

-- Sign-up alone: organizations with their first users, no master key, and nothing else.
GRANT USAGE ON TYPE tenancy.sign_up TO regress_web;
SET SESSION AUTHORIZATION regress_web;
SELECT tenancy.is_dba(), organization_id IS NOT NULL AS made, master_key FROM tenancy.create_organization('Pied Piper', 'richard@piper.test');
SELECT count(*) AS sees FROM tenancy.organizations;
SET search_path = app;
SELECT outcome($$SELECT tenancy.create_user('x@piper.test')$$), outcome($$SELECT tenancy.create_api_key('organization_service_key', 'k', 'pied-piper')$$);
RESET SESSION AUTHORIZATION;

-- The owner's exemption from forced row security ends with the query that it is for: through a view and a definer function of the
-- table's owner, code that a referential action sets off sees what it sees directly.
SET client_min_messages = warning;
SELECT tenancy.protect('app.logs', 'logs', 'organization_id', 'workspace_id', 'user_id');
SET client_min_messages = notice;
ALTER TABLE app.logs OWNER TO regress_app_owner;
CREATE VIEW app.bodies AS SELECT body FROM app.logs;
ALTER VIEW app.bodies OWNER TO regress_app_owner;
CREATE FUNCTION app.bodies_by_function() RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN QUERY SELECT body FROM app.logs; END $$;
ALTER FUNCTION app.bodies_by_function() OWNER TO regress_app_owner;
GRANT SELECT ON app.bodies TO regress_dev;
SET SESSION AUTHORIZATION regress_dev;
SET search_path = regress_dev;
CREATE TABLE p (i int PRIMARY KEY);
CREATE TABLE c (i int REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE n (i int REFERENCES p ON DELETE SET NULL);
CREATE FUNCTION sees() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE NOTICE '% % %: view %, function %', TG_WHEN, TG_OP, TG_TABLE_NAME, (SELECT count(*) FROM app.bodies), (SELECT count(*) FROM app.bodies_by_function());
  RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER before_c BEFORE DELETE OR UPDATE ON c FOR EACH ROW EXECUTE FUNCTION sees();
CREATE TRIGGER after_c AFTER DELETE OR UPDATE ON c FOR EACH ROW EXECUTE FUNCTION sees();
CREATE TRIGGER before_n BEFORE UPDATE ON n FOR EACH ROW EXECUTE FUNCTION sees();
CREATE TRIGGER deferred_c AFTER DELETE ON c FOR EACH ROW EXECUTE FUNCTION sees();
INSERT INTO p VALUES (1), (2);
INSERT INTO c VALUES (1), (2);
INSERT INTO n VALUES (1);
UPDATE p SET i = 3 WHERE i = 2;
DELETE FROM p;
SELECT (SELECT count(*) FROM app.bodies) AS view, (SELECT count(*) FROM app.bodies_by_function()) AS function;
-- A rule is rewritten into the referential action's own statement, with the views that it reads.
CREATE TABLE ruled (i int REFERENCES p ON DELETE CASCADE);
CREATE TABLE loot (body text);
CREATE RULE r AS ON DELETE TO ruled DO ALSO INSERT INTO loot SELECT body FROM app.bodies;
INSERT INTO p VALUES (5);
INSERT INTO ruled VALUES (5);
DELETE FROM p;
SELECT (SELECT count(*) FROM ruled) AS left_over, (SELECT count(*) FROM loot) AS loot;
RESET SESSION AUTHORIZATION;
SELECT count(*) > 0 AS there_are_rows FROM app.logs;
-- An input function reads the key that a DBA asks about, before the statement on the owner's table is rewritten.
GRANT USAGE ON SCHEMA regress_dev TO regress_dba;
SET SESSION AUTHORIZATION regress_dev;
CREATE FUNCTION looks(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
  RAISE NOTICE 'as %: view %, function %', current_user, (SELECT count(*) FROM app.bodies), (SELECT count(*) FROM app.bodies_by_function());
  RETURN true;
END $$;
RESET SESSION AUTHORIZATION;
-- One that is not analyzed when it is called
CREATE FUNCTION app.bodies_at_once() RETURNS bigint LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC SELECT count(*) FROM app.logs; END;
ALTER FUNCTION app.bodies_at_once() OWNER TO regress_app_owner;
SET SESSION AUTHORIZATION regress_dev;
CREATE DOMAIN looked_at AS text CHECK (regress_dev.looks(VALUE) AND app.bodies_at_once() < 1);
CREATE TABLE parent (k looked_at[] PRIMARY KEY, organization_id uuid, workspace_id uuid);
CREATE TABLE child (id int, k looked_at[] REFERENCES parent, organization_id uuid, workspace_id uuid);
RESET SESSION AUTHORIZATION;
SET client_min_messages = warning;
SELECT tenancy.protect('parent', 'prompts', 'organization_id', 'workspace_id'), tenancy.protect('child', 'prompts', through => '{k}');
SET client_min_messages = notice;
SELECT tenancy.explain_write('child', '{"id": 1, "k": "{a}"}') IS NULL AS none;
-- The referential action itself still reaches all rows of the owner's forced table.
SET search_path = app;
GRANT CREATE ON SCHEMA app TO regress_app_owner;
SET ROLE regress_app_owner;
CREATE TABLE batches (batch int PRIMARY KEY);
CREATE TABLE items (organization_id uuid, batch int REFERENCES batches ON DELETE CASCADE);
INSERT INTO batches VALUES (1);
RESET ROLE;
INSERT INTO items SELECT organization_id, 1 FROM tenancy.organizations;
SELECT tenancy.protect('items', 'logs', 'organization_id');
SET ROLE regress_app_owner;
DELETE FROM batches;
RESET ROLE;
SELECT count(*) AS left_over FROM items;
-- ... and is refused where it could leave rows out.
SET ROLE regress_app_owner;
INSERT INTO batches VALUES (2);
CREATE RULE r AS ON DELETE TO items DO ALSO NOTHING;
RESET ROLE;
INSERT INTO items SELECT organization_id, 2 FROM tenancy.organizations LIMIT 1;
SET ROLE regress_app_owner;
DELETE FROM batches;
DROP RULE r ON items;
RESET ROLE;

-- The extension's owner runs nobody's code on its own tables: TRIGGER and REFERENCES come with GRANT ALL.
GRANT CREATE ON SCHEMA app TO regress_etl;
SET SESSION AUTHORIZATION regress_etl;
CREATE FUNCTION climb() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'as %', current_user; RETURN NEW; END $$;
CREATE TYPE name_of AS (id uuid);
CREATE FUNCTION climb(name_of) RETURNS uuid LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'as %', current_user; RETURN ($1).id; END $$;
CREATE CAST (name_of AS uuid) WITH FUNCTION climb(name_of) AS IMPLICIT;
SELECT outcome($$CREATE TRIGGER climb BEFORE INSERT ON tenancy.organizations FOR EACH ROW EXECUTE FUNCTION app.climb()$$);
SELECT outcome($$CREATE SCHEMA AUTHORIZATION regress_etl CREATE TRIGGER climb BEFORE INSERT ON tenancy.users FOR EACH ROW EXECUTE FUNCTION app.climb()$$);
SELECT outcome($$CREATE TABLE r (o app.name_of REFERENCES tenancy.organizations)$$);
SELECT outcome($$CREATE TABLE r (o uuid REFERENCES tenancy.organizations)$$);
SELECT outcome($$ALTER TABLE r ADD p app.name_of REFERENCES tenancy.users$$);
DROP TABLE r;
-- ... nor on tables that change together with ours, whose AFTER triggers come when the referential action is over: whichever comes first
CREATE TABLE r (o uuid REFERENCES tenancy.organizations ON DELETE CASCADE, id int PRIMARY KEY);
CREATE TABLE s (r int REFERENCES r ON DELETE SET NULL);
CREATE TABLE p (o uuid) PARTITION BY LIST (o);
CREATE TABLE p_1 PARTITION OF p DEFAULT;
SELECT outcome($$CREATE TRIGGER climb AFTER DELETE ON r FOR EACH ROW EXECUTE FUNCTION app.climb()$$);
SELECT outcome($$CREATE TRIGGER climb AFTER DELETE ON r FOR EACH STATEMENT EXECUTE FUNCTION app.climb()$$);
SELECT outcome($$CREATE CONSTRAINT TRIGGER climb AFTER UPDATE ON s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.climb()$$);
CREATE TRIGGER before BEFORE DELETE ON r FOR EACH ROW EXECUTE FUNCTION climb();
CREATE TRIGGER inserted AFTER INSERT ON r FOR EACH ROW EXECUTE FUNCTION climb();
CREATE TABLE t (o uuid);
CREATE TRIGGER climb AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION climb();
SELECT outcome($$ALTER TABLE t ADD FOREIGN KEY (o) REFERENCES tenancy.organizations ON DELETE CASCADE$$);
ALTER TABLE t ADD FOREIGN KEY (o) REFERENCES tenancy.organizations;
CREATE TRIGGER climb AFTER DELETE ON p FOR EACH ROW EXECUTE FUNCTION climb();
SELECT outcome($$ALTER TABLE p ADD FOREIGN KEY (o) REFERENCES tenancy.organizations ON DELETE CASCADE$$);
DROP TABLE r, s, t, p;
-- ... also where another object's change reaches the referring table, and by our own trigger functions, anywhere
CREATE FUNCTION fits(uuid) RETURNS name_of LANGUAGE sql IMMUTABLE AS $$ SELECT ROW($1)::app.name_of $$;
CREATE CAST (uuid AS name_of) WITH FUNCTION fits(uuid) AS ASSIGNMENT;
CREATE TYPE part AS (id uuid);
CREATE TABLE typed OF part;
ALTER TABLE typed ADD FOREIGN KEY (id) REFERENCES tenancy.roles (role_id);
SELECT outcome($$ALTER TYPE part ALTER ATTRIBUTE id TYPE name_of CASCADE$$);
DROP TABLE typed;
CREATE TABLE own (v text);
SELECT p.proname, outcome(format('CREATE TRIGGER t BEFORE INSERT ON own FOR EACH ROW EXECUTE FUNCTION %s()', p.oid::regproc)) ~ '^42501 permission denied' AS refused
FROM pg_proc p WHERE p.pronamespace::regnamespace::text ~ '^tenancy' AND p.prorettype = 'trigger'::regtype AND p.prosecdef ORDER BY p.proname COLLATE "C";
CREATE TRIGGER own BEFORE INSERT ON own FOR EACH ROW EXECUTE FUNCTION climb();
DROP TABLE own;
-- Functions that read catalogs for ours are not opened by GRANT ON ALL FUNCTIONS.
SELECT outcome($$SELECT tenancy_internal.find_user('olivia@acme.test')$$), outcome($$SELECT tenancy_internal.find_organization('acme')$$),
       outcome($$SELECT tenancy_internal.setting_value(NULL, NULL, NULL, 'logs', NULL)$$), outcome($$SELECT tenancy_internal.missing_for_key(NULL, NULL, NULL, NULL, '{}')$$);
RESET SESSION AUTHORIZATION;
SELECT outcome($$SELECT tenancy_internal.setting_value(NULL, NULL, NULL, 'logs', NULL)$$), outcome($$SELECT tenancy_internal.missing_for_key(NULL, NULL, NULL, NULL, '{}')$$);
SET client_min_messages = error;
CREATE TRIGGER climb BEFORE INSERT ON tenancy.organizations FOR EACH ROW EXECUTE FUNCTION app.climb();
SELECT severity, object, problem FROM tenancy.advise() WHERE rule = 'foreign_code_on_catalogs';
DROP TRIGGER climb ON tenancy.organizations;

-- A restore is what the current user may do, not the session's: code in somebody else's index is no restore.
GRANT INSERT ON tenancy.audit_log TO regress_dba;
CREATE SCHEMA regress_dba AUTHORIZATION regress_dba;
SET client_min_messages = notice;
SET SESSION AUTHORIZATION regress_dba;
\set ECHO none
CREATE FUNCTION regress_dba.forge() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('check_function_bodies', 'off', true), set_config('search_path', '', true);
  INSERT INTO tenancy.audit_log (audit_id, at, actor_kind, actor, login, action, resource_type, resource_id, entry_hash)
  OVERRIDING SYSTEM VALUE VALUES (900001, '2001-01-01', 'login', 'postgres', 'postgres', 'forged', 'organization', 'x', '\x00');
  RETURN 'inserted';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLERRM;
END $$;
CREATE FUNCTION regress_dba.f(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE '%', regress_dba.forge(); RETURN i; END $$;
\set ECHO all
CREATE TABLE regress_dba.t (i int);
INSERT INTO regress_dba.t VALUES (1);
CREATE INDEX ON regress_dba.t (regress_dba.f(i));
RESET SESSION AUTHORIZATION;
ANALYZE regress_dba.t;
-- Nor is a purge that never was.
SET SESSION AUTHORIZATION regress_dba;
SELECT app.outcome($$INSERT INTO tenancy.audit_log (audit_id, action, resource_type, resource_id, after) OVERRIDING SYSTEM VALUE
  VALUES (NULL, 'purge', 'audit_log', 'none', '{"before": "2000-01-01", "removed": 0, "last_audit_id": 99999}')$$);
RESET SESSION AUTHORIZATION;
SELECT login, actor FROM tenancy.audit_log WHERE action = 'forged' AND at < '2002-01-01';

-- A DBA who is no superuser reaches protected tables only, as protect() made them.
GRANT SELECT, INSERT, DELETE ON tenancy.protected_tables TO regress_dba;
SET SESSION AUTHORIZATION regress_dba;
SET search_path = app;
SELECT organization_id IS NOT NULL AS made FROM tenancy.create_organization('Postgres', 'p@postgres.test', external_id => 'postgres');
SELECT outcome($$INSERT INTO tenancy.protected_tables (relation, resource, organization_column, row_security_before, force_before)
  VALUES ('app.secrets', 'logs', 'name', false, false)$$);
RESET SESSION AUTHORIZATION;
INSERT INTO tenancy.protected_tables (relation, resource, organization_column, row_security_before, force_before)
  VALUES ('app.secrets', 'logs', 'name', false, false);
SELECT outcome($$INSERT INTO tenancy.protected_tables (relation, resource, organization_column, row_security_before, force_before)
  VALUES ('pg_authid', 'logs', 'rolname', false, false)$$);
SET SESSION AUTHORIZATION regress_dba;
SELECT outcome($$SELECT tenancy.export_organization('postgres', 'app.secrets')$$), outcome($$SELECT tenancy.purge_organization('postgres')$$);
RESET SESSION AUTHORIZATION;
DELETE FROM tenancy.protected_tables WHERE relation = 'app.secrets'::regclass;
SET SESSION AUTHORIZATION regress_dba;
SELECT outcome($$SELECT tenancy.purge_organization('postgres')$$);
SELECT outcome($$SELECT tenancy_internal.as_owner('app.logs', 'SELECT to_jsonb(t) FROM app.logs t')$$);
RESET SESSION AUTHORIZATION;
SELECT outcome($$SELECT tenancy_internal.as_owner('app.logs', 'SELECT to_jsonb(t) FROM app.logs t')$$);

-- Internal functions check no right. They are called by those that do, and by nobody else: with every grant there is no way in. Each one
-- is refused, unless it reveals nothing and changes nothing that its caller can't see or change anyway:
CREATE TABLE app.harmless (function text, reason text);
INSERT INTO app.harmless VALUES ('nearest', 'computed from its arguments');
GRANT SELECT ON app.harmless TO regress_etl;
GRANT ALL ON ALL FUNCTIONS IN SCHEMA tenancy_internal TO regress_etl;
\set ECHO none
CREATE FUNCTION app.calls() RETURNS TABLE (function text, kind text, call text) LANGUAGE sql AS $$
  SELECT p.oid::regprocedure::text,
    CASE WHEN p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype) THEN 'trigger'
         WHEN p.proargtypes::oid[] || p.prorettype && '{internal, pg_ddl_command}'::regtype[]::oid[] OR p.prorettype = 'language_handler'::regtype THEN 'not for SQL'
         WHEN l.lanname IN ('sql', 'plpgsql', 'tenancy_unit') THEN CASE WHEN p.prosecdef THEN 'with the owner''s rights' ELSE 'with the caller''s rights' END
         ELSE coalesce((SELECT h.reason FROM app.harmless h WHERE h.function = p.proname), 'refused, in language ' || l.lanname) END,
    format('SELECT tenancy_internal.%I(%s)', p.proname, (
      SELECT string_agg(format(CASE WHEN t.type = '"any"'::regtype THEN '%L::uuid' ELSE '%L::%s' END,
        CASE WHEN t.type = 'regclass'::regtype THEN 'tenancy.users' WHEN t.type = 'uuid'::regtype THEN gen_random_uuid()::text
             WHEN t.type = 'timestamptz'::regtype THEN 'now' WHEN t.type = 'bytea'::regtype THEN 'name' WHEN t.type IN ('oid'::regtype, 'bigint'::regtype, 'integer'::regtype, 'smallint'::regtype) THEN '1' WHEN t.type = 'boolean'::regtype THEN 'true'
             WHEN t.type = 'jsonb'::regtype OR t.type::regtype::text LIKE '%[]' THEN '{}'
             WHEN t.type IN ('text'::regtype, 'name'::regtype) THEN 'name' END, t.type::regtype), ', ' ORDER BY t.n)
      FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY t (type, n)))
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.pronamespace = 'tenancy_internal'::regnamespace
$$;
\set ECHO all
SET SESSION AUTHORIZATION regress_etl;
CREATE TEMP VIEW users AS SELECT current_user::text AS name, current_user::text AS reached;
SELECT name FROM users;
-- Those to be refused that are not, or not as internal functions. One that is strict, and is not called for want of a value, counts as well.
SELECT c.function, o FROM app.calls() c, outcome(c.call) o
WHERE c.kind LIKE 'refused%' AND coalesce(o, 'answered') !~ '^42501 (permission denied for function|as_owner)'
ORDER BY c.function COLLATE "C";
SELECT c.kind, count(*) > 0 AS some FROM app.calls() c GROUP BY 1 ORDER BY c.kind COLLATE "C";
SELECT c.function, c.kind, outcome(c.call) FROM app.calls() c WHERE c.kind IN (SELECT reason FROM app.harmless) ORDER BY c.function COLLATE "C";
-- Triggers and what the server calls by itself can't be called at all.
SELECT DISTINCT c.kind, regexp_replace(outcome(c.call), '"[a-z_]+"', '...') FROM app.calls() c WHERE c.kind IN ('trigger', 'not for SQL') ORDER BY 1, 2;
SELECT outcome($$SELECT tenancy_internal.has_rows_without_organization('tenancy.users', 'name', 'reached')$$);
RESET SESSION AUTHORIZATION;
-- Nor may a superuser call those in language "tenancy".
SELECT c.function, o FROM app.calls() c, outcome(c.call) o
WHERE c.kind = 'refused, in language tenancy' AND coalesce(o, 'answered') !~ '^42501 permission denied for function' ORDER BY c.function COLLATE "C";
DROP TABLE app.harmless CASCADE;

-- as_owner() works on tables of users only, whoever asks: a view or a catalog has another owner's rights.
CREATE VIEW app.shown AS SELECT 1 AS i;
CREATE TEMP TABLE passing (i int);
CREATE FUNCTION tenancy.regress_work(relation regclass, statement text) RETURNS SETOF jsonb LANGUAGE tenancy
SET search_path = pg_catalog, tenancy, pg_temp AS $$ BEGIN RETURN QUERY SELECT * FROM tenancy_internal.as_owner(relation, statement); END $$;
SELECT t, outcome(format('SELECT tenancy.regress_work(%L, %L)', t, 'SELECT to_jsonb(1)'))
FROM unnest(ARRAY['app.logs', 'app.shown', 'passing', 'tenancy.users', 'pg_authid', 'information_schema.sql_features']) t;
-- A name means what it meant where it was printed: the extension's table, and not a temporary one.
DROP VIEW users;
CREATE TEMP TABLE users (email text);
SELECT tenancy.regress_work('app.logs', format('SELECT to_jsonb(%L::regclass::oid = %s)', 'users', 'tenancy.users'::regclass::oid));
DROP FUNCTION tenancy.regress_work(regclass, text);
DROP TABLE users, passing;
DROP VIEW app.shown;
DROP FUNCTION app.calls();

SET client_min_messages = error;
SELECT tenancy.unprotect('app.logs');
ALTER TABLE app.logs OWNER TO CURRENT_USER;
DROP OWNED BY regress_dev, regress_dba, regress_etl, regress_web, regress_app_owner CASCADE;
DROP ROLE regress_dev, regress_dba, regress_etl, regress_web, regress_app_owner;
-- Changes of an organization lock it before rights are judged for good, by resolve_changed_organization(), lock_organization() and others: rights
-- that are judged earlier may have ended.
SELECT p.proname FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE l.lanname = 'tenancy' AND p.provolatile = 'v' AND p.prosrc ~ 'resolve_(organization|given_workspace)\('
  AND p.prosrc !~ 'lock_(organization|members|for_key)\(|find_group\(' ORDER BY 1;

-- What has no search_path of its own names everything with its schema, but for words of the grammar.
SELECT p.oid::regprocedure, called[1] AS unqualified
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang, regexp_matches(p.prosrc, '(?<![.[:alnum:]_])([a-z_]+) ?\(', 'g') called
WHERE p.pronamespace IN ('tenancy'::regnamespace, 'tenancy_internal'::regnamespace, 'tenancy_steps'::regnamespace) AND l.lanname NOT IN ('c', 'internal')
  AND p.prosqlbody IS NULL AND NOT EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search_path=%')
  AND called[1] NOT IN ('operator', 'exists', 'coalesce', 'when', 'and') ORDER BY 1, 2;

-- Code with other rights than the caller's has no plans printed, in which its variables would be constants, whatever the caller has set.
CREATE FUNCTION app.printed() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN concat_ws(' ', current_setting('debug_print_parse'), current_setting('debug_print_rewritten'), current_setting('debug_print_plan'));
END
$$;
\set body 'AS $$ BEGIN RETURN app.printed(); END $$'
CREATE FUNCTION tenancy.regress_administers() RETURNS text LANGUAGE tenancy :body;
CREATE FUNCTION tenancy.regress_with_owners_rights() RETURNS text LANGUAGE tenancy_unit SECURITY DEFINER :body;
CREATE FUNCTION tenancy.regress_with_callers_rights() RETURNS text LANGUAGE tenancy_unit :body;
CREATE FUNCTION tenancy.regress_fails() RETURNS text LANGUAGE tenancy AS $$ BEGIN RAISE 'as it says'; END $$;
-- A row that moves with its parent runs code of its table's owner.
CREATE TABLE app.chats (id int PRIMARY KEY, organization_id uuid, workspace_id uuid);
CREATE TABLE app.lines (id int PRIMARY KEY, chat_id int REFERENCES app.chats, printed text);
SELECT FROM unnest('{organization_id,NULL}'::name[], '{workspace_id,NULL}'::name[], ARRAY[NULL, '{chat_id}'::text], '{app.chats,app.lines}'::regclass[]) v (o, w, t, relation),
  tenancy.protect(v.relation, 'prompts', v.o, v.w, through => v.t::name[], create_indexes => true);
CREATE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.printed := app.printed(); RETURN NEW; END $$;
CREATE TRIGGER note BEFORE UPDATE ON app.lines FOR EACH ROW EXECUTE FUNCTION app.note();
INSERT INTO app.chats VALUES (1, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002');
INSERT INTO app.lines VALUES (1, 1);
GRANT ALL ON app.chats, app.lines TO regress_app;
SET SESSION AUTHORIZATION regress_app;
CALL app.become('olivia');
SET debug_print_parse = on;
SET debug_print_rewritten = on;
SET debug_print_plan = on;
SELECT app.printed() AS own, tenancy.regress_administers() AS administers, tenancy.regress_with_owners_rights() AS with_owners_rights, tenancy.regress_with_callers_rights() AS with_callers_rights;
SELECT app.outcome('SELECT tenancy.regress_fails()'), app.printed() AS own_again;
UPDATE app.chats SET workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003';
SELECT printed AS with_its_parent FROM app.lines;
UPDATE app.lines SET id = 2;
SELECT printed AS by_itself FROM app.lines;
RESET debug_print_parse;
RESET debug_print_rewritten;
SET debug_print_plan = off;
SELECT app.printed() AS own, tenancy.regress_administers() AS administers;
SET debug_print_plan = on;
SELECT app.printed() AS own, tenancy.regress_administers() AS administers;
RESET debug_print_plan;
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
DROP FUNCTION tenancy.regress_administers(), tenancy.regress_with_owners_rights(), tenancy.regress_with_callers_rights(), tenancy.regress_fails();
-- In another language, a function of the extension with its owner's rights would need the parameters in its definition.
SELECT p.oid::regprocedure AS prints FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace::regnamespace::text ~ '^tenancy' AND p.prosecdef AND l.lanname NOT IN ('tenancy', 'tenancy_unit', 'c')
  AND (SELECT count(*) FROM unnest(p.proconfig) c WHERE c ~ '^debug_print_(parse|rewritten|plan)=off$') < 3;
