import diagnostics from "node:diagnostics_channel";
import { Agent } from "undici";

/** An agent that gives up a body that is silent for `silence`, and says which version of HTTP it speaks. */
export function agent({ silence, http2 }, see) {
  diagnostics.subscribe("undici:client:connected", ({ socket }) => see({ protocol: socket.alpnProtocol || "http/1.1" }));
  return new Agent({ bodyTimeout: silence, allowH2: http2 });
}
