import { describe, expect, test } from "bun:test";
import { type AccessRole, allows } from "../../src/core/access.ts";
import { planTokenCreate, planTokenRevoke, TOKENS_KEPT } from "../../src/core/access-commands.ts";
import { apply, emptyCluster } from "../../src/core/cluster.ts";
import { NOW } from "./records.ts";

const HASH = "h".repeat(43);

function context(names: readonly string[] = []) {
  const cluster = emptyCluster();
  for (const name of names) {
    const access = { name, role: "view" as const, hash: HASH, createdMs: NOW, createdBy: "unix:me" };
    apply(cluster, { kind: "access.put", access });
  }
  return { cluster, clusterId: "c", actor: "unix:me", revision: 1, nowMs: NOW };
}

describe("access", () => {
  test("a role may do what it needs and what less needs", () => {
    const roles: AccessRole[] = ["view", "operate", "admin"];
    expect(roles.map((has) => roles.map((needs) => allows(has, needs)))).toEqual([
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ]);
  });

  test("a token is made with its digest, its role and who asked", () => {
    const planned = planTokenCreate(context(), { name: "ci-deploy", role: "operate", hash: HASH });
    expect(planned).toMatchObject({
      ok: true,
      drafts: [
        {
          change: {
            kind: "access.put",
            access: { name: "ci-deploy", role: "operate", hash: HASH, createdMs: NOW, createdBy: "unix:me" },
          },
          text: "token ci-deploy (operate) is made",
        },
      ],
    });
  });

  test("names that cannot be, names that are taken and too many tokens are refused with the way out", () => {
    const create = (name: string, taken: readonly string[] = [], hash = HASH) =>
      planTokenCreate(context(taken), { name, role: "view", hash });
    for (const name of ["", "A", "a b", "-a", "a-", "a/b", "api", "a".repeat(64), "__proto__"]) {
      expect([name, create(name)]).toMatchObject([name, { ok: false, code: "invalid" }]);
    }
    expect(create("a", [], "short")).toMatchObject({ ok: false, code: "invalid" });
    expect(create("a", ["a"])).toMatchObject({
      ok: false,
      code: "conflict",
      hint: expect.stringContaining("revoke a"),
    });
    const many = Array.from({ length: TOKENS_KEPT }, (_, index) => `t${index}`);
    expect(create("a", many)).toMatchObject({ ok: false, code: "conflict" });
  });

  test("a revoked token is gone; one that is not there cannot be revoked", () => {
    expect(planTokenRevoke(context(["a"]), "a")).toMatchObject({
      ok: true,
      drafts: [{ change: { kind: "access.remove", name: "a" }, text: "token a is revoked" }],
    });
    expect(planTokenRevoke(context(), "a")).toMatchObject({ ok: false, code: "not_found" });
  });
});
