-- Keys that are governed: what a key for some networks can make, what a key that had to be rotated can do, and what is left of a
-- secret once its key has been rotated. Attackers come by a socket: local.

-- Secrets that the attacker may not use from elsewhere. What networks are is read by the server's own types.
CREATE FUNCTION attacks.for_more_networks(known bytea[]) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT format('@found a secret of key "%s" for %s', k.name, coalesce(array_to_string(k.allowed_networks, ', '), 'all networks'))
  FROM tenancy.api_keys k JOIN tenancy.api_key_secrets s USING (api_key_id)
  WHERE k.organization_id = 'aaaaaaaa-0000-4000-8000-000000000000' AND (s.secret_hash <> ALL (known) OR k.name = 'confined')
    AND (k.allowed_networks IS NULL OR EXISTS (SELECT FROM unnest(k.allowed_networks) n WHERE n <> 'local' AND NOT n::inet <<= '10.0.0.0/8'))
  UNION ALL
  SELECT '@found a key of tokens' FROM tenancy.jwt_keys j WHERE j.organization_id = 'aaaaaaaa-0000-4000-8000-000000000000' AND j.kid = 'attack'
  UNION ALL
  SELECT '@found an issuer' FROM tenancy.trusted_issuers t WHERE t.organization_id = 'aaaaaaaa-0000-4000-8000-000000000000' AND t.issuer = 'https://attack.test'
$$;
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'keys', format('a key for some networks%s: %s', p.prepared, c.call),
  E'@as postgres\nSELECT secret AS confined FROM tenancy.create_api_key(''organization_service_key'', ''confined'', ''acme'', scopes => ''"all"'', allowed_networks => ''{local,10.0.0.0/8}'') \\gset\n' ||
  E'SELECT FROM tenancy.create_api_key(''workspace_service_key'', ''unconfined'', ''acme'', ''search'', scopes => ''["logs.view"]'', expires_at => ''2999-01-01'');\n' || p.sql ||
  E'SELECT array_agg(secret_hash) AS known FROM tenancy.api_key_secrets \\gset\n@as att_web\nSELECT set_config(''tenancy.api_key'', :''confined'', true) IS NULL;\n' || c.call ||
  E'\n@as postgres\nSELECT * FROM attacks.for_more_networks(:''known'');', 'canary_(globex|theirs)', false
FROM (VALUES ('', ''), (' in transition', E'SELECT length(tenancy.rotate_api_key(''unconfined'', organization => ''acme''));\n')) p (prepared, sql),
  (SELECT replace(v.call, '{n}', n.networks) AS call
   FROM (VALUES ('SELECT api_key_id IS NULL FROM tenancy.create_api_key(''organization_service_key'', ''made'', scopes => ''"all"'', allowed_networks => {n});'),
     ('SELECT api_key_id IS NULL FROM tenancy.create_api_key(''workspace_service_key'', ''made'', NULL, ''search'', scopes => ''[]'', allowed_networks => {n}); SELECT tenancy.update_api_key(''made'', scopes => ''["logs.view"]'', allowed_networks => ''{any}'');'),
     ('SELECT api_key_id IS NULL FROM tenancy.create_api_key(''workspace_user_key'', ''made'', NULL, ''search'', ''mike@acme.test'', allowed_networks => {n});'),
     ('SELECT tenancy.update_api_key(''confined'', allowed_networks => {n});'),
     ('SELECT tenancy.update_api_key(''confined'', name => ''unconfined'', allowed_networks => {n});')) v (call),
     unnest(ARRAY['NULL', '''{any}''', '''{0.0.0.0/0}''', '''{::/0}''', '''{local,10.0.0.0/7}''', '''{::ffff:0.0.0.0/96}''', '''{10.0.0.0/8,192.0.2.1}''', '''{10.1.2.0/24}''', '''{}''', '''{NULL}''']) n (networks)
   UNION ALL
   VALUES ('SELECT length(tenancy.rotate_api_key(''unconfined''));'), ('SELECT length(tenancy.rotate_api_key(''unconfined'', ''0''));'), ('SELECT length(tenancy.rotate_own_api_key(''0''));'), ('SELECT length(tenancy.rotate_own_api_key());'),
     ('SELECT tenancy.update_api_key(''unconfined'', allowed_networks => ''{local}''); SELECT length(tenancy.rotate_api_key(''unconfined'', ''0'')); SELECT tenancy.update_api_key(''unconfined'', allowed_networks => ''{any}'');'),
     ('SELECT tenancy.set_jwks(NULL, jsonb_set(value::jsonb, ''{kid}'', ''"attack"'')) FROM attacks.tokens WHERE name = ''jwk'';'),
     ('SELECT tenancy.trust_issuer(NULL, ''https://attack.test'', value::jsonb, ''{db}'') FROM attacks.tokens WHERE name = ''jwk'';'),
     ('SELECT tenancy.set_jwks(NULL, value::jsonb, ''https://attack.test'', ''db'', ''email'') FROM attacks.tokens WHERE name = ''jwk'';')) c;

-- A key from a network that isn't its own, and one that had to be rotated: nothing by it, in any way to ask.
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'keys', format('%s, %s: %s', k.kind, k.principal, c.call),
  E'@as postgres\n' || format(k.change, quote_literal(k.principal)) || E'\n@as att_web ' || k.principal || E'\n' || c.call ||
  E'\nSELECT ''@found a principal'' FROM tenancy.whoami() w WHERE w.kind <> ''anonymous'';', 'canary_', true
FROM (SELECT v.kind, v.change, p.principal FROM (VALUES
    ('from another network', 'UPDATE tenancy.api_keys SET allowed_networks = ''{0.0.0.0/0,::/0}'' WHERE name = %s;'),
    ('too old', 'UPDATE tenancy.api_keys SET rotate_by = now() - interval ''1 s'' WHERE name = %s;')) v (kind, change),
    unnest(ARRAY['acme master', 'acme reader', 'search key', 'mike key']) p (principal)) k,
  (VALUES ('SELECT string_agg(body, '' '') FROM app.logs;'), ('SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT body FROM app.logs; EXECUTE p; EXECUTE p;'),
    ('DECLARE c CURSOR FOR SELECT body FROM app.logs; FETCH ALL FROM c;'), ('SET tenancy.share_plans = on; PREPARE p AS SELECT body FROM app.logs; EXECUTE p;'), ('SET tenancy.organization = ''acme''; SELECT body FROM app.logs;'),
    ('SELECT name FROM tenancy.api_keys;'), ('SELECT name FROM tenancy.review_api_keys();'), ('SELECT email FROM tenancy.members;'), ('SELECT name FROM tenancy.who_can(''logs'', ''view'');'), ('SELECT organization FROM tenancy.my_organizations();'),
    ('SELECT api_key_id IS NULL FROM tenancy.create_api_key(''workspace_service_key'', ''x'', NULL, ''search'');'), ('SELECT tenancy.set_key_policy(max_age => NULL);'), ('SELECT tenancy.update_api_key(''acme master'', allowed_networks => ''{any}'');'),
    ('SELECT length(tenancy.rotate_api_key(''acme master''));'), ('SELECT tenancy.revoke_api_keys(''mike@acme.test'');'), ('INSERT INTO app.logs (id, body) VALUES (99, ''x'');'), ('DELETE FROM app.logs;')) c (call);

-- After a rotation: the old secret at its former end, whatever the transition, and whoever asks for it, and whatever the policy.
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'keys', format('an old secret, %s: %s', w.who, c.calls),
  E'@as postgres\nSELECT tenancy.set_key_policy(''acme'', ''2 days'', ''1 day'');\n@as ' || w.who || E'\n' || c.calls ||
  E'\n@as postgres\nSELECT ''@found an old secret that lives on'' FROM tenancy.api_key_secrets s JOIN tenancy.api_keys k USING (api_key_id) WHERE k.name = ''acme master'' AND NOT s.is_current AND s.valid_until > now() + interval ''2 days 1 minute'';' ||
  E'\nSELECT ''@found a key without an age'' FROM tenancy.api_keys k WHERE k.name = ''acme master'' AND coalesce(k.rotate_by, ''infinity'') > now() + interval ''2 days 1 minute'';', 'canary_(globex|theirs)', false
FROM (VALUES ('att_web acme master'), ('att_app adam'), ('att_app mona')) w (who), (VALUES
  ('SELECT length(tenancy.rotate_api_key(''acme master'', ''10 years''));'), ('SELECT length(tenancy.rotate_own_api_key(''10 years''));'), ('SELECT length(tenancy.rotate_own_api_key(''infinity''));'),
  ('SELECT length(tenancy.rotate_own_api_key(''1 day'')); SELECT tenancy.end_api_key_transition(''acme master''); SELECT length(tenancy.rotate_own_api_key(''10 years''));'),
  ('SELECT tenancy.update_api_key(''acme master'', expires_at => ''infinity''); SELECT length(tenancy.rotate_api_key(''acme master'', ''1000 years''));'),
  ('SELECT tenancy.update_organization(NULL, name => ''x''); SELECT length(tenancy.rotate_api_key(''acme master'', ''10 years''));')) c (calls);
-- Only persons without an end change the policy.
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'keys', format('the policy, %s: %s', w.who, c.call),
  E'@as postgres\nSELECT tenancy.set_key_policy(''acme'', ''2 days'', ''1 day'');\n' || w.prepared || E'\n@as ' || w.who || E'\n' || c.call ||
  E'\n@as postgres\nSELECT ''@found another policy'' FROM tenancy.organizations o WHERE o.slug IN (''acme'', ''globex'') AND o.key_max_age IS DISTINCT FROM CASE o.slug WHEN ''acme'' THEN interval ''2 days'' END;', 'canary_(globex|theirs)', false
FROM (VALUES ('att_web acme master', ''), ('att_web search key', ''), ('att_web token', ''), ('att_web mike key', ''), ('att_app mike', ''), ('att_app mona', ''), ('att_app gus', 'UPDATE tenancy.organizations SET key_max_age = NULL WHERE slug = ''globex'';'),
    ('att_app nora', 'SELECT tenancy.set_organization_role(''acme'', ''nora@acme.test'', ''owner'', now() + interval ''1 hour'');')) w (who, prepared),
  (VALUES ('SELECT tenancy.set_key_policy(max_age => NULL);'), ('SELECT tenancy.set_key_policy(NULL, ''10 years'');'), ('SELECT tenancy.set_key_policy(''acme'', ''10 years'');'),
    ('UPDATE tenancy.organizations SET key_max_age = NULL;'), ('SELECT tenancy.update_organization(NULL, name => ''x'');')) c (call)
WHERE NOT (w.who = 'att_app gus' AND c.call !~ 'acme');
