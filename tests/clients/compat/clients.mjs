// Who takes part: each client with the program that uses it, and what is expected of it where that is not the usual.

/** What a client is expected to do, by its transport, unless it is known to do something else. */
const usual = {
  sse: {
    connect: "works",
    resume: "complete",
    heartbeat: "event",
    gap: "told",
    drain: "`bye`, comes back",
    restart: "gap, goes on",
    refused: "401, stays away",
    overloaded: "`problem`, comes back",
  },
  websocket: {
    connect: "works",
    resume: "complete",
    heartbeat: "message, Ping",
    gap: "told",
    drain: "`bye`, 3001, comes back",
    restart: "gap, goes on",
    refused: "3500, stays away",
    overloaded: "3002, comes back",
  },
  "long-poll": {
    connect: "works",
    resume: "complete",
    heartbeat: "empty answer",
    gap: "told",
    drain: "`bye`, comes back",
    restart: "gap, goes on",
    refused: "401, stays away",
    overloaded: "503, comes back",
  },
};

/** The scenarios, in the order of the table, and what its head says. */
export const scenarios = {
  connect: "connect",
  resume: "cut and back",
  heartbeat: "idle for 8 s",
  gap: "history gone",
  drain: "gateway stops",
  restart: "gateway restarts",
  refused: "wrong key",
  overloaded: "gateway full",
};

/**
 * `host`: where the program runs. `returns`: who opens the next stream after one has ended, the library or the program
 * around it. `http2`: whether it speaks HTTP/2 where TLS offers it. `silence`: whether it gives up a stream that is
 * silent for a time that the program sets. `differs`: what it does otherwise than usual, and always has; page.mjs
 * prints it, and proto-docs/clients.md says what follows.
 */
const client = (name, host, program, transport, { returns = "program", http2 = false, silence = false, differs = {}, ...more }) =>
  ({ name, host, program, transport, returns, http2, silence, expected: { ...usual[transport], ...differs }, ...more });

export const clients = [
  client("Chromium `EventSource`", "chromium", "chromium-eventsource", "sse", {
    returns: "library", http2: true,
    differs: { refused: "error, stays away" },
  }),
  client("`reconnecting-eventsource`", "chromium", "reconnecting-eventsource", "sse", {
    package: "reconnecting-eventsource", returns: "library", http2: true,
    differs: { refused: "asks again and again" },
  }),
  client("`event-source-polyfill`", "chromium", "event-source-polyfill", "sse", {
    package: "event-source-polyfill", returns: "library", http2: true, silence: true,
  }),
  client("`@microsoft/fetch-event-source`", "chromium", "fetch-event-source", "sse", {
    package: "@microsoft/fetch-event-source", returns: "library", http2: true,
    differs: { refused: "asks again and again" },
  }),
  client("npm `eventsource` 4", "node", "eventsource", "sse", { package: "eventsource", returns: "library" }),
  client("npm `eventsource` 2", "node", "eventsource-2", "sse", { package: "eventsource-2", returns: "library" }),
  client("undici `EventSource`", "node", "undici-eventsource", "sse", {
    package: "undici", returns: "library", http2: true, silence: true,
    differs: { refused: "error, stays away" },
  }),
  client("undici `fetch`, streamed", "node", "undici-fetch", "sse", { package: "undici", http2: true, silence: true }),
  client("Python `httpx-sse`", "python", "httpx-sse", "sse", { package: "httpx-sse", http2: true, silence: true }),
  client("Python `aiohttp`, SSE by hand", "python", "aiohttp-sse", "sse", { package: "aiohttp", silence: true }),
  client("curl", "node", "curl", "sse", { http2: true, silence: true }),
  client("Chromium `WebSocket`", "chromium", "chromium-websocket", "websocket", {}),
  client("npm `ws`", "node", "ws", "websocket", { package: "ws", silence: true }),
  client("undici `WebSocket`", "node", "undici-websocket", "websocket", { package: "undici" }),
  client("Python `websockets`", "python", "python-websockets", "websocket", { package: "websockets", silence: true }),
  client("Python `aiohttp` WebSocket", "python", "aiohttp-websocket", "websocket", { package: "aiohttp", silence: true }),
  client("Node's `fetch`", "node", "fetch-poll", "long-poll", { silence: true }),
];
