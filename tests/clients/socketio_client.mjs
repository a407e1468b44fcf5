// What the suite of Socket.IO has beside the library: clients whose events are awaited one by one, a line that can fall
// silent, and the backend that the gateway asks.
import { createServer as http } from "node:http";
import { connect as dial, createServer as tcp } from "node:net";
import { io } from "socket.io-client";
import { Inbox, within } from "./harness.mjs";
import { verify } from "./verify.mjs";

/** How a client may be connected: by requests alone, by a WebSocket alone, and from the one to the other. */
export const WAYS = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };

const open = new Set();

/** Ends all clients of a test: one that is forgotten would come back to the gateway of the next. */
export function endAll() {
  open.forEach(({ socket }) => socket.disconnect());
  open.clear();
}

/** One socket, and what happens to it. */
export class Client {
  #ups = new Inbox();
  #downs = new Inbox();
  #refusals = new Inbox();
  #events = new Inbox();
  /** How often its manager tried to come back. */
  attempts = 0;
  /** The names of all that happened, in order. */
  story = [];

  constructor(socket) {
    this.socket = socket;
    socket.onAny((...all) => this.#events.push(all));
    socket.on("connect", () => this.#ups.push({ id: socket.id, recovered: Boolean(socket.recovered) }));
    socket.on("disconnect", (reason, details) => this.#downs.push({ reason, code: details?.context?.code }));
    socket.onAny((name) => this.story.push(name));
    for (const name of ["connect", "disconnect"]) socket.on(name, () => this.story.push(name));
    // A gateway that is not there is an error without data; whoever waits for a refusal does not mean that.
    socket.on("connect_error", (why) => this.#refusals.push(why));
    socket.io.on("reconnect_attempt", () => (this.attempts += 1));
    open.add(this);
  }

  /** One of its own connection, which comes back at once. */
  static to(url, { over = "websocket", ...options } = {}) {
    return new Client(io(url, { transports: WAYS[over], forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 100, randomizationFactor: 0, ...options }));
  }

  /** The next time that it is let in. */
  connected(ms) {
    return this.#ups.next("the client to be let in", ms);
  }

  /** The next time that it is cut. */
  gone(ms) {
    return this.#downs.next("the client to be cut", ms);
  }

  /** The next time that it is refused. */
  refused() {
    return this.#refusals.next("a refusal");
  }

  /** The next event, with its arguments. */
  next(what = "an event", ms) {
    return this.#events.next(what, ms);
  }

  /** The next `count` events. */
  async take(count) {
    const taken = [];
    while (taken.length < count) taken.push(await this.next(`event ${taken.length + 1} of ${count}`));
    return taken;
  }

  /** The events that have come and were not taken yet. */
  drain() {
    return this.#events.drain();
  }

  /** Emits, and gives the first argument of the acknowledgement. */
  ask(event, ...said) {
    return within(this.socket.emitWithAck(event, ...said), 10_000, `the answer to ${event}`);
  }

  /** Emits, and gives all arguments of the acknowledgement. */
  answers(event, ...said) {
    const answered = new Promise((resolve) => this.socket.emit(event, ...said, (...answer) => resolve(answer)));
    return within(answered, 10_000, `the answer to ${event}`);
  }

  get engine() {
    return this.socket.io.engine;
  }

  /** Resolves once a WebSocket carries it. */
  upgraded() {
    const { engine } = this;
    if (engine.transport.name === "websocket") return Promise.resolve();
    return within(new Promise((resolve) => engine.once("upgrade", resolve)), 10_000, "the upgrade");
  }

  /**
   * Drops what carries it; resolves once it is cut. Neither in the midst of events nor of an upgrade, which the library lets
   * end first: what it has read by then and not told yet it would tell behind the next CONNECT, beside the gateway, which is
   * asked there for all that was not told, and tells it too.
   */
  async drop() {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (!this.engine.upgrading) break;
      await this.upgraded();
    }
    const gone = this.gone();
    this.engine.close();
    return gone;
  }

  /** `count` signs of life of what carries it. */
  async pings(count) {
    for (let n = 0; n < count; n += 1) {
      await within(new Promise((resolve) => this.socket.io.once("ping", resolve)), 10_000, `ping ${n + 1} of ${count}`);
    }
  }
}

/** A line to the gateway that breaks, and both sides see it; or that falls silent, as a cable that was pulled. */
export class Line {
  #pairs = new Set();
  #isSilent = false;

  static async to(port) {
    const line = new Line();
    const server = tcp((client) => {
      const upstream = dial(port, "127.0.0.1");
      const pair = { client, upstream, isSilent: line.#isSilent };
      line.#pairs.add(pair);
      for (const [one, other] of [[client, upstream], [upstream, client]]) {
        one.on("error", () => {});
        one.on("data", (data) => pair.isSilent || other.write(data));
        one.on("close", () => { line.#pairs.delete(pair); if (!pair.isSilent) other.destroy(); });
      }
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    line.http = `http://127.0.0.1:${server.address().port}`;
    return line;
  }

  /** Ends what there is, with whatever is on its way. */
  cut() {
    this.#pairs.forEach(({ client, upstream }) => { client.destroy(); upstream.destroy(); });
  }

  /** Whoever is connected hears nothing more and is not heard for ever, nor is who comes. */
  silence() {
    this.#isSilent = true;
    this.#pairs.forEach((pair) => (pair.isSilent = true));
  }

  /** Who comes from now on is heard. */
  mend() {
    this.#isSilent = false;
  }
}

/** The secret of the hooks in the configurations of the tests. */
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/** A backend: what it was asked, and what `answer` makes of that. */
export async function backend(answer) {
  const asked = new Inbox();
  const server = http(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    if (!verify(SECRET, request.headers, bytes)) {
      response.statusCode = 401;
      return response.end();
    }
    const body = JSON.parse(bytes);
    asked.push(body);
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(answer(body)));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, asked };
}
