/** The LwM2M server without Node-RED, and the values, paths and errors that its API is made of. */
export { type Clock, systemClock, type TimerHandle } from './base/clock'
export { CodedError } from './base/coded-error'
export {
  type CodeText,
  ERROR_CODES,
  type ErrorCode,
  type SystemErrorCode,
  WARNING_CODES,
} from './base/codes'
export type { WarningCode } from './base/codes'
export { type EventMap, type Listener, TypedEmitter } from './base/events'
export type { Counter, CounterFamily, LabelValues, Metrics } from './base/metrics'
export { Code as CoapCode, codeName, formatCode } from './coap/codes'
export * from './coap/errors'
export type { CoapEndpointOptions, CoapTrace } from './coap/types'
export {
  loadCertificates,
  loadServerKey,
  type ServerKeySource,
} from './dtls/certificates/server-key'
export type { DropReason, DtlsCounters } from './dtls/counters'
export type { ServerKey } from './dtls/credentials'
export type { HandshakeFailureCode } from './dtls/errors'
export type { DtlsSettings } from './dtls/options'
export { AttributeError, type AttributeSet } from './lwm2m/attributes'
export {
  ContentFormat,
  DecodeError,
  EncodeError,
  formatName,
  parseFormatName,
} from './lwm2m/formats'
export type {
  ObjectDefinition,
  ObjectModel,
  ResourceDefinition,
  ResourceOperations,
} from './lwm2m/model/definition'
export { builtinModel, modelWith } from './lwm2m/model/object-model'
export { ModelFileError, type ModelFiles } from './lwm2m/model/xml'
export {
  ModelFolder,
  type ModelFolderOptions,
  readModelFolder,
  type WatchFolder,
} from './lwm2m/model/xml-folder'
export {
  FirmwareDelivery,
  FirmwareProtocol,
  FirmwareResult,
  FirmwareSeverity,
  FirmwareState,
} from './lwm2m/objects/firmware'
export { Path as Lwm2mPath, PathError } from './lwm2m/path'
export type { Record as ResourceRecord } from './lwm2m/record'
export {
  ObjectLink,
  type ResourceType,
  type Value as ResourceValue,
  ValueError,
} from './lwm2m/value'
export * from './server/bootstrap'
export * from './server/credentials'
export { DeviceError, OperationError } from './server/errors'
export { isPattern, matchesPattern } from './server/endpoint-pattern'
export type { ServerAddresses } from './server/endpoints'
export type { QueuedRequest } from './server/channel/pending-request'
export type { DeviceManagement, PathLike } from './server/device-management'
export { Lwm2mServer } from './server/lwm2m-server'
export type {
  ObservationStream,
  ObservationStreamOptions,
  ObservedValue,
} from './server/observations/observation-stream'
export type { CompositeValues, OperationInputs, OperationName } from './server/operations'
export type * from './server/options'
export type { Refusal, RegistrationAuthority } from './server/registration/registration-authority'
export type {
  RegistrationQuery,
  RegistrationRegistry,
} from './server/registration/registration-registry'
export type { DeviceFormat } from './server/operations/content-format'
export type { TakeOverPolicy } from './server/registration/take-over'
export type { ServerStatistics } from './server/statistics'
export type * from './server/types'
export type { Store, StoreChange } from './storage/store'
export {
  BindError,
  describeIdentity,
  type BoundAddress,
  type Peer,
  PeerGone,
  type PeerIdentity,
  type Scheme,
  type Transport,
} from './transport/transport'
