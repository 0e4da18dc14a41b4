-- Tables of an application that knows nothing of tenancy, and its one login.

CREATE EXTENSION pg_tenancy;
CREATE SCHEMA app;
CREATE SCHEMA bench;
GRANT USAGE ON SCHEMA app, bench TO bench_app;
ALTER DATABASE :"DBNAME" SET jit = off;
ALTER DATABASE :"DBNAME" SET work_mem = '64MB';
ALTER DATABASE :"DBNAME" SET synchronous_commit = off;
ALTER DATABASE :"DBNAME" SET client_min_messages = warning;

-- Ids that a pgbench script can compute, too (cases/pool.sh), scattered over their indexes like random ones.
CREATE FUNCTION bench.id(kind integer, number bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT ((10000000 + number * 48271 % 90000000) || '-0000-4000-8000-' || (kind * 100000000000 + number))::uuid
$$;
CREATE FUNCTION bench.organization_id(organization bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN bench.id(1, organization);
CREATE FUNCTION bench.workspace_id(organization bigint, workspace bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN bench.id(2, organization * 10 + workspace);
CREATE FUNCTION bench.user_id(organization bigint, number bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN bench.id(3, organization * 1000 + number);
CREATE FUNCTION bench.user_key_id(organization bigint, number bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN bench.id(4, organization * 1000 + number);
CREATE FUNCTION bench.service_key_id(organization bigint, workspace bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN bench.id(5, organization * 10 + workspace);

-- What is measured ends up here: a value of one metric of one alternative in one round.
CREATE UNLOGGED TABLE bench.samples (
  area text NOT NULL,
  subject text NOT NULL,
  alternative text NOT NULL,
  metric text NOT NULL,
  round integer NOT NULL,
  value float8 NOT NULL
);
CREATE UNLOGGED TABLE bench.plans (
  subject text NOT NULL,
  alternative text NOT NULL,
  shape text NOT NULL,
  estimated_rows float8 NOT NULL,
  fingerprint text NOT NULL,  -- of the result
  PRIMARY KEY (subject, alternative)
);
CREATE UNLOGGED TABLE bench.visible_rows (principal text PRIMARY KEY, rows bigint NOT NULL);
GRANT SELECT, INSERT, UPDATE ON bench.samples, bench.plans TO bench_app;
