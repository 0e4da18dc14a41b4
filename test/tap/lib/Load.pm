# Rights that many sessions change while others read, and what they have to be afterwards.
package Load;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(make_world start_load is_right);

# Where the tests lie: `make installcheck` and scripts/check.sh start them at the top of the tree.
my $folder = 'test/tap/load';

sub make_world {
    my ($node) = @_;
    $node->safe_psql('postgres', 'CREATE EXTENSION pg_tenancy');
    for my $file ("$folder/../../worlds/oracle.sql", "$folder/world.sql", "$folder/change.sql") {
        # The oracle is in several files.
        $node->safe_psql('postgres', "\\i $file");
    }
}

# pgbench with a script of test/tap/load: a handle of IPC::Run. A transaction that is ended as a deadlock or for lack of
# serializability is run again.
sub start_load {
    my ($node, $script, $output, @options) = @_;
    return IPC::Run::start(
        [
            $node->installed_command('pgbench'), '-n', '-h', $node->host, '-p', $node->port, '--max-tries=20',
            '--random-seed=20261122', '-f', "$folder/$script.pgbench", @options, 'postgres'
        ],
        '<', \undef, '&>', $output);
}

# The rows that each principal should see according to the catalogs, in plain SQL.
sub expected {
    my ($node) = @_;
    my $answer = $node->safe_psql('postgres', q(
      BEGIN;
      TRUNCATE oracle.principals;
      INSERT INTO oracle.principals SELECT n, kind, organization_id, user_id, api_key_id FROM load.principals;
      ANALYZE;
      SELECT FROM oracle.answer() \g /dev/null
      COMMIT;
      SELECT p.n, p.name, p.options,
        CASE WHEN p.holds THEN (SELECT coalesce(array_agg(a.id ORDER BY a.id) FILTER (WHERE a.answer), '{}')::text FROM oracle.answers a
                                WHERE a.n = p.n AND a.purpose = 'read') ELSE 'refused' END
      FROM load.principals p ORDER BY p.n));
    return map { [ split /\|/ ] } split /\n/, $answer;
}

# The rows that each of them sees: in a new session, by start-up options; and in sessions that have existed
# from the beginning (by name, background psqls of the login load_app).
sub is_right {
    my ($node, $when, %sessions) = @_;
    my @expected = expected($node);
    my $script   = '';
    for my $principal (@expected) {
        my ($n, $name, $options) = @$principal;
        $script .= sprintf "\\connect \"host=%s port=%s dbname=postgres user=load_app options='%s'\"\nSELECT load.seen();\n",
          $node->host, $node->port, $options;
    }
    my @fresh = split /\n/, $node->safe_psql('postgres', $script);
    my @right = map { "$_->[1]: $_->[3]" } @expected;
    is_deeply([ map { "$expected[$_][1]: " . ($fresh[$_] // 'nothing') } 0 .. $#expected ],
        \@right, "$when: fresh sessions see what the catalogs say");
    for my $name (sort keys %sessions) {
        my @seen = map { scalar $sessions{$name}->query("SELECT load.seen_by('$_->[2]')") } @expected;
        is_deeply([ map { "$expected[$_][1]: $seen[$_]" } 0 .. $#expected ], \@right, "$when: and so does a session that $name");
    }
    my %kinds;
    $kinds{ $_->[3] =~ /\d/ ? 'sees' : $_->[3] eq 'refused' ? 'is refused' : 'sees nothing' }++ for @expected;
    note "$when: ", join ', ', map { "$kinds{$_} $_" } sort keys %kinds;
    cmp_ok(scalar(keys %kinds), '>', 1, "$when: not all of them are answered alike");
    is($node->safe_psql('postgres', 'SELECT * FROM tenancy.verify_audit_log()'), '', "$when: the audit chains are whole");
    # The other way round: a change that did not leave an entry, or the entry of one that was rolled back.
    is($node->safe_psql('postgres', q(
        SELECT m.organization_id, m.user_id FROM
          (SELECT DISTINCT ON (resource_id, organization_id) organization_id, after FROM tenancy.audit_log
           WHERE resource_type = 'organization_member' ORDER BY resource_id, organization_id, audit_id DESC) l
        FULL JOIN tenancy.organization_members m
          ON m.organization_id = l.organization_id AND m.user_id = (l.after ->> 'user_id')::uuid AND m.role_id = (l.after ->> 'role_id')::uuid
        WHERE m IS NULL AND l.after IS NOT NULL OR l IS NULL)), '', "$when: the log says who is a member");
}

1;
