# Dump and restore, in every way that pg_dump and pg_restore know: rights, policies, keys, audit chain and protected tables are
# the same afterwards, and no way leaves a table open.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('dump');
$node->init;
$node->append_conf('postgresql.conf', "log_statement = none\nmax_connections = 30");
$node->start;
my $dir = PostgreSQL::Test::Utils::tempdir();
# pg_upgrade is to keep the same.
my $folder = 'test/pg_upgrade';

sub run {
    my ($what, @command) = @_;
    my ($out, $errors);
    my $ok = IPC::Run::run(\@command, '>', \$out, '2>', \$errors);
    ok($ok, $what) or diag($errors);
    return $out;
}
sub refused {
    my ($what, $pattern, @command) = @_;
    my ($out, $errors);
    my $ok = IPC::Run::run(\@command, '>', \$out, '2>', \$errors);
    ok(!$ok && $errors =~ $pattern, $what) or diag($errors);
}

$node->safe_psql('postgres', q(
  CREATE ROLE app LOGIN; CREATE ROLE mia LOGIN; CREATE ROLE owner;
  CREATE ROLE backup LOGIN BYPASSRLS; GRANT pg_read_all_data TO backup;
  CREATE DATABASE source;
));
run('a world', 'psql', '-X', '-q', '-o', '/dev/null', '-d', $node->connstr('source'), '-f', "$folder/world.sql");
my $secret = $node->safe_psql('source', "SELECT secret FROM secrets WHERE name = 'acme'");

# All of it as text: the catalogs, the policies, privileges, and what everybody sees.
sub state_of {
    my ($server, $database) = @_;
    my $state;
    IPC::Run::run([ 'psql', '-X', '-q', '-A', '-t', '-d', $server->connstr($database), '-f', "$folder/state.sql" ], '>', \$state, '2>&1');
    return $state;
}

my $source = state_of($node, 'source');
like($source, qr/^logs\|1 1 2 2 3 3$/m, 'the state has rows that are seen') or diag($source);
like($source, qr/^wrote to acme$/m, 'a session with a principal writes');
unlike($source, qr/state\.sql:\d+: ERROR|ERROR:\s++(?!42501|28000)/, 'and no errors other than refusals');
my $entries = $node->safe_psql('source', 'SELECT count(*) FROM tenancy.audit_log');

# --- whole databases ------------------------------------------------------------------------------------------------

my $connection = $node->connstr;
run('pg_dump, plain', 'pg_dump', '-d', "$connection dbname=source", '-f', "$dir/plain.sql");
run('pg_dump --inserts', 'pg_dump', '-d', "$connection dbname=source", '--inserts', '-f', "$dir/inserts.sql");
run('pg_dump, custom, by the backup role', 'pg_dump', '-d', "$connection dbname=source user=backup", '-Fc', '-f', "$dir/custom");
run('pg_dump, directory, in parallel', 'pg_dump', '-d', "$connection dbname=source", '-Fd', '-j', '2', '-f', "$dir/directory");

my %restore = (
    plain      => sub { ('psql',       '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', "$connection dbname=$_[0]", '-f', "$dir/plain.sql") },
    inserts    => sub { ('psql',       '-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-d', "$connection dbname=$_[0]", '-f', "$dir/inserts.sql") },
    custom     => sub { ('pg_restore', '--exit-on-error', '-d', "$connection dbname=$_[0]", "$dir/custom") },
    one_transaction => sub { ('pg_restore', '-1', '-d', "$connection dbname=$_[0]", "$dir/custom") },
    directory  => sub { ('pg_restore', '--exit-on-error', '-j', '2', '-d', "$connection dbname=$_[0]", "$dir/directory") },
    parallel   => sub { ('pg_restore', '--exit-on-error', '-j', '4', '-d', "$connection dbname=$_[0]", "$dir/custom") },
);
for my $way (sort keys %restore) {
    $node->safe_psql('postgres', "CREATE DATABASE $way");
    run("restore: $way", $restore{$way}->($way));
    is(state_of($node, $way), $source, "$way: all is as it was");
}

# A restored database works: the chain, the guards, foreign keys.
$node->safe_psql('parallel', q(SELECT tenancy.set_setting('acme', 'members_view_all_data', true)));
is($node->safe_psql('parallel', 'SELECT count(*) FROM tenancy.audit_log'), $entries + 1, 'a change leaves an entry');
is($node->safe_psql('parallel', 'SELECT count(*) FROM tenancy.verify_audit_log()'), '0', 'the chain goes on');
for ([ 'ALTER TABLE logs DISABLE ROW LEVEL SECURITY', qr/is protected/ ],
    [ 'CREATE POLICY p ON events USING (true)', qr/is protected/ ],
    [ 'DELETE FROM tenancy.audit_log', qr/audit entries cannot be removed/ ],
    [ q(INSERT INTO tenancy.workspaces (organization_id, slug, name) VALUES (gen_random_uuid(), 'x', 'x')), qr/violates foreign key/ ],
    [ q(DELETE FROM tenancy.organization_members WHERE user_id = (SELECT user_id FROM tenancy.users WHERE email = 'olivia@acme.test')), qr/the last owner/ ]) {
    my (undef, undef, $errors) = $node->psql('parallel', $_->[0]);
    like($errors, $_->[1], "afterwards: $_->[0]");
}
is($node->safe_psql('parallel', 'CREATE TABLE events_3 PARTITION OF events FOR VALUES IN (3); SELECT count(*) FROM tenancy.protected_tables WHERE relation = \'events_3\'::regclass'),
    '1', 'a new partition is protected');
is($node->safe_psql('one_transaction', 'SHOW session_replication_role'), 'origin', 'triggers fire again');

# --- a database without the resources of a gateway --------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE saas');
$node->safe_psql('saas', q(
  CREATE EXTENSION pg_tenancy;
  SELECT tenancy.use_vocabulary('none'), tenancy.register_resource('invoices', 'invoices', members => '{view}');
  SELECT FROM tenancy.create_organization('Acme', 'olivia@acme.test');
  SELECT tenancy.set_setting('acme', 'members_view_invoices', false), tenancy.set_setting('acme', 'members_view_keys', true);
));
my $vocabulary = q(
  SELECT string_agg(p::text, ' ' ORDER BY p::text) FROM tenancy.permissions p;
  SELECT string_agg(d::text, ' ' ORDER BY d::text) FROM tenancy.setting_definitions d;
  SELECT string_agg(g::text, ' ' ORDER BY g::text) FROM tenancy.grants g;
  SELECT count(*) FROM tenancy.audit_log;
  SELECT count(*) FROM tenancy.verify_audit_log();
);
my $chosen = $node->safe_psql('saas', $vocabulary);
unlike($chosen, qr/prompts/, 'the vocabulary is left out');
like($chosen, qr/members_write_invoices/, 'and a resource has its settings');
run('pg_dump of it', 'pg_dump', '-d', "$connection dbname=saas", '-f', "$dir/saas.sql");
run('pg_dump of it, custom', 'pg_dump', '-d', "$connection dbname=saas", '-Fc', '-f', "$dir/saas");
for ([ 'saas_plain', 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/saas.sql" ],
    [ 'saas_parallel', 'pg_restore', '--exit-on-error', '-j', '4', "$dir/saas" ]) {
    my ($name, $program, @options) = @$_;
    $node->safe_psql('postgres', "CREATE DATABASE $name");
    run("restore: $name", $program, '-d', "$connection dbname=$name", @options);
    is($node->safe_psql($name, $vocabulary), $chosen, "$name: the vocabulary is what it was");
    $node->safe_psql($name, q(SELECT tenancy.use_vocabulary('llm_gateway')));
    is($node->safe_psql($name, q(SELECT count(*) FROM tenancy.permissions WHERE built_in)), $node->safe_psql('source', 'SELECT count(*) FROM tenancy.permissions WHERE built_in'),
        "$name: and can be changed");
    $node->safe_psql('postgres', "DROP DATABASE $name");
}

# --- tables that follow the logging settings --------------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE kept');
$node->safe_psql('kept', q(
  CREATE EXTENSION pg_tenancy;
  SELECT FROM tenancy.create_organization('Acme', 'olivia@acme.test');
  CREATE TABLE messages (id int PRIMARY KEY, organization_id uuid, workspace_id uuid, body text NOT NULL DEFAULT '');
  CREATE TABLE calls (id int, day int NOT NULL, organization_id uuid, workspace_id uuid, body text) PARTITION BY LIST (day);
  CREATE TABLE calls_1 PARTITION OF calls FOR VALUES IN (1);
  CREATE TABLE notes (id int, organization_id uuid, workspace_id uuid, body text);
  CREATE TABLE notes_old () INHERITS (notes);
  CREATE TABLE threads (id int PRIMARY KEY, organization_id uuid, workspace_id uuid, latest int, body text);
  CREATE TABLE replies (id int PRIMARY KEY, organization_id uuid, workspace_id uuid, thread int NOT NULL REFERENCES threads, body text);
  ALTER TABLE threads ADD FOREIGN KEY (latest) REFERENCES replies;
  CREATE TABLE announcements (id int PRIMARY KEY, organization_id uuid, workspace_id uuid, published boolean NOT NULL DEFAULT false);
  CREATE TABLE listings (id int, organization_id uuid, workspace_id uuid, published boolean NOT NULL DEFAULT false, PRIMARY KEY (id)) PARTITION BY HASH (id);
  CREATE TABLE listings_0 PARTITION OF listings FOR VALUES WITH (MODULUS 1, REMAINDER 0);
  SELECT tenancy.protect(t, 'prompts', 'organization_id', 'workspace_id', create_indexes => true, actions => '{"publish": ["published"]}')
  FROM unnest('{announcements,listings}'::regclass[]) t;
  SELECT tenancy.protect(t, 'logs', 'organization_id', 'workspace_id', create_indexes => true) FROM unnest('{messages,calls,notes,threads,replies}'::regclass[]) t;
  SELECT tenancy.apply_logging_settings(t, 'logs', '{body}') FROM unnest('{messages,calls,notes,threads,replies}'::regclass[]) t;
  SELECT tenancy.create_observability();
  SELECT tenancy.apply_logging_settings('observability'::regnamespace);
  INSERT INTO messages SELECT 1, organization_id, workspace_id, 'kept' FROM tenancy.workspaces;
  INSERT INTO calls SELECT 1, 1, organization_id, workspace_id, 'kept' FROM tenancy.workspaces;
  INSERT INTO notes_old SELECT 1, organization_id, workspace_id, 'kept' FROM tenancy.workspaces;
  INSERT INTO threads SELECT 1, organization_id, workspace_id, NULL, 'kept' FROM tenancy.workspaces;
  INSERT INTO replies SELECT 1, organization_id, workspace_id, 1, 'kept' FROM tenancy.workspaces;
  UPDATE threads SET latest = 1;
  SELECT tenancy.set_logging('acme', 'legal_hold', 'on'), tenancy.set_logging('acme', 'store_content', 'none');
));
my $kept = q(
  SELECT string_agg(concat_ws(' ', tgrelid::regclass, tgname, tgenabled, pg_get_triggerdef(oid)), '; ' ORDER BY tgrelid::regclass::text, tgname) FROM pg_trigger WHERE tgname LIKE '~~tenancy_keep%';
  SELECT string_agg(concat_ws(' ', polrelid::regclass, pg_get_expr(polqual, polrelid)), '; ' ORDER BY polrelid::regclass::text, polname) FROM pg_policy WHERE polname LIKE 'tenancy_retention%';
  SELECT string_agg(k::text, ' ' ORDER BY k::text) FROM tenancy_internal.kept_tables k;
  SELECT * FROM messages UNION ALL SELECT id, organization_id, workspace_id, body, received_at FROM calls UNION ALL SELECT * FROM notes
    UNION ALL SELECT latest, organization_id, workspace_id, body, received_at FROM threads UNION ALL SELECT thread, organization_id, workspace_id, body, received_at FROM replies ORDER BY 5;
  SELECT string_agg(concat_ws(' ', tgrelid::regclass, pg_get_triggerdef(oid), tgenabled), '; ' ORDER BY tgrelid::regclass::text, tgname) FROM pg_trigger WHERE NOT tgisinternal;
  SELECT count(*) FROM tenancy.verify_audit_log();
);
my $following = $node->safe_psql('kept', $kept);
like($following, qr/~~tenancy_keep_row_content A/, 'tables follow the logging settings');
like($following, qr/~tenancy_action_1_insert" .* public[.]announcements .*~~~tenancy_action_1_move" .* public[.]listings_0 /, 'and others have actions and a key');
run('pg_dump of them', 'pg_dump', '-d', "$connection dbname=kept", '-f', "$dir/kept.sql");
run('pg_dump of them, custom', 'pg_dump', '-d', "$connection dbname=kept", '-Fc', '-f', "$dir/kept");
for ([ 'kept_plain', 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-f', "$dir/kept.sql" ],
    [ 'kept_custom', 'pg_restore', '--exit-on-error', "$dir/kept" ],
    [ 'kept_one_transaction', 'pg_restore', '-1', "$dir/kept" ],
    [ 'kept_parallel', 'pg_restore', '--exit-on-error', '-j', '4', "$dir/kept" ]) {
    my ($name, $program, @options) = @$_;
    $node->safe_psql('postgres', "CREATE DATABASE $name");
    run("restore: $name", $program, '-d', "$connection dbname=$name", @options);
    is($node->safe_psql($name, $kept), $following, "$name: they follow them as before");
    for my $way ('DELETE FROM messages', 'DELETE FROM calls', 'DELETE FROM notes', 'TRUNCATE calls_1') {
        my (undef, undef, $errors) = $node->psql($name, $way);
        like($errors, qr/legal hold/, "$name: a hold holds: $way");
    }
    is($node->safe_psql($name, q(INSERT INTO messages SELECT 2, organization_id, workspace_id, 'secret' FROM tenancy.workspaces; SELECT body FROM messages WHERE id = 2)), '',
        "$name: and content is emptied");
    $node->safe_psql('postgres', "DROP DATABASE $name");
}

# Rows alone, of tables that refer to each other: disabled triggers are ordinary ones afterwards, by which rows are not kept.
my @catalogs = ('tenancy', 'tenancy_internal');
$node->safe_psql('postgres', 'CREATE DATABASE kept_rows');
run('restore: the schema', 'pg_restore', '--exit-on-error', '-s', '-d', "$connection dbname=kept_rows", "$dir/kept");
run('restore: rows of the catalogs', 'pg_restore', '--exit-on-error', '-a', (map { ('-n', $_) } @catalogs), '-d', "$connection dbname=kept_rows", "$dir/kept");
my @rows = ('pg_restore', '--exit-on-error', '-a', '--disable-triggers', (map { ('-N', $_) } @catalogs), '-d', "$connection dbname=kept_rows", "$dir/kept");
refused('restore: other rows, with guard rails', qr/must stay enabled always/, @rows);
{
    local $ENV{PGOPTIONS} = '-c tenancy.guard_rails=off';
    run('restore: other rows, without them', @rows);
}
my $fixes = $node->safe_psql('kept_rows', q(SELECT fix_sql FROM tenancy.advise() WHERE rule = 'protection_broken' ORDER BY 1));
like($fixes, qr/apply_logging_settings\('public[.]threads'/, 'advise() names the tables');
$node->safe_psql('kept_rows', $_) for split /\n/, $fixes;
is($node->safe_psql('kept_rows', $kept), $following, 'and mends them: all is as it was');
$node->safe_psql('postgres', 'DROP DATABASE kept_rows');

# pg_dumpall would have it all once more.
$node->safe_psql('postgres', 'DROP DATABASE kept');

# --- actions of one's own for a built-in resource, beside a resource of one's own -----------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE words');
$node->safe_psql('words', q(
  CREATE EXTENSION pg_tenancy;
  SELECT tenancy.register_resource('invoices', 'invoices', members => '{view}'), tenancy.register_permission('prompts', 'archive', 'Archive prompts');
  SELECT FROM tenancy.create_organization('Acme', 'olivia@acme.test');
  SELECT tenancy.set_setting('acme', 'members_view_invoices', false), tenancy.grant_permission('acme', 'workspace', 'member', 'prompts', 'archive');
));
my $words = $node->safe_psql('words', $vocabulary);
like($words, qr/archive.*members_write_invoices/s, 'there are both');
run('pg_dump of them', 'pg_dump', '-d', "$connection dbname=words", '-Fc', '-f', "$dir/words");
for ([ 'words_restored', '--exit-on-error' ], [ 'words_one_transaction', '-1' ]) {
    my ($name, @options) = @$_;
    $node->safe_psql('postgres', "CREATE DATABASE $name");
    run("restore: $name", 'pg_restore', @options, '-d', "$connection dbname=$name", "$dir/words");
    is($node->safe_psql($name, $vocabulary), $words, "$name: the vocabulary is what it was");
    $node->safe_psql('postgres', "DROP DATABASE $name");
}
$node->safe_psql('postgres', 'DROP DATABASE words');

# --- one table, with all that protect() and apply_logging_settings() were called with -------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE options');
$node->safe_psql('options', q(
  CREATE EXTENSION pg_tenancy;
  SELECT FROM tenancy.create_organization('Acme', 'olivia@acme.test');
  CREATE TABLE other (id int, organization_id uuid);
  SELECT tenancy.protect('other', 'prompts', 'organization_id', create_indexes => true);
  CREATE TABLE docs (id int, organization_id uuid, author uuid, begun_by uuid, body text, published boolean DEFAULT false);
  SELECT tenancy.protect('docs', 'prompts', 'organization_id', owner => 'author', initiator => 'begun_by', fill_nulls => true, actions => '{"publish": ["published"]}', create_indexes => true);
  SELECT tenancy.apply_logging_settings('docs', 'payloads', '{body}');
  INSERT INTO docs SELECT 1, organization_id, NULL, NULL, 'kept' FROM tenancy.organizations;
));
my $options = q(
  SELECT string_agg((to_jsonb(t) - 'protected_at' - 'row_security_before' - 'force_before')::text, ' ') FROM tenancy.protected_tables t WHERE t.relation = 'docs'::regclass;
  SELECT string_agg(k::text, ' ') FROM tenancy_internal.kept_tables k;
  SELECT string_agg(concat_ws(' ', tgname, tgenabled, pg_get_triggerdef(oid)), '; ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = 'docs'::regclass;
  SELECT string_agg(concat_ws(' ', polname, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)), '; ' ORDER BY polname) FROM pg_policy WHERE polrelid = 'docs'::regclass;
);
my $before = $node->safe_psql('options', $options);
like($before, qr/payloads.*check_action.*tenancy_writer/s, 'a table with all of them');
run('pg_dump of it', 'pg_dump', '-d', "$connection dbname=options", '-Fc', '-f', "$dir/options");
run('pg_dump of one table', 'pg_dump', '-d', "$connection dbname=options", '-t', 'docs', '-f', "$dir/options.sql");
run('pg_dump without the other', 'pg_dump', '-d', "$connection dbname=options", '-T', 'other', '-Fc', '-f', "$dir/options_without");
$node->safe_psql('options', 'DROP TABLE docs');
run('restore: it alone, as SQL', 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', "$connection dbname=options", '-f', "$dir/options.sql");
is($node->safe_psql('options', $options), $before, 'all is as it was');
$node->safe_psql('options', 'DROP TABLE docs');
run('restore: it alone, of an archive', 'pg_restore', '--exit-on-error', '-t', 'docs', '-d', "$connection dbname=options", "$dir/options");
$node->safe_psql('options', $_) for split /\n/, $node->safe_psql('options', q(SELECT fix_sql FROM tenancy.advise() WHERE rule = 'closed_table'));
is($node->safe_psql('options', $options), $before, 'all is as it was, by what advise() says');
$node->safe_psql('postgres', 'CREATE DATABASE options_without');
refused('restore: without the other', qr/relation "public.other" does not exist/, 'pg_restore', '-d', "$connection dbname=options_without", "$dir/options_without");
my (undef, undef, $lost) = $node->psql('options_without', q(SELECT tenancy.protect('docs', 'prompts', 'organization_id', owner => 'begun_by')));
like($lost, qr/has a protection that is not on record/, 'a call that would drop some of it is refused');
$node->safe_psql('options_without', $_) for split /\n/, $node->safe_psql('options_without', q(SELECT fix_sql FROM tenancy.advise() WHERE rule = 'unrecorded_protection'));
is($node->safe_psql('options_without', $options), $before, 'all is as it was, by what advise() says');

# A table that has become a member of an extension is left out, and the record of it; that of others is there.
$node->safe_psql('options', q(SET tenancy.guard_rails = off; ALTER EXTENSION plpgsql ADD TABLE other));
run('pg_dump with a member of an extension', 'pg_dump', '-d', "$connection dbname=options", '-Fc', '-f', "$dir/options_member");
$node->safe_psql('postgres', 'CREATE DATABASE options_member');
run('restore: without that table', 'pg_restore', '--exit-on-error', '-d', "$connection dbname=options_member", "$dir/options_member");
is($node->safe_psql('options_member', $options), $before, 'all else is as it was');
$node->safe_psql('postgres', "DROP DATABASE $_") for 'options', 'options_without', 'options_member';

# --- parts ----------------------------------------------------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE schema_only');
run('restore: schema only', 'pg_restore', '--exit-on-error', '-s', '-d', "$connection dbname=schema_only", "$dir/custom");
$node->safe_psql('schema_only', 'INSERT INTO logs (id) VALUES (1); INSERT INTO events VALUES (1, 1, 1)');
is($node->safe_psql('schema_only', 'SELECT count(*) FROM logs; SELECT count(*) FROM events', connstr => $node->connstr('schema_only') . ' user=app'),
    "0\n0", 'without the catalogs, tables are closed');
is($node->safe_psql('schema_only', q(SELECT object FROM tenancy.advise() WHERE rule = 'unrecorded_protection' ORDER BY object)),
    "public.documents\npublic.events\npublic.logs\npublic.scans", 'which advise() names');
$node->safe_psql('schema_only', q(SELECT tenancy.register_permission('datasets', 'view', 'x')));
$node->safe_psql('schema_only', $_) for split /\n/, $node->safe_psql('schema_only', q(SELECT fix_sql FROM tenancy.advise() WHERE rule = 'unrecorded_protection' ORDER BY object));
is($node->safe_psql('schema_only', q(SELECT count(*) FROM tenancy.advise() WHERE rule = 'unrecorded_protection')), '0', 'and mends');
is($node->safe_psql('schema_only', q(SELECT relation FROM tenancy.protected_tables WHERE workspace_implies_organization)), 'logs', 'with what was vouched for');

# One table: from an archive it comes without policies and without what enables row security, but with its grants.
$node->safe_psql('postgres', 'CREATE DATABASE one_table');
$node->safe_psql('one_table', 'CREATE EXTENSION pg_tenancy');
run('restore: one table of an archive', 'pg_restore', '--exit-on-error', '-t', 'documents', '-t', 'logs', '-d', "$connection dbname=one_table", "$dir/custom");
is($node->safe_psql('one_table', 'SELECT count(*) FROM logs'), '9', 'its rows are there');
is($node->safe_psql('one_table', 'SELECT count(*) FROM logs; SELECT count(*) FROM documents', connstr => $node->connstr('one_table') . ' user=app'), "0\n0", 'and they are visible to no principal');
$node->safe_psql('one_table', q(SET tenancy.guard_rails = off; ALTER TABLE logs DISABLE ROW LEVEL SECURITY));
is($node->safe_psql('one_table', 'SELECT count(*) FROM logs', connstr => $node->connstr('one_table') . ' user=app'), '9', '(without the guard rails it would have been open)');
is($node->safe_psql('one_table', q(SELECT object FROM tenancy.advise() WHERE rule = 'row_security_not_enabled')), 'public.logs', '(and advise() would have said so)');

# A table that guard rails have closed: the dump says so itself.
$node->safe_psql('postgres', 'CREATE DATABASE closing; CREATE DATABASE closed; CREATE DATABASE closed_in_parallel');
$node->safe_psql('closing', q(
  CREATE EXTENSION pg_tenancy;
  CREATE TABLE kinds (kind int PRIMARY KEY);
  CREATE TABLE things (id int PRIMARY KEY, organization_id uuid);
  SELECT tenancy.protect('things', 'logs', 'organization_id');
  DROP TABLE things;
  CREATE TABLE things (id int PRIMARY KEY, kind int REFERENCES kinds, name text CHECK (name <> ''));
  CREATE INDEX ON things (name);
  INSERT INTO things (id) VALUES (1);
  GRANT SELECT ON things TO app;
));
run('pg_dump with a closed table', 'pg_dump', '-Fc', '-d', "$connection dbname=closing", '-f', "$dir/closing");
run('restore: with a closed table', 'pg_restore', '--exit-on-error', '-d', "$connection dbname=closed", "$dir/closing");
run('restore: with a closed table, in parallel', 'pg_restore', '--exit-on-error', '-j', '4', '-d', "$connection dbname=closed_in_parallel", "$dir/closing");
is($node->safe_psql($_, 'SELECT count(*) FROM things'), '1', 'its row is there') for 'closed', 'closed_in_parallel';
is($node->safe_psql($_, 'SELECT count(*) FROM things', connstr => $node->connstr($_) . ' user=app'), '0', 'and closed') for 'closed', 'closed_in_parallel';
is($node->safe_psql($_, q(SELECT object FROM tenancy.advise() WHERE rule = 'closed_table')), 'public.things', 'which advise() says') for 'closed', 'closed_in_parallel';

# The same table again into the database that it comes from, as after a mistake.
run('pg_dump of one table', 'pg_dump', '-d', "$connection dbname=source", '-t', 'logs', '-t', 'log_entries', '-f', "$dir/logs.sql");
$node->safe_psql('plain', 'DROP TABLE logs CASCADE');
run('restore: one table as SQL', 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', "$connection dbname=plain", '-f', "$dir/logs.sql");
is($node->safe_psql('plain', 'SELECT count(*) FROM logs', connstr => $node->connstr('plain') . " user=app options='-c tenancy.api_key=$secret'"), '6', 'comes back with its policies');
is($node->safe_psql('plain', q(SELECT count(*) FROM tenancy.protected_tables WHERE relation = 'logs'::regclass)), '1', 'and is recorded again');
is($node->safe_psql('plain', q(SELECT count(*) FROM tenancy.advise() WHERE object = 'public.logs' AND severity = 'error')), '0', 'with nothing to be said of it');
$node->safe_psql('plain', 'DROP TABLE logs CASCADE');
run('restore: one table of an archive, where its name is known', 'pg_restore', '--exit-on-error', '-t', 'logs', '-d', "$connection dbname=plain", "$dir/custom");
is($node->safe_psql('plain', 'SELECT count(*) FROM logs'), '9', 'its rows are there');
is($node->safe_psql('plain', 'SELECT count(*) FROM logs', connstr => $node->connstr('plain') . " user=app options='-c tenancy.api_key=$secret'"), '0', 'and closed');
$node->safe_psql('plain', $_) for split /\n/, $node->safe_psql('plain', q(SELECT fix_sql FROM tenancy.advise() WHERE rule = 'closed_table'));
is($node->safe_psql('plain', 'SELECT count(*) FROM logs', connstr => $node->connstr('plain') . " user=app options='-c tenancy.api_key=$secret'"), '6', 'until it is protected again, by what advise() says');

# A part of the catalogs alone is believed, and found out.
$node->safe_psql('postgres', 'CREATE DATABASE half');
$node->safe_psql('half', 'CREATE EXTENSION pg_tenancy');
run('restore: some of the catalogs', 'pg_restore', '--exit-on-error', '-a', '-n', 'tenancy', '-t', 'workspaces', '-d', "$connection dbname=half", "$dir/custom");
is($node->safe_psql('half', q(SELECT rule, object FROM tenancy.advise() WHERE rule = 'dangling_catalog_rows')), 'dangling_catalog_rows|tenancy.workspaces', 'advise() finds rows that refer to nothing');

# Without one of the protected tables, the record of what is protected can't be loaded; the policies hold.
run('pg_dump without a table', 'pg_dump', '-d', "$connection dbname=source", '-T', 'logs', '-T', 'log_entries', '-Fc', '-f', "$dir/without");
$node->safe_psql('postgres', 'CREATE DATABASE without_one');
refused('restore: without a table', qr/relation "public.logs" does not exist/, 'pg_restore', '-d', "$connection dbname=without_one", "$dir/without");
is($node->safe_psql('without_one', 'SELECT count(*) FROM events', connstr => $node->connstr('without_one') . " user=app options='-c tenancy.api_key=$secret'"), '5', 'a tenant sees its rows');
is($node->safe_psql('without_one', 'SELECT count(*) FROM events', connstr => $node->connstr('without_one') . ' user=app'), '0', 'and none without a principal');
$node->safe_psql('without_one', $_) for split /\n/, $node->safe_psql('without_one', q(SELECT fix_sql FROM tenancy.advise() WHERE rule = 'unrecorded_protection'));
is($node->safe_psql('without_one', q(SELECT string_agg(relation::text, ' ' ORDER BY relation::text) FROM tenancy.protected_tables)), 'documents events events_1 events_2 scans', 'advise() says how to record them');

# --- whoever is under row security ----------------------------------------------------------------------------------

refused('a dump by somebody under row security is refused', qr/query would be affected by row-level security policy/,
    'pg_dump', '-d', "$connection dbname=source user=app", '-t', 'logs');
my $own = run('unless it asks for its own rows', 'env', "PGOPTIONS=-c tenancy.api_key=$secret",
    'pg_dump', '-d', "$connection dbname=source user=app", '-a', '-t', 'logs', '--enable-row-security');
my @payloads = $own =~ /\tbody \d$/mg;
is(scalar @payloads, 6, 'which it gets, and no others');
my $all = run('the backup role gets all', 'pg_dump', '-d', "$connection dbname=source user=backup", '-a', '-t', 'logs');
@payloads = $all =~ /\tbody \d$/mg;
is(scalar @payloads, 9, 'of every tenant');

# --- the whole cluster ----------------------------------------------------------------------------------------------

my $other = PostgreSQL::Test::Cluster->new('other');
$other->init;
$other->append_conf('postgresql.conf', 'log_statement = none');
$other->start;
$node->safe_psql('postgres', "DROP DATABASE $_") for sort(keys %restore), qw(schema_only one_table half without_one);
run('pg_dumpall', 'pg_dumpall', '-d', "$connection dbname=postgres", '-f', "$dir/all.sql");
# The role that runs this test exists there already.
IPC::Run::run([ 'psql', '-X', '-q', '-d', $other->connstr('postgres'), '-f', "$dir/all.sql" ], '>', \my $out, '2>', \my $errors);
my @errors = grep { !/role ".*" already exists/ } $errors =~ /ERROR:.*/g;
is_deeply(\@errors, [], 'restore: pg_dumpall');
$source = state_of($node, 'source');
is(state_of($other, 'source'), $source, 'pg_dumpall: all is as it was');

# --- a login that is gone, whose number another one has where the dump is restored ----------------------------------

$node->safe_psql('source', q(CREATE ROLE gone LOGIN; SELECT FROM tenancy.trust_login('gone')));
my $number = $node->safe_psql('source', q(SELECT 'gone'::regrole::oid; DROP ROLE gone));
is($node->safe_psql('source', "SELECT trusted FROM tenancy.login_bindings WHERE login = $number"), 't', 'the binding of a role that is gone');
run('pg_dump', 'pg_dump', '-d', "$connection dbname=source", '-f', "$dir/gone.sql");
$other->stop;
run('the next role of the other cluster', 'pg_resetwal', '-o', $number, $other->data_dir);
$other->start;
is($other->safe_psql('postgres', q(CREATE ROLE stranger LOGIN; SELECT 'stranger'::regrole::oid)), $number, '... has its number');
$other->safe_psql('postgres', 'CREATE DATABASE later');
run('restored there', 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $other->connstr('later'), '-f', "$dir/gone.sql");
sub whom_stranger_may_name {
    my ($code, $out, $complaint) = $other->psql('later', 'SELECT email FROM tenancy.whoami()',
        connstr => $other->connstr('later') . " user=stranger options='-c tenancy.user=olivia\@acme.test'");
    return $code == 0 ? $out : $complaint =~ /ERROR:\s+(.*)/ ? $1 : $complaint;
}
is(whom_stranger_may_name(), 'setting "tenancy.user" is honored on trusted logins only', 'a stranger of that number is trusted with nothing');
is($other->safe_psql('later', q(SELECT string_agg(login::text, ' ' ORDER BY login::text) FROM tenancy.login_bindings)),
    $node->safe_psql('source', "SELECT string_agg(login::text, ' ' ORDER BY login::text) FROM tenancy.login_bindings WHERE login <> $number"), 'and the others are');
$other->safe_psql('later', "INSERT INTO tenancy.login_bindings (login, trusted) VALUES ('$number', true)");
isnt(whom_stranger_may_name(), 'setting "tenancy.user" is honored on trusted logins only', '(it would have been, by the number)');
$other->stop;

$node->stop;
done_testing();
