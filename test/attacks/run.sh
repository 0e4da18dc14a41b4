#!/usr/bin/env bash
# Attacks on the extension by everybody who is not a superuser, see README.md.
#
#   test/attacks/run.sh [ROUNDS] [SEED]     what is made up by chance: so much of it (1), from this seed (1)
#
# $ONLY, a regular expression, limits it to attacks whose family and title match. $KEEP names a folder that keeps what was run and
# shown. $NO_PLANTS leaves out what is said below; $PLANTS, a regular expression, all holes but those that match. Needs a running server
# (PG* environment, a superuser) on which CREATE EXTENSION pg_tenancy works. $SERVER_LOG, if set, is its log.
#
# Before anything counts, each kind of hole is planted, and has to be found. Prints each attack that got through, and what shows it.
set -euo pipefail
cd "$(dirname "$0")"
rounds=${1:-1}
seed=${2:-1}
only=${ONLY:-.}
plants="p.plant ~ \$x\$${PLANTS:-.}\$x\$"
database=tenancy_attacks
dir=${KEEP:-$(mktemp -d)}
[ -n "${KEEP:-}" ] || trap 'rm -rf "$dir"' EXIT
sql() { PGOPTIONS='-c client_min_messages=warning' psql -X -q -v ON_ERROR_STOP=1 "$@"; }
value() { sql -At "$@"; }

drop_all() {
  value -d postgres -c "SELECT format('DROP DATABASE %I WITH (FORCE);', datname) FROM pg_database WHERE datname ~ '^$database'" | sql -d postgres
  value -d postgres -c "SELECT format('DROP ROLE %I;', rolname) FROM pg_roles WHERE rolname ~ '^(att|evil)_'" | sql -d postgres
}

# make_world NAME GLOBEX UMBRELLA G U NUMBER [PLANTS]: see world.sql. All cases are made, too.
make_world() {
  local file files=()
  for file in world ${7:+plants} detectors payloads rights cases contexts exempt findings calls functions where silent switches workers stored oracles poison actions parents keeping names owners trusts keys viewers roads; do files+=(-f "$file.sql"); done
  sql -d postgres -c "CREATE DATABASE $1"
  sql -d "$1" -v globex="$2" -v umbrella="$3" -v g="$4" -v u="$5" -v number="$6" -v seed="$seed" -v rounds="$rounds" -o /dev/null "${files[@]}" \
    -c 'CALL attacks.number()' -c 'CALL attacks.remember()' -c 'CALL attacks.rights_remembered()'
}

# copy_database FROM TO: with its settings.
copy_database() {
  sql -d postgres -c "CREATE DATABASE $2 TEMPLATE $1"
  value -d postgres -c "SELECT format('ALTER DATABASE $2 SET %s = %L;', split_part(s, '=', 1), substr(s, strpos(s, '=') + 1))
    FROM pg_db_role_setting r, unnest(setconfig) s WHERE r.setdatabase = (SELECT oid FROM pg_database WHERE datname = '$1')" | sql -d postgres
}

wait_for_server() {
  for _ in {1..300}; do
    ! psql -X -q -d postgres -c 'SELECT' >/dev/null 2>&1 || return 0
    sleep 0.1
  done
  echo 'failed: the server is gone' >&2
  exit 1
}

# attack DATABASE CONDITION OUTPUT: runs the cases that meet the condition; all that the attackers were shown goes to the output. Whoever
# brings the server down leaves a line there, and the rest goes on.
attack() {
  local last=0 n script=$dir/script.$1
  : >"$3"
  while true; do
    # Tried again, since the other session may be bringing the server down.
    for n in 1 2 3; do
      ! value -d "$1" -c "SELECT attacks.script_of(c) FROM attacks.cases c WHERE NOT own_database AND n > $last AND ($2) ORDER BY n" >"$script" || break
      ((n < 3)) || exit 1
      wait_for_server
    done
    [ -s "$script" ] || break
    ! psql -X -q -At -d "$1" -v VERBOSITY=verbose -v SHOW_CONTEXT=always -v ON_ERROR_ROLLBACK=on -f "$script" >>"$3" 2>&1 || break
    last=$(grep -oP '@case \K[0-9]+$' "$3" | tail -n 1)
    # Sessions that ran at the same time begin again at the same place.
    if tail -n 20 "$3" | grep -qE '57P0[23]|database system is'; then
      sed -i "/@case $last\$/,\$d" "$3"
      last=$((last - 1))
    else
      echo '@found crash: the connection was lost' >>"$3"
    fi
    wait_for_server
  done
  # Those that commit get a database of their own each.
  for n in $(value -d "$1" -c "SELECT n FROM attacks.cases c WHERE own_database AND ($2) ORDER BY n"); do
    copy_database "$1" "$1_copy"
    value -d "$1" -c "SELECT attacks.script_of(c) FROM attacks.cases c WHERE n = $n" >"$script"
    psql -X -q -At -d "$1_copy" -v VERBOSITY=verbose -v SHOW_CONTEXT=always -f "$script" >>"$3" 2>&1 || {
      echo '@found crash: the connection was lost' >>"$3"
      wait_for_server
    }
    sql -d "$1" -c 'CALL attacks.restore_roles()'
    sql -d postgres -c "DROP DATABASE $1_copy WITH (FORCE)"
  done
}

# found DATABASE OUTPUT: what got through, as lines: number of the case, how it was seen, by which statement where that is known. An
# attack with a syntax error was none; only where statements are made up by chance, some are wrong.
found() {
  value -d "$1" -F ' ' -c "SELECT n, family IN ('functions', 'conditions', 'derived', 'leakproof', 'oracles'), forbidden FROM attacks.cases" >"$dir/forbidden.$1"
  awk 'function report(what) { print n " " what (statement == "" ? "" : "  <- " statement) }
    FNR == NR { n = $1; by_chance[n] = $2; sub(/^[0-9]+ [tf] /, ""); forbidden[n] = $0; next }
    { line = $0; sub(/^psql:[^ ]*: ((NOTICE|INFO): +00000: )?/, "", line); line = substr(line, 1, 300) }
    /@case [0-9]+$/ { n = $NF; checks = 0; statement = ""; next }
    /@checks$/ { checks = 1; statement = ""; next }
    /^@> / { statement = substr($0, 4); next }
    /@found / && !/LINE|@found .* \|\|/ { sub(/.*@found /, ""); report(substr($0, 1, 300)); next }
    checks { if (/ERROR: |FATAL: |PANIC: /) report("the checks failed: " line); next }
    /^(LINE [0-9]+|QUERY|STATEMENT|LOCATION):/ { next }
    # A refused statement leaves a variable of psql unset, and a colon in the next one.
    /^psql:[^ ]*: ERROR: +42601: syntax error / && !/ at or near ":"$/ && by_chance[n] == "f" { report("no attack: " line) }
    $0 ~ forbidden[n] || /SCRAM-SHA-256/ { report("a canary: " line) }' "$dir/forbidden.$1" "$2"
}

# Parts of the output that depend on time or chance: times, random ids, secrets and challenges (claim_challenge()), addresses, the
# server's transactions (audit_events_since()), and whom a session is (kept_since()). When a change is noticed depends on time, too, so
# that both errors of a plan's guard are one answer: in its own words alone, and never the same as any other answer.
comparable() {
  awk '{ line = $0; sub(/^psql:[^ ]*: /, "", line) }
    line ~ /^ERROR: +(40001: the session.s rights have|55000: the session.s principal has) changed since the query was planned$/ { print "GUARD"; guard = 1; next }
    /^@/ { guard = 0 }
    guard && line ~ /^(DETAIL: +A part of them has ended[.]|HINT: +Run the (transaction|query) again[.])$/ { next }
    guard && line ~ /^LOCATION: +(raise_(rights|principal)_changed|check_plan_is_current), [a-z_]+[.]cpp:[0-9]+$/ { guard = 0; next }
    { print }' | sed -E -e 's/^psql:[^ ]*: //; s/pgt_[A-Za-z0-9]+/SECRET/g; s/[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:.+Z]+/TIME/g; s/[0-9a-f]{64}/HASH/g' \
    -e 's/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/&!/g; s/(-0000-4000-8000-[0-9a-f]{12})!/\1/g; s/[0-9a-f-]{36}!/ID/g' \
    -e 's/^A[Q-Za-f][A-Za-z0-9_-]{70,}$/CHALLENGE/' \
    -e 's#-?[0-9]+/[0-9]+/[0-9]+:[0-9]+:[0-9,]*#WATERMARK#g; s/"time": [0-9]{13}/"time": TIME/g; s/\\x[0-9a-f]{32}$/STAMP/' \
    -e "s/plan_guard\('-?[0-9]+'/plan_guard(STAMP/g"
}

# differences OUTPUT_A OUTPUT_B: cases whose output is another where the foreign organizations are others.
differences() {
  local output
  for output in "$1" "$2"; do
    awk 'FNR == NR { compared[$1]; next } /@case [0-9]+$/ { keep = $NF in compared } keep' "$dir/compared" "$output" | comparable >"$output.comparable"
  done
  diff --old-line-format='-%L' --new-line-format='+%L' --unchanged-line-format=' %L' "$1.comparable" "$2.comparable" | awk '
    /^.@case [0-9]+$/ { n = $NF; statement = ""; checks = 0; next }
    /^.@checks$/ { checks = 1 }
    /^.@> / { statement = substr($0, 5); shown = 0; next }
    # Plans may be others, by the numbers of rows that others have.
    !checks && statement !~ /^EXPLAIN/ && /^[-+]/ && !shown++ { print n " worlds differ: " substr($0, 1, 250) "  <- " statement }' || true
}

# in_log DATABASE: what the server has logged since and should not have: foreign canaries, and secrets of API keys.
in_log() {
  [ -n "${SERVER_LOG:-}" ] || return 0
  value -d "$1" -c 'SELECT secret FROM attacks.secrets' >"$dir/secrets"
  tail -c "+$((logged + 1))" "$SERVER_LOG" | grep -aE "canary_(globex|theirs)|SCRAM-SHA-256|$(paste -sd'|' "$dir/secrets")" | grep -avE '^[^[]*\[[0-9]+\] postgres@postgres ' | cut -c1-300 | sed "s/^/0 /" | sort -u | head -n 20 || true
}

# Comparison of cases in two worlds
statements() { echo "SELECT md5(string_agg(concat(n, script), ' ' ORDER BY n)) FROM attacks.cases WHERE $1"; }

# run_cases A B CONDITION: writes what was found to $dir/found. Two sessions share the work, each in its world; some cases are run in
# both worlds, and compared.
run_cases() {
  local compared="family IN ('functions', 'conditions', 'leakproof', 'oracles')"
  [ "$(value -d "$1" -c "$(statements "$compared")")" = "$(value -d "$2" -c "$(statements "$compared")")" ] || {
    echo 'failed: the attacks that are to be compared are not the same in both worlds' >&2
    exit 1
  }
  [ -z "${SERVER_LOG:-}" ] || logged=$(wc -c <"$SERVER_LOG")
  attack "$2" "($compared OR n % 2 = 0) AND ($3)" "$dir/output_b" &
  attack "$1" "($compared OR n % 2 = 1) AND ($3)" "$dir/output_a"
  wait $!
  # A DBA may see all users.
  value -d "$1" -c "SELECT n FROM attacks.cases WHERE $compared AND title !~ 'att_dba'" >"$dir/compared"
  {
    found "$1" "$dir/output_a"
    found "$2" "$dir/output_b"
    differences "$dir/output_a" "$dir/output_b"
    in_log "$1"
  } | sort -u >"$dir/found"
}

# With the names of what they are.
name_found() {
  value -d "$1" -F $'\t' -c "SELECT n, concat_ws(': ', family, title) FROM attacks.cases" >"$dir/names"
  awk -F'\t' 'FNR == NR { name[$1] = $2; next } { n = $0; sub(/ .*/, "", n); rest = substr($0, length(n) + 2); print (n == 0 ? "the server'"'"'s log" : name[n]) ": " rest }' "$dir/names" "$dir/found"
}

find_plants() {
  # Cases that find a hole are random, and change when a function is added: so there are enough for each hole
  # to be found.
  local plant sign missed= rounds=4
  make_world "${database}_a" globex umbrella bbbbbbbb eeeeeeee 73133 plants.sql
  make_world "${database}_b" hidden shadow b0b0b0b0 e0e0e0e0 83134 plants.sql
  run_cases "${database}_a" "${database}_b" "EXISTS (SELECT FROM attacks.plants p WHERE $plants AND concat_ws(': ', family, title) ~ p.attacks)"
  name_found "${database}_a" >"$dir/planted"
  while IFS=$'\t' read -r plant sign; do
    grep -qE "$sign" "$dir/planted" || [[ -z ${SERVER_LOG:-} && $sign == *log:* ]] || {
      echo "failed: planted and not found: $plant" >&2
      missed=yes
    }
  done < <(value -d "${database}_a" -F $'\t' -c "SELECT plant, sign FROM attacks.plants p WHERE $plants")
  [ -z "$missed" ] || exit 1
  echo "planted and found: $(value -d "${database}_a" -c "SELECT count(*) FROM attacks.plants p WHERE $plants") holes"
  sql -d "${database}_a" -c 'CALL attacks.restore_roles()'
  sql -d postgres -c "DROP DATABASE ${database}_a WITH (FORCE)" -c "DROP DATABASE ${database}_b WITH (FORCE)"
}

drop_all
sql -d postgres -f roles.sql
[ -n "${NO_PLANTS:-}" ] || find_plants
make_world "${database}_a" globex umbrella bbbbbbbb eeeeeeee 73133
make_world "${database}_b" hidden shadow b0b0b0b0 e0e0e0e0 83134
chosen="concat_ws(': ', family, title) ~ \$x\$$only\$x\$"
run_cases "${database}_a" "${database}_b" "$chosen"
counts=$(value -d "${database}_a" -c "SELECT string_agg(format('%s %s', count, family), ', ' ORDER BY family) FROM (SELECT family, count(*) FROM attacks.cases WHERE $chosen GROUP BY 1) x")
if [ -s "$dir/found" ]; then
  while IFS= read -r n; do
    value -d "${database}_a" -c "SELECT format('%s. %s: %s', n, family, title) FROM attacks.cases WHERE n = $n"
    grep "^$n " "$dir/found" | cut -d' ' -f2- | sort -u | head -n 3 | sed 's/^/     /' || true
  done < <(cut -d' ' -f1 "$dir/found" | sort -n -u)
  echo "failed: seed $seed, $(cut -d' ' -f1 "$dir/found" | sort -u | wc -l) of these got through: $counts" >&2
  exit 1
fi
echo "ok: seed $seed, none of these got through: $counts"
drop_all
