import { createSocket, type Socket } from 'node:dgram'

/** A device as the load generator plays it: one socket, one address. */
export interface LoadDevice {
  readonly endpoint: string
  readonly socket: Socket
  readonly port: number
  messageId: number
  /** Where it sends to: the subject, or whoever asked it last. */
  peerPort: number
  onMessage: (datagram: Buffer) => void
}

/** Sends one datagram to the device's peer. */
export function send(device: LoadDevice, datagram: Buffer): void {
  device.socket.send(datagram, device.peerPort, '127.0.0.1')
}

/** Binds one socket; `address` spreads devices over the loopback range where ports would run out. */
export async function openDevice(
  endpoint: string,
  server: number,
  address = '127.0.0.1',
  port = 0,
): Promise<LoadDevice> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(port, address, () => resolve())
  })
  const device: LoadDevice = {
    endpoint,
    socket,
    port: socket.address().port,
    messageId: 1,
    peerPort: server,
    onMessage: () => {},
  }
  socket.on('message', (datagram, from) => {
    // The coap package asks from another port than the one it listens on.
    device.peerPort = from.port
    device.onMessage(datagram)
  })
  // ECONNREFUSED after the subject stopped.
  socket.on('error', () => {})
  return device
}

/** Sends one datagram and waits for the answer with its Message-ID (an echo has it too). */
export function exchange(device: LoadDevice, datagram: Buffer): Promise<Buffer> {
  const messageId = datagram.readUInt16BE(2)
  return new Promise((resolve) => {
    device.onMessage = (answer) => {
      if (answer.readUInt16BE(2) === messageId) resolve(answer)
    }
    send(device, datagram)
  })
}

/** An echo has the same one, too. */
export const sameMessageId = (answer: Buffer, sent: Buffer): boolean =>
  answer.readUInt16BE(2) === sent.readUInt16BE(2)

/**
 * `count` exchanges, `inFlight` devices at a time, each with one outstanding.
 * @param build makes a device's next datagram
 * @param isAnswer whether a datagram answers the one sent; default: it has its Message-ID
 * @param onAnswer sees each answer
 */
export async function exchanges(
  devices: readonly LoadDevice[],
  count: number,
  inFlight: number,
  build: (device: LoadDevice) => Buffer,
  isAnswer: (answer: Buffer, sent: Buffer) => boolean = sameMessageId,
  onAnswer: (device: LoadDevice, answer: Buffer) => void = () => {},
): Promise<void> {
  let left = count
  await new Promise<void>((resolve) => {
    let active = Math.min(inFlight, devices.length)
    const free = devices.slice(active)
    const start = (device: LoadDevice): void => {
      if (left-- <= 0) {
        if (--active === 0) resolve()
        return
      }
      const datagram = build(device)
      device.onMessage = (answer) => {
        if (!isAnswer(answer, datagram)) return
        onAnswer(device, answer)
        free.push(device)
        start(free.shift() as LoadDevice)
      }
      send(device, datagram)
    }
    for (const device of devices.slice(0, active)) start(device)
  })
}

/** Closes the sockets. */
export function closeDevices(devices: readonly LoadDevice[]): void {
  for (const device of devices) device.socket.close()
}
