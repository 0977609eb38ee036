/**
 * The new-task form as a machine: fields with their values, which one has the focus, what is wrong with each, and the job that comes of it. Pure. Whether a
 * container can run at all is asked of the nodes: without an engine anywhere the form offers a command instead of an image, and says why.
 */
import type { NodeResource } from "../../client/resources.ts";
import {
  DEFAULT_RESTART,
  DEFAULT_TASK,
  type JobSpec,
  type RestartCondition,
  type RuntimeKind,
  type TaskSpec,
} from "../../core/spec.ts";
import type { Key } from "../terminal/key-names.ts";
import { BLANK, type Edit, editKey, editOf, insert } from "./edit.ts";
import {
  type Reading,
  readBytes,
  readCpu,
  readEnv,
  readHealth,
  readName,
  readPorts,
  readWords,
} from "./form-values.ts";

/** The fields in the order in which they are asked. */
export const FIELD_IDS = [
  "name",
  "runtime",
  "image",
  "command",
  "cpu",
  "memory",
  "ports",
  "env",
  "restart",
  "health",
] as const;
export type FieldId = (typeof FIELD_IDS)[number];

/** Fields with a list of answers instead of free text. */
export const CHOICES = {
  runtime: ["docker", "process"],
  restart: ["always", "unless-stopped", "on-failure", "no"],
} as const satisfies Partial<Record<FieldId, readonly string[]>>;

/** Label and example of each field. */
export const FIELD_TEXT: Readonly<Record<FieldId, { readonly label: string; readonly hint: string }>> = {
  name: { label: "Name", hint: "e.g. web" },
  runtime: { label: "Runtime", hint: "" },
  image: { label: "Image", hint: "e.g. nginx:1.29" },
  command: { label: "Command", hint: "in place of the image's own" },
  cpu: { label: "CPU cores", hint: "e.g. 0.5, no limit if empty" },
  memory: { label: "Memory", hint: "e.g. 256m, no limit if empty" },
  ports: { label: "Ports", hint: "e.g. 8080:80 443" },
  env: { label: "Variables", hint: "e.g. A=1 B='two words'" },
  restart: { label: "Restart", hint: "" },
  health: { label: "Health", hint: "e.g. /healthz, tcp 80, cmd true" },
};

export interface Form {
  readonly values: Readonly<Record<FieldId, Edit>>;
  readonly focus: FieldId;
  readonly problems: Readonly<Partial<Record<FieldId, string>>>;
  /** Why no node runs containers; "" if one does. */
  readonly noDocker: string;
  /** True from the submission until its answer. */
  readonly sending: boolean;
  /** What the manager said against it; "" for nothing. */
  readonly refusal: string;
}

/** An empty form for these nodes. */
export function openForm(nodes: readonly NodeResource[]): Form {
  const noDocker = whyNoDocker(nodes);
  const values = Object.fromEntries(FIELD_IDS.map((id) => [id, BLANK])) as Record<FieldId, Edit>;
  values.runtime = editOf(noDocker === "" ? "docker" : "process");
  values.restart = editOf("always");
  return { values, focus: "name", problems: {}, noDocker, sending: false, refusal: "" };
}

/** "" if some node's container engine works; else the reason of the first node that knows one. */
function whyNoDocker(nodes: readonly NodeResource[]): string {
  const engines = nodes.flatMap((node) => node.runtimes.filter((runtime) => runtime.kind === "docker"));
  if (engines.some((engine) => engine.problem === "")) return "";
  return engines[0]?.problem ?? "no node has a container engine";
}

/** Not asked for a process: it has no image, its ports are its own affair, and the runtime cannot limit it. */
const OF_CONTAINERS: readonly FieldId[] = ["image", "cpu", "memory", "ports"];

/** The fields that are asked for this runtime. */
export function fieldsOf(form: Form): FieldId[] {
  const process = runtimeOf(form) === "process";
  return FIELD_IDS.filter((id) => !(process && OF_CONTAINERS.includes(id)));
}

const runtimeOf = (form: Form): RuntimeKind => (form.values.runtime.text === "process" ? "process" : "docker");

/** True for a field whose answers are a list. */
export function isChoice(id: FieldId): id is keyof typeof CHOICES {
  return id in CHOICES;
}

/** The form one field further or back, around the ends. */
export function moveFocus(form: Form, by: number): Form {
  const fields = fieldsOf(form);
  const at = (fields.indexOf(form.focus) + by + fields.length) % fields.length;
  return { ...checked(form, form.focus), focus: fields[at] ?? "name" };
}

/** What a key does to the focused field. */
export function formKey(form: Form, key: Key): Form {
  if (form.sending) return form;
  const id = form.focus;
  if (isChoice(id)) return chooseKey(form, { id, key });
  const edited = editKey(form.values[id], key);
  return edited === undefined ? form : withValue(form, { id, value: edited });
}

/** Pasted text goes into the focused field, line ends as blanks. */
export function formPaste(form: Form, text: string): Form {
  const id = form.focus;
  if (isChoice(id) || form.sending) return form;
  return withValue(form, { id, value: insert(form.values[id], text) });
}

function chooseKey(form: Form, at: { readonly id: keyof typeof CHOICES; readonly key: Key }): Form {
  const step = { right: 1, space: 1, left: -1 }[at.key.name];
  if (step === undefined || (at.id === "runtime" && form.noDocker !== "")) return form;
  const answers: readonly string[] = CHOICES[at.id];
  const now = answers.indexOf(form.values[at.id].text);
  const next = answers[(now + step + answers.length) % answers.length] ?? "";
  return withValue(form, { id: at.id, value: editOf(next) });
}

function withValue(form: Form, change: { readonly id: FieldId; readonly value: Edit }): Form {
  const { [change.id]: _, ...problems } = form.problems;
  return { ...form, problems, refusal: "", values: { ...form.values, [change.id]: change.value } };
}

/** The form with the problem of one field shown, if it has one and was filled in. */
function checked(form: Form, id: FieldId): Form {
  if (form.values[id].text === "") return form;
  const reading = readField(form, id);
  return reading.ok ? form : { ...form, problems: { ...form.problems, [id]: reading.problem } };
}

function readField(form: Form, id: FieldId): Reading<unknown> {
  const { text } = form.values[id];
  switch (id) {
    case "name":
      return readName(text);
    case "image":
      return readImage(text);
    case "command":
      return readCommand(form);
    case "cpu":
      return readCpu(text);
    case "memory":
      return readBytes(text);
    case "ports":
      return readPorts(text);
    case "env":
      return readEnv(text);
    case "health":
      return readHealth(text);
    case "runtime":
    case "restart":
      return { ok: true, value: text };
  }
}

function readImage(text: string): Reading<string> {
  const image = text.trim();
  if (image === "") return { ok: false, problem: "an image is needed, such as nginx:1.29" };
  return /\s/.test(image) ? { ok: false, problem: "an image has no blanks" } : { ok: true, value: image };
}

function readCommand(form: Form): Reading<string[]> {
  const words = readWords(form.values.command.text);
  if (words.ok && words.value.length === 0 && runtimeOf(form) === "process") {
    return { ok: false, problem: "a process needs a command, such as sleep 60" };
  }
  return words;
}

/** The job that the form describes, or the form with every problem shown and the first of them in focus. */
export function submitForm(form: Form): { readonly form: Form; readonly job: JobSpec | undefined } {
  const problems: Partial<Record<FieldId, string>> = {};
  for (const id of fieldsOf(form)) {
    const reading = readField(form, id);
    if (!reading.ok) problems[id] = reading.problem;
  }
  const first = fieldsOf(form).find((id) => problems[id] !== undefined);
  if (first !== undefined) return { form: { ...form, problems, focus: first }, job: undefined };
  return { form: { ...form, problems: {}, sending: true, refusal: "" }, job: jobOf(form) };
}

/** Only called once every field was read without a problem. */
function jobOf(form: Form): JobSpec {
  const value = <T>(reading: Reading<T>, otherwise: T): T => (reading.ok ? reading.value : otherwise);
  const text = (id: FieldId): string => form.values[id].text;
  const name = text("name").trim();
  const docker = runtimeOf(form) === "docker";
  const task: TaskSpec = {
    ...DEFAULT_TASK,
    runtime: docker ? "docker" : "process",
    image: docker ? text("image").trim() : "",
    command: value(readCommand(form), []),
    env: value(readEnv(text("env")), {}),
    resources: {
      cpuMillis: docker ? value(readCpu(text("cpu")), 0) : 0,
      memoryBytes: docker ? value(readBytes(text("memory")), 0) : 0,
      diskBytes: 0,
    },
    ports: docker ? value(readPorts(text("ports")), []) : [],
    restart: { ...DEFAULT_RESTART, condition: text("restart") as RestartCondition },
    health: value(readHealth(text("health")), null),
  };
  return { name, services: [{ name, count: 1, task }], labels: {} };
}
