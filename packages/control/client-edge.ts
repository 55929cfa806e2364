// Runs in: manager (serves); CLI, applications and reflectors (ask). Owns: nothing. What clients have the manager do.
import { SLOTS_MAX } from "@ring3/core/contract";
import * as v from "valibot";
import { crashReport, crashSummary } from "./crash.ts";
import { defineEdge } from "./edge.ts";
import { explanation } from "./explanation.ts";
import {
  access,
  channel,
  className,
  contractId,
  count,
  errorKind,
  failureKind,
  identity,
  incarnation,
  logEntry,
  mappingText,
  name,
  nothing,
  path,
  properties,
  reflectorsWords,
  text,
  userId,
} from "./fields.ts";
import { metrics } from "./metrics.ts";
import { inFlight, passage, step } from "./observation.ts";
import { deviceState, deviceStatus, status } from "./status.ts";
import { TRACE_CLIENTS_MAX, trace } from "./trace.ts";

/** Devices whose requests in flight one connection is told of. */
export const OBSERVED_IN_FLIGHT = 16;

/** An id, an alias or a unique prefix of one; ambiguous or unknown: "invalid", and the message lists what there is. */
const device = name;
const reached = v.strictObject({ device: name, state: deviceState, reason: text });

const udevRules = v.strictObject({
  /** The manager's. */
  user: text,
  group: name,
  /** Where the rules belong, and what has udev heed them. */
  file: path,
  reload: text,
  /** What that user may not write of all that its drivers need; `device`: null where it is no single one's. */
  lacking: v.array(v.strictObject({ device: v.nullable(name), path, rule: text })),
});
export type UdevRules = v.InferOutput<typeof udevRules>;

export const unitInfo = v.strictObject({
  /** `usb-1-4.2:1.0#0` */
  unit: name,
  device: name,
  class: className,
  /** The device's alias. */
  alias: v.nullable(name),
  name: text,
  properties,
  /** The operations of the contract that this unit has. */
  operations: v.array(name),
  identity,
  /** Which enumeration of the device this is: another number means that it was unplugged in between. */
  enumeration: count,
  incarnation,
});
export type UnitInfo = v.InferOutput<typeof unitInfo>;

/** A disk as the kernel is told of it; sizes in bytes. */
const kernelDisk = v.strictObject({
  bytes: count,
  sectorBytes: count,
  transferBytes: count,
  queues: v.pipe(count, v.minValue(1), v.maxValue(64)),
  depth: v.pipe(count, v.minValue(1), v.maxValue(4096)),
  readOnly: v.boolean(),
  rotational: v.boolean(),
  writeCache: v.boolean(),
  fua: v.boolean(),
  discardBytes: count,
  zeroesBytes: count,
});

/** A unit is a few input devices at most: sticks, sensors, touchpad. */
const inputIndex = v.pipe(count, v.maxValue(7));

/** Of what a disk is: what is in its place later may be something else. */
const diskIdentity = { unit: name, enumeration: count, medium: count };

/** What was found wrong with the mapping file, line by line (document.ts). */
const mappingProblem = v.strictObject({
  line: count,
  column: count,
  path: text,
  expected: text,
  found: text,
  hint: v.exactOptional(text),
});

export const mappingState = v.strictObject({
  file: path,
  /** What applies: the file's text as it was accepted last. */
  running: mappingText,
  /** What the file holds now is refused; null: it is what applies. */
  refused: v.nullable(v.strictObject({ message: text, problems: v.array(mappingProblem) })),
  /** Those whose buttons a mapping can be about. */
  units: v.array(
    v.strictObject({
      unit: name,
      device: name,
      alias: v.nullable(name),
      class: className,
      name: text,
      /** "046d:c52b" */
      usb: name,
      serial: v.nullable(text),
      /** The one that is active; null where there is no mapping for it. */
      profile: v.nullable(name),
    }),
  ),
});
export type MappingState = v.InferOutput<typeof mappingState>;

export const clientEdge = defineEdge({
  name: "manager",
  methods: {
    status: { params: nothing, result: status },
    /**
     * How all devices are; from then on the notices `device`, `deviceGone`, `passage`, `step` and, once a second, `metrics` tell what is new,
     * until the connection ends.
     */
    observe: { params: nothing, result: v.strictObject({ status }) },
    /** What a device has gone through, oldest first. */
    history: {
      params: v.strictObject({ device }),
      result: v.strictObject({ passages: v.array(passage), steps: v.array(step) }),
    },
    /**
     * What a device's driver has in hand. With `follow`, who observes is told of it anew with every `metrics`, until it asks without; of so many
     * devices at most as OBSERVED_IN_FLIGHT says.
     */
    inFlight: { params: v.strictObject({ device, follow: v.boolean() }), result: inFlight },
    /** From now on this connection only looks: what changes anything is "denied". For one that is about to be given to somebody. */
    renounce: { params: nothing, result: nothing },
    /**
     * What has happened to a device since this connection asked last: asked for the first time it begins, and it ends with the connection. All that
     * drivers and clients do is read from the memories that come along (trace.ts).
     */
    trace: {
      params: v.strictObject({ device }),
      result: trace,
      answerFds: [0, 1 + TRACE_CLIENTS_MAX],
    },
    /** What this connection traces is traced no more. */
    endTrace: { params: nothing, result: nothing },
    /** What the devices have done so far. */
    metrics: { params: nothing, result: metrics },
    /** Answers once the device is in `state`, or with the state it is in after `timeoutMs`. It need not exist yet. */
    wait: {
      params: v.strictObject({ device, state: deviceState, timeoutMs: count }),
      result: v.strictObject({
        reached: v.boolean(),
        device: v.nullable(name),
        state: v.nullable(deviceState),
        reason: text,
      }),
    },
    /** `take`: away from the kernel driver that has it, unless it is in use. Answers once the driver runs or has failed. */
    start: { params: v.strictObject({ device, take: v.boolean() }), result: reached },
    /** Answers once the driver is away and the kernel's has the device back. */
    stop: { params: v.strictObject({ device }), result: reached },
    /** Ends the driver and starts another in its place, which gets the requests that wait; also the way out of quarantine. */
    restart: { params: v.strictObject({ device }), result: reached },
    suspend: { params: v.strictObject({ device }), result: reached },
    resume: { params: v.strictObject({ device }), result: reached },
    /** The mapping file, and what it is about. */
    mapping: { params: nothing, result: mappingState },
    /** Makes a profile of its mapping active; all of the device's units get it. */
    useProfile: {
      params: v.strictObject({ device, profile: name }),
      result: v.strictObject({ units: v.array(name) }),
    },
    /** What this machine's udev rules do not let the manager's user open. */
    udev: { params: nothing, result: udevRules },
    explain: { params: v.strictObject({ device }), result: explanation },
    /** The kept entries, oldest first; with `follow` later ones come as `log` notices until the connection ends. */
    logs: {
      params: v.strictObject({ device: v.nullable(device), follow: v.boolean() }),
      result: v.strictObject({ entries: v.array(logEntry) }),
    },
    /** Of a device, or of all (null); the latest last. */
    crashes: {
      params: v.strictObject({ device: v.nullable(device) }),
      result: v.strictObject({ reports: v.array(crashSummary) }),
    },
    crash: { params: v.strictObject({ id: name }), result: crashReport },

    /**
     * A device behind a USB/IP server's socket; it is unplugged when the connection ends. `port` names the place it is
     * plugged into, so that a device attached there again gets the same id; null has the manager choose one.
     */
    attach: {
      params: v.strictObject({
        transport: v.literal("usbip"),
        socket: path,
        busid: name,
        port: v.nullable(name),
      }),
      result: v.strictObject({ port: name, devices: v.pipe(v.array(name), v.minLength(1)) }),
    },
    /** Unplugs what this connection attached. */
    detach: { params: v.strictObject({ port: name }), result: nothing },

    /**
     * Every unit of the class comes as `unitAdded` before the answer, later changes as notices; null: every class. A client whose connection to
     * an earlier manager has ended says who it was there, and has what it had opened; `channels` are those of them to which a driver still
     * listens. The drivers of others are dead.
     */
    subscribe: {
      params: v.strictObject({ class: v.nullable(className), formerly: v.nullable(name) }),
      result: v.strictObject({ client: name, channels: v.array(channel) }),
    },
    /** Only from a class's reflector: a connection on which the next manager will listen, once this one has ended. */
    standby: { params: nothing, result: nothing, answerFds: 1 },
    /**
     * Descriptors: client's memory. The answer brings the driver's memory, the doorbell to listen to and the one to ring.
     * The client chooses `channel`, so that it exists before the first notice about it can arrive, and so that it can
     * ask again where the answer was lost. "busy" while no driver
     * runs: `ready` says when to try again. "invalid" for another contract: the message names both versions.
     */
    open: {
      params: v.strictObject({
        channel,
        /** The first channel that was asked for in this opening of the unit: this one takes the place of the last. */
        opening: channel,
        unit: name,
        mode: access,
        contract: contractId,
      }),
      result: v.strictObject({
        incarnation,
        properties,
        operations: v.array(name),
        /** The driver lets go of a cancelled request within this long. */
        cancelMs: count,
        /** The driver's manifest: who waits for it stays awake (latency). */
        poll: v.boolean(),
      }),
      fds: 1,
      answerFds: 3,
    },
    /** A device of this client's is traced (notice `trace`). Descriptor: the memory in which it tells what it does there from now on. */
    record: { params: v.strictObject({ device: name }), result: nothing, fds: 1 },
    /** By the first channel of the opening: which was its latest, a manager that took over may not have heard. */
    close: { params: v.strictObject({ opening: channel }), result: nothing },
    /**
     * Only from a class's reflector: a listening socket where applications are to meet a unit; its path goes with the unit. `guests`: an
     * access rule lets others in than root and the user of ring3, and whoever connects is to be asked about (`access`).
     */
    listen: {
      params: v.strictObject({ unit: name, kind: name }),
      result: v.strictObject({ path, guests: v.boolean() }),
      answerFds: 1,
    },
    /**
     * Only from a class's reflector: has a disk of the kernel's made for a unit of its, or the one that the last reflector served given to this
     * one. Descriptor: of ublk /dev/ublkcN; of the kernel's NBD client the reflector's end of a connection, past its negotiation. The kernel may give fewer queues than
     * were asked for.
     */
    publish: {
      params: v.strictObject({ ...diskIdentity, disk: kernelDisk }),
      result: v.strictObject({ queues: count, depth: count }),
      answerFds: 1,
    },
    /** Of what was published: answers once its node is there, for which the reflector must serve it already. */
    begin: { params: v.strictObject(diskIdentity), result: v.strictObject({ node: path }) },
    /** Answers once the kernel has stopped what was published, if there is any. */
    withdraw: { params: v.strictObject(diskIdentity), result: nothing },
    /**
     * Only from a class's reflector: a descriptor of /dev/uinput for one of a unit's input devices: that of the device of that shape which there is,
     * with what was remembered of it, or another.
     */
    inputDevice: {
      params: v.strictObject({ unit: name, index: inputIndex, shape: reflectorsWords }),
      result: v.strictObject({ memo: reflectorsWords }),
      answerFds: 1,
    },
    /** Where programs find one of the unit's, by the name that the kernel gave it. */
    inputNode: {
      params: v.strictObject({ unit: name, sysname: name }),
      result: v.strictObject({ node: path }),
    },
    /** Ends those of a unit's input devices that it is to have no more, whichever reflector has made them. */
    inputKeep: { params: v.strictObject({ unit: name, indexes: v.array(inputIndex) }), result: nothing },
    /** The profile of its mapping that was active last; null: none yet. */
    inputProfile: {
      params: v.strictObject({ unit: name }),
      result: v.strictObject({ profile: v.nullable(name) }),
    },
    /** What the next reflector is to know of one. */
    inputMemo: {
      params: v.strictObject({ unit: name, index: inputIndex, memo: reflectorsWords }),
      result: nothing,
    },
    /**
     * Only from a class's reflector: the most that the access rules let somebody do with a unit, by the credentials of who has connected to
     * its endpoint; null: nothing.
     */
    access: {
      params: v.strictObject({ unit: name, peer: v.strictObject({ uid: userId, gid: userId }) }),
      result: v.strictObject({ mode: v.nullable(access) }),
    },
  },
  tells: {
    /** The client end holds that the driver behind a channel hangs or lies. */
    suspect: v.strictObject({ channel, kind: failureKind, text }),
    /** Requests were completed since the last such message; sent at most once a second and channel. */
    progress: v.strictObject({ channel }),
    /**
     * What the last driver had not answered has been sent again, to the one behind this channel: so many requests, 0 too. Said once a channel, by who
     * had a channel to a driver before.
     */
    replayed: v.strictObject({ channel, requests: v.pipe(count, v.maxValue(SLOTS_MAX)) }),
    /** Only from a class's reflector: where applications meet a unit; null: they do not any more. */
    endpoint: v.strictObject({ unit: name, kind: name, address: v.nullable(text) }),
    /** Only from a class's reflector: the profile of a unit's mapping that is active. */
    profile: v.strictObject({ unit: name, profile: name }),
  },
  notices: {
    unitAdded: unitInfo,
    /** A new incarnation, alias or enumeration, with the properties as they are now. */
    unitChanged: unitInfo,
    /** The device is away for good or was taken from its users: what is queued fails with `kind`. */
    unitRemoved: v.strictObject({ unit: name, kind: errorKind, reason: text }),
    /**
     * The channel is dead and fenced: its driver can do nothing more. `final`: no `ready` will follow, requests fail with
     * `kind`; else they are kept. `outside`: a death that the driver did not cause, so none of the requests is suspect.
     * `shared`: others had channels to that driver, so what it died of may be theirs.
     */
    lost: v.strictObject({
      channel,
      incarnation,
      final: v.boolean(),
      kind: errorKind,
      text,
      outside: v.boolean(),
      shared: v.boolean(),
    }),
    /**
     * The driver behind a channel is at rest, a debugger holds it, or it has failed and is being ended, which `lost` follows; or it works again. Meanwhile
     * no deadline of its requests passes, and what it had told of its state is over. Said once more when it has come to rest.
     */
    paused: v.strictObject({ channel, held: v.boolean() }),
    /**
     * That driver cannot be ended, and no other will come: what was not sent fails, and so does what comes after. What was sent the device may still
     * execute: whether it has, nobody knows before `lost` comes, if ever.
     */
    stuck: v.strictObject({ channel, text }),
    /** Only to reflectors of input devices: what the mapping file says now, checked (mapping.ts). Comes before any unit. */
    mapping: v.strictObject({ text: mappingText }),
    /** And that a profile is to be active. */
    profile: v.strictObject({ unit: name, profile: name }),
    /** Somebody traces a device that this connection has open, or nobody any more. */
    trace: v.strictObject({ device: name, on: v.boolean() }),
    /** This connection ends for what its client has done; another one would too. */
    dismissed: v.strictObject({ reason: text }),
    /** A driver runs for a unit that this connection has opened before. */
    ready: v.strictObject({ unit: name, incarnation }),
    log: logEntry,
    /** A device that was not there before, or is otherwise than it was told. */
    device: deviceStatus,
    deviceGone: v.strictObject({ id: name }),
    passage,
    step,
    metrics,
    inFlight,
  },
});
