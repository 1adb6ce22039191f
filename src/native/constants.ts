import { basename } from 'node:path';
import {
  ALLOCATOR_SETTINGS,
  COMMAND_VARIABLES,
  DAEMON_VARIABLES,
  REFUSING_VARIABLES,
} from '../client/client-environment.ts';
import { LOCAL_COMMANDS, VALUE_FLAGS } from '../client/command-line.ts';
import { PAUSE_MAX_MS, PAUSE_MIN_MS } from '../client/ensure-daemon.ts';
import { SECOND_LOOK_MS } from '../client/forward-command.ts';
import { HANDOVER_VARIABLE, LOCAL_COMMAND_REASON } from '../client/handover.ts';
import {
  DAEMON_START_TIMEOUT_MS,
  HELD_TIMEOUT_MS,
  LINE_BYTES_MAX,
  OUTPUT_HELD_MS,
  SILENCE_TIMEOUT_MS,
} from '../core/limits.ts';
import { PROJECT_MARK, WORKSPACE_FILES } from '../place/find-workspace.ts';
import { WorkspacePlace, WRITTEN_NAMES } from '../place/workspace-place.ts';
import { STALE_MS } from '../platform/critical-section.ts';
import { NETWORK_TYPES } from '../platform/file-system.ts';
import { THIS_CLIENT } from '../protocol/handshake.ts';
import { variableFor } from '../workspace/config/config.ts';

// What the native client has in common with the Node client, as a C header that the build writes. Nothing of it
// is written twice.

const PLACE = new WorkspacePlace('/.beads');

const TEXTS = {
  HANDOVER_VARIABLE,
  LOCAL_COMMAND_REASON,
  PROJECT_MARK,
  CLIENT_JSON: JSON.stringify(THIS_CLIENT),
  AUTO_START_KEY: 'auto_start',
  AUTO_START_VARIABLE: variableFor('daemon.auto_start'),
  SOCKET_LINK: basename(PLACE.socketLink),
  CONFIG_FILE: basename(PLACE.configFile),
  METADATA_FILE: basename(PLACE.metadataFile),
  LOG_FILE: basename(PLACE.logFile),
  START_LOCK_FILE: basename(PLACE.startLockFile),
  DAEMON_OFF_FILE: basename(PLACE.daemonOffFile),
  START_FAILURE_FILE: basename(PLACE.startFailureFile),
};

const NUMBERS = {
  LINE_BYTES_MAX,
  OUTPUT_HELD_MS,
  SILENCE_TIMEOUT_MS,
  SECOND_LOOK_MS,
  DAEMON_START_TIMEOUT_MS,
  HELD_TIMEOUT_MS,
  SECTION_STALE_MS: STALE_MS,
  START_PAUSE_MIN_MS: PAUSE_MIN_MS,
  START_PAUSE_MAX_MS: PAUSE_MAX_MS,
};

const LISTS = {
  WORKSPACE_FILES,
  WRITTEN_NAMES,
  VALUE_FLAGS,
  LOCAL_COMMANDS,
  /** Where a command runs otherwise than by the usual rules. */
  UNUSUAL_VARIABLES: ['BEADS_DB', 'BEADS_DIR', ...REFUSING_VARIABLES],
  UNUSUAL_FLAGS: ['--db', '--directory', '-C', '--no-daemon', '--sandbox', '--version', '-V'],
  COMMAND_NAMES: COMMAND_VARIABLES.names,
  COMMAND_PREFIXES: COMMAND_VARIABLES.prefixes,
  DAEMON_NAMES: DAEMON_VARIABLES.names,
  DAEMON_PREFIXES: DAEMON_VARIABLES.prefixes,
  ALLOCATOR_SETTINGS: Object.entries(ALLOCATOR_SETTINGS).map((setting) => setting.join('=')),
};

export function renderHeader(): string {
  const lines = [
    '// Made by the build from src/native/constants.ts.',
    ...Object.entries(TEXTS).map(([name, text]) => `#define ${name} ${JSON.stringify(text)}`),
    ...Object.entries(NUMBERS).map(([name, number]) => `#define ${name} ${number}`),
    ...Object.entries(LISTS).map(([name, texts]) => renderList(name, [...texts])),
    `UNUSED static const uint32_t NETWORK_TYPES[] = {${[...NETWORK_TYPES].join(', ')}};`,
  ];
  return `${lines.join('\n')}\n`;
}

function renderList(name: string, texts: readonly string[]): string {
  const items = texts.map((text) => JSON.stringify(text)).join(', ');
  return `UNUSED static const char *const ${name}[] = {${items}, NULL};`;
}
