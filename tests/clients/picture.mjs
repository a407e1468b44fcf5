// The picture in README.md: the demo's page, drawn anew. `--write` puts it in the place of the committed one.
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { chromium } from "./browser.mjs";
import { check, equal, root, start, suite, until } from "./harness.mjs";

const committed = join(root, "proto-docs", "display.png");
const drawn = join(root, "target", "display.png");
const SIZE = { width: 1280, height: 720 };

/** Width and height of a PNG (its standard, section 11.2.1: IHDR comes first). */
function size(path) {
  const header = readFileSync(path).subarray(0, 24);
  equal(header.toString("latin1", 1, 4), "PNG", `the kind of ${path}`);
  return { width: header.readUInt32BE(16), height: header.readUInt32BE(20) };
}

await suite("picture", {
  "the picture of the display page can be drawn, and the committed one has its size": async () => {
    const demo = await start(["demo", "--listen", "127.0.0.1:0"], /^ {2}(http:\/\/\S+#key=\S+)$/);
    const browser = await chromium();
    const page = await browser.newPage();
    await page.setViewport(SIZE);
    await page.goto(demo.match[1]);
    const text = (id) => page.$eval(`#${id}`, (node) => node.textContent);
    await until(async () => (await text("words")) === "Live" && parseInt(await text("count"), 10) > 230, "the page is full");
    check(/°C$/.test(await text("temp")), "a temperature");
    mkdirSync(dirname(drawn), { recursive: true });
    await page.screenshot({ path: drawn });
    demo.child.kill("SIGINT");
    await browser.close();
    equal(size(drawn), SIZE, "the size of what was drawn");
    if (process.argv.includes("--write")) copyFileSync(drawn, committed);
    equal(size(committed), SIZE, "the size of the committed picture; node tests/clients/picture.mjs --write replaces it");
  },
});
