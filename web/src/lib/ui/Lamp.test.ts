import { render, screen } from '@testing-library/svelte';
import { expect, it } from 'vitest';
import Lamp from './Lamp.svelte';

it('says the state in words and by shape, not only in colour', () => {
  const { container } = render(Lamp, { shape: 'finishing', tone: 'wrap', word: 'Finishing up' });
  expect(screen.getByText('Finishing up')).toBeTruthy();
  expect(container.querySelector('svg[aria-hidden="true"]')).toBeTruthy();
});
