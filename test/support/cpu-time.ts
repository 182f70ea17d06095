/**
 * How long an action computes, in ms of processor time of this process: what others do on the
 * machine meanwhile does not count, so that a bound on it holds on a busy one too.
 */
export function cpuTime(action: () => void): number {
  const before = process.cpuUsage()
  action()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
