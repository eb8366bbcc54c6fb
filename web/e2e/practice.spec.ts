import { expect, test } from './support/test';
import { clearDesk, inHand, picture, signIn, violations, watch } from './support/desk';
import { env } from './support/env';

test('a practice call rings, is taken, ends by itself and is finished, and is marked everywhere', async ({ page }) => {
  test.setTimeout(180_000);
  const complaints = watch(page);
  await signIn(page, env.agent);
  await clearDesk(page);
  await page.getByRole('main').getByRole('button', { name: 'Practice call' }).click();
  await expect(page.getByText('A practice call is on its way. It rings here in a moment.')).toBeVisible();
  const card = page.getByRole('article').filter({ hasText: 'Practice' });
  await expect(card.getByText('Practice', { exact: true })).toBeVisible();
  await picture(page, 'practice-ringing');
  await card.getByRole('button', { name: /I’ll take it/ }).click();
  await expect(inHand(page).getByText('Practice', { exact: true })).toBeVisible();
  expect(await violations(page), 'a practice call').toEqual([]);
  const id = await inHand(page).getAttribute('data-call');

  // One at a time, said in plain words where it was pressed.
  await page.getByRole('button', { name: /My menu/ }).click();
  await page.getByRole('button', { name: 'Practice call' }).click();
  await expect(page.getByText(/A practice call is running already. You can start the next one in \d+ seconds?\./)).toBeVisible();
  expect(await violations(page), 'a second practice call').toEqual([]);
  await page.keyboard.press('Escape');

  await expect(inHand(page).getByText('On a call')).toBeVisible({ timeout: 30_000 });
  await expect(inHand(page).getByText('How did it end?')).toBeVisible({ timeout: 90_000 });
  await inHand(page).getByRole('textbox', { name: 'Note' }).fill('Practised.');
  await inHand(page).getByRole('radio').first().check({ force: true });
  await inHand(page).getByRole('button', { name: 'Save and finish' }).click();
  await expect(page.locator(`section[data-call="${id}"]`)).toHaveCount(0);

  await expect(page.locator(`a[href="/calls/${id}"]`).getByText('Practice', { exact: true })).toBeVisible();
  await page.goto('/calls');
  await expect(
    page
      .getByRole('row')
      .filter({ has: page.locator(`a[href="/calls/${id}"]`) })
      .getByText('Practice', { exact: true })
  ).toBeVisible();
  await page.goto(`/calls/${id}`);
  await expect(page.locator('main').getByText('Practice', { exact: true }).first()).toBeVisible();
  await picture(page, 'practice-call');
  expect(complaints.filter((c) => !/429/.test(c))).toEqual([]);
});
