#!/usr/bin/env bash
# Shows what pg_tenancy does, on a throw-away server: bash scripts/demo.sh
#
# Installs the packages that are missing (as root or with sudo), builds the extension in a temporary folder, starts a
# PostgreSQL of its own there, loads logs of LLM requests for two organizations, and prints what each principal sees.
# Everything but the packages is removed at the end; no other server and no folder of PostgreSQL is touched.
# Fails on any unexpected result.
#
# The logs are the two Azure LLM inference traces of 2023, AzureLLMInferenceTrace_{code,conv}.csv, in $DATA_DIR
# (default: ../shared/data beside this project).  Without them, like ones are generated.

# shellcheck disable=SC2016  # the commands given to connect() are shown as they are, and expanded when they run
set -euo pipefail
shopt -s inherit_errexit
SECONDS=0
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT_DIR/examples/demo"

DATA_DIR=${DATA_DIR:-$ROOT_DIR/../shared/data}

# --- printing -------------------------------------------------------------------------------------------------------

bold='' dim='' plain=''
if [[ -t 1 ]]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; fi

heading() { printf '\n%s== %s ==%s\n' "$bold" "$1" "$plain"; }
note() { printf '%s-- %s%s\n' "$dim" "$1" "$plain"; }
step() { printf '%3d s  %s\n' "$SECONDS" "$1"; }

print_statement() {
  local line prompt=$PROMPT
  while IFS= read -r line; do
    printf '%s%s%s%s\n' "$bold" "$prompt" "$line" "$plain"
    # As psql does: another prompt until the statement has ended.
    if [[ $line == *';' || $line == \\* ]]; then prompt=$PROMPT; else prompt=demo-${PROMPT#demo=}; fi
  done <<<"$1"
}

# --- statements -----------------------------------------------------------------------------------------------------

# Options of every psql in this script: no user's settings, plain tables, stop at the first error.
export PSQLRC=/dev/null
PSQL_OPTIONS=(-X -q -v ON_ERROR_STOP=1 -v VERBOSITY=verbose -v SHOW_CONTEXT=never -P pager=off -P footer=off -P null=-)
psql() { command psql "${PSQL_OPTIONS[@]}" "$@"; }

# The superuser, behind the scenes.
query() { psql -At -F ' ' -c "$1"; }
as_dba() { psql -o /dev/null "$@"; }

# connect 'COMMAND' [PROMPT]: the statements that follow run by this psql.  What is shown is what is executed.
connect() {
  CONNECTION=$1 PROMPT=${2:-'demo=> '}
  printf '\n%s$ %s%s\n' "$bold" "$CONNECTION" "$plain"
}
connect_as_dba() { connect 'psql -U postgres' 'demo=# '; }

# run 'SQL': shows it, and what it returns.
run() {
  print_statement "$1"
  eval "$CONNECTION" <<<"$1" || fail "this statement should have succeeded"
}

# change 'SQL': the same for a function that returns nothing worth showing.
change() {
  print_statement "$1"
  eval "$CONNECTION -o /dev/null" <<<"$1" || fail "this statement should have succeeded"
}

# refused SQLSTATE 'SQL': shows it, and the error that it must end with.
refused() {
  local output
  print_statement "$2"
  if output=$(eval "$CONNECTION" <<<"$2" 2>&1); then fail "this statement should have been refused: $output"; fi
  grep -v '^LOCATION:' <<<"$output"
  [[ $output == *"ERROR:  $1: "* ]] || fail "this statement should have been refused with SQLSTATE $1"
  say
}

# expect 'CONDITION': the number of rows that the connection counts is what the superuser counts with this WHERE.
expect() {
  local seen wanted
  seen=$(eval "$CONNECTION -At" <<<'SELECT count(*) FROM requests')
  wanted=$(query "SELECT count(*) FROM requests WHERE $1")
  [[ $seen == "$wanted" ]] || fail "$seen rows, but WHERE $1 gives $wanted"
  ROWS[$2]=$seen
}
declare -A ROWS

NEWEST="SELECT created_at::time(3) AS at, left(workspace_id::text, 8) AS workspace, left(user_id::text, 8) AS \"user\",
       model, context_tokens, generated_tokens
FROM requests ORDER BY created_at DESC LIMIT 5;"

# look LABEL 'CONDITION': what the connection sees; the condition is the filter that one would write by hand.
look() {
  run "SELECT count(*), count(DISTINCT workspace_id) AS workspaces, count(DISTINCT user_id) AS users FROM requests;"
  expect "$2" "$1"
  run "$NEWEST"
  run "EXPLAIN (COSTS OFF)
SELECT * FROM requests ORDER BY created_at DESC LIMIT 5;"
}

# --- preparation ----------------------------------------------------------------------------------------------------

heading 'Preparing'
install_packages "postgresql-$PG_MAJOR" "postgresql-server-dev-$PG_MAJOR" libssl-dev g++ make
step "building the extension"
build_module "$WORK_DIR/copy" "$WORK_DIR/stage" >"$WORK_DIR/build.log" 2>&1 ||
  { cat "$WORK_DIR/build.log" >&2; fail "the extension did not build"; }
PATH=$(server_bin):$PATH
step "starting PostgreSQL $PG_MAJOR in $WORK_DIR"
start_server "$WORK_DIR/server" "$WORK_DIR/stage" -c timezone=UTC
as_dba -c 'CREATE DATABASE demo'
export PGDATABASE=demo
as_dba -c 'CREATE EXTENSION pg_tenancy'

step "making two organizations"
as_dba -f organizations.sql
# create_api_key NAME ARGUMENTS: prints id and secret; the server keeps only the secret's hash.
create_api_key() { query "SELECT * FROM tenancy.create_api_key(name => '$1', $2)"; }
LOGS='{"completions": "enabled", "logs": ["list", "view"]}'
SERVICE_KEY=$(query "SELECT secret FROM tenancy.create_api_key('workspace_service_key', 'code service',
  workspace => 'acme/code', scopes => '$LOGS')")
GLOBEX_KEY=$(query "SELECT secret FROM tenancy.create_api_key('workspace_service_key', 'support service',
  workspace => 'globex/support', scopes => '$LOGS')")
read -r MIA_KEY_ID MIA_KEY < <(create_api_key mia "kind => 'workspace_user_key', workspace => 'acme/assistant',
  member => 'mia@acme.example', scopes => '$LOGS'")
create_api_key 'assistant service' "kind => 'workspace_service_key', workspace => 'acme/assistant'" >/dev/null
create_api_key mason "kind => 'workspace_user_key', workspace => 'acme/assistant', member => 'mason@acme.example'" >/dev/null
create_api_key noah "kind => 'workspace_user_key', workspace => 'acme/assistant', member => 'noah@acme.example'" >/dev/null
create_api_key 'noah code' "kind => 'workspace_user_key', workspace => 'acme/code', member => 'noah@acme.example'" >/dev/null
create_api_key gina "kind => 'workspace_user_key', workspace => 'globex/support', member => 'gina@globex.example'" >/dev/null
[[ $SERVICE_KEY == pgt_* && $GLOBEX_KEY == pgt_* && $MIA_KEY == pgt_* ]] || fail "could not create the API keys"
export SERVICE_KEY GLOBEX_KEY MIA_KEY MIA_KEY_ID

as_dba -f trace.sql
if [[ -r $DATA_DIR/AzureLLMInferenceTrace_conv.csv && -r $DATA_DIR/AzureLLMInferenceTrace_code.csv ]]; then
  step "loading the Azure LLM inference traces (two services, 16 November 2023)"
  for model in conv:chat code:code; do
    as_dba -c "ALTER TABLE trace ALTER model SET DEFAULT '${model#*:}'"
    as_dba -c '\copy trace (timestamp, context_tokens, generated_tokens) FROM pstdin (FORMAT csv, HEADER)' \
      <"$DATA_DIR/AzureLLMInferenceTrace_${model%:*}.csv"
  done
else
  step "generating request logs (the Azure LLM inference traces are not there)"
  as_dba -f generate.sql
fi
as_dba -f requests.sql
as_dba -f load.sql
TOTAL=$(query 'SELECT count(*) FROM requests')
[[ $TOTAL -ge 28000 ]] || fail "only $TOTAL rows"
step "$TOTAL rows of two organizations are in table \"requests\""

ACME="organization_id = (SELECT organization_id FROM tenancy.organizations WHERE slug = 'acme')"
ASSISTANT="workspace_id = (SELECT workspace_id FROM tenancy.workspaces WHERE slug = 'assistant')"
CODE="workspace_id = (SELECT workspace_id FROM tenancy.workspaces WHERE slug = 'code')"
SUPPORT="workspace_id = (SELECT workspace_id FROM tenancy.workspaces WHERE slug = 'support')"
MIA="user_id = (SELECT user_id FROM tenancy.users WHERE email = 'mia@acme.example')"

# --- the session ----------------------------------------------------------------------------------------------------

heading 'The table: protected by one call'
note 'This has just been done. The policies are ordinary ones.'
PROMPT='demo=# '
print_statement "$(sed -n '/tenancy.protect(/,/;/p' requests.sql)"
connect_as_dba
run "SELECT policyname, cmd, coalesce(qual, with_check) AS condition FROM pg_policies
WHERE tablename = 'requests' AND cmd IN ('SELECT', 'INSERT');"

heading 'Olivia, owner of Acme: every row of Acme'
note "She has a database login of her own, which is bound to her."
connect 'psql -U olivia'
look olivia "$ACME"

heading 'Mason, manager of workspace Assistant: every row of that workspace'
note 'The application "console" authenticates its users itself; its login is trusted to name them.'
connect 'PGOPTIONS="-c tenancy.user=mason@acme.example" psql -U console'
look mason "$ASSISTANT"

heading 'Mia, member of workspace Assistant: her own rows, once data visibility is off'
note 'By default a member sees the whole workspace. The DBA switches that off for all members of Acme.'
connect 'PGOPTIONS="-c tenancy.user=mia@acme.example" psql -U console'
run "SELECT count(*) FROM requests;"
expect "$ASSISTANT" mia_before
connect_as_dba
change "SELECT tenancy.set_setting('acme', 'members_view_all_data', false);"
connect 'PGOPTIONS="-c tenancy.user=mia@acme.example" psql -U console'
look mia "$ASSISTANT AND $MIA"

heading 'A service key of workspace Code: every row of that workspace'
note 'An API key works from any login. Only its SHA-256 is stored.'
connect 'PGOPTIONS="-c tenancy.api_key=$SERVICE_KEY" psql -U app'
look service "$CODE"

heading 'A key of another tenant, Globex: none of the above'
connect 'PGOPTIONS="-c tenancy.api_key=$GLOBEX_KEY" psql -U app'
look globex "$SUPPORT"

heading 'Nobody: no rows'
note 'A login that is not bound, without a key.'
connect 'psql -U app'
look nobody false

heading 'Who am I, and why do I see these rows?'
note "Mia's own API key is restricted as she is."
connect 'PGOPTIONS="-c tenancy.api_key=$MIA_KEY" psql -U app'
run "SELECT kind, source, organization, workspace, email FROM tenancy.whoami();"
run "SELECT tenancy.explain_rows('requests');"
expect "$ASSISTANT AND $MIA" mia_key

heading 'Writing: rows are stamped with who writes them'
note "Mia's key says what was used, and not who she is; the columns' defaults fill that in."
run "INSERT INTO requests (model, context_tokens, generated_tokens) VALUES ('chat', 812, 64)
RETURNING request_id, left(organization_id::text, 8) AS organization, left(workspace_id::text, 8) AS workspace,
          left(user_id::text, 8) AS \"user\", left(api_key_id::text, 8) AS api_key;"
note 'A row in the name of another tenant is refused.'
GLOBEX_WORKSPACE=$(query "SELECT workspace_id FROM tenancy.workspaces WHERE slug = 'support'")
refused 42501 "INSERT INTO requests (workspace_id, model, context_tokens, generated_tokens)
VALUES ('$GLOBEX_WORKSPACE', 'chat', 1, 1);"

heading 'Asking for permission'
connect 'PGOPTIONS="-c tenancy.user=mia@acme.example" psql -U console'
run "SELECT tenancy.authorize('prompts', 'create', 'assistant') AS create_prompts,
       tenancy.authorize('prompts', 'publish', 'assistant') AS publish_prompts;"
refused 42501 "SELECT tenancy.require('prompts', 'publish', 'assistant');"
refused 22023 "SELECT tenancy.authorize('promts', 'publish', 'assistant');"

heading 'One pooled connection, two tenants, one prepared statement'
note 'The plan holds the first tenant in constants. It is made again for the second, and for nobody.'
connect 'psql -U app -v service_key="$SERVICE_KEY" -v globex_key="$GLOBEX_KEY"'
POOLED="PREPARE total AS SELECT count(*) FROM requests;
BEGIN; SET LOCAL tenancy.api_key = :'service_key'; EXECUTE total; COMMIT;
BEGIN; SET LOCAL tenancy.api_key = :'globex_key'; EXECUTE total; COMMIT;
EXECUTE total;"
run "$POOLED"
[[ $(eval "$CONNECTION -At" <<<"$POOLED") == "${ROWS[service]}"$'\n'"${ROWS[globex]}"$'\n'0 ]] ||
  fail "the prepared statement counted other rows"

heading 'Revoking a key'
note "While Mia's key is in use on an open connection, another session revokes it."
connect 'PGOPTIONS="-c tenancy.api_key=$MIA_KEY" psql -U app'
refused 28000 "PREPARE mine AS SELECT count(*) FROM requests;
EXECUTE mine;
\\! PGOPTIONS= psql -q -t -U postgres -c \"SELECT tenancy.revoke_api_key('$MIA_KEY_ID')\"
EXECUTE mine;"

heading 'In short'
[[ $((ROWS[olivia] + ROWS[globex])) -eq $TOTAL && ${ROWS[mia]} -gt 0 && ${ROWS[globex]} -gt 0 ]] ||
  fail "the counts do not add up"
printf '%-44s %6s of %s rows\n' \
  'Olivia, owner' "${ROWS[olivia]}" "$TOTAL" \
  'Mason, manager of Assistant' "${ROWS[mason]}" "$TOTAL" \
  'Mia, member of Assistant, own rows only' "${ROWS[mia]}" "$TOTAL" \
  'service key of Code' "${ROWS[service]}" "$TOTAL" \
  'service key of Globex' "${ROWS[globex]}" "$TOTAL" \
  'nobody' "${ROWS[nobody]}" "$TOTAL"
say
say "Each count was compared with what a superuser counts with a hand-written WHERE."

stop_server "$WORK_DIR/server"
say
say "Done in $SECONDS s. The server and its data are gone."
say "Next: README.md, \"A first protected table\", takes five minutes. bash scripts/check.sh runs every test."
