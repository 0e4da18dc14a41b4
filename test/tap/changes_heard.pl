# Each kind of change of the rights, one at a time: sessions that keep principals and plans are notified of those that concern them,
# and go on with their plans where a change concerns another organization.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('changes_heard');
$node->init;
$node->append_conf('postgresql.conf', "log_statement = none\nmax_prepared_transactions = 1");
$node->start;
$node->safe_psql('postgres', q(
  CREATE EXTENSION pg_tenancy;
  CREATE ROLE app LOGIN;
  CREATE ROLE newcomer LOGIN;
  SELECT tenancy.trust_login('app');
  SELECT FROM tenancy.create_organization('Acme', 'olivia@acme.test', 'acme');
  SELECT FROM tenancy.create_organization('Globex', 'gus@globex.test', 'globex');
  SELECT tenancy.create_workspace('acme', 'Search', 'search'), tenancy.create_workspace('acme', 'Chat', 'chat');
  SELECT tenancy.create_user(name || '@acme.test') FROM unnest('{mike,nell,ann}'::text[]) name;
  SELECT tenancy.create_role('acme', 'organization', 'auditor', copy_of => 'member');
  SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'member'), tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member');
  SELECT tenancy.set_organization_role('acme', 'ann@acme.test', 'auditor'), tenancy.set_workspace_role('acme/search', 'ann@acme.test', 'member');
  SELECT tenancy.bind_login('newcomer', 'nell@acme.test');
  CREATE TABLE logs AS
    SELECT row_number() OVER (ORDER BY o.slug, w.slug, u.email)::int AS id, w.organization_id, w.workspace_id, u.user_id
    FROM tenancy.workspaces w JOIN tenancy.organizations o USING (organization_id)
    CROSS JOIN (SELECT email, user_id FROM tenancy.users WHERE email IN ('mike@acme.test', 'gus@globex.test')) u;
  SELECT tenancy.protect('logs', 'logs', 'organization_id', 'workspace_id', 'user_id');
  GRANT SELECT ON logs TO app, newcomer;
  -- Planning evaluates it, which says so.
  CREATE FUNCTION planned() RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'planned'; RETURN true; END $$;
));
my %secret;
for ([ 'user_key', 'workspace_user_key', q(, 'search', 'mike@acme.test') ], [ 'service_key', 'workspace_service_key', q(, 'search') ]) {
    my ($name, $kind, $of) = @$_;
    $secret{$name} = $node->safe_psql('postgres', "SELECT secret FROM tenancy.create_api_key('$kind', '$name', 'acme'$of, scopes => '[\"logs.view\"]')");
}

my %who = (
    mike        => [ 'app',      q(SET "tenancy.user" = 'mike@acme.test') ],
    chosen      => [ 'app',      q(SET "tenancy.user" = 'mike@acme.test'; SET tenancy.organization = 'acme'; SET tenancy.workspace = 'search') ],
    ann         => [ 'app',      q(SET "tenancy.user" = 'ann@acme.test') ],
    user_key    => [ 'app',      "SET tenancy.api_key = '$secret{user_key}'" ],
    service_key => [ 'app',      "SET tenancy.api_key = '$secret{service_key}'" ],
    newcomer    => [ 'newcomer', 'SELECT' ],
    gus         => [ 'app',      q(SET "tenancy.user" = 'gus@globex.test') ],
);

sub session {
    my ($who) = @_;
    my ($login, $become) = @{ $who{$who} };
    my $psql = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', $login ]);
    $psql->query_safe($_)
      for 'SET plan_cache_mode = force_generic_plan', 'PREPARE seen AS SELECT array_agg(id ORDER BY id) FROM logs WHERE planned()';
    $psql->query($become);
    return $psql;
}

# The visible rows and permissions of the session, or its error; and whether it had to plan for that.
sub answer {
    my ($psql) = @_;
    my @answers;
    my $planned = 0;
    for my $query ('EXECUTE seen', q(SELECT tenancy.authorize('logs', 'view', 'search')), q(SELECT tenancy.authorize('logs', 'view'))) {
        $psql->{stderr} = '';
        my $out    = $psql->query($query) // '';
        my $errors = $psql->{stderr};
        $planned ||= $errors =~ /planned/;
        push @answers, $errors =~ /ERROR:\s+(.*)/ ? $1 : $out;
    }
    $psql->{stderr} = '';
    return (join(' | ', @answers), $planned);
}

my $key = sub { "(SELECT api_key_id FROM tenancy.api_keys WHERE name = '$_[0]')" };

# The notified sessions, the change, and its reversal; "everybody" where it concerns other organizations, or
# may.
my @changes = (
    [ 'mike',        q(SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'admin')),  q(SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'member')) ],
    [ 'mike',        q(SELECT tenancy.set_workspace_role('acme/chat', 'mike@acme.test', 'member')), q(SELECT tenancy.remove_workspace_member('acme/chat', 'mike@acme.test')) ],
    [ 'mike',        q(SELECT tenancy.set_setting('acme', 'members_view_all_data', false)),         q(SELECT tenancy.set_setting('acme', 'members_view_all_data', true)) ],
    [ 'mike',        q(SELECT tenancy.set_setting('acme', 'members_view_logs', false)),             q(SELECT tenancy.set_setting('acme', 'members_view_logs', true)) ],
    # An override of the workspace's counts as long as it may have any.
    [ 'mike',        q(SELECT tenancy.allow_workspace_overrides('acme', 'logs', false)),            q(SELECT tenancy.allow_workspace_overrides('acme', 'logs', true)),
      q(SELECT tenancy.allow_workspace_overrides('acme', 'logs', true); SELECT tenancy.set_setting('acme', 'members_view_logs', false, 'acme/search')) ],
    [ 'mike',        q(DELETE FROM tenancy.grants WHERE workspace_id IS NOT NULL), undef ],
    [ 'mike',        q(SELECT tenancy.set_organization_role('globex', 'mike@acme.test', 'member')), q(SELECT tenancy.remove_organization_member('globex', 'mike@acme.test')), undef, 'both' ],
    [ 'chosen',      q(UPDATE tenancy.workspaces SET slug = 'find' WHERE slug = 'search'),          q(UPDATE tenancy.workspaces SET slug = 'search' WHERE slug = 'find') ],
    [ 'chosen',      q(UPDATE tenancy.organizations SET slug = 'corp' WHERE slug = 'acme'),         q(UPDATE tenancy.organizations SET slug = 'acme' WHERE slug = 'corp'), undef, 'everybody' ],
    [ 'ann',         q(UPDATE tenancy.roles SET all_workspaces = true WHERE name = 'auditor'),      q(UPDATE tenancy.roles SET all_workspaces = false WHERE name = 'auditor'),
      q(SELECT tenancy.grant_permission('acme', 'organization', 'auditor', 'logs', 'view')) ],
    [ 'ann',         q(SELECT tenancy.revoke_permission('acme', 'organization', 'auditor', 'logs', 'view'), tenancy.remove_workspace_member('acme/search', 'ann@acme.test')),
      q(SELECT tenancy.grant_permission('acme', 'organization', 'auditor', 'logs', 'view'), tenancy.set_workspace_role('acme/search', 'ann@acme.test', 'member')) ],
    [ 'user_key',    q(SELECT tenancy.remove_workspace_member('acme/search', 'mike@acme.test')),
      q(SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member'); UPDATE tenancy.api_keys SET revoked_at = NULL WHERE name = 'user_key') ],
    [ 'user_key',    q(UPDATE tenancy.users SET active = false WHERE email = 'mike@acme.test'), 'UPDATE tenancy.users SET active = true', undef, 'everybody' ],
    [ 'service_key', "DELETE FROM tenancy.api_key_scopes WHERE api_key_id = @{[$key->('service_key')]}",
      "INSERT INTO tenancy.api_key_scopes SELECT api_key_id, 'logs', 'view' FROM tenancy.api_keys WHERE name = 'service_key'" ],
    [ 'service_key', "UPDATE tenancy.api_keys SET revoked_at = now() WHERE name = 'service_key'",   "UPDATE tenancy.api_keys SET revoked_at = NULL WHERE name = 'service_key'" ],
    [ 'service_key', "UPDATE tenancy.api_key_secrets SET valid_until = now() WHERE api_key_id = @{[$key->('service_key')]}",
      "UPDATE tenancy.api_key_secrets SET valid_until = NULL WHERE api_key_id = @{[$key->('service_key')]}" ],
    # The login's binding gets the organization, and goes with the membership.
    [ 'newcomer',    q(SELECT tenancy.set_organization_role('acme', 'nell@acme.test', 'admin')),
      q(SELECT tenancy.remove_organization_member('acme', 'nell@acme.test'); SELECT tenancy.bind_login('newcomer', 'nell@acme.test')), undef, 'everybody' ],
    [ 'newcomer',    q(UPDATE tenancy.login_bindings SET user_id = (SELECT user_id FROM tenancy.users WHERE email = 'gus@globex.test') WHERE login = 'newcomer'::regrole),
      q(SELECT tenancy.bind_login('newcomer', 'nell@acme.test')), undef, 'everybody' ],
    [ 'mike',        q(SELECT tenancy.set_setting('acme', 'members_view_logs', false); DROP TABLE no_such_table), undef, undef, 'nobody' ],
    # Too many rows to tell apart
    [ 'mike',        q(DO $$ BEGIN FOR i IN 1 .. 1000 LOOP UPDATE tenancy.workspaces SET name = 'Chat' || i WHERE slug = 'chat'; END LOOP; END $$;
      SELECT tenancy.set_workspace_role('acme/chat', 'mike@acme.test', 'member')), undef, undef, 'everybody' ],
    [ 'mike',        q(SELECT tenancy.remove_workspace_member('acme/chat', 'mike@acme.test')), undef ],
    [ 'mike',        'TRUNCATE tenancy.workspace_members', undef, undef, 'everybody' ],
);

for my $change (@changes) {
    my ($who, $do, $undo, $before, $hear) = @$change;
    $hear //= 'one';
    $node->safe_psql('postgres', $before) if $before;
    my ($psql, $other) = (session($who), session('gus'));
    answer($_) for $psql, $other;
    my ($was, $was_planned) = answer($psql);
    my ($other_was) = answer($other);
    ok(!$was_planned, "$who keeps a plan");

    my @steps = ($do, defined $undo ? $undo : ());
    for my $step (@steps) {
        if ($hear eq 'nobody') { $node->psql('postgres', "BEGIN;\n$step;\nCOMMIT") }
        else                   { $node->safe_psql('postgres', "BEGIN;\n$step;\nCOMMIT") }
        my ($now) = answer($psql);
        my $fresh = session($who);
        is($now, (answer($fresh))[0], "$who after $step");
        $fresh->quit;
        if ($step eq $do && $hear ne 'nobody') { isnt($now, $was, '... which has changed something') }
        else                                   { is($now, $was, '... which is as before') }
        my ($other_now, $other_planned) = answer($other);
        if ($hear eq 'everybody') { ok($other_planned, '... and is told to everybody') }
        elsif ($hear ne 'both') {
            ok(!$other_planned, '... and concerns no other organization');
            is($other_now, $other_was, '... where all is as before');
        }
    }
    $_->quit for $psql, $other;
}

# A new key, about which nobody is notified: the session that has made it uses it in the same transaction, and goes on with it. After
# PREPARE TRANSACTION, the key is not there, whatever becomes of the transaction.
for my $end ('ROLLBACK', 'ROLLBACK PREPARED', 'COMMIT PREPARED') {
    my $psql = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'app' ]);
    my $seen = sub {
        $psql->{stderr} = '';
        my $out = $psql->query('SELECT count(*) > 0 FROM logs') // '';
        return $psql->{stderr} =~ /ERROR:\s+(.*)/ ? $1 : $out;
    };
    $psql->query_safe($_) for 'BEGIN', q(SET "tenancy.user" = 'olivia@acme.test');
    my $made = $psql->query_safe(q(SELECT secret FROM tenancy.create_api_key('organization_service_key', 'made', 'acme', scopes => '["logs.view"]')));
    $psql->query_safe($_) for 'RESET "tenancy.user"', "SET tenancy.api_key = '$made'";
    is($seen->(), 't', 'a new key is used in the transaction that makes it');
    if ($end eq 'ROLLBACK') {
        $psql->query_safe($_) for $end, "SET tenancy.api_key = '$made'";
    }
    else {
        $psql->query_safe(q(PREPARE TRANSACTION 'making'));
        is($seen->(), 'invalid or expired API key', 'while the transaction is prepared, it is none');
        $node->safe_psql('postgres', "$end 'making'");
    }
    is($seen->(), $end eq 'COMMIT PREPARED' ? 't' : 'invalid or expired API key', "after $end");
    $psql->quit;
}

$node->stop;
done_testing();
