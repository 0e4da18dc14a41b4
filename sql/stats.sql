-- stats(): how often things happened in this session. What the server counts is in test/tap/monitoring.pl.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = warning;
\o /dev/null
SELECT tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id', 'api_key_id');
SELECT secret FROM secrets WHERE name = 'mike key' \gset
\o
RESET client_min_messages;
CREATE TABLE before AS SELECT * FROM tenancy.stats();
-- Counts since the last call; the two of a hot path only by their order of magnitude.
CREATE FUNCTION news() RETURNS TABLE (counter text, happened text) LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  RETURN QUERY SELECT s.counter, CASE WHEN s.counter IN ('cache_hits', 'specializations', 'invalidations') THEN 'yes' ELSE (s.session - b.session)::text END
  FROM tenancy.stats() s JOIN app.before b USING (counter) WHERE s.session > b.session ORDER BY s.counter;
  DELETE FROM app.before;
  INSERT INTO app.before SELECT * FROM tenancy.stats();
END
$$;
SELECT counter, server FROM tenancy.stats();
SET SESSION AUTHORIZATION regress_plain;
SELECT * FROM tenancy.stats();
SELECT count(*) FROM logs;
SELECT * FROM news();
SET tenancy.api_key = :'secret';
SELECT count(*) FROM logs;
SELECT count(*) FROM logs;
SELECT * FROM news();
SET tenancy.api_key = 'pgt_x';
SELECT count(*) FROM logs;
SET tenancy.api_key = '';
SET tenancy.jwt = 'x.y.z';
SELECT count(*) FROM logs;
SET tenancy.jwt = '';
SET tenancy."user" = 'mike@acme.test';
SELECT count(*) FROM logs;
SET tenancy."user" = '';
SELECT * FROM news() WHERE counter ~ 'denied';
SET tenancy.api_key = :'secret';
SELECT tenancy.require('billing', 'manage');
SELECT tenancy.require('logs', 'view');
SELECT * FROM news() WHERE counter ~ 'denied';
-- The guard: a cursor that goes on as somebody else
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM logs;
FETCH c;
SET LOCAL tenancy.api_key = '';
FETCH c;
ROLLBACK;
SELECT * FROM news() WHERE counter ~ 'guard';
RESET tenancy.api_key;
RESET SESSION AUTHORIZATION;
SET tenancy.anonymous_access = error;
SET SESSION AUTHORIZATION regress_plain;
SELECT count(*) FROM logs;
RESET SESSION AUTHORIZATION;
RESET tenancy.anonymous_access;
SELECT * FROM news() WHERE counter ~ 'denied';
-- A change of rights
SELECT tenancy.set_setting('acme', 'members_view_logs', false);
SELECT * FROM news() WHERE counter = 'invalidations';
-- For monitoring
GRANT pg_monitor TO regress_plain;
SET SESSION AUTHORIZATION regress_plain;
SELECT count(*) FROM tenancy.stats() WHERE session >= 0;
RESET SESSION AUTHORIZATION;
