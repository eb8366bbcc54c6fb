const locale = () => document.documentElement.lang || 'en-GB';

export const number = (n: number): string => new Intl.NumberFormat(locale()).format(n);
/** "1 call", "1,200 calls": languages with more forms than two have a catalogue of their own. */
export const plural = (n: number, one: string, other: string): string =>
  `${number(n)} ${new Intl.PluralRules(locale()).select(n) === 'one' ? one : other}`;
