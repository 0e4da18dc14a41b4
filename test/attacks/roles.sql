-- Logins, which all databases of a server share. Before each run they are made anew.
SELECT format('DROP ROLE %I', rolname) FROM pg_roles WHERE rolname ~ '^att_' \gexec
CREATE ROLE att_web LOGIN;        -- tenants come by it, with keys
CREATE ROLE att_bound LOGIN;      -- stands for a member
CREATE ROLE att_app LOGIN;        -- trusted
CREATE ROLE att_dev LOGIN;        -- may make objects in a schema
CREATE ROLE att_owner LOGIN;      -- owns the protected tables
CREATE ROLE att_etl LOGIN IN ROLE pg_read_all_data, pg_write_all_data;
CREATE ROLE att_mover LOGIN BYPASSRLS IN ROLE pg_read_all_data, pg_write_all_data;
CREATE ROLE att_granted LOGIN;    -- was given all tables, sequences and functions of the extension in passing
CREATE ROLE att_dba LOGIN;        -- administers, and is no superuser
CREATE ROLE att_sign_up LOGIN;    -- may create organizations
CREATE ROLE att_other LOGIN PASSWORD 'canary';  -- owns a table of its own
