-- The audit log: what leaves an entry, what an entry says, who reads it, and what gives tampering away.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
-- Entries since the last call.
CREATE TABLE looked AS SELECT coalesce(max(audit_id), 0) AS audit_id FROM tenancy.audit_log;
CREATE FUNCTION news(OUT actor_kind text, OUT actor text, OUT action text, OUT resource_type text, OUT organization text, OUT changed text)
RETURNS SETOF record LANGUAGE sql BEGIN ATOMIC
  SELECT l.actor_kind, replace(l.actor, session_user, '(superuser)'), l.action, l.resource_type,
         CASE WHEN l.organization_id::text LIKE '%-0000-4000-8000-%' THEN left(l.organization_id::text, 4) WHEN l.organization_id IS NOT NULL THEN 'new' END,
         (SELECT string_agg(concat(key, ': ', b.value, ' -> ', a.value), ', ' ORDER BY key)
          FROM jsonb_each_text(l.before) b FULL JOIN jsonb_each_text(l.after) a USING (key)
          WHERE l.before IS NOT NULL AND l.after IS NOT NULL AND a.value IS DISTINCT FROM b.value
            AND key NOT IN ('created_at', 'revoked_at', 'rotated_at', 'deleted_at', 'valid_until', 'display_prefix'))
  FROM tenancy.audit_log l WHERE l.audit_id > (SELECT max(audit_id) FROM app.looked) ORDER BY l.audit_id;
END;
CREATE PROCEDURE look() LANGUAGE sql AS 'INSERT INTO app.looked SELECT max(audit_id) FROM tenancy.audit_log';
SELECT count(*) > 40 AS written, count(*) FILTER (WHERE before IS NULL AND after IS NULL) AS empty FROM tenancy.audit_log;
SELECT * FROM tenancy.verify_audit_log();

-- By function
\o /dev/null
SELECT * FROM tenancy.create_organization('Initech', 'bill@initech.test');
SELECT tenancy.create_user('new@acme.test');
SELECT tenancy.create_workspace('acme', 'Sales');
SELECT tenancy.set_organization_role('acme', 'new@acme.test', 'member');
SELECT tenancy.set_organization_role('acme', 'new@acme.test', 'admin');
SELECT tenancy.set_workspace_role('acme/sales', 'new@acme.test', 'member');
SELECT tenancy.set_setting('acme', 'members_view_logs', false);
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
SELECT tenancy.allow_workspace_overrides('acme', 'logs', true);
SELECT tenancy.reset_setting('acme', 'members_view_logs');
SELECT tenancy.trust_login('regress_plain');
SELECT tenancy.unbind_login('regress_plain');
SELECT tenancy.register_permission('things', 'view', 'x');
SELECT tenancy.remove_organization_member('acme', 'new@acme.test');
SELECT tenancy.delete_workspace('acme/sales');
\o
SELECT * FROM news();
CALL look();
-- Keys: semantic actions
SELECT api_key_id, secret FROM tenancy.create_api_key('workspace_service_key', 'k', 'acme', 'search', scopes => '["logs.view"]') \gset
SELECT tenancy.rotate_api_key(:'api_key_id') AS rotated \gset
SELECT tenancy.end_api_key_transition(:'api_key_id');
SELECT tenancy.rotate_api_key(:'api_key_id', '0') AS rotated_again \gset
SELECT tenancy.revoke_api_key(:'api_key_id');
SELECT tenancy.delete_api_key(:'api_key_id');
SELECT * FROM news();
CALL look();
-- A protected table, also one that is dropped
CREATE TABLE notes (id int, organization_id uuid);
SELECT tenancy.protect('notes', 'things', 'organization_id', create_indexes => true);
DROP TABLE notes;
SELECT action, resource_type, resource_id FROM tenancy.audit_log WHERE audit_id > (SELECT max(audit_id) FROM looked) ORDER BY audit_id;
CALL look();

-- By plain DML, every catalog
INSERT INTO tenancy.organizations (organization_id, slug, name) VALUES ('eeeeeeee-0000-4000-8000-000000000000', 'umbrella', 'Umbrella');
INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name) VALUES ('eeeeeeee-0000-4000-8000-000000000001', 'eeeeeeee-0000-4000-8000-000000000000', 'w', 'W');
INSERT INTO tenancy.users (user_id, email) VALUES ('eeeeeeee-0000-4000-8000-000000000002', 'u@umbrella.test');
INSERT INTO tenancy.roles (role_id, organization_id, level, name) VALUES ('eeeeeeee-0000-4000-8000-000000000003', 'eeeeeeee-0000-4000-8000-000000000000', 'workspace', 'auditor');
INSERT INTO tenancy.organization_members VALUES ('eeeeeeee-0000-4000-8000-000000000000', 'eeeeeeee-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000003');
INSERT INTO tenancy.workspace_members VALUES ('eeeeeeee-0000-4000-8000-000000000001', 'eeeeeeee-0000-4000-8000-000000000002', 'eeeeeeee-0000-4000-8000-000000000000', 'eeeeeeee-0000-4000-8000-000000000003');
INSERT INTO tenancy.grants VALUES ('eeeeeeee-0000-4000-8000-000000000003', 'eeeeeeee-0000-4000-8000-000000000000', NULL, 'logs', 'view', true);
INSERT INTO tenancy.visibility VALUES ('eeeeeeee-0000-4000-8000-000000000003', 'eeeeeeee-0000-4000-8000-000000000000', NULL, true);
INSERT INTO tenancy.workspace_overrides VALUES ('eeeeeeee-0000-4000-8000-000000000000', 'logs', true);
INSERT INTO tenancy.api_keys (api_key_id, kind, name, organization_id) VALUES ('eeeeeeee-0000-4000-8000-000000000004', 'organization_service_key', 'k', 'eeeeeeee-0000-4000-8000-000000000000');
INSERT INTO tenancy.api_key_secrets (secret_hash, api_key_id) VALUES (sha256('one'), 'eeeeeeee-0000-4000-8000-000000000004');
INSERT INTO tenancy.api_key_scopes VALUES ('eeeeeeee-0000-4000-8000-000000000004', 'logs', 'view');
INSERT INTO tenancy.jwt_keys (organization_id, kid, alg, jwk) VALUES ('eeeeeeee-0000-4000-8000-000000000000', 'kid', 'EdDSA', '{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}');
INSERT INTO tenancy.jwt_issuers VALUES ('eeeeeeee-0000-4000-8000-000000000000', 'issuer', NULL);
INSERT INTO tenancy.login_bindings (login, user_id, organization_id) VALUES ('regress_plain', 'eeeeeeee-0000-4000-8000-000000000002', 'eeeeeeee-0000-4000-8000-000000000000');
INSERT INTO tenancy.permissions VALUES ('umbrellas', 'open', 'x');
INSERT INTO tenancy.protected_tables (relation, resource, organization_column, row_security_before, force_before) VALUES ('app.secrets', 'umbrellas', 'name', false, false);
SELECT * FROM news();
CALL look();
-- No entry for what changes nothing
UPDATE tenancy.organizations SET name = name;
UPDATE tenancy.api_keys SET revoked_at = revoked_at;
SELECT * FROM news();
UPDATE tenancy.organizations SET name = 'Umbrella Inc.' WHERE slug = 'umbrella';
UPDATE tenancy.workspaces SET name = 'W.' WHERE slug = 'w';
UPDATE tenancy.users SET active = false WHERE email = 'u@umbrella.test';
UPDATE tenancy.roles SET description = 'reads' WHERE name = 'auditor';
UPDATE tenancy.organization_members SET role_id = '00000000-0000-4000-8000-000000000002' WHERE organization_id = 'eeeeeeee-0000-4000-8000-000000000000';
UPDATE tenancy.workspace_members SET role_id = '00000000-0000-4000-8000-000000000013' WHERE organization_id = 'eeeeeeee-0000-4000-8000-000000000000';
UPDATE tenancy.grants SET allowed = false WHERE organization_id = 'eeeeeeee-0000-4000-8000-000000000000';
UPDATE tenancy.visibility SET all_rows = false WHERE organization_id = 'eeeeeeee-0000-4000-8000-000000000000';
UPDATE tenancy.workspace_overrides SET allowed = false WHERE organization_id = 'eeeeeeee-0000-4000-8000-000000000000';
UPDATE tenancy.api_keys SET revoked_at = now() WHERE organization_id = 'eeeeeeee-0000-4000-8000-000000000000';
UPDATE tenancy.api_keys SET deleted_at = now() WHERE organization_id = 'eeeeeeee-0000-4000-8000-000000000000';
UPDATE tenancy.api_key_secrets SET secret_hash = sha256('two') WHERE secret_hash = sha256('one');
UPDATE tenancy.api_key_scopes SET action = 'list' WHERE api_key_id = 'eeeeeeee-0000-4000-8000-000000000004';
UPDATE tenancy.jwt_keys SET created_at = created_at - interval '1 day' WHERE kid = 'kid';
UPDATE tenancy.jwt_issuers SET audience = 'a' WHERE issuer = 'issuer';
UPDATE tenancy.login_bindings SET trusted = true WHERE login = 'regress_plain'::regrole;
UPDATE tenancy.permissions SET description = 'y' WHERE resource = 'umbrellas';
UPDATE tenancy.protected_tables SET owner_column = 'name' WHERE relation = 'app.secrets'::regclass;
SELECT * FROM news();
CALL look();
-- A row that moves to another organization is deleted in one and created in the other: neither sees the other's part.
UPDATE tenancy.workspace_overrides SET organization_id = 'bbbbbbbb-0000-4000-8000-000000000000' WHERE organization_id = 'eeeeeeee-0000-4000-8000-000000000000';
SELECT action, resource_type, left(organization_id::text, 4) AS organization, left(before ->> 'organization_id', 4) AS before, left(after ->> 'organization_id', 4) AS after
FROM tenancy.audit_log WHERE audit_id > (SELECT max(audit_id) FROM looked) ORDER BY audit_id;
CALL look();
-- Cascades, whose cause comes first
DELETE FROM tenancy.protected_tables WHERE relation = 'app.secrets'::regclass;
DELETE FROM tenancy.permissions WHERE resource = 'umbrellas';
DELETE FROM tenancy.organizations WHERE slug = 'umbrella';
DELETE FROM tenancy.users WHERE email = 'u@umbrella.test';
SELECT action, resource_type, left(organization_id::text, 4) AS organization, before IS NOT NULL AS before, after IS NOT NULL AS after
FROM tenancy.audit_log WHERE audit_id > (SELECT max(audit_id) FROM looked)
ORDER BY organization_id IS NULL, resource_type NOT IN ('organization', 'api_key'), resource_type, audit_id;
SELECT resource_type FROM tenancy.audit_log WHERE audit_id > (SELECT max(audit_id) FROM looked) AND organization_id IS NOT NULL ORDER BY audit_id LIMIT 1;
CALL look();
-- TRUNCATE: in all, and for each organization
BEGIN;
TRUNCATE tenancy.api_key_scopes, tenancy.workspace_members, tenancy.login_bindings;
SELECT action, resource_type, left(organization_id::text, 4) AS organization, before FROM tenancy.audit_log
WHERE audit_id > (SELECT max(audit_id) FROM looked) AND action = 'truncate' ORDER BY resource_type, 3;
SELECT * FROM tenancy.verify_audit_log();
ROLLBACK;
-- A rolled-back change leaves nothing.
BEGIN;
SAVEPOINT s;
UPDATE tenancy.organizations SET name = 'x' WHERE slug = 'acme';
ROLLBACK TO s;
UPDATE tenancy.organizations SET name = 'y' WHERE slug = 'acme';
SELECT * FROM news();
ROLLBACK;
SELECT * FROM news();
SELECT * FROM tenancy.verify_audit_log();

-- Secrets and their hashes are nowhere.
SELECT count(*) FROM tenancy.audit_log l,
  LATERAL (SELECT s.secret FROM secrets s UNION ALL VALUES (:'secret'), (:'rotated'), (:'rotated_again'), ('secret_hash')
           UNION ALL SELECT encode(h, e) FROM (SELECT secret_hash FROM tenancy.api_key_secrets UNION ALL SELECT sha256(convert_to(secret, 'UTF8')) FROM secrets
             UNION ALL VALUES (sha256(:'secret')), (sha256(:'rotated')), (sha256('one')), (sha256('two'))) v (h), unnest(ARRAY['hex', 'base64']) e) x (needle)
WHERE concat_ws(' ', l.before, l.after, l.actor, l.resource_id) LIKE '%' || needle || '%';

-- The actor
CREATE FUNCTION act(who text, command text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  EXECUTE command;
  PERFORM set_config('tenancy.user', '', true), set_config('tenancy.api_key', '', true);
END
$$;
SET SESSION AUTHORIZATION regress_app;
SELECT act('olivia', $$SELECT tenancy.create_workspace(NULL, 'made by olivia')$$);
SELECT act('acme master', $$SELECT tenancy.set_setting(NULL, 'members_view_logs', false)$$);
SELECT act('olivia', $$SELECT tenancy.set_organization_role(NULL, 'mona@acme.test', 'owner')$$);
-- The entry of a principal that removes itself names that principal.
SELECT act('mona', $$SELECT tenancy.set_organization_role(NULL, 'mona@acme.test', 'member')$$);
RESET SESSION AUTHORIZATION;
-- A credential that doesn't hold neither stops a DBA nor hides one.
SET tenancy.api_key = 'pgt_nonsense';
UPDATE tenancy.organizations SET name = 'Acme!' WHERE slug = 'acme';
RESET tenancy.api_key;
SET tenancy."user" = 'olivia@acme.test';
UPDATE tenancy.organizations SET name = 'Acme' WHERE slug = 'acme';
RESET tenancy."user";
SELECT actor_kind, regexp_replace(replace(actor, session_user, '(superuser)'), 'pgt_\w*', 'pgt_####') AS actor, left(actor_id::text, 4) AS actor_id,
       replace(login, session_user, '(superuser)') AS login, action, resource_type
FROM tenancy.audit_log WHERE audit_id > (SELECT max(audit_id) FROM looked) ORDER BY audit_id;

-- Visibility of entries
\set ECHO none
CREATE FUNCTION reads(who text) RETURNS TABLE (organization text, others boolean, several boolean) LANGUAGE plpgsql AS $$
BEGIN
  CALL app.become(who, true);
  RETURN QUERY SELECT left(min(l.organization_id::text), 4), bool_or(l.organization_id IS DISTINCT FROM tenancy.current_organization_id()), count(*) > 5 FROM tenancy.audit_log l;
END
$$;
\set ECHO all
SET SESSION AUTHORIZATION regress_app;
SELECT who, r.* FROM unnest(ARRAY['olivia', 'adam', 'mona', 'wanda', 'gus', 'acme master', 'search service', 'nobody']) who, reads(who) r;
SELECT count(*) FROM tenancy.audit_heads;
SELECT attempt('olivia', 'UPDATE tenancy.audit_log SET actor = ''x'''), attempt('olivia', 'DELETE FROM tenancy.audit_log'),
       attempt('olivia', 'INSERT INTO tenancy.audit_log (action, resource_type) VALUES (''x'', ''x'')');
SELECT attempt('olivia', 'SELECT tenancy.purge_audit_log(now())'), attempt('olivia', 'SELECT tenancy_internal.add_audit_entry(''x'', ''x'')');
SELECT attempt('olivia', 'SELECT * FROM tenancy.verify_audit_log()'), attempt('adam', 'SELECT * FROM tenancy.verify_audit_log(''acme'')');
SELECT attempt('olivia', 'SELECT * FROM tenancy.verify_audit_log(''globex'')');
SELECT attempt('mike', 'SELECT * FROM tenancy.verify_audit_log()');
RESET SESSION AUTHORIZATION;
-- A DBA who is no superuser
GRANT INSERT, UPDATE, DELETE, SELECT ON tenancy.organizations TO regress_owner;
GRANT INSERT ON tenancy.audit_log TO regress_owner;
GRANT USAGE ON TYPE tenancy.administrator TO regress_owner;
SET SESSION AUTHORIZATION regress_owner;
SELECT count(DISTINCT organization_id) > 2 AS others, count(*) FILTER (WHERE organization_id IS NULL) > 0 AS none FROM tenancy.audit_log;
SELECT * FROM tenancy.verify_audit_log();
-- A DBA's own entry names the DBA; pretending to be a restore doesn't help.
SELECT set_config('check_function_bodies', 'off', false), set_config('search_path', '', false);
UPDATE tenancy.organizations SET name = 'Acme Ltd.' WHERE slug = 'acme';
INSERT INTO tenancy.organizations (slug, name) VALUES ('secret', 'Secret');
INSERT INTO tenancy.audit_log (at, organization_id, actor_kind, actor, login, action, resource_type, entry_hash)
VALUES ('2000-01-01', 'aaaaaaaa-0000-4000-8000-000000000000', 'user', 'olivia@acme.test', 'x', 'update', 'role', '\x00');
RESET check_function_bodies;
SET search_path = app;
RESET SESSION AUTHORIZATION;
SELECT actor_kind, actor, login, action, resource_type, at > '2001-01-01' AS at_is_now FROM tenancy.audit_log WHERE login = 'regress_owner' ORDER BY audit_id;
SELECT * FROM tenancy.verify_audit_log();

REVOKE ALL ON tenancy.organizations, tenancy.audit_log FROM regress_owner;
REVOKE USAGE ON TYPE tenancy.administrator FROM regress_owner;

-- Append-only, for a superuser too
SELECT state, message, hint FROM (VALUES
  ('UPDATE tenancy.audit_log SET actor = ''x'''), ('DELETE FROM tenancy.audit_log'), ('TRUNCATE tenancy.audit_log'),
  ('UPDATE tenancy.audit_heads SET entry_hash = ''x'''), ('UPDATE tenancy.audit_heads SET anchor_audit_id = audit_id, anchor_hash = entry_hash'),
  ('DELETE FROM tenancy.audit_heads'), ('TRUNCATE tenancy.audit_heads')) v (command), failure(command);
SET session_replication_role = replica;
SELECT failure('DELETE FROM tenancy.audit_log');
RESET session_replication_role;

-- Tampering, with triggers off
\set ECHO none
CREATE FUNCTION tamper(command text) RETURNS TABLE (entry bigint, problem text) LANGUAGE plpgsql AS $$
BEGIN
  -- entries 1, 2, 3 … of acme are what is counted
  CREATE TEMPORARY TABLE entry ON COMMIT DROP AS
  SELECT row_number() OVER (ORDER BY l.audit_id) AS n, row_number() OVER (ORDER BY l.audit_id DESC) AS from_end, l.audit_id
  FROM tenancy.audit_log l WHERE l.organization_id = 'aaaaaaaa-0000-4000-8000-000000000000';
  ALTER TABLE tenancy.audit_log DISABLE TRIGGER USER, ALTER audit_id SET GENERATED BY DEFAULT;
  EXECUTE command;
  ALTER TABLE tenancy.audit_log ENABLE TRIGGER USER;
  RETURN QUERY SELECT e.n, v.problem FROM tenancy.verify_audit_log('acme') v LEFT JOIN entry e USING (audit_id) ORDER BY 1, 2;
END
$$;
\set ECHO all
BEGIN; SELECT problem, entry FROM tamper($$UPDATE tenancy.audit_log SET actor = 'x' FROM entry e WHERE n = 5 AND audit_log.audit_id = e.audit_id$$); ROLLBACK;
BEGIN; SELECT problem, entry FROM tamper($$UPDATE tenancy.audit_log SET at = at + '1 s' FROM entry e WHERE n = 5 AND audit_log.audit_id = e.audit_id$$); ROLLBACK;
BEGIN; SELECT problem, entry FROM tamper($$UPDATE tenancy.audit_log l SET actor = 'x', entry_hash = tenancy_internal.audit_entry_hash((SELECT (l.audit_id, l.at, l.organization_id, l.workspace_id, l.actor_kind, l.actor_id, 'x', l.login, l.client_address, l.action, l.resource_type, l.resource_id, l.before, l.after, l.previous_hash, NULL, l.outcome, l.request_id, l.user_agent, l.chain_id, l.transaction_id)::tenancy.audit_log)) FROM entry e WHERE n = 5 AND l.audit_id = e.audit_id$$); ROLLBACK;
BEGIN; SELECT problem, entry FROM tamper($$DELETE FROM tenancy.audit_log USING entry e WHERE n = 5 AND audit_log.audit_id = e.audit_id$$); ROLLBACK;
BEGIN; SELECT problem, entry FROM tamper($$DELETE FROM tenancy.audit_log USING entry e WHERE n = 1 AND audit_log.audit_id = e.audit_id$$); ROLLBACK;
BEGIN; SELECT problem FROM tamper($$DELETE FROM tenancy.audit_log USING entry e WHERE from_end <= 2 AND audit_log.audit_id = e.audit_id$$); ROLLBACK;
BEGIN; SELECT problem, entry > 50 AS last FROM tamper($$DELETE FROM tenancy.audit_log USING entry e WHERE audit_log.audit_id = e.audit_id$$); ROLLBACK;
BEGIN; SELECT problem, entry FROM tamper($$UPDATE tenancy.audit_log l SET audit_id = -e.audit_id FROM entry e WHERE n IN (5, 6) AND l.audit_id = e.audit_id$$); ROLLBACK;
BEGIN; SELECT problem, entry IS NULL AS added FROM tamper($$INSERT INTO tenancy.audit_log OVERRIDING SYSTEM VALUE SELECT 1000000000, at, organization_id, workspace_id, actor_kind, actor_id, actor, login, client_address, action, resource_type, resource_id, before, after, previous_hash, entry_hash FROM tenancy.audit_log JOIN entry USING (audit_id) WHERE n = 5$$); ROLLBACK;
-- A tail that is gone stays found after more is written.
BEGIN;
SELECT problem FROM tamper($$DELETE FROM tenancy.audit_log USING entry e WHERE from_end = 1 AND audit_log.audit_id = e.audit_id$$);
UPDATE tenancy.organizations SET name = 'after' WHERE slug = 'acme';
SELECT problem FROM tenancy.verify_audit_log('acme');
ROLLBACK;
SELECT * FROM tenancy.verify_audit_log();
-- Settings of the session don't matter.
SET TimeZone = 'Asia/Kathmandu';
SET DateStyle = 'SQL, DMY';
SET IntervalStyle = 'sql_standard';
SET extra_float_digits = -10;
SELECT * FROM tenancy.verify_audit_log();
RESET TimeZone; RESET DateStyle; RESET IntervalStyle; RESET extra_float_digits;

-- It writes nothing.
BEGIN READ ONLY;
SELECT * FROM tenancy.verify_audit_log();
COMMIT;

-- Purging
SELECT tenancy.purge_audit_log(NULL);
SELECT tenancy.purge_audit_log(now(), 'nowhere');
SELECT tenancy.purge_audit_log('1999-01-01');
SELECT audit_id AS middle, at AS until FROM tenancy.audit_log WHERE organization_id = 'aaaaaaaa-0000-4000-8000-000000000000' ORDER BY audit_id OFFSET 5 LIMIT 1 \gset
SELECT tenancy.purge_audit_log(:'until', 'acme');
SELECT min(audit_id) = :middle AS from_there FROM tenancy.audit_log WHERE organization_id = 'aaaaaaaa-0000-4000-8000-000000000000';
SELECT l.action, l.resource_type, l.after ->> 'removed' AS removed, (l.after ->> 'before')::timestamptz = :'until' AS until,
       l.after ->> 'last_entry_hash' = encode(first.previous_hash, 'hex') AS anchored
FROM tenancy.audit_log l, tenancy.audit_log first WHERE l.action = 'purge' AND first.audit_id = :middle ORDER BY l.audit_id DESC LIMIT 1;
SELECT * FROM tenancy.verify_audit_log();
SELECT failure('DELETE FROM tenancy.audit_log');
-- Of an organization that is gone, by its id; then everything, in one transaction with a change
SELECT tenancy.purge_audit_log(now(), 'eeeeeeee-0000-4000-8000-000000000000') > 20 AS purged;
BEGIN;
UPDATE tenancy.organizations SET name = 'Acme & Co.' WHERE slug = 'acme';
SELECT tenancy.purge_audit_log(clock_timestamp()) > 50 AS purged;
SELECT * FROM tenancy.verify_audit_log();
COMMIT;
SELECT DISTINCT action, resource_type FROM tenancy.audit_log;
SELECT * FROM tenancy.verify_audit_log();
DELETE FROM tenancy.organizations WHERE slug IN ('secret', 'initech');

-- Each filter has its index, with the time.
SELECT substring(indexdef FROM 'btree (.*)') AS columns FROM pg_indexes WHERE schemaname = 'tenancy' AND tablename = 'audit_log' ORDER BY 1;

-- Who may write any data may set the sequence, and does not thereby stop changes, or the order of entries.
CREATE ROLE regress_writer;
GRANT pg_write_all_data TO regress_writer;
CREATE FUNCTION set_to(value bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN PERFORM setval(''tenancy.audit_log_audit_id_seq'', value); END';
ALTER FUNCTION set_to OWNER TO regress_writer;
SELECT max(audit_id) AS last FROM tenancy.audit_log \gset
UPDATE tenancy.organizations SET name = 'Acme' WHERE slug = 'acme';
SELECT set_to(9223372036854775807);
UPDATE tenancy.organizations SET name = 'Acme 1' WHERE slug = 'acme';
SELECT set_to(9223372036854775806);
UPDATE tenancy.organizations SET name = 'Acme 2' WHERE slug = 'acme';
SELECT set_to(1);
UPDATE tenancy.organizations SET name = 'Acme 3' WHERE slug = 'acme';
SELECT set_to(5000000000000000);
UPDATE tenancy.organizations SET name = 'Acme 4' WHERE slug = 'acme';
UPDATE tenancy.organizations SET name = 'Acme' WHERE slug = 'acme';
-- In steps that are let pass one by one, neither
BEGIN;
DO $$
DECLARE
  step bigint;
BEGIN
  FOR step IN 1..20 LOOP
    PERFORM set_to((SELECT max(audit_id) + 999999999999000 FROM tenancy.audit_log));
    UPDATE tenancy.organizations SET name = format('Acme in step %s', step) WHERE slug = 'acme';
  END LOOP;
END
$$;
SELECT max(audit_id) < :last + 100 AS all_low FROM tenancy.audit_log;
ROLLBACK;
SELECT count(*), bool_and(audit_id < :last + 100) AS all_low, array_agg(after ->> 'name' ORDER BY audit_id) FROM tenancy.audit_log WHERE audit_id > :last;
SELECT * FROM tenancy.verify_audit_log();
DROP FUNCTION set_to;
REVOKE pg_write_all_data FROM regress_writer;
DROP ROLE regress_writer;
