// The examples do what they say, each against a gateway that restarts under it.
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "./browser.mjs";
import { Gateway, Inbox, check, equal, here, keys, root, suite, until, within } from "./harness.mjs";

const example = (name) => join(root, "examples", name);
const scratch = mkdtempSync(join(tmpdir(), "gatecast-examples-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

/** Any web server, for the page. */
const pages = createServer((_, response) => {
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  response.end(readFileSync(example("eventsource.html")));
});
await new Promise((resolve) => pages.listen(0, "127.0.0.1", resolve));
const site = `http://127.0.0.1:${pages.address().port}`;
const gateway = await Gateway.start({ GATECAST__CORS__ORIGINS: JSON.stringify([site]) });

const running = [];
process.on("exit", () => running.forEach((kill) => kill("SIGKILL")));

/** A program that runs until it is stopped: the lines that it writes, and what it complains of. */
function program(command, args, environment) {
  const child = spawn(command, args, { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const [lines, complaints] = [new Inbox(), new Inbox()];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  createInterface({ input: child.stderr }).on("line", (line) => complaints.push(line));
  const ended = new Promise((resolve) => child.on("close", resolve));
  // With whatever it has started in turn.
  const kill = (signal) => { try { process.kill(-child.pid, signal); } catch { /* it has ended */ } };
  const stop = async () => { kill("SIGTERM"); await ended; };
  running.push(kill);
  return { kill, next: (what) => lines.next(what, 20_000), complaint: (what) => complaints.next(what, 20_000), ended, stop };
}

/** Publishes until it is heard: a client that has just started takes its place in its own time. */
async function joined(client, line) {
  let heard;
  const first = client.next("the first event").then((found) => (heard = found));
  while (!heard) {
    await gateway.publish("quakes", "hello", 0);
    await Promise.race([first, new Promise((resolve) => setTimeout(resolve, 200))]);
  }
  await gateway.publish("quakes", "checkin", 1);
  for (;;) if ((await client.next("the event")).includes(line)) return;
}

const curl = (...args) => program("bash", [example("curl.sh"), ...args], { GATEWAY: gateway.http, KEY: keys.tv });

/** `ws` beside the example, as npm puts it there. */
function websocket(query, key = keys.tv) {
  const directory = join(scratch, "node");
  mkdirSync(directory, { recursive: true });
  copyFileSync(example("websocket.mjs"), join(directory, "websocket.mjs"));
  try { symlinkSync(join(here, "node_modules"), join(directory, "node_modules")); } catch { /* from the test before */ }
  return program(process.execPath, [join(directory, "websocket.mjs"), `${gateway.ws}/v1/stream?${query}`], { KEY: key });
}

const poll = (room, file, key = keys.tv) => program("python3", [example("poll.py"), gateway.http, room, file], { KEY: key });

await suite("examples", {
  "curl.sh publishes, follows, and goes on where it stopped": async () => {
    const file = join(scratch, "quakes.cursor");
    const first = curl("follow", "quakes", file);
    await joined(first, '"data":1');
    await until(() => readFileSync(file, "utf8"), "the cursor is kept");
    await first.stop();
    const environment = { ...process.env, GATEWAY: gateway.http, KEY: keys.backend };
    const published = execFileSync("bash", [example("curl.sh"), "publish", "quakes", "checkin", '{"unit": 7}'], { env: environment, encoding: "utf8" });
    const { id } = JSON.parse(published);
    const again = curl("follow", "quakes", file);
    const [name, envelope] = (await again.next("what was missed")).split(/ (.*)/);
    equal([name, JSON.parse(envelope).id, JSON.parse(envelope).data], ["checkin", id, { unit: 7 }], "what was missed");
    await gateway.restart();
    equal(await again.complaint("the end"), "the stream ended (curl says 18)", "the end");
    check(/^missing: .*"reason":"epoch"/.test(await again.complaint("the gap")), "the gap of a restart");
    await joined(again, '"data":1');
    await again.stop();
  },

  "curl.sh ends when it is refused": async () => {
    const refused = curl("follow", "secret");
    equal(await within(refused.ended, 10_000, "the end"), 1, "its exit code");
    check(/^refused: .*"code":"forbidden"/.test(await refused.complaint("why")), "why");
  },

  "websocket.mjs comes back after a restart, tells the gap, and hears again": async () => {
    const client = websocket("room=quakes");
    await joined(client, "quakes checkin 1");
    await gateway.restart();
    equal(await client.next("the gap"), "quakes gap epoch", "the gap of a restart");
    await joined(client, "quakes checkin 1");
    await client.stop();
  },

  "websocket.mjs ends when it is to stay away": async () => {
    const refused = websocket("room=secret");
    check((await refused.complaint("why")).startsWith("forbidden:"), "why");
    equal(await within(refused.ended, 10_000, "the end"), 1, "its exit code");
  },

  "poll.py goes on where it stopped, and tells the gap of a restart": async () => {
    const file = join(scratch, "poll.cursor");
    const first = poll("quakes", file);
    await joined(first, "quakes checkin 1");
    await until(() => readFileSync(file, "utf8"), "the cursor is kept");
    await first.stop();
    await gateway.publish("quakes", "missed", { unit: 7 });
    const again = poll("quakes", file);
    // The event that it was stopped over may come again, and no other.
    const line = await again.next("what was missed");
    equal(line === "quakes checkin 1" ? await again.next("what was missed") : line, 'quakes missed {"unit": 7}', "what was missed");
    await gateway.restart();
    equal(await again.next("the gap"), "quakes gap epoch", "the gap of a restart");
    await joined(again, "quakes checkin 1");
    await again.stop();
    const refused = poll("secret", join(scratch, "never.cursor"));
    check((await refused.complaint("why")).startsWith("403: "), "why");
    equal(await within(refused.ended, 10_000, "the end"), 1, "its exit code");
  },

  "eventsource.html shows events, comes back after a restart, and tells the gap": async () => {
    const browser = await chromium();
    const page = await browser.newPage();
    await page.goto(`${site}/#gateway=${encodeURIComponent(gateway.http)}&room=quakes&key=${keys.tv}`);
    const shows = (text) => until(() => page.$eval("#events", (list, text) => list.textContent.includes(text), text), `the page shows ${text}`);
    const published = async (data) => {
      await until(async () => { await gateway.publish("quakes", "checkin", data); return page.$eval("#events", (list, text) => list.textContent.includes(text), JSON.stringify(data)); }, "the page has heard");
    };
    await published({ unit: 1 });
    await gateway.restart();
    await shows("missing in quakes: epoch");
    await published({ unit: 2 });
    await browser.close();
  },

  "embed.rs: a gateway in a program, with its own events and its own route": async () => {
    const embedded = program(join(root, "target", "debug", "examples", "embed"), [], { GATECAST__LISTEN: "127.0.0.1:0" });
    const [, http] = /^listening on (http:\/\/\S+)$/.exec(await embedded.next("the address"));
    const { cursor } = await (await fetch(`${http}/v1/stream`)).json();
    const held = fetch(`${http}/v1/stream?room=orders&since=${cursor}`);
    const ordered = await fetch(`${http}/orders`, { method: "POST", body: '{"item": "tea"}' });
    equal(ordered.status, 201, "its own route");
    const id = (await ordered.text()).trim();
    const { events } = await (await held).json();
    equal(events.map((event) => [event.id, event.room, event.event, event.data]), [[id, "orders", "order", { item: "tea" }]], "the order as an event");
    const ticks = await (await fetch(`${http}/v1/stream?room=clock&since=${cursor}`)).json();
    equal(ticks.events[0]?.event, "tick", "its own events");
    equal((await fetch(`${http}/nowhere`)).status, 404, "a path of neither");
    equal((await (await fetch(`${http}/v1/nowhere`)).json()).code, "not_found", "a path of the gateway's");
    equal((await fetch(`${http}/v1/rooms/orders/events`, { method: "POST", body: '{"event": "order"}' })).status, 403, "readers publish nothing");
    const pending = fetch(`${http}/v1/stream?room=orders&since=${id}`).then((answer) => answer.status);
    await new Promise((resolve) => setTimeout(resolve, 100));
    embedded.kill("SIGINT");
    equal([await within(embedded.ended, 15_000, "the end"), await pending], [0, 200], "an orderly end");
  },
});
