import { expect, test } from 'vitest';
import { describeService } from '../../src/local/service-file.ts';

const wish = {
  beadsDir: '/home/mia/my "own" 100% $x/.beads',
  program: ['/usr/bin/node', '/opt/bd/dist/bd.js'] as const,
  path: '/usr/bin:/home/mia/bin',
};
const env = { HOME: '/home/mia' };

test('the systemd unit runs this workspace’s daemon, with every odd character kept', () => {
  const file = describeService(wish, { platform: 'linux', env });
  expect(file).toMatchObject({
    manager: 'systemd',
    path: `/home/mia/.config/systemd/user/${file?.name}`,
  });
  expect(file?.name).toMatch(/^bd-daemon-[\da-z]+\.service$/);
  expect(file?.content.split('\n')).toEqual([
    '# Made by `bd daemon service install`; `bd daemon service uninstall` removes it.',
    '[Unit]',
    'Description=bd daemon of /home/mia/my "own" 100%% $x',
    'ConditionPathIsDirectory=/home/mia/my "own" 100%% $x/.beads',
    '',
    '[Service]',
    String.raw`ExecStart="/usr/bin/node" "/opt/bd/dist/bd.js" "--db" "/home/mia/my \"own\" 100%% $$x/.beads" "daemon" "run" "--stay"`,
    'Environment="PATH=/usr/bin:/home/mia/bin"',
    'Restart=on-failure',
    'RestartSec=5',
    '',
    '[Install]',
    'WantedBy=default.target',
    '',
  ]);
});

test('units lie where systemd looks for them, one for each workspace', () => {
  const at = (beadsDir: string, more: object) =>
    describeService({ ...wish, beadsDir }, { platform: 'linux', env: { ...env, ...more } })?.path;
  expect(at('/a/.beads', { XDG_CONFIG_HOME: '/conf' })).toMatch(/^\/conf\/systemd\/user\//);
  expect(at('/a/.beads', { XDG_CONFIG_HOME: 'relative' })).toMatch(/^\/home\/mia\/\.config\//);
  expect(at('/a/.beads', {})).not.toBe(at('/b/.beads', {}));
});

test('the launchd plist starts it at the login, and again after a failure', () => {
  const file = describeService(
    { ...wish, beadsDir: '/Users/mia/a & <b>/.beads' },
    { platform: 'darwin', env: { HOME: '/Users/mia' } },
  );
  expect(file?.path).toBe(`/Users/mia/Library/LaunchAgents/${file?.name}.plist`);
  const words = [...(file?.content ?? '').matchAll(/<string>(.*)<\/string>/g)].map(
    ([, word]) => word,
  );
  expect(words).toEqual([
    file?.name,
    '/usr/bin/node',
    '/opt/bd/dist/bd.js',
    '--db',
    '/Users/mia/a &amp; &lt;b&gt;/.beads',
    'daemon',
    'run',
    '--stay',
    wish.path,
  ]);
  expect(file?.content).toMatch(/<key>SuccessfulExit<\/key>\s+<false\/>/);
});

test('elsewhere there is none, and a path that would break the file is refused', () => {
  expect(describeService(wish, { platform: 'win32', env })).toBeUndefined();
  expect(describeService(wish, { platform: 'linux', env: {} })).toBeUndefined();
  const beadsDir = '/home/mia/a\nExecStart=/bin/false/.beads';
  expect(() => describeService({ ...wish, beadsDir }, { platform: 'linux', env })).toThrow(
    'cannot be written',
  );
});
