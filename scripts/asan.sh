#!/usr/bin/env bash
# Runs sql/ against expected/, and then test/attacks, on a module built with AddressSanitizer: scripts/asan.sh [TEST...],
# where a test is a file of sql/, or "attacks". Run by hand; not a stage of scripts/check.sh, since it takes minutes and
# depends on how Debian builds its server.
#
# Detects errors in the module's own memory: its C++ containers, its stack and static objects, and copies of the server's
# memory in these. The server's palloc() allocates blocks, so overruns there are not detected.
#
# The sanitizer has to be in the server from its start, by LD_PRELOAD. A server with translations (Debian's) would hang
# then: its first look at the gettext functions comes back to the sanitizer, which is not ready yet. So stubs of these
# functions, which translate nothing, are preloaded as well; psql and pg_ctl run without either.

set -euo pipefail
shopt -s inherit_errexit nullglob
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT_DIR"

install_packages "postgresql-$PG_MAJOR" "postgresql-server-dev-$PG_MAJOR" libssl-dev g++ make
pg_config=$(find_pg_config)
bin=$(server_bin)
stage=$WORK_DIR/stage
dir=$WORK_DIR/asan
build_module "$ROOT_DIR/build/asan" "$stage" ASAN=1

gcc -x c -shared -fPIC -o "$WORK_DIR/no_gettext.so" - <<'C'
char *gettext(const char *id) { return (char *)id; }
char *dgettext(const char *domain, const char *id) { return (char *)id; }
char *dcgettext(const char *domain, const char *id, int category) { return (char *)id; }
char *ngettext(const char *one, const char *many, unsigned long n) { return (char *)(n == 1 ? one : many); }
char *dngettext(const char *domain, const char *one, const char *many, unsigned long n) { return ngettext(one, many, n); }
char *dcngettext(const char *domain, const char *one, const char *many, unsigned long n, int category) { return ngettext(one, many, n); }
char *textdomain(const char *domain) { return (char *)domain; }
char *bindtextdomain(const char *domain, const char *folder) { return (char *)folder; }
char *bind_textdomain_codeset(const char *domain, const char *codeset) { return (char *)codeset; }
C

# The cluster is made by an ordinary server, and started by one that has the sanitizer in it.
start_server "$dir" "$stage"
stop_server "$dir"
say "starting the server with AddressSanitizer"
as_server_user env LD_PRELOAD="$(gcc -print-file-name=libasan.so):$WORK_DIR/no_gettext.so" \
  ASAN_OPTIONS="detect_leaks=0:detect_stack_use_after_return=0:verify_asan_link_order=0:halt_on_error=1:abort_on_error=0:exitcode=1" \
  "$bin/postgres" -D "$dir/data" >"$dir/log" 2>&1 </dev/null &
for ((i = 0; i < 600; i++)); do
  ! "$bin/pg_isready" -q || break
  sleep 0.1
done
"$bin/pg_isready" -q || { tail -n 20 "$dir/log" >&2; fail "the server did not start"; }

tests=() attacks=
if [[ $# -eq 0 ]]; then
  tests=(sql/*.sql)
  tests=("${tests[@]#sql/}")
  tests=("${tests[@]%.sql}")
  attacks=yes
fi
for name in "$@"; do
  if [[ $name == attacks ]]; then attacks=yes; else tests+=("$name"); fi
done
status=0
if [[ ${#tests[@]} -gt 0 ]]; then
  output=$WORK_DIR/output
  mkdir "$output"
  cp -r sql expected examples "$output"
  give_to_server_user "$output"
  as_server_user "$(dirname "$("$pg_config" --pgxs)")/../test/regress/pg_regress" --inputdir="$output" --outputdir="$output" \
    --bindir="$bin" --dbname=contrib_regression --load-extension=pg_tenancy "${tests[@]}" || status=$?
  [[ $status -eq 0 ]] || cat "$output/regression.diffs"
fi
if [[ -n $attacks ]]; then
  # That planted holes are found is shown by the stage of check.sh.
  PATH=$bin:$PATH NO_PLANTS=1 SERVER_LOG=$dir/log bash test/attacks/run.sh || status=$?
fi
# A report ends the session, which a test that expects an error could take for one.
if grep -A 30 'ERROR: AddressSanitizer' "$dir/log"; then fail "AddressSanitizer has found something, see above"; fi
[[ $status -eq 0 ]] || exit 1
say "${#tests[@]} tests passed${attacks:+, and the attacks}; AddressSanitizer has found nothing"
