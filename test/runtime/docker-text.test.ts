/** What an engine sends, taken apart: frames, lines, progress, errors, addresses. */
import { describe, expect, test } from "bun:test";
import { engineAddress } from "../../src/runtime/docker-engine.ts";
import { pullFailure, refused, unreachable } from "../../src/runtime/docker-errors.ts";
import { Demuxer } from "../../src/runtime/docker-frames.ts";
import { LogLines } from "../../src/runtime/docker-logs.ts";
import { completeReference, PullProgress } from "../../src/runtime/docker-pull.ts";

function frame(stream: 1 | 2, text: string): Buffer {
  const data = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(data.length, 4);
  return Buffer.concat([header, data]);
}

test("runtime: frames survive any cut of the stream", () => {
  const whole = Buffer.concat([frame(1, "hello"), frame(2, ""), frame(2, "ouch"), frame(1, "x".repeat(70_000))]);
  const read = (size: number) => {
    const demuxer = new Demuxer();
    const text = { stdout: "", stderr: "" };
    for (let at = 0; at < whole.length; at += size) {
      for (const { stream, data } of demuxer.feed(whole.subarray(at, at + size))) text[stream] += data.toString();
    }
    return text;
  };
  for (const size of [1, 7, 1_000, whole.length])
    expect(read(size)).toEqual({ stdout: `hello${"x".repeat(70_000)}`, stderr: "ouch" });
});

test("runtime: log lines lose their time stamp and gain its value, long ones come in pieces", () => {
  const lines = new LogLines(null);
  const data = Buffer.from(`2026-11-20T07:52:41.123456789Z ${"a".repeat(20_000)}\r\n2026-11-20T07:52:42Z \n`);
  const atMs = Date.parse("2026-11-20T07:52:41.123Z");
  expect([...lines.feed({ stream: "stdout", data })]).toEqual([
    { stream: "stdout", atMs, text: "a".repeat(16_384) },
    { stream: "stdout", atMs, text: "a".repeat(20_000 - 16_384) },
    { stream: "stdout", atMs: Date.parse("2026-11-20T07:52:42Z"), text: "" },
  ]);
});

test("runtime: an unfinished line comes at the end, and lines up to since are left out", () => {
  const lines = new LogLines(Date.parse("2026-11-20T07:52:41Z"));
  const data = Buffer.from("2026-11-20T07:52:41Z old\n2026-11-20T07:52:43Z new");
  expect([...lines.feed({ stream: "stderr", data })]).toEqual([]);
  expect([...lines.rest()]).toEqual([{ stream: "stderr", atMs: Date.parse("2026-11-20T07:52:43Z"), text: "new" }]);
});

test("runtime: a pull's progress is summed over its layers and never falls", () => {
  const progress = new PullProgress();
  expect(progress.text).toBe("pulling");
  progress.add({ id: "a", status: "Downloading", progressDetail: { current: 40, total: 100 } });
  expect(progress.text).toBe("pulling 40 %");
  progress.add({ id: "b", status: "Downloading", progressDetail: { current: 0, total: 100 } });
  expect(progress.text).toBe("pulling 40 %");
  progress.add({ id: "a", status: "Download complete" });
  expect(progress.text).toBe("pulling 50 %");
  progress.add({ id: "b", status: "Pull complete" });
  expect(progress.text).toBe("extracting");
});

test.each([
  ["busybox", "busybox:latest"],
  ["busybox:1", "busybox:1"],
  ["localhost:5000/a/b", "localhost:5000/a/b:latest"],
  ["a@sha256:00", "a@sha256:00"],
])("runtime: the image %s is asked for as %s", (image, reference) => {
  expect(completeReference(image)).toBe(reference);
});

describe("runtime: an engine's words become a kind of failure", () => {
  test.each([
    [404, "No such image: x:1", "image_not_found"],
    [404, "No such container: x", "not_found"],
    [409, 'Conflict. The container name "/x" is already in use by container "y".', "conflict"],
    [500, 'creating container storage: the container name "x" is already in use by y.', "conflict"],
    [
      500,
      "driver failed programming external connectivity: Bind for 0.0.0.0:80 failed: port is already allocated",
      "port_taken",
    ],
    [500, "listen tcp4 0.0.0.0:80: bind: address already in use", "port_taken"],
    [400, 'exec: "nope": executable file not found in $PATH', "invalid"],
    [500, 'crun: executable file `nope` not found in $PATH: exec: "nope": no such file', "invalid"],
    [400, 'exec: "docker-init": executable file not found in $PATH', "transient"],
    [400, "Minimum memory limit allowed is 6MB", "invalid"],
    [500, "write /x: no space left on device", "transient"],
    [403, "authorization denied by plugin", "denied"],
    [500, "something else", "transient"],
  ])("runtime: %d %s", (status, message, kind) => {
    expect(refused("container x", status, { message })).toMatchObject({
      kind,
      message: expect.stringContaining(message),
    });
  });

  test.each([
    ["manifest for a:1 not found: manifest unknown", "image_not_found"],
    ["pull access denied for a, repository does not exist", "image_not_found"],
    ["unauthorized: authentication required", "image_not_found"],
    ["toomanyrequests: You have reached your pull rate limit", "transient"],
    ["dial tcp: lookup registry on 1.1.1.1:53: no such host", "transient"],
    ["write /var/lib/docker: no space left on device", "transient"],
    ["invalid reference format", "invalid"],
  ])("runtime: pull: %s", (text, kind) => {
    expect(pullFailure("a:1", text)).toMatchObject({ kind, message: expect.stringContaining("a:1") });
  });

  test.each([
    ["ENOENT", "install or start Docker, or use --runtime process"],
    ["ECONNREFUSED", "install or start Docker"],
    ["EACCES", "no permission"],
    ["ECONNRESET", "broke"],
  ])("runtime: no answer with %s", (code, words) => {
    const failure = unreachable("/x.sock", Object.assign(new Error("x"), { code }));
    expect(failure).toEqual({ kind: "unavailable", message: expect.stringContaining(words) });
  });
});

test("runtime: an engine's address is a socket or a TCP port, and anything else is refused with what it would take", () => {
  const at = (host: string) => engineAddress(host, { HOME: "/nobody" });
  expect(at("unix:///x.sock")).toEqual({ ok: true, value: { kind: "unix", path: "/x.sock" } });
  expect(at("/y.sock")).toEqual({ ok: true, value: { kind: "unix", path: "/y.sock" } });
  expect(at("tcp://127.0.0.1:2375")).toEqual({
    ok: true,
    value: { kind: "tcp", host: "127.0.0.1", port: 2375, tls: null },
  });
  expect(at("tcp://engine")).toEqual({ ok: true, value: { kind: "tcp", host: "engine", port: 2375, tls: null } });
  expect(at("ssh://engine")).toMatchObject({
    ok: false,
    failure: { kind: "invalid", message: expect.stringContaining("unix:///") },
  });
  expect(at("tcp://engine:2376")).toMatchObject({
    ok: false,
    failure: { message: expect.stringContaining("DOCKER_CERT_PATH") },
  });
});
