// Runs in: everywhere. Owns: nothing. How much a HID report descriptor may ask for: what Linux grants, so that a device that works there works here.

/** HID_MAX_DESCRIPTOR_SIZE, linux/hid.h. With it all else that a descriptor can make of us is bounded. */
export const DESCRIPTOR_BYTES_MAX = 4096;
/** HID_MAX_BUFFER_SIZE, include/linux/hid.h; a byte of it is the report id's (drivers/hid/hid-core.c, hid_add_field). */
export const REPORT_BYTES_MAX = 16_384;
/** HID_MAX_FIELDS, include/linux/hid.h: of one report, those without a usage not counted. Linux leaves out further ones. */
export const FIELDS_MAX = 256;
/** HID_MAX_USAGES, include/linux/hid.h: Linux bounds report counts by it too (hid_parser_global). */
export const USAGES_MAX = 12_288;
/** drivers/hid/hid-core.c, hid_parser_global. HID 1.11 §8.4 has 32; some devices have more. */
export const REPORT_SIZE_MAX = 256;
/** HID_GLOBAL_STACK_SIZE, include/linux/hid.h. */
export const PUSHED_MAX = 4;
/** kMaxReasonableCollectionDepth, Chromium's services/device/public/cpp/hid/hid_collection.cc. Linux has no limit of its own. */
export const COLLECTION_DEPTH_MAX = 50;
/**
 * Controls of one pad or keyboard, in all its reports together. Linux grants a device 131,072 bits in each of 256 reports, which are some millions; none
 * has two hundred.
 */
export const CONTROLS_MAX = 4096;
/** Usages that are written out one by one, in all items together: where an item has several ranges. No device comes near. */
export const LISTED_USAGES_MAX = 65_536;
