-- Internal functions may be executed by nobody else: without USAGE on their schema they cannot be named, and with it they
-- cannot be called.
REVOKE ALL ON ALL ROUTINES IN SCHEMA tenancy_internal FROM PUBLIC;
