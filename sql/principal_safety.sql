-- tenancy.seal() and tenancy.principal_lifetime.
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
  ('SELECT set_config(''tenancy.api_key'', ''x'', true)')) v (command);
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
RESET tenancy."user";
SELECT * FROM failure('SELECT FROM logs');
SELECT * FROM failure('SELECT tenancy.authorize(''logs'', ''view'')');
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
