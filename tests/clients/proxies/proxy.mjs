// A proxy as a process without rights, in a directory of its own, on free ports of the loopback.
import { execFileSync, spawn } from "node:child_process";
import { chownSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reap, until, within } from "../harness.mjs";

/** Debian's nobody. Who is not root already has no rights. */
const NOBODY = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {};

/** A port that nobody listens on. The proxies cannot be told to take any: the next one to ask might get the same. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => { socket.destroy(); resolve(true); });
    socket.on("error", () => resolve(false));
  });
}

/** A directory for one proxy, with a certificate and key for `localhost` in it: together and apart. */
export function home() {
  const directory = mkdtempSync(join(tmpdir(), "gatecast-proxy-"));
  const pair = (name) => join(directory, `pair.${name}`);
  // Not an authority's, which openssl makes by itself and rustls takes for no server's.
  const kind = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", pair("key")];
  execFileSync("openssl", ["req", "-x509", "-days", "2", "-subj", "/CN=localhost", ...key, ...kind, "-out", pair("pem")], { stdio: "pipe" });
  writeFileSync(pair("pem"), readFileSync(pair("key")), { flag: "a" });
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Runs `command` on `configuration`, which it finds as `proxy.conf`, until it listens on `ports`. */
export async function run(directory, configuration, command, args, ports) {
  writeFileSync(join(directory, "proxy.conf"), configuration);
  if (NOBODY.uid) [directory, ...readdirSync(directory).map((name) => join(directory, name))].forEach((path) => chownSync(path, NOBODY.uid, NOBODY.gid));
  const child = reap(spawn(command, args, { cwd: directory, stdio: ["ignore", "pipe", "pipe"], ...NOBODY }));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (data) => (output += data));
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => resolve(code));
  });
  const up = until(async () => (await Promise.all(ports.map(accepts))).every(Boolean), `${command} listens`);
  const died = ended.then((code) => { throw new Error(`${command} ended with ${code}: ${output}`); });
  died.catch(() => {});
  await Promise.race([up, died]);
  return {
    output: () => output,
    log: (name) => readFileSync(join(directory, name), "utf8"),
    stop: async () => { child.kill("SIGTERM"); await within(ended, 10_000, `${command} to end`); },
  };
}
