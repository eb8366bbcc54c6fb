import { en, type Messages } from './en';

/** The words in use. One language so far; the profile will choose. */
export const t: Messages = en;
