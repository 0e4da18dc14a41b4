-- The shortcuts of examples/psqlrc. What most of them print has ids and times: here an error would appear.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set shortcuts :srcdir '/examples/psqlrc'
BEGIN;
SELECT count(*) FROM tenancy.create_organization('Shortcuts', 'olivia@shortcuts.example');
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
