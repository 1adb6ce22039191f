import { dirname, join } from 'node:path';
import { BdError } from '../core/errors.ts';
import type { Environment } from '../platform/environment.ts';
import { workspaceKey } from '../place/socket-link.ts';

/** What a service manager should keep running. */
export interface ServiceWish {
  /** The workspace's `.beads`, by its real path. */
  beadsDir: string;
  /** Node, and the program that it runs. */
  program: readonly [execPath: string, file: string];
  /** The user's: the daemon finds git and ssh by it. */
  path: string;
}

/** The file for the service manager. */
export interface ServiceFile {
  manager: 'systemd' | 'launchd';
  /** The manager's name for it. */
  name: string;
  path: string;
  content: string;
}

/** In each such file: bd never overwrites or removes another file. */
export const SERVICE_MARK = 'Made by `bd daemon service install`';

const ABOUT = `${SERVICE_MARK}; \`bd daemon service uninstall\` removes it.`;

/** One service per workspace: systemd's on Linux, launchd's on macOS; undefined where bd knows no manager. */
export function describeService(
  wish: ServiceWish,
  { platform, env }: { platform: string; env: Environment },
): ServiceFile | undefined {
  const home = env['HOME'];
  if (home === undefined || !['linux', 'darwin'].includes(platform)) return undefined;
  if (/[\n\r]/.test([wish.beadsDir, ...wish.program, wish.path].join(''))) throw unprintable(wish);
  const key = workspaceKey(wish);
  if (platform === 'darwin') {
    const name = `beads.daemon.${key}`;
    const path = join(home, 'Library/LaunchAgents', `${name}.plist`);
    return { manager: 'launchd', name, path, content: renderPlist(wish, name) };
  }
  const name = `bd-daemon-${key}.service`;
  const settings = env['XDG_CONFIG_HOME']?.startsWith('/')
    ? env['XDG_CONFIG_HOME']
    : join(home, '.config');
  const path = join(settings, 'systemd/user', name);
  return { manager: 'systemd', name, path, content: renderUnit(wish) };
}

function commandOf({ program, beadsDir }: ServiceWish): string[] {
  return [...program, '--db', beadsDir, 'daemon', 'run', '--stay'];
}

function renderUnit(wish: ServiceWish): string {
  const { beadsDir, path } = wish;
  return `# ${ABOUT}
[Unit]
Description=bd daemon of ${percents(dirname(beadsDir))}
ConditionPathIsDirectory=${percents(beadsDir)}

[Service]
ExecStart=${commandOf(wish)
    .map((word) => unitWord(word).replaceAll('$', '$$$$'))
    .join(' ')}
Environment=${unitWord(`PATH=${path}`)}
Restart=on-failure
RestartSec=5

[Install]
WantedBy=default.target
`;
}

/** systemd expands a percent sign. */
function percents(text: string): string {
  return text.replaceAll('%', '%%');
}

function unitWord(word: string): string {
  return `"${percents(word).replace(/[\\"]/g, String.raw`\$&`)}"`;
}

function renderPlist(wish: ServiceWish, name: string): string {
  const words = commandOf(wish).map((word) => `    <string>${xml(word)}</string>`);
  return `<?xml version="1.0" encoding="UTF-8"?>
<!-- ${ABOUT} -->
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${xml(name)}</string>
  <key>ProgramArguments</key>
  <array>
${words.join('\n')}
  </array>
  <key>EnvironmentVariables</key>
  <dict>
    <key>PATH</key>
    <string>${xml(wish.path)}</string>
  </dict>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
</dict>
</plist>
`;
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function unprintable({ beadsDir }: ServiceWish): BdError {
  return new BdError('USAGE', {
    message: `${JSON.stringify(beadsDir)} cannot be written to a service’s file`,
    remedy: 'Take line breaks out of the paths.',
  });
}
