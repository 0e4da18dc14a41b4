-- The ways to keep tenants apart that are compared, each as its advocates write it at its best, on one and the same
-- table: use_alternative() changes the policies, nothing else.

CREATE FUNCTION app.setting(name text) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE RETURN nullif(current_setting(name, true), '')::uuid;

CREATE FUNCTION app.list_setting(name text) RETURNS uuid[]
LANGUAGE sql STABLE PARALLEL SAFE RETURN nullif(current_setting(name, true), '')::uuid[];

CREATE FUNCTION app.principal() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE RETURN nullif(current_setting('app.principal', true), '')::uuid;

CREATE FUNCTION app.may_see(workspace uuid, owner uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = app AS $$
BEGIN
  RETURN EXISTS (SELECT FROM app.members m
                 WHERE m.principal_id = app.principal() AND m.workspace_id = workspace
                   AND (m.all_rows OR m.principal_id = owner));
END
$$;

CREATE FUNCTION app.workspaces(with_all_rows boolean) RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = app AS $$
  SELECT coalesce(array_agg(m.workspace_id), '{}') FROM app.members m
  WHERE m.principal_id = app.principal() AND m.all_rows = with_all_rows
$$;

CREATE TABLE bench.alternatives (
  position integer PRIMARY KEY,
  alternative text NOT NULL UNIQUE,
  meaning text NOT NULL,
  policy text  -- NULL: none that is written by hand
);
INSERT INTO bench.alternatives VALUES
  (1, 'hand-written', 'no row security; the filter with constants in the query''s own WHERE: the floor', NULL),
  (2, 'pg_tenancy', 'tenancy.protect()', NULL),
  (3, 'settings', 'policy made for this one kind of principal, comparing columns with current_setting()', NULL),
  (4, 'wrapped settings', 'the same, each current_setting() wrapped in a sub-select: column = (SELECT …)', NULL),
  (5, 'array', 'policy with wrapped arrays: column = ANY ((SELECT workspaces())::uuid[])',
   'workspace_id = ANY ((SELECT app.workspaces(true))::uuid[])
    OR (workspace_id = ANY ((SELECT app.workspaces(false))::uuid[]) AND user_id = (SELECT app.principal()))'),
  (6, 'sub-select', 'policy with a sub-select of memberships: column IN (SELECT …)',
   'workspace_id IN (SELECT m.workspace_id FROM app.members m
                     WHERE m.principal_id = (SELECT app.principal()) AND m.all_rows)
    OR (user_id = (SELECT app.principal())
        AND workspace_id IN (SELECT m.workspace_id FROM app.members m
                             WHERE m.principal_id = (SELECT app.principal())))'),
  (7, 'function', 'policy with a boolean function of the row (PL/pgSQL)', 'app.may_see(workspace_id, user_id)');
GRANT SELECT ON bench.alternatives TO bench_app;

-- The settings app.workspace and so on are made by bench.become().
CREATE FUNCTION bench.settings_policy(principal text) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT CASE
    WHEN p.organization_id IS NOT NULL THEN 'organization_id = app.setting(''app.organization'')'
    WHEN p.all_of <> '{}' AND p.own_in <> '{}' THEN
      'workspace_id = ANY (app.list_setting(''app.all_of_workspaces''))
       OR (workspace_id = ANY (app.list_setting(''app.workspaces'')) AND user_id = app.principal())'
    WHEN p.own_in <> '{}' THEN 'workspace_id = app.setting(''app.workspace'') AND user_id = app.principal()'
    ELSE 'workspace_id = app.setting(''app.workspace'')' END
  FROM bench.principals p WHERE p.principal = settings_policy.principal
$$;

CREATE FUNCTION bench.use_alternative(alternative text, principal text, relation regclass DEFAULT 'app.logs') RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  policy text := (SELECT a.policy FROM bench.alternatives a WHERE a.alternative = use_alternative.alternative);
BEGIN
  IF EXISTS (SELECT FROM tenancy.protected_tables t WHERE t.relation = use_alternative.relation) THEN
    PERFORM tenancy.unprotect(relation);
  END IF;
  EXECUTE format('DROP POLICY IF EXISTS by_hand ON %s', relation);
  EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', relation);
  IF alternative LIKE '%settings' THEN
    policy := bench.settings_policy(principal);
  END IF;
  IF alternative = 'wrapped settings' THEN
    policy := regexp_replace(policy, 'app\.(setting\([^)]*\)|principal\(\))', '(SELECT app.\1)', 'g');
    -- A sub-select would be a set of rows to compare with, if its type were not said.
    policy := regexp_replace(policy, 'app\.list_setting\([^)]*\)', '(SELECT \&)::uuid[]', 'g');
  END IF;
  IF alternative = 'pg_tenancy' THEN
    PERFORM tenancy.protect(relation, 'logs', 'organization_id', 'workspace_id', 'user_id', 'api_key_id');
  ELSIF policy IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('CREATE POLICY by_hand ON %s FOR SELECT USING (%s)', relation, policy);
  END IF;
END
$$;

-- Tells the session who it is, in the way that the alternative understands.
CREATE FUNCTION bench.become(alternative text, principal text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  p bench.principals;
BEGIN
  SELECT * INTO p FROM bench.principals b WHERE b.principal = become.principal;
  PERFORM set_config(s, '', false)
  FROM unnest(ARRAY['tenancy.user', 'tenancy.api_key', 'app.principal', 'app.organization', 'app.workspace',
                    'app.workspaces', 'app.all_of_workspaces']) s;
  IF alternative = 'pg_tenancy' THEN
    PERFORM set_config(p.tenancy_setting, p.tenancy_value, false);
  ELSIF principal <> 'nobody' THEN
    PERFORM set_config('app.principal', p.principal_id, false),
            set_config('app.organization', coalesce(p.organization_id::text, ''), false),
            set_config('app.workspace', coalesce((p.own_in || p.all_of)[1]::text, ''), false),
            set_config('app.workspaces', p.own_in::text, false),
            set_config('app.all_of_workspaces', p.all_of::text, false);
  END IF;
END
$$;
