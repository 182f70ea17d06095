import { CodedError } from '../../base/coded-error'

/** The text is no CSV (RFC 4180). */
export class CsvError extends CodedError {
  constructor(
    readonly line: number,
    why: string,
  ) {
    super('csv', `line ${line}: ${why}`)
  }
}

/** One record of a CSV file. */
export interface CsvRecord {
  /** Where it begins, from 1. */
  readonly line: number
  readonly fields: readonly string[]
}

/**
 * Reads CSV as RFC 4180 defines it: comma-separated, fields with commas, line breaks or quotes in
 * double quotes, quotes doubled. Lines may end in CRLF, LF or CR; empty lines are skipped; a byte
 * order mark is ignored.
 * @throws CsvError
 */
export function* readCsv(text: string): Generator<CsvRecord> {
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0
  let line = 1
  while (at < text.length) {
    const start = line
    const fields: string[] = []
    for (;;) {
      const end = text[at] === '"' ? closingQuote(text, at, line) : plainEnd(text, at)
      const raw = text.slice(at, end)
      fields.push(text[at] === '"' ? raw.slice(1, -1).replaceAll('""', '"') : raw)
      line += raw.match(/\r\n|\n|\r/g)?.length ?? 0
      at = end
      if (text[at] !== ',') break
      at++
    }
    if (at < text.length) {
      if (text[at] !== '\r' && text[at] !== '\n') {
        throw new CsvError(line, 'a quote in the middle of a field')
      }
      at += text.startsWith('\r\n', at) ? 2 : 1
      line++
    }
    if (fields.length > 1 || fields[0] !== '') yield { line: start, fields }
  }
}

/** The index after the quote that closes the field beginning at `at`. */
function closingQuote(text: string, at: number, line: number): number {
  let end = at + 1
  for (;;) {
    end = text.indexOf('"', end)
    if (end < 0) throw new CsvError(line, 'a quoted field does not end')
    if (text[end + 1] !== '"') return end + 1
    end += 2
  }
}

/** The index of what ends an unquoted field. */
function plainEnd(text: string, at: number): number {
  const end = /[",\r\n]/g
  end.lastIndex = at
  return end.exec(text)?.index ?? text.length
}
