-- advise(): each fault is made, seen, mended by the SQL that comes with it, and gone.
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
SELECT * FROM faulty('ALTER ROLE regress_bound SUPERUSER', 'superuser_binding');
ALTER ROLE regress_bound NOSUPERUSER;
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
\x
-- Nobody else is told.
SET ROLE regress_plain;
SELECT * FROM failure('SELECT tenancy.advise()');
RESET ROLE;
