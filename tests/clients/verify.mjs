// What proto-docs/hooks.md shows of verifying signatures.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./harness.mjs";

const page = readFileSync(join(root, "proto-docs", "hooks.md"), "utf8");
/** The page's block of code in this language. */
export const block = (language) => new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms").exec(page)[1];

/** The page's function in Node. */
export const { verify } = await import(`data:text/javascript,${encodeURIComponent(block("js"))}`);
