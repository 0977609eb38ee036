import { expect, test } from "bun:test";
import { readBytes, readCpus } from "../../src/config/quantities.ts";
import { WrongValue } from "../../src/config/wrong-value.ts";

test("config/quantities: sizes have binary units, cores have thousandths", () => {
  expect(["0", "512m", "1.5g", "64MiB", "1k", "2 TB", ".5k"].map(readBytes)).toEqual([
    0,
    512 * 2 ** 20,
    1.5 * 2 ** 30,
    64 * 2 ** 20,
    1024,
    2 ** 41,
    512,
  ]);
  expect(["0.5", "2", "0.001"].map(readCpus)).toEqual([500, 2000, 1]);
});

test("config/quantities: what is no quantity is refused", () => {
  const refused = (read: (text: string) => number, text: string): boolean => {
    try {
      read(text);
      return false;
    } catch (error) {
      return error instanceof WrongValue;
    }
  };
  expect(["", "m", "-1", "1x", "1e3", "99999999t"].map((text) => refused(readBytes, text))).toEqual(
    Array(6).fill(true),
  );
  expect(["", "0", "-1", "1e3", "half", "0.0001"].map((text) => refused(readCpus, text))).toEqual(Array(6).fill(true));
});
