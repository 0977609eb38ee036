/** Pulls on the real engine from a registry of our own: progress, every way to fail, and how often the engine is asked at all. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createDockerRuntime } from "../../src/runtime/docker.ts";
import type { Runtime } from "../../src/worker/ports.ts";
import { dockerSocket, dockerSwitchedOff, requireDocker } from "../setup/docker.ts";
import { startRegistry, type TestRegistry } from "./registry.ts";
import { createRequest, taskSpec } from "./requests.ts";
import { STRICT_POLICY } from "./strict-policy.ts";

const NO_SIGNAL = new AbortController().signal;

describe.skipIf(dockerSwitchedOff())("docker pull", () => {
  let registry: TestRegistry;
  let runtime: Runtime;
  const specOf = (name: string, pull: "always" | "missing" | "never" = "missing") =>
    taskSpec({ image: `${registry.host}/test/${name}:1`, pull });
  const pull = (name: string, policy?: "always" | "missing" | "never") =>
    runtime.pull(specOf(name, policy), () => {}, NO_SIGNAL);
  const removeImage = (name: string) => {
    const request: BunFetchRequestInit = { method: "DELETE", unix: dockerSocket() };
    return fetch(`http://engine/images/${registry.host}/test/${name}:1?force=1`, request);
  };

  beforeAll(async () => {
    await requireDocker();
    registry = await startRegistry();
    runtime = createDockerRuntime({
      nodeId: `pull-${crypto.randomUUID()}`,
      clusterId: () => "c",
      policy: STRICT_POLICY,
    });
  });
  afterAll(async () => {
    for (const name of ["good", "slow", "bad"]) await removeImage(name);
    registry[Symbol.dispose]();
    await runtime.close();
  });

  test("runtime: a missing image is pulled once for all who wait, and only asked about later", async () => {
    const before = registry.manifests();
    const results = await Promise.all([pull("good"), pull("good"), pull("good")]);
    const pulledOnce = { ok: true, value: null } as const;
    expect(results).toEqual([pulledOnce, pulledOnce, pulledOnce]);
    const pulled = registry.manifests();
    expect(pulled).toBeGreaterThan(before);
    expect(await pull("good")).toEqual({ ok: true, value: null });
    expect(registry.manifests()).toBe(pulled);
    expect(await pull("good", "always")).toEqual({ ok: true, value: null });
    expect(registry.manifests()).toBeGreaterThan(pulled);
  }, 30_000);

  test("runtime: an image that went away after it was seen is pulled again by the create", async () => {
    expect(await pull("good")).toMatchObject({ ok: true });
    await removeImage("good");
    const created = await runtime.create(createRequest(specOf("good")));
    expect(created).toMatchObject({ ok: true });
    if (created.ok) await runtime.remove(created.value.instanceId);
  }, 30_000);

  test("runtime: a create without the image fails as image_not_found when nothing may be pulled", async () => {
    const created = await runtime.create(createRequest(specOf("missing", "never")));
    expect(created).toMatchObject({ ok: false, failure: { kind: "image_not_found" } });
  }, 30_000);

  test("runtime: a pull tells its progress, and one that is stopped says so and stops", async () => {
    const seen: string[] = [];
    const abort = new AbortController();
    const stopped = await runtime.pull(
      specOf("slow"),
      (text) => {
        seen.push(text);
        if (/^pulling \d+ %$/.test(text)) abort.abort();
      },
      abort.signal,
    );
    expect(stopped).toMatchObject({ ok: false, failure: { kind: "aborted" } });
    expect(seen.at(-1)).toMatch(/^pulling [1-9]\d? %$/);
    registry.release();
    expect(await pull("slow")).toEqual({ ok: true, value: null });
  }, 60_000);

  test.each([
    ["missing", "image_not_found", "manifest unknown"],
    ["denied", "image_not_found", "denied"],
    ["bad", "transient", "bad:1"],
  ])(
    "runtime: a pull of the image %s fails as %s",
    async (name, kind, words) => {
      const failed = await pull(name);
      expect(failed).toEqual({
        ok: false,
        failure: { kind: kind as "transient", message: expect.stringContaining(words) },
      });
    },
    60_000,
  );

  test("runtime: a registry that nobody runs is a failure that may go away", async () => {
    const failed = await runtime.pull(taskSpec({ image: "127.0.0.1:1/a/b:1", pull: "missing" }), () => {}, NO_SIGNAL);
    expect(failed).toMatchObject({
      ok: false,
      failure: { kind: "transient", message: expect.stringContaining("127.0.0.1:1/a/b:1") },
    });
  }, 30_000);

  test("runtime: an image that may not be pulled and is not there is not found", async () => {
    expect(await pull("good2", "never")).toMatchObject({
      ok: false,
      failure: { kind: "image_not_found", message: expect.stringContaining("never") },
    });
  });
});
