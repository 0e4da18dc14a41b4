-- Answers that a session gets: its principal, its visible rows, its permissions, and the rows that it may write.
SELECT kind, source, organization, workspace, email FROM tenancy.whoami();
SELECT 'logs', string_agg(id::text, ' ' ORDER BY id) FROM logs
UNION ALL SELECT 'events', string_agg(id::text, ' ' ORDER BY id) FROM events
UNION ALL SELECT 'documents', string_agg(id::text, ' ' ORDER BY id) FROM documents
UNION ALL SELECT 'view', string_agg(concat(id, body), ' ' ORDER BY id) FROM log_entries;
SELECT tenancy.explain_rows('logs'), tenancy.explain_rows('events'), tenancy.explain_rows('documents');
SELECT count(*), md5(string_agg(p::text, E'\n' ORDER BY p::text COLLATE "C")) FROM tenancy.permissions() p;
BEGIN;
INSERT INTO logs (id, organization_id, workspace_id) VALUES (4, :'acme', :'search') RETURNING 'wrote to acme';
ROLLBACK;
BEGIN;
INSERT INTO logs (id, organization_id, workspace_id) VALUES (4, :'globex', :'elsewhere') RETURNING 'wrote to globex';
ROLLBACK;
