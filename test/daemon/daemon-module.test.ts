import { expect, test } from 'vitest';
import { createRouter, type DaemonModule } from '../../src/daemon/daemon-module.ts';
import { object } from '../../src/protocol/shape.ts';
import { result } from '../../src/protocol/methods/method.ts';
import type { Caller } from '../../src/rpc/connection.ts';

const row = { effect: 'read', params: object({}), result: result() } as const;

const caller = {} as Caller;

const module = (name: string, methods: readonly string[]): DaemonModule => ({
  name,
  methods: Object.fromEntries(methods.map((method) => [method, row])),
  operations: async (method, params) => ({ name, method, params }),
});

test('a method is done by the module that has it', async () => {
  const route = createRouter([
    module('issues', ['list']),
    { name: 'quiet' },
    module('runs', ['run']),
  ]);
  expect(await route('run', { n: 1 }, caller)).toEqual({
    name: 'runs',
    method: 'run',
    params: { n: 1 },
  });
  await expect(route('nonsense', {}, caller)).rejects.toMatchObject({ code: 'UNKNOWN_METHOD' });
  await expect(route('toString', {}, caller)).rejects.toMatchObject({ code: 'UNKNOWN_METHOD' });
});

test('two modules cannot have one method', () => {
  expect(() => createRouter([module('issues', ['list']), module('runs', ['list'])])).toThrow(
    'runs and issues both have list',
  );
});
