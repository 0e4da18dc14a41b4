-- The owner's exemption belongs to one query: that by which the server validates a foreign key. Code that runs beside it, before it,
-- or after a command that has failed, and that brings a query of the same text, must not see more than it did.
CREATE TABLE attacks.validations (title text PRIMARY KEY, query text NOT NULL);
INSERT INTO attacks.validations VALUES
  ('the server''s query', 'SELECT fk."i" FROM ONLY {s}.c fk LEFT OUTER JOIN ONLY {s}.p pk ON ( pk."i" OPERATOR(pg_catalog.=) fk."i") WHERE pk."i" IS NULL AND (fk."i" IS NOT NULL)'),
  ('one that is like it', 'SELECT fk."i" FROM ONLY {s}.c fk JOIN ONLY {s}.p pk ON true');

-- {b} runs the query and returns what it can read afterwards.
CREATE TABLE attacks.baits (title text PRIMARY KEY, script text NOT NULL);
INSERT INTO attacks.baits VALUES
  ('a function of SQL and a view', 'CREATE FUNCTION {b} RETURNS text LANGUAGE sql VOLATILE AS $${q}; SELECT string_agg(body, '' '') FROM app.recent $$;'),
  ('a function of SQL and its owner''s', 'CREATE FUNCTION {b} RETURNS text LANGUAGE sql VOLATILE AS $${q}; SELECT app.report() $$;'),
  ('a function of SQL that is made', 'CREATE FUNCTION {b} RETURNS text LANGUAGE plpgsql VOLATILE AS $b$ BEGIN EXECUTE $e$ CREATE OR REPLACE FUNCTION {s}.made() RETURNS int LANGUAGE sql AS $${q} $$ $e$; RETURN app.report(); END $b$;'),
  ('a statement that is run', 'CREATE FUNCTION {b} RETURNS text LANGUAGE plpgsql VOLATILE AS $b$ BEGIN EXECUTE $${q} $$; RETURN (SELECT string_agg(body, '' '') FROM app.recent) || app.report(); END $b$;'),
  ('a statement that is prepared', 'CREATE FUNCTION {b} RETURNS text LANGUAGE plpgsql VOLATILE AS $b$ BEGIN EXECUTE $$ PREPARE evil AS {q} $$; RETURN app.report_sql(); END $b$;'),
  ('a plan that is shown', 'CREATE FUNCTION {b} RETURNS text LANGUAGE plpgsql VOLATILE AS $b$ BEGIN EXECUTE $$ EXPLAIN {q} $$; RETURN (SELECT string_agg(body, '' '') FROM app.recent); END $b$;'),
  ('a cursor', 'CREATE FUNCTION {b} RETURNS text LANGUAGE plpgsql VOLATILE AS $b$ DECLARE c refcursor; BEGIN OPEN c FOR EXECUTE $${q} $$; RETURN (SELECT string_agg(body, '' '') FROM app.recent); END $b$;'),
  ('a domain''s check', 'CREATE FUNCTION {s}.told() RETURNS boolean LANGUAGE plpgsql AS $b$ BEGIN RAISE INFO ''%'', app.report(); RETURN true; END $b$; CREATE DOMAIN {s}.d AS int CHECK ({s}.told()); SET LOCAL check_function_bodies = off; CREATE FUNCTION {b} RETURNS text LANGUAGE sql VOLATILE AS $${q}; SELECT (''{1}''::{s}.d[])::text $$;');

CREATE TABLE attacks.validating (title text PRIMARY KEY, script text NOT NULL);
INSERT INTO attacks.validating VALUES
  ('a default', 'ALTER TABLE {s}.c ADD COLUMN seen text DEFAULT {b}; SELECT seen FROM {s}.c;'),
  ('a default beside the key', 'ALTER TABLE {s}.c ADD COLUMN seen text DEFAULT {b}, ADD FOREIGN KEY (i) REFERENCES {s}.p; SELECT seen FROM {s}.c;'),
  ('a conversion', 'ALTER TABLE {s}.c ALTER j TYPE text USING {b}; SELECT j FROM {s}.c;'),
  ('a check', 'CREATE FUNCTION {s}.showing() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE INFO ''%'', {b}; RETURN true; END $$; ALTER TABLE {s}.c ADD CHECK ({s}.showing()), ADD FOREIGN KEY (i) REFERENCES {s}.p;'),
  ('a cast in the key''s comparison', 'CREATE TYPE {s}.e AS ENUM (''a''); CREATE FUNCTION {s}.to_int({s}.e) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RAISE INFO ''%'', {b}; RETURN 1; END $$; CREATE CAST ({s}.e AS int) WITH FUNCTION {s}.to_int AS IMPLICIT; CREATE TABLE {s}.k (e {s}.e); INSERT INTO {s}.k VALUES (''a''); ALTER TABLE {s}.k ADD FOREIGN KEY (e) REFERENCES {s}.p;'),
  -- psql rolls each statement that has failed back to a savepoint.
  ('after a command that has failed', E'ALTER TABLE {s}.c ADD COLUMN i int;\nSELECT {b};'),
  ('after an error that was caught', E'DO $$ BEGIN ALTER TABLE {s}.c ADD FOREIGN KEY (j) REFERENCES {s}.p; EXCEPTION WHEN OTHERS THEN NULL; END $$;\nSELECT {b};'),
  ('before the key is validated', E'ALTER TABLE {s}.c ADD CONSTRAINT k FOREIGN KEY (i) REFERENCES {s}.p NOT VALID;\nSELECT {b};\nALTER TABLE {s}.c VALIDATE CONSTRAINT k;'),
  ('by itself', 'SELECT {b};');

INSERT INTO attacks.cases (family, title, script, forbidden)
SELECT 'exempt', format('%s: %s, %s, %s', a.who, p.title, b.title, v.title),
  replace(replace(replace(format(E'@as %s\n', a.who) || E'CREATE TABLE {s}.p (i int PRIMARY KEY);\nCREATE TABLE {s}.c (i int, j text);\nINSERT INTO {s}.p VALUES (1);\nINSERT INTO {s}.c VALUES (1, ''x'');\n' ||
    b.script || E'\n' || p.script || E'\nSELECT string_agg(body, '' '') FROM app.recent;\nSELECT app.report(), app.report_sql();', '{q}', v.query), '{b}', '{s}.bait()'), '{s}', a.place), a.forbidden
FROM (SELECT login AS who, login AS place, 'canary_' AS forbidden FROM attacks.attackers WHERE login IN ('att_dev', 'att_granted')
  UNION ALL SELECT format('%s %s', login, principal), CASE WHEN login ~ 'att_web' THEN 'pg_temp' END, forbidden FROM attacks.principals WHERE principal IN ('nobody', 'mike key')) a,
  attacks.validating p, attacks.baits b, attacks.validations v
WHERE a.place IS NOT NULL;
