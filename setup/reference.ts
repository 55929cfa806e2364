// Runs in: a developer's shell, `sh setup/node.sh setup/reference.ts`. Owns: docs/reference/, but for its README.md: each page is made of
// the table that the code itself goes by.
import { mkdirSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { manifestSchema } from "@ring3/control/manifest";
import { type SurfaceName, surfaceNames, surfaces } from "@ring3/control/surfaces";
import { isOfAnyLength } from "@ring3/core/ioctl";
import { hostRequests as hidrawRequests } from "@ring3/kernel/hidraw/constants";
import type { ArgumentTest, Verdict } from "@ring3/kernel/jail/seccomp";
import { type Allowance, allowedCalls, hostCalls, unimplemented } from "@ring3/kernel/jail/stage-driver";
import { type Refusal, stageZero } from "@ring3/kernel/jail/stage-zero";
import { hostRequests as usbfsRequests } from "@ring3/kernel/usbfs/constants";

export const referenceFolder = new URL("../docs/reference/", import.meta.url);

/** Each surface's request numbers, as the manager puts them into a driver's filter. */
const numbers: Readonly<Record<SurfaceName, Readonly<Record<string, number>>>> = {
  usb: usbfsRequests,
  hidraw: hidrawRequests,
};

const MADE =
  "<!-- Made by setup/reference.ts: change the table in the code, then run `sh setup/node.sh setup/reference.ts`. -->";

const page = (title: string, ...parts: readonly string[]) =>
  `${[MADE, `# ${title}`, ...parts].join("\n\n")}\n`;
const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");
const code = (text: string) => `\`${text}\``;

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}

/** What is read here of a valibot schema or action. */
interface Shape {
  readonly type: string;
  readonly message?: unknown;
  readonly description?: string;
  readonly pipe?: readonly Shape[];
  readonly wrapped?: Shape;
  readonly default?: unknown;
  readonly entries?: Readonly<Record<string, Shape>>;
  readonly item?: Shape;
  readonly options?: readonly unknown[];
}

/** A pipe begins with what it was made of, which may be a pipe itself. */
const partsOf = (shape: Shape): readonly Shape[] => shape.pipe?.flatMap(partsOf) ?? [shape];
const messageOf = ({ message }: Shape) => (typeof message === "string" ? message : undefined);
const describedBy = (shape: Shape) =>
  partsOf(shape).find(({ type }) => type === "description")?.description ?? "";
/** Rules between the fields of an object. */
const rulesOf = (shape: Shape) =>
  partsOf(shape)
    .filter(({ type }) => type === "check" || type === "partial_check")
    .map((rule) => messageOf(rule) ?? "");

function formOf(shape: Shape): string {
  const rule = partsOf(shape).map(messageOf).find(Boolean);
  switch (shape.type) {
    case "picklist":
      return shape.options!.map((option) => code(String(option))).join(", ");
    case "array":
      return `a list${rule === undefined ? "" : `, ${rule}`}; each: ${formOf(shape.item!)}`;
    case "strict_object":
      return ["an object", ...rulesOf(shape)].join("; ");
    default:
      return rule ?? `a ${shape.type}`;
  }
}

function fieldRows(path: string, given: Shape): string[][] {
  const optional = given.wrapped !== undefined;
  const shape = given.wrapped ?? given;
  const unless = !optional
    ? "required"
    : given.default === undefined
      ? "none"
      : code(JSON.stringify(given.default));
  const inner = shape.type === "array" ? shape.item! : shape;
  const below = shape.type === "array" ? `${path}[]` : path;
  return [
    [code(path), formOf(shape), unless, describedBy(shape)],
    ...Object.entries(inner.entries ?? {}).flatMap(([name, field]) => fieldRows(`${below}.${name}`, field)),
  ];
}

function manifestPage(): string {
  const schema = manifestSchema as unknown as Shape;
  const fields = Object.entries(schema.entries!).flatMap(([name, field]) => fieldRows(name, field));
  return page(
    "driver.json",
    "A driver's manifest: data, never code. Editors complete and check it from `packages/control/driver.schema.json`; `ring3 check DIR` names a\nwrong field with file, line, what was expected and what was found. A field that is not listed here is refused.",
    table(["field", "form", "default", "meaning"], fields),
    `Between fields: ${rulesOf(schema).join("; ")}.`,
  );
}

const hex = (request: number) =>
  `${code(`0x${request.toString(16).padStart(8, "0")}`)}${isOfAnyLength(request) ? ", and the length" : ""}`;

function surfacePage(name: SurfaceName): string {
  const { bus, header, requests } = surfaces[name];
  const rows = Object.entries(requests).map(([request, what]) => [
    code(request),
    hex(numbers[name][request]!),
    what,
  ]);
  return page(
    `Surface ${name}`,
    `\`"grants": ["${name}"]\`: for devices of bus ${code(bus)}. Names: ${code(header)}. Numbers: as on x86-64 and arm64.`,
    table(["request", "number", "what for"], rows),
    `A driver's filter lets ${code("ioctl")} through with these ${rows.length} requests and with no other, or with fewer where its manifest has\n${code("requests")}. It compares the number alone, the length in it left out where the argument may be of any: what lies in the argument's memory no filter can see ([SECURITY.md](../../SECURITY.md) says what\nthat leaves open). A device that is reached through a stream (a simulated or a remote one) has no request at all.`,
  );
}

/** The conditions of the jail's tables in words: a test that has none is one that nobody has documented. */
const words: Readonly<Record<string, string>> = {
  "mmap 3 no-bit 270624": "of a file, neither growing nor locked nor of huge pages",
  "mmap 3 any-bit 32": "anonymous",
  "mmap 3 no-bit 270593": "private, neither growing nor locked nor of huge pages",
  "mmap 2 no-bit 4": "not executable",
  "mprotect 2 no-bit 4": "not executable",
  "tgkill 0 equal 2": "to the process itself",
  "tgkill 2 equal 6": "`SIGABRT`",
  "tgkill 2 equal 7": "`SIGBUS`",
  "tgkill 2 equal 11": "`SIGSEGV`",
  "exit 0 no-bit 128": "with a code below 128",
  "exit_group 0 no-bit 128": "with a code below 128",
  "fcntl 1 equal 1": "`F_GETFD`",
  "fcntl 1 equal 3": "`F_GETFL`",
  "fcntl 1 equal 1034": "`F_GET_SEALS`",
  "clone 0 any-bit 2114060288": "with a flag for a new namespace",
  "clone 0 no-bit 65536": "without `CLONE_THREAD`",
  "socket 0 different 1": "of any family but `AF_UNIX`",
  "socketpair 0 different 1": "of any family but `AF_UNIX`",
  "ioctl 1 equal 21522": "`TIOCSTI`",
  "ioctl 1 equal 21532": "`TIOCLINUX`",
};

function condition(call: string, tests: readonly ArgumentTest[]): string {
  const said = tests.map(({ index, is, value }) => {
    const key = `${call} ${index} ${is} ${value}`;
    const text = words[key];
    if (text === undefined) throw new Error(`setup/reference.ts has no words for the condition "${key}"`);
    return text;
  });
  return said.join(", ");
}

const whenAllowed = ({ call, when }: Allowance) =>
  when === undefined ? "always" : when.map((tests) => condition(call, tests)).join("; or ");

/** "as munmap" stands for what is said there. */
function reason(why: string, all: readonly { call: string; why: string }[]): string {
  const [, other, rest = ""] = /^as (\w+)(.*)$/s.exec(why) ?? [];
  return other === undefined ? why : `${all.find(({ call }) => call === other)!.why}${rest}`;
}

const number = (nr: number | undefined) => (nr === undefined ? "–" : String(nr));
/** os.constants has them as this machine numbers them, which is how the filters do. */
const errnoNames = new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]));
const answer = (verdict: Verdict) =>
  typeof verdict === "object" ? code(errnoNames.get(verdict.errno)!) : String(verdict);

function systemCallsPage(): string {
  const standard = hostCalls("standard");
  const strict = new Map(hostCalls("strict").map((allowance) => [allowance.call, whenAllowed(allowance)]));
  const allowed = standard.map((allowance) => [
    code(allowance.call),
    number(allowance.x64),
    number(allowance.arm64),
    whenAllowed(allowance),
    strict.get(allowance.call) === whenAllowed(allowance) ? "the same" : strict.get(allowance.call)!,
    reason(allowance.why, standard),
  ]);
  const ioctl = [code("ioctl"), "16", "29", "by request: the granted surfaces'", "the same", "the device"];
  const refused = stageZero.map((refusal: Refusal) => [
    code(refusal.call),
    number(refusal.x64),
    number(refusal.arm64),
    refusal.when === undefined ? "always" : condition(refusal.call, refusal.when),
    answer(refusal.verdict),
    reason(refusal.why, stageZero),
  ]);
  const counts = (["standard", "strict"] as const).map(
    (tier) => `${allowedCalls(tier).length} in tier ${tier}`,
  );
  return page(
    "System calls in the jail",
    "A driver host has three filters, one a stage, on top of the one that keeper and manager have themselves; of their answers the strictest counts.\nCalls of another architecture, 32-bit and x32 ones among them, end the process. Conditions are about the low half of an argument; what a pointer points at no filter can see.",
    "## What a driver may call",
    `Stage 2, put on all threads before the driver's code is loaded: ${counts.join(", ")}. Everything else answers ${code("EPERM")}.`,
    table(["call", "x86-64", "arm64", "standard", "strict", "what for"], [...allowed, ioctl]),
    `The requests of ${code("ioctl")}: ${surfaceNames.map((name) => `[${name}](${name}.md)`).join(", ")}. ${code("FIONBIO")} answers with success and does nothing: every descriptor is non-blocking already.\n${unimplemented.map(({ call }) => code(call)).join(", ")} answer ${code("ENOSYS")}: the runtime tries them and does without.`,
    `Stage 1, before a driver is loaded, may call the same; ${code("ioctl")} with the requests of every surface; ${code("prlimit64")} on itself and ${code("seccomp")}, with which it\nenters stage 2.`,
    "## What stage 0 refuses",
    "From before the runtime is started. What is not listed passes this filter, and meets the next.",
    table(["call", "x86-64", "arm64", "when", "answer", "why"], refused),
  );
}

/** By file name. */
export function referencePages(): Readonly<Record<string, string>> {
  return {
    "manifest.md": manifestPage(),
    "system-calls.md": systemCallsPage(),
    ...Object.fromEntries(surfaceNames.map((name) => [`${name}.md`, surfacePage(name)])),
  };
}

if (import.meta.main) {
  mkdirSync(referenceFolder, { recursive: true });
  for (const [file, text] of Object.entries(referencePages()))
    writeFileSync(new URL(file, referenceFolder), text);
}
