-- A member's role in a workspace of the last organization goes to and fro.
\set turn 1 - :turn
UPDATE tenancy.workspace_members SET role_id = tenancy_internal.find_role(NULL, 'workspace', CASE :turn::integer WHEN 1 THEN 'manager' ELSE 'member' END) WHERE (workspace_id, user_id) = (bench.workspace_id(:organizations, 1), bench.user_id(:organizations, 0));
