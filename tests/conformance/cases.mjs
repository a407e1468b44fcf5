// What RFC 9112 (and RFC 9110, where it says so) asks of a server that gets these bytes. An answer is written as its
// statuses in order, with "closed" behind them where the connection ends; every answer that the standard allows is
// listed. `hasty`: the gateway ends the connection while we are writing still, so that which of them it is depends on who is
// faster.
import { keys } from "../clients/harness.mjs";

const crlf = (...lines) => lines.map((line) => `${line}\r\n`).join("");
const get = (...fields) => crlf("GET /healthz HTTP/1.1", "Host: x", ...fields, "");
const last = (...fields) => get(...fields, "Connection: close");
const event = '{"event":"n","data":1}';
const post = (...fields) => crlf("POST /v1/rooms/alerts/events HTTP/1.1", "Host: x", `X-API-Key: ${keys.backend}`, ...fields, "");
const chunked = (body, ...fields) => post("Transfer-Encoding: chunked", ...fields) + body;
const whole = `16\r\n${event}\r\n0\r\n\r\n`;

/** Refused: in words, or without any. */
const refused = ["400 closed", "closed"];
const taken = ["200"];
const published = ["202"];
const of = (section, what, bytes, allowed, more = {}) => ({ section, what, bytes, allowed, ...more });

export const cases = [
  of("2.2", "an empty line before the request", `\r\n${get()}`, taken),
  of("2.2", "lines that end in LF alone", get().replaceAll("\r\n", "\n"), [...taken, ...refused]),
  of("2.2", "CR alone within a field", get("A: b\rc"), refused),
  of("2.2", "white space before the first field", crlf("GET /healthz HTTP/1.1", " A: b", "Host: x", ""), refused),
  of("3", "two spaces in the request line", crlf("GET  /healthz HTTP/1.1", "Host: x", ""), refused),
  of("3", "a space in the target", crlf("GET /heal thz HTTP/1.1", "Host: x", ""), refused),
  of("3", "no version (HTTP/0.9)", crlf("GET /healthz", "Host: x", ""), refused),
  of("3", "a target of 8000 bytes", crlf(`GET /healthz?${"a".repeat(7992)} HTTP/1.1`, "Host: x", ""), taken),
  of("3", "a target of 100,000 bytes", crlf(`GET /healthz?${"a".repeat(100_000)} HTTP/1.1`, "Host: x", ""), ["414 closed", "431 closed"], { hasty: true }),
  of("3.1", "a method in small letters", crlf("get /healthz HTTP/1.1", "Host: x", ""), ["405", "501", ...refused]),
  of("3.1", "a method that nobody knows", crlf("BREW /healthz HTTP/1.1", "Host: x", ""), ["405", "501", ...refused]),
  of("3.2", "no Host", crlf("GET /healthz HTTP/1.1", ""), ["400", ...refused]),
  of("3.2", "two Hosts", get("Host: y"), ["400", ...refused]),
  of("3.2", "two Hosts that are the same", get("Host: x"), ["400", ...refused]),
  of("3.2", "a Host that is no host", crlf("GET /healthz HTTP/1.1", "Host: a b", ""), ["400", ...refused]),
  of("3.2", "a Host with user information", crlf("GET /healthz HTTP/1.1", "Host: a@b", ""), ["400", ...refused]),
  of("3.2.2", "absolute form", crlf("GET http://x/healthz HTTP/1.1", "Host: x", ""), taken),
  of("3.2.2", "absolute form, whose authority stands above Host", crlf("GET http://y/healthz HTTP/1.1", "Host: x", ""), [...taken, "400", ...refused]),
  of("3.2.3", "CONNECT", crlf("CONNECT x:80 HTTP/1.1", "Host: x:80", ""), ["400", "404", "405", "501", ...refused]),
  of("3.2.4", "asterisk form", crlf("OPTIONS * HTTP/1.1", "Host: x", ""), ["200", "204"]),
  of("2.3", "HTTP/1.2", crlf("GET /healthz HTTP/1.2", "Host: x", ""), [...taken, "505", "505 closed", ...refused]),
  of("2.3", "HTTP/3.0", crlf("GET /healthz HTTP/3.0", "Host: x", ""), ["505", "505 closed", ...refused]),
  of("2.3", "http/1.1 in small letters", crlf("GET /healthz http/1.1", "Host: x", ""), refused),
  of("5.1", "a space before the colon", get("A : b"), refused),
  of("5.1", "no field name", get(": b"), refused),
  of("5.1", "a field name with a slash", get("A/B: c"), refused),
  of("5.1", "white space around the value", get("A: \t b \t "), taken),
  of("5.2", "a folded field", get("A: b", " c"), [...taken, ...refused]),
  of("9110 5.5", "NUL in a field", get("A: b\0c"), refused),
  of("9110 5.5", "bytes beyond ASCII in a field", get("A: \xe4"), [...taken, ...refused]),
  of("5", "a field of 100,000 bytes", get(`A: ${"b".repeat(100_000)}`), ["431 closed", ...refused], { hasty: true }),
  of("5", "a thousand fields", get(...Array.from({ length: 1000 }, (_, n) => `A${n}: b`)), ["431 closed", ...refused], { hasty: true }),
  of("6.2", "a body of its Content-Length", post(`Content-Length: ${event.length}`) + event, published),
  of("6.2", "Content-Length: +22", post(`Content-Length: +${event.length}`) + event, refused),
  of("6.2", "Content-Length: 0x16", post("Content-Length: 0x16") + event, refused),
  of("6.2", "Content-Length: -1", post("Content-Length: -1") + event, refused),
  of("6.2", "an empty Content-Length", post("Content-Length:") + event, refused),
  of("6.2", "a Content-Length beyond 64 bits", post("Content-Length: 99999999999999999999") + event, ["413 closed", ...refused]),
  of("6.3", "two Content-Lengths that differ", post("Content-Length: 22", "Content-Length: 23") + event, refused),
  of("6.3", "two Content-Lengths that are the same", post("Content-Length: 22", "Content-Length: 22") + event, [...published, ...refused]),
  of("6.3", "a list of two that differ", post("Content-Length: 22, 23") + event, refused),
  of("6.1", "Content-Length and chunked", chunked(whole, "Content-Length: 22"), ["202 closed", ...refused]),
  of("6.1", "chunked, and then gzip", post("Transfer-Encoding: chunked, gzip") + whole, refused),
  of("6.1", "a coding that nobody knows", post("Transfer-Encoding: xchunked") + whole, ["501", "501 closed", ...refused]),
  of("6.1", "gzip, and then chunked", chunked(whole).replace("chunked", "gzip, chunked"), ["400", "501", ...refused]),
  of("6.1", "chunked twice", chunked(whole, "Transfer-Encoding: chunked"), ["400", ...refused]),
  of("6.1", "chunked over HTTP/1.0", chunked(whole).replace("HTTP/1.1", "HTTP/1.0"), ["202 closed", ...refused]),
  of("7.1", "chunked", chunked(whole), published),
  of("7.1", "chunks of one byte", chunked(`${[...event].map((byte) => `1\r\n${byte}\r\n`).join("")}0\r\n\r\n`), published),
  of("7.1", "a chunk size with leading zeros", chunked(`000${whole}`), published),
  of("7.1", "a chunk size beyond 64 bits", chunked(`1${"0".repeat(16)}\r\n${event}`), refused),
  of("7.1", "a chunk size with 0x", chunked(`0x${whole}`), refused),
  of("7.1", "a chunk size that is none", chunked(`xyz\r\n${event}\r\n0\r\n\r\n`), refused),
  of("7.1", "a chunk longer than its size", chunked(`15\r\n${event}\r\n0\r\n\r\n`), refused),
  of("7.1", "chunks whose lines end in LF alone", chunked(whole.replaceAll("\r\n", "\n")), refused),
  of("7.1.1", "a chunk extension", chunked(whole.replace("16\r\n", "16;a=b\r\n")), published),
  of("7.1.1", "a chunk extension with LF in it", chunked(whole.replace("16\r\n", "16;a\nb\r\n")), refused),
  of("7.1.1", "a chunk extension of 100,000 bytes", chunked(whole.replace("16\r\n", `16;${"a".repeat(100_000)}\r\n`)), ["413", "413 closed", ...refused], { hasty: true }),
  of("7.1.2", "a trailer", chunked(whole.replace("0\r\n\r\n", "0\r\nA: b\r\n\r\n")), published),
  of("7.1.2", "a trailer that would be a Content-Length", chunked(whole.replace("0\r\n\r\n", "0\r\nContent-Length: 5\r\n\r\n")), [...published, ...refused]),
  of("8", "the connection ends within the head", "GET /healthz HTTP/1.1\r\nHost:", ["closed", ...refused], { end: true }),
  of("8", "the connection ends within the body", post("Content-Length: 100") + event, ["closed", ...refused], { end: true }),
  of("9.3", "HTTP/1.1 stays open", get(), taken),
  of("9.3", "HTTP/1.0 ends", crlf("GET /healthz HTTP/1.0", ""), ["200 closed"]),
  of("9.3", "HTTP/1.0 with keep-alive", crlf("GET /healthz HTTP/1.0", "Connection: keep-alive", ""), ["200", "200 closed"]),
  of("9.3.2", "three requests at once, answered in order", get() + crlf("GET /nowhere HTTP/1.1", "Host: x", "") + get(), ["200 404 200"]),
  of("9.3.2", "a request after a body", post("Content-Length: 22") + event + get(), ["202 200"]),
  of("9.3.2", "a bad request after a good one", `${get()}GARBAGE\r\n\r\n`, ["200 400 closed"]),
  of("9.6", "Connection: close", last(), ["200 closed"]),
  of("9.6", "nothing is answered after Connection: close", last() + get(), ["200 closed"]),
  of("9110 7.6.1", "Connection: CLOSE", get("Connection: CLOSE"), ["200 closed"]),
  of("9110 9.3.2", "HEAD, without a body", crlf("HEAD /healthz HTTP/1.1", "Host: x", ""), taken, { head: true }),
  of("9110 9.3.2", "HEAD of what is not there", crlf("HEAD /nowhere HTTP/1.1", "Host: x", ""), ["404"], { head: true }),
  of("9110 9.3.8", "TRACE", crlf("TRACE /healthz HTTP/1.1", "Host: x", ""), ["405", "501"]),
  of("9110 10.1.1", "Expect: 100-continue, and the body after it", [post("Content-Length: 22", "Expect: 100-continue"), event], ["100 202"]),
  of("9110 10.1.1", "Expect: 100-continue, with the body at once", post("Content-Length: 22", "Expect: 100-continue") + event, ["202", "100 202"]),
  of("9110 10.1.1", "Expect: 100-continue over HTTP/1.0", (post("Content-Length: 22", "Expect: 100-continue") + event).replace("HTTP/1.1", "HTTP/1.0"), ["202 closed"]),
  of("9110 10.1.1", "an expectation that nobody knows", post("Content-Length: 22", "Expect: tea") + event, ["202", "417", "417 closed"]),
  of("9110 10.1.1", "refused without waiting for the body", crlf("POST /v1/publish HTTP/1.1", "Host: x", "X-API-Key: wrong", "Content-Length: 22", "Expect: 100-continue", ""), ["401", "401 closed"]),
];
