/** The figures of the machine that the tests run on: plausible, and of the right shape. */
import { expect, test } from "bun:test";
import { createNodeMetrics } from "../../src/metrics/node-metrics.ts";

test("metrics: a node knows its names and a capacity above nothing", async () => {
  const facts = await createNodeMetrics().facts();
  expect(facts).toEqual({
    name: expect.stringMatching(/./),
    machineId: expect.stringMatching(/./),
    os: process.platform,
    arch: expect.stringMatching(/./),
    capacity: { cpuMillis: expect.any(Number), memoryBytes: expect.any(Number), diskBytes: expect.any(Number) },
  });
  for (const figure of Object.values(facts.capacity)) expect(figure).toBeGreaterThan(0);
});

test("metrics: a sample lies within the capacity and carries no book figures unasked", async () => {
  const source = createNodeMetrics();
  const { capacity } = await source.facts();
  const sample = await source.sample();
  expect(sample.cpuMillis).toBeLessThanOrEqual(capacity.cpuMillis);
  expect(sample.memoryTotalBytes).toBe(capacity.memoryBytes);
  expect(sample.memoryUsedBytes).toBeGreaterThan(0);
  expect(sample.memoryUsedBytes).toBeLessThan(sample.memoryTotalBytes);
  expect(sample.diskUsedBytes).toBeLessThan(sample.diskTotalBytes);
  expect(sample.book).toBeNull();
});

test("metrics: CPU use of a busy process shows in the next sample", async () => {
  const source = createNodeMetrics();
  await source.sample();
  const busy = Bun.spawn(["sh", "-c", "while :; do :; done"]);
  try {
    let seen = 0;
    while (seen < 200) {
      await Bun.sleep(50);
      seen = (await source.sample()).cpuMillis;
    }
    expect(seen).toBeGreaterThanOrEqual(200);
  } finally {
    busy.kill("SIGKILL");
    await busy.exited;
  }
});

test.skipIf(process.platform !== "linux")("metrics: the book's Stats have its names and units", async () => {
  const { book } = await createNodeMetrics({ book: true }).sample();
  expect(Object.keys(book ?? {})).toEqual(["MemStats", "DiskStats", "CpuStats", "LoadStats"]);
  expect(book?.MemStats).toMatchObject({
    mem_total: expect.any(Number),
    mem_available: expect.any(Number),
    swap_total: expect.any(Number),
  });
  const { all = 0, used = 0, free = 0 } = book?.DiskStats ?? {};
  expect(used).toBe(all - free);
  expect(book?.DiskStats).toHaveProperty("freeInodes");
  expect(book?.CpuStats.id).toBe("cpu");
  expect(book?.LoadStats).toHaveProperty("process_total");
});
