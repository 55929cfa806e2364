// Runs in: CLI. Owns: the processes that check one driver folder.
import { spawn } from "node:child_process";
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseManifest } from "@ring3/control/manifest";
import { sentence } from "@ring3/control/sentence";
import type { Command } from "../command.ts";
import { ended } from "../lines.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

interface Finding {
  readonly check: "manifest" | "types" | "tests";
  readonly ok: boolean;
  readonly output: string;
}

export default {
  summary: "checks the manifest, types and tests of one driver",
  usage: "DIR",
  options: {},
  words: [1, 1],
  details: "DIR is a driver's folder: driver.json, driver.ts and its tests, in the repository or outside.",
  async run(ring3, { words }) {
    const folder = resolve(words[0]!);
    if (!existsSync(folder)) throw sentence("invalid", `check ${folder}: there is no such folder`);
    const findings = [manifest(folder), await types(folder), await tests(folder)];
    const line = ({ check, ok, output }: Finding) => {
      const verdict = ok ? ring3.paint("green", "ok    ") : ring3.paint("red", "failed");
      return `${verdict} ${check}${output === "" || ok ? "" : `\n${output}`}`;
    };
    ring3.show({ folder, checks: findings }, findings.map(line).join("\n"));
    return findings.every(({ ok }) => ok) ? 0 : 1;
  },
} satisfies Command;

function manifest(folder: string): Finding {
  const file = join(folder, "driver.json");
  try {
    const { name } = parseManifest(readFileSync(file, "utf8"), file);
    const problems = [
      ...(name === basename(folder)
        ? []
        : [`${file}: name: expected the folder's name "${basename(folder)}", found "${name}"`]),
      ...(existsSync(join(folder, "driver.ts")) ? [] : [`${folder}: driver.ts is missing`]),
    ];
    return { check: "manifest", ok: problems.length === 0, output: problems.join("\n") };
  } catch (error) {
    return { check: "manifest", ok: false, output: (error as Error).message };
  }
}

/** Against the sdk's declarations, and without Node's types: what a driver may use in its jail. */
async function types(folder: string): Promise<Finding> {
  const project = join(root, "build", `check-${process.pid}`);
  mkdirSync(project, { recursive: true });
  try {
    writeFileSync(
      join(project, "tsconfig.json"),
      JSON.stringify({
        extends: join(root, "drivers/tsconfig.json"),
        include: [join(folder, "**/*.ts")],
        exclude: [join(folder, "**/*.test.ts"), join(folder, "**/*.fixture.ts")],
      }),
    );
    return {
      check: "types",
      ...(await output([join(root, "node_modules/typescript/bin/tsc"), "-p", project])),
    };
  } finally {
    rmSync(project, { recursive: true });
  }
}

async function tests(folder: string): Promise<Finding> {
  const files = globSync("**/*.test.ts", { cwd: folder }).map((file) => join(folder, file));
  if (files.length === 0)
    return {
      check: "tests",
      ok: false,
      output: `${folder}: no *.test.ts file: a driver has tests beside it`,
    };
  return { check: "tests", ...(await output(["--test", ...files])) };
}

async function output(args: readonly string[]): Promise<{ ok: boolean; output: string }> {
  const child = spawn(process.execPath, [...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  const how = await ended(child);
  return { ok: how === "exit code 0", output: Buffer.concat(chunks).toString().trimEnd() };
}
