export type Theme = 'auto' | 'light' | 'dark';
const isTheme = (v: string | null): v is Theme => v === 'auto' || v === 'light' || v === 'dark';

/** What belongs to this browser, not to the account: colours, letter shortcuts, and what lies over the page. */
class Shell {
  theme = $state<Theme>('auto');
  /** Single-letter shortcuts can be turned off (WCAG 2.1.4): speech input types letters. */
  letterKeys = $state(true);
  /** The name of the page, for the window's title. */
  page = $state('');
  palette = $state(false);
  shortcuts = $state(false);
  toast = $state<string | null>(null);
  #toastTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    const theme = localStorage.getItem('sb:theme');
    if (isTheme(theme)) this.theme = theme;
    this.letterKeys = localStorage.getItem('sb:letter-keys') !== 'off';
    this.#apply();
    addEventListener('storage', (e) => {
      if (e.key === 'sb:theme' && isTheme(e.newValue)) {
        this.theme = e.newValue;
        this.#apply();
      }
    });
  }
  setTheme(theme: Theme): void {
    this.theme = theme;
    localStorage.setItem('sb:theme', theme);
    this.#apply();
  }
  setLetterKeys(on: boolean): void {
    this.letterKeys = on;
    localStorage.setItem('sb:letter-keys', on ? 'on' : 'off');
  }
  /** Says that something worked, for six seconds. Errors never go here: they stand next to what failed. */
  say(text: string): void {
    this.toast = text;
    this.holdToast(false);
  }
  holdToast(hold: boolean): void {
    clearTimeout(this.#toastTimer);
    if (!hold) this.#toastTimer = setTimeout(() => (this.toast = null), 6_000);
  }
  #apply(): void {
    if (this.theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.theme;
  }
}
export const shell = new Shell();
