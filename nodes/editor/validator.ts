/** Node-RED shows a validator's text only where it takes two arguments. */
export type Validator = (this: EditorNode, value: unknown, options?: object) => boolean | string
