import { defineConfig } from '@playwright/test';
import { env } from './e2e/support/env';

/**
 * Browser tests against a running server: its address and sign-ins come from SWITCHBOARD_E2E_* (see `e2e/support/env.ts`). They make their
 * own calls with fresh numbers, so one server can be tested many times.
 */
export default defineConfig({
  testDir: 'e2e',
  fullyParallel: false,
  workers: 1,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  forbidOnly: process.env.CI !== undefined,
  reporter: [['list']],
  outputDir: 'test-results',
  globalSetup: './e2e/support/ready.ts',
  use: {
    baseURL: env.url,
    viewport: { width: 1280, height: 800 },
    locale: 'en-GB',
    timezoneId: 'Europe/London',
    colorScheme: 'light',
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
      // Chromium refuses its sandbox as root.
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : []
    }
  }
});
