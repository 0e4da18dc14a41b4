# Rows that tenants could write into a database of 1.0 prevent neither the update nor later jobs.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('data_of_1_0');
$node->init;
$node->append_conf('postgresql.conf', "timezone = UTC\nlog_statement = none");
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN');

sub sql {
    my ($database, $sql) = @_;
    return $node->safe_psql($database, $sql);
}

# Messages of a command other than its rows
sub messages {
    my ($database, $sql) = @_;
    my ($code, $out, $errors) = $node->psql($database, $sql);
    is($code, 0, 'it is done') or diag($errors);
    return $errors;
}

sub make_1_0 {
    my ($database, $partman) = @_;
    sql('postgres', "CREATE DATABASE $database");
    sql($database, 'CREATE SCHEMA partman; CREATE EXTENSION pg_partman SCHEMA partman') if $partman;
    sql($database, q{
      CREATE EXTENSION pg_tenancy VERSION '1.0';
      CREATE TABLE secrets AS
      SELECT 'acme' AS name, master_key FROM tenancy.create_organization('Acme', 'olivia@acme.test')
      UNION ALL SELECT 'globex', master_key FROM tenancy.create_organization('Globex', 'gus@globex.test');
      GRANT SELECT ON secrets TO app;
      SELECT tenancy.create_observability('obs');
      GRANT USAGE ON SCHEMA obs TO app;
      GRANT SELECT, INSERT ON obs.logs TO app;
    });
}

sub as_globex {
    my ($database, $sql) = @_;
    return $node->safe_psql($database, "SET tenancy.api_key = '" . sql($database, q{SELECT master_key FROM secrets WHERE name = 'globex'}) . "'; $sql",
        connstr => $node->connstr($database) . ' user=app');
}

# --- names ------------------------------------------------------------------------------------------------------------

make_1_0('plain', 0);
as_globex('plain', q{SELECT tenancy.create_workspace(NULL, repeat('long ', 2000000), 'long')});
as_globex('plain', q{SELECT tenancy.create_workspace(NULL, 'X', repeat('s', 5000))});
my $key = as_globex('plain', q{SELECT api_key_id FROM tenancy.create_api_key('organization_service_key', repeat('key ', 1000), scopes => '[]', external_id => repeat('7', 3000))});
as_globex('plain', q{SELECT tenancy.set_organization_role(NULL, repeat('a', 1000) || '@globex.test', 'member')});
sql('plain', q{
  INSERT INTO obs.logs (organization_id, start_time, request_model) SELECT organization_id, now() - interval '3 hours', 'honest' FROM tenancy.organizations WHERE slug = 'acme';
});
as_globex('plain', $_) foreach
    q{INSERT INTO obs.logs (start_time, end_time) VALUES (now() - interval '3 hours', 'infinity')},
    q{INSERT INTO obs.logs (start_time, usage_input_tokens) SELECT now() - interval '3 hours', 9223372036854775807 FROM generate_series(1, 2)},
    q{INSERT INTO obs.logs (start_time) VALUES ('infinity'), ('-infinity'), ('4713-01-02 00:00+00 BC')},
    q{INSERT INTO obs.logs (start_time) SELECT '1900-01-01'::timestamptz + n * interval '1 day' FROM generate_series(1, 500) n};
isnt($node->psql('plain', 'SELECT obs.refresh_analytics()'), 0, 'the roll-up of 1.0 is stopped');
isnt($node->psql('plain', q{SELECT obs.drop_partitions('logs', '30 days')}), 0, 'and so is its retention');

# A dump of 1.0 is restored into this version.
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('plain') ], 'it can be dumped');
sql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('restored') ], 'and restored where this version is');
is(sql('restored', q{SELECT (SELECT max(length(slug)) FROM tenancy.workspaces), (SELECT max(length(email)) FROM tenancy.users), (SELECT max(length(external_id)) FROM tenancy.api_keys)}),
    '5000|1012|3000', 'with what is too long');
is(sql('restored', "SELECT tenancy.revoke_api_key('$key')"), '', 'its key can be revoked');
isnt($node->psql('restored', q{SELECT tenancy.create_workspace('globex', repeat('long ', 300), 'longer')}), 0, 'and a new long name is refused');

sql('plain', q{
  INSERT INTO obs.traces (trace_id, span_id, parent_span_id, name, start_time, organization_id, workspace_id, user_id)
  SELECT 'old', v.span, v.parent, v.span, now(), w.organization_id, w.workspace_id, CASE WHEN v.parent IS NULL THEN m.user_id END
  FROM tenancy.workspaces w JOIN tenancy.organizations o USING (organization_id) JOIN tenancy.organization_members m USING (organization_id),
    (VALUES ('root', NULL), ('child', 'root')) v (span, parent)
  WHERE o.slug = 'acme' AND w.is_default;
});
sql('plain', q{INSERT INTO obs.log_payloads (log_id, start_time, organization_id, request)
  SELECT log_id, start_time, organization_id, '"asked"' FROM obs.logs WHERE request_model = 'honest'});
my $said = messages('plain', 'ALTER EXTENSION pg_tenancy UPDATE');
like($said, qr/WARNING: +1 rows of tenancy\.workspaces had a name of more than 1000 characters, which is cut/, 'the update says which names it cuts');
like($said, qr/WARNING: +1 rows of tenancy\.api_keys had a name/, 'those of keys among them');
like($said, qr/WARNING: +call tenancy\.update_observability\('obs'\)/, 'and what is to be done');
is(sql('plain', q{SELECT max(length(name)) FROM tenancy.workspaces}), '1000', 'names are as long as they may be');
is(sql('plain', q{SELECT count(*) FROM tenancy.verify_audit_log()}), '0', 'the audit log is intact');
is(as_globex('plain', "SELECT tenancy.revoke_api_key('$key')"), '', 'the key with the long name can be revoked');
isnt($node->psql('plain', q{SELECT tenancy.create_workspace('globex', repeat('long ', 300), 'longer')}), 0, 'a new long name is refused');
is(sql('plain', q{SELECT (SELECT max(length(slug)) FROM tenancy.workspaces), (SELECT max(length(email)) FROM tenancy.users), (SELECT max(length(external_id)) FROM tenancy.api_keys)}),
    '5000|1012|3000', 'what identifies something is as it was');

# --- logs -------------------------------------------------------------------------------------------------------------

my $partitions = q{SELECT count(*) FROM tenancy_steps.partition_ranges('obs.logs')};
my $before = sql('plain', $partitions);
$said = messages('plain', 'SELECT obs.refresh_analytics()');
like($said, qr/WARNING: +obs\.refresh_analytics: some rows are not summed up/, 'the roll-up goes on, and says what it leaves out');
like($said, qr/HINT: +Call tenancy\.update_observability/, 'and what to do');
is(sql('plain', q{SELECT sum(requests) FROM obs.analytics JOIN tenancy.organizations USING (organization_id) WHERE slug = 'acme'}), '1', 'the other tenant has its chart');
messages('plain', q{SELECT obs.drop_partitions('logs', '30 days')});
is(sql('plain', q{SELECT count(*) FROM obs.logs WHERE start_time < now() - interval '30 days'}), '0', 'retention goes on');
cmp_ok(sql('plain', $partitions), '<=', $before, 'without a partition for each day of the past');
messages('plain', q{SELECT tenancy.update_observability('obs')});
is(sql('plain', q{SELECT count(DISTINCT initiator_id), count(initiator_id), count(written_by) FROM obs.traces WHERE trace_id = 'old'}), '1|2|0', 'traces have who began them');
is(sql('plain', q{SELECT count(*) FROM obs.trace_initiators WHERE trace_id = 'old' AND begun AND NOT contested}), '1', 'which is remembered');
is(sql('plain', q{SELECT request FROM obs.log_entries WHERE request_model = 'honest'}), '"asked"', 'logs keep their content');
like(sql('plain', q{SELECT pg_get_viewdef('obs.log_entries')}), qr/p\.written_by/, 'which from then on is what their writer wrote');
sql('plain', q{
  ALTER TABLE obs.logs DROP CONSTRAINT logs_pkey, ADD UNIQUE NULLS NOT DISTINCT (log_id, start_time, organization_id, workspace_id, written_by);
  ALTER TABLE obs.traces DROP CONSTRAINT traces_pkey, ADD UNIQUE NULLS NOT DISTINCT (trace_id, span_id, start_time, organization_id, workspace_id, written_by)});
isnt($node->psql('plain', "SET tenancy.api_key = '" . sql('plain', q{SELECT master_key FROM secrets WHERE name = 'globex'}) . "'; $_",
    connstr => $node->connstr('plain') . ' user=app'), 0, "from then on refused: $_") foreach
    q{INSERT INTO obs.logs (end_time) VALUES ('infinity')}, q{INSERT INTO obs.logs (start_time) VALUES ('1999-01-01')}, q{INSERT INTO obs.logs (usage_input_tokens) VALUES (-1)};
is(as_globex('plain', q{INSERT INTO obs.logs (request_model) VALUES ('honest') RETURNING request_model}), 'honest', 'honest rows are not');
messages('plain', 'SELECT obs.invalidate_analytics(); SELECT obs.refresh_analytics()');
is(sql('plain', q{SELECT string_agg(DISTINCT o.slug, ' ') FROM obs.job_problems p JOIN tenancy.organizations o ON o.organization_id = p.organization}), 'globex', 'whose rows are left out is on record');
messages('plain', 'SELECT obs.create_partitions()');
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('plain') ], 'all of it can be dumped');
sql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('copy') ], 'and restored, with the rows that are beyond the limits');
is(sql('copy', q{SELECT max(length(email)), (SELECT count(*) FROM obs.logs WHERE end_time = 'infinity') FROM tenancy.users}), '1012|1', 'and they are there');
sql('plain', q{DELETE FROM obs.logs WHERE end_time = 'infinity' OR usage_input_tokens > 1000000000 OR start_time = 'infinity'});
is(messages('plain', 'SELECT obs.refresh_analytics()'), '', 'without these rows no organization is left out');
is(sql('plain', 'SELECT count(*) FROM obs.job_problems'), '0', 'nor on record');
is(messages('plain', q{SELECT format('ALTER TABLE obs.%I VALIDATE CONSTRAINT %I', c."table", c."table" || '_' || c.name || '_check') FROM tenancy_steps.observability_checks() c \gexec}), '', 'all other rows are within the bounds');

# --- pg_partman -------------------------------------------------------------------------------------------------------

SKIP: {
    skip 'pg_partman is not installed', 1 if sql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_partman'}) eq '0';
    make_1_0('partman', 1);
    as_globex('partman', q{INSERT INTO obs.logs (start_time) VALUES ('2199-01-01'), ('infinity'), (now()), (now() + interval '8 days')});
    messages('partman', 'ALTER EXTENSION pg_tenancy UPDATE');
    $before = sql('partman', $partitions);
    messages('partman', 'SET statement_timeout = 60000; SELECT obs.create_partitions()');
    cmp_ok(sql('partman', $partitions), '<', $before + 20, 'one row of a far future makes no partitions up to it');
    is(sql('partman', q{SELECT count(*) FROM obs.logs_default WHERE start_time > now() + interval '1 year'}), '2', 'it stays where it is');
    messages('partman', q{SELECT tenancy.update_observability('obs')});
    # A job that didn't run for days: rows of the days that have no partition yet don't keep it from going on.
    sql('partman', q{
      INSERT INTO obs.logs (start_time, organization_id) SELECT now() + interval '9 days', organization_id FROM tenancy.organizations;
      UPDATE partman.part_config SET premake = 12 WHERE parent_table = 'obs.logs';
    });
    is(messages('partman', q{SET client_min_messages = warning; SELECT obs.create_partitions('12 days')}), '', 'partitions go on');
    is(sql('partman', q{SELECT count(*) FROM obs.logs_default WHERE start_time < now() + interval '1 year'}), '0', 'rows move to them');
    is(sql('partman', q{SELECT count(*) > 11 FROM tenancy_steps.partition_ranges('obs.logs') WHERE upper > now() AND upper < now() + interval '1 year'}), 't', 'as far ahead as is set');
    is(sql('partman', q{SELECT count(*) FROM tenancy_steps.partition_ranges('obs.logs') r LEFT JOIN tenancy.protected_tables p ON p.relation = r.partition WHERE p.relation IS NULL}), '0', 'all protected');
    messages('partman', q{SELECT partman.run_maintenance('obs.logs')});
    cmp_ok(sql('partman', $partitions), '<', 40, 'pg_partman by itself makes no more');
}

$node->stop;
done_testing();
