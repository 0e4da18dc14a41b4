-- The roles of an application: who owns its tables, who migrates them, who serves its users, who dumps and who loads.
--
--   psql -d shop -v app=shop -f examples/roles.sql
--
-- As a superuser, in a database with pg_tenancy; may be run again. Makes these roles, without passwords, in a schema that exists
-- (-v schema=public):
--
--   shop_owner     cannot log in; owns schema objects. Row security holds for it, so that its views and functions are safe.
--   shop_migrator  runs migrations and maintenance: BYPASSRLS, hence sees every row, and a member of shop_owner. What it makes belongs
--                  to shop_owner at once; materialized views stay its own, or else they would be refreshed by what shop_owner sees.
--   shop_app       serves users: a trusted login. Gets no privilege here: a table is granted once it is protected.
--   shop_backup    dumps: BYPASSRLS, reads everything, writes nothing.
--   shop_loader    loads in bulk: BYPASSRLS, and what you grant it: INSERT, on some tables.
--
-- Three of them bypass row security on purpose, which advise() is told by accept_advice().

\if :{?ON_ERROR_STOP} \set stop_before :ON_ERROR_STOP \else \set stop_before off \endif
\set ON_ERROR_STOP on
\if :{?app} \else \set app shop \endif
\if :{?schema} \else \set schema public \endif
-- Whoever may create in a schema of the path could have superusers run functions that fit better than the server's.
SELECT pg_catalog.current_setting('search_path') AS path_before \gset
SET search_path = pg_catalog, pg_temp;
SELECT current_setting('client_min_messages') AS messages_before, :'app' || '_owner' AS owner, :'app' || '_migrator' AS migrator,
       :'app' || '_app' AS application, :'app' || '_backup' AS backup, :'app' || '_loader' AS loader,
       :'app' || '_hand_to_owner' AS event_trigger \gset
SET client_min_messages = warning;

SELECT format('CREATE ROLE %I', r) FROM unnest(ARRAY[:'owner', :'migrator', :'application', :'backup', :'loader']) r
WHERE NOT EXISTS (SELECT FROM pg_roles p WHERE p.rolname = r) \gexec
ALTER ROLE :"owner" NOLOGIN NOBYPASSRLS;
ALTER ROLE :"migrator" LOGIN BYPASSRLS;
ALTER ROLE :"application" LOGIN NOBYPASSRLS;
ALTER ROLE :"backup" LOGIN BYPASSRLS;
ALTER ROLE :"loader" LOGIN BYPASSRLS;
GRANT :"owner" TO :"migrator";
GRANT pg_read_all_data TO :"backup";

GRANT USAGE, CREATE ON SCHEMA :"schema" TO :"owner";
GRANT USAGE ON SCHEMA :"schema" TO :"application", :"loader";
-- Moving rows between partitions takes temporary tables.
SELECT format('GRANT CREATE, TEMPORARY ON DATABASE %I TO %I', current_database(), :'owner') \gexec

-- What protects tables, and what brings these functions along: both work on tables of the caller's only.
SELECT format('GRANT EXECUTE ON %s %s TO %I', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, p.oid::regprocedure, :'migrator')
FROM pg_proc p WHERE p.pronamespace = 'tenancy'::regnamespace
  AND p.proname IN ('protect', 'unprotect', 'create_scoped_view', 'add_tenant_columns', 'fill_tenant_columns') \gexec

SELECT tenancy.trust_login(:'application') \g /dev/null
SELECT tenancy.accept_advice('bypassing_login', r, why)
FROM (VALUES (:'migrator', 'it migrates and maintains tables of all tenants'), (:'backup', 'it dumps the database'),
             (:'loader', 'it loads rows of all tenants')) v (r, why) \g /dev/null

-- Runs with the rights of whoever makes an object: a member of the owner may give it away, others go on owning what they make.
-- In one statement, and never a function that was there before: whoever may create in the schema could own that, and have superusers run
-- its code.
SELECT format($definition$
DO $do$
BEGIN
  DROP EVENT TRIGGER IF EXISTS %2$I;
  DROP FUNCTION IF EXISTS %1$I.%2$I();
  CREATE FUNCTION %1$I.%2$I() RETURNS event_trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
  DECLARE
    made record;
  BEGIN
    IF current_user <> %3$L THEN
      RETURN;
    END IF;
    FOR made IN
      SELECT c.object_type, c.object_identity FROM pg_event_trigger_ddl_commands() c
      WHERE c.object_type IN ('schema', 'table', 'foreign table', 'view', 'sequence', 'function', 'procedure', 'type')
        AND NOT c.in_extension
        -- Not what the owner may not have: temporary tables, and those of another program.
        AND CASE WHEN c.schema_name IS NULL THEN true WHEN c.schema_name = 'pg_temp' THEN false
                 ELSE has_schema_privilege(%4$L, c.schema_name, 'CREATE') END LOOP
      -- A sequence of a column goes with its table.
      CONTINUE WHEN made.object_type = 'sequence' AND EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = to_regclass(made.object_identity) AND d.deptype IN ('a', 'i'));
      EXECUTE format('ALTER %%s %%s OWNER TO %%I', made.object_type, made.object_identity, %4$L);
    END LOOP;
  END
  $$;
  COMMENT ON FUNCTION %1$I.%2$I() IS %5$L;
  CREATE EVENT TRIGGER %2$I ON ddl_command_end
    WHEN TAG IN ('CREATE SCHEMA', 'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE FOREIGN TABLE', 'CREATE VIEW', 'CREATE SEQUENCE',
                 'CREATE FUNCTION', 'CREATE PROCEDURE', 'CREATE TYPE', 'CREATE DOMAIN')
    EXECUTE FUNCTION %1$I.%2$I();
  IF NOT EXISTS (SELECT FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid
                 WHERE e.evtname = %2$L AND p.proowner = current_user::regrole) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('schema "%%s" has been renamed meanwhile', %1$L);
  END IF;
END
$do$ $definition$, :'schema', :'event_trigger', :'migrator', :'owner',
  format('Event trigger: what %s makes belongs to %s, materialized views excepted', :'migrator', :'owner')) \gexec
SELECT set_config('client_min_messages', :'messages_before', false), set_config('search_path', :'path_before', false) \g /dev/null
\set ON_ERROR_STOP :stop_before
