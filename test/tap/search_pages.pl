# The queries of bench/sql/search.sql read the pages that the hand-written ones read: pages are the same each time, times aren't.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('search_pages');
$node->init;
# Statistics of all rows, not of a random sample: where two plans cost nearly the same, they are the same each time.
$node->append_conf('postgresql.conf', "log_statement = none\njit = off\nautovacuum = off\ndefault_statistics_target = 500\nrandom_page_cost = 1.1\nmax_parallel_workers_per_gather = 0");
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE bench_app LOGIN');
$node->safe_psql('postgres', 'CREATE DATABASE search');
my %sizes = (rows => 100_000, organizations => 100, keys => 1, docs => 100_000);
my @sizes = map { ('-v', "$_=$sizes{$_}") } sort keys %sizes;
for my $file (qw(schema tenants readers logs alternatives measure search)) {
  $node->safe_psql('search', slurp_file("bench/sql/$file.sql"), extra_params => \@sizes);
}
$node->safe_psql('search', 'VACUUM ANALYZE');

my @principals = split /\n/, $node->safe_psql('search', 'SELECT principal FROM bench.searchers ORDER BY position');
is(scalar @principals, 4, 'a member, an owner, a member of 5 and one of 1,000 workspaces');
for my $principal (@principals) {
  $node->safe_psql('search', "SELECT bench.become('hand-written', '$principal'); SELECT bench.search('$principal', 'hand-written', 0)");
  $node->safe_psql('search', "SET tenancy.trusted_conditions = '$_'; SET SESSION AUTHORIZATION bench_app;
    SELECT bench.become('pg_tenancy', '$principal'); SELECT bench.search('$principal', '$_', 0)") for qw(none own_rows all);
}

my $pairs = q(bench.search_results r JOIN bench.search_results h USING (principal, search) JOIN bench.searches s USING (search) WHERE h.mode = 'hand-written');
my $described = q(SELECT format('%s, %s: %s pages (%s), by hand %s (%s)', principal, search, r.pages, r.plan, h.pages, h.plan) FROM );
is($node->safe_psql('search', "SELECT count(DISTINCT (principal, search)) FROM bench.search_results"), 4 * $node->safe_psql('search', 'SELECT count(*) FROM bench.searches'), 'each has asked each');
is($node->safe_psql('search', "$described $pairs AND r.result <> h.result"), '', 'all results are those by hand');
is($node->safe_psql('search', "$described $pairs AND r.mode = 'all' AND r.pages > h.pages * 1.05 + 3 AND search <> 'LATERAL'"), '',
  'trusted conditions: no more pages than by hand');
is($node->safe_psql('search', "$described $pairs AND r.mode = 'all' AND principal IN ('unrestricted member', 'owner') AND r.plan <> h.plan"), '',
  'trusted conditions: the same plans');
# Of one table, that is: how a join is planned is up to estimates, which the default has none of.
is($node->safe_psql('search', "$described $pairs AND r.mode = 'own_rows' AND s.needs IN ('tenant', 'leakproof') AND r.pages > h.pages * 1.05 + 3
    AND principal IN ('unrestricted member', 'owner', 'member of 5') AND s.query !~ 'logs|LATERAL'"), '', 'the default: no more pages by an index led by the tenant');
cmp_ok($node->safe_psql('search', "SELECT count(*) FROM $pairs AND r.mode = 'none' AND r.pages > 10 * h.pages AND principal = 'owner'"), '>', 8,
  'row security alone: this test can tell');
# Many workspaces: a page by the organization
is($node->safe_psql('search', "SELECT DISTINCT r.pages * 20 < h.pages FROM $pairs AND principal = 'member of 1000' AND search = 'newest 50' AND r.mode <> 'hand-written'"), 't',
  'the newest rows of 1,000 workspaces take a twentieth of the pages by hand');

$node->stop;
done_testing();
