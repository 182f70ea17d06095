/** Options of block-wise transfers that only their tests name. */
export const SIZE1 = 60
export const SIZE2 = 28
export const ETAG = 4
export const REQUEST_TAG = 292

/** The value of a Block option. */
export const block = (num: number, more: boolean, szx: number): number =>
  num * 16 + (more ? 8 : 0) + szx

/** Bytes that differ from block to block. */
export const body = (length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => (i + (i >> 8)) & 255))

/** The part that block `num` of `16 << szx` bytes holds. */
export const part = (whole: Buffer, num: number, szx: number): Buffer =>
  whole.subarray(num << (szx + 4), (num + 1) << (szx + 4))
