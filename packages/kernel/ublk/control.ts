// Runs in: manager, privileged. Owns: the descriptor of /dev/ublk-control and a ring: which ublk disks there are in the kernel, and their life
// (Documentation/block/ublk.rst, drivers/block/ublk_drv.c).
import { DeviceError, systemError } from "@ring3/core/errors";
import type { Infer } from "@ring3/core/struct";
import type { Descriptor } from "../fd/descriptor.ts";
import { type Watch, watch } from "../poll/watch.ts";
import { CommandRing } from "../uring/ring.ts";
import {
  deviceInfo,
  diskParameters,
  PARAMETER_BYTES,
  UBLK_F_CMD_IOCTL_ENCODE,
  UBLK_F_USER_COPY,
  UBLK_F_USER_RECOVERY,
  UBLK_F_USER_RECOVERY_REISSUE,
  UBLK_IO_BYTES_MAX,
  UBLK_U_CMD_ADD_DEV,
  UBLK_U_CMD_DEL_DEV,
  UBLK_U_CMD_END_USER_RECOVERY,
  UBLK_U_CMD_GET_DEV_INFO,
  UBLK_U_CMD_GET_FEATURES,
  UBLK_U_CMD_GET_PARAMS,
  UBLK_U_CMD_SET_PARAMS,
  UBLK_U_CMD_START_DEV,
  UBLK_U_CMD_START_USER_RECOVERY,
  UBLK_U_CMD_STOP_DEV,
} from "./constants.ts";

export type UblkInfo = Infer<typeof deviceInfo>;
/** 64 bits that a disk's maker may choose. */
export type UblkMark = Pick<UblkInfo, "ublksrvFlags" | "ublksrvFlagsHigh">;
export type UblkParameters = Infer<typeof diskParameters>;

/** The disk outlives its server, what was under way is given to the next one, and bytes are read and written through /dev/ublkcN. */
const WANTED =
  UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_REISSUE | UBLK_F_CMD_IOCTL_ENCODE | UBLK_F_USER_COPY;

// struct ublksrv_ctrl_cmd
const DEVICE = 0;
const QUEUE = 4;
const LENGTH = 6;
const DATA = 16;
const NO_QUEUE = 0xffff;
const ANY_DEVICE = 0xffff_ffff;

interface Pending {
  readonly what: string;
  /** The kernel reads and writes there until the command has its result. */
  readonly memory: Uint8Array | null;
  readonly answer: PromiseWithResolvers<void>;
}

export class UblkControl {
  readonly #device: Descriptor;
  readonly #ring: CommandRing;
  readonly #watch: Watch;
  readonly #pending = new Map<number, Pending>();
  #last = 0;

  /** Owns `device`, /dev/ublk-control. Throws DeviceError("unsupported") where there can be no ring. */
  constructor(device: Descriptor) {
    this.#device = device;
    try {
      this.#ring = new CommandRing(true);
    } catch (error) {
      device.close();
      throw error;
    }
    this.#watch = watch(this.#ring.fd, { readable: true }, () =>
      this.#ring.reap((id, result) => this.#answered(id, result)),
    );
    this.#watch.ref(false);
  }

  /** Rejects with DeviceError("unsupported") for a kernel that lacks what ring3 needs (Linux 6.5 has it), "denied" without CAP_SYS_ADMIN. */
  async check(): Promise<void> {
    const features = new Uint8Array(8);
    await this.#ask("ask ublk for its features", UBLK_U_CMD_GET_FEATURES, ANY_DEVICE, features);
    const [has] = new Uint32Array(features.buffer);
    if ((has! & WANTED) !== WANTED)
      throw new DeviceError(
        "unsupported",
        "this kernel's ublk has no recovery with user copy (Linux 6.5 has)",
      );
  }

  /** The kernel chooses the number, and may give fewer queues. `mark`: told again by `info`. */
  async add(queues: number, depth: number, mark: UblkMark): Promise<UblkInfo> {
    const info = deviceInfo.create();
    Object.assign(info, {
      nrHwQueues: queues,
      queueDepth: depth,
      maxIoBufBytes: UBLK_IO_BYTES_MAX,
      devId: ANY_DEVICE,
      flags: WANTED,
      ...mark,
    });
    const memory = encoded(deviceInfo, info);
    await this.#ask("add a ublk disk", UBLK_U_CMD_ADD_DEV, ANY_DEVICE, memory);
    return decoded(deviceInfo, memory);
  }

  async info(number: number): Promise<UblkInfo> {
    const memory = new Uint8Array(deviceInfo.size);
    await this.#ask(`ask for ublk disk ${number}`, UBLK_U_CMD_GET_DEV_INFO, number, memory);
    return decoded(deviceInfo, memory);
  }

  async parameters(number: number): Promise<UblkParameters> {
    const memory = new Uint8Array(diskParameters.size);
    new DataView(memory.buffer).setUint32(0, PARAMETER_BYTES, true);
    await this.#ask(`ask for the parameters of ublk disk ${number}`, UBLK_U_CMD_GET_PARAMS, number, memory);
    return decoded(diskParameters, memory);
  }

  async setParameters(number: number, parameters: UblkParameters): Promise<void> {
    const memory = encoded(diskParameters, { ...parameters, len: PARAMETER_BYTES });
    await this.#ask(`set the parameters of ublk disk ${number}`, UBLK_U_CMD_SET_PARAMS, number, memory);
  }

  /** Resolves once /dev/ublkbN is there, which is once its server has asked for the first requests. */
  start(number: number, server: number): Promise<void> {
    return this.#ask(`start ublk disk ${number}`, UBLK_U_CMD_START_DEV, number, null, server);
  }

  /** Requests fail from now on; resolves once those are over that its server has, if it lives. */
  stop(number: number): Promise<void> {
    return this.#ask(`stop ublk disk ${number}`, UBLK_U_CMD_STOP_DEV, number, null);
  }

  /** Resolves once nobody has /dev/ublkcN open any more. */
  delete(number: number): Promise<void> {
    return this.#ask(`delete ublk disk ${number}`, UBLK_U_CMD_DEL_DEV, number, null);
  }

  /** "busy" as long as the kernel has not let go of the last server. */
  startRecovery(number: number): Promise<void> {
    return this.#ask(`give ublk disk ${number} another server`, UBLK_U_CMD_START_USER_RECOVERY, number, null);
  }

  /** Resolves once its next server has asked for requests. */
  endRecovery(number: number, server: number): Promise<void> {
    return this.#ask(`resume ublk disk ${number}`, UBLK_U_CMD_END_USER_RECOVERY, number, null, server);
  }

  close(): void {
    this.#watch.close();
    this.#ring.close();
    this.#device.close();
  }

  #ask(what: string, operation: number, device: number, memory: Uint8Array | null, data = 0): Promise<void> {
    const id = ++this.#last;
    const answer = Promise.withResolvers<void>();
    this.#pending.set(id, { what, memory, answer });
    this.#watch.ref(true);
    this.#ring.push({ descriptor: this.#device.fd, operation, id }, (view, at) => {
      view.setUint32(at + DEVICE, device, true);
      view.setUint16(at + QUEUE, NO_QUEUE, true);
      view.setUint16(at + LENGTH, memory?.length ?? 0, true);
      view.setUint32(at + DATA, data, true);
    });
    this.#ring.flush(memory);
    return answer.promise;
  }

  #answered(id: number, result: number): void {
    const { what, answer } = this.#pending.get(id)!;
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#watch.ref(false);
    if (result < 0) answer.reject(systemError(what, result));
    else answer.resolve();
  }
}

function encoded<T>(form: { size: number; encode(value: T, view: DataView, at: number): void }, value: T) {
  const memory = new Uint8Array(form.size);
  form.encode(value, new DataView(memory.buffer), 0);
  return memory;
}

function decoded<T>(form: { decode(view: DataView, at: number): T }, memory: Uint8Array): T {
  return form.decode(new DataView(memory.buffer), 0);
}
