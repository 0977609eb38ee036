/**
 * Performs what the machine asks for, without ever waiting in the loop: calls to the cluster, logs, a shell, files, the clipboard. Every outcome comes back as
 * a message; every failure as one with its code.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ClusterClient } from "../client/cluster-client.ts";
import type { EventResource } from "../client/resources.ts";
import { unreachable } from "../core/assert.ts";
import type { Demo, DemoCommand } from "./demo.ts";
import { LogStream } from "./log-stream.ts";
import type { Painter } from "./painter.ts";
import { relayShell } from "./shell.ts";
import { svgOf, textOfCells } from "./snapshot.ts";
import type { Effect, Message, UiError } from "./state/ui.ts";
import type { Terminal } from "./terminal/screen.ts";
import { safe, safeRecord } from "./terminal/text.ts";

interface Given {
  readonly client: ClusterClient;
  readonly demo?: Demo;
  readonly terminal: Terminal;
  readonly painter: Painter;
  readonly saveDir: string;
  readonly post: (message: Message) => void;
  readonly quit: (mode: "leave" | "stop") => void;
}

/** Events asked for at a time to sum up an absence, and how often at most. */
const MEANWHILE_PAGE = 1_000;
const MEANWHILE_PAGES = 100;

/** Bracketed paste on and off (xterm's mode 2004). */
const PASTE_ON = "\x1b[?2004h";
const PASTE_OFF = "\x1b[?2004l";

/** Presses and the wheel with SGR coordinates (modes 1000 and 1006), no report for a mere movement. */
const MOUSE_ON = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF = "\x1b[?1006l\x1b[?1000l";

/** An error as the machine keeps it; only safe text. */
function uiError(error: unknown, nowMs: number): UiError {
  const { code, message, hint } = error as { code?: unknown; message?: unknown; hint?: unknown };
  const text = (value: unknown): string => (typeof value === "string" ? safe(value) : "");
  return {
    atMs: nowMs,
    code: text(code) === "" ? "failed" : text(code),
    message: text(message) === "" ? safe(String(error)) : text(message),
    hint: text(hint),
  };
}

/** Performs effects. */
export class Effects {
  readonly #given: Given;
  readonly #logs: LogStream;
  #mouse = true;
  #stopped = false;

  constructor(given: Given) {
    this.#given = given;
    this.#logs = new LogStream(given.client, given.post);
  }

  /** Switches paste marks and the mouse on or off, as when another program has the terminal. */
  modes(on: boolean): void {
    const { out } = this.#given.terminal;
    out.raw(on ? PASTE_ON + (this.#mouse ? MOUSE_ON : "") : PASTE_OFF + MOUSE_OFF);
  }

  stop(): void {
    this.#stopped = true;
    this.#logs.close();
  }

  perform(effect: Effect): void {
    const { painter, terminal, quit } = this.#given;
    switch (effect.kind) {
      case "call":
      case "availability":
        this.#change(effect);
        break;
      case "add-node":
        this.#attempt(async () => {
          const { address, linked } = await this.#given.client.addNode(effect.address);
          return { kind: "done", text: linked ? `${safe(address)} is linked` : `dialling ${safe(address)}` };
        });
        break;
      case "remove-node":
        this.#attempt(async () => {
          await this.#given.client.removeNode(effect.nodeId, { force: effect.force });
          return { kind: "done", text: effect.done };
        });
        break;
      case "meanwhile":
        this.#meanwhile(effect);
        break;
      case "submit":
        this.#submit(effect.job);
        break;
      case "decision":
        this.#decision(effect.taskId);
        break;
      case "demo":
        this.#demo(effect.command);
        break;
      case "logs-open":
        this.#logs.open(effect.taskId);
        break;
      case "logs-close":
        this.#logs.close();
        break;
      case "shell":
        this.#shell(effect.taskId, effect.name);
        break;
      case "copy":
        // OSC 52: the terminal's own clipboard, also over ssh.
        terminal.out.raw(`\x1b]52;c;${Buffer.from(effect.text).toString("base64")}\x07`);
        break;
      case "save-screen":
        this.#attempt(async () => this.#saveScreen());
        break;
      case "save-log":
        this.#attempt(async () => this.#saveLog(effect));
        break;
      case "mouse":
        this.#mouse = effect.on;
        terminal.out.raw(effect.on ? MOUSE_ON : MOUSE_OFF);
        break;
      case "repaint":
        painter.repaint();
        break;
      case "quit":
        quit(effect.mode);
        break;
      default:
        unreachable(effect);
    }
  }

  #change(effect: Extract<Effect, { kind: "call" | "availability" }>): void {
    const { client } = this.#given;
    this.#attempt(async () => {
      if (effect.kind === "availability") await client.setAvailability(effect.nodeId, effect.availability);
      else await Promise.all(effect.refs.map((ref) => client[effect.verb](ref)));
      return { kind: "done", text: effect.done };
    });
  }

  /** Runs something that ends in a message; never throws and never makes anyone wait. */
  #attempt(action: () => Promise<Message>): void {
    const { post } = this.#given;
    action().then(
      (message) => this.#stopped || post(message),
      (error: unknown) => this.#stopped || post({ kind: "failed", error: uiError(error, Date.now()) }),
    );
  }

  #submit(job: Extract<Effect, { kind: "submit" }>["job"]): void {
    const { client } = this.#given;
    this.#attempt(async () => {
      try {
        const submitted = await client.submit(job, { idempotencyKey: crypto.randomUUID() });
        return { kind: "submitted", name: job.name, jobId: submitted.job.id };
      } catch (error) {
        return { kind: "refused", error: uiError(error, Date.now()) };
      }
    });
  }

  #demo(command: DemoCommand): void {
    const { demo } = this.#given;
    if (demo !== undefined) this.#attempt(async () => ({ kind: "done", text: await demo.perform(command) }));
  }

  /** A task without a kept decision is no error: the pane says so. */
  #decision(taskId: string): void {
    const { client } = this.#given;
    this.#attempt(async () => {
      try {
        return { kind: "decisions", decisions: [await client.decision(taskId)] };
      } catch (error) {
        if (uiError(error, 0).code !== "not_found") throw error;
        return { kind: "decisions", decisions: [] };
      }
    });
  }

  #meanwhile({ since, sinceMs }: Extract<Effect, { kind: "meanwhile" }>): void {
    const { client } = this.#given;
    this.#attempt(async () => {
      const events: EventResource[] = [];
      let gap = false;
      for (let after = since, pages = 0; pages < MEANWHILE_PAGES; pages++) {
        const page = await client.events({ since: after, limit: MEANWHILE_PAGE });
        gap ||= page.gap;
        // Without the records: a night's worth of them would be the whole cluster many times over.
        events.push(...page.items.map(({ job: _job, node: _node, decision: _decision, ...event }) => event));
        after = page.items.at(-1)?.revision ?? page.revision;
        if (page.items.length === 0 || page.gap || after >= page.revision) break;
      }
      return { kind: "meanwhile", sinceMs, events: safeRecord(events), gap };
    });
  }

  #shell(taskId: string, name: string): void {
    const { client, terminal, painter } = this.#given;
    this.#attempt(async () => {
      this.modes(false);
      const end = await relayShell({ client, terminal, taskId, name }).finally(() => {
        this.modes(true);
        painter.repaint();
      });
      return { kind: "done", text: end };
    });
  }

  #saveScreen(): Message {
    const { terminal, saveDir } = this.#given;
    const base = join(saveDir, `cube-screen-${stamp()}`);
    writeFileSync(`${base}.txt`, textOfCells(terminal.screen.lines), { mode: 0o600 });
    writeFileSync(`${base}.svg`, svgOf(terminal.screen.lines), { mode: 0o600 });
    return { kind: "done", text: `saved ${base}.txt and .svg` };
  }

  #saveLog(effect: Extract<Effect, { kind: "save-log" }>): Message {
    const file = join(this.#given.saveDir, `${effect.name.replace(/[^\w.-]/g, "_")}-${stamp()}.log`);
    writeFileSync(file, `${effect.lines.join("\n")}\n`, { mode: 0o600 });
    return { kind: "done", text: `saved ${effect.lines.length} lines in ${file}` };
  }
}

/** Date and time for a file's name. */
const stamp = (): string => new Date().toISOString().slice(0, 19).replace(/[:T]/g, "");
