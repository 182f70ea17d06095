const PACKAGE = '@lwm2m-flows/node-red-lwm2m'
const NAMESPACE = `${PACKAGE}/lwm2m-editor`

/** A text of `locales/<lang>/lwm2m-editor.json`. */
export function t(key: string, parameters?: object): string {
  return RED._(`${NAMESPACE}:${key}`, parameters)
}

/** A text of the observe node's dialog: it names the attributes. */
export function observeText(key: string): string {
  return RED._(`${PACKAGE}/lwm2m-observe:lwm2m-observe.${key}`)
}

/** `'12 s'`, `'3 min'`, `'5 h'`, `'2 d'`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 100) return t('time.seconds', { n: seconds })
  if (seconds < 6_000) return t('time.minutes', { n: Math.round(seconds / 60) })
  if (seconds < 172_800) return t('time.hours', { n: Math.round(seconds / 3_600) })
  return t('time.days', { n: Math.round(seconds / 86_400) })
}

/** `'12 s ago'`. */
export function ago(time: number): string {
  return t('time.ago', { span: span(Date.now() - time) })
}

/** A clock time with milliseconds, in the browser's zone. */
export function clockTime(time: number): string {
  const date = new Date(time)
  const two = (n: number): string => String(n).padStart(2, '0')
  const ms = String(date.getMilliseconds()).padStart(3, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`
}
