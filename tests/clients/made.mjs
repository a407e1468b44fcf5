// Pages of proto-docs whose middle a run has made: what stands between two marks is the run's, the rest is people's.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./harness.mjs";

const marks = (maker) => [`<!-- made by ${maker} --write -->\n`, "<!-- end of what is made -->\n"];

const row = (cells) => `| ${cells.join(" | ")} |\n`;

/** A table of Markdown. */
export const table = (head, rows) => row(head) + row(head.map(() => "---")) + rows.map(row).join("");

function split(page, maker) {
  const [begin, end] = marks(maker);
  const [before, rest] = readFileSync(join(root, "proto-docs", page), "utf8").split(begin);
  const [made, after] = rest.split(end);
  return { before: before + begin, made, after: end + after };
}

/** Writes what `maker` has made into `page`. */
export function write(page, maker, made) {
  const { before, after } = split(page, maker);
  writeFileSync(join(root, "proto-docs", page), before + made + after);
}

/** The number of lines that are not those of the page; what the machine brought along may differ. */
export function compare(page, maker, made) {
  const lines = (text) => text.split("\n").filter((line) => !line.startsWith("Last written with"));
  const [found, committed] = [lines(made), lines(split(page, maker).made)];
  const odd = found.filter((line, n) => line !== committed[n]);
  if (odd.length) console.log(`proto-docs/${page} is not what this run made; --write writes these lines:\n${odd.join("\n")}`);
  return Math.max(odd.length, Math.abs(found.length - committed.length));
}
