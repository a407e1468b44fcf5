import WebSocket from "ws";
import { after, comeBack, heals, read } from "./comeback.mjs";

/** With what its README advises against connections that died: a timer that each Ping sets anew. */
export const run = ({ url, key, silence }, see) =>
  comeBack((position) => new Promise((resolve) => {
    const socket = new WebSocket(after(url, position.cursor), { headers: { "X-API-Key": key } });
    let timer;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => socket.terminate(), silence);
    };
    socket.on("open", heard);
    socket.on("ping", () => { heard(); see({ ping: true }); });
    socket.on("message", (data) => read(data, position, see));
    socket.on("error", () => {});
    socket.on("close", (code) => {
      clearTimeout(timer);
      see({ closed: code });
      resolve(heals(code) ? undefined : "stay away");
    });
  }));
