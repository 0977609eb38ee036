/** The API's token: a secret in a file that only its owner can read, made at the first start. */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { open, readFile, stat } from "node:fs/promises";

const TOKEN_BYTES = 32;

/** The token in the file, made when there is none. Rejects with the way out when others may read it or it cannot be read. */
export async function loadToken(path: string): Promise<string> {
  return (await readToken(path)) ?? (await makeToken(path));
}

async function readToken(path: string): Promise<string | undefined> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new Error(`the API's token ${path} cannot be read: ${error.message}`, { cause: error });
  });
  if (!info) return undefined;
  if ((info.mode & 0o077) !== 0)
    throw new Error(`others may read the API's token ${path}: chmod 600 ${path}, or delete it to get a new one`);
  const token = (await readFile(path, "utf8")).trim();
  if (token.length < 16) throw new Error(`the API's token ${path} is too short to be one: delete it to get a new one`);
  return token;
}

async function makeToken(path: string): Promise<string> {
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
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
