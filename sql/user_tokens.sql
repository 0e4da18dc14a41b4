-- Tokens that stand for users: as identity providers make them, every way known to cheat, links, organizations, the end of access.
-- sql/include/user_tokens.sql has the tokens, and make_user_tokens.pl made them.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\set undone :srcdir '/sql/include/undone.sql'
\set tokens :srcdir '/sql/include/user_tokens.sql'
\i :world
\set ECHO none
\i :tokens
\set ECHO all
SELECT FROM tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id',
                            owner => 'user_id', api_key => 'api_key_id', create_indexes => true);
GRANT ALL ON ALL TABLES IN SCHEMA app TO regress_plain;
-- Organizations' trusts count in sessions that have chosen the organization: app.chosen, where nothing else is said.
SET app.chosen = 'acme';
\set ECHO none
CREATE FUNCTION choose() RETURNS void LANGUAGE sql AS $$
  SELECT set_config('tenancy.organization', coalesce(nullif(current_setting('tenancy.organization'), ''), current_setting('app.chosen', true), ''), true)
$$;
-- Who a session with a token is, and the rows that it sees, or its error.
CREATE FUNCTION seen_by(token name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  ids text;
  detail text;
BEGIN
  PERFORM choose();
  PERFORM set_config('tenancy.jwt', (SELECT t.token FROM app.tokens t WHERE t.name = seen_by.token), true);
  SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), '-') INTO ids FROM app.logs;
  RETURN (SELECT concat_ws(' ', w.kind, w.source, split_part(w.email, '@', 1), 'of', w.organization, 'in ' || w.workspace, 'sees', ids) FROM tenancy.whoami() w);
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN concat_ws(': ', SQLSTATE, SQLERRM, nullif(detail, ''));
END
$$;
CREATE FUNCTION use_token(name text) RETURNS void LANGUAGE sql AS
$$ SELECT set_config('tenancy.jwt', t.token, false) FROM app.tokens t WHERE t.name = use_token.name $$;
\i :undone
CREATE FUNCTION rights_by(token name) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM choose();
  PERFORM set_config('tenancy.jwt', (SELECT t.token FROM app.tokens t WHERE t.name = rights_by.token), true);
  RETURN (SELECT CASE WHEN count(*) > 10 THEN 'many' ELSE coalesce(string_agg(resource || '.' || action, ' ' ORDER BY resource, action), 'none') END
          FROM (SELECT DISTINCT resource, action FROM tenancy.permissions()) p);
END
$$;
\set ECHO all
-- Nobody is anybody yet.
SET SESSION AUTHORIZATION regress_plain;
SELECT seen_by('RS256');
SET SESSION AUTHORIZATION DEFAULT;

-- What an issuer needs
SELECT v.what, f.state, f.message FROM (VALUES
  (1, 'no issuer', $$NULL, '{"keys": []}', ARRAY['database']$$), (2, 'no issuer, a key', $$NULL, jwks, ARRAY['database']$$),
  (3, 'no audience', $$'https://idp.test', jwks, NULL$$), (4, 'no audience, no party', $$'https://idp.test', jwks, '{}'$$),
  (5, 'empty audience', $$'https://idp.test', jwks, ARRAY['']$$), (6, 'an audience is NULL', $$'https://idp.test', jwks, ARRAY['database', NULL]$$),
  (7, 'by name', $$'https://idp.test', jwks, ARRAY['database'], 'preferred_username'$$),
  (8, 'no age', $$'https://idp.test', jwks, ARRAY['database'], max_age => '0'$$), (9, 'scopes', $$'https://idp.test', jwks, ARRAY['database'], scopes => 'wide'$$),
  (10, 'a weak key', $$'https://idp.test', '{"kid": "k", "kty": "oct", "k": "AA"}', ARRAY['database']$$),
  (11, 'good', $$'https://idp.test', jwks, ARRAY['database']$$)) v (n, what, arguments),
  LATERAL failure(format('SELECT tenancy.trust_issuer(''acme'', %s) FROM app.jwks WHERE name = ''idp''', v.arguments)) f ORDER BY v.n;
SELECT failure($$SELECT tenancy.set_jwks('acme', jwks, 'https://idp.test', subject => 'sub') FROM app.jwks WHERE name = 'idp'$$);
SELECT failure($$SELECT tenancy.set_jwks('acme', jwks, audience => 'database', subject => 'sub') FROM app.jwks WHERE name = 'idp'$$);

-- Who may trust one: nobody who isn't an owner, or a DBA for several organizations.
SET SESSION AUTHORIZATION regress_app;
CALL become('adam');
SELECT failure($$SELECT tenancy.trust_issuer(NULL, 'https://idp.test', jwks, ARRAY['database']) FROM app.jwks WHERE name = 'idp'$$);
CALL become('olivia');
SELECT failure($$SELECT tenancy.trust_issuer('globex', 'https://idp.test', jwks, ARRAY['database']) FROM app.jwks WHERE name = 'idp'$$);
SELECT tenancy.trust_issuer(NULL, 'https://idp.test', jwks, ARRAY['database'], max_age => '80 years') FROM jwks WHERE name = 'idp';
-- Nor does anybody else end it: with it go its links and groups, whose roles they may not have.
BEGIN;
SELECT tenancy.trust_issuer(NULL, 'https://staff.test', jwks, ARRAY['database'], groups_claim => 'groups') FROM jwks WHERE name = 'idp';
SELECT tenancy.create_group(NULL, 'chiefs', 'https://staff.test') IS NOT NULL AS made, tenancy.set_group_role('acme', 'chiefs', 'owner'), tenancy.link_identity('https://staff.test', 'olivia', 'olivia@acme.test');
CALL become('adam');
SELECT failure($$SELECT tenancy.drop_group(NULL, 'chiefs')$$), failure($$SELECT tenancy.trust_issuer(NULL, 'https://staff.test', NULL, NULL)$$);
CALL become('olivia');
SELECT tenancy.trust_issuer(NULL, 'https://staff.test', NULL, NULL);
SELECT count(*) FROM tenancy.groups WHERE name = 'chiefs';
ROLLBACK;
-- Nor does a member of another organization see that it is trusted.
SELECT issuer, audiences, subject, created_by FROM tenancy.trusted_issuers;
CALL become('gus');
SELECT issuer FROM tenancy.trusted_issuers;
CALL become('mike');
SELECT issuer FROM tenancy.trusted_issuers;
CALL become('nobody');
SET SESSION AUTHORIZATION DEFAULT;
SELECT t.organization_id IS NULL AS of_all, k.kid, k.alg, (SELECT string_agg(name, ' ' ORDER BY name) FROM jsonb_object_keys(k.jwk) name) AS members
FROM tenancy.trusted_issuers t JOIN tenancy.issuer_keys k USING (trust_id) ORDER BY 2;
-- No key signs both kinds of tokens, whichever comes first.
SELECT failure($$SELECT tenancy.set_jwks('acme', jwks) FROM app.jwks WHERE name = 'idp'$$);
BEGIN;
SELECT tenancy.set_jwks('acme', jwks) FROM jwks WHERE name = 'impostor';
SELECT failure($$SELECT tenancy.trust_issuer('acme', 'https://other.test', jwks, ARRAY['database']) FROM app.jwks WHERE name = 'impostor'$$);
-- An organization's does not keep a DBA from trusting an issuer, and its own tokens by that key are refused (see jwt.sql).
SELECT tenancy.trust_issuer(NULL, 'https://other.test', jwks, ARRAY['database']) FROM app.jwks WHERE name = 'impostor';
ROLLBACK;

-- Links: by whoever holds all that the member holds, and for one user each.
SET SESSION AUTHORIZATION regress_app;
CALL become('mona');
SELECT failure($$SELECT tenancy.link_identity('https://idp.test', 'mona', 'olivia@acme.test')$$);
CALL become('adam');
SELECT failure($$SELECT tenancy.link_identity('https://idp.test', 'adam', 'olivia@acme.test')$$);
SELECT failure($$SELECT tenancy.link_identity('https://idp.test', 'gus', 'gus@globex.test')$$);
SELECT failure($$SELECT tenancy.link_identity('https://elsewhere.test', 'mike', 'mike@acme.test')$$);
SELECT failure($$SELECT tenancy.link_identity('https://idp.test', '', 'mike@acme.test')$$);
SELECT tenancy.link_identity('https://idp.test', 'mike', 'mike@acme.test');
SELECT failure($$SELECT tenancy.link_identity('https://idp.test', 'mike', 'mike@acme.test')$$);
SELECT failure($$SELECT tenancy.link_identity('https://idp.test', 'mike', 'adam@acme.test')$$);
-- A person who leaves ends each of its links: there is an end to them.
BEGIN;
SELECT count(tenancy.link_identity('https://idp.test', 'mike ' || n, 'mike@acme.test')) FROM generate_series(2, 100) n;
SELECT failure($$SELECT tenancy.link_identity('https://idp.test', 'one more', 'mike@acme.test')$$);
ROLLBACK;
SELECT failure($$SELECT tenancy.unlink_identity('https://idp.test', 'nobody')$$);
CALL become('nobody');
SET SESSION AUTHORIZATION DEFAULT;
SELECT subject, u.email, by.email AS linked_by FROM tenancy.identities i JOIN tenancy.users u USING (user_id) LEFT JOIN tenancy.users by ON by.user_id = i.linked_by;

-- By a trust that knows the subject, the token is the user; each bad one is tried between two good ones.
SET SESSION AUTHORIZATION regress_plain;
SELECT name, seen_by(name) FROM tokens
WHERE name IN ('RS256', 'ES256', 'EdDSA', 'no type', 'application/at+jwt', 'several audiences, party', 'its organization', 'its workspace') ORDER BY n;
SELECT DISTINCT seen_by('RS256') FROM tokens;
SELECT name, seen_by(name) FROM tokens WHERE n BETWEEN (SELECT n FROM tokens WHERE name = 'header type logout+jwt') AND (SELECT n FROM tokens WHERE name = 'unknown kid') ORDER BY n;
SELECT name, seen_by(name) FROM tokens WHERE name IN ('claims of a service', 'organizations disagree', 'another organization', 'no such workspace', 'scope is a number', 'scope and scp differ') ORDER BY n;
SELECT seen_by('RS256');
-- Other settings narrow, and contradict nothing.
SET tenancy.organization = 'globex';
SELECT seen_by('RS256');
SET tenancy.organization = 'acme';
SET tenancy.workspace = 'search';
SELECT seen_by('RS256');
SET tenancy.workspace = 'support';
SELECT seen_by('RS256');
SELECT seen_by('its workspace');
RESET tenancy.workspace;
RESET tenancy.organization;
-- Scopes: of a user's rights those that are registered, and no more than these.
SELECT name, rights_by(name) FROM tokens WHERE name IN ('RS256', 'scope', 'scp', 'scp is a list', 'scopes in a list', 'scopes nobody knows', 'claims of a service') ORDER BY n;
SET SESSION AUTHORIZATION DEFAULT;
SELECT tenancy.trust_issuer('acme', 'https://idp.test', jwks, ARRAY['database'], max_age => '80 years', scopes => 'required') FROM jwks WHERE name = 'idp';
SET SESSION AUTHORIZATION regress_plain;
SELECT name, rights_by(name) FROM tokens WHERE name IN ('RS256', 'scope', 'scopes nobody knows') ORDER BY n;
SET SESSION AUTHORIZATION DEFAULT;
SELECT tenancy.trust_issuer('acme', 'https://idp.test', jwks, ARRAY['database']) FROM jwks WHERE name = 'idp';
SELECT seen_by('RS256');
SELECT tenancy.trust_issuer('acme', 'https://idp.test', jwks, ARRAY['database'], max_age => '80 years') FROM jwks WHERE name = 'idp';

-- Nor does a narrowed one take a role, which counts in all of the user's sessions, or end what the user has.
BEGIN;
SELECT tenancy.allow_elevation('acme', 'organization/admin', 'mike@acme.test', '1 hour'), tenancy.set_member('acme', 'mike@acme.test', external_id => 'mike-77');
SET LOCAL SESSION AUTHORIZATION regress_plain;
SET LOCAL tenancy.organization = 'acme';
SELECT t.name, set_config('tenancy.jwt', t.token, true) IS NULL AS unused, undone('tenancy.elevate(''admin'', ''test'', ''1 hour'')') AS takes, undone('tenancy.end_elevation()') AS ends, undone('tenancy.revoke_api_keys(''mike@acme.test'')') AS revokes
FROM tokens t WHERE t.name IN ('RS256', 'its organization', 'its workspace', 'scope', 'scopes nobody knows') ORDER BY t.n;
-- Nor is it told what its organization says of the user.
CREATE FUNCTION pg_temp.told(token text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('tenancy.jwt', told.token, true);
  RETURN (SELECT format('memberships %s, rules %s, roles %s, member %s %s', (SELECT count(*) FROM tenancy.organization_members), (SELECT count(*) FROM tenancy.elevation_rules),
                        (SELECT count(*) FROM tenancy.workspace_members r WHERE r.user_id = m.user_id), m.email, m.external_id)
          FROM tenancy.members m WHERE m.user_id = tenancy.current_user_id());
END
$$;
SELECT t.name, pg_temp.told(t.token) FROM tokens t WHERE t.name IN ('RS256', 'its organization', 'its workspace', 'scope', 'scopes nobody knows') ORDER BY t.n;
ROLLBACK;

-- A token that an organization can make speaks for no person, and may not administer more than the user may.
SELECT tenancy.invite('globex', 'mike@acme.test') AS invitation \gset
SET SESSION AUTHORIZATION regress_plain;
SELECT use_token('RS256');
SET tenancy.organization = 'acme';
SELECT failure('SELECT tenancy.leave_organization()');
SELECT (failure(format('SELECT tenancy.%s(%L)', call, :'invitation'))).state FROM unnest(ARRAY['accept_invitation', 'decline_invitation']) call;
SELECT failure($$SELECT tenancy.link_identity('https://idp.test', 'another', 'mike@acme.test')$$);
SELECT failure($$SELECT tenancy.update_user(name => 'Mickey')$$);
SELECT failure($$SELECT tenancy.invite(NULL, 'somebody@acme.test')$$);
SELECT organization, role, state FROM tenancy.my_organizations();
SELECT tenancy.current_token_subject(), tenancy.current_user_id();
-- Rows that it writes are the user's.
BEGIN;
INSERT INTO logs (id, workspace_id, body) VALUES (90, 'aaaaaaaa-0000-4000-8000-000000000002', 'by a token');
ROLLBACK;
SELECT failure($$INSERT INTO app.logs (id, workspace_id, user_id) VALUES (91, 'aaaaaaaa-0000-4000-8000-000000000002', 'cccccccc-0000-4000-8000-000000000001')$$);
RESET tenancy.jwt;
RESET tenancy.organization;
SET SESSION AUTHORIZATION DEFAULT;
SELECT tenancy.withdraw_invitation(:'invitation');

-- Another organization's trust in the same issuer, with a key of its own, or with the same: neither keys nor subjects are shared,
-- and a session that has chosen no organization is nobody, whoever else trusts the issuer.
RESET app.chosen;
SET SESSION AUTHORIZATION regress_plain;
SELECT seen_by('RS256');
SET SESSION AUTHORIZATION DEFAULT;
SELECT tenancy.trust_issuer('globex', 'https://idp.test', jwks, ARRAY['database'], max_age => '80 years') FROM jwks WHERE name = 'impostor';
SELECT tenancy.link_identity('https://idp.test', 'mike', 'gus@globex.test', 'globex');
SET SESSION AUTHORIZATION regress_plain;
SELECT name, seen_by(name) FROM tokens WHERE name IN ('RS256', 'impostor', 'impostor of another kid') ORDER BY n;
SET SESSION AUTHORIZATION DEFAULT;
SELECT tenancy.trust_issuer('globex', 'https://idp.test', jwks, ARRAY['database'], max_age => '80 years') FROM jwks WHERE name = 'idp';
SET SESSION AUTHORIZATION regress_plain;
SELECT seen_by('RS256');
SET tenancy.organization = 'acme';
SELECT seen_by('RS256');
SET tenancy.organization = 'globex';
SELECT seen_by('RS256');
RESET tenancy.organization;
SET SESSION AUTHORIZATION DEFAULT;
-- Another organization can say of a member's subject that it is somebody of its own. A DBA's trust in the issuer is before both.
SELECT tenancy.link_identity('https://idp.test', 'with address', 'mike@acme.test', 'acme'), tenancy.link_identity('https://idp.test', 'with address', 'gus@globex.test', 'globex');
SET SESSION AUTHORIZATION regress_plain;
SET tenancy.organization = 'globex';
SELECT seen_by('with address');
RESET tenancy.organization;
SET SESSION AUTHORIZATION DEFAULT;
SELECT tenancy.trust_issuer(NULL, 'https://idp.test', jwks, ARRAY['database'], max_age => '80 years') FROM jwks WHERE name = 'idp';
SELECT tenancy.link_identity('https://idp.test', 'with address', 'mike@acme.test'), tenancy.link_identity('https://idp.test', 'mike', 'mona@acme.test');
SET SESSION AUTHORIZATION regress_plain;
SELECT seen_by('with address'), seen_by('RS256');
SET tenancy.organization = 'globex';
SELECT seen_by('with address'), seen_by('RS256');
SET tenancy.organization = 'acme';
SELECT seen_by('with address'), seen_by('RS256');
-- A session that is gus by globex' word, and mona by the DBA's, decides nothing: the entry would name gus. Nor does one that would be mike by
-- acme's word as soon as mona has left. Where no organization says otherwise, the person decides, and is the actor.
BEGIN;
SELECT use_token('RS256');
SELECT set_config('tenancy.organization', here, true) AS here, failure($$SELECT tenancy.update_user(name => 'Forged')$$), failure($$SELECT tenancy.leave_organization('acme')$$)
FROM unnest(ARRAY['globex', 'acme']) here;
RESET tenancy.organization;
SELECT tenancy.update_user(name => 'Mona M.'), tenancy.leave_organization('acme');
RESET SESSION AUTHORIZATION;
SELECT DISTINCT actor_kind, actor, action, resource_type FROM (SELECT * FROM tenancy.audit_log ORDER BY audit_id DESC LIMIT 4) l ORDER BY 4, 3;
ROLLBACK;
-- Less than the person is a token with scopes that count, or a workspace; one that names an organization is for that one.
RESET tenancy.organization;
SELECT t.name, set_config('tenancy.jwt', t.token, true) IS NULL AS unused, undone('tenancy.leave_organization(''acme'')') AS leaves, undone('tenancy.update_user(name => ''N.'')') AS renames
FROM tokens t WHERE t.name IN ('RS256', 'its organization', 'another organization', 'its workspace', 'scope', 'scp', 'scp is a list', 'scopes in a list', 'scopes nobody knows') ORDER BY t.n;
RESET tenancy.organization;
SET SESSION AUTHORIZATION DEFAULT;
SELECT tenancy.trust_issuer('globex', 'https://idp.test', NULL, NULL), tenancy.trust_issuer(NULL, 'https://idp.test', NULL, NULL);
DELETE FROM tenancy_internal.ended_tokens WHERE organization_id IS NULL;
SET app.chosen = 'acme';

-- A link is worth what its maker can give now, not what they could give then: adam has linked mike's subject.
SET SESSION AUTHORIZATION regress_plain;
SELECT seen_by('RS256');
SET SESSION AUTHORIZATION DEFAULT;
CREATE FUNCTION after(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  seen text;
BEGIN
  EXECUTE change;
  SET LOCAL ROLE regress_plain;
  seen := app.seen_by('RS256');
  RAISE SQLSTATE 'UNDO1' USING MESSAGE = seen;
EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
  RETURN SQLERRM;
END
$$;
SELECT change, after(change) FROM unnest(ARRAY[
  $$SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'owner')$$, $$SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'admin')$$,
  $$SELECT tenancy.set_organization_role('acme', 'adam@acme.test', 'member')$$, $$SELECT tenancy.remove_organization_member('acme', 'adam@acme.test')$$,
  $$SELECT tenancy.remove_organization_member('acme', 'adam@acme.test'), tenancy.set_organization_role('acme', 'adam@acme.test', 'owner')$$,
  $$UPDATE tenancy.users SET active = false WHERE email = 'adam@acme.test'$$, $$SELECT tenancy.set_setting('acme', 'org_admins_view_logs', false)$$,
  $$SELECT tenancy.create_role('acme', 'organization', 'boss', 'member'), tenancy.set_organization_role('acme', 'mike@acme.test', 'boss'), tenancy.grant_permission('acme', 'organization', 'boss', 'billing', 'manage')$$,
  $$SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'admin')$$]) change;
-- Nor by a group that he has joined on his own and may leave by ROLLBACK: once that is committed
BEGIN;
SELECT tenancy.create_group('acme', 'open', open_to_sync => true) IS NOT NULL AS made, tenancy.set_group_role('acme', 'open', 'admin'),
  tenancy.create_role('acme', 'organization', 'syncs', 'member') IS NOT NULL AS made, tenancy.grant_permission('acme', 'organization', 'syncs', 'team', 'sync_groups'),
  tenancy.set_organization_role('acme', 'adam@acme.test', 'syncs');
SET LOCAL SESSION AUTHORIZATION regress_app;
SELECT seen_by('RS256');
CALL become('adam');
SELECT tenancy.sync_group('acme', 'open', '{adam@acme.test}');
CALL become('nobody');
SELECT seen_by('RS256');
ROLLBACK;
-- Nor is it his own rows' that count: who sees own rows only links nobody.
BEGIN;
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
SELECT tenancy.create_role('acme', 'organization', 'people', 'member') IS NOT NULL AS made, tenancy.grant_permission('acme', 'organization', 'people', 'team', 'add_users'), tenancy.set_organization_role('acme', 'nora@acme.test', 'people');
SET LOCAL SESSION AUTHORIZATION regress_app;
CALL become('nora');
SELECT failure($$SELECT tenancy.link_identity('https://idp.test', 'nora''s', 'mike@acme.test')$$);
ROLLBACK;
-- Somebody else vouches for the link; a DBA's needs nobody.
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT tenancy.link_identity('https://idp.test', 'mike', 'mike@acme.test');
SELECT failure($$SELECT tenancy.link_identity('https://idp.test', 'mike', 'mona@acme.test')$$);
CALL become('nobody');
SET SESSION AUTHORIZATION DEFAULT;
SELECT change, after(change) FROM unnest(ARRAY[$$SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'owner')$$, $$SELECT tenancy.remove_organization_member('acme', 'adam@acme.test')$$]) change;
UPDATE tenancy.identities SET linked_by = NULL WHERE subject = 'mike';
SELECT after($$SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'owner')$$);
-- A key links nobody, nor does a token of the organization's own issuer.
SELECT secret AS master FROM tenancy.create_api_key('organization_service_key', 'all', 'acme', scopes => '"all"') \gset
SET SESSION AUTHORIZATION regress_plain;
SELECT set_config('tenancy.api_key', :'master', false) IS NOT NULL AS is_key;
SELECT failure($$SELECT tenancy.link_identity('https://idp.test', 'new', 'mike@acme.test')$$);
-- Nor does it unlink anybody; and whoever could not trust an issuer ends no trust.
SELECT failure($$SELECT tenancy.unlink_identity('https://idp.test', 'mike')$$);
RESET tenancy.api_key;
SET SESSION AUTHORIZATION DEFAULT;
SELECT secret AS near FROM tenancy.create_api_key('organization_service_key', 'near', 'acme', scopes => '"all"', allowed_networks => '{local}') \gset
SELECT secret AS brief FROM tenancy.create_api_key('organization_service_key', 'brief', 'acme', scopes => '"all"', expires_at => '2099-01-01') \gset
SET SESSION AUTHORIZATION regress_plain;
SELECT kind, set_config('tenancy.api_key', secret, false) IS NOT NULL AS is_key, failure(format('SELECT tenancy.trust_issuer(NULL, %L, %L, %L)', 'https://idp.test', jwks, '{database}')) AS trust,
       failure(format('SELECT tenancy.trust_issuer(NULL, %L, %L, %L)', 'https://idp.test', '{"keys": []}', '{database}')) AS its_end
FROM (VALUES ('near', :'near'), ('brief', :'brief')) v (kind, secret), jwks WHERE name = 'idp';
RESET tenancy.api_key;
SET SESSION AUTHORIZATION DEFAULT;
DELETE FROM tenancy.api_keys WHERE name IN ('near', 'brief');

-- The end of a membership ends links and tokens of it, also after a return; and only there.
BEGIN;
SELECT tenancy.remove_organization_member('acme', 'mike@acme.test');
SET SESSION AUTHORIZATION regress_plain;
SELECT seen_by('RS256');
SET SESSION AUTHORIZATION DEFAULT;
SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'member'), tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member');
SELECT count(*) FROM tenancy.identities;
SELECT tenancy.link_identity('https://idp.test', 'mike', 'mike@acme.test', 'acme');
SET SESSION AUTHORIZATION regress_plain;
SELECT seen_by('RS256');
SET SESSION AUTHORIZATION DEFAULT;
-- A token that was issued since is accepted.
UPDATE tenancy_internal.ended_tokens SET issued_before = '2023-01-01';
UPDATE tenancy_internal.ended_links SET issued_before = '2023-01-01';
SET SESSION AUTHORIZATION regress_plain;
SELECT seen_by('RS256');
ROLLBACK;
BEGIN;
UPDATE tenancy.users SET active = false WHERE email = 'mike@acme.test';
SET SESSION AUTHORIZATION regress_plain;
SELECT seen_by('RS256');
SET SESSION AUTHORIZATION DEFAULT;
UPDATE tenancy.users SET active = true WHERE email = 'mike@acme.test';
SET SESSION AUTHORIZATION regress_plain;
SELECT seen_by('RS256');
ROLLBACK;
-- So does the end of the trust, whoever ends it; and entries of what goes with it are the organization's.
CREATE FUNCTION entries_of(change text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  last_one bigint := (SELECT max(audit_id) FROM tenancy.audit_log);
BEGIN
  EXECUTE change;
  RETURN QUERY SELECT concat_ws(' ', l.action, l.resource_type, CASE WHEN l.organization_id = 'aaaaaaaa-0000-4000-8000-000000000000' THEN 'of acme' END)
               FROM tenancy.audit_log l WHERE l.audit_id > last_one AND l.resource_type IN ('trusted_issuer', 'issuer_key', 'identity') GROUP BY 1 ORDER BY 1;
END
$$;
BEGIN;
SELECT * FROM entries_of($$SELECT tenancy.trust_issuer('acme', 'https://idp.test', '{"keys": []}', ARRAY['database'])$$);
SELECT tenancy.trust_issuer('acme', 'https://idp.test', jwks, ARRAY['database'], max_age => '80 years') FROM jwks WHERE name = 'idp';
SELECT tenancy.link_identity('https://idp.test', 'mike', 'mike@acme.test', 'acme');
SET SESSION AUTHORIZATION regress_plain;
SELECT seen_by('RS256');
SET SESSION AUTHORIZATION DEFAULT;
UPDATE tenancy_internal.ended_tokens SET issued_before = '2023-01-01';
UPDATE tenancy_internal.ended_links SET issued_before = '2023-01-01';
SET SESSION AUTHORIZATION regress_plain;
SELECT seen_by('RS256');
ROLLBACK;
BEGIN;
SELECT * FROM entries_of($$SELECT tenancy.close_organization('acme')$$);
SELECT problem FROM tenancy.verify_audit_log();
ROLLBACK;
BEGIN;
SELECT * FROM entries_of($$DELETE FROM tenancy.organizations WHERE slug = 'acme'$$);
SELECT problem FROM tenancy.verify_audit_log();
ROLLBACK;
DROP FUNCTION entries_of(text);
BEGIN;
SELECT tenancy.unlink_identity('https://idp.test', 'mike', 'acme');
SET SESSION AUTHORIZATION regress_plain;
SELECT seen_by('RS256');
SET SESSION AUTHORIZATION DEFAULT;
SELECT tenancy.link_identity('https://idp.test', 'mike', 'mike@acme.test', 'acme');
SET SESSION AUTHORIZATION regress_plain;
SELECT seen_by('RS256');
ROLLBACK;

-- By e-mail: only one that the issuer has verified, of a member, and until the subject is linked
SELECT tenancy.set_jwks('acme', jwks, 'https://mail.test', 'database', 'email') FROM jwks WHERE name = 'idp';
UPDATE tenancy.trusted_issuers SET max_age_seconds = 4e9 WHERE issuer = 'https://mail.test';
SET SESSION AUTHORIZATION regress_plain;
SELECT name, seen_by(name) FROM tokens WHERE name ~ '^(email|upn|preferred_username)' ORDER BY n;
SET SESSION AUTHORIZATION DEFAULT;
-- The organization can sign a token with any address, and learns of nobody but its members: not that there is such a user elsewhere, nor
-- that it is locked, or since when its tokens are refused. The same of a subject that somebody is linked to who is no member any more.
CREATE FUNCTION told(change text, token text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  seen text;
BEGIN
  EXECUTE change;
  SET LOCAL ROLE regress_plain;
  seen := app.seen_by(told.token);
  RAISE SQLSTATE 'UNDO1' USING MESSAGE = seen;
EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
  RETURN SQLERRM;
END
$$;
SELECT v.n, v.who, told(v.change, v.token) FROM (VALUES
  (1, 'no user', 'SELECT', 'email of nobody'), (2, 'user elsewhere', 'SELECT', 'email of another organization'),
  (3, 'locked elsewhere', $$SELECT tenancy.set_organization_role('globex', 'mona@acme.test', 'owner'), tenancy.update_user('gus@globex.test', active => false)$$, 'email of another organization'),
  (4, 'tokens ended elsewhere', $$INSERT INTO tenancy_internal.ended_tokens (user_id, issued_before) SELECT user_id, now() FROM tenancy.users WHERE email = 'gus@globex.test'$$, 'email of another organization'),
  (5, 'in no organization', $$INSERT INTO tenancy.users (email) VALUES ('nobody@acme.test')$$, 'email of nobody'),
  (6, 'invited', $$SELECT tenancy.invite('acme', 'gus@globex.test')$$, 'email of another organization'),
  (7, 'left', $$SELECT tenancy.set_organization_role('acme', 'gus@globex.test', 'member'), tenancy.remove_organization_member('acme', 'gus@globex.test')$$, 'email of another organization'),
  (8, 'membership ended', $$INSERT INTO tenancy.organization_members (organization_id, user_id, role_id, ends_at)
    SELECT o.organization_id, u.user_id, tenancy_internal.find_role(NULL, 'organization', 'member'), '2020-01-01' FROM tenancy.organizations o, tenancy.users u WHERE o.slug = 'acme' AND u.email = 'gus@globex.test'$$, 'email of another organization'),
  (9, 'no member, linked', $$INSERT INTO tenancy.identities (trust_id, subject, user_id) SELECT t.trust_id, 'm1', u.user_id FROM tenancy.trusted_issuers t, tenancy.users u WHERE t.issuer = 'https://mail.test' AND u.email = 'gus@globex.test'$$, 'email'),
  (10, 'control: member, tokens ended', $$INSERT INTO tenancy_internal.ended_tokens (user_id, issued_before) SELECT user_id, now() FROM tenancy.users WHERE email = 'mike@acme.test'$$, 'email'),
  (11, 'control: member', $$SELECT tenancy.set_organization_role('acme', 'gus@globex.test', 'member')$$, 'email of another organization'),
  (21, 'subject of nobody', 'SELECT', 'unknown subject'),
  (22, 'linked to no member', $$UPDATE tenancy.identities i SET user_id = u.user_id FROM tenancy.users u WHERE i.subject = 'mike' AND u.email = 'gus@globex.test'$$, 'RS256'),
  (23, 'linked to no member, locked', $$SELECT tenancy.set_organization_role('globex', 'mona@acme.test', 'owner'), tenancy.update_user('gus@globex.test', active => false);
    UPDATE tenancy.identities i SET user_id = u.user_id FROM tenancy.users u WHERE i.subject = 'mike' AND u.email = 'gus@globex.test'$$, 'RS256'),
  (24, 'membership ended', $$UPDATE tenancy.organization_members m SET ends_at = '2020-01-01' FROM tenancy.users u WHERE m.user_id = u.user_id AND u.email = 'mike@acme.test'$$, 'RS256')) v (n, who, change, token)
ORDER BY v.n;
-- A DBA's trust may tell.
SELECT v.n, v.who, told($$SELECT tenancy.trust_issuer(NULL, 'https://mail.test', jwks, ARRAY['database'], 'email', max_age => '80 years') FROM app.jwks WHERE name = 'idp'; $$ || v.change, v.token) FROM (VALUES
  (1, 'no user', 'SELECT', 'email of nobody'), (2, 'user elsewhere', 'SELECT', 'email of another organization'),
  (3, 'tokens ended elsewhere', $$INSERT INTO tenancy_internal.ended_tokens (user_id, issued_before) SELECT user_id, now() FROM tenancy.users WHERE email = 'gus@globex.test'$$, 'email of another organization')) v (n, who, change, token)
ORDER BY v.n;
BEGIN;
SELECT tenancy.link_identity('https://mail.test', 'of mike', 'mike@acme.test', 'acme');
SET LOCAL SESSION AUTHORIZATION regress_plain;
SELECT seen_by('email');
SET LOCAL SESSION AUTHORIZATION DEFAULT;
SELECT tenancy.link_identity('https://mail.test', 'm1', 'mike@acme.test', 'acme');
SET LOCAL SESSION AUTHORIZATION regress_plain;
SELECT seen_by('email');
SET LOCAL SESSION AUTHORIZATION DEFAULT;
SET LOCAL SESSION AUTHORIZATION regress_plain;
SELECT seen_by('email, not said');
SET LOCAL SESSION AUTHORIZATION DEFAULT;
-- Of oid and sub, neither is taken for the other.
SELECT failure($$SELECT tenancy.trust_issuer('acme', 'https://mail.test', jwks, ARRAY['database'], 'oid') FROM app.jwks WHERE name = 'idp'$$);
ROLLBACK;

-- Anybody has a genuine token of a public issuer, for an application of their own. Whoever is unknown to the organizations that trust it
-- learns nothing of them: neither their names, nor their audiences. acme trusts both issuers, globex another one, and elsewhere is a name
-- that no organization has.
RESET app.chosen;
CREATE FUNCTION answer(token name, organization text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  asked text;
  answers text[];
  detail text;
  hint text;
  reason text;
BEGIN
  FOREACH asked IN ARRAY ARRAY['SELECT kind || '' '' || email FROM tenancy.whoami()', 'SELECT string_agg(organization, '' '') FROM tenancy.my_organizations()',
                               'SELECT count(*) FROM app.logs', 'SELECT tenancy.accept_invitation(''00000000-0000-0000-0000-000000000000'')'] LOOP
    DECLARE
      answer text;
    BEGIN
      PERFORM set_config('tenancy.organization', answer.organization, true), set_config('tenancy.jwt', t.token, true) FROM app.tokens t WHERE t.name = answer.token;
      EXECUTE asked INTO answer;
      answers := answers || coalesce(answer, '-');
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, reason = CONSTRAINT_NAME;
      answers := answers || concat_ws(' ', SQLSTATE, reason, SQLERRM, nullif(detail, ''), nullif(hint, ''));
    END;
  END LOOP;
  -- The first answers whether the session is somebody; the others add what they say besides.
  RETURN (SELECT replace(string_agg(a, ' | ' ORDER BY n), '42501  permission denied: an API key, a token or a login of one workspace does not speak for a person Joining and leaving an organization is for the person alone to decide. '
                           'Use a login that is bound to the user, "tenancy.user" on a trusted login, or a token of an issuer that a DBA trusts, without scopes and workspace.', 'no person')
          FROM (SELECT DISTINCT ON (a) a, n FROM unnest(answers) WITH ORDINALITY a (a, n) ORDER BY a, n) a);
END
$$;
CREATE FUNCTION answers_to(who text) RETURNS TABLE (token text, organizations text, answer text) LANGUAGE sql AS $$
  SELECT substr(t.name, 7), string_agg(CASE length(o.name) WHEN 0 THEN 'none' WHEN 1000 THEN 'too long' ELSE o.name END, ', ' ORDER BY o.n), a.answer
  FROM app.tokens t, unnest(ARRAY['acme', 'globex', 'elsewhere', '', repeat('x', 1000)]) WITH ORDINALITY o (name, n), LATERAL app.answer(t.name, o.name) a (answer)
  WHERE t.name ~ ('^told: (' || who || '),') GROUP BY t.n, t.name, a.answer ORDER BY t.n, min(o.n)
$$;
SELECT tenancy.trust_issuer('globex', 'https://other.test', jwks, ARRAY['database'], max_age => '80 years') FROM jwks WHERE name = 'idp';
SET SESSION AUTHORIZATION regress_plain;
SELECT * FROM answers_to('stranger|unverified|elsewhere');
SELECT * FROM answers_to('linked|address');
SET SESSION AUTHORIZATION DEFAULT;
-- The same for strangers where nobody trusts their issuers, or several do.
BEGIN;
DELETE FROM tenancy.trusted_issuers;
SET LOCAL SESSION AUTHORIZATION regress_plain;
SELECT * FROM answers_to('stranger|unverified|elsewhere');
ROLLBACK;
BEGIN;
SELECT tenancy.trust_issuer('globex', 'https://idp.test', jwks, ARRAY['other'], max_age => '80 years') FROM jwks WHERE name = 'idp';
SET LOCAL SESSION AUTHORIZATION regress_plain;
SELECT * FROM answers_to('stranger');
SELECT * FROM answers_to('linked');
ROLLBACK;
-- A DBA's trust tells everybody, of itself: the same with an organization's beside it and without.
BEGIN;
SELECT tenancy.trust_issuer(NULL, 'https://idp.test', jwks, ARRAY['database'], max_age => '80 years') FROM jwks WHERE name = 'idp';
SET LOCAL SESSION AUTHORIZATION regress_plain;
SELECT * FROM answers_to('stranger');
SET LOCAL SESSION AUTHORIZATION DEFAULT;
DELETE FROM tenancy.trusted_issuers WHERE organization_id IS NOT NULL;
SET LOCAL SESSION AUTHORIZATION regress_plain;
SELECT * FROM answers_to('stranger');
ROLLBACK;
-- A subject that is linked, of a member whose membership has ended; an address that is another subject's by now; and a token that names no subject.
BEGIN;
UPDATE tenancy.organization_members m SET ends_at = '2020-01-01' FROM tenancy.users u WHERE m.user_id = u.user_id AND u.email = 'mike@acme.test';
SET LOCAL SESSION AUTHORIZATION regress_plain;
SELECT * FROM answers_to('linked|address');
ROLLBACK;
BEGIN;
SELECT tenancy.link_identity('https://mail.test', 'of mike', 'mike@acme.test', 'acme');
SET LOCAL SESSION AUTHORIZATION regress_plain;
SELECT * FROM answers_to('address|unverified');
ROLLBACK;
SET SESSION AUTHORIZATION regress_plain;
SELECT DISTINCT answer(t.name, o.name) FROM tokens t, unnest(ARRAY['acme', 'globex', 'elsewhere', '']) o (name) WHERE t.name IN ('no subject', 'subject is a number', 'unknown subject', 'subject in other case');
SET SESSION AUTHORIZATION DEFAULT;
-- An organization may have such a key for its own tokens; to a stranger, another one's trust in it changes nothing.
BEGIN;
DELETE FROM tenancy.trusted_issuers WHERE issuer = 'https://other.test';
DELETE FROM tenancy.identities;
SELECT tenancy.set_jwks('globex', jwks) FROM jwks WHERE name = 'idp';
SET LOCAL SESSION AUTHORIZATION regress_plain;
SELECT o.name, answer('another organization', o.name) FROM unnest(ARRAY['acme', 'globex', 'elsewhere', '']) o (name);
SET LOCAL SESSION AUTHORIZATION DEFAULT;
DELETE FROM tenancy.trusted_issuers;
SET LOCAL SESSION AUTHORIZATION regress_plain;
SELECT o.name, answer('another organization', o.name) FROM unnest(ARRAY['acme', 'globex', 'elsewhere', '']) o (name);
ROLLBACK;
SET app.chosen = 'acme';

-- Tokens as providers make them, each trusted as its page in the documentation says
SELECT tenancy.trust_issuer('acme', v.issuer, jwks, v.audiences, v.subject, v.parties, v.use, '80 years')
FROM jwks, (VALUES
  ('https://kc.test/realms/acme', ARRAY['database'], 'sub', ARRAY['web'], NULL),
  ('https://acme.eu.auth0.com/', ARRAY['https://database.test'], 'sub', ARRAY['client'], NULL),
  ('https://login.microsoftonline.com/9122040d-6c67-4c5b-b112-36a304b66dad/v2.0', ARRAY['6e74172b-api', '1b730954-web'], 'oid', ARRAY['1b730954-web'], NULL),
  ('https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example', '{}', 'sub', ARRAY['1example23456789'], 'access'),
  ('https://accounts.google.com', ARRAY['123.apps.googleusercontent.com'], 'email', NULL, NULL),
  ('https://ref.supabase.co/auth/v1', ARRAY['authenticated'], 'sub', NULL, NULL)) v (issuer, audiences, subject, parties, use)
WHERE name = 'idp';
SELECT tenancy.link_identity(v.issuer, v.subject, 'mike@acme.test', 'acme') FROM (VALUES
  ('https://kc.test/realms/acme', '8d4a0cc6-mike'), ('https://acme.eu.auth0.com/', 'auth0|5f7c8ec7c33c6c004bbafe82'),
  ('https://login.microsoftonline.com/9122040d-6c67-4c5b-b112-36a304b66dad/v2.0', '690222be-ff1a-4d56-abd1-7e4f7d38e474'),
  ('https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example', '3a5b-mike'), ('https://ref.supabase.co/auth/v1', '7c1d-mike')) v (issuer, subject);
SET SESSION AUTHORIZATION regress_plain;
SELECT name, seen_by(name) FROM tokens WHERE name ~ '^(keycloak|auth0|entra|cognito|google|supabase)' ORDER BY n;
SELECT name, rights_by(name) FROM tokens WHERE name IN ('keycloak access', 'auth0 access', 'entra access', 'cognito access', 'google id', 'supabase') ORDER BY n;
SET SESSION AUTHORIZATION DEFAULT;
-- ID tokens of Cognito have an audience and another use.
SELECT tenancy.trust_issuer('acme', 'https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example', jwks, ARRAY['1example23456789'], token_use => 'id', max_age => '80 years') FROM jwks WHERE name = 'idp';
SET SESSION AUTHORIZATION regress_plain;
SELECT name, seen_by(name) FROM tokens WHERE name ~ '^cognito' ORDER BY n;
SET SESSION AUTHORIZATION DEFAULT;

-- An issuer that a DBA trusts, for all organizations: a person's own token
RESET app.chosen;
DELETE FROM tenancy.trusted_issuers;
DELETE FROM tenancy_internal.ended_tokens;
SELECT tenancy.trust_issuer(NULL, 'https://accounts.google.com', jwks, ARRAY['123.apps.googleusercontent.com'], 'email', max_age => '80 years') FROM jwks WHERE name = 'idp';
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT failure($$SELECT tenancy.link_identity('https://accounts.google.com', 'mine', 'mike@acme.test')$$);
SELECT failure($$SELECT tenancy.unlink_identity('https://accounts.google.com', '117632')$$);
SELECT tenancy.invite(NULL, 'nina@nowhere.test') IS NOT NULL AS invited;
CALL become('gus');
SELECT tenancy.invite(NULL, 'mike@acme.test') IS NOT NULL AS invited;
CALL become('nobody');
SET SESSION AUTHORIZATION regress_plain;
SELECT name, seen_by(name) FROM tokens WHERE name ~ '^google' ORDER BY n;
-- Somebody new has no user yet, and joins by it.
SELECT use_token('google of somebody new');
SELECT organization, role, state, invited_by FROM tenancy.my_organizations();
SELECT tenancy.accept_invitation(invitation_id) FROM tenancy.my_organizations();
SELECT organization, role, state FROM tenancy.my_organizations();
SELECT seen_by('google of somebody new');
-- Who is in two organizations chooses; acceptance has linked the subject, so the address alone is nobody any more.
SELECT use_token('google id');
SELECT organization, role, state FROM tenancy.my_organizations() ORDER BY 1;
SELECT tenancy.accept_invitation(invitation_id) FROM tenancy.my_organizations() WHERE state = 'invited';
SELECT seen_by('google id');
SET tenancy.organization = 'acme';
SELECT seen_by('google id');
SET tenancy.organization = 'globex';
SELECT seen_by('google id');
SELECT seen_by('google, address again');
RESET tenancy.organization;
SELECT organization, role, state FROM tenancy.my_organizations() ORDER BY 1;
SELECT tenancy.update_user(name => 'Mickey');
-- Ended in one organization, it decides nothing there any more, nor what all of the person's see: nothing of a new invitation, either.
-- Nor does it make its person a member of what a role that signs tenants up creates: an invitation asks the person.
CREATE FUNCTION pg_temp.founds() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  SELECT CASE WHEN owner_id IS NULL THEN 'invited' ELSE 'owner' END INTO result FROM tenancy.create_organization('New', 'mike@acme.test', master_key => false);
  RAISE SQLSTATE 'UNDO1' USING MESSAGE = result;
EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
  RETURN SQLERRM;
END
$$;
\set decide 'SELECT call, undone(call) FROM unnest(ARRAY[$$tenancy.leave_organization(''acme'')$$, $$tenancy.leave_organization(''globex'')$$, $$tenancy.update_user(name => ''Stolen'')$$, $$tenancy.unlink_identity(''https://accounts.google.com'', ''117632'')$$]) call; SELECT organization, state, pg_temp.founds() FROM tenancy.my_organizations() ORDER BY 1;'
SET tenancy.organization = 'globex';
BEGIN;
RESET SESSION AUTHORIZATION;
GRANT USAGE ON TYPE tenancy.sign_up TO regress_plain;
SET SESSION AUTHORIZATION regress_plain;
:decide
RESET SESSION AUTHORIZATION;
RESET tenancy.jwt;
SELECT tenancy.revoke_api_keys('mike@acme.test', 'acme');
SET SESSION AUTHORIZATION regress_plain;
SELECT use_token('google id');
:decide
RESET SESSION AUTHORIZATION;
RESET tenancy.jwt;
SELECT tenancy.remove_organization_member('acme', 'mike@acme.test');
SELECT tenancy.invite('acme', 'mike@acme.test') AS invitation \gset
SET SESSION AUTHORIZATION regress_plain;
SELECT use_token('google id');
:decide
SELECT name, undone(format('tenancy.%s(%L)', name, :'invitation')) FROM unnest(ARRAY['accept_invitation', 'decline_invitation']) name;
-- One that was issued since does.
RESET SESSION AUTHORIZATION;
UPDATE tenancy_internal.ended_tokens SET issued_before = '2023-01-01';
SET SESSION AUTHORIZATION regress_plain;
:decide
SELECT name, undone(format('tenancy.%s(%L)', name, :'invitation')) FROM unnest(ARRAY['accept_invitation', 'decline_invitation']) name;
ROLLBACK;
RESET tenancy.organization;
SELECT tenancy.leave_organization('globex');
SELECT failure($$SELECT tenancy.leave_organization('globex')$$);
SELECT seen_by('google id');
-- The person ends the link itself; the token was issued before.
SELECT tenancy.unlink_identity('https://accounts.google.com', '117632');
SELECT seen_by('google id');
RESET tenancy.jwt;
SET SESSION AUTHORIZATION DEFAULT;
SELECT subject, email FROM tenancy.identities JOIN tenancy.users USING (user_id);
SELECT actor_kind, actor, action, resource_type FROM tenancy.audit_log WHERE resource_type IN ('identity', 'trusted_issuer') ORDER BY audit_id DESC LIMIT 4;
-- ... and is not anybody else's whom its subject is linked to then, also by a trust made anew, nor somebody's who is new; one that was issued since is. The
-- issuer's clock may have been ahead.
SELECT to_timestamp((convert_from(decode(rpad(translate(payload, '-_', '+/'), (length(payload) + 3) / 4 * 4, '='), 'base64'), 'UTF8')::jsonb ->> 'iat')::float) AS issued_at
FROM (SELECT split_part(token, '.', 2) AS payload FROM tokens WHERE name = 'google id') t \gset
CREATE FUNCTION linked_to_olivia(issued_before timestamptz, anew boolean DEFAULT false) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  seen text;
BEGIN
  IF anew THEN
    PERFORM tenancy.link_identity('https://accounts.google.com', '117632', 'mike@acme.test');
    PERFORM tenancy.trust_issuer(NULL, 'https://accounts.google.com', NULL, NULL);
    PERFORM tenancy.trust_issuer(NULL, 'https://accounts.google.com', jwks, ARRAY['123.apps.googleusercontent.com'], 'email', max_age => '80 years') FROM jwks WHERE name = 'idp';
  END IF;
  -- Also what was issued between the statement that ended the earlier link and its commit
  UPDATE tenancy_internal.ended_links SET issued_before = '2001-01-01';
  PERFORM tenancy.link_identity('https://accounts.google.com', '117632', 'olivia@acme.test');
  UPDATE tenancy_internal.ended_links e SET issued_before = coalesce(linked_to_olivia.issued_before, e.issued_before);
  SET LOCAL ROLE regress_plain;
  seen := app.seen_by('google id');
  RAISE SQLSTATE 'UNDO1' USING MESSAGE = seen;
EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
  RETURN SQLERRM;
END
$$;
SELECT linked_to_olivia(NULL), linked_to_olivia(NULL, true), linked_to_olivia(:'issued_at'::timestamptz - interval '29 seconds'), linked_to_olivia(:'issued_at'::timestamptz - interval '30 seconds');
BEGIN;
SELECT tenancy.update_user('mike@acme.test', email => 'mickey@acme.test');
SET SESSION AUTHORIZATION regress_plain;
SELECT use_token('google id');
SELECT tenancy.accept_invitation('eeeeeeee-5151-4000-8000-00000000000f');
ROLLBACK;
-- An address that was given up, or is a former user's, identifies nobody by what was issued before: not who has it then, nor somebody new.
CREATE FUNCTION pg_temp.by_address(change text, issued_before timestamptz) RETURNS TABLE (seen text, person text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE by_address.change;
  UPDATE tenancy_internal.ended_links e SET issued_before = coalesce(by_address.issued_before, e.issued_before) WHERE e.issuer = '';
  PERFORM app.use_token('google id');
  RETURN QUERY SELECT app.seen_by('google id'), (SELECT i.kind || ' ' || coalesce(i.email, '') FROM tenancy_internal.own_identity() i);
  RAISE SQLSTATE 'UNDO1';
EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
END
$$;
BEGIN;
DELETE FROM tenancy_internal.ended_links;
DELETE FROM tenancy_internal.ended_tokens WHERE organization_id IS NULL;
SELECT v.what, b.* FROM (VALUES
  (1, 'control', $$SELECT$$), (2, 'given up', $$SELECT tenancy.update_user('mike@acme.test', email => 'mickey@acme.test')$$),
  (3, 'given up, then another''s', $$SELECT tenancy.update_user('mike@acme.test', email => 'mickey@acme.test'), tenancy.update_user('mona@acme.test', email => 'mike@acme.test')$$),
  (4, 'deleted', $$DELETE FROM tenancy.api_keys WHERE user_id = 'cccccccc-0000-4000-8000-000000000004'; DELETE FROM tenancy.users WHERE email = 'mike@acme.test'$$)) v (n, what, change),
  unnest(ARRAY[NULL, :'issued_at'::timestamptz - interval '29 seconds', :'issued_at'::timestamptz - interval '30 seconds']) WITH ORDINALITY t (issued_before, m),
  pg_temp.by_address(v.change, t.issued_before) b ORDER BY v.n, t.m;
ROLLBACK;
BEGIN;
TRUNCATE tenancy.identities;
SELECT count(*) FROM tenancy_internal.ended_links WHERE issuer = 'https://accounts.google.com';
ROLLBACK;
DELETE FROM tenancy.trusted_issuers;
-- Two organizations and a DBA have linked the same subject of the same issuer: the person ends one link in each call, of the organization that it
-- names, wherever it is; of the session's own; of a DBA's.
BEGIN;
SELECT tenancy.set_organization_role('globex', 'mike@acme.test', 'member');
SELECT tenancy.trust_issuer(o, 'https://public.test', jwks, ARRAY['shop']) FROM jwks, unnest(ARRAY['acme', 'globex', NULL]) o WHERE name = 'idp';
SELECT tenancy.link_identity('https://public.test', 'stolen', 'mike@acme.test', o) FROM unnest(ARRAY['acme', 'globex', NULL]) o;
CREATE FUNCTION linked_by() RETURNS text LANGUAGE sql SECURITY DEFINER AS
$$ SELECT string_agg(coalesce(o.slug, 'a DBA'), ', ' ORDER BY 1) FROM tenancy.identities i JOIN tenancy.trusted_issuers t USING (trust_id) LEFT JOIN tenancy.organizations o USING (organization_id) $$;
SET SESSION AUTHORIZATION regress_app;
CALL become('mike');
SET tenancy.organization = 'acme';
SELECT failure($$SELECT tenancy.unlink_identity('https://public.test', 'stolen', 'nowhere')$$), linked_by();
SELECT tenancy.unlink_identity('https://public.test', 'stolen', 'globex');
SELECT linked_by();
SELECT tenancy.unlink_identity('https://public.test', 'stolen');
SELECT linked_by();
SELECT tenancy.unlink_identity('https://public.test', 'stolen');
SELECT linked_by(), failure($$SELECT tenancy.unlink_identity('https://public.test', 'stolen')$$);
ROLLBACK;
