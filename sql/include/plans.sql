\set echo_before :ECHO
\set ECHO none
-- Plans of queries, for tests that compare them; and the setting that decides which conditions may use an index, for everybody.
SET client_min_messages = warning;
CREATE FUNCTION trust(mode text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM set_config('tenancy.trusted_conditions', mode, false); END $$;
CREATE FUNCTION plan_of(query text, explain text DEFAULT 'FORMAT JSON') RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE format('EXPLAIN (%s) %s', explain, query) INTO plan;
  RETURN plan -> 0 -> 'Plan';
END
$$;
CREATE FUNCTION nodes(plan jsonb) RETURNS TABLE (node jsonb) LANGUAGE sql AS $$
  WITH RECURSIVE nodes AS (SELECT plan AS node UNION ALL SELECT jsonb_array_elements(node -> 'Plans') FROM nodes WHERE node ? 'Plans') TABLE nodes
$$;
CREATE FUNCTION estimate(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN (plan -> 0 -> 'Plan' ->> 'Plan Rows')::float8;
END
$$;
-- Without the guard, to be compared with the plan of a filter by hand
CREATE FUNCTION plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  line text;
  lines text := '';
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    CONTINUE WHEN line ~ 'Filter: tenancy.plan_guard';
    lines := lines || E'\n' || regexp_replace(line, '\((\(.*\)) AND tenancy\.plan_guard\(.*\)\)$', '\1');
  END LOOP;
  RETURN lines;
END
$$;
RESET client_min_messages;
\set ECHO :echo_before
