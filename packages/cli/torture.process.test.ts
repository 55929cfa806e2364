// Runs in: tests. Owns: each one `ring3 torture`, and the ring3 that it starts.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { descendants } from "./process-tree.fixture.ts";
import { passed, type Result } from "./torture/report.ts";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function torture(...args: string[]) {
  const child = spawn(process.execPath, [main, "torture", ...args], {
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  const said = { out: "", err: "" };
  child.stdout.on("data", (text) => {
    said.out += text;
  });
  child.stderr.on("data", (text) => {
    said.err += text;
  });
  const ended = once(child, "close").then(([code]): Ended => ({ code: code as number | null, ...said }));
  return { child, ended };
}

const resultOf = ({ out, err }: Ended): Result => {
  assert.notEqual(out, "", err);
  return JSON.parse(out);
};
/** Everything that must be 0 is. */
function spotless(result: Result): void {
  const { lostRequests, corruptReplies, managerDeaths, reflectorDeaths, verified, wrong } = result;
  const harm = { lostRequests, corruptReplies, managerDeaths, reflectorDeaths, verified };
  const none = { lostRequests: 0, corruptReplies: 0, managerDeaths: 0, reflectorDeaths: 0, verified: true };
  assert.deepEqual(harm, none, wrong.join("\n"));
}

test("300 mixed faults: every request is accounted for, and all but a few faults recovered from", async (t) => {
  const seed = String(process.env.RING3_SEED ?? Date.now() % 2 ** 32);
  t.diagnostic(`RING3_SEED=${seed}`);
  const ended = await torture("--seed", seed, "--faults", "300", "--json").ended;
  const result = resultOf(ended);
  spotless(result);
  assert.deepEqual([ended.err, result.faults], ["", 300]);
  // Deadlines of 100 ms: on a machine that has better to do, drivers are also ended that were only late, now and then often enough to matter.
  assert.ok(result.recovered >= 0.98 * result.recoverable, result.wrong.join("\n"));
  assert.equal(ended.code, passed(result) ? 0 : 1);
  assert.ok(result.crashes + result.hangs >= 15, `${result.crashes} crashes and ${result.hangs} hangs`);
  t.diagnostic(`${result.crashes} crashes, ${result.hangs} hangs, ${result.requests} requests`);
});

test("those that are rare: another disk, power losses, the reflector's death, poison and quarantine", async () => {
  const rare = ["another-disk", "power-loss", "unplugged", "vanished", "garbage-descriptors"];
  const only = [...rare, "reflector-killed", "poison", "quarantine"].join(",");
  // None of them is a hang; a driver that is only late on a busy machine is not to be taken for one.
  const ended = await torture("--seed", "1", "--faults", "8", "--only", only, "--hang", "3000", "--json")
    .ended;
  const result = resultOf(ended);
  spotless(result);
  assert.equal(ended.err, "");
  assert.deepEqual([result.recovered, result.recoverable], [6, 6], result.wrong.join("\n"));
  assert.ok(result.quarantined >= 1);
  assert.equal(ended.code, 0);
});

test("asked to end it says where it stopped and how to go on, leaves nothing behind, and goes on there", async () => {
  const before = readdirSync(tmpdir());
  const { child, ended } = torture("--seed", "3", "--faults", "100000", "--only", "throw,slow");
  await once(child.stdout, "data"); // it has begun
  child.kill("SIGINT");
  const { code, out, err } = await ended;
  assert.equal(code, 1);
  const [, next, again] =
    /^ring3 torture: ended by SIGINT before fault (\d+); go on with: ring3 torture --seed 3 --faults 100000 --from (\d+) --only throw,slow\n$/.exec(
      err,
    ) ?? assert.fail(err);
  assert.equal(next, again);
  assert.match(out, new RegExp(`^seed 3: faults 0 to 99999, on \\d+ disks\nfaults +${next}, of seed 3\n`));
  const left = readdirSync(tmpdir()).filter((name) => name.startsWith("ring3-torture-"));
  assert.deepEqual(
    left.filter((name) => !before.includes(name)),
    [],
  );
  const to = String(Number(next) + 3);
  const more = await torture("--seed", "3", "--faults", to, "--from", next!, "--only", "throw,slow", "--json")
    .ended;
  assert.deepEqual([more.code, resultOf(more).faults], [0, 3]);
});

test("its ring3 is killed: it says at which fault, what was counted until then, and where all is kept", async () => {
  const { child, ended } = torture("--seed", "4", "--faults", "100000", "--only", "slow");
  await once(child.stdout, "data"); // it has begun
  const isKeeper = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("keeper.cjs");
  process.kill(descendants(child.pid!).find(isKeeper)!, "SIGKILL");
  const { code, err } = await ended;
  assert.equal(code, 1);
  const counted =
    "until then \\d+ faults, \\d+ crashes, \\d+ hangs, \\d+ of \\d+ recovered, 0 lost and 0 corrupt of \\d+ requests";
  const said = new RegExp(
    `^ring3 torture: ring3 ended \\(SIGKILL\\) at fault \\d+; it said: .*; ${counted}; what ring3 has written is kept in (\\S+)\n$`,
    "s",
  );
  const [, folder] = said.exec(err) ?? assert.fail(err);
  rmSync(folder!, { recursive: true });
});

describe("wrong usage", () => {
  const refused: Readonly<Record<string, readonly [args: readonly string[], said: RegExp]>> = {
    "no seed": [[], /--seed: expected a number, found none/],
    "a seed that is no number": [
      ["--seed", "x1"],
      /--seed: expected a whole number from 0 to 4294967295, found "x1"/,
    ],
    "a seed beyond 32 bits": [["--seed", "4294967296"], /--seed: expected .* found "4294967296"/],
    "no faults at all": [["--seed", "1", "--faults", "0"], /--faults: expected a whole number from 1 /],
    "half a fault": [["--seed", "1", "--faults", "0.5"], /--faults: expected .* found "0.5"/],
    "a beginning behind the end": [
      ["--seed", "1", "--faults", "5", "--from", "5"],
      /--from: expected less than the 5 faults of the campaign, found 5/,
    ],
    "a fault that does not exist": [
      ["--seed", "1", "--only", "sigkil"],
      /--only: there is no fault "sigkil"; did you mean "sigkill"\?; see: ring3 torture --list/,
    ],
  };
  for (const [what, [args, said]] of Object.entries(refused))
    test(`${what} is told, with exit code 2`, async () => {
      const { code, err } = await torture(...args).ended;
      assert.equal(code, 2);
      assert.match(err, said);
    });
});
