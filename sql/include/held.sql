\set ECHO none
-- What tests of legal holds say about the world, once it is there.
\set acme '''aaaaaaaa-0000-4000-8000-000000000000'''
\set search '''aaaaaaaa-0000-4000-8000-000000000002'''
\set support '''aaaaaaaa-0000-4000-8000-000000000003'''
-- How a statement ends; nothing of it stays.
CREATE FUNCTION tried(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  RAISE EXCEPTION USING ERRCODE = 'P0099', MESSAGE = 'done';
EXCEPTION WHEN SQLSTATE 'P0099' THEN
  RETURN SQLERRM;
WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
\set ECHO all
