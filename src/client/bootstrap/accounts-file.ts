import { ContentFormat } from '../../lwm2m/formats/codec'
import { decode, encode } from '../../lwm2m/formats/index'
import { Level, Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import type { Value } from '../../lwm2m/value'
import { ACCESS_CONTROL, COSE, OSCORE, SECURITY, SERVER } from '../accounts'
import type { ObjectTree } from '../tree/object-tree'

/** The objects that a bootstrap configures and that are kept. */
export const ACCOUNT_OBJECTS = [SECURITY, SERVER, ACCESS_CONTROL, OSCORE, COSE] as const

/** The current contents of the account objects. */
export function accountRecords(tree: ObjectTree): Record[] {
  return ACCOUNT_OBJECTS.flatMap((id) => tree.records(new Path([id])))
}

/** Restores the account objects from {@link accountRecords}. */
export function restoreAccounts(tree: ObjectTree, records: readonly Record[]): void {
  tree.batch(() => {
    for (const id of ACCOUNT_OBJECTS) {
      const object = tree.object(id)
      for (const instance of object?.sorted() ?? []) {
        const path = new Path([id, instance.id])
        const kept = records.some((record) => path.contains(record.path))
        if (!kept && object !== undefined) tree.deleteInstance(object, instance.id)
      }
    }
    storeRecords(tree, records)
  })
}

/**
 * Writes whole instances: resources that the records do not contain are removed, except executable
 * ones.
 */
export function storeRecords(tree: ObjectTree, records: readonly Record[]): void {
  const byInstance = new Map<string, Record[]>()
  for (const record of records) {
    const key = record.path.at(Level.INSTANCE).toString()
    const list = byInstance.get(key)
    if (list === undefined) byInstance.set(key, [record])
    else list.push(record)
  }
  tree.batch(() => {
    for (const [text, list] of byInstance) storeInstance(tree, Path.parse(text), list)
  })
}

function storeInstance(tree: ObjectTree, path: Path, records: readonly Record[]): void {
  const object = tree.addObject(path.object as number, path.prefix)
  const instance = tree.addInstance(object, path.instance as number)
  const values = new Map<number, Value | Map<number, Value>>()
  for (const { path: at, value } of records) {
    const [resource, within] = [at.resource, at.resourceInstance]
    if (resource === undefined || value === undefined) continue
    if (within === undefined) {
      values.set(resource, value)
      continue
    }
    const many = values.get(resource)
    if (many instanceof Map) many.set(within, value)
    else values.set(resource, new Map([[within, value]]))
  }
  for (const resource of [...instance.resources.values()]) {
    if (!values.has(resource.id) && !resource.executable) {
      tree.removeResource(path.child(resource.id), instance, resource.id)
    }
  }
  for (const [id, value] of values) {
    const definition = object.resource(id)
    if (definition === undefined) continue
    tree.replace(path.child(id), tree.ensureResource(instance, definition), value)
  }
}

/** The accounts as bytes, including their keys, for an `AccountsStore`. */
export function encodeAccounts(tree: ObjectTree): Uint8Array {
  return encode(ContentFormat.SENML_JSON, accountRecords(tree), {
    base: Path.ROOT,
    resource: (path) => tree.definition(path),
  })
}

/** @throws DecodeError if the bytes are not from {@link encodeAccounts} */
export function decodeAccounts(tree: ObjectTree, bytes: Uint8Array): Record[] {
  return decode(ContentFormat.SENML_JSON, bytes, {
    base: Path.ROOT,
    resource: (path) => tree.definition(path),
  })
}
