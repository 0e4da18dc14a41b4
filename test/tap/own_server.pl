# The steps of docs/scale-out.md by which one tenant moves to a server of its own, while its application writes.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my %steps = slurp_file('docs/scale-out.md') =~ /^<!-- test\/tap\/own_server\.pl runs this: (\w+) -->\n```sql\n(.*?)^```/msg;
is(join(' ', sort keys %steps), 'drop publish purge stop subscribe', 'the page has the steps');

my $old = PostgreSQL::Test::Cluster->new('old');
$old->init(allows_streaming => 'logical');
my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
for my $server ($old, $new) {
    $server->append_conf('postgresql.conf', "log_statement = none\nsession_preload_libraries = 'pg_tenancy'\nwal_retrieve_retry_interval = 100ms");
    $server->start;
}
my ($acme, $globex) = split /\n/, $old->safe_psql('postgres', q(
  CREATE EXTENSION pg_tenancy;
  CREATE ROLE app LOGIN; CREATE ROLE mia LOGIN;
  CREATE TABLE requests (organization_id uuid, id int, user_id uuid, PRIMARY KEY (organization_id, id));
  GRANT ALL ON requests TO app, mia;
  DO $$ BEGIN PERFORM tenancy.protect('requests', 'logs', 'organization_id', NULL, 'user_id'); END $$;
  SELECT master_key FROM tenancy.create_organization('Acme', 'olivia@acme.test');
  SELECT master_key FROM tenancy.create_organization('Globex', 'gus@globex.test');
  DO $$ BEGIN
    PERFORM tenancy.set_organization_role('acme', 'mia@acme.test', 'member');
    PERFORM tenancy.bind_login('mia', 'mia@acme.test');
  END $$;
  INSERT INTO requests SELECT organization_id, i FROM tenancy.organizations, generate_series(1, 3) i;
));

sub ask {
    my ($server, $session, $query) = @_;
    my ($code, $out, $errors) = $server->psql('postgres', $query, connstr => $server->connstr('postgres') . " $session");
    return $code == 0 ? $out : $errors =~ /ERROR:\s+(.*)/ ? $1 : $errors;
}
my ($by_acme, $by_globex) = map { "user=app options='-c tenancy.api_key=$_'" } $acme, $globex;
my $count = 'SELECT count(*) FROM requests';

# 1. A copy of the catalogs
my ($out, $errors);
IPC::Run::run([ 'pg_dumpall', '--globals-only', '-d', $old->connstr('postgres') ], '|', [ 'psql', '-X', '-q', '-d', $new->connstr('postgres') ], '>', \$out, '2>', \$errors);
my $catalogs = PostgreSQL::Test::Utils::tempdir() . '/catalogs';
IPC::Run::run([ 'pg_dump', '-Fc', '-d', $old->connstr('postgres'), '--exclude-table-data=public.*', '-f', $catalogs ]) or die;
IPC::Run::run([ 'pg_restore', '--exit-on-error', '-d', $new->connstr('postgres'), $catalogs ]) or die;
is(ask($new, $by_acme, $count), '0', 'the new server knows the key, and has no rows');

# 2. The tenant's rows, while they are written
$old->safe_psql('postgres', $steps{publish});
is(ask($old, $by_acme, 'INSERT INTO requests (id) VALUES (4) RETURNING id'), '4', 'the application goes on');
my $address = sprintf 'host=%s port=%d dbname=postgres', $old->host, $old->port;
$new->safe_psql('postgres', $steps{subscribe} =~ s/host=old port=5432 dbname=shop/$address/r);
is(ask($old, $by_acme, 'INSERT INTO requests (id) VALUES (5) RETURNING id'), '5', 'and on');
is(ask($old, $by_globex, 'INSERT INTO requests (id) VALUES (5) RETURNING id'), '5', 'the other tenant, too');

# 3. Wait
$new->poll_query_until('postgres', q(SELECT count(*) = 1 AND bool_and(srsubstate = 'r') FROM pg_subscription_rel)) or die;
$old->wait_for_catchup('acme');
is($new->safe_psql('postgres', $count), '5', 'its rows come, and no others');
is(ask($new, $by_acme, $count), '5', 'its key sees them there');
is(ask($new, $by_globex, $count), '0', 'and the other tenant\'s sees none');

# 4. Switch
is(ask($old, $by_acme, 'UPDATE requests SET id = id WHERE id = 5 RETURNING 1'), '', '(a key may not change logs)');
$old->safe_psql('postgres', $steps{stop});
is(ask($old, $by_acme, $count), 'invalid or expired API key', 'the old server refuses the tenant from then on');
is(ask($old, 'user=mia', $count), '0', 'and its users see nothing');
$old->wait_for_catchup('acme');
$new->safe_psql('postgres', $steps{drop});
is(ask($new, $by_acme, 'INSERT INTO requests (id) VALUES (6) RETURNING id'), '6', 'the application goes on, on the new server');
is(ask($new, $by_acme, $count), '6', 'with all rows');
is(ask($new, 'user=mia', 'SELECT kind, organization FROM tenancy.whoami()'), 'user|acme', 'bound logins are who they were');
is(ask($new, $by_globex, $count), 'invalid or expired API key', 'the other tenant is not there any more');
is($new->safe_psql('postgres', q(SELECT string_agg(slug, ' ') FROM tenancy.organizations)), 'acme', 'only one is');
is($new->safe_psql('postgres', q(SELECT string_agg(email, ' ' ORDER BY email) FROM tenancy.users)), 'mia@acme.test olivia@acme.test', 'with its own people');

# 5. Away from the old server
$old->safe_psql('postgres', $steps{purge});
is($old->safe_psql('postgres', q(SELECT count(*), string_agg(DISTINCT o.slug, ' ') FROM requests r LEFT JOIN tenancy.organizations o USING (organization_id))), '4|globex', 'the old server has the other tenant\'s rows alone');
is(ask($old, $by_globex, $count), '4', 'which sees them');
is($_->safe_psql('postgres', 'SELECT count(*) FROM tenancy.verify_audit_log()'), '0', 'the audit log of ' . $_->name . ' is whole') for $old, $new;

$_->stop for $old, $new;
done_testing();
