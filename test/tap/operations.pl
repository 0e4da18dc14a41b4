# The steps of docs/incidents.md, run as they stand there; the catalogs that docs/operations.md replicates, and its ways to write in batches.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('operations');
$node->init;
$node->append_conf('postgresql.conf', 'log_statement = none');
$node->start;
$node->safe_psql('postgres', q(
  CREATE EXTENSION pg_tenancy;
  CREATE ROLE app LOGIN;
  CREATE TABLE requests (request_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT now(),
    organization_id uuid NOT NULL, workspace_id uuid NOT NULL, user_id uuid, api_key_id uuid, model text);
  GRANT SELECT, INSERT ON requests TO app;
  CREATE TABLE secrets AS SELECT 'acme' AS name, organization_id, master_key AS secret FROM tenancy.create_organization('Acme', 'olivia@acme.example');
  INSERT INTO secrets SELECT 'globex', organization_id, master_key FROM tenancy.create_organization('Globex', 'gus@globex.example');
  DO $$ BEGIN
    PERFORM tenancy.protect('requests', 'logs', 'organization_id', 'workspace_id', 'user_id', 'api_key_id', create_indexes => true);
    PERFORM tenancy.create_workspace('acme', 'Assistant');
    PERFORM tenancy.set_organization_role('acme', 'mia@acme.example', 'member');
    PERFORM tenancy.set_workspace_role('acme/assistant', 'mia@acme.example', 'member');
    PERFORM tenancy.trust_login('app');
  END $$;
  INSERT INTO requests (organization_id, workspace_id, model) SELECT organization_id, workspace_id, 'small' FROM tenancy.workspaces;
));

# The SQL below a heading, in order. A line with \set names what a reader fills in.
my $incidents = slurp_file('docs/incidents.md');
my $guide     = slurp_file('docs/operations.md');
sub steps {
    my ($heading) = @_;
    my ($section) = $incidents =~ /^## \Q$heading\E\n(.*?)(?=^##|\z)/ms or die "docs/incidents.md has no section $heading";
    my @steps = $section =~ /^```sql\n(.*?)^```/msg;
    s/^\\set .*\n//mg for @steps;
    return @steps;
}
# Each catalog is replicated, or said to stay.
my ($replication) = $guide =~ /^\*\*The catalogs\*\*(.*?)^##/ms;
my @lists = $replication =~ /^`([a-z_]+(?:, [a-z_]+)+)`/mg;
is(scalar(@lists), 4, 'lists of catalogs in two schemas, to replicate and to stay');
is($node->safe_psql('postgres', q(SELECT string_agg(relname, ', ' ORDER BY relname COLLATE "C") FROM pg_class WHERE relnamespace IN ('tenancy'::regnamespace, 'tenancy_internal'::regnamespace) AND relkind IN ('r', 'p'))),
    join(', ', sort map { split /, / } @lists), 'the catalogs to replicate, and those that stay, are all catalogs');
my $publication = join ', ', (map { "tenancy.$_" } split /, /, $lists[0]), map { "tenancy_internal.$_" } split /, /, $lists[1];
$node->safe_psql('postgres', "CREATE PUBLICATION catalogs FOR TABLE $publication; DROP PUBLICATION catalogs");
is($node->safe_psql('postgres', "SELECT coalesce(string_agg(c.oid::regclass::text, ', '), 'none') FROM pg_class c WHERE c.oid = ANY ('{$publication}'::regclass[]) AND c.relreplident <> 'f'
    AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND CASE c.relreplident WHEN 'd' THEN i.indisprimary ELSE i.indisreplident END)"), 'none',
    'and none of these is without a replica identity');
my $dir = PostgreSQL::Test::Utils::tempdir();
sub run_step {
    my ($sql, %variables) = @_;
    my ($out, $errors);
    chdir $dir or die;
    my $ok = IPC::Run::run([ 'psql', '-X', '-A', '-t', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), map { ('-v', "$_=$variables{$_}") } sort keys %variables ],
        '<', \$sql, '>', \$out, '2>', \$errors);
    chdir '/' or die;
    (my $name) = $sql =~ /^(.*)/;
    ok($ok, "the guide's step runs: $name") or diag($errors);
    chomp $out;
    return $out;
}
sub as_app {
    my ($settings, $query) = @_;
    my ($code, $out, $errors) = $node->psql('postgres', $query, connstr => $node->connstr('postgres') . " user=app options='$settings'");
    return $code == 0 ? $out : $errors =~ /ERROR:\s+(.*)/ ? $1 : $errors;
}
my %secret = map { split /\|/ } split /\n/, $node->safe_psql('postgres', 'SELECT name, secret FROM secrets');
my $count  = 'SELECT count(*) FROM requests';

# --- a key has leaked -----------------------------------------------------------------------------------------------

my @leaked = steps('A key has leaked');
is(scalar @leaked, 4, 'a key has leaked: four steps');
is(as_app("-c tenancy.api_key=$secret{acme}", $count), '2', 'the thief sees rows');
as_app("-c tenancy.api_key=$secret{acme}", q(INSERT INTO requests (workspace_id) SELECT workspace_id FROM tenancy.workspaces WHERE slug = 'assistant'));
my $second = as_app("-c tenancy.api_key=$secret{acme}", q(SELECT secret FROM tenancy.create_api_key('organization_service_key', 'innocent', scopes => '["logs.view"]')));
is(as_app("-c tenancy.api_key=$second", $count), '3', 'and has made another key');
my ($key, $slug) = split /\|/, run_step($leaked[0], prefix => substr($secret{acme}, 0, 8));
is($slug, 'acme', 'whose it is is found by its prefix');
run_step($leaked[1], key => $key);
is(as_app("-c tenancy.api_key=$secret{acme}", $count), 'invalid or expired API key', 'it is refused');
is(as_app("-c tenancy.api_key=$second", $count), '3', '(but not yet what it made)');
like(run_step($leaked[2], key => $key), qr/\|create\|api_key\|/, 'the audit log says what it made');
is(as_app("-c tenancy.api_key=$second", $count), 'invalid or expired API key', 'which is refused, too');
like(run_step($leaked[3], key => $key), qr/\|1$/, 'and the table, what it wrote');
is(as_app("-c tenancy.api_key=$secret{globex}", $count), '1', 'other tenants go on');

# --- wrong visibility -----------------------------------------------------------------------------------------------

my @visibility = steps('Somebody sees too much, or too little');
is(scalar @visibility, 2, 'wrong visibility: two steps');
$node->safe_psql('postgres', q(SELECT tenancy.set_setting('acme', 'members_view_logs', false)));
my $mia = '-c tenancy.user=mia@acme.example';
is(as_app($mia, $count), '0', 'a member sees too little');
my %who = (member => 'mia@acme.example', login => 'app');
my $answer = run_step($visibility[0], %who);
like($answer, qr/"explain_rows": "false"/, 'simulated, the filter shows it');
like($answer, qr/"rule": "grant of workspace role member", "step": \d+, "result": "denied", "source": "organization"/, 'the explanation, the grant that is missing');
like($answer, qr/\|create\|grant\|.*"allowed": false/, 'the audit log, who took it away');
$node->safe_psql('postgres', q(SELECT tenancy.reset_setting('acme', 'members_view_logs')));
isnt(as_app($mia, $count), '0', 'mended, the member sees rows');
unlike(run_step($visibility[0], %who), qr/"explain_rows": "false"/, 'and so says the guide\'s step');
run_step($visibility[1], %who);
like(as_app($mia, $count), qr/is not active/, 'locked out meanwhile');

# --- an owner is locked out -----------------------------------------------------------------------------------------

my @owner = steps('An owner is locked out');
is(scalar @owner, 1, 'an owner is locked out: one step');
$node->safe_psql('postgres', q(SET session_replication_role = replica; UPDATE tenancy.users SET active = false WHERE email = 'olivia@acme.example'));
like(as_app('-c tenancy.user=olivia@acme.example', $count), qr/is not active/, 'the owner is locked out');
my $new_key = run_step($owner[0]);
$new_key =~ s/\s+//g;
is(as_app('-c tenancy.user=olivia@acme.example', $count), '3', 'the owner is back');
is(as_app('-c tenancy.user=oscar@acme.example', q(SELECT tenancy.authorize('billing', 'manage'))), 't', 'and another one');
is(as_app("-c tenancy.api_key=$new_key", $count), '3', 'with a key');

# --- a table stands open --------------------------------------------------------------------------------------------

my @open = steps('A table stands open');
is(scalar @open, 1, 'a table stands open: one step');
for my $mistake ('ALTER TABLE requests DISABLE ROW LEVEL SECURITY', 'DROP POLICY tenancy_select ON requests; CREATE POLICY everybody ON requests USING (true)') {
    $node->safe_psql('postgres', "SET tenancy.guard_rails = off; $mistake");
    is(as_app('', $count), '4', "readable without a principal: $mistake");
    $node->safe_psql('postgres', 'SET tenancy.guard_rails = off; DROP POLICY everybody ON requests') if $mistake =~ /everybody/;
    like(run_step($open[0]), qr/^requests\|protection_broken|^public.requests\|protection_broken/m, 'advise() finds it');
    is(as_app('', $count), '0', 'and mends it');
    is(as_app("-c tenancy.api_key=$secret{globex}", $count), '1', 'so that tenants see theirs again');
}

# --- batch writers --------------------------------------------------------------------------------------------------

like(as_app("-c tenancy.api_key=$new_key", 'COPY requests (workspace_id, model) FROM STDIN'), qr/COPY FROM not supported with row-level security/, 'COPY is refused');
my $assistant = $node->safe_psql('postgres', q(SELECT workspace_id FROM tenancy.workspaces WHERE slug = 'assistant'));
my $batch = "INSERT INTO requests (workspace_id, model) SELECT '$assistant', m FROM unnest('{a,b,c}'::text[]) m";
is(as_app("-c tenancy.api_key=$new_key", "$batch; $count"), '6', 'INSERT of many rows fills in the organization');
like(as_app("-c tenancy.api_key=$secret{globex}", $batch), qr/violates row-level security policy/, 'and checks each of them');
$node->safe_psql('postgres', 'CREATE ROLE loader LOGIN BYPASSRLS; GRANT INSERT ON requests TO loader');
my $organization = $node->safe_psql('postgres', q(SELECT organization_id FROM secrets WHERE name = 'acme'));
my (undef, undef, $refused) = $node->psql('postgres', "COPY requests (workspace_id, model) FROM STDIN;\n$assistant\tx\n\\.\n", connstr => $node->connstr('postgres') . ' user=loader');
like($refused, qr/null value in column "organization_id"/, 'for a loader nothing is filled in');
my ($code) = $node->psql('postgres', "COPY requests (organization_id, workspace_id, model) FROM STDIN;\n$organization\t$assistant\tx\n\\.\n", connstr => $node->connstr('postgres') . ' user=loader');
is($code, 0, 'it writes the tenant columns itself');
is(as_app("-c tenancy.api_key=$new_key", $count), '7', 'which the tenant then sees');

# --- a tenant leaves ------------------------------------------------------------------------------------------------

my @leaves = steps('A tenant leaves');
is(scalar @leaves, 1, 'a tenant leaves: one step');
run_step($leaves[0], organization_id => $organization);
my @exported = split /\n/, slurp_file("$dir/acme.tsv");
is(scalar @exported, 7, 'its rows are in the file');
is($node->safe_psql('postgres', $count), '1', 'and no longer in the table');
is($node->safe_psql('postgres', 'SELECT string_agg(email, \' \') FROM tenancy.users'), 'gus@globex.example', 'persons of others stay');
is($node->safe_psql('postgres', "SELECT count(*) FROM tenancy.audit_log WHERE organization_id = '$organization'"), '1', 'its audit entries are gone but for that of the purge');
is($node->safe_psql('postgres', 'SELECT count(*) FROM tenancy.verify_audit_log()'), '0', 'chains hold');
is(as_app("-c tenancy.api_key=$secret{globex}", $count), '1', 'the other tenant sees what it saw');

$node->stop;
done_testing();
