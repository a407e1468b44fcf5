import { fetch } from "undici";
import { agent } from "./agent.mjs";
import { Blocks } from "./blocks.mjs";
import { comeBack, heals } from "./comeback.mjs";

export function run(options, see) {
  const dispatcher = agent(options, see);
  return comeBack(async (position) => {
    const headers = { Accept: "text/event-stream", "X-API-Key": options.key };
    if (position.cursor) headers["Last-Event-ID"] = position.cursor;
    try {
      const response = await fetch(options.url, { headers, dispatcher });
      if (response.status !== 200) {
        see({ refused: response.status });
        return heals(response.status) ? undefined : "stay away";
      }
      const blocks = new Blocks();
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
        for (const block of blocks.push(text)) {
          position.cursor = block.id ?? position.cursor;
          see(block);
        }
      }
      see({ ended: true });
    } catch {
      see({ broken: true });
    }
  });
}
