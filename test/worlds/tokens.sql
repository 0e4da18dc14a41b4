-- Tokens (JWT) of a world: the keys that sign them, what they claim, and what is wrong with some of them.

-- The keys that an organization, named by its slug, may use. They are the same in all worlds.
CREATE TABLE worlds.signing_keys (
  organization text,
  kid text,
  modulus numeric NOT NULL,
  private_exponent numeric NOT NULL,
  jwk jsonb NOT NULL,
  PRIMARY KEY (organization, kid)
);

-- Beside oracle.tokens.  flaw: why the token is no good, whatever the catalogs say; NULL for none.
CREATE TABLE worlds.tokens (
  token int PRIMARY KEY,
  flaw text,
  kid text NOT NULL,
  workspace_name text NOT NULL,
  text text NOT NULL
);

---------------------------------------------------------------------------------------------------------------------
-- RS256 in SQL.  A modulus is the product of many primes p whose p - 1 divide one number of twenty digits, by which the
-- private exponent is no longer and signing takes milliseconds. As a key it is worthless; who verifies sees one like any.
---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION worlds.power(base numeric, exponent numeric, modulus numeric) RETURNS numeric IMMUTABLE LANGUAGE plpgsql AS $$
DECLARE
  result numeric := 1;
BEGIN
  WHILE exponent > 0 LOOP
    IF exponent % 2 = 1 THEN
      result := result * base % modulus;
    END IF;
    base := base * base % modulus;
    exponent := div(exponent, 2);
  END LOOP;
  RETURN result;
END
$$;

-- All primes up to 53 multiplied.
CREATE FUNCTION worlds.period() RETURNS numeric IMMUTABLE LANGUAGE sql AS 'SELECT 32589158477190044730';

-- Large enough for nobody to come upon one by chance: OpenSSL refuses a modulus of which it happens to find a factor.
CREATE FUNCTION worlds.primes() RETURNS numeric[] LANGUAGE sql AS $$
  WITH small (p) AS (SELECT unnest(ARRAY[3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53])::numeric),
  candidates AS MATERIALIZED (
    SELECT 1 + div(worlds.period(), a.p * b.p * c.p * d.p) AS p
    FROM small a JOIN small b ON a.p < b.p JOIN small c ON b.p < c.p JOIN small d ON c.p < d.p)
  SELECT array_agg(p ORDER BY p) FROM candidates WHERE worlds.power(2, p - 1, p) = 1
$$;

CREATE FUNCTION worlds.number(bytes bytea) RETURNS numeric IMMUTABLE LANGUAGE sql AS $$
  SELECT sum(get_byte(bytes, length(bytes) - 1 - i) * 256::numeric ^ i) FROM generate_series(0, length(bytes) - 1) i
$$;

CREATE FUNCTION worlds.bytes(number numeric, octets int) RETURNS bytea IMMUTABLE LANGUAGE sql AS $$
  SELECT decode(right(string_agg(lpad(to_hex((div(number, 2::numeric ^ (56 * i)) % 2::numeric ^ 56)::bigint), 14, '0'), ''
                                 ORDER BY i DESC), 2 * octets), 'hex')
  FROM generate_series(0, octets / 7) i
$$;

CREATE FUNCTION worlds.octets(modulus numeric) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT ceil(log(2, modulus) / 8)::int';

CREATE FUNCTION worlds.base64url(bytes bytea) RETURNS text IMMUTABLE LANGUAGE sql AS
  $$SELECT translate(encode(bytes, 'base64'), E'+/=\n', '-_')$$;

-- The digest, padded as RFC 8017 (PKCS #1 v1.5) says: 1, ones, 0, which digest it is, the digest.
CREATE FUNCTION worlds.signature(signed text, key worlds.signing_keys) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  octets int := worlds.octets(key.modulus);
BEGIN
  RETURN worlds.base64url(worlds.bytes(worlds.power(
    2::numeric ^ (8 * octets - 15) - 2::numeric ^ 416
      + worlds.number('\x3031300d060960864801650304020105000420' || sha256(convert_to(signed, 'UTF8'))),
    key.private_exponent, key.modulus), octets));
END
$$;

-- Once per database.
CREATE FUNCTION worlds.make_signing_keys() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  primes numeric[] := worlds.primes();
  private_exponent numeric;
  modulus numeric;
  prime numeric;
BEGIN
  SELECT div(1 + k * worlds.period(), 65537) INTO STRICT private_exponent
  FROM generate_series(1, 65536) k WHERE (1 + k * worlds.period()) % 65537 = 0;
  PERFORM setseed(0);
  FOR o IN 1..4 LOOP
    FOR k IN 1..2 LOOP
      LOOP
        modulus := 1;
        FOR prime IN SELECT p FROM unnest(primes) p ORDER BY random() LOOP
          modulus := modulus * prime;
          EXIT WHEN modulus > 2::numeric ^ 2047;
        END LOOP;
        -- Otherwise OpenSSL's test of primality finds a factor rather often.
        EXIT WHEN gcd(modulus - 1, worlds.period()) = 2;
      END LOOP;
      INSERT INTO worlds.signing_keys
      VALUES ('o' || o, 'k' || k, modulus, private_exponent, jsonb_build_object('kid', 'k' || k, 'kty', 'RSA',
        'n', worlds.base64url(worlds.bytes(modulus, worlds.octets(modulus))), 'e', worlds.base64url('\x010001')));
    END LOOP;
  END LOOP;
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- A world's tokens
---------------------------------------------------------------------------------------------------------------------

-- Which keys may sign for an organization, and what its tokens have to say besides. Done again, keys go and come back.
CREATE FUNCTION worlds.configure_tokens(organization uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  kids text := worlds.pick(ARRAY['k1 k2', 'k1 k2', 'k1 k2', 'k1', 'k2', '']);
BEGIN
  PERFORM tenancy.set_jwks(organization::text,
    (SELECT jsonb_build_object('keys', coalesce(jsonb_agg(k.jwk ORDER BY k.kid), '[]'))
     FROM worlds.signing_keys k JOIN tenancy.organizations o ON o.slug = k.organization
     WHERE o.organization_id = configure_tokens.organization AND kids LIKE '%' || k.kid || '%'),
    issuer => CASE WHEN worlds.chance(0.3) THEN 'https://id.example.com' END,
    audience => CASE WHEN worlds.chance(0.3) THEN 'database' END);
END
$$;

-- One claim, its name and value written in one of the ways there are.
CREATE FUNCTION worlds.scope_claim() RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  scopes text[] := '{}';
  scope text;
BEGIN
  -- Levels give what they stand for; those at the end give nothing, the last one at least in a list.
  FOREACH scope IN ARRAY worlds.permissions_in_play() || ARRAY['completions.write', 'prompts.read', 'metrics.enabled', 'integrations.write', 'users.read', 'organization.update', 'logs.fly', 'logs', 'LOGS.VIEW', 'prompts.view prompts.list'] LOOP
    IF worlds.chance(0.4) THEN
      scopes := scopes || (CASE WHEN worlds.chance(0.3) THEN 'portkey.' ELSE '' END || scope);
    END IF;
  END LOOP;
  RETURN jsonb_build_object(worlds.pick(ARRAY['scope', 'scopes']),
    CASE WHEN worlds.chance(0.5) THEN to_jsonb(scopes) ELSE to_jsonb(array_to_string(scopes, worlds.pick(ARRAY[' ', '  ']))) END);
END
$$;

CREATE FUNCTION worlds.make_token(organization tenancy.organizations, workspace uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  next_token int := (SELECT count(*) + 1 FROM worlds.tokens);
  workspace_name text := worlds.reference(workspace);
  flaw text := CASE WHEN worlds.chance(0.3) THEN worlds.pick(ARRAY['expired', 'not valid yet', 'signed by another organization', 'claims changed']) END;
  claims jsonb := worlds.scope_claim() || jsonb_build_object(
    worlds.pick(ARRAY['organization_id', 'organisation_id', 'portkey_oid']), worlds.reference(organization.organization_id),
    worlds.pick(ARRAY['workspace_slug', 'portkey_workspace', 'workspace']), workspace_name,
    'exp', CASE WHEN flaw = 'expired' THEN 1577836800 ELSE 4102444800 END,
    'nbf', CASE WHEN flaw = 'not valid yet' THEN 4070908800 ELSE 1577836800 END);
  key_name text := worlds.pick(ARRAY['k1', 'k2']);
  key worlds.signing_keys;
  header text := worlds.base64url(convert_to(jsonb_build_object('alg', 'RS256', 'kid', key_name)::text, 'UTF8'));
  signed text;
BEGIN
  IF worlds.chance(0.7) THEN
    claims := claims || '{"iss": "https://id.example.com"}';
  END IF;
  IF worlds.chance(0.7) THEN
    claims := claims || worlds.pick(ARRAY['{"aud": "database"}', '{"aud": ["other", "database"]}']::jsonb[]);
  END IF;
  SELECT k.* INTO key FROM worlds.signing_keys k
  WHERE k.kid = key_name AND (k.organization = organization.slug) = (flaw IS DISTINCT FROM 'signed by another organization')
  ORDER BY k.organization LIMIT 1;
  signed := header || '.' || worlds.base64url(convert_to(claims::text, 'UTF8'));
  INSERT INTO worlds.tokens VALUES (next_token, flaw, key_name, workspace_name,
    CASE WHEN flaw = 'claims changed' THEN header || '.' || worlds.base64url(convert_to((claims || '{"scope": "logs.view"}')::text, 'UTF8'))
         ELSE signed END || '.' || worlds.signature(signed, key));
  INSERT INTO oracle.tokens VALUES (next_token, organization.organization_id, workspace, claims);
END
$$;

CREATE FUNCTION worlds.make_tokens() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  organization tenancy.organizations;
BEGIN
  FOR organization IN SELECT * FROM tenancy.organizations ORDER BY slug LOOP
    PERFORM worlds.configure_tokens(organization.organization_id);
    FOR i IN 1..worlds.between(1, 3) LOOP
      PERFORM worlds.make_token(organization, worlds.pick(worlds.workspaces_of(organization.organization_id)));
    END LOOP;
  END LOOP;
END
$$;
