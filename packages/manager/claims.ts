// Runs in: manager. Owns: who has opened which units, over all incarnations, and the channels that connect them.

import { createDriverMemory } from "@ring3/channel/driver-memory";
import { layoutOf } from "@ring3/channel/layout";
import type { Access, ContractId } from "@ring3/control/fields";
import { type ClientRecord, recordName } from "@ring3/control/legacy";
import { DeviceError } from "@ring3/core/errors";
import type { FailureReason } from "@ring3/core/lifecycle";
import { type Descriptor, duplicate, pipe } from "@ring3/kernel/fd/descriptor";
import { checkPeer } from "@ring3/kernel/shm/memory";
import { type Claim, type Claimant, newClaim, unitId } from "./claim.ts";
import { classes } from "./classes.ts";
import type { Device } from "./device.ts";
import type { Loss } from "./device-observer.ts";
import type { HostProcess } from "./host-process.ts";
import type { Legacy } from "./legacy.ts";

/**
 * An application whose requests were in hand at so many failures in a row loses its channel, before the device is taken from everyone. One more
 * than it takes to find a poisonous request: who is told of that and goes on is no attacker.
 */
const FAILURES_MAX = 4;
/** Units that one connection may have open. */
const CHANNELS_MAX = 64;

export interface Opened {
  readonly incarnation: number;
  readonly driverMemory: Descriptor;
  readonly bellIn: Descriptor;
  readonly bellOut: Descriptor;
}

export class Claims {
  readonly #legacy: Legacy;
  readonly #claims = new Set<Claim>();
  #lastHostChannel = 0;
  /** Called with each channel that a client gets, or has again after a manager's death, before it is told. */
  opened: (device: Device, claimant: Claimant, channel: number, hostChannel: number) => void = () => {};

  constructor(legacy: Legacy) {
    this.#legacy = legacy;
  }

  /**
   * Opens a unit for a client, or opens it again after a loss. Takes the memory's descriptor. Throws "denied" where the
   * class's sharing policy says no, "protocol" where the memory is not sealed as it must be, "disconnected" where the last
   * driver is stuck, and "busy" where no driver runs or is on its way; the claim stands then, and `ready` follows.
   */
  async open(
    claimant: Claimant,
    device: Device,
    unit: number,
    mode: Access,
    { channel, opening, contract }: { channel: number; opening: number; contract: ContractId },
    memory: Descriptor,
  ): Promise<Opened> {
    const layout = layoutOf(device.driver!.contract);
    checkPeer(memory.fd, layout.client.size);
    if (device.isStuck)
      throw new DeviceError("disconnected", `${unitId(device.id, unit)}: ${device.life.reason}`);
    const claim = this.#claim(claimant, device, unit, mode, opening);
    claim.channel = channel;
    if (claim.hostChannel !== undefined) await this.#closeChannel(claim); // its client has not heard of it: the answer was a dead manager's
    if (claim.givenUp || !this.#claims.has(claim))
      throw new DeviceError("busy", `${unitId(device.id, unit)}: given up meanwhile`);
    const host = device.host ?? (await this.#nextHost(claim));
    if (host === undefined)
      throw new DeviceError("busy", `${unitId(device.id, unit)}: its driver is ${device.life.state}`);
    const { incarnation } = device.life;
    const toDriver = pipe();
    const toClient = pipe();
    const driverMemory = createDriverMemory(device.driver!.contract);
    const hostChannel = ++this.#lastHostChannel;
    Object.assign(claim, { hostChannel, host: host.name, inherited: false });
    claim.said.clear();
    this.#note(claimant);
    try {
      const poll = device.driver!.manifest.latency === "poll";
      const params = { channel: hostChannel, unit, mode, contract, poll };
      const own = duplicate(driverMemory.fd.fd);
      await host.ask("open", params, [memory, toDriver.read, toClient.write, own]);
      driverMemory.seal();
      this.opened(device, claimant, channel, hostChannel);
      if (device.held) claimant.paused(channel, true); // since before there was this channel
      return { incarnation, driverMemory: driverMemory.fd, bellIn: toClient.read, bellOut: toDriver.write };
    } catch (error) {
      for (const end of [toDriver.write, toClient.read, driverMemory.fd]) end.close();
      if (claim.hostChannel === hostChannel) claim.hostChannel = undefined;
      const { kind, message } = error as DeviceError;
      // What was asked of it was right, so a refusal is its own failure; the client waits for the next driver.
      if (kind !== "disconnected" && device.channelHost === host)
        device.failed({ kind: "malformed", text: `refused a channel: ${message}`, outside: false });
      throw new DeviceError("busy", `${unitId(device.id, unit)}: its driver died meanwhile`);
    }
  }

  /** Whoever asks as soon as the last driver is lost has the next one's channel sooner. A start that may wait is not waited for. */
  #nextHost(claim: Claim): Promise<HostProcess | undefined> | undefined {
    claim.waiting?.(undefined);
    if (!isComing(claim.device)) return undefined;
    const { promise, resolve } = Promise.withResolvers<HostProcess | undefined>();
    claim.waiting = (host) => {
      claim.waiting = undefined;
      resolve(host);
    };
    return promise;
  }

  #claim(claimant: Claimant, device: Device, unit: number, mode: Access, opening: number): Claim {
    const others: Claim[] = [];
    let own = 0;
    for (const claim of this.#claims) {
      if (claim.claimant === claimant) own++;
      if (claim.device !== device || claim.unit !== unit) continue;
      if (claim.claimant === claimant && claim.opening === opening && claim.mode === mode) return claim;
      others.push(claim);
    }
    if (own >= CHANNELS_MAX && !claimant.trusted)
      throw new DeviceError("no-space", `${claimant.name}: ${own} units are open on this connection`);
    const holders = others.map((claim) => ({ name: claim.claimant.name, mode: claim.mode }));
    const refused = classes[device.driver!.manifest.class]!.admit(holders, { name: claimant.name, mode });
    if (refused !== undefined) throw new DeviceError("denied", `${unitId(device.id, unit)}: ${refused}`);
    const claim = newClaim(claimant, device, unit, mode, opening);
    this.#claims.add(claim);
    return claim;
  }

  /** What every manager has said of this client goes to the keeper before anybody else learns of it. */
  #note(claimant: Claimant): void {
    const { name, uid, reflector, token } = claimant;
    const record = recordName("client", token);
    const own = [...this.#claims].filter((claim) => claim.claimant === claimant);
    if (own.length === 0) return this.#legacy.drop(record);
    const openings = own.map(({ device, unit, mode, opening, channel, hostChannel, host, failures }) => {
      const at = hostChannel === undefined ? null : { host, channel: hostChannel };
      return { device: device.id, unit, mode, opening, channel, at, failures };
    });
    this.#legacy.note("client", record, { name, uid, reflector, openings });
  }

  /** What a client had opened at an earlier manager; `absent` stands for it until it is back, `deviceOf` finds what is there still. */
  inherit(absent: Claimant, record: ClientRecord, deviceOf: (id: string) => Device | undefined): void {
    for (const { device: id, unit, mode, opening, channel, at, failures } of record.openings) {
      const device = deviceOf(id);
      if (at !== null) this.#lastHostChannel = Math.max(this.#lastHostChannel, at.channel);
      if (device === undefined) continue;
      const claim = newClaim(absent, device, unit, mode, opening);
      const lives = at !== null && device.hostName === at.host;
      Object.assign(claim, {
        channel,
        failures,
        hostChannel: lives ? at.channel : undefined,
        inherited: lives,
        host: at?.host ?? "",
      });
      this.#claims.add(claim);
    }
    this.#note(absent);
  }

  /** The client is back, and has its token again. The channels of its openings to which a driver still listens. */
  handOver(absent: Claimant, claimant: Claimant): number[] {
    const channels: number[] = [];
    for (const claim of this.#claims) {
      if (claim.claimant !== absent) continue;
      claim.claimant = claimant;
      if (claim.hostChannel === undefined) continue;
      channels.push(claim.channel);
      const { held, life, isStuck } = claim.device;
      if (held) claimant.paused(claim.channel, true); // it holds that nobody does, since the last manager died
      if (isStuck) claimant.stuck(claim.channel, life.reason);
      this.opened(claim.device, claimant, claim.channel, claim.hostChannel);
    }
    return channels;
  }

  /**
   * A host that outlived its manager says which channels were open there then: what the two disagree about is closed, and may be opened again. What
   * was opened since is in order: were its client told otherwise, it would write anew where that host still reads.
   */
  reconcile(device: Device, open: readonly number[]): void {
    const unknown = new Set(open);
    for (const claim of this.#claims) {
      if (claim.device !== device || claim.hostChannel === undefined) continue;
      if (unknown.delete(claim.hostChannel) || !claim.inherited) continue;
      claim.hostChannel = undefined;
      const { incarnation } = device.life;
      const loss = {
        final: false,
        outside: true,
        text: "its channel was never opened",
        shared: true,
      } as const;
      claim.claimant.lost(claim.channel, incarnation, { ...loss, kind: "driver-restarted" });
      claim.claimant.ready(unitId(device.id, claim.unit), incarnation);
    }
    for (const channel of unknown) void device.channelHost?.ask("close", { channel }).catch(() => undefined); // a dead driver has let go
  }

  /**
   * A client holds that the driver behind a channel fails. Counts while that channel is open in the driver's host, and
   * once; a stranger's word costs the driver a start, but not its good name. False where it changed nothing.
   */
  suspect(claimant: Claimant, channel: number, { kind, text }: Omit<FailureReason, "outside">): boolean {
    const claim = this.#findOpen(claimant, channel);
    if (claim === undefined || claim.said.has("suspicion")) return false;
    claim.said.add("suspicion");
    const words = claimant.trusted ? text : `${text}, says ${claimant.name}`;
    claim.device.failed({ kind, text: words, outside: !claimant.trusted });
    return true;
  }

  /** A client has had a request completed. */
  progress(claimant: Claimant, channel: number): void {
    const claim = this.#findOpen(claimant, channel);
    if (claim === undefined || claim.said.has("progress") || claim.device.host === undefined) return;
    claim.said.add("progress");
    claim.failures = 0;
    claim.device.progress();
  }

  /** A client has sent again what the last driver had not answered. */
  replayed(claimant: Claimant, channel: number, requests: number): void {
    const claim = this.#findOpen(claimant, channel);
    if (claim === undefined || claim.said.has("replay")) return;
    claim.said.add("replay");
    claim.device.replayed(requests, claimant.name);
  }

  /** A suspended driver's channels are open too: what is said of one is said once. */
  #findOpen(claimant: Claimant, channel: number): Claim | undefined {
    const claim = this.#find(claimant, channel);
    return claim?.hostChannel === undefined || claim.device.channelHost === undefined ? undefined : claim;
  }

  #find(claimant: Claimant, channel: number): Claim | undefined {
    return [...this.#claims].find((claim) => claim.claimant === claimant && claim.channel === channel);
  }

  /** Gives a unit up. Others may open it once the driver has let go of this client's requests. */
  async close(claimant: Claimant, opening: number): Promise<void> {
    const claim = [...this.#claims].find((each) => each.claimant === claimant && each.opening === opening);
    if (claim !== undefined) await this.#release(claim);
  }

  /** The client is gone. */
  closeAll(claimant: Claimant): void {
    for (const claim of this.#claims) if (claim.claimant === claimant) void this.#release(claim);
  }

  async #release(claim: Claim): Promise<void> {
    claim.givenUp = true;
    claim.waiting?.(undefined);
    await this.#closeChannel(claim);
    this.#claims.delete(claim);
    this.#note(claim.claimant);
  }

  async #closeChannel(claim: Claim): Promise<void> {
    const { hostChannel } = claim;
    const { channelHost } = claim.device;
    claim.hostChannel = undefined;
    if (channelHost !== undefined && hostChannel !== undefined)
      await channelHost.ask("close", { channel: hostChannel }).catch(() => undefined); // a dead driver has let go
  }

  /** Those that are open to a device's driver. */
  channelsOf(device: Device): { claimant: Claimant; channel: number; hostChannel: number }[] {
    return [...this.#claims].flatMap(({ device: of, claimant, channel, hostChannel }) =>
      of === device && hostChannel !== undefined ? [{ claimant, channel, hostChannel }] : [],
    );
  }

  /** Is it a reflector who asks its driver, and nobody else? */
  isReflectorsAlone(device: Device): boolean {
    const open = [...this.#claims].filter(
      (claim) => claim.device === device && claim.hostChannel !== undefined,
    );
    return open.length > 0 && open.every(({ claimant }) => claimant.reflector !== null);
  }

  /** A driver runs: those who wait for a channel may open one. */
  ready(device: Device): void {
    for (const claim of this.#claims) {
      if (claim.device !== device || claim.hostChannel !== undefined) continue;
      if (claim.waiting !== undefined) claim.waiting(device.host);
      else claim.claimant.ready(unitId(device.id, claim.unit), device.life.incarnation);
    }
  }

  /** The driver does nothing for the time being, or not any more; or it works again. */
  held(device: Device, held: boolean): void {
    for (const claim of this.#claims)
      if (claim.device === device && claim.hostChannel !== undefined)
        claim.claimant.paused(claim.channel, held);
  }

  /** The driver cannot be ended: whoever waits for the next one waits in vain. */
  stuck(device: Device): void {
    for (const claim of this.#claims) {
      if (claim.device !== device) continue;
      claim.waiting?.(undefined);
      claim.claimant.stuck(claim.channel, device.life.reason);
    }
  }

  /** The driver is dead and fenced, or has lost one unit. */
  lost(device: Device, loss: Loss, unit?: number): void {
    const open = [...this.#claims].filter(
      (claim) => claim.device === device && claim.hostChannel !== undefined,
    );
    const shared = open.length > 1;
    const { final, outside, text, inHand } = loss;
    for (const claim of this.#claims) {
      if (claim.device !== device || claim.unit !== (unit ?? claim.unit)) continue;
      if (claim.waiting !== undefined && !final && willStartAtOnce(device)) continue; // it has lost nothing, and waits on
      claim.waiting?.(undefined);
      if (!outside && claim.hostChannel !== undefined && inHand.has(claim.hostChannel)) claim.failures++;
      claim.hostChannel = undefined;
      const { claimant, channel } = claim;
      const { incarnation } = device.life;
      if (final) claimant.lost(channel, incarnation, { final, outside, text, shared, kind: "disconnected" });
      else if (claim.failures >= FAILURES_MAX && !claimant.trusted) {
        const why = `its requests were in hand at ${claim.failures} failures of the driver in a row`;
        claimant.lost(channel, incarnation, { final: true, outside, text: why, shared, kind: "denied" });
        this.#claims.delete(claim);
        this.#note(claimant);
      } else claimant.lost(channel, incarnation, { final, outside, text, shared, kind: "driver-restarted" });
      if (!final) continue;
      this.#claims.delete(claim);
      this.#note(claimant);
    }
  }
}

/** A driver is being started, or will be with the fence. */
function isComing(device: Device): boolean {
  return device.life.state === "starting" || willStartAtOnce(device);
}

function willStartAtOnce({ life }: Device): boolean {
  return life.nextStart === "now" && !life.fenced;
}
