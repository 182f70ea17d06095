/** The parts of Node-RED's editor that the plugin uses; its own typings lack half of them. */

interface TreeItem {
  label?: string
  id?: string
  icon?: string
  element?: JQuery
  class?: string
  expanded?: boolean
  selected?: boolean
  checkbox?: boolean
  /** Set by the tree list once the item is drawn. */
  treeList?: { container?: JQuery }
  children?: TreeItem[] | ((done: (items: TreeItem[]) => void, item: TreeItem) => void)
  /** Ours: the LwM2M path. */
  path?: string
}

interface JQuery {
  treeList(options: { data: TreeItem[]; selectable?: boolean; autoSelect?: boolean }): this
  treeList(method: 'empty'): this
  treeList(method: 'data', items: TreeItem[]): this
  treeList(method: 'selected'): TreeItem | TreeItem[]
  searchBox(options: {
    delay?: number
    minimumLength?: number
    change(this: HTMLElement): void
  }): this
  searchBox(method: 'value'): string
  searchBox(method: 'count', text: string): this
  typedInput(options: object): this
  typedInput(method: 'type' | 'value'): string
  typedInput(method: 'type' | 'value' | 'types' | 'show' | 'hide', value?: unknown): this
  i18n(): this
  editableList(options: {
    addItem(row: JQuery, index: number, item: object): void
    removable?: boolean
    sortable?: boolean
    height?: number
  }): this
  editableList(method: 'addItem', item: object): this
  editableList(method: 'items'): JQuery
}

interface EditorNode {
  id: string
  type: string
  /** A text of the node's own locale file. */
  _(key: string): string
  [property: string]: unknown
}

declare const RED: {
  _(key: string, parameters?: object): string
  notify(message: string | JQuery, options?: { type?: string; timeout?: number }): void
  settings: { get<T>(key: string, fallback: T): T; set(key: string, value: unknown): void }
  events: {
    on(event: string, listener: (...args: never[]) => void): void
    off(event: string, listener: (...args: never[]) => void): void
  }
  nodes: {
    node(id: string): EditorNode | null
    id(): string
    getType(type: string): { defaults: { [name: string]: { value?: unknown } } } | undefined
    eachConfig(visit: (node: EditorNode) => boolean | void): void
    dirty(): boolean
  }
  user: { hasPermission(permission: string): boolean }
  plugins: { registerPlugin(id: string, definition: { type: string; onadd?(): void }): void }
  actions: { add(id: string, action: () => void): void }
  sidebar: {
    addTab(tab: {
      id: string
      label: string
      name: string
      content: JQuery
      toolbar?: JQuery
      iconClass: string
      action: string
      enableOnEdit: boolean
      onchange?(): void
      onremove?(): void
    }): void
    show(id: string): void
    containsTab(id: string): boolean
  }
  tray: {
    show(tray: {
      title: string
      width?: number | string
      buttons: {
        id?: string
        text: string
        class?: string
        click(): void
      }[]
      open(tray: JQuery, done?: () => void): void
      close?(): void
      show?(): void
    }): void
    close(done?: () => void): void
  }
  tabs: {
    create(options: { id: string; onchange(tab: { id: string }): void }): {
      addTab(tab: { id: string; label: string }): void
    }
  }
  popover: { tooltip(target: JQuery, text: string): unknown }
}

interface Window {
  lwm2mEditor?: unknown
}
