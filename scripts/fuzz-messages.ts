// Spoilt messages of every kind and direction, many of them: `bun scripts/fuzz-messages.ts [--count N] [--seed N]`, a million of each by default. Anything but a
// typed outcome is an error, and so is memory that grows.
import { parseArgs } from "node:util";
import { fuzz } from "../test/protocol/mutate.ts";

const OPTIONS = {
  count: { type: "string", default: "1000000" },
  seed: { type: "string", default: "1" },
} as const;

/** Growth after the first tenth that is still noise of the heap. */
const MAX_GROWTH_BYTES = 48 * 2 ** 20;
const ROUND = 10_000;

const { values } = parseArgs({ options: OPTIONS });
const count = Number(values.count);
let seed = Number(values.seed);
let settledBytes = 0;
let growthBytes = 0;
const total = { good: 0, bad: 0 };
for (let done = 0; done < count; done += ROUND) {
  const { good, bad } = fuzz(Math.min(ROUND, count - done), seed++);
  total.good += good;
  total.bad += bad;
  Bun.gc(true);
  const { heapUsed } = process.memoryUsage();
  if (done <= count / 10) settledBytes = Math.max(settledBytes, heapUsed);
  growthBytes = heapUsed - settledBytes;
}
console.log(`${count} of each direction: ${total.good} still good, ${total.bad} refused`);
console.log(
  `heap ${Math.round(settledBytes / 2 ** 20)} MiB after the first tenth, ${Math.round(growthBytes / 2 ** 20)} MiB more at the end`,
);
if (growthBytes > MAX_GROWTH_BYTES) {
  console.error("memory grows");
  process.exitCode = 1;
}
