-- Every function of the extension, by everybody, with arguments of all kinds.
CREATE PROCEDURE attacks.make_calls(rounds int) LANGUAGE plpgsql AS $$
DECLARE
  attacker record;
  f attacks.functions;
  statements text[];
BEGIN
  FOR attacker IN
    SELECT p.login, p.principal, p.forbidden, '{}'::text[] AS may FROM attacks.principals p WHERE p.principal IN ('nobody', 'acme master', 'acme reader', 'search key', 'mike key', 'mike', 'mona', 'adam', 'olivia')
    UNION ALL SELECT a.login, '', 'canary_', '{}' FROM attacks.attackers a WHERE a.login NOT IN ('att_dba', 'att_owner')
    UNION ALL SELECT 'att_owner', '', 'canary_', '{protection,catalog audit_log}'
    UNION ALL SELECT 'att_dba', '', 'canary_theirs', '{.}' LOOP
    FOR round IN 1..rounds LOOP
      statements := '{}';
      -- All of them by those who can call most, some by the others.
      FOR f IN SELECT * FROM attacks.functions WHERE proname ~ '^planted_' OR random() < CASE WHEN attacker.login = 'att_granted' OR attacker.principal = 'acme master' THEN 1 ELSE 0.3 END ORDER BY random() LOOP
        statements := statements || CASE WHEN f.prokind = 'p' THEN 'CALL ' || attacks.call(f, NULL)
          WHEN f.proretset OR f.result = 'record'::regtype THEN 'SELECT * FROM ' || attacks.call(f, NULL) || ' LIMIT 20'
          ELSE 'SELECT ' || attacks.call(f, NULL) END;
        IF cardinality(statements) = 10 THEN
          INSERT INTO attacks.cases (family, title, script, forbidden, may, fresh)
          VALUES ('functions', attacker.login || ' ' || attacker.principal, attacks.as_script(attacker.login, attacker.principal, '', statements), attacker.forbidden, attacker.may, false);
          statements := '{}';
        END IF;
      END LOOP;
      IF statements <> '{}' THEN
        INSERT INTO attacks.cases (family, title, script, forbidden, may, fresh)
        VALUES ('functions', attacker.login || ' ' || attacker.principal, attacks.as_script(attacker.login, attacker.principal, '', statements), attacker.forbidden, attacker.may, false);
      END IF;
    END LOOP;
  END LOOP;
END
$$;
CALL attacks.make_calls(:rounds);
