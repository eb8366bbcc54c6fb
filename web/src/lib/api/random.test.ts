import { expect, it } from 'vitest';
import { password, uuid } from './random';

it('makes version 4 UUIDs', () => {
  const many = Array.from({ length: 200 }, uuid);
  for (const id of many) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(new Set(many).size).toBe(200);
});

it('makes first passwords that can be read aloud, and different ones', () => {
  const many = Array.from({ length: 200 }, () => password());
  for (const p of many) expect(p).toMatch(/^[a-km-zA-HJ-NP-Z2-9]{4}(-[a-km-zA-HJ-NP-Z2-9]{4}){3}$/);
  expect(new Set(many).size).toBe(200);
});

it('throws away bytes that would make some letters likelier', () => {
  let calls = 0;
  const p = password((b) => b.fill(calls++ === 0 ? 255 : 1));
  expect(calls).toBe(2);
  expect(p).toBe('bbbb-bbbb-bbbb-bbbb');
});
