// A container engine of a test's own, to be stopped and killed at will: its state in a folder of its own, in a network namespace of its own.
// It must never run in the machine's namespace: an engine without a bridge removes docker0, which belongs to the engine that everybody uses.
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dockerSocket, TEST_IMAGE } from "../setup/docker.ts";
import { Engine } from "./engine.ts";
import { until } from "./until.ts";

const CONTAINERD_PID = "exec/containerd/containerd.pid";
/** Until a service manager kills what does not end, in ms. */
const PATIENCE_MS = 20_000;

/** An engine that a test may stop. Dispose it with `await using`. */
export class PrivateEngine extends Engine implements AsyncDisposable {
  readonly #folder: string;
  readonly #enter: readonly string[];
  readonly #flags: readonly string[];
  #process: Bun.Subprocess | null = null;

  private constructor(folder: string, enter: readonly string[], flags: readonly string[]) {
    super(join(folder, "docker.sock"));
    this.#folder = folder;
    this.#enter = enter;
    this.#flags = flags;
  }

  /** One that answers and has the test image, in a network namespace that nobody else sees. Needs root. */
  static start(...flags: string[]): Promise<PrivateEngine> {
    return PrivateEngine.startIn(["unshare", "--net"], ...flags);
  }

  /** One that answers, without any image. */
  static startEmpty(): Promise<PrivateEngine> {
    return PrivateEngine.#make(["unshare", "--net"], [], async () => {});
  }

  /** The same in a namespace that is entered by a command before it. */
  static startIn(enter: readonly string[], ...flags: string[]): Promise<PrivateEngine> {
    return PrivateEngine.#make(enter, flags, (engine) => engine.#loadTestImage());
  }

  static async #make(
    enter: readonly string[],
    flags: readonly string[],
    fill: (engine: PrivateEngine) => Promise<void>,
  ): Promise<PrivateEngine> {
    const engine = new PrivateEngine(mkdtempSync(join(tmpdir(), "cube-engine-")), enter, flags);
    try {
      await engine.start();
      await fill(engine);
    } catch (error) {
      await engine[Symbol.asyncDispose]();
      throw error;
    }
    return engine;
  }

  /** Starts it (again) and waits until it answers. */
  async start(): Promise<void> {
    mkdirSync(this.#folder, { recursive: true });
    const log = openSync(join(this.#folder, "log"), "a");
    const files = ["--data-root", this.#at("data"), "--exec-root", this.#at("exec"), "--pidfile", this.#at("pid")];
    const network = ["--bridge=none", "--iptables=false"];
    const command = ["dockerd", ...files, "--host", `unix://${this.socket}`, ...network, ...this.#flags];
    this.#process = Bun.spawn([...this.#enter, ...command], {
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    await until("the private engine answers", () => this.answers(), { onFailure: () => this.#log() });
  }

  /** Ends it as a service manager would: its containers end with it, unless it runs with --live-restore. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /**
   * Starts it again after a crash as an operator does who sees it hang: Docker 20.10 may find its own record of networks half-written and then tries for ever
   * ("Unable to complete atomic operation, key modified"); without that record it makes another.
   */
  async startAfterCrash(): Promise<void> {
    try {
      await this.start();
    } catch {
      await this.crash();
      rmSync(this.#at("data/network/files"), { recursive: true, force: true });
      await this.start();
    }
  }

  /** Its process stands still, or goes on; whoever asks it waits. */
  signal(name: "SIGSTOP" | "SIGCONT"): void {
    this.#process?.kill(name);
  }

  /** Kills its containerd alone, which the engine then starts anew by itself; false when there was none. The containers' shims stay. */
  killContainerd(): boolean {
    return this.#endContainerd();
  }

  /** The process number of its containerd as that has written it down; 0 when there is none that lives. */
  get containerdPid(): number {
    const file = this.#at(CONTAINERD_PID);
    const pid = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
    return pid > 0 && existsSync(`/proc/${pid}`) ? pid : 0;
  }

  /** Ends it as the kernel would. */
  async crash(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const process = this.#process;
    process?.kill(signal);
    // Docker 20.10 now and then hangs on the way down right after its start.
    const patience = setTimeout(() => process?.kill("SIGKILL"), PATIENCE_MS);
    await process?.exited;
    clearTimeout(patience);
    this.#process = null;
    if (signal !== "SIGKILL" && process?.signalCode !== "SIGKILL") return;
    // A crash leaves both numbers behind, and the engine's own containerd on its way out: the next engine must take neither for alive.
    this.#endContainerd();
    rmSync(this.#at("pid"), { force: true });
    rmSync(this.#at(CONTAINERD_PID), { force: true });
  }

  async #loadTestImage(): Promise<void> {
    const from = ["-H", `unix://${dockerSocket()}`];
    const saved = Bun.spawnSync(["docker", ...from, "save", TEST_IMAGE]);
    const loaded = Bun.spawnSync(["docker", "-H", `unix://${this.socket}`, "load"], { stdin: saved.stdout });
    if (!loaded.success) throw new Error(`the private engine has no image: ${saved.stderr}${loaded.stderr}`);
  }

  #at(name: string): string {
    return join(this.#folder, name);
  }

  #log(): string {
    return existsSync(this.#at("log")) ? readFileSync(this.#at("log"), "utf8").split("\n").slice(-10).join("\n") : "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process !== null) {
      const ids = (await this.answers()) ? await this.containers("io.cube.node") : [];
      for (const { id } of ids) await this.remove(id);
      await this.#end("SIGTERM");
    }
    this.#endContainerd();
    await until("its mounts are gone", () => {
      Bun.spawnSync(["sh", "-c", `grep -o '${this.#folder}[^ ]*' /proc/mounts | sort -r | xargs -r umount -l`]);
      rmSync(this.#folder, { recursive: true, force: true });
      return !existsSync(this.#folder);
    });
  }

  #endContainerd(): boolean {
    const file = this.#at(CONTAINERD_PID);
    if (!existsSync(file)) return false;
    try {
      return process.kill(Number(readFileSync(file, "utf8")), "SIGKILL");
    } catch {
      // It ended with its engine.
      return false;
    }
  }
}
