// Runs in: tests. Owns: nothing. The commands of a guide with what they should print, and the comparison with what they did. Pure.

/** A line of a guide. */
export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

export interface Command extends Line {
  /** What it prints; `…` stands for any text within a line, and a line of only that for any number of lines. */
  readonly expected: readonly Line[];
}

export interface Mismatch {
  readonly number: number;
  readonly expected: string;
  readonly found: string;
}

const ANY = "…";
const END = "the end of the output";

/** The blocks fenced with three backticks and this word. */
export function blocks(markdown: string, word: string): Line[][] {
  const found: Line[][] = [];
  let open: Line[] | undefined;
  for (const [index, text] of markdown.split("\n").entries()) {
    if (text.startsWith("```")) {
      if (open === undefined && text === `\`\`\`${word}`) found.push([]);
      open = open === undefined ? (text === `\`\`\`${word}` ? found.at(-1)! : []) : undefined;
    } else open?.push({ number: index + 1, text });
  }
  return found;
}

/** The commands in ```console blocks: lines that begin with "$ ", and those that a backslash joins to them. Throws for output before any. */
export function parseCommands(markdown: string): Command[] {
  return blocks(markdown, "console").flatMap((lines) => {
    const commands: (Line & { expected: Line[] })[] = [];
    for (let at = 0; at < lines.length; at++) {
      const { number, text } = lines[at]!;
      if (text.startsWith("$ ")) {
        let command = text.slice(2);
        while (command.endsWith("\\") && at + 1 < lines.length) command += `\n${lines[++at]!.text}`;
        commands.push({ number, text: command, expected: [] });
      } else if (commands.length > 0) commands.at(-1)!.expected.push({ number, text });
      else throw new Error(`line ${number}: output before the first command: ${text}`);
    }
    return commands;
  });
}

/** What the reader is told to start in another terminal: the first ```sh block. */
export function parseStart(markdown: string): string | undefined {
  return blocks(markdown, "sh")[0]
    ?.map(({ text }) => text)
    .join("\n");
}

const squeezed = (text: string) => text.replaceAll(/[ \t]+/g, " ").trim();

/** Blanks count as one: columns are as wide as what stands in them. */
function fits(expected: string, found: string): boolean {
  const parts = squeezed(expected).split(ANY).map(RegExp.escape);
  return new RegExp(`^${parts.join(".*")}$`, "u").test(squeezed(found));
}

const isAny = ({ text }: Line) => text.trim() === ANY;

/** The first line that does not fit, or undefined. Empty lines at either end do not count. */
export function mismatch({ number, expected }: Command, output: string): Mismatch | undefined {
  const wanted = expected.slice(0, expected.findLastIndex(({ text }) => text.trim() !== "") + 1);
  const found = output.replace(/^\n+|\s+$/g, "").split("\n");
  if (found.length === 1 && found[0] === "") found.pop();
  let worst: { line: number; at: number } = { line: 0, at: 0 };
  /** The lines from `line` on against the output from `at` on. */
  const match = (line: number, at: number): boolean => {
    if (line > worst.line) worst = { line, at };
    if (line === wanted.length) return at === found.length;
    if (isAny(wanted[line]!)) {
      for (let rest = at; rest <= found.length; rest++) if (match(line + 1, rest)) return true;
      return false;
    }
    return at < found.length && fits(wanted[line]!.text, found[at]!) && match(line + 1, at + 1);
  };
  if (match(0, 0)) return undefined;
  const line = wanted[worst.line];
  return {
    number: line?.number ?? (wanted.at(-1)?.number ?? number) + 1,
    expected: line?.text ?? END,
    found: found[worst.at] ?? END,
  };
}
