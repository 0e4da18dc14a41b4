-- How cases are written and run. In scripts, lines are SQL or psql's commands, or one of
--   @as LOGIN [PRINCIPAL]    goes on as that login, with that principal
--   @code SCHEMA             makes the attacker's functions there (see payloads.sql)
--   @armed                   from here on they act
CREATE FUNCTION attacks.expand(script text, local boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  line text;
  part text[];
  expanded text := '';
  login text := 'postgres';
BEGIN
  FOREACH line IN ARRAY string_to_array(script, E'\n') LOOP
    part := regexp_match(line, '^\s*@(\w+)\s*(\S*)\s*(.*?)\s*$');
    expanded := expanded || CASE
      WHEN part IS NULL THEN line
      WHEN part[1] = 'as' THEN
        format(E'RESET SESSION AUTHORIZATION;\nCALL attacks.become(%L, %L);', coalesce(nullif(part[3], ''), 'nobody'), local) ||
        CASE WHEN part[2] = 'postgres' THEN '' ELSE E'\nSET SESSION AUTHORIZATION ' || part[2] || ';' END
      WHEN part[1] = 'code' THEN attacks.code(part[2], login)
      WHEN part[1] = 'armed' THEN format('SET %s attacks.armed = on;', CASE WHEN local THEN 'LOCAL' ELSE 'SESSION' END)
      ELSE line END || E'\n';
    IF part[1] = 'as' THEN
      login := part[2];
    END IF;
  END LOOP;
  RETURN expanded;
END
$$;

-- The text that psql runs for a case. Markers go where errors go.
CREATE FUNCTION attacks.script_of(c attacks.cases) RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN c.fresh THEN E'\\connect\n' ELSE '' END || E'\\warn @case ' || c.n || E'\n' || CASE WHEN c.own_database THEN E'SET statement_timeout = \'10s\';\n' ELSE E'BEGIN;\nSET LOCAL statement_timeout = \'10s\';\n' END ||
    attacks.expand(c.script, NOT c.own_database) ||
    E'\nRESET SESSION AUTHORIZATION;\nSET attacks.armed = off;\nSET statement_timeout = 0;\nCALL attacks.become(\'nobody\', false);\n\\warn @checks\n' ||
    CASE WHEN c.own_database THEN E'SELECT pg_current_xact_id() IS NULL AND NULL;\nBEGIN;\nSELECT NULL FROM pg_current_xact_id();\n' ELSE '' END ||
    CASE WHEN c.watched THEN format(E'SELECT * FROM attacks.changed(%L);\n', c.may) ELSE '' END ||
    CASE WHEN c.jobs THEN E'SELECT * FROM attacks.stopped_jobs();\n' ELSE '' END ||
    CASE WHEN c.rights IS NOT NULL THEN format(E'SELECT * FROM attacks.misused_rights(%L);\n', c.rights) ELSE '' END || E'ROLLBACK;\n'
$$;

-- The same numbers in both worlds.
CREATE PROCEDURE attacks.number() LANGUAGE sql AS $$
  UPDATE attacks.cases c SET n = -x.k
  FROM (SELECT y.n, row_number() OVER (ORDER BY y.family COLLATE "C", y.title COLLATE "C", y.script COLLATE "C") AS k FROM attacks.cases y) x WHERE x.n = c.n;
  UPDATE attacks.cases SET n = -n;
$$;
