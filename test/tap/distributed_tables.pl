# Tables that Citus has on other nodes: refused, or an error of advise(). Citus is not in Debian: a table of its catalog's name stands
# in for it here; scripts/check-citus.sh has the real one.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('distributed');
$node->init;
$node->append_conf('postgresql.conf', 'allow_system_table_mods = on');
$node->start;
$node->safe_psql('postgres', q(
  CREATE EXTENSION pg_tenancy;
  CREATE TABLE metrics (at timestamptz, organization_id uuid) PARTITION BY RANGE (at);
  CREATE TABLE metrics_old PARTITION OF metrics DEFAULT;
  -- elsewhere, a table of the name says nothing
  CREATE TABLE pg_dist_partition AS SELECT 'metrics'::regclass AS logicalrelid;
));
sub protect {
    my ($code, $out, $errors) = $node->psql('postgres', q(SELECT FROM tenancy.protect('metrics', 'logs', 'organization_id', create_indexes => true)));
    return $code == 0 ? 'protected' : $errors =~ /ERROR:\s+(.*)/ ? $1 : $errors;
}
sub distributed { return $node->safe_psql('postgres', q(SELECT string_agg(severity || ' ' || object, ', ') FROM tenancy.advise() WHERE rule = 'distributed_table')) }
is(protect(), 'protected', 'a table, where there is no Citus');
is(distributed(), '', 'of which nothing is said');
$node->safe_psql('postgres', q(CREATE TABLE pg_catalog.pg_dist_partition AS SELECT 'metrics_old'::regclass AS logicalrelid));
is(distributed(), 'error public.metrics_old', 'a protected table that is distributed');
$node->safe_psql('postgres', q(SELECT tenancy.unprotect('metrics')));
is(protect(), 'table public.metrics_old is distributed by Citus', 'a distributed table, below the table that is to be protected');
$node->safe_psql('postgres', 'DROP TABLE pg_catalog.pg_dist_partition');
is(protect(), 'protected', 'and without it');

$node->stop;
done_testing();
