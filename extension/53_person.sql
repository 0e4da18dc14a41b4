-- The person that a session is, and what that person may decide by it.

CREATE FUNCTION tenancy_internal.own_identity(OUT kind text, OUT user_id uuid, OUT email text, OUT trust_id uuid, OUT token_subject text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_own_identity';
COMMENT ON FUNCTION tenancy_internal.own_identity() IS 'Whom the session speaks for in what concerns a person alone, whatever organization is chosen: nobody, a credential (an API key, or a token that an organization can make, or that is narrowed, which speak for no person), or a person, who need not be a user yet, and the trusted issuer and subject of its token; 28000 for a user that the session may not name, or that is not active';

-- A token that was ended in an organization is still its person's elsewhere, and one that names an organization is for that one.
CREATE FUNCTION tenancy_internal.person_counts_in(organization_id uuid) RETURNS boolean
LANGUAGE c STABLE COST 1000 AS 'MODULE_PATHNAME', 'pg_tenancy_person_counts_in';
COMMENT ON FUNCTION tenancy_internal.person_counts_in(uuid) IS 'Whether the session''s person decides by this session what concerns an organization (NULL: itself in all), as require_person_in() requires';

CREATE FUNCTION tenancy_internal.require_person_in(organization_id uuid) RETURNS void
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_require_person_in';
COMMENT ON FUNCTION tenancy_internal.require_person_in(uuid) IS 'Raises 28000 for a token of a person that was ended in an organization, or names another one; NULL: for one that was ended in any organization of the person, which all see what the person changes of itself';

CREATE FUNCTION tenancy_steps.person_of_session() RETURNS uuid
LANGUAGE tenancy_unit STABLE SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RETURN (SELECT i.user_id FROM tenancy_internal.own_identity() i WHERE i.kind = 'person');
END
$$;
COMMENT ON FUNCTION tenancy_steps.person_of_session() IS 'The user whose session this is, NULL where a credential stands for one: others may have made it; for policies of catalogs';

CREATE FUNCTION tenancy_internal.person_of_session(OUT user_id uuid, OUT email text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  own record;
BEGIN
  SELECT * INTO own FROM tenancy_internal.own_identity();
  IF own.kind = 'credential' THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'permission denied: an API key, a token or a login of one workspace does not speak for a person',
      DETAIL = 'Joining and leaving an organization is for the person alone to decide.',
      HINT = 'Use a login that is bound to the user, "tenancy.user" on a trusted login, or a token of an issuer that a DBA trusts, without scopes and workspace.';
  ELSIF own.kind = 'nobody' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_authorization_specification', SCHEMA = 'tenancy', CONSTRAINT = 'no_principal',
      MESSAGE = 'the session has no user',
      HINT = 'Use a login that is bound to a user, "tenancy.user" on a trusted login, or a token of an issuer that a DBA trusts.';
  END IF;
  person_of_session.user_id := own.user_id;
  person_of_session.email := own.email;
END
$$;
COMMENT ON FUNCTION tenancy_internal.person_of_session() IS 'The person that the session is; 42501 for an API key or token, 28000 for nobody';

-- A call that does something by who its session is compares that after its last wait: for an organization, the row of a user, an address or a
-- subject that another transaction gives to somebody, or a foreign key.
CREATE FUNCTION tenancy_internal.require_still(by_dba boolean, user_id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.expire_rights();
  IF tenancy.is_dba() IS DISTINCT FROM require_still.by_dba
     OR NOT require_still.by_dba AND require_still.user_id IS DISTINCT FROM (SELECT p.user_id FROM tenancy_internal.own_identity() p WHERE p.kind = 'person') THEN
    PERFORM tenancy_internal.refuse_other_session();
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_still(boolean, uuid) IS 'Raises 40001 unless the session is still a DBA''s, or speaks for this person';

CREATE FUNCTION tenancy_internal.lock_own_row(by_dba boolean, user_id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF tenancy_internal.may_wait() THEN
    PERFORM FROM tenancy.users u WHERE u.user_id = lock_own_row.user_id FOR NO KEY UPDATE;
  ELSE
    PERFORM FROM tenancy.users u WHERE u.user_id = lock_own_row.user_id FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND AND EXISTS (SELECT FROM tenancy.users u WHERE u.user_id = lock_own_row.user_id) THEN
      PERFORM tenancy_internal.refuse_to_wait();
    END IF;
  END IF;
  PERFORM tenancy_internal.require_still(lock_own_row.by_dba, lock_own_row.user_id);
  IF NOT lock_own_row.by_dba THEN
    PERFORM tenancy_internal.require_person_in(NULL);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.lock_own_row(boolean, uuid) IS 'Locks the row of the session''s own person, which a person may change, as lock_organization() does; 40001 where it is no longer that of the session, 28000 for a token that was ended in one of the person''s organizations';

CREATE FUNCTION tenancy_internal.require_still_address(by_dba boolean, email text, organization_id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.expire_rights();
  IF require_still_address.by_dba AND NOT tenancy.is_dba() OR NOT require_still_address.by_dba
     AND require_still_address.email IS DISTINCT FROM (SELECT p.email FROM tenancy_internal.own_identity() p WHERE p.kind = 'person') THEN
    PERFORM tenancy_internal.refuse_other_session();
  END IF;
  IF NOT require_still_address.by_dba THEN
    PERFORM tenancy_internal.require_person_in(require_still_address.organization_id);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.require_still_address(boolean, text, uuid) IS 'Raises 40001 unless the session is still a DBA''s, or that of a person with this address; 28000 where its token doesn''t count in the organization';

CREATE FUNCTION tenancy_internal.note_taken_rights(organization_id uuid, holders uuid[]) RETURNS void
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_note_taken_rights';
COMMENT ON FUNCTION tenancy_internal.note_taken_rights(uuid, uuid[]) IS 'Has rights that users or API keys take on their own count once they are committed: until then their sessions in the organization are refused, 55000';
