// The book's two commands as they are, `cube worker` and `cube manager`, on one machine and for one user. Their ports are the book's, so the machine's network
// is one of the test's own.
import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NodeResource } from "../../src/client/resources.ts";
import { cubeBin } from "../setup/cube-bin.ts";
import { Network } from "./namespaces.ts";
import { until } from "./until.ts";

/** Network namespaces need root; a CI run has it, or fails here. */
const mayNotMakeNamespaces = process.getuid?.() !== 0 && process.env.CI !== "true";

/** A machine of a user's own, without an engine. What was started ends with its network. */
class OneMachine implements Disposable {
  readonly #home = mkdtempSync(join(tmpdir(), "cube-pair-"));
  readonly #network = new Network();
  readonly #machine = this.#network.machine("one");
  readonly #enter = this.#machine.enter;

  start(...words: string[]): void {
    Bun.spawn([...this.#enter, cubeBin(), ...words], { ...this.#place, stdio: ["ignore", "ignore", "ignore"] });
  }

  run(...words: string[]) {
    const { exitCode, stdout, stderr } = Bun.spawnSync([...this.#enter, cubeBin(), ...words], this.#place);
    return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
  }

  listens(port: number): boolean {
    return this.#machine.listens(port);
  }

  nodes(): NodeResource[] {
    const { code, out } = this.run("node", "--json");
    return code === 0 ? (JSON.parse(out) as NodeResource[]) : [];
  }

  log(): string {
    const file = join(this.#home, ".local/state/cube/cube.log");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  get #place() {
    const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: this.#home, DOCKER_HOST: "unix:///nowhere" };
    return { cwd: this.#home, env };
  }

  [Symbol.dispose](): void {
    this.#network[Symbol.dispose]();
    rmSync(this.#home, { recursive: true, force: true });
  }
}

describe.skipIf(mayNotMakeNamespaces)("e2e: the book's worker and manager", () => {
  for (const order of [
    ["worker", "manager"],
    ["manager", "worker"],
  ] as const)
    test(`e2e: ${order.join(", then ")}: they find each other without a flag, an address or a token`, async () => {
      using machine = new OneMachine();
      machine.start(order[0]);
      await until("the first one is up", () => machine.listens(order[0] === "worker" ? 5556 : 5555));
      machine.start(order[1]);
      const node = await until("the worker is a node", () =>
        machine.nodes().find(({ linkedSinceMs }) => linkedSinceMs),
      );
      expect(node).toMatchObject({ address: "127.0.0.1:5556", dialledBy: "manager", state: "ready", local: false });
    }, 60_000);

  test("e2e: a manager that has looked for a worker on this machine in vain complains of nothing", async () => {
    using machine = new OneMachine();
    machine.start("manager");
    await until("it has looked", () => machine.log().includes("127.0.0.1:5556: connect ECONNREFUSED"));
    expect(machine.run("node")).toMatchObject({ code: 0, err: "" });
    expect(machine.run("node", "add", "127.0.0.1:5556").code).toBe(0);
    expect(machine.run("node").err).toContain("no link to 127.0.0.1:5556");
  }, 60_000);
});
