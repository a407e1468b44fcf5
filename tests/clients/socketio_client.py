"""python-socketio: Socket.IO with a client that shares no code with the library in JavaScript, in short."""

import queue
import sys
import traceback
from importlib.metadata import version

import socketio

from gateway import BACKEND, TV, WALL, Gateway

# By requests alone, by a WebSocket alone, and from the one to the other.
WAYS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": None}
PICTURE = bytes([0, 1, 0xFE, 0xFF, 0x1E, 0x0A])


class Client:
    """One socket, whose events are awaited one by one."""

    def __init__(self, gateway, way, namespace="/", auth=None, headers=None):
        self.namespace = namespace
        self.events, self.ups, self.downs, self.refusals = (queue.Queue() for _ in range(4))
        self.socket = socketio.Client(reconnection_delay=0.05, reconnection_delay_max=0.2, randomization_factor=0)
        self.socket.on("*", lambda *all: self.events.put(list(all)), namespace)
        self.socket.on("connect", lambda: self.ups.put(self.socket.get_sid(namespace)), namespace)
        self.socket.on("disconnect", lambda reason: self.downs.put(reason), namespace)
        self.socket.on("connect_error", lambda why: self.refusals.put(why), namespace)
        self.address = f"http://{gateway.listen}"
        self.options = {"auth": auth, "headers": headers or {}, "transports": WAYS[way], "namespaces": [namespace]}

    def __enter__(self):
        self.socket.connect(self.address, wait_timeout=10, **self.options)
        self.id = self.ups.get(timeout=10)
        return self

    def __exit__(self, *_):
        self.socket.disconnect()

    def refused(self):
        """Why it is not let in."""
        try:
            self.socket.connect(self.address, wait_timeout=10, **self.options)
        except socketio.exceptions.ConnectionError:
            return self.refusals.get(timeout=10)
        raise AssertionError("it was let in")

    def ask(self, event, data=None):
        return self.socket.call(event, data, namespace=self.namespace, timeout=10)

    def next(self):
        return self.events.get(timeout=10)


def joined(gateway, way, key=TV, namespace="/"):
    return Client(gateway, way, namespace, auth={"apiKey": key})


def a_client_is_who_its_auth_or_its_header_says(gateway, way):
    for options in [{"auth": {"apiKey": TV}}, {"auth": {"token": TV}}, {"headers": {"X-API-Key": TV}}]:
        with Client(gateway, way, **options) as client:
            assert client.ask("subscribe", {"room": "checkins"}) == {"room": "checkins"}
            assert client.ask("publish", {"room": "checkins", "event": "n", "data": 1})["error"]["code"] == "forbidden"
            assert client.socket.transport() == ("polling" if way == "polling" else "websocket")


def a_client_that_is_refused_is_told_why(gateway, way):
    cases = [("/", "wrong", "unauthorized"), ("/staff", TV, "forbidden")]
    if way == "websocket":
        cases.append(("/", WALL, "transport_not_allowed"))
    for namespace, key, code in cases:
        why = joined(gateway, way, key, namespace).refused()
        assert (why["data"]["code"], why["data"]["retryable"]) == (code, False), why
    assert joined(gateway, way, TV, "/nowhere").refused() == {"message": "Invalid namespace"}


def rooms_are_joined_and_left(gateway, way):
    with joined(gateway, way) as client:
        assert client.ask("subscribe", {"room": "checkins"}) == {"room": "checkins"}
        gateway.publish("checkins", "checkin", {"place": "Ä – ☃"})
        assert client.next() == ["checkin", {"place": "Ä – ☃"}]
        client.socket.emit("tab:join", {"tabId": 7})
        assert client.next() == ["tab:joined", {"tabId": 7}]
        assert client.ask("unsubscribe", {"room": "checkins"}) == {"room": "checkins"}
        gateway.publish("checkins", "n", 1)
        gateway.publish("tab:7", "n", 2)
        assert client.next() == ["n", 2]
        assert client.ask("subscribe", {"room": "secret"})["error"]["code"] == "forbidden"


def an_event_arrives_with_the_id_of_its_publisher(gateway, way):
    with joined(gateway, way, namespace="/told") as reader, joined(gateway, way, BACKEND) as sender:
        reader.ask("subscribe", {"room": "units"})
        answer = sender.ask("publish", {"room": "units", "event": "moved", "data": [1]})
        event, data, meta = reader.next()
        assert (event, data, meta["id"], meta["room"]) == ("moved", [1], answer["id"], "units")


def bytes_and_several_arguments_stay_what_they_are(gateway, way):
    with joined(gateway, way) as reader, joined(gateway, way, BACKEND) as sender:
        reader.ask("subscribe", {"room": "units"})
        sender.ask("publish", {"room": "units", "event": "picture", "data": {"inside": [PICTURE]}})
        assert reader.next() == ["picture", {"inside": [PICTURE]}]
        gateway.publish("units", "picture", {"_encoding": "base64", "data": "AAH+/x4K"})
        assert reader.next() == ["picture", PICTURE]
        gateway.publish("units", "several", {"_arguments": [1, "two", {"three": [3]}]})
        assert reader.next() == ["several", 1, "two", {"three": [3]}]


def it_is_alive_while_pings_pass(gateway, way):
    with joined(gateway, way) as client:
        client.ask("subscribe", {"room": "units"})
        pings = queue.Queue()
        # The library tells nobody of them: what it sends in answer is seen where it is sent.
        send = client.socket.eio._send_packet
        client.socket.eio._send_packet = lambda packet: (pings.put(packet), send(packet))[1]
        for _ in range(3):
            pings.get(timeout=10)
        gateway.publish("units", "n", 1)
        assert client.next() == ["n", 1]
        assert client.downs.empty()


def it_comes_back_to_a_gateway_that_was_killed_and_started_again(gateway, way):
    with joined(gateway, way) as client:
        gateway.process.kill()
        gateway.process.wait(15)
        client.downs.get(timeout=10)
        gateway.up()
        assert client.ups.get(timeout=30) != client.id
        client.ask("subscribe", {"room": "units"})
        gateway.publish("units", "n", 1)
        assert client.next() == ["n", 1]


TESTS = [
    a_client_is_who_its_auth_or_its_header_says,
    a_client_that_is_refused_is_told_why,
    rooms_are_joined_and_left,
    an_event_arrives_with_the_id_of_its_publisher,
    bytes_and_several_arguments_stay_what_they_are,
    it_is_alive_while_pings_pass,
    it_comes_back_to_a_gateway_that_was_killed_and_started_again,
]


def main():
    print(f"python {sys.version.split()[0]}, python-socketio {version('python-socketio')}", flush=True)
    gateway, failed = Gateway("socketio.toml"), 0
    try:
        for test in TESTS:
            for way in WAYS:
                name = f"{test.__name__.replace('_', ' ')} ({way})"
                try:
                    test(gateway, way)
                    print(f"ok      python-socketio: {name}", flush=True)
                except Exception:
                    failed += 1
                    print(f"FAILED  python-socketio: {name}\n{traceback.format_exc()}", flush=True)
    finally:
        gateway.process.kill()
    print(f"python-socketio: {len(TESTS) * len(WAYS) - failed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


main()
