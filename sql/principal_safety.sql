-- tenancy.seal() and tenancy.principal_lifetime.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
SELECT tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id');
GRANT SELECT ON logs TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;

-- Sealed, it can't be set, ...
BEGIN;
CALL become('mike', true);
SELECT tenancy.seal();
SELECT command, (failure(command)).state, (failure(command)).message FROM (VALUES
  ('SET LOCAL tenancy."user" = ''olivia@acme.test'''),
  ('SET tenancy.workspace = ''search'''),
  ('SELECT set_config(''tenancy.api_key'', ''x'', true)'),
  ('RESET tenancy."user"'),
  ('SET tenancy."user" TO DEFAULT'),
  ('SET LOCAL tenancy."user" TO DEFAULT'),
  ('RESET ALL'),
  ('SET SESSION AUTHORIZATION DEFAULT'),
  ('DO $$ BEGIN RESET tenancy."user"; END $$')) v (command);
-- Other settings may be reset, and so may a part of the principal that isn't set.
SELECT command, (failure(command)).state FROM (VALUES ('RESET tenancy.workspace'), ('RESET work_mem'), ('SET LOCAL work_mem = ''8MB''')) v (command);
SELECT email FROM tenancy.whoami();
SELECT count(*) > 0 AS sees FROM logs;
COMMIT;
-- ... nor undone unnoticed.
BEGIN;
CALL become('mike', true);
SAVEPOINT before;
CALL become('olivia', true);
SELECT tenancy.seal();
ROLLBACK TO before;
SELECT * FROM failure('SELECT FROM logs');
ROLLBACK;
BEGIN;
CALL become('mike', true);
SELECT tenancy.seal();
SELECT set_config('tenancy.user', NULL, true);
SELECT * FROM failure('SELECT FROM logs');
SELECT * FROM failure('SELECT tenancy.authorize(''logs'', ''view'')');
SELECT * FROM failure('SET tenancy."user" = ''mike@acme.test''');
ROLLBACK;
-- Sealed inside of a function whose setting it is, it has changed when the function ends.
RESET SESSION AUTHORIZATION;
CREATE FUNCTION seals_olivia() RETURNS text LANGUAGE sql SET tenancy."user" = 'olivia@acme.test' AS $$
  SELECT tenancy.seal(); SELECT email FROM tenancy.whoami()
$$;
SET SESSION AUTHORIZATION regress_app;
BEGIN;
CALL become('mike', true);
SELECT seals_olivia();
SELECT * FROM failure('SELECT FROM logs');
ROLLBACK;
-- After the transaction it is open again.
BEGIN;
CALL become('mike', true);
SELECT tenancy.seal();
COMMIT;
SELECT visible('olivia', 'logs') <> '-' AS sees;
-- A credential that doesn't hold can't be sealed.
BEGIN;
SET LOCAL tenancy.api_key = 'pgt_wrong';
SELECT * FROM failure('SELECT tenancy.seal()');
ROLLBACK;

-- A forgotten SET: with lifetime session, the next transaction acts by it, ...
CALL become('olivia');
SELECT email FROM tenancy.whoami();
RESET SESSION AUTHORIZATION;
SET tenancy.principal_lifetime = transaction;
SET SESSION AUTHORIZATION regress_app;
-- ... with lifetime transaction, it doesn't.
SELECT email FROM tenancy.whoami();
CALL become('olivia');
SELECT kind FROM tenancy.whoami();
BEGIN;
CALL become('olivia');
SELECT email FROM tenancy.whoami();
PREPARE everything AS SELECT count(*) FROM logs;
EXECUTE everything;
COMMIT;
EXECUTE everything;
BEGIN;
CALL become('mike', true);
SELECT email FROM tenancy.whoami();
ROLLBACK;
SELECT kind FROM tenancy.whoami();
-- Only a superuser says which.
SELECT * FROM failure('SET tenancy.principal_lifetime = session');
RESET SESSION AUTHORIZATION;
RESET tenancy.principal_lifetime;

-- Nor does one count that a commit was about to reset, and failed.
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
RESET SESSION AUTHORIZATION;
BEGIN;
SET LOCAL tenancy.principal_lifetime = transaction;
CREATE TEMPORARY TABLE kept ();
PREPARE TRANSACTION 'never';
SET tenancy.principal_lifetime = transaction;
SET SESSION AUTHORIZATION regress_app;
SELECT kind FROM tenancy.whoami();
RESET SESSION AUTHORIZATION;
RESET tenancy.principal_lifetime;
-- Every way by which a principal can be slipped in, or undone: while it is sealed, what follows is refused, or goes on as mike.
CALL become('nobody');
CREATE FUNCTION whose() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT coalesce(email, kind) || ' sees ' || (SELECT count(*) FROM app.logs) FROM tenancy.whoami());
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END
$$;
CREATE FUNCTION whose_with_setting() RETURNS text LANGUAGE sql VOLATILE SET tenancy."user" = 'olivia@acme.test' AS 'SELECT app.whose()';
CREATE FUNCTION whose_by_definer() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  PERFORM set_config('tenancy.user', 'olivia@acme.test', true);
  RETURN app.whose();
END
$$;
CREATE FUNCTION whose_after_exception() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  BEGIN
    PERFORM set_config('tenancy.user', 'olivia@acme.test', false);
    RAISE division_by_zero;
  EXCEPTION WHEN division_by_zero OR insufficient_privilege THEN
    RETURN app.whose();
  END;
END
$$;
GRANT regress_plain TO regress_app;
CREATE FUNCTION ways(sealed boolean) RETURNS TABLE (command text, "while" text, afterwards text) LANGUAGE plpgsql AS $$
DECLARE
  parallel text := CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END;
BEGIN
  SET LOCAL SESSION AUTHORIZATION regress_app;
  CALL app.become('mike', true);
  PERFORM tenancy.seal() WHERE sealed;
  FOREACH command IN ARRAY ARRAY[
    'SELECT app.whose()', 'SET LOCAL ' || parallel || ' = on; SELECT app.whose()',
    'SET tenancy."user" = ''olivia@acme.test''; SELECT app.whose()', 'SET LOCAL tenancy."user" = ''olivia@acme.test''; SELECT app.whose()',
    'SELECT set_config(''tenancy.user'', ''olivia@acme.test'', true); SELECT app.whose()', 'SET tenancy.workspace = ''support''; SELECT app.whose()',
    'RESET tenancy."user"; SELECT app.whose()', 'SET tenancy."user" TO DEFAULT; SELECT app.whose()', 'RESET ALL; SELECT app.whose()',
    'SET LOCAL ROLE regress_plain; SELECT app.whose()', 'SET LOCAL SESSION AUTHORIZATION regress_bound; SELECT app.whose()', 'RESET SESSION AUTHORIZATION; SELECT email FROM tenancy.whoami()',
    'SELECT app.whose_with_setting()', 'SELECT app.whose_by_definer()', 'SELECT app.whose_after_exception()'] LOOP
    BEGIN
      EXECUTE command INTO "while";
      SET LOCAL ROLE NONE;
      afterwards := app.whose();
      RAISE EXCEPTION USING ERRCODE = 'TEST0';
    EXCEPTION
      WHEN SQLSTATE 'TEST0' THEN
      WHEN OTHERS THEN
        "while" := SQLSTATE;
        afterwards := app.whose();
    END;
    command := replace(command, parallel, 'force_parallel_mode');
    RETURN NEXT;
  END LOOP;
END
$$;
GRANT SELECT ON ALL TABLES IN SCHEMA app TO PUBLIC;
BEGIN;
SELECT * FROM ways(false);
COMMIT;
BEGIN;
SELECT * FROM ways(true);
COMMIT;
REVOKE regress_plain FROM regress_app;

-- A chained transaction is another one: the seal is gone, and so is what was set for one transaction.
SET SESSION AUTHORIZATION regress_app;
BEGIN;
CALL become('mike', true);
SELECT tenancy.seal();
COMMIT AND CHAIN;
SELECT whose();
SET LOCAL tenancy."user" = 'olivia@acme.test';
SELECT whose();
ROLLBACK AND CHAIN;
SELECT whose();
COMMIT;
-- With lifetime transaction, a plain SET doesn't outlive a COMMIT of any kind: chained, or of a procedure.
RESET SESSION AUTHORIZATION;
SET tenancy.principal_lifetime = transaction;
SET SESSION AUTHORIZATION regress_app;
BEGIN;
CALL become('mike');
SELECT whose();
COMMIT AND CHAIN;
SELECT whose();
COMMIT;
DO $$
BEGIN
  CALL app.become('mike');
  RAISE WARNING '%', app.whose();
  COMMIT;
  RAISE WARNING '%', app.whose();
END
$$;
SELECT whose();
RESET SESSION AUTHORIZATION;
RESET tenancy.principal_lifetime;
