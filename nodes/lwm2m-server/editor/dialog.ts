/** The dialog of `lwm2m-server`: its tabs and lists, and the keys that go to the credentials. */
import { StoreRescue } from '../../editor/store-rescue'
import { bootstrapRow } from './bootstraps'
import { deviceRow } from './devices'
import { api } from '../../editor/api'
import { formatChoices } from '../../editor/format-choices'
import { choice, type EditedEntry, type Entry, textInput, type Texts } from './fields'

/** The node as the editor has it. */
export interface ServerEditorNode extends EditorNode {
  devices?: readonly Entry[]
  bootstraps?: readonly Entry[]
  awakeWindows?: readonly Entry[]
  formats?: readonly Entry[]
  credentials?: { keysUpdate?: string; has_keysUpdate?: boolean }
}

const TABS = ['server', 'security', 'bootstrap', 'devices', 'advanced']
const DEVICES = 'lwm2m-devices'
const BOOTSTRAPS = 'lwm2m-bootstraps'
const WINDOWS = 'lwm2m-awake-windows'
const FORMATS = 'lwm2m-formats'

/** Keys that were typed since the dialog was opened, by the id of their entry. */
let changedKeys: { [id: string]: string } = {}

/** Fills the dialog; called when it has been opened. */
export function open(node: ServerEditorNode): void {
  const t: Texts = (key) => node._(`lwm2m-server.dialog.${key}`)
  changedKeys = {}
  addTabs(t)
  list(DEVICES, node.devices, 300, t('no-devices'), (row, entry) =>
    deviceRow(row, entry, edited(entry), t),
  )
  list(BOOTSTRAPS, node.bootstraps, 300, t('no-bootstraps'), (row, entry) =>
    bootstrapRow(row, entry, edited(entry), t),
  )
  list(WINDOWS, node.awakeWindows, 130, t('no-windows'), (row, entry) =>
    awakeWindowRow(row, entry, t),
  )
  list(FORMATS, node.formats, 130, t('no-formats'), (row, entry) => formatRow(row, entry, t))
  const shared = $('#node-config-input-bootstrapShared')
  const showPorts = (): void => void $('.lwm2m-own-ports').toggle(!shared.prop('checked'))
  shared.on('change', showPorts)
  showPorts()
  void showStore(node.id)
  $('#lwm2m-generate-key').on('click', () => generateKey(t))
}

/** Takes the lists and keys over. Answers whether the node has changed by its keys. */
export function save(node: ServerEditorNode): boolean {
  node.devices = readList(DEVICES)
  node.bootstraps = readList(BOOTSTRAPS)
  node.awakeWindows = readList(WINDOWS)
  node.formats = readList(FORMATS)
  if (Object.keys(changedKeys).length === 0) return false
  // Passwords do not come back to the editor: what changed before this deploy is still here.
  const credentials = (node.credentials ??= {})
  const keys = { ...parseKeys(credentials.keysUpdate), ...changedKeys }
  credentials.keysUpdate = JSON.stringify(keys)
  credentials.has_keysUpdate = true
  return true
}

function parseKeys(json: string | undefined): object {
  try {
    return JSON.parse(json || '{}') as object
  } catch {
    return {}
  }
}

function addTabs(t: Texts): void {
  const tabs = RED.tabs.create({
    id: 'lwm2m-server-tabs',
    onchange: (tab) => {
      $('#lwm2m-server-content').children().hide()
      $(`#${tab.id}`).show()
    },
  })
  for (const tab of TABS) tabs.addTab({ id: `lwm2m-tab-${tab}`, label: t(`tab-${tab}`) })
}

/** Gives a new entry its id. */
function edited(entry: Entry): EditedEntry {
  const isNew = entry.id === undefined
  const id = (entry.id ??= RED.nodes.id())
  return { id, isNew, onKey: (of, key) => void (changedKeys[of] = key) }
}

function patternInput(row: JQuery, entry: Entry, t: Texts): JQuery {
  const pattern = textInput(entry['pattern'], t('pattern-hint')).css('width', '55%').appendTo(row)
  $('<span>').text(' ').appendTo(row)
  return pattern
}

function awakeWindowRow(row: JQuery, entry: Entry, t: Texts): () => Entry {
  const pattern = patternInput(row, entry, t)
  const seconds = $('<input type="number" min="0">')
    .val(String(entry['seconds'] ?? ''))
    .css('width', '90px')
    .appendTo(row)
  $('<span>')
    .text(` ${t('seconds')}`)
    .appendTo(row)
  return () => ({ pattern: String(pattern.val()).trim(), seconds: seconds.val() })
}

function formatRow(row: JQuery, entry: Entry, t: Texts): () => Entry {
  const pattern = patternInput(row, entry, t)
  const formats = [...formatChoices(), ['none', t('format-none')] as const]
  const format = choice(entry['format'], formats).css('width', '40%').appendTo(row)
  return () => ({ pattern: String(pattern.val()).trim(), format: format.val() })
}

/**
 * Fills a list.
 * @param height px
 * @param empty why the list is empty, and what that means
 * @param addRow makes the fields of an entry; answers what reads them
 */
function list(
  id: string,
  entries: readonly Entry[] = [],
  height: number,
  empty: string,
  addRow: (row: JQuery, entry: Entry) => () => Entry,
): void {
  const element = $(`#${id}`).attr('data-empty', empty)
  element.editableList({
    addItem: (row, _index, entry) => row.data('read', addRow(row, entry as Entry)),
    removable: true,
    sortable: true,
    height,
  })
  for (const entry of entries) element.editableList('addItem', { ...entry })
}

function readList(id: string): Entry[] {
  const rows = $(`#${id}`).editableList('items').toArray()
  return rows.map((row) => ($(row).data('read') as () => Entry)())
}

/** Below the storage: why the deployed server cannot use its store, and what can be done about that. */
async function showStore(id: string): Promise<void> {
  const servers = await api.servers().catch(() => [])
  const server = servers.find((one) => one.id === id)
  if (server?.storeActions === undefined) return
  const rescue = new StoreRescue()
  rescue.update(server)
  $('#lwm2m-store-rescue').append(
    $('<div class="lwm2m-field-error" role="alert">').text(server.error ?? ''),
    rescue.element,
  )
  $('#lwm2m-store').show()
}

function generateKey(t: Texts): void {
  const state = $('#lwm2m-key-state').text(t('generating'))
  $.ajax({
    url: 'lwm2m/generate-key',
    type: 'POST',
    contentType: 'application/json',
    data: JSON.stringify({ name: $('#node-config-input-name').val() }),
  }).then(
    (made: { privateKey: string; certificate: string; publicKey: string }) => {
      $('#node-config-input-serverKey').val(made.privateKey)
      $('#node-config-input-certificate').val(made.certificate)
      $('#node-config-input-publicKey').val(made.publicKey)
      state.text(t('generated'))
    },
    (response: JQuery.jqXHR) => state.text(`${t('generate-failed')} ${response.status}`),
  )
}
