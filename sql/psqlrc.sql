-- The shortcuts of examples/psqlrc. What most of them print has ids and times: here an error would appear.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set shortcuts :srcdir '/examples/psqlrc'
BEGIN;
SELECT count(*) FROM tenancy.create_organization('Shortcuts', 'olivia@shortcuts.example');
-- Functions and operators of others are not found, whatever the search path says.
CREATE FUNCTION public.refused(uuid, uuid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'somebody else''s'; END $$;
CREATE FUNCTION public.refused(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'somebody else''s'; END $$;
CREATE OPERATOR public.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = public.refused);
CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.refused);
CREATE FUNCTION public.refusing(bigint, uuid) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE 'somebody else''s'; END $$;
CREATE AGGREGATE public.count(uuid) (SFUNC = public.refusing, STYPE = bigint);
SET LOCAL search_path = public, pg_catalog;
\i :shortcuts
\set org shortcuts
\o /dev/null
:whoami
:advise
:fixes
:protected
:orgs
:keys
:matrix
:help
:workspaces
:settings
:roles
:resources
:logins
:audit
:groups
:invitations
:review
:review_keys
:logging
:stats
\o
:members
ROLLBACK;
