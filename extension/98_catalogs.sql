-- The registry: one row has everything about a catalog except its columns and constraints. Install and update scripts both include
-- this part, which creates what is missing and leaves the rest. A catalog without a row ends CREATE EXTENSION with an error.
--
--   dba            the command of a DBA's policy: ALL, SELECT, INSERT (of hashes, which no role may read: the module reads them
--                  without a policy); NULL: no policy
--   sees           the condition on rows visible to a principal; with one, PUBLIC may SELECT every column; NULL: none are visible
--   dumped         the condition on rows in dumps; NULL: none. Rows of users are dumped, those of the extension are not. Nor are rows
--                  about dropped roles or relations: their numbers could be those of others where the dump is restored; nor about
--                  members of extensions, which a dump leaves out: one name that is not there keeps all rows of a catalog away
--   inserted       the sessions that a new row concerns: '' those of any change; 'new' none; 'of_key' none if its key is new as well;
--                  'listed' those that have cached a list of such rows; NULL: nothing is cached from the catalog, so there are no
--                  notifications
--   notified       the sessions that a change concerns: '' all, since they may refer to the row by name, or since built-in roles have
--                  no organization; or those that have cached something of the row's 'organization', also of its 'member', or of the
--                  organization of its 'key'
--   resource_type  the resource type of audit entries; id_column, second_column: the columns of their resource_id; NULL: no entries
DO $$
DECLARE
  c record;
  home text;
  known text[];
  forgotten text;
  existing CONSTANT text[] := pg_catalog.string_to_array(coalesce(pg_catalog.current_setting('tenancy_update.existing', true), ''), ' ');
  is_new boolean;
  all_columns boolean;
  columns text;
  is_dumped CONSTANT text := $q$EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = %1$s) AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = %1$s AND d.deptype = 'e')$q$;
BEGIN
  FOR c IN SELECT * FROM (VALUES
    ('organizations', 'ALL', $q$organization_id = (SELECT tenancy.current_organization_id())$q$, '',
     'new', '', 'organization', 'organization_id', ''),
    ('workspaces', 'ALL', $q$organization_id = (SELECT tenancy.current_organization_id())
                             AND (tenancy.authorize('workspaces', 'list', workspace_id)
                                  OR tenancy.authorize('workspaces', 'view', workspace_id))$q$, '',
     'listed', 'organization', 'workspace', 'workspace_id', ''),
    -- The person's own row, and not that of whom an organization has made a key for
    ('users', 'ALL', $q$user_id = (SELECT tenancy_steps.person_of_session() WHERE tenancy.current_user_id() IS NOT NULL)$q$, '',
     'new', '', 'user', 'user_id', ''),
    ('roles', 'ALL', $q$organization_id IS NULL OR organization_id = (SELECT tenancy.current_organization_id())$q$,
     'WHERE organization_id IS NOT NULL',
     'new', 'organization', 'role', 'role_id', ''),
    -- A workspace's team sees its people in the view members.
    ('organization_members', 'ALL', $q$organization_id = (SELECT tenancy_steps.organization_with('team', 'list'))
                                       OR (organization_id, user_id) = (SELECT tenancy.current_organization_id(), tenancy_steps.user_itself())$q$, '',
     '', 'member', 'organization_member', 'user_id', ''),
    -- A key, too, may know the role by which it acts.
    ('workspace_members', 'ALL', $q$(organization_id, user_id) = (SELECT tenancy.current_organization_id(), tenancy_steps.user_itself())
                                    OR (organization_id, user_id, workspace_id) = (SELECT tenancy.current_organization_id(), tenancy.current_user_id(), tenancy.current_workspace_id())
                                    OR organization_id = (SELECT tenancy.current_organization_id()) AND tenancy.authorize('team', 'list', workspace_id)$q$, '',
     '', 'organization', 'workspace_member', 'workspace_id', 'user_id'),
    -- Groups as far as they give roles where the session may list the team
    ('groups', 'ALL', $q$organization_id = (SELECT tenancy_steps.organization_with('team', 'list'))
                         OR group_id IN (SELECT r.group_id FROM tenancy.group_roles r)$q$, '',
     'new', 'organization', 'group', 'group_id', ''),
    ('group_members', 'ALL', $q$organization_id = (SELECT tenancy_steps.organization_with('team', 'list'))
                                OR (organization_id, user_id) = (SELECT tenancy.current_organization_id(), tenancy_steps.user_itself())
                                OR group_id IN (SELECT r.group_id FROM tenancy.group_roles r)$q$, '',
     '', 'member', 'group_member', 'group_id', 'user_id'),
    ('group_roles', 'ALL', $q$organization_id = (SELECT tenancy_steps.organization_with('team', 'list'))
                              OR organization_id = (SELECT tenancy.current_organization_id()) AND tenancy.authorize('team', 'list', workspace_id)$q$, '',
     '', 'organization', 'group_role', 'group_id', 'workspace_id'),
    ('elevation_rules', 'ALL', $q$organization_id = (SELECT tenancy_steps.organization_with('team', 'list'))
                                  OR (organization_id, user_id) = (SELECT tenancy.current_organization_id(), tenancy_steps.user_itself())$q$, '',
     'new', 'organization', 'elevation_rule', 'rule_id', ''),
    ('elevations', 'ALL', $q$organization_id = (SELECT tenancy_steps.organization_with('team', 'list'))
                             OR (organization_id, user_id) = (SELECT tenancy.current_organization_id(), tenancy_steps.user_itself())$q$, '',
     '', 'member', 'elevation', 'elevation_id', ''),
    ('invitations', 'ALL', $q$organization_id = (SELECT tenancy_steps.organization_with('team', 'list'))$q$, '',
     NULL, NULL, 'invitation', 'invitation_id', ''),
    -- Refusals by the invited side are hidden from the inviting side.
    ('refused_invitations', 'ALL', NULL, '',
     NULL, NULL, 'refused_invitation', 'inviting_organization', ''),
    ('permissions', 'ALL', 'true', 'WHERE NOT built_in',
     '', '', 'permission', 'resource', 'action'),
    -- Rows that count in the whole organization, for those to whom settings() and logging_settings() show them
    ('grants', 'ALL', $q$organization_id IS NULL OR organization_id = (SELECT tenancy.current_organization_id())
                         AND CASE WHEN workspace_id IS NULL THEN (SELECT tenancy.authorize('workspaces', 'view')) ELSE tenancy.authorize('workspaces', 'view', workspace_id) END$q$,
     'WHERE organization_id IS NOT NULL OR (resource, action) IN (SELECT resource, action FROM tenancy.permissions WHERE NOT built_in)',
     '', 'organization', 'grant', 'role_id', 'workspace_id'),
    ('visibility', 'ALL', $q$organization_id = (SELECT tenancy.current_organization_id())
                             AND CASE WHEN workspace_id IS NULL THEN (SELECT tenancy.authorize('workspaces', 'view')) ELSE tenancy.authorize('workspaces', 'view', workspace_id) END$q$, '',
     '', 'organization', 'visibility', 'role_id', 'workspace_id'),
    ('workspace_overrides', 'ALL', $q$organization_id = (SELECT tenancy_steps.organization_where('workspaces', 'view'))$q$, '',
     '', 'organization', 'workspace_override', 'category', ''),
    ('logging_settings', 'ALL', $q$CASE WHEN workspace_id IS NULL THEN organization_id = (SELECT tenancy_steps.organization_in_part('workspaces', 'view'))
                                        ELSE organization_id = (SELECT tenancy.current_organization_id()) AND tenancy.authorize('workspaces', 'view', workspace_id) END$q$, '',
     NULL, NULL, 'logging_setting', 'setting', 'workspace_id'),
    ('former_members', 'ALL', NULL, '',
     NULL, NULL, NULL, NULL, NULL),
    ('given_external_ids', 'ALL', NULL, '',
     NULL, NULL, NULL, NULL, NULL),
    ('kept_tables', 'SELECT', NULL, 'WHERE ' || format(is_dumped, 'relation'),
     NULL, NULL, 'kept_table', 'relation', ''),
    ('setting_definitions', 'ALL', 'true', 'WHERE resource NOT IN (SELECT resource FROM tenancy.permissions WHERE built_in)',
     NULL, NULL, NULL, NULL, NULL),
    -- By hand, a row would leave out what tables of users need.
    ('chosen_vocabulary', 'SELECT', 'true', '',
     NULL, NULL, 'vocabulary', 'vocabulary', ''),
    ('api_keys', 'ALL', $q$tenancy.dba_sees() OR tenancy.row_visible('api_keys', 'list', organization_id, workspace_id, user_id, NULL)$q$, '',
     'listed', 'organization', 'api_key', 'api_key_id', ''),
    ('api_key_secrets', 'INSERT', NULL, '',
     'new', 'key', 'api_key', 'api_key_id', ''),
    ('api_key_scopes', 'ALL', $q$api_key_id IN (SELECT k.api_key_id FROM tenancy.api_keys k)$q$, '',
     'of_key', 'key', 'api_key_scope', 'api_key_id', ''),
    ('api_key_uses', 'ALL', NULL, '',
     NULL, NULL, NULL, NULL, NULL),
    ('jwt_keys', 'ALL', $q$organization_id = (SELECT tenancy_steps.organization_where('organization', 'update'))$q$, '',
     'new', 'organization', 'jwt_key', 'kid', ''),
    ('jwt_issuers', 'ALL', $q$organization_id = (SELECT tenancy_steps.organization_where('organization', 'update'))$q$, '',
     '', 'organization', 'jwt_issuer', 'organization_id', ''),
    ('trusted_issuers', 'ALL', $q$organization_id = (SELECT tenancy_steps.organization_where('organization', 'update'))$q$, '',
     '', '', 'trusted_issuer', 'trust_id', ''),
    ('issuer_keys', 'ALL', $q$trust_id IN (SELECT t.trust_id FROM tenancy.trusted_issuers t)$q$, '',
     'new', '', 'issuer_key', 'trust_id', 'kid'),
    ('identities', 'ALL', $q$user_id = (SELECT tenancy_steps.person_of_session()) OR trust_id IN (SELECT t.trust_id FROM tenancy.trusted_issuers t)$q$, '',
     '', '', 'identity', 'trust_id', 'subject'),
    ('ended_tokens', 'ALL', NULL, '',
     '', 'member', 'user_tokens', 'user_id', ''),
    -- The link has an entry.
    ('ended_links', 'ALL', NULL, '',
     '', '', NULL, NULL, NULL),
    ('login_bindings', 'ALL', $q$login = (SELECT r.oid::regrole FROM pg_catalog.pg_roles r WHERE r.rolname = session_user)$q$,
     'WHERE EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = login)',
     '', '', 'login_binding', 'login', ''),
    -- By hand, a row would make work for tenants read any table as its owner.
    ('protected_tables', 'SELECT', NULL, 'WHERE ' || format(is_dumped, 'relation'),
     NULL, NULL, 'protected_table', 'relation', ''),
    ('protected_names', 'SELECT', NULL, 'WHERE holder IS NULL OR ' || format(is_dumped, 'holder'),
     NULL, NULL, NULL, NULL, NULL),
    ('scoped_views', 'SELECT', NULL,
     'WHERE ' || format(is_dumped, '"view"') || ' AND ' || format(is_dumped, 'relation'),
     NULL, NULL, NULL, NULL, NULL),
    ('accepted_advice', 'ALL', NULL, '',
     NULL, NULL, 'accepted_advice', 'rule', 'object'),
    -- Superusers alone.
    ('trusted_functions', NULL, NULL, '',
     '', '', NULL, NULL, NULL),
    ('cluster_keys', NULL, NULL, NULL,
     NULL, NULL, 'cluster_key', 'key_id', ''),
    -- dba_sees() first in conditions with row_visible(), since policies are evaluated in an order of their own: it spares a DBA the
    -- filter, and its credential from being verified.
    -- Guards keep these two as they are, whoever asks; and a DBA may add entries, see below.
    ('audit_log', 'SELECT', $q$tenancy.dba_sees() OR tenancy.row_visible('audit_logs', 'list', organization_id, NULL, NULL, NULL)$q$, '',
     NULL, NULL, NULL, NULL, NULL),
    ('audit_heads', 'ALL', NULL, '',
     NULL, NULL, NULL, NULL, NULL)) v (catalog, dba, sees, dumped, inserted, notified, resource_type, id_column, second_column) LOOP
    known := known || c.catalog;
    home := pg_catalog.format('%I.%I', CASE WHEN pg_catalog.to_regclass(pg_catalog.format('tenancy_internal.%I', c.catalog)) IS NULL
                                            THEN 'tenancy' ELSE 'tenancy_internal' END, c.catalog);
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', home);
    -- No policy applies to TRUNCATE.
    IF c.catalog NOT IN ('audit_log', 'audit_heads') THEN
      EXECUTE format('CREATE OR REPLACE TRIGGER guard_truncate BEFORE TRUNCATE ON %s
                      FOR EACH STATEMENT EXECUTE FUNCTION tenancy_internal.guard_truncate()', home);
    END IF;
    is_new := pg_catalog.format('%s.%s', 'pg_catalog.pg_class'::regclass::oid, home::regclass::oid) <> ALL (existing);
    -- By default privileges, PUBLIC could have some.
    IF is_new AND EXISTS (SELECT FROM pg_catalog.pg_class k, pg_catalog.aclexplode(k.relacl) a
                                WHERE k.oid = home::regclass AND a.grantee = 0) THEN
      EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', home);
    END IF;
    IF c.dba IS NOT NULL THEN
      EXECUTE format('DROP POLICY IF EXISTS dba ON %s', home);
      EXECUTE format('CREATE POLICY dba ON %s FOR %s %s (tenancy.dba_sees())', home, c.dba,
                     CASE c.dba WHEN 'INSERT' THEN 'WITH CHECK' ELSE 'USING' END);
    END IF;
    IF c.sees IS NOT NULL THEN
      EXECUTE format('DROP POLICY IF EXISTS principal ON %s', home);
      EXECUTE format('CREATE POLICY principal ON %s FOR SELECT USING (%s)', home, c.sees);
      -- By columns: SELECT on the table includes xmin and xmax, which tell of writes and row locks of other tenants, whatever rows the
      -- policy shows. Only where nobody has been granted or denied anything yet, or on columns that are new beside granted ones: an
      -- update leaves privileges alone.
      IF is_new OR (SELECT k.relacl IS NULL FROM pg_catalog.pg_class k WHERE k.oid = home::regclass) THEN
        EXECUTE format('REVOKE SELECT ON %s FROM PUBLIC', home);
        all_columns := true;
      ELSE
        all_columns := false;
      END IF;
      SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO columns FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = home::regclass AND a.attnum > 0 AND NOT a.attisdropped
        AND (all_columns OR a.attacl IS NULL
             AND NOT EXISTS (SELECT FROM pg_catalog.pg_init_privs i WHERE (i.classoid, i.objoid, i.objsubid) = ('pg_catalog.pg_class'::regclass, a.attrelid, a.attnum))
             AND EXISTS (SELECT FROM pg_catalog.pg_init_privs i JOIN pg_catalog.pg_attribute g ON (g.attrelid, g.attnum) = (i.objoid, i.objsubid),
                              pg_catalog.aclexplode(g.attacl) x
                         WHERE (i.classoid, i.objoid) = ('pg_catalog.pg_class'::regclass, a.attrelid) AND x.grantee = 0 AND x.privilege_type = 'SELECT'));
      IF columns IS NOT NULL THEN
        EXECUTE format('GRANT SELECT (%s) ON %s TO PUBLIC', columns, home);
      END IF;
    END IF;
    IF c.dumped IS NOT NULL THEN
      PERFORM pg_catalog.pg_extension_config_dump(home, c.dumped);
    END IF;

    -- ALWAYS: logical replication's apply must notify sessions, too. Row triggers: apply fires no statement triggers.
    IF c.inserted IS NOT NULL THEN
      EXECUTE format('CREATE OR REPLACE TRIGGER invalidate AFTER UPDATE OR DELETE ON %s
                      FOR EACH ROW EXECUTE FUNCTION tenancy_internal.invalidate(%L, %L)', home, '', c.notified);
      EXECUTE format('CREATE OR REPLACE TRIGGER invalidate_insert AFTER INSERT ON %s
                      FOR EACH ROW EXECUTE FUNCTION tenancy_internal.invalidate(%L, %L)', home, c.inserted, c.notified);
      EXECUTE format('CREATE OR REPLACE TRIGGER invalidate_truncate AFTER TRUNCATE ON %s
                      FOR EACH STATEMENT EXECUTE FUNCTION tenancy_internal.invalidate()', home);
      EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER invalidate, ENABLE ALWAYS TRIGGER invalidate_insert,
                      ENABLE ALWAYS TRIGGER invalidate_truncate', home);
    END IF;

    IF c.resource_type IS NOT NULL THEN
      -- The names sort before those of foreign keys' triggers (RI_...): the entry of what takes others along precedes theirs, and the
      -- principal is looked up while it still is who it was.
      EXECUTE format('CREATE OR REPLACE TRIGGER "0_audit_insert" AFTER INSERT ON %s FOR EACH ROW
                      WHEN (NOT tenancy_steps.is_restore()) EXECUTE FUNCTION tenancy_internal.audit_change(%L, %L, %L)',
                     home, c.resource_type, c.id_column, c.second_column);
      EXECUTE format('CREATE OR REPLACE TRIGGER "0_audit_update" AFTER UPDATE ON %s FOR EACH ROW
                      WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION tenancy_internal.audit_change(%L, %L, %L)',
                     home, c.resource_type, c.id_column, c.second_column);
      EXECUTE format('CREATE OR REPLACE TRIGGER "0_audit_delete" AFTER DELETE ON %s FOR EACH ROW
                      EXECUTE FUNCTION tenancy_internal.audit_change(%L, %L, %L)',
                     home, c.resource_type, c.id_column, c.second_column);
      EXECUTE format('CREATE OR REPLACE TRIGGER audit_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT
                      EXECUTE FUNCTION tenancy_internal.audit_truncate(%L)', home, c.resource_type);
      EXECUTE format('CREATE OR REPLACE TRIGGER begin_restore BEFORE INSERT ON %s FOR EACH STATEMENT
                      WHEN (tenancy_steps.is_restore()) EXECUTE FUNCTION tenancy_internal.begin_restore()', home);
      EXECUTE format('CREATE OR REPLACE TRIGGER end_restore AFTER INSERT ON %s FOR EACH STATEMENT
                      WHEN (tenancy_steps.is_restore()) EXECUTE FUNCTION tenancy_internal.end_restore()', home);
      EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER end_restore', home);
    END IF;
  END LOOP;

  SELECT string_agg(k.relname, ', ') INTO forgotten FROM pg_catalog.pg_class k
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = k.oid AND d.deptype = 'e'
  JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'pg_tenancy'
  WHERE k.relkind IN ('r', 'p') AND k.relname <> ALL (known);
  IF forgotten IS NOT NULL THEN
    RAISE EXCEPTION USING MESSAGE = format('the registry of catalogs has no row for: %s', forgotten);
  END IF;
END
$$;
SELECT pg_catalog.pg_extension_config_dump('tenancy.audit_log_audit_id_seq', '');

-- Entries that a DBA adds are sealed like all others. The guards trust a purge entry to cover the entries before it, so only
-- purge_audit_log() writes one.
DROP POLICY IF EXISTS dba_adds ON tenancy.audit_log;
CREATE POLICY dba_adds ON tenancy.audit_log FOR INSERT
  WITH CHECK ((SELECT tenancy.is_dba()) AND NOT (resource_type = 'audit_log' AND action = 'purge'));
