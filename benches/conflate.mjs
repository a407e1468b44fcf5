#!/usr/bin/env node
// A room of sensors that are read 1000 times a second, for 500 event streams: as it comes, and conflated to once a second.
// Prints the table of proto-docs/performance.md: the processor time of the gateway, what each client was given, and how
// long it took until the last client had the last value of each sensor.
//
//   cargo build --release --bin gatecast
//   benches/conflate.mjs [--clients 500] [--rate 1000] [--sensors 10] [--seconds 10] [--binary target/release/gatecast]
//
// The gateway has processor 0 for itself, the load the other ones. Figures count only if nothing else runs.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    clients: { type: 'string', default: '500' },
    rate: { type: 'string', default: '1000' },
    sensors: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '10' },
    binary: { type: 'string', default: path.join(import.meta.dirname, '../target/release/gatecast') },
  },
});
const [clients, rate, sensors, seconds] = ['clients', 'rate', 'sensors', 'seconds'].map((name) => Number(options[name]));
const port = 27065;
const key = { 'X-API-Key': 'compare-key' };
const policies = {
  'as it comes': '',
  'conflated to 1/s': '[rooms."bench"]\ndeliver = { mode = "conflate", key = "sensor", every = "1s" }\n',
};

function start(policy) {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'conflate-')), 'gatecast.toml');
  const compare = readFileSync(path.join(import.meta.dirname, 'compare/gatecast.toml'), 'utf8');
  writeFileSync(file, compare.replace('127.0.0.1:27064', `127.0.0.1:${port}`) + policy);
  const args = ['-c', '0', options.binary, 'serve', '--config', file];
  return spawn('taskset', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function until(condition, what) {
  for (const end = Date.now() + 10_000; Date.now() < end; await pause(20)) {
    if (await condition()) return;
  }
  throw new Error(`waited 10 s for ${what}`);
}

const isOpen = () => new Promise((resolve) => {
  const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
  socket.on('error', () => resolve(false));
});

// An event stream that knows its last value of each sensor: what was given before that is only counted.
class Client {
  constructor() {
    this.events = 0;
    this.last = new Map();
    this.rest = '';
    this.socket = connect(port, '127.0.0.1');
    this.socket.write('GET /v1/stream?room=bench HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\nX-API-Key: compare-key\r\n\r\n');
    this.socket.on('data', (chunk) => this.take(chunk.toString('latin1')));
  }

  take(text) {
    this.isOpen ||= text.includes('event: welcome');
    const all = this.rest + text;
    const end = all.lastIndexOf('\n\n');
    this.rest = all.slice(end + 1);
    for (const [, sensor, value] of all.slice(0, Math.max(end, 0)).matchAll(/"sensor":(\d+),"value":(\d+)/g)) {
      this.events += 1;
      this.last.set(Number(sensor), Number(value));
    }
  }

  has(values) {
    return [...values].every(([sensor, value]) => this.last.get(sensor) === value);
  }
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function publish(events) {
  const body = JSON.stringify({ events });
  return new Promise((resolve, reject) => {
    const asked = request({ port, method: 'POST', path: '/v1/publish', headers: { ...key, 'Content-Length': body.length }, agent }, (answer) => {
      answer.resume();
      answer.on('end', () => (answer.statusCode === 202 ? resolve() : reject(new Error(`status ${answer.statusCode}`))));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

// Milliseconds of the processor that the process has taken.
function processor(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function measure(policy) {
  const gateway = start(policy);
  try {
    await until(isOpen, 'the gateway');
    const all = Array.from({ length: clients }, () => new Client());
    await until(() => all.every((client) => client.isOpen), 'the streams');
    const [before, began] = [processor(gateway.pid), Date.now()];
    const last = new Map();
    for (let tick = 0, number = 0; tick < seconds * 100; tick += 1) {
      const events = Array.from({ length: rate / 100 }, () => {
        const data = { sensor: number % sensors, value: number };
        last.set(data.sensor, data.value);
        number += 1;
        return { room: 'bench', event: 'reading', data };
      });
      await publish(events);
      await pause(Math.max(0, began + 10 * (tick + 1) - Date.now()));
    }
    const published = Date.now();
    const cost = (processor(gateway.pid) - before) / ((published - began) / 1000) / 10;
    await until(() => all.every((client) => client.has(last)), 'the last value of each sensor');
    const late = Date.now() - published;
    const given = all.reduce((sum, client) => sum + client.events, 0) / clients / seconds;
    all.forEach((client) => client.socket.destroy());
    return { cost, given, late };
  } finally {
    gateway.kill();
    await new Promise((resolve) => { gateway.on('exit', resolve); });
  }
}

console.log(`| ${sensors} sensors, ${rate} events/s, ${clients} event streams | of one processor, % | events a client and second | last value at the last client after, ms |`);
console.log('| --- | ---: | ---: | ---: |');
for (const [name, policy] of Object.entries(policies)) {
  const { cost, given, late } = await measure(policy);
  console.log(`| ${name} | ${cost.toFixed(1)} | ${given.toFixed(1)} | ${late} |`);
}
agent.destroy();
