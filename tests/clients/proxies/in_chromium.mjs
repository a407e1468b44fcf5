// A page of the gateway's own origin, in Chromium, behind a proxy that ends TLS and speaks HTTP/2.
import { chromium } from "../browser.mjs";
import { equal, keys, until } from "../harness.mjs";

/** Runs in the page: an EventSource, a WebSocket, and what they have heard. */
function listen(key) {
  const query = `room=quakes&access_token=${key}`;
  const seen = { sse: [], websocket: [], errors: 0, gaps: [], welcomes: 0 };
  const source = new EventSource(`/v1/stream?${query}`);
  source.addEventListener("welcome", () => (seen.welcomes += 1));
  source.addEventListener("quake", (event) => seen.sse.push(event.lastEventId));
  source.addEventListener("gap", (event) => seen.gaps.push(JSON.parse(event.data).reason));
  source.onerror = () => (seen.errors += 1);
  const socket = new WebSocket(`wss://${location.host}/v1/stream?${query}`, "gatecast.v1");
  socket.onmessage = ({ data }) => { const message = JSON.parse(data); if (message.id) seen.websocket.push(message.id); else seen.open ||= message.type === "welcome"; };
  socket.onclose = ({ code }) => (seen.closed = code);
  window.look = () => ({ ...seen, state: source.readyState });
}

/** The checks of Chromium on `way`. */
export function chromiumChecks(gateway, way) {
  return {
    "Chromium: EventSource and WebSocket hear the same, and a restart ends neither page nor EventSource": async () => {
      const browser = await chromium("--ignore-certificate-errors");
      const page = await browser.newPage();
      await page.goto(`${way.origin}/healthz`);
      await page.evaluate(listen, keys.tv);
      const look = () => page.evaluate(() => window.look());
      await until(async () => { const { welcomes, open } = await look(); return welcomes && open; }, "both are open");
      const protocol = await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol);
      equal(protocol, "h2", "the protocol");
      const ids = await gateway.publishAll("quakes", "quake", [1, 2, 3]);
      await until(async () => { const { sse, websocket } = await look(); return sse.length === 3 && websocket.length === 3; }, "three events");
      const { sse, websocket } = await look();
      equal([sse, websocket], [ids, ids], "the same events");

      await gateway.down();
      // The end of the stream is one, an attempt that met nobody another.
      await until(async () => (await look()).errors >= 2, "EventSource has tried in vain");
      equal((await look()).state, 0, "it goes on trying (CONNECTING)");
      equal((await look()).closed, 3001, "the WebSocket's close code");
      await gateway.up();
      await until(async () => (await look()).welcomes === 2, "EventSource is back");
      const id = await gateway.publish("quakes", "quake", 4);
      await until(async () => (await look()).sse.at(-1) === id, "it hears again");
      equal((await look()).gaps, ["epoch"], "what is missing is said");
      await browser.close();
    },
  };
}
