/**
 * The keys of one direction; `mac` is empty for AEAD, `iv` (the implicit part of the nonce) for
 * CBC.
 */
export interface DirectionKeys {
  readonly mac: Uint8Array
  readonly key: Uint8Array
  readonly iv: Uint8Array
}

export interface ConnectionKeys {
  readonly client: DirectionKeys
  readonly server: DirectionKeys
}

/** The same keys from the other end: ciphers decrypt what `client` encrypts. */
export function mirrored({ client, server }: ConnectionKeys): ConnectionKeys {
  return { client: server, server: client }
}

/** Overwrites the key block after the ciphers have copied it. */
export function eraseKeys(keys: ConnectionKeys): void {
  for (const { mac, key, iv } of [keys.client, keys.server]) {
    mac.fill(0)
    key.fill(0)
    iv.fill(0)
  }
}
