// The cases of cases.mjs against a gateway: each on a connection of its own, all at once.
import { connect } from "node:net";
import { cases } from "./cases.mjs";

/** After this long without a byte an answer is whole, in milliseconds. */
const QUIET = 3000;

/** The statuses of `bytes`, which must be nothing but whole answers. `head`: none of them has a body. */
export function statuses(bytes, head = false) {
  const found = [];
  for (let rest = bytes; rest; ) {
    const [top, ...fields] = rest.slice(0, rest.indexOf("\r\n\r\n")).split("\r\n");
    const [, status] = /^HTTP\/1\.[01] (\d{3}) ?/.exec(top) ?? [];
    if (!status) return [...found, "garbage"];
    const length = Number(fields.find((field) => /^content-length:/i.test(field))?.split(":")[1] ?? NaN);
    const bodiless = head || status < 200 || status === "204";
    if (!bodiless && Number.isNaN(length)) return [...found, status, "without a length"];
    const whole = rest.indexOf("\r\n\r\n") + 4 + (bodiless ? 0 : length);
    if (rest.length < whole) return [...found, status, "cut"];
    found.push(status);
    rest = rest.slice(whole);
  }
  return found;
}

/** Sends one case, and says what came back. */
export function send(port, { bytes, end, head }) {
  return new Promise((resolve) => {
    const parts = [bytes].flat();
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    let timer;
    const done = (closed) => {
      clearTimeout(timer);
      socket.destroy();
      resolve([...statuses(answer, head), ...(closed ? ["closed"] : [])].join(" "));
    };
    const next = () => {
      clearTimeout(timer);
      timer = setTimeout(() => (parts.length ? write() : done(false)), QUIET);
    };
    const write = () => {
      socket.write(Buffer.from(parts.shift(), "latin1"));
      if (end) socket.end();
      next();
    };
    socket.on("connect", write);
    socket.on("data", (data) => { answer += data.toString("latin1"); next(); });
    socket.on("end", () => done(true));
    socket.on("error", () => done(true));
  });
}

/** What came of every case: `shown` is the same in every run. */
export const run = (port) =>
  Promise.all(cases.map(async (one) => {
    const answer = await send(port, one);
    const holds = one.allowed.includes(answer);
    return { ...one, answer, holds, shown: holds && one.hasty ? one.allowed.join(", or ") : answer };
  }));
