-- Rules beyond foreign keys and CHECK constraints. Created after the built-in rows, which they protect.

CREATE FUNCTION tenancy_internal.check_role_assignment() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  role tenancy.roles;
  level text := TG_ARGV[0];
BEGIN
  IF level = 'target' THEN
    level := CASE WHEN to_jsonb(NEW) ->> 'workspace_id' IS NULL THEN 'organization' ELSE 'workspace' END;
  END IF;
  SELECT * INTO role FROM tenancy.roles r WHERE r.role_id = NEW.role_id;
  IF NOT FOUND THEN
    RETURN NEW;  -- the foreign key says so
  END IF;
  IF role.level <> level AND level <> '' THEN
    RAISE EXCEPTION USING ERRCODE = 'check_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
      MESSAGE = format('role "%s" is on level "%s"', role.name, role.level),
      DETAIL = format('Table "%s" takes roles on level "%s".', TG_TABLE_NAME, level);
  END IF;
  IF role.organization_id <> NEW.organization_id OR
     (role.organization_id IS NOT NULL AND NEW.organization_id IS NULL) THEN
    RAISE EXCEPTION USING ERRCODE = 'check_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
      MESSAGE = 'role belongs to another organization';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_role_assignment() IS 'Trigger: a role is given on its own level (the argument; empty for any, target for that of a workspace or, without one, of the organization) and in its own organization';

-- Addresses that look the same to people must not be two users. A trigger instead of a CHECK, which would keep addresses of an
-- earlier version from being restored.
CREATE FUNCTION tenancy_internal.check_email() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' OR NEW.email IS DISTINCT FROM OLD.email THEN
    PERFORM tenancy_internal.email_address(NEW.email);
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_email() IS 'Trigger: raises 22023 for what is no e-mail address that people can read';

CREATE FUNCTION tenancy_internal.check_key_organization() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF (NEW.api_key_id, NEW.kind, NEW.organization_id, NEW.workspace_id, NEW.user_id)
     IS DISTINCT FROM (OLD.api_key_id, OLD.kind, OLD.organization_id, OLD.workspace_id, OLD.user_id) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = 'an API key cannot change its kind, organization, workspace or user',
      HINT = 'Create another key.';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_key_organization() IS 'Trigger: an API key stays what it stands for';

CREATE FUNCTION tenancy_internal.check_role_change() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF OLD.organization_id IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('built-in role "%s" cannot be changed', OLD.name),
      HINT = 'Use tenancy.set_setting() to override it, or define a role of the organization.';
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  IF (NEW.role_id, NEW.organization_id, NEW.level) IS DISTINCT FROM (OLD.role_id, OLD.organization_id, OLD.level) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('role "%s" cannot change its organization or level', OLD.name);
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_role_change() IS 'Trigger: built-in roles stay, and a role keeps its organization and level';

CREATE FUNCTION tenancy_internal.check_grant_change() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  changed tenancy.grants;
BEGIN
  changed := CASE WHEN TG_OP = 'INSERT' THEN NEW ELSE OLD END;
  IF changed.organization_id IS NULL AND EXISTS (
    SELECT FROM tenancy.permissions p
    WHERE p.resource = changed.resource AND p.action = changed.action AND p.built_in) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('built-in grant of %s.%s cannot be changed', changed.resource, changed.action),
      HINT = 'Name an organization to override it there.';
  END IF;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_grant_change() IS 'Trigger: the built-in matrix stays as it is';

CREATE FUNCTION tenancy_internal.check_workspace_change() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.organization_id <> OLD.organization_id THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = 'a workspace cannot move to another organization',
      DETAIL = 'Its members, keys and rows belong to the organization that it is part of.',
      HINT = 'Create a workspace there; tenancy.export_organization() gives the rows to be inserted into it.';
  END IF;
  -- If the organization itself is deleted, so is its default workspace.
  IF OLD.is_default AND (TG_OP = 'DELETE' OR NOT NEW.is_default)
     AND EXISTS (SELECT FROM tenancy.organizations o WHERE o.organization_id = OLD.organization_id) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('workspace "%s" is the default workspace', OLD.slug),
      DETAIL = 'An organization always has exactly one default workspace.';
  END IF;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_workspace_change() IS 'Trigger: a workspace keeps its organization, an organization its default workspace';

CREATE FUNCTION tenancy_internal.organization_has_owner(organization_id uuid) RETURNS boolean
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_organization_has_owner';
COMMENT ON FUNCTION tenancy_internal.organization_has_owner(uuid) IS 'Whether the organization has an owner without an end, who is active, now, as other sessions'' commits have left it, whatever the transaction''s isolation';

CREATE FUNCTION tenancy_internal.active_owners(organization_id uuid) RETURNS uuid[]
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_active_owners';
COMMENT ON FUNCTION tenancy_internal.active_owners(uuid) IS 'The users by whom organization_has_owner() is true';

CREATE FUNCTION tenancy_internal.owned_organizations(user_id uuid) RETURNS uuid[]
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_owned_organizations';
COMMENT ON FUNCTION tenancy_internal.owned_organizations(uuid) IS 'The organizations that a user, active or locked, owns without an end, now, as other sessions'' commits have left it, whatever the transaction''s isolation';

CREATE FUNCTION tenancy_internal.keep_active(user_id uuid, wait boolean) RETURNS boolean
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_keep_active';
COMMENT ON FUNCTION tenancy_internal.keep_active(uuid, boolean) IS 'Keeps others from locking a user until the transaction ends, and waits for whoever does; false, without waiting, unless it may wait';

CREATE FUNCTION tenancy_internal.begin_locking(user_id uuid) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_begin_locking';
COMMENT ON FUNCTION tenancy_internal.begin_locking(uuid) IS 'Waits for transactions that rely on a user who is active, and keeps others waiting until this one ends';

-- Another transaction may be locking that very user, and not know yet what the user owns: whoever comes second sees what the first has
-- done. The lock is of the user's being active alone, not of the row: a person changes its name, and ends links, whatever transaction an
-- organization of it keeps open.
CREATE FUNCTION tenancy_internal.keeps_owner(organization_id uuid) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  owners CONSTANT uuid[] := tenancy_internal.active_owners(keeps_owner.organization_id);
  owner uuid;
BEGIN
  -- One who is not being locked, if there is any
  FOREACH owner IN ARRAY owners LOOP
    IF tenancy_internal.keep_active(owner, false) AND owner = ANY (tenancy_internal.active_owners(keeps_owner.organization_id)) THEN
      RETURN true;
    END IF;
  END LOOP;
  FOREACH owner IN ARRAY owners LOOP
    IF NOT tenancy_internal.keep_active(owner, tenancy_internal.may_wait()) THEN
      PERFORM tenancy_internal.refuse_to_wait();
    END IF;
    IF owner = ANY (tenancy_internal.active_owners(keeps_owner.organization_id)) THEN
      RETURN true;
    END IF;
  END LOOP;
  RETURN false;
END
$$;
COMMENT ON FUNCTION tenancy_internal.keeps_owner(uuid) IS 'Whether the organization has an owner as organization_has_owner() says, who also stays one who is active until the transaction ends';

-- The lock waits for one that is being closed.
CREATE FUNCTION tenancy_internal.refuse_closed() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid;
  closed record;
BEGIN
  IF TG_TABLE_NAME = 'api_key_secrets' THEN
    SELECT k.organization_id INTO the_organization FROM tenancy.api_keys k WHERE k.api_key_id = NEW.api_key_id;
  ELSE
    the_organization := NEW.organization_id;
  END IF;
  SELECT o.slug, o.closed_at INTO closed FROM tenancy.organizations o WHERE o.organization_id = the_organization FOR KEY SHARE;
  IF closed.closed_at IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('organization "%s" is closed', closed.slug),
      DETAIL = 'All access to it has ended for good; its rows wait for tenancy.purge_organization().',
      HINT = 'Create another organization for a tenant that comes back.';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.refuse_closed() IS 'Trigger: nobody gets access to a closed organization again';

CREATE FUNCTION tenancy_internal.check_last_owner() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  -- The lock makes concurrent removals of two owners wait for each other. No row: the organization itself is deleted, or about
  -- to be.
  PERFORM FROM tenancy.organizations o
  WHERE o.organization_id = OLD.organization_id AND o.closed_at IS NULL FOR NO KEY UPDATE;
  IF FOUND AND NOT tenancy_internal.keeps_owner(OLD.organization_id) THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = 'the last owner of an organization can be neither removed nor demoted',
      HINT = 'Make another member owner first.';
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_last_owner() IS 'Trigger: an organization never loses its last owner';

CREATE FUNCTION tenancy_internal.check_locked_owner() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  owns uuid[];
  owned uuid;
BEGIN
  -- Organizations first: who has theirs waits for the user's lock.
  owns := tenancy_internal.owned_organizations(NEW.user_id);
  PERFORM FROM tenancy.organizations o WHERE o.closed_at IS NULL AND o.organization_id = ANY (owns) ORDER BY o.organization_id FOR NO KEY UPDATE;
  PERFORM tenancy_internal.begin_locking(NEW.user_id);
  -- Not by the transaction's snapshot: the user may have become an owner since.
  owns := tenancy_internal.owned_organizations(NEW.user_id);
  FOR owned IN
    SELECT o.organization_id FROM tenancy.organizations o
    WHERE o.closed_at IS NULL AND o.organization_id = ANY (owns)
    ORDER BY o.organization_id FOR NO KEY UPDATE LOOP
    IF NOT tenancy_internal.keeps_owner(owned) THEN
      RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = 'the last owner of an organization cannot be locked',
        DETAIL = format('Organization "%s" would have nobody who may administer it.', (SELECT o.slug FROM tenancy.organizations o WHERE o.organization_id = owned)),
        HINT = 'Make another member owner first.';
    END IF;
  END LOOP;
  -- One that has come about since the transaction's snapshot cannot be locked.
  IF EXISTS (SELECT FROM unnest(owns) o (id) WHERE NOT EXISTS (SELECT FROM tenancy.organizations v WHERE v.organization_id = o.id)
                                               AND NOT tenancy_internal.organization_has_owner(o.id)) THEN
    RAISE EXCEPTION USING ERRCODE = 'serialization_failure', MESSAGE = 'could not serialize access due to concurrent update';
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_locked_owner() IS 'Trigger: a user who is the last owner of an organization is not locked';

-- Export and removal rely on this record.
CREATE FUNCTION tenancy_internal.check_protected_table() RETURNS trigger
LANGUAGE tenancy_unit SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  -- FirstNormalObjectId; and no row of a table that doesn't exist (yet) is refused, so that a dump can be restored in any order.
  IF NEW.relation::oid < 16384 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = NEW.relation
                                          AND (c.relkind NOT IN ('r', 'p') OR c.relnamespace IN ('tenancy'::regnamespace, 'tenancy_internal'::regnamespace))) THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('relation %s cannot be protected', NEW.relation),
      DETAIL = 'Only ordinary and partitioned tables of users can.';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_protected_table() IS 'Trigger: raises 42809 for what is no table of a user';
