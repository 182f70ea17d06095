/** Resources of LwM2M Gateway, object 25: an instance is an end device (OMA LwM2M Gateway §6). */
export const GatewayResource = {
  DEVICE_ID: 0,
  PREFIX: 1,
  /** The objects of the end device, as links; since version 2.0 of the object. */
  DEVICE_OBJECTS: 3,
} as const
