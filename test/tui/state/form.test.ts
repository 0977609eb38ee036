import { describe, expect, test } from "bun:test";
import { NAME_RULE } from "../../../src/core/names.ts";
import {
  readBytes,
  readCpu,
  readEnv,
  readHealth,
  readName,
  readPorts,
  readWords,
} from "../../../src/tui/state/form-values.ts";
import { Play } from "../play.ts";
import { emptyCluster, event, smallCluster, task } from "../records.ts";

const MIB = 1024 * 1024;
const value = (reading: { ok: boolean; value?: unknown; problem?: string }): unknown =>
  reading.ok ? reading.value : `problem: ${reading.problem}`;

describe("form values", () => {
  test("read cores and sizes as Docker's users write them", () => {
    expect(["0.5", "2", "250m", ""].map((text) => value(readCpu(text)))).toEqual([500, 2000, 250, 0]);
    expect(["512m", "1.5GiB", "64 MB", "6291456", ""].map((text) => value(readBytes(text)))).toEqual([
      512 * MIB,
      1536 * MIB,
      64 * MIB,
      6_291_456,
      0,
    ]);
  });

  test("say what would have been right", () => {
    expect(["abc", "-1", "0"].map((text) => value(readCpu(text)))).toEqual([
      "problem: cores, such as 0.5 or 250m",
      "problem: cores, such as 0.5 or 250m",
      "problem: more than 0 cores",
    ]);
    expect(value(readBytes("512"))).toBe("problem: at least 6m: did you leave out the unit?");
    expect(value(readBytes("99999999999t"))).toBe("problem: a size, such as 512m or 1.5g");
    expect(value(readName("my task"))).toContain("problem:");
  });

  test("read ports with address, host port and protocol", () => {
    expect(value(readPorts("8080:80 443, 127.0.0.1:53:5353/udp"))).toEqual([
      { containerPort: 80, hostPort: 8080, protocol: "tcp", hostIp: "" },
      { containerPort: 443, hostPort: 0, protocol: "tcp", hostIp: "" },
      { containerPort: 5353, hostPort: 53, protocol: "udp", hostIp: "127.0.0.1" },
    ]);
    expect([value(readPorts("web")), value(readPorts("1:70000"))]).toEqual([
      "problem: web: host:container, such as 8080:80 or 80",
      "problem: 1:70000: ports go from 1 to 65535",
    ]);
  });

  test("read words with quotes, and variables", () => {
    expect(value(readWords(`sh -c 'echo "a b"' x\\ y "q\\"r" ''`))).toEqual([
      "sh",
      "-c",
      'echo "a b"',
      "x y",
      'q"r',
      "",
    ]);
    expect(value(readWords("sh -c 'echo"))).toBe("problem: a closing ' is missing");
    expect(value(readEnv("A=1 B='two words' C="))).toEqual({ A: "1", B: "two words", C: "" });
    expect(value(readEnv("=x"))).toBe("problem: =x: NAME=value, separated by blanks");
  });

  test("read the three kinds of health check", () => {
    const probe = (text: string): unknown => {
      const reading = readHealth(text);
      return reading.ok ? (reading.value?.probe ?? null) : reading.problem;
    };
    expect([
      probe("/healthz"),
      probe("http 8080 /up"),
      probe("tcp 5432"),
      probe("cmd pg_isready -q"),
      probe(""),
    ]).toEqual([
      { kind: "http", path: "/healthz", port: 0 },
      { kind: "http", path: "/up", port: 8080 },
      { kind: "tcp", port: 5432 },
      { kind: "exec", command: ["pg_isready", "-q"] },
      null,
    ]);
    expect(probe("ping")).toBe("/path, tcp 80, or cmd and a command");
  });
});

describe("form", () => {
  test("submits the job that was typed", () => {
    const play = new Play(smallCluster()).press(
      "a",
      "type:api",
      "tab",
      "tab",
      "type:nginx:1.29",
      "tab",
      "type:nginx -g 'daemon off;'",
      "tab",
      "type:0.5",
      "tab",
      "type:256m",
    );
    play.press("tab", "type:8080:80", "tab", "type:A=1", "tab", "right", "tab", "type:/up", "enter");
    const submit = play.effects.find((effect) => effect.kind === "submit");
    const service = submit?.job.services[0];
    expect([submit?.job.name, service?.count]).toEqual(["api", 1]);
    expect(service?.task).toMatchObject({
      runtime: "docker",
      image: "nginx:1.29",
      command: ["nginx", "-g", "daemon off;"],
      env: { A: "1" },
      resources: { cpuMillis: 500, memoryBytes: 256 * MIB, diskBytes: 0 },
      ports: [{ containerPort: 80, hostPort: 8080, protocol: "tcp", hostIp: "" }],
      restart: { condition: "unless-stopped" },
      health: { probe: { kind: "http", path: "/up", port: 0 }, intervalMs: 10_000 },
    });
    expect(play.text()).toContain("sending");
    expect(play.tell({ kind: "submitted", name: "api", jobId: "job-api" }).model.overlay).toBeUndefined();
  });

  test("selects the task of the job that was submitted as soon as it appears", () => {
    const play = new Play(smallCluster()).tell({ kind: "submitted", name: "zeta", jobId: "job-zeta" });
    expect(play.model.taskId).toBe("task-cache");
    const made = task({ id: "task-zeta", jobId: "job-zeta", name: "zeta" });
    play.items([{ kind: "event", event: event({ task: made }) }]);
    expect([play.model.taskId, play.model.awaitedJob]).toEqual(["task-zeta", ""]);
  });

  test("shows what is wrong at its field, takes the focus there, and submits nothing", () => {
    const play = new Play(smallCluster()).press(
      "a",
      "type:two words",
      "tab",
      "tab",
      "tab",
      "tab",
      "type:many",
      "enter",
    );
    expect(play.effects.filter((effect) => effect.kind === "submit")).toEqual([]);
    const text = play.text();
    expect(text).toContain("lower-case letters, digits and -, not at either end");
    expect(text).toContain("an image is needed");
    expect(text).toContain("cores, such as 0.5 or 250m");
    expect(play.model.overlay).toMatchObject({ form: { focus: "name" } });
  });

  test("stays open with everything in it when the manager refuses", () => {
    const play = new Play(smallCluster()).press("a", "type:web", "tab", "tab", "type:nginx", "enter");
    play.tell({
      kind: "refused",
      error: { atMs: 0, code: "conflict", message: "web exists already", hint: "choose another name" },
    });
    expect(play.text()).toContain("web exists already. choose another name");
    expect(play.footer()).toContain("[conflict] web exists already");
    play.press("enter");
    expect(play.effects.filter((effect) => effect.kind === "submit")).toHaveLength(2);
  });

  test("offers a command instead of an image where no node has an engine, and says why", () => {
    const play = new Play(
      emptyCluster({ runtimes: [{ kind: "docker", version: "", problem: "the engine does not answer" }] }),
    ).press("a");
    expect(play.text()).toContain("No containers here: the engine does not answer.");
    expect(play.text()).not.toContain("Image");
    play.press("type:job", "tab", "space", "tab", "type:sleep 600", "enter");
    expect(play.effects.find((effect) => effect.kind === "submit")?.job.services[0]?.task).toMatchObject({
      runtime: "process",
      image: "",
      command: ["sleep", "600"],
    });
  });

  test("asks nothing of a process that its runtime would refuse, whatever was typed before", () => {
    const play = new Play(smallCluster()).press(
      "a",
      "type:job",
      "tab",
      "tab",
      "tab",
      "tab",
      "type:0.5",
      "tab",
      "type:1g",
    );
    for (let back = 0; back < 4; back++) play.press("S-tab");
    play.press("space");
    expect(play.text()).not.toMatch(/CPU cores|Memory {2}/);
    play.press("tab", "type:sleep 600", "enter");
    expect(play.effects.find((effect) => effect.kind === "submit")?.job.services[0]?.task).toMatchObject({
      runtime: "process",
      resources: { cpuMillis: 0, memoryBytes: 0, diskBytes: 0 },
    });
  });

  test("shows the whole of a problem on a small screen", () => {
    const play = new Play(smallCluster()).press("a", "type:two words", "tab");
    expect(play.text().replace(/[│┃\s]+/g, " ")).toContain(NAME_RULE);
  });

  test("takes a paste into the field in focus, on one line", () => {
    const play = new Play(smallCluster()).press("a", "tab", "tab").tell({ kind: "paste", text: "registry/app:1\n" });
    expect(play.model.overlay).toMatchObject({ form: { values: { image: { text: "registry/app:1" } } } });
  });

  test("is closed by Escape without anything being started", () => {
    const play = new Play(smallCluster()).press("a", "type:web", "escape");
    expect([play.model.overlay, play.effects]).toEqual([undefined, []]);
  });
});
