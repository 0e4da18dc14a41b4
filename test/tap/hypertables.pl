# Chunks of TimescaleDB's hypertables come without DDL, so that nothing would protect them: refused, or an error of advise().
# TimescaleDB is not in Debian: an extension of its name stands in for it, with the catalog that is asked and nothing else.

use strict;
use warnings;

use File::Path qw(make_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('hypertables');
$node->init;
my $stage = PostgreSQL::Test::Utils::tempdir();
system_or_bail('cp', '-r', "$ENV{PG_TENANCY_STAGE}/.", $stage);
chomp(my $sharedir = `$ENV{PG_CONFIG} --sharedir`);
my $folder = "$stage$sharedir/extension";
make_path($folder);
append_to_file("$folder/timescaledb.control", "default_version = '1.0'\nrelocatable = false\n");
append_to_file("$folder/timescaledb--1.0.sql", q(
  CREATE SCHEMA _timescaledb_catalog;
  CREATE TABLE _timescaledb_catalog.hypertable (id int, schema_name name, table_name name);
));
$node->append_conf('postgresql.conf', $node->pg_version < 18 ? "extension_destdir = '$stage'" : "extension_control_path = '$stage$sharedir:\$system'");
$node->start;
$node->safe_psql('postgres', q(
  CREATE EXTENSION pg_tenancy;
  CREATE TABLE metrics (at timestamptz, organization_id uuid) PARTITION BY RANGE (at);
  CREATE TABLE metrics_old PARTITION OF metrics DEFAULT;
  -- a table of the name that is nobody's extension says nothing
  CREATE SCHEMA _timescaledb_catalog;
  CREATE FUNCTION tricked() RETURNS name LANGUAGE plpgsql AS $$ BEGIN RAISE 'code of others is run'; END $$;
  CREATE VIEW _timescaledb_catalog.hypertable AS SELECT tricked() AS schema_name, tricked() AS table_name;
  SELECT FROM tenancy.protect('metrics', 'logs', 'organization_id', create_indexes => true);
  SELECT FROM tenancy.unprotect('metrics');
  DROP SCHEMA _timescaledb_catalog CASCADE;
  CREATE EXTENSION timescaledb;
));

sub protect {
    my ($code, $out, $errors) = $node->psql('postgres', q(SELECT FROM tenancy.protect('metrics', 'logs', 'organization_id', create_indexes => true)));
    return $code == 0 ? 'protected' : $errors =~ /ERROR:\s+(.*)/ ? $1 : $errors;
}
sub hypertables { return $node->safe_psql('postgres', q(SELECT string_agg(severity || ' ' || object, ', ') FROM tenancy.advise() WHERE rule = 'hypertable')) }
is(protect(), 'protected', 'a table, where there are no hypertables');
is(hypertables(), '', 'of which nothing is said');
$node->safe_psql('postgres', q(INSERT INTO _timescaledb_catalog.hypertable VALUES (1, 'public', 'metrics_old')));
is(hypertables(), 'error public.metrics_old', 'a protected table that becomes a hypertable');
$node->safe_psql('postgres', q(SELECT tenancy.unprotect('metrics')));
is(protect(), 'table public.metrics_old is a hypertable of TimescaleDB', 'a hypertable, below the table that is to be protected');
$node->safe_psql('postgres', 'DROP EXTENSION timescaledb');
is(protect(), 'protected', 'and without it');

$node->stop;
done_testing();
