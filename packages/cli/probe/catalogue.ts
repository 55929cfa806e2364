// Runs in: CLI. Owns: the list of the escape probes, as packages/host/escape says it.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { sentence } from "@ring3/control/sentence";

/** As packages/host/escape/probe.ts describes it, without what runs. */
export interface Probe {
  readonly group: string;
  readonly name: string;
  readonly denied: readonly string[];
  readonly harmless?: true;
  readonly deadlineMs?: number;
  readonly check?: "logs" | "descriptors";
}
export type Tier = "standard" | "strict";

const list = fileURLToPath(new URL("../../host/escape/list.ts", import.meta.url));

/** Those for a tier of the jail, group by group. */
export function catalogue(tier: Tier): readonly Probe[] {
  const { status, stdout, stderr } = spawnSync(process.execPath, [list], {
    encoding: "utf8",
    maxBuffer: 2 ** 24,
  });
  if (status !== 0) throw sentence("internal", `list the probes: ${stderr}`);
  const all = JSON.parse(stdout) as (Probe & { readonly tier?: Tier })[];
  return all.filter((probe) => probe.tier === undefined || probe.tier === tier);
}
