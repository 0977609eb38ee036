import { describe, expect, test } from "bun:test";
import { type BookTask, DecodeError, decodeEvent } from "../../src/client/book-decode.ts";
import { bookJob, bookJobId, postedTask } from "../../src/client/book-job.ts";

const ID = "bb1d59ef-9fc1-4e4b-a44d-db571eeed203";

function task(fields: object): BookTask {
  return decodeEvent({ Task: { Image: "a", ...fields } }, { unknownFields: "refuse" }).Task;
}

function errorOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

describe("client: the book's task as a job", () => {
  test("a name that no job may have is kept, and comes back as it was posted", () => {
    const posted = task({ ID, Name: "Test chapter 9.1", Cpu: 0.0001, PortBindings: { "80/udp": "" } });
    const spec = bookJob(posted);
    expect([spec.name, bookJobId(posted), postedTask({ spec })]).toEqual(["test-chapter-9-1", ID, posted]);
  });

  test("one without a name is named after its image, and one without an id gets none", () => {
    const posted = task({ Image: "reg:5000/a/Nginx:1" });
    expect([bookJob(posted).name, bookJobId(posted)]).toEqual(["nginx", ""]);
  });

  test("a restart policy is one of the book's, not anything that JavaScript knows", () => {
    for (const RestartPolicy of ["never", "constructor", "toString"])
      expect(errorOf(() => bookJob(task({ RestartPolicy })))).toBeInstanceOf(DecodeError);
  });

  test("a label that somebody wrote by hand is no posted task unless it reads as one", () => {
    const spec = bookJob(task({ Name: "a" }));
    const labels = ["{", "5", '{"Memory":"1g"}'];
    expect(labels.map((text) => postedTask({ spec: { ...spec, labels: { "cube.book": text } } }))).toEqual(
      labels.map(() => undefined),
    );
  });

  test("what is wrong is said in Go's words, and plainly with the field's place and what is near", () => {
    const errors = [{ Imge: "b" }, { Memory: "1g" }, { Disk: 0.5 }, { ID: "abc" }, { StartTime: "now" }].map((fields) =>
      errorOf(() => task(fields)),
    ) as DecodeError[];
    expect(errors.map(({ message, plain, hint }) => [message, plain, hint])).toEqual([
      ['json: unknown field "Imge"', 'unknown field "Task.Imge"', 'did you mean "Image"?'],
      [
        "json: cannot unmarshal string into Go struct field Task.Memory of type int",
        "Task.Memory must be a number, not a text",
        "",
      ],
      [
        "json: cannot unmarshal number 0.5 into Go struct field Task.Disk of type int",
        "Task.Disk must be a whole number, not 0.5",
        "",
      ],
      ["invalid UUID length: 3", 'Task.ID: "abc" is no UUID', ""],
      [
        'parsing time "\\"now\\"" as "\\"2006-01-02T15:04:05Z07:00\\""',
        'Task.StartTime: "now" is no time such as 2006-01-02T15:04:05Z',
        "",
      ],
    ]);
  });
});
