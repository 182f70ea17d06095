/** What a subject does on command; `count` is the work done so far. */
export interface Subject {
  readonly port: number
  readonly count: number
  /** Observes /3303/0/5700 on each device; notifications then count. */
  observe?(endpoints: readonly string[], ports: readonly number[]): Promise<void>
  /** Reads /3303/0/5700 `count` times over all devices. */
  read?(
    endpoints: readonly string[],
    ports: readonly number[],
    count: number,
    inFlight: number,
  ): Promise<void>
  /** Waits until all devices sleep, then queues a read for each; reads that ended then count. */
  queue?(endpoints: readonly string[]): Promise<void>
  /** Figures of its own, by name. */
  figures?(): Promise<Figures> | Figures
}

export interface Figures {
  readonly [name: string]: number
}

/** Runs `count` jobs, `inFlight` at a time. */
export async function inParallel(
  count: number,
  inFlight: number,
  job: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await job(next++)
  }
  await Promise.all(Array.from({ length: Math.min(inFlight, count) }, worker))
}
