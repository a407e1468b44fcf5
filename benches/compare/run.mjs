#!/usr/bin/env node
// The same load for the floor, nchan, Socket.IO and gatecast, one after the other on one machine: each server alone on
// processor 0, the load tool on processor 1. Prints the tables of proto-docs/performance.md.
//
//   cargo build --release --bin gatecast --example floor
//   apt-get install nginx libnginx-mod-nchan; npm install --prefix target/socketio socket.io@4      (as you like)
//   benches/compare/run.mjs [--only gatecast,floor] [--clients 1000] [--duration 5s] [--rounds 3]
//                           [--tables speed,storm,sizes,idle,secure,herd,stalled] [--binary target/release/gatecast]
//
// A server that is not installed is left out, and named. Figures count only if nothing else runs: the load is told. Each
// is measured in as many rounds, in which the servers take turns, because a virtual machine is faster now and slower then: a
// cost is the least of them, as others only ever take something away, and the spans are the medians.
import { spawn, execFile } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';

import { connectAll, kinds, secure, stall } from './clients.mjs';

const here = import.meta.dirname;
const root = path.join(here, '../..');
const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    clients: { type: 'string', default: '1000' },
    duration: { type: 'string', default: '5s' },
    rounds: { type: 'string', default: '3' },
    tables: { type: 'string', default: 'speed,storm,sizes,idle,secure,herd,stalled' },
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
    load: Object.fromEntries(['sse', 'websocket', 'long-poll'].map((transport) => [transport,
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

// Does `work` with a server of its own on processor 0, so that none pays for the run before.
async function served(server, work) {
  if (await isOpen(server.port)) throw new Error(`somebody else listens on ${server.port}`);
  const running = spawn('taskset', ['-c', '0', ...server.start], { cwd: root, stdio: 'ignore' });
  const gone = new Promise((resolve) => running.on('exit', resolve));
  try {
    await listening(server.port);
    return await work(running.pid);
  } finally {
    running.kill();
    await gone;
  }
}

// What the load tool reports of a server, from processor 1.
async function bench(server, transport, load, pid) {
  const tool = ['-c', '1', options.binary, 'bench', '--json', '--transport', transport, '--pid', String(pid),
    ...load, ...server.load[transport]];
  // It ends with 1 where something is missing, which the table shows.
  const { stdout, stderr } = await promisify(execFile)('taskset', tool).catch((failed) => failed);
  if (!stdout) throw new Error(`${server.name}: ${stderr}`);
  return JSON.parse(stdout);
}

const measure = (server, transport, load) => served(server, (pid) => bench(server, transport, load, pid));

const milliseconds = (us) => (us === undefined ? '–' : (us / 1000).toFixed(us < 10000 ? 2 : 0));
const row = (...cells) => console.log(`| ${cells.join(' | ')} |`);

function head(...cells) {
  console.log('');
  row(...cells);
  row(...cells.map((_, index) => (index < 2 ? '---' : '---:')));
}

const transports = ['sse', 'websocket', 'long-poll'];
const pairs = (present) => transports.flatMap((transport) =>
  present.filter((one) => one.load[transport]).map((server) => ({ server, transport })));

const least = (reports) => {
  const costs = reports.map((report) => report.cost?.cpu_us_per_delivery).filter((cost) => cost !== undefined);
  return costs.length > 0 ? Math.min(...costs) : undefined;
};
const middle = (all) => [...all].sort((one, other) => one - other)[Math.floor(all.length / 2)];

// The reports of each server and transport, of all rounds: in each they take turns.
async function rounds(pairs, load) {
  const all = pairs.map((pair) => ({ ...pair, reports: [] }));
  for (let round = 0; round < Number(options.rounds); round += 1) {
    for (const one of all) one.reports.push(await measure(one.server, one.transport, load));
  }
  return all;
}

const wanted = servers.filter(({ name }) => !options.only || options.only.split(',').includes(name));
const present = wanted.filter(({ needs }) => existsSync(needs));
for (const { name, needs } of wanted.filter((one) => !present.includes(one))) {
  console.error(`left out: ${name}, because ${needs} is not there`);
}
const load = () => loadavg()[0].toFixed(1);
console.log(`${cpus()[0].model}, Linux ${release()}, load before ${load()}`);

async function speed(title, pairs, load) {
  head(title, 'over', 'CPU a delivery, µs', 'of the floor', 'p50, ms', 'p99, ms', 'publish p50, ms', 'missing');
  let floor;
  for (const { server, transport, reports } of await rounds(pairs, load)) {
    const of = (figure) => middle(reports.map(figure));
    const cost = least(reports);
    if (server.name === 'floor') floor = cost;
    row(server.name, transport, cost?.toFixed(2) ?? '–', floor && cost ? (cost / floor).toFixed(2) : '–',
      milliseconds(of((report) => report.deliveries.latency_us.p50)), milliseconds(of((report) => report.deliveries.latency_us.p99)),
      milliseconds(of((report) => report.published.answer_us.p50)), Math.max(...reports.map((report) => report.deliveries.missing)));
  }
}

const resident = async (pid) => Number((await readFile(`/proc/${pid}/status`, 'utf8')).match(/VmRSS:\s+(\d+) kB/)[1]) * 1024;
const gateway = present.find((one) => one.herd);

const tables = {
  async speed() {
    for (const rate of ['20', '200']) {
      const load = ['--clients', options.clients, '--rate', rate, '--duration', options.duration];
      await speed(`${options.clients} clients, ${rate} events/s`, pairs(present), load);
    }
  },

  async storm() {
    const streams = pairs(present).filter(({ transport }) => transport !== 'long-poll');
    await speed('2000 clients, 1000 events/s', streams, ['--clients', '2000', '--rate', '1000', '--duration', options.duration]);
  },

  // Always 20 000 deliveries a second.
  async sizes() {
    head('20 000 deliveries/s to', 'over', 'CPU a delivery, µs', 'of the floor', 'p99, ms', 'missing');
    for (const clients of [50, 500, 5000, 15000]) {
      const load = ['--clients', String(clients), '--rate', String(20000 / clients), '--duration', options.duration];
      const streams = pairs(present.filter((one) => one === gateway || one.name === 'floor')).filter(({ transport }) => transport !== 'long-poll');
      let floor;
      for (const { server, transport, reports } of await rounds(streams, load)) {
        const cost = least(reports);
        if (server.name === 'floor') floor = cost;
        row(`${clients} clients, ${server.name}`, transport, cost.toFixed(2), floor ? (cost / floor).toFixed(2) : '–',
          milliseconds(middle(reports.map((report) => report.deliveries.latency_us.p99))),
          Math.max(...reports.map((report) => report.deliveries.missing)));
      }
    }
  },

  async idle() {
    head('8000 idle clients', 'over', 'resident bytes each', 'CPU to connect, µs each');
    for (const { server, transport } of pairs(present.filter(({ name }) => name !== 'floor'))) {
      const report = await measure(server, transport, ['--clients', '8000', '--idle']);
      row(server.name, transport, report.cost?.resident_bytes_per_client ?? '–', report.cost?.connecting_cpu_us_per_client?.toFixed(0) ?? '–');
    }
  },

  // Each client on a connection of its own.
  async secure() {
    head('1000 idle SSE clients of gatecast', 'over', 'resident bytes each');
    for (const kind of kinds) {
      await served(secure(gateway), async (pid) => {
        const before = await resident(pid);
        const clients = await connectAll(kind, 1000);
        await pause(2000);
        row('', kind, Math.round((await resident(pid) - before) / clients.length));
        clients.forEach((client) => client.destroy());
      });
    }
  },

  async herd() {
    for (const behind of ['50', '100']) {
      head(`8000 clients come back at once, ${behind} events behind`, 'over', 'all served after, s', 'refused');
      for (const transport of ['sse', 'websocket']) {
        const report = await measure(gateway, transport, ['--clients', '8000', '--herd', behind]);
        row('gatecast', transport, (report.served.us.max / 1e6).toFixed(2), Object.values(report.clients.refused).reduce((sum, one) => sum + one, 0));
      }
    }
  },

  // 100 000 events of 1 KiB, in less time than a client that takes nothing is given.
  async stalled() {
    head('gatecast, 100 000 events of 1 KiB to 10 clients', 'beside them', 'resident at the end, KiB', 'p99, ms', 'missing');
    for (const stalls of [false, true]) {
      await served(gateway, async (pid) => {
        const reader = stalls && await stall(gateway.port);
        const report = await bench(gateway, 'sse', ['--clients', '10', '--rate', '4000', '--duration', '25s', '--size', '1024'], pid);
        row('', stalls ? 'one that does not read' : 'nobody', Math.round(await resident(pid) / 1024),
          milliseconds(report.deliveries.latency_us.p99), report.deliveries.missing);
        if (reader) reader.destroy();
      });
    }
  },
};

for (const name of options.tables.split(',')) await tables[name]();
console.log(`\nload after ${load()}`);
