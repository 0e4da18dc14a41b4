-- API keys by name. What has the form of an id is one, whatever other keys are called; an external id that is another key's name is
-- ambiguous, so that nobody who may name a key takes a reference from another one.
CREATE FUNCTION tenancy_internal.resolve_api_key(reference text, organization text) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  by_dba boolean := tenancy.is_dba();
  the_organization uuid;
  digits CONSTANT text := replace(lower(resolve_api_key.reference), '-', '');
  by_id CONSTANT uuid := CASE WHEN digits ~ '^[0-9a-f]{32}$' THEN digits END;
  found uuid[];
BEGIN
  PERFORM tenancy_internal.check_given('api_key', resolve_api_key.reference);
  PERFORM tenancy_internal.require_principal();
  -- To a DBA, ids name keys of all organizations; names, which tenants choose, only those of one.
  IF resolve_api_key.organization IS NOT NULL OR tenancy.current_organization_id() IS NOT NULL OR NOT by_dba THEN
    the_organization := tenancy_internal.resolve_organization(resolve_api_key.organization);
  END IF;
  -- Names can be guessed: those that the session may not list are not found.
  SELECT array_agg(k.api_key_id) INTO found FROM tenancy.api_keys k
  WHERE k.deleted_at IS NULL
    AND CASE WHEN by_id IS NOT NULL THEN k.api_key_id = by_id AND (k.organization_id = the_organization OR by_dba AND resolve_api_key.organization IS NULL)
             WHEN k.organization_id = the_organization THEN resolve_api_key.reference IN (k.external_id, k.name)
             ELSE by_dba AND resolve_api_key.organization IS NULL AND resolve_api_key.reference = k.external_id END
    AND (by_dba OR by_id IS NOT NULL OR tenancy.row_visible('api_keys', 'list', k.organization_id, k.workspace_id, k.user_id, NULL));
  IF found IS NULL AND by_id IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('API key %s does not exist', resolve_api_key.reference);
  ELSIF found IS NULL AND the_organization IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('API key "%s" does not exist', resolve_api_key.reference),
      HINT = 'Only ids and external ids name a key without its organization.';
  ELSIF found IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('API key "%s" does not exist', resolve_api_key.reference);
  ELSIF cardinality(found) > 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('API key reference "%s" is ambiguous', resolve_api_key.reference),
      DETAIL = format('%s keys have this name or external id.', cardinality(found)), HINT = 'Use the id.';
  END IF;
  RETURN found[1];
END
$$;
COMMENT ON FUNCTION tenancy_internal.resolve_api_key(text, text) IS 'Id of a key of the session''s organization, or (a DBA) of the given one, by id, external id or name; to a DBA, ids and external ids without an organization name those of any; 42704 for none, 22023 for several';

CREATE FUNCTION tenancy.update_api_key(
  api_key text, name text DEFAULT NULL, scopes jsonb DEFAULT NULL, expires_at timestamptz DEFAULT NULL, organization text DEFAULT NULL,
  allowed_networks text[] DEFAULT NULL, description text DEFAULT NULL, metadata jsonb DEFAULT NULL, reason text DEFAULT NULL) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy.update_api_key(tenancy_internal.resolve_api_key(update_api_key.api_key, update_api_key.organization),
                                 update_api_key.name, update_api_key.scopes, update_api_key.expires_at, update_api_key.allowed_networks,
                                 update_api_key.description, update_api_key.metadata, update_api_key.reason);
END
$$;
COMMENT ON FUNCTION tenancy.update_api_key(text, text, jsonb, timestamptz, text, text[], text, jsonb, text) IS 'The same for a key by name, external id or id, in the session''s organization, or (a DBA) in the given one; 22023 when several keys have the name';

CREATE FUNCTION tenancy.rotate_api_key(api_key text, transition interval DEFAULT '30 minutes', organization text DEFAULT NULL) RETURNS text
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  RETURN tenancy.rotate_api_key(tenancy_internal.resolve_api_key(rotate_api_key.api_key, rotate_api_key.organization), rotate_api_key.transition);
END
$$;
COMMENT ON FUNCTION tenancy.rotate_api_key(text, interval, text) IS 'The same for a key by name, external id or id, in the session''s organization, or (a DBA) in the given one; 22023 when several keys have the name';

CREATE FUNCTION tenancy.end_api_key_transition(api_key text, organization text DEFAULT NULL) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy.end_api_key_transition(tenancy_internal.resolve_api_key(end_api_key_transition.api_key, end_api_key_transition.organization));
END
$$;
COMMENT ON FUNCTION tenancy.end_api_key_transition(text, text) IS 'The same for a key by name, external id or id, in the session''s organization, or (a DBA) in the given one; 22023 when several keys have the name';

CREATE FUNCTION tenancy.revoke_api_key(api_key text, organization text DEFAULT NULL) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy.revoke_api_key(tenancy_internal.resolve_api_key(revoke_api_key.api_key, revoke_api_key.organization));
END
$$;
COMMENT ON FUNCTION tenancy.revoke_api_key(text, text) IS 'The same for a key by name, external id or id, in the session''s organization, or (a DBA) in the given one; 22023 when several keys have the name';

CREATE FUNCTION tenancy.delete_api_key(api_key text, organization text DEFAULT NULL) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy.delete_api_key(tenancy_internal.resolve_api_key(delete_api_key.api_key, delete_api_key.organization));
END
$$;
COMMENT ON FUNCTION tenancy.delete_api_key(text, text) IS 'The same for a key by name, external id or id, in the session''s organization, or (a DBA) in the given one; 22023 when several keys have the name';
