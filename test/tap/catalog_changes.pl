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
my $old = $node->background_psql('postgres', extra_params => [ '-U', 'load_app' ]);
is_right($node, $old, 'before');

my ($changes, $reads) = ('', '');
my $readers = start_load($node, 'read', \$reads, '-U', 'load_app', '-c', '2', '-T', '120', '--rate=400');
my $writers = start_load($node, 'change', \$changes, '-c', '5', '-t', '1000');
$writers->finish;
$readers->signal('INT');
$readers->finish;

note $changes;    # with the number of those that were run again
note $node->safe_psql('postgres', 'SELECT what, coalesce(refused, $$done$$), count(*) FROM load.changes GROUP BY 1, 2 ORDER BY 1, 3 DESC');
unlike($reads, qr/error|aborted/i, 'no reader fails, or sees rows of two organizations');
like($changes, qr/number of transactions actually processed: 5000\/5000/, 'every change is made, or refused');
my $made = $node->safe_psql('postgres', 'SELECT count(*) FROM load.changes WHERE refused IS NULL');
cmp_ok($made, '>', 4000, 'most are made');
is_right($node, $old, 'afterwards');

$old->quit;
$node->stop;
done_testing();
