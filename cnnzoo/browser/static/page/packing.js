// Bytes as text in an address.

/** Return bytes as text for an address: runs of a repeated byte are counted. */
export function packBytes(/** @type {Uint8Array | Uint8ClampedArray} */ bytes) {
  const packed_ = [];
  for (let at = 0; at < bytes.length; ) {
    let run = 1;
    while (run < 127 && bytes[at + run] === bytes[at]) run++;
    if (run > 2) {
      packed_.push(128 + run, bytes[at]);
      at += run;
      continue;
    }
    const start = at;
    while (at < bytes.length && at - start < 127 && !(bytes[at] === bytes[at + 1] && bytes[at] === bytes[at + 2])) at++;
    packed_.push(at - start, ...bytes.subarray(start, at));
  }
  return btoa(String.fromCharCode(...packed_))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** Return the bytes that `packBytes` packed; `length` of them, or null where the text is no such thing. */
export function unpackBytes(/** @type {string} */ text, /** @type {number} */ length) {
  const bytes = new Uint8ClampedArray(length);
  let binary;
  try {
    binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return null;
  }
  let to = 0;
  for (let at = 0; at < binary.length; ) {
    const head = binary.charCodeAt(at++);
    if (head > 128) {
      bytes.fill(binary.charCodeAt(at++), to, to + head - 128);
      to += head - 128;
    } else {
      for (let count = 0; count < head; count++) bytes[to + count] = binary.charCodeAt(at++);
      to += head;
    }
  }
  return to === length ? bytes : null;
}
