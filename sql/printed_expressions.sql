-- Expressions of users that the extension prints run none of their code as they are parsed again.
\pset format unaligned
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE ROLE regress_typist LOGIN;
CREATE SCHEMA shop AUTHORIZATION regress_typist;
GRANT EXECUTE ON FUNCTION tenancy.protect, tenancy.unprotect TO regress_typist;
SET SESSION AUTHORIZATION regress_typist;
SET search_path = shop;
CREATE FUNCTION noted() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF current_user <> 'regress_typist' THEN
    RAISE WARNING 'checked by another role than its owner';
  END IF;
  RETURN true;
END
$$;
CREATE DOMAIN checked AS int CHECK (noted());
CREATE TYPE pair AS (a checked);
CREATE TYPE span AS RANGE (subtype = checked);
CREATE TYPE state AS ENUM ('draft', 'public');
CREATE TYPE odd AS ENUM (E'a''\\b', 'other');
CREATE FUNCTION failure(statement text) RETURNS TABLE (state text, message text, detail text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE failure.statement;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
  RETURN QUERY SELECT SQLSTATE, message, detail;
END
$$;
CREATE TABLE texts (id int, organization_id uuid, state state DEFAULT 'draft', states state[] DEFAULT '{draft}', n int DEFAULT 7, at timestamptz DEFAULT '2026-01-01 00:00+00', v pair, title text, span span, odd odd);
-- The unsafe way: whoever parses a literal runs the checks of its type.
RESET SESSION AUTHORIZATION;
BEGIN;
CREATE FUNCTION shop.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER unsafe AFTER INSERT ON shop.texts FOR EACH ROW WHEN (NEW.v IS DISTINCT FROM '(1)'::shop.pair) EXECUTE FUNCTION shop.nothing();
ROLLBACK;
-- protect()
SET SESSION AUTHORIZATION regress_typist;
SELECT w.type, w.value, f.* FROM (VALUES ('pair', '(1)'), ('span', '[1,2]'), ('pair[]', '{(1)}'), ('checked[]', '{1}'), ('span[]', '{"[1,2]"}')) w (type, value),
  failure(format($$
    CREATE TABLE other (organization_id uuid, v %1$s DEFAULT coalesce(NULL, %2$L::%1$s));
    SELECT tenancy.protect('other', 'prompts', 'organization_id', actions => '{"publish": ["v"]}')$$, w.type, w.value)) f;
-- One constant is converted by whoever writes.
ALTER TABLE texts ALTER COLUMN v SET DEFAULT '(1)', ALTER COLUMN span SET DEFAULT '[1,2]', ALTER COLUMN odd SET DEFAULT E'a''\\b';
SELECT tenancy.protect('texts', 'prompts', 'organization_id', actions => '{"publish": ["state", "states", "n", "at", "v", "span", "odd"]}');
-- A default that comes later, in any command
SELECT * FROM failure($$ALTER TABLE texts ALTER COLUMN v SET DEFAULT coalesce(NULL, '(1)'::pair)$$);
SELECT * FROM failure($$ALTER TABLE texts ALTER COLUMN v SET DEFAULT coalesce(NULL, '(1)'::pair), ADD COLUMN more int$$);
-- A text that is converted, or a row that is put together, is no constant of its type.
ALTER TABLE texts ALTER COLUMN v SET DEFAULT ROW(1), ALTER COLUMN states SET DEFAULT ARRAY['draft'::text::state];
ALTER TABLE texts ALTER COLUMN state SET DEFAULT 'public', ADD COLUMN more int;
SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t WHERE t.tgrelid = 'texts'::regclass AND t.tgname ~ '^~tenancy_action.*insert';
-- Indexes that advise() proposes are for a superuser to create.
CREATE INDEX checked_value ON texts (lower(title)) WHERE v = '(1)'::pair;
CREATE INDEX plain_value ON texts (lower(title)) WHERE title > 'a';
RESET SESSION AUTHORIZATION;
SELECT a.object, a.fix_sql FROM tenancy.advise() a WHERE a.rule = 'unused_index' AND a.object ~ '_value' ORDER BY 1;
SELECT tenancy.unprotect('texts');
DROP OWNED BY regress_typist CASCADE;
DROP ROLE regress_typist;

-- Tables with the names of observability tables, in a schema where others create tables
CREATE ROLE regress_neighbour LOGIN;
CREATE ROLE regress_dba LOGIN;
GRANT USAGE ON TYPE tenancy.administrator TO regress_dba;
CREATE SCHEMA yard;
GRANT USAGE, CREATE ON SCHEMA yard TO regress_neighbour;
SET search_path = yard;
CREATE TABLE logs (id int, organization_id uuid);
SELECT organization_id AS umbra FROM tenancy.create_organization('Umbra', 'olga@umbra.example', 'umbra') \gset
SELECT tenancy.protect('logs', 'logs', 'organization_id');
SELECT tenancy.apply_logging_settings('logs', 'logs');
SELECT tenancy.set_logging('umbra', 'retention_days.logs', '30') IS NULL AS none;
SET tenancy.guard_rails = off;
ALTER TABLE logs DISABLE TRIGGER "~~tenancy_keep_row";
RESET tenancy.guard_rails;
INSERT INTO logs VALUES (1, :'umbra', now() - interval '40 days');
ALTER TABLE logs ENABLE ALWAYS TRIGGER "~~tenancy_keep_row";
SET SESSION AUTHORIZATION regress_neighbour;
CREATE TABLE analytics_kept (organization uuid, workspace uuid, before timestamptz, since timestamptz NOT NULL DEFAULT '-infinity', UNIQUE NULLS NOT DISTINCT (organization, workspace, since));
CREATE FUNCTION climbed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_user <> 'regress_neighbour' THEN
    RAISE WARNING 'code of regress_neighbour runs as another role';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER climbed BEFORE INSERT ON analytics_kept FOR EACH ROW EXECUTE FUNCTION climbed();
CREATE VIEW analytics_state AS SELECT interval '1 hour' * length(set_config('regress.ran_as', current_user, false)) AS recent;
-- The unsafe way: to write to whatever has the name.
RESET SESSION AUTHORIZATION;
CREATE FUNCTION unsafe_keep() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'INSERT INTO yard.analytics_kept VALUES (gen_random_uuid(), NULL, now())';
GRANT USAGE ON SCHEMA yard TO regress_dba;
SET SESSION AUTHORIZATION regress_dba;
BEGIN;
SELECT unsafe_keep();
ROLLBACK;
-- The table is passed over, and the job says so.
SELECT * FROM tenancy.remove_expired_rows();
RESET SESSION AUTHORIZATION;
\set VERBOSITY terse
SELECT tenancy.refresh_analytics('yard', 1);
SELECT tenancy.add_observability_search('yard');
SELECT current_setting('regress.ran_as', true) AS ran_as;
\set VERBOSITY default
DROP VIEW analytics_state;
DROP TABLE analytics_kept;
SELECT * FROM tenancy.remove_expired_rows();
SELECT tenancy.unprotect('logs');
DROP SCHEMA yard CASCADE;
DROP OWNED BY regress_dba, regress_neighbour;
DROP ROLE regress_dba, regress_neighbour;
SELECT count(*) FROM tenancy.purge_organization('umbra') \gset
