import { randomBytes } from 'node:crypto';
import type { Page } from '@playwright/test';
import { expect, test } from './support/test';
import { picture, signIn, violations, watch, windowOf } from './support/desk';
import { env } from './support/env';
import { PhoneCall, freshNumber } from './support/phone';

const signedWith = (token: string) => new PhoneCall(freshNumber(), undefined, token);
/** Settings reach running servers within two seconds: asks again until they did. */
const accepts = (token: string, path?: string) => expect.poll(() => signedWith(token).probe(path), { timeout: 10_000 });
const card = (page: Page, name: string) => page.getByRole('region', { name, exact: true });

async function openTwilio(page: Page): Promise<void> {
  await page.goto('/admin/connections');
  await page.getByRole('button', { name: 'Settings of Twilio', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Twilio', level: 1 })).toBeVisible();
  await expect(card(page, 'Monitor mode')).toBeVisible();
}

async function replaceToken(page: Page, token: string): Promise<void> {
  await card(page, 'Secrets').getByRole('button', { name: 'Replace a secret' }).click();
  const dialog = page.getByRole('dialog', { name: 'Replace secrets' });
  await dialog.getByLabel('New: Auth Token', { exact: true }).fill(token);
  await dialog.getByRole('button', { name: 'Replace', exact: true }).click();
  await expect(dialog).toBeHidden();
}

test.describe('phone providers', () => {
  test.setTimeout(120_000);

  test('a secret is replaced while both are valid, and the old one is stopped', async ({ page }) => {
    const complaints = watch(page);
    await signIn(page, env.admin);
    await openTwilio(page);
    const next = randomBytes(16).toString('hex');
    expect(await signedWith(next).probe()).toBe(403);

    // Nothing filled in, then the value it has already: refused at the form.
    await card(page, 'Secrets').getByRole('button', { name: 'Replace a secret' }).click();
    const dialog = page.getByRole('dialog', { name: 'Replace secrets' });
    await dialog.getByRole('button', { name: 'Replace', exact: true }).click();
    await expect(dialog.getByText('Fill in at least one new value.')).toBeVisible();
    const box = dialog.getByLabel('New: Auth Token', { exact: true });
    await box.fill(env.twilioToken);
    await expect(box).toHaveAttribute('type', 'password');
    await dialog.getByRole('button', { name: 'Show New: Auth Token' }).click();
    await expect(box).toHaveAttribute('type', 'text');
    await dialog.getByRole('button', { name: 'Replace', exact: true }).click();
    await expect(dialog.getByRole('alert')).toContainText('has this value already');
    expect(await violations(page), 'replacing a secret').toEqual([]);
    await page.keyboard.press('Escape');

    await replaceToken(page, next);
    await expect(card(page, 'Secrets').getByText('Old and new are accepted')).toBeVisible();
    await accepts(next).toBe(204);
    await accepts(env.twilioToken).toBe(204);
    await picture(page, 'connection-both-secrets');

    // Back again, for the other tests; then the one in between is stopped.
    await replaceToken(page, env.twilioToken);
    await card(page, 'Secrets').getByRole('button', { name: 'Stop accepting the old one' }).click();
    const sure = page.getByRole('dialog', { name: 'Stop accepting the old one?' });
    await sure.getByRole('button', { name: 'Stop accepting the old one' }).click();
    await expect(sure).toBeHidden();
    await expect(card(page, 'Secrets').getByText('Old and new are accepted')).toHaveCount(0);
    await accepts(next).toBe(403);
    expect(await signedWith(env.twilioToken).probe()).toBe(204);
    expect(await page.content()).not.toContain(env.twilioToken);
    expect(complaints.filter((c) => !/400|409|422/.test(c))).toEqual([]);
  });

  test('monitor mode lets everything in, says so wherever providers are listed, and ends', async ({ page }) => {
    await signIn(page, env.admin);
    await openTwilio(page);
    const wrong = randomBytes(16).toString('hex');
    expect(await signedWith(wrong).probe()).toBe(403);
    await card(page, 'Monitor mode').getByRole('button', { name: 'Let everything in for 24 hours' }).click();
    await expect(card(page, 'Monitor mode').getByText(/^Lets everything in until/)).toBeVisible();
    await accepts(wrong).toBe(204);
    // By itself, without a reload.
    await expect(
      card(page, 'Monitor mode').getByText(/request.* would have been refused; .* because its signature does not match/)
    ).toBeVisible();
    await page.goto('/admin/connections');
    await expect(page.getByText(/^Lets everything in until/)).toBeVisible();
    await expect(page.getByText(/would have been refused/)).toBeVisible();
    expect(await violations(page), 'the list in monitor mode').toEqual([]);
    await picture(page, 'connections-monitor');
    await openTwilio(page);
    await card(page, 'Monitor mode').getByRole('button', { name: 'Refuse again from now on' }).click();
    await expect(card(page, 'Monitor mode').getByText('While monitor mode was on:')).toBeVisible();
    await accepts(wrong).toBe(403);
  });

  test('settings and answers are checked by the server, and the provider gets the answer', async ({ page }) => {
    await signIn(page, env.admin);
    await openTwilio(page);
    const settings = card(page, 'Settings');
    await expect(settings.getByRole('button', { name: 'Save' })).toHaveCount(0);
    await settings.getByText('More settings').click();
    await settings.getByLabel('Clock difference allowed').fill('5');
    await settings.getByLabel('Address under which').fill('https://calls.example.com/path');
    await settings.getByRole('button', { name: 'Save' }).click();
    await expect(settings.getByLabel('Clock difference allowed')).toHaveAttribute('aria-invalid', 'true');
    await expect(settings.getByText('Choose from 30 to 3600 seconds.')).toBeVisible();
    await expect(settings.getByText(/Write a scheme and a host/)).toBeVisible();
    await settings.getByRole('button', { name: 'Undo my changes' }).click();
    await settings.getByLabel('Default country').selectOption({ label: 'United Kingdom' });
    await settings.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByText('Saved. Twilio goes by it within two seconds.')).toBeVisible();
    await page.reload();
    await expect(settings.getByLabel('Default country')).toHaveValue('GB');

    const answers = card(page, 'What the provider is told to do');
    await answers.getByRole('button', { name: 'Write an answer: A call comes in' }).click();
    const box = answers.getByLabel('Answer: A call comes in');
    await expect(box).toBeFocused();
    await box.fill('<Response><Say>Hello</Response>');
    await answers.getByRole('button', { name: 'Save' }).click();
    await expect(answers.getByRole('alert')).toContainText('The answer for voice');
    await expect(box).toHaveAttribute('aria-invalid', 'true');
    expect(await violations(page), 'an answer with a mistake').toEqual([]);
    const mark = randomBytes(4).toString('hex');
    await box.fill(`<Response><Say>Hello ${mark}</Say></Response>`);
    await answers.getByRole('button', { name: 'Save' }).click();
    await expect(answers.getByText('Your document')).toBeVisible();
    await picture(page, 'connection-answer');
    await expect.poll(() => new PhoneCall().asks('voice'), { timeout: 10_000 }).toContain(mark);
    await answers.getByRole('button', { name: 'Back to the usual answer' }).click();
    await expect(answers.getByText('Your document')).toHaveCount(0);
    await expect.poll(() => new PhoneCall().asks('voice'), { timeout: 10_000 }).not.toContain(mark);
  });

  test('a colleague who was quicker is not written over', async ({ page, browser }) => {
    await signIn(page, env.admin);
    await openTwilio(page);
    const mine = card(page, 'Settings');
    await mine.getByLabel('Default country').selectOption({ label: 'France' });
    const theirs = await windowOf(browser, env.admin);
    await openTwilio(theirs.page);
    await card(theirs.page, 'Settings').getByText('More settings').click();
    await card(theirs.page, 'Settings').getByLabel('Clock difference allowed').fill('120');
    await card(theirs.page, 'Settings').getByRole('button', { name: 'Save' }).click();
    await expect(theirs.page.getByText('Saved. Twilio goes by it within two seconds.')).toBeVisible();

    await mine.getByRole('button', { name: 'Save' }).click();
    await expect(mine.getByText('A colleague changed this phone provider a moment ago.')).toBeVisible();
    expect(await violations(page), 'a conflict').toEqual([]);
    await picture(page, 'connection-conflict');
    await mine.getByRole('button', { name: 'Save mine over it' }).click();
    await expect(mine.getByRole('button', { name: 'Save' })).toHaveCount(0);
    await page.reload();
    // Both: mine is saved, and what only the colleague touched stays theirs.
    await expect(mine.getByLabel('Default country')).toHaveValue('FR');
    await mine.getByText('More settings').click();
    await expect(mine.getByLabel('Clock difference allowed')).toHaveValue('120');
    // Monitor mode and a half-filled form on one page do not get in each other's way.
    await mine.getByLabel('Clock difference allowed').fill('300');
    await card(page, 'Monitor mode').getByRole('button', { name: 'Let everything in for 24 hours' }).click();
    await card(page, 'Monitor mode').getByRole('button', { name: 'Refuse again from now on' }).click();
    await expect(card(page, 'Monitor mode').getByRole('button', { name: 'Let everything in for 24 hours' })).toBeVisible();
    await mine.getByLabel('Default country').selectOption({ label: 'None' });
    await mine.getByRole('button', { name: 'Save' }).click();
    await expect(mine.getByRole('button', { name: 'Save' })).toHaveCount(0);
    await expect(mine.getByText('A colleague changed')).toHaveCount(0);
    await theirs.context.close();
  });

  test('addresses are copied whole, and a provider is found by the name people have for it', async ({ page, context }) => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await signIn(page, env.admin);
    await openTwilio(page);
    await page.getByRole('button', { name: 'Copy the address for Call status changes' }).click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/\/hooks\/twilio\/status#.+/);
    await page.goto('/admin/connections');
    await page.getByRole('button', { name: 'Connect a phone provider' }).click();
    await expect(page.locator('main').getByRole('listitem')).toHaveCount(13);
    expect(await violations(page), 'choosing a provider').toEqual([]);
    await page.getByLabel('Search', { exact: true }).fill('freepbx');
    await expect(page.locator('main').getByRole('listitem')).toHaveCount(1);
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { name: 'Connect Asterisk', level: 1 })).toBeVisible();
    expect(await violations(page), 'connecting a provider').toEqual([]);
  });

  test('an agent sees none of it', async ({ page }) => {
    await signIn(page, env.agent);
    await expect(page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Phone providers' })).toHaveCount(0);
    for (const path of [
      '/admin/connections',
      '/admin/connections/new?provider=twilio',
      '/admin/connections/00000000-0000-7000-8000-000000000000'
    ]) {
      await page.goto(path);
      await expect(page.locator('main').getByText(/You are not allowed to do this|but not connect one/)).toBeVisible();
      await expect(page.locator('main').getByText(/hooks\//)).toHaveCount(0);
      await expect(page.locator('main').getByRole('textbox')).toHaveCount(0);
    }
  });
});
