// Who may do what: every operation of the document with every role, streams and WebSockets included; and what a revocation cuts.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { neededRole } from "../../src/api/permissions.ts";
import { startApiServer } from "../../src/api/server.ts";
import { createHttpClient } from "../../src/client/http-client.ts";
import { ACCESS_ROLES, type AccessRole } from "../../src/core/access.ts";
import { apply } from "../../src/core/cluster.ts";
import { INFO, Items, lone, refusal, until } from "../contract/cluster-client-behind.ts";
import { type Served, serve, TOKEN } from "./served.ts";

/** What each operation needs. A new one has to be written here, and so decided, by hand. */
const NEEDS: Readonly<Record<string, AccessRole>> = {
  "get /v1/jobs": "view",
  "post /v1/jobs": "operate",
  "get /v1/jobs/{ref}": "view",
  "delete /v1/jobs/{ref}": "operate",
  "post /v1/jobs/{ref}/stop": "operate",
  "post /v1/jobs/{ref}/start": "operate",
  "post /v1/jobs/{ref}/restart": "operate",
  "get /v1/tasks": "view",
  "get /v1/tasks/{ref}": "view",
  "post /v1/tasks/{ref}/restart": "operate",
  "get /v1/tasks/{ref}/logs": "view",
  "get /v1/tasks/{ref}/decision": "view",
  "get /v1/tasks/{ref}/exec": "operate",
  "get /v1/join-token": "admin",
  "post /v1/join-token": "admin",
  "get /v1/node-addresses": "view",
  "post /v1/node-addresses": "admin",
  "delete /v1/node-addresses/{ref}": "admin",
  "get /v1/nodes": "view",
  "get /v1/nodes/{ref}": "view",
  "delete /v1/nodes/{ref}": "admin",
  "post /v1/nodes/{ref}/cordon": "operate",
  "post /v1/nodes/{ref}/uncordon": "operate",
  "post /v1/nodes/{ref}/drain": "operate",
  "post /v1/nodes/trust-loss": "admin",
  "get /v1/metrics": "view",
  "get /v1/decisions": "view",
  "get /v1/decisions/{ref}": "view",
  "get /v1/events": "view",
  "get /v1/watch": "view",
  "get /v1/manager": "view",
  "get /v1/health": "view",
  "get /v1/tokens": "admin",
  "post /v1/tokens": "admin",
  "delete /v1/tokens/{ref}": "admin",
  "post /v1/shutdown": "admin",
};

/** The same for what is served beside the document. */
const BESIDE: Readonly<Record<string, AccessRole>> = {
  "get /v1/openapi.json": "view",
  "get /metrics": "view",
  "get /tasks": "view",
  "get /tasks/": "view",
  "post /tasks": "operate",
  "delete /tasks/{id}": "operate",
  "get /nodes": "view",
};

let served: Served;
const secrets = new Map<AccessRole, string>();

beforeEach(async () => {
  served = await serve();
  const admin = clientOf(TOKEN);
  for (const role of ACCESS_ROLES) secrets.set(role, (await admin.createToken({ name: `t-${role}`, role })).secret);
});
afterEach(() => served.end());

function clientOf(token: string) {
  return createHttpClient({ target: { kind: "tcp", host: "127.0.0.1", port: served.port, token } });
}

const UPGRADE = {
  connection: "upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** The refusal of a request, by its code; "let in" for whatever else comes of it. The request is ended at once: some never end by themselves. */
async function asked(operation: string, role: AccessRole): Promise<string> {
  const [method = "", path = ""] = operation.split(" ");
  const left = new AbortController();
  const response = await fetch(`${served.url}${path.replace(/\{\w+\}/, "none")}`, {
    method: method.toUpperCase(),
    headers: { authorization: `Bearer ${secrets.get(role)}`, ...(path.endsWith("/exec") && UPGRADE) },
    signal: left.signal,
  });
  const stream = (response.headers.get("content-type") ?? "").includes("event-stream");
  const text = stream || response.status !== 403 ? "" : await response.text();
  left.abort();
  if (response.status !== 403) return "let in";
  const { error } = JSON.parse(text) as { error: { code: string; hint: string } };
  return `${error.code}: ${error.hint}`;
}

function expected(needs: AccessRole, role: AccessRole): string {
  const enough = ACCESS_ROLES.indexOf(role) >= ACCESS_ROLES.indexOf(needs);
  return enough ? "let in" : `forbidden: use a token with the role ${needs}: cube token create NAME --role ${needs}`;
}

describe("api: roles", () => {
  test("every operation of the document has its role, and says so", async () => {
    const headers = { authorization: `Bearer ${secrets.get("view")}` };
    const document = (await (await fetch(`${served.url}/v1/openapi.json`, { headers })).json()) as {
      paths: Record<string, Record<string, { "x-cube-role"?: string }>>;
    };
    const found = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [`${method} ${path}`, operation["x-cube-role"]]),
    );
    expect(Object.fromEntries(found)).toEqual(NEEDS);
  });

  for (const [operation, needs] of Object.entries({ ...NEEDS, ...BESIDE })) {
    test(`${operation} is for ${needs} and more`, async () => {
      for (const role of ACCESS_ROLES)
        expect([role, await asked(operation, role)]).toEqual([role, expected(needs, role)]);
    });
  }

  test("what is not served is nobody's, and no spelling of a path gets around its role", async () => {
    const headers = { authorization: `Bearer ${secrets.get("view")}` };
    for (const [method, path] of [
      ["POST", "/v1/nowhere"],
      ["POST", "/v1//shutdown"],
      ["POST", "/v1/shutdown/"],
      ["POST", "/v1/%73hutdown"],
    ] as const) {
      expect([path, (await fetch(served.url + path, { method, headers })).status]).toEqual([path, 404]);
    }
    expect([served.shutdowns(), served.manager.commands.length]).toEqual([0, 3]);
  });

  test("a method that a path does not take is said as such to every role, with those that it takes", async () => {
    for (const role of ACCESS_ROLES) {
      const headers = { authorization: `Bearer ${secrets.get(role)}` };
      const answer = await fetch(`${served.url}/v1/tokens`, { method: "PUT", headers });
      const { error } = (await answer.json()) as { error: { code: string } };
      expect([role, answer.status, answer.headers.get("allow"), error.code]).toEqual([
        role,
        405,
        "GET, POST",
        "method_not_allowed",
      ]);
    }
  });

  test("a path that could be read in two ways needs more than any role but admin", () => {
    const urls = [
      "/v1/jobs/../tokens",
      "/v1/jobs/%2e%2e/tokens",
      "//v1/tokens",
      "http://x/v1/tokens",
      "*",
      "",
      "/v1/jobs/\\..\\tokens",
    ];
    expect(urls.map((url) => neededRole("GET", url))).toEqual(urls.map(() => null));
    expect([neededRole("GET", "/v1/jobs?x=/../y"), neededRole("HEAD", "/v1/tokens")]).toEqual(["view", "admin"]);
    expect(neededRole("GET", "/v1/jobs/")).toBeNull();
  });

  test("what a token does carries its name, and its use is seen", async () => {
    await clientOf(secrets.get("operate") ?? "").submit(lone("web"));
    expect(served.manager.commands.at(-1)?.actor).toBe("token:t-operate");
    const tokens = await clientOf(TOKEN).tokens();
    expect(tokens.map(({ name, lastUsedMs }) => [name, lastUsedMs > 0])).toEqual([
      ["t-admin", false],
      ["t-operate", true],
      ["t-view", false],
    ]);
  });

  test("the socket is for administrators, and so is the token in the file", async () => {
    const socket = createHttpClient({ target: { kind: "unix", path: served.socket } });
    expect((await socket.tokens()).length).toBe(3);
    expect((await clientOf(TOKEN).tokens()).length).toBe(3);
  });

  test("a command in a task is refused with the role that it needs", async () => {
    const options = { command: [], tty: false, stdin: false, columns: 80, rows: 24 };
    expect(await refusal(clientOf(secrets.get("view") ?? "").exec("web", options))).toMatchObject({
      code: "forbidden",
      hint: expect.stringContaining("role operate"),
    });
  });
});

describe("api: revocation", () => {
  test("cuts every running stream of the token within a second, and no other's", async () => {
    const { job } = await clientOf(TOKEN).submit(lone("web"));
    const node = served.manager.addNode("n1");
    served.manager.report(job.id, { state: "running", incarnation: 1 }, { nodeId: node.id });
    const [revoked, other] = [clientOf(secrets.get("operate") ?? ""), clientOf(secrets.get("admin") ?? "")];
    const [items, others] = [new Items(), new Items()];
    using _watch = revoked.watch(items.push);
    using _other = other.watch(others.push);
    await items.next("snapshot");
    await others.next("snapshot");
    const exec = await revoked.exec("web", { command: ["cat"], tty: false, stdin: true, columns: 80, rows: 24 });
    const logs = revoked.logs("web", { follow: true, tail: null, sinceMs: null }, new AbortController().signal);
    const logsEnd = refusal(drain(logs)).catch(() => "ended");

    const startedMs = performance.now();
    await other.revokeToken("t-operate");
    const down = await items.next("down");
    await Promise.all([logsEnd, exec.exitCode.catch(() => null)]);
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    expect(down.reason).toContain("no manager answers");
    expect((await items.next("down")).reason).toContain("a valid token is needed");
    expect((await revoked.jobs().catch((error: Error) => error.message)) as unknown).toBe("a valid token is needed");
    served.manager.addNode("n2");
    expect((await others.next("event")).event).toMatchObject({ text: "token t-operate is revoked" });
    await until(() => others.waiting.length > 0);
    expect(others.waiting.map(({ kind }) => kind)).not.toContain("down");
  });

  test("a token that was made again under the same name is another one", async () => {
    const admin = clientOf(TOKEN);
    await admin.revokeToken("t-view");
    const { secret } = await admin.createToken({ name: "t-view", role: "view" });
    expect((await refusal(clientOf(secrets.get("view") ?? "").jobs())).code).toBe("unauthorized");
    expect((await clientOf(secret).jobs()).items).toEqual([]);
  });

  test("a server that starts later knows the tokens that were made before", async () => {
    const base = { streams: served.streams, info: INFO, onShutdown: () => undefined, log: () => undefined };
    const tcp = { host: "127.0.0.1", port: 0, token: TOKEN };
    const later = await startApiServer({ ...base, access: served.manager, unix: null, tcp });
    const token = secrets.get("view") ?? "";
    const client = createHttpClient({ target: { kind: "tcp", host: "127.0.0.1", port: later.port, token } });
    expect((await client.jobs()).items).toEqual([]);
    expect([later.tokenUsedMs("t-view") > 0, later.tokenUsedMs("t-admin")]).toEqual([true, 0]);
    await later.close();
  });

  test("a manager that was loaded anew has the tokens that are stored, and no others", async () => {
    // As after a failed commit: memory and store differ, and the store counts.
    apply(served.manager.cluster, { kind: "access.remove", name: "t-view" });
    expect((await clientOf(secrets.get("view") ?? "").jobs()).items).toEqual([]);
    served.manager.reload();
    let code = "";
    while (code !== "unauthorized")
      code = (await refusal(clientOf(secrets.get("view") ?? "").jobs()).catch(() => ({ code: "" }))).code;
    expect((await clientOf(secrets.get("operate") ?? "").jobs()).items).toEqual([]);
  });
});

async function drain(lines: AsyncIterable<unknown>): Promise<void> {
  for await (const _line of lines);
}
