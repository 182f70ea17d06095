import { pathIds, pathName } from './path-names'
import { openPathPicker } from './path-picker'
import type { PathUse } from './path-tree'
import { t } from './texts'

/** Settings of a path field. */
export interface PathFieldOptions {
  /** The hidden input that holds the typedInput's type. */
  readonly typeField: string | JQuery
  /** The select of the config node. */
  readonly server: string | JQuery
  /** The device field beside it. */
  readonly device: string | JQuery
  readonly use: PathUse
  /** Several paths, one a line or separated by commas. */
  readonly multiple?: boolean
  readonly otherTypes?: readonly unknown[]
  readonly default?: string
}

function splitPaths(text: string): string[] {
  return text
    .split(/[\s,]+/)
    .map((path) => path.trim())
    .filter(Boolean)
}

/** Whether a text is a path as the server reads it, or several where they are allowed. */
export function validPaths(text: string, multiple: boolean): boolean {
  const paths = splitPaths(text)
  return (
    paths.length > 0 &&
    (multiple || paths.length === 1) &&
    paths.every((path) => path === '/' || pathIds(path) !== undefined)
  )
}

/** Makes an input a typedInput `path` with a picker and the name of what is typed below it. */
export function pathField(input: string | JQuery, options: PathFieldOptions): void {
  const field = $(input as string)
  const multiple = options.multiple === true
  const server = (): string => {
    const id = String($(options.server as string).val() ?? '')
    return id === '' || id === '_ADD_' ? '-' : id
  }
  const endpoint = (): string => {
    const device = $(options.device as string)
    return device.typedInput('type') === 'str' ? device.typedInput('value') : ''
  }
  const pick = (): void =>
    openPathPicker({
      server: server(),
      endpoint: endpoint(),
      use: options.use,
      multiple,
      selected: splitPaths(field.typedInput('value')),
      onPicked: (paths) => {
        field.typedInput('value', paths.join(', '))
        showName()
      },
    })
  field.typedInput({
    default: options.default ?? 'str',
    typeField: options.typeField,
    types: [
      {
        value: 'str',
        label: t('path.label'),
        icon: 'fa fa-sitemap',
        expand: pick,
        validate: (text: string) => text === '' || validPaths(text, multiple),
      },
      ...(options.otherTypes ?? ['msg', 'env']),
    ],
  })
  const name = $('<div class="lwm2m-path-name" aria-live="polite">').insertAfter(
    field.closest('.form-row'),
  )
  let current = 0
  const showName = (): void => {
    const turn = ++current
    if (field.typedInput('type') !== 'str') {
      name.text('')
      return
    }
    const paths = splitPaths(field.typedInput('value'))
    void Promise.all(paths.slice(0, 8).map((path) => pathName(server(), path))).then((names) => {
      if (turn === current) name.text(names.filter((found) => found !== undefined).join(', '))
    })
  }
  field.on('change', showName)
  showName()
}
