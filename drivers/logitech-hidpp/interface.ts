// Runs in: driver host, jailed. Owns: nothing. Pure: which interfaces are this driver's.
import { type HidCollectionInfo, type HidLayout, hidUsages, type ReportLayouts } from "@ring3/sdk";
import { LONG_BYTES, LONG_ID, SHORT_BYTES, SHORT_ID } from "./packets.ts";

const { mouse, pointer } = hidUsages.genericDesktop;
const pointers: readonly number[] = [mouse, pointer];

const usageOf = ({ usagePage, usage }: HidCollectionInfo): number => ((usagePage << 16) | usage) >>> 0;

const has = ({ reports }: ReportLayouts, id: number, bytes: number): boolean =>
  reports.get(id)?.bytes === bytes;

/** Where only long reports are taken, all are long. */
export const takesShort = ({ output }: HidLayout): boolean => has(output, SHORT_ID, SHORT_BYTES);

/** Why it is none; undefined: it is one. */
export function whyNot({
  collections,
  layout: { input, output },
}: {
  readonly collections: readonly HidCollectionInfo[];
  readonly layout: HidLayout;
}): string | undefined {
  if (!has(input, LONG_ID, LONG_BYTES) || !has(output, LONG_ID, LONG_BYTES))
    return "its report descriptor declares no long reports of HID++";
  if (collections.some((each) => pointers.includes(usageOf(each))))
    return "its report descriptor declares a mouse, whose motion would be lost";
  const lights = [...output.reports.values()].flatMap(({ fields }) => fields);
  if (lights.some(({ usages }) => usages.some(({ minimum }) => minimum >>> 16 === hidUsages.usagePages.led)))
    return "its report descriptor declares LEDs, which would stay dark";
  return undefined;
}
