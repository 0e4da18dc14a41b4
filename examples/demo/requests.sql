-- An ordinary table, then one call to protect it. Who may connect gets ordinary privileges.

CREATE TABLE requests (
  request_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT now(),
  organization_id uuid NOT NULL,
  workspace_id uuid NOT NULL,
  user_id uuid,
  api_key_id uuid,
  model text NOT NULL,
  context_tokens integer NOT NULL,
  generated_tokens integer NOT NULL
);
CREATE INDEX ON requests (organization_id, created_at);
CREATE INDEX ON requests (workspace_id, created_at);
CREATE INDEX ON requests (workspace_id, user_id, created_at);

SELECT tenancy.protect('requests', 'logs', organization => 'organization_id', workspace => 'workspace_id',
                       owner => 'user_id', api_key => 'api_key_id');

GRANT SELECT, INSERT ON requests TO olivia, console, app;
