// Runs in: manager. Owns: what `ring3 status` and `ring3 explain` answer.

import type { UnitInfo } from "@ring3/control/client-edge";
import type { Explanation } from "@ring3/control/explanation";
import { identityText } from "@ring3/control/fields";
import type { HostUnit } from "@ring3/control/host-edge";
import type { Manifest } from "@ring3/control/manifest";
import type { DeviceMetrics } from "@ring3/control/metrics";
import { takeRuleFor } from "@ring3/control/rules";
import { selectorText } from "@ring3/control/selector";
import type { DeviceStatus } from "@ring3/control/status";
import type { Clock } from "@ring3/core/clock";
import { printable } from "@ring3/core/log";
import { allowedCalls } from "@ring3/kernel/jail/stage-driver";
import { cpuMs, privateBytes } from "@ring3/kernel/process/pidfd";
import type { BusDevice } from "./bus.ts";
import { unitId } from "./claim.ts";
import type { Device } from "./device.ts";
import { type ChosenDriver, rank } from "./drivers.ts";
import { grantedNames, namesOf } from "./granted-requests.ts";
import type { History } from "./history.ts";
import { inFlight } from "./in-flight.ts";
import { holdersOf, inUse, ownerOf } from "./in-use.ts";
import type { Inputs } from "./inputs.ts";
import type { Manager } from "./manager.ts";
import { isWaitedFor } from "./once-free.ts";
import { missingPermissions } from "./udev.ts";

export interface Endpoint {
  readonly kind: string;
  readonly address: string;
}

export function deviceStatus(
  manager: Manager,
  device: Device,
  sandboxed: boolean,
  endpointsOf: (unit: string) => readonly Endpoint[],
): DeviceStatus {
  const { life, bus, driver } = device;
  return {
    id: device.id,
    alias: manager.alias(device),
    identity: identityText(bus.identity),
    name: bus.name,
    bus: bus.bus,
    driver: driver?.manifest.name ?? null,
    class: driver?.manifest.class ?? null,
    placement: driver?.manifest.placement ?? null,
    sandbox: driver === undefined ? null : isJailed(driver, sandboxed) ? driver.manifest.sandbox : "none",
    state: life.state,
    reason: life.reason,
    incarnation: life.incarnation,
    restarts: restartsOf(device),
    hostPid: device.hostPid,
    units: device.units.map(({ index }) => {
      const id = unitId(device.id, index);
      return { id, endpoints: [...endpointsOf(id)] };
    }),
  };
}

export function deviceMetrics(manager: Manager, device: Device): DeviceMetrics {
  const { life, driver, channelHost } = device;
  const { latencies, ...counts } = device.metrics; // as it is now: one look
  return {
    id: device.id,
    alias: manager.alias(device),
    driver: driver?.manifest.name ?? null,
    state: life.state,
    restarts: restartsOf(device),
    ...counts,
    latencies: [...latencies],
    process: channelHost === undefined ? null : usedBy(channelHost.pid),
  };
}

const usedBy = (pid: number) => ({ pid, cpuMs: cpuMs(pid), privateBytes: Math.max(0, privateBytes(pid)) });

const restartsOf = ({ life }: Device): number => Math.max(0, life.incarnation - 1);

export function unitInfo(manager: Manager, device: Device, unit: HostUnit): UnitInfo {
  return {
    unit: unitId(device.id, unit.index),
    device: device.id,
    class: device.driver!.manifest.class,
    alias: manager.alias(device),
    name: printable(unit.name ?? device.bus.name),
    properties: unit.properties,
    operations: unit.operations,
    identity: device.bus.identity,
    enumeration: device.enumeration,
    incarnation: device.life.incarnation,
  };
}

export function explain(
  manager: Manager,
  device: Device,
  {
    sandboxed,
    processors,
    group,
    inputs,
    history,
    clock,
  }: {
    sandboxed: boolean;
    processors: (host: number) => string;
    group: () => string;
    inputs: Pick<Inputs, "permissions">;
    history: History;
    clock: Clock;
  },
): Explanation {
  const { bus, life, driver, host } = device;
  const takeRule = takeRuleFor(manager.config, manager.named(device));
  return {
    id: device.id,
    identity: identityText(bus.identity),
    name: bus.name,
    state: life.state,
    reason: life.reason,
    driver: driver?.manifest.name ?? null,
    ranking: rank(bus.facts, manager.drivers).map((ranked) => {
      const why = device.declined.get(ranked.driver);
      return why === undefined ? ranked : { ...ranked, missed: [...ranked.missed, `declined it: ${why}`] };
    }),
    kernelDriver: ownerOf(device),
    takeRule: takeRule === undefined ? null : selectorText(takeRule),
    holders: holdersOf(device).map(({ node, how, where }) => ({ node, how, where })),
    jail: driver === undefined || !isJailed(driver, sandboxed) ? null : jailOf(driver, bus),
    placement: driver === undefined ? null : placementText(manager, device, driver.manifest),
    processors: host === undefined || isInline(driver) ? null : processors(host.pid),
    missing: [
      ...(driver === undefined
        ? ["a driver that matches"]
        : missingPermissions([...bus.permissions(), ...inputs.permissions([driver.manifest.class])], group)),
      ...manager.lacks,
    ],
    next: nextSteps(device),
    steps: [...history.lastSteps(device)],
    inFlight: inFlight(device, manager.claims, clock),
  };
}

const isInline = (driver: ChosenDriver | undefined) => driver?.manifest.placement === "inline";
const isJailed = (driver: ChosenDriver, sandboxed: boolean) => sandboxed && !isInline(driver);

function placementText(manager: Manager, { id, hostPid }: Device, { name, placement }: Manifest): string {
  if (placement === "isolated") return "isolated: in a process of its own";
  if (placement === "inline")
    return `inline: in a reflector that the driver ${name} has for itself, without isolation; when it dies, so do the connections to its endpoints`;
  const others = manager.devices.filter((other) => other.id !== id && other.hostPid === hostPid);
  const company =
    hostPid === null || others.length === 0 ? "nobody yet" : others.map((other) => other.id).join(", ");
  return `${placement}: in a process that it shares with ${company}; when that dies, all in it start again`;
}

/** In a pool, what all of it may: a process has one filter. */
function jailOf({ manifest, shared }: ChosenDriver, bus: BusDevice): Explanation["jail"] {
  const { sandbox } = manifest;
  const requests = shared === undefined ? grantedNames(manifest, bus) : namesOf(shared.requests);
  return { tier: sandbox, systemCalls: [...allowedCalls(sandbox)], requests: [...requests] };
}

/** What helps where it does not run. */
export function nextSteps(device: Device): string[] {
  const { id } = device;
  switch (device.life.state) {
    case "unmatched":
      return ["install a driver for it: driver_paths in ring3.yaml, or ring3 up --drivers DIR"];
    case "available":
      if (inUse(device) === undefined) return [`ring3 start ${id} --take`, "or a take rule in ring3.yaml"];
      return isWaitedFor(device)
        ? ["end the program that has it open: it is taken then"]
        : [`release it first (umount, swapoff, or end the program), then: ring3 start ${id} --take`];
    case "stopped":
      return [`ring3 start ${id}`];
    case "failed":
    case "quarantined":
      return [`ring3 logs ${id}`, `ring3 restart ${id}`];
    case "stuck":
      return ["unplug the device, or restart the machine: the old driver process hangs in the kernel"];
    case "suspended":
      return [`ring3 resume ${id}`];
    case "gone":
      return ["plug it in again"];
    case "starting":
    case "running":
      return [];
  }
}
