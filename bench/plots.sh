# shellcheck shell=bash
# Plots of the ratios, made of the samples by gnuplot.  Sourced by run.sh, which calls make_plots where BENCH_PLOTS
# names a folder.

# Prints the link to a plot for the report.
plot_link() { [[ -z ${BENCH_PLOTS-} ]] || printf '\n![Ratios as a plot](%s.svg)\n' "$1"; }

# plot_ratios FILE TITLE LABEL QUERY: the query returns what is measured, an alternative, and its ratio to what LABEL says.
plot_ratios() {
  local file=$1 title=$2 label=$3 rows=$4 names
  names=$(sql -c "SELECT alternative FROM ($rows) q (subject, alternative, ratio) GROUP BY alternative
                  ORDER BY alternative <> 'pg_tenancy', alternative")
  [[ -n $names ]] || return 0
  {
    printf 'set terminal svg size 900, 420 background rgb "white"\nset output "%s"\nset title "%s" noenhanced\n' "$file" "$title"
    printf 'set style data histogram\nset style histogram clustered gap 1\nset style fill solid 0.8 border -1\n'
    printf 'set logscale y\nset yrange [0.1:*]\nset grid ytics\nset key outside right noenhanced\nset xtics rotate by -25 noenhanced\n'
    printf 'set ylabel "ratio to %s (logarithmic)"\nset datafile separator "\\t"\nset datafile missing "-"\n' "$label"
    # shellcheck disable=SC2016 # the name of gnuplot's own
    printf '$rows << END\n'
    sql <<<"
      SELECT concat_ws(E'\\t', s.subject, string_agg(coalesce(bench.shown(q.ratio), '-'), E'\\t'
                       ORDER BY a.alternative <> 'pg_tenancy', a.alternative))
      FROM (SELECT DISTINCT subject FROM ($rows) r (subject, alternative, ratio)) s
      CROSS JOIN (SELECT DISTINCT alternative FROM ($rows) r (subject, alternative, ratio)) a
      LEFT JOIN ($rows) q (subject, alternative, ratio) USING (subject, alternative) GROUP BY s.subject ORDER BY s.subject"
    printf 'END\nplot 1 with lines linecolor "black" dashtype 2 notitle'
    awk '{ printf ", $rows using %d%s title \"%s\"", NR + 1, NR == 1 ? ":xtic(1)" : "", $0 }' <<<"$names"
    printf '\n'
  } | gnuplot
}

make_plots() {
  local query_name
  for query_name in "${READ_QUERIES[@]}"; do
    plot_ratios "$1/reads-${query_name// /-}.svg" "${query_name^}: whole statement" hand-written "
      SELECT split_part(subject, ', ', 1), alternative, bench.ratio(area, subject, alternative, 'hand-written', metric)
      FROM bench.summary WHERE area = 'read' AND metric = 'statement' AND alternative <> 'hand-written'
        AND split_part(subject, ', ', 2) = '$query_name'"
  done
  plot_ratios "$1/partitions.svg" 'One day of 91 partitions: whole statement' hand-written "
    SELECT subject, alternative, bench.ratio(area, subject, alternative, 'hand-written', metric)
    FROM bench.summary WHERE area = 'partitions' AND metric = 'statement' AND alternative <> 'hand-written'"
  plot_ratios "$1/server-time.svg" 'CPU time of the server: a transaction behind a pooler, a connection' hand-written "
    SELECT CASE area WHEN 'pool' THEN 'pooler, ' || subject ELSE 'connecting' END, alternative,
           bench.ratio(area, subject, alternative, 'hand-written', metric)
    FROM bench.summary WHERE area IN ('pool', 'connection') AND metric = 'CPU µs' AND alternative <> 'hand-written'"
  plot_ratios "$1/writes.svg" 'Writing' 'a plain table' "
    SELECT subject, replace(alternative, 'tenancy', 'pg_tenancy'), bench.ratio(area, subject, alternative, 'plain', metric)
    FROM bench.summary WHERE area = 'write' AND alternative <> 'plain'"
  plot_ratios "$1/scale.svg" 'Many organizations' '10 organizations' "
    SELECT subject || CASE metric WHEN 'µs' THEN '' ELSE ', ' || metric END, alternative,
           bench.ratio(area, subject, alternative, '10 organizations', metric)
    FROM bench.summary WHERE area = 'scale' AND alternative LIKE '% organizations'"
}
