// socket.io-client as it is, over polling, over WebSocket, and from the one to the other.
import { EventSource } from "eventsource";
import { Manager } from "socket.io-client";
import { join } from "node:path";
import WebSocket from "ws";
import { Gateway, Inbox, check, equal, here, keys, signer, suite, until, within } from "./harness.mjs";
import { Client, Line, WAYS, backend, endAll } from "./socketio_client.mjs";

/** What the backend makes of what clients emit. */
const asked = await backend(({ event, data }) => {
  switch (event) {
    case "note:remove":
      return { refuse: { code: "not_yours", message: "only its author removes a note" } };
    case "note:quiet":
      return {};
    case "note:echo":
      return { ack: data, do: [{ type: "publish", room: "units", event: "note", data }] };
    default:
      return { ack: { note: data } };
  }
});
const file = join(here, "socketio.toml");
const own = { GATECAST__HOOKS__MESSAGE__URL: asked.url };
const gateway = await Gateway.start(own, file);
const token = signer(file);
const url = (nsp = "/", of = gateway) => `${of.http}${nsp}`;

// ---- who there is -----------------------------------------------------------------------------------------------------

const ann = (...more) => token("--sub", "ann", "--role", "member", "--claim", "org=acme", ...more);
const tv = { auth: { apiKey: keys.tv } };
const member = { auth: { token: ann() } };
const service = { auth: { apiKey: keys.backend } };
/** Is in the room `checkins` from the first moment. */
const guest = { auth: { token: token("--sub", "gus", "--role", "guest") } };

async function joined(nsp, options, of) {
  const client = Client.to(url(nsp, of), options);
  client.first = await client.connected();
  return client;
}

/** Two namespaces on one connection: the main one, and another. */
async function together(way, nsp) {
  const manager = new Manager(gateway.http, { transports: WAYS[way], reconnectionDelay: 20, randomizationFactor: 0 });
  const both = ["/", nsp].map((name) => new Client(manager.socket(name, tv)));
  await Promise.all(both.map((client) => client.connected()));
  return both;
}

// ---- the gateway's other side -----------------------------------------------------------------------------------------

async function api(path, body, of = gateway) {
  const response = await fetch(`${of.http}${path}`, { method: "POST", headers: { "X-API-Key": keys.backend }, body: JSON.stringify(body) });
  const answer = await response.json();
  check(response.ok, `${path}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}
const publish = (room, body, of) => api(`/v1/rooms/${room}/events`, body, of);
const streams = async (of) => (await api("/v1/messages", { type: "list" }, of)).streams;
const stream = async (id, of) => (await streams(of)).find(({ stream }) => stream === id);

/** A WebSocket of the gateway's own protocol: its messages. */
async function native(query) {
  const socket = new WebSocket(`${gateway.ws}/v1/stream?${query}`, { headers: { "X-API-Key": keys.backend } });
  const inbox = new Inbox();
  socket.on("message", (data) => {
    const message = JSON.parse(data);
    if (message.type !== "heartbeat") inbox.push(message);
  });
  equal((await inbox.next("welcome")).type, "welcome", "the first message");
  return { socket, next: (what) => inbox.next(what) };
}

/** A session over polling that asks for nothing by itself: what is POSTed, or else what a GET brings. */
async function byHand() {
  const path = `${gateway.http}/socket.io/?EIO=4&transport=`;
  const { sid } = JSON.parse((await (await fetch(`${path}polling`)).text()).slice(1));
  const ask = async (body) => (await fetch(`${path}polling&sid=${sid}`, { method: body ? "POST" : "GET", body })).text();
  return { ask, websocket: `${path}websocket&sid=${sid}`.replace("http", "ws") };
}

/** `[event, data]` of each of `numbers`, as a client is told them. */
const numbered = (event, numbers) => numbers.map((number) => [event, number]);
const range = (from, to) => Array.from({ length: to - from }, (_, n) => from + n);

/** Publishes numbers until it is stopped, and then gives how many there were. */
function flowing(room, event) {
  const flow = { goes: true, stop: () => ((flow.goes = false), flow.published) };
  flow.published = (async () => {
    let number = 0;
    while (flow.goes) await publish(room, { event, data: number++ });
    return number;
  })();
  flow.published.catch(() => {});
  flows.push(flow);
  return flow;
}
const flows = [];

/** That `told` is each number once and in order, from the first that came up to `end`. */
function contiguous(told, end, what) {
  const place = told.findIndex((number, place) => number !== told[0] + place);
  check(place < 0, `${what}: behind ${told[place - 1]} came ${told[place]}`);
  equal(told.at(-1), end - 1, what);
}

/** The bytes as they are written where there are none. */
const written = (bytes) => ({ _encoding: "base64", data: bytes.toString("base64") });
const picture = Buffer.from([0, 1, 0xfe, 0xff, 0x1e, 0x0a]);

// ---- the tests ----------------------------------------------------------------------------------------------------------

let stopping;
/**
 * Stops the gateway, and says how it ended. It answers once more first: a client that polls, and has just been told
 * something, waits again by then.
 */
async function stop() {
  await streams();
  stopping = gateway.down();
  return stopping;
}

/** A test that failed may have left no gateway to those behind it. */
async function revive() {
  await stopping?.catch(() => {});
  const { exitCode, signalCode } = gateway.process.child;
  if (exitCode !== null || signalCode !== null) await gateway.up();
}

/** One test for each way to be connected; whatever becomes of it, its clients end with it. */
function over(ways, tests) {
  const all = {};
  for (const [title, run] of Object.entries(tests)) {
    for (const way of ways) {
      all[`${title}${way ? ` (${way})` : ""}`] = async () => {
        try {
          await run(way);
        } finally {
          endAll();
          await Promise.allSettled(flows.splice(0).map((flow) => flow.stop()));
          await revive();
        }
      };
    }
  }
  return all;
}
const each = Object.keys(WAYS);
const alone = ["polling", "websocket"];
const once = [""];

await suite("socketio", {
  ...over(each, {
    "a client is who its auth says, or else what its request shows": async (way) => {
      for (const [options, principal, role] of [
        [{ auth: { token: ann() } }, "ann", "member"],
        [{ auth: { apiKey: keys.tv } }, "tv", "display"],
        [{ extraHeaders: { "X-API-Key": keys.tv } }, "tv", "display"],
        [{ extraHeaders: { Authorization: `Bearer ${ann()}` } }, "ann", "member"],
        [{ query: { access_token: keys.tv } }, "tv", "display"],
        [{ auth: { token: ann(), apiKey: keys.tv }, extraHeaders: { "X-API-Key": keys.tv } }, "ann", "member"],
        [{ auth: { apiKey: keys.tv }, extraHeaders: { Authorization: `Bearer ${ann()}` } }, "tv", "display"],
      ]) {
        const client = await joined("/", { over: way, ...options });
        if (way === "upgrade") await client.upgraded();
        const transport = way === "polling" ? "long-poll" : "websocket";
        const found = await until(async () => {
          const found = await stream(client.socket.id);
          return found?.transport === transport && found;
        }, `the stream is listed with the transport ${transport}`);
        equal([found.principal, found.role], [principal, role], "who it is");
        check(client.engine.id !== client.socket.id, "the session has another name than the stream");
        client.socket.disconnect();
      }
    },
  }),

  ...over(alone, {
    "a client that is refused for good is told why, and does not come back by itself": async (way) => {
      const cases = [
        ["/", {}, "unauthorized"],
        ["/", { auth: { apiKey: "wrong" } }, "unauthorized"],
        // Nothing else is tried.
        ["/", { auth: { token: "a.b.c" }, extraHeaders: { "X-API-Key": keys.tv } }, "unauthorized"],
        ["/staff", tv, "forbidden"],
      ];
      if (way === "websocket") cases.push(["/", { auth: { apiKey: keys.wall } }, "transport_not_allowed"]);
      for (const [nsp, options, code] of cases) {
        const client = Client.to(url(nsp), { over: way, ...options });
        const why = await client.refused();
        equal([why.data?.code, why.data?.retryable], [code, false], `${nsp} ${JSON.stringify(options)}`);
        equal(why.message, why.data.message, "the message");
        check(!client.socket.active, "the library comes back");
        // The same socket, with a credential that is good: nobody has held anything against it.
        client.socket.auth = { token: ann() };
        client.socket.connect();
        await client.connected();
        equal(client.attempts, 0, "attempts to come back");
        client.socket.disconnect();
      }
    },

    "a namespace that does not exist is told in the library's own words": async (way) => {
      const client = Client.to(url("/nowhere"), { over: way, ...tv });
      const why = await client.refused();
      equal([why.message, why.data], ["Invalid namespace", undefined], "the refusal");
      check(!client.socket.active, "the library comes back");
    },

    "rooms are joined and left by messages that are acknowledged": async (way) => {
      const client = await joined("/", { over: way, ...tv });
      equal(await client.ask("subscribe", { room: "checkins" }), { room: "checkins" }, "joined");
      await publish("checkins", { event: "checkin", data: { unit: 7, who: "Ä – ☃" } });
      equal(await client.next(), ["checkin", { unit: 7, who: "Ä – ☃" }], "an event of the room joined");
      equal(await client.ask("subscribe", { room: "units" }), { room: "units" }, "joined");
      equal(await client.ask("unsubscribe", { room: "checkins" }), { room: "checkins" }, "left");
      await publish("checkins", { event: "n", data: 1 });
      await publish("units", { event: "n", data: 2 });
      equal(await client.next(), ["n", 2], "no event of the room left");
      const { error } = await client.ask("subscribe", { room: "secret" });
      equal([error.code, error.room], ["forbidden", "secret"], "a room that the role may not read");
      // Without an acknowledgement to say so in.
      client.socket.emit("subscribe", { room: "secret" });
      const [event, told] = await client.next();
      equal([event, told.code, told.room], ["error", "forbidden", "secret"], "the error");
    },

    "what is said before the client is let in is said when it is": async (way) => {
      const client = Client.to(url("/"), { over: way, ...tv });
      const answers = [client.ask("subscribe", { room: "units" }), client.ask("note:add", picture)];
      equal(await answers[0], { room: "units" }, "joined");
      check(picture.equals((await answers[1]).note), "the answer of the backend");
    },

    "a publish is acknowledged with its id, and reaches another client": async (way) => {
      const [sender, reader] = [await joined("/", { over: way, ...member }), await joined("/told", { over: way, ...tv })];
      await reader.ask("subscribe", { room: "units" });
      const answer = await sender.ask("publish", { room: "units", event: "moved", data: { to: 3 } });
      const [event, data, meta] = await reader.next();
      equal([event, data, meta.room, meta.id, meta.from], ["moved", { to: 3 }, "units", answer.id, "ann"], "the event");
      const broadcast = await sender.ask("broadcast", { room: "units", event: "moved", payload: 4 });
      const [, four, { id }] = await reader.next();
      equal([four, id], [4, broadcast.id], "a broadcast");
      const { error } = await reader.ask("publish", { room: "units", event: "moved", data: 5 });
      equal(error.code, "forbidden", "a display may not publish");
    },

    "events that the configuration names join rooms: by a member, by an argument, by a claim": async (way) => {
      const client = await joined("/", { over: way, ...member });
      client.socket.emit("tab:join", { tabId: "t/7", seat: 2 });
      equal(await client.next(), ["tab:joined", { tabId: "t/7", seat: 2 }], "the answer says what was said");
      await publish("tab:t~2F7", { event: "item", data: "soup" });
      equal(await client.next(), ["item", "soup"], "an event of the tab");
      equal(await client.ask("join_tab", 8), { room: "tab:8" }, "by its first argument");
      await publish("tab:8", { event: "item", data: "bread" });
      equal(await client.next(), ["item", "bread"], "an event of the other tab");
      equal(await client.ask("join_org", "floor"), { room: "org:acme:floor" }, "with a claim");
      await publish("org:acme:floor", { event: "item", data: "salt" });
      equal(await client.next(), ["item", "salt"], "an event of the organisation");
      client.socket.emit("tab:leave", { tabId: "t/7" });
      equal(await client.next(), ["tab:left", { tabId: "t/7" }], "left");
      await publish("tab:t~2F7", { event: "item", data: "tea" });
      await publish("tab:8", { event: "item", data: "oil" });
      equal(await client.next(), ["item", "oil"], "nothing of the tab that was left");
    },

    "an event that makes no room joins none, and one that makes a room of others is refused": async (way) => {
      const client = await joined("/", { over: way, ...tv });
      equal((await client.ask("tab:join", { table: 7 })).error.code, "bad_request", "a member that is missing");
      equal((await client.ask("tab:join")).error.code, "bad_request", "nothing was said");
      equal((await client.ask("join_org", "floor")).error.code, "bad_request", "a claim that it lacks");
      const other = await joined("/", { over: way, ...member });
      // What is said stands before the claim: it must not open what the claim would not.
      equal((await other.ask("join_org", "floor", "evil")).room, "org:acme:floor", "another argument is no claim");
      client.socket.emit("tab:join", {});
      const [event, told] = await client.next();
      equal([event, told.code, told.event], ["error", "bad_request", "tab:join"], "the error");
    },

    "who joins with a rewind is told the past as one event, and then what is new": async (way) => {
      for (const number of [1, 2, 3, 4]) await publish("presence", { event: "activity", data: { number } });
      const client = await joined("/", { over: way, ...member });
      client.socket.emit("subscribe_presence");
      equal(await client.next(), ["activity_backfill", [{ number: 2 }, { number: 3 }, { number: 4 }]], "the past");
      await publish("presence", { event: "activity", data: { number: 5 } });
      equal(await client.next(), ["activity", { number: 5 }], "what is new");
    },

    "the state of a room is told as events, and so are its past and what is missing of it": async (way) => {
      const door = (data) => publish("doors", { event: "door", data, key: "north", retain: true });
      const [first] = [await door(1), await door(2)];
      const client = await joined("/told", { over: way, ...tv });
      client.socket.emit("subscribe", { room: "doors", snapshot: true });
      const [begin, state, end] = await client.take(3);
      equal([begin[0], end[0]], ["state_begin", "state_end"], "around it");
      equal([begin[1].room, state[0], state[1].key, state[1].event, state[1].data], ["doors", "state", "north", "door", 2], "the state");
      const other = await joined("/told", { over: way, ...tv });
      await other.ask("subscribe", { room: "doors", since: first.id });
      const [event, data, meta] = await other.next();
      equal([event, data, meta.room, meta.key], ["door", 2, "doors", "north"], "the past");
      await door(3);
      await door(4);
      const late = await joined("/told", { over: way, ...tv });
      await late.ask("subscribe", { room: "doors", since: first.id });
      const [gap, ...kept] = await late.take(3);
      equal([gap[0], gap[1].room, gap[1].reason, kept.map(([, data]) => data)], ["gap", "doors", "evicted", [3, 4]], "what is missing, and what is held");
    },

    "what a client emits goes to the backend, whose answer is the acknowledgement": async (way) => {
      const client = await joined("/", { over: way, ...tv });
      asked.asked.drain();
      equal(await client.ask("note:add", { text: "no onions" }), { note: { text: "no onions" } }, "the answer");
      const told = await asked.asked.next("the question");
      const about = [told.type, told.event, told.stream, told.principal, told.transport];
      equal(about, ["message", "note:add", client.socket.id, "tv", way === "polling" ? "long-poll" : "websocket"], "the question");
      equal(await client.answers("note:quiet", 1), [], "an answer that says nothing");
      const { error } = await client.ask("note:remove", 17);
      equal([error.code, error.message, error.reason], ["refused", "only its author removes a note", "not_yours"], "its no");
      equal((await client.ask("dance")).error.code, "forbidden", "what the role may not emit");
      // Without an acknowledgement: an error is all that is heard of it.
      client.socket.emit("note:remove", 17);
      const [event, why] = await client.next();
      equal([event, why.code, why.event], ["error", "refused", "note:remove"], "the error");
    },

    "a client that asks the backend without pause is pinged all the same, and is not cut": async (way) => {
      const client = await joined("/", { over: way, ...member });
      let isOver = false;
      const over = Promise.race([client.pings(3).then(() => "pinged"), client.gone(15_000).then(({ reason }) => reason)]);
      over.then(() => (isOver = true), () => (isOver = true));
      while (!isOver) await client.ask("note:add", 1).catch(() => over);
      equal(await over, "pinged", "what happened");
    },

    "a namespace that is left and joined again at once is joined": async (way) => {
      const [main, told] = await together(way, "/told");
      for (let time = 0; time < 10; time += 1) {
        const { id } = told.socket;
        told.socket.disconnect().connect();
        check((await told.connected()).id !== id, "a new stream");
      }
      equal(await told.ask("subscribe", { room: "units" }), { room: "units" }, "joined");
      await publish("units", { event: "n", data: 1 });
      equal((await told.next()).slice(0, 2), ["n", 1], "the event");
      equal([main.attempts, main.socket.connected], [0, true], "the connection stays");
    },

    "a publisher that waits is told by the client's callback": async (way) => {
      for (const nsp of ["/", "/told", "/kept"]) {
        const client = await joined(nsp, { over: way, ...tv });
        await client.ask("subscribe", { room: "units" });
        const calls = new Inbox();
        client.socket.on("fire", (...all) => { all.at(-1)(); calls.push(all.slice(0, 1)); });
        const answer = await publish("units", { event: "fire", data: { floor: 3 }, ack: { timeout: "10s" } });
        equal(await calls.next("the call"), [{ floor: 3 }], "the event");
        const [{ principal, stream: by }] = answer.confirmed;
        equal([principal, by, answer.complete], ["tv", client.socket.id, true], "who has confirmed");
        client.socket.disconnect();
      }
    },

    "bytes arrive as bytes, and as base64 where there are none": async (way) => {
      const [sender, reader] = [await joined("/", { over: way, ...member }), await joined("/", { over: way, ...tv })];
      await reader.ask("subscribe", { room: "units" });
      const other = await native("room=units");
      for (const data of [picture, Buffer.alloc(0), { name: "x", inside: [picture, { deep: picture }] }]) {
        await sender.ask("publish", { room: "units", event: "picture", data });
        const [event, told] = await reader.next();
        equal([event, told], ["picture", data], "at a socket");
        equal(Buffer.isBuffer(told.inside?.[0] ?? told), true, "they are bytes");
        const text = JSON.parse(JSON.stringify(data, (_, value) => (value?.type === "Buffer" ? written(Buffer.from(value.data)) : value)));
        equal((await other.next("the event")).data, text, "at a WebSocket");
        // And back again, from who has no bytes.
        await publish("units", { event: "picture", data: text });
        equal(await reader.next(), ["picture", data], "published as base64");
        await other.next("the event");
      }
      const large = Buffer.alloc(500_000, "gatecast");
      await sender.ask("publish", { room: "units", event: "picture", data: large });
      const [, whole] = await reader.next();
      check(large.equals(whole), "half a megabyte arrives");
      other.socket.close();
    },

    "bytes go to the backend and come back in its answer": async (way) => {
      const client = await joined("/", { over: way, ...tv });
      asked.asked.drain();
      const answer = await client.ask("note:add", picture);
      equal((await asked.asked.next("the question")).data, written(picture), "what the backend is told");
      check(picture.equals(answer.note), "what the client is answered");
    },

    "several arguments stay several, with bytes among them": async (way) => {
      const [client, reader] = [await joined("/", { over: way, ...tv }), await joined("/told", { over: way, ...tv })];
      await reader.ask("subscribe", { room: "units" });
      asked.asked.drain();
      for (const said of [[], [1, "two", { three: [3] }], [picture, null, { more: picture }], [{ _arguments: [1] }]]) {
        const answer = await client.answers("note:echo", ...said);
        equal(answer, said, "the acknowledgement");
        const [event, ...all] = await reader.next();
        equal([event, ...all.slice(0, -1)], ["note", ...said], "the event");
        equal(all.at(-1).room, "units", "meta stands behind them");
      }
      const several = { _arguments: [1, "two", { three: [3] }] };
      const other = await native("room=units");
      await publish("units", { event: "several", data: several });
      equal((await reader.next()).slice(0, 4), ["several", 1, "two", { three: [3] }], "published as several");
      equal((await other.next("the event")).data, several, "at a WebSocket");
      other.socket.close();
    },

    "a stream that a service ends is told so, and stays away": async (way) => {
      const client = await joined("/", { over: way, ...tv });
      equal((await api("/v1/messages", { type: "disconnect", stream: client.socket.id })).streams, 1, "ended");
      const [event, why] = await client.next();
      equal([event, why.code], ["error", "disconnected"], "the error");
      equal((await client.gone()).reason, "io server disconnect", "the reason");
      check(!client.socket.active, "the library comes back");
    },

    "a service talks as everywhere: it lists, and has others join and leave": async (way) => {
      const [client, system] = [await joined("/", { over: way, ...tv }), await joined("/", { over: way, ...service })];
      const whom = { stream: client.socket.id };
      equal(await system.ask("join", { ...whom, room: "back" }), { streams: 1 }, "joined");
      const [moved, { rooms }] = await client.next();
      equal([moved, rooms], ["welcome", ["back"]], "it is told where it is now");
      await system.ask("publish", { room: "back", event: "item", data: 1 });
      equal(await client.next(), ["item", 1], "an event of the room");
      equal(await system.ask("publish", { room: `_stream:${client.socket.id}`, event: "toast", data: 2 }).then(({ room }) => room), `_stream:${client.socket.id}`, "to one stream");
      equal(await client.next(), ["toast", 2], "what is said to it alone");
      const listed = await system.ask("list", { principal: "tv" });
      equal(listed.streams.map(({ stream }) => stream), [client.socket.id], "the list");
      equal(await system.ask("leave", { ...whom, room: "back" }), { streams: 1 }, "left");
    },

    "the gateway is killed, and its clients come back to the next one": async (way) => {
      const client = await joined("/", { over: way, ...guest });
      const { id } = client.socket;
      gateway.process.child.kill("SIGKILL");
      await client.gone();
      await gateway.process.ended;
      await gateway.up();
      const back = await client.connected(15_000);
      check(back.id !== id, "the stream is another");
      await publish("checkins", { event: "n", data: 1 });
      equal(await client.next(), ["n", 1], "alive again");
    },

    "the gateway stops: its clients are cut, and come back to the next one": async (way) => {
      const clients = [await joined("/", { over: way, ...guest }), await joined("/kept", { over: way, ...guest })];
      const down = stop();
      for (const client of clients) {
        const { reason } = await client.gone();
        // A client that polls has a new connection for each request, and the gateway takes none any more: between two of
        // them it meets nobody.
        check(reason === "transport close" || (way === "polling" && reason === "transport error"), reason);
      }
      equal(await down, 0, "an orderly end");
      await gateway.up();
      for (const client of clients) equal((await client.connected(15_000)).recovered, false, "nobody knows it any more");
      clients.forEach((client) => client.drain());
      await publish("checkins", { event: "n", data: 1 });
      for (const client of clients) equal((await client.next()).slice(0, 2), ["n", 1], "alive again");
    },

    "the gateway stops: its clients are told bye before they are cut": async (way) => {
      const client = await joined("/", { over: way, ...guest, reconnection: false });
      const down = stop();
      await client.gone();
      equal(await down, 0, "an orderly end");
      equal(client.story, ["connect", "bye", "disconnect"], "what happened");
      const [, bye] = await client.next();
      equal([bye.code, bye.reconnect], ["draining", true], "bye");
      check(bye.retry_after_ms > 0, "when to come back");
    },

    "a credential ends: the client is cut, and comes back with the one that auth gives then": async (way) => {
      let given = 0;
      const expires = () => ["2s", "60s"][Math.min(given++, 1)];
      const auth = (tell) => tell({ token: token("--sub", "gus", "--role", "guest", "--expires", expires()) });
      const client = await joined("/", { over: way, auth });
      equal((await client.gone()).reason, "transport close", "the reason");
      equal((await client.connected()).recovered, false, "a new stream");
      equal(given, 2, "how often auth was asked");
      client.drain();
      await publish("checkins", { event: "n", data: 1 });
      equal(await client.next(), ["n", 1], "alive again");
    },

    "a credential ends: the client is told so before it is cut": async (way) => {
      const client = await joined("/", { over: way, auth: { token: ann("--expires", "2s") }, reconnection: false });
      await client.gone();
      equal(client.story, ["connect", "token_expiring", "session_expired", "disconnect"], "what happened");
      const [, { expires_in_ms }] = await client.next();
      check(expires_in_ms > 0, "when it ends");
    },

    "a credential is renewed by a message, and the stream goes on": async (way) => {
      const auth = { token: ann("--expires", "3s") };
      const client = await joined("/", { over: way, auth });
      await client.ask("subscribe", { room: "units" });
      equal((await client.next("token_expiring"))[0], "token_expiring", "the notice");
      await client.ask("auth", { token: ann("--expires", "60s") });
      const { id } = client.socket;
      // Longer than the first one was good.
      await client.pings(3);
      await publish("units", { event: "n", data: 1 });
      const [[welcome, { rooms }], told] = await client.take(2);
      equal([welcome, rooms], ["welcome", ["units"]], "it is told what holds now");
      equal([told, client.socket.id], [["n", 1], id], "the same stream goes on");
    },

    "who talks too much is told so in its acknowledgements, then cut, and comes back": async (way) => {
      const client = await joined("/", { over: way, ...tv });
      const talk = (count) => Promise.allSettled(Array.from({ length: count }, () => client.socket.emitWithAck("unsubscribe", { room: "units" })));
      const answers = (await within(talk(100), 10_000, "the answers")).map(({ value }) => value);
      const [good, bad] = [answers.filter(({ room }) => room), answers.filter(({ error }) => error)];
      check(good.length >= 20 && bad.length > 0 && good.length + bad.length === 100, `${good.length} were good, ${bad.length} were not`);
      for (const { error } of bad) equal([error.code, error.limit, error.retry_after_ms > 0], ["rate_limited", "messages", true], "what it is told");
      const rest = talk(600);
      const { reason, code } = await client.gone();
      equal([reason, code], ["transport close", way === "websocket" ? 3004 : undefined], "how it is cut");
      await within(rest, 10_000, "the library to give up what was not answered");
      await client.connected();
      equal(await client.ask("subscribe", { room: "units" }), { room: "units" }, "a new stream may talk again");
    },

    "two namespaces on one connection have each its own credential": async (way) => {
      const manager = new Manager(gateway.http, { transports: WAYS[way], reconnectionDelay: 20, randomizationFactor: 0 });
      const main = new Client(manager.socket("/", tv));
      const staff = new Client(manager.socket("/staff", member));
      await Promise.all([main.connected(), staff.connected()]);
      check(main.socket.id !== staff.socket.id, "they are two streams");
      const who = await Promise.all([main, staff].map(({ socket }) => stream(socket.id)));
      equal(who.map(({ principal, role }) => [principal, role]), [["tv", "display"], ["ann", "member"]], "who they are");
      await Promise.all([main.ask("subscribe", { room: "units" }), staff.ask("subscribe", { room: "checkins" })]);
      await publish("units", { event: "n", data: 1 });
      await publish("checkins", { event: "n", data: 2 });
      equal([await main.next(), await staff.next()], [["n", 1], ["n", 2]], "each has its own rooms");
      // A third is refused, and nothing else happens to the others.
      const nowhere = new Client(manager.socket("/told", { auth: { apiKey: "wrong" } }));
      equal((await nowhere.refused()).data.code, "unauthorized", "the refusal");
      staff.socket.disconnect();
      equal((await staff.gone()).reason, "io client disconnect", "the reason");
      await until(async () => !(await streams()).some(({ principal }) => principal === "ann"), "its stream has ended");
      await publish("units", { event: "n", data: 3 });
      equal([await main.next(), main.attempts], [["n", 3], 0], "the connection stays");
      // It may join again, as somebody else.
      staff.socket.auth = { token: token("--sub", "bob", "--role", "member") };
      staff.socket.connect();
      await staff.connected();
      equal((await stream(staff.socket.id)).principal, "bob", "who it is");
      await main.drop();
      await Promise.all([main.connected(), staff.connected()]);
    },

    "where there is one place for two, the second is told to try again, or comes by itself": async (way) => {
      const single = { auth: { token: token("--sub", "sam", "--role", "single") } };
      const manager = new Manager(gateway.http, { transports: WAYS[way] });
      const first = new Client(manager.socket("/", single));
      await first.connected();
      const second = new Client(manager.socket("/told", single));
      const { data } = await second.refused();
      equal([data.code, data.limit, data.retryable], ["rate_limited", "per_principal", true], "the refusal");
      check(data.retry_after_ms > 0, "when to come back");
      check(first.socket.connected, "the first is there");
      // By a connection of its own, it is that which ends.
      const other = Client.to(url("/"), { over: way, ...single });
      await until(() => other.attempts > 0, "it has tried again");
      first.socket.disconnect();
      await other.connected();
    },

    "what was missed is told when the client asks for it by the last id": async (way) => {
      const client = await joined("/told", { over: way, ...tv });
      await client.ask("subscribe", { room: "checkins" });
      await client.ask("subscribe", { room: "units" });
      await publish("checkins", { event: "n", data: 1 });
      const [, , { id: lastEventId }] = await client.next();
      client.socket.io.reconnection(false);
      await client.drop();
      const missed = [await publish("checkins", { event: "n", data: 2 }), await publish("units", { event: "n", data: 3 }), await publish("checkins", { event: "n", data: 4 })];
      client.socket.connect();
      await client.connected();
      await client.ask("subscribe", { room: "checkins" });
      await client.ask("subscribe", { room: "units" });
      await client.ask("recover", { lastEventId });
      const lists = await client.take(2);
      equal(lists, [["recovery_events", [2, 4]], ["recovery_events", [3]]], "a list for each room");
      await client.ask("catch_up", lastEventId);
      const told = await client.take(3);
      equal(told.map(([event, data, meta]) => [event, data, meta.id]), [["n", 2, missed[0].id], ["n", 4, missed[2].id], ["n", 3, missed[1].id]], "each as it was");
      await publish("units", { event: "n", data: 5 });
      equal((await client.next()).slice(0, 2), ["n", 5], "and then live");
      equal((await client.ask("recover", {})).error.code, "bad_request", "without an id");
    },
  }),

  ...over(once, {
    "a check-in that is published once arrives on every transport with one id": async () => {
      const source = new EventSource(`${gateway.http}/v1/stream?room=checkins&access_token=${keys.backend}`);
      const shown = new Inbox();
      const [opened, begun] = [new Inbox(), native("room=checkins")];
      source.addEventListener("welcome", opened.push.bind(opened));
      source.addEventListener("checkin", ({ data, lastEventId }) => shown.push({ ...JSON.parse(data), lastEventId }));
      await opened.next("welcome");
      const socket = await begun;
      const sockets = await Promise.all(each.map((way) => joined("/told", { over: way, ...tv })));
      for (const one of sockets) await one.ask("subscribe", { room: "checkins" });
      const poll = async (more) => {
        const response = await fetch(`${gateway.http}/v1/stream?room=checkins${more}`, { headers: { "X-API-Key": keys.backend } });
        return response.json();
      };
      const polled = poll(`&wait=20&since=${(await poll("")).cursor}`);
      const { id } = await publish("checkins", { event: "checkin", data: { unit: 7 } });
      for (const one of sockets) {
        const [event, data, meta] = await one.next();
        equal([event, data, meta.id, meta.room], ["checkin", { unit: 7 }, id, "checkins"], "socket.io-client");
      }
      const seen = await shown.next("the event");
      equal([seen.id, seen.lastEventId, seen.data], [id, id, { unit: 7 }], "EventSource");
      const message = await socket.next("the event");
      equal([message.id, message.data], [id, { unit: 7 }], "a WebSocket");
      const { events: [event] } = await within(polled, 10_000, "the poll");
      equal([event.id, event.data], [id, { unit: 7 }], "a poll");
      source.close();
      socket.socket.close();
    },

    "a client goes from polling to WebSocket while events flow, and loses none and gets none twice": async () => {
      const flow = flowing("checkins", "n");
      const clients = Array.from({ length: 10 }, () => Client.to(url("/"), { over: "upgrade", ...guest }));
      await Promise.all(clients.map((client) => client.connected()));
      await Promise.all(clients.map((client) => client.upgraded()));
      await Promise.all(clients.map((client) => client.pings(1)));
      const end = await flow.stop();
      for (const client of clients) {
        const told = [];
        while (told.at(-1) !== end - 1) told.push((await client.next(`event ${end - 1}`))[1]);
        contiguous(told, end, "what it was told");
        equal([client.engine.transport.name, client.attempts], ["websocket", 0], "how it is connected");
      }
    },

    "what a client says while it goes from polling to WebSocket arrives once and in order": async () => {
      const client = Client.to(url("/"), { over: "upgrade", ...member });
      await client.connected();
      asked.asked.drain();
      const answers = [];
      let number = 0;
      let end = Infinity;
      client.upgraded().then(() => (end = number + 50));
      // By fours: each is said when those before it are answered.
      for (; number < end; number += 1) {
        answers.push(client.ask("note:add", number));
        if (number % 4 === 0) await answers.at(-1);
      }
      equal((await Promise.all(answers)).map(({ note }) => note), range(0, number), "the answers");
      equal(asked.asked.drain().map(({ data }) => data), range(0, number), "what the backend was told");
    },

    "a role that has no WebSocket gets none by an upgrade that began before anybody knew the role": async () => {
      const { ask, websocket } = await byHand();
      const socket = new WebSocket(websocket);
      const said = new Inbox();
      socket.on("open", () => socket.send("2probe"));
      socket.on("message", (data) => said.push(data.toString()));
      socket.on("close", () => said.push("closed"));
      equal(await said.next("the answer to the probe"), "3probe", "the probe");
      equal(await ask(`40${JSON.stringify({ apiKey: keys.wall })}`), "ok", "the CONNECT");
      let told;
      do told = await ask(); while (told === "6");
      check(told.startsWith('40{"sid"'), `it is let in: ${told}`);
      socket.send("5");
      equal(await said.next("what the WebSocket says"), "closed", "what comes of the upgrade");
    },

    "a client whose role has no WebSocket stays with polling": async () => {
      const client = await joined("/", { over: "upgrade", auth: { apiKey: keys.wall } });
      await client.ask("subscribe", { room: "checkins" });
      await publish("checkins", { event: "n", data: 1 });
      equal(await client.next(), ["n", 1], "the event");
      await client.pings(2);
      equal([client.engine.transport.name, client.attempts], ["polling", 0], "how it is connected");
    },
  }),

  ...over(once, {
    "who polls, and comes back again and again before its connections are given up, is the same each time": async () => {
      let auth = guest.auth;
      const told = [];
      for (let time = 0; time < 4; time += 1) {
        const { ask } = await byHand();
        await ask(`40/kept,${JSON.stringify(auth)}`);
        // No GET waits behind this one: whatever the gateway would say to it, it cannot.
        const { sid, pid } = JSON.parse((await ask()).slice("40/kept,".length));
        told.push(sid);
        auth = { ...guest.auth, pid };
      }
      equal(told, Array(4).fill(told[0]), "the streams");
    },
  }),

  ...over(each, {
    "a client that was cut comes back as the same, and is told what it missed": async (way) => {
      const client = await joined("/kept", { over: way, ...guest });
      if (way === "upgrade") await client.upgraded();
      await publish("checkins", { event: "n", data: 1 });
      equal((await client.next()).slice(0, 2), ["n", 1], "before");
      await client.drop();
      for (const number of [2, 3]) await publish("checkins", { event: "n", data: number });
      equal(await client.connected(), { id: client.first.id, recovered: true }, "the same");
      await publish("checkins", { event: "n", data: 4 });
      const told = await client.take(3);
      equal(told.map(([event, data]) => [event, data]), numbered("n", [2, 3, 4]), "in order and once");
    },

    "a client that was told nothing yet comes back as the same": async (way) => {
      const client = await joined("/kept", { over: way, ...guest });
      await client.drop();
      for (const number of [1, 2]) await publish("checkins", { event: "n", data: number });
      equal(await client.connected(), { id: client.first.id, recovered: true }, "the same");
      await publish("checkins", { event: "n", data: 3 });
      const told = await client.take(3);
      equal(told.map(([event, data]) => [event, data]), numbered("n", [1, 2, 3]), "in order and once");
    },

    "a text that is not kept, and came last, does not confuse where a client goes on": async (way) => {
      const client = await joined("/kept", { over: way, ...guest });
      await publish("checkins", { event: "n", data: 1 });
      equal((await client.next()).slice(0, 2), ["n", 1], "before");
      // It goes to who has nothing else to read at that moment, and so it is said until it is heard.
      let typing = 0;
      client.socket.on("typing", () => (typing += 1));
      await until(async () => {
        if (!typing) await publish("checkins", { event: "typing", data: "ann", volatile: true });
        return typing;
      }, "a volatile event has come");
      await client.drop();
      await publish("checkins", { event: "n", data: 2 });
      equal(await client.connected(), { id: client.first.id, recovered: true }, "the same");
      await publish("checkins", { event: "n", data: 3 });
      const told = [];
      while (told.length < 2) {
        const [event, data] = await client.next();
        if (event !== "typing") told.push([event, data]);
      }
      equal(told, numbered("n", [2, 3]), "in order and once");
    },

    "a text that answers a join, and came last, does not confuse where a client goes on": async (way) => {
      const client = await joined("/kept", { over: way, ...tv });
      client.socket.emit("join_tab", "7");
      equal((await client.next()).slice(0, 2), ["tab:joined", "7"], "joined");
      await client.drop();
      await publish("tab:7", { event: "n", data: 1 });
      equal(await client.connected(), { id: client.first.id, recovered: true }, "the same");
      equal((await client.next()).slice(0, 2), ["n", 1], "what it missed");
    },

    "the rooms that it joined are its own when it comes back, and it need not say them": async (way) => {
      const client = await joined("/kept", { over: way, ...tv });
      await client.ask("subscribe", { room: "units" });
      await client.ask("join_tab", "7");
      await api("/v1/messages", { type: "join", stream: client.first.id, room: "back" });
      await publish("back", { event: "n", data: 0 });
      equal((await client.take(3)).map(([event]) => event), ["tab:joined", "welcome", "n"], "before");
      await client.drop();
      for (const [number, room] of ["units", "tab:7", "back", "checkins"].entries()) await publish(room, { event: "n", data: number + 1 });
      equal(await client.connected(), { id: client.first.id, recovered: true }, "the same");
      await publish("units", { event: "n", data: 5 });
      const told = await client.take(4);
      equal(told.map(([event, data]) => [event, data]), numbered("n", [1, 2, 3, 5]), "of its rooms, and of no other");
    },

    "an event that was confirmed is not told again": async (way) => {
      const client = await joined("/kept", { over: way, ...tv });
      await client.ask("subscribe", { room: "units" });
      const calls = new Inbox();
      client.socket.on("fire", (...all) => { all.at(-1)(); calls.push(all[0]); });
      await publish("units", { event: "fire", data: 1, ack: { timeout: "10s" } });
      equal(await calls.next("the call"), 1, "the event");
      client.drain();
      await client.drop();
      await publish("units", { event: "n", data: 2 });
      equal(await client.connected(), { id: client.first.id, recovered: true }, "the same");
      await publish("units", { event: "n", data: 3 });
      const told = await client.take(2);
      equal(told.map(([event, data]) => [event, data]), numbered("n", [2, 3]), "in order and once");
    },

    "a client that drops its connection again and again gets each event once and in order": async (way) => {
      const client = await joined("/kept", { over: way, ...guest });
      const flow = flowing("checkins", "n");
      const told = [];
      for (let cut = 0; cut < 8; cut += 1) {
        // Never at the same place.
        for (const [, number] of await client.take(10 + cut)) told.push(number);
        await client.drop();
        equal(await client.connected(), { id: client.first.id, recovered: true }, `the same, after cut ${cut + 1}`);
      }
      const end = await flow.stop();
      while (told.at(-1) !== end - 1) told.push((await client.next(`event ${end - 1}`))[1]);
      contiguous(told, end, "all that it was told");
      equal(told[0], 0, "from the first on");
    },

    "a client whose network breaks again and again gets each event once and in order": async (way) => {
      const line = await Line.to(gateway.port);
      const client = await joined("/kept", { over: way, ...guest }, line);
      const flow = flowing("checkins", "n");
      const told = [];
      for (let cut = 0; cut < 8; cut += 1) {
        for (const [, number] of await client.take(10 + cut)) told.push(number);
        // Who polls may have no connection at this moment.
        const gone = client.gone();
        let isGone = false;
        gone.then(() => (isGone = true));
        await until(() => isGone || (line.cut(), isGone), "the client is cut");
        const back = await client.connected();
        equal(back, { id: client.first.id, recovered: true }, `the same, after cut ${cut + 1}`);
      }
      const end = await flow.stop();
      while (told.at(-1) !== end - 1) told.push((await client.next(`event ${end - 1}`))[1]);
      contiguous(told, end, "all that it was told");
      equal(told[0], 0, "from the first on");
    },

    "a client comes back while its connection is not known to be dead, and is one all the while": async (way) => {
      const line = await Line.to(gateway.port);
      const client = await joined("/kept", { over: way, ...guest }, line);
      if (way === "upgrade") await client.upgraded();
      await publish("checkins", { event: "n", data: 1 });
      equal((await client.next()).slice(0, 2), ["n", 1], "before");
      line.silence();
      // The gateway writes this to a connection that nobody hears.
      await publish("checkins", { event: "n", data: 2 });
      client.socket.io.once("reconnect_attempt", () => line.mend());
      await client.drop();
      equal(await client.connected(), { id: client.first.id, recovered: true }, "the same");
      await publish("checkins", { event: "n", data: 3 });
      const told = await client.take(2);
      equal(told.map(([event, data]) => [event, data]), numbered("n", [2, 3]), "in order and once");
      equal((await streams()).filter(({ principal }) => principal === "gus").map(({ stream }) => stream), [client.first.id], "its streams");
      // The end of the other connection is not the end of this one.
      await client.pings(3);
      await publish("checkins", { event: "n", data: 4 });
      equal([(await client.next()).slice(0, 2), client.attempts], [["n", 4], 1], "it lives on");
    },

    "whoever comes with a name that is in use takes its place, and the other is cut": async (way) => {
      const first = await joined("/kept", { over: way, ...guest, reconnection: false });
      if (way === "upgrade") await first.upgraded();
      await publish("checkins", { event: "n", data: 1 });
      const [, , offset] = await first.next();
      // What the library sends by itself, where it has been there before.
      const pid = first.socket._pid;
      const second = await joined("/kept", { over: way, auth: { ...guest.auth, pid, offset } });
      equal(second.first.id, first.first.id, "the same stream");
      equal((await first.gone()).reason, "transport close", "how the other is cut");
      await publish("checkins", { event: "n", data: 2 });
      equal((await second.next()).slice(0, 2), ["n", 2], "nothing twice");
      // A name is good for its own principal alone.
      const thief = await joined("/kept", { over: way, auth: { ...tv.auth, pid, offset } });
      check(thief.first.id !== first.first.id, "somebody else's name is no name");
      await publish("checkins", { event: "n", data: 3 });
      equal((await second.next()).slice(0, 2), ["n", 3], "nobody was cut for it");
    },

    "after a restart nobody is who it was": async (way) => {
      const client = await joined("/kept", { over: way, ...guest });
      await publish("checkins", { event: "n", data: 1 });
      await client.next();
      gateway.process.child.kill("SIGKILL");
      await client.gone();
      await gateway.process.ended;
      await gateway.up();
      const back = await client.connected(15_000);
      equal([back.recovered, back.id === client.first.id], [false, false], "another one");
      await publish("checkins", { event: "n", data: 2 });
      equal((await client.next()).slice(0, 2), ["n", 2], "alive again");
    },
  }),

  ...over(alone, {
    "who is away for too long is not who it was, and is told nothing of before": async (way) => {
      const other = await Gateway.start({ ...own, GATECAST__SOCKETIO__RECOVERY: "1s" }, file);
      const client = await joined("/kept", { over: way, ...guest, reconnectionDelay: 1500, reconnectionDelayMax: 1500 }, other);
      await publish("checkins", { event: "n", data: 1 }, other);
      await client.next();
      await client.drop();
      await publish("checkins", { event: "n", data: 2 }, other);
      const back = await client.connected();
      equal([back.recovered, back.id === client.first.id], [false, false], "another one");
      await publish("checkins", { event: "n", data: 3 }, other);
      equal((await client.next()).slice(0, 2), ["n", 3], "only what is new");
      endAll();
      equal(await other.down(), 0, "an orderly end");
    },

    "the time of who came back begins anew when it is cut again, however its first connection ends": async (way) => {
      const other = await Gateway.start({ ...own, GATECAST__SOCKETIO__RECOVERY: "1s" }, file);
      const line = await Line.to(other.port);
      const client = await joined("/kept", { over: way, ...guest }, line);
      line.silence();
      // An answer that never arrives, so that who polls does not ask again.
      await publish("checkins", { event: "n", data: 0 }, other);
      client.socket.io.once("reconnect_attempt", () => line.mend());
      await client.drop();
      equal(await client.connected(), { id: client.first.id, recovered: true }, "the same");
      equal((await client.next()).slice(0, 2), ["n", 0], "what was lost on the way");
      // The first connection was given up meanwhile, more than a second has passed since, and somebody else's end is when
      // who is late is forgotten.
      await client.pings(5);
      const stranger = await joined("/kept", { over: way, ...tv }, other);
      stranger.socket.disconnect();
      await until(async () => !(await streams(other)).some(({ principal }) => principal === "tv"), "the stranger has left");
      await client.drop();
      await publish("checkins", { event: "n", data: 1 }, other);
      equal(await client.connected(), { id: client.first.id, recovered: true }, "the same once more");
      equal((await client.next()).slice(0, 2), ["n", 1], "what it missed");
      endAll();
      equal(await other.down(), 0, "an orderly end");
    },
  }),
});
