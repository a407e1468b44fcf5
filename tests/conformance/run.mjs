// How the gateway stands to the standards: cases of our own for HTTP/1.1, and h2spec for HTTP/2.
//
//   node tests/conformance/run.mjs            compares with the tables of proto-docs/conformance.md
//   node tests/conformance/run.mjs --write    writes them
import { get } from "node:https";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { certificate } from "../clients/certificate.mjs";
import { Gateway, root } from "../clients/harness.mjs";
import { compare, table, write } from "../clients/made.mjs";
import { run as h2spec } from "./h2spec.mjs";
import { run as http1 } from "./http1.mjs";
import { known } from "./known.mjs";

const page = ["conformance.md", "tests/conformance/run.mjs"];
const wires = { clear: "clear text, prior knowledge", tls: "TLS, by ALPN" };

/** A body, from whoever has the certificate. */
const trusting = (ca) => (url) => new Promise((resolve, reject) => {
  get(url, { ca, agent: false }, (response) => {
    let body = "";
    response.setEncoding("utf8").on("data", (data) => (body += data)).on("end", () => resolve(body));
  }).on("error", reject);
});

const plain = (url) => fetch(url).then((response) => response.text());

async function runs() {
  const { cert, key } = certificate();
  const clear = await Gateway.start();
  const tls = await Gateway.start({ GATECAST__TLS__CERT: cert, GATECAST__TLS__KEY: key });
  const found = { http1: await http1(clear.port), clear: await h2spec(clear, plain), tls: await h2spec(tls, trusting(readFileSync(cert))) };
  for (const gateway of [clear, tls]) await gateway.down();
  return found;
}

/** Tells of each case that should not have come out as it did, and gives their number. */
function judge({ http1, ...h2 }) {
  const odd = http1.filter(({ holds }) => !holds).map(({ section, what, answer, allowed }) => `RFC ${section}: ${what}: “${answer}”, and not one of “${allowed.join("”, “")}”`);
  for (const [wire, cases] of Object.entries(h2)) {
    const excused = known[wire] ?? {};
    for (const { id, what, passed } of cases) {
      if (passed === id in excused) odd.push(`h2spec, ${wires[wire]}: ${id}: ${what}: ${passed ? "passed, and is said to fail" : "failed"}`);
    }
  }
  for (const line of odd) console.log(`FAILED  conformance: ${line}`);
  return odd.length;
}

const version = () => /h2spec (v[\d.]+)/.exec(readFileSync(join(root, "tests", "conformance", "go.mod"), "utf8"))[1];
const rfc = (section) => (section.startsWith("9110") ? `RFC ${section.replace(" ", " §")}` : `§${section}`);

function made({ http1, ...h2 }) {
  const totals = Object.entries(h2).map(([wire, cases]) => [wires[wire], cases.length, cases.filter(({ passed }) => passed).length]);
  const failed = Object.entries(h2).flatMap(([wire, cases]) => cases.filter(({ passed }) => !passed).map(({ id, what }) => [`${id}, ${wires[wire]}`, what, known[wire]?.[id] ?? "?"]));
  const rows = http1.map(({ section, what, shown, holds }) => [rfc(section), what, `${shown}${holds ? "" : " (wrong)"}`]);
  return `
h2spec ${version()}, \`h2spec --strict\`, all of its cases (generic, http2, hpack):

${table(["HTTP/2 over", "cases", "passed"], totals)}
${failed.length ? table(["not passed", "what the case does", "why"], failed) : "None has failed.\n"}
HTTP/1.1, ${http1.length} cases, ${http1.filter(({ holds }) => holds).length} as the standard has them:

${table(["RFC 9112", "what is sent", "answer"], rows)}
`;
}

const found = await runs();
let wrong = judge(found);
if (process.argv.includes("--write")) write(...page, made(found));
else wrong += compare(...page, made(found));
console.log(`conformance: ${wrong ? `${wrong} FAILED` : "all as expected"}`);
process.exit(wrong ? 1 : 0);
