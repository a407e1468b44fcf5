#!/usr/bin/env node
// The same load for the floor, nchan, Socket.IO and gatecast, one after the other on one machine: each server alone on
// processor 0, the load tool on processor 1. Prints the tables of proto-docs/performance.md.
//
//   cargo build --release --bin gatecast --example floor
//   apt-get install nginx libnginx-mod-nchan; npm install --prefix target/socketio socket.io@4      (as you like)
//   benches/compare/run.mjs [--only gatecast,floor] [--clients 1000] [--duration 5s] [--binary target/release/gatecast]
//
// A server that is not installed is left out, and named. Figures count only if nothing else runs: the load is told.
import { spawn, execFile } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { connect } from 'node:net';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';

const here = import.meta.dirname;
const root = path.join(here, '../..');
const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    clients: { type: 'string', default: '1000' },
    duration: { type: 'string', default: '5s' },
    binary: { type: 'string', default: path.join(root, 'target/release/gatecast') },
  },
});

const socketio = path.join(root, 'target/socketio');
// What to start, whether it can be, and what the load tool is told of it.
const servers = [
  {
    name: 'floor',
    needs: path.join(root, 'target/release/examples/floor'),
    port: 27061,
    start: ['target/release/examples/floor', '127.0.0.1:27061'],
    load: { sse: ['--against', 'http://127.0.0.1:27061/', '--publish-to', 'http://127.0.0.1:27061/'] },
  },
  {
    name: 'nchan',
    needs: '/usr/lib/nginx/modules/ngx_nchan_module.so',
    port: 27062,
    start: ['/usr/sbin/nginx', '-p', mkdtempSync(path.join(tmpdir(), 'nchan-')), '-c', path.join(here, 'nchan.conf')],
    load: Object.fromEntries(
      [['sse', 'http'], ['websocket', 'ws']].map(([transport, scheme]) => [transport,
        ['--against', `${scheme}://127.0.0.1:27062/live/bench`, '--publish-to', 'http://127.0.0.1:27062/pub/bench']]),
    ),
  },
  {
    name: 'Socket.IO',
    needs: path.join(socketio, 'node_modules/socket.io'),
    port: 27063,
    start: [process.execPath, path.join(here, 'socketio.cjs'), socketio],
    load: {
      websocket: ['--against', 'ws://127.0.0.1:27063/socket.io/?EIO=4&transport=websocket', '--hello', '40', '--answer', '2=3',
        '--publish-to', 'http://127.0.0.1:27063/'],
    },
  },
  {
    name: 'gatecast',
    needs: options.binary,
    port: 27064,
    start: [options.binary, 'serve', '--config', path.join(here, 'gatecast.toml')],
    load: Object.fromEntries(['sse', 'websocket'].map((transport) => [transport,
      ['--url', 'http://127.0.0.1:27064', '--key', 'compare-key']])),
    herd: true,
  },
];

function isOpen(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => socket.destroy() && resolve(true)).on('error', () => resolve(false));
  });
}

async function listening(port) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (await isOpen(port)) return;
    await pause(50);
  }
  throw new Error(`nothing listens on ${port}`);
}

// One run against a server of its own, so that none pays for the run before.
async function measure(server, transport, load) {
  if (await isOpen(server.port)) throw new Error(`somebody else listens on ${server.port}`);
  const running = spawn('taskset', ['-c', '0', ...server.start], { cwd: root, stdio: 'ignore' });
  const gone = new Promise((resolve) => running.on('exit', resolve));
  try {
    await listening(server.port);
    const tool = ['-c', '1', options.binary, 'bench', '--json', '--transport', transport, '--pid', String(running.pid),
      ...load, ...server.load[transport]];
    // It ends with 1 where something is missing, which the table shows.
    const { stdout, stderr } = await promisify(execFile)('taskset', tool).catch((failed) => failed);
    if (!stdout) throw new Error(`${server.name}: ${stderr}`);
    return JSON.parse(stdout);
  } finally {
    running.kill();
    await gone;
  }
}

const milliseconds = (us) => (us === undefined ? '–' : (us / 1000).toFixed(us < 10000 ? 2 : 0));
const row = (...cells) => console.log(`| ${cells.join(' | ')} |`);

function head(...cells) {
  console.log('');
  row(...cells);
  row(...cells.map((_, index) => (index < 2 ? '---' : '---:')));
}

async function each(present, load, tell) {
  for (const transport of ['sse', 'websocket']) {
    for (const server of present.filter((one) => one.load[transport])) {
      tell(server, transport, await measure(server, transport, load));
    }
  }
}

const wanted = servers.filter(({ name }) => !options.only || options.only.split(',').includes(name));
const present = wanted.filter(({ needs }) => existsSync(needs));
for (const { name, needs } of wanted.filter((one) => !present.includes(one))) {
  console.error(`left out: ${name}, because ${needs} is not there`);
}
const load = () => loadavg()[0].toFixed(1);
console.log(`${cpus()[0].model}, Linux ${release()}, load before ${load()}`);

for (const rate of ['20', '200']) {
  head(`${options.clients} clients, ${rate} events/s`, 'over', 'CPU a delivery, µs', 'of the floor', 'p50, ms', 'p99, ms', 'publish p50, ms', 'missing');
  let floor;
  await each(present, ['--clients', options.clients, '--rate', rate, '--duration', options.duration], (server, transport, report) => {
    const cost = report.cost?.cpu_us_per_delivery;
    if (server.name === 'floor') floor = cost;
    const { latency_us: latency, missing } = report.deliveries;
    row(server.name, transport, cost?.toFixed(2) ?? '–', floor && cost ? (cost / floor).toFixed(2) : '–',
      milliseconds(latency.p50), milliseconds(latency.p99), milliseconds(report.published.answer_us.p50), missing);
  });
}

head('idle clients', 'over', 'resident bytes each', 'CPU to connect, µs each');
await each(present.filter(({ name }) => name !== 'floor'), ['--clients', '4000', '--idle'], (server, transport, report) =>
  row(server.name, transport, report.cost?.resident_bytes_per_client ?? '–', report.cost?.connecting_cpu_us_per_client?.toFixed(0) ?? '–'));

head('8000 clients come back at once, 50 events behind', 'over', 'all served after, s', 'refused');
await each(present.filter((one) => one.herd), ['--clients', '8000', '--herd', '50'], (server, transport, report) =>
  row(server.name, transport, (report.served.us.max / 1e6).toFixed(2), Object.values(report.clients.refused).reduce((sum, one) => sum + one, 0)));

console.log(`\nload after ${load()}`);
