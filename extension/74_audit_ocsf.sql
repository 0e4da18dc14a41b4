-- The audit log in the shape of the Open Cybersecurity Schema Framework, for export to a SIEM. Rows are those that the reader sees
-- in the log itself. Install and update scripts both include this part.

CREATE VIEW tenancy.audit_log_ocsf WITH (security_invoker) AS
SELECT l.audit_id, l.at, l.organization_id,
  jsonb_strip_nulls(jsonb_build_object(
    'metadata', jsonb_build_object('version', '1.3.0', 'uid', l.audit_id::text, 'product', jsonb_build_object('name', 'pg_tenancy', 'vendor_name', 'pg_tenancy'),
                                   'tenant_uid', l.organization_id),
    'time', (extract(epoch FROM l.at) * 1000)::bigint,
    'category_uid', c.category, 'category_name', CASE c.category WHEN 3 THEN 'Identity & Access Management' ELSE 'Application Activity' END,
    'class_uid', c.class, 'class_name', c.class_name,
    'activity_id', a.activity, 'activity_name', CASE a.activity WHEN 99 THEN l.action ELSE a.activity_name END,
    'type_uid', c.class * 100 + a.activity,
    'severity_id', CASE l.outcome WHEN 'success' THEN 1 ELSE 2 END, 'severity', CASE l.outcome WHEN 'success' THEN 'Informational' ELSE 'Low' END,
    'status_id', CASE l.outcome WHEN 'success' THEN 1 ELSE 2 END, 'status', CASE l.outcome WHEN 'success' THEN 'Success' ELSE 'Failure' END,
    'status_detail', nullif(l.outcome, 'success'),
    'actor', jsonb_build_object('user', jsonb_build_object('uid', l.actor_id, 'name', l.actor, 'type', l.actor_kind),
                                'session', jsonb_build_object('credential_uid', l.login)),
    'user', CASE WHEN c.class = 3002 THEN jsonb_build_object('uid', l.actor_id, 'name', l.actor) END,
    'api', CASE WHEN c.class IN (6003, 6005) THEN jsonb_build_object('operation', l.action) END,
    'entity', CASE WHEN c.class = 3004 THEN jsonb_build_object('type', l.resource_type, 'uid', l.resource_id, 'data', coalesce(l.after, l.before)) END,
    'database', CASE WHEN c.class = 6005 THEN jsonb_build_object('name', current_database()) END,
    'table', CASE WHEN c.class = 6005 THEN jsonb_build_object('name', l.resource_id) END,
    -- Both of these classes require one.
    'src_endpoint', CASE WHEN l.client_address IS NOT NULL THEN jsonb_build_object('ip', host(l.client_address))
                         WHEN c.class IN (6003, 6005) THEN jsonb_build_object('name', 'local') END,
    'http_request', CASE WHEN coalesce(l.request_id, l.user_agent) IS NOT NULL THEN jsonb_build_object('uid', l.request_id, 'user_agent', l.user_agent) END
  ))
  -- NULLs of rows are kept here: that a column has become NULL is a change.
  || jsonb_build_object('unmapped', jsonb_build_object('workspace_id', l.workspace_id, 'before', l.before, 'after', l.after, 'entry_hash', encode(l.entry_hash, 'hex'))) AS event
FROM tenancy.audit_log l,
LATERAL (SELECT CASE WHEN l.resource_type = 'credential' THEN 3 WHEN l.resource_type IN ('administration', 'table') THEN 6 ELSE 3 END,
                CASE l.resource_type WHEN 'credential' THEN 3002 WHEN 'administration' THEN 6003 WHEN 'table' THEN 6005 ELSE 3004 END,
                CASE l.resource_type WHEN 'credential' THEN 'Authentication' WHEN 'administration' THEN 'API Activity'
                     WHEN 'table' THEN 'Datastore Activity' ELSE 'Entity Management' END) c (category, class, class_name),
LATERAL (SELECT CASE WHEN c.class = 3002 THEN 1 WHEN c.class = 6005 THEN 1 WHEN c.class = 6003 THEN 99
                     WHEN l.action = 'create' THEN 1 WHEN l.action = 'update' THEN 3 WHEN l.action = 'delete' THEN 4 ELSE 99 END,
                CASE WHEN c.class = 3002 THEN 'Logon' WHEN c.class = 6005 THEN 'Read' ELSE initcap(l.action) END) a (activity, activity_name);
COMMENT ON VIEW tenancy.audit_log_ocsf IS 'Audit entries as events of the Open Cybersecurity Schema Framework 1.3, for a SIEM; rows as in audit_log';
COMMENT ON COLUMN tenancy.audit_log_ocsf.audit_id IS 'Id of the entry';
COMMENT ON COLUMN tenancy.audit_log_ocsf.at IS 'When the entry was written, or its event happened';
COMMENT ON COLUMN tenancy.audit_log_ocsf.organization_id IS 'Organization that it concerns';
COMMENT ON COLUMN tenancy.audit_log_ocsf.event IS 'The event: class Entity Management for changes, API Activity for refused administration, Authentication for refused credentials, Datastore Activity for reads';
GRANT SELECT ON tenancy.audit_log_ocsf TO PUBLIC;
