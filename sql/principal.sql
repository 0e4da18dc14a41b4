-- The session's principal: section 7 of the access model.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
CREATE VIEW me AS SELECT kind, source, organization, workspace, email, api_key_id, login, expires_at FROM tenancy.whoami();
GRANT SELECT ON me TO PUBLIC;

CREATE FUNCTION whois(who text) RETURNS SETOF me LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  RETURN QUERY EXECUTE 'SELECT * FROM app.me';
END
$$;
SET SESSION AUTHORIZATION regress_app;
SELECT p.who, i.kind, i.source, i.organization, i.workspace, i.email, i.api_key_id FROM people p, whois(p.who) i ORDER BY p.n;
CALL become('mike key');
SELECT tenancy.current_organization_id(), tenancy.current_workspace_id(), tenancy.current_user_id(), tenancy.current_api_key_id();
SELECT entity, tenancy.current_external_id(entity) FROM unnest(ARRAY['organization', 'workspace', 'user', 'api_key']) entity;
SELECT tenancy.current_external_id('key');
CALL become('nobody');
SELECT tenancy.current_organization_id(), tenancy.current_workspace_id(), tenancy.current_user_id(), tenancy.current_api_key_id();
SELECT entity, tenancy.current_external_id(entity) FROM unnest(ARRAY['organization', 'workspace', 'user', 'api_key']) entity;

-- A user is named by id, external id, or address in any case.
SELECT name, set_config('tenancy.user', name, false) <> '' AS set, (SELECT email FROM tenancy.whoami())
FROM unnest(ARRAY['mike@acme.test', 'MIKE@acme.TEST', '104', 'cccccccc-0000-4000-8000-000000000004']) name;
RESET "tenancy.user";

-- Secrets aren't shown.
SELECT secret AS mike_secret FROM secrets WHERE name = 'mike key' \gset
SET tenancy.api_key = :'mike_secret';
SELECT current_setting('tenancy.api_key') = left(:'mike_secret', 8) || '…' AS masked, setting = current_setting('tenancy.api_key') AS in_pg_settings, reset_val, boot_val
FROM pg_settings WHERE name = 'tenancy.api_key';
SELECT set_config('tenancy.api_key', :'mike_secret', false) = left(:'mike_secret', 8) || '…' AS masked;
SET tenancy.api_key = 'pgt_not a key';
SHOW tenancy.api_key;
RESET tenancy.api_key;

-- SET, SET LOCAL, RESET, DISCARD ALL, savepoints, rollback
SET tenancy.api_key = :'mike_secret';
SELECT kind FROM me;
BEGIN;
SET LOCAL tenancy.api_key = '';
SELECT kind FROM me;
SAVEPOINT s;
SET LOCAL "tenancy.user" = 'olivia@acme.test';
SELECT kind, email FROM me;
ROLLBACK TO s;
SELECT kind FROM me;
COMMIT;
SELECT kind FROM me;
BEGIN;
RESET tenancy.api_key;
SELECT kind FROM me;
ROLLBACK;
SELECT kind FROM me;
DISCARD ALL;
SELECT kind FROM app.me;
SET search_path = app;
CREATE FUNCTION pg_temp.as_olivia() RETURNS text LANGUAGE sql SET "tenancy.user" = 'olivia@acme.test' AS 'SELECT email FROM app.me';
SELECT pg_temp.as_olivia(), kind FROM me;
SELECT kind FROM me;

-- Wrong credentials: the same message whatever is wrong with a key
RESET SESSION AUTHORIZATION;
SELECT format('%s%s', left(:'mike_secret', 10), 'x') AS truncated, upper(:'mike_secret') AS upper_case, tenancy_internal.generate_api_key() AS unknown \gset
SET SESSION AUTHORIZATION regress_app;
SELECT 'malformed' AS key, state, message, hint FROM failure('SET LOCAL tenancy.api_key = ''x''; SELECT * FROM tenancy.whoami()')
UNION ALL SELECT 'blank', state, message, hint FROM failure('SET LOCAL tenancy.api_key = '' ''; SELECT * FROM tenancy.whoami()')
UNION ALL SELECT 'truncated', state, message, hint FROM failure(format('SET LOCAL tenancy.api_key = %L; SELECT * FROM tenancy.whoami()', :'truncated'))
UNION ALL SELECT 'upper case', state, message, hint FROM failure(format('SET LOCAL tenancy.api_key = %L; SELECT * FROM tenancy.whoami()', :'upper_case'))
UNION ALL SELECT 'unknown', state, message, hint FROM failure(format('SET LOCAL tenancy.api_key = %L; SELECT * FROM tenancy.whoami()', :'unknown'))
UNION ALL SELECT 'long', state, message, hint FROM failure(format('SET LOCAL tenancy.api_key = %L; SELECT * FROM tenancy.whoami()', repeat('x', 1000000)))
UNION ALL SELECT 'right', state, message, hint FROM failure(format('SET LOCAL tenancy.api_key = %L; SELECT * FROM tenancy.whoami()', :'mike_secret'));
RESET SESSION AUTHORIZATION;
CREATE FUNCTION refused(change text) RETURNS TABLE (before text, after text) LANGUAGE plpgsql AS $$
BEGIN
  before := app.visible('mike key', 'tenancy.current_api_key_id() k(id)');
  EXECUTE change;
  after := app.visible('mike key', 'tenancy.current_api_key_id() k(id)');
  RETURN NEXT;
END
$$;
BEGIN;
SELECT * FROM refused('UPDATE tenancy.api_keys SET revoked_at = now() WHERE name = ''mike key''');
ROLLBACK;
BEGIN;
SELECT * FROM refused('UPDATE tenancy.api_keys SET deleted_at = now() WHERE name = ''mike key''');
ROLLBACK;
BEGIN;
SELECT * FROM refused('UPDATE tenancy.api_keys SET expires_at = now() WHERE name = ''mike key''');
ROLLBACK;
BEGIN;
SELECT * FROM refused('DELETE FROM tenancy.api_key_secrets');
ROLLBACK;
BEGIN;
SELECT * FROM refused('UPDATE tenancy.api_key_secrets SET valid_until = now(), is_current = false');
ROLLBACK;
-- A key that expires says when.
UPDATE tenancy.api_keys SET expires_at = '2100-01-01 00:00:00 UTC' WHERE name = 'mike key';
SELECT expires_at AT TIME ZONE 'UTC' AS expires_at FROM whois('mike key');

-- The user that a key, a setting or a login names must be one.
SET SESSION AUTHORIZATION regress_app;
SELECT p, state, message, hint FROM unnest(ARRAY['nobody@acme.test', 'mike', '']) p,
  failure(format('SET LOCAL "tenancy.user" = %L; SELECT * FROM tenancy.whoami()', p));
SELECT state, message, hint FROM failure('SET LOCAL "tenancy.user" = ''mike@acme.test''; SET LOCAL tenancy.api_key = ''x''; SELECT * FROM tenancy.whoami()');
SET SESSION AUTHORIZATION regress_plain;
SELECT kind, source, login FROM me;
SELECT state, message, hint FROM failure('SET LOCAL "tenancy.user" = ''mike@acme.test''; SELECT * FROM tenancy.whoami()');
SELECT state, message, hint FROM failure('SET LOCAL "tenancy.user" = ''nobody@acme.test''; SELECT * FROM tenancy.whoami()');
SET SESSION AUTHORIZATION regress_bound;
SELECT kind, source, organization, email, login FROM me;
SELECT kind, source, api_key_id FROM whois('search service');
SELECT state, message, hint FROM failure('SET LOCAL "tenancy.user" = ''olivia@acme.test''; SELECT * FROM tenancy.whoami()');
SET SESSION AUTHORIZATION regress_plain;
SELECT kind, source, email, login FROM me;
-- SET ROLE doesn't change who logged in.
RESET SESSION AUTHORIZATION;
GRANT regress_bound TO regress_plain;
SET SESSION AUTHORIZATION regress_plain;
SET ROLE regress_bound;
SELECT kind, source, email, login FROM me;
RESET SESSION AUTHORIZATION;
REVOKE regress_bound FROM regress_plain;

-- Inactive users are locked out, and so are their keys.
UPDATE tenancy.users SET active = false WHERE email = 'mike@acme.test';
SET SESSION AUTHORIZATION regress_app;
SELECT visible('mike', 'tenancy.current_user_id() u(id)'), visible('mike key', '(SELECT tenancy.authorize(''prompts'', ''view'') AS id) a');
CALL become('mike key');
SELECT kind FROM me;
CALL become('nobody');
SET SESSION AUTHORIZATION regress_bound;
SELECT * FROM me;
RESET SESSION AUTHORIZATION;
UPDATE tenancy.users SET active = true WHERE email = 'mike@acme.test';
SET SESSION AUTHORIZATION regress_app;
SELECT visible('mike key', '(SELECT tenancy.authorize(''prompts'', ''view'') AS id) a');
RESET SESSION AUTHORIZATION;

-- Several organizations: one must be chosen, and must be the user's.
SELECT tenancy.set_organization_role('globex', 'mike@acme.test', 'member');
SET SESSION AUTHORIZATION regress_app;
SET "tenancy.user" = 'mike@acme.test';
SELECT organization FROM me;
SET tenancy.organization = 'acme';
SELECT organization FROM me;
SET tenancy.organization = '2';
SELECT organization FROM me;
SET tenancy.organization = 'initech';
SELECT organization FROM me;
SET "tenancy.user" = 'olivia@acme.test';
SET tenancy.organization = 'globex';
SELECT organization FROM me;
SET tenancy.organization = 'acme';
SELECT organization FROM me;
CALL become('mike key');
SELECT organization FROM me;
SET tenancy.organization = 'globex';
SELECT organization FROM me;
RESET tenancy.organization;
CALL become('nobody');
-- a login stays in the organization that it was bound in; one without, as 1.0 made them, acts in none of several, whichever it names
SET SESSION AUTHORIZATION regress_bound;
SELECT organization FROM me;
RESET SESSION AUTHORIZATION;
UPDATE tenancy.login_bindings SET organization_id = NULL WHERE login = 'regress_bound'::regrole;
SET SESSION AUTHORIZATION regress_bound;
SELECT organization FROM me;
SET tenancy.organization = 'acme';
SELECT organization FROM me;
RESET SESSION AUTHORIZATION;
SELECT tenancy.remove_organization_member('globex', 'mike@acme.test');
-- but in the only one, and the setting must agree
SET SESSION AUTHORIZATION regress_bound;
SELECT organization FROM me;
SET tenancy.organization = 'globex';
SELECT organization FROM me;
RESET tenancy.organization;
RESET SESSION AUTHORIZATION;

-- tenancy.workspace narrows everything, and never widens.
\o /dev/null
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id', create_indexes => true);
CREATE TABLE by_organization AS SELECT * FROM logs;
SELECT tenancy.protect('by_organization', 'logs', organization => 'organization_id', owner => 'user_id', create_indexes => true);
\o
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SET tenancy.workspace = 'support';
SELECT p.who, visible(p.who, 'app.logs') AS logs, visible(p.who, 'app.by_organization') AS by_organization FROM people p ORDER BY p.n;
SET tenancy.workspace = 'aaaaaaaa-0000-4000-8000-000000000002';
SELECT visible('olivia', 'app.logs') AS logs, visible('gus', 'app.logs') AS other_organization;
SELECT workspace, tenancy.current_workspace_id() FROM whois('olivia');
SET tenancy.workspace = 'no-such';
SELECT visible('olivia', 'app.logs') AS logs;
RESET tenancy.workspace;
SELECT visible('olivia', 'app.logs') AS logs;

-- anonymous_access = error: a query on a protected table says that nobody asks.
SELECT visible('nobody', 'app.logs') AS logs;
SET tenancy.anonymous_access = error;
RESET SESSION AUTHORIZATION;
SET tenancy.anonymous_access = error;
SET SESSION AUTHORIZATION regress_app;
SELECT visible('nobody', 'app.logs') AS logs, visible('mike', 'app.logs') AS mikes;
SELECT attempt('nobody', 'INSERT INTO app.logs (id) VALUES (100)'), attempt('nobody', 'UPDATE app.logs SET body = ''''');
SELECT kind FROM me;
RESET SESSION AUTHORIZATION;
RESET tenancy.anonymous_access;
-- Settings for superusers, and names that aren't settings
SET SESSION AUTHORIZATION regress_app;
SET tenancy.specialize = off;
SET tenancy.log_denied = on;
SET tenancy.usr = 'mike@acme.test';
RESET SESSION AUTHORIZATION;
