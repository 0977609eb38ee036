/** A command's output between its source and one reader: nothing lost below the bound, a named rule at it. */
import { expect, test } from "bun:test";
import { OutputQueue } from "../../src/runtime/output-queue.ts";

const MEBIBYTE = 1 << 20;
const piece = (bytes: number, fill = 1) => ({ stream: "stdout" as const, data: new Uint8Array(bytes).fill(fill) });

async function sizes(queue: OutputQueue): Promise<number[]> {
  const found: number[] = [];
  for await (const { data } of queue) found.push(data.byteLength);
  return found;
}

test("runtime: output that came before its reader is not lost, and the end follows it", async () => {
  const queue = new OutputQueue({});
  queue.push(piece(3));
  queue.push(piece(4));
  queue.end();
  queue.push(piece(5));
  expect(await sizes(queue)).toEqual([3, 4]);
});

test("runtime: a reader that came first gets output as it comes", async () => {
  const queue = new OutputQueue({});
  const reading = sizes(queue);
  await Promise.resolve();
  queue.push(piece(3));
  await Promise.resolve();
  queue.push(piece(4));
  queue.end();
  expect(await reading).toEqual([3, 4]);
});

test("runtime: a source that can pause does so at the bound and goes on once half is read", async () => {
  const asked: string[] = [];
  const queue = new OutputQueue({ pause: () => asked.push("pause"), resume: () => asked.push("resume") });
  for (let count = 0; count < 5; count++) queue.push(piece(MEBIBYTE / 4));
  expect(asked).toEqual(["pause"]);
  queue.end();
  expect(await sizes(queue)).toEqual([1, 1, 1, 1, 1].map(() => MEBIBYTE / 4));
  expect(asked).toEqual(["pause", "resume"]);
});

test("runtime: a source that cannot pause loses its oldest output, and the reader is told how much", async () => {
  const queue = new OutputQueue({});
  for (let count = 0; count < 6; count++) queue.push(piece(MEBIBYTE / 4, count));
  queue.end();
  const found = await Array.fromAsync(queue);
  expect(new TextDecoder().decode(found[0]?.data)).toContain(`[${MEBIBYTE / 2} bytes of output lost]`);
  expect(found.slice(1).map(({ data }) => data[0])).toEqual([2, 3, 4, 5]);
});
