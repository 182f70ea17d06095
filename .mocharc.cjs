// A file named on the command line runs alone.
const named = process.argv.slice(2).some((argument) => argument.endsWith('.test.ts'))

module.exports = {
  extension: ['ts'],
  spec: named ? [] : ['test/**/*.test.ts'],
  'node-option': ['import=tsx'],
  // Whatever nothing catches fails the run.
  require: ['./test/support/uncaught.ts'],
  parallel: !named,
  jobs: 2,
  timeout: 20000,
  forbidOnly: true,
  reporter: 'dot',
  exit: true,
}
