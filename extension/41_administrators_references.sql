-- Resolution of references for the caller: a principal's references reach its own organization only, and objects outside of it
-- give the same error as missing ones.

CREATE FUNCTION tenancy_internal.require_principal() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT tenancy.is_dba() AND tenancy.current_organization_id() IS NULL THEN
    PERFORM tenancy.whoami();  -- says so where an organization has to be chosen
    RAISE EXCEPTION USING ERRCODE = 'invalid_authorization_specification', SCHEMA = 'tenancy', CONSTRAINT = 'no_principal',
      MESSAGE = 'the session has no principal',
      HINT = tenancy_internal.hint_for_nobody();
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_principal() IS 'Raises 28000 unless the session has a principal, or is a DBA''s';

CREATE FUNCTION tenancy_internal.resolve_organization(reference text) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  mine uuid := tenancy.current_organization_id();
  signed_up uuid[];
BEGIN
  IF resolve_organization.reference IS NOT NULL AND tenancy_internal.may_sign_up() AND NOT tenancy.is_dba() THEN
    signed_up := ARRAY(
      SELECT o.organization_id FROM tenancy.organizations o
      WHERE resolve_organization.reference IN (o.organization_id::text, o.slug, o.external_id) AND tenancy_internal.signs_up(o.organization_id));
    IF cardinality(signed_up) > 1 THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
        MESSAGE = format('organization reference "%s" is ambiguous', resolve_organization.reference), HINT = 'Use the id.';
    ELSIF cardinality(signed_up) = 1 THEN
      RETURN signed_up[1];
    END IF;
  END IF;
  PERFORM tenancy_internal.require_principal();
  IF resolve_organization.reference IS NOT NULL THEN
    IF tenancy.is_dba() THEN
      RETURN tenancy_internal.find_organization(resolve_organization.reference);
    END IF;
    IF tenancy_internal.refers_to_organization(resolve_organization.reference, mine) IS NOT TRUE THEN
      RAISE EXCEPTION USING ERRCODE = 'undefined_object',
        MESSAGE = format('organization "%s" does not exist', resolve_organization.reference);
    END IF;
    RETURN mine;
  END IF;
  IF mine IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'an organization must be given',
      DETAIL = 'The session has none of its own.';
  END IF;
  RETURN mine;
END
$$;
COMMENT ON FUNCTION tenancy_internal.resolve_organization(text) IS 'Id of the organization referred to, or (NULL) the session''s own; 42704 for none, or one that isn''t the session''s (a DBA''s may be any), 28000 without a principal, 22023 for a DBA without one';

CREATE FUNCTION tenancy_internal.has_nothing_to_list(organization text, what text) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF has_nothing_to_list.organization IS NOT NULL OR tenancy.current_organization_id() IS NOT NULL OR tenancy.is_dba() THEN
    RETURN false;
  END IF;
  PERFORM tenancy_steps.notice(format('the session has no organization whose %s could be listed', has_nothing_to_list.what),
    hint => 'Set a principal, or choose an organization by the setting "tenancy.organization".');
  RETURN true;
END
$$;
COMMENT ON FUNCTION tenancy_internal.has_nothing_to_list(text, text) IS 'Whether no organization is named and the session has none, as when a console opens: a NOTICE says what it would list, and it lists nothing';

CREATE FUNCTION tenancy_internal.resolve_workspace(reference text, organization_id uuid DEFAULT NULL) RETURNS tenancy.workspaces
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_workspace tenancy.workspaces;
  within uuid := coalesce(resolve_workspace.organization_id, tenancy.current_organization_id());
BEGIN
  IF resolve_workspace.reference IS NULL THEN
    RETURN NULL;
  END IF;
  IF within IS NULL AND tenancy_internal.may_sign_up() AND NOT tenancy.is_dba() THEN
    SELECT * INTO found_workspace FROM tenancy.workspaces w
    WHERE w.workspace_id = tenancy_internal.find_workspace(resolve_workspace.reference, tenancy_internal.resolve_organization(split_part(resolve_workspace.reference, '/', 1)));
    RETURN found_workspace;
  END IF;
  PERFORM tenancy_internal.require_principal();
  SELECT * INTO found_workspace FROM tenancy.workspaces w WHERE w.workspace_id = tenancy_internal.find_workspace(resolve_workspace.reference, within);
  RETURN found_workspace;
END
$$;
COMMENT ON FUNCTION tenancy_internal.resolve_workspace(text, uuid) IS 'The workspace referred to in the organization, or (NULL) in the session''s own, or (a DBA without one) in any; 42704 for none';

-- Where no workspace means none in particular, NULL is a mistake.
CREATE FUNCTION tenancy_internal.resolve_given_workspace(reference text) RETURNS tenancy.workspaces
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF resolve_given_workspace.reference IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a workspace must be given';
  END IF;
  RETURN tenancy_internal.resolve_workspace(resolve_given_workspace.reference);
END
$$;
COMMENT ON FUNCTION tenancy_internal.resolve_given_workspace(text) IS 'resolve_workspace() for one that must be given: 22023 for NULL';

CREATE FUNCTION tenancy_internal.expire_rights() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_expire_rights';
COMMENT ON FUNCTION tenancy_internal.expire_rights() IS 'Has the session read its rights again, without a notification that they have changed: it may still be on its way';

-- The identity that acts, and that can end while a call waits
CREATE FUNCTION tenancy_internal.acting_session() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  place text;
BEGIN
  BEGIN
    SELECT concat_ws('/', w.organization_id, w.workspace_id) INTO place FROM tenancy.whoami() w;
  EXCEPTION WHEN OTHERS OR assert_failure THEN
    place := 'nowhere';  -- as for who joins an organization
  END;
  RETURN (SELECT concat_ws(' ', place, a.kind, a.id, a.name, tenancy.is_dba(), tenancy_internal.may_sign_up()) FROM tenancy_internal.audit_actor() a);
END
$$;
COMMENT ON FUNCTION tenancy_internal.acting_session() IS 'The session''s actor, where it is, and whether it is a DBA or may create organizations, to be compared';

CREATE FUNCTION tenancy_internal.may_wait() RETURNS boolean
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_may_wait';
COMMENT ON FUNCTION tenancy_internal.may_wait() IS 'Whether the session may wait for the lock of an organization or a person: a DBA''s may, and one whose transaction has written and locked nothing yet';

CREATE FUNCTION tenancy_internal.refuse_to_wait() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'serialization_failure', MESSAGE = 'could not serialize access due to concurrent administration',
    DETAIL = 'Another transaction makes a change that this one would wait for, after it has written rows that others may wait for.',
    HINT = 'Retry the transaction, or administer before it writes.';
END
$$;
COMMENT ON FUNCTION tenancy_internal.refuse_to_wait() IS 'Raises 40001: the transaction has written or locked rows, and may not wait';

CREATE FUNCTION tenancy_internal.refuse_other_session() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'serialization_failure', MESSAGE = 'could not serialize access due to concurrent administration',
    DETAIL = 'Who the session is has changed while it waited.', HINT = 'Retry the transaction.';
END
$$;
COMMENT ON FUNCTION tenancy_internal.refuse_other_session() IS 'Raises 40001: what the call has judged before it waited was of somebody else';

-- Ids that a caller gives are unique over all organizations, so that a call can wait for one after it has the lock of its own.
CREATE FUNCTION tenancy_internal.require_session() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.expire_rights();
  IF NOT tenancy.is_dba() AND NOT tenancy_internal.may_sign_up() AND (SELECT w.kind FROM tenancy.whoami() w) = 'anonymous' THEN
    PERFORM tenancy_internal.refuse_other_session();
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_session() IS 'Raises 40001, or 28000, where the session is nobody any more, after a wait for an id';

-- Changes of an organization take turns: each holds this lock until it is committed, whatever it changes and whoever makes it, by
-- seal_audit_entry() at the latest. Whoever has the lock judges rights, holds and members as they are, and nobody changes them
-- meanwhile. So it comes before them, in a statement of its own: a statement that waits for it has an older snapshot.
-- In REPEATABLE READ all of the transaction has: what others have changed is not there to be taken away, and the call would report
-- success. Each change moves the head of the organization's chain at its commit, so that locking the head fails (40001) after one that
-- the snapshot lacks. A head that has come about since is seen by its unique key only.
-- Who holds an organization, its own row of tenancy.users, or rows that a removal waits for, and waits for another organization, could have
-- whoever waits for the former end by a deadlock. A principal doesn't.
CREATE FUNCTION tenancy_internal.lock_organization(organization_id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  acting CONSTANT text := tenancy_internal.acting_session();
BEGIN
  IF tenancy_internal.may_wait() THEN
    PERFORM FROM tenancy.organizations o WHERE o.organization_id = lock_organization.organization_id FOR NO KEY UPDATE;
  ELSE
    PERFORM FROM tenancy.organizations o WHERE o.organization_id = lock_organization.organization_id FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND AND EXISTS (SELECT FROM tenancy.organizations o WHERE o.organization_id = lock_organization.organization_id) THEN
      PERFORM tenancy_internal.refuse_to_wait();
    END IF;
  END IF;
  IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
    PERFORM FROM tenancy.audit_heads h WHERE h.organization_id = lock_organization.organization_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
      INSERT INTO tenancy.audit_heads (organization_id)
      SELECT o.organization_id FROM tenancy.organizations o WHERE o.organization_id = lock_organization.organization_id ON CONFLICT DO NOTHING;
    END IF;
  END IF;
  PERFORM tenancy_internal.expire_rights();
  IF tenancy_internal.acting_session() IS DISTINCT FROM acting THEN
    PERFORM tenancy_internal.refuse_other_session();
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.lock_organization(uuid) IS 'Waits for whoever else changes the organization, and keeps others waiting until the transaction ends; 40001 where the session is another one then, or the transaction''s snapshot lacks a change of the organization';

-- Of rows, no catalog says what others have written since.
CREATE FUNCTION tenancy_internal.require_latest_rows(what text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('%s needs the isolation level READ COMMITTED', require_latest_rows.what),
      DETAIL = 'The transaction''s snapshot can lack rows that others have written since, which would be left behind.',
      HINT = 'Use BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_latest_rows(text) IS 'Raises 55000 in a transaction whose snapshot can lack rows of others';

CREATE FUNCTION tenancy_internal.resolve_changed_organization(reference text, resource text, action text) RETURNS uuid
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  changed uuid := tenancy_internal.resolve_organization(resolve_changed_organization.reference);
BEGIN
  -- A refusal does not wait.
  IF NOT tenancy_internal.signs_up(changed) THEN
    PERFORM tenancy_internal.require_permission(changed, NULL, resolve_changed_organization.resource, resolve_changed_organization.action);
  END IF;
  PERFORM tenancy_internal.lock_organization(changed);
  RETURN changed;
END
$$;
COMMENT ON FUNCTION tenancy_internal.resolve_changed_organization(text, text, text) IS 'resolve_organization() for a change that needs this permission, which is judged before the organization is locked, and has to be judged again';

CREATE FUNCTION tenancy_internal.resolve_changed_workspace(reference text, resource text, action text) RETURNS tenancy.workspaces
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  changed tenancy.workspaces := tenancy_internal.resolve_given_workspace(resolve_changed_workspace.reference);
BEGIN
  IF NOT tenancy_internal.signs_up(changed.organization_id) THEN
    PERFORM tenancy_internal.require_permission(changed.organization_id, changed.workspace_id, resolve_changed_workspace.resource, resolve_changed_workspace.action);
  END IF;
  PERFORM tenancy_internal.lock_organization(changed.organization_id);
  -- As it is by now
  RETURN tenancy_internal.resolve_given_workspace(resolve_changed_workspace.reference);
END
$$;
COMMENT ON FUNCTION tenancy_internal.resolve_changed_workspace(text, text, text) IS 'resolve_given_workspace() for a change that needs this permission there, likewise';

-- Parameters after an optional organization have to be optional too; these are missing all the same.
CREATE FUNCTION tenancy_internal.check_given(parameter text, value text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF check_given.value IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('parameter "%s" must be given', check_given.parameter);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_given(text, text) IS 'Raises 22023 for a parameter without a value';

CREATE FUNCTION tenancy_internal.find_member(organization_id uuid, reference text) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_user uuid;
BEGIN
  PERFORM tenancy_internal.check_given('member', find_member.reference);
  IF find_member.organization_id IS NOT NULL THEN
    found_user := tenancy_internal.lookup_user(find_member.reference, find_member.organization_id);
  END IF;
  IF found_user IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = format('user "%s" is not a member of the organization', find_member.reference),
      HINT = 'Name a member by id, external id or e-mail address; tenancy.invite() invites others.';
  END IF;
  RETURN found_user;
END
$$;
COMMENT ON FUNCTION tenancy_internal.find_member(uuid, text) IS 'Id of the organization''s member referred to; 42704 when there is none, whether or not the user exists elsewhere';

CREATE FUNCTION tenancy_internal.check_resource(resource text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.check_given('resource', check_resource.resource);
  IF EXISTS (SELECT FROM tenancy.permissions p WHERE p.resource = check_resource.resource) THEN
    RETURN;
  ELSIF check_resource.resource = ANY (tenancy_internal.words('gateway')) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('resource "%s" is not registered', check_resource.resource),
      DETAIL = 'It belongs to the vocabulary "llm_gateway", which this database leaves out.',
      HINT = 'Use tenancy.use_vocabulary(''llm_gateway'') to have it.';
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('resource "%s" is not registered', check_resource.resource),
    HINT = coalesce('Perhaps you meant "' || (
             SELECT tenancy_internal.nearest(check_resource.resource, array_agg(DISTINCT p.resource::text)) FROM tenancy.permissions p) || '".',
             'Use tenancy.register_resource() to add one.');
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_resource(text) IS 'Raises 22023 with the nearest name unless the resource is registered';

CREATE FUNCTION tenancy_internal.check_permission(resource text, action text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.check_resource(check_permission.resource), tenancy_internal.check_given('action', check_permission.action);
  IF NOT EXISTS (SELECT FROM tenancy.permissions p
                 WHERE p.resource = check_permission.resource AND p.action = check_permission.action) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('action "%s" is not registered for resource "%s"', check_permission.action, check_permission.resource),
      HINT = coalesce('Perhaps you meant "' || (
               SELECT tenancy_internal.nearest(check_permission.action, array_agg(p.action::text)) FROM tenancy.permissions p
               WHERE p.resource = check_permission.resource) || '".', 'Use tenancy.register_permission() to add one.');
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_permission(text, text) IS 'Raises 22023 with the nearest name unless the permission is registered';

-- External ids decide which tenant the rows of protected tables belong to, and are unique over all organizations. Free choice
-- would allow claiming rows of workspaces, users or keys that are not registered yet, and finding out which ids exist.
CREATE FUNCTION tenancy_internal.may_set_external_id() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT tenancy.is_dba() OR tenancy_internal.may_sign_up() OR EXISTS (
    SELECT FROM tenancy.login_bindings b
    WHERE b.trusted AND b.login = (SELECT r.oid::regrole FROM pg_roles r WHERE r.rolname = session_user))
$$;
COMMENT ON FUNCTION tenancy_internal.may_set_external_id() IS 'Whether external ids may be chosen: by a DBA, by who may create organizations, and in the session of a trusted login';

-- Before any look-up, so that the error is the same for an id that is taken.
CREATE FUNCTION tenancy_internal.require_external_id_choice(external_id text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF require_external_id_choice.external_id IS NOT NULL AND tenancy_internal.may_set_external_id() IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'permission denied to set an external id',
      DETAIL = 'External ids decide whose the rows of protected tables are.',
      HINT = 'Leave it out. A DBA, a role that may create organizations, or an application on a trusted login can set it.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_external_id_choice(text) IS 'Raises 42501 for an external id (NULL: none) that the session may not set, whether or not it is taken';
