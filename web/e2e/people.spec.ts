import { expect, test } from './support/test';
import { picture, signIn, watch, windowOf } from './support/desk';
import { env } from './support/env';

test('an admin adds a person, changes the role, and the person signs in', async ({ page, browser }) => {
  const complaints = watch(page);
  await signIn(page, env.admin);
  await page.getByRole('link', { name: 'People' }).click();
  await page.getByRole('button', { name: 'Add a person' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Add person' }).click();
  await expect(dialog.getByText('Fill in the name.')).toBeVisible();
  const unique = `${Date.now()}`;
  const person = { name: `New Colleague ${unique.slice(-5)}`, email: `colleague-${unique}@example.test` };
  await dialog.getByLabel('Name').fill(person.name);
  await dialog.getByLabel('E-mail').fill(person.email);
  await dialog.getByRole('radio', { name: /^Supervisor/ }).check();
  await expect(dialog.getByText('With the role Supervisor, this person can:')).toBeVisible();
  await picture(page, 'people-add');
  await dialog.getByRole('button', { name: 'Add person' }).click();
  await expect(dialog.getByRole('heading', { name: `${person.name} can sign in now` })).toBeVisible();
  const password = (await dialog.getByTestId('first-password').innerText()).trim();
  expect(password).toMatch(/^\w{4}(-\w{4}){3}$/);
  await dialog.getByRole('button', { name: 'Done' }).click();

  // The same e-mail again is refused, at the field.
  await page.getByRole('button', { name: 'Add a person' }).click();
  await dialog.getByLabel('Name').fill('Somebody else');
  await dialog.getByLabel('E-mail').fill(person.email);
  await dialog.getByRole('radio', { name: /^Agent/ }).check();
  await dialog.getByRole('button', { name: 'Add person' }).click();
  await expect(dialog.getByRole('alert')).toBeVisible();
  await dialog.getByRole('button', { name: 'Cancel' }).click();

  const row = page.getByRole('row').filter({ hasText: person.email });
  await expect(row).toContainText('Supervisor');
  await row.getByRole('button', { name: `Change the role of ${person.name}` }).click();
  await dialog.getByRole('radio', { name: /^Agent/ }).check();
  await dialog.getByRole('button', { name: 'Change role', exact: true }).click();
  await expect(row).toContainText('Agent');

  const theirs = await windowOf(browser, { email: person.email, password });
  await expect(theirs.page.getByRole('button', { name: `My menu, ${person.name}` })).toBeVisible();
  await expect(theirs.page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'People' })).toHaveCount(0);
  await theirs.context.close();

  // It is in the record, and the password is not.
  await page.getByRole('link', { name: 'Audit record' }).click();
  await expect(page.getByRole('row').nth(1)).toBeVisible();
  expect(await page.locator('main').innerText()).not.toContain(password);
  expect(complaints.filter((c) => !/400|409|422/.test(c))).toEqual([]);
});
