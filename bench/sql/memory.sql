-- Memory of a session, by its own account and by that of the operating system, without shared memory.

CREATE FUNCTION bench.allocated_kib() RETURNS float8
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT sum(total_bytes) / 1024 FROM pg_backend_memory_contexts
$$;
CREATE FUNCTION bench.private_kib() RETURNS float8
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT sum((m)[1]::float8) FROM regexp_matches(pg_read_file('/proc/self/smaps_rollup'), 'Private_\w+:\s+(\d+) kB', 'g') m
$$;

-- Reads a page as each of some members, one after another, a transaction each, by statements whose plans are kept.
CREATE PROCEDURE bench.be_many(alternative text, wanted integer)
LANGUAGE plpgsql AS $$
DECLARE
  members bench.keys[] := ARRAY(SELECT k FROM bench.keys k WHERE kind = 'workspace_user_key'
                                ORDER BY md5(api_key_id::text) LIMIT wanted);
  member bench.keys;
  workspace uuid;
BEGIN
  FOR i IN 0 .. wanted - 1 LOOP
    member := members[1 + i % cardinality(members)];
    IF alternative = 'hand-written' THEN
      workspace := bench.workspace_id(member.organization, member.workspace);
      PERFORM created_at, model, cost FROM app.logs
      WHERE workspace_id = workspace AND user_id = member.user_id ORDER BY created_at DESC LIMIT 50;
    ELSE
      PERFORM set_config('tenancy.api_key', member.secret, false);
      PERFORM created_at, model, cost FROM app.logs ORDER BY created_at DESC LIMIT 50;
    END IF;
    COMMIT;
  END LOOP;
END
$$;
