// Runs in: manager. Owns: nothing. Asks a device for its descriptors, as the kernel does for the devices in sysfs.
import { CONFIGURATION_BYTES, configurationLength } from "../usb/configuration.ts";
import { CONFIGURATION, DEVICE, STRING } from "../usb/descriptor-fields.ts";
import {
  DEVICE_BYTES,
  type DeviceDescriptor,
  parseDescriptors,
  parseDeviceDescriptor,
  type UsbDescriptors,
} from "../usb/descriptors.ts";
import type { UsbDeviceInfo } from "../usb/device-info.ts";
import { failure } from "../usb/outcome.ts";
import { getDescriptor } from "../usb/requests.ts";
import { MAX_STRING_BYTES, parseLanguages, parseString } from "../usb/strings.ts";
import type { UsbTransport } from "../usb/transport.ts";

/** What is asked of a configuration at first: nearly all are shorter. Windows asks every device for as much. */
const CONFIGURATION_ROOM = 255;
const ENGLISH = 0x0409; // United States; what a device without a language list is asked for

/** Rejects with DeviceError: the device's failure, or "protocol" for descriptors that break the rules. */
export async function readDescriptors(
  transport: UsbTransport,
  what: string,
  signal: AbortSignal,
): Promise<UsbDescriptors> {
  const read = async (type: number, number: number, length: number) => {
    const data = new Uint8Array(length);
    const result = await transport.control(getDescriptor(type, number), data, signal);
    if (result.status !== "ok") throw failure(result, `${what}: read descriptor ${type} number ${number}`);
    return data.subarray(0, result.bytes);
  };
  const configuration = async (number: number) => {
    const start = await read(CONFIGURATION, number, CONFIGURATION_ROOM);
    if (start.length < CONFIGURATION_BYTES) return start;
    // Parsed for its length: of a long one the rest is not there yet.
    const roomy = new Uint8Array(0xffff);
    roomy.set(start);
    const length = configurationLength(roomy, 0);
    return length > CONFIGURATION_ROOM
      ? await read(CONFIGURATION, number, length)
      : start.subarray(0, length);
  };
  const [device, first] = await Promise.all([read(DEVICE, 0, DEVICE_BYTES), configuration(0)]);
  const { configurationCount } = parseDeviceDescriptor(device);
  const pieces = [device, first];
  for (let number = 1; number < configurationCount; number++) pieces.push(await configuration(number));
  return parseDescriptors(Buffer.concat(pieces));
}

/** A string that the device lacks, refuses or garbles is undefined: it names the device, nothing depends on it. */
export async function readStrings(
  transport: UsbTransport,
  device: DeviceDescriptor,
  what: string,
  signal: AbortSignal,
): Promise<UsbDeviceInfo["strings"]> {
  const read = async <T>(number: number, language: number, parse: (bytes: Uint8Array) => T) => {
    const data = new Uint8Array(MAX_STRING_BYTES);
    const result = await transport.control(getDescriptor(STRING, number, language), data, signal);
    signal.throwIfAborted();
    if (result.status === "gone") throw failure(result, `${what}: read string ${number}`);
    try {
      return result.status === "ok" ? parse(data.subarray(0, result.bytes)) : undefined;
    } catch {
      return undefined;
    }
  };
  const { manufacturerString, productString, serialString } = device;
  const none = { manufacturer: undefined, product: undefined, serial: undefined };
  if ((manufacturerString | productString | serialString) === 0) return none;
  const texts = (language: number) => {
    const text = async (number: number) =>
      number === 0 ? undefined : await read(number, language, parseString);
    return Promise.all([manufacturerString, productString, serialString].map(text));
  };
  // Nearly every device speaks English, and need not be asked first.
  const [languages, english] = await Promise.all([read(0, 0, parseLanguages), texts(ENGLISH)]);
  const language = languages?.[0] ?? ENGLISH;
  const [manufacturer, product, serial] = language === ENGLISH ? english : await texts(language);
  return { manufacturer, product, serial };
}
