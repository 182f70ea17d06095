/** Constants of Firmware Update, object 5 (Core E.6). */

export const FirmwareResource = {
  PACKAGE: 0,
  PACKAGE_URI: 1,
  UPDATE: 2,
  STATE: 3,
  RESULT: 5,
  PACKAGE_NAME: 6,
  PACKAGE_VERSION: 7,
  PROTOCOLS: 8,
  DELIVERY: 9,
  // Since version 1.1 of the object
  CANCEL: 10,
  SEVERITY: 11,
  LAST_STATE_CHANGE: 12,
  /** Seconds. */
  MAXIMUM_DEFER: 13,
  // Since 1.2
  AUTOMATIC_UPGRADE: 14,
} as const

/** State, `/5/0/3`. */
export const FirmwareState = { IDLE: 0, DOWNLOADING: 1, DOWNLOADED: 2, UPDATING: 3 } as const

/** Update Result, `/5/0/5`. */
export const FirmwareResult = {
  INITIAL: 0,
  SUCCESS: 1,
  NO_FLASH: 2,
  NO_MEMORY: 3,
  CONNECTION_LOST: 4,
  INTEGRITY: 5,
  UNSUPPORTED_PACKAGE: 6,
  INVALID_URI: 7,
  UPDATE_FAILED: 8,
  UNSUPPORTED_PROTOCOL: 9,
  CANCELLED: 10,
  DEFERRED: 11,
} as const

/** Firmware Update Protocol Support, `/5/0/8`: protocols for downloading a package. */
export const FirmwareProtocol = {
  COAP: 0,
  COAPS: 1,
  HTTP: 2,
  HTTPS: 3,
  COAP_TCP: 4,
  COAPS_TCP: 5,
} as const

/** Firmware Update Delivery Method, `/5/0/9`. */
export const FirmwareDelivery = { PULL: 0, PUSH: 1, BOTH: 2 } as const

/** Severity, `/5/0/11`. */
export const FirmwareSeverity = { CRITICAL: 0, MANDATORY: 1, OPTIONAL: 2 } as const
