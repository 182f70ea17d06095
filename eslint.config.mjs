import js from '@eslint/js'
import tseslint from 'typescript-eslint'

/** The editor's code runs in the browser. */
export const EDITOR = ['nodes/editor/**', 'nodes/*/editor/**', 'nodes/*/editor.ts']

/** What sockets, streams, signals, watchers and Node-RED emit. */
const EVENTS = [
  ...['abort', 'close', 'connect', 'connection', 'data', 'drain', 'end', 'error', 'exit'],
  'finish',
  ...['listening', 'message', 'readable', 'timeout', 'input', 'flows:.*'],
]

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', '.demo/**', '.matrix/**', 'coverage/**'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
    },
  },
  {
    // The floors: an import only ever points down (see CONTRIBUTING.md, Architecture).
    files: ['src/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: ['node-red*', '**/nodes/**'] }] },
  },
  ...[
    ['base', ['transport', 'dtls', 'coap', 'lwm2m', 'server', 'client', 'storage']],
    ['storage', ['transport', 'dtls', 'coap', 'lwm2m', 'server', 'client']],
    ['dtls', ['transport', 'coap', 'lwm2m', 'server', 'client', 'storage']],
    ['transport', ['coap', 'lwm2m', 'server', 'client', 'storage']],
    ['coap', ['lwm2m', 'server', 'client', 'storage', 'dtls']],
    ['lwm2m', ['transport', 'dtls', 'coap', 'server', 'client', 'storage']],
    ['server', ['client']],
    ['client', ['server']],
  ].map(([floor, above]) => ({
    files: [`src/${floor}/**/*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: ['node-red*', '**/nodes/**', ...above.map((name) => `**/${name}/**`)] },
      ],
    },
  })),
  {
    // Whatever Node.js calls by itself is guarded: what it throws must not end the process. Timers go by
    // a Scheduler, promises that nobody awaits by `detach` (see eslint.promises.config.mjs).
    files: ['src/**/*.ts', 'nodes/**/*.ts'],
    ignores: ['src/base/**', 'nodes/shared/runtime/entries.ts', ...EDITOR],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'].map((name) => ({
          name,
          message: 'Use a Scheduler, or later() or nextTurn() of src/base/guard.',
        })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'nextTick', message: 'Use Scheduler.microtask().' },
        { property: 'setTimeout', message: 'Use Scheduler.after().' },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'ImportDeclaration[source.value=/^(node:)?timers/]',
          message: 'Use a Scheduler, or nextTurn() of src/base/guard.',
        },
        {
          selector: `CallExpression[callee.property.name=/^(on|once|addListener|addEventListener)$/][arguments.0.value=/^(${EVENTS.join('|')})$/]:not([arguments.1.callee.property.name='entry'])`,
          message:
            'Give it a callback made by Guard.entry(), or use onAbort(), onInput() or onClose().',
        },
      ],
    },
  },
  {
    // Only the composition knows which message layer there is.
    files: ['src/coap/{blockwise,exchanges,observe}/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            'node-red*',
            '**/nodes/**',
            ...['lwm2m', 'server', 'client', 'storage', 'dtls', 'udp'].map(
              (name) => `**/${name}/**`,
            ),
          ],
        },
      ],
    },
  },
  {
    // The run time of the nodes: the public API, what is exported to them alone, and the base.
    files: ['nodes/**/*.ts'],
    ignores: ['nodes/editor/**', 'nodes/*/editor.ts', 'nodes/*/editor/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '/src/(?!(internal|client|coap|storage)$|base/)',
              message: 'Nodes use the public API: src, src/client, src/coap, src/storage.',
            },
            { regex: '/editor(/|$)', message: 'The editor part is for the browser.' },
            { regex: '/lwm2m-[a-z]+/', message: 'What nodes share stands in nodes/shared.' },
          ],
        },
      ],
    },
  },
  {
    // The editor's part is bundled for the browser: of the engine only what needs no Node.js.
    files: ['nodes/editor/**/*.ts', 'nodes/*/editor.ts', 'nodes/*/editor/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '/src/(?!lwm2m/)', message: 'The browser has no Node.js: only src/lwm2m.' },
            { regex: '/shared/|/runtime$|^node:', message: 'The browser has no Node.js.' },
            { regex: '/admin/(?!contract$)', message: 'Of the admin API only its types.' },
          ],
        },
      ],
    },
  },
  {
    files: ['scripts/**/*.mjs', '*.mjs', '*.cjs'],
    languageOptions: {
      globals: { process: 'readonly', console: 'readonly', URL: 'readonly', module: 'writable' },
    },
  },
)
