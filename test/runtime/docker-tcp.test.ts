/** An engine on TCP, with a web proxy in the environment that must not be asked: calls, streams and commands all arrive. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { NO_PRIVILEGES } from "../../src/core/spec.ts";
import { createDockerRuntime } from "../../src/runtime/docker.ts";
import { finished, value } from "../contract/runtime.ts";
import { dockerSocket, dockerSwitchedOff, requireDocker } from "../setup/docker.ts";
import { createRequest, taskSpec } from "./requests.ts";
import { STRICT_POLICY } from "./strict-policy.ts";

describe.skipIf(dockerSwitchedOff())("docker over TCP", () => {
  let server: Server;
  const before = process.env.HTTP_PROXY;

  beforeAll(async () => {
    await requireDocker();
    // A command's end of input is one half of the connection closed: the other half must stay open.
    server = createServer({ allowHalfOpen: true }, (socket) => {
      const engine = connect({ path: dockerSocket(), allowHalfOpen: true });
      socket.pipe(engine).pipe(socket);
      socket.on("error", () => engine.destroy());
      engine.on("error", () => socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    process.env.HTTP_PROXY = "http://127.0.0.1:1";
  });
  afterAll(() => {
    if (before === undefined) delete process.env.HTTP_PROXY;
    else process.env.HTTP_PROXY = before;
    server.close();
  });

  test("runtime: an engine on TCP starts a task, shows its output and runs a command in it", async () => {
    const host = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const nodeId = `tcp-${crypto.randomUUID()}`;
    const env = { DOCKER_HOST: host };
    const runtime = createDockerRuntime({ nodeId, clusterId: () => "c1", policy: STRICT_POLICY, env });
    const spec = taskSpec({
      command: ["sh", "-c", "echo hi; sleep 600"],
      privileges: { ...NO_PRIVILEGES, network: "none" },
    });
    const { instanceId } = value(await runtime.create(createRequest(spec)));
    await using _left = {
      async [Symbol.asyncDispose]() {
        await runtime.stop(instanceId, { signal: "SIGKILL", graceMs: 0 });
        await runtime.remove(instanceId);
        await runtime.close();
      },
    };
    expect(value(await runtime.start(instanceId)).status).toBe("running");
    const abort = new AbortController();
    const seen: string[] = [];
    for await (const { text } of runtime.logs(instanceId, { follow: true, tail: null, sinceMs: null }, abort.signal)) {
      seen.push(text);
      abort.abort();
    }
    expect(seen).toEqual(["hi"]);
    const request = { command: ["cat"], tty: false, stdin: true, columns: 80, rows: 24 };
    const session = value(await runtime.exec(instanceId, request));
    void session.write(new TextEncoder().encode("through\n"));
    session.closeInput();
    expect(await finished(session)).toEqual({ stdout: "through\n", stderr: "", code: 0 });
  }, 30_000);
});
