import { generateServerKey } from '../../../src/internal'
import type { NodeAPI } from '../runtime/red'

/** The longest Common Name, bytes (RFC 5280 §A.1). */
const MAX_NAME = 64

/**
 * `POST lwm2m/generate-key`: a new P-256 key with a self-signed certificate, for the Security tab. The
 * private key is not kept here: it comes back with the deploy, as a credential.
 */
export function addKeyRoutes(RED: NodeAPI): void {
  RED.httpAdmin.post(
    '/lwm2m/generate-key',
    RED.auth.needsPermission('lwm2m-server.write'),
    (req, res) => {
      const wanted: unknown = (req.body as { name?: unknown } | undefined)?.name
      const usable =
        typeof wanted === 'string' && wanted !== '' && Buffer.byteLength(wanted) <= MAX_NAME
      const made = generateServerKey({ commonName: usable ? wanted : 'lwm2m' })
      res.json({
        privateKey: made.privateKeyPem,
        publicKey: made.publicKeyPem,
        certificate: made.certificatePem,
      })
    },
  )
}
