-- Compares what every principal of a world gets, by every way there is to ask, with the oracle's answer.
-- A difference raises an exception that names seed, phase, table, principal and rows.

-- The oracle's answers, one line a row.
CREATE TABLE worlds.verdicts (
  n int, t int, id int, may_read boolean, may_update boolean, may_delete boolean, stays boolean, may_insert boolean,
  PRIMARY KEY (n, t, id)
);

-- The expected rows, as sets of ids. refused: an UPDATE finds the row and may not write it.
CREATE TABLE worlds.expected (n int, t int, purpose text, yes int[] NOT NULL, open int[] NOT NULL, PRIMARY KEY (n, t, purpose));

CREATE TABLE worlds.running (seed int, phase text);

-- Statistics of the comparison: `hits` of `total` were seen or allowed. Those of a world are added to totals at its end.
CREATE UNLOGGED TABLE worlds.tallies (subject text, detail text, hits bigint, total bigint);
CREATE TABLE worlds.totals (subject text, detail text, hits bigint, total bigint, PRIMARY KEY (subject, detail));

CREATE VIEW worlds.asked_permissions AS SELECT resource, action FROM tenancy.permissions;
CREATE VIEW worlds.asked_workspaces AS
SELECT organization_id, workspace_id FROM tenancy.workspaces
UNION ALL
SELECT NULL, 'ffffffff-ffff-4fff-bfff-ffffffffffff';

GRANT INSERT ON worlds.tallies TO PUBLIC;

\ir check_asking.sql
\ir check_answers.sql
\ir check_writes.sql
\ir check_totals.sql

---------------------------------------------------------------------------------------------------------------------
-- The course of a world
---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION worlds.ask_oracle(share float, writes float) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE worlds.principals, oracle.principals, worlds.candidates, worlds.verdicts, worlds.expected;
  DELETE FROM oracle.rows WHERE only_n IS NOT NULL;
  PERFORM worlds.list_users();
  PERFORM worlds.list_keys();
  PERFORM worlds.list_tokens();
  PERFORM worlds.list_logins();
  WITH gone AS (DELETE FROM worlds.principals WHERE NOT worlds.chance(share) RETURNING n)
  DELETE FROM oracle.principals p USING gone WHERE p.n = gone.n;
  PERFORM worlds.make_candidates(n, writes) FROM (SELECT n FROM worlds.principals WHERE status = 'accepted' ORDER BY n) p;
  ANALYZE oracle.principals, oracle.relations, oracle.rows;
  PERFORM oracle.answer();
  INSERT INTO worlds.verdicts
  SELECT n, t, id, bool_or(answer) FILTER (WHERE purpose = 'read'), bool_or(answer) FILTER (WHERE purpose = 'update'),
         bool_or(answer) FILTER (WHERE purpose = 'delete'), bool_or(answer) FILTER (WHERE purpose = 'stay'),
         bool_or(answer) FILTER (WHERE purpose = 'insert')
  -- A right can come by several ways. None of them may say no for another that leaves it open: bool_or() ignores NULL.
  FROM (SELECT n, t, id, purpose, CASE WHEN bool_or(answer) OR bool_and(answer IS NOT NULL) THEN bool_or(answer) END AS answer
        FROM oracle.answers GROUP BY n, t, id, purpose) a
  GROUP BY n, t, id;
  INSERT INTO worlds.expected
  SELECT v.n, v.t, a.purpose, coalesce(array_agg(v.id ORDER BY v.id) FILTER (WHERE a.answer), '{}'),
         coalesce(array_agg(v.id ORDER BY v.id) FILTER (WHERE a.answer IS NULL), '{}')
  FROM worlds.verdicts v JOIN oracle.rows r ON r.t = v.t AND r.id = v.id AND r.only_n IS NULL,
    LATERAL (VALUES ('read', v.may_read), ('update', v.may_read AND v.may_update AND v.stays),
                    ('refused update', v.may_read AND v.may_update AND NOT v.stays), ('delete', v.may_read AND v.may_delete)) a (purpose, answer)
  GROUP BY v.n, v.t, a.purpose;
  ANALYZE worlds.verdicts, worlds.expected;
END
$$;

-- Checks a share of the principals, one after the other in this session, and of the tables also by writing to them.
CREATE FUNCTION worlds.check(new_phase text, share float, writes float) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  p worlds.principals;
  relation record;
BEGIN
  UPDATE worlds.running r SET phase = new_phase;
  PERFORM worlds.ask_oracle(share, writes);
  PERFORM worlds.check_kept();
  FOR p IN SELECT * FROM worlds.principals ORDER BY n LOOP
    PERFORM worlds.become(p.n);
    IF p.jwt IS NOT NULL THEN
      PERFORM worlds.tally('tokens', coalesce(substring(p.label FROM ', (.*)'), 'good'), 1, 1);
    END IF;
    IF p.status = 'accepted' THEN
      IF worlds.chance(0.3) THEN
        PERFORM worlds.check_whoami(p.n);
      END IF;
      FOR relation IN SELECT t FROM worlds.tables ORDER BY t LOOP
        PERFORM worlds.check_rows(p.n, relation.t);
        IF EXISTS (SELECT FROM worlds.candidates c WHERE c.n = p.n AND c.t = relation.t) THEN
          PERFORM worlds.check_candidates(p.n, relation.t);
          PERFORM worlds.check_bulk_writes(p.n, relation.t);
        END IF;
      END LOOP;
      IF worlds.chance(0.2) THEN
        PERFORM worlds.check_authorize(p.n);
      END IF;
      IF worlds.chance(0.2) THEN
        PERFORM worlds.check_audit(p.n);
      END IF;
    ELSE
      PERFORM worlds.check_refusal(p.n);
    END IF;
    IF worlds.chance(0.5) THEN
      RESET SESSION AUTHORIZATION;
    END IF;
  END LOOP;
  PERFORM worlds.leave();
END
$$;

CREATE FUNCTION worlds.prepare() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  relation record;
BEGIN
  EXECUTE format('SET SESSION AUTHORIZATION %I', worlds.login('trusted'));
  FOR relation IN SELECT w.t, w.relation FROM worlds.tables w LOOP
    EXECUTE format('PREPARE select_%s AS SELECT array_agg(id ORDER BY id) FROM %s', relation.t, relation.relation);
  END LOOP;
  RESET SESSION AUTHORIZATION;
END
$$;

-- Worlds `first`, `first + step`, ... up to `last`, each checked when it is new, and again as rights change: in a
-- transaction that is rolled back, after it, and in one that is committed. All in one session, whose prepared
-- statements live through it.
CREATE PROCEDURE worlds.run(first int, last int, step int) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('jit', 'off', false);
  PERFORM set_config('plan_cache_mode', 'force_generic_plan', false);
  FOR seed IN first..last BY step LOOP
    DELETE FROM worlds.running;
    INSERT INTO worlds.running VALUES (seed);
    PERFORM worlds.generate(seed);
    PERFORM worlds.prepare();
    COMMIT;
    PERFORM worlds.check('new world', 1, 0.4);
    COMMIT;
    PERFORM worlds.change() FROM generate_series(1, 3);
    PERFORM worlds.check('changed, not yet committed', 0.25, 0.1);
    ROLLBACK;
    PERFORM worlds.check('rolled back', 0.2, 0.1);
    COMMIT;
    PERFORM worlds.change() FROM generate_series(1, 4);
    COMMIT;
    PERFORM worlds.check('changed and committed', 0.4, 0.1);
    COMMIT;
    DEALLOCATE ALL;
    PERFORM worlds.remove();
    INSERT INTO worlds.totals AS t
    SELECT subject, detail, sum(hits), sum(total) FROM worlds.tallies GROUP BY subject, detail
    UNION ALL SELECT 'worlds', '', 1, 1
    ON CONFLICT (subject, detail) DO UPDATE SET hits = t.hits + excluded.hits, total = t.total + excluded.total;
    TRUNCATE worlds.tallies;
    COMMIT;
  END LOOP;
END
$$;

GRANT SELECT ON ALL TABLES IN SCHEMA worlds, oracle TO PUBLIC;
