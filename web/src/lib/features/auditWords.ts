import type { AuditEntry } from '$lib/api/admin.gql';
import { t } from '$lib/i18n';

/** `display_name`, `displayName` and `display.name` read as "Display name". */
export function humanise(code: string): string {
  const words = code
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/[._\-:]+/g, ' ')
    .trim()
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What was done, in words where the catalogue knows the action. */
export const actionWords = (e: Pick<AuditEntry, 'action'>): string => t.audit.actions[e.action] ?? humanise(e.action);
export const fieldWords = (field: string): string => t.audit.fields[field] ?? humanise(field);

/** Where the thing that was changed can be seen, when there is a page for it. */
export function objectHref(e: Pick<AuditEntry, 'objectType' | 'objectId'>): string | null {
  if (e.objectType === 'caller') return `/callers/${e.objectId}`;
  if (e.objectType === 'interaction' || e.objectType === 'call') return `/calls/${e.objectId}`;
  return null;
}
