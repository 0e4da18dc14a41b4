# examples/monitoring: each query of the dashboard runs, as an owner, as a member who is restricted to own rows and as another
# tenant, and gives each its own sums; the queries and alerts for Prometheus name counters that there are.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder    = 'examples/monitoring';
my $dashboard = decode_json(slurp_file("$folder/dashboard.json"));
my $node      = PostgreSQL::Test::Cluster->new('dashboard');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_tenancy'");
$node->start;
PostgreSQL::Test::Utils::system_or_bail('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $node->connstr('postgres'), '-f', "$folder/world.sql");

# --- the server's counters --------------------------------------------------------------------------------------------

my %counters = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', 'SELECT counter FROM tenancy.stats()');
my @expressions = map { $_->{expr} // () } map { @{ $_->{targets} // [] } } @{ $dashboard->{panels} };
push @expressions, slurp_file("$folder/alerts.yml") =~ /pg_tenancy_total\{[^}]*\}/g;
cmp_ok(scalar @expressions, '>=', 9, 'expressions of the dashboard and of alerts');
for my $expression (@expressions) {
    my @unknown;
    while ($expression =~ /pg_tenancy_total\{counter(=~?)"([^"]*)"\}/g) {
        my ($operator, $names) = ($1, $2);
        # A pattern must match a counter in each of its alternatives.
        $names =~ s/^(\w+)\(([^)]*)\)$/join '|', map { "$1$_" } split m{[|]}, $2/e;
        for my $name (split /\|/, $names) { push @unknown, $name unless grep { /^$name$/ } keys %counters }
    }
    is("@unknown", '', "counters of: $expression");
}
my ($query) = slurp_file("$folder/postgres_exporter.yml") =~ /query: "([^"]*)"/;
$node->safe_psql('postgres', 'CREATE ROLE exporter LOGIN; GRANT pg_monitor TO exporter');
like($node->safe_psql('postgres', $query, connstr => $node->connstr('postgres') . ' user=exporter'), qr/^resolutions\|\d+$/m, 'the exporter reads them');
like(slurp_file('docs/how-to/monitoring.md'), qr/\Q$query\E/, 'by the query that the page has');

# --- what tenants see -------------------------------------------------------------------------------------------------

# rows($login, $sql): as Grafana sends it, for the last day.
sub rows {
    my ($login, $sql) = @_;
    $sql =~ s/\$__timeFilter\(([^)]*)\)/$1 BETWEEN now() - interval '1 day' AND now()/g;
    return $node->safe_psql('postgres', $sql, connstr => $node->connstr('postgres') . " user=$login");
}
sub sum_of_last_column {
    my $sum = 0;
    for my $line (split /\n/, $_[0]) { $sum += (split /\|/, $line)[-1] || 0 }
    return sprintf '%.4f', $sum;
}

my %is_sum = map { $_ => 1 } 'Requests by model', 'Cost by workspace', 'Tokens';
my $tenants = 0;
for my $panel (@{ $dashboard->{panels} }) {
    for my $target (grep { $_->{rawSql} } @{ $panel->{targets} // [] }) {
        my %of = map { $_ => rows($_, $target->{rawSql}) } qw(olivia mia gus);
        $tenants++;
        isnt($of{$_}, '', "$panel->{title}: $_ sees something") for qw(olivia mia gus);
        isnt($of{olivia}, $of{mia}, "$panel->{title}: a restricted member sees less");
        if ($is_sum{ $panel->{title} }) {
            my $all = sprintf '%.4f', sum_of_last_column(rows('postgres', $target->{rawSql}));
            is(sprintf('%.4f', sum_of_last_column($of{olivia}) + sum_of_last_column($of{gus})), $all, "$panel->{title}: two tenants are all");
            cmp_ok(sum_of_last_column($of{mia}), '<', sum_of_last_column($of{olivia}), "$panel->{title}: own rows are fewer");
        }
        unlike($of{gus}, qr/acme|Assistant|mia/, "$panel->{title}: another tenant's names are not in it");
        is(rows('nobody', $target->{rawSql}), '', "$panel->{title}: nobody sees nothing");
    }
}
is($tenants, 7, 'queries of tenants');

done_testing();
