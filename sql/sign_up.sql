-- Sign-up: organizations with ids of the application's own, by a role that may do that and nothing else; and changes of what there is.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_web, regress_other_web;
CREATE ROLE regress_web LOGIN;
CREATE ROLE regress_other_web LOGIN;
GRANT USAGE ON TYPE tenancy.sign_up TO regress_web, regress_other_web;
CREATE FUNCTION outcome(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  EXECUTE command INTO result;
  RETURN coalesce(nullif(result, ''), 'done');
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s: %s', SQLSTATE, SQLERRM);
END
$$;
GRANT USAGE ON SCHEMA app TO regress_web, regress_other_web;

-- One call, with all ids; called again, the same
SET SESSION AUTHORIZATION regress_web;
SELECT call, o.organization_id, o.workspace_id, o.owner_id, o.master_key
FROM generate_series(1, 2) call, tenancy.create_organization('Shop', 'Sue@shop.test', external_id => '900', organization_id => 'eeeeeeee-5151-4000-8000-000000000000',
  workspace_id => 'eeeeeeee-5151-4000-8000-000000000001', owner_id => 'eeeeeeee-5151-4000-8000-000000000002', owner_external_id => '901', workspace_external_id => '902', owner_name => 'Sue') o;
SELECT * FROM tenancy.create_organization('Shop', 'sue@shop.test', external_id => '900');
-- Another owner, other ids, another maker: refused, as what is taken is
SELECT outcome($$SELECT organization_id FROM tenancy.create_organization('Shop', 'mal@shop.test', 'shop-2', external_id => '900')$$) AS another_owner,
       outcome($$SELECT organization_id FROM tenancy.create_organization('Shop', 'sue@shop.test', 'shop-2', external_id => '900', organization_id => gen_random_uuid())$$) AS other_ids;
SET SESSION AUTHORIZATION regress_other_web;
SELECT app.outcome($$SELECT organization_id FROM tenancy.create_organization('Shop', 'sue@shop.test', 'shop-2', external_id => '900')$$) AS another_maker,
       app.outcome($$SELECT tenancy.create_workspace('shop', 'Trojan')$$) AS workspace, app.outcome($$SELECT tenancy.set_organization_role('shop', 'mal@shop.test', 'owner')$$) AS member;
-- Ids that anything has or had are refused
RESET SESSION AUTHORIZATION;
SELECT tenancy.create_workspace('acme', 'Gone', 'gone', workspace_id => 'eeeeeeee-5151-4000-8000-00000000000f'), tenancy.delete_workspace('acme/gone');
SET SESSION AUTHORIZATION regress_web;
SELECT id, app.outcome(format($$SELECT organization_id FROM tenancy.create_organization('X', 'x@x.test', organization_id => %L)$$, id))
FROM unnest(ARRAY['aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'cccccccc-0000-4000-8000-000000000001', 'dddddddd-0000-4000-8000-000000000001', 'eeeeeeee-5151-4000-8000-00000000000f']) id;
-- Nor is the id of a chain of audit entries taken, of an organization that is there or of one that is to come, by anybody.
RESET SESSION AUTHORIZATION;
SELECT tenancy_internal.events_chain('aaaaaaaa-0000-4000-8000-000000000000') AS chain, tenancy_internal.events_chain('ffffffff-ffff-ffff-ffff-ffffffffffff') AS chain_to_come \gset
SET SESSION AUTHORIZATION regress_web;
SELECT id, app.outcome(format($$SELECT organization_id FROM tenancy.create_organization('X', 'x@x.test', organization_id => %L)$$, id)) FROM unnest(ARRAY[:'chain', :'chain_to_come']) id;
-- To the module the nil uuid is none, and the max uuid a workspace that is still to come: neither is somebody's id, in any catalog.
SELECT argument, app.outcome(format($$SELECT organization_id FROM tenancy.create_organization('X', 'x@x.test', %s => '00000000-0000-0000-0000-000000000000')$$, argument)) FROM unnest(ARRAY['organization_id', 'workspace_id', 'owner_id']) argument;
SELECT app.outcome($$SELECT organization_id FROM tenancy.create_organization('X', 'x@x.test', workspace_id => 'ffffffff-ffff-ffff-ffff-ffffffffffff')$$);
RESET SESSION AUTHORIZATION;
SELECT outcome($$SELECT tenancy.create_user('x@x.test', user_id => '00000000-0000-0000-0000-000000000000')$$) AS a_user, outcome($$SELECT tenancy.create_workspace('acme', 'X', workspace_id => '00000000-0000-0000-0000-000000000000')$$) AS a_workspace;
SELECT c.conrelid::regclass FROM pg_constraint c WHERE c.conname ~ '_nil_check$' ORDER BY c.conrelid::regclass::text;
SELECT outcome(format('INSERT INTO tenancy.organizations (organization_id, slug, name) VALUES (%L, %L, %L)', :'chain', 'chain', 'Chain'));
BEGIN;
INSERT INTO tenancy.organizations (organization_id, slug, name) VALUES ('ffffffff-ffff-ffff-ffff-ffffffffffff', 'last', 'Last'), ('eeeeeeee-eeee-8eee-8eee-eeeeeeeeeeee', 'custom', 'Custom');
ROLLBACK;
SET SESSION AUTHORIZATION regress_web;
-- What is set up by who has signed it up: persons whom nobody knows, and workspaces; no key, and nothing elsewhere
SELECT tenancy.create_workspace('shop', 'Tills', external_id => '903', workspace_id => 'eeeeeeee-5151-4000-8000-000000000003') AS workspace, tenancy.create_workspace('shop', 'Tills', external_id => '903') AS again;
SELECT tenancy.set_organization_role('shop', 'sam@shop.test', 'admin'), tenancy.set_workspace_role('shop/tills', 'sam@shop.test', 'manager'), tenancy.set_member('shop', 'sam@shop.test', 'Sam', '904');
-- Called again it says the same; what a member is called, and known by, it does not change.
SELECT command, app.outcome(command) FROM unnest(ARRAY[$$SELECT tenancy.set_member('shop', 'sam@shop.test', 'Sam', '904')$$, $$SELECT tenancy.set_member('shop', 'sam@shop.test', 'Samuel')$$, $$SELECT tenancy.set_member('shop', 'sam@shop.test', '')$$,
  $$SELECT tenancy.set_member('shop', 'sam@shop.test', external_id => '905')$$]) command;
SELECT command, app.outcome(command) FROM unnest(ARRAY[$$SELECT tenancy.set_organization_role('shop', 'mike@acme.test', 'member')$$, $$SELECT tenancy.set_organization_role('acme', 'x@x.test', 'member')$$,
  $$SELECT tenancy.create_workspace('acme', 'X')$$, $$SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'admin')$$, $$SELECT tenancy.set_member('acme', 'mike@acme.test', 'M')$$,
  $$SELECT tenancy.create_api_key('organization_service_key', 'k', 'shop', scopes => '"all"')$$, $$SELECT tenancy.set_setting('shop', 'members_view_logs', false)$$, $$SELECT tenancy.set_jwks('shop', NULL)$$,
  $$SELECT tenancy.create_user('x@x.test')$$, $$SELECT tenancy.create_role('acme', 'workspace', 'x')$$, $$SELECT tenancy.remove_organization_member('acme', 'mike@acme.test')$$,
  $$SELECT tenancy.bind_login('regress_web', 'sue@shop.test')$$, $$SELECT tenancy.update_organization('acme', 'X')$$]) command;
-- It adds, and neither changes nor takes away what it has added: repeated calls are no changes
SELECT command, app.outcome('SELECT ' || command) FROM unnest(ARRAY[
  $$tenancy.set_organization_role('shop', 'sam@shop.test', 'admin')$$, $$tenancy.set_workspace_role('shop/tills', 'sam@shop.test', 'manager')$$,
  $$tenancy.set_organization_role('shop', 'sue@shop.test', 'member')$$, $$tenancy.set_organization_role('shop', 'sue@shop.test', 'owner', now() + interval '1 hour')$$, $$tenancy.set_organization_role('shop', 'sam@shop.test', 'owner')$$,
  $$tenancy.set_workspace_role('shop/tills', 'sam@shop.test', 'admin')$$, $$tenancy.remove_organization_member('shop', 'sue@shop.test')$$, $$tenancy.remove_organization_member('shop', 'sam@shop.test')$$,
  $$tenancy.remove_workspace_member('shop/tills', 'sam@shop.test')$$, $$tenancy.update_workspace('shop/tills', 'X')$$, $$tenancy.delete_workspace('shop/tills')$$, $$tenancy.create_group('shop', 'g')$$,
  $$tenancy.create_role('shop', 'organization', 'boss', 'owner')$$, $$tenancy.create_group(NULL, 'g')$$]) command;
SELECT tenancy.invite('shop', 'mike@acme.test') IS NOT NULL AS invited;
RESET SESSION AUTHORIZATION;
SELECT m.email, m.name, m.external_id, m.role FROM tenancy.members m JOIN tenancy.organizations o USING (organization_id) WHERE o.slug = 'shop' ORDER BY 1;
SELECT w.slug, w.external_id, w.is_default FROM tenancy.workspaces w JOIN tenancy.organizations o USING (organization_id) WHERE o.slug = 'shop' ORDER BY 1;
-- An owner who is known is asked; until then it counts for nothing of hers, and she is nobody's to add
SET SESSION AUTHORIZATION regress_web;
SELECT organization_id IS NOT NULL AS made, owner_id, master_key FROM tenancy.create_organization('Evil', 'olivia@acme.test', external_id => '910');
SELECT organization_id IS NOT NULL AS again, owner_id FROM tenancy.create_organization('Evil', 'olivia@acme.test', external_id => '910');
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT organization FROM tenancy.whoami();
SELECT organization, role, state FROM tenancy.my_organizations();
SELECT tenancy.accept_invitation(invitation_id) FROM tenancy.my_organizations() WHERE state = 'invited';
CALL become('nobody');
-- From then on it is hers
SET SESSION AUTHORIZATION regress_web;
SELECT app.outcome($$SELECT tenancy.create_workspace('evil', 'X')$$) AS workspace, app.outcome($$SELECT tenancy.set_organization_role('evil', 'new@x.test', 'owner')$$) AS member;
-- Nor does it ask who the owners are, by a call that returned them while it set up the organization.
SELECT owner, outcome(format($$SELECT tenancy.create_organization('Evil', %L, 'other', external_id => '910')$$, owner)) FROM unnest(ARRAY['olivia@acme.test', 'mike@acme.test', 'nobody@shop.test']) owner;
-- What the role has offered ends with its right to, whoever has accepted before
RESET SESSION AUTHORIZATION;
CREATE FUNCTION joins(organization text, who text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  outcome text;
BEGIN
  PERFORM set_config('tenancy.user', who || '@acme.test', true);
  outcome := app.outcome(format('SELECT tenancy.accept_invitation(i.invitation_id) FROM tenancy.my_organizations() i WHERE i.state = ''invited'' AND i.organization = %L', organization));
  RETURN CASE WHEN (SELECT count(*) FROM tenancy.my_organizations() m WHERE m.organization = joins.organization AND m.state = 'member') = 1 THEN 'joins' ELSE outcome END;
END
$$;
SET SESSION AUTHORIZATION regress_web;
SELECT n, organization_id IS NOT NULL AS made FROM generate_series(1, 7) n, tenancy.create_organization('Trap ' || n, CASE WHEN n <= 3 THEN 'olivia@acme.test' ELSE 'new' || n || '@shop.test' END);
SELECT n, tenancy.invite('trap-' || n, 'mike@acme.test', 'admin', until => now() + interval '30 years') IS NOT NULL AS invited FROM generate_series(1, 7) n;
RESET SESSION AUTHORIZATION;
SELECT DISTINCT signed_up_by FROM tenancy.invitations WHERE signed_up_by IS NOT NULL;
UPDATE tenancy.organizations SET created_at = now() - interval '25 hours' WHERE slug IN ('trap-2', 'trap-5');
UPDATE tenancy.organizations SET open_to_sign_up = false WHERE slug = 'trap-6';
UPDATE tenancy.organizations SET created_by = 'regress_other_web' WHERE slug = 'trap-7';
SET SESSION AUTHORIZATION regress_app;
SELECT who, organization, joins(organization, who) FROM (VALUES
  (1, 'mike', 'trap-1'), (2, 'olivia', 'trap-1'),  -- a colleague at sign-up, then the owner
  (3, 'olivia', 'trap-2'), (4, 'mike', 'trap-2'),  -- an owner two days later, and then the colleague
  (5, 'olivia', 'trap-3'), (6, 'mike', 'trap-3'),  -- the colleague after the owner
  (7, 'mike', 'trap-4'),                           -- a colleague of an owner who was new
  (8, 'mike', 'trap-5'), (9, 'mike', 'trap-6'), (10, 'mike', 'trap-7')) v (n, who, organization) ORDER BY n;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
-- Without the right, what it has offered is worth nothing either; a DBA's invitation stays one
SET SESSION AUTHORIZATION regress_web;
SELECT organization_id IS NOT NULL AS made FROM tenancy.create_organization('Trap 8', 'new8@shop.test');
SELECT tenancy.invite('trap-8', 'mike@acme.test', 'admin') IS NOT NULL AS invited, tenancy.invite('trap-8', 'mona@acme.test', 'admin') IS NOT NULL AS too;
RESET SESSION AUTHORIZATION;
SELECT tenancy.invite('trap-8', 'adam@acme.test', 'admin') IS NOT NULL AS by_a_dba;
REVOKE USAGE ON TYPE tenancy.sign_up FROM regress_web;
SET SESSION AUTHORIZATION regress_app;
SELECT joins('trap-8', 'mike');
RESET SESSION AUTHORIZATION;
UPDATE tenancy.organizations SET open_to_sign_up = false WHERE slug = 'trap-8';
SELECT email, signed_up_by FROM tenancy.invitations JOIN tenancy.organizations USING (organization_id) WHERE slug = 'trap-8';
SET SESSION AUTHORIZATION regress_app;
SELECT joins('trap-8', 'adam');
CALL become('nobody');
RESET SESSION AUTHORIZATION;
GRANT USAGE ON TYPE tenancy.sign_up TO regress_web;
DELETE FROM tenancy.organizations WHERE slug ~ '^trap-';
-- So it is after a day, and for one that is being closed
RESET SESSION AUTHORIZATION;
UPDATE tenancy.organizations SET created_at = now() - interval '1 day' WHERE slug = 'shop';
SET SESSION AUTHORIZATION regress_web;
SELECT app.outcome($$SELECT tenancy.create_workspace('shop', 'X')$$) AS workspace;
RESET SESSION AUTHORIZATION;
UPDATE tenancy.organizations SET created_at = now(), closed_at = now() WHERE slug = 'shop';
SET SESSION AUTHORIZATION regress_web;
SELECT app.outcome($$SELECT tenancy.create_workspace('shop', 'X')$$) AS workspace;
RESET SESSION AUTHORIZATION;
UPDATE tenancy.organizations SET closed_at = NULL WHERE slug = 'shop';
-- A session that is somebody has that person's rights, whichever login it came by; an owner of one's own needs no asking
SELECT tenancy.trust_login('regress_web');
SET SESSION AUTHORIZATION regress_web;
SET tenancy."user" = 'sam@shop.test';
SELECT app.outcome($$SELECT tenancy.set_organization_role('shop', 'sam@shop.test', 'owner')$$) AS promoted;
SET tenancy."user" = 'mona@acme.test';
SELECT owner_id FROM tenancy.create_organization('Mona''s', 'mona@acme.test', 'monas');
RESET tenancy."user";
RESET SESSION AUTHORIZATION;
-- A DBA chooses whether there is a master key, and makes an owner of who is known
SELECT n, k.master_key IS NOT NULL AS key, k.owner_id FROM (VALUES (1, true), (2, false)) v (n, key), tenancy.create_organization('Dba ' || n, 'gus@globex.test', master_key => v.key) k;
SELECT outcome($$SELECT owner_id FROM tenancy.create_organization('X', 'gus@globex.test', owner_id => gen_random_uuid())$$) AS another_id,
       outcome($$SELECT tenancy.create_user('una@x.test', 'Una', '920', 'eeeeeeee-0000-4000-8000-000000000020')$$) AS made, outcome($$SELECT tenancy.create_user('Una@x.test', external_id => '920')$$) AS again,
       outcome($$SELECT tenancy.create_user('other@x.test', external_id => '920')$$) AS another_address;

-- Who changes what
CREATE FUNCTION may(command text) RETURNS TABLE (outcome text, who text) LANGUAGE sql AS $$
  SELECT CASE WHEN o LIKE '42501: permission denied: %may not%' THEN '42501: may not' ELSE o END, string_agg(who, ', ' ORDER BY n) FROM app.people, app.attempt(who, command) o GROUP BY 1 ORDER BY min(n) $$;
DELETE FROM tenancy.organizations WHERE slug IN ('evil', 'monas', 'dba-1', 'dba-2');
SELECT tenancy.bind_login('regress_other_web', 'olivia@acme.test');
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM may($$SELECT tenancy.update_organization(NULL, 'New name')$$);
SELECT * FROM may($$SELECT tenancy.update_workspace('search', 'New name', 'new-slug')$$);
SELECT * FROM may($$SELECT tenancy.set_member(NULL, 'mike@acme.test', 'Mike M.')$$);
SELECT * FROM may($$SELECT tenancy.update_user(NULL, 'My name')$$);
SELECT * FROM may($$SELECT tenancy.update_user('mike@acme.test', 'His name')$$);
-- Whether or not somebody is called so
SELECT * FROM may($$SELECT tenancy.update_user('free@x.test', 'His name')$$);
SELECT * FROM may($$SELECT tenancy.update_user(NULL, email => 'new@x.test')$$);
-- Changing an external id, by a trusted login, which may set one where there is none
SELECT * FROM may($$SELECT tenancy.update_organization(NULL, external_id => '77')$$);
SELECT * FROM may($$SELECT tenancy.update_workspace('search', external_id => '77')$$);
-- Slugs and external ids, by a login that isn't trusted
SET SESSION AUTHORIZATION regress_other_web;
SELECT command, (app.failure(command)).message FROM unnest(ARRAY[$$SELECT tenancy.update_organization(NULL, slug => 'globex')$$, $$SELECT tenancy.update_organization(NULL, slug => 'free')$$, $$SELECT tenancy.update_organization(NULL, external_id => '2')$$,
  $$SELECT tenancy.update_workspace('search', external_id => '22')$$, $$SELECT tenancy.set_member(NULL, 'mike@acme.test', external_id => '201')$$, $$SELECT tenancy.create_workspace(NULL, 'X', workspace_id => gen_random_uuid())$$]) command;
RESET SESSION AUTHORIZATION;
REVOKE USAGE ON TYPE tenancy.sign_up FROM regress_other_web;
SET SESSION AUTHORIZATION regress_other_web;
SELECT command, (app.failure(command)).message FROM unnest(ARRAY[$$SELECT tenancy.update_organization(NULL, slug => 'globex')$$, $$SELECT tenancy.update_organization(NULL, slug => 'free')$$, $$SELECT tenancy.update_organization(NULL, external_id => '2')$$,
  $$SELECT tenancy.update_workspace('search', external_id => '22')$$, $$SELECT tenancy.set_member(NULL, 'mike@acme.test', external_id => '201')$$, $$SELECT tenancy.create_workspace(NULL, 'X', workspace_id => gen_random_uuid())$$]) command;
RESET SESSION AUTHORIZATION;
-- What an organization calls its member is nobody else's to see, and the one id by which it knows the member
SELECT tenancy.set_organization_role('globex', 'mike@acme.test', 'member'), tenancy.set_member('acme', 'mike@acme.test', 'Mike of Acme', 'a-4'), tenancy.set_member('globex', 'mike@acme.test', 'Mike of Globex', 'g-4');
SELECT outcome($$SELECT tenancy.set_member('acme', 'mona@acme.test', external_id => 'a-4')$$) AS taken, outcome($$SELECT tenancy.set_member('acme', 'mona@acme.test', external_id => '105')$$) AS taken_globally,
       outcome($$SELECT tenancy.set_member('globex', 'gus@globex.test', external_id => '105')$$) AS free_elsewhere;
SELECT outcome($$SELECT tenancy.update_user('mona@acme.test', external_id => 'a-4')$$) AS global_taken_by_own;
SELECT id, outcome(format($$SELECT tenancy.set_member('acme', 'mona@acme.test', external_id => %L)$$, id)) FROM unnest(ARRAY['olivia@acme.test', 'a/b', 'cccccccc-0000-4000-8000-000000000001', 'CCCCCCCC000040008000000000000001', '']) id;
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT name, external_id FROM tenancy.members WHERE email = 'mike@acme.test';
CALL become('gus');
SELECT name, external_id FROM tenancy.members WHERE email = 'mike@acme.test';
CALL become('nobody');
RESET tenancy."user";
RESET SESSION AUTHORIZATION;
SELECT tenancy.update_user('mike@acme.test', 'Michael', 'Michael@Acme.test', '104b'), tenancy.update_organization('acme', 'Acme Ltd.', 'acme-ltd', '1b'), tenancy.update_workspace('acme-ltd/search', 'Find', 'find', '12b'), tenancy.set_member('acme-ltd', 'michael@acme.test', '');
SELECT u.email, u.name, u.external_id, m.name AS member_name, m.external_id AS member_id FROM tenancy.users u JOIN tenancy.members m USING (user_id) WHERE u.external_id = '104b' ORDER BY 5;
SELECT o.slug, o.name, o.external_id, w.slug, w.name, w.external_id FROM tenancy.organizations o JOIN tenancy.workspaces w USING (organization_id) WHERE w.slug = 'find';
SELECT tenancy.update_user('michael@acme.test', active => false);
SELECT active FROM tenancy.users WHERE email = 'michael@acme.test';
SELECT tenancy.unbind_login('regress_web'), tenancy.unbind_login('regress_other_web');
DROP OWNED BY regress_web, regress_other_web;
DROP ROLE regress_web, regress_other_web;
