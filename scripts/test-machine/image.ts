// Makes the image that tests run, from this machine's busybox, so that no test needs a registry or a network.
// The same busybox always gives the same layer; the label says from which recipe and busybox an image was made.
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TEST_IMAGE } from "../../test/setup/docker.ts";
import { staticBusybox } from "./packages.ts";

/** Raise it when the content of the image changes, so that machines with an older one make it anew. */
const RECIPE = 1;
const LABEL = "test-image.recipe";

const FILES: Record<string, string> = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
  "etc/group": "root:x:0:\nnobody:x:65534:\n",
};

/** Makes the test image unless the engine has it. Without a static busybox or an engine it says so in one line. */
export function makeTestImage(): void {
  const busybox = staticBusybox();
  if (busybox === undefined) {
    say("there is no static busybox to make it from");
    return;
  }
  const recipe = `${RECIPE}-${new Bun.CryptoHasher("sha256").update(readFileSync(busybox)).digest("hex").slice(0, 12)}`;
  if (recipeOfPresentImage() === recipe) return;
  const folder = mkdtempSync(join(tmpdir(), "cube-test-image-"));
  try {
    layOut(folder, busybox);
    importImage(folder, recipe);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function recipeOfPresentImage(): string | undefined {
  const format = `{{index .Config.Labels "${LABEL}"}}`;
  const run = Bun.spawnSync(["docker", "image", "inspect", "--format", format, TEST_IMAGE], { stderr: "ignore" });
  return run.success ? run.stdout.toString().trim() : undefined;
}

function layOut(folder: string, busybox: string): void {
  for (const name of ["bin", "etc", "root", "tmp"]) mkdirSync(join(folder, name));
  chmodSync(join(folder, "tmp"), 0o1777);
  copyFileSync(busybox, join(folder, "bin/busybox"));
  const applets = Bun.spawnSync([busybox, "--list"]).stdout.toString().split("\n");
  for (const applet of applets) {
    if (applet !== "" && applet !== "busybox") symlinkSync("busybox", join(folder, "bin", applet));
  }
  for (const [name, content] of Object.entries(FILES)) writeFileSync(join(folder, name), content);
}

function importImage(folder: string, recipe: string): void {
  // Order, times and owners are fixed: the same files are the same layer on every machine.
  const pack = `tar --create --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u+rwX,go+rX . |
    docker import --change 'CMD ["sh"]' --change 'ENV PATH=/bin' --change "LABEL $LABEL=$RECIPE" - "$IMAGE"`;
  const env = { ...process.env, LABEL, RECIPE: recipe, IMAGE: TEST_IMAGE };
  const run = Bun.spawnSync(["sh", "-c", pack], { cwd: folder, env, stdout: "ignore", stderr: "pipe" });
  if (!run.success) say(run.stderr.toString().trim());
}

function say(reason: string): void {
  console.log(`the image ${TEST_IMAGE} could not be made: ${reason}`);
}
