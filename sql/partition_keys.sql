-- A partition key's constant parts are evaluated by whoever loads the table first, as making a trigger for its rows does: not by the
-- extension's owner.
\pset format unaligned
SET client_min_messages = warning;
SELECT current_user AS superuser \gset
CREATE ROLE regress_climber LOGIN;
CREATE SCHEMA shop;
GRANT USAGE, CREATE ON SCHEMA shop TO regress_climber;
GRANT EXECUTE ON FUNCTION tenancy.protect TO regress_climber;
SET search_path = shop;
CREATE TABLE ran (by_superuser boolean);
GRANT INSERT, SELECT ON ran TO PUBLIC;
CREATE FUNCTION filled(base anyelement, row_value text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM json_populate_record(base, row_value::json); RETURN 1; END $$;
SET SESSION AUTHORIZATION regress_climber;
CREATE FUNCTION note() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO shop.ran SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user;
  RETURN 1;
END
$$;
CREATE FUNCTION noted() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN shop.note(); END $$;
CREATE FUNCTION plus(int, int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN shop.note(); END $$;
CREATE OPERATOR +! (LEFTARG = int, RIGHTARG = int, FUNCTION = plus);
CREATE DOMAIN one AS int CHECK (noted() = 1);
CREATE TYPE mood AS ENUM ('new', 'old');
-- A superuser's function that calls what the row type's domain has, as functions of trusted extensions do
CREATE TYPE pair AS (a one, b int);
CREATE TABLE of_function (organization_id uuid, n int, received_at timestamptz DEFAULT now()) PARTITION BY RANGE ((n + noted()));
CREATE TABLE of_operator (organization_id uuid, n int, received_at timestamptz DEFAULT now()) PARTITION BY RANGE ((n + (1 +! 1)));
CREATE TABLE of_domain (organization_id uuid, n int, received_at timestamptz DEFAULT now()) PARTITION BY LIST ((n + 1::one));
CREATE TABLE of_row_type (organization_id uuid, n int, received_at timestamptz DEFAULT now()) PARTITION BY RANGE ((n + filled(NULL::pair, '{"a": 1}')));
-- What calls nothing of anybody's
CREATE TABLE of_enum (organization_id uuid, m mood, n int, received_at timestamptz DEFAULT now()) PARTITION BY LIST ((m = 'new'));
CREATE TYPE typed AS (organization_id uuid, n int);
CREATE TABLE of_type OF typed PARTITION BY RANGE ((n + 1));
CREATE TABLE plain (organization_id uuid, n int, received_at timestamptz DEFAULT now()) PARTITION BY RANGE (n);
-- A partition that is partitioned in turn
CREATE TABLE parent (organization_id uuid, n int, received_at timestamptz DEFAULT now()) PARTITION BY RANGE (n);
CREATE TABLE part PARTITION OF parent FOR VALUES FROM (0) TO (10) PARTITION BY RANGE ((n + noted()));
RESET SESSION AUTHORIZATION;
\set VERBOSITY terse
SELECT tenancy.protect('of_function', 'logs', 'organization_id', fill_nulls => true);
SELECT tenancy.protect('of_operator', 'logs', 'organization_id', fill_nulls => true);
SELECT tenancy.protect('of_domain', 'logs', 'organization_id', fill_nulls => true);
SELECT tenancy.protect('of_row_type', 'logs', 'organization_id', fill_nulls => true);
SELECT tenancy.protect('parent', 'logs', 'organization_id', fill_nulls => true);
SELECT tenancy.protect('part', 'logs', 'organization_id', fill_nulls => true);
SELECT tenancy.protect(t, 'logs', 'organization_id', fill_nulls => true) IS NULL AS done FROM unnest('{of_enum,of_type,plain}'::regclass[]) t;
SELECT tenancy.apply_logging_settings('plain', 'logs') IS NULL AS done;
\set VERBOSITY default
-- A partition of what is protected, and a table of a name that was
\connect - regress_climber
SET search_path = shop;
SET client_min_messages = warning;
CREATE TABLE of_plain PARTITION OF plain FOR VALUES FROM (0) TO (10) PARTITION BY RANGE ((n + noted()));
CREATE TABLE attached (organization_id uuid, n int, received_at timestamptz) PARTITION BY RANGE ((n + noted()));
ALTER TABLE plain ATTACH PARTITION attached FOR VALUES FROM (10) TO (20);
DROP TABLE of_type;
CREATE TABLE of_type (organization_id uuid, n int) PARTITION BY RANGE ((n + noted()));
SELECT tenancy.protect('of_function', 'logs', 'organization_id', fill_nulls => true);
-- The unsafe way: a superuser makes the trigger.
\connect - :superuser
SET search_path = shop;
SELECT by_superuser, count(*) > 0 AS some FROM ran GROUP BY 1;
CREATE FUNCTION spring() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER spring BEFORE INSERT ON of_function FOR EACH ROW EXECUTE FUNCTION spring();
SELECT by_superuser, count(*) > 0 AS some FROM ran GROUP BY 1 ORDER BY 1;
-- A superuser's function calls others': only a superuser's table may have one.
ALTER FUNCTION noted() OWNER TO CURRENT_USER;
\set VERBOSITY terse
SELECT tenancy.protect('parent', 'logs', 'organization_id') IS NULL AS done;
\set VERBOSITY default
ALTER TABLE part OWNER TO CURRENT_USER;
SELECT tenancy.protect('parent', 'logs', 'organization_id') IS NULL AS done;
SET client_min_messages = warning;
DELETE FROM tenancy.protected_names n WHERE n.schema_name = 'shop';
DROP SCHEMA shop CASCADE;
DROP OWNED BY regress_climber CASCADE;
DROP ROLE regress_climber;
