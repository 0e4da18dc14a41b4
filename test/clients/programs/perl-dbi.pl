use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use RequestsOfKey;

# Nobody comes last, on the connection that served all others.
my @principals = map { [$_, $ENV{uc $_} // ''] } qw(acme bad mia globex nobody);

sub report {
    my ($way, $principal, $requests) = @_;
    my $seen = eval { $requests->() };
    my $error = $@;
    $seen //= [ref $error ? $error->{state} : $DBI::state];
    print join(' ', "$way $principal:", @$seen), "\n";
}

for (@principals) {
    my ($name, $key) = @$_;
    report('connection', $name, sub { RequestsOfKey::requests_of_connection($key) });
}
my $db = RequestsOfKey::connect_to('');
for (@principals) {
    my ($name, $key) = @$_;
    report('transaction', $name, sub { RequestsOfKey::requests_of_transaction($db, $key) });
}
