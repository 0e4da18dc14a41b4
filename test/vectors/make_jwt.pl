#!/usr/bin/perl
# make_jwt.pl >sql/include/tokens.sql
#
# Makes the tokens that sql/jwt.sql tries: good ones, and every way known to us to cheat. Needs the openssl program.
# Keys are made anew each time and their private halves are thrown away, so all tokens are replaced together. Then
# run the test and read the difference: only keys and signatures should be other ones.
use strict;
use warnings;
use FindBin;
use MIME::Base64 qw(encode_base64url);

use lib $FindBin::Bin;
use signing qw($dir openssl new_key jose rs256 rs512 ps256 eddsa es256 hs256 slurp);

my $long = 4102444800;              # 2100: until then the good ones are good

# --- tokens ---------------------------------------------------------------------------------------------------------

my @tokens;
sub add { push @tokens, [@_] }

sub unsigned { return encode_base64url($_[0]) . '.' . encode_base64url($_[1]) }

sub signed {
    my ($header, $payload, $how, $key) = @_;
    my $text = unsigned($header, $payload);
    return "$text." . encode_base64url($how->($key, $text));
}

my $acme     = '"organization_id": "acme", "workspace_slug": "search"';
my $scope    = '"scope": "logs.view prompts.list"';
my $good     = qq({$acme, $scope, "exp": $long});
my $rsa      = '{"alg": "RS256", "typ": "JWT", "kid": "rsa"}';
my %public   = (
    rsa => new_key('rsa', 'rsa'), ec => new_key('ec', 'ec'), ed => new_key('ed', 'ed'),
    other => new_key('other', 'rsa'), next => new_key('next', 'rsa'), attacker => new_key('attacker', 'rsa'),
    weak => new_key('weak', 'weak'), p384 => new_key('p384', 'p384'));
my $good_token = signed($rsa, $good, \&rs256, 'rsa');

# Signed as it should be: what is wrong with it, if anything, is what it says.
sub says { my ($outcome, $name, $payload, $header) = @_; add($outcome, $name, signed($header // $rsa, $payload, \&rs256, 'rsa')) }
sub claims { my ($outcome, $name, $claims) = @_; says($outcome, $name, "{$claims}") }

add('good', 'RS256', $good_token);
add('good', 'ES256', signed('{"alg": "ES256", "typ": "JWT", "kid": "ec"}', $good, \&es256, 'ec'));
add('good', 'EdDSA', signed('{"alg": "EdDSA", "typ": "JWT", "kid": "ed"}', $good, \&eddsa, 'ed'));
add('good', 'globex', signed($rsa, qq({"organization_id": "globex", "workspace_slug": "lab", $scope, "exp": $long}), \&rs256, 'other'));
add('good', 'next key', signed('{"alg": "RS256", "kid": "next"}', $good, \&rs256, 'next'));

says('good', 'no type', $good, '{"alg": "RS256", "kid": "rsa"}');
says('good', 'type in other case', $good, '{"alg": "RS256", "typ": "jWt", "kid": "rsa"}');
says('good', 'kid with quotes', $good, q({"alg": "RS256", "kid": "'; \"drop\" $1 %s \\\\ ../"}));
says('good', 'header brings a key that is not used', $good, qq({"alg": "RS256", "kid": "rsa", "jwk": {$public{attacker}}, "jku": "https://evil.test", "x5u": "https://evil.test", "x5c": ["AA"]}));
claims('good', 'ids', qq("organization_id": "aaaaaaaa-0000-4000-8000-000000000000", "workspace_slug": "aaaaaaaa-0000-4000-8000-000000000002", $scope, "exp": $long));
claims('good', 'external ids', qq("organization_id": "1", "workspace_slug": "12", $scope, "exp": $long));
claims('good', 'other spellings', qq("portkey_oid": "acme", "portkey_workspace": "search", "scopes": ["portkey.logs.view", "prompts.list"], "exp": $long));
claims('good', 'both spellings', qq($acme, "portkey_oid": "acme", "portkey_workspace": "search", "scope": " logs.view  prompts.list", "scopes": ["logs.view", "prompts.list"], "exp": $long));
claims('good', 'unknown scopes', qq($acme, "scopes": ["logs.view", "logs", "logs.fly", "a.b.c", "", "LOGS.VIEW", "logs.list prompts.list", "portkey.view", "metrics.enabled"], "exp": $long));
claims('good', 'every scope of a workspace', qq($acme, "scope": "logs.view logs.write organization.update billing.manage audit_logs.list", "exp": $long));
claims('good', 'expiry with a fraction', qq($acme, $scope, "exp": 4102444799.999, "nbf": 1500000000.25));
claims('good', 'expiry with an exponent', qq($acme, $scope, "exp": 41024448e2));
claims('good', 'last second of 9999', qq($acme, $scope, "exp": 253402300799));
claims('good', 'other claims', qq($acme, $scope, "exp": $long, "sub": "zo\\u00eb \\ud83d\\ude00 é", "name": null, "deep": {"a": [{"a": 1}], "b": {"a": 2}}, "a": [1, "b", [true]]));
claims('good', 'issuer and audience', qq($acme, $scope, "exp": $long, "iss": "https://id.acme.test", "aud": "database"));
claims('good', 'audience in a list', qq($acme, $scope, "exp": $long, "iss": "https://id.acme.test", "aud": ["other", "database"]));
claims('good', 'almost too long', qq($acme, $scope, "exp": $long, "pad": ") . 'x' x 11600 . '"');

claims('no rights', 'no scopes', qq($acme, "exp": $long));
claims('no rights', 'no known scope', qq($acme, "scope": "logs.fly", "exp": $long));

# Cryptography
my ($none) = unsigned('{"alg": "none", "typ": "JWT", "kid": "rsa"}', $good);
my ($signature) = $good_token =~ /([^.]+)$/;
my ($body)      = $good_token =~ /(.+)\./;
add('refused', 'alg none', "$none.");
add('refused', 'alg none, signed all the same', "$none.$signature");
says('refused', "alg $_, signed by RS256", $good, qq({"alg": "$_", "kid": "rsa"})) for qw(NONE nOnE rs256 RS512 PS256 ES256 EdDSA HS256);
says('refused', 'alg missing', $good, '{"kid": "rsa"}');
says('refused', 'alg not a text', $good, '{"alg": ["RS256"], "kid": "rsa"}');
my $hs = '{"alg": "HS256", "typ": "JWT", "kid": "rsa"}';
add('refused', 'HS256 by the public key in PEM', signed($hs, $good, \&hs256, slurp("$dir/rsa.pub")));
add('refused', 'HS256 by the modulus', signed($hs, $good, \&hs256, $public{rsa} =~ /"n": "([^"]+)"/));
add('refused', 'HS256, said to be RS256', signed($rsa, $good, \&hs256, slurp("$dir/rsa.pub")));
add('refused', 'RS512 by the right key', signed('{"alg": "RS512", "kid": "rsa"}', $good, \&rs512, 'rsa'));
add('refused', 'PS256 by the right key', signed('{"alg": "PS256", "kid": "rsa"}', $good, \&ps256, 'rsa'));
add('refused', 'PSS, said to be RS256', signed($rsa, $good, \&ps256, 'rsa'));
add('refused', 'key of another organization', signed($rsa, $good, \&rs256, 'other'));
add('refused', 'key of nobody', signed($rsa, $good, \&rs256, 'attacker'));
add('refused', 'key in the header', signed(qq({"alg": "RS256", "kid": "rsa", "jwk": {$public{attacker}}}), $good, \&rs256, 'attacker'));
add('refused', 'key in the header, not named', signed(qq({"alg": "RS256", "jwk": {$public{attacker}}}), $good, \&rs256, 'attacker'));
add('refused', 'key to be fetched', signed('{"alg": "RS256", "kid": "evil", "jku": "https://evil.test/keys"}', $good, \&rs256, 'attacker'));
add('refused', 'payload changed', unsigned($rsa, $good =~ s/search/support/r) . ".$signature");
add('refused', 'header changed', unsigned('{"alg": "RS256", "kid": "rsa"}', $good) . ".$signature");
my $ec = '{"alg": "ES256", "kid": "ec"}';
my $zero = "\0" x 32;
add('refused', 'ES256 in DER', signed($ec, $good, \&rs256, 'ec'));
add('refused', 'ES256 by P-384', signed($ec, $good, sub { jose(rs256(@_), 48) }, 'p384'));
add('refused', 'ES256, r is zero', signed($ec, $good, sub { $zero . substr es256(@_), 32 }, 'ec'));
add('refused', 'ES256, s is zero', signed($ec, $good, sub { substr(es256(@_), 0, 32) . $zero }, 'ec'));
add('refused', 'ES256, all zero', signed($ec, $good, sub { $zero x 2 }, 'ec'));
add('refused', 'ES256, all ones', signed($ec, $good, sub { "\xff" x 64 }, 'ec'));
add('refused', 'ES256, a byte too many', signed($ec, $good, sub { es256(@_) . "\0" }, 'ec'));
add('refused', 'ES256, empty halves', signed($ec, $good, sub { "\0" }, 'ec'));
add('refused', 'EdDSA, all zero', signed('{"alg": "EdDSA", "kid": "ed"}', $good, sub { "\0" x 64 }, 'ed'));
add('refused', 'EdDSA by the key of RS256', signed('{"alg": "EdDSA", "kid": "rsa"}', $good, \&eddsa, 'ed'));
add('refused', 'signature cut', substr $good_token, 0, -4);
add('refused', 'signature zero', "$body." . encode_base64url("\0" x 256));
add('refused', 'signature one', "$body." . encode_base64url("\0" x 255 . "\1"));

# Form
add('refused', 'no token', 'nonsense');
add('refused', 'two parts', $body);
add('refused', 'four parts', "$good_token.e30");
add('refused', 'trailing dot', "$good_token.");
add('refused', 'leading dot', ".$good_token");
add('refused', 'empty parts', '..');
add('refused', 'trailing newline', "$good_token\n");
add('refused', 'trailing blank', "$good_token ");
add('refused', 'leading blank', " $good_token");
add('refused', 'padding', "$good_token==");
add('refused', 'bearer', "Bearer $good_token");
# The last digit of 256 bytes has four bits to spare.
my $digits = join '', 'A' .. 'Z', 'a' .. 'z', 0 .. 9, '-_';
add('refused', 'spare bits', substr($good_token, 0, -1) . substr $digits, index($digits, substr $good_token, -1) + 1, 1);
add('refused', 'base64 with + and /', "$body." . ($signature =~ tr{-_}{+/}r) . '+/');
claims('refused', 'too long', qq($acme, $scope, "exp": $long, "pad": ") . 'x' x 12300 . '"');
claims('refused', 'nests deep', qq($acme, $scope, "exp": $long, "deep": ) . '[' x 5000 . ']' x 5000);
says('refused', 'nests deep, and never closes', '[' x 11000);
says('refused', 'header nests deep', $good, '{"alg": "RS256", "kid": "rsa", "deep": ' . '[' x 20 . ']' x 20 . '}');

# JSON
says('refused', 'payload is no JSON', 'organization_id: acme');
says('refused', 'payload is a list', "[$good]");
says('refused', 'payload is null', 'null');
says('refused', 'payload is cut', substr $good, 0, -1);
says('refused', 'payload goes on', "$good {}");
says('refused', 'payload with a byte order mark', "\xef\xbb\xbf$good");
says('refused', 'payload is not UTF-8', $good =~ s/\}/, "name": "\xe9"}/r);
says('refused', 'payload is UTF-16', pack 'n*', unpack 'C*', $good);
says('refused', 'payload with a zero byte', $good =~ s/acme/acme\0/r);
says('refused', 'payload with an escaped zero', $good =~ s/acme/acme\\u0000/r);
says('refused', 'payload with half a character', $good =~ s/\}/, "name": "\\ud800"}/r);
says('refused', 'payload with a comment', $good =~ s/\}/} \/* *\//r);
says('refused', 'single quotes', $good =~ tr/"/'/r);
says('refused', 'header is no JSON', $good, 'alg=RS256');
claims('refused', 'claim twice', qq($acme, $scope, "exp": $long, "organization_id": "acme"));
claims('refused', 'claim twice, once escaped', qq($acme, $scope, "exp": $long, "\\u006frganization_id": "globex"));
claims('refused', 'unused claim twice', qq($acme, $scope, "exp": $long, "name": 1, "name": 2));
says('refused', 'header member twice', $good, '{"alg": "none", "alg": "RS256", "kid": "rsa"}');

# Header
says('refused', 'kid missing', $good, '{"alg": "RS256", "typ": "JWT"}');
says('refused', 'kid empty', $good, '{"alg": "RS256", "kid": ""}');
says('refused', 'kid not a text', $good, '{"alg": "RS256", "kid": 1}');
says('refused', 'kid unknown', $good, '{"alg": "RS256", "kid": "rsa2"}');
says('refused', 'kid in other case', $good, '{"alg": "RS256", "kid": "RSA"}');
says('refused', 'kid with a blank', $good, '{"alg": "RS256", "kid": "rsa "}');
says('refused', 'kid is a path', $good, '{"alg": "RS256", "kid": "../../../../dev/null"}');
says('refused', 'kid is SQL', $good, q({"alg": "RS256", "kid": "rsa' OR 'a'='a"}));
says('refused', 'kid is a pattern', $good, '{"alg": "RS256", "kid": "%"}');
says('refused', 'kid is long', $good, '{"alg": "RS256", "kid": "' . 'x' x 4000 . '"}');
says('refused', 'crit', $good, '{"alg": "RS256", "kid": "rsa", "crit": ["exp"], "exp": 1}');
says('refused', 'crit empty', $good, '{"alg": "RS256", "kid": "rsa", "crit": []}');
says('good', 'type at+jwt', $good, '{"alg": "RS256", "kid": "rsa", "typ": "at+jwt"}');
says('refused', 'type JWE', $good, '{"alg": "RS256", "kid": "rsa", "typ": "JWE"}');
says('refused', 'type not a text', $good, '{"alg": "RS256", "kid": "rsa", "typ": null}');

# Time
claims('refused', 'expired', qq($acme, $scope, "exp": 1577836800));
claims('refused', 'exp missing', qq($acme, $scope));
claims('refused', "exp is $_", qq($acme, $scope, "exp": $_))
  for qq("$long"), -1, -$long, 0, 'null', 'true', '9223372036854775808', '18446744073709551616', '253402300800', '1e400', '-0', '[4102444800]', '{}';
claims('refused', "exp is $_ (no JSON)", qq($acme, $scope, "exp": $_)) for qw(NaN Infinity 0x7fffffff +4102444800 04102444800 4102444800.);
claims('refused', 'nbf in the future', qq($acme, $scope, "exp": $long, "nbf": 4070908800));
claims('refused', "nbf is $_", qq($acme, $scope, "exp": $long, "nbf": $_)) for '"0"', -1, 'null';

# Claims
claims('refused', 'no organization', qq("workspace_slug": "search", $scope, "exp": $long));
claims('refused', 'no workspace', qq("organization_id": "acme", $scope, "exp": $long));
claims('refused', 'workspace null', qq("organization_id": "acme", "workspace_slug": null, $scope, "exp": $long));
claims('refused', 'workspace empty', qq("organization_id": "acme", "workspace_slug": "", $scope, "exp": $long));
claims('refused', 'workspaces', qq("organization_id": "acme", "workspace_slug": ["search", "support"], $scope, "exp": $long));
claims('refused', 'organization unknown', qq("organization_id": "initech", "workspace_slug": "search", $scope, "exp": $long));
claims('refused', 'organization is another', qq("organization_id": "globex", "workspace_slug": "lab", $scope, "exp": $long));
claims('refused', 'workspace unknown', qq("organization_id": "acme", "workspace_slug": "attic", $scope, "exp": $long));
claims('refused', 'workspace of another organization', qq("organization_id": "acme", "workspace_slug": "lab", $scope, "exp": $long));
claims('refused', 'the same by its id', qq("organization_id": "acme", "workspace_slug": "bbbbbbbb-0000-4000-8000-000000000002", $scope, "exp": $long));
claims('refused', 'the same with its organization', qq("organization_id": "acme", "workspace_slug": "globex/lab", $scope, "exp": $long));
claims('refused', 'two organizations', qq($acme, "portkey_oid": "globex", $scope, "exp": $long));
claims('refused', 'two workspaces', qq($acme, "portkey_workspace": "support", $scope, "exp": $long));
claims('refused', 'two spellings, one of them null', qq($acme, "portkey_oid": null, $scope, "exp": $long));
claims('refused', 'scopes contradict', qq($acme, $scope, "scopes": ["logs.view"], "exp": $long));
claims('refused', 'scope is a number', qq($acme, "scope": 7, "exp": $long));
claims('refused', 'scope is an object', qq($acme, "scope": {"logs": "view"}, "exp": $long));
claims('refused', 'scope with something else', qq($acme, "scope": ["logs.view", 7], "exp": $long));

# Where acme has said what issuer and audience it wants
my @expected = ('"iss": "https://id.acme.test"', '"aud": "database"');
claims('not ours', 'issuer missing', qq($acme, $scope, "exp": $long, $expected[1]));
claims('not ours', 'issuer is another', qq($acme, $scope, "exp": $long, "iss": "https://id.acme.test/", $expected[1]));
claims('not ours', 'issuers', qq($acme, $scope, "exp": $long, "iss": ["https://id.acme.test"], $expected[1]));
claims('not ours', 'audience missing', qq($acme, $scope, "exp": $long, $expected[0]));
claims('not ours', 'audience is another', qq($acme, $scope, "exp": $long, "aud": "Database", $expected[0]));
claims('not ours', 'audience in no list', qq($acme, $scope, "exp": $long, "aud": ["other"], $expected[0]));
claims('not ours', 'audience in a list with something else', qq($acme, $scope, "exp": $long, "aud": ["database", 1], $expected[0]));
claims('not ours', 'audience in a deeper list', qq($acme, $scope, "exp": $long, "aud": [["database"]], $expected[0]));

# --- output ---------------------------------------------------------------------------------------------------------

sub quoted { my ($text) = @_; return "E'" . ($text =~ s/[\\']/\\$&/gr =~ s/\n/\\n/gr) . "'" }
sub key { my ($kid, $public) = @_; return '{"kid": "' . $kid . '", ' . $public . '}' }

print "-- Made by test/vectors/make_jwt.pl. The private keys are gone.\n";
print "CREATE TABLE jwks (name text PRIMARY KEY, jwks jsonb NOT NULL);\nINSERT INTO jwks VALUES\n";
print join ",\n", map { sprintf '  (%s, %s)', quoted($_->[0]), quoted($_->[1]) } (
    ['acme', '{"keys": [' . join(', ', key('rsa', $public{rsa}), key('ec', $public{ec}), key('ed', $public{ed}),
                                 key(q('; \\"drop\\" $1 %s \\\\ ../), $public{rsa})) . ']}'],
    ['acme rotating', '{"keys": [' . join(', ', key('rsa', $public{rsa}), key('next', $public{next})) . ']}'],
    ['acme rotated', '{"keys": [' . key('next', $public{next}) . ']}'],
    ['acme other key', '{"keys": [' . key('rsa', $public{next}) . ']}'],
    ['globex', key('rsa', $public{other})],
    map { [$_, key($_, $public{$_})] } qw(rsa ec ed weak p384));
print ";\nCREATE TABLE tokens (n serial PRIMARY KEY, outcome text NOT NULL, name text NOT NULL UNIQUE, token text NOT NULL);\n";
print "INSERT INTO tokens (outcome, name, token) VALUES\n";
print join(",\n", map { sprintf '  (%s)', join ', ', map { quoted($_) } @$_ } @tokens), ";\n";
