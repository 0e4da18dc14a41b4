# A hot standby answers as its primary does, and a revocation arrives there with replay. Logical replication of a protected table,
# of one tenant's part of it, and of the catalogs: what works, and what the unsafe ways do.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 'logical');
$primary->append_conf('postgresql.conf', 'log_statement = none');
$primary->start;
my ($acme, $globex) = split /\n/, $primary->safe_psql('postgres', q(
  CREATE EXTENSION pg_tenancy;
  CREATE ROLE app LOGIN; CREATE ROLE mia LOGIN;
  CREATE TABLE logs (id int PRIMARY KEY, organization_id uuid, workspace_id uuid, user_id uuid);
  GRANT ALL ON logs TO app, mia;
  DO $$ BEGIN
    PERFORM tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id', create_indexes => true);
  END $$;
  SELECT master_key FROM tenancy.create_organization('Acme', 'olivia@acme.test');
  SELECT master_key FROM tenancy.create_organization('Globex', 'gus@globex.test');
  DO $$ BEGIN
    PERFORM tenancy.set_organization_role('acme', 'mia@acme.test', 'member');
    PERFORM tenancy.set_workspace_role('acme/shared-team-workspace', 'mia@acme.test', 'member');
    PERFORM tenancy.bind_login('mia', 'mia@acme.test'), tenancy.trust_login('app');
  END $$;
  INSERT INTO logs SELECT row_number() OVER (), w.organization_id, w.workspace_id, CASE WHEN i = 1 THEN u.user_id END
  FROM generate_series(1, 3) i, tenancy.workspaces w, tenancy.users u WHERE u.email = 'mia@acme.test' ORDER BY 1;
));
my $key_id = $primary->safe_psql('postgres', q(SELECT api_key_id FROM tenancy.api_keys JOIN tenancy.organizations USING (organization_id) WHERE slug = 'acme'));

sub ask {
    my ($server, $session, $query) = @_;
    my ($code, $out, $errors) = $server->psql('postgres', $query, connstr => $server->connstr('postgres') . " $session");
    return $code == 0 ? $out : $errors =~ /ERROR:\s+(.*)/ ? $1 : $errors;
}
my @sessions = ('user=mia', 'user=app', "user=app options='-c tenancy.api_key=$acme'", "user=app options='-c tenancy.api_key=$globex'",
    "user=app options='-c tenancy.user=gus\@globex.test'");

# --- hot standby ----------------------------------------------------------------------------------------------------

$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

for my $session (@sessions) {
    for my $query ('SELECT count(*) FROM logs', 'SELECT kind, organization FROM tenancy.whoami()', "SELECT tenancy.explain_rows('logs')",
        "SELECT tenancy.authorize('logs', 'view', 'shared-team-workspace')", 'SELECT count(*) FROM tenancy.users') {
        my $there = ask($standby, $session, $query);
        (my $name = $session) =~ s/api_key=\K\w{8}\w+/…/;
        is($there, ask($primary, $session, $query), "standby as primary: $name: $query");
    }
}
is(ask($standby, $sessions[2], 'SELECT count(*) FROM logs'), '3', '(which is some rows)');
is(ask($standby, 'user=app', 'SELECT count(*) FROM logs'), '0', '(and none without a principal)');

# Sessions of the standby, with plans that they keep, are notified of what is revoked on the primary.
sub session {
    my ($user, $secret) = @_;
    my $psql = $standby->background_psql('postgres', on_error_stop => 0);
    $psql->query_safe("SET SESSION AUTHORIZATION $user; SET plan_cache_mode = force_generic_plan; PREPARE seen AS SELECT count(*) FROM logs");
    $psql->query_safe("SELECT set_config('tenancy.api_key', '$secret', false)") if $secret;
    return $psql;
}
sub seen {
    my ($psql) = @_;
    $psql->{stderr} = '';
    my $answer = $psql->query('EXECUTE seen');
    my $errors = $psql->{stderr};
    $psql->{stderr} = '';
    return $errors =~ /ERROR:\s+(.*)/ ? $1 : $answer;
}
my ($by_key, $by_login, $other) = (session('app', $acme), session('mia'), session('app', $globex));
is(seen($by_key), '3', 'by a key');
is(seen($by_login), '3', 'by a bound login');
$primary->safe_psql('postgres', q(SELECT tenancy.set_setting('acme', 'members_view_all_data', false)));
$primary->wait_for_catchup($standby);
is(seen($by_login), '1', 'restricted to own rows on the primary, the session of the standby sees its own');
$primary->safe_psql('postgres', "SELECT tenancy.revoke_api_key('$key_id')");
$primary->wait_for_catchup($standby);
is(seen($by_key), 'invalid or expired API key', 'a key revoked on the primary');
$primary->safe_psql('postgres', q(SELECT tenancy.remove_organization_member('acme', 'mia@acme.test')));
$primary->wait_for_catchup($standby);
is(seen($by_login), '0', 'a member removed on the primary');
is(seen($other), '3', 'others go on');
$_->quit for $by_key, $by_login, $other;

like(ask($standby, 'dbname=postgres', q(SELECT tenancy.create_user('x@y.test'))), qr/read-only transaction/, 'administration is for the primary');
like(ask($standby, 'dbname=postgres', q(SELECT tenancy.simulate('SELECT 1', 'gus@globex.test', login => 'app'))), qr/read-only transaction/,
    'and so is simulate(), which leaves an entry');
is(ask($standby, 'dbname=postgres', q(SELECT count(*) FROM tenancy.verify_audit_log())), '0', 'the audit log can be checked there')
  or diag(ask($standby, 'dbname=postgres', q(SELECT * FROM tenancy.verify_audit_log())));
$standby->promote;
is(ask($standby, "user=app options='-c tenancy.api_key=$globex'", "INSERT INTO logs (id) VALUES (100) RETURNING organization_id = tenancy.current_organization_id()"), "t", 'promoted, it takes rows');
$standby->stop;

# --- logical replication of a protected table -------------------------------------------------------------------------

my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init;
$subscriber->append_conf('postgresql.conf', "log_statement = none\nwal_retrieve_retry_interval = 100ms");
$subscriber->start;
# The same tenants, keys and tables, without rows.
$primary->safe_psql('postgres', q(
  CREATE ROLE plain_replicator LOGIN REPLICATION; CREATE ROLE replicator LOGIN REPLICATION BYPASSRLS;
  GRANT SELECT ON logs TO plain_replicator, replicator;
  CREATE PUBLICATION logs FOR TABLE logs;));
my ($out, $errors);
IPC::Run::run([ 'pg_dumpall', '--globals-only', '-d', $primary->connstr('postgres') ], '|', [ 'psql', '-X', '-q', '-d', $subscriber->connstr('postgres') ], '>', \$out, '2>', \$errors);
my $catalogs = PostgreSQL::Test::Utils::tempdir() . '/catalogs';
IPC::Run::run([ 'pg_dump', '-Fc', '-d', $primary->connstr('postgres'), '--exclude-table-data=public.*', '-f', $catalogs ]) or die;
IPC::Run::run([ 'pg_restore', '--exit-on-error', '-d', $subscriber->connstr('postgres'), $catalogs ]) or die;
is(ask($subscriber, "user=app options='-c tenancy.api_key=$globex'", 'SELECT count(*) FROM logs'), '0', 'the subscriber has no rows yet');

my $publisher = 'host=' . $primary->host . ' port=' . $primary->port . ' dbname=postgres';
sub subscribe {
    my ($name, $user, $publication, $options) = @_;
    $subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION $name CONNECTION '$publisher user=$user $options' PUBLICATION $publication");
    return;
}
sub synced {
    my ($name) = @_;
    return $subscriber->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid WHERE s.subname = '$name' AND srsubstate NOT IN ('r', 's')");
}
my $all = 'SELECT count(*) FROM logs';

# The unsafe way: the first copy is made by a login under row security, and is empty; what is written later comes all the same.
subscribe('unsafe', 'plain_replicator', 'logs', '');
synced('unsafe');
is($subscriber->safe_psql('postgres', $all), '0', 'a login under row security copies nothing, without an error');
$primary->safe_psql('postgres', q(INSERT INTO logs SELECT 50, organization_id FROM tenancy.organizations WHERE slug = 'acme'));
$primary->wait_for_catchup('unsafe');
is($subscriber->safe_psql('postgres', $all), '1', 'but gets what is written from then on, of any tenant');
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION unsafe; TRUNCATE logs');

# With row_security = off it stops instead.
my $offset = -s $subscriber->logfile;
subscribe('stops', 'plain_replicator', 'logs', 'options=-crow_security=off');
ok($subscriber->wait_for_log(qr/query would be affected by row-level security policy for table "logs"/, $offset), 'with row_security = off it stops instead');
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION stops');

# The recipe: a login with BYPASSRLS on the publisher, an owner with BYPASSRLS on the subscriber.
subscribe('copied', 'replicator', 'logs', 'options=-crow_security=off');
synced('copied');
is($subscriber->safe_psql('postgres', $all), '7', 'a login with BYPASSRLS copies all');
is(ask($subscriber, "user=app options='-c tenancy.api_key=$globex'", $all), '3', 'of which a tenant sees its own on the subscriber, too');
is(ask($subscriber, 'user=app', $all), '0', 'and none without a principal');
$primary->safe_psql('postgres', q(INSERT INTO logs SELECT 51, organization_id FROM tenancy.organizations WHERE slug = 'globex'; DELETE FROM logs WHERE id = 50));
$primary->wait_for_catchup('copied');
is(ask($subscriber, "user=app options='-c tenancy.api_key=$globex'", $all), '4', 'changes follow');

# FORCE means owners, too: one under row security can't apply, one with BYPASSRLS can. Whose rights count is the subscription's owner
# up to PostgreSQL 15, and since then with run_as_owner.
my $chooses_owner = $subscriber->pg_version >= 16;
$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION copied SET (run_as_owner = true, password_required = false)') if $chooses_owner;
$subscriber->safe_psql('postgres', q(
  CREATE ROLE applier SUPERUSER LOGIN;
  ALTER SUBSCRIPTION copied DISABLE;
  ALTER SUBSCRIPTION copied OWNER TO applier;
  ALTER ROLE applier NOSUPERUSER;
  GRANT SELECT, INSERT, UPDATE, DELETE ON logs TO applier;));
$offset = -s $subscriber->logfile;
$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION copied ENABLE');
$primary->safe_psql('postgres', q(INSERT INTO logs SELECT 52, organization_id FROM tenancy.organizations WHERE slug = 'globex'));
ok($subscriber->wait_for_log(qr/user "applier" cannot replicate into relation with row-level security enabled: "logs"/, $offset),
    'an owner under row security stops at the first row');
is($subscriber->safe_psql('postgres', $all), '7', 'which is not there');
$subscriber->safe_psql('postgres', 'ALTER ROLE applier BYPASSRLS');
ok($subscriber->poll_query_until('postgres', 'SELECT count(*) = 8 FROM logs'), 'with BYPASSRLS it goes on');

# Otherwise it is the table's.
if ($chooses_owner) {
    $subscriber->safe_psql('postgres', q(
      CREATE ROLE keeper; GRANT keeper TO applier; GRANT CREATE ON SCHEMA public TO keeper; ALTER TABLE logs OWNER TO keeper;
      ALTER SUBSCRIPTION copied SET (run_as_owner = false)));
    $offset = -s $subscriber->logfile;
    $primary->safe_psql('postgres', q(INSERT INTO logs SELECT 53, organization_id FROM tenancy.organizations WHERE slug = 'globex'));
    ok($subscriber->wait_for_log(qr/user "keeper" cannot replicate into relation with row-level security enabled: "logs"/, $offset),
        'a table\'s owner under row security stops, too');
    is($subscriber->safe_psql('postgres', $all), '8', 'and the row is not there');
    $subscriber->safe_psql('postgres', 'ALTER ROLE keeper BYPASSRLS');
    ok($subscriber->poll_query_until('postgres', 'SELECT count(*) = 9 FROM logs'), 'with BYPASSRLS it goes on');
}
$subscriber->safe_psql('postgres', 'ALTER ROLE applier SUPERUSER; DROP SUBSCRIPTION copied; TRUNCATE logs');

# --- one tenant's rows ----------------------------------------------------------------------------------------------

my $organization = $primary->safe_psql('postgres', q(SELECT organization_id FROM tenancy.organizations WHERE slug = 'globex'));
$primary->safe_psql('postgres', qq(
  CREATE TABLE requests (organization_id uuid, id int, PRIMARY KEY (organization_id, id));
  DO \$\$ BEGIN PERFORM tenancy.protect('requests', 'logs', 'organization_id'); END \$\$;
  INSERT INTO requests SELECT organization_id, i FROM tenancy.organizations, generate_series(1, 2) i;
  GRANT SELECT ON requests TO replicator;
  CREATE PUBLICATION globex FOR TABLE requests WHERE (organization_id = '$organization')));
$subscriber->safe_psql('postgres', 'CREATE TABLE requests (organization_id uuid, id int, PRIMARY KEY (organization_id, id))');
subscribe('globex', 'replicator', 'globex', 'options=-crow_security=off');
synced('globex');
$primary->safe_psql('postgres', 'INSERT INTO requests SELECT organization_id, 3 FROM tenancy.organizations; UPDATE requests SET id = 4 WHERE id = 1; DELETE FROM requests WHERE id = 2');
$primary->wait_for_catchup('globex');
is($subscriber->safe_psql('postgres', "SELECT string_agg(id::text, ' ' ORDER BY id), bool_and(organization_id = '$organization') FROM requests"), '3 4|t',
    'a publication with a filter sends one tenant\'s rows and no others');
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION globex');

# --- the catalogs ---------------------------------------------------------------------------------------------------

my $tables = join ', ', map { "tenancy.$_" } qw(organizations workspaces users roles organization_members workspace_members permissions grants visibility
  workspace_overrides api_keys api_key_secrets api_key_scopes jwt_keys jwt_issuers);
$primary->safe_psql('postgres', "CREATE PUBLICATION catalogs FOR TABLE $tables");
my $superuser = $primary->safe_psql('postgres', 'SELECT current_user');
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION catalogs CONNECTION '$publisher user=$superuser' PUBLICATION catalogs WITH (copy_data = false)");
$subscriber->safe_psql('postgres', "INSERT INTO logs SELECT 1, '$organization'");
my $reader = $subscriber->background_psql('postgres', on_error_stop => 0);
$reader->query_safe("SET SESSION AUTHORIZATION app; SET plan_cache_mode = force_generic_plan; PREPARE seen AS SELECT count(*) FROM logs; SELECT set_config('tenancy.api_key', '$globex', false)");
is(seen($reader), '1', 'a session of the subscriber sees its row');
# Entries that the subscriber writes itself, about a DBA or a refusal, keep nothing from arriving; administration is refused.
$subscriber->safe_psql('postgres', q(SELECT tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id', fill_nulls => true)));
like(ask($subscriber, "user=app options='-c tenancy.user=gus\@globex.test'", q(SELECT tenancy.update_user('gus@globex.test', name => 'Gus Two'))),
    qr/comes from another server by logical replication/, 'a member administers nothing on the subscriber');
like(ask($subscriber, 'dbname=postgres', q(SELECT tenancy.set_setting('acme', 'members_view_logs', false))), qr/comes from another server/, 'nor does a superuser');
my $new = $primary->safe_psql('postgres', q(SELECT master_key FROM tenancy.create_organization('Initech', 'bill@initech.test')));
$primary->safe_psql('postgres', q(SELECT tenancy.set_setting('acme', 'members_view_logs', false); SELECT tenancy.reset_setting('acme', 'members_view_logs')));
$primary->safe_psql('postgres', q(SELECT tenancy.revoke_api_key(api_key_id) FROM tenancy.api_keys JOIN tenancy.organizations USING (organization_id) WHERE slug = 'globex'));
$primary->wait_for_catchup('catalogs');
is(seen($reader), 'invalid or expired API key', 'until its key is revoked on the publisher');
is(ask($subscriber, "user=app options='-c tenancy.api_key=$new'", 'SELECT organization FROM tenancy.whoami()'), 'initech', 'a key made there is known here');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM tenancy.verify_audit_log()'), '0', 'and the audit log of the subscriber is whole');
isnt($subscriber->safe_psql('postgres', 'SELECT max(audit_id) FROM tenancy.audit_log'), $primary->safe_psql('postgres', 'SELECT max(audit_id) FROM tenancy.audit_log'),
    'which is its own');
$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION catalogs DISABLE; ALTER SUBSCRIPTION catalogs SET (slot_name = NONE); DROP SUBSCRIPTION catalogs');
is(ask($subscriber, 'dbname=postgres', q(SELECT tenancy.set_setting('acme', 'members_view_logs', false))), '', 'without the subscription, it is administered itself');
$reader->quit;

$subscriber->stop;
$primary->stop;
done_testing();
