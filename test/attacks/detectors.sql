-- What tells that an attack went through. Beside these: run.sh looks for canaries in everything that an attacker is shown and
-- in the server's log, for lost connections, and for differences between two worlds that must look the same.

CREATE TABLE attacks.cases (
  n int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  family text NOT NULL,
  title text NOT NULL,
  script text NOT NULL,
  forbidden text NOT NULL DEFAULT 'canary_',
  -- parts of the state that may be changed, and whether jobs and rights are looked at
  may text[] NOT NULL DEFAULT '{}',
  jobs boolean NOT NULL DEFAULT false,
  rights text,
  -- whether the state is looked at: not where the attacker's code says itself what it achieved, and takes it back
  watched boolean NOT NULL DEFAULT true,
  -- in a new connection; committed, in a database of its own
  fresh boolean NOT NULL DEFAULT true,
  own_database boolean NOT NULL DEFAULT false
);

-- Rows of a table that belong to the foreign organizations or mention them, as one checksum.
CREATE FUNCTION attacks.foreign_rows(relation regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  sum text;
BEGIN
  IF relation IS NULL THEN
    RETURN 'none';
  END IF;
  EXECUTE format('SELECT count(*) || '' '' || coalesce(md5(string_agg(t::text, chr(10) ORDER BY t::text)), '''') FROM %s t WHERE t::text ~ %L', relation,
    format('canary_(globex|theirs)|(%s|%s)-0000-4000', current_setting('attacks.g'), current_setting('attacks.u'))) INTO sum;
  RETURN sum;
END
$$;

CREATE TABLE attacks.watched (relation text PRIMARY KEY);
INSERT INTO attacks.watched
SELECT c.oid::regclass FROM pg_class c
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace IN ('app'::regnamespace, 'observability'::regnamespace, 'theirs'::regnamespace) AND c.relname !~ '^analytics_';

CREATE FUNCTION attacks.state() RETURNS TABLE (part text, value text) LANGUAGE sql SET row_security = on SET search_path = pg_catalog AS $$
  SELECT 'roles', md5((SELECT string_agg(a::text, ' ' ORDER BY a.oid) FROM pg_authid a) ||
                      (SELECT string_agg(concat_ws(' ', m.roleid, m.member, m.admin_option), ',' ORDER BY m.roleid, m.member) FROM pg_auth_members m) ||
                      (SELECT coalesce(string_agg(s::text, ' ' ORDER BY s.setrole, s.setdatabase), '') FROM pg_db_role_setting s WHERE s.setrole <> 0) ||
                      (SELECT coalesce(string_agg(p::text, ' ' ORDER BY p.oid), '') FROM pg_parameter_acl p))
  UNION ALL
  SELECT 'logins', coalesce(string_agg(b::text, ' ' ORDER BY b.login::text), '') FROM tenancy.login_bindings b
  UNION ALL
  SELECT 'privileges', md5(coalesce((SELECT string_agg(c.relname || coalesce(c.relacl::text, ''), ' ' ORDER BY c.oid) FROM pg_class c WHERE c.relnamespace = 'tenancy'::regnamespace), '') ||
                      coalesce((SELECT string_agg(t.typname || coalesce(t.typacl::text, ''), ' ' ORDER BY t.oid) FROM pg_type t WHERE t.typnamespace = 'tenancy'::regnamespace), ''))
  UNION ALL
  SELECT 'code', md5((SELECT string_agg(p::text, ' ' ORDER BY p.oid) FROM pg_proc p WHERE p.pronamespace = 'tenancy'::regnamespace) ||
                     (SELECT string_agg(e::text, ' ' ORDER BY e.oid) FROM pg_event_trigger e))
  UNION ALL
  SELECT 'protection', md5(coalesce((SELECT string_agg(concat_ws(' ', c.oid::regclass, c.relrowsecurity, c.relforcerowsecurity, c.relowner), ',' ORDER BY c.oid)
                            FROM pg_class c WHERE c.relnamespace IN (to_regnamespace('app'), 'observability'::regnamespace, 'tenancy'::regnamespace, 'theirs'::regnamespace) AND c.relkind IN ('r', 'p')), '') ||
                           (SELECT string_agg(concat_ws(' ', p.polrelid::regclass, p.polname, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid), p.polpermissive, p.polroles), ',' ORDER BY p.oid)
                            FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.relnamespace IN (to_regnamespace('app'), 'tenancy'::regnamespace, 'theirs'::regnamespace)) ||
                           coalesce((SELECT string_agg(t::text, ' ' ORDER BY t.relation) FROM tenancy.protected_tables t JOIN pg_class c ON c.oid = t.relation WHERE c.relnamespace = to_regnamespace('app')), ''))
  UNION ALL
  SELECT 'rows of ' || w.relation, attacks.foreign_rows(to_regclass(w.relation)) FROM attacks.watched w
  UNION ALL
  SELECT 'catalog ' || c.relname, attacks.foreign_rows(c.oid)
  FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'tenancy'::regnamespace AND c.relname NOT IN ('login_bindings', 'audit_heads')
  UNION ALL
  SELECT 'vocabulary', md5((SELECT string_agg(p::text, ' ' ORDER BY p::text) FROM tenancy.permissions p) || (SELECT string_agg(d::text, ' ' ORDER BY d::text) FROM tenancy.setting_definitions d) ||
                           (SELECT string_agg(r::text, ' ' ORDER BY r::text) FROM tenancy.roles r WHERE r.organization_id IS NULL) ||
                           (SELECT string_agg(g::text, ' ' ORDER BY g::text) FROM tenancy.grants g WHERE g.organization_id IS NULL))
  UNION ALL
  -- Entries that were there, and entries that claim to be older than they are.
  SELECT 'audit log', concat_ws(' ', count(*), md5(string_agg(l::text, ' ' ORDER BY l.audit_id))) FROM tenancy.audit_log l
  WHERE l.at <= current_setting('attacks.since')::timestamptz
$$;

CREATE TABLE attacks.baseline (part text PRIMARY KEY, value text);

CREATE PROCEDURE attacks.remember() LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER DATABASE %I SET attacks.since = %L', current_database(), clock_timestamp());
  EXECUTE format('ALTER DATABASE %I SET attacks.g = %L', current_database(), current_setting('attacks.g'));
  EXECUTE format('ALTER DATABASE %I SET attacks.u = %L', current_database(), current_setting('attacks.u'));
  EXECUTE format('ALTER DATABASE %I SET attacks.number = %L', current_database(), current_setting('attacks.number'));
  PERFORM set_config('attacks.since', clock_timestamp()::text, false);
  DELETE FROM attacks.baseline;
  INSERT INTO attacks.baseline SELECT * FROM attacks.state();
END
$$;

-- After each attack, in its transaction, by a superuser.
-- The attacker's settings are still there.
CREATE FUNCTION attacks.changed(may text[]) RETURNS SETOF text LANGUAGE plpgsql
SET enable_nestloop = on SET enable_seqscan = on SET enable_indexscan = on SET enable_bitmapscan = on SET work_mem = '4MB' SET quote_all_identifiers = off AS $$
BEGIN
  IF pg_current_xact_id_if_assigned() IS NULL THEN
    RETURN;
  END IF;
  RETURN QUERY SELECT '@found changed: ' || coalesce(b.part, s.part)
  FROM attacks.baseline b FULL JOIN attacks.state() s USING (part)
  WHERE b.value IS DISTINCT FROM s.value AND NOT EXISTS (SELECT FROM unnest(may) m WHERE coalesce(b.part, s.part) ~ m);
END
$$;

-- Do the jobs for all still run?
CREATE FUNCTION attacks.stopped_jobs() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  job text;
  done bigint;
BEGIN
  FOREACH job IN ARRAY ARRAY['SELECT observability.create_partitions()', 'SELECT observability.refresh_analytics()', 'SELECT observability.drop_partitions(''logs'', ''30 days'')',
    'SELECT observability.drop_partitions(''log_payloads'', ''30 days'')', 'SELECT observability.drop_partitions(''traces'', ''30 days'')', 'SELECT count(*) FROM tenancy.advise()',
    'SELECT count(*) FROM tenancy.export_organization(''acme'')', format('SELECT count(*) FROM tenancy.purge_organization(%L)', current_setting('attacks.u') || '-0000-4000-8000-000000000000'),
    'SELECT tenancy.purge_audit_log(now() - interval ''1 year'')'] LOOP
    BEGIN
      EXECUTE job INTO done;
      -- One row after the other in partitions of their own
      IF job ~ 'partitions' AND done > 50 THEN
        RETURN NEXT format('@found stopped job: %s: %s partitions', job, done);
      END IF;
    EXCEPTION WHEN OTHERS THEN
      RETURN NEXT format('@found stopped job: %s: %s', job, SQLERRM);
    END;
  END LOOP;
  -- one that nobody can drop again, or that never ends
  RETURN QUERY SELECT format('@found stopped job: analytics of %s', a.hour) FROM observability.analytics a WHERE NOT isfinite(a.hour) OR a.cost IN ('NaN', 'Infinity', '-Infinity');
END
$$;

-- Servers of others are told nothing of it: what a role became is taken back after an attack that was committed.
CREATE PROCEDURE attacks.restore_roles() LANGUAGE plpgsql AS $$
DECLARE
  role record;
BEGIN
  FOR role IN SELECT rolname FROM pg_roles WHERE rolname ~ '^evil_' LOOP
    EXECUTE format('DROP ROLE %I', role.rolname);
  END LOOP;
  FOR role IN SELECT rolname FROM pg_roles WHERE rolname ~ '^att_' AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication) LOOP
    EXECUTE format('ALTER ROLE %I NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION', role.rolname);
  END LOOP;
  FOR role IN SELECT m.roleid::regrole AS of, m.member::regrole AS member FROM pg_auth_members m
              WHERE m.member::regrole::text ~ '^att_' AND (m.member::regrole::text, m.roleid::regrole::text) NOT IN (('att_etl', 'pg_read_all_data'), ('att_etl', 'pg_write_all_data')) LOOP
    EXECUTE format('REVOKE %s FROM %s', role.of, role.member);
  END LOOP;
END
$$;
