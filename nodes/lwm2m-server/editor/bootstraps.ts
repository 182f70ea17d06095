import { type BootstrapEntry, bootstrapProblem } from '../../editor/bootstrap-entries'
import {
  checkbox,
  choice,
  type EditedEntry,
  type Entry,
  field,
  keyFormats,
  keyInput,
  pemArea,
  privateKeyInput,
  readInputs,
  textArea,
  textInput,
  type Texts,
} from './fields'

/** The fields of a configuration in the Bootstrap tab. Answers what reads them. */
export function bootstrapRow(
  row: JQuery,
  entry: Entry,
  edited: EditedEntry,
  t: Texts,
): () => Entry {
  const endpoint = textInput(entry['endpoint'], t('pattern-hint'))
  field(row, 'microchip', t('endpoint'), endpoint)
  const uri = textInput(entry['uri'], 'coaps://lwm2m.example:5684')
  field(row, 'server', t('uri'), uri)
  const shortServerId = textInput(entry['shortServerId'] || '1')
  field(row, 'hashtag', t('shortServerId'), shortServerId)
  const security = choice(entry['security'], [
    ['nosec', t('mode-nosec')],
    ['psk', t('mode-psk')],
    ['rpk', t('mode-rpk')],
    ['x509', t('mode-x509')],
  ])
  field(row, 'lock', t('mode'), security)

  const psk = $('<div>').appendTo(row)
  const createCredential = checkbox(entry['createCredential'])
  field(psk, 'magic', t('createCredential'), createCredential)
  const given = $('<div>').appendTo(psk)
  const identity = textInput(entry['identity'], '{endpoint}')
  field(given, 'id-card-o', t('identity'), identity)
  field(given, 'key', t('key'), keyInput(edited, t))
  const keyFormat = keyFormats(entry['keyFormat'], t)
  field(given, 'font', t('keyFormat'), keyFormat)

  const rpk = $('<div>').appendTo(row)
  const publicKey = pemArea(entry['publicKey'])
  field(rpk, 'unlock-alt', t('device-publicKey'), publicKey)
  field(rpk, 'key', t('private-key'), privateKeyInput(edited, t))
  const serverPublicKey = pemArea(entry['serverPublicKey'], t('own-hint'))
  field(rpk, 'server', t('server-publicKey'), serverPublicKey)

  const x509 = $('<div>').appendTo(row)
  const certificate = pemArea(entry['certificate'])
  field(x509, 'certificate', t('device-certificate'), certificate)
  field(x509, 'key', t('private-key'), privateKeyInput(edited, t))
  const serverCertificate = pemArea(entry['serverCertificate'], t('own-hint'))
  field(x509, 'server', t('server-certificate'), serverCertificate)

  const lifetime = textInput(entry['lifetime'] || '86400')
  field(row, 'clock-o', t('lifetime'), lifetime)
  const binding = textInput(entry['binding'] || 'U')
  field(row, 'plug', t('binding'), binding)
  const queueMode = checkbox(entry['queueMode'])
  field(row, 'moon-o', t('queueMode'), queueMode)
  const resources = textArea(entry['resources'], '{"/3/0/15": "Europe/Paris"}')
  field(row, 'cubes', t('resources'), resources.attr('rows', 2).css('font-family', 'monospace'))
  for (const box of [createCredential, queueMode]) box.css('width', 'auto')

  const show = (): void => {
    psk.toggle(security.val() === 'psk')
    given.toggle(createCredential.prop('checked') !== true)
    rpk.toggle(security.val() === 'rpk')
    x509.toggle(security.val() === 'x509')
  }
  security.add(createCredential).on('change', show)
  show()

  const inputs = {
    ...{ endpoint, uri, shortServerId, security, createCredential, identity, keyFormat },
    ...{ publicKey, serverPublicKey, certificate, serverCertificate },
    ...{ lifetime, binding, queueMode, resources },
  }
  const read = (): Entry => readInputs(edited.id, inputs)
  const note = $('<div class="lwm2m-field-error" role="alert">').appendTo(row)
  const check = (): void => {
    note.text(bootstrapProblem(read() as BootstrapEntry) ?? '')
    const wrong = $('#lwm2m-tab-bootstrap .lwm2m-field-error').is(':not(:empty)')
    $('a[href="#lwm2m-tab-bootstrap"]').closest('li').toggleClass('lwm2m-tab-error', wrong)
  }
  row.on('input change', check)
  // An entry that was just added is not wrong yet.
  if (!edited.isNew) check()
  return read
}
