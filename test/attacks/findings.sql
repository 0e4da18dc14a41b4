-- Attacks that once went through, by name, as small as they get. Beside them stand their relatives, made up in the other files.

-- Errors of functions that run before the policies.
INSERT INTO attacks.cases (family, title, script, forbidden)
SELECT 'known', 'an error shows a hidden row: ' || call, format(E'@as att_web search key\nSET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexonlyscan = off;\n%s', call),
  (SELECT forbidden FROM attacks.principals WHERE principal = 'search key')
FROM unnest(ARRAY[
  'SELECT 1 FROM app.logs WHERE amount > 1000 AND tenancy.filter_id(body) IS NULL;',
  'SELECT 1 FROM app.logs WHERE tenancy.plan_guard(amount, ''infinity'', amount);',
  'SELECT 1 FROM tenancy.users WHERE tenancy.filter_id(name) IS NULL;',
  'SELECT 1 FROM tenancy.workspaces WHERE tenancy.filter_id(name) IS NULL;',
  'SELECT 1 FROM tenancy.api_keys WHERE tenancy.filter_id(name) IS NULL;',
  'SELECT 1 FROM tenancy.organizations WHERE tenancy.filter_id(name) IS NULL;',
  'SELECT 1 FROM tenancy.audit_log WHERE tenancy.filter_id(after ->> ''name'') IS NULL;',
  'SELECT 1 FROM theirs.notes WHERE tenancy.filter_id(body) IS NULL;',
  'SELECT 1 FROM theirs.notes WHERE tenancy.row_visible(body, ''view'', owner, NULL, NULL, NULL);',
  'SELECT 1 FROM theirs.notes WHERE tenancy.row_visible(''logs'', body, owner, NULL, NULL, NULL);',
  'SELECT 1 FROM theirs.notes WHERE tenancy.row_accepted(''logs'', body, owner, NULL, NULL, NULL);',
  'SELECT 1 FROM theirs.notes WHERE tenancy.shape_guard(NULL, body, NULL);',
  'SELECT 1 FROM theirs.notes WHERE tenancy.shape_guard(gen_random_uuid(), body, gen_random_uuid());',
  'SELECT 1 FROM theirs.notes WHERE tenancy.authorize(body, ''view'');']) call;

-- A DBA who is no superuser gets at what is not a tenant's.
INSERT INTO attacks.cases (family, title, script, forbidden, may)
SELECT 'known', 'a DBA exports ' || relation, format(E'@as att_dba\nSELECT organization_id IS NULL FROM tenancy.create_organization(''Evil'', ''evil@evil.test'', external_id => %L);\n' ||
  E'INSERT INTO tenancy.protected_tables (relation, resource, organization_column, row_security_before, force_before) VALUES (%L, ''logs'', %L, false, false);\nSELECT relation, "row" FROM tenancy.export_organization(''evil'', %2$L);', id, relation, id_column), 'canary_theirs|SCRAM|rolpassword|secret_hash', ARRAY['.']
FROM (VALUES ('pg_authid', 'rolname', 'att_other'), ('theirs.notes', 'owner', 'att_other'), ('tenancy.api_key_secrets', 'api_key_id', current_setting('attacks.g') || '-0000-4000-8000-000000000006'),
  ('attacks.secrets', 'name', 'globex master')) v (relation, id_column, id);
INSERT INTO attacks.cases (family, title, script, may) VALUES
  ('known', 'a DBA purges a table of somebody else''s', E'@as att_dba\nSELECT organization_id IS NULL FROM tenancy.create_organization(''Evil'', ''evil@evil.test'', external_id => ''att_other'');\n' ||
  E'INSERT INTO tenancy.protected_tables (relation, resource, organization_column, row_security_before, force_before) VALUES (''theirs.notes'', ''logs'', ''owner'', false, false);\nSELECT * FROM tenancy.purge_organization(''evil'');', '{catalog,audit,logins}');

-- Triggers and foreign keys on the extension's own tables.
INSERT INTO attacks.cases (family, title, script, may)
SELECT 'known', format('a trigger on %s.%s, %s %s', c.relnamespace::regnamespace, c.relname, v.moment, v.level), format(E'@as att_granted\n@code att_granted\nCREATE TRIGGER evil %s INSERT OR UPDATE OR DELETE ON %s.%I FOR EACH %s EXECUTE FUNCTION att_granted.trigger_function();\n@as att_dba\n@armed\n', v.moment, c.relnamespace::regnamespace, c.relname, v.level) ||
  E'SELECT organization_id IS NULL FROM tenancy.create_organization(''Another'', ''another@evil.test'');\nSELECT tenancy.set_setting(''another'', ''members_view_all_data'', false);\nSELECT tenancy.set_setting(''another'', ''members_view_logs'', false);\nSELECT tenancy.allow_workspace_overrides(''another'', ''logs'', true);\n' ||
  E'SELECT tenancy.register_permission(''things'', ''view'', ''x'');\nSELECT tenancy.create_role(''another'', ''workspace'', ''helper'', ''member'') IS NULL;\nSELECT tenancy.set_workspace_role(''another/shared-team-workspace'', ''another@evil.test'', ''member'');\nSELECT tenancy.trust_login(''att_bound'');\n' ||
  E'SELECT api_key_id IS NULL FROM tenancy.create_api_key(''organization_service_key'', ''x'', ''another'', scopes => ''["logs.view"]'');\nSELECT tenancy.set_jwks(''another'', NULL, ''x'');\nSELECT tenancy.set_jwks(''another'', ''{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'');\n' ||
  E'@as att_owner\nCREATE TABLE att_owner.w (organization_id uuid, body text);\n@armed\nSELECT tenancy.protect(''att_owner.w'', ''prompts'', organization => ''organization_id'', payload => ''{body}'');\nSELECT tenancy.create_scoped_view(''att_owner.w'', ''att_owner.v'');\nDROP TABLE att_owner.w CASCADE;\n' ||
  E'@as att_dba\n@armed\nSELECT * FROM tenancy.purge_organization(''another'');', '{catalog,audit,logins,vocabulary}'
FROM pg_class c, (VALUES ('BEFORE', 'ROW'), ('AFTER', 'ROW'), ('BEFORE', 'STATEMENT')) v (moment, level)
WHERE c.relnamespace::regnamespace::text IN ('tenancy', 'tenancy_internal') AND c.relkind = 'r' AND (v.moment = 'BEFORE' AND v.level = 'ROW' OR c.relname IN ('organizations', 'audit_log'));
INSERT INTO attacks.cases (family, title, script, jobs) VALUES
  ('known', 'the extension''s trigger functions on an own table', E'@as att_granted\nCREATE TABLE att_granted.api_keys (organization_id uuid, workspace_id uuid, api_key_id uuid); CREATE TRIGGER a AFTER INSERT ON att_granted.api_keys FOR EACH ROW EXECUTE FUNCTION tenancy_internal.audit_change(''api_key'', ''api_key_id'', ''''); INSERT INTO att_granted.api_keys VALUES (''' || current_setting('attacks.g') || E'-0000-4000-8000-000000000000'', NULL, gen_random_uuid());\n' ||
    E'CREATE TABLE att_granted.r (i int); CREATE TRIGGER r BEFORE INSERT ON att_granted.r FOR EACH STATEMENT EXECUTE FUNCTION tenancy_internal.begin_restore(); INSERT INTO att_granted.r VALUES (1);\nSELECT ''@found triggers are switched off'' WHERE current_setting(''session_replication_role'') <> ''origin'';', false),
  ('known', 'a blanket grant writes secrets', E'@as att_granted\nUPDATE tenancy.api_key_secrets SET secret_hash = sha256(''evil'') WHERE api_key_id = ''' || current_setting('attacks.g') || E'-0000-4000-8000-000000000006'';', false),
  ('known', 'a blanket grant empties the catalogs', E'@as att_granted\nTRUNCATE tenancy.organization_members CASCADE;', false);

-- Roads to more than one holds, or to less for those above.
INSERT INTO attacks.cases (family, title, script, forbidden, rights) VALUES
  ('known', 'a token of an admin''s own making', E'@as postgres\nSELECT tenancy.set_setting(''acme'', ''org_admins_view_logs'', false), tenancy.set_setting(''acme'', ''org_admins_view_logs_metadata'', false);\nCALL attacks.rights_remembered();\n@as att_app adam\nSELECT tenancy.set_jwks(NULL, (SELECT value::jsonb FROM attacks.tokens WHERE name = ''jwk''));', 'canary_globex', 'adam'),
  ('known', 'a manager restricts the organization''s admins', E'@as postgres\nSELECT tenancy.allow_workspace_overrides(''acme'', ''logs'', true);\nCALL attacks.rights_remembered();\n@as att_app mona\nSELECT tenancy.set_setting(NULL, ''org_admins_view_logs'', false, ''search''), tenancy.set_setting(NULL, ''org_admins_view_logs_metadata'', false, ''search'');', 'canary_globex', 'mona'),
  ('known', 'a user key of an owner, made by a manager', E'@as postgres\nSELECT tenancy.set_workspace_role(''acme/search'', ''olivia@acme.test'', ''member'');\nCALL attacks.rights_remembered();\n@as att_app mona\nSELECT api_key_id IS NULL FROM tenancy.create_api_key(''workspace_user_key'', ''evil'', NULL, ''search'', ''olivia@acme.test'', scopes => ''["logs.view", "prompts.view"]'');\nSELECT ''@found a key of the owner, and its secret, are hers'' FROM tenancy.api_keys WHERE name = ''evil'';', 'canary_globex', 'mona'),
  ('known', 'a user key of a member, made by a manager who sees own rows only', E'@as postgres\nSELECT tenancy.set_setting(''acme'', ''managers_view_all_data'', false);\nCALL attacks.rights_remembered();\n@as att_app mona\nSELECT secret AS s FROM tenancy.create_api_key(''workspace_user_key'', ''evil'', NULL, ''search'', ''mike@acme.test'', scopes => ''["logs.view", "logs.list"]'') \\gset\n@as att_web\nSELECT set_config(''tenancy.api_key'', :''s'', true) IS NULL;\nSELECT body FROM app.logs;', 'canary_(globex|mike)', 'mona'),
  ('known', 'a master key, and rows in others'' names', E'@as postgres\nCALL attacks.rights_remembered();\n@as att_web acme master\nSELECT tenancy.set_organization_role(NULL, ''ben@acme.test'', ''admin'');\nSELECT tenancy.set_role_visibility(NULL, ''member'', true);', 'canary_(globex|theirs)', 'acme master'),
  ('known', 'a member who comes back has its old keys', E'@as att_app olivia\nSELECT tenancy.remove_organization_member(NULL, ''mike@acme.test'');\nSELECT tenancy.set_organization_role(NULL, ''mike@acme.test'', ''member''), tenancy.set_workspace_role(''search'', ''mike@acme.test'', ''member'');\n@as att_web mike key\nSELECT ''@found the key is alive'' FROM tenancy.permissions() LIMIT 1;', 'canary_globex', NULL);

-- Crashes, and what takes for ever.
INSERT INTO attacks.cases (family, title, script, forbidden)
SELECT 'crash', call, E'@as att_app mona\n' || call, (SELECT forbidden FROM attacks.principals WHERE principal = 'mona')
FROM unnest(ARRAY[
  'SELECT 1 FROM (VALUES (gen_random_uuid())) r(w) WHERE tenancy.row_visible(''logs'', ''view'', NULL, (SELECT r.w), NULL, NULL);',
  'SELECT 1 FROM app.logs r WHERE tenancy.row_visible(''logs'', ''view'', NULL, (SELECT r.workspace_id), NULL, NULL);',
  'SELECT 1 FROM app.logs r WHERE tenancy.row_accepted(''logs'', ''insert'', NULL, (SELECT r.workspace_id), NULL, NULL);',
  'SELECT 1 FROM app.docs r WHERE tenancy.payload_visible(''prompts'', ''view'', NULL, (SELECT r.workspace_id), NULL, NULL);',
  'SELECT count(*) FROM app.logs d WHERE tenancy.authorize(''logs'', ''view'', coalesce((SELECT d.workspace_id LIMIT 1), d.workspace_id));']) call;
INSERT INTO attacks.cases (family, title, script) VALUES
  ('known', 'a reference with many slashes', E'@as att_web search key\nSELECT tenancy.authorize(''logs'', ''view'', repeat(''acme/'', 60000) || ''x'');\n\\if :ERROR\n\\else\n\\warn @found a reference without limit\n\\endif\nSELECT ''@found it takes long'' WHERE clock_timestamp() - statement_timestamp() > ''1 s'';');

-- Jobs for all, see also poison.sql; sizes.
INSERT INTO attacks.cases (family, title, script, forbidden, may)
SELECT 'size', call, E'@as ' || who || E'\n' || call || E'\n@as postgres\nSELECT * FROM attacks.oversized();', 'canary_globex', '{catalog users,audit}'
FROM (VALUES ('att_web acme master'), ('att_app olivia'), ('att_dba')) w (who), unnest(ARRAY[
  'SELECT tenancy.create_workspace(''acme'', repeat(md5(''a''), 10000), ''big'') IS NULL;',
  'SELECT tenancy.create_workspace(''acme'', ''big'', repeat(md5(''a''), 70)) IS NULL;',
  'SELECT tenancy.create_workspace(''acme'', ''big'', ''big'', repeat(md5(''a''), 70)) IS NULL;',
  'SELECT api_key_id IS NULL FROM tenancy.create_api_key(''organization_service_key'', repeat(md5(''a''), 10000), ''acme'', scopes => ''[]'');',
  'SELECT tenancy.update_api_key(''dddddddd-0000-4000-8000-000000000002'', name => repeat(md5(''a''), 10000));',
  'SELECT tenancy.create_role(''acme'', ''workspace'', repeat(''a'', 100000)) IS NULL;',
  'SELECT tenancy.set_organization_role(''acme'', repeat(''a'', 30000) || ''@evil.test'', ''member'');',
  'SELECT tenancy.set_jwks(''acme'', NULL, repeat(md5(''a''), 10000), repeat(md5(''a''), 10000));',
  'SELECT tenancy.create_user(''x'' || ''@evil.test'', repeat(md5(''a''), 10000)) IS NULL;',
  'SELECT organization_id IS NULL FROM tenancy.create_organization(repeat(md5(''a''), 10000), ''x@evil.test'', ''evil'');',
  'SELECT tenancy.register_permission(''evil'', ''view'', repeat(md5(''a''), 10000));']) call;
CREATE FUNCTION attacks.oversized() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  relation regclass;
  longest int;
BEGIN
  FOR relation IN SELECT oid FROM pg_class WHERE relnamespace IN ('tenancy'::regnamespace, 'tenancy_internal'::regnamespace) AND relkind = 'r' LOOP
    EXECUTE format('SELECT max(octet_length(t::text)) FROM %s t', relation) INTO longest;
    IF longest > 20000 THEN
      RETURN NEXT format('@found size: a row of %s with %s bytes', relation, longest);
    END IF;
  END LOOP;
END
$$;

-- Ids that tenants choose.
INSERT INTO attacks.cases (family, title, script, forbidden)
SELECT 'known', 'an external id claims rows, by ' || p.principal, format(E'@as %s %s\nSELECT tenancy.create_workspace(NULL, ''Mine'', external_id => %L) IS NULL;\nSELECT body FROM app.tickets;', p.login, p.principal, substr(current_setting('attacks.number'), 1) || '99'), p.forbidden
FROM attacks.principals p WHERE p.principal = 'acme master';

-- An organization whose chain of audit entries is another's chain of refusals and reads.
INSERT INTO attacks.cases (family, title, script, forbidden, may)
SELECT 'known', 'the audit chain of another, by ' || w.login, format(E'@as %s\nSELECT organization_id IS NULL FROM tenancy.create_organization(''Chain'', ''evil@evil.test'', organization_id => %L);\n@as postgres\nSELECT ''@found an organization is the chain of another'' FROM tenancy.organizations o JOIN tenancy.organizations p ON o.organization_id = tenancy_internal.events_chain(p.organization_id);', w.login, tenancy_internal.events_chain(o.organization_id)),
  'canary_globex', '{catalog users,audit}'
FROM (VALUES ('att_sign_up'), ('att_dba')) w (login), tenancy.organizations o;

-- Guard rails: whatever a table's owner does to it, it is closed, or what it was; and the record follows.
INSERT INTO attacks.cases (family, title, script, may)
SELECT 'rails', ddl, format(E'@as att_owner\n%s\n@as postgres\nSELECT attacks.fill();\n@as att_web\nSELECT * FROM attacks.readable();\n@as postgres\nSELECT * FROM attacks.unlike_their_record();', ddl), '{rows,protection,audit log}'
FROM unnest(ARRAY[
  'CREATE SCHEMA gap AUTHORIZATION att_owner CREATE TABLE e3 PARTITION OF app.events FOR VALUES FROM (20) TO (30);',
  'CREATE TABLE app.e3 PARTITION OF app.events FOR VALUES FROM (20) TO (30);',
  'CREATE TABLE app.e3 PARTITION OF app.events FOR VALUES FROM (20) TO (30) PARTITION BY RANGE (n); CREATE TABLE app.e4 PARTITION OF app.e3 DEFAULT;',
  'CREATE TABLE app.e3 (LIKE app.events); ALTER TABLE app.events ATTACH PARTITION app.e3 FOR VALUES FROM (20) TO (30);',
  'CREATE TABLE app.e3 () INHERITS (app.logs); GRANT ALL ON app.e3 TO PUBLIC;',
  'CREATE TABLE app.e3 (LIKE app.logs INCLUDING ALL); ALTER TABLE app.e3 INHERIT app.logs; GRANT ALL ON app.e3 TO PUBLIC;',
  'ALTER TABLE app.events DETACH PARTITION app.events_1;',
  'ALTER VIEW app.logs RENAME COLUMN workspace_id TO w2;', 'ALTER TABLE app.logs RENAME COLUMN workspace_id TO w2;', 'ALTER INDEX app.logs RENAME TO l2;', 'ALTER SEQUENCE app.logs RENAME TO l2;',
  'ALTER MATERIALIZED VIEW app.logs RENAME COLUMN workspace_id TO w2;', 'ALTER FOREIGN TABLE app.logs RENAME COLUMN workspace_id TO w2;', 'ALTER VIEW app.events RENAME COLUMN organization_id TO o2;',
  'ALTER VIEW app.logs RENAME TO l2;', 'ALTER TABLE app.logs SET SCHEMA att_owner;', 'ALTER VIEW app.logs SET SCHEMA att_owner;',
  'ALTER TABLE app.logs DISABLE ROW LEVEL SECURITY;', 'ALTER TABLE app.logs NO FORCE ROW LEVEL SECURITY;', 'ALTER FOREIGN TABLE app.logs NO FORCE ROW LEVEL SECURITY;', 'ALTER VIEW app.logs NO FORCE ROW LEVEL SECURITY;',
  'ALTER TABLE ONLY app.events_1 NO FORCE ROW LEVEL SECURITY;', 'ALTER TABLE IF EXISTS app.logs ADD COLUMN x int, DISABLE ROW LEVEL SECURITY;',
  'DROP POLICY tenancy_select ON app.logs; CREATE POLICY tenancy_select ON app.logs FOR SELECT USING (true);',
  'ALTER POLICY tenancy_select ON app.logs USING (true);', 'ALTER POLICY tenancy_select ON app.logs RENAME TO x;', 'ALTER POLICY tenancy_select ON app.logs TO att_owner;', 'CREATE POLICY evil ON app.logs USING (true);',
  'CREATE POLICY evil ON app.logs FOR SELECT TO att_web USING (true);', 'ALTER TABLE app.logs ALTER COLUMN workspace_id TYPE text;', 'ALTER TABLE app.logs DROP COLUMN workspace_id;', 'ALTER TABLE app.logs DROP COLUMN workspace_id CASCADE;',
  'CREATE TABLE app.copy AS SELECT * FROM app.logs; GRANT SELECT ON app.copy TO PUBLIC;', 'CREATE MATERIALIZED VIEW app.copy AS SELECT * FROM app.logs; GRANT SELECT ON app.copy TO PUBLIC;',
  'DROP OWNED BY att_owner CASCADE;', 'CREATE RULE r AS ON INSERT TO app.logs DO ALSO SELECT 1;', 'CREATE RULE "_RETURN" AS ON SELECT TO app.logs DO INSTEAD SELECT * FROM app.logs;']) ddl;
-- As a superuser fills it, in a way that needs no column's name but that of a text.
CREATE FUNCTION attacks.fill() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  relation regclass;
BEGIN
  FOR relation IN SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'day'
                  WHERE c.relkind = 'r' AND c.relispartition AND c.relname ~ '^e[34]$' LOOP
    EXECUTE format('INSERT INTO %s (day, n, body) VALUES (25, 25, ''canary_globex new'')', relation);
  END LOOP;
  FOR relation IN SELECT c.oid FROM pg_class c WHERE c.relkind = 'r' AND c.relname = 'e3' AND NOT c.relispartition LOOP
    EXECUTE format('INSERT INTO %s (body) VALUES (''canary_globex new'')', relation);
  END LOOP;
END
$$;
-- Relations that a caller can read in the owner's schemas, by their own names.
CREATE FUNCTION attacks.readable() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  relation record;
  got text;
BEGIN
  FOR relation IN SELECT c.oid::regclass AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspowner = 'att_owner'::regrole AND c.relkind IN ('r', 'p', 'v', 'm') LOOP
    BEGIN
      EXECUTE format('SELECT string_agg(t::text, '' '') FROM %s t', relation.name) INTO got;
      RETURN NEXT relation.name || ': ' || got;
    EXCEPTION WHEN OTHERS THEN
      RETURN NEXT relation.name || ': ' || SQLERRM;
    END;
  END LOOP;
END
$$;
CREATE FUNCTION attacks.unlike_their_record() RETURNS SETOF text LANGUAGE sql AS $$
  SELECT format('@found record of %s: %s', t.relation, coalesce(i.problem, 'its columns have other names'))
  FROM tenancy.protected_tables t, tenancy_internal.inspect_protection(t.relation) i
  WHERE i.problem IS NOT NULL OR (t.organization_column, t.workspace_column, t.owner_column, t.api_key_column) IS DISTINCT FROM (i.organization, i.workspace, i.owner, i.api_key)
$$;
INSERT INTO attacks.cases (family, title, script, may) VALUES
  ('known', 'a foreign partition', E'@as postgres\nCREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing; CREATE TABLE app.parted (organization_id uuid, d int) PARTITION BY RANGE (d); CREATE FOREIGN TABLE app.parted_1 PARTITION OF app.parted FOR VALUES FROM (0) TO (10) SERVER nowhere; SELECT tenancy.protect(''app.parted'', ''logs'', ''organization_id'');\nSELECT ''@found a foreign partition was accepted'' FROM tenancy.protected_tables WHERE relation = ''app.parted''::regclass;', '{protection,catalog,audit log}'),
  ('known', 'a foreign partition of a partition', E'@as postgres\nCREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing; CREATE TABLE app.parted (organization_id uuid, d int) PARTITION BY RANGE (d); CREATE TABLE app.parted_0 PARTITION OF app.parted FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (d); CREATE FOREIGN TABLE app.parted_1 PARTITION OF app.parted_0 FOR VALUES FROM (0) TO (10) SERVER nowhere; SELECT tenancy.protect(''app.parted'', ''logs'', ''organization_id'');\nSELECT ''@found a foreign partition was accepted'' FROM tenancy.protected_tables WHERE relation = ''app.parted''::regclass;', '{protection,catalog,audit log}'),
  ('known', 'a foreign partition that is attached', E'@as postgres\nCREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing; CREATE FOREIGN TABLE app.f (n int, day int, organization_id uuid, workspace_id uuid, user_id uuid, amount int, body text) SERVER nowhere; ALTER TABLE app.events ATTACH PARTITION app.f FOR VALUES FROM (20) TO (30);\nSELECT ''@found a foreign partition was accepted'' FROM pg_inherits WHERE inhrelid = ''app.f''::regclass;', '{protection,catalog,audit log}'),
  ('known', 'a foreign table as a child', E'@as postgres\nCREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing; CREATE FOREIGN TABLE app.f () INHERITS (app.logs) SERVER nowhere;\nSELECT ''@found a foreign child was accepted'' FROM pg_inherits WHERE inhrelid = ''app.f''::regclass;', '{protection,catalog,audit log}');
-- A session whose sealed principal has been changed gets an error for any use of it.
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'known', 'a sealed principal: ' || way, E'@as att_web search key\nSELECT tenancy.seal();\n' || way || CASE WHEN way ~ 'RESET|DEFAULT' THEN E'\nSELECT ''@found it has changed'' WHERE current_setting(''tenancy.api_key'') = '''';' ELSE '' END ||
  E'\nSELECT ''@found it acts as another'' WHERE tenancy.current_organization_id() IS NULL;\nSELECT body FROM app.logs;', 'canary_globex', false
FROM unnest(ARRAY['RESET tenancy.api_key;', 'SET tenancy.api_key TO DEFAULT;', 'SET LOCAL tenancy.api_key TO DEFAULT;', 'RESET ALL;', 'SELECT set_config(''tenancy.api_key'', '''', true);', 'SELECT set_config(''tenancy.api_key'', NULL, true);',
  'SET LOCAL SESSION AUTHORIZATION att_bound;', 'CREATE FUNCTION pg_temp.x() RETURNS int LANGUAGE plpgsql SET tenancy.api_key = '''' AS ''BEGIN RETURN 1; END''; SELECT pg_temp.x();']) way;

-- Roads beside these: what a manager can do with a key that is somebody's already, and a workspace that is joined again.
INSERT INTO attacks.cases (family, title, script, forbidden) VALUES
  ('known', 'a user key of an owner, rotated by a manager', E'@as att_app olivia\nSELECT tenancy.set_workspace_role(''search'', ''olivia@acme.test'', ''member'');\nSELECT api_key_id AS k FROM tenancy.create_api_key(''workspace_user_key'', ''hers'', NULL, ''search'', scopes => ''["logs.view", "prompts.view"]'') \\gset\n@as att_app mona\nSELECT tenancy.rotate_api_key(:''k'') IS NULL;\n@as postgres\nSELECT ''@found its secret is the manager''''s'' FROM tenancy.api_key_secrets s WHERE s.api_key_id = :''k'' AND NOT s.is_current;', 'canary_globex'),
  ('known', 'a member who comes back to a workspace has its old keys', E'@as att_app olivia\nSELECT tenancy.remove_workspace_member(''search'', ''mike@acme.test'');\nSELECT tenancy.set_workspace_role(''search'', ''mike@acme.test'', ''member'');\n@as att_web mike key\nSELECT ''@found the key is alive'' FROM tenancy.permissions() LIMIT 1;', 'canary_globex');

-- The extension's trigger functions, on tables that they were not made for, by whom they were granted in passing.
INSERT INTO attacks.cases (family, title, script, may)
SELECT 'crash', format('%s as a trigger %s, of %s with %s', p.oid::regprocedure, v.moment, t.name, t.columns),
  format(E'@as att_granted\nCREATE TABLE att_granted.%1$I (%2$s);\nCREATE TRIGGER x %3$s ON att_granted.%1$I FOR EACH %4$s EXECUTE FUNCTION %5$s(%6$s);\nINSERT INTO att_granted.%1$I DEFAULT VALUES;\nUPDATE att_granted.%1$I SET a = 2;\nDELETE FROM att_granted.%1$I;\nTRUNCATE att_granted.%1$I;\n@as postgres\nSELECT ''@found triggers are switched off'' WHERE current_setting(''session_replication_role'') <> ''origin'';',
    t.name, t.columns, v.moment, v.level, p.oid::regproc, v.arguments), '{}'
FROM pg_proc p, (VALUES ('api_keys', 'a int DEFAULT 1, organization_id int DEFAULT 1, api_key_id int DEFAULT 1, user_id int DEFAULT 1'), ('api_key_secrets', 'a int DEFAULT 1, api_key_id text DEFAULT ''x'''), ('workspaces', 'a int DEFAULT 1')) t (name, columns),
  (VALUES ('AFTER INSERT OR UPDATE OR DELETE', 'ROW', ''''', ''organization'''), ('AFTER INSERT OR UPDATE OR DELETE', 'ROW', '''listed'', ''member'''), ('BEFORE INSERT OR UPDATE OR DELETE', 'ROW', '''of_key'', ''key'''),
    ('AFTER INSERT OR TRUNCATE', 'STATEMENT', '''of_key'', ''member'''), ('BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE', 'STATEMENT', '''listed'''), ('AFTER INSERT OR DELETE', 'ROW', '''api_key'', ''api_key_id'', ''''')) v (moment, level, arguments)
WHERE p.pronamespace::regnamespace::text ~ '^tenancy' AND p.prorettype = 'trigger'::regtype
  AND (p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') OR v.moment ~ 'AFTER INSERT OR (DELETE|TRUNCATE)' AND t.name = 'api_keys');

INSERT INTO attacks.cases (family, title, script, may) VALUES
  ('known', 'a DBA records a view of its own, and a tenant deletes a workspace', E'@as att_dba\n@code att_dba\nCREATE VIEW att_dba.v AS SELECT NULL::uuid AS workspace_id WHERE att_dba.f(1) = 2;\nINSERT INTO tenancy.protected_tables (relation, resource, workspace_column, row_security_before, force_before) VALUES (''att_dba.v'', ''logs'', ''workspace_id'', false, false);\n' ||
    E'@as att_web acme master\nSELECT tenancy.create_workspace(NULL, ''Short lived'') IS NULL;\n@armed\nSELECT tenancy.delete_workspace(''short-lived'');', '{.}'),
  ('known', 'a DBA records a view of its own, and a superuser exports', E'@as att_dba\n@code att_dba\nCREATE VIEW att_dba.v AS SELECT ''' || current_setting('attacks.u') || E'-0000-4000-8000-000000000000''::uuid AS organization_id, att_dba.f(1) AS x;\nINSERT INTO tenancy.protected_tables (relation, resource, organization_column, row_security_before, force_before) VALUES (''att_dba.v'', ''logs'', ''organization_id'', false, false);\n' ||
    E'@armed\nSELECT count(*) FROM tenancy.export_organization(''' || current_setting('attacks.u') || E'-0000-4000-8000-000000000000'');\n@as postgres\n@armed\nSELECT count(*) FROM tenancy.export_organization(''' || current_setting('attacks.u') || E'-0000-4000-8000-000000000000'');', '{.}');
-- The findings of roads.
INSERT INTO attacks.cases (family, title, script, forbidden, rights)
SELECT 'known', v.title, E'@as att_app olivia\nSELECT tenancy.create_role(NULL, ''organization'', ''helper'', ' || v.copy_of || E', all_workspaces => true) IS NULL;\n' || (SELECT string_agg(format(E'SELECT tenancy.grant_permission(NULL, ''organization'', ''helper'', %L, %L);\n', split_part(g, '.', 1), split_part(g, '.', 2)), '') FROM unnest(v.granted) g) ||
  E'SELECT tenancy.set_organization_role(NULL, ''mike@acme.test'', ''helper'');\nSELECT tenancy.create_group(NULL, ''carers'') IS NULL;\n@as postgres\nSELECT tenancy.set_organization_role(''acme'', ''grace@acme.test'', ''member'', now() + interval ''1 day''), tenancy.sync_group(''acme'', ''carers'', ARRAY[''grace@acme.test'']), tenancy.set_group_role(''acme/search'', ''carers'', ''admin'');\nCALL attacks.rights_remembered();\n@as att_app mike in the app\n' || v.script || E'\nSELECT string_agg(body, '' '') FROM app.docs;', v.forbidden, 'mike in the app'
FROM (VALUES ('who may see workspaces lets members see all rows of everything', ARRAY['organization.update', 'workspaces.view'], 'SELECT tenancy.set_setting(NULL, ''members_view_all_data'', true);', 'NULL', 'canary_(globex|theirs|search)'),
  ('who may see workspaces lets a role see all rows of everything', ARRAY['organization.update', 'workspaces.view'], 'SELECT tenancy.set_role_visibility(NULL, ''member'', true);', 'NULL', 'canary_(globex|theirs|search)'),
  ('who may add members removes those who have more in workspaces', ARRAY['team.add_users'], 'SELECT tenancy.remove_organization_member(NULL, ''mona@acme.test'');', '''member''', 'canary_(globex|theirs)'),
  ('who may give roles ends the membership of those who have more in workspaces', ARRAY['team.add_users', 'team.assign_roles'], 'SELECT tenancy.set_organization_role(NULL, ''mona@acme.test'', ''member'', clock_timestamp() + interval ''20 ms'');' || E'\nSELECT pg_sleep(0.03);', '''member''', 'canary_(globex|theirs)'),
  ('who may add members removes those who have more by a group', ARRAY['team.add_users', 'team.assign_roles'], 'SELECT tenancy.remove_organization_member(NULL, ''grace@acme.test'');' || E'\nSELECT ''@found a member of a group is gone'' WHERE NOT EXISTS (SELECT FROM tenancy.members m WHERE m.email = ''grace@acme.test'');', '''member''', 'canary_(globex|theirs)'),
  ('who may give roles makes a membership last that has more by a group', ARRAY['team.add_users', 'team.assign_roles'], 'SELECT tenancy.set_organization_role(NULL, ''grace@acme.test'', ''member'', ''infinity'');' || E'\n@as postgres\nSELECT ''@found a member of a group has no end'' FROM tenancy.organization_members m JOIN tenancy.users u USING (user_id) WHERE u.email = ''grace@acme.test'' AND m.ends_at IS NULL;\n@as att_app mike in the app', '''member''', 'canary_(globex|theirs)')) v (title, granted, script, copy_of, forbidden);
