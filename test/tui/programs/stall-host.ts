// Holds the other side of a terminal for the test of a terminal that stops reading: the test stops this whole process, so
// that nobody reads. Says the program's process id first.
const program = Bun.spawn(process.argv.slice(2), {
  env: { ...process.env, TERM: "xterm-256color", LANG: "C.UTF-8" },
  terminal: { cols: 200, rows: 50, data: () => undefined },
});
process.stdout.write(`${program.pid}\n`);
process.exit(await program.exited);

export {};
