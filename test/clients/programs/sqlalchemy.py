from sqlalchemy import exc
from sqlalchemy.orm import Session

from report import KEYS, report, report_parallel
from tenants import Request, engine, engine_of_key, requests_of_transaction


def seen(requests_of):
    try:
        return [request.request_id for request in requests_of()]
    except exc.DBAPIError as error:
        return [error.orig.pgcode]


def requests_without_key(any_engine):
    with Session(any_engine) as session:
        return session.query(Request).order_by(Request.request_id).all()


for name, key in {**KEYS, "nobody": ""}.items():
    report("connection", name, seen(lambda: requests_without_key(engine_of_key(key))))

# Nobody comes last, on the connection that served all others, and gives no key.
for name, key in KEYS.items():
    report("transaction", name, seen(lambda: requests_of_transaction(key)))
report("transaction", "nobody", seen(lambda: requests_without_key(engine)))
assert engine.pool.checkedin() == 1, "all were to be served by one connection"

report_parallel(lambda key: seen(lambda: requests_of_transaction(key)))
