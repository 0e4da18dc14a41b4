-- Functions that parallel workers call for a session that is sealed: they begin with nothing of their leader's memory, and a function's SET
-- clause can name somebody else there. Nothing is compared afterwards, since the session stays sealed.
CREATE TABLE attacks.lines (line text) WITH (parallel_workers = 2);
INSERT INTO attacks.lines VALUES ('x');
GRANT SELECT ON attacks.lines TO PUBLIC;
INSERT INTO attacks.cases (family, title, script, forbidden, watched, fresh)
SELECT 'workers', format('%s, %s, %s', p.principal, split_part(s.clause, '=', 1), c.title),
  format(E'@as %s %s\n', p.login, p.principal) || replace(replace(replace(E'CREATE FUNCTION {s}.other(text) RETURNS text STABLE PARALLEL SAFE LANGUAGE plpgsql SET {clause} AS $$ BEGIN RETURN coalesce((SELECT string_agg(body, '' '') FROM app.logs), ''nothing''); END $$;
CREATE FUNCTION {s}.told(text) RETURNS boolean STABLE PARALLEL SAFE LANGUAGE plpgsql AS $$ BEGIN RAISE INFO ''%'', {s}.other($1); RETURN true; END $$;
CREATE DOMAIN {s}.teller AS text CHECK ({s}.told(VALUE));
CREATE TYPE {s}.telling AS (line {s}.teller);
SELECT tenancy.seal();
SET LOCAL {parallel} = on; SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL parallel_leader_participation = off;
' || c.script, '{clause}', s.clause), '{s}', 'pg_temp'), '{parallel}', CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END), p.forbidden, false, true
FROM attacks.principals p, (VALUES ('tenancy."user" = ''gus@globex.test'''), ('tenancy."user" = ''ben@acme.test'''), ('tenancy.organization = ''globex'''), ('tenancy.workspace = ''''')) s (clause),
  (VALUES ('a condition', 'SELECT count(*) FROM attacks.lines WHERE {s}.told(line);'), ('a value', 'SELECT {s}.other(line) FROM attacks.lines;'), ('a type', 'SELECT count(*) FROM attacks.lines WHERE (''('' || line || '')'')::{s}.telling IS NOT NULL;'),
    ('json', 'SELECT count(*) FROM attacks.lines WHERE json_populate_record(NULL::{s}.telling, json_build_object(''line'', line)) IS NOT NULL;'),
    ('an aggregate', 'SELECT string_agg({s}.other(line), '' '') FROM attacks.lines;'), ('a sub-select', 'SELECT (SELECT {s}.other(l.line) FROM attacks.lines l) FROM attacks.lines;')) c (title, script)
WHERE p.principal IN ('mike in the app', 'mona', 'search key');
