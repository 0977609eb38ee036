// What people write and the specification that it means.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ClientError } from "../../src/client/cluster-client.ts";
import { jobProblems } from "../../src/client/job-limits.ts";
import { defaultName, type JobRequest, toJobSpec } from "../../src/client/job-request.ts";
import { parseConstraint, parseMount, parsePort } from "../../src/client/job-units.ts";
import { parse, submitSchema } from "../../src/client/schemas.ts";
import { isName, nameFrom } from "../../src/core/names.ts";
import { DEFAULT_TASK, type JobSpec } from "../../src/core/spec.ts";

const messageOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof ClientError) return error.message;
    throw error;
  }
  return "";
};

const jobOf = (json: unknown): JobSpec => toJobSpec(parse(submitSchema, json));

describe("client: job request", () => {
  test("a lone task is a job of one service with one slot and every default", () => {
    expect(toJobSpec({ name: "web", image: "nginx" })).toEqual({
      name: "web",
      labels: {},
      services: [{ name: "web", count: 1, task: { ...DEFAULT_TASK, image: "nginx" } }],
    });
  });

  test("a specification is a request that means itself", () => {
    const spec = toJobSpec({
      name: "all",
      labels: { a: "b" },
      services: [
        {
          name: "one",
          image: "a",
          memory: "1g",
          cpus: "0.25",
          health: { exec: ["true"], retries: 5 },
          env: { N: 5, B: true },
          ports: ["[::1]:80:81"],
        },
        { name: "two", count: 3, task: { runtime: "process", command: ["x"], restart: { delay: "2s" } } },
      ],
    });
    expect(toJobSpec(spec)).toEqual(spec);
    expect(jobOf(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  });

  test("ports, mounts and constraints have short forms", () => {
    const port = { containerPort: 80, hostPort: 0, protocol: "tcp", hostIp: "" } as const;
    expect(["80", "8080:80", "127.0.0.1:8080:80/udp", "127.0.0.1::80", 80].map(parsePort)).toEqual([
      port,
      { ...port, hostPort: 8080 },
      { ...port, hostPort: 8080, hostIp: "127.0.0.1", protocol: "udp" },
      { ...port, hostIp: "127.0.0.1" },
      port,
    ]);
    expect(["", "a:80", "80:", "80/icmp", "1:2:3:4"].map(parsePort)).toEqual(Array(5).fill(undefined));
    expect(parseMount("/a:/b:ro")).toEqual({ kind: "bind", source: "/a", target: "/b", readOnly: true });
    expect(parseMount("data:/b")).toEqual({ kind: "volume", source: "data", target: "/b", readOnly: false });
    expect(["/a", "/a:/b:rx", ":/b", "/a:/b:ro:z"].map(parseMount)).toEqual(Array(4).fill(undefined));
    expect(parseConstraint(" zone != b ")).toEqual({ key: "zone", operator: "!=", value: "b" });
    expect(["zone", "zone=b", "==b", "zone=="].map(parseConstraint)).toEqual(Array(4).fill(undefined));
  });

  test("what is impossible is refused with its path and its rule", () => {
    const web: JobRequest = { name: "web", image: "a" };
    const cases: [JobRequest, string][] = [
      [{ ...web, memory: "5m" }, "resources.memoryBytes: 5242880 bytes are too few"],
      [{ ...web, cpus: 0.5, cpuMillis: 500 }, "cpus: said twice"],
      [{ ...web, memory: 1e9, memoryBytes: 1e9 }, "memoryBytes: said twice: memory is the same thing"],
      [{ ...web, health: { http: "/", tcp: 80 } }, "health: exactly one of http, tcp, exec and probe"],
      [{ ...web, health: { http: "x" } }, 'health.probe.path: "x" has to begin with /'],
      [{ ...web, ports: ["70000"] }, "ports[0].containerPort: 70000 is no port"],
      [{ ...web, ports: ["80:80", "80:81"] }, "ports[1].hostPort: 80/tcp is there twice"],
      [{ ...web, env: { "1A": "x" } }, 'env: "1A" cannot be a variable\'s name'],
      [{ ...web, env: { A: "a\0b" } }, "env.A: contains a NUL character"],
      [{ ...web, image: "-v" }, 'image: "-v" cannot be an image\'s name'],
      [{ ...web, image: "a b" }, "cannot be an image's name"],
      [{ ...web, image: "" }, "image: missing"],
      [{ ...web, runtime: "process" }, "image: a process has no image; command: missing"],
      [{ ...web, mounts: ["x:y"] }, 'mounts[0].target: "y" is no absolute path'],
      [{ ...web, stopSignal: "rm -rf" }, 'stopSignal: there is no signal "rm -rf"'],
      [{ image: "a" }, "name: missing"],
      [{ name: "web", services: [] }, "services: a job has at least one service"],
      [{ name: "web", image: "a", services: [{ image: "b" }] }, "image: belongs into a service"],
      [
        {
          name: "web",
          services: [
            { name: "x", image: "b" },
            { name: "x", image: "b" },
          ],
        },
        'services[1].name: "x" is there twice',
      ],
      [
        {
          name: "web",
          services: [
            { name: "x", image: "b", count: 6_000 },
            { name: "y", image: "b", count: 6_000 },
          ],
        },
        "services: 12000 tasks, a job has at most 10000",
      ],
    ];
    for (const [request, message] of cases) expect(messageOf(() => toJobSpec(request))).toContain(message);
  });

  test("a lone task's wrong name, which is its service's too, is named once", () => {
    expect(messageOf(() => toJobSpec({ image: "a" }))).toBe("name: missing");
  });

  test("limits hold at the limit and refuse one more", () => {
    const env = (count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`A${index}`, ""]));
    const ok = (more: JobRequest): boolean => messageOf(() => toJobSpec({ name: "web", image: "a", ...more })) === "";
    expect([ok({ env: env(1_024) }), ok({ env: env(1_025) })]).toEqual([true, false]);
    expect([
      ok({ env: { A: "x".repeat(65_536) } }),
      ok({ env: { A: "x".repeat(65_537) } }),
      ok({ env: { A: "ü".repeat(32_769) } }),
    ]).toEqual([true, false, false]);
    expect([ok({ count: 10_000 }), ok({ count: 10_001 }), ok({ count: -1 }), ok({ count: 1.5 })]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect([ok({ memory: "6m" }), ok({ memory: 6 * 2 ** 20 - 1 }), ok({ memory: 0 })]).toEqual([true, false, true]);
    expect([
      isName("a".repeat(63)),
      isName("a".repeat(64)),
      isName("a-"),
      isName("-a"),
      isName("A"),
      isName(""),
    ]).toEqual([true, false, false, false, false, false]);
  });

  test("images are accepted in every form that engines take", () => {
    const digest = `sha256:${"a".repeat(64)}`;
    for (const image of [
      "a",
      "a:1",
      "a/b",
      "reg.io/a/b:c",
      "localhost:5000/a",
      `a@${digest}`,
      `Reg.io:1/a/b:C_d.e@${digest}`,
      "a__b--c.d",
    ]) {
      expect([image, messageOf(() => toJobSpec({ name: "web", image }))]).toEqual([image, ""]);
    }
  });

  test("any text makes a name that may be used", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => isName(nameFrom(text))));
    expect(["test-chapter-9.1", "Ä", "--a--", "x".repeat(80)].map(nameFrom)).toEqual([
      "test-chapter-9-1",
      "task",
      "a",
      "x".repeat(63),
    ]);
    expect(
      [{ image: "reg:5000/a/Nginx:1.2" }, { image: "a@sha256:0" }, { command: ["/bin/sleep"] }, {}].map(defaultName),
    ).toEqual(["nginx", "a", "sleep", "task"]);
  });

  test("a signal has to be one, and a port of a TCP check to be said", () => {
    const health = (tcp: number) => () => jobOf({ name: "web", image: "a", health: { tcp } });
    const signal = (stopSignal: string) => messageOf(() => jobOf({ name: "web", image: "a", stopSignal }));
    const good = ["SIGTERM", "INT", "SIGRTMIN+3", "SIGRTMAX-1", "9", "64"];
    expect(good.map(signal)).toEqual(good.map(() => ""));
    const bad = ["SIGFOO", "FOO", "0", "65", "sigterm", "SIGRTMIN+16"];
    expect(bad.map(signal)).toEqual(
      bad.map((text) => `stopSignal: there is no signal "${text}": a name such as SIGTERM, or a number from 1 to 64`),
    );
    expect([messageOf(health(0)), messageOf(health(1))]).toEqual(["health.probe.port: 0 is no port: 1 to 65535", ""]);
  });

  test("a lone task's wrong label is named once", () => {
    const message = messageOf(() => jobOf({ name: "web", image: "a", labels: { "-": "x" } }));
    expect(message).toBe('labels: "-" cannot be a label\'s name');
  });

  test("whatever JSON comes, the answer is a sound job or a refusal in words", () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.dictionary(
          fc.constantFrom("cpus", "memory", "env", "ports", "restart", "health", "services", "count"),
          fc.jsonValue(),
        ),
        (value, fields) => {
          for (const request of [value, { name: "web", image: "a", ...fields }]) {
            try {
              expect(jobProblems(jobOf(request))).toEqual([]);
            } catch (error) {
              if (!(error instanceof ClientError)) throw error;
              expect(error.code).toBe("invalid");
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
