// slowhttptest in its four modes: whoever sends or reads as slowly as can be holds up nobody, costs little, and is gone
// when its time is over.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { curlOf } from "./curl_client.mjs";
import { Gateway, check, equal, keys, reap, suite, until } from "./harness.mjs";

/** Slow connections at once, and how many of them are opened a second. */
const [SLOW, RATE] = [800, 400];
/** How long each attack goes on, in seconds. */
const LENGTH = 6;
/** How long the others may wait for anything, in milliseconds, on a machine that runs the attack too. */
const SOON = 1000;
/** What all slow connections together may cost, in bytes. */
const COST = 64 << 20;

// Times that a test can wait for; the rest is as it comes.
const gateway = await Gateway.start({
  GATECAST__SERVER__TIMEOUTS__HEADER: "4s",
  GATECAST__SERVER__TIMEOUTS__BODY: "4s",
  GATECAST__SERVER__TIMEOUTS__WRITE_STALL: "4s",
  GATECAST__LIMITS__CONNECTIONS: "2000",
});
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function resident() {
  const status = readFileSync(`/proc/${gateway.process.child.pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)[1]) * 1024;
}

/** The connections that are open, and those that were ever accepted. */
async function counted(name) {
  const metrics = await fetch(`${gateway.http}/metrics`, { headers: { "X-API-Key": keys.operator } });
  // Those of each kind of listener.
  const lines = (await metrics.text()).matchAll(new RegExp(`^${name}(?:{[^}]*})? (\\d+)$`, "gm"));
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}
const connections = () => counted("gatecast_connections");
const accepted = () => counted("gatecast_connections_accepted_total");

/** Somebody who publishes, somebody who listens, and somebody who asks for health, until `over`. */
async function others(over) {
  const reader = curlOf(() => gateway.http).stream("/v1/stream?room=quakes", "-H", `X-API-Key: ${keys.tv}`);
  await reader.next("welcome");
  const took = { event: [], health: [] };
  let [most, open] = [0, 0];
  while (!over()) {
    const began = Date.now();
    const published = gateway.publish("quakes", "quake", { mag: 1 });
    equal((await reader.next("the event", 5_000)).id, await published, "the event");
    took.event.push(Date.now() - began);
    const asked = Date.now();
    equal(await (await fetch(`${gateway.http}/healthz`)).text(), "ok\n", "health");
    took.health.push(Date.now() - asked);
    [most, open] = [Math.max(most, resident()), Math.max(open, await connections())];
    await sleep(50);
  }
  reader.stop();
  return { took, most, open };
}

/** Runs `slowhttptest` with `args` against `path`; gives what it said. */
function attack(path, args) {
  const always = ["-c", SLOW, "-r", RATE, "-l", LENGTH, "-p", "2", "-v", "1", "-u", gateway.http + path];
  const child = reap(spawn("slowhttptest", [...args, ...always].map(String), { stdio: ["ignore", "pipe", "pipe"] }));
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (data) => (said += data));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    // It paints what it says.
    child.on("close", () => resolve(said.replace(/\x1b\[[\d;]*\w/g, "")));
  });
}

/** An attack in one mode. In that with ranges nothing is slow: each is answered at once. */
const mode = (path, ...args) => async () => {
  // An allocation that stays is none of this attack's.
  const [before, earlier] = [resident(), await accepted()];
  let over = false;
  const attacked = attack(path, args).finally(() => (over = true));
  const { took, most, open } = await others(() => over);
  const said = await attacked;
  const available = [...said.matchAll(/service available:\s+(\w+)/g)].map(([, word]) => word);
  check(available.length > 0 && !available.includes("NO"), `slowhttptest says:\n${said}`);
  const came = (await accepted()) - earlier;
  check(came >= SLOW && (args[0] === "-R" || open >= SLOW), `${came} connections came, ${open} at once: that was no attack`);
  for (const [what, times] of Object.entries(took)) {
    check(times.length > 10 && Math.max(...times) < SOON, `${what}: ${times.join(", ")} ms`);
  }
  check(most - before < COST, `${most - before} bytes more`);
  await until(async () => (await connections()) <= 5, "the slow ones are gone", 8_000);
  const worst = Object.entries(took).map(([what, times]) => `${what} ${Math.max(...times)} ms`).join(", ");
  console.log(`        at most: ${open} connections, ${worst}, ${Math.round((most - before) / 1024)} KiB more`);
};

await suite("slow", {
  "heads that come a line at a time (-H)": mode("/v1/stream?room=quakes", "-H", "-i", "1", "-x", "24"),
  "bodies that come a byte at a time (-B)": mode(`/v1/rooms/alerts/events?access_token=${keys.backend}`, "-B", "-i", "1", "-s", "8192", "-x", "10", "-f", "application/json"),
  "ranges of everything (-R)": mode("/v1/openapi.json", "-R", "-a", "5", "-b", "3000"),
  "answers that are read a byte at a time (-X)": mode("/v1/openapi.json", "-X", "-k", "3", "-n", "1", "-w", "256", "-y", "512", "-z", "16"),
});
