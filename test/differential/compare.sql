-- Runs random queries twice, over the protected tables and over the copies that hold the principal's rows only. The
-- answers have to be the same, however the first is planned and executed.

-- Settings, and what has to be found in some plans for them to have had an effect.
CREATE TABLE differential.modes (mode text PRIMARY KEY, settings jsonb NOT NULL, sign text NOT NULL);
INSERT INTO differential.modes VALUES
  ('seq scan', '{"enable_indexscan": "off", "enable_indexonlyscan": "off", "enable_bitmapscan": "off", "enable_hashjoin": "off"}', 'Seq Scan'),
  ('index scan', '{"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_hashjoin": "off", "enable_sort": "off"}', 'Index Scan'),
  ('bitmap scan', '{"enable_seqscan": "off", "enable_indexscan": "off", "enable_indexonlyscan": "off"}', 'Bitmap Heap Scan'),
  ('parallel', '{"parallel_setup_cost": "0", "parallel_tuple_cost": "0", "min_parallel_table_scan_size": "0", "min_parallel_index_scan_size": "0",
                 "force_parallel_mode": "on", "parallel_leader_participation": "off"}', 'Gather'),
  ('jit', '{"jit": "on", "jit_above_cost": "0", "jit_inline_above_cost": "-1", "jit_optimize_above_cost": "-1"}', 'JIT');
-- Its name from PostgreSQL 16 on.
UPDATE differential.modes SET settings = settings - 'force_parallel_mode' || '{"debug_parallel_query": "on"}'
WHERE mode = 'parallel' AND current_setting('server_version_num')::int >= 160000;

-- Statistics of the comparison: `hits` of `total` had rows, or another property.
CREATE UNLOGGED TABLE differential.tallies (subject text, detail text, hits bigint, total bigint);
CREATE TABLE differential.other_tallies (LIKE differential.tallies);  -- those of the session beside this one

GRANT SELECT ON differential.modes, differential.targets, differential.features TO PUBLIC;
GRANT INSERT ON differential.tallies TO PUBLIC;

CREATE FUNCTION differential.tally(subject text, detail text, hit boolean) RETURNS void LANGUAGE sql AS
  'INSERT INTO differential.tallies VALUES (subject, detail, hit::int, 1)';

---------------------------------------------------------------------------------------------------------------------
-- Asking
---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION differential.rows_of(query text) RETURNS text LANGUAGE sql AS
  $$SELECT format('SELECT coalesce(array_agg(q::text ORDER BY q::text), ''{}'') FROM (%s) q', query)$$;

-- Rows, or the error. The settings are the query's alone.
CREATE FUNCTION differential.answer(query text, path text, mode text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  rows text[];
  wanted differential.modes;
  plan text;
  by_index boolean;
BEGIN
  SELECT * INTO wanted FROM differential.modes m WHERE m.mode = answer.mode;
  PERFORM set_config('search_path', path, true);
  PERFORM set_config(key, value, true) FROM jsonb_each_text(wanted.settings);
  EXECUTE differential.rows_of(query) INTO rows;
  IF mode = 'index scan' OR mode IS NOT NULL AND length(query) % 8 = 0 THEN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || differential.rows_of(query) INTO plan;
    by_index := plan ~ '"Index Cond": "[^"]*\mamount\M';
    rows := rows || CASE WHEN plan LIKE '%"' || wanted.sign || '%' THEN 'sign' ELSE 'no sign' END;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'TAKEN';
EXCEPTION
  WHEN SQLSTATE 'TAKEN' THEN
    IF rows[cardinality(rows)] IN ('sign', 'no sign') THEN
      PERFORM differential.tally('plans as wanted', mode, rows[cardinality(rows)] = 'sign');
      -- which row security alone allows no index
      PERFORM differential.tally('amounts by an index', current_setting('tenancy.trusted_conditions'), by_index);
      rows := rows[:cardinality(rows) - 1];
    END IF;
    RETURN rows;
  WHEN OTHERS THEN
    RETURN ARRAY[format('error %s: %s', SQLSTATE, SQLERRM)];
END
$$;

-- The same of a prepared statement. Nothing is taken back, so that its plan may stay.
CREATE FUNCTION differential.prepared_answer(name text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  rows text[];
BEGIN
  EXECUTE format('EXECUTE %s (%s)', name, 3) INTO rows;
  RETURN rows;
EXCEPTION
  WHEN OTHERS THEN
    RETURN ARRAY[format('error %s: %s', SQLSTATE, SQLERRM)];
END
$$;

-- Rows that the principal does not see, as they are, past the policies. Not those of a child table below a row that it sees: they
-- go when it deletes that row, since a foreign key's ON DELETE CASCADE knows no policies. A child has its parent's number.
CREATE FUNCTION differential.hidden_rows() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  target differential.targets;
  rows text;
  digest text := '';
BEGIN
  FOR target IN SELECT * FROM differential.targets ORDER BY t LOOP
    EXECUTE format('SELECT string_agg(x::text, '','' ORDER BY id) FROM app.%s x WHERE id = ANY (%L)', target.name, ARRAY(
      SELECT unnest(target.hidden) EXCEPT
      SELECT unnest(p.visible) FROM oracle.relations r JOIN differential.targets p ON p.t = r.parent WHERE r.t = target.t)) INTO rows;
    digest := md5(digest || coalesce(rows, ''));
  END LOOP;
  RETURN digest;
END
$$;

-- The result of a write (NULL for none), and all rows of its table visible afterwards. It is rolled back.
CREATE FUNCTION differential.written(kind text, command text, relation text, path text, mode text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  rows text[];
  seen text[];
  hidden text := differential.hidden_rows();
BEGIN
  PERFORM set_config('search_path', path, true);
  PERFORM set_config(m.key, m.value, true) FROM differential.modes, jsonb_each_text(settings) m WHERE modes.mode = written.mode;
  IF kind = 'MERGE' THEN
    EXECUTE command;
  ELSIF command IS NOT NULL THEN
    EXECUTE command INTO rows;
  END IF;
  EXECUTE format('SELECT coalesce(array_agg(x::text ORDER BY x::text), ''{}'') FROM %s x', relation) INTO seen;
  rows := coalesce(rows, '{}') || 'then:'::text || seen || CASE WHEN differential.hidden_rows() = hidden THEN 'hidden rows as before' ELSE 'hidden rows changed' END;
  RAISE EXCEPTION USING ERRCODE = 'TAKEN';
EXCEPTION
  WHEN SQLSTATE 'TAKEN' THEN
    RETURN rows;
  WHEN OTHERS THEN
    RETURN ARRAY[format('error %s: %s', SQLSTATE, SQLERRM)];
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- Comparing
---------------------------------------------------------------------------------------------------------------------

-- Rows that are written twice are received at two times, both of this transaction: these alone are one. Any other time is compared.
CREATE FUNCTION differential.without_times(rows text[]) RETURNS text[] LANGUAGE plpgsql STRICT AS $$
DECLARE
  found text;
BEGIN
  FOR found IN SELECT DISTINCT m[1] FROM unnest(rows) r, regexp_matches(r, '\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d(?::?\d\d)*', 'g') m LOOP
    IF found::timestamptz BETWEEN transaction_timestamp() AND clock_timestamp() THEN
      rows := ARRAY(SELECT replace(r, found, 'TIME') FROM unnest(rows) WITH ORDINALITY u (r, n) ORDER BY n);
    END IF;
  END LOOP;
  RETURN rows;
END
$$;

-- NULL if the answers are the same, else what differs.
CREATE FUNCTION differential.difference(expected text[], got text[]) RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN expected <> got AND differential.without_times(expected) <> differential.without_times(got) THEN format(E'missing: %s\nunexpected: %s',
    (ARRAY(SELECT unnest(expected) EXCEPT ALL SELECT unnest(got) ORDER BY 1 DESC))[:5],
    (ARRAY(SELECT unnest(got) EXCEPT ALL SELECT unnest(expected) ORDER BY 1 DESC))[:5]) END
$$;

CREATE FUNCTION differential.insist(who int, how text, query text, difference text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF difference IS NOT NULL THEN
    PERFORM worlds.fail(who, how, 'another answer than over its rows alone', format(E'%s\nquery: %s', difference, query));
  END IF;
END
$$;

-- The result from the copies. An error there is the query's own.
CREATE FUNCTION differential.expected(who int, query text, answer text[]) RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
  IF answer[1] LIKE 'error %' THEN
    PERFORM worlds.fail(who, 'the copies', answer[1], 'query: ' || query);
  END IF;
  RETURN answer;
END
$$;

CREATE FUNCTION differential.check_query(who int, number int, query text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  plain text := replace(query, '{parameter}', '3');
  expected text[] := differential.expected(who, plain, differential.answer(plain, 'mine', NULL));
  mode text;
BEGIN
  PERFORM differential.insist(who, 'as it comes', plain, differential.difference(expected, differential.answer(plain, 'app', NULL)));
  PERFORM differential.tally('queries by mode', 'as it comes', expected <> '{}');
  FOR mode IN SELECT m.mode FROM differential.modes m WHERE m.mode <> 'jit' AND worlds.chance(0.5) OR m.mode = 'jit' AND worlds.chance(0.1) LOOP
    PERFORM differential.insist(who, mode, plain, differential.difference(expected, differential.answer(plain, 'app', mode)));
    PERFORM differential.tally('queries by mode', mode, expected <> '{}');
  END LOOP;
  PERFORM differential.insist(who, 'prepared', query, differential.difference(expected, differential.prepared_answer('query_' || number)));
  PERFORM differential.tally('queries by mode', 'prepared', expected <> '{}');
  INSERT INTO differential.tallies SELECT DISTINCT 'queries with', f.feature, (expected <> '{}')::int, 1 FROM differential.features f WHERE f.number = check_query.number;
  PERFORM differential.tally('queries', '', expected <> '{}');
END
$$;

CREATE FUNCTION differential.check_write(who int, write differential.commands, relation text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  plain text := differential.returning_rows(replace(write.command, '{parameter}', '3'));
  expected text[] := differential.expected(who, plain, differential.written(write.kind, plain, relation, 'mine', NULL));
  mode text := worlds.pick(ARRAY['seq scan', 'index scan', 'bitmap scan', 'parallel', 'jit', NULL]);
BEGIN
  PERFORM differential.insist(who, coalesce(mode, 'as it comes'), plain, differential.difference(expected, differential.written(write.kind, plain, relation, 'app', mode)));
  PERFORM differential.insist(who, 'prepared', plain,
                              differential.difference(expected, differential.written(write.kind, format('EXECUTE %s (3)', write.name), relation, 'app', NULL)));
  PERFORM differential.tally('writes', write.kind, expected <> differential.written(NULL, NULL, relation, 'mine', NULL));
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- The course of a world
---------------------------------------------------------------------------------------------------------------------

-- Mostly those who see something of many tables.
CREATE FUNCTION differential.askers(wanted int) RETURNS SETOF int LANGUAGE sql AS $$
  SELECT n FROM (
    SELECT p.n, count(*) FILTER (WHERE e.yes <> '{}') AS sees FROM worlds.principals p JOIN worlds.expected e ON e.n = p.n AND e.purpose = 'read'
    WHERE p.status = 'accepted' GROUP BY p.n ORDER BY p.n) a
  ORDER BY random() * (sees + 0.2) DESC LIMIT wanted
$$;

CREATE PROCEDURE differential.run(first int, last int, step int) LANGUAGE plpgsql AS $$
DECLARE
  queries text[];
  target differential.targets;
  command differential.commands;
  who int;
BEGIN
  PERFORM set_config('jit', 'off', false), set_config('search_path', 'app', false), set_config('plan_cache_mode', 'force_generic_plan', false);
  FOR seed IN first..last BY step LOOP
    DELETE FROM worlds.running;
    INSERT INTO worlds.running VALUES (seed, 'random queries');
    PERFORM worlds.generate(seed);
    -- The copies keep whatever is written.
    DELETE FROM tenancy.logging_settings WHERE setting IN ('store_content', 'legal_hold');
    PERFORM set_config('tenancy.trusted_conditions', (ARRAY['own_rows', 'all'])[seed / 2 % 2 + 1], false);
    PERFORM differential.furnish();
    PERFORM worlds.ask_oracle(0.5, 0);
    queries := '{}';
    FOR i IN 1..8 LOOP
      queries := queries || differential.make_query(i);
      EXECUTE format('PREPARE query_%s (int) AS %s', i, differential.rows_of(replace(queries[i], '{parameter}', '$1')));
    END LOOP;
    PERFORM differential.make_commands();
    COMMIT;
    FOR who IN SELECT * FROM differential.askers(4) LOOP
      PERFORM differential.adopt(who);
      FOR i IN 1..cardinality(queries) LOOP
        PERFORM worlds.become(who);
        PERFORM differential.check_query(who, i, queries[i]);
      END LOOP;
      RESET SESSION AUTHORIZATION;
      FOR target IN SELECT * FROM differential.targets ORDER BY t LOOP
        FOR command IN SELECT c.* FROM differential.commands c WHERE c.t = target.t AND c.kind = ANY (differential.kinds(target)) ORDER BY c.kind LOOP
          PERFORM worlds.become(who);
          PERFORM differential.check_write(who, command, target.name);
          RESET SESSION AUTHORIZATION;
        END LOOP;
      END LOOP;
      PERFORM worlds.leave();
    END LOOP;
    DEALLOCATE ALL;
    PERFORM differential.clear();
    PERFORM worlds.remove();
    PERFORM differential.tally('worlds', '', true);
    COMMIT;
  END LOOP;
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- The end of a run
---------------------------------------------------------------------------------------------------------------------

CREATE VIEW differential.totals AS
SELECT subject, detail, sum(hits) AS hits, sum(total) AS total
FROM (SELECT * FROM differential.tallies UNION ALL SELECT * FROM differential.other_tallies) t
GROUP BY subject, detail;

-- Minimum coverage for a run to be meaningful.
CREATE FUNCTION differential.unmet() RETURNS SETOF text LANGUAGE sql AS $$
  WITH wanted (subject, detail) AS (
    SELECT 'queries with', unnest(ARRAY['JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN', 'LEFT JOIN LATERAL', 'CROSS JOIN LATERAL', 'GROUP BY', 'aggregate without GROUP BY',
      'window', 'DISTINCT', 'LIMIT', 'UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT', 'EXCEPT ALL', 'AS', 'AS MATERIALIZED', 'AS NOT MATERIALIZED', 'WITH RECURSIVE',
      'scalar sub-query', 'IN (sub-query)', 'EXISTS (sub-query)', 'ALL and ANY (sub-query)'])
    UNION ALL SELECT 'queries by mode', unnest(ARRAY['as it comes', 'prepared'])
    UNION ALL SELECT s, m.mode FROM differential.modes m, unnest(ARRAY['queries by mode', 'plans as wanted']) s
    UNION ALL SELECT 'amounts by an index', unnest(ARRAY['own_rows', 'all'])
    UNION ALL SELECT 'writes', unnest(ARRAY['INSERT', 'INSERT ON CONFLICT', 'UPDATE', 'UPDATE FROM', 'DELETE', 'DELETE USING', 'MERGE']))
  SELECT format('%s: %s', subject, detail) FROM wanted LEFT JOIN differential.totals USING (subject, detail) WHERE coalesce(hits, 0) = 0
$$;

CREATE FUNCTION differential.report() RETURNS SETOF text LANGUAGE sql AS $$
  SELECT format('%-60s %8s of %8s', subject || CASE WHEN detail = '' THEN '' ELSE ': ' || detail END, hits, total)
  FROM differential.totals WHERE subject <> 'worlds' ORDER BY 1
$$;

CREATE FUNCTION differential.summary() RETURNS text LANGUAGE sql AS $$
  SELECT format('ok: %s worlds, %s queries and %s writes the same as over the principal''s rows alone, in %s executions',
    sum(total) FILTER (WHERE subject = 'worlds'), sum(total) FILTER (WHERE subject = 'queries'), sum(total) FILTER (WHERE subject = 'writes'),
    sum(total) FILTER (WHERE subject = 'queries by mode') + 2 * sum(total) FILTER (WHERE subject = 'writes'))
  FROM differential.totals
$$;
