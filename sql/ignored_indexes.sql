-- Any login may connect with ignore_system_indexes, by which PostgreSQL reads catalogs without their indexes. Nobody then sees, is, or
-- may do anything else than without.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\pset format unaligned
SET client_min_messages = warning;
SELECT current_user AS superuser \gset
\o /dev/null
SELECT tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id', 'api_key_id', create_indexes => true),
       tenancy.protect('prompts', 'prompts', 'organization_id', 'workspace_id', create_indexes => true);
SELECT tenancy.apply_logging_settings('logs', 'logs', '{body}');
SELECT tenancy.set_logging('acme', 'legal_hold', 'on', 'acme/search');
-- A key of an organization whose rights end with it: it may make members, and no admins.
INSERT INTO secrets SELECT 'team key', (tenancy.create_api_key('organization_service_key', 'team key', 'acme',
  scopes => '["team.list", "team.view", "team.add_users", "team.assign_roles", "logs.view"]')).secret;
INSERT INTO people (who) VALUES ('team key');
\o
-- The application's trigger, made last, fires first, by its name.
CREATE TABLE notes (id int PRIMARY KEY, prompt_id int REFERENCES prompts, former int);
SELECT tenancy.protect('notes', 'prompts', through => '{prompt_id}', create_indexes => true);
CREATE FUNCTION take_former() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.prompt_id := coalesce(NEW.former, NEW.prompt_id); RETURN NEW; END';
CREATE TRIGGER take_former BEFORE INSERT OR UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION take_former();
GRANT ALL ON logs, prompts, notes TO PUBLIC;
CREATE VIEW questions AS
SELECT q.question, p.who, p.n, app.attempt(p.who, q.question) AS answer
FROM app.people p, (VALUES
  ('SELECT FROM app.logs'), ('SELECT FROM app.prompts'), ('DELETE FROM app.logs'), ('DELETE FROM app.prompts'),
  ('UPDATE app.prompts SET body = body'), ('UPDATE app.logs SET body = NULL'), ('TRUNCATE app.logs'),
  ('SELECT FROM tenancy.permissions()'), ('SELECT FROM tenancy.my_organizations()'), ('SELECT FROM tenancy.users'),
  ('SELECT FROM tenancy.api_keys'), ('SELECT FROM tenancy.audit_log'), ('SELECT FROM tenancy.logging_settings()'),
  ($$SELECT FROM generate_series(1, 1) WHERE tenancy.authorize('prompts', 'delete', 'acme/search')$$),
  ($$SELECT tenancy.require('api_keys', 'create', 'acme/search')$$),
  ($$SELECT tenancy.set_organization_role('acme', 'nora@acme.test', 'admin')$$),
  ($$SELECT tenancy.set_workspace_role('acme/search', 'nora@acme.test', 'admin')$$),
  ($$SELECT tenancy.set_workspace_role('acme/search', 'nora@acme.test', 'member')$$),
  ($$SELECT tenancy.grant_permission('member', 'prompts', 'publish', 'acme')$$),
  ($$SELECT tenancy.delete_workspace('acme/search', with_rows => true)$$),
  ($$SELECT tenancy.revoke_api_key('dddddddd-0000-4000-8000-000000000003')$$),
  ($$INSERT INTO app.logs (id, workspace_id) VALUES (50, 'aaaaaaaa-0000-4000-8000-000000000002')$$)
  UNION ALL SELECT format('INSERT INTO app.notes SELECT -p.id, p.id, %s FROM app.prompts p ORDER BY p.id LIMIT 1', i) FROM generate_series(1, 14) i) q (question);
GRANT ALL ON ALL TABLES IN SCHEMA app TO regress_app;
CREATE TABLE usual (LIKE questions);
GRANT ALL ON usual TO regress_app;
\connect - regress_app
SET client_min_messages = warning;
INSERT INTO app.usual SELECT * FROM app.questions;
SELECT question, answer, string_agg(who, ', ' ORDER BY n) FROM app.usual
WHERE question LIKE ANY ('{%app.logs,%''admin'')}') GROUP BY 1, 2 ORDER BY 1, min(n);
\connect -reuse-previous=on "user=regress_app options='-c ignore_system_indexes=on'"
SET client_min_messages = error;  -- PostgreSQL names the indexes that it uses all the same
SHOW ignore_system_indexes;
SELECT q.*, u.answer AS usual FROM app.questions q JOIN app.usual u USING (question, who) WHERE q.answer IS DISTINCT FROM u.answer;
-- Whoever owns a table with held rows, a superuser included
\connect - :superuser
SHOW ignore_system_indexes;
SET client_min_messages = error;  -- PostgreSQL names the indexes that it uses all the same
TRUNCATE app.logs;
DELETE FROM app.logs WHERE id = 1;
DROP TABLE app.logs;
-- Nothing of it stays for the next file.
SELECT tenancy.reset_logging('acme', 'legal_hold', 'acme/search') IS NULL AS none;
