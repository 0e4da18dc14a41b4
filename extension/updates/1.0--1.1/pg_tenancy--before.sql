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
-- Data visibility governs observability data alone. What a DBA has registered before keeps what it had, and so does what
-- a dump of 1.0 brings.
ALTER TABLE tenancy.permissions ADD COLUMN data_visibility boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN tenancy.permissions.data_visibility IS 'Observability data: data visibility decides whether a role reaches all rows or its user''s own; otherwise a role reaches all';
UPDATE tenancy.permissions SET data_visibility = false WHERE built_in AND resource NOT IN ('logs', 'traces', 'analytics');
ALTER TABLE tenancy.permissions ADD CONSTRAINT permissions_data_visibility_check CHECK
  (data_visibility OR resource NOT IN ('logs', 'traces', 'analytics'));
-- @include 24_protected_names.sql

-- Replaced by advise(boolean).
DROP FUNCTION tenancy.advise();
