import { expect, test } from 'vitest';
import {
  daemonRefusedBy,
  readActor,
  selectCommandEnvironment,
  selectDaemonEnvironment,
  selectDirectEnvironment,
} from '../../src/client/client-environment.ts';

const shell = {
  HOME: '/home/a',
  PATH: '/bin',
  SSH_AUTH_SOCK: '/s',
  LC_ALL: 'C',
  https_proxy: 'p',
  BD_ACTOR: 'me',
  BEADS_DIR: '/d',
  BEADS_SYNC_PUSH: 'false',
  NODE_OPTIONS: '--inspect',
  NODE_EXTRA_CA_CERTS: '/ca',
  GIT_DIR: '/hook',
  GIT_SSH_COMMAND: 'ssh -i key',
  GIT_INDEX_FILE: '/i',
  npm_config_x: 'y',
  AWS_SECRET_ACCESS_KEY: 'secret',
  NO_COLOR: '1',
};

test('a daemon keeps what reaches the remote, and nothing that belongs to the shell or one command', () => {
  expect(selectDaemonEnvironment(shell)).toEqual({
    HOME: '/home/a',
    PATH: '/bin',
    SSH_AUTH_SOCK: '/s',
    LC_ALL: 'C',
    https_proxy: 'p',
    GIT_SSH_COMMAND: 'ssh -i key',
  });
});

test('a command without daemon also works with the settings of its shell', () => {
  const daemon = selectDaemonEnvironment(shell);
  expect(selectDirectEnvironment(shell)).toEqual({ ...daemon, BEADS_SYNC_PUSH: 'false' });
});

test('a command takes along who acts and how to print, and no secrets', () => {
  expect(selectCommandEnvironment(shell)).toEqual({
    LC_ALL: 'C',
    BD_ACTOR: 'me',
    BEADS_DIR: '/d',
    BEADS_SYNC_PUSH: 'false',
    NO_COLOR: '1',
  });
});

test.each([
  [{}, undefined],
  [{ BEADS_NO_DAEMON: '1' }, 'BEADS_NO_DAEMON=1'],
  [{ BEADS_NO_DAEMON: 'true' }, 'BEADS_NO_DAEMON=true'],
  [{ BEADS_NO_DAEMON: '0' }, undefined],
  [{ BEADS_NO_DAEMON: '' }, undefined],
  [{ CI: 'true' }, 'CI=true'],
  [{ CI: 'false' }, undefined],
  [{ BEADS_AUTO_START_DAEMON: 'false' }, 'BEADS_AUTO_START_DAEMON=false'],
  [{ BEADS_AUTO_START_DAEMON: 'true' }, undefined],
])('%j refuses a daemon: %s', (env, expected) => {
  expect(daemonRefusedBy(env)).toBe(expected);
});

test('who acts is BD_ACTOR, or the classic variable; an empty one names nobody', () => {
  expect(readActor({ BD_ACTOR: 'mia', BEADS_ACTOR: 'max' })).toBe('mia');
  expect(readActor({ BD_ACTOR: '', BEADS_ACTOR: 'max' })).toBe('max');
  expect(readActor({ BD_ACTOR: '', BEADS_ACTOR: '' })).toBeUndefined();
});
