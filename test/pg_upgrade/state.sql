-- The objects of world.sql as text that must not change: the catalogs, the guards of the tables, and the answers that every kind
-- of principal gets. Runs as a superuser; nothing is changed.
\set VERBOSITY sqlstate
\pset null NULL
SET DateStyle = ISO;
SET TimeZone = UTC;

-- The transactions that added audit entries, and what is stored of the rights of keys, are those of the database they are in.
SELECT format('SELECT %L, (SELECT count(*) FROM %s.%I), md5((SELECT string_agg(r, E''\n'' ORDER BY r COLLATE "C") FROM (SELECT (to_jsonb(t) - %L)::text FROM %s.%I t) rows (r)))',
              relname, relnamespace::regnamespace, relname, CASE relname WHEN 'audit_log' THEN 'transaction_id' WHEN 'api_key_secrets' THEN 'derived' ELSE '' END, relnamespace::regnamespace, relname)
FROM pg_class WHERE relnamespace::regnamespace::text IN ('tenancy', 'tenancy_internal') AND relkind = 'r' ORDER BY relname \gexec
SELECT last_value, is_called FROM tenancy.audit_log_audit_id_seq;

SELECT * FROM pg_policies WHERE schemaname NOT IN ('tenancy', 'tenancy_internal') ORDER BY schemaname, tablename, policyname;
-- MAINTAIN is new in PostgreSQL 17, where owners get it.
SELECT oid::regclass, relkind, relrowsecurity, relforcerowsecurity, reloptions,
       (SELECT string_agg(format('%s=%s', grantee::regrole, privilege_type), ' ' ORDER BY grantee::regrole::text COLLATE "C", privilege_type)
        FROM aclexplode(coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))) WHERE privilege_type <> 'MAINTAIN')
FROM pg_class WHERE relnamespace >= 16384 AND relnamespace::regnamespace::text NOT IN ('tenancy', 'tenancy_internal') AND relkind NOT IN ('i', 'I', 't')
  OR relnamespace = 'public'::regnamespace AND relkind NOT IN ('i', 'I') ORDER BY oid::regclass::text COLLATE "C";
SELECT attrelid::regclass, attname, pg_get_expr(adbin, adrelid) FROM pg_attrdef JOIN pg_attribute ON (attrelid, attnum) = (adrelid, adnum)
WHERE pg_get_expr(adbin, adrelid) LIKE '%tenancy.current_%' ORDER BY attrelid::regclass::text COLLATE "C", attname;
SELECT CASE WHEN setrole <> 0 THEN setrole::regrole END, setconfig FROM pg_db_role_setting
WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) ORDER BY setdatabase, setrole::regrole::text;
SELECT evtname, evtenabled FROM pg_event_trigger ORDER BY evtname;
SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger
WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'tenancy.%' ORDER BY tgrelid::regclass::text COLLATE "C", tgname;
SELECT relation, (tenancy_internal.inspect_protection(relation)).problem, workspace_implies_organization FROM tenancy.protected_tables ORDER BY relation::text COLLATE "C";
SELECT 'broken chain', * FROM tenancy.verify_audit_log();
SELECT severity, rule, object FROM tenancy.advise() WHERE severity = 'error' AND rule NOT IN ('old_server', 'not_preloaded') ORDER BY rule, object;

-- Their answers, each in a session of its own
SELECT o.organization_id AS acme, w.workspace_id AS search FROM tenancy.organizations o JOIN tenancy.workspaces w USING (organization_id)
WHERE o.slug = 'acme' AND w.slug = 'search' \gset
SELECT o.organization_id AS globex, w.workspace_id AS elsewhere FROM tenancy.organizations o JOIN tenancy.workspaces w USING (organization_id)
WHERE o.slug = 'globex' \gset
SELECT format('user=app options=''-c tenancy.api_key=%s''', max(secret) FILTER (WHERE name = 'acme')) AS master_key,
       format('user=app options=''-c tenancy.api_key=%s''', max(secret) FILTER (WHERE name = 'notebook')) AS user_key,
       format('user=app options=''-c tenancy.api_key=%s''', max(secret) FILTER (WHERE name = 'revoked')) AS revoked_key,
       format('user=app options=''-c tenancy.jwt=%s''', max(secret) FILTER (WHERE name = 'token')) AS token
FROM secrets \gset
\set owner 'user=app options=\'-c tenancy.user=gus@globex.test\''
\set auditor 'user=app options=\'-c tenancy.user=ada@acme.test\''
\set member 'user=mia options=\'\''
\set nobody 'user=app options=\'\''

\echo === owner
\connect -reuse-previous=on :owner
\ir answers.sql
\echo === auditor
\connect -reuse-previous=on :auditor
\ir answers.sql
\echo === member
\connect -reuse-previous=on :member
\ir answers.sql
\echo === master key
\connect -reuse-previous=on :master_key
\ir answers.sql
\echo === user key
\connect -reuse-previous=on :user_key
\ir answers.sql
\echo === revoked key
\connect -reuse-previous=on :revoked_key
\ir answers.sql
\echo === token
\connect -reuse-previous=on :token
\ir answers.sql
\echo === nobody
\connect -reuse-previous=on :nobody
\ir answers.sql
