# The queue of audit entries: everybody has a share of it, nothing stops its worker for good, and what is only counted is counted for
# whoever it was.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('audit_shares');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_tenancy'\nlog_min_error_statement = panic\nmax_worker_processes = 16");
$node->start;
my $setup = q(
  CREATE EXTENSION pg_tenancy;
  CREATE TABLE prompts (id int, organization_id uuid, workspace_id uuid);
  DO $$ BEGIN
    PERFORM tenancy.create_organization('Acme', 'olivia@acme.test'), tenancy.create_organization('Globex', 'gina@globex.test');
    PERFORM tenancy.create_organization('Initech', 'gina@globex.test');
    PERFORM tenancy.create_user('mia@acme.test'), tenancy.create_user('nobody@acme.test');
    PERFORM tenancy.set_organization_role('acme', 'mia@acme.test', 'member');
    PERFORM tenancy.protect('prompts', 'prompts', 'organization_id', 'workspace_id', create_indexes => true, audit_reads => true);
    PERFORM tenancy.trust_login('app');
  END $$;
  GRANT ALL ON prompts TO app;
);
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN; CREATE ROLE reader LOGIN');
$node->safe_psql('postgres', "CREATE DATABASE $_") for 'quiet', 'busy';
$node->safe_psql($_, $setup) for 'postgres', 'quiet', 'busy';

sub as {
    my ($who, $query, %options) = @_;
    my $settings = join ' ', map { "-c tenancy.$_" } @{$options{settings} // []}, defined $who ? "user=$who" : ();
    my $database = $options{database} // 'postgres';
    my ($code, $out, $errors) = $node->psql($database, $query, connstr => $node->connstr($database) . ' user=' . ($options{login} // 'app') . " options='$settings'");
    return $code == 0 ? $out : $errors =~ /ERROR:\s+(.*)/ ? $1 : $errors;
}
sub entries {
    my ($columns, $condition, $database) = @_;
    return $node->safe_psql($database // 'postgres', "SELECT $columns FROM (SELECT l.*, o.slug FROM tenancy.audit_log l LEFT JOIN tenancy.organizations o USING (organization_id) ORDER BY audit_id) l WHERE $condition");
}
sub wait_for {
    my ($query, $name, $database) = @_;
    ok($node->poll_query_until($database // 'postgres', $query), $name) or diag(entries('*', 'true', $database));
}
sub no_worker { ok($node->poll_query_until('postgres', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_tenancy audit writer')), 'the workers end') }
my $refused = q(DO $$ BEGIN PERFORM tenancy.create_user('x@x.test'); EXCEPTION WHEN OTHERS THEN NULL; END $$;);

# --- whose refusals they are: also of a principal that nothing has asked for before --------------------------------------

like(as('mia@acme.test', q(SELECT tenancy.create_user('x@x.test'))), qr/only a DBA/, 'refused before anything asks who it is');
wait_for(q(SELECT count(*) = 1 FROM tenancy.audit_log WHERE outcome = 'denied'), 'an entry');
is(entries('slug, actor, actor_kind', q(outcome = 'denied')), 'acme|mia@acme.test|user', 'of her organization, and her own');
like(as('gina@globex.test', q(SELECT tenancy.create_user('x@x.test'))), qr/only a DBA/, 'somebody who has chosen no organization');
like(as('nobody@acme.test', q(SELECT tenancy.create_user('x@x.test'))), qr/only a DBA/, 'and somebody without one');
wait_for(q(SELECT count(*) = 3 FROM tenancy.audit_log WHERE outcome = 'denied'), 'entries');
is(entries('slug, actor', q(outcome = 'denied' AND slug IS NULL)), "|gina\@globex.test\n|app", 'are of no organization');
is(entries('count(*)', q(resource_type = 'credential')), '0', 'asking who it is refuses no credential');
like(as(undef, q(SELECT tenancy.create_user('x@x.test')), settings => ['api_key=nonsense']), qr/only a DBA/, 'a credential that does not hold');
wait_for(q(SELECT count(*) = 4 FROM tenancy.audit_log WHERE outcome = 'denied'), 'one entry');
# A session with several users of one login: each has a share.
as(undef, join "\n", map { qq(SET tenancy."user" = '$_';) . $refused x 100 } 'nobody@acme.test', 'mia@acme.test', 'gina@globex.test');
wait_for(q(SELECT sum((after ->> 'refusals')::int) = 123 FROM tenancy.audit_log WHERE action = 'suppress'), 'what is beyond their shares is counted');
is(entries(q(slug, actor, sum((after ->> 'refusals')::int), min(after ->> 'actors')), q(action = 'suppress' GROUP BY 1, 2 ORDER BY 1, 2)),
    "acme|mia\@acme.test|41|one\n|app|41|one\n|gina\@globex.test|41|one", 'for each of them, in the log of the organization');
is(as('olivia@acme.test', q(SELECT sum((after ->> 'refusals')::int) FROM tenancy.audit_log WHERE action = 'suppress')), '41', 'whose owner sees it');
is(as('gina@globex.test', q(SELECT count(*) FROM tenancy.audit_log WHERE action = 'suppress'), settings => ['organization=globex']), '0', 'and nobody else');

# --- reads by a plan that was made before the principal became unknown ------------------------------------------------

$node->safe_psql('postgres', q(GRANT SELECT ON prompts TO reader; SELECT tenancy.bind_login('reader', 'mia@acme.test')));
my $reader = $node->background_psql('postgres', extra_params => ['-U', 'reader']);
$reader->query_safe('SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT count(*) FROM prompts; EXECUTE p; EXECUTE p;');
$node->safe_psql('postgres', q(SELECT tenancy.create_workspace('globex', 'New')));
$reader->query_safe('EXECUTE p');
$reader->quit;
wait_for(q(SELECT count(*) = 3 FROM tenancy.audit_log WHERE action = 'read'), 'reads');
is(entries('DISTINCT slug, actor', q(action = 'read')), 'acme|mia@acme.test', 'all are hers');

# --- an organization with many actors ------------------------------------------------------------------------------------

my @secrets = split /\n/, $node->safe_psql('busy', q(SELECT secret FROM generate_series(1, 700) i, tenancy.create_api_key('organization_service_key', 'k' || i, 'acme')));
as(undef, join("\n", map { "SET tenancy.api_key = '$_'; $refused $refused" } @secrets), database => 'busy');
as('gina@globex.test', $refused x 3, database => 'busy', settings => ['request_id=alone', 'organization=globex']);
wait_for(q(SELECT count(*) = 3 FROM tenancy.audit_log WHERE request_id = 'alone'), 'another organization\'s refusals are written', 'busy');
wait_for(q(SELECT sum((after ->> 'refusals')::int) > 1000 FROM tenancy.audit_log WHERE action = 'suppress'), 'what is only counted', 'busy');
is(entries('DISTINCT slug', q(action = 'suppress'), 'busy'), 'acme', 'is counted for the one');
no_worker();

# --- a database whose events cannot be written -----------------------------------------------------------------------

my $lock = $node->background_psql('quiet');
$lock->query_safe('BEGIN; LOCK TABLE tenancy.audit_log IN ACCESS EXCLUSIVE MODE');
as('olivia@acme.test', 'DO $$ BEGIN FOR i IN 1 .. 3000 LOOP PERFORM count(*) FROM prompts; END LOOP; END $$', database => 'quiet', settings => ['request_id=flood']);
as('gina@globex.test', $refused x 2, database => 'quiet', settings => ['request_id=another', 'organization=globex']);
as('olivia@acme.test', 'DO $$ BEGIN FOR i IN 1 .. 40 LOOP PERFORM count(*) FROM prompts; END LOOP; END $$', database => 'busy', settings => ['request_id=elsewhere']);
wait_for(q(SELECT count(*) = 40 FROM tenancy.audit_log WHERE request_id = 'elsewhere'), 'another database is not in the way', 'busy');
$lock->query_safe('COMMIT');
$lock->quit;
wait_for(q(SELECT count(*) = 2 FROM tenancy.audit_log WHERE request_id = 'another'), 'nor is another organization', 'quiet');
wait_for(q(SELECT count(*) > 0 FROM tenancy.audit_log WHERE action = 'suppress'), 'the flood is counted', 'quiet');
my $queued = entries('count(*)', q(request_id = 'flood'), 'quiet');
cmp_ok($queued, '<=', 210, 'of which a share was queued');
wait_for("SELECT sum((after ->> 'only_in_server_log')::int) = 3000 - $queued FROM tenancy.audit_log WHERE action = 'suppress'", 'and the rest', 'quiet');
is(entries('DISTINCT slug, actor', q(action = 'suppress'), 'quiet'), 'acme|olivia@acme.test', 'with the actor');
my @in_log = slurp_file($node->logfile) =~ /LOG:  tenancy audit: .*"request_id": "flood"/g;
is(scalar(@in_log), 3000 - $queued, 'is in the server\'s log');
no_worker();

# --- settings of the database and of all roles, which are for its sessions --------------------------------------------

$node->safe_psql('postgres', "ALTER DATABASE quiet SET $_") for 'role = app', 'default_transaction_read_only = on', q(search_path = 'public'), 'session_replication_role = replica',
    'default_transaction_isolation = serializable', 'check_function_bodies = off', 'lock_timeout = 1', 'row_security = off', q(DateStyle = 'German'), q(TimeZone = 'Asia/Kathmandu'),
    q(tenancy."user" = 'olivia@acme.test'), q(plpgsql.variable_conflict = 'use_variable'), 'standard_conforming_strings = off', 'exit_on_error = on', 'statement_timeout = 1000';
$node->safe_psql('postgres', 'ALTER ROLE ALL SET idle_in_transaction_session_timeout = 1');
as('mia@acme.test', $refused, database => 'quiet', settings => ['request_id=settings']);
$node->safe_psql('postgres', 'ALTER ROLE ALL RESET ALL; ALTER DATABASE quiet RESET ALL');
wait_for(q(SELECT count(*) = 1 FROM tenancy.audit_log WHERE request_id = 'settings' AND at BETWEEN now() - interval '1 minute' AND now()), 'stop no worker', 'quiet');
is($node->safe_psql('quiet', 'SELECT count(*) FROM tenancy.verify_audit_log()'), '0', 'and its entries are as others, also where an error ends the session');

# --- one event at fault, a worker that is ended, a database that is gone -------------------------------------------------

$node->safe_psql('quiet', q(
  CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this one'; END $$;
  CREATE TRIGGER a_refusal BEFORE INSERT ON tenancy.audit_log FOR EACH ROW WHEN (NEW.request_id = 'bad') EXECUTE FUNCTION refuse()));
as('mia@acme.test', $refused, database => 'quiet', settings => ["request_id=$_"]) for 'before', 'bad', 'after';
wait_for(q(SELECT count(*) = 2 FROM tenancy.audit_log WHERE request_id IN ('before', 'after')), 'the others of a batch, without a further event', 'quiet');
no_worker();
@in_log = slurp_file($node->logfile) =~ /LOG:  tenancy audit: .*"request_id": "(before|bad|after)"/g;
is("@in_log", 'bad', 'the bad one is in the log');
$lock = $node->background_psql('quiet');
$lock->query_safe('BEGIN; LOCK TABLE tenancy.audit_log IN ACCESS EXCLUSIVE MODE');
as('mia@acme.test', $refused, database => 'quiet', settings => ['request_id=ended']);
ok($node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pg_tenancy audit writer' AND wait_event_type = 'Lock')), 'a worker waits');
$node->safe_psql('postgres', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_tenancy audit writer'));
$lock->query_safe('COMMIT');
$lock->quit;
wait_for(q(SELECT count(*) = 1 FROM tenancy.audit_log WHERE request_id = 'ended'), 'another one comes, without a further event', 'quiet');
no_worker();
# Not for another session, which could end first.
$node->safe_psql('quiet', q(
  CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3600); RETURN NEW; END $$;
  CREATE TRIGGER a_pause BEFORE INSERT ON tenancy.audit_log FOR EACH ROW WHEN (NEW.request_id = 'gone') EXECUTE FUNCTION take_long()));
as('mia@acme.test', $refused, database => 'quiet', settings => ['request_id=gone']);
ok($node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pg_tenancy audit writer' AND wait_event = 'PgSleep')), 'a worker waits');
$node->safe_psql('postgres', 'DROP DATABASE quiet WITH (FORCE)');
$node->wait_for_log(qr/LOG:  tenancy audit: .*"request_id": "gone"/);
pass('the events of a database that is gone are in the log');
no_worker();

# --- bytes that are no text, in whatever encoding ------------------------------------------------------------------------

$node->safe_psql('postgres', qq(CREATE DATABASE $_->[0] ENCODING '$_->[1]' LOCALE 'C' TEMPLATE template0)) for ['ascii', 'SQL_ASCII'], ['win', 'WIN1252'], ['latin', 'LATIN1'];
# Nothing behind the last byte is read or written.
is($node->safe_psql('ascii', q(LOAD 'pg_tenancy'; SET tenancy.user_agent = E'aaaaaaaaaaaaaaaaaaaaaa\\xc2'; SHOW tenancy.user_agent)), 'a' x 22 . '?', 'a text that ends within a character');
is($node->safe_psql('ascii', q(LOAD 'pg_tenancy'; SELECT length(set_config('tenancy.user_agent', repeat('a', 199) || E'\\xc2' || repeat('b', 99), false)))), '200', '... and is cut');
# The name of a login is the same bytes in all databases.
$node->safe_psql('latin', qq(SET client_encoding = 'LATIN1'; CREATE ROLE "m\xfcller" LOGIN));
for my $database ('postgres', 'ascii', 'win', 'latin') {
    $node->safe_psql($database, $setup) if $database ne 'postgres';
    as('olivia@acme.test', $refused, database => $database, settings => ["request_id=\xff\x81\xfe", "user_agent=bytes"]);
    as(undef, $refused, database => $database, login => "m\xfcller", settings => ["user_agent=bytes"]);
    wait_for(q(SELECT count(*) = 2 FROM tenancy.audit_log WHERE user_agent = 'bytes'), "bytes in $database", $database);
    is($node->safe_psql($database, 'SELECT count(*) FROM tenancy.verify_audit_log()'), '0', "and the chains of $database are whole");
}
done_testing();
