// Runs in: reflector. Owns: nothing; <linux/uinput.h> and the structures of <linux/input.h> on 64-bit machines, as of Linux 6.12.
import { _IO, _IOR, _IOW, _IOWR } from "@ring3/core/ioctl";
import { bytes, i16, i32, i64, struct, u16, u32 } from "@ring3/core/struct";

const TYPE = 0x55; // 'U'
const INT_BYTES = 4;
const POINTER_BYTES = 8;
export const UINPUT_MAX_NAME_SIZE = 80;

/** struct input_event. The kernel looks at the clock itself where the time is zero. */
export const inputEvent = struct({ seconds: i64, microseconds: i64, type: u16, code: u16, value: i32 });

/** struct uinput_setup */
export const uinputSetup = struct({
  bustype: u16,
  vendor: u16,
  product: u16,
  version: u16,
  name: bytes(UINPUT_MAX_NAME_SIZE),
  ffEffectsMax: u32,
});

/** struct uinput_abs_setup */
export const uinputAbsSetup = struct({
  code: u16,
  filler: u16,
  value: i32,
  minimum: i32,
  maximum: i32,
  fuzz: i32,
  flat: i32,
  resolution: i32,
});

/** struct ff_rumble_effect */
export const ffRumble = struct({ strongMagnitude: u16, weakMagnitude: u16 });

/** struct ff_periodic_effect. An address of the program's is in two halves: where the effect is none of this kind, any bits may lie there. */
export const ffPeriodic = struct({
  waveform: u16,
  period: u16,
  magnitude: i16,
  offset: i16,
  phase: u16,
  attackLength: u16,
  attackLevel: u16,
  fadeLength: u16,
  fadeLevel: u16,
  customLen: u32,
  customData: u32,
  customDataHigh: u32,
});

/** struct ff_effect. Its union `u` is read as its largest member; ffRumble lies at the same place. */
export const ffEffect = struct({
  type: u16,
  id: i16,
  direction: u16,
  triggerButton: u16,
  triggerInterval: u16,
  replayLength: u16,
  replayDelay: u16,
  padding: u16,
  u: ffPeriodic,
});

/** struct uinput_ff_upload */
export const ffUpload = struct({ requestId: u32, retval: i32, effect: ffEffect, old: ffEffect });

/** struct uinput_ff_erase */
export const ffErase = struct({ requestId: u32, retval: i32, effectId: u32 });

export const UI_DEV_CREATE = _IO(TYPE, 1);
export const UI_DEV_DESTROY = _IO(TYPE, 2);
export const UI_DEV_SETUP = _IOW(TYPE, 3, uinputSetup.size);
export const UI_ABS_SETUP = _IOW(TYPE, 4, uinputAbsSetup.size);
export const UI_GET_SYSNAME = (length: number): number => _IOR(TYPE, 44, length);
export const UI_GET_VERSION = _IOR(TYPE, 45, INT_BYTES);
export const UI_SET_EVBIT = _IOW(TYPE, 100, INT_BYTES);
export const UI_SET_KEYBIT = _IOW(TYPE, 101, INT_BYTES);
export const UI_SET_RELBIT = _IOW(TYPE, 102, INT_BYTES);
export const UI_SET_ABSBIT = _IOW(TYPE, 103, INT_BYTES);
export const UI_SET_MSCBIT = _IOW(TYPE, 104, INT_BYTES);
export const UI_SET_LEDBIT = _IOW(TYPE, 105, INT_BYTES);
export const UI_SET_SNDBIT = _IOW(TYPE, 106, INT_BYTES);
export const UI_SET_FFBIT = _IOW(TYPE, 107, INT_BYTES);
export const UI_SET_PHYS = _IOW(TYPE, 108, POINTER_BYTES);
export const UI_SET_SWBIT = _IOW(TYPE, 109, INT_BYTES);
export const UI_SET_PROPBIT = _IOW(TYPE, 110, INT_BYTES);
export const UI_BEGIN_FF_UPLOAD = _IOWR(TYPE, 200, ffUpload.size);
export const UI_END_FF_UPLOAD = _IOW(TYPE, 201, ffUpload.size);
export const UI_BEGIN_FF_ERASE = _IOWR(TYPE, 202, ffErase.size);
export const UI_END_FF_ERASE = _IOW(TYPE, 203, ffErase.size);

/** Type of the events by which the kernel asks; their value is the request's number. */
export const EV_UINPUT = 0x0101;
export const UI_FF_UPLOAD = 1;
export const UI_FF_ERASE = 2;

/** Room for a name like "input4711" (drivers/input/input.c, input_allocate_device). Part of the request's number. */
export const SYSNAME_BYTES = 64;

/**
 * What `UinputDevice` uses: the requests that the filter of a reflector with input devices lets through. With these and a descriptor of /dev/uinput
 * any device can be made, a keyboard too: such a reflector is trusted with the machine's input.
 */
export const reflectorRequests = {
  UI_DEV_CREATE,
  UI_DEV_DESTROY,
  UI_DEV_SETUP,
  UI_ABS_SETUP,
  UI_GET_SYSNAME: UI_GET_SYSNAME(SYSNAME_BYTES),
  UI_SET_EVBIT,
  UI_SET_KEYBIT,
  UI_SET_RELBIT,
  UI_SET_MSCBIT,
  UI_SET_LEDBIT,
  UI_SET_FFBIT,
  UI_SET_PHYS,
  UI_SET_SWBIT,
  UI_SET_PROPBIT,
  UI_BEGIN_FF_UPLOAD,
  UI_END_FF_UPLOAD,
  UI_BEGIN_FF_ERASE,
  UI_END_FF_ERASE,
} as const;

// drivers/input/misc/uinput.c
/** So many events that nobody has read yet are kept; older ones are overwritten. */
export const UINPUT_BUFFER_SIZE = 16;
/** Requests that programs may wait for at a time; they are numbered from 0. */
export const UINPUT_NUM_REQUESTS = 16;
