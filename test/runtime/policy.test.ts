/** What a worker refuses, judged on the create body that the engine would get. */
import { describe, expect, test } from "bun:test";
import type { TaskSpec } from "../../src/core/spec.ts";
import { NO_PRIVILEGES } from "../../src/core/spec.ts";
import { type BodyMount, type CreateBody, createBody, type HostConfig } from "../../src/runtime/docker-body.ts";
import { type RuntimePolicy, refusal } from "../../src/runtime/policy.ts";
import { createRequest, taskSpec } from "./requests.ts";
import { STRICT_POLICY } from "./strict-policy.ts";

const ENGINE = "/custom/engine.sock";

function bodyOf(part: Partial<TaskSpec>, host: Partial<HostConfig> = {}): CreateBody {
  const body = createBody(createRequest(taskSpec(part)), "node", "cluster");
  if (!body.ok) throw new Error(body.failure.message);
  return { ...body.value, HostConfig: { ...body.value.HostConfig, ...host } };
}

function judged(body: CreateBody, policy: Partial<RuntimePolicy> = {}): string {
  return refusal(body, { policy: { ...STRICT_POLICY, ...policy }, engineSocket: ENGINE })?.message ?? "allowed";
}

const bind = (source: string): Partial<TaskSpec> => ({
  mounts: [{ kind: "bind", source, target: "/data", readOnly: false }],
});
const privileges = (part: Partial<TaskSpec["privileges"]>): Partial<TaskSpec> => ({
  privileges: { ...NO_PRIVILEGES, ...part },
});

describe("policy: what the specification asks for", () => {
  const cases: readonly [string, Partial<TaskSpec>, Partial<RuntimePolicy>, string][] = [
    ["a sandboxed task", {}, {}, "allowed"],
    ["a named volume", { mounts: [{ kind: "volume", source: "data", target: "/d", readOnly: false }] }, {}, "allowed"],
    ["a tmpfs", { mounts: [{ kind: "tmpfs", source: "", target: "/t", readOnly: false }] }, {}, "allowed"],
    ["a bind", bind("/home/u/x"), {}, "--allow-bind /home/u/x"],
    ["a bind below an allowed path", bind("/home/u/x"), { allowBind: ["/home/u"] }, "allowed"],
    ["the allowed path itself", bind("/home/u"), { allowBind: ["/home/u"] }, "allowed"],
    ["a path that only begins like the allowed one", bind("/home/user2"), { allowBind: ["/home/u"] }, "--allow-bind"],
    ["a path above the allowed one", bind("/home"), { allowBind: ["/home/u"] }, "only paths below /home/u"],
    ["a path with .. in it", bind("/home/u/../v"), { allowBind: ["/home/u"] }, ".."],
    ["the root", bind("/"), { allowBind: ["/"] }, "gives away"],
    ["/etc below an allowed root", bind("/etc"), { allowBind: ["/"] }, "gives away the node (/etc)"],
    ["a file of /etc that is allowed by name", bind("/etc/hosts"), { allowBind: ["/etc/hosts"] }, "allowed"],
    ["/proc", bind("/proc"), { allowBind: ["/"] }, "gives away the node (/proc)"],
    ["/sys/fs", bind("/sys/fs"), { allowBind: ["/"] }, "gives away the node (/sys)"],
    [
      "the engine's data",
      bind("/var/lib/docker/volumes"),
      { allowBind: ["/"] },
      "gives away the node (/var/lib/docker)",
    ],
    ["a directory above the engine's data", bind("/var/lib"), { allowBind: ["/"] }, "gives away the node"],
    ["the engine's socket", bind(ENGINE), { allowBind: ["/"] }, "--allow-engine-socket"],
    ["a directory that holds the engine's socket", bind("/custom"), { allowBind: ["/"] }, "--allow-engine-socket"],
    ["the usual socket", bind("/run/docker.sock"), { allowBind: ["/run"] }, "--allow-engine-socket"],
    ["the socket when it is allowed", bind(ENGINE), { allowEngineSocket: true }, "allowed"],
    ["Cube's data", bind("/home/u/.cube"), { allowBind: ["/home/u"], protect: ["/home/u/.cube"] }, "Cube's own data"],
    [
      "a directory that holds Cube's data",
      bind("/home/u"),
      { allowBind: ["/home"], protect: ["/home/u/.cube"] },
      "Cube's own data",
    ],
    ["privileged", privileges({ privileged: true }), {}, "--allow-privileged"],
    ["privileged when it is allowed", privileges({ privileged: true }), { allowPrivileged: true }, "allowed"],
    ["the host's network", privileges({ network: "host" }), {}, "--allow-host-network"],
    ["the host's network when it is allowed", privileges({ network: "host" }), { allowHostNetwork: true }, "allowed"],
    ["no network", privileges({ network: "none" }), {}, "allowed"],
    ["the host's pid namespace", privileges({ hostNamespaces: ["pid"] }), {}, "--allow-host-namespaces"],
    ["the host's ipc namespace", privileges({ hostNamespaces: ["ipc"] }), {}, "--allow-host-namespaces"],
    ["the host's uts namespace", privileges({ hostNamespaces: ["uts"] }), {}, "--allow-host-namespaces"],
    [
      "namespaces when allowed",
      privileges({ hostNamespaces: ["pid", "uts"] }),
      { allowHostNamespaces: ["pid", "ipc", "uts"] },
      "allowed",
    ],
    ["a device", privileges({ devices: ["/dev/kvm"] }), {}, "--allow-device /dev/kvm"],
    ["an allowed device", privileges({ devices: ["/dev/kvm"] }), { allowDevice: ["/dev/kvm"] }, "allowed"],
    ["another device", privileges({ devices: ["/dev/sda"] }), { allowDevice: ["/dev/kvm"] }, "--allow-device /dev/sda"],
    ["a capability of Docker's default set", privileges({ capAdd: ["CHOWN"] }), {}, "allowed"],
    ["raw sockets", privileges({ capAdd: ["NET_RAW"] }), {}, "--allow-cap NET_RAW"],
    ["a capability with its prefix", privileges({ capAdd: ["CAP_SYS_ADMIN"] }), {}, "--allow-cap SYS_ADMIN"],
    ["all capabilities", privileges({ capAdd: ["ALL"] }), {}, "--allow-cap ALL"],
    ["an allowed capability", privileges({ capAdd: ["sys_nice"] }), { allowCap: ["CAP_SYS_NICE"] }, "allowed"],
  ];
  test.each(cases)("policy: %s", (_name, spec, policy, expected) => {
    expect(judged(bodyOf(spec), policy)).toContain(expected);
  });
});

describe("policy: what a body could say in other ways", () => {
  const cases: readonly [string, Partial<HostConfig>, string][] = [
    ["a bind in the older field", { Binds: ["/etc:/x:ro"] }, "gives away the node (/etc)"],
    ["the socket in the older field", { Binds: ["/var/run/docker.sock:/s"] }, "--allow-engine-socket"],
    [
      "a volume with driver options",
      {
        Mounts: [
          {
            Type: "volume",
            Source: "v",
            Target: "/v",
            VolumeOptions: { DriverConfig: { Options: { o: "bind", device: "/" } } },
          },
        ],
      },
      "driver options",
    ],
    [
      "a mount that spreads to the node",
      { Mounts: [{ Type: "bind", Source: "/a", Target: "/a", BindOptions: { Propagation: "shared" } } as BodyMount] },
      "BindOptions of mount /a",
    ],
    ["a mount of another kind", { Mounts: [{ Type: "npipe", Source: "x", Target: "/x" }] }, "kind npipe"],
    ["another container's network", { NetworkMode: "container:abc" }, "network container:abc"],
    ["another container's pid namespace", { PidMode: "container:abc" }, "joining another container's"],
    ["the host's user namespace", { UsernsMode: "host" }, "--allow-host-namespaces"],
    ["no seccomp", { SecurityOpt: ["seccomp=unconfined"] }, "--allow-privileged"],
    ["another cgroup parent", { CgroupParent: "/" }, "CgroupParent: this worker does not know"],
    ["another runtime", { Runtime: "mine" }, "Runtime: this worker does not know"],
    ["kernel settings", { Sysctls: { "kernel.msgmax": "1" } }, "Sysctls: this worker does not know"],
    ["volumes of another container", { VolumesFrom: ["abc"] }, "VolumesFrom: this worker does not know"],
    ["device rules", { DeviceCgroupRules: ["a *:* rwm"] }, "DeviceCgroupRules: this worker does not know"],
  ];
  test.each(cases)("policy: %s", (_name, host, expected) => {
    expect(judged(bodyOf({}, host), { allowBind: ["/"] })).toContain(expected);
  });

  test("policy: an unknown field beside the host's", () => {
    expect(judged({ ...bodyOf({}), NetworkingConfig: {} })).toContain("NetworkingConfig: this worker does not know");
  });
});
