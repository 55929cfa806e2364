// Runs in: driver host, manager. Owns: nothing. usbfs as linux/usbdevice_fs.h has it, on 64-bit machines; constants.test.ts asks a C compiler.
import { _IO, _IOR, _IOW, _IOWR } from "@ring3/core/ioctl";
import { struct, u32, u64 } from "@ring3/core/struct";

const TYPE = 0x55; // 'U'
const POINTER_BYTES = 8;
const DRIVER_NAME_BYTES = 256; // USBDEVFS_MAXDRIVERNAME + 1

export const setInterfaceArgument = struct({ interface: u32, alternate: u32 }); // struct usbdevfs_setinterface
export const ioctlArgument = struct({ interface: u32, code: u32, data: u64 }); // struct usbdevfs_ioctl
export const GETDRIVER_BYTES = 4 + DRIVER_NAME_BYTES; // struct usbdevfs_getdriver: interface, name
export const DISCONNECT_CLAIM_BYTES = 8 + DRIVER_NAME_BYTES; // struct usbdevfs_disconnect_claim: interface, flags, name

export const USBDEVFS_SETINTERFACE = _IOR(TYPE, 4, setInterfaceArgument.size);
export const USBDEVFS_GETDRIVER = _IOW(TYPE, 8, GETDRIVER_BYTES);
export const USBDEVFS_SUBMITURB = _IOR(TYPE, 10, 56); // struct usbdevfs_urb without packets
export const USBDEVFS_DISCARDURB = _IO(TYPE, 11);
export const USBDEVFS_REAPURBNDELAY = _IOW(TYPE, 13, POINTER_BYTES);
export const USBDEVFS_CLAIMINTERFACE = _IOR(TYPE, 15, 4);
export const USBDEVFS_RELEASEINTERFACE = _IOR(TYPE, 16, 4);
export const USBDEVFS_IOCTL = _IOWR(TYPE, 18, ioctlArgument.size);
export const USBDEVFS_RESET = _IO(TYPE, 20);
export const USBDEVFS_CLEAR_HALT = _IOR(TYPE, 21, 4);
export const USBDEVFS_CONNECT = _IO(TYPE, 23);
export const USBDEVFS_GET_CAPABILITIES = _IOR(TYPE, 26, 4);
export const USBDEVFS_DISCONNECT_CLAIM = _IOR(TYPE, 27, DISCONNECT_CLAIM_BYTES);
export const USBDEVFS_DROP_PRIVILEGES = _IOW(TYPE, 30, 4);

/** What `usbfsTransport` uses: the requests that a driver host's seccomp filter may let through on its usbfs descriptor. */
export const hostRequests = {
  USBDEVFS_SUBMITURB,
  USBDEVFS_DISCARDURB,
  USBDEVFS_REAPURBNDELAY,
  USBDEVFS_GET_CAPABILITIES,
  USBDEVFS_CLEAR_HALT,
  USBDEVFS_SETINTERFACE,
  USBDEVFS_CLAIMINTERFACE,
  USBDEVFS_RELEASEINTERFACE,
  USBDEVFS_RESET,
  USBDEVFS_GETDRIVER,
} as const;

export const USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER = 0x02;

export const USBDEVFS_URB_SHORT_NOT_OK = 0x01;
export const USBDEVFS_URB_ISO_ASAP = 0x02;
export const USBDEVFS_URB_BULK_CONTINUATION = 0x04;

export const USBDEVFS_URB_TYPE_ISO = 0;
export const USBDEVFS_URB_TYPE_INTERRUPT = 1;
export const USBDEVFS_URB_TYPE_CONTROL = 2;
export const USBDEVFS_URB_TYPE_BULK = 3;

export const USBDEVFS_CAP_BULK_CONTINUATION = 0x02;
export const USBDEVFS_CAP_BULK_SCATTER_GATHER = 0x08;
export const USBDEVFS_CAP_MMAP = 0x20;

export const MAX_ISOCHRONOUS_PACKETS = 128; // drivers/usb/core/devio.c, proc_do_submiturb
