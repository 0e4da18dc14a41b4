-- Accepted findings of advise().

CREATE TABLE tenancy.accepted_advice (
  rule text COLLATE "C" NOT NULL,
  object text COLLATE "C" NOT NULL,
  reason text COLLATE "C" NOT NULL CHECK (reason ~ '[^[:space:]]'),
  accepted_by name NOT NULL DEFAULT session_user,
  accepted_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
  problems text[],
  PRIMARY KEY (rule, object)
);
COMMENT ON TABLE tenancy.accepted_advice IS 'Findings of advise() that are meant to be so; see accept_advice()';
COMMENT ON COLUMN tenancy.accepted_advice.rule IS 'The rule that finds it';
COMMENT ON COLUMN tenancy.accepted_advice.object IS 'The object, as advise() names it';
COMMENT ON COLUMN tenancy.accepted_advice.reason IS 'Why it is accepted';
COMMENT ON COLUMN tenancy.accepted_advice.accepted_by IS 'PostgreSQL login that accepted it';
COMMENT ON COLUMN tenancy.accepted_advice.accepted_at IS 'When it was accepted';
COMMENT ON COLUMN tenancy.accepted_advice.problems IS 'The problem accepted, without numbers: other problems of the rule with the object are still reported; NULL accepts all';

CREATE FUNCTION tenancy_internal.check_rule(rule text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF check_rule.rule IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'a rule must be given';
  ELSIF NOT EXISTS (SELECT FROM tenancy.advice_rules() r WHERE r.rule = check_rule.rule) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('advise() has no rule "%s"', check_rule.rule),
      HINT = coalesce('Perhaps you meant "' || (SELECT tenancy_internal.nearest(check_rule.rule, array_agg(r.rule)) FROM tenancy.advice_rules() r) || '".',
                      'tenancy.advice_rules() lists them.');
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_rule(text) IS 'Raises 22023 with the nearest name unless advise() has the rule';

CREATE FUNCTION tenancy.accept_advice(rule text, object text, reason text) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  found_now text[];
BEGIN
  PERFORM tenancy_internal.require_dba();
  PERFORM tenancy_internal.check_rule(accept_advice.rule);
  IF accept_advice.object IS NULL OR coalesce(accept_advice.reason, '') !~ '[^[:space:]]' THEN
    RAISE EXCEPTION USING ERRCODE = 'null_value_not_allowed', MESSAGE = 'an object and a reason must be given';
  END IF;
  SELECT array_agg(DISTINCT tenancy_internal.without_numbers(f.problem)) INTO found_now
  FROM tenancy_internal.collect_advice(accept_advice.rule) f WHERE f.object = accept_advice.object;
  INSERT INTO tenancy.accepted_advice AS a (rule, object, reason, problems)
  VALUES (accept_advice.rule, accept_advice.object, accept_advice.reason, found_now)
  ON CONFLICT ON CONSTRAINT accepted_advice_pkey DO UPDATE
    SET reason = excluded.reason, accepted_by = excluded.accepted_by, accepted_at = excluded.accepted_at, problems = excluded.problems;
  IF found_now IS NULL THEN
    PERFORM tenancy_steps.notice(format('advise() does not find "%s" at present', accept_advice.object),
      detail => format('The name must be what advise() has in column "object" for rule "%s".', accept_advice.rule));
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.accept_advice(text, text, text) IS 'For a DBA: a finding of advise(), by rule and object as found, is intended: advise() omits it from now on, until the rule finds another problem with the object. Leaves an audit entry with the reason, and a NOTICE if there is no such finding at present (then all findings of the rule about the object are accepted); 22023 for a rule that does not exist';

CREATE FUNCTION tenancy.withdraw_acceptance(rule text, object text) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.require_dba();
  PERFORM tenancy_internal.check_rule(withdraw_acceptance.rule);
  DELETE FROM tenancy.accepted_advice a WHERE a.rule = withdraw_acceptance.rule AND a.object = withdraw_acceptance.object;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('rule "%s" is not accepted for "%s"', withdraw_acceptance.rule, withdraw_acceptance.object),
      HINT = 'tenancy.accepted_advice lists what is.';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.withdraw_acceptance(text, text) IS 'For a DBA: takes accept_advice() back; 42704 when there was none';
