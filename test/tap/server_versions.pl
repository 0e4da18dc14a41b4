# Ways to rows that a version of the server has added or changed: functions in SQL, whose plans PostgreSQL 18 keeps;
# MERGE with RETURNING (17); RETURNING old and new, virtual columns, joins that are removed (18); upserts that select,
# COPY of partitioned tables and as JSON, aggregates before joins, NOT IN as a join (19); the right to maintain tables and
# triggers at login (17).  What an older server does not know isn't asked of it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('server_versions');
$node->init;
$node->start;
my $version = $node->safe_psql('postgres', "SELECT current_setting('server_version_num')::int / 10000");

# Workspaces search (rows 1, 2) and support (3) of acme, lab (4) of globex.  olivia owns acme, mike is in search.
$node->safe_psql('postgres', q(
  CREATE EXTENSION pg_tenancy;
  CREATE ROLE app LOGIN;
  SELECT tenancy.trust_login('app');
  SELECT FROM tenancy.create_organization('Acme', 'olivia@acme.test', 'acme');
  SELECT FROM tenancy.create_organization('Globex', 'gus@globex.test', 'globex');
  SELECT tenancy.create_workspace('acme', 'Search', 'search'), tenancy.create_workspace('acme', 'Support', 'support'),
         tenancy.create_workspace('globex', 'Lab', 'lab'), tenancy.create_user('mike@acme.test');
  SELECT tenancy.set_organization_role('acme', 'mike@acme.test', 'member');
  SELECT tenancy.set_workspace_role('acme/search', 'mike@acme.test', 'member');
  CREATE FUNCTION workspace(slug text) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
    AS 'SELECT workspace_id FROM tenancy.workspaces w WHERE w.slug = workspace.slug';
  CREATE TABLE plain (id int PRIMARY KEY, workspace_id uuid, body text);
  INSERT INTO plain VALUES (1, workspace('search'), 'a'), (2, workspace('search'), 'b'),
                           (3, workspace('support'), 'c'), (4, workspace('lab'), 'd');
  CREATE TABLE prompts (LIKE plain INCLUDING ALL);
  INSERT INTO prompts TABLE plain;
  SELECT tenancy.protect('prompts', 'prompts', workspace => 'workspace_id');
  GRANT ALL ON plain, prompts TO app;
));

# The output of one session, in one line, or the SQLSTATE.
sub says {
    my ($sql, %options) = @_;
    my $user = $options{user} // 'app';
    my ($code, $out, $errors) = $node->psql('postgres', $sql,
        connstr       => $node->connstr('postgres') . " user=$user",
        on_error_stop => 1, extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
    return $errors =~ /ERROR:  (\w{5})/ ? $1 : $errors if $code != 0;
    return join ' ', grep { $_ ne '' } split /\n/, $out;
}

sub says_as {
    my ($who, $sql) = @_;
    return says("SET \"tenancy.user\" = '$who'; $sql");
}

# Nothing is left of what is tried.
sub tries_as {
    my ($who, $sql) = @_;
    return says_as($who, "BEGIN; $sql; ROLLBACK");
}

my ($olivia, $mike, $gus) = ('olivia@acme.test', 'mike@acme.test', 'gus@globex.test');

# --- functions in SQL -------------------------------------------------------------------------------------------------

# None of them is inlined, so that each has plans of its own.
$node->safe_psql('postgres', q(
  CREATE FUNCTION ids(from_table text) RETURNS text LANGUAGE sql VOLATILE BEGIN ATOMIC
    SELECT string_agg(id::text, ',' ORDER BY id) FROM prompts WHERE from_table = 'prompts';
  END;
  CREATE FUNCTION body(which int) RETURNS text LANGUAGE sql STABLE AS 'SELECT body FROM prompts WHERE id = which LIMIT 1';
  CREATE FUNCTION one_by_one() RETURNS SETOF int LANGUAGE sql VOLATILE AS 'SELECT id FROM prompts';
  CREATE FUNCTION keeps(who text) RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT set_config('tenancy.user', who, false) $$;
  ALTER FUNCTION body(int) SET plan_cache_mode = force_generic_plan;
));
my $ids = q(SELECT ids('prompts'););
is(says_as($olivia, $ids), '1,2,3', 'a function in SQL sees what an owner sees');
is(says_as($gus,    $ids), '4',     'another owner sees other rows');
is(says($ids),             '',      'no rows without a principal');
is(says_as($olivia, qq($ids SET "tenancy.user" = '$gus'; $ids RESET "tenancy.user"; SELECT coalesce(ids('prompts'), 'none');)),
    '1,2,3 4 none', 'the same function called in one session follows who it is');
is(says_as($olivia, qq(BEGIN; $ids SAVEPOINT s; SET LOCAL "tenancy.user" = '$gus'; $ids ROLLBACK TO s; $ids COMMIT; $ids)),
    '1,2,3 4 1,2,3 1,2,3', '... and so with savepoints');
is(says_as($olivia, qq(SELECT keeps('$olivia') IS NULL, body(1), body(4), keeps('$gus') IS NULL, body(1), body(4);)),
    'f|a||f||d', '... and from one call to the next in the same statement');
is(says_as($olivia, 'SELECT string_agg(body(n), NULL ORDER BY n) FROM generate_series(1, 4) n, generate_series(1, 5);'),
    'aaaaabbbbbccccc', 'called for many rows');
is(says_as($olivia, qq(BEGIN; DECLARE c CURSOR FOR SELECT one_by_one(); FETCH c; SET LOCAL "tenancy.user" = '$gus'; FETCH c;)),
    '55000', 'a function that goes on for somebody else raises');
is(says_as($olivia, qq(BEGIN; DECLARE c CURSOR FOR SELECT one_by_one(); FETCH c; FETCH c;)), '1 2', '... and goes on for the same');

my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe('SET SESSION AUTHORIZATION app');
$session->query_safe(qq(SET "tenancy.user" = '$mike'));
is($session->query_safe($ids), '1,2', 'a member, before leaving the workspace');
$node->safe_psql('postgres', "SELECT tenancy.remove_workspace_member('acme/search', '$mike')");
is($session->query_safe($ids), '', '... and afterwards, in a session that has called it before');
$node->safe_psql('postgres', "SELECT tenancy.set_workspace_role('acme/search', '$mike', 'member')");
is($session->query_safe($ids), '1,2', '... and back');
$session->quit;

# --- conditions of upserts ---------------------------------------------------------------------------------------------

# In a session whose first statement it is, and which has loaded the module only to plan it.
$node->safe_psql('postgres', q(CREATE FUNCTION sees(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001
  AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'SEEN0'; END $$;));
my $update = q(INSERT INTO prompts AS p SELECT %d, workspace('support'), 'new' ON CONFLICT (id) DO UPDATE SET body = p.body WHERE sees(p.body));
is(tries_as($olivia, sprintf($update, 3)), 'SEEN0', "the condition of an upsert sees one's own row");
is(tries_as($olivia, sprintf($update, 4)), '42501', '... and no other one');
is(tries_as($olivia, 'WITH w AS (' . sprintf($update, 4) . ' RETURNING 1) SELECT FROM w'), '42501', '... inside of WITH neither');

# --- MERGE ------------------------------------------------------------------------------------------------------------

my $merge = q(MERGE INTO prompts USING (VALUES (1), (4)) s (n) ON n = id WHEN MATCHED THEN UPDATE SET body = 'merged');
my $bodies = 'SELECT string_agg(body, NULL ORDER BY id) FROM prompts';
is(tries_as($olivia, "$merge; $bodies"), 'mergedbc', 'MERGE changes rows that the principal sees');
is(tries_as($gus,    "$merge; $bodies"), 'merged',   '... of another tenant, the other one');
is(tries_as($olivia, "$merge WHEN NOT MATCHED THEN INSERT (id, workspace_id) VALUES (n, workspace('search'))"),
    '23505', 'a row that is hidden is no match; the unique key tells that it exists');
is(tries_as($olivia, "$merge WHEN NOT MATCHED THEN INSERT (id, workspace_id) VALUES (n + 1, workspace('lab'))"),
    '42501', 'nothing is inserted for another tenant');
if ($version >= 17) {
    my $returning = 'RETURNING merge_action(), prompts.id, prompts.body';
    is(tries_as($olivia, "$merge $returning"), 'UPDATE|1|merged', 'RETURNING shows own rows only');
    is(tries_as($gus,    "$merge $returning"), 'UPDATE|4|merged', '... and so for the other tenant');
    my $missing = 'WHEN NOT MATCHED BY SOURCE THEN DELETE';
    is(tries_as($olivia, "$merge $missing $returning"), 'UPDATE|1|merged DELETE|2|b DELETE|3|c', 'rows by source: own ones only');
    is(tries_as($gus,    "$merge $missing $returning"), 'UPDATE|4|merged', '... and so for the other tenant');
}

# --- RETURNING, virtual columns, joins that are removed ----------------------------------------------------------------

if ($version >= 18) {
    my $upsert = q(INSERT INTO prompts SELECT %d, workspace('support'), 'new' ON CONFLICT (id) DO UPDATE SET body = excluded.body RETURNING old.body, new.body);
    is(tries_as($olivia, sprintf($upsert, 3)), 'c|new', 'an upsert returns what was there before');
    is(tries_as($olivia, sprintf($upsert, 4)), '42501', '... and refuses the row of another tenant');
    is(tries_as($olivia, q(UPDATE prompts SET body = 'new' RETURNING old.id, old.body, new.body)), '1|a|new 2|b|new 3|c|new', 'UPDATE returns old rows that are seen');
    is(tries_as($gus,    q(DELETE FROM prompts RETURNING old.id, new.id)),                         '4|',                      'DELETE, too');

    is(tries_as($olivia, 'SELECT string_agg(a.body, NULL ORDER BY a.id) FROM prompts a JOIN prompts b USING (id)'), 'abc', 'a join with itself');
    is(tries_as($gus,    'SELECT string_agg(a.body, NULL ORDER BY a.id) FROM prompts a JOIN plain b USING (id) JOIN prompts c USING (id)'), 'd', 'and with others');
    is(tries_as($mike, q(SELECT id, tenancy.authorize('prompts', 'view', workspace_id), count(*) FROM plain GROUP BY ROLLUP (id, workspace_id) HAVING workspace_id IS NOT NULL ORDER BY 1)),
        '1|t|1 2|t|1 3|f|1 4|f|1', 'authorize() over a column of a group');

    $node->safe_psql('postgres', q(
      CREATE TABLE computed (id int, place uuid, workspace_id uuid GENERATED ALWAYS AS (place) VIRTUAL);
      INSERT INTO computed SELECT id, workspace_id FROM plain;
      SELECT tenancy.protect('computed', 'prompts', workspace => 'workspace_id');
      GRANT ALL ON computed TO app;
    ));
    my $rows = 'SELECT string_agg(id::text, NULL ORDER BY id) FROM computed';
    is(says_as($olivia, $rows), '123', 'a virtual column says whose a row is');
    is(says_as($gus,    $rows), '4',   '... for the other tenant');
    is(says($rows),             '',    '... and without a principal');
    is(tries_as($gus, "INSERT INTO computed (id, place) VALUES (5, workspace('lab')); $rows"),    '45',    'rows that it makes one\'s own are accepted');
    is(tries_as($gus, "INSERT INTO computed (id, place) VALUES (5, workspace('search')); $rows"), '42501', '... others are refused');
    is(tries_as($gus, "UPDATE computed SET place = workspace('search'); $rows"),                  '42501', '... and so is moving one away');
}

# --- upserts that select, COPY, plans of 19 ---------------------------------------------------------------------------

if ($version >= 19) {
    my $upsert = q(INSERT INTO prompts AS p SELECT %d, workspace('support'), 'new' ON CONFLICT (id) DO SELECT %s RETURNING id, body);
    is(tries_as($olivia, sprintf($upsert, 3, '')),           '3|c',   'an upsert selects one\'s own row');
    is(tries_as($olivia, sprintf($upsert, 5, '')),           '5|new', '... or inserts it');
    is(tries_as($olivia, sprintf($upsert, 4, '')),           '42501', '... and refuses the row of another tenant');
    is(tries_as($olivia, sprintf($upsert, 3, 'FOR UPDATE')), '3|c',   'likewise with a lock');
    is(tries_as($olivia, sprintf($upsert, 4, 'FOR UPDATE')), '42501', '... refused');
    for my $lock ('', 'FOR UPDATE') {
        is(tries_as($olivia, sprintf($upsert, 3, "$lock WHERE sees(p.body)")), 'SEEN0', "a condition sees one's own row $lock");
        is(tries_as($olivia, sprintf($upsert, 4, "$lock WHERE sees(p.body)")), '42501', '... and no other one');
    }
    is(says(sprintf($upsert, 3, '')), '42501', 'nobody selects');

    $node->safe_psql('postgres', q(
      CREATE TABLE parted (id int, workspace_id uuid, body text) PARTITION BY LIST (id);
      CREATE TABLE parted_low PARTITION OF parted FOR VALUES IN (1, 2);
      CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
      INSERT INTO parted TABLE plain;
      SELECT tenancy.protect('parted', 'prompts', workspace => 'workspace_id');
      GRANT ALL ON parted, parted_low, parted_rest TO app;
    ));
    for my $relation ('prompts', 'parted') {
        is(says_as($olivia, "COPY $relation (body) TO STDOUT"),               'a b c',        "COPY of $relation: own rows");
        is(says_as($gus,    "COPY $relation (body) TO STDOUT"),               'd',            '... of the other tenant');
        is(says("COPY $relation (body) TO STDOUT"),                           '',             '... of nobody');
        is(says_as($gus,    "COPY $relation (body) TO STDOUT (FORMAT json)"), '{"body":"d"}', 'COPY as JSON');
        is(says("COPY $relation (body) TO STDOUT (FORMAT json)"),             '',             '... of nobody');
    }
    is(says_as($gus, 'COPY parted_low TO STDOUT'), '', 'a partition of others, by its name');

    my $eager = 'SET min_eager_agg_group_size = 0; SELECT sum(length(p.body)), count(*) FROM prompts p JOIN plain q USING (workspace_id)';
    is(says_as($olivia, $eager), '5|5', 'aggregates before a join: of own rows');
    is(says_as($gus,    $eager), '1|1', '... of the other tenant');
    my $other = q(SELECT string_agg(q.body, NULL ORDER BY q.id) FROM plain q WHERE q.id NOT IN (SELECT p.id FROM prompts p));
    is(says_as($olivia, $other), 'd',   'NOT IN as a join: what the own rows lack');
    is(says_as($gus,    $other), 'abc', '... for the other tenant');
}

# --- maintenance, triggers at login -----------------------------------------------------------------------------------

$node->safe_psql('postgres', 'REINDEX TABLE prompts; REINDEX TABLE tenancy.workspaces');
is(says_as($olivia, $ids), '1,2,3', 'after REINDEX, which fires event triggers since 17');
if ($version >= 17) {
    $node->safe_psql('postgres', 'CREATE ROLE keeper LOGIN; GRANT pg_maintain TO keeper');
    is(says('VACUUM ANALYZE prompts; REINDEX TABLE prompts; SELECT 1;', user => 'keeper'), '1', 'who maintains tables may do that');
    is(says('SELECT * FROM prompts;', user => 'keeper'), '42501', '... and reads nothing');
    is(says(q(SELECT count(*) FROM pg_stats WHERE tablename = 'prompts';), user => 'keeper'), '0', '... in statistics neither');

    # A parameter set by a login trigger is like any other.
    $node->safe_psql('postgres', qq(
      CREATE FUNCTION becomes_gus() RETURNS event_trigger LANGUAGE plpgsql AS \$\$
        BEGIN IF session_user = 'app' THEN PERFORM set_config('tenancy.user', '$gus', false); END IF; END \$\$;
      CREATE EVENT TRIGGER at_login ON login EXECUTE FUNCTION becomes_gus();
    ));
    is(says($ids), '4', 'a trigger at login says who the session is');
    $node->safe_psql('postgres', "ALTER ROLE app SET tenancy.principal_lifetime = 'transaction'");
    is(says($ids), '55000', '... which is refused where it has to be said in each transaction');
    is(says(qq(BEGIN; SET LOCAL "tenancy.user" = '$gus'; $ids COMMIT;)), '4', '... and counts when it is');
}

done_testing();
