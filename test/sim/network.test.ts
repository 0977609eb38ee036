/** The simulated network keeps the promises of TCP. */
import { expect, test } from "bun:test";
import { MachineClock } from "../../src/sim/machine-clock.ts";
import { type Frame, Network, Wire } from "../../src/sim/network.ts";
import { SimProcess } from "../../src/sim/process.ts";
import { EventQueue } from "../../src/sim/queue.ts";
import { Streams } from "../../src/sim/random.ts";

const SENT = Array.from({ length: 40 }, (_, at) => `${at}`);

/** Forty frames, one each 20 ms, and a cut that lasts for 50 ms: their numbers as they arrive. */
function heardAcrossCut(seed: number): string[] {
  const queue = new EventQueue();
  const traits = { minDelayMs: 1, meanDelayMs: 100, capacity: 1_000, garbagePerMille: 0 };
  const network = new Network(queue, new Streams(seed), traits);
  const process = new SimProcess(queue, new MachineClock(queue, { driftPpm: 0, skewMs: 0 }));
  process.begin();
  const heard: string[] = [];
  const hear = (frame: Frame): void => void heard.push(frame.kind === "garbage" ? frame.reason : frame.kind);
  const wire = new Wire(network, "a", "b");
  wire.attach(1, { machine: "b", process, life: process.life, hear });
  for (const reason of SENT) queue.after(20 * Number(reason), () => wire.send(0, { kind: "garbage", reason }));
  queue.after(400, () => network.cut("a", "b"));
  queue.after(450, () => {
    network.heal("a", "b");
    wire.healed("a", "b");
  });
  while (queue.step(60_000));
  return heard;
}

test("sim: network: frames that are under way when a cut comes and goes arrive in order", () => {
  for (let seed = 1; seed <= 20; seed++) expect(heardAcrossCut(seed)).toEqual(SENT);
});
