-- As much work as changes.sql, in a table that has nothing to do with tenancy.
\set turn 1 - :turn
UPDATE bench.bystanders SET role_id = tenancy_internal.find_role(NULL, 'workspace', CASE :turn::integer WHEN 1 THEN 'manager' ELSE 'member' END) WHERE (workspace_id, user_id) = (bench.workspace_id(:organizations, 1), bench.user_id(:organizations, 0));
