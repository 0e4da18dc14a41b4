-- New parts as a whole. Triggers come before any row is changed: a table with pending deferred triggers cannot be altered.
-- @include 47_trusted_functions.sql
-- @include 91_advise_accepted.sql
-- Membership requires consent, and organizations see of a person only the membership: principals see their own row of users, and
-- members of their organization in the view members.
-- @include 56_invitations.sql
-- @include 51_members.sql
-- The permission to sync groups, whose grant a trigger protects as soon as it is built in
INSERT INTO tenancy.permissions (resource, action, description, built_in, data_visibility)
VALUES ('team', 'sync_groups', 'Sync Groups in user management', false, false) ON CONFLICT DO NOTHING;
INSERT INTO tenancy.grants (role_id, resource, action) VALUES ('00000000-0000-4000-8000-000000000001', 'team', 'sync_groups') ON CONFLICT DO NOTHING;
UPDATE tenancy.permissions SET built_in = true, description = 'Sync Groups in user management' WHERE resource = 'team' AND action = 'sync_groups';
-- Those to say for whom a row is written, likewise
INSERT INTO tenancy.permissions (resource, action, description, built_in, data_visibility)
SELECT p.resource, p.action, p.description, false, true FROM tenancy_internal.built_in_permissions() p
WHERE p.action = 'attribute' AND EXISTS (SELECT FROM tenancy.permissions w WHERE w.resource = p.resource) ON CONFLICT DO NOTHING;
INSERT INTO tenancy.grants (role_id, resource, action)
SELECT g.role_id, g.resource, g.action FROM tenancy_internal.built_in_grants() g
WHERE g.action = 'attribute' AND EXISTS (SELECT FROM tenancy.permissions w WHERE w.resource = g.resource AND w.action = g.action) ON CONFLICT DO NOTHING;
UPDATE tenancy.permissions w SET built_in = true, description = p.description FROM tenancy_internal.built_in_permissions() p
WHERE p.action = 'attribute' AND (w.resource, w.action) = (p.resource, p.action);
-- @include 37_lengths.sql
-- Sessions with cached data of an organization are notified of its changes only. Modules of 1.0 lack such notifications: their
-- sessions are refused from this update on.
-- @include 98_catalogs.sql
-- @include 98_catalogs_triggers.sql
SELECT tenancy_internal.mark_organizations();

-- External ids that are in use, and those that were as far as the audit log has them
INSERT INTO tenancy.given_external_ids (kind, organization_id, external_id, holder)
SELECT v.kind, NULL, v.external_id, v.holder
FROM (SELECT 'organization', o.external_id, o.organization_id FROM tenancy.organizations o
      UNION ALL SELECT 'workspace', w.external_id, w.workspace_id FROM tenancy.workspaces w
      UNION ALL SELECT 'user', u.external_id, u.user_id FROM tenancy.users u
      UNION ALL SELECT 'api_key', k.external_id, k.api_key_id FROM tenancy.api_keys k) v (kind, external_id, holder)
WHERE length(v.external_id) <= 500;
INSERT INTO tenancy.given_external_ids (kind, organization_id, external_id, holder)
SELECT l.resource_type, NULL, v.external_id, l.resource_id::uuid
FROM tenancy.audit_log l, LATERAL (VALUES (l.before ->> 'external_id'), (l.after ->> 'external_id')) v (external_id)
WHERE l.resource_type IN ('organization', 'workspace', 'user', 'api_key') AND length(v.external_id) <= 500
  AND l.resource_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
ORDER BY l.at DESC ON CONFLICT DO NOTHING;
INSERT INTO tenancy.given_external_ids (kind, external_id, holder)
SELECT DISTINCT 'id', l.resource_id, l.resource_id::uuid FROM tenancy.audit_log l
WHERE l.resource_type IN ('organization', 'workspace', 'user', 'api_key') AND l.action = 'delete'
  AND l.resource_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
UNION SELECT 'id', h.organization_id::text, h.organization_id FROM tenancy.audit_heads h;
INSERT INTO tenancy.given_external_ids (kind, organization_id, external_id, holder)
SELECT 'member', m.organization_id, u.external_id, m.user_id FROM tenancy.organization_members m JOIN tenancy.users u ON u.user_id = m.user_id
WHERE length(u.external_id) <= 500;
INSERT INTO tenancy.given_external_ids (kind, organization_id, external_id, holder)
SELECT DISTINCT 'member', l.organization_id, g.external_id, g.holder
FROM tenancy.audit_log l JOIN tenancy.given_external_ids g ON g.kind = 'user' AND g.holder::text = l.resource_id
WHERE l.resource_type = 'organization_member' AND l.organization_id IS NOT NULL ON CONFLICT DO NOTHING;

-- Tables that create_observability() made are their owner's.
DO $$
DECLARE
  place record;
BEGIN
  FOR place IN SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               JOIN pg_catalog.pg_proc p ON p.pronamespace = n.oid
               WHERE c.relname = 'analytics_state' AND p.proname = 'mark_changed_hours' ORDER BY n.nspname LOOP
    -- No NOTICE, which an extension's script keeps to itself.
    RAISE WARNING USING MESSAGE = format('call tenancy.update_observability(%L) as the owner of schema "%s"', place.nspname, place.nspname),
      DETAIL = 'Rows that tenants write are then checked against bounds, so that they cannot stop the jobs for all.';
  END LOOP;
END
$$;

-- A user who leaves a workspace or an organization loses the user keys there for good. Users who have already left could regain
-- theirs by joining again.
UPDATE tenancy.api_keys k SET revoked_at = now()
WHERE k.user_id IS NOT NULL AND k.revoked_at IS NULL
  AND NOT EXISTS (SELECT FROM tenancy.workspace_members m WHERE m.workspace_id = k.workspace_id AND m.user_id = k.user_id)
  AND NOT EXISTS (SELECT FROM tenancy.organization_members m JOIN tenancy.roles r ON r.role_id = m.role_id
                  WHERE m.organization_id = k.organization_id AND m.user_id = k.user_id AND r.all_workspaces);

-- Workspaces no longer override roles of the organization: such overrides have no effect any more.
DO $$
DECLARE
  ignored record;
BEGIN
  FOR ignored IN
    SELECT o.slug AS organization, w.slug AS workspace, r.name AS role, g.resource, g.action
    FROM tenancy.grants g JOIN tenancy.roles r ON r.role_id = g.role_id
    JOIN tenancy.organizations o ON o.organization_id = g.organization_id
    JOIN tenancy.workspaces w ON w.workspace_id = g.workspace_id
    WHERE NOT tenancy_internal.workspace_may_override(r.level, g.allowed)
    ORDER BY 1, 2, 3, 4, 5 LOOP
    RAISE WARNING USING
      MESSAGE = format('workspace "%s" of organization "%s" no longer takes %s.%s from organization role "%s"',
                       ignored.workspace, ignored.organization, ignored.resource, ignored.action, ignored.role),
      HINT = 'Set it for the organization, where it is to stay so.';
  END LOOP;
END
$$;
-- Roles no longer get names in the form of an id. Those that have one keep it.
DO $$
DECLARE
  named_so record;
BEGIN
  FOR named_so IN SELECT o.slug, r.level, r.name FROM tenancy.roles r JOIN tenancy.organizations o ON o.organization_id = r.organization_id
                  WHERE pg_catalog.length(pg_catalog.replace(r.name, '-', '')) = 32 AND r.name ~ '^[0-9a-f-]+$' ORDER BY 1, 2, 3 LOOP
    RAISE WARNING USING MESSAGE = format('name of %s role "%s" of organization "%s" has the form of an id', named_so.level, named_so.name, named_so.slug),
      DETAIL = 'References to roles are names and ids, and an id comes first.', HINT = 'Rename it in tenancy.roles.';
  END LOOP;
END
$$;
-- A dump contained bindings of dropped roles as numbers, which would be those of other roles where it is restored.
DELETE FROM tenancy.login_bindings b WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = b.login);

-- Names of protected tables are remembered. Guard rails react to the tables that a command touched, not to the name of the
-- command.
INSERT INTO tenancy.protected_names
SELECT n.nspname, c.relname, t.resource, t.organization_column, t.workspace_column, t.owner_column, t.api_key_column, t.payload, t.relation
FROM tenancy.protected_tables t JOIN pg_catalog.pg_class c ON c.oid = t.relation JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE (tenancy_internal.protected_parent(t.relation)).relation IS NULL;
-- @include 96_event_triggers.sql

DO $$
DECLARE
  open_one record;
BEGIN
  FOR open_one IN SELECT a.* FROM tenancy_internal.advice_foreign_partition() a LOOP
    RAISE WARNING USING MESSAGE = format('foreign table %s stands open: %s', open_one.object, open_one.problem), HINT = open_one.fix_sql;
  END LOOP;
END
$$;

-- A login bound to a user of a single organization stays bound to it, whatever the user joins later.
UPDATE tenancy.login_bindings b SET organization_id = (SELECT m.organization_id FROM tenancy.organization_members m WHERE m.user_id = b.user_id)
WHERE b.user_id IS NOT NULL AND b.organization_id IS NULL
  AND (SELECT count(*) FROM tenancy.organization_members m WHERE m.user_id = b.user_id) = 1;
DO $$
DECLARE
  unsettled record;
BEGIN
  FOR unsettled IN SELECT b.login, u.email FROM tenancy.login_bindings b JOIN tenancy.users u ON u.user_id = b.user_id
                   WHERE b.organization_id IS NULL AND pg_catalog.cardinality(tenancy_internal.counting_organizations(b.user_id)) > 1 ORDER BY 1 LOOP
    RAISE WARNING USING MESSAGE = format('login %s stands for nobody any more', unsettled.login),
      DETAIL = format('It is bound to user "%s" without an organization, of which the user has several.', unsettled.email),
      HINT = 'Bind it to one by tenancy.bind_login().';
  END LOOP;
END
$$;

-- Descriptions in the same words as those of a new installation
COMMENT ON TABLE tenancy.grants IS 'Grants of roles: built-in rows, rows of an organization, and overrides of a workspace';
COMMENT ON TABLE tenancy.protected_tables IS 'Tables under tenancy policies, and the changes that unprotect() must undo';
COMMENT ON COLUMN tenancy.login_bindings.organization_id IS 'Organization in which the bound user acts; NULL: the user''s only one; with several, the login stands for nobody';
COMMENT ON TABLE tenancy.jwt_issuers IS 'The issuer and audience required of an organization''s tokens; without a row, any';
COMMENT ON COLUMN tenancy.jwt_issuers.issuer IS 'Required value of the claim iss; NULL for any';
COMMENT ON COLUMN tenancy.jwt_issuers.audience IS 'Value that the claim aud must be or contain; NULL for any';
COMMENT ON COLUMN tenancy.audit_log.organization_id IS 'Organization that the change concerns; NULL for objects without organization (users, permissions, protected tables ...)';
COMMENT ON COLUMN tenancy.audit_log.actor IS 'The actor in readable form: e-mail address, key, subject of the token, or login';
COMMENT ON COLUMN tenancy.audit_log.action IS 'The action: create, update, delete, rotate, revoke ...';
COMMENT ON COLUMN tenancy.audit_log.resource_type IS 'Kind of the changed object: organization, workspace, user, api_key ...';
COMMENT ON COLUMN tenancy.audit_log.resource_id IS 'Id of the changed object, unique among its kind in the organization';

COMMENT ON TABLE tenancy.audit_log IS 'Changes, refusals and reads with actor, time and client address; entries are only added, and removed by purge_audit_log() only';
COMMENT ON COLUMN tenancy.audit_log.at IS 'When the entry was written; of a refusal or a read, when that happened';
COMMENT ON COLUMN tenancy.audit_log.previous_hash IS 'Hash of the entry before this one in its chain; NULL without an organization';
COMMENT ON TABLE tenancy.audit_heads IS 'Both ends of each organization''s chains of audit entries; writers of one chain wait here for each other';
COMMENT ON COLUMN tenancy.audit_heads.organization_id IS 'The organization, also one that is gone; or the id of its chain of refusals and reads';
-- @include 70_audit_indexes.sql
-- @include 74_audit_ocsf.sql

-- @include 97_default_privileges.sql

-- Roles that could INSERT into tenancy.organizations were DBAs, and stay so. The grants are made as the administrator's and not
-- as the extension's, or else pg_dump would leave them out.
CREATE FUNCTION tenancy.grant_as_user(statement text) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_grant_as_user';
DO $$
DECLARE
  former record;
BEGIN
  FOR former IN
    SELECT DISTINCT r.rolname FROM pg_catalog.pg_class c CROSS JOIN pg_catalog.aclexplode(c.relacl) a
    LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
    WHERE c.oid = 'tenancy.organizations'::regclass AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner LOOP
    IF former.rolname IS NULL THEN
      RAISE WARNING USING MESSAGE = 'PUBLIC is no longer a DBA of pg_tenancy', DETAIL = 'It may INSERT into tenancy.organizations.',
        HINT = 'Use GRANT USAGE ON TYPE tenancy.administrator TO those roles that are to administer all tenants.';
    ELSE
      PERFORM tenancy.grant_as_user(pg_catalog.format('GRANT USAGE ON TYPE tenancy.administrator TO %I', former.rolname));
      RAISE WARNING 'role "%" holds USAGE on type tenancy.administrator from now on: it is a DBA of pg_tenancy', former.rolname;
    END IF;
  END LOOP;
END
$$;
-- New functions have the rights of those that had their name, where these are not as the extension has made them.
DO $$
DECLARE
  renewed record;
  former record;
BEGIN
  FOR renewed IN
    SELECT p.oid::pg_catalog.regprocedure AS function, f.value AS rights
    FROM pg_catalog.jsonb_each(pg_catalog.current_setting('tenancy_update.former_rights')::jsonb) f
    JOIN pg_catalog.pg_proc p ON p.proname = f.key AND p.pronamespace = 'tenancy'::regnamespace
    WHERE pg_catalog.concat('pg_catalog.pg_proc'::regclass::oid, '.', p.oid) <> ALL (pg_catalog.string_to_array(pg_catalog.current_setting('tenancy_update.existing'), ' ')) LOOP
    PERFORM tenancy.grant_as_user(pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', renewed.function));
    FOR former IN SELECT r.role, bool_or(r.grantable) AS grantable FROM pg_catalog.jsonb_to_recordset(nullif(renewed.rights, 'null')) r (role text, grantable boolean) GROUP BY r.role LOOP
      PERFORM tenancy.grant_as_user(pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO %s%s', renewed.function,
        coalesce(pg_catalog.quote_ident(former.role), 'PUBLIC'), CASE WHEN former.grantable THEN ' WITH GRANT OPTION' ELSE '' END));
    END LOOP;
  END LOOP;
END
$$;
-- Everybody reads the catalogs by columns from now on, without xmin and xmax, where an administrator hasn't taken that away. What a new
-- installation grants is the extension's, or else pg_dump would write it out, and a restore take away columns that come later. A GRANT or
-- REVOKE of the extension's own would take the users' grants on the same table or column along.
DO $$
DECLARE
  open_one record;
BEGIN
  FOR open_one IN
    SELECT k.oid, k.oid::pg_catalog.regclass AS catalog, c.of_extension, c.of_users
    FROM pg_catalog.pg_class k CROSS JOIN LATERAL (
      SELECT string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE a.attacl IS NULL) AS of_extension,
             string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE a.attacl IS NOT NULL) AS of_users
      FROM pg_catalog.pg_attribute a WHERE a.attrelid = k.oid AND a.attnum > 0 AND NOT a.attisdropped) c
    WHERE k.relnamespace = 'tenancy'::regnamespace AND k.relkind IN ('r', 'p') AND EXISTS (
      SELECT FROM pg_catalog.aclexplode(k.relacl) a WHERE a.grantee = 0 AND a.privilege_type = 'SELECT')
      AND EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = k.oid AND p.polname = 'principal') LOOP
    PERFORM tenancy.grant_as_user(pg_catalog.format('REVOKE SELECT ON %s FROM PUBLIC', open_one.catalog));
    UPDATE pg_catalog.pg_init_privs i SET initprivs = ARRAY(SELECT a FROM pg_catalog.unnest(i.initprivs) a WHERE NOT pg_catalog.starts_with(a::text, '='))
    WHERE (i.classoid, i.objoid, i.objsubid) = ('pg_catalog.pg_class'::regclass, open_one.oid, 0);
    IF open_one.of_extension IS NOT NULL THEN
      EXECUTE pg_catalog.format('GRANT SELECT (%s) ON %s TO PUBLIC', open_one.of_extension, open_one.catalog);
    END IF;
    IF open_one.of_users IS NOT NULL THEN
      PERFORM tenancy.grant_as_user(pg_catalog.format('GRANT SELECT (%s) ON %s TO PUBLIC', open_one.of_users, open_one.catalog));
    END IF;
  END LOOP;
END
$$;
-- Scoped views of 1.0 have no conditions of restrictive policies. They are no part of the extension.
DO $$
BEGIN
  PERFORM tenancy.grant_as_user(pg_catalog.format('SELECT tenancy_internal.refresh_scoped_views(%s::pg_catalog.oid)', v.relation::pg_catalog.oid))
  FROM (SELECT DISTINCT s.relation FROM tenancy.scoped_views s) v;
END
$$;
DROP FUNCTION tenancy.grant_as_user(text);
-- Rights of keys are derived when a key is changed, and so for those that are there already. Nothing about them changes.
SELECT count(tenancy_internal.derive_key(k.api_key_id)) FROM tenancy.api_keys k WHERE k.revoked_at IS NULL AND k.deleted_at IS NULL;
