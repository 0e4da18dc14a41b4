-- The oracle itself, on a small world whose answers were worked out by hand from the access model. Leaves nothing behind.

BEGIN;

CREATE FUNCTION oracle.expect(asked text, answer anyelement, expected anyelement) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF answer IS DISTINCT FROM expected THEN
    RAISE EXCEPTION 'oracle: %: expected %, got %', asked, coalesce(expected::text, 'NULL'), coalesce(answer::text, 'NULL');
  END IF;
END
$$;

-- Readable ids: a name, spelt in hexadecimal digits by md5.
CREATE FUNCTION oracle.id(name text) RETURNS uuid LANGUAGE sql AS 'SELECT md5(name)::uuid';

CREATE FUNCTION oracle.role(level text, name text) RETURNS uuid LANGUAGE sql AS $$
  SELECT r.role_id FROM tenancy.roles r WHERE r.level = role.level AND r.name = role.name
$$;

-- acme with workspaces a1 and a2, globex with g1.
INSERT INTO tenancy.organizations (organization_id, slug, name, external_id) VALUES
  (oracle.id('acme'), 'acme', 'Acme', '1'), (oracle.id('globex'), 'globex', 'Globex', '01');
INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name, external_id, is_default) VALUES
  (oracle.id('a1'), oracle.id('acme'), 'a1', 'A1', '11', true), (oracle.id('a2'), oracle.id('acme'), 'a2', 'A2', '12', false),
  (oracle.id('g1'), oracle.id('globex'), 'g1', 'G1', '13', true);
INSERT INTO tenancy.roles (role_id, organization_id, level, name, all_workspaces) VALUES
  (oracle.id('auditor'), oracle.id('acme'), 'organization', 'auditor', true),
  (oracle.id('clerk'), oracle.id('acme'), 'organization', 'clerk', false),
  (oracle.id('analyst'), oracle.id('acme'), 'workspace', 'analyst', false);
INSERT INTO tenancy.grants (role_id, organization_id, resource, action) VALUES
  (oracle.id('auditor'), oracle.id('acme'), 'logs', 'view'),
  (oracle.id('clerk'), oracle.id('acme'), 'logs', 'view'), (oracle.id('clerk'), oracle.id('acme'), 'billing', 'manage'),
  (oracle.id('analyst'), oracle.id('acme'), 'logs', 'view');
-- Mia manages a1 and is a member of a2; Max is a member of a1.
INSERT INTO tenancy.users (user_id, email, external_id)
SELECT oracle.id(name), name || '@example.com', name
FROM unnest(ARRAY['olga', 'adam', 'mia', 'max', 'audrey', 'clara', 'anna']) name;
INSERT INTO tenancy.organization_members (organization_id, user_id, role_id) VALUES
  (oracle.id('acme'), oracle.id('olga'), oracle.role('organization', 'owner')),
  (oracle.id('acme'), oracle.id('adam'), oracle.role('organization', 'admin')),
  (oracle.id('acme'), oracle.id('mia'), oracle.role('organization', 'member')),
  (oracle.id('acme'), oracle.id('max'), oracle.role('organization', 'member')),
  (oracle.id('acme'), oracle.id('audrey'), oracle.id('auditor')),
  (oracle.id('acme'), oracle.id('clara'), oracle.id('clerk')),
  (oracle.id('acme'), oracle.id('anna'), oracle.role('organization', 'member'));
INSERT INTO tenancy.workspace_members (workspace_id, user_id, organization_id, role_id) VALUES
  (oracle.id('a1'), oracle.id('mia'), oracle.id('acme'), oracle.role('workspace', 'manager')),
  (oracle.id('a2'), oracle.id('mia'), oracle.id('acme'), oracle.role('workspace', 'member')),
  (oracle.id('a1'), oracle.id('max'), oracle.id('acme'), oracle.role('workspace', 'member')),
  (oracle.id('a1'), oracle.id('anna'), oracle.id('acme'), oracle.id('analyst'));
INSERT INTO tenancy.api_keys (api_key_id, kind, name, organization_id, workspace_id, user_id, external_id) VALUES
  (oracle.id('key acme'), 'organization_service_key', 'acme', oracle.id('acme'), NULL, NULL, 'ka'),
  (oracle.id('key a1'), 'workspace_service_key', 'a1', oracle.id('acme'), oracle.id('a1'), NULL, 'k1'),
  (oracle.id('key max'), 'workspace_user_key', 'max', oracle.id('acme'), oracle.id('a1'), oracle.id('max'), NULL);
INSERT INTO tenancy.api_key_scopes (api_key_id, resource, action) VALUES
  (oracle.id('key acme'), 'logs', 'view'), (oracle.id('key a1'), 'logs', 'view'), (oracle.id('key a1'), 'logs', 'write'),
  (oracle.id('key max'), 'logs', 'view'), (oracle.id('key max'), 'logs', 'write'), (oracle.id('key max'), 'prompts', 'delete'),
  (oracle.id('key max'), 'api_keys', 'create');

-- Two tokens for a1, one with its scopes in a text, one with a list.
INSERT INTO oracle.tokens VALUES
  (1, oracle.id('acme'), oracle.id('a1'), '{"scope": "logs.view  portkey.logs.write logs.fly", "sub": "prompts.view"}'),
  (2, oracle.id('acme'), oracle.id('a1'), '{"scopes": ["portkey.prompts.delete", "prompts.update", "logs.view logs.list"]}'),
  (3, oracle.id('acme'), oracle.id('a1'), '{"scopes": ["completions.write", "portkey.configs.read", "prompts.enabled"]}');

INSERT INTO oracle.principals (n, kind, organization_id, user_id, api_key_id, narrowed) VALUES
  (1, 'user', oracle.id('acme'), oracle.id('olga'), NULL, NULL),
  (2, 'user', oracle.id('acme'), oracle.id('adam'), NULL, NULL),
  (3, 'user', oracle.id('acme'), oracle.id('mia'), NULL, NULL),
  (4, 'user', oracle.id('acme'), oracle.id('max'), NULL, NULL),
  (5, 'user', oracle.id('acme'), oracle.id('audrey'), NULL, NULL),
  (6, 'user', oracle.id('acme'), oracle.id('clara'), NULL, NULL),
  (7, 'user', oracle.id('acme'), oracle.id('anna'), NULL, NULL),
  (8, 'organization_service_key', oracle.id('acme'), NULL, oracle.id('key acme'), NULL),
  (9, 'workspace_service_key', oracle.id('acme'), NULL, oracle.id('key a1'), NULL),
  (10, 'workspace_user_key', oracle.id('acme'), oracle.id('max'), oracle.id('key max'), NULL),
  (11, 'anonymous', NULL, NULL, NULL, NULL),
  (12, 'user', oracle.id('acme'), oracle.id('olga'), NULL, oracle.id('a1'));
INSERT INTO oracle.principals (n, kind, organization_id, token) VALUES
  (13, 'jwt', oracle.id('acme'), 1), (14, 'jwt', oracle.id('acme'), 2), (15, 'jwt', oracle.id('acme'), 3);

CREATE FUNCTION oracle.who(name text) RETURNS int LANGUAGE sql AS $$
  SELECT array_position(ARRAY['olga', 'adam', 'mia', 'max', 'audrey', 'clara', 'anna', 'key acme', 'key a1', 'key max', 'nobody', 'olga in a1', 'token', 'token 2', 'token 3'], name)
$$;

-- Rows 1 to 9 of a table of logs with all four columns as uuids (table 1), and of the same with the organization, (2),
-- or the workspace (3) alone, which knows the key and not the owner.
INSERT INTO oracle.relations (t, resource, payload, organization_type, workspace_type, owner_type, api_key_type) VALUES
  (1, 'logs', NULL, 'uuid', 'uuid', 'uuid', 'uuid'), (2, 'logs', NULL, 'bigint', NULL, 'text', NULL), (3, 'logs', NULL, NULL, 'text', NULL, 'uuid'),
  (4, 'prompts', NULL, 'uuid', 'uuid', 'uuid', NULL);
INSERT INTO oracle.rows (t, id, organization, workspace, owner, api_key)
SELECT 1, v.id, oracle.id(v.organization), oracle.id(v.workspace), oracle.id(v.owner), oracle.id(v.key)
FROM (VALUES
  (1, 'acme', 'a1', 'max', NULL), (2, 'acme', 'a1', 'mia', NULL), (3, 'acme', 'a2', 'mia', NULL), (4, 'acme', 'a2', NULL, 'key max'),
  (5, 'acme', NULL, 'max', NULL), (6, 'globex', 'g1', 'max', NULL), (7, NULL, 'a1', 'max', NULL), (8, 'acme', 'unknown', 'mia', NULL),
  (9, NULL, NULL, 'max', NULL)) v (id, organization, workspace, owner, key);
INSERT INTO oracle.rows (t, id, organization, owner) VALUES
  (2, 1, '1', 'max'), (2, 2, '1', 'mia'), (2, 3, '1', NULL), (2, 4, '2', 'max'), (2, 5, NULL, 'max');
INSERT INTO oracle.rows (t, id, workspace, api_key) VALUES
  (3, 1, '11', oracle.id('key max')), (3, 2, '11', NULL), (3, 3, '12', NULL), (3, 4, '13', NULL), (3, 5, NULL, oracle.id('key max')), (3, 6, ' 11', NULL);
INSERT INTO oracle.rows (t, id, organization, workspace, owner)
SELECT 4, r.id, r.organization, r.workspace, r.owner FROM oracle.rows r WHERE r.t = 1 AND r.id <= 3;

CREATE FUNCTION oracle.ids(name text, t int, purpose text) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(string_agg(a.id || CASE WHEN a.answer IS NULL THEN '?' ELSE '' END, ' ' ORDER BY a.id) FILTER (WHERE a.answer IS NOT false), '')
  FROM oracle.answers a WHERE a.n = oracle.who(name) AND a.t = ids.t AND a.purpose = ids.purpose
$$;

CREATE FUNCTION oracle.expect_rights(cases text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM oracle.expect(format('%s %s in %s', c[1], c[2], c[3]),
      coalesce(oracle.holds(oracle.who(c[1]), split_part(c[2], '.', 1), split_part(c[2], '.', 2),
                            CASE WHEN c[3] <> '-' THEN oracle.id(c[3]) END), 'no'), c[4])
  FROM (SELECT ARRAY[cases[i][1], cases[i][2], cases[i][3], cases[i][4]] AS c
        FROM generate_subscripts(cases, 1) i) lines;
END
$$;

CREATE FUNCTION oracle.expect_rows(t int, purpose text, cases text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM oracle.expect(format('%s, table %s, %s', cases[i][1], t, purpose), oracle.ids(cases[i][1], t, purpose), cases[i][2])
  FROM generate_subscripts(cases, 1) i;
END
$$;

-- The matrix as it comes.
SELECT oracle.answer();
SELECT oracle.expect_rights(ARRAY[
  ['olga', 'logs.view', 'a1', 'all'], ['olga', 'logs.view', 'g1', 'no'], ['olga', 'logs.view', '-', 'all'], ['olga', 'billing.manage', '-', 'all'],
  ['olga', 'billing.manage', 'a1', 'no'], ['olga', 'audit_logs.list', 'a1', 'no'], ['olga', 'audit_logs.list', '-', 'all'],
  ['adam', 'logs.view', 'a2', 'all'], ['adam', 'billing.manage', '-', 'no'],
  ['mia', 'logs.view', 'a1', 'all'], ['mia', 'prompts.delete', 'a1', 'all'], ['mia', 'prompts.delete', 'a2', 'no'], ['mia', 'prompts.create', 'a2', 'all'],
  ['mia', 'prompts.delete', '-', 'no'], ['mia', 'prompts.create', '-', 'all'],
  ['max', 'logs.view', 'a1', 'all'], ['max', 'logs.view', 'a2', 'no'], ['max', 'logs.view', '-', 'all'], ['max', 'logs.write', 'a1', 'no'],
  ['audrey', 'logs.view', 'a2', 'all'], ['audrey', 'logs.view', '-', 'all'], ['audrey', 'logs.list', 'a2', 'no'],
  ['clara', 'logs.view', 'a1', 'no'], ['clara', 'logs.view', '-', 'all'], ['clara', 'billing.manage', '-', 'all'],
  ['anna', 'logs.view', 'a1', 'all'], ['anna', 'traces.view', 'a1', 'no'],
  ['key acme', 'logs.view', 'a2', 'all'], ['key acme', 'logs.view', '-', 'all'], ['key acme', 'logs.list', 'a2', 'no'], ['key acme', 'logs.view', 'g1', 'no'],
  ['key a1', 'logs.view', 'a1', 'all'], ['key a1', 'logs.view', 'a2', 'no'], ['key a1', 'logs.view', '-', 'no'],
  ['key max', 'logs.view', 'a1', 'all'], ['key max', 'logs.write', 'a1', 'own'], ['key max', 'prompts.delete', 'a1', 'no'], ['key max', 'api_keys.create', 'a1', 'no'],
  ['token', 'logs.view', 'a1', 'all'], ['token', 'logs.write', 'a1', 'all'], ['token', 'logs.list', 'a1', 'no'], ['token', 'prompts.view', 'a1', 'no'],
  ['token', 'logs.view', 'a2', 'no'], ['token', 'logs.view', '-', 'no'], ['token 2', 'prompts.delete', 'a1', 'all'], ['token 2', 'logs.view', 'a1', 'no'],
  ['token 3', 'completions.write', 'a1', 'all'], ['token 3', 'logs.write', 'a1', 'all'], ['token 3', 'logs.view', 'a1', 'no'], ['token 3', 'configs.view', 'a1', 'all'],
  ['token 3', 'configs.create', 'a1', 'no'], ['token 3', 'prompts.view', 'a1', 'no'], ['token 3', 'logs.write', 'a2', 'no'],
  ['nobody', 'logs.view', 'a1', 'no'], ['nobody', 'logs.view', '-', 'no'],
  ['olga in a1', 'logs.view', 'a1', 'all'], ['olga in a1', 'logs.view', 'a2', 'no'], ['olga in a1', 'logs.view', '-', 'no']]);
SELECT oracle.expect_rows(1, 'read', ARRAY[
  ['olga', '1 2 3 4 5 8'], ['adam', '1 2 3 4 5 8'], ['mia', '1 2 3 4 7'], ['max', '1 2 7'], ['audrey', '1 2 3 4 8'], ['clara', ''],
  ['anna', '1 2 7'], ['key acme', '1 2 3 4 5 8'], ['key a1', '1 2 7'], ['key max', '1 2 7'], ['nobody', ''], ['olga in a1', '1 2 7'],
  ['token', '1 2 7'], ['token 2', '']]);
SELECT oracle.expect_rows(2, 'read', ARRAY[
  ['olga', '1 2 3'], ['mia', '1 2 3'], ['max', '1 2 3'], ['audrey', '1 2 3'], ['clara', '1 2 3'], ['key acme', '1 2 3'],
  ['key a1', ''], ['key max', ''], ['nobody', ''], ['olga in a1', '']]);
SELECT oracle.expect_rows(3, 'read', ARRAY[
  ['olga', '1 2 3'], ['mia', '1 2 3'], ['max', '1 2'], ['clara', ''], ['key acme', '1 2 3'], ['key a1', '1 2'], ['nobody', '']]);
SELECT oracle.expect_rows(1, 'update', ARRAY[['olga', ''], ['mia', ''], ['key acme', '']]);
SELECT oracle.expect_rows(4, 'update', ARRAY[['olga', '1 2 3'], ['mia', '1 2 3'], ['max', '1 2'], ['key acme', ''], ['audrey', ''], ['token', ''], ['token 2', '1 2']]);
SELECT oracle.expect_rows(4, 'delete', ARRAY[['olga', '1 2 3'], ['mia', '1 2'], ['max', ''], ['key max', ''], ['token', ''], ['token 2', '1 2']]);
-- Inserted rows: attributed to the writer. Max's key has no external id, Max has one.
INSERT INTO oracle.relations (t, resource, organization_type, workspace_type, owner_type, api_key_type) VALUES
  (5, 'logs', 'uuid', 'uuid', 'text', 'uuid'), (6, 'prompts', 'uuid', NULL, 'uuid', NULL), (7, 'prompts', NULL, 'uuid', NULL, NULL);
INSERT INTO oracle.rows (t, id, only_n, organization, workspace, owner, api_key)
SELECT v.t, v.id, oracle.who(v.who), oracle.id(v.organization), oracle.id(v.workspace),
       CASE WHEN v.t = 5 THEN v.owner ELSE oracle.id(v.owner)::text END, oracle.id(v.key)
FROM (VALUES
  (5, 101, 'key max', 'acme', 'a1', 'max', 'key max'), (5, 102, 'key max', 'acme', 'a2', 'max', 'key max'), (5, 103, 'key max', 'acme', 'a1', 'mia', 'key max'),
  (5, 104, 'key max', 'acme', 'a1', 'max', NULL), (5, 105, 'key max', NULL, 'a1', 'max', 'key max'), (5, 106, 'key max', 'acme', 'a1', NULL, 'key max'),
  (5, 107, 'key max', 'globex', 'a1', 'max', 'key max'), (5, 108, 'key max', 'acme', NULL, 'max', 'key max'),
  (5, 111, 'key a1', 'acme', 'a1', NULL, 'key a1'), (5, 112, 'key a1', 'acme', 'a1', 'max', 'key a1'), (5, 113, 'key acme', 'acme', 'a1', NULL, 'key acme'),
  (5, 114, 'token', 'acme', 'a1', NULL, NULL), (5, 115, 'token', 'acme', 'a2', NULL, NULL), (5, 116, 'token', 'acme', 'a1', 'max', NULL),
  (5, 117, 'token', 'acme', 'a1', NULL, 'key a1'), (5, 118, 'token 2', 'acme', 'a1', NULL, NULL),
  (5, 121, 'olga', 'acme', 'a2', 'olga', NULL), (5, 122, 'olga', 'acme', NULL, 'olga', NULL), (5, 123, 'olga', 'acme', 'g1', 'olga', NULL),
  (5, 124, 'olga', 'acme', 'a2', 'olga', 'key max'), (5, 125, 'olga', 'acme', 'a2', NULL, NULL), (5, 126, 'max', 'acme', 'a1', 'max', NULL),
  -- for somebody else, who is a member of a2, or isn't
  (5, 127, 'olga', 'acme', 'a2', 'mia', NULL), (5, 128, 'olga', 'acme', 'a2', 'max', NULL), (5, 129, 'mia', 'acme', 'a1', 'max', NULL),
  (6, 131, 'max', 'acme', NULL, 'max', NULL), (6, 132, 'max', 'acme', NULL, 'mia', NULL), (6, 133, 'max', 'globex', NULL, 'max', NULL),
  (6, 134, 'audrey', 'acme', NULL, 'audrey', NULL), (6, 135, 'olga in a1', 'acme', NULL, 'olga', NULL),
  (7, 141, 'max', NULL, 'a1', NULL, NULL), (7, 142, 'max', NULL, 'a2', NULL, NULL), (7, 143, 'olga', NULL, NULL, NULL, NULL),
  (7, 144, 'max', NULL, NULL, NULL, NULL)) v (t, id, who, organization, workspace, owner, key);
SELECT oracle.answer();
SELECT oracle.expect_rows(5, 'insert', ARRAY[
  ['key max', '101 106?'], ['key a1', '111'], ['token', '114'], ['token 2', ''], ['key acme', ''], ['olga', '121 122 127'], ['mia', ''], ['max', '']]);
SELECT oracle.expect_rows(6, 'insert', ARRAY[['max', '131'], ['audrey', ''], ['olga in a1', '']]);
SELECT oracle.expect_rows(7, 'insert', ARRAY[['max', '141'], ['olga', '143?']]);
SELECT oracle.expect_rows(1, 'stay', ARRAY[['olga', ''], ['mia', '']]);
SELECT oracle.expect_rows(4, 'stay', ARRAY[['olga', '1 2 3'], ['mia', '1 2 3'], ['max', '1 2']]);

-- Rows for everybody (5), and rows of which the workspace alone says whose they are (2 to 4).
INSERT INTO oracle.relations (t, resource, organization_type, workspace_type, owner_type, shared, workspace_decides) VALUES
  (8, 'prompts', 'uuid', 'uuid', 'uuid', true, true);
INSERT INTO oracle.rows (t, id, organization, workspace, owner)
SELECT 8, v.id, oracle.id(v.organization), oracle.id(v.workspace), oracle.id(v.owner)
FROM (VALUES (1, 'acme', 'a1', 'max'), (2, NULL, 'a1', 'mia'), (3, NULL, 'a2', 'mia'), (4, NULL, 'g1', 'max'), (5, NULL, NULL, NULL),
  (6, 'acme', NULL, 'mia')) v (id, organization, workspace, owner);
SELECT oracle.answer();
SELECT oracle.expect_rows(8, 'read', ARRAY[
  ['olga', '1 2 3 5 6'], ['mia', '1 2 3 5'], ['max', '1 2 5'], ['anna', '5'], ['audrey', ''], ['key acme', ''], ['token 2', ''],
  ['nobody', ''], ['olga in a1', '1 2 5']]);
SELECT oracle.expect_rows(8, 'update', ARRAY[['olga', '1 2 3 6'], ['mia', '1 2 3'], ['max', '1 2'], ['token 2', '1 2'], ['anna', '']]);
SELECT oracle.expect_rows(8, 'stay', ARRAY[['olga', '1 2 3 6'], ['mia', '1 2 3'], ['max', '1 2'], ['token 2', '1 2'], ['anna', '']]);
DELETE FROM oracle.rows WHERE t = 8;
DELETE FROM oracle.relations WHERE t = 8;

-- Members see their own rows only; a role of one's own does as members do. Nobody else is concerned.
INSERT INTO tenancy.visibility VALUES (oracle.role('workspace', 'member'), oracle.id('acme'), NULL, false);
SELECT oracle.answer();
SELECT oracle.expect_rights(ARRAY[
  ['mia', 'logs.view', 'a1', 'all'], ['mia', 'logs.view', 'a2', 'own'], ['mia', 'logs.view', '-', 'own'], ['max', 'logs.view', 'a1', 'own'],
  ['anna', 'logs.view', 'a1', 'own'], ['audrey', 'logs.view', '-', 'all'], ['clara', 'logs.view', '-', 'own'], ['adam', 'logs.view', '-', 'all'],
  ['key max', 'logs.view', 'a1', 'own'], ['key a1', 'logs.view', 'a1', 'all'],
  -- of nothing but observability data
  ['max', 'prompts.view', 'a1', 'all'], ['max', 'prompts.view', '-', 'all'], ['clara', 'billing.manage', '-', 'all'], ['max', 'traces.view', 'a1', 'own']]);
SELECT oracle.expect_rows(4, 'read', ARRAY[['max', '1 2'], ['mia', '1 2 3']]);
SELECT oracle.expect_rows(1, 'read', ARRAY[
  ['olga', '1 2 3 4 5 8'], ['mia', '1 2 3 7'], ['max', '1 7'], ['anna', ''], ['key a1', '1 2 7'], ['key max', '1 7']]);
SELECT oracle.expect_rows(2, 'read', ARRAY[['olga', '1 2 3'], ['mia', '2'], ['max', '1'], ['clara', ''], ['audrey', '1 2 3']]);
SELECT oracle.expect_rows(3, 'read', ARRAY[['mia', '1 2'], ['max', '1'], ['key max', '1'], ['anna', '']]);

-- A workspace's switch counts only while it is allowed to; a custom role's own one goes first.
INSERT INTO tenancy.visibility VALUES (oracle.role('workspace', 'member'), oracle.id('acme'), oracle.id('a1'), true);
SELECT oracle.answer();
SELECT oracle.expect_rights(ARRAY[['max', 'logs.view', 'a1', 'own'], ['anna', 'logs.view', 'a1', 'own']]);
INSERT INTO tenancy.workspace_overrides VALUES (oracle.id('acme'), 'data_visibility', true);
SELECT oracle.answer();
SELECT oracle.expect_rights(ARRAY[['max', 'logs.view', 'a1', 'all'], ['anna', 'logs.view', 'a1', 'all'], ['mia', 'logs.view', 'a2', 'own']]);
INSERT INTO tenancy.visibility VALUES (oracle.id('analyst'), oracle.id('acme'), NULL, false);
SELECT oracle.answer();
SELECT oracle.expect_rights(ARRAY[['max', 'logs.view', 'a1', 'all'], ['anna', 'logs.view', 'a1', 'own']]);

-- A second role widens the rows only of what it grants itself (decision 1).
UPDATE tenancy.organization_members SET role_id = oracle.id('auditor') WHERE user_id = oracle.id('anna');
SELECT oracle.answer();
SELECT oracle.expect_rights(ARRAY[['anna', 'logs.view', 'a1', 'all']]);
DELETE FROM tenancy.grants WHERE role_id = oracle.id('auditor');
SELECT oracle.answer();
SELECT oracle.expect_rights(ARRAY[['anna', 'logs.view', 'a1', 'own'], ['anna', 'logs.view', 'a2', 'no']]);

-- Overrides: of the organization, of a workspace while it is allowed to; above the owner there is none, above the admin
-- only that of logs, and that of the organization only where it takes something away.
INSERT INTO tenancy.grants (role_id, organization_id, workspace_id, resource, action, allowed) VALUES
  (oracle.role('workspace', 'manager'), oracle.id('acme'), NULL, 'logs', 'view', false),
  (oracle.role('workspace', 'manager'), oracle.id('acme'), oracle.id('a1'), 'logs', 'view', true),
  (oracle.role('organization', 'owner'), oracle.id('acme'), NULL, 'logs', 'view', false),
  (oracle.role('organization', 'admin'), oracle.id('acme'), NULL, 'traces', 'view', false),
  (oracle.role('organization', 'admin'), oracle.id('acme'), oracle.id('a1'), 'logs', 'view', false);
SELECT oracle.answer();
SELECT oracle.expect_rights(ARRAY[
  ['mia', 'logs.view', 'a1', 'no'], ['mia', 'logs.list', 'a1', 'all'], ['olga', 'logs.view', 'a1', 'all'], ['adam', 'traces.view', 'a1', 'all'],
  ['adam', 'logs.view', 'a1', 'all']]);
INSERT INTO tenancy.workspace_overrides VALUES (oracle.id('acme'), 'logs', true);
SELECT oracle.answer();
SELECT oracle.expect_rights(ARRAY[
  ['mia', 'logs.view', 'a1', 'all'], ['adam', 'logs.view', 'a1', 'all'], ['adam', 'logs.view', 'a2', 'all'], ['adam', 'logs.view', '-', 'all']]);
SELECT oracle.expect_rows(1, 'read', ARRAY[['adam', '1 2 3 4 5 8'], ['olga', '1 2 3 4 5 8']]);

-- A user who leaves the workspace, or is deactivated, takes the key's rights along, the right to write included.
UPDATE tenancy.users SET active = false WHERE user_id = oracle.id('max');
SELECT oracle.answer();
SELECT oracle.expect_rights(ARRAY[['key max', 'logs.view', 'a1', 'no'], ['key max', 'logs.write', 'a1', 'no'], ['key a1', 'logs.view', 'a1', 'all']]);

ROLLBACK;
