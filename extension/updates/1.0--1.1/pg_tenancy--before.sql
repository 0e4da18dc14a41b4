-- Data visibility governs observability data alone. What a DBA has registered before keeps what it had, and so does what
-- a dump of 1.0 brings.
ALTER TABLE tenancy.permissions ADD COLUMN data_visibility boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN tenancy.permissions.data_visibility IS 'Observability data: data visibility decides whether a role reaches all rows or its user''s own; otherwise a role reaches all';
UPDATE tenancy.permissions SET data_visibility = false WHERE built_in AND resource NOT IN ('logs', 'traces', 'analytics');
ALTER TABLE tenancy.permissions ADD CONSTRAINT permissions_data_visibility_check CHECK
  (data_visibility OR resource NOT IN ('logs', 'traces', 'analytics'));
