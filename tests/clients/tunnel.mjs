// Chromium's WebSocket on a stream of the HTTP/2 connection that its page came over (RFC 8441).
import { certificate } from "./certificate.mjs";
import { chromium } from "./browser.mjs";
import { Gateway, equal, keys, suite, until } from "./harness.mjs";

const { cert, key } = certificate();
process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
const gateway = await Gateway.start({ GATECAST__TLS__CERT: cert, GATECAST__TLS__KEY: key });
const browser = await chromium("--ignore-certificate-errors");
const page = await browser.newPage();
await page.goto(`${gateway.http}/v1/openapi.json`);

/** The open WebSockets that a version of HTTP carries. */
async function open(version) {
  const response = await fetch(`${gateway.http}/metrics`, { headers: { "X-API-Key": keys.operator } });
  const line = (await response.text()).split("\n").find((one) => one.startsWith(`gatecast_streams{transport="websocket",dialect="native",http="${version}"}`));
  return Number(line.split(" ")[1]);
}

await suite("tunnel", {
  "a WebSocket shares the connection of its page, and takes what is compressed": async () => {
    await page.evaluate((url, key) => {
      self.heard = [];
      self.socket = new WebSocket(url, ["gatecast.v1", `bearer.${key}`]);
      socket.onmessage = ({ data }) => heard.push(JSON.parse(data));
      socket.onclose = ({ code }) => heard.push({ type: "close", code });
    }, `${gateway.ws}/v1/stream?room=quakes`, keys.tv);
    const heard = () => page.evaluate(() => heard);

    await until(async () => (await heard()).length > 0, "the welcome");
    equal([await open("2"), await open("1.1")], [1, 0], "WebSockets over HTTP/2, and over HTTP/1.1");
    equal(await page.evaluate(() => socket.extensions), "permessage-deflate; server_no_context_takeover; client_no_context_takeover", "what was agreed on");
    const long = "long ".repeat(2000);
    const id = await gateway.publish("quakes", "quake", { place: long });
    await until(async () => (await heard()).length > 1, "the event");
    const [welcome, event] = await heard();
    equal([welcome.type, event.id, event.data.place === long], ["welcome", id, true], "what came");
  },

  "a stop closes it with the code that says come back": async () => {
    equal(await gateway.down(), 0, "the exit code");
    await until(() => page.evaluate(() => heard.at(-1).type === "close"), "the close");
    equal(await page.evaluate(() => heard.slice(-2)), [{ type: "bye", code: "draining", reconnect: true, retry_after_ms: await page.evaluate(() => heard.at(-2).retry_after_ms) }, { type: "close", code: 3001 }], "the end");
  },
});
await browser.close();
