import { expect, test } from './support/test';
import { clearDesk, inHand, picture, ringCard, signIn, takeNewCall, watch, windowOf } from './support/desk';
import { env } from './support/env';
import { PhoneCall, digitsPattern } from './support/phone';

test('the whole job: a call rings, is taken, talked, noted and finished with two keys', async ({ page }) => {
  const complaints = watch(page);
  await signIn(page, env.agent);
  await clearDesk(page);
  await page.evaluate(() => Object.assign(window, { notReloaded: true }));

  // It appears by itself.
  const call = new PhoneCall();
  await call.ring();
  const card = ringCard(page, call);
  await expect(card).toBeVisible();
  await expect(card).toContainText('New number');
  await expect(page).toHaveTitle(/is calling/);
  await picture(page, 'job-1-ringing');

  // One click takes it; the cursor is in the note.
  await card.getByRole('button', { name: /I’ll take it/ }).click();
  const panel = inHand(page);
  await expect(panel).toContainText(digitsPattern(call.from));
  const note = panel.getByRole('textbox', { name: 'Note' });
  await expect(note).toBeFocused();
  await call.answer();
  await expect(panel.getByText('On a call')).toBeVisible();

  // A new number gets a name.
  const name = `Test Person ${call.from.slice(-7)}`;
  await panel.getByLabel('Who is this?').fill(name);
  await panel.getByRole('button', { name: 'Save name' }).click();
  await expect(panel.getByRole('heading', { name })).toBeVisible();
  await expect(panel.getByText('Known caller')).toBeVisible();

  await note.fill('Wants the March invoice split in two.');
  await picture(page, 'job-2-on-a-call');
  // The note survives a reload before the server has it.
  await page.reload();
  await expect(note).toHaveValue('Wants the March invoice split in two.');

  // The call ends; nobody is typing, so the outcomes have the focus. Two keys.
  await panel.getByRole('heading', { name }).click();
  await call.complete();
  await expect(panel.getByText('How did it end?')).toBeVisible();
  await expect(panel.getByRole('radio').first()).toBeFocused();
  await page.keyboard.press('1');
  await expect(panel.getByRole('radio').first()).toBeChecked();
  await picture(page, 'job-3-finishing');
  await page.keyboard.press('Enter');
  await expect(panel).toHaveCount(0);
  await expect(page.getByRole('status').filter({ hasText: 'You are ready for the next call' })).toBeVisible();
  await expect(page.getByText('You are ready', { exact: true })).toBeVisible();

  // The caller's page shows the call and its note.
  await page.getByRole('button', { name: /Find a caller/ }).click();
  const box = page.getByRole('combobox', { name: 'Find' });
  await expect(box).toBeFocused();
  await box.fill(name);
  await expect(page.getByRole('option', { name: new RegExp(name) })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name, level: 1 })).toBeVisible();
  const history = page.getByRole('region', { name: 'Calls and notes' });
  await expect(history.getByText('Wants the March invoice split in two.')).toHaveCount(1);
  await expect(history.getByText('They called')).toBeVisible();
  await expect(history.getByText(/talked 0:49/)).toBeVisible();
  await picture(page, 'job-4-caller');

  // The call's own page.
  await history.getByRole('link', { name: 'They called' }).click();
  await expect(page.getByRole('heading', { name: `Call with ${name}` })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Phones in this call' }).getByRole('row')).toHaveCount(3);
  await picture(page, 'job-5-call');
  expect(complaints).toEqual([]);
});

test('typing never picks an outcome, and focus is not taken from someone who types', async ({ page }) => {
  await signIn(page, env.agent);
  await clearDesk(page);
  const call = await takeNewCall(page);
  const panel = inHand(page);
  const note = panel.getByRole('textbox', { name: 'Note' });
  await note.click();
  await note.pressSequentially('Asked for invoice ');
  await call.complete();
  await expect(panel.getByText('How did it end?')).toBeVisible();
  await expect(note).toBeFocused();
  await note.pressSequentially('3');
  await expect(note).toHaveValue('Asked for invoice 3');
  await expect(panel.getByRole('radio', { checked: true })).toHaveCount(0);
  await page.keyboard.press('Control+Enter');
  await expect(panel.getByText('Choose an outcome first')).toBeVisible();
  await page.keyboard.press('2');
  await page.keyboard.press('Control+Enter');
  await expect(panel).toHaveCount(0);
});

test('two clicks finish a call with the mouse', async ({ page }) => {
  await signIn(page, env.agent);
  await clearDesk(page);
  const call = await takeNewCall(page);
  await call.complete();
  const panel = inHand(page);
  await expect(panel.getByText('How did it end?')).toBeVisible();
  await panel
    .locator('label', { has: page.getByRole('radio').first() })
    .first()
    .click();
  await panel.getByRole('button', { name: 'Save and finish' }).click();
  await expect(panel).toHaveCount(0);
});

test('two people want one call: one gets it, the other is told who', async ({ browser }) => {
  const first = await windowOf(browser, env.agent);
  const second = await windowOf(browser, env.admin);
  await clearDesk(first.page);
  await second.page.goto('/');
  const call = new PhoneCall();
  await call.ring();
  const [a, b] = [ringCard(first.page, call), ringCard(second.page, call)];
  await expect(a).toBeVisible();
  await expect(b).toBeVisible();
  // The second window does not hear of the change before it presses: its requests are held until the first has won.
  let release: () => void = () => {};
  const held = new Promise<void>((r) => (release = r));
  await second.page.route('**/graphql', async (route) => {
    if (route.request().postData()?.includes('TakeCall')) await held;
    await route.continue();
  });
  await b.getByRole('button', { name: /I’ll take it/ }).click();
  await a.getByRole('button', { name: /I’ll take it/ }).click();
  await expect(inHand(first.page)).toContainText(digitsPattern(call.from));
  release();
  const me = (await first.page.getByRole('button', { name: /My menu/ }).getAttribute('aria-label'))?.replace('My menu, ', '') ?? '';
  expect(me).not.toBe('');
  await expect(second.page.getByRole('alert').filter({ hasText: `${me} took the call` })).toBeVisible();
  await picture(second.page, 'race-lost');
  await second.page.getByRole('button', { name: 'OK' }).click();
  await expect(second.page.getByText(`${me} took the call`)).toHaveCount(0);
  await call.answer();
  await call.complete();
  await clearDesk(first.page);
  await first.context.close();
  await second.context.close();
});

test('a call that rings while another page is open slides in there', async ({ page }) => {
  await signIn(page, env.agent);
  await clearDesk(page);
  await page.goto('/callers');
  await expect(page.getByRole('heading', { name: 'Callers', level: 1 })).toBeVisible();
  const call = new PhoneCall();
  await call.ring();
  await ringCard(page, call)
    .getByRole('button', { name: /I’ll take it/ })
    .click();
  await expect(page).toHaveURL(/\/$/);
  await expect(inHand(page)).toContainText(digitsPattern(call.from));
  await call.answer();
  await call.complete();
  await clearDesk(page);
});

test('a missed call leaves the desk and is listed as missed', async ({ page }) => {
  await signIn(page, env.agent);
  await clearDesk(page);
  const call = new PhoneCall();
  await call.ring();
  await expect(ringCard(page, call)).toBeVisible();
  await call.giveUp();
  await expect(ringCard(page, call)).toHaveCount(0);
  const row = page
    .getByRole('region', { name: 'Latest calls' })
    .getByRole('link')
    .filter({ hasText: digitsPattern(call.from) });
  await expect(row).toContainText('Missed');
});

test('a withheld number has no caller and no history', async ({ page }) => {
  await signIn(page, env.agent);
  await clearDesk(page);
  const call = new PhoneCall('+266696687');
  await call.ring();
  const card = page.getByRole('article').filter({ hasText: 'Number withheld' });
  await card
    .first()
    .getByRole('button', { name: /I’ll take it/ })
    .click();
  await expect(inHand(page).getByRole('heading', { name: 'Number withheld' })).toBeVisible();
  await expect(inHand(page).getByText('there is no history to show')).toBeVisible();
  await call.answer();
  await call.complete();
  await clearDesk(page);
});

test('the line is lost and heals: said after two seconds, the note is kept and saved', async ({ page, context }) => {
  await signIn(page, env.agent);
  await clearDesk(page);
  const call = await takeNewCall(page);
  const panel = inHand(page);
  const note = panel.getByRole('textbox', { name: 'Note' });
  await context.setOffline(true);
  await expect(page.getByText('This computer is offline')).toBeVisible();
  await note.fill('Typed while the line was down');
  await panel.getByRole('button', { name: 'Save note' }).click();
  await expect(panel.getByText('sent when the connection is back')).toBeVisible();
  await picture(page, 'line-lost');
  // What happened meanwhile is caught up with.
  await call.complete();
  await context.setOffline(false);
  await expect(page.getByText('This computer is offline')).toBeHidden({ timeout: 20_000 });
  await expect(panel.getByText('How did it end?')).toBeVisible({ timeout: 20_000 });
  await expect(panel.getByText('Typed while the line was down')).toBeVisible();
  await expect(note).toHaveValue('');
  await panel
    .locator('label', { has: page.getByRole('radio').first() })
    .first()
    .click();
  await panel.getByRole('button', { name: 'Save and finish' }).click();
  await expect(panel).toHaveCount(0);
});
