import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

/**
 * Below the ports that systems hand out for port 0 and for outgoing connections (32768 and up on
 * Linux, 49152 and up elsewhere): a port that is free now must not go to somebody else's socket
 * before the process under test has bound it.
 */
const LOWEST = 20_000
const HIGHEST = 32_000
/** How far apart processes with neighbouring ids start: tests side by side do not meet. */
const STRIDE = 997

let next = LOWEST + ((process.pid * STRIDE) % (HIGHEST - LOWEST))

function candidate(): number {
  const port = next
  next = port + 1 < HIGHEST ? port + 1 : LOWEST
  return port
}

/** A TCP port of 127.0.0.1 that nobody has; no two calls answer the same. */
export async function freeTcpPort(): Promise<number> {
  return freePort(
    (port) =>
      new Promise((resolve) => {
        const server = createServer()
        server.once('error', () => resolve(false))
        server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
      }),
  )
}

/** A UDP port that nobody has on any IPv4 address or on all addresses; no two calls answer the same. */
export async function freeUdpPort(): Promise<number> {
  return freePort(
    (port) =>
      new Promise((resolve) => {
        const socket = createSocket('udp4')
        socket.once('error', () => resolve(false))
        socket.bind(port, () => socket.close(() => resolve(true)))
      }),
  )
}

async function freePort(isFree: (port: number) => Promise<boolean>): Promise<number> {
  for (let tried = 0; tried < HIGHEST - LOWEST; tried++) {
    const port = candidate()
    if (await isFree(port)) return port
  }
  throw new Error(`no port from ${LOWEST} to ${HIGHEST} is free`)
}
