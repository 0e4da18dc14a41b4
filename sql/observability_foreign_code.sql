-- Code that a former owner of observability tables has left in them, in whatever way they come to evaluate it.
\pset format unaligned
SET client_min_messages = error;
DROP ROLE IF EXISTS regress_former, regress_keeper;
CREATE ROLE regress_former;
CREATE ROLE regress_keeper BYPASSRLS;
SELECT tenancy.create_observability('observed') \gset
CREATE SCHEMA tools;
GRANT USAGE ON SCHEMA tools TO regress_former, regress_keeper;
DO $$
DECLARE
  relation regclass;
BEGIN
  FOR relation IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'observed'::regnamespace AND c.relkind IN ('r', 'p') LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO regress_keeper', relation);
  END LOOP;
END
$$;
ALTER SCHEMA observed OWNER TO regress_keeper;
CREATE FUNCTION tools.code(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
ALTER FUNCTION tools.code(text, text) OWNER TO regress_former;
CREATE FUNCTION tools.code(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
ALTER FUNCTION tools.code(text) OWNER TO regress_former;
CREATE FUNCTION tools.own(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
CREATE FUNCTION tools.own(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
CREATE TABLE tools.plain (id text);
GRANT SELECT ON tools.plain TO PUBLIC;
-- What statements leave in the tables, as the new owner sees it; undone afterwards.
CREATE FUNCTION tools.found(VARIADIC statements text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  statement text;
  found_code text;
BEGIN
  BEGIN
    FOREACH statement IN ARRAY statements LOOP
      EXECUTE statement;
    END LOOP;
    SET LOCAL ROLE regress_keeper;
    found_code := tenancy_steps.foreign_code_of_tables('observed');
    RAISE EXCEPTION 'undo' USING ERRCODE = 'ZZ999';
  EXCEPTION WHEN SQLSTATE 'ZZ999' THEN
    RETURN coalesce(found_code, '(none)');
  END;
END
$$;
SET client_min_messages = notice;
SELECT tools.found('SELECT');
-- Functions
SELECT tools.found('ALTER TABLE observed.job_problems ADD CHECK (tools.code(problem))');
SELECT tools.found('ALTER TABLE observed.job_problems ALTER problem SET DEFAULT tools.code(''x'')::text');
SELECT tools.found('CREATE POLICY p ON observed.job_problems USING (tools.code(problem))');
SELECT tools.found('CREATE INDEX i ON observed.job_problems (tools.code(problem))');
SELECT tools.found('CREATE INDEX i ON observed.job_problems (job) WHERE tools.code(problem)');
SELECT tools.found('CREATE STATISTICS observed.s ON (tools.code(problem)) FROM observed.job_problems');
SELECT tools.found('CREATE RULE r AS ON INSERT TO observed.job_problems DO ALSO SELECT tools.code(NEW.problem)');
SELECT tools.found('CREATE FUNCTION tools.t() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN NULL; END''',
  'CREATE TRIGGER t AFTER INSERT ON observed.job_problems FOR EACH ROW WHEN (tools.code(NEW.problem)) EXECUTE FUNCTION tools.t()');
-- Operators: their owner, the function's owner, and those that the planner may take instead
SELECT tools.found('CREATE OPERATOR tools.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = tools.own)', 'ALTER OPERATOR tools.=== (text, text) OWNER TO regress_former',
  'ALTER TABLE observed.job_problems ADD CHECK (problem OPERATOR(tools.===) ''x'')');
SELECT tools.found('CREATE OPERATOR tools.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = tools.code)', 'ALTER TABLE observed.job_problems ADD CHECK (problem OPERATOR(tools.===) ''x'')');
SELECT tools.found('CREATE OPERATOR tools.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = tools.own)',
  'CREATE OPERATOR tools.!== (LEFTARG = text, RIGHTARG = text, FUNCTION = tools.code, NEGATOR = OPERATOR(tools.===))',
  'ALTER TABLE observed.job_problems ADD CHECK (NOT problem OPERATOR(tools.===) ''x'')');
SELECT tools.found('CREATE OPERATOR tools.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = tools.own)', 'ALTER TABLE observed.job_problems ADD CHECK (problem OPERATOR(tools.===) ''x'')');
-- Types: a domain's owner, its checks, also below arrays and composites; ranges
SELECT tools.found('CREATE DOMAIN tools.d AS text', 'ALTER DOMAIN tools.d OWNER TO regress_former', 'ALTER TABLE observed.job_problems ADD x tools.d');
SELECT tools.found('CREATE DOMAIN tools.d AS text CHECK (tools.code(VALUE))', 'ALTER TABLE observed.job_problems ADD x tools.d');
SELECT tools.found('CREATE DOMAIN tools.d AS text DEFAULT tools.code(''x'')::text', 'ALTER TABLE observed.job_problems ADD x tools.d');
SELECT tools.found('CREATE DOMAIN tools.d AS text CHECK (tools.code(VALUE))', 'ALTER TABLE observed.job_problems ADD x tools.d[]');
SELECT tools.found('CREATE DOMAIN tools.d AS text CHECK (tools.code(VALUE))', 'CREATE TYPE tools.c AS (x tools.d)', 'ALTER TABLE observed.job_problems ADD x tools.c');
SELECT tools.found('CREATE DOMAIN tools.d AS text CHECK (tools.code(VALUE))', 'ALTER TABLE observed.job_problems ADD CHECK (problem::tools.d IS NOT NULL)');
SELECT tools.found('CREATE FUNCTION tools.distance(text, text) RETURNS double precision LANGUAGE plpgsql IMMUTABLE AS ''BEGIN RETURN 1; END''',
  'ALTER FUNCTION tools.distance OWNER TO regress_former', 'CREATE TYPE tools.r AS RANGE (SUBTYPE = text, SUBTYPE_DIFF = tools.distance)', 'ALTER TABLE observed.job_problems ADD x tools.r');
SELECT tools.found('CREATE DOMAIN tools.d AS text CHECK (tools.own(VALUE))', 'ALTER TABLE observed.job_problems ADD x tools.d');
-- Operator classes: the support function, and an operator
SELECT tools.found('CREATE FUNCTION tools.compare(text, text) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS ''BEGIN RETURN 0; END''',
  'ALTER FUNCTION tools.compare OWNER TO regress_former', 'CREATE OPERATOR CLASS tools.ops FOR TYPE text USING btree AS FUNCTION 1 tools.compare(text, text)',
  'CREATE INDEX i ON observed.job_problems (problem tools.ops)');
SELECT tools.found('CREATE OPERATOR tools.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = tools.code)',
  'CREATE OPERATOR CLASS tools.ops FOR TYPE text USING hash AS OPERATOR 1 tools.=== (text, text), FUNCTION 1 hashtext(text)', 'CREATE INDEX i ON observed.job_problems USING hash (problem tools.ops)');
-- Casts and aggregates
SELECT tools.found('CREATE TYPE tools.c AS (x text)', 'CREATE FUNCTION tools.cast(text) RETURNS tools.c LANGUAGE plpgsql IMMUTABLE AS ''BEGIN RETURN row(1); END''',
  'ALTER FUNCTION tools.cast OWNER TO regress_former', 'CREATE CAST (text AS tools.c) WITH FUNCTION tools.cast(text)', 'ALTER TABLE observed.job_problems ADD CHECK (problem::tools.c IS NOT NULL)');
SELECT tools.found('CREATE FUNCTION tools.add(boolean, text) RETURNS boolean LANGUAGE plpgsql AS ''BEGIN RETURN true; END''', 'ALTER FUNCTION tools.add OWNER TO regress_former',
  'CREATE AGGREGATE tools.all_of(text) (SFUNC = tools.add, STYPE = boolean)', 'CREATE POLICY p ON observed.job_problems USING ((SELECT tools.all_of(id) FROM tools.plain))');
-- Functions that are called by others, as far as anybody can know
SELECT tools.found('CREATE FUNCTION tools.outer(text) RETURNS boolean IMMUTABLE RETURN tools.code($1)', 'ALTER TABLE observed.job_problems ADD CHECK (tools.outer(problem))');
-- Views and tables that policies read: their owner gives them rules and policies
SELECT tools.found('CREATE VIEW tools.v AS SELECT 1', 'ALTER VIEW tools.v OWNER TO regress_former', 'CREATE POLICY p ON observed.job_problems USING (EXISTS (SELECT FROM tools.v))');
SELECT tools.found('CREATE VIEW tools.v AS SELECT tools.code(''x'')', 'CREATE POLICY p ON observed.job_problems USING (EXISTS (SELECT FROM tools.v))');
SELECT tools.found('ALTER TABLE tools.plain OWNER TO regress_former', 'CREATE POLICY p ON observed.job_problems USING (EXISTS (SELECT FROM tools.plain))');
SELECT tools.found('CREATE POLICY p ON tools.plain USING (tools.code(id))', 'CREATE POLICY p ON observed.job_problems USING (EXISTS (SELECT FROM tools.plain))');
SELECT tools.found('CREATE POLICY p ON observed.job_problems USING (EXISTS (SELECT FROM tools.plain))');
-- What a foreign key asks, it asks as the other table's owner.
SELECT tools.found('ALTER TABLE tools.plain ADD PRIMARY KEY (id)', 'ALTER TABLE tools.plain OWNER TO regress_former',
  'GRANT REFERENCES ON tools.plain TO regress_keeper', 'ALTER TABLE observed.job_problems ADD FOREIGN KEY (problem) REFERENCES tools.plain');
-- A member of another extension can be replaced by its owner.
SELECT tools.found('ALTER EXTENSION plpgsql ADD FUNCTION tools.code(text)', 'ALTER TABLE observed.job_problems ADD CHECK (tools.code(problem))');
-- Where it is found, the functions are not made anew, also where they have been dropped by hand.
CREATE DOMAIN tools.d AS text CHECK (tools.code(VALUE));
ALTER TABLE observed.job_problems ADD x tools.d;
SET ROLE regress_keeper;
SELECT tenancy.update_observability('observed');
RESET ROLE;
SET client_min_messages = error;
DO $$
DECLARE
  one record;
BEGIN
  FOR one IN SELECT f.function FROM tenancy_steps.observability_functions('observed') f LOOP
    EXECUTE format('DROP FUNCTION %s CASCADE', one.function);
  END LOOP;
END
$$;
DROP VIEW observed.log_entries;
SET client_min_messages = notice;
SET ROLE regress_keeper;
SELECT tenancy.update_observability('observed');
RESET ROLE;
ALTER TABLE observed.job_problems DROP x;
SET ROLE regress_keeper;
SELECT tenancy.update_observability('observed');
RESET ROLE;
SELECT DISTINCT f.owner::regrole FROM tenancy_steps.observability_functions('observed') f;
SET client_min_messages = error;
DROP SCHEMA observed, tools CASCADE;
DROP ROLE regress_former, regress_keeper;
