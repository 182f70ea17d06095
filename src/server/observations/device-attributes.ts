import {
  ATTRIBUTE_NAMES,
  AttributeError,
  checkAttributes,
  type AttributeName,
  type AttributeSet,
} from '../../lwm2m/attributes'
import { DeviceError } from '../errors'
import { compareVersions } from '../../lwm2m/versions'
import { writeAttributesOperation } from '../operations/write-attributes'
import type { Registration, ServerWarning } from '../types'
import { attributeChanges, type AttributeRequest, mergeAttributes } from './merged-attributes'
import type { ObservePlan } from './observe-plan'
import type { ObservationParts } from './observation-parts'

/** Attributes of an Observe-Composite (Core 1.2 §6.4.3). */
const OF_COMPOSITE: readonly AttributeName[] = ['pmin', 'pmax', 'epmin', 'epmax', 'con']

/**
 * What of `wanted` a device can be told for a plan. Thresholds of an instance, attributes of a later
 * LwM2M and the like stay on the server, which applies the criteria anyway.
 */
function deliverable(
  wanted: AttributeSet,
  plan: ObservePlan,
  device: Registration,
  warn: (warning: ServerWarning) => void,
): AttributeSet {
  const target = { version: device.version, level: plan.base.level }
  const kept: { -readonly [N in AttributeName]?: number | null } = {}
  for (const name of ATTRIBUTE_NAMES) {
    const value = wanted[name]
    if (value === undefined) continue
    if (plan.composite) {
      const told = compareVersions(device.version, '1.2') >= 0 && OF_COMPOSITE.includes(name)
      if (told) kept[name] = value
      continue
    }
    try {
      checkAttributes({ [name]: value }, target)
      kept[name] = value
    } catch (error) {
      if (!(error instanceof AttributeError)) throw error
      // What only criteria asked for is applied here; it is nothing to complain about.
    }
  }
  try {
    checkAttributes(kept, { version: device.version })
    return kept
  } catch (error) {
    if (!(error instanceof AttributeError)) throw error
    warn({
      code: 'attributes-refused',
      message: `the attributes wanted of ${plan.key} contradict each other: ${error.message}`,
      endpoint: device.endpoint,
      path: plan.base,
    })
    return {}
  }
}

/**
 * The notification attributes that a device has because of an observation: written before it (1.0,
 * 1.1), or said in its query (1.2), and unset at its end.
 */
export class DeviceAttributes {
  private written: AttributeSet = {}
  /** What the device refused, as text: not to be tried again until something else is wanted. */
  private refused: string | undefined
  /** Whether they are said in the query of Observe. */
  inQuery = false

  constructor(
    private readonly plan: ObservePlan,
    private readonly parts: ObservationParts,
  ) {}

  /** What the device has now. */
  get current(): AttributeSet {
    return this.written
  }

  /** What the subscribers together ask for, as far as the device can be told. */
  wanted(requests: readonly AttributeRequest[], device: Registration): AttributeSet {
    return deliverable(mergeAttributes(requests), this.plan, device, this.parts.contexts.warn)
  }

  /** A new registration: the device has none of it any more (or the same values are written anew). */
  reset(): void {
    this.written = {}
    this.refused = undefined
    this.inQuery = false
  }

  /** Goes on with what was written before a restart. */
  restore(written: AttributeSet, inQuery: boolean): void {
    this.written = written
    this.inQuery = inQuery
  }

  /** The attributes become part of the Observe request itself. */
  say(wanted: AttributeSet): AttributeSet {
    this.inQuery = true
    this.written = wanted
    return wanted
  }

  /** Whether the device has something else than what is wanted, and did not refuse that. */
  differs(wanted: AttributeSet): boolean {
    return (
      attributeChanges(this.written, wanted) !== undefined &&
      this.refused !== JSON.stringify(wanted)
    )
  }

  /**
   * Brings the device to what is wanted by Write-Attributes. A refusal is a warning.
   * @throws what the channel says
   */
  async write(wanted: AttributeSet, device: Registration): Promise<void> {
    this.inQuery = false
    const changes = attributeChanges(this.written, wanted)
    if (changes === undefined || !this.differs(wanted)) return
    try {
      await this.send(changes, device)
      this.written = wanted
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error
      this.refused = JSON.stringify(wanted)
      this.parts.contexts.warn({
        code: 'attributes-refused',
        message: `${error.message}; the server applies the criteria alone`,
        endpoint: device.endpoint,
        path: this.plan.base,
      })
    }
  }

  /** Takes back what was written. @throws what the channel says, DeviceError */
  async unset(device: Registration): Promise<void> {
    const changes = this.inQuery ? undefined : attributeChanges(this.written, {})
    this.written = {}
    if (changes !== undefined) await this.send(changes, device)
  }

  private async send(attributes: AttributeSet, device: Registration): Promise<void> {
    const { parts, plan } = this
    const operation = parts.contexts.of()
    const request = writeAttributesOperation.build(
      { path: plan.base, attributes },
      device,
      operation,
    )
    const response = await parts.devices.channel(device).request(request, {})
    writeAttributesOperation.interpret(request, response, device, operation)
  }
}
