# People's tokens from an identity provider, all the way: keys made and tokens signed by openssl, the issuer trusted with its key set as
# it publishes it, requests one after the other in one session, as behind PostgREST or a pooler.

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

sub new_key {
    my ($kid) = @_;
    openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', "$dir/$kid");
    my ($modulus) = openssl('rsa', '-in', "$dir/$kid", '-noout', '-modulus') =~ /Modulus=([0-9A-F]+)/;
    return sprintf '{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "%s", "n": "%s", "e": "AQAB"}', $kid, encode_base64url(pack 'H*', $modulus);
}

my $issuer = 'https://id.example/realms/shop';

# Claims as Keycloak has them in an access token; times are seconds from now.
sub token {
    my (%given) = @_;
    my $now    = time;
    my %claims = (
        iss => qq("$issuer"), aud => '["shop-api", "account"]', azp => '"shop-web"', sub => '"8d4a0cc6"', typ => '"Bearer"', email => '"mia@acme.test"',
        email_verified => 'true', scope => '"openid profile email"', realm_access => '{"roles": ["owner"]}', iat => -5, exp => 300, %{ $given{claims} // {} });
    $claims{$_} = $now + $claims{$_} for grep { defined $claims{$_} } qw(iat exp nbf);
    my $claims = join ', ', map { qq("$_": $claims{$_}) } grep { defined $claims{$_} } sort keys %claims;
    my $kid    = $given{kid} // 'current';
    my $text   = encode_base64url(qq({"alg": "RS256", "typ": "JWT", "kid": "$kid"})) . '.' . encode_base64url("{$claims}");
    open my $file, '>', "$dir/text" or die $!;
    print $file $text;
    close $file;
    return "$text." . encode_base64url(openssl('dgst', '-sha256', '-sign', "$dir/" . ($given{by} // $kid), '-binary', "$dir/text"));
}

my %jwk = map { $_ => new_key($_) } qw(current next stranger);
my $jwks = sub { '{"keys": [' . join(', ', @jwk{@_}) . ']}' };

my $node = PostgreSQL::Test::Cluster->new('oidc');
$node->init;
$node->append_conf('postgresql.conf', "tenancy.log_denied = on\nlog_statement = none");
$node->start;
$node->safe_psql('postgres', qq(
  CREATE EXTENSION pg_tenancy;
  CREATE ROLE web LOGIN;
  SELECT FROM tenancy.create_organization('Acme', 'olivia\@acme.test', 'acme');
  SELECT FROM tenancy.create_organization('Globex', 'gus\@globex.test', 'globex');
  SELECT tenancy.set_organization_role('acme', 'mia\@acme.test', 'member') FROM tenancy.create_user('mia\@acme.test');
  SELECT tenancy.set_workspace_role('acme/shared-team-workspace', 'mia\@acme.test', 'member');
  CREATE TABLE logs (id int, organization_id uuid, workspace_id uuid, user_id uuid);
  SELECT FROM tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id', create_indexes => true);
  INSERT INTO logs SELECT row_number() OVER (), w.organization_id, w.workspace_id, u.user_id FROM tenancy.workspaces w, tenancy.users u ORDER BY w.organization_id, u.email;
  GRANT ALL ON logs TO web;
));

# One session; each request has its token in its transaction.
my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe('SET SESSION AUTHORIZATION web; SET plan_cache_mode = force_generic_plan; PREPARE seen AS SELECT count(*), count(*) FILTER (WHERE user_id = tenancy.current_user_id()) FROM logs');

sub request {
    my ($token, %given) = @_;
    my $query = $given{query} // 'EXECUTE seen';
    $session->{stderr} = '';
    $session->query('BEGIN');
    $session->query("SELECT set_config('tenancy.jwt', '$token', true) IS NULL, set_config('tenancy.organization', '" . ($given{organization} // '') . "', true) IS NULL");
    my $answer = $session->query($query);
    my $errors = $session->{stderr};
    $session->query('ROLLBACK');
    $session->{stderr} = '';
    $answer = '' if !defined $answer;
    return $errors =~ /ERROR:\s+(.*)(?:\n.*?DETAIL:\s+(.*))?/ ? join(' / ', grep { defined } $1, $2) : $answer;
}
my $refused = 'invalid or expired token';

is(request(token()), $refused, 'an issuer that nobody trusts');
$node->safe_psql('postgres', "SELECT tenancy.trust_issuer(NULL, '$issuer', '" . $jwks->('current') . "', ARRAY['shop-api'], authorized_parties => ARRAY['shop-web'])");
is(request(token()), 'invalid or expired token / Its subject is linked to no user.', 'a subject that nobody has linked') or diag(request(token()));
$node->safe_psql('postgres', "SELECT tenancy.link_identity('$issuer', '8d4a0cc6', 'mia\@acme.test')");

# --- rows are those of the person ---------------------------------------------------------------------------------------

my $seen = request(token());
is(request(token(), query => 'SELECT kind, source, organization, email FROM tenancy.whoami()'), 'user|jwt|acme|mia@acme.test', 'a token stands for its person');
is($seen, $node->safe_psql('postgres', q(
  SELECT tenancy.bind_login('web', 'mia@acme.test');
  SET SESSION AUTHORIZATION web;
  SELECT count(*), count(*) FILTER (WHERE user_id = tenancy.current_user_id()) FROM logs)) =~ s/^\n//r, 'rows are those of a bound login');
like($seen, qr/^[1-9]\d*\|[1-9]/, '(which are some)');
$node->safe_psql('postgres', q(SELECT tenancy.unbind_login('web')));
is(request('', query => 'SELECT count(*) FROM logs'), '0', 'the next request without a token has none of them');
is(request(token(), query => q(SELECT count(*) FROM logs WHERE organization_id <> (SELECT organization_id FROM tenancy.whoami()))), '0', 'nothing of others');
is(request(token(), query => q(SELECT tenancy.authorize('team', 'assign_roles'))), 'f', 'roles in the token are no roles');
is(request(token(claims => { scope => '"openid logs.list"' }), query => q(SELECT tenancy.authorize('prompts', 'view'))), 'f', 'a registered scope narrows');
is(request(token(claims => { scope => '"openid team.assign_roles"' }), query => q(SELECT tenancy.authorize('team', 'assign_roles'))), 'f', '... and never widens');

# --- what is refused ----------------------------------------------------------------------------------------------------

like(request(token(claims => { aud => '"other-api"' })), qr{^\Q$refused\E / .*aud}, 'another audience');
like(request(token(claims => { aud => undef })), qr{^\Q$refused\E / .*aud}, 'no audience');
like(request(token(claims => { azp => '"other-web"' })), qr{^\Q$refused\E / }, 'another client');
like(request(token(claims => { exp => -31 })), qr{^\Q$refused\E / .*expired}, 'expired');
is(request(token(claims => { exp => -15 })), $seen, '... within the skew of clocks');
like(request(token(claims => { nbf => 60 })), qr{^\Q$refused\E / }, 'not yet valid');
like(request(token(claims => { iat => 60 })), qr{^\Q$refused\E / }, 'issued later');
like(request(token(claims => { iat => -90000, exp => 300 })), qr{^\Q$refused\E / }, 'for longer than a day');
like(request(token(claims => { typ => '"Refresh"' })), qr{^\Q$refused\E / }, 'a refresh token');
is(request(token(claims => { iss => '"https://id.example/realms/other"' })), $refused, 'another issuer with the same key');
is(request(token(claims => { iss => '"https://id.example/realms/shop/"' })), $refused, '... that differs by a slash');
is(request(token(kid => 'stranger')), $refused, 'a key that the issuer does not have');
is(request(token(by => 'stranger')), $refused, 'signed by somebody else');
is(request(token(claims => { exp => -31 }, by => 'stranger')), $refused, '... which says nothing about the claims');
like(request(token(claims => { sub => '"stranger"' })), qr{^\Q$refused\E / }, 'another subject');
isnt(request(token(), organization => 'globex'), $seen, 'an organization that the person is not in');
like(request(token(), organization => 'globex'), qr/invalid or expired token|does not exist/, '... is refused');

# --- keys change, people leave ------------------------------------------------------------------------------------------

my $old = token();
is(request(token(kid => 'next')), $refused, 'the next key, before it is there');
$node->safe_psql('postgres', "SELECT tenancy.trust_issuer(NULL, '$issuer', '" . $jwks->('current', 'next') . "', ARRAY['shop-api'], authorized_parties => ARRAY['shop-web'])");
is(request(token(kid => 'next')), $seen, 'once it is');
is(request($old), $seen, '... beside the one before');
$node->safe_psql('postgres', "SELECT tenancy.trust_issuer(NULL, '$issuer', '" . $jwks->('next') . "', ARRAY['shop-api'], authorized_parties => ARRAY['shop-web'])");
is(request($old), $refused, '... which ends with it');
my $before = token(kid => 'next');
is(request($before), $seen, 'before the person leaves');
$node->safe_psql('postgres', q(SELECT tenancy.revoke_api_keys('mia@acme.test', 'acme')));
like(request($before), qr{^\Q$refused\E}, 'tokens end with all keys of the person');
like(request(token(kid => 'next', claims => { iat => 25 })), qr{^\Q$refused\E}, '... also those of an issuer whose clock is ahead');
$node->safe_psql('postgres', q(UPDATE tenancy_internal.ended_tokens SET issued_before = issued_before - interval '31 seconds'));
is(request(token(kid => 'next', claims => { iat => 0 })), $seen, '... and a token issued since is as good as ever');
$node->safe_psql('postgres', q(SELECT tenancy.remove_organization_member('acme', 'mia@acme.test')));
like(request(token(kid => 'next')), qr{^\Q$refused\E}, 'removed');
$node->safe_psql('postgres', "SELECT tenancy.trust_issuer(NULL, '$issuer', NULL, ARRAY['shop-api'])");
is(request(token(kid => 'next')), $refused, 'a trust that has ended');

# --- an organization's own trust tells its members ----------------------------------------------------------------------

$node->safe_psql('postgres', "SELECT tenancy.trust_issuer('globex', '$issuer', '" . $jwks->('next') . "', ARRAY['shop-api'], authorized_parties => ARRAY['shop-web'])");
$node->safe_psql('postgres', "SELECT tenancy.link_identity('$issuer', 'gus', 'gus\@globex.test', 'globex')");
my %claims = (sub => '"gus"');
is(request(token(kid => 'next', claims => \%claims), organization => 'globex', query => 'SELECT organization, email FROM tenancy.whoami()'), 'globex|gus@globex.test', 'a subject that an organization has linked');
like(request(token(kid => 'next', claims => { %claims, aud => '"other-api"' }), organization => 'globex'), qr{^\Q$refused\E / .*aud}, '... learns why a token is refused');
like(request(token(kid => 'next', claims => { %claims, exp => -31 }), organization => 'globex'), qr{^\Q$refused\E / .*expired}, '... or that it has expired');
like(request(token(kid => 'next', claims => \%claims)), qr{^\Q$refused\E / .*choose that}, '... and that it has to choose the organization');
for my $organization ('globex', 'acme', 'nowhere', '') {
    for my $audience ('shop-api', 'other-api') {
        my $from = -s $node->logfile;
        is(request(token(kid => 'next', claims => { sub => '"stranger"', aud => qq("$audience") }), organization => $organization), $refused, "a stranger learns nothing: '$organization', $audience");
        my $why = $organization ne 'globex' ? 'Its issuer is trusted by an organization' : $audience eq 'shop-api' ? 'Its subject is linked to no member' : 'Its audience';
        like(slurp_file($node->logfile, $from), qr/tenancy denied: .*\Q$why/, '... and the log has the reason');
    }
}
$session->quit;

unlike(slurp_file($node->logfile), qr/eyJ/, 'no token in the log');
done_testing();
