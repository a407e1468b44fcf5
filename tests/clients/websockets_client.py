"""Python websockets: the native protocol with another strict client, in short."""

import asyncio
import json
import sys
import traceback

import websockets
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gateway import BACKEND, TV, WALL, Gateway


class Client(Gateway):
    """A gateway, and the WebSockets to it."""

    async def published(self, room, event, data):
        return await asyncio.to_thread(self.publish, room, event, data)

    def connect(self, query, key=TV, **options):
        headers = {"X-API-Key": key} if key else {}
        return connect(f"ws://{self.listen}/v1/stream?{query}", additional_headers=headers, **options)


async def receive(socket):
    """The next message that is no heartbeat."""
    while True:
        message = await asyncio.wait_for(socket.recv(), 10)
        assert isinstance(message, str), "a binary message"
        message = json.loads(message)
        if message.get("type") != "heartbeat":
            return message


async def welcome(socket):
    message = await receive(socket)
    assert message["type"] == "welcome", message
    return message


async def closed(socket):
    """The close code, after whatever came before it."""
    try:
        while True:
            await asyncio.wait_for(socket.recv(), 10)
    except ConnectionClosed as why:
        return why.rcvd.code if why.rcvd else None


async def say(socket, **message):
    await socket.send(json.dumps(message))
    return await receive(socket)


async def a_key_in_a_header_and_one_as_a_subprotocol(gateway):
    async with gateway.connect("") as socket:
        assert (await welcome(socket))["rooms"] == ["quakes", "station"]
        assert socket.subprotocol is None
    protocols = ["gatecast.v1", f"bearer.{TV}"]
    async with gateway.connect("", key=None, subprotocols=protocols) as socket:
        assert (await welcome(socket))["principal"] == "tv"
        assert socket.subprotocol == "gatecast.v1"


async def an_event_arrives_with_the_id_of_its_publisher(gateway):
    async with gateway.connect("room=quakes") as reader, gateway.connect("", key=BACKEND) as sender:
        await welcome(reader), await welcome(sender)
        ack = await say(sender, type="publish", ref="p1", room="quakes", event="quake", data={"place": "Ä"})
        event = await receive(reader)
        assert (ack["type"], ack["ref"], ack["id"]) == ("ack", "p1", event["id"])
        assert list(event) == ["id", "room", "event", "data", "ts"] and event["data"] == {"place": "Ä"}
        id = await gateway.published("quakes", "quake", 1)
        assert (await receive(reader))["id"] == id


async def rooms_are_joined_and_left(gateway):
    async with gateway.connect("room=quakes") as socket:
        await welcome(socket)
        assert await say(socket, type="subscribe", ref=1, room="alerts") == {"type": "ack", "ref": 1, "room": "alerts"}
        id = await gateway.published("alerts", "n", 1)
        assert (await receive(socket))["id"] == id
        assert (await say(socket, type="unsubscribe", ref=2, room="alerts"))["type"] == "ack"
        await gateway.published("alerts", "n", 2)
        id = await gateway.published("quakes", "n", 3)
        assert (await receive(socket))["id"] == id
        assert (await say(socket, type="subscribe", ref=3, room="secret"))["code"] == "forbidden"


async def a_client_comes_back_with_since(gateway):
    async with gateway.connect("room=quakes") as socket:
        await welcome(socket)
        seen = await gateway.published("quakes", "n", 0)
        assert (await receive(socket))["id"] == seen
    missed = [await gateway.published("quakes", "n", n) for n in (1, 2, 3)]
    async with gateway.connect(f"room=quakes&since={seen}") as socket:
        await welcome(socket)
        assert [(await receive(socket))["id"] for _ in missed] == missed


async def a_ping_is_answered_and_a_heartbeat_comes(gateway):
    async with gateway.connect("room=quakes") as socket:
        await welcome(socket)
        await asyncio.wait_for(await socket.ping(), 10)
        message = json.loads(await asyncio.wait_for(socket.recv(), 10))
        assert message["type"] == "heartbeat" and message["cursor"], message


async def a_large_event_passes_the_default_limits_of_the_client(gateway):
    async with gateway.connect("room=quakes") as socket:
        await welcome(socket)
        text = "x" * (64 * 1024 - 2)
        id = await gateway.published("quakes", "large", text)
        event = await receive(socket)
        assert (event["id"], event["data"]) == (id, text)


async def refusals_have_their_close_codes(gateway):
    for query, key, code in [
        ("room=quakes", "wrong", 3500),
        ("room=secret", TV, 3501),
        ("room=quakes", WALL, 3505),
    ]:
        async with gateway.connect(query, key=key) as socket:
            assert await closed(socket) == code, (query, code)
    async with gateway.connect("room=quakes") as socket:
        await welcome(socket)
        await socket.send(b"binary")
        assert await closed(socket) == 1003
    try:
        async with gateway.connect("room=quakes", subprotocols=["chat"]):
            raise AssertionError("a foreign subprotocol was taken")
    except InvalidStatus as why:
        assert why.response.status_code == 400


async def a_restart_closes_with_3001_and_then_says_gap(gateway):
    async with gateway.connect("room=quakes") as socket:
        await welcome(socket)
        id = await gateway.published("quakes", "n", 1)
        assert (await receive(socket))["id"] == id
        await asyncio.to_thread(gateway.down)
        assert await closed(socket) == 3001
    gateway.up()
    async with gateway.connect(f"room=quakes&since={id}") as socket:
        await welcome(socket)
        gap = await receive(socket)
        assert (gap["type"], gap["room"], gap["reason"]) == ("gap", "quakes", "epoch"), gap
        id = await gateway.published("quakes", "n", 2)
        assert (await receive(socket))["id"] == id


TESTS = [
    a_key_in_a_header_and_one_as_a_subprotocol,
    an_event_arrives_with_the_id_of_its_publisher,
    rooms_are_joined_and_left,
    a_client_comes_back_with_since,
    a_ping_is_answered_and_a_heartbeat_comes,
    a_large_event_passes_the_default_limits_of_the_client,
    refusals_have_their_close_codes,
    a_restart_closes_with_3001_and_then_says_gap,
]


def main():
    print(f"python {sys.version.split()[0]}, websockets {websockets.__version__}", flush=True)
    gateway, failed = Client(), 0
    try:
        for test in TESTS:
            name = test.__name__.replace("_", " ")
            try:
                asyncio.run(asyncio.wait_for(test(gateway), 60))
                print(f"ok      websockets: {name}", flush=True)
            except Exception:
                failed += 1
                print(f"FAILED  websockets: {name}\n{traceback.format_exc()}", flush=True)
    finally:
        gateway.process.kill()
    print(f"websockets: {len(TESTS) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
