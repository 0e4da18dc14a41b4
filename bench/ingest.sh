#!/usr/bin/env bash
# How many logs a second the ways into the observability tables take: bash bench/ingest.sh [ROWS]
#
# Prints a table (docs/observability.md holds one). One client on the same machine, a throw-away server with fsync off:
# the figures compare the ways with each other, and say nothing about a disk.

set -euo pipefail
shopt -s inherit_errexit
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
cd "$ROOT_DIR"

ROWS=${1:-100000}
COLUMNS='start_time, end_time, request_model, http_response_status_code, usage_input_tokens, usage_output_tokens, cost, metadata'

install_packages "postgresql-$PG_MAJOR" "postgresql-server-dev-$PG_MAJOR" libssl-dev libpq-dev g++ make
build_module build/bench "$WORK_DIR/stage" >/dev/null
PATH=$(server_bin):$PATH
start_server "$WORK_DIR/server" "$WORK_DIR/stage" -c shared_buffers=1GB -c max_wal_size=8GB
g++ -std=c++20 -O2 -I"$("$(find_pg_config)" --includedir)" examples/ingest/log_writer.cpp -lpq -o "$WORK_DIR/log_writer"

query() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
as_key() { PGUSER=writer PGOPTIONS="-c tenancy.api_key=$KEY" "$@"; }

query -o /dev/null -c 'CREATE EXTENSION pg_tenancy' -c "SET client_min_messages = warning" -c "SELECT tenancy.create_observability()" \
  -f examples/ingest/loader.sql -c "SELECT tenancy.create_organization('Acme', 'olivia@acme.test')" -c 'CREATE ROLE writer LOGIN' \
  -c 'GRANT USAGE ON SCHEMA observability TO writer; GRANT INSERT, SELECT ON observability.logs, observability.log_payloads TO writer' \
  -c "CREATE UNLOGGED TABLE staged AS SELECT $COLUMNS FROM observability.logs LIMIT 0; GRANT ALL ON staged TO writer" \
  -c "CREATE TABLE bare (LIKE observability.logs INCLUDING DEFAULTS INCLUDING INDEXES)"
KEY=$(query -c "SELECT secret FROM tenancy.create_api_key('workspace_service_key', 'writer', workspace => 'acme/shared-team-workspace',
  scopes => '[\"logs.write\", \"logs.list\", \"logs.view\"]')")

# The same rows for all of them: with payload for the one that writes it, without, and with the tenant columns for the loader.
query -c "SET seed = 0.5" -c "COPY (SELECT t, t + random() * interval '5 seconds', 'model ' || n % 8, CASE WHEN n % 50 = 0 THEN 500 ELSE 200 END,
    (random() * 2000)::int, (random() * 300)::int, round(random()::numeric / 100, 6), '{\"team\": \"blue\"}',
    '{\"messages\": [{\"role\": \"user\", \"content\": \"' || repeat('question ', 20) || '\"}]}', '{\"text\": \"' || repeat('answer ', 20) || '\"}'
  FROM generate_series(1, $ROWS) n, LATERAL (SELECT now() + n * interval '1 millisecond' AS t) at) TO STDOUT" >"$WORK_DIR/lines"
cut -f1-8 "$WORK_DIR/lines" >"$WORK_DIR/rows"
read -r ORGANIZATION WORKSPACE < <(query -F ' ' -c "SELECT organization_id, workspace_id FROM tenancy.workspaces WHERE slug = 'shared-team-workspace'")
sed "s/\$/\t$ORGANIZATION\t$WORKSPACE/" "$WORK_DIR/rows" >"$WORK_DIR/stamped"
give_to_server_user "$WORK_DIR"/{lines,rows,stamped}

# The values of pgbench's statement.
cat >"$WORK_DIR/one.sql" <<SQL
INSERT INTO observability.logs ($COLUMNS) VALUES (now(), now(), 'model 1', 200, 1000, 150, 0.001, '{"team": "blue"}');
SQL

# measure LABEL ROWS COMMAND...
measure() {
  local label=$1 rows=$2 start end
  shift 2
  query -c 'TRUNCATE observability.logs, observability.log_payloads, observability.logs_staging, staged, bare' -c CHECKPOINT
  start=$(date +%s%N)
  "$@" >"$WORK_DIR/output" 2>&1 || { cat "$WORK_DIR/output" >&2; fail "$label failed"; }
  end=$(date +%s%N)
  [[ $(query -c 'SELECT count(*) FROM (SELECT FROM observability.logs UNION ALL SELECT FROM bare) l') -eq $rows ]] || fail "$label wrote another number of rows"
  printf '| %s | %s |\n' "$label" "$(awk -v n="$rows" -v t=$((end - start)) 'BEGIN { printf "%d", n / t * 1e9 }')"
}

singly() { as_key pgbench -n -M prepared -c "$1" -j 2 -t $((ROWS / 10 / $1)) -f "$WORK_DIR/one.sql"; }
pipelined() { PGUSER=writer LOG_API_KEY=$KEY "$WORK_DIR/log_writer" '' "$1" <"$WORK_DIR/lines"; }
many() {
  as_key psql -X -q -v ON_ERROR_STOP=1 -c "\\copy staged ($COLUMNS) FROM '$WORK_DIR/rows'" \
    -c "INSERT INTO observability.logs ($COLUMNS) SELECT $COLUMNS FROM staged"
}
loaded() {
  PGUSER=log_loader psql -X -q -1 -v ON_ERROR_STOP=1 -c "\\copy observability.logs_staging ($COLUMNS, organization_id, workspace_id) FROM '$WORK_DIR/stamped'" \
    -c 'SELECT observability.load_staged_logs()'
}
copied() { psql -X -q -v ON_ERROR_STOP=1 -c "\\copy $1 ($COLUMNS, organization_id, workspace_id) FROM '$WORK_DIR/stamped'"; }

printf '| way | rows a second |\n|---|---|\n'
measure 'one row a transaction, one connection' $((ROWS / 10)) singly 1
measure 'one row a transaction, eight connections' $((ROWS / 10 / 8 * 8)) singly 8
measure 'pipeline (examples/ingest/log_writer.cpp), 50 rows a transaction, with content' "$ROWS" pipelined 50
measure 'the same, 500 rows a transaction' "$ROWS" pipelined 500
measure '`COPY` into a table of its own, then `INSERT … SELECT`, as a service key' "$ROWS" many
measure 'batch writer for all tenants (examples/ingest/loader.sql)' "$ROWS" loaded
measure '`COPY` into logs by a superuser' "$ROWS" copied observability.logs
measure '`COPY` into a table with the same indexes that is neither partitioned nor protected' "$ROWS" copied bare
