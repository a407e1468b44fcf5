// What every suite needs: a gateway that is a process of its own, conditions with deadlines, and a verdict.
import { spawn, execFileSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";

export const here = dirname(fileURLToPath(import.meta.url));
export const root = join(here, "..", "..");
export const keys = {
  backend: "clients-backend-key",
  tv: "clients-tv-key",
  wall: "clients-wall-key",
  operator: "clients-operator-key",
};
/** What no process may say, whatever its standard error is asked to tell. */
const secrets = [...Object.values(keys), "the-secret-of-the-real-clients-32-bytes"];
const said = [];
export const config = join(here, "gateway.toml");
export const binary = process.env.GATECAST ?? join(root, "target", "debug", "gatecast");

/** The environment without what configures a gateway of this machine. */
function environment(more = {}) {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("GATECAST__"));
  return { ...Object.fromEntries(own), ...more };
}

// A failed test would leave its processes behind.
const children = [];
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));

/** Ends `child` with this process at the latest. */
export function reap(child) {
  children.push(child);
  return child;
}

/** Starts `gatecast` with `args`; resolves to the process and the first match of `announced` on its output. */
export async function start(args, announced, more = {}) {
  const child = spawn(binary, args, { env: environment(more), stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => child.on("exit", (code, signal) => resolve(code ?? signal)));
  let complaints = "";
  const lines = [];
  child.stderr.on("data", (data) => (complaints += data));
  said.push(() => complaints);
  reap(child);
  const found = new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      lines.push(line);
      const match = announced.exec(line);
      if (match) resolve(match);
    });
    ended.then((code) => reject(new Error(`gatecast ended with ${code}: ${complaints}`)));
  });
  found.catch(() => {});
  const match = await within(found, 20_000, `gatecast ${args[0]} to listen`);
  return { child, ended, match, output: () => lines, complaints: () => complaints };
}

/** A gateway that can be restarted where it was. */
export class Gateway {
  static async start(more = {}, file = config) {
    const gateway = new Gateway();
    gateway.more = more;
    gateway.file = file;
    gateway.listen = "127.0.0.1:0";
    await gateway.up();
    return gateway;
  }

  async up() {
    const all = { GATECAST__TELEMETRY__FILTER: "gatecast=trace,info", GATECAST__TELEMETRY__AUDIT: "stderr" };
    const more = { GATECAST__LISTEN: this.listen, ...all, ...this.more };
    const process = await start(["serve", "--config", this.file], /^listening on http(s?):\/\/(\S+)$/, more);
    this.process = process;
    const [, secure, listen] = process.match;
    this.listen = listen;
    this.port = Number(listen.split(":").pop());
    this.http = `http${secure}://${listen}`;
    this.ws = `ws${secure}://${listen}`;
  }

  /** Ends it in order and says how it ended. */
  async down() {
    this.process.child.kill("SIGTERM");
    return within(this.process.ended, 15_000, "the gateway to end");
  }

  async restart() {
    await this.down();
    await this.up();
  }

  /** Publishes, and gives the id. */
  async publish(room, event, data) {
    const response = await fetch(`${this.http}/v1/rooms/${room}/events`, {
      method: "POST",
      headers: { "X-API-Key": keys.backend },
      body: JSON.stringify({ event, data }),
    });
    const answer = await response.json();
    equal(response.status, 202, `publishing: ${JSON.stringify(answer)}`);
    return answer.id;
  }

  /** Publishes `payloads` in order, and gives their ids. */
  async publishAll(room, event, payloads) {
    const ids = [];
    for (const data of payloads) ids.push(await this.publish(room, event, data));
    return ids;
  }
}

/** What signs tokens with the secret of `file`. */
export const signer = (file) => (...args) =>
  execFileSync(binary, ["token", "--config", file, ...args], { env: environment(), encoding: "utf8" }).trim();

/** A token signed with the secret of gateway.toml. */
export const token = signer(config);

/** What `promise` gives, within `ms`. */
export function within(promise, ms, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The first true value of `condition`, asked again and again until it is true or `ms` have passed. */
export async function until(condition, what, ms = 15_000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export function equal(found, expected, what) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}:\n  found    ${a}\n  expected ${b}`);
}

export function check(holds, what) {
  if (!holds) throw new Error(what);
}

/** Lines as they come, to be awaited one by one. */
export class Inbox {
  #waiting = [];
  #items = [];
  push(item) {
    const waiter = this.#waiting.shift();
    if (waiter) waiter(item);
    else this.#items.push(item);
  }
  /** The next one. */
  next(what = "a message", ms = 10_000) {
    if (this.#items.length) return Promise.resolve(this.#items.shift());
    return within(new Promise((resolve) => this.#waiting.push(resolve)), ms, what);
  }
  /** What has come and was not taken yet. */
  drain() {
    return this.#items.splice(0);
  }
}

/** Runs the tests of one suite in order; ends the process with what came of it. */
export async function suite(name, tests) {
  let failed = 0;
  for (const [title, run] of Object.entries(tests)) {
    const began = Date.now();
    try {
      await within(run(), 120_000, "the test to end");
      console.log(`ok      ${name}: ${title} (${Date.now() - began} ms)`);
    } catch (why) {
      failed += 1;
      console.log(`FAILED  ${name}: ${title}\n${why.stack ?? why}`);
    }
  }
  for (const secret of secrets.filter((secret) => said.some((all) => all().includes(secret)))) {
    failed += 1;
    console.log(`FAILED  ${name}: the log shows ${secret}`);
  }
  const total = Object.keys(tests).length;
  console.log(`${name}: ${total - failed} passed, ${failed} failed`);
  process.exit(failed || !total ? 1 : 0);
}
