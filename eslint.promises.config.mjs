/** Rules that need types, and therefore time: part of `npm run lint`. */
import tseslint from 'typescript-eslint'
import { EDITOR } from './eslint.config.mjs'

export default tseslint.config({
  files: ['src/**/*.ts', 'nodes/**/*.ts'],
  ignores: EDITOR,
  languageOptions: {
    parser: tseslint.parser,
    parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname },
  },
  // The directives are for the other configuration.
  linterOptions: { reportUnusedDisableDirectives: 'off' },
  plugins: { '@typescript-eslint': tseslint.plugin },
  rules: {
    // A promise that nobody awaits is detached: `void` is no way out.
    '@typescript-eslint/no-floating-promises': [
      'error',
      { ignoreVoid: false, checkThenables: true },
    ],
    // No asynchronous function where nobody looks at its promise.
    '@typescript-eslint/no-misused-promises': 'error',
  },
})
