/** A binding with the Q of LwM2M 1.0, after U: `UQ`, `UQS`; `SQ` alone (Core 1.0 §5.3.1.1). */
export function withQueue(binding: string): string {
  return binding.includes('U') ? binding.replace('U', 'UQ') : `${binding}Q`
}
