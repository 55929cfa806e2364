// Runs in: driver host (serves) and manager (asks). Owns: nothing. What the manager has a driver host do.
import * as v from "valibot";
import { defineEdge } from "./edge.ts";
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
  logLine,
  name,
  nothing,
  properties,
  text,
} from "./fields.ts";

const u16 = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(0xffff));

/** One device node or stream; its descriptor travels with `probe`, in the order of `grants`. */
const usbGrant = v.strictObject({
  surface: v.literal("usb"),
  transport: v.picklist(["usbfs", "usbip"]),
  /** bInterfaceNumber of the one interface that the grant covers. */
  interface: v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(255)),
  /** Device and configuration descriptors as in sysfs `descriptors`, base64; hostile until parsed. */
  descriptors: v.pipe(v.string(), v.base64(), v.maxLength(87_384)), // 64 KiB
  strings: v.strictObject({
    manufacturer: v.nullable(text),
    product: v.nullable(text),
    serial: v.nullable(text),
  }),
  speed: v.picklist(["low", "full", "high", "super", "super-plus"]),
  /** bConfigurationValue of the active configuration. */
  configuration: v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(255)),
  /** USB/IP's bus and device number; 0 with usbfs. */
  devid: count,
});
export type UsbGrant = v.InferOutput<typeof usbGrant>;

/** A HID device's node, as the kernel describes it; texts are hostile until they are made printable, the descriptor until it is parsed. */
const hidrawGrant = v.strictObject({
  surface: v.literal("hidraw"),
  transport: v.literal("hidraw"),
  /** BUS_*, linux/input.h. */
  bustype: u16,
  vendor: u16,
  product: u16,
  version: u16,
  name: text,
  serial: v.nullable(text),
  /** The report descriptor, base64: 4096 bytes at most (HID_MAX_DESCRIPTOR_SIZE). */
  descriptor: v.pipe(v.string(), v.base64(), v.maxLength(5464)),
});
export type HidrawGrant = v.InferOutput<typeof hidrawGrant>;

const grant = v.variant("surface", [usbGrant, hidrawGrant]);
export type DeviceGrant = v.InferOutput<typeof grant>;

/** Why this start follows another; null at the first. */
const startReason = v.nullable(v.strictObject({ kind: failureKind, text }));

/** A seccomp filter: struct sock_filter one after another, in base64. null: there is no jail. */
const filter = v.nullable(v.pipe(v.string(), v.base64(), v.maxLength(43_692))); // BPF_MAXINSNS of 8 bytes

/** The process's writable private memory may become this large, mapped or not (RLIMIT_DATA); null: there is no jail. */
const dataBytes = v.nullable(v.pipe(v.number(), v.safeInteger(), v.minValue(1)));

/** `name`: where it is not the device's. */
export const hostUnit = v.strictObject({
  index: count,
  properties,
  operations: v.array(name),
  name: v.optional(v.pipe(text, v.maxLength(79))),
});
export type HostUnit = v.InferOutput<typeof hostUnit>;

export const hostEdge = defineEdge({
  name: "host",
  methods: {
    /** A spare has time: it runs once through what its driver will run, so that this is compiled then. Only before `confine`. */
    rehearse: { params: nothing, result: nothing },
    /**
     * Stage 1 of the jail: gives up what a host without a driver does not need. Comes once, before all but `rehearse`; it may be sent before the process is
     * there, which answers once its runtime is loaded and all its threads are started. Descriptor: a connection on which the next manager will
     * speak, once the one that this came on has ended.
     */
    confine: { params: v.strictObject({ filter }), result: nothing, fds: 1 },
    /**
     * The first word of a manager that takes a dead one's place. What was said on the connection before may be lost, so the host says how it
     * stands. Descriptor: as with `confine`.
     */
    adopt: {
      params: nothing,
      result: v.strictObject({
        /** As they are now; empty before `probe` was answered. */
        units: v.pipe(v.array(v.strictObject({ properties })), v.maxLength(256)),
        /** Open ones. */
        channels: v.array(channel),
        /** `disconnected` was told, or would have been. */
        gone: v.boolean(),
      }),
      fds: 1,
    },
    /** Stage 2 of the jail, for a process in which several drivers get seats: before the first of them. */
    restrict: { params: v.strictObject({ filter, dataBytes }), result: nothing },
    /**
     * A place for a driver beside others: the host serves a further connection, on which all that follows is said as to a host of that driver's
     * own. Descriptors: that connection, and as with `confine`. In stacks the driver's code is "driver:NAME#SEAT".
     */
    seat: { params: v.strictObject({ seat: v.pipe(count, v.minValue(1)) }), result: nothing, fds: 2 },
    /** Those that have a driver. One whose connection has ended and that is not among them has let go of its device in order. */
    seats: { params: nothing, result: v.strictObject({ seats: v.array(count) }) },
    /** Stage 2 of the jail: limits and filter go on, then the driver's code is loaded. Descriptor: the code (sealed memfd). */
    load: {
      params: v.strictObject({
        driver: name,
        /** Of the memory that comes along. What follows is what V8 has made of the code before, if anything. */
        codeBytes: count,
        /** Put on before the driver's code is loaded; null in a seat, too. */
        filter,
        dataBytes,
      }),
      result: nothing,
      fds: 1,
    },
    /** Does its event loop turn? Of a spare, which has no memory to beat in. */
    ping: { params: nothing, result: nothing },
    /** The device that the driver is for, while that is being opened. Descriptor: the device's state memory. */
    assign: {
      params: v.strictObject({
        device: v.strictObject({
          id: name,
          identity,
          name: text,
          /** The lowest that no other device of its driver's class has. */
          ordinal: v.pipe(count, v.minValue(1)),
        }),
        driver: v.strictObject({ version: name, class: className, stateVersion: count }),
        incarnation,
        /** How often its heartbeat is to count up. */
        beatMs: v.pipe(count, v.minValue(1)),
        reason: startReason,
      }),
      result: nothing,
      fds: 1,
    },
    /** The device, a descriptor for each grant, for a driver of that contract; it may be sent before the driver's code is loaded. */
    probe: {
      params: v.strictObject({
        contract: contractId,
        grants: v.pipe(v.array(grant), v.minLength(1), v.maxLength(16)),
      }),
      /** `declined`: the driver does not want the device, and why; it has no units then, and otherwise at least one. */
      result: v.strictObject({
        units: v.pipe(v.array(hostUnit), v.maxLength(256)),
        declined: v.optional(text),
      }),
      fds: [1, 16],
    },
    /** Descriptors: client's memory, doorbell to listen to, doorbell to ring, the driver's memory. The last is mapped when the answer comes. */
    open: {
      params: v.strictObject({ channel, unit: count, mode: access, contract: contractId, poll: v.boolean() }),
      result: nothing,
      fds: 4,
    },
    /** Nothing of the channel is touched after the answer. */
    close: { params: v.strictObject({ channel }), result: nothing },
    suspend: { params: nothing, result: nothing },
    resume: { params: nothing, result: nothing },
    /**
     * Ends the driver in order; the host exits after the answer, or in a seat closes the connection, once it has let go of the device. `requests`
     * that are unanswered "fail", or are to "keep": nothing is answered any more, and the next driver is asked again.
     */
    remove: { params: v.strictObject({ requests: v.picklist(["fail", "keep"]) }), result: nothing },
  },
  tells: {},
  notices: {
    log: logLine,
    /** The driver threw where nobody waits for an answer, or broke its contract; the host does no more work. */
    failed: v.strictObject({ kind: errorKind, message: text, stack: text }),
    /** A unit's properties are other than at probe: another medium, say. */
    changed: v.strictObject({ unit: count, properties }),
    /** The transport is certain that the device is away. */
    disconnected: nothing,
  },
});
