-- No other role may execute internal functions: without USAGE on their schema they cannot be named, and with it they cannot be
-- called.
REVOKE ALL ON ALL ROUTINES IN SCHEMA tenancy_internal FROM PUBLIC;
-- Except the trigger functions that protect() uses on tables: a role that creates or attaches a partition needs EXECUTE on the
-- functions of the triggers that the partition gets. Nobody can use them in a trigger of their own, and on other tables they
-- raise an error.
GRANT EXECUTE ON FUNCTION tenancy_internal.fill_nulls() TO PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy_internal.take_from_parent() TO PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy_internal.hold_parent() TO PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy_internal.keep_children() TO PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy_internal.move_children() TO PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy_internal.check_parents() TO PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy_internal.keep_row() TO PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy_internal.receive_row() TO PUBLIC;
GRANT EXECUTE ON FUNCTION tenancy_internal.keep_rows() TO PUBLIC;
