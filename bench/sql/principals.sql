-- Resolution of the principal, and authorize(): the cost of one call.

-- Mean milliseconds to resolve a principal that the session has not resolved just before, over a list of them:
-- a loop that names and resolves each, less a loop that only names.
CREATE FUNCTION bench.time_of_resolution(setting text, credentials text[]) RETURNS float8
LANGUAGE plpgsql AS $$
DECLARE
  credential text;
  started timestamptz;
  without float8;
BEGIN
  started := clock_timestamp();
  FOREACH credential IN ARRAY credentials LOOP
    PERFORM set_config(setting, credential, false);
    PERFORM pg_backend_pid();
  END LOOP;
  without := bench.milliseconds(started);
  started := clock_timestamp();
  FOREACH credential IN ARRAY credentials LOOP
    PERFORM set_config(setting, credential, false);
    PERFORM tenancy.current_organization_id();
  END LOOP;
  RETURN (bench.milliseconds(started) - without) / cardinality(credentials);
END
$$;

-- The first resolution in a session: the library is loaded and the catalogs are opened.
CREATE FUNCTION bench.first_resolution(credential text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  started timestamptz;
BEGIN
  PERFORM set_config('tenancy.user', credential, false);
  started := clock_timestamp();
  PERFORM tenancy.current_organization_id();
  INSERT INTO bench.samples VALUES ('principal', 'first in a new session', 'user', 'µs', 0, 1000 * bench.milliseconds(started));
END
$$;

-- One row per call: workspaces of the session's organization, and as many of others.
CREATE UNLOGGED TABLE bench.calls AS
SELECT bench.workspace_id(1 + (g / 4 % 2) * (1 + g % :organizations), 1 + g % 4) AS workspace_id,
       'organization-1/workspace-' || 1 + g % 4 AS workspace,
       'logs'::text AS resource, 'view'::text AS action
FROM generate_series(1, :calls) g;
VACUUM ANALYZE bench.calls;
GRANT SELECT ON bench.calls TO bench_app;

-- Mean nanoseconds of an expression per row of bench.calls, or of so many of them, less those of the baseline. Functions
-- of constants are counted in the select list: in a WHERE they would run once.
CREATE FUNCTION bench.time_per_call(expression text, baseline text, calls bigint) RETURNS float8
LANGUAGE plpgsql SET max_parallel_workers_per_gather = 0 AS $$
DECLARE
  query CONSTANT text := 'SELECT count(%s) FROM (SELECT * FROM bench.calls LIMIT ' || calls || ') c';
  without float8;
BEGIN
  PERFORM bench.time_of(format(query, baseline));
  without := bench.time_of(format(query, baseline));
  RETURN 1000000 * (bench.time_of(format(query, expression)) - without) / calls;
END
$$;

-- Rows of app.logs for authorize() in a WHERE: as many as there are calls, or all.
CREATE TABLE app.checked (LIKE app.logs INCLUDING DEFAULTS);
INSERT INTO app.checked SELECT * FROM app.logs WHERE log_id <= :calls;
CREATE INDEX checked_workspace ON app.checked (workspace_id);
CREATE INDEX checked_organization ON app.checked (organization_id);
GRANT SELECT ON app.checked TO bench_app;
VACUUM ANALYZE app.checked;
