-- Rights to administer: a DBA may do everything; a principal what its permissions allow, in its own organization, without
-- delegating more than it holds.

CREATE FUNCTION tenancy.is_dba() RETURNS boolean
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_is_dba';
COMMENT ON FUNCTION tenancy.is_dba() IS 'Whether the caller is a DBA: a superuser, or a role that holds USAGE on tenancy.administrator; never in a security-restricted operation';

CREATE FUNCTION tenancy_internal.permission_reach(organization_id uuid, workspace_id uuid, resource text, action text) RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_holds';
COMMENT ON FUNCTION tenancy_internal.permission_reach(uuid, uuid, text, text) IS 'Rows that the session''s permission reaches in a workspace, or (NULL) on the organization: all, own, or NULL; 22023 when the permission isn''t registered';

CREATE FUNCTION tenancy_internal.lasting_reach(organization_id uuid, workspace_id uuid, resource text, action text) RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_lasting_reach';
COMMENT ON FUNCTION tenancy_internal.lasting_reach(uuid, uuid, text, text) IS 'As permission_reach(), by the rights that the session has without those that it has taken by elevate(): for permissions by which it gives something away';

-- The vocabulary of the access model, from the module.

CREATE FUNCTION tenancy_internal.words(list text) RETURNS text[]
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_words';
COMMENT ON FUNCTION tenancy_internal.words(text) IS 'A list of the access model''s words: levels, categories, key_kinds, organization_level (resources of the organization itself), append_only, observability, gateway (resources of the vocabulary llm_gateway), without_category (resources whose grants no workspace overrides); 22023 for another';

CREATE FUNCTION tenancy_internal.can_be_overridden(role_id uuid, level text, resource text, action text) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_can_be_overridden';
COMMENT ON FUNCTION tenancy_internal.can_be_overridden(uuid, text, text, text) IS 'Whether an override of a role''s grant can have any effect';

CREATE FUNCTION tenancy_internal.workspace_may_override(level text, allowed boolean) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_workspace_may_override';
COMMENT ON FUNCTION tenancy_internal.workspace_may_override(text, boolean) IS 'Whether a workspace''s override of a grant of a role on a level can count';

CREATE FUNCTION tenancy_internal.is_above_visibility(role_id uuid) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_is_above_visibility';
COMMENT ON FUNCTION tenancy_internal.is_above_visibility(uuid) IS 'Whether a role of a workspace sees all rows, whatever the data visibility';

CREATE FUNCTION tenancy_internal.can_be_registered(resource text, action text) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_can_be_registered';
COMMENT ON FUNCTION tenancy_internal.can_be_registered(text, text) IS 'False for an action that would change what is append-only';

CREATE FUNCTION tenancy_internal.category_of(resource text) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_category_of';
COMMENT ON FUNCTION tenancy_internal.category_of(text) IS 'The category of a resource''s grants; resources for one that isn''t built in, NULL where workspaces override none';

CREATE FUNCTION tenancy_internal.kind_of_action(action text) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_kind_of_action';
COMMENT ON FUNCTION tenancy_internal.kind_of_action(text) IS 'What an action does, as far as its name says: read, write or other';

CREATE FUNCTION tenancy_internal.holds_by_default(role_id uuid, action text) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_holds_by_default';
COMMENT ON FUNCTION tenancy_internal.holds_by_default(uuid, text) IS 'Whether a built-in role holds the action on a resource of the user''s own that is registered without saying so';

CREATE FUNCTION tenancy_internal.holds_new_permissions(role_id uuid, resource text) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_holds_new_permissions';
COMMENT ON FUNCTION tenancy_internal.holds_new_permissions(uuid, text) IS 'Whether a role holds each permission for the resource from its registration on';

-- Limits of delegation: nothing that the session does not hold itself, by whatever means it is conferred. Each function returns
-- what the session lacks, or NULL; require_delegation() raises the error.

CREATE FUNCTION tenancy_internal.missing_for_role(organization_id uuid, workspace_id uuid, role_id uuid) RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_missing_for_role';
COMMENT ON FUNCTION tenancy_internal.missing_for_role(uuid, uuid, uuid) IS 'What the session lacks to give a role in a workspace, or (NULL) in the organization';

CREATE FUNCTION tenancy_internal.missing_for_permissions(organization_id uuid, workspace_id uuid, role_id uuid, permissions text[]) RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_missing_for_permissions';
COMMENT ON FUNCTION tenancy_internal.missing_for_permissions(uuid, uuid, uuid, text[]) IS 'What the session lacks to give a role permissions (resource.action) in a workspace, or (NULL) wherever the role can have them, over all rows; 22023 when one isn''t registered';

CREATE FUNCTION tenancy_internal.missing_for_tokens(organization_id uuid) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_missing_for_tokens';
COMMENT ON FUNCTION tenancy_internal.missing_for_tokens(uuid) IS 'What the session lacks to sign tokens, which can have anything in any workspace';

CREATE FUNCTION tenancy_internal.missing_for_visibility(organization_id uuid, workspace_id uuid, role_id uuid) RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_missing_for_visibility';
COMMENT ON FUNCTION tenancy_internal.missing_for_visibility(uuid, uuid, uuid) IS 'What the session lacks to switch the data visibility of a workspace role, and of roles that follow it, in a workspace or (NULL) the organization';

CREATE FUNCTION tenancy_internal.missing_for_key(organization_id uuid, workspace_id uuid, kind text, user_id uuid, scopes text[]) RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_missing_for_key';
COMMENT ON FUNCTION tenancy_internal.missing_for_key(uuid, uuid, text, uuid, text[]) IS 'What the session lacks to make an API key, or to have its secret: its scopes, and all that a user other than the session''s own has there';

CREATE FUNCTION tenancy_internal.missing_for_takable(organization_id uuid, user_id uuid, group_id uuid) RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_missing_for_takable';
COMMENT ON FUNCTION tenancy_internal.missing_for_takable(uuid, uuid, uuid) IS 'What the session lacks to hand out, or take away, what rules of elevation let a member take, or the members of a group, besides what their roles let them';

CREATE FUNCTION tenancy_internal.missing_for_identity(organization_id uuid, user_id uuid) RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_missing_for_identity';
COMMENT ON FUNCTION tenancy_internal.missing_for_identity(uuid, uuid) IS 'What the session lacks to say that a subject of an issuer is a member: all that the member has or may take by elevate(), over all rows, and the right to add users';

CREATE FUNCTION tenancy_internal.require_delegation(lacking text, what text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF require_delegation.lacking IS NOT NULL AND NOT tenancy.is_dba() THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = CASE WHEN require_delegation.what IS NULL
                     THEN format('permission denied: %s is more than the session has', require_delegation.lacking)
                     ELSE format('permission denied: %s gives more than the session has', require_delegation.what) END,
      DETAIL = CASE WHEN tenancy_internal.is_elevated()
                    THEN 'Rights that were taken by tenancy.elevate() are for use, and not to hand out or to take away from others.'
                    ELSE 'Nobody can hand out, or take away, rights that they do not hold themselves.' END;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_delegation(text, text) IS 'Raises 42501 where the session lacks something to hand something out, unless the caller is a DBA';

CREATE FUNCTION tenancy_internal.rights_end_at() RETURNS timestamptz
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_rights_end_at';
COMMENT ON FUNCTION tenancy_internal.rights_end_at() IS 'The earliest end of what the session''s rights come from, and of the API key or service token that it uses, rotated in time or not; NULL for none, and where the rights are as many without all that ends';

CREATE FUNCTION tenancy_internal.session_ends_at() RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RETURN CASE WHEN NOT tenancy.is_dba() THEN (SELECT least(CASE WHEN w.source <> 'api_key' THEN w.expires_at END, tenancy_internal.rights_end_at()) FROM tenancy.whoami() w) END;
END
$$;
COMMENT ON FUNCTION tenancy_internal.session_ends_at() IS 'When the credential ends that the session administers by, or a part of its rights; NULL where there is no end, and for a DBA';

CREATE FUNCTION tenancy_internal.require_expiry_within_session(ends_at timestamptz, what text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF coalesce(require_expiry_within_session.ends_at, 'infinity') > tenancy_internal.session_ends_at() THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied: %s would outlive the credential of the session', require_expiry_within_session.what),
      DETAIL = format('That ends at %s.', tenancy_internal.session_ends_at()),
      HINT = 'Use a credential that lasts longer.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_expiry_within_session(timestamptz, text) IS 'Raises 42501 where a credential (NULL: without an end) would last longer than that of the session, unless the caller is a DBA';

-- Networks from which a credential may be used, likewise.

CREATE FUNCTION tenancy_internal.unknown_network(networks text[]) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_unknown_network';
COMMENT ON FUNCTION tenancy_internal.unknown_network(text[]) IS 'The first of the texts that is neither an address, nor a network (address/bits, without bits behind these), nor local; NULL for none';

CREATE FUNCTION tenancy_internal.networks_cover("outer" text[], "inner" text[]) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_networks_cover';
COMMENT ON FUNCTION tenancy_internal.networks_cover(text[], text[]) IS 'Whether each of the inner networks is part of one of the outer ones; NULL stands for everywhere';

CREATE FUNCTION tenancy_internal.session_networks() RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RETURN CASE WHEN NOT tenancy.is_dba() THEN (SELECT k.allowed_networks FROM tenancy.api_keys k WHERE k.api_key_id = tenancy.current_api_key_id()) END;
END
$$;
COMMENT ON FUNCTION tenancy_internal.session_networks() IS 'Networks of the API key that the session administers by; NULL for everywhere, and for a DBA';

CREATE FUNCTION tenancy_internal.require_networks_within_session(networks text[], what text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT tenancy_internal.networks_cover(tenancy_internal.session_networks(), require_networks_within_session.networks) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied: %s could be used from networks that the session''s own API key is not allowed', require_networks_within_session.what),
      DETAIL = format('That one is allowed: %s.', array_to_string(tenancy_internal.session_networks(), ', ')),
      HINT = 'Use a credential without networks, or with more.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_networks_within_session(text[], text) IS 'Raises 42501 where a credential could be used from more networks (NULL: everywhere) than that of the session, unless the caller is a DBA';

-- Nothing that is given outlives the right by which it is given.
CREATE FUNCTION tenancy_internal.require_role_within_rights(ends_at timestamptz, what text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT tenancy.is_dba() AND coalesce(require_role_within_rights.ends_at, 'infinity') > tenancy_internal.rights_end_at() THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied: %s would outlive the rights of the session', require_role_within_rights.what),
      DETAIL = format('A part of these ends at %s.', tenancy_internal.rights_end_at()), HINT = 'Give an end that is no later, where one can be given.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_role_within_rights(timestamptz, text) IS 'Raises 42501 where something given (NULL: without an end) would last longer than the rights of the session, unless the caller is a DBA';

-- Permanent owners are for those to change whose rights last, whichever way others' end: the change stays.
CREATE FUNCTION tenancy_internal.require_lasting_rights(what text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.require_not_elevated(require_lasting_rights.what);
  IF NOT tenancy.is_dba() AND tenancy_internal.rights_end_at() IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied: rights that end cannot change %s', require_lasting_rights.what),
      DETAIL = format('A part of the session''s ends at %s.', tenancy_internal.rights_end_at()), HINT = 'An owner without an end can.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_lasting_rights(text) IS 'Raises 42501 for a session that is elevated, or a part of whose rights ends, unless the caller is a DBA';

CREATE FUNCTION tenancy_internal.check_until(until timestamptz, before timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF check_until.until <= clock_timestamp() THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'an end must be in the future', HINT = 'Use ''infinity'' for none.';
  END IF;
  RETURN nullif(coalesce(check_until.until, check_until.before), 'infinity');
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_until(timestamptz, timestamptz) IS 'The end that is given (infinity: none, NULL: the one before); 22023 for one that has passed';

CREATE FUNCTION tenancy_internal.record_denied_permission(entry text, resource text, action text, workspace_id uuid) RETURNS void
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_record_denied_permission';
COMMENT ON FUNCTION tenancy_internal.record_denied_permission(text, text, text, uuid) IS 'Counts a denied permission, writes the entry (JSON) to the server''s log where tenancy.log_denied is on, and keeps the rest for the audit entry of the refused function';

CREATE FUNCTION tenancy_internal.roles_that_may(organization_id uuid, workspace_id uuid, resource text, action text, anywhere boolean, all_rows boolean)
RETURNS text
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_roles_that_may';
COMMENT ON FUNCTION tenancy_internal.roles_that_may(uuid, uuid, text, text, boolean, boolean) IS 'Roles of an organization that hold a permission in a workspace, or (NULL) on the organization or, if asked so, anywhere in it, with all settings; for hints; NULL for none';

CREATE FUNCTION tenancy_internal.hint_for_nobody() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT CASE WHEN EXISTS (SELECT FROM tenancy.login_bindings b
                           WHERE b.trusted AND b.login = (SELECT r.oid::regrole FROM pg_roles r WHERE r.rolname = session_user))
              THEN 'Set "tenancy.user", "tenancy.api_key" or "tenancy.jwt".'
              ELSE 'Set "tenancy.api_key", or use a login that is bound to a user.' END
$$;
COMMENT ON FUNCTION tenancy_internal.hint_for_nobody() IS 'How to give the session a principal, for hints';

-- A hint names what the session could be given: a scope for a key, roles and settings for a person.
CREATE FUNCTION tenancy_internal.permission_hint(
  resource text, action text, workspace_id uuid, anywhere boolean, all_rows boolean) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  me record;
  roles text;
  settings text;
BEGIN
  SELECT * INTO me FROM tenancy.whoami();
  IF me.kind = 'anonymous' THEN
    RETURN tenancy_internal.hint_for_nobody();
  END IF;
  IF me.kind = 'jwt' THEN
    RETURN CASE WHEN permission_hint.resource = ANY (tenancy_internal.words('organization_level'))
                  OR permission_hint.workspace_id IS NULL AND NOT permission_hint.anywhere THEN 'A token has no rights on the organization.'
                ELSE format('The token lacks the scope "%s.%s".', permission_hint.resource, permission_hint.action) END;
  END IF;
  IF me.api_key_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM tenancy.api_keys k WHERE k.api_key_id = me.api_key_id
      AND (k.all_scopes OR EXISTS (SELECT FROM tenancy.api_key_scopes s WHERE s.api_key_id = k.api_key_id
                                     AND s.resource = permission_hint.resource AND s.action = permission_hint.action))) THEN
    RETURN format('The API key lacks the scope "%s.%s".', permission_hint.resource, permission_hint.action);
  END IF;
  IF me.api_key_id IS NOT NULL AND (me.user_id IS NULL
      OR permission_hint.workspace_id IS DISTINCT FROM me.workspace_id AND NOT permission_hint.anywhere) THEN
    RETURN 'An API key of a workspace has no rights outside of it.';
  END IF;
  IF current_setting('tenancy.workspace', true) <> '' AND permission_hint.workspace_id IS DISTINCT FROM me.workspace_id AND NOT permission_hint.anywhere THEN
    RETURN 'The setting "tenancy.workspace" confines the session to one workspace.';
  END IF;
  roles := tenancy_internal.roles_that_may(me.organization_id, permission_hint.workspace_id, permission_hint.resource, permission_hint.action,
                                           permission_hint.anywhere, permission_hint.all_rows);
  -- Settings that are off, and hold the session's own role back.
  SELECT string_agg(format('"%s"', d.setting), ', ' ORDER BY d.setting) INTO settings
  FROM tenancy.setting_definitions d
  WHERE d.resource = permission_hint.resource AND permission_hint.action = ANY (d.actions)
    AND (d.role_id IN (SELECT m.role_id FROM tenancy.organization_members m
                       WHERE m.organization_id = me.organization_id AND m.user_id = me.user_id AND (m.ends_at IS NULL OR m.ends_at > clock_timestamp()))
         OR d.role_id IN (SELECT m.role_id FROM tenancy.workspace_members m
                          WHERE m.organization_id = me.organization_id AND m.user_id = me.user_id AND (m.ends_at IS NULL OR m.ends_at > clock_timestamp())
                            AND (m.workspace_id = permission_hint.workspace_id OR permission_hint.anywhere))
         OR d.role_id IN (SELECT g.role_id FROM tenancy.group_members m JOIN tenancy.group_roles g ON g.group_id = m.group_id
                          WHERE m.organization_id = me.organization_id AND m.user_id = me.user_id
                            AND (m.ends_at IS NULL OR m.ends_at > clock_timestamp()) AND (g.ends_at IS NULL OR g.ends_at > clock_timestamp())
                            AND (g.workspace_id IS NULL OR g.workspace_id = permission_hint.workspace_id OR permission_hint.anywhere)))
    AND NOT tenancy_internal.setting_value(me.organization_id, permission_hint.workspace_id, d.role_id, d.resource, d.actions);
  RETURN concat_ws(' ', coalesce('Roles that may: ' || roles || '.', CASE WHEN settings IS NULL THEN 'No role may; an API key can.' END),
                        'A setting that would permit it is off: ' || settings || '.');
END
$$;
COMMENT ON FUNCTION tenancy_internal.permission_hint(text, text, uuid, boolean, boolean) IS 'What would give the session a permission that it lacks in a workspace, or (NULL) on the organization or anywhere';

CREATE FUNCTION tenancy_steps.hint_of_permission(resource text, action text, workspace_id uuid, anywhere boolean) RETURNS text
LANGUAGE tenancy_unit STABLE SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RETURN tenancy_internal.permission_hint(left(hint_of_permission.resource, 100), left(hint_of_permission.action, 100), hint_of_permission.workspace_id,
                                          hint_of_permission.anywhere, false);
END
$$;
COMMENT ON FUNCTION tenancy_steps.hint_of_permission(text, text, uuid, boolean) IS 'What the hint of require() says, for the error of a refused row';

CREATE FUNCTION tenancy_steps.deny(resource text, action text, place text DEFAULT NULL, workspace_id uuid DEFAULT NULL,
                                   anywhere boolean DEFAULT true, all_rows boolean DEFAULT false) RETURNS void
LANGUAGE tenancy_unit STABLE SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  me record;
  who text;
  -- Everybody can call this function, with texts that go to the server's log.
  the_resource CONSTANT text := left(deny.resource, 100);
  the_action CONSTANT text := left(deny.action, 100);
  the_place CONSTANT text := left(deny.place, 200);
BEGIN
  SELECT * INTO me FROM tenancy.whoami();
  who := CASE WHEN me.kind = 'anonymous' THEN 'a session without a principal'
              WHEN me.api_key_id IS NOT NULL THEN format('%s %s', replace(me.kind, '_', ' '), me.api_key_id)
              WHEN me.email IS NOT NULL THEN format('user "%s"', me.email)
              ELSE me.kind END;
  PERFORM tenancy_internal.record_denied_permission(jsonb_strip_nulls(jsonb_build_object('reason', 'permission', 'kind', me.kind,
    'principal', coalesce(me.api_key_id, me.user_id), 'organization', me.organization_id, 'resource', the_resource, 'action', the_action,
    'place', the_place))::text, the_resource, the_action, CASE WHEN me.kind <> 'anonymous' THEN deny.workspace_id END);
  RAISE EXCEPTION USING
    ERRCODE = CASE WHEN me.kind = 'anonymous' THEN 'invalid_authorization_specification' ELSE 'insufficient_privilege' END,
    SCHEMA = 'tenancy', CONSTRAINT = CASE WHEN me.kind = 'anonymous' THEN 'no_principal' ELSE 'no_permission' END,
    MESSAGE = format('permission denied: %s may not %s %s%s', who, the_action, the_resource,
                     coalesce(' in ' || the_place, ' in organization "' || me.organization || '"', '')),
    HINT = tenancy_internal.permission_hint(the_resource, the_action, deny.workspace_id,
                                            deny.anywhere AND deny.workspace_id IS NULL, deny.all_rows);
END
$$;
COMMENT ON FUNCTION tenancy_steps.deny(text, text, text, uuid, boolean, boolean) IS 'Raises 42501 (28000 without a principal) that names who, what, where, and in the hint what would give the permission';

CREATE FUNCTION tenancy_internal.require_dba() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT tenancy.is_dba() THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'permission denied: only a DBA may do this',
      HINT = 'A DBA is a superuser, or holds USAGE on type tenancy.administrator.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_dba() IS 'Raises 42501 unless the caller is a DBA';

CREATE FUNCTION tenancy_internal.require_permission(organization_id uuid, workspace_id uuid, resource text, action text,
                                      only_own boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  reached text;
BEGIN
  IF tenancy.is_dba() THEN
    RETURN;
  ELSIF tenancy_internal.signs_up(require_permission.organization_id) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('permission denied: who signs an organization up may not %s %s', require_permission.action, require_permission.resource),
      DETAIL = 'It adds workspaces and members, and names these. What is there it neither changes nor takes away.';
  END IF;
  reached := tenancy_internal.permission_reach(require_permission.organization_id, require_permission.workspace_id, require_permission.resource,
    require_permission.action);
  IF reached IS NULL OR (reached = 'own' AND NOT require_permission.only_own) THEN
    PERFORM tenancy_steps.deny(require_permission.resource, require_permission.action, (
      SELECT format('workspace "%s"', w.slug) FROM tenancy.workspaces w
      WHERE w.workspace_id = require_permission.workspace_id AND w.organization_id = tenancy.current_organization_id()),
      require_permission.workspace_id, false, NOT require_permission.only_own);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_permission(uuid, uuid, text, text, boolean) IS 'Raises 42501 unless the caller is a DBA or holds the permission in the workspace, or (NULL) on the organization, over all rows, or (only_own) over what is its own';

CREATE FUNCTION tenancy_internal.require_delegable_role(organization_id uuid, workspace_id uuid, role_id uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.require_delegation(tenancy_internal.missing_for_role(require_delegable_role.organization_id, require_delegable_role.workspace_id,
                                                            require_delegable_role.role_id),
    format('role "%s"', (SELECT r.name FROM tenancy.roles r WHERE r.role_id = require_delegable_role.role_id)));
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_delegable_role(uuid, uuid, uuid) IS 'Raises 42501 unless the caller is a DBA or has at least the rights that the role gives there, or lets take by elevate(); what the session itself has taken does not count';

-- A sign-up role adds what was not there. For what it would change or take away it has the rights of nobody.
CREATE FUNCTION tenancy_internal.require_addition(organization_id uuid, workspace_id uuid, role_id uuid, is_new boolean) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF require_addition.is_new AND tenancy_internal.signs_up(require_addition.organization_id) THEN
    RETURN;
  ELSIF require_addition.is_new THEN
    PERFORM tenancy_internal.require_permission(require_addition.organization_id, require_addition.workspace_id, 'team', 'add_users');
  END IF;
  PERFORM tenancy_internal.require_permission(require_addition.organization_id, require_addition.workspace_id, 'team', 'assign_roles'),
          tenancy_internal.require_delegable_role(require_addition.organization_id, require_addition.workspace_id, require_addition.role_id);
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_addition(uuid, uuid, uuid, boolean) IS 'Raises 42501 unless the caller is a DBA, or may assign roles and (to a new member) add users and has at least the rights of the role, or signs the organization up and the member is new';
