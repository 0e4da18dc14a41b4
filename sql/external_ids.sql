-- External ids decide whose rows are in protected tables. A DBA or a trusted login's application sets them, a tenant doesn't, by any way.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
-- Rows of a workspace, and of a key, that nobody has registered yet (or any more)
CREATE TABLE events (id integer, workspace_id bigint, api_key_id text);
-- Of other files
DELETE FROM tenancy.given_external_ids WHERE kind = 'api_key' AND external_id = '77';
INSERT INTO events VALUES (1, 12, NULL), (2, 42, NULL), (3, 22, NULL), (4, 12, '77');
SELECT tenancy.protect('events', 'logs', workspace => 'workspace_id', api_key => 'api_key_id');

-- Whoever chose the id would have the rows: shown by a DBA, whose doing it is.
BEGIN;
SET SESSION AUTHORIZATION regress_plain;
SELECT app.visible('acme master', 'app.events');
RESET SESSION AUTHORIZATION;
SELECT tenancy.create_workspace('acme', 'Forty-two', external_id => '42') IS NOT NULL AS made;
SET SESSION AUTHORIZATION regress_plain;
SELECT app.visible('acme master', 'app.events');
ROLLBACK;
SELECT current_user = session_user AS is_back;

-- A principal gets the same for an id that is taken as for one that is free.
CREATE FUNCTION answer(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  hint text;
BEGIN
  EXECUTE command;
  RAISE EXCEPTION USING ERRCODE = 'TEST0', MESSAGE = 'done';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(' | ', SQLSTATE, SQLERRM, detail, hint);
END
$$;
CREATE TABLE tries AS SELECT * FROM (VALUES
  (1, 'workspace', $$SELECT tenancy.create_workspace(NULL, 'Mine', external_id => '%s')$$, '22', '42'),
  (2, 'workspace, by name', $$SELECT tenancy.create_workspace('acme', 'Mine', 'mine', '%s')$$, '22', '42'),
  (3, 'service key', $$SELECT tenancy.create_api_key('organization_service_key', 'Mine', scopes => '[]', external_id => '%s')$$, '905', '77'),
  (4, 'workspace key', $$SELECT tenancy.create_api_key('workspace_service_key', 'Mine', workspace => 'search', scopes => '[]', external_id => '%s')$$, '905', '77'),
  (5, 'user', $$SELECT tenancy.create_user('me@acme.test', external_id => '%s')$$, '201', '4242'),
  (6, 'organization', $$SELECT tenancy.create_organization('Mine', 'me@acme.test', external_id => '%s')$$, '2', '4242')
) v (n, what, command, taken, free);
CREATE FUNCTION compare_answers() RETURNS TABLE (what text, alike boolean, answer text) LANGUAGE sql AS $$
  SELECT t.what, a.taken = a.free, a.free FROM app.tries t,
    LATERAL (SELECT app.answer(format(t.command, t.taken)), app.answer(format(t.command, t.free))) a (taken, free) ORDER BY t.n
$$;
SET SESSION AUTHORIZATION regress_plain;
CALL app.become('acme master');
SELECT * FROM app.compare_answers();
-- Not even what can't be one
SELECT app.answer($$SELECT tenancy.create_workspace(NULL, 'Mine', external_id => '')$$);
-- The rest of it is nobody else's business.
SELECT tenancy.create_workspace(NULL, 'Other') IS NOT NULL AS made, (SELECT api_key_id IS NOT NULL FROM tenancy.create_api_key('organization_service_key', 'Mine', scopes => '[]')) AS key_made;
SELECT app.visible('acme master', 'app.events');
-- A principal that may not create a workspace gets that error for every id.
CALL app.become('mike key');
SELECT app.answer($$SELECT tenancy.create_workspace(NULL, 'Mine', external_id => '22')$$) = app.answer($$SELECT tenancy.create_workspace(NULL, 'Mine', external_id => '42')$$) AS alike,
       left(app.answer($$SELECT tenancy.create_workspace(NULL, 'Mine', external_id => '42')$$), 60) AS answer;
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
-- A login that stands for a user is none that is trusted.
SELECT tenancy.bind_login('regress_bound', 'olivia@acme.test');
SET SESSION AUTHORIZATION regress_bound;
SELECT what, alike, left(answer, 48) AS answer FROM app.compare_answers() WHERE what ~ 'workspace|service';
RESET SESSION AUTHORIZATION;

-- Plain SQL: privileges on the catalogs don't make it a tenant's either, as long as they make no DBA.
GRANT INSERT, UPDATE ON tenancy.workspaces, tenancy.users, tenancy.api_keys TO regress_plain;
GRANT UPDATE ON tenancy.organizations TO regress_plain;
SET SESSION AUTHORIZATION regress_plain;
CALL app.become('acme master');
SELECT app.attempt('acme master', format('UPDATE tenancy.%s SET external_id = ''42''', c)) FROM unnest(ARRAY['workspaces', 'users', 'api_keys', 'organizations']) c;
SELECT app.answer($$INSERT INTO tenancy.workspaces (organization_id, slug, name, external_id) VALUES ('aaaaaaaa-0000-4000-8000-000000000000', 'x', 'x', '42')$$);
SELECT app.answer($$INSERT INTO tenancy.workspaces (organization_id, slug, name, external_id) VALUES ('aaaaaaaa-0000-4000-8000-000000000000', 'x', 'x', '22')$$);
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
REVOKE INSERT, UPDATE ON tenancy.workspaces, tenancy.users, tenancy.api_keys, tenancy.organizations FROM regress_plain;

-- An application on a trusted login sets them, for a principal who may do the rest; and hears what is taken.
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT what, alike, answer FROM app.compare_answers() WHERE what ~ 'workspace|service';
SELECT left(app.answer($$SELECT tenancy.create_workspace(NULL, 'Mine, too', external_id => '22')$$), 80);
SELECT tenancy.create_workspace(NULL, 'Forty-two', external_id => '42') IS NOT NULL AS made;
SELECT app.visible('olivia', 'app.events');
CALL become('mike');
SELECT left(app.answer($$SELECT tenancy.create_workspace(NULL, 'Mine', external_id => '43')$$), 60);
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
-- As long as it is trusted
SELECT tenancy.unbind_login('regress_app');
SET SESSION AUTHORIZATION regress_app;
SELECT set_config('tenancy.api_key', (SELECT secret FROM app.secrets WHERE name = 'acme master'), false) IS NOT NULL AS is_key;
SELECT left(app.answer($$SELECT tenancy.create_workspace(NULL, 'Mine', external_id => '43')$$), 60);
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;

-- So does a role that creates organizations, and their ids.
GRANT USAGE ON TYPE tenancy.sign_up TO regress_plain;
SET SESSION AUTHORIZATION regress_plain;
CALL app.become('acme master');
SELECT tenancy.create_workspace(NULL, 'Forty-four', external_id => '44') IS NOT NULL AS made;
CALL app.become('nobody');
RESET SESSION AUTHORIZATION;
REVOKE USAGE ON TYPE tenancy.sign_up FROM regress_plain;

-- A new function with such an argument must check it, and be tested above.
SELECT p.proname, has_function_privilege('public', p.oid, 'EXECUTE') AS public FROM pg_proc p
WHERE p.pronamespace::regnamespace::text ~ '^tenancy' AND 'external_id' = ANY (p.proargnames) ORDER BY 1;
-- A slug or a name is never compared with what is in a table, only the external id is.
UPDATE tenancy.workspaces SET external_id = NULL WHERE slug = 'search';
UPDATE tenancy.workspaces SET name = '12', slug = '12' WHERE slug = 'search';
SET SESSION AUTHORIZATION regress_plain;
SELECT app.visible('acme master', 'app.events');
RESET SESSION AUTHORIZATION;
-- A member's id is never another one's again, also when the member has left: rows may still have it
RESET SESSION AUTHORIZATION;
CALL become('nobody');
SELECT tenancy.set_member('acme', 'mike@acme.test', external_id => 'm-5');
SELECT tenancy.remove_organization_member('acme', 'mike@acme.test');
SELECT failure($$SELECT tenancy.set_member('acme', 'ben@acme.test', external_id => 'm-5')$$);
SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'member');
SELECT failure($$SELECT tenancy.set_member('acme', 'mike@acme.test', external_id => 'm-5')$$) AS back_again;
SELECT failure($$SELECT tenancy.set_member('globex', 'gus@globex.test', external_id => 'm-5')$$) AS elsewhere;
-- Nor is that of an organization, a workspace, a user or a key, by whoever may give ids
UPDATE tenancy.organizations SET external_id = 'o-2' WHERE slug = 'acme' AND external_id = '1';
UPDATE tenancy.workspaces SET external_id = 'w-2' WHERE slug = 'support' AND external_id IS NOT NULL;
UPDATE tenancy.users SET external_id = 'u-1' WHERE email = 'mona@acme.test';
UPDATE tenancy.users SET external_id = 'u-2' WHERE email = 'mona@acme.test';
DELETE FROM tenancy.workspaces WHERE slug = 'forty-two';
SELECT id, f.* FROM (VALUES ('1', 'UPDATE tenancy.organizations SET external_id = %L WHERE slug = ''globex'''),
                            ('42', 'INSERT INTO tenancy.workspaces (organization_id, slug, name, external_id) SELECT organization_id, ''x'', ''X'', %L FROM tenancy.organizations WHERE slug = ''globex'''),
                            ('u-1', 'SELECT tenancy.create_user(''new@acme.test'', external_id => %L)'),
                            ('u-1', 'SELECT tenancy.create_organization(''New'', ''new@new.test'', owner_external_id => %L)')) v (id, command),
  failure(format(command, id)) f;
-- its holder can have it back
UPDATE tenancy.users SET external_id = 'u-1' WHERE email = 'mona@acme.test' RETURNING external_id;
-- and so can another one when a DBA has found no row with it, who leaves an entry
UPDATE tenancy.users SET external_id = 'u-2' WHERE email = 'mona@acme.test';
DELETE FROM tenancy.given_external_ids WHERE kind = 'user' AND external_id = 'u-1';
SELECT action, resource_type, resource_id FROM tenancy.audit_log WHERE resource_type = 'external_id' AND resource_id = 'user.u-1';
SELECT tenancy.create_user('new@acme.test', external_id => 'u-1') IS NOT NULL AS made;
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT failure('SELECT FROM tenancy.given_external_ids') AS readable;
RESET SESSION AUTHORIZATION;
CALL become('nobody');
-- The form of an id is for that id alone: in a text column it can be the external id as well.
SELECT id, f.* FROM (VALUES (upper('cccccccc-0000-4000-8000-000000000002')), ('c-ccccccc000040008000000000000002'), ('cccccccc00004000800000000000002f')) v (id),
  failure(format('UPDATE tenancy.users SET external_id = %L WHERE email = ''mona@acme.test''', id)) f;
UPDATE tenancy.users SET external_id = user_id WHERE email = 'ben@acme.test' RETURNING external_id = user_id::text AS own;
SELECT failure(format('UPDATE tenancy.organizations SET external_id = %L WHERE slug = ''globex''', organization_id)) FROM tenancy.organizations WHERE slug = 'acme';
SELECT failure(format('UPDATE tenancy.workspaces SET external_id = %L WHERE slug = ''support''', gen_random_uuid())) IS NOT NULL AS refused;
-- Rows and references have the id that the organization has given its member; elsewhere they have the global one.
CREATE FUNCTION member_id(of_organization text, address text, id text) RETURNS record LANGUAGE sql AS $$
  SELECT app.failure(format('SELECT tenancy.set_member(%L, %L, external_id => %L)', of_organization, address, id))
$$;
SELECT tenancy.set_setting('acme', 'members_view_all_data', false), tenancy.set_member('acme', 'mike@acme.test', external_id => 'm-5');
CREATE TABLE items (id int, organization_id uuid, owner text);
INSERT INTO items SELECT n, 'aaaaaaaa-0000-4000-8000-000000000000', owner
FROM (VALUES (1, 'm-5'), (2, (SELECT external_id FROM tenancy.users WHERE email = 'mike@acme.test')), (3, 'm-6'), (4, 'u-7')) v (n, owner);
SELECT tenancy.protect('items', 'logs', organization => 'organization_id', owner => 'owner', create_indexes => true) IS NOT NULL AS protected;
GRANT SELECT ON items TO regress_app;
SELECT tenancy.trust_login('regress_app');
PREPARE own AS SELECT id, owner FROM items ORDER BY id;
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
SELECT tenancy.current_external_id('user', NULL::text);
EXECUTE own;
RESET SESSION AUTHORIZATION;
CALL become('nobody');
-- A change counts at once, also in plans. The former id is nobody's.
SELECT tenancy.set_member('acme', 'mike@acme.test', external_id => 'm-6');
SET SESSION AUTHORIZATION regress_app;
EXECUTE own;
RESET SESSION AUTHORIZATION;
SELECT reference, tenancy_internal.lookup_user(reference, 'aaaaaaaa-0000-4000-8000-000000000000') IS NOT NULL AS in_acme, tenancy_internal.lookup_user(reference, NULL) IS NOT NULL AS anywhere
FROM unnest(ARRAY['m-6', 'm-5', (SELECT external_id FROM tenancy.users WHERE email = 'mike@acme.test'), 'mike@acme.test']) reference;
-- No other member gets an id by which the organization has known one, its user's global one included; elsewhere it is free.
SELECT who, id, member_id('acme', who, id) FROM (VALUES
  ('ben@acme.test', 'm-5'), ('ben@acme.test', 'm-6'), ('ben@acme.test', (SELECT external_id FROM tenancy.users WHERE email = 'mike@acme.test')),
  ('ben@acme.test', (SELECT external_id FROM tenancy.users WHERE email = 'gus@globex.test')), ('mike@acme.test', 'm-5')) v (who, id);
-- A user who has such a one does not become a member.
UPDATE tenancy.users SET external_id = 'm-6' WHERE email = 'gus@globex.test';
SELECT failure($$SELECT tenancy.set_organization_role('acme', 'gus@globex.test', 'member')$$), failure($$SELECT tenancy.set_organization_role('acme', 'm-6', 'member')$$) AS by_id;
UPDATE tenancy.users SET external_id = 'g-7' WHERE email = 'gus@globex.test';
SELECT tenancy.set_organization_role('acme', 'gus@globex.test', 'member');
SELECT failure($$UPDATE tenancy.users SET external_id = 'm-5' WHERE email = 'gus@globex.test'$$);
SELECT tenancy.remove_organization_member('acme', 'gus@globex.test'), tenancy.set_member('acme', 'ben@acme.test', external_id => 'b-1');
SELECT member_id('acme', 'mike@acme.test', 'g-7');
-- A trusted login gives one to whom has none of either kind; so nobody is shut out, or takes another's name.
UPDATE tenancy.users SET external_id = NULL WHERE email = 'mona@acme.test';
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT who, id, (app.failure(format('SELECT tenancy.set_member(NULL, %L, external_id => %L)', who, id))).message FROM (VALUES
  ('ben@acme.test', 'x-1'), ('olivia@acme.test', 'x-2'), ('mona@acme.test', 'm-5'), ('mona@acme.test', 'x-3')) v (who, id);
SELECT tenancy.set_member(NULL, 'mona@acme.test', external_id => 'x-3');
SELECT (app.failure($$SELECT tenancy.set_member(NULL, 'mona@acme.test', external_id => 'x-4')$$)).message;
-- The setting names the person, as it did.
CREATE FUNCTION pg_temp.user_named(organization text, reference text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('tenancy.organization', organization, true), set_config('tenancy.user', reference, true);
  RETURN (SELECT w.email FROM tenancy.whoami() w);
EXCEPTION WHEN OTHERS THEN
  RETURN SQLERRM;
END
$$;
SELECT reference, pg_temp.user_named('acme', reference) FROM unnest(ARRAY['x-3', 'm-6', '104', 'b-1', 'ben@acme.test']) reference;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.reset_setting('acme', 'members_view_all_data');
DROP TABLE items;
-- Within an organization, a slug is no other workspace's external id.
SELECT failure($$UPDATE tenancy.workspaces SET slug = 'w-2' WHERE slug = 'search' OR slug = '12'$$), failure($$UPDATE tenancy.workspaces SET external_id = 'support' WHERE slug = '12'$$);
-- Nor is an id given twice, whatever the audit log has
SELECT tenancy.create_workspace('acme', 'Short-lived') AS short_lived \gset
SELECT tenancy.delete_workspace(:'short_lived');
SELECT tenancy.purge_audit_log(now() + interval '1 hour', 'acme') > 0 AS purged;
SELECT state FROM failure(format('SELECT tenancy.create_workspace(%L, %L, workspace_id => %L)', 'globex', 'Again', :'short_lived'));
SELECT tenancy.create_workspace('globex', 'Chosen', workspace_id => 'dddddddd-0000-4000-8000-00000000f00d');
SELECT state FROM failure($$SELECT tenancy.create_user('chosen@acme.test', user_id => 'dddddddd-0000-4000-8000-00000000f00d')$$);
-- What has the form of an id is an id, in any spelling. A key's external id that is another one's name takes no reference from that.
SELECT api_key_id AS robot FROM tenancy.create_api_key('organization_service_key', 'robot', 'acme', scopes => '[]') \gset
SELECT tenancy.create_api_key('organization_service_key', upper(:'robot'), 'acme', scopes => '[]') IS NOT NULL AS named_so,
       tenancy.create_api_key('organization_service_key', 'other', 'acme', scopes => '[]', external_id => 'robot') IS NOT NULL AS known_so;
SELECT tenancy.revoke_api_key(upper(:'robot'), 'acme');
SELECT name = 'robot' AS robot, revoked_at IS NOT NULL AS revoked FROM tenancy.api_keys WHERE name = 'robot' OR lower(name) = :'robot' ORDER BY 2;
SELECT failure($$SELECT tenancy.revoke_api_key('robot', 'acme')$$);
-- A former address names nobody.
UPDATE tenancy.users SET external_id = email WHERE email = 'ben@acme.test';
UPDATE tenancy.users SET email = 'benjamin@acme.test' WHERE email = 'ben@acme.test';
SELECT tenancy_internal.lookup_user('ben@acme.test', NULL) AS former, tenancy_internal.lookup_user('benjamin@acme.test', NULL) IS NOT NULL AS present;
UPDATE tenancy.users SET email = 'ben@acme.test', external_id = NULL WHERE email = 'benjamin@acme.test';
