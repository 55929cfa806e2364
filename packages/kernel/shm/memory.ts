// Runs in: every process. Owns: shared memory, sealed so that no peer can pull it away or change it under its reader.
import { constants } from "node:fs";
import { DeviceError, systemError } from "@ring3/core/errors";
import { check, Descriptor } from "../fd/descriptor.ts";
import { native } from "../native.ts";

// linux/fcntl.h
const F_SEAL_SEAL = 0x01;
const F_SEAL_SHRINK = 0x02;
const F_SEAL_GROW = 0x04;
const F_SEAL_WRITE = 0x08;
const F_SEAL_FUTURE_WRITE = 0x10; // who has it mapped writable keeps that; nobody else gets it

const SIZE_SEALS = F_SEAL_SHRINK | F_SEAL_GROW;
const ONE_WRITER_SEALS = SIZE_SEALS | F_SEAL_FUTURE_WRITE;
const CONSTANT_SEALS = SIZE_SEALS | F_SEAL_WRITE | F_SEAL_SEAL;

const SEALED_FILE_MAX = 64 << 20;

/** Memory that is not mapped here. */
export interface Memory {
  readonly fd: Descriptor;
  readonly size: number;
  /** From now on nobody but who has it mapped writable already can write, and nobody can resize or take the seals off. */
  seal(): void;
  /** From now on nobody can resize; whoever is given the descriptor can write. */
  sealSize(): void;
}

/** Shared memory in this process's address space; lives on when its descriptor is closed. */
export interface Mapping {
  readonly size: number;
  /** All of it. V8 collects garbage for large ones: those are taken in parts. */
  readonly buffer: ArrayBuffer;
  /** Only what is asked for; once for each part. */
  part(offset: number, length: number): ArrayBuffer;
}

/** Mapped writable. */
export interface SharedMemory extends Memory, Mapping {}

export function createMemory(name: string, size: number): Memory {
  const fd = new Descriptor(check(native.memfdCreate(name, true), `create shared memory ${name}`));
  try {
    check(native.ftruncate(fd.fd, size), `size shared memory ${name} to ${size} bytes`);
    const addSeals = (seals: number) =>
      void check(native.addSeals(fd.fd, seals), `seal shared memory ${name}`);
    return {
      fd,
      size,
      seal: () => addSeals(ONE_WRITER_SEALS | F_SEAL_SEAL),
      sealSize: () => addSeals(SIZE_SEALS),
    };
  } catch (error) {
    fd.close();
    throw error;
  }
}

export function createShared(name: string, size: number): SharedMemory {
  const memory = createMemory(name, size);
  try {
    return Object.assign(map(memory.fd.fd, size, true), memory);
  } catch (error) {
    memory.fd.close();
    throw error;
  }
}

/**
 * Maps what a peer's createShared and seal made, read-only: a write to the buffer kills this process. Throws DeviceError("protocol") for memory
 * that its writer could truncate or let others write, and for more than `maxSize` bytes. Does not take the descriptor.
 */
export function mapPeer(fd: number, maxSize: number): Mapping {
  requireSeals(fd, ONE_WRITER_SEALS);
  return map(fd, sealedSize(fd, maxSize), false);
}

/** For who passes such memory on: throws where mapPeer would, or where it is not exactly of that size. */
export function checkPeer(fd: number, size: number): void {
  requireSeals(fd, ONE_WRITER_SEALS);
  const found = sealedSize(fd, size);
  if (found !== size)
    throw new DeviceError("protocol", `shared memory: expected ${size} bytes, found ${found}`);
}

/** Maps memory writable that another process has made, by createMemory and sealSize. Throws DeviceError("protocol") if its size is another or not sealed. */
export function mapFixed(fd: number, size: number): Mapping {
  requireSize(fd, size);
  return map(fd, size, true);
}

/** The same, to be read only: a write to the buffer kills this process. */
export function mapReadOnly(fd: number, size: number): Mapping {
  requireSize(fd, size);
  return map(fd, size, false);
}

function requireSize(fd: number, size: number): void {
  requireSeals(fd, SIZE_SEALS);
  if (sealedSize(fd, size) !== size)
    throw new DeviceError("protocol", `shared memory: expected ${size} bytes, found ${native.fileSize(fd)}`);
}

/** Another descriptor of such memory, with which it cannot be written. Root and the memory's owner can have one with which it can, and need none. */
export function readOnly(fd: number): Descriptor {
  return new Descriptor(
    check(native.open(`/proc/self/fd/${fd}`, constants.O_RDONLY, 0), "open shared memory for reading"),
  );
}

/** A file without a path that can never change again. */
export function sealedFile(name: string, bytes: Uint8Array): Descriptor {
  const fd = new Descriptor(check(native.memfdCreate(name, true), `create sealed file ${name}`));
  try {
    for (let done = 0; done < bytes.length; )
      done += check(native.write(fd.fd, bytes.subarray(done)), `fill sealed file ${name}`);
    check(native.addSeals(fd.fd, CONSTANT_SEALS), `seal file ${name}`);
    return fd;
  } catch (error) {
    fd.close();
    throw error;
  }
}

/** The bytes of a sealedFile. Throws DeviceError("protocol") for a file that could still change, or of more than 64 MiB. */
export function readSealed(fd: number): Uint8Array {
  requireSeals(fd, SIZE_SEALS | F_SEAL_WRITE);
  const size = check(native.fileSize(fd), "size of a sealed file");
  if (size > SEALED_FILE_MAX)
    throw new DeviceError(
      "protocol",
      `sealed file: expected at most ${SEALED_FILE_MAX} bytes, found ${size}`,
    );
  const bytes = new Uint8Array(size);
  for (let done = 0; done < size; )
    done += check(native.pread(fd, bytes.subarray(done), done), "read a sealed file");
  return bytes;
}

function requireSeals(fd: number, wanted: number): void {
  const seals = native.getSeals(fd);
  if (seals < 0 || (seals & wanted) !== wanted) {
    const found = seals < 0 ? "a file that takes none" : `0x${seals.toString(16)}`;
    throw new DeviceError(
      "protocol",
      `shared memory: expected seals 0x${wanted.toString(16)}, found ${found}`,
    );
  }
}

/** Asked for after the seals: before, the answer could be outdated at once. */
function sealedSize(fd: number, maxSize: number): number {
  const size = check(native.fileSize(fd), "size of shared memory");
  if (size < 1 || size > maxSize)
    throw new DeviceError("protocol", `shared memory: expected 1 to ${maxSize} bytes, found ${size}`);
  return size;
}

function map(fd: number, size: number, writable: boolean): Mapping {
  const region = native.map(fd, size, writable);
  if (typeof region === "number") throw systemError(`map ${size} bytes of shared memory`, region);
  let whole: ArrayBuffer | undefined;
  return {
    size,
    get buffer() {
      whole ??= native.part(region, 0, size);
      return whole;
    },
    part: (offset, length) => native.part(region, offset, length),
  };
}
