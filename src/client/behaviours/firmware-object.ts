import { createHash } from 'node:crypto'
import type { Scheduler, Timer } from '../../base/scheduler'
import { CodedError } from '../../base/coded-error'
import { Code } from '../../coap/codes'
import { Path } from '../../lwm2m/path'
import type { Record } from '../../lwm2m/record'
import { Refusal } from '../operations/refusal'
import type { ObjectTree } from '../tree/object-tree'
import type { FirmwareBehaviour } from '../types'
import type { Arguments, ObjectBehaviour } from './behaviour'
import { assign, offer } from './implement'

const PACKAGE = 0
const PACKAGE_URI = 1
const UPDATE = 2
const STATE = 3
const RESULT = 5
const NAME = 6
const VERSION = 7
const PROTOCOLS = 8
const DELIVERY = 9
const CANCEL = 10

/** `/5/0/3` (Core §E.6). */
export const FirmwareState = { IDLE: 0, DOWNLOADING: 1, DOWNLOADED: 2, UPDATING: 3 } as const

/** `/5/0/5`. */
export const FirmwareResult = {
  INITIAL: 0,
  SUCCESS: 1,
  NO_FLASH: 2,
  CONNECTION_LOST: 4,
  INVALID_URI: 7,
  UPDATE_FAILED: 8,
  UNSUPPORTED_PROTOCOL: 9,
  CANCELLED: 10,
} as const

/** Fetches a package from where the server said it is. @throws CodedError */
export type PackageFetch = (uri: string, signal: AbortSignal) => Promise<Uint8Array>

/** `unsupported-protocol` and `invalid-argument` of a fetch are results of their own. */
const RESULT_OF: { readonly [code: string]: number } = {
  'unsupported-protocol': FirmwareResult.UNSUPPORTED_PROTOCOL,
  'invalid-argument': FirmwareResult.INVALID_URI,
  unresolvable: FirmwareResult.INVALID_URI,
}

const DEFAULT_MAX_SIZE = 1 << 20
const DEFAULT_UPDATE_TIME = 1000

/**
 * Object 5, Firmware Update: the state machine of Core §E.6, with a package that is only counted.
 * After the update the device reboots, with the result in `/5/0/5`.
 */
export class FirmwareObjectBehaviour implements ObjectBehaviour {
  private readonly at = new Path([5, 0])
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
    offer(this.tree, this.at, [PACKAGE, PACKAGE_URI, UPDATE, CANCEL])
    this.set(STATE, FirmwareState.IDLE)
    if (this.tree.value(this.at.child(RESULT)) === undefined) {
      this.set(RESULT, FirmwareResult.INITIAL)
    }
    if (this.tree.value(this.at.child(DELIVERY)) === undefined) this.set(DELIVERY, 2)
    const protocols = this.tree.place(this.at.child(PROTOCOLS))
    const definition = protocols?.object.resource(PROTOCOLS)
    if (protocols?.resource === undefined && protocols?.instance !== undefined && definition) {
      const resource = this.tree.ensureResource(protocols.instance, definition)
      this.tree.replace(
        this.at.child(PROTOCOLS),
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
      // A package while one is there, or is being installed, has no transition (Core §E.6).
      const busy = path.resource === PACKAGE || path.resource === PACKAGE_URI
      if (busy && this.state === FirmwareState.UPDATING) {
        throw new Refusal(Code.METHOD_NOT_ALLOWED, 'an update is under way')
      }
    }
  }

  written(records: readonly Record[]): void {
    for (const { path, value } of records) {
      if (path.resource === PACKAGE && value instanceof Uint8Array) this.pushed(value)
      if (path.resource === PACKAGE_URI && typeof value === 'string') this.pull(value)
    }
  }

  execute(resource: Path, _args: Arguments): (() => void) | undefined {
    if (resource.resource === UPDATE) {
      if (this.state !== FirmwareState.DOWNLOADED) throw new Refusal(Code.METHOD_NOT_ALLOWED)
      this.set(STATE, FirmwareState.UPDATING)
      return () => this.install()
    }
    if (resource.resource === CANCEL) {
      if (this.state === FirmwareState.IDLE || this.state === FirmwareState.UPDATING) {
        throw new Refusal(Code.METHOD_NOT_ALLOWED)
      }
      this.reset(FirmwareResult.CANCELLED)
    }
    return undefined
  }

  /** Ends timers and downloads. */
  close(): void {
    this.download?.abort()
    this.download = undefined
    this.clock.cancel(this.timer)
  }

  private get state(): number {
    const state = this.tree.value(this.at.child(STATE))
    return typeof state === 'number' ? state : FirmwareState.IDLE
  }

  private pushed(bytes: Uint8Array): void {
    // The package itself is not kept: `/5/0/0` cannot be read.
    this.tree.place(this.at.child(PACKAGE))?.resource?.replace(undefined)
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
    this.set(RESULT, FirmwareResult.INITIAL)
    this.set(STATE, FirmwareState.DOWNLOADING)
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
    this.set(RESULT, FirmwareResult.INITIAL)
    this.set(NAME, createHash('sha256').update(bytes).digest('hex').slice(0, 16))
    this.set(STATE, FirmwareState.DOWNLOADED)
  }

  private install(): void {
    this.timer = this.clock.after(this.behaviour.updateTime ?? DEFAULT_UPDATE_TIME, () => {
      const { result = FirmwareResult.SUCCESS, version } = this.behaviour
      if (result === FirmwareResult.SUCCESS && version !== undefined) {
        this.set(VERSION, version)
        assign(this.tree, new Path([3, 0, 3]), version)
      }
      this.reset(result)
      this.reboot()
    })
  }

  private reset(result: number): void {
    this.close()
    this.set(RESULT, result)
    this.set(STATE, FirmwareState.IDLE)
  }

  private set(resource: number, value: number | string): void {
    assign(this.tree, this.at.child(resource), value)
  }
}
