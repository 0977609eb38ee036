/**
 * The journal's frames: magic, version, length, CRC and check of the header, then a JSON array of records. One append is one frame, so a torn
 * append vanishes as a whole. Reading never throws and never guesses: what is torn is dropped, what is damaged is named and skipped.
 */
import { crc32 } from "node:zlib";

/** Version of the frames that this program writes. */
export const JOURNAL_FORMAT = 1;

/** Magic "CJ" (2), version (2), length of the body (4), CRC-32 of the body (4), low half of the CRC-32 of these twelve bytes (2); little-endian. */
const HEADER_BYTES = 14;
const CHECKED_BYTES = 12;
const MAGIC = 0x4a43;
const MAGIC_BYTES = Buffer.from("CJ");

/** More zeros in a row than a few flipped bits make: a part of the file that a crash kept from being written. */
const UNWRITTEN = Buffer.alloc(16);

/** What a journal's bytes hold. */
export interface Frames {
  /** Records of all sound frames, oldest first. */
  readonly records: readonly unknown[];
  /** Bytes up to which the file is to be kept; beyond it is a torn append. */
  readonly keepBytes: number;
  /** Damaged stretches of the file. */
  readonly damage: readonly { readonly offset: number; readonly bytes: number }[];
  /** The highest version found. */
  readonly format: number;
}

/** A frame of these records. Pure. */
export function encodeFrame(records: readonly unknown[]): Buffer {
  const body = Buffer.from(JSON.stringify(records));
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16LE(MAGIC, 0);
  header.writeUInt16LE(JOURNAL_FORMAT, 2);
  header.writeUInt32LE(body.length, 4);
  header.writeUInt32LE(crc32(body), 8);
  header.writeUInt16LE(crc32(header.subarray(0, CHECKED_BYTES)) & 0xffff, CHECKED_BYTES);
  return Buffer.concat([header, body]);
}

/** Reads all frames. Pure. */
export function decodeFrames(file: Buffer): Frames {
  const records: unknown[] = [];
  const damage: { offset: number; bytes: number }[] = [];
  let format = 0;
  let offset = 0;
  while (offset < file.length) {
    const frame = frameAt(file, offset);
    if (frame !== null) {
      format = Math.max(format, frame.format);
      for (const record of frame.records) records.push(record);
      offset = frame.end;
      continue;
    }
    const next = nextFrame(file, offset + 1);
    if (next === file.length && isTorn(file, offset)) break;
    damage.push({ offset, bytes: next - offset });
    offset = next;
  }
  return { records, keepBytes: offset, damage, format };
}

interface Frame {
  readonly format: number;
  readonly end: number;
  readonly records: readonly unknown[];
}

/** The sound frame at that place, or null. A newer version's records are left out: only its number counts. */
function frameAt(file: Buffer, offset: number): Frame | null {
  const header = headerAt(file, offset);
  if (header === null || header.end > file.length) return null;
  const body = file.subarray(offset + HEADER_BYTES, header.end);
  if (crc32(body) !== header.crc) return null;
  if (header.format > JOURNAL_FORMAT) return { ...header, records: [] };
  const records = parseArray(body.toString());
  return records === null ? null : { ...header, records };
}

function parseArray(text: string): readonly unknown[] | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

function headerAt(file: Buffer, offset: number) {
  if (offset + HEADER_BYTES > file.length || file.readUInt16LE(offset) !== MAGIC) return null;
  const checked = file.subarray(offset, offset + CHECKED_BYTES);
  if ((crc32(checked) & 0xffff) !== file.readUInt16LE(offset + CHECKED_BYTES)) return null;
  const end = offset + HEADER_BYTES + file.readUInt32LE(offset + 4);
  return { format: file.readUInt16LE(offset + 2), end, crc: file.readUInt32LE(offset + 8) };
}

/** Where the next sound frame begins; the file's length when there is none. */
function nextFrame(file: Buffer, from: number): number {
  for (let at = file.indexOf(MAGIC_BYTES, from); at >= 0; at = file.indexOf(MAGIC_BYTES, at + 1)) {
    if (frameAt(file, at) !== null) return at;
  }
  return file.length;
}

/**
 * True when the rest of the file is what a crash in the middle of an append leaves: too short, or partly never written (zeros, which JSON never
 * holds). Anything else at the end had been complete and was damaged later.
 */
function isTorn(file: Buffer, offset: number): boolean {
  if (file.at(-1) === 0) return true;
  const rest = file.subarray(offset);
  const header = headerAt(file, offset);
  if (header !== null) return header.end > file.length || rest.includes(UNWRITTEN);
  return (
    rest.length < HEADER_BYTES && MAGIC_BYTES.subarray(0, rest.length).equals(rest.subarray(0, MAGIC_BYTES.length))
  );
}
