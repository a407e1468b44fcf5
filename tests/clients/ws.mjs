// npm ws, a WebSocket client that is strict about what it is answered.
import WebSocket from "ws";
import { Gateway, Inbox, check, equal, keys, suite, token, within } from "./harness.mjs";

const gateway = await Gateway.start();

/** An open client: what it receives, and how it was closed. */
function connect(query, { key = keys.tv, protocols, headers } = {}) {
  const socket = new WebSocket(`${gateway.ws}/v1/stream?${query}`, protocols, {
    headers: headers ?? (key ? { "X-API-Key": key } : {}),
  });
  const inbox = new Inbox();
  socket.on("message", (data, binary) => {
    check(!binary, "a binary message");
    const message = JSON.parse(data);
    if (message.type !== "heartbeat") inbox.push({ ...message, text: data.toString() });
  });
  const closed = new Promise((resolve) => socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() })));
  const refused = new Promise((resolve) => {
    socket.on("unexpected-response", (_, response) => resolve(response.statusCode));
    socket.on("error", () => {});
  });
  return { socket, inbox, closed, refused, next: (what) => inbox.next(what), say: (message) => socket.send(JSON.stringify(message)) };
}

async function welcomed(query, options) {
  const client = connect(query, options);
  client.welcome = await client.next("welcome");
  equal(client.welcome.type, "welcome", "the first message");
  return client;
}

const ends = (client) => within(client.closed, 10_000, "the close");

await suite("ws", {
  "a key in a header opens the role's rooms": async () => {
    const { socket, welcome } = await welcomed("");
    equal(socket.protocol, "", "no subprotocol offered, none answered");
    equal(welcome.rooms, ["quakes", "station"], "default rooms");
    equal([welcome.principal, welcome.role], ["tv", "display"], "who it is");
    socket.close();
  },

  "a key as a subprotocol, of which gatecast.v1 alone is answered": async () => {
    const { socket, welcome } = await welcomed("", { key: null, protocols: ["gatecast.v1", `bearer.${keys.tv}`] });
    equal(socket.protocol, "gatecast.v1", "subprotocol");
    equal(welcome.principal, "tv", "who it is");
    socket.close();
  },

  "a token as a subprotocol and as a first message, with the sender in its events": async () => {
    const ann = token("--sub", "ann", "--role", "member", "--claim", "org=acme");
    const first = await welcomed("room=org:acme:chat", { key: null, protocols: ["gatecast.v1", `bearer.${ann}`] });
    check(first.welcome.expires_in_ms > 0, "a token ends");
    const second = connect("room=org:acme:chat", { key: null });
    second.socket.on("open", () => second.say({ type: "auth", ref: 1, token: ann }));
    equal((await second.next("welcome")).principal, "ann", "who it is");
    equal((await second.next("ack")).ref, 1, "the answer to auth");
    first.say({ type: "publish", ref: "p", room: "org:acme:chat", event: "said", data: "hello" });
    const event = await second.next("the event");
    equal([event.event, event.data, event.from], ["said", "hello", "ann"], "the event");
    first.socket.close();
    second.socket.close();
  },

  "an event that is published over HTTP arrives with the id of the answer": async () => {
    const client = await welcomed("room=quakes");
    const id = await gateway.publish("quakes", "quake", { mag: 5.3, place: "Sangiang, Indonesia – ä" });
    const event = await client.next("the event");
    equal([event.id, event.room, event.event, event.data.place], [id, "quakes", "quake", "Sangiang, Indonesia – ä"], "the event");
    equal(Object.keys(JSON.parse(event.text)), ["id", "room", "event", "data", "ts"], "the envelope's keys");
    client.socket.close();
  },

  "a publish is answered with its id, and reaches another client": async () => {
    const [sender, reader] = [await welcomed("", { key: keys.backend }), await welcomed("room=alerts")];
    sender.say({ type: "publish", ref: 7, room: "alerts", event: "fire", data: { floor: 3 } });
    const [ack, event] = [await sender.next("ack"), await reader.next("the event")];
    equal([ack.type, ack.ref, ack.id, ack.room], ["ack", 7, event.id, "alerts"], "the answer");
    reader.say({ type: "publish", ref: 8, room: "alerts", event: "fire", data: 1 });
    const refusal = await reader.next("error");
    equal([refusal.type, refusal.ref, refusal.code], ["error", 8, "forbidden"], "a display may not publish");
    sender.socket.close();
    reader.socket.close();
  },

  "rooms are joined and left while the stream runs": async () => {
    const client = await welcomed("room=quakes");
    client.say({ type: "subscribe", ref: 1, room: "alerts" });
    equal((await client.next("ack")).ref, 1, "joined");
    const joined = await gateway.publish("alerts", "n", 1);
    equal((await client.next("the event")).id, joined, "an event of the room joined");
    client.say({ type: "unsubscribe", ref: 2, room: "alerts" });
    equal((await client.next("ack")).ref, 2, "left");
    await gateway.publish("alerts", "n", 2);
    const other = await gateway.publish("quakes", "n", 3);
    equal((await client.next("the event")).id, other, "no event of the room left");
    client.say({ type: "subscribe", ref: 3, room: "secret" });
    equal((await client.next("error")).code, "forbidden", "a room that the role may not read");
    client.socket.close();
  },

  "a client that was away comes back with since, and misses nothing": async () => {
    const first = await welcomed("room=quakes");
    const [seen] = await gateway.publishAll("quakes", "n", [0]);
    equal((await first.next("the event")).id, seen, "before");
    first.socket.terminate();
    const missed = await gateway.publishAll("quakes", "n", [1, 2, 3]);
    const second = await welcomed(`room=quakes&since=${seen}`);
    for (const id of missed) equal((await second.next("a missed event")).id, id, "in order and once");
    const live = await gateway.publish("quakes", "n", 4);
    equal((await second.next("the live event")).id, live, "and then live");
    second.socket.close();
  },

  "history that is gone is a gap, in words of the protocol": async () => {
    const [first] = await gateway.publishAll("station", "reading", [...Array(9).keys()]);
    const client = await welcomed(`room=station&since=${first}`);
    const gap = await client.next("gap");
    equal([gap.type, gap.room, gap.from, gap.reason], ["gap", "station", first, "evicted"], "the gap");
    const kept = [];
    for (let n = 0; n < 5; n += 1) kept.push((await client.next("an event")).data);
    equal(kept, [4, 5, 6, 7, 8], "what is held");
    client.socket.close();
  },

  "heartbeats come, and pings are answered": async () => {
    const client = connect("room=quakes");
    const beat = new Promise((resolve) => client.socket.on("message", (data) => JSON.parse(data).type === "heartbeat" && resolve(JSON.parse(data))));
    const ping = new Promise((resolve) => client.socket.on("ping", resolve));
    check((await within(beat, 10_000, "a heartbeat")).cursor, "a heartbeat has a cursor");
    await within(ping, 10_000, "a Ping");
    const pong = new Promise((resolve) => client.socket.on("pong", resolve));
    client.socket.ping("x");
    equal((await within(pong, 10_000, "a Pong")).toString(), "x", "the Pong");
    client.socket.close(1000);
    equal((await ends(client)).code, 1000, "the close is answered");
  },

  "what is refused has its close code, and says why before": async () => {
    const cases = [
      ["room=quakes", { key: "wrong" }, 3500, "unauthorized"],
      ["room=quakes", { key: null, protocols: ["gatecast.v1", "bearer.a.b.c"] }, 3500, "unauthorized"],
      ["room=quakes", { key: null, protocols: ["gatecast.v1", `bearer.${token("--sub", "x", "--role", "member", "--expires", "1s", "--claim", "nbf=4102444800")}`] }, 3500, "unauthorized"],
      ["room=secret", {}, 3501, "forbidden"],
      ["room=quakes", { key: keys.wall }, 3505, "transport_not_allowed"],
    ];
    for (const [query, options, close, code] of cases) {
      const client = connect(query, options);
      equal((await client.next("error")).code, code, "the code");
      equal((await ends(client)).code, close, "the close code");
    }
  },

  "what is malformed has its status": async () => {
    for (const [query, options, status] of [
      ["room=a::b", {}, 400],
      ["room=quakes", { protocols: ["chat"] }, 400],
      ["room=secret&on_error=status", {}, 403],
      ["room=quakes", { headers: { "X-API-Key": keys.tv, Origin: "https://other.example" } }, 403],
    ]) {
      const client = connect(query, options);
      equal(await within(client.refused, 10_000, "a refusal"), status, query);
    }
  },

  "binary and oversized messages close the stream with their codes, bad JSON does not": async () => {
    const client = await welcomed("room=quakes");
    client.socket.send("{");
    equal((await client.next("error")).code, "invalid_json", "bad JSON");
    client.socket.send(Buffer.from("x"));
    equal((await ends(client)).code, 1003, "binary");
    const other = await welcomed("room=quakes");
    other.socket.send("x".repeat(4 << 20));
    equal((await ends(other)).code, 1009, "oversized");
  },

  "a stop closes with 3001, and the next life of the log says gap": async () => {
    const client = await welcomed("room=quakes");
    const id = await gateway.publish("quakes", "n", 1);
    equal((await client.next("the event")).id, id, "before");
    await gateway.restart();
    const bye = await client.next("bye");
    equal([bye.type, bye.code, bye.reconnect], ["bye", "draining", true], "bye");
    equal((await ends(client)).code, 3001, "the close code");
    const back = await welcomed(`room=quakes&since=${id}`);
    equal((await back.next("gap")).reason, "epoch", "the gap");
    const live = await gateway.publish("quakes", "n", 2);
    equal((await back.next("the event")).id, live, "alive again");
    back.socket.close();
    equal(await gateway.down(), 0, "an orderly end");
  },
});
