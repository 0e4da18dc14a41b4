#!/usr/bin/env bash
# src/core includes its own headers and the standard library, does no I/O, and throws nothing.
#
# The access model is tested, fuzzed and read without a server.  That ends with the first server header or the first
# include from src/pg; and since the glue calls the core between server calls, a `throw` there would have to be
# expected everywhere.  (std::bad_alloc is the one exception that can leave the core.)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ -d src/core ]] || exit 0
status=0

include='#[[:space:]]*include[[:space:]]*'
io='iostream|fstream|filesystem|cstdio|thread|mutex|future|condition_variable'

# The standard library's C++ headers have no dot: <stdint.h> is refused like <postgres.h>, <cstdint> is the way.
if grep -rnE "^[[:space:]]*$include" src/core | grep -vE "$include(\"core/[^\"]+\"|<[a-z_0-9]+>)"; then
  echo 'src/core may include "core/..." and C++ standard headers only'
  status=1
fi
if grep -rL --include='*.cpp' "^$include\"core/no_server.hpp\"" src/core | grep .; then
  echo 'a file of the core includes "core/no_server.hpp", last'
  status=1
fi
if grep -rnE "$include<($io)>" src/core; then
  echo 'src/core does no I/O and starts no threads'
  status=1
fi
if grep -rnE '\bthrow\b' src/core | grep -vE '//.*\bthrow\b'; then
  echo 'src/core reports errors as values, see core/result.hpp'
  status=1
fi
exit $status
