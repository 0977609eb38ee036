// Answers that are given once for each key.
import { expect, test } from "bun:test";
import { IdempotentAnswers, idempotencyKey } from "../../src/api/idempotency.ts";

const count = () => {
  let runs = 0;
  return { run: async () => ++runs, runs: () => runs };
};

test("api: idempotency: a key gives its first answer until it is too old", async () => {
  let nowMs = 0;
  const answers = new IdempotentAnswers(() => nowMs);
  const { run } = count();
  expect([await answers.once("k", "POST /a", run), await answers.once("k", "POST /a", run)]).toEqual([1, 1]);
  nowMs = 11 * 60_000;
  expect(await answers.once("k", "POST /a", run)).toBe(2);
});

test("api: idempotency: without a key every request runs", async () => {
  const answers = new IdempotentAnswers(() => 0);
  const { run } = count();
  expect([await answers.once("", "POST /a", run), await answers.once("", "POST /a", run)]).toEqual([1, 2]);
});

test("api: idempotency: the oldest keys make room for new ones", async () => {
  const answers = new IdempotentAnswers(() => 0);
  const { run, runs } = count();
  for (let index = 0; index < 1_500; index++) await answers.once(`k${index}`, "POST /a", run);
  await answers.once("k1499", "POST /a", run);
  expect(runs()).toBe(1_500);
  await answers.once("k0", "POST /a", run);
  expect(runs()).toBe(1_501);
});

test("api: idempotency: a key has a length", () => {
  expect([idempotencyKey(undefined), idempotencyKey("k".repeat(255)).length]).toEqual(["", 255]);
  expect(() => idempotencyKey("k".repeat(256))).toThrow("longer than 255");
});
