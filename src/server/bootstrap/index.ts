export type { BootstrapDecision } from './decisions'
export { BootstrapServer, type BootstrapServerOptions, type DecisionMode } from './bootstrap-server'
export {
  type BootstrapConfiguration,
  BootstrapConfigurationError,
  type SecurityMode,
  type ServerAccount,
} from './configuration'
export type { ConfigurationInfo, ServerAccountInfo } from './configuration-info'
export { BootstrapConfigurations } from './configurations'
export type {
  BootstrapEvents,
  BootstrapProgress,
  BootstrapRefusal,
  BootstrapRequest,
  BootstrapResult,
  ProvisionedServer,
  StepReport,
} from './events'
export { bootstrapTrigger } from '../objects/server'
