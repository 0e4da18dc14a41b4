# A dump of a database of 1.0, restored where this version is: tenants, keys, tokens and logins get the answers that they had, no
# table stands open, and what the update would have repaired is reported, with statements that repair it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('dump_of_1_0');
$node->init;
$node->append_conf('postgresql.conf', "timezone = UTC\nlog_statement = none\nmax_connections = 30\nsession_preload_libraries = pg_tenancy");
$node->start;
$node->safe_psql('postgres', q(
  CREATE ROLE app LOGIN; CREATE ROLE mia LOGIN; CREATE ROLE ops LOGIN; CREATE ROLE gone LOGIN; CREATE ROLE owner;
  CREATE DATABASE source;
));
my $dir        = PostgreSQL::Test::Utils::tempdir();
my $connection = $node->connstr;

sub run {
    my ($what, @command) = @_;
    my ($out, $errors);
    my $ok = IPC::Run::run(\@command, '>', \$out, '2>', \$errors);
    ok($ok, $what) or diag($errors);
    return $errors;
}

# --- a world of 1.0 ---------------------------------------------------------------------------------------------------

$node->safe_psql('source', q{
  SET client_min_messages = warning;
  CREATE EXTENSION pg_tenancy VERSION '1.0';
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tenancy TO ops;
  CREATE TABLE secrets AS SELECT 'acme' AS name, master_key AS secret FROM tenancy.create_organization('Acme', 'olivia@acme.test', external_id => '1');
  INSERT INTO secrets SELECT 'globex', master_key FROM tenancy.create_organization('Globex', 'gus@globex.test', external_id => '2');
  CREATE TABLE logs (id int, organization_id uuid, workspace_id uuid, user_id uuid, api_key_id uuid, body text);
  CREATE TABLE events (id int, tenant int, day int) PARTITION BY LIST (day);
  CREATE TABLE events_1 PARTITION OF events FOR VALUES IN (1);
  CREATE TABLE documents (id int, tenant uuid);
  CREATE TABLE scans (pages int) INHERITS (documents);
  ALTER TABLE documents OWNER TO owner;
  DO $$
  BEGIN
    PERFORM tenancy.create_workspace('acme', 'Search', 'search', '12');
    PERFORM tenancy.set_organization_role('acme', 'mia@acme.test', 'member'), tenancy.set_workspace_role('acme/search', 'mia@acme.test', 'member');
    PERFORM tenancy.register_permission('datasets', 'view', 'x');
    PERFORM tenancy.create_role('acme', 'organization', 'auditor', all_workspaces => true);
    PERFORM tenancy.grant_permission('acme', 'organization', 'auditor', 'logs', 'view');
    PERFORM tenancy.set_organization_role('acme', 'ada@acme.test', 'auditor');
    PERFORM tenancy.set_setting('acme', 'members_view_all_data', false);
    PERFORM tenancy.allow_workspace_overrides('acme', 'logs', true), tenancy.set_setting('acme', 'members_view_logs_metadata', false, 'search');
    PERFORM tenancy.bind_login('mia', 'mia@acme.test', workspace => 'acme/search'), tenancy.trust_login('app'), tenancy.trust_login('gone');
    INSERT INTO secrets SELECT 'user', secret FROM tenancy.create_api_key('workspace_user_key', 'Notebook', 'acme', 'search', 'mia@acme.test', '["logs.view"]');
    INSERT INTO secrets SELECT 'rotated', secret FROM tenancy.create_api_key('workspace_service_key', 'Rotated', 'acme', 'search', scopes => '["logs.view"]');
    INSERT INTO secrets SELECT 'rotated again', tenancy.rotate_api_key(api_key_id) FROM tenancy.api_keys WHERE name = 'Rotated';
    INSERT INTO secrets SELECT 'revoked', secret FROM tenancy.create_api_key('workspace_service_key', 'Revoked', 'acme', 'search', scopes => '["logs.view"]');
    PERFORM tenancy.revoke_api_key(api_key_id) FROM tenancy.api_keys WHERE name = 'Revoked';
    PERFORM tenancy.set_organization_role('acme', 'ben@acme.test', 'member'), tenancy.set_workspace_role('acme/search', 'ben@acme.test', 'member');
    INSERT INTO secrets SELECT 'leaver', secret FROM tenancy.create_api_key('workspace_user_key', 'Old', 'acme', 'search', 'ben@acme.test', '["logs.view"]');
    PERFORM tenancy.remove_organization_member('acme', 'ben@acme.test');
    PERFORM tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id', 'api_key_id', '{body}', true);
    PERFORM tenancy.protect('events', 'datasets', 'tenant'), tenancy.protect('documents', 'datasets', 'tenant');
    PERFORM tenancy.create_scoped_view('logs', 'log_entries'), tenancy.create_observability('obs');
    PERFORM tenancy.purge_audit_log(clock_timestamp(), 'globex');
    PERFORM tenancy.set_organization_role('globex', 'gina@globex.test', 'admin');
  END $$;
  CREATE POLICY mine ON logs AS RESTRICTIVE FOR SELECT USING (id < 100);
  INSERT INTO logs SELECT i, w.organization_id, w.workspace_id, u.user_id, NULL, 'body ' || i
  FROM generate_series(1, 3) i, tenancy.workspaces w LEFT JOIN tenancy.users u ON u.email = 'mia@acme.test' AND w.slug = 'search';
  INSERT INTO events SELECT i, 1 + i % 2, 1 FROM generate_series(1, 10) i;
  INSERT INTO documents SELECT 1, organization_id FROM tenancy.organizations;
  INSERT INTO scans SELECT 2, organization_id, 3 FROM tenancy.organizations;
  INSERT INTO obs.logs (organization_id, workspace_id, start_time, request_model)
  SELECT organization_id, workspace_id, now() - interval '3 hours', 'model' FROM tenancy.workspaces;
  GRANT SELECT, INSERT ON logs, events, documents, log_entries TO app, mia;
  GRANT USAGE ON SCHEMA obs TO app, mia;
  GRANT SELECT ON ALL TABLES IN SCHEMA obs TO app, mia;
});

my %secret = map { split /\|/ } split /\n/, $node->safe_psql('source', 'SELECT name, secret FROM secrets');
my %session = (
    nobody => 'user=app',
    mia    => 'user=mia',
    (map { my ($name) = split /@/; $name => "user=app options='-c tenancy.user=$_'" } 'olivia@acme.test', 'ada@acme.test', 'gus@globex.test', 'ben@acme.test'),
    (map { ("key $_" => "user=app options='-c tenancy.api_key=$secret{$_}'") } keys %secret));
my $acme   = $node->safe_psql('source', "SELECT organization_id FROM tenancy.organizations WHERE slug = 'acme'");
my $search = $node->safe_psql('source', "SELECT workspace_id FROM tenancy.workspaces WHERE slug = 'search'");

# Which rows each of them sees and may write, by statement; an error by its SQLSTATE.
my @questions = (
    'SELECT kind, organization, workspace, email FROM tenancy.whoami()',
    (map { "SELECT string_agg(id::text, ' ' ORDER BY id) FROM $_" } qw(logs events events_1 documents)),
    q(SELECT string_agg(concat(id, body), ' ' ORDER BY id) FROM log_entries),
    'SELECT count(*) FROM obs.logs', 'SELECT sum(requests) FROM obs.analytics',
    q(SELECT string_agg(slug, ' ' ORDER BY slug) FROM tenancy.workspaces),
    qq(BEGIN; INSERT INTO logs (id, organization_id, workspace_id) VALUES (4, '$acme', '$search') RETURNING 'written'; ROLLBACK));

sub answers {
    my ($database) = @_;
    my %answers;
    foreach my $name (keys %session) {
        foreach my $question (@questions) {
            my (undef, $out, $errors) = $node->psql($database, "\\set VERBOSITY sqlstate\n$question", connstr => $node->connstr($database) . " $session{$name}");
            $answers{"$name: $question"} = $out . ($errors =~ /(?:ERROR|FATAL):\s+(\w+)/ ? $1 : '');
        }
    }
    return \%answers;
}

$node->safe_psql('source', 'SELECT obs.refresh_analytics()');
my $before = answers('source');
is($before->{"mia: $questions[1]"}, '1 2 3', 'the world has rows that a member sees');
is($before->{"gus: $questions[1]"}, '1 2 3', 'and rows of another tenant');
is($before->{"nobody: $questions[1]"}, '', 'and nobody sees any');
is($before->{"key rotated again: $questions[0]"}, 'workspace_service_key|acme|search|', 'keys work');
is($node->safe_psql('source', 'SELECT tenancy.is_dba()', connstr => $node->connstr('source') . ' user=ops'), 't', 'a grant of INSERT made a DBA in 1.0');

# --- its dump ---------------------------------------------------------------------------------------------------------

run('pg_dump, plain',  'pg_dump', '-d', "$connection dbname=source", '-f', "$dir/plain.sql");
run('pg_dump, custom', 'pg_dump', '-d', "$connection dbname=source", '-Fc', '-f', "$dir/custom");
run('pg_dump, directory', 'pg_dump', '-d', "$connection dbname=source", '-Fd', '-j', '2', '-f', "$dir/directory");
# A binding of a login that is gone is in a dump of 1.0 as a number, which can be anybody's where it is restored.
$node->safe_psql('postgres', 'DROP ROLE gone');
run('pg_dump, with a binding of a dropped login', 'pg_dump', '-d', "$connection dbname=source", '-Fc', '-f', "$dir/dropped");

my %restore = (
    psql      => sub { ('psql',       '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', "$connection dbname=$_[0]", '-f', "$dir/plain.sql") },
    custom    => sub { ('pg_restore', '--exit-on-error', '-d', "$connection dbname=$_[0]", "$dir/dropped") },
    directory => sub { ('pg_restore', '--exit-on-error', '-1', '-d', "$connection dbname=$_[0]", "$dir/directory") },
    parallel  => sub { ('pg_restore', '--exit-on-error', '-j', '3', '-d', "$connection dbname=$_[0]", "$dir/custom") },
);
$node->safe_psql('postgres', 'CREATE ROLE gone LOGIN');
# Rights on functions that have other arguments since, or are gone, cannot be restored.
$node->safe_psql('source', 'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tenancy TO ops');
run('pg_dump, with rights on functions', 'pg_dump', '-d', "$connection dbname=source", '-Fc', '-f', "$dir/rights");
$node->safe_psql('postgres', 'CREATE DATABASE rights');
IPC::Run::run([ 'pg_restore', '-d', "$connection dbname=rights", "$dir/rights" ], '2>', \my $errors);
is(join("\n", grep { !/ERROR:  function tenancy\.[a-z_0-9]+\(.*\) does not exist$/ } grep { /error: could not execute/ } split /\n/, $errors), '', 'rights on functions that are gone are all that fails');
like($errors, qr/ERROR:  function tenancy\.protect\(/, 'those on protect() among them');
is_deeply(answers('rights'), $before, 'and everybody gets the answers of before');

foreach my $way (sort keys %restore) {
    $node->safe_psql('postgres', "CREATE DATABASE $way");
    run("restore: $way", $restore{$way}->($way));
    is($node->safe_psql($way, q(SELECT extversion <> '1.0' FROM pg_extension WHERE extname = 'pg_tenancy')), 't', "$way: it is this version");
    my $after = answers($way);
    my @other = grep { $after->{$_} ne $before->{$_} } sort keys %$before;
    is(join("\n", map { "$_\n  $before->{$_}\n  $after->{$_}" } @other), '', "$way: everybody gets the answers of before");
    is($node->safe_psql($way, 'SELECT count(*) FROM tenancy.verify_audit_log()'), '0', "$way: the chains are whole");
    is($node->safe_psql($way, 'SELECT count(*) FROM tenancy.protected_tables, tenancy_internal.inspect_protection(relation) WHERE problem IS NOT NULL'), '0',
        "$way: protected as before");

    # Repairs of the update, which has not run
    my $to_repair = q(severity = 'error' OR rule IN ('unknown_name', 'stale_binding'));
    is($node->safe_psql($way, qq(SELECT string_agg(DISTINCT rule, ' ' ORDER BY rule) FROM tenancy.advise() WHERE $to_repair)),
        $way eq 'custom' ? 'keys_of_leavers stale_binding unknown_name' : 'keys_of_leavers unknown_name', "$way: advise() says what is to be repaired");
    $node->safe_psql($way, $_) for split /\n/, $node->safe_psql($way, qq(SELECT fix_sql FROM tenancy.advise() WHERE $to_repair));
    is($node->safe_psql($way, qq(SELECT count(*) FROM tenancy.advise() WHERE $to_repair)), '0', "$way: and it is repaired");
    $node->safe_psql($way, q(SELECT tenancy.set_organization_role('acme', 'ben@acme.test', 'member'), tenancy.set_workspace_role('acme/search', 'ben@acme.test', 'member')));
    my (undef, undef, $errors) = $node->psql($way, 'SELECT count(*) FROM logs', connstr => $node->connstr($way) . " $session{'key leaver'}");
    like($errors, qr/API key/, "$way: whoever comes back has no old keys");
    is($node->safe_psql($way, q(SELECT tenancy.is_dba()), connstr => $node->connstr($way) . ' user=ops'), 'f', "$way: no DBA by a grant on a table");
    $node->safe_psql($way, 'GRANT USAGE ON TYPE tenancy.administrator TO ops');
    is($node->safe_psql($way, q(SELECT tenancy.is_dba()), connstr => $node->connstr($way) . ' user=ops'), 't', "$way: but by the privilege");

    # Guard rails, the log, and jobs go on.
    is($node->safe_psql($way, q(CREATE TABLE events_2 PARTITION OF events FOR VALUES IN (2); DROP TABLE logs CASCADE; CREATE TABLE logs (id int, organization_id uuid, workspace_id uuid, user_id uuid, api_key_id uuid);
        SELECT count(*) FROM tenancy.protected_tables WHERE relation IN ('events_2'::regclass, 'logs'::regclass))), '2', "$way: guard rails protect what comes");
    $node->safe_psql($way, q(SELECT tenancy.update_observability('obs')));
    is($node->safe_psql($way, 'SELECT obs.invalidate_analytics() > 0, obs.refresh_analytics() > 0, obs.create_partitions() >= 0'), 't|t|t', "$way: jobs go on");
    is($node->safe_psql($way, 'SELECT count(*) FROM tenancy.verify_audit_log()'), '0', "$way: and so do the chains");
}

$node->stop;
done_testing();
