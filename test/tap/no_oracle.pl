# Objects of another organization look like missing ones: every function that any login may call is called
# with a reference to a foreign object and with one to none, of each kind and in each argument. The two
# outputs must be equal in every word that psql prints with VERBOSITY verbose: SQLSTATE, message, detail,
# hint, context, and the place in the source.

use strict;
use warnings;

use MIME::Base64 qw(encode_base64url);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('no_oracle');
$node->init;
$node->append_conf('postgresql.conf', 'log_statement = none');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_tenancy');
$node->safe_psql('postgres', slurp_file('sql/include/world.sql'));
$node->safe_psql('postgres', q(
  CREATE SCHEMA planted;
  GRANT USAGE ON SCHEMA planted TO PUBLIC;
  -- An oracle that this test must find
  CREATE FUNCTION planted.other_words(organization text) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
  BEGIN
    RETURN tenancy_internal.find_organization(organization);
  END $$;
  CREATE FUNCTION planted.other_context(member text) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, tenancy, pg_temp AS $$
  BEGIN
    IF tenancy_internal.lookup_user(member, NULL) IS NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('user "%s" does not exist', member);
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('user "%s" does not exist', member);
  END $$;
  -- Things of globex, by names that resemble nothing of acme. "twice" refers to two of them.
  UPDATE tenancy.organizations SET slug = 'zqx-globex', external_id = 'zqx-91' WHERE slug = 'globex';
  UPDATE tenancy.workspaces SET slug = 'zqx-lab', external_id = 'zqx-92' WHERE slug = 'lab';
  UPDATE tenancy.users SET email = 'zqx-gus@zqx.test', external_id = 'zqx-93' WHERE email = 'gus@globex.test';
  ALTER TABLE tenancy.organizations DISABLE TRIGGER check_names;  -- names as data of 1.0 can have them
  ALTER TABLE tenancy.users DISABLE TRIGGER check_external_id;
  INSERT INTO tenancy.organizations (slug, name, external_id) VALUES ('zqx-twice', 'Twice', 'zqx-94'), ('zqx-95', 'Twice, too', 'zqx-twice');
  INSERT INTO tenancy.users (email, external_id) VALUES ('zqx-twice@zqx.test', 'zqx-96'), ('zqx-97@zqx.test', 'zqx-twice@zqx.test');
  DO $$ DECLARE globex uuid := (SELECT organization_id FROM tenancy.organizations WHERE slug = 'zqx-globex'); BEGIN
    INSERT INTO tenancy.organization_members (organization_id, user_id, role_id)
    SELECT globex, user_id, tenancy_internal.find_role(NULL, 'organization', 'member') FROM tenancy.users WHERE email LIKE 'zqx-twice%' OR email LIKE 'zqx-97%';
    PERFORM tenancy.create_role('zqx-globex', 'workspace', 'zqx-qqqq', 'member'), tenancy.create_role('zqx-globex', 'organization', 'zqx-jjjj', 'member'),
            tenancy.create_role('acme', 'workspace', 'own-analyst', 'member'),
            tenancy.create_api_key('organization_service_key', 'theirs', 'zqx-globex'), tenancy.create_api_key('organization_service_key', 'own', 'acme'),
            tenancy.protect('app.logs', 'logs', 'organization_id', 'workspace_id', 'user_id');
    GRANT SELECT ON app.logs TO PUBLIC;
  END $$;
));

sub id_of {
    my ($column, $table, $condition) = @_;
    return $node->safe_psql('postgres', "SELECT $column FROM tenancy.$table WHERE $condition");
}
my $none = 'dddddddd-dddd-4ddd-8ddd-dddddddddddd';
# kind => [own, [foreign, none]...]
my %references = (
    organization => [ 'acme', [ id_of('organization_id', 'organizations', q(slug = 'zqx-globex')), $none ], [ 'zqx-globex', 'zqx-nobody' ],
        [ 'zqx-91', 'zqx-00' ], [ 'zqx-twice', 'zqx-never' ] ],
    workspace => [ 'search', [ id_of('workspace_id', 'workspaces', q(slug = 'zqx-lab')), $none ], [ 'zqx-lab', 'zqx-non' ], [ 'zqx-92', 'zqx-00' ],
        [ 'zqx-globex/zqx-lab', 'zqx-nobody/zqx-non' ], [ 'zqx-globex/search', 'zqx-nobody/search' ], [ 'zqx-twice/search', 'zqx-never/search' ] ],
    user => [ 'mike@acme.test', [ id_of('user_id', 'users', q(email = 'zqx-gus@zqx.test')), $none ], [ 'zqx-gus@zqx.test', 'zqx-non@zqx.test' ],
        [ 'zqx-93', 'zqx-00' ], [ 'zqx-twice@zqx.test', 'zqx-never@zqx.test' ] ],
    role => [ 'own-analyst', [ id_of('role_id', 'roles', q(name = 'zqx-qqqq')), $none ], [ 'zqx-qqqq', 'zqx-vvvv' ],
        [ id_of('role_id', 'roles', q(name = 'zqx-jjjj')), $none ], [ 'zqx-jjjj', 'zqx-kkkk' ] ],
    'API key' => [ id_of('api_key_id', 'api_keys', q(name = 'own')), [ id_of('api_key_id', 'api_keys', q(name = 'theirs')), $none ] ],
);

# Values of the other arguments, by name and by type, so that calls get as far as they can.
my $search = id_of('workspace_id', 'workspaces', q(slug = 'search'));
my %by_name = (
    organization => q('acme'), organization_id => q('aaaaaaaa-0000-4000-8000-000000000000'), workspace => q('search'), workspace_id => "'$search'",
    member => q('mike@acme.test'), user_id => q('cccccccc-0000-4000-8000-000000000004'), role => q('own-analyst'), level => q('workspace'), name => q('new'),
    copy_of => 'NULL', resource => q('logs'), action => q('view'), kind => q('organization_service_key'), scopes => q('["logs.view"]'), external_id => 'NULL',
    setting => q('members_view_all_data'), category => q('data_visibility'), expires_at => q('2099-01-01'), slug => 'NULL', jwks => q('{"keys": []}'),
    issuer => 'NULL', audience => 'NULL', api_key_id => "'$references{'API key'}[0]'", role_id => q((SELECT role_id FROM tenancy.roles WHERE name = 'own-analyst')),
    entity => q('user'), transition => q('1 hour'), query => q('SELECT 1'), login => q('regress_app'),
);
my %by_type = (
    text => q('x'), name => q('x'), uuid => "'$none'", boolean => 'true', jsonb => q('{}'), 'timestamp with time zone' => q('2099-01-01'), interval => q('1 hour'),
    integer => '1', bigint => '1', regclass => q('app.logs'), oid => q('app.logs'::regclass), 'text[]' => q('{}'), 'name[]' => q('{}'), 'uuid[]' => q('{}'),
);
# A user key needs more of the other arguments than the rest.
my %instead = ('tenancy.create_api_key workspace' => { kind => q('workspace_service_key') }, 'tenancy.create_api_key member' => { kind => q('workspace_user_key'), workspace => q('search') },
    'tenancy.create_api_key *' => { workspace => 'NULL', member => 'NULL' }, 'tenancy.set_organization_role *' => { role => q('member') },
    'tenancy.create_role copy_of' => {}, 'tenancy.explain_rows *' => { relation => q('app.logs') });

my @functions = map { [ split /\|/, $_, -1 ] } split /\n/, $node->safe_psql('postgres', q(
  SELECT p.oid::regproc, a.n, a.name, format_type(a.type, NULL), p.proretset OR p.prorettype = 'record'::regtype, p.prokind, p.oid
  FROM pg_proc p CROSS JOIN LATERAL unnest(p.proargtypes, p.proargnames[1:p.pronargs]) WITH ORDINALITY a (type, name, n)
  WHERE p.pronamespace::regnamespace::text ~ '^(tenancy|planted)' AND p.prokind IN ('f', 'p') AND has_function_privilege('regress_app', p.oid, 'EXECUTE')
    AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) t WHERE t IN ('internal'::regtype, 'pg_ddl_command'::regtype, '"any"'::regtype)) AND p.proargnames IS NOT NULL
  ORDER BY p.oid::regprocedure::text, a.n));
my %arguments;
push @{ $arguments{"$_->[0] $_->[6]"} }, $_ for @functions;  # by OID: some have a name in common

sub call {
    my ($function, $place, $value) = @_;
    my @values = map {
        my ($name, $n, $argument, $type) = @$_;
        my $other = $type eq 'uuid' && ($by_name{$argument} // '') !~ /[0-9a-f-]{36}|SELECT/ ? { workspace => "'$search'", workspace_id => "'$search'" }->{$argument} // "'$none'" : ($instead{"$name $place->[2]"} || $instead{"$name *"} || {})->{$argument} // $by_name{$argument} // $by_type{$type} // "NULL";
        ($n == $place->[1] ? "'$value'" : $other) . "::$type";
    } @$function;
    my $call = "$function->[0][0](" . join(', ', @values) . ')';
    return $function->[0][5] eq 'p' ? "CALL $call" : $function->[0][4] eq 't' ? "SELECT * FROM $call" : "SELECT $call";
}

my $key = id_of('1', 'organizations', q(slug = 'acme')) && $node->safe_psql('postgres', q(SELECT secret FROM tenancy.create_api_key('organization_service_key', 'master', 'acme', scopes => '"all"')));
# Each on a login of its own: a trusted one may choose external ids, which are unique over all organizations.
my %logins = ('an owner' => 'olivia', 'a manager' => 'mona', 'a member' => 'mike', 'a key' => 'by_key', nobody => 'nobody');
my %callers = map { $_ => 'SELECT' } keys %logins;
$callers{'a key'} = "SET LOCAL tenancy.api_key = '$key'";
$node->safe_psql('postgres', join ';', (map { "CREATE ROLE $_ LOGIN" } values %logins), map { "SELECT FROM tenancy.bind_login('$_', '$_\@acme.test', 'acme')" } qw(olivia mona mike));

# Statements that are to answer alike, [title, one, other, their references].
my @pairs;
my $caller;
sub add_pairs {
    my ($title, $statement, $kinds) = @_;
    for my $kind (@$kinds) {
        my ($own, @of_kind) = @{ $references{$kind} };
        push @pairs, [ "$title, $kind $_->[0]", $statement->($_->[0]), $statement->($_->[1]), $_, $statement->($own), $own, "$title, $kind", $caller ] for @of_kind;
    }
}
for (sort keys %callers) {
    $caller = $_;
    for my $function (map { $arguments{$_} } sort keys %arguments) {
        for my $place (@$function) {
            next if $place->[3] !~ /^(text|name|uuid)$/;
            next if "$place->[0] $place->[2]" =~ /^tenancy_steps[.](try_lock mode|add_index definition)$/;  # SQL of the caller's
            my $kinds = $place->[2] =~ /organi[sz]ation/ ? ['organization'] : $place->[2] =~ /workspace/ ? ['workspace'] : $place->[2] =~ /member|user|email/ ? ['user']
              : $place->[2] =~ /role|copy_of/ ? ['role'] : $place->[2] =~ /key/ ? ['API key'] : [ sort keys %references ];
            add_pairs("$caller: $place->[0], argument $place->[2]", sub {
                my ($value) = @_;
                $value = '00000000-0000-4000-8000-000000000000' if $place->[3] eq 'uuid' && $value !~ /^[0-9a-f-]{36}$/;
                return "$callers{$caller}; " . call($function, $place, $value);
            }, $kinds);
        }
    }
    # Parameters that choose and narrow the principal, and catalogs by name
    for my $setting (qw(organization workspace)) {
        add_pairs("$caller: tenancy.$setting", sub { "$callers{$caller}; SET LOCAL tenancy.$setting = '$_[0]'; SELECT * FROM tenancy.whoami()" }, [$setting]);
        add_pairs("$caller: tenancy.$setting, rows", sub { "$callers{$caller}; SET LOCAL tenancy.$setting = '$_[0]'; SELECT count(*) FROM app.logs" }, [$setting]);
    }
}
add_pairs("a token, claim organization", sub {
    my $token = join '.', map { encode_base64url($_) } '{"alg":"EdDSA","kid":"k"}', qq({"organization":"$_[0]","exp":4102444800}), 'x' x 64;
    return "SET LOCAL tenancy.jwt = '$token'; SELECT * FROM tenancy.whoami()";
}, ['organization']);

# Each caller's in one session: its caches are part of what must not tell.
my $script = "\\set VERBOSITY verbose\n";
my ($n, $connected) = (0, '');
for my $pair (@pairs) {
    $script .= "\\c - $logins{$pair->[7]}\n" if $connected ne $pair->[7];
    $connected = $pair->[7];
    $script .= "\\echo === $n $_->[0]\nBEGIN;\n$_->[1];\nROLLBACK;\n" for [ 'foreign', $pair->[1] ], [ 'none', $pair->[2] ], [ 'own', $pair->[4] ];
    $n++;
}
my ($answers, $failed) = ('', '');
my $file = PostgreSQL::Test::Utils::tempdir() . '/calls.sql';
append_to_file($file, $script);
IPC::Run::run([ 'psql', '-X', '-A', '-q', '-d', $node->connstr('postgres'), '-f', $file ], '>&', \$answers) or diag('psql ended early');
$answers =~ s/^psql:\S+:\d+: //mg;
my %answer = $answers =~ /^=== (\d+ \w+)\n(.*?)(?=^=== |\z)/msg;

# Without what is the reference itself, in any spelling, and what is new each time
sub without {
    my ($answer, $reference) = @_;
    $answer //= 'none';
    $answer =~ s/^LINE \d+: .*\n *\^\n//mg;
    my @parts = ($reference, $reference =~ m{/} ? split(m{/}, $reference) : ());
    $answer =~ s/\Q$_\E/<reference>/gi for @parts;
    $answer =~ s/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/<uuid>/g;
    $answer =~ s/pgt_\w+/<secret>/g;
    $answer =~ s/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.0-9+:]*/<time>/g;
    $answer =~ s/eyJ[\w.-]+/<token>/g;
    return $answer;
}

my (%differing, %places, $errors);
$n = 0;
for my $pair (@pairs) {
    my ($title, undef, undef, $of, undef, $own, $place) = @$pair;
    my $foreign = without($answer{"$n foreign"}, $of->[0]);
    my $nothing = without($answer{"$n none"},    $of->[1]);
    $places{$place} = 1 if without($answer{"$n own"}, $own) ne $nothing;
    $errors++ if $nothing =~ /ERROR/;
    push @{ $differing{$place} }, "$title:\n$foreign--- and of none:\n$nothing" if $foreign ne $nothing;
    $n++;
}
note scalar(@pairs), " pairs, $errors of them with an error; ", scalar(keys %places), ' places where the own reference makes a difference';
cmp_ok(scalar(@pairs), '>', 1000, 'enough was tried');
cmp_ok(scalar(keys %places), '>', 100, 'in enough places a reference was looked up');
for my $planted (qw(other_words other_context)) {
    my @found = grep { /planted\.$planted/ } keys %differing;
    ok(scalar(@found), "planted.$planted() is found");
    delete @differing{@found};
}
ok(!$differing{$_}, $_) or diag(join "\n", @{ $differing{$_} }) for sort keys %differing;
is(scalar(keys %differing), 0, 'foreign objects look like missing ones');

# --- what is one's own is found, whatever others are called ---------------------------------------------------------

$node->safe_psql('postgres', q(
  UPDATE tenancy.organizations SET external_id = 'acme' WHERE slug = 'zqx-globex';
  UPDATE tenancy.users SET external_id = 'mike@acme.test' WHERE email = 'zqx-gus@zqx.test';
  INSERT INTO tenancy.organization_members (organization_id, user_id, role_id)
  SELECT o.organization_id, u.user_id, tenancy_internal.find_role(NULL, 'organization', 'member') FROM tenancy.organizations o, tenancy.users u WHERE o.slug = 'zqx-95' AND u.email = 'olivia@acme.test';
));
sub as_owner {
    my ($settings, $query) = @_;
    my ($code, $out, $errors) = $node->psql('postgres', $query, connstr => $node->connstr('postgres') . " user=regress_app options='-c tenancy.user=olivia\@acme.test $settings'");
    return $code == 0 ? $out : $errors =~ /ERROR:\s+(.*)/ ? $1 : $errors;
}
is(as_owner('-c tenancy.organization=acme', 'SELECT organization FROM tenancy.whoami()'), 'acme', 'the own organization, where another has its slug as external id');
is(as_owner('-c tenancy.organization=acme', q(SELECT count(*) > 0 FROM tenancy.settings('acme'))), 't', '... and as an argument');
is(as_owner('-c tenancy.organization=acme', q(SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member'))), '', 'the own member, where another user has the address as external id');
is(as_owner('-c tenancy.organization=acme', q(SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'member'))), '', '... also of the organization');
is(as_owner('', 'SELECT organization FROM tenancy.whoami()'), q(the session's user belongs to several organizations), 'a user of two organizations');
like($node->psql('postgres', q(SELECT tenancy.settings('acme')), on_error_die => 0) && ($node->psql('postgres', q(SELECT tenancy.settings('acme'))))[2], qr/ambiguous/, '(a DBA is told)');

done_testing();
