import type { ValueInfo } from '../admin/contract'
import { api } from './api'
import { Poller } from './poller'
import { clockTime, t } from './texts'

/** Where the buttons find what to ask for. */
export interface TryNowOptions {
  readonly server: string | JQuery
  readonly device: string | JQuery
  readonly path: string | JQuery
  /** `observe` keeps showing values until the dialog closes. */
  readonly mode: 'read' | 'observe'
}

function valueLine(value: ValueInfo): JQuery {
  const line = $('<div class="lwm2m-try-value">')
  $('<span class="lwm2m-name">')
    .text(value.name ?? value.path)
    .appendTo(line)
  const units = value.units === undefined ? '' : ` ${value.units}`
  $('<strong>')
    .text(String(value.value ?? '') + units)
    .appendTo(line)
  const facts = [value.path, value.type, clockTime(value.time)]
  $('<span class="lwm2m-detail">').text(facts.filter(Boolean).join(' · ')).appendTo(line)
  return line
}

/** A button that asks the device now, and shows the answer or the device's error below it. */
export function tryNow(row: string | JQuery, options: TryNowOptions): void {
  const { mode } = options
  const watcher = `dialog-${Math.random().toString(36).slice(2)}`
  const container = $(row as string).addClass('lwm2m-try')
  const button = $('<button type="button" class="red-ui-button">').appendTo(container)
  const answer = $('<div class="lwm2m-try-answer" aria-live="polite">').appendTo(container)
  const target = (): { server: string; endpoint: string; path: string } => ({
    server: String($(options.server as string).val() ?? ''),
    endpoint: textOf($(options.device as string)),
    path: textOf($(options.path as string)).split(/[\s,]+/)[0] ?? '',
  })
  const fail = (error: Error): void => {
    answer.empty().append($('<span class="lwm2m-error">').text(error.message))
  }
  const show = (values: readonly ValueInfo[]): void => {
    answer.empty().append(...values.slice(0, 50).map(valueLine))
    if (values.length === 0) answer.text(t('try.empty'))
  }

  let observed: ReturnType<typeof target> | undefined
  let cursor = 0
  const poller = new Poller(async () => {
    // The dialog closed: the observation lapses, and ends at once where the message gets through.
    if (!document.contains(container[0] as HTMLElement)) return stop()
    if (observed === undefined) return
    try {
      const updates = await api.values(observed.server, observed.endpoint, watcher, cursor)
      cursor = updates.cursor
      const [problem] = Object.values(updates.errors)
      if (problem !== undefined) fail(new Error(problem))
      else if (updates.values.length > 0) show(updates.values)
    } catch (error) {
      fail(error as Error)
    }
  }, 1_000)
  const stop = (): void => {
    poller.stop()
    if (observed === undefined) return
    const { server, endpoint } = observed
    observed = undefined
    label()
    api.watch(server, endpoint, { watcher, paths: [] }).catch(() => {
      // It lapses by itself.
    })
  }
  const label = (): void => {
    const key = mode === 'read' ? 'try.read' : observed === undefined ? 'try.observe' : 'try.stop'
    button.text(t(key)).attr('aria-pressed', String(observed !== undefined))
  }

  button.on('click', () => {
    if (observed !== undefined) return stop()
    const wanted = target()
    const problem = unclear(wanted)
    if (problem !== undefined) return fail(new Error(problem))
    answer.text(t('try.asking'))
    if (mode === 'read') {
      api
        .request(wanted.server, wanted.endpoint, { operation: 'read', path: wanted.path })
        .then((outcome) => show(outcome.values), fail)
      return
    }
    observed = wanted
    cursor = 0
    label()
    api
      .watch(wanted.server, wanted.endpoint, { watcher, paths: [wanted.path] })
      .then(() => poller.start(), fail)
  })
  label()
}

/** A typedInput's text, where it is text and not the name of a message property. */
function textOf(field: JQuery): string {
  return field.typedInput('type') === 'str' ? field.typedInput('value').trim() : ''
}

/** What is missing before a device can be asked. */
function unclear(target: { server: string; endpoint: string; path: string }): string | undefined {
  if (target.server === '' || target.server === '_ADD_') return t('device.choose-server')
  if (target.endpoint === '' || /[*?]/.test(target.endpoint)) return t('try.one-device')
  if (target.path === '') return t('try.one-path')
  return undefined
}
