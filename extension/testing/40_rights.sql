-- The session's permissions.

CREATE FUNCTION tenancy_testing.check_right(expected boolean, resource text, action text, workspace text, description text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  title text := coalesce(description, format('%s %s %s%s', CASE WHEN expected THEN 'may' ELSE 'may not' END, action, resource,
                                             ' in workspace ' || workspace));
  doubt text := tenancy_testing.doubt();
  allowed boolean;
  steps text;
BEGIN
  IF doubt IS NOT NULL THEN
    RETURN tenancy_testing.verdict(false, title, doubt);
  END IF;
  allowed := CASE WHEN workspace IS NULL THEN tenancy.authorize(resource, action) ELSE tenancy.authorize(resource, action, workspace) END;
  IF allowed = expected THEN
    RETURN tenancy_testing.verdict(true, title, NULL);
  END IF;
  SELECT string_agg(format(E'\n        %s. %s (%s): %s', e.step, e.rule, e.source, e.result), '' ORDER BY e.step) INTO steps
  FROM tenancy.explain_authorize(resource, action, workspace) e;
  RETURN tenancy_testing.verdict(false, title, '        who: ' || tenancy_testing.principal() || coalesce(steps, ''));
END
$$;
COMMENT ON FUNCTION tenancy_testing.check_right(boolean, text, text, text, text) IS 'What may() and may_not() have in common';

CREATE FUNCTION tenancy_testing.may(resource text, action text, workspace text DEFAULT NULL, description text DEFAULT NULL) RETURNS text
LANGUAGE sql AS $$ SELECT tenancy_testing.check_right(true, resource, action, workspace, description) $$;
COMMENT ON FUNCTION tenancy_testing.may(text, text, text, text) IS 'Passes when the session may do this, in this workspace (NULL: anywhere); 22023 for a resource or action that is not registered';

CREATE FUNCTION tenancy_testing.may_not(resource text, action text, workspace text DEFAULT NULL, description text DEFAULT NULL) RETURNS text
LANGUAGE sql AS $$ SELECT tenancy_testing.check_right(false, resource, action, workspace, description) $$;
COMMENT ON FUNCTION tenancy_testing.may_not(text, text, text, text) IS 'Passes when the session may not do this, in this workspace (NULL: anywhere); 22023 for a resource or action that is not registered';
