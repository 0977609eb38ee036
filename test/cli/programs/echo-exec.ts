// `cube exec` on a fake task whose command says whether the terminal is raw by then, and ends with code 5;
// with END=signal the process is terminated instead while the command still runs.
import { processIo } from "../../../src/cli/process-io.ts";
import { runCli } from "../../../src/cli/run-cli.ts";
import type { ExecStream } from "../../../src/client/cluster-client.ts";
import { FakeClient } from "../fake-client.ts";

const refuse = async (): Promise<never> => {
  throw new Error("no role in this program");
};

/** Asks the terminal itself: `-icanon` is what raw means to a reader. */
function terminalMode(): string {
  const { stdout } = Bun.spawnSync(["stty", "-a"], { stdin: "inherit" });
  return stdout.toString().includes("-icanon") ? "raw" : "cooked";
}

const closed = Promise.withResolvers<void>();

async function* output(): AsyncIterable<{ stream: "stdout"; data: Uint8Array }> {
  await new Promise((resolve) => setImmediate(resolve));
  yield { stream: "stdout", data: new TextEncoder().encode(`${terminalMode()}\r\n`) };
  if (process.env.END !== "signal") return;
  process.kill(process.pid, "SIGTERM");
  await closed.promise;
}

const stream: ExecStream = {
  output: output(),
  exitCode: Promise.resolve(5),
  async write() {},
  closeInput() {},
  resize() {},
  close: () => closed.resolve(),
};
const client = new FakeClient();
client.execStream = stream;
const code = await runCli(process.argv.slice(2), {
  io: processIo(),
  connect: async () => client,
  whatIf: refuse,
  roles: { ui: refuse, attach: refuse, headless: refuse, demo: refuse },
});
process.exit(code);
