/** The API's token: a secret in a file that only its owner can read, made at the first start. */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";

const TOKEN_BYTES = 32;
const MIN_TOKEN_LENGTH = 16;

/** A secret that nobody can guess: 256 bits, in letters that need no quoting. */
export function newSecret(): string {
  return randomBytes(TOKEN_BYTES).toString("base64url");
}

/** The token in the file, made when there is none. Rejects with the way out when others may read it or it cannot be read. */
export async function loadToken(path: string): Promise<string> {
  return (await readToken(path)) ?? (await makeToken(path));
}

async function readToken(path: string): Promise<string | undefined> {
  const file = await open(path, constants.O_RDONLY).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw unreadable(path, error);
  });
  if (!file) return undefined;
  try {
    const { mode } = await file.stat();
    if ((mode & 0o077) !== 0) {
      throw new Error(`others may read the API's token ${path}: chmod 600 ${path}, or delete it to get a new one`);
    }
    const token = (await file.readFile("utf8").catch((error: Error) => Promise.reject(unreadable(path, error)))).trim();
    if (token.length >= MIN_TOKEN_LENGTH) return token;
    throw new Error(`the API's token ${path} is too short to be one: delete it to get a new one`);
  } finally {
    await file.close();
  }
}

function unreadable(path: string, error: Error): Error {
  return new Error(`the API's token ${path} cannot be read: ${error.message}`, { cause: error });
}

async function makeToken(path: string): Promise<string> {
  const token = newSecret();
  // Exclusive: a file that appeared meanwhile is never overwritten.
  const file = await open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await file.writeFile(`${token}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  return token;
}
