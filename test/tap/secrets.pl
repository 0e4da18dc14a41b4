# No secret that the extension makes gets into the server's log, into pg_stat_statements or into a dump, whatever is logged: it
# must never be a parameter of an inner statement.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('secrets');
$node->init;
$node->append_conf('postgresql.conf', q(
shared_preload_libraries = 'pgaudit, auto_explain, pg_stat_statements, pg_tenancy'
log_statement = all
log_min_duration_statement = 0
log_duration = on
log_parameter_max_length = -1
log_parameter_max_length_on_error = -1
log_error_verbosity = verbose
log_min_messages = debug1
debug_print_parse = on
debug_print_rewritten = on
debug_print_plan = on
debug_pretty_print = off
pgaudit.log = all
pgaudit.log_catalog = on
pgaudit.log_parameter = on
pgaudit.log_relation = on
pgaudit.log_rows = on
auto_explain.log_min_duration = 0
auto_explain.log_analyze = on
auto_explain.log_verbose = on
auto_explain.log_triggers = on
auto_explain.log_nested_statements = on
auto_explain.log_settings = on
pg_stat_statements.track = all
pg_stat_statements.track_utility = on
tenancy.log_denied = on
));
# Parameters of nested statements, too
$node->append_conf('postgresql.conf', 'auto_explain.log_parameter_max_length = -1') if $node->pg_version >= 16;
$node->append_conf('postgresql.conf', 'pgaudit.log_parameter_max_size = 0')         if $node->pg_version >= 16;
$node->start;
$node->safe_psql('postgres', q(
  CREATE EXTENSION pg_tenancy;
  CREATE EXTENSION pgaudit;
  CREATE EXTENSION pg_stat_statements;
  CREATE ROLE app LOGIN;
  CREATE TABLE logs (id int, organization_id uuid);
  GRANT ALL ON logs TO app;
  DO $$ BEGIN PERFORM tenancy.protect('logs', 'logs', 'organization_id', create_indexes => true); END $$;
));

# A whole secret, and not its display prefix. No secret's text need be known to find one that was rolled back. Printed trees hold
# constants byte by byte.
my $secret   = qr/pgt_[0-9A-Za-z]{20,}/;
my $digit    = qr/4[89]|5[0-7]|6[5-9]|[78]\d|90|9[7-9]|1[01]\d|12[0-2]/;
my $in_trees = qr/112\s+103\s+116\s+95(?:\s+(?:$digit)){20,}/;

sub secrets_in {
    my ($text) = @_;
    my %found = map { $_ => 1 } $text =~ /$secret|$in_trees/g;
    return scalar keys %found;
}
# Traces of a script: in the log, and in pg_stat_statements.
sub traces {
    my ($script, %options) = @_;
    my $offset = -s $node->logfile;
    $node->safe_psql('postgres', 'SELECT pg_stat_statements_reset()');
    my ($code, $out, $errors) = $node->psql('postgres', $script, %options);
    my $log        = slurp_file($node->logfile, $offset);
    my $statements = $node->safe_psql('postgres', 'SELECT query FROM pg_stat_statements');
    return { code => $code, out => $out // '', errors => $errors // '', log => $log, statements => $statements,
        secrets => secrets_in($log) + secrets_in($statements) };
}

# --- it would be found ----------------------------------------------------------------------------------------------

my $careless = traces(q(
  CREATE TABLE careless (hash bytea);
  CREATE FUNCTION careless() RETURNS text LANGUAGE plpgsql AS $$
  DECLARE new_secret text := tenancy_internal.generate_api_key();
  BEGIN
    INSERT INTO careless VALUES (sha256(convert_to(new_secret, 'UTF8')));
    RETURN new_secret;
  END $$;
  SELECT careless();
));
like($careless->{out}, $secret, 'a function that hands a secret to a statement returns it');
like($careless->{log}, qr/AUDIT: SESSION.*WRITE,INSERT.*\Q$careless->{out}\E/s, '... and it is in the log');
like(traces(q(SELECT 'pgt_00000000000000000000000000000000000000000000'))->{log}, $in_trees, 'so is a constant of a plan');
like(traces(q(SET tenancy.api_key = 'pgt_00000000000000000000000000000000000000000000'))->{log}, $secret, 'and so is a literal SET, which is not ours');

# --- what makes secrets ---------------------------------------------------------------------------------------------

my %made = (
    'create_organization()' => q(SELECT master_key FROM tenancy.create_organization('Acme', 'olivia@acme.test')),
    'create_organization() with a user that exists' => q(SELECT master_key FROM tenancy.create_organization('Acme 2', 'olivia@acme.test')),
    'create_api_key(), organization service key' => q(SELECT secret FROM tenancy.create_api_key('organization_service_key', 'k', 'acme')),
    'create_api_key(), workspace service key' =>
      q(SELECT secret FROM tenancy.create_api_key('workspace_service_key', 'k', workspace => 'acme/shared-team-workspace', scopes => '"all"')),
    'create_api_key(), user key' =>
      q(SELECT secret FROM tenancy.create_api_key('workspace_user_key', 'k', workspace => 'acme/shared-team-workspace', member => 'olivia@acme.test')),
    'create_api_key(), expression in FROM' => q(SELECT (k).secret FROM (SELECT tenancy.create_api_key('organization_service_key', 'k', 'acme') AS k OFFSET 0) s),
    'create_api_key(), prepared' =>
      q(PREPARE make (text) AS SELECT secret FROM tenancy.create_api_key('organization_service_key', $1, 'acme'); EXECUTE make('k')),
    'rotate_api_key()' => q(SELECT tenancy.rotate_api_key(api_key_id) FROM tenancy.api_keys WHERE name = 'rotated'),
    'rotate_api_key(), at once' => q(SELECT tenancy.end_api_key_transition(api_key_id) FROM tenancy.api_keys WHERE name = 'rotated' \g /dev/null
      SELECT tenancy.rotate_api_key(api_key_id, '0') FROM tenancy.api_keys WHERE name = 'rotated'),
    'a function of the user' => q(CREATE FUNCTION sign_up(name text) RETURNS text LANGUAGE sql AS $$
        SELECT master_key FROM tenancy.create_organization(name, 'olivia@acme.test') $$; SELECT sign_up('Acme 3')),
    'a procedure that keeps it in a variable' => q(CREATE FUNCTION sign_up_2(name text) RETURNS text LANGUAGE plpgsql AS $$
        DECLARE made record; BEGIN SELECT * INTO made FROM tenancy.create_organization(sign_up_2.name, 'olivia@acme.test'); RETURN made.master_key; END $$;
      SELECT sign_up_2('Acme 4')),
);
my $first = traces($made{'create_organization()'});
like($first->{out}, qr/^$secret$/, 'create_organization() returns a secret');
is($first->{secrets}, 0, '... which is nowhere else');
like($first->{log}, qr/AUDIT: SESSION.*INSERT INTO tenancy\.api_key_secrets/s, '(the inner statement is logged)');
like($first->{log}, qr/Query Text: INSERT INTO tenancy\.api_key_secrets/, '(and explained)');
like($first->{statements}, qr/INSERT INTO tenancy\.api_key_secrets/, '(and counted)');
$node->safe_psql('postgres', q(SELECT FROM tenancy.create_api_key('organization_service_key', 'rotated', 'acme')));
for my $how (sort grep { $_ ne 'create_organization()' } keys %made) {
    my $traces = traces($made{$how});
    like($traces->{out}, qr/^$secret$/m, "$how returns a secret") or diag($traces->{errors});
    is($traces->{secrets}, 0, '... which is nowhere else');
}

# --- where it ends half-way -----------------------------------------------------------------------------------------

$node->safe_psql('postgres', q(
  CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM 1 / 0; RETURN NULL; END $$;
));
for my $table (qw(api_keys api_key_secrets api_key_scopes)) {
    for my $how ('create_api_key(), organization service key', 'rotate_api_key(), at once', 'a function of the user') {
        next if $table eq 'api_key_scopes' && $how =~ /rotate|function of the user/;
        my $traces = traces("BEGIN; CREATE TRIGGER stop AFTER INSERT OR UPDATE ON tenancy.$table FOR EACH ROW EXECUTE FUNCTION stop(); "
              . ($how =~ /function of/ ? "SELECT sign_up('Acme 5');" : "$made{$how};"));
        like($traces->{errors}, qr/division by zero/, "$how ends at $table");
        is($traces->{secrets}, 0, '... and no secret is left behind');
    }
}
my $taken = traces(q(SELECT FROM tenancy.create_api_key('organization_service_key', 'k', 'acme', external_id => 'x');
  SELECT tenancy.create_api_key('organization_service_key', 'k', 'acme', external_id => 'x')));
like($taken->{errors}, qr/another API key has this external id/, 'an external id that is taken');
is($taken->{secrets}, 0, '... and no secret is left behind');

# --- a session by key: connection options, refused and not ----------------------------------------------------------

my $key   = $node->safe_psql('postgres', q(SELECT secret FROM tenancy.create_api_key('organization_service_key', 'session', 'acme', scopes => '["logs.view"]')));
my $wrong = substr($key, 0, -1) . (substr($key, -1) eq 'a' ? 'b' : 'a');
for my $given ($key, $wrong) {
    my $session = traces(q(SELECT count(*) FROM logs; SHOW tenancy.api_key; SELECT * FROM tenancy.whoami();
        SELECT tenancy.authorize('logs', 'view'); SELECT 1 / 0), connstr => $node->connstr('postgres') . " user=app options='-c tenancy.api_key=$given'");
    like($session->{errors}, $given eq $key ? qr/division by zero/ : qr/invalid or expired API key/, 'a session by connection options');
    is($session->{secrets}, 0, '... leaves no secret behind');
}

# --- plans that a session has itself printed ------------------------------------------------------------------------

# A variable is a constant of a plan: what code with other rights reads of rows that the session doesn't see would be in it.
my %of = map { $_ => $node->safe_psql('postgres', qq(
  SELECT secret || ' ' || u.user_id FROM tenancy.create_api_key('workspace_user_key', '$_', workspace => 'acme/shared-team-workspace', member => '$_\@acme.test',
    scopes => '["traces.write", "traces.view", "traces.list"]'), tenancy.users u WHERE u.email = '$_\@acme.test')) } map {
    $node->safe_psql('postgres', qq(DO \$\$ BEGIN PERFORM tenancy.create_user('$_\@acme.test', '$_'), tenancy.set_organization_role('acme', '$_\@acme.test', 'member'),
      tenancy.set_workspace_role('acme/shared-team-workspace', '$_\@acme.test', 'member'); END \$\$));
    $_
} qw(mia noah);
$node->safe_psql('postgres', q(
  DO $$ BEGIN PERFORM tenancy.create_observability(), tenancy.set_setting('acme', 'members_view_all_data', false); END $$;
  GRANT USAGE ON SCHEMA observability TO app;
  GRANT SELECT, INSERT ON observability.traces TO app;
));
# Runs a script in the session of one of them; returns the messages that it is sent.
sub printed {
    my ($who, $script) = @_;
    my ($key) = split / /, $of{$who};
    my ($code, $out, $errors) = $node->psql('postgres', "SET client_min_messages = log; $script",
        connstr => $node->connstr('postgres') . " user=app options='-c tenancy.api_key=$key'");
    is($code, 0, "$who: $script") or diag($errors);
    return $errors;
}
# An id as trees have it, byte by byte
sub in_trees {
    my (undef, $id) = split / /, $_[0];
    my $bytes = join '\s+', unpack('c16', pack('H*', $id =~ tr/-//dr));
    return qr/(?<=\s)$bytes(?=\s)/;
}
my $span = q(INSERT INTO observability.traces (trace_id, span_id, start_time, name) VALUES ('t', '%s', now(), 'root'));
printed('noah', sprintf $span, 'first');
my $seen = printed('mia', sprintf($span, 'second') . q(; SELECT count(*) FROM observability.traces WHERE trace_id = 't'));
like($seen, qr/LOG:  plan:/, 'a session has its plans printed');
like($seen, in_trees($of{mia}), '... with its own id');
unlike($seen, in_trees($of{noah}), '... and not those of a trigger with the id of who began the trace');
$node->safe_psql('postgres', q(ALTER FUNCTION observability.attribute_spans() RESET debug_print_plan));
like(printed('mia', sprintf $span, 'third'), in_trees($of{noah}), '(without its settings, it would be there)');

# --- in rest --------------------------------------------------------------------------------------------------------

my ($dump, $errors) = run_command([ 'pg_dump', $node->connstr('postgres') ]);
like($dump, qr/COPY tenancy\.api_key_secrets/, 'a dump has the keys');
is(secrets_in($dump), 0, '... and none of their secrets');

done_testing();
