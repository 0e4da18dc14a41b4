-- Trusted functions, whose conditions may be evaluated on a row before its policy (tenancy.trusted_conditions). The server's
-- own trusted functions are listed in the module, with reasons; these are added by superusers.

CREATE TABLE tenancy.trusted_functions (
  function text PRIMARY KEY,
  reason text NOT NULL CHECK (reason <> '')
);
COMMENT ON TABLE tenancy.trusted_functions IS 'Functions added by trust_function(): with tenancy.trusted_conditions = all their conditions can use any index';
COMMENT ON COLUMN tenancy.trusted_functions.function IS 'The function, with schemas and argument types';
COMMENT ON COLUMN tenancy.trusted_functions.reason IS 'Why it raises no error for any value, and does not reveal its arguments';

-- Members of pg_read_all_data and pg_write_all_data cannot decide that a function may process rows of other tenants.
CREATE FUNCTION tenancy_internal.check_trusted_function() RETURNS trigger
LANGUAGE tenancy_unit SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = current_user AND r.rolsuper) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = 'must be superuser to trust a function';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_trusted_function() IS 'Trigger: only a superuser says which functions are trusted';

CREATE FUNCTION tenancy.trust_function(function regprocedure, reason text) RETURNS void
LANGUAGE tenancy_unit SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  known pg_proc;
BEGIN
  IF trust_function.function IS NULL OR trust_function.reason IS NULL OR trust_function.reason = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'a function and a reason must be given',
      DETAIL = 'The reason says why the function raises no error for any value, and does not reveal its arguments.';
  END IF;
  SELECT * INTO known FROM pg_proc p WHERE p.oid = trust_function.function;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_function', MESSAGE = 'function does not exist';
  END IF;
  IF known.prokind <> 'f' OR known.proretset OR known.provolatile = 'v' THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('function %s cannot serve a condition', trust_function.function),
      DETAIL = 'An index is searched by functions that are stable or immutable and return one value.';
  END IF;
  IF EXISTS (SELECT FROM unnest(known.proargtypes) a (type) JOIN pg_type t ON t.oid = a.type WHERE t.typtype = 'p') THEN
    RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('function %s takes arguments of any type', trust_function.function),
      DETAIL = 'It would call functions of that type, which can be anybody''s.';
  END IF;
  IF NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.oid = known.proowner) THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = format('function %s is owned by role "%s", which is no superuser', trust_function.function, known.proowner::regrole),
      DETAIL = 'Its owner could replace it.', HINT = 'ALTER FUNCTION ... OWNER TO a superuser.';
  END IF;
  INSERT INTO tenancy.trusted_functions AS t (function, reason)
  VALUES ((pg_identify_object('pg_proc'::regclass, trust_function.function, 0)).identity, trust_function.reason)
  ON CONFLICT ON CONSTRAINT trusted_functions_pkey DO UPDATE SET reason = EXCLUDED.reason;
END
$$;
COMMENT ON FUNCTION tenancy.trust_function(regprocedure, text) IS 'For a superuser: with tenancy.trusted_conditions = all, lets conditions with a function, or with its operator, use any index; the reason says why it raises no error for any value, and does not reveal its arguments';
REVOKE ALL ON FUNCTION tenancy.trust_function(regprocedure, text) FROM PUBLIC;

CREATE FUNCTION tenancy.distrust_function(function regprocedure) RETURNS void
LANGUAGE tenancy_unit SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  DELETE FROM tenancy.trusted_functions t
  WHERE t.function = (pg_identify_object('pg_proc'::regclass, distrust_function.function, 0)).identity;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('function %s has not been trusted', distrust_function.function),
      HINT = 'SELECT * FROM tenancy.trusted_functions';
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy.distrust_function(regprocedure) IS 'For a superuser: takes trust_function() back';
REVOKE ALL ON FUNCTION tenancy.distrust_function(regprocedure) FROM PUBLIC;

CREATE FUNCTION tenancy.trusted_conditions()
RETURNS TABLE (function regprocedure, arguments text, "collation" text, must_be_known text, reason text)
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_trusted_conditions';
COMMENT ON FUNCTION tenancy.trusted_conditions() IS 'Functions of the server whose conditions can use an index of a protected table (see tenancy.trusted_conditions) although they aren''t leakproof, with their required arguments and the reasons';
