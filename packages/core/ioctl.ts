// Runs in: everywhere. Owns: ioctl request codes as the kernel builds them, and a contract's codes.
import type { Contract, Operation, OperationName } from "./contract.ts";
import { DeviceError } from "./errors.ts";

// asm-generic/ioctl.h: number 8 bits, type 8, size 14, direction 2; x86-64 and arm64 use it unchanged.
const IOC_WRITE = 1;
const IOC_READ = 2;
const SIZE_MAX = 2 ** 14 - 1;

function ioc(direction: number, type: number, nr: number, size: number): number {
  if (type < 0 || type > 255 || nr < 0 || nr > 255 || size < 0 || size > SIZE_MAX)
    throw new DeviceError("out-of-range", `ioctl code of type ${type}, number ${nr}, size ${size}`);
  return ((direction << 30) | (size << 16) | (type << 8) | nr) >>> 0;
}

/** No argument in memory. */
export const _IO = (type: number, nr: number): number => ioc(0, type, nr, 0);
/** The kernel writes `size` bytes, the program reads them. */
export const _IOR = (type: number, nr: number, size: number): number => ioc(IOC_READ, type, nr, size);
/** The program hands over `size` bytes. */
export const _IOW = (type: number, nr: number, size: number): number => ioc(IOC_WRITE, type, nr, size);
export const _IOWR = (type: number, nr: number, size: number): number =>
  ioc(IOC_READ | IOC_WRITE, type, nr, size);

/** The bits of a request's number that say how long its argument is. */
export const IOC_SIZE_BITS = (SIZE_MAX << 16) >>> 0;

/**
 * Some requests are a family, one for each length of their argument. In a table the one of length 0 stands for all of them: a request that moves data
 * and has none to move is no other's number.
 */
export const isOfAnyLength = (request: number): boolean =>
  request >>> 30 !== 0 && (request & IOC_SIZE_BITS) === 0;

/** Where the parts of an operation's ioctl argument lie: input and output share offset 0; behind them the address (u64) and length (u32) of bulk data. */
export interface IoctlArgument {
  readonly size: number;
  /** Offset of the u64 address; the u32 length follows it. Undefined when the operation has no bulk data. */
  readonly dataOffset: number | undefined;
}

export function ioctlArgument(operation: Operation): IoctlArgument {
  const inline = Math.max(operation.in?.size ?? 0, operation.out?.size ?? 0);
  if (operation.data !== undefined) {
    const dataOffset = Math.ceil(inline / 8) * 8;
    return { size: dataOffset + 16, dataOffset };
  }
  // A union is padded to its strictest member.
  const align = Math.max(operation.in?.align ?? 1, operation.out?.align ?? 1);
  return { size: Math.ceil(inline / align) * align, dataOffset: undefined };
}

/** Which macro makes an operation's code: what the driver gives back is read, everything else is written. */
export function ioctlMacro(operation: Operation): "_IO" | "_IOR" | "_IOW" | "_IOWR" {
  const written = operation.in !== undefined || operation.data !== undefined; // an address and a length are input
  if (operation.out === undefined) return written ? "_IOW" : "_IO";
  return written ? "_IOWR" : "_IOR";
}

const macros = { _IO, _IOR, _IOW, _IOWR } as const;

/** The request code of one operation. */
export function ioctlCode<C extends Contract>(contract: C, name: OperationName<C>): number {
  const operation = contract.operations[name];
  if (operation === undefined)
    throw new DeviceError("invalid", `contract "${contract.name}" has no operation "${name}"`);
  return macros[ioctlMacro(operation)](contract.ioctlType, operation.nr, ioctlArgument(operation).size);
}
