/**
 * Patterns of endpoint names: `*` stands for any run of characters, `?` for one. Everything else,
 * upper and lower case included, is literal (endpoint names are case-sensitive).
 */

/** Whether a text is a pattern rather than one endpoint's name. */
export function isPattern(text: string): boolean {
  return text.includes('*') || text.includes('?')
}

/**
 * Whether `name` matches `pattern`. Linear in practice: on a mismatch it goes back to the last `*`
 * only, so that no pattern can blow up as a regular expression could.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  if (pattern === '*') return true
  let p = 0
  let n = 0
  let star = -1
  let resume = 0
  while (n < name.length) {
    const symbol = pattern[p]
    if (symbol === '*') {
      star = p++
      resume = n
    } else if (symbol !== undefined && (symbol === '?' || symbol === name[n])) {
      p++
      n++
    } else if (star >= 0) {
      p = star + 1
      n = ++resume
    } else {
      return false
    }
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}

/** Settings by endpoint name or pattern: an exact name wins, then the longest pattern that matches. */
export class PatternMap<T> {
  private readonly exact = new Map<string, T>()
  private readonly patterns = new Map<string, T>()

  set(pattern: string, value: T): void {
    ;(isPattern(pattern) ? this.patterns : this.exact).set(pattern, value)
  }

  delete(pattern: string): boolean {
    return (isPattern(pattern) ? this.patterns : this.exact).delete(pattern)
  }

  get(endpoint: string): T | undefined {
    const own = this.exact.get(endpoint)
    if (own !== undefined) return own
    let best: T | undefined
    let length = -1
    for (const [pattern, value] of this.patterns) {
      if (pattern.length > length && matchesPattern(pattern, endpoint)) {
        best = value
        length = pattern.length
      }
    }
    return best
  }

  entries(): [pattern: string, value: T][] {
    return [...this.exact, ...this.patterns]
  }
}
