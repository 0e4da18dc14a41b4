-- Changes of names, slugs and external ids. NULL leaves a value unchanged.
--
-- A statement that names a column of a key, changed or not, locks the row against all that refer to it where the table has a BEFORE
-- trigger: against removals and revocations in other organizations, and rows of users' tables. So only those that change one do.

-- The external id in a row of a protected table decides whose the row is: an id that was never used before takes no row from
-- anybody.
CREATE FUNCTION tenancy_internal.require_external_id_change(before text, after text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.require_external_id_choice(require_external_id_change.after);
  IF require_external_id_change.before <> require_external_id_change.after AND NOT tenancy.is_dba() AND NOT tenancy_internal.may_sign_up() THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'permission denied to change an external id',
      DETAIL = 'External ids decide whose the rows of protected tables are.',
      HINT = 'A DBA, or a role that may create organizations, can change it.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_external_id_change(text, text) IS 'Raises 42501 for an external id (NULL: none) that the session may not set where there was this one, or (NULL) none; whether or not it is taken';

-- No slug is another organization's slug or external id, so that a free choice would reveal these.
CREATE FUNCTION tenancy.update_organization(organization text DEFAULT NULL, name text DEFAULT NULL, slug text DEFAULT NULL,
                                            external_id text DEFAULT NULL)
RETURNS void LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_changed_organization(update_organization.organization, 'organization', 'update');
BEGIN
  PERFORM tenancy_internal.require_permission(the_organization, NULL, 'organization', 'update'),
          tenancy_internal.require_external_id_change(
            (SELECT o.external_id FROM tenancy.organizations o WHERE o.organization_id = the_organization), update_organization.external_id);
  IF update_organization.slug IS NOT NULL AND NOT tenancy.is_dba() AND NOT tenancy_internal.may_sign_up() THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'permission denied to change the slug of an organization',
      DETAIL = 'No two organizations have the same slug or external id.', HINT = 'A DBA, or a role that may create organizations, can change it.';
  END IF;
  UPDATE tenancy.organizations o
  SET name = coalesce(update_organization.name, o.name), slug = coalesce(update_organization.slug, o.slug),
      external_id = coalesce(update_organization.external_id, o.external_id)
  WHERE o.organization_id = the_organization
    AND (coalesce(update_organization.slug, o.slug), coalesce(update_organization.external_id, o.external_id)) IS DISTINCT FROM (o.slug, o.external_id);
  IF NOT FOUND THEN
    UPDATE tenancy.organizations o SET name = coalesce(update_organization.name, o.name) WHERE o.organization_id = the_organization;
  END IF;
  PERFORM tenancy_internal.require_session();
END
$$;
COMMENT ON FUNCTION tenancy.update_organization(text, text, text, text) IS 'Changes name, slug and external id of an organization (NULL: the session''s own), where they are given; needs organization.update; a slug is for a DBA or a role that may create organizations to change, an external id also for a trusted login to set where there is none (42501)';

CREATE FUNCTION tenancy.update_workspace(workspace text, name text DEFAULT NULL, slug text DEFAULT NULL, external_id text DEFAULT NULL)
RETURNS void LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_workspace tenancy.workspaces := tenancy_internal.resolve_changed_workspace(update_workspace.workspace, 'workspaces', 'update');
BEGIN
  PERFORM tenancy_internal.require_permission(the_workspace.organization_id, the_workspace.workspace_id, 'workspaces', 'update'),
          tenancy_internal.require_external_id_change(the_workspace.external_id, update_workspace.external_id);
  UPDATE tenancy.workspaces w
  SET name = coalesce(update_workspace.name, w.name), slug = coalesce(update_workspace.slug, w.slug),
      external_id = coalesce(update_workspace.external_id, w.external_id)
  WHERE w.workspace_id = the_workspace.workspace_id
    AND (coalesce(update_workspace.slug, w.slug), coalesce(update_workspace.external_id, w.external_id)) IS DISTINCT FROM (w.slug, w.external_id);
  IF NOT FOUND THEN
    UPDATE tenancy.workspaces w SET name = coalesce(update_workspace.name, w.name) WHERE w.workspace_id = the_workspace.workspace_id;
  END IF;
  PERFORM tenancy_internal.require_session();
END
$$;
COMMENT ON FUNCTION tenancy.update_workspace(text, text, text, text) IS 'Changes name, slug and external id of a workspace, where they are given; needs workspaces.update there; the external id is for a DBA, a role that may create organizations or a trusted login to set, but not for the latter to change (42501)';

CREATE FUNCTION tenancy.update_user(member text DEFAULT NULL, name text DEFAULT NULL, email text DEFAULT NULL, external_id text DEFAULT NULL,
                                    active boolean DEFAULT NULL)
RETURNS void LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  by_dba CONSTANT boolean := tenancy.is_dba();
  the_user uuid;
  the_address text;
  locked uuid[] := '{}';
  further uuid[];
BEGIN
  IF by_dba AND update_user.member IS NOT NULL THEN
    the_user := tenancy_internal.find_user(update_user.member);
  ELSE
    -- The person chooses their own name; the other names identify the person, and are for a DBA to change.
    SELECT p.user_id INTO the_user FROM tenancy_internal.person_of_session() p;
    -- Compared only with the person's own names: the error is the same whether or not another user has the name.
    IF the_user IS NULL OR update_user.member IS NOT NULL AND NOT EXISTS (
        SELECT FROM tenancy.users u
        WHERE u.user_id = the_user AND (lower(update_user.member) IN (u.user_id::text, u.email) OR update_user.member = u.external_id)) THEN
      RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'permission denied: a person changes their own name alone',
        HINT = 'What an organization calls a member is set by tenancy.set_member().';
    END IF;
    IF NOT by_dba AND (update_user.email, update_user.external_id, update_user.active) IS DISTINCT FROM (NULL, NULL, NULL) THEN
      PERFORM tenancy_internal.require_dba();
    END IF;
    IF NOT by_dba THEN
      PERFORM tenancy_internal.lock_own_row(by_dba, the_user);
    END IF;
  END IF;
  IF update_user.external_id IS NOT NULL THEN
    PERFORM tenancy_internal.lock_members(m.organization_id)
    FROM (SELECT m.organization_id FROM tenancy.organization_members m WHERE m.user_id = the_user ORDER BY m.organization_id) m;
    IF EXISTS (SELECT FROM tenancy.organization_members mine
               JOIN tenancy.organization_members m ON m.organization_id = mine.organization_id AND m.user_id <> the_user
               WHERE mine.user_id = the_user AND mine.external_id IS NULL AND m.external_id = update_user.external_id) THEN
      RAISE EXCEPTION USING ERRCODE = 'unique_violation', MESSAGE = 'another member of an organization of the user has this external id';
    END IF;
  END IF;
  -- Before the row, which waits for the person, and until none joins them: who has one of them may be waiting for the row.
  WHILE NOT update_user.active LOOP
    further := ARRAY(SELECT o.organization_id FROM tenancy.organizations o
                     WHERE o.closed_at IS NULL AND o.organization_id = ANY (tenancy_internal.owned_organizations(the_user)) AND o.organization_id <> ALL (locked)
                     ORDER BY o.organization_id);
    EXIT WHEN further = '{}';
    PERFORM FROM tenancy.organizations o WHERE o.organization_id = ANY (further) ORDER BY o.organization_id FOR NO KEY UPDATE;
    locked := locked || further;
  END LOOP;
  -- The name may be another user's by now.
  IF by_dba AND update_user.member IS NOT NULL AND the_user <> tenancy_internal.find_user(update_user.member) THEN
    PERFORM tenancy_internal.refuse_other_session();
  END IF;
  the_address := tenancy_internal.email_address(update_user.email);
  UPDATE tenancy.users u
  SET name = coalesce(update_user.name, u.name), email = coalesce(the_address, u.email),
      external_id = coalesce(update_user.external_id, u.external_id), active = coalesce(update_user.active, u.active)
  WHERE u.user_id = the_user AND (coalesce(the_address, u.email), coalesce(update_user.external_id, u.external_id)) IS DISTINCT FROM (u.email, u.external_id);
  IF NOT FOUND THEN
    UPDATE tenancy.users u SET name = coalesce(update_user.name, u.name), active = coalesce(update_user.active, u.active) WHERE u.user_id = the_user;
  END IF;
  -- A DBA may have waited, and be none any more.
  IF by_dba THEN
    PERFORM tenancy_internal.require_still(by_dba, the_user);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.update_user(text, text, text, text, boolean) IS 'Changes a person''s own name (member NULL: the session''s own; an API key or token is refused, 42501), and for a DBA anybody''s name, e-mail address, global external id, and whether the user is active, where they are given';

CREATE FUNCTION tenancy.set_member(organization text DEFAULT NULL, member text DEFAULT NULL, name text DEFAULT NULL,
                                   external_id text DEFAULT NULL)
RETURNS void LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_changed_organization(set_member.organization, 'team', 'add_users');
  the_user uuid;
BEGIN
  IF NOT tenancy_internal.signs_up(the_organization) THEN
    PERFORM tenancy_internal.require_permission(the_organization, NULL, 'team', 'add_users');
  END IF;
  PERFORM tenancy_internal.require_external_id_choice(set_member.external_id);
  the_user := tenancy_internal.find_member(the_organization, set_member.member);
  PERFORM tenancy_internal.lock_members(the_organization);
  -- A sign-up role names members, once.
  IF tenancy_internal.signs_up(the_organization) AND EXISTS (
      SELECT FROM tenancy.organization_members m JOIN tenancy.users u ON u.user_id = m.user_id
      WHERE m.organization_id = the_organization AND m.user_id = the_user
        AND (m.name <> set_member.name OR coalesce(m.external_id, u.external_id) <> set_member.external_id)) THEN
    PERFORM tenancy_internal.require_permission(the_organization, NULL, 'team', 'add_users');
  END IF;
  -- The member's rows have the one that counts now.
  PERFORM tenancy_internal.require_external_id_change(coalesce(m.external_id, u.external_id), set_member.external_id)
  FROM tenancy.organization_members m JOIN tenancy.users u ON u.user_id = m.user_id
  WHERE m.organization_id = the_organization AND m.user_id = the_user;
  UPDATE tenancy.organization_members m
  SET name = CASE WHEN set_member.name IS NULL THEN m.name ELSE nullif(set_member.name, '') END, external_id = set_member.external_id
  WHERE m.organization_id = the_organization AND m.user_id = the_user
    AND set_member.external_id IS NOT NULL AND set_member.external_id IS DISTINCT FROM m.external_id;
  IF NOT FOUND AND set_member.name IS NOT NULL THEN
    UPDATE tenancy.organization_members m SET name = nullif(set_member.name, '') WHERE m.organization_id = the_organization AND m.user_id = the_user;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.set_member(text, text, text, text) IS 'Sets what an organization (NULL: the session''s own) calls a member (an empty name: as the member does), and its own external id for it, where they are given; nobody else sees either. Rows of the organization, and references to its member, have that external id in place of the user''s global one, by which "tenancy.user" goes on to name the person. Needs team.add_users; the external id is for a DBA, a role that may create organizations or a trusted login to set, but for the latter only where the member has none of either kind (42501), and a role that signs the organization up changes no name either that a member has there; one that no other member of the organization has or had, the user''s own global one included (23505)';

-- A member's effective external id in an organization: its own, or else the global one.
CREATE FUNCTION tenancy_internal.check_member_id() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  effective text := coalesce(NEW.external_id, (SELECT u.external_id FROM tenancy.users u WHERE u.user_id = NEW.user_id));
BEGIN
  IF NEW.external_id ~ '@|/' OR NEW.external_id ~* '^[0-9a-f-]+$' AND length(replace(NEW.external_id, '-', '')) = 32 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'invalid external id of a member',
      DETAIL = 'It has the form of a uuid, an e-mail address or a path.';
  END IF;
  IF TG_OP = 'UPDATE' AND NEW.external_id IS NOT DISTINCT FROM OLD.external_id AND (NEW.organization_id, NEW.user_id) = (OLD.organization_id, OLD.user_id) THEN
    RETURN NEW;
  END IF;
  -- Each by an index: an import has thousands of members.
  IF EXISTS (SELECT FROM tenancy.organization_members m
             WHERE m.organization_id = NEW.organization_id AND m.external_id = effective AND m.user_id <> NEW.user_id)
     OR EXISTS (SELECT FROM tenancy.users u JOIN tenancy.organization_members m ON m.user_id = u.user_id
                WHERE u.external_id = effective AND u.user_id <> NEW.user_id AND m.organization_id = NEW.organization_id AND m.external_id IS NULL) THEN
    RAISE EXCEPTION USING ERRCODE = 'unique_violation', MESSAGE = 'another member of the organization has this external id';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_member_id() IS 'Trigger: within an organization a member''s external id, its own or else the global one, is unique, and has no form that refers to somebody else';
