// The door of the codec layer: bounds-checked reading and writing of our binary formats.

export { ByteReader, DecodeError } from "./byte-reader.ts";
export { ByteWriter } from "./byte-writer.ts";
