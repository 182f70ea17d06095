/** Longest endpoint name taken, bytes. */
const MAX_ENDPOINT = 255

/** What keeps a text from being an endpoint name, or the pattern of some; undefined where nothing does. */
export function endpointProblem(name: string): string | undefined {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (name === '' || /[\u0000-\u001f\u007f]/.test(name)) return 'is empty or has control characters'
  return Buffer.byteLength(name) > MAX_ENDPOINT ? 'is too long' : undefined
}
