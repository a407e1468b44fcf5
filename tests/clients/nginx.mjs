// nginx in front of the gateway, with the snippet of proto-docs/behind-a-proxy.md and otherwise as it comes: it buffers.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Gateway, check, equal, keys, suite, within } from "./harness.mjs";
import { curlOf } from "./curl_client.mjs";
import { IDLE, checks, heard, quietFor, trusting, websocket } from "./proxies/checks.mjs";
import { chromiumChecks } from "./proxies/in_chromium.mjs";
import { adapted, snippets } from "./proxies/page.mjs";
import { freePort, home, run } from "./proxies/proxy.mjs";
import { waysThrough } from "./proxies/ways.mjs";

const [site, path, socket] = snippets("nginx");

/** An nginx of the page's lines, in front of what `upstream` names; it listens on each of its ports. */
async function nginx(upstream) {
  const directory = home();
  const [clear, tls, bare] = [await freePort(), await freePort(), await freePort()];
  const server = adapted(
    site,
    ["    server 127.0.0.1:8080;\n", upstream],
    ["listen 443 ssl http2;", `listen 127.0.0.1:${tls} ssl http2; listen 127.0.0.1:${clear};`],
    ["/etc/ssl/live.example", `${directory}/pair`],
    ["/var/log/nginx/", `${directory}/`],
    ["    location @away", `${path}\n    location @away`],
  );
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${directory}/${kind};`);
  // Limits that a test can wait for, a gzip that takes whatever it is given, and a server that knows nothing of us.
  const configuration = `
daemon off;
pid ${directory}/pid;
events { worker_connections 512; }
http {
  ${temporary.join("\n  ")}
  proxy_read_timeout ${IDLE}ms; proxy_send_timeout ${IDLE}ms; send_timeout ${IDLE}ms;
  gzip on; gzip_types *;
  ${server}
  server { listen 127.0.0.1:${bare}; access_log off; location / { proxy_pass http://gatecast; } }
}`;
  const args = ["-p", directory, "-c", "proxy.conf", "-e", `${directory}/error.log`];
  const proxy = await run(directory, configuration, "/usr/sbin/nginx", args, [clear, tls, bare]);
  const log = () => ["gatecast.log", "gatecast.error.log", "error.log"].map(proxy.log).join("");
  return { bare, ways: waysThrough({ clear, tls, directory, log, cut: 92, nothing: 92 }) };
}

const gateway = await Gateway.start({ GATECAST__ROLES__WALL__LIMITS__MESSAGES: "1/s", ...trusting });
const { bare, ways } = await nginx(`    server ${gateway.listen};\n`);

const tv = ["-H", `X-API-Key: ${keys.tv}`];
const unaware = curlOf(() => `http://127.0.0.1:${bare}`);

/** nginx as it comes: HTTP/1.0 to the gateway, no Upgrade. */
const defaults = {
  "with nothing but proxy_pass: events come at once, and heartbeats carry the stream": async () => {
    const sse = unaware.stream("/v1/stream?room=quakes", ...tv);
    await sse.next("welcome");
    await quietFor(IDLE, sse);
    await heard(gateway, sse.next);
    sse.stop();
  },

  "with nothing but proxy_pass: a WebSocket is answered as a poll": async () => {
    const upgrade = ["-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="];
    const answer = await unaware.run("/v1/stream?room=quakes", ...tv, ...upgrade);
    equal([answer.status, Object.keys(answer.json())[0]], [200, "cursor"], "the answer");
  },

  "with nothing but proxy_pass: the end of a stream looks clean, after its bye": async () => {
    const sse = unaware.stream("/v1/stream?room=quakes", ...tv);
    await sse.next("welcome");
    await gateway.down();
    check((await sse.next("bye")).json.reconnect, "bye says to come back");
    equal(await within(sse.ended, 5_000, "the end"), 0, "curl's verdict");
    await gateway.up();
  },
};

/** A gateway that the proxy reaches without a port. */
const local = {
  "over a Unix socket: events come at once, and WebSockets open": async () => {
    const at = join(mkdtempSync(join(tmpdir(), "gatecast-socket-")), "gatecast.sock");
    chmodSync(dirname(at), 0o755);
    const beside = await Gateway.start({ GATECAST__LISTEN: JSON.stringify(["127.0.0.1:0", `unix:${at}`]) });
    chmodSync(at, 0o666);
    const { ways: [way] } = await nginx(adapted(socket, ["/run/gatecast.sock", at]));
    const sse = curlOf(() => way.origin).stream("/v1/stream?room=quakes", ...tv);
    await sse.next("welcome");
    await heard(beside, sse.next);
    const client = await websocket(way, "room=quakes");
    await heard(beside, client.next);
    client.socket.close();
    sse.stop();
    rmSync(dirname(at), { recursive: true });
  },
};

await suite("nginx", Object.assign({}, ...ways.map((way) => checks(gateway, way)), chromiumChecks(gateway, ways[2]), defaults, local));
