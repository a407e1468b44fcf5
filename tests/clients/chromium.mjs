// Chromium's own EventSource, through the display page: it shows, it comes back, and it says what is missing.
import { createServer as http } from "node:http";
import { createServer as tcp, connect as dial } from "node:net";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "./browser.mjs";
import { Gateway, check, equal, keys, root, start, suite, until, within } from "./harness.mjs";

/** Any web server: the page may live elsewhere than the gateway. */
const pages = http((request, response) => {
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  response.end(readFileSync(join(root, "examples", "display.html")));
});
await new Promise((resolve) => pages.listen(0, "127.0.0.1", resolve));
const site = `http://127.0.0.1:${pages.address().port}`;
const gateway = await Gateway.start({ GATECAST__CORS__ORIGINS: JSON.stringify([site]) });

/** What stands between a TV and the gateway: passes on, hangs up, answers 502, or falls silent. */
const proxy = { mode: "pass", sockets: new Set() };
proxy.server = tcp((client) => {
  if (proxy.mode === "bad gateway") {
    return client.end("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  }
  const upstream = dial(gateway.port, "127.0.0.1");
  const pair = { client, upstream };
  proxy.sockets.add(pair);
  for (const [one, other] of [[client, upstream], [upstream, client]]) {
    one.on("error", () => {});
    one.on("data", (data) => pair.silent || other.write(data));
    one.on("close", () => { proxy.sockets.delete(pair); other.destroy(); });
  }
});
proxy.cut = () => proxy.sockets.forEach(({ client, upstream }) => { client.destroy(); upstream.destroy(); });
proxy.silence = () => proxy.sockets.forEach((pair) => (pair.silent = true));
await new Promise((resolve) => proxy.server.listen(0, "127.0.0.1", resolve));
const through = `http://127.0.0.1:${proxy.server.address().port}`;

const browser = await chromium();

/** A display with its own tab. */
async function display(address) {
  const page = await browser.newPage();
  await page.setViewport({ width: 1920, height: 1080 });
  const faults = [];
  page.on("pageerror", (why) => faults.push(why.message));
  await page.goto(address, { waitUntil: "domcontentloaded" });
  const text = (id) => page.$eval(`#${id}`, (node) => node.textContent);
  const shows = (id, words, ms) => until(async () => (await text(id)).includes(words), `#${id} shows “${words}”`, ms).catch(async (why) => {
    throw new Error(`${why.message}; it shows “${await text(id)}”, ${await text("words")}, ${await text("detail")}`);
  });
  return { page, faults, text, shows, live: () => shows("words", "Live"), count: async () => parseInt(await text("count"), 10) };
}
const watch = (gate = through, key = keys.tv) => display(`${site}/display.html#gateway=${encodeURIComponent(gate)}&key=${key}`);

/** Ends a test's tab after it was seen that no script failed. */
async function done(tv) {
  equal(tv.faults, [], "faults of the page's script");
  await tv.page.close();
}

const quake = (n) => ({ id: `q${n}`, time: 1517450862870 + n, mag: n / 10, place: `place ${n}`, coordinates: [10, 20, 5] });

await suite("chromium", {
  "the page connects, and shows what comes and under which id": async () => {
    const tv = await watch();
    await tv.live();
    const first = await gateway.publish("quakes", "quake", { ...quake(53), place: "Sangiang, Indonesia – Ä" });
    await tv.shows("place", "Sangiang, Indonesia – Ä");
    equal([await tv.text("mag"), await tv.text("id-quakes")], ["5.3", first], "the earthquake");
    const second = await gateway.publish("station", "reading", { time: "2010-01-02T01:00:00", temperature_c: -4.25, pressure_mb: 1016.6, wind: 3.8 });
    await tv.shows("temp", "-4.3 °C");
    equal(await tv.text("id-station"), second, "the reading");
    await tv.shows("detail", "connected since");
    await tv.shows("detail", "heartbeat");
    const [fits, hidden] = await tv.page.evaluate(() => [document.documentElement.scrollHeight <= innerHeight, document.getElementById("gap").className]);
    equal([fits, hidden], [true, ""], "everything fits, and nothing is missing");
    await done(tv);
  },

  "data is shown as text, whatever it holds": async () => {
    const tv = await watch();
    await tv.live();
    const evil = `<img src=x onerror="document.title='forged'"><b>x</b>`;
    await gateway.publish("quakes", "quake", { ...quake(1), place: evil });
    await tv.shows("place", evil);
    for (const odd of [null, 7, "text", [], { mag: "x", place: { a: 1 }, coordinates: "no", time: {} }]) await gateway.publish("quakes", "quake", odd);
    await gateway.publish("station", "reading", null);
    await gateway.publish("quakes", "quake", quake(2));
    await tv.shows("place", "place 2");
    equal(await tv.page.evaluate(() => [document.images.length, document.title]), [0, "gatecast display"], "no element was made of it");
    await done(tv);
  },

  "a connection that breaks is resumed by the browser, without loss or repetition": async () => {
    const tv = await watch();
    await tv.live();
    const last = await gateway.publish("quakes", "quake", quake(10));
    await tv.shows("id-quakes", last);
    const before = await tv.count();
    proxy.cut();
    const missed = await gateway.publishAll("quakes", "quake", [quake(11), quake(12), quake(13)]);
    await tv.shows("id-quakes", missed.at(-1));
    await tv.live();
    equal(await tv.count(), before + 3, "each event once");
    equal(await tv.page.$eval("#gap", (box) => box.className), "", "no gap");
    await done(tv);
  },

  "a proxy's 502 ends EventSource for ever, and the page begins a new one with the last id": async () => {
    const tv = await watch();
    await tv.live();
    const last = await gateway.publish("quakes", "quake", quake(20));
    await tv.shows("id-quakes", last);
    const before = await tv.count();
    proxy.mode = "bad gateway";
    proxy.cut();
    await tv.shows("detail", "next try in");
    await tv.shows("words", "Reconnecting…");
    const missed = await gateway.publishAll("quakes", "quake", [quake(21), quake(22)]);
    proxy.mode = "pass";
    await tv.shows("id-quakes", missed.at(-1));
    await tv.live();
    equal(await tv.count(), before + 2, "each event once");
    await done(tv);
  },

  "a connection that falls silent is replaced when heartbeats stay away": async () => {
    const tv = await watch();
    await tv.live();
    await gateway.publish("quakes", "quake", quake(30));
    await tv.shows("place", "place 30");
    const before = await tv.count();
    proxy.silence();
    const missed = await gateway.publishAll("quakes", "quake", [quake(31), quake(32)]);
    await tv.shows("id-quakes", missed.at(-1));
    equal(await tv.count(), before + 2, "each event once");
    await done(tv);
  },

  "what is no longer held is a gap, in words, with its room": async () => {
    const tv = await watch();
    await tv.live();
    await gateway.publish("station", "reading", { temperature_c: 1 });
    await tv.shows("temp", "1.0");
    proxy.mode = "bad gateway";
    proxy.cut();
    await tv.shows("words", "Reconnecting…");
    await gateway.publishAll("station", "reading", [2, 3, 4, 5, 6, 7, 8].map((temperature_c) => ({ temperature_c })));
    proxy.mode = "pass";
    await tv.shows("gap", "Events of “station” are missing");
    await tv.shows("gap", "no longer held");
    await tv.shows("gap", "(evicted)");
    check(!(await tv.text("gap")).includes("quakes"), "a quiet room has no gap");
    await tv.shows("temp", "8.0");
    await done(tv);
  },

  "the gateway restarts: the page says which history is gone, and is alive again": async () => {
    const tv = await watch(gateway.http);
    await tv.live();
    await gateway.publish("quakes", "quake", quake(40));
    await tv.shows("place", "place 40");
    equal(await gateway.down(), 0, "an orderly end");
    await tv.shows("words", "Reconnecting…");
    await gateway.up();
    await gateway.publish("quakes", "quake", quake(41));
    await tv.shows("gap", "Events of “quakes” are missing");
    await tv.shows("gap", "Events of “station” are missing");
    await tv.shows("gap", "restarted without its history (epoch)");
    await tv.live();
    await tv.shows("place", "place 41");
    const id = await gateway.publish("quakes", "quake", quake(42));
    await tv.shows("id-quakes", id);
    await done(tv);
  },

  "the gateway is killed: the page is alive again as soon as there is a new one": async () => {
    const tv = await watch(gateway.http);
    await tv.live();
    gateway.process.child.kill("SIGKILL");
    await tv.shows("words", "Reconnecting…");
    await gateway.up();
    await tv.live();
    const id = await gateway.publish("quakes", "quake", quake(43));
    await tv.shows("id-quakes", id);
    await done(tv);
  },

  "a wrong key and a missing one are refused in words": async () => {
    const wrong = await watch(gateway.http, "wrong");
    await wrong.shows("words", "Refused");
    const missing = await display(`${site}/display.html#gateway=${encodeURIComponent(gateway.http)}`);
    await missing.shows("words", "#key=YOUR-KEY");
    await done(missing);
    // The right key in the address bar is enough.
    await wrong.page.evaluate((hash) => { location.hash = hash; }, `gateway=${encodeURIComponent(gateway.http)}&key=${keys.tv}`);
    await wrong.live();
    await done(wrong);
  },

  "the demo serves the page under the address that it prints, full from the first moment": async () => {
    const demo = await start(["demo", "--listen", "127.0.0.1:0", "--speed", "5000"], /^ {2}(http:\/\/\S+#key=\S+)$/);
    const tv = await display(demo.match[1]);
    await tv.live();
    await until(async () => (await tv.count()) > 100, "the page shows a day of events");
    const before = await tv.count();
    await until(async () => (await tv.count()) > before + 5, "more come");
    check(/^-?\d+\.\d °C$/.test(await tv.text("temp")), "a temperature");
    check(await tv.page.$$eval("#list li", (rows) => rows.length === 7), "the latest earthquakes");
    if (process.env.SCREENSHOT) await tv.page.screenshot({ path: process.env.SCREENSHOT });
    demo.child.kill("SIGINT");
    equal(await within(demo.ended, 15_000, "the demo to end"), 0, "an orderly end");
    await tv.shows("words", "Reconnecting…");
    await done(tv);
  },
});
