#!/usr/bin/env bash
# A cluster upgraded by pg_upgrade: test/pg_upgrade/run.sh OLD PACKAGE NEW PACKAGE
#
#   - without pg_tenancy for the new server pg_upgrade refuses
#   - catalogs, policies, rights, keys and audit chains are as they were, and everybody is answered as before
#   - it goes on: changes, guards, new partitions
#   - ALTER EXTENSION UPDATE leads to the extension that CREATE EXTENSION makes
#
# OLD and NEW are versions of PostgreSQL that are installed; PACKAGE is pg_tenancy for them, the second one of the next
# version. They are installed and removed, so this is for a system of its own: scripts/check-pg-upgrade.sh makes one.
set -euo pipefail
shopt -s inherit_errexit nullglob
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"
cd "$ROOT_DIR"

OLD=$1 OLD_PACKAGE=$2 NEW=$3 NEW_PACKAGE=$4
# One with the tables of create_observability(), one that loads the module with each connection, one without tenants
DATABASES=(shop preloaded bare)
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

sql() { psql -XqAt -v ON_ERROR_STOP=1 -v VERBOSITY=sqlstate "$@"; }

# What SQL as a superuser is answered in database shop, in one line.
answer() { sql -d shop <<<"$1" 2>&1 | tr -s '\n ' ' ' | sed 's/ $//' || true; }

# --- the old cluster --------------------------------------------------------------------------------------------

make_world() {
  local database
  sql <<<"CREATE ROLE app LOGIN; CREATE ROLE mia LOGIN; CREATE ROLE owner"
  for database in "${DATABASES[@]}"; do sql <<<"CREATE DATABASE $database"; done
  sql -d bare -c 'CREATE EXTENSION pg_tenancy'
  sql -d shop -o /dev/null -f test/pg_upgrade/world.sql
  sql -d shop -o /dev/null <<'SQL'
SET client_min_messages = warning;
SELECT tenancy.create_observability('obs');
SELECT obs.create_partitions('3 days', '2026-03-01');
INSERT INTO obs.logs (start_time, organization_id, request_model, cost)
SELECT '2026-03-01'::timestamptz + n * interval '1 hour', organization_id, 'small', n FROM tenancy.organizations, generate_series(1, 40) n;
SELECT obs.refresh_analytics();
GRANT USAGE ON SCHEMA obs TO app;
GRANT SELECT ON obs.logs, obs.analytics TO app;
SQL
  sql -d preloaded -o /dev/null -f test/pg_upgrade/world.sql
  sql <<'SQL'
ALTER DATABASE preloaded SET session_preload_libraries = 'pg_tenancy';
ALTER DATABASE preloaded SET tenancy.principal_lifetime = 'transaction';
ALTER DATABASE preloaded SET tenancy.share_plans = 'on';
ALTER ROLE mia IN DATABASE preloaded SET tenancy.organization = 'acme';
SQL
}

# --- what has to be the same ------------------------------------------------------------------------------------

# note WHEN: what each database is now, to files of that name.
note() {
  local database
  for database in shop preloaded; do
    psql -XqAt -d "$database" -f test/pg_upgrade/state.sql >"$WORK_DIR/$database.$1" 2>&1
  done
  sql -d shop -c 'TABLE obs.analytics' | sort >"$WORK_DIR/analytics.$1"
}

# All but the list of what one may do, which a new version may make longer.
answers_in() { sed -n '/^=== owner/,$p' "$WORK_DIR/$1" | grep -vE '^[0-9]+\|[0-9a-f]{32}$'; }

differences() { diff "$WORK_DIR/$1" "$WORK_DIR/$2" | head -n 40 || true; }

# How many secrets have what is derived of their key, and are used by it; and how many of these say something else than the catalogs.
derived_keys() {
  answer "SELECT count(*) FILTER (WHERE tenancy_internal.is_derived_here(derived)) FROM tenancy.api_key_secrets;
    SELECT count(*) FROM tenancy.advise() WHERE rule = 'derived_key'"
}

# That there is something to compare: of each kind an answer, and rows and writes for some and not for others.
check_state() {
  local database
  for database in shop preloaded; do
    expect "$database: owner, key, nobody see these rows, and the revoked key is refused" 'logs|1 2 3 logs|1 1 2 2 3 3 logs|NULL 28000' \
      "$(for who in owner 'master key' nobody 'revoked key'; do
        sed -n "/^=== $who\$/,/^===/p" "$WORK_DIR/$database.$1" | grep -oE '^logs\|.*|28000' | head -n 1
      done | paste -sd ' ')"
    expect "$database: who writes to acme, and to globex" 'master key: acme owner: globex' \
      "$(awk '/^=== / {who = substr($0, 5)} /^wrote to/ {print who ": " $3}' "$WORK_DIR/$database.$1" | sort | paste -sd ' ')"
    expect "$database: there are no errors other than refusals" '' \
      "$(grep ERROR "$WORK_DIR/$database.$1" | grep -vE 'answers\.sql:[0-9]+: ERROR: +(42501|28000)$' || true)"
    expect "$database: audit chains are whole" '' "$(grep 'broken chain' "$WORK_DIR/$database.$1" || true)"
  done
  expect 'there are charts' yes "$([[ $(wc -l <"$WORK_DIR/analytics.$1") -gt 40 ]] && echo yes)"
}

# --- the upgrade ------------------------------------------------------------------------------------------------

# In a folder of its own, which gets its logs and scripts.
run_pg_upgrade() {
  local folder=$WORK_DIR/upgrade
  mkdir -p "$folder"
  give_to_server_user "$folder"
  # shellcheck disable=SC2016
  as_server_user env -u PGHOST -u PGPORT sh -c 'cd "$1" && shift && exec "$@"' - "$folder" \
    "/usr/lib/postgresql/$NEW/bin/pg_upgrade" -U postgres -b "/usr/lib/postgresql/$OLD/bin" -B "/usr/lib/postgresql/$NEW/bin" \
    -d "$WORK_DIR/old/data" -D "$WORK_DIR/new/data" "$@"
}

upgrade() {
  local missing
  PG_MAJOR=$OLD
  stop_server "$WORK_DIR/old"
  # PostgreSQL 18 makes clusters with checksums, and both have to be alike.
  [[ $NEW -lt 18 ]] || quietly checksums as_server_user "$(server_bin)/pg_checksums" --enable --no-sync -D "$WORK_DIR/old/data"

  PG_MAJOR=$NEW
  make_cluster "$WORK_DIR/new" ''
  expect 'without the package for the new version, pg_upgrade refuses' refused \
    "$(run_pg_upgrade --check >"$WORK_DIR/refused.log" 2>&1 || echo refused)"
  missing=$(find "$WORK_DIR/new/data/pg_upgrade_output.d" -name loadable_libraries.txt -exec cat {} + | grep -F "pg_tenancy" | head -n 1)
  expect 'and says which library it misses' "could not load library \"\$libdir/pg_tenancy\"" "${missing%%:*}"

  quietly install dpkg --install "$NEW_PACKAGE"
  quietly check run_pg_upgrade --check
  quietly upgrade run_pg_upgrade
}

# --- afterwards -------------------------------------------------------------------------------------------------

check_extension() {
  local version database
  version=$(answer "SELECT extversion FROM pg_extension WHERE extname = 'pg_tenancy'")
  for database in "${DATABASES[@]}"; do
    sql -d "$database" -c 'SET client_min_messages = warning' -c 'ALTER EXTENSION pg_tenancy UPDATE'
  done
  expect 'the extension had the version of before, and can be updated' "$version.99" "$(answer "SELECT extversion FROM pg_extension WHERE extname = 'pg_tenancy'")"
  sql <<<'CREATE DATABASE fresh'
  sql -d fresh -c 'CREATE EXTENSION pg_tenancy'
  for database in bare fresh; do sql -d "$database" -v extension=pg_tenancy -v schema=tenancy -f test/upgrade/snapshot.sql >"$WORK_DIR/$database.facts"; done
  expect 'a snapshot says something' yes "$([[ $(wc -l <"$WORK_DIR/fresh.facts") -gt 1000 ]] && echo yes)"
  expect 'then it is as CREATE EXTENSION makes it' '' "$(differences fresh.facts bare.facts)"
}

# It goes on as before.
check_work() {
  local entries
  entries=$(answer 'SELECT count(*) FROM tenancy.audit_log')
  expect 'a change' '' "$(answer "SELECT tenancy.set_setting('acme', 'members_view_all_data', true)")"
  expect '... leaves an entry, and the chain goes on' "$((entries + 1)) 0" \
    "$(answer 'SELECT count(*) FROM tenancy.audit_log; SELECT count(*) FROM tenancy.verify_audit_log()')"
  expect 'nothing else is stored of keys than the catalogs say' 0 "$(derived_keys | cut -d ' ' -f 2)"
  expect 'a new key' '' "$(answer "CREATE TABLE new_key AS SELECT * FROM tenancy.create_api_key('workspace_service_key', 'New', 'acme', 'search', scopes => '[\"logs.view\"]')")"
  expect '... has what is derived of it' t "$(answer 'SELECT tenancy_internal.is_derived_here(s.derived) FROM tenancy.api_key_secrets s JOIN new_key USING (api_key_id)')"
  expect '... sees its rows' '1 2 3' "$(answer "SELECT set_config('tenancy.api_key', secret, false) IS NULL FROM new_key \g /dev/null
    SET ROLE app; SELECT id FROM logs ORDER BY id")"
  expect '... and none when it has been revoked' 'ERROR: 28000' "$(answer "SELECT set_config('tenancy.api_key', secret, false) IS NULL,
    tenancy.revoke_api_key(api_key_id) FROM new_key \g /dev/null
    SET ROLE app; SELECT id FROM logs ORDER BY id")"
  expect 'a protected table is not opened' 'ERROR: 55000' "$(answer 'ALTER TABLE logs DISABLE ROW LEVEL SECURITY')"
  expect '... nor by a policy' 'ERROR: 55000' "$(answer 'CREATE POLICY open ON events USING (true)')"
  expect '... while another one may be' '' "$(answer 'ALTER TABLE new_key ENABLE ROW LEVEL SECURITY; CREATE POLICY open ON new_key USING (true)')"
  expect 'the audit log keeps its entries' 'ERROR: 55000' "$(answer 'DELETE FROM tenancy.audit_log')"
  expect 'a new partition is protected' events_3 "$(answer "CREATE TABLE events_3 PARTITION OF events FOR VALUES IN (3);
    SELECT relation FROM tenancy.protected_tables WHERE relation = 'events_3'::regclass")"
  expect 'charts get on' '4' "$(answer "SELECT obs.create_partitions('3 days', '2026-04-01') \g /dev/null
    INSERT INTO obs.logs (start_time, organization_id, request_model, cost)
    SELECT '2026-04-02'::timestamptz + n * interval '1 hour', organization_id, 'new', n FROM tenancy.organizations, generate_series(1, 2) n;
    SELECT obs.refresh_analytics() \g /dev/null
    SELECT sum(requests) FROM obs.analytics WHERE request_model = 'new'")"
  expect 'a table can be protected' '2' "$(answer "SET client_min_messages = warning; CREATE TABLE notes AS SELECT 1 AS id, organization_id FROM tenancy.organizations;
    SELECT tenancy.protect('notes', 'logs', 'organization_id') \g /dev/null
    SELECT count(*) FROM notes")"
  expect '... and unprotected' '' "$(answer "SET client_min_messages = warning; SELECT tenancy.unprotect('notes') \\g /dev/null")"
}

main() {
  local derived
  quietly remove dpkg --purge "postgresql-$OLD-pg-tenancy" "postgresql-$NEW-pg-tenancy"
  quietly install dpkg --install "$OLD_PACKAGE"
  PG_MAJOR=$OLD
  start_server "$WORK_DIR/old" ''
  make_world
  note before
  check_state before
  # Of none there would be nothing to go wrong.
  expect 'keys have what is derived of them' yes "$([[ $(derived_keys) =~ ^[1-9][0-9]*\ 0$ ]] && echo yes)"
  derived=$(answer "SELECT md5(string_agg(concat(secret_hash, ' ', derived), ',' ORDER BY secret_hash)) FROM tenancy.api_key_secrets")

  upgrade

  start_cluster "$WORK_DIR/new"
  note after
  for database in shop preloaded analytics; do
    expect "$database is as it was" '' "$(differences "$database.before" "$database.after")"
  done
  expect 'what is derived of keys is as it was' "$derived" \
    "$(answer "SELECT md5(string_agg(concat(secret_hash, ' ', derived), ',' ORDER BY secret_hash)) FROM tenancy.api_key_secrets")"
  check_work
  note changed
  expect 'what has changed since is noticed' yes "$([[ -n $(differences shop.after shop.changed) ]] && echo yes)"
  check_extension
  note updated
  for database in shop preloaded; do
    expect "$database: everybody is answered as before" '' "$(diff <(answers_in "$database.changed") <(answers_in "$database.updated") || true)"
  done
  stop_server "$WORK_DIR/new"
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [[ $failed -eq 0 ]]
}

main
