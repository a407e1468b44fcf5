// Two thousand clients hold streams while everything changes that can: the configuration is reloaded twenty times, keys
// and secrets rotate, tokens expire and are renewed, and the process is replaced by another. Whoever is still allowed gets
// each event once and in order, but for what the one `epoch` gap of the replacement stands for; whoever is not gets
// nothing more.
import { spawn } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import { mkdtempSync, renameSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import WebSocket from "ws";
import { binary, here, reap, within } from "./harness.mjs";

const CLIENTS = Number(process.env.CLIENTS ?? 2000);
const ROOMS = 10;
const RELOADS = 20;
/** How long a token is good, in seconds. */
const LIFE = 6;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const assert = (truth, why) => {
  if (!truth) throw new Error(why);
};

// ---- the gateway, and who may what -----------------------------------------------------------------------------------

const directory = mkdtempSync(join(tmpdir(), "upheaval-"));
const config = join(directory, "gatecast.toml");
const secrets = { a: "the-first-secret-of-the-upheaval-32", b: "the-second-secret-of-the-upheaval-32" };
const state = { kids: ["a"], tv: ["tv-key-1"], guests: true, signing: "a", key: "tv-key-1", turn: 0 };
/** Whether guests may still have what is published now: until the reload that takes it from them has answered. */
let guestsMayHave = true;
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

function configure() {
  const keys = [
    ["backend", ["backend-key"], "backend"],
    ["operator", ["operator-key"], "operator"],
    ["tv", state.tv, "viewer"],
    ["guest", ["guest-key"], "guest"],
    [`turn-${state.turn}`, [`turn-${state.turn}`], "viewer"],
  ];
  const blocks = keys.map(([name, texts, role]) => {
    const hashes = texts.map((text) => `"${sha256(text)}"`).join(", ");
    return `[[auth.api_key]]\nname = "${name}"\nsha256 = [${hashes}]\nrole = "${role}"\n`;
  });
  const issuers = state.kids.map(
    (kid) => `[[auth.jwt]]\nalgorithm = "HS256"\nkid = "${kid}"\nsecret = "${secrets[kid]}"\nleeway = "0s"\n`,
  );
  const text = `listen = "127.0.0.1:${port}"
${issuers.join("")}${blocks.join("")}
[roles.backend]
publish = ["*"]
[roles.operator]
admin = true
[roles.viewer]
subscribe = ["r:*"]
[roles.guest]
subscribe = [${state.guests ? '"r:*"' : ""}]
[server]
heartbeat = "5s"
expiry_notice = "2s"
drain = "9s"
drain_window = "2s"
[telemetry]
filter = "warn"
`;
  // At once: a file that is half written would be a mistake.
  writeFileSync(`${config}.new`, text);
  renameSync(`${config}.new`, config);
}

const supervisor = reap(spawn("python3", [join(here, "supervisor.py")], { stdio: ["pipe", "pipe", "inherit"] }));
const said = createInterface({ input: supervisor.stdout })[Symbol.asyncIterator]();
const answer = async () => (await said.next()).value;
const port = Number(await answer());
const base = `http://127.0.0.1:${port}`;

async function start() {
  configure();
  supervisor.stdin.write(`start ${binary} ${config}\n`);
  const number = await answer();
  children.push(number);
  return number;
}
const children = [];
process.on("exit", () => {
  for (const child of children) {
    try {
      process.kill(Number(child), "SIGKILL");
    } catch {
      // It has ended.
    }
  }
});

/** A request on a connection of its own, so that any process may take it. */
function ask(method, path, headers = {}, body, signal) {
  return new Promise((resolve, reject) => {
    const request = http.request(base + path, { method, headers, agent: false, signal }, (response) => {
      let text = "";
      response.on("data", (data) => (text += data));
      response.on("end", () => resolve({ status: response.statusCode, text }));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
function token(subject) {
  const now = Math.floor(Date.now() / 1000);
  const head = encoded({ alg: "HS256", typ: "JWT", kid: state.signing });
  const message = `${head}.${encoded({ sub: subject, role: "viewer", iat: now, exp: now + LIFE })}`;
  return `${message}.${createHmac("sha256", secrets[state.signing]).update(message).digest("base64url")}`;
}

// ---- the clients -----------------------------------------------------------------------------------------------------

const tally = {};
const count = (what) => (tally[what] = (tally[what] ?? 0) + 1);
let isOver = false;

class Client {
  constructor(number) {
    this.number = number;
    this.kind = ["sse", "websocket", "poll"][number % 3];
    this.who = number % 40 === 7 ? "guest" : number % 2 ? "token" : "key";
    this.room = `r:${number % ROOMS}`;
    this.renews = number % 5 !== 0;
    this.cursor = undefined;
    this.events = [];
    this.gaps = [];
    this.ready = new Promise((resolve) => (this.isReady = resolve));
  }

  credential() {
    if (this.who === "token") return { Authorization: `Bearer ${(this.token = token(`c${this.number}`))}` };
    return { "X-API-Key": this.who === "guest" ? "guest-key" : state.key };
  }

  path() {
    const since = this.cursor ? `&since=${this.cursor}` : "";
    return `/v1/stream?room=${this.room}${since}`;
  }

  take(message) {
    if (message.id) {
      this.cursor = message.id;
      this.events.push(message);
      return;
    }
    if (message.type === "welcome" && message.cursor) this.cursor ??= message.cursor;
    if (message.type === "heartbeat") this.cursor = message.cursor;
    if (message.type === "gap") this.gaps.push(message);
    if (message.type === "welcome") this.isReady();
    if (["session_expired", "bye", "error"].includes(message.type)) count(`${message.type} ${message.code ?? ""}`);
    if (message.type === "token_expiring" && this.renews) this.renew();
  }

  /** For as long as it is let in. */
  async live() {
    while (!isOver) {
      try {
        const ends = await this[this.kind]();
        if (ends === "refused" && this.who === "guest") return;
      } catch (error) {
        if (!isOver) count(`connection: ${error.code ?? error.message}`);
      }
      if (!isOver) await sleep(50 + Math.random() * 300);
    }
  }

  sse() {
    return new Promise((resolve, reject) => {
      const headers = { Accept: "text/event-stream", ...this.credential() };
      const request = http.get(base + this.path(), { headers, agent: false }, (response) => {
        this.end = () => response.destroy();
        if (response.statusCode !== 200) {
          response.resume();
          return resolve("refused");
        }
        let rest = "";
        response.setEncoding("utf8");
        response.on("data", (data) => {
          const blocks = (rest + data).split("\n\n");
          rest = blocks.pop();
          for (const block of blocks) {
            const line = block.split("\n").find((one) => one.startsWith("data: "));
            if (line) {
              const message = JSON.parse(line.slice(6));
              if (message.type === "welcome") this.stream = message.stream;
              this.take(message);
            }
          }
        });
        response.on("close", resolve);
        response.on("error", () => {});
      });
      request.on("error", reject);
    });
  }

  websocket() {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(base.replace("http", "ws") + this.path(), { headers: this.credential() });
      this.socket = socket;
      this.end = () => socket.terminate();
      let code;
      socket.on("message", (text) => this.take(JSON.parse(text)));
      socket.on("close", (closed) => resolve((code = closed) === 3501 ? "refused" : undefined));
      socket.on("error", reject);
    });
  }

  async poll() {
    const control = new AbortController();
    this.end = () => control.abort();
    const wait = this.cursor ? "&wait=10" : "&wait=0";
    const { status, text } = await ask("GET", this.path() + wait, this.credential(), undefined, control.signal);
    if (status !== 200) return "refused";
    const { cursor, events, gaps, control: told } = JSON.parse(text);
    gaps.forEach((gap) => this.take({ type: "gap", ...gap }));
    events.forEach((event) => this.take(event));
    told.forEach((message) => this.take(message));
    this.cursor = cursor;
    this.isReady();
  }

  async renew() {
    const old = this.token;
    const message = JSON.stringify({ type: "auth", ref: 1, token: (this.token = token(`c${this.number}`)) });
    count("renewal");
    if (this.kind === "websocket") return this.socket.send(message);
    const headers = { Authorization: `Bearer ${old}`, "Content-Type": "application/json" };
    // It may be gone by then, or the process; then it expires.
    await ask("POST", `/v1/messages?stream=${this.stream}`, headers, message).catch(() => {});
  }
}

// ---- the run ---------------------------------------------------------------------------------------------------------

let old = await start();
const healthy = async () => {
  while (!(await ask("GET", "/readyz").then(({ status }) => status === 200, () => false))) await sleep(20);
};
await within(healthy(), 20_000, "the gateway to be ready");

const clients = Array.from({ length: CLIENTS }, (_, number) => new Client(number));
const lives = clients.map((client) => client.live());
await within(Promise.all(clients.map((client) => client.ready)), 60_000, "all clients to be connected");
console.log(`${CLIENTS} clients are connected`);

/** What was published, by room, in order; each with whether guests may still have it. */
const published = Array.from({ length: ROOMS }, () => []);
let isPublishing = true;
async function publish() {
  for (let n = 0; isPublishing; n += 1) {
    const room = n % ROOMS;
    const forGuests = guestsMayHave;
    const body = JSON.stringify({ event: "e", data: n });
    const { status, text } = await ask("POST", `/v1/rooms/r:${room}/events`, { "X-API-Key": "backend-key" }, body);
    // While one process stops and another serves, the old one refuses.
    if (status === 503) {
      count("publish refused");
      await sleep(20);
      continue;
    }
    assert(status === 202, `publish: ${status} ${text}`);
    published[room].push({ id: JSON.parse(text).id, n, forGuests });
    await sleep(40);
  }
}
const publishing = publish();

async function reload(how) {
  configure();
  if (how % 2) {
    const { status, text } = await ask("POST", "/v1/admin/reload", { "X-API-Key": "operator-key" });
    assert(status === 200, `reload: ${status} ${text}`);
  } else {
    supervisor.stdin.write(`signal ${old} SIGHUP\n`);
  }
  count("reload");
}

for (let turn = 1; turn <= RELOADS; turn += 1) {
  state.turn = turn;
  if (turn === 3) state.kids = ["a", "b"];
  if (turn === 4) state.signing = "b";
  if (turn === 7) state.kids = ["b"];
  if (turn === 5) state.tv = ["tv-key-2", "tv-key-1"];
  if (turn === 6) state.key = "tv-key-2";
  if (turn === 9) state.tv = ["tv-key-2"];
  // By a request, whose answer says that it is done: nobody knows when a signal has been seen to.
  if (turn === 17) state.guests = false;
  await reload(turn);
  if (turn === 17) guestsMayHave = false;
  await sleep(turn === 17 ? 2000 : 900);
  if (turn === 12) {
    console.log("the process is replaced");
    // One after the other, as systemd does it: two logs in memory at once would be two gateways. Who comes in between
    // waits in the socket.
    supervisor.stdin.write(`signal ${old} SIGTERM\n`);
    const status = await within(answer(), 20_000, "the old process to end");
    assert(status === "0", `the old process ended with ${status}`);
    old = await start();
  }
}
isPublishing = false;
await publishing;
const heads = published.map((room) => room.at(-1).id);
const isDone = (client) => client.who === "guest" || client.events.at(-1)?.id === heads[client.number % ROOMS];
const settled = async () => {
  while (!clients.every(isDone)) await sleep(100);
};
await within(settled(), 30_000, "all clients to have the last event").catch(() => {});
isOver = true;
clients.forEach((client) => client.end?.());
await within(Promise.all(lives), 20_000, "all clients to end");

// ---- what they were given --------------------------------------------------------------------------------------------

/** The log that an id is of: what stands before its number. */
const log = (id) => id.slice(0, 13);
const faults = [];
const logs = [...new Set(published.flat().map(({ id }) => log(id)))];
assert(logs.length === 2, `there were ${logs.length} logs`);
for (const client of clients) {
  const fault = (why) => faults.push(`client ${client.number} (${client.kind}, ${client.who}): ${why}`);
  const room = published[client.number % ROOMS];
  const got = client.events.map(({ id }) => id);
  if (new Set(got).size !== got.length) fault("an event came twice");
  const [before, after] = logs.map((one) => room.filter(({ id }) => log(id) === one).map(({ id }) => id));
  const [had, has] = logs.map((one) => got.filter((id) => log(id) === one));
  if (had.some((id, index) => id !== before[index])) fault("what it got before the replacement has a hole");
  const epochs = client.gaps.filter(({ reason }) => reason === "epoch").length;
  const others = client.gaps.filter(({ reason }) => reason !== "epoch").map(({ reason }) => reason);
  if (client.who === "guest") {
    const allowed = new Set(room.filter(({ forGuests }) => forGuests).map(({ id }) => id));
    if (got.some((id) => !allowed.has(id))) fault("it got what it may not read any more");
    continue;
  }
  if (others.length) fault(`it was told of a gap: ${others}`);
  if (epochs !== 1) fault(`it was told of ${epochs} epoch gaps`);
  if (has.join() !== after.join()) fault(`behind the replacement it got ${has.length} of ${after.length} events`);
}
const total = clients.reduce((sum, client) => sum + client.events.length, 0);
console.log(`${published.flat().length} events, ${total} deliveries`, tally);
for (const needed of ["renewal", "session_expired ", "bye draining", "error unauthorized"]) {
  if (!tally[needed]) faults.push(`there was no ${needed}`);
}
faults.slice(0, 20).forEach((fault) => console.log(`FAILED  upheaval: ${fault}`));
console.log(`upheaval: ${faults.length ? `${faults.length} faults` : "every client has what it may have, once and in order"}`);
process.exit(faults.length ? 1 : 0);
