// Installs the programs that tests need and this machine lacks. On Debian as root it installs them; elsewhere it must
// change nothing, and says in one line what is missing.
import { existsSync } from "node:fs";

type Need = { debianPackage: string; isThere: () => boolean };

const NEEDS: Need[] = [
  { debianPackage: "docker.io", isThere: () => installed("docker") && installed("dockerd") },
  { debianPackage: "iptables", isThere: () => installed("iptables") },
  { debianPackage: "busybox-static", isThere: () => staticBusybox() !== undefined },
  { debianPackage: "tmux", isThere: () => installed("tmux") },
  { debianPackage: "iproute2", isThere: () => installed("ip") },
  { debianPackage: "curl", isThere: () => installed("curl") },
  { debianPackage: "tcpdump", isThere: () => installed("tcpdump") },
  { debianPackage: "socat", isThere: () => installed("socat") },
  { debianPackage: "faketime", isThere: fakeTimeIsThere },
];

/** Installs what is missing on Debian as root, and says what is missing elsewhere. Never throws for a missing program. */
export async function installTestPackages(): Promise<void> {
  const missing = NEEDS.filter((need) => !need.isThere()).map((need) => need.debianPackage);
  if (missing.length === 0) return;
  if (!existsSync("/etc/debian_version") || process.getuid?.() !== 0) {
    console.log(`missing for the tests (names as in Debian): ${missing.join(", ")}`);
    return;
  }
  console.log(`installing for the tests: ${missing.join(", ")}`);
  await aptGet(["update", "-q"]);
  await aptGet(["install", "-q", "-y", "--no-install-recommends", ...missing]);
}

/** The path of a busybox that needs no library, as an image without any library needs it. */
export function staticBusybox(): string | undefined {
  const busybox = Bun.which("busybox");
  if (busybox === null) return undefined;
  // A dynamic program is one whose libraries ldd can list.
  return Bun.spawnSync(["ldd", busybox], { stdout: "ignore", stderr: "ignore" }).success ? undefined : busybox;
}

/** Whether `program` is on the PATH or where root's programs are. */
export function installed(program: string): boolean {
  return Bun.which(program, { PATH: `${process.env.PATH}:/usr/sbin:/sbin` }) !== null;
}

function fakeTimeIsThere(): boolean {
  const folders = ["x86_64", "aarch64"].map((arch) => `/usr/lib/${arch}-linux-gnu/faketime`);
  return folders.some((folder) => existsSync(`${folder}/libfaketimeMT.so.1`));
}

async function aptGet(args: string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const code = await Bun.spawn(["apt-get", ...args], { env, stdout: "ignore", stderr: "inherit" }).exited;
  if (code !== 0) console.log(`apt-get ${args.join(" ")} failed with code ${code}`);
}
