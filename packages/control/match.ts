// Runs in: manager and CLI. Owns: nothing. Which driver for which device, and why: pure, so that it can be explained.
import { type Manifest, satisfies, sdkVersion, type UsbRule } from "./manifest.ts";

/** One interface of a USB device, as its descriptors have it. */
export interface UsbFacts {
  readonly vendor: number;
  readonly product: number;
  readonly serial: string | null;
  readonly deviceClass: number;
  readonly interfaceClass: number;
  readonly interfaceSubclass: number;
  readonly interfaceProtocol: number;
}

export interface Ranked {
  readonly driver: string;
  readonly version: string;
  /** 0: does not match. */
  readonly score: number;
  /** Of the rule that fits best, or comes nearest: what fits … */
  readonly matched: string[];
  /** … and what does not. */
  readonly missed: string[];
}

interface Fact {
  readonly weight: number;
  readonly digits: 2 | 4;
  wanted(rule: UsbRule): number | string | undefined;
  found(device: UsbFacts): number | string | null;
}

/**
 * From the most telling fact to the least, each worth more than all below it together: a driver for one product wins
 * over one for the vendor, and that over one for a class.
 */
const facts: Readonly<Record<string, Fact>> = {
  serial: { weight: 64, digits: 4, wanted: (rule) => rule.serial, found: (device) => device.serial },
  product: { weight: 32, digits: 4, wanted: (rule) => rule.product, found: (device) => device.product },
  vendor: { weight: 16, digits: 4, wanted: (rule) => rule.vendor, found: (device) => device.vendor },
  "interface.protocol": {
    weight: 8,
    digits: 2,
    wanted: (rule) => rule.interface?.protocol,
    found: (device) => device.interfaceProtocol,
  },
  "interface.subclass": {
    weight: 4,
    digits: 2,
    wanted: (rule) => rule.interface?.subclass,
    found: (device) => device.interfaceSubclass,
  },
  "interface.class": {
    weight: 2,
    digits: 2,
    wanted: (rule) => rule.interface?.class,
    found: (device) => device.interfaceClass,
  },
  deviceClass: {
    weight: 1,
    digits: 2,
    wanted: (rule) => rule.deviceClass,
    found: (device) => device.deviceClass,
  },
};

/**
 * Every driver, best first. Among equals the one that stands earlier in `manifests` wins; the manager lists them by
 * driver path in the order given, its own last, and by name within a path.
 */
export function rankDrivers(device: UsbFacts, manifests: readonly Manifest[]): Ranked[] {
  return manifests.map((manifest) => rank(device, manifest)).sort((a, b) => b.score - a.score); // a stable sort
}

function rank(device: UsbFacts, manifest: Manifest): Ranked {
  const best = manifest.match
    .map(({ usb }) => weigh(device, usb))
    .sort((a, b) => b.score - a.score || b.nearness - a.nearness)[0]!;
  const named = { driver: manifest.name, version: manifest.version };
  if (!satisfies(sdkVersion, manifest.sdk)) {
    return {
      ...named,
      score: 0,
      matched: best.matched,
      missed: [...best.missed, `sdk: this is ${sdkVersion}, the driver wants ${manifest.sdk}`],
    };
  }
  return { ...named, score: best.score, matched: best.matched, missed: best.missed };
}

function weigh(
  device: UsbFacts,
  rule: UsbRule,
): { score: number; nearness: number; matched: string[]; missed: string[] } {
  const asked = Object.entries(facts).filter(([, fact]) => fact.wanted(rule) !== undefined);
  const fits = asked.filter(([, fact]) => fact.wanted(rule) === fact.found(device));
  const misses = asked.filter(([, fact]) => fact.wanted(rule) !== fact.found(device));
  const nearness = fits.reduce((sum, [, fact]) => sum + fact.weight, 0);
  return {
    score: misses.length === 0 ? nearness : 0,
    nearness,
    matched: fits.map(([name, fact]) => `${name}: ${show(fact.found(device), fact.digits)}`),
    missed: misses.map(
      ([name, fact]) =>
        `${name}: the device has ${show(fact.found(device), fact.digits)}, the driver wants ${show(fact.wanted(rule)!, fact.digits)}`,
    ),
  };
}

function show(value: number | string | null, digits: number): string {
  if (value === null) return "none";
  return typeof value === "string" ? `"${value}"` : `0x${value.toString(16).padStart(digits, "0")}`;
}
