-- @include 10_schema_closed.sql
-- Rows of the tables change below, which would run triggers that others made with the privilege TRIGGER.
DO $$
DECLARE
  others text;
BEGIN
  SELECT pg_catalog.string_agg(pg_catalog.format('trigger "%s" on table %s', g.tgname, g.tgrelid::pg_catalog.regclass), ', ' ORDER BY g.tgrelid::pg_catalog.regclass::text, g.tgname) INTO others
  FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid JOIN pg_catalog.pg_proc f ON f.oid = g.tgfoid JOIN pg_catalog.pg_roles r ON r.oid = f.proowner
  WHERE c.relnamespace = 'tenancy'::regnamespace AND NOT g.tgisinternal AND NOT r.rolsuper;
  IF others IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'tables of pg_tenancy have triggers of other roles', DETAIL = pg_catalog.format('There are: %s.', others),
      HINT = 'Before ALTER EXTENSION ... UPDATE, drop them and revoke the privilege TRIGGER: they run with the rights of whoever changes a row.';
  END IF;
END
$$;
-- The guard rails of 1.0 read whole rows of protected_tables, whose columns this script changes; PostgreSQL 18 then raises an
-- error about the row type. They are created again at the end.
ALTER EVENT TRIGGER tenancy_ddl DISABLE;

-- Existing objects keep their privileges.
SELECT pg_catalog.set_config('tenancy_update.existing', (
  SELECT pg_catalog.string_agg(pg_catalog.concat(o.classid::oid, '.', o.objid), ' ') FROM (
    SELECT d.classid, d.objid FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'pg_tenancy'
    UNION ALL
    SELECT 'pg_catalog.pg_namespace'::regclass, 'tenancy'::regnamespace) o), true);

-- @include 11_internal_schemas.sql
-- @include 12_callers.sql

-- The members of one organization with a role, for who_can().
DROP INDEX tenancy.organization_members_role_idx;
CREATE INDEX organization_members_role_organization_idx ON tenancy.organization_members (role_id, organization_id);

-- Tables that are protected through a parent row, and rows for everybody
ALTER TABLE tenancy.protected_tables ADD COLUMN through name[], ADD COLUMN inherits_owner boolean NOT NULL DEFAULT false,
  ADD COLUMN shared boolean NOT NULL DEFAULT false, ADD COLUMN workspace_decides boolean NOT NULL DEFAULT false,
  ADD COLUMN fill_nulls boolean NOT NULL DEFAULT false, ADD COLUMN workspace_implies_organization boolean NOT NULL DEFAULT false, ADD COLUMN actions jsonb, ADD COLUMN writer_column name,
  ADD COLUMN audit_reads boolean NOT NULL DEFAULT false;
CREATE INDEX protected_tables_audited_idx ON tenancy.protected_tables (relation) WHERE audit_reads;
COMMENT ON COLUMN tenancy.protected_tables.audit_reads IS 'Whether each statement that reads the table leaves an audit entry';
COMMENT ON COLUMN tenancy.protected_tables.through IS 'Columns that refer to the parents which the row belongs with: the first gives it its tenant';
COMMENT ON COLUMN tenancy.protected_tables.inherits_owner IS 'Whether the first parent decides about own rows';
COMMENT ON COLUMN tenancy.protected_tables.shared IS 'Rows that name neither organization nor workspace are for everybody';
COMMENT ON COLUMN tenancy.protected_tables.workspace_decides IS 'Whether the workspace decides about rows whose organization is NULL';
COMMENT ON COLUMN tenancy.protected_tables.fill_nulls IS 'An explicit NULL is filled in on INSERT, in columns that have a default from protect()';
COMMENT ON COLUMN tenancy.protected_tables.workspace_implies_organization IS 'Rows that name a workspace name its organization, the caller of protect() vouches';
COMMENT ON COLUMN tenancy.protected_tables.actions IS 'Actions, and the columns whose change needs them beside update or create';
COMMENT ON COLUMN tenancy.protected_tables.writer_column IS 'Column that names the user who wrote a row, where owner_column names who began the whole that it is part of';
COMMENT ON COLUMN tenancy.protected_tables.owner_column IS 'Column that names the user whose row it is';

-- Functions that take more arguments are new functions. Where an administrator has said who may call those of a name, the same roles
-- may call the new ones, and nobody else (see the end).
SELECT pg_catalog.set_config('tenancy_update.former_rights', coalesce((
  SELECT pg_catalog.jsonb_object_agg(f.name, f.rights) FROM (
    SELECT p.proname AS name, pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('role', r.rolname, 'grantable', a.is_grantable)) FILTER (WHERE a.grantee IS NOT NULL) AS rights
    FROM pg_catalog.pg_proc p LEFT JOIN pg_catalog.pg_init_privs i ON i.classoid = 'pg_catalog.pg_proc'::regclass AND i.objoid = p.oid
    CROSS JOIN LATERAL (SELECT coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner)), coalesce(i.initprivs, pg_catalog.acldefault('f', p.proowner))) l (now, at_first)
    LEFT JOIN LATERAL pg_catalog.aclexplode(l.now) a ON a.grantee <> p.proowner LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
    WHERE p.pronamespace = 'tenancy'::regnamespace AND NOT (l.now @> l.at_first AND l.now <@ l.at_first)
    GROUP BY p.proname) f)::text, '{}'), true);
DROP FUNCTION tenancy.protect(regclass, text, name, name, name, name, name[], boolean);
DROP FUNCTION tenancy.apply_protection(regclass, text, name, name, name, name, name[]);
DROP FUNCTION tenancy.inspect_protection(regclass);

-- Display names get a limit, which 1.0 didn't have. Longer ones are cut, or else each change of such a row would write them into
-- the audit log twice. Identifying names stay.
DO $$
DECLARE
  bound record;
  beyond bigint;
BEGIN
  FOR bound IN SELECT * FROM (VALUES ('organizations', 'name'), ('workspaces', 'name'), ('users', 'name'), ('roles', 'description'),
                              ('permissions', 'description'), ('api_keys', 'name')) v (catalog, attribute) LOOP
    EXECUTE format('UPDATE tenancy.%1$I SET %2$I = pg_catalog."left"(%2$I, 1000) WHERE pg_catalog.length(%2$I) > 1000', bound.catalog, bound.attribute);
    GET DIAGNOSTICS beyond = ROW_COUNT;
    IF beyond > 0 THEN
      RAISE WARNING '% rows of tenancy.% had a % of more than 1000 characters, which is cut', beyond, bound.catalog, bound.attribute;
    END IF;
  END LOOP;
END
$$;
-- Data visibility governs observability data only. Permissions registered by a DBA keep their former behaviour, also when a dump
-- of 1.0 is restored.
ALTER TABLE tenancy.permissions ADD COLUMN data_visibility boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN tenancy.permissions.data_visibility IS 'Observability data: data visibility decides whether a role reaches all rows or its user''s own; otherwise a role reaches all';
UPDATE tenancy.permissions SET data_visibility = false WHERE built_in AND resource NOT IN ('logs', 'traces', 'analytics');
ALTER TABLE tenancy.permissions ADD CONSTRAINT permissions_data_visibility_check CHECK
  (data_visibility OR resource NOT IN ('logs', 'traces', 'analytics'));
-- @include 24_protected_names.sql
-- Resources of the user's own have settings, which workspaces may configure, in one category.
-- @include 27_catalog_vocabulary.sql
ALTER TABLE tenancy.grants DROP CONSTRAINT grants_check1;
ALTER TABLE tenancy.grants ADD CONSTRAINT grants_category_check CHECK (workspace_id IS NULL OR resource NOT IN
  ('traces', 'completions', 'configs', 'providers', 'models', 'team', 'organization', 'billing', 'audit_logs', 'workspaces'));
ALTER TABLE tenancy.workspace_overrides DROP CONSTRAINT workspace_overrides_category_check;
ALTER TABLE tenancy.workspace_overrides ADD CONSTRAINT workspace_overrides_category_check CHECK (category IN
  ('data_visibility', 'logs', 'analytics', 'api_keys', 'prompts', 'guardrails', 'integrations', 'resources'));

-- Invitations, and names that an organization gives its members
-- @include 25_catalog_invitations.sql
ALTER TABLE tenancy.organization_members ADD COLUMN name text, ADD COLUMN external_id text COLLATE "C" CHECK (external_id <> ''),
  ADD CONSTRAINT organization_members_external_id_key UNIQUE (organization_id, external_id);
COMMENT ON COLUMN tenancy.organization_members.name IS 'What the organization calls the member; NULL: as the user does';
COMMENT ON COLUMN tenancy.organization_members.external_id IS 'The organization''s own id for the member, in place of the global one in its rows';

-- Sign-up, with ids of the caller's own
ALTER TABLE tenancy.organizations ADD COLUMN created_by name, ADD COLUMN open_to_sign_up boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN tenancy.organizations.created_by IS 'Role that has created it by create_organization(); NULL for one of version 1.0';
COMMENT ON COLUMN tenancy.organizations.open_to_sign_up IS 'The role that has signed it up may add persons and workspaces, for a day and until an owner accepts';
DROP FUNCTION tenancy.create_user(text, text, text);
DROP FUNCTION tenancy.create_organization(text, text, text, text);
DROP FUNCTION tenancy.create_workspace(text, text, text, text);

-- Tokens of users
-- @include 26_catalog_issuers.sql

-- Groups
-- @include 27_catalog_groups.sql
-- @include 28_catalog_elevation.sql

-- Roles that end by themselves
ALTER TABLE tenancy.organization_members ADD COLUMN ends_at timestamptz CHECK (isfinite(ends_at)), ADD COLUMN reason text,
  ADD COLUMN has_more_roles boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN tenancy.organization_members.ends_at IS 'From then on the membership counts for nothing; NULL: it has no end';
COMMENT ON COLUMN tenancy.organization_members.reason IS 'What the membership, or its role, is for';
COMMENT ON COLUMN tenancy.organization_members.has_more_roles IS 'The member belongs to a group, or has taken a role by elevate(), or did; set by itself, so that sessions of other members need not look for any';
ALTER TABLE tenancy.workspace_members ADD COLUMN ends_at timestamptz CHECK (isfinite(ends_at)), ADD COLUMN reason text;
COMMENT ON COLUMN tenancy.workspace_members.ends_at IS 'From then on the role counts for nothing; NULL: it has no end';
COMMENT ON COLUMN tenancy.workspace_members.reason IS 'What the role is for';
ALTER TABLE tenancy.grants ADD COLUMN ends_at timestamptz CHECK (isfinite(ends_at)), ADD COLUMN reason text,
  ADD CONSTRAINT grants_end_check CHECK (ends_at IS NULL OR organization_id IS NOT NULL);
COMMENT ON COLUMN tenancy.grants.ends_at IS 'From then on the row counts for nothing, and the less specific one decides; NULL: it has no end, as none of the grants that a role has in all organizations';
COMMENT ON COLUMN tenancy.grants.reason IS 'What the row is for';
DROP FUNCTION tenancy.grant_permission(text, text, text, text, text);
DROP FUNCTION tenancy.revoke_permission(text, text, text, text, text);
DROP FUNCTION tenancy.change_grant(text, text, text, text, text, boolean);
DROP FUNCTION tenancy.set_organization_role(text, text, text);
DROP FUNCTION tenancy.set_workspace_role(text, text, text);
DROP FUNCTION tenancy.set_jwks(text, jsonb, text, text);
-- Clusters
-- @include 27_catalog_cluster.sql

-- The audit log takes a rotation from here, and no longer infers it from secrets and earlier entries.
ALTER TABLE tenancy.api_keys ADD COLUMN rotated_at timestamptz;
COMMENT ON COLUMN tenancy.api_keys.rotated_at IS 'When the key got its present secret by rotation; NULL for never (or before this column was there)';
-- Keys that are governed
-- @include 22_catalog_key_uses.sql
ALTER TABLE tenancy.api_keys ADD COLUMN allowed_networks text[] COLLATE "C", ADD COLUMN rotation_due_at timestamptz, ADD COLUMN rotate_by timestamptz,
  ADD COLUMN description text, ADD COLUMN metadata jsonb CHECK (jsonb_typeof(metadata) = 'object'), ADD COLUMN reason text,
  ADD COLUMN created_by_user uuid, ADD COLUMN created_by_key uuid;
COMMENT ON COLUMN tenancy.api_keys.allowed_networks IS 'Networks from which the key may be used, local for clients without an address; NULL: from everywhere';
COMMENT ON COLUMN tenancy.api_keys.rotation_due_at IS 'From then on sessions that use the key are warned that it has to be rotated';
COMMENT ON COLUMN tenancy.api_keys.rotate_by IS 'From then on the key is refused until it is rotated, by the organization''s policy; NULL for none';
COMMENT ON COLUMN tenancy.api_keys.description IS 'What the key is, in its owners'' words';
COMMENT ON COLUMN tenancy.api_keys.metadata IS 'The application''s own data about the key; decides nothing';
COMMENT ON COLUMN tenancy.api_keys.reason IS 'What the key is for';
COMMENT ON COLUMN tenancy.api_keys.created_by_user IS 'User who has created the key; NULL: an API key, a service''s token or a DBA has, or it is of version 1.0';
COMMENT ON COLUMN tenancy.api_keys.created_by_key IS 'API key that has created the key; NULL: none has, or it is of version 1.0';
ALTER TABLE tenancy.api_key_secrets ALTER COLUMN secret_hash SET STATISTICS 0;
DELETE FROM pg_catalog.pg_statistic s USING pg_catalog.pg_attribute a
WHERE s.starelid = 'tenancy.api_key_secrets'::pg_catalog.regclass AND a.attrelid = s.starelid AND a.attnum = s.staattnum AND a.attname = 'secret_hash';
ALTER TABLE tenancy.api_key_secrets ADD COLUMN derived bytea;
COMMENT ON COLUMN tenancy.api_key_secrets.derived IS 'What api_keys and api_key_scopes say of the key, to be read at once; written by the module alone; NULL: they are read instead';
ALTER TABLE tenancy.organizations ADD COLUMN key_max_age interval, ADD COLUMN key_warning interval, ADD COLUMN has_overrides boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN tenancy.organizations.key_max_age IS 'Age of a secret at which an API key is refused until it is rotated, see set_key_policy(); NULL: keys need no rotation';
COMMENT ON COLUMN tenancy.organizations.key_warning IS 'How long before that sessions are warned';
COMMENT ON COLUMN tenancy.organizations.has_overrides IS 'The organization has grants, visibility or settings of its own, or had; set by itself, so that sessions of other organizations need not look for any';
DROP FUNCTION tenancy.create_api_key(text, text, text, text, text, jsonb, timestamptz, text);
DROP FUNCTION tenancy.update_api_key(uuid, text, jsonb, timestamptz);

-- @include 27_catalog_logging.sql
-- @include 27_catalog_leavers.sql
-- @include 27_catalog_ids.sql
-- @include 29_catalog_uuids.sql

-- Outcome, claims of the client, and chains of refusals and reads. The function's body depends on the row's type.
DROP FUNCTION tenancy.audit_entry_hash(tenancy.audit_log);
ALTER TABLE tenancy.audit_log ALTER COLUMN audit_id SET CYCLE;
ALTER TABLE tenancy.audit_log ADD COLUMN outcome text COLLATE "C" NOT NULL DEFAULT 'success' CHECK (outcome IN ('success', 'failure', 'denied')),
  ADD COLUMN request_id text COLLATE "C", ADD COLUMN user_agent text COLLATE "C", ADD COLUMN chain_id uuid, ADD COLUMN transaction_id xid8;
ALTER TABLE tenancy.audit_heads ADD COLUMN events_of uuid;
ALTER TABLE tenancy.organizations ADD CONSTRAINT organizations_id_check CHECK (organization_id::text !~ '^.{14}8.{4}f');
COMMENT ON COLUMN tenancy.audit_heads.events_of IS 'Of a chain of refusals and reads, the organization';
COMMENT ON COLUMN tenancy.audit_log.outcome IS 'success; denied for what the session was refused; failure for a statement that ended in an error';
COMMENT ON COLUMN tenancy.audit_log.request_id IS 'What the session said by the setting tenancy.request_id: claimed, not verified';
COMMENT ON COLUMN tenancy.audit_log.user_agent IS 'What the session said by the setting tenancy.user_agent: claimed, not verified';
COMMENT ON COLUMN tenancy.audit_log.chain_id IS 'The chain of a refusal or read, which has one of its own for each organization; NULL: the organization''s own chain, of changes';
COMMENT ON COLUMN tenancy.audit_log.transaction_id IS 'The transaction that wrote, or has loaded, the entry, for audit_events_since(); NULL for one of version 1.0';

-- Replaced by functions with more arguments.
DROP FUNCTION tenancy.purge_audit_chain(uuid, timestamptz);
DROP FUNCTION tenancy.advise();
DROP FUNCTION tenancy.delete_workspace(text);
DROP FUNCTION tenancy.create_observability(text, text);

-- Last, since bodies of 1.0 call the functions in their former schema: no function of 1.0 may run between this and the new
-- bodies. The event triggers are enabled again at the end.
ALTER EVENT TRIGGER tenancy_ddl DISABLE;
ALTER EVENT TRIGGER tenancy_drop DISABLE;
-- @moves
