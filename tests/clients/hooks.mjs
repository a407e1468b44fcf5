// What proto-docs/hooks.md shows of verifying signatures, against the example of the standard's own libraries.
import { execFileSync } from "node:child_process";
import { equal, suite } from "./harness.mjs";
import { block, verify } from "./verify.mjs";

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const now = 1614265330;
const body = '{"test": 2432232314}';
const good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const headers = (signature) => ({
  "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
  "webhook-timestamp": `${now}`,
  "webhook-signature": signature,
});
const cases = [
  ["the example", secret, headers(good), body, now, true],
  ["the second of two signatures", secret, headers(`v1,${"A".repeat(43)}= ${good}`), body, now, true],
  ["another body", secret, headers(good), body.replace("2", "3"), now, false],
  ["another secret", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", headers(good), body, now, false],
  ["another version", secret, headers(good.replace("v1", "v2")), body, now, false],
  ["too late", secret, headers(good), body, now + 300, false],
  ["from the future", secret, headers(good), body, now - 300, false],
];

const python = (...given) => {
  const call = "import json, sys\nsecret, headers, body, now = json.load(sys.stdin)\nprint(verify(secret, headers, body.encode(), now))";
  const input = JSON.stringify(given);
  return execFileSync("python3", ["-c", `${block("python")}\n${call}`], { input, encoding: "utf8" }).trim() === "True";
};

await suite("hooks", {
  "the page's function in Node tells what is signed": async () => {
    for (const [what, secret, headers, body, now, expected] of cases) equal(verify(secret, headers, body, now), expected, what);
    equal(verify(secret, {}, body, now), false, "nothing");
  },
  "the page's function in Python does": async () => {
    for (const [what, ...given] of cases) equal(python(...given.slice(0, 4)), given[4], what);
  },
});
