-- Links and trusts that are judged anew after everything that could change them, tenants that get in the way
-- of others' tokens, invitations after the right to make them, and names that others' references could be taken for.

-- Tokens of users by an issuer, see the regression tests: signed once and for all.
CREATE SCHEMA idp;
SET search_path = idp;
\i ../../sql/include/user_tokens.sql
RESET search_path;
GRANT USAGE ON SCHEMA idp TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA idp TO PUBLIC;
CREATE FUNCTION attacks.trust(organization text, kind text DEFAULT 'idp', issuer text DEFAULT 'https://idp.test') RETURNS text LANGUAGE sql AS $$
  SELECT format('SELECT tenancy.trust_issuer(%s, %L, jwks, ARRAY[''database''], max_age => ''80 years'') FROM idp.jwks WHERE name = %L;',
    CASE WHEN organization = 'own' THEN 'NULL' ELSE coalesce(quote_literal(organization), 'NULL') END, issuer, kind) || E'\n'
$$;
CREATE FUNCTION attacks.with_token(name text, organization text) RETURNS text LANGUAGE sql AS $$
  SELECT format(E'@as att_web\nSELECT set_config(''tenancy.jwt'', (SELECT token FROM idp.tokens WHERE name = %L), true) IS NULL, set_config(''tenancy.organization'', %L, true) IS NULL;\n', name, organization)
$$;
-- As if they were committed before what follows: called as a DBA.
CREATE FUNCTION attacks.elevate(role text, reason text, "for" interval, workspace text DEFAULT NULL, OUT elevation_id uuid, OUT until timestamptz) LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM tenancy.elevate($1, $2, $3, $4)';
CREATE FUNCTION attacks.accept_invitation(invitation uuid) RETURNS void LANGUAGE sql SECURITY DEFINER AS 'SELECT tenancy.accept_invitation($1)';

-- A member's subject linked by an admin, and what comes afterwards: the token must not be the member where the admin has less.
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'trusts', format('adam links %s, then %s', m.member, v.later),
  E'@as att_app olivia\n' || attacks.trust('own') || E'@as att_app adam\nSELECT tenancy.link_identity(''https://idp.test'', ''mike'', ''' || m.member || E'@acme.test'');\n@as postgres\n' || replace(v.later, '{m}', m.member || '@acme.test') || E';\n' ||
  attacks.with_token(t.name, 'acme') || E'SELECT ''@found a link is worth more than its maker'' FROM tenancy.whoami() w WHERE w.user_id IS NOT NULL;', 'canary_(globex|theirs)', false
FROM (VALUES ('mike'), ('mona'), ('ben')) m (member), (VALUES ('RS256'), ('EdDSA')) t (name), (VALUES
  ('SELECT tenancy.set_organization_role(''acme'', ''{m}'', ''owner'')'),
  ('UPDATE tenancy.organization_members m SET role_id = ''00000000-0000-4000-8000-000000000001'' FROM tenancy.users u WHERE u.user_id = m.user_id AND u.email = ''{m}'''),
  ('SELECT tenancy.create_role(''acme'', ''organization'', ''boss'', ''member'') IS NULL, tenancy.set_organization_role(''acme'', ''{m}'', ''boss''), tenancy.grant_permission(''acme'', ''organization'', ''boss'', ''billing'', ''manage'')'),
  ('SELECT tenancy.set_organization_role(''acme'', ''adam@acme.test'', ''member'')'), ('SELECT tenancy.remove_organization_member(''acme'', ''adam@acme.test'')'),
  ('UPDATE tenancy.users SET active = false WHERE email = ''adam@acme.test'''), ('DELETE FROM tenancy.users WHERE email = ''adam@acme.test'''),
  ('SELECT tenancy.set_setting(''acme'', ''org_admins_view_logs'', false), tenancy.set_setting(''acme'', ''org_admins_view_logs_metadata'', false)'),
  ('SELECT tenancy.create_role(''acme'', ''organization'', ''less'', ''admin'') IS NULL, tenancy.revoke_permission(''acme'', ''organization'', ''less'', ''team'', ''add_users''), tenancy.set_organization_role(''acme'', ''adam@acme.test'', ''less'')')) v (later);

-- Another tenant's trusts and keys, before or after what they could disturb: a person's token by an issuer that a DBA trusts, a
-- token of a service, and the DBA's own work on the trust.
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'trusts', format('in the way of %s, %s: %s', c.victim, v.moment, i.n),
  CASE v.moment WHEN 'before' THEN '' ELSE c.prepared END || E'@as att_app gus\n' || i.disturbance || CASE v.moment WHEN 'before' THEN c.prepared ELSE '' END || c.checked, 'canary_(theirs|mike|search|support|org)', false
FROM (VALUES
  ('a person', E'@as postgres\n' || attacks.trust(NULL) || E'SELECT tenancy.link_identity(''https://idp.test'', ''mike'', ''mike@acme.test'');\n',
    attacks.with_token('RS256', '') || E'SELECT ''@found the person is somebody else: '' || coalesce(current_user_id::text, ''nobody'') FROM tenancy.current_user_id() WHERE current_user_id IS DISTINCT FROM ''cccccccc-0000-4000-8000-000000000004'';\n\\if :ERROR\n\\warn @found the person is refused\n\\endif\n'),
  ('a service', E'@as postgres\nSELECT tenancy.set_jwks(''acme'', (SELECT value::jsonb FROM attacks.tokens WHERE name = ''jwk''));\n',
    E'@as att_web token\nSELECT ''@found the service is not itself'' WHERE tenancy.current_organization_id() IS DISTINCT FROM ''aaaaaaaa-0000-4000-8000-000000000000'';\n\\if :ERROR\n\\warn @found the service is refused\n\\endif\n'),
  ('a DBA', '', E'@as postgres\n' || attacks.trust(NULL) || E'\\if :ERROR\n\\warn @found the DBA may not trust an issuer\n\\endif\n' || attacks.trust(NULL, 'impostor') || E'\\if :ERROR\n\\warn @found the DBA may not change the keys\n\\endif\n')) c (victim, prepared, checked),
  (VALUES ('before'), ('afterwards')) v (moment),
  (VALUES (1, attacks.trust('own') || E'SELECT tenancy.link_identity(''https://idp.test'', ''mike'', (SELECT email FROM tenancy.whoami()));\n'), (2, attacks.trust('own', 'impostor')),
    (3, E'SELECT tenancy.set_jwks(NULL, jwks) FROM idp.jwks WHERE name = ''idp'';\n'), (4, E'SELECT tenancy.set_jwks(NULL, jwks) FROM idp.jwks WHERE name = ''impostor'';\n'),
    (5, E'SELECT tenancy.set_jwks(NULL, jwks, ''https://idp.test'', ''database'', ''email'') FROM idp.jwks WHERE name = ''idp'';\n'),
    (6, E'SELECT tenancy.trust_issuer(NULL, iss, (SELECT value::jsonb FROM attacks.tokens WHERE name = ''jwk''), ARRAY[''database''], max_age => ''80 years'') FROM unnest(ARRAY[''https://idp.test'', ''attacker'', ''https://id.acme.test'']) iss;\n'),
    (7, E'SELECT tenancy.set_jwks(NULL, (SELECT value::jsonb FROM attacks.tokens WHERE name = ''jwk''));\n')) i (n, disturbance);

-- Invitations by a role that has signed an organization up, after that has ended.
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'trusts', format('an invitation at sign-up as %s, then %s', r.role, v.later),
  E'@as att_sign_up\nSELECT organization_id IS NULL FROM tenancy.create_organization(''Trap'', ' || quote_literal(v.owner) || E');\nSELECT tenancy.invite(''trap'', ''mike@acme.test'', ' || quote_literal(r.role) || E', until => now() + interval ''30 years'') IS NULL;\n' || v.later || E'\n@as att_app mike in the app\n' ||
  E'SELECT tenancy.accept_invitation(i.invitation_id) FROM tenancy.my_organizations() i WHERE i.state = ''invited'' AND i.organization = ''trap'';\nSELECT ''@found he has joined'' FROM tenancy.my_organizations() i WHERE i.organization = ''trap'' AND i.state = ''member'';', 'canary_(globex|theirs|support|org|search)', false
FROM (VALUES ('owner'), ('admin'), ('member')) r (role), (VALUES
  ('olivia@acme.test', E'@as att_app olivia\nSELECT tenancy.accept_invitation(i.invitation_id) FROM tenancy.my_organizations() i WHERE i.state = ''invited'';'),
  ('new@trap.test', E'@as postgres\nUPDATE tenancy.organizations SET created_at = now() - interval ''1 day'' WHERE slug = ''trap'';'), ('new@trap.test', E'@as postgres\nUPDATE tenancy.organizations SET open_to_sign_up = false WHERE slug = ''trap'';'),
  ('olivia@acme.test', E'@as postgres\nREVOKE USAGE ON TYPE tenancy.sign_up FROM att_sign_up;')) v (owner, later);

-- Names: whatever a tenant calls what is its own, a DBA's references to what is others' stay what they were.
CREATE FUNCTION attacks.resolved(INOUT reference text, kind text, OUT result text) RETURNS record LANGUAGE plpgsql AS $$
BEGIN
  result := CASE kind WHEN 'organization' THEN tenancy_internal.find_organization(reference) WHEN 'workspace' THEN tenancy_internal.find_workspace(reference, NULL) ELSE tenancy_internal.find_user(reference) END;
EXCEPTION WHEN OTHERS THEN
  result := SQLERRM;
END
$$;
-- Without canaries: what an attacker writes itself is in the log, with the statement that failed.
CREATE TABLE attacks.references_before AS
SELECT r.kind, x.reference, x.result FROM (
  SELECT 'organization' AS kind, unnest(ARRAY[organization_id::text, slug, external_id]) AS reference FROM tenancy.organizations WHERE slug <> 'acme'
  UNION SELECT 'workspace', unnest(ARRAY[w.workspace_id::text, o.slug || '/' || w.slug, o.external_id || '/' || w.external_id, w.slug, w.external_id]) FROM tenancy.workspaces w JOIN tenancy.organizations o USING (organization_id) WHERE o.slug <> 'acme'
  UNION SELECT 'user', unnest(ARRAY[user_id::text, email, external_id]) FROM tenancy.users WHERE email !~ '@acme|^canary') r, attacks.resolved(r.reference, r.kind) x;
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'trusts', format('a name of somebody else''s, %s: %s', p.principal, c.call),
  format(E'@as %s %s\n', p.login, p.principal) || string_agg(replace(replace(c.call, '{r}', quote_literal(split_part(r.reference, '/', 2 - (strpos(r.reference, '/') = 0)::int))), '{whole}', quote_literal(r.reference)) || E';\n', '' ORDER BY r.reference) ||
  E'@as postgres\nSELECT format(''@found reference %s to %s is %s'', b.reference, b.kind, x.result) FROM attacks.references_before b, attacks.resolved(b.reference, b.kind) x WHERE x.result IS DISTINCT FROM b.result AND NOT (b.kind = ''workspace'' AND strpos(b.reference, ''/'') = 0 AND x.result ~ ''is ambiguous'');', 'canary_theirs', false
FROM (SELECT principal, login FROM attacks.principals WHERE principal IN ('olivia', 'adam', 'acme master') UNION ALL VALUES ('nobody', 'att_sign_up')) p, attacks.references_before r, (VALUES
  ('SELECT tenancy.update_organization(NULL, slug => {r})'), ('SELECT tenancy.update_organization(NULL, external_id => {r})'), ('SELECT tenancy.update_organization(NULL, name => {r})'), ('SELECT tenancy.update_workspace(''aaaaaaaa-0000-4000-8000-000000000002'', slug => {r})'),
  ('SELECT tenancy.update_workspace(''aaaaaaaa-0000-4000-8000-000000000002'', external_id => {r})'), ('SELECT tenancy.update_workspace(''aaaaaaaa-0000-4000-8000-000000000002'', external_id => {whole})'),
  ('SELECT tenancy.create_workspace(NULL, ''x'', external_id => {whole}) IS NULL'), ('SELECT tenancy.create_group(NULL, {whole}) IS NULL'), ('SELECT tenancy.create_role(NULL, ''organization'', {whole}) IS NULL'), ('SELECT tenancy.create_workspace(NULL, ''x'', {r}) IS NULL'), ('SELECT tenancy.create_workspace(NULL, ''x'', external_id => {r}) IS NULL'), ('SELECT tenancy.set_member(NULL, ''mike@acme.test'', external_id => {r})'),
  ('SELECT tenancy.update_user(NULL, {r})'), ('SELECT api_key_id IS NULL FROM tenancy.create_api_key(''organization_service_key'', {r}, scopes => ''[]'', external_id => {r})'),
  ('SELECT organization_id IS NULL FROM tenancy.create_organization({r}, ''x@x.test'', external_id => {r})'), ('SELECT organization_id IS NULL FROM tenancy.create_organization(''x'', ''x@x.test'', {r}, owner_external_id => {r}, workspace_external_id => {r})')) c (call)
WHERE (p.login = 'att_sign_up') = (c.call ~ 'create_organization')
GROUP BY p.principal, p.login, c.call;

-- Rights that have ended, by each way to have them, and what was given by them while they lasted.
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'trusts', format('mona after the end of her role, %s, %s', w.way, d.done), E'@as postgres\nDELETE FROM tenancy.workspace_members WHERE user_id = ''cccccccc-0000-4000-8000-000000000003'';\n' || replace(w.given, '{until}', 'clock_timestamp() + interval ''0.15 s''') ||
  E'\n@as att_app mona\n' || d.before || E'\nSELECT pg_sleep(0.2);\n' || d.after, 'canary_', false
FROM (VALUES
  ('of the workspace', 'SELECT tenancy.set_workspace_role(''acme/search'', ''mona@acme.test'', ''manager'', {until});'),
  ('of the organization', 'SELECT tenancy.set_organization_role(''acme'', ''mona@acme.test'', ''admin'', {until});'),
  ('of a group', 'SELECT tenancy.create_group(''acme'', ''g'') IS NULL; SELECT tenancy.sync_group(''acme'', ''g'', ARRAY[''mona@acme.test'']); SELECT tenancy.set_group_role(''acme/search'', ''g'', ''manager'', {until});'),
  ('below a membership', 'SELECT tenancy.set_workspace_role(''acme/search'', ''mona@acme.test'', ''manager''); SELECT tenancy.set_organization_role(''acme'', ''mona@acme.test'', ''member'', {until});')) w (way, given),
  (VALUES ('a statement', '', 'SELECT string_agg(body, '' '') FROM app.logs;'),
    ('a right', '', 'SELECT ''@found a right after the end'' FROM tenancy.permissions() WHERE resource = ''logs'' AND action = ''view'' AND workspace_id = ''aaaaaaaa-0000-4000-8000-000000000002'';'),
    ('her own role', 'SELECT tenancy.set_workspace_role(''search'', ''mona@acme.test'', ''manager'', ''infinity''); SELECT tenancy.set_organization_role(NULL, ''mona@acme.test'', ''admin'', ''infinity''); SELECT tenancy.set_group_role(''search'', ''g'', ''manager'', ''infinity'');', 'SELECT string_agg(body, '' '') FROM app.logs;'),
    ('a group of her own', 'SELECT tenancy.create_group(NULL, ''h'') IS NULL; SELECT tenancy.sync_group(NULL, ''h'', ARRAY[''mona@acme.test'']); SELECT tenancy.set_group_role(''search'', ''h'', ''manager'');', 'SELECT string_agg(body, '' '') FROM app.logs;'),
    ('a key', E'SELECT secret AS s FROM tenancy.create_api_key(''workspace_service_key'', ''k'', NULL, ''search'', scopes => ''["logs.view"]'') \\gset', E'@as att_web\nSELECT set_config(''tenancy.api_key'', :''s'', true) IS NULL;\nSELECT string_agg(body, '' '') FROM app.logs;')) d (done, before, after);

-- Rights of an inviter get their end between the invitation and its acceptance, by each way to have it: a stranger sees
-- nothing afterwards.
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'trusts', format('an invitation by mona %s as %s, which ends before or after it is accepted', w.way, o.role), E'@as postgres\n' || replace(w.given, '{until}', 'NULL') ||
  format(E'\n@as att_app mona\nSELECT tenancy.invite(NULL, ''new@acme.test'', %L, %s) IS NULL;\n@as postgres\n', o.role, o.workspaces) || replace(w.again, '{until}', 'clock_timestamp() + interval ''0.3 s''') ||
  E'\n@as att_app ben\nSELECT set_config(''tenancy.user'', ''new@acme.test'', true) IS NULL;\nSELECT attacks.accept_invitation(i.invitation_id) FROM tenancy.my_organizations() i WHERE i.state = ''invited'' AND i.organization = ''acme'';\nSELECT pg_sleep(0.4);\n' ||
  E'SELECT string_agg(body, '' '') FROM app.logs;\nSELECT ''@found a right after the end'' FROM tenancy.permissions() p LIMIT 1;', 'canary_(mike|search|support|org)', false
FROM (VALUES
  ('of the organization', 'SELECT tenancy.set_organization_role(''acme'', ''mona@acme.test'', ''admin'', {until});', 'SELECT tenancy.set_organization_role(''acme'', ''mona@acme.test'', ''admin'', {until});'),
  ('of a group', 'SELECT tenancy.create_group(''acme'', ''g'') IS NULL; SELECT tenancy.sync_group(''acme'', ''g'', ARRAY[''mona@acme.test'']); SELECT tenancy.set_group_role(''acme'', ''g'', ''admin'', {until});', 'SELECT tenancy.set_group_role(''acme'', ''g'', ''admin'', {until});'),
  ('in a group', 'SELECT tenancy.create_group(''acme'', ''g'') IS NULL; SELECT tenancy.sync_group(''acme'', ''g'', ARRAY[''mona@acme.test''], {until}); SELECT tenancy.set_group_role(''acme'', ''g'', ''admin'');', 'SELECT tenancy.sync_group(''acme'', ''g'', ARRAY[''mona@acme.test''], {until});'),
  ('by permissions', 'SELECT tenancy.create_role(''acme'', ''organization'', ''r'', ''admin'', true) IS NULL; SELECT tenancy.set_organization_role(''acme'', ''mona@acme.test'', ''r'');', 'UPDATE tenancy.grants g SET ends_at = {until} FROM tenancy.roles r WHERE r.role_id = g.role_id AND r.name = ''r'';')) w (way, given, again),
  (VALUES ('admin', 'NULL'), ('member', '''{"search": "manager", "support": "member"}''')) o (role, workspaces)
WHERE w.way <> 'by permissions' OR o.role = 'member';

-- The role that has signed an organization up, against those who are there since.
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'trusts', format('signed up, and then %s', c.call), E'@as att_sign_up\nSELECT organization_id IS NULL FROM tenancy.create_organization(''Trap'', ''new@trap.test'');\nSELECT tenancy.set_organization_role(''trap'', ''second@trap.test'', ''admin''); SELECT tenancy.create_workspace(''trap'', ''Tills'') IS NULL;\nSELECT tenancy.set_workspace_role(''trap/tills'', ''second@trap.test'', ''manager'');\n' || c.call ||
  E';\n@as postgres\nSELECT ''@found who is there has changed: '' || string_agg(concat_ws('' '', u.email, r.name, m.ends_at), '', '') FROM tenancy.organization_members m JOIN tenancy.users u USING (user_id) JOIN tenancy.roles r USING (role_id) JOIN tenancy.organizations o ON o.organization_id = m.organization_id WHERE o.slug = ''trap'' AND u.email ~ ''^(new|second)@'' HAVING string_agg(concat_ws('' '', u.email, r.name, m.ends_at), '','' ORDER BY u.email) IS DISTINCT FROM ''new@trap.test owner,second@trap.test admin'';\n' ||
  E'SELECT ''@found a role in a workspace has changed'' WHERE NOT EXISTS (SELECT FROM tenancy.workspace_members m JOIN tenancy.users u USING (user_id) JOIN tenancy.roles r USING (role_id) JOIN tenancy.workspaces w USING (workspace_id) WHERE u.email = ''second@trap.test'' AND r.name = ''manager'' AND w.slug = ''tills'' AND m.ends_at IS NULL);\n' ||
  E'SELECT ''@found groups, roles, keys or settings'' FROM tenancy.organizations o WHERE o.slug = ''trap'' AND (EXISTS (SELECT FROM tenancy.groups g WHERE g.organization_id = o.organization_id) OR EXISTS (SELECT FROM tenancy.roles r WHERE r.organization_id = o.organization_id) OR EXISTS (SELECT FROM tenancy.api_keys k WHERE k.organization_id = o.organization_id) OR EXISTS (SELECT FROM tenancy.grants g WHERE g.organization_id = o.organization_id));', 'canary_', false
FROM (
  SELECT format('SELECT tenancy.set_organization_role(''trap'', %L, %L%s)', u, r, e) FROM unnest(ARRAY['new@trap.test', 'second@trap.test']) u, unnest(ARRAY['owner', 'admin', 'member']) r, unnest(ARRAY['', ', now() + interval ''1 s''', ', ''infinity'', ''reason''']) e
  WHERE NOT (e ~ 'infinity' AND (u, r) IN (('new@trap.test', 'owner'), ('second@trap.test', 'admin')))
  UNION ALL SELECT format('SELECT tenancy.remove_organization_member(''trap'', %L)', u) FROM unnest(ARRAY['new@trap.test', 'second@trap.test']) u
  UNION ALL SELECT format('SELECT tenancy.set_workspace_role(''trap/tills'', ''second@trap.test'', %L%s)', r, e) FROM unnest(ARRAY['admin', 'member', 'manager']) r, unnest(ARRAY['', ', now() + interval ''1 s''']) e
  UNION ALL VALUES ('SELECT tenancy.remove_workspace_member(''trap/tills'', ''second@trap.test'')'), ('SELECT tenancy.delete_workspace(''trap/tills'')'), ('SELECT tenancy.create_group(''trap'', ''g'') IS NULL'), ('SELECT tenancy.create_role(''trap'', ''organization'', ''r'', ''owner'') IS NULL'),
    ('SELECT tenancy.create_role(''trap'', ''workspace'', ''r'') IS NULL'), ('SELECT tenancy.grant_permission(''trap'', ''organization'', ''member'', ''logs'', ''view'')'), ('SELECT tenancy.set_setting(''trap'', ''members_view_logs'', false)'),
    ('SELECT api_key_id IS NULL FROM tenancy.create_api_key(''organization_service_key'', ''k'', ''trap'')'), ('SELECT tenancy.set_group_role(''trap'', ''g'', ''owner'')'), ('SELECT tenancy.sync_group(''trap'', ''g'', ''{}'')')) c (call);

-- Roles taken for a time: by keys, after all that ends them, and what was given or made by them.
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'trusts', format('mike takes %s by %s, then %s', r.role, s.subject, d.title), E'@as postgres\nSELECT tenancy.create_group(''acme'', ''g'') IS NULL; SELECT tenancy.sync_group(''acme'', ''g'', ARRAY[''mike@acme.test'']);\n' ||
  format(E'SELECT tenancy.allow_elevation(''acme'', %L, %L, ''1 hour'', 100, %L);\n', r.level || '/' || r.role, s.subject, d.approval) || E'@as att_app mike in the app\n' || format(E'SELECT elevation_id AS e FROM attacks.elevate(%L, ''attack'', %s%s) \\gset\n', r.role, d.during, r.workspace) || d.script ||
  E'\n@as att_app mike in the app\nSELECT string_agg(body, '' '') FROM app.logs WHERE organization_id = ''aaaaaaaa-0000-4000-8000-000000000000'' AND workspace_id <> ''aaaaaaaa-0000-4000-8000-000000000002'';\nSELECT ''@found a right after the end'' FROM tenancy.permissions() WHERE workspace_id <> ''aaaaaaaa-0000-4000-8000-000000000002'' AND action <> ''list'' AND resource = ''logs'' LIMIT 1;', 'canary_(theirs|support|org)', false
FROM (VALUES ('organization', 'admin', ''), ('workspace', 'admin', ', ''acme/support''')) r (level, role, workspace), (VALUES ('mike@acme.test'), ('group/g'), ('role/organization/member')) s (subject),
  (VALUES ('it ends', false, '''0.15 s''', 'SELECT pg_sleep(0.2);'), ('he ends it', false, '''1 hour''', 'SELECT tenancy.end_elevation();'), ('the rule ends', false, '''1 hour''', E'@as postgres\nDELETE FROM tenancy.elevation_rules;'),
    ('he is no longer whom it is for', false, '''1 hour''', E'@as postgres\nSELECT tenancy.sync_group(''acme'', ''g'', ''{}''); UPDATE tenancy.elevation_rules SET user_id = NULL, group_id = NULL, subject_role_id = ''00000000-0000-4000-8000-000000000001'' WHERE group_id IS NULL;'),
    ('nobody approves it', true, '''1 hour''', E'SELECT tenancy.approve_elevation(:''e'');\n@as att_app adam\nSELECT tenancy.end_elevation(:''e'');'), ('approves it himself', true, '''1 hour''', 'SELECT tenancy.approve_elevation(:''e'');'),
    ('takes more', true, '''1 hour''', 'SELECT elevation_id IS NULL FROM attacks.elevate(''owner'', ''attack'', ''1 hour''); SELECT tenancy.allow_elevation(NULL, ''owner'', ''mike@acme.test'', ''1 hour'');'),
    ('leaves and returns', false, '''1 hour''', E'@as postgres\nSELECT tenancy.remove_organization_member(''acme'', ''mike@acme.test''); SELECT tenancy.set_organization_role(''acme'', ''mike@acme.test'', ''member'');'),
    ('gives it for ever, and it ends', false, '''0.3 s''', E'SELECT tenancy.set_organization_role(NULL, ''mike@acme.test'', ''admin''); SELECT tenancy.set_organization_role(NULL, ''mike@acme.test'', ''admin'', ''infinity''); SELECT tenancy.set_workspace_role(''support'', ''mike@acme.test'', ''admin''); SELECT tenancy.set_workspace_role(''support'', ''mike@acme.test'', ''admin'', ''infinity'');\n' ||
      'SELECT tenancy.set_group_role(''support'', ''g'', ''admin''); SELECT tenancy.allow_elevation(NULL, ''organization/admin'', ''mike@acme.test'', ''1 day''); SELECT tenancy.set_setting(NULL, ''members_view_all_data'', true); SELECT pg_sleep(0.4);')) d (title, approval, during, script);
-- A user's key has nothing of what its user has taken.
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'trusts', format('the key of mike, who takes %s', r.role), E'@as postgres\n' || format(E'SELECT tenancy.allow_elevation(''acme'', %L, ''mike@acme.test'', ''1 hour'');\n', r.level || '/' || r.role) || E'@as att_app mike in the app\n' || format(E'SELECT elevation_id IS NULL FROM attacks.elevate(%L, ''attack'', ''1 hour''%s);\n', r.role, r.workspace) ||
  E'@as att_web mike key\nSELECT string_agg(body, '' '') FROM app.logs;\nSELECT elevation_id IS NULL FROM attacks.elevate(''admin'', ''attack'', ''1 hour'');\nSELECT tenancy.require(''team'', ''assign_roles'');\nSELECT string_agg(body, '' '') FROM app.logs;', 'canary_(theirs|support|org)', false
FROM (VALUES ('organization', 'admin', ''), ('workspace', 'admin', ', ''acme/search'''), ('workspace', 'admin', ', ''acme/support''')) r (level, role, workspace);
-- Roles and groups confer what rules of elevation let them take: whoever lacks that gives nobody an elevation.
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'trusts', format('%s, which lets take a role', g.title), E'@as postgres\nSELECT tenancy.create_group(''acme'', ''g'') IS NULL; SELECT tenancy.create_group(''acme'', ''h'') IS NULL; SELECT tenancy.create_group(''acme'', ''open'', open_to_sync => true) IS NULL; SELECT tenancy.create_role(''acme'', ''organization'', ''r'', ''member'') IS NULL; SELECT tenancy.create_role(''acme'', ''workspace'', ''w'') IS NULL;\n' ||
  E'SELECT tenancy.set_group_role(''acme'', ''open'', ''r''); SELECT secret AS s FROM tenancy.create_api_key(''organization_service_key'', ''directory'', ''acme'', scopes => ''["team.sync_groups", "team.list"]'') \\gset\n' || format(E'SELECT tenancy.allow_elevation(''acme'', %L, %L, ''1 hour'', 100);\n', r.role, g.subject) || g.given ||
  E'\n@as att_app mike in the app\nSELECT elevation_id IS NULL FROM attacks.elevate(''owner'', ''attack'', ''1 hour''); SELECT elevation_id IS NULL FROM attacks.elevate(''admin'', ''attack'', ''1 hour'', ''search'');\n@as att_app mona\nSELECT elevation_id IS NULL FROM attacks.elevate(''owner'', ''attack'', ''1 hour''); SELECT elevation_id IS NULL FROM attacks.elevate(''admin'', ''attack'', ''1 hour'', ''search'');\n' ||
  E'@as att_app ben\nSELECT set_config(''tenancy.user'', ''new@acme.test'', true) IS NULL;\nSELECT attacks.accept_invitation(i.invitation_id) FROM tenancy.my_organizations() i WHERE i.state = ''invited'' AND i.organization = ''acme'';\nSELECT elevation_id IS NULL FROM attacks.elevate(''owner'', ''attack'', ''1 hour'');\n' ||
  E'@as postgres\nSELECT ''@found somebody has climbed'' FROM tenancy.elevations;\nSELECT ''@found a group that takes roles was filled'' FROM tenancy.group_members m JOIN tenancy.groups g USING (group_id) JOIN tenancy.elevation_rules e ON e.group_id = g.group_id OR e.subject_role_id IN (SELECT r.role_id FROM tenancy.group_roles r WHERE r.group_id = g.group_id) WHERE g.name = ''open'';', 'canary_theirs', false
FROM (VALUES ('owner', 'organization'), ('workspace/admin', 'workspace')) r (role, level), (VALUES
  ('adam fills a group', 'group/g', 'owner', E'@as att_app adam\nSELECT tenancy.sync_group(NULL, ''g'', ARRAY[''mike@acme.test'']);'),
  ('adam fills a group until a moment', 'group/g', 'owner', E'@as att_app adam\nSELECT tenancy.sync_group(NULL, ''g'', ARRAY[''mike@acme.test''], now() + interval ''1 hour'');'),
  ('adam gives a role', 'role/organization/r', 'owner', E'@as att_app adam\nSELECT tenancy.set_organization_role(NULL, ''mike@acme.test'', ''r'');'),
  ('adam gives a group a role', 'role/organization/r', 'owner', E'@as att_app adam\nSELECT tenancy.sync_group(NULL, ''h'', ARRAY[''mike@acme.test'']); SELECT tenancy.set_group_role(''acme'', ''h'', ''r'');'),
  ('adam invites', 'role/organization/r', 'owner', E'@as att_app adam\nSELECT tenancy.invite(NULL, ''new@acme.test'', ''r'') IS NULL;'),
  ('the key of a directory fills a group', 'role/organization/r', 'any', E'@as att_web\nSELECT set_config(''tenancy.api_key'', :''s'', true) IS NULL;\nSELECT tenancy.sync_group(NULL, ''open'', ARRAY[''mike@acme.test'']);'),
  ('the key of a directory fills a group that is open', 'group/open', 'any', E'@as att_web\nSELECT set_config(''tenancy.api_key'', :''s'', true) IS NULL;\nSELECT tenancy.sync_group(NULL, ''open'', ARRAY[''mike@acme.test'']);'),
  ('mona gives herself a role', 'role/workspace/w', 'workspace/admin', E'@as att_app mona\nSELECT tenancy.set_workspace_role(''search'', ''mona@acme.test'', ''w'');'),
  ('mona gives a role', 'role/workspace/w', 'workspace/admin', E'@as att_app mona\nSELECT tenancy.set_workspace_role(''search'', ''mike@acme.test'', ''w'');')) g (title, subject, lets, given)
WHERE g.lets IN ('any', r.role);
-- Owners by elevation, or for a moment, leave no owner, key or rule behind, and the permanent owners as they are.
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'trusts', format('adam, an owner %s: %s', w.way, d.title), E'@as postgres\nSELECT tenancy.set_organization_role(''acme'', ''ben@acme.test'', ''owner''); SELECT tenancy.create_group(''acme'', ''g'') IS NULL; SELECT tenancy.create_group(''acme'', ''h'') IS NULL; SELECT tenancy.sync_group(''acme'', ''h'', ARRAY[''adam@acme.test'']); SELECT tenancy.allow_elevation(''acme'', ''owner'', ''group/g'', ''1 hour'');\n' || w.become ||
  E'\n' || d.script || E'\n@as postgres\n' || w.ended || E'\n@as att_app adam\nSELECT ''@found an owner still'' WHERE tenancy.authorize(''billing'', ''manage'');\n@as postgres\n' ||
  E'SELECT ''@found a permanent owner is none'' WHERE (SELECT count(*) FROM tenancy.organization_members m JOIN tenancy.users u USING (user_id) JOIN tenancy.roles r USING (role_id) WHERE u.email IN (''olivia@acme.test'', ''ben@acme.test'') AND r.name = ''owner'' AND m.ends_at IS NULL AND m.organization_id = ''aaaaaaaa-0000-4000-8000-000000000000'') <> 2;\n' ||
  E'SELECT ''@found a rule was changed'' WHERE (SELECT count(*) FROM tenancy.elevation_rules e JOIN tenancy.groups g USING (group_id) WHERE g.name = ''g'') <> 1 OR (SELECT count(*) FROM tenancy.elevation_rules e WHERE e.user_id IS NULL) <> 1;\nSELECT ''@found a key'' FROM tenancy.api_keys k WHERE k.name = ''attack'' AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp());', 'canary_theirs', false
FROM (VALUES
  ('by elevation, ended early', E'SELECT tenancy.allow_elevation(''acme'', ''owner'', ''adam@acme.test'', ''1 hour'', 100);\n@as att_app adam\nSELECT until IS NULL FROM attacks.elevate(''owner'', ''attack'', ''1 hour'');', 'UPDATE tenancy.elevations SET ends_at = clock_timestamp();', '30 minutes'),
  ('for a moment', E'SELECT tenancy.set_organization_role(''acme'', ''adam@acme.test'', ''owner'', clock_timestamp() + interval ''0.4 s'');\n@as att_app adam', 'SELECT pg_sleep(0.5);', '0.2 seconds')) w (way, become, ended, short),
  LATERAL (VALUES
  ('himself', format('SELECT tenancy.set_organization_role(NULL, ''adam@acme.test'', ''owner'', clock_timestamp() + interval %L); SELECT tenancy.set_organization_role(NULL, ''adam@acme.test'', ''owner'', ''infinity''); SELECT tenancy.set_group_role(''acme'', ''h'', ''owner'', clock_timestamp() + interval %L); SELECT tenancy.set_group_role(''acme'', ''h'', ''owner'');', w.short, w.short)),
  ('a key, which removes the others', format(E'SELECT secret AS s FROM tenancy.create_api_key(''organization_service_key'', ''attack'', scopes => ''"all"'', expires_at => clock_timestamp() + interval %L) \\gset\n@as att_web\nSELECT set_config(''tenancy.api_key'', :''s'', true) IS NULL;\nSELECT tenancy.remove_organization_member(NULL, ''ben@acme.test''); SELECT tenancy.set_organization_role(NULL, ''ben@acme.test'', ''member'', clock_timestamp() + interval ''0.1 s''); SELECT tenancy.set_organization_role(NULL, ''adam@acme.test'', ''owner'', clock_timestamp() + interval ''30 minutes'');', w.short)),
  ('the others', 'SELECT tenancy.remove_organization_member(NULL, ''ben@acme.test''); SELECT tenancy.set_organization_role(NULL, ''ben@acme.test'', ''member''); SELECT tenancy.set_organization_role(NULL, ''ben@acme.test'', ''member'', clock_timestamp() + interval ''0.1 s''); SELECT tenancy.set_organization_role(NULL, ''ben@acme.test'', ''owner'', clock_timestamp() + interval ''0.1 s'');'),
  ('the rules', 'SELECT tenancy.drop_group(NULL, ''g''); SELECT tenancy.allow_elevation(NULL, ''owner'', ''group/g'', NULL); SELECT tenancy.allow_elevation(NULL, ''owner'', ''group/h'', ''7 days''); SELECT tenancy.sync_group(NULL, ''g'', ARRAY[''adam@acme.test'']);'),
  ('a role of his own', 'SELECT tenancy.create_role(NULL, ''organization'', ''x'', ''owner'') IS NULL; SELECT tenancy.grant_permission(NULL, ''organization'', ''admin'', ''billing'', ''manage'', now() + interval ''1 hour''); SELECT tenancy.set_organization_role(NULL, ''adam@acme.test'', ''x'');'),
  ('the key of another', E'SELECT tenancy.rotate_api_key(k.api_key_id) AS s FROM tenancy.api_keys k WHERE k.all_scopes AND k.kind = ''organization_service_key'' LIMIT 1 \\gset\n@as att_web\nSELECT set_config(''tenancy.api_key'', :''s'', true) IS NULL;\nSELECT tenancy.remove_organization_member(NULL, ''ben@acme.test'');')) d (title, script);

-- Rights that somebody takes on its own, used before they are committed: rolled back, they would leave nothing behind.
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'taken', format('%s%s: %s', t.title, b.title, c.call), E'@as postgres\n' || t.prepared || E'\n@as ' || t.who || E'\n' || t.before || replace(replace(b.script, '{takes}', t.takes), '{call}', c.call), t.forbidden, true
FROM (VALUES
  ('mike takes a role', E'SELECT tenancy.allow_elevation(''acme'', ''organization/owner'', ''mike@acme.test'', ''1 hour'', 1);', 'att_app mike in the app', '', 'SELECT elevation_id IS NULL FROM tenancy.elevate(''owner'', ''attack'', ''1 hour'');', 'canary_(theirs|support|org)'),
  ('somebody invited joins', E'SELECT tenancy.invite(''acme'', ''peek@out.test'', ''owner'') AS i \\gset', 'att_app ben', E'SELECT set_config(''tenancy.user'', ''peek@out.test'', true) IS NULL;\n', 'SELECT tenancy.accept_invitation(:''i'');', 'canary_(theirs|support|org|search)'),
  ('a key too old is rotated', E'UPDATE tenancy.api_keys SET rotate_by = now() - interval ''1 s'' WHERE name = ''acme master'';', 'att_web acme master', '', 'SELECT length(tenancy.rotate_own_api_key());', 'canary_(theirs|support|org|search)'),
  ('mike fills a group', E'SELECT tenancy.create_group(''acme'', ''open'', open_to_sync => true) IS NULL; SELECT tenancy.set_group_role(''acme'', ''open'', ''owner''); SELECT tenancy.create_role(''acme'', ''organization'', ''syncs'', ''member'') IS NULL; SELECT tenancy.grant_permission(''acme'', ''organization'', ''syncs'', ''team'', ''sync_groups''); SELECT tenancy.set_organization_role(''acme'', ''mike@acme.test'', ''syncs'');',
    'att_app mike in the app', '', 'SELECT tenancy.sync_group(NULL, ''open'', ''{mike@acme.test}'');', 'canary_(theirs|support|org)')) t (title, prepared, who, before, takes, forbidden),
  (VALUES ('', E'{takes}\n{call}'), (', undone', E'SAVEPOINT undone;\n{takes}\n{call}\nROLLBACK TO undone;\n{call}'), (', deeper', E'SAVEPOINT a;\nSAVEPOINT b;\n{takes}\nRELEASE b;\n{call}\nROLLBACK TO a;\n{call}'),
    (', planned before', E'SET plan_cache_mode = force_generic_plan;\nPREPARE p AS SELECT body FROM app.logs;\nEXECUTE p;\n{takes}\nEXECUTE p;\n{call}'), (', by shared plans', E'SET tenancy.share_plans = on;\nPREPARE p AS SELECT body FROM app.logs;\nEXECUTE p;\n{takes}\nEXECUTE p;\n{call}')) b (title, script),
  (VALUES ('SELECT string_agg(body, '' '') FROM app.logs;'), ('DECLARE c CURSOR FOR SELECT body FROM app.logs; FETCH ALL FROM c;'), ('SELECT ''@found a right'' WHERE tenancy.authorize(''billing'', ''manage'');'), ('SELECT ''@found a right of '' || kind FROM tenancy.whoami() WHERE kind = ''organization_service_key'';'),
    ('SELECT tenancy.set_organization_role(NULL, ''mona@acme.test'', ''owner'');'), ('SELECT secret FROM tenancy.create_api_key(''organization_service_key'', ''x'', NULL, scopes => ''"all"'');'), ('SELECT ''@found entries of others'' FROM tenancy.audit_log WHERE actor ~ ''olivia'' LIMIT 1;')) c (call);
