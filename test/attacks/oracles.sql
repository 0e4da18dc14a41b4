-- Objects of other organizations must look like missing ones: each kind of name, in each function that takes a name. These run in
-- both worlds; the names exist in the first one only.
CREATE TABLE attacks.names (reference text PRIMARY KEY);
INSERT INTO attacks.names VALUES ('globex'), ('bbbbbbbb-0000-4000-8000-000000000000'), ('731332'), ('globex/lab-of-globex'), ('731332/shared'), ('lab-of-globex'), ('bbbbbbbb-0000-4000-8000-000000000002'), ('7313322'),
  ('gus@globex.test'), ('GUS@globex.test'), ('bbbbbbbb-0000-4000-8000-00000000000a'), ('73133201'), ('bbbbbbbb-0000-4000-8000-000000000006'), ('73133906');
INSERT INTO attacks.cases (family, title, script, forbidden, fresh, may)
SELECT 'oracles', p.principal || ', ' || c.call, attacks.as_script(p.login, p.principal, '', array_agg(replace(c.call, '{r}', quote_literal(n.reference)) ORDER BY n.reference ~ '@', n.reference)), p.forbidden, true,
  -- A session with the right to do so makes a user of another organization a member.
  CASE WHEN c.call ~ 'set_organization_role\(NULL, \{r' THEN '{catalog organization_members,catalog audit_log}'::text[] WHEN c.call ~ 'create_workspace\(NULL' THEN '{catalog workspaces,catalog audit_log}' ELSE '{}' END
FROM attacks.principals p, attacks.names n, (VALUES
  ('SELECT tenancy.authorize(''logs'', ''view'', {r}::text)'), ('SELECT tenancy.require(''logs'', ''view'', {r})'), ('SELECT * FROM tenancy.explain_authorize(''logs'', ''view'', {r})'), ('SELECT * FROM tenancy.who_can(''logs'', ''view'', {r})'),
  ('SELECT * FROM tenancy.access_matrix({r}) LIMIT 1'), ('SELECT * FROM tenancy.settings({r}) LIMIT 1'), ('SELECT * FROM tenancy.settings(NULL, {r}) LIMIT 1'), ('SELECT * FROM tenancy.verify_audit_log({r})'),
  ('SELECT tenancy.create_workspace({r}, ''x'') IS NULL'), ('SELECT tenancy.create_workspace(NULL, ''x'', {r}) IS NULL'), ('SELECT tenancy.create_workspace(NULL, ''x'', external_id => {r}) IS NULL'), ('SELECT tenancy.delete_workspace({r})'),
  ('SELECT tenancy.set_organization_role({r}, ''mike@acme.test'', ''member'')'), ('SELECT tenancy.set_organization_role(NULL, {r}, ''member'')'), ('SELECT tenancy.set_organization_role(NULL, ''mike@acme.test'', {r})'),
  ('SELECT tenancy.remove_organization_member(NULL, {r})'), ('SELECT tenancy.set_workspace_role({r}, ''mike@acme.test'', ''member'')'), ('SELECT tenancy.set_workspace_role(''search'', {r}, ''member'')'), ('SELECT tenancy.remove_workspace_member(''search'', {r})'), ('SELECT tenancy.remove_workspace_member({r}, ''mike@acme.test'')'),
  ('SELECT tenancy.set_setting({r}, ''members_view_all_data'', true)'), ('SELECT tenancy.set_setting(NULL, ''members_view_all_data'', true, {r})'), ('SELECT tenancy.reset_setting(NULL, ''members_view_all_data'', {r})'), ('SELECT tenancy.set_role_visibility(NULL, ''member'', true, {r})'), ('SELECT tenancy.allow_workspace_overrides({r}, ''logs'', true)'),
  ('SELECT tenancy.create_role({r}, ''workspace'', ''helper'') IS NULL'), ('SELECT tenancy.drop_role({r}, ''workspace'', ''helper'')'), ('SELECT tenancy.grant_permission({r}, ''workspace'', ''member'', ''logs'', ''view'')'),
  ('SELECT api_key_id IS NULL FROM tenancy.create_api_key(''organization_service_key'', ''x'', {r}, scopes => ''[]'')'), ('SELECT api_key_id IS NULL FROM tenancy.create_api_key(''workspace_service_key'', ''x'', NULL, {r}, scopes => ''[]'')'),
  ('SELECT api_key_id IS NULL FROM tenancy.create_api_key(''workspace_user_key'', ''x'', NULL, ''search'', {r}, scopes => ''[]'')'), ('SELECT api_key_id IS NULL FROM tenancy.create_api_key(''organization_service_key'', ''x'', scopes => ''[]'', external_id => {r})'),
  ('SELECT tenancy.revoke_api_key(CASE WHEN {r} ~ ''^b'' THEN {r} END::uuid)'), ('SELECT tenancy.rotate_api_key(CASE WHEN {r} ~ ''^b'' THEN {r} END::uuid) IS NULL'), ('SELECT tenancy.delete_api_key(CASE WHEN {r} ~ ''^b'' THEN {r} END::uuid)'), ('SELECT tenancy.update_api_key(CASE WHEN {r} ~ ''^b'' THEN {r} END::uuid, ''x'')'), ('SELECT tenancy.end_api_key_transition(CASE WHEN {r} ~ ''^b'' THEN {r} END::uuid)'),
  ('SELECT tenancy.set_jwks({r}, NULL)'), ('SELECT tenancy.export_organization({r})'), ('SELECT tenancy.close_organization({r})'), ('SELECT tenancy.purge_organization({r})'), ('SELECT tenancy.create_user({r})'), ('SELECT tenancy.simulate(''SELECT 1'', {r})'),
  ('SELECT set_config(''tenancy.workspace'', {r}, true) IS NULL, tenancy.current_workspace_id()'), ('SELECT set_config(''tenancy.organization'', {r}, true) IS NULL, tenancy.current_organization_id()'), ('SELECT set_config(''tenancy.user'', CASE WHEN session_user <> ''att_app'' THEN {r} END, true) IS NULL, tenancy.current_user_id()'),
  ('SELECT tenancy.authorize(''logs'', ''view'', CASE WHEN {r} ~ ''^b'' THEN {r} END::uuid)'), ('INSERT INTO app.logs (workspace_id, n) VALUES (CASE WHEN {r} ~ ''^b'' THEN {r} END::uuid, 1)'), ('INSERT INTO app.logs (organization_id, n) VALUES (CASE WHEN {r} ~ ''^b'' THEN {r} END::uuid, 1)'), ('INSERT INTO app.logs (user_id, n) VALUES (CASE WHEN {r} ~ ''^b'' THEN {r} END::uuid, 1)'), ('INSERT INTO app.tickets (workspace_id, n) VALUES (CASE WHEN {r} ~ ''^7'' THEN {r} END::bigint, 1)'), ('INSERT INTO app.texts (organization, owner, n) VALUES (''1'', {r}, 1)'), ('UPDATE app.logs SET workspace_id = CASE WHEN {r} ~ ''^b'' THEN {r} END::uuid')
) c (call)
-- Applications on trusted logins choose external ids.
WHERE p.principal IN ('acme master', 'olivia', 'adam', 'search key', 'nobody') AND NOT (c.call ~ 'external_id' AND p.login = 'att_app') AND (p.principal <> 'nobody' OR c.call ~ 'authorize|settings|config|INSERT|simulate')
GROUP BY p.principal, p.login, p.forbidden, c.call;

CREATE FUNCTION attacks.some_value(type oid) RETURNS text LANGUAGE sql AS $$
  SELECT CASE format_type(type, NULL) WHEN 'uuid' THEN quote_literal('f1f1f1f1-0000-4000-8000-000000000001') WHEN 'timestamp with time zone' THEN quote_literal('2026-01-01') WHEN 'jsonb' THEN quote_literal('{}')
    WHEN 'bytea' THEN quote_literal('\x00') WHEN 'boolean' THEN 'true' WHEN 'interval' THEN quote_literal('1 hour') WHEN 'integer' THEN '1' WHEN 'bigint' THEN '1' WHEN 'regclass' THEN quote_literal('app.logs')
    WHEN 'text[]' THEN quote_literal('{}') ELSE quote_literal('zz9') END
$$;
-- Rows for catalogs, by whoever may write tables but administers nothing: refused alike, whether what they name exists or not. In each
-- column what another organization has; in the others what fits their type.
INSERT INTO attacks.cases (family, title, script, forbidden, fresh)
SELECT 'oracles', format('%s writes tenancy.%s (%s)', w.login, c.catalog, t.attname),
  attacks.as_script(w.login, w.principal, '', array_agg(format('INSERT INTO tenancy.%I (%s) VALUES (%s)', c.catalog,
    (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = t.attrelid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND (a.attnotnull OR a.attnum = t.attnum OR a.attname = 'organization_id')),
    (SELECT string_agg(CASE WHEN a.attnum = t.attnum THEN quote_literal(n.reference) WHEN a.attname = 'organization_id' THEN quote_literal(o.organization) ELSE attacks.some_value(a.atttypid) END, ', ' ORDER BY a.attnum)
     FROM pg_attribute a WHERE a.attrelid = t.attrelid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND (a.attnotnull OR a.attnum = t.attnum OR a.attname = 'organization_id')))
    ORDER BY o.organization, n.reference)), w.forbidden, true
FROM (VALUES ('att_etl', 'mike key', 'canary_(globex|theirs|support|org|search)'), ('att_granted', 'acme master', 'canary_(globex|theirs)')) w (login, principal, forbidden),
  (SELECT k.oid, k.relname AS catalog FROM pg_class k WHERE k.relnamespace = 'tenancy'::regnamespace AND k.relkind = 'r' AND k.relrowsecurity) c,
  pg_attribute t, (VALUES ('aaaaaaaa-0000-4000-8000-000000000000'), ('bbbbbbbb-0000-4000-8000-000000000000')) o (organization),
  (SELECT reference FROM attacks.names UNION VALUES ('bbbbbbbb-0000-4000-8000-00000000000c'), ('globex/x'), ('731332/x')) n
WHERE t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped AND t.attgenerated = '' AND t.attidentity <> 'a'
  AND (t.atttypid = 'text'::regtype OR t.atttypid = 'uuid'::regtype AND n.reference ~ '^bbbbbbbb-')
GROUP BY w.login, w.principal, w.forbidden, c.catalog, t.attrelid, t.attname, t.attnum;
