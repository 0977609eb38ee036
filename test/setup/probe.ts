// The smallest program with LevelDB in it, which test/packaging.test.ts builds as Cube is built. It opens the store that
// its argument names and prints what it finds there and in its environment.
import { ClassicLevel } from "classic-level";

const store = new ClassicLevel(process.argv[2] ?? "store");
await store.put("key", "stored");
console.log(JSON.stringify({ value: await store.get("key"), planted: process.env.PLANTED ?? "nothing" }));
await store.close();
