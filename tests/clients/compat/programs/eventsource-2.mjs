import EventSource from "eventsource-2";
import { watch } from "./names.mjs";

export const run = ({ url, key }, see) => watch(new EventSource(url, { headers: { "X-API-Key": key } }), see);
