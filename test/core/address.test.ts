import { describe, expect, test } from "bun:test";
import { addressText, isLoopback, parseAddress } from "../../src/core/address.ts";

describe("core: address,", () => {
  test.each([
    ["n1:5556", { host: "n1", port: 5556 }],
    ["n1", { host: "n1", port: 7 }],
    ["10.0.0.1:1", { host: "10.0.0.1", port: 1 }],
    ["[::1]:65535", { host: "::1", port: 65_535 }],
    ["[fe80::1]", { host: "fe80::1", port: 7 }],
  ])("%s is an address", (text, address) => {
    expect(parseAddress(text, 7)).toEqual({ ok: true, value: address });
  });

  test.each(["", "n1:0", "n1:65536", "::1:5556", "http://n1:1", "n1:", "a b:1", "n1:12x"])("%p is none", (text) => {
    expect(parseAddress(text, 7).ok).toBe(false);
  });
});

test("core: an address that was read is written as people write it", () => {
  const written = ["n1:5556", "[fe80::1]", "127.0.0.1"].map((text) => {
    const read = parseAddress(text, 7);
    return read.ok ? addressText(read.value) : read.failure.message;
  });
  expect(written).toEqual(["n1:5556", "[fe80::1]:7", "127.0.0.1:7"]);
});

test("core: only what this machine alone can reach is loopback", () => {
  const hosts = ["localhost", "LOCALHOST", "127.0.0.1", "127.0.0.2", "::1", "[::1]", "::ffff:127.0.0.1"];
  expect(hosts.filter((host) => !isLoopback(host))).toEqual([]);
  expect(["", "0.0.0.0", "::", "127.evil.example", "127.0.0.1.evil", "10.0.0.1"].filter(isLoopback)).toEqual([]);
});
