import type { DeviceDetail } from '../admin/contract'
import { api } from './api'
import { noteItem, PathTree, type PathChoice } from './path-tree'
import { t } from './texts'

/** What the picker is opened with. */
export interface PickerOptions extends PathChoice {
  /** Config node id; the built-in registry where it is empty or not deployed. */
  readonly server: string
  /** Endpoint name; empty or a pattern where there is no single device. */
  readonly endpoint: string
  /** Paths that are chosen already; those that the tree does not know are kept. */
  readonly selected: readonly string[]
  readonly onPicked: (paths: string[]) => void
}

/** Why there is no device to look at: shown above the tree. */
async function findDevice(
  server: string,
  endpoint: string,
): Promise<{ device?: DeviceDetail; note?: string }> {
  if (endpoint === '' || /[*?]/.test(endpoint)) return { note: t('picker.no-device') }
  try {
    return { device: await api.device(server, endpoint) }
  } catch (error) {
    return { note: (error as Error).message }
  }
}

/** Opens at once and fills in as answers come. */
export function openPathPicker(options: PickerOptions): void {
  const chosen = new Set(options.selected)
  const server = options.server === '' || options.server === '_ADD_' ? '-' : options.server
  let tree = new PathTree(server, undefined, options, chosen)
  let search = 0
  let list = $('<div>')

  const finish = (): void => {
    RED.tray.close(() => options.onPicked([...chosen]))
  }
  RED.tray.show({
    title: t(options.multiple ? 'picker.title-multiple' : 'picker.title'),
    width: 500,
    buttons: [
      { id: 'lwm2m-picker-cancel', text: t('cancel'), click: () => RED.tray.close() },
      { id: 'lwm2m-picker-ok', text: t('picker.choose'), class: 'primary', click: finish },
    ],
    // Node-RED fills a long list bit by bit: it must not find the rest of it destroyed.
    close: () => void list.detach(),
    open: (tray) => {
      const body = tray.find('.red-ui-tray-body').addClass('lwm2m-picker')
      const searchInput = $('<input type="text" id="lwm2m-picker-search">')
        .attr('placeholder', t('picker.search'))
        .appendTo($('<div class="lwm2m-picker-search">').appendTo(body))
      const note = $('<div class="lwm2m-picker-note" role="status">').hide().appendTo(body)
      const place = $('<div class="lwm2m-picker-tree">').appendTo(body)
      const choice = $('<div class="lwm2m-picker-choice" aria-live="polite">').appendTo(body)

      const showChoice = (): void => {
        choice.text(chosen.size === 0 ? t('picker.none-chosen') : [...chosen].join('  '))
      }
      // Each drawing has a list of its own: one that still fills must not lose its place.
      const draw = (items: TreeItem[]): void => {
        list.detach()
        list = $('<div>').appendTo(place)
        // With checkboxes the keyboard moves a focus; without, it moves the selection.
        list.treeList({ data: items, selectable: true, autoSelect: !options.multiple })
        list.on('treelistselect', (_event: unknown, item: TreeItem) => {
          if (item.path === undefined) return
          if (!options.multiple) chosen.clear()
          if (options.multiple && item.selected !== true) chosen.delete(item.path)
          else chosen.add(item.path)
          showChoice()
        })
        list.on('treelistconfirm', (_event: unknown, item: TreeItem) => {
          if (item.path !== undefined && !options.multiple) finish()
        })
      }
      draw(tree.items())
      searchInput.on('keydown', (event) => {
        if (event.key !== 'ArrowDown') return
        event.preventDefault()
        list.trigger('focus')
        list.trigger($.Event('keydown', { keyCode: 40, which: 40, key: 'ArrowDown' }))
      })
      showChoice()

      searchInput.searchBox({
        delay: 250,
        change() {
          const current = ++search
          const text = searchInput.val() as string
          if (text.trim() === '') {
            draw(tree.items())
            return
          }
          api.search(server, text).then(
            (matches) => {
              if (current === search) draw(tree.matchItems(matches))
            },
            (error: Error) => draw([noteItem(error.message)]),
          )
        },
      })
      body.on('keydown', (event) => {
        if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
        event.preventDefault()
        event.stopPropagation()
        finish()
      })
      searchInput.trigger('focus')

      void findDevice(server, options.endpoint).then(({ device, note: why }) => {
        if (why !== undefined) note.text(why).show()
        if (device === undefined) return
        tree = new PathTree(server, device, options, chosen)
        if ((searchInput.val() as string).trim() === '') draw(tree.items())
      })
    },
  })
}
