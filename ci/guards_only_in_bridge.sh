#!/usr/bin/env bash
# PG_TRY, sigsetjmp and their kind appear in src/pg/server/error_bridge.* only; src/pg has no function-local static object;
# nothing uses std::format.
#
# A server error is a longjmp: it skips destructors, and a PG_CATCH that forgets to flush or to rethrow takes the
# whole server down after a few errors.  Two guards in one file can be reviewed, scattered ones cannot.  A static
# object initialised at first use is left half-made when its initialiser raises, and the next use aborts the server.
# std::format does not exist in g++ 12, which is what Debian 12 has.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ -d src ]] || exit 0
status=0

# matches PATTERN FOLDER...: lines of code, comments left out.
matches() {
  local pattern=$1
  shift
  grep -rnE --include='*.cpp' --include='*.hpp' "$pattern" "$@" | grep -vE '^[^:]+:[0-9]+:[[:space:]]*(//|\*|/\*)'
}

if matches '\b(PG_TRY|PG_CATCH|PG_FINALLY|PG_END_TRY|PG_exception_stack|(sig)?setjmp|(sig)?longjmp)\b' src |
  grep -vE '^src/pg/server/error_bridge\.'; then
  echo 'guards belong into src/pg/server/error_bridge'
  status=1
fi

if [[ -d src/pg ]]; then
  # An indented static is inside of something; in a header that may be a member function, which has a
  # parenthesis before anything else.
  indented='^[[:space:]]+(static|thread_local)[[:space:]]'
  allowed=':[[:space:]]+static[[:space:]]+(inline[[:space:]]+)?(constexpr|consteval|constinit)\b'
  if { matches "$indented" src/pg || true; } | grep -vE "$allowed" | grep -vE '^[^:]+\.hpp:[^=;{]*\('; then
    echo 'no static object inside a function: make it constexpr, or part of the state at namespace scope'
    status=1
  fi
fi

if matches 'std::format\b|#[[:space:]]*include[[:space:]]*<(format|expected|source_location)>' src test; then
  echo 'not in the compilers that we support'
  status=1
fi
exit $status
