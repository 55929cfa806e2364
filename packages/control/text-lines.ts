// Runs in: CLI. Owns: nothing. Where lines begin and end in a text that is YAML. Pure.

export type Splice = readonly [start: number, end: number, written: string];

const BYTE_ORDER_MARK = "\ufeff";
const STEP = 2;

export class TextLines {
  readonly text: string;
  /** As its first line ends. */
  readonly eol: string;
  /** So far is what is farther in farther in. */
  readonly step: number;

  constructor(text: string) {
    this.text = text;
    this.eol = /\r?\n/.exec(text)?.[0] ?? "\n";
    const indents = [...text.matchAll(/^( +)[^ #\r\n]/gm)].map(([, { length } = ""]) => length);
    this.step = indents.length === 0 ? STEP : Math.min(...indents);
  }

  /** Of the line that an offset is in. */
  start(offset: number): number {
    const start = offset === 0 ? 0 : this.text.lastIndexOf("\n", offset - 1) + 1;
    return start === 0 && this.text.startsWith(BYTE_ORDER_MARK) ? 1 : start;
  }

  /** The start of the next line, or the text's end. */
  next(offset: number): number {
    const end = this.text.indexOf("\n", offset);
    return end < 0 ? this.text.length : end + 1;
  }

  column(offset: number): number {
    return offset - this.start(offset);
  }

  /** The start of the line behind what ends there and stands in that column, and behind its comments farther in. */
  behind(end: number, column: number): number {
    let next = this.next(end);
    while ((this.#comment(next) ?? 0) > column) next = this.next(next);
    return next;
  }

  /** The start of the line in which something begins, or of comments directly above it in its column. */
  above(start: number): number {
    const column = this.column(start);
    let line = this.start(start);
    while (line > 0 && this.#comment(this.start(line - 1)) === column) line = this.start(line - 1);
    return line;
  }

  /** `lines` as they would stand before that offset, which is where a line begins or the text ends. */
  written(lines: readonly string[], indent: number, offset: number): string {
    const isOpen = this.start(offset) < offset;
    return (isOpen ? this.eol : "") + lines.map((line) => `${" ".repeat(indent)}${line}${this.eol}`).join("");
  }

  /** They do not overlap. */
  spliced(...splices: readonly Splice[]): string {
    let edited = this.text;
    for (const [start, end, written] of splices.toSorted(([a], [b]) => b - a))
      edited = edited.slice(0, start) + written + edited.slice(end);
    return edited;
  }

  /** The column of the comment that a line is; undefined: it is none. */
  #comment(start: number): number | undefined {
    return /^([ \t]*)#/.exec(this.text.slice(start, this.next(start)))?.[1]?.length;
  }
}
