/**
 * Runs a command inside a container: terminal or separate pipes, resize, end of input, exit code. Engines leave a command running when its caller goes
 * away; `close` therefore hangs it up itself where the engine is on this machine.
 */
import { readFileSync } from "node:fs";
import type { Duplex } from "node:stream";
import { ok, type Result } from "../core/failure.ts";
import type { ExecRequest, ExecSession } from "../worker/ports.ts";
import type { Engine } from "./docker-engine.ts";
import { dockerodeFailure, refused } from "./docker-errors.ts";
import { Demuxer } from "./docker-frames.ts";
import { OutputQueue } from "./output-queue.ts";

/** Waits between looks at a command whose output has ended, ms; it is about to be reaped. */
const EXIT_WAITS_MS = [0, 5, 20, 50, 100, 250, 500, 1_000, 2_000] as const;

/** Waits before the tries to set a new terminal's size, ms, and how long an engine may take for one. */
const SIZE_WAITS_MS = [0, 20, 80] as const;
const SIZE_TIMEOUT_MS = 1_000;

/** Starts the command; a terminal has its size before the first input. Fails as `not_found`, `conflict` (not running), `invalid` or `unavailable`. */
export async function execInContainer(
  engine: Engine,
  instanceId: string,
  request: ExecRequest,
): Promise<Result<ExecSession>> {
  const what = `command ${request.command[0] ?? ""} in container ${instanceId.slice(0, 12)}`;
  const created = await engine.call("POST", `/containers/${instanceId}/exec`, {
    body: {
      AttachStdin: request.stdin,
      AttachStdout: true,
      AttachStderr: true,
      Tty: request.tty,
      Cmd: [...request.command],
    },
  });
  if (!created.ok) return created;
  const { status, body } = created.value;
  const id = (body as { readonly Id?: unknown } | null)?.Id;
  if (status >= 400 || typeof id !== "string") return { ok: false, failure: refused(what, status, body) };
  try {
    // Engines from API 1.42 on make the terminal with its size, others ignore it.
    const size = request.tty ? { ConsoleSize: [request.rows, request.columns] } : {};
    const options = { hijack: true, stdin: true, Tty: request.tty, ...size };
    const stream = await engine.docker.getExec(id).start(options);
    const session = new DockerExec({ engine, execId: id, instanceId, stream, tty: request.tty });
    if (request.tty) await session.setFirstSize(request.columns, request.rows);
    if (!request.stdin) session.closeInput();
    return ok(session);
  } catch (error) {
    return { ok: false, failure: dockerodeFailure(engine.place, what, error) };
  }
}

interface ExecParts {
  readonly engine: Engine;
  readonly execId: string;
  readonly instanceId: string;
  readonly stream: Duplex;
  readonly tty: boolean;
}

class DockerExec implements ExecSession {
  readonly output: OutputQueue;
  readonly exitCode: Promise<number | null>;
  readonly #parts: ExecParts;

  constructor(parts: ExecParts) {
    this.#parts = parts;
    const { stream, tty } = parts;
    this.output = new OutputQueue({ pause: () => stream.pause(), resume: () => stream.resume() });
    const demuxer = new Demuxer();
    stream.on("data", (chunk: Buffer) => {
      if (tty) this.output.push({ stream: "stdout", data: chunk });
      else for (const frame of demuxer.feed(chunk)) this.output.push(frame);
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const event of ["end", "close", "error"]) stream.once(event, () => resolve());
    this.exitCode = promise.then(() => {
      this.output.end();
      return this.#finalCode();
    });
  }

  write(data: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#parts.stream.writable) this.#parts.stream.write(data, () => resolve());
    else resolve();
    return promise;
  }

  closeInput(): void {
    this.#parts.stream.end();
  }

  resize(columns: number, rows: number): void {
    // A command that has just ended answers an error, and nothing is lost by it.
    void this.#resize(columns, rows);
  }

  /** Resolves when the terminal has this size, or when there is no way to give it one: what is typed ahead would be read with another size. */
  async setFirstSize(columns: number, rows: number): Promise<void> {
    for (const waitMs of SIZE_WAITS_MS) {
      await Bun.sleep(waitMs);
      const answer = await this.#resize(columns, rows);
      // 404: it has ended already. Other errors: podman's word for a command that is about to run.
      if (!answer.ok || answer.value.status < 300 || answer.value.status === 404) return;
    }
  }

  close(): void {
    void this.#hangUp().finally(() => this.#parts.stream.destroy());
  }

  /** Docker answers 200, podman 201. */
  #resize(columns: number, rows: number): ReturnType<Engine["call"]> {
    const { engine, execId } = this.#parts;
    return engine.call("POST", `/exec/${execId}/resize?w=${columns}&h=${rows}`, { timeoutMs: SIZE_TIMEOUT_MS });
  }

  async #finalCode(): Promise<number | null> {
    for (const waitMs of EXIT_WAITS_MS) {
      await Bun.sleep(waitMs);
      const { running, code } = await this.#look();
      if (!running) return code;
    }
    return null;
  }

  async #look(): Promise<{ readonly running: boolean; readonly code: number | null; readonly pid: number }> {
    const asked = await this.#parts.engine.call("GET", `/exec/${this.#parts.execId}/json`);
    const body = (asked.ok && asked.value.status === 200 ? asked.value.body : {}) as {
      readonly Running?: boolean;
      readonly ExitCode?: number | null;
      readonly Pid?: number;
    };
    return { running: body.Running ?? false, code: body.ExitCode ?? null, pid: body.Pid ?? 0 };
  }

  async #hangUp(): Promise<void> {
    const { engine, instanceId } = this.#parts;
    const { running, pid } = await this.#look();
    if (!running || pid <= 1 || !engine.local) return;
    try {
      // The number is the engine's view: only a process in this very container's cgroup may get the signal.
      if (readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(instanceId)) process.kill(pid, "SIGHUP");
    } catch {
      // Ended meanwhile, or another user's engine: the container's end will take it along.
    }
  }
}
