// Chromium's own EventSource, which can set no header: with a session cookie, and with a signed URL.
import { createServer } from "node:http";
import { certificate } from "./certificate.mjs";
import { chromium } from "./browser.mjs";
import { Gateway, check, equal, keys, suite, until } from "./harness.mjs";

const { cert, key } = certificate();
process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
const gateway = await Gateway.start({ GATECAST__TLS__CERT: cert, GATECAST__TLS__KEY: key });
const browser = await chromium("--ignore-certificate-errors");

/** A page of another site: to a browser `localhost` and `127.0.0.1` are two. */
const foreign = createServer((request, response) => response.end("another site"));
await new Promise((resolve) => foreign.listen(0, "localhost", resolve));

/** A page of the gateway's own origin, which logs in. */
async function own() {
  const page = await browser.newPage();
  await page.goto(`${gateway.http}/v1/openapi.json`);
  return page;
}

const swap = (page, body = {}) => page.evaluate(async (key, body) => {
  const response = await fetch("/v1/session", { method: "POST", headers: { "X-API-Key": key }, body: JSON.stringify(body) });
  return response.json();
}, keys.tv, body);

/** What an EventSource hears, with what it shows of its own state. */
const listen = (page, url) => page.evaluate((url) => {
  self.heard ??= [];
  const source = new EventSource(url);
  for (const name of ["welcome", "quake", "token_expiring", "session_expired"])
    source.addEventListener(name, ({ data, lastEventId }) => heard.push({ name, id: lastEventId, data: JSON.parse(data) }));
  source.onerror = () => heard.push({ name: "error", state: source.readyState });
  self.source = source;
}, url);
const heard = (page, name) => page.evaluate((name) => heard.filter((one) => one.name === name), name);
const hears = (page, name, count = 1) => until(async () => (await heard(page, name)).length >= count, `${count} × ${name}`);

await suite("session", {
  "a page that has logged in has an EventSource without a header, a query or a script that could read its cookie": async () => {
    const page = await own();
    const session = await swap(page);
    equal([session.principal, session.role, session.expires_in_ms], ["tv", "display", 12 * 3600 * 1000], "the session");
    const [cookie] = await page.cookies();
    equal([cookie.name, cookie.httpOnly, cookie.secure, cookie.sameSite, cookie.path], ["__Host-gatecast_session", true, true, "Strict", "/"], "the cookie");
    equal(await page.evaluate(() => document.cookie), "", "what scripts see");
    await listen(page, "/v1/stream?room=quakes");
    await hears(page, "welcome");
    equal((await heard(page, "welcome"))[0].data.principal, "tv", "who it is");
    const id = await gateway.publish("quakes", "quake", { n: 1 });
    await hears(page, "quake");
    equal((await heard(page, "quake"))[0].id, id, "the event");
    // A WebSocket of the same page, and what only reads.
    const code = await page.evaluate(() => new Promise((resolve) => {
      const socket = new WebSocket(`wss://${location.host}/v1/stream?room=quakes`);
      socket.onmessage = ({ data }) => { resolve(JSON.parse(data).type); socket.close(); };
      socket.onclose = ({ code }) => resolve(code);
    }));
    equal(code, "welcome", "a WebSocket with the cookie");
    equal(await page.evaluate(() => fetch("/v1/rooms/quakes/events").then(({ status }) => status)), 200, "history");
    // Renewed by the cookie itself, and forgotten.
    equal(await page.evaluate(() => fetch("/v1/session", { method: "POST" }).then(({ status }) => status)), 200, "renewed");
    equal(await page.evaluate(() => fetch("/v1/session", { method: "DELETE" }).then(({ status }) => status)), 204, "forgotten");
    equal(await page.cookies(), [], "cookies");
    equal(await page.evaluate(() => fetch("/v1/rooms/quakes/events").then(({ status }) => status)), 401, "history without");
    await page.close();
  },

  "a page of another site gets nothing done with the cookie": async () => {
    const page = await own();
    await swap(page);
    const evil = await browser.newPage();
    await evil.goto(`http://localhost:${foreign.address().port}/`);
    const tried = await evil.evaluate(async (gate) => {
      const ask = (path, more) => fetch(gate + path, { credentials: "include", ...more }).then(({ status, type }) => `${status} ${type}`, () => "failed");
      return [
        await ask("/v1/rooms/quakes/events"),
        await ask("/v1/session", { method: "DELETE" }),
        await ask("/v1/session", { method: "POST", mode: "no-cors" }),
        await new Promise((resolve) => { const socket = new WebSocket(gate.replace("https", "wss") + "/v1/stream?room=quakes"); socket.onopen = () => resolve("open"); socket.onerror = () => resolve("failed"); }),
      ];
    }, gateway.http);
    equal(tried, ["failed", "failed", "0 opaque", "failed"], "what it tried");
    equal((await page.cookies()).length, 1, "the session is still there");
    equal(await page.evaluate(() => fetch("/v1/rooms/quakes/events").then(({ status }) => status)), 200, "and good");
    await evil.close();
    await page.evaluate(() => fetch("/v1/session", { method: "DELETE" }));
    await page.close();
  },

  "a signed URL is handed on by its stream, and nothing is lost or doubled on the way": async () => {
    const page = await own();
    const { url, expires_in_ms } = await swap(page, { url: true, rooms: ["quakes"], ttl_ms: 4000 });
    equal(expires_in_ms, 4000, "its life");
    equal(await page.cookies(), [], "no cookie is set");
    await listen(page, url);
    await page.evaluate(() => {
      const follow = (source) => source.addEventListener("token_expiring", ({ data }) => {
        const { url } = JSON.parse(data);
        const last = heard.filter(({ id }) => id).at(-1).id;
        source.close();
        const next = new EventSource(`${url}&since=${last}`);
        for (const name of ["welcome", "quake"])
          next.addEventListener(name, ({ data, lastEventId }) => heard.push({ name, id: lastEventId, data: JSON.parse(data) }));
        follow(next);
      });
      follow(source);
    });
    await hears(page, "welcome");
    let sent = 0;
    // Twice over: every URL is good for 4 s, and handed on after two.
    while ((await heard(page, "welcome")).length < 4) {
      await gateway.publish("quakes", "quake", { n: ++sent });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await hears(page, "quake", sent);
    equal((await heard(page, "quake")).map(({ data }) => data.data.n), Array.from({ length: sent }, (_, n) => n + 1), "what came");
    equal(await heard(page, "error"), [], "breaks");
    check(sent > 60, "for several seconds");
    await page.close();
  },

  "a signed URL that has ended ends its EventSource for good, and a new one goes on": async () => {
    const page = await own();
    const { url } = await swap(page, { url: true, rooms: ["quakes"], ttl_ms: 1500 });
    await listen(page, url);
    await hears(page, "session_expired");
    await until(async () => (await heard(page, "error")).some(({ state }) => state === 2), "the browser gives up");
    const last = (await page.evaluate(() => heard.filter(({ id }) => id).at(-1).id));
    const missed = await gateway.publish("quakes", "quake", { n: "missed" });
    const fresh = await swap(page, { url: true, rooms: ["quakes"] });
    await listen(page, `${fresh.url}&since=${last}`);
    await hears(page, "quake");
    equal((await heard(page, "quake"))[0].id, missed, "what it missed");
    await page.close();
  },
});
foreign.close();
