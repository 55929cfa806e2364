// Runs in: manager. Owns: what `ring3 status` and `ring3 explain` answer.

import type { Explanation, UnitInfo } from "@ring3/control/client-edge";
import { identityText } from "@ring3/control/fields";
import type { Manifest } from "@ring3/control/manifest";
import { takeRuleFor } from "@ring3/control/rules";
import { selectorText } from "@ring3/control/selector";
import type { DeviceStatus } from "@ring3/control/status";
import { allowedCalls } from "@ring3/kernel/jail/stage-driver";
import type { BusDevice } from "./bus.ts";
import { unitId } from "./claims.ts";
import type { Device } from "./device.ts";
import { rank } from "./drivers.ts";
import { grantedNames } from "./granted-requests.ts";
import type { HostUnit } from "./host-units.ts";
import { holdersOf, inUse, type Manager, ownerOf } from "./manager.ts";

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
    sandbox: driver === undefined ? null : sandboxed ? driver.manifest.sandbox : "none",
    state: life.state,
    reason: life.reason,
    incarnation: life.incarnation,
    restarts: Math.max(0, life.incarnation - 1),
    hostPid: device.hostPid,
    units: device.units.map(({ index }) => {
      const id = unitId(device.id, index);
      return { id, endpoints: [...endpointsOf(id)] };
    }),
  };
}

export function unitInfo(manager: Manager, device: Device, unit: HostUnit): UnitInfo {
  return {
    unit: unitId(device.id, unit.index),
    device: device.id,
    class: device.driver!.manifest.class,
    alias: manager.alias(device),
    name: device.bus.name,
    properties: unit.properties,
    operations: unit.operations,
    identity: device.bus.identity,
    enumeration: device.enumeration,
    incarnation: device.life.incarnation,
  };
}

export function explain(manager: Manager, device: Device, sandboxed: boolean): Explanation {
  const { bus, life, driver } = device;
  const takeRule = takeRuleFor(manager.config, manager.named(device));
  return {
    id: device.id,
    identity: identityText(bus.identity),
    name: bus.name,
    state: life.state,
    reason: life.reason,
    driver: driver?.manifest.name ?? null,
    ranking: rank(bus.facts, manager.drivers),
    kernelDriver: ownerOf(device),
    takeRule: takeRule === undefined ? null : selectorText(takeRule),
    holders: holdersOf(device).map(({ node, how, where }) => ({ node, how, where })),
    jail: driver === undefined || !sandboxed ? null : jailOf(driver.manifest, bus),
    missing: [...(driver === undefined ? ["a driver that matches"] : []), ...manager.lacks],
    next: nextSteps(device),
  };
}

function jailOf(manifest: Manifest, bus: BusDevice): Explanation["jail"] {
  const { sandbox } = manifest;
  return {
    tier: sandbox,
    systemCalls: [...allowedCalls(sandbox)],
    requests: [...grantedNames(manifest, bus)],
  };
}

function nextSteps(device: Device): string[] {
  const { id } = device;
  switch (device.life.state) {
    case "unmatched":
      return ["install a driver for it: driver_paths in ring3.yaml, or ring3 up --drivers DIR"];
    case "available":
      return inUse(device) === undefined
        ? [`ring3 start ${id} --take`, "or a take rule in ring3.yaml"]
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
