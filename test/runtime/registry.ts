/**
 * A registry on 127.0.0.1 that an engine pulls from (engines trust loopback without TLS): one good image, and the ways in which a pull fails. Its big layer
 * stops halfway until it is told to go on, so that a test sees progress without waiting for time.
 */
import { createHash, randomBytes } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

const MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG = "application/vnd.docker.container.image.v1+json";
const LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const LAYER_BYTES = 4 * 1024 * 1024;

/** A running registry; images are `<host>/test/<name>:1`. */
export interface TestRegistry extends Disposable {
  readonly host: string;
  /** Lets the second half of `slow` through. */
  release(): void;
  /** How often a manifest was asked for. */
  readonly manifests: () => number;
}

/** Starts it on a free port. Names: `good`, `slow` (stops halfway), `bad` (a layer that is not what it says), `denied`; all others are missing. */
export async function startRegistry(): Promise<TestRegistry> {
  const gate = Promise.withResolvers<void>();
  let manifests = 0;
  // Every run has layers of its own, or the engine would find them in its store and pull nothing.
  const images = new Map(["good", "slow", "bad"].map((name) => [name, image(name)]));
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    if (path === "/v2/") return void response.end("{}");
    const [, name = "", kind, reference = ""] = /^\/v2\/test\/([^/]+)\/(manifests|blobs)\/(.+)$/.exec(path) ?? [];
    if (name === "denied") return fail(response, 403, "DENIED", "requested access to the resource is denied");
    const found = images.get(name);
    if (!found) return fail(response, 404, "MANIFEST_UNKNOWN", "manifest unknown");
    if (kind === "manifests") {
      manifests += 1;
      response.setHeader("content-type", MANIFEST);
      response.setHeader("docker-content-digest", digest(Buffer.from(found.manifest)));
      response.setHeader("content-length", found.manifest.length);
      return void response.end(request.method === "HEAD" ? "" : found.manifest);
    }
    const blob = [found.config, found.layer].find((data) => digest(data) === reference);
    if (!blob) return fail(response, 404, "BLOB_UNKNOWN", "blob unknown");
    response.setHeader("content-length", blob.length);
    if (blob === found.config || name === "good") return void response.end(blob);
    if (name === "bad") return void response.end(Buffer.alloc(blob.length));
    response.write(blob.subarray(0, blob.length >> 1));
    void gate.promise.then(() => response.end(blob.subarray(blob.length >> 1)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    release: () => gate.resolve(),
    manifests: () => manifests,
    [Symbol.dispose]: () => {
      gate.resolve();
      server.closeAllConnections();
      server.close();
    },
  };
}

function fail(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}

function image(name: string): { readonly config: Buffer; readonly layer: Buffer; readonly manifest: string } {
  const tar = tarOf(`${name}.bin`, randomBytes(LAYER_BYTES));
  const layer = gzipSync(tar, { level: 1 });
  const config = Buffer.from(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      config: {},
      rootfs: { type: "layers", diff_ids: [digest(tar)] },
    }),
  );
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: CONFIG, size: config.length, digest: digest(config) },
    layers: [{ mediaType: LAYER, size: layer.length, digest: digest(layer) }],
  });
  return { config, layer, manifest };
}

function digest(data: Buffer): string {
  return `sha256:${createHash("sha256").update(data).digest("hex")}`;
}

/** A tar with one file (ustar). */
function tarOf(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, width: number) => value.toString(8).padStart(width - 1, "0");
  header.write(name, 0);
  header.write(octal(0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(content.length, 12), 124);
  header.write(octal(0, 12), 136);
  header.write("        ", 148);
  header.write("0", 156);
  header.write("ustar\x0000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 7)}\0 `, 148, "latin1");
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, content, padding, Buffer.alloc(1024)]);
}
