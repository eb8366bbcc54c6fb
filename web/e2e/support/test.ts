import { test as base } from '@playwright/test';
import { hangUpEverything } from './phone';

/** Tests whose phone calls are ended afterwards, whatever happened: a failed test must not leave its call on the next one's desk. */
export const test = base.extend<{ phones: void }>({
  phones: [
    async ({}, use) => {
      await use();
      await hangUpEverything();
    },
    { auto: true }
  ]
});
export { expect } from '@playwright/test';
