/**
 * A self-signed certificate over a node's own key, written as DER by hand: TLS wants one, but nothing in it is trusted or even read by a peer except the public
 * key, which is compared with a pin. So there is no authority, no expiry to renew and no library for it. Source: RFC 5280, section 4.
 */
import { createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";

/** The name that certificates carry and TLS clients ask for; it identifies nobody. */
export const CERTIFICATE_NAME = "cube";

/** RFC 5280, 4.1.2.5: the date of a certificate that does not expire. It is pinned by key, so a date could only ever cut a link. */
const NOT_BEFORE = "20200101000000Z";
const NOT_AFTER = "99991231235959Z";

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  text: 0x0c,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

const OID = {
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  commonName: [0x55, 0x04, 0x03],
  subjectAltName: [0x55, 0x1d, 0x11],
  basicConstraints: [0x55, 0x1d, 0x13],
} as const;

/** A certificate in PEM for a P-256 key, with subject CN=cube and the DNS name cube. Different at each call; the key in it is not. */
export function selfSign(key: KeyObject): string {
  const body = toBeSigned(createPublicKey(key).export({ type: "spki", format: "der" }));
  const signature = sign("sha256", body, key);
  const whole = sequence(body, algorithm(), der(TAG.bits, Buffer.from([0]), signature));
  const lines = whole.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function toBeSigned(publicKey: Buffer): Buffer {
  const version3 = der(0xa0, der(TAG.integer, Buffer.from([2])));
  // A serial number is positive, so its first bit is 0; and it has no leading zero byte.
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const name = sequence(der(TAG.set, sequence(oid(OID.commonName), der(TAG.text, Buffer.from(CERTIFICATE_NAME)))));
  const validity = sequence(der(TAG.time, Buffer.from(NOT_BEFORE)), der(TAG.time, Buffer.from(NOT_AFTER)));
  return sequence(version3, der(TAG.integer, serial), algorithm(), name, validity, name, publicKey, extensions());
}

function extensions(): Buffer {
  // 0x82: a dNSName among the general names. CA true, so that the certificate can vouch for itself.
  const alternative = extension(OID.subjectAltName, sequence(der(0x82, Buffer.from(CERTIFICATE_NAME))));
  const constraints = extension(OID.basicConstraints, sequence(der(TAG.boolean, Buffer.from([0xff]))));
  return der(0xa3, sequence(alternative, constraints));
}

function extension(id: readonly number[], value: Buffer): Buffer {
  return sequence(oid(id), der(TAG.octets, value));
}

function algorithm(): Buffer {
  return sequence(oid(OID.ecdsaWithSha256));
}

function oid(bytes: readonly number[]): Buffer {
  return der(TAG.oid, Buffer.from(bytes));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(TAG.sequence, ...parts);
}

/** Tag, length, value; X.690, 8.1. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  const { length } = value;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), value]);
  const size = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}
