/** The rows that several dialogs share, as a template names them. Plain text: no browser is needed. */
import {
  BOOTSTRAP_SECURITY,
  SERVER_SECURITY,
  securityRows,
} from '../lwm2m-device/editor/security-rows'
import { numberInput, row, select, textInput } from './row-html'

export const TEXTS = '@lwm2m-flows/node-red-lwm2m/lwm2m-server:common'

const common = (key: string): string => `${TEXTS}.${key}`

/** A typedInput and the hidden field of its type. */
function typed(property: string): string {
  return `${textInput(property)}<input type="hidden" id="node-input-${property}Type" />`
}

/** A row of which all texts are shared. */
function shared(property: string, icon: string, key: string, field: string): string {
  return row(property, icon, common(key), field)
}

function choice(property: string, options: readonly (readonly [string, string])[]): string {
  return select(
    property,
    options.map(([value, key]) => [value, common(key)]),
  )
}

/** The Content-Formats that dialogs offer. */
export const FORMATS = [
  'text',
  'opaque',
  'cbor',
  'senml-json',
  'senml-cbor',
  'tlv',
  'lwm2m-json',
  'lwm2m-cbor',
] as const

const ROWS: { readonly [name: string]: string } = {
  name: shared('name', 'tag', 'name', textInput('name', common('name'))),
  server: shared('server', 'server', 'server', textInput('server')),
  device: shared('endpoint', 'microchip', 'endpoint', typed('endpoint')),
  devices: shared('endpoint', 'microchip', 'devices', textInput('endpoint')),
  path: shared('path', 'sitemap', 'path', typed('path')),
  try: '<div class="form-row" id="lwm2m-try"><label></label></div>',
  keys: shared(
    'keys',
    'key',
    'keys',
    choice('keys', [
      ['id', 'keys-id'],
      ['name', 'keys-name'],
    ]),
  ),
  integers: shared(
    'integers',
    'calculator',
    'integers',
    choice('integers', [
      ['text', 'integers-text'],
      ['bigint', 'integers-bigint'],
    ]),
  ),
  format: shared(
    'format',
    'file-code-o',
    'format',
    choice('format', [
      ['', 'format-auto'],
      ...FORMATS.map((format) => [format, `formats.${format}`] as const),
    ]),
  ),
  'device-security': securityRows(SERVER_SECURITY),
  'device-bootstrap-security': securityRows(BOOTSTRAP_SECURITY),
  waiting: [
    `<h4 data-i18n="${common('waiting-title')}"></h4>`,
    shared(
      'asleep',
      'moon-o',
      'asleep',
      choice('asleep', [
        ['wait', 'asleep-wait'],
        ['announce', 'asleep-announce'],
        ['fail', 'asleep-fail'],
      ]),
    ),
    shared('ttl', 'hourglass-half', 'ttl', numberInput('ttl', common('ttl-hint'))),
    shared('timeout', 'clock-o', 'timeout', numberInput('timeout', common('timeout-hint'))),
  ].join('\n'),
}

/**
 * The html of a dialog with its shared rows: `<div data-lwm2m-rows="name server"></div>` becomes the
 * rows of these names.
 * @throws Error for a row that there is not
 */
export function withRows(html: string): string {
  return html.replace(/<div data-lwm2m-rows="([\w\s-]+)"><\/div>/g, (_place, names: string) =>
    names
      .trim()
      .split(/\s+/)
      .map((name) => {
        const found = ROWS[name]
        if (found === undefined) throw new Error(`there is no row ${name}`)
        return found
      })
      .join('\n'),
  )
}
