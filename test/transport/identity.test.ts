// Keys, certificates, tokens and pins in their files.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { idOf, isIdentityId, loadIdentity, openIdentity } from "../../src/transport/identity.ts";
import {
  leaveJoinToken,
  openJoinSecret,
  parseJoinToken,
  proofMatches,
  proofOf,
  readJoinToken,
  renewJoinSecret,
  writeJoinToken,
} from "../../src/transport/join-token.ts";
import { readPin, writePin } from "../../src/transport/pin.ts";
import { identityIn, scratch } from "./links-bed.ts";

let directory: ReturnType<typeof scratch>;
beforeEach(() => {
  directory = scratch();
});
afterEach(() => directory[Symbol.dispose]());

const mode = (file: string): number => statSync(file).mode & 0o777;
const value = <T>(result: { ok: true; value: T } | { ok: false; failure: { message: string } }): T => {
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
};

describe("identity:", () => {
  test("a key is made once, for its owner alone, and its id is that of its certificate", () => {
    const file = directory.file("manager.key");
    const first = identityIn(file);
    expect(identityIn(file)).toEqual(first);
    expect(loadIdentity(file)).toEqual({ ok: true, value: first.id });
    expect([mode(file), mode(directory.file("manager.crt"))]).toEqual([0o600, 0o600]);
    expect(isIdentityId(first.id)).toBe(true);
    const certificate = new X509Certificate(first.certPem);
    expect(idOf(certificate)).toBe(first.id);
    expect([certificate.subject, certificate.subjectAltName]).toEqual(["CN=cube", "DNS:cube"]);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
  });

  test("a certificate that is lost, damaged or another key's is made anew over the same key", () => {
    const file = directory.file("worker.key");
    const first = identityIn(file);
    const other = identityIn(directory.file("other.key"));
    for (const spoil of [
      () => rmSync(directory.file("worker.crt")),
      () => writeFileSync(directory.file("worker.crt"), "nonsense"),
      () => writeFileSync(directory.file("worker.crt"), other.certPem),
    ]) {
      spoil();
      const again = identityIn(file);
      expect(again.id).toBe(first.id);
      expect(idOf(new X509Certificate(again.certPem))).toBe(first.id);
    }
  });

  test("certificates of many keys can all be read: lengths and signs of their numbers differ", () => {
    for (let i = 0; i < 40; i++) {
      const { id, certPem } = identityIn(directory.file(`k${i}.key`));
      expect(idOf(new X509Certificate(certPem))).toBe(id);
    }
  });

  test("a damaged key is refused, and not replaced", () => {
    const file = directory.file("worker.key");
    writeFileSync(file, "half a ke", { mode: 0o600 });
    const opened = openIdentity(file);
    expect(opened.ok ? "" : opened.failure.message).toContain("Restore it from a backup");
    expect(readFileSync(file, "utf8")).toBe("half a ke");
  });
});

describe("join token:", () => {
  const clusterId = "a".repeat(52);

  test("the secret is made once, for its owner alone, and can be renewed", () => {
    const file = directory.file("join-token");
    const first = value(openJoinSecret(file));
    expect(value(openJoinSecret(file))).toBe(first);
    expect(mode(file)).toBe(0o600);
    const second = value(renewJoinSecret(file));
    expect(second).not.toBe(first);
    expect(value(openJoinSecret(file))).toBe(second);
  });

  test("a token survives as text, and anything else is refused without being repeated", () => {
    const token = { clusterId, secret: value(openJoinSecret(directory.file("join-token"))) };
    expect(parseJoinToken(` ${writeJoinToken(token)}\n`)).toEqual({ ok: true, value: token });
    const wrong = ["", "cube1", "cube2.a.b", `cube1.${clusterId}.short`, `${writeJoinToken(token)}.x`, "cube1.A.B"];
    for (const text of wrong) {
      const parsed = parseJoinToken(text);
      expect(parsed.ok).toBe(false);
      if (!parsed.ok && text.length > 10) expect(parsed.failure.message).not.toContain(text);
    }
  });

  test("a token is left for the same user and found; one that others may read is refused", () => {
    const file = directory.file("config/join-token");
    expect(readJoinToken(file)).toEqual({ ok: true, value: null });
    const token = { clusterId, secret: value(openJoinSecret(directory.file("join-token"))) };
    leaveJoinToken(file, token);
    expect([readJoinToken(file), mode(file)]).toEqual([{ ok: true, value: token }, 0o600]);
    chmodSync(file, 0o644);
    const open = readJoinToken(file);
    expect(open.ok ? "" : open.failure.kind).toBe("denied");
  });

  test("a proof holds for its own secret, keys and nonces only", () => {
    const subject = { clusterId, nodeId: "b".repeat(52), managerNonce: "1".repeat(64), workerNonce: "2".repeat(64) };
    const mac = proofOf("s", subject);
    expect(proofMatches(mac, "s", subject)).toBe(true);
    expect(proofMatches(mac, "t", subject)).toBe(false);
    for (const key of ["clusterId", "nodeId", "managerNonce", "workerNonce"] as const) {
      expect(proofMatches(mac, "s", { ...subject, [key]: "c".repeat(52) })).toBe(false);
    }
    expect([proofMatches("", "s", subject), proofMatches(mac.slice(2), "s", subject)]).toEqual([false, false]);
  });
});

describe("pin:", () => {
  test("a pin is kept for its owner alone; none is null, a damaged one is an error", () => {
    const file = directory.file("manager.pin");
    expect(readPin(file)).toEqual({ ok: true, value: null });
    writePin(file, "b".repeat(52));
    expect([readPin(file), mode(file)]).toEqual([{ ok: true, value: "b".repeat(52) }, 0o600]);
    writeFileSync(file, "");
    expect(readPin(file).ok).toBe(false);
  });
});
