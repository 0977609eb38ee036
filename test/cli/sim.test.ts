import { describe, expect, test } from "bun:test";
import { chmodSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JobResource, MetricsResource, NodeResource, TaskResource } from "../../src/client/resources.ts";
import { DEFAULT_TASK, type TaskSpec } from "../../src/core/spec.ts";
import { aJob, aNode, aTask, NOW_MS } from "./fake-client.ts";
import { FakeShell } from "./fake-shell.ts";

const GIB = 2 ** 30;
const ROOM = { cpuMillis: 4_000, memoryBytes: 8 * GIB, diskBytes: 100 * GIB };
const NODES = ["n1", "n2", "n3"];

/** A shell whose manager has three nodes elsewhere. */
function cluster(): FakeShell {
  const shell = new FakeShell();
  const runtimes = [{ kind: "docker", version: "20", problem: "" } as const];
  shell.client.nodeList = NODES.map((name): NodeResource => {
    return aNode({ id: `id-of-${name}`, name, local: false, capacity: ROOM, allocatable: ROOM, runtimes });
  });
  shell.client.sampleList = NODES.map(sampleOf);
  return shell;
}

function sampleOf(name: string): MetricsResource {
  const room = { memoryTotalBytes: 8 * GIB, diskUsedBytes: 0, diskTotalBytes: 100 * GIB };
  const use = { atMs: NOW_MS, cpuMillis: 0, memoryUsedBytes: 0, load: [0, 0, 0] as const, tasks: [], progress: [] };
  return { nodeId: `id-of-${name}`, ...use, ...room };
}

/** Puts a job there whose tasks run on these nodes. */
function run(shell: FakeShell, name: string, on: readonly string[], spec: Partial<TaskSpec> = {}): void {
  const task = { ...DEFAULT_TASK, image: "nginx:1", ...spec };
  const job: JobResource = aJob({ id: `job-${name}`, name, services: [{ name, count: on.length, task }] });
  const tasks = on.map((node, slot): TaskResource => {
    return aTask({ id: `task-${name}-${slot}`, jobId: job.id, name, service: name, slot, nodeId: `id-of-${node}` });
  });
  shell.client.jobList.push(job);
  shell.client.taskList.push(...tasks);
}

const memory = (gib: number) => ({ resources: { cpuMillis: 100, memoryBytes: gib * GIB, diskBytes: 0 } });

describe("cli/sim", () => {
  test("cli/sim: a node that dies: both tables, the placements and the verdict, with exit code 0 when all fits", async () => {
    using shell = cluster();
    run(shell, "web", ["n1", "n3"], memory(1));
    const { code, out, err } = await shell.run("sim", "--without", "n3");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out.replace(/lowest cost [0-9.]+/, "lowest cost N")).toBe(
      [
        "What if n3 dies (laptop, epvm, revision 0):",
        "",
        "NODE          TASKS    CPU             MEMORY (MiB)",
        "n1            1        0.1 of 4        1024 of 8192",
        "n2            0 -> 1   0 -> 0.1 of 4   0 -> 1024 of 8192",
        "n3     gone   1 -> 0   0.1 -> 0 of 4   1024 -> 0 of 8192",
        "",
        "Would be replaced (1):",
        "TASK        FROM   TO   WHY",
        "web.web.1   n3     n2   lowest cost N of 2",
        "",
        "Everything fits.",
        "",
      ].join("\n"),
    );
  });

  test("cli/sim: what would be pending or down has its reasons in words, and exit code 3", async () => {
    using shell = cluster();
    run(shell, "big", ["n2"], memory(6));
    run(shell, "full", ["n1", "n3"], memory(5));
    run(shell, "db", ["n2"], { mounts: [{ kind: "volume", source: "pg", target: "/data", readOnly: false }] });
    const { code, out } = await shell.run("sim", "--without", "id-of-n2");
    expect(code).toBe(3);
    expect(out.slice(out.indexOf("Would"))).toBe(
      [
        "Would be pending (1):",
        "  big: 3 nodes: 2 lack 6 GiB memory, 1 is disconnected",
        "    n1 lacks 6 GiB memory (3 GiB of 8 GiB memory free)",
        "    n2 is disconnected",
        "    n3 lacks 6 GiB memory (3 GiB of 8 GiB memory free)",
        "",
        "Would stay with their node, down until it is back (1):",
        "  db on n2: its data is there (volume pg)",
        "",
        "Not everything fits: 1 task would be pending, 1 task would be down until its node is back.",
        "",
      ].join("\n"),
    );
  });

  test("cli/sim: in a terminal nothing is wider than it", async () => {
    using shell = cluster();
    for (const node of shell.client.nodeList) Object.assign(node, { name: `${node.name}.rack-17.example.com` });
    run(shell, "a-very-long-name-of-a-job-that-somebody-gave-it-all-the-same", ["n3"], memory(1));
    run(shell, "huge", ["n3"], memory(64));
    shell.stdout.isTTY = true;
    const { out } = await shell.run("sim", "--without", "n3.rack-17.example.com", "--how-many", "nginx");
    expect(out.split("\n").filter((line) => Bun.stringWidth(line) > 80)).toEqual([]);
    expect(out).toContain("\n  huge: 3 nodes: 2 lack 64 GiB memory");
  });

  test("cli/sim: an image is added with the flags of cube run, a job from its file", async () => {
    using shell = cluster();
    writeFileSync(join(shell.home, "api.json"), JSON.stringify({ name: "api", image: "api:1", count: 2, cpus: 4 }));
    const { code, out } = await shell.run("sim", "--add", "api.json", "--add", "nginx", "--cpus", "2", "--count", "3");
    expect(code).toBe(3);
    expect(out).toMatch(/^What if api is added, nginx-sim is added /);
    expect(out).toMatch(/^TASK +TO +WHY\napi\.api\.0 +n1 +lowest cost [0-9.]+ of 3$/m);
    expect(out).toMatch(/^ {2}nginx-sim\.nginx-sim\.2: 3 nodes: 3 lack 2 CPU$/m);
    expect(shell.client.submitted).toEqual([]);
  });

  test("cli/sim: a name that is taken is noted, for the manager would refuse it", async () => {
    using shell = cluster();
    run(shell, "web", ["n1"]);
    const { code, out } = await shell.run("sim", "--add", "nginx", "--name", "web");
    expect(code).toBe(0);
    expect(out).toContain("Note: the name web is taken: the manager would take this job only under another one");
  });

  test("cli/sim: what is wrong with the manager is said beside the answer, but not within JSON", async () => {
    using shell = cluster();
    shell.client.about = { problem: "the disk is full" };
    expect(await shell.run("sim", "--without", "n1")).toMatchObject({ code: 0, err: "cube: the disk is full\n" });
    expect(await shell.run("sim", "--without", "n1", "--json")).toMatchObject({ code: 0, err: "" });
  });

  test("cli/sim: how many more of an image fit, by node, and why the next one does not", async () => {
    using shell = cluster();
    const { code, out } = await shell.run("sim", "--how-many", "nginx", "-p", "8080:80", "--memory", "512m");
    expect(code).toBe(0);
    expect(out).toContain("3 more of nginx-sim fit: 1 on n1, 1 on n2, 1 on n3.\n");
    expect(out).toContain("The next one would be pending: 3 nodes: 3 have port 8080/tcp taken\n");
  });

  test("cli/sim: --json has the question, the cluster and the whole answer", async () => {
    using shell = cluster();
    run(shell, "web", ["n3"]);
    const { out } = await shell.run(
      "sim",
      "--without",
      "n3",
      "--with-node",
      "like=n1",
      "--how-many",
      "nginx",
      "--json",
    );
    expect(JSON.parse(out)).toMatchObject({
      cluster: { clusterId: "c1", manager: "laptop", scheduler: "epvm", revision: 0, atMs: NOW_MS },
      asked: { join: ["n1"], without: ["n3"], add: [], howMany: "nginx-sim" },
      nodes: [{ name: "n1" }, { name: "n1-new", fate: "new" }, { name: "n2" }, { name: "n3", fate: "gone" }],
      tasks: [{ name: "web", outcome: "moves", from: "n3" }],
      howMany: { atLeast: false },
      fits: true,
    });
  });

  test("cli/sim: a saved snapshot answers as the manager does, is its owner's alone and has no values of variables", async () => {
    using shell = cluster();
    run(shell, "web", ["n1", "n3"], { env: { PASSWORD: "do not tell" }, ...memory(1) });
    const saved = await shell.run("sim", "--save", "now.json");
    expect(saved).toEqual({ code: 0, out: "", err: "cube: 3 nodes and 1 job at revision 0 are in now.json\n" });
    const file = join(shell.home, "now.json");
    chmodSync(file, 0o644);
    await shell.run("sim", "--save", "now.json");
    expect(readdirSync(shell.home).filter((name) => name.startsWith("now.json"))).toEqual(["now.json"]);
    expect(readFileSync(file, "utf8")).not.toContain("do not tell");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const live = await shell.run("sim", "--without", "n3");
    shell.client.down = new Error("must not be asked") as never;
    expect(await shell.run("sim", "--without", "n3", "--from", "now.json")).toEqual(live);
    shell.stdin.text = readFileSync(file, "utf8");
    expect(await shell.run("sim", "--without", "n3", "--from", "-")).toEqual(live);
  });

  test("cli/sim: the data of the API's own snapshot event is a snapshot too", async () => {
    using shell = cluster();
    run(shell, "web", ["n3"]);
    const { jobList: jobs, taskList: tasks, nodeList: nodes } = shell.client;
    const event = { manager: await shell.client.manager(), revision: 7, jobs, tasks, nodes, events: [] };
    writeFileSync(join(shell.home, "event.json"), JSON.stringify(event));
    const { code, out } = await shell.run("sim", "--without", "n3", "--from", "event.json");
    expect(code).toBe(0);
    expect(out).toMatch(/revision 7\)/);
    expect(out).toMatch(/^web {3}/m);
  });

  test("cli/sim: earlier attempts tell which nodes a slot avoids", async () => {
    using shell = cluster();
    run(shell, "web", ["n3"]);
    const before = { jobId: "job-web", name: "web", service: "web", slot: 0, current: false } as const;
    shell.client.taskList.unshift(
      aTask({ ...before, id: "task-web-old", nodeId: "id-of-n1", state: "failed", attempt: 1 }),
    );
    Object.assign(shell.client.taskList[1] as TaskResource, { attempt: 2 });
    const { out } = await shell.run("sim", "--without", "n3");
    expect(out).toMatch(/^web {4}n3 {5}n2 {3}/m);
  });

  test("cli/sim: a manager that is away ends it at once, in words", async () => {
    using shell = cluster();
    shell.client.down = new (await import("../../src/client/cluster-client.ts")).ClientError(
      "unavailable",
      "no manager answers",
    );
    expect(await shell.run("sim", "--without", "n3")).toMatchObject({
      code: 1,
      err: expect.stringContaining("no manager answers"),
    });
  });
});

describe("cli/sim: bad input", () => {
  const WRONG: readonly (readonly [words: string[], message: string, hint: string])[] = [
    [[], "sim needs a question", "such as --without NODE, --add JOB or --how-many JOB"],
    [["--json", "--save", "x.json"], "sim needs a question", "such as --without NODE, --add JOB or --how-many JOB"],
    [["--without", "n33"], 'no node "n33"', 'did you mean "n3"?'],
    [["--without", "elsewhere"], 'no node "elsewhere"', "nodes: n1, n2, n3"],
    [["--with-node", "n1"], '--with-node "n1" is unknown', "such as --with-node like=n1"],
    [["--with-node", "like=m1"], 'no node "m1"', 'did you mean "n1"?'],
    [["--add", "job.json"], "cannot read job.json: there is no such file", ""],
    [["--add", "UPPER"], "", "UPPER is taken as an image: write ./UPPER for a file"],
    [
      ["--without", "n1", "--memory", "1g"],
      "--memory is about an image, and there is none",
      "name it by --add IMAGE or --how-many IMAGE",
    ],
    [
      ["--how-many", "nginx", "-m", "512m"],
      '-m names the manager here, and "512m" is a size',
      "the memory is --memory 512m",
    ],
    [["--add", "nginx", "--memory", "lots"], '--memory "lots" is no size such as 512m or 1.5g', ""],
    [["--add", "nginx", "--count", "0"], "--count 0 asks for nothing", ""],
    [["--add", "-", "--how-many", "-"], "standard input can be read only once", "give the others as files"],
    [["--from", "a.json", "--save", "b.json"], "--save does not go with --from", "the snapshot is in a file already"],
    [
      ["--without", "n1", "--from", "a.json", "--manager", "m:1"],
      "--manager does not go with --from",
      "the file is the cluster",
    ],
    [["--without", "n1", "--from", "a.json"], "cannot read a.json: there is no such file", ""],
  ];

  for (const [words, message, hint] of WRONG) {
    test(`cli/sim: \`sim ${words.join(" ")}\` is refused with a way out`, async () => {
      using shell = cluster();
      const { code, out, err } = await shell.run("sim", ...words);
      const [first = "", second = ""] = err.split("\n");
      expect({ code, out }).toEqual({ code: 2, out: "" });
      expect(first).toStartWith(`cube: ${message}`);
      expect(second).toBe(hint);
    });
  }

  test("cli/sim: a file that is no snapshot is named with the place of what is wrong", async () => {
    using shell = cluster();
    const from = async (text: string) => {
      writeFileSync(join(shell.home, "s.json"), text);
      const { code, err } = await shell.run("sim", "--without", "n1", "--from", "s.json");
      return `${code} ${err}`;
    };
    expect(await from("")).toBe("2 cube: s.json is empty\nit holds a snapshot of `cube sim --save` as JSON\n");
    expect(await from('{"a": }')).toStartWith("2 cube: s.json:1:7 is not JSON");
    expect(await from('{"name": "web"}')).toStartWith("2 cube: s.json is no snapshot: manager");
    expect(await from('{"format": 2}')).toStartWith("2 cube: s.json is no snapshot: format 2 is not known here (1)");
    const services = [{ name: "web", count: 1e9, task: { ...DEFAULT_TASK, image: "nginx:1" } }];
    const huge = {
      manager: await shell.client.manager(),
      revision: 1,
      jobs: [aJob({ services })],
      tasks: [],
      nodes: [],
    };
    expect(await from(JSON.stringify(huge))).toContain("job web has 1000000000 tasks, at most 10000");
    const manager = { ...(await shell.client.manager()), scheduler: "magic" };
    const other = JSON.stringify({ manager, revision: 1, jobs: [], tasks: [], nodes: [] });
    expect(await from(other)).toStartWith('2 cube: the manager places by "magic", which is not known here');
  });

  test("cli/sim: a snapshot goes where a link leads and into a pipe, and neither is replaced", async () => {
    using shell = cluster();
    const at = (name: string) => join(shell.home, name);
    writeFileSync(at("real.json"), "old");
    symlinkSync("real.json", at("link.json"));
    symlinkSync("new.json", at("dangling.json"));
    for (const name of ["link.json", "dangling.json"]) {
      expect((await shell.run("sim", "--save", name)).code).toBe(0);
      expect(lstatSync(at(name)).isSymbolicLink()).toBe(true);
    }
    const saved = readFileSync(at("real.json"), "utf8");
    expect([JSON.parse(saved).manager.clusterId, readFileSync(at("new.json"), "utf8")]).toEqual(["c1", saved]);
    expect([statSync(at("real.json")).mode & 0o777, statSync(at("new.json")).mode & 0o777]).toEqual([0o600, 0o600]);
    Bun.spawnSync(["mkfifo", at("pipe")]);
    const reader = Bun.spawn(["cat", at("pipe")], { stdout: "pipe" });
    expect((await shell.run("sim", "--save", "pipe")).code).toBe(0);
    expect([await new Response(reader.stdout).text(), lstatSync(at("pipe")).isFIFO()]).toEqual([saved, true]);
  });

  test("cli/sim: a draft that somebody else has made is left to them", async () => {
    using shell = cluster();
    const draft = join(shell.home, `now.json.${process.pid}.draft`);
    writeFileSync(draft, "theirs");
    expect((await shell.run("sim", "--save", "now.json")).err).toBe("cube: cannot write now.json: EEXIST\n");
    expect(readFileSync(draft, "utf8")).toBe("theirs");
  });

  test("cli/sim: a snapshot that cannot be written fails, naming the file", async () => {
    using shell = cluster();
    expect(await shell.run("sim", "--save", "no/such/folder")).toMatchObject({
      code: 1,
      err: "cube: cannot write no/such/folder: ENOENT\n",
    });
  });
});
