/** Ids of the standard objects with special support in this package. */
export const ObjectId = {
  SECURITY: 0,
  SERVER: 1,
  DEVICE: 3,
  FIRMWARE_UPDATE: 5,
  OSCORE: 21,
  GATEWAY: 25,
} as const
