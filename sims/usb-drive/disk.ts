// Runs in: the usb-drive sim. Owns: one image file, opened for reading or for both.
import { spawn } from "node:child_process";
import { close, constants, fstatSync, openSync, read, writev } from "node:fs";

const ZERO_STEP = 1048576;
const zeroes = new Uint8Array(ZERO_STEP);

/** What stands between the SCSI commands and the bytes: an image, or a cache on top of one. Offsets are in bytes. */
export interface Medium {
  readonly sizeBytes: number;
  read(position: number, into: Uint8Array): Promise<void>;
  /** `through`: durable before it resolves (FUA). */
  write(position: number, chunks: readonly Uint8Array[], length: number, through: boolean): Promise<void>;
  zero(position: number, length: number): Promise<void>;
  flush(): Promise<void>;
}

/** What is acknowledged is in the file; the host computer's own page cache outlives this process and is not modelled. */
export class Image implements Medium {
  readonly path: string;
  readonly sizeBytes: number;
  readonly #fd: number;
  #underWay = 0;
  #closed = false;
  #closing: (() => void) | undefined;

  private constructor(path: string, fd: number, sizeBytes: number) {
    this.path = path;
    this.#fd = fd;
    this.sizeBytes = sizeBytes;
  }

  /** Throws an Error whose message names the file and what is wrong with it. */
  static open(path: string, options: { readOnly: boolean; sectorBytes: number }): Image {
    let fd: number;
    try {
      fd = openSync(path, options.readOnly ? constants.O_RDONLY : constants.O_RDWR);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new Error(`image ${path}: cannot be opened: ${code}`, { cause: error });
    }
    const found = fstatSync(fd);
    const wrong = wrongWith(found.isFile(), found.size, options.sectorBytes);
    if (wrong === undefined) return new Image(path, fd, found.size);
    close(fd);
    throw new Error(`image ${path}: ${wrong}`);
  }

  read(position: number, into: Uint8Array): Promise<void> {
    return this.#track((resolve, reject) => {
      const step = (done: number): void => {
        read(this.#fd, into, done, into.length - done, position + done, (error, count) => {
          if (error !== null) reject(error);
          else if (done + count === into.length) resolve();
          else if (count > 0) step(done + count);
          else {
            into.fill(0, done); // the file was cut under us
            resolve();
          }
        });
      };
      step(0);
    });
  }

  write(position: number, chunks: readonly Uint8Array[]): Promise<void> {
    return this.#track((resolve, reject) => {
      const step = (left: readonly Uint8Array[], at: number): void => {
        writev(this.#fd, left, at, (error, count) => {
          if (error !== null) return reject(error);
          const rest = without(left, count);
          if (rest.length === 0) resolve();
          else step(rest, at + count);
        });
      };
      step(chunks, position);
    });
  }

  /** Leaves a hole where the file system can, so that a discarded image does not grow to its nominal size. */
  async zero(position: number, length: number): Promise<void> {
    if (length >= ZERO_STEP && (await this.#punch(position, length))) return;
    for (let done = 0; done < length; done += ZERO_STEP) {
      const step = Math.min(ZERO_STEP, length - done);
      const found = Buffer.allocUnsafe(step);
      await this.read(position + done, found);
      const wanted = zeroes.subarray(0, step);
      if (!found.equals(wanted)) await this.write(position + done, [wanted]);
    }
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  /** Waits for what is under way: a descriptor's number must not be reused beneath it. */
  close(): Promise<void> {
    this.#closed = true;
    return new Promise((resolve) => {
      this.#closing = () => close(this.#fd, () => resolve());
      this.#closeIfIdle();
    });
  }

  /** Node has no fallocate(2); util-linux's program of that name does it on our descriptor. */
  #punch(position: number, length: number): Promise<boolean> {
    return this.#track((resolve) => {
      const range = ["--offset", String(position), "--length", String(length)];
      const child = spawn("fallocate", ["--punch-hole", ...range, "/proc/self/fd/3"], {
        stdio: ["ignore", "ignore", "ignore", this.#fd],
      });
      child.once("error", () => resolve(false));
      child.once("close", (code) => resolve(code === 0));
    });
  }

  async #track<T>(run: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    if (this.#closed) throw new Error(`image ${this.path} is closed`);
    this.#underWay++;
    try {
      return await new Promise<T>(run);
    } finally {
      this.#underWay--;
      this.#closeIfIdle();
    }
  }

  #closeIfIdle(): void {
    if (this.#underWay > 0) return;
    this.#closing?.();
    this.#closing = undefined;
  }
}

function wrongWith(isFile: boolean, size: number, sectorBytes: number): string | undefined {
  if (!isFile) return "expected a regular file";
  if (size === 0) return "expected a disk image, found an empty file";
  return size % sectorBytes === 0
    ? undefined
    : `expected a size that is a multiple of ${sectorBytes}, found ${size}`;
}

function without(chunks: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let left = count;
  let at = 0;
  while (at < chunks.length && chunks[at]!.length <= left) left -= chunks[at++]!.length;
  if (left === 0) return chunks.slice(at);
  return [chunks[at]!.subarray(left), ...chunks.slice(at + 1)];
}
