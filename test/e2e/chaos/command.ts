// Commands of the machine that runs the tests, with root's programs in reach.

const ENV = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/** Runs a command to its end; fails when it does. */
export function run(...command: readonly string[]): void {
  const { success, stderr } = Bun.spawnSync([...command], { env: ENV, stdout: "ignore", stderr: "pipe" });
  if (!success) throw new Error(`${command.join(" ")}: ${stderr}`);
}
