import { watch } from "./names.mjs";

/** As many streams of one origin as a page may well want. */
export function run({ url }, see) {
  for (let n = 0; n < 8; n += 1) watch(new EventSource(`${url}&n=${n}`), see);
}
