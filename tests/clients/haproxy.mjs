// HAProxy in front of the gateway, with the snippet of proto-docs/behind-a-proxy.md.
import { Gateway, equal, keys, suite, until } from "./harness.mjs";
import { IDLE, checks, trusting } from "./proxies/checks.mjs";
import { curlOf } from "./curl_client.mjs";
import { chromiumChecks } from "./proxies/in_chromium.mjs";
import { adapted, snippets } from "./proxies/page.mjs";
import { freePort, home, run } from "./proxies/proxy.mjs";
import { waysThrough } from "./proxies/ways.mjs";

const gateway = await Gateway.start({ GATECAST__ROLES__WALL__LIMITS__MESSAGES: "1/s", ...trusting });
const directory = home();
const [clear, tls] = [await freePort(), await freePort()];
const [site, path, bytes] = snippets("haproxy");
// Limits that a test can wait for, and a compression that takes whatever it is given.
const compression = "    compression algo gzip\n    compression type application/json text/event-stream\n";
const configuration = adapted(
  site,
  ["127.0.0.1:8080", gateway.listen],
  ["    bind :443 ", `    bind 127.0.0.1:${clear}\n    bind 127.0.0.1:${tls} `],
  ["/etc/ssl/live.example.pem", `${directory}/pair.pem`],
  ["log /dev/log local0", "log stdout format raw local0"],
  ["timeout client 60s", `timeout client ${IDLE}ms`],
  ["timeout server 60s", `timeout server ${IDLE}ms`],
  ["    option httpchk", `${path}${compression}    option httpchk`],
);
const haproxy = await run(directory, configuration, "/usr/sbin/haproxy", ["-db", "-f", "proxy.conf"], [clear, tls]);
// HAProxy 2.6 ends an HTTP/2 stream in order where the gateway's broke off.
const ways = waysThrough({ clear, tls, directory, log: haproxy.output, cut: 0, nothing: 18 });

/** A gateway behind a HAProxy that passes bytes on, and says first whose they are. */
const announced = Object.fromEntries(["send-proxy", "send-proxy-v2"].map((version) => [
  `${version}: the gateway knows its client's address and port`,
  async () => {
    const [port, told] = [await freePort(), await freePort()];
    const at = `127.0.0.1:${told}`;
    const listen = { GATECAST__LISTEN: JSON.stringify(["127.0.0.1:0", at]), GATECAST__SERVER__PROXY_PROTOCOL: at };
    const behind = await Gateway.start({ ...trusting, ...listen });
    const passes = adapted(bytes, ["bind :8443", `bind 127.0.0.1:${port}`], ["127.0.0.1:8081", at], ["send-proxy-v2", version]);
    const proxy = await run(home(), passes, "/usr/sbin/haproxy", ["-db", "-f", "proxy.conf"], [port]);
    const through = curlOf(() => `http://127.0.0.1:${port}`, "-4", "--interface", "127.0.0.9", "--local-port", "40000-50000");
    await through.run("/v1/negotiate");
    const [, peer] = await until(() => /refused .*peer=(\S+) /.exec(behind.process.complaints()), "the log says who");
    equal(peer.split(":")[0], "127.0.0.9", "the client");
    equal(Math.floor(Number(peer.split(":")[1]) / 10_000), 4, "its port");
    const sse = through.stream("/v1/stream?room=quakes", "-H", `X-API-Key: ${keys.tv}`);
    await sse.next("welcome");
    const id = await behind.publish("quakes", "quake", { mag: 1 });
    equal((await sse.next("the event")).id, id, "and serves it");
    sse.stop();
    await proxy.stop();
  },
]));

await suite("haproxy", Object.assign(announced, ...ways.map((way) => checks(gateway, way)), chromiumChecks(gateway, ways[2])));
