/** Keeps proxies out of the way to a manager: Bun's fetch obeys HTTP_PROXY for every address, so the API's token would be handed to a proxy. */

/** Adds `host` to NO_PROXY of this process, which fetch reads at each request. */
export function bypassProxy(host: string): void {
  for (const name of ["NO_PROXY", "no_proxy"]) {
    const hosts = (process.env[name] ?? "").split(",").filter((each) => each !== "");
    if (!hosts.includes(host)) process.env[name] = [...hosts, host].join(",");
  }
}
