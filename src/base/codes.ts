/**
 * The codes of all errors and warnings: flows find them as `error.code` or in a `warning` event.
 * They are stable; README, catch texts and locales are checked against them.
 */

/**
 * Every error code except those of the peer's response (`4.04`) and of the operating system
 * (`EADDRINUSE`).
 */
export const ERROR_CODES = {
  // Requests to a device
  timeout: 'The device did not acknowledge the request, nor answer it, in time.',
  'response-timeout': 'The device acknowledged the request but did not answer it in time.',
  'handshake-failed': 'The DTLS handshake with the server failed.',
  'handshake-timeout': 'The DTLS handshake with the device did not complete in time.',
  reset: 'The device rejected the message (RST).',
  cancelled:
    'The request was cancelled: by its sender, a new registration, or the server stopping.',
  blockwise: 'A block-wise transfer failed (RFC 7959).',
  'peer-gone': 'The connection that the device used is gone.',
  'queue-full': 'Too many requests wait for the device.',
  asleep: 'The device sleeps, and the request was not to wait.',
  expired: 'The request waited longer than its time to live.',
  'unknown-endpoint': 'No device is registered under this endpoint name.',
  unsupported: 'The device, or its LwM2M version, does not support the operation.',
  'not-running': 'The server or device is not running.',
  'not-observed': 'There is no such observation.',
  // Arguments
  'invalid-argument': 'An argument of the call or message is missing or invalid.',
  'invalid-path': 'The text is not an LwM2M path.',
  'invalid-value': 'The value does not fit the type of the resource.',
  'invalid-attributes': 'The notification attributes contradict each other or are not attributes.',
  'invalid-setting': 'A setting of a node is invalid.',
  'unknown-path': 'The virtual device has no such object, instance or resource.',
  'no-server': 'No LwM2M server is selected, or it is disabled.',
  'no-bootstrap': 'The bootstrap server is off.',
  'not-pending': 'No such request waits for a decision.',
  unresolvable: 'The host name cannot be resolved.',
  // Payloads
  decode: 'The payload cannot be decoded in its Content-Format.',
  encode: 'The value cannot be written in the Content-Format.',
  malformed: 'The datagram is not a CoAP message.',
  'link-format': 'The text is not a list of links (RFC 6690).',
  // The virtual device
  'invalid-description': 'The description of the virtual device is invalid.',
  'not-registered': 'The virtual device is not registered.',
  'unsupported-protocol': 'The virtual device cannot fetch from such a URI.',
  muted: 'The server switched Send off (/1/x/23).',
  rejected: 'The server answered with an error.',
  'bootstrap-failed': 'The bootstrap failed.',
  'accounts-damaged': 'The stored accounts of the virtual device cannot be read.',
  // Credentials and configuration
  'invalid-credential': 'The credential is incomplete or invalid.',
  'duplicate-identity': 'Another credential has the same identity, key or certificate.',
  'fixed-credential':
    'The credential comes from the dialog or a file and cannot be changed at run time.',
  'credential-file': 'The credential file cannot be read.',
  'credential-store': 'A stored credential cannot be read.',
  csv: 'The file is not valid CSV (RFC 4180).',
  'invalid-configuration': 'The bootstrap configuration is invalid.',
  'fixed-configuration':
    'The bootstrap configuration comes from the dialog and cannot be changed at run time.',
  'model-file': 'The object definition file cannot be read.',
  'bad-credential': 'The key or certificate of the server cannot be used.',
  'bad-option': 'An option of the DTLS endpoint cannot be used.',
  // DTLS
  'association-ended': 'The DTLS association has ended.',
  'datagram-too-large': 'The datagram is larger than the path or the association carries.',
  'unknown-identity': 'No credential has the identity of the client.',
  'wrong-key': 'The client does not have the key of its identity.',
  replaced: 'Another handshake of the same client took its place.',
  'fragmented-hello': 'A ClientHello came in fragments and was dropped.',
  displaced:
    'A DTLS handshake was dropped for a newer one: too many were in progress from its addresses.',
  'no-common-suite': 'Client and server have no cipher suite in common.',
  version: 'The client does not support DTLS 1.2.',
  'extended-master-secret-required': 'The client does not offer the extended master secret.',
  'encrypt-then-mac-required': 'The client does not offer encrypt-then-MAC.',
  'illegal-parameter': 'A handshake message contradicts what was negotiated.',
  'decode-error': 'A handshake message is malformed.',
  'unexpected-message': 'A handshake message came out of order.',
  'no-certificate': 'The client sent no certificate.',
  'bad-certificate': 'The certificate of the client cannot be used.',
  'untrusted-certificate': 'No trust anchor certifies the client.',
  'expired-certificate': 'A certificate of the client is not valid now.',
  'unknown-public-key': 'No credential has the public key of the client.',
  'bad-signature': 'The signature of the client is wrong.',
  'bad-finished': 'The Finished message of the client is wrong.',
  'credential-error': 'The credential could not be looked up.',
  'credential-removed': 'The credential was removed during the handshake.',
  'peer-alert': 'The client ended the handshake with an alert.',
  'internal-error': 'An internal error ended the handshake.',
  // Storage
  'store-locked': 'Another process uses the store.',
  'store-damaged': 'The store is damaged.',
  'store-newer': 'The store was written by a later version of this package.',
  'store-closed': 'The store is not open.',
  'store-failed': 'The store cannot be read or written.',
  // Rejected registration and bootstrap requests
  'security-required': 'The endpoint has a credential, but came without security.',
  'identity-mismatch': 'The identity of the device belongs to another endpoint.',
  refused: 'The flow refused the request.',
  undecided: 'The flow did not decide in time.',
  superseded: 'A later request of the device took its place.',
  'invalid-request': 'The request of the device is not what the specification says.',
  'unsupported-format': 'The device asks for a Content-Format that cannot be written.',
  overload: 'Too much is under way; the device may come again.',
  'pack-disabled': 'The bootstrap server does not answer Bootstrap-Pack requests.',
  'pack-unknown':
    'What the device has is not known: instead of a Bootstrap-Pack it gets a session with Discover.',
  // Others
  stopped: 'The server was stopped.',
  // The editor
  'unknown-object': 'No definition of the object is known.',
  'unknown-server': 'There is no such config node.',
  'unknown-watcher': 'The watch has ended.',
  internal: 'An internal error; please report it.',
} as const

/** A CoAP response code as text, e.g. `4.04`. */
export type CodeText = `${number}.${number}`
/** An error code of Node.js, e.g. `EADDRINUSE` if a port cannot be bound. */
export type SystemErrorCode = `E${string}`
/** The `code` of every typed error of this package. */
export type ErrorCode = keyof typeof ERROR_CODES | CodeText | SystemErrorCode

/** Codes of warning events that are not also error codes. */
export const WARNING_CODES = {
  // CoAP
  unexpected: 'A message arrived that nothing waits for, or too many at once.',
  'notification-incomplete': 'The rest of a block-wise notification could not be fetched.',
  'handler-failed': 'A request handler failed; the device was answered 5.00.',
  'listener-failed': 'A listener of the application failed.',
  'send-failed': 'A message could not be sent.',
  transport: 'The transport reports a problem.',
  'warnings-suppressed': 'More warnings came than are reported.',
  // Registration
  'registration-refused': 'A registration request was refused.',
  'version-unsupported': 'The device has a version of LwM2M that is not supported.',
  'registrations-full': 'No more devices can register.',
  'endpoint-taken-over': 'An endpoint was registered from another address, without security.',
  'take-over-refused':
    'An endpoint whose device is there may not be registered from another address.',
  'legacy-registration': 'A module registers in the way of its vendor, which is not LwM2M.',
  'budget-exceeded': 'A device was refused for want of memory or because of too many requests.',
  'duplicate-endpoint': 'Two devices use one endpoint name.',
  'lifetime-limited': 'The lifetime that a device asked for was limited.',
  'registration-unreadable': 'A stored registration cannot be read.',
  'not-restored': 'Part of the stored state could not be restored.',
  // Values and operations
  value: 'A value does not fit its resource; it was delivered as it came.',
  'unknown-resource': 'No definition of the resource is known.',
  'unregistered-object': 'A device sent values of an object that it did not register.',
  'end-devices': 'End devices of a gateway could not be read, or were left out.',
  'version-mismatch': 'The device has another version of the object than the definition.',
  'attributes-refused': 'The device refused notification attributes.',
  'no-composite':
    'The device does not support Observe-Composite; its paths are observed one by one.',
  // Bootstrap
  'bootstrap-insecure': 'A bootstrap account carries keys without security.',
  'bootstrap-note': 'Something about a bootstrap is worth knowing.',
} as const

/** The `code` of a warning event. */
export type WarningCode = keyof typeof WARNING_CODES | ErrorCode
