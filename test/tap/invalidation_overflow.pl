# A session that has been idle for so long that the server discarded its notifications: it is notified that anything may
# have changed, and must not go on with the rights that it knew.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('invalidation_overflow');
$node->init;
$node->append_conf('postgresql.conf', 'log_statement = none');
$node->start;
$node->safe_psql('postgres', q(
  CREATE EXTENSION pg_tenancy;
  CREATE ROLE app LOGIN;
  SELECT tenancy.trust_login('app');
  SELECT FROM tenancy.create_organization('Acme', 'olivia@acme.test', 'acme');
  SELECT tenancy.create_workspace('acme', 'Search');
  SELECT tenancy.create_user('mike@acme.test');
  SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'member');
  CREATE TABLE logs AS SELECT organization_id, workspace_id FROM tenancy.workspaces;
  SELECT tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id');
  GRANT SELECT ON logs TO app;
));

# A new table is some tens of messages; the server keeps 4096 for who is late.
my $flood = join '', map { "CREATE TEMPORARY TABLE t$_ (id serial PRIMARY KEY);\n" } 1 .. 300;

my %queries = (
    'a prepared statement' => 'EXECUTE seen',
    'a shared plan'        => 'SET tenancy.share_plans = on; EXECUTE seen',
    'a statement'          => 'SELECT count(*) FROM logs',
    'the known principal'  => q(SELECT tenancy.authorize('logs', 'view', 'search')::int),
);

# A session that has asked often enough to know the answer by heart.
sub session {
    my ($query) = @_;
    my $psql = $node->background_psql('postgres', extra_params => [ '-U', 'app' ]);
    $psql->query_safe($_)
      for 'SET plan_cache_mode = force_generic_plan', 'PREPARE seen AS SELECT count(*) FROM logs',
      q(SET "tenancy.user" = 'mike@acme.test'), ($query) x 6;
    my $pid = $psql->query_safe('SELECT pg_backend_pid()');
    return { psql => $psql, pid => $pid, query => $query };
}

my %change = (
    revoke => q(SELECT tenancy.remove_workspace_member('acme/search', 'mike@acme.test')),
    grant  => q(SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member')),
);

# Each starts from where the one before it has ended. Without the flood all is the same, except that details are told.
for my $case ([ 'grant', '0', '1', $flood ], [ 'revoke', '1', '0', $flood ], [ 'grant', '0', '1', '' ], [ 'revoke', '1', '0', '' ]) {
    my ($what, $before, $after, $then) = @$case;
    # A session that ends drops its temporary tables, after its client has gone: a flood of its own.
    $node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'client backend'))
      or die 'sessions do not end';
    my %sessions = map { $_ => session($queries{$_}) } keys %queries;
    for my $name (sort keys %queries) {
        my $psql = $sessions{$name}{psql};
        is(scalar $psql->query_safe($queries{$name}), $before, "$name, before $what");
        # The server tells at this level when it gives up telling details.
        $psql->query('SET client_min_messages = debug4');
        $psql->{stderr} = '';
    }

    # Stopped, since an idle session would be woken to keep up.
    kill 'STOP', map { $_->{pid} } values %sessions;
    $node->safe_psql('postgres', "$change{$what};\n$then");
    kill 'CONT', map { $_->{pid} } values %sessions;

    for my $name (sort keys %queries) {
        my $psql   = $sessions{$name}{psql};
        my $answer = scalar $psql->query($queries{$name});
        my $reset  = $psql->{stderr} =~ /cache state reset/;
        is($reset ? 1 : 0, $then ? 1 : 0, $then ? "$name: messages were thrown away" : "$name: no message was thrown away");
        is($answer, $after, "$name, after $what");
        $psql->{stderr} = '';
        $psql->quit;
    }
}

$node->stop;
done_testing();
