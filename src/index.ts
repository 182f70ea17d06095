/** The engine without Node-RED: server, virtual device, and what both speak in. */
export { CodedError } from './base/coded-error'
export { type Clock, systemClock } from './base/clock'
export { Code, codeName, formatCode } from './coap/codes'
export * from './coap/errors'
export type { CoapEndpointOptions, CoapTrace } from './coap/types'
export { Lwm2mClient } from './client/lwm2m-client'
export type * from './client/types'
export { type AttributeSet } from './lwm2m/attributes'
export {
  ContentFormat,
  DecodeError,
  EncodeError,
  formatName,
  parseFormatName,
} from './lwm2m/formats'
export type { ObjectDefinition, ObjectModel, ResourceDefinition } from './lwm2m/model/definition'
export { builtinModel, modelWith } from './lwm2m/model/object-model'
export { Path, PathError } from './lwm2m/path'
export { type Record } from './lwm2m/record'
export { ObjectLink, type Value, ValueError } from './lwm2m/value'
export * from './server/bootstrap'
export * from './server/credentials'
export { DeviceError, OperationError } from './server/errors'
export { isPattern, matchesPattern } from './server/endpoint-pattern'
export type { ServerAddresses } from './server/endpoints'
export type { QueuedRequest } from './server/channel/pending-request'
export { Lwm2mServer } from './server/lwm2m-server'
export type { OperationName } from './server/operations'
export type * from './server/options'
export type { Refusal, RegistrationAuthority } from './server/registration/registration-authority'
export type {
  RegistrationQuery,
  RegistrationRegistry,
} from './server/registration/registration-registry'
export type { ServerStatistics } from './server/statistics'
export type * from './server/types'
export { DiskStore } from './storage/disk-store'
export { MemoryStore } from './storage/memory-store'
export { type Store, StoreError } from './storage/store'
export {
  BindError,
  describeIdentity,
  type Peer,
  PeerGone,
  type PeerIdentity,
} from './transport/transport'
