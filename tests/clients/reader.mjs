// A WebSocket client that writes each message as a line, until somebody ends it.
import WebSocket from "ws";

const socket = new WebSocket(process.argv[2]);
socket.on("message", (data) => process.stdout.write(`${data}\n`));
socket.on("error", (why) => { console.error(why.message); process.exit(1); });
socket.on("close", () => process.exit(0));
