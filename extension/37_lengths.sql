-- Length limits of texts that tenants can store: each is also written to the audit log, and those used in references are in an
-- index, whose entries have at most 2704 bytes. Triggers and not CHECK constraints, which would keep longer rows of an earlier
-- version from being restored, and a key with a long name from being revoked.

CREATE FUNCTION tenancy_internal.check_length() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
DECLARE
  new_row jsonb := to_jsonb(NEW);
  old_row jsonb := CASE TG_OP WHEN 'UPDATE' THEN to_jsonb(OLD) END;
  found_length integer;
BEGIN
  FOR i IN 0 .. TG_NARGS - 2 BY 2 LOOP
    found_length := length(new_row ->> TG_ARGV[i]);
    IF found_length > TG_ARGV[i + 1]::integer AND new_row -> TG_ARGV[i] IS DISTINCT FROM old_row -> TG_ARGV[i] THEN
      RAISE EXCEPTION USING ERRCODE = 'check_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = TG_ARGV[i],
        CONSTRAINT = format('%s_%s_length', TG_TABLE_NAME, TG_ARGV[i]),
        MESSAGE = format('value too long for column "%s" of table "%s"', TG_ARGV[i], TG_TABLE_NAME),
        DETAIL = format('It has %s characters; %s are allowed.', found_length, TG_ARGV[i + 1]);
    END IF;
  END LOOP;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_length() IS 'Trigger: a text that is stored or changed has at most so many characters; arguments: column, length, column, length ...';

DO $$
DECLARE
  bound record;
BEGIN
  FOR bound IN
    SELECT v.catalog, string_agg(format('%L, %L', v.attribute, v.longest), ', ' ORDER BY v.n) AS arguments,
           string_agg(format('length(NEW.%I%s) > %s', v.attribute, CASE WHEN v.attribute IN ('jwk', 'metadata', 'allowed_networks') THEN '::text' END, v.longest), ' OR ' ORDER BY v.n) AS condition
    FROM (VALUES
      (1, 'organizations', 'slug', 100), (2, 'organizations', 'name', 1000), (3, 'organizations', 'external_id', 500),
      (1, 'workspaces', 'slug', 100), (2, 'workspaces', 'name', 1000), (3, 'workspaces', 'external_id', 500),
      (1, 'organization_members', 'name', 1000), (2, 'organization_members', 'external_id', 500), (3, 'organization_members', 'reason', 1000), (1, 'workspace_members', 'reason', 1000), (1, 'group_roles', 'reason', 1000), (1, 'group_members', 'reason', 1000), (1, 'grants', 'reason', 1000), (1, 'elevations', 'reason', 1000), (1, 'invitations', 'email', 320), (1, 'refused_invitations', 'email', 320),
      (1, 'users', 'email', 320), (2, 'users', 'name', 1000), (3, 'users', 'external_id', 500),
      (1, 'roles', 'name', 100), (2, 'roles', 'description', 1000), (1, 'permissions', 'description', 1000),
      (1, 'api_keys', 'name', 1000), (2, 'api_keys', 'external_id', 500), (3, 'api_keys', 'display_prefix', 100),
      (4, 'api_keys', 'description', 1000), (5, 'api_keys', 'metadata', 8192), (6, 'api_keys', 'reason', 1000), (7, 'api_keys', 'allowed_networks', 4000),
      (1, 'jwt_keys', 'jwk', 16384), (1, 'jwt_issuers', 'issuer', 1000), (2, 'jwt_issuers', 'audience', 1000),
      (1, 'protected_tables', 'resource', 63)) v (n, catalog, attribute, longest)
    GROUP BY v.catalog LOOP
    -- Called only for texts that are too long.
    EXECUTE format('CREATE TRIGGER check_length BEFORE INSERT OR UPDATE ON %I.%I FOR EACH ROW WHEN (%s)
                    EXECUTE FUNCTION tenancy_internal.check_length(%s)',
                   CASE bound.catalog WHEN 'refused_invitations' THEN 'tenancy_internal' ELSE 'tenancy' END,
                   bound.catalog, bound.condition, bound.arguments);
  END LOOP;
END
$$;

-- References are ids, external ids or slugs. A slug in the form of an id would make the reference to another row ambiguous.
-- Existing ones stay, and can be restored from a dump.
CREATE FUNCTION tenancy_internal.check_slug() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.slug IS NOT DISTINCT FROM OLD.slug THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'check_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = 'slug',
    CONSTRAINT = format('%s_slug_form', TG_TABLE_NAME), MESSAGE = format('slug "%s" has the form of an id', NEW.slug),
    HINT = 'Give a slug that is a name.';
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_slug() IS 'Trigger: raises 23514 for a new slug in the form of a uuid, which would make references ambiguous';

DO $$
DECLARE
  catalog name;
BEGIN
  FOREACH catalog IN ARRAY ARRAY['organizations', 'workspaces'] LOOP
    EXECUTE format('CREATE TRIGGER check_slug BEFORE INSERT OR UPDATE ON tenancy.%I FOR EACH ROW
      WHEN (pg_catalog.length(pg_catalog.replace(NEW.slug, ''-'', '''')) = 32 AND NEW.slug ~ ''^[0-9a-f-]+$''
            AND NOT (pg_catalog.current_setting(''check_function_bodies'') = ''off'' AND pg_catalog.current_setting(''search_path'') = ''''))
      EXECUTE FUNCTION tenancy_internal.check_slug()', catalog);
  END LOOP;
END
$$;

-- References to roles and groups are names and ids, too. Issuers name groups by ids of their own (Microsoft Entra): these stay, unless
-- another group has the id.
CREATE FUNCTION tenancy_internal.check_name() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.name IS NOT DISTINCT FROM OLD.name
     OR TG_TABLE_NAME = 'groups' AND to_jsonb(NEW) ->> 'trust_id' IS NOT NULL AND NOT EXISTS (
          SELECT FROM tenancy.groups g WHERE g.organization_id = NEW.organization_id
            AND replace(g.group_id::text, '-', '') = replace(lower(NEW.name), '-', '')) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'check_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = 'name',
    CONSTRAINT = format('%s_name_form', TG_TABLE_NAME), MESSAGE = format('name "%s" of a %s has the form of an id', NEW.name, TG_ARGV[0]),
    HINT = 'Choose another name.';
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_name() IS 'Trigger: raises 23514 for a new name of a role or group in the form of a uuid, which would make references ambiguous';

DO $$
DECLARE
  catalog record;
BEGIN
  FOR catalog IN SELECT * FROM (VALUES ('roles', 'role'), ('groups', 'group')) v (name, kind) LOOP
    EXECUTE format('CREATE TRIGGER check_name BEFORE INSERT OR UPDATE ON tenancy.%I FOR EACH ROW
      WHEN (pg_catalog.length(pg_catalog.replace(NEW.name, ''-'', '''')) = 32 AND NEW.name ~* ''^[0-9a-f-]+$''
            AND NOT (pg_catalog.current_setting(''check_function_bodies'') = ''off'' AND pg_catalog.current_setting(''search_path'') = ''''))
      EXECUTE FUNCTION tenancy_internal.check_name(%L)', catalog.name, catalog.kind);
  END LOOP;
END
$$;

-- An external id must not take the place of a name that somebody else has, or will have.
CREATE FUNCTION tenancy_internal.check_user_external_id() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.external_id IS NOT DISTINCT FROM OLD.external_id THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'check_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = 'external_id',
    CONSTRAINT = 'users_external_id_form', MESSAGE = 'the external id has the form of another person''s e-mail address',
    HINT = 'Give the user''s own address, or an id that is no address.';
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_user_external_id() IS 'Trigger: raises 23514 for a new external id with an @ that is not the user''s own address';

CREATE TRIGGER check_external_id BEFORE INSERT OR UPDATE ON tenancy.users FOR EACH ROW
  WHEN (pg_catalog.strpos(NEW.external_id, '@') > 0 AND pg_catalog.lower(NEW.external_id) <> NEW.email
        AND NOT (pg_catalog.current_setting('check_function_bodies') = 'off' AND pg_catalog.current_setting('search_path') = ''))
  EXECUTE FUNCTION tenancy_internal.check_user_external_id();

-- An id comes first in references, so that an external id in the form of one would name its holder to nobody, and somebody else to
-- whoever chooses it with that in mind. Text columns that hold ids have the holder's own.
CREATE FUNCTION tenancy_internal.check_external_id_form() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.external_id IS NOT DISTINCT FROM OLD.external_id
     OR replace(lower(NEW.external_id), '-', '') = replace(to_jsonb(NEW) ->> TG_ARGV[0], '-', '') THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'check_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = 'external_id',
    CONSTRAINT = format('%s_external_id_form', TG_TABLE_NAME), MESSAGE = format('external id "%s" has the form of an id', NEW.external_id),
    DETAIL = 'References could mean the one or the other.',
    HINT = format('Give an external id of another form, or the same id for "%s" as well.', TG_ARGV[0]);
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_external_id_form() IS 'Trigger: raises 23514 for a new external id in the form of a uuid, unless it is that of the row; argument: column of the id';

DO $$
DECLARE
  catalog record;
BEGIN
  FOR catalog IN SELECT * FROM (VALUES ('organizations', 'organization_id'), ('workspaces', 'workspace_id'), ('users', 'user_id'),
                                       ('api_keys', 'api_key_id')) v (name, id_column) LOOP
    EXECUTE format('CREATE TRIGGER check_external_id_form BEFORE INSERT OR UPDATE ON tenancy.%I FOR EACH ROW
      WHEN (pg_catalog.length(pg_catalog.replace(NEW.external_id, ''-'', '''')) = 32 AND NEW.external_id ~* ''^[0-9a-f-]+$''
            AND NOT (pg_catalog.current_setting(''check_function_bodies'') = ''off'' AND pg_catalog.current_setting(''search_path'') = ''''))
      EXECUTE FUNCTION tenancy_internal.check_external_id_form(%L)', catalog.name, catalog.id_column);
  END LOOP;
END
$$;

-- After the row, as all that compares it with others' (98_catalogs_triggers.sql).
CREATE FUNCTION tenancy_internal.check_organization_names() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  PERFORM tenancy_internal.require_current('{tenancy.organizations}');
  IF EXISTS (SELECT FROM tenancy.organizations o WHERE o.slug = NEW.external_id AND o.organization_id <> NEW.organization_id)
     OR EXISTS (SELECT FROM tenancy.organizations o WHERE o.external_id = NEW.slug AND o.organization_id <> NEW.organization_id) THEN
    RAISE EXCEPTION USING ERRCODE = 'unique_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
      CONSTRAINT = 'organizations_names', MESSAGE = 'slug or external id of the organization is in use',
      HINT = 'Choose another one.';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_organization_names() IS 'Trigger: raises 23505 for an external id that is another organization''s slug, and the reverse';

CREATE TRIGGER check_names AFTER INSERT OR UPDATE OF slug, external_id ON tenancy.organizations FOR EACH ROW
  WHEN (NOT (pg_catalog.current_setting('check_function_bodies') = 'off' AND pg_catalog.current_setting('search_path') = ''))
  EXECUTE FUNCTION tenancy_internal.check_organization_names();

-- Within an organization a name is one workspace's, or whoever may rename one could make references to another fail.
CREATE FUNCTION tenancy_internal.check_workspace_names() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM tenancy.workspaces w WHERE w.organization_id = NEW.organization_id AND w.workspace_id <> NEW.workspace_id
               AND (w.slug = NEW.external_id OR w.external_id = NEW.slug)) THEN
    RAISE EXCEPTION USING ERRCODE = 'unique_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
      CONSTRAINT = 'workspaces_names', MESSAGE = 'slug or external id of the workspace is another one''s',
      HINT = 'Choose another one.';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_workspace_names() IS 'Trigger: raises 23505 for an external id that is the slug of another workspace of the organization, and the reverse';

CREATE TRIGGER check_names AFTER INSERT OR UPDATE OF slug, external_id ON tenancy.workspaces FOR EACH ROW
  WHEN (NOT (pg_catalog.current_setting('check_function_bodies') = 'off' AND pg_catalog.current_setting('search_path') = ''))
  EXECUTE FUNCTION tenancy_internal.check_workspace_names();

-- No external id, of an organization or a workspace, takes the place of another organization's workspace, written with that
-- organization's name.
CREATE FUNCTION tenancy_internal.check_external_id_prefix() RETURNS trigger
LANGUAGE tenancy_unit SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM tenancy.organizations o WHERE o.organization_id <> NEW.organization_id
               AND split_part(NEW.external_id, '/', 1) IN (o.slug, o.external_id, o.organization_id::text)) THEN
    RAISE EXCEPTION USING ERRCODE = 'unique_violation', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
      CONSTRAINT = format('%s_external_id_form', TG_TABLE_NAME), MESSAGE = 'external id begins with the name of another organization',
      HINT = 'Choose another one.';
  END IF;
  RETURN NEW;
END
$$;
COMMENT ON FUNCTION tenancy_internal.check_external_id_prefix() IS 'Trigger: raises 23505 for a new external id that reads as a workspace of another organization';

DO $$
DECLARE
  catalog name;
BEGIN
  FOREACH catalog IN ARRAY ARRAY['organizations', 'workspaces'] LOOP
    EXECUTE format('CREATE TRIGGER check_external_id AFTER INSERT OR UPDATE OF external_id ON tenancy.%I FOR EACH ROW
      WHEN (pg_catalog.strpos(NEW.external_id, ''/'') > 0
            AND NOT (pg_catalog.current_setting(''check_function_bodies'') = ''off'' AND pg_catalog.current_setting(''search_path'') = ''''))
      EXECUTE FUNCTION tenancy_internal.check_external_id_prefix()', catalog);
  END LOOP;
END
$$;
