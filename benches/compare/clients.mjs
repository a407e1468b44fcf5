// Clients that the load tool has not: over TLS and HTTP/2, each on a connection of its own, and one that does not read.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { connect as http2 } from 'node:http2';
import { connect as tcp } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as tls } from 'node:tls';

const CLEAR = 27064;
const SECURE = 27065;
const TARGET = '/v1/stream?room=bench';
const REQUEST = `GET ${TARGET} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: compare-key\r\nAccept: text/event-stream\r\n\r\n`;
const HEADERS = { ':path': TARGET, 'x-api-key': 'compare-key', accept: 'text/event-stream' };

// A server like `gateway`, which speaks TLS on another port.
export function secure(gateway) {
  const there = mkdtempSync(path.join(tmpdir(), 'compare-'));
  const [cert, key] = ['cert.pem', 'key.pem'].map((name) => path.join(there, name));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1',
    '-subj', '/CN=localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const config = path.join(there, 'gatecast.toml');
  const lines = readFileSync(path.join(import.meta.dirname, 'gatecast.toml'), 'utf8')
    .replace(/^listen = .*$/m, `listen = ["http://127.0.0.1:${CLEAR}", "https://127.0.0.1:${SECURE}"]\ntls = { cert = "${cert}", key = "${key}" }`);
  writeFileSync(config, lines);
  return { ...gateway, start: [...gateway.start.slice(0, -1), config] };
}

const opened = (stream, begin) => new Promise((resolve, reject) => {
  stream.on('error', reject).once('data', () => resolve());
  begin();
});

async function plain(socket) {
  await opened(socket, () => socket.write(REQUEST));
  return socket;
}

async function streamed(session) {
  const stream = session.request(HEADERS);
  await opened(stream, () => {});
  return session;
}

const ways = {
  'HTTP/1.1': () => plain(tcp(CLEAR, '127.0.0.1')),
  'HTTP/1.1, TLS': () => plain(tls({ port: SECURE, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })),
  'HTTP/2': () => streamed(http2(`http://127.0.0.1:${CLEAR}`)),
  'HTTP/2, TLS': () => streamed(http2(`https://127.0.0.1:${SECURE}`, { rejectUnauthorized: false })),
};

export const kinds = Object.keys(ways);

// So many event streams, each open.
export async function connectAll(kind, count) {
  const clients = [];
  while (clients.length < count) {
    clients.push(...await Promise.all(Array.from({ length: 50 }, ways[kind])));
  }
  return clients;
}

// One event stream whose client takes nothing behind its beginning.
export async function stall(port) {
  const socket = await plain(tcp(port, '127.0.0.1'));
  socket.pause();
  return socket;
}
