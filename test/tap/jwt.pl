# Tokens and the clock, other sessions, and the server's log: what needs a token signed now, by a key made now.

use strict;
use warnings;

use File::Temp qw(tempdir);
use MIME::Base64 qw(encode_base64url);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dir = tempdir(CLEANUP => 1);

sub openssl {
    my (@arguments) = @_;
    my ($output, $errors);
    IPC::Run::run([ 'openssl', @arguments ], '>', \$output, '2>', \$errors) or die "openssl @arguments: $errors";
    return $output;
}

# A token whose times are seconds from now.
sub token {
    my (%times) = @_;
    my $now    = time;
    my $said   = delete $times{claims} // '"organization_id": "acme", "workspace_slug": "search", "scope": "logs.view"';
    my $claims = join ', ', $said,
      map { sprintf '"%s": %d', $_, $now + $times{$_} } sort keys %times;
    my $text = encode_base64url('{"alg": "EdDSA", "typ": "JWT", "kid": "k"}') . '.' . encode_base64url("{$claims}");
    open my $file, '>', "$dir/text" or die $!;
    print $file $text;
    close $file;
    return "$text." . encode_base64url(openssl('pkeyutl', '-sign', '-rawin', '-inkey', "$dir/key", '-in', "$dir/text"));
}

openssl('genpkey', '-algorithm', 'ED25519', '-out', "$dir/key");
my $public = encode_base64url(substr openssl('pkey', '-in', "$dir/key", '-pubout', '-outform', 'DER'), -32);
my $jwks   = qq({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "$public"});

my $node = PostgreSQL::Test::Cluster->new('jwt');
$node->init;
# The tests' servers log every statement otherwise, tokens that are set included.
$node->append_conf('postgresql.conf', "tenancy.log_denied = on\nlog_statement = none");
$node->start;
$node->safe_psql('postgres', qq(
  CREATE EXTENSION pg_tenancy;
  CREATE ROLE app LOGIN;
  SELECT FROM tenancy.create_organization('Acme', 'olivia\@acme.test', 'acme');
  SELECT tenancy.create_workspace('acme', 'Search', 'search', '12');
  SELECT tenancy.set_jwks('acme', '$jwks');
  CREATE TABLE logs (id int, organization_id uuid, workspace_id uuid, user_id uuid);
  INSERT INTO logs SELECT 1, organization_id, workspace_id FROM tenancy.workspaces WHERE slug = 'search';
  SELECT tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id');
  GRANT SELECT, INSERT ON logs TO app;
));

# Results of a new session, and of one that continues
sub rows_by {
    my ($token) = @_;
    my ($code, $out, $errors) = $node->psql('postgres', 'SELECT count(*) FROM logs',
        connstr => $node->connstr('postgres') . " user=app options='-c tenancy.jwt=$token'");
    return $code == 0 ? $out : $errors =~ /(invalid or expired \w+)/ ? $1 : $errors;
}

# --- the clock ------------------------------------------------------------------------------------------------------

is(rows_by(token(exp => 3600)),              '1',                        'a token of one hour');
is(rows_by(token(exp => -15)),               '1',                        'expired within the skew of the clocks');
is(rows_by(token(exp => -40)),               'invalid or expired token', 'expired');
is(rows_by(token(exp => 3600, nbf => 15)),   '1',                        'not yet valid, within the skew');
is(rows_by(token(exp => 3600, nbf => 90)),   'invalid or expired token', 'not yet valid');

# A session whose token expires while it is in use: each statement looks at the clock.
sub session {
    my ($token) = @_;
    my $psql = $node->background_psql('postgres', on_error_stop => 0);
    $psql->query_safe("SET SESSION AUTHORIZATION app");
    $psql->query_safe("SET plan_cache_mode = force_generic_plan");
    $psql->query_safe("PREPARE seen AS SELECT count(*) FROM logs");
    $psql->query_safe("SELECT set_config('tenancy.jwt', '$token', false)");
    return $psql;
}
sub ask {
    my ($psql, $query) = @_;
    $psql->{stderr} = '';
    my $answer = $psql->query($query);
    my $errors = $psql->{stderr};
    $psql->{stderr} = '';
    return $errors =~ /ERROR:\s+(.*)/ ? $1 : $answer;
}

my $expiring = token(exp => -26);    # four seconds left
my $psql     = session($expiring);
is(ask($psql, 'EXECUTE seen'), '1', 'four seconds before it expires');
ask($psql, 'BEGIN');
is(ask($psql, 'EXECUTE seen'), '1', 'in a transaction, too');
ask($psql, 'SAVEPOINT s');
sleep 6;
like(ask($psql, 'EXECUTE seen'), qr/^invalid or expired (token|credential)$/, 'expired: the prepared plan');
ask($psql, 'ROLLBACK TO s');
is(ask($psql, 'SELECT count(*) FROM logs'), 'invalid or expired token', 'expired: a fresh statement of the same transaction');
ask($psql, 'ROLLBACK');
like(ask($psql, 'EXECUTE seen'), qr/^invalid or expired (token|credential)$/, 'expired: after it');
is(ask($psql, 'SELECT kind FROM tenancy.whoami()'), 'invalid or expired token', 'expired: whoami()');
ask($psql, "SET tenancy.jwt = ''");
is(ask($psql, 'EXECUTE seen'), '0', 'no rows without it');
$psql->quit;

# --- the words of gateways ------------------------------------------------------------------------------------------

my $gateway = '"organisation_id": "acme", "workspace": "search", "email_id": "a@x.test"';
$psql = session(token(claims => qq($gateway, "scope": "portkey.completions.write prompts.read"), exp => 3600));
is(ask($psql, 'INSERT INTO logs (id) VALUES (2)'), '', 'completions.write leaves a log');
is(ask($psql, q(SELECT tenancy.authorize('prompts', 'list') AND tenancy.authorize('prompts', 'view'))), 't', 'prompts.read is the level of that name');
is(ask($psql, q(SELECT tenancy.authorize('prompts', 'update') OR tenancy.authorize('logs', 'view'))), 'f', '... and nothing more');
is(ask($psql, 'SELECT tenancy.current_token_subject()'), 'a@x.test', 'whom the token names');
$psql->quit;
$psql = session(token(claims => qq($gateway, "scopes": ["prompts.delete"]), exp => 3600));
is(ask($psql, q(SELECT tenancy.authorize('prompts', 'delete') AND NOT tenancy.authorize('prompts', 'view'))), 't', 'a permission is itself, although a level has its name');
$psql->quit;
$node->safe_psql('postgres', 'DELETE FROM logs WHERE id = 2');

# --- what the holder of a refused token sees -----------------------------------------------------------------------------------

sub refusal_of {
    my ($token) = @_;
    my ($code, $out, $errors) = $node->psql('postgres', 'SELECT count(*) FROM logs',
        connstr => $node->connstr('postgres') . " user=app options='-c tenancy.jwt=$token'");
    return $errors =~ /DETAIL:  (.*)/ ? $1 : $errors =~ /(invalid or expired token)/ ? $1 : $errors . $out;
}
my $place = '"organization_id": "acme", "workspace_slug": "search"';
is(refusal_of(token(claims => '"organization_id": "acme"', exp => 60)), 'It names no workspace (workspace_slug).', 'a claim that is missing');
is(refusal_of(token(claims => $place)), 'It has no valid time of expiry (exp).', 'no end');
is(refusal_of(token(exp => 600, nbf => 300)), 'It is not valid yet (nbf).', 'not yet');
is(refusal_of(token(claims => '"organization_id": "acme", "workspace_slug": "elsewhere"', exp => 60)), 'Its workspace does not exist.', 'another workspace');
(my $forged = token(exp => -60)) =~ s/(.)(.{10})$/($1 eq 'A' ? 'B' : 'A') . $2/e;
is(refusal_of($forged), 'invalid or expired token', 'nothing without a valid signature');
is(refusal_of(token(claims => '"workspace_slug": "search"', exp => 60)), 'invalid or expired token', '... nor without an organization, whose key it would be');
is(refusal_of(token(claims => '"organization_id": "nowhere", "workspace_slug": "search"', exp => 60)), 'invalid or expired token', '... nor about another organization');

# --- other sessions -------------------------------------------------------------------------------------------------

$psql = session(token(exp => 3600));
is(ask($psql, 'EXECUTE seen'), '1', 'before the key is removed');
$node->safe_psql('postgres', "SELECT tenancy.set_jwks('acme', NULL)");
is(ask($psql, 'EXECUTE seen'), 'invalid or expired token', 'once another session has removed the key');
$node->safe_psql('postgres', "SELECT tenancy.set_jwks('acme', '$jwks')");
is(ask($psql, 'EXECUTE seen'), '1', 'once it is back');
$node->safe_psql('postgres', "SELECT tenancy.set_jwks('acme', '$jwks', 'https://id.acme.test')");
is(ask($psql, 'EXECUTE seen'), 'invalid or expired token', 'once tokens need an issuer');
$node->safe_psql('postgres', "SELECT tenancy.set_jwks('acme', '$jwks')");
is(ask($psql, 'EXECUTE seen'), '1', 'once they need none');

# --- the log --------------------------------------------------------------------------------------------------------

my $expired = token(exp => -3600);
my $offset  = -s $node->logfile;
ask($psql, 'SET client_min_messages = log');
ask($psql, 'DEALLOCATE ALL');
$psql->{stderr} = '';
$psql->query("SELECT set_config('tenancy.jwt', '$expired', false), tenancy.current_workspace_id()");
my $shown = $psql->{stderr};
$psql->quit;
my $log = slurp_file($node->logfile, $offset);
like($log, qr/tenancy denied: \{"reason": "token", "detail": "it has expired \(exp\)"\}/, 'the log says why a token was refused');
unlike($log, qr/eyJ/, 'and never has the token');
like($shown, qr/invalid or expired token/, 'the client gets an error');
like($shown, qr/DETAIL:  It has expired \(exp\)\./, '... and why, since its signature is valid');

$node->stop;
done_testing();
