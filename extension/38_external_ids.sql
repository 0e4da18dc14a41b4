-- An external id is given once; see given_external_ids. Rows that a dump brings back are no gifts: their ids are in the dump of that
-- catalog, or (a dump of 1.0) are noted when their holders lose them.
CREATE FUNCTION tenancy_internal.keep_external_id() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  kind CONSTANT text := TG_ARGV[0];
  id_column CONSTANT text := TG_ARGV[1];
  organization_id uuid;
BEGIN
  IF TG_OP <> 'INSERT' AND OLD.external_id IS NOT NULL THEN
    IF kind = 'member' THEN
      organization_id := OLD.organization_id;
    END IF;
    INSERT INTO tenancy.given_external_ids (kind, organization_id, external_id, holder)
    VALUES (kind, organization_id, OLD.external_id, (to_jsonb(OLD) ->> id_column)::uuid) ON CONFLICT DO NOTHING;
  END IF;
  IF TG_OP = 'DELETE' OR NEW.external_id IS NULL THEN
    RETURN NULL;
  END IF;
  IF kind = 'member' THEN
    organization_id := NEW.organization_id;
  END IF;
  INSERT INTO tenancy.given_external_ids AS g (kind, organization_id, external_id, holder)
  VALUES (kind, organization_id, NEW.external_id, (to_jsonb(NEW) ->> id_column)::uuid)
  ON CONFLICT ON CONSTRAINT given_external_ids_key DO UPDATE SET holder = excluded.holder WHERE g.holder = excluded.holder;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'unique_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = 'external_id',
      CONSTRAINT = 'given_external_ids_key', MESSAGE = format('external id "%s" was in use', NEW.external_id),
      DETAIL = 'Rows of protected tables may still have it.',
      HINT = 'Choose another one. A DBA who knows that no row has it can delete it from tenancy.given_external_ids.';
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.keep_external_id() IS 'Trigger: notes an external id, and raises 23505 for one that something else has had; arguments: kind, column of the holder''s id';
