"""What schemathesis cannot know of: it is loaded by schemathesis, which openapi.py starts.

A schema says which texts look like a cursor, and not which ones the gateway gave; it says that a stream may be endless,
and not that nobody waits for its end. Only values that the schema allows are replaced, by ones that also mean something:
what it does not allow goes out as it was made.
"""

import os
import re
import uuid
from collections.abc import Mapping, MutableMapping

import schemathesis

CURSOR, STREAM = os.environ["OPENAPI_CURSOR"], os.environ["OPENAPI_STREAM"]


def replace(fields, name, pattern, value):
    if isinstance(fields, MutableMapping) and re.fullmatch(pattern, str(fields.get(name, ""))):
        fields[name] = value(fields[name])


@schemathesis.hook
def filter_query(context, query):
    """An empty parameter is an absent one, which no schema can say."""
    return not isinstance(query, Mapping) or "" not in query.values()


@schemathesis.hook
def before_call(context, case, kwargs):
    path, query = case.operation.path, case.query
    for name in ("since", "until"):
        for place in (query, case.body):
            # Where it is a time, it stays one.
            pattern = "$." if path == "/v1/admin/revoke" else "[0-9a-z~]{1,64}"
            replace(place, name, pattern, lambda text: text if text == "earliest" else CURSOR)
    # To a schema 7.0 is an integer.
    replace(case.body, "ttl_ms", r"[0-9]+\.0|[0-9.]+e\+[0-9]+", lambda number: int(float(number)))
    replace(case.body, "ref", r"-?[0-9]+\.0|-?[0-9.]+e\+[0-9]+", lambda number: int(float(number)))
    replace(case.headers, "Idempotency-Key", "[!-~]{1,200}", lambda text: text + uuid.uuid4().hex)
    # Nobody is there to confirm, and nobody waits for that.
    events = case.body.get("events") if isinstance(case.body, Mapping) else None
    for event in [case.body, *(events if isinstance(events, list) else [])]:
        if isinstance(event, Mapping):
            spans = "[1-9][0-9]{0,3}ms|[1-5]?[1-9]s|[1-9][0-9]{0,3}|[1-5][0-9]{4}|60000"
            replace(event.get("ack"), "timeout", spans, lambda _: 1)
    if path == "/v1/stream":
        # The header wins, and then nobody looks at `since`.
        if "since" in (query or {}) and case.headers:
            case.headers.pop("Last-Event-ID", None)
        # Streams are tested by openapi.py itself.
        replace(query, "transport", "sse|websocket", lambda _: "long-poll")
        # Which of both would come first?
        if "rewind" in (query or {}) or (query or {}).get("since") == "earliest":
            query.pop("snapshot", None)
        replace(query, "wait", "[1-4][0-9]?|5[0-5]?|[6-9]", lambda _: 0)
        case.query = {"wait": 0, **(query or {})}
    # The gateway is needed for what follows.
    if path == "/v1/admin/drain" and isinstance(case.body, MutableMapping) and case.body.get("node") is True:
        case.body = {"role": "nobody"}
    # Few texts are a filter of log lines.
    if path == "/v1/admin/log" and isinstance((case.body or {}).get("filter") if isinstance(case.body, Mapping) else None, str):
        case.body["filter"] = "warn"
    # What has ended by itself cannot be revoked, and no schema knows the time.
    if path == "/v1/admin/revoke":
        replace(case.body, "until", "[0-9]+", lambda _: 4102444800000)
    if path == "/v1/messages" and case.media_type == "application/json":
        case.query = {**(query or {}), "stream": STREAM}
    if path == "/v1/rooms/{room}/events" and case.method.upper() == "POST":
        # With `event` the body is the payload, whatever it is; without, an object of the schema.
        if case.media_type == "text/plain":
            case.query = {"event": "note", **(query or {})}
        elif query:
            query.pop("event", None)
