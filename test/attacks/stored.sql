-- Values of rows that the server has elsewhere, too: every relation that a login may read, statistics and TOAST tables among them, and what
-- the owner of a column's type is shown.
CREATE TABLE app.letters (id int, organization_id uuid, workspace_id uuid, body text);
ALTER TABLE app.letters ALTER body SET STORAGE EXTERNAL, ALTER body SET STATISTICS 1000;
INSERT INTO app.letters SELECT i, o.organization_id, w.workspace_id, CASE o.slug WHEN 'acme' THEN 'canary_search ' ELSE 'canary_globex ' END || CASE WHEN i > 1 THEN repeat(md5(i::text), 200) END
FROM tenancy.organizations o JOIN tenancy.workspaces w ON w.organization_id = o.organization_id AND w.slug ~ 'search|lab', generate_series(1, 2) i;
INSERT INTO app.letters SELECT i, o.organization_id, w.workspace_id, CASE o.slug WHEN 'acme' THEN 'canary_search' ELSE 'canary_globex' END
FROM tenancy.organizations o JOIN tenancy.workspaces w ON w.organization_id = o.organization_id AND w.slug ~ 'search|lab', generate_series(3, 4) i;
ALTER TABLE app.letters OWNER TO att_owner;
SELECT tenancy.protect('app.letters', 'logs', organization => 'organization_id', workspace => 'workspace_id') \g /dev/null
-- Types of somebody who may make some
CREATE SCHEMA smithy AUTHORIZATION att_dev;
GRANT USAGE ON SCHEMA smithy TO PUBLIC;
SET ROLE att_dev;
CREATE DOMAIN smithy.line AS text;
CREATE DOMAIN smithy.checked AS text CONSTRAINT later CHECK (value <> 'none');
ALTER DOMAIN smithy.checked ADD CONSTRAINT early CHECK (value < 'z') NOT VALID;
CREATE DOMAIN smithy.inner AS text;
CREATE DOMAIN smithy.outer AS smithy.inner;
CREATE FUNCTION smithy.told(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE INFO 'told %', $1; RETURN true; END $$;
RESET ROLE;
CREATE TABLE app.typed (id int, organization_id uuid, workspace_id uuid, line smithy.line, checked smithy.checked, nested smithy.outer);
INSERT INTO app.typed SELECT 1, organization_id, workspace_id, body, left(body, 13), body FROM app.letters;
ALTER TABLE app.typed OWNER TO att_owner;
-- In the world with holes, nobody does.
SELECT tenancy.protect('app.typed', 'logs', organization => 'organization_id', workspace => 'workspace_id')
WHERE current_setting('attacks.typed_is_open', true) IS DISTINCT FROM 'on' \g /dev/null
CREATE STATISTICS app.letters_pairs (mcv) ON body, organization_id FROM app.letters;
ANALYZE app.letters, app.typed;

INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'stored', format('%s reads %s', l.login, w.what), format(E'@as %s nobody\n', l.login) || w.script, 'canary_', false
FROM unnest('{att_web,att_dev,att_etl,att_granted,att_sign_up}'::text[]) l (login), (VALUES
  ('statistics', 'SELECT string_agg(substring(s::text FROM ''canary_\w+''), '' '') FROM pg_statistic s;
SELECT string_agg(substring(s::text FROM ''canary_\w+''), '' '') FROM pg_statistic_ext_data s;
SELECT string_agg(substring(s::text FROM ''canary_\w+''), '' '') FROM pg_stats s JOIN pg_class c ON c.relname = s.tablename AND c.relkind IN (''r'', ''p'') AND s.schemaname NOT IN (''attacks'', ''pg_catalog'');
SELECT string_agg(substring(s::text FROM ''canary_\w+''), '' '') FROM pg_stats_ext s WHERE s.schemaname NOT IN (''attacks'', ''pg_catalog'');
COPY pg_statistic (stavalues1) TO STDOUT;'),
  ('TOAST tables', E'SELECT format(''SELECT string_agg(substring(encode(chunk_data, ''''escape'''') FROM ''''canary_\\w+''''), '''' '''') FROM %s'', c.reltoastrelid::regclass) FROM pg_class c WHERE c.reltoastrelid <> 0 AND c.relnamespace <> ''attacks''::regnamespace \\gexec'),
  -- Not those that define the attacks, nor what is known to be shown: statistics of indexes on expressions (docs/threat-model.md).
  ('all tables', E'SELECT format(''SELECT string_agg(substring(t::text FROM ''''canary_\\w+''''), '''' '''') FROM %s t'', c.oid::regclass) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN (''r'', ''p'', ''v'', ''m'') AND n.nspname NOT IN (''attacks'', ''information_schema'') AND has_schema_privilege(n.oid, ''USAGE'') AND has_table_privilege(c.oid, ''SELECT'')
  AND c.relname NOT IN (''pg_proc'', ''pg_stat_activity'', ''pg_prepared_statements'', ''pg_cursors'', ''pg_rewrite'', ''pg_views'', ''pg_rules'', ''pg_constraint'', ''pg_policy'', ''pg_policies'', ''pg_stats'') \\gexec')) w (what, script);

INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'types', s.statement, E'@as att_dev nobody\nSET LOCAL search_path = smithy, pg_catalog;\n' || s.statement || ';', 'canary_|contains (null )?values|violate', true
FROM unnest(ARRAY['ALTER DOMAIN smithy.line ADD CHECK (smithy.told(value))', 'ALTER DOMAIN line ADD CHECK (told(value))', 'ALTER DOMAIN smithy.inner ADD CHECK (smithy.told(value))', 'ALTER DOMAIN smithy.line ADD CHECK (value < ''canary_f'')',
  'ALTER DOMAIN smithy.outer ADD CHECK (smithy.told(value))', 'ALTER DOMAIN smithy.checked VALIDATE CONSTRAINT early', 'ALTER DOMAIN checked VALIDATE CONSTRAINT early', 'ALTER DOMAIN smithy.outer SET NOT NULL', 'ALTER DOMAIN smithy.line SET NOT NULL',
  'DROP DOMAIN smithy.checked CASCADE', 'DROP DOMAIN smithy.inner CASCADE', 'DROP SCHEMA smithy CASCADE', 'DROP OWNED BY att_dev CASCADE']) s (statement);

-- The same owner's code, wherever somebody else's statement would run it: what is made of a type after a table uses it, in whatever way.
CREATE FUNCTION smithy.ran(value anyelement) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF current_user <> 'att_dev' THEN RAISE INFO '@found code of the type''s owner, as %', current_user; END IF;
  RETURN true;
END
$$;
CREATE FUNCTION smithy.given() RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM smithy.ran(1); RETURN 'x'; END $$;
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'types', format('%s, then %s', u.title, c.change), E'@as att_dev nobody\nCREATE DOMAIN smithy.fresh AS text; CREATE TYPE smithy.pair AS (word smithy.fresh); CREATE TABLE smithy.par (word text); CREATE TABLE smithy.kid () INHERITS (smithy.par);\n@as postgres\nSET LOCAL client_min_messages = warning;\n' ||
  replace(u.made, '{columns}', 'id int, organization_id uuid, workspace_id uuid, word text') || E';\nSELECT tenancy.protect(''app.made'', ''logs'', organization => ''organization_id'', workspace => ''workspace_id'');\nGRANT SELECT, INSERT ON app.made TO PUBLIC;\n' ||
  E'RESET client_min_messages;\n@as att_dev nobody\n' || c.change || E';\n@as postgres\n' || coalesce(u.later || E';\n', '') ||
  E'@as att_app olivia\nINSERT INTO app.made (id, organization_id, workspace_id, word) VALUES (1, ''aaaaaaaa-0000-4000-8000-000000000000'', ''aaaaaaaa-0000-4000-8000-000000000002'', ''canary_mine'');\nSELECT ' || coalesce(u.read, 'word') || E' FROM app.made;', 'canary_(globex|theirs)', false
FROM (VALUES ('a column', 'CREATE TABLE app.made ({columns}, used smithy.fresh DEFAULT ''x'')', NULL, NULL), ('a column without a default', 'CREATE TABLE app.made ({columns}, used smithy.fresh)', NULL, NULL),
    ('an array', 'CREATE TABLE app.made ({columns}, used smithy.fresh[] DEFAULT ''{x}'')', NULL, NULL), ('a composite type', 'CREATE TABLE app.made ({columns}, used smithy.pair DEFAULT ROW(''x''))', NULL, NULL),
    ('a domain over it', 'CREATE DOMAIN app.over AS smithy.fresh; CREATE TABLE app.made ({columns}, used app.over)', NULL, NULL), ('a range', 'CREATE TYPE app.span AS RANGE (subtype = smithy.fresh); CREATE TABLE app.made ({columns}, used app.span DEFAULT ''[a,b]'')', NULL, NULL),
    ('a generated column', 'CREATE TABLE app.made ({columns}, used text GENERATED ALWAYS AS ((word::smithy.fresh)::text) STORED)', NULL, NULL), ('a default', 'CREATE TABLE app.made ({columns}, used text DEFAULT (''x''::smithy.fresh)::text)', NULL, NULL),
    ('a check', 'CREATE TABLE app.made ({columns}, CHECK (word::smithy.fresh IS NOT NULL))', NULL, NULL), ('an index', 'CREATE TABLE app.made ({columns}); CREATE INDEX ON app.made ((word::smithy.fresh))', NULL, NULL),
    ('the condition of an index', 'CREATE TABLE app.made ({columns}); CREATE INDEX ON app.made (id) WHERE word::smithy.fresh <> ''y''', NULL, NULL), ('a policy', 'CREATE TABLE app.made ({columns}); CREATE POLICY p ON app.made AS RESTRICTIVE USING (word::smithy.fresh <> ''y'')', NULL, NULL),
    ('a trigger', 'CREATE TABLE app.made ({columns}); CREATE TRIGGER t BEFORE INSERT ON app.made FOR EACH ROW WHEN (NEW.word::smithy.fresh <> ''y'') EXECUTE FUNCTION suppress_redundant_updates_trigger()', NULL, NULL),
    ('a partitioned table', 'CREATE TABLE app.made ({columns}, used smithy.fresh) PARTITION BY LIST (id)', 'CREATE TABLE app.made_1 PARTITION OF app.made DEFAULT', NULL), ('a row of an heir', 'CREATE TABLE app.made ({columns}, used smithy.kid DEFAULT ROW(''x''))', NULL, 'used')) u (title, made, later, read),
  unnest(ARRAY['ALTER DOMAIN smithy.fresh ADD CHECK (smithy.ran(value))', 'ALTER DOMAIN smithy.fresh ADD CHECK (smithy.ran(value)) NOT VALID', 'ALTER DOMAIN smithy.fresh SET DEFAULT smithy.given()',
    'ALTER TABLE smithy.par ADD COLUMN more smithy.line DEFAULT smithy.given()', 'CREATE CAST (text AS smithy.pair) WITH INOUT AS IMPLICIT', 'ALTER TYPE smithy.pair ADD ATTRIBUTE more smithy.line']) c (change);

-- The same owner's row types, which a table of somebody else's has values of: whatever it does or has the extension do, these stay as they are.
CREATE PROCEDURE attacks.shapes() LANGUAGE plpgsql AS $$
BEGIN
  GRANT EXECUTE ON FUNCTION tenancy.protect, tenancy.unprotect, tenancy.add_tenant_columns, tenancy.create_scoped_view, tenancy.apply_logging_settings(regclass, text, name[]) TO att_dev;
  SET LOCAL ROLE att_dev;
  CREATE TABLE smithy.book (id int PRIMARY KEY, organization_id uuid);
  CREATE TABLE smithy.page (id int, book_id int REFERENCES smithy.book);
  CREATE TABLE smithy.leaf (id int, book_id int REFERENCES smithy.book) PARTITION BY LIST (id);
  CREATE TABLE smithy.leaf_1 PARTITION OF smithy.leaf DEFAULT;
  CREATE TABLE smithy.entry (id int, organization_id uuid, body text);
  CREATE TABLE smithy.once (id int, organization_id uuid, body text);
  PERFORM tenancy.protect(t, 'logs', 'organization_id', payload => CASE WHEN t = 'smithy.entry'::regclass THEN '{body}'::name[] END) FROM unnest('{smithy.book,smithy.entry,smithy.once}'::regclass[]) t;
  PERFORM tenancy.create_scoped_view('smithy.entry', 'smithy.entries');
  PERFORM tenancy.apply_logging_settings('smithy.once', 'logs', '{body}');
  DROP TABLE smithy.once;
  CREATE TABLE smithy.fresh (id int, organization_id uuid, body text);
  RESET ROLE;
END
$$;
INSERT INTO attacks.cases (family, title, script, forbidden, watched)
SELECT 'types', format('%s of %s, then %s', u.title, c.type, c.change), E'@as postgres\nSET LOCAL client_min_messages = warning;\nCALL attacks.shapes();\n' || format(replace(u.made, '{columns}', 'id int, organization_id uuid'), c.type) || E';\n' ||
  -- In the world with holes, nobody does.
  CASE WHEN current_setting('attacks.typed_is_open', true) = 'on' THEN '' ELSE E'SELECT tenancy.protect(''app.made'', ''logs'', organization => ''organization_id'');\n' END ||
  E'RESET client_min_messages;\nINSERT INTO app.made (id, used) VALUES (1, ' || format(u.value, format('(NULL::smithy.%I)', c.type)) || E');\nCREATE TEMP TABLE as_it_was AS SELECT used::text FROM app.made;\n@as att_dev nobody\n' || c.change ||
  E';\n@as postgres\nSELECT ''@found another row type: '' || m.used::text FROM app.made m, as_it_was a WHERE m.used::text <> a.used;', 'canary_', false
FROM (VALUES ('a row', 'CREATE TABLE app.made ({columns}, used smithy.%I)', 'ROW((%s).*)'), ('an array', 'CREATE TABLE app.made ({columns}, used smithy.%I[])', 'ARRAY[ROW((%s).*)::smithy.{type}]'),
    ('a part', 'CREATE TYPE app.whole AS (part smithy.%I); CREATE TABLE app.made ({columns}, used app.whole)', 'ROW(ROW((%s).*)::smithy.{type})'), ('a domain', 'CREATE DOMAIN app.over AS smithy.%I; CREATE TABLE app.made ({columns}, used app.over)', 'ROW((%s).*)::smithy.{type}'),
    ('a partition', 'CREATE TABLE app.made ({columns}, used smithy.%I) PARTITION BY LIST (id); CREATE TABLE app.made_1 PARTITION OF app.made DEFAULT', 'ROW((%s).*)')) v (title, made, row),
  (VALUES ('page', 'SELECT tenancy.protect(''smithy.page'', ''logs'', through => ''{book_id}'')'), ('page', 'SELECT tenancy.protect(''smithy.page'', ''logs'', through => ''{book_id}'', organization => ''x'')'), ('page', 'SELECT tenancy.add_tenant_columns(''smithy.page'', ''{book_id}'')'),
    ('page', 'ALTER TABLE smithy.page ADD COLUMN x int'), ('leaf', 'SELECT tenancy.protect(''smithy.leaf'', ''logs'', through => ''{book_id}'')'), ('leaf_1', 'SELECT tenancy.protect(''smithy.leaf'', ''logs'', through => ''{book_id}'')'),
    ('leaf_1', 'SELECT tenancy.add_tenant_columns(''smithy.leaf'', ''{book_id}'')'), ('entries', 'ALTER TABLE smithy.entry ADD COLUMN x int; SELECT tenancy.create_scoped_view(''smithy.entry'', ''smithy.entries'')'),
    ('entries', 'ALTER TABLE smithy.entry ADD COLUMN x int; SELECT tenancy.protect(''smithy.entry'', ''logs'', ''organization_id'', payload => ''{body,x}'')'), ('entry', 'SELECT tenancy.apply_logging_settings(''smithy.entry'', ''logs'', ''{body}'')'),
    ('fresh', 'ALTER TABLE smithy.fresh RENAME TO once'), ('fresh', 'ALTER TABLE smithy.fresh RENAME TO once; SELECT tenancy.unprotect(''smithy.once''); ALTER TABLE smithy.once DROP COLUMN received_at')) c (type, change),
  LATERAL (SELECT v.title, v.made, replace(v.row, '{type}', c.type) AS value) u;
