// How a test says that it needs a container engine. An absent engine is a failure, never a silent skip: only a user,
// and never a CI run, may switch these tests off by CUBE_TEST_NO_DOCKER=1.
//
//   describe.skipIf(dockerSwitchedOff())("runtime: docker", () => {
//     beforeAll(requireDocker);

/** An image with busybox and all its applets; scripts/test makes it without a registry. */
export const TEST_IMAGE = "cube-test/busybox:1";

const DEFAULT_HOST = "unix:///var/run/docker.sock";

/** Whether the user has switched the tests that need an engine off. Under CI=true they cannot be. */
export function dockerSwitchedOff(env: Record<string, string | undefined> = process.env): boolean {
  return env.CUBE_TEST_NO_DOCKER === "1" && env.CI !== "true";
}

/** The socket of the engine that tests use: DOCKER_HOST's when that is a unix socket, else the default one. */
export function dockerSocket(): string {
  const host = process.env.DOCKER_HOST || DEFAULT_HOST;
  if (!host.startsWith("unix://")) throw new Error(`tests need an engine on a unix socket, DOCKER_HOST is ${host}`);
  return host.slice("unix://".length);
}

/** Returns when an engine answers and has the test image; fails the test with what to do when not. */
export async function requireDocker(): Promise<void> {
  await expectOk("/_ping", "no container engine answers");
  await expectOk(`/images/${TEST_IMAGE}/json`, `the engine has no image ${TEST_IMAGE}`);
}

async function expectOk(path: string, problem: string): Promise<void> {
  const hint = "scripts/test starts an engine and makes the image; CUBE_TEST_NO_DOCKER=1 leaves these tests out";
  const answer = await ask(path);
  if (answer !== 200) throw new Error(`${problem} on ${dockerSocket()} (${answer}): ${hint}`);
}

async function ask(path: string): Promise<number | string> {
  try {
    const options = { unix: dockerSocket(), signal: AbortSignal.timeout(5_000) };
    return (await fetch(`http://engine${path}`, options)).status;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
