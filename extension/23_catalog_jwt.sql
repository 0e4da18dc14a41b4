-- Catalogs of the keys with which an organization's tokens are verified.

CREATE TABLE tenancy.jwt_keys (
  organization_id uuid NOT NULL REFERENCES tenancy.organizations ON DELETE CASCADE,
  kid text COLLATE "C" NOT NULL CHECK (length(kid) BETWEEN 1 AND 255),
  alg text COLLATE "C" NOT NULL CHECK (alg IN ('RS256', 'ES256', 'EdDSA')),
  jwk jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, kid)
);
COMMENT ON TABLE tenancy.jwt_keys IS 'Public keys that tokens of an organization are signed by; see set_jwks()';
COMMENT ON COLUMN tenancy.jwt_keys.organization_id IS 'Organization whose tokens the key signs';
COMMENT ON COLUMN tenancy.jwt_keys.kid IS 'Name of the key, which a token''s header gives; unique in the organization';
COMMENT ON COLUMN tenancy.jwt_keys.alg IS 'Algorithm of its signatures, which follows from the key''s type: RS256, ES256 or EdDSA';
COMMENT ON COLUMN tenancy.jwt_keys.jwk IS 'The key''s type and public parameters as a JSON Web Key (kty, n and e, or crv, x and y)';
COMMENT ON COLUMN tenancy.jwt_keys.created_at IS 'When the key was configured';

CREATE TABLE tenancy.jwt_issuers (
  organization_id uuid PRIMARY KEY REFERENCES tenancy.organizations ON DELETE CASCADE,
  issuer text COLLATE "C" CHECK (issuer <> ''),
  audience text COLLATE "C" CHECK (audience <> ''),
  CHECK (issuer IS NOT NULL OR audience IS NOT NULL)
);
COMMENT ON TABLE tenancy.jwt_issuers IS 'The issuer and audience required of an organization''s tokens; without a row, any';
COMMENT ON COLUMN tenancy.jwt_issuers.organization_id IS 'The organization';
COMMENT ON COLUMN tenancy.jwt_issuers.issuer IS 'Required value of the claim iss; NULL for any';
COMMENT ON COLUMN tenancy.jwt_issuers.audience IS 'Value that the claim aud must be or contain; NULL for any';
