// The only globals that the pure layers (codec, raft, kv, replica) may use beyond ECMAScript.
// They compile with `types: []` and no DOM, so a clock, a timer, a socket or a file there is a
// compile error. Add nothing here that reads time, randomness or the outside world.

interface TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>;
  encodeInto(source: string, destination: Uint8Array): { read: number; written: number };
}

declare const TextEncoder: { new (): TextEncoder };

interface TextDecoder {
  decode(input?: Uint8Array, options?: { stream?: boolean }): string;
}

declare const TextDecoder: {
  new (label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean }): TextDecoder;
};
