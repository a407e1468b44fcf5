"""proto-docs/openapi.json: it is a good document, its examples fit its schemas, and a running gateway answers as it
says, also what it says of streams."""

import http.client
import json
import os
import subprocess
import sys
import threading
import traceback
from pathlib import Path

from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from websockets.sync.client import connect

from gateway import BACKEND, HERE, Gateway

FILE = HERE.parent.parent / "proto-docs" / "openapi.json"
DOCUMENT = json.loads(FILE.read_text())
REGISTRY = Registry().with_resource("document", Resource.from_contents(DOCUMENT, default_specification=DRAFT202012))
KEY = {"X-API-Key": BACKEND}
# For schemathesis, so that the whole step stays below a minute.
SECONDS = 50


def fits(value, pointer):
    """Fails unless `value` fits the schema at `pointer`."""
    validator = Draft202012Validator({"$ref": f"document#{pointer}"}, registry=REGISTRY)
    errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]
    assert not errors, f"{pointer}: {errors}"


def ask(gateway, method, target, headers={}, body=None):
    connection = http.client.HTTPConnection(gateway.listen, timeout=10)
    connection.request(method, target, body, headers)
    return connection.getresponse()


def operations():
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield path, method.upper(), operation


def the_document_is_valid(_):
    validate(DOCUMENT)


def every_example_fits_its_schema(_):
    def walk(node, pointer):
        count = 0
        if isinstance(node, dict):
            examples = node.get("examples", {})
            if "schema" in node:
                values = [node["example"]] if "example" in node else []
                values += [example["value"] for example in examples.values()]
                for value in values:
                    fits(value, f"{pointer}/schema")
            elif isinstance(examples, list):
                values = examples
                for value in values:
                    fits(value, pointer)
            else:
                values = []
            count = len(values)
        entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, below in entries:
            count += walk(below, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")
        return count

    assert walk(DOCUMENT, "") > 40, "there are examples"


def what_an_event_stream_says_fits(gateway):
    cursor = gateway.publish("quakes", "first", None)
    gateway.publish("quakes", "quake", {"mag": 5.50})
    target = f"/v1/stream?room=quakes&room=station&since={cursor}"
    stream = ask(gateway, "GET", target, KEY | {"Accept": "text/event-stream"})
    assert (stream.status, stream.headers["Content-Type"]) == (200, "text/event-stream")
    said, name = {}, None
    while "heartbeat" not in said:
        line = stream.readline().decode().rstrip("\n")
        if line.startswith("event: "):
            name = line[7:]
        if line.startswith("data: "):
            said[name] = json.loads(line[6:])
            fits(said[name], "/components/schemas/ServerMessage")
    assert list(said) == ["welcome", "quake", "heartbeat"], said


def what_a_websocket_says_fits(gateway):
    first = gateway.publish("alerts", "first", 1)
    gateway.publish("alerts", "second", 2)
    messages = [
        {"type": "subscribe", "ref": 1, "room": "alerts", "since": first},
        {"type": "publish", "ref": "two", "rooms": ["quakes", "alerts"], "event": "n", "data": [1.50]},
        {"type": "unsubscribe", "ref": 3, "room": "alerts"},
        {"type": "subscribe", "ref": 4, "room": "_internal"},
        {"type": "ping", "ref": 5},
    ]
    names = set()
    target = f"ws://{gateway.listen}/v1/stream?room=quakes&room=_internal&since={first}"
    with connect(target, additional_headers=KEY) as socket:
        for message in messages:
            fits(message, "/components/schemas/ClientMessage")
            socket.send(json.dumps(message))
        while not {"welcome", "gap", "backfill", "ack", "error", "heartbeat", "event"} <= names:
            message = json.loads(socket.recv(10))
            fits(message, "/components/schemas/ServerMessage")
            names.add(message.get("type", "event"))


def every_operation_with_security_needs_a_credential(gateway):
    seen = 0
    for path, method, operation in operations():
        if operation.get("security") == []:
            continue
        seen += 1
        target = path.replace("{room}", "quakes").replace("{stream}", 24 * "0")
        body = json.dumps({"event": "n"}) if method == "POST" else None
        for what, headers, query in [
            ("none", {}, ""),
            ("a wrong token", {"Authorization": "Bearer a.b.c"}, ""),
            ("a wrong key", {"X-API-Key": "wrong"}, ""),
            ("a wrong key in the query", {}, "?access_token=wrong"),
            ("a wrong token before a good key", {"Authorization": "Bearer a.b.c", **KEY}, ""),
        ]:
            answer = ask(gateway, method, target + query, headers, body)
            assert answer.status == 401, f"{method} {target} with {what}: {answer.status}"
            if method != "HEAD":
                fits(json.load(answer), "/components/schemas/Problem")
    assert seen > 8, "there are such operations"


def a_running_gateway_answers_as_the_document_says(gateway):
    stream = ask(gateway, "GET", "/v1/stream?room=quakes", KEY | {"Accept": "text/event-stream"})
    name = next(json.loads(line[6:])["stream"] for line in stream if line.startswith(b"data: "))
    threading.Thread(target=lambda: sum(1 for _ in stream), daemon=True).start()
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": "openapi_hooks",
        "PYTHONPATH": str(HERE),
        "OPENAPI_CURSOR": gateway.publish("quakes", "n", 1),
        "OPENAPI_STREAM": name,
    }
    schemathesis = [Path(sys.executable).with_name("schemathesis"), "--config-file", HERE / "schemathesis.toml"]
    command = [*schemathesis, "run", FILE, "--url", f"http://{gateway.listen}", "--header", f"X-API-Key: {BACKEND}"]
    ran = subprocess.run(command, env=environment, timeout=SECONDS, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    print(ran.stdout[ran.stdout.index("API Operations:"):].strip())


TESTS = [
    the_document_is_valid,
    every_example_fits_its_schema,
    what_an_event_stream_says_fits,
    what_a_websocket_says_fits,
    every_operation_with_security_needs_a_credential,
    a_running_gateway_answers_as_the_document_says,
]


def main():
    gateway, failed = (
        Gateway(
            GATECAST__ROLES__BACKEND__ADMIN="true",
            GATECAST__ROLES__BACKEND__ROOMS='["quakes"]',
            GATECAST__LIMITS__MESSAGES="1000/s",
            GATECAST__LIMITS__ROOMS_PER_STREAM="10000",
        ),
        0,
    )
    try:
        for test in TESTS:
            name = test.__name__.replace("_", " ")
            try:
                test(gateway)
                print(f"ok      openapi: {name}", flush=True)
            except Exception:
                failed += 1
                print(f"FAILED  openapi: {name}\n{traceback.format_exc()}", flush=True)
    finally:
        gateway.process.kill()
    print(f"openapi: {len(TESTS) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
