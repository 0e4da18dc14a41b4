# Where the module is preloaded: refusals and reads leave audit entries, whatever becomes of the session's transaction, and never wait
# for another session's changes. Elsewhere they are in the server's log.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('audit_events');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_tenancy'\nlog_min_error_statement = panic");
$node->start;
my $setup = q(
  CREATE EXTENSION pg_tenancy;
  CREATE TABLE prompts (id int, organization_id uuid, workspace_id uuid);
  CREATE TABLE plain (id int);
  DO $$ DECLARE made record; BEGIN
    SELECT * INTO made FROM tenancy.create_organization('Acme', 'olivia@acme.test');
    INSERT INTO prompts SELECT i, made.organization_id, made.workspace_id FROM generate_series(1, 10) i;
    PERFORM tenancy.create_organization('Globex', 'gina@globex.test'), tenancy.create_user('mia@acme.test');
    PERFORM tenancy.set_organization_role('acme', 'mia@acme.test', 'member');
    PERFORM tenancy.protect('prompts', 'prompts', 'organization_id', 'workspace_id', create_indexes => true, audit_reads => true);
    PERFORM tenancy.trust_login('app');
  END $$;
  GRANT ALL ON prompts, plain TO app, loader;
);
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN; CREATE ROLE loader LOGIN BYPASSRLS; CREATE ROLE ops LOGIN;');
$node->safe_psql('postgres', $setup);
$node->safe_psql('postgres', 'GRANT USAGE ON TYPE tenancy.administrator TO ops');

sub as {
    my ($who, $query, %options) = @_;
    my $login = $options{login} // 'app';
    my $settings = join ' ', map { "-c tenancy.$_" } @{$options{settings} // []}, defined $who ? "user=$who" : ();
    my ($code, $out, $errors) = $node->psql($options{database} // 'postgres', $query,
        connstr => $node->connstr($options{database} // 'postgres') . " user=$login options='$settings'");
    return $code == 0 ? $out : $errors =~ /ERROR:\s+(.*)/ ? $1 : $errors;
}
sub entries { return $node->safe_psql('postgres', "SELECT $_[0] FROM (SELECT * FROM tenancy.audit_log ORDER BY audit_id) audit_log WHERE $_[1]") }
sub wait_for { ok($node->poll_query_until('postgres', $_[0]), $_[1]) or diag(entries('*', 'true')) }

# --- refused administration ----------------------------------------------------------------------------------------

like(as('mia@acme.test', q(SELECT tenancy.create_workspace(NULL, 'X')), settings => ['request_id=r1', 'user_agent=console/1']), qr/permission denied/, 'refused');
wait_for(q(SELECT count(*) = 1 FROM tenancy.audit_log WHERE outcome = 'denied'), 'and in the log');
is(entries(q(actor, login, action, resource_type, after::text, request_id, user_agent, organization_id = (SELECT organization_id FROM tenancy.organizations WHERE slug = 'acme')), q(outcome = 'denied')),
    'mia@acme.test|app|create_workspace|administration|{"sqlstate": "42501", "permission": "workspaces.create"}|r1|console/1|t', 'who, what, and what it claimed');
like(as('mia@acme.test', q(BEGIN; SAVEPOINT s; SELECT tenancy.require('billing', 'manage'); ROLLBACK TO s; COMMIT)), qr/permission denied/, 'refused in a subtransaction');
as('mia@acme.test', q(DO $$ BEGIN PERFORM tenancy.set_setting(NULL, 'members_view_logs', true); EXCEPTION WHEN OTHERS THEN NULL; END $$));
wait_for(q(SELECT count(*) = 2 FROM tenancy.audit_log WHERE action IN ('require', 'set_setting') AND outcome = 'denied'), 'rolled back, or caught');
as('mia@acme.test', q(SELECT tenancy.create_workspace('globex', 'Secret name of Globex')));
as('mia@acme.test', q(SELECT tenancy.set_organization_role('acme', 'secret@globex.test', 'member')));
wait_for(q(SELECT count(*) >= 4 FROM tenancy.audit_log WHERE outcome = 'denied'), 'more of it');
is(entries('count(*)', q(organization_id = (SELECT organization_id FROM tenancy.organizations WHERE slug = 'globex') AND outcome = 'denied')), '0', 'nothing in the log of the target');
is(entries('count(*)', q(outcome = 'denied' AND audit_log::text ILIKE '%secret%')), '0', 'nothing that was typed');

# --- refused credentials -------------------------------------------------------------------------------------------

my $secret = $node->safe_psql('postgres', q(SELECT secret FROM tenancy.create_api_key('organization_service_key', 'k', 'acme')));
my $wrong  = substr($secret, 0, -1) . (substr($secret, -1) eq 'a' ? 'b' : 'a');
is(as(undef, 'SELECT count(*) FROM plain, tenancy.whoami()', settings => ["api_key=$wrong"]), 'invalid or expired API key', 'a wrong key');
wait_for(q(SELECT count(*) = 1 FROM tenancy.audit_log WHERE resource_type = 'credential'), 'is in the log');
is(entries('actor, action, organization_id IS NULL, outcome', q(resource_type = 'credential')), 'app|authenticate|t|denied', 'of the DBA');
is(entries('count(*)', "audit_log::text LIKE '%" . substr($secret, 20, 12) . "%'"), '0', 'without the secret');

# --- who reads them ------------------------------------------------------------------------------------------------

is(as('olivia@acme.test', q(SELECT count(*) > 0 FROM tenancy.audit_log WHERE outcome = 'denied')), 't', 'the owner sees her organization\'s refusals');
is(as('gina@globex.test', q(SELECT count(*) FROM tenancy.audit_log WHERE outcome = 'denied')),     '0', 'and nobody else\'s owner');
is(as('olivia@acme.test', q(SELECT string_agg(DISTINCT event ->> 'class_name', ', ') FROM tenancy.audit_log_ocsf)), 'API Activity, Entity Management', 'in the shape of OCSF');

# --- bounded: per actor and address --------------------------------------------------------------------------------

$node->safe_psql('postgres', 'ALTER SYSTEM SET tenancy.audit_refusals = 5');
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
$node->poll_query_until('postgres', q(SELECT current_setting('tenancy.audit_refusals') = '5'));
as('mia@acme.test', join(' ', map { q(DO $$ BEGIN PERFORM tenancy.delete_workspace('shared-team-workspace'); EXCEPTION WHEN OTHERS THEN NULL; END $$;) } 1 .. 50));
like(as('olivia@acme.test', q(SELECT tenancy.create_user('x@x.test'))), qr/only a DBA/, 'somebody else is refused meanwhile');
wait_for(q(SELECT count(*) = 1 FROM tenancy.audit_log WHERE action = 'create_user' AND outcome = 'denied'), 'and not hidden by the flood');
cmp_ok(entries('count(*)', q(action = 'delete_workspace' AND outcome = 'denied')), '<=', 5, 'which is bounded');
wait_for(q(SELECT sum((after ->> 'refusals')::int) >= 40 FROM tenancy.audit_log WHERE action = 'suppress'), 'and counted');
$node->safe_psql('postgres', 'ALTER SYSTEM SET tenancy.audit_refusals = 0');
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
$node->poll_query_until('postgres', q(SELECT current_setting('tenancy.audit_refusals') = '0'));
as('olivia@acme.test', q(SELECT tenancy.trust_login('x')));
$node->safe_psql('postgres', 'ALTER SYSTEM RESET tenancy.audit_refusals');
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
$node->poll_query_until('postgres', q(SELECT current_setting('tenancy.audit_refusals') = '60'));

# --- reads ---------------------------------------------------------------------------------------------------------

as('olivia@acme.test', $_) for
    'SELECT count(*) FROM prompts',
    'BEGIN; SELECT id FROM prompts WHERE id < 4; ROLLBACK',
    'SELECT 1 / (id - 5) FROM prompts ORDER BY id',
    'BEGIN; DECLARE c CURSOR FOR SELECT id FROM prompts; FETCH 3 FROM c; FETCH 2 FROM c; COMMIT',
    'SELECT EXISTS (SELECT FROM prompts WHERE id = 77)',
    'SELECT count(*) FROM plain',
    'EXPLAIN SELECT * FROM prompts',
    'UPDATE prompts SET id = id WHERE id = 1',
    'COPY (SELECT id FROM prompts WHERE id = 2) TO STDOUT',
    'SELECT p.id FROM prompts p JOIN prompts q USING (id) WHERE id = 3';
wait_for(q(SELECT count(*) = 8 FROM tenancy.audit_log WHERE action = 'read'), 'one entry for each statement that reads');
is(entries(q(after ->> 'rows', outcome), q(action = 'read')), join("\n", '1|success', '3|success', '0|failure', '5|success', '1|success', '1|success', '1|success', '1|success'), 'with its rows');
is(entries('DISTINCT actor, resource_id', q(action = 'read')), 'olivia@acme.test|public.prompts', 'who and what');
is(as('olivia@acme.test', q(SELECT count(*) FROM tenancy.audit_log WHERE action = 'read')), '8', 'and reading the log itself leaves none');
is(as(undef, 'SELECT count(*) FROM prompts', login => 'loader'), '10', 'a role to which no policy applies');
as('mia@acme.test', 'SELECT * FROM prompts');
wait_for(q(SELECT count(*) = 10 FROM tenancy.audit_log WHERE action = 'read'), 'leaves one, too, and who sees nothing');
is(entries('actor', q(action = 'read' AND organization_id IS NULL)), 'loader', 'that of no tenant is the DBA\'s');
$node->safe_psql('postgres', q(SELECT tenancy.protect('prompts', 'prompts', 'organization_id', 'workspace_id')));
as('olivia@acme.test', 'SELECT count(*) FROM prompts');
$node->safe_psql('postgres', q(SELECT tenancy.protect('prompts', 'prompts', 'organization_id', 'workspace_id', audit_reads => true)));
as('olivia@acme.test', 'SELECT count(*) FROM prompts WHERE id > 0');
wait_for(q(SELECT count(*) = 11 FROM tenancy.audit_log WHERE action = 'read'), 'while the table asks for it');
# A partition or child through its parent, which is not audited itself
$node->safe_psql('postgres', q(
  CREATE TABLE parts (id int, organization_id uuid) PARTITION BY LIST (id);
  CREATE TABLE part PARTITION OF parts FOR VALUES IN (1);
  CREATE TABLE other PARTITION OF parts FOR VALUES IN (2);
  CREATE TABLE bases (id int, organization_id uuid);
  CREATE TABLE child () INHERITS (bases);
  SELECT tenancy.protect(t, 'prompts', 'organization_id') FROM unnest('{parts,bases}'::regclass[]) t;
  SELECT tenancy.protect(t, 'prompts', 'organization_id', audit_reads => true) FROM unnest('{part,child}'::regclass[]) t;
  GRANT ALL ON parts, bases TO PUBLIC;
));
as('olivia@acme.test', $_) for 'SELECT * FROM parts', 'SELECT * FROM parts WHERE id = 2', 'SELECT * FROM bases', 'INSERT INTO parts (id) VALUES (1)', 'SELECT b.id FROM bases b JOIN parts USING (id)';
wait_for(q(SELECT count(*) >= 4 FROM tenancy.audit_log WHERE action = 'read' AND resource_id IN ('public.part', 'public.child')), 'a read through a parent leaves an entry of the part');
is($node->safe_psql('postgres', q(SELECT resource_id, count(*) FROM tenancy.audit_log WHERE action = 'read' AND resource_id ~ 'part|child|base|other' GROUP BY 1 ORDER BY 1)), "public.child|2\npublic.part|2", 'and only of what was read');
$node->safe_psql('postgres', q(DROP TABLE parts, bases CASCADE));
# a session that has been there before
my $session = $node->background_psql('postgres');
$session->query_safe('SELECT count(*) FROM plain');
$node->safe_psql('postgres', q(CREATE TABLE late (id int, organization_id uuid); SELECT tenancy.protect('late', 'prompts', 'organization_id', audit_reads => true)));
$session->query_safe('SELECT count(*) FROM late');
wait_for(q(SELECT count(*) = 1 FROM tenancy.audit_log WHERE action = 'read' AND resource_id = 'public.late'), 'also in a session that was there before');
$session->quit;

# The longest name that there can be: each byte of it is a quote that is doubled, and a cut could be within a character.
my $longest = q(public."a) . q("") x 58 . 'üü"';
$node->safe_psql('postgres', "CREATE TABLE $longest (id int, organization_id uuid); SELECT tenancy.protect('$longest', 'prompts', 'organization_id', audit_reads => true)");
$node->safe_psql('postgres', "SELECT count(*) FROM $longest");
wait_for(q(SELECT count(*) = 1 FROM tenancy.audit_log WHERE action = 'read' AND resource_id LIKE 'public."a""%üü"'), 'the longest name of a table');

# --- never waiting for a chain --------------------------------------------------------------------------------------

my $holder = $node->background_psql('postgres');
$holder->query_safe(q(BEGIN; SELECT tenancy.create_workspace('acme', 'Held open')));
like(as('mia@acme.test', q(SET statement_timeout = '5s'; SELECT tenancy.create_workspace(NULL, 'X'))), qr/permission denied/, 'refused at once while a change is open');
wait_for(q(SELECT count(*) = 2 FROM tenancy.audit_log WHERE action = 'create_workspace' AND outcome = 'denied' AND after ->> 'permission' = 'workspaces.create'), 'and written at once');
$holder->query_safe('ROLLBACK');
$holder->quit;

# --- exports and simulations, whatever becomes of their transaction ------------------------------------------------------

my $rows = $node->safe_psql('postgres', q(BEGIN; SELECT count(*) FROM tenancy.export_organization('acme'); ROLLBACK));
is($rows, '10', 'an export that is rolled back gives the rows');
wait_for(q(SELECT count(*) = 1 FROM tenancy.audit_log WHERE action = 'begin_export'), 'and leaves an entry');
is(entries(q((SELECT o.slug FROM tenancy.organizations o WHERE o.organization_id = audit_log.organization_id), resource_type, after ->> 'table', outcome), q(action = 'begin_export')), 'acme|organization|all|success', 'for its organization');
is(entries('count(*)', q(action = 'export')), '0', 'beside the one that went with the transaction');
$node->safe_psql('postgres', q(BEGIN; SELECT * FROM tenancy.simulate('SELECT 1', 'mia@acme.test', 'acme', 'app'); ROLLBACK));
wait_for(q(SELECT count(*) = 1 FROM tenancy.audit_log WHERE action = 'begin_simulation'), 'a simulation as well');
is(as('olivia@acme.test', q(SELECT string_agg(action, ' ' ORDER BY action) FROM tenancy.audit_log WHERE action LIKE 'begin%')), 'begin_export begin_simulation', 'which the owner sees');

# --- chains ---------------------------------------------------------------------------------------------------------

is($node->safe_psql('postgres', 'SELECT count(*) FROM tenancy.verify_audit_log()'), '0', 'all chains are intact');
is(as('olivia@acme.test', 'SELECT count(*) FROM tenancy.verify_audit_log()'), '0', 'as the owner finds as well');
is($node->safe_psql('postgres', q(
  BEGIN; ALTER TABLE tenancy.audit_log DISABLE TRIGGER guard;
  DELETE FROM tenancy.audit_log WHERE audit_id = (SELECT min(audit_id) FROM tenancy.audit_log WHERE action = 'read');
  SELECT problem FROM tenancy.verify_audit_log(); ROLLBACK)), 'the entry does not follow the one before it: entries were removed, added or moved', 'a removed read is noticed');
cmp_ok($node->safe_psql('postgres', q(SELECT tenancy.purge_audit_log(now(), 'acme'))), '>', 0, 'purged');
# Not the count of suppressed refusals: its worker writes it a minute after them, which may be now.
is(entries('count(*)', q(chain_id IS NOT NULL AND action <> 'suppress')), '0', 'refusals and reads as well');
is($node->safe_psql('postgres', 'SELECT count(*) FROM tenancy.verify_audit_log()'), '0', 'and the chains go on');
as('olivia@acme.test', 'SELECT count(*) FROM prompts');
wait_for(q(SELECT count(*) = 1 FROM tenancy.audit_log WHERE chain_id IS NOT NULL AND action = 'read'), 'with the next entry');
is($node->safe_psql('postgres', 'SELECT count(*) FROM tenancy.verify_audit_log()'), '0', 'which follows');

# --- the worker goes, and another database has its own ---------------------------------------------------------------

wait_for(q(SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_tenancy audit writer'), 'no worker without work');
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', $setup);
as('olivia@acme.test', 'SELECT count(*) FROM prompts', database => 'other');
ok($node->poll_query_until('other', q(SELECT count(*) = 1 FROM tenancy.audit_log WHERE action = 'read')), 'another database');
is(entries('count(*)', q(chain_id IS NOT NULL AND action = 'read')), '1', 'and not in the first');
as('mia@acme.test', q(SELECT tenancy.create_workspace(NULL, 'X')), database => 'other');
$node->safe_psql('other', 'SELECT tenancy.unprotect(\'prompts\'); DROP EXTENSION pg_tenancy');
ok($node->poll_query_until('postgres', q(SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_tenancy audit writer')), 'the extension is gone, and the worker');
$node->safe_psql('postgres', 'DROP DATABASE other');

# --- where no entry can be queued: a standby, or no preloading -------------------------------------------------------

$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', 'SELECT count(*) FROM prompts'), '10', 'a read on a standby');
like(slurp_file($standby->logfile), qr/LOG:  tenancy audit: \{"at": "[^"]+", .*"action": "read", .*"resource_id": "public.prompts", .*"rows": 1/, 'is in its log');
my ($code, $out, $errors) = $standby->psql('postgres', q(SET tenancy.audit_fallback = refuse; SELECT count(*) FROM prompts));
like($errors, qr/the audit entry of this read cannot be queued/, 'or refused');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM tenancy.audit_events_since()') - $standby->safe_psql('postgres', 'SELECT count(*) FROM tenancy.audit_log'), 0, 'entries are collected on a standby as well');
$standby->stop;

# In a transaction that writes entries itself, before others that end earlier
my $since = $node->safe_psql('postgres', 'SELECT watermark FROM tenancy.audit_events_since() ORDER BY audit_id DESC LIMIT 1');
my $collector = $node->background_psql('postgres');
$collector->query_safe(q(BEGIN; SELECT tenancy.create_workspace('acme', 'One') IS NULL));
$node->safe_psql('postgres', q(SELECT tenancy.create_workspace('globex', 'Meanwhile')));
my $next = $collector->query_safe("SELECT watermark FROM tenancy.audit_events_since('$since')");
like($next, qr/^\S+$/m, 'one entry, of the other transaction');
$next =~ s/\s.*//s;
$collector->query_safe(q(SELECT tenancy.create_workspace('acme', 'Two') IS NULL; COMMIT));
$collector->quit;
is($node->safe_psql('postgres', "SELECT string_agg(l.after ->> 'name', ' ' ORDER BY l.audit_id) FROM tenancy.audit_events_since('$next') s JOIN tenancy.audit_log l USING (audit_id) WHERE l.resource_type = 'workspace'"), 'One Two', 'and later all of its own');

$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\nsession_preload_libraries = 'pg_tenancy'");
$node->restart;
my $offset = -s $node->logfile;
as('olivia@acme.test', 'SELECT count(*) FROM prompts');
like(as('mia@acme.test', q(SELECT tenancy.create_workspace(NULL, 'X'))), qr/permission denied/, 'refused, without preloading');
my $log = slurp_file($node->logfile, $offset);
like($log, qr/tenancy audit: \{.*"action": "read"/,             'a read is in the log');
like($log, qr/tenancy audit: \{.*"action": "create_workspace"/, 'and a refusal');
for my $line ($log =~ /tenancy audit: (\{.*\})$/mg) {
    ok(eval { decode_json($line) }, 'which is JSON');
}

# While others keep a session from reading which tables are audited, it takes each protected one for audited, and waits for nobody.
$node->safe_psql('postgres', q(
  CREATE TABLE quiet (organization_id uuid);
  DO $$ BEGIN PERFORM tenancy.protect('quiet', 'prompts', 'organization_id', create_indexes => true); END $$;
  GRANT ALL ON quiet TO app;
  ALTER DATABASE postgres SET tenancy.audit_fallback = refuse));
sub reads {
    return join ', ', map { as('olivia@acme.test', "SELECT count(*) FROM $_") =~ s/.*cannot be queued/refused/r } 'prompts', 'quiet', 'plain';
}
is(reads(), 'refused, 0, 0', 'where each entry is refused, an audited table is not read');
my $keeper = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
my $waiter = $node->background_psql('postgres', on_error_stop => 0);
$keeper->query_safe('BEGIN; PREPARE p AS SELECT FROM tenancy.protected_tables');
$waiter->query_until(qr/asks/, "\\echo asks\nBEGIN; LOCK TABLE tenancy.protected_tables;\n");
$node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND relation = 'tenancy.protected_tables'::regclass)) or die;
is(reads(), 'refused, refused, 0', 'nor is any protected one while somebody waits for a lock on the list');
$_->quit for $keeper, $waiter;
my $owner = $node->background_psql('postgres');
$owner->query_safe('BEGIN; LOCK TABLE tenancy.protected_tables');
is(reads(), 'refused, refused, 0', 'or while somebody has it');
$owner->query_safe('ROLLBACK');
$owner->quit;
is(reads(), 'refused, 0, 0', 'afterwards');
done_testing();
