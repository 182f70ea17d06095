import type { HostState, ServerHost } from './server-host'

/** The servers of this Node-RED. */
const hosts = new Set<ServerHost>()

/** Makes a server known; returns the function that takes it out again. */
export function registerHost(host: ServerHost): () => void {
  hosts.add(host)
  return () => void hosts.delete(host)
}

/**
 * Resolves when no server of this Node-RED is about to start any more (it runs, or it cannot): what
 * a virtual device does best to wait for, since its server is often the one beside it.
 * @param patience milliseconds after which it resolves anyway
 */
export async function serversSettled(patience: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patience)
    timer.unref()
  })
  await Promise.race([Promise.all([...hosts].map(settled)), late])
  clearTimeout(timer)
}

function settled(host: ServerHost): Promise<void> {
  return new Promise((resolve) => {
    if (host.state.kind !== 'starting') return resolve()
    const leave = host.use({
      onState: ({ kind }: HostState): void => {
        if (kind === 'starting') return
        leave()
        resolve()
      },
    })
  })
}
