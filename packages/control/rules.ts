// Runs in: manager. Owns: nothing. What the configuration says about one device and one user.
import type { AccessRule, Config } from "./config.ts";
import type { Access } from "./fields.ts";
import { type Named, type Selector, selects } from "./selector.ts";

/** The first alias, in the file's order, whose rule fits. */
export function aliasOf(config: Config, device: Omit<Named, "alias">): string | null {
  const found = Object.entries(config.aliases).find(([, rule]) =>
    selects(rule as Selector, { ...device, alias: null }),
  );
  return found?.[0] ?? null;
}

export function takeRuleFor(config: Config, device: Named): Selector | undefined {
  return (config.take as readonly Selector[]).find((rule) => selects(rule, device));
}

/** Who asks, as the kernel says (SO_PEERCRED) and the account files resolve. */
export interface Account {
  readonly uid: number;
  readonly user: string | null;
  /** The primary and the supplementary groups. */
  readonly gids: readonly number[];
  readonly groups: readonly string[];
}

/** What the manager's own user may, and root. */
export function isOperator(uid: number, managerUid: number): boolean {
  return uid === 0 || uid === managerUid;
}

type Ruled = Named & { readonly class: string };

/** The most that the rules allow somebody who is no operator; of an account undefined, anybody. null: nothing. */
export function accessOf(config: Config, account: Account | undefined, device: Ruled): Access | null {
  const modes = config.access
    .filter((rule) => (account === undefined || isMeant(rule, account)) && covers(rule, device))
    .map(({ mode }) => mode);
  return modes.includes("write") ? "write" : (modes[0] ?? null);
}

/** What the rules allow those who are not operators. "write" includes "read". */
export function mayOpen(config: Config, account: Account, device: Ruled, mode: Access): boolean {
  const most = accessOf(config, account, device);
  return most === "write" || most === mode;
}

function isMeant(rule: AccessRule, account: Account): boolean {
  if (rule.user !== undefined) return rule.user === account.user;
  if (rule.uid !== undefined) return rule.uid === account.uid;
  if (rule.group !== undefined) return account.groups.includes(rule.group);
  return rule.gid !== undefined && account.gids.includes(rule.gid);
}

function covers(rule: AccessRule, device: Ruled): boolean {
  return rule.class !== undefined ? rule.class === device.class : selects(rule as Selector, device);
}

/** The account of a user id by the text of passwd(5) and group(5). */
export function accountOf(uid: number, gid: number, passwd: string, group: string): Account {
  const rows = (text: string) => text.split("\n").map((line) => line.split(":"));
  const user = rows(passwd).find((fields) => fields[2] === String(uid))?.[0] ?? null;
  const entries = rows(group).filter(
    ([, , id, members]) => id === String(gid) || (user !== null && (members ?? "").split(",").includes(user)),
  );
  const gids = new Set([gid, ...entries.map((fields) => Number(fields[2]))]);
  return { uid, user, gids: [...gids], groups: entries.map((fields) => fields[0]!) };
}
