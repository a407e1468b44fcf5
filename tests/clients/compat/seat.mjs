// One client at the table: its door, what it has seen, and what it may be asked about that.
import { until } from "../harness.mjs";
import { Door } from "./door.mjs";

/** How long a program lets a stream be silent, where it can be told, in milliseconds. */
export const SILENCE = 6000;

export class Seat {
  seen = [];

  /** A client before the gateway of `gateway`, with a room of its own. */
  static async take(client, table, gateway, room, key) {
    const seat = new Seat();
    seat.client = client;
    seat.room = `compat:${room}`;
    seat.door = await Door.open(() => gateway.port);
    const scheme = `${client.transport === "websocket" ? "ws" : "http"}${table.wire === "clear" ? "" : "s"}`;
    // Who can set a header or a subprotocol ignores the key in the URL, which is here for browsers.
    const url = `${scheme}://127.0.0.1:${seat.door.port}/v1/stream?room=${seat.room}`;
    const options = { url: client.transport === "sse" ? `${url}&access_token=${key}` : url, key, silence: SILENCE, http2: table.wire === "h2" };
    seat.start = () => table.start(client, options, (seen) => seat.seen.push(seen));
    return seat;
  }

  /** What it has seen of an event. */
  all(event) {
    return this.seen.filter((one) => one.event === event);
  }

  count(event) {
    return this.all(event).length;
  }

  /** Waits until it has seen something. */
  async until(condition, what) {
    return until(condition, `${this.client.name}: ${what}`, 30_000).catch((why) => {
      throw new Error(`${why.message}; it saw ${JSON.stringify(this.seen.filter(({ asked, broken }) => !asked && !broken).slice(-6))}`);
    });
  }

  /** The ids of the events that it has, in their order. */
  get ids() {
    return this.all("n").map(({ message }) => message.id);
  }
}
