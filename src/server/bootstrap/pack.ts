import { encode } from '../../lwm2m/formats'
import { ContentFormat } from '../../lwm2m/formats/codec'
import type { ResourceDefinition } from '../../lwm2m/model/definition'
import { Path } from '../../lwm2m/path'
import type { PskMaterial } from './account-records'
import type { DeviceState } from './device-state'
import { type Plan, planBootstrap } from './plan'
import { packUnknown } from './refusals'
import type { ResolvedConfiguration } from './resolved-configuration'

/** Bootstrap-Pack came with 1.2 (Core 1.2 §6.1.7.8). */
const PACK_VERSION = '1.2'

/** A configuration as one payload, and where its accounts are. */
export interface Pack {
  readonly payload: Buffer
  readonly plan: Plan
}

/**
 * A pack is made where it is known what the device has, or the configuration leaves no instance of an
 * account to be chosen.
 * @param state what the device has, from an earlier session
 * @throws RequestRefused `pack-unknown` where an instance would have to be guessed
 */
export function requirePlaces(
  { accounts }: ResolvedConfiguration,
  state: DeviceState | undefined,
): void {
  const isPlaced = accounts.every(
    ({ securityInstance, serverInstance, oscoreRecords }) =>
      securityInstance !== undefined && serverInstance !== undefined && oscoreRecords === undefined,
  )
  if (state === undefined && !isPlaced) throw packUnknown()
}

/**
 * Everything that a session would write, in one payload. A pack cannot delete, and nothing says where
 * the device has its bootstrap account: instances are chosen beside those of `state`.
 * @param state what the device has; see {@link requirePlaces}
 * @param format SenML CBOR, SenML JSON or LwM2M CBOR
 * @throws EncodeError
 */
export function makePack(
  configuration: ResolvedConfiguration,
  state: DeviceState | undefined,
  format: number = ContentFormat.SENML_CBOR,
  resource: (path: Path) => ResourceDefinition | undefined,
  generated: ReadonlyMap<number, PskMaterial>,
): Pack {
  const plan = planBootstrap({ ...configuration, deletes: [] }, state, PACK_VERSION, generated)
  const records = plan.steps.flatMap((step) => (step.operation === 'write' ? step.records : []))
  return { payload: encode(format, records, { base: Path.ROOT, resource }), plan }
}
