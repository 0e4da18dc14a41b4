-- Taking protection away.

-- The setting belongs to this function: one that is called by others would be set with their rights.
CREATE FUNCTION tenancy_internal.disable_row_security(relation regclass, enabled boolean, forced boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, tenancy, pg_temp SET tenancy.guard_rails = off AS $$
BEGIN
  IF NOT disable_row_security.enabled THEN
    EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', disable_row_security.relation);
  END IF;
  IF NOT disable_row_security.forced THEN
    EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', disable_row_security.relation);
  END IF;
END
$$;
COMMENT ON FUNCTION tenancy_internal.disable_row_security(regclass, boolean, boolean) IS 'Switches row security of a table off, and no longer forces it, unless it was so before protect()';

CREATE FUNCTION tenancy.unprotect(relation regclass) RETURNS void
LANGUAGE tenancy SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  member regclass;
  removed tenancy.protected_tables;
  kept tenancy_internal.kept_tables;
BEGIN
  PERFORM tenancy_internal.check_protectable(unprotect.relation);
  PERFORM tenancy_internal.keep_own(unprotect.relation);
  PERFORM tenancy_internal.check_children_agree(unprotect.relation, NULL);
  IF tenancy_steps.is_distributed(unprotect.relation) THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported', MESSAGE = format('table %s is distributed by Citus', unprotect.relation),
      DETAIL = 'Its protection cannot be changed in place.', HINT = 'Undistribute it.';
  END IF;
  IF NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = unprotect.relation) THEN
    IF tenancy_internal.leave_parents(unprotect.relation) THEN
      RETURN;  -- add_tenant_columns() had made it follow its parent
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('table %s is not protected', unprotect.relation);
  END IF;
  -- Partitions and children also follow them by calls of their own.
  FOR kept IN SELECT k.* FROM tenancy_internal.kept_tables k WHERE k.relation IN (SELECT tenancy_internal.family_of(unprotect.relation)) ORDER BY k.relation LOOP
    PERFORM tenancy.ignore_logging_settings(kept.relation);
    PERFORM tenancy_steps.notice(format('table %s no longer follows the logging settings', kept.relation),
      detail => 'Its content is stored, its rows are not removed at the end of their retention, and no legal hold keeps them.',
      hint => format('If it is protected again, use %s.', tenancy_internal.keep_call(kept)));
  END LOOP;
  -- A child that its parent has left keeps the parent's triggers.
  PERFORM tenancy_internal.check_kept_place(f, '', '', '{}', NULL, NULL) FROM tenancy_internal.family_of(unprotect.relation) f;
  FOR member IN SELECT t.relation FROM tenancy.protected_tables t
                WHERE t.relation IN (SELECT tenancy_internal.family_of(unprotect.relation)) LOOP
    removed := tenancy_internal.remove_protection(member);
    PERFORM tenancy_internal.disable_row_security(member, removed.row_security_before, removed.force_before);
    PERFORM tenancy_internal.forget_name(k) FROM tenancy.protected_names k WHERE k.holder = member AND tenancy_internal.decides_name(k);
    -- Their owner is a superuser, and the table's may now put anything below them, such as a foreign table.
    PERFORM tenancy_internal.refresh_scoped_views(member);
  END LOOP;
  PERFORM tenancy_internal.leave_parents(unprotect.relation);
  -- A child of two protected tables keeps the other one's protection.
  PERFORM tenancy_internal.protect_child(f) FROM tenancy_internal.family_of(unprotect.relation) f WHERE f <> unprotect.relation;
  -- A table that has the name of another role's is closed without a protection of its own, as it was when it was made.
  PERFORM tenancy_internal.take_name(f, false)
  FROM tenancy_internal.family_of(unprotect.relation) f CROSS JOIN LATERAL tenancy_internal.remembered_name(f) k
  WHERE k.table_name IS NOT NULL AND k.holder IS DISTINCT FROM f AND NOT tenancy_internal.is_of_its_holder(f, k)
    AND NOT tenancy_internal.is_closed(f) AND NOT EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = f);
END
$$;
COMMENT ON FUNCTION tenancy.unprotect(regclass) IS 'Removes from a table, its partitions and children exactly what protect() added, forgets its names (but those that a table of another role had, or that a protected one has now), and has them no longer follow the logging settings, with a NOTICE for each call that had them do so; 55000 when it isn''t protected';
REVOKE ALL ON FUNCTION tenancy.unprotect(regclass) FROM PUBLIC;
