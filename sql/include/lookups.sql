-- Scans of the extension's catalogs while somebody's principal is resolved. Only this session's transaction counts.
CREATE FUNCTION lookups(who text) RETURNS TABLE (catalog name, scans bigint) LANGUAGE plpgsql AS $$
DECLARE
  before jsonb;
BEGIN
  before := (SELECT jsonb_object_agg(s.relname, coalesce(s.seq_scan, 0) + coalesce(s.idx_scan, 0)) FROM pg_stat_xact_user_tables s WHERE s.schemaname = 'tenancy');
  CALL app.become(who, true);
  PERFORM FROM tenancy.whoami();
  RETURN QUERY SELECT s.relname, coalesce(s.seq_scan, 0) + coalesce(s.idx_scan, 0) - coalesce((before ->> s.relname)::bigint, 0)
  FROM pg_stat_xact_user_tables s WHERE s.schemaname = 'tenancy';
  CALL app.become('nobody', true);
END
$$;
