import { expect, test } from 'vitest';
import { RETIRE_COOLDOWN_MS } from '../../src/core/limits.ts';
import {
  compareVersions,
  decideHandshake,
  overlap,
  readClient,
  type ProtocolRange,
} from '../../src/protocol/handshake.ts';
import fc from 'fast-check';

const LONG_AGO = RETIRE_COOLDOWN_MS;
const ONE: ProtocolRange = { min: 1, max: 1 };
const BOTH: ProtocolRange = { min: 1, max: 2 };
const TWO: ProtocolRange = { min: 2, max: 2 };

test.each([
  ['the same version is served', '1.2.0', ONE, ONE, LONG_AGO, 'serve'],
  ['the same version of another build is served', '1.2.0+a', ONE, ONE, LONG_AGO, 'serve'],
  ['an older client is served', '1.1.9', ONE, ONE, LONG_AGO, 'serve'],
  ['an older client is served in the older protocol', '1.1.9', BOTH, ONE, LONG_AGO, 'serve'],
  ['an older client is served after a retirement too', '1.1.9', ONE, ONE, 0, 'serve'],
  ['one without a common protocol is refused', '1.1.9', TWO, ONE, LONG_AGO, 'client_too_old'],
  ['a newer client makes the daemon retire', '1.2.1', ONE, ONE, LONG_AGO, 'retire'],
  ['a newer protocol too', '1.2.1', ONE, TWO, LONG_AGO, 'retire'],
  ['the next retirement waits', '1.2.1', ONE, ONE, RETIRE_COOLDOWN_MS - 1, 'serve'],
  ['unless nothing else is possible', '1.2.1', ONE, TWO, 0, 'retire'],
  ['a clock that went back does not put it off', '1.2.1', ONE, ONE, -1, 'retire'],
  ['a version that cannot be read is served', 'unknown', ONE, TWO, LONG_AGO, 'serve'],
] as const)('%s', (_what, version, daemonSpeaks, clientSpeaks, sinceRetirementMs, decision) => {
  const daemon = { version: '1.2.0', protocol: daemonSpeaks };
  const client = { version, protocol: clientSpeaks };
  expect(decideHandshake(daemon, client, { sinceRetirementMs })).toBe(decision);
});

test('a client that does not say what it is, is served', () => {
  const daemon = { version: '1.2.0', protocol: ONE };
  expect(decideHandshake(daemon, undefined, { sinceRetirementMs: LONG_AGO })).toBe('serve');
});

test('of two programs at most one retires the other', () => {
  const versions = fc.constantFrom('1.0.0-a', '1.0.0-a.1', '1.0.0', '1.0.1', '1.10.0', '2.0.0', '');
  const ranges = fc.constantFrom(ONE, BOTH, TWO);
  const parties = fc.record({ version: versions, protocol: ranges });
  fc.assert(
    fc.property(parties, parties, (one, other) => {
      const around = { sinceRetirementMs: LONG_AGO };
      const both = [decideHandshake(one, other, around), decideHandshake(other, one, around)];
      expect(both.filter((decision) => decision === 'retire').length).toBeLessThan(2);
    }),
  );
});

test('versions are ordered as semver says', () => {
  const ordered = [
    '1.0.0-1',
    '1.0.0-2',
    '1.0.0-10',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.1',
    '1.2.0',
    '1.10.0',
    '2.0.0-rc.1',
    '2.0.0',
  ];
  for (const [at, one] of ordered.entries()) {
    for (const [otherAt, other] of ordered.entries()) {
      expect(compareVersions(one, other), `${one} and ${other}`).toBe(Math.sign(at - otherAt));
    }
  }
  expect(compareVersions('1.0', '1.0.0')).toBeUndefined();
});

test('the newest protocol that both speak is chosen', () => {
  expect(overlap({ min: 1, max: 3 }, { min: 2, max: 5 })).toBe(3);
  expect(overlap({ min: 1, max: 2 }, { min: 2, max: 2 })).toBe(2);
  expect(overlap(ONE, TWO)).toBeUndefined();
});

test('who calls is read whatever else the request holds, and nonsense is nobody', () => {
  const client = { version: '9.0.0', protocol: [1, 9], build: 'x' };
  expect(readClient({ client, more: 1 })).toEqual({
    version: '9.0.0',
    protocol: { min: 1, max: 9 },
  });
  for (const nonsense of [undefined, null, 7, 'x', {}, { version: 1 }, { version: '1.0.0' }]) {
    expect(readClient({ client: nonsense })).toBeUndefined();
  }
  expect(readClient({ client: { version: '1.0.0', protocol: ['1', '2'] } })).toBeUndefined();
  expect(readClient(undefined)).toBeUndefined();
});
