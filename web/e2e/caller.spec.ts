import { expect, test } from './support/test';
import { clearDesk, inHand, signIn, takeNewCall, windowOf } from './support/desk';
import { env } from './support/env';
import { digitsPattern } from './support/phone';

test('two people change one caller: the slower one sees what the other wrote, and chooses', async ({ page, browser }) => {
  await signIn(page, env.agent);
  await clearDesk(page);
  const call = await takeNewCall(page);
  await inHand(page).getByRole('link', { name: 'Open caller' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText(digitsPattern(call.from));
  const other = await windowOf(browser, env.admin);
  await other.page.goto(new URL(page.url()).pathname);

  await other.page.getByRole('button', { name: 'Add company' }).click();
  await page.getByRole('button', { name: 'Add company' }).click();
  await page.getByLabel('Company').fill('Northgate Dental');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByText('Northgate Dental').first()).toBeVisible();
  await other.page.getByLabel('Company').fill('Northgate Ltd');
  await other.page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(other.page.getByText('Company is now “Northgate Dental”')).toBeVisible();
  await other.page.getByRole('button', { name: 'Save mine' }).click();
  await expect(other.page.getByText('Northgate Ltd').first()).toBeVisible();
  await other.context.close();

  const note = page.getByRole('textbox', { name: 'Note' });
  await note.fill('Prefers to be called before ten.');
  await page.getByRole('button', { name: 'Add note' }).click();
  await expect(page.getByRole('region', { name: 'Calls and notes' }).getByText('Prefers to be called before ten.')).toBeVisible();
  await expect(note).toHaveValue('');
  await call.complete();
  await clearDesk(page);
});

test('callers are found by the last digits of their number', async ({ page }) => {
  await signIn(page, env.agent);
  await clearDesk(page);
  const call = await takeNewCall(page);
  await page.keyboard.press('Escape');
  await page.goto('/callers');
  await page.getByRole('searchbox', { name: 'Search callers' }).fill(call.from.slice(-7));
  await expect(page.getByRole('row').filter({ hasText: digitsPattern(call.from) })).toBeVisible();
  expect(page.url()).not.toContain(call.from.slice(-7));
  await page.getByRole('searchbox', { name: 'Search callers' }).fill('nobody has this name');
  await expect(page.getByText('No callers match')).toBeVisible();
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await expect(page.getByRole('row').nth(1)).toBeVisible();
  await call.complete();
  await clearDesk(page);
});
