import { EventSource } from "eventsource";
import { watch } from "./names.mjs";

export const run = ({ url, key }, see) =>
  watch(new EventSource(url, {
    fetch: (address, init) => fetch(address, { ...init, headers: { ...init.headers, "X-API-Key": key } }),
  }), see);
