/** The requests to a registered device, as its registration knows them; made when it is first asked something. */
export interface DeviceQueue {
  /** Requests that wait, those under way not counted. */
  readonly queueLength: number
  /** Whether the device owes an answer. */
  readonly busy: boolean
  /** Sends what may be sent now. */
  pump(): void
}

/** Whether a queue-mode device listens now (Core §6.5). */
export interface AwakeState {
  readonly awake: boolean
  /** A message of the device came: it listens from now on. */
  touch(): void
  /** The device did not acknowledge: it does not listen, whatever its window says. */
  sleep(): void
  /** The device owes no answer any more: it sleeps if its window ended meanwhile. */
  sleepIfLapsed(): void
  /** Changes how long it listens after a message, ms. */
  resize(ms: number): void
  /** Nobody asks any more whether it listens. */
  close(): void
}
