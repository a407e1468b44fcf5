// The compatibility matrix: what each client does, over each wire, made by doing it.
//
//   node tests/clients/compat/run.mjs            compares with the tables of proto-docs/clients.md
//   node tests/clients/compat/run.mjs --write    writes them
//   node tests/clients/compat/run.mjs h2 curl    only these wires and programs, and no tables
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { here, reap } from "../harness.mjs";
import { clients, scenarios } from "./clients.mjs";
import { compare, tables, write } from "./page.mjs";

const words = process.argv.slice(2).filter((word) => word !== "--write");
const all = ["clear", "tls", "h2"];
const programs = words.filter((word) => !all.includes(word));
const wires = words.length > programs.length ? all.filter((wire) => words.includes(wire)) : all;

/** A certificate of this run, and the environment in which every client trusts it. */
function certificate() {
  const directory = mkdtempSync(join(tmpdir(), "gatecast-compat-tls-"));
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  const [cert, key] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert], { stdio: "pipe" });
  // In the order in which Node, Python and curl are told.
  return { COMPAT_CERT: cert, COMPAT_KEY: key, NODE_EXTRA_CA_CERTS: cert, SSL_CERT_FILE: cert, CURL_CA_BUNDLE: cert };
}

/** Everything over one wire: what wire.mjs says of it. */
function run(wire, environment) {
  const child = reap(spawn(process.execPath, [join(here, "compat", "wire.mjs"), wire, ...programs], {
    env: { ...process.env, ...environment, NODE_NO_WARNINGS: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  }));
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (data) => (output += data));
  return new Promise((resolve, reject) =>
    child.on("close", (code) => (code === 0 ? resolve(JSON.parse(output)) : reject(new Error(`${wire} ended with ${code}`)))));
}

/** Says what came of each client, and gives the number of cells that are not as expected. */
function judge({ wire, results }) {
  let wrong = 0;
  for (const { program, cells } of results) {
    const { name, expected } = clients.find((client) => client.program === program);
    const odd = Object.keys(scenarios).filter((scenario) => cells[scenario] !== expected[scenario]);
    for (const scenario of odd) console.log(`FAILED  compat: ${wire}: ${name}: ${scenario}: “${cells[scenario]}”, and not “${expected[scenario]}”`);
    if (!odd.length) console.log(`ok      compat: ${wire}: ${name}`);
    wrong += odd.length;
  }
  return wrong;
}

const environment = certificate();
let wrong = 0;
const runs = [];
for (const wire of wires) {
  const began = Date.now();
  runs.push(await run(wire, environment));
  wrong += judge(runs.at(-1));
  console.log(`        ${wire}: ${Math.round((Date.now() - began) / 1000)} s`);
}
if (process.argv.includes("--write")) write(tables(runs));
else if (!words.length) wrong += compare(tables(runs));
console.log(`compat: ${wrong ? `${wrong} FAILED` : "all as expected"}`);
process.exit(wrong ? 1 : 0);
