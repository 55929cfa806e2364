// Runs in: manager and CLI. Owns: nothing. The kernel surfaces that a manifest may ask for, the bus whose devices have them, and
// what a driver may do on each: the ioctl requests that its filter lets through, by their names in the kernel's header.

interface Surface {
  /** A manifest whose rules match devices of this bus may ask for it. */
  readonly bus: string;
  /** Where the names come from. */
  readonly header: string;
  /** What each is for. */
  readonly requests: Readonly<Record<string, string>>;
}

export const surfaces = {
  usb: {
    bus: "usb",
    header: "linux/usbdevice_fs.h",
    requests: {
      USBDEVFS_SUBMITURB: "starts a transfer",
      USBDEVFS_DISCARDURB: "cancels a transfer",
      USBDEVFS_REAPURBNDELAY: "takes a finished transfer",
      USBDEVFS_GET_CAPABILITIES: "asks what transfers the host controller can do",
      USBDEVFS_CLEAR_HALT: "ends an endpoint's stall",
      USBDEVFS_SETINTERFACE: "chooses an alternate setting of the claimed interface",
      USBDEVFS_CLAIMINTERFACE:
        "claims the granted interface again after a reset; no other, since privileges were dropped",
      USBDEVFS_RELEASEINTERFACE: "releases the granted interface before a reset",
      USBDEVFS_RESET: "resets the device, while nobody else has an interface of it",
      USBDEVFS_GETDRIVER: "asks who holds an interface",
    },
  },
  hidraw: {
    bus: "hid",
    header: "linux/hidraw.h",
    requests: {
      HIDIOCSFEATURE: "sends a feature report",
      HIDIOCGFEATURE: "asks for a feature report",
      HIDIOCGINPUT: "asks for an input report, from Linux 5.11 on",
    },
  },
} as const satisfies Record<string, Surface>;

export type BusName = (typeof surfaces)[SurfaceName]["bus"];
export type SurfaceName = keyof typeof surfaces;
export type RequestName<S extends SurfaceName> = keyof (typeof surfaces)[S]["requests"];

export const surfaceNames = Object.keys(surfaces) as [SurfaceName, ...SurfaceName[]];

export function requestNames<S extends SurfaceName>(surface: S): [RequestName<S>, ...RequestName<S>[]] {
  return Object.keys(surfaces[surface].requests) as [RequestName<S>, ...RequestName<S>[]];
}
