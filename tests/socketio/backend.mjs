// What the server does that the suite of the Socket.IO protocol expects, as a backend that gatecast asks: it tells each
// client what it joined with, sends back what a client emits, and acknowledges with it.
import { createServer } from "node:http";
import { verify } from "../clients/verify.mjs";

/** That of gatecast.toml. */
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

function answer({ type, stream, event, data, auth }) {
  if (type === "connect") return { first: [{ event: "auth", data: auth }] };
  if (event === "message") return { do: [{ type: "publish", room: `_stream:${stream}`, event: "message-back", data }] };
  return { ack: data };
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  if (!verify(SECRET, request.headers, body)) {
    response.statusCode = 401;
    return response.end();
  }
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(answer(JSON.parse(body))));
});
server.listen(3001, "127.0.0.1", () => console.log("listening on http://127.0.0.1:3001/"));
