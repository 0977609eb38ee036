// The book's manager API, asked by the real curl in the book's own words.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type CurlAnswer, curl, type Served, serve, TOKEN } from "./served.ts";

const FILE = join(import.meta.dir, "fixtures/task1.json");
const TASK_ID = "bb1d59ef-9fc1-4e4b-a44d-db571eeed203";

let served: Served;
beforeEach(async () => {
  served = await serve({ token: null });
});
afterEach(() => served.end());

const get = (path: string): Promise<CurlAnswer> => curl(served.url + path);
const post = (body: string): Promise<CurlAnswer> => curl("-X", "POST", "-d", body, `${served.url}/tasks`);
const remove = (id: string): Promise<CurlAnswer> => curl("-X", "DELETE", `${served.url}/tasks/${id}`);
const event = (task: object, more: object = {}): string =>
  JSON.stringify({ ID: "a7aa1d44-08f6-443e-9378-f5884311019e", State: 2, Task: task, ...more });

describe("api: the book's manager", () => {
  test("a file posted as the book does it starts the task and comes back", async () => {
    // curl -d sends a form's content type: the first trap.
    const answer = await curl("-X", "POST", "-d", `@${FILE}`, `${served.url}/tasks`);
    expect([answer.status, answer.type]).toEqual([201, "application/json"]);
    expect(answer.body).toBe(
      `{"ID":"${TASK_ID}","ContainerID":"","Name":"test-chapter-9.1","State":1,"Image":"timboring/echo-server:latest","Cpu":0,"Memory":0,"Disk":0,` +
        `"ExposedPorts":{"7777/tcp":{}},"HostPorts":null,"PortBindings":{"7777/tcp":"7777"},"RestartPolicy":"","StartTime":"0001-01-01T00:00:00Z",` +
        `"FinishTime":"0001-01-01T00:00:00Z","HealthCheck":"/health","RestartCount":0}\n`,
    );
    const [{ command, actor } = { command: undefined, actor: "" }] = served.manager.commands;
    expect([command?.kind, actor]).toEqual(["job.submit", "book"]);
    const task = served.manager.cluster.jobs.get(TASK_ID)?.spec.services[0]?.task;
    expect(task).toMatchObject({
      image: "timboring/echo-server:latest",
      ports: [{ containerPort: 7777, hostPort: 7777, protocol: "tcp", hostIp: "" }],
      health: { probe: { kind: "http", path: "/health" } },
      restart: { condition: "no" },
    });
  });

  test("keys match whatever their case", async () => {
    const answer = await post(
      `{"iD":"a7aa1d44-08f6-443e-9378-f5884311019e","STATE":2,"task":{"id":"${TASK_ID}","NAME":"t","image":"a","cpu":0.5,"MEMORY":67108864}}`,
    );
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
      201,
      { ID: TASK_ID, Name: "t", Cpu: 0.5, Memory: 67_108_864 },
    ]);
  });

  test("the event's state does not decide a start", async () => {
    for (const [index, state] of [0, 1, 2, 3, 4].entries()) {
      const id = `bb1d59ef-9fc1-4e4b-a44d-db571eeed20${index}`;
      expect((await post(event({ ID: id, Name: "t", Image: "a" }, { State: state }))).status).toBe(201);
      expect(served.manager.cluster.jobs.get(id)?.desired).toBe("run");
    }
  });

  test("one event id for several tasks starts each of them, also under one name", async () => {
    await post(event({ ID: TASK_ID, Name: "t", Image: "a" }));
    await post(event({ ID: TASK_ID.replace("3", "4"), Name: "t", Image: "a" }));
    expect(served.manager.cluster.jobs.size).toBe(2);
  });

  test("a known task posted again changes nothing, unless the event says Completed and it runs", async () => {
    await post(event({ ID: TASK_ID, Name: "t", Image: "a" }));
    expect((await post(event({ ID: TASK_ID, Name: "other", Image: "b" }))).status).toBe(201);
    expect(served.manager.cluster.jobs.get(TASK_ID)).toMatchObject({ desired: "run", spec: { name: "t" } });
    expect((await post(event({ ID: TASK_ID, Name: "t", Image: "a" }, { State: 3 }))).status).toBe(201);
    expect(served.manager.cluster.jobs.get(TASK_ID)?.desired).toBe("stop");
    await post(event({ ID: TASK_ID, Name: "t", Image: "a" }, { State: 2 }));
    expect(served.manager.cluster.jobs.get(TASK_ID)?.desired).toBe("stop");
  });

  test("what cannot be read is a 400 in the book's form", async () => {
    const cases: [string, string][] = [
      ["{", "Error unmarshalling body: "],
      ["", "Error unmarshalling body: EOF\n"],
      [event({ ID: TASK_ID, Nmae: "t" }), 'Error unmarshalling body: json: unknown field "Nmae"\n'],
      [event({ ID: TASK_ID }, { Extra: 1 }), 'Error unmarshalling body: json: unknown field "Extra"\n'],
      [
        event({ ID: TASK_ID }, { State: "2" }),
        "Error unmarshalling body: json: cannot unmarshal string into Go struct field TaskEvent.State of type task.State\n",
      ],
      [
        event({ ID: TASK_ID, Memory: 1.5 }),
        "Error unmarshalling body: json: cannot unmarshal number 1.5 into Go struct field Task.Memory of type int\n",
      ],
      [event({ ID: "abc" }), "Error unmarshalling body: invalid UUID length: 3\n"],
      [event({ ID: TASK_ID.replace("-", "x") }), "Error unmarshalling body: invalid UUID format\n"],
      [event({ ID: TASK_ID }, { Timestamp: "" }), "Error unmarshalling body: parsing time"],
      ["[]", "Error unmarshalling body: json: cannot unmarshal array into Go value of type TaskEvent\n"],
      [
        event({ ID: TASK_ID, Name: "t", Image: "a", RestartPolicy: "never" }),
        "Error unmarshalling body: unknown RestartPolicy",
      ],
      [
        event({ ID: TASK_ID, Name: "t", Image: "a", Memory: -1 }),
        "Error in task: resources.memoryBytes: -1 is impossible",
      ],
      [event({ ID: TASK_ID, Name: "t", Image: "" }), "Error in task: image: missing"],
    ];
    for (const [body, message] of cases) {
      const answer = await post(body);
      expect([answer.status, answer.type, JSON.parse(answer.body)]).toEqual([
        400,
        "application/json",
        { HTTPStatusCode: 400, Message: expect.stringContaining(message) },
      ]);
      expect(Object.keys(JSON.parse(answer.body))).toEqual(["HTTPStatusCode", "Message"]);
    }
    expect(served.manager.commands).toEqual([]);
  });

  test("a timestamp may be absent or RFC 3339 with nanoseconds", async () => {
    const task = { ID: TASK_ID, Name: "t", Image: "a", StartTime: "2023-05-06T07:08:09.123456789-04:00" };
    expect((await post(event(task, { Timestamp: "2023-05-06T07:08:09.1Z" }))).status).toBe(201);
  });

  test("a task without an id gets one", async () => {
    const answer = await post(event({ Name: "t", Image: "a" }));
    expect([answer.status, served.manager.cluster.jobs.has(JSON.parse(answer.body).ID)]).toEqual([201, true]);
  });

  test("the list is an array, empty at first, and shows what came of a task", async () => {
    expect(await get("/tasks")).toEqual({ status: 200, type: "application/json", body: "[]\n" });
    await curl("-X", "POST", "-d", `@${FILE}`, `${served.url}/tasks`);
    const node = served.manager.addNode("n1");
    const ports = [{ containerPort: 7777, hostPort: 49_155, protocol: "tcp" as const, hostIp: "" }];
    const startedMs = Date.UTC(2024, 0, 2, 3, 4, 5, 120);
    served.manager.report(
      TASK_ID,
      { state: "running", incarnation: 1, containerId: "abc", ports, startedMs, restarts: 2 },
      { nodeId: node.id },
    );
    const [task] = JSON.parse((await get("/tasks")).body);
    expect(task).toMatchObject({
      ID: TASK_ID,
      Name: "test-chapter-9.1",
      State: 2,
      ContainerID: "abc",
      HostPorts: { "7777/tcp": [{ HostIp: "0.0.0.0", HostPort: "49155" }] },
      StartTime: "2024-01-02T03:04:05.12Z",
      FinishTime: "0001-01-01T00:00:00Z",
      RestartCount: 2,
    });
    expect(Object.keys(task)).toEqual(
      "ID ContainerID Name State Image Cpu Memory Disk ExposedPorts HostPorts PortBindings RestartPolicy StartTime FinishTime HealthCheck RestartCount".split(
        " ",
      ),
    );
  });

  test("Cube's states are the book's five", async () => {
    await post(event({ ID: TASK_ID, Name: "t", Image: "a" }));
    const shown: Record<string, number> = {};
    const states = [
      "pending",
      "assigned",
      "accepted",
      "pulling",
      "ready",
      "starting",
      "running",
      "stopping",
      "complete",
      "failed",
      "rejected",
      "stopped",
      "lost",
    ] as const;
    for (const state of states) {
      served.manager.report(TASK_ID, { state });
      shown[state] = JSON.parse((await get("/tasks")).body)[0].State;
    }
    expect(shown).toEqual({
      pending: 0,
      assigned: 1,
      accepted: 1,
      pulling: 1,
      ready: 1,
      starting: 1,
      running: 2,
      stopping: 2,
      complete: 3,
      failed: 4,
      rejected: 4,
      stopped: 3,
      lost: 4,
    });
  });

  test("a task that came another way is shown in the book's words", async () => {
    const body = JSON.stringify({
      name: "web",
      image: "nginx",
      cpus: 0.25,
      memory: "64m",
      ports: ["8080:80", 443],
      restart: "on-failure",
      health: { http: "/ok" },
    });
    await curl("-X", "POST", "-d", body, `${served.url}/v1/jobs`);
    const [task] = JSON.parse((await get("/tasks")).body);
    expect(task).toMatchObject({
      Name: "web",
      State: 0,
      Cpu: 0.25,
      Memory: 67_108_864,
      ExposedPorts: { "80/tcp": {}, "443/tcp": {} },
      PortBindings: { "80/tcp": "8080" },
      RestartPolicy: "on-failure",
      HealthCheck: "/ok",
    });
    expect((await remove(task.ID)).status).toBe(204);
  });

  test("a delete stops the task and says nothing; unknown ids and what is no UUID are a 404 that says nothing", async () => {
    await post(event({ ID: TASK_ID, Name: "t", Image: "a" }));
    expect(await remove(TASK_ID.toUpperCase())).toEqual({ status: 204, type: "", body: "" });
    expect(served.manager.cluster.jobs.get(TASK_ID)?.desired).toBe("stop");
    expect(await remove(TASK_ID)).toMatchObject({ status: 204 });
    for (const id of [TASK_ID.replace("bb", "aa"), "abc", "%ff"]) {
      expect(await remove(id)).toMatchObject({ status: 404, body: "" });
    }
  });

  test("nodes are shown in the book's form", async () => {
    const node = served.manager.addNode("n1");
    const book = { MemStats: { mem_total: 7 }, DiskStats: { all: 5 }, CpuStats: { id: "cpu", user: 1 }, LoadStats: {} };
    const metrics = {
      cpuMillis: 0,
      memoryUsedBytes: 0,
      memoryTotalBytes: 0,
      diskUsedBytes: 0,
      diskTotalBytes: 0,
      load: [0, 0, 0] as const,
      tasks: [],
      atMs: 1,
      book,
    };
    served.manager.observed.set(node.id, { metrics, progress: [], seenMonoMs: 0 });
    await post(event({ ID: TASK_ID, Name: "t", Image: "a", Memory: 1 << 30 }));
    served.manager.report(TASK_ID, { state: "running" }, { nodeId: node.id });
    const answer = await get("/nodes/");
    expect(answer.body).toBe(
      `[{"Name":"127.0.0.1:5556","Ip":"127.0.0.1","Api":"http://127.0.0.1:5556","Memory":8388608,"MemoryAllocated":1048576,"Disk":107374182400,"DiskAllocated":0,` +
        `"Stats":{"MemStats":{"mem_total":7},"DiskStats":{"all":5},"CpuStats":{"id":"cpu","user":1},"LoadStats":{},"TaskCount":1},"Role":"worker","TaskCount":1}]\n`,
    );
  });

  test("paths match with a slash at the end; other methods are a 405, other paths a 404, both without a body", async () => {
    expect((await get("/tasks/")).status).toBe(200);
    expect((await get("/nodes")).status).toBe(200);
    for (const [method, path, status] of [
      ["GET", `/tasks/${TASK_ID}`, 405],
      ["PUT", "/tasks", 405],
      ["DELETE", "/tasks", 405],
      ["POST", "/nodes", 405],
      ["POST", `/tasks/${TASK_ID}`, 405],
      ["GET", "/task", 404],
      ["GET", "/stats", 404],
    ] as const) {
      expect([method, path, await curl("-X", method, served.url + path)]).toEqual([
        method,
        path,
        { status, type: "", body: "" },
      ]);
    }
    expect((await curl("-I", `${served.url}/tasks`)).status).toBe(405);
  });

  test("with a token the same paths want it, and changes carry its actor", async () => {
    const locked = await serve();
    try {
      expect((await curl(`${locked.url}/tasks`)).status).toBe(401);
      const answer = await curl("-H", `Authorization: Bearer ${TOKEN}`, "-d", `@${FILE}`, `${locked.url}/tasks`);
      expect([answer.status, locked.manager.commands[0]?.actor]).toEqual([201, "token:api"]);
      expect((await curl("--unix-socket", locked.socket, "http://localhost/tasks")).status).toBe(200);
    } finally {
      await locked.end();
    }
  });

  test("a manager that takes no commands says so in the book's form", async () => {
    served.manager.setHealth("read-only", "free some space");
    const answer = await curl("-X", "POST", "-d", `@${FILE}`, `${served.url}/tasks`);
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      503,
      { HTTPStatusCode: 503, Message: "the store takes no commits: free some space\n" },
    ]);
  });
});
