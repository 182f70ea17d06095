import { generateServerKey } from '../../src/dtls/generate'
import type { NodeAPI } from './red'

/**
 * `POST lwm2m/generate-key`: a new P-256 key with a self-signed certificate, for the Security tab. The
 * private key is not kept here: it comes back with the deploy, as a credential.
 */
export function addKeyRoutes(RED: NodeAPI): void {
  RED.httpAdmin.post(
    '/lwm2m/generate-key',
    RED.auth.needsPermission('lwm2m-server.write'),
    (req, res) => {
      const name: unknown = req.body?.name
      generateServerKey({ commonName: typeof name === 'string' && name !== '' ? name : 'lwm2m' })
        .then((made) => res.json(made))
        .catch((error: unknown) => {
          res.status(500).json({ code: 'internal', message: String(error) })
        })
    },
  )
}
