import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { resolve } from "node:path";
import { loginName } from "../../src/roles/names.ts";

const PASSWD = "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000:Ann,,,:/home/ann:/bin/sh\n:x:7:7::/:\n";

test("roles/names: a login name is that of the number, and none where the number is unknown", () => {
  expect([0, 1000, 100, 7].map((uid) => loginName(PASSWD, uid))).toEqual(["root", "ann", undefined, undefined]);
});

test.skipIf(process.platform !== "linux")("roles/names: the environment does not say who the user is", () => {
  const module = resolve(import.meta.dir, "../../src/roles/names.ts");
  const script = `import { userName } from ${JSON.stringify(module)}; process.stdout.write(userName());`;
  const named = [{ PATH: "/bin" }, { USER: "somebody-else" }].map((env) => {
    const child = Bun.spawnSync([process.execPath, "-e", script], { env });
    return child.stdout.toString();
  });
  const { uid } = userInfo();
  const expected = loginName(readFileSync("/etc/passwd", "utf8"), uid) ?? String(uid);
  expect(named).toEqual([expected, expected]);
});
