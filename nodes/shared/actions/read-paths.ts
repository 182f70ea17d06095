import type { Lwm2mServer, OperationOptions, OperationResult } from '../../../src'

/**
 * Reads what a dialog or message names: one path by Read (Core §6.3.1), several or the root by
 * Read-Composite (§6.3.8).
 */
export function readPaths(
  server: Lwm2mServer,
  endpoint: string,
  paths: readonly string[],
  options?: OperationOptions,
): Promise<OperationResult> {
  const [only] = paths
  return paths.length === 1 && only !== undefined && only !== '/'
    ? server.read(endpoint, only, options)
    : server.readComposite(endpoint, paths, options)
}
