// What must hold behind every proxy, each check for one way in: a protocol between client and proxy.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { execFileSync, spawn } from "node:child_process";
import WebSocket from "ws";
import { curlOf } from "../curl_client.mjs";
import { Inbox, binary, check, equal, keys, reap, token, until, within } from "../harness.mjs";

const tv = ["-H", `X-API-Key: ${keys.tv}`];
const backend = ["-H", `X-API-Key: ${keys.backend}`];
/** How long an event may take through a proxy, in milliseconds. One that is held back comes later, or never. */
const SOON = 500;
/** How long the quickest of some may take. A proxy that waits for more to send with it does so for each. */
const AT_ONCE = 100;
/** The idle limit that the proxies run with, in milliseconds. The gateway has a heartbeat each second. */
export const IDLE = 3000;
/** What a gateway is told so that it takes the proxies' word, and says whom it has refused. */
export const trusting = { GATECAST__SERVER__TRUSTED_PROXIES: '["127.0.0.1"]', GATECAST__TELEMETRY__FILTER: "info" };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The established connections to `port`, as the kernel lists them. */
function connections(port) {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1).map((line) => line.trim().split(/\s+/));
  return rows.filter(([, local, , state]) => local?.endsWith(wanted) && state === "01").length;
}

/** A WebSocket through `way`. */
export async function websocket(way, query, key = keys.tv) {
  const socket = new WebSocket(`${way.origin.replace("http", "ws")}/v1/stream?${query}`, { headers: { "X-API-Key": key }, ca: way.ca });
  const inbox = new Inbox();
  const closed = new Promise((resolve) => socket.on("close", (code) => resolve(code)));
  const failed = new Promise((_, reject) => socket.on("error", reject));
  failed.catch(() => {});
  const heartbeats = [];
  socket.on("message", (data) => {
    const message = JSON.parse(data);
    if (message.type === "heartbeat") heartbeats.push(message);
    else inbox.push(message);
  });
  const next = (what, ms) => Promise.race([inbox.next(what, ms), failed]);
  equal((await next("welcome")).type, "welcome", "the first message");
  return { socket, next, closed, heartbeats, say: (message) => socket.send(JSON.stringify(message)) };
}

/** Publishes some events, each when the one before it has come as `next`. */
export async function heard(gateway, next) {
  const took = [];
  while (took.length < 5) {
    const began = Date.now();
    const published = gateway.publish("quakes", "quake", { mag: 1 });
    const event = await next("the event", 5_000);
    took.push(Date.now() - began);
    equal(event.id, await published, "its id");
  }
  check(Math.max(...took) < SOON && Math.min(...took) < AT_ONCE, `they took ${took.join(", ")} ms`);
}

/** Waits well beyond `idle`, while nothing but heartbeats comes on `sse`. */
export async function quietFor(idle, sse) {
  const until = Date.now() + 1.7 * idle;
  while (Date.now() < until) await sse.heartbeat(5_000);
}

/** What an answer is for a client, whoever passed it on. */
function essence({ status, headers, body }) {
  const named = ["content-type", "cache-control", "www-authenticate", "allow", "retry-after"];
  return [status, named.map((name) => headers[name] ?? null), body ? JSON.parse(body) : null];
}

/** The checks of one `way` in: its `name`, `origin`, arguments for curl, and how curl names an end that is none. */
export function checks(gateway, way) {
  const through = curlOf(() => way.origin, ...way.curl);
  const direct = curlOf(() => gateway.http);

  /** What `then` sees while the gateway is down; afterwards it is there again, and the proxy knows. */
  const away = async (then) => {
    equal(await gateway.down(), 0, "an orderly end");
    try {
      await then();
    } finally {
      await gateway.up();
      await until(async () => (await through.run("/readyz")).status === 200, "the proxy has found it again");
    }
  };

  const all = {
    "SSE: welcome and events come at once, one by one": async () => {
      const began = Date.now();
      const sse = through.stream("/v1/stream?room=quakes", ...tv);
      equal((await sse.next("welcome")).event, "welcome", "the first event");
      check(Date.now() - began < SOON, `the welcome took ${Date.now() - began} ms`);
      await heard(gateway, sse.next);
      sse.stop();
    },

    // Linux has all of 127.0.0.0/8: the client has an address of its own, and is known by it.
    "the gateway knows its client's address, and whether it speaks TLS, by what the proxy says": async () => {
      const own = ["-4", "--interface", "127.0.0.9"];
      const answer = await through.run("/v1/negotiate", ...own, "-H", "X-API-Key: wrong", "-H", "X-Forwarded-For: 203.0.113.7", "-H", "Forwarded: for=203.0.113.7;proto=https");
      equal(answer.status, 401, "it is refused, so that the log names it");
      const named = new RegExp(`refused id="${answer.headers["x-request-id"]}" peer=(\\S+) `);
      const [, peer] = await until(() => named.exec(gateway.process.complaints()), "the log says who");
      equal(peer, "127.0.0.9", "the client, and not whom it says it is");
      const { transports } = (await through.run("/v1/negotiate", ...own, ...tv)).json();
      const scheme = way.origin.startsWith("https") ? "https" : "http";
      equal(new URL(transports.find(({ transport }) => transport === "sse").url).protocol, `${scheme}:`, "the URL");
    },

    "SSE: a client that would take gzip gets each event at once too": async () => {
      const sse = through.stream("/v1/stream?room=quakes", ...tv, "--compressed");
      await sse.next("welcome");
      await heard(gateway, sse.next);
      sse.stop();
    },

    "long-poll: a request is held, and answered with the event": async () => {
      const { cursor } = (await through.run("/v1/stream?room=quakes", ...tv)).json();
      const held = through.run(`/v1/stream?room=quakes&since=${cursor}`, ...tv);
      await sleep(300);
      const began = Date.now();
      const id = await gateway.publish("quakes", "quake", { mag: 2 });
      equal((await held).json().events.map((event) => event.id), [id], "the answer");
      check(Date.now() - began < SOON, `it took ${Date.now() - began} ms`);
      equal((await through.run(`/v1/stream?room=quakes&since=${id}&wait=2`, ...tv)).json().events, [], "an empty answer");
    },

    "WebSocket: it opens, hears and publishes": async () => {
      const reader = await websocket(way, "room=quakes");
      await heard(gateway, reader.next);
      const writer = await websocket(way, "", keys.backend);
      writer.say({ type: "publish", ref: 1, room: "quakes", event: "quake", data: { mag: 3 } });
      const ack = await writer.next("the ack");
      equal([ack.type, ack.id], ["ack", (await reader.next("the event")).id], "what was published");
      [reader, writer].forEach(({ socket }) => socket.close());
      equal(await within(reader.closed, 5_000, "the close"), 1005, "the close handshake");
    },

    "heartbeats carry quiet streams through the idle limit": async () => {
      const [sse, silent] = [through.stream("/v1/stream?room=quakes", ...tv), await websocket(way, "room=quakes")];
      await sse.next("welcome");
      await quietFor(IDLE, sse);
      check(silent.heartbeats.length >= 2, `${silent.heartbeats.length} heartbeats over WebSocket`);
      const id = await gateway.publish("quakes", "quake", { mag: 4 });
      equal([(await sse.next("over SSE")).id, (await silent.next("over WebSocket")).id], [id, id], "both are there");
      sse.stop();
      silent.socket.close();
    },

    "refusals pass unchanged, with their headers": async () => {
      const stream = ["-H", "Accept: text/event-stream"];
      const cases = [
        [401, "/v1/stream?room=quakes", ...stream],
        [401, "/v1/stream?room=quakes", "-H", "X-API-Key: wrong"],
        [403, "/v1/stream?room=secret", ...stream, ...tv],
        [403, "/v1/rooms/quakes/events", ...tv, "-d", '{"event": "n"}'],
        [400, "/v1/stream?room=quakes&since=nonsense", ...tv],
        [404, "/v1/nowhere", ...tv],
        [405, "/v1/stream", ...tv, "-X", "DELETE"],
        [413, "/v1/rooms/quakes/events", ...backend, "-d", JSON.stringify({ event: "n", data: "x".repeat(65_600) })],
        [426, "/v1/stream", ...tv, "-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 12", "-H", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="],
      ];
      for (const [status, ...line] of cases) {
        // HTTP/2 has no upgrade to refuse (RFC 9113, section 8.2.2).
        if (status === 426 && way.http2) continue;
        const [here, there] = [await through.run(...line), await direct.run(...line)];
        equal(here.status, status, line.join(" "));
        equal(essence(here), essence(there), line.join(" "));
        check(/^\w{16}$/.test(here.headers["x-request-id"]), "the request's id");
      }
    },

    "too many messages: 429 with Retry-After": async () => {
      const sse = through.stream("/v1/stream?room=quakes", "-H", `X-API-Key: ${keys.wall}`);
      const { stream } = (await sse.next("welcome")).json;
      const ping = () => through.run(`/v1/messages?stream=${stream}`, "-H", `X-API-Key: ${keys.wall}`, "-d", '{"type": "ping", "ref": 1}');
      const refused = await until(async () => { const one = await ping(); return one.status !== 200 && one; }, "it was too much");
      equal([refused.status, refused.json().code, refused.json().limit], [429, "rate_limited", "messages"], "the refusal");
      check(Number(refused.headers["retry-after"]) >= 1, "Retry-After");
      sse.stop();
    },

    "a page of the same origin may open a WebSocket, one of another may not": async () => {
      const key = randomBytes(16).toString("base64");
      const upgrade = ["--http1.1", "-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13", "-H", `Sec-WebSocket-Key: ${key}`];
      const foreign = await through.run("/v1/stream?room=quakes", ...tv, ...upgrade, "-H", "Origin: https://other.example");
      equal([foreign.status, foreign.json().code], [403, "origin_not_allowed"], "another origin");
      const own = new WebSocket(`${way.origin.replace("http", "ws")}/v1/stream`, { headers: { "X-API-Key": keys.tv }, ca: way.ca, origin: new URL(way.origin).origin });
      await within(new Promise((resolve, reject) => { own.on("open", resolve); own.on("error", reject); }), 5_000, "the own origin's WebSocket");
      own.close();
    },

    "Last-Event-ID gives what was missed, once": async () => {
      const first = through.stream("/v1/stream?room=quakes", ...tv);
      await first.next("welcome");
      const last = await gateway.publish("quakes", "n", 0);
      equal((await first.next("an event")).id, last, "the last that was seen");
      first.stop();
      await first.ended;
      const missed = await gateway.publishAll("quakes", "n", [1, 2, 3]);
      const again = through.stream("/v1/stream?room=quakes", ...tv, "-H", `Last-Event-ID: ${last}`);
      equal((await again.next("welcome")).json.recovered, true, "nothing is missing");
      for (const id of missed) equal((await again.next("what was missed")).id, id, "in order");
      await heard(gateway, again.next);
      again.stop();
    },

    // A proxy sends a body whole before it reads the answer: a gateway that closes over the rest makes it a 502.
    "a stranger's large body is refused in the gateway's own words": async () => {
      for (let n = 0; n < 10; n += 1) {
        const refused = await through.run("/v1/rooms/quakes/events", "-H", "Expect:", "--data-binary", "@-", { input: "x".repeat(400_000) });
        equal([refused.status, refused.json().code], [401, "unauthorized"], "the refusal");
      }
    },

    "a body of 1 MiB is taken, and one byte more is refused by the gateway": async () => {
      const limit = 1 << 20;
      const fit = (size) => {
        const events = [...Array(20).keys()].map((n) => ({ room: "alerts", event: "n", data: `${n}`.padEnd(52_000, "x") }));
        events[0].data += "y".repeat(size - JSON.stringify({ events }).length);
        return JSON.stringify({ events });
      };
      const publish = (size) => through.run("/v1/publish", ...backend, "-H", "Expect:", "--data-binary", "@-", { input: fit(size) });
      const taken = await publish(limit);
      equal([taken.status, taken.json().results.length], [202, 20], "1 MiB");
      const refused = await publish(limit + 1);
      equal([refused.status, refused.json().code, refused.json().limit], [413, "too_large", "body"], "one byte more");
    },

    "a long answer is compressed once at most": async () => {
      await gateway.publishAll("station", "reading", [1, 2, 3, 4, 5].map((n) => "quite alike ".repeat(100) + n));
      const ask = (...args) => execFileSync("curl", ["-sS", ...way.curl, ...tv, "-H", "Accept-Encoding: gzip", ...args, `${way.origin}/v1/rooms/station/events`]);
      const head = ask("-D", "-", "-o", "/dev/null").toString();
      const codings = [...head.matchAll(/^content-encoding: (.*)\r$/gim)].map(([, coding]) => coding);
      check(codings.join() === "gzip" || codings.length === 0, `the codings are ${codings}`);
      const body = ask();
      // HAProxy leaves an answer alone when it is short of something.
      const text = body[0] === 0x1f ? gunzipSync(body) : body;
      equal(JSON.parse(text).events.length, 5, "what was in it");
    },

    "a client that leaves is gone from the gateway as well": async () => {
      const sse = through.stream("/v1/stream?room=quakes", ...tv);
      await sse.next("welcome");
      const before = connections(gateway.port);
      sse.stop();
      await until(() => connections(gateway.port) < before, "its connection has ended", 3_000);
    },

    "gatecast tail follows over each transport": async () => {
      for (const transport of ["websocket", "sse", "long-poll"]) {
        const trust = way.ca ? ["--cacert", way.certificate] : [];
        const tail = reap(spawn(binary, ["tail", "quakes", "--json", "--url", way.origin, "--key", keys.tv, "--transport", transport, ...trust]));
        let output = "";
        tail.stdout.on("data", (data) => (output += data));
        let id;
        await until(async () => { id = await gateway.publish("quakes", "n", transport); return output; }, `an event over ${transport}`);
        await until(() => output.includes(id), `the last event over ${transport}`);
        tail.kill();
      }
    },

    "a token of the query is in no log of the proxy": async () => {
      const secret = token("--sub", "ann", "--role", "member", "--claim", "org=acme");
      const answer = await through.run(`/v1/stream?room=org:acme:chat&access_token=${secret}`);
      equal(answer.status, 200, "it is a credential");
      await until(() => /\/v1\/stream" 200/.test(way.log()), "the request was logged");
      check(!way.log().includes(secret), "a log shows the token");
    },

    "the gateway restarts: streams are cut, and clients that come back go on": async () => {
      const sse = through.stream("/v1/stream?room=quakes", ...tv);
      const socket = await websocket(way, "room=quakes");
      const { id } = await sse.next("welcome");
      await away(async () => {
        equal((await sse.next("bye")).json.code, "draining", "bye over SSE");
        equal(await within(sse.ended, 5_000, "the end of the stream"), way.cut, "curl's verdict on the end");
        equal((await socket.next("bye")).type, "bye", "bye over WebSocket");
        equal(await within(socket.closed, 5_000, "the close"), 3001, "the close code");
        equal((await through.run("/v1/rooms/quakes/events", ...tv)).status, 503, "meanwhile");
      });
      const again = through.stream("/v1/stream?room=quakes", ...tv, "-H", `Last-Event-ID: ${id}`);
      equal((await again.next("welcome")).json.recovered, false, "it is another log");
      equal((await again.next("the gap")).json.reason, "epoch", "why");
      await heard(gateway, again.next);
      again.stop();
    },

    "the gateway is away: an event stream gets no answer, so that EventSource comes back": async () => {
      await away(async () => {
        await until(async () => (await through.run("/readyz")).status === 503, "the proxy knows");
        const stream = through.stream("/v1/stream?room=quakes", ...tv);
        equal(await within(stream.ended, 10_000, "the end"), way.nothing, "curl's verdict");
      });
    },
  };
  return Object.fromEntries(Object.entries(all).map(([title, test]) => [`${way.name}: ${title}`, test]));
}
