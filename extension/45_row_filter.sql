-- Functions called by policies. Planning replaces the calls with the session's filter; called row by row they return the same.
-- Neither they nor the functions in their place are leakproof: leakproof functions run on rows that policies hide, and every
-- role may call these. Policies don't need it, since nothing runs before them, and the comparisons in a filter are leakproof
-- themselves.

CREATE FUNCTION tenancy_internal.plan_guard_support(internal) RETURNS internal
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_plan_guard_support';
COMMENT ON FUNCTION tenancy_internal.plan_guard_support(internal) IS 'Planner support: the guard lets every row pass that comes to it';

-- The cost is a little more than a comparison's, so that the guard runs after it, on matching rows. This is realistic; a higher
-- cost would change plans from those of a hand-written filter, for example to parallel ones.
CREATE FUNCTION tenancy.plan_guard(stamp bigint, not_after timestamptz, row_value "any") RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE COST 1.01 SUPPORT tenancy_internal.plan_guard_support
AS 'MODULE_PATHNAME', 'pg_tenancy_plan_guard';
COMMENT ON FUNCTION tenancy.plan_guard(bigint, timestamptz, "any") IS 'Stops a plan that was made for another principal (55000) or has outlived its credential (28000); put into plans, not to be called';

-- Parts of shared plans (tenancy.share_plans), in place of ids and of the guard above.
CREATE FUNCTION tenancy.filter_id(entity text) RETURNS uuid
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'pg_tenancy_filter_id';
COMMENT ON FUNCTION tenancy.filter_id(text) IS 'The session''s organization, its only workspace, its user or its api_key (the entity), NULL for none; put into shared plans, not to be called';

CREATE FUNCTION tenancy.shape_guard(shape uuid, entity text, row_id uuid) RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE COST 10 SUPPORT tenancy_internal.plan_guard_support
AS 'MODULE_PATHNAME', 'pg_tenancy_shape_guard';
COMMENT ON FUNCTION tenancy.shape_guard(uuid, text, uuid) IS 'Stops a shared plan when the session''s rights have another shape, or the row another id than the session''s (55000; 40001 when the rights were changed meanwhile); put into plans, not to be called';

-- The catalogs' policy for DBAs: as tenancy.is_dba(), but decided at planning for everybody else.
CREATE FUNCTION tenancy_internal.dba_sees_support(internal) RETURNS internal
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_dba_sees_support';
COMMENT ON FUNCTION tenancy_internal.dba_sees_support(internal) IS 'Planner support: dba_sees() as false in queries of those who are no DBA';

CREATE FUNCTION tenancy.dba_sees() RETURNS boolean
LANGUAGE c STABLE SUPPORT tenancy_internal.dba_sees_support AS 'MODULE_PATHNAME', 'pg_tenancy_is_dba';
COMMENT ON FUNCTION tenancy.dba_sees() IS 'Whether the caller is a DBA, for policies of the catalogs, which then leave the other policies'' conditions to indexes';

CREATE FUNCTION tenancy_internal.row_visible_support(internal) RETURNS internal
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_row_visible_support';
COMMENT ON FUNCTION tenancy_internal.row_visible_support(internal) IS 'Planner support: row_visible() as the session''s own filter';

CREATE FUNCTION tenancy.row_visible(resource text, command text, organization "any", workspace "any", owner "any", api_key "any")
RETURNS boolean LANGUAGE c STABLE PARALLEL SAFE COST 100 SUPPORT tenancy_internal.row_visible_support
AS 'MODULE_PATHNAME', 'pg_tenancy_row_visible';
COMMENT ON FUNCTION tenancy.row_visible(text, text, "any", "any", "any", "any") IS 'Whether the session may view, list, update or delete (the command) a row with these ids; never NULL; a column that the table doesn''t have is written NULL';

-- With one more argument, a filter by workspace also compares the organization. That spoils the planner's estimates, and pays
-- off if the table is partitioned (or distributed) by organization.
CREATE FUNCTION tenancy.row_visible(resource text, command text, organization "any", workspace "any", owner "any", api_key "any",
                                    with_organization boolean)
RETURNS boolean LANGUAGE c STABLE PARALLEL SAFE COST 100 SUPPORT tenancy_internal.row_visible_support
AS 'MODULE_PATHNAME', 'pg_tenancy_row_visible';
COMMENT ON FUNCTION tenancy.row_visible(text, text, "any", "any", "any", "any", boolean) IS 'The same, where the organization must agree even if the workspace decides';

-- With one more, options of protect(): "shared" (rows without organization and workspace are visible to everybody),
-- "workspace_decides" (for rows whose organization is NULL), "from_parent" (the parent row decides about own rows),
-- "organization_implied" (by the row's workspace, which a filter may then rely on).
CREATE FUNCTION tenancy.row_visible(resource text, command text, organization "any", workspace "any", owner "any", api_key "any",
                                    with_organization boolean, options text)
RETURNS boolean LANGUAGE c STABLE PARALLEL SAFE COST 100 SUPPORT tenancy_internal.row_visible_support
AS 'MODULE_PATHNAME', 'pg_tenancy_row_visible';
COMMENT ON FUNCTION tenancy.row_visible(text, text, "any", "any", "any", "any", boolean, text) IS 'The same, with options: shared (rows without organization and workspace are visible to everybody), workspace_decides (about rows whose organization is NULL), organization_implied (by the row''s workspace, if it names one)';

CREATE FUNCTION tenancy_internal.payload_visible_support(internal) RETURNS internal
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_payload_visible_support';
COMMENT ON FUNCTION tenancy_internal.payload_visible_support(internal) IS 'Planner support: payload_visible() as the session''s own filter, or a constant';

-- Not for policies: the result is valid only for rows that pass row_visible(..., 'list', ...).
CREATE FUNCTION tenancy.payload_visible(resource text, command text, organization "any", workspace "any", owner "any", api_key "any")
RETURNS boolean LANGUAGE c STABLE PARALLEL SAFE COST 100 SUPPORT tenancy_internal.payload_visible_support
AS 'MODULE_PATHNAME', 'pg_tenancy_payload_visible';
COMMENT ON FUNCTION tenancy.payload_visible(text, text, "any", "any", "any", "any") IS 'Whether the session may view the full content of a row that it may list; for scoped views';

CREATE FUNCTION tenancy.payload_visible(resource text, command text, organization "any", workspace "any", owner "any", api_key "any",
                                        with_organization boolean, options text)
RETURNS boolean LANGUAGE c STABLE PARALLEL SAFE COST 100 SUPPORT tenancy_internal.payload_visible_support
AS 'MODULE_PATHNAME', 'pg_tenancy_payload_visible';
COMMENT ON FUNCTION tenancy.payload_visible(text, text, "any", "any", "any", "any", boolean, text) IS 'The same, with the options of row_visible()';

CREATE FUNCTION tenancy_internal.row_accepted_support(internal) RETURNS internal
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_row_accepted_support';
COMMENT ON FUNCTION tenancy_internal.row_accepted_support(internal) IS 'Planner support: row_accepted() as the session''s own filter';

CREATE FUNCTION tenancy.row_accepted(resource text, command text, organization "any", workspace "any", owner "any", api_key "any")
RETURNS boolean LANGUAGE c STABLE PARALLEL SAFE COST 100 SUPPORT tenancy_internal.row_accepted_support
AS 'MODULE_PATHNAME', 'pg_tenancy_row_accepted';
COMMENT ON FUNCTION tenancy.row_accepted(text, text, "any", "any", "any", "any") IS 'Whether the session may insert a row with these ids, or update one to them (the command); a column that the table doesn''t have is written NULL';

CREATE FUNCTION tenancy.row_accepted(resource text, command text, organization "any", workspace "any", owner "any", api_key "any",
                                     with_organization boolean, options text)
RETURNS boolean LANGUAGE c STABLE PARALLEL SAFE COST 100 SUPPORT tenancy_internal.row_accepted_support
AS 'MODULE_PATHNAME', 'pg_tenancy_row_accepted';
COMMENT ON FUNCTION tenancy.row_accepted(text, text, "any", "any", "any", "any", boolean, text) IS 'The same, with options: from_parent (the parent row decides about own rows, and INSERT accepts any writer), workspace_decides (about rows whose organization is NULL)';

-- Replaces a policy's WITH CHECK. Its first argument is the result of the filter; if that is not true, the function judges the
-- row.
CREATE FUNCTION tenancy.write_guard(
  stamp bigint, not_after timestamptz, accepted boolean, "check" bigint, resource text, organization "any", workspace "any", owner "any",
  api_key "any")
RETURNS boolean LANGUAGE c STABLE PARALLEL SAFE COST 1.01 AS 'MODULE_PATHNAME', 'pg_tenancy_write_guard';
COMMENT ON FUNCTION tenancy.write_guard(bigint, timestamptz, boolean, bigint, text, "any", "any", "any", "any") IS 'Guards a plan like plan_guard(), and raises the error of a row that is refused (42501), with the reason; put into plans, not to be called';

CREATE FUNCTION tenancy_internal.problem_of_write(
  relation regclass, options text, resource text, command text, organization "any", workspace "any", owner "any", api_key "any")
RETURNS text LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_problem_of_write';
COMMENT ON FUNCTION tenancy_internal.problem_of_write(regclass, text, text, text, "any", "any", "any", "any") IS 'Why the session may not write a row with these ids (insert or update), NULL if it may';

CREATE FUNCTION tenancy.explain_rows(relation regclass) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'pg_tenancy_explain_rows';
COMMENT ON FUNCTION tenancy.explain_rows(regclass) IS 'The row filter that the session gets on a protected table, as SQL; 55000 when the table isn''t protected';
