import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { expect, type Browser, type BrowserContext, type Locator, type Page } from '@playwright/test';
import { env, type Account } from './env';
import { PhoneCall, digitsPattern } from './phone';

/** Signs in through the page and waits for the frame. */
export async function signIn(page: Page, who: Account): Promise<void> {
  await page.goto('/login');
  await page.getByLabel('E-mail').fill(who.email);
  await page.getByLabel('Password', { exact: true }).fill(who.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByRole('navigation', { name: 'Main' })).toBeVisible();
}

/** A window of its own, signed in, with every console error and failed request to another origin collected in `complaints`. */
export async function windowOf(
  browser: Browser,
  who: Account,
  options: Parameters<Browser['newContext']>[0] = {}
): Promise<{ context: BrowserContext; page: Page; complaints: string[] }> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints = watch(page);
  await signIn(page, who);
  return { context, page, complaints };
}

/** Collects what must never happen: errors in the console, uncaught exceptions, requests to other hosts. */
export function watch(page: Page): string[] {
  const complaints: string[] = [];
  page.on('console', (m) => {
    // A 401 is how the page learns that it has to renew its session; Chromium logs every one.
    if (m.type() === 'error' && !/401|ERR_INTERNET_DISCONNECTED|WebSocket connection/.test(m.text())) complaints.push(m.text());
  });
  page.on('pageerror', (e) => complaints.push(String(e)));
  page.on('request', (r) => {
    if (!r.url().startsWith(env.url) && !r.url().startsWith('data:')) complaints.push(`request to ${r.url()}`);
  });
  return complaints;
}

/** The card of a call nobody has taken. */
export const ringCard = (page: Page, call: PhoneCall): Locator => page.getByRole('article').filter({ hasText: digitsPattern(call.from) });
/** The call in hand. */
export const inHand = (page: Page): Locator => page.getByRole('region', { name: 'The call in hand' });

/** Rings, takes it in `page`, answers on the phone. */
export async function takeNewCall(page: Page, call = new PhoneCall()): Promise<PhoneCall> {
  await call.ring();
  await ringCard(page, call)
    .getByRole('button', { name: /I’ll take it/ })
    .click();
  await expect(inHand(page)).toContainText(digitsPattern(call.from));
  await call.answer();
  await expect(inHand(page).getByText('On a call')).toBeVisible();
  return call;
}

/** Chooses outcomes for whatever earlier tests or runs have left open, so that the desk is empty. */
export async function clearDesk(page: Page): Promise<void> {
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Latest calls' })).toBeVisible();
  const panel = inHand(page);
  for (let i = 0; i < 50; i++) {
    await expect(
      panel
        .or(page.getByText('You are ready', { exact: true }))
        .or(page.getByText('Calls nobody has taken'))
        .first()
    ).toBeVisible();
    if (!(await panel.isVisible()) || !(await panel.getByText('How did it end?').isVisible())) return;
    const id = await panel.getAttribute('data-call');
    await panel.getByRole('textbox', { name: 'Note' }).fill('Closed by a test.');
    await panel.getByRole('radio').first().check({ force: true });
    await panel.getByRole('button', { name: 'Save and finish' }).click();
    await expect(page.locator(`section[data-call="${id}"]`)).toHaveCount(0);
  }
}

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
/** Accessibility violations of the page as it stands, one line each. */
export async function violations(page: Page): Promise<string[]> {
  const { violations, passes } = await new AxeBuilder({ page }).withTags(tags).analyze();
  expect(passes.length, 'axe looked at something').toBeGreaterThan(5);
  return violations.map(
    (v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(' ')} ${n.any[0]?.message ?? n.failureSummary ?? ''}`).join(' | ')}`
  );
}

export async function noSidewaysScroll(page: Page): Promise<void> {
  const tooWide = await page.evaluate(() => {
    const view = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= view) return [];
    const out = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > view + 1);
    return [
      `page ${document.documentElement.scrollWidth} > ${view}`,
      ...out.map((e) => `${e.tagName} ${e.className} ${e.getBoundingClientRect().right}`)
    ];
  });
  expect(tooWide, 'what is wider than the window').toEqual([]);
}

/** Keeps a picture in the artefacts folder. */
export async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(env.artifacts, `${name}.png`), animations: 'disabled' });
}
