import { defineConfig } from '@playwright/test'
import { existsSync, readFileSync } from 'node:fs'

const CHROMIUM = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => path !== undefined && path !== '' && existsSync(path))
if (CHROMIUM === undefined) throw new Error('Chromium is missing: apt-get install -y chromium, or say where it is: CHROMIUM=/path/to/chromium')

/** Known once the program stands: each worker reads this file anew. */
function url(): string | undefined {
  const file = process.env.CONSOLE_STATE
  return file ? (JSON.parse(readFileSync(file, 'utf8')) as { url: string }).url : undefined
}

export default defineConfig({
  testDir: '../../e2e/console',
  outputDir: 'test-results',
  globalSetup: '../../e2e/console/global.mjs',
  workers: 1,
  fullyParallel: false,
  retries: 0,
  forbidOnly: process.env.CI !== undefined,
  timeout: 60_000,
  expect: { timeout: 20_000 },
  reporter: [['list'], ['../../e2e/console/faults.mjs']],
  use: {
    baseURL: url(),
    launchOptions: { executablePath: CHROMIUM, args: ['--no-sandbox'] },
    headless: true,
    // Without one, what is not there is waited for until the test's time is up, and nobody learns what it was.
    actionTimeout: 30_000,
    trace: 'off',
  },
})
