"""What schemathesis has to know of the service: who may call what, and what there is.

The environment has the address of a demonstration (RECORDINGS_URL).
"""

import base64
import json
import os
import urllib.request

import schemathesis

URL = os.environ["RECORDINGS_URL"]
CENTER = "a5539ef5-7dd5-4150-818f-ee1bcd447cbe"


def credentials(name):
    return "Basic " + base64.b64encode(f"{name}:{name}".encode()).decode()


def newest():
    request = urllib.request.Request(URL + "/api/v2/recordings?startTime=0&limit=20")
    request.add_header("Authorization", credentials("admin"))
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["recordings"]


RECORDINGS = newest()


@schemathesis.auth(refresh_interval=None)  # it depends on the operation
class Roles:
    """Calls as somebody who may."""

    def get(self, case, ctx):
        roles = ctx.operation.definition.raw.get("x-roles", [])
        return "admin" if "admin" in roles else "ops"

    def set(self, case, data, ctx):
        case.headers = case.headers or {}
        case.headers["Authorization"] = credentials(data)


@schemathesis.serializer("application/x-ndjson")
def lines(ctx, value):
    """A batch is sent as it is."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def map_path_parameters(ctx, path_parameters):
    """Most of the time, asks for something that is there."""
    values = dict(path_parameters or {})
    seed = sum(map(ord, "".join(str(v) for v in values.values())))
    if seed % 4 == 0:
        return values
    if "ccid" in values:
        values["ccid"] = CENTER
    if "id" in values and "/media-left-behind/" not in ctx.operation.path:
        recording = RECORDINGS[seed % len(RECORDINGS)]
        values["id"] = recording["id"]
        if "media" in values:
            values["media"] = recording["mediaFiles"][0]["mediaUri"].rsplit("/", 1)[1]
    return values


def choose(values, name):
    """Most of the time, chooses the contact center of the caller."""
    values = dict(values or {})
    if name in values and sum(map(ord, str(values[name]))) % 8:
        values[name] = CENTER
    return values


@schemathesis.hook
def map_headers(ctx, headers):
    return choose(headers, "ContactCenterId")


@schemathesis.hook
def map_query(ctx, query):
    return choose(query, "contactCenterId")


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """Sends no control characters in headers, which answers may have brought there: that is no HTTP."""
    for name, value in list((case.headers or {}).items()):
        if any(ord(c) < 0x20 or ord(c) == 0x7F for c in str(value)):
            del case.headers[name]
