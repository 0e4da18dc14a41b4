-- @include 12_callers.sql

-- Limits of texts. 1.0 had none, so there may be rows beyond them, which must not keep anybody from updating. Longer display names are
-- cut: otherwise a key that has one could no longer be revoked. What identifies something stays as it is, and is checked from now on.
DO $$
DECLARE
  bound record;
  beyond bigint;
  changed bigint := 0;
BEGIN
  FOR bound IN
    SELECT v.*, format('%s_%s_length', v.catalog, v.attribute) AS name FROM (VALUES
      ('organizations', 'slug', 100, 'keep'), ('organizations', 'name', 1000, 'cut'), ('organizations', 'external_id', 500, 'keep'),
      ('workspaces', 'slug', 100, 'keep'), ('workspaces', 'name', 1000, 'cut'), ('workspaces', 'external_id', 500, 'keep'),
      ('users', 'email', 320, 'keep'), ('users', 'name', 1000, 'cut'), ('users', 'external_id', 500, 'keep'),
      ('roles', 'name', 100, 'keep'), ('roles', 'description', 1000, 'cut'), ('permissions', 'description', 1000, 'cut'),
      -- Tenants could choose it, and no application has ids of that length.
      ('api_keys', 'name', 1000, 'cut'), ('api_keys', 'external_id', 500, 'remove'),
      ('jwt_keys', 'jwk', 16384, 'keep'), ('jwt_issuers', 'issuer', 1000, 'keep'), ('jwt_issuers', 'audience', 1000, 'keep')
    ) v (catalog, attribute, longest, beyond_it) LOOP
    IF bound.beyond_it <> 'keep' THEN
      EXECUTE format('UPDATE tenancy.%1$I SET %2$I = %3$s WHERE pg_catalog.length(%2$I) > %4$s', bound.catalog, bound.attribute,
                     CASE bound.beyond_it WHEN 'cut' THEN format('pg_catalog."left"(%I, %s)', bound.attribute, bound.longest) ELSE 'NULL' END,
                     bound.longest);
      GET DIAGNOSTICS beyond = ROW_COUNT;
      changed := changed + beyond;
      IF beyond > 0 THEN
        RAISE WARNING '% rows of tenancy.% had a % of more than % characters: %', beyond, bound.catalog, bound.attribute, bound.longest,
          CASE bound.beyond_it WHEN 'cut' THEN 'it was cut' ELSE 'it was removed' END;
      END IF;
    END IF;
    -- Before the next table is altered: entries about these rows are still to be made heads of their chains.
    IF changed > 0 THEN
      SET CONSTRAINTS tenancy.audit_head IMMEDIATE;
      SET CONSTRAINTS tenancy.audit_head DEFERRED;
    END IF;
    EXECUTE format('ALTER TABLE tenancy.%I ADD CONSTRAINT %I CHECK (length(%s) <= %s) NOT VALID', bound.catalog, bound.name,
                   CASE bound.attribute WHEN 'jwk' THEN 'jwk::text' ELSE quote_ident(bound.attribute) END, bound.longest);
    BEGIN
      EXECUTE format('ALTER TABLE tenancy.%I VALIDATE CONSTRAINT %I', bound.catalog, bound.name);
    EXCEPTION WHEN check_violation THEN
      RAISE WARNING USING MESSAGE = format('rows of tenancy.%s have a %s of more than %s characters', bound.catalog, bound.attribute, bound.longest),
        HINT = format('They cannot be changed until it is shorter. Then ALTER TABLE tenancy.%I VALIDATE CONSTRAINT %I.', bound.catalog, bound.name);
    END;
  END LOOP;
END
$$;
