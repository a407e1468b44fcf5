// Every command of README.md is typed as it stands there; only ports, keys and directories are this run's.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync, copyFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check, equal, here, reap, root, start, suite, until, within } from "./harness.mjs";

const readme = readFileSync(join(root, "README.md"), "utf8");
const blocks = (language) => [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map(([, text]) => text);
/** The commands of a block, one a line, without comments. */
const commands = (block) => block.replace(/\\\n\s*/g, "").split("\n").map((line) => line.replace(/(^| )# .*$/, "").trim()).filter(Boolean);

const [first, ways, site] = blocks("sh").map(commands);
const [toml, tls] = blocks("toml");
const [unit] = blocks("ini");

/** The directory of a site: its configuration and secret, `gatecast` on the path, and the examples with their package. */
const place = mkdtempSync(join(tmpdir(), "gatecast-readme-"));
process.on("exit", () => rmSync(place, { recursive: true, force: true }));
writeFileSync(join(place, "gatecast.toml"), toml);
writeFileSync(join(place, "jwt-secret"), "a-secret-of-the-readme-with-32-bytes-and-more");
mkdirSync(join(place, "examples"));
copyFileSync(join(root, "examples", "websocket.mjs"), join(place, "examples", "websocket.mjs"));
symlinkSync(join(here, "node_modules"), join(place, "node_modules"));
const environment = { ...process.env, PATH: `${join(root, "target", "debug")}:${process.env.PATH}`, GATECAST__LISTEN: "127.0.0.1:0" };

/** Types `line` into a shell there: what it writes until `enough` of it has come, or until it ends. */
async function type(line, more = {}, enough = () => false) {
  const child = reap(spawn("bash", ["-c", `exec ${line}`], { cwd: place, env: { ...environment, ...more }, stdio: ["ignore", "pipe", "ignore"] }));
  let output = "";
  let code = null;
  child.stdout.setEncoding("utf8").on("data", (data) => (output += data));
  child.on("close", (ended) => (code = ended ?? 0));
  await until(() => code !== null || enough(output), `“${line}” has answered`);
  child.kill();
  return { output, code };
}

/** Runs `line`, which serves, until it has `announced` that it listens, and ends it in order. */
async function serves(line, announced = /^listening on /) {
  const child = reap(spawn("bash", ["-c", `exec ${line}`], { cwd: place, env: environment, stdio: ["ignore", "pipe", "ignore"] }));
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const lines = createInterface({ input: child.stdout });
  const listens = new Promise((resolve) => lines.on("line", (said) => announced.test(said) && resolve()));
  await within(listens, 20_000, `“${line}” to listen`);
  child.kill("SIGTERM");
  equal(await within(ended, 15_000, "its end"), 0, "an orderly end");
}

await suite("readme", {
  "the two commands are the demo and the tests": async () => {
    equal(first, ["cargo run --release -- demo", "tests/run"], "the commands");
    check(existsSync(join(root, "tests", "run")), "tests/run");
  },

  "the same event on each transport: each line shows it": async () => {
    const demo = await start(["demo", "--listen", "127.0.0.1:0", "--speed", "1"], /^ {2}publish +(curl .*)$/);
    const [address] = /127\.0\.0\.1:\d+/.exec(demo.match[1]);
    const [BACKEND, KEY] = [/gk_[\w-]+/.exec(demo.match[1])[0], /#key=(\S+)/.exec(demo.output().join("\n"))[1]];
    const lines = ways.map((line) => line.replaceAll("127.0.0.1:8080", address));
    equal(lines.length, 6, "the lines");
    const [sse, websocket, tail, poll, publish, history] = lines;
    const desk = (output) => output.includes("Your desk");
    // Until all have heard it: they join in their own time.
    let heard;
    Promise.all([sse, websocket, tail].map((line) => type(line, { KEY }, desk))).then((all) => (heard = all));
    let id;
    await until(async () => { id = JSON.parse((await type(publish, { BACKEND })).output).id; return heard; }, "all have heard it");
    check(heard.every(({ output }) => desk(output)), "over SSE, over WebSocket, and by tail");
    equal(JSON.parse((await type(poll, { KEY })).output).events[0].id, id, "over long-poll");
    check((await type(history, { KEY })).output.includes(id), "in history");
    demo.child.kill("SIGINT");
    equal(await within(demo.ended, 15_000, "the demo to end"), 0, "an orderly end");
  },

  "the site's commands take its configuration": async () => {
    const [key, checked, token, serve] = site;
    equal(site.length, 4, "the commands");
    check((await type(key)).output.includes('name = "lobby-tv"'), key);
    equal((await type(checked)).code, 0, checked);
    equal((await type(token)).output.trim().split(".").length, 3, token);
    await serves(serve, /^listening on http:/);
  },

  "TLS without a proxy": async () => {
    const pair = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key.pem", "-out", "cert.pem"];
    execFileSync("openssl", ["req", "-x509", "-days", "2", "-subj", "/CN=localhost", ...pair], { cwd: place, stdio: "pipe" });
    writeFileSync(join(place, "tls.toml"), toml.replace(/^listen = .*$/m, tls));
    await serves("gatecast serve --config tls.toml", /^listening on https:/);
  },

  "each link leads to a file that exists": async () => {
    const links = [...readme.matchAll(/\]\(([^)#:]+)[^)]*\)/g)].map(([, path]) => path);
    check(links.length > 10, "links");
    equal(links.filter((path) => !existsSync(join(root, path))), [], "dead links");
  },

  "the units of proto-docs/restarts.md are some that systemd takes": async () => {
    const page = readFileSync(join(root, "proto-docs", "restarts.md"), "utf8");
    const units = [...page.matchAll(/^`\/etc\/systemd\/system\/(\S+)`:\n\n```ini\n(.*?)^```$/gms)];
    equal(units.map(([, name]) => name), ["gatecast.socket", "gatecast@.service"], "the units");
    const directory = mkdtempSync(join(place, "units-"));
    const files = units.map(([, name, text]) => {
      const file = join(directory, name.replace("@", "@a"));
      const here = text.replace("/usr/local/bin/gatecast", join(root, "target", "debug", "gatecast")).replace("User=gatecast\n", "");
      writeFileSync(join(directory, name), here);
      return file;
    });
    const verified = spawnSync("systemd-analyze", ["verify", "--man=no", ...files], { encoding: "utf8", env: { ...process.env, SYSTEMD_UNIT_PATH: `${directory}:` } });
    equal([verified.status, verified.stderr.split("\n").filter((line) => line.includes("gatecast"))], [0, []], verified.stderr);
  },

  "the service is one that systemd takes, and its command serves": async () => {
    const file = join(place, "gatecast.service");
    // The file names what a site has: the binary, its directory, its user.
    const here = unit.replace("/usr/local/bin/gatecast", join(root, "target", "debug", "gatecast")).replace("/etc/gatecast", place);
    writeFileSync(file, here.replace("User=gatecast\n", ""));
    execFileSync("systemd-analyze", ["verify", "--man=no", file], { stdio: "inherit" });
    await serves(/^ExecStart=(.*)$/m.exec(here)[1]);
  },
});
