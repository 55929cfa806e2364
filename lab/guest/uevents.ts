// Runs in: lab guest, in tests. Owns: a uevent socket, until closed. Awaits what the kernel announces.
import { type Uevent, watchUevents } from "@ring3/kernel/uevent/uevent";
import { scaled } from "../timing.ts";

const WAIT_MS = 1000;

export interface Announcements extends Disposable {
  /** The first one that fits and has not been taken yet; past ones since the listening began count. */
  next(action: string, value: string, property?: string): Promise<Uevent>;
}

export function listen(): Announcements {
  const heard: Uevent[] = [];
  let look = (): void => {};
  const watched = watchUevents(
    (event) => {
      heard.push(event);
      look();
    },
    () => {
      throw new Error("the kernel's announcements came faster than they were read");
    },
  );
  return {
    next(action, value, property = "DEVTYPE") {
      const { promise, resolve, reject } = Promise.withResolvers<Uevent>();
      const limit = setTimeout(
        () => reject(new Error(`the kernel announced no ${action} of a ${value}`)),
        scaled(WAIT_MS),
      );
      look = () => {
        const index = heard.findIndex(
          (event) => event.action === action && event.properties.get(property) === value,
        );
        if (index < 0) return;
        clearTimeout(limit);
        look = () => {};
        resolve(heard.splice(index, 1)[0]!);
      };
      look();
      return promise;
    },
    [Symbol.dispose]: () => watched.close(),
  };
}
