import type { Page } from '@playwright/test';
import { expect, test } from './support/test';
import { clearDesk, inHand, noSidewaysScroll, picture, ringCard, signIn, takeNewCall, violations, watch } from './support/desk';
import { env } from './support/env';
import { PhoneCall } from './support/phone';

/** Every screen in both themes and both sizes: no accessibility violation, no sideways scrolling, a picture. */
const sizes = [
  { name: 'desktop', width: 1280, height: 800 },
  { name: 'phone', width: 390, height: 844 }
];
async function look(page: Page, name: string): Promise<void> {
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme });
    for (const size of sizes) {
      await page.setViewportSize(size);
      await noSidewaysScroll(page);
      await picture(page, `${name}-${theme}-${size.name}`);
      // As tall as the page: what is scrolled under the bar at the bottom of a phone is not out of reach, but axe cannot know.
      const height = await page.evaluate(() => document.documentElement.scrollHeight);
      await page.setViewportSize({ width: size.width, height: Math.max(size.height, height + 200) });
      expect(await violations(page), `${name}, ${theme}, ${size.name}`).toEqual([]);
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme: 'light' });
}

test.describe('screens', () => {
  test.setTimeout(180_000);

  test('signing in', async ({ page }) => {
    await page.goto('/login');
    await expect(page.getByLabel('E-mail')).toBeFocused();
    await look(page, 'sign-in');
  });

  test('my desk: ready, ringing, on a call, finishing', async ({ page }) => {
    const complaints = watch(page);
    await signIn(page, env.agent);
    await clearDesk(page);
    await look(page, 'desk-ready');
    const call = new PhoneCall();
    await call.ring();
    await expect(ringCard(page, call)).toBeVisible();
    await look(page, 'desk-ringing');
    await ringCard(page, call)
      .getByRole('button', { name: /I’ll take it/ })
      .click();
    await call.answer();
    await expect(inHand(page).getByText('On a call')).toBeVisible();
    await inHand(page).getByRole('textbox', { name: 'Note' }).fill('Wants the March invoice split in two.');
    await look(page, 'desk-on-a-call');
    await call.complete();
    await expect(inHand(page).getByText('How did it end?')).toBeVisible();
    await inHand(page).getByRole('radio').nth(1).check({ force: true });
    await look(page, 'desk-finishing');

    // On a small laptop nothing of it is out of sight or covered.
    await page.setViewportSize({ width: 1366, height: 768 });
    await page.evaluate(() => scrollTo(0, 0));
    await inHand(page)
      .locator('label', { has: page.getByRole('radio').last() })
      .last()
      .click({ trial: true, timeout: 2_000 });
    await expect(inHand(page).getByRole('button', { name: 'Save and finish' })).toBeInViewport({ ratio: 1 });
    await clearDesk(page);
    expect(complaints).toEqual([]);
  });

  test('callers and calls', async ({ page }) => {
    await signIn(page, env.agent);
    await clearDesk(page);
    const call = await takeNewCall(page);
    await inHand(page).getByRole('textbox', { name: 'Note' }).fill('A note for the picture.');
    await inHand(page).getByRole('button', { name: 'Save note' }).click();
    await expect(inHand(page).getByText(/Saved at/)).toBeVisible();
    await call.complete();
    await clearDesk(page);
    await page.goto('/callers');
    await expect(page.getByRole('row').nth(1)).toBeVisible();
    await look(page, 'callers');
    await page.getByRole('row').nth(1).getByRole('link').click();
    await expect(page.getByRole('region', { name: 'Details' })).toBeVisible();
    await expect(page.getByRole('region', { name: 'Calls and notes' }).getByRole('listitem').first()).toBeVisible();
    await look(page, 'caller');
    await page.getByRole('button', { name: /(Add|Change) company/ }).click();
    expect(await violations(page), 'caller, editing').toEqual([]);
    await page.goto('/calls');
    await expect(page.getByRole('row').nth(1)).toBeVisible();
    await look(page, 'calls');
    await page.getByLabel('Ended how').selectOption({ label: 'Talked' });
    await expect(page).toHaveURL(/ended=COMPLETED/);
    await page.getByRole('row').nth(1).getByRole('link').click();
    await expect(page.getByRole('region', { name: 'Facts' })).toBeVisible();
    await look(page, 'call');
  });

  test('administration', async ({ page }) => {
    await signIn(page, env.admin);
    for (const [path, name, heading] of [
      ['/admin/people', 'people', 'People'],
      ['/admin/connections', 'connections', 'Phone providers'],
      ['/admin/connections/new', 'connections-new', 'Connect a phone provider'],
      ['/admin/audit', 'audit', 'Audit record']
    ] as const) {
      await page.goto(path);
      await expect(page.getByRole('heading', { name: heading, level: 1 })).toBeVisible();
      await expect(page.locator('main .card').first()).toBeVisible();
      await expect(page.locator('[aria-busy]')).toHaveCount(0);
      await look(page, name);
    }
    await page.goto('/admin/connections/new?provider=twilio');
    await expect(page.getByRole('heading', { name: 'Connect Twilio', level: 1 })).toBeVisible();
    await look(page, 'connections-add');
    await page.goto('/admin/connections');
    await page.getByRole('button', { name: 'Settings of Twilio', exact: true }).click();
    await page.getByText('More settings').click();
    await page.getByRole('button', { name: 'Write an answer: A call comes in' }).click();
    await look(page, 'connection');
    await page.goto('/admin/people');
    await page.getByRole('button', { name: 'Add a person' }).click();
    await page.getByRole('radio', { name: /^Agent/ }).check();
    await look(page, 'people-add');
  });

  test('what lies over the page: search, shortcuts, my menu', async ({ page }) => {
    await signIn(page, env.agent);
    await page.keyboard.press('Control+k');
    const box = page.getByRole('combobox', { name: 'Find' });
    await box.fill('a');
    await expect(page.getByRole('option').first()).toBeVisible();
    await expect(page.getByText('Searching…')).toHaveCount(0);
    await look(page, 'palette');
    await page.keyboard.press('Escape');
    await expect(box).toBeHidden();
    await page.keyboard.press('?');
    await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
    await look(page, 'shortcuts');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /My menu/ }).click();
    await look(page, 'my-menu');
    await page.getByRole('radio', { name: 'Dark' }).check();
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
    await page.reload();
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
    // The colours are there before the page is: keys work once somebody is signed in.
    await expect(page.getByRole('button', { name: /My menu/ })).toBeVisible();
    await page.keyboard.press('/');
    await expect(box).toBeFocused();
    await page.keyboard.press('Escape');
    await expect(box).toBeHidden();
    await page.keyboard.press('g');
    await page.keyboard.press('c');
    await expect(page).toHaveURL(/\/callers$/);
  });

  test('an address that does not exist', async ({ page }) => {
    await signIn(page, env.agent);
    await page.goto('/nothing-here');
    await expect(page.getByText('This page does not exist').first()).toBeVisible();
    expect(await violations(page)).toEqual([]);
    await page.goto('/callers/00000000-0000-7000-8000-000000000000');
    await expect(page.getByText('We can’t find this caller')).toBeVisible();
  });
});
