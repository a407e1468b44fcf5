// HAProxy in front of the gateway, with the snippet of proto-docs/behind-a-proxy.md.
import { Gateway, suite } from "./harness.mjs";
import { IDLE, checks } from "./proxies/checks.mjs";
import { chromiumChecks } from "./proxies/in_chromium.mjs";
import { adapted, snippets } from "./proxies/page.mjs";
import { freePort, home, run } from "./proxies/proxy.mjs";
import { waysThrough } from "./proxies/ways.mjs";

const gateway = await Gateway.start({ GATECAST__ROLES__WALL__LIMITS__MESSAGES: "1/s" });
const directory = home();
const [clear, tls] = [await freePort(), await freePort()];
const [site, path] = snippets("haproxy");
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

await suite("haproxy", Object.assign({}, ...ways.map((way) => checks(gateway, way)), chromiumChecks(gateway, ways[2])));
