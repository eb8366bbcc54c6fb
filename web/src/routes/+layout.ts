import { redirect } from '@sveltejs/kit';
import { session } from '$lib/api/session.svelte';
import type { LayoutLoad } from './$types';

// A static app: one HTML shell, everything else in the browser.
export const ssr = false;
export const prerender = false;

export const load: LayoutLoad = async ({ url }) => {
  await session.start();
  const atLogin = url.pathname === '/login';
  if (session.status === 'out' && !atLogin) {
    const next = url.pathname === '/' ? '' : `?next=${encodeURIComponent(url.pathname)}`;
    redirect(307, `/login${next}`);
  }
  if (session.status === 'in' && atLogin) redirect(307, '/');
};
