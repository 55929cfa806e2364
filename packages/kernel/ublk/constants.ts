// Runs in: manager and reflector. Owns: nothing; what <linux/ublk_cmd.h> says, as of Linux 6.12.
import { _IOR, _IOWR } from "@ring3/core/ioctl";
import { struct, u8, u16, u32, u64 } from "@ring3/core/struct";

const TYPE = 0x75; // 'u'
const IO_COMMAND_BYTES = 16;
const CONTROL_COMMAND_BYTES = 32;
const control = (nr: number) => _IOWR(TYPE, nr, CONTROL_COMMAND_BYTES);
const controlRead = (nr: number) => _IOR(TYPE, nr, CONTROL_COMMAND_BYTES);

export const UBLK_U_CMD_GET_DEV_INFO = controlRead(0x02);
export const UBLK_U_CMD_ADD_DEV = control(0x04);
export const UBLK_U_CMD_DEL_DEV = control(0x05);
export const UBLK_U_CMD_START_DEV = control(0x06);
export const UBLK_U_CMD_STOP_DEV = control(0x07);
export const UBLK_U_CMD_SET_PARAMS = control(0x08);
export const UBLK_U_CMD_GET_PARAMS = controlRead(0x09);
export const UBLK_U_CMD_START_USER_RECOVERY = control(0x10);
export const UBLK_U_CMD_END_USER_RECOVERY = control(0x11);
export const UBLK_U_CMD_GET_FEATURES = controlRead(0x13);

export const UBLK_U_IO_FETCH_REQ = _IOWR(TYPE, 0x20, IO_COMMAND_BYTES);
export const UBLK_U_IO_COMMIT_AND_FETCH_REQ = _IOWR(TYPE, 0x21, IO_COMMAND_BYTES);

/** Bits of ublksrv_ctrl_dev_info.flags, and of what GET_FEATURES answers. */
export const UBLK_F_USER_RECOVERY = 1 << 3;
export const UBLK_F_USER_RECOVERY_REISSUE = 1 << 4;
export const UBLK_F_CMD_IOCTL_ENCODE = 1 << 6;
export const UBLK_F_USER_COPY = 1 << 7;

/** ublksrv_ctrl_dev_info.state */
export const UBLK_S_DEV_LIVE = 1;
export const UBLK_S_DEV_QUIESCED = 2;

export const UBLK_PARAM_TYPE_BASIC = 1 << 0;
export const UBLK_PARAM_TYPE_DISCARD = 1 << 1;
export const UBLK_ATTR_READ_ONLY = 1 << 0;
export const UBLK_ATTR_ROTATIONAL = 1 << 1;
export const UBLK_ATTR_VOLATILE_CACHE = 1 << 2;
export const UBLK_ATTR_FUA = 1 << 3;

export const UBLK_IO_OP_READ = 0;
export const UBLK_IO_OP_WRITE = 1;
export const UBLK_IO_OP_FLUSH = 2;
export const UBLK_IO_OP_DISCARD = 3;
export const UBLK_IO_OP_WRITE_ZEROES = 5;
export const UBLK_IO_F_FUA = 1 << 13;
export const UBLK_IO_F_NOUNMAP = 1 << 15;

/** The command's result where the device is being stopped. */
export const UBLK_IO_RES_ABORT = -19; // -ENODEV

/** Where in /dev/ublkcN the bytes of a request lie. */
export const UBLKSRV_IO_BUF_OFFSET = 0x8000_0000;
export const UBLK_TAG_OFF = 25;
export const UBLK_QID_OFF = 41;
export const UBLK_MAX_QUEUE_DEPTH = 4096;
/** The largest request that the kernel makes: 2^25 bytes would be the next tag's place. */
export const UBLK_IO_BYTES_MAX = 1 << 24;

/** struct ublksrv_ctrl_dev_info */
export const deviceInfo = struct({
  nrHwQueues: u16,
  queueDepth: u16,
  state: u16,
  pad0: u16,
  maxIoBufBytes: u32,
  devId: u32,
  ublksrvPid: u32,
  pad1: u32,
  flags: u64,
  ublksrvFlags: u32, // its server's own; in two halves, since others may use all 64 bits
  ublksrvFlagsHigh: u32,
  ownerUid: u32,
  ownerGid: u32,
  reserved1: u64,
  reserved2: u64,
});

/** struct ublk_params, as far as it is used: those of types that are not set need not be there. */
export const diskParameters = struct({
  len: u32,
  types: u32,
  attrs: u32,
  logicalBsShift: u8,
  physicalBsShift: u8,
  ioOptShift: u8,
  ioMinShift: u8,
  maxSectors: u32,
  chunkSectors: u32,
  devSectors: u64,
  virtBoundaryMask: u64,
  discardAlignment: u32,
  discardGranularity: u32,
  maxDiscardSectors: u32,
  maxWriteZeroesSectors: u32,
  maxDiscardSegments: u16,
  reserved0: u16,
});
/** Behind them stands what is not asked for. */
export const PARAMETER_BYTES = diskParameters.offsets.reserved0 + 2;

/** struct ublksrv_io_desc. The sector of a flush is -1, so it is in two halves. */
export const requestDescription = struct({
  opFlags: u32,
  nrSectors: u32,
  startSector: u32,
  startSectorHigh: u32,
  addr: u64,
});
