-- An external id is given once; see given_external_ids. Rows that a dump brings back are no gifts: their ids are in the dump of that
-- catalog, or (a dump of 1.0) are noted when their holders lose them. 1.0 could have longer ids than the index holds: these are not
-- noted, and given to nobody again, since new ones have at most 500 characters.
CREATE FUNCTION tenancy_internal.give_external_id(kind text, organization_id uuid, external_id text, holder uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF (length(give_external_id.external_id) <= 500) IS NOT TRUE THEN
    RETURN;
  END IF;
  INSERT INTO tenancy.given_external_ids AS g (kind, organization_id, external_id, holder)
  VALUES (give_external_id.kind, give_external_id.organization_id, give_external_id.external_id, give_external_id.holder)
  ON CONFLICT ON CONSTRAINT given_external_ids_key DO UPDATE SET holder = excluded.holder WHERE g.holder = excluded.holder;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'unique_violation', CONSTRAINT = 'given_external_ids_key',
      MESSAGE = format('external id "%s" is or was in use', give_external_id.external_id),
      DETAIL = 'Rows of protected tables may still have it.',
      HINT = 'Choose another one. A DBA who knows that no row has it can delete it from tenancy.given_external_ids.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.give_external_id(text, uuid, text, uuid) IS 'Notes an external id (NULL: none), and raises 23505 for one that another of the kind has had, or (with an organization) another of its members';

CREATE FUNCTION tenancy_internal.note_external_id(kind text, organization_id uuid, external_id text, holder uuid) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, tenancy, pg_temp AS $$
  INSERT INTO tenancy.given_external_ids (kind, organization_id, external_id, holder)
  SELECT note_external_id.kind, note_external_id.organization_id, note_external_id.external_id, note_external_id.holder
  WHERE length(note_external_id.external_id) <= 500 ON CONFLICT DO NOTHING
$$;
COMMENT ON FUNCTION tenancy_internal.note_external_id(text, uuid, text, uuid) IS 'Notes an external id (NULL: none) that was given, unless it is noted already';

CREATE FUNCTION tenancy_internal.keep_external_id() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  kind CONSTANT text := TG_ARGV[0];
  id_column CONSTANT text := TG_ARGV[1];
BEGIN
  IF TG_OP <> 'INSERT' THEN
    PERFORM tenancy_internal.note_external_id(kind, NULL, OLD.external_id, (to_jsonb(OLD) ->> id_column)::uuid);
  END IF;
  IF TG_OP = 'DELETE' THEN
    -- The id, too: another catalog has it while the row is there.
    PERFORM tenancy_internal.note_external_id('id', NULL, to_jsonb(OLD) ->> id_column, (to_jsonb(OLD) ->> id_column)::uuid);
  ELSE
    PERFORM tenancy_internal.give_external_id(kind, NULL, NEW.external_id, (to_jsonb(NEW) ->> id_column)::uuid);
  END IF;
  IF TG_OP = 'UPDATE' AND kind = 'user' THEN
    PERFORM tenancy_internal.require_current('{tenancy.organization_members}');
    PERFORM tenancy_internal.note_external_id('member', m.organization_id, OLD.external_id, m.user_id),
            tenancy_internal.give_external_id('member', m.organization_id, NEW.external_id, m.user_id)
    FROM tenancy.organization_members m WHERE m.user_id = NEW.user_id AND m.external_id IS NULL;
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.keep_external_id() IS 'Trigger: notes an external id, a user''s also where it is a member, and the id of what is deleted, and raises 23505 for an external id that something else has had; arguments: kind, column of the holder''s id';

-- Rows of an organization name its member by the organization's own id, or else by the user's.
CREATE FUNCTION tenancy_internal.keep_member_id() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  global_id text;
BEGIN
  IF TG_OP <> 'INSERT' THEN
    SELECT u.external_id INTO global_id FROM tenancy.users u WHERE u.user_id = OLD.user_id;
    PERFORM tenancy_internal.note_external_id('member', OLD.organization_id, coalesce(OLD.external_id, global_id), OLD.user_id);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    -- Locked, so that whoever gives the user another one sees the member, or is seen.
    SELECT u.external_id INTO global_id FROM tenancy.users u WHERE u.user_id = NEW.user_id FOR KEY SHARE;
    PERFORM tenancy_internal.give_external_id('member', NEW.organization_id, coalesce(NEW.external_id, global_id), NEW.user_id);
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.keep_member_id() IS 'Trigger: notes the external id that a member has in the organization, and raises 23505 for one that another member has had';
