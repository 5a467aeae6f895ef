import { defineConfig } from '@playwright/test'

const port = Number(process.env.CONSOLE_PORT ?? 8791)

export default defineConfig({
  testDir: '../../e2e/console',
  outputDir: 'test-results',
  workers: 1,
  fullyParallel: false,
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 20_000 },
  reporter: [['list']],
  use: {
    baseURL: `http://127.0.0.1:${port}`,
    launchOptions: { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] },
    headless: true,
    trace: 'off',
  },
  webServer: { command: `node mock/server.mjs --port ${port}`, url: `http://127.0.0.1:${port}/healthz`, reuseExistingServer: false, timeout: 60_000 },
})
