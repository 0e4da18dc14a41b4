-- Random queries. Each has three columns, a and b (numbers) and c (text), so that any can stand in another's place, and
-- none has more than one right answer: nothing in them depends on the order in which rows come, and numbers that are equal
-- look so.

-- Expressions that are valid at a place in a query.
CREATE TYPE differential.scope AS (numbers text[], texts text[]);

CREATE SEQUENCE differential.aliases;

CREATE FUNCTION differential.alias() RETURNS text LANGUAGE sql AS $$SELECT 'x' || nextval('differential.aliases')$$;

CREATE FUNCTION differential.both(one differential.scope, other differential.scope) RETURNS differential.scope LANGUAGE sql AS
  'SELECT one.numbers || other.numbers, one.texts || other.texts';

-- The sources of each query of a world; number 0 is the one being generated.
CREATE TABLE differential.features (number int, feature text);

CREATE FUNCTION differential.used(feature text) RETURNS text LANGUAGE sql AS
  $$INSERT INTO differential.features VALUES (0, feature); SELECT feature$$;

---------------------------------------------------------------------------------------------------------------------
-- Expressions.  depth: how many queries may stand within each other from here on.  ctes: those that can be named.
---------------------------------------------------------------------------------------------------------------------

-- A number that is a parameter where the query is prepared.
CREATE FUNCTION differential.literal() RETURNS text LANGUAGE sql AS
  $$SELECT CASE WHEN worlds.chance(0.3) THEN '{parameter}' ELSE worlds.between(0, 12)::text END$$;

CREATE FUNCTION differential.number(s differential.scope, depth int, ctes text[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  CASE worlds.between(1, CASE WHEN depth > 0 THEN 12 ELSE 10 END)
  WHEN 5 THEN RETURN differential.literal();
  WHEN 6 THEN RETURN format('(%s::numeric %s %s)', differential.number(s, 0, ctes), worlds.pick(ARRAY['+', '-', '*']), differential.number(s, 0, ctes));
  WHEN 7 THEN RETURN format('coalesce(%s, %s)', differential.number(s, 0, ctes), differential.literal());
  WHEN 8 THEN RETURN format('CASE WHEN %s THEN %s ELSE %s END', differential.condition(s, 0, ctes), differential.number(s, 0, ctes), differential.number(s, 0, ctes));
  WHEN 9 THEN RETURN format('length(%s)', differential.text(s, 0, ctes));
  WHEN 11, 12 THEN
    PERFORM differential.used('scalar sub-query');
    RETURN format('(SELECT %s FROM (%s) q)', worlds.pick(ARRAY['count(*)', 'sum(q.a)', 'max(q.b)', 'min(q.a)', 'count(DISTINCT q.c)']),
                  differential.query(depth - 1, ctes, s));
  ELSE RETURN coalesce(worlds.pick(s.numbers), differential.literal());
  END CASE;
END
$$;

CREATE FUNCTION differential.text(s differential.scope, depth int, ctes text[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  CASE worlds.between(1, 9)
  WHEN 1 THEN RETURN quote_literal(worlds.pick(ARRAY['red', 'green', 'blue', 'x']));
  WHEN 2 THEN RETURN format('upper(%s)', differential.text(s, 0, ctes));
  WHEN 3 THEN RETURN format('left(%s, 2)', differential.text(s, 0, ctes));
  WHEN 4 THEN RETURN format('coalesce(%s, %s)', differential.text(s, 0, ctes), differential.text(s, 0, ctes));
  WHEN 5 THEN RETURN format('(%s || %s)', differential.text(s, 0, ctes), differential.text(s, 0, ctes));
  ELSE RETURN coalesce(worlds.pick(s.texts), '''none''');
  END CASE;
END
$$;

CREATE FUNCTION differential.condition(s differential.scope, depth int, ctes text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  compares text := worlds.pick(ARRAY['=', '<', '>', '<=', '<>', 'IS DISTINCT FROM']);
  amount text := worlds.pick(ARRAY(SELECT e FROM unnest(s.numbers) e WHERE e LIKE '%.amount'));
BEGIN
  -- what an index may serve as far as tenancy.trusted_conditions says
  IF amount IS NOT NULL AND worlds.chance(0.25) THEN
    RETURN format('%s %s %s.5', amount, worlds.pick(ARRAY['=', '<', '>', '<=', '>=']), worlds.between(0, 4));
  END IF;
  CASE worlds.between(1, CASE WHEN depth > 0 THEN 14 ELSE 9 END)
  WHEN 1, 2 THEN RETURN format('%s %s %s', differential.number(s, 0, ctes), compares, differential.number(s, 0, ctes));
  WHEN 3 THEN RETURN format('%s %s %s', differential.text(s, 0, ctes), compares, differential.text(s, 0, ctes));
  WHEN 4 THEN RETURN format('%s IN (%s, %s, %s)', differential.number(s, 0, ctes), differential.literal(), differential.literal(), differential.literal());
  WHEN 5 THEN RETURN format('%s IS %s NULL', differential.text(s, 0, ctes), worlds.pick(ARRAY['', 'NOT']));
  WHEN 6 THEN RETURN format('%s %s %s', differential.text(s, 0, ctes), worlds.pick(ARRAY['LIKE', 'NOT LIKE', '~']), worlds.pick(ARRAY['''%e%''', '''r%''', '''^R''']));
  WHEN 7 THEN RETURN format('(%s %s %s)', differential.condition(s, 0, ctes), worlds.pick(ARRAY['AND', 'OR']), differential.condition(s, depth - 1, ctes));
  WHEN 8 THEN RETURN format('NOT (%s)', differential.condition(s, depth - 1, ctes));
  WHEN 9 THEN RETURN format('%s BETWEEN %s AND %s', differential.number(s, 0, ctes), differential.literal(), differential.number(s, 0, ctes));
  WHEN 10, 11 THEN
    PERFORM differential.used('IN (sub-query)');
    RETURN format('%s %s IN (SELECT q.a FROM (%s) q)', differential.number(s, 0, ctes), worlds.pick(ARRAY['', '', 'NOT']), differential.query(depth - 1, ctes, NULL));
  WHEN 12, 13 THEN
    PERFORM differential.used('EXISTS (sub-query)');
    RETURN format('%s EXISTS (%s)', worlds.pick(ARRAY['', 'NOT']), differential.query(0, ctes, s));
  WHEN 14 THEN
    PERFORM differential.used('ALL and ANY (sub-query)');
    RETURN format('%s %s %s (SELECT q.b FROM (%s) q)', differential.number(s, 0, ctes), worlds.pick(ARRAY['=', '<', '>', '<>']),
                  worlds.pick(ARRAY['ALL', 'ANY']), differential.query(depth - 1, ctes, NULL));
  END CASE;
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- Sources of rows
---------------------------------------------------------------------------------------------------------------------

-- Columns of a query, or of a part in its place.
CREATE FUNCTION differential.columns_of(alias text) RETURNS differential.scope LANGUAGE sql AS
  $$SELECT (ARRAY[alias || '.a', alias || '.b'], ARRAY[alias || '.c'])::differential.scope$$;

CREATE FUNCTION differential.item(depth int, ctes text[], OUT item text, OUT s differential.scope) LANGUAGE plpgsql AS $$
DECLARE
  alias text := differential.alias();
  source differential.sources;
  kind int := worlds.between(1, 10);
BEGIN
  s := differential.columns_of(alias);
  IF kind <= 2 AND depth > 0 THEN
    item := format('(%s) AS %s', differential.query(depth - 1, ctes, NULL), alias);
  ELSIF kind <= 6 AND ctes <> '{}' THEN
    item := format('%s AS %s', worlds.pick(ctes), alias);
  ELSE
    source := worlds.pick(ARRAY(SELECT d FROM differential.sources d ORDER BY d.name));
    item := format('%s AS %s', source.name, alias);
    s := (string_to_array(replace(array_to_string(source.numbers, E'\n'), '@', alias), E'\n'),
          string_to_array(replace(array_to_string(source.texts, E'\n'), '@', alias), E'\n'));
  END IF;
END
$$;

CREATE FUNCTION differential.items(depth int, ctes text[], OUT items text, OUT s differential.scope) LANGUAGE plpgsql AS $$
DECLARE
  other record;
  alias text;
  how text;
BEGIN
  SELECT * INTO other FROM differential.item(depth, ctes);
  items := other.item;
  s := other.s;
  FOR i IN 2..CASE WHEN depth > 0 THEN worlds.between(1, 3) ELSE 1 END LOOP
    how := differential.used(worlds.pick(ARRAY['JOIN', 'JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN', 'LEFT JOIN LATERAL', 'CROSS JOIN LATERAL']));
    IF how LIKE '%LATERAL' THEN
      alias := differential.alias();
      items := format('%s %s (%s) AS %s%s', items, how, differential.query(0, ctes, s), alias, CASE WHEN how LIKE 'LEFT%' THEN ' ON true' ELSE '' END);
      s := differential.both(s, differential.columns_of(alias));
    ELSE
      SELECT * INTO other FROM differential.item(depth, ctes);
      items := format('%s %s %s ON %s = %s', items, how, other.item, worlds.pick(s.numbers), worlds.pick((other.s).numbers));
      s := differential.both(s, other.s);
    END IF;
  END LOOP;
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- Queries.  outer_scope: what can be named of the query around, NULL for nothing.
---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION differential.selection(depth int, ctes text[], outer_scope differential.scope) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  source record;
  around differential.scope;
  clauses text;
  a text;
  b text;
  c text;
BEGIN
  SELECT * INTO source FROM differential.items(depth, ctes);
  around := CASE WHEN outer_scope IS NULL THEN source.s ELSE differential.both(source.s, outer_scope) END;
  clauses := ' FROM ' || source.items
    || CASE WHEN worlds.chance(0.7) OR outer_scope IS NOT NULL THEN ' WHERE ' || differential.condition(around, depth, ctes) ELSE '' END;
  a := differential.number(source.s, depth, ctes);
  c := differential.text(source.s, depth, ctes);
  CASE worlds.between(1, 6)
  WHEN 1 THEN
    PERFORM differential.used('GROUP BY');
    b := format('%s%s', worlds.pick(ARRAY['count(DISTINCT a)', 'max(a)', 'min(a)', 'bit_or(length(c))', 'avg(a)']),
                CASE WHEN worlds.chance(0.3) THEN format(' FILTER (WHERE a > %s)', differential.literal()) ELSE '' END);
    RETURN format('SELECT round(sum(a)::numeric, 4) AS a, round((%s)::numeric, 4) AS b, c FROM (SELECT %s AS a, %s AS c%s) s GROUP BY %s%s', b, a, c, clauses,
                  worlds.pick(ARRAY['c', 'c', 'ROLLUP (c)', 'GROUPING SETS ((c), ())']),
                  CASE WHEN worlds.chance(0.3) THEN ' HAVING count(*) > 1' ELSE '' END);
  WHEN 2 THEN
    PERFORM differential.used('aggregate without GROUP BY');
    RETURN format('SELECT round(count(*), 4) AS a, round(sum(b)::numeric, 4) AS b, string_agg(c, '','' ORDER BY c) AS c FROM (SELECT %s AS b, %s AS c%s) s', a, c, clauses);
  WHEN 3 THEN
    PERFORM differential.used('window');
    -- peers get the same: what they get does not depend on who comes first
    b := format('%s OVER (%s ORDER BY a%s)', worlds.pick(ARRAY['sum(b)', 'count(*)', 'rank()', 'dense_rank()', 'max(b)', 'first_value(a)']),
                worlds.pick(ARRAY['', 'PARTITION BY c']), worlds.pick(ARRAY['', ' GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW', ' DESC', ' RANGE UNBOUNDED PRECEDING']));
    RETURN format('SELECT round(a::numeric, 4) AS a, round((%s)::numeric, 4) AS b, c FROM (SELECT %s AS a, %s AS b, %s AS c%s) s', b, a, differential.number(source.s, 0, ctes), c, clauses);
  WHEN 4 THEN
    PERFORM differential.used('DISTINCT');
    RETURN format('SELECT DISTINCT round((%s)::numeric, 4) AS a, round((%s)::numeric, 4) AS b, %s AS c%s', a, differential.number(around, 0, ctes), c, clauses);
  ELSE
    RETURN format('SELECT round((%s)::numeric, 4) AS a, round((%s)::numeric, 4) AS b, %s AS c%s', a, differential.number(around, 0, ctes), c, clauses);
  END CASE;
END
$$;

CREATE FUNCTION differential.query(depth int, ctes text[], outer_scope differential.scope) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  made text;
  cte text;
  how text;
BEGIN
  IF depth > 0 AND worlds.chance(0.25) THEN
    cte := differential.alias();
    how := differential.used(worlds.pick(ARRAY['AS', 'AS MATERIALIZED', 'AS NOT MATERIALIZED']));
    made := format('WITH %s (a, b, c) %s (%s) SELECT * FROM (%s) s', cte, how,
                   differential.query(depth - 1, ctes, NULL), differential.query(depth - 1, ctes || cte, outer_scope));
  ELSIF depth > 0 AND worlds.chance(0.06) THEN
    PERFORM differential.used('WITH RECURSIVE');
    cte := differential.alias();
    made := format('WITH RECURSIVE %1$s (a, b, c) AS (
                      SELECT a, 0.0000, c FROM (%2$s) s UNION SELECT s.b, %1$s.b + 1, s.c FROM %1$s JOIN (%3$s) s ON s.a = %1$s.a WHERE %1$s.b < 4)
                    SELECT * FROM %1$s', cte, differential.query(depth - 1, ctes, NULL), differential.query(0, ctes, NULL));
  ELSIF depth > 0 AND worlds.chance(0.25) THEN
    made := differential.query(depth - 1, ctes, outer_scope);
    how := differential.used(worlds.pick(ARRAY['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT', 'EXCEPT ALL']));
    -- two random queries hardly ever have a row in common
    made := format('(%s) %s (%s%s))', made, how, CASE how WHEN 'INTERSECT' THEN format('SELECT * FROM (%s) i WHERE i.a IS NOT NULL UNION ALL (', made) ELSE '(' END,
                   differential.query(depth - 1, ctes, outer_scope));
  ELSE
    made := differential.selection(depth, ctes, outer_scope);
  END IF;
  IF worlds.chance(0.15) THEN
    PERFORM differential.used('LIMIT');
    -- by all columns, so that it does not matter which of equal rows come
    made := format('SELECT a, b, c FROM (%s) s ORDER BY %s LIMIT %s OFFSET %s', made,
                    worlds.pick(ARRAY['1, 2, 3', 'c DESC, a, b', 'b, c, a DESC NULLS LAST']), worlds.between(1, 20), worlds.pick(ARRAY[0, 0, 2]));
  END IF;
  RETURN made;
END
$$;

CREATE FUNCTION differential.make_query(number int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  made text;
BEGIN
  PERFORM setval('differential.aliases', 1);
  made := differential.query(2, '{}', NULL);
  UPDATE differential.features f SET number = make_query.number WHERE f.number = 0;
  RETURN made;
END
$$;
