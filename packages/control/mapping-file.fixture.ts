// Runs in: tests. Owns: nothing. Any mapping file in lines, in whatever way it is written, and which lines are whose.
import fc from "fast-check";

/** A binding's own lines, the comments directly above it among them. */
export interface WrittenBinding {
  readonly control: string;
  readonly action: unknown;
  readonly text: string;
  readonly comments: readonly string[];
}
export interface WrittenFile {
  readonly eol: string;
  readonly head: string;
  readonly profiles: readonly {
    readonly name: string;
    readonly head: string;
    readonly bindings: readonly WrittenBinding[];
    readonly tail: string;
  }[];
  readonly tail: string;
}

/** Its text, cut before and behind each binding. */
export const piecesOf = ({ head, profiles, tail }: WrittenFile): string[] => [
  head,
  ...profiles.flatMap(({ head, bindings, tail }) => [head, ...bindings.map(({ text }) => text), tail]),
  tail,
];

const controls = ["south", "east", "north", "leftStickUp", "select + start", "mode"];
/** `$` is a comment or nothing, `>` one step farther in. */
const actions: readonly (readonly [written: readonly string[], action: unknown])[] = [
  [[" KEY_A$"], "KEY_A"],
  [["    'KEY_A'$"], "KEY_A"],
  [[' "KEY_B" $'], "KEY_B"],
  [[" nothing$"], "nothing"],
  [[" [KEY_A,KEY_B]$"], ["KEY_A", "KEY_B"]],
  [[" {press: KEY_A, turbo: 5}$"], { press: "KEY_A", turbo: 5 }],
  [[" !!str KEY_A$"], "KEY_A"],
  [[" &own KEY_A$"], "KEY_A"],
  [["$", ">KEY_A$"], "KEY_A"],
  [[" |-$", ">KEY_A"], "KEY_A"],
  [["$", ">press: KEY_A$", ">turbo: 5$"], { press: "KEY_A", turbo: 5 }],
  [
    ["$", ">- KEY_A$", ">- KEY_B$"],
    ["KEY_A", "KEY_B"],
  ],
  [
    [" [ $", ">KEY_A,$", ">KEY_B ]$"],
    ["KEY_A", "KEY_B"],
  ],
  [["$", ">macro:$", ">  - press: KEY_A$", ">  - KEY_B$"], { macro: [{ press: "KEY_A" }, "KEY_B"] }],
];
const keys = [(name: string) => `${name}:`, (name: string) => `"${name}":`, (name: string) => `${name}  :`];

const comment = fc.nat().map((number) => `# c${number} 'é: {`);
const mark = fc.option(comment, { nil: "" });

const binding = (control: string, indent: string, eol: string): fc.Arbitrary<WrittenBinding> =>
  fc
    .record({
      above: fc.array(comment, { maxLength: 2 }),
      blank: fc.boolean(),
      key: fc.constantFrom(...keys),
      action: fc.constantFrom(...actions),
      marks: fc.array(mark, { minLength: 4, maxLength: 4 }),
    })
    .map(({ above, blank, key, action: [written, action], marks }) => {
      const comments = written.map((line, at) => (line.endsWith("$") ? marks[at]! : ""));
      const lines = written.map((line, at) => {
        const placed = line.startsWith(">") ? `${indent}  ${line.slice(1)}` : line;
        return placed.replace("$", comments[at] === "" ? "" : ` ${comments[at]}`);
      });
      const own = `${indent}${key(control)}${lines.join(eol)}${eol}`;
      const blankLine = blank ? eol : ""; // what stands above it is not directly above
      const over = above.map((line) => `${indent}${line}${eol}`).join("");
      return {
        control,
        action,
        text: over + own + blankLine,
        comments: [...above, ...comments.filter(Boolean)],
      };
    });

export const anyFile: fc.Arbitrary<WrittenFile> = fc
  .record({
    eol: fc.constantFrom("\n", "\r\n"),
    step: fc.constantFrom(2, 3, 4),
    mark: fc.constantFrom("", "\ufeff"),
    counts: fc.array(fc.integer({ min: 1, max: controls.length }), { minLength: 1, maxLength: 3 }),
    comments: fc.array(comment, { minLength: 9, maxLength: 9 }),
    isLast: fc.boolean(),
  })
  .chain(({ eol, step, mark, counts, comments, isLast }) => {
    const lines = (...texts: string[]) => texts.map((text) => text + eol).join("");
    const indent = (steps: number) => " ".repeat(steps * step);
    const head =
      mark +
      lines(comments[0]!, `devices:   ${comments[1]}`, `${indent(1)}- for: {class: gamepad} ${comments[2]}`) +
      lines(`${indent(1)}  profiles:`);
    const inner = (steps: number) => `${indent(1)}  ${indent(steps)}`;
    const profile = (count: number, at: number) =>
      fc
        .tuple(...controls.slice(0, count).map((control) => binding(control, inner(3), eol)))
        .map((bindings) => ({
          name: `p${at}`,
          head: lines(`${inner(1)}p${at}: ${comments[3 + at]}`, "", `${inner(2)}buttons: ${comments[6]}`),
          bindings,
          tail: lines(`${inner(2)}${comments[7]}`, `${inner(2)}axes:  {leftStick: {to: mouse}}`),
        }));
    return fc.tuple(...counts.map(profile)).map((profiles) => ({
      ...{ eol, head, profiles },
      tail: isLast ? comments[8]! : lines("", comments[8]!, "...", comments[8]!),
    }));
  });
