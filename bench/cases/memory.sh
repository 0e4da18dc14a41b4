# shellcheck shell=bash
# What a session holds in memory when it has been one principal and when it has been many, as behind a pooler.

MEMORY_PRINCIPALS=${MEMORY_PRINCIPALS:-10000}
# Alternative of bench.alternatives, settings of the connection, and the name in the report.
MEMORY=(
  'hand-written||hand-written'
  'pg_tenancy||pg_tenancy'
  'pg_tenancy|-c tenancy.share_plans=on|pg_tenancy, share_plans'
)

run_memory() {
  local round case alternative options name principals
  sql_file memory.sql
  for ((round = 0; round < ROUNDS; round++)); do
    progress "memory, round $((round + 1)) of $ROUNDS"
    while IFS= read -r case; do
      IFS='|' read -r alternative options name <<<"$case"
      sql -o /dev/null -c "SELECT bench.use_alternative('$alternative', 'restricted member')"
      {
        as_application
        for principals in 1 "$MEMORY_PRINCIPALS"; do
          printf "CALL bench.be_many('%s', %d);\n" "$alternative" "$principals"
          # Twice, since the first call allocates for itself.
          printf 'SELECT bench.allocated_kib(), bench.private_kib();\n'
          printf "INSERT INTO bench.samples VALUES ('memory', '%s', '%s', 'allocated', %d, bench.allocated_kib()), ('memory', '%s', '%s', 'private', %d, bench.private_kib());\n" \
            "$principals" "$name" "$round" "$principals" "$name" "$round"
        done
      } | PGOPTIONS="$PGOPTIONS $options" sql -o /dev/null
    done < <(round_order "$round" "${MEMORY[@]}")
  done
  sql -o /dev/null -c "SELECT bench.use_alternative('hand-written', 'nobody')"
}

report_memory() {
  printf '\n## Memory\n\nKiB of one session that has read a page as each of so many members, by statements whose plans are kept, and its '
  printf 'surplus over "hand-written" in the same round. "allocated" is what pg_backend_memory_contexts lists, '
  printf '"private" what the operating system says (smaps_rollup): the library'\''s own data are in it, too.\n'
  table 'principals|alternative|allocated, median (quartiles)|more|private, median (quartiles)|more|rounds' "
    SELECT a.subject, a.alternative, bench.shown(a.median, a.lower, a.upper),
           bench.shown(bench.surplus(a.area, a.subject, a.alternative, 'hand-written', a.metric)),
           bench.shown(p.median, p.lower, p.upper),
           bench.shown(bench.surplus(p.area, p.subject, p.alternative, 'hand-written', p.metric)), a.samples
    FROM bench.summary a JOIN bench.summary p USING (area, subject, alternative)
    WHERE area = 'memory' AND a.metric = 'allocated' AND p.metric = 'private' ORDER BY a.subject::integer, a.alternative"
}

goals_of_memory() {
  sql -F '~' -c "
    SELECT format('Memory of a session after %s changes of the principal%s, more than hand-written: allocated', '$MEMORY_PRINCIPALS',
                  replace(alternative, 'pg_tenancy', '')), '≤ 256 KiB', bench.shown(more) || ' KiB', more <= 256
    FROM (VALUES ('pg_tenancy'), ('pg_tenancy, share_plans')) a (alternative),
         bench.surplus('memory', '$MEMORY_PRINCIPALS', alternative, 'hand-written', 'allocated') more"
}
