// Long-poll with Node's own fetch.
import { after, comeBack, heals } from "./comeback.mjs";

/** It gives up an answer that does not come within `silence`, and so asks for one earlier. */
export function run({ url, key, silence }, see) {
  comeBack(async (position) => {
    try {
      for (;;) {
        const asked = `${after(url, position.cursor)}&wait=${Math.floor(silence / 2000)}`;
        const response = await fetch(asked, { headers: { "X-API-Key": key }, signal: AbortSignal.timeout(silence) });
        if (response.status !== 200) {
          see({ refused: response.status });
          return heals(response.status) ? undefined : "stay away";
        }
        const answer = await response.json();
        see({ event: position.cursor ? "heartbeat" : "welcome", message: answer });
        position.cursor = answer.cursor;
        for (const gap of answer.gaps) see({ event: "gap", message: gap });
        for (const event of answer.events) see({ event: event.event, id: event.id, message: event });
        for (const control of answer.control) see({ event: control.type, message: control });
        if (answer.control.length) return;
      }
    } catch {
      see({ broken: true });
    }
  });
}
