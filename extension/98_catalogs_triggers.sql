-- Triggers of single catalogs, in addition to those of the registry. Install and update scripts both include this part, which makes
-- what is missing and replaces what is there.

DO $$
DECLARE
  t record;
  -- is_restore() spelled out: its call would be expanded anew for each entry.
  is_restore CONSTANT text := $q$(pg_catalog.current_setting('check_function_bodies') = 'off' AND pg_catalog.current_setting('search_path') = '' AND
             pg_catalog.has_parameter_privilege(current_user, 'session_replication_role', 'SET'))$q$;
  applied CONSTANT text := $q$pg_catalog.current_setting('session_replication_role') = 'replica'$q$;
  -- A membership or a group's role that goes on after its end: it begins anew, as after a return.
  revived CONSTANT text := '(OLD.ends_at <= clock_timestamp() AND (NEW.ends_at IS NULL OR NEW.ends_at > clock_timestamp()))';
BEGIN
  -- Comparisons of a row with others, also of organizations that its writer cannot see, come after the row: by then the policies have let
  -- it pass. Before, their errors would say what others have.
  FOR t IN SELECT * FROM (VALUES
    ('organization_members', 'check_role', 'AFTER INSERT OR UPDATE', 'ROW', NULL, $q$check_role_assignment('organization')$q$, false),
    ('workspace_members', 'check_role', 'AFTER INSERT OR UPDATE', 'ROW', NULL, $q$check_role_assignment('workspace')$q$, false),
    ('group_roles', 'check_role', 'AFTER INSERT OR UPDATE', 'ROW', NULL, $q$check_role_assignment('target')$q$, false),
    ('elevations', 'check_role', 'AFTER INSERT OR UPDATE', 'ROW', NULL, $q$check_role_assignment('target')$q$, false),
    ('elevation_rules', 'check_role', 'AFTER INSERT OR UPDATE', 'ROW', NULL, $q$check_role_assignment('')$q$, false),
    ('groups', 'check_source', 'BEFORE UPDATE', 'ROW', NULL, 'check_group()', false),
    ('group_members', 'check_source', 'AFTER INSERT OR UPDATE', 'ROW', NULL, 'check_group_member()', false),
    ('group_members', 'mark_member', 'AFTER INSERT OR UPDATE OF organization_id, user_id', 'ROW', NULL, 'mark_member()', true),
    ('elevations', 'mark_member', 'AFTER INSERT OR UPDATE OF organization_id, user_id', 'ROW', NULL, 'mark_member()', true),
    ('organization_members', 'keep_mark', 'BEFORE UPDATE', 'ROW', 'OLD.has_more_roles AND NOT NEW.has_more_roles', 'keep_mark()', true),
    ('grants', 'mark_organization', 'AFTER INSERT OR UPDATE OF organization_id', 'ROW', 'NEW.organization_id IS NOT NULL', 'mark_organization()', true),
    ('visibility', 'mark_organization', 'AFTER INSERT OR UPDATE OF organization_id', 'ROW', NULL, 'mark_organization()', true),
    ('workspace_overrides', 'mark_organization', 'AFTER INSERT OR UPDATE OF organization_id', 'ROW', NULL, 'mark_organization()', true),
    ('organizations', 'keep_mark', 'BEFORE UPDATE', 'ROW', 'OLD.has_overrides AND NOT NEW.has_overrides', 'keep_mark()', true),
    ('visibility', 'check_role', 'AFTER INSERT OR UPDATE', 'ROW', NULL, $q$check_role_assignment('workspace')$q$, false),
    ('grants', 'check_role', 'AFTER INSERT OR UPDATE', 'ROW', NULL, $q$check_role_assignment('')$q$, false),
    ('grants', 'check_change', 'BEFORE INSERT OR UPDATE OR DELETE', 'ROW', NULL, 'check_grant_change()', false),
    ('roles', 'check_change', 'BEFORE UPDATE OR DELETE', 'ROW', NULL, 'check_role_change()', false),
    ('workspaces', 'check_change', 'BEFORE UPDATE OR DELETE', 'ROW', NULL, 'check_workspace_change()', false),
    ('users', 'check_email', 'BEFORE INSERT OR UPDATE', 'ROW', NULL, 'check_email()', false),
    ('invitations', 'check_email', 'BEFORE INSERT OR UPDATE', 'ROW', NULL, 'check_email()', false),
    -- Before the entry of the audit log, whose actor can be this key.
    ('api_keys', '00_derive', 'AFTER UPDATE', 'ROW', NULL, 'derive_changed_key()', true),
    ('api_keys', 'check_identity', 'BEFORE UPDATE', 'ROW', NULL, 'check_key_organization()', false),
    ('api_keys', 'check_networks', 'BEFORE INSERT OR UPDATE OF allowed_networks', 'ROW', 'NEW.allowed_networks IS NOT NULL', 'check_key_networks()', false),
    ('api_keys', 'set_rotation', 'BEFORE INSERT OR UPDATE OF rotated_at', 'ROW', NULL, 'set_key_rotation()', false),
    ('api_keys', 'forget_use', 'AFTER DELETE', 'ROW', NULL, 'forget_key_use()', false),
    ('jwt_keys', 'check_key', 'AFTER INSERT OR UPDATE', 'ROW', NULL, 'check_jwt_key()', false),
    ('issuer_keys', 'check_key', 'AFTER INSERT OR UPDATE', 'ROW', NULL, 'check_issuer_key()', false),
    -- Before the foreign key takes the links away
    ('trusted_issuers', '0_end_tokens', 'AFTER DELETE', 'ROW', NULL, 'end_tokens_of_trust()', false),
    ('protected_tables', 'check_table', 'BEFORE INSERT OR UPDATE', 'ROW', NULL, 'check_protected_table()', false),
    ('trusted_functions', 'check_superuser', 'BEFORE INSERT OR UPDATE', 'ROW', NULL, 'check_trusted_function()', false),
    ('organization_members', 'check_member_id', 'AFTER INSERT OR UPDATE', 'ROW', NULL, 'check_member_id()', false),
    ('organization_members', 'keep_member_id', 'AFTER INSERT OR DELETE', 'ROW', NULL, 'keep_member_id()', false),
    ('organization_members', 'keep_changed_member_id', 'AFTER UPDATE', 'ROW',
     '(OLD.organization_id, OLD.user_id, OLD.external_id) IS DISTINCT FROM (NEW.organization_id, NEW.user_id, NEW.external_id)', 'keep_member_id()', false),
    ('given_external_ids', '0_audit_update', 'AFTER UPDATE', 'ROW', 'OLD.* IS DISTINCT FROM NEW.*', $q$audit_change('external_id', 'kind', 'external_id')$q$, false),
    ('given_external_ids', '0_audit_delete', 'AFTER DELETE', 'ROW', NULL, $q$audit_change('external_id', 'kind', 'external_id')$q$, false),

    -- First, before others say what is wrong with the row. Not where a dump brings the rows of one that was closed
    ('organization_members', '0_refuse_closed', 'AFTER INSERT OR UPDATE OF organization_id', 'ROW', format('NOT %s', is_restore), 'refuse_closed()', false),
    ('invitations', '0_refuse_closed', 'AFTER INSERT OR UPDATE OF organization_id', 'ROW', format('NOT %s', is_restore), 'refuse_closed()', false),
    ('roles', '0_refuse_closed', 'AFTER INSERT OR UPDATE OF organization_id', 'ROW', format('NEW.organization_id IS NOT NULL AND NOT %s', is_restore), 'refuse_closed()', false),
    ('groups', '0_refuse_closed', 'AFTER INSERT OR UPDATE OF organization_id', 'ROW', format('NOT %s', is_restore), 'refuse_closed()', false),
    ('api_keys', '0_refuse_closed', 'AFTER INSERT OR UPDATE OF organization_id', 'ROW', format('NOT %s', is_restore), 'refuse_closed()', false),
    ('api_key_secrets', '0_refuse_closed', 'AFTER INSERT OR UPDATE OF api_key_id', 'ROW', format('NOT %s', is_restore), 'refuse_closed()', false),
    ('jwt_keys', '0_refuse_closed', 'AFTER INSERT OR UPDATE OF organization_id', 'ROW', format('NOT %s', is_restore), 'refuse_closed()', false),
    ('trusted_issuers', '0_refuse_closed', 'AFTER INSERT OR UPDATE OF organization_id', 'ROW',
     format('NEW.organization_id IS NOT NULL AND NOT %s', is_restore), 'refuse_closed()', false),

    ('organization_members', 'follow_membership', 'AFTER INSERT OR DELETE', 'ROW', NULL, 'follow_membership()', false),
    -- Each server's own, also where members come by logical replication
    ('organization_members', 'settle_bindings', 'AFTER INSERT OR DELETE', 'ROW', NULL, 'settle_bindings()', true),
    ('organizations', 'end_sign_up', 'AFTER UPDATE', 'ROW', 'OLD.open_to_sign_up AND NOT NEW.open_to_sign_up', 'end_sign_up()', false),
    ('organizations', 'forget_refusals', 'AFTER DELETE OR TRUNCATE', 'STATEMENT', NULL, 'forget_refusals()', false),
    ('login_bindings', 'settle_binding', 'BEFORE INSERT OR UPDATE', 'ROW',
     'NEW.user_id IS NOT NULL AND NEW.organization_id IS NULL AND NEW.workspace_id IS NULL', 'settle_binding()', false),
    -- As a consequence of something else, and not by the statement of a DBA
    ('login_bindings', 'keep_trust', 'AFTER DELETE', 'ROW', 'OLD.trusted AND OLD.user_id IS NOT NULL AND pg_trigger_depth() > 0', 'keep_trust()', true),
    ('organization_members', 'end_keys', 'AFTER DELETE', 'ROW', NULL, 'end_keys_of_leaver()', false),
    ('organization_members', 'end_keys_of_former', 'AFTER UPDATE', 'ROW',
     '(OLD.organization_id, OLD.user_id, OLD.role_id) IS DISTINCT FROM (NEW.organization_id, NEW.user_id, NEW.role_id)', 'end_keys_of_leaver()', false),
    -- Before: it has ended, whatever it is from now on, and so have others that go on by the same command.
    ('organization_members', 'end_keys_of_revived', 'BEFORE UPDATE', 'ROW', revived, 'end_keys_of_leaver()', false),
    ('organization_members', 'begin_anew', 'AFTER UPDATE', 'ROW', revived, 'begin_anew()', false),
    ('group_members', 'end_keys', 'AFTER DELETE', 'ROW', NULL, 'end_keys_of_leaver()', false),
    ('group_members', 'end_keys_of_former', 'AFTER UPDATE', 'ROW',
     '(OLD.group_id, OLD.user_id) IS DISTINCT FROM (NEW.group_id, NEW.user_id)', 'end_keys_of_leaver()', false),
    ('group_members', 'end_keys_of_revived', 'BEFORE UPDATE', 'ROW', revived, 'end_keys_of_leaver()', false),
    ('group_members', 'end_keys_of_all', 'AFTER TRUNCATE', 'STATEMENT', NULL, 'end_keys_of_all()', false),
    ('group_roles', 'end_keys', 'AFTER DELETE', 'ROW', NULL, 'end_keys_of_leaver()', false),
    ('group_roles', 'end_keys_of_former', 'AFTER UPDATE', 'ROW',
     '(OLD.group_id, OLD.workspace_id, OLD.role_id) IS DISTINCT FROM (NEW.group_id, NEW.workspace_id, NEW.role_id)', 'end_keys_of_leaver()', false),
    ('group_roles', 'end_keys_of_revived', 'BEFORE UPDATE', 'ROW', revived, 'end_keys_of_leaver()', false),
    ('group_roles', 'end_keys_of_all', 'AFTER TRUNCATE', 'STATEMENT', NULL, 'end_keys_of_all()', false),
    ('roles', 'end_keys', 'AFTER UPDATE', 'ROW', 'OLD.all_workspaces AND NOT NEW.all_workspaces', 'end_keys_of_leaver()', false),
    ('organization_members', 'end_keys_of_all', 'AFTER TRUNCATE', 'STATEMENT', NULL, 'end_keys_of_all()', false),
    ('organization_members', 'remember_leaver', 'AFTER DELETE', 'ROW', NULL, 'remember_leaver()', false),
    ('workspace_members', 'remember_leaver', 'AFTER DELETE', 'ROW', NULL, 'remember_leaver()', false),
    ('workspace_members', 'end_keys', 'AFTER DELETE', 'ROW', NULL, 'end_keys_of_leaver()', false),
    ('workspace_members', 'end_keys_of_former', 'AFTER UPDATE', 'ROW',
     '(OLD.workspace_id, OLD.user_id) IS DISTINCT FROM (NEW.workspace_id, NEW.user_id)', 'end_keys_of_leaver()', false),
    ('workspace_members', 'end_keys_of_revived', 'BEFORE UPDATE', 'ROW', revived, 'end_keys_of_leaver()', false),
    ('workspace_members', 'end_keys_of_all', 'AFTER TRUNCATE', 'STATEMENT', NULL, 'end_keys_of_all()', false),
    ('users', 'follow_address', 'AFTER UPDATE', 'ROW', 'OLD.email IS DISTINCT FROM NEW.email', 'follow_address()', false),
    ('users', 'leave_address', 'AFTER DELETE', 'ROW', NULL, 'follow_address()', false),
    ('users', 'end_tokens', 'AFTER UPDATE', 'ROW', 'OLD.active AND NOT NEW.active', 'end_tokens_of_locked()', false),
    ('organization_members', 'end_tokens', 'AFTER DELETE', 'ROW', NULL, 'end_tokens_of_leaver()', false),
    ('organization_members', 'end_tokens_of_former', 'AFTER UPDATE', 'ROW',
     '(OLD.organization_id, OLD.user_id) IS DISTINCT FROM (NEW.organization_id, NEW.user_id) OR ' || revived, 'end_tokens_of_leaver()', false),
    ('organization_members', 'end_tokens_of_all', 'AFTER TRUNCATE', 'STATEMENT', NULL, 'end_tokens_of_all()', false),
    ('identities', 'end_tokens', 'AFTER DELETE', 'ROW', NULL, 'end_tokens_of_unlinked()', false),
    ('identities', 'end_tokens_of_former', 'AFTER UPDATE', 'ROW', '(OLD.trust_id, OLD.subject, OLD.user_id) IS DISTINCT FROM (NEW.trust_id, NEW.subject, NEW.user_id)', 'end_tokens_of_unlinked()', false),
    ('identities', 'end_tokens_of_all', 'BEFORE TRUNCATE', 'STATEMENT', NULL, 'end_tokens_of_all()', false),

    ('users', 'end_bindings', 'AFTER DELETE', 'ROW', applied, $q$end_bindings('user_id')$q$, true),
    ('workspaces', 'end_bindings', 'AFTER DELETE', 'ROW', applied, $q$end_bindings('workspace_id')$q$, true),
    ('organization_members', 'end_bindings', 'AFTER DELETE', 'ROW', applied, $q$end_bindings('organization_id', 'user_id')$q$, true),
    ('organization_members', 'end_bindings_of_former', 'AFTER UPDATE', 'ROW',
     format('%s AND ((OLD.organization_id, OLD.user_id) IS DISTINCT FROM (NEW.organization_id, NEW.user_id) OR %s)', applied, revived),
     $q$end_bindings('organization_id', 'user_id')$q$, true),

    ('permissions', 'drop_settings', 'AFTER DELETE', 'ROW', 'NOT OLD.built_in', 'drop_resource_settings()', false),
    ('logging_settings', 'wait_for_removal', 'BEFORE INSERT OR UPDATE', 'ROW', $q$NEW.setting = 'legal_hold'$q$, 'wait_for_removal()', true),
    ('chosen_vocabulary', 'leave_out', 'AFTER INSERT', 'ROW', NULL, 'leave_out_gateway()', true),

    ('audit_log', 'seal', 'BEFORE INSERT', 'ROW', format('NOT %s', is_restore), 'seal_audit_entry()', false),
    ('audit_log', 'stamp', 'BEFORE INSERT', 'ROW', NULL, 'stamp_audit_entry()', true),
    ('audit_log', 'guard', 'BEFORE UPDATE OR DELETE', 'ROW', NULL, 'guard_audit_log()', true),
    ('audit_log', 'guard_truncate', 'BEFORE TRUNCATE', 'STATEMENT', NULL, 'guard_audit_log()', true),
    ('audit_heads', 'guard', 'BEFORE UPDATE OR DELETE', 'ROW', NULL, 'guard_audit_heads()', true),
    ('audit_heads', 'guard_truncate', 'BEFORE TRUNCATE', 'STATEMENT', NULL, 'guard_audit_heads()', true)
  ) v (catalog, name, event, level, condition, call, always) LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER %I %s ON tenancy.%I FOR EACH %s %s EXECUTE FUNCTION tenancy_internal.%s', t.name, t.event,
                   t.catalog, t.level, coalesce('WHEN (' || t.condition || ')', ''), t.call);
    IF t.always THEN
      EXECUTE format('ALTER TABLE tenancy.%I ENABLE ALWAYS TRIGGER %I', t.catalog, t.name);
    END IF;
  END LOOP;

  FOR t IN SELECT * FROM (VALUES
    ('organizations', 'organization', 'organization_id'), ('workspaces', 'workspace', 'workspace_id'), ('users', 'user', 'user_id'),
    ('api_keys', 'api_key', 'api_key_id')
  ) v (catalog, kind, id_column) LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER keep_external_id AFTER INSERT ON tenancy.%I FOR EACH ROW
                    WHEN (NEW.external_id IS NOT NULL) EXECUTE FUNCTION tenancy_internal.keep_external_id(%L, %L)', t.catalog, t.kind, t.id_column);
    EXECUTE format('CREATE OR REPLACE TRIGGER keep_changed_external_id AFTER UPDATE ON tenancy.%I FOR EACH ROW
                    WHEN (OLD.external_id IS DISTINCT FROM NEW.external_id) EXECUTE FUNCTION tenancy_internal.keep_external_id(%L, %L)',
                   t.catalog, t.kind, t.id_column);
    EXECUTE format('CREATE OR REPLACE TRIGGER keep_former_external_id AFTER DELETE ON tenancy.%I FOR EACH ROW
                    EXECUTE FUNCTION tenancy_internal.keep_external_id(%L, %L)', t.catalog, t.kind, t.id_column);
  END LOOP;

  -- Rights are changed on one server only: where they come by logical replication, a change made here would end that, and revocations
  -- would no longer arrive. Apply fires no triggers for statements. Entries of the audit log and uses of keys are local.
  FOR t IN SELECT k.oid::pg_catalog.regclass AS catalog FROM pg_catalog.pg_class k
           JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = k.oid AND d.deptype = 'e'
           JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND e.oid = d.refobjid AND e.extname = 'pg_tenancy'
           WHERE k.relkind IN ('r', 'p') AND k.relname NOT IN ('audit_log', 'audit_heads', 'api_key_uses') LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER "0_refuse_on_subscriber" BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s FOR EACH STATEMENT
                    EXECUTE FUNCTION tenancy_internal.refuse_on_subscriber()', t.catalog);
  END LOOP;

  -- These cannot be replaced.
  FOR t IN SELECT * FROM (VALUES
    ('organization_members', 'check_last_owner', 'AFTER UPDATE OR DELETE', 'DEFERRABLE INITIALLY IMMEDIATE',
     $q$OLD.role_id = '00000000-0000-4000-8000-000000000001'$q$, 'check_last_owner()'),
    ('users', 'check_locked_owner', 'AFTER UPDATE', 'DEFERRABLE INITIALLY IMMEDIATE', 'OLD.active AND NOT NEW.active', 'check_locked_owner()'),
    -- Once per transaction rather than once per entry: a row that one transaction updates over and over gets slower and slower.
    ('audit_log', 'audit_head', 'AFTER INSERT', 'DEFERRABLE INITIALLY DEFERRED', format('NEW.organization_id IS NOT NULL AND NOT %s', is_restore), 'advance_audit_head()')
  ) v (catalog, name, event, deferral, condition, call) LOOP
    EXECUTE format('DROP TRIGGER IF EXISTS %I ON tenancy.%I', t.name, t.catalog);
    EXECUTE format('CREATE CONSTRAINT TRIGGER %I %s ON tenancy.%I %s FOR EACH ROW WHEN (%s) EXECUTE FUNCTION tenancy_internal.%s', t.name,
                   t.event, t.catalog, t.deferral, t.condition, t.call);
  END LOOP;
END
$$;
