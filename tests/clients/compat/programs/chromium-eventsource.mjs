import { watch } from "./names.mjs";

export const run = ({ url }, see) => watch(new EventSource(url), see);
