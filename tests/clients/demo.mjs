// The demo as a stranger meets it: what it prints can be typed as it stands.
import { spawn } from "node:child_process";
import { check, equal, reap, start, suite, until, within } from "./harness.mjs";

/** A demo on a free port, and the lines that it printed, by their first word. */
async function demo(...args) {
  const running = await start(["demo", "--listen", "127.0.0.1:0", ...args], /^ {2}publish +(curl .*)$/);
  return { ...running, address: /http:\/\/([^/']+)/.exec(running.match[1])[1] };
}

/** Types `line` into a shell: what it writes until `enough` of it has come, or until it ends. */
async function type(line, enough = () => false) {
  const child = spawn("bash", ["-c", `exec ${line}`], { stdio: ["ignore", "pipe", "ignore"] });
  reap(child);
  let output = "";
  let over = false;
  child.stdout.setEncoding("utf8").on("data", (data) => (output += data));
  child.on("close", () => (over = true));
  await until(() => over || enough(output), `“${line.split(" ")[0]} …” has answered`);
  child.kill();
  return output;
}

await suite("demo", {
  "each line that it prints can be typed, and shows the same events": async () => {
    const printed = {};
    const running = await start(["demo", "--listen", "127.0.0.1:0"], /^Every id is a cursor/);
    for (const line of running.output()) {
      const [, name, command] = /^ {2}(\S+) +(curl .*)$/.exec(line) ?? [];
      if (name) printed[name] = command;
    }
    equal(Object.keys(printed), ["SSE", "long-poll", "WebSocket", "history", "publish"], "the lines");
    const { id } = JSON.parse(await type(printed.publish));
    check(id, "publishing answers with an id");
    const envelope = (text) => text.match(/\{"id":"[^"]*","room":"[^"]*","event":"[^"]*","data":\{.*?\},"ts":\d+\}/g)?.find((one) => one.includes(id));
    // More than the printed two, for earthquakes that came meanwhile.
    const wider = (line) => line.replace("rewind=2", "rewind=100").replace("limit=2", "limit=100");
    const sse = await type(wider(printed.SSE), (text) => envelope(text) && text.endsWith("\n\n"));
    check(envelope(sse), `it came over SSE:\n${sse}`);
    equal(envelope(await type(wider(printed["long-poll"]))), envelope(sse), "over long-poll");
    equal(envelope(await type(wider(printed.history))), envelope(sse), "in history");
    const rewound = JSON.parse(await type(printed["long-poll"]));
    equal(rewound.events.length, 4, "two of each room");
    running.child.kill("SIGINT");
    equal(await within(running.ended, 15_000, "the demo to end"), 0, "an orderly end");
    equal(running.complaints(), "", "nothing to complain about");
  },

  "with --tls each line speaks HTTPS, and curl HTTP/2": async () => {
    const running = await start(["demo", "--tls", "--listen", "127.0.0.1:0"], /^Every id is a cursor/);
    const lines = running.output().map((line) => /^ {2}(SSE|history|publish) +(curl -k .*)$/.exec(line)).filter(Boolean);
    const printed = Object.fromEntries(lines.map(([, name, command]) => [name, command]));
    check(running.output().some((line) => line.startsWith("  https://")), "the page is at https://");
    const { id } = JSON.parse(await type(printed.publish));
    const sse = await type(printed.SSE.replace("rewind=2", "rewind=100"), (text) => text.includes(`id: ${id}\n\n`));
    check(sse.includes(`id: ${id}\n\n`), `it came over SSE:\n${sse}`);
    check((await type(printed.history.replace("curl -k", "curl -k -s -i"))).startsWith("HTTP/2 200"), "HTTP/2");
    running.child.kill("SIGINT");
    equal(await within(running.ended, 15_000, "the demo to end"), 0, "an orderly end");
  },

  "each run makes keys of its own": async () => {
    const [one, other] = [await demo(), await demo()];
    check(one.match[1].match(/gk_[\w-]+/)[0] !== other.match[1].match(/gk_[\w-]+/)[0], "two keys");
    for (const { child } of [one, other]) child.kill("SIGTERM");
    for (const { ended } of [one, other]) equal(await within(ended, 15_000, "the end"), 0, "an orderly end");
  },

  "a port that is taken is said with what to type instead": async () => {
    const one = await demo();
    const second = await start(["demo", "--listen", one.address], /never/).catch((why) => why.message);
    check(/ended with 1: .*cannot listen on .*--listen 127\.0\.0\.1:8081/s.test(second), second);
    one.child.kill("SIGTERM");
    await one.ended;
  },
});
