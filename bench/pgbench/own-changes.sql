-- The same of a colleague of those who read.
\set turn 1 - :turn
UPDATE tenancy.workspace_members SET role_id = tenancy_internal.find_role(NULL, 'workspace', CASE :turn::integer WHEN 1 THEN 'manager' ELSE 'member' END) WHERE (workspace_id, user_id) = (bench.workspace_id(1, 1), bench.user_id(1, 4));
