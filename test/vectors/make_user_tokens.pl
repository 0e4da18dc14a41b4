#!/usr/bin/perl
# make_user_tokens.pl >sql/include/user_tokens.sql
#
# Makes the tokens that sql/user_tokens.sql tries: claims as identity providers document them, and ways to cheat. Needs
# the openssl program. Keys are made anew each time and their private halves are thrown away, so all tokens are replaced
# together. Then run the test and read the difference: there should be none.
use strict;
use warnings;
use FindBin;
use MIME::Base64 qw(encode_base64url);

use lib $FindBin::Bin;
use signing qw(new_key rs256 es256 eddsa);

my ($issued, $ends) = (1704067200, 4102444800);    # 2024 and 2100

my %type   = (rsa => 'rsa', ec => 'ec', ed => 'ed', impostor => 'rsa');
my %public = map { $_ => new_key($_, $type{$_}) } sort keys %type;
my %algorithm = (rsa => 'RS256', ec => 'ES256', ed => 'EdDSA');
my @tokens;

# add(name, claims, header => {}, key => 'rsa', kid => 'rsa'): the claims are JSON without braces, with the times unless they have them.
sub add {
    my ($name, $claims, %given) = @_;
    my $key = $given{key} // 'rsa';
    my $kid = $given{kid} // $key;
    $claims .= qq(, "iat": $issued) unless $claims =~ /"iat"/;
    $claims .= qq(, "exp": $ends)   unless $claims =~ /"exp"/;
    $claims =~ s/, "(?:iat|exp)": absent//g;
    my $typ  = exists $given{typ} ? $given{typ} : '"typ": "JWT", ';
    my $text = encode_base64url(qq({"alg": "$algorithm{$type{$key}}", $typ"kid": "$kid"})) . '.' . encode_base64url("{$claims}");
    my %how       = (rsa => \&rs256, ec => \&es256, ed => \&eddsa);
    my $signature = $how{$type{$key}}->($key, $text);
    push @tokens, [ $name, "$text." . encode_base64url($signature) ];
}

# --- as providers document their claims -----------------------------------------------------------------------------

my $keycloak = '"iss": "https://kc.test/realms/acme"';
my $bearer   = '"typ": "Bearer", "azp": "web", "jti": "onrtac:3f2b", "sid": "c1", "acr": "1", "allowed-origins": ["https://web.test"], '
  . '"realm_access": {"roles": ["offline_access", "owner"]}, "resource_access": {"account": {"roles": ["manage-account"]}}, '
  . '"name": "Mike", "preferred_username": "mike", "given_name": "Mike"';
my $kc_mike = '"sub": "8d4a0cc6-mike", "email": "mike@acme.test", "email_verified": true';
add('keycloak access', qq($keycloak, "aud": ["database", "account"], $kc_mike, $bearer, "scope": "openid profile email"));
add('keycloak id', qq($keycloak, "aud": "web", "azp": "web", $kc_mike, "typ": "ID", "nonce": "n", "at_hash": "x", "auth_time": $issued));
add('keycloak refresh', qq($keycloak, "aud": ["database", "account"], "sub": "8d4a0cc6-mike", "typ": "Refresh", "azp": "web"));
my $auth0 = '"iss": "https://acme.eu.auth0.com/", "sub": "auth0|5f7c8ec7c33c6c004bbafe82"';
add('auth0 access', qq($auth0, "aud": ["https://database.test", "https://acme.eu.auth0.com/userinfo"], "azp": "client", "scope": "openid profile email"), typ => '"typ": "at+jwt", ');
add('auth0 id', qq($auth0, "aud": "client", "email": "mike\@acme.test", "email_verified": true, "nickname": "mike", "updated_at": "2026-01-01T00:00:00.000Z", "nonce": "n"));
my $tenant = '9122040d-6c67-4c5b-b112-36a304b66dad';
my $entra  = qq("iss": "https://login.microsoftonline.com/$tenant/v2.0", "tid": "$tenant", "ver": "2.0", "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474", "sub": "rvhKdT", "uti": "u", "rh": "0.A", "preferred_username": "olivia\@acme.test", "name": "Mike", "nbf": $issued);
add('entra access', qq($entra, "aud": "6e74172b-api", "azp": "1b730954-web", "azpacr": "0", "scp": "access_as_user"));
add('entra id', qq($entra, "aud": "1b730954-web", "email": "olivia\@acme.test", "nonce": "n"));
add('entra of another tenant', qq($entra, "aud": "1b730954-web") =~ s/"tid": "9/"tid": "8/r);
my $cognito = '"iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example", "sub": "3a5b-mike", "origin_jti": "o", "event_id": "e", "cognito:groups": ["owner"]';
add('cognito access', qq($cognito, "client_id": "1example23456789", "token_use": "access", "version": 2, "scope": "aws.cognito.signin.user.admin", "username": "mike", "auth_time": $issued, "jti": "j"));
add('cognito id', qq($cognito, "aud": "1example23456789", "token_use": "id", "email": "mike\@acme.test", "email_verified": true, "cognito:username": "mike"));
my $google = '"iss": "https://accounts.google.com", "azp": "123.apps.googleusercontent.com", "aud": "123.apps.googleusercontent.com"';
add('google id', qq($google, "sub": "117632", "hd": "acme.test", "email": "Mike\@Acme.test", "email_verified": true, "at_hash": "x", "nonce": "n"));
add('google of somebody new', qq($google, "sub": "118000", "email": "nina\@nowhere.test", "email_verified": true));
add('google, address again', qq($google, "sub": "119999", "email": "mike\@acme.test", "email_verified": true));
my $supabase = '"iss": "https://ref.supabase.co/auth/v1", "aud": "authenticated", "sub": "7c1d-mike", "role": "authenticated", "aal": "aal1", "amr": [{"method": "password", "timestamp": 1704067200}], "phone": "", "is_anonymous": false, "session_id": "s"';
add('supabase', qq($supabase, "email": "olivia\@acme.test", "app_metadata": {"provider": "email"}, "user_metadata": {"email_verified": true, "organization_id": "acme"}));

# --- ways to cheat --------------------------------------------------------------------------------------------------

my $idp  = '"iss": "https://idp.test"';
my $mike = qq($idp, "aud": "database", "sub": "mike");
add('RS256', $mike);
add('ES256', $mike, key => 'ec');
add('EdDSA', $mike, key => 'ed');
add('no type', $mike, typ => '');
add('application/at+jwt', $mike, typ => '"typ": "application/at+jwt", ');
add('several audiences, party', qq($idp, "aud": ["other", "database"], "azp": "database", "sub": "mike"));
add("header type $_", $mike, typ => qq("typ": "$_", )) for qw(logout+jwt secevent+jwt dpop+jwt);
add('events', qq($mike, "events": {"http://schemas.openid.net/event/backchannel-logout": {}}));
add('bound to a key', qq($mike, "cnf": {"jkt": "0ZcO"}));
add("typ $_", qq($mike, "typ": "$_")) for qw(Refresh Offline Logout);
add('token_use id', qq($mike, "token_use": "id"));
add('no audience', qq($idp, "sub": "mike"));
add('another audience', qq($idp, "aud": "other", "sub": "mike"));
add('audience in other case', qq($idp, "aud": "Database", "sub": "mike"));
add('audience is an object', qq($idp, "aud": {"database": true}, "sub": "mike"));
add('several audiences, no party', qq($idp, "aud": ["other", "database"], "sub": "mike"));
add("another $_", qq($mike, "$_": "other")) for qw(azp client_id appid cid);
add('party is a list', qq($mike, "azp": ["database"]));
add('no iat', qq($mike, "iat": absent));
add('iat later', qq($mike, "iat": 4102440000));
add('no exp', qq($mike, "exp": absent));
add('expired', qq($mike, "exp": 1704067300));
add('nbf later', qq($mike, "nbf": 4102440000));
add('nbf is a text', qq($mike, "nbf": "0"));
add('issuer with a slash', qq("iss": "https://idp.test/", "aud": "database", "sub": "mike"));
add('issuer in other case', qq("iss": "https://IDP.test", "aud": "database", "sub": "mike"));
add('no subject', qq($idp, "aud": "database"));
add('subject is a number', qq($idp, "aud": "database", "sub": 1));
add('unknown subject', qq($idp, "aud": "database", "sub": "nobody", "email": "mike\@acme.test", "email_verified": true, "uid": "mike", "email_id": "mike\@acme.test", "upn": "mike\@acme.test"));
add('subject in other case', qq($idp, "aud": "database", "sub": "Mike"));
add('impostor', $mike, key => 'impostor', kid => 'rsa');
add('impostor of another kid', $mike, key => 'impostor');
add('unknown kid', $mike, kid => 'unknown');
# Claims that a user might add, to be a service or somebody else
add('claims of a service', qq($mike, "organization_id": "acme", "workspace_slug": "support", "scope": "logs.view billing.manage"));
add('its organization', qq($mike, "organization_id": "acme", "organisation_id": "1", "portkey_oid": "aaaaaaaa-0000-4000-8000-000000000000"));
add('organizations disagree', qq($mike, "organization_id": "acme", "portkey_oid": "globex"));
add('another organization', qq($mike, "organisation_id": "globex"));
add('its workspace', qq($mike, "workspace_slug": "search"));
add('no such workspace', qq($mike, "portkey_workspace": "nowhere"));
add('scope', qq($mike, "scope": "openid logs.view"));
add('scopes in a list', qq($mike, "scopes": ["portkey.logs.list", "prompts.list", "billing.manage"]));
add('scopes nobody knows', qq($mike, "scope": "openid profile offline_access"));
add('scope is a number', qq($mike, "scope": 1));
add('scp', qq($mike, "scp": "openid logs.view"));
add('scp is a list', qq($mike, "scp": ["logs.view"]));
add('scope and scp differ', qq($mike, "scope": "logs.view prompts.list", "scp": "logs.view"));
# By e-mail
my $mail = '"iss": "https://mail.test", "aud": "database", "sub": "m1"';
add('email', qq($mail, "email": "mike\@acme.test", "email_verified": true));
add("email, $_->[0]", qq($mail, "email": "mike\@acme.test"$_->[1]))
  for [ 'not said', '' ], [ 'not verified', ', "email_verified": false' ], [ 'verified "true"', ', "email_verified": "true"' ],
  [ 'verified 1', ', "email_verified": 1' ], [ 'verified elsewhere', ', "user_metadata": {"email_verified": true}' ];
add('email in a list', qq($mail, "email": ["mike\@acme.test"], "email_verified": true));
add("$_ only", qq($mail, "$_": "mike\@acme.test", "email_verified": true)) for qw(email_id upn preferred_username);
add('email with a space', qq($mail, "email": "mike\@acme.test\\u00a0", "email_verified": true));
add('with address', qq($idp, "aud": "database", "sub": "with address", "email": "mike\@acme.test", "email_verified": true));
add('email of nobody', qq($mail, "email": "nobody\@acme.test", "email_verified": true));
add('email of another organization', qq($mail, "email": "gus\@globex.test", "email_verified": true));
# Of people that an organization knows, or doesn't
my %holder = (
    linked     => qq($idp, "sub": "mike"),
    stranger   => qq($idp, "sub": "stranger"),
    address    => q("iss": "https://mail.test", "sub": "m1", "email": "mike@acme.test", "email_verified": true),
    unverified => q("iss": "https://mail.test", "sub": "m2", "email": "mike@acme.test"),
    elsewhere  => q("iss": "https://mail.test", "sub": "m3", "email": "gus@globex.test", "email_verified": true));
for my $who (sort keys %holder) {
    for my $audience (qw(database other)) {
        add("told: $who, $audience, $_", qq($holder{$who}, "aud": "$audience") . (/ended/ ? ', "exp": 1704067300' : '')) for qw(lasts ended);
    }
}

sub literal { return q(') . $_[0] =~ s/'/''/gr . q(') }
my $set = '{"keys": [' . join(', ', map { qq({"kid": "$_", $public{$_}}) } qw(rsa ec ed)) . ']}';
# Groups: by a claim that the trust names; none where the provider says that there are too many for a token.
add('groups', qq($mike, "groups": ["admins", "others", "/admins"]));
add('groups, another', qq($mike, "groups": ["Admins", "admins ", "support", "synced"]));
add('groups as a text', qq($mike, "groups": "admins"));
add('groups, one a number', qq($mike, "groups": ["admins", 1]));
add('groups, overage', qq($mike, "groups": ["admins"], "_claim_names": {"groups": "src1"}));
add('groups, hasgroups', qq($mike, "groups": ["admins"], "hasgroups": true));

print "-- Made by test/vectors/make_user_tokens.pl. The private keys are gone.\n";
print "CREATE TABLE jwks (name text PRIMARY KEY, jwks jsonb NOT NULL);\nINSERT INTO jwks VALUES\n  ('idp', ", literal($set), "),\n  ('impostor', ",
  literal(qq({"kid": "rsa", $public{impostor}})), ");\n";
print "CREATE TABLE tokens (n int GENERATED ALWAYS AS IDENTITY, name text PRIMARY KEY, token text NOT NULL);\nINSERT INTO tokens (name, token) VALUES\n";
print join(",\n", map { '  (' . literal($_->[0]) . ', ' . literal($_->[1]) . ')' } @tokens), ";\n";
