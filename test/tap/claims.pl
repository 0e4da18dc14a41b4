# Claims between two servers: one has the catalogs and signs, the other has the rows, no catalogs, and reads claims only.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $front = PostgreSQL::Test::Cluster->new('front');
my $data = PostgreSQL::Test::Cluster->new('data');
for my $server ($front, $data) {
    $server->init(allows_streaming => 1);
    $server->append_conf('postgresql.conf', "log_statement = none\nsession_preload_libraries = 'pg_tenancy'");
}
$data->append_conf('postgresql.conf', "log_statement = 'all'\ntenancy.require_claims = on\ntenancy.log_denied = on\ntrack_activity_query_size = 16kB");
$_->start for $front, $data;

my ($acme, $globex) = split /\n/, $front->safe_psql('postgres', q(
  CREATE EXTENSION pg_tenancy; CREATE EXTENSION dblink;
  CREATE ROLE app LOGIN; CREATE ROLE mia LOGIN;
  SELECT master_key FROM tenancy.create_organization('Acme', 'olivia@acme.test', external_id => '1');
  SELECT master_key FROM tenancy.create_organization('Globex', 'gus@globex.test', external_id => '2');
  DO $$ BEGIN
    PERFORM tenancy.set_organization_role('acme', 'mia@acme.test', 'member');
    PERFORM tenancy.create_workspace('acme', 'search', external_id => 'b'), tenancy.create_workspace('acme', 'secret', external_id => 'c');
    UPDATE tenancy.workspaces w SET external_id = 'a' FROM tenancy.organizations o WHERE o.organization_id = w.organization_id AND o.slug = 'acme' AND w.is_default;
    PERFORM tenancy.set_workspace_role('acme/shared-team-workspace', 'mia@acme.test', 'member'), tenancy.set_workspace_role('acme/search', 'mia@acme.test', 'member');
    PERFORM tenancy.bind_login('mia', 'mia@acme.test'), tenancy.trust_login('app');
    PERFORM tenancy.set_setting('acme', 'members_view_all_data', false);
  END $$;
));

# The key travels from one superuser's session to the other's, and not in a statement's text.
my $keys;
IPC::Run::run([ 'psql', '-XAtq', '-d', $front->connstr('postgres'), '-c', 'SELECT tenancy.join_cluster() IS NOT NULL', '-c', 'COPY tenancy_internal.cluster_keys TO STDOUT' ], '>', \$keys) or die;
$keys =~ s/^t\n//;
$data->safe_psql('postgres', q(
  CREATE EXTENSION pg_tenancy;
  CREATE ROLE app LOGIN; CREATE ROLE mia LOGIN;
  CREATE TABLE logs (id int PRIMARY KEY, organization_id uuid, workspace_id uuid, user_id uuid);
  CREATE TABLE numbered (id int PRIMARY KEY, organization bigint);
  CREATE TABLE lettered (id int PRIMARY KEY, organization bigint, workspace text);
  GRANT ALL ON logs, numbered, lettered TO app, mia;
  DO $$ BEGIN
    PERFORM tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id', create_indexes => true);
    PERFORM tenancy.protect('numbered', 'logs', 'organization', create_indexes => true);
    PERFORM tenancy.protect('lettered', 'prompts', 'organization', 'workspace', create_indexes => true);
  END $$;
));
IPC::Run::run([ 'psql', '-XAtq', '-d', $data->connstr('postgres'), '-c', 'COPY tenancy_internal.cluster_keys FROM STDIN' ], '<', \$keys) or die;
is($data->safe_psql('postgres', 'SELECT count(*) FROM tenancy.organizations'), '0', 'the other server has no catalogs');
my $rows = $front->safe_psql('postgres', q(
  SELECT row_number() OVER (ORDER BY o.slug, w.workspace_id, i), o.organization_id, w.workspace_id, CASE WHEN i = 1 THEN u.user_id END
  FROM tenancy.organizations o JOIN tenancy.workspaces w USING (organization_id), generate_series(1, 3) i, tenancy.users u WHERE u.email = 'mia@acme.test' AND w.is_default));
$data->safe_psql('postgres', join '', map { my @c = split /\|/; sprintf "INSERT INTO logs VALUES (%s);", join ', ', map { defined && length ? "'$_'" : 'NULL' } @c[ 0 .. 3 ] } split /\n/, $rows);
$data->safe_psql('postgres', 'INSERT INTO numbered SELECT i, 1 + (i > 2)::int FROM generate_series(1, 5) i');
$data->safe_psql('postgres', q(INSERT INTO lettered SELECT i, 1 + (i > 6)::int, CASE WHEN i > 6 THEN 'z' ELSE chr(97 + i % 3) END FROM generate_series(1, 9) i));
my $all = $data->safe_psql('postgres', 'SELECT count(*) FROM logs');

sub ask {
    my ($server, $session, @queries) = @_;
    my ($code, $out, $errors) = $server->psql('postgres', join(';', @queries), connstr => $server->connstr('postgres') . " $session");
    return $code == 0 ? $out : $errors =~ /ERROR:\s+(.*)/ ? $1 : $errors;
}

# --- from one server to the other, by dblink ------------------------------------------------------------------------

# As docs/scale-out.md has it.
my ($functions) = slurp_file('docs/scale-out.md') =~ /^<!-- test\/tap\/claims\.pl runs this -->\n```sql\n(.*?)^```/ms or die;
sub functions_for {
    my ($login) = @_;
    my $address = sprintf 'host=%s port=%d dbname=postgres user=%s', $data->host, $data->port, $login;
    return $functions =~ s/host=rows port=5432 dbname=shop user=app/$address/r;
}
$front->safe_psql('postgres', functions_for('app'));
sub through {
    my ($session, $query) = @_;
    (my $quoted = $query) =~ s/'/''/g;
    my @lines = split /\n/, ask($front, $session, 'SELECT remote.begin()', "SELECT * FROM dblink('rows', '$quoted') answer (found text)");
    return $lines[-1] // '';
}
my %by = ('a key of acme' => "user=app options='-c tenancy.api_key=$acme'", 'a key of globex' => "user=app options='-c tenancy.api_key=$globex'",
    'mia, who is bound' => 'user=mia', 'gus, trusted' => "user=app options='-c tenancy.user=gus\@globex.test'", nobody => 'user=app');
my %sees = ('a key of acme' => '3', 'a key of globex' => '3', 'mia, who is bound' => '1', 'gus, trusted' => '3', nobody => '0');
my %numbered = ('a key of acme' => '2', 'a key of globex' => '3', 'mia, who is bound' => '0', 'gus, trusted' => '3', nobody => '0');
for my $who (sort keys %by) {
    is(through($by{$who}, 'SELECT count(*) FROM logs'), $sees{$who}, "$who sees its rows there");
    is(through($by{$who}, 'SELECT count(*) FROM numbered'), $numbered{$who}, "$who, by external ids");
}
is($all, '6', '(of more)');
my %lettered = ('a key of acme' => '1 2 3 4 5 6', 'a key of globex' => '7 8 9', 'mia, who is bound' => '1 3 4 6', nobody => '');
is(through($by{$_}, q(SELECT string_agg(id::text, ' ' ORDER BY id) FROM lettered)), $lettered{$_}, "$_, by external ids of workspaces") for sort keys %lettered;
is(through($by{'mia, who is bound'}, "INSERT INTO lettered VALUES (100, 1, 'b') RETURNING id"), '100', 'a row for one of its workspaces');
like(through($by{'mia, who is bound'}, "INSERT INTO lettered VALUES (100, 1, 'c') RETURNING id"), qr/row-level security/, 'and none for another');
is(through($by{'mia, who is bound'}, 'SELECT email IS NULL AND user_id IS NOT NULL FROM tenancy.whoami()'), 't', 'ids travel, names stay');
is(through($by{'a key of acme'}, "INSERT INTO logs (id) VALUES (100) RETURNING organization_id = (SELECT organization_id FROM logs WHERE id = 1)"), 't', 'a row that is written there gets its tenant');
is($data->safe_psql('postgres', 'SELECT count(*) FROM logs WHERE id = 100'), '0', '(in a transaction that ended)');

is(ask($front, $by{'a key of acme'}, 'SELECT remote.begin()', q(SELECT * FROM dblink('rows', 'INSERT INTO logs (id) VALUES (101) RETURNING 1') answer (one int)), 'SELECT remote.commit()', 'SELECT remote.begin()', q(SELECT * FROM dblink('rows', 'SELECT count(*) FROM logs WHERE id = 101') answer (n int))) =~ /1\z/, 1, 'one transaction after the other');
$data->safe_psql('postgres', 'DELETE FROM logs WHERE id > 99');

# --- whoever comes without a claim ----------------------------------------------------------------------------------

my $refusal = 'this node knows principals by claims of other nodes only';
for my $session ('user=app', 'user=mia', "user=app options='-c tenancy.api_key=$acme'", "user=app options='-c tenancy.user=gus\@globex.test'") {
    is(ask($data, $session, 'SELECT count(*) FROM logs'), $refusal, "without a claim, refused: " . $session =~ s/pgt_\w+/.../r);
}
is(ask($data, 'user=app', 'SET tenancy.require_claims = off', 'SELECT count(*) FROM logs'), 'permission denied to set parameter "tenancy.require_claims"', 'which a session cannot switch off');

# --- theft ----------------------------------------------------------------------------------------------------------

# A claim of acme's key, taken from the text of the statement that brought it, by a session of the same login.
my $victim = $data->background_psql('postgres', extra_params => [ '-U', 'app' ], on_error_stop => 0);
my $challenge = $victim->query_safe('BEGIN; SELECT tenancy.claim_challenge()');
my $claim = ask($front, $by{'a key of acme'}, "SELECT tenancy.sign_claim('$challenge')");
$victim->query_safe("SELECT tenancy.accept_claim('$claim') IS NOT NULL");
my $seen = ask($data, 'user=app', "SELECT substring(query FROM '''(.*)''') FROM pg_stat_activity WHERE query LIKE '%accept_claim(%' AND pid <> pg_backend_pid()");
is($seen, $claim, 'the claim stands in pg_stat_activity of that login');
is(ask($data, 'user=app', "SELECT tenancy.accept_claim('$seen') IS NOT NULL", 'SELECT count(*) FROM logs'), 'invalid or expired claim', 'where it is of no use: not in another session');
is(ask($data, 'user=app', 'BEGIN', 'SELECT tenancy.claim_challenge()', "SELECT tenancy.accept_claim('$seen')"), 'invalid or expired claim', 'also not in one with a challenge of its own');
is(ask($front, 'user=app', "SELECT tenancy.accept_claim('$seen')"), 'invalid or expired claim', 'nor on the server that signed it');
is($victim->query_safe('SELECT count(*) FROM logs'), '3', '(it counts where it belongs)');
$victim->query_safe('COMMIT');
sub refused {
    my ($psql, $query) = @_;
    $psql->{stderr} = '';
    my $answer = $psql->query($query);
    my $errors = $psql->{stderr};
    $psql->{stderr} = '';
    return $errors =~ /ERROR:\s+(.*)/ ? $1 : $answer;
}
is(refused($victim, "SELECT tenancy.accept_claim('$seen')"), 'invalid or expired claim', 'and in its own session not again, as behind a pool');
is(refused($victim, 'SELECT count(*) FROM logs'), $refusal, 'whose next transaction is nobody\'s');

# --- another cluster's key, and logs ----------------------------------------------------------------------------------

my $other = PostgreSQL::Test::Cluster->new('other');
$other->init;
$other->start;
$other->safe_psql('postgres', 'CREATE EXTENSION pg_tenancy; CREATE ROLE app LOGIN; SELECT tenancy.join_cluster()');
$challenge = $victim->query_safe('SELECT tenancy.claim_challenge()');
my $foreign = ask($other, 'user=app', "SELECT tenancy.sign_claim('$challenge')");
is(refused($victim, "SELECT tenancy.accept_claim('$foreign')"), 'invalid or expired claim', 'a claim of another cluster is refused');
$victim->quit;
$other->stop;

# --- what a revocation needs -----------------------------------------------------------------------------------------

# The claim of a moment ago still holds, until it ends; the next one isn't made any more.
my $reader = $data->background_psql('postgres', extra_params => [ '-U', 'app' ], on_error_stop => 0);
$challenge = $reader->query_safe('BEGIN; SELECT tenancy.claim_challenge()');
$claim = ask($front, $by{'a key of globex'}, "SELECT tenancy.sign_claim('$challenge')");
$reader->query_safe("SELECT tenancy.accept_claim('$claim') IS NOT NULL");
$front->safe_psql('postgres', q(SELECT tenancy.revoke_api_key(api_key_id) FROM tenancy.api_keys JOIN tenancy.organizations USING (organization_id) WHERE slug = 'globex'));
is(refused($reader, 'SELECT count(*) FROM logs'), '3', 'a transaction with a claim goes on');
my $left = refused($reader, 'SELECT extract(epoch FROM expires_at - clock_timestamp()) FROM tenancy.whoami()');
ok($left > 60 && $left <= 120, "for two minutes at the most: $left s");
is(refused($reader, "COMMIT; SELECT count(*) FROM logs"), $refusal, 'the next one does not');
$challenge = $reader->query_safe('SELECT tenancy.claim_challenge()');
is(ask($front, $by{'a key of globex'}, "SELECT tenancy.sign_claim('$challenge')"), 'invalid or expired API key', 'and gets no other claim');
$reader->quit;

# Nothing of the key is in a log or a dump.
my ($secret) = $keys =~ /\\\\x([0-9a-f]{64})/;
ok($secret, 'the key is known to the test');
for my $server ($front, $data) {
    unlike(slurp_file($server->logfile), qr/$secret/, $server->name . '\'s log does not contain the cluster\'s key');
    my $dump;
    IPC::Run::run([ 'pg_dump', '-d', $server->connstr('postgres') ], '>', \$dump) or die;
    unlike($dump, qr/$secret/, 'nor does a dump of it');
}
like(slurp_file($data->logfile), qr/tenancy denied: .*no claim/, 'what was refused is logged');

# --- hot standbys of both --------------------------------------------------------------------------------------------

my %standby;
for my $server ($front, $data) {
    $server->backup('copy');
    my $standby = $standby{ $server->name } = PostgreSQL::Test::Cluster->new($server->name . '_standby');
    $standby->init_from_backup($server, 'copy', has_streaming => 1);
    $standby->start;
    $server->wait_for_catchup($standby);
}
my $expected = '3';
for my $signer ($front, $standby{front}) {
    for my $receiver ($data, $standby{data}) {
        my $session = $receiver->background_psql('postgres', extra_params => [ '-U', 'app' ], on_error_stop => 0);
        my $asked = $session->query_safe('BEGIN; SELECT tenancy.claim_challenge()');
        my $signed = ask($signer, q(user=app options='-c tenancy.user=gus@globex.test'), "SELECT tenancy.sign_claim('$asked')");
        $session->query_safe("SELECT tenancy.accept_claim('$signed') IS NOT NULL");
        my $between = 'from ' . $signer->name . ' to ' . $receiver->name;
        is(refused($session, 'SELECT count(*) FROM logs'), $expected, "a claim $between");
        is(refused($session, 'COMMIT; SELECT count(*) FROM logs'), $refusal, "and none, $between");
        $session->quit;
    }
}
$front->safe_psql('postgres', q(SELECT tenancy.set_organization_role('globex', 'gina@globex.test', 'owner'); UPDATE tenancy.users SET active = false WHERE email = 'gus@globex.test'));
$front->wait_for_catchup($standby{front});
$challenge = ask($data, 'user=app', 'SELECT tenancy.claim_challenge()');
like(ask($standby{front}, q(user=app options='-c tenancy.user=gus@globex.test'), "SELECT tenancy.sign_claim('$challenge')"), qr/not active/, 'a standby signs nothing for whoever is locked, as soon as it knows');
$_->stop for values %standby;

# --- the audit log of keys ---------------------------------------------------------------------------------------------

my $made = $front->safe_psql('postgres', 'SELECT tenancy.new_cluster_key()');
$data->safe_psql('postgres', "SELECT tenancy.join_cluster('$made')");
$_->safe_psql('postgres', 'SELECT tenancy.use_cluster_key(2); DELETE FROM tenancy_internal.cluster_keys WHERE NOT signs') for $front, $data;
my $trail = q(SELECT string_agg(action || ' ' || resource_id || coalesce(' ' || (after ->> 'signs'), ''), ', ' ORDER BY audit_id)
  FROM tenancy.audit_log WHERE resource_type = 'cluster_key');
is($front->safe_psql('postgres', $trail), 'create 1 true, create 2 false, update 1 false, update 2 true, delete 1', 'keys are in the audit log of the server that made them');
is($data->safe_psql('postgres', $trail), 'create 1 true, create 2 false, update 1 false, update 2 true, delete 1', 'and of the one that got them');
is($_->safe_psql('postgres', q(SELECT count(*) FROM tenancy.audit_log WHERE resource_type = 'cluster_key' AND (coalesce(before, '{}') || coalesce(after, '{}')) ? 'secret')), '0', 'without what is secret')
  for $front, $data;

$_->stop for $front, $data;
done_testing();
