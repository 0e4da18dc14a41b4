# tenancy.audit_channel, where the module is preloaded: entries are notified of once they are committed, and not if they aren't. Nobody
# who has filled the server's queue of notifications, or whose COMMIT with notifications takes its time, fails or delays what leaves
# entries.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('audit_channel');
$node->init(allows_streaming => 1);
# There is no such standby: a COMMIT that waits for it lasts until it is cancelled.
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_tenancy'\nmax_prepared_transactions = 2\nsynchronous_standby_names = 'nobody'\nsynchronous_commit = local\nlog_min_error_statement = panic");
# The least that there can be; before 17 it has 8 GB.
$node->append_conf('postgresql.conf', 'max_notify_queue_pages = 64') if $node->pg_version >= 17;
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN; CREATE ROLE app2 LOGIN; CREATE ROLE tenant LOGIN;');
$node->safe_psql('postgres', q(
  CREATE EXTENSION pg_tenancy;
  CREATE TABLE written (id int);
  GRANT ALL ON written TO tenant;
  DO $$ BEGIN
    PERFORM tenancy.create_organization('Acme', 'olivia@acme.test'), tenancy.create_user('mia@acme.test');
    PERFORM tenancy.set_organization_role('acme', 'mia@acme.test', 'member');
    PERFORM tenancy.trust_login('app'), tenancy.trust_login('app2');
  END $$;
  ALTER DATABASE postgres SET tenancy.audit_channel = 'audit';
  ALTER ROLE app2 SET tenancy.audit_channel = 'Another one';
));

# With the error, if there is one.
sub as {
    my ($who, $query, %options) = @_;
    my $login = $options{login} // 'app';
    my ($code, $out, $errors) = $node->psql('postgres', $query, connstr => $node->connstr('postgres') . " user=$login options='-c tenancy.user=$who -c lock_timeout=5s'");
    return $code == 0 ? $out : $errors =~ /ERROR:\s+(.*)/ ? $1 : $errors;
}
my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN audit; LISTEN "Another one"');
# The channels of the notifications that have arrived since the last time; a number of them is waited for.
sub notified {
    my ($number, @channels) = @_;
    for (1 .. 100) {
        push @channels, $listener->query('SELECT') =~ /notification "([^"]+)" received/g;
        last if @channels >= $number;
        usleep(100_000);
    }
    return join ', ', sort @channels;
}
my $workers = q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_tenancy audit writer');
sub no_worker { ok($node->poll_query_until('postgres', "SELECT ($workers) = 0"), 'the worker ends') }
# A worker that has been asked to notify would have begun meanwhile, and remains for a second.
sub not_notified {
    my ($name) = @_;
    usleep(500_000);
    is($node->safe_psql('postgres', $workers) . notified(0), '0', $name);
}
my $made = q(SELECT tenancy.create_workspace('acme', 'W' || gen_random_uuid()) IS NOT NULL;);

# --- what is committed, and nothing else -----------------------------------------------------------------------------

as('olivia@acme.test', "BEGIN; $made ROLLBACK");
as('olivia@acme.test', "BEGIN; SAVEPOINT s; $made SAVEPOINT t; $made RELEASE t; ROLLBACK TO s; COMMIT");
as('olivia@acme.test', 'SELECT count(*) FROM tenancy.audit_log');
not_notified('nothing of entries that are rolled back');
as('olivia@acme.test', "BEGIN; $made PREPARE TRANSACTION 'p'");
$node->safe_psql('postgres', q(COMMIT PREPARED 'p'));
is($node->safe_psql('postgres', q(SELECT count(*) FROM tenancy.workspaces WHERE name LIKE 'W%')), '1', 'a prepared transaction');
not_notified('has no notification');
is(as('olivia@acme.test', "BEGIN; $made $made COMMIT"), "t\nt", 'several entries');
is(notified(1), 'audit', 'one notification');
as('olivia@acme.test', "BEGIN; SAVEPOINT s; $made RELEASE s; SAVEPOINT s; $made ROLLBACK TO s; COMMIT");
is(notified(1), 'audit', 'of a subtransaction');
as('mia@acme.test', q(SELECT tenancy.create_user('x@x.test')));
is(notified(1), 'audit', 'of a refusal');
as('olivia@acme.test', $made, login => $_) for 'app', 'app2';
is(notified(2), 'Another one, audit', 'two channels');
no_worker();

# --- somebody's COMMIT with notifications ----------------------------------------------------------------------------

my $tenant = $node->background_psql('postgres', extra_params => ['-U', 'tenant']);
$tenant->query_safe('SET synchronous_commit = on; BEGIN; INSERT INTO written VALUES (1); NOTIFY x');
$tenant->query_until(qr/begins/, "\\echo begins\nCOMMIT;\n");
ok($node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep')), 'a COMMIT that lasts');
like(as('mia@acme.test', q(SET lock_timeout = '100ms'; NOTIFY x)), qr/lock timeout/, 'has others with notifications wait');
is(as('olivia@acme.test', $made), 't', 'but not administration');
as('mia@acme.test', q(SELECT tenancy.create_user('y@x.test')));
ok($node->poll_query_until('postgres', q(SELECT count(*) = 2 FROM tenancy.audit_log WHERE outcome = 'denied')), 'nor the entries of refusals');
is(notified(0), '', 'of which the notification waits');
$node->safe_psql('postgres', q(SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'));
is(notified(1), 'audit', 'until that COMMIT ends');
$tenant->quit;
no_worker();

# --- a full queue ------------------------------------------------------------------------------------------------------

SKIP: {
    skip 'the queue has 8 GB', 6 if $node->pg_version < 17;
    $tenant = $node->background_psql('postgres', extra_params => ['-U', 'tenant']);
    $tenant->query_safe('LISTEN x; BEGIN; SELECT');
    as('mia@acme.test', "SELECT pg_notify('x', '$_' || i || repeat('x', 7900)) FROM generate_series(1, 10) i") for 1 .. 8;
    like(as('mia@acme.test', q(SELECT pg_notify('x', 'y' || i || repeat('x', 7900)) FROM generate_series(1, 10) i)), qr/too many notifications/, 'a queue that is full');
    is(as('olivia@acme.test', $made), 't', 'does not keep administration from COMMIT');
    no_worker();
    is(notified(0), '', 'only, there is no notification');
    $tenant->quit;
    is(as('olivia@acme.test', $made), 't', 'afterwards');
    is(notified(1), 'audit', 'there is one again');
}
$listener->quit;

done_testing();
