import { expect, test } from './support/test';
import { clearDesk, signIn, takeNewCall, watch, inHand } from './support/desk';
import { env } from './support/env';

test('a wrong password is said in words, and nothing else changes', async ({ page }) => {
  await page.goto('/callers');
  await expect(page).toHaveURL(/\/login\?next=%2Fcallers$/);
  await page.getByLabel('E-mail').fill(env.agent.email);
  await page.getByLabel('Password', { exact: true }).fill('not the password');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByRole('alert')).toHaveText('That e-mail and password do not match.');
  await expect(page.getByLabel('E-mail')).toHaveValue(env.agent.email);
  await page.getByRole('button', { name: 'Show password' }).click();
  await expect(page.getByLabel('Password', { exact: true })).toHaveAttribute('type', 'text');

  await page.getByLabel('Password', { exact: true }).fill(env.agent.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page).toHaveURL(/\/callers$/);
  await expect(page.getByRole('heading', { name: 'Callers', level: 1 })).toBeVisible();
});

test('an agent signs in and sees only what an agent may open; signing out ends it', async ({ page }) => {
  const complaints = watch(page);
  await signIn(page, env.agent);
  const nav = page.getByRole('navigation', { name: 'Main' });
  await expect(nav.getByRole('link', { name: 'My desk' })).toBeVisible();
  await expect(nav.getByRole('link', { name: 'Callers' })).toBeVisible();
  for (const hidden of ['People', 'Phone providers', 'Audit record']) await expect(nav.getByRole('link', { name: hidden })).toHaveCount(0);

  // The session is in cookies that scripts cannot read.
  expect(await page.evaluate(() => document.cookie)).toBe('');
  await page.reload();
  await expect(nav).toBeVisible();

  await page.getByRole('button', { name: /My menu/ }).click();
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(page).toHaveURL(/\/login/);
  await page.goto('/');
  await expect(page).toHaveURL(/\/login/);
  expect(complaints).toEqual([]);
});

test('a session that is renewed: the access cookie is gone, the page goes on', async ({ page, context }) => {
  await signIn(page, env.agent);
  await context.clearCookies({ name: 'sb_access' });
  await page.getByRole('link', { name: 'Callers' }).click();
  await expect(page.getByRole('heading', { name: 'Callers', level: 1 })).toBeVisible();
  await expect(
    page
      .getByText('Show more')
      .or(page.getByText(/\d+ callers?/))
      .first()
  ).toBeVisible();
  await expect.poll(async () => (await context.cookies()).some((c) => c.name === 'sb_access')).toBe(true);
});

test('a session that ends: a dialog over the page, and the note is still there', async ({ page, context }) => {
  await signIn(page, env.agent);
  await clearDesk(page);
  const call = await takeNewCall(page);
  const note = inHand(page).getByRole('textbox', { name: 'Note' });
  await note.fill('Half a sentence');
  await context.clearCookies();
  await inHand(page).getByRole('button', { name: 'Save note' }).click();
  const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
  await expect(dialog).toBeVisible();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await expect(dialog).toBeVisible();
  await dialog.getByLabel('Password', { exact: true }).fill(env.agent.password);
  await dialog.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(dialog).toBeHidden();
  await expect(note).toHaveValue('Half a sentence');
  await inHand(page).getByRole('button', { name: 'Save note' }).click();
  await expect(inHand(page).getByText(/Saved at/)).toBeVisible();
  await call.complete();
  await clearDesk(page);
});
