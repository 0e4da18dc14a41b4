-- The access model once more, as plain joins over the catalogs. It shares no code with the module, and is slow on
-- purpose: what it says is meant to be read next to the access model and docs/design/access-decisions.md ("decision N").
--
-- In:  oracle.principals, oracle.tokens, oracle.relations, oracle.rows.  Out, after oracle.answer(): oracle.holds, oracle.answers.
--
-- An answer is true, false, or NULL where the decisions leave it open; then either is right, as long as all ways of
-- asking agree. Open are:
--   1. In a table with both columns, for a principal that reaches the whole organization but holds the permission in a
--      part of its workspaces only, or holds it by a workspace role as well: rows that name the organization and a
--      workspace that isn't one of its own, and rows that name one of its workspaces and not the organization.
--   2. INSERT of a NULL owner by a user key, or of a NULL owner or key by a principal that has no id in the column's type.
--   3. INSERT of a NULL workspace, where no other column names the organization, by who may write NULL workspaces.

\ir oracle_questions.sql
\ir oracle_roles.sql
\ir oracle_principals.sql
\ir oracle_rows.sql
\ir oracle_writes.sql

-- Answers everything that the three tables ask, from the catalogs as they are now.
CREATE FUNCTION oracle.answer() RETURNS void LANGUAGE plpgsql SET jit = off AS $$
BEGIN
  TRUNCATE oracle.holds, oracle.reach, oracle.seen, oracle.viewers, oracle.answers;
  INSERT INTO oracle.viewers
  SELECT DISTINCT h.organization_id, h.workspace_id, h.user_id, h.resource FROM oracle.user_holds h WHERE h.action IN ('view', 'list') AND NOT h.taken;
  INSERT INTO oracle.holds SELECT * FROM oracle.narrowed_holds;
  INSERT INTO oracle.reach SELECT * FROM oracle.principal_reach;
  INSERT INTO oracle.seen SELECT * FROM oracle.seen_rows;
  ANALYZE oracle.holds, oracle.reach, oracle.seen, oracle.viewers;
  INSERT INTO oracle.answers SELECT * FROM oracle.access;
  INSERT INTO oracle.answers SELECT * FROM oracle.writes;
END
$$;
