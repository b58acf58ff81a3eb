/** A block of events, as the state store writes it, for tests of its decoder. */
import { ByteWriter } from "../codec/index.ts";
import { EVENT_BLOCK_FORMAT, eventBytes, type StoredEvent, writeEvent } from "./event-codec.ts";
import { EVENT_KEY_BYTES, type EventPlace, writeEventKey } from "./key-space.ts";

export const encodeEventBlock = (events: readonly (EventPlace & StoredEvent)[]): Uint8Array => {
  const block = new ByteWriter().u8(EVENT_BLOCK_FORMAT);
  for (const event of events) {
    const bytes = new Uint8Array(EVENT_KEY_BYTES + eventBytes(event.key));
    const scratch = { bytes, view: new DataView(bytes.buffer) };
    writeEvent(scratch, writeEventKey(scratch, 0, event), event);
    block.bytes(bytes);
  }
  return block.finish();
};
