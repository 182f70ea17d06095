/** A waiting request as it is shown. Times are milliseconds since the epoch. */
export interface QueuedRequest {
  readonly id: string
  readonly operation: string
  readonly path: string
  readonly queuedAt: number
  readonly expiresAt: number
}
