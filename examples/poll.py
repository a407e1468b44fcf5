#!/usr/bin/env python3
"""Follows a room by long-poll, with nothing but Python's standard library, and keeps its cursor in a file.

    KEY=… python3 poll.py http://127.0.0.1:8080 units units.cursor

Ended and started again, it goes on where it stopped.
"""

import http.client
import json
import os
import random
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

WAIT = 25  # seconds that the gateway may hold a request


def poll(gateway, room, cursor):
    """One answer: {"cursor", "events", "gaps", "control", "more"}."""
    query = {"room": room, "transport": "long-poll"}
    if cursor:
        query |= {"since": cursor, "wait": WAIT}
    url = f"{gateway}/v1/stream?{urllib.parse.urlencode(query)}"
    request = urllib.request.Request(url, headers={"X-API-Key": os.environ["KEY"]})
    with urllib.request.urlopen(request, timeout=WAIT + 15) as answer:
        return json.load(answer)


def keep(file, cursor):
    """Writes it whole or not at all: without a cursor the next start would skip what came meanwhile."""
    new = file.with_name(file.name + ".new")
    new.write_text(cursor)
    new.replace(file)


def follow(gateway, room, file):
    failures = 0
    while True:
        cursor = file.read_text() if file.exists() else None
        pause = 0
        try:
            answer = poll(gateway, room, cursor)
        except urllib.error.HTTPError as refused:
            # 408, 429 and 5xx pass; what else is refused will be refused again.
            if refused.code not in (408, 429) and refused.code < 500:
                sys.exit(f"{refused.code}: {refused.read().decode()}")
            failures += 1
            pause = int(refused.headers.get("Retry-After", 0))
        except (OSError, ValueError, http.client.HTTPException):  # no network, or an answer that broke off
            failures += 1
        else:
            failures = 0
            for gap in answer["gaps"]:
                print(f"{gap['room']} gap {gap['reason']}", flush=True)
            for event in answer["events"]:
                print(f"{event['room']} {event['event']} {json.dumps(event['data'])}", flush=True)
            keep(file, answer["cursor"])  # only now: what was not dealt with comes again
            continue
        time.sleep(pause + min(30, 2**failures) * random.uniform(0.5, 1.5))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    follow(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
