-- advise(): each fault is made, seen, mended by the SQL that comes with it, and gone.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
SET client_min_messages = error;
SELECT tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id', create_indexes => true);
ANALYZE;
DROP TABLE prompts;

-- Makes a fault, says what is said of it, applies the fix, and says whether it is gone.
CREATE FUNCTION faulty(fault text, rule text) RETURNS TABLE (severity text, object text, problem text, fix_sql text, gone boolean)
LANGUAGE plpgsql AS $$
DECLARE
  advice record;
BEGIN
  IF EXISTS (SELECT FROM tenancy.advise() a WHERE a.rule = faulty.rule) THEN
    RAISE 'there is such a fault already';
  END IF;
  EXECUTE fault;
  FOR advice IN SELECT * FROM tenancy.advise() a WHERE a.rule = faulty.rule LOOP
    EXECUTE advice.fix_sql;
    RETURN QUERY SELECT advice.severity, advice.object, advice.problem, advice.fix_sql,
      NOT EXISTS (SELECT FROM tenancy.advise() a WHERE a.rule = faulty.rule);
  END LOOP;
END
$$;
\x
SELECT * FROM faulty('SET tenancy.guard_rails = off; ALTER TABLE logs NO FORCE ROW LEVEL SECURITY; RESET tenancy.guard_rails', 'protection_broken');
SELECT * FROM faulty('SET tenancy.guard_rails = off; CREATE TABLE child () INHERITS (logs); RESET tenancy.guard_rails', 'unprotected_partition');
SELECT * FROM faulty('ALTER ROLE regress_plain BYPASSRLS', 'bypassing_login');
SELECT * FROM faulty('GRANT CREATE ON SCHEMA tenancy TO PUBLIC', 'open_schema');
SELECT * FROM faulty('GRANT CREATE ON SCHEMA tenancy_steps TO regress_plain', 'open_schema');
SELECT * FROM faulty('CREATE FUNCTION tenancy_steps.format(text, text) RETURNS text LANGUAGE sql AS ''SELECT $1''; ALTER FUNCTION tenancy_steps.format OWNER TO regress_plain', 'open_schema');
SELECT * FROM faulty('CREATE TABLE tenancy.theirs (); ALTER TABLE tenancy.theirs OWNER TO regress_plain', 'open_schema');
SELECT * FROM faulty('ALTER SCHEMA tenancy_internal OWNER TO regress_plain', 'open_schema');
SELECT * FROM faulty('ALTER ROLE regress_bound SUPERUSER', 'superuser_binding');
ALTER ROLE regress_bound NOSUPERUSER;
SELECT tenancy.trust_login('regress_bound') \g /dev/null
CREATE ROLE regress_all BYPASSRLS;
SELECT * FROM faulty('GRANT regress_all TO regress_bound', 'bypassing_login');
CREATE ROLE regress_between IN ROLE regress_all;
GRANT regress_between TO regress_bound;
SELECT a.severity, a.object, a.problem, a.fix_sql FROM tenancy.advise() a WHERE a.rule = 'bypassing_login';
DROP ROLE regress_between, regress_all;
SELECT * FROM faulty('ALTER ROLE regress_bound NOLOGIN', 'stale_binding');
SET client_min_messages = notice;
SELECT tenancy.trust_login('regress_bound');
SET client_min_messages = error;
SELECT tenancy.unbind_login('regress_bound') \g /dev/null
ALTER ROLE regress_bound LOGIN;
ALTER TABLE logs OWNER TO regress_owner;
SELECT a.severity, a.object, a.problem, a.fix_sql FROM tenancy.advise() a WHERE a.rule = 'filtered_owner';
ALTER ROLE regress_plain INHERIT;
GRANT regress_owner TO regress_plain;
SET tenancy.filtered_owner = empty;
SELECT a.severity, a.object, a.problem, a.fix_sql FROM tenancy.advise() a WHERE a.rule = 'filtered_owner';
RESET tenancy.filtered_owner;
ALTER ROLE regress_plain BYPASSRLS;
SELECT a.severity, a.object, a.problem, a.fix_sql FROM tenancy.advise() a WHERE a.rule = 'filtered_owner';
ALTER ROLE regress_plain NOBYPASSRLS;
REVOKE regress_owner FROM regress_plain;
ALTER TABLE logs OWNER TO CURRENT_USER;
SELECT * FROM faulty('CREATE VIEW all_logs AS SELECT * FROM logs', 'view_without_security_invoker');
-- Now that this view reads by the rights of its caller, one over it is no leak, though its owner is a superuser.
CREATE VIEW above_all_logs AS SELECT * FROM all_logs;
GRANT SELECT ON all_logs, above_all_logs TO regress_plain;
SELECT count(*) > 0 AS there_are_logs FROM above_all_logs;
SET SESSION AUTHORIZATION regress_plain;
SELECT count(*) FROM above_all_logs;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM tenancy.advise() WHERE rule = 'view_without_security_invoker';
DROP VIEW above_all_logs;
REVOKE SELECT ON all_logs FROM regress_plain;
SELECT * FROM faulty('CREATE MATERIALIZED VIEW kept AS SELECT * FROM logs; GRANT SELECT ON kept TO regress_plain', 'materialized_view');
DROP MATERIALIZED VIEW kept;
SELECT * FROM faulty('CREATE FUNCTION count_logs() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS ''SELECT count(*) FROM app.logs''', 'security_definer_function');
REVOKE TRUNCATE ON ALL TABLES IN SCHEMA app FROM PUBLIC;
SELECT * FROM faulty('GRANT TRUNCATE ON logs TO regress_plain', 'truncate_granted');
SELECT * FROM faulty('CREATE PUBLICATION regress_out FOR TABLE logs', 'publication');
DROP PUBLICATION regress_out;
DROP TABLE IF EXISTS child;
SELECT * FROM faulty('CREATE PUBLICATION regress_out FOR ALL TABLES', 'publication');
SELECT * FROM faulty('CREATE PUBLICATION regress_out FOR TABLES IN SCHEMA app', 'publication');
DROP PUBLICATION regress_out;
-- Replicated catalogs: not those that the server writes by itself. The others are changed on the publisher only, while the subscription is on.
SET allow_system_table_mods = on;
BEGIN;
CREATE SUBSCRIPTION regress_in CONNECTION 'dbname=none' PUBLICATION p WITH (connect = false, slot_name = NONE);
INSERT INTO pg_subscription_rel SELECT s.oid, c, 'r', NULL FROM pg_subscription s, unnest('{tenancy.users,tenancy.organizations,tenancy_internal.ended_tokens}'::regclass[]) c WHERE s.subname = 'regress_in';
SELECT a.severity, a.object, a.problem, a.fix_sql FROM tenancy.advise() a WHERE a.rule = 'subscribed_log';
SELECT w, f.* FROM unnest(ARRAY['SELECT tenancy.create_user(''a@replicated.test'')', 'UPDATE tenancy.organizations SET name = name', 'TRUNCATE tenancy_internal.ended_tokens', 'SELECT tenancy.create_workspace(''acme'', ''Local'')']) w, failure(w) f;
UPDATE pg_subscription SET subenabled = true WHERE subname = 'regress_in';
SELECT w, f.* FROM unnest(ARRAY['SELECT tenancy.create_user(''a@replicated.test'')', 'UPDATE tenancy.organizations SET name = name', 'TRUNCATE tenancy_internal.ended_tokens', 'SELECT tenancy.create_workspace(''acme'', ''Local'')']) w, failure(w) f;
SET LOCAL session_replication_role = replica;
SELECT f.* FROM failure('UPDATE tenancy.organizations SET name = name') f;
RESET session_replication_role;
INSERT INTO pg_subscription_rel SELECT s.oid, c, 'r', NULL FROM pg_subscription s, unnest('{tenancy.audit_log,tenancy.audit_heads}'::regclass[]) c WHERE s.subname = 'regress_in';
SELECT a.severity, a.object, a.problem, a.fix_sql FROM tenancy.advise() a WHERE a.rule = 'subscribed_log';
ROLLBACK;
RESET allow_system_table_mods;
SELECT * FROM faulty('ALTER EVENT TRIGGER tenancy_ddl DISABLE', 'guard_rails_off');
SELECT * FROM faulty('ALTER TABLE tenancy.workspace_members DISABLE TRIGGER invalidate', 'catalog_trigger_off');
SELECT * FROM faulty('ALTER ROLE regress_plain SET row_security = off', 'row_security_off');
SELECT * FROM faulty('ALTER ROLE regress_plain SET tenancy.api_key = ''pgt_x''', 'stored_secret');
SELECT * FROM faulty('ALTER ROLE regress_plain SET tenancy.jwt = ''a.b.c''', 'stored_secret');
SELECT * FROM faulty('DROP INDEX logs_workspace_id_idx', 'missing_index');
SELECT * FROM faulty('CREATE TABLE parts (LIKE logs) PARTITION BY LIST (organization_id);
  SELECT tenancy.protect(''parts'', ''logs'', ''organization_id'', ''workspace_id'', create_indexes => true)', 'missing_dependency_statistics');
-- Indexes that no condition of a tenant finds, see own_rows.sql; the setting counts in new sessions.
CREATE TABLE docs (organization_id uuid, workspace_id uuid, price numeric, name text, tags int[], during int4range, created_at timestamptz);
SELECT tenancy.protect('docs', 'logs', 'organization_id', 'workspace_id', create_indexes => true);
SELECT * FROM faulty('CREATE INDEX docs_price ON docs (price DESC, created_at) INCLUDE (name) WHERE price > 0', 'unused_index');
SELECT * FROM faulty('CREATE INDEX docs_name ON docs (lower(name))', 'unused_index');
SELECT * FROM faulty('CREATE INDEX docs_prefix ON docs (name text_pattern_ops)', 'unused_index');
CREATE INDEX ON docs (created_at, price);
CREATE INDEX ON docs (name);
CREATE INDEX ON docs USING brin (created_at);
CREATE INDEX docs_tags ON docs USING gin (tags);
CREATE INDEX docs_during ON docs USING gist (during);
SELECT a.object, a.problem, replace(a.fix_sql, format('%I', current_database()), '…') AS fix_sql FROM tenancy.advise() a WHERE a.rule = 'unused_index';
SET tenancy.trusted_conditions = 'all';
SELECT count(*) FROM tenancy.advise() a WHERE a.rule = 'unused_index';
RESET tenancy.trusted_conditions;
DROP TABLE docs;
-- These have no SQL that mends them: which resource, which columns, is a matter of design.
CREATE TABLE forgotten (organization_id uuid, id int);
SELECT a.severity, a.object, a.problem FROM tenancy.advise() a WHERE a.rule = 'unprotected_table';
DROP TABLE forgotten;
SELECT count(*) FROM tenancy.advise() a WHERE a.rule = 'unprotected_table';
ALTER TABLE logs ADD COLUMN code int UNIQUE;
SELECT a.severity, a.object, a.problem FROM tenancy.advise() a WHERE a.rule = 'unique_without_tenant';

-- A dropped column has type 0, whichever condition the server tries first.
CREATE TABLE dropped (id text PRIMARY KEY, workspace_id uuid NOT NULL, old text);
SELECT tenancy.protect('dropped', 'logs', workspace => 'workspace_id', create_indexes => true);
ALTER TABLE dropped DROP COLUMN old;
SELECT tenancy_internal.base_type(0), tenancy_internal.is_id_type(0, 0);
ANALYZE;
SELECT a.rule, a.object FROM tenancy.advise() a WHERE a.object ~ 'dropped';
DROP TABLE dropped;

-- The tenants' own table is protected by its key, which other tables have, too; a column of another name tells.
CREATE TABLE projects (id text PRIMARY KEY, org_id text);
CREATE TABLE countries (id text PRIMARY KEY, name text);
CREATE TABLE issues (id text PRIMARY KEY, org_id text);
SELECT tenancy.protect('projects', 'workspaces', organization => 'org_id', workspace => 'id', create_indexes => true);
SELECT a.object, a.problem FROM tenancy.advise() a WHERE a.rule = 'unprotected_table';
DROP TABLE projects, countries, issues;

SELECT tenancy.register_permission('readable', 'view', 'x'), tenancy.register_permission('writable', 'create', 'x');
CREATE TABLE readable (organization_id uuid);
SELECT tenancy.protect('readable', 'readable', 'organization_id', create_indexes => true);
CREATE TABLE writable (organization_id uuid);
SELECT tenancy.protect('writable', 'writable', 'organization_id', create_indexes => true);
SELECT a.severity, a.object, a.problem, a.fix_sql FROM tenancy.advise() a WHERE a.rule = 'unusable_resource';
SELECT tenancy.register_permission('readable', 'create', 'x'), tenancy.register_permission('writable', 'view', 'x');
SELECT count(*) FROM tenancy.advise() a WHERE a.rule = 'unusable_resource';
DROP TABLE readable, writable;

-- It is called with rows that the session may not see.
SELECT * FROM faulty('CREATE FUNCTION is_b(t text) RETURNS boolean LANGUAGE plpgsql LEAKPROOF AS ''BEGIN RETURN t = ''''b''''; END''', 'leakproof_function');
SELECT * FROM faulty('SET tenancy.guard_rails = off; ALTER TABLE logs ALTER COLUMN organization_id DROP DEFAULT; RESET tenancy.guard_rails', 'dropped_default');
REVOKE TRUNCATE ON ALL TABLES IN SCHEMA app FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA app REVOKE TRUNCATE ON TABLES FROM PUBLIC;
SELECT * FROM faulty('CREATE ROLE regress_truncates BYPASSRLS; GRANT TRUNCATE ON logs TO regress_truncates', 'truncate_granted');
DROP ROLE regress_truncates;

-- Of partitions only what isn't their parent's.
CREATE TABLE parted (id int, organization_id uuid, workspace_id uuid) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (10) TO (20);
CREATE UNIQUE INDEX ON parted (id);
SELECT tenancy.protect('parted', 'logs', 'organization_id', 'workspace_id', create_indexes => true);
CREATE PUBLICATION regress_out FOR ALL TABLES;
SET tenancy.guard_rails = off;
ALTER TABLE parted DISABLE ROW LEVEL SECURITY;
ALTER TABLE parted_1 DISABLE ROW LEVEL SECURITY;
ALTER TABLE parted_2 NO FORCE ROW LEVEL SECURITY;
ALTER TABLE parted ALTER COLUMN organization_id DROP DEFAULT;
RESET tenancy.guard_rails;
SELECT a.rule, a.object, a.problem FROM tenancy.advise() a WHERE a.object ~ 'parted';
DROP PUBLICATION regress_out;
SELECT tenancy.protect('parted', 'logs', 'organization_id', 'workspace_id');

-- Rows that name no tenant: never heard of, or removed.
INSERT INTO parted SELECT 1, '00000000-0000-4000-8000-000000000000', w.workspace_id FROM tenancy.workspaces w WHERE w.slug = 'lab';
INSERT INTO parted SELECT i, o.organization_id, '00000000-0000-4000-8000-000000000001' FROM generate_series(11, 12) i, tenancy.organizations o WHERE o.slug = 'acme';
INSERT INTO parted SELECT 13, o.organization_id, NULL FROM tenancy.organizations o WHERE o.slug = 'acme';
SELECT a.severity, a.object, a.problem, a.fix_sql FROM tenancy.advise() a WHERE a.rule = 'rows_without_tenant';
SELECT * FROM tenancy.rows_without_tenant();
SELECT * FROM tenancy.rows_without_tenant('logs');
-- Rows that were behind while the trigger that has them follow their parents was off; those of another parent are not.
CREATE TABLE families (id int PRIMARY KEY, organization_id uuid);
CREATE TABLE childs (id int PRIMARY KEY, family_id int REFERENCES families);
SELECT tenancy.protect('families', 'logs', 'organization_id', create_indexes => true);
SELECT tenancy.protect('childs', 'logs', through => '{family_id}', create_indexes => true);
INSERT INTO families SELECT i, o.organization_id FROM generate_series(1, 2) i, tenancy.organizations o WHERE o.slug = 'acme';
INSERT INTO childs VALUES (1, 1), (2, 2), (3, NULL);
SELECT a.object, a.problem FROM tenancy.advise() a WHERE a.rule = 'rows_behind_parents';
SET tenancy.guard_rails = off;
ALTER TABLE families DISABLE TRIGGER tenancy_children_childs;
UPDATE families SET organization_id = (SELECT o.organization_id FROM tenancy.organizations o WHERE o.slug = 'globex') WHERE id = 1;
ALTER TABLE families ENABLE ALWAYS TRIGGER tenancy_children_childs;
RESET tenancy.guard_rails;
SELECT a.severity, a.object, a.problem, a.fix_sql FROM tenancy.advise() a WHERE a.rule = 'rows_behind_parents';
SELECT a.fix_sql FROM tenancy.advise() a WHERE a.rule = 'rows_behind_parents' \gexec
SELECT a.object, a.problem FROM tenancy.advise() a WHERE a.rule = 'rows_behind_parents';
DROP TABLE childs, families;
-- One more than the first rows that are looked at: found since the audit log knows the organization, and there is an index.
DROP TABLE parted;
CREATE TABLE many (organization_id text);
SELECT tenancy.create_organization('Doomed', 'd@doomed.test', external_id => 'D1') IS NOT NULL AS created;
UPDATE tenancy.organizations SET external_id = 'A1' WHERE slug = 'acme';
INSERT INTO many SELECT 'A1' FROM generate_series(1, 10000);
INSERT INTO many VALUES ('D1');
SELECT tenancy.protect('many', 'logs', 'organization_id', create_indexes => true);
ANALYZE many;
DELETE FROM tenancy.organizations WHERE slug = 'doomed';
SELECT a.object, a.problem FROM tenancy.advise() a WHERE a.rule = 'rows_without_tenant';
-- A table that its owner can't read doesn't keep the rest back.
CREATE ROLE regress_poor;
GRANT CREATE ON SCHEMA app TO regress_poor;
ALTER TABLE many OWNER TO regress_poor;
REVOKE ALL ON many FROM PUBLIC, regress_poor;
SELECT a.object, a.problem FROM tenancy.advise() a WHERE a.rule = 'rows_without_tenant';
DROP TABLE many;
REVOKE ALL ON SCHEMA app FROM regress_poor;
DROP ROLE regress_poor;
SELECT object, problem, fix_sql FROM tenancy.advise() WHERE rule = 'unknown_name';
SELECT tenancy.forget('many');
\x

-- Other extensions, in whose place tables of the same names stand here.
SET allow_system_table_mods = on;
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
SELECT 99990 + n, e, 10, 'app'::regnamespace, false, '1' FROM unnest(ARRAY['pglogical', 'pg_ivm', 'pg_qualstats']) WITH ORDINALITY u (e, n);
RESET allow_system_table_mods;
CREATE SCHEMA pglogical;
CREATE TABLE pglogical.replication_set (set_id oid, set_name name);
CREATE TABLE pglogical.replication_set_table (set_id oid, set_reloid regclass);
INSERT INTO pglogical.replication_set VALUES (1, 'default');
INSERT INTO pglogical.replication_set_table VALUES (1, 'logs');
SELECT a.rule, a.object, a.problem, a.fix_sql FROM tenancy.advise() a WHERE a.rule = 'pglogical_set';
ALTER EXTENSION pglogical ADD TABLE pglogical.replication_set_table;
ALTER EXTENSION pglogical ADD TABLE pglogical.replication_set;
SELECT a.rule, a.object, a.problem, a.fix_sql FROM tenancy.advise() a WHERE a.rule = 'pglogical_set';
ALTER EXTENSION pglogical DROP TABLE pglogical.replication_set_table;
ALTER EXTENSION pglogical DROP TABLE pglogical.replication_set;
DROP SCHEMA pglogical CASCADE;
CREATE TABLE counted (n bigint);
CREATE FUNCTION maintain() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
ALTER EXTENSION pg_ivm ADD FUNCTION maintain();
DO $$ BEGIN EXECUTE format('CREATE TRIGGER maintain AFTER INSERT ON logs FOR EACH ROW EXECUTE FUNCTION maintain(%L, ''t'')', 'counted'::regclass::oid); END $$;
SELECT a.rule, a.object, a.problem, a.fix_sql FROM tenancy.advise() a WHERE a.rule IN ('incremental_view', 'collected_constants');
SET pg_qualstats.track_constants = off;
DROP TABLE counted;
SELECT a.rule FROM tenancy.advise() a WHERE a.rule IN ('incremental_view', 'collected_constants');
DROP TRIGGER maintain ON logs;
ALTER EXTENSION pg_ivm DROP FUNCTION maintain();
DROP FUNCTION maintain();
SET allow_system_table_mods = on;
DELETE FROM pg_extension WHERE oid > 99990 AND oid < 100000;
RESET allow_system_table_mods;

-- What only some servers have, and what takes many rows
SELECT count(*) = count(*) FILTER (WHERE a.object = current_setting('server_version')) AS old_server FROM tenancy.advise() a WHERE a.rule = 'old_server';
SELECT * FROM faulty($$DELETE FROM tenancy.protected_names n WHERE n.holder = 'logs'::regclass$$, 'unknown_name');
CREATE TABLE busy (id int, organization_id uuid) WITH (autovacuum_enabled = off);
SELECT tenancy.protect('busy', 'logs', 'organization_id');
INSERT INTO busy SELECT n, 'aaaaaaaa-0000-4000-8000-000000000000' FROM generate_series(1, 2000) n;
SELECT pg_stat_force_next_flush();
SELECT a.severity, a.object, a.problem, a.fix_sql FROM tenancy.advise() a WHERE a.rule = 'stale_statistics';
ANALYZE busy;
SELECT pg_stat_force_next_flush();
SELECT a.severity, a.object, a.problem, a.fix_sql FROM tenancy.advise() a WHERE a.rule = 'stale_statistics';
DROP TABLE busy;

-- Every rule is a function, and every such function a rule.
SELECT r.rule, p.proname FROM tenancy.advice_rules() r
FULL JOIN (SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'tenancy_internal'::regnamespace AND p.proname LIKE 'advice\_%') p
  ON p.proname = 'advice_' || r.rule WHERE r.rule IS NULL OR p.proname IS NULL;

-- An intended finding is accepted, with a reason; other findings about the same object are not.
SET client_min_messages = notice;
CREATE ROLE regress_backup LOGIN BYPASSRLS;
SELECT * FROM failure($$SELECT tenancy.accept_advice('bypasing_login', 'regress_backup', 'dumps')$$);
SELECT * FROM failure($$SELECT tenancy.accept_advice('bypassing_login', 'regress_backup', ' ')$$);
SELECT tenancy.accept_advice('bypassing_login', 'regress_backups', 'dumps');
SELECT tenancy.withdraw_acceptance('bypassing_login', 'regress_backups');
SELECT * FROM failure($$SELECT tenancy.withdraw_acceptance('bypassing_login', 'regress_backups')$$);
SELECT tenancy.accept_advice('bypassing_login', 'regress_backup', 'it dumps the database every night');
SELECT a.rule, a.object, a.accepted_because FROM tenancy.advise() a WHERE a.rule = 'bypassing_login';
SELECT a.rule, a.object, a.accepted_because FROM tenancy.advise(accepted => true) a WHERE a.rule = 'bypassing_login';
SELECT l.action, l.resource_id, l.after ->> 'reason' AS reason FROM tenancy.audit_log l WHERE l.resource_type = 'accepted_advice' ORDER BY l.audit_id;
SELECT tenancy.trust_login('regress_backup');
SELECT a.severity, a.object, a.problem FROM tenancy.advise() a WHERE a.rule = 'bypassing_login';
SELECT tenancy.unbind_login('regress_backup');
SELECT count(*) FROM tenancy.advise() a WHERE a.rule = 'bypassing_login';
GRANT TRUNCATE ON logs TO regress_backup;
SELECT tenancy.accept_advice('truncate_granted', 'app.logs', 'it empties the table in tests');
GRANT TRUNCATE ON logs TO regress_plain;
SELECT a.object, a.problem FROM tenancy.advise() a WHERE a.rule = 'truncate_granted';
REVOKE TRUNCATE ON logs FROM regress_backup, regress_plain;
DROP ROLE regress_backup;
SET client_min_messages = error;

-- Nobody else is told, nor accepts.
SET ROLE regress_plain;
SELECT * FROM failure('SELECT tenancy.advise()');
SELECT * FROM failure('SELECT tenancy.rows_without_tenant()');
SELECT * FROM failure($$SELECT tenancy.accept_advice('bypassing_login', 'x', 'y')$$);
SELECT * FROM failure($$SELECT tenancy.withdraw_acceptance('bypassing_login', 'x')$$);
SELECT * FROM failure('SELECT count(*) FROM tenancy.accepted_advice');
RESET ROLE;
