/** A random UUID (v4). `crypto.randomUUID` exists on HTTPS and localhost only; an office may well use plain HTTP inside its network. */
export function uuid(): string {
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = ((b[6] ?? 0) & 0x0f) | 0x40;
  b[8] = ((b[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...b].map((x) => x.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

// No 0/O, 1/l/I: this is read aloud and typed from paper.
const letters = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';

/**
 * A first password: four groups of four characters, 92 bits. Bytes that would make some letters likelier than others are thrown away.
 */
export function password(fill: (b: Uint8Array<ArrayBuffer>) => Uint8Array = (b) => crypto.getRandomValues(b)): string {
  const limit = 256 - (256 % letters.length);
  let out = '';
  while (out.length < 16) {
    for (const b of fill(new Uint8Array(32))) {
      if (b < limit && out.length < 16) out += letters[b % letters.length];
    }
  }
  return (out.match(/.{4}/g) ?? []).join('-');
}
