// Runs one program of this directory in a process of its own: `node host.mjs PROGRAM OPTIONS`. What the program sees
// becomes one line of JSON each.
const [program, options] = process.argv.slice(2);
const { run } = await import(`./${program}.mjs`);
// A library that waits without keeping its process alive is not to end with it.
setInterval(() => {}, 60_000);
run(JSON.parse(options), (seen) => process.stdout.write(`${JSON.stringify(seen)}\n`));
