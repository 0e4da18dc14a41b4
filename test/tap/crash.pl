# A backend that is killed, a server that stops at once, one that is killed: each while rights are changed and read.
# Afterwards the rights are those that the catalogs, recovered, say.

use strict;
use warnings;

use Load;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('crash');
$node->init;
$node->append_conf('postgresql.conf', "log_statement = none\nfsync = on\nrestart_after_crash = on");
$node->start;
make_world($node);

my ($before, $changes, $reads) = (0);

sub made { return $node->safe_psql('postgres', 'SELECT count(*) FROM load.changes') }

sub under_load {
    my ($crash) = @_;
    ($changes, $reads) = ('', '');
    my @load = (
        start_load($node, 'change', \$changes, '-c', '4', '-T', '60'),
        start_load($node, 'read',   \$reads,   '-c', '2', '-T', '60', '--rate=400', '-U', 'load_app'));
    $before = made();
    for (1 .. 600) {
        last if made() > $before + 200;
        usleep(50_000);
    }
    $crash->();
    $_->finish for @load;
}

under_load(sub {
    my $pid = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE usename = 'load_app' LIMIT 1");
    kill 'KILL', $pid;
});
ok($node->poll_query_until('postgres', 'SELECT true'), 'a killed backend: the server recovers');
cmp_ok(made(), '>', $before, 'what was committed is there');
like($changes, qr/terminating connection|server closed the connection|backend died/, 'the others lost their connections');
is_right($node, 'after a killed backend');

under_load(sub { $node->stop('immediate') });
$node->start;
cmp_ok(made(), '>', $before, 'an immediate stop: what was committed is there');
is_right($node, 'after an immediate stop');

my @processes;
under_load(sub {
    @processes = split /\n/, $node->safe_psql('postgres', 'SELECT pid FROM pg_stat_activity');
    $node->kill9;
});
# They notice that the server is gone, and give its shared memory free.
for (1 .. 600) {
    last if !grep { kill 0, $_ } @processes;
    usleep(50_000);
}
$node->start;
cmp_ok(made(), '>', $before, 'a killed server: what was committed is there');
is_right($node, 'after a killed server');
like(slurp_file($node->logfile), qr/database system was not properly shut down; automatic recovery in progress/, 'it was recovered');

$node->stop;
done_testing();
