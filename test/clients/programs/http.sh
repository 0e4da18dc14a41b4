# One small server in each language, asked with curl: GET /requests reads, POST /requests writes, PUT /requests fails at
# COMMIT.  A status that is not 200 is printed instead of the ids.
set -euo pipefail

cat >server.mjs <<'JS'
import http from 'node:http';
import { asCaller } from './tenancy.mjs';

const answer = asCaller(async (request, client) => {
  if (request.method === 'POST') await client.query("INSERT INTO requests (model) VALUES ('small')");
  if (request.method === 'PUT') await client.query('INSERT INTO late VALUES (1), (1)');
  return (await client.query('SELECT request_id FROM requests ORDER BY request_id')).rows.map((row) => row.request_id);
});
const server = http.createServer(answer).listen(0, '127.0.0.1', () => console.log(server.address().port));
JS

cat >server.py <<'PY'
import json
from socketserver import ThreadingMixIn
from wsgiref.simple_server import make_server, WSGIRequestHandler, WSGIServer

from tenancy import AsCaller


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def application(environ, start_response):
    conn = environ["tenancy.connection"]
    if environ["REQUEST_METHOD"] == "POST":
        conn.execute("INSERT INTO requests (model) VALUES ('small')")
    if environ["REQUEST_METHOD"] == "PUT":
        conn.execute("INSERT INTO late VALUES (1), (1)")
    ids = [row[0] for row in conn.execute("SELECT request_id FROM requests ORDER BY request_id")]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(ids).encode()]


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 100


server = make_server("127.0.0.1", 0, AsCaller(application), server_class=Server, handler_class=Quiet)
print(server.server_port, flush=True)
server.serve_forever()
PY

cat >server.go <<'GO'
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

func answer(ctx context.Context, request *http.Request, tx pgx.Tx) (interface{}, error) {
	ids := []int64{}
	if request.Method == "POST" {
		if _, err := tx.Exec(ctx, "INSERT INTO requests (model) VALUES ('small')"); err != nil {
			return nil, err
		}
	}
	if request.Method == "PUT" {
		if _, err := tx.Exec(ctx, "INSERT INTO late VALUES (1), (1)"); err != nil {
			return nil, err
		}
	}
	rows, err := tx.Query(ctx, "SELECT request_id FROM requests ORDER BY request_id")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

func main() {
	pool, err := pgxpool.Connect(context.Background(), "pool_max_conns=4")
	if err != nil {
		panic(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	http.Serve(listener, AsCaller(pool, answer))
}
GO

# ask METHOD KEY [FILE]: ids, or the status
ask() {
  local status header=() body=${3:-body}
  [[ -z $2 ]] || header=(-H "Authorization: Bearer $2")
  status=$(curl -s -o "$body" -w '%{http_code}' -X "$1" "${header[@]}" "http://127.0.0.1:$port/requests")
  [[ $status == 200 ]] || { printf ' %s' "$status"; return; }
  # shellcheck disable=SC2046
  printf ' %s' $(tr -cs '0-9\n' ' ' <"$body")
}

# 200 requests, 40 at a time, since the server in Python has a connection for each. Each has to get what its principal got
# before, one after the other.
ask_all() {
  local number name key right asked=()
  for number in {1..40}; do
    for name in acme bad mia globex nobody; do
      key=${name^^}
      (
        got=$(ask GET "${!key-}" "body_$number$name")
        [[ "${got% }" == "$(cat "answer_$name")" ]] && echo right || echo "$name got $got" >&2
      ) &
      asked+=($!)
    done
    # Not the server, which is a child, too.
    ((number % 8 != 0)) || { wait "${asked[@]}" || true; asked=(); }
  done >right
  right=$(wc -l <right)
  printf 'parallel: %s right\n' "$right"
}

# serve WAY COMMAND...
serve() {
  local way=$1 name key answers pid
  shift
  coproc server { exec "$@"; }
  # shellcheck disable=SC2154
  pid=$server_PID
  read -r -t 120 port <&"${server[0]}"
  for name in acme bad mia globex nobody; do
    key=${name^^}
    answers=$(ask GET "${!key-}")
    printf '%s %s:%s\n' "$way" "$name" "${answers% }"
    printf '%s' "${answers% }" >"answer_$name"
  done
  printf '%s refused:%s\n' "$way" "$(ask POST '')"
  printf '%s at commit:%s\n' "$way" "$(ask PUT "$ACME")"
  ask_all
  # Connections that the server ends, and then takes none.
  dba -c 'ALTER ROLE shop NOLOGIN' -c "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE usename = 'shop'"
  printf '%s away:%s\n' "$way" "$(ask GET "$ACME")"
  dba -c 'ALTER ROLE shop LOGIN'
  # Go's pool notices that a connection is lost by using it: each can be a 503, which says that it may be tried again.
  for _ in {1..5}; do
    answers=$(ask GET "$ACME")
    [[ $answers == ' 503' ]] || break
  done
  printf '%s again:%s\n' "$way" "${answers% }"
  kill "$pid"
  wait "$pid" 2>/dev/null || true
}

dba() { psql -X -q -o /dev/null -d "$SUPERUSER" "$@"; }
# Rows that are checked at COMMIT.
dba -c 'CREATE TABLE late (number integer UNIQUE DEFERRABLE INITIALLY DEFERRED)' -c 'GRANT INSERT ON late TO shop'

serve node node server.mjs
serve python /usr/bin/python3 server.py
GO111MODULE=off GOPATH=/usr/share/gocode go build -o server tenancy.go server.go
serve go ./server
