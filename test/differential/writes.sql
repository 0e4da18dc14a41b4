-- Random writes, for those who may write to all rows of a table that they see. New rows have ids that no other has: a
-- unique index tells of rows that the principal does not see, as docs/threat-model.md says.

-- Those of a world, each prepared under its name.
CREATE TABLE differential.commands (t int, kind text, name text, command text NOT NULL, PRIMARY KEY (t, kind));

CREATE FUNCTION differential.new_rows(depth int) RETURNS text LANGUAGE sql AS $$
  SELECT format('SELECT 10000 + row_number() OVER (ORDER BY a, b, c) AS id, (abs(a) %% 1000)::int AS n, b AS amount, c AS tag, ''new'' AS secret
                 FROM (%s ORDER BY 1, 2, 3 LIMIT 20) s', 'SELECT * FROM (' || differential.query(depth, '{}', NULL) || ') s')
$$;

-- The values that a command sets; the same for each row, independent of the rows' order.
CREATE FUNCTION differential.assignments(s differential.scope) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN worlds.pick(ARRAY[
    format('n = (trunc((%s)::numeric) %% 1000)::int', differential.number(s, 1, '{}')),
    format('tag = %s', differential.text(s, 1, '{}')),
    format('(amount, tag) = (SELECT max(q.a), min(q.c) FROM (%s) q)', differential.query(0, '{}', s))]);
END
$$;

-- A write to a table, which returns what it wrote where such a command can.
CREATE FUNCTION differential.make_command(kind text, relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  s differential.scope;
  give text := ' RETURNING x.id::numeric AS a, x.n::numeric AS b, concat(x.tag, '' '', differential.trap(x.secret)) AS c';
BEGIN
  SELECT ARRAY['x.id', 'x.n', 'x.amount'], ARRAY['x.tag', 'x.note', 'differential.trap(x.secret)'] INTO s.numbers, s.texts;
  CASE kind
  WHEN 'INSERT' THEN
    RETURN format('INSERT INTO %s AS x (id, n, amount, tag, secret) %s%s', relation, differential.new_rows(1), give);
  WHEN 'INSERT ON CONFLICT' THEN
    RETURN format('INSERT INTO %s AS x (id, n, amount, tag, secret) SELECT id, n, amount, tag, secret FROM %1$s WHERE %s UNION ALL (%s)
                   ON CONFLICT (id) DO %s%s', relation, worlds.pick(ARRAY['n < 5', 'amount > 1', 'true']), differential.new_rows(0),
                  worlds.pick(ARRAY['NOTHING', 'UPDATE SET n = excluded.n + 1, tag = x.tag || excluded.tag',
                                    'UPDATE SET ' || differential.assignments(s) || ' WHERE ' || differential.condition(s, 1, '{}')]), give);
  WHEN 'UPDATE' THEN
    RETURN format('UPDATE %s AS x SET %s WHERE %s%s', relation, differential.assignments(s), differential.condition(s, 1, '{}'), give);
  WHEN 'UPDATE FROM' THEN
    RETURN format('UPDATE %s AS x SET %s FROM (%s) q WHERE x.n = q.a%s', relation, differential.assignments(s), differential.query(1, '{}', NULL), give);
  WHEN 'DELETE' THEN
    RETURN format('DELETE FROM %s AS x WHERE %s%s', relation, differential.condition(s, 1, '{}'), give);
  WHEN 'DELETE USING' THEN
    RETURN format('DELETE FROM %s AS x USING (%s) q WHERE x.n = q.a%s', relation, differential.query(1, '{}', NULL), give);
  WHEN 'MERGE' THEN
    RETURN format('MERGE INTO %s AS x USING (SELECT id, n, amount, tag, secret FROM %1$s WHERE %s UNION ALL (%s)) q ON x.id = q.id
                   WHEN MATCHED AND %s THEN DELETE WHEN MATCHED THEN UPDATE SET n = q.n + x.n, tag = q.tag || ''!''
                   WHEN NOT MATCHED AND q.n IS NOT NULL THEN INSERT (id, n, amount, tag, secret) VALUES (q.id, q.n, q.amount, q.tag, q.secret)',
                  relation, worlds.pick(ARRAY['n < 5', 'amount > 1', 'true']), differential.new_rows(0), differential.condition(s, 0, '{}'));
  END CASE;
END
$$;

-- Without MERGE, which cannot stand in a query, what it returns is an array of rows.
CREATE FUNCTION differential.returning_rows(command text) RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN command LIKE 'MERGE%' THEN command
              ELSE format('WITH d AS (%s) SELECT coalesce(array_agg(d::text ORDER BY d::text), ''{}'') FROM d', command) END
$$;

CREATE FUNCTION differential.make_commands() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  it record;
BEGIN
  FOR it IN
    SELECT w.t, differential.unqualified(w.relation) AS relation, kind, format('write_%s_%s', w.t, number) AS name
    FROM worlds.tables w, unnest(ARRAY['INSERT', 'UPDATE', 'UPDATE FROM', 'DELETE', 'DELETE USING', 'INSERT ON CONFLICT', 'MERGE']) WITH ORDINALITY k (kind, number)
    WHERE w.partitions = '{}' OR kind <> 'INSERT ON CONFLICT'
    ORDER BY w.t, number
  LOOP
    INSERT INTO differential.commands VALUES (it.t, it.kind, it.name, differential.make_command(it.kind, it.relation));
    EXECUTE (SELECT format('PREPARE %s (int) AS %s', it.name, differential.returning_rows(replace(c.command, '{parameter}', '$1')))
             FROM differential.commands c WHERE c.t = it.t AND c.kind = it.kind);
  END LOOP;
END
$$;

-- Writes that a principal may do without being refused. Most of those that see no rows change nothing: a few are enough.
CREATE FUNCTION differential.kinds(target differential.targets) RETURNS text[] LANGUAGE sql AS $$
  SELECT CASE WHEN target.may_insert THEN '{INSERT}' ELSE '{}' END::text[]
    || CASE WHEN target.may_update AND (target.visible <> '{}' OR worlds.chance(0.1)) THEN '{UPDATE,UPDATE FROM}' ELSE '{}' END::text[]
    || CASE WHEN target.may_delete AND (target.visible <> '{}' OR worlds.chance(0.1)) THEN '{DELETE,DELETE USING}' ELSE '{}' END::text[]
    || CASE WHEN target.may_insert AND target.may_update THEN '{INSERT ON CONFLICT}' ELSE '{}' END::text[]
    || CASE WHEN target.may_insert AND target.may_update AND target.may_delete THEN '{MERGE}' ELSE '{}' END::text[]
$$;
