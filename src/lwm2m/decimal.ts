/**
 * A number as plain decimal text: `0.0000001`, not `1e-7`. The ABNF of attributes (Core §5.1.2) and
 * the text format (Core appendix C) have no exponents.
 */
export function decimalText(value: number): string {
  const text = String(value)
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text)
  if (match === null) return text
  const [, sign = '', lead = '', fraction = '', exponentText = '0'] = match
  const exponent = Number(exponentText)
  const digits = lead + fraction
  // An exponent is used below 1e-6 and from 1e21, where all digits precede the decimal point.
  return exponent < 0
    ? `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
    : sign + digits.padEnd(exponent + 1, '0')
}
