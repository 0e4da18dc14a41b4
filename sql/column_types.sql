-- The owner of a type is not for that reason shown, nor may it change, rows of a table of others that has values of it.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\pset format unaligned
\set VERBOSITY terse
\set acme '''aaaaaaaa-0000-4000-8000-000000000000'''
\set search '''aaaaaaaa-0000-4000-8000-000000000002'''
CREATE ROLE regress_smith; CREATE ROLE regress_joiner; CREATE ROLE regress_keeper;
CREATE SCHEMA types AUTHORIZATION regress_smith;
GRANT USAGE ON SCHEMA types, app TO PUBLIC;
SET ROLE regress_smith;
CREATE DOMAIN types.price AS numeric;
CREATE DOMAIN types.discount AS types.price DEFAULT 5 CONSTRAINT later CHECK (value > 0);
ALTER DOMAIN types.price ADD CONSTRAINT early CHECK (value < 100) NOT VALID;
CREATE TYPE types.state AS ENUM ('open', 'paid');
CREATE TABLE types.shape (width int);
CREATE TYPE types.line AS (price types.price, count int);
CREATE TYPE types.whole AS (id int, organization_id uuid, price types.price);
CREATE COLLATION types.words FROM "C";
CREATE FUNCTION types.noticed(value numeric) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'noticed %', value; RETURN true; END $$;
CREATE FUNCTION types.counted(types.state) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE TYPE types.unused AS ENUM ('one');
RESET ROLE;
CREATE TABLE offers (id int PRIMARY KEY, organization_id uuid, workspace_id uuid, price types.price, state types.state, lines types.line[], others types.discount, shape types.shape) PARTITION BY RANGE (id);
CREATE TABLE offers_1 PARTITION OF offers FOR VALUES FROM (0) TO (100);
CREATE TABLE of_type OF types.whole;
ALTER TABLE of_type ADD PRIMARY KEY (id);
CREATE TABLE by_collation (id int, organization_id uuid, word text) PARTITION BY RANGE (word COLLATE types.words);
CREATE TABLE by_collation_1 PARTITION OF by_collation DEFAULT;
CREATE TABLE plain (price types.price, state types.state);
-- No record says that anybody may have wanted that.
ALTER TABLE plain ENABLE ROW LEVEL SECURITY; ALTER TABLE plain FORCE ROW LEVEL SECURITY;
CREATE TEMP TABLE briefly (price types.price, shape types.shape);
ALTER TABLE briefly ENABLE ROW LEVEL SECURITY;
INSERT INTO offers VALUES (1, :acme, :search, 77, 'open', ARRAY[ROW(7, 1)::types.line], 5);
INSERT INTO plain VALUES (77, 'open');
\o /dev/null
SELECT tenancy.protect('offers', 'logs', 'organization_id', 'workspace_id');
SELECT tenancy.protect(t, 'logs', 'organization_id') FROM unnest('{of_type,by_collation}'::regclass[]) t;
\o
-- What the server would do: the type's owner is shown a table that nobody has protected.
CREATE FUNCTION tried(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  RAISE EXCEPTION USING ERRCODE = 'P0099', MESSAGE = 'done';
EXCEPTION WHEN SQLSTATE 'P0099' THEN
  RETURN SQLERRM;
WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE VIEW attempts AS SELECT s FROM unnest(ARRAY['ALTER DOMAIN types.price ADD CHECK (types.noticed(value))', 'ALTER DOMAIN types.price ADD CHECK (value > 78)', 'ALTER DOMAIN price ADD CHECK (value > 78)',
  'ALTER DOMAIN types.price ADD CHECK (value > 78) NOT VALID', 'ALTER DOMAIN types.price VALIDATE CONSTRAINT early', 'ALTER DOMAIN types.price SET NOT NULL', 'ALTER DOMAIN types.discount ADD CHECK (value > 6)',
  'ALTER DOMAIN types.price DROP CONSTRAINT early', 'ALTER DOMAIN types.price SET DEFAULT 1', 'ALTER DOMAIN types.none SET NOT NULL',
  'DROP DOMAIN types.price CASCADE', 'DROP DOMAIN types.discount CASCADE', 'DROP TYPE types.state CASCADE', 'DROP TYPE types.line CASCADE', 'DROP SCHEMA types CASCADE', 'DROP OWNED BY regress_smith CASCADE',
  'ALTER TYPE types.state RENAME VALUE ''paid'' TO ''lost''', 'ALTER TYPE types.line RENAME ATTRIBUTE price TO cost', 'ALTER TABLE types.shape RENAME width TO height', 'ALTER TYPE types.state ADD VALUE ''new''',
  'DROP TYPE types.whole CASCADE', 'DROP COLLATION types.words CASCADE', 'ALTER TYPE types.line DROP ATTRIBUTE count', 'ALTER TABLE types.shape DROP COLUMN width', 'ALTER TYPE types.whole DROP ATTRIBUTE price CASCADE',
  'ALTER DOMAIN types.price DROP DEFAULT', 'ALTER DOMAIN types.discount DROP DEFAULT', 'ALTER DOMAIN types.price OWNER TO regress_smith', 'ALTER TYPE types.line ADD ATTRIBUTE note text', 'ALTER TABLE types.shape ADD COLUMN note text',
  'CREATE CAST (types.state AS integer) WITH FUNCTION types.counted AS IMPLICIT', 'CREATE CAST (text AS types.state) WITH INOUT AS ASSIGNMENT', 'CREATE CAST (types.line[] AS text) WITH INOUT AS IMPLICIT',
  'CREATE CAST (types.shape AS text) WITH INOUT', 'CREATE CAST (types.unused AS text) WITH INOUT', 'CREATE DOMAIN types.given AS int DEFAULT 1; ALTER DOMAIN types.given SET DEFAULT 2; ALTER DOMAIN types.given DROP DEFAULT',
  'CREATE DOMAIN types.other AS int CHECK (value > 1); ALTER DOMAIN types.other ADD CHECK (value > 2); DROP DOMAIN types.other']) s;
GRANT SELECT ON attempts TO PUBLIC;
SET search_path = app, types;
SET ROLE regress_smith;
SELECT s, tried(s) FROM attempts;
RESET ROLE;
SELECT object, problem, fix_sql FROM tenancy.advise() WHERE rule = 'foreign_type' ORDER BY 2;
-- The table's owner, and a superuser, may.
GRANT regress_smith TO regress_joiner; ALTER TABLE offers OWNER TO regress_joiner; ALTER TABLE offers_1 OWNER TO regress_joiner; ALTER TABLE of_type OWNER TO regress_joiner; GRANT CREATE ON SCHEMA app TO regress_joiner;
SET ROLE regress_joiner;
SELECT s, tried(s) FROM attempts WHERE s ~ 'VALIDATE|state CASCADE|RENAME|> 78\) N';
RESET ROLE;
SELECT count(*) FROM tenancy.advise() WHERE rule = 'foreign_type';
ALTER TYPE types.state OWNER TO regress_joiner;
SELECT count(*) FROM tenancy.advise() WHERE rule = 'foreign_type';
ALTER TYPE types.state OWNER TO regress_smith;
SELECT s, tried(s) FROM attempts WHERE s ~ 'noticed|NOT NULL|state CASCADE|RENAME';
ALTER TABLE offers OWNER TO CURRENT_USER;
ALTER TABLE of_type OWNER TO CURRENT_USER;
-- So may the owner of a schema drop what is in it, and of a table what is a part of it.
ALTER TABLE offers OWNER TO regress_joiner; ALTER TABLE offers_1 OWNER TO CURRENT_USER;
GRANT regress_keeper TO regress_joiner;
CREATE SCHEMA kept AUTHORIZATION regress_keeper;
ALTER TABLE of_type SET SCHEMA kept;
SET ROLE regress_joiner;
SELECT tried(s) FROM unnest('{DROP TABLE app.offers,DROP TABLE app.offers_1,DROP TABLE app.by_collation,DROP SCHEMA kept CASCADE}'::text[]) s;
RESET ROLE;
ALTER TABLE offers OWNER TO CURRENT_USER;
ALTER TABLE kept.of_type SET SCHEMA app; DROP SCHEMA kept;
SET client_min_messages = warning;
DROP TABLE offers, of_type, by_collation;
RESET client_min_messages;
-- A table that guard rails have closed is on no record.
CREATE TABLE closed (id int, organization_id uuid);
SELECT tenancy.protect('closed', 'logs', 'organization_id') \g /dev/null
DROP TABLE closed;
CREATE TABLE closed (id int, price types.price, state types.state, lines types.line[], shape types.shape);
CREATE TABLE closed_1 () INHERITS (closed);
INSERT INTO closed_1 VALUES (1, 77, 'open', ARRAY[ROW(7, 1)::types.line]);
CREATE TABLE closed_whole (id int, organization_id uuid);
SELECT tenancy.protect('closed_whole', 'logs', 'organization_id') \g /dev/null
ALTER TABLE closed_whole RENAME TO briefly_whole;
CREATE TABLE closed_whole OF types.whole;
DROP TABLE briefly_whole;
SET ROLE regress_smith;
SELECT s, tried(s) FROM attempts;
RESET ROLE;
DROP TABLE closed, closed_1, closed_whole;
-- Row types that change with a parent, or with a view; domains that only expressions have; a partitioned table without a partition yet.
SET ROLE regress_smith;
CREATE TABLE types.parent (a int);
CREATE TABLE types.heir () INHERITS (types.parent);
CREATE TABLE types.last_heir () INHERITS (types.heir);
CREATE VIEW types.looks AS SELECT 1 AS a;
CREATE DOMAIN types.generated AS text; CREATE DOMAIN types.indexed AS text; CREATE DOMAIN types.checked AS text; CREATE DOMAIN types.hiding AS text;
CREATE DOMAIN types.given AS text; CREATE DOMAIN types.unmade AS text; CREATE DOMAIN types.within AS text; CREATE DOMAIN types.bounded AS text; CREATE DOMAIN types.free AS text;
RESET ROLE;
CREATE TYPE app.pair AS (one types.within);
CREATE TYPE app.span AS RANGE (subtype = types.bounded);
CREATE TABLE uses (id int PRIMARY KEY, organization_id uuid, word text DEFAULT 'x'::types.given::text, heir types.last_heir, look types.looks, pairs app.pair[], span app.span,
  made text GENERATED ALWAYS AS ((word::types.generated)::text) STORED, CHECK (word::types.checked IS NOT NULL));
CREATE INDEX ON uses ((word::types.indexed));
CREATE TABLE unmade (id int, organization_id uuid, word types.unmade) PARTITION BY LIST (id);
SELECT tenancy.protect(t, 'logs', 'organization_id') FROM unnest('{uses,unmade}'::regclass[]) t \g /dev/null
CREATE POLICY hides ON uses AS RESTRICTIVE USING (word::types.hiding <> '');
INSERT INTO uses (id, organization_id, heir, look) VALUES (1, :acme, ROW(1), ROW(1));
CREATE VIEW more_attempts AS SELECT s FROM unnest(ARRAY['ALTER TABLE types.parent ADD COLUMN b int', 'ALTER TABLE types.parent RENAME a TO b', 'ALTER TABLE types.last_heir ADD COLUMN b int', 'CREATE OR REPLACE VIEW types.looks AS SELECT 1 AS a, 2 AS b',
  'ALTER DOMAIN types.generated ADD CHECK (value <> '''')', 'ALTER DOMAIN types.generated SET NOT NULL', 'ALTER DOMAIN types.indexed ADD CHECK (value <> '''')', 'ALTER DOMAIN types.checked ADD CHECK (value <> '''')', 'ALTER DOMAIN types.hiding ADD CHECK (value <> '''')',
  'ALTER DOMAIN types.given ADD CHECK (value <> '''')', 'ALTER DOMAIN types.unmade ADD CHECK (value <> '''')', 'ALTER DOMAIN types.unmade SET DEFAULT ''y''', 'ALTER DOMAIN types.within ADD CHECK (value <> '''')', 'ALTER DOMAIN types.bounded ADD CHECK (value <> '''')',
  'ALTER DOMAIN types.free ADD CHECK (value <> '''')', 'CREATE CAST (types.looks AS text) WITH INOUT AS ASSIGNMENT']) s;
GRANT SELECT ON more_attempts TO regress_smith;
SET ROLE regress_smith;
SELECT s, tried(s) FROM more_attempts;
RESET ROLE;
SELECT object, split_part(problem, ':', 1) AS problem FROM tenancy.advise() WHERE rule = 'foreign_type' AND object IN ('app.uses', 'app.unmade') ORDER BY 1, 2;
DROP TABLE uses, unmade;
DROP TYPE app.span, app.pair;
SET ROLE regress_smith;
SELECT s, tried(s) FROM more_attempts;
RESET ROLE;
-- What the extension does for a caller, with a superuser's rights, is the caller's doing: columns that it adds to a table or a scoped view, also
-- where a table takes a protected one's name.
GRANT EXECUTE ON FUNCTION tenancy.protect, tenancy.add_tenant_columns, tenancy.create_scoped_view, tenancy.apply_logging_settings(regclass, text, name[]) TO regress_smith;
SET client_min_messages = warning;
SET ROLE regress_smith;
CREATE TABLE types.book (id int PRIMARY KEY, organization_id uuid);
CREATE TABLE types.page (id int, book_id int REFERENCES types.book);
CREATE TABLE types.post (id int, organization_id uuid, body text);
CREATE TABLE types.entry (id int, organization_id uuid, body text);
CREATE TABLE types.once (id int, organization_id uuid);
CREATE TABLE types.fresh (id int, organization_id uuid);
\o /dev/null
SELECT tenancy.protect(t, 'logs', 'organization_id') FROM unnest('{types.book,types.entry,types.once}'::regclass[]) t;
SELECT tenancy.protect('types.post', 'logs', 'organization_id', payload => '{body}');
SELECT tenancy.create_scoped_view('types.post', 'types.posts');
SELECT tenancy.apply_logging_settings('types.once', 'logs');
\o
DROP TABLE types.once;
ALTER TABLE types.post ADD COLUMN extra int;
RESET ROLE;
CREATE TABLE uses (id int, organization_id uuid, page types.page, entry types.entry, post types.posts, fresh types.fresh);
INSERT INTO uses VALUES (1, :acme, ROW(1, 2), NULL, ROW(1, NULL, 'x'));
SELECT tenancy.protect('uses', 'logs', 'organization_id') \g /dev/null
CREATE VIEW calls AS SELECT s FROM unnest(ARRAY['SELECT tenancy.protect(''types.page'', ''logs'', through => ''{book_id}'')', 'SELECT tenancy.protect(''types.page'', ''logs'', through => ''{book_id}'', organization => ''other'')', 'SELECT tenancy.add_tenant_columns(''types.page'', ''{book_id}'')',
  'SELECT tenancy.create_scoped_view(''types.post'', ''types.posts'')', 'SELECT tenancy.apply_logging_settings(''types.entry'', ''logs'', ''{body}'')', 'ALTER TABLE types.fresh RENAME TO once', 'SELECT tenancy.protect(''types.entry'', ''logs'', ''organization_id'')']) s;
GRANT SELECT ON calls TO regress_smith;
SET ROLE regress_smith;
SELECT s, tried(s) FROM calls;
RESET ROLE;
-- The server itself keeps a superuser from adding a column with a default.
SELECT s, tried(s) FROM calls WHERE s !~ 'once';
ALTER TABLE uses OWNER TO regress_smith;
SET ROLE regress_smith;
SELECT s, tried(s) FROM calls WHERE s ~ 'page|posts';
RESET ROLE;
ALTER TABLE uses OWNER TO CURRENT_USER;
DROP TABLE uses;
SET ROLE regress_smith;
SELECT s, tried(s) FROM calls;
RESET ROLE;
RESET client_min_messages;
-- Without a table of others, the type's owner may.
SET ROLE regress_smith;
SELECT s, tried(s) FROM attempts WHERE s ~ 'noticed|CASCADE|RENAME|CAST|DEFAULT|ADD A|ADD COL' AND s !~ 'OWNED';
RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA types CASCADE;
REVOKE CREATE ON SCHEMA app FROM regress_joiner;
DROP OWNED BY regress_joiner;
DROP ROLE regress_smith, regress_joiner, regress_keeper;
