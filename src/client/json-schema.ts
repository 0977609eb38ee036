/** Schemas as JSON Schema (2020-12, which OpenAPI 3.1 takes as it is). Pure. Those with a name are referred to by it wherever they stand in others. */
import { z } from "zod";

/** A schema, for those who only carry it. */
export type Schema<T = unknown> = z.ZodType<T>;

/** What a schema accepts is what is described: defaults and coercions count as optional. */
const ACCEPTED = { io: "input", unrepresentable: "any" } as const;

type Json = Record<string, unknown>;

/** Schemas by the names under which a document keeps them. */
export class SchemaNames {
  readonly #names = new Map<Schema, string>();

  constructor(named: Readonly<Record<string, Schema>>) {
    for (const [name, schema] of Object.entries(named)) this.#names.set(schema, name);
  }

  /** All of them, for the document's components. */
  components(): Json {
    return Object.fromEntries(
      Object.entries(this.#jsonWith().schemas).map(([name, schema]) => [name, withoutHead(schema)]),
    );
  }

  /** A schema where it is used. */
  jsonOf(schema: Schema): Json {
    const name = this.#names.get(schema);
    return name ? { $ref: refTo(name) } : withoutHead(this.#jsonWith(schema).schemas[ANONYMOUS]);
  }

  #jsonWith(schema?: Schema): { schemas: Record<string, unknown> } {
    const registry = z.registry<{ id: string }>();
    for (const [named, id] of this.#names) registry.add(named, { id });
    if (schema) registry.add(schema, { id: ANONYMOUS });
    return z.toJSONSchema(registry, { ...ACCEPTED, uri: refTo });
  }
}

const ANONYMOUS = "anonymous";

function refTo(name: string): string {
  return `#/components/schemas/${name}`;
}

/** Parts of a document are no documents of their own. */
function withoutHead(schema: unknown): Json {
  const { $schema: _schema, $id: _id, ...rest } = schema as Json;
  return rest;
}
