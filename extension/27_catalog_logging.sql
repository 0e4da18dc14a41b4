-- Settings of an organization, or of one of its workspaces: the contents that it keeps, and for how long.

CREATE TABLE tenancy.logging_settings (
  organization_id uuid NOT NULL REFERENCES tenancy.organizations ON DELETE CASCADE,
  workspace_id uuid,
  setting text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  set_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT logging_settings_key UNIQUE NULLS NOT DISTINCT (organization_id, workspace_id, setting),
  FOREIGN KEY (workspace_id, organization_id) REFERENCES tenancy.workspaces (workspace_id, organization_id) ON DELETE CASCADE,
  CONSTRAINT logging_settings_value_check CHECK (CASE
    WHEN setting = 'store_content' THEN value IN ('full', 'metadata', 'none')
    WHEN setting = 'legal_hold' THEN value = 'on'
    WHEN setting IN ('audit_retention_days', 'retention_days.logs', 'retention_days.payloads', 'retention_days.traces', 'retention_days.analytics')
      THEN value ~ '^[1-9][0-9]{0,4}$'
    WHEN setting = 'attribution_grace_hours' THEN value ~ '^(0|[1-9][0-9]{0,3})$'
    ELSE false END),
  CONSTRAINT logging_settings_level_check CHECK (workspace_id IS NULL OR setting NOT IN ('audit_retention_days', 'attribution_grace_hours'))
);
CREATE INDEX logging_settings_workspace_idx ON tenancy.logging_settings (workspace_id) WHERE workspace_id IS NOT NULL;
-- Its key includes a column that may be NULL, so logical replication needs the whole row to identify one.
ALTER TABLE tenancy.logging_settings REPLICA IDENTITY FULL;
COMMENT ON TABLE tenancy.logging_settings IS 'What an organization keeps: of contents, and for how long; a workspace can only be stricter';
COMMENT ON COLUMN tenancy.logging_settings.organization_id IS 'The organization';
COMMENT ON COLUMN tenancy.logging_settings.workspace_id IS 'The workspace for which it is stricter; NULL: the organization''s own';
COMMENT ON COLUMN tenancy.logging_settings.setting IS 'store_content, legal_hold, audit_retention_days, attribution_grace_hours, or retention_days and the kind of rows: logs, payloads, traces, analytics';
COMMENT ON COLUMN tenancy.logging_settings.value IS 'full, metadata or none; on; or a number of days or hours';
COMMENT ON COLUMN tenancy.logging_settings.set_at IS 'Since when it has had this value: rows received before keep their content, wherever they move';

CREATE TABLE tenancy_internal.kept_tables (
  relation regclass PRIMARY KEY,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('logs', 'payloads', 'traces', 'analytics')),
  content name[] NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE tenancy_internal.kept_tables IS 'Tables whose rows are kept as logging_settings says';
COMMENT ON COLUMN tenancy_internal.kept_tables.relation IS 'The table';
COMMENT ON COLUMN tenancy_internal.kept_tables.kind IS 'Which days of retention count: logs, payloads, traces or analytics';
COMMENT ON COLUMN tenancy_internal.kept_tables.content IS 'Columns that can hold content';
