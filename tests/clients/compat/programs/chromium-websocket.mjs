import { follow } from "./websocket.mjs";

export const run = (options, see) => follow(WebSocket, options, see);
