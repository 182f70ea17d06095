import type { ServerInfo, StoreAction } from '../admin/contract'
import { api, mayAsk } from './api'
import { download } from './download'
import { t } from './texts'

/** Buttons for what can be done about the store of a server that failed. */
export class StoreRescue {
  readonly element = $('<div class="lwm2m-store-rescue">')
  private readonly buttons = $('<div>').appendTo(this.element)
  private readonly outcome = $('<div role="status">').appendTo(this.element)
  private shown = ''

  update({ id, storeActions = [] }: ServerInfo): void {
    const actions = mayAsk() ? storeActions : []
    const key = actions.join()
    if (key === this.shown) return
    this.shown = key
    this.buttons.empty()
    for (const action of actions) {
      $('<button type="button" class="red-ui-button red-ui-button-small">')
        .attr({ 'data-store': action, title: t(`store.${action}-hint`) })
        .text(t(`store.${action}`))
        .on('click', () => void this.act(id, action))
        .appendTo(this.buttons)
    }
  }

  private async act(server: string, action: StoreAction): Promise<void> {
    const buttons = this.buttons.children().prop('disabled', true)
    this.outcome.text(t('store.working'))
    try {
      this.outcome.text(await perform(server, action))
    } catch (error) {
      this.outcome.text((error as Error).message)
    } finally {
      buttons.prop('disabled', false)
    }
  }
}

/** Answers what was done. */
async function perform(server: string, action: StoreAction): Promise<string> {
  if (action === 'export') {
    const lines = await api.exportStore(server)
    download(`lwm2m-${server}-store.jsonl`, 'application/x-ndjson', lines)
    return t('store.exported', { n: lines.split('\n').length - 1 })
  }
  const { aside, kept, corrupt } = await api.changeStore(server, action)
  if (action === 'empty') return t('store.emptied', { aside })
  return t('store.repaired', { aside, kept, corrupt })
}
