// Runs in: everywhere. Owns: the one error class, its closed kinds, and their errno and wire numbers.

/** Every way a request, a device or a driver can fail. The order is the wire order: append only. */
export const deviceErrorKinds = [
  "disconnected",
  "stall",
  "timeout",
  "cancelled",
  "protocol",
  "io",
  "medium",
  "no-medium",
  "medium-changed",
  "read-only",
  "out-of-range",
  "no-space",
  "busy",
  "denied",
  "unsupported",
  "invalid",
  "lost-writes",
  "driver-restarted",
  "poison",
  "internal",
] as const;

export type DeviceErrorKind = (typeof deviceErrorKinds)[number];

// asm-generic/errno-base.h and asm-generic/errno.h; x86-64 and arm64 share these numbers.
const errnos = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EPIPE: 32,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ELOOP: 40,
  ENODATA: 61,
  ETIME: 62,
  ECOMM: 70,
  EPROTO: 71,
  EBADMSG: 74,
  EOVERFLOW: 75,
  EILSEQ: 84,
  EMSGSIZE: 90,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  ECONNRESET: 104,
  ENOBUFS: 105,
  ENOTCONN: 107,
  ESHUTDOWN: 108,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EALREADY: 114,
  EINPROGRESS: 115,
  ESTALE: 116,
  EREMOTEIO: 121,
  ENOMEDIUM: 123,
  ECANCELED: 125,
} as const;

type ErrnoName = keyof typeof errnos;

const kinds: Record<DeviceErrorKind, { errno: ErrnoName; text: string }> = {
  disconnected: { errno: "ENODEV", text: "the device is gone" },
  stall: { errno: "EPIPE", text: "the endpoint stalled" },
  timeout: { errno: "ETIMEDOUT", text: "the deadline passed" },
  cancelled: { errno: "ECANCELED", text: "cancelled" },
  protocol: { errno: "EPROTO", text: "the peer broke the protocol" },
  io: { errno: "EIO", text: "input/output error" },
  medium: { errno: "EIO", text: "the medium is damaged" },
  "no-medium": { errno: "ENOMEDIUM", text: "no medium is present" },
  "medium-changed": { errno: "ESTALE", text: "the medium was changed" },
  "read-only": { errno: "EROFS", text: "read-only" },
  "out-of-range": { errno: "EINVAL", text: "out of range" },
  "no-space": { errno: "ENOSPC", text: "no space left" },
  busy: { errno: "EBUSY", text: "in use" },
  denied: { errno: "EACCES", text: "not allowed" },
  unsupported: { errno: "EOPNOTSUPP", text: "not supported" },
  invalid: { errno: "EINVAL", text: "not valid" },
  "lost-writes": { errno: "EIO", text: "acknowledged writes may be lost" },
  "driver-restarted": {
    errno: "ECONNRESET",
    text: "the driver was restarted and the request must not be repeated",
  },
  poison: { errno: "EIO", text: "the request makes the driver fail" },
  internal: { errno: "EIO", text: "an error inside ring3" },
};

/** The one error of ring3: a closed kind, what was tried, and the positive Linux errno that reaches unmodified programs. */
export class DeviceError extends Error {
  override readonly name = "DeviceError";
  readonly kind: DeviceErrorKind;
  readonly errno: number;

  /** `what` says what was tried on what: "read capacity of usb-1-4:1.0". */
  constructor(kind: DeviceErrorKind, what: string, options: { errno?: number; cause?: unknown } = {}) {
    super(`${what}: ${kinds[kind].text}`, "cause" in options ? { cause: options.cause } : undefined);
    this.kind = kind;
    this.errno = options.errno ?? errnoOf(kind);
  }
}

/** The errno a kind has unless the error carries its own. */
export function errnoOf(kind: DeviceErrorKind): number {
  return errnos[kinds[kind].errno];
}

/** The number of a kind in a completion descriptor: 1 and up. 0 means ok and has no kind. */
export function kindCode(kind: DeviceErrorKind): number {
  return deviceErrorKinds.indexOf(kind) + 1;
}

/** The kind of a number that a peer sent; undefined for 0 and for anything unknown. */
export function kindOfCode(code: number): DeviceErrorKind | undefined {
  return deviceErrorKinds[code - 1];
}

const errnoNames = new Map(Object.entries(errnos).map(([name, errno]) => [errno as number, name]));

/** "EIO" for 5; "errno 4000" for a number this table lacks. */
export function errnoName(errno: number): string {
  return errnoNames.get(errno) ?? `errno ${errno}`;
}

const kindsOfErrno = new Map<number, DeviceErrorKind>([
  [errnos.ENODEV, "disconnected"],
  [errnos.ESHUTDOWN, "disconnected"],
  [errnos.EPIPE, "stall"],
  [errnos.ETIMEDOUT, "timeout"],
  [errnos.EBUSY, "busy"],
  [errnos.EACCES, "denied"],
  [errnos.EPERM, "denied"],
  [errnos.ENOSPC, "no-space"],
]);

/** The error of a failed system call. `errno` may be given positive or, as the kernel returns it, negative. */
export function systemError(what: string, errno: number): DeviceError {
  const positive = Math.abs(errno);
  return new DeviceError(kindsOfErrno.get(positive) ?? "io", `${what}: ${errnoName(positive)}`, {
    errno: positive,
  });
}
