import type { Scheduler } from '../../base/scheduler'
import type { DeviceRegistration } from './device-registration'

/** What is to be done once the response to a device's message was sent. */
export interface AfterResponseListener {
  /** The 2.01 was sent. */
  onRegistered(registration: DeviceRegistration): void
  /** The 2.04 to an Update that changed the objects was sent. */
  onObjectsChanged(registration: DeviceRegistration): void
  /** The device has another address or association, and the message that said so was dealt with. */
  onMoved(registration: DeviceRegistration): void
}

const REGISTERED = 1
const OBJECTS_CHANGED = 2
const MOVED = 4

/**
 * Holds back what is to be asked of a device until its own message has been answered: a client takes
 * no requests before it knows that it is registered, and many constrained ones have room for one
 * exchange. Responses are sent when their handler ends, so that the next turn of the event loop is
 * after them. One for all devices: no timer, no closure each.
 */
export class AfterResponse {
  private ended = new Map<DeviceRegistration, number>()

  constructor(
    private readonly listener: AfterResponseListener,
    private readonly scheduler: Scheduler,
  ) {}

  /** A request of the device is being worked on; {@link end} says when its response is ready. */
  begin(registration: DeviceRegistration): void {
    registration.unanswered++
  }

  /**
   * The response to what {@link begin} announced is about to be sent.
   * @param now before anything else runs
   */
  end(registration: DeviceRegistration, now: boolean): void {
    // One turn holds it back once, however many of its messages end in it; and where nothing waits
    // there is nothing to be held back: an Update costs no more than its response.
    const idle = now && (registration.queue === undefined || registration.queue.queueLength === 0)
    if (idle || this.ended.has(registration)) registration.unanswered--
    else this.add(registration, 0)
  }

  registered(registration: DeviceRegistration): void {
    this.note(registration, REGISTERED)
  }

  objectsChanged(registration: DeviceRegistration): void {
    this.note(registration, OBJECTS_CHANGED)
  }

  moved(registration: DeviceRegistration): void {
    this.note(registration, MOVED)
  }

  private note(registration: DeviceRegistration, what: number): void {
    const noted = this.ended.get(registration)
    if (noted !== undefined) {
      this.ended.set(registration, noted | what)
      return
    }
    registration.unanswered++
    this.add(registration, what)
  }

  private add(registration: DeviceRegistration, what: number): void {
    if (this.ended.size === 0) this.scheduler.soon(this.run)
    this.ended.set(registration, what)
  }

  private readonly run = (): void => {
    const { ended } = this
    this.ended = new Map()
    for (const registration of ended.keys()) registration.unanswered--
    for (const [registration, what] of ended) {
      if (registration.ended) continue
      try {
        this.tell(registration, what)
      } catch (error) {
        // One device must not take the others along.
        this.scheduler.report(error, 'after a response')
      }
    }
  }

  private tell(registration: DeviceRegistration, what: number): void {
    const { listener } = this
    if ((what & REGISTERED) !== 0) listener.onRegistered(registration)
    else {
      if ((what & OBJECTS_CHANGED) !== 0) listener.onObjectsChanged(registration)
      if ((what & MOVED) !== 0) listener.onMoved(registration)
    }
    registration.queue?.pump()
  }
}
