// What stands between one client and the gateway: a TCP proxy that passes on, holds back, cuts, and counts. It knows
// nothing of what it carries, so that it is the same for every client, in clear text and under TLS.
import { createServer, connect } from "node:net";

export class Door {
  /** Connections that the client has opened, from the first on. */
  attempts = 0;
  /** Where the cursor stood in the requests that came, as far as they were in clear text. */
  cursors = new Set();
  #pairs = new Set();
  #held = null;

  /** A door to whatever port `target` names when somebody knocks. */
  static async open(target) {
    const door = new Door();
    door.target = target;
    door.server = createServer((client) => door.#enter(client));
    await new Promise((resolve) => door.server.listen(0, "127.0.0.1", resolve));
    door.port = door.server.address().port;
    return door;
  }

  #enter(client) {
    this.attempts += 1;
    client.on("error", () => {});
    client.once("data", (data) => this.#note(data.toString("latin1")));
    client.pause();
    if (this.#held) this.#held.push(client);
    else this.#pass(client);
  }

  #pass(client) {
    const pair = [client, connect(this.target(), "127.0.0.1")];
    this.#pairs.add(pair);
    // A gateway that is not there looks to the client as if it had ended in this moment.
    for (const [one, other] of [pair, [...pair].reverse()]) {
      one.on("error", () => other.resetAndDestroy());
      one.on("close", () => { this.#pairs.delete(pair); if (!other.destroyed) other.destroySoon(); });
      one.pipe(other);
    }
  }

  #note(head) {
    if (/^last-event-id: ./im.test(head)) this.cursors.add("Last-Event-ID");
    const [, query = ""] = /^GET \S+?\?(\S*)/.exec(head) ?? [];
    for (const name of ["since", "lastEventId", "last_event_id"]) {
      if (new URLSearchParams(query).get(name)) this.cursors.add(name);
    }
  }

  /** Cuts every connection without a farewell, and keeps new ones waiting until [`release`]. */
  cut() {
    this.#held = [];
    for (const pair of this.#pairs) pair.forEach((socket) => socket.resetAndDestroy());
  }

  release() {
    const held = this.#held ?? [];
    this.#held = null;
    held.filter((client) => !client.destroyed).forEach((client) => this.#pass(client));
  }

  close() {
    this.cut();
    this.server.close();
  }
}
