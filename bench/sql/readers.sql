-- The principals that read, each with the filter that an expert would write for it, and organization "broad", which has
-- 1,000 workspaces: a member of 5 of them and one of all, who in those with even numbers is a manager and sees all rows,
-- in the others its own.

SET session_replication_role = replica;
INSERT INTO tenancy.organizations (organization_id, slug, name) VALUES (bench.wide_organization_id(1), 'broad', 'Broad');
INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name, is_default)
SELECT bench.wide_workspace_id(1, w), bench.wide_organization_id(1), 'broad-' || w, 'Broad ' || w, w = 1
FROM generate_series(1, 1000) w;
INSERT INTO tenancy.users (user_id, email)
SELECT bench.wide_user_id(1, n), format('broad-%s@broad.example', n) FROM unnest(ARRAY[5, 1000]) n;
INSERT INTO tenancy.organization_members (organization_id, user_id, role_id)
SELECT bench.wide_organization_id(1), bench.wide_user_id(1, n), tenancy_internal.find_role(NULL, 'organization', 'member')
FROM unnest(ARRAY[5, 1000]) n;
INSERT INTO tenancy.workspace_members (workspace_id, user_id, organization_id, role_id)
SELECT bench.wide_workspace_id(1, w), bench.wide_user_id(1, n), bench.wide_organization_id(1),
       tenancy_internal.find_role(NULL, 'workspace', CASE w % 2 WHEN 0 THEN 'manager' ELSE 'member' END)
FROM unnest(ARRAY[5, 1000]) n, generate_series(1, n) w;
INSERT INTO tenancy.visibility (role_id, organization_id, all_rows)
VALUES (tenancy_internal.find_role(NULL, 'workspace', 'member'), bench.wide_organization_id(1), false);
RESET session_replication_role;

CREATE TABLE bench.principals (
  position integer PRIMARY KEY,
  principal text NOT NULL UNIQUE,
  meaning text NOT NULL,
  tenancy_setting text NOT NULL,
  tenancy_value text NOT NULL,
  principal_id text NOT NULL,
  organization_id uuid,             -- whose rows it sees all of
  all_of uuid[] NOT NULL,           -- workspaces whose rows it sees all of
  own_in uuid[] NOT NULL,           -- workspaces in which it sees its own
  filter text,
  rows bigint,                      -- how many it sees
  point bigint                      -- the id of one of them
);
GRANT SELECT ON bench.principals TO bench_app;

INSERT INTO bench.principals (position, principal, meaning, tenancy_setting, tenancy_value, principal_id, organization_id, all_of, own_in)
SELECT p.position, p.principal, p.meaning, 'tenancy.user', p.id::text, p.id::text, p.organization_id, p.all_of, p.own_in
FROM (VALUES
  (1, 'restricted member', 'own rows in one workspace', bench.user_id(1, 24), NULL::uuid,
   '{}'::uuid[], ARRAY[bench.workspace_id(1, 1)]),
  (2, 'unrestricted member', 'all rows of one workspace', bench.user_id(1, 27), NULL,
   ARRAY[bench.workspace_id(1, 4)], '{}'),
  (3, 'member of 5', 'all rows of two workspaces, own rows in three', bench.wide_user_id(1, 5), NULL,
   ARRAY(SELECT bench.wide_workspace_id(1, w) FROM generate_series(2, 5, 2) w),
   ARRAY(SELECT bench.wide_workspace_id(1, w) FROM generate_series(1, 5, 2) w)),
  (4, 'member of 1000', 'all rows of 500 workspaces, own rows in 500', bench.wide_user_id(1, 1000), NULL,
   ARRAY(SELECT bench.wide_workspace_id(1, w) FROM generate_series(2, 1000, 2) w),
   ARRAY(SELECT bench.wide_workspace_id(1, w) FROM generate_series(1, 1000, 2) w)),
  (6, 'owner', 'all rows of the largest organization', bench.user_id(1, 999), bench.organization_id(1), '{}', '{}')
) p (position, principal, meaning, id, organization_id, all_of, own_in)
UNION ALL
SELECT 5, 'service key', 'all rows of the largest workspace', 'tenancy.api_key', secret, api_key_id::text, NULL,
       ARRAY[bench.workspace_id(1, 1)], '{}'
FROM bench.keys WHERE api_key_id = bench.service_key_id(1, 1)
UNION ALL
SELECT 7, 'nobody', 'no rows', 'tenancy.user', '', '', NULL, '{}', '{}';

-- "= ANY" of a list, "=" of one.
CREATE FUNCTION bench.is_one_of(name text, ids uuid[]) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE cardinality(ids) WHEN 1 THEN format('%I = %L', name, ids[1]) ELSE format('%I = ANY (%L)', name, ids) END
$$;
UPDATE bench.principals SET filter = CASE
  WHEN organization_id IS NOT NULL THEN format('organization_id = %L', organization_id)
  WHEN all_of <> '{}' AND own_in <> '{}' THEN
    format('(%s OR %s AND user_id = %L)', bench.is_one_of('workspace_id', all_of), bench.is_one_of('workspace_id', own_in), principal_id)
  WHEN all_of <> '{}' THEN bench.is_one_of('workspace_id', all_of)
  WHEN own_in <> '{}' THEN format('%s AND user_id = %L', bench.is_one_of('workspace_id', own_in), principal_id)
  ELSE 'false' END;

-- The same rights in one table, as an application of its own would keep them.
CREATE TABLE app.members (
  principal_id uuid NOT NULL,
  workspace_id uuid NOT NULL,
  all_rows boolean NOT NULL,
  PRIMARY KEY (principal_id, workspace_id) INCLUDE (all_rows)
);
INSERT INTO app.members
SELECT bench.user_id(organization, number), bench.workspace_id(organization, workspace), (organization, workspace) = (1, 4)
FROM bench.members
UNION ALL
SELECT bench.user_id(o, 999), bench.workspace_id(o, w), true
FROM generate_series(1, :organizations) o, generate_series(1, 4) w
UNION ALL
SELECT bench.service_key_id(o, w), bench.workspace_id(o, w), true
FROM generate_series(1, :organizations) o, generate_series(1, 4) w
UNION ALL
SELECT bench.wide_user_id(1, n), bench.wide_workspace_id(1, w), w % 2 = 0 FROM unnest(ARRAY[5, 1000]) n, generate_series(1, n) w;
GRANT SELECT ON app.members TO bench_app;
