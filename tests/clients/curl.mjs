// curl, for every route: what the documentation shows can be typed.
import { spawn } from "node:child_process";
import WebSocket from "ws";
import { curlOf } from "./curl_client.mjs";
import { Gateway, Inbox, check, equal, keys, suite, until, within } from "./harness.mjs";

const gateway = await Gateway.start({ GATECAST__CORS__ORIGINS: '["https://app.example"]' });
const tv = ["-H", `X-API-Key: ${keys.tv}`];
const backend = ["-H", `X-API-Key: ${keys.backend}`];
const json = ["-H", "Content-Type: application/json"];

const { run: curl, stream } = curlOf(() => gateway.http);

await suite("curl", {
  "SSE: welcome first, then events whose last line is the id": async () => {
    const sse = stream("/v1/stream?room=quakes", ...tv);
    const welcome = await sse.next("welcome");
    equal([welcome.event, welcome.json.rooms, welcome.id], ["welcome", ["quakes"], welcome.json.cursor], "welcome");
    check(Number(welcome.retry) >= 500, "retry");
    const id = await gateway.publish("quakes", "quake", { mag: 1 });
    const event = await sse.next("the event");
    equal([event.event, event.id, event.last, event.json.id], ["quake", id, `id: ${id}`, id], "the event");
    sse.stop();
  },

  "a long answer comes compressed to --compressed, and is the same": async () => {
    await gateway.publish("quakes", "quake", { text: "again and ".repeat(1000) });
    const path = "/v1/rooms/quakes/events?limit=1&reverse=1";
    const [plain, packed] = [await curl(path, ...tv), await curl(path, "--compressed", ...tv)];
    equal([plain.headers["content-encoding"], packed.headers["content-encoding"]], [undefined, "gzip"], "codings");
    check(Number(packed.headers["content-length"]) < plain.body.length / 10, "it is shorter");
    equal(packed.json(), plain.json(), "the answer");
  },

  "SSE: the headers that keep proxies from holding or storing a stream": async () => {
    const child = spawn("curl", ["-sSNi", "-H", "Accept: text/event-stream", ...tv, `${gateway.http}/v1/stream`]);
    let head = "";
    child.stdout.setEncoding("utf8").on("data", (data) => (head += data));
    await until(() => head.includes("\r\n\r\n"), "the head has come");
    child.kill();
    for (const line of [/^HTTP\/1.1 200 OK\r$/m, /^content-type: text\/event-stream\r$/im, /^cache-control: no-store, no-transform\r$/im, /^x-accel-buffering: no\r$/im, /^x-request-id: \w+\r$/im]) {
      check(line.test(head), `${line} in ${head}`);
    }
  },

  "one event on all transports, with one id and the same bytes": async () => {
    const [sse, socket, inbox] = [stream("/v1/stream?room=quakes", ...tv), new WebSocket(`${gateway.ws}/v1/stream?room=quakes`, { headers: { "X-API-Key": keys.tv } }), new Inbox()];
    socket.on("message", (data) => !data.includes('"type":"heartbeat"') && inbox.push(data.toString()));
    const start = (await sse.next("welcome")).id;
    await inbox.next("welcome");
    const poll = curl(`/v1/stream?room=quakes&since=${start}`, ...tv);
    const published = await curl("/v1/rooms/quakes/events", ...backend, "-d", '{"event": "quake", "data": {"mag": 5.30, "place": "Sangiang \\u2013 ä"}}');
    equal(published.status, 202, "published");
    const { id } = published.json();
    const bytes = (await sse.next("over SSE")).data;
    equal(JSON.parse(bytes).id, id, "the id over SSE");
    check(bytes.includes('"data":{"mag":5.30,"place":"Sangiang \\u2013 ä"}'), `the publisher's own tokens: ${bytes}`);
    equal(await inbox.next("over WebSocket"), bytes, "the bytes over WebSocket");
    const answer = await poll;
    check(answer.body.includes(`"events":[${bytes}]`), `the bytes over long-poll: ${answer.body}`);
    equal(answer.json().cursor, id, "the cursor of the poll");
    const history = await curl(`/v1/rooms/quakes/events?since=${start}`, ...tv);
    check(history.body.includes(`"events":[${bytes}]`), "the bytes in history");
    sse.stop();
    socket.close();
  },

  "the last id of an event stream resumes the WebSocket and the poll": async () => {
    const sse = stream("/v1/stream?room=quakes", ...tv);
    await sse.next("welcome");
    await gateway.publish("quakes", "n", 0);
    const last = (await sse.next("the event")).id;
    sse.stop();
    await sse.ended;
    const missed = await gateway.publishAll("quakes", "n", [1, 2, 3]);
    const poll = (await curl(`/v1/stream?room=quakes&since=${last}`, ...tv)).json();
    equal([poll.events.map(({ id }) => id), poll.gaps, poll.cursor], [missed, [], missed[2]], "the poll");
    const [socket, inbox] = [new WebSocket(`${gateway.ws}/v1/stream?room=quakes&since=${last}`, { headers: { "X-API-Key": keys.tv } }), new Inbox()];
    socket.on("message", (data) => inbox.push(JSON.parse(data)));
    equal((await inbox.next("welcome")).type, "welcome", "welcome");
    for (const id of missed) equal((await inbox.next("an event")).id, id, "over WebSocket");
    socket.close();
    const again = stream("/v1/stream?room=quakes", ...tv, "-H", `Last-Event-ID: ${last}`);
    await again.next("welcome");
    for (const id of missed) equal((await again.next("an event")).id, id, "over SSE");
    again.stop();
  },

  "long-poll: at once without a cursor, and then held until there is an event": async () => {
    const first = await curl("/v1/stream?room=alerts", ...tv);
    equal([first.status, first.headers["cache-control"]], [200, "no-store"], "the answer");
    const { cursor, events } = first.json();
    equal(events, [], "nothing yet");
    const held = curl(`/v1/stream?room=alerts&since=${cursor}`, ...tv);
    const id = await gateway.publish("alerts", "fire", true);
    equal((await held).json().events.map((event) => event.id), [id], "the held request");
    const empty = (await curl(`/v1/stream?room=alerts&since=${id}&wait=0`, ...tv)).json();
    equal([empty.events, empty.more], [[], false], "nothing more");
  },

  "history: forwards, backwards, and page by page": async () => {
    const ids = await gateway.publishAll("station", "reading", [1, 2, 3]);
    const page = async (query) => (await curl(`/v1/rooms/station/events?${query}`, ...tv)).json();
    const names = ({ events }) => events.map(({ id }) => id);
    const one = await page("limit=2");
    equal([names(one), one.more], [ids.slice(0, 2), true], "the first page");
    const two = await page(`limit=2&since=${one.cursor}`);
    equal([names(two), two.more], [ids.slice(2), false], "the second page");
    const back = await page("limit=2&reverse=1");
    equal([names(back), back.more], [[ids[2], ids[1]], true], "backwards");
    equal(names(await page(`limit=2&reverse=1&until=${back.cursor}`)), [ids[0]], "and on");
    equal(names(await curl("/v1/rooms/never:seen/events", ...backend).then((r) => r.json())), [], "a room never seen");
  },

  "publishing: a body, a text body, several events and several rooms, and once for one key": async () => {
    const text = await curl("/v1/rooms/alerts/events?event=note", ...backend, "-H", "Content-Type: text/plain", "--data-binary", "door open\nroom 2");
    equal([text.status, Object.keys(text.json())], [202, ["id", "room"]], "a text body");
    const batch = await curl("/v1/publish", ...backend, ...json, "-d", JSON.stringify({
      events: [{ room: "alerts", event: "n", data: 1 }, { rooms: ["alerts", "quakes"], event: "n", data: 2 }, { room: "alerts", event: "welcome", data: 3 }],
    }));
    const { results } = batch.json();
    equal([batch.status, results[0].room, results[1].rooms, results[2].error.code], [202, "alerts", ["alerts", "quakes"], "reserved_event"], "a batch");
    const once = () => curl("/v1/rooms/alerts/events", ...backend, "-H", "Idempotency-Key: order-17", "-d", '{"event": "order", "data": 17}');
    const [first, second] = [await once(), await once()];
    equal([second.json().id, second.headers["idempotency-replayed"]], [first.json().id, "true"], "the same key again");
    const other = await curl("/v1/rooms/alerts/events", ...backend, "-H", "Idempotency-Key: order-17", "-d", '{"event": "order", "data": 18}');
    equal(other.status, 422, "the same key with another body");
    const held = (await curl(`/v1/rooms/alerts/events?since=${results[1].id}`, ...tv)).json();
    equal(held.events.map(({ event, data }) => [event, data]), [["order", 17]], "what was published after the batch");
  },

  "messages for an event stream come by another request": async () => {
    const sse = stream("/v1/stream?room=quakes", ...tv);
    const name = (await sse.next("welcome")).json.stream;
    const say = (message, key = tv) => curl(`/v1/messages?stream=${name}`, ...key, "-d", JSON.stringify(message));
    equal((await say({ type: "subscribe", ref: 1, room: "alerts" })).json(), { type: "ack", ref: 1, room: "alerts" }, "joined");
    const id = await gateway.publish("alerts", "fire", true);
    equal((await sse.next("the event")).id, id, "an event of the room joined");
    equal((await say({ type: "subscribe", ref: 2, room: "secret" })).status, 403, "a room that the role may not read");
    equal((await say({ type: "ping", ref: 3 }, backend)).status, 404, "somebody else's stream");
    equal((await say({ type: "unsubscribe", ref: 4, room: "alerts" })).json(), { type: "ack", ref: 4, room: "alerts" }, "left");
    sse.stop();
  },

  "forgetting a room is for operators, and its readers get a gap": async () => {
    const [first] = await gateway.publishAll("alerts", "n", [1, 2]);
    equal((await curl("/v1/rooms/alerts/events", ...tv, "-X", "DELETE")).status, 403, "not for a display");
    equal((await curl("/v1/rooms/alerts/events", "-X", "DELETE", "-H", `X-API-Key: ${keys.operator}`)).status, 204, "for an operator");
    const poll = (await curl(`/v1/stream?room=alerts&since=${first}`, ...tv)).json();
    equal([poll.events, poll.gaps.map(({ room, reason }) => [room, reason])], [[], [["alerts", "evicted"]]], "the gap");
  },

  "health, readiness, and what is not there": async () => {
    equal([(await curl("/healthz")).body, (await curl("/readyz")).body], ["ok\n", "ready\n"], "healthy and ready");
    equal((await curl("/v1/nowhere", ...tv)).json().code, "not_found", "a route that is not there");
    const wrong = await curl("/v1/stream", ...tv, "-X", "DELETE");
    equal([wrong.status, wrong.headers.allow.includes("GET")], [405, true], "a method that is not there");
  },

  "OPTIONS is answered on every route, and names the origins that are allowed": async () => {
    for (const route of ["/v1/stream", "/v1/publish", "/v1/messages", "/v1/rooms/quakes/events", "/healthz"]) {
      const ask = (origin) => curl(route, "-X", "OPTIONS", "-H", `Origin: ${origin}`, "-H", "Access-Control-Request-Method: GET", "-H", "Access-Control-Request-Headers: x-api-key");
      const yes = await ask("https://app.example");
      equal([yes.status, yes.headers["access-control-allow-origin"]], [204, "https://app.example"], route);
      equal((await ask("https://other.example")).headers["access-control-allow-origin"], undefined, `${route} for another origin`);
    }
  },

  "a wrong credential is 401 on every route, and no second one is tried": async () => {
    for (const [route, ...args] of [
      ["/v1/stream"], ["/v1/stream", "-H", "Accept: text/event-stream"], ["/v1/rooms/quakes/events"],
      ["/v1/publish", "-d", "{}"], ["/v1/messages?stream=x", "-d", "{}"], ["/v1/rooms/quakes/events", "-d", "{}"],
    ]) {
      const joined = `${route}${route.includes("?") ? "&" : "?"}access_token=${keys.backend}`;
      const answer = await curl(joined, "-H", "X-API-Key: wrong", ...args);
      equal([answer.status, answer.json().code, answer.headers["www-authenticate"]], [401, "unauthorized", "Bearer"], route);
      check(!answer.body.includes("wrong") && !answer.body.includes(keys.backend), "no credential is repeated");
    }
  },

  "a stop says bye and breaks the stream off, so that every client comes back": async () => {
    const sse = stream("/v1/stream?room=quakes", ...tv);
    await sse.next("welcome");
    equal(await gateway.down(), 0, "an orderly end");
    equal((await sse.next("bye")).event, "bye", "bye");
    // 18: the transfer ended before its last chunk.
    equal(await within(sse.ended, 5_000, "the end"), 18, "curl's verdict");
    await gateway.up();
    await until(async () => (await curl("/readyz")).status === 200, "it is ready again");
  },
});
