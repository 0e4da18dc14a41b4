-- Conditions that tell of a hidden row without being given it: by an error, a call, the number of calls, wherever the planner and the
-- executor may put them. Each is asked about a value that only a hidden row has, and about one that no row has: whoever sees a
-- difference sees the row.
CREATE SEQUENCE attacks.silent_calls;
GRANT ALL ON SEQUENCE attacks.silent_calls TO PUBLIC;
SET client_min_messages = error;
CREATE COLLATION attacks.old (provider = icu, locale = 'und', version = '1');
CREATE TABLE attacks.versioned AS SELECT n, 'x' COLLATE attacks.old AS e FROM generate_series(1, 40) n;
RESET client_min_messages;
GRANT SELECT ON attacks.versioned TO PUBLIC;
-- One that the server does not have, as after a move to another: an error at each use.
CREATE COLLATION attacks.gone (provider = libc, locale = 'C.UTF-8');
UPDATE pg_collation SET collcollate = 'gone', collctype = 'gone' WHERE collname = 'gone' AND collnamespace = 'attacks'::regnamespace;
CREATE COLLATION attacks.nd (provider = icu, locale = 'und', deterministic = false);
CREATE FUNCTION attacks.called() RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN PERFORM nextval('attacks.silent_calls'); RETURN true; END $$;
CREATE FUNCTION attacks.same(text) RETURNS text LANGUAGE plpgsql STABLE COST 0.0001 AS $$ BEGIN PERFORM nextval('attacks.silent_calls'); RETURN $1; END $$;
CREATE FUNCTION attacks.same(point) RETURNS point LANGUAGE plpgsql STABLE COST 0.0001 AS $$ BEGIN PERFORM nextval('attacks.silent_calls'); RETURN $1; END $$;
CREATE DOMAIN attacks.counted AS text CHECK (attacks.same(VALUE) = VALUE);
CREATE TYPE attacks.pair AS (a text, b attacks.counted);
CREATE TABLE attacks.mine AS SELECT n, 'x' COLLATE "C" AS c, 'x' COLLATE "POSIX" AS d, true AS v FROM generate_series(1, 40) n;
GRANT SELECT ON attacks.mine TO PUBLIC;

-- Every kind of index that has the executor look at rows again, and none that a partition has.
SET ROLE att_owner;
CREATE TABLE app.indexed (n int, organization_id uuid, workspace_id uuid, user_id uuid, body text, tags int[], area circle);
CREATE TABLE app.indexed_parts (LIKE app.indexed) PARTITION BY RANGE (n);
CREATE TABLE app.indexed_1 PARTITION OF app.indexed_parts FOR VALUES FROM (0) TO (20);
CREATE TABLE app.indexed_2 PARTITION OF app.indexed_parts FOR VALUES FROM (20) TO (1000);
RESET ROLE;
INSERT INTO app.indexed
SELECT row_number() OVER (ORDER BY i, r.number), r.organization, r.workspace, r.member, r.body, CASE WHEN r.body ~ 'globex' THEN '{1,2,3}' ELSE '{1,2}' END::int[], circle(point(i, i), CASE WHEN r.body ~ 'globex' THEN 1e200 ELSE 1 END)
FROM attacks.rows_of r, generate_series(1, 6) i;
INSERT INTO app.indexed_parts TABLE app.indexed;
CREATE INDEX ON app.indexed USING hash (body);
CREATE INDEX ON app.indexed USING brin (body, n);
CREATE INDEX ON app.indexed USING gist (area);
CREATE INDEX ON app.indexed (n, body);
CREATE INDEX ON app.indexed (workspace_id, body);
CREATE INDEX ON app.indexed_1 (n);
CREATE INDEX ON app.indexed_1 USING hash (body);
CREATE INDEX ON app.indexed_2 (body);
-- Statistics would let plans depend on what is looked for.
ALTER TABLE app.indexed ALTER body SET STATISTICS 0;
ALTER TABLE app.indexed_parts ALTER body SET STATISTICS 0;
ALTER TABLE app.indexed_1 ALTER body SET STATISTICS 0;
ALTER TABLE app.indexed_2 ALTER body SET STATISTICS 0;
SELECT tenancy.protect('app.indexed', 'logs', 'organization_id', 'workspace_id', 'user_id', payload => '{body}'), tenancy.protect('app.indexed_parts', 'logs', 'organization_id', 'workspace_id', 'user_id'),
  tenancy.create_scoped_view('app.indexed', 'app.indexed_scoped') \g /dev/null
GRANT SELECT, UPDATE, DELETE ON app.indexed, app.indexed_parts TO PUBLIC;
GRANT SELECT ON app.indexed_scoped TO PUBLIC;
ANALYZE app.indexed, app.indexed_parts;

-- Rows of a query, or its error, and calls: all that a session notices
CREATE FUNCTION attacks.seen(query text, guess text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  before bigint := nextval('attacks.silent_calls');
  rows bigint;
BEGIN
  IF current_setting('plan_cache_mode') = 'force_generic_plan' AND query !~ '\mr\.f\M|^VIEW ' THEN
    EXECUTE format('PREPARE silent (text) AS %s', replace(query, '$', '$1'));
    EXECUTE format('EXECUTE silent (%L)', guess);
  -- A field of a record that is not assigned, or has another type by now: an error where it is evaluated, or copied for a loop
  ELSIF query ~ '\mr\.f\M' THEN
    EXECUTE format('CREATE FUNCTION pg_temp.asked(field text) RETURNS bigint LANGUAGE plpgsql SET plan_cache_mode = %s AS %L', (ARRAY['force_generic_plan', 'force_custom_plan'])[1 + abs(hashtext(query) / 4 % 2)],
      format('DECLARE r record; x record; low text := %L; n bigint := 0; BEGIN
        IF field = ''true'' THEN SELECT true AS f INTO r; ELSIF field = ''text'' THEN SELECT ''x''::text AS f INTO r; END IF; %s RETURN n; END', guess,
        format(CASE WHEN query !~ '^(SELECT|WITH)' THEN '%s; GET DIAGNOSTICS n = ROW_COUNT;' WHEN hashtext(query) % 2 = 0 THEN 'PERFORM FROM (%s) s; GET DIAGNOSTICS n = ROW_COUNT;'
               ELSE 'FOR x IN SELECT FROM (%s) s LOOP n := n + 1; END LOOP;' END, replace(query, '$', 'low'))));
    EXECUTE 'SELECT pg_temp.asked(''true'')' INTO rows;
    EXECUTE 'SELECT pg_temp.asked($1)' INTO rows USING (ARRAY['none', 'text'])[1 + abs(hashtext(query) / 2 % 2)];
    EXECUTE 'DROP FUNCTION pg_temp.asked(text)';
    RETURN format('%s rows, %s calls', rows, nextval('attacks.silent_calls') - before);
  -- A view of one's own, through which the table is changed
  ELSIF query ~ '^VIEW ' THEN
    EXECUTE format('CREATE TEMP VIEW asked WITH (security_barrier) AS %s', replace(substr(query, 6), '$', quote_literal(guess)));
    UPDATE asked SET n = n;
    EXECUTE 'DROP VIEW pg_temp.asked';
  ELSE
    EXECUTE replace(query, '$', quote_literal(guess));
  END IF;
  GET DIAGNOSTICS rows = ROW_COUNT;
  DEALLOCATE ALL;
  RETURN format('%s rows, %s calls', rows, nextval('attacks.silent_calls') - before);
EXCEPTION WHEN OTHERS THEN
  DEALLOCATE ALL;
  RETURN SQLERRM;
END
$$;
CREATE FUNCTION attacks.ask(query text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  hidden text := attacks.seen(query, 'canary_globex');
  absent text := attacks.seen(query, 'canary_glabex');
BEGIN
  IF hidden <> absent THEN
    RAISE INFO 'a witness saw canary_globex: %, else %', hidden, absent;
  END IF;
END
$$;

CREATE FUNCTION attacks.question(relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  guess text := attacks.pick(ARRAY['t.body = $', 't.body >= $ AND t.body < $ || ''0''', 't.body = ANY (ARRAY[$, ''x''])', 't.body IS NOT DISTINCT FROM $', 'NOT t.body <> $', 't.body >= ANY (ARRAY[$]) AND t.body <= $', '(t.body, t.n) >= ($, 0) AND t.body <= $']);
  told text := attacks.pick(ARRAY['attacks.called()', '(SELECT attacks.called())', 'nextval(''attacks.silent_calls'') > 0', '(SELECT 1 / (random() * 0)::int > 0)', 'starts_with(t.body COLLATE attacks.nd, ''x'')',
    'ARRAY[t.tags, ''{1,2}''] IS NOT NULL', 'ARRAY[ARRAY[1, t.n], ARRAY[m.n]] IS NOT NULL', 't.area < circle(point(0, 0), 2)', 'm.c < m.d', 'm.c = ANY (ARRAY[m.d])', 'greatest(ROW(m.n), ROW(''x''::text)) IS NOT NULL', 'greatest(ROW(current_user), ROW(1)) IS NOT NULL', 'greatest(ROW($), ROW(1)) IS NOT NULL',
    'ROW(trim_array(''1 2''::oidvector, 2), 1) < ROW(trim_array(''1 2''::oidvector, 2), 1)', '1 / (t.n - t.n) > 0', 'm.c::int > 0', 'xmlparse(document m.c) IS NOT NULL', 'm.c = ''x''::attacks.counted', 'attacks.same(m.c) = m.c', '(CASE WHEN true THEN ARRAY[t.body] END)::int[] IS NOT NULL', 'coalesce(attacks.called(), m.n > 0)', 'r.f', 'r.f', 'm.c < ''a'' COLLATE attacks.gone', 't.body > ''a'' COLLATE attacks.gone']
    || CASE WHEN to_regproc('attacks.planted_silent') IS NULL THEN '{}' ELSE array_fill('attacks.planted_silent(t.n)'::text, ARRAY[20]) END);
  c text := format(attacks.pick(ARRAY['CASE WHEN %s THEN %s END', '%s AND %s', 'NOT (%s AND NOT (%s))', '(%s AND coalesce(%s, true))', 'CASE WHEN %s THEN (SELECT %s) ELSE false END', '(t.n < 0 OR %s AND %s)']), guess, told);
  -- Comparisons that a policy makes as well: the planner may keep the query's alone.
  i text := attacks.pick(ARRAY['t.workspace_id = tenancy.current_workspace_id()', 't.workspace_id = tenancy.current_workspace_id() AND t.user_id = tenancy.current_user_id()', 't.organization_id = tenancy.current_organization_id()',
    't.organization_id = (SELECT tenancy.current_organization_id())', 't.user_id = tenancy.current_user_id()']);
BEGIN
  RETURN replace(replace(attacks.pick(ARRAY[
    'SELECT FROM {t} t, attacks.mine m WHERE m.n = 1 AND {c}',
    'SELECT FROM attacks.mine m JOIN {t} t ON t.n = m.n WHERE {c}',
    'SELECT FROM attacks.mine m JOIN {t} t ON t.n = m.n AND m.v = {c}',
    'SELECT FROM attacks.mine m JOIN (SELECT n, body, tags, area FROM {t} UNION ALL SELECT n, body, tags, area FROM {t} WHERE n > 2) t ON t.n = m.n AND m.v = {c}',
    'SELECT FROM attacks.mine m LEFT JOIN {t} t ON t.n = m.n AND {c}',
    'SELECT FROM attacks.mine m WHERE EXISTS (SELECT FROM {t} t WHERE t.n = m.n AND {c})',
    'SELECT FROM attacks.mine m, LATERAL (SELECT FROM {t} t WHERE t.n = m.n AND {c} OFFSET 0) l',
    'SELECT FROM attacks.mine m, LATERAL (SELECT FROM {t} t WHERE t.n < m.n AND {c} LIMIT 1) l',
    'SELECT FROM attacks.mine m JOIN {t} t ON t.n = m.n JOIN {t} o ON o.n = t.n AND o.body = t.body WHERE {c}',
    'SELECT (SELECT count(*) FROM {t} t WHERE t.n = m.n AND {c}) FROM attacks.mine m',
    'SELECT t.n FROM attacks.mine m JOIN {t} t ON t.n = m.n AND {c} ORDER BY t.n, t.body LIMIT 3',
    'SELECT min(t.n) FROM {t} t, attacks.mine m WHERE m.n = 1 AND {c}',
    'SELECT FROM (SELECT t.n, row_number() OVER (ORDER BY t.n) AS r FROM {t} t, attacks.mine m WHERE m.n = 1 AND {c}) s WHERE r <= length(attacks.same(''xx''))',
    'SELECT t.body FROM {t} t, attacks.mine m WHERE m.n = 1 GROUP BY t.body, t.n, t.tags, m.n, m.c, m.d HAVING {c}',
    'WITH w AS NOT MATERIALIZED (SELECT * FROM {t}) SELECT FROM w t, attacks.mine m WHERE m.n = 1 AND {c}',
    'SELECT FROM {t} t WHERE t.body = attacks.same($)', 'SELECT FROM {t} t WHERE t.body = attacks.same($) AND t.n > length(attacks.same(''''))',
    'SELECT FROM {t} t WHERE t.n >= length(attacks.same('''')) AND t.body = $', 'SELECT FROM {t} t WHERE t.body = (jsonb_populate_record(NULL::attacks.pair, jsonb_build_object(''b'', $::text))).b',
    'SELECT FROM attacks.mine m LEFT JOIN {t} t ON t.body = CASE WHEN m.n > 0 THEN attacks.same($) END', 'SELECT t.n FROM {t} t WHERE t.body = $ ORDER BY t.area <-> attacks.same(point(1, 1)) LIMIT 2',
    'SELECT FROM {t} t WHERE t.body IN (SELECT attacks.same($) FROM attacks.mine m WHERE m.n < 3)',
    'SELECT FROM {t} t WHERE t.body = $ AND {i}', 'SELECT count(*) FROM {t} t WHERE t.body >= $ AND t.body <= $ AND {i}', 'SELECT FROM {t} t WHERE t.n = ANY (ARRAY(SELECT n FROM attacks.mine)) AND t.body = $ AND {i}']
    || CASE WHEN relation ~ 'scoped' THEN '{}' ELSE ARRAY['VIEW SELECT t.* FROM {t} t WHERE t.organization_id = CASE WHEN t.body >= ANY (ARRAY[$]) AND t.body <= $ THEN (SELECT CASE WHEN attacks.called() THEN gen_random_uuid() END) END', 'SELECT FROM {t} t TABLESAMPLE BERNOULLI (100), attacks.mine m WHERE m.n = 1 AND {c}',
    'UPDATE {t} t SET n = t.n FROM attacks.mine m WHERE t.n = m.n AND {c}', 'DELETE FROM {t} t USING attacks.mine m WHERE m.n = 1 AND {c}', 'SELECT FROM {t} t, attacks.mine m WHERE m.n = 1 AND {c} FOR UPDATE OF t',
    'MERGE INTO {t} t USING attacks.mine m ON t.n = m.n AND {c} WHEN MATCHED THEN DO NOTHING', 'MERGE INTO {t} t USING attacks.mine m ON t.n = m.n WHEN MATCHED AND {c} THEN DO NOTHING'] END), '{c}', '(' || c || ')'), '{i}', i);
END
$$;

-- An error in a worker is logged with the statement, which is the attacker's own text.
CREATE PROCEDURE attacks.make_questions(rounds int) LANGUAGE plpgsql AS $$
DECLARE
  p attacks.principals;
  relation text;
  plan text;
  mode text;
  asked text[];
BEGIN
  FOR p IN SELECT * FROM attacks.principals x WHERE x.principal IN ('nobody', 'search key', 'mike', 'mona', 'adam') LOOP
    FOREACH relation IN ARRAY ARRAY['app.indexed', 'app.indexed_parts', 'app.indexed_scoped'] LOOP
      FOR i IN 1..3 LOOP
        mode := attacks.pick(ARRAY['none', 'own_rows', 'all']);
        plan := attacks.pick(ARRAY['', 'SET LOCAL enable_seqscan = off; ']) || attacks.pick(ARRAY['', 'SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; ', 'SET LOCAL enable_nestloop = off; ']) ||
          attacks.pick(ARRAY['', 'SET LOCAL cpu_operator_cost = 0; ', 'SET LOCAL cpu_operator_cost = 1e-10; ']) || attacks.pick(ARRAY['', 'SET LOCAL enable_bitmapscan = off; ', 'SET LOCAL enable_indexscan = off; SET LOCAL work_mem = ''64kB''; ']) ||
          attacks.pick(ARRAY['', 'SET LOCAL enable_memoize = off; SET LOCAL enable_material = off; ']) || attacks.pick(ARRAY['', 'SET LOCAL enable_partitionwise_join = on; ', 'SET LOCAL tenancy.share_plans = on; ']) || attacks.pick(ARRAY['', '', format('SET LOCAL %s = on; SET LOCAL parallel_leader_participation = off; SET LOCAL parallel_setup_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; ', CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END)]) || attacks.pick(ARRAY['', '', 'SET LOCAL plan_cache_mode = force_generic_plan; ']);
        asked := '{}';
        FOR j IN 1..12 * rounds LOOP
          asked := asked || format('SELECT attacks.ask(%L)', replace(attacks.question(relation), '{t}', relation));
        END LOOP;
        INSERT INTO attacks.cases (family, title, script, forbidden, fresh)
        VALUES ('silent', format('%s, %s, trusted conditions: %s, %s', p.principal, relation, mode, i), format(E'@as postgres\nSET LOCAL tenancy.trusted_conditions = %L;\nSET LOCAL log_min_error_statement = panic;\n', mode) || attacks.as_script(p.login, p.principal, plan, asked), p.forbidden, false);
      END LOOP;
    END LOOP;
  END LOOP;
END
$$;
CALL attacks.make_questions(:rounds);

-- Comparisons that a policy makes as well, in shared plans and with workers: the planner can leave the guards alone on the row.
INSERT INTO attacks.cases (family, title, script, forbidden, fresh)
SELECT 'silent', format('%s, %s, what its policy compares', p.principal, r.relation), E'@as postgres\nSET LOCAL log_min_error_statement = panic;\n' || attacks.as_script(p.login, p.principal, format('SET LOCAL tenancy.workspace = ''aaaaaaaa-0000-4000-8000-000000000002''; SET LOCAL tenancy.share_plans = on;
    SET LOCAL %s = on; SET LOCAL parallel_leader_participation = off; SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off;',
    CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END),
  array_agg(format('SELECT attacks.ask(%L)', format('SELECT count(*) FROM %s t WHERE %s AND %s', r.relation, g, i)))), p.forbidden, false
FROM attacks.principals p, unnest(ARRAY['app.indexed', 'app.indexed_parts']) r (relation), unnest(ARRAY['t.body = $', 't.body >= $ AND t.body <= $', 't.body = ANY (ARRAY[$, ''x''])']) g,
  unnest(ARRAY['t.workspace_id = tenancy.current_workspace_id()', 't.user_id = tenancy.current_user_id()', 't.workspace_id = tenancy.current_workspace_id() AND t.user_id = tenancy.current_user_id()',
    't.organization_id = tenancy.current_organization_id()', 't.organization_id = tenancy.current_organization_id() AND t.workspace_id = tenancy.current_workspace_id()']) i
WHERE p.principal IN ('mike', 'mona', 'adam') GROUP BY p.principal, p.login, p.forbidden, r.relation;

-- Sides of an OR may have an index each, and several within a side: what one of them compares is evaluated if the one before it has an entry.
SET ROLE att_owner;
CREATE TABLE app.sides (LIKE app.indexed);
RESET ROLE;
INSERT INTO app.sides (n, organization_id, workspace_id, user_id, body, area)
SELECT row_number() OVER (ORDER BY i, r.number), r.organization, r.workspace, r.member, r.body, circle(point(i, i), 1) FROM attacks.rows_of r, generate_series(1, 400) i;
CREATE INDEX ON app.sides (organization_id);
CREATE INDEX ON app.sides (body);
CREATE INDEX ON app.sides (n);
CREATE INDEX ON app.sides USING gist (area);
ALTER TABLE app.sides ALTER body SET STATISTICS 0;
SET client_min_messages = warning;
SELECT tenancy.protect('app.sides', 'logs', 'organization_id', 'workspace_id', 'user_id', payload => '{body}'), tenancy.create_scoped_view('app.sides', 'app.sides_scoped') \g /dev/null
RESET client_min_messages;
GRANT SELECT ON app.sides, app.sides_scoped TO PUBLIC;
ANALYZE app.sides;
INSERT INTO attacks.cases (family, title, script, forbidden, fresh)
SELECT 'silent', format('%s, %s, trusted conditions: %s, sides of an OR', p.principal, r.relation, mode), format(E'@as postgres\nSET LOCAL tenancy.trusted_conditions = %L;\nSET LOCAL log_min_error_statement = panic;\n', mode) ||
  attacks.as_script(p.login, p.principal, 'SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off; SET LOCAL cpu_index_tuple_cost = 1; SET LOCAL cpu_tuple_cost = 10000; SET LOCAL random_page_cost = 0;
    SET LOCAL seq_page_cost = 0; SET LOCAL cpu_operator_cost = 0; SET LOCAL plan_cache_mode = force_generic_plan;',
  array_agg(format('SELECT attacks.ask(%L)', format('SELECT count(*) FROM %s t WHERE (t.body >= $ AND t.body <= $ AND %s%s) OR (%s%s)', r.relation, told, also, other, others)))), p.forbidden, false
FROM attacks.principals p, unnest(ARRAY['app.sides', 'app.sides_scoped']) r (relation), unnest(ARRAY['none', 'own_rows', 'all']) mode,
  unnest(ARRAY['t.n <= (SELECT CASE WHEN attacks.called() THEN 1000 END)', 't.n <= (SELECT 1 / (random() * 0)::int)', 't.n <= length(attacks.same(repeat(''x'', 1000)))',
    't.area && (SELECT CASE WHEN attacks.called() THEN circle(point(0, 0), 1000) END)', 't.organization_id = (SELECT CASE WHEN attacks.called() THEN tenancy.current_organization_id() END)']) told,
  unnest(ARRAY['', ' AND attacks.same(t.body) IS NOT NULL']) also, unnest(ARRAY['', ' AND attacks.same(t.body) IS NOT NULL']) others, unnest(ARRAY['t.body = ''x'' AND t.n = 2', 't.n = -1', 't.n BETWEEN -5 AND -4 AND t.body = ''x''']) other
WHERE p.principal IN ('nobody', 'mike', 'mona', 'adam') GROUP BY p.principal, p.login, p.forbidden, r.relation, mode;

-- Warnings come once in a session. The first question is about no row, with warnings hidden: if there is one at the second, the hidden row
-- has caused it. The log would quote the attacker's own text.
INSERT INTO attacks.cases (family, title, script, forbidden)
SELECT 'silent', format('%s, %s, trusted conditions: %s, a collation of another version in %s', p.principal, r.relation, mode, c.condition),
  format(E'@as postgres\nSET LOCAL tenancy.trusted_conditions = %L;\nSET LOCAL log_min_error_statement = panic;\n', mode) || attacks.as_script(p.login, p.principal, w.plan, ARRAY[
    'SET LOCAL client_min_messages = error', replace(q.query, '$', '''canary_glabex'''), 'SET LOCAL client_min_messages = warning', replace(q.query, '$', '''canary_globex''')]), 'version mismatch'
FROM attacks.principals p, (VALUES ('app.indexed'), ('app.indexed_parts'), ('app.indexed_scoped'), (CASE WHEN to_regclass('attacks.planted_unfiltered') IS NULL THEN NULL ELSE 'attacks.planted_unfiltered' END)) r (relation),
  unnest(ARRAY['none', 'own_rows', 'all']) mode, (VALUES ('m.e < ''a'''), ('t.body > ''a'' COLLATE attacks.old'), ('m.e < ANY (ARRAY[''a'', ''b''])')) c (condition),
  (VALUES (''), ('SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan;')) w (plan),
  LATERAL (SELECT format('SELECT FROM %s t, attacks.versioned m WHERE m.n = 1 AND t.body = $ AND %s', r.relation, c.condition)) q (query)
WHERE p.principal IN ('mike', 'mona') AND r.relation IS NOT NULL;
