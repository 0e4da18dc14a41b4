\set ECHO none
-- A resource of an application's own with the permissions of prompts, and under data visibility as logs are: for own rows
-- that are changed and deleted.
SET client_min_messages = warning;
\o /dev/null
SELECT tenancy.register_permission('documents', p.action, p.action || ' documents', data_visibility => true)
FROM tenancy.permissions p WHERE p.resource = 'prompts';
INSERT INTO tenancy.grants (role_id, resource, action)
SELECT g.role_id, 'documents', g.action FROM tenancy.grants g WHERE g.resource = 'prompts' AND g.organization_id IS NULL
ON CONFLICT DO NOTHING;
INSERT INTO tenancy.api_key_scopes
SELECT s.api_key_id, 'documents', s.action FROM tenancy.api_key_scopes s WHERE s.resource = 'prompts';
\o
RESET client_min_messages;
\set ECHO all
