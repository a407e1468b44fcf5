// The ways in through one proxy: what a client speaks with it.
import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The ways through a proxy that listens on the ports `clear` and `tls`, the latter with the certificate of `directory`.
 * `log()` is what it has written to its logs; `cut` and `nothing` are curl's verdicts over HTTP/2.
 *
 * curl's verdicts: 18, the transfer ended before its last chunk; 52, no answer at all; 92, the stream was reset.
 */
export function waysThrough({ clear, tls, directory, log, cut, nothing }) {
  const certificate = join(directory, "pair.pem");
  const http1 = { cut: 18, nothing: 52, log };
  const secure = { origin: `https://localhost:${tls}`, ca: readFileSync(certificate, "utf8"), certificate };
  return [
    { ...http1, name: "HTTP/1.1", origin: `http://127.0.0.1:${clear}`, curl: [] },
    { ...http1, ...secure, name: "TLS", curl: ["--cacert", certificate, "--http1.1"] },
    { ...secure, name: "HTTP/2", curl: ["--cacert", certificate, "--http2"], http2: true, cut, nothing, log },
    { ...http1, name: "under a path", origin: `http://127.0.0.1:${clear}/live`, curl: [] },
  ];
}
