# Removing a tenant while it is still writing: in batches, the purge waits for what was begun before; nothing is left of it, and
# nothing of anybody else is missing. In one go it can't wait.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('purge');
$node->init;
$node->start;

# A database with two tenants, four rows each; returns the secrets.
sub make_database {
    my ($name) = @_;
    $node->safe_psql('postgres', "CREATE DATABASE $name");
    my $secrets = $node->safe_psql($name, q(
      CREATE EXTENSION pg_tenancy;
      DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app') THEN CREATE ROLE app LOGIN; END IF; END $$;
      CREATE TABLE logs (id int, organization_id uuid);
      GRANT ALL ON logs TO app;
      SELECT master_key FROM tenancy.create_organization('Acme', 'olivia@acme.test');
      SELECT master_key FROM tenancy.create_organization('Globex', 'gus@globex.test');
      INSERT INTO logs SELECT i, o.organization_id FROM generate_series(1, 4) i, tenancy.organizations o;
      DO $$ BEGIN PERFORM tenancy.protect('logs', 'logs', 'organization_id', create_indexes => true); END $$;
    ));
    return split /\n/, $secrets;
}

sub session {
    my ($database, $secret) = @_;
    my $psql = $node->background_psql($database, on_error_stop => 0);
    $psql->query_safe("SET SESSION AUTHORIZATION app; SELECT set_config('tenancy.api_key', '$secret', false)");
    return $psql;
}

sub failure {
    my ($psql, $query) = @_;
    $psql->{stderr} = '';
    $psql->query($query);
    my ($message) = $psql->{stderr} =~ /ERROR:\s+(.*)/;
    $psql->{stderr} = '';
    return $message;
}

my $left = q(SELECT string_agg(o.slug || ' ' || l.id, ', ' ORDER BY l.id, o.slug) FROM logs l LEFT JOIN tenancy.organizations o USING (organization_id));

# --- in batches -----------------------------------------------------------------------------------------------------

my ($acme_secret, $globex_secret) = make_database('batches');
my $acme   = session('batches', $acme_secret);
my $globex = session('batches', $globex_secret);
$acme->query_safe('BEGIN');
$acme->query_safe('INSERT INTO logs (id) VALUES (5)');

my $purge = $node->background_psql('batches', on_error_stop => 0);
$purge->query_until(qr/started/, "\\echo started\nCALL tenancy.purge_organization_in_batches('acme', 2);\n");
ok($node->poll_query_until('batches', "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')"),
    'the purge waits for the transaction that writes');
$globex->query_safe('INSERT INTO logs (id) VALUES (7)');
is($node->safe_psql('batches', 'SELECT count(*) FROM logs'), '9', 'meanwhile nothing is removed, and another tenant writes');
is(failure($acme, 'INSERT INTO logs (id) VALUES (6)'), 'invalid or expired API key', 'the tenant does not any more');
$acme->query('ROLLBACK');
$purge->query('SELECT 1');
is($node->safe_psql('batches', $left), 'globex 1, globex 2, globex 3, globex 4, globex 7', 'afterwards only others are left');
$_->quit for $acme, $globex, $purge;

# The same, where what was begun before commits.
($acme_secret) = make_database('committed');
$acme = session('committed', $acme_secret);
$acme->query_safe('BEGIN');
$acme->query_safe('INSERT INTO logs (id) VALUES (5)');
$purge = $node->background_psql('committed', on_error_stop => 0);
$purge->query_until(qr/started/, "\\echo started\nCALL tenancy.purge_organization_in_batches('acme', 2);\n");
$node->poll_query_until('committed', "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')") or die 'does not wait';
$acme->query_safe('COMMIT');
$purge->query('SELECT 1');
is($node->safe_psql('committed', $left), 'globex 1, globex 2, globex 3, globex 4', 'nothing is left of what was committed meanwhile');
is($node->safe_psql('committed', 'SELECT count(*) FROM tenancy.verify_audit_log()'), '0', 'the audit log holds together');
$_->quit for $acme, $purge;

# --- interrupted ----------------------------------------------------------------------------------------------------

make_database('interrupted');
$node->safe_psql('interrupted', q(
  CREATE FUNCTION halt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF OLD.id = 3 THEN PERFORM pg_sleep(100); END IF; RETURN OLD; END $$;
  CREATE TRIGGER halt BEFORE DELETE ON logs FOR EACH ROW EXECUTE FUNCTION halt();
));
$purge = $node->background_psql('interrupted', on_error_stop => 0);
$purge->query_until(qr/started/, "\\echo started\nCALL tenancy.purge_organization_in_batches('acme', 1);\n");
my $sleeping = "FROM pg_stat_activity WHERE datname = 'interrupted' AND wait_event = 'PgSleep'";
$node->poll_query_until('interrupted', "SELECT EXISTS (SELECT $sleeping)") or die 'does not sleep';
is($node->safe_psql('interrupted', $left), 'globex 1, globex 2, acme 3, globex 3, acme 4, globex 4', 'batches that are done are seen');
$node->safe_psql('interrupted', "SELECT pg_cancel_backend(pid) $sleeping");
$purge->query('SELECT 1');
is($node->safe_psql('interrupted', "SELECT count(*) FROM logs l JOIN tenancy.organizations o USING (organization_id) WHERE slug = 'acme'"), '2',
    'cancelled, they stay done');
$node->safe_psql('interrupted', 'DROP TRIGGER halt ON logs');
$purge->query("CALL tenancy.purge_organization_in_batches('acme', 1)");
is($node->safe_psql('interrupted', $left), 'globex 1, globex 2, globex 3, globex 4', 'called again, it goes on');
$purge->quit;

# --- in one go ------------------------------------------------------------------------------------------------------

($acme_secret) = make_database('one_go');
$acme = session('one_go', $acme_secret);
$acme->query_safe('BEGIN');
$acme->query_safe('INSERT INTO logs (id) VALUES (5)');
$node->safe_psql('one_go', "SELECT FROM tenancy.purge_organization('acme')");
$acme->query_safe('COMMIT');
is($node->safe_psql('one_go', 'SELECT string_agg(id::text, \' \' ORDER BY id) FROM logs LEFT JOIN tenancy.organizations o USING (organization_id) WHERE o.slug IS NULL'),
    '5', 'in one go, a row of a transaction that was under way is left, seen by nobody');
is(failure($acme, 'SELECT count(*) FROM logs'), 'invalid or expired API key', 'its writer included');
$acme->quit;

$node->stop;
done_testing();
