/** Text of a streamed body, cut into lines and into server-sent events. */

/** Lines without their ends; the last one also when nothing ends it. */
export async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

/** A server-sent event; comments are left out. */
export interface ServerSentEvent {
  readonly name: string;
  readonly data: string;
}

/** Events of a text/event-stream (WHATWG HTML, section 9.2.6), as far as Cube's own streams use it. An event that broke off is dropped. */
export async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncIterable<ServerSentEvent> {
  let name = "message";
  let data: string[] = [];
  for await (const line of linesOf(body)) {
    if (line === "") {
      if (data.length > 0) yield { name, data: data.join("\n") };
      name = "message";
      data = [];
    } else if (line.startsWith("event:")) name = line.slice(6).trimStart();
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
}
