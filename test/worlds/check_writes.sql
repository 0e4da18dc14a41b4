-- Checks of what a principal writes: one row at a time, and all at once. A part of check.sql.

CREATE FUNCTION worlds.value_of(line oracle.rows, meaning text) RETURNS text LANGUAGE sql AS $$
  SELECT CASE meaning WHEN 'organization' THEN line.organization WHEN 'workspace' THEN line.workspace
                      WHEN 'owner' THEN line.owner WHEN 'api_key' THEN line.api_key END
$$;

-- One row at a time: INSERT, with all columns or by default, and UPDATE of what says whose row it is.
CREATE FUNCTION worlds.check_candidates(who int, table_number int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name text := (SELECT w.relation FROM worlds.tables w WHERE w.t = table_number);
  candidate record;
  command text;
  lookup text;
  outcome record;
  kind text;
BEGIN
  FOR candidate IN
    SELECT c.id, c.old_id, c.by_default, c.parent_id, columns.*,
      CASE WHEN c.old_id IS NULL THEN new.may_insert
           -- Its note differs from the default: to another place, the row moves only with the action of that column in both
           -- (column_actions.sql), and owner and key may change without.
           WHEN (old.may_delete AND new.may_delete) IS NOT TRUE AND (SELECT w.note_needs_delete FROM worlds.tables w WHERE w.t = table_number)
             AND old.may_read AND old.may_update AND new.stays AND new.may_read THEN NULL
           ELSE old.may_read AND old.may_update AND new.stays AND new.may_read END AS allowed,
      c.unstored
    FROM worlds.candidates c
    JOIN oracle.rows r ON r.t = c.t AND r.id = c.id
    JOIN worlds.verdicts new ON new.n = c.n AND new.t = c.t AND new.id = c.id
    LEFT JOIN worlds.verdicts old ON old.n = c.n AND old.t = c.t AND old.id = c.old_id
    CROSS JOIN LATERAL (SELECT
        string_agg(format(', %I', m.name), '' ORDER BY m.number) AS names,
        string_agg(format(', %L', worlds.value_of(r, m.meaning)), '' ORDER BY m.number) AS values,
        string_agg(format('%I = %L', m.name, worlds.value_of(r, m.meaning)), ', ' ORDER BY m.number) AS assignments,
        string_agg(format(' AND %I IS NOT DISTINCT FROM %L', m.name, worlds.value_of(r, m.meaning)), '' ORDER BY m.number) AS conditions
      FROM worlds.columns m WHERE m.t = c.t) columns
    WHERE c.n = who AND c.t = table_number ORDER BY c.id
  LOOP
    lookup := format('SELECT array_agg(id) FROM %s WHERE id = %s%s', name, candidate.id, candidate.conditions);
    IF candidate.parent_id IS NOT NULL AND candidate.old_id IS NULL THEN
      kind := 'INSERT below a parent';
      command := format('INSERT INTO %s (id, parent_id) VALUES (%s, %s)', name, candidate.id, candidate.parent_id);
    ELSIF candidate.parent_id IS NOT NULL THEN
      kind := 'UPDATE of the parent';
      command := format('WITH changed AS (UPDATE %s SET parent_id = %s WHERE id = %s RETURNING id) SELECT array_agg(id) FROM changed',
                        name, candidate.parent_id, candidate.old_id);
      lookup := NULL;
    ELSIF candidate.by_default THEN
      kind := 'INSERT by default';
      command := format('INSERT INTO %s (id) VALUES (%s)', name, candidate.id);
    ELSIF candidate.old_id IS NULL THEN
      kind := 'INSERT';
      command := format('INSERT INTO %s (id%s) VALUES (%s%s)', name, candidate.names, candidate.id, candidate.values);
    ELSE
      kind := 'UPDATE of place';
      command := format('WITH changed AS (UPDATE %s SET %s WHERE id = %s RETURNING id) SELECT array_agg(id) FROM changed',
                        name, candidate.assignments, candidate.old_id);
      lookup := NULL;
    END IF;
    outcome := worlds.attempt(command, lookup);
    -- an id that the column's type doesn't take is an error before it is a refusal
    IF outcome.code IS NOT NULL AND outcome.code <> '42501' AND NOT (candidate.by_default AND outcome.code LIKE '22%')
       OR candidate.unstored AND (coalesce(outcome.ids, '{}') <> '{}' OR candidate.allowed AND outcome.code IS NOT NULL)
       OR candidate.allowed AND NOT candidate.unstored AND coalesce(outcome.ids, '{}') = '{}'
       OR NOT candidate.allowed AND coalesce(outcome.ids, '{}') <> '{}'
       OR NOT candidate.allowed AND NOT candidate.unstored AND candidate.old_id IS NULL AND outcome.code IS NULL THEN
      PERFORM worlds.fail(who, worlds.describe(table_number), format('%s: expected %s, got %s', kind,
          CASE WHEN candidate.unstored THEN 'no row' WHEN candidate.allowed THEN 'success' WHEN NOT candidate.allowed THEN 'refusal' ELSE 'success or 42501' END,
          coalesce('error ' || outcome.code, 'rows ' || outcome.ids::text)),
        command || E'\nRows before and after:' || worlds.describe_rows(table_number, ARRAY[candidate.old_id, candidate.id]));
    END IF;
    IF candidate.unstored THEN
      PERFORM worlds.tally('writes', 'INSERT of what is not stored', CASE WHEN outcome.code IS NULL THEN 1 ELSE 0 END, 1);
    END IF;
    PERFORM worlds.tally('writes', kind, CASE WHEN outcome.ids <> '{}' THEN 1 ELSE 0 END, 1);
    PERFORM worlds.tally('writes by principal', (SELECT p.kind FROM oracle.principals p WHERE p.n = who),
                         CASE WHEN outcome.ids <> '{}' THEN 1 ELSE 0 END, 1);
  END LOOP;
END
$$;

-- All rows at once: UPDATE of what doesn't matter, DELETE.
CREATE FUNCTION worlds.check_bulk_writes(who int, table_number int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name text := (SELECT w.relation FROM worlds.tables w WHERE w.t = table_number);
  stored bigint := (SELECT count(*) FROM oracle.rows r WHERE r.t = table_number AND r.only_n IS NULL);
  expected worlds.expected;
  refused worlds.expected;
  deletable worlds.expected;
  only_updatable int[] := '{}';
  outcome record;
BEGIN
  SELECT * INTO expected FROM worlds.expected e WHERE e.n = who AND e.t = table_number AND e.purpose = 'update';
  SELECT * INTO refused FROM worlds.expected e WHERE e.n = who AND e.t = table_number AND e.purpose = 'refused update';
  IF (SELECT w.note_needs_delete FROM worlds.tables w WHERE w.t = table_number) THEN
    SELECT * INTO deletable FROM worlds.expected e WHERE e.n = who AND e.t = table_number AND e.purpose = 'delete';
    only_updatable := ARRAY(SELECT id FROM unnest(expected.yes) id WHERE id <> ALL (deletable.yes) ORDER BY id);
    expected.yes := ARRAY(SELECT id FROM unnest(expected.yes) id WHERE id = ANY (deletable.yes) ORDER BY id);
  END IF;
  outcome := worlds.attempt(format('WITH changed AS (UPDATE %s SET note = ''changed'' WHERE id <> ALL (%L) RETURNING id)
    SELECT array_agg(id ORDER BY id) FROM changed', name, refused.yes || refused.open || expected.open || only_updatable), NULL);
  IF outcome.code IS NOT NULL THEN
    PERFORM worlds.fail(who, worlds.describe(table_number), 'UPDATE: error ' || outcome.code);
  END IF;
  PERFORM worlds.compare(who, table_number, 'UPDATE against oracle', outcome.ids, expected.yes, '{}');
  PERFORM worlds.tally('writes', 'rows by UPDATE', cardinality(outcome.ids), stored);

  only_updatable := ARRAY(SELECT id FROM unnest(only_updatable) id WHERE id <> ALL (deletable.open));
  IF only_updatable <> '{}' THEN
    outcome := worlds.attempt(format('UPDATE %s SET note = ''changed'' WHERE id = %s', name, only_updatable[1]), 'SELECT NULL::int[]');
    IF outcome.code IS DISTINCT FROM '42501' THEN
      PERFORM worlds.fail(who, worlds.describe(table_number), 'UPDATE of a column that needs an action: expected refusal, got ' || coalesce(outcome.code, 'none'),
                          'Row:' || worlds.describe_rows(table_number, only_updatable[1:1]));
    END IF;
    PERFORM worlds.tally('writes', 'UPDATE without the action', 0, 1);
  END IF;

  IF refused.yes <> '{}' THEN
    outcome := worlds.attempt(format('UPDATE %s SET note = ''changed'' WHERE id = %s', name, refused.yes[1]), 'SELECT NULL::int[]');
    IF outcome.code IS DISTINCT FROM '42501' THEN
      PERFORM worlds.fail(who, worlds.describe(table_number), 'UPDATE: expected refusal, got ' || coalesce(outcome.code, 'none'),
                          'Row:' || worlds.describe_rows(table_number, refused.yes[1:1]));
    END IF;
    PERFORM worlds.tally('writes', 'UPDATE of a row at odds', 0, 1);
  END IF;

  SELECT * INTO expected FROM worlds.expected e WHERE e.n = who AND e.t = table_number AND e.purpose = 'delete';
  outcome := worlds.attempt(format('WITH gone AS (DELETE FROM %s RETURNING id) SELECT array_agg(id ORDER BY id) FROM gone', name), NULL);
  IF outcome.code IS NOT NULL THEN
    PERFORM worlds.fail(who, worlds.describe(table_number), 'DELETE: error ' || outcome.code);
  END IF;
  PERFORM worlds.compare(who, table_number, 'DELETE against oracle', outcome.ids, expected.yes, expected.open);
  PERFORM worlds.tally('writes', 'rows by DELETE', cardinality(outcome.ids), stored);
END
$$;
