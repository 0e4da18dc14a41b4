-- A credential that is confined to a workspace learns of no other: a setting that names another one is an error like one that names none,
-- and no hint has a name. Ben is in search and in support.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\pset format unaligned
SELECT tenancy.bind_login('regress_bound', 'ben@acme.test', 'acme', 'search');
-- What the application would be told
CREATE FUNCTION told(setting text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  hint text;
BEGIN
  PERFORM set_config('tenancy.workspace', told.setting, true);
  RETURN 'none, in ' || (tenancy.whoami()).workspace;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(' ', SQLSTATE, SQLERRM || '.', detail, hint);
END
$$;
\set names '(VALUES (1, \'search\'), (2, \'support\'), (3, \'suport\'), (4, \'serch\'), (5, \'acme/support\'), (6, \'globex/lab\'), (7, \'13\'), (8, \'99\')) n (i, name)'
SET SESSION AUTHORIZATION regress_bound;
SELECT name, told(name) FROM :names ORDER BY i;
SET SESSION AUTHORIZATION DEFAULT;
-- By a login that is not confined, the names of the user's own workspaces are hints.
SELECT tenancy.bind_login('regress_bound', 'ben@acme.test', 'acme');
SET SESSION AUTHORIZATION regress_bound;
SELECT name, told(name) FROM :names ORDER BY i;
SET SESSION AUTHORIZATION DEFAULT;
-- A key of one workspace
SELECT secret FROM secrets WHERE name ~ 'search' LIMIT 1 \gset
SET SESSION AUTHORIZATION regress_plain;
SET tenancy.api_key = :'secret';
SELECT name, told(name) FROM :names ORDER BY i;
RESET tenancy.api_key;
SET SESSION AUTHORIZATION DEFAULT;
-- A login of one workspace is less than its user, as a token is: it takes no role that would count in the user's other sessions, and ends no keys.
BEGIN;
\o /dev/null
SELECT tenancy.allow_elevation('acme', 'workspace/manager', 'ben@acme.test', '1 hour');
\o
CREATE FUNCTION takes(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SELECT %s', call);
  RETURN 'done';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
\set calls '(VALUES (3, \'tenancy.elevate(\'\'manager\'\', \'\'ticket\'\', \'\'1 hour\'\', \'\'support\'\')\'), (1, \'tenancy.revoke_api_keys(\'\'ben@acme.test\'\')\'), (2, \'tenancy.update_user(NULL, name => \'\'B\'\')\'), (4, \'tenancy.leave_organization(\'\'acme\'\')\'), (5, \'count(*) FROM tenancy.my_organizations()\')) n (i, call)'
SELECT tenancy.bind_login('regress_bound', 'ben@acme.test', 'acme', 'support');
SET SESSION AUTHORIZATION regress_bound;
SELECT call, takes(call) FROM :calls ORDER BY i;
SET SESSION AUTHORIZATION DEFAULT;
SELECT tenancy.bind_login('regress_bound', 'ben@acme.test', 'acme');
SET SESSION AUTHORIZATION regress_bound;
SELECT call, takes(call) FROM :calls ORDER BY i;
SET SESSION AUTHORIZATION DEFAULT;
ROLLBACK;
