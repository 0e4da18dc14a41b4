#!/usr/bin/env bash
# Runs the SQL of the documentation's pages: scripts/pages.sh [--check] [PAGE...]
#
# In a page, each block marked sql is run, in order, in one session of psql; a block marked "sh run" is run by bash
# where it stands.  A block without a mark directly below one of these is what it printed: it is written anew where it
# differs (or, with --check, a difference is an error), and ids, secrets and trailing blanks do not count.  An error
# that is not shown in such a block is an error.
#
# The tutorials run in new databases, "shop" and "office"; every other page in a copy of what the first left, as
# docs/how-to/README.md says.

set -euo pipefail
shopt -s inherit_errexit
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT_DIR"

TUTORIAL=docs/tutorial.md
SAAS_TUTORIAL=docs/tutorial-saas.md
mode=write
if [[ ${1-} == --check ]]; then
  mode=compare
  shift
fi
pages=("$@")
[[ $# -gt 0 ]] || pages=("$TUTORIAL" "$SAAS_TUTORIAL" docs/faq.md docs/observability.md docs/testing-your-tenancy.md docs/how-to/*.md)

# run_page MODE PAGE [DATABASE]
run_page() {
  local dir=$WORK_DIR/page page=$ROOT_DIR/$2
  rm -rf "$dir"
  mkdir "$dir"
  # as a reader in the source tree has them
  ln -s "$ROOT_DIR/examples" "$dir/examples"
  (
    cd "$dir"
    perl "$ROOT_DIR/scripts/pages.pl" script "$page" >script.sql
    PGDATABASE=${3:-shop} psql -X -q -v SHOW_CONTEXT=never <script.sql >output 2>&1 || true
    perl "$ROOT_DIR/scripts/pages.pl" "$1" "$page" output
  )
}

install_packages "postgresql-$PG_MAJOR" "postgresql-server-dev-$PG_MAJOR" "postgresql-$PG_MAJOR-pgtap" libssl-dev g++ make
# The tests have built the module already.
stage=${PG_TENANCY_STAGE:-$WORK_DIR/stage}
[[ -n ${PG_TENANCY_STAGE-} ]] || build_module "$WORK_DIR/copy" "$stage"
PATH=$(server_bin):$PATH
start_server "$WORK_DIR/server" "$stage"

createdb shop
run_page "$mode" "$TUTORIAL" || fail "$TUTORIAL is not what the database says"
psql -X -q -c 'ALTER DATABASE shop RENAME TO tutorial'
for page in "${pages[@]}"; do
  [[ $page != "$TUTORIAL" ]] || continue
  if [[ $page == "$SAAS_TUTORIAL" ]]; then
    createdb office
    run_page "$mode" "$page" office || failed+=("$page")
    continue
  fi
  createdb -T tutorial shop
  run_page "$mode" "$page" || failed+=("$page")
  dropdb shop
done
[[ -z ${failed-} ]] || fail "not what the database says: ${failed[*]} (scripts/pages.sh writes what it says)"
say "${#pages[@]} pages say what the database says"
