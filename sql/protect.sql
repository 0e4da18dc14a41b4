-- Protecting tables, and taking it back.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
-- Changes that protect() makes in a table, and unprotect() must undo.
CREATE VIEW state AS
SELECT c.relname, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
       (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
       (SELECT string_agg(a.attname || ' ' || pg_get_expr(d.adbin, d.adrelid), ', ' ORDER BY a.attnum)
        FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
        WHERE d.adrelid = c.oid) AS defaults,
       (SELECT string_agg(pg_get_indexdef(i.indexrelid, 1, false), ', ' ORDER BY i.indexrelid) FROM pg_index i WHERE i.indrelid = c.oid) AS indexes
FROM pg_class c WHERE c.relnamespace = 'app'::regnamespace AND c.relkind IN ('r', 'p')
  AND c.relname NOT IN ('people', 'secrets');

CREATE TABLE before AS SELECT * FROM state;
SELECT tenancy.protect('prompts', 'prompts', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id');
SELECT * FROM state WHERE relname = 'prompts';
SELECT policyname, permissive, roles, cmd, qual, with_check FROM pg_policies WHERE tablename = 'prompts' ORDER BY policyname;
SELECT relation, resource, organization_column, workspace_column, owner_column, api_key_column, payload, defaulted_columns
FROM tenancy.protected_tables;

-- Again with other columns: one step, nothing of the former is left.
SELECT tenancy.protect('prompts', 'configs', organization => 'organization_id', create_indexes => true);
SELECT * FROM state WHERE relname = 'prompts';
SELECT resource, organization_column, workspace_column, owner_column, api_key_column FROM tenancy.protected_tables;
SELECT tenancy.unprotect('prompts');
SELECT * FROM tenancy.protected_tables;
DROP INDEX prompts_organization_id_idx;
(TABLE before EXCEPT TABLE state) UNION ALL (SELECT * FROM state WHERE relname <> 'before' EXCEPT TABLE before);
SELECT tenancy.unprotect('prompts');

-- Earlier row security, restrictive policies, and defaults of columns stay.
CREATE TABLE own (id int, organization_id uuid DEFAULT 'aaaaaaaa-0000-4000-8000-000000000000', workspace_id uuid, n int DEFAULT 7);
ALTER TABLE own ENABLE ROW LEVEL SECURITY;
CREATE POLICY narrower ON own AS RESTRICTIVE USING (id < 10);
TRUNCATE before;
INSERT INTO before SELECT * FROM state;
SELECT tenancy.protect('own', 'prompts', organization => 'organization_id', workspace => 'workspace_id', create_indexes => true);
SELECT * FROM state WHERE relname = 'own';
SELECT tenancy.unprotect('own');
DROP INDEX own_organization_id_idx, own_workspace_id_idx;
(TABLE before EXCEPT TABLE state) UNION ALL (TABLE state EXCEPT TABLE before);
ALTER TABLE own FORCE ROW LEVEL SECURITY;
TRUNCATE before;
INSERT INTO before SELECT * FROM state;
SELECT tenancy.protect('own', 'prompts', organization => 'organization_id'), tenancy.protect('own', 'prompts', workspace => 'workspace_id');
SELECT tenancy.unprotect('own');
(TABLE before EXCEPT TABLE state) UNION ALL (TABLE state EXCEPT TABLE before);

-- A column's own default is kept, and refused where it isn't the principal's.
SELECT tenancy.protect('own', 'prompts', organization => 'organization_id', workspace => 'workspace_id', create_indexes => true);
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT * FROM who_can('INSERT INTO app.own (id) VALUES (1)');
SELECT * FROM who_can('INSERT INTO app.own (id) VALUES (11)');  -- the restrictive policy
RESET SESSION AUTHORIZATION;

-- Only an organization, only a workspace
CREATE TABLE by_organization AS SELECT * FROM logs;
CREATE TABLE by_workspace AS SELECT * FROM logs;
CREATE TABLE by_key AS SELECT * FROM logs;
SET client_min_messages = warning;
SELECT tenancy.protect('by_organization', 'logs', organization => 'organization_id', owner => 'user_id'),
       tenancy.protect('by_workspace', 'logs', workspace => 'workspace_id'),
       tenancy.protect('by_key', 'logs', workspace => 'workspace_id', api_key => 'api_key_id');
RESET client_min_messages;
SET SESSION AUTHORIZATION regress_app;
SELECT p.who, visible(who, 'app.by_organization') AS by_organization, visible(who, 'app.by_workspace') AS by_workspace FROM people p ORDER BY n;
RESET SESSION AUTHORIZATION;
-- The organization's switch decides where there is no workspace; and own rows by who produced them.
SELECT tenancy.set_setting('acme', 'members_view_all_data', false), tenancy.set_setting('acme', 'managers_view_all_data', false);
SET SESSION AUTHORIZATION regress_app;
SELECT p.who, visible(who, 'app.by_organization') AS by_organization, visible(who, 'app.by_workspace') AS by_workspace,
       visible(who, 'app.by_key') AS by_key FROM people p ORDER BY n;
RESET SESSION AUTHORIZATION;
-- A key's tombstone keeps its rows its user's own.
BEGIN;
UPDATE tenancy.api_keys SET deleted_at = now() WHERE name = 'mike key';
SET LOCAL SESSION AUTHORIZATION regress_app;
SELECT visible('mike', 'app.by_key'), visible('mike key', 'app.by_key');
ROLLBACK;
SELECT tenancy.reset_setting('acme', 'members_view_all_data'), tenancy.reset_setting('acme', 'managers_view_all_data');

-- Metadata only: where a table holds no content, list is enough.
CREATE TABLE metadata AS SELECT * FROM logs;
SELECT tenancy.protect('metadata', 'logs', workspace => 'workspace_id', owner => 'user_id', payload => '{}', create_indexes => true);
SELECT tenancy.protect('logs', 'logs', workspace => 'workspace_id', owner => 'user_id', payload => '{body}', create_indexes => true);
SELECT tenancy.set_setting('acme', 'members_view_logs', false);
SET SESSION AUTHORIZATION regress_app;
SELECT visible('mike', 'app.logs') AS logs, visible('mike', 'app.metadata') AS metadata,
       visible('mona', 'app.logs') AS managers_logs, visible('mona', 'app.metadata') AS managers_metadata;
RESET SESSION AUTHORIZATION;
SELECT tenancy.set_setting('acme', 'members_view_logs_metadata', false);
SET SESSION AUTHORIZATION regress_app;
SELECT visible('mike', 'app.logs') AS logs, visible('mike', 'app.metadata') AS metadata;
RESET SESSION AUTHORIZATION;

-- Partitions and inheritance children, queried directly, too
CREATE TABLE parted (LIKE logs) PARTITION BY LIST (organization_id);
CREATE TABLE parted_acme PARTITION OF parted FOR VALUES IN ('aaaaaaaa-0000-4000-8000-000000000000') PARTITION BY RANGE (id);
CREATE TABLE parted_acme_low PARTITION OF parted_acme FOR VALUES FROM (0) TO (4);
CREATE TABLE parted_acme_high PARTITION OF parted_acme DEFAULT;
CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT * FROM logs;
CREATE TABLE parent (LIKE logs);
CREATE TABLE child (more text) INHERITS (parent);
INSERT INTO parent SELECT * FROM logs WHERE id % 2 = 0;
INSERT INTO child SELECT * FROM logs WHERE id % 2 = 1;
SET client_min_messages = warning;
SELECT tenancy.protect('parted', 'prompts', organization => 'organization_id', workspace => 'workspace_id'),
       tenancy.protect('parent', 'prompts', organization => 'organization_id', workspace => 'workspace_id');
RESET client_min_messages;
SELECT relname, enabled, forced, policies, defaults FROM state WHERE relname LIKE 'par%' OR relname = 'child' ORDER BY relname;
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
SET SESSION AUTHORIZATION regress_app;
SELECT relation, visible('mike', relation) AS mike, visible('olivia', relation) AS olivia, visible('gus', relation) AS gus, visible('nobody', relation) AS nobody
FROM unnest(ARRAY['app.parted', 'app.parted_acme', 'app.parted_acme_low', 'app.parted_acme_high', 'app.parted_rest',
                  'app.parent', 'ONLY app.parent', 'app.child']) relation;
SELECT * FROM who_can($$UPDATE app.parted SET organization_id = 'bbbbbbbb-0000-4000-8000-000000000000' WHERE id = 1$$);
SELECT * FROM who_can('DELETE FROM app.parent');
SELECT * FROM who_can('INSERT INTO app.parted_acme_low (id) VALUES (0)');
RESET SESSION AUTHORIZATION;
SELECT tenancy.unprotect('parted'), tenancy.unprotect('parent');
SELECT relname, enabled, forced, policies, defaults FROM state WHERE relname LIKE 'par%' OR relname = 'child' ORDER BY relname;

-- An owner who is no superuser is bound by it, can protect, and needs no rights on the catalogs.
GRANT EXECUTE ON FUNCTION tenancy.protect, tenancy.unprotect TO regress_owner;
SET SESSION AUTHORIZATION regress_owner;
CREATE TABLE app.owned (id int, organization_id uuid);
INSERT INTO app.owned VALUES (1, 'aaaaaaaa-0000-4000-8000-000000000000');
SELECT count(*) FROM app.owned;
SELECT tenancy.protect('app.owned', 'prompts', organization => 'organization_id', create_indexes => true);
SELECT count(*) FROM app.owned;
SELECT tenancy.protect('app.logs', 'prompts', organization => 'organization_id');
SELECT tenancy.unprotect('app.logs');
SELECT tenancy.unprotect('app.owned');
SELECT count(*) FROM app.owned;
RESET SESSION AUTHORIZATION;
REVOKE EXECUTE ON FUNCTION tenancy.protect, tenancy.unprotect FROM regress_owner;

-- A table that is dropped is forgotten.
SELECT relation FROM tenancy.protected_tables WHERE relation = 'own'::regclass;
DROP TABLE own;
SELECT relation FROM tenancy.protected_tables WHERE relation::text LIKE '%own%';

-- A workspace goes when no protected table holds rows of it.
SELECT tenancy.delete_workspace('acme/support');
DELETE FROM by_workspace WHERE workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003';
DELETE FROM by_key WHERE workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003';
DELETE FROM metadata WHERE workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003';
DELETE FROM logs WHERE workspace_id = 'aaaaaaaa-0000-4000-8000-000000000003';
SELECT tenancy.delete_workspace('acme/support');
SELECT tenancy.delete_workspace('acme/support');
SELECT tenancy.delete_workspace('acme/shared-team-workspace');

-- Refused, with nothing changed
TRUNCATE before;
INSERT INTO before SELECT * FROM state;
CREATE VIEW a_view AS SELECT * FROM logs;
CREATE MATERIALIZED VIEW a_matview AS SELECT * FROM logs;
CREATE SEQUENCE a_sequence;
CREATE TEMP TABLE a_temp (LIKE logs);
CREATE FOREIGN DATA WRAPPER regress_wrapper;
CREATE SERVER regress_server FOREIGN DATA WRAPPER regress_wrapper;
CREATE FOREIGN TABLE a_foreign (organization_id uuid) SERVER regress_server;
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN loose AS text COLLATE any_case;
CREATE TABLE types (id int, organization_id uuid, a_numeric numeric, a_float float8, a_char char(8), a_loose text COLLATE any_case,
                    a_domain loose, a_json jsonb, an_array uuid[], a_bool boolean, a_date date, a_bytea bytea, a_name name);
INSERT INTO before SELECT * FROM state WHERE relname = 'types';
SELECT state, message FROM (VALUES ('a_view'), ('a_matview'), ('a_sequence'), ('a_temp'), ('a_foreign'), ('pg_class'), ('tenancy.users'), ('missing')) v (relation),
  failure(format('SELECT tenancy.protect(%L, ''logs'', organization => ''organization_id'')', relation));
SELECT tenancy.protect(NULL, 'logs', organization => 'organization_id');
SELECT tenancy.protect('types', NULL, organization => 'organization_id');
SELECT tenancy.protect('types', 'logs');
SELECT tenancy.protect('types', 'logs', owner => 'organization_id');
SELECT tenancy.protect('types', 'lgos', organization => 'organization_id');
SELECT tenancy.protect('types', 'logs', organization => 'organisation_id');
SELECT tenancy.protect('types', 'logs', organization => 'organization_id', payload => '{an_aray}');
SELECT tenancy.protect('types', 'logs', organization => 'ctid');
DO $$
DECLARE
  wrong text;
BEGIN
  FOREACH wrong IN ARRAY ARRAY['a_numeric', 'a_float', 'a_char', 'a_loose', 'a_domain', 'a_json', 'an_array', 'a_bool', 'a_date', 'a_bytea', 'a_name'] LOOP
    BEGIN
      PERFORM tenancy.protect('types', 'logs', organization => wrong::name);
      RAISE NOTICE '% was taken', wrong;
    EXCEPTION WHEN OTHERS THEN
      RAISE NOTICE '% %', SQLSTATE, SQLERRM;
    END;
    BEGIN
      PERFORM tenancy.protect('types', 'logs', organization => 'organization_id', owner => wrong::name);
      RAISE NOTICE '% was taken for the owner', wrong;
    EXCEPTION WHEN datatype_mismatch THEN
    END;
  END LOOP;
END
$$;
-- Other permissive policies would show rows beside ours; in a partition, too.
CREATE POLICY everything ON types USING (true);
SELECT tenancy.protect('types', 'logs', organization => 'organization_id');
DROP POLICY everything ON types;
CREATE POLICY everything ON child USING (true);
SELECT tenancy.protect('parent', 'prompts', organization => 'organization_id');
DROP POLICY everything ON child;
SELECT relation FROM tenancy.protected_tables WHERE relation::text IN ('types', 'parent', 'child') OR relation::text LIKE 'a\_%';
(TABLE before EXCEPT TABLE state) UNION ALL (TABLE state EXCEPT TABLE before);
DROP FOREIGN DATA WRAPPER regress_wrapper CASCADE;

-- Many partitions: it says how far it is.
SET client_min_messages = warning;
CREATE TABLE many (n int, organization_id uuid NOT NULL, workspace_id uuid, user_id uuid) PARTITION BY RANGE (n);
DO $$ BEGIN FOR i IN 1..120 LOOP EXECUTE format('CREATE TABLE many_%s PARTITION OF many FOR VALUES FROM (%s) TO (%s)', i, i, i + 1); END LOOP; END $$;
RESET client_min_messages;
SELECT tenancy.protect('many', 'logs', 'organization_id', 'workspace_id', 'user_id', create_indexes => true);
SELECT count(*) FROM tenancy.protected_tables WHERE relation::text LIKE '%many%';
-- A child of another owner: a superuser has protected both, and neither unprotect() nor forget() of the parent opens what is not the
-- caller's.
CREATE ROLE regress_protect_parent;
CREATE ROLE regress_protect_child;
CREATE TABLE papers (id int, organization_id uuid);
CREATE TABLE letters () INHERITS (papers);
ALTER TABLE papers OWNER TO regress_protect_parent;
ALTER TABLE letters OWNER TO regress_protect_child;
GRANT USAGE ON SCHEMA app TO regress_protect_parent;
GRANT EXECUTE ON FUNCTION tenancy.unprotect, tenancy.forget TO regress_protect_parent;
SELECT tenancy.protect('papers', 'logs', 'organization_id') \g /dev/null
SET ROLE regress_protect_parent;
SELECT tenancy.unprotect('app.letters');
SELECT tenancy.unprotect('app.papers');
RESET ROLE;
SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname IN ('papers', 'letters') ORDER BY 1;
ALTER TABLE letters OWNER TO regress_protect_parent;
SET ROLE regress_protect_parent;
SELECT tenancy.unprotect('app.papers');
RESET ROLE;
SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname IN ('papers', 'letters') ORDER BY 1;
-- Nor does a call or a command change another's partition, child, or table of a schema, where the server would ask for its owner.
SET client_min_messages = warning;
CREATE SCHEMA past;
CREATE TABLE former (organization_id uuid);
CREATE TABLE past.notes (organization_id uuid);
SELECT tenancy.protect(t, 'logs', 'organization_id') FROM unnest('{former,past.notes}'::regclass[]) t \g /dev/null
DROP TABLE former;
DROP SCHEMA past CASCADE;
GRANT EXECUTE ON FUNCTION tenancy.protect, tenancy.add_tenant_columns TO regress_protect_parent;
GRANT CREATE ON SCHEMA app TO regress_protect_parent;
SELECT format('GRANT CREATE ON DATABASE %I TO regress_protect_parent', current_database()) \gexec
SET ROLE regress_protect_parent;
CREATE TABLE app.authors (id int PRIMARY KEY, organization_id uuid);
CREATE TABLE app.shelf (id int, organization_id uuid) PARTITION BY RANGE (id);
SELECT tenancy.protect(t, 'logs', 'organization_id') FROM unnest('{app.authors,app.shelf}'::regclass[]) t \g /dev/null
CREATE TABLE app.works (id int, author int REFERENCES app.authors) PARTITION BY RANGE (id);
CREATE TABLE app.works_1 PARTITION OF app.works DEFAULT;
CREATE TABLE app.board (LIKE app.shelf) PARTITION BY RANGE (id);
CREATE TABLE app.board_1 PARTITION OF app.board DEFAULT;
CREATE SCHEMA present CREATE TABLE present.notes (organization_id uuid);
RESET ROLE;
CREATE PROCEDURE give(receiver text) LANGUAGE plpgsql AS $$ DECLARE t regclass; BEGIN
  FOREACH t IN ARRAY '{app.letters,app.works_1,app.board_1,present.notes}'::regclass[] LOOP EXECUTE format('ALTER TABLE %s OWNER TO %I', t, receiver); END LOOP;
END $$;
CREATE FUNCTION touched() RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(c.relname, ', ' ORDER BY c.relname)
  FROM pg_class c WHERE c.relname IN ('letters', 'works_1', 'board_1', 'notes') AND (c.relrowsecurity OR EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname LIKE '~%'))
$$;
CALL give('regress_protect_child');
SET ROLE regress_protect_parent;
SELECT tenancy.add_tenant_columns('app.works', '{author}');
ALTER TABLE app.papers RENAME TO former;
ALTER TABLE app.shelf ATTACH PARTITION app.board DEFAULT;
ALTER SCHEMA present RENAME TO past;
RESET ROLE;
SELECT touched();
-- A superuser may, and their owner.
BEGIN;
ALTER TABLE app.papers RENAME TO former;
ALTER TABLE app.shelf ATTACH PARTITION app.board DEFAULT;
ALTER SCHEMA present RENAME TO past;
SELECT touched();
ROLLBACK;
CALL give('regress_protect_parent');
SET ROLE regress_protect_parent;
SELECT tenancy.add_tenant_columns('app.works', '{author}');
ALTER TABLE app.papers RENAME TO former;
ALTER TABLE app.shelf ATTACH PARTITION app.board DEFAULT;
ALTER SCHEMA present RENAME TO past;
RESET ROLE;
SELECT touched();
DROP TABLE former, authors, shelf, works CASCADE;
DROP SCHEMA past CASCADE;
DELETE FROM tenancy.protected_names WHERE table_name IN ('former', 'notes', 'authors', 'shelf');
DROP FUNCTION touched;
DROP PROCEDURE give;
SELECT format('REVOKE CREATE ON DATABASE %I FROM regress_protect_parent', current_database()) \gexec
DROP OWNED BY regress_protect_parent, regress_protect_child;
DROP ROLE regress_protect_parent, regress_protect_child;
