-- Whatever is accepted or given ends with the right by which it was offered or given, also where that gets its end afterwards.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SELECT coalesce(max(audit_id), 0) AS begins FROM tenancy.audit_log \gset
SET client_min_messages = warning;
GRANT ALL ON ALL TABLES IN SCHEMA app TO regress_plain;
CREATE FUNCTION by(who text, command text, chosen text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  PERFORM set_config('tenancy.organization', chosen, true);
  IF who LIKE '%@%' THEN
    CALL app.become('nobody', true);
    PERFORM set_config('tenancy.user', who, true);
  ELSE
    CALL app.become(who, true);
  END IF;
  EXECUTE command INTO result;
  RETURN coalesce(nullif(result, ''), 'done');
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s: %s', SQLSTATE, regexp_replace(SQLERRM, '[0-9: .+-]{15,}', '…'));
END
$$;
-- Who has what until when, in days from now.
CREATE FUNCTION ends_of(address text) RETURNS TABLE (place text, role text, days numeric) LANGUAGE sql SECURITY DEFINER SET search_path = tenancy AS $$
  SELECT coalesce(w.slug, 'acme'), r.name, round(extract(epoch FROM s.ends_at - now()) / 86400, 2)
  FROM (SELECT m.organization_id, NULL::uuid AS workspace_id, m.user_id, m.role_id, m.ends_at FROM tenancy.organization_members m
        UNION ALL SELECT m.organization_id, m.workspace_id, m.user_id, m.role_id, m.ends_at FROM tenancy.workspace_members m) s
  JOIN tenancy.users u USING (user_id) JOIN tenancy.roles r USING (role_id) LEFT JOIN tenancy.workspaces w USING (workspace_id)
  WHERE u.email = address ORDER BY w.slug NULLS FIRST $$;
SELECT tenancy.create_role('acme', 'organization', 'recruiter', 'member') IS NOT NULL AS made, tenancy.grant_permission('acme', 'organization', 'recruiter', 'team', 'add_users'), tenancy.grant_permission('acme', 'organization', 'recruiter', 'team', 'assign_roles');
SELECT tenancy.create_group('acme', 'recruiters') IS NOT NULL AS made, tenancy.sync_group('acme', 'recruiters', ARRAY['nora@acme.test']), tenancy.set_group_role('acme', 'recruiters', 'recruiter'),
  tenancy.create_group('acme', 'managers') IS NOT NULL AS made_too, tenancy.sync_group('acme', 'managers', ARRAY['nora@acme.test']), tenancy.set_group_role('acme/search', 'managers', 'manager'), tenancy.set_group_role('acme/support', 'managers', 'manager');

-- Invitations by nora, who may invite by a group's role and gives search by another's: what gets an end afterwards, and what has it at the end
\set invites 'BEGIN; SET LOCAL SESSION AUTHORIZATION regress_app; SELECT by(''nora'', $x$SELECT tenancy.invite(NULL, ''new@acme.test'', ''member'', ''{"search": "member"}'') IS NOT NULL$x$) AS invites; CALL become(''nobody''); RESET SESSION AUTHORIZATION;'
\set accepts 'SET LOCAL SESSION AUTHORIZATION regress_app; SELECT by(''new@acme.test'', ''SELECT tenancy.accept_invitation(i.invitation_id) FROM tenancy.my_organizations() i'') AS accepts; RESET SESSION AUTHORIZATION; SELECT * FROM ends_of(''new@acme.test''); ROLLBACK;'
-- Nothing ends
:invites
:accepts
-- The organization role of a group
:invites
SELECT tenancy.set_group_role('acme', 'recruiters', 'recruiter', now() + interval '1 day');
:accepts
-- The workspace role of a group: only what is given by it
:invites
SELECT tenancy.set_group_role('acme/search', 'managers', 'manager', now() + interval '2 days');
:accepts
-- Membership of the group
:invites
SELECT tenancy.sync_group('acme', 'recruiters', ARRAY['nora@acme.test'], now() + interval '3 days');
:accepts
-- Membership of the organization
:invites
SELECT tenancy.set_organization_role('acme', 'nora@acme.test', 'member', now() + interval '4 days');
:accepts
-- A permission of a role
:invites
UPDATE tenancy.grants g SET ends_at = now() + interval '5 days' FROM tenancy.roles r WHERE r.role_id = g.role_id AND r.name = 'recruiter' AND g.action = 'add_users';
:accepts
-- A role that is not needed
:invites
SELECT tenancy.set_group_role('acme/support', 'managers', 'manager', now() + interval '6 days');
:accepts
-- Two of them, and what remains where one of them ends
:invites
SELECT tenancy.set_group_role('acme/search', 'managers', 'manager', now() + interval '7 days'), tenancy.set_group_role('acme', 'recruiters', 'recruiter', now() + interval '8 days');
:accepts
:invites
SELECT tenancy.set_group_role('acme/search', 'managers', 'manager', now() + interval '9 days'), tenancy.set_workspace_role('acme/search', 'nora@acme.test', 'manager');
:accepts
-- It has ended
:invites
UPDATE tenancy.group_roles SET ends_at = clock_timestamp() WHERE workspace_id IS NULL;
:accepts
-- Denied to the offered role until a moment, and not held by whoever has invited: it is given all the same, from then on
:invites
SELECT tenancy.revoke_permission('acme', 'workspace', 'manager', 'logs', 'export'), tenancy.revoke_permission('acme', 'workspace', 'member', 'logs', 'export', now() + interval '1 day');
:accepts
-- By a key that ends
BEGIN;
SET LOCAL SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT set_config('tenancy.api_key', k.secret, true) IS NOT NULL AND set_config('tenancy.user', '', true) IS NOT NULL AS key FROM tenancy.create_api_key('organization_service_key', 'hers', scopes => '"all"', expires_at => now() + interval '10 days') k;
SELECT (failure($$SELECT tenancy.invite(NULL, 'new@acme.test')$$)).message LIKE '%would outlive the rights%' AS refused;
ROLLBACK;
BEGIN;
SET LOCAL SESSION AUTHORIZATION regress_app;
CALL become('acme master');
SELECT tenancy.invite(NULL, 'new@acme.test') IS NOT NULL AS invited;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
UPDATE tenancy.api_keys SET expires_at = now() + interval '10 days' WHERE name = 'acme master';
:accepts
-- What trusts and links are worth ends with the rights as well: who has an end makes none
SELECT tenancy.set_organization_role('acme', 'adam@acme.test', 'owner', now() + interval '1 day');
SET SESSION AUTHORIZATION regress_app;
SELECT by('adam', $x$SELECT tenancy.trust_issuer(NULL, 'https://idp.acme.test', '{"keys": [{"kid": "1", "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}', ARRAY['database'])$x$) AS trust;
SELECT by('olivia', $x$SELECT tenancy.trust_issuer(NULL, 'https://idp.acme.test', '{"keys": [{"kid": "1", "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}', ARRAY['database'])$x$) AS trust;
SELECT by('adam', $x$SELECT tenancy.link_identity('https://idp.acme.test', 'sub', 'mike@acme.test')$x$) AS link, by('olivia', $x$SELECT tenancy.link_identity('https://idp.acme.test', 'sub', 'mike@acme.test')$x$) AS by_who_has_none;
SELECT by('adam', $x$SELECT tenancy.trust_issuer(NULL, 'https://idp.acme.test', NULL, NULL)$x$) AS ended, by('olivia', $x$SELECT tenancy.trust_issuer(NULL, 'https://idp.acme.test', NULL, NULL)$x$) AS by_who_has_none;
SELECT by('adam', $x$SELECT tenancy.set_logging(NULL, 'audit_retention_days', '365')$x$) AS setting, by('adam', $x$SELECT tenancy.reset_logging(NULL, 'audit_retention_days')$x$) AS reset;
-- Without an organization: the session's own, and for those who have none an error that says so
SELECT call, by('adam', 'SELECT ' || call) AS somebody, by('nobody', 'SELECT ' || call) AS nobody
FROM unnest(ARRAY[$$tenancy.create_group(NULL, 'g') IS NOT NULL$$, $$tenancy.drop_group(NULL, 'g')$$, $$tenancy.sync_group(NULL, 'recruiters', ARRAY['nora@acme.test'], now() + interval '1 hour')$$, $$tenancy.set_group_role(NULL, 'recruiters', 'member', now() + interval '1 hour')$$,
  $$tenancy.set_member(NULL, 'mike@acme.test', 'Mike')$$]) call;
RESET SESSION AUTHORIZATION;
CALL become('nobody');
SELECT call, f.state, f.message FROM unnest(ARRAY[$$tenancy.create_group(NULL, 'g')$$, $$tenancy.drop_group(NULL, 'g')$$, $$tenancy.sync_group(NULL, 'recruiters', '{}')$$, $$tenancy.set_group_role(NULL, 'recruiters', 'member')$$, $$tenancy.set_member(NULL, 'mike@acme.test', 'Mike')$$]) call, failure('SELECT ' || call) f;

-- Rights that end take away nothing that would outlast them, also by an end
SELECT tenancy.create_group('acme', 'guests') IS NOT NULL AS made, tenancy.create_role('acme', 'workspace', 'auditor') IS NOT NULL AS made, tenancy.grant_permission('acme', 'workspace', 'auditor', 'prompts', 'view');
SET SESSION AUTHORIZATION regress_app;
SELECT who, call, by(who, format('SELECT tenancy.sync_group(NULL, ''guests'', %s)', call)) FROM (VALUES
  ('adam', $$'{mike@acme.test}', now() + interval '2 hours'$$), ('adam', $$'{mike@acme.test}', now() + interval '1 hour'$$), ('adam', $$'{ben@acme.test}', now() + interval '1 hour'$$), ('adam', $$'{ben@acme.test}'$$),
  ('olivia', $$'{ben@acme.test}', now() + interval '3 days'$$), ('adam', $$'{ben@acme.test}', now() + interval '1 hour'$$), ('adam', $$'{}', now() + interval '1 hour'$$), ('olivia', $$'{ben@acme.test}', 'infinity'$$),
  ('adam', $$'{ben@acme.test}', now() + interval '1 hour'$$), ('adam', $$'{mike@acme.test}', now() + interval '1 hour'$$), ('olivia', $$'{mike@acme.test}', now() + interval '1 hour'$$), ('adam', $$'{}', now() + interval '1 hour'$$)) v (who, call);
SELECT who, call, by(who, format('SELECT tenancy.grant_permission(NULL, ''workspace'', ''auditor'', ''prompts'', %s)', call)) FROM (VALUES
  ('adam', $$'list', now() + interval '2 hours'$$), ('adam', $$'list', now() + interval '1 hour'$$), ('adam', $$'view', now() + interval '1 hour'$$), ('olivia', $$'view', now() + interval '3 days'$$), ('adam', $$'view', now() + interval '1 hour'$$),
  ('olivia', $$'view', now() + interval '1 hour'$$), ('adam', $$'view', now() + interval '30 minutes'$$)) v (who, call);
RESET SESSION AUTHORIZATION;
CALL become('nobody');
SELECT tenancy.drop_group('acme', 'guests'), tenancy.drop_role('acme', 'workspace', 'auditor');

-- Permissions of a role until a moment, for a reason
SELECT tenancy.create_role('acme', 'workspace', 'reader') IS NOT NULL AS made, tenancy.grant_permission('acme', 'workspace', 'reader', 'prompts', 'view', now() + interval '1 day', 'audit'), tenancy.set_workspace_role('acme/search', 'nora@acme.test', 'reader');
SELECT g.resource, g.action, g.allowed, g.ends_at > now() AS ends, g.reason FROM tenancy.grants g JOIN tenancy.roles r USING (role_id) WHERE r.name = 'reader';
SELECT call, f.state, f.message, f.hint FROM unnest(ARRAY[
  $$tenancy.grant_permission('acme', 'workspace', 'reader', 'prompts', 'view', now())$$, $$tenancy.grant_permission('acme', 'workspace', 'manager', 'logs', 'view', now() + interval '1 day')$$,
  $$tenancy.revoke_permission('acme', 'workspace', 'reader', 'prompts', 'view', now() + interval '1 day')$$]) call, failure('SELECT ' || call) f;
-- As before, without an end, and denied for a while
SELECT tenancy.grant_permission('acme', 'workspace', 'reader', 'prompts', 'view');
SELECT g.ends_at > now() AS as_before, g.reason FROM tenancy.grants g JOIN tenancy.roles r USING (role_id) WHERE r.name = 'reader';
SELECT tenancy.grant_permission('acme', 'workspace', 'reader', 'prompts', 'view', 'infinity');
SELECT g.ends_at IS NULL AS no_end, g.reason FROM tenancy.grants g JOIN tenancy.roles r USING (role_id) WHERE r.name = 'reader';
SELECT f.state, f.message, f.hint FROM failure($$SELECT tenancy.revoke_permission('acme', 'workspace', 'reader', 'prompts', 'view', now() + interval '1 day')$$) f;
SELECT tenancy.revoke_permission('acme', 'workspace', 'manager', 'prompts', 'view', now() + interval '1 day', 'leak');
SELECT f.state, f.message, f.hint FROM failure($$SELECT tenancy.grant_permission('acme', 'workspace', 'manager', 'prompts', 'view', now() + interval '1 hour')$$) f;
SET SESSION AUTHORIZATION regress_app;
SELECT by('mona', $$SELECT tenancy.authorize('prompts', 'view', 'search')$$) AS denied_for_a_day, by('nora', $$SELECT tenancy.authorize('prompts', 'view', 'search')$$) AS granted;
RESET SESSION AUTHORIZATION;
CALL become('nobody');
-- A copy has its permissions as long as the original; a setting in its place has no end
UPDATE tenancy.grants g SET ends_at = now() + interval '1 day', reason = 'audit' FROM tenancy.roles r WHERE r.role_id = g.role_id AND r.name = 'reader';
SELECT tenancy.create_role('acme', 'workspace', 'copy', 'reader') IS NOT NULL AS copied, tenancy.create_role('acme', 'workspace', 'deputy', 'manager') IS NOT NULL AS copied_too;
SELECT r.name, count(*) FILTER (WHERE g.ends_at IS NOT NULL) AS ending, bool_or(g.action = 'view' AND g.resource = 'prompts') AS views_prompts FROM tenancy.grants g JOIN tenancy.roles r USING (role_id) WHERE r.name IN ('copy', 'deputy') GROUP BY 1 ORDER BY 1;
SELECT tenancy.set_setting('acme', 'managers_view_prompts', false);
SELECT count(*) AS denied, count(g.ends_at) AS ending, count(g.reason) AS reasons FROM tenancy.grants g JOIN tenancy.roles r USING (role_id) WHERE r.name = 'manager' AND g.organization_id IS NOT NULL;
SELECT tenancy.reset_setting('acme', 'managers_view_prompts');
-- At the end: grants and denials alike, in rows, answers and explanations
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', api_key => 'api_key_id');
SELECT tenancy.drop_group('acme', 'managers'), tenancy.remove_workspace_member('acme/search', 'nora@acme.test');
SELECT tenancy.grant_permission('acme', 'workspace', 'copy', 'logs', 'view', clock_timestamp() + interval '2 s'), tenancy.set_workspace_role('acme/support', 'nora@acme.test', 'copy'),
  tenancy.revoke_permission('acme', 'workspace', 'manager', 'logs', 'view', clock_timestamp() + interval '2 s');
SET SESSION AUTHORIZATION regress_app;
CALL become('nora');
SET plan_cache_mode = force_generic_plan;
PREPARE ids AS SELECT string_agg(id::text, ' ' ORDER BY id) FROM logs;
EXECUTE ids;
EXECUTE ids;
SELECT visible('mona', 'logs') AS mona, visible('nora', 'logs') AS nora;
CALL become('nora');
SELECT pg_sleep(2.1);
EXECUTE ids;
EXECUTE ids;
SELECT visible('mona', 'logs') AS mona, visible('nora', 'logs') AS nora;
CALL become('mona');
SELECT rule, source, result FROM tenancy.explain_authorize('logs', 'view', 'search') WHERE rule LIKE 'grant%';
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT value, source FROM tenancy.settings('acme') WHERE setting = 'managers_view_logs';
-- Each leaves an entry
SELECT action, after ->> 'reason' AS reason FROM tenancy.audit_log WHERE resource_type = 'grant' AND after ->> 'reason' IS NOT NULL AND audit_id > :begins ORDER BY audit_id;
