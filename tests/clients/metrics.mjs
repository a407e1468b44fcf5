// promtool, Prometheus's own: what it scrapes is well formed and named by its rules, and the alerts of the docs load.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Gateway, check, equal, keys, root, suite } from "./harness.mjs";

const promtool = process.env.PROMTOOL ?? "promtool";
const gateway = await Gateway.start();
const operator = ["-H", `X-API-Key: ${keys.operator}`];

/** What curl gets from `path`. */
function curl(path, ...args) {
  return execFileSync("curl", ["-sS", "--fail", "--max-time", "30", ...args, gateway.http + path], { encoding: "utf8" });
}

await suite("metrics", {
  "promtool finds nothing to complain of": async () => {
    await gateway.publish("quakes", "quake", { mag: 1 });
    curl("/v1/stream?room=quakes&since=earliest", "-H", `X-API-Key: ${keys.tv}`);
    const text = curl("/metrics", ...operator);
    check(text.includes("\ngatecast_events_published_total 1\n"), "the event is counted");
    const { status, stdout, stderr } = spawnSync(promtool, ["check", "metrics"], { input: text, encoding: "utf8" });
    equal([status, stdout, stderr], [0, "", ""], "promtool check metrics");
  },

  "the process's own numbers are there": async () => {
    const text = curl("/metrics", ...operator);
    for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds"]) {
      const [, value] = new RegExp(`^${name} (\\S+)$`, "m").exec(text) ?? [];
      check(Number(value) >= 0, `${name}: ${value}`);
    }
    const started = Number(/^process_start_time_seconds (\S+)$/m.exec(text)[1]);
    check(Math.abs(Date.now() / 1000 - started) < 120, `started at ${started}`);
  },

  "promtool takes the alerts of the docs": async () => {
    const page = readFileSync(join(root, "proto-docs", "metrics.md"), "utf8");
    const rules = /```yaml\n([\s\S]*?)```/.exec(page)[1];
    const directory = mkdtempSync(join(tmpdir(), "gatecast-"));
    try {
      const file = join(directory, "rules.yml");
      writeFileSync(file, rules);
      const out = execFileSync(promtool, ["check", "rules", "--lint=all", "--lint-fatal", file], { encoding: "utf8" });
      check(out.includes("SUCCESS"), out);
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
});
