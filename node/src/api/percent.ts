/** Percent-decoding to bytes. Keys are bytes, so nothing here goes through a string's UTF-8. */

const percent = 0x25;
const plus = 0x2b;
const space = 0x20;

const hexValue = (code: number): number => {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
};

/**
 * The bytes of `text`, which Node gives with one character per byte received. null when a `%` is
 * not followed by two hexadecimal digits.
 * @param plusIsSpace true in a query (as forms write it), false in a path.
 */
export function decodePercent(text: string, plusIsSpace: boolean): Buffer | null {
  if (!text.includes("%") && !(plusIsSpace && text.includes("+"))) {
    return Buffer.from(text, "latin1");
  }
  const bytes = Buffer.allocUnsafe(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    let byte = code;
    if (code === percent) {
      const high = hexValue(text.charCodeAt(at + 1));
      const low = hexValue(text.charCodeAt(at + 2));
      if (high < 0 || low < 0) return null;
      byte = high * 16 + low;
      at += 2;
    } else if (code === plus && plusIsSpace) {
      byte = space;
    }
    bytes[length] = byte;
    length += 1;
  }
  return bytes.subarray(0, length);
}
