// The compatibility matrix: what each client does, over each wire, made by doing it.
//
//   node tests/clients/compat/run.mjs            compares with the tables of proto-docs/clients.md
//   node tests/clients/compat/run.mjs --write    writes them
//   node tests/clients/compat/run.mjs h2 curl    only these wires and programs, and no tables
import { spawn } from "node:child_process";
import { join } from "node:path";
import { certificate } from "../certificate.mjs";
import { here, reap } from "../harness.mjs";
import { compare, write } from "../made.mjs";
import { clients, scenarios } from "./clients.mjs";
import { tables } from "./page.mjs";

const page = ["clients.md", "tests/clients/compat/run.mjs"];

const words = process.argv.slice(2).filter((word) => word !== "--write");
const all = ["clear", "tls", "h2"];
const programs = words.filter((word) => !all.includes(word));
const wires = words.length > programs.length ? all.filter((wire) => words.includes(wire)) : all;

/** The environment in which the gateway has a certificate that every client trusts. */
function trusted() {
  const { cert, key } = certificate();
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

const environment = trusted();
let wrong = 0;
const runs = [];
for (const wire of wires) {
  const began = Date.now();
  runs.push(await run(wire, environment));
  wrong += judge(runs.at(-1));
  console.log(`        ${wire}: ${Math.round((Date.now() - began) / 1000)} s`);
}
if (process.argv.includes("--write")) write(...page, tables(runs));
else if (!words.length) wrong += compare(...page, tables(runs));
console.log(`compat: ${wrong ? `${wrong} FAILED` : "all as expected"}`);
process.exit(wrong ? 1 : 0);
