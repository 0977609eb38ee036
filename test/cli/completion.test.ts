import { expect, test } from "bun:test";
import { ClientError } from "../../src/client/cluster-client.ts";
import { aJob, aNode, aTask } from "./fake-client.ts";
import { FakeShell } from "./fake-shell.ts";

async function words(shell: FakeShell, ...line: string[]): Promise<string[]> {
  const { out } = await shell.run("__complete", "--", ...line);
  return out
    .split("\n")
    .filter((text) => text !== "")
    .map((text) => text.split("\t")[0] ?? "");
}

test("cli/completion: commands, flags, values of flags and subcommands", async () => {
  using shell = new FakeShell();
  expect([
    await words(shell, "st"),
    await words(shell, "logs", "--t"),
    await words(shell, "run", "--pull", ""),
    await words(shell, "run", "--pull", "a"),
    await words(shell, "node", "c"),
    await words(shell, "--headless", ""),
    await words(shell, "manager", "-s", "r"),
    await words(shell, "completion", ""),
    await words(shell, "run", "-f", ""),
    await words(shell, "exec", "web", "--", "--in"),
  ]).toEqual([
    ["status", "stop", "start"],
    ["--tail", "--timestamps", "--token-file"],
    ["always", "missing", "never"],
    ["always"],
    ["cordon"],
    ["all", "manager", "worker"],
    ["roundrobin"],
    ["bash", "zsh", "fish"],
    [":files"],
    [],
  ]);
});

test("cli/completion: names of tasks, jobs and nodes come from the manager that the line is aimed at", async () => {
  using shell = new FakeShell();
  shell.client.jobList = [
    aJob({ id: "1", name: "web" }),
    aJob({ id: "2", name: "worker" }),
    aJob({ id: "3", name: "db" }),
  ];
  shell.client.taskList = [aTask({ id: "w-1", name: "worker.main.0" }), aTask()];
  shell.client.nodeList = [aNode(), aNode({ id: "x", name: "n2" })];
  expect([
    await words(shell, "stop", "w"),
    await words(shell, "stop", "web", "d"),
    await words(shell, "logs", "-f", "-m", "localhost:99", ""),
    await words(shell, "logs", "web", ""),
    await words(shell, "status", "--node", "n"),
    await words(shell, "status", "--job", "d"),
    await words(shell, "node", "cordon", ""),
  ]).toEqual([
    ["web", "worker", "w-1"],
    ["db"],
    ["web", "worker", "db", "w-1"],
    [],
    ["n1", "n2"],
    ["db"],
    ["n1", "n2"],
  ]);
  expect(shell.targets[2]).toEqual({ kind: "tcp", host: "localhost", port: 99, token: "" });
});

test("cli/completion: without a manager, or with a wrong configuration, it is silent and succeeds", async () => {
  using shell = new FakeShell();
  shell.client.down = new ClientError("unavailable", "no manager");
  const down = await shell.run("__complete", "--", "stop", "");
  shell.env.CUBE_PORT = "many";
  const wrong = await shell.run("__complete", "--", "stop", "");
  expect([down, wrong]).toEqual([0, 1].map(() => ({ code: 0, out: "", err: "" })));
});

test("cli/completion: the script for bash completes in a real bash", async () => {
  using shell = new FakeShell();
  const { out: script } = await shell.run("completion", "bash");
  const driver = `
    cube() { printf 'asked:%s\\n' "$(printf '%s|' "$@")" >&2; case "$*" in *--file*) echo ':files';; *) printf 'status\\tlist tasks\\nstop\\tend tasks\\n';; esac; }
    ${script.replace("2>/dev/null)", ")")}
    COMP_WORDS=(cube st); COMP_CWORD=1; _cube; printf '%s,' "\${COMPREPLY[@]}"; echo
    COMP_WORDS=(cube run --file ""); COMP_CWORD=3; _cube; echo "\${#COMPREPLY[@]}"
    complete -p cube`;
  const run = Bun.spawnSync(["bash", "--norc", "-c", driver]);
  expect([run.stdout.toString(), run.stderr.toString().replace(/^bash: .*compopt.*\n/gm, "")]).toEqual([
    "status,stop,\n0\ncomplete -F _cube cube\n",
    "asked:__complete|--|st|\nasked:__complete|--|run|--file||\n",
  ]);
});

test("cli/completion: there is a script for each shell, and no other", async () => {
  using shell = new FakeShell();
  const [zsh, fish, other] = [
    await shell.run("completion", "zsh"),
    await shell.run("completion", "fish"),
    await shell.run("completion", "ksh"),
  ];
  expect([zsh.out.startsWith("#compdef cube"), fish.out.includes("complete -c cube"), other]).toEqual([
    true,
    true,
    { code: 2, out: "", err: 'cube: no completion for "ksh"\nthere is one for bash, zsh, fish\n' },
  ]);
});
