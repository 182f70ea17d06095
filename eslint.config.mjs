import js from '@eslint/js'
import tseslint from 'typescript-eslint'

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
    files: ['scripts/**/*.mjs', '*.mjs', '*.cjs'],
    languageOptions: {
      globals: { process: 'readonly', console: 'readonly', URL: 'readonly', module: 'writable' },
    },
  },
)
