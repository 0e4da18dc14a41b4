# Where the module is preloaded: the server's counters over all sessions, the queries of docs/how-to/monitoring.md for Prometheus, and
# the lines that denials leave in the server's log.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('monitoring');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_tenancy'\ntenancy.log_denied = on\nlog_statement = none\nlog_min_error_statement = panic");
$node->start;
my $secret = $node->safe_psql('postgres', q(
  CREATE EXTENSION pg_tenancy;
  CREATE ROLE app LOGIN;
  CREATE ROLE exporter LOGIN;
  GRANT pg_monitor TO exporter;
  CREATE TABLE logs (id int, organization_id uuid);
  GRANT ALL ON logs TO app;
  SELECT master_key FROM tenancy.create_organization('Acme', 'olivia@acme.test');
  INSERT INTO logs SELECT i, organization_id FROM generate_series(1, 4) i, tenancy.organizations;
  DO $$ BEGIN PERFORM tenancy.protect('logs', 'logs', 'organization_id', create_indexes => true); END $$;
));

sub counters {
    my %of = map { split /\|/ } split /\n/, $node->safe_psql('postgres', 'SELECT counter, server FROM tenancy.stats()');
    return \%of;
}
sub as_app {
    my ($settings, $query) = @_;
    my ($code, $out, $errors) = $node->psql('postgres', $query,
        connstr => $node->connstr('postgres') . " user=app options='$settings'");
    return $code == 0 ? $out : $errors =~ /ERROR:\s+(.*)/ ? $1 : $errors;
}

# --- counters of all sessions ---------------------------------------------------------------------------------------

my $before = counters();
is(as_app("-c tenancy.api_key=$secret", 'SELECT count(*) FROM logs'), '4', 'a key that holds') for 1 .. 3;
my $after = counters();
is($after->{resolutions} - $before->{resolutions}, 3, 'three sessions, three principals worked out');
cmp_ok($after->{specializations} - $before->{specializations}, '>=', 3, 'and as many filters');
is($after->{denied_api_key}, $before->{denied_api_key}, 'no credential refused');

my $offset = -s $node->logfile;
my $wrong  = substr($secret, 0, -1) . (substr($secret, -1) eq 'a' ? 'b' : 'a');
is(as_app("-c tenancy.api_key=$wrong",          'SELECT count(*) FROM logs'), 'invalid or expired API key', 'a mistyped key');
is(as_app('-c tenancy.jwt=x.y.z',               'SELECT count(*) FROM logs'), 'invalid or expired token',   'no token');
is(as_app('-c tenancy.user=olivia@acme.test',   'SELECT count(*) FROM logs'),
    'setting "tenancy.user" is honored on trusted logins only', 'a user on a login that is not trusted');
like(as_app("-c tenancy.api_key=$secret -c client_min_messages=log", q(SELECT tenancy.require('datasets', 'view'))), qr/not registered/, 'no such permission');
$node->safe_psql('postgres', q(SELECT tenancy.register_permission('datasets', 'view', 'x')));
my $organization = $node->safe_psql('postgres', 'SELECT organization_id FROM tenancy.organizations');
my $narrow = $node->safe_psql('postgres', q(SELECT secret FROM tenancy.create_api_key('organization_service_key', 'narrow "2"', 'acme', scopes => '["logs.view"]')));
like(as_app("-c tenancy.api_key=$narrow", q(SELECT tenancy.require('datasets', 'view'))), qr/permission denied: organization service key/, 'a permission that is not held');
my $denied = counters();
is($denied->{"denied_$_"} - $after->{"denied_$_"}, 1, "denied: $_") for qw(api_key token user permission);
my $open = $node->background_psql('postgres', extra_params => [ '-U', 'app' ]);
$open->query_safe("SELECT set_config('tenancy.api_key', '$secret', false)");
is(scalar $open->query_safe('SELECT count(*) FROM logs'), '4', 'a session');
$before = counters();
$node->safe_psql('postgres', q(SELECT tenancy.set_setting('acme', 'members_view_logs', false)));
is(scalar $open->query_safe('SELECT count(*) FROM logs'), '4', 'that goes on');
cmp_ok(counters()->{invalidations}, '>', $before->{invalidations}, 'is notified of a change of rights');
$open->quit;

# --- the log --------------------------------------------------------------------------------------------------------

my $log   = slurp_file($node->logfile, $offset);
my @lines = map { decode_json($_) } $log =~ /LOG:  tenancy denied: (.*)$/mg;
is_deeply([ map { $_->{reason} } @lines ], [qw(api_key token user permission)], 'each denial is one line with a JSON object');
is_deeply($lines[0], { reason => 'api_key', detail => 'it is mistyped or no API key' }, 'of what is no key: nothing but that');
is($lines[2]{subject}, 'olivia@acme.test', 'of a user: who was named');
is_deeply({ map { $_ => $lines[3]{$_} } qw(kind resource action organization) },
    { kind => 'organization_service_key', resource => 'datasets', action => 'view', organization => $organization },
    'of a permission: whose, which, where');
unlike($log, qr/\Q$wrong\E|\Q$narrow\E/, 'no secret is in the log');
$offset = -s $node->logfile;
$node->safe_psql('postgres', q(SELECT tenancy.revoke_api_key(api_key_id) FROM tenancy.api_keys WHERE name LIKE 'narrow%'));
as_app("-c tenancy.api_key=$narrow", 'SELECT count(*) FROM logs');
my ($revoked) = map { decode_json($_) } slurp_file($node->logfile, $offset) =~ /LOG:  tenancy denied: (.*)$/mg;
is_deeply($revoked, { reason => 'api_key', detail => 'the key is revoked', subject => substr($narrow, 0, 8) }, 'of a key: how it begins, and what is wrong');
my (undef, undef, $shown) = $node->psql('postgres', 'SELECT count(*) FROM logs',
    connstr => $node->connstr('postgres') . " user=app options='-c tenancy.api_key=$wrong -c client_min_messages=debug5'");
unlike($shown, qr/tenancy denied/, 'a client never sees the line');
$node->safe_psql('postgres', 'ALTER SYSTEM SET tenancy.log_denied = off');
$node->reload;
$offset = -s $node->logfile;
as_app("-c tenancy.api_key=$wrong", 'SELECT count(*) FROM logs');
unlike(slurp_file($node->logfile, $offset), qr/tenancy denied/, 'no line where it is not asked for');
cmp_ok(counters()->{denied_api_key}, '>', $denied->{denied_api_key}, 'which is counted all the same');

# --- Prometheus -----------------------------------------------------------------------------------------------------

# As the page has it, by a login as it describes.
my $docs = slurp_file('docs/how-to/monitoring.md');
my @queries = $docs =~ /^  query: "(.*)"$/mg;
is(scalar @queries, 1, 'the documentation has a query for the exporter');
for my $query (@queries) {
    my ($code, $out, $errors) = $node->psql('postgres', $query, connstr => $node->connstr('postgres') . ' user=exporter');
    is($code, 0, $query) or diag($errors);
    like($out, qr/\|\d+$/m, 'returns numbers');
}
my (undef, undef, $refused) = $node->psql('postgres', 'SELECT * FROM tenancy.stats()', connstr => $node->connstr('postgres') . ' user=app');
like($refused, qr/permission denied for function stats/, 'not for everybody');

# --- parallel workers, and a restart --------------------------------------------------------------------------------

$node->safe_psql('postgres', 'INSERT INTO logs SELECT i, organization_id FROM generate_series(1, 5000) i, tenancy.organizations; ANALYZE logs');
is(as_app("-c tenancy.api_key=$secret -c parallel_setup_cost=0 -c parallel_tuple_cost=0 -c min_parallel_table_scan_size=0 -c parallel_leader_participation=off",
    'SELECT count(*) FROM logs'), '5004', 'parallel workers of a preloaded module');
$node->restart;
is(counters()->{denied_api_key}, 0, 'a restart begins anew');

$node->stop;
done_testing();
