-- Catalogs: issuers whose tokens stand for users, and which user a subject of theirs is. The keys lie apart from those of an
-- organization's own tokens: what a token is follows from the key that has signed it, before any claim is read.

CREATE TABLE tenancy.trusted_issuers (
  trust_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
  organization_id uuid REFERENCES tenancy.organizations ON DELETE CASCADE,
  issuer text COLLATE "C" NOT NULL CHECK (length(issuer) BETWEEN 1 AND 1000),
  audiences text[] NOT NULL CHECK (length(audiences::text) <= 10000),
  subject text COLLATE "C" NOT NULL DEFAULT 'sub' CHECK (subject IN ('sub', 'oid', 'email')),
  authorized_parties text[] NOT NULL DEFAULT '{}' CHECK (length(authorized_parties::text) <= 10000),
  token_use text COLLATE "C" CHECK (length(token_use) BETWEEN 1 AND 255),
  max_age_seconds bigint NOT NULL DEFAULT 86400 CHECK (max_age_seconds > 0),
  scopes_required boolean NOT NULL DEFAULT false,
  created_by text,
  created_at timestamptz NOT NULL DEFAULT now(),
  groups_claim text COLLATE "C" CHECK (length(groups_claim) BETWEEN 1 AND 255),
  UNIQUE NULLS NOT DISTINCT (issuer, organization_id),
  CHECK (cardinality(audiences) > 0 OR cardinality(authorized_parties) > 0),
  CHECK ('' <> ALL (audiences) AND '' <> ALL (authorized_parties) AND array_position(audiences, NULL) IS NULL
         AND array_position(authorized_parties, NULL) IS NULL)
);
CREATE INDEX trusted_issuers_organization_idx ON tenancy.trusted_issuers (organization_id);
COMMENT ON TABLE tenancy.trusted_issuers IS 'Issuers whose tokens stand for users; see trust_issuer()';
COMMENT ON COLUMN tenancy.trusted_issuers.trust_id IS 'Id of the trust; keys and subjects are the trust''s, so that nobody else''s trust in the same issuer shares them';
COMMENT ON COLUMN tenancy.trusted_issuers.organization_id IS 'Organization that trusts it, for its own members alone; NULL: a DBA does, for all organizations';
COMMENT ON COLUMN tenancy.trusted_issuers.issuer IS 'Required value of the claim iss, byte for byte';
COMMENT ON COLUMN tenancy.trusted_issuers.audiences IS 'The claim aud must be or contain one of these; empty: tokens without that claim, for one of the authorized parties';
COMMENT ON COLUMN tenancy.trusted_issuers.subject IS 'What says which user a token is of: sub or oid (through identities), or email, where email_verified is true, until the user''s sub is linked';
COMMENT ON COLUMN tenancy.trusted_issuers.authorized_parties IS 'Clients whose tokens count (claims azp, client_id, appid, cid); empty: those that are audiences';
COMMENT ON COLUMN tenancy.trusted_issuers.token_use IS 'Required value of the claim token_use; NULL: tokens without it';
COMMENT ON COLUMN tenancy.trusted_issuers.max_age_seconds IS 'The most that lies between a token''s issue and its expiry';
COMMENT ON COLUMN tenancy.trusted_issuers.scopes_required IS 'A token without a registered scope has no rights; otherwise it is not narrowed';
COMMENT ON COLUMN tenancy.trusted_issuers.created_by IS 'Who has configured it last: the user''s e-mail address, an API key''s id, or the login';
COMMENT ON COLUMN tenancy.trusted_issuers.groups_claim IS 'Claim that names the user''s groups, of those with this issuer; NULL: none';
COMMENT ON COLUMN tenancy.trusted_issuers.created_at IS 'When the issuer was first trusted';

CREATE TABLE tenancy.issuer_keys (
  trust_id uuid NOT NULL REFERENCES tenancy.trusted_issuers ON DELETE CASCADE,
  kid text COLLATE "C" NOT NULL CHECK (length(kid) BETWEEN 1 AND 255),
  alg text COLLATE "C" NOT NULL CHECK (alg IN ('RS256', 'ES256', 'EdDSA')),
  jwk jsonb NOT NULL CHECK (length(jwk::text) <= 10000),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (trust_id, kid)
);
COMMENT ON TABLE tenancy.issuer_keys IS 'Public keys of trusted issuers';
COMMENT ON COLUMN tenancy.issuer_keys.trust_id IS 'The trust that the key is of';
COMMENT ON COLUMN tenancy.issuer_keys.kid IS 'Name of the key, which a token''s header gives; unique in the trust';
COMMENT ON COLUMN tenancy.issuer_keys.alg IS 'Algorithm of its signatures, which follows from the key''s type: RS256, ES256 or EdDSA';
COMMENT ON COLUMN tenancy.issuer_keys.jwk IS 'The key''s type and public parameters as a JSON Web Key';
COMMENT ON COLUMN tenancy.issuer_keys.created_at IS 'When the key was configured';

CREATE TABLE tenancy.identities (
  trust_id uuid NOT NULL REFERENCES tenancy.trusted_issuers ON DELETE CASCADE,
  subject text COLLATE "C" NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
  user_id uuid NOT NULL REFERENCES tenancy.users ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  linked_by uuid,
  PRIMARY KEY (trust_id, subject)
);
CREATE INDEX identities_user_idx ON tenancy.identities (user_id, trust_id);
COMMENT ON TABLE tenancy.identities IS 'Which user a subject of a trusted issuer is; see link_identity()';
COMMENT ON COLUMN tenancy.identities.trust_id IS 'The trust whose tokens name the subject';
COMMENT ON COLUMN tenancy.identities.subject IS 'Value of the claim sub, or oid';
COMMENT ON COLUMN tenancy.identities.user_id IS 'The user';
COMMENT ON COLUMN tenancy.identities.created_at IS 'When they were linked';
COMMENT ON COLUMN tenancy.identities.linked_by IS 'Member who has said so, and whose rights limit what it is worth now; NULL: a DBA, or the user by accepting an invitation; the organization: a former member, so that the link is worth nothing';

-- Survives the membership: what was revoked stays so after a return. No row of the user is written, which the person could lock, and so
-- keep others from ending what speaks for it.
CREATE TABLE tenancy_internal.ended_tokens (
  organization_id uuid REFERENCES tenancy.organizations ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES tenancy.users ON DELETE CASCADE,
  issued_before timestamptz NOT NULL,
  CONSTRAINT ended_tokens_key UNIQUE NULLS NOT DISTINCT (organization_id, user_id)
);
ALTER TABLE tenancy_internal.ended_tokens REPLICA IDENTITY FULL;
COMMENT ON TABLE tenancy_internal.ended_tokens IS 'Tokens of users that stay refused in an organization, or everywhere, since the membership or a link ended, or the user was locked, after they were issued';
COMMENT ON COLUMN tenancy_internal.ended_tokens.organization_id IS 'The organization; NULL: all';
COMMENT ON COLUMN tenancy_internal.ended_tokens.user_id IS 'The user';
COMMENT ON COLUMN tenancy_internal.ended_tokens.issued_before IS 'Tokens issued before this moment are refused';

-- Survives the link and the trust: a subject that is linked again, to whomever, begins anew.
CREATE TABLE tenancy_internal.ended_links (
  issuer text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  organization_id uuid REFERENCES tenancy.organizations ON DELETE CASCADE,
  issued_before timestamptz NOT NULL,
  CONSTRAINT ended_links_key UNIQUE NULLS NOT DISTINCT (issuer, subject, organization_id)
);
CREATE INDEX ended_links_organization_idx ON tenancy_internal.ended_links (organization_id);
ALTER TABLE tenancy_internal.ended_links REPLICA IDENTITY FULL;
COMMENT ON TABLE tenancy_internal.ended_links IS 'Tokens that stay refused whoever their subject is linked to, or has their e-mail address, since it was unlinked, or given up, after they were issued';
COMMENT ON COLUMN tenancy_internal.ended_links.issuer IS 'The issuer; empty: any, of an e-mail address';
COMMENT ON COLUMN tenancy_internal.ended_links.subject IS 'The subject that was linked, or the e-mail address, in lower case, that a user had';
COMMENT ON COLUMN tenancy_internal.ended_links.organization_id IS 'The organization that trusts, or has trusted, the issuer; NULL: a DBA does, or did';
COMMENT ON COLUMN tenancy_internal.ended_links.issued_before IS 'Tokens issued before this moment are refused';
