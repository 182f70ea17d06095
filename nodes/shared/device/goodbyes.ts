import { setImmediate } from 'node:timers/promises'

/** De-registrations of virtual devices whose nodes are being closed. */
const underWay = new Set<Promise<void>>()

/** Makes a good-bye known until it is over. */
export function sayGoodbye(goodbye: Promise<void>): void {
  underWay.add(goodbye)
  const over = (): void => void underWay.delete(goodbye)
  goodbye.then(over, over)
}

/**
 * Resolves when the virtual devices of this deploy have said good-bye: a server that closes with them
 * stays until then, or it would keep them registered until their lifetimes end. Their own time limit
 * bounds it.
 */
export async function goodbyesSaid(): Promise<void> {
  // Node-RED closes all nodes of a deploy in one go, devices perhaps after the server.
  await setImmediate()
  await Promise.allSettled([...underWay])
}
