-- The audit log: entries, the chain of each organization's entries, and their guards. Triggers on the catalogs are in
-- 71_audit_catalogs.sql, checking and purging in 72_audit_chain.sql; see docs/design/audit.md.

CREATE TABLE tenancy.audit_log (
  audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
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
  entry_hash bytea NOT NULL
);
-- Actor and resource may be deleted later than the entry, so nothing here is a foreign key.
CREATE INDEX audit_log_chain_idx ON tenancy.audit_log (organization_id, audit_id);
CREATE INDEX audit_log_organization_idx ON tenancy.audit_log (organization_id, at);
CREATE INDEX audit_log_actor_id_idx ON tenancy.audit_log (actor_id, at) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_log_actor_idx ON tenancy.audit_log (actor, at);
CREATE INDEX audit_log_action_idx ON tenancy.audit_log (action, at);
CREATE INDEX audit_log_resource_idx ON tenancy.audit_log (resource_type, resource_id, at);
COMMENT ON TABLE tenancy.audit_log IS 'Changes with actor, time and client address; entries are only added, and removed by purge_audit_log() only';
COMMENT ON COLUMN tenancy.audit_log.audit_id IS 'Id of the entry; grows along an organization''s chain';
COMMENT ON COLUMN tenancy.audit_log.at IS 'When the entry was written';
COMMENT ON COLUMN tenancy.audit_log.organization_id IS 'Organization that the change concerns; NULL for objects without organization (users, permissions, protected tables …)';
COMMENT ON COLUMN tenancy.audit_log.workspace_id IS 'Workspace that the change concerns, if one';
COMMENT ON COLUMN tenancy.audit_log.actor_kind IS 'Kind of the session''s principal, as whoami() has it; login for a session without one';
COMMENT ON COLUMN tenancy.audit_log.actor_id IS 'Id of the API key, or else of the user, that acted';
COMMENT ON COLUMN tenancy.audit_log.actor IS 'The actor in readable form: e-mail address, key, subject of the token, or login';
COMMENT ON COLUMN tenancy.audit_log.login IS 'PostgreSQL login of the session';
COMMENT ON COLUMN tenancy.audit_log.client_address IS 'Address of the client; NULL for a local socket';
COMMENT ON COLUMN tenancy.audit_log.action IS 'The action: create, update, delete, rotate, revoke …';
COMMENT ON COLUMN tenancy.audit_log.resource_type IS 'Kind of the changed object: organization, workspace, user, api_key …';
COMMENT ON COLUMN tenancy.audit_log.resource_id IS 'Id of the changed object, unique among its kind in the organization';
COMMENT ON COLUMN tenancy.audit_log.before IS 'The row before, without secrets';
COMMENT ON COLUMN tenancy.audit_log.after IS 'The row after, without secrets';
COMMENT ON COLUMN tenancy.audit_log.previous_hash IS 'Hash of the organization''s entry before this one; NULL without an organization';
COMMENT ON COLUMN tenancy.audit_log.entry_hash IS 'SHA-256 of the previous hash and all other columns';

CREATE TABLE tenancy.audit_heads (
  organization_id uuid PRIMARY KEY,
  audit_id bigint NOT NULL DEFAULT 0,
  entry_hash bytea NOT NULL DEFAULT pg_catalog.decode(pg_catalog.repeat('00', 32), 'hex'),
  anchor_audit_id bigint NOT NULL DEFAULT 0,
  anchor_hash bytea NOT NULL DEFAULT pg_catalog.decode(pg_catalog.repeat('00', 32), 'hex')
);
COMMENT ON TABLE tenancy.audit_heads IS 'Both ends of each organization''s chain of audit entries; writers of one organization wait here for each other';
COMMENT ON COLUMN tenancy.audit_heads.organization_id IS 'The organization, also one that is gone';
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
    (entry).action, (entry).resource_type, (entry).resource_id, (entry).before, (entry).after)::text, 'UTF8')));
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

-- The inserter gives the event; actor, time and chain are filled in here.
CREATE FUNCTION tenancy_internal.seal_audit_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp
SET enable_seqscan = off SET enable_sort = off SET enable_incremental_sort = off AS $$
DECLARE
  head tenancy.audit_heads;
  last_hash bytea;
BEGIN
  SELECT a.kind, a.id, a.name INTO NEW.actor_kind, NEW.actor_id, NEW.actor FROM tenancy_internal.audit_actor() a;
  NEW.login := session_user;
  NEW.client_address := inet_client_addr();
  NEW.previous_hash := NULL;
  IF NEW.organization_id IS NOT NULL THEN
    SELECT * INTO head FROM tenancy.audit_heads h WHERE h.organization_id = NEW.organization_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
      INSERT INTO tenancy.audit_heads (organization_id) VALUES (NEW.organization_id) ON CONFLICT DO NOTHING;
      SELECT * INTO head FROM tenancy.audit_heads h WHERE h.organization_id = NEW.organization_id FOR NO KEY UPDATE;
    END IF;
    -- The head moves at commit (see below): entries beyond it are this transaction's.
    SELECT l.entry_hash INTO last_hash FROM tenancy.audit_log l
    WHERE (l.organization_id, l.audit_id) > (head.organization_id, head.audit_id)
      AND (l.organization_id, l.audit_id) <= (head.organization_id, 9223372036854775807)
    ORDER BY l.organization_id DESC, l.audit_id DESC LIMIT 1;
    NEW.previous_hash := coalesce(last_hash, head.entry_hash);
  END IF;
  -- With the chain locked, ids and times are in its order.
  NEW.audit_id := nextval('tenancy.audit_log_audit_id_seq');
  -- A role that may set the sequence (GRANT ... ON ALL SEQUENCES) must not be able to stop audited changes.
  IF NEW.audit_id <= head.audit_id OR EXISTS (SELECT FROM tenancy.audit_log l WHERE l.audit_id = NEW.audit_id) THEN
    NEW.audit_id := setval('tenancy.audit_log_audit_id_seq', (SELECT max(l.audit_id) FROM tenancy.audit_log l) + 1);
  END IF;
  NEW.at := clock_timestamp();
  NEW.entry_hash := tenancy_internal.audit_entry_hash(NEW);
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.seal_audit_entry() IS 'Trigger: fills in who, when and from where, and appends the entry to its organization''s chain';

-- Once per transaction rather than once per entry: a row that one transaction updates over and over gets slower and slower.
CREATE FUNCTION tenancy_internal.advance_audit_head() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp
SET enable_seqscan = off SET enable_sort = off SET enable_incremental_sort = off AS $$
BEGIN
  IF NEW.audit_id = (SELECT l.audit_id FROM tenancy.audit_log l
                     WHERE (l.organization_id, l.audit_id) >= (NEW.organization_id, NEW.audit_id)
                       AND (l.organization_id, l.audit_id) <= (NEW.organization_id, 9223372036854775807)
                     ORDER BY l.organization_id DESC, l.audit_id DESC LIMIT 1) THEN
    UPDATE tenancy.audit_heads h SET audit_id = NEW.audit_id, entry_hash = NEW.entry_hash
    WHERE h.organization_id = NEW.organization_id;
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION tenancy_internal.advance_audit_head() IS 'Trigger: at commit, the transaction''s last entry of an organization becomes the head of its chain';

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
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp
SET enable_seqscan = off AS $$
BEGIN
  IF TG_OP = 'DELETE' AND EXISTS (
    SELECT FROM tenancy.audit_log p
    WHERE p.resource_type = 'audit_log' AND p.resource_id = coalesce(OLD.organization_id::text, 'none') AND p.action = 'purge'
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
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp
SET enable_seqscan = off AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.organization_id = OLD.organization_id THEN
    IF (NEW.anchor_audit_id, NEW.anchor_hash) = (OLD.anchor_audit_id, OLD.anchor_hash) AND NEW.audit_id > OLD.audit_id AND EXISTS (
      SELECT FROM tenancy.audit_log l
      WHERE l.organization_id = NEW.organization_id AND l.audit_id = NEW.audit_id AND l.entry_hash = NEW.entry_hash) THEN
      RETURN NEW;
    END IF;
    IF (NEW.audit_id, NEW.entry_hash) = (OLD.audit_id, OLD.entry_hash) AND NEW.anchor_audit_id > OLD.anchor_audit_id AND EXISTS (
      SELECT FROM tenancy.audit_log p
      WHERE p.resource_type = 'audit_log' AND p.resource_id = NEW.organization_id::text AND p.action = 'purge'
        AND p.organization_id = NEW.organization_id AND p.after -> 'last_audit_id' = to_jsonb(NEW.anchor_audit_id)
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
