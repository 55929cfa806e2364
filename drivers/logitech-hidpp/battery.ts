// Runs in: driver host, jailed. Owns: nothing. Pure: what the two battery features say: Linux's drivers/hid/hid-logitech-hidpp.c
// (hidpp20_batterylevel_map_status_capacity, hidpp20_unifiedbattery_map_status), libratbag's src/hidpp20.h.

export interface Power {
  /** Undefined: it does not know, as while it charges. */
  readonly percent: number | undefined;
  readonly charging: 0 | 1;
}

export interface Battery {
  readonly feature: number;
  /** The function that says how it stands; event 0 says the same. */
  readonly status: number;
  decode(parameters: Uint8Array, isPercent: boolean): Power;
}

/** Its functions: 0 what it can say, 1 how it stands. */
export const unifiedBattery: Battery = {
  feature: 0x1004,
  status: 1,
  decode([soc = 0, level = 0, status = 0], isPercent) {
    const power = powerOf(soc, isUnifiedCharging(status), status === FULL);
    return isPercent ? power : { ...power, percent: levelPercent(level) };
  },
};

export const batteryLevel: Battery = {
  feature: 0x1000,
  status: 0,
  decode: ([level = 0, , status = 0]) => powerOf(level, isLevelCharging(status), status === FULL),
};

const FULL = 3; // of the status, in both

/** Of what the unified one can say: it knows the percentage. */
export const saysPercent = (capabilities: Uint8Array): boolean => (capabilities[1]! & 0x02) !== 0;

/** 1 charging, 2 slowly; 0 not, 3 full, 4 an error. */
const isUnifiedCharging = (status: number): boolean => status === 1 || status === 2;
/** 1 charging, 2 in its last stage, 4 slowly; from 5 on errors. */
const isLevelCharging = (status: number): boolean => status === 1 || status === 2 || status === 4;

function powerOf(percent: number, isCharging: boolean, isFull: boolean): Power {
  if (isFull) return { percent: 100, charging: 0 };
  return { percent: percent >= 1 && percent <= 100 ? percent : undefined, charging: isCharging ? 1 : 0 };
}

/** Bits of the level: critical, low, good, full. The percentages are Solaar's (lib/logitech_receiver, BatteryLevelApproximation). */
function levelPercent(level: number): number | undefined {
  const at = [8, 4, 2, 1].findIndex((bit) => (level & bit) !== 0);
  return [90, 50, 20, 5][at];
}
