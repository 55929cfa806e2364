// Runs in: manager and CLI. Owns: nothing. YAML and JSON files that people write, with the line of everything wrong in them.
import { DeviceError } from "@ring3/core/errors";
import { printable } from "@ring3/core/log";
import * as v from "valibot";
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from "yaml";
import { expectedText, foundText, isMissingField, isUnknownField } from "./issues.ts";
import { nearest } from "./nearest.ts";

export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** "take.0.usb"; empty for the document itself. */
  readonly path: string;
  readonly expected: string;
  readonly found: string;
  readonly hint?: string;
}

/** Thrown for a file that is not as its schema says; the message has one line a problem. */
export class DocumentError extends DeviceError {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super("invalid", problems.map(problemText).join("\n"));
    this.problems = problems;
    this.message = problems.map(problemText).join("\n");
  }
}

export const problemText = (problem: Problem): string =>
  `${problem.file}:${problem.line}:${problem.column}: ${saidOf(problem)}`;

/** Without the place, which nobody can look up where the text is not in a file. */
export function saidOf({ path, expected, found, hint }: Problem): string {
  const said = `expected ${expected}, found ${found}${hint === undefined ? "" : ` (${hint})`}`;
  return path === "" ? said : `${path}: ${said}`;
}

type At = (offset: number) => Pick<Problem, "file" | "line" | "column">;

const mostProblems = 10;
/** More than any manifest or configuration needs; a bound for what an outside driver's folder may hold. */
const maxLength = 1024 * 1024;

/** What somebody most likely meant by a value that is not allowed; undefined: nobody knows. */
export type Hint = (issue: v.BaseIssue<unknown>) => string | undefined;

/** The value of a YAML or JSON text (JSON is YAML) that fits `schema`; throws DocumentError otherwise. */
export function readDocument<S extends v.GenericSchema>(
  text: string,
  file: string,
  schema: S,
  whenEmpty?: unknown,
  meant: Hint = () => undefined,
): v.InferOutput<S> {
  const lines = new LineCounter();
  const at: At = (offset) => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  if (text.length > maxLength) {
    throw new DocumentError([
      { ...at(0), path: "", expected: `at most ${maxLength} characters`, found: String(text.length) },
    ]);
  }
  // "error": warnings are in `document`, and none is to go round to the standard error of whoever reads a stranger's file.
  const options = { lineCounter: lines, prettyErrors: false, uniqueKeys: true, logLevel: "error" } as const;
  const document = parseDocument(text, options);
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0)
    throw new DocumentError(
      broken.slice(0, mostProblems).map((error) => ({ ...at(error.pos[0]), ...syntaxProblem(error) })),
    );
  refusePassedOver(document, at);
  const value = plainValue(document, at);
  if (Array.isArray(value))
    throw new DocumentError([{ ...at(0), path: "", expected: "an object", found: "a list" }]);
  const parsed = v.safeParse(schema, value ?? whenEmpty);
  if (parsed.success) return parsed.output;
  throw new DocumentError(
    parsed.issues.slice(0, mostProblems).map((issue) => {
      const path = (issue.path ?? []).map((item) => item.key);
      return {
        ...at(offsetOf(document, path, isUnknownField(issue) || issue.path?.at(-1)?.origin === "key")),
        ...schemaProblem(document, schema, issue, path, value, meant),
      };
    }),
  );
}

/** What valibot's records pass over without a word, since it can mean something else in JavaScript. */
const passedOver = ["__proto__", "prototype", "constructor"];

function refusePassedOver(document: Document, at: At): void {
  const problems: Problem[] = [];
  visit(document, {
    Pair(_, { key }) {
      if (isScalar(key) && passedOver.includes(String(key.value)))
        problems.push({
          ...at(start(key) ?? 0),
          path: "",
          expected: "another name",
          found: `"${key.value}"`,
        });
    },
  });
  if (problems.length > 0) throw new DocumentError(problems.slice(0, mostProblems));
}

function plainValue(document: Document, at: At): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new DocumentError([
      { ...at(0), path: "", expected: "aliases that resolve", found: (error as Error).message },
    ]);
  }
}

function syntaxProblem(error: {
  code: string;
  message: string;
}): Pick<Problem, "path" | "expected" | "found"> {
  const duplicate = error.code === "DUPLICATE_KEY";
  return {
    path: "",
    expected: duplicate ? "each field once" : "YAML or JSON",
    found: duplicate ? "a field twice" : printable(error.message, 200),
  };
}

function schemaProblem(
  document: Document,
  schema: v.GenericSchema,
  issue: v.BaseIssue<unknown>,
  keys: readonly unknown[],
  value: unknown,
  meant: Hint,
): Pick<Problem, "path" | "expected" | "found" | "hint"> {
  const path = keys.map(String).join(".");
  if (isUnknownField(issue)) {
    const known = fieldsAt(schema, keys.slice(0, -1), value);
    return {
      path,
      expected: `one of the fields ${known.join(", ")}`,
      found: `"${printable(String(keys.at(-1)), 60)}"`,
      ...didYouMean(nearest(String(keys.at(-1)), known)),
    };
  }
  if (isMissingField(issue)) return { path, expected: `a field "${String(keys.at(-1))}"`, found: "none" };
  const written = issue.type === "string" ? sourceOf(document, keys) : undefined;
  const hint =
    written === undefined ? didYouMean(meant(issue)) : { hint: `in quotes it is text: "${written}"` };
  return { path, expected: expectedText(issue), found: foundText(issue), ...hint };
}

const didYouMean = (name: string | undefined) =>
  name === undefined ? {} : { hint: `did you mean "${name}"?` };

/** The offset of the value at a path, of the nearest thing above it that exists, or of the key itself. */
function offsetOf(document: Document, path: readonly unknown[], wantsKey: boolean): number {
  let node: unknown = document.contents;
  let offset = start(node) ?? 0;
  for (const [index, key] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    const pair = isMap(node)
      ? node.items.find((item) => String(isScalar(item.key) ? item.key.value : item.key) === String(key))
      : undefined;
    const last = index === path.length - 1;
    node =
      pair === undefined
        ? isSeq(node)
          ? node.items[Number(key)]
          : undefined
        : last && wantsKey
          ? pair.key
          : (pair.value ?? pair.key);
    offset = start(node) ?? offset;
  }
  return offset;
}

function start(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

/** A number, boolean or null as it stands in the file: 007 is not 7 to whoever meant a serial number. */
function sourceOf(document: Document, path: readonly unknown[]): string | undefined {
  const node = document.getIn(path as unknown[], true);
  return isScalar(node) && typeof node.value !== "string" ? node.source : undefined;
}

/** The field names that a schema has at a path of a value. */
function fieldsAt(schema: v.GenericSchema, path: readonly unknown[], value: unknown): string[] {
  const inner = schema as {
    wrapped?: v.GenericSchema;
    getter?: (value: unknown) => v.GenericSchema;
    item?: v.GenericSchema;
    value?: v.GenericSchema;
    entries?: Record<string, v.GenericSchema>;
  };
  if (inner.wrapped !== undefined) return fieldsAt(inner.wrapped, path, value);
  if (inner.getter !== undefined) return fieldsAt(inner.getter(value), path, value);
  if (path.length === 0) return Object.keys(inner.entries ?? {});
  const next = inner.entries?.[String(path[0])] ?? inner.item ?? inner.value;
  const below = (value as Record<string, unknown> | null | undefined)?.[String(path[0])];
  return next === undefined ? [] : fieldsAt(next, path.slice(1), below);
}
