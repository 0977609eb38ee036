/** A task's output, followed over streams that break: against a scripted source, so that each stream ends exactly where it is told to. */
import { expect, test } from "bun:test";
import type { Instance } from "../../src/worker/effects.ts";
import { type OutputSource, taskOutput } from "../../src/worker/follow.ts";
import type { LogChunk, LogQuery, Runtime } from "../../src/worker/ports.ts";

const line = (atMs: number, text: string): LogChunk => ({ stream: "stdout", atMs, text });

/** Follows one instance. Each stream gives what is in `lines` after the time asked for; `afterStream` is told how many have ended, and returns true once the task has. */
async function follow(lines: LogChunk[], afterStream: (streams: number) => boolean) {
  let isOver = false;
  const asked: boolean[] = [];
  async function* logs(_instanceId: string, query: LogQuery): AsyncGenerator<LogChunk> {
    asked.push(query.follow);
    yield* lines.filter(({ atMs }) => atMs > (query.sinceMs ?? 0));
    isOver = afterStream(asked.length);
  }
  const source: OutputSource = {
    newest: () => ({ instanceId: "i", runtime: "docker", status: isOver ? "exited" : "running" }) as Instance,
    runtime: () => ({ logs }) as unknown as Runtime,
    isOver: () => isOver,
    nextChange: (signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })),
  };
  const query = { follow: true, tail: null, sinceMs: null };
  const texts: string[] = [];
  for await (const { text } of taskOutput(source, query, new AbortController().signal)) texts.push(text);
  return { texts, asked };
}

test("follow: what was written between a broken stream and the end of its instance is not left out", async () => {
  const lines = [line(1, "one"), line(2, "two")];
  const { texts, asked } = await follow(lines, (streams) => {
    if (streams === 1) lines.push(line(2, "three"), line(3, "last words"));
    return true;
  });
  expect(texts).toEqual(["one", "two", "three", "last words"]);
  // The last look waits for nothing.
  expect(asked).toEqual([true, false]);
});

test("follow: of a line in whose middle a stream broke the rest is given, once", async () => {
  const lines = [line(1, "one"), line(2, "thr")];
  const { texts } = await follow(lines, (streams) => {
    lines[1] = line(2, "three");
    return streams > 1;
  });
  expect(texts).toEqual(["one", "thr", "ee"]);
});
