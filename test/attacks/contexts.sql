-- Places where an attacker's code gets to run: by itself, inside what others do, and inside what the extension does for others.

-- Attackers with a schema of their own, which has the login's name.
CREATE TABLE attacks.attackers (login text PRIMARY KEY);
INSERT INTO attacks.attackers VALUES ('att_dev'), ('att_owner'), ('att_etl'), ('att_granted'), ('att_sign_up'), ('att_dba');

-- 1. By the attacker itself. {s} is a schema of the attacker's (or pg_temp), {me} the login.
CREATE TABLE attacks.own_ways (title text PRIMARY KEY, script text NOT NULL);
INSERT INTO attacks.own_ways VALUES
  ('a call', 'SELECT {s}.act();'),
  ('DO', 'DO $$ BEGIN PERFORM {s}.act(); END $$;'),
  ('PREPARE', 'PREPARE evil AS SELECT {s}.act(); EXECUTE evil; DEALLOCATE evil;'),
  ('COPY', 'COPY (SELECT {s}.act()) TO STDOUT;'),
  ('cursor', 'DECLARE evil CURSOR FOR SELECT {s}.act(); FETCH evil; CLOSE evil;'),
  ('cursor that is held', 'DECLARE evil CURSOR WITH HOLD FOR SELECT {s}.act(); FETCH evil; CLOSE evil;'),
  ('view', 'CREATE VIEW {s}.v AS SELECT {s}.f(1); SELECT * FROM {s}.v;'),
  ('materialized view', 'CREATE MATERIALIZED VIEW {s}.m AS SELECT {s}.f(1);'),
  ('own SECURITY DEFINER function', 'SELECT {s}.d(1);'),
  ('own SECURITY DEFINER function, in a read-only transaction', 'SET TRANSACTION READ ONLY; SELECT {s}.d(1);'),
  ('trigger', 'CREATE TABLE {s}.t (i int); CREATE TRIGGER t BEFORE INSERT ON {s}.t FOR EACH ROW EXECUTE FUNCTION {s}.trigger_function(); INSERT INTO {s}.t VALUES (1);'),
  ('trigger on an own view', 'CREATE VIEW {s}.v AS SELECT 1 AS i; CREATE TRIGGER t INSTEAD OF INSERT ON {s}.v FOR EACH ROW EXECUTE FUNCTION {s}.trigger_function(); INSERT INTO {s}.v VALUES (1);'),
  ('index', 'CREATE TABLE {s}.t (i int); INSERT INTO {s}.t VALUES (1); CREATE INDEX ON {s}.t ({s}.f(i)); ANALYZE {s}.t;'),
  ('check', 'CREATE TABLE {s}.t (i int CHECK ({s}.f(i) = i)); INSERT INTO {s}.t VALUES (1);'),
  ('default', 'CREATE TABLE {s}.t (i int DEFAULT {s}.f(1), j int); INSERT INTO {s}.t (j) VALUES (1);'),
  ('generated column', 'CREATE TABLE {s}.t (i int, j int GENERATED ALWAYS AS ({s}.f(i)) STORED); INSERT INTO {s}.t VALUES (1);'),
  ('domain', 'CREATE DOMAIN {s}.number AS int CHECK ({s}.f(VALUE) = VALUE); SELECT 1::{s}.number;'),
  ('aggregate', 'CREATE AGGREGATE {s}.every (int) (SFUNC = int4pl, STYPE = int, FINALFUNC = {s}.f); SELECT {s}.every(i) FROM generate_series(1, 2) i;'),
  ('policy', 'CREATE TABLE {s}.t (i int); INSERT INTO {s}.t VALUES (1); ALTER TABLE {s}.t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON {s}.t USING ({s}.f(i) = i); SELECT * FROM {s}.t;'),
  ('rule', 'CREATE TABLE {s}.t (i int); CREATE RULE r AS ON INSERT TO {s}.t DO ALSO SELECT {s}.f(new.i); INSERT INTO {s}.t VALUES (1);'),
  ('condition on a protected table', 'SELECT count(*) FROM app.logs WHERE {s}.f(n) = n;'),
  ('RETURNING from a protected table', 'UPDATE app.logs SET body = body RETURNING {s}.f(n);'),
  ('after the session''s role was set', 'SET LOCAL ROLE {me}; SELECT {s}.act();'),
  ('where simulate() is tried', 'SELECT * FROM tenancy.simulate(''SELECT {s}.f(1)'', ''mike@acme.test'', ''acme'', ''att_bound'');');
INSERT INTO attacks.cases (family, title, script, may)
SELECT 'own code', a.login || ': ' || w.title, E'@as ' || a.login || E'\n@code ' || a.login || E'\n@armed\n' || replace(replace(w.script, '{s}', a.login), '{me}', a.login), '{}'
FROM attacks.attackers a, attacks.own_ways w;
-- Tenants have no schema but that for temporary objects.
INSERT INTO attacks.cases (family, title, script, forbidden)
SELECT 'own code', p.principal || ': ' || w.title, format(E'@as %s %s\n@code pg_temp\n@armed\n', p.login, p.principal) || replace(replace(w.script, '{s}', 'pg_temp'), '{me}', p.login), p.forbidden
FROM attacks.principals p, attacks.own_ways w
WHERE p.principal IN ('nobody', 'search key', 'mike key', 'acme reader', 'mike') AND w.title NOT IN ('materialized view', 'index', 'policy', 'domain', 'generated column', 'rule', 'default')
   OR w.title = 'a call' AND p.principal !~ 'globex|gus|token';

-- 2. Where PostgreSQL itself runs the code of a table's owner for others, it does so by the owner's rights and restricts what can be done.
INSERT INTO attacks.cases (family, title, script, own_database)
SELECT 'maintenance', format('%s of a table of %s, by %s', v.title, a.login, victim), format(E'@as %s\n@code %1$s\n%s\n@as %s\n@armed\n%s', a.login, replace(v.made, '{s}', a.login), victim, replace(v.done, '{s}', a.login)), v.own
FROM attacks.attackers a, (VALUES
  ('ANALYZE', 'CREATE TABLE {s}.t (i int); INSERT INTO {s}.t VALUES (1); CREATE INDEX ON {s}.t ({s}.f(i));', 'ANALYZE {s}.t;', false),
  ('ANALYZE with statistics on an expression', 'CREATE TABLE {s}.t (i int); INSERT INTO {s}.t VALUES (1); CREATE STATISTICS {s}.st ON ({s}.f(i)), i FROM {s}.t;', 'ANALYZE {s}.t;', false),
  ('REINDEX', 'CREATE TABLE {s}.t (i int); INSERT INTO {s}.t VALUES (1); CREATE INDEX ON {s}.t ({s}.f(i));', 'REINDEX TABLE {s}.t;', false),
  ('REINDEX of a partial index', 'CREATE TABLE {s}.t (i int); INSERT INTO {s}.t VALUES (1); CREATE INDEX ON {s}.t (i) WHERE {s}.f(i) = i;', 'REINDEX TABLE {s}.t;', false),
  ('CREATE INDEX', 'CREATE TABLE {s}.t (i int); INSERT INTO {s}.t VALUES (1);', 'CREATE INDEX ON {s}.t ({s}.f(i));', false),
  ('CLUSTER', 'CREATE TABLE {s}.t (i int); INSERT INTO {s}.t VALUES (1); CREATE INDEX tf ON {s}.t ({s}.f(i)); CREATE INDEX ti ON {s}.t (i);', 'CLUSTER {s}.t USING ti;', false),
  ('REFRESH MATERIALIZED VIEW', 'CREATE MATERIALIZED VIEW {s}.m AS SELECT {s}.f(1) AS i; CREATE UNIQUE INDEX ON {s}.m (i);', 'REFRESH MATERIALIZED VIEW {s}.m; REFRESH MATERIALIZED VIEW CONCURRENTLY {s}.m;', false),
  ('REFRESH MATERIALIZED VIEW, SECURITY DEFINER', 'CREATE MATERIALIZED VIEW {s}.m AS SELECT {s}.d(1) AS i;', 'REFRESH MATERIALIZED VIEW {s}.m;', false),
  ('VACUUM FULL', 'CREATE TABLE {s}.t (i int); INSERT INTO {s}.t VALUES (1); CREATE INDEX tf ON {s}.t ({s}.f(i));', 'VACUUM FULL {s}.t; VACUUM ANALYZE {s}.t;', true),
  ('CREATE INDEX CONCURRENTLY', 'CREATE TABLE {s}.t (i int); INSERT INTO {s}.t VALUES (1);', 'CREATE INDEX CONCURRENTLY ON {s}.t ({s}.f(i)); REINDEX TABLE CONCURRENTLY {s}.t;', true)
) v (title, made, done, own), unnest(ARRAY['postgres', 'att_dba']) victim
WHERE victim <> a.login AND (victim = 'postgres' OR v.title ~ '^REFRESH') AND NOT (v.own AND a.login <> 'att_dev');

-- 3. A SECURITY DEFINER function is its owner's, whoever calls it, in whatever way.
INSERT INTO attacks.cases (family, title, script)
SELECT 'definer', format('%s of %s, used by %s', v.title, a.login, victim), format(E'@as %s\n@code %1$s\n%s\n@as %s\n@armed\n%s', a.login, replace(v.made, '{s}', a.login), victim, replace(v.done, '{s}', a.login))
FROM attacks.attackers a, (VALUES
  ('function', '', 'SELECT {s}.d(1);'),
  ('view', 'CREATE VIEW {s}.v AS SELECT {s}.d(1); GRANT SELECT ON {s}.v TO PUBLIC;', 'SELECT * FROM {s}.v;'),
  ('trigger', 'CREATE TABLE {s}.t (i int); GRANT ALL ON {s}.t TO PUBLIC; CREATE TRIGGER t BEFORE INSERT ON {s}.t FOR EACH ROW EXECUTE FUNCTION {s}.definer_trigger();', 'INSERT INTO {s}.t VALUES (1);'),
  ('default', 'CREATE TABLE {s}.t (i int DEFAULT {s}.d(1), j int); GRANT ALL ON {s}.t TO PUBLIC;', 'INSERT INTO {s}.t (j) VALUES (1);'),
  ('check', 'CREATE TABLE {s}.t (i int CHECK ({s}.d(i) = i)); GRANT ALL ON {s}.t TO PUBLIC;', 'INSERT INTO {s}.t VALUES (1);'),
  ('domain', 'CREATE DOMAIN {s}.number AS int CHECK ({s}.d(VALUE) = VALUE);', 'SELECT 1::{s}.number;'),
  ('policy', 'CREATE TABLE {s}.t (i int); INSERT INTO {s}.t VALUES (1); ALTER TABLE {s}.t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON {s}.t USING ({s}.d(i) = i); GRANT ALL ON {s}.t TO PUBLIC;', 'SELECT * FROM {s}.t;'),
  ('rule', 'CREATE TABLE {s}.t (i int); CREATE RULE r AS ON INSERT TO {s}.t DO ALSO SELECT {s}.d(new.i); GRANT ALL ON {s}.t TO PUBLIC;', 'INSERT INTO {s}.t VALUES (1);'),
  ('operator', 'CREATE FUNCTION {s}.e(int, int) RETURNS boolean LANGUAGE sql AS ''SELECT {s}.d($1) = $2''; CREATE OPERATOR {s}.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = {s}.e);', 'SELECT 1 OPERATOR({s}.===) 2;')
) v (title, made, done), unnest(ARRAY['postgres', 'att_dba']) victim WHERE a.login IN ('att_dev', 'att_owner', 'att_sign_up');

-- A simulated query is somebody else's, with whatever code it meets.
INSERT INTO attacks.cases (family, title, script, forbidden)
SELECT 'definer', format('simulate() by %s of a view of %s', victim, a.login), format(E'@as postgres\nGRANT att_bound TO att_dba;\n@as %s\n@code %1$s\nCREATE VIEW %1$s.v AS SELECT %1$s.%3$s(1); GRANT SELECT ON %1$s.v TO PUBLIC; GRANT USAGE ON SCHEMA %1$s TO PUBLIC;\n@as %2$s\n@armed\nSELECT * FROM tenancy.simulate(''SELECT * FROM %1$s.v'', ''mike@acme.test'', ''acme'', ''att_bound'');', a.login, victim, f), (SELECT forbidden FROM attacks.principals WHERE principal = 'mike')
FROM attacks.attackers a, unnest(ARRAY['postgres', 'att_dba']) victim, unnest(ARRAY['f', 'd']) f WHERE a.login IN ('att_dev', 'att_owner');

-- 4. Referential actions run by the rights of a table's owner, without regard to its forced row security. What runs inside must not
-- have that.
INSERT INTO attacks.cases (family, title, script)
SELECT 'referential action', format('%s, %s, of %s', c.title, a.title, l.login),
  replace(format(E'@as %s\n@code %1$s\nCREATE TABLE {s}.p (i int PRIMARY KEY);\n%s\nINSERT INTO {s}.p VALUES (1), (7);\n%s\n%s\nINSERT INTO {s}.c VALUES (1);\n@armed\n%s\nSELECT coalesce(string_agg(body, '' ''), ''none'') FROM app.recent;\nSELECT app.report();',
    l.login, replace(c.before, '{on}', a.clause), replace(c.made, '{on}', a.clause), '', a.done), '{s}', l.login)
FROM (VALUES ('att_dev'), ('att_owner')) l (login), (VALUES
  ('ON DELETE CASCADE', 'ON DELETE CASCADE', 'DELETE FROM {s}.p WHERE i = 1;'),
  ('ON DELETE SET NULL', 'ON DELETE SET NULL', 'DELETE FROM {s}.p WHERE i = 1;'),
  ('ON DELETE SET DEFAULT', 'ON DELETE SET DEFAULT', 'DELETE FROM {s}.p WHERE i = 1;'),
  ('ON UPDATE CASCADE', 'ON UPDATE CASCADE', 'UPDATE {s}.p SET i = 2 WHERE i = 1;')) a (title, clause, done), (VALUES
  ('trigger before', 'SELECT 1;', 'CREATE TABLE {s}.c (i int DEFAULT 7 REFERENCES {s}.p {on}); CREATE TRIGGER t BEFORE UPDATE OR DELETE ON {s}.c FOR EACH ROW EXECUTE FUNCTION {s}.trigger_function();'),
  ('trigger after', 'SELECT 1;', 'CREATE TABLE {s}.c (i int DEFAULT 7 REFERENCES {s}.p {on}); CREATE TRIGGER t AFTER UPDATE OR DELETE ON {s}.c FOR EACH ROW EXECUTE FUNCTION {s}.trigger_function();'),
  ('trigger of the statement', 'SELECT 1;', 'CREATE TABLE {s}.c (i int DEFAULT 7 REFERENCES {s}.p {on}); CREATE TRIGGER t AFTER UPDATE OR DELETE ON {s}.c FOR EACH STATEMENT EXECUTE FUNCTION {s}.definer_trigger();'),
  ('trigger with a condition', 'SELECT 1;', 'CREATE TABLE {s}.c (i int DEFAULT 7 REFERENCES {s}.p {on}); CREATE TRIGGER t BEFORE UPDATE OR DELETE ON {s}.c FOR EACH ROW WHEN ({s}.f(OLD.i) = 1) EXECUTE FUNCTION {s}.trigger_function();'),
  ('rule', 'SELECT 1;', 'CREATE TABLE {s}.c (i int DEFAULT 7 REFERENCES {s}.p {on}); CREATE RULE r AS ON UPDATE TO {s}.c DO ALSO SELECT {s}.f(1); CREATE RULE r2 AS ON DELETE TO {s}.c DO ALSO SELECT {s}.f(1);'),
  ('default', 'SELECT 1;', 'CREATE TABLE {s}.c (i int DEFAULT {s}.f(7) REFERENCES {s}.p {on});'),
  ('check', 'SELECT 1;', 'CREATE TABLE {s}.c (i int DEFAULT 7 REFERENCES {s}.p {on} CHECK ({s}.f(i) = i));'),
  ('generated column', 'SELECT 1;', 'CREATE TABLE {s}.c (i int DEFAULT 7 REFERENCES {s}.p {on}, j int GENERATED ALWAYS AS ({s}.f(i)) STORED);'),
  ('index', 'SELECT 1;', 'CREATE TABLE {s}.c (i int DEFAULT 7 REFERENCES {s}.p {on}); CREATE INDEX ON {s}.c ({s}.f(i));'),
  ('partial index', 'SELECT 1;', 'CREATE TABLE {s}.c (i int DEFAULT 7 REFERENCES {s}.p {on}); CREATE INDEX ON {s}.c (i) WHERE {s}.f(1) = 1;'),
  ('partition key', 'SELECT 1;', 'CREATE TABLE {s}.c (i int DEFAULT 7 REFERENCES {s}.p {on}) PARTITION BY LIST (({s}.f(i))); CREATE TABLE {s}.c1 PARTITION OF {s}.c DEFAULT;'),
  ('domain', 'CREATE DOMAIN {s}.number AS int CHECK ({s}.f(VALUE) = VALUE);', 'CREATE TABLE {s}.c (i {s}.number DEFAULT 7 REFERENCES {s}.p {on});'),
  ('policy', 'SELECT 1;', 'CREATE TABLE {s}.c (i int DEFAULT 7 REFERENCES {s}.p {on}); ALTER TABLE {s}.c ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON {s}.c USING ({s}.f(i) = i) WITH CHECK ({s}.f(i) = i);')
) c (title, before, made);
-- The look-up of what is referred to does so, too: casts, and what its table has.
INSERT INTO attacks.cases (family, title, script)
SELECT 'referential action', format('%s, of %s', c.title, l.login), replace(format(E'@as %s\n@code %1$s\n%s\nSELECT coalesce(string_agg(body, '' ''), ''none'') FROM app.recent;', l.login, c.script), '{s}', l.login)
FROM (VALUES ('att_dev'), ('att_owner')) l (login), (VALUES
  ('cast in the look-up', E'CREATE TYPE {s}.e AS ENUM (''a''); CREATE FUNCTION {s}.to_int({s}.e) RETURNS int IMMUTABLE LANGUAGE plpgsql AS ''BEGIN PERFORM {s}.f(1); RETURN 1; END''; CREATE CAST ({s}.e AS int) WITH FUNCTION {s}.to_int AS IMPLICIT; CREATE TABLE {s}.p (i int PRIMARY KEY); INSERT INTO {s}.p VALUES (1); CREATE TABLE {s}.c (e {s}.e REFERENCES {s}.p ON DELETE CASCADE);\n@armed\nINSERT INTO {s}.c VALUES (''a''); DELETE FROM {s}.p;'),
  ('index of what is referred to', E'CREATE TABLE {s}.p (i int PRIMARY KEY); INSERT INTO {s}.p VALUES (1); CREATE INDEX ON {s}.p (i) WHERE {s}.f(1) = 1; CREATE TABLE {s}.c (i int REFERENCES {s}.p);\n@armed\nINSERT INTO {s}.c VALUES (1);'),
  ('check of what is referred to', E'CREATE TABLE {s}.p (i int PRIMARY KEY CHECK ({s}.f(1) = 1)); INSERT INTO {s}.p VALUES (1); CREATE TABLE {s}.c (i int REFERENCES {s}.p); SET LOCAL constraint_exclusion = on;\n@armed\nINSERT INTO {s}.c VALUES (1);'),
  ('rule of what is referred to', E'CREATE TABLE {s}.p (i int PRIMARY KEY); INSERT INTO {s}.p VALUES (1); CREATE RULE r AS ON UPDATE TO {s}.p DO ALSO SELECT {s}.f(1); CREATE TABLE {s}.c (i int REFERENCES {s}.p);\n@armed\nINSERT INTO {s}.c VALUES (1);'),
  ('validation', E'CREATE TABLE {s}.p (i int PRIMARY KEY); INSERT INTO {s}.p VALUES (1); CREATE TABLE {s}.c (i int); INSERT INTO {s}.c VALUES (1); CREATE INDEX ON {s}.c (i) WHERE {s}.f(1) = 1;\n@armed\nALTER TABLE {s}.c ADD FOREIGN KEY (i) REFERENCES {s}.p;')
) c (title, script);

-- A trusted extension, whose functions belong to a superuser and do what their arguments' types say
CREATE EXTENSION hstore;
-- 5. The extension's own work on tables of others: code in every place that a table has for it, in all that walks over tables.
CREATE TABLE attacks.places (title text PRIMARY KEY, before text, columns text, made text);
INSERT INTO attacks.places VALUES
  ('index expression', '', '', 'CREATE INDEX ON {s}.t ({s}.f(n));'),
  ('index predicate', '', '', 'CREATE INDEX ON {s}.t (n) WHERE {s}.f(n) = n;'),
  ('constant index predicate', '', '', 'CREATE INDEX ON {s}.t (n) WHERE {s}.f(1) = 1;'),
  ('constant index expression', '', '', 'CREATE INDEX ON {s}.t ((n + {s}.f(1)));'),
  ('constant check', '', '', 'ALTER TABLE {s}.t ADD CHECK (n > 0 OR {s}.f(1) = 1);'),
  ('check', '', '', 'ALTER TABLE {s}.t ADD CHECK ({s}.f(n) = n);'),
  ('constant expression of statistics', '', '', 'CREATE STATISTICS {s}.st ON (n + {s}.f(1)), n FROM {s}.t;'),
  ('default', '', ', j int DEFAULT {s}.f(1)', ''),
  ('generated column', '', ', j int GENERATED ALWAYS AS ({s}.f(n)) STORED', ''),
  ('domain', 'CREATE DOMAIN {s}.number AS int CHECK ({s}.f(VALUE) = VALUE);', ', j {s}.number DEFAULT 1', ''),
  ('domain of an id', 'CREATE DOMAIN {s}.id AS uuid CHECK ({s}.f(1) = 1);', ', o2 {s}.id DEFAULT NULL', ''),
  ('domain in a constant of a row type', 'CREATE DOMAIN {s}.number AS int CHECK ({s}.f(VALUE) = VALUE); CREATE TYPE {s}.pair AS (a {s}.number);', ', j {s}.pair DEFAULT ''(1)''', 'CREATE INDEX ON {s}.t ((n + 0)) WHERE j = ''(1)''::{s}.pair;'),
  ('domain in a constant of an array', 'CREATE DOMAIN {s}.number AS int CHECK ({s}.f(VALUE) = VALUE);', ', j {s}.number[] DEFAULT coalesce(NULL, ''{1}''::{s}.number[])', 'CREATE INDEX ON {s}.t ((n + 0)) WHERE j = ''{1}''::{s}.number[];'),
  ('domain in a constant of a range', 'CREATE DOMAIN {s}.number AS int CHECK ({s}.f(VALUE) = VALUE); CREATE TYPE {s}.span AS RANGE (subtype = {s}.number);', ', j {s}.span DEFAULT ''[1,2]''', 'CREATE INDEX ON {s}.t ((n + 0)) WHERE j = ''[1,2]''::{s}.span;'),
  ('type with a cast to json', 'CREATE TYPE {s}.own AS (i int); CREATE FUNCTION {s}.to_json({s}.own) RETURNS json LANGUAGE plpgsql AS ''BEGIN PERFORM {s}.f(1); RETURN ''''1''''; END''; CREATE CAST ({s}.own AS json) WITH FUNCTION {s}.to_json;', ', j {s}.own DEFAULT ''(1)''', ''),
  ('type in an array with a cast to json', 'CREATE TYPE {s}.own AS ENUM (''a''); CREATE FUNCTION {s}.to_json({s}.own) RETURNS json LANGUAGE plpgsql AS ''BEGIN PERFORM {s}.f(1); RETURN ''''1''''; END''; CREATE CAST ({s}.own AS json) WITH FUNCTION {s}.to_json;', ', j {s}.own[] DEFAULT ''{a}''', ''),
  ('trigger before delete', '', '', 'CREATE TRIGGER t BEFORE DELETE ON {s}.t FOR EACH ROW EXECUTE FUNCTION {s}.trigger_function();'),
  ('trigger after delete', '', '', 'CREATE TRIGGER t AFTER DELETE ON {s}.t FOR EACH ROW EXECUTE FUNCTION {s}.trigger_function();'),
  ('trigger of the statement', '', '', 'CREATE TRIGGER t BEFORE DELETE ON {s}.t FOR EACH STATEMENT EXECUTE FUNCTION {s}.trigger_function();'),
  ('SECURITY DEFINER trigger', '', '', 'CREATE TRIGGER t BEFORE DELETE ON {s}.t FOR EACH ROW EXECUTE FUNCTION {s}.definer_trigger();'),
  ('condition of a trigger', '', '', 'CREATE TRIGGER t BEFORE DELETE ON {s}.t FOR EACH ROW WHEN ({s}.f(1) = 1) EXECUTE FUNCTION suppress_redundant_updates_trigger();'),
  ('constraint trigger', '', '', 'CREATE CONSTRAINT TRIGGER t AFTER DELETE ON {s}.t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {s}.trigger_function();'),
  ('rule', '', '', 'CREATE RULE r AS ON DELETE TO {s}.t DO ALSO SELECT {s}.f(1);'),
  ('rule instead', '', '', 'CREATE RULE r AS ON DELETE TO {s}.t DO INSTEAD SELECT {s}.f(1);'),
  ('restrictive policy', '', '', 'CREATE POLICY p ON {s}.t AS RESTRICTIVE USING ({s}.f(n) = n);'),
  ('inheritance child', '', '', 'CREATE TABLE {s}.child () INHERITS ({s}.t); CREATE INDEX ON {s}.child (n) WHERE {s}.f(1) = 1;'),
  ('cascade to a table with a trigger', '', ', k int UNIQUE', 'CREATE TABLE {s}.c (k int REFERENCES {s}.t (k) ON DELETE CASCADE); CREATE TRIGGER t BEFORE DELETE ON {s}.c FOR EACH ROW EXECUTE FUNCTION {s}.trigger_function(); UPDATE {s}.t SET k = 1; INSERT INTO {s}.c VALUES (1);'),
  ('constraint trigger of a foreign key''s name', '', ', k int UNIQUE', 'CREATE TABLE {s}.lines (k int CONSTRAINT fk REFERENCES {s}.t (k) DEFERRABLE INITIALLY DEFERRED); CREATE TABLE {s}.x (i int); CREATE CONSTRAINT TRIGGER fk AFTER INSERT ON {s}.x DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {s}.trigger_function(); INSERT INTO {s}.x VALUES (1);'),
  ('exclusion constraint of a foreign key''s name', '', ', k int UNIQUE', 'CREATE TABLE {s}.lines (k int CONSTRAINT fk REFERENCES {s}.t (k) DEFERRABLE INITIALLY DEFERRED); CREATE TABLE {s}.x (i int, CONSTRAINT fk EXCLUDE (({s}.f(i)) WITH =) DEFERRABLE INITIALLY DEFERRED); INSERT INTO {s}.x VALUES (1), (1);'),
  ('partition key', '', ') PARTITION BY RANGE ((n + {s}.f(1))', 'CREATE TABLE {s}.t1 PARTITION OF {s}.t DEFAULT;'),
  ('operator in a partition key', 'CREATE FUNCTION {s}.plus(int, int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS ''BEGIN PERFORM {s}.f(1); RETURN 1; END''; CREATE OPERATOR {s}.+ (LEFTARG = int, RIGHTARG = int, FUNCTION = {s}.plus);', ') PARTITION BY LIST ((n + (1 OPERATOR({s}.+) 1))', 'CREATE TABLE {s}.t1 PARTITION OF {s}.t DEFAULT;'),
  ('row type in a partition key, by a function of an extension', 'CREATE DOMAIN {s}.number AS int CHECK ({s}.f(1) = 1); CREATE TYPE {s}.pair AS (a {s}.number);', ') PARTITION BY RANGE ((n + ((populate_record(NULL::{s}.pair, ''a=>1''::hstore)).a)::int)', 'CREATE TABLE {s}.t1 PARTITION OF {s}.t DEFAULT;'),
  ('domain in a partition key', 'CREATE DOMAIN {s}.number AS int CHECK ({s}.f(1) = 1);', ') PARTITION BY LIST ((n + 1::{s}.number)', 'CREATE TABLE {s}.t1 PARTITION OF {s}.t DEFAULT;'),
  ('row type as a function''s argument', '', '', 'CREATE FUNCTION {s}.to_jsonb({s}.t) RETURNS jsonb LANGUAGE sql AS ''SELECT to_jsonb({s}.f(1))'';');

CREATE TABLE attacks.walks (n int PRIMARY KEY, title text NOT NULL, script text NOT NULL);
INSERT INTO attacks.walks VALUES
  (0, 'protect(actions) and ALTER TABLE by the owner', E'@as att_owner\n@armed\nSELECT tenancy.protect(''{s}.t'', ''prompts'', ''organization_id'', ''workspace_id'', actions => ''{"publish": ["j"]}'');\nALTER TABLE {s}.t ADD COLUMN z int;\n@as postgres\nSELECT a.fix_sql FROM tenancy.advise() a WHERE a.rule = ''unused_index'' AND a.problem ~ ''{s}.t'' \\gexec\n'),
  (1, 'delete_workspace() by a tenant', E'@as att_web acme master\nSELECT tenancy.create_workspace(NULL, ''Short lived'') IS NULL;\n@armed\nSELECT tenancy.delete_workspace(''short-lived'');'),
  (2, 'delete_workspace() by a superuser', E'@as postgres\nSELECT tenancy.create_workspace(''acme'', ''Short lived'') IS NULL;\n@armed\nSELECT tenancy.delete_workspace(''acme/short-lived'');'),
  (3, 'export_organization() by a DBA', E'@as att_dba\n@armed\nSELECT count(*) FROM tenancy.export_organization(''{u}-0000-4000-8000-000000000000'', ''{s}.t'');'),
  (4, 'export_organization() by a superuser', E'@as postgres\n@armed\nSELECT count(*) FROM tenancy.export_organization(''{u}-0000-4000-8000-000000000000'', ''{s}.t'');'),
  (5, 'advise() by a superuser', E'@as postgres\n@armed\nSELECT count(*) FROM tenancy.advise();'),
  (6, 'protect(create_indexes) and create_scoped_view() by the owner', E'@as att_owner\n@armed\nSELECT tenancy.protect(''{s}.t'', ''logs'', ''organization_id'', ''workspace_id'', create_indexes => true, payload => ''{n}''); SELECT tenancy.create_scoped_view(''{s}.t'', ''{s}.sv''); SELECT count(*) FROM {s}.sv;'),
  (7, 'purge_organization()', E'@as {who}\n@armed\nSELECT count(*) FROM tenancy.purge_organization(''{u}-0000-4000-8000-000000000000'');'),
  (8, 'unprotect() and protect(create_indexes) by a superuser', E'@as postgres\n@armed\nSELECT tenancy.unprotect(''{s}.t''); DROP INDEX IF EXISTS {s}.t_organization_id_idx, {s}.t_workspace_id_idx; SELECT tenancy.protect(''{s}.t'', ''logs'', ''organization_id'', ''workspace_id'', create_indexes => true, fill_nulls => true);'),
  (9, 'delete_workspace() with rows by a tenant', E'@as att_web acme master\nSELECT tenancy.create_workspace(NULL, ''Short lived'') IS NULL;\n@armed\nSELECT tenancy.delete_workspace(''short-lived'', with_rows => true);'),
  (10, 'rows that follow the logging settings, written by the owner', E'@as postgres\nINSERT INTO {s}.t (organization_id, workspace_id) VALUES (''aaaaaaaa-0000-4000-8000-000000000000'', ''aaaaaaaa-0000-4000-8000-000000000002'');\nALTER TABLE {s}.t ADD received_at timestamptz NOT NULL DEFAULT now() - interval ''10 days'';\nALTER TABLE {s}.t ALTER received_at SET DEFAULT now();\nSELECT tenancy.apply_logging_settings(''{s}.t'', ''logs'', ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = ''{s}.t''::regclass AND a.attname = ''j'')), tenancy.set_logging(''acme'', ''store_content'', ''metadata'') IS NULL, tenancy.set_logging(''acme'', ''retention_days.logs'', ''1'') IS NULL;\n@as att_owner acme master\n@armed\nINSERT INTO {s}.t (organization_id, workspace_id) VALUES (''aaaaaaaa-0000-4000-8000-000000000000'', ''aaaaaaaa-0000-4000-8000-000000000002'');'),
  (11, 'remove_expired_rows()', E'@as {who}\n@armed\nSELECT removed FROM tenancy.remove_expired_rows() WHERE removed > 0;');
INSERT INTO attacks.cases (family, title, script, may, forbidden)
SELECT 'work on tables', format('%s; %s by %s', p.title, w.kind, who),
  replace(replace(replace(format(E'@as att_owner\n@code att_owner\n%s\nCREATE TABLE {s}.t (organization_id uuid, workspace_id uuid, n int DEFAULT 1%s);\nGRANT ALL ON {s}.t TO PUBLIC;\n@as postgres\n' ||
    E'SELECT tenancy.protect(''{s}.t'', ''logs'', ''organization_id'', ''workspace_id'');\nINSERT INTO {s}.t (organization_id, workspace_id) VALUES (''{u}-0000-4000-8000-000000000000'', ''{u}-0000-4000-8000-000000000002'');\n@as att_owner\n%s\nSET LOCAL constraint_exclusion = on;\n',
    p.before, p.columns, p.made) || (SELECT string_agg(format(E'\\warn @> %s\n%s\n', quote_literal(k.title), k.script), '' ORDER BY k.n) FROM attacks.walks k WHERE (k.n >= 10) = (w.kind = 'retention')), '{s}', 'att_owner'), '{u}', current_setting('attacks.u')), '{who}', who), '{}', w.forbidden
FROM attacks.places p, unnest(ARRAY['att_dba', 'postgres']) who, (VALUES ('purge', 'canary_'), ('retention', 'canary_(globex|theirs)')) w (kind, forbidden);

-- 6. Rows that foreign keys change together with tenants' and with ours: each way that leads to code of another owner.
INSERT INTO attacks.cases (family, title, script, forbidden)
SELECT 'changed together', format('%s, with %s, by %s', w.title, r.title, v.title),
  replace(replace(replace(format(E'@as postgres\nGRANT REFERENCES ON tenancy.workspaces, app.logs TO att_dev;\nSELECT tenancy.create_workspace(''acme'', ''Short lived'') AS w \\gset\n' ||
      E'INSERT INTO app.logs (id, organization_id, workspace_id) SELECT ''eeeeeeee-0000-4000-8000-000000000001'', organization_id, workspace_id FROM tenancy.workspaces WHERE workspace_id = :''w'';\n' ||
      E'@as att_dev\n@code att_dev\nCREATE TABLE {s}.z (i int);\nINSERT INTO {s}.z VALUES (1);\n%s\n@as %s\n@armed\n%s\nSET CONSTRAINTS ALL IMMEDIATE;',
      w.made, v.who, format(r.done, v.place)), '{c}', r.reference), '{v}', r.value), '{s}', 'att_dev'), v.forbidden
FROM (VALUES ('a workspace', 'w uuid REFERENCES tenancy.workspaces (workspace_id)', ':''w''', 'SELECT tenancy.delete_workspace(''%sshort-lived'', with_rows => true);'),
    ('a tenant''s row', 'w uuid REFERENCES app.logs', '''eeeeeeee-0000-4000-8000-000000000001''', 'SELECT tenancy.delete_workspace(''%sshort-lived'', with_rows => true);'),
    (CASE WHEN to_regclass('attacks.planted_parent') IS NOT NULL THEN 'a superuser''s row' END, 'w uuid REFERENCES attacks.planted_parent', '''eeeeeeee-0000-4000-8000-000000000001''', 'DELETE FROM attacks.planted_parent; -- %s')) r (title, reference, value, done),
  (VALUES ('a tenant', 'att_web acme master', '', 'canary_(globex|theirs)'), ('a DBA', 'att_dba', 'acme/', 'canary_'), ('a superuser', 'postgres', 'acme/', 'canary_')) v (title, who, place, forbidden),
  (VALUES ('a trigger after', 'CREATE TABLE {s}.y ({c} ON DELETE CASCADE); CREATE TRIGGER t AFTER DELETE ON {s}.y FOR EACH ROW EXECUTE FUNCTION {s}.trigger_function(); INSERT INTO {s}.y VALUES ({v});'),
    ('a trigger of another partition', 'CREATE TABLE {s}.y ({c} ON DELETE SET NULL) PARTITION BY LIST (w); CREATE TABLE {s}.y_null PARTITION OF {s}.y FOR VALUES IN (NULL); CREATE TABLE {s}.y_rest PARTITION OF {s}.y DEFAULT; CREATE TRIGGER t AFTER INSERT ON {s}.y_null FOR EACH ROW EXECUTE FUNCTION {s}.trigger_function(); INSERT INTO {s}.y VALUES ({v});'),
    ('a rule', 'CREATE TABLE {s}.y ({c} ON DELETE CASCADE); CREATE TRIGGER t AFTER INSERT ON {s}.z FOR EACH ROW EXECUTE FUNCTION {s}.trigger_function(); CREATE RULE r AS ON DELETE TO {s}.y DO ALSO INSERT INTO {s}.z VALUES (1); INSERT INTO {s}.y VALUES ({v});'),
    ('a rule instead', 'CREATE TABLE {s}.y ({c} ON DELETE SET NULL); CREATE TRIGGER t AFTER UPDATE ON {s}.z FOR EACH STATEMENT EXECUTE FUNCTION {s}.trigger_function(); CREATE RULE r AS ON UPDATE TO {s}.y DO INSTEAD UPDATE {s}.z SET i = 2; INSERT INTO {s}.y VALUES ({v});'),
    ('a trigger made meanwhile', 'CREATE TABLE {s}.y ({c} ON DELETE CASCADE); CREATE TABLE {s}.y2 ({c} ON DELETE CASCADE); INSERT INTO {s}.y VALUES ({v}); INSERT INTO {s}.y2 VALUES ({v}); CREATE FUNCTION {s}.make() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN CREATE TRIGGER t AFTER DELETE ON {s}.y2 FOR EACH ROW EXECUTE FUNCTION {s}.trigger_function(); RETURN OLD; END $$; CREATE TRIGGER make BEFORE DELETE ON {s}.y FOR EACH ROW EXECUTE FUNCTION {s}.make();'),
    ('a trigger that waits', 'CREATE TABLE {s}.y ({c} ON DELETE CASCADE); INSERT INTO {s}.y VALUES ({v}); CREATE CONSTRAINT TRIGGER t AFTER INSERT ON {s}.z DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {s}.trigger_function(); CREATE FUNCTION {s}.make() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO {s}.z VALUES (1); RETURN OLD; END $$; CREATE TRIGGER make BEFORE DELETE ON {s}.y FOR EACH ROW EXECUTE FUNCTION {s}.make();'),
    ('a rule with a WITH that nothing reads', 'CREATE TABLE {s}.y ({c} ON DELETE CASCADE); CREATE TABLE {s}.parts (n int) PARTITION BY LIST (n); CREATE TABLE {s}.part PARTITION OF {s}.parts DEFAULT; CREATE TRIGGER t AFTER INSERT ON {s}.part FOR EACH ROW EXECUTE FUNCTION {s}.trigger_function(); CREATE RULE r AS ON DELETE TO {s}.y DO ALSO WITH x AS (INSERT INTO {s}.parts VALUES (1)) UPDATE {s}.z SET i = 3 WHERE false; INSERT INTO {s}.y VALUES ({v});'),
    ('a trigger before', 'CREATE TABLE {s}.y ({c} ON DELETE CASCADE); CREATE TRIGGER t BEFORE DELETE ON {s}.y FOR EACH ROW EXECUTE FUNCTION {s}.trigger_function(); INSERT INTO {s}.y VALUES ({v});')
  ) w (title, made)
WHERE r.title IS NOT NULL AND (r.title <> 'a superuser''s row' OR v.title = 'a superuser');
UPDATE attacks.cases SET watched = own_database;
