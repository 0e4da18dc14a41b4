# Keys and signatures of tokens, made by the openssl program, for make_jwt.pl and make_user_tokens.pl.  Private keys are in a
# folder that is removed at the end.
package signing;

use strict;
use warnings;
use Exporter qw(import);
use File::Temp qw(tempdir);
use MIME::Base64 qw(encode_base64url);

our @EXPORT_OK = qw($dir openssl new_key jose rs256 rs512 ps256 eddsa es256 hs256 slurp);

our $dir = tempdir(CLEANUP => 1);

sub openssl {
    my ($input, @arguments) = @_;
    open my $file, '>:raw', "$dir/input" or die $!;
    print $file $input;
    close $file;
    open my $pipe, '-|:raw', "openssl @arguments 2>$dir/log" or die $!;
    local $/;
    my $output = <$pipe>;
    close $pipe or die "openssl @arguments: " . `cat $dir/log`;
    return $output;
}

# --- keys -----------------------------------------------------------------------------------------------------------

my %options = (
    rsa  => '-algorithm RSA -pkeyopt rsa_keygen_bits:2048',
    weak => '-algorithm RSA -pkeyopt rsa_keygen_bits:1024',
    ec   => '-algorithm EC -pkeyopt ec_paramgen_curve:P-256',
    p384 => '-algorithm EC -pkeyopt ec_paramgen_curve:P-384',
    ed   => '-algorithm Ed25519');

sub new_key {
    my ($name, $type) = @_;
    openssl('', 'genpkey', $options{$type}, "-out $dir/$name.pem");
    openssl('', "pkey -in $dir/$name.pem -pubout -out $dir/$name.pub");
    my $der = openssl('', "pkey -in $dir/$name.pem -pubout -outform DER");
    if ($type eq 'rsa' || $type eq 'weak') {
        my ($hex) = openssl('', "rsa -in $dir/$name.pem -noout -modulus") =~ /=([0-9A-F]+)/;
        return sprintf '"kty": "RSA", "n": "%s", "e": "AQAB"', encode_base64url(pack 'H*', $hex);
    }
    return sprintf '"kty": "OKP", "crv": "Ed25519", "x": "%s"', encode_base64url(substr $der, -32) if $type eq 'ed';
    my $size = $type eq 'ec' ? 32 : 48;
    return sprintf '"kty": "EC", "crv": "%s", "x": "%s", "y": "%s"', $type eq 'ec' ? 'P-256' : 'P-384',
      encode_base64url(substr $der, -2 * $size, $size), encode_base64url(substr $der, -$size);
}

# --- signatures -----------------------------------------------------------------------------------------------------

sub rs256 { openssl($_[1], "dgst -sha256 -sign $dir/$_[0].pem $dir/input") }
sub rs512 { openssl($_[1], "dgst -sha512 -sign $dir/$_[0].pem $dir/input") }
sub ps256 { openssl($_[1], "dgst -sha256 -sigopt rsa_padding_mode:pss -sign $dir/$_[0].pem $dir/input") }
sub eddsa { openssl($_[1], "pkeyutl -sign -rawin -inkey $dir/$_[0].pem -in $dir/input") }
# The two numbers of the DER form, each as wide as the curve.
sub jose {
    my ($der, $size) = @_;
    my ($r, $s) = unpack 'x2 x C/a x C/a', $der;
    return join '', map { my $n = s/^\0+//r; "\0" x ($size - length $n) . $n } $r, $s;
}
sub es256 { jose(rs256(@_), 32) }
sub hs256 {
    my ($secret, $text) = @_;
    return openssl($text, 'dgst -sha256 -binary -mac HMAC -macopt hexkey:' . unpack('H*', $secret), "$dir/input");
}

sub slurp { local $/; open my $file, '<:raw', $_[0] or die $!; return <$file> }

1;
