// Runs in: CLI. Owns: the terminal for one command, and its connection to the manager.
import { styleText } from "node:util";
import { connectToManager } from "@ring3/client/connect";
import type { ManagerConnection, ManagerNotices } from "@ring3/client/manager-connection";

export type Colour = "red" | "green" | "yellow" | "dim" | "bold";

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export interface Ring3Options {
  readonly directory: () => string;
  readonly json: boolean;
  readonly out: Output;
  readonly err: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What a command has to work with. */
export class Ring3 {
  readonly #options: Ring3Options;
  readonly json: boolean;
  readonly out: Output;
  readonly err: Output;
  readonly colours: boolean;

  constructor(options: Ring3Options) {
    this.#options = options;
    this.json = options.json;
    this.out = options.out;
    this.err = options.err;
    // no-color.org: set and not empty
    this.colours = options.out.isTTY === true && !options.env.NO_COLOR && options.env.TERM !== "dumb";
  }

  /** Asked for only by verbs that need it: `check` runs where no state directory can be named. */
  get directory(): string {
    return this.#options.directory();
  }

  /** Columns of the terminal; 80 where there is none. */
  get width(): number {
    return this.out.columns || 80; // 0 on a terminal of unknown size
  }

  /** The same terminal, another state directory. */
  at(directory: string): Ring3 {
    return new Ring3({ ...this.#options, directory: () => directory });
  }

  connect(notices: ManagerNotices = {}): ManagerConnection {
    return connectToManager(this.directory, notices);
  }

  print(line: string): void {
    this.out.write(`${line}\n`);
  }

  /** The value with --json, else the text. */
  show(value: unknown, text: string): void {
    this.print(this.json ? JSON.stringify(value) : text);
  }

  paint(colour: Colour, text: string): string {
    return this.colours ? styleText(colour, text, { validateStream: false }) : text;
  }
}
