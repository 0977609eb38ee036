// An eavesdropper on the bridge: tcpdump records every byte that one machine says to another. What was said is put together again by connection, so that nothing
// is missed because it was cut into packets, and each connection is held against the outer form of TLS: masked WebSocket frames in clear would be no text either.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Network } from "./namespaces.ts";
import { until } from "./until.ts";

/** One direction of a TCP connection. */
export interface Flow {
  /** As "host:port>host:port". */
  readonly name: string;
  readonly bytes: Buffer;
}

/** What was recorded. */
export class Recording {
  readonly flows: readonly Flow[];
  readonly #all: Buffer;

  constructor(pcap: Buffer) {
    this.#all = pcap;
    this.flows = flowsOf(pcap);
  }

  /** Which of these can be read, and where: in clear, in hexadecimal or in base64, in a connection or anywhere else. */
  readable(wanted: Readonly<Record<string, string | Buffer>>): string[] {
    const places = [...this.flows, { name: "the wire", bytes: this.#all }];
    const found = Object.entries(wanted).flatMap(([what, content]) =>
      formsOf(Buffer.from(content)).flatMap((form) =>
        places.filter(({ bytes }) => bytes.includes(form)).map(({ name }) => `${what} in ${name}`),
      ),
    );
    return [...new Set(found)].sort();
  }

  /** Connections that are not TLS from their first byte to their last. */
  clear(): string[] {
    return this.flows.filter(({ bytes }) => bytes.length > 0 && !isTls(bytes)).map(({ name }) => name);
  }

  /** Bytes of all connections. */
  get length(): number {
    return this.flows.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }
}

/** Listens from its start to `stop`. Needs root and tcpdump. */
export class Ear implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "cube-ear-"));
  #child: Bun.Subprocess<"ignore", "ignore", "pipe"> | undefined;

  private constructor() {}

  static async on(network: Network): Promise<Ear> {
    const ear = new Ear();
    const flags = ["-i", "br0", "-U", "-n", "-s", "0", "-B", "65536", "-Z", "root", "-w", ear.#file];
    ear.#child = Bun.spawn([...network.bridge.enter, "tcpdump", ...flags], { stdio: ["ignore", "ignore", "pipe"] });
    const reader = ear.#child.stderr.getReader();
    for (let said = ""; !said.includes("listening on"); ) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`tcpdump has ended: ${said}`);
      said += new TextDecoder().decode(value);
    }
    reader.releaseLock();
    return ear;
  }

  /** What has been recorded so far, once everything that was said before the call is written down. */
  async recording(mark: () => Promise<string>): Promise<Recording> {
    const said = await mark();
    await until("the last word is recorded", () => readFileSync(this.#file).includes(said));
    return new Recording(readFileSync(this.#file));
  }

  get #file(): string {
    return join(this.#folder, "pcap");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child?.kill("SIGTERM");
    await this.#child?.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** As it is, in hexadecimal, and in base64 wherever in a longer text it begins: without its ends, which depend on what stands beside it. */
function formsOf(content: Buffer): Buffer[] {
  const hex = content.toString("hex");
  const base64 = [0, 1, 2].map((before) => {
    const coded = Buffer.concat([Buffer.alloc(before), content]).toString("base64");
    return coded.slice(4, -4);
  });
  const texts = [hex, hex.toUpperCase(), ...base64.filter((form) => form.length >= 8)];
  return [content, ...texts.map((text) => Buffer.from(text))];
}

const TLS_RECORDS = { changeCipherSpec: 20, alert: 21, handshake: 22, data: 23 } as const;

/** RFC 8446, 5.1: records of a known type, two bytes of version, two of length; one hello in clear, everything after it is data. */
function isTls(bytes: Buffer): boolean {
  let hellos = 0;
  let at = 0;
  while (at + 5 <= bytes.length) {
    const type = bytes[at];
    if (bytes[at + 1] !== 3) return false;
    if (type === TLS_RECORDS.handshake) hellos++;
    else if (type !== TLS_RECORDS.data && type !== TLS_RECORDS.changeCipherSpec && type !== TLS_RECORDS.alert) {
      return false;
    }
    at += 5 + bytes.readUInt16BE(at + 3);
  }
  return bytes[0] === TLS_RECORDS.handshake && hellos === 1;
}

interface Segment {
  readonly flow: string;
  readonly sequence: number;
  readonly opens: boolean;
  readonly data: Buffer;
}

const PCAP_HEADER = 24;
const PACKET_HEADER = 16;

function flowsOf(pcap: Buffer): Flow[] {
  const segments: Segment[] = [];
  for (let at = PCAP_HEADER; at + PACKET_HEADER <= pcap.length; ) {
    const length = pcap.readUInt32LE(at + 8);
    const segment = segmentOf(pcap.subarray(at + PACKET_HEADER, at + PACKET_HEADER + length));
    if (segment) segments.push(segment);
    at += PACKET_HEADER + length;
  }
  const flows: Flow[] = [];
  for (const [name, all] of Map.groupBy(segments, ({ flow }) => flow)) {
    const openings = all.flatMap((each, index) => (each.opens ? [index] : []));
    // A port that is used again begins another connection.
    const bounds = openings.length === 0 || openings[0] !== 0 ? [0, ...openings] : openings;
    for (const [index, from] of bounds.entries())
      flows.push({ name, bytes: assembled(all.slice(from, bounds[index + 1])) });
  }
  return flows;
}

/** The payload in order, what came twice once. */
function assembled(segments: readonly Segment[]): Buffer {
  const first = segments[0];
  if (!first) return Buffer.alloc(0);
  const start = (first.sequence + (first.opens ? 1 : 0)) >>> 0;
  const pieces = segments
    .filter(({ data }) => data.length > 0)
    .map(({ sequence, data }) => ({ at: (sequence - start) >>> 0, data }))
    .sort((a, b) => a.at - b.at);
  const bytes: Buffer[] = [];
  let end = 0;
  for (const { at, data } of pieces) {
    if (at + data.length <= end) continue;
    bytes.push(data.subarray(Math.max(0, end - at)));
    end = at + data.length;
  }
  return Buffer.concat(bytes);
}

/** TCP in IPv4 in Ethernet; undefined for anything else. */
function segmentOf(packet: Buffer): Segment | undefined {
  if (packet.length < 54 || packet.readUInt16BE(12) !== 0x0800 || packet[23] !== 6) return undefined;
  const ip = packet.subarray(14);
  const tcp = ip.subarray(((ip[0] ?? 0) & 15) * 4, ip.readUInt16BE(2));
  const host = (at: number): string => [...ip.subarray(at, at + 4)].join(".");
  return {
    flow: `${host(12)}:${tcp.readUInt16BE(0)}>${host(16)}:${tcp.readUInt16BE(2)}`,
    sequence: tcp.readUInt32BE(4),
    opens: ((tcp[13] ?? 0) & 2) !== 0,
    data: tcp.subarray(((tcp[12] ?? 0) >> 4) * 4),
  };
}
