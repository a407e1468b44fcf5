import ReconnectingEventSource from "/npm/reconnecting-eventsource/build/esm/reconnecting-eventsource.js";
import { names } from "./names.mjs";

export function run({ url }, see) {
  const source = new ReconnectingEventSource(url);
  for (const name of names) {
    source.addEventListener(name, ({ data, lastEventId }) => see({ event: name, id: lastEventId, message: JSON.parse(data) }));
  }
  // It tells its page of nothing else: a refusal is one more reason to try again.
  source.onerror = () => see({ broken: true });
}
