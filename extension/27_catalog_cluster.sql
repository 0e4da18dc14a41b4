-- The keys of a cluster: nodes that have the same key accept each other's statements about sessions (see 42_claims.sql).

CREATE TABLE tenancy_internal.cluster_keys (
  key_id integer PRIMARY KEY CHECK (key_id > 0),
  secret bytea NOT NULL CHECK (length(secret) = 32),
  signs boolean NOT NULL DEFAULT false,
  added_at timestamptz NOT NULL DEFAULT now()
);
-- Statistics are read by more roles than tables are.
ALTER TABLE tenancy_internal.cluster_keys ALTER COLUMN secret SET STATISTICS 0;
CREATE UNIQUE INDEX cluster_keys_signs_idx ON tenancy_internal.cluster_keys (signs) WHERE signs;
COMMENT ON TABLE tenancy_internal.cluster_keys IS 'Keys by which the nodes of a cluster sign and verify claims about principals; no policy shows them, and no dump contains them';
COMMENT ON COLUMN tenancy_internal.cluster_keys.key_id IS 'Number of the key, the same on all nodes';
COMMENT ON COLUMN tenancy_internal.cluster_keys.secret IS 'Whoever knows it can be any principal on every node';
COMMENT ON COLUMN tenancy_internal.cluster_keys.signs IS 'Whether this node signs by it; claims signed by any of the keys are accepted';
COMMENT ON COLUMN tenancy_internal.cluster_keys.added_at IS 'When it came to this node';
