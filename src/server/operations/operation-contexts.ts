import type { Clock } from '../../base/clock'
import type { ObjectModel } from '../../lwm2m/model/definition'
import type { ServerWarning } from '../types'
import type { DeviceFormat } from './content-format'
import type { OperationContext } from './operation'
import { WarningLimiter } from './warning-limiter'

/** Makes the contexts in which requests are built and answers are read. */
export class OperationContexts {
  /** Lets the same warning through once an hour. */
  readonly warn: (warning: ServerWarning) => void

  /**
   * @param model the one in use now
   * @param deviceFormat the Content-Format set for an endpoint
   */
  constructor(
    private readonly model: () => ObjectModel,
    private readonly clock: Clock,
    private readonly deviceFormat: (endpoint: string) => DeviceFormat | undefined,
    warn: (warning: ServerWarning) => void,
  ) {
    this.warn = new WarningLimiter(clock).limit(warn)
  }

  /** @param format the Content-Format that the caller asked for */
  of(format?: number): OperationContext {
    return {
      model: this.model(),
      now: this.clock.now(),
      format,
      deviceFormat: this.deviceFormat,
      warn: this.warn,
    }
  }
}
