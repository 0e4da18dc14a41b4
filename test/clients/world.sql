-- Two organizations with five rows, keys to them, and logins.  Prints the keys, as "NAME SECRET".
--
--   principal  is                                        sees rows
--   acme       the organization's master key             1 3 4
--   mia        a key of a member who sees own rows only  3
--   globex     a service key of another's workspace      2 5
--   bad        a revoked key of Acme                     none: 28000
--   nobody     no key                                    none
--
-- Login "shop" is the application's and has nothing by itself.  The logins named like a principal are for clients that
-- can give no key: each is bound to one.  (A login has no key to revoke; the user of login "bad" is locked out.)
CREATE EXTENSION pg_tenancy;

SELECT * FROM tenancy.create_organization('Acme', 'olivia@acme.example') \gset acme_
SELECT * FROM tenancy.create_organization('Globex', 'gina@globex.example') \gset globex_
SELECT tenancy.create_workspace('acme', 'Assistant') AS assistant \gset
SELECT tenancy.create_workspace('globex', 'Support') AS support \gset
SELECT tenancy.create_user(member || '@acme.example') FROM unnest(ARRAY['mia', 'noah']) member \g /dev/null
SELECT tenancy.set_organization_role('acme', member || '@acme.example', 'member'),
       tenancy.set_workspace_role('acme/assistant', member || '@acme.example', 'member')
FROM unnest(ARRAY['mia', 'noah']) member \g /dev/null
SELECT tenancy.set_setting('acme', 'members_view_all_data', false) \g /dev/null

SELECT * FROM tenancy.create_api_key('workspace_user_key', 'Mia', workspace => 'acme/assistant',
                                     member => 'mia@acme.example', scopes => '["logs.view", "logs.write"]') \gset mia_
SELECT * FROM tenancy.create_api_key('workspace_service_key', 'Support', workspace => 'globex/support',
                                     scopes => '["logs.view", "logs.write"]') \gset support_
SELECT * FROM tenancy.create_api_key('organization_service_key', 'Old', 'acme', scopes => '["logs.view"]') \gset old_
SELECT tenancy.revoke_api_key(:'old_api_key_id') \g /dev/null

CREATE TABLE requests (
  request_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT now(),
  organization_id uuid NOT NULL,
  workspace_id uuid NOT NULL,
  user_id uuid,
  api_key_id uuid,
  model text NOT NULL
);
SELECT tenancy.protect('requests', 'logs', organization => 'organization_id', workspace => 'workspace_id',
                       owner => 'user_id', api_key => 'api_key_id', create_indexes => true) \g /dev/null

CREATE ROLE shop LOGIN PASSWORD :'password';
GRANT SELECT, INSERT ON requests TO shop;
CREATE ROLE acme LOGIN PASSWORD :'password' IN ROLE shop;
CREATE ROLE mia LOGIN PASSWORD :'password' IN ROLE shop;
CREATE ROLE globex LOGIN PASSWORD :'password' IN ROLE shop;
CREATE ROLE bad LOGIN PASSWORD :'password' IN ROLE shop;
CREATE ROLE nobody LOGIN PASSWORD :'password' IN ROLE shop;
SELECT tenancy.bind_login('acme', 'olivia@acme.example'),
       tenancy.bind_login('mia', 'mia@acme.example'),
       tenancy.bind_login('globex', 'gina@globex.example'),
       tenancy.bind_login('bad', 'noah@acme.example') \g /dev/null
UPDATE tenancy.users SET active = false WHERE email = 'noah@acme.example';

-- Written by the principals themselves, so that each row is theirs by what the extension fills in.
SET ROLE shop;
SET tenancy.api_key = :'acme_master_key';
INSERT INTO requests (workspace_id, model) VALUES (:'acme_workspace_id', 'small');
SET tenancy.api_key = :'support_secret';
INSERT INTO requests (model) VALUES ('large');
SET tenancy.api_key = :'mia_secret';
INSERT INTO requests (model) VALUES ('small');
SET tenancy.api_key = :'acme_master_key';
INSERT INTO requests (workspace_id, model) VALUES (:'assistant', 'large');
SET tenancy.api_key = :'support_secret';
INSERT INTO requests (model) VALUES ('small');

\echo acme :acme_master_key
\echo bad :old_secret
\echo mia :mia_secret
\echo globex :support_secret
