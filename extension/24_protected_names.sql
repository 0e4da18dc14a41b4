-- Catalog of the names of protected tables, so that another table of such a name is not left open.

CREATE TABLE tenancy.protected_names (
  schema_name name NOT NULL,
  table_name name NOT NULL,
  resource text COLLATE "C" NOT NULL,
  organization_column name,
  workspace_column name,
  owner_column name,
  api_key_column name,
  payload name[],
  holder regclass,
  through name[],
  inherits_owner boolean NOT NULL DEFAULT false,
  shared boolean NOT NULL DEFAULT false,
  workspace_decides boolean NOT NULL DEFAULT false,
  fill_nulls boolean NOT NULL DEFAULT false,
  workspace_implies_organization boolean NOT NULL DEFAULT false,
  actions jsonb,
  writer_column name,
  audit_reads boolean NOT NULL DEFAULT false,
  kept_kind text COLLATE "C",
  kept_content name[],
  holder_role name,
  PRIMARY KEY (schema_name, table_name)
);
CREATE INDEX protected_names_holder_idx ON tenancy.protected_names (holder);
COMMENT ON TABLE tenancy.protected_names IS 'Names under which tables are or were protected, and how, so that no table with such a name is left open; see forget()';
COMMENT ON COLUMN tenancy.protected_names.schema_name IS 'Schema of the table';
COMMENT ON COLUMN tenancy.protected_names.table_name IS 'Name of the table';
COMMENT ON COLUMN tenancy.protected_names.resource IS 'Resource whose permissions decide';
COMMENT ON COLUMN tenancy.protected_names.organization_column IS 'Column that names the row''s organization';
COMMENT ON COLUMN tenancy.protected_names.workspace_column IS 'Column that names the row''s workspace';
COMMENT ON COLUMN tenancy.protected_names.owner_column IS 'Column that names the user whose row it is';
COMMENT ON COLUMN tenancy.protected_names.api_key_column IS 'Column that names the API key that produced the row';
COMMENT ON COLUMN tenancy.protected_names.payload IS 'Columns with full content; NULL: anywhere; empty: nowhere, metadata only';
COMMENT ON COLUMN tenancy.protected_names.holder IS 'The protected table that has, or had last, the name; NULL when it was dropped';
COMMENT ON COLUMN tenancy.protected_names.through IS 'Columns that refer to the parents which the row belongs with: the first gives it its tenant';
COMMENT ON COLUMN tenancy.protected_names.inherits_owner IS 'Whether the first parent decides about own rows';
COMMENT ON COLUMN tenancy.protected_names.shared IS 'Rows that name neither organization nor workspace are for everybody';
COMMENT ON COLUMN tenancy.protected_names.workspace_decides IS 'Whether the workspace decides about rows whose organization is NULL';
COMMENT ON COLUMN tenancy.protected_names.fill_nulls IS 'An explicit NULL is filled in on INSERT, in columns that have a default from protect()';
COMMENT ON COLUMN tenancy.protected_names.workspace_implies_organization IS 'Rows that name a workspace name its organization, the caller of protect() vouches';
COMMENT ON COLUMN tenancy.protected_names.audit_reads IS 'Whether each statement that reads the table leaves an audit entry';
COMMENT ON COLUMN tenancy.protected_names.actions IS 'Actions, and the columns whose change needs them beside update or create';
COMMENT ON COLUMN tenancy.protected_names.writer_column IS 'Column that names the user who wrote a row, where owner_column names who began the whole that it is part of';
COMMENT ON COLUMN tenancy.protected_names.kept_kind IS 'Kind of its rows, if the table follows the logging settings';
COMMENT ON COLUMN tenancy.protected_names.kept_content IS 'Its columns that can hold content, if it does';
COMMENT ON COLUMN tenancy.protected_names.holder_role IS 'Role that owned the table: one of a role without its rights is closed and not protected in the same way; NULL: not known, of version 1.0';
