// Runs in: node --test, unit stage. Owns: a temporary folder. Proves that the import table in biome.json refuses what it should.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { after, test } from "node:test";

const root = resolve(import.meta.dirname, "..");

/** One file of each row of the table, what it may import and what it may not. */
const table: Record<string, { may: string[]; mayNot: string[] }> = {
  "packages/core/a.ts": {
    may: ["./b.ts", "@ring3/core/errors"],
    mayNot: ["@ring3/kernel/shm/memory", "valibot", "yaml"],
  },
  "packages/kernel/a.ts": {
    may: ["@ring3/core/errors"],
    mayNot: ["@ring3/channel/ring", "@ring3/control/peer", "valibot"],
  },
  "packages/control/a.ts": {
    may: ["@ring3/core/errors", "valibot", "yaml"],
    mayNot: ["@ring3/kernel/socket/frame-socket"],
  },
  "packages/channel/a.ts": {
    may: ["@ring3/core/errors", "@ring3/kernel/shm/memory", "@ring3/kernel/poll/watch"],
    mayNot: ["@ring3/kernel/usbfs/transport", "@ring3/kernel/open/open", "@ring3/control/peer"],
  },
  "packages/classes/block/contract.ts": {
    may: ["@ring3/core/contract"],
    mayNot: ["@ring3/client", "@ring3/kernel/nbd/codec"],
  },
  "packages/classes/gamepad/picture.ts": {
    may: ["@ring3/core/picture", "./contract.ts"],
    mayNot: ["@ring3/client", "@ring3/cli/text", "@ring3/kernel/uinput/codes"],
  },
  "packages/classes/block/endpoint-nbd.ts": {
    may: ["@ring3/core/errors", "@ring3/kernel/nbd/codec", "@ring3/client/client-end"],
    mayNot: ["@ring3/kernel/open/open", "@ring3/manager/devices", "@ring3/sdk"],
  },
  "packages/sdk/a.ts": {
    may: ["@ring3/kernel/usb/transport", "@ring3/channel/ring", "@ring3/classes/block/contract"],
    mayNot: [
      "@ring3/kernel/open/open",
      "@ring3/classes/block/policy",
      "@ring3/control/peer",
      "@ring3/client",
    ],
  },
  "packages/host/a.ts": {
    may: ["@ring3/sdk", "@ring3/sdk/runtime", "@ring3/control/peer", "@ring3/kernel/jail/seccomp"],
    mayNot: ["@ring3/kernel/open/open", "@ring3/client", "@ring3/manager/devices", "valibot"],
  },
  "packages/client/a.ts": {
    may: ["@ring3/kernel/shm/memory", "@ring3/kernel/socket/frame-socket", "@ring3/classes/block/contract"],
    mayNot: ["@ring3/kernel/usbfs/transport", "@ring3/classes/block/policy", "@ring3/sdk"],
  },
  "packages/reflector/a.ts": {
    may: [
      "@ring3/classes/block/endpoint-nbd",
      "@ring3/client",
      "@ring3/host/host",
      "@ring3/kernel/nbd/codec",
    ],
    mayNot: ["@ring3/kernel/open/open", "@ring3/host/main", "@ring3/manager/devices"],
  },
  "packages/manager/a.ts": {
    may: ["@ring3/kernel/open/open", "@ring3/classes/block/policy", "@ring3/channel/ring"],
    mayNot: ["@ring3/classes/block/endpoint-nbd", "@ring3/host/loader", "@ring3/client", "@ring3/sdk"],
  },
  "packages/keeper/a.ts": {
    may: ["@ring3/control/peer", "@ring3/kernel/socket/frame-socket"],
    mayNot: ["@ring3/kernel/usbfs/transport", "@ring3/kernel/open/open", "@ring3/manager/devices"],
  },
  "packages/cli/a.process.test.ts": {
    may: ["@ring3/client", "@ring3/classes/block/conformance"],
    mayNot: ["@ring3/classes/block/endpoint-nbd", "@ring3/manager/devices"],
  },
  "packages/cli/commands/a.ts": {
    may: ["@ring3/client", "@ring3/control/status", "@ring3/classes/gamepad/picture"],
    mayNot: [
      "@ring3/kernel/open/open",
      "@ring3/manager/devices",
      "@ring3/keeper/main",
      "@ring3/classes/gamepad/policy",
    ],
  },
  "packages/console/server/a.ts": {
    may: ["@ring3/client"],
    mayNot: ["@ring3/manager/devices", "@ring3/kernel/shm/memory"],
  },
  "drivers/x/driver.ts": {
    may: ["@ring3/sdk", "./protocol.ts"],
    mayNot: ["node:fs", "fs", "@ring3/core/errors", "@ring3/sdk/runtime", "@ring3/kernel/native", "yaml"],
  },
  "drivers/x/driver.test.ts": {
    may: ["@ring3/sdk/test", "node:test", "fast-check", "./driver.ts"],
    mayNot: ["@ring3/kernel/native"],
  },
  "sims/x/main.ts": {
    may: ["@ring3/core/struct", "node:net"],
    mayNot: ["@ring3/kernel/usbip/codec", "@ring3/sdk"],
  },
  "examples/x/main.ts": { may: ["@ring3/client"], mayNot: ["@ring3/manager/devices", "@ring3/core/errors"] },
  "packages/manager/time.ts": {
    may: ["@ring3/core/clock"],
    mayNot: [
      "@ring3/kernel/clock/clock",
      "node:timers/promises",
      "node:perf_hooks",
      "@ring3/sdk/test",
      "fast-check",
      "node:test",
    ],
  },
  "packages/manager/main.ts": { may: ["@ring3/kernel/clock/clock"], mayNot: ["@ring3/sdk/test"] },
  "packages/manager/time.test.ts": {
    may: ["@ring3/sdk/test", "node:timers/promises", "node:test"],
    mayNot: ["@ring3/sdk"],
  },
};

const globals = [
  "Date.now()",
  "setTimeout(() => {}, 1)",
  "setInterval(() => {}, 1)",
  "setImmediate(() => {})",
  "performance.now()",
  "Math.random()",
  "process.hrtime()",
];
const timed = ["packages/host/globals.ts", "packages/channel/globals.ts", "drivers/x/globals.ts"];
const untimed = [
  "packages/host/main.ts",
  "packages/host/globals.test.ts",
  "packages/cli/commands/globals.ts",
  "packages/kernel/clock/clock.ts",
  "packages/client/index.ts",
  "packages/host/globals.fixture.ts",
  "sims/x/globals.ts",
];

const folder = realpathSync(mkdtempSync(join(tmpdir(), "ring3-import-rules-")));
after(() => rmSync(folder, { recursive: true }));

function write(path: string, lines: string[]): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), `${lines.join("\n")}\n`);
}

/** What biome refuses, as "file:line". */
function refused(): Set<string> {
  cpSync(join(root, "biome.json"), join(folder, "biome.json"));
  for (const plugin of globSync("setup/*.grit", { cwd: root }))
    cpSync(join(root, plugin), join(folder, plugin));
  for (const [path, { may, mayNot }] of Object.entries(table)) {
    write(
      path,
      [...may, ...mayNot].map((specifier) => `import "${specifier}";`),
    );
  }
  for (const path of [...timed, ...untimed])
    write(
      path,
      globals.map((use) => `${use};`),
    );
  const biome = join(root, "node_modules/.bin/biome");
  const options = [
    "lint",
    "--vcs-enabled=false",
    "--reporter=github",
    "--max-diagnostics=none",
    "--diagnostic-level=error",
  ];
  const run = spawnSync(biome, [...options, "."], { cwd: folder, encoding: "utf8" });
  assert.equal(run.signal, null, run.stderr);
  return new Set(
    [...run.stdout.matchAll(/^::error .*?file=([^,]+),line=(\d+)/gm)].map(
      ([, file, line]) => `${relative(folder, file!)}:${line}`,
    ),
  );
}

const verdicts = refused();

for (const [path, { may, mayNot }] of Object.entries(table)) {
  test(`${path} may import ${may.join(", ")} and nothing of ${mayNot.join(", ")}`, () => {
    const lines = [...may, ...mayNot];
    const allowed = lines.filter((_, index) => !verdicts.has(`${path}:${index + 1}`));
    assert.deepEqual(allowed, may);
  });
}

for (const path of timed) {
  test(`${path} uses the clock or chance: each use is refused`, () => {
    assert.deepEqual(
      globals.filter((_, index) => !verdicts.has(`${path}:${index + 1}`)),
      [],
    );
  });
}

for (const path of untimed) {
  test(`${path} uses the clock or chance: allowed`, () => {
    assert.deepEqual(
      globals.filter((_, index) => verdicts.has(`${path}:${index + 1}`)),
      [],
    );
  });
}

/** What sims are made of, and who may use it. */
const common: Record<string, RegExp> = {
  "sims/usbip": /^sims\//,
  "sims/input": /^sims\/(?!usbip\/)/,
};

test("relative imports stay inside their own package, driver or sim, and what sims have in common", () => {
  const owner = (path: string) => path.split("/").slice(0, 2).join("/");
  const strays = globSync(["packages/**/*.{ts,tsx}", "drivers/**/*.ts", "sims/**/*.ts"], {
    cwd: root,
    exclude: ["**/node_modules"],
  })
    .flatMap((path) =>
      [...readFileSync(join(root, path), "utf8").matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]*)"/g)].map(
        ([, specifier]) => ({
          path,
          target: relative(root, resolve(root, dirname(path), specifier!)),
        }),
      ),
    )
    .filter(({ path, target }) => owner(path) !== owner(target) && !common[owner(target)]?.test(path));
  assert.deepEqual(strays, []);
});
