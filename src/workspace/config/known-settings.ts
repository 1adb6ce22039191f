import { durationMs } from '../../core/timestamp.ts';
import { BdError } from '../../core/errors.ts';
import { SYNC_MODES } from '../../core/sharing.ts';
import { LOG_LEVELS } from '../../platform/log.ts';

type Kind = 'text' | 'whole' | 'truth' | 'list' | 'duration';

interface KnownSetting {
  kind: Kind;
  value: string;
  choices?: readonly string[];
  /** The smallest whole number, or duration in milliseconds: none makes the daemon spin. */
  min?: number;
  /** A variable that has always been called so, before the one that is made of the key. */
  variable?: string;
  /** Another key for the same, which counts where this one is not set. */
  instead?: { key: string; unit: string };
}

/** The settings that bd itself reads, with what counts where nobody has set them. */
export const KNOWN = {
  issue_prefix: { kind: 'text', value: 'bd' },
  actor: { kind: 'text', value: '' },
  'status.custom': { kind: 'list', value: '' },
  'types.custom': { kind: 'list', value: '' },
  'sync.mode': { kind: 'text', value: 'branch', choices: SYNC_MODES },
  'sync.push': { kind: 'truth', value: 'true' },
  'sync.remote': { kind: 'text', value: '' },
  'sync.branch': { kind: 'text', value: 'beads-sync' },
  'sync.quiet_ms': { kind: 'whole', value: '300', min: 0 },
  'sync.delay_max_ms': { kind: 'whole', value: '5000', min: 100 },
  'sync.batch_max': { kind: 'whole', value: '100', min: 1 },
  'sync.fetch_active_ms': { kind: 'whole', value: '5000', min: 500 },
  'sync.fetch_idle_ms': { kind: 'whole', value: '60000', min: 500 },
  'daemon.auto_start': { kind: 'truth', value: 'true' },
  'daemon.sync_interval': {
    kind: 'duration',
    value: '5s',
    min: 500,
    variable: 'BEADS_SYNC_INTERVAL',
    instead: { key: 'sync.fetch_active_ms', unit: 'ms' },
  },
  'daemon.file_watch': { kind: 'truth', value: 'true' },
  'daemon.log_level': { kind: 'text', value: 'info', choices: LOG_LEVELS },
  'daemon.max_batch_size': {
    kind: 'whole',
    value: '100',
    min: 1,
    instead: { key: 'sync.batch_max', unit: '' },
  },
} as const satisfies Record<string, KnownSetting>;

export type KnownKey = keyof typeof KNOWN;

/** What is set, and by whom. */
export interface ConfigValue {
  key: string;
  value: string;
  /** `default`, the file's path, or the name of the environment variable. */
  source: string;
}

export function settingOf(key: string): KnownSetting | undefined {
  return Object.hasOwn(KNOWN, key) ? KNOWN[key as KnownKey] : undefined;
}

/** What a value should have been; undefined when it is right. */
function expected({ key, value }: Pick<ConfigValue, 'key' | 'value'>): string | undefined {
  const { kind, min = 0, choices } = settingOf(key) ?? {};
  switch (kind) {
    case 'truth':
      return value === 'true' || value === 'false' ? undefined : 'true or false';
    case 'whole':
      return /^\d{1,9}$/.test(value) && Number(value) >= min
        ? undefined
        : `a whole number, ${min} or more`;
    case 'duration':
      return (durationMs(value) ?? -1) >= min
        ? undefined
        : `a time of ${min} ms or more, as in 500ms, 5s or 2m`;
    default:
      return choices === undefined || choices.includes(value)
        ? undefined
        : `one of: ${choices.join(', ')}`;
  }
}

/** Why a value cannot be used; undefined when it can. */
export function refusal(found: ConfigValue): BdError | undefined {
  const right = expected(found);
  if (right === undefined) return undefined;
  const { key, value, source } = found;
  return new BdError('INVALID_VALUE', {
    message: `${key} is "${value}" (from ${source})`,
    remedy: `Set it to ${right}.`,
  });
}
