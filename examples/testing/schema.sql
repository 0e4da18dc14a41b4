-- The database under test: put your own migrations here.
CREATE EXTENSION pg_tenancy_testing CASCADE;   -- brings pg_tenancy and pgtap along

CREATE TABLE models (
  model text PRIMARY KEY,
  context_length integer NOT NULL
);
GRANT SELECT ON models TO PUBLIC;   -- the same for all tenants

CREATE TABLE requests (
  request_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id uuid NOT NULL,
  workspace_id uuid NOT NULL,
  user_id uuid,
  api_key_id uuid,
  model text NOT NULL REFERENCES models
);
CREATE INDEX ON requests (organization_id);
CREATE INDEX ON requests (workspace_id);

SELECT tenancy.protect('requests', 'logs', organization => 'organization_id', workspace => 'workspace_id',
                       owner => 'user_id', api_key => 'api_key_id');
