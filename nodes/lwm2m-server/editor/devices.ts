import {
  choice,
  type EditedEntry,
  type Entry,
  field,
  keyFormats,
  keyInput,
  readInputs,
  textArea,
  textInput,
  type Texts,
} from './fields'

/** The fields of a device in the Security tab. Answers what reads them. */
export function deviceRow(row: JQuery, entry: Entry, edited: EditedEntry, t: Texts): () => Entry {
  const endpoint = textInput(entry['endpoint'], t('pattern-hint'))
  field(row, 'microchip', t('endpoint'), endpoint)
  const use = choice(entry['use'], [
    ['server', t('use-server')],
    ['bootstrap', t('use-bootstrap')],
  ])
  field(row, 'bullseye', t('use'), use)
  const mode = choice(entry['mode'], [
    ['psk', t('mode-psk')],
    ['rpk', t('mode-rpk')],
    ['x509', t('mode-x509')],
  ])
  field(row, 'lock', t('mode'), mode)

  const psk = $('<div>').appendTo(row)
  const identity = textInput(entry['identity'], t('identity-hint'))
  field(psk, 'id-card-o', t('identity'), identity)
  field(psk, 'key', t('key'), keyInput(edited, t))
  const keyFormat = keyFormats(entry['keyFormat'], t)
  field(psk, 'font', t('keyFormat'), keyFormat)

  const rpk = $('<div>').appendTo(row)
  const publicKey = textArea(entry['publicKey'])
  field(rpk, 'unlock-alt', t('device-publicKey'), publicKey)

  const x509 = $('<div>').appendTo(row)
  const name = textInput(entry['name'], t('name-hint'))
  field(x509, 'id-card-o', t('certificate-name'), name)
  const certificate = textArea(entry['certificate'], t('pinned-hint'))
  field(x509, 'certificate', t('pinned'), certificate)

  const show = (): void => {
    psk.toggle(mode.val() === 'psk')
    rpk.toggle(mode.val() === 'rpk')
    x509.toggle(mode.val() === 'x509')
  }
  mode.on('change', show)
  show()
  const inputs = { endpoint, use, mode, identity, keyFormat, publicKey, name, certificate }
  return () => readInputs(edited.id, inputs)
}
