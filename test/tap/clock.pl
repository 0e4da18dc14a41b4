# A clock that is put back revives nothing: in a session, time does not go back. Each way to ask, for a key that has ended and for a role
# that has, in a session that saw the end; and, so that there is something to notice, in a new session, which knows the clock alone.

use strict;
use warnings;

use File::Temp qw(tempdir);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = tempdir(CLEANUP => 1);

# The server's clock is ahead of the machine's by as many seconds as the file says.
my $ahead = "$dir/ahead";
append_to_file($ahead, "0\n");
append_to_file("$dir/clock.c", <<'C');
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  static int (*real)(struct timeval *, void *);
  long seconds = 0;
  FILE *file = fopen(getenv("CLOCK_AHEAD"), "r");
  if (file != NULL) {
    if (fscanf(file, "%ld", &seconds) != 1) seconds = 0;
    fclose(file);
  }
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "gettimeofday");
  const int result = real(now, zone);
  now->tv_sec += seconds;
  return result;
}
C
my ($compiler) = run_command([ $ENV{PG_CONFIG} // 'pg_config', '--cc' ]);
system_or_bail((split ' ', $compiler), '-shared', '-fPIC', '-o', "$dir/clock.so", "$dir/clock.c", '-ldl');

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
{
    local $ENV{LD_PRELOAD} = "$dir/clock.so";
    local $ENV{CLOCK_AHEAD} = $ahead;
    $node->start;
}
my %secret = map { split /\|/ } split /\n/, $node->safe_psql('postgres', q(
  SET client_min_messages = warning;
  CREATE EXTENSION pg_tenancy;
  CREATE ROLE app LOGIN;
  CREATE TABLE logs (id int PRIMARY KEY, organization_id uuid, workspace_id uuid);
  GRANT ALL ON logs TO app;
  CREATE FUNCTION seen() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM logs); END';
  DO $$ BEGIN
    PERFORM tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', create_indexes => true), tenancy.trust_login('app');
    PERFORM tenancy.create_organization('Acme', 'olivia@acme.test', master_key => false);
    PERFORM tenancy.create_role('acme', 'organization', 'nothing');
    PERFORM tenancy.set_organization_role('acme', 'mike@acme.test', 'nothing'), tenancy.set_organization_role('acme', 'mona@acme.test', 'nothing');
    PERFORM tenancy.set_workspace_role('acme/shared-team-workspace', 'mike@acme.test', 'member', clock_timestamp() + interval '1 hour');
    PERFORM tenancy.set_workspace_role('acme/shared-team-workspace', 'mona@acme.test', 'manager'), tenancy.revoke_permission('acme', 'workspace', 'manager', 'logs', 'view', clock_timestamp() + interval '1 hour');
  END $$;
  INSERT INTO logs SELECT i, w.organization_id, w.workspace_id FROM generate_series(1, 3) i, tenancy.workspaces w;
  SELECT 'key', secret FROM tenancy.create_api_key('workspace_service_key', 'k', 'acme', 'shared-team-workspace', scopes => '["logs.view"]', expires_at => clock_timestamp() + interval '1 hour');
));

my $count = 'SELECT count(*) AS n FROM logs';
my @ways = (
    { name => 'simple', ask => $count },
    { name => 'custom plan', prepare => "SET plan_cache_mode = force_custom_plan; PREPARE seen (int) AS $count WHERE id > \$1;", ask => 'EXECUTE seen (0)' },
    { name => 'generic plan', prepare => "SET plan_cache_mode = force_generic_plan; PREPARE seen AS $count;", ask => 'EXECUTE seen' },
    { name => 'shared plan', prepare => "SET tenancy.share_plans = on; SET plan_cache_mode = force_generic_plan; PREPARE seen AS $count;", ask => 'EXECUTE seen' },
    { name => 'row by row', prepare => 'RESET SESSION AUTHORIZATION; SET tenancy.specialize = off; SET SESSION AUTHORIZATION app;', ask => $count },
    { name => 'function', ask => 'SELECT seen() AS n' },
    { name => 'authorize', ask => "SELECT CASE WHEN tenancy.authorize('logs', 'view', 'shared-team-workspace') THEN 3 ELSE 0 END AS n" },
    { name => 'one transaction', prepare => 'BEGIN;', ask => $count },
);
my @paths = (
    { name => 'key', who => "SET tenancy.api_key = '$secret{key}';", before => '3', after => '28000' },
    { name => 'role', who => "SET tenancy.organization = 'acme'; SET tenancy.\"user\" = 'mike\@acme.test';", before => '3', after => '0' },
    # A restriction that ends: more is seen from then on.
    { name => 'denial', who => "SET tenancy.organization = 'acme'; SET tenancy.\"user\" = 'mona\@acme.test';", before => '0', after => '3' },
);
# After a refusal, a transaction goes on where it was.
sub ask { my ($ask) = @_; return "\\set n none\nSAVEPOINT s;\n$ask \\gset\n\\echo :SQLSTATE :n\nROLLBACK TO s;\n" }
sub clock { my ($seconds) = @_; return "\\! echo $seconds > $ahead\n" }
# By somebody else: what the session knows of rights is read again.
my $change = '\\! psql -Xq -d "' . $node->connstr('postgres') . qq(" -c "UPDATE tenancy.users SET name = concat(name, 'x')"\n);
for my $path (@paths) {
    for my $way (@ways) {
        my $session = "\\c\nSET client_min_messages = error;\nSET SESSION AUTHORIZATION app;\n$path->{who}\n" . ($way->{prepare} // '') . "\n";
        my ($output, $errors);
        $node->psql('postgres',
            "\\set VERBOSITY sqlstate\n" . clock(0) . $session . ask($way->{ask}) x 2 . "\\echo later\n" . clock(7200) . ask($way->{ask}) x 2 . "\\echo back\n" . clock(0) . ask($way->{ask}) . $change . ask($way->{ask})
              . clock(-60) . ask($way->{ask}) . "ROLLBACK;\n" . "\\echo new\n$session" . ask($way->{ask}) . clock(0),
            stdout => \$output, stderr => \$errors, on_error_stop => 0);
        my %seen = (before => []);
        my $when = 'before';
        for my $line (split /\n/, $output) {
            if ($line =~ /^(later|back|new)$/) { $when = $1; next }
            my ($state, $n) = $line =~ /^(\w{5}) (\w+)$/ or next;
            push @{ $seen{$when} }, $state eq '00000' ? $n : $state;
        }
        my $name = "$path->{name}, $way->{name}";
        is("@{ $seen{before} }", "$path->{before} $path->{before}", "$name: before the end") or diag($errors);
        # A plan made for more says so, once.
        shift @{ $seen{later} } if ($seen{later}[0] // '') eq '40001';
        like("@{ $seen{later} // [] }", qr/^$path->{after}( $path->{after})?$/, "$name: after it") or diag($errors);
        is("@{ $seen{back} // [] }", join(' ', ($path->{after}) x 3), "$name: with the clock put back") or diag($errors);
        is("@{ $seen{new} // [] }", $path->{before}, "$name: in a new session, to which nothing has ended") or diag($errors);
    }
}

done_testing();
