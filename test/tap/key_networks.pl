# Keys that are allowed from some networks: connections by TCP and by socket, parallel workers, a standby. And when keys were last
# used, where the module is preloaded.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1, ::1'\nshared_preload_libraries = 'pg_tenancy'\nlog_statement = none\nmax_worker_processes = 20");
$node->append_conf('pg_hba.conf', "host all all 127.0.0.1/32 trust\nhost all all ::1/128 trust");
$node->start;
$node->safe_psql('postgres', q(
  CREATE EXTENSION pg_tenancy;
  CREATE ROLE app LOGIN;
  SELECT FROM tenancy.create_organization('Acme', 'olivia@acme.test', 'acme');
  CREATE TABLE logs (id int, organization_id uuid, workspace_id uuid, user_id uuid);
  INSERT INTO logs SELECT i, organization_id, workspace_id FROM tenancy.workspaces, generate_series(1, 20000) i;
  SELECT FROM tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id', create_indexes => true);
  GRANT ALL ON logs TO app;
  GRANT CREATE ON SCHEMA public TO app;
  ANALYZE logs;
  CREATE TABLE many AS SELECT g AS i FROM generate_series(1, 50000) g;
  ALTER TABLE many SET (parallel_workers = 2);
  GRANT SELECT ON many TO app;
  ANALYZE many;
));

sub key {
    my ($name, $networks) = @_;
    return $node->safe_psql('postgres', qq(SELECT secret FROM tenancy.create_api_key('organization_service_key', '$name', 'acme', scopes => '["logs.view", "logs.list"]', allowed_networks => $networks)));
}
my %key = (
    everywhere => key('everywhere', 'NULL'), sockets => key('sockets', q('{local}')), v4 => key('v4', q('{127.0.0.0/8}')),
    v6 => key('v6', q('{::1}')), mapped => key('mapped', q('{::ffff:127.0.0.1}')), elsewhere => key('elsewhere', q('{10.0.0.0/8,2001:db8::/32}')),
    unused => key('unused', 'NULL'));

my ($port, $directory) = ($node->port, $node->host);
sub ask {
    my ($where, $key, $query, $server) = @_;
    my ($code, $out, $errors) = ($server // $node)->psql('postgres', $query,
        connstr => "host=$where port=" . ($server // $node)->port . " dbname=postgres user=app options='-c tenancy.api_key=$key{$key}'");
    return $code == 0 ? $out : $errors =~ /ERROR:\s+(.*)/ ? $1 : $errors;
}

# --- where the client is ------------------------------------------------------------------------------------------------

my $refused = 'invalid or expired API key';
my $has_v6  = $node->psql('postgres', 'SELECT 1', connstr => "host=::1 port=$port dbname=postgres user=app") == 0;
my %allowed = (
    $directory  => { everywhere => 1, sockets => 1 },
    '127.0.0.1' => { everywhere => 1, v4      => 1, mapped => 1 },
    '::1'       => { everywhere => 1, v6      => 1 });
for my $where ($directory, '127.0.0.1', $has_v6 ? '::1' : ()) {
    for my $key (qw(everywhere sockets v4 v6 mapped elsewhere)) {
        is(ask($where, $key, 'SELECT count(*) FROM logs'), $allowed{$where}{$key} ? '20000' : $refused,
            ($where eq $directory ? 'a socket' : $where) . ", a key for $key");
    }
}

# --- parallel workers ---------------------------------------------------------------------------------------------------

my $parallel = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off;';
is(ask('127.0.0.1', 'v4', "$parallel SELECT count(*) FROM logs l, many m WHERE l.id = m.i"), '20000', 'workers have the client of their leader');

# A function with a credential of its own, which no worker takes.
my $unchanged = q(the session's principal cannot be changed during a parallel operation);
sub in_workers {
    my ($where, $key) = @_;
    $node->safe_psql('postgres', qq(DROP FUNCTION IF EXISTS public.seen(int);
      CREATE FUNCTION public.seen(int) RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE SET tenancy.api_key = '$key{$key}' AS 'BEGIN RETURN (SELECT count(*) FROM public.logs WHERE id = \$1); END'));
    my ($code, $out, $errors) = $node->psql('postgres', "$parallel SELECT sum(n), count(*) FROM (SELECT seen(i) AS n FROM many WHERE i <= 20) x",
        connstr => "host=$where port=$port dbname=postgres user=app");
    return $code == 0 ? $out : $errors =~ /ERROR:\s+(.*)/ ? $1 : $errors;
}
is($node->safe_psql('postgres', "CREATE FUNCTION public.seen(int) RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE AS 'BEGIN RETURN 0; END'; $parallel EXPLAIN (COSTS OFF) SELECT sum(n), count(*) FROM (SELECT seen(i) AS n FROM many WHERE i <= 20) x") =~ /Workers Planned/ ? 1 : 0,
    1, 'the function is called in workers');
is(in_workers('127.0.0.1', $_), $unchanged, "a credential that only workers would use: $_") for qw(v4 elsewhere);

# --- last use -----------------------------------------------------------------------------------------------------------

sub used {
    my ($key) = @_;
    return $node->safe_psql('postgres', "SELECT coalesce(last_used_at BETWEEN now() - interval '3 minutes' AND now() AND date_trunc('minute', last_used_at) = last_used_at, false) FROM tenancy.review_api_keys('acme') WHERE name = '$key'");
}
is(used('v4'), 't', 'a key that has been used, to the minute');
is(used($_), 'f', "$_: one that has not") for qw(unused elsewhere);
ok($node->poll_query_until('postgres', 'SELECT count(*) > 0 FROM tenancy_internal.api_key_uses'), 'a worker stores uses');
is($node->safe_psql('postgres', 'SELECT count(*) FROM tenancy.audit_log WHERE resource_type = \'api_key\' AND action NOT IN (\'create\', \'add_secret\')'), '0', 'without audit entries');
ok($node->poll_query_until('postgres', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_tenancy key use writer')), '... and ends');

# In a transaction that is read-only, or is rolled back
for my $how ('BEGIN READ ONLY; SELECT count(*) FROM logs WHERE id = 1; ROLLBACK') {
    is(ask($directory, 'unused', $how), '1', 'a read that is rolled back');
    is(used('unused'), 't', '... is a use');
}

# Switched off
$key{quiet} = key('quiet', 'NULL');
$node->append_conf('postgresql.conf', 'tenancy.track_key_use = off');
$node->reload;
is(ask($directory, 'quiet', 'SELECT count(*) FROM logs WHERE id = 1'), '1', 'switched off, a key works');
is(used('quiet'), 'f', '... and its use is not noted');
$node->append_conf('postgresql.conf', 'tenancy.track_key_use = on');
$node->reload;

# --- a standby ----------------------------------------------------------------------------------------------------------

$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->append_conf('postgresql.conf', "listen_addresses = 'localhost'");
$standby->start;
is(ask('127.0.0.1', 'v4',        'SELECT count(*) FROM logs', $standby), '20000',  'a standby: from the network');
is(ask('127.0.0.1', 'elsewhere', 'SELECT count(*) FROM logs', $standby), $refused, '... and from another');
is(ask('127.0.0.1', 'quiet', 'SELECT count(*) FROM logs', $standby), '20000', '... a key that was not used before');
is($standby->safe_psql('postgres', q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_tenancy key use writer')), '0', '... notes nothing');
is(used('quiet'), 'f', '... anywhere');
$standby->stop;

# Settings of the database for its sessions are not those of the worker.
$node->safe_psql('postgres', 'ALTER DATABASE postgres SET default_transaction_read_only = on');
$node->safe_psql('postgres', 'SET default_transaction_read_only = off; DELETE FROM tenancy_internal.api_key_uses');
$node->restart;
(undef, my $fresh) = split /\|/, $node->safe_psql('postgres', q(SET default_transaction_read_only = off; SELECT 'secret|' || secret FROM tenancy.create_api_key('organization_service_key', 'fresh', 'acme')));
$node->safe_psql('postgres', 'SELECT count(*) FROM tenancy.whoami()', connstr => $node->connstr('postgres') . " user=app options='-c tenancy.api_key=$fresh'");
ok($node->poll_query_until('postgres', 'SELECT count(*) > 0 FROM tenancy_internal.api_key_uses'), 'the worker stores uses in a database that is read-only by default');
$node->safe_psql('postgres', 'SET default_transaction_read_only = off; ALTER DATABASE postgres RESET default_transaction_read_only');

# Stored uses outlast a restart
$node->safe_psql('postgres', 'SELECT pg_sleep(0.1)');
$node->restart;
is($node->safe_psql('postgres', q(SELECT count(*) > 0 FROM tenancy.review_api_keys('acme') WHERE last_used_at IS NOT NULL)), 't', 'last uses after a restart');

done_testing();
