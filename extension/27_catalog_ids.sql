-- Catalog of the external ids that were ever given. Rows of protected tables keep an id when its holder has another or is gone, so
-- that whoever got it next would get these rows. Ids are noted when they are given, and not when they are taken away: a unique index
-- then decides between concurrent transactions, whatever their snapshots.

CREATE TABLE tenancy.given_external_ids (
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('organization', 'workspace', 'user', 'api_key', 'member', 'id')),
  organization_id uuid CHECK ((organization_id IS NOT NULL) = (kind = 'member')),
  external_id text COLLATE "C" NOT NULL,
  holder uuid NOT NULL,
  CONSTRAINT given_external_ids_key UNIQUE NULLS NOT DISTINCT (kind, external_id, organization_id)
);
ALTER TABLE tenancy.given_external_ids REPLICA IDENTITY FULL;
COMMENT ON TABLE tenancy.given_external_ids IS 'External ids that are or were in use, for good: none is given to another holder. A DBA who knows that no row has an id any more can delete its row';
COMMENT ON COLUMN tenancy.given_external_ids.kind IS 'What the id is of: an organization, workspace, user or API key, a member: the organization''s own id, or else the user''s; or id: an id that was chosen, or is a deleted object''s';
COMMENT ON COLUMN tenancy.given_external_ids.organization_id IS 'The organization whose member it is';
COMMENT ON COLUMN tenancy.given_external_ids.external_id IS 'The external id, or id';
COMMENT ON COLUMN tenancy.given_external_ids.holder IS 'The organization, workspace, user or API key that has or had it';
