import type { DeviceDescription } from './types'

/**
 * The default device: Device, Connectivity Monitoring, Location and a thermometer with a slow sine.
 * The Server and Security objects come from the options.
 * @param endpoint becomes the serial number
 */
export function defaultDescription(endpoint: string): DeviceDescription {
  return {
    3: {
      0: {
        0: 'LwM2M Flows',
        1: 'Virtual device',
        2: endpoint,
        3: '1.0.0',
        6: [1, 5],
        7: [3800, 5000],
        8: [125, 900],
        9: { signal: { type: 'ramp', from: 100, to: 20, period: 86400, interval: 60 } },
        11: [0],
        13: 0,
        14: '+00:00',
        15: 'Etc/UTC',
        16: 'U',
        17: 'simulated',
        18: '1.0',
        19: '1.0.0',
        20: 0,
      },
    },
    4: {
      0: {
        0: 41,
        1: [41],
        2: -70,
        3: 100,
        4: ['127.0.0.1'],
      },
    },
    6: { 0: { 0: 52.5163, 1: 13.3777, 2: 34, 5: 0 } },
    3303: {
      0: {
        5700: {
          signal: { type: 'sine', mean: 21.5, amplitude: 3, period: 600, interval: 5, decimals: 1 },
        },
        5701: 'Cel',
        5601: 21.5,
        5602: 21.5,
        5603: -40,
        5604: 85,
        5605: null,
      },
    },
  }
}
