-- Three tables that differ in nothing but what guards them, all with the indexes of app.logs.

CREATE TABLE app.plain (LIKE app.logs INCLUDING ALL) WITH (autovacuum_enabled = off);
CREATE TABLE app.settings (LIKE app.logs INCLUDING ALL) WITH (autovacuum_enabled = off);
CREATE TABLE app.tenancy (LIKE app.logs INCLUDING ALL) WITH (autovacuum_enabled = off);
GRANT INSERT, TRUNCATE ON app.plain, app.settings, app.tenancy TO bench_app;

ALTER TABLE app.settings ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_hand ON app.settings FOR INSERT WITH CHECK (
  organization_id = app.setting('app.organization') AND workspace_id = app.setting('app.workspace')
  AND user_id = app.principal());
SELECT tenancy.protect('app.tenancy', 'logs', 'organization_id', 'workspace_id', 'user_id', 'api_key_id');

-- The statement that writes a number of rows by an alternative: only pg_tenancy fills in who writes.
CREATE FUNCTION bench.insert_statement(alternative text, row_count integer) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT format('INSERT INTO app.%I (created_at, model, status, prompt_tokens, completion_tokens, cost, latency_ms%s)
                 SELECT now(), %L, 200, g, 200, 0.001, 300%s FROM generate_series(1, %s) g',
                alternative,
                CASE WHEN alternative <> 'tenancy' THEN ', organization_id, workspace_id, user_id, api_key_id' END,
                'gpt-4o',
                CASE WHEN alternative <> 'tenancy' THEN format(', %L::uuid, %L::uuid, %L::uuid, %L::uuid',
                  bench.organization_id(1), bench.workspace_id(1, 1), bench.user_id(1, 24), bench.user_key_id(1, 24)) END,
                row_count)
$$;
CREATE FUNCTION bench.insert_row(alternative text) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT regexp_replace(regexp_replace(bench.insert_statement(alternative, 1), 'SELECT (.*) FROM .*', 'VALUES (\1)'),
                        '200, g, 200', '200, 600, 200')
$$;

-- Writes into an emptied table: a row by a statement that is planned, the same prepared, and a thousand rows.
CREATE FUNCTION bench.measure_writes(alternative text, round integer, statements integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('TRUNCATE app.%I', alternative);
  EXECUTE 'PREPARE bench_insert AS ' || bench.insert_row(alternative);
  FOR i IN 1 .. 10 LOOP
    EXECUTE bench.insert_row(alternative);
    EXECUTE 'EXECUTE bench_insert';
  END LOOP;

  FOR i IN 1 .. 10 LOOP
    INSERT INTO bench.samples
    VALUES ('write', 'one row, prepared', alternative, 'µs', round,
            1000 * bench.time_of('EXECUTE bench_insert', statements / 10) / (statements / 10));
  END LOOP;
  DEALLOCATE bench_insert;

  FOR i IN 1 .. statements LOOP
    INSERT INTO bench.samples
    VALUES ('write', 'one row', alternative, 'µs', round, 1000 * bench.time_of(bench.insert_row(alternative)));
  END LOOP;

  FOR i IN 1 .. greatest(1, statements / 20) LOOP
    INSERT INTO bench.samples
    VALUES ('write', 'a thousand rows', alternative, 'µs', round, 1000 * bench.time_of(bench.insert_statement(alternative, 1000)));
  END LOOP;
END
$$;
