/**
 * A PEM text with its line breaks: a password field, which is where a private key is pasted, is one
 * line and takes them away. What is no PEM stays as it is.
 */
export function restorePem(text: string): string {
  return text.replaceAll(
    /-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g,
    (_all, label: string, body: string) => {
      const lines = body.replaceAll(/\s/g, '').match(/.{1,64}/g) ?? []
      return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
    },
  )
}
