// Follows rooms over WebSocket from Node.js, and comes back: with its cursor, after a pause, until it is told to stay away.
//
//   npm install ws
//   KEY=… node websocket.mjs 'ws://127.0.0.1:8080/v1/stream?room=units'
import WebSocket from "ws";

const address = process.argv[2];
const key = process.env.KEY;
let cursor = null; // how far we are: an id, or what a heartbeat said
let failures = 0;

/** What your program does with an event: `{id, room, event, data, ts}`. */
function onEvent(event) {
  console.log(`${event.room} ${event.event} ${JSON.stringify(event.data)}`);
}

/** Events of a room are gone: load from your own backend what they would have told you. */
function onGap({ room, reason }) {
  console.log(`${room} gap ${reason}`);
}

function connect() {
  const url = new URL(address);
  if (cursor) url.searchParams.set("since", cursor);
  const socket = new WebSocket(url, "gatecast.v1", { headers: { "X-API-Key": key } });

  // A connection that died without a word is silent. Three heartbeats are too long a silence.
  let patience = 45_000;
  let watch;
  const heard = () => {
    clearTimeout(watch);
    watch = setTimeout(() => socket.terminate(), patience);
  };
  heard();

  socket.on("message", (text) => {
    heard();
    const message = JSON.parse(text);
    if (message.id) {
      onEvent(message);
      cursor = message.id; // only now: an event that was not dealt with comes again
      return;
    }
    if (message.type === "welcome") {
      failures = 0;
      patience = 3 * message.heartbeat_ms;
    }
    if (message.type === "gap") onGap(message);
    if (message.type === "error") console.error(`${message.code}: ${message.message}`);
    cursor = message.cursor ?? cursor;
  });

  socket.on("error", (why) => console.error(why.message)); // `close` follows
  socket.on("close", (code) => {
    clearTimeout(watch);
    // 3500 to 3999: the same attempt will be refused again.
    if (code >= 3500 && code < 4000) process.exit(1);
    // Twice as long each time, up to half a minute, and never all clients at once.
    const pause = Math.min(30_000, 1000 * 2 ** failures) * (0.5 + Math.random());
    failures += 1;
    setTimeout(connect, pause);
  });
}

connect();
