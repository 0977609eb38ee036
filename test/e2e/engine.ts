// The container engine as a test sees it beside Cube, over its own socket: what is there, and a hand that breaks things.
// It must only ever change containers that the test itself has made, by Cube or by hand.
import { dockerSocket } from "../setup/docker.ts";

/** A container as the engine describes it; times as the engine writes them. */
export interface Container {
  readonly id: string;
  readonly name: string;
  readonly running: boolean;
  readonly startedAt: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A container as a list of all shows it. */
export interface ListedContainer {
  readonly id: string;
  readonly name: string;
  /** The engine's word: created, running, exited, removing, dead ... */
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface Inspected {
  readonly Id: string;
  readonly Name: string;
  readonly State: { readonly Running: boolean; readonly StartedAt: string };
  readonly Config: { readonly Labels: Readonly<Record<string, string>> };
}

/** The label that says which node a container belongs to. */
export const NODE_LABEL = "io.cube.node";

/** One engine, by its unix socket. */
export class Engine {
  readonly socket: string;

  constructor(socket: string = dockerSocket()) {
    this.socket = socket;
  }

  /** All containers with a label, dead ones too, by name. */
  async containers(label: string): Promise<Container[]> {
    const filters = encodeURIComponent(JSON.stringify({ label: [label] }));
    const listed = (await this.#json("GET", `/containers/json?all=1&filters=${filters}`)) as { Id: string }[];
    const found = await Promise.all(listed.map(({ Id }) => this.inspect(Id)));
    return found.filter((each) => each !== null).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Every container that there is, whosever it may be. */
  async list(): Promise<ListedContainer[]> {
    const listed = (await this.#json("GET", "/containers/json?all=1")) as {
      readonly Id: string;
      readonly Names: readonly string[] | null;
      readonly State: string;
      readonly Labels: Readonly<Record<string, string>> | null;
    }[];
    return listed.map(({ Id, Names, State, Labels }) => {
      return { id: Id, name: Names?.[0]?.slice(1) ?? "", state: State, labels: Labels ?? {} };
    });
  }

  /** Number of the process that a running container is; 0 when it is none. */
  async pidOf(ref: string): Promise<number> {
    const answer = await this.#ask("GET", `/containers/${ref}/json`);
    return answer.ok ? ((await answer.json()) as { State: { Pid: number } }).State.Pid : 0;
  }

  /** One container by id or name; null when there is none. */
  async inspect(ref: string): Promise<Container | null> {
    const answer = await this.#ask("GET", `/containers/${ref}/json`);
    if (answer.status === 404) return null;
    const { Id, Name, State, Config } = (await answer.json()) as Inspected;
    const { Running: running, StartedAt: startedAt } = State;
    return { id: Id, name: Name.slice(1), running, startedAt, labels: Config.Labels };
  }

  /** Makes and starts a container that is none of Cube's; its id. */
  async run(name: string, body: Readonly<Record<string, unknown>>): Promise<string> {
    const { Id } = (await this.#json("POST", `/containers/create?name=${name}`, body)) as { Id: string };
    await this.#ask("POST", `/containers/${Id}/start`);
    return Id;
  }

  /** Makes an image of another one, with a command of its own. */
  async makeImage(name: string, from: { readonly image: string; readonly command: readonly string[] }): Promise<void> {
    const { Id } = (await this.#json("POST", "/containers/create", { Image: from.image })) as { Id: string };
    const changes = encodeURIComponent(`CMD ${JSON.stringify(from.command)}`);
    await this.#json("POST", `/commit?container=${Id}&repo=${name}&tag=1&changes=${changes}`);
    await this.remove(Id);
  }

  /** Removes an image. */
  async removeImage(name: string): Promise<void> {
    await this.#ask("DELETE", `/images/${name}?force=1`);
  }

  /** Starts a container that has ended. */
  async startAgain(ref: string): Promise<void> {
    await this.#ask("POST", `/containers/${ref}/start`);
  }

  /** Kills a container's process, as a crash would end it. */
  async kill(ref: string): Promise<void> {
    await this.#ask("POST", `/containers/${ref}/kill`);
  }

  /** Removes a container, running or not; one that is gone already is no error. */
  async remove(ref: string): Promise<void> {
    await this.#ask("DELETE", `/containers/${ref}?force=1&v=1`);
  }

  /** Whether it answers now. */
  async answers(): Promise<boolean> {
    try {
      return (await this.#ask("GET", "/_ping")).ok;
    } catch {
      return false;
    }
  }

  async #json(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.#ask(method, path, body);
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  #ask(method: string, path: string, body?: unknown): Promise<Response> {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    return fetch(`http://engine${path}`, {
      method,
      unix: this.socket,
      headers: { "Content-Type": "application/json" },
      signal: AbortSignal.timeout(20_000),
      ...content,
    });
  }
}
