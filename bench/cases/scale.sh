# shellcheck shell=bash
# Does it depend on how many tenants there are, or on how many workspaces somebody belongs to?

# Each database has so many rows, or, beyond a thousand organizations, so many for each of them; and so many keys a member.
SCALE_ROWS=200000
SCALE_ROWS_EACH=200
SCALE_KEYS=5
WIDE_WORKSPACES=${WIDE_WORKSPACES:-10000}
SCALE_RESOLUTIONS=400

# Numbers of organizations; each gets a database of its own.
scale_sizes() { printf '%s\n' 10 1000 "$SCALE" | sort -n -u | awk -v most="$SCALE" '$1 <= most'; }

scale_rows() {
  local rows=$((ROWS < SCALE_ROWS ? ROWS : SCALE_ROWS))
  [[ $1 -le 1000 || $(($1 * SCALE_ROWS_EACH)) -le $rows ]] || rows=$(($1 * SCALE_ROWS_EACH))
  printf '%s\n' "$rows"
}

scale_database() { printf '%s_%d' "$DATABASE" "$1"; }

# Prints the SQL of one round in the database of so many organizations.
scale_round() {
  local round=$1 size=$2 kind
  as_application
  for kind in member key; do
    cat <<SQL
SELECT bench.time_of_resolution(setting, credentials) FROM bench.sampled WHERE kind = '$kind';
INSERT INTO bench.samples
SELECT 'scale', 'resolving a ' || kind, '$size organizations', 'µs', $round, 1000 * bench.time_of_resolution(setting, credentials)
FROM bench.sampled, generate_series(1, 10) WHERE kind = '$kind';
SELECT set_config(setting, '', false) FROM bench.sampled;
SQL
  done
  cat <<SQL
SELECT bench.become('pg_tenancy', 'restricted member');
SELECT bench.measure_query('scale', 'page', '$size organizations', $round, \$query\$$(query_text 'newest 50' '')\$query\$, NULL,
                           $READ_SAMPLES, $READ_BUDGET_MS);
SQL
}

# The same for a member of so many workspaces of one organization, of whom planning takes long, and for the filter that an expert would write.
wide_round() {
  local round=$1 workspaces=$2 measure page
  page=$(query_text 'newest 50' '' | sed 's/app.logs/app.wide_logs/')
  measure="SELECT bench.measure_query('scale', 'page of a member of many', '$workspaces workspaces%s', $round, %s, NULL,
    $READ_SAMPLES, 20 * $READ_BUDGET_MS);\n"
  # shellcheck disable=SC2059
  printf "$measure" ', hand-written' \
    "(SELECT replace(\$query\$$page\$query\$, ' ORDER', format(' WHERE workspace_id = ANY (%L) ORDER', array_agg(workspace_id)))
      FROM tenancy.workspace_members WHERE user_id = bench.wide_user_id(2, $workspaces))"
  as_application
  cat <<SQL
SELECT set_config('tenancy.user', bench.wide_user_id(2, $workspaces)::text, false), tenancy.current_user_id();
INSERT INTO bench.samples
SELECT 'scale', 'resolving a member of many', '$workspaces workspaces', 'µs', $round,
       1000 * bench.time_of_resolution('tenancy.user',
         array_agg(CASE n % 2 WHEN 0 THEN bench.wide_user_id(2, $workspaces) ELSE bench.user_id(1, 24) END::text))
FROM generate_series(1, 10) n;
SELECT set_config('tenancy.user', bench.wide_user_id(2, $workspaces)::text, false);
SQL
  # shellcheck disable=SC2059
  printf "$measure" '' "\$query\$$page\$query\$"
}

run_scale() {
  local round size sizes
  mapfile -t sizes < <(scale_sizes)
  for size in "${sizes[@]}"; do
    ORGANIZATIONS=$size ROWS=$(scale_rows "$size") KEYS=$SCALE_KEYS make_database "$(scale_database "$size")"
    PGDATABASE=$(scale_database "$size") sql -v organizations="$size" -v calls=1 -o /dev/null -f "$BENCH_DIR/sql/principals.sql"
    # The rights of a key are stored beside its secret when it is made or changed, and not when it is loaded.
    PGDATABASE=$(scale_database "$size") sql -o /dev/null -c "
      CREATE TABLE bench.sampled AS
      SELECT 'member' AS kind, 'tenancy.user' AS setting, array_agg(user_id::text) AS credentials
      FROM (SELECT bench.user_id(organization, number) AS user_id FROM bench.members
            ORDER BY md5(number::text || organization) LIMIT $SCALE_RESOLUTIONS) m
      UNION ALL
      SELECT 'key', 'tenancy.api_key', array_agg(secret)
      FROM (SELECT secret FROM bench.keys WHERE kind = 'workspace_user_key' ORDER BY md5(api_key_id::text) LIMIT $SCALE_RESOLUTIONS) k" \
      -c 'GRANT SELECT ON bench.sampled TO bench_app' \
      -c "UPDATE tenancy.api_keys k SET name = name FROM bench.keys b, bench.sampled s WHERE s.kind = 'key' AND b.secret = ANY (s.credentials) AND k.api_key_id = b.api_key_id"
    PGDATABASE=$(scale_database "$size") sql -o /dev/null -c "SELECT bench.use_alternative('pg_tenancy', 'restricted member')"
  done
  PGDATABASE=$(scale_database "${sizes[0]}") sql -v workspaces="$WIDE_WORKSPACES" -o /dev/null -f "$BENCH_DIR/sql/wide.sql"
  for ((round = 0; round < ROUNDS; round++)); do
    progress "scale, round $((round + 1)) of $ROUNDS"
    while IFS= read -r size; do
      scale_round "$round" "$size" | PGDATABASE=$(scale_database "$size") sql -o /dev/null
    done < <(round_order "$round" "${sizes[@]}")
    while IFS= read -r size; do
      wide_round "$round" "$size" | PGDATABASE=$(scale_database "${sizes[0]}") sql -o /dev/null
    done < <(round_order "$round" 10 "$WIDE_WORKSPACES")
  done
  for size in "${sizes[@]}"; do
    PGDATABASE=$(scale_database "$size") sql -c "COPY (SELECT * FROM bench.samples) TO STDOUT" |
      sql -c 'COPY bench.samples FROM STDIN'
  done
}

report_scale() {
  local size database
  printf '\n## Size\n\nMany organizations, in a database each, in which a member has %s keys; and many workspaces of one member.\n' "$SCALE_KEYS"
  printf '\n| organizations | users | keys | rows |\n|---|---|---|---|\n'
  while IFS= read -r size; do
    database=$(scale_database "$size")
    PGDATABASE=$database sql -F ' | ' -c "
      SELECT '| ' || to_char($size, 'FM999,999,999'), to_char((SELECT count(*) FROM tenancy.users), 'FM999,999,999'),
             to_char((SELECT count(*) FROM tenancy.api_keys), 'FM999,999,999'),
             to_char((SELECT count(*) FROM app.logs), 'FM999,999,999') || ' |'"
  done < <(scale_sizes)
  printf '\nResolving: microseconds for one principal that the session was not just before; of the member of many, the mean of '
  printf 'it and of one of a single workspace in turn. Pages: milliseconds of the newest 50 rows of a restricted member, columns as under '
  printf '"Reading". Ratios are to the first of each.\n'
  table 'what|of|metric|median (quartiles)|ratio|samples' "
    SELECT subject, alternative, metric, bench.shown(median, lower, upper),
           bench.shown_ratio(area, subject, alternative, first_value(alternative) OVER w, metric), samples
    FROM bench.summary WHERE area = 'scale'
    WINDOW w AS (PARTITION BY subject, metric ORDER BY split_part(alternative, ' ', 1)::integer, alternative)
    ORDER BY subject, metric, split_part(alternative, ' ', 1)::integer, alternative"
  plot_link scale
}

goals_of_scale() {
  local largest
  largest=$(scale_sizes | tail -n 1)
  sql -F '~' -c "
    SELECT format('%s organizations against 10: %s%s', $largest, subject, ', ' || nullif(metric, 'µs')), '≤ 1.3', bench.shown(r), r <= 1.3
    FROM (VALUES ('resolving a member', 'µs'), ('resolving a key', 'µs'), ('page', 'planning'), ('page', 'execution'), ('page', 'statement'))
           v (subject, metric),
         bench.ratio('scale', subject, '$largest organizations', '10 organizations', metric) r
    UNION ALL
    SELECT 'Page of a member of $WIDE_WORKSPACES workspaces against one of 10, ' || metric, '≤ 2', bench.shown(r), r <= 2
    FROM (VALUES ('prepared'), ('statement')) v (metric),
         bench.ratio('scale', 'page of a member of many', '$WIDE_WORKSPACES workspaces', '10 workspaces', metric) r"
}
