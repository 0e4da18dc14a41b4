-- @include 12_callers.sql

-- Display names get a limit, which 1.0 didn't have. Longer ones are cut, or else each change of such a row would write them into the
-- audit log twice. What identifies something stays as it is.
DO $$
DECLARE
  bound record;
  beyond bigint;
  changed bigint := 0;
BEGIN
  FOR bound IN SELECT * FROM (VALUES ('organizations', 'name'), ('workspaces', 'name'), ('users', 'name'), ('roles', 'description'),
                              ('permissions', 'description'), ('api_keys', 'name')) v (catalog, attribute) LOOP
    EXECUTE format('UPDATE tenancy.%1$I SET %2$I = pg_catalog."left"(%2$I, 1000) WHERE pg_catalog.length(%2$I) > 1000', bound.catalog, bound.attribute);
    GET DIAGNOSTICS beyond = ROW_COUNT;
    IF beyond > 0 THEN
      changed := changed + beyond;
      RAISE WARNING '% rows of tenancy.% had a % of more than 1000 characters, which is cut', beyond, bound.catalog, bound.attribute;
    END IF;
  END LOOP;
  -- Entries about these rows are still to be made heads of their chains, and would keep the audit log from being altered.
  IF changed > 0 THEN
    SET CONSTRAINTS tenancy.audit_head IMMEDIATE;
    SET CONSTRAINTS tenancy.audit_head DEFERRED;
  END IF;
END
$$;
