import { encode } from '../../lwm2m/formats'
import { ContentFormat } from '../../lwm2m/formats/codec'
import type { ResourceDefinition } from '../../lwm2m/model/definition'
import { Path } from '../../lwm2m/path'
import type { PskMaterial } from './account-records'
import { type Plan, planBootstrap } from './plan'
import type { ResolvedConfiguration } from './resolved-configuration'

/** Bootstrap-Pack came with 1.2 (Core 1.2 §6.1.7.8). */
const PACK_VERSION = '1.2'

/** A configuration as one payload, and where its accounts are. */
export interface Pack {
  readonly payload: Buffer
  readonly plan: Plan
}

/**
 * Everything that a session would write, in one payload. The device is not asked what it has: its
 * bootstrap account is taken to be /0/0, as is usual. A pack cannot delete; the device replaces its
 * accounts by those of the pack.
 * @param format SenML CBOR, SenML JSON or LwM2M CBOR
 * @throws EncodeError
 */
export function makePack(
  configuration: ResolvedConfiguration,
  format: number = ContentFormat.SENML_CBOR,
  resource: (path: Path) => ResourceDefinition | undefined,
  generated: ReadonlyMap<number, PskMaterial>,
): Pack {
  const plan = planBootstrap(configuration, undefined, PACK_VERSION, generated)
  const records = plan.steps.flatMap((step) => (step.operation === 'write' ? step.records : []))
  return { payload: encode(format, records, { base: Path.ROOT, resource }), plan }
}
