-- Questions to the oracle: about principals, tables and rows. A part of oracle.sql.

CREATE SCHEMA oracle;

-- The principal. narrowed: the workspace to which tenancy.workspace, or the login's binding, confines the session.
CREATE TABLE oracle.principals (
  n int PRIMARY KEY,
  kind text NOT NULL,
  organization_id uuid,
  user_id uuid,      -- of a user key, its user
  api_key_id uuid,
  narrowed uuid,
  token int
);

-- The tokens of principals of kind jwt: where they are for, and all that they claim.
CREATE TABLE oracle.tokens (
  token int PRIMARY KEY,
  organization_id uuid NOT NULL,
  workspace_id uuid NOT NULL,
  claims jsonb NOT NULL
);

-- Which tables. The types are those of the columns, NULL where the table has no such column. partition_key: what a
-- partitioned table is partitioned by, organization or workspace. shared: protected so. workspace_decides: when it was
-- protected, it had rows that name a workspace and no organization, or its parent decides so. parent: a row says what the
-- row of that table says to which it refers; whose it is, is not what its writer says. kept: the kind of its rows, where it follows what
-- organizations set about what is kept.
CREATE TABLE oracle.relations (
  t int PRIMARY KEY,
  resource text NOT NULL,
  payload name[],
  organization_type text,
  workspace_type text,
  owner_type text,
  api_key_type text,
  partition_key text,
  shared boolean NOT NULL DEFAULT false,
  workspace_decides boolean NOT NULL DEFAULT false,
  parent int,
  kept text
);

-- Which rows, with the columns' values as text. Rows with only_n are not stored: principal only_n would write them. received: when, in a
-- table that follows what is kept.
CREATE TABLE oracle.rows (
  t int NOT NULL,
  id int NOT NULL,
  only_n int,
  organization text,
  workspace text,
  owner text,
  api_key text,
  received timestamptz,
  PRIMARY KEY (t, id)
);

-- An organization's name for a user: its own external id for the member, else the global one (rule 54).
CREATE FUNCTION oracle.id_of(user_id uuid, organization uuid) RETURNS text STABLE LANGUAGE sql AS $$
  SELECT coalesce((SELECT m.external_id FROM tenancy.organization_members m WHERE m.user_id = u.user_id AND m.organization_id = id_of.organization), u.external_id)
  FROM tenancy.users u WHERE u.user_id = id_of.user_id
$$;

-- The value that stands for an entity in a column of this type; NULL if there is none (decision 11).
CREATE FUNCTION oracle.named(type text, id uuid, external_id text) RETURNS text IMMUTABLE LANGUAGE sql AS $$
  SELECT CASE
    WHEN type = 'uuid' THEN id::text
    WHEN type = 'text' THEN external_id
    WHEN type = 'varchar(12)' THEN CASE WHEN length(external_id) <= 12 THEN external_id END
    WHEN NOT external_id ~ '^(0|-?[1-9][0-9]{0,18})$' THEN NULL
    WHEN type = 'bigint' AND external_id::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 THEN external_id
    WHEN type = 'integer' AND external_id::numeric BETWEEN -2147483648 AND 2147483647 THEN external_id
  END COLLATE "C"
$$;
