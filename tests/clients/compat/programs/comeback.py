"""What every Python program here needs: it says what it sees, and comes back with its cursor."""

import asyncio
import json
import sys

OPTIONS = json.loads(sys.argv[1])
URL, KEY, SILENCE, HTTP2 = (OPTIONS[name] for name in ("url", "key", "silence", "http2"))
SILENCE /= 1000


def see(**seen):
    print(json.dumps(seen), flush=True)


class Position:
    cursor = None


def after(position):
    """The address of a stream that goes on after the position."""
    return f"{URL}&since={position.cursor}" if position.cursor else URL


def headers(position):
    """The head of a request for an event stream that does."""
    cursor = {"Last-Event-ID": position.cursor} if position.cursor else {}
    return {"Accept": "text/event-stream", "X-API-Key": KEY, **cursor}


def heals(code):
    """Whether time heals what a WebSocket's close code, or a status, says."""
    return code < 3500 if code >= 1000 else code in (408, 429) or code >= 500


def read(text, position):
    """One message of a WebSocket."""
    message = json.loads(text)
    position.cursor = message.get("id") or message.get("cursor") or position.cursor
    see(event=message.get("type") or message["event"], id=message.get("id"), message=message)


def event(name, id, data, position):
    """One event of an event stream."""
    position.cursor = id or position.cursor
    see(event=name, id=id, message=json.loads(data))


def come_back(open):
    """Opens a stream again and again, until `open(position)` gives a status or close code that says to stay away."""

    async def loop():
        position = Position()
        while True:
            code = await open(position)
            if code is not None and not heals(code):
                return
            await asyncio.sleep(0.5)

    asyncio.run(loop())
