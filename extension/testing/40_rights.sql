-- The session's permissions.

CREATE FUNCTION tenancy_testing.check_right(expected boolean, resource text, action text, workspace text, description text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  title text := coalesce(check_right.description, format('%s %s %s%s', CASE WHEN check_right.expected THEN 'may' ELSE 'may not' END,
    check_right.action, check_right.resource,
                                             ' in workspace ' || check_right.workspace));
  doubt text := tenancy_testing.doubt();
  allowed boolean;
  steps text;
BEGIN
  IF doubt IS NOT NULL THEN
    RETURN tenancy_testing.verdict(false, title, doubt);
  END IF;
  allowed := CASE WHEN check_right.workspace IS NULL THEN tenancy.authorize(check_right.resource, check_right.action)
    ELSE tenancy.authorize(check_right.resource, check_right.action, check_right.workspace) END;
  IF allowed = check_right.expected THEN
    RETURN tenancy_testing.verdict(true, title, NULL);
  END IF;
  SELECT string_agg(format(E'\n        %s. %s (%s): %s', e.step, e.rule, e.source, e.result), '' ORDER BY e.step) INTO steps
  FROM tenancy.explain_authorize(check_right.resource, check_right.action, check_right.workspace) e;
  RETURN tenancy_testing.verdict(false, title, '        who: ' || tenancy_testing.principal() || coalesce(steps, ''));
END
$$;
COMMENT ON FUNCTION tenancy_testing.check_right(boolean, text, text, text, text) IS 'What may() and may_not() have in common';

CREATE FUNCTION tenancy_testing.may(resource text, action text, workspace text DEFAULT NULL, description text DEFAULT NULL) RETURNS text
LANGUAGE sql SET search_path = pg_catalog, tenancy, pg_temp AS $$ SELECT tenancy_testing.check_right(true, may.resource, may.action, may.workspace, may.description) $$;
COMMENT ON FUNCTION tenancy_testing.may(text, text, text, text) IS 'Passes when the session may do this, in this workspace (NULL: anywhere); 22023 for a resource or action that is not registered';

CREATE FUNCTION tenancy_testing.may_not(resource text, action text, workspace text DEFAULT NULL, description text DEFAULT NULL) RETURNS text
LANGUAGE sql SET search_path = pg_catalog, tenancy, pg_temp AS $$ SELECT tenancy_testing.check_right(false, may_not.resource, may_not.action, may_not.workspace, may_not.description) $$;
COMMENT ON FUNCTION tenancy_testing.may_not(text, text, text, text) IS 'Passes when the session may not do this, in this workspace (NULL: anywhere); 22023 for a resource or action that is not registered';
