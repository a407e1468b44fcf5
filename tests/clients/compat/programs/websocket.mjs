// A WebSocket as browsers have it.
import { after, comeBack, heals, read } from "./comeback.mjs";

export const follow = (WebSocket, { url, key }, see) =>
  comeBack((position) => new Promise((resolve) => {
    const socket = new WebSocket(after(url, position.cursor), ["gatecast.v1", `bearer.${key}`]);
    socket.onmessage = ({ data }) => read(data, position, see);
    socket.onclose = ({ code }) => {
      see({ closed: code });
      resolve(heals(code) ? undefined : "stay away");
    };
  }));
