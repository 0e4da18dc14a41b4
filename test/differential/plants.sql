-- Whether a leak would be noticed: in one world, a table that a principal sees a part of is made unsafe, in one way after
-- the other, and the comparison has to find each.

-- command: %1$I the table, %2$L the ids that the principal sees, %3$L one that it doesn't, %4$L one that it does.
CREATE TABLE differential.plants (plant text, step int, command text NOT NULL, sign text, PRIMARY KEY (plant, step));
INSERT INTO differential.plants VALUES
  ('no protection', 1, 'SELECT tenancy.unprotect(p.relation) FROM tenancy.protected_tables p
    WHERE cardinality(p.through) > 0 AND p.relation <> ''app.%1$s''::regclass; SELECT tenancy.unprotect(''app.%1$s'')', '%unexpected: {"%'),
  ('writes reach a row that is not seen', 1, 'CREATE FUNCTION differential.reach() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$
    BEGIN UPDATE app.%1$s SET n = 99 WHERE id = %3$L; RETURN NULL; END $$', '%hidden rows changed%'),
  ('writes reach a row that is not seen', 2, 'CREATE TRIGGER reach AFTER UPDATE OR DELETE ON app.%1$s
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION differential.reach()', NULL),
  ('one row too many', 1, 'SELECT tenancy.unprotect(p.relation) FROM tenancy.protected_tables p
    WHERE cardinality(p.through) > 0 AND p.relation <> ''app.%1$s''::regclass; SELECT tenancy.unprotect(''app.%1$s'')', '%unexpected: {"%'),
  ('one row too many', 2, 'ALTER TABLE app.%1$s ENABLE ROW LEVEL SECURITY', NULL),
  ('one row too many', 3, 'CREATE POLICY wrong ON app.%1$s USING (id = ANY (%2$L) OR id = %3$L)', NULL),
  ('one row missing', 1, 'SELECT tenancy.unprotect(p.relation) FROM tenancy.protected_tables p
    WHERE cardinality(p.through) > 0 AND p.relation <> ''app.%1$s''::regclass; SELECT tenancy.unprotect(''app.%1$s'')', '%missing: {"%'),
  ('one row missing', 2, 'ALTER TABLE app.%1$s ENABLE ROW LEVEL SECURITY', NULL),
  ('one row missing', 3, 'CREATE POLICY wrong ON app.%1$s USING (id = ANY (%2$L) AND id <> %4$L)', NULL),
  -- The right rows, by a view that lets the query's functions see the others first.
  ('rows come to functions before they are filtered', 1, 'SELECT tenancy.unprotect(p.relation) FROM tenancy.protected_tables p
    WHERE cardinality(p.through) > 0 AND p.relation <> ''app.%1$s''::regclass; SELECT tenancy.unprotect(''app.%1$s'')', '%error LEAKS%'),
  ('rows come to functions before they are filtered', 2, 'ALTER TABLE app.%1$s RENAME TO unsafe', NULL),
  ('rows come to functions before they are filtered', 3, 'CREATE VIEW app.%1$s AS SELECT * FROM app.unsafe WHERE id = ANY (%2$L)', NULL),
  ('rows come to functions before they are filtered', 4, 'GRANT SELECT ON app.%1$s TO PUBLIC', NULL);

-- How many of the queries, or writes, tell that something is wrong, in the way that they should.
CREATE FUNCTION differential.noticed(plant text, who int, target differential.targets, commands text[]) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  command text;
  difference text;
  noticed int := 0;
BEGIN
  FOR command IN SELECT p.command FROM differential.plants p WHERE p.plant = noticed.plant ORDER BY step LOOP
    EXECUTE format(command, target.name, target.visible, target.hidden[1], target.visible[1]);
  END LOOP;
  PERFORM worlds.become(who);
  FOREACH command IN ARRAY commands LOOP
    IF command ~ '^(SELECT|WITH|\()' THEN
      difference := differential.difference(differential.answer(command, 'mine', NULL), differential.answer(command, 'app', NULL));
    ELSE
      command := differential.returning_rows(command);
      difference := differential.difference(differential.written(NULL, command, target.name, 'mine', NULL), differential.written(NULL, command, target.name, 'app', NULL));
    END IF;
    IF difference LIKE (SELECT p.sign FROM differential.plants p WHERE p.plant = noticed.plant AND p.step = 1) THEN
      noticed := noticed + 1;
    END IF;
  END LOOP;
  RAISE EXCEPTION USING ERRCODE = 'TAKEN';
EXCEPTION WHEN SQLSTATE 'TAKEN' THEN
  RETURN noticed;
END
$$;
GRANT SELECT ON differential.plants TO PUBLIC;

CREATE PROCEDURE differential.find_plants(seed int) LANGUAGE plpgsql AS $$
DECLARE
  target differential.targets;
  who int;
  plant text;
  queries text[] := '{}';
  writes text[] := '{}';
  commands text[];
  noticed int;
BEGIN
  PERFORM set_config('jit', 'off', false), set_config('search_path', 'app', false);
  -- Two moments of this transaction are alike, and no other two.
  IF differential.difference(ARRAY[format('(1,"%s")', now())], ARRAY[format('(1,"%s")', clock_timestamp())]) IS NOT NULL
    OR differential.difference(ARRAY[format('(1,"%s")', now())], ARRAY[format('(1,"%s")', now() - interval '1 ms')]) IS NULL THEN
    RAISE EXCEPTION 'planted and not noticed: another time';
  END IF;
  DELETE FROM worlds.running;
  INSERT INTO worlds.running VALUES (seed, 'planted leaks');
  PERFORM worlds.generate(seed);
  PERFORM differential.furnish();
  PERFORM worlds.ask_oracle(1, 0);
  SELECT e.n, e.t INTO who, target.t FROM worlds.expected e WHERE e.purpose = 'read' ORDER BY abs(cardinality(e.yes) - 20), e.n LIMIT 1;
  PERFORM differential.adopt(who);
  SELECT d.* INTO STRICT target FROM differential.targets d WHERE d.t = target.t AND d.visible <> '{}' AND d.hidden <> '{}';
  DELETE FROM differential.sources s WHERE s.name <> target.name;
  FOR i IN 1..60 LOOP
    queries := queries || replace(differential.make_query(i), '{parameter}', '3');
    writes := writes || replace(differential.make_command(worlds.pick(ARRAY['UPDATE', 'UPDATE FROM', 'DELETE', 'DELETE USING']), target.name), '{parameter}', '3');
  END LOOP;
  FOR plant IN SELECT p.plant FROM differential.plants p WHERE p.step = 1 LOOP
    commands := CASE WHEN plant LIKE 'writes %' THEN writes ELSE queries END;
    noticed := differential.noticed(plant, who, target, commands);
    IF noticed = 0 THEN
      RAISE EXCEPTION 'seed %: planted and not noticed: %', seed, plant;
    END IF;
    RAISE INFO 'planted: %: noticed by % of %', plant, noticed, cardinality(commands);
  END LOOP;
  PERFORM worlds.leave();
  PERFORM differential.clear();
  PERFORM worlds.remove();
END
$$;
