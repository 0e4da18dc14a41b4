-- The audit log: entries, the chain of each organization's entries, and their guards. Triggers on the catalogs are in
-- 71_audit_catalogs.sql, checking and purging in 72_audit_chain.sql; see docs/design/audit.md.

CREATE TABLE tenancy.audit_log (
  audit_id bigint GENERATED ALWAYS AS IDENTITY (CYCLE) PRIMARY KEY,
  at timestamptz NOT NULL,
  organization_id uuid,
  workspace_id uuid,
  actor_kind text COLLATE "C" NOT NULL,
  actor_id uuid,
  actor text COLLATE "C" NOT NULL,
  login name NOT NULL,
  client_address inet,
  action text COLLATE "C" NOT NULL,
  resource_type text COLLATE "C" NOT NULL,
  resource_id text COLLATE "C",
  before jsonb,
  after jsonb,
  previous_hash bytea,
  entry_hash bytea NOT NULL,
  outcome text COLLATE "C" NOT NULL DEFAULT 'success' CHECK (outcome IN ('success', 'failure', 'denied')),
  request_id text COLLATE "C",
  user_agent text COLLATE "C",
  chain_id uuid,
  transaction_id xid8
);
-- Actor and resource may be deleted later than the entry, so nothing here is a foreign key. The indexes are in
-- 70_audit_indexes.sql.
COMMENT ON TABLE tenancy.audit_log IS 'Changes, refusals and reads with actor, time and client address; entries are only added, and removed by purge_audit_log() only';
COMMENT ON COLUMN tenancy.audit_log.audit_id IS 'Id of the entry; grows along an organization''s chain';
COMMENT ON COLUMN tenancy.audit_log.at IS 'When the entry was written; of a refusal or a read, when that happened';
COMMENT ON COLUMN tenancy.audit_log.organization_id IS 'Organization that the change concerns; NULL for objects without organization (users, permissions, protected tables ...)';
COMMENT ON COLUMN tenancy.audit_log.workspace_id IS 'Workspace that the change concerns, if one';
COMMENT ON COLUMN tenancy.audit_log.actor_kind IS 'Kind of the session''s principal, as whoami() has it; login for a session without one';
COMMENT ON COLUMN tenancy.audit_log.actor_id IS 'Id of the API key, or else of the user, that acted';
COMMENT ON COLUMN tenancy.audit_log.actor IS 'The actor in readable form: e-mail address, key, subject of the token, or login';
COMMENT ON COLUMN tenancy.audit_log.login IS 'PostgreSQL login of the session';
COMMENT ON COLUMN tenancy.audit_log.client_address IS 'Address of the client; NULL for a local socket';
COMMENT ON COLUMN tenancy.audit_log.action IS 'The action: create, update, delete, rotate, revoke ...';
COMMENT ON COLUMN tenancy.audit_log.resource_type IS 'Kind of the changed object: organization, workspace, user, api_key ...';
COMMENT ON COLUMN tenancy.audit_log.resource_id IS 'Id of the changed object, unique among its kind in the organization';
COMMENT ON COLUMN tenancy.audit_log.before IS 'The row before, without secrets';
COMMENT ON COLUMN tenancy.audit_log.after IS 'The row after, without secrets';
COMMENT ON COLUMN tenancy.audit_log.previous_hash IS 'Hash of the entry before this one in its chain; NULL without an organization';
COMMENT ON COLUMN tenancy.audit_log.entry_hash IS 'SHA-256 of the previous hash and all other columns';
COMMENT ON COLUMN tenancy.audit_log.outcome IS 'success; denied for what the session was refused; failure for a statement that ended in an error';
COMMENT ON COLUMN tenancy.audit_log.request_id IS 'What the session said by the setting tenancy.request_id: claimed, not verified';
COMMENT ON COLUMN tenancy.audit_log.user_agent IS 'What the session said by the setting tenancy.user_agent: claimed, not verified';
COMMENT ON COLUMN tenancy.audit_log.chain_id IS 'The chain of a refusal or read, which has one of its own for each organization; NULL: the organization''s own chain, of changes';
COMMENT ON COLUMN tenancy.audit_log.transaction_id IS 'The transaction that wrote, or has loaded, the entry, for audit_events_since(); NULL for one of version 1.0';

CREATE TABLE tenancy.audit_heads (
  organization_id uuid PRIMARY KEY,
  audit_id bigint NOT NULL DEFAULT 0,
  entry_hash bytea NOT NULL DEFAULT pg_catalog.decode(pg_catalog.repeat('00', 32), 'hex'),
  anchor_audit_id bigint NOT NULL DEFAULT 0,
  anchor_hash bytea NOT NULL DEFAULT pg_catalog.decode(pg_catalog.repeat('00', 32), 'hex'),
  events_of uuid
);
COMMENT ON TABLE tenancy.audit_heads IS 'Both ends of each organization''s chains of audit entries; writers of one chain wait here for each other';
COMMENT ON COLUMN tenancy.audit_heads.organization_id IS 'The organization, also one that is gone; or the id of its chain of refusals and reads';
COMMENT ON COLUMN tenancy.audit_heads.events_of IS 'Of a chain of refusals and reads, the organization';
COMMENT ON COLUMN tenancy.audit_heads.audit_id IS 'The last entry';
COMMENT ON COLUMN tenancy.audit_heads.entry_hash IS 'Hash of the last entry';
COMMENT ON COLUMN tenancy.audit_heads.anchor_audit_id IS 'The last entry that was purged; 0 for none';
COMMENT ON COLUMN tenancy.audit_heads.anchor_hash IS 'Hash of the last entry that was purged, which the first one kept refers to';

-- Recognizes the session state of pg_dump and pg_restore, which load the log itself together with the catalogs. Only for logins
-- that could switch triggers off anyway; never true inside our functions, since these pin search_path.
CREATE FUNCTION tenancy_steps.is_restore() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN pg_catalog.current_setting('check_function_bodies') OPERATOR(pg_catalog.=) 'off'
   AND pg_catalog.current_setting('search_path') OPERATOR(pg_catalog.=) ''
   AND pg_catalog.has_parameter_privilege(current_user, 'session_replication_role', 'SET');
COMMENT ON FUNCTION tenancy_steps.is_restore() IS 'Whether the session restores a dump, as somebody who may switch triggers off; rows are then loaded without new audit entries';

-- The result must always be the same: it must not depend on any setting of the session, hence UTC.
CREATE FUNCTION tenancy_internal.audit_entry_hash(entry tenancy.audit_log) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
RETURN pg_catalog.sha256(pg_catalog.byteacat(COALESCE((entry).previous_hash, ''), pg_catalog.convert_to(
  pg_catalog.jsonb_build_array(
    (entry).audit_id, pg_catalog.timezone('UTC', (entry).at), (entry).organization_id, (entry).workspace_id,
    (entry).actor_kind, (entry).actor_id, (entry).actor, (entry).login, (entry).client_address,
    (entry).action, (entry).resource_type, (entry).resource_id, (entry).before, (entry).after)::text
  -- Of an entry without these columns' values, as all of 1.0, the hash stays what it was.
  || CASE WHEN (entry).outcome <> 'success' OR (entry).request_id IS NOT NULL OR (entry).user_agent IS NOT NULL OR (entry).chain_id IS NOT NULL
       THEN pg_catalog.jsonb_build_array((entry).outcome, (entry).request_id, (entry).user_agent, (entry).chain_id)::text ELSE '' END, 'UTF8')));
COMMENT ON FUNCTION tenancy_internal.audit_entry_hash(tenancy.audit_log) IS 'The hash that an entry must have: SHA-256 of the previous hash and the entry''s columns as a JSON array';

CREATE FUNCTION tenancy_internal.audit_actor(OUT kind text, OUT id uuid, OUT name text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  me record;
BEGIN
  -- An invalid credential must not stop a DBA's work; the actor is still known, since the login is recorded.
  BEGIN
    SELECT * INTO me FROM tenancy.whoami();
  EXCEPTION WHEN OTHERS OR assert_failure THEN
    -- A person who joins or leaves need not have chosen an organization.
    BEGIN
      SELECT 'user', o.user_id, o.email INTO audit_actor.kind, audit_actor.id, audit_actor.name
        FROM tenancy_internal.own_identity() o WHERE o.kind = 'person' AND o.user_id IS NOT NULL;
      IF FOUND THEN
        RETURN;
      END IF;
    EXCEPTION WHEN OTHERS OR assert_failure THEN
      NULL;
    END;
    audit_actor.kind := 'login';
    audit_actor.name := concat_ws(', ', session_user, left('refused as user ' || nullif(current_setting('tenancy.user', true), ''), 100),
                      'refused with API key ' || nullif(current_setting('tenancy.api_key', true), ''),
                      CASE WHEN current_setting('tenancy.jwt', true) <> '' THEN 'refused with JWT' END);
    RETURN;
  END;
  IF me.kind = 'anonymous' THEN
    audit_actor.kind := 'login';
    audit_actor.name := session_user;
    RETURN;
  END IF;
  audit_actor.kind := me.kind;
  audit_actor.id := coalesce(me.api_key_id, me.user_id);
  IF me.api_key_id IS NOT NULL THEN
    SELECT concat_ws(', ', me.email, format('API key "%s"', k.name), k.display_prefix) INTO audit_actor.name
    FROM tenancy.api_keys k WHERE k.api_key_id = me.api_key_id;
  ELSIF me.kind = 'jwt' THEN
    audit_actor.name := tenancy.current_token_subject();
  END IF;
  -- A token's subject can be as long as a token, and the name is in an index.
  audit_actor.name := left(coalesce(audit_actor.name, me.email, concat_ws('/', me.kind, me.organization, me.workspace)), 500);
END
$$;
COMMENT ON FUNCTION tenancy_internal.audit_actor() IS 'Whom audit entries name: the session''s principal, or the login where there is none or its credential doesn''t hold';

-- No organization has an id of this form: version 8 in a variant that is not used.
CREATE FUNCTION tenancy_internal.events_chain(organization_id uuid) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, tenancy, pg_temp AS $$
  SELECT overlay(overlay(encode(substr(sha256(convert_to('events of ' || events_chain.organization_id::text, 'UTF8')), 1, 16), 'hex')
    PLACING '8' FROM 13) PLACING 'f' FROM 17)::uuid
$$;
COMMENT ON FUNCTION tenancy_internal.events_chain(uuid) IS 'Id of an organization''s chain of refusals and reads';

CREATE FUNCTION tenancy_internal.is_audit_writer() RETURNS boolean
LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'pg_tenancy_is_audit_writer';
COMMENT ON FUNCTION tenancy_internal.is_audit_writer() IS 'Whether the session is the background worker that writes entries of refusals and reads';

CREATE FUNCTION tenancy_internal.request_audit_notification() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'pg_tenancy_request_audit_notification';
COMMENT ON FUNCTION tenancy_internal.request_audit_notification() IS 'Has the background worker notify tenancy.audit_channel once this transaction is committed';

-- Two lookups and not one with a condition, so that each is a range of an index: the last entry of a chain beyond an id.
CREATE FUNCTION tenancy_internal.last_audit_entry(organization_id uuid, chain_id uuid, after_id bigint) RETURNS tenancy.audit_log
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, tenancy, pg_temp
SET enable_seqscan = off SET enable_sort = off SET enable_incremental_sort = off AS $$
DECLARE
  last_entry tenancy.audit_log;
BEGIN
  IF last_audit_entry.chain_id IS NULL THEN
    SELECT * INTO last_entry FROM tenancy.audit_log l
    WHERE (l.organization_id, l.audit_id) > (last_audit_entry.organization_id, last_audit_entry.after_id)
      AND (l.organization_id, l.audit_id) <= (last_audit_entry.organization_id, 9223372036854775807) AND l.chain_id IS NULL
    ORDER BY l.organization_id DESC, l.audit_id DESC LIMIT 1;
  ELSE
    SELECT * INTO last_entry FROM tenancy.audit_log l
    WHERE (l.chain_id, l.audit_id) > (last_audit_entry.chain_id, last_audit_entry.after_id)
      AND (l.chain_id, l.audit_id) <= (last_audit_entry.chain_id, 9223372036854775807) AND l.chain_id IS NOT NULL
    ORDER BY l.chain_id DESC, l.audit_id DESC LIMIT 1;
  END IF;
  RETURN last_entry;
END
$$;
COMMENT ON FUNCTION tenancy_internal.last_audit_entry(uuid, uuid, bigint) IS 'The last entry of an organization''s chain of changes, or of another chain, with a higher id; NULLs for none';

-- The inserter gives the event; actor, time and chain are filled in here. Of refusals and reads, which are written later and by
-- another session, the event includes actor and time.
CREATE FUNCTION tenancy_internal.seal_audit_entry() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp
SET enable_seqscan = off SET enable_sort = off SET enable_incremental_sort = off AS $$
DECLARE
  by_writer CONSTANT boolean := tenancy_internal.is_audit_writer();
  chain uuid;
  head tenancy.audit_heads;
  last bigint;
BEGIN
  NEW.chain_id := NULL;
  IF by_writer THEN
    NEW.chain_id := tenancy_internal.events_chain(NEW.organization_id);
  ELSE
    SELECT a.kind, a.id, a.name INTO NEW.actor_kind, NEW.actor_id, NEW.actor FROM tenancy_internal.audit_actor() a;
    NEW.login := session_user;
    NEW.client_address := inet_client_addr();
    NEW.outcome := 'success';
    NEW.request_id := nullif(current_setting('tenancy.request_id', true), '');
    NEW.user_agent := nullif(current_setting('tenancy.user_agent', true), '');
  END IF;
  chain := coalesce(NEW.chain_id, NEW.organization_id);
  IF NOT by_writer THEN
    -- As lock_organization() does
    PERFORM FROM tenancy.organizations o WHERE o.organization_id = NEW.organization_id FOR NO KEY UPDATE;
  END IF;
  NEW.previous_hash := NULL;
  IF chain IS NOT NULL THEN
    SELECT * INTO head FROM tenancy.audit_heads h WHERE h.organization_id = chain FOR NO KEY UPDATE;
    IF NOT FOUND THEN
      INSERT INTO tenancy.audit_heads (organization_id, events_of)
      VALUES (chain, CASE WHEN NEW.chain_id IS NOT NULL THEN NEW.organization_id END) ON CONFLICT DO NOTHING;
      SELECT * INTO head FROM tenancy.audit_heads h WHERE h.organization_id = chain FOR NO KEY UPDATE;
    END IF;
    -- The head moves at commit (see below): entries beyond it are this transaction's.
    NEW.previous_hash := coalesce((tenancy_internal.last_audit_entry(NEW.organization_id, NEW.chain_id, head.audit_id)).entry_hash, head.entry_hash);
  END IF;
  -- With the chain locked, ids and times are in its order.
  NEW.audit_id := nextval('tenancy.audit_log_audit_id_seq');
  last := greatest(head.audit_id, (SELECT max(l.audit_id) FROM tenancy.audit_log l), 0);
  -- A role that may set the sequence (pg_write_all_data, GRANT ... ON ALL SEQUENCES) must not be able to stop audited changes: neither by
  -- ids that are taken, nor by the last ones that there are, also in many small steps: each leaves an entry, and takes no more than the
  -- entries of open transactions can.
  IF NEW.audit_id <= head.audit_id OR NEW.audit_id - last > 10000000
    OR EXISTS (SELECT FROM tenancy.audit_log l WHERE l.audit_id = NEW.audit_id) THEN
    NEW.audit_id := setval('tenancy.audit_log_audit_id_seq', last + 1);
  END IF;
  NEW.at := CASE WHEN by_writer THEN least(NEW.at, clock_timestamp()) ELSE clock_timestamp() END;
  NEW.entry_hash := tenancy_internal.audit_entry_hash(NEW);
  -- On demand. Not by NOTIFY: whoever fills the server's queue of notifications would have each COMMIT with entries fail.
  IF current_setting('tenancy.audit_channel', true) <> '' THEN
    PERFORM tenancy_internal.request_audit_notification();
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.seal_audit_entry() IS 'Trigger: fills in who, when and from where, and appends the entry to its chain, with the organization locked, see lock_organization()';

-- Also of entries that a restore or logical replication loads: transactions of another server mean nothing here.
CREATE FUNCTION tenancy_internal.stamp_audit_entry() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  NEW.transaction_id := pg_current_xact_id();
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.stamp_audit_entry() IS 'Trigger: fills in the transaction that adds the entry to this database';

-- Once per transaction rather than once per entry: a row that one transaction updates over and over gets slower and slower.
CREATE FUNCTION tenancy_internal.advance_audit_head() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp
SET enable_seqscan = off SET enable_sort = off SET enable_incremental_sort = off AS $$
BEGIN
  IF NEW.audit_id = (tenancy_internal.last_audit_entry(NEW.organization_id, NEW.chain_id, NEW.audit_id - 1)).audit_id THEN
    UPDATE tenancy.audit_heads h SET audit_id = NEW.audit_id, entry_hash = NEW.entry_hash
    WHERE h.organization_id = coalesce(NEW.chain_id, NEW.organization_id);
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.advance_audit_head() IS 'Trigger: at commit, the transaction''s last entry of a chain becomes its head';

CREATE FUNCTION tenancy_internal.add_audit_entry(
  action text, resource_type text, resource_id text DEFAULT NULL, organization_id uuid DEFAULT NULL,
  workspace_id uuid DEFAULT NULL, before jsonb DEFAULT NULL, after jsonb DEFAULT NULL)
RETURNS void LANGUAGE sql SET search_path = pg_catalog, tenancy, pg_temp AS $$
  INSERT INTO tenancy.audit_log (audit_id, action, resource_type, resource_id, organization_id, workspace_id, before, after)
  OVERRIDING SYSTEM VALUE
  VALUES (NULL, add_audit_entry.action, add_audit_entry.resource_type, add_audit_entry.resource_id,
          add_audit_entry.organization_id, add_audit_entry.workspace_id, add_audit_entry.before, add_audit_entry.after)
$$;
COMMENT ON FUNCTION tenancy_internal.add_audit_entry(text, text, text, uuid, uuid, jsonb, jsonb) IS 'Adds an entry about the session''s doing; for functions whose work leaves no trace in a catalog';

-- The guards depend on the log's contents, not on the caller: entries can be deleted if a purge entry covers them.

CREATE FUNCTION tenancy_internal.guard_audit_log() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp
SET enable_seqscan = off AS $$
BEGIN
  IF TG_OP = 'DELETE' AND EXISTS (
    SELECT FROM tenancy.audit_log p
    WHERE p.resource_type = 'audit_log' AND p.resource_id = coalesce(OLD.chain_id::text, OLD.organization_id::text, 'none') AND p.action = 'purge'
      AND p.organization_id IS NOT DISTINCT FROM OLD.organization_id
      AND p.audit_id > OLD.audit_id AND p.after -> 'last_audit_id' >= to_jsonb(OLD.audit_id)) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
    MESSAGE = CASE TG_OP WHEN 'UPDATE' THEN 'audit entries cannot be changed' ELSE 'audit entries cannot be removed' END,
    HINT = 'Use tenancy.purge_audit_log() to remove entries that are old enough.';
END
$$;
COMMENT ON FUNCTION tenancy_internal.guard_audit_log() IS 'Trigger: audit entries stay as they are, and go only when a purge entry covers them; else 55000';

CREATE FUNCTION tenancy_internal.guard_audit_heads() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp
SET enable_seqscan = off AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.organization_id = OLD.organization_id AND NEW.events_of IS NOT DISTINCT FROM OLD.events_of THEN
    IF (NEW.anchor_audit_id, NEW.anchor_hash) = (OLD.anchor_audit_id, OLD.anchor_hash) AND NEW.audit_id > OLD.audit_id AND EXISTS (
      SELECT FROM tenancy.audit_log l
      WHERE coalesce(l.chain_id, l.organization_id) = NEW.organization_id AND l.audit_id = NEW.audit_id AND l.entry_hash = NEW.entry_hash) THEN
      RETURN NEW;
    END IF;
    IF (NEW.audit_id, NEW.entry_hash) = (OLD.audit_id, OLD.entry_hash) AND NEW.anchor_audit_id > OLD.anchor_audit_id AND EXISTS (
      SELECT FROM tenancy.audit_log p
      WHERE p.resource_type = 'audit_log' AND p.resource_id = NEW.organization_id::text AND p.action = 'purge'
        AND p.organization_id = coalesce(NEW.events_of, NEW.organization_id) AND p.after -> 'last_audit_id' = to_jsonb(NEW.anchor_audit_id)
        AND p.after ->> 'last_entry_hash' = encode(NEW.anchor_hash, 'hex')) THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
    MESSAGE = 'ends of the chains of audit entries cannot be changed or removed',
    HINT = 'They follow the entries; use tenancy.purge_audit_log() to remove entries that are old enough.';
END
$$;
COMMENT ON FUNCTION tenancy_internal.guard_audit_heads() IS 'Trigger: a chain''s head moves to a later entry, its anchor to where a purge entry says, and nothing else happens to them; else 55000';
