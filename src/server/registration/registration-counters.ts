import type { Counter, Metrics } from '../../base/metrics'
import type { TypedEmitter } from '../../base/events'
import type { RegistrationEvents } from './registration-events'

/** Counts Registers, Updates and what ended registrations, as they happen. */
export function countRegistrations(
  metrics: Metrics,
  events: TypedEmitter<RegistrationEvents>,
): void {
  const registers = metrics.counter(
    'lwm2m_registers_total',
    'Registrations that came into force: of new endpoints, and in place of an earlier one.',
    ['kind'],
  )
  const [fresh, again] = [registers.with('new'), registers.with('again')]
  const updates = metrics.counter(
    'lwm2m_updates_total',
    'Registration updates: of the lifetime alone, or of something else too.',
    ['kind'],
  )
  const [renewed, changed] = [updates.with('lifetime'), updates.with('changed')]
  const ends = metrics.counter(
    'lwm2m_registrations_ended_total',
    'Registrations that ended, by the reason.',
    ['reason'],
  )
  const reasons: { readonly [why in RegistrationEvents['removed'][1]]: Counter } = {
    deregistered: ends.with('deregistered'),
    expired: ends.with('expired'),
  }
  events.on('registered', (_, previous) => (previous === undefined ? fresh : again).add())
  events.on('updated', (_, { address, lifetime, binding, objects }) =>
    (address || lifetime || binding || objects ? changed : renewed).add(),
  )
  events.on('removed', (_, why) => reasons[why].add())
}
