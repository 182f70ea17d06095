/** The rows that several dialogs share, as a template names them. Plain text: no browser is needed. */
export const TEXTS = '@lwm2m-flows/node-red-lwm2m/lwm2m-server:common'

function row(property: string, icon: string, key: string, field: string): string {
  return `<div class="form-row">
    <label for="node-input-${property}"
      ><i class="fa fa-${icon}"></i> <span data-i18n="${TEXTS}.${key}"></span
    ></label>
    ${field}
  </div>`
}

function text(property: string): string {
  return `<input type="text" id="node-input-${property}" />`
}

/** A typedInput and the hidden field of its type. */
function typed(property: string): string {
  return `${text(property)}<input type="hidden" id="node-input-${property}Type" />`
}

function number(property: string, hint: string): string {
  const placeholder = `data-i18n="[placeholder]${TEXTS}.${hint}"`
  return `<input type="number" id="node-input-${property}" ${placeholder} min="0" />`
}

/** @param options value and the key of its text */
function select(property: string, options: readonly (readonly [string, string])[]): string {
  const lines = options.map(
    ([value, key]) => `<option value="${value}" data-i18n="${TEXTS}.${key}"></option>`,
  )
  return `<select id="node-input-${property}">${lines.join('')}</select>`
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
  name: row(
    'name',
    'tag',
    'name',
    `<input type="text" id="node-input-name" data-i18n="[placeholder]${TEXTS}.name" />`,
  ),
  server: row('server', 'server', 'server', text('server')),
  device: row('endpoint', 'microchip', 'endpoint', typed('endpoint')),
  devices: row('endpoint', 'microchip', 'devices', text('endpoint')),
  path: row('path', 'sitemap', 'path', typed('path')),
  try: '<div class="form-row" id="lwm2m-try"><label></label></div>',
  keys: row(
    'keys',
    'key',
    'keys',
    select('keys', [
      ['id', 'keys-id'],
      ['name', 'keys-name'],
    ]),
  ),
  integers: row(
    'integers',
    'calculator',
    'integers',
    select('integers', [
      ['text', 'integers-text'],
      ['bigint', 'integers-bigint'],
    ]),
  ),
  format: row(
    'format',
    'file-code-o',
    'format',
    select('format', [
      ['', 'format-auto'],
      ...FORMATS.map((format) => [format, `formats.${format}`] as const),
    ]),
  ),
  waiting: [
    `<h4 data-i18n="${TEXTS}.waiting-title"></h4>`,
    row(
      'asleep',
      'moon-o',
      'asleep',
      select('asleep', [
        ['wait', 'asleep-wait'],
        ['announce', 'asleep-announce'],
        ['fail', 'asleep-fail'],
      ]),
    ),
    row('ttl', 'hourglass-half', 'ttl', number('ttl', 'ttl-hint')),
    row('timeout', 'clock-o', 'timeout', number('timeout', 'timeout-hint')),
  ].join('\n'),
}

/**
 * The html of a dialog with its shared rows: `<div data-lwm2m-rows="name server"></div>` becomes the
 * rows of these names.
 * @throws Error for a row that there is not
 */
export function withRows(html: string): string {
  return html.replace(/<div data-lwm2m-rows="([\w\s]+)"><\/div>/g, (_place, names: string) =>
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
