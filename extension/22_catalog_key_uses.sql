-- Uses of API keys. Install and update scripts both include this part.

CREATE TABLE tenancy_internal.api_key_uses (
  api_key_id uuid PRIMARY KEY,
  used_at timestamptz NOT NULL
);
COMMENT ON TABLE tenancy_internal.api_key_uses IS 'When API keys were last used; in a table of its own, without notifications and audit entries, and without a foreign key, whose lock could wait for a session';
COMMENT ON COLUMN tenancy_internal.api_key_uses.api_key_id IS 'The key';
COMMENT ON COLUMN tenancy_internal.api_key_uses.used_at IS 'When it was last used, to the minute; what sessions have noted since is stored within some minutes';
