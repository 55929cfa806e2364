// Runs in: manager. Owns: nothing. What whoever is on the other side of a connection may do, by the access rules.

import type { Access } from "@ring3/control/fields";
import { accessOf, isOperator, mayOpen } from "@ring3/control/rules";
import { DeviceError } from "@ring3/core/errors";
import type { ClientIdentity, Serving } from "./administration.ts";
import type { Device } from "./device.ts";
import type { Manager } from "./manager.ts";

/** Its units; who may not even read them is not told of them either. */
export function mayUse(
  { manager, uid }: Pick<Serving, "manager" | "uid">,
  identity: ClientIdentity,
  device: Device,
  mode: Access,
): boolean {
  if (isOperator(identity.uid, uid)) return true;
  return mayOpen(manager.config, identity.account(), ruled(manager, device), mode);
}

/** The most that whoever has connected to an endpoint of a device may do there; undefined: anybody but operators. */
export function accessAt(
  { manager, uid, accountOf }: Pick<Serving, "manager" | "uid" | "accountOf">,
  device: Device,
  peer: { readonly uid: number; readonly gid: number } | undefined,
): Access | null {
  if (peer !== undefined && isOperator(peer.uid, uid)) return "write";
  const account = peer === undefined ? undefined : accountOf(peer.uid, peer.gid);
  return accessOf(manager.config, account, ruled(manager, device));
}

function ruled(manager: Manager, device: Device) {
  return { ...manager.named(device), class: device.driver?.manifest.class ?? "" };
}

/** Throws "denied" for everybody but root and the manager's own user. */
export function requireOperator({ uid }: Pick<Serving, "uid">, identity: ClientIdentity, what: string): void {
  if (!isOperator(identity.uid, uid))
    throw new DeviceError("denied", `${what}: only root and the user of ring3 may`);
}
