// A client is killed in the middle of a stream and comes back: nothing is lost, nothing comes twice. The clients are
// processes of their own, killed with SIGKILL; what they had written whole is what they know.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { Gateway, check, equal, here, keys, reap, suite, until } from "./harness.mjs";

const gateway = await Gateway.start();
const EVENTS = 800;

/** One life of a client: what it has written so far. */
function live(command, args) {
  const child = reap(spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] }));
  const life = { child, output: "" };
  child.stdout.setEncoding("utf8").on("data", (data) => (life.output += data));
  life.over = new Promise((resolve) => child.on("close", resolve));
  return life;
}

/** The events and the last cursor of an event stream that was cut anywhere: a block without its empty line never was. */
function blocks(output) {
  const whole = output.split("\n\n").slice(0, -1);
  const seen = { events: [], gaps: 0, cursor: null };
  for (const block of whole) {
    const field = (name) => block.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    seen.cursor = field("id") ?? seen.cursor;
    if (field("event") === "n") seen.events.push(JSON.parse(field("data")));
    if (field("event") === "gap") seen.gaps += 1;
  }
  return seen;
}

/** The same of one JSON message a line. */
function lines(output) {
  const seen = { events: [], gaps: 0, cursor: null };
  for (const line of output.split("\n").slice(0, -1)) {
    const message = JSON.parse(line);
    seen.cursor = message.id ?? message.cursor ?? seen.cursor;
    if (message.id) seen.events.push(message);
    if (message.type === "gap") seen.gaps += 1;
  }
  return seen;
}

const url = (query) => `${gateway.http}/v1/stream?room=quakes&access_token=${keys.tv}${query}`;
const clients = {
  sse: {
    run: (cursor) =>
      live("curl", ["-sN", "-H", "Accept: text/event-stream", ...(cursor ? ["-H", `Last-Event-ID: ${cursor}`] : []), url("")]),
    read: blocks,
  },
  websocket: {
    run: (cursor) => live(process.execPath, [join(here, "reader.mjs"), `${url(cursor ? `&since=${cursor}` : "").replace("http", "ws")}`]),
    read: lines,
  },
};

/** Publishes while `turn` says which client reads next; kills it `kills` times on the way. */
async function story(turn, kills) {
  const all = { events: [], gaps: 0 };
  let cursor = null;
  let published;
  for (let life = 0; life <= kills; life += 1) {
    const kind = clients[turn(life)];
    const now = kind.run(cursor);
    await until(() => kind.read(now.output).cursor, "the client is welcome");
    published ??= gateway.publishAll("quakes", "n", [...Array(EVENTS).keys()]);
    if (life < kills) {
      // Somewhere in the middle, and never at the same place.
      const some = 20 + Math.floor(Math.random() * (EVENTS / kills / 4));
      await until(() => kind.read(now.output).events.length >= some, `${some} events have come`);
    } else {
      const last = (await published).at(-1);
      await until(() => kind.read(now.output).cursor === last, "the last event has come");
    }
    now.child.kill("SIGKILL");
    await now.over;
    const seen = kind.read(now.output);
    cursor = seen.cursor;
    all.events.push(...seen.events);
    all.gaps += seen.gaps;
    console.log(`        life ${life + 1}, ${turn(life)}: ${seen.events.length} events`);
  }
  equal(all.gaps, 0, "history was long enough, so there is no gap");
  equal(all.events.map((event) => event.id), await published, "every event, in order and once");
  check(all.events.every((event, n) => event.data === n), "each with its own data");
}

await suite("killed", {
  "curl is killed in the middle of an event stream, and comes back with Last-Event-ID": () => story(() => "sse", 4),
  "a WebSocket client is killed, and comes back with since": () => story(() => "websocket", 3),
  "a client is killed on one transport, and comes back on the other": () => story((life) => (life % 2 ? "websocket" : "sse"), 4),
});
