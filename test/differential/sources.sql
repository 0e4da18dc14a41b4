-- Sources of random queries: a world's protected tables, with more columns than the tenant's; for each principal a copy of every
-- table, and of every partition, with exactly the principal's own rows; and a trap in the rows that it must not see.
--
-- The protected tables lie in schema app and the copies, under the same names, in schema mine: a query's text is the
-- same for both, search_path decides.

CREATE SCHEMA differential;
CREATE SCHEMA mine;
GRANT USAGE ON SCHEMA differential, mine TO PUBLIC;

-- Sources of a query. Expressions have @ in place of the alias.
CREATE TABLE differential.sources (name text PRIMARY KEY, numbers text[] NOT NULL, texts text[] NOT NULL);

-- The principal's permissions on a table, for all the rows that it sees.
CREATE TABLE differential.targets (
  t int PRIMARY KEY,
  name text NOT NULL,
  visible int[] NOT NULL,
  hidden int[] NOT NULL,
  may_insert boolean NOT NULL,
  may_update boolean NOT NULL,
  may_delete boolean NOT NULL
);

-- The trap: cheap, so that the planner likes to ask it first, and not leakproof. What it has been told of is in
-- differential.visible, which parallel workers know too.
CREATE FUNCTION differential.trap(secret text) RETURNS text STABLE STRICT PARALLEL SAFE COST 0.0001 LANGUAGE plpgsql AS $$
BEGIN
  IF secret <> 'new' AND position(',' || secret || ',' IN current_setting('differential.visible')) = 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'LEAKS', MESSAGE = format('row %s came to a function of the query', secret);
  END IF;
  RETURN secret;
END
$$;

CREATE FUNCTION differential.unqualified(relation text) RETURNS text IMMUTABLE LANGUAGE sql AS
  $$SELECT substr(relation, length('app.') + 1)$$;

-- Adds what queries are about to the tables of a new world, and makes the empty copies, which guard rails would close: they fill in the
-- tenant as protected tables do.
CREATE FUNCTION differential.furnish() RETURNS void LANGUAGE plpgsql SET tenancy.guard_rails = off AS $$
DECLARE
  asked record;
  name text;
  part text;
  view_name text;
  tenant_columns text[];
  tenant_column name;
BEGIN
  FOR asked IN SELECT w.t, w.relation, w.partitions FROM worlds.tables w ORDER BY w.t LOOP
    name := differential.unqualified(asked.relation);
    view_name := format('v%s', asked.t);
    EXECUTE format('ALTER TABLE %s ADD COLUMN n int, ADD COLUMN amount numeric, ADD COLUMN tag text, ADD COLUMN secret text', asked.relation);
    EXECUTE format($sql$UPDATE %s SET n = nullif((id * 7 + %s) %% 11, 5), amount = id %% 4 + 0.5,
      tag = (ARRAY['red', 'green', 'blue', 'Red', NULL])[id %% 5 + 1], secret = %s || ':' || id$sql$, asked.relation, asked.t, asked.t);
    EXECUTE format('CREATE %s INDEX ON %s (id)', CASE WHEN asked.partitions = '{}' THEN 'UNIQUE' END, asked.relation);
    EXECUTE format('CREATE INDEX ON %s (n, id)', asked.relation);
    EXECUTE format('CREATE INDEX ON %s (tag)', asked.relation);
    -- conditions on these find an index as far as tenancy.trusted_conditions says
    EXECUTE format('CREATE INDEX ON %s (amount)', asked.relation);
    FOR tenant_column IN SELECT c.name FROM worlds.columns c WHERE c.t = asked.t LOOP
      EXECUTE format('CREATE INDEX ON %s (%I, amount)', asked.relation, tenant_column);
      EXECUTE format('CREATE INDEX ON %s (%I, tag text_pattern_ops)', asked.relation, tenant_column);
    END LOOP;
    EXECUTE format('CREATE TABLE mine.%s (LIKE %s INCLUDING DEFAULTS)', name, asked.relation);
    IF asked.partitions = '{}' THEN
      EXECUTE format('CREATE UNIQUE INDEX ON mine.%s (id)', name);
    END IF;
    EXECUTE format('CREATE VIEW app.%s WITH (security_invoker) AS SELECT * FROM %s WHERE n IS DISTINCT FROM 3', view_name, asked.relation);
    EXECUTE format('CREATE VIEW mine.%s AS SELECT * FROM mine.%s WHERE n IS DISTINCT FROM 3', view_name, name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON mine.%s TO PUBLIC', name);
    FOREACH part IN ARRAY asked.partitions LOOP
      EXECUTE format('CREATE TABLE mine.%s (LIKE %s)', differential.unqualified(part), part);
      EXECUTE format('GRANT SELECT ON mine.%s TO PUBLIC', differential.unqualified(part));
    END LOOP;
    EXECUTE format('GRANT SELECT ON app.%s, mine.%1$s TO PUBLIC', view_name);
    EXECUTE format('ANALYZE %s', asked.relation);
    tenant_columns := ARRAY(SELECT format('@.%I::text', c.name) FROM worlds.columns c WHERE c.t = asked.t ORDER BY c.number);
    INSERT INTO differential.sources
    SELECT s, '{@.id,@.n,@.amount}', ARRAY['@.tag', '@.note', 'differential.trap(@.secret)', 'differential.trap(@.secret)'] || tenant_columns
    FROM unnest(ARRAY[name, view_name] || ARRAY(SELECT differential.unqualified(p) FROM unnest(asked.partitions) p)) s;
  END LOOP;
END
$$;

-- The rows that the session's principal gets of each table, which have to be those that the oracle says, go into the
-- copies. The function's owner is a superuser, the session isn't.
CREATE FUNCTION differential.reduce(t int, visible int[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  relation text;
  copy text;
BEGIN
  FOR relation IN SELECT unnest(w.relation || w.partitions) FROM worlds.tables w WHERE w.t = reduce.t LOOP
    copy := 'mine.' || differential.unqualified(relation);
    EXECUTE format('TRUNCATE %s', copy);
    EXECUTE format('INSERT INTO %s SELECT * FROM %s WHERE id = ANY (%L)', copy, relation, visible);
    EXECUTE format('ANALYZE %s', copy);
  END LOOP;
END
$$;

-- Whether the rows that a principal may update, or delete, are those that it sees.
CREATE FUNCTION differential.may_all(who int, t int, purpose text, visible int[]) RETURNS boolean LANGUAGE sql AS $$
  SELECT e.yes = visible AND e.open = '{}' FROM worlds.expected e WHERE e.n = who AND e.t = may_all.t AND e.purpose = may_all.purpose
$$;

CREATE FUNCTION differential.adopt(who int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  asked record;
  expected worlds.expected;
  visible int[];
BEGIN
  DELETE FROM differential.targets;
  FOR asked IN SELECT w.t, w.relation FROM worlds.tables w ORDER BY w.t LOOP
    PERFORM worlds.become(who);
    visible := worlds.observe('policy', asked.t);
    SELECT * INTO expected FROM worlds.expected e WHERE e.n = who AND e.t = asked.t AND e.purpose = 'read';
    PERFORM worlds.compare(who, asked.t, 'policy against oracle', visible, expected.yes, expected.open);
    PERFORM differential.reduce(asked.t, visible);
    RESET SESSION AUTHORIZATION;
    INSERT INTO differential.targets
    SELECT asked.t, differential.unqualified(asked.relation), visible,
      ARRAY(SELECT r.id FROM oracle.rows r WHERE r.t = asked.t AND r.only_n IS NULL AND r.id <> ALL (visible) ORDER BY r.id),
      false, differential.may_all(who, asked.t, 'update', visible), differential.may_all(who, asked.t, 'delete', visible);
    PERFORM worlds.become(who);
    IF (worlds.attempt(format('WITH new AS (INSERT INTO %s (id) VALUES (9999) RETURNING id) SELECT array_agg(id) FROM new', asked.relation), NULL)).code IS NULL THEN
      RESET SESSION AUTHORIZATION;
      UPDATE differential.targets d SET may_insert = true WHERE d.t = asked.t;
    END IF;
    RESET SESSION AUTHORIZATION;
  END LOOP;
  PERFORM set_config('differential.visible', ',' || coalesce(string_agg(format('%s:%s', d.t, id), ','), '') || ',', false)
  FROM differential.targets d, unnest(d.visible) id;
END
$$;

CREATE FUNCTION differential.clear() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  asked record;
BEGIN
  FOR asked IN SELECT w.t, differential.unqualified(r) AS name FROM worlds.tables w, unnest(w.relation || w.partitions) r LOOP
    EXECUTE format('DROP VIEW IF EXISTS app.v%s, mine.v%1$s', asked.t);
    EXECUTE format('DROP TABLE mine.%s', asked.name);
  END LOOP;
  TRUNCATE differential.sources, differential.targets, differential.features, differential.commands;
END
$$;
