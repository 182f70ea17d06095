/** Resources of Device, object 3 (Core E.4). */
export const DeviceResource = {
  MANUFACTURER: 0,
  MODEL: 1,
  SERIAL_NUMBER: 2,
  FIRMWARE_VERSION: 3,
  REBOOT: 4,
  FACTORY_RESET: 5,
  BATTERY_LEVEL: 9,
  ERROR_CODE: 11,
  RESET_ERROR_CODE: 12,
  CURRENT_TIME: 13,
} as const
