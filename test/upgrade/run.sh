#!/usr/bin/env bash
# Updates, with a next version made of this one and next.sql: test/upgrade/run.sh
#
#   - an updated extension is the one that CREATE EXTENSION makes: for each released version, and for the made-up one
#   - sessions go on through the installation of the new module, and with it through the update, cached plans included
#   - module and extension that do not belong together are refused: 55000, and nobody sees a row
#
# Makes servers of its own. Takes the objects of $BUILD_DIR/gcc, if they are there.
set -euo pipefail
shopt -s inherit_errexit nullglob
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"
cd "$ROOT_DIR"

version_of() { sed -n "s/^default_version *= *'\(.*\)'/\1/p" "$1/pg_tenancy.control"; }
OLD=$(version_of .)
NEXT=$OLD.99
STAGE=$WORK_DIR/stage
passed=0
failed=0

expect() {
  if [[ $2 == "$3" ]]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf '%s\n  expected: %s\n  but got:  %s\n' "$1" "$2" "$3"
  fi
}

# --- modules and scripts ----------------------------------------------------------------------------------------

# build NAME: the tree below build_NAME, installed below stage_NAME.
build() {
  make -s -C "$WORK_DIR/build_$1" -j"$(nproc)" PG_CONFIG="$PG_CONFIG" "CXX=${CXX:-g++}" WERROR=1
  make -s -C "$WORK_DIR/build_$1" install DESTDIR="$WORK_DIR/stage_$1" PG_CONFIG="$PG_CONFIG" "CXX=${CXX:-g++}" WERROR=1 >/dev/null
}

# make_next NAME: the next version, whose update is what is on standard input.
make_next() {
  cp -a "$WORK_DIR/build_old" "$WORK_DIR/build_$1"
  bash test/upgrade/next_version.sh "$WORK_DIR/build_$1"
}

# Installs the files that the server finds from now on. They are new files, as with packages: sessions that
# have loaded the old module keep it.
install() {
  mkdir -p "$STAGE"
  rm -rf "${STAGE:?}"/*
  cp -a "$WORK_DIR/stage_$1"/. "$STAGE"
}

# --- sessions that stay open ------------------------------------------------------------------------------------

sql() { psql -XqAt -v ON_ERROR_STOP=1 -v VERBOSITY=sqlstate "$@"; }

# open NAME USER
declare -A into from
open() {
  local in out
  mkfifo "$WORK_DIR/$1.in" "$WORK_DIR/$1.out"
  psql -XqAt -v VERBOSITY=sqlstate -d upgrade -U "$2" <"$WORK_DIR/$1.in" >"$WORK_DIR/$1.out" 2>&1 &
  exec {in}>"$WORK_DIR/$1.in" {out}<"$WORK_DIR/$1.out"
  into[$1]=$in from[$1]=$out
}

# ask NAME SQL: what it prints, in one line.
ask() {
  local line lines=()
  printf '%s;\n\\echo --\n' "$2" >&"${into[$1]}"
  while IFS= read -r -t 60 line <&"${from[$1]}" && [[ $line != -- ]]; do lines+=("$line"); done
  printf '%s\n' "${lines[*]-}"
}

# Rows of the owner of either tenant, and of nobody, by the session's prepared statement.
seen_by() {
  ask "$1" "SET \"tenancy.user\" = 'olivia@acme.test'; EXECUTE seen;
            SET \"tenancy.user\" = 'gus@globex.test'; EXECUTE seen; RESET \"tenancy.user\"; EXECUTE seen"
}
prepare="PREPARE seen AS SELECT count(*) FROM logs"

extension_version() { sql -d upgrade -c "SELECT extversion FROM pg_extension WHERE extname = 'pg_tenancy'"; }

# --- the updated extension is the fresh one ---------------------------------------------------------------------

# snapshot NAME SQL [EXTENSION SCHEMA]: of a new database in which that has been run.
snapshot() {
  sql -d postgres -c "CREATE DATABASE $1"
  sql -d "$1" -c 'SET client_min_messages = warning' -c "$2"
  sql -d "$1" -v extension="${3:-pg_tenancy}" -v schema="${4:-tenancy}" -f test/upgrade/snapshot.sql >"$WORK_DIR/$1.facts"
  sql -d postgres -c "DROP DATABASE $1"
}

differences() { diff "$WORK_DIR/fresh.facts" "$WORK_DIR/$1.facts" | head -n 40 || true; }

check_equality() {
  local released version
  install next
  snapshot fresh 'CREATE EXTENSION pg_tenancy'
  expect 'a snapshot says something' yes "$([[ $(wc -l <"$WORK_DIR/fresh.facts") -gt 1000 ]] && echo yes)"
  for released in "$WORK_DIR"/build_next/extension/released/pg_tenancy--*.sql; do
    version=${released##*--} version=${version%.sql}
    snapshot updated "CREATE EXTENSION pg_tenancy VERSION '$version'; ALTER EXTENSION pg_tenancy UPDATE"
    expect "updated from $version, it is as new" '' "$(differences updated)"
  done

  # The extension for users' tests, of which there is no made-up version
  install old
  snapshot fresh_testing 'CREATE EXTENSION pg_tenancy_testing CASCADE' pg_tenancy_testing tenancy_testing
  expect 'a snapshot of pg_tenancy_testing says something' yes "$([[ $(wc -l <"$WORK_DIR/fresh_testing.facts") -gt 20 ]] && echo yes)"
  for released in extension/released/pg_tenancy_testing--*.sql; do
    version=${released##*--} version=${version%.sql}
    snapshot updated_testing "CREATE EXTENSION pg_tenancy_testing VERSION '$version' CASCADE; ALTER EXTENSION pg_tenancy_testing UPDATE" \
      pg_tenancy_testing tenancy_testing
    expect "pg_tenancy_testing, updated from $version, is as new" '' \
      "$(diff "$WORK_DIR/fresh_testing.facts" "$WORK_DIR/updated_testing.facts" | head -n 40 || true)"
  done
  install next

  # A forgotten comment, right or column would be noticed.
  install forgetful
  snapshot forgetful "CREATE EXTENSION pg_tenancy VERSION '$OLD'; ALTER EXTENSION pg_tenancy UPDATE"
  expect 'an update that forgets is noticed' 'comment right column' \
    "$(differences forgetful | awk '/^< description of column.*nickname/ {c = "comment"} /^< function .*next_rails/ {r = "right"} /^< column tenancy.next_catalog 2/ {k = "column"} END {print c, r, k}')"
}

# A DBA of 1.0 by a grant on the catalogs stays a DBA, also after a dump and a restore.
check_administrators() {
  install old
  sql -d postgres -c 'CREATE DATABASE administrators' -c 'CREATE ROLE ops LOGIN' -c 'CREATE ROLE web LOGIN'
  sql -d administrators -c 'SET client_min_messages = warning' -c "CREATE EXTENSION pg_tenancy VERSION '1.0'" \
    -c 'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tenancy TO ops' \
    -c 'GRANT EXECUTE ON FUNCTION tenancy.protect TO ops WITH GRANT OPTION' \
    -c 'REVOKE EXECUTE ON FUNCTION tenancy.create_api_key, tenancy.rotate_api_key, tenancy.set_jwks FROM PUBLIC' \
    -c 'GRANT EXECUTE ON FUNCTION tenancy.create_api_key, tenancy.rotate_api_key TO ops' -c 'ALTER EXTENSION pg_tenancy UPDATE'
  local asked="SELECT tenancy.is_dba(), (SELECT count(*) FROM tenancy.roles WHERE organization_id IS NULL) > 0"
  local may="SELECT has_function_privilege(p.oid, 'EXECUTE WITH GRANT OPTION') FROM pg_proc p WHERE p.proname = 'protect'"
  local rights="SELECT p.proname, string_agg(DISTINCT has_function_privilege(current_user, p.oid, 'EXECUTE')::text, ' ') FROM pg_proc p
    WHERE p.proname IN ('create_api_key', 'create_workspace', 'rotate_api_key', 'set_jwks') AND p.pronamespace = 'tenancy'::regnamespace GROUP BY 1 ORDER BY 1"
  local of_ops='create_api_key|true create_workspace|true rotate_api_key|true set_jwks|false'
  local of_web='create_api_key|false create_workspace|true rotate_api_key|false set_jwks|false'
  expect 'who may call protect() may still' t "$(sql -d administrators -U ops -c "$may")"
  expect 'who may call functions that have more arguments may still' "$of_ops" "$(sql -d administrators -U ops -c "$rights" | xargs)"
  expect '... and who may not may not' "$of_web" "$(sql -d administrators -U web -c "$rights" | xargs)"
  expect 'a DBA of 1.0 stays one' 't|t' "$(sql -d administrators -U ops -c "$asked")"
  expect '... and nobody else is' 'f|t' "$(sql -d administrators -U web -c "$asked")"
  sql -d postgres -c 'CREATE DATABASE restored'
  pg_dump -d administrators | sql -d restored -o /dev/null
  expect '... after a dump and a restore, too' 't|t' "$(sql -d restored -U ops -c "$asked")"
  expect '... and protect()' t "$(sql -d restored -U ops -c "$may")"
  expect '... and the others' "$of_ops $of_web" "$(sql -d restored -U ops -c "$rights" | xargs) $(sql -d restored -U web -c "$rights" | xargs)"
  sql -d postgres -c 'DROP DATABASE administrators' -c 'DROP DATABASE restored' -c 'DROP ROLE ops' -c 'DROP ROLE web'
}

# What 1.0 protected is known by name, and bindings of logins that are gone are gone, too.
check_guard_rails() {
  install old
  sql -d postgres -c 'CREATE DATABASE rails' -c 'CREATE ROLE gone LOGIN'
  sql -d rails -o /dev/null -c 'SET client_min_messages = warning' -c "CREATE EXTENSION pg_tenancy VERSION '1.0'" \
    -c 'CREATE TABLE logs (id int, organization_id uuid) PARTITION BY LIST (id)' -c 'CREATE TABLE logs_1 PARTITION OF logs FOR VALUES IN (1)' \
    -c "SELECT tenancy.protect('logs', 'logs', 'organization_id'), tenancy.trust_login('gone')" -c 'DROP ROLE gone' -c 'ALTER EXTENSION pg_tenancy UPDATE'
  expect 'the names of tables that 1.0 protected are known' 'public.logs logs' \
    "$(sql -d rails -c "SELECT string_agg(format('%s.%s %s', schema_name, table_name, holder), ', ') FROM tenancy.protected_names")"
  expect '... and kept' 't' "$(sql -d rails -c 'SET client_min_messages = warning' -c 'DROP TABLE logs' -c 'CREATE TABLE logs (id int, organization_id uuid)' \
    -c "SELECT relation = 'logs'::regclass FROM tenancy.protected_tables")"
  expect 'the binding of a login that is gone is gone' 0 "$(sql -d rails -c 'SELECT count(*) FROM tenancy.login_bindings')"
  sql -d postgres -c 'DROP DATABASE rails'
}

# Everybody reads the catalogs by columns, where no administrator has taken that away; grants of users stay theirs, and a dump has no others.
check_columns() {
  install old
  sql -d postgres -c 'CREATE DATABASE columns' -c 'CREATE ROLE reader LOGIN'
  sql -d columns -c 'SET client_min_messages = warning' -c "CREATE EXTENSION pg_tenancy VERSION '1.0'" \
    -c 'REVOKE SELECT ON tenancy.roles, tenancy.grants FROM PUBLIC' -c 'GRANT SELECT (name) ON tenancy.roles TO PUBLIC' \
    -c 'GRANT SELECT (slug) ON tenancy.organizations TO reader' -c 'GRANT SELECT ON tenancy.users TO reader' -c 'ALTER EXTENSION pg_tenancy UPDATE'
  local rights="SELECT relname, has_table_privilege('public', c.oid, 'SELECT'), (SELECT string_agg(DISTINCT has_column_privilege('public', c.oid, a.attnum, 'SELECT')::text, ' ')
      FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    has_table_privilege('reader', c.oid, 'SELECT'), (SELECT count(*) FROM pg_attribute a, aclexplode(a.attacl) x WHERE a.attrelid = c.oid AND x.grantee = 'reader'::regrole)
    FROM pg_class c WHERE c.relnamespace = 'tenancy'::regnamespace AND relname IN ('grants', 'organizations', 'roles', 'users', 'workspaces') ORDER BY 1"
  local expected='grants|f|false|f|0 organizations|f|true|f|1 roles|f|false true|f|0 users|f|true|t|0 workspaces|f|true|f|0'
  expect 'catalogs are granted by columns, where they were granted' "$expected" "$(sql -d columns -c "$rights" | xargs)"
  sql -d postgres -c 'CREATE DATABASE columns_restored'
  pg_dump -d columns >"$WORK_DIR/columns.sql"
  sql -d columns_restored -o /dev/null -f "$WORK_DIR/columns.sql"
  expect '... after a dump and a restore, too' "$expected" "$(sql -d columns_restored -c "$rights" | xargs)"
  expect 'a dump has only what users have granted or taken away' 'grants organizations roles users' \
    "$(sed -n -E 's/^(GRANT|REVOKE) .* ON TABLE tenancy\.([a-z_]+) .*/\2/p' "$WORK_DIR/columns.sql" | sort -u | xargs)"
  sql -d postgres -c 'DROP DATABASE columns_restored' -c 'DROP DATABASE columns' -c 'DROP ROLE reader'
}

# Rows of every form that the update changes, in a transaction that has made more of them: none keeps it from going on.
check_rows() {
  install old
  sql -d postgres -c 'CREATE DATABASE rows'
  sql -d rows -o /dev/null -f test/upgrade/rows.sql
  sql -d rows -o /dev/null -c 'SET client_min_messages = error' -c 'BEGIN' -c "SELECT tenancy.create_workspace('acme', 'Last')" -c 'ALTER EXTENSION pg_tenancy UPDATE' -c 'COMMIT' || true
  expect 'no row of 1.0 keeps it from being updated' "$OLD" "$(sql -d rows -c "SELECT extversion FROM pg_extension WHERE extname = 'pg_tenancy'")"
  expect '... long names are cut' '1000 1000 1000 1000 1000' "$(sql -d rows -c "SELECT max(length(name)) FROM tenancy.organizations" -c "SELECT max(length(name)) FROM tenancy.workspaces" \
    -c "SELECT max(length(name)) FROM tenancy.users" -c "SELECT max(length(description)) FROM tenancy.roles" -c "SELECT max(length(name)) FROM tenancy.api_keys" | xargs)"
  expect '... permissions of a DBA are built in' 'logs.attribute team.sync_groups' "$(sql -d rows -c "SELECT string_agg(concat_ws('.', resource, action), ' ' ORDER BY resource) FROM tenancy.permissions
    WHERE built_in AND description <> 'Mine' AND length(description) < 1000 AND (resource, action) IN (('team', 'sync_groups'), ('logs', 'attribute'))")"
  expect '... ids are kept, former ones and those of what is gone' 'api_key k-1, api_key k-2, member gus-1, member lou-1, member max-1, member mia-1, member mia-2, member olivia-1, organization o-1, user gus-1, user lou-1, user max-1, user mia-1, user mia-2, user olivia-1, workspace w-gone|3' \
    "$(sql -d rows -c "SELECT string_agg(concat_ws(' ', kind, external_id), ', ' ORDER BY kind, external_id) FILTER (WHERE kind <> 'id'), count(*) FILTER (WHERE kind = 'id') FROM tenancy.given_external_ids")"
  expect '... the key of a user who has left is revoked, and all are derived' 'k-1|t k-2|f 3' "$(sql -d rows -c "SELECT external_id, revoked_at IS NOT NULL FROM tenancy.api_keys WHERE external_id IS NOT NULL ORDER BY 1" \
    -c 'SELECT count(*) FROM tenancy.api_key_secrets WHERE derived IS NOT NULL' | xargs)"
  expect '... logins have their organization, and one that is gone none' 'rows_max acme rows_mia acme' \
    "$(sql -d rows -c "SELECT string_agg(concat_ws(' ', b.login, o.slug), ' ' ORDER BY b.login::text) FROM tenancy.login_bindings b LEFT JOIN tenancy.organizations o USING (organization_id)")"
  expect '... roles that were DBAs are' 'rows_dba' "$(sql -d rows -c "SELECT string_agg(a.grantee::regrole::text, ' ') FROM pg_type t, aclexplode(t.typacl) a WHERE t.oid = 'tenancy.administrator'::regtype AND a.grantee <> t.typowner")"
  expect '... names of tables are known' logs "$(sql -d rows -c "SELECT string_agg(table_name, ' ') FROM tenancy.protected_names WHERE schema_name = 'public'")"
  expect '... and the audit log is intact' 0 "$(sql -d rows -c 'SELECT count(*) FROM tenancy.verify_audit_log()')"
  sql -d postgres -c 'DROP DATABASE rows' -c 'DROP ROLE rows_mia, rows_max, rows_dba'
}

# Ids that were in use in 1.0 stay taken, also once the audit log is purged.
check_former_ids() {
  install old
  sql -d postgres -c 'CREATE DATABASE former'
  sql -d former -o /dev/null -c 'SET client_min_messages = warning' -c "CREATE EXTENSION pg_tenancy VERSION '1.0'" \
    -c "SELECT tenancy.create_organization('Acme', 'olivia@acme.test', external_id => 'o-1')" \
    -c "INSERT INTO tenancy.workspaces (workspace_id, organization_id, slug, name, external_id) SELECT 'dddddddd-0000-4000-8000-000000000001', organization_id, 'old', 'Old', 'w-1' FROM tenancy.organizations" \
    -c "INSERT INTO tenancy.users (email, external_id) VALUES ('zoe@acme.test', 'u-1')" -c "UPDATE tenancy.users SET external_id = 'u-2' WHERE email = 'zoe@acme.test'" \
    -c "UPDATE tenancy.organizations SET external_id = 'o-2'" -c "SELECT tenancy.delete_workspace('acme/old')" \
    -c "UPDATE tenancy.users SET external_id = (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 84) n) WHERE email = 'olivia@acme.test'" \
    -c "INSERT INTO tenancy.audit_log (action, resource_type, resource_id) VALUES ('delete', 'workspace', repeat('-', 36))" \
    -c 'ALTER EXTENSION pg_tenancy UPDATE' -c "SELECT tenancy.purge_audit_log(now() + '1 hour')"
  local command
  for command in "tenancy.create_workspace('acme', 'New', workspace_id => 'dddddddd-0000-4000-8000-000000000001')" \
    "tenancy.create_workspace('acme', 'New', external_id => 'w-1')" "tenancy.create_user('new@acme.test', external_id => 'u-1')" \
    "tenancy.create_organization('New', 'new@acme.test', external_id => 'o-1')"; do
    expect "an id of 1.0 is not given again: ${command%%(*}" 'ERROR: 23505' "$(sql -d former -c "SELECT $command" 2>&1 | xargs)"
  done
  expect 'a user whose id is longer than any that is given now joins, and changes it' t "$(sql -d former -c "SELECT tenancy.create_organization('Other', 'other@other.test') IS NOT NULL" \
    -c "SELECT tenancy.set_organization_role('other', 'olivia@acme.test', 'member')" -c "UPDATE tenancy.users SET external_id = 'short' WHERE email = 'olivia@acme.test'" | xargs)"
  expect '... and another one is' t "$(sql -d former -c "SELECT tenancy.create_workspace('acme', 'New', external_id => 'w-2') IS NOT NULL")"
  sql -d postgres -c 'DROP DATABASE former'
}

# Where others may create objects, or have done so, the update would call theirs.
check_closed_schema() {
  install old
  sql -d postgres -c 'CREATE DATABASE open' -c 'CREATE ROLE squatter LOGIN'
  sql -d open -c 'SET client_min_messages = warning' -c "CREATE EXTENSION pg_tenancy VERSION '1.0'" -c "CREATE EXTENSION pg_tenancy_testing VERSION '1.0' CASCADE" \
    -c 'GRANT CREATE ON SCHEMA tenancy, tenancy_testing TO squatter'
  local fault update='ALTER EXTENSION pg_tenancy UPDATE'
  expect 'an update in a schema where others may create is refused' 'ERROR: 42501' "$(sql -d open -c "$update" 2>&1 | xargs)"
  sql -d open -U squatter -c "CREATE FUNCTION tenancy.quote_ident(name) RETURNS text LANGUAGE sql AS 'SELECT \$1::text'" \
    -c 'CREATE OPERATOR tenancy.<> (LEFTARG = oid, RIGHTARG = oid, FUNCTION = oidne)' -c "CREATE DOMAIN tenancy.d AS text" -c 'CREATE TABLE tenancy.t ()'
  sql -d open -c 'REVOKE CREATE ON SCHEMA tenancy FROM squatter'
  for fault in 'TABLE tenancy.t' 'DOMAIN tenancy.d' 'OPERATOR tenancy.<> (oid, oid)' 'FUNCTION tenancy.quote_ident(name)'; do
    expect "... and where they have made a ${fault%% *}" 'ERROR: 42501' "$(sql -d open -c "$update" 2>&1 | xargs)"
    sql -d open -c "DROP $fault"
  done
  sql -d open -c 'GRANT TRIGGER ON tenancy.permissions TO squatter' -c 'CREATE SCHEMA AUTHORIZATION squatter'
  sql -d open -U squatter -c "CREATE FUNCTION squatter.spring() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'" \
    -c 'CREATE TRIGGER spring BEFORE UPDATE ON tenancy.permissions FOR EACH ROW EXECUTE FUNCTION squatter.spring()'
  expect '... and where they have made a trigger' 'ERROR: 42501' "$(sql -d open -c "$update" 2>&1 | xargs)"
  sql -d open -c 'SET client_min_messages = warning' -c 'DROP SCHEMA squatter CASCADE' -c 'REVOKE TRIGGER ON tenancy.permissions FROM squatter'
  sql -d open -c 'ALTER SCHEMA tenancy OWNER TO squatter'
  expect '... and where one owns it' 'ERROR: 42501' "$(sql -d open -c "$update" 2>&1 | xargs)"
  sql -d open -c 'ALTER SCHEMA tenancy OWNER TO CURRENT_USER' -c "$update"
  update='ALTER EXTENSION pg_tenancy_testing UPDATE'
  expect '... that of pg_tenancy_testing likewise' 'ERROR: 42501' "$(sql -d open -c "$update" 2>&1 | xargs)"
  sql -d open -c 'REVOKE CREATE ON SCHEMA tenancy_testing FROM squatter' -c "$update"
  expect '... and goes on when others may not' "$OLD $OLD" "$(sql -d open -c "SELECT extversion FROM pg_extension WHERE extname ~ '^pg_tenancy'" | xargs)"
  sql -d postgres -c 'DROP DATABASE open' -c 'DROP ROLE squatter'
}

# --- sessions ---------------------------------------------------------------------------------------------------

make_world() {
  sql -d postgres -c 'CREATE DATABASE upgrade'
  sql -d upgrade -o /dev/null <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION pg_tenancy;
CREATE ROLE app LOGIN;
SELECT tenancy.trust_login('app'),
       tenancy.create_organization('Acme', 'olivia@acme.test'), tenancy.create_organization('Globex', 'gus@globex.test');
CREATE TABLE logs AS
SELECT n AS id, organization_id FROM tenancy.organizations, generate_series(1, CASE slug WHEN 'acme' THEN 2 ELSE 3 END) n;
SELECT tenancy.protect('logs', 'logs', organization => 'organization_id');
GRANT SELECT ON logs TO app;
SQL
}

check_sessions() {
  install old
  make_world
  open old app
  open dba postgres
  ask old "$prepare" >/dev/null
  expect 'the old module with the old extension' '2 3 0' "$(seen_by old)"
  expect 'the DBA, too' anonymous "$(ask dba 'SELECT kind FROM tenancy.whoami()')"

  install next
  open new app
  ask new "$prepare" >/dev/null
  expect 'a session goes on when the new module is installed' '2 3 0' "$(seen_by old)"
  expect 'a new session has the new module with the old extension' '2 3 0' "$(seen_by new)"
  expect 'who has the old module loaded cannot update' 'ERROR: 55000' "$(ask dba 'ALTER EXTENSION pg_tenancy UPDATE' | tr -s ' ')"
  expect '... and nothing has changed' "$OLD" "$(extension_version)"
  expect '... for anybody' '2 3 0 2 3 0' "$(seen_by old) $(seen_by new)"

  sql -d upgrade -c 'ALTER EXTENSION pg_tenancy UPDATE'
  expect 'updated' "$NEXT" "$(extension_version)"
  expect 'a session with the new module goes on, with its prepared statement' '2 3 0' "$(seen_by new)"
  expect 'one with the old module is refused' 'ERROR: 55000 ERROR: 55000 ERROR: 55000' "$(seen_by old | tr -s ' ')"
  expect '... with any question' 'ERROR: 55000 ERROR: 55000' \
    "$(ask old "SELECT id FROM logs; SELECT tenancy.authorize('logs', 'view')" | tr -s ' ')"
  open later app
  ask later "$prepare" >/dev/null
  expect '... until it connects again' '2 3 0' "$(seen_by later)"

  install old
  open older app
  ask older "$prepare" >/dev/null
  expect 'an older module than the extension is refused' 'ERROR: 55000 ERROR: 55000 ERROR: 55000' "$(seen_by older | tr -s ' ')"
  expect 'who has the new one goes on' '2 3 0' "$(seen_by later)"
  install next
}

# A module that no update leads to from the extension's version.
check_too_old() {
  install old
  sql -d postgres -c 'DROP DATABASE upgrade WITH (FORCE)' -c 'DROP ROLE app'
  make_world
  install strict
  open too_new app
  expect 'a module that has no update from the extension is refused' 'ERROR: 55000' \
    "$(ask too_new "SET \"tenancy.user\" = 'olivia@acme.test'; SELECT count(*) FROM logs" | tr -s ' ')"
  install next
  open right app
  expect '... and one that has it is not' 2 "$(ask right "SET \"tenancy.user\" = 'olivia@acme.test'; SELECT count(*) FROM logs")"
}

main() {
  PG_CONFIG=$(find_pg_config)
  PATH=$(server_bin):$PATH
  mkdir -p "$WORK_DIR/build_old"
  [[ ! -d ${BUILD_DIR:-build}/gcc ]] || cp -a "${BUILD_DIR:-build}/gcc/." "$WORK_DIR/build_old"
  copy_tree "$WORK_DIR/build_old"
  build old
  make_next next <test/upgrade/next.sql
  build next
  make_next forgetful < <(grep -vE '^COMMENT ON COLUMN|^REVOKE' test/upgrade/next.sql | sed "s/DEFAULT now() //")
  build forgetful
  make_next strict </dev/null
  rm -r "$WORK_DIR/build_strict/extension/updates/"*
  build strict

  install old
  start_server "$WORK_DIR/server" "$STAGE"
  check_equality
  check_administrators
  check_columns
  check_guard_rails
  check_rows
  check_former_ids
  check_closed_schema
  check_sessions
  check_too_old
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [[ $failed -eq 0 ]]
}

main
