/** Ids of the standard objects that this package knows more of than their definition. */
export const ObjectId = {
  SECURITY: 0,
  SERVER: 1,
  DEVICE: 3,
  FIRMWARE_UPDATE: 5,
  OSCORE: 21,
  GATEWAY: 25,
} as const
