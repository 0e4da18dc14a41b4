-- Roles that end by themselves: of members, in workspaces, and of groups. Nothing has to run at that moment, and no statement begins
-- after it with the rights.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SELECT FROM tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id', create_indexes => true);
GRANT ALL ON ALL TABLES IN SCHEMA app TO regress_plain;
CREATE FUNCTION has(who text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  RETURN concat_ws(' | ', app.visible(who, 'app.logs'), (SELECT string_agg(DISTINCT concat_ws(' ', p.workspace, p.rows), ', ' ORDER BY concat_ws(' ', p.workspace, p.rows)) FROM tenancy.permissions() p WHERE p.resource = 'logs' AND p.action = 'view'));
EXCEPTION WHEN OTHERS THEN
  RETURN concat_ws(': ', SQLSTATE, SQLERRM);
END
$$;
CREATE FUNCTION in_a_moment() RETURNS timestamptz LANGUAGE sql AS $$ SELECT clock_timestamp() + interval '2 s' $$;
CREATE FUNCTION until_then() RETURNS void LANGUAGE sql AS $$ SELECT pg_sleep(2.05) $$;

-- What an end is
SELECT failure(format('SELECT tenancy.set_workspace_role(''acme/search'', ''mike@acme.test'', ''member'', %s)', e)) FROM unnest(ARRAY['now()', '''-infinity''', 'clock_timestamp() - interval ''1 us''', '''infinity''']) e;
SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member', now() + interval '1 day');
SELECT ends_at IS NOT NULL AS ends, reason FROM tenancy.workspace_members WHERE user_id = 'cccccccc-0000-4000-8000-000000000004';
SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'manager', reason => 'on call');
SELECT ends_at IS NOT NULL AS as_before, reason FROM tenancy.workspace_members WHERE user_id = 'cccccccc-0000-4000-8000-000000000004';
SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member', 'infinity');
SELECT ends_at IS NULL AS no_end, reason FROM tenancy.workspace_members WHERE user_id = 'cccccccc-0000-4000-8000-000000000004';

-- Each way to have a right: what is there before, and is not after
SET SESSION AUTHORIZATION regress_app;
SELECT who, has(who) FROM unnest(ARRAY['mike', 'nora', 'wanda', 'mike key']) who;
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member', in_a_moment());
SELECT tenancy.create_group('acme', 'on call') IS NOT NULL AS made, tenancy.sync_group('acme', 'on call', ARRAY['nora@acme.test']), tenancy.set_group_role('acme/support', 'on call', 'manager', in_a_moment(), 'this week');
SELECT tenancy.set_organization_role('acme', 'wanda@acme.test', 'member', in_a_moment());
SET SESSION AUTHORIZATION regress_app;
SELECT who, has(who) FROM unnest(ARRAY['mike', 'nora', 'wanda', 'mike key']) who;
SELECT until_then();
SELECT who, has(who) FROM unnest(ARRAY['mike', 'nora', 'wanda', 'mike key']) who;
CALL become('olivia');
SELECT name, via FROM tenancy.who_can('logs', 'view', 'support') WHERE principal_kind = 'user' ORDER BY 1;
SELECT email FROM tenancy.members ORDER BY 1;
SELECT failure($$SELECT tenancy.set_workspace_role('support', 'wanda@acme.test', 'member')$$);
-- Whose membership has ended is no member: they can be invited, and get nothing back
SELECT tenancy.invite(NULL, 'wanda@acme.test') IS NOT NULL AS invited;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM tenancy.workspace_members WHERE user_id = 'cccccccc-0000-4000-8000-000000000006';
SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member');
SELECT name, revoked_at IS NOT NULL AS revoked FROM tenancy.api_keys WHERE name = 'mike key';

-- Statements that were planned before: narrower rows, and the right's end is no end of the session
SELECT tenancy.set_workspace_role('acme/support', 'mike@acme.test', 'member', clock_timestamp() + interval '2 s');
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
SET plan_cache_mode = force_generic_plan;
PREPARE ids AS SELECT string_agg(id::text, ' ' ORDER BY id) FROM logs;
EXECUTE ids;
EXECUTE ids;
SELECT expires_at FROM tenancy.whoami();
SELECT pg_sleep(2.1);
-- Planned for more rights: once an error to be tried again, and never rows
EXECUTE ids;
EXECUTE ids;
EXECUTE ids;
-- In one transaction, from statement to statement
RESET plan_cache_mode;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_workspace_role('acme/support', 'mike@acme.test', 'member', clock_timestamp() + interval '2 s');
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
BEGIN;
SELECT string_agg(id::text, ' ' ORDER BY id) FROM logs;
SELECT pg_sleep(2.1);
SELECT string_agg(id::text, ' ' ORDER BY id) FROM logs;
COMMIT;
CALL become('nobody');
RESET SESSION AUTHORIZATION;

-- The last owner is one without an end, and an owner by a group is none
SELECT failure($$SELECT tenancy.set_organization_role('acme', 'olivia@acme.test', 'owner', now() + interval '1 day')$$);
SELECT tenancy.set_organization_role('acme', 'adam@acme.test', 'owner', now() + interval '1 day');
SELECT failure($$SELECT tenancy.set_organization_role('acme', 'olivia@acme.test', 'admin')$$);
SELECT failure($$SELECT tenancy.remove_organization_member('acme', 'olivia@acme.test')$$);

-- Nothing that is given outlives the right by which it is given: adam is an owner until tomorrow
SET SESSION AUTHORIZATION regress_app;
CALL become('adam');
SET client_min_messages = warning;
SELECT call, (f).state, regexp_replace((f).message, '[0-9:. +-]{12,}', '…') AS message FROM (SELECT call, failure('SELECT ' || call) AS f FROM unnest(ARRAY[
  $$tenancy.set_organization_role(NULL, 'adam@acme.test', 'owner', 'infinity')$$, $$tenancy.set_organization_role(NULL, 'adam@acme.test', 'owner', now() + interval '2 days')$$,
  $$tenancy.set_organization_role(NULL, 'mona@acme.test', 'admin')$$, $$tenancy.set_workspace_role('search', 'nora@acme.test', 'admin')$$, $$tenancy.set_workspace_role('search', 'nora@acme.test', 'admin', now() + interval '1 hour')$$,
  $$tenancy.set_group_role('search', 'on call', 'admin')$$, $$tenancy.sync_group(NULL, 'on call', ARRAY['adam@acme.test'])$$, $$tenancy.invite(NULL, 'new@acme.test', 'owner')$$,
  $$tenancy.create_role(NULL, 'organization', 'second', 'admin')$$, $$tenancy.set_setting(NULL, 'members_view_all_data', true)$$, $$tenancy.set_role_visibility(NULL, 'member', true)$$, $$tenancy.grant_permission(NULL, 'organization', 'member', 'billing', 'manage')$$,
  $$tenancy.set_jwks(NULL, '{"kid": "1", "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}')$$,
  $$tenancy.create_api_key('organization_service_key', 'for ever', scopes => '["logs.view"]', expires_at => now() + interval '2 days')$$, $$tenancy.remove_workspace_member('search', 'nora@acme.test')$$]) call) x;
SET client_min_messages = warning;
SELECT api_key_id IS NOT NULL AS made FROM tenancy.create_api_key('organization_service_key', 'of adam', scopes => '["logs.view"]');
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT expires_at BETWEEN now() + interval '23 hours' AND now() + interval '1 day' AS key_ends_with_the_role FROM tenancy.api_keys WHERE name = 'of adam';
-- A key that ends gives nothing that outlives it, and one without an end does: in each workspace, and in one
CREATE TEMP TABLE ending (name text, secret text);
SELECT tenancy.create_role('acme', 'workspace', 'watcher') IS NOT NULL AS made, tenancy.grant_permission('acme', 'workspace', 'watcher', 'logs', 'view');
GRANT ALL ON ending TO regress_app;
SET SESSION AUTHORIZATION regress_app;
CALL become('adam');
INSERT INTO ending SELECT kind, k.secret FROM unnest(ARRAY['organization_service_key', 'workspace_service_key']) kind, tenancy.create_api_key(kind, kind, workspace => CASE kind WHEN 'workspace_service_key' THEN 'search' END, scopes => '["logs.view", "team.add_users", "team.assign_roles"]') k;
CALL become('olivia');
INSERT INTO ending SELECT 'lasting', k.secret FROM tenancy.create_api_key('workspace_service_key', 'lasting', workspace => 'search', scopes => '["logs.view", "team.add_users", "team.assign_roles"]') k;
CALL become('nobody');
SELECT name, set_config('tenancy.api_key', secret, false) <> '' AS used, (failure($$SELECT tenancy.set_workspace_role('search', 'adam@acme.test', 'watcher')$$)).state AS for_ever,
       (failure($$SELECT tenancy.set_workspace_role('search', 'adam@acme.test', 'watcher', now() + interval '1 hour')$$)).state AS while_it_lasts FROM ending ORDER BY name;
RESET tenancy.api_key;
RESET SESSION AUTHORIZATION;
-- What ends besides what lasts is in nobody's way.
SELECT tenancy.set_workspace_role('acme/search', 'olivia@acme.test', 'member', now() + interval '1 hour');
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT tenancy.set_workspace_role('search', 'nora@acme.test', 'member'), tenancy.set_setting(NULL, 'members_view_all_data', true);
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_organization_role('acme', 'adam@acme.test', 'admin', 'infinity');

-- The end of a membership is that of the roles in workspaces too: whoever moves it has their rights
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.create_role('acme', 'organization', 'warden', 'member') IS NOT NULL AS role, tenancy.grant_permission('acme', 'organization', 'warden', 'team', 'add_users'), tenancy.grant_permission('acme', 'organization', 'warden', 'team', 'assign_roles');
SELECT tenancy.set_organization_role('acme', 'wanda@acme.test', 'warden'), tenancy.set_organization_role('acme', 'mike@acme.test', 'member', now() + interval '1 day'), tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'admin'),
  tenancy.set_organization_role('acme', 'zoe@acme.test', 'member', now() + interval '1 day');
SET SESSION AUTHORIZATION regress_app;
CALL become('wanda');
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.ends_of(who text) RETURNS TABLE (until text, failed text) LANGUAGE sql AS $f$
  SELECT e, concat_ws(': ', (f).state, (f).message) FROM (SELECT e, failure(format('SELECT tenancy.set_organization_role(NULL, %L, ''member'', until => %s)', who || '@acme.test', e)) AS f
    FROM unnest(ARRAY['''infinity''', 'now() + interval ''2 days''', 'now() + interval ''1 hour''', 'NULL']) e) x
$f$;
SELECT * FROM pg_temp.ends_of('mike');
SELECT * FROM pg_temp.ends_of('zoe');
CALL become('olivia');
SELECT * FROM pg_temp.ends_of('mike');

-- A key for somebody whose only role in the workspace is a group's, while that lasts
SELECT tenancy.sync_group(NULL, 'on call', ARRAY['zoe@acme.test']), tenancy.set_group_role('search', 'on call', 'member', in_a_moment());
SELECT failure($$SELECT FROM tenancy.create_api_key('workspace_user_key', 'k', NULL, 'search', 'zoe@acme.test', '["logs.view"]')$$);
SELECT until_then();
SELECT failure($$SELECT FROM tenancy.create_api_key('workspace_user_key', 'k', NULL, 'search', 'zoe@acme.test', '["logs.view"]')$$);

-- A membership that has ended and goes on, by a DBA's own UPDATE too, begins anew: neither keys nor other roles come back
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_organization_role('acme', 'mona@acme.test', 'member'), tenancy.set_workspace_role('acme/search', 'mona@acme.test', 'manager'), tenancy.set_workspace_role('acme/support', 'mona@acme.test', 'member'),
  tenancy.sync_group('acme', 'on call', ARRAY['mona@acme.test', 'ben@acme.test']), tenancy.bind_login('regress_bound', 'mona@acme.test', 'acme');
SELECT count(*) FROM unnest(ARRAY['search', 'support']) w, tenancy.create_api_key('workspace_user_key', 'mona ' || w, 'acme', w, 'mona@acme.test', '["logs.view"]') k;
CREATE FUNCTION left_to_mona() RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(', ', (SELECT 'keys ' || string_agg(k.name, ' ' ORDER BY k.name) FROM tenancy.api_keys k WHERE k.user_id = u.user_id AND k.revoked_at IS NULL),
    (SELECT 'workspaces ' || count(*) FROM tenancy.workspace_members m WHERE m.user_id = u.user_id), (SELECT 'groups ' || count(*) FROM tenancy.group_members m WHERE m.user_id = u.user_id),
    (SELECT 'logins ' || count(*) FROM tenancy.login_bindings b WHERE b.user_id = u.user_id), (SELECT 'tokens ended' FROM tenancy_internal.ended_tokens e WHERE e.user_id = u.user_id))
  FROM tenancy.users u WHERE u.email = 'mona@acme.test'
$$;
SELECT left_to_mona();
CREATE FUNCTION end_of(catalog name, moment text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('UPDATE tenancy.%I m SET ends_at = %s FROM tenancy.users u WHERE u.user_id = m.user_id AND u.email = ''mona@acme.test''', catalog, moment);
END
$$;
-- Moved before it has ended, it goes on as it is
SELECT end_of('organization_members', $$now() + interval '1 hour'$$), end_of('organization_members', 'NULL');
SELECT left_to_mona();
BEGIN;
SELECT end_of('workspace_members', $$clock_timestamp() - interval '1 us'$$), end_of('workspace_members', $$now() + interval '1 day'$$);
SELECT left_to_mona();
ROLLBACK;
-- By her group alone
BEGIN;
SELECT tenancy.remove_workspace_member('acme/search', 'mona@acme.test');
SELECT tenancy.set_group_role('acme/search', 'on call', 'member', 'infinity'), tenancy.create_api_key('workspace_user_key', 'mona again', 'acme', 'search', 'mona@acme.test', '["logs.view"]') IS NOT NULL AS key;
SAVEPOINT before;
SELECT end_of('group_members', $$clock_timestamp() - interval '1 us'$$), end_of('group_members', 'NULL');
SELECT left_to_mona();
ROLLBACK TO before;
-- ... whose role has ended and goes on, or is now another workspace's
UPDATE tenancy.group_roles SET ends_at = now() + interval '1 day';
SELECT left_to_mona();
UPDATE tenancy.group_roles SET ends_at = clock_timestamp() - interval '1 us';
SELECT left_to_mona();
UPDATE tenancy.group_roles SET ends_at = NULL;
SELECT left_to_mona();
ROLLBACK TO before;
UPDATE tenancy.group_roles g SET workspace_id = w.workspace_id FROM tenancy.workspaces w WHERE w.organization_id = g.organization_id AND w.slug = 'support';
SELECT left_to_mona();
ROLLBACK TO before;
-- ... or that she has left by an UPDATE
UPDATE tenancy.group_members m SET user_id = o.user_id FROM tenancy.users u, tenancy.users o WHERE u.user_id = m.user_id AND u.email = 'mona@acme.test' AND o.email = 'zoe@acme.test';
SELECT left_to_mona();
ROLLBACK;
SELECT end_of('organization_members', $$clock_timestamp() - interval '1 us'$$);
SELECT left_to_mona();
SELECT end_of('organization_members', 'NULL');
SELECT left_to_mona();
-- A role in a workspace that has ended keeps no key, when the group's goes
SELECT tenancy.set_workspace_role('acme/search', 'ben@acme.test', 'member'), tenancy.set_group_role('acme/search', 'on call', 'member', 'infinity');
SELECT api_key_id IS NOT NULL AS key FROM tenancy.create_api_key('workspace_user_key', 'ben by both', 'acme', 'search', 'ben@acme.test', '["logs.view"]');
UPDATE tenancy.workspace_members m SET ends_at = clock_timestamp() - interval '1 us' FROM tenancy.users u WHERE u.user_id = m.user_id AND u.email = 'ben@acme.test';
DELETE FROM tenancy.group_members m USING tenancy.users u WHERE u.user_id = m.user_id AND u.email = 'ben@acme.test';
SELECT revoked_at IS NOT NULL AS revoked FROM tenancy.api_keys WHERE name = 'ben by both';

-- Somebody must be able to act for an organization: its last owner is active, and no other way out is open either
SELECT command, failure(command) FROM unnest(ARRAY[$$UPDATE tenancy.users SET active = false WHERE email = 'gus@globex.test'$$, $$SELECT tenancy.update_user('gus@globex.test', active => false)$$,
  $$DELETE FROM tenancy.users WHERE email = 'gus@globex.test'$$, $$UPDATE tenancy.organization_members m SET ends_at = now() + interval '1 day' FROM tenancy.users u WHERE u.user_id = m.user_id AND u.email = 'gus@globex.test'$$]) command;
SELECT tenancy.set_organization_role('globex', 'gil@globex.test', 'owner');
UPDATE tenancy.users SET active = false WHERE email = 'gil@globex.test';
-- One who is locked is none
SELECT failure($$SELECT tenancy.set_organization_role('globex', 'gus@globex.test', 'member')$$), failure($$UPDATE tenancy.users SET active = false WHERE email = 'gus@globex.test'$$);
UPDATE tenancy.users SET active = true WHERE email = 'gil@globex.test';
SELECT failure($$UPDATE tenancy.users SET active = false WHERE email = 'gus@globex.test'$$), failure($$UPDATE tenancy.users SET active = false WHERE email ~ 'globex.test'$$);

-- Each statement of one message, of a DO block and of a function begins at its own time
SELECT secret AS ending FROM tenancy.create_api_key('workspace_service_key', 'of one message', 'acme', 'search', scopes => '["logs.view"]', expires_at => clock_timestamp() + interval '2 s') \gset
SET SESSION AUTHORIZATION regress_plain;
SET tenancy.api_key = :'ending' \; SELECT count(*) > 0 AS before FROM logs \; SELECT until_then() \; SELECT count(*) AS after FROM logs;
RESET tenancy.api_key;
RESET SESSION AUTHORIZATION;
SELECT secret AS ending FROM tenancy.create_api_key('workspace_service_key', 'of a loop', 'acme', 'search', scopes => '["logs.view"]', expires_at => clock_timestamp() + interval '2 s') \gset
SET SESSION AUTHORIZATION regress_plain;
SET tenancy.api_key = :'ending';
SET client_min_messages = notice;
DO $$
DECLARE
  found bigint;
BEGIN
  FOR i IN 1 .. 3 LOOP
    BEGIN
      EXECUTE 'SELECT count(*) FROM app.logs' INTO found;
      RAISE NOTICE '%: %', i, CASE WHEN found > 0 THEN 'rows' ELSE 'none' END;
    EXCEPTION WHEN OTHERS THEN
      RAISE NOTICE '%: % %', i, SQLSTATE, SQLERRM;
    END;
    PERFORM pg_sleep(1.1);
  END LOOP;
END
$$;
RESET tenancy.api_key;
RESET SESSION AUTHORIZATION;

-- What is denied now, and may not be later, costs no scan: the guard is checked once for all rows.
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || plan.query LOOP
    RETURN NEXT regexp_replace(line, 'plan_guard\(.*', 'plan_guard(...))');
  END LOOP;
END
$$;
SELECT secret AS other FROM tenancy.create_api_key('organization_service_key', 'of prompts', 'acme', scopes => '{"prompts": "read"}', expires_at => now() + interval '1 day') \gset
SET SESSION AUTHORIZATION regress_app;
SELECT set_config('tenancy.api_key', :'other', false) <> '' AS set;
SELECT plan('SELECT * FROM app.logs WHERE body = ''a''');
SELECT plan('DELETE FROM app.logs');
SELECT count(*) FROM app.logs WHERE body <> '';
RESET tenancy.api_key;
RESET SESSION AUTHORIZATION;

-- A day has 24 hours, whatever time zone a session chooses: in one of POSIX's form, two weeks can lie between a moment and the next day.
SELECT format('AAA167BBB-167,J%s,J%s', 1 + (today + 164) % 365, 1 + (today + 17) % 365) AS late, format('AAA167BBB-167,J%s,J%s', 1 + (today + 148) % 365, 1 + (today + 348) % 365) AS early
FROM least(365, extract(doy FROM now() AT TIME ZONE 'UTC')::int) today \gset
SET TimeZone = :'late';
SELECT now() + interval '1 day' - now() > '300 hours' AS late;
SET TimeZone = :'early';
SELECT now() - (now() - interval '30 days') > '1000 hours' AS early;
RESET TimeZone;
SELECT tenancy.allow_elevation('acme', 'organization/admin', 'ben@acme.test', '1 day', 20);
SET SESSION AUTHORIZATION regress_app;
CALL become('ben');
SET TimeZone = 'UTC';
SELECT until - now() BETWEEN '23 hours' AND '25 hours' AS a_day FROM tenancy.elevate('admin', 'a day', '1 day');
SELECT state FROM failure($$SELECT tenancy.elevate('admin', 'two', '2 days')$$);
SET TimeZone = :'late';
SELECT until - now() BETWEEN '23 hours' AND '25 hours' AS a_day FROM tenancy.elevate('admin', 'a day', '1 day');
SELECT state FROM failure($$SELECT tenancy.elevate('admin', 'two', '48 hours')$$);
CALL become('nobody');
RESET SESSION AUTHORIZATION;
-- When keys have to be rotated, from the policy on and from a rotation on; and for how long somebody is invited
SELECT tenancy.set_key_policy('acme', '30 days', '5 days');
CREATE VIEW longest AS SELECT max(k.rotate_by - now()) BETWEEN '719 hours' AND '721 hours' AS thirty_days FROM tenancy.api_keys k WHERE k.organization_id = 'aaaaaaaa-0000-4000-8000-000000000000' AND k.revoked_at IS NULL;
TABLE longest;
SELECT tenancy.rotate_api_key('search service', organization => 'acme') <> '' AS rotated, tenancy.invite('acme', 'late@acme.test') IS NOT NULL AS invited;
TABLE longest;
SELECT expires_at - now() BETWEEN '335 hours' AND '337 hours' AS two_weeks FROM tenancy.invitations WHERE email = 'late@acme.test';
DROP VIEW longest;
SELECT tenancy.set_key_policy('acme', NULL);
-- Retention
SELECT tenancy.apply_logging_settings('logs', 'logs'), tenancy.set_logging('acme', 'retention_days.logs', '30');
INSERT INTO logs (id, organization_id, workspace_id, user_id, received_at)
SELECT 900 + days, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', 'cccccccc-0000-4000-8000-000000000004', now() - days * interval '24 hours' FROM unnest('{0,29,31,40}'::int[]) days;
SET SESSION AUTHORIZATION regress_app;
SET TimeZone = 'UTC';
SELECT visible('mike', 'app.logs WHERE id >= 900') AS kept;
SET TimeZone = :'early';
SELECT visible('mike', 'app.logs WHERE id >= 900') AS kept;
SET TimeZone = :'late';
SELECT visible('mike', 'app.logs WHERE id >= 900') AS kept;
RESET SESSION AUTHORIZATION;
RESET TimeZone;
-- Functions that count with spans, or with parts of a date, have TimeZone = UTC, but for these: they pass a span on, print one,
-- compare two, or say UTC themselves.
WITH functions AS (
  SELECT p.oid, p.proname, regexp_replace(coalesce(pg_get_function_sqlbody(p.oid), p.prosrc), '--[^\n]*', '', 'g') AS body, coalesce(p.proallargtypes, p.proargtypes) AS arguments
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
  WHERE p.pronamespace::regnamespace::text ~ '^tenancy' AND l.lanname IN ('sql', 'plpgsql', 'tenancy', 'tenancy_unit') AND NOT EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c ILIKE 'timezone=UTC')),
spans AS (
  SELECT DISTINCT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace::regnamespace::text ~ '^tenancy' AND a.atttypid = 'interval'::regtype)
SELECT f.proname, string_agg(DISTINCT w.why, ', ' ORDER BY w.why) AS why FROM functions f, LATERAL (
  SELECT 'takes an interval' WHERE 'interval'::regtype = ANY (f.arguments)
  UNION ALL SELECT s.attname FROM spans s WHERE f.body ~ ('\m' || s.attname || '\M')
  UNION ALL SELECT m[1] FROM regexp_matches(f.body, '(\minterval ''+[^'']*(?:day|week|month|year)s?|\mdate_trunc|\mto_(?:char|date|timestamp)|\mmake_(?:interval|timestamptz|date)|\mextract\(|\mdate_part|\mage\(|\mcurrent_date|\mlocaltime\w*|\mjustify_\w+|::(?:pg_catalog\.)?(?:date|time|timestamp|timestamptz|interval)\M|\mAT TIME ZONE|\mtimezone\()', 'gi') m) w (why)
GROUP BY f.oid, f.proname ORDER BY f.proname COLLATE "C", 2;
