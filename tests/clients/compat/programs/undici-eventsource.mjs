import { EventSource } from "undici";
import { agent } from "./agent.mjs";
import { watch } from "./names.mjs";

export const run = (options, see) => watch(new EventSource(options.url, { dispatcher: agent(options, see) }), see);
