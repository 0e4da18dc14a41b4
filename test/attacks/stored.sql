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
