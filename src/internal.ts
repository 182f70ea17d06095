/**
 * What the nodes of this package need beyond its public API. Not exported by the package: it may change
 * with any version.
 */
export { generateServerKey } from './dtls/certificates/generate'
export { decode, formatNames, isTextFormat } from './lwm2m/formats'
export { Level } from './lwm2m/path'
export { recordsToPayload } from './lwm2m/payload'
export { asValue } from './lwm2m/value'
export { formatValue, parseValue } from './lwm2m/values'
export { describeConfiguration } from './server/bootstrap/configuration-info'
export { identityText } from './server/credentials/credential'
export { TEXT_ENCODINGS, bytesOfText } from './server/credentials/key-text'
export { escapeControls, quoteName } from './server/endpoint-name'
export { resourceLookup } from './server/operations/resource-lookup'
export { WarningLimiter } from './server/operations/warning-limiter'
export { RecordType } from './storage/record-type'
