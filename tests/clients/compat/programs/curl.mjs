// curl in a loop, as a script would have it.
import { spawn } from "node:child_process";
import { Blocks } from "./blocks.mjs";
import { comeBack, heals } from "./comeback.mjs";

/** `--speed-time` ends a transfer that is silent for so long. */
export const run = ({ url, key, silence, http2 }, see) =>
  comeBack((position) => new Promise((resolve) => {
    const cursor = position.cursor ? ["-H", `Last-Event-ID: ${position.cursor}`] : [];
    const patience = ["--speed-limit", "1", "--speed-time", String(silence / 1000)];
    const version = http2 ? "--http2" : "--http1.1";
    const child = spawn("curl", ["-sSNi", version, ...patience, "-H", "Accept: text/event-stream", "-H", `X-API-Key: ${key}`, ...cursor, url]);
    process.on("exit", () => child.kill("SIGKILL"));
    const blocks = new Blocks();
    let head = "";
    let status;
    child.stdout.setEncoding("utf8").on("data", (text) => {
      if (!status) {
        head += text;
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return;
        [, status] = head.split(" ", 2).map(Number);
        see({ protocol: head.startsWith("HTTP/2") ? "h2" : "http/1.1" });
        if (status !== 200) see({ refused: status });
        text = head.slice(end + 4);
      }
      if (status !== 200) return;
      for (const block of blocks.push(text)) {
        position.cursor = block.id ?? position.cursor;
        see(block);
      }
    });
    child.on("close", () => {
      see({ broken: true });
      resolve(!status || status === 200 || heals(status) ? undefined : "stay away");
    });
  }));
