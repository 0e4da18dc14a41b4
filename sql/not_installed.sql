-- A server that preloads the module for all databases has some without the extension: nothing changes there, not for tables with row
-- security, nor where somebody has a schema of our name.
\pset format unaligned
SET client_min_messages = warning;
SELECT current_database() AS here \gset
DROP DATABASE IF EXISTS regress_not_installed;
CREATE DATABASE regress_not_installed;
DROP ROLE IF EXISTS regress_anybody;
CREATE ROLE regress_anybody;
\connect regress_not_installed
LOAD 'pg_tenancy';
SET client_min_messages = warning;
GRANT CREATE ON DATABASE regress_not_installed TO regress_anybody;
GRANT ALL ON SCHEMA public TO regress_anybody;
-- The error of a statement by a role to which policies apply; NULL for none.
CREATE FUNCTION problem(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s: %s', SQLSTATE, SQLERRM);
END
$$;
CREATE TABLE statements (n serial, statement text);
INSERT INTO statements (statement) VALUES
  ('CREATE TYPE mood AS ENUM (''good'', ''bad'')'), ('CREATE TYPE place AS (street text, mood mood)'),
  ('CREATE TABLE notes (id int PRIMARY KEY, tenant text, title text, at point, mood mood DEFAULT ''good'', place place, tags text[], other int)'),
  ('INSERT INTO notes SELECT n, CASE n % 2 WHEN 0 THEN ''me'' ELSE ''you'' END, ''t'' || n, point(n, n) FROM generate_series(1, 500) n'),
  ('CREATE INDEX ON notes USING gist (at)'), ('CREATE INDEX ON notes (title)'), ('CREATE INDEX ON notes USING gin (tags)'),
  ('CREATE INDEX ON notes USING brin (id)'), ('CREATE INDEX ON notes USING hash (tenant)'),
  ('CREATE TABLE parts (id int, tenant text, note int REFERENCES notes ON DELETE CASCADE) PARTITION BY LIST (tenant)'),
  ('CREATE TABLE parts_me PARTITION OF parts FOR VALUES IN (''me'')'), ('CREATE TABLE parts_you PARTITION OF parts FOR VALUES IN (''you'')'),
  ('INSERT INTO parts SELECT id, tenant, id FROM notes'),
  ('ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY'), ('ALTER TABLE parts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY'),
  ('CREATE POLICY mine ON notes USING (tenant = current_setting(''app.tenant''))'), ('CREATE POLICY mine ON parts USING (tenant = current_setting(''app.tenant''))'),
  ('SET app.tenant = ''me'''), ('SET tenancy."user" = ''somebody'''), ('RESET tenancy."user"'),
  ('ANALYZE notes'),
  ('SELECT FROM notes ORDER BY at <-> point(1, 1) LIMIT 3'), ('SELECT FROM notes WHERE title = ''t4'''), ('SELECT FROM notes WHERE title LIKE ''t4%'' AND mood = ''good'''),
  ('SELECT FROM notes WHERE tags @> ''{a}'' AND lower(title) = ''t4'''), ('SELECT FROM notes WHERE title = (SELECT ''t4'') AND 1 / id > 0'),
  ('SELECT FROM notes n JOIN parts p ON p.note = n.id AND p.tenant = n.tenant'), ('SELECT FROM notes n LEFT JOIN LATERAL (SELECT FROM parts p WHERE p.note = n.id LIMIT 1) p ON true'),
  ('SELECT tenant, count(*) FROM parts GROUP BY 1'), ('SELECT FROM notes TABLESAMPLE bernoulli (50)'), ('WITH x AS (UPDATE notes SET other = 1 WHERE id < 9 RETURNING id) SELECT FROM x'),
  ('MERGE INTO notes n USING (VALUES (2)) v (id) ON n.id = v.id WHEN MATCHED THEN UPDATE SET other = 2 WHEN NOT MATCHED THEN INSERT (id, tenant) VALUES (v.id, ''me'')'),
  ('INSERT INTO notes (id, tenant) VALUES (1000, ''me'') ON CONFLICT (id) DO UPDATE SET other = 3'),
  ('DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM notes LOOP NULL; END LOOP; END $$'),
  ('UPDATE parts SET tenant = ''me'' WHERE id = 2'), ('DELETE FROM notes WHERE id = 4'),
  ('CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM notes'), ('SELECT FROM barrier WHERE title = ''t4'''), ('DROP VIEW barrier'),
  ('CREATE TRIGGER t BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()'),
  ('ALTER TABLE notes DISABLE TRIGGER t'), ('ALTER TRIGGER t ON notes RENAME TO "~~tenancy_t"'), ('DROP TRIGGER "~~tenancy_t" ON notes'),
  ('ALTER TABLE notes DROP COLUMN other'), ('ALTER TYPE place DROP ATTRIBUTE mood'), ('ALTER TYPE mood RENAME VALUE ''bad'' TO ''worse'''), ('ALTER TABLE notes ALTER title TYPE varchar'),
  ('ALTER TABLE parts DETACH PARTITION parts_you'), ('ALTER TABLE parts ATTACH PARTITION parts_you FOR VALUES IN (''you'')'),
  ('CREATE TABLE child () INHERITS (notes)'), ('ALTER TABLE child NO INHERIT notes'), ('TRUNCATE child, parts'),
  ('CREATE SCHEMA tenancy'), ('CREATE TABLE tenancy.notes (id int, other int)'), ('ALTER TABLE tenancy.notes DROP COLUMN other'),
  ('SELECT FROM notes ORDER BY at <-> point(1, 1) LIMIT 3'), ('ALTER TABLE notes DROP COLUMN place'), ('DROP SCHEMA tenancy CASCADE'),
  ('ALTER TABLE notes RENAME TO papers'), ('DROP POLICY mine ON parts'), ('DROP TABLE child, parts, papers CASCADE'), ('DROP TYPE place, mood');
GRANT ALL ON ALL TABLES IN SCHEMA public TO regress_anybody;
SET SESSION AUTHORIZATION regress_anybody;
-- Each of them works.
SELECT s.n, s.statement, p.problem FROM statements s, LATERAL problem(s.statement) p (problem) WHERE p.problem IS NOT NULL ORDER BY s.n;
RESET SESSION AUTHORIZATION;
\connect :here
DROP DATABASE regress_not_installed;
DROP ROLE regress_anybody;
