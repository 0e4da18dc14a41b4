# The observability tables beyond one session: dumped and restored, managed by pg_partman and pg_cron, interrupted and resumed.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('observability');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cron'\ncron.database_name = 'postgres'\ntimezone = UTC\nlog_statement = none");
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN');
$node->safe_psql('postgres', "CREATE DATABASE $_") foreach qw(plain copy);

sub sql {
    my ($database, $sql) = @_;
    return $node->safe_psql($database, $sql);
}

# Hours whose sums are not those of the logs that are there, by what the superuser sees.
my $wrong = q{SELECT count(*) FROM (
  SELECT date_trunc('hour', start_time) AS hour, organization_id, count(*), sum(cost) FROM obs.logs GROUP BY 1, 2
  EXCEPT SELECT hour, organization_id, sum(requests), sum(cost) FROM obs.analytics GROUP BY 1, 2) different};

sub fill {
    my ($database) = @_;
    sql($database, q{
      SELECT tenancy.create_organization('Acme', 'olivia@acme.test'), tenancy.create_organization('Globex', 'gus@globex.test');
      SELECT tenancy.bind_login('app', 'olivia@acme.test');
      GRANT USAGE ON SCHEMA obs TO app;
      GRANT SELECT ON obs.logs, obs.analytics, obs.log_entries TO app;
      INSERT INTO obs.logs (start_time, organization_id, workspace_id, request_model, cost)
      SELECT '2026-03-01'::timestamptz + n * interval '20 minutes', organization_id, workspace_id, 'small', n
      FROM tenancy.workspaces, generate_series(0, 6 * 24 * 3 - 1) n;
    });
}

# --- dump and restore -------------------------------------------------------------------------------------------------

sql('plain', q{
  CREATE EXTENSION pg_tenancy;
  SELECT tenancy.create_observability('obs');
  SELECT obs.create_partitions('6 days', '2026-02-28');
});
fill('plain');
sql('plain', q{
  SELECT obs.refresh_analytics(1000);
  -- Kept sums, sums that are yet to be made, and a partition whose end nobody has noticed yet
  INSERT INTO obs.logs (start_time, organization_id, request_model, cost) SELECT '2026-02-28 10:00', organization_id, 'kept', 1 FROM tenancy.organizations;
  SELECT obs.refresh_analytics();
  UPDATE obs.analytics_partitions SET relation = NULL WHERE relation = 'obs.logs_p20260228'::regclass;
  DROP TABLE obs.logs_p20260228;
  DROP TABLE obs.logs_p20260301;
  INSERT INTO obs.logs (start_time, organization_id, request_model, cost) SELECT '2026-03-02 10:00', organization_id, 'late', 1 FROM tenancy.organizations;
});
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('plain') ], 'it can be dumped');
# A complete restore has the same dump.
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('copy') ], 'and restored');
my $again = $node->basedir . '/again.sql';
$node->command_ok([ 'pg_dump', '-f', $again, $node->connstr('copy') ], 'and dumped again');

sub definitions {
    my $text = slurp_file(shift);
    # Parts that pg_dump generates for each dump, and numbers of dropped partitions
    $text =~ s/^\\(un)?restrict .*$//mg;
    # The transactions that added audit entries, and what is stored of the rights of keys, each the last column, are those of the
    # database they are in.
    $text =~ s/^(COPY tenancy\.(?:audit_log|api_key_secrets) .*?^\\\.$)/$1 =~ s{\t(\d+|\\N|\\\\x[0-9a-f]+)$}{}mgr/emsg;
    # A catalog's rows come in no order.
    return join "\n", sort split /\n/, $text;
}
is(definitions($again), definitions($dump), 'the same comes out of the copy');
is(sql('copy', q{SELECT problem FROM tenancy.protected_tables, tenancy_internal.inspect_protection(relation) WHERE problem IS NOT NULL}), '', 'every table is protected as it was');
is(sql('copy', q{SELECT count(*) FROM tenancy.advise() WHERE object LIKE 'obs%'}), '0', 'nothing is to be mended');
isnt(sql('copy', $wrong), '0', 'what was not summed up yet is not in the copy');
cmp_ok(sql('copy', 'SELECT obs.refresh_analytics()'), '>', 0, 'and is summed up there');
is(sql('copy', $wrong), '0', 'as if nothing had happened');
is(sql('copy', q{SELECT count(*) FROM obs.analytics WHERE hour < '2026-03-02' AND hour >= '2026-03-01'}), '0', 'the sums of the dropped partition are gone');
is(sql('copy', q{SELECT sum(requests) FROM obs.analytics WHERE request_model = 'kept'}), '2', 'those to be kept are kept');
sql('copy', q{INSERT INTO obs.logs (start_time, organization_id, request_model, cost) SELECT '2026-03-20', organization_id, 'new', 1 FROM tenancy.organizations});
is(sql('copy', q{SELECT obs.create_partitions('0', '2026-03-20') > 0 AND obs.refresh_analytics() = 1}), 't', 'partitions and refresh go on in the copy');
is(sql('copy', $wrong), '0', 'and are right');
is($node->safe_psql('copy', q{SELECT count(DISTINCT organization_id), count(*) > 100 FROM obs.analytics}, connstr => $node->connstr('copy') . ' user=app'),
    '1|t', 'a tenant sees its own in the copy');

# --- interrupted ------------------------------------------------------------------------------------------------------

sql('plain', 'SELECT obs.invalidate_analytics()');
my $blocker = $node->background_psql('plain');
$blocker->query_safe('BEGIN; LOCK TABLE obs.logs_p20260303 IN ACCESS EXCLUSIVE MODE');
my ($code, $out, $errors) = $node->psql('plain', q{SET lock_timeout = '500ms'; CALL tenancy.refresh_analytics_in_batches('obs', 24)});
isnt($code, 0, 'a refresh that is stopped');
like($errors, qr/lock timeout/, 'says why');
like($errors, qr/NOTICE: +analytics of obs: 24 hours are up to date/, 'has reported how far it got');
my $left = sql('plain', 'SELECT count(DISTINCT hour) FROM obs.analytics_pending');
cmp_ok($left, '>', 0, 'leaves hours');
cmp_ok($left, '<', 145, 'but not all');
$blocker->query_safe('ROLLBACK');
$blocker->quit;
sql('plain', q{CALL tenancy.refresh_analytics_in_batches('obs', 24)});
is(sql('plain', 'SELECT count(*) FROM obs.analytics_pending'), '0', 'called again, it does the rest');
is(sql('plain', $wrong), '0', 'and all is right');

# --- pg_partman and pg_cron -------------------------------------------------------------------------------------------

sql('postgres', q{
  CREATE EXTENSION pg_tenancy;
  CREATE SCHEMA partman;
  CREATE EXTENSION pg_partman SCHEMA partman;
  CREATE EXTENSION pg_cron;
  SELECT tenancy.create_observability('obs');
});
is(sql('postgres', q{SELECT string_agg(parent_table || ' ' || control, ', ' ORDER BY parent_table) FROM partman.part_config}),
    'obs.analytics hour, obs.log_payloads start_time, obs.logs start_time, obs.traces start_time', 'pg_partman manages the tables');
is(sql('postgres', q{SELECT count(*) > 7 AND bool_and(p.relation IS NOT NULL) FROM pg_partition_tree('obs.logs') t LEFT JOIN tenancy.protected_tables p ON p.relation = t.relid}),
    't', 'its partitions are protected');
is(sql('postgres', q{SELECT count(*) FROM tenancy_steps.partition_ranges('obs.logs') WHERE lower <= now() AND upper > now() AND NOT tenancy_steps.is_default_partition(partition)}),
    '1', 'and one of them is that of today');
is(sql('postgres', q{SELECT string_agg(jobname || ' by ' || username || ' in ' || database, ', ' ORDER BY jobname) FROM cron.job}),
    join(', ', map { "obs: $_ by " . $node->safe_psql('postgres', 'SELECT current_user') . ' in postgres' } 'create partitions', 'refresh analytics'), 'pg_cron has the jobs');
sql('postgres', q{
  SELECT tenancy.create_organization('Acme', 'olivia@acme.test');
  INSERT INTO obs.logs (organization_id, request_model, cost) SELECT organization_id, 'now', 1 FROM tenancy.organizations;
  UPDATE partman.part_config SET premake = 12 WHERE parent_table = 'obs.logs';
});
my $before = sql('postgres', q{SELECT count(*) FROM tenancy_steps.partition_ranges('obs.logs')});
sql('postgres', $_) foreach split /\n/, sql('postgres', 'SELECT command FROM cron.job ORDER BY jobname');
is(sql('postgres', q{SELECT count(*) FROM tenancy_steps.partition_ranges('obs.logs')}), $before + 5, 'the jobs make the partitions that pg_partman is to make');
is(sql('postgres', q{SELECT count(*) FROM tenancy_steps.partition_ranges('obs.logs') r LEFT JOIN tenancy.protected_tables p ON p.relation = r.partition WHERE p.relation IS NULL}),
    '0', 'protected, too');
is(sql('postgres', $wrong), '0', 'and refresh the roll-up');
is(sql('postgres', q{SELECT count(*) FROM obs.analytics}), '1', 'which has the row');
# One that pg_partman has made by itself is noticed, and so is a row that is written to it by its name.
sql('postgres', q{
  UPDATE partman.part_config SET premake = 13 WHERE parent_table = 'obs.logs';
  SELECT partman.run_maintenance('obs.logs');
  SELECT obs.refresh_analytics();
  DO $$ BEGIN
    EXECUTE (SELECT format('INSERT INTO %s (start_time, organization_id, request_model, cost) SELECT %L, organization_id, ''ahead'', 2 FROM tenancy.organizations', partition, lower)
             FROM tenancy_steps.partition_ranges('obs.logs') WHERE NOT tenancy_steps.is_default_partition(partition) ORDER BY lower DESC LIMIT 1);
  END $$;
  SELECT obs.refresh_analytics();
});
is(sql('postgres', $wrong), '0', 'pg_partman by itself');
is(sql('postgres', q{SELECT sum(cost) FROM obs.analytics}), '3', 'nothing is missed');

# A role that could change what pg_partman does would act with the rights of the tables' owner: it is left out then, and said to be.
sql('postgres', 'CREATE ROLE intruder');
for my $way ('GRANT CREATE ON SCHEMA partman TO intruder; REVOKE CREATE ON SCHEMA partman FROM intruder',
    'ALTER FUNCTION partman.run_maintenance OWNER TO intruder; ALTER FUNCTION partman.run_maintenance OWNER TO CURRENT_USER',
    'GRANT TRIGGER ON partman.part_config TO intruder; REVOKE TRIGGER ON partman.part_config FROM intruder',
    'GRANT INSERT, UPDATE ON partman.part_config TO intruder; REVOKE INSERT, UPDATE ON partman.part_config FROM intruder',
    'GRANT UPDATE (template_table) ON partman.part_config TO intruder; REVOKE UPDATE (template_table) ON partman.part_config FROM intruder',
    'ALTER SCHEMA partman OWNER TO intruder; ALTER SCHEMA partman OWNER TO CURRENT_USER')
{
    my ($do, $undo) = split /; /, $way;
    sql('postgres', $do);
    sql('postgres', 'SELECT obs.create_partitions()');
    is(sql('postgres', q{SELECT tenancy_steps.partman_schema() IS NULL, string_agg(object || ' ' || substring(problem FROM 'role [a-z]+ could'), ', ') FROM obs.job_problems WHERE job = 'create_partitions' AND object = 'pg_partman'}),
        't|pg_partman role intruder could', $do);
    sql('postgres', $undo);
}
sql('postgres', 'SELECT obs.create_partitions()');
is(sql('postgres', q{SELECT tenancy_steps.partman_schema(), (SELECT count(*) FROM obs.job_problems WHERE object = 'pg_partman')}), 'partman|0', 'and used again afterwards');

$node->stop;
done_testing();
