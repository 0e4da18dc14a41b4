#!/usr/bin/env bash
# Writes docs/reference.md: scripts/reference.sh [--check]
#
# Signatures, columns, settings and their meaning come from the database's COMMENTs, the examples from
# examples/reference.sql, which is run, and the rest from docs/reference.in.md, in which a line of its own says what
# goes there:
#
#   <!-- function NAME -->     every function of that name      <!-- other functions -->  those not named above it
#   <!-- catalog NAME -->      a table with its columns         <!-- other catalogs -->   those not named
#   <!-- example NAME -->      the example of that name         <!-- settings -->         the settings tenancy.*
#   <!-- permissions -->, <!-- roles -->, <!-- switches -->      what is built in
#   <!-- advice -->            the rules of advise()
#
# With --check, writes nothing, and fails when docs/reference.md is not what would be written.

set -euo pipefail
shopt -s inherit_errexit
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT_DIR"

TEMPLATE=docs/reference.in.md
REFERENCE=docs/reference.md
EXAMPLES=examples/reference.sql

query() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

# --- what goes into the template ------------------------------------------------------------------------------------

# Prints markdown; a long signature has one argument a line.
FUNCTIONS="
WITH signature AS (
  SELECT p.oid, p.proname, format('%s(%s)', p.proname, a.arguments) AS call, a.arguments, pg_get_function_result(p.oid) AS result,
         obj_description(p.oid, 'pg_proc') AS meaning, has_function_privilege('public', p.oid, 'EXECUTE') AS is_public
  FROM pg_proc p, regexp_replace(pg_get_function_arguments(p.oid), 'NULL::[^,]*|\mIN ', CASE prokind WHEN 'p' THEN '' ELSE 'NULL' END, 'g') a (arguments)
  WHERE p.pronamespace = 'tenancy'::regnamespace
)"

function_section() {
  local text
  text=$(query -v name="$1" <<<"$FUNCTIONS
SELECT E'\`\`\`\n' || CASE WHEN length(call) > 90 THEN
         format(E'%s(\n    %s)', proname, replace(arguments, ', ', E',\n    ')) ELSE call END
       || CASE WHEN result IS NULL OR arguments ~ '\mOUT ' THEN '' WHEN length(result) > 40 THEN E'\n→ ' || result ELSE ' → ' || result END
       || E'\n\`\`\`\n' || meaning || '.'
       || CASE WHEN is_public THEN '' ELSE ' *Not granted to PUBLIC.*' END || E'\n'
FROM signature WHERE proname = :'name' ORDER BY length(arguments), arguments")
  [[ -n $text ]] || fail "$TEMPLATE: there is no function tenancy.$1()"
  printf '### %s()\n\n%s\n' "$1" "$text"
}

other_functions() {
  local named
  named=$(sed -n 's/^<!-- function \(.*\) -->$/\1/p' "$TEMPLATE" | paste -sd,)
  query -v named="$named" <<<"$FUNCTIONS
SELECT format('- \`%s(%s)\`: %s.', proname, pg_get_function_identity_arguments(oid), meaning)
FROM signature WHERE proname <> ALL (string_to_array(:'named', ',')) ORDER BY proname, 1"
}

catalog_section() {
  local text
  text=$(query -v name="$1" <<<"
SELECT obj_description(c.oid, 'pg_class') || E'.\n' FROM pg_class c
WHERE c.relnamespace = 'tenancy'::regnamespace AND c.relname = :'name' AND c.relkind = 'r';
SELECT format('- \`%s\` %s%s: %s', a.attname, format_type(a.atttypid, a.atttypmod),
              CASE WHEN a.attnotnull THEN ' not null' ELSE '' END, col_description(a.attrelid, a.attnum))
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'tenancy'::regnamespace AND c.relname = :'name' AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum")
  [[ -n $text ]] || fail "$TEMPLATE: there is no catalog tenancy.$1"
  printf '### %s\n\n%s\n' "$1" "$text"
}

# So that a catalog that the template forgets is not missing.
other_catalogs() {
  local name
  while IFS= read -r name; do
    grep -qx "<!-- catalog $name -->" "$TEMPLATE" || { catalog_section "$name" && printf '\n'; }
  done < <(query -c "SELECT relname FROM pg_class
    WHERE relnamespace = 'tenancy'::regnamespace AND relkind = 'r' ORDER BY 1")
}

settings_section() {
  query -c "LOAD 'pg_tenancy'" -c "
SELECT format('- \`%s\` (%s; %s): %s', name,
              CASE WHEN vartype = 'enum' THEN array_to_string(enumvals, ', ') ELSE vartype END,
              CASE context WHEN 'user' THEN 'anyone' ELSE context END || '; default ' ||
              CASE boot_val WHEN '' THEN 'no value' ELSE boot_val END,
              concat_ws(' ', short_desc, extra_desc))
FROM pg_settings WHERE name LIKE 'tenancy.%' ORDER BY name"
}

permissions_section() {
  query -c "SELECT format('- \`%s\`: %s', resource, string_agg(action, ', ' ORDER BY action))
    FROM tenancy.permissions WHERE built_in GROUP BY resource ORDER BY resource"
}

roles_section() {
  query -c "
WITH role AS (SELECT * FROM tenancy.roles WHERE organization_id IS NULL)
SELECT format(E'**%s %s**%s\n\n%s\n', level, name, coalesce(': ' || description || '.', ''),
              (SELECT string_agg(format('- \`%s\`: %s', resource, actions), E'\n' ORDER BY resource)
               FROM (SELECT resource, string_agg(action, ', ' ORDER BY action) AS actions FROM tenancy.grants g
                     WHERE g.role_id = role.role_id AND g.organization_id IS NULL GROUP BY resource) given))
FROM role ORDER BY role_id"
}

switches_section() {
  query -c "
SELECT format('- \`%s\` (%s; default %s): %s.', d.setting, d.category, CASE WHEN s.value THEN 'on' ELSE 'off' END,
              d.description || CASE WHEN d.resource IS NULL THEN ''
                ELSE format('; \`%s\` %s of the %s %s', d.resource, array_to_string(d.actions, ', '), r.level, r.name) END)
FROM tenancy.setting_definitions d JOIN tenancy.roles r USING (role_id)
JOIN tenancy.settings('plain') s USING (setting)
ORDER BY d.category, d.setting"
}

advice_section() {
  query -c "SELECT format('- \`%s\`: %s.', rule, CASE WHEN finds ~ '^[[:upper:]]{2}' THEN finds ELSE lower(left(finds, 1)) || substr(finds, 2) END) FROM tenancy.advice_rules() ORDER BY rule"
}

# shellcheck disable=SC2016  # backquotes are meant
example_section() {
  local text
  text=$(sed -n "/^-- example $1\$/,/^-- end\$/p" "$EXAMPLES" | sed '1d;$d')
  [[ -n $text ]] || fail "$EXAMPLES: there is no example $1"
  printf '```sql\n%s\n```\n' "$text"
}

# Lines of at most 120 characters, outside of code; what belongs to a list item is indented.
wrap() {
  awk '
    /^```/ { code = !code }
    code || /^```/ || /^\|/ || length($0) <= 120 { print; next }
    {
      indent = /^- / ? "  " : ""
      line = ""
      count = split($0, words, " ")
      for (i = 1; i <= count; i++) {
        if (line != "" && length(line) + 1 + length(words[i]) > 120) { print line; line = indent words[i] }
        else line = line == "" ? words[i] : line " " words[i]
      }
      print line
    }'
}

expand() {
  local line
  printf '%s\n' '<!-- Made by scripts/reference.sh; change reference.in.md, examples/reference.sql or the COMMENTs. -->'
  while IFS= read -r line; do
    case $line in
      '<!-- function '*' -->') line=${line#<!-- function } && function_section "${line% -->}" ;;
      '<!-- catalog '*' -->') line=${line#<!-- catalog } && catalog_section "${line% -->}" ;;
      '<!-- example '*' -->') line=${line#<!-- example } && example_section "${line% -->}" ;;
      '<!-- other functions -->') other_functions ;;
      '<!-- other catalogs -->') other_catalogs ;;
      '<!-- settings -->') settings_section ;;
      '<!-- permissions -->') permissions_section ;;
      '<!-- roles -->') roles_section ;;
      '<!-- switches -->') switches_section ;;
      '<!-- advice -->') advice_section ;;
      *) printf '%s\n' "$line" ;;
    esac
  done <"$TEMPLATE" | wrap
}

# --- main -----------------------------------------------------------------------------------------------------------

[[ $# -eq 0 || $* == --check ]] || fail "usage: scripts/reference.sh [--check]"
install_packages "postgresql-$PG_MAJOR" "postgresql-server-dev-$PG_MAJOR" libssl-dev g++ make
# The tests have built the module already.
stage=${PG_TENANCY_STAGE:-$WORK_DIR/stage}
[[ -n ${PG_TENANCY_STAGE-} ]] || build_module "$WORK_DIR/copy" "$stage"
PATH=$(server_bin):$PATH
start_server "$WORK_DIR/server" "$stage"
query -c 'CREATE EXTENSION pg_tenancy' -c 'CREATE DATABASE examples TEMPLATE postgres'

PGDATABASE=examples query -o /dev/null -f "$EXAMPLES" 2>"$WORK_DIR/examples.log" ||
  { cat "$WORK_DIR/examples.log" >&2; fail "an example failed"; }

# An organization as it is made, for the settings' defaults.
query -o /dev/null -c "SELECT tenancy.create_organization('Plain', 'nobody@plain.example')"
expand >"$WORK_DIR/reference.md"

if [[ ${1-} == --check ]]; then
  diff -u "$REFERENCE" "$WORK_DIR/reference.md" || fail "$REFERENCE is stale: run scripts/reference.sh"
  say "$REFERENCE is up to date"
else
  cat "$WORK_DIR/reference.md" >"$REFERENCE"
  say "wrote $REFERENCE"
fi
