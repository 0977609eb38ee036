/**
 * Many workers in one process, for links.ts: each has a key of its own, the real link over TLS and the real worker, and a runtime that only pretends. Started
 * with FIRST COUNT PORT TOKENFILE DIRECTORY; says how many are linked whenever that has changed. Worker k dials the manager as 10.8.(k / 250).(k mod 250 + 1), which
 * on loopback is where its own connection comes from too, so that the manager sees as many machines.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { seededDraw } from "../../src/core/jitter.ts";
import { systemClock } from "../../src/roles/clock.ts";
import { createMemoryJournal } from "../../src/store/memory-journal.ts";
import { openIdentity } from "../../src/transport/identity.ts";
import { readJoinToken } from "../../src/transport/join-token.ts";
import { createManagerLink } from "../../src/transport/manager-link.ts";
import { WorkerHost } from "../../src/worker/host.ts";
import type { NodeMetricsSource } from "../../src/worker/ports.ts";
import { FakeEngine, FakeRuntime } from "../../test/fakes/runtime.ts";

/** Between two starts of workers, so that a process is not busy with keys alone. */
const PACE_MS = 2;
const TELL_MS = 250;
const SILENT = { info: () => {}, warn: () => {}, error: () => {} };

const [first = 0, count = 0, port = 0] = process.argv.slice(2, 5).map(Number);
const [tokenFile = "", directory = ""] = process.argv.slice(5);
let linked = 0;
let told = -1;

function metricsOf(name: string): NodeMetricsSource {
  const capacity = { cpuMillis: 8_000, memoryBytes: 2 ** 34, diskBytes: 2 ** 38 };
  return {
    facts: async () => ({ name, machineId: name, os: "linux", arch: "x64", capacity }),
    sample: async () => ({
      cpuMillis: 800,
      memoryUsedBytes: 2 ** 31,
      memoryTotalBytes: capacity.memoryBytes,
      diskUsedBytes: 2 ** 36,
      diskTotalBytes: capacity.diskBytes,
      load: [0.5, 0.5, 0.5],
      atMs: Date.now(),
      book: null,
    }),
  };
}

async function startWorker(index: number): Promise<void> {
  const name = `w${index}`;
  const own = join(directory, name);
  mkdirSync(own, { recursive: true });
  const identity = openIdentity(join(own, "worker.key"));
  if (!identity.ok) throw new Error(identity.failure.message);
  const { id } = identity.value;
  const host = `10.8.${Math.floor(index / 250)}.${(index % 250) + 1}`;
  const link = createManagerLink({
    identity: identity.value,
    machineId: name,
    pinFile: join(own, "manager.pin"),
    token: () => readJoinToken(tokenFile),
    join: { host, port },
    log: SILENT,
    draw: seededDraw(index + 1),
  });
  const worker = new WorkerHost({
    node: {
      id,
      name,
      address: host,
      version: "0.1.0",
      labels: {},
      reserved: { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 },
      local: false,
    },
    runtimes: [new FakeRuntime(id, new FakeEngine({ nowMs: () => Date.now() }))],
    journal: createMemoryJournal(),
    link: { send: (message) => link.send(message), open: (handlers) => link.open(counted(handlers)) },
    metrics: metricsOf(name),
    clock: systemClock(),
    log: SILENT,
    seed: index,
  });
  await worker.start();
}

type Handlers = Parameters<ReturnType<typeof createManagerLink>["open"]>[0];

function counted(handlers: Handlers): Handlers {
  return {
    onMessage: handlers.onMessage,
    onLinked: () => {
      linked++;
      handlers.onLinked();
    },
    onUnlinked: () => {
      linked--;
      handlers.onUnlinked();
    },
  };
}

setInterval(() => {
  if (linked !== told) console.log(linked);
  told = linked;
}, TELL_MS);

for (let index = first; index < first + count; index++) {
  await startWorker(index);
  await Bun.sleep(PACE_MS);
}
