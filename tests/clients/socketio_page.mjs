// The library's own bundle in a page of another origin, in Chromium: over polling, over WebSocket, and from the one to the
// other.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "./browser.mjs";
import { Gateway, check, equal, here, keys, signer, suite, until } from "./harness.mjs";
import { WAYS } from "./socketio_client.mjs";

const file = join(here, "socketio.toml");
const ann = signer(file)("--sub", "ann", "--role", "member", "--claim", "org=acme");
const bundle = readFileSync(join(here, "node_modules/socket.io-client/dist/socket.io.min.js"));
const site = createServer((request, response) => {
  const [type, body] = request.url === "/client.js" ? ["text/javascript", bundle] : ["text/html", "<!doctype html><script src=/client.js></script>"];
  response.writeHead(200, { "Content-Type": type }).end(body);
});
await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${site.address().port}`;
const gateway = await Gateway.start({ GATECAST__CORS__ORIGINS: JSON.stringify([origin]) }, file);
const browser = await chromium();

async function publish(room, body) {
  const response = await fetch(`${gateway.http}/v1/rooms/${room}/events`, { method: "POST", headers: { "X-API-Key": keys.backend }, body: JSON.stringify(body) });
  check(response.ok, `a publish: ${response.status}`);
}

/** A page with a client, and all that happens to it. */
async function opened(transports) {
  const page = await browser.newPage();
  const faults = [];
  page.on("pageerror", (why) => faults.push(why.message));
  await page.goto(origin);
  const connect = (url, transports, token) => {
    window.seen = [];
    window.socket = io(url, { transports, auth: { token }, reconnectionDelay: 20, reconnectionDelayMax: 100 });
    socket.on("connect", () => seen.push(["connect"]));
    socket.onAny((...all) => seen.push(all));
  };
  await page.evaluate(connect, gateway.http, transports, ann);
  /** What is the `count`-th of this name. */
  async function has(name, count = 1) {
    const found = async () => (await page.evaluate(() => seen)).filter(([have]) => have === name)[count - 1];
    await until(async () => Boolean(await found()), `${name} in the page`, 20_000);
    return found();
  }
  async function done() {
    equal(faults, [], "faults of the page's scripts");
    await page.close();
  }
  return { page, has, done };
}

/** What holds over each way of being connected. */
const over = ([way, transports]) => ({
  async [`over ${way} a page joins a room, gets its event, and may not emit what its role may not`]() {
    const tab = await opened(transports);
    await tab.has("connect");
    if (way === "upgrade") await until(() => tab.page.evaluate(() => socket.io.engine.transport.name === "websocket"), "the upgrade");
    const joined = await tab.page.evaluate(() => socket.emitWithAck("join_tab", "7"));
    equal(joined, { room: "tab:7" }, "the answer");
    await publish("tab:7", { event: "dish", data: { n: 1 } });
    equal((await tab.has("dish"))[1], { n: 1 }, "the event");
    const refused = await tab.page.evaluate(() => socket.emitWithAck("bytes", new Uint8Array([1, 2, 3])));
    equal(refused.error.code, "forbidden", "what it may not emit");
    await tab.done();
  },
  async [`over ${way} a page comes back after its gateway was gone`]() {
    const tab = await opened(transports);
    await tab.has("connect");
    await gateway.restart();
    await tab.has("connect", 2);
    await tab.done();
  },
});
await suite("socket.io-client in Chromium", Object.assign({}, ...Object.entries(WAYS).map(over)));
