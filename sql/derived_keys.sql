-- The rights of an API key are stored beside its secrets, so that one row is read instead of three. They never say more than what they are
-- derived from, whoever changes that, and how.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
-- Whether each secret has what is derived of its key; and the rights of sessions that show the key, by it and without it.
CREATE FUNCTION derived(key_name text) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(CASE WHEN s.derived IS NULL THEN 'no' ELSE 'derived' END, ' ' ORDER BY s.is_current)
  FROM tenancy.api_key_secrets s JOIN tenancy.api_keys k USING (api_key_id) WHERE k.name = derived.key_name
$$;
CREATE FUNCTION rights() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN concat_ws(' ', tenancy.current_api_key_id() IS NOT NULL, (SELECT string_agg(p.resource || '.' || p.action, ' ' ORDER BY 1) FROM tenancy.permissions() p WHERE p.resource IN ('logs', 'prompts')));
EXCEPTION WHEN invalid_authorization_specification THEN
  RETURN SQLERRM;
END
$$;
CREATE FUNCTION rights_of(given_secret text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found text;
  otherwise text;
BEGIN
  UPDATE tenancy.organizations SET name = name;
  PERFORM set_config('tenancy.api_key', rights_of.given_secret, true);
  found := rights();
  -- the same without what is derived: it is taken away by hand, and comes back with the subtransaction
  BEGIN
    ALTER TABLE tenancy.api_key_secrets DISABLE TRIGGER ALL;
    UPDATE tenancy.api_key_secrets SET derived = NULL;
    -- so that it is looked up again
    UPDATE tenancy.organizations SET name = name;
    otherwise := rights();
    RAISE EXCEPTION 'undo';
  EXCEPTION WHEN raise_exception THEN
  END;
  PERFORM set_config('tenancy.api_key', '', true);
  RETURN CASE WHEN found = otherwise THEN found ELSE format('WRONG: %s, and by its catalogs %s', found, otherwise) END;
END
$$;
CREATE TABLE made (name text, secret text);
INSERT INTO made SELECT 'bot', (tenancy.create_api_key('workspace_service_key', 'bot', 'acme', 'acme/search', scopes => '["logs.view", "prompts.view"]')).secret;
INSERT INTO made SELECT 'master', (tenancy.create_api_key('organization_service_key', 'master', 'acme', scopes => '"all"')).secret;
INSERT INTO made SELECT 'confined', (tenancy.create_api_key('workspace_service_key', 'confined', 'acme', 'acme/search', scopes => '["logs.view"]', allowed_networks => ARRAY['local'])).secret;
SELECT secret AS bot FROM made WHERE name = 'bot' \gset
SELECT api_key_id AS bot_id FROM tenancy.api_keys WHERE name = 'bot' \gset
SELECT name, derived(name), left(rights_of(secret), 40) FROM made ORDER BY 1;
-- One row is read of it
SELECT session AS before FROM tenancy.stats() WHERE counter = 'derived_rows_read' \gset
BEGIN;
SELECT set_config('tenancy.api_key', :'bot', true) \g /dev/null
SELECT tenancy.current_api_key_id() = :'bot_id' AS is_bot, (SELECT session FROM tenancy.stats() WHERE counter = 'derived_rows_read') - :before AS rows_read;
ROLLBACK;

-- Every scope, and one that has to be named beside it
INSERT INTO made SELECT 'all and named', (tenancy.create_api_key('organization_service_key', 'all and named', 'acme', scopes => '"all"')).secret;
INSERT INTO tenancy.api_key_scopes SELECT api_key_id, 'logs', 'attribute' FROM tenancy.api_keys WHERE name = 'all and named';
UPDATE tenancy.api_keys SET name = name WHERE name = 'all and named';
SELECT m.name, derived(m.name), rights_of(m.secret) LIKE '%logs.attribute%' AS attributes, rights_of(m.secret) LIKE 'WRONG%' AS wrong FROM made m WHERE m.name IN ('all and named', 'master') ORDER BY 1;

-- By functions
SELECT tenancy.update_api_key(:'bot_id', scopes => '["logs.view"]') \g /dev/null
SELECT derived('bot'), rights_of(:'bot');
SELECT tenancy.update_api_key(:'bot_id', expires_at => now() + interval '1 day') \g /dev/null
SELECT derived('bot'), rights_of(:'bot');
INSERT INTO made SELECT 'rotated', tenancy.rotate_api_key(:'bot_id', '1 hour');
SELECT derived('bot'), rights_of(:'bot'), rights_of((SELECT secret FROM made WHERE name = 'rotated'));
-- By hand: a new scope takes away what is derived, until somebody changes the key, and so does one less
INSERT INTO tenancy.api_key_scopes VALUES (:'bot_id', 'prompts', 'view');
SELECT derived('bot'), rights_of(:'bot');
UPDATE tenancy.api_keys SET name = name WHERE name = 'bot';
SELECT derived('bot'), rights_of(:'bot');
DELETE FROM tenancy.api_key_scopes WHERE api_key_id = :'bot_id' AND resource = 'logs';
SELECT derived('bot'), rights_of(:'bot');
UPDATE tenancy.api_keys SET name = name;
UPDATE tenancy.api_key_scopes SET action = 'list' WHERE api_key_id = :'bot_id';
SELECT derived('bot'), rights_of(:'bot');
-- of another key: both
SELECT api_key_id AS confined_id FROM tenancy.api_keys WHERE name = 'confined' \gset
UPDATE tenancy.api_keys SET name = name;
UPDATE tenancy.api_key_scopes SET api_key_id = :'confined_id' WHERE api_key_id = :'bot_id';
SELECT derived('bot'), rights_of(:'bot');
UPDATE tenancy.api_keys SET name = name;
-- Undone with the rest
BEGIN;
SAVEPOINT s;
INSERT INTO tenancy.api_key_scopes VALUES (:'bot_id', 'logs', 'view');
ROLLBACK TO s;
SELECT derived('bot'), rights_of(:'bot');
UPDATE tenancy.api_keys SET revoked_at = now() WHERE name = 'bot';
SELECT derived('bot'), rights_of(:'bot');
ROLLBACK;
SELECT derived('bot'), rights_of(:'bot');
-- Replication's apply fires no ordinary triggers: it takes away as well, and derives nothing
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE tenancy.api_keys SET all_scopes = true WHERE name = 'bot';
SELECT derived('bot'), left(rights_of(:'bot'), 30);
ROLLBACK;
BEGIN;
SET LOCAL session_replication_role = replica;
TRUNCATE tenancy.api_key_scopes;
SELECT derived('bot'), derived('master'), rights_of(:'bot');
ROLLBACK;
BEGIN;
SET LOCAL session_replication_role = replica;
DELETE FROM tenancy.api_keys WHERE name = 'bot';
SELECT count(*), count(derived) FROM tenancy.api_key_secrets WHERE api_key_id = :'bot_id';
ROLLBACK;

-- A value that is given counts for nothing: another key's, of the same one before, or any
SELECT derived AS masters FROM tenancy.api_key_secrets s JOIN tenancy.api_keys k USING (api_key_id) WHERE k.name = 'master' \gset
UPDATE tenancy.api_key_secrets SET derived = :'masters' WHERE api_key_id = :'bot_id';
SELECT derived('bot'), rights_of(:'bot');
BEGIN;
ALTER TABLE tenancy.api_key_secrets DISABLE TRIGGER ALL;
UPDATE tenancy.api_key_secrets SET derived = :'masters' WHERE api_key_id = :'bot_id';
SELECT derived('bot'), rights_of(:'bot');
UPDATE tenancy.api_key_secrets SET derived = '\x01' WHERE api_key_id = :'bot_id';
SELECT derived('bot'), rights_of(:'bot');
UPDATE tenancy.api_key_secrets SET derived = '' WHERE api_key_id = :'bot_id';
SELECT derived('bot'), rights_of(:'bot');
-- of a database with other numbers
UPDATE tenancy.api_key_secrets SET derived = set_byte(derived, 4, 255 - get_byte(derived, 4)) WHERE api_key_id = (SELECT api_key_id FROM tenancy.api_keys WHERE name = 'master');
SELECT left(rights_of(secret), 40) FROM made WHERE name = 'master';
ROLLBACK;
INSERT INTO tenancy.api_key_secrets (secret_hash, api_key_id, is_current, valid_until, derived)
SELECT sha256('x'), api_key_id, false, now() + interval '1 day', :'masters' FROM tenancy.api_keys WHERE name = 'master';
SELECT derived('master');
-- without a key, an error as always
INSERT INTO tenancy.api_key_secrets (secret_hash, api_key_id, derived) VALUES (sha256('y'), '00000000-0000-4000-8000-000000000000', :'masters');

-- What advise() finds: a row that was changed while triggers were off
UPDATE tenancy.api_keys SET name = name;
SELECT object, problem FROM tenancy.advise() WHERE rule = 'derived_key';
BEGIN;
ALTER TABLE tenancy.api_keys DISABLE TRIGGER ALL;
UPDATE tenancy.api_keys SET revoked_at = now() WHERE name = 'bot';
ALTER TABLE tenancy.api_keys ENABLE TRIGGER ALL;
SELECT severity, problem, left(fix_sql, 60) AS fix_sql FROM tenancy.advise() WHERE rule = 'derived_key';
DO $$ BEGIN EXECUTE (SELECT fix_sql FROM tenancy.advise() WHERE rule = 'derived_key'); END $$;
SELECT count(*) FROM tenancy.advise() WHERE rule = 'derived_key';
SELECT derived('bot'), rights_of(:'bot');
ROLLBACK;

-- The module writes the table itself, and would not keep every index: others are refused
CREATE INDEX ON tenancy.api_key_secrets (md5(secret_hash::text));
CREATE INDEX ON tenancy.api_key_secrets (valid_until) WHERE NOT is_current;
ALTER TABLE tenancy.api_key_secrets ADD EXCLUDE (secret_hash WITH =);
BEGIN;
CREATE INDEX own ON tenancy.api_key_secrets (valid_until);
UPDATE tenancy.api_keys SET name = name;
SELECT derived('bot'), rights_of(:'bot');
ROLLBACK;
-- one that has been made all the same: what is stored must not outlive what it is derived from, and nothing new is stored
BEGIN;
ALTER EVENT TRIGGER tenancy_catalogs DISABLE;
CREATE INDEX own ON tenancy.api_key_secrets (md5(secret_hash::text));
SAVEPOINT made;
UPDATE tenancy.api_keys SET revoked_at = now() WHERE name = 'bot';
ROLLBACK TO made;
DROP INDEX tenancy.own;
TRUNCATE tenancy.api_key_scopes;
CREATE INDEX own ON tenancy.api_key_secrets (md5(secret_hash::text)) WHERE is_current;
UPDATE tenancy.api_keys SET name = name;
SELECT derived('bot'), rights_of(:'bot');
UPDATE tenancy.api_keys SET revoked_at = now() WHERE name = 'bot';
SELECT derived('bot'), rights_of(:'bot');
ROLLBACK;
-- Rows that are rewritten would change without triggers
ALTER TABLE tenancy.api_keys ALTER COLUMN revoked_at TYPE timestamptz USING now();
\set VERBOSITY terse
ALTER TABLE tenancy.users ALTER COLUMN name TYPE text USING 'x';
\set VERBOSITY default
SELECT count(*) FROM tenancy.api_keys WHERE revoked_at IS NOT NULL AND name = 'bot';
-- What was derived in another database, as in a copy of it, is not used, and no reason for an alarm.
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE tenancy.api_key_secrets SET derived = overlay(derived PLACING '\xffffffff' FROM 2 FOR 4) WHERE derived IS NOT NULL;
UPDATE tenancy.api_keys SET revoked_at = now() WHERE name = 'bot';
SELECT count(*) FROM tenancy.advise() WHERE rule = 'derived_key';
ROLLBACK;
