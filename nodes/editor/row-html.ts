/** Rows of dialogs as html. Plain text: no browser is needed. A text is named by its key in full. */

/** A labelled row. */
export function row(property: string, icon: string, text: string, field: string): string {
  return `<div class="form-row">
    <label for="node-input-${property}"
      ><i class="fa fa-${icon}"></i> <span data-i18n="${text}"></span
    ></label>
    ${field}
  </div>`
}

function placeholder(hint: string | undefined): string {
  return hint === undefined ? '' : ` data-i18n="[placeholder]${hint}"`
}

export function textInput(property: string, hint?: string): string {
  return `<input type="text" id="node-input-${property}"${placeholder(hint)} />`
}

export function passwordInput(property: string, hint?: string): string {
  return `<input type="password" id="node-input-${property}"${placeholder(hint)} />`
}

export function numberInput(property: string, hint: string): string {
  return `<input type="number" id="node-input-${property}"${placeholder(hint)} min="0" />`
}

/** For PEM text. */
export function pemArea(property: string, hint?: string): string {
  const style = 'width: 70%; font-family: monospace'
  return `<textarea id="node-input-${property}" rows="3" style="${style}"${placeholder(hint)}></textarea>`
}

/** @param options value and the key of its text */
export function select(
  property: string,
  options: readonly (readonly [value: string, text: string])[],
): string {
  const lines = options.map(
    ([value, text]) => `<option value="${value}" data-i18n="${text}"></option>`,
  )
  return `<select id="node-input-${property}">${lines.join('')}</select>`
}
