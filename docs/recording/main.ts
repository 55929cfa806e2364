// Runs in: make recording, Node. Owns: docs/images/recording.svg: a copy that ends well although its disk's driver is killed, and the next one hangs.
// asciinema records a terminal in which session.sh types; termtosvg draws what it has recorded.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { RunningRing3 } from "../../packages/cli/running-ring3.fixture.ts";

const here = import.meta.dirname;
const checkout = join(here, "../..");
const DISK_BYTES = 64 << 20;
/** So many milliseconds for each command of the disk, or there was nothing to be seen of the copy. */
const SLOW_MS = 25;
/** Of the terminal; and the longest that nothing moves in the drawing, in milliseconds. */
const [COLUMNS, ROWS, STILL_MS] = [80, 26, 3000];

await using ring3 = await RunningRing3.start();
const drive = await ring3.plug("stick", "--create", String(DISK_BYTES), "--fault", `slow:${SLOW_MS}`);
await ring3.reached(drive.device, "running");
writeFileSync(drive.image, randomBytes(DISK_BYTES));

const cast = join(ring3.folder, "session.cast");
const size = ["--cols", String(COLUMNS), "--rows", String(ROWS)];
execFileSync("asciinema", ["rec", "--quiet", ...size, "--command", join(here, "session.sh"), cast], {
  cwd: dirname(drive.image),
  stdio: "inherit",
  env: {
    ...process.env,
    PATH: `${checkout}:${process.env.PATH}`,
    NODE: process.execPath,
    RING3_STATE_DIR: ring3.directory,
    TERM: "xterm-256color",
  },
});
const svg = join(here, "../images/recording.svg");
execFileSync("termtosvg", ["render", cast, svg, "--template", "window_frame", "-M", String(STILL_MS)]);
