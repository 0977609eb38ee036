/** The create body: every field of a specification arrives, the defaults are the safe ones, nonsense is refused before the engine sees it. */
import { expect, test } from "bun:test";
import { NO_PRIVILEGES, type TaskSpec } from "../../src/core/spec.ts";
import { createBody } from "../../src/runtime/docker-body.ts";
import { createRequest, taskSpec } from "./requests.ts";

const identity = { taskId: "0123456789abcdef", incarnation: 2, jobId: "j1", service: "main", slot: 3, specHash: "h1" };

test("runtime: a plain task's create body is sandboxed and labelled", () => {
  const body = createBody(createRequest(taskSpec(), identity), "n1", "c1");
  expect(body).toEqual({
    ok: true,
    value: {
      Image: "cube-test/busybox:1",
      Cmd: ["sleep", "600"],
      Env: [],
      Labels: {
        "io.cube.cluster": "c1",
        "io.cube.node": "n1",
        "io.cube.task": "0123456789abcdef",
        "io.cube.incarnation": "2",
        "io.cube.spec": "h1",
        "io.cube.job": "j1",
        "io.cube.service": "main",
        "io.cube.slot": "3",
      },
      ExposedPorts: {},
      HostConfig: {
        NetworkMode: "bridge",
        RestartPolicy: { Name: "no" },
        Init: true,
        PidsLimit: 4096,
        LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } },
        CapAdd: [],
        CapDrop: ["NET_RAW"],
        SecurityOpt: ["no-new-privileges:true"],
        Devices: [],
        Mounts: [],
        PortBindings: {},
      },
    },
  });
});

test("runtime: every field of a specification arrives in the create body", () => {
  const spec = taskSpec({
    entrypoint: ["/entry"],
    env: { A: "1", B: "x=y" },
    workingDir: "/w",
    user: "1000:1000",
    stopSignal: "SIGINT",
    resources: { cpuMillis: 500, memoryBytes: 64 << 20, diskBytes: 0 },
    ports: [
      { containerPort: 80, hostPort: 8080, protocol: "tcp", hostIp: "127.0.0.1" },
      { containerPort: 80, hostPort: 0, protocol: "tcp", hostIp: "" },
      { containerPort: 53, hostPort: 0, protocol: "udp", hostIp: "" },
    ],
    mounts: [
      { kind: "bind", source: "/src", target: "/b", readOnly: true },
      { kind: "volume", source: "data", target: "/v", readOnly: false },
      { kind: "tmpfs", source: "", target: "/t", readOnly: false },
    ],
    labels: { mine: "yes" },
    privileges: { ...NO_PRIVILEGES, hostNamespaces: ["pid", "ipc", "uts"], devices: ["/dev/x"], capAdd: ["SYS_NICE"] },
  });
  const body = createBody(createRequest(spec), "n1", "c1");
  expect(body).toMatchObject({
    ok: true,
    value: {
      Entrypoint: ["/entry"],
      Env: ["A=1", "B=x=y"],
      WorkingDir: "/w",
      User: "1000:1000",
      StopSignal: "SIGINT",
      Labels: { mine: "yes" },
      ExposedPorts: { "80/tcp": {}, "53/udp": {} },
      HostConfig: {
        Memory: 64 << 20,
        MemorySwap: 64 << 20,
        NanoCpus: 500_000_000,
        PidMode: "host",
        IpcMode: "host",
        UTSMode: "host",
        CapAdd: ["SYS_NICE"],
        Devices: [{ PathOnHost: "/dev/x", PathInContainer: "/dev/x", CgroupPermissions: "rwm" }],
        Mounts: [
          { Type: "bind", Source: "/src", Target: "/b", ReadOnly: true },
          { Type: "volume", Source: "data", Target: "/v", ReadOnly: false },
          { Type: "tmpfs", Target: "/t", ReadOnly: false },
        ],
        PortBindings: {
          "80/tcp": [
            { HostIp: "127.0.0.1", HostPort: "8080" },
            { HostIp: "", HostPort: "" },
          ],
          "53/udp": [{ HostIp: "", HostPort: "" }],
        },
      },
    },
  });
});

const port = { containerPort: 80, hostPort: 8080, protocol: "tcp", hostIp: "" } as const;
const mount = { kind: "bind", source: "/a", target: "/b", readOnly: false } as const;
const refused: readonly [string, Partial<TaskSpec>, string][] = [
  ["no image", { image: "" }, "no image"],
  ["an image that looks like an option", { image: "--privileged" }, "not an image reference"],
  ["an image with a line break", { image: "a\nb" }, "not an image reference"],
  ["an environment name with =", { env: { "A=B": "1" } }, "not a name"],
  ["a label of Cube's", { labels: { "io.cube.node": "n2" } }, "belong to Cube"],
  ["a relative bind", { mounts: [{ ...mount, source: "a" }] }, "not an absolute path"],
  ["a mount on the container's root", { mounts: [{ ...mount, target: "/" }] }, "not a path inside"],
  ["a volume that is a path", { mounts: [{ ...mount, kind: "volume", source: "/a" }] }, "not a volume's name"],
  [
    "a port without a network",
    { ports: [port], privileges: { ...NO_PRIVILEGES, network: "none" } },
    "publishes no ports",
  ],
  [
    "a moved port on the host's network",
    { ports: [port], privileges: { ...NO_PRIVILEGES, network: "host" } },
    "cannot be mapped",
  ],
];
test.each(refused)("runtime: %s is refused as invalid", (_name, part, words) => {
  const body = createBody(createRequest(taskSpec(part)), "n1", "c1");
  expect(body).toEqual({ ok: false, failure: { kind: "invalid", message: expect.stringContaining(words) } });
});
