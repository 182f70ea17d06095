/** Range of a numeric option. */
export interface NumberRule {
  readonly least: number
  /** Default: `Number.MAX_SAFE_INTEGER`. */
  readonly most?: number
  readonly whole?: boolean
}

/**
 * @param name for the message
 * @param fail creates the error to throw
 * @throws the error of `fail` if `value` is not a number within the rule
 */
export function checkNumber(
  name: string,
  value: unknown,
  { least, most = Number.MAX_SAFE_INTEGER, whole = false }: NumberRule,
  fail: (message: string) => Error,
): void {
  const fits = typeof value === 'number' && value >= least && value <= most
  if (fits && (!whole || Number.isInteger(value))) return
  const range =
    most === Number.MAX_SAFE_INTEGER
      ? `number of at least ${least}`
      : `number from ${least} to ${most}`
  throw fail(`${name} must be a ${whole ? 'whole ' : ''}${range}, not ${String(value)}`)
}

/**
 * Merges the given options with `defaults`; options that are not in `defaults` are dropped.
 * @param rules of the numeric options
 * @param fail creates the error to throw
 * @throws the error of `fail`, naming the invalid option
 */
export function resolveOptions<T extends object>(
  defaults: T,
  given: Partial<T>,
  rules: { readonly [name in keyof T]?: NumberRule },
  fail: (message: string) => Error,
): T {
  const settings = { ...defaults }
  for (const name of Object.keys(defaults) as (keyof T & string)[]) {
    const value = given[name]
    if (value !== undefined) settings[name] = value as T[typeof name]
    const rule = rules[name]
    if (rule !== undefined) checkNumber(name, settings[name], rule, fail)
  }
  return settings
}
