# Removing a tenant while it is still writing: in batches, the purge waits for what was begun before; nothing is left of it, and
# nothing of anybody else is missing. In one go it waits for what has written so far.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('purge');
$node->init;
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 2');
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
my $waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'virtualxid')";
ok($node->poll_query_until('batches', $waits),
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
$node->poll_query_until('committed', $waits) or die 'does not wait';
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

# --- statements that have not written yet, and prepared transactions ------------------------------------------------

# It has no transaction id, but knows the organization from before.
($acme_secret) = make_database('slow');
$acme = session('slow', $acme_secret);
$acme->query_until(qr/started/, "\\echo started\nINSERT INTO logs (id) SELECT 5 FROM (SELECT pg_sleep(2) OFFSET 0) s;\n");
$node->poll_query_until('slow', "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')") or die 'does not sleep';
$node->safe_psql('slow', "CALL tenancy.purge_organization_in_batches('acme')");
is($node->safe_psql('slow', $left), 'globex 1, globex 2, globex 3, globex 4', 'nothing is left of a statement that began before');
$acme->query('SELECT 1');
$acme->quit;

($acme_secret) = make_database('prepared');
$acme = session('prepared', $acme_secret);
$acme->query_safe('BEGIN');
$acme->query_safe('INSERT INTO logs (id) VALUES (5)');
$acme->query_safe("PREPARE TRANSACTION 'acme'");
$acme->quit;
is($node->psql('prepared', "SET lock_timeout = '200ms'; CALL tenancy.purge_organization_in_batches('acme')"), 3, 'lock_timeout ends the waiting');
$purge = $node->background_psql('prepared', on_error_stop => 0);
$purge->query_until(qr/started/, "\\echo started\nCALL tenancy.purge_organization_in_batches('acme');\n");
$node->poll_query_until('prepared', "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query ~ '^CALL' AND wait_event_type = 'Lock')") or die 'does not wait';
$node->safe_psql('prepared', "COMMIT PREPARED 'acme'");
$purge->query('SELECT 1');
is($node->safe_psql('prepared', $left), 'globex 1, globex 2, globex 3, globex 4', 'nor of a prepared transaction');
$purge->quit;

# --- two at once ----------------------------------------------------------------------------------------------------

make_database('two');
my @purges = map { $node->background_psql('two', on_error_stop => 0) } 1, 2;
$purges[$_]->query_until(qr/started/, "\\echo started\nCALL tenancy.purge_organization_in_batches('" . ('acme', 'globex')[$_] . "', 1);\n") for 0, 1;
$_->query('SELECT 1') for @purges;
is($node->safe_psql('two', 'SELECT count(*) FROM logs'), '0', 'two purges at once do not wait for each other');
is($node->safe_psql('two', 'SELECT count(*) FROM tenancy.organizations'), '0', 'and both are done');
$_->quit for @purges;

# --- in one go ------------------------------------------------------------------------------------------------------

($acme_secret) = make_database('one_go');
$acme = session('one_go', $acme_secret);
$acme->query_safe('BEGIN');
$acme->query_safe('INSERT INTO logs (id) VALUES (5)');
$purge = $node->background_psql('one_go', on_error_stop => 0);
$purge->query_until(qr/started/, "\\echo started\nSELECT FROM tenancy.purge_organization('acme');\n");
ok($node->poll_query_until('one_go', $waits), 'in one go, it waits for a transaction that has written');
$acme->query_safe('COMMIT');
$purge->query('SELECT 1');
is($node->safe_psql('one_go', $left), 'globex 1, globex 2, globex 3, globex 4', 'of which nothing is left');
is(failure($acme, 'SELECT count(*) FROM logs'), 'invalid or expired API key', 'and which is refused from now on');
$_->quit for $acme, $purge;

# --- an organization of many members --------------------------------------------------------------------------------

make_database('large');
$node->safe_psql('large', q(
  SELECT FROM generate_series(1, 250) i, LATERAL tenancy.set_organization_role('acme', 'u' || i || '@acme.test', 'member');
  CREATE TABLE transactions AS SELECT NULL::xid8 AS id WHERE false;
  CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.transactions VALUES (pg_current_xact_id()); RETURN NULL; END $$;
  CREATE TRIGGER note AFTER DELETE ON tenancy.organization_members FOR EACH ROW EXECUTE FUNCTION note();
));
$node->safe_psql('large', "CALL tenancy.close_organization_in_batches('acme', 100)");
is($node->safe_psql('large', 'SELECT string_agg(n::text, $$ $$ ORDER BY id) FROM (SELECT id, count(*) AS n FROM transactions GROUP BY id) t'), '99 100 52',
    'an organization is closed in transactions of so many rows');
is($node->safe_psql('large', q(SELECT closed_at IS NOT NULL, (SELECT count(*) FROM tenancy.organization_members m WHERE m.organization_id = o.organization_id),
    (SELECT count(*) FROM tenancy.api_key_secrets JOIN tenancy.api_keys k USING (api_key_id) WHERE k.organization_id = o.organization_id)
    FROM tenancy.organizations o WHERE slug = 'acme')), 't|0|0', 'and nobody has access');
my (undef, undef, $error) = $node->psql('large', "CREATE ROLE nobody_special LOGIN; SET ROLE nobody_special; CALL tenancy.close_organization_in_batches('globex')");
like($error, qr/only a DBA may do this/, 'which is for a DBA');

$node->stop;
done_testing();
