-- Asks the random calls of calls.sql in three ways, and compares.

GRANT SET ON PARAMETER tenancy.specialize TO PUBLIC;

-- Rows, or the error's code. What was written is taken back.
CREATE FUNCTION differential.call_answer(command text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  rows text[];
BEGIN
  EXECUTE command INTO rows;
  RAISE EXCEPTION USING ERRCODE = 'TAKEN';
EXCEPTION
  WHEN SQLSTATE 'TAKEN' THEN
    RETURN rows;
  WHEN OTHERS THEN
    RETURN ARRAY['error ' || SQLSTATE || CASE WHEN SQLSTATE ~ '^(XX|55|40)' THEN ' ' || SQLERRM ELSE '' END];
END
$$;

-- Writes must stand at the top.
CREATE FUNCTION differential.command_of(call differential.calls) RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN call.query LIKE '% RETURNING %'
    THEN regexp_replace(call.query, 'SELECT \* FROM w$', 'SELECT coalesce(array_agg(w::text ORDER BY w::text), ''{}'') FROM w')
    ELSE differential.rows_of(call.query) END
$$;

CREATE FUNCTION differential.answer_calls(who int, way text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  call differential.calls;
  command text;
BEGIN
  PERFORM set_config('tenancy.specialize', CASE way WHEN 'row by row' THEN 'off' ELSE 'on' END, false);
  FOR call IN SELECT * FROM differential.calls c ORDER BY c.number LOOP
    command := CASE way WHEN 'prepared' THEN format('EXECUTE call_%s', call.number) ELSE differential.command_of(call) END;
    INSERT INTO differential.call_answers VALUES (who, call.number, way, differential.call_answer(command));
  END LOOP;
  PERFORM set_config('tenancy.specialize', 'on', false);
END
$$;

-- An unregistered or unknown name is an error if the call is executed, and the planner chooses which of several calls are.
CREATE FUNCTION differential.compare_calls() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  one record;
BEGIN
  FOR one IN
    SELECT a.n, a.way, c.query, c.context, differential.difference(r.answer, a.answer) AS difference
    FROM differential.call_answers a JOIN differential.calls c USING (number)
    JOIN differential.call_answers r ON r.n = a.n AND r.number = a.number AND r.way = 'row by row'
    WHERE a.answer <> r.answer AND NOT ARRAY[a.answer[1], r.answer[1]] && '{error 22023,error 42704}'
    ORDER BY a.n, a.number LIMIT 1
  LOOP
    PERFORM worlds.fail(one.n, one.way, 'another answer than row by row: ' || one.context, format(E'%s\nquery: %s', one.difference, one.query));
  END LOOP;
  -- A call that the server itself refuses is no test; XX000 would be a fault wherever it comes from.
  FOR one IN SELECT a.n, a.way, a.answer, c.query FROM differential.call_answers a JOIN differential.calls c USING (number)
             WHERE a.answer[1] ~ '^error (XX|55|40)' LIMIT 1 LOOP
    PERFORM worlds.fail(one.n, one.way, one.answer[1], 'query: ' || one.query);
  END LOOP;
  INSERT INTO differential.tallies
  SELECT 'calls', c.context, count(*) FILTER (WHERE a.answer <> '{}' AND a.answer[1] !~ '^error'), count(*)
  FROM differential.call_answers a JOIN differential.calls c USING (number) GROUP BY c.context;
END
$$;

-- A world to ask in, and the calls. Those that the parser refuses are none.
CREATE FUNCTION differential.begin_calls(seed int, about text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  call differential.calls;
BEGIN
  PERFORM set_config('jit', 'off', false), set_config('plan_cache_mode', 'force_generic_plan', false);
  DELETE FROM worlds.running;
  INSERT INTO worlds.running VALUES (seed, about);
  PERFORM worlds.generate(seed);
  PERFORM worlds.ask_oracle(0.5, 0);
  PERFORM differential.make_things();
  PERFORM differential.guard_things();
  PERFORM differential.make_calls(100);
  FOR call IN SELECT * FROM differential.calls ORDER BY number LOOP
    BEGIN
      EXECUTE format('PREPARE call_%s AS %s', call.number, differential.command_of(call));
    EXCEPTION WHEN syntax_error_or_access_rule_violation OR feature_not_supported THEN
      DELETE FROM differential.calls c WHERE c.number = call.number;
    END;
  END LOOP;
END
$$;

CREATE FUNCTION differential.end_calls() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM worlds.leave();
  DEALLOCATE ALL;
  PERFORM worlds.remove();
END
$$;

CREATE PROCEDURE differential.run_calls(first int, last int, step int) LANGUAGE plpgsql AS $$
DECLARE
  askers int[];
  who int;
  way text;
BEGIN
  FOR seed IN first..last BY step LOOP
    PERFORM differential.begin_calls(seed, 'random calls');
    COMMIT;
    askers := ARRAY(SELECT * FROM differential.askers(5) UNION SELECT p.n FROM worlds.principals p WHERE p.label = 'nobody' ORDER BY 1);
    FOREACH way IN ARRAY ARRAY['planned', 'prepared', 'row by row'] LOOP
      FOREACH who IN ARRAY askers LOOP
        PERFORM worlds.become(who);
        PERFORM differential.answer_calls(who, way);
        RESET SESSION AUTHORIZATION;
      END LOOP;
    END LOOP;
    PERFORM differential.compare_calls();
    PERFORM differential.end_calls();
    COMMIT;
  END LOOP;
END
$$;

-- Whether a fault would be noticed: NULL for false, and somebody else's answer.
CREATE PROCEDURE differential.find_planted_calls(seed int) LANGUAGE plpgsql AS $$
DECLARE
  askers int[];
  noticed int;
BEGIN
  PERFORM differential.begin_calls(seed, 'planted faults');
  askers := ARRAY(SELECT * FROM differential.askers(2) UNION SELECT p.n FROM worlds.principals p WHERE p.label = 'nobody' ORDER BY 1);
  PERFORM worlds.become(askers[1]);
  PERFORM differential.answer_calls(askers[1], 'row by row');
  RESET SESSION AUTHORIZATION;
  PERFORM worlds.become(askers[2]);
  PERFORM differential.answer_calls(askers[2], 'planned');
  RESET SESSION AUTHORIZATION;
  SELECT count(*) INTO noticed FROM differential.call_answers a JOIN differential.call_answers b USING (number) WHERE a.n < b.n AND a.answer <> b.answer;
  IF noticed = 0 THEN
    RAISE EXCEPTION 'seed %: planted and not noticed: somebody else''s answer', seed;
  END IF;
  RAISE INFO 'planted: somebody else''s answer: noticed by % calls', noticed;
  UPDATE differential.calls SET query = planted;
  PERFORM worlds.become(askers[1]);
  PERFORM differential.answer_calls(askers[1], 'planned');
  RESET SESSION AUTHORIZATION;
  SELECT count(*) INTO noticed FROM differential.call_answers a JOIN differential.call_answers b USING (n, number) WHERE a.way < b.way AND a.answer <> b.answer;
  IF noticed = 0 THEN
    RAISE EXCEPTION 'seed %: planted and not noticed: NULL for false', seed;
  END IF;
  RAISE INFO 'planted: NULL for false: noticed by % calls', noticed;
  PERFORM differential.end_calls();
END
$$;

-- Minimum coverage of questions and answers for a run to be meaningful.
CREATE FUNCTION differential.unasked() RETURNS SETOF text LANGUAGE sql AS $$
  SELECT c.context FROM differential.call_contexts c LEFT JOIN differential.totals t ON t.subject = 'calls' AND t.detail = c.context
  WHERE coalesce(t.hits, 0) = 0
$$;

CREATE FUNCTION differential.calls_summary() RETURNS text LANGUAGE sql AS $$
  SELECT format('ok: %s answers to calls by hand the same as row by row', sum(total)) FROM differential.totals WHERE subject = 'calls'
$$;
