/** Where a manager answers, for whoever finds it out and whoever asks there. Plain data. */

/** A manager's address. `token` is "" where none is known; a socket needs none. */
export type Target =
  | { readonly kind: "unix"; readonly path: string }
  /** In clear, so on loopback only. */
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly token: string }
  | TlsTarget;

/** A manager over TLS; `clusterId` is the digest of the key that it has to have, "" when nobody has vouched for one there: then nothing is sent. */
export interface TlsTarget {
  readonly kind: "tls";
  readonly host: string;
  readonly port: number;
  readonly clusterId: string;
  readonly token: string;
}
