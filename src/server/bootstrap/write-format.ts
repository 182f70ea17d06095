import { ContentFormat, isPackFormat } from '../../lwm2m/formats'

/** The format to write in, and the one to try where the device turns out not to take it. */
export interface WriteFormat {
  readonly format: number
  /** Only where the format was a guess. */
  readonly fallback: number | undefined
}

/**
 * Chooses the format of Bootstrap-Writes: the configured one, else what the device prefers (`pct`),
 * else what its version must support (Core §7.4): SenML CBOR from 1.1, TLV for 1.0 and where nothing
 * is known.
 */
export function writeFormat(
  configured: number | undefined,
  preferred: number | undefined,
  version: string | undefined,
): WriteFormat {
  const said = configured ?? preferred
  if (said !== undefined) return { format: said, fallback: undefined }
  return isAfter10(version)
    ? { format: ContentFormat.SENML_CBOR, fallback: ContentFormat.TLV }
    : { format: ContentFormat.TLV, fallback: ContentFormat.SENML_CBOR }
}

/** Whether a version is 1.1 or later. */
export function isAfter10(version: string | undefined): boolean {
  return version !== undefined && version !== '1.0'
}

/**
 * The version that a preferred format implies where the device did not say one: SenML and LwM2M CBOR
 * came with 1.1.
 */
export function impliedVersion(preferred: number | undefined): string | undefined {
  return preferred !== undefined && isPackFormat(preferred) ? '1.1' : undefined
}
