// Runs in: lab guest, in tests. Runs programs of the guest; the test goes on meanwhile.
import { execFile } from "node:child_process";
import { within } from "./patience.ts";

const RUN_MS = 12_000; // four of the guest's minutes: a disk's test copies trees

/** What the program wrote to its standard output. Rejects with all that it wrote where it does not end with 0. */
export function run(command: string, ...args: string[]): Promise<string> {
  const ended = new Promise<string>((resolve, reject) => {
    execFile(command, args, { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error)
        reject(new Error(`${command} ${args.join(" ")} (${error.signal ?? error.code}): ${stdout}${stderr}`));
      else resolve(stdout);
    });
  });
  return within(ended, () => `the end of ${command} ${args.join(" ")}`, RUN_MS);
}
