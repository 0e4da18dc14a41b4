#!/usr/bin/env bash
# Real clients: the code on each page of docs/clients, run against one small world (world.sql).
#
#   test/clients/run.sh [CLIENT...]      all of them, unless named
#
# Needs a running server (PG* environment, a superuser on a Unix-domain socket) that also listens on 127.0.0.1 with
# scram-sha-256, as "start_server --tcp" of scripts/lib.sh makes it, on which CREATE EXTENSION pg_tenancy works.
# Packages of npm, in the versions of package-lock.json, are kept in $BUILD_DIR/clients (build/clients).
#
# A client is a page docs/clients/CLIENT.md and a program programs/CLIENT.*.  Every block of code on the page that has
# the line <!-- file: NAME --> above it becomes that file, beside the program, which uses it as a reader would: there is
# no other copy of the code.  The program gets each principal's key in its environment (ACME, BAD, MIA, GLOBEX) and
# prints, for each way to name the principal that the page shows, "WAY PRINCIPAL: IDS-OF-ROWS", or the SQLSTATE
# instead of the ids.  That has to be the same with every client.  The clients "scim" and "oidc" are the examples of these names
# instead of pages, and print what scim.expected and oidc.expected have.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "${BASH_SOURCE[0]}")"
pages=$(cd ../../docs/clients && pwd)
examples=$(cd ../../examples && pwd)
expected_of_examples=$PWD
node_packages=${BUILD_DIR:-$PWD/../../build}/clients
target=$node_packages/rust

# The ways that each page shows: a key for the connection, the transaction, the request, or a login for each principal.
declare -A WAYS=(
  [psql]='connection transaction'
  [psycopg]='connection transaction parallel'
  [sqlalchemy]='connection transaction parallel'
  [django]='connection request parallel'
  [node-postgres]='connection transaction parallel'
  [postgres.js]='connection transaction parallel'
  [drizzle]='transaction parallel'
  [knex]='connection transaction parallel'
  [kysely]='transaction parallel'
  [typeorm]='connection transaction parallel'
  [sequelize]='connection transaction parallel'
  [prisma]='transaction operation parallel parallel'
  [go-pgx]='connection transaction parallel'
  [go-pq]='connection transaction parallel'
  [ruby-pg]='connection transaction parallel'
  [rails]='connection transaction parallel'
  [php-pdo]='connection transaction'
  [perl-dbi]='connection transaction'
  [odbc]='connection transaction'
  [jdbc]='connection transaction parallel'
  [libpq]='connection transaction'
  [http]='node python go'
  [rust]='connection transaction parallel'
  [r]='connection transaction'
  [pgpool]='connection transaction cleaned'
  [pgbouncer]='transaction forgotten session statement prepared'
  [postgraphile]='request parallel'
  [sqlpad]='login'
  [scim]='groups'
  [oidc]='people'
)

ROLES='shop, acme, mia, globex, bad, nobody, acme_reports'

expected_lines() {
  local way
  for way in "$@"; do
    case $way in
      # SQLPad shows the message without the code.
      login)
        printf 'login %s\n' 'acme: 1 3 4' \
          "bad: error: the session's user does not exist, is not active, or is not a member of the organization" \
          'mia: 3' 'globex: 2 5' 'nobody:'
        ;;
      # Servers answer with a status. Nobody may write.
      node | python | go)
        printf "$way %s\n" 'acme: 1 3 4' 'bad: 401' 'mia: 3' 'globex: 2 5' 'nobody:' 'refused: 403' 'at commit: 409'
        printf 'parallel: 200 right\n'
        printf "$way %s\n" 'away: 503' 'again: 1 3 4'
        ;;
      # 200 requests at a time over a small pool.
      groups) cat "$expected_of_examples/scim.expected" ;;
      people) cat "$expected_of_examples/oidc.expected" ;;
      parallel) printf 'parallel: 200 right\n' ;;
      # A key that was not made local, before and after the page's settings.
      forgotten) printf "$way %s\n" 'leaks: 1 3 4' 'harmless:' ;;
      # A key that a client has set does not reach the next one on the same server connection.
      cleaned) printf "$way %s\n" 'same connection:' ;;
      session) printf "$way %s\n" 'acme: 1 3 4' 'next client:' ;;
      statement) printf "$way %s\n" 'transaction: refused' 'one statement: 1 3 4' 'next client:' ;;
      *) printf "$way %s\n" 'acme: 1 3 4' 'bad: 28000' 'mia: 3' 'globex: 2 5' 'nobody:' ;;
    esac
  done
}

# extract PAGE FOLDER
extract() {
  awk -v folder="$2" '
    /^<!-- file: [^\/ ]+ -->$/ { path = folder "/" $3; next }
    path && /^```/ { if (open) { close(path); path = "" }; open = !open; next }
    open { print > path }
  ' "$1"
  [[ -n $(ls "$2") ]] || { printf '%s has no code\n' "$1"; return 1; }
}

# Sets `command` to what runs a program, in the folder where it lies.
command_for() {
  case $1 in
    *.sh)
      install_node_packages
      command=(bash "$1")
      ;;
    # Debian's, which sees Debian's modules.
    *.py) command=(/usr/bin/python3 "$1") ;;
    *.mjs)
      install_node_packages
      command=(node "$1")
      ;;
    *.go) command=(env GO111MODULE=off GOPATH=/usr/share/gocode bash -c 'go run ./*.go') ;;
    *.rb) command=(ruby "$1") ;;
    *.php) command=(php "$1") ;;
    *.pl) command=(/usr/bin/perl "$1") ;;
    *.java) command=(env CLASSPATH=.:/usr/share/java/postgresql.jar:/usr/share/java/HikariCP.jar:/usr/share/java/slf4j-api.jar bash -c 'javac *.java && java main') ;;
    *.R) command=(Rscript --vanilla "$1") ;;
    # Debian's compiler and crates, without a network.
    *.rs)
      printf '%s\n' '[package]' 'name = "client"' 'version = "0.0.0"' 'edition = "2021"' '[[bin]]' 'name = "client"' 'path = "main.rs"' \
        '[dependencies]' 'tokio = { version = "1", features = ["rt-multi-thread", "macros", "sync"] }' 'tokio-postgres = "0.7"' >"$work/$client/Cargo.toml"
      mkdir "$work/$client/.cargo"
      printf '%s\n' '[source.crates-io]' 'replace-with = "debian"' '[source.debian]' 'directory = "/usr/share/cargo/registry"' >"$work/$client/.cargo/config.toml"
      # The crates take longer than any program may run.
      (cd "$work/$client" && RUSTC=/usr/bin/rustc CARGO_HOME=$work/cargo CARGO_TARGET_DIR=$target CARGO_INCREMENTAL=0 \
        /usr/bin/cargo build -q --offline >build.log 2>&1) || cat "$work/$client/build.log"
      command=("$target/debug/client")
      ;;
    *.cpp) command=(bash -c 'g++ -std=c++20 -Wall -Werror -I /usr/include/postgresql *.cpp -lpq && ./a.out') ;;
  esac
}

# Where node looks for them: in a folder above the programs'.
install_node_packages() {
  [[ ! -e $work/node_modules ]] || return 0
  if ! cmp -s package-lock.json "$node_packages/installed"; then
    mkdir -p "$node_packages"
    cp package.json package-lock.json "$node_packages"
    # No program of a package is run, and so nothing is compiled.
    (cd "$node_packages" && npm ci --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
    cp package-lock.json "$node_packages/installed"
  fi
  ln -s "$node_packages/node_modules" "$work/node_modules"
}

client_environment() {
  local name secret
  while read -r name secret; do export "${name^^}=$secret"; done <"$work/keys"
  export SUPERUSER="host=$PGHOST user=$PGUSER dbname=shop"
  export PGHOST=127.0.0.1 PGUSER=shop PGDATABASE=shop PGPASSWORD=$password
}

run_client() {
  local client=$1 folder=$work/$1 program command ways start=$SECONDS
  mkdir "$folder"
  if [[ -f $pages/$client.md ]]; then extract "$pages/$client.md" "$folder"; else cp "$examples/$client"/*.mjs "$folder"; fi
  program=$(echo programs/"$client".*)
  cp "$program" "$folder/main.${program##*.}"
  cp report.* browser.mjs "$folder"
  command_for "main.${program##*.}"
  cd "$folder"
  client_environment
  # Whether it went well shows in what it printed.
  timeout --kill-after=10 180 "${command[@]}" >printed 2>errors </dev/null || printf 'status %d\n' $? >>printed
  read -ra ways <<<"${WAYS[$client]}"
  expected_lines "${ways[@]}" >expected
  if diff -u expected printed >difference; then
    printf '%-14s %-24s %3d s\n' "$client" "${WAYS[$client]}" "$((SECONDS - start))"
  else
    printf '%-14s FAILED\n' "$client"
    cat difference errors
    return 1
  fi
}

# Names that the world uses.  Those of somebody else are left alone.
must_be_free() {
  local found
  found=$(psql -X -At -c "SELECT string_agg(name, ', ') FROM (SELECT datname FROM pg_database UNION SELECT rolname FROM
    pg_roles) used (name) WHERE name = ANY ('{${ROLES// /}}')")
  [[ -z $found ]] || { printf 'error: this server already has %s\n' "$found" >&2; exit 1; }
}

make_world() {
  psql -X -q -v ON_ERROR_STOP=1 -c 'CREATE DATABASE shop'
  psql -X -q -At -v ON_ERROR_STOP=1 -v password="$password" -d shop -f world.sql >"$work/keys"
}

cleanup() {
  psql -X -q -c 'DROP DATABASE IF EXISTS shop WITH (FORCE)' -c "DROP ROLE IF EXISTS $ROLES" >/dev/null 2>&1 || true
  rm -rf "$work"
}

if [[ $# -eq 0 ]]; then
  for page in "$pages"/*.md; do
    name=$(basename "$page" .md)
    [[ $name == README ]] || set -- "$@" "$name"
  done
  set -- "$@" scim oidc
fi
must_be_free
work=$(mktemp -d)
trap cleanup EXIT
password=$(printf '%08x' $SRANDOM $SRANDOM)
make_world
failed=0
for client in "$@"; do
  # Outside of any condition, so that the first command that fails ends it.
  set +e
  (
    set -e
    run_client "$client"
  )
  status=$?
  set -e
  [[ $status -eq 0 ]] || failed=$((failed + 1))
done
printf '%d clients, %d failed\n' $# $failed
[[ $failed -eq 0 ]]
