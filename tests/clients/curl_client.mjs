// curl as a client of a server: whole answers, and event streams that stay open.
import { execFile, spawn } from "node:child_process";
import { Inbox, reap } from "./harness.mjs";

/** The parts of an answer that curl printed with its head: status, headers (small letters), body. */
function answer(printed) {
  const at = printed.indexOf("\r\n\r\n");
  const [first, ...lines] = printed.slice(0, at).split("\r\n");
  const headers = Object.fromEntries(lines.map((line) => [line.split(": ")[0].toLowerCase(), line.split(": ").slice(1).join(": ")]));
  const body = printed.slice(at + 4);
  return { status: Number(first.split(" ")[1]), headers, body, json: () => JSON.parse(body) };
}

/** The fields of one block of an event stream; `last` is its last line. */
function block(text) {
  const lines = text.split("\n");
  const fields = Object.fromEntries(lines.map((line) => [line.split(": ")[0], line.split(": ").slice(1).join(": ")]));
  return { ...fields, last: lines.at(-1), json: fields.data && JSON.parse(fields.data) };
}

/** A client of what `origin()` names, which always passes `always` to curl. */
export function curlOf(origin, ...always) {
  return {
    /** Runs it to its end. `@-` among the arguments stands for `input`, a last argument `{ input }`. */
    run(path, ...args) {
      const { input } = typeof args.at(-1) === "object" ? args.pop() : {};
      return new Promise((resolve, reject) => {
        const line = ["-sS", "-i", "--max-time", "30", ...always, ...args, origin() + path];
        const child = execFile("curl", line, { encoding: "utf8" }, (why, printed) => (why ? reject(why) : resolve(answer(printed))));
        child.stdin.on("error", () => {});
        child.stdin.end(input);
      });
    },

    /** An event stream that stays open: its blocks as they come, heartbeats apart; `ended` is curl's exit code. */
    stream(path, ...args) {
      const child = reap(spawn("curl", ["-sSN", "-H", "Accept: text/event-stream", ...always, ...args, origin() + path]));
      const [inbox, heartbeats] = [new Inbox(), new Inbox()];
      let rest = "";
      child.stdout.setEncoding("utf8").on("data", (data) => {
        const blocks = (rest + data).split("\n\n");
        rest = blocks.pop();
        for (const one of blocks.map(block)) (one.event === "heartbeat" ? heartbeats : inbox).push(one);
      });
      const ended = new Promise((resolve) => child.on("close", resolve));
      const next = (what, ms) => inbox.next(what, ms);
      return { next, heartbeat: (ms) => heartbeats.next("a heartbeat", ms), stop: () => child.kill(), ended };
    },
  };
}
