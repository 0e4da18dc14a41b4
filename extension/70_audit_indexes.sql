-- Indexes of the audit log. Install and update scripts both include this part. Actor and resource may be deleted later than the
-- entry, so nothing in the log is a foreign key.

-- A tenant's page of entries, by each filter, is one range of an index that begins with its organization; a DBA's, of all
-- organizations, of one that doesn't.
CREATE INDEX IF NOT EXISTS audit_log_chain_idx ON tenancy.audit_log (organization_id, audit_id);
CREATE INDEX IF NOT EXISTS audit_log_changes_idx ON tenancy.audit_log (organization_id, audit_id) WHERE chain_id IS NULL;
CREATE INDEX IF NOT EXISTS audit_log_events_idx ON tenancy.audit_log (chain_id, audit_id) WHERE chain_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_log_at_idx ON tenancy.audit_log (at);
CREATE INDEX IF NOT EXISTS audit_log_organization_idx ON tenancy.audit_log (organization_id, at);
CREATE INDEX IF NOT EXISTS audit_log_organization_actor_id_idx ON tenancy.audit_log (organization_id, actor_id, at) WHERE actor_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_log_organization_actor_idx ON tenancy.audit_log (organization_id, actor, at);
CREATE INDEX IF NOT EXISTS audit_log_organization_action_idx ON tenancy.audit_log (organization_id, action, at);
CREATE INDEX IF NOT EXISTS audit_log_organization_resource_idx ON tenancy.audit_log (organization_id, resource_type, resource_id, at);
CREATE INDEX IF NOT EXISTS audit_log_workspace_idx ON tenancy.audit_log (organization_id, workspace_id, at) WHERE workspace_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_log_address_idx ON tenancy.audit_log (organization_id, client_address, at) WHERE client_address IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_log_organization_transaction_idx ON tenancy.audit_log (organization_id, transaction_id) WHERE transaction_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_log_transaction_idx ON tenancy.audit_log (transaction_id) WHERE transaction_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_log_actor_id_idx ON tenancy.audit_log (actor_id, at) WHERE actor_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_log_actor_idx ON tenancy.audit_log (actor, at);
CREATE INDEX IF NOT EXISTS audit_log_action_idx ON tenancy.audit_log (action, at);
CREATE INDEX IF NOT EXISTS audit_log_resource_idx ON tenancy.audit_log (resource_type, resource_id, at);
