-- Tokens: the keys they are signed with.

CREATE FUNCTION tenancy.current_token_subject() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_current_token_subject';
COMMENT ON FUNCTION tenancy.current_token_subject() IS 'Whom the session''s token is about by its claim sub, or NULL; decides nothing';

CREATE FUNCTION tenancy_internal.check_jwk(jwk jsonb) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_check_jwk';
COMMENT ON FUNCTION tenancy_internal.check_jwk(jsonb) IS 'Algorithm (RS256, ES256, EdDSA) of the signatures of a JSON Web Key; 22023 for one that can''t be used: private, symmetric, too short, of another curve or use, or not the numbers of a key';

CREATE FUNCTION tenancy_internal.check_jwt_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF tenancy_internal.check_jwk(NEW.jwk) IS DISTINCT FROM NEW.alg THEN
    RAISE EXCEPTION USING ERRCODE = 'check_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
      MESSAGE = format('algorithm of key "%s" is not the one of its type', NEW.kid);
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_jwt_key() IS 'Trigger: every configured key is one that can be used';

CREATE FUNCTION tenancy.set_jwks(organization text, jwks jsonb, issuer text DEFAULT NULL, audience text DEFAULT NULL)
RETURNS void LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  the_organization uuid := tenancy_internal.resolve_organization(set_jwks.organization);
  given jsonb := CASE WHEN set_jwks.jwks IS NULL OR set_jwks.jwks IN ('null', '{}', '[]') THEN '[]'
                      WHEN jsonb_typeof(set_jwks.jwks) = 'object' AND set_jwks.jwks ? 'keys' THEN set_jwks.jwks -> 'keys'
                      WHEN jsonb_typeof(set_jwks.jwks) = 'object' THEN jsonb_build_array(set_jwks.jwks) END;
  key jsonb;
  the_kid text;
  kids text[] := '{}';
  algorithms text[] := '{}';
  keys jsonb[] := '{}';
BEGIN
  PERFORM tenancy_internal.require_permission(the_organization, NULL, 'organization', 'update');
  -- A token can have any scope in any workspace. Removing all keys confers nothing.
  IF given IS DISTINCT FROM '[]' THEN
    PERFORM tenancy_internal.require_delegation(tenancy_internal.missing_for_tokens(the_organization), 'a token');
    PERFORM tenancy_internal.require_expiry_within_session(NULL, 'the keys of tokens');
  END IF;
  IF jsonb_typeof(given) IS DISTINCT FROM 'array' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'keys must be given as a JSON Web Key Set or as one JSON Web Key',
      HINT = 'For example {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "2024", "x": "…"}]}.';
  END IF;
  IF jsonb_array_length(given) > 64 THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'an organization cannot have more than 64 keys';
  END IF;
  IF set_jwks.issuer = '' OR set_jwks.audience = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'issuer and audience cannot be empty',
      HINT = 'Use NULL to accept tokens of any.';
  END IF;
  FOR key IN SELECT jsonb_array_elements(given) LOOP
    -- Also its length: no other message would identify the key.
    the_kid := CASE WHEN jsonb_typeof(key) = 'object' AND jsonb_typeof(key -> 'kid') = 'string' THEN key ->> 'kid' END;
    IF the_kid IS NULL OR length(the_kid) NOT BETWEEN 1 AND 255 THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a key needs a name of 1 to 255 characters',
        DETAIL = 'The name is its member "kid".';
    ELSIF the_kid = ANY (kids) THEN
      RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('key "%s" is given twice', the_kid);
    END IF;
    kids := kids || the_kid;
    algorithms := algorithms || tenancy_internal.check_jwk(key);
    keys := keys || (SELECT jsonb_object_agg(name, value) FROM jsonb_each(key) member (name, value)
                     WHERE name IN ('kty', 'n', 'e', 'crv', 'x', 'y'));
  END LOOP;

  -- Concurrent callers wait here. Existing keys are not touched, so that adding one invalidates nothing else.
  PERFORM FROM tenancy.organizations o WHERE o.organization_id = the_organization FOR NO KEY UPDATE;
  DELETE FROM tenancy.jwt_keys k
  WHERE k.organization_id = the_organization
    AND NOT EXISTS (SELECT FROM unnest(kids, keys) n (kid, jwk) WHERE n.kid = k.kid AND n.jwk = k.jwk);
  INSERT INTO tenancy.jwt_keys (organization_id, kid, alg, jwk)
  SELECT the_organization, n.kid, n.alg, n.jwk FROM unnest(kids, algorithms, keys) n (kid, alg, jwk)
  ON CONFLICT DO NOTHING;

  DELETE FROM tenancy.jwt_issuers i
  WHERE i.organization_id = the_organization
    AND (i.issuer, i.audience) IS DISTINCT FROM (set_jwks.issuer, set_jwks.audience);
  IF set_jwks.issuer IS NOT NULL OR set_jwks.audience IS NOT NULL THEN
    INSERT INTO tenancy.jwt_issuers (organization_id, issuer, audience)
    VALUES (the_organization, set_jwks.issuer, set_jwks.audience)
    ON CONFLICT DO NOTHING;
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.set_jwks(text, jsonb, text, text) IS 'Replaces the keys for tokens of an organization (NULL: the session''s own) with those of a JSON Web Key Set or one JSON Web Key (NULL or empty: none), and sets the required issuer and audience (NULL: any); 22023 for a key that can''t be used; 42501 for keys set by a credential that ends. To have none any more needs organization.update alone';
