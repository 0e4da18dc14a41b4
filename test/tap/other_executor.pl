# Queries that other modules execute in part: scans of their own (CustomScan), and hooks of the executor that pass ours by. The guard of
# rows is then compared row by row, and a change of the principal in the middle of a query ends it as anywhere else.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $module = "$PostgreSQL::Test::Utils::tmp_check/other_executor.so";
my $config = $ENV{PG_CONFIG} // 'pg_config';
chomp(my $headers = `$config --includedir-server`);
system("cc -fPIC -shared -I'$headers' -o '$module' test/tap/other_executor/other_executor.c") == 0 or plan skip_all => 'no compiler';

my $node = PostgreSQL::Test::Cluster->new('executor');
$node->init;
# After ours, so that its hooks come first.
$node->append_conf('postgresql.conf', "session_preload_libraries = 'pg_tenancy,$module'");
$node->start;
$node->safe_psql('postgres', q(
  CREATE EXTENSION pg_tenancy;
  CREATE ROLE app LOGIN;
  CREATE TABLE notes (id int, organization_id uuid, workspace_id uuid, user_id uuid, body text);
  CREATE TABLE drafts (id int, organization_id uuid, workspace_id uuid, body text);
  GRANT ALL ON notes, drafts TO app;
  DO $$ BEGIN
    PERFORM tenancy.create_organization('Acme', 'olivia@acme.test'), tenancy.create_organization('Globex', 'gus@globex.test');
    PERFORM tenancy.set_organization_role('acme', u, 'member'), tenancy.set_workspace_role('acme/shared-team-workspace', u, 'member')
      FROM unnest(ARRAY['mike@acme.test', 'max@acme.test']) u;
    PERFORM tenancy.set_setting('acme', 'members_view_all_data', false);
    PERFORM tenancy.trust_login('app'), tenancy.protect('notes', 'logs', 'organization_id', 'workspace_id', 'user_id'), tenancy.protect('drafts', 'prompts', 'organization_id', 'workspace_id');
  END $$;
  INSERT INTO notes SELECT 100 * n + i, o.organization_id, w.workspace_id, u.user_id, u.email
  FROM (VALUES (0, 'mike@acme.test', 'acme'), (1, 'max@acme.test', 'acme'), (2, 'gus@globex.test', 'globex')) v (n, email, slug), generate_series(1, 20) i,
    tenancy.organizations o, tenancy.workspaces w, tenancy.users u
  WHERE o.slug = v.slug AND w.organization_id = o.organization_id AND u.email = v.email;
  INSERT INTO drafts SELECT id, organization_id, workspace_id, body FROM notes;
  CREATE FUNCTION nth(n int, who text) RETURNS boolean LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM set_config('app.calls', (current_setting('app.calls')::int + 1)::text, false);
    IF current_setting('app.calls')::int = nth.n THEN PERFORM set_config('tenancy.user', nth.who, true); END IF;
    RETURN true;
  END $$;
  -- Rows that a query returns, the error, and how many rows have been checked.
  CREATE FUNCTION tried(who text, query text) RETURNS text LANGUAGE plpgsql AS $$
  DECLARE
    found text;
  BEGIN
    PERFORM set_config('app.calls', '0', false), set_config('tenancy.user', tried.who, true);
    EXECUTE format('SELECT string_agg(DISTINCT q.body, '' '') || '' '' || count(*) FROM (%s) q', tried.query) INTO found;
    RETURN coalesce(found, 'nothing');
  EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
  END $$;
  CREATE FUNCTION seen() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT max(session)::text FROM tenancy.stats() WHERE counter = 'rows_checked' $$;
));

# Rows of the last statement, or the error.
sub session {
    my ($settings, $script) = @_;
    my ($code, $out, $errors) = $node->psql('postgres', $script, extra_params => [ '-U', 'app' ], connstr => $node->connstr('postgres') . " options='$settings'");
    $out =~ s/\n/ /g;
    return $errors =~ /ERROR:\s+(.*)/ ? ($out ne '' ? "$out " : '') . $1 : $out;
}
my $changed = "the session's principal has changed since the query was planned";
my %ways = (
    'the server itself'      => '',
    'scans of its own'       => '-cother.scans=on',
    'queries run elsewhere'  => '-cother.runs=on',
    'all of it'              => '-cother.scans=on -cother.runs=on -cother.starts=on -cother.finishes=on',
    'all but scans'          => '-cother.runs=on -cother.starts=on -cother.finishes=on',
);
for my $way (sort keys %ways) {
    for my $share ('off', 'on') {
        my $settings = "$ways{$way} -ctenancy.share_plans=$share -cplan_cache_mode=force_generic_plan";
        my $what = "$way, shared plans $share";
        my $plan = session($settings, q(SET tenancy."user" = 'mike@acme.test'; EXPLAIN SELECT * FROM notes));
        is($plan =~ /Custom Scan/ ? 'own' : 'server', $way =~ /scans of|all of/ ? 'own' : 'server', "$what: who scans");
        like($plan, $share eq 'on' ? qr/shape_guard/ : qr/plan_guard/, "$what: the plan has the guard");
        for my $who (['mike', 'mike@acme.test 20'], ['max', 'max@acme.test 20'], ['gus', 'gus@globex.test 20']) {
            my $mail = $who->[1] =~ s/ .*//r;
            is(session($settings, "SELECT tried('$mail', 'SELECT * FROM notes')"), $who->[1], "$what: $who->[0] sees own rows");
        }
        # To a colleague with the same rights, to another organization, and to nobody. A shared plan takes the ids of whoever the session is
        # then. Where nothing arms its scans, it has no rows for these two: it ends early, and shows nothing of theirs.
        for my $other ('max@acme.test', 'gus@globex.test', '') {
            my $shared = $share eq 'on' && $other ne 'max@acme.test';
            my $stopped = $shared && $way =~ /all|scans/ ? 'mike@acme.test 3' : '55000';
            is(session($settings, "SELECT tried('mike\@acme.test', 'SELECT * FROM notes WHERE nth(0, ''$other'')')"), 'mike@acme.test 20', "$what: nobody switches");
            is(session($settings, "SELECT tried('mike\@acme.test', 'SELECT * FROM notes WHERE nth(3, ''$other'')')"), $stopped, "$what: a switch to '$other' in the condition");
            is(session($settings, "SELECT tried('mike\@acme.test', 'SELECT *, nth(3, ''$other'') FROM notes OFFSET 0')"), $stopped, "$what: a switch to '$other' in the target list");
            is(session($settings, "BEGIN; SET LOCAL tenancy.\"user\" = 'mike\@acme.test'; DECLARE c CURSOR FOR SELECT id FROM notes ORDER BY 1; FETCH 1 FROM c; SET LOCAL tenancy.\"user\" = '$other'; MOVE 1 IN c; ROLLBACK"),
                $way =~ /run elsewhere|all/ || ($way =~ /scans/ && $share eq 'off') ? '1' : "1 $changed", "$what: a cursor over sorted rows, to '$other'");
            is(session($settings, "BEGIN; SET LOCAL tenancy.\"user\" = 'mike\@acme.test'; DECLARE c CURSOR FOR SELECT id FROM notes; FETCH 1 FROM c; SET LOCAL tenancy.\"user\" = '$other'; FETCH 1 FROM c; ROLLBACK"),
                $shared && $way =~ /all/ ? '1' : "1 $changed", "$what: a cursor, to '$other'");
        }
        # A part of the query that runs after the run. Olivia, and Gus, may delete all rows of their organizations.
        for my $other ('olivia@acme.test', 'gus@globex.test') {
            is(session($settings, "BEGIN; SELECT set_config('app.calls', '0', true) \\g /dev/null\nSET LOCAL tenancy.\"user\" = 'olivia\@acme.test'; WITH d AS (DELETE FROM drafts RETURNING nth(3, '$other')) SELECT 'done'; SELECT current_setting('app.calls'); ROLLBACK"),
                $other =~ /olivia/ ? 'done 40' : $changed, "$what: a modifying CTE that is not read, to '$other'");
        }
    }
}
$node->stop;
done_testing();
