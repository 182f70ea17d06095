import { createHash } from 'node:crypto'
import type { Scheduler, Timer } from '../../base/scheduler'
import { CodedError } from '../../base/coded-error'
import { Code } from '../../coap/codes'
import { DeviceResource } from '../../lwm2m/objects/device'
import { ObjectId } from '../../lwm2m/objects/object-id'
import { Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import { Refusal } from '../operations/refusal'
import type { ObjectTree } from '../tree/object-tree'
import type { FirmwareBehaviour } from '../types'
import type { Arguments, ObjectBehaviour } from './behaviour'
import { assign, offer } from './implement'
import {
  FirmwareDelivery,
  FirmwareResource,
  FirmwareResult,
  FirmwareState,
} from '../../lwm2m/objects/firmware'

/** Downloads a package from the URI given by the server. @throws CodedError */
export type PackageFetch = (uri: string, signal: AbortSignal) => Promise<Uint8Array>

/** `unsupported-protocol` and `invalid-argument` of a download have their own results. */
const RESULT_OF: { readonly [code: string]: number } = {
  'unsupported-protocol': FirmwareResult.UNSUPPORTED_PROTOCOL,
  'invalid-argument': FirmwareResult.INVALID_URI,
  unresolvable: FirmwareResult.INVALID_URI,
}

const DEFAULT_MAX_SIZE = 1 << 20
const DEFAULT_UPDATE_TIME = 1000

/**
 * Object 5, Firmware Update: the state machine of Core §E.6, with a package that is only counted,
 * not installed. After the update the device reboots, with the result in `/5/0/5`.
 */
export class FirmwareObjectBehaviour implements ObjectBehaviour {
  private readonly at = new Path([ObjectId.FIRMWARE_UPDATE, 0])
  private download: AbortController | undefined
  private timer: Timer | undefined

  constructor(
    private readonly tree: ObjectTree,
    private readonly clock: Scheduler,
    private readonly behaviour: FirmwareBehaviour,
    private readonly fetch: PackageFetch,
    private readonly reboot: () => void,
  ) {}

  adopt(_instance: Path): void {
    offer(this.tree, this.at, [
      FirmwareResource.PACKAGE,
      FirmwareResource.PACKAGE_URI,
      FirmwareResource.UPDATE,
      FirmwareResource.CANCEL,
    ])
    this.set(FirmwareResource.STATE, FirmwareState.IDLE)
    if (this.tree.value(this.at.child(FirmwareResource.RESULT)) === undefined) {
      this.set(FirmwareResource.RESULT, FirmwareResult.INITIAL)
    }
    if (this.tree.value(this.at.child(FirmwareResource.DELIVERY)) === undefined)
      this.set(FirmwareResource.DELIVERY, FirmwareDelivery.BOTH)
    const protocols = this.tree.place(this.at.child(FirmwareResource.PROTOCOLS))
    const definition = protocols?.object.resource(FirmwareResource.PROTOCOLS)
    if (protocols?.resource === undefined && protocols?.instance !== undefined && definition) {
      const resource = this.tree.ensureResource(protocols.instance, definition)
      this.tree.replace(
        this.at.child(FirmwareResource.PROTOCOLS),
        resource,
        new Map([
          [0, 0],
          [1, 1],
        ]),
      )
    }
  }

  validate(records: readonly Record[]): void {
    for (const { path } of records) {
      // There is no transition for a package while another one is present or being installed (Core
      // §E.6).
      const busy =
        path.resource === FirmwareResource.PACKAGE || path.resource === FirmwareResource.PACKAGE_URI
      if (busy && this.state === FirmwareState.UPDATING) {
        throw new Refusal(Code.METHOD_NOT_ALLOWED, 'an update is under way')
      }
    }
  }

  written(records: readonly Record[]): void {
    for (const { path, value } of records) {
      if (path.resource === FirmwareResource.PACKAGE && value instanceof Uint8Array)
        this.pushed(value)
      if (path.resource === FirmwareResource.PACKAGE_URI && typeof value === 'string')
        this.pull(value)
    }
  }

  execute(resource: Path, _args: Arguments): (() => void) | undefined {
    if (resource.resource === FirmwareResource.UPDATE) {
      if (this.state !== FirmwareState.DOWNLOADED) throw new Refusal(Code.METHOD_NOT_ALLOWED)
      this.set(FirmwareResource.STATE, FirmwareState.UPDATING)
      return () => this.install()
    }
    if (resource.resource === FirmwareResource.CANCEL) {
      if (this.state === FirmwareState.IDLE || this.state === FirmwareState.UPDATING) {
        throw new Refusal(Code.METHOD_NOT_ALLOWED)
      }
      this.reset(FirmwareResult.CANCELLED)
    }
    return undefined
  }

  /** Cancels timers and downloads. */
  close(): void {
    this.download?.abort()
    this.download = undefined
    this.clock.cancel(this.timer)
  }

  private get state(): number {
    const state = this.tree.value(this.at.child(FirmwareResource.STATE))
    return typeof state === 'number' ? state : FirmwareState.IDLE
  }

  private pushed(bytes: Uint8Array): void {
    // The package itself is not kept: `/5/0/0` cannot be read.
    this.tree.place(this.at.child(FirmwareResource.PACKAGE))?.resource?.replace(undefined)
    if (bytes.length === 0 || (bytes.length === 1 && bytes[0] === 0)) {
      this.reset(FirmwareResult.INITIAL)
      return
    }
    this.close()
    this.received(bytes)
  }

  private pull(uri: string): void {
    if (uri === '') {
      this.reset(FirmwareResult.INITIAL)
      return
    }
    this.close()
    this.set(FirmwareResource.RESULT, FirmwareResult.INITIAL)
    this.set(FirmwareResource.STATE, FirmwareState.DOWNLOADING)
    const download = new AbortController()
    this.download = download
    const fetched = this.fetch(uri, download.signal).then(
      (bytes) => {
        if (this.download !== download) return
        this.download = undefined
        this.received(bytes)
      },
      (error: unknown) => {
        if (this.download !== download) return
        this.download = undefined
        const code = error instanceof CodedError ? error.code : ''
        this.reset(RESULT_OF[code] ?? FirmwareResult.CONNECTION_LOST)
      },
    )
    this.clock.detach('a firmware download', fetched)
  }

  private received(bytes: Uint8Array): void {
    const { downloadResult, maxSize = DEFAULT_MAX_SIZE } = this.behaviour
    if (bytes.length > maxSize) {
      this.reset(FirmwareResult.NO_FLASH)
      return
    }
    if (downloadResult !== undefined) {
      this.reset(downloadResult)
      return
    }
    this.set(FirmwareResource.RESULT, FirmwareResult.INITIAL)
    this.set(
      FirmwareResource.PACKAGE_NAME,
      createHash('sha256').update(bytes).digest('hex').slice(0, 16),
    )
    this.set(FirmwareResource.STATE, FirmwareState.DOWNLOADED)
  }

  private install(): void {
    this.timer = this.clock.after(this.behaviour.updateTime ?? DEFAULT_UPDATE_TIME, () => {
      const { result = FirmwareResult.SUCCESS, version } = this.behaviour
      if (result === FirmwareResult.SUCCESS && version !== undefined) {
        this.set(FirmwareResource.PACKAGE_VERSION, version)
        assign(this.tree, new Path([ObjectId.DEVICE, 0, DeviceResource.FIRMWARE_VERSION]), version)
      }
      this.reset(result)
      this.reboot()
    })
  }

  private reset(result: number): void {
    this.close()
    this.set(FirmwareResource.RESULT, result)
    this.set(FirmwareResource.STATE, FirmwareState.IDLE)
  }

  private set(resource: number, value: number | string): void {
    assign(this.tree, this.at.child(resource), value)
  }
}
