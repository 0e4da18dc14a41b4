-- Measuring inside the server, so that neither client nor network blurs what takes microseconds.

CREATE FUNCTION bench.milliseconds(since timestamptz) RETURNS float8
LANGUAGE sql VOLATILE RETURN 1000 * extract(epoch FROM clock_timestamp() - since);

-- A plan as one line: node types, the indexes used, sub-plans in brackets.
CREATE FUNCTION bench.plan_shape(plan jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  node text := concat(plan ->> 'Partial Mode' || ' ', plan ->> 'Node Type', ' ' || (plan ->> 'Index Name'));
  children text;
  subplans text;
BEGIN
  node := replace(replace(node, 'Simple ', ''), 'Finalize ', '');
  SELECT string_agg(bench.plan_shape(c), ', ') FILTER (WHERE c ->> 'Parent Relationship' NOT IN ('InitPlan', 'SubPlan')),
         string_agg(bench.plan_shape(c), ', ') FILTER (WHERE c ->> 'Parent Relationship' IN ('InitPlan', 'SubPlan'))
  INTO children, subplans
  FROM jsonb_array_elements(plan -> 'Plans') c;
  IF subplans IS NOT NULL THEN
    node := format('%s [%s]', node, subplans);
  END IF;
  RETURN CASE WHEN children IS NULL THEN node
              WHEN jsonb_array_length(plan -> 'Plans') > 1 AND children LIKE '%, %' THEN format('%s > (%s)', node, children)
              ELSE format('%s > %s', node, children) END;
END
$$;

-- Runs a query once to warm up, then a number of times, or for as long as the budget lasts; where one run takes as long as
-- the budget, that run counts. The first time it also keeps the plan, and a fingerprint of the result, which must be
-- the same for all alternatives. Samples: planning and execution as EXPLAIN ANALYZE has them, the time of the whole
-- statement, parsing and rewriting included, and of what is short enough the mean time of the statement when it is
-- prepared, too. "counted", if it isn't NULL, is the query whose estimate of rows is kept.
CREATE FUNCTION bench.measure_query(area text, subject text, alternative text, round integer, query text, counted text,
                                    samples integer, budget_ms float8)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  began CONSTANT timestamptz := clock_timestamp();
  started timestamptz;
  took float8;
  fingerprint text;
  prepared_runs CONSTANT integer := 25;
  plan jsonb;
  estimate jsonb;
  is_known CONSTANT boolean := EXISTS (SELECT FROM bench.plans p WHERE (p.area, p.subject, p.alternative)
                                       = (measure_query.area, measure_query.subject, measure_query.alternative));
BEGIN
  IF is_known THEN
    EXECUTE query;
  ELSE
    EXECUTE format('SELECT md5(coalesce(string_agg(q::text, '','' ORDER BY q::text), '''')) FROM (%s) q', query)
      INTO fingerprint;
  END IF;
  took := bench.milliseconds(began);
  IF took > 1000 THEN
    -- Nobody waits for another run.
    EXECUTE 'EXPLAIN (SUMMARY, FORMAT JSON) ' || query INTO plan;
    INSERT INTO bench.samples
    VALUES (area, subject, alternative, 'planning', round, (plan -> 0 ->> 'Planning Time')::float8),
           (area, subject, alternative, 'execution', round, took - (plan -> 0 ->> 'Planning Time')::float8),
           (area, subject, alternative, 'statement', round, took);
  ELSE
    IF took < budget_ms THEN
      EXECUTE query;
    END IF;
    FOR i IN 1 .. samples LOOP
      EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ' || query INTO plan;
      IF took < budget_ms OR NOT is_known THEN
        started := clock_timestamp();
        EXECUTE query;
        took := bench.milliseconds(started);
      END IF;
      INSERT INTO bench.samples
      VALUES (area, subject, alternative, 'planning', round, (plan -> 0 ->> 'Planning Time')::float8),
             (area, subject, alternative, 'execution', round, (plan -> 0 ->> 'Execution Time')::float8),
             (area, subject, alternative, 'statement', round, took);
      EXIT WHEN bench.milliseconds(began) > budget_ms;
    END LOOP;
    IF took * prepared_runs < budget_ms THEN
      EXECUTE 'PREPARE bench_query AS ' || query;
      EXECUTE 'EXECUTE bench_query';
      FOR i IN 1 .. samples / 4 + 1 LOOP
        INSERT INTO bench.samples
        VALUES (area, subject, alternative, 'prepared', round,
                bench.time_of('EXECUTE bench_query', prepared_runs) / prepared_runs);
        EXIT WHEN bench.milliseconds(began) > 2 * budget_ms;
      END LOOP;
      DEALLOCATE bench_query;
    END IF;
  END IF;
  IF NOT is_known THEN
    IF counted IS NOT NULL THEN
      EXECUTE 'EXPLAIN (FORMAT JSON) ' || counted INTO estimate;
    END IF;
    INSERT INTO bench.plans
    VALUES (area, subject, alternative, bench.plan_shape(plan -> 0 -> 'Plan'), (estimate -> 0 -> 'Plan' ->> 'Plan Rows')::float8,
            fingerprint);
  END IF;
END
$$;

-- Milliseconds of so many runs of a statement.
CREATE FUNCTION bench.time_of(statement text, runs integer DEFAULT 1) RETURNS float8
LANGUAGE plpgsql AS $$
DECLARE
  started timestamptz := clock_timestamp();
BEGIN
  FOR i IN 1 .. runs LOOP
    EXECUTE statement;
  END LOOP;
  RETURN bench.milliseconds(started);
END
$$;

-- Three significant digits, without an exponent.
CREATE FUNCTION bench.shown(value float8) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN value IS NULL THEN '-'
              WHEN abs(value) >= 100 THEN round(value::numeric)::text
              WHEN abs(value) >= 10 THEN round(value::numeric, 1)::text
              WHEN abs(value) >= 1 THEN round(value::numeric, 2)::text
              ELSE round(value::numeric, 3)::text END
$$;
CREATE FUNCTION bench.shown(median float8, lower float8, upper float8) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN median IS NULL THEN '-'
              ELSE format('%s (%s to %s)', bench.shown(median), bench.shown(lower), bench.shown(upper)) END
$$;

-- Statistics of samples for reports. A ratio is computed round by round, so that a slow phase of the machine affects both sides,
-- from the means of the faster half of the samples: disturbances only make samples slower. Means instead of percentiles, since
-- EXPLAIN rounds to a microsecond.
CREATE VIEW bench.summary AS
SELECT area, subject, alternative, metric, count(*) AS samples,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY value) AS median,
       percentile_cont(0.25) WITHIN GROUP (ORDER BY value) AS lower,
       percentile_cont(0.75) WITHIN GROUP (ORDER BY value) AS upper
FROM bench.samples
GROUP BY area, subject, alternative, metric;

CREATE FUNCTION bench.round_ratios(area text, subject text, alternative text, floor_alternative text, metric text)
RETURNS TABLE (round integer, ratio float8) LANGUAGE sql STABLE AS $$
  WITH ranked AS (
    SELECT s.round, s.alternative, s.value,
           row_number() OVER w AS place, count(*) OVER (PARTITION BY s.round, s.alternative) AS samples
    FROM bench.samples s
    WHERE (s.area, s.subject, s.metric) = (round_ratios.area, round_ratios.subject, round_ratios.metric)
      AND s.alternative IN (round_ratios.alternative, floor_alternative)
    WINDOW w AS (PARTITION BY s.round, s.alternative ORDER BY s.value)
  ), rounds AS (
    SELECT h.round, h.alternative, avg(h.value) AS mean
    FROM ranked h WHERE 2 * h.place <= h.samples + 1 GROUP BY h.round, h.alternative
  )
  SELECT r.round, r.mean / nullif(f.mean, 0)
  FROM rounds r JOIN rounds f USING (round)
  WHERE r.alternative = round_ratios.alternative AND f.alternative = floor_alternative
$$;
CREATE FUNCTION bench.ratio(area text, subject text, alternative text, floor_alternative text, metric text)
RETURNS float8 LANGUAGE sql STABLE AS $$
  SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY r.ratio)
  FROM bench.round_ratios(area, subject, alternative, floor_alternative, metric) r
$$;
-- The same with the quartiles of the rounds.
CREATE FUNCTION bench.shown_ratio(area text, subject text, alternative text, floor_alternative text, metric text)
RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN count(*) < 4 OR alternative = floor_alternative THEN bench.shown(percentile_cont(0.5) WITHIN GROUP (ORDER BY r.ratio))
              ELSE bench.shown(percentile_cont(0.5) WITHIN GROUP (ORDER BY r.ratio), percentile_cont(0.25) WITHIN GROUP (ORDER BY r.ratio),
                               percentile_cont(0.75) WITHIN GROUP (ORDER BY r.ratio)) END
  FROM bench.round_ratios(area, subject, alternative, floor_alternative, metric) r
$$;

-- How much more the one has than the other, in the median of the rounds.
CREATE FUNCTION bench.surplus(area text, subject text, alternative text, floor_alternative text, metric text)
RETURNS float8 LANGUAGE sql STABLE AS $$
  SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY s.value - f.value)
  FROM bench.samples s JOIN bench.samples f USING (area, subject, metric, round)
  WHERE (s.area, s.subject, s.metric) = (surplus.area, surplus.subject, surplus.metric)
    AND s.alternative = surplus.alternative AND f.alternative = floor_alternative
$$;
