-- Nobody becomes a member of an organization without their own consent, or a DBA's; and an invitation tells nobody who there is.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\o /dev/null
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id');
SELECT tenancy.set_workspace_role('globex/lab', 'gus@globex.test', 'admin');
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
\o
-- A command of somebody, whose work stays: how it ends.
\set ECHO none
CREATE FUNCTION outcome(who text, command text, organization text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  the_hint text;
BEGIN
  CALL app.become(CASE WHEN who LIKE '%@%' THEN 'nobody' ELSE who END, true);
  IF who LIKE '%@%' THEN
    PERFORM set_config('tenancy.user', who, true);
  END IF;
  PERFORM set_config('tenancy.organization', outcome.organization, true);
  EXECUTE command;
  PERFORM set_config('tenancy.organization', '', true);
  RETURN 'done';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS the_hint = PG_EXCEPTION_HINT;
  RETURN concat_ws('; ', format('%s: %s', SQLSTATE, regexp_replace(SQLERRM, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', 'ID')), nullif(the_hint, ''));
END
$$;
CREATE FUNCTION invitation_of(email text, organization text DEFAULT 'globex') RETURNS uuid LANGUAGE sql SECURITY DEFINER AS $$
  SELECT i.invitation_id FROM tenancy.invitations i JOIN tenancy.organizations o USING (organization_id) WHERE i.email = $1 AND o.slug = $2 $$;
CREATE FUNCTION mine(who text, chosen text DEFAULT '') RETURNS TABLE (organization text, role text, state text, ends boolean, name text, invited_by text) LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(CASE WHEN who LIKE '%@%' THEN 'nobody' ELSE who END, true);
  IF who LIKE '%@%' THEN
    PERFORM set_config('tenancy.user', who, true);
  END IF;
  PERFORM set_config('tenancy.organization', mine.chosen, true);
  RETURN QUERY SELECT m.organization, m.role, m.state, m.until IS NOT NULL, m.name, m.invited_by FROM tenancy.my_organizations() m;
  PERFORM set_config('tenancy.organization', '', true);
END
$$;
-- The same as who_can(), for commands whose errors have an id.
CREATE FUNCTION who_may(command text) RETURNS TABLE (outcome text, who text) LANGUAGE sql AS $$
  SELECT regexp_replace(outcome, '"[0-9a-f-]{36}"', 'ID'), string_agg(who, ', ' ORDER BY n) FROM app.people, app.attempt(who, command) outcome GROUP BY 1 ORDER BY min(n) $$;
\set ECHO all

-- The lock-out: a person of acme with a bound login, a session of a trusted login, a key
SET SESSION AUTHORIZATION regress_bound;
SELECT organization, email FROM tenancy.whoami();
SET SESSION AUTHORIZATION regress_app;
SELECT outcome('gus', $$SELECT tenancy.set_organization_role(NULL, 'mike@acme.test', 'member')$$) AS role_of_a_stranger,
       outcome('gus', $$SELECT tenancy.set_organization_role(NULL, 'nobody-knows@x.test', 'member')$$) AS role_of_nobody,
       outcome('gus', $$SELECT tenancy.set_organization_role(NULL, '104', 'member')$$) AS by_external_id;
SELECT outcome('gus', $$SELECT tenancy.invite(NULL, 'Mike@ACME.test', 'member', '{"lab": "manager"}')$$);
SELECT visible('mike', 'app.logs') AS in_the_application, visible('mike key', 'app.logs') AS by_key;
SELECT * FROM mine('mike');
SET SESSION AUTHORIZATION regress_bound;
SELECT organization, email FROM tenancy.whoami();
SELECT organization, state FROM tenancy.my_organizations();
SET SESSION AUTHORIZATION regress_app;
-- What the inviting side sees: what it has typed
SELECT attempt('gus', 'SELECT FROM tenancy.members') AS members, attempt('gus', 'SELECT FROM tenancy.users') AS users, attempt('gus', 'SELECT FROM tenancy.invitations') AS invitations;
CALL become('gus');
SELECT i.email, r.name AS role, u.email AS invited_by, invited_by_key, i.expires_at - i.created_at BETWEEN '14 days' AND '14 days 1 min' AS two_weeks, (SELECT count(*) FROM jsonb_object_keys(workspaces)) AS workspaces
FROM tenancy.invitations i JOIN tenancy.roles r USING (role_id) JOIN tenancy.members u ON u.user_id = i.invited_by_user;
SELECT * FROM tenancy.who_can('logs', 'view', 'lab') WHERE principal_kind = 'user';
SELECT action, resource_type, before, after - 'created_at' - 'expires_at' - 'invitation_id' - 'workspaces' AS after FROM tenancy.audit_log WHERE resource_type LIKE '%invitation' ORDER BY audit_id;
CALL become('nobody');

-- Who may invite, and whom
SELECT * FROM who_can($$SELECT tenancy.invite(NULL, 'nell@x.test')$$);
SELECT who, attempt(who, $$SELECT tenancy.invite(NULL, 'nell@x.test', 'owner')$$) AS owner, attempt(who, $$SELECT tenancy.invite(NULL, 'nell@x.test', 'admin')$$) AS admin,
       attempt(who, $$SELECT tenancy.invite(NULL, 'nell@x.test', 'member', '["search", "support"]')$$) AS workspaces
FROM unnest(ARRAY['olivia', 'adam', 'acme master', 'mona']) who;
-- The answer is the same for whoever it is that is invited: known, a member elsewhere, locked, one who has refused, or nobody
RESET SESSION AUTHORIZATION;
INSERT INTO tenancy.users (email, active) VALUES ('locked@x.test', false), ('known@x.test', true);
INSERT INTO tenancy_internal.refused_invitations (email, inviting_organization, blocked) SELECT 'refuser@x.test', organization_id, true FROM tenancy.organizations;
SET SESSION AUTHORIZATION regress_app;
SELECT outcome, string_agg(email, ' ' ORDER BY email) AS invited
FROM unnest(ARRAY['known@x.test', 'locked@x.test', 'refuser@x.test', 'nora@acme.test', 'nobody-knows@x.test']) email, outcome('gus', format('SELECT tenancy.invite(NULL, %L)', email)) GROUP BY outcome;
CALL become('gus');
SELECT string_agg(i.email, ' ' ORDER BY i.email) AS pending, count(DISTINCT (to_jsonb(i) - 'email' - 'invitation_id' - 'created_at' - 'expires_at' - 'workspaces' - 'role_id')::text) AS kinds FROM tenancy.invitations i;
SELECT count(*), count(DISTINCT (after - 'email' - 'invitation_id' - 'created_at' - 'expires_at' - 'workspaces')) AS kinds FROM tenancy.audit_log WHERE resource_type = 'invitation' AND action = 'create';
CALL become('nobody');
-- What is refused depends on the organization's own rows alone
SELECT outcome('gus', $$SELECT tenancy.invite(NULL, 'nora@acme.test')$$) AS again, outcome('gus', $$SELECT tenancy.invite(NULL, 'gus@globex.test')$$) AS a_member,
       outcome('gus', $$SELECT tenancy.invite('acme', 'nell@x.test')$$) AS elsewhere, outcome('gus', $$SELECT tenancy.invite(NULL, 'nell@x.test', 'member', '{"search": "member"}')$$) AS workspace_elsewhere;
SELECT bad, outcome('gus', format('SELECT tenancy.invite(NULL, %s)', bad)) FROM unnest(ARRAY['NULL', $$''$$, $$'nell'$$, $$'nell@x@y'$$, $$E'ne\tll@x.test'$$, $$U&'nell\200B@x.test'$$, $$U&'nell\00A0@x.test'$$, $$U&'\212Aate@x.test'$$, $$U&'jose\0301@x.test'$$,
  $$'nell@x.test', 'boss'$$, $$'nell@x.test', 'member', '"lab"'$$, $$'nell@x.test', 'member', '{"lab": null}'$$, $$'nell@x.test', 'member', '["lab", "globex/lab"]'$$, $$'nell@x.test', 'member', NULL, now() - interval '1 s'$$, $$'nell@x.test', 'member', NULL, 'infinity'$$]) bad;

-- Nobody else accepts, whoever has the id; no key and no token of one's own does
SELECT * FROM who_may(format('SELECT tenancy.accept_invitation(%L)', invitation_of('mike@acme.test')));
SELECT * FROM who_may(format('SELECT tenancy.decline_invitation(%L)', invitation_of('mike@acme.test')));
SELECT * FROM who_may(format('SELECT tenancy.withdraw_invitation(%L)', invitation_of('mike@acme.test')));
SELECT * FROM who_can('SELECT tenancy.leave_organization()');
SELECT outcome('mike', 'SELECT tenancy.accept_invitation(gen_random_uuid())') AS none, outcome('mike', 'SELECT tenancy.accept_invitation(NULL)') AS null;
SET SESSION AUTHORIZATION regress_plain;
SELECT state, message FROM failure(format('SELECT tenancy.accept_invitation(%L)', app.invitation_of('mike@acme.test')));
SET tenancy."user" = 'mike@acme.test';
SELECT state, message FROM failure(format('SELECT tenancy.accept_invitation(%L)', app.invitation_of('mike@acme.test')));
SELECT state, message FROM failure('SELECT tenancy.my_organizations()');
RESET tenancy."user";
SELECT count(*) FROM tenancy.my_organizations();

-- Accepted by a bound login: what it stands for stays what it was
SET SESSION AUTHORIZATION regress_bound;
SELECT tenancy.accept_invitation(app.invitation_of('mike@acme.test'));
SELECT organization, email FROM tenancy.whoami();
SELECT organization, role, state FROM tenancy.my_organizations();
SET SESSION AUTHORIZATION regress_app;
SELECT visible('mike key', 'app.logs') AS by_key, visible('mike', 'app.logs') AS without_a_choice;
SET tenancy.organization = 'acme';
SELECT visible('mike', 'app.logs') AS in_acme;
SET tenancy.organization = 'globex';
SELECT visible('mike', 'app.logs') AS in_globex;
RESET tenancy.organization;
-- Now the other members see name and address, and no external id that was given elsewhere
CALL become('gus');
SELECT email, name, external_id, role FROM tenancy.members ORDER BY email;
SELECT email FROM tenancy.users;
SELECT (SELECT string_agg(email, ' ' ORDER BY email) FROM tenancy.invitations) AS still_pending;
SELECT actor, action, resource_type FROM tenancy.audit_log WHERE actor <> 'gus@globex.test' AND actor_kind = 'user' ORDER BY audit_id;
CALL become('nobody');
SELECT outcome('mike', format('SELECT tenancy.accept_invitation(%L)', invitation_of('mike@acme.test'))) AS twice;
-- A session of several organizations joins and leaves without choosing one
RESET SESSION AUTHORIZATION;
SELECT organization_id IS NOT NULL AS made FROM tenancy.create_organization('Initech', 'ian@initech.test');
SELECT tenancy.invite('initech', 'mike@acme.test', 'admin') IS NOT NULL AS by_a_dba;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM mine('mike');
SELECT * FROM mine('mike key');
SELECT * FROM mine('search service');
SELECT * FROM mine('nobody');
SELECT outcome('mike', format('SELECT tenancy.accept_invitation(%L)', invitation_of('mike@acme.test', 'initech')));
-- Leaving: the other memberships, logins and keys stay as they are; coming back begins anew
SELECT outcome('mike', 'SELECT tenancy.leave_organization()') AS which, outcome('mike', $$SELECT tenancy.leave_organization('initech')$$) AS initech,
       outcome('mike', $$SELECT tenancy.leave_organization('initech')$$) AS twice, outcome('mike', $$SELECT tenancy.leave_organization('nowhere')$$) AS nowhere;
SELECT outcome('gus', 'SELECT tenancy.leave_organization()') AS last_owner, outcome('olivia', $$SELECT tenancy.leave_organization('acme')$$) AS last_owner_by_name;
-- An organization removes the person: the login acts where it did, the other one's is gone, not moved
SELECT outcome('gus', $$SELECT tenancy.remove_organization_member(NULL, 'mike@acme.test')$$);
SET SESSION AUTHORIZATION regress_bound;
SELECT organization, email FROM tenancy.whoami();
SET SESSION AUTHORIZATION regress_app;
SELECT visible('mike', 'app.logs') AS in_the_application, visible('mike key', 'app.logs') AS by_key;
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_organization_role('globex', 'mike@acme.test', 'member'), tenancy.remove_organization_member('acme', 'mike@acme.test');
SET SESSION AUTHORIZATION regress_bound;
SELECT kind, organization, email FROM tenancy.whoami();
RESET SESSION AUTHORIZATION;
-- bind_login() stores the organization: the only one, the first one to come, or it asks
SELECT tenancy.bind_login('regress_bound', 'mike@acme.test');
SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'member');
SELECT o.slug FROM tenancy.login_bindings b JOIN tenancy.organizations o USING (organization_id) WHERE b.login = 'regress_bound'::regrole;
SELECT * FROM failure($$SELECT tenancy.bind_login('regress_plain', 'mike@acme.test')$$);
SELECT tenancy.bind_login('regress_plain', 'known@x.test');
SELECT organization_id IS NULL AS none_yet FROM tenancy.login_bindings b WHERE b.login = 'regress_plain'::regrole;
SET SESSION AUTHORIZATION regress_plain;
SELECT kind FROM tenancy.whoami();
SELECT organization, role, state, name, invited_by FROM tenancy.my_organizations();
SELECT tenancy.accept_invitation(app.invitation_of('known@x.test'));
SELECT kind, organization FROM tenancy.whoami();
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_organization_role('acme', 'known@x.test', 'member');
SET SESSION AUTHORIZATION regress_plain;
SELECT kind, organization FROM tenancy.whoami();
-- Whose membership has ended is a member of none, also while its row is there: the next one is the first.
BEGIN;
SET LOCAL SESSION AUTHORIZATION DEFAULT;
DELETE FROM tenancy.login_bindings WHERE login = 'regress_plain'::regrole;
UPDATE tenancy.organization_members m SET ends_at = now() - interval '1 s' FROM tenancy.users u WHERE u.user_id = m.user_id AND u.email = 'known@x.test';
SELECT * FROM failure($$SELECT tenancy.bind_login('regress_plain', 'known@x.test', 'acme')$$);
SELECT tenancy.bind_login('regress_plain', 'known@x.test');
SELECT organization_id IS NULL AS none_yet FROM tenancy.login_bindings b WHERE b.login = 'regress_plain'::regrole;
INSERT INTO tenancy.organizations (slug, name) VALUES ('first', 'First'), ('second', 'Second');
SELECT tenancy.set_organization_role('first', 'known@x.test', 'member'), tenancy.set_organization_role('second', 'known@x.test', 'member');
SET LOCAL SESSION AUTHORIZATION regress_plain;
SELECT kind, organization FROM tenancy.whoami();
ROLLBACK;

-- Somebody new: the application has authenticated the address, and nobody has a row for it before it accepts
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM mine('Nobody-Knows@x.test');
SELECT outcome('nobody-knows@x.test', 'SELECT FROM tenancy.whoami()') AS as_a_principal;
SELECT outcome('nobody-knows@x.test', format('SELECT tenancy.accept_invitation(%L)', invitation_of('nobody-knows@x.test')));
SELECT outcome('nobody-knows@x.test', 'SELECT FROM tenancy.whoami()') AS as_a_principal;
SELECT outcome('locked@x.test', format('SELECT tenancy.accept_invitation(%L)', invitation_of('locked@x.test'))) AS locked;
SELECT outcome('refuser@x.test', format('SELECT tenancy.accept_invitation(%L)', invitation_of('refuser@x.test'))) AS blocked;
SELECT count(*) FROM mine('refuser@x.test');
SELECT outcome('refuser@x.test', $$SELECT tenancy.unblock_invitations('bbbbbbbb-0000-4000-8000-000000000000')$$) AS unblocks,
       outcome('refuser@x.test', $$SELECT tenancy.unblock_invitations('bbbbbbbb-0000-4000-8000-000000000000')$$) AS twice;
SELECT count(*) FROM mine('refuser@x.test');

-- Nor does the answer of the invited side leave a trace in any row but its own, the person's, which nobody else sees, and the audit log's: no write, no row lock (xmax)
RESET SESSION AUTHORIZATION;
CREATE FUNCTION marks() RETURNS TABLE (catalog regclass, rows text) LANGUAGE plpgsql AS $$
BEGIN
  FOR catalog IN SELECT c.oid FROM pg_class c WHERE c.relnamespace::regnamespace::text ~ '^tenancy' AND c.relkind = 'r' LOOP
    EXECUTE format('SELECT md5(string_agg(concat(ctid, xmin, '' '', xmax), '','' ORDER BY ctid)) FROM %s', catalog) INTO rows;
    RETURN NEXT;
  END LOOP;
END
$$;
BEGIN;
CREATE TEMP TABLE before AS SELECT * FROM marks();
SET SESSION AUTHORIZATION regress_app;
SELECT outcome('nora', format('SELECT tenancy.decline_invitation(%L, true)', invitation_of('nora@acme.test'))) AS blocks,
       outcome('nora', $$SELECT tenancy.unblock_invitations('bbbbbbbb-0000-4000-8000-000000000000')$$) AS unblocks;
RESET SESSION AUTHORIZATION;
SELECT m.catalog FROM marks() m JOIN before b USING (catalog) WHERE m.rows IS DISTINCT FROM b.rows ORDER BY m.catalog::text COLLATE "C";
-- They end with the organization.
SELECT count(*) > 0 AS declined FROM tenancy_internal.refused_invitations;
DELETE FROM tenancy.organizations WHERE slug = 'globex';
SELECT count(*) FROM tenancy_internal.refused_invitations WHERE inviting_organization = 'bbbbbbbb-0000-4000-8000-000000000000';
ROLLBACK;
DROP FUNCTION marks;
SET SESSION AUTHORIZATION regress_app;

-- Declined: the inviting side sees no difference, in the catalog or the log, until it ends or is withdrawn
CALL become('gus');
CREATE TEMP TABLE seen AS SELECT (SELECT jsonb_agg(to_jsonb(i) ORDER BY email) FROM tenancy.invitations i) AS invitations, (SELECT max(audit_id) FROM tenancy.audit_log) AS entry;
CALL become('nobody');
SELECT outcome('nora', format('SELECT tenancy.decline_invitation(%L)', invitation_of('nora@acme.test')));
SELECT outcome('nora', format('SELECT tenancy.accept_invitation(%L)', invitation_of('nora@acme.test'))) AS accepts, outcome('nora', format('SELECT tenancy.decline_invitation(%L)', invitation_of('nora@acme.test'))) AS declines;
SELECT organization, state FROM mine('nora');
CALL become('gus');
SELECT invitations = (SELECT jsonb_agg(to_jsonb(i) ORDER BY email) FROM tenancy.invitations i) AS same_invitations, entry = (SELECT max(audit_id) FROM tenancy.audit_log) AS same_entries FROM seen;
SELECT count(*) FROM tenancy.audit_log WHERE resource_type = 'refused_invitation';
CALL become('nobody');
SELECT attempt('gus', 'SELECT FROM tenancy_internal.refused_invitations') AS inviting_side, attempt('nora', 'SELECT FROM tenancy_internal.refused_invitations') AS invited_side;
SELECT outcome('gus', format('SELECT tenancy.withdraw_invitation(%L)', invitation_of('nora@acme.test'))), outcome('gus', $$SELECT tenancy.invite(NULL, 'nora@acme.test', 'admin')$$);
SELECT organization, role, state FROM mine('nora');
SELECT outcome('nora', format('SELECT tenancy.decline_invitation(%L, true)', invitation_of('nora@acme.test'))), outcome('gus', format('SELECT tenancy.withdraw_invitation(%L)', invitation_of('nora@acme.test'))),
       outcome('gus', $$SELECT tenancy.invite(NULL, 'nora@acme.test', 'admin')$$);
SELECT organization, role, state FROM mine('nora');

-- Judged when it is accepted: the role as it is now, by what its maker holds now
RESET SESSION AUTHORIZATION;
\o /dev/null
SELECT tenancy.create_role('acme', 'organization', 'helper', 'member'), tenancy.create_role('acme', 'workspace', 'writer', 'member'), tenancy.create_workspace('acme', 'Short', 'short');
\o
SET SESSION AUTHORIZATION regress_app;
SELECT who, email, outcome(who, format('SELECT tenancy.invite(NULL, %L, %L, %L)', email, role, workspaces)) FROM (VALUES
  ('adam', 'widened@x.test', 'helper', NULL), ('adam', 'demoted@x.test', 'admin', NULL), ('acme master', 'by-key@x.test', 'member', '{"search": "manager"}'),
  ('olivia', 'dropped@x.test', 'member', '{"short": "writer"}'), ('olivia', 'no-role@x.test', 'member', '{"support": "writer"}'), ('olivia', 'ended@x.test', 'member', NULL)) v (who, email, role, workspaces);
RESET SESSION AUTHORIZATION;
UPDATE tenancy.invitations SET expires_at = clock_timestamp() WHERE email = 'ended@x.test';
SELECT tenancy.grant_permission('acme', 'organization', 'helper', 'billing', 'manage');
SET SESSION AUTHORIZATION regress_app;
SELECT email, outcome(email, format('SELECT tenancy.accept_invitation(%L)', invitation_of(email, 'acme'))) FROM unnest(ARRAY['widened@x.test', 'ended@x.test']) email;
SELECT count(*) FROM mine('ended@x.test');
RESET SESSION AUTHORIZATION;
SELECT tenancy.revoke_permission('acme', 'organization', 'helper', 'billing', 'manage'), tenancy.set_organization_role('acme', 'adam@acme.test', 'member'), tenancy.delete_workspace('acme/short'),
       tenancy.drop_role('acme', 'workspace', 'writer'), tenancy.revoke_api_key('dddddddd-0000-4000-8000-000000000001');
SET SESSION AUTHORIZATION regress_app;
SELECT email, outcome(email, format('SELECT tenancy.accept_invitation(%L)', invitation_of(email, 'acme'))) FROM unnest(ARRAY['widened@x.test', 'demoted@x.test', 'by-key@x.test', 'dropped@x.test', 'no-role@x.test']) email;
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_organization_role('acme', 'adam@acme.test', 'admin');
SET SESSION AUTHORIZATION regress_app;
SELECT email, outcome(email, format('SELECT tenancy.accept_invitation(%L)', invitation_of(email, 'acme'))) FROM unnest(ARRAY['widened@x.test', 'demoted@x.test']) email;
-- Whoever leaves takes their invitations along
SELECT outcome('adam', $$SELECT tenancy.invite(NULL, 'late@x.test')$$), outcome('adam', 'SELECT tenancy.leave_organization()');
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM tenancy.invitations WHERE email = 'late@x.test';
-- On behalf of somebody by a DBA, and directly, which ends the invitation
SELECT tenancy.accept_invitation(app.invitation_of('locked@x.test')), tenancy.set_organization_role('globex', 'refuser@x.test', 'member');
SELECT u.email, r.name FROM tenancy.organization_members m JOIN tenancy.users u USING (user_id) JOIN tenancy.roles r USING (role_id) WHERE m.organization_id = 'bbbbbbbb-0000-4000-8000-000000000000' ORDER BY 1;
SELECT count(*) FROM tenancy.invitations WHERE email IN ('locked@x.test', 'refuser@x.test');
-- A flood is bounded; a DBA isn't
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO tenancy.audit_log (audit_id, at, organization_id, actor_kind, actor, login, action, resource_type, entry_hash) OVERRIDING SYSTEM VALUE
SELECT 100000000 + i, clock_timestamp(), 'bbbbbbbb-0000-4000-8000-000000000000', 'user', 'x', 'x', 'create', 'invitation', '' FROM generate_series(1, 1000) i;
SET LOCAL session_replication_role = origin;
SET LOCAL SESSION AUTHORIZATION regress_app;
SELECT outcome('gus', $$SELECT tenancy.invite(NULL, 'flood@x.test')$$), outcome('olivia', $$SELECT tenancy.invite(NULL, 'flood@x.test')$$);
RESET SESSION AUTHORIZATION;
SELECT tenancy.invite('globex', 'flood@x.test') IS NOT NULL AS by_a_dba;
ROLLBACK;
-- Addresses that look like another's are no users either
SELECT state, message FROM failure($$INSERT INTO tenancy.users (email) VALUES (U&'vic\200Btim@x.test')$$) UNION ALL SELECT state, message FROM failure($$SELECT tenancy.create_user(U&'a\202Eb@x.test')$$)
UNION ALL SELECT state, message FROM failure($$SELECT tenancy.create_organization('Evil', U&'vic\00A0tim@x.test')$$);
-- Nor what is shown as nothing in other ways: a blank pattern, a filler, a joiner, private and noncharacters, unassigned planes
SELECT point, f.state, f.message FROM unnest(ARRAY['\2800', '\+016FE4', '\+01107F', '\E000', '\FDD0', '\FFFE', '\+0E1000', '\+10FFFF']) point, failure(format('SELECT tenancy.create_user(U&''vic%stim@x.test'')', point)) f;
SELECT tenancy.create_user(U&'JOS\00C9@X.test') IS NOT NULL AS made;
SELECT email FROM tenancy.users WHERE email LIKE 'jos%';
-- What the inviting side calls itself is shown without characters that hide or reorder text
SELECT tenancy.update_organization('globex', name => repeat(E'\u0007Glo\u202Ebex\u200B\u2066 \u00ADLtd\uFEFF\u2800\uE000', 50)), tenancy.invite('globex', 'shown@x.test') IS NOT NULL AS invited;
SET SESSION AUTHORIZATION regress_app;
SELECT length(name), left(name, 20) AS name FROM mine('shown@x.test');
RESET SESSION AUTHORIZATION;
-- What a person has blocked follows its address, and isn't the next one's who has that.
SELECT tenancy.create_user('first@x.test') IS NOT NULL AND tenancy.invite('globex', 'first@x.test') IS NOT NULL AS invited;
SET SESSION AUTHORIZATION regress_app;
SELECT outcome('first@x.test', format('SELECT tenancy.decline_invitation(%L, true)', invitation_of('first@x.test', 'globex')));
RESET SESSION AUTHORIZATION;
SELECT tenancy.update_user('first@x.test', email => 'second@x.test');
SELECT tenancy.create_user('first@x.test') IS NOT NULL AS made;
SELECT tenancy.invite('globex', 'second@x.test') IS NOT NULL AS invited;
SELECT email, blocked FROM tenancy_internal.refused_invitations WHERE email ~ '^(first|second)';
SET SESSION AUTHORIZATION regress_app;
SELECT e AS who, (SELECT count(*) FROM mine(e)) AS invitations FROM unnest('{first@x.test,second@x.test}'::text[]) e;
RESET SESSION AUTHORIZATION;
DELETE FROM tenancy.users WHERE email = 'second@x.test';
SELECT count(*) AS blocked FROM tenancy_internal.refused_invitations WHERE email ~ '^(first|second)';
-- Withdrawing takes back all that is offered, in workspaces as well, and needs as many rights
SELECT tenancy.create_role('globex', 'organization', 'hr', copy_of => 'member') IS NOT NULL AS made, tenancy.grant_permission('globex', 'organization', 'hr', 'team', 'add_users'),
       tenancy.set_organization_role('globex', 'hr@x.test', 'hr'), tenancy.invite('globex', 'one@x.test') IS NOT NULL AS invited, tenancy.invite('globex', 'two@x.test', 'member', '{"lab": "admin"}') IS NOT NULL AS into_lab;
SET SESSION AUTHORIZATION regress_app;
SELECT who, outcome(who, format('SELECT tenancy.withdraw_invitation(%L)', invitation_of(invited))) FROM (VALUES ('hr@x.test', 'one@x.test'), ('hr@x.test', 'two@x.test'), ('gus', 'two@x.test')) v (who, invited);
RESET SESSION AUTHORIZATION;
-- When the organization goes, so does all of it
DELETE FROM tenancy.organizations WHERE slug = 'globex';
SELECT (SELECT count(*) FROM tenancy.invitations WHERE organization_id = 'bbbbbbbb-0000-4000-8000-000000000000') AS invitations, (SELECT count(*) FROM tenancy_internal.refused_invitations WHERE inviting_organization = 'bbbbbbbb-0000-4000-8000-000000000000') AS refused;
