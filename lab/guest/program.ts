// Runs in: lab guest, in tests. Runs programs of the guest; the test goes on meanwhile.
import { execFile } from "node:child_process";

/** What the program wrote to its standard output. Rejects with all that it wrote where it does not end with 0. */
export function run(command: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error)
        reject(new Error(`${command} ${args.join(" ")} (${error.signal ?? error.code}): ${stdout}${stderr}`));
      else resolve(stdout);
    });
  });
}
