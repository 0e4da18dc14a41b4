#!/usr/bin/env bash
# Each rule of advise() is one function, one line of advice_rules(), from which the reference is made, and one test.
#
# sql/advise.sql compares functions and lines; here, each rule is named in a test that looks for what it finds.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "${BASH_SOURCE[0]}")/.."
status=0
rules=$(sed -n "/^CREATE FUNCTION tenancy.advice_rules()/,/^\$\$;/s/^    ('\([a-z_]*\)', '.*/\1/p" extension/90_advise.sql)
[[ -n $rules ]] || { echo 'advice_rules() is not where it was'; exit 1; }
for rule in $rules; do
  if ! grep -qw -- "$rule" sql/*.sql test/tap/*.pl; then
    echo "extension/90_advise.sql: no test names rule \"$rule\""
    status=1
  fi
  if [[ $(cat extension/91_advise_*.sql | grep -c "^CREATE FUNCTION tenancy_internal.advice_$rule()") != 1 ]]; then
    echo "extension/91_advise_*.sql: rule \"$rule\" has no function of its own"
    status=1
  fi
done
exit $status
