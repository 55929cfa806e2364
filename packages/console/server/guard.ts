// Runs in: console. Owns: who is let in: by a token once, by a cookie from then on, from a page of its own and nobody else's.
import { createHmac, timingSafeEqual } from "node:crypto";

export interface GuardParts {
  readonly port: number;
  readonly token: string;
  readonly key: string;
  /** The token has been used. */
  readonly used: () => void;
}

/** What of a request says who asks. */
export interface Asker {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** Sec-Fetch-Site (Fetch Metadata Request Headers §2.4); old browsers have none. */
  readonly site: string | undefined;
  /** Sec-Fetch-Dest (§2.1): what the answer is for. */
  readonly destination: string | undefined;
  readonly cookie: string | undefined;
}

export class Guard {
  readonly #parts: GuardParts;
  readonly #hosts: readonly string[];
  /** Of this machine there may be several: cookies do not know ports. */
  readonly #cookie: string;
  readonly #session: string;
  #token: string;

  constructor(parts: GuardParts) {
    this.#parts = parts;
    this.#hosts = [`127.0.0.1:${parts.port}`, `localhost:${parts.port}`];
    this.#cookie = `ring3_${parts.port}`;
    this.#session = createHmac("sha256", Buffer.from(parts.key, "hex")).update("session").digest("hex");
    this.#token = parts.token;
  }

  /** Another one, once the last has been used. */
  renew(token: string): void {
    this.#token = token;
  }

  /** Why not even the door is opened; undefined: it is. A name that somebody has made to mean this machine is not ours (DNS rebinding). */
  refusal({ host, origin, site }: Asker): string | undefined {
    if (host === undefined || !this.#hosts.includes(host))
      return `this is ${this.#hosts[0]}, and not ${host === undefined ? "a host without a name" : "the host that was asked for"}`;
    if (origin !== undefined && origin !== `http://${host}`) return "a page from elsewhere may not ask";
    if (isElsewhere(site)) return "a page from elsewhere may not ask";
    return undefined;
  }

  /** A person has clicked on the address in a page from elsewhere. They are shown the door, no more: the answer tells that page nothing. */
  isLink({ host, origin, site, destination }: Asker): boolean {
    const isHere = host !== undefined && this.#hosts.includes(host) && origin === undefined;
    return isHere && isElsewhere(site) && destination === "document";
  }

  isAdmitted({ cookie }: { cookie?: string | undefined }): boolean {
    const value = cookieNamed(cookie ?? "", this.#cookie);
    return value !== undefined && same(value, this.#session);
  }

  /** The cookie for whoever shows the token, once; undefined: it is not the one, or has been used. */
  admit(token: string): string | undefined {
    if (!same(token, this.#token)) return undefined;
    this.#token = "";
    this.#parts.used();
    return `${this.#cookie}=${this.#session}; HttpOnly; SameSite=Strict; Path=/`;
  }
}

const isElsewhere = (site: string | undefined) =>
  site !== undefined && site !== "same-origin" && site !== "none";

function same(found: string, secret: string): boolean {
  const [a, b] = [Buffer.from(found), Buffer.from(secret)];
  return secret !== "" && a.length === b.length && timingSafeEqual(a, b);
}

function cookieNamed(header: string, name: string): string | undefined {
  for (const part of header.split(";")) {
    const [key, value] = part.trim().split("=", 2);
    if (key === name) return value;
  }
  return undefined;
}
