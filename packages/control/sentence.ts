// Runs in: every process. Owns: nothing. Errors for people whose sentence is whole as it is.
import { DeviceError, type DeviceErrorKind } from "@ring3/core/errors";

/** A DeviceError without the words of its kind behind the sentence, where those would only blur what it says. */
export function sentence(
  kind: DeviceErrorKind,
  text: string,
  options: { errno?: number; cause?: unknown } = {},
): DeviceError {
  const error = new DeviceError(kind, text, options);
  error.message = text;
  return error;
}
