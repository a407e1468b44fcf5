// Autobahn's fuzzing client against a WebSocket that gives every message back: what came of its cases, and those that did
// not come out well, or otherwise than result.json says. Its reports stay in target/autobahn/reports.
//
//   node tests/autobahn/run.mjs                          the gateway of echo.rs
//   node tests/autobahn/run.mjs --write                  the same, and what came of it is written to result.json
//   node tests/autobahn/run.mjs "" '6.*' 7.1.5           some of the cases
//   node tests/autobahn/run.mjs ws://127.0.0.1:8080/     a server that runs already, of which result.json says nothing
import { spawn } from "node:child_process";
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { reap, root, within } from "../clients/harness.mjs";

const target = join(root, "target", "autobahn");
const reports = join(target, "reports");
const [given, ...chosen] = process.argv.slice(2).filter((one) => one !== "--write");
const writes = process.argv.includes("--write");
if (writes && given !== undefined) throw new Error("--write goes with all cases of the gateway, and so with nothing else");
/** What came of each case when it was last written: its verdict, and that on its close. */
const result = join(root, "tests", "autobahn", "result.json");
/** Side by side, because a case costs Autobahn more than it costs a server; each part takes about as long as the other. */
const parts = chosen.length ? [chosen] : [["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*", "12.*"], ["13.*"]];
/** How many cases Autobahn has: fewer that ran are a fault too. */
const all = 517;
/** Autobahn ends a case that hangs by itself, the last ones after eight minutes. */
const patience = 40 * 60_000;

/** The verdicts that are none against a server: some cases only want to see what it does. */
const good = ["OK", "INFORMATIONAL"];

async function echo() {
  const child = reap(spawn(join(root, "target", "debug", "examples", "echo"), { stdio: ["ignore", "pipe", "inherit"] }));
  const said = new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => resolve(/^listening on (\S+)$/.exec(line)[1]));
    child.on("error", reject);
  });
  return within(said, 10_000, "the echo server to listen");
}

/** Runs the cases of one part; what came of each, by its id. */
async function run(url, cases, number) {
  const directory = join(reports, String(number));
  mkdirSync(directory, { recursive: true });
  const spec = join(directory, "spec.json");
  writeFileSync(spec, JSON.stringify({ outdir: directory, servers: [{ agent: "server", url }], cases, "exclude-cases": [], "exclude-agent-cases": {} }));
  const log = openSync(join(directory, "log"), "w");
  const wstest = join(target, "site", "bin", "wstest");
  const child = reap(spawn(join(target, "python"), [wstest, "-m", "fuzzingclient", "-s", spec], { stdio: ["ignore", log, log] }));
  const ended = new Promise((resolve, reject) => child.on("exit", resolve).on("error", reject));
  await within(ended, patience, `Autobahn to end; its log is in ${directory}`);
  const found = JSON.parse(readFileSync(join(directory, "index.json"), "utf8")).server ?? {};
  return Object.entries(found).map(([id, { behavior, behaviorClose, reportfile }]) => ({ id, behavior, behaviorClose, report: join(directory, reportfile) }));
}

const order = ({ id }) => [...id.split("."), 0].slice(0, 3).reduce((sum, part) => sum * 1000 + Number(part), 0);

const section = ({ id }) => Number(id.split(".")[0]);

function tell(cases) {
  const odd = cases.filter(({ behavior, behaviorClose }) => !good.includes(behavior) || !good.includes(behaviorClose));
  for (const { id, behavior, behaviorClose, report } of odd.sort((a, b) => order(a) - order(b))) {
    const { description, result, resultClose } = JSON.parse(readFileSync(report, "utf8"));
    console.log(`FAILED  autobahn: ${id}: ${behavior}, its close ${behaviorClose}\n  ${description}\n  ${result}\n  ${resultClose}`);
  }
  for (const group of [...new Set(cases.map(section))].sort((a, b) => a - b)) {
    const members = cases.filter((one) => section(one) === group);
    const count = (verdict) => members.filter(({ behavior }) => behavior === verdict).length;
    const informational = count("INFORMATIONAL") ? `, ${count("INFORMATIONAL")} informational` : "";
    console.log(`${String(group).padStart(2)}.*  ${String(members.length).padStart(3)} cases, ${count("OK")} ok${informational}`);
  }
  return odd.length;
}

/** Tells of each case that came out otherwise than it did when the result was written, and gives their number. */
function compare(cases) {
  const written = JSON.parse(readFileSync(result, "utf8"));
  const other = cases.filter(({ id, behavior, behaviorClose }) => written[id]?.join() !== `${behavior},${behaviorClose}`);
  for (const { id, behavior, behaviorClose } of other.sort((a, b) => order(a) - order(b))) {
    console.log(`FAILED  autobahn: ${id}: ${behavior}, its close ${behaviorClose}; result.json has ${written[id]?.join(", its close ") ?? "nothing"}`);
  }
  return other.length;
}

function write(cases) {
  const lines = cases.sort((a, b) => order(a) - order(b)).map(({ id, behavior, behaviorClose }) => `  "${id}": ["${behavior}", "${behaviorClose}"]`);
  writeFileSync(result, `{\n${lines.join(",\n")}\n}\n`);
}

rmSync(reports, { recursive: true, force: true });
const url = given || (await echo());
const cases = (await Promise.all(parts.map((part, number) => run(url, part, number)))).flat();
const failed = tell(cases);
const missing = (chosen.length ? Math.max(1, cases.length) : all) - cases.length;
if (missing > 0) console.log(`FAILED  autobahn: ${missing} cases did not run`);
console.log(`autobahn: ${cases.length - failed} passed, ${failed + missing} failed`);
if (writes && missing === 0) write(cases);
const changed = given ? 0 : compare(cases);
process.exit(failed || missing || changed ? 1 : 0);
