-- To the module the nil uuid is none, and as a workspace the one of ones only is any that is still to come: neither can be somebody's
-- id. Install and update scripts both include this part.
DO $$
DECLARE
  c record;
BEGIN
  FOR c IN
    SELECT k.oid::regclass AS catalog, k.relname, a.attname FROM pg_catalog.pg_class k
    JOIN pg_catalog.pg_index i ON i.indrelid = k.oid AND i.indisprimary AND i.indnkeyatts = 1
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.oid AND a.attnum = i.indkey[0] AND a.atttypid = 'pg_catalog.uuid'::regtype AND a.atthasdef
    WHERE k.relkind = 'r' AND k.relnamespace IN ('tenancy'::regnamespace, 'tenancy_internal'::regnamespace)
    ORDER BY k.relname LOOP
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (%I <> %L)', c.catalog, c.relname || '_nil_check', c.attname, '00000000-0000-0000-0000-000000000000');
  END LOOP;
END
$$;
ALTER TABLE tenancy.workspaces ADD CONSTRAINT workspaces_max_check CHECK (workspace_id <> 'ffffffff-ffff-ffff-ffff-ffffffffffff');
