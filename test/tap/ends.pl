# Access that ends by itself, one second before and one second after: for each way to have it, in the next statement, in a
# prepared plan, in a cursor, in a connection that was idle meanwhile, and on a standby, where nothing can be written.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', 'max_connections = 50');
$primary->start;
my @ways = ('workspace role', 'membership', 'group role', 'membership of a group', 'permission', 'key', 'elevation', 'role in a shared plan');
$primary->safe_psql('postgres', q(
  CREATE EXTENSION pg_tenancy;
  CREATE ROLE app LOGIN;
  CREATE TABLE logs (id int PRIMARY KEY, organization_id uuid, workspace_id uuid);
  GRANT ALL ON logs TO app;
  DO $$ BEGIN
    PERFORM tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', create_indexes => true), tenancy.trust_login('app');
    PERFORM tenancy.create_organization('Acme', 'olivia@acme.test', master_key => false);
    PERFORM tenancy.create_role('acme', 'organization', 'nothing');
    PERFORM tenancy.create_role('acme', 'workspace', 'reader');
    PERFORM tenancy.create_group('acme', 'readers'), tenancy.create_group('acme', 'ending'), tenancy.create_group('acme', 'of a time');
    PERFORM tenancy.set_group_role('acme/shared-team-workspace', 'of a time', 'member');
    FOR n IN 0 .. 7 LOOP
      PERFORM tenancy.set_organization_role('acme', 'u' || n || '@acme.test', 'nothing');
    END LOOP;
    PERFORM tenancy.sync_group('acme', 'ending', ARRAY['u2@acme.test']);
    PERFORM tenancy.set_workspace_role('acme/shared-team-workspace', 'u1@acme.test', 'member'), tenancy.set_workspace_role('acme/shared-team-workspace', 'u4@acme.test', 'reader'),
            tenancy.set_workspace_role('acme/shared-team-workspace', 'u5@acme.test', 'member');
    PERFORM tenancy.allow_elevation('acme', 'workspace/member', 'u6@acme.test', '1 hour');
  END $$;
  INSERT INTO logs SELECT i, w.organization_id, w.workspace_id FROM generate_series(1, 3) i, tenancy.workspaces w;
));
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;

# They all end at the same moment.
my $lasts = 40;
my ($end, $secret) = split /\|/, $primary->safe_psql('postgres', qq(
  SET client_min_messages = warning;
  CREATE TABLE moment AS SELECT clock_timestamp() + interval '$lasts s' AS at;
  DO \$\$ DECLARE at timestamptz := (SELECT m.at FROM moment m); BEGIN
    PERFORM tenancy.set_workspace_role('acme/shared-team-workspace', 'u0\@acme.test', 'member', at), tenancy.set_organization_role('acme', 'u1\@acme.test', 'nothing', at),
            tenancy.set_group_role('acme/shared-team-workspace', 'ending', 'member', at), tenancy.sync_group('acme', 'of a time', ARRAY['u3\@acme.test'], at),
            tenancy.grant_permission('acme', 'workspace', 'reader', 'logs', 'view', at), tenancy.set_workspace_role('acme/shared-team-workspace', 'u7\@acme.test', 'member', at);
  END \$\$;
  SELECT extract(epoch FROM m.at), k.secret FROM moment m, tenancy.create_api_key('workspace_user_key', 'k', 'acme', 'acme/shared-team-workspace', 'u5\@acme.test', '["logs.view"]', m.at) k;
));
$primary->safe_psql('postgres', q(SET SESSION AUTHORIZATION app; SET tenancy."user" = 'u6@acme.test'; SELECT * FROM tenancy.elevate('member', 'test', (SELECT '1 hour'::interval), 'shared-team-workspace')));
# As long as all the rest.
$primary->safe_psql('postgres', q(UPDATE tenancy.elevations e SET ends_at = m.at FROM moment m));
$primary->wait_for_catchup($standby);

sub session {
    my ($server, $n) = @_;
    my $psql = $server->background_psql('postgres', on_error_stop => 0);
    $psql->query_safe('SET tenancy.share_plans = on') if $n == 7;
    $psql->query_safe('SET SESSION AUTHORIZATION app; SET plan_cache_mode = force_generic_plan');
    $psql->query_safe($n == 5 ? "SET tenancy.api_key = '$secret'" : "SET tenancy.\"user\" = 'u$n\@acme.test'");
    $psql->query_safe('PREPARE seen AS SELECT count(*) FROM logs; PREPARE listed AS SELECT id FROM logs ORDER BY id');
    return $psql;
}
sub answer {
    my ($psql, $query) = @_;
    $psql->{stderr} = '';
    my $answer = $psql->query($query);
    my $errors = $psql->{stderr};
    $psql->{stderr} = '';
    return $errors =~ /ERROR:\s+(.*)/ ? $1 : $answer;
}
# Answers of a busy machine that come after the end say nothing about before.
sub before_end {
    my ($got, $expected, $name) = @_;
    return note("too late: $name") if Time::HiRes::time() >= $end;
    is($got, $expected, $name);
}
my (%idle, %at_work);
for my $server ($primary, $standby) {
    for my $n (0 .. $#ways) {
        $idle{ $server->name }[$n] = session($server, $n);
        $at_work{ $server->name }[$n] = session($server, $n);
        before_end(answer($idle{ $server->name }[$n], 'EXECUTE seen'), '3', $server->name . ": $ways[$n] counts");
    }
}

sub sleep_until {
    my ($when) = @_;
    my $remaining = $when - Time::HiRes::time();
    sleep($remaining) if $remaining > 0;
    return $remaining > 0;
}
sleep_until($end - 1 - 0.02 * 2 * @ways);
for my $server ($primary, $standby) {
    for my $n (0 .. $#ways) {
        my $psql = $at_work{ $server->name }[$n];
        before_end(answer($psql, 'EXECUTE seen'), '3', $server->name . ": $ways[$n], before the end");
        answer($psql, 'BEGIN; DECLARE c NO SCROLL CURSOR FOR SELECT id FROM logs');
        before_end(answer($psql, 'FETCH 1 FROM c'), '1', $server->name . ": $ways[$n], a cursor before the end");
    }
}
sleep_until($end + 1);
my $ended = qr/^(0|invalid or expired (?:API key|credential)|the session's rights have changed since the query was planned|the session's user does not exist, is not active, or is not a member of the organization|.*expired.*)$/;
for my $server ($primary, $standby) {
    for my $n (0 .. $#ways) {
        my ($name, $psql) = ($server->name . ": $ways[$n], after the end", $at_work{ $server->name }[$n]);
        like(answer($psql, 'FETCH 1 FROM c'), qr/rights have changed|expired|^$|aborted|does not exist/, "$name: a cursor gives nothing");
        answer($psql, 'ROLLBACK');
        like(answer($psql, 'EXECUTE seen'), $ended, "$name: a prepared plan");
        my $again = answer($psql, 'EXECUTE seen');
        like($again, qr/^(0|invalid or expired (?:API key|credential)|the session's user does not exist.*)$/, "$name: once more, no longer an error to be tried again");
        like(answer($psql, 'SELECT count(*) FROM logs'), qr/^(0|invalid or expired (?:API key|credential)|the session's user does not exist.*)$/, "$name: a new statement");
        like(answer($idle{ $server->name }[$n], 'SELECT count(*) FROM logs'), qr/^(0|invalid or expired (?:API key|credential)|the session's user does not exist.*)$/, "$name: an idle connection");
        unlike(answer($psql, "SELECT tenancy.authorize('logs', 'view', 'shared-team-workspace')"), qr/^t$/, "$name: authorize()");
    }
}
is($primary->safe_psql('postgres', "SELECT count(*) FROM tenancy.workspace_members m JOIN moment ON m.ends_at = moment.at"), '2', 'nothing had to be written for that');

done_testing();
