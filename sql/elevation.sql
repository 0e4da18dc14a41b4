-- Elevation: a role that a member takes for a time, where an owner has listed it; and the review of who has what.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SELECT coalesce(max(audit_id), 0) AS begins FROM tenancy.audit_log \gset
SET client_min_messages = warning;
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id');
CREATE FUNCTION by(who text, command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
  the_detail text;
BEGIN
  CALL app.become(who, true);
  EXECUTE command INTO result;
  RETURN coalesce(nullif(result, ''), 'done');
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS the_detail = PG_EXCEPTION_DETAIL;
  RETURN format('%s: %s', SQLSTATE, concat_ws(' / ', regexp_replace(SQLERRM, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', 'ID'), nullif(regexp_replace(the_detail, ' at .*', ' at …'), '')));
END
$$;
SELECT tenancy.create_group('acme', 'on call') IS NOT NULL AS made, tenancy.sync_group('acme', 'on call', ARRAY['mike@acme.test', 'ben@acme.test']);
SET SESSION AUTHORIZATION regress_app;
-- An owner lists who may take what. The role's level is said, and the subject's kind, where they are not clear
SELECT call, by('olivia', 'SELECT tenancy.allow_elevation(NULL, ' || call || ')') FROM unnest(ARRAY[
  $$'organization/admin', 'nora@acme.test', '1 hour', 2$$, $$'manager', 'on call', '30 minutes'$$, $$'owner', 'admin', '1 hour', 3, true$$, $$'owner', 'organization/admin', '1 hour', 3, true$$,
  $$'admin', 'nora@acme.test', '1 hour'$$, $$'x', 'nora@acme.test', '1 hour'$$, $$'owner', 'x', '1 hour'$$, $$'owner', 'gus@globex.test', '1 hour'$$, $$'owner', 'nora@acme.test', '0'$$, $$'owner', 'nora@acme.test', '-1 hour'$$,
  $$'owner', 'nora@acme.test', '8 days'$$, $$'owner', 'nora@acme.test', '1 hour', 0$$, $$'owner', NULL, '1 hour'$$, $$NULL, 'nora@acme.test', '1 hour'$$, $$'owner', 'mona@acme.test', NULL$$]) call;
-- An interval without an end, where there is one (from 17 on): by itself, or together with what is none
SELECT maximum, by('olivia', format('SELECT tenancy.allow_elevation(NULL, %L, %L, %L)', 'owner', 'nora@acme.test', maximum)) ~ '^22(007: invalid input syntax for type interval: |023: a maximum is positive and at most 7 days)' AS refused
FROM unnest(ARRAY['infinity', '-infinity']) maximum;
SELECT by('olivia', $$SELECT count(*) FROM tenancy.elevation_rules e JOIN tenancy.roles r USING (role_id) JOIN tenancy.users u USING (user_id) WHERE r.name = 'owner' AND u.email = 'nora@acme.test'$$) AS listed;
-- and nobody else does
SELECT who, by(who, $$SELECT tenancy.allow_elevation(NULL, 'owner', 'nora@acme.test', '1 hour')$$) FROM unnest(ARRAY['adam', 'mike', 'search service', 'gus', 'nobody']) who;
SELECT by('adam', $$SELECT string_agg(concat_ws(' ', r.name, e.maximum, e.per_day, e.approval), ', ' ORDER BY r.name) FROM tenancy.elevation_rules e JOIN tenancy.roles r USING (role_id)$$) AS seen_by_admins,
       by('mike', $$SELECT count(*) FROM tenancy.elevation_rules$$) AS by_members, by('gus', $$SELECT count(*) FROM tenancy.elevation_rules$$) AS by_others;
-- Who may take what
SELECT who, call, by(who, 'SELECT until > now() FROM tenancy.elevate(' || call || ')') FROM (VALUES
  ('nora', $$'owner', 'test', '1 hour'$$), ('nora', $$'admin', NULL, '1 hour'$$), ('nora', $$'admin', ' ', '1 hour'$$), ('nora', $$'admin', 'test', '61 minutes'$$), ('nora', $$'admin', 'test', '0'$$), ('nora', $$'admin', 'test', '-1 hour'$$),
  ('nora', $$'admin', 'test', NULL$$), ('nora', $$'admin', 'test', '1 hour', 'search'$$), ('nora', $$'admin', 'test', '1 hour', 'globex/lab'$$), ('mona', $$'manager', 'test', '10 minutes', 'search'$$), ('mike key', $$'manager', 'test', '10 minutes', 'support'$$),
  ('acme master', $$'admin', 'test', '1 hour'$$), ('gus', $$'admin', 'test', '1 hour'$$), ('nobody', $$'admin', 'test', '1 hour'$$), ('mike', $$'manager', 'test', '10 minutes'$$)) v (who, call);
-- Before, while it lasts, and after
SELECT visible('nora', 'logs') AS nora, visible('mike', 'logs') AS mike, visible('mike key', 'logs') AS mikes_key;
SELECT by('nora', $$SELECT until - now() > '59 minutes' FROM tenancy.elevate('admin', 'incident 7', '1 hour')$$) AS nora, by('mike', $$SELECT until > now() FROM tenancy.elevate('manager', 'on call', '30 minutes', 'support')$$) AS mike;
SELECT visible('nora', 'logs') AS nora, visible('mike', 'logs') AS mike, visible('mike key', 'logs') AS mikes_key;
SELECT by('nora', $$SELECT expires_at FROM tenancy.whoami()$$) AS no_end_of_the_session, by('nora', $$SELECT string_agg(concat_ws('|', rule, source), ', ') FROM tenancy.explain_authorize('logs', 'view', 'search') WHERE source = 'elevations'$$) AS explained,
       by('olivia', $$SELECT string_agg(concat_ws(' ', name, rows, via), ', ' ORDER BY name) FROM tenancy.who_can('logs', 'view', 'support') WHERE principal_kind = 'user' AND via LIKE '%elevation'$$) AS who_can,
       by('olivia', $$SELECT string_agg(name, ', ') FROM tenancy.who_can('logs', 'view', 'support') WHERE name = 'mike key'$$) AS by_his_key;
-- It gives nothing that the member cannot give without it, and changes neither who may take a role, nor what is kept, nor who owns the organization
SELECT call, by('nora', 'SELECT ' || call) FROM unnest(ARRAY[
  $$tenancy.set_organization_role(NULL, 'zoe@acme.test', 'admin')$$, $$tenancy.set_organization_role(NULL, 'nora@acme.test', 'admin', 'infinity')$$, $$tenancy.set_organization_role(NULL, 'ben@acme.test', 'admin', now() + interval '2 hours')$$, $$tenancy.set_organization_role(NULL, 'ben@acme.test', 'admin', now() + interval '10 minutes')$$,
  $$tenancy.invite(NULL, 'new@acme.test')$$, $$tenancy.allow_elevation(NULL, 'organization/admin', 'nora@acme.test', '7 days', 100)$$, $$tenancy.set_logging(NULL, 'legal_hold', 'on')$$, $$tenancy.reset_logging(NULL, 'legal_hold')$$,
  $$tenancy.set_setting(NULL, 'members_view_logs', true)$$, $$tenancy.set_organization_role(NULL, 'olivia@acme.test', 'member')$$, $$tenancy.remove_organization_member(NULL, 'olivia@acme.test')$$]) call;
SELECT by('nora', $$SELECT api_key_id IS NOT NULL FROM tenancy.create_api_key('organization_service_key', 'hers', scopes => '["logs.view"]')$$) AS key;
-- So often, and ended by the member
SELECT by('nora', 'SELECT tenancy.end_elevation()') AS ended;
SELECT visible('nora', 'logs') AS nora, by('nora', $$SELECT tenancy.authorize('team', 'assign_roles')$$) AS may;
SELECT by('nora', $$SELECT until > now() FROM tenancy.elevate('admin', 'again', '1 minute')$$) AS second;
SELECT by('nora', $$SELECT until > now() FROM tenancy.elevate('admin', 'again', '1 minute')$$) AS third;
-- Who is elevated: for those who may list the team, and for members their own
SELECT who, by(who, $$SELECT string_agg(concat_ws(' ', member, role, workspace, reason, state, until > now(), approved_by), ', ' ORDER BY member) FROM tenancy.review_elevations()$$)
FROM unnest(ARRAY['olivia', 'adam', 'nora', 'mike', 'mona', 'acme master', 'search service', 'mike key', 'gus', 'nobody']) who;
SELECT by('gus', $$SELECT count(*) FROM tenancy.review_elevations('acme')$$) AS of_others;
-- By others: who has the rights, and nobody else
RESET SESSION AUTHORIZATION;
CALL become('nobody');
CREATE VIEW current_ones AS SELECT u.email, e.elevation_id, e.ends_at, e.reason, r.name AS role FROM tenancy.elevations e JOIN tenancy.users u USING (user_id) JOIN tenancy.roles r USING (role_id) WHERE e.ends_at IS NULL OR e.ends_at > clock_timestamp();
GRANT SELECT ON current_ones TO PUBLIC;
SELECT elevation_id AS noras FROM current_ones WHERE email = 'nora@acme.test' \gset
SELECT elevation_id AS mikes FROM current_ones WHERE email = 'mike@acme.test' \gset
SET SESSION AUTHORIZATION regress_app;
SELECT who, by(who, format('SELECT tenancy.end_elevation(%L)', :'noras')) FROM unnest(ARRAY['mike', 'search service', 'gus', 'nobody', 'adam', 'olivia', 'olivia']) who;
SELECT by('olivia', 'SELECT tenancy.end_elevation(gen_random_uuid())') AS none, by('acme master', 'SELECT tenancy.end_elevation()') AS not_of_a_user;
-- It counts as long as its rule is about the member: mike leaves the group
SELECT visible('mike', 'logs') AS mike;
SELECT by('olivia', $$SELECT tenancy.sync_group(NULL, 'on call', ARRAY['ben@acme.test'])$$) AS left;
SELECT visible('mike', 'logs') AS mike, by('olivia', $$SELECT string_agg(name, ', ') FROM tenancy.who_can('logs', 'view', 'support') WHERE via LIKE '%elevation'$$) AS who_can;
SELECT by('olivia', $$SELECT tenancy.sync_group(NULL, 'on call', ARRAY['ben@acme.test', 'mike@acme.test'])$$) AS back;
SELECT visible('mike', 'logs') AS mike;
SELECT by('olivia', $$SELECT tenancy.allow_elevation(NULL, 'manager', 'on call', NULL)$$) AS ended;
SELECT visible('mike', 'logs') AS mike;
SELECT by('mike', $$SELECT until > now() FROM tenancy.elevate('manager', 'on call', '30 minutes', 'support')$$) AS no_more;
-- Approved by a third person, neither the member nor whoever has allowed it, who has the rights
SELECT by('adam', $$SELECT until IS NULL FROM tenancy.elevate('owner', 'billing', '20 minutes')$$) AS waits, by('adam', $$SELECT tenancy.authorize('billing', 'manage')$$) AS counts;
RESET SESSION AUTHORIZATION;
SELECT elevation_id AS adams FROM current_ones WHERE email = 'adam@acme.test' \gset
SET SESSION AUTHORIZATION regress_app;
SELECT who, by(who, $$SELECT string_agg(concat_ws(' ', member, role, reason, state, until), ', ') FROM tenancy.review_elevations() WHERE member LIKE 'adam%'$$) AS waiting FROM unnest(ARRAY['olivia', 'adam', 'mike']) who;
SELECT who, by(who, format('SELECT tenancy.approve_elevation(%L) > now()', :'adams')) FROM unnest(ARRAY['adam', 'olivia', 'wanda', 'acme master', 'gus', 'nobody']) who;
RESET SESSION AUTHORIZATION;
CALL become('nobody');
SELECT tenancy.set_organization_role('acme', 'zoe@acme.test', 'owner', 'infinity');
SET SESSION AUTHORIZATION regress_app;
SELECT by('zoe', format('SELECT tenancy.approve_elevation(%L) - now() > ''19 minutes''', :'adams')) AS approved;
SELECT by('adam', $$SELECT tenancy.authorize('billing', 'manage')$$) AS counts;
SELECT by('olivia', $$SELECT string_agg(concat_ws(' ', member, role, reason, state, until > now(), approved_by), ', ') FROM tenancy.review_elevations() WHERE member LIKE 'adam%'$$) AS taken;
-- An approver who has left has an id only.
RESET SESSION AUTHORIZATION;
BEGIN;
SELECT tenancy.remove_organization_member('acme', 'zoe@acme.test');
SELECT approved_by ~ '^[0-9a-f-]{36}$' AS id_only FROM tenancy.review_elevations('acme') WHERE member LIKE 'adam%';
SELECT given_by ~ '^[0-9a-f-]{36}$' AS id_only FROM tenancy.access_review('acme') WHERE via = 'elevation' AND name LIKE 'adam%';
ROLLBACK;
SET SESSION AUTHORIZATION regress_app;
SELECT by('zoe', format('SELECT tenancy.approve_elevation(%L) > now()', :'adams')) AS again;
-- The elevated owner against the permanent ones
SELECT call, by('adam', 'SELECT ' || call) FROM unnest(ARRAY[$$tenancy.set_organization_role(NULL, 'olivia@acme.test', 'member', now() + interval '1 minute')$$, $$tenancy.remove_organization_member(NULL, 'olivia@acme.test')$$,
  $$tenancy.allow_elevation(NULL, 'owner', 'adam@acme.test', '7 days', 100)$$, $$tenancy.set_logging(NULL, 'legal_hold', 'on')$$]) call;
SELECT by('zoe', format('SELECT tenancy.end_elevation(%L)', :'adams')) AS ended_by_the_approver;
SELECT by('olivia', $$SELECT count(*) FROM tenancy.review_elevations() WHERE member LIKE 'adam%'$$) AS still_listed;
SELECT by('adam', $$SELECT tenancy.authorize('billing', 'manage')$$) AS counts;
-- A member who leaves has none after a return
SELECT by('nora', $$SELECT count(*) FROM tenancy.elevations$$) AS own_ones_seen;
RESET SESSION AUTHORIZATION;
CALL become('nobody');
SELECT tenancy.remove_organization_member('acme', 'nora@acme.test');
SELECT count(*) FROM tenancy.elevations JOIN tenancy.users u USING (user_id) WHERE u.email = 'nora@acme.test';
SELECT tenancy.set_organization_role('acme', 'nora@acme.test', 'member');
SET SESSION AUTHORIZATION regress_app;
SELECT by('nora', $$SELECT until > now() FROM tenancy.elevate('admin', 'back', '1 minute')$$) AS no_rule_either;
RESET SESSION AUTHORIZATION;
-- A DBA approves, too, and is no user
SET SESSION AUTHORIZATION regress_app;
SELECT by('adam', $$SELECT until IS NULL FROM tenancy.elevate('owner', 'billing again', '20 minutes')$$) AS waits;
RESET SESSION AUTHORIZATION;
SELECT elevation_id AS adams FROM tenancy.elevations WHERE reason = 'billing again' \gset
CREATE ROLE regress_other_administrator;
SET ROLE regress_other_administrator;
SELECT (failure(format('SELECT tenancy.approve_elevation(%L)', :'adams'))).state;
RESET ROLE;
GRANT USAGE ON TYPE tenancy.administrator TO regress_other_administrator;
GRANT USAGE ON SCHEMA app TO regress_other_administrator;
SET ROLE regress_other_administrator;
SELECT tenancy.approve_elevation(:'adams') - now() > '19 minutes' AS approved;
RESET ROLE;
SELECT approved_by IS NULL AS by_no_user FROM tenancy.elevations WHERE elevation_id = :'adams';
SET SESSION AUTHORIZATION regress_app;
SELECT by('adam', $$SELECT tenancy.authorize('billing', 'manage')$$) AS counts;
SELECT by('olivia', format('SELECT tenancy.end_elevation(%L)', :'adams')) AS ended;
SELECT by('adam', $$SELECT tenancy.authorize('billing', 'manage')$$) AS counts;
RESET SESSION AUTHORIZATION;
CALL become('nobody');
REVOKE USAGE ON TYPE tenancy.administrator FROM regress_other_administrator;
REVOKE USAGE ON SCHEMA app FROM regress_other_administrator;
DROP ROLE regress_other_administrator;
-- Entries of each
SELECT action, resource_type, actor, after ->> 'reason' AS reason FROM tenancy.audit_log WHERE resource_type IN ('elevation', 'elevation_rule') AND organization_id = 'aaaaaaaa-0000-4000-8000-000000000000' AND audit_id > :begins ORDER BY audit_id;

-- One second before and after the end: the next statement, a prepared plan, a cursor, a function that goes on
SELECT tenancy.allow_elevation('acme', 'organization/admin', 'nora@acme.test', '1 hour', 10);
SET SESSION AUTHORIZATION regress_app;
CALL become('nora');
SET plan_cache_mode = force_generic_plan;
PREPARE ids AS SELECT string_agg(id::text, ' ' ORDER BY id) FROM logs;
EXECUTE ids;
SELECT until - now() < '3 seconds' AS taken FROM tenancy.elevate('admin', 'seconds', '2.5 s');
EXECUTE ids;
EXECUTE ids;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT id FROM logs ORDER BY id;
COMMIT;
FETCH 2 FROM held;
SELECT pg_sleep(1);
EXECUTE ids;
SELECT pg_sleep(2);
EXECUTE ids;
EXECUTE ids;
SELECT string_agg(id::text, ' ' ORDER BY id) FROM logs;
CLOSE held;
-- In one transaction
SELECT until - now() < '3 seconds' AS taken FROM tenancy.elevate('admin', 'seconds', '1.5 s');
BEGIN;
SELECT string_agg(id::text, ' ' ORDER BY id) FROM logs;
DECLARE c NO SCROLL CURSOR FOR SELECT id FROM logs;
FETCH 1 FROM c;
SELECT pg_sleep(1.6);
SELECT string_agg(id::text, ' ' ORDER BY id) FROM logs;
FETCH 1 FROM c;
ROLLBACK;
CALL become('nobody');
RESET SESSION AUTHORIZATION;

-- Who has what, by which way
SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'manager', now() + interval '1 day', 'on call'), tenancy.allow_elevation('acme', 'organization/admin', 'group/on call', '1 hour', 10),
  tenancy.set_group_role('acme/support', 'on call', 'member', reason => 'week 48'), tenancy.invite('acme', 'new@acme.test') IS NOT NULL AS invited, tenancy.grant_permission('acme', 'workspace', 'member', 'prompts', 'publish', now() + interval '1 day', 'launch');
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT principal_kind, name, access, workspace, via, since <= now() AS since, until > now() AS until, reason, given_by, CASE WHEN principal_kind !~ 'key' THEN last_used IS NOT NULL END AS used, nullif(remark, 'never used') AS remark FROM tenancy.access_review()
WHERE name NOT IN ('ben@acme.test', 'mona@acme.test', 'wanda@acme.test', 'zoe@acme.test');
SELECT who, by(who, 'SELECT count(*) > 0 FROM tenancy.access_review()') FROM unnest(ARRAY['adam', 'mona', 'mike', 'acme master', 'search service', 'gus', 'nobody']) who;
SELECT by('olivia', $$SELECT count(*) FROM tenancy.access_review('globex')$$) AS foreign_one, by('gus', $$SELECT count(*) FILTER (WHERE name LIKE '%acme%') FROM tenancy.access_review()$$) AS of_others;
-- Issuers are shown to whoever may change them: others see that tokens give a role, and not whose
RESET SESSION AUTHORIZATION;
CALL become('nobody');
SELECT tenancy.trust_issuer('acme', 'https://idp.acme.test', '{"keys": [{"kid": "1", "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}', ARRAY['database'], groups_claim => 'groups'), tenancy.create_group('acme', 'by tokens', 'https://idp.acme.test') IS NOT NULL AS made,
  tenancy.set_group_role('acme/support', 'by tokens', 'member'), tenancy.create_role('acme', 'organization', 'reviewer', 'member') IS NOT NULL AS role, tenancy.grant_permission('acme', 'organization', 'reviewer', 'team', 'assign_roles'), tenancy.set_organization_role('acme', 'nora@acme.test', 'reviewer');
SET SESSION AUTHORIZATION regress_app;
-- The maker of an issuer, by another address, and gone
CALL become('olivia');
SELECT tenancy.set_organization_role(NULL, 'mike@acme.test', 'owner', 'infinity');
CALL become('mike');
SELECT tenancy.trust_issuer(NULL, 'https://of-mike.acme.test', '{"keys": [{"kid": "2", "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}', ARRAY['database']);
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT name, given_by, remark FROM tenancy.access_review('acme') WHERE name ~ 'of-mike';
UPDATE tenancy.users SET email = 'michael@acme.test' WHERE email = 'mike@acme.test';
SELECT name, given_by, remark FROM tenancy.access_review('acme') WHERE name ~ 'of-mike';
UPDATE tenancy.users SET active = false WHERE email = 'michael@acme.test';
SELECT name, given_by, remark FROM tenancy.access_review('acme') WHERE name ~ 'of-mike';
UPDATE tenancy.users SET email = 'mike@acme.test', active = true WHERE email = 'michael@acme.test';
SELECT tenancy.trust_issuer('acme', 'https://of-mike.acme.test', NULL, NULL), tenancy.set_organization_role('acme', 'mike@acme.test', 'member');
SET SESSION AUTHORIZATION regress_app;
SELECT who, by(who, $$SELECT string_agg(name || ': ' || via, ', ' ORDER BY name, via) FROM tenancy.access_review() WHERE concat_ws(' ', name, via) ~ 'idp|tokens'$$) FROM unnest(ARRAY['olivia', 'nora']) who;
