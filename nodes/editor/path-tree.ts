/** The tree of objects, instances and resources: what a device registered, merged with the model. */
import type { DeviceDetail, DeviceObject, ModelMatch, ResourceInfo } from '../admin/contract'
import { api } from './api'
import { t } from './texts'

/** What a node does with the paths that it picks; other resources are left out. */
export type PathUse = 'read' | 'write' | 'execute' | 'observe' | 'any'

/** Level 2 paths and above, or single resources only. */
export interface PathChoice {
  readonly use: PathUse
  /** Objects and instances may be chosen, too (not for execute). */
  readonly multiple: boolean
}

function fits(resource: ResourceInfo, use: PathUse): boolean {
  switch (use) {
    case 'read':
    case 'observe':
      return resource.operations.includes('R')
    case 'write':
      return resource.operations.includes('W')
    case 'execute':
      return resource.operations === 'E'
    case 'any':
      return true
  }
}

function row(name: string, id: string, details: readonly (string | undefined)[]): JQuery {
  const element = $('<span class="lwm2m-row">')
  $('<span class="lwm2m-name">').text(name).appendTo(element)
  $('<span class="lwm2m-id">').text(id).appendTo(element)
  const text = details.filter((detail) => detail !== undefined && detail !== '').join(' · ')
  if (text !== '') $('<span class="lwm2m-detail">').text(text).appendTo(element)
  return element
}

/** A line that cannot be chosen: why a list is empty, or what went wrong. */
export function noteItem(text: string): TreeItem {
  return { element: $('<span class="lwm2m-note">').text(text) }
}

/** Builds the items of one picker. */
export class PathTree {
  constructor(
    private readonly server: string,
    private readonly device: DeviceDetail | undefined,
    private readonly choice: PathChoice,
    private readonly selected: ReadonlySet<string>,
  ) {}

  /** What the device has first, then everything else that the model knows. */
  items(): TreeItem[] {
    const registered = (this.device?.objects ?? []).map((object) => this.objectItem(object))
    const registry: TreeItem = {
      label: t('picker.registry'),
      icon: 'fa fa-book',
      expanded: this.device === undefined,
      children: (done, item) => this.load(done, item, () => this.registryItems()),
    }
    if (this.device === undefined) return [registry]
    if (registered.length === 0) registered.push(noteItem(t('picker.no-objects')))
    return [...registered, registry]
  }

  /** A flat list of what a search found, the device's own objects first. */
  matchItems(matches: readonly ModelMatch[]): TreeItem[] {
    if (matches.length === 0) return [noteItem(t('picker.nothing-found'))]
    const own = new Map(this.device?.objects.map((object) => [object.id, object]))
    const items = { own: [] as TreeItem[], other: [] as TreeItem[] }
    for (const match of matches) {
      const object = own.get(match.object)
      const instances = object?.instances.length ? object.instances : [0]
      for (const instance of instances) {
        const item = this.matchItem(match, instance)
        if (item !== undefined) (object === undefined ? items.other : items.own).push(item)
      }
    }
    const all = [...items.own, ...items.other]
    return all.length > 0 ? all : [noteItem(t('picker.nothing-fits'))]
  }

  private matchItem(match: ModelMatch, instance: number): TreeItem | undefined {
    const { object, objectName, resource } = match
    if (resource === undefined) {
      if (this.choice.use === 'execute') return undefined
      return this.leaf(`/${object}/${instance}`, row(objectName, `/${object}/${instance}`, []))
    }
    if (!fits(resource, this.choice.use)) return undefined
    const path = `/${object}/${instance}/${resource.id}`
    const details = [objectName, resource.type, resource.units, resource.operations]
    return this.leaf(path, row(resource.name, path, details))
  }

  private objectItem(object: DeviceObject): TreeItem {
    const { id, prefix, name, version, instances } = object
    const base = prefix === '' ? `/${id}` : `/${prefix}/${id}`
    const details = [prefix === '' ? undefined : prefix, version && `v${version}`]
    return {
      ...this.branch(base, row(name ?? t('picker.unknown-object'), `(${id})`, details)),
      children:
        instances.length === 0
          ? [noteItem(t('picker.no-instances'))]
          : instances.map((instance) => ({
              ...this.branch(`${base}/${instance}`, row(String(instance), '', [])),
              children: (done: (items: TreeItem[]) => void, item: TreeItem) =>
                this.load(done, item, () => this.resourceItems(`${base}/${instance}`, id, version)),
            })),
    }
  }

  private async registryItems(): Promise<TreeItem[]> {
    const objects = await api.objects(this.server)
    return objects.map(({ id, name, version }) => ({
      ...this.branch(`/${id}/0`, row(name, `(${id})`, [`v${version}`])),
      children: (done: (items: TreeItem[]) => void, item: TreeItem) =>
        this.load(done, item, () => this.resourceItems(`/${id}/0`, id, undefined)),
    }))
  }

  private async resourceItems(
    base: string,
    object: number,
    version: string | undefined,
  ): Promise<TreeItem[]> {
    const { resources } = await api.object(this.server, object, version)
    const items = resources
      .filter((resource) => fits(resource, this.choice.use))
      .map((resource) => {
        const type = resource.multiple ? `${resource.type}[]` : resource.type
        const details = [type, resource.units, resource.operations]
        return this.leaf(`${base}/${resource.id}`, row(resource.name, `(${resource.id})`, details))
      })
    return items.length > 0 ? items : [noteItem(t('picker.nothing-fits'))]
  }

  /** Objects and instances can be chosen where the operation takes more than one resource. */
  private branch(path: string, element: JQuery): TreeItem {
    const takesBranches = this.choice.use !== 'execute'
    return takesBranches ? this.leaf(path, element) : { element }
  }

  private leaf(path: string, element: JQuery): TreeItem {
    const item: TreeItem = { id: path, path, element, selected: this.selected.has(path) }
    return this.choice.multiple ? { ...item, checkbox: true } : item
  }

  /** The tree may have been drawn anew before the answer came: then nobody wants it. */
  private load(
    done: (items: TreeItem[]) => void,
    item: TreeItem,
    make: () => Promise<TreeItem[]>,
  ): void {
    const give = (items: TreeItem[]): void => {
      if (item.treeList?.container?.[0]?.isConnected !== false) done(items)
    }
    make().then(give, (error: Error) => give([noteItem(error.message)]))
  }
}
