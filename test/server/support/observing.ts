import assert from 'node:assert/strict'
import type { ObserveRequest, OperationResult, Subscription } from '../../../src/server/types'
import { FakeClock } from '../../support/fake-clock'
import { type DeviceOptions, RegisteredDevice, optionsOf } from './registered-device'

const GET = 0x01
const PUT = 0x03
const CHANGED = 0x44

/** A subscriber that remembers. */
export class Ears {
  readonly values: unknown[] = []
  readonly results: OperationResult[] = []
  readonly errors: string[] = []
  readonly counts: number[] = []
  readonly subscription: Subscription

  constructor(device: RegisteredDevice, request: Partial<ObserveRequest> = {}) {
    this.subscription = device.server.observe(
      { target: 'dev1', paths: ['/3/0/9'], ...request },
      {
        onValue: (result) => {
          this.results.push(result)
          this.values.push(...result.records.map(({ value }) => value))
        },
        onError: (endpoint, error) => this.errors.push(`${endpoint} ${error.code}`),
        onCount: (active) => this.counts.push(active),
      },
    )
  }
}

/** A scripted device that is observed, and a clock that stands still. */
export class ObserveLab {
  device!: RegisteredDevice
  clock!: FakeClock

  readonly open = async (options: DeviceOptions = {}): Promise<void> => {
    this.clock = new FakeClock()
    this.device = await RegisteredDevice.open({
      ...options,
      server: { clock: this.clock, ...options.server },
    })
  }

  readonly close = (): Promise<void> => this.device.close()

  /** The server has handled all that was sent to it. */
  readonly settled = (): Promise<void> => this.device.peer.barrier()

  /** Nothing more was sent to the device. */
  readonly silent = async (): Promise<void> => {
    await this.settled()
    assert.deepEqual(this.device.peer.pending, [])
  }

  /** Takes the Observe of a path, answers it, and returns its token. */
  readonly observed = async (
    value: number,
    request: { path?: string; query?: readonly string[]; accept?: number } = {},
  ): Promise<string> => {
    const { path = '/3/0/9', query, accept = 112 } = request
    const message = await this.device.expect({
      code: GET,
      options: optionsOf({ observe: 0, path, query, accept }),
    })
    await this.device.content(message, 0, String(value), 1)
    await this.settled()
    return message.token
  }

  /** Takes a Write-Attributes with these queries and answers it. */
  readonly attributes = async (query: string[], code = CHANGED, path = '/3/0/9'): Promise<void> => {
    const request = await this.device.expect({ code: PUT, options: optionsOf({ path, query }) })
    await this.device.answer(request, code)
  }

  /** Takes the cancellation of a path (Observe=1) with this token and answers it. */
  readonly cancelled = async (
    token: string,
    path = '/3/0/9',
    accept: number | null = 112,
  ): Promise<void> => {
    const request = await this.device.expect({
      code: GET,
      options: optionsOf({ observe: 1, path, accept: accept ?? undefined }),
    })
    assert.equal(request.token, token, 'the token of the observation')
    await this.device.content(request, 0, '0')
  }
}
