-- Moments that are written into statements are those that were meant, whatever the session's settings: bounds of partitions, the end
-- of retention, keys of rows to remove. As SQL, IST is a time zone of India that is read as one of Israel.
\getenv srcdir PG_ABS_SRCDIR
\set world :srcdir '/sql/include/world.sql'
\i :world
\set held :srcdir '/sql/include/held.sql'
\i :held
\pset format unaligned
SET client_min_messages = error;
CREATE TABLE times (start_time timestamptz NOT NULL, organization_id uuid) PARTITION BY RANGE (start_time);
CREATE TABLE times_default PARTITION OF times DEFAULT;
CREATE TABLE plain (LIKE times) PARTITION BY RANGE (start_time);
INSERT INTO times VALUES ('2026-03-02 12:00+00', :acme), ('2026-03-03 12:00+00', :acme);
CREATE TABLE attached (LIKE times);
CREATE TABLE expired (id int, organization_id uuid);
-- A key that a time is part of, and one that loses digits where few are printed
CREATE TABLE parents (at timestamptz, part float8, organization_id uuid, PRIMARY KEY (at, part));
CREATE TABLE children (at timestamptz, part float8, organization_id uuid, FOREIGN KEY (at, part) REFERENCES parents ON DELETE CASCADE);
\o /dev/null
SELECT tenancy.protect(t, 'logs', 'organization_id') FROM unnest('{times,expired,parents,children}'::regclass[]) t;
SELECT tenancy.apply_logging_settings(t, 'logs') FROM unnest('{expired,parents}'::regclass[]) t;
SELECT tenancy.set_logging('acme', 'retention_days.logs', '1');
\o
INSERT INTO parents VALUES ('2026-03-02 12:00+00', 0.1::float8 + 0.2, :acme, now() - interval '27 hours');
INSERT INTO children SELECT at, part, 'bbbbbbbb-0000-4000-8000-000000000000' FROM parents;
INSERT INTO expired (id, organization_id, received_at) VALUES (1, :acme, now() - interval '23 hours'), (2, :acme, now() - interval '27 hours');
SET TimeZone = 'Asia/Kolkata';
SET DateStyle = 'SQL, DMY';
SET IntervalStyle = 'sql_standard';
SET extra_float_digits = -5;
SELECT '2026-03-02 12:00+00'::timestamptz AS prints, ('2026-03-02 12:00+00'::timestamptz::text::timestamptz = '2026-03-02 12:00+00') = (current_setting('server_version_num')::int >= 180000) AS reads_the_same_since_18;
SELECT tenancy_steps.create_partition('times', 'day', '2026-03-02 12:00+00'), tenancy_steps.create_partition('plain', 'day', '2026-03-04 12:00+00'), tenancy_steps.create_partition('times', 'month', '2026-05-02 12:00+00'),
  tenancy_steps.attach_with_rows('attached', 'times_default', '2026-03-03 00:00+00', '2026-03-04 00:00+00');
-- Rows past their retention: of another tenant's, one refers to that of parents, and would be deleted with it.
SELECT relation, removed, referred_to FROM tenancy.remove_expired_rows() ORDER BY 1;
SELECT id FROM expired;
SELECT count(*) FROM children;
RESET TimeZone;
RESET DateStyle;
RESET IntervalStyle;
RESET extra_float_digits;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SELECT c.oid::regclass, pg_get_expr(c.relpartbound, c.oid) FROM pg_class c WHERE c.relnamespace = 'app'::regnamespace AND c.relispartition AND c.relkind = 'r' ORDER BY 1;
SELECT tableoid::regclass, start_time FROM times ORDER BY 2;
