-- A batch writer for all tenants: COPY, which row security refuses, into a staging table, which has none.
--
-- Nobody checks or stamps what lies there, so the writer's login gets nothing but INSERT on it, and one function, which takes over
-- rows that are right. Both in one transaction, so that a batch that is refused leaves nothing behind:
--
--   BEGIN;
--   COPY observability.logs_staging (log_id, start_time, organization_id, workspace_id, …) FROM STDIN;
--   SELECT observability.load_staged_logs();
--   COMMIT;

-- Functions that others have made in schemas of the path are not to be found.
SELECT pg_catalog.current_setting('search_path') AS path_before \gset
SET search_path = pg_catalog, pg_temp;
CREATE TABLE observability.logs_staging (LIKE observability.logs INCLUDING DEFAULTS);
ALTER TABLE observability.logs_staging ALTER organization_id DROP DEFAULT, ALTER workspace_id DROP DEFAULT,
  ALTER user_id DROP DEFAULT, ALTER api_key_id DROP DEFAULT;
-- What one tenant sends must not keep the others' rows out: here is what logs doesn't take, and why.
CREATE TABLE observability.logs_refused (LIKE observability.logs, refused_at timestamptz NOT NULL DEFAULT now(), problem text NOT NULL);

-- Moves the staged rows to logs, and returns how many; an error, and nothing is moved, if a row names a workspace that is not of
-- its organization, or a user or key that is not. A row beyond the bounds of logs goes to logs_refused.
CREATE FUNCTION observability.load_staged_logs() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  wrong observability.logs_staging;
  entry observability.logs_staging;
  moved bigint;
  one bigint;
BEGIN
  LOCK TABLE observability.logs_staging IN SHARE ROW EXCLUSIVE MODE;
  SELECT s.* INTO wrong FROM observability.logs_staging s
  WHERE s.workspace_id IS NOT NULL AND NOT EXISTS (
          SELECT FROM tenancy.workspaces w WHERE w.workspace_id = s.workspace_id AND w.organization_id = s.organization_id)
     OR s.api_key_id IS NOT NULL AND NOT EXISTS (
          SELECT FROM tenancy.api_keys k WHERE k.api_key_id = s.api_key_id AND k.organization_id = s.organization_id)
     OR s.user_id IS NOT NULL AND NOT EXISTS (
          SELECT FROM tenancy.organization_members m WHERE m.user_id = s.user_id AND m.organization_id = s.organization_id)
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = 'a staged row names what is not of its organization',
      DETAIL = format('Log %s names organization %s, workspace %s, user %s, key %s.', wrong.log_id, wrong.organization_id,
                      wrong.workspace_id, wrong.user_id, wrong.api_key_id);
  END IF;
  -- Row security does not filter the function's owner, so that logs would take any time.
  WITH far AS (
    DELETE FROM observability.logs_staging s USING observability.accepted_times a
    WHERE s.start_time NOT BETWEEN now() - a.past AND now() + a.future RETURNING s.*)
  INSERT INTO observability.logs_refused SELECT f.*, now(), 'start_time is too far from now' FROM far f;
  BEGIN
    WITH staged AS (DELETE FROM observability.logs_staging RETURNING *)
    INSERT INTO observability.logs SELECT * FROM staged
    -- Sent twice, after a connection was lost, counts once.
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS moved = ROW_COUNT;
  EXCEPTION WHEN integrity_constraint_violation OR data_exception OR program_limit_exceeded THEN
    -- One by one, to find those that are meant.
    moved := 0;
    FOR entry IN DELETE FROM observability.logs_staging RETURNING * LOOP
      BEGIN
        INSERT INTO observability.logs SELECT entry.* ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS one = ROW_COUNT;
        moved := moved + one;
      EXCEPTION WHEN integrity_constraint_violation OR data_exception OR program_limit_exceeded THEN
        INSERT INTO observability.logs_refused SELECT entry.*, now(), SQLERRM;
      END;
    END LOOP;
  END;
  RETURN moved;
END
$$;
REVOKE ALL ON FUNCTION observability.load_staged_logs() FROM PUBLIC;

CREATE ROLE log_loader LOGIN;
GRANT USAGE ON SCHEMA observability TO log_loader;
GRANT INSERT ON observability.logs_staging TO log_loader;
GRANT EXECUTE ON FUNCTION observability.load_staged_logs() TO log_loader;
SELECT set_config('search_path', :'path_before', false) \g /dev/null
