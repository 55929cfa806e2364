// Runs in: manager. Owns: what the mapping file says, as far as it is accepted, and which of its profiles are active.
import type { clientEdge, MappingState } from "@ring3/control/client-edge";
import { DocumentError } from "@ring3/control/document";
import { identityText, MAPPING_CHARACTERS_MAX } from "@ring3/control/fields";
import { type MappingRecord, recordName } from "@ring3/control/legacy";
import { type Mapping, mappingFor, parseMapping } from "@ring3/control/mapping";
import { nearest } from "@ring3/control/nearest";
import type { Handlers, ServingPeer } from "@ring3/control/peer";
import { DeviceError } from "@ring3/core/errors";
import { type Log, printable } from "@ring3/core/log";
import type { DeviceMapping } from "@ring3/core/mapping";
import type { Descriptor } from "@ring3/kernel/fd/descriptor";
import { unitId } from "./claim.ts";
import type { Device } from "./device.ts";
import { isInputClass } from "./inputs.ts";
import type { Heirloom, Legacy } from "./legacy.ts";
import type { Manager } from "./manager.ts";
import type { Found } from "./watched-file.ts";

type ClientEdge = typeof clientEdge;

const RECORD = recordName("mapping", "file");
/** Of devices that are there or were; who was there longest ago is forgotten. */
const PROFILES_MAX = 256;

/** A reflector of input devices. */
export interface MappingListener {
  mapping(text: string): void;
  profile(device: Device, unit: string, profile: string): void;
}

export interface MappingsParts {
  readonly file: string;
  /** Somebody has written that there is such a file. */
  readonly named: boolean;
  /** Has the file looked at now: `found` is called before this returns. */
  readonly look: () => void;
  readonly manager: Pick<Manager, "devices" | "named" | "resolve" | "log">;
  readonly legacy: Legacy;
}

export class Mappings {
  readonly #parts: MappingsParts;
  readonly #log: Log;
  readonly #listeners = new Set<MappingListener>();
  /** By unit: what was active, and of which device. */
  readonly #profiles = new Map<string, MappingRecord["profiles"][number]>();
  #seen: string | undefined;
  #running = "";
  #mapping: Mapping = { devices: [] };
  #refused: MappingState["refused"] = null;

  constructor(parts: MappingsParts) {
    this.#parts = parts;
    this.#log = parts.manager.log;
  }

  /** What applies. */
  get running(): string {
    return this.#running;
  }

  watch(listener: MappingListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What an earlier manager has left: it goes on where the file is refused now. */
  inherit(left: readonly Heirloom<"mapping">[]): void {
    for (const { record } of left) {
      for (const entry of record.profiles) this.#profiles.set(entry.unit, entry);
      this.found(record.text);
    }
  }

  /** What the file is now. */
  found(found: Found): void {
    const { file, named } = this.#parts;
    if (found instanceof Error) return this.#refuse(`${file}: ${printable(found.message)}`, []);
    if (found === undefined && named && this.#seen === undefined)
      this.#log.warn(`the mapping file ${file} is not there yet: nothing is mapped`);
    const text = found ?? "";
    if (text === this.#seen && this.#refused === null) return;
    this.#seen = text;
    try {
      if (Math.max(text.length, JSON.stringify(text).length / 2) > MAPPING_CHARACTERS_MAX)
        throw new DeviceError(
          "invalid",
          `${file}: expected at most ${MAPPING_CHARACTERS_MAX} characters, and text, found ${text.length}`,
        );
      this.#mapping = parseMapping(text, file);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      return this.#refuse(error.message, error instanceof DocumentError ? error.problems : []);
    }
    this.#refused = null;
    if (text === this.#running) return;
    this.#running = text;
    this.#note();
    this.#log.info(text === "" ? "nothing is mapped any more" : `the mapping is that of ${file}`);
    for (const listener of this.#listeners) listener.mapping(text);
  }

  #refuse(message: string, problems: DocumentError["problems"]): void {
    if (this.#refused?.message === message) return;
    this.#refused = { message, problems: problems.map(({ file: _, ...problem }) => problem) };
    for (const line of message.split("\n"))
      this.#log.error(`the mapping is refused, and stays as it was: ${line}`);
  }

  /** As a unit's reflector has told. */
  told(device: Device, unit: string, profile: string): void {
    this.#profiles.delete(unit); // it is the latest now
    this.#profiles.set(unit, { unit, identity: identityText(device.bus.identity), profile });
    for (const [oldest] of this.#profiles) {
      if (this.#profiles.size <= PROFILES_MAX) break;
      this.#profiles.delete(oldest);
    }
    this.#note();
  }

  /** The one that was active last of that very device; its mapping may have none of that name any more. */
  profileOf(device: Device, unit: string): string | null {
    const known = this.#profiles.get(unit);
    return known?.identity === identityText(device.bus.identity) ? known.profile : null;
  }

  /** What people ask of it. `mayLook` and `mayAct` throw DeviceError for everybody else. */
  handlers(
    mayLook: (what: string) => void,
    mayAct: (what: string) => void,
  ): Pick<Handlers<ClientEdge, Descriptor, ServingPeer<ClientEdge>>, "mapping" | "useProfile"> {
    return {
      mapping: () => {
        mayLook("see the mapping");
        this.#parts.look();
        return this.#state();
      },
      useProfile: ({ device, profile }) => {
        mayAct(`use a profile of ${device}`);
        this.#parts.look();
        return { units: this.#use(this.#parts.manager.resolve(device), profile) };
      },
    };
  }

  #state(): MappingState {
    const { file, manager } = this.#parts;
    return {
      file,
      running: this.#running,
      refused: this.#refused,
      units: manager.devices.flatMap((device) => {
        const className = classOf(device);
        if (className === undefined) return [];
        const mapping = this.#mappingOf(device, className);
        const { alias, usb, serial } = manager.named(device);
        return device.units.map(({ index, name = device.bus.name }) => {
          const unit = unitId(device.id, index);
          const profile = this.profileOf(device, unit);
          return {
            ...{ unit, device: device.id, alias, class: className, name: printable(name), usb, serial },
            profile:
              mapping === undefined ? null : mapping.profiles.has(profile ?? "") ? profile : mapping.first,
          };
        });
      }),
    };
  }

  #use(device: Device, profile: string): string[] {
    const what = `use the profile "${profile}" of ${device.id}`;
    const className = classOf(device);
    if (className === undefined)
      throw new DeviceError(
        "invalid",
        `${what}: it is no game controller, keyboard or mouse that a driver has`,
      );
    const mapping = this.#mappingOf(device, className);
    if (mapping === undefined)
      throw new DeviceError("invalid", `${what}: nothing in ${this.#parts.file} is for it`);
    const known = [...mapping.profiles.keys()];
    if (!mapping.profiles.has(profile)) {
      const meant = nearest(profile, known);
      const hint = meant === undefined ? "" : ` (did you mean "${meant}"?)`;
      throw new DeviceError(
        "invalid",
        `${what}: there is none of that name${hint}; there are ${known.join(", ")}`,
      );
    }
    return device.units.map(({ index }) => {
      const unit = unitId(device.id, index);
      this.told(device, unit, profile);
      for (const listener of this.#listeners) listener.profile(device, unit, profile);
      return unit;
    });
  }

  #mappingOf(device: Device, className: string): DeviceMapping | undefined {
    return mappingFor(this.#mapping, { ...this.#parts.manager.named(device), class: className });
  }

  #note(): void {
    this.#parts.legacy.note("mapping", RECORD, {
      text: this.#running,
      profiles: [...this.#profiles.values()],
    });
  }
}

const classOf = ({ driver }: Device): string | undefined =>
  driver !== undefined && isInputClass(driver.manifest.class) ? driver.manifest.class : undefined;
