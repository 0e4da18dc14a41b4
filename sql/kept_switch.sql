-- Retention is of one principal in one query: a function of the query makes the session somebody else, for whom no row has expired,
-- while the policy's sub-select is evaluated, and back.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\pset format unaligned
SET client_min_messages = warning;
CREATE TABLE old (id int, organization_id uuid, workspace_id uuid, received_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE leaking (LIKE old);
\o /dev/null
SELECT tenancy.protect(t, 'logs', 'organization_id', 'workspace_id', create_indexes => true) FROM unnest('{old,leaking}'::regclass[]) t;
\o
INSERT INTO old SELECT i, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002', now() - interval '10 days' FROM generate_series(1, 3) i;
INSERT INTO leaking SELECT * FROM old;
SELECT tenancy.apply_logging_settings('old', 'logs');
SELECT tenancy.set_logging('acme', 'retention_days.logs', '5');
GRANT SELECT ON old, leaking TO PUBLIC;
-- As it was written: a sub-select whose value doesn't say whose it is
CREATE FUNCTION since() RETURNS timestamptz LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT CASE tenancy.current_organization_id() WHEN 'aaaaaaaa-0000-4000-8000-000000000000' THEN now() - interval '5 days' ELSE '-infinity' END
$$;
CREATE POLICY retention ON leaking AS RESTRICTIVE FOR SELECT USING (received_at >= (SELECT app.since()));
-- Counts rows: the sub-select is first evaluated for one principal, and the rows are read for another.
CREATE FUNCTION seen(t regclass, first text, last text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
BEGIN
  PERFORM set_config('tenancy.user', last, true);
  EXECUTE format('SELECT count(*) FROM (VALUES ($1), ($2)) v (who), LATERAL (SELECT set_config(''tenancy.user'', v.who, true) OFFSET 0) s,
    LATERAL (SELECT FROM %s c WHERE v.who IS NOT NULL OFFSET 0) t', t) INTO n USING first, last;
  PERFORM set_config('tenancy.user', '', true);
  RETURN n;
EXCEPTION WHEN object_not_in_prerequisite_state THEN
  PERFORM set_config('tenancy.user', '', true);
  RETURN SQLERRM;
END
$$;
-- A function in the target list of the sub-select's own query, once there and back, in the middle of the scan
CREATE FUNCTION visit(who text, home text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
  PERFORM set_config('tenancy.user', who, true);
  PERFORM count(*) FROM app.old;
  PERFORM set_config('tenancy.user', home, true);
  RETURN true;
END
$$;
SET SESSION AUTHORIZATION regress_app;
SELECT t, seen(t, 'mona@acme.test', 'mona@acme.test') AS mona, seen(t, 'gus@globex.test', 'mona@acme.test') AS gus_first, seen(t, 'mona@acme.test', 'gus@globex.test') AS gus_last
FROM unnest('{leaking,old}'::regclass[]) t;
-- The same with policies that are evaluated row by row, and with shared plans
RESET SESSION AUTHORIZATION;
SET tenancy.specialize = off;
SET SESSION AUTHORIZATION regress_app;
SELECT t, seen(t, 'mona@acme.test', 'mona@acme.test') AS mona, seen(t, 'gus@globex.test', 'mona@acme.test') AS gus_first, seen(t, 'mona@acme.test', 'gus@globex.test') AS gus_last
FROM unnest('{leaking,old}'::regclass[]) t;
RESET SESSION AUTHORIZATION;
RESET tenancy.specialize;
SET tenancy.share_plans = on;
SET SESSION AUTHORIZATION regress_app;
SELECT t, seen(t, 'mona@acme.test', 'mona@acme.test') AS mona, seen(t, 'gus@globex.test', 'mona@acme.test') AS gus_first, seen(t, 'mona@acme.test', 'gus@globex.test') AS gus_last
FROM unnest('{leaking,old}'::regclass[]) t;
CALL become('mona');
SELECT count(*) FROM old WHERE visit('gus@globex.test', 'mona@acme.test');
CALL become('olivia');
SELECT count(*) FROM old;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
-- A value that nobody made lets nothing pass, and one of another principal is an error.
SELECT tenancy.is_kept(now(), NULL, NULL), tenancy.is_kept(now(), NULL, ''), tenancy.is_kept(now(), NULL, '\x00'), tenancy.is_kept(NULL, NULL, tenancy.kept_since('logs')), tenancy.is_kept(now(), NULL, tenancy.kept_since('logs'));
SELECT failure($$SELECT tenancy.is_kept(now(), NULL, decode(repeat('ab', 16), 'hex'))$$);
-- It names no workspace where the principal may do nothing.
SELECT tenancy.set_logging('acme', 'retention_days.logs', '1', w) FROM unnest('{acme/search,acme/support}'::text[]) w;
SET SESSION AUTHORIZATION regress_app;
CALL become('nora');
SELECT encode(tenancy.kept_since('logs'), 'hex') ~ 'aaaaaaaa00004000800000000000000[23]' AS named;
CALL become('mona');
SELECT encode(k, 'hex') ~ 'aaaaaaaa000040008000000000000002' AS search, encode(k, 'hex') ~ 'aaaaaaaa000040008000000000000003' AS support FROM tenancy.kept_since('logs') k;
SELECT count(*) FROM old;
CALL become('olivia');
SELECT encode(k, 'hex') ~ 'aaaaaaaa000040008000000000000002' AS search, encode(k, 'hex') ~ 'aaaaaaaa000040008000000000000003' AS support FROM tenancy.kept_since('logs') k;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.unprotect(t) FROM unnest('{old,leaking}'::regclass[]) t;
RESET tenancy.share_plans;
-- authorize() in a sub-select of a user's own policy, which holds for all rows of a query, is that of the query's principal.
CREATE TABLE hidden (id int, organization_id uuid, workspace_id uuid);
\o /dev/null
SELECT tenancy.protect('hidden', 'logs', 'organization_id', 'workspace_id', create_indexes => true);
\o
INSERT INTO hidden SELECT i, 'aaaaaaaa-0000-4000-8000-000000000000', 'aaaaaaaa-0000-4000-8000-000000000002' FROM generate_series(1, 3) i;
GRANT SELECT ON hidden TO PUBLIC;
CREATE POLICY invoices ON hidden AS RESTRICTIVE FOR SELECT USING ((SELECT tenancy.authorize('billing', 'manage')));
CREATE FUNCTION seen_by(planned text, first text, last text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
BEGIN
  PERFORM set_config('tenancy.user', planned, true);
  -- The first sub-select's principal has none of the rows.
  EXECUTE 'SELECT count(*) FROM (VALUES ($1), ($2)) v (who), LATERAL (SELECT set_config(''tenancy.user'', v.who, true) OFFSET 0) s,
    LATERAL (SELECT FROM app.hidden c OFFSET 0) t' INTO n USING first, last;
  PERFORM set_config('tenancy.user', '', true);
  RETURN n;
EXCEPTION WHEN object_not_in_prerequisite_state THEN
  PERFORM set_config('tenancy.user', '', true);
  RETURN SQLERRM;
END
$$;
SET SESSION AUTHORIZATION regress_app;
SELECT seen_by('olivia@acme.test', 'olivia@acme.test', 'olivia@acme.test') AS olivia, seen_by('mona@acme.test', 'mona@acme.test', 'mona@acme.test') AS mona,
       seen_by('mona@acme.test', 'olivia@acme.test', 'mona@acme.test') AS olivia_first, seen_by('olivia@acme.test', 'olivia@acme.test', 'mona@acme.test') AS mona_last;
CALL become('olivia');
PREPARE of_hidden AS SELECT count(*) FROM hidden;
EXECUTE of_hidden;
CALL become('mona');
EXECUTE of_hidden;
CALL become('olivia');
EXECUTE of_hidden;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT tenancy.unprotect('hidden');
