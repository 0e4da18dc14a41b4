-- Pages of the audit log: each filter reads one range of an index, whoever asks, and no page of other tenants' entries.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\pset format unaligned
-- Globex has 20,000 entries, and a new organization a few; without triggers, and below the chains.
\o /dev/null
SELECT tenancy.create_organization('Pages', 'pia@pages.test', organization_id => 'eeeeeeee-7171-4000-8000-000000000000', workspace_id => 'eeeeeeee-7171-4000-8000-000000000001',
                                   owner_id => 'eeeeeeee-7171-4000-8000-000000000002');
\o
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO tenancy.audit_log (audit_id, at, organization_id, workspace_id, actor_kind, actor_id, actor, login, client_address, action, resource_type, resource_id, entry_hash)
OVERRIDING SYSTEM VALUE
SELECT -1000000 + i, '2026-01-01'::timestamptz + i * interval '1 minute', 'bbbbbbbb-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000002', 'user',
       'cccccccc-0000-4000-8000-000000000008', 'gus@globex.test', 'app', '10.0.0.1', CASE i % 3 WHEN 0 THEN 'create' WHEN 1 THEN 'update' ELSE 'delete' END,
       'prompt', (i % 100)::text, '\x00'
FROM generate_series(1, 20000) i;
INSERT INTO tenancy.audit_log (audit_id, at, organization_id, workspace_id, actor_kind, actor_id, actor, login, client_address, action, resource_type, resource_id, entry_hash)
OVERRIDING SYSTEM VALUE
SELECT -2000000 + i, '2026-01-01'::timestamptz + i * interval '1 day', 'eeeeeeee-7171-4000-8000-000000000000', 'eeeeeeee-7171-4000-8000-000000000001', 'user',
       'eeeeeeee-7171-4000-8000-000000000002', 'pia@pages.test', 'app', '10.0.0.2', 'rotate', 'api_key', i::text, '\x00'
FROM generate_series(1, 5) i;
COMMIT;
-- Entries that other tests have left and removed would count as pages, too.
VACUUM (ANALYZE) tenancy.audit_log;
CREATE FUNCTION pages(query text) RETURNS TABLE (has_rows boolean, few_pages boolean, by_index boolean) LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
  line text;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT JSON) ' || query INTO plan;
  pages.has_rows := (plan #>> '{0,Plan,Actual Rows}')::numeric > 0;
  pages.few_pages := (plan #>> '{0,Plan,Shared Hit Blocks}')::int + (plan #>> '{0,Plan,Shared Read Blocks}')::int < 200;
  pages.by_index := jsonb_path_exists(plan, '$.**."Index Name"') AND plan::text !~ 'Seq Scan|"Sort"';
  RETURN NEXT;
END
$$;
CREATE TABLE filters (n serial, filter text);
INSERT INTO filters (filter) VALUES (''), ($$WHERE actor_id = 'eeeeeeee-7171-4000-8000-000000000002'$$), ($$WHERE actor = 'pia@pages.test'$$), ($$WHERE action = 'rotate'$$),
  ($$WHERE resource_type = 'api_key' AND resource_id = '3'$$), ($$WHERE resource_type = 'api_key'$$), ($$WHERE workspace_id = 'eeeeeeee-7171-4000-8000-000000000001'$$),
  ($$WHERE client_address = '10.0.0.2'$$), ($$WHERE at >= '2026-01-02' AND at < '2026-01-04'$$);
GRANT SELECT ON filters TO PUBLIC;
-- A DBA that is no superuser
CREATE ROLE regress_auditor;
GRANT USAGE ON TYPE tenancy.administrator TO regress_auditor;
GRANT USAGE ON SCHEMA app TO regress_auditor;
SET SESSION AUTHORIZATION regress_app;
SET "tenancy.user" = 'pia@pages.test';
SELECT f.filter, p.* FROM filters f, pages('SELECT * FROM tenancy.audit_log ' || f.filter || ' ORDER BY at DESC LIMIT 50') p ORDER BY f.n;
-- The tenant with many entries
CALL become('gus');
SELECT p.* FROM pages('SELECT * FROM tenancy.audit_log ORDER BY at DESC LIMIT 50') p;
SELECT p.* FROM pages($$SELECT * FROM tenancy.audit_log WHERE action = 'create' ORDER BY at DESC LIMIT 50$$) p;
SELECT p.* FROM pages($$SELECT * FROM tenancy.audit_log WHERE action = 'rotate' ORDER BY at DESC LIMIT 50$$) p;
-- Nobody, and somebody without the permission
CALL become('mike');
SELECT p.* FROM pages('SELECT * FROM tenancy.audit_log ORDER BY at DESC LIMIT 50') p;
CALL become('nobody');
SELECT p.* FROM pages('SELECT * FROM tenancy.audit_log ORDER BY at DESC LIMIT 50') p;
RESET SESSION AUTHORIZATION;
SET ROLE regress_auditor;
SELECT f.filter, p.* FROM filters f, pages('SELECT * FROM tenancy.audit_log ' || f.filter || ' ORDER BY at DESC LIMIT 50') p WHERE f.filter <> '' AND f.filter !~ 'workspace|address|rotate|api_key''$' ORDER BY f.n;
SELECT p.* FROM pages('SELECT * FROM tenancy.audit_log ORDER BY at DESC LIMIT 50') p;
RESET ROLE;
-- The catalogs of users and keys likewise
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO tenancy.users (email) SELECT format('u%s@many.test', i) FROM generate_series(1, 5000) i;
INSERT INTO tenancy.api_keys (kind, name, organization_id) SELECT 'organization_service_key', 'k' || i, 'bbbbbbbb-0000-4000-8000-000000000000' FROM generate_series(1, 5000) i;
COMMIT;
VACUUM (ANALYZE) tenancy.users, tenancy.api_keys;
SET SESSION AUTHORIZATION regress_app;
SET "tenancy.user" = 'pia@pages.test';
SELECT p.few_pages FROM pages('SELECT * FROM tenancy.users') p;
SELECT p.few_pages FROM pages('SELECT * FROM tenancy.api_keys') p;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
-- A role is a DBA from the GRANT on, and no longer after REVOKE, with the same prepared plan.
CREATE ROLE regress_later;
GRANT USAGE ON SCHEMA app TO regress_later;
SET ROLE regress_later;
SET plan_cache_mode = force_generic_plan;
PREPARE entries AS SELECT count(*) > 0 AS sees FROM tenancy.audit_log;
EXECUTE entries;
RESET ROLE;
GRANT USAGE ON TYPE tenancy.administrator TO regress_later;
SET ROLE regress_later;
EXECUTE entries;
RESET ROLE;
REVOKE USAGE ON TYPE tenancy.administrator FROM regress_later;
SET ROLE regress_later;
EXECUTE entries;
RESET ROLE;
GRANT regress_auditor TO regress_later;
SET ROLE regress_later;
EXECUTE entries;
RESET ROLE;
REVOKE regress_auditor FROM regress_later;
SET ROLE regress_later;
EXECUTE entries;
-- dba_sees() by itself follows the caller.
SELECT tenancy.dba_sees();
RESET ROLE;
SELECT tenancy.dba_sees();
RESET plan_cache_mode;
-- A DBA's invalid credential is no reason to hide the log.
SET ROLE regress_auditor;
SET tenancy.api_key = 'pk-nonsense';
SELECT count(*) > 20000 AS sees FROM tenancy.audit_log;
RESET tenancy.api_key;
RESET ROLE;
BEGIN;
SET LOCAL session_replication_role = replica;
ALTER TABLE tenancy.audit_log DISABLE TRIGGER guard;
DELETE FROM tenancy.audit_log WHERE audit_id < 0;
DELETE FROM tenancy.users WHERE email LIKE '%@many.test';
DELETE FROM tenancy.api_keys WHERE name ~ '^k[0-9]+$';
ALTER TABLE tenancy.audit_log ENABLE ALWAYS TRIGGER guard;
COMMIT;
DELETE FROM tenancy.organizations WHERE slug = 'pages';
DELETE FROM tenancy.users WHERE email = 'pia@pages.test';
SELECT count(*) AS broken FROM tenancy.verify_audit_log();
REVOKE ALL ON TYPE tenancy.administrator FROM regress_auditor;
REVOKE ALL ON SCHEMA app FROM regress_auditor, regress_later;
DROP ROLE regress_auditor, regress_later;
