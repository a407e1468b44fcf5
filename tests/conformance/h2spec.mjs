// h2spec against a gateway, over TLS or in clear text: what came of each of its cases.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keys, root } from "../clients/harness.mjs";

const binary = join(root, "target", "h2spec");
/** How often a case is run until it passes. */
const TRIES = 10;

/** Runs `specs`, or all there are; the cases as h2spec's JUnit report has them. */
async function report(gateway, path, specs) {
  const directory = mkdtempSync(join(tmpdir(), "gatecast-h2spec-"));
  const file = join(directory, "report.xml");
  const tls = gateway.http.startsWith("https") ? ["--tls", "--insecure"] : [];
  // Not in one go: what the gateway logs meanwhile is read here, and it would wait for its reader.
  const told = ["--port", String(gateway.port), "--path", path, "--strict", "--timeout", "3", "--junit-report", file];
  const spec = spawn(binary, [...told, ...tls, ...specs], { timeout: 120_000, stdio: "ignore" });
  await new Promise((resolve) => spec.on("exit", resolve));
  const xml = readFileSync(file, "utf8");
  rmSync(directory, { recursive: true });
  return [...suites(xml)].filter(({ ran }) => ran);
}

function* suites(xml) {
  for (const [, attributes, body] of xml.matchAll(/<testsuite ([^>]*)>(.*?)<\/testsuite>/gs)) {
    const [section] = /(?<=package=")[^"]*/.exec(attributes);
    let number = 0;
    for (const [, what, outcome] of body.matchAll(/<testcase [^>]*classname="([^"]*)"[^>]*?>(.*?)<\/testcase>/gs)) {
      number += 1;
      yield { id: `${section}/${number}`, what: text(what), ran: !outcome.includes("<skipped"), passed: !/<(error|failure)/.test(outcome) };
    }
  }
}

const text = (xml) => xml.replaceAll("&#34;", "\"").replaceAll("&#39;", "'").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/**
 * Some cases send on after a request that has been answered already, and see what they look for only where the gateway
 * is slower than they are. So those that fail are run again, at an address that is answered after a second.
 */
export async function run(gateway, request) {
  const cases = await report(gateway, "/readyz", []);
  const stream = `/v1/stream?room=quakes&access_token=${keys.tv}`;
  const { cursor } = JSON.parse(await request(`${gateway.http}${stream}`));
  for (const one of cases) {
    for (let tries = 1; !one.passed && tries < TRIES; tries += 1) {
      const again = await report(gateway, `${stream}&since=${cursor}&wait=1`, [one.id]);
      one.passed = again.every(({ passed }) => passed);
    }
  }
  return cases;
}
