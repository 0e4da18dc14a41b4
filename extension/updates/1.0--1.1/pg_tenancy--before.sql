-- @include 12_callers.sql
-- Replaced by advise(boolean).
DROP FUNCTION tenancy.advise();
