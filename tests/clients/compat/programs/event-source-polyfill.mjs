import "/npm/event-source-polyfill/src/eventsource.js";
import { watch } from "./names.mjs";

/** It gives up a stream that is silent for `heartbeatTimeout`. */
export const run = ({ url, silence }, see) => watch(new EventSourcePolyfill(url, { heartbeatTimeout: silence }), see);
