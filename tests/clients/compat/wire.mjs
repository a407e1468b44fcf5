// The whole table over one wire: `node wire.mjs clear|tls|h2`. Writes what came of it as one line of JSON.
import { connect } from "node:net";
import { connect as secure } from "node:tls";
import { join } from "node:path";
import { Gateway, here, keys } from "../harness.mjs";
import { clients } from "./clients.mjs";
import { Chromium, start } from "./hosts.mjs";
import { Seat } from "./seat.mjs";
import { eight, overloaded, refused, story } from "./story.mjs";

const [wire, ...only] = process.argv.slice(2);
const config = join(here, "compat", "gateway.toml");
/** Connections of the full gateway, all of them taken by us at first. */
const FULL = 40;

/** Whoever has `count` parties waits for the last of them, who does `then` for all. */
function gathering(count, then) {
  let arrived = 0;
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  return () => {
    arrived += 1;
    if (arrived === count) open(then());
    return opened;
  };
}

const chromium = await Chromium.start(wire === "h2");
const tls = wire === "clear" ? {} : { GATECAST__TLS__CERT: process.env.COMPAT_CERT, GATECAST__TLS__KEY: process.env.COMPAT_KEY };
const settings = { GATECAST__CORS__ORIGINS: JSON.stringify([chromium.site]), ...tls };
const gateway = await Gateway.start(settings, config);
const full = await Gateway.start({ ...settings, GATECAST__LIMITS__CONNECTIONS: String(FULL) }, config);

const table = { wire, start: (client, ...rest) => (client.host === "chromium" ? chromium.start(client, ...rest) : start(client, ...rest)) };
const taking = clients.filter((client) => (wire !== "h2" || client.http2) && (!only.length || only.includes(client.program)));

/** A connection that stays, and takes a place. */
function hold() {
  const socket = wire === "clear" ? connect(full.port, "127.0.0.1") : secure({ port: full.port, host: "127.0.0.1" });
  const opened = new Promise((resolve) => socket.once("data", resolve));
  socket.on("error", () => {});
  socket.write(`GET /v1/stream?room=compat:held HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nX-API-Key: ${keys.tv}\r\n\r\n`);
  return opened.then(() => socket);
}

/** Runs the scenarios of one client, and keeps the words of each. */
function actor(client, cells) {
  return async (scenario, run) => {
    cells[scenario] = await run().catch((why) => {
      console.error(`${wire}: ${client.name}: ${scenario}: ${why.message}`);
      return "FAILED";
    });
  };
}

const held = await Promise.all(Array.from({ length: FULL }, hold));
const together = {
  whenAllAreConnected: gathering(taking.length * 2, () => {}),
  beforeTheStop: gathering(taking.length, async () => {
    // A client that polls has just had its answer, and is to have asked again.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const attempts = new Map(stories.map((seat) => [seat, seat.door.attempts]));
    await gateway.down();
    return attempts;
  }),
  afterTheStart: gathering(taking.length, () => gateway.up()),
  whenAllWereRefused: gathering(taking.length, () => held.forEach((socket) => socket.destroy())),
};

const stories = await Promise.all(taking.map((client) => Seat.take(client, table, gateway, client.program, keys.tv)));
const results = await Promise.all(taking.map(async (client, n) => {
  const cells = {};
  const act = actor(client, cells);
  const stranger = await Seat.take(client, table, gateway, `refused:${client.program}`, "wrong");
  const late = await Seat.take(client, table, full, `late:${client.program}`, keys.tv);
  await Promise.all([
    story(stories[n], gateway, act, together),
    // Not all processes at once.
    together.whenAllAreConnected().then(() => refused(stranger, act)).then(() => overloaded(late, act, together)),
  ]);
  const protocols = new Set(stories[n].seen.map(({ protocol }) => protocol).filter(Boolean));
  const spoken = wire === "h2" ? "h2" : "http/1.1";
  if ([...protocols].some((one) => one !== spoken) || (wire === "h2" && !protocols.size)) {
    console.error(`${wire}: ${client.name}: it spoke ${[...protocols]}`);
    cells.connect = "FAILED";
  }
  return { program: client.program, cells, cursors: [...stories[n].door.cursors] };
}));
const page = { host: "chromium", program: "eight-eventsources", transport: "sse", name: "a page" };
const streams = await eight(await Seat.take(page, table, gateway, page.program, keys.tv), gateway);
console.log(JSON.stringify({ wire, chromium: await chromium.browser.version(), streams, results }));
process.exit(0);
