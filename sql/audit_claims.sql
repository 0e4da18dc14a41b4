-- What the session claims of its request: in each audit entry, cut and without control characters; the log in the shape of OCSF;
-- the channel that is notified of entries, which only the DBA chooses (test/tap/audit_channel.pl).
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\pset format unaligned
SET SESSION AUTHORIZATION regress_app;
SET tenancy.request_id = '4bf92f3577b34da6';
SET tenancy.user_agent = E'curl/8\nfake line \u0085\u007f end';
SHOW tenancy.user_agent;
CALL become('olivia');
SELECT tenancy.create_workspace(NULL, 'Claimed') IS NOT NULL AS made;
SELECT actor, action, outcome, request_id, user_agent FROM tenancy.audit_log WHERE resource_type = 'workspace' ORDER BY audit_id DESC LIMIT 1;
SELECT set_config('tenancy.user_agent', repeat('é', 300), false) = repeat('é', 200) AS cut;
SET tenancy.user_agent = '';
RESET tenancy.request_id;
SELECT tenancy.create_workspace(NULL, 'Unclaimed') IS NOT NULL AS made;
SELECT outcome, request_id, user_agent FROM tenancy.audit_log WHERE resource_type = 'workspace' ORDER BY audit_id DESC LIMIT 1;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
-- Changing a claim breaks the chain as any other change does.
SELECT count(*) AS broken FROM tenancy.verify_audit_log();
BEGIN;
ALTER TABLE tenancy.audit_log DISABLE TRIGGER guard;
UPDATE tenancy.audit_log SET request_id = NULL WHERE request_id = '4bf92f3577b34da6';
ALTER TABLE tenancy.audit_log ENABLE ALWAYS TRIGGER guard;
SELECT problem FROM tenancy.verify_audit_log();
ROLLBACK;
-- A DBA's own entry says nothing else than what happened.
BEGIN;
INSERT INTO tenancy.audit_log (action, resource_type, outcome, chain_id, request_id, actor, actor_kind, login, at, entry_hash)
VALUES ('note', 'test', 'denied', gen_random_uuid(), 'forged', 'gus', 'user', 'x', '2001-01-01', '\x00');
SELECT outcome, chain_id, request_id, actor_kind, at > '2020-01-01' AS at_is_now FROM tenancy.audit_log WHERE resource_type = 'test';
ROLLBACK;
-- OCSF
SET SESSION AUTHORIZATION regress_app;
CALL become('olivia');
SELECT event ->> 'class_uid' AS class, event ->> 'type_uid' AS type, event ->> 'activity_name' AS activity, event ->> 'status' AS status,
       event #>> '{actor,user,name}' AS actor, event #>> '{entity,type}' AS entity, event #>> '{http_request,uid}' AS request
FROM tenancy.audit_log_ocsf WHERE event #>> '{http_request,uid}' = '4bf92f3577b34da6';
SELECT (SELECT count(*) FROM tenancy.audit_log_ocsf) = (SELECT count(*) FROM tenancy.audit_log) AS as_many;
CALL become('mike');
SELECT count(*) FROM tenancy.audit_log_ocsf;
CALL become('nobody');
RESET SESSION AUTHORIZATION;
SELECT DISTINCT key FROM tenancy.audit_log_ocsf, jsonb_object_keys(event) key ORDER BY key;
-- The channel. Without preloading there is nobody to notify it, and nothing else is different.
SELECT set_config('tenancy.audit_channel', repeat('x', 64), false);
SELECT set_config('tenancy.audit_channel', repeat('x', 63), false) = repeat('x', 63) AS longest;
SET tenancy.audit_channel = 'audit';
LISTEN audit;
UPDATE tenancy.workspaces SET name = name || '!';
SET SESSION AUTHORIZATION regress_app;
SET tenancy.audit_channel = 'mine';
RESET SESSION AUTHORIZATION;
RESET tenancy.audit_channel;
UNLISTEN audit;
