-- Claims: one node of a cluster states to another who its session is.

CREATE FUNCTION tenancy.claim_challenge() RETURNS text
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pg_tenancy_claim_challenge';
COMMENT ON FUNCTION tenancy.claim_challenge() IS 'A challenge, for which another node of the cluster can sign one claim that this session accepts; it takes the place of the last one';

CREATE FUNCTION tenancy.sign_claim(challenge text) RETURNS text
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pg_tenancy_sign_claim';
COMMENT ON FUNCTION tenancy.sign_claim(text) IS 'A claim of the session''s principal, with its complete access, for the session of another node that has made the challenge; it holds there once, and for two minutes at the most; 55000 on a node without a key, 22023 for what is no challenge, 54000 for access that is too large';

CREATE FUNCTION tenancy.accept_claim(claim text) RETURNS text
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'pg_tenancy_accept_claim';
COMMENT ON FUNCTION tenancy.accept_claim(text) IS 'Makes a claim that another node has signed the principal until the transaction ends, before every setting and binding, and seals it; returns the challenge for the next claim; 28000 for a claim that isn''t genuine, has expired, or was made for another session, login or principal, 42501 when another principal is sealed';
