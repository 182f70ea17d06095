/** Sorts surrogates after all other UTF-16 code units. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

/**
 * Compares two keys by their UTF-8 bytes. UTF-16 order, as of `<`, differs only where a surrogate
 * (a character beyond U+FFFF) is compared with a unit from U+E000 on.
 */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    return rank(x) - rank(y)
  }
  return a.length - b.length
}
