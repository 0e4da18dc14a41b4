-- Settings of what is kept: who sets them, that a workspace can only be stricter, audit retention and legal holds.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\pset format unaligned
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_can($$SELECT tenancy.set_logging(NULL, 'store_content', 'metadata')$$);
SELECT * FROM who_can($$SELECT tenancy.set_logging(NULL, 'store_content', 'none', 'search')$$);
SELECT * FROM who_can($$SELECT tenancy.set_logging(NULL, 'legal_hold', 'on', 'search')$$);
SELECT * FROM who_can($$SELECT tenancy.reset_logging(NULL, 'legal_hold')$$);
SELECT * FROM who_can($$SELECT * FROM tenancy.logging_settings()$$);
CALL become('olivia');
SELECT f.message, f.hint FROM (VALUES ($$set_logging(NULL, 'store_contents', 'full')$$), ($$set_logging(NULL, NULL, 'full')$$), ($$set_logging(NULL, 'store_content', 'some')$$),
  ($$set_logging(NULL, 'retention_days.logs', '0')$$), ($$set_logging(NULL, 'retention_days.logs', '-1')$$), ($$set_logging(NULL, 'retention_days.logs', NULL)$$), ($$set_logging(NULL, 'legal_hold', 'off')$$),
  ($$set_logging(NULL, 'audit_retention_days', '30')$$), ($$set_logging(NULL, 'audit_retention_days', '365', 'search')$$), ($$set_logging('globex', 'store_content', 'none')$$),
  ($$set_logging(NULL, 'store_content', 'none', 'globex/lab')$$), ($$reset_logging(NULL, 'legal_holds')$$)) v (call), app.failure('SELECT tenancy.' || call) f;
\o /dev/null
SELECT tenancy.set_logging(NULL, 'store_content', 'metadata'), tenancy.set_logging(NULL, 'retention_days.logs', '30'), tenancy.set_logging(NULL, 'audit_retention_days', '365'),
       tenancy.set_logging(NULL, 'retention_days.logs', '7', 'search'), tenancy.set_logging(NULL, 'store_content', 'none', 'search');
\o
SELECT app.failure($$SELECT tenancy.set_logging(NULL, 'store_content', 'full', 'support')$$), app.failure($$SELECT tenancy.set_logging(NULL, 'retention_days.logs', '31', 'support')$$);
SELECT * FROM tenancy.logging_settings();
SELECT * FROM tenancy.logging_settings(workspace => 'search');
-- The organization's becomes stricter than the workspace's, which is then kept and doesn't count.
SELECT tenancy.set_logging(NULL, 'retention_days.logs', '5');
SELECT * FROM tenancy.logging_settings(workspace => 'search') WHERE setting = 'retention_days.logs';
CALL become('gus');
SELECT count(*) AS of_acme FROM tenancy.logging_settings;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT actor, action, resource_id IS NOT NULL AS named, after ->> 'setting' AS setting, after ->> 'value' AS value FROM tenancy.audit_log WHERE resource_type = 'logging_setting' ORDER BY audit_id DESC LIMIT 1;
-- Audit retention: nobody but a DBA goes below 90 days; a hold keeps all. Rolled back, since older entries are forged.
BEGIN;
SET LOCAL session_replication_role = replica;
ALTER TABLE tenancy.audit_log DISABLE TRIGGER guard;
UPDATE tenancy.audit_log SET at = at - interval '10 days' WHERE audit_id <= (SELECT max(audit_id) - 4 FROM tenancy.audit_log);
ALTER TABLE tenancy.audit_log ENABLE ALWAYS TRIGGER guard;
SET LOCAL session_replication_role = origin;
SELECT tenancy.set_logging('acme', 'audit_retention_days', '1'), tenancy.set_logging('globex', 'audit_retention_days', '1');
SELECT tenancy.set_logging('acme', 'legal_hold', 'on', 'acme/search');
CREATE TABLE before AS SELECT o.slug, count(*) AS entries FROM tenancy.audit_log l JOIN tenancy.organizations o USING (organization_id) GROUP BY 1;
SELECT tenancy.purge_expired_audit_entries() > 0 AS purged;
SELECT b.slug, (SELECT count(*) FROM tenancy.audit_log l JOIN tenancy.organizations o USING (organization_id) WHERE o.slug = b.slug) < b.entries AS fewer FROM before b ORDER BY 1;
SELECT failure($$SELECT tenancy.purge_audit_log(now(), 'acme')$$), failure($$SELECT tenancy.delete_workspace('acme/search')$$),
       failure($$SELECT tenancy.delete_workspace('acme/search', true)$$), failure($$SELECT tenancy.purge_organization('acme')$$);
SELECT failure($$SELECT tenancy.delete_workspace('acme/support')$$);
SELECT tenancy.reset_logging('acme', 'legal_hold', 'acme/search');
SELECT tenancy.purge_audit_log(now() - interval '1 day', 'acme') > 0 AS purged;
ROLLBACK;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_can($$SELECT tenancy.purge_expired_audit_entries()$$);
RESET SESSION AUTHORIZATION;
