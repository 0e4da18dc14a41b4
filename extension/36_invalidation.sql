-- A change of a catalog that decides rights is sent to other sessions at commit, and to none on rollback: to sessions that cache
-- something of the organization concerned, or to all. The triggers are in 98_catalogs.sql.

CREATE FUNCTION tenancy_internal.invalidate() RETURNS trigger LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_invalidate';
COMMENT ON FUNCTION tenancy_internal.invalidate() IS 'Trigger: plans and principals made from this catalog are dropped in every backend; with argument "new" the inserted row concerns nobody else yet, with "of_key" if its key is as new, with "listed" only who has spelled out a list of such rows; the second argument says by which column only those are told whom the row concerns: "organization", "member" (its user, too) or "key" (the key''s organization)';
