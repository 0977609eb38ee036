// What every ClusterClient must do with jobs, tasks, nodes and events, in-process or over HTTP: the same tests for each. The manager behind it is a fake one that applies the real changes.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { ClusterClient } from "../../src/client/cluster-client.ts";
import { toJobSpec } from "../../src/client/job-request.ts";
import { FakeManager } from "../fakes/manager.ts";
import { FakeNodeLinks } from "../fakes/node-links.ts";
import { FakeStreams } from "../fakes/task-streams.ts";
import { type Kind, lone, refusal, type Subject, sampleOf, until } from "./cluster-client-behind.ts";

const ID = "266592cd-960d-4091-981c-8c25c44b1018";

/** Registers the suite for one kind of client. */
export function clusterClientContract(kind: string, of: Kind): void {
  describe(`contract: ClusterClient ${kind}`, () => {
    let manager: FakeManager;
    let streams: FakeStreams;
    let links: FakeNodeLinks;
    let subject: Subject;
    let client: ClusterClient;
    let shutdowns = 0;

    beforeEach(async () => {
      manager = new FakeManager();
      streams = new FakeStreams();
      links = new FakeNodeLinks();
      shutdowns = 0;
      subject = await of.open({ manager, streams, links, shutdowns: () => shutdowns++ });
      client = subject.client;
    });
    afterEach(async () => {
      await client.close();
      await subject.end();
    });

    test("a submitted job comes back with its id, its actor and its task", async () => {
      const { job, created } = await client.submit(lone("web", { cpus: 0.5, memory: "64m", ports: ["8080:80"] }));
      const task = await client.task("web");
      expect([created, job.name, job.kind, job.desired, job.actor]).toEqual([true, "web", "service", "run", of.actor]);
      expect(job.services[0]?.task.resources).toEqual({ cpuMillis: 500, memoryBytes: 64 << 20, diskBytes: 0 });
      expect([task.jobId, task.name, task.state, task.image, task.current]).toEqual([
        job.id,
        "web",
        "pending",
        "busybox:1",
        true,
      ]);
    });

    test("the specification arrives as it was sent, whatever is in it", async () => {
      const spec = toJobSpec({
        name: "all",
        labels: { a: "b" },
        services: [
          {
            name: "one",
            count: 2,
            command: ["sh", "-c", "echo 'ü' \"$A\""],
            entrypoint: [],
            image: "registry:5000/a/b:c",
            env: { A: "1", EMPTY: "", LINES: "a\nb" },
            workingDir: "/tmp",
            user: "1:1",
            cpuMillis: 250,
            disk: "1g",
            ports: ["127.0.0.1:8080:80/udp", 443],
            mounts: ["/a:/b:ro", "v:/c", { target: "/t" }],
            restart: { condition: "on-failure", attempts: 3, window: "1m" },
            pull: "always",
            health: { http: "/health", port: 80, interval: "2s" },
            stopSignal: "SIGINT",
            stopGrace: "1s",
            disconnect: { replace: false, stopAfterMs: 5 },
            constraints: ["zone!=b"],
            privileges: { capAdd: ["NET_ADMIN"], network: "host" },
          },
          { name: "two", runtime: "process", command: ["sleep", "1"], health: { exec: ["true"] }, restart: "no" },
        ],
      });
      const { job } = await client.submit(spec);
      expect({ name: job.name, services: job.services, labels: job.labels }).toEqual(spec);
    });

    test("the same id again changes nothing", async () => {
      const first = await client.submit(lone("web"), { id: ID });
      const again = await client.submit(lone("other"), { id: ID });
      expect([first.created, again.created, again.job.id, again.job.name]).toEqual([true, false, ID, "web"]);
      expect((await client.jobs()).items).toHaveLength(1);
    });

    test("the same idempotency key gives the same job, another job under it is refused", async () => {
      const first = await client.submit(lone("web"), { idempotencyKey: "k1" });
      const again = await client.submit(lone("web"), { idempotencyKey: "k1" });
      expect([again.created, again.job.id]).toEqual([false, first.job.id]);
      expect(await refusal(client.submit(lone("other"), { idempotencyKey: "k1" }))).toMatchObject({ code: "conflict" });
    });

    test("a job that cannot be is refused with the path of the problem", async () => {
      const spec = lone("web");
      const bad = { ...spec, name: "No Good" };
      expect(await refusal(client.submit(bad))).toMatchObject({
        code: "invalid",
        message: expect.stringContaining("name: "),
      });
      expect(manager.commands).toEqual([]);
    });

    test("stop, start, restart and remove do what they say and answer with the job", async () => {
      const { job } = await client.submit(lone("web"));
      expect((await client.stop("web")).desired).toBe("stop");
      expect((await client.task("web")).state).toBe("stopped");
      expect((await client.start(job.id)).desired).toBe("run");
      expect((await client.task("web")).attempt).toBe(2);
      await client.restart("web");
      await client.remove(job.id.slice(0, 8));
      expect((await client.jobs()).items).toEqual([]);
      expect(manager.commands.map(({ command, actor }) => `${command.kind} ${actor}`)).toEqual(
        ["job.submit", "job.stop", "job.start", "job.restart", "job.remove"].map((each) => `${each} ${of.actor}`),
      );
    });

    test("a task's id restarts that task alone", async () => {
      const node = manager.addNode("n1");
      const { job } = await client.submit(toJobSpec({ name: "two", image: "a", count: 2 }));
      manager.report(job.id, { state: "running", incarnation: 1 }, { nodeId: node.id, slot: 1 });
      const second = (await client.tasks({ job: "two" })).items.find((task) => task.slot === 1);
      await client.restart(second?.id ?? "");
      const oneTask = { kind: "task.restart" as const, taskId: second?.id ?? "" };
      expect(manager.commands.at(-1)?.command).toEqual(oneTask);
      await client.restart("two.two.1");
      expect(manager.commands.at(-1)?.command).toEqual(oneTask);
      await client.restart(job.id.slice(0, 8));
      expect(manager.commands.at(-1)?.command).toEqual({ kind: "job.restart", jobId: job.id });
    });

    test("a reference may be an id, a prefix or a name; what is unknown is refused with the nearest name", async () => {
      const { job } = await client.submit(lone("webserver"));
      const task = await client.task("webserver");
      const found = [await client.job(job.id.slice(0, 4)), await client.job("webserver"), await client.job(task.id)];
      expect(found.map(({ id }) => id)).toEqual([job.id, job.id, job.id]);
      expect((await client.task(job.id)).id).toBe(task.id);
      expect((await client.task(task.id.slice(0, 6))).id).toBe(task.id);
      expect(await refusal(client.job("webserver2"))).toEqual({
        code: "not_found",
        message: 'no job "webserver2"',
        hint: 'did you mean "webserver"?',
      });
      expect(await refusal(client.task("../x?y#z"))).toMatchObject({
        code: "not_found",
        message: 'no task "../x?y#z"',
      });
    });

    test("a reference with several meanings is refused with the candidates", async () => {
      await client.submit(lone("a"), { id: "11111111-0000-4000-8000-000000000001" });
      await client.submit(lone("b"), { id: "11111111-0000-4000-8000-000000000002" });
      const { code, message } = await refusal(client.job("1111"));
      expect([code, message.includes("0001 (a, run)"), message.includes("0002 (b, run)")]).toEqual([
        "conflict",
        true,
        true,
      ]);
    });

    test("lists come in pages that neither repeat nor lose an item", async () => {
      for (let i = 0; i < 5; i++) await client.submit(lone(`job-${i}`));
      const names: string[] = [];
      let cursor = "";
      do {
        const page = await client.jobs({ limit: 2, ...(cursor && { cursor }) });
        names.push(...page.items.map((job) => job.name));
        cursor = page.cursor;
        expect(page.revision).toBe(manager.status().revision);
      } while (cursor !== "");
      expect(names).toEqual(["job-0", "job-1", "job-2", "job-3", "job-4"]);
    });

    test("lists filter by job, node and state, and show history when asked", async () => {
      const node = manager.addNode("n1");
      const { job } = await client.submit(lone("web"));
      await client.submit(lone("idle"));
      manager.report(job.id, { state: "running", incarnation: 1 }, { nodeId: node.id });
      const names = async (query: object): Promise<string[]> =>
        (await client.tasks(query)).items.map((task) => `${task.name}#${task.attempt}`);
      expect(await names({ node: "n1" })).toEqual(["web#1"]);
      expect(await names({ state: "pending" })).toEqual(["idle#1"]);
      await client.stop("web");
      await client.start("web");
      expect(await names({ job: "web" })).toEqual(["web#2"]);
      expect(await names({ job: "web", history: true })).toEqual(["web#1", "web#2"]);
      expect(await refusal(client.tasks({ state: "runing" }))).toMatchObject({
        code: "invalid",
        hint: 'did you mean "running"?',
      });
      expect(await refusal(client.tasks({ cursor: "x" }))).toMatchObject({ code: "invalid" });
    });

    test("a node shows what its tasks hold, and takes an availability", async () => {
      const node = manager.addNode("n1");
      const { job } = await client.submit(lone("web", { cpus: 1, memory: "1g" }));
      manager.report(job.id, { state: "running", incarnation: 1 }, { nodeId: node.id });
      const shown = await client.node("n1");
      expect([shown.tasks, shown.allocated]).toEqual([1, { cpuMillis: 1_000, memoryBytes: 1 << 30, diskBytes: 0 }]);
      expect((await client.setAvailability("n1", "cordoned")).availability).toBe("cordoned");
      expect((await client.setAvailability(node.id, "draining")).availability).toBe("draining");
      expect((await client.setAvailability("n1", "eligible")).availability).toBe("eligible");
      expect((await client.nodes({ state: "eligible" })).items.map(({ name }) => name)).toEqual(["n1"]);
    });

    test("a node is removed once it is gone, or by force", async () => {
      manager.addNode("n1", { local: false });
      manager.addNode("n2", { local: false, state: "lost" });
      expect(await refusal(client.removeNode("n1", { force: false }))).toMatchObject({
        code: "conflict",
        message: "n1 is connected",
      });
      await client.removeNode("n2", { force: false });
      await client.removeNode("n1", { force: true });
      expect((await client.nodes()).items).toEqual([]);
      await client.trustLoss();
      expect(manager.commands.at(-1)).toEqual({ command: { kind: "nodes.trust-loss" }, actor: of.actor });
    });

    test("a node removed is dialled no more", async () => {
      const node = manager.addNode("n2", { local: false, state: "lost" });
      await client.removeNode("n2", { force: false });
      expect(links.gone).toEqual([node.id]);
    });

    test("the join token and its renewal come with the manager's addresses", async () => {
      expect(await client.joinToken()).toEqual({ token: "cube1.c1.secret1", addresses: ["10.0.0.1:5555"] });
      expect((await client.renewJoinToken()).token).toBe("cube1.c1.secret2");
      expect((await client.joinToken()).token).toBe("cube1.c1.secret2");
    });

    test("an address is dialled until it is forgotten, and says why there is no link", async () => {
      const address = "[fd00::1]:5556";
      const shown = { address, nodeId: "", linked: false, problem: "nobody listens there", configured: false };
      expect(await client.addNode(address)).toEqual(shown);
      expect(await client.dialled()).toEqual([shown]);
      expect((await client.manager()).unlinked).toEqual([shown]);
      expect(await client.forgetAddress(address)).toEqual(shown);
      expect(await client.dialled()).toEqual([]);
      expect(await refusal(client.forgetAddress(address))).toMatchObject({ code: "not_found" });
      expect(await refusal(client.addNode("nonsense"))).toMatchObject({ code: "invalid" });
    });

    test("a node shows its link and the age of its last heartbeat", async () => {
      const far = manager.addNode("n1", { local: false, address: "n1" });
      const near = manager.addNode("n2");
      const peer = {
        address: "10.0.0.9:4711",
        dialledBy: "worker",
        roundTripMs: 1.5,
        sinceMs: 7,
        protocol: 1,
      } as const;
      links.links.set(far.id, peer);
      manager.observed.set(far.id, { ...sampleOf(5), seenMonoMs: performance.now() - 60_000 });
      const shown = await client.node("n1");
      const link = { address: "10.0.0.9:4711", dialledBy: "worker", roundTripMs: 1.5, linkedSinceMs: 7, protocol: 1 };
      expect(shown).toMatchObject(link);
      expect(shown.heartbeatAgeMs).toBeGreaterThanOrEqual(60_000);
      expect(await client.metrics()).toMatchObject([{ nodeId: far.id, link, seenMs: expect.any(Number) }]);
      expect(await client.node(near.id)).not.toHaveProperty("dialledBy");
    });

    test("a token's secret is given once, and only its digest reaches the manager", async () => {
      const { token, secret } = await client.createToken({ name: "ci", role: "operate" });
      expect(token).toMatchObject({ name: "ci", role: "operate", createdBy: of.actor, lastUsedMs: 0 });
      const hash = createHash("sha256").update(secret).digest("base64url");
      expect([secret.length, manager.cluster.tokens.get("ci")?.hash]).toEqual([43, hash]);
      expect(JSON.stringify(manager.commands)).not.toContain(secret);
      expect(await client.tokens()).toContainEqual(token);
      expect(JSON.stringify(await client.events({ since: 0 }))).not.toContain(hash);
      expect(await refusal(client.createToken({ name: "ci", role: "view" }))).toMatchObject({ code: "conflict" });
      expect(await refusal(client.createToken({ name: "C I", role: "view" }))).toMatchObject({ code: "invalid" });
      await client.revokeToken("ci");
      expect((await client.tokens()).map(({ name }) => name)).not.toContain("ci");
      expect(await refusal(client.revokeToken("ci"))).toMatchObject({ code: "not_found" });
    });

    test("metrics are the newest samples", async () => {
      const node = manager.addNode("n1");
      manager.observed.set(node.id, sampleOf(5));
      expect(await client.metrics()).toMatchObject([
        { nodeId: node.id, atMs: 5, cpuMillis: 250, progress: [{ taskId: "t", text: "pulling" }] },
      ]);
    });

    test("a decision is found by task or job; without one the refusal says so", async () => {
      const { job } = await client.submit(lone("web"));
      expect(await refusal(client.decision("web"))).toMatchObject({ code: "not_found" });
      const task = await client.task("web");
      const decision = decisionOn(task.id, job.id);
      manager.commit([{ kind: "decision.put", decision }]);
      expect(await client.decision("web")).toEqual(decision);
      expect(await client.decision(task.id)).toEqual(decision);
      expect((await client.decisions({ job: "web" })).items).toEqual([decision]);
    });

    test("events are those above a revision; a gap is named", async () => {
      await client.submit(lone("web"));
      const all = await client.events({ since: 0 });
      expect([all.gap, all.items.map(({ revision }) => revision)]).toEqual([false, [1, 2, 3]]);
      expect(all.items[0]).toMatchObject({ kind: "job.put", actor: of.actor, text: "web is submitted" });
      expect((await client.events({ since: 2 })).items.map(({ kind }) => kind)).toEqual(["task.put"]);
      expect((await client.events({ limit: 1 })).items.map(({ revision }) => revision)).toEqual([3]);
      manager.forgetLog();
      expect(await client.events({ since: 0 })).toEqual({ items: [], revision: 3, gap: true });
    });

    test("a manager that takes no commands says why", async () => {
      manager.setHealth("read-only", "free some space");
      expect(await refusal(client.submit(lone("web")))).toMatchObject({ code: "read_only", hint: "free some space" });
    });

    test("a shutdown is asked for once", async () => {
      await client.shutdown();
      await until(() => shutdowns === 1);
    });

    test("the manager says which one it is", async () => {
      expect(await client.manager()).toMatchObject({ clusterId: "c1", name: "laptop", health: "ok", dataDir: "/data" });
    });
  });
}

function decisionOn(taskId: string, jobId: string) {
  return {
    taskId,
    jobId,
    scheduler: "epvm",
    nodeId: null,
    candidates: [],
    candidateCount: 0,
    refusals: [{ nodeId: "n", nodeName: "n1", filter: "memory", reason: "lacks 1 GiB memory" }],
    refusalCount: 1,
    summary: "1 node: lacks 1 GiB memory",
    atMs: 9,
  };
}
