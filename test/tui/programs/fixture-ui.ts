// The real UI on a fake cluster with fixed data, as a program of its own: tests run it in a real pty. What it writes at the
// end, after the terminal is back, is how the UI ended.
import { appendFileSync, writeSync } from "node:fs";
import { ClientError } from "../../../src/client/cluster-client.ts";
import { runUi } from "../../../src/tui/run.ts";
import { FakeClient } from "../fake-client.ts";
import { snapshot } from "../play.ts";
import { emptyCluster, hostileCluster, largeCluster, START_MS, smallCluster } from "../records.ts";

const env = process.env;
const seeds = {
  small: smallCluster,
  empty: () => emptyCluster(),
  "no-docker": () =>
    emptyCluster({
      runtimes: [
        { kind: "docker", version: "", problem: "the engine does not answer" },
        { kind: "process", version: "", problem: "" },
      ],
    }),
  large: () => largeCluster(5000),
  hostile: hostileCluster,
};
const client = new FakeClient(seeds[(env.FIXTURE ?? "small") as keyof typeof seeds]());
if (env.FIXTURE_REFUSE) client.refuse = new ClientError("conflict", env.FIXTURE_REFUSE, "try another name");

// The loop's longest silence, for the test of a terminal that stops reading.
if (env.FIXTURE_GAPS) {
  let last = performance.now();
  let turn = 0;
  const few = smallCluster();
  const many = largeCluster(100);
  setInterval(() => {
    const now = performance.now();
    appendFileSync(env.FIXTURE_GAPS as string, `${Math.round(now - last)}\n`);
    last = now;
    // Another screen with every turn: whole frames, so that no buffer of a terminal holds them all.
    turn++;
    client.emit(snapshot(turn % 2 === 0 ? few : many));
  }, 20);
}
if (env.FIXTURE_THROW_AFTER)
  setTimeout(() => {
    throw new Error("a fault on purpose");
  }, Number(env.FIXTURE_THROW_AFTER));
if (env.FIXTURE_CHATTER)
  setInterval(() => {
    console.log("stray console line");
    process.stderr.write("stray stderr line\n");
    writeSync(2, "stray native line\n");
  }, 50);

const end = await runUi({
  client,
  mode: env.FIXTURE_MODE === "attached" ? "attached" : "in-process",
  logFile: env.FIXTURE_LOG ?? "/dev/null",
  now: () => START_MS + Math.floor(performance.now()),
  readOnly: env.FIXTURE_READ_ONLY === "1",
  ...(env.FIXTURE_SAVE ? { saveDir: env.FIXTURE_SAVE } : {}),
});
if (end.kind === "unusable-terminal") {
  process.stderr.write(`cube: ${end.message}\n`);
  process.exit(2);
}
if (!end.stalled)
  process.stdout.write(
    `ended: ${end.quit} ${end.signal ?? "-"} calls: ${JSON.stringify(client.calls.filter(([verb]) => verb !== "logs" && verb !== "submit"))}\n`,
  );
const submitted = client.calls.filter(([verb]) => verb === "submit");
if (env.FIXTURE_CALLS) appendFileSync(env.FIXTURE_CALLS, JSON.stringify(submitted));
process.exit(end.exitCode);
