/** The fields of the entries in the lists of the server dialog. */

/** A text of the dialog by its key. */
export type Texts = (key: string) => string

/** An entry as the flow file has it; keys are not in it. */
export interface Entry {
  id?: string
  readonly [property: string]: unknown
}

/** Fields by the property that they edit. */
export type Inputs = { readonly [property: string]: JQuery }

/** An entry that is about to be edited: it has an id. */
export interface EditedEntry {
  readonly id: string
  readonly isNew: boolean
  /** Told of each key that is typed: keys are kept apart from the entries. */
  onKey(id: string, key: string): void
}

/** A labelled line of an entry. */
export function field(row: JQuery, icon: string, label: string, input: JQuery): JQuery {
  const line = $('<div class="form-row" style="margin-bottom: 6px">').appendTo(row)
  $('<label style="width: 130px">')
    .append($('<i>').addClass(`fa fa-${icon}`), ' ', document.createTextNode(label))
    .appendTo(line)
  return input.css('width', 'calc(100% - 145px)').appendTo(line)
}

function shown(value: unknown): string {
  return value === undefined || value === null ? '' : String(value)
}

export function textInput(value: unknown, placeholder = ''): JQuery {
  return $('<input type="text">').val(shown(value)).attr('placeholder', placeholder)
}

export function textArea(value: unknown, placeholder = ''): JQuery {
  return $('<textarea rows="3">').val(shown(value)).attr('placeholder', placeholder)
}

export function pemArea(value: unknown, placeholder = '-----BEGIN …-----'): JQuery {
  return textArea(value, placeholder).css('font-family', 'monospace')
}

/** A select; the first option where the entry has none. */
export function choice(
  value: unknown,
  options: readonly (readonly [id: string, label: string])[],
): JQuery {
  const select = $('<select>')
  for (const [id, label] of options) $('<option>').val(id).text(label).appendTo(select)
  return select.val(shown(value) || (options[0]?.[0] ?? ''))
}

export function keyFormats(value: unknown, t: Texts): JQuery {
  return choice(value, [
    ['hex', t('key-hex')],
    ['base64', t('key-base64')],
    ['text', t('key-text')],
  ])
}

export function checkbox(checked: unknown): JQuery {
  return $('<input type="checkbox">').prop('checked', checked === true)
}

/** A key is shown to nobody: an empty field keeps the one that is there. */
export function keyInput(
  { id, isNew, onKey }: EditedEntry,
  t: Texts,
  hint = t('key-hint'),
): JQuery {
  const input = $('<input type="password" autocomplete="new-password">')
  return input.attr('placeholder', isNew ? hint : t('key-kept')).on('change', () => {
    const key = String(input.val())
    if (key !== '') onKey(id, key)
  })
}

/** A private key in PEM, which is kept like a pre-shared one. */
export function privateKeyInput(entry: EditedEntry, t: Texts): JQuery {
  return keyInput(entry, t, '-----BEGIN PRIVATE KEY-----')
}

/** The entry that the fields say. */
export function readInputs(id: string, inputs: Inputs): Entry {
  const values = Object.entries(inputs).map(([name, input]) => [
    name,
    input.is(':checkbox') ? input.prop('checked') === true : String(input.val()).trim(),
  ])
  return { id, ...(Object.fromEntries(values) as object) }
}
