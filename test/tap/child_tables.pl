# Tables that take their tenant from a parent row, through a dump and a restore: triggers and policies fit each other again, and
# rows are kept equal.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('children');
$node->init;
$node->append_conf('postgresql.conf', "max_connections = 30");
$node->start;
my $dir = PostgreSQL::Test::Utils::tempdir();

sub run {
    my ($what, @command) = @_;
    my ($out, $errors);
    my $ok = IPC::Run::run(\@command, '>', \$out, '2>', \$errors);
    ok($ok, $what) or diag($errors);
    return $out;
}

$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql('source', q(
  SET client_min_messages = warning;
  CREATE EXTENSION pg_tenancy;
  SELECT tenancy.create_organization('Acme', 'olivia@acme.test');
  CREATE TABLE gone (id int);  -- so that columns have other numbers after a restore
  CREATE TABLE chats (dropped int, id int PRIMARY KEY, organization_id uuid, workspace_id uuid);
  ALTER TABLE chats DROP COLUMN dropped;
  CREATE TABLE messages (dropped int, id int PRIMARY KEY, chat_id int REFERENCES chats DEFERRABLE INITIALLY DEFERRED);
  ALTER TABLE messages DROP COLUMN dropped;
  CREATE TABLE parts (id int, day int, message_id int REFERENCES messages) PARTITION BY RANGE (day);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (2);
  CREATE TABLE tags (id int PRIMARY KEY, organization_id uuid);
  CREATE TABLE chat_tags (chat_id int REFERENCES chats, tag_id int REFERENCES tags);
  INSERT INTO chats SELECT 1, organization_id, workspace_id FROM tenancy.workspaces;
  INSERT INTO messages VALUES (1, 1);
  INSERT INTO parts VALUES (1, 1, 1);
  INSERT INTO tags SELECT 1, organization_id FROM tenancy.organizations;
  INSERT INTO chat_tags VALUES (1, 1);
  SELECT tenancy.protect('chats', 'prompts', organization => 'organization_id', workspace => 'workspace_id', create_indexes => true);
  SELECT tenancy.protect('messages', 'prompts', through => '{chat_id}', create_indexes => true);
  SELECT tenancy.protect('parts', 'prompts', through => '{message_id}', create_indexes => true);
  SELECT tenancy.protect('tags', 'prompts', organization => 'organization_id', create_indexes => true);
  SELECT tenancy.protect('chat_tags', 'prompts', through => '{chat_id,tag_id}', create_indexes => true);
));

my $connection = $node->connstr;
sub check {
    my ($database, $what) = @_;
    is($node->safe_psql($database, q(
      SELECT string_agg(relation || coalesce(' ' || i.problem, ''), ', ' ORDER BY relation::text)
      FROM tenancy.protected_tables, tenancy_internal.inspect_protection(relation) i)),
      'chat_tags, chats, messages, parts, parts_1, tags', "$what: protected as before");
    is($node->safe_psql($database, q(
      BEGIN;
      INSERT INTO messages (id, chat_id) VALUES (2, 1);
      INSERT INTO parts (id, day, message_id) VALUES (2, 1, 2);
      UPDATE chats SET workspace_id = '00000000-0000-0000-0000-000000000009';
      SELECT count(*) FROM parts WHERE workspace_id = '00000000-0000-0000-0000-000000000009';
      ROLLBACK;)), '2', "$what: rows take their tenant, and move");
    my ($status, $out, $errors) = $node->psql($database, q(UPDATE tags SET organization_id = gen_random_uuid()));
    like($errors, qr/would belong to two tenants/, "$what: two parents stay together");
    ($status, $out, $errors) = $node->psql($database, q(INSERT INTO messages (id, chat_id) VALUES (3, 99)));
    like($errors, qr/refers to a row that does not exist/, "$what: no row comes before its parent");
}
check('source', 'before');

run('pg_dump, plain', 'pg_dump', '-d', "$connection dbname=source", '-f', "$dir/plain.sql");
$node->safe_psql('postgres', 'CREATE DATABASE plain');
run('... restored', 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', "$connection dbname=plain", '-f', "$dir/plain.sql");
check('plain', 'plain');

run('pg_dump, custom', 'pg_dump', '-d', "$connection dbname=source", '-Fc', '-f', "$dir/custom");
$node->safe_psql('postgres', 'CREATE DATABASE parallel');
run('... restored by several', 'pg_restore', '-j', '3', '-d', "$connection dbname=parallel", "$dir/custom");
check('parallel', 'pg_restore -j');

# Without the catalogs, advise() says how to record the protection again.
$node->safe_psql('parallel', 'DELETE FROM tenancy.protected_tables');
my $fixes = $node->safe_psql('parallel', q(SELECT fix_sql FROM tenancy.advise() WHERE rule = 'unrecorded_protection'
  ORDER BY object NOT IN ('public.chats', 'public.tags'), object <> 'public.messages', object));
like($fixes, qr/through => '\{chat_id,tag_id\}'/, 'advise() says how to record it') or diag($fixes);
$node->safe_psql('parallel', "SET client_min_messages = warning; $_") for split /\n/, $fixes;
check('parallel', 'recorded again');

done_testing();
