// The snippets of proto-docs/behind-a-proxy.md, as they stand there, and as they run on this machine.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { check, root } from "../harness.mjs";

const page = readFileSync(join(root, "proto-docs", "behind-a-proxy.md"), "utf8");

/** The blocks of the page in `language`, in order. */
export function snippets(language) {
  const found = [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map(([, text]) => text);
  check(found.length > 0, `the page has no ${language}`);
  return found;
}

/** `text` with each pair's first replaced by its second. A first that does not occur is a page that has drifted. */
export function adapted(text, ...pairs) {
  return pairs.reduce((so_far, [from, to]) => {
    check(so_far.includes(from), `the page does not say “${from}” any more`);
    return so_far.replaceAll(from, to);
  }, text);
}
