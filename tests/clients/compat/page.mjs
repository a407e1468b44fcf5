// The tables of proto-docs/clients.md.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { here } from "../harness.mjs";
import { table } from "../made.mjs";
import { clients, scenarios } from "./clients.mjs";

const names = { clear: "HTTP/1.1", tls: "HTTP/1.1 with TLS", h2: "HTTP/2" };

/** The pinned versions of npm's and Python's packages. */
function versions() {
  const { packages } = JSON.parse(readFileSync(join(here, "package-lock.json"), "utf8"));
  const npm = Object.entries(packages).map(([path, { version }]) => [path.replace(/^node_modules\//, ""), version]);
  const python = readFileSync(join(here, "requirements.txt"), "utf8").matchAll(/^([\w-]+)==(\S+)$/gm);
  return { node: Object.fromEntries(npm), chromium: Object.fromEntries(npm), python: Object.fromEntries([...python].map(([, name, version]) => [name, version])) };
}

function takers(runs) {
  const known = versions();
  return table(["client", "version", "transport", "who opens the next stream", "cursor in", "bears silence for"], clients.map((client) => [
    client.name,
    client.package ? known[client.host][client.package] : "the system's",
    { sse: "SSE", websocket: "WebSocket", "long-poll": "long-poll" }[client.transport],
    client.returns === "library" ? "the client itself" : "its program",
    runs[0].results.find(({ program }) => program === client.program).cursors.map((name) => `\`${name}\``).join(", "),
    client.silence ? "6 s, as its program says" : "no limit set",
  ]));
}

/** One row a client and set of wires over which it did the same. */
function cells(runs) {
  const rows = clients.flatMap((client) => {
    const same = new Map();
    for (const { wire, results } of runs) {
      const found = results.find(({ program }) => program === client.program);
      if (!found) continue;
      const words = Object.keys(scenarios).map((scenario) => found.cells[scenario]);
      const key = words.join("|");
      same.set(key, { words, over: [...(same.get(key)?.over ?? []), names[wire]] });
    }
    return [...same.values()].map(({ words, over }) => [client.name, over.join(", "), ...words]);
  });
  return table(["client", "over", ...Object.values(scenarios)], rows);
}

const streams = (runs) => table(["a page with 8 `EventSource`s", "open at once"], runs.map(({ wire, streams }) => [names[wire], streams]));

const first = (command, args) => execFileSync(command, args, { encoding: "utf8" }).split("\n")[0].trim();

/** What the machine brought along, which no table is compared by. */
const system = ([{ chromium }]) =>
  `Last written with ${chromium.replace("/", " ").replace("Headless", "")}, Node ${process.version}, ${first("python3", ["--version"])} and ${first("curl", ["--version"]).split(" (")[0]}.\n`;

export const tables = (runs) => `\n${takers(runs)}\n${cells(runs)}\n${streams(runs)}\n${system(runs)}\n`;
