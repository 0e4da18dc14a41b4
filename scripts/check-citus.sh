#!/usr/bin/env bash
# Checks that protected tables which Citus distributes are refused: scripts/check-citus.sh
#
# Citus is in no Debian release. Where its library is in PostgreSQL's folder, or below the folder that $CITUS_STAGE names (as
# `make install DESTDIR=...` of its sources left it), this runs one coordinator and one worker; elsewhere it says so.
set -euo pipefail
shopt -s inherit_errexit
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT_DIR"

PG_CONFIG=$(find_pg_config)
PATH=$(server_bin):$PATH
citus_stage=${CITUS_STAGE-}
if [[ ! -e $citus_stage$("$PG_CONFIG" --pkglibdir)/citus.so ]]; then
  say "skipped: this machine has no Citus for PostgreSQL $PG_MAJOR (CITUS_STAGE can name a folder)"
  say "0 passed, 0 failed, 1 skipped"
  exit 0
fi

stage=$WORK_DIR/stage
build_module "${BUILD_DIR:-$ROOT_DIR/build}/gcc" "$stage" WERROR=1 CXX=g++
[[ -z $citus_stage ]] || cp -r "$citus_stage/." "$stage"
for name in worker coordinator; do
  make_cluster "$WORK_DIR/$name" "$stage" --tcp -c shared_preload_libraries=citus -c session_preload_libraries=pg_tenancy \
    -c wal_level=logical -c citus.node_conninfo=sslmode=disable -c citus.enable_version_checks=off -c password_encryption=scram-sha-256 -c fsync=off
  # Among these two, everybody is believed: both are thrown away.
  sed -i 's/scram-sha-256/trust/' "$WORK_DIR/$name/data/pg_hba.conf"
  start_cluster "$WORK_DIR/$name"
  psql -X -q -c 'CREATE EXTENSION citus' -c 'CREATE EXTENSION pg_tenancy'
done
worker_port=$(use_server "$WORK_DIR/worker" && echo "$PGPORT")
coordinator_port=$PGPORT

passed=0 failed=0
# is NAME EXPECTED QUERY [PSQL OPTION...]: the last line that the coordinator prints, or the error.
is() {
  local name=$1 expected=$2 query=$3 found
  shift 3
  found=$(psql -X -A -t -q -v VERBOSITY=verbose -v SHOW_CONTEXT=never "$@" <<<"$query" 2>&1 | grep -v '^\(LOCATION\|HINT\|DETAIL\|NOTICE\|LINE\)' | tail -n 1) || true
  [[ $found =~ ^ERROR:\ +([0-9A-Z]{5}) ]] && found=${BASH_REMATCH[1]}
  if [[ $found == "$expected" ]]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    say "not ok: $name: $found, not $expected"
  fi
}

psql -X -q -v ON_ERROR_STOP=1 >/dev/null <<SQL
SELECT citus_set_coordinator_host('127.0.0.1', $coordinator_port);
SELECT citus_add_node('127.0.0.1', $worker_port);
CREATE ROLE app LOGIN; CREATE ROLE plain LOGIN; CREATE ROLE gus LOGIN; CREATE ROLE late LOGIN; ALTER ROLE late SET session_preload_libraries = '\$libdir/plpgsql';
SELECT tenancy.create_organization('Acme', 'olivia@acme.test'), tenancy.create_organization('Globex', 'gus@globex.test');
SELECT tenancy.trust_login('app'), tenancy.bind_login('gus', 'gus@globex.test');
CREATE TABLE requests (organization_id uuid, id int, PRIMARY KEY (organization_id, id));
CREATE TABLE here (organization_id uuid, id int);
CREATE TABLE free (organization_id uuid, owner name, id int);
CREATE TABLE open (organization_id uuid, id int);
INSERT INTO requests SELECT organization_id, i FROM tenancy.organizations, generate_series(1, 10) i;
INSERT INTO here SELECT * FROM requests;
SET client_min_messages = error;
SELECT tenancy.protect('requests', 'logs', 'organization_id'), tenancy.protect('here', 'logs', 'organization_id');
SELECT create_distributed_table('requests', 'organization_id');
SELECT create_distributed_table('free', 'organization_id');
SELECT create_distributed_table('open', 'organization_id');
INSERT INTO free VALUES (gen_random_uuid(), 'plain', 1), (gen_random_uuid(), 'app', 2);
INSERT INTO open SELECT gen_random_uuid(), i FROM generate_series(1, 5) i;
ALTER TABLE free ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON free USING (owner = current_user);
GRANT ALL ON requests, here, free, open TO app, plain, gus, late;
CREATE FUNCTION counted() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM requests); END';
SQL
acme=$(psql -X -A -t -q -c "SELECT organization_id FROM tenancy.organizations WHERE slug = 'acme'")

# The way to be refused: a superuser's query, to whom no policy applies, is distributed.
is 'distributed' 20 'SELECT count(*) FROM requests'
is 'by tasks' t "CREATE FUNCTION plan_of(query text) RETURNS text LANGUAGE plpgsql AS \$\$ DECLARE line text; found text := ''; BEGIN FOR line IN EXECUTE 'EXPLAIN ' || query LOOP found := found || line; END LOOP; RETURN found; END \$\$; SELECT plan_of('SELECT * FROM requests') LIKE '%Citus%'"
set_acme="SET tenancy.\"user\" = 'olivia@acme.test';"
set_globex="SET tenancy.\"user\" = 'gus@globex.test';"
while IFS='|' read -r login setting who; do
  while IFS= read -r query; do
    is "$who: $query" 0A000 "$setting $query" -U "$login"
  done <<SQL
SELECT count(*) FROM requests;
SELECT * FROM requests WHERE organization_id = '$acme';
SELECT * FROM requests WHERE organization_id = '$acme' AND id = 1;
SELECT count(*) FROM requests a JOIN requests b USING (organization_id);
SELECT count(*) FROM requests JOIN open USING (organization_id);
SELECT count(*) FROM here WHERE id IN (SELECT id FROM requests);
SELECT count(*) FROM here JOIN requests USING (organization_id, id);
WITH r AS MATERIALIZED (SELECT * FROM requests) SELECT count(*) FROM r;
SELECT (SELECT count(*) FROM requests);
SELECT * FROM requests UNION ALL SELECT * FROM requests ORDER BY 1 LIMIT 1;
SELECT * FROM requests ORDER BY id LIMIT 5 FOR UPDATE;
INSERT INTO requests VALUES ('$acme', 100);
INSERT INTO requests VALUES ('$acme', 100), (gen_random_uuid(), 101);
INSERT INTO requests SELECT * FROM here;
INSERT INTO here SELECT * FROM requests;
UPDATE requests SET id = id WHERE organization_id = '$acme';
DELETE FROM requests WHERE organization_id = '$acme' AND id = 1;
DELETE FROM requests;
PREPARE q AS SELECT count(*) FROM requests; EXECUTE q;
PREPARE q (uuid) AS SELECT count(*) FROM requests WHERE organization_id = \$1; EXECUTE q ('$acme');
SELECT counted();
EXPLAIN SELECT * FROM requests;
DECLARE c CURSOR WITH HOLD FOR SELECT * FROM requests;
CREATE TEMP TABLE copied AS SELECT * FROM requests;
SQL
  is "$who: nothing of it has happened" 20 'SELECT count(*) FROM requests'
  is "$who: tables that are not distributed" "$([[ $who == nobody ]] && echo 0 || echo 10)" "$setting SELECT count(*) FROM here" -U "$login"
  is "$who: a distributed table without protection" 5 "$setting SELECT count(*) FROM open" -U "$login"
done <<PRINCIPALS
app|$set_acme|owner of acme
app|$set_globex|owner of globex
gus||a bound login
plain||nobody
PRINCIPALS
is 'policies that are not ours' 1 'SELECT count(*) FROM free' -U plain

is 'a distributed table is not protected' 0A000 "SELECT tenancy.protect('open', 'logs', 'organization_id')"
is 'advise() reports it' public.requests "SELECT object FROM tenancy.advise() WHERE rule = 'distributed_table'"
is 'loaded by a statement, it refuses' 55000 "SELECT count(*) FROM requests" -U late
is 'also a query that Citus need not plan' 55000 "SELECT * FROM requests WHERE organization_id = '$acme' AND id = 1" -U late
psql -X -q -c "SET client_min_messages = error" -c "SELECT undistribute_table('requests')" >/dev/null
is 'undistributed, it is closed' 0 "$set_acme SELECT count(*) FROM requests" -U app
psql -X -q -c "SET client_min_messages = error" -c "SELECT tenancy.protect('requests', 'logs', 'organization_id')" >/dev/null
is 'and protected again, as before' 10 "$set_acme SELECT count(*) FROM requests" -U app

# By a worker
use_server "$WORK_DIR/worker"
is 'a worker has no catalogs' 0 'SELECT count(*) FROM tenancy.organizations'
psql -X -q -c 'SET citus.enable_ddl_propagation = off' -c 'ALTER DATABASE postgres SET tenancy.require_claims = on'
use_server "$WORK_DIR/coordinator"
psql -X -q -c "SET client_min_messages = error" -c "SELECT create_distributed_table('requests', 'organization_id')" >/dev/null
use_server "$WORK_DIR/worker"
is 'by a worker' 28000 'SELECT count(*) FROM requests' -U app
shard=$(psql -X -A -t -q -c "SELECT 'requests_' || shardid FROM pg_dist_shard WHERE logicalrelid = 'requests'::regclass ORDER BY shardid LIMIT 1")
is 'a shard by its name' 28000 "SET citus.override_table_visibility = off; SELECT count(*) FROM $shard" -U app

say "$passed passed, $failed failed"
[[ $failed == 0 ]]
