// Where programs run: Node and Python programs each in a process of its own, Chromium's in one tab of a real browser.
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";
import { here as clients, reap } from "../harness.mjs";

const programs = join(clients, "compat", "programs");
const commands = {
  node: (program, options) => [process.execPath, [join(programs, "host.mjs"), program, options]],
  python: (program, options) => [join(clients, ".venv", "bin", "python"), [join(programs, `${program}.py`), options]],
};

/** Starts a program, and tells `see` of all that it sees. */
export function start({ host, program }, options, see) {
  const [command, args] = commands[host](program, JSON.stringify(options));
  const child = reap(spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] }));
  createInterface({ input: child.stdout }).on("line", (line) => see(JSON.parse(line)));
}

/** The pages that Chromium loads: programs, and packages as npm has laid them out. */
function pages() {
  const server = createServer(({ url }, response) => {
    const name = url.startsWith("/npm/") ? join(clients, "node_modules", url.slice(5)) : join(programs, url);
    // Modules that were written for a bundler leave the ending out.
    const file = [name, `${name}.js`].find((one) => url !== "/" && existsSync(one));
    response.setHeader("Content-Type", file ? "text/javascript; charset=utf-8" : "text/html; charset=utf-8");
    response.end(file ? readFileSync(file) : "<!doctype html><title>compat</title>");
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

export class Chromium {
  /** `http2`: whether it may speak HTTP/2. */
  static async start(http2) {
    const chromium = new Chromium();
    const profile = mkdtempSync(join(tmpdir(), "gatecast-compat-"));
    const server = await pages();
    chromium.site = `http://127.0.0.1:${server.address().port}`;
    const only = http2 ? [] : ["--disable-http2"];
    chromium.browser = await puppeteer.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      userDataDir: profile,
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--ignore-certificate-errors", ...only],
    });
    process.on("exit", () => { chromium.browser.process()?.kill("SIGKILL"); rmSync(profile, { recursive: true, force: true }); });
    await chromium.#open();
    return chromium;
  }

  async #open() {
    const page = (this.page = await this.browser.newPage());
    this.watchers = new Map();
    page.on("pageerror", (why) => console.error(`chromium: ${why.message}`));
    await page.exposeFunction("saw", (port, seen) => this.watchers.get(port)?.(seen));
    const tools = await page.createCDPSession();
    await tools.send("Network.enable");
    const at = (url) => this.watchers.get(Number(new URL(url).port));
    tools.on("Network.requestWillBeSent", ({ request }) => request.method === "OPTIONS" || at(request.url)?.({ asked: true }));
    tools.on("Network.responseReceived", ({ response }) => at(response.url)?.({ protocol: response.protocol }));
    await page.goto(this.site);
  }

  /** Starts a program, and tells `see` of all that it sees. What it sees is told apart by the port that it talks to. */
  async start({ program }, options, see) {
    const port = Number(new URL(options.url).port);
    this.watchers.set(port, see);
    await this.page.evaluate(async (program, port, options) => {
      const { run } = await import(`/${program}.mjs`);
      run(options, (seen) => saw(port, seen));
    }, program, port, options);
  }
}
