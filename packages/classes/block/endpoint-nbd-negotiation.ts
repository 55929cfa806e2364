// Runs in: reflector. Owns: nothing; the server's side of NBD's fixed newstyle negotiation over any stream of bytes.
import { DeviceError, type DeviceErrorKind } from "@ring3/core/errors";
import { printable } from "@ring3/core/log";
import {
  NBD_FLAG_FIXED_NEWSTYLE,
  NBD_FLAG_NO_ZEROES,
  NBD_INFO_DESCRIPTION,
  NBD_INFO_NAME,
  NBD_OPT_ABORT,
  NBD_OPT_EXPORT_NAME,
  NBD_OPT_GO,
  NBD_OPT_INFO,
  NBD_OPT_LIST,
  NBD_OPT_STRUCTURED_REPLY,
  NBD_REP_ACK,
  NBD_REP_ERR_INVALID,
  NBD_REP_ERR_POLICY,
  NBD_REP_ERR_SHUTDOWN,
  NBD_REP_ERR_UNKNOWN,
  NBD_REP_ERR_UNSUP,
  NBD_REP_INFO,
  NBD_REP_SERVER,
} from "@ring3/kernel/nbd/constants";
import {
  CLIENT_FLAGS_BYTES,
  decodeClientFlags,
  decodeInfoRequest,
  decodeName,
  decodeOptionHeader,
  encodeBlockSizeInfo,
  encodeExportInfo,
  encodeExportNameReply,
  encodeGreeting,
  encodeOptionReply,
  encodeServer,
  encodeTextInfo,
  OPTION_HEADER_BYTES,
} from "@ring3/kernel/nbd/handshake";
import { type DiskExport, flagsFor } from "./endpoint-nbd-export.ts";

/** An option's data beyond this is no option; no client sends half as much. */
const OPTION_DATA_MAX = 65_536;
const KNOWN_CLIENT_FLAGS = NBD_FLAG_FIXED_NEWSTYLE | NBD_FLAG_NO_ZEROES;

export interface NegotiationStream {
  /** Exactly so many bytes, the caller's own. Rejects with DeviceError at the end of the stream. */
  read(length: number): Promise<Uint8Array>;
  /** Waits while the client leaves too much unread. */
  write(bytes: Uint8Array): Promise<void>;
}

export interface Offer {
  readonly exportName: string;
  /** Other names for the same export; the empty name, "the default export", is one anyway. */
  readonly aliases: readonly string[];
  readonly description: string;
  /** Opens the disk for this connection; called again it answers the same. Rejects with DeviceError. */
  enter(): Promise<DiskExport>;
}

export interface Negotiated {
  readonly disk: DiskExport;
  readonly structured: boolean;
}

/** undefined: the client took its leave. Rejects with DeviceError("protocol") for a client that must be hung up on. */
export async function negotiate(stream: NegotiationStream, offer: Offer): Promise<Negotiated | undefined> {
  await stream.write(encodeGreeting(KNOWN_CLIENT_FLAGS));
  const clientFlags = decodeClientFlags(await stream.read(CLIENT_FLAGS_BYTES));
  if ((clientFlags & ~KNOWN_CLIENT_FLAGS) !== 0)
    throw new DeviceError("protocol", `NBD client flags 0x${clientFlags.toString(16)}`);
  const haggling = new Haggling(stream, offer);
  for (;;) {
    const header = decodeOptionHeader(await stream.read(OPTION_HEADER_BYTES));
    if (header === undefined) throw new DeviceError("protocol", "NBD option without its magic");
    const { option, length } = header;
    if (length > OPTION_DATA_MAX)
      throw new DeviceError("protocol", `NBD option ${option} with ${length} bytes`);
    const data = await stream.read(length);
    if (option === NBD_OPT_EXPORT_NAME) {
      const disk = await haggling.enterByName(decodeName(data));
      const zeroes = (clientFlags & NBD_FLAG_NO_ZEROES) === 0;
      await stream.write(
        encodeExportNameReply({ ...disk, flags: flagsFor(disk, haggling.structured) }, zeroes),
      );
      return { disk, structured: haggling.structured };
    }
    if (option === NBD_OPT_ABORT) {
      await haggling.reply(option, NBD_REP_ACK);
      return undefined;
    }
    const disk = await haggling.answer(option, data);
    if (disk !== undefined && option === NBD_OPT_GO) return { disk, structured: haggling.structured };
  }
}

class Haggling {
  readonly #stream: NegotiationStream;
  readonly #offer: Offer;
  structured = false;

  constructor(stream: NegotiationStream, offer: Offer) {
    this.#stream = stream;
    this.#offer = offer;
  }

  reply(option: number, type: number, data?: Uint8Array | string): Promise<void> {
    return this.#stream.write(encodeOptionReply(option, type, data));
  }

  /** NBD_OPT_EXPORT_NAME knows no error but hanging up. */
  enterByName(name: string): Promise<DiskExport> {
    if (!this.#serves(name)) throw new DeviceError("protocol", this.#unknown(name));
    return this.#offer.enter();
  }

  /** The disk, where the option has described one. */
  async answer(option: number, data: Uint8Array): Promise<DiskExport | undefined> {
    switch (option) {
      case NBD_OPT_INFO:
      case NBD_OPT_GO:
        return await this.#describe(option, data);
      case NBD_OPT_LIST:
      case NBD_OPT_STRUCTURED_REPLY:
        if (data.length > 0)
          await this.reply(option, NBD_REP_ERR_INVALID, `expected no data, found ${data.length} bytes`);
        else if (option === NBD_OPT_LIST) await this.#list();
        else await this.#useStructured();
        return undefined;
      default:
        await this.reply(option, NBD_REP_ERR_UNSUP, `option ${option} is not known here`);
        return undefined;
    }
  }

  async #list(): Promise<void> {
    const { exportName, description } = this.#offer;
    await this.reply(NBD_OPT_LIST, NBD_REP_SERVER, encodeServer(exportName, description));
    await this.reply(NBD_OPT_LIST, NBD_REP_ACK);
  }

  async #useStructured(): Promise<void> {
    this.structured = true;
    await this.reply(NBD_OPT_STRUCTURED_REPLY, NBD_REP_ACK);
  }

  async #describe(option: number, data: Uint8Array): Promise<DiskExport | undefined> {
    const request = decodeInfoRequest(data);
    if (typeof request === "string") return void (await this.reply(option, NBD_REP_ERR_INVALID, request));
    if (!this.#serves(request.name))
      return void (await this.reply(option, NBD_REP_ERR_UNKNOWN, this.#unknown(request.name)));
    let disk: DiskExport;
    try {
      disk = await this.#offer.enter();
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      return void (await this.reply(option, refusalType(error.kind), printable(error.message)));
    }
    const { exportName, description } = this.#offer;
    const told = { ...disk, flags: flagsFor(disk, this.structured) };
    await this.reply(option, NBD_REP_INFO, encodeExportInfo(told));
    // Told unasked too: a client that heeds it sends nothing that has to be refused.
    await this.reply(option, NBD_REP_INFO, encodeBlockSizeInfo(told));
    if (request.wanted.includes(NBD_INFO_NAME))
      await this.reply(option, NBD_REP_INFO, encodeTextInfo(NBD_INFO_NAME, exportName));
    if (request.wanted.includes(NBD_INFO_DESCRIPTION))
      await this.reply(option, NBD_REP_INFO, encodeTextInfo(NBD_INFO_DESCRIPTION, description));
    await this.reply(option, NBD_REP_ACK);
    return disk;
  }

  #serves(name: string): boolean {
    return name === "" || name === this.#offer.exportName || this.#offer.aliases.includes(name);
  }

  #unknown(name: string): string {
    return `no export has the name "${printable(name, 100)}"; this socket serves "${this.#offer.exportName}"`;
  }
}

function refusalType(kind: DeviceErrorKind): number {
  if (kind === "busy" || kind === "denied" || kind === "read-only") return NBD_REP_ERR_POLICY;
  return kind === "cancelled" ? NBD_REP_ERR_SHUTDOWN : NBD_REP_ERR_UNKNOWN;
}
