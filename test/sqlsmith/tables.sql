-- One who may see a few rows of some tables, and canaries in all others: rows of another organization, of another
-- workspace, of another user in the same workspace.
--
-- Expects psql variables smith and bypass: logins, of which the first gets bound to that user and the second is filtered
-- by nothing.

CREATE EXTENSION pg_tenancy;

SELECT * FROM tenancy.create_organization('Acme', 'olivia@acme.example', external_id => '1') \gset acme_
SELECT * FROM tenancy.create_organization('Globex canary', 'canary@globex.example', external_id => '2') \gset globex_
SELECT tenancy.create_workspace('acme', 'Search') AS search_id \gset
SELECT tenancy.create_workspace('acme', 'Canary') AS support_id \gset
SELECT tenancy.create_user('smith@acme.example', 'Smith') AS smith_id \gset
SELECT tenancy.create_user('wary@acme.example', 'Wary') AS wary_id \gset
SELECT tenancy.set_organization_role('acme', member, 'member') FROM unnest(ARRAY['smith@acme.example', 'wary@acme.example']) member;
SELECT tenancy.set_workspace_role('acme/search', member, 'member') FROM unnest(ARRAY['smith@acme.example', 'wary@acme.example']) member;
SELECT tenancy.set_setting('acme', 'members_view_all_data', false);
SELECT tenancy.bind_login(:'smith', 'smith@acme.example');

-- The owners of rows. Only the first are Smith's.
CREATE TABLE people AS
SELECT * FROM (VALUES ('mine', :'acme_organization_id'::uuid, :'search_id'::uuid, :'smith_id'::uuid),
  ('canary wary', :'acme_organization_id', :'search_id', :'wary_id'), ('canary nobody', :'acme_organization_id', :'search_id', NULL),
  ('canary support', :'acme_organization_id', :'support_id', :'smith_id'), ('canary globex', :'globex_organization_id', :'globex_workspace_id', :'smith_id')) p (who, o, w, u);

CREATE TABLE logs (id int, at timestamptz, model text, cost numeric, request jsonb, secret text, organization_id uuid, workspace_id uuid, user_id uuid);
CREATE TABLE prompts (id int PRIMARY KEY, name text, body text, secret text, is_public boolean, workspace_id uuid, user_id uuid);
CREATE TABLE traces (id int, span text, took float8, secret text, organization_id uuid, workspace_id uuid, user_id uuid) PARTITION BY HASH (workspace_id);
CREATE TABLE traces_0 PARTITION OF traces FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE traces_1 PARTITION OF traces FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO logs SELECT i, '2026-01-01'::timestamptz + i * interval '1 hour', 'model ' || i % 3 || who, i * 0.01, jsonb_build_object('prompt', who), who, o, w, u
FROM people, generate_series(1, 20) i;
INSERT INTO prompts SELECT row_number() OVER (), who || i, who, who, i % 2 = 0, w, u FROM people, generate_series(1, 10) i;
INSERT INTO traces SELECT i, who, i / 7.0, who, o, w, u FROM people, generate_series(1, 20) i;
DROP TABLE people;
CREATE INDEX ON logs (organization_id, at);
CREATE INDEX ON logs (workspace_id, at);
CREATE INDEX ON logs (secret);
CREATE INDEX ON prompts (workspace_id, user_id);
CREATE INDEX ON logs (cost);
CREATE INDEX ON logs (workspace_id, user_id, cost);
CREATE INDEX ON logs USING gin (request);
CREATE INDEX ON prompts (workspace_id, user_id, body text_pattern_ops);
CREATE INDEX ON traces (organization_id);
CREATE INDEX ON traces (workspace_id, user_id);
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id');
-- Of prompts, too, Smith is to see own rows only.
SELECT tenancy.register_permission('documents', p.action, p.action || ' documents', data_visibility => true) FROM tenancy.permissions p WHERE p.resource = 'prompts';
INSERT INTO tenancy.grants (role_id, resource, action)
SELECT g.role_id, 'documents', g.action FROM tenancy.grants g WHERE g.resource = 'prompts' AND g.organization_id IS NULL ON CONFLICT DO NOTHING;
SELECT tenancy.protect('prompts', 'documents', workspace => 'workspace_id', owner => 'user_id');
SELECT tenancy.protect('traces', 'traces', organization => 'organization_id', workspace => 'workspace_id', owner => 'user_id');
CREATE VIEW recent_logs WITH (security_invoker) AS SELECT id, at, model, secret FROM logs WHERE id < 15;
GRANT SELECT, INSERT, UPDATE, DELETE ON logs, prompts, traces, traces_0, traces_1, recent_logs TO :smith, :bypass;
ANALYZE;

-- Witnesses: functions and operators such as any user can make, cheap and not leakproof, that tell when they see a canary.
-- There are so many of them for the sake of the program that picks functions at random.
CREATE FUNCTION witness(text) RETURNS text IMMUTABLE PARALLEL SAFE COST 0.0001 LANGUAGE plpgsql AS $$
BEGIN
  IF $1 LIKE '%canary%' THEN
    RAISE EXCEPTION 'a witness saw "%"', $1;
  END IF;
  RETURN $1;
END
$$;
CREATE FUNCTION compared_by_witness(text, text) RETURNS boolean IMMUTABLE PARALLEL SAFE COST 0.0001 LANGUAGE plpgsql AS $$
BEGIN
  RETURN witness($1) <> witness($2);
END
$$;
DO $$
BEGIN
  FOR i IN 1..150 LOOP
    EXECUTE format('CREATE FUNCTION witness_%s(text) RETURNS text IMMUTABLE PARALLEL SAFE COST 0.0001 LANGUAGE plpgsql AS ''BEGIN RETURN witness($1); END''', i);
    -- its number, in signs that an operator's name may have
    EXECUTE format('CREATE OPERATOR <#%s#> (LEFTARG = text, RIGHTARG = text, FUNCTION = compared_by_witness)',
                   translate(to_char(i, 'FM000'), '0123456789', '<>=~!@#%^&'));
  END LOOP;
END
$$;
