// Chromium without a screen, with a profile of its own, for as long as this process lives.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";

const quiet = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** Starts it, with `more` arguments. */
export async function chromium(...more) {
  const profile = mkdtempSync(join(tmpdir(), "gatecast-chromium-"));
  const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    userDataDir: profile,
    args: ["--headless", "--no-sandbox", "--disable-gpu", ...quiet, ...more],
  });
  process.on("exit", () => { browser.process()?.kill("SIGKILL"); rmSync(profile, { recursive: true, force: true }); });
  console.log(`chromium: ${await browser.version()}`);
  return browser;
}
