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
CREATE FUNCTION bench.more_keys_id(organization bigint, number bigint, key bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN bench.id(9, (organization * 1000 + number) * 10 + key);
-- Of organizations beside the numbered ones.
CREATE FUNCTION bench.wide_organization_id(organization bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN bench.id(8, organization);
CREATE FUNCTION bench.wide_workspace_id(organization bigint, workspace bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN bench.id(6, organization * 100000 + workspace);
CREATE FUNCTION bench.wide_user_id(organization bigint, number bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN bench.id(7, organization * 100000 + number);

-- Measurements: a value of one metric of one alternative in one round.
CREATE UNLOGGED TABLE bench.samples (
  area text NOT NULL,
  subject text NOT NULL,
  alternative text NOT NULL,
  metric text NOT NULL,
  round integer NOT NULL,
  value float8 NOT NULL
);
CREATE UNLOGGED TABLE bench.plans (
  area text NOT NULL,
  subject text NOT NULL,
  alternative text NOT NULL,
  shape text NOT NULL,
  estimated_rows float8,      -- that the filter leaves of the table
  fingerprint text NOT NULL,  -- of the result
  PRIMARY KEY (area, subject, alternative)
);
GRANT SELECT, INSERT, UPDATE ON bench.samples, bench.plans TO bench_app;
