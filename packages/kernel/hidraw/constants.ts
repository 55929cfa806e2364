// Runs in: driver host, manager. Owns: nothing; <linux/hidraw.h> as of Linux 6.12. constants.test.ts asks a C compiler.
import { DESCRIPTOR_BYTES_MAX } from "@ring3/core/hid/limits";
import { _IOR, _IOW, _IOWR } from "@ring3/core/ioctl";
import { struct, u16, u32 } from "@ring3/core/struct";

const TYPE = 0x48; // 'H'
const INT_BYTES = 4;

/** struct hidraw_devinfo; the ids are signed there, and none elsewhere in the kernel. */
export const hidrawDevinfo = struct({ bustype: u32, vendor: u16, product: u16 });
/** struct hidraw_report_descriptor: its size, then room for the longest there may be. */
export const REPORT_DESCRIPTOR_BYTES = INT_BYTES + DESCRIPTOR_BYTES_MAX;

export const HIDIOCGRDESCSIZE = _IOR(TYPE, 0x01, INT_BYTES);
export const HIDIOCGRDESC = _IOR(TYPE, 0x02, REPORT_DESCRIPTOR_BYTES);
export const HIDIOCGRAWINFO = _IOR(TYPE, 0x03, hidrawDevinfo.size);
export const HIDIOCGRAWNAME = (length: number): number => _IOR(TYPE, 0x04, length);
export const HIDIOCGRAWPHYS = (length: number): number => _IOR(TYPE, 0x05, length);
export const HIDIOCSFEATURE = (length: number): number => _IOWR(TYPE, 0x06, length);
export const HIDIOCGFEATURE = (length: number): number => _IOWR(TYPE, 0x07, length);
/** Linux 5.11. */
export const HIDIOCGRAWUNIQ = (length: number): number => _IOR(TYPE, 0x08, length);
/** Linux 5.11. */
export const HIDIOCGINPUT = (length: number): number => _IOWR(TYPE, 0x0a, length);
/** Linux 6.12. Its argument is 0, and no address. */
export const HIDIOCREVOKE = _IOW(TYPE, 0x0d, INT_BYTES);

/** Room for each of a device's texts: struct hid_device of linux/hid.h has 128, 64 and 64 bytes for name, phys and uniq. */
export const TEXT_BYTES = 128;
/** Reports that nobody has read yet; the kernel drops those that come when so many wait. */
export const HIDRAW_BUFFER_SIZE = 64;

/** What `hidrawTransport` uses, whatever their length: the requests that a driver host's filter may let through on its hidraw descriptor. */
export const hostRequests = {
  HIDIOCSFEATURE: HIDIOCSFEATURE(0),
  HIDIOCGFEATURE: HIDIOCGFEATURE(0),
  HIDIOCGINPUT: HIDIOCGINPUT(0),
} as const;
