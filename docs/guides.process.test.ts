// Runs in: node --test. Owns: for each guide the ring3 that it tells the reader to start, in a folder of its own, and a shell for its commands.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { mismatch, parseCommands, parseStart } from "./transcript.ts";

const repository = fileURLToPath(new URL("../", import.meta.url));
/** The longest first. */
const guides = [
  "recovery.md",
  "tracing.md",
  "memory-protection.md",
  "process-isolation.md",
  "safe-driver-architecture.md",
];
/** Where the guides have the reader keep everything. */
const PLACE = "/tmp/ring3-guide";
const PATIENCE_MS = 90_000;
const MARK = "-- next command --";

/** A shell in the repository, as the reader's terminal is one. */
function shell(place: string, args: readonly string[], stdin: "pipe" | "ignore"): ChildProcess {
  return spawn("sh", args, {
    cwd: repository,
    env: { ...process.env, RING3_STATE_DIR: place, NODE_TEST_CONTEXT: undefined },
    stdio: [stdin, "pipe", "inherit"],
    detached: true, // a group of its own: its end is the end of what it started in the foreground
  });
}

/** Resolves once nothing that it started holds its output any more: a demo ends after the shell that it was started from. */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  process.kill(-child.pid!, signal);
  await once(child, "close");
}

/** Resolves once it has said how to go on. */
async function begun(demo: ChildProcess): Promise<void> {
  for await (const line of createInterface({ input: demo.stdout! }))
    if (line.startsWith("Try, in another terminal")) return void demo.stdout!.resume();
  assert.fail("the demo ended");
}

class Terminal {
  readonly #shell: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(place: string) {
    this.#shell = shell(place, [], "pipe");
    this.#lines = createInterface({ input: this.#shell.stdout! })[Symbol.asyncIterator]();
    this.#shell.stdin!.write("exec 2>&1\n");
  }

  /** What it prints until it is done. */
  async run(command: string): Promise<string> {
    this.#shell.stdin!.write(`{ ${command}\n} < /dev/null\nprintf '\\n%s\\n' '${MARK}'\n`);
    let output = "";
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done || value === MARK) return output;
      output += `${value}\n`;
    }
  }

  end(): Promise<void> {
    return end(this.#shell, "SIGKILL");
  }
}

suite("guides", { concurrency: 2 }, () => {
  for (const guide of guides)
    test(`${guide}: its commands print what it says`, { timeout: PATIENCE_MS }, async (t) => {
      const markdown = readFileSync(join(import.meta.dirname, guide), "utf8");
      const start = parseStart(markdown)!;
      const place = mkdtempSync(join(tmpdir(), "r3-guide-")); // a socket's path takes 107 bytes
      const demo = shell(place, ["-c", start.replaceAll(PLACE, place)], "ignore");
      const terminal = new Terminal(place);
      t.after(async () => {
        await terminal.end();
        await end(demo, "SIGTERM");
        rmSync(place, { recursive: true, force: true });
      });
      await begun(demo);
      for (const command of parseCommands(markdown)) {
        const output = await terminal.run(command.text.replaceAll(PLACE, place));
        const found = mismatch(command, output);
        if (found === undefined) continue;
        assert.fail(
          `docs/${guide}:${found.number}: after "${command.text}"\nexpected: ${found.expected}\nfound:    ${found.found}\nall of it:\n${output}`,
        );
      }
    });
});
