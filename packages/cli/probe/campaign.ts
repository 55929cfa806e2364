// Runs in: CLI. Owns: the run of all probes, one after the other, and the judgement on each.
import { sentence } from "@ring3/control/sentence";
import { printable } from "@ring3/core/log";
import { Arena, type ArenaOptions } from "./arena.ts";
import { Attacker } from "./attacker.ts";
import type { Probe } from "./catalogue.ts";
import { escapeOf } from "./judge.ts";
import { Outside } from "./outside.ts";
import type { GroupResult, Result } from "./report.ts";
import { Victim } from "./victim.ts";

export interface CampaignListener {
  /** Before each probe. */
  runs(probe: Probe, index: number): void;
  /** After the last one of a group. */
  group(result: GroupResult): void;
}

/** `until` ends it early, with an error. */
export async function campaign(
  probes: readonly Probe[],
  options: ArenaOptions,
  listener: CampaignListener,
  until: AbortSignal,
): Promise<Result> {
  await using arena = await Arena.start(options);
  const { jail } = await arena.manager.ask("explain", { device: arena.hostile.device });
  const { sandbox } = await arena.device(arena.hostile);
  if (sandbox !== (options.sandboxed ? options.tier : "none"))
    throw sentence("internal", `the driver runs in a jail of tier ${sandbox}`);
  const allowed = jail?.systemCalls ?? [];
  const victim = new Victim(arena.directory, arena.victim.device);
  const outside = await Outside.of(arena, victim);
  const attacker = new Attacker(arena, await arena.targets(allowed));
  const escaped: string[] = [];
  let group = { group: "", probes: 0, denied: 0 };
  for (const [index, probe] of probes.entries()) {
    until.throwIfAborted();
    if (probe.group !== group.group) group = { group: probe.group, probes: 0, denied: 0 };
    listener.runs(probe, index);
    const why = escapeOf(probe, await attacker.run(probe)) ?? (await outside.harm(probe));
    group.probes++;
    if (why === undefined) group.denied++;
    else escaped.push(printable(`${probe.name}: ${why}`));
    if (probes[index + 1]?.group !== probe.group) listener.group(group);
  }
  await attacker.close();
  const rounds = await victim.end();
  const last =
    (await outside.harm({ check: "descriptors" })) ?? (rounds === 0 ? "it was never served" : undefined);
  if (last !== undefined) escaped.push(printable(`after all: ${last}`));
  return { probes: probes.length, denied: probes.length - escaped.length, escaped, syscalls: allowed.length };
}
