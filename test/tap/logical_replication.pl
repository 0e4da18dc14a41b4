# Logical replication and policies: who decodes the log reads every row; a subscription doesn't apply onto a protected
# table unless no policy holds for its owner; what has been applied is under the policies again. And transactions that
# are prepared, which outlive their session.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $acme   = 'aaaaaaaa-0000-4000-8000-000000000000';
my $globex = 'bbbbbbbb-0000-4000-8000-000000000000';

# Two servers with the same tenants and table.
sub server {
    my ($name) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name);
    $node->init(allows_streaming => 'logical');
    $node->append_conf('postgresql.conf', "max_prepared_transactions = 2\nwal_retrieve_retry_interval = 100ms");
    $node->start;
    $node->safe_psql('postgres', qq(
      CREATE EXTENSION pg_tenancy;
      CREATE ROLE app LOGIN;
      INSERT INTO tenancy.organizations (organization_id, slug, name) VALUES ('$acme', 'acme', 'Acme'), ('$globex', 'globex', 'Globex');
      INSERT INTO tenancy.users (email) VALUES ('olivia\@acme.test'), ('gus\@globex.test');
      SELECT tenancy.set_organization_role('acme', 'olivia\@acme.test', 'owner'), tenancy.set_organization_role('globex', 'gus\@globex.test', 'owner');
      SELECT tenancy.trust_login('app');
      CREATE TABLE logs (id int PRIMARY KEY, organization_id uuid, body text);
      SELECT tenancy.protect('logs', 'logs', organization => 'organization_id', create_indexes => true);
      GRANT ALL ON logs TO app;
    ));
    return $node;
}

sub ids_of {
    my ($node, $user) = @_;
    return $node->safe_psql('postgres', "SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), '-') FROM logs",
        connstr => $node->connstr('postgres') . ' user=app' . ($user ? " options='-c tenancy.user=$user'" : ''));
}

my $publisher = server('publisher');

# --- decoding -------------------------------------------------------------------------------------------------------

$publisher->safe_psql('postgres', "CREATE ROLE streamer LOGIN REPLICATION; GRANT SELECT ON logs TO streamer");
$publisher->safe_psql('postgres', "SELECT pg_create_logical_replication_slot('decoded', 'test_decoding')");
$publisher->safe_psql('postgres', "INSERT INTO logs VALUES (1, '$acme', 'of acme'), (2, '$globex', 'of globex')");

my $changes = "SELECT count(*) FROM pg_logical_slot_peek_changes('decoded', NULL, NULL) WHERE data ~ 'of (acme|globex)'";
is($publisher->safe_psql('postgres', 'SELECT count(*) FROM logs', extra_params => [ '-U', 'streamer' ]),
    '0', 'REPLICATION: no row by a query');
is($publisher->safe_psql('postgres', $changes, extra_params => [ '-U', 'streamer' ]), '2', 'REPLICATION: every row by decoding');
# A connection for replication that sends SQL is under the policies as any other.
my $walsender = $publisher->connstr . " dbname=postgres user=streamer replication=database";
is($publisher->safe_psql('postgres', 'SELECT count(*) FROM logs', connstr => $walsender), '0', 'a walsender has no principal');
$publisher->safe_psql('postgres', "SELECT tenancy.trust_login('streamer')");
is($publisher->safe_psql('postgres', 'SELECT body FROM logs', connstr => "$walsender options='-c tenancy.user=gus\@globex.test'"),
    'of globex', 'a walsender: a tenant');
my ($code, undef, $errors) = $publisher->psql('postgres', $changes, extra_params => [ '-U', 'app' ]);
isnt($code, 0, 'an ordinary login does not decode');
like($errors, qr/must be superuser or replication role|permission denied/, 'for want of REPLICATION');
is(ids_of($publisher, 'olivia@acme.test'), '1', 'a tenant sees its rows');
$publisher->safe_psql('postgres', "SELECT pg_drop_replication_slot('decoded')");

# --- applying -------------------------------------------------------------------------------------------------------

my $subscriber = server('subscriber');
$publisher->safe_psql('postgres', 'CREATE PUBLICATION logs FOR TABLE logs');
is($publisher->safe_psql('postgres', "SELECT object FROM tenancy.advise() WHERE rule = 'publication'"), 'public.logs', 'advise() reports it');
$subscriber->safe_psql('postgres', 'CREATE ROLE applier LOGIN SUPERUSER');
my $connection = $publisher->connstr . ' dbname=postgres';
# Since PostgreSQL 16 the table's owner applies unless told otherwise (replication.pl tries that), and who is no superuser needs a password.
my $as_before_16 = $subscriber->pg_version >= 16 ? 'WITH (run_as_owner = true, password_required = false)' : '';
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION logs CONNECTION '$connection' PUBLICATION logs $as_before_16", extra_params => [ '-U', 'applier' ]);
$subscriber->wait_for_subscription_sync($publisher, 'logs');
is(ids_of($subscriber, 'olivia@acme.test'), '1', 'a superuser applies; the one tenant sees its row');
is(ids_of($subscriber, 'gus@globex.test'), '2', 'the other its own');
is(ids_of($subscriber), '-', 'none without a principal');

# Without the superuser's rights, its owner is held back as anybody.
$subscriber->safe_psql('postgres', 'GRANT ALL ON logs TO applier; GRANT pg_write_all_data TO applier; ALTER ROLE applier NOSUPERUSER');
my $before = -s $subscriber->logfile;
$publisher->safe_psql('postgres', "INSERT INTO logs VALUES (3, '$acme', 'later')");
$subscriber->wait_for_log(qr/cannot replicate into relation with row-level security enabled: "logs"/, $before);
is(ids_of($subscriber, 'olivia@acme.test'), '1', 'an owner without BYPASSRLS applies nothing');
$subscriber->safe_psql('postgres', 'ALTER ROLE applier BYPASSRLS');
$publisher->wait_for_catchup('logs');
is(ids_of($subscriber, 'olivia@acme.test'), '1 3', 'with BYPASSRLS it applies');
is(ids_of($subscriber, 'gus@globex.test'), '2', 'and the other tenant sees nothing of it');

# --- child tables ---------------------------------------------------------------------------------------------------

# The publisher has ordinary tables, the subscriber protects its own: rows take their tenant there, and follow their parents, also those
# of a table that is not replicated.
my $family = 'CREATE TABLE chats (id int PRIMARY KEY, organization_id uuid); CREATE TABLE messages (id int PRIMARY KEY, chat_id int NOT NULL REFERENCES chats)';
$publisher->safe_psql('postgres', "$family; INSERT INTO chats VALUES (1, '$acme'); INSERT INTO messages VALUES (11, 1); CREATE PUBLICATION family FOR TABLE chats, messages");
$subscriber->safe_psql('postgres', qq($family; CREATE TABLE notes (id int PRIMARY KEY, chat_id int NOT NULL REFERENCES chats);
  SELECT tenancy.protect('chats', 'logs', organization => 'organization_id', create_indexes => true);
  SELECT tenancy.protect('messages', 'logs', through => '{chat_id}', create_indexes => true);
  SELECT tenancy.protect('notes', 'logs', through => '{chat_id}', create_indexes => true);
  ALTER ROLE applier SUPERUSER));
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION family CONNECTION '$connection' PUBLICATION family $as_before_16", extra_params => [ '-U', 'applier' ]);
$subscriber->wait_for_subscription_sync($publisher, 'family');
my $whose_rows = "SELECT string_agg(m.id || ' ' || left(m.organization_id::text, 1), ', ' ORDER BY m.id) FROM (TABLE messages UNION ALL TABLE notes) m";
is($subscriber->safe_psql('postgres', $whose_rows), '11 a', 'the initial copy takes its tenant from the parents');
$subscriber->safe_psql('postgres', 'INSERT INTO notes VALUES (21, 1)');
$publisher->safe_psql('postgres', "INSERT INTO messages VALUES (12, 1)");
$publisher->wait_for_catchup('family');
is($subscriber->safe_psql('postgres', $whose_rows), '11 a, 12 a, 21 a', 'so do later rows');
$publisher->safe_psql('postgres', "UPDATE chats SET organization_id = '$globex'; INSERT INTO chats VALUES (2, '$acme'); UPDATE messages SET chat_id = 2 WHERE id = 12");
$publisher->wait_for_catchup('family');
is($subscriber->safe_psql('postgres', $whose_rows), '11 b, 12 a, 21 b', 'and they follow them, replicated or not');

# --- prepared transactions ------------------------------------------------------------------------------------------

# Parameters set for the transaction, and its seal, end with PREPARE TRANSACTION; its row is the principal's.
my $whose = "SELECT coalesce(email, kind) FROM tenancy.whoami()";
my $as_app = $publisher->connstr('postgres') . ' user=app';
is( $publisher->safe_psql('postgres', qq(
      BEGIN;
      SET LOCAL tenancy."user" = 'gus\@globex.test';
      DO 'BEGIN PERFORM tenancy.seal(); END';
      $whose;
      INSERT INTO logs (id, body) VALUES (4, 'prepared');
      PREPARE TRANSACTION 'later';
      $whose;
      SET tenancy."user" = 'olivia\@acme.test';
      $whose;
      COMMIT PREPARED 'later';
    ), connstr => $as_app),
    "gus\@globex.test\nanonymous\nolivia\@acme.test", 'the principal of a prepared transaction');
is(ids_of($publisher, 'gus@globex.test'), '2 4', 'its row belongs to who prepared it');
is(ids_of($publisher, 'olivia@acme.test'), '1 3', 'not to who committed it');
$publisher->safe_psql('postgres', "ALTER ROLE app SET tenancy.principal_lifetime = 'transaction'");
is( $publisher->safe_psql('postgres', qq(
      $whose;
      BEGIN;
      SET tenancy."user" = 'gus\@globex.test';
      $whose;
      PREPARE TRANSACTION 'later';
      $whose;
      ROLLBACK PREPARED 'later';
    ), connstr => $as_app),
    "anonymous\ngus\@globex.test\nanonymous", 'PREPARE TRANSACTION ends it, too');

done_testing();
