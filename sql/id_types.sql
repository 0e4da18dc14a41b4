-- Ids of an application's own: columns of any other type hold the external id.
\pset format unaligned
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\set documents :srcdir '/sql/include/documents.sql'
\i :world
\i :documents
CREATE DOMAIN tenant_number AS int CHECK (value > 0);
CREATE DOMAIN tenant_code AS varchar(10);
CREATE DOMAIN tenant_id AS uuid;
\set ECHO none
CREATE FUNCTION with_type(type text) RETURNS TABLE (olivia text, mike text, mona text, gus text, search_service text, mike_key text, inserted text) LANGUAGE plpgsql AS $$
DECLARE
  relation text := 'app.' || translate(type, ' ()"', '____') || '_table';
BEGIN
  EXECUTE format('CREATE TABLE %s (id int, organization %2$s, workspace %2$s, owner %2$s, api_key %2$s)', relation, type);
  EXECUTE format('INSERT INTO %s SELECT l.id, o.%2$s::text::%3$s, w.%2$s::text::%3$s, u.%2$s::text::%3$s, k.%2$s::text::%3$s
    FROM app.logs l JOIN (SELECT *, organization_id AS id FROM tenancy.organizations) o USING (organization_id)
    LEFT JOIN (SELECT *, workspace_id AS id FROM tenancy.workspaces) w USING (workspace_id)
    LEFT JOIN (SELECT *, user_id AS id FROM tenancy.users) u USING (user_id)
    LEFT JOIN (SELECT *, api_key_id AS id FROM tenancy.api_keys) k USING (api_key_id)'
    , relation, CASE WHEN type LIKE '%id' THEN 'id' ELSE 'external_id' END, type);
  PERFORM tenancy.protect(relation::regclass, 'documents', 'organization', 'workspace', 'owner', 'api_key', NULL, true);
  EXECUTE format('GRANT ALL ON %s TO PUBLIC', relation);
  olivia := app.as_app('olivia', relation); mike := app.as_app('mike', relation); mona := app.as_app('mona', relation);
  gus := app.as_app('gus', relation); search_service := app.as_app('search service', relation); mike_key := app.as_app('mike key', relation);
  EXECUTE 'SET LOCAL SESSION AUTHORIZATION regress_app';
  CALL app.become('mike key', true);
  EXECUTE format('INSERT INTO %s (id) VALUES (100) RETURNING concat_ws('' '', organization, workspace, owner, api_key)', relation) INTO inserted;
  CALL app.become('nobody', true);
  EXECUTE 'SET LOCAL SESSION AUTHORIZATION DEFAULT';
  RETURN NEXT;
END
$$;
CREATE FUNCTION as_app(who text, relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  ids text;
BEGIN
  EXECUTE 'SET LOCAL SESSION AUTHORIZATION regress_app';
  ids := app.visible(who, relation);
  EXECUTE 'SET LOCAL SESSION AUTHORIZATION DEFAULT';
  RETURN ids;
END
$$;
\set ECHO all
-- mona sees her own rows only
SELECT tenancy.set_setting('acme', 'managers_view_all_data', false);
SELECT type, w.* FROM unnest(ARRAY['uuid', 'text', 'varchar', 'varchar(20)', 'smallint', 'integer', 'bigint', 'tenant_number', 'tenant_code', 'tenant_id']) type, with_type(type) w;

-- A workspace isn't deleted as long as a column of any of these types names it.
CREATE TABLE of_support (id tenant_id);
\set ECHO none
CREATE FUNCTION still_there(type text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  id text := CASE WHEN type LIKE '%id' THEN 'aaaaaaaa-0000-4000-8000-000000000003' ELSE '13' END;
BEGIN
  EXECUTE format('DROP TABLE app.of_support; CREATE TABLE app.of_support (workspace %s); INSERT INTO app.of_support VALUES (%L)', type, id);
  PERFORM tenancy.protect('app.of_support', 'documents', workspace => 'workspace', create_indexes => true);
  RETURN (app.failure('SELECT tenancy.delete_workspace(''acme/support'')')).message;
END
$$;
\set ECHO all
SET client_min_messages = warning;
DO $$ BEGIN PERFORM tenancy.unprotect(relation) FROM (SELECT relation FROM tenancy.protected_tables) t; END $$;
SELECT type, still_there(type) FROM unnest(ARRAY['uuid', 'text', 'smallint', 'bigint', 'tenant_number', 'tenant_code', 'tenant_id']) type;
RESET client_min_messages;

-- The text and the number must be each other's only spelling: '07' and '+7' are not 7, nor is a number out of range.
CREATE TABLE numbers (id int, organization int);
CREATE TABLE words (id int, organization text);
INSERT INTO numbers SELECT n, n FROM generate_series(-10, 10) n UNION ALL VALUES (100, 2147483647);
INSERT INTO words VALUES (1, '7'), (2, '07'), (3, '+7'), (4, ' 7'), (5, '7 '), (6, '7.0'), (7, 'Seven'), (8, 'seven'), (9, 'sëven');
SELECT tenancy.protect('numbers', 'documents', organization => 'organization', create_indexes => true),
       tenancy.protect('words', 'documents', organization => 'organization', create_indexes => true);
GRANT ALL ON numbers, words TO PUBLIC;
\set ECHO none
CREATE FUNCTION with_external_id(external_id text) RETURNS TABLE (numbers text, words text) LANGUAGE plpgsql AS $$
BEGIN
  UPDATE tenancy.organizations o SET external_id = with_external_id.external_id WHERE slug = 'acme';
  numbers := app.as_app('olivia', 'app.numbers');
  words := app.as_app('olivia', 'app.words');
  RETURN NEXT;
END
$$;
\set ECHO all
SELECT '"' || e || '"' AS external_id, w.* FROM unnest(ARRAY['7', '07', '+7', ' 7', '7 ', '7.0', '-7', '-0', '0', '2147483647', '2147483648', '99999999999999999999',
                                                   'Seven', 'seven', 'sëven', '0x7', '7e0']) e, with_external_id(e) w;
-- Nothing to be named by: nothing to be seen
UPDATE tenancy.organizations SET external_id = NULL WHERE slug = 'acme';
SELECT as_app('olivia', 'app.numbers') AS numbers, as_app('olivia', 'app.words') AS words, as_app('gus', 'app.numbers') AS of_gus;
SET SESSION AUTHORIZATION regress_app;
SELECT attempt('olivia', 'INSERT INTO app.numbers (id) VALUES (1)'), attempt('gus', 'INSERT INTO app.numbers (id) VALUES (1)');
RESET SESSION AUTHORIZATION;
