#!/usr/bin/env bash
# The parts of the install script are named NN_name.sql with numbers of their own (files whose names begin with the same
# word may share one: a part in several files, which need no order), hold no CREATE OR REPLACE and no #variable_conflict, and every SECURITY DEFINER
# function in them and in update scripts pins its search_path, pg_temp last.
#
# The Makefile concatenates the parts by number; one that does not fit the pattern would silently be left out.  CREATE
# OR REPLACE adopts an object that somebody made beforehand and leaves them its owner.  A SECURITY DEFINER function
# without a search_path of its own resolves names as its caller likes, and without pg_temp in it looks there first.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "${BASH_SOURCE[0]}")/.."
status=0

parts=(extension/*.sql extension/testing/*.sql)
numbers=()
for part in "${parts[@]}"; do
  if [[ $part =~ ^(.*/[0-9][0-9])_([a-z0-9]+)[a-z0-9_]*\.sql$ ]]; then
    numbers+=("${BASH_REMATCH[1]} ${BASH_REMATCH[2]}")
  else
    echo "$part: must be named NN_name.sql"
    status=1
  fi
done
if [[ ${#numbers[@]} -gt 0 ]]; then
  repeated=$(printf '%s\n' "${numbers[@]}" | sort -u | cut -d' ' -f1 | uniq -d)
  if [[ -n $repeated ]]; then
    echo "more than one part has the number" "$repeated"
    status=1
  fi
fi

for update in extension/updates/*; do
  if [[ ! $update =~ /pg_tenancy(_testing)?--[0-9.]+--[0-9.]+\.sql$ && ! $update =~ /[0-9.]+--[0-9.]+$ && ! $update =~ /generate\.pl$ ]]; then
    echo "$update: must be named OLD--NEW (a folder) or EXTENSION--OLD--NEW.sql"
    status=1
  fi
done

if [[ ${#parts[@]} -gt 0 ]] && grep -niE "^[^-']*\bCREATE[[:space:]]+OR[[:space:]]+REPLACE\b" "${parts[@]}"; then
  echo 'no CREATE OR REPLACE in an install script'
  status=1
fi

# Nothing of an update is run in a schema that others have prepared.
for update in extension/updates/*--*/; do
  for extension in pg_tenancy pg_tenancy_testing; do
    if [[ $(head -n 1 "$update$extension--before.sql") != '-- @include 10_schema_closed.sql' ]]; then
      echo "$update$extension--before.sql: must begin with \"-- @include 10_schema_closed.sql\""
      status=1
    fi
  done
done

# Names that mean a parameter and a column are an error, unless the parameter is written FUNCTION.PARAMETER.
if grep -nF '#variable_conflict' "${parts[@]}" extension/updates/*/*.sql; then
  echo 'write FUNCTION.PARAMETER instead of a rule for conflicts of names'
  status=1
fi

# Bodies and comments do not count: what is left is split at semicolons into statements.
# shellcheck disable=SC2016
perl -0777 -ne '
  s{\$(\w*)\$.*?\$\1\$}{BODY}gs;
  s{--[^\n]*}{}g;
  for my $statement (split /;/) {
    next unless $statement =~ /\b(?:CREATE|ALTER)\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\s+([\w.]+)/i;
    my $name = $1;
    next unless $statement =~ /\bSECURITY\s+DEFINER\b/i;
    next if $statement =~ /\bSET\s+search_path\s*(?:=|\bTO\b)\s*[\w\s,]*\bpg_temp\b/i;
    print "$ARGV: $name is SECURITY DEFINER and does not SET search_path = ..., pg_temp\n";
    $bad = 1;
  }
  END { exit($bad ? 1 : 0) }
' "${parts[@]}" extension/updates/*.sql extension/updates/*/*.sql </dev/null || status=1
exit $status
