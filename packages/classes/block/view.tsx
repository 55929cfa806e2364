// Runs in: browser, in the console. Owns: what kind of disk it is.
import type { ViewParts } from "../view.ts";
import { BLOCK_MEDIUM_PRESENT } from "./contract.ts";

const size = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 4 });

export default function BlockView({ properties }: ViewParts) {
  const {
    sectors = 0,
    sectorBytes = 0,
    flags = 0,
    maxTransferSectors = 0,
  } = properties as Record<string, number>;
  if ((flags & BLOCK_MEDIUM_PRESENT) === 0) return <p>There is no medium in it.</p>;
  return (
    <dl class="facts">
      <div>
        <dt>Size</dt>
        <dd>{size.format((sectors * sectorBytes) / 1e6)} MB</dd>
      </div>
      <div>
        <dt>Sectors</dt>
        <dd>
          {size.format(sectors)} of {sectorBytes} bytes
        </dd>
      </div>
      <div>
        <dt>At once</dt>
        <dd>{size.format((maxTransferSectors * sectorBytes) / 1024)} KiB a request</dd>
      </div>
    </dl>
  );
}
