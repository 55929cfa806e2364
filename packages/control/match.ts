// Runs in: manager and CLI. Owns: nothing. Which driver for which device, and why: pure, so that it can be explained.
import {
  type HidRule,
  type Manifest,
  type MatchRule,
  satisfies,
  sdkVersion,
  type UsbRule,
} from "./manifest.ts";

/** One interface of a USB device, as its descriptors have it. */
export interface UsbFacts {
  readonly bus: "usb";
  readonly vendor: number;
  readonly product: number;
  readonly serial: string | null;
  readonly deviceClass: number;
  readonly interfaceClass: number;
  readonly interfaceSubclass: number;
  readonly interfaceProtocol: number;
}

/** A HID device, as the kernel has found it. */
export interface HidFacts {
  readonly bus: "hid";
  readonly bustype: number;
  readonly vendor: number;
  readonly product: number;
  readonly serial: string | null;
  /** Of the outermost collections of its report descriptor: page and usage in one number, the page above. */
  readonly usages: readonly number[];
}

/** What match rules look at. */
export type DeviceFacts = UsbFacts | HidFacts;

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

/** Several values: any of them will do. */
type Found = number | string | null | readonly number[];

interface Fact<Rule, Facts> {
  readonly weight: number;
  readonly digits: 2 | 4;
  wanted(rule: Rule): number | string | undefined;
  found(device: Facts, rule: Rule): Found;
}
type FactsOf<Rule, Facts> = Readonly<Record<string, Fact<Rule, Facts>>>;

/**
 * From the most telling fact to the least, each worth more than all below it together: a driver for one product wins
 * over one for the vendor, and that over one for a class.
 */
const identity: FactsOf<
  Pick<UsbRule | HidRule, "vendor" | "product" | "serial">,
  Pick<DeviceFacts, "vendor" | "product" | "serial">
> = {
  serial: { weight: 64, digits: 4, wanted: (rule) => rule.serial, found: (device) => device.serial },
  product: { weight: 32, digits: 4, wanted: (rule) => rule.product, found: (device) => device.product },
  vendor: { weight: 16, digits: 4, wanted: (rule) => rule.vendor, found: (device) => device.vendor },
};

const usbFacts: FactsOf<UsbRule, UsbFacts> = {
  ...identity,
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

const pageOf = (usage: number) => usage >>> 16;
const hidFacts: FactsOf<HidRule, HidFacts> = {
  ...identity,
  usage: {
    weight: 4,
    digits: 4,
    wanted: (rule) => rule.usage,
    found: ({ usages }, { usagePage }) =>
      usages.filter((usage) => pageOf(usage) === usagePage).map((usage) => usage & 0xffff),
  },
  usagePage: {
    weight: 2,
    digits: 4,
    wanted: (rule) => rule.usagePage,
    found: ({ usages }) => [...new Set(usages.map(pageOf))],
  },
  bus: { weight: 1, digits: 4, wanted: (rule) => rule.bus, found: (device) => device.bustype },
};

/**
 * Every driver, best first. Among equals the one that stands earlier in `manifests` wins; the manager lists them by
 * driver path in the order given, its own last, and by name within a path.
 */
export function rankDrivers(device: DeviceFacts, manifests: readonly Manifest[]): Ranked[] {
  return manifests.map((manifest) => rank(device, manifest)).sort((a, b) => b.score - a.score); // a stable sort
}

/** Its rule says nothing but a class of interfaces, of which HID has all kinds: the driver itself finds out whether it is one for it. */
export function asksFirst(device: DeviceFacts, manifest: Manifest): boolean {
  return rank(device, manifest).matched.every((fact) => fact.startsWith("interface.class:"));
}

function rank(device: DeviceFacts, manifest: Manifest): Ranked {
  const best = manifest.match
    .map((rule) => weighed(device, rule))
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

interface Weight {
  readonly score: number;
  readonly nearness: number;
  readonly matched: string[];
  readonly missed: string[];
}

function weighed(device: DeviceFacts, rule: MatchRule): Weight {
  if (device.bus === "usb" && rule.usb !== undefined) return weigh(usbFacts, device, rule.usb);
  if (device.bus === "hid" && rule.hid !== undefined) return weigh(hidFacts, device, rule.hid);
  const missed = `the device is on bus ${device.bus}, the driver wants ${Object.keys(rule).join()}`;
  return { score: 0, nearness: -1, matched: [], missed: [missed] };
}

function weigh<Rule, Facts>(facts: FactsOf<Rule, Facts>, device: Facts, rule: Rule): Weight {
  const asked = Object.entries(facts).flatMap(([name, fact]) => {
    const [wanted, found] = [fact.wanted(rule), fact.found(device, rule)];
    if (wanted === undefined) return [];
    const fits = Array.isArray(found) ? found.includes(wanted) : found === wanted;
    return [{ name, fits, wanted, found, weight: fact.weight, digits: fact.digits }];
  });
  const fits = asked.filter((fact) => fact.fits);
  const misses = asked.filter((fact) => !fact.fits);
  const nearness = fits.reduce((sum, { weight }) => sum + weight, 0);
  return {
    score: misses.length === 0 ? nearness : 0,
    nearness,
    matched: fits.map(({ name, wanted, digits }) => `${name}: ${show(wanted, digits)}`),
    missed: misses.map(
      ({ name, found, wanted, digits }) =>
        `${name}: the device has ${show(found, digits)}, the driver wants ${show(wanted, digits)}`,
    ),
  };
}

function show(value: Found, digits: number): string {
  if (value === null) return "none";
  if (typeof value === "string") return `"${value}"`;
  if (typeof value === "number") return `0x${value.toString(16).padStart(digits, "0")}`;
  return value.length === 0 ? "none" : value.map((each) => show(each, digits)).join(", ");
}
