import { Lwm2mPath as Path, type ObjectModel, type ResourceRecord as Record } from '../../../src'
import type { ClientRegistration, Lwm2mClient } from '../../../src/client'
import type { LargeIntegers } from '../messages/flow-values'
import { messagePayload, messageRecords } from '../messages/messages'
import { resourceLookup } from '../messages/names'
import { topicOf } from '../messages/topic'
import type { NodeMessage } from '../runtime/red'

/** What a virtual device tells the flow. */
export type DeviceEvent =
  'written' | 'executed' | 'created' | 'deleted' | 'registered' | 'deregistered' | 'bootstrapped'

/** Messages of what servers do to a virtual device. */
export class DeviceMessages {
  constructor(
    private readonly endpoint: string,
    private readonly model: ObjectModel,
    private readonly integers: LargeIntegers,
  ) {}

  written(path: Path, records: readonly Record[]): NodeMessage {
    return this.about('written', path, this.payload(records, path), records)
  }

  /** `msg.payload`: the arguments by digit, `null` where one has no value. */
  executed(path: Path, args: ReadonlyMap<number, string | undefined>): NodeMessage {
    const payload = Object.fromEntries([...args].map(([digit, value]) => [digit, value ?? null]))
    return this.about('executed', path, payload)
  }

  instance(event: 'created' | 'deleted', path: Path): NodeMessage {
    return this.about(event, path, path.toString())
  }

  registration(event: 'registered' | 'deregistered', registration: ClientRegistration) {
    const { shortServerId, server, version, lifetime } = registration
    return {
      topic: topicOf(this.endpoint, `/${event}`),
      event,
      endpoint: this.endpoint,
      payload: { shortServerId, server, version, lifetime },
    }
  }

  bootstrapped(accounts: readonly { shortServerId: number; server: string }[]): NodeMessage {
    return {
      topic: topicOf(this.endpoint, '/bootstrapped'),
      event: 'bootstrapped',
      endpoint: this.endpoint,
      payload: accounts.map(({ shortServerId, server }) => ({ shortServerId, server })),
    }
  }

  /** The present value of a path, added to the message that asked for it. */
  value(message: NodeMessage, client: Lwm2mClient, text: string): NodeMessage {
    const path = Path.parse(text)
    const records = client.records(path)
    message['endpoint'] = this.endpoint
    message['path'] = path.toString()
    message.payload = this.payload(records, path)
    message.topic = topicOf(this.endpoint, path.toString())
    message['lwm2m'] = this.detail(path, records)
    return message
  }

  private payload(records: readonly Record[], path: Path): unknown {
    const { model, integers } = this
    return messagePayload(records, path, { model, registration: undefined, keys: 'id', integers })
  }

  private detail(path: Path, records: readonly Record[]): object {
    const lookup = resourceLookup(this.model, undefined)
    return {
      endpoint: this.endpoint,
      path: path.toString(),
      records: messageRecords(records, lookup, this.integers),
    }
  }

  private about(
    event: DeviceEvent,
    path: Path,
    payload: unknown,
    records: readonly Record[] = [],
  ): NodeMessage {
    return {
      topic: topicOf(this.endpoint, path.toString()),
      event,
      endpoint: this.endpoint,
      path: path.toString(),
      payload,
      lwm2m: this.detail(path, records),
    }
  }
}
