// Runs in: every process. Owns: nothing; what <linux/input-event-codes.h> and <linux/input.h> call properties, event types, codes and buses, as of
// Linux 6.1, aliases among it. Those of keys, buttons and axes are everybody's: core/input-codes.ts.
import { KEY_MUTE } from "@ring3/core/input-codes";

export * from "@ring3/core/input-codes";

// Properties.
export const INPUT_PROP_POINTER = 0x00;
export const INPUT_PROP_DIRECT = 0x01;
export const INPUT_PROP_BUTTONPAD = 0x02;
export const INPUT_PROP_SEMI_MT = 0x03;
export const INPUT_PROP_TOPBUTTONPAD = 0x04;
export const INPUT_PROP_POINTING_STICK = 0x05;
export const INPUT_PROP_ACCELEROMETER = 0x06;
export const INPUT_PROP_MAX = 0x1f;

// Event types.
export const EV_SYN = 0x00;
export const EV_KEY = 0x01;
export const EV_REL = 0x02;
export const EV_ABS = 0x03;
export const EV_MSC = 0x04;
export const EV_SW = 0x05;
export const EV_LED = 0x11;
export const EV_SND = 0x12;
export const EV_REP = 0x14;
export const EV_FF = 0x15;
export const EV_PWR = 0x16;
export const EV_FF_STATUS = 0x17;
export const EV_MAX = 0x1f;

// Codes of EV_SYN.
export const SYN_REPORT = 0;
export const SYN_CONFIG = 1;
export const SYN_MT_REPORT = 2;
export const SYN_DROPPED = 3;
export const SYN_MAX = 0xf;

export const KEY_MIN_INTERESTING = KEY_MUTE;

// Codes of EV_SW.
export const SW_LID = 0x00;
export const SW_TABLET_MODE = 0x01;
export const SW_HEADPHONE_INSERT = 0x02;
export const SW_RFKILL_ALL = 0x03;
export const SW_RADIO = SW_RFKILL_ALL;
export const SW_MICROPHONE_INSERT = 0x04;
export const SW_DOCK = 0x05;
export const SW_LINEOUT_INSERT = 0x06;
export const SW_JACK_PHYSICAL_INSERT = 0x07;
export const SW_VIDEOOUT_INSERT = 0x08;
export const SW_CAMERA_LENS_COVER = 0x09;
export const SW_KEYPAD_SLIDE = 0x0a;
export const SW_FRONT_PROXIMITY = 0x0b;
export const SW_ROTATE_LOCK = 0x0c;
export const SW_LINEIN_INSERT = 0x0d;
export const SW_MUTE_DEVICE = 0x0e;
export const SW_PEN_INSERTED = 0x0f;
export const SW_MACHINE_COVER = 0x10;
export const SW_MAX = 0x10;

// Codes of EV_MSC.
export const MSC_SERIAL = 0x00;
export const MSC_PULSELED = 0x01;
export const MSC_GESTURE = 0x02;
export const MSC_RAW = 0x03;
export const MSC_SCAN = 0x04;
export const MSC_TIMESTAMP = 0x05;
export const MSC_MAX = 0x07;

// Codes of EV_LED.
export const LED_NUML = 0x00;
export const LED_CAPSL = 0x01;
export const LED_SCROLLL = 0x02;
export const LED_COMPOSE = 0x03;
export const LED_KANA = 0x04;
export const LED_SLEEP = 0x05;
export const LED_SUSPEND = 0x06;
export const LED_MUTE = 0x07;
export const LED_MISC = 0x08;
export const LED_MAIL = 0x09;
export const LED_CHARGING = 0x0a;
export const LED_MAX = 0x0f;

// Codes of EV_REP.
export const REP_DELAY = 0x00;
export const REP_PERIOD = 0x01;
export const REP_MAX = 0x01;

// Codes of EV_SND.
export const SND_CLICK = 0x00;
export const SND_BELL = 0x01;
export const SND_TONE = 0x02;
export const SND_MAX = 0x07;

// Codes of EV_FF: effect types, waveforms and properties. Numbers below are effects' ids.
export const FF_RUMBLE = 0x50;
export const FF_PERIODIC = 0x51;
export const FF_CONSTANT = 0x52;
export const FF_SPRING = 0x53;
export const FF_FRICTION = 0x54;
export const FF_DAMPER = 0x55;
export const FF_INERTIA = 0x56;
export const FF_RAMP = 0x57;
export const FF_EFFECT_MIN = FF_RUMBLE;
export const FF_EFFECT_MAX = FF_RAMP;
export const FF_SQUARE = 0x58;
export const FF_TRIANGLE = 0x59;
export const FF_SINE = 0x5a;
export const FF_SAW_UP = 0x5b;
export const FF_SAW_DOWN = 0x5c;
export const FF_CUSTOM = 0x5d;
export const FF_WAVEFORM_MIN = FF_SQUARE;
export const FF_WAVEFORM_MAX = FF_CUSTOM;
export const FF_GAIN = 0x60;
export const FF_AUTOCENTER = 0x61;
export const FF_MAX_EFFECTS = FF_GAIN;
export const FF_MAX = 0x7f;

// Bus types of struct input_id.
export const BUS_PCI = 0x01;
export const BUS_ISAPNP = 0x02;
export const BUS_USB = 0x03;
export const BUS_HIL = 0x04;
export const BUS_BLUETOOTH = 0x05;
export const BUS_VIRTUAL = 0x06;
export const BUS_ISA = 0x10;
export const BUS_I8042 = 0x11;
export const BUS_XTKBD = 0x12;
export const BUS_RS232 = 0x13;
export const BUS_GAMEPORT = 0x14;
export const BUS_PARPORT = 0x15;
export const BUS_AMIGA = 0x16;
export const BUS_ADB = 0x17;
export const BUS_I2C = 0x18;
export const BUS_HOST = 0x19;
export const BUS_GSC = 0x1a;
export const BUS_ATARI = 0x1b;
export const BUS_SPI = 0x1c;
export const BUS_RMI = 0x1d;
export const BUS_CEC = 0x1e;
export const BUS_INTEL_ISHTP = 0x1f;
export const BUS_AMD_SFH = 0x20;

// Values of ABS_MT_TOOL_TYPE.
export const MT_TOOL_FINGER = 0x00;
export const MT_TOOL_PEN = 0x01;
export const MT_TOOL_PALM = 0x02;
export const MT_TOOL_DIAL = 0x0a;
export const MT_TOOL_MAX = 0x0f;
