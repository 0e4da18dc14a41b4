# Thousands of changes of the rights by several sessions at once, some rolled back, while others read.

use strict;
use warnings;

use Load;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('catalog_changes');
$node->init;
$node->append_conf('postgresql.conf', 'log_statement = none');
$node->start;
make_world($node);

my %sessions = ('goes on' => 'off', 'shares plans' => 'on');
for (values %sessions) {
    my $share_plans = $_;
    $_ = $node->background_psql('postgres', extra_params => [ '-U', 'load_app' ]);
    $_->query_safe("SET tenancy.share_plans = $share_plans");
}
is_right($node, 'before', %sessions);

my ($changes, $reads, $more_reads) = ('', '', '');
my @reading = ('-U', 'load_app', '-T', '120', '--rate=200');
my @readers = (start_load($node, 'read', \$reads, @reading));
{
    local $ENV{PGOPTIONS} = '-c tenancy.share_plans=on';
    push @readers, start_load($node, 'read', \$more_reads, @reading);
}
my $writers = start_load($node, 'change', \$changes, '-c', '5', '-t', '1000');
$writers->finish;
for (@readers) {
    $_->signal('INT');
    $_->finish;
}

note $_ for $changes, $more_reads;    # with the number of those that were run again
note $node->safe_psql('postgres', 'SELECT what, coalesce(refused, $$done$$), count(*) FROM load.changes GROUP BY 1, 2 ORDER BY 1, 3 DESC');
unlike($_, qr/error|aborted/i, 'no reader fails, or sees rows of two organizations') for $reads, $more_reads;
like($changes, qr/number of transactions actually processed: 5000\/5000/, 'every change is made, or refused');
my $made = $node->safe_psql('postgres', 'SELECT count(*) FROM load.changes WHERE refused IS NULL');
cmp_ok($made, '>', 4000, 'most are made');
is_right($node, 'afterwards', %sessions);

$_->quit for values %sessions;
$node->stop;
done_testing();
