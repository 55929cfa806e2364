// Runs in: manager and CLI. Owns: nothing. ring3.yaml: what people decide, in one file; nothing in it is required.
import { dirname, resolve } from "node:path";
import * as v from "valibot";
import { readDocument } from "./document.ts";
import { access, className, duration, userId } from "./fields.ts";
import { driverName } from "./manifest.ts";
import { placement } from "./placement.ts";
import { aliasName, exactlyOne, selectorEntries } from "./selector.ts";

const { alias: _, ...identityEntries } = selectorEntries;
const selectorFields = Object.keys(selectorEntries);
const identityFields = Object.keys(identityEntries);
const whoFields = ["user", "uid", "group", "gid"];

const oneOf = (names: readonly string[]) => `exactly one of the fields ${names.join(", ")}`;
const accountName = v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?$/, "a user or group name")); // useradd(8)

const takeRule = v.pipe(
  v.strictObject(selectorEntries),
  v.check((rule) => exactlyOne(rule, selectorFields), oneOf(selectorFields)),
);

const aliasRule = v.pipe(
  v.strictObject(identityEntries),
  v.check((rule) => exactlyOne(rule, identityFields), oneOf(identityFields)),
);

const accessRule = v.pipe(
  v.strictObject({
    user: v.exactOptional(accountName),
    uid: v.exactOptional(userId),
    group: v.exactOptional(accountName),
    gid: v.exactOptional(userId),
    ...selectorEntries,
    class: v.exactOptional(className),
    /** "write" includes "read". */
    mode: access,
  }),
  v.check((rule) => exactlyOne(rule, whoFields), oneOf(whoFields)),
  v.check((rule) => exactlyOne(rule, [...selectorFields, "class"]), oneOf([...selectorFields, "class"])),
);
export type AccessRule = v.InferOutput<typeof accessRule>;

const uidRange = v.pipe(
  v.strictObject({
    first: v.pipe(userId, v.minValue(1000, "a user id from 1000 up")),
    count: v.pipe(v.number(), v.integer("an integer"), v.minValue(1), v.maxValue(65536)),
  }),
  v.check(({ first, count }) => first + count <= 0xffffffff, "a range that ends below 4294967295"),
);

export const configSchema = v.strictObject({
  /** Devices that ring3 takes from the kernel's driver without being asked. */
  take: v.optional(v.array(takeRule), []),
  /** Who besides root and the manager's user may open what. */
  access: v.optional(v.array(accessRule), []),
  aliases: v.optional(v.record(aliasName, aliasRule), {}),
  /** Folders of driver folders, searched before ring3's own; relative to the configuration file. */
  driver_paths: v.optional(v.array(v.pipe(v.string(), v.minLength(1))), []),
  /** Driver hosts run as these users, one each. The default is above systemd's dynamic and container ranges. */
  uid_range: v.optional(uidRange, { first: 2_000_000_000, count: 1024 }),
  /** Hosts that wait with a driver loaded, for each driver in use: a device that failed is back the sooner. Each holds about 15 MB. */
  spares: v.optional(v.pipe(v.number(), v.integer("an integer"), v.minValue(0), v.maxValue(16)), 1),
  /** share: reflectors and the drivers that only they ask run on one processor, for as long as that has time for them all. */
  affinity: v.optional(v.picklist(["share", "off"]), "share"),
  /**
   * Where programs that know nothing of ring3 meet a unit, by its class. block, auto: ublk where the kernel has it and ring3 may, else nbd, a socket.
   * input, of game controllers too, auto: uinput where the kernel has it and ring3 may.
   */
  endpoints: v.optional(
    v.strictObject({
      block: v.optional(v.picklist(["auto", "ublk", "nbd-device", "nbd"]), "auto"),
      input: v.optional(v.picklist(["auto", "uinput", "none"]), "auto"),
    }),
    {},
  ),
  /** What the buttons of devices do (mapping.ts); relative to the configuration file. /etc/ring3/mapping.yaml unless said; there need be none. */
  mapping: v.exactOptional(v.pipe(v.string(), v.minLength(1))),
  /** Where drivers run, by their names, instead of what their manifests say. */
  placement: v.optional(v.record(driverName, placement), {}),
  limits: v.optional(
    v.strictObject({
      /** How long requests wait for the same device to come back after it was unplugged. */
      replug_grace: v.optional(duration, "3s"),
      /** Multiplies how long drivers may take to probe, to beat and to end, for slow machines and emulators. */
      time_scale: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(100)), 1),
    }),
    {},
  ),
});
export type Config = v.InferOutput<typeof configSchema>;

/** Throws DocumentError, which names file, line, field, what was expected and what was found. An empty text is valid. */
export function parseConfig(text: string, file: string): Config {
  const { mapping, ...config } = readDocument(text, file, configSchema, {});
  const beside = (path: string) => resolve(dirname(file), path);
  return {
    ...config,
    driver_paths: config.driver_paths.map(beside),
    ...(mapping === undefined ? {} : { mapping: beside(mapping) }),
  };
}

export const defaultConfig: Config = parseConfig("", "defaults");
