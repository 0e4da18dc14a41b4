-- Statements that an attacker's code tries wherever it runs, each by itself and rolled back. In statements, {me} is the attacker,
-- {g} and {u} the first digits of the foreign organizations' ids.

CREATE TABLE attacks.payloads (
  n int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  goal text NOT NULL,
  -- query: must fail; dml: must fail or touch no row; utility: must fail; read: may succeed without a canary
  kind text NOT NULL CHECK (kind IN ('query', 'dml', 'utility', 'read')),
  statement text NOT NULL,
  -- logins that may do so
  except_of text NOT NULL DEFAULT '-'
);
GRANT SELECT ON attacks.payloads TO PUBLIC;

INSERT INTO attacks.payloads (goal, kind, except_of, statement) VALUES
  ('be a DBA', 'query', 'att_dba', 'SELECT 1 / tenancy.is_dba()::int'),
  ('be a DBA', 'query', 'att_dba', 'SELECT tenancy.trust_login(''{me}'')'),
  ('be a DBA', 'query', 'att_dba', 'SELECT tenancy.bind_login(''{me}'', ''{g}-0000-4000-8000-00000000000a'')'),
  ('be a DBA', 'query', 'att_dba', 'SELECT tenancy.unbind_login(''att_app'')'),
  ('be a DBA', 'query', 'att_dba', 'SELECT tenancy.create_user(''evil@evil.test'')'),
  ('be a DBA', 'query', 'att_(dba|sign_up)', 'SELECT organization_id FROM tenancy.create_organization(''Evil'', ''evil@evil.test'')'),
  ('be a DBA', 'query', 'att_dba', 'SELECT api_key_id FROM tenancy.create_api_key(''organization_service_key'', ''evil'', ''{g}-0000-4000-8000-000000000000'', scopes => ''"all"'')'),
  ('be a DBA', 'query', 'att_dba', 'SELECT tenancy.rotate_api_key(''{g}-0000-4000-8000-000000000006'', ''0'')'),
  ('be a DBA', 'query', 'att_dba', 'SELECT tenancy.revoke_api_key(''{g}-0000-4000-8000-000000000006'')'),
  ('be a DBA', 'query', 'att_dba', 'SELECT tenancy.update_api_key(''{g}-0000-4000-8000-000000000006'', scopes => ''[]'')'),
  ('be a DBA', 'query', 'att_dba', 'SELECT tenancy.create_workspace(''{g}-0000-4000-8000-000000000000'', ''Evil'')'),
  ('be a DBA', 'query', 'att_dba', 'SELECT tenancy.set_organization_role(''{g}-0000-4000-8000-000000000000'', ''mike@acme.test'', ''owner'')'),
  ('be a DBA', 'query', 'att_dba', 'SELECT tenancy.set_setting(''{g}-0000-4000-8000-000000000000'', ''members_view_all_data'', false)'),
  ('be a DBA', 'query', 'att_dba', 'SELECT tenancy.set_jwks(''{g}-0000-4000-8000-000000000000'', NULL)'),
  ('be a DBA', 'query', 'att_dba', 'SELECT tenancy.register_permission(''evil'', ''view'', ''x'')'),
  ('be a DBA', 'query', 'att_dba', 'SELECT count(*) FROM tenancy.advise()'),
  ('be a DBA', 'query', 'att_dba', 'SELECT count(*) FROM tenancy.export_organization(''{g}-0000-4000-8000-000000000000'')'),
  ('be a DBA', 'query', 'att_dba', 'SELECT tenancy.close_organization(''{g}-0000-4000-8000-000000000000'')'),
  ('be a DBA', 'query', 'att_dba', 'SELECT count(*) FROM tenancy.purge_organization(''{u}-0000-4000-8000-000000000000'')'),
  ('be a DBA', 'query', 'att_dba', 'SELECT tenancy.purge_audit_log(now())'),
  ('be a DBA', 'query', 'att_dba', 'SELECT tenancy_steps.begin_simulation(''SELECT 1'', ''{g}-0000-4000-8000-00000000000a'', NULL, ''att_app'')'),
  ('be a DBA', 'query', 'att_dba', 'SELECT tenancy.delete_workspace(''{u}-0000-4000-8000-000000000002'')'),
  ('be a DBA', 'dml', 'att_dba', 'INSERT INTO tenancy.login_bindings (login, trusted) VALUES (''{me}'', true)'),
  ('be a DBA', 'dml', 'att_dba', 'UPDATE tenancy.login_bindings SET trusted = true'),
  ('be a DBA', 'dml', 'att_dba', 'UPDATE tenancy.api_key_secrets SET secret_hash = sha256(''evil'') WHERE api_key_id = ''{g}-0000-4000-8000-000000000006'''),
  ('be a DBA', 'dml', 'att_dba', 'DELETE FROM tenancy.api_key_secrets WHERE api_key_id = ''{g}-0000-4000-8000-000000000006'''),
  ('be a DBA', 'dml', 'att_dba', 'INSERT INTO tenancy.users (email) VALUES (''evil@evil.test'')'),
  ('be a DBA', 'dml', 'att_dba', 'INSERT INTO tenancy.organizations (slug, name) VALUES (''evil'', ''Evil'')'),
  ('be a DBA', 'dml', 'att_dba', 'INSERT INTO tenancy.grants (role_id, organization_id, resource, action) SELECT role_id, ''{g}-0000-4000-8000-000000000000'', ''logs'', ''view'' FROM tenancy.roles LIMIT 1'),
  ('be a DBA', 'dml', 'att_dba', 'DELETE FROM tenancy.permissions WHERE resource = ''billing'''),
  ('be a DBA', 'dml', 'att_dba', 'INSERT INTO tenancy.permissions (resource, action, description) VALUES (''evil'', ''view'', ''x'')'),
  ('be a DBA', 'dml', 'att_dba', 'UPDATE tenancy.setting_definitions SET description = ''x'''),
  ('be a DBA', 'dml', 'att_dba', 'DELETE FROM tenancy.protected_tables'),
  ('be a DBA', 'dml', 'att_dba', 'DELETE FROM tenancy.scoped_views'),
  ('be a DBA', 'dml', 'att_dba', 'INSERT INTO tenancy.scoped_views VALUES (''app.recent'', ''app.logs'')'),
  ('be a DBA', 'dml', 'att_dba', 'UPDATE tenancy.protected_tables SET workspace_column = ''n'''),
  ('blind', 'dml', 'att_dba', 'DELETE FROM tenancy.organization_members'),
  ('blind', 'dml', 'att_dba', 'DELETE FROM tenancy.workspaces'),
  ('forge', 'dml', '-', 'SET LOCAL check_function_bodies = off; SET LOCAL search_path = ''''; INSERT INTO tenancy.audit_log (audit_id, at, actor_kind, actor, login, action, resource_type, resource_id, entry_hash) OVERRIDING SYSTEM VALUE VALUES (900001, ''2001-01-01'', ''login'', ''postgres'', ''postgres'', ''forged'', ''organization'', ''x'', ''\x00''); SELECT 1 FROM tenancy.audit_log WHERE action = ''forged'' AND at < ''2002-01-01'''),
  ('forge', 'dml', 'att_dba', 'INSERT INTO tenancy.audit_log (action, resource_type) VALUES (''forged'', ''x'')'),
  ('forge', 'query', '-', 'SELECT tenancy_internal.add_audit_entry(''forged'', ''organization'', ''x'', ''{g}-0000-4000-8000-000000000000'')'),
  ('forge', 'dml', '-', 'DELETE FROM tenancy.audit_log'),
  ('forge', 'dml', 'att_dba', 'UPDATE tenancy.audit_heads SET audit_id = 0'),
  ('forge', 'dml', 'att_dba', 'INSERT INTO tenancy.audit_heads (organization_id) VALUES (gen_random_uuid())'),
  ('open', 'query', 'att_owner', 'SELECT tenancy.unprotect(''app.logs'')'),
  ('open', 'query', 'att_owner', 'SELECT tenancy.protect(''app.logs'', ''prompts'', workspace => ''workspace_id'')'),
  ('open', 'query', '-', 'SELECT tenancy.unprotect(''observability.logs'')'),
  ('open', 'query', '-', 'SELECT tenancy.protect(''theirs.notes'', ''logs'', organization => ''owner'')'),
  ('open', 'query', 'att_owner', 'SELECT tenancy.create_scoped_view(''app.docs'', ''{me}.stolen'')'),
  ('open', 'utility', '-', 'ALTER TABLE app.logs NO FORCE ROW LEVEL SECURITY'),
  ('open', 'utility', '-', 'ALTER TABLE app.logs DISABLE ROW LEVEL SECURITY'),
  ('open', 'utility', '-', 'CREATE POLICY evil ON app.logs USING (true)'),
  ('open', 'utility', '-', 'DROP POLICY tenancy_select ON app.logs'),
  ('open', 'utility', '-', 'DROP POLICY principal ON tenancy.users'),
  ('open', 'utility', '-', 'SET LOCAL tenancy.guard_rails = off'),
  ('open', 'utility', '-', 'SET LOCAL tenancy.specialize = off'),
  ('open', 'utility', '-', 'ALTER EVENT TRIGGER tenancy_ddl DISABLE'),
  ('open', 'utility', '-', 'CREATE FUNCTION tenancy.evil() RETURNS int LANGUAGE sql AS ''SELECT 1'''),
  ('open', 'utility', '-', 'ALTER FUNCTION tenancy.is_dba() OWNER TO {me}'),
  ('open', 'dml', '-', 'GRANT INSERT ON tenancy.organizations TO att_web; SELECT 1 WHERE has_table_privilege(''att_web'', ''tenancy.organizations'', ''INSERT'')'),
  ('open', 'dml', '-', 'GRANT USAGE ON TYPE tenancy.administrator TO att_web; SELECT 1 WHERE has_type_privilege(''att_web'', ''tenancy.administrator'', ''USAGE'')'),
  ('open', 'utility', '-', 'CREATE TABLE {me}.open_parent (LIKE app.logs); ALTER TABLE app.logs INHERIT {me}.open_parent'),
  ('open', 'utility', 'att_owner', 'ALTER TABLE app.docs DISABLE TRIGGER ALL'),
  ('open', 'utility', 'att_owner', 'ALTER TABLE app.logs RENAME COLUMN organization_id TO former'),
  ('open', 'utility', '-', 'DROP EXTENSION pg_tenancy CASCADE'),
  ('be superuser', 'utility', '-', 'ALTER ROLE {me} SUPERUSER'),
  ('be superuser', 'utility', '-', 'ALTER ROLE {me} BYPASSRLS'),
  ('be superuser', 'utility', '-', 'CREATE ROLE evil_{me} SUPERUSER'),
  ('be superuser', 'utility', '-', 'GRANT pg_execute_server_program TO {me}'),
  ('be superuser', 'utility', '-', 'GRANT att_other TO {me}'),
  ('be superuser', 'utility', '-', 'SET LOCAL ROLE postgres'),
  ('be superuser', 'utility', '-', 'CREATE TRIGGER evil AFTER UPDATE ON tenancy.users FOR EACH ROW EXECUTE FUNCTION {me}.trigger_function()'),
  -- Cursors return rows with the rights of whoever has opened them.
  ('be superuser', 'query', '-', 'SELECT {me}.fetched()'),
  ('be superuser', 'utility', '-', 'SET LOCAL session_replication_role = replica'),
  ('be superuser', 'query', 'att_etl', 'SELECT count(*) FROM pg_authid'),
  ('be superuser', 'query', '-', 'SELECT length(pg_read_file(''postgresql.conf''))'),
  ('be superuser', 'query', 'att_etl', 'SELECT count(*) FROM attacks.secrets'),
  ('change', 'dml', '-', 'UPDATE app.logs SET body = ''x'' WHERE organization_id = ''{g}-0000-4000-8000-000000000000'''),
  ('change', 'dml', '-', 'DELETE FROM app.docs WHERE organization_id = ''{g}-0000-4000-8000-000000000000'''),
  ('change', 'dml', '-', 'DELETE FROM app.events_1 WHERE organization_id = ''{g}-0000-4000-8000-000000000000'''),
  ('change', 'dml', '-', 'INSERT INTO app.logs (organization_id, workspace_id, body) VALUES (''{g}-0000-4000-8000-000000000000'', ''{g}-0000-4000-8000-000000000002'', ''x'')'),
  ('change', 'dml', '-', 'UPDATE theirs.notes SET body = ''x'''),
  ('change', 'utility', 'att_owner', 'TRUNCATE app.logs'),
  ('read', 'read', '-', 'SELECT string_agg(body, '' '') FROM app.logs'),
  ('read', 'read', '-', 'SELECT string_agg(title || body, '' '') FROM app.docs'),
  ('read', 'read', '-', 'SELECT string_agg(body, '' '') FROM app.docs_scoped'),
  ('read', 'read', '-', 'SELECT string_agg(body, '' '') FROM app.events'),
  ('read', 'read', '-', 'SELECT string_agg(body, '' '') FROM app.events_2'),
  ('read', 'read', '-', 'SELECT string_agg(body, '' '') FROM app.tickets'),
  ('read', 'read', '-', 'SELECT string_agg(body, '' '') FROM app.texts'),
  ('read', 'read', '-', 'SELECT string_agg(body, '' '') FROM app.recent'),
  ('read', 'read', '-', 'SELECT string_agg(body, '' '') FROM app.guarded'),
  ('read', 'read', '-', 'SELECT app.report()'),
  ('read', 'read', '-', 'SELECT app.report_sql()'),
  ('read', 'read', '-', 'SELECT string_agg(l::text, '' '') FROM observability.log_entries l'),
  ('read', 'read', '-', 'SELECT string_agg(l::text, '' '') FROM observability.traces l'),
  ('read', 'read', '-', 'SELECT string_agg(l::text, '' '') FROM observability.traces_scoped l'),
  ('read', 'read', '-', 'SELECT string_agg(l::text, '' '') FROM observability.analytics l'),
  ('read', 'read', '-', 'SELECT string_agg(body, '' '') FROM theirs.notes'),
  ('read', 'read', '-', 'SELECT string_agg(row_to_json(w)::text, '' '') FROM tenancy.whoami() w'),
  ('read', 'query', 'att_dba', 'SELECT string_agg(encode(secret_hash, ''hex''), '' '') FROM tenancy.api_key_secrets'),
  ('read', 'read', 'att_app', 'SELECT set_config(''tenancy.api_key'', '''', true) || set_config(''tenancy.user'', ''{g}-0000-4000-8000-00000000000a'', true) || (SELECT string_agg(body, '' '') FROM app.logs)');
INSERT INTO attacks.payloads (goal, kind, statement, except_of)
SELECT 'read', 'read', format('SELECT string_agg(t::text, '' '') FROM %s.%I t', c.relnamespace::regnamespace, c.relname), 'att_dba'
FROM pg_class c WHERE c.relnamespace::regnamespace::text IN ('tenancy', 'tenancy_internal') AND c.relkind IN ('r', 'v');
UPDATE attacks.payloads SET statement = replace(replace(statement, '{g}', current_setting('attacks.g')), '{u}', current_setting('attacks.u'));

-- Functions of an attacker in a schema: act() tries everything, if it is armed; f() is what indexes want.
CREATE FUNCTION attacks.code(schema text, me text) RETURNS text LANGUAGE sql AS $code$
  SELECT replace(replace($$
CREATE FUNCTION {s}.act() RETURNS void VOLATILE LANGUAGE plpgsql AS $act$
DECLARE
  payload record;
  outcome text;
  touched bigint;
  found int := 0;
  me text := format('%s of %s;', current_user, session_user);
BEGIN
  IF current_setting('attacks.armed', true) IS DISTINCT FROM 'on' THEN RETURN; END IF;
  -- Twice as each is enough: code is planned, and then it is run.
  IF cardinality(string_to_array(current_setting('attacks.acted', true), me)) > 2 THEN RETURN; END IF;
  PERFORM set_config('attacks.armed', 'off', true), set_config('attacks.acted', concat(current_setting('attacks.acted', true), me), true);
  -- Of a level that no setting hides
  RAISE INFO '@acting as %, %', current_user, session_user;
  FOR payload IN SELECT p.n, p.goal, p.kind, p.statement FROM attacks.payloads p WHERE NOT '{me}' ~ p.except_of ORDER BY p.goal <> 'be superuser', p.n LOOP
    BEGIN
      IF payload.kind IN ('query', 'read') THEN
        EXECUTE replace(payload.statement, '{me'||'}', '{me}') INTO outcome;
        IF payload.kind = 'query' AND outcome IS NULL THEN RAISE EXCEPTION 'nothing'; END IF;
      ELSE
        EXECUTE replace(payload.statement, '{me'||'}', '{me}');
        GET DIAGNOSTICS touched = ROW_COUNT;
        outcome := touched || ' rows';
        IF payload.kind = 'dml' AND touched = 0 THEN RAISE EXCEPTION 'no rows'; END IF;
      END IF;
      RAISE EXCEPTION USING ERRCODE = 'ATTAK', MESSAGE = coalesce(outcome, '');
    EXCEPTION WHEN SQLSTATE 'ATTAK' THEN
      IF payload.kind <> 'read' OR SQLERRM ~ 'canary|SCRAM' THEN
        found := found + 1;
        RAISE INFO '@% %: payload % as %: %: %', CASE WHEN payload.kind = 'read' THEN 'got' ELSE 'found' END, payload.goal, payload.n, current_user, payload.statement, SQLERRM;
      END IF;
    WHEN OTHERS THEN
      IF SQLERRM ~ 'canary|SCRAM' THEN RAISE INFO '@got error: payload %: %', payload.n, SQLERRM; END IF;
    END;
    -- That is enough to know.
    EXIT WHEN found > 5;
  END LOOP;
  PERFORM set_config('attacks.armed', 'on', true);
END
$act$;
CREATE FUNCTION {s}.fetched() RETURNS text LANGUAGE plpgsql AS $f$
DECLARE
  one refcursor;
  one_row record;
BEGIN
  FOREACH one IN ARRAY ARRAY(SELECT c.name FROM pg_cursors c WHERE c.name !~ '^evil' AND c.statement !~ 'attacks[.]payloads') LOOP
    BEGIN
      FETCH one INTO one_row;
      IF FOUND THEN RETURN one_row::text; END IF;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
  RETURN NULL;
END
$f$;
CREATE FUNCTION {s}.f(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $f$ DECLARE nothing text; BEGIN SELECT {s}.act()::text INTO nothing; RETURN i; END $f$;
CREATE FUNCTION {s}.d(i int) RETURNS int IMMUTABLE SECURITY DEFINER LANGUAGE plpgsql AS $f$ DECLARE nothing text; BEGIN SELECT {s}.act()::text INTO nothing; RETURN i; END $f$;
CREATE FUNCTION {s}.trigger_function() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN PERFORM {s}.act(); RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END; END $f$;
CREATE FUNCTION {s}.definer_trigger() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $f$ BEGIN PERFORM {s}.act(); RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END; END $f$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {s} TO PUBLIC;
$$, '{s}', schema), '{me}', me)
$code$;
