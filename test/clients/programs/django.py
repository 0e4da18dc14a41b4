import multiprocessing
import os

import django
import django.http
import django.test
import django.urls
from django.conf import settings
from django.db import OperationalError, connection

from report import KEYS, report, report_parallel


def set_up(module):
    os.environ["DJANGO_SETTINGS_MODULE"] = module
    settings.SECRET_KEY = "for Django's test client"
    settings.ALLOWED_HOSTS = ["testserver"]
    django.setup()


def worker(principal, key):
    os.environ["API_KEY"] = key
    set_up("worker_settings")
    from urls import Request

    try:
        seen = [request.pk for request in Request.objects.order_by("request_id")]
    except OperationalError as error:
        seen = [error.__cause__.pgcode]
    report("connection", principal, seen)


def seen_by_request(client, key):
    response = client.get("/requests", **({"HTTP_AUTHORIZATION": f"Bearer {key}"} if key else {}))
    return ["28000"] if response.status_code == 401 else [row["request_id"] for row in response.json()]


def main():
    keys = {**KEYS, "nobody": ""}
    # Settings are a process's.
    for name, key in keys.items():
        process = multiprocessing.get_context("fork").Process(target=worker, args=(name, key))
        process.start()
        process.join()

    set_up("settings")
    client = django.test.Client()
    connection.connect()
    served_by = connection.connection
    for name, key in keys.items():
        report("request", name, seen_by_request(client, key))
    assert connection.connection is served_by, "all were to be served by one connection"
    # A thread has a connection, which stays between its requests.
    report_parallel(lambda key: seen_by_request(django.test.Client(), key), threads=4)


main()
