import { durationMs } from '../../core/timestamp.ts';
import { BdError } from '../../core/errors.ts';
import { SYNC_MODES } from '../../core/sharing.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';
import type { Environment } from '../../platform/environment.ts';
import { fileVersion } from '../../platform/file-version.ts';
import { LOG_LEVELS } from '../../platform/log.ts';
import type { ConfigEntry } from '../../protocol/methods/workspace.ts';
import { editConfigFile, readConfigFile } from './config-file.ts';

interface KnownSetting {
  kind: 'text' | 'whole' | 'truth' | 'list' | 'duration';
  /** What counts when it is not set. */
  value: string;
  choices?: readonly string[];
  /** The smallest whole number, or duration in milliseconds, that does not make the daemon spin. */
  min?: number;
  /** The environment variable of the classic tool; it goes before the one that is named after the key. */
  variable?: string;
  /** An older key for the same, which counts when this one is not set. */
  instead?: { key: string; unit: string };
}

/** The settings that bd itself reads. */
const KNOWN = {
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
  'events.keep_days': { kind: 'whole', value: '90', min: 1 },
  'events.keep_count': { kind: 'whole', value: '200000', min: 1 },
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

/** Refuses the whole file for one wrong value: half of the settings is not what its author asked for. */
export async function openConfig(place: WorkspacePlace, env: Environment): Promise<Config> {
  const config = await readConfig(place, env);
  config.check();
  return config;
}

/**
 * A wrong value in the file is read as its default, so that the caller can go on and the person can correct
 * it; `check` throws for it. A wrong value in the environment is refused here.
 */
export async function readConfig(place: WorkspacePlace, env: Environment): Promise<Config> {
  const { configFile } = place;
  // Taken first: an edit during the read shows as one.
  const version = fileVersion(configFile);
  return new Config(configFile, { env, version, values: await readConfigFile(configFile) });
}

/**
 * Settings by dotted key: environment over `.beads/config.yaml` over default. Keys that bd does not
 * know are kept for other tools. `set` and `unset` keep the file's comments.
 */
export class Config {
  readonly #path: string;
  readonly #env: Environment;
  #version: string;
  #values: ReadonlyMap<string, string> = new Map();
  #wrong: BdError | undefined;
  #ownWrites = 0;
  /** What was looked up in `#values`: each request asks for some. */
  readonly #texts = new Map<KnownKey, string>();

  /** Use `openConfig` or `readConfig`. `values` are those of the file in this version. */
  constructor(
    path: string,
    options: { env: Environment; version: string; values: ReadonlyMap<string, string> },
  ) {
    this.#path = path;
    this.#env = options.env;
    this.#version = options.version;
    this.#take(options.values);
    const refused = firstRefusal(this.#knownValues().filter(({ source }) => source !== path));
    if (refused !== undefined) throw refused;
  }

  /** Reads the file again if another program has changed it, and returns whether it had. */
  async follow(): Promise<boolean> {
    const version = fileVersion(this.#path);
    // While `#edit` runs, the file shows the change before its new version is noted here.
    if (this.#ownWrites > 0 || version === this.#version) return false;
    this.#take(await readConfigFile(this.#path));
    this.#version = version;
    return true;
  }

  get(key: string): string | undefined {
    return this.#lookup(key)?.value;
  }

  /** As the file has it, right or wrong. */
  written(key: string): string | undefined {
    return this.#values.get(key);
  }

  text(key: KnownKey): string {
    const known = this.#texts.get(key);
    if (known !== undefined) return known;
    const found = this.#lookup(key);
    const isUsable = found !== undefined && refusal(found) === undefined;
    const text = isUsable ? found.value : KNOWN[key].value;
    this.#texts.set(key, text);
    return text;
  }

  whole(key: KnownKey): number {
    return Number(this.text(key));
  }

  truth(key: KnownKey): boolean {
    return this.text(key) === 'true';
  }

  /** In milliseconds. */
  duration(key: KnownKey): number {
    return durationMs(this.text(key)) ?? 0;
  }

  /** Comma-separated in the file. */
  list(key: KnownKey): string[] {
    const items = this.text(key).split(',');
    return items.map((item) => item.trim()).filter((item) => item !== '');
  }

  /** Everything that is set, and the defaults of known keys that are not. Reads the file again. */
  async entries(): Promise<ConfigEntry[]> {
    this.#take(await readConfigFile(this.#path));
    const keys = [...new Set([...Object.keys(KNOWN), ...this.#values.keys()])].sort();
    return keys.flatMap((key) => this.#lookup(key) ?? []);
  }

  /** Throws for the first value that is wrong. */
  check(): void {
    if (this.#wrong !== undefined) throw this.#wrong;
  }

  async set(key: string, value: string): Promise<void> {
    const refused = refusal({ key, value, source: 'bd config set' });
    if (refused !== undefined) throw refused;
    await this.#edit(key, value);
  }

  unset(key: string): Promise<void> {
    return this.#edit(key, undefined);
  }

  async #edit(key: string, value: string | undefined): Promise<void> {
    checkKey(key);
    this.#ownWrites += 1;
    try {
      const written = await editConfigFile(this.#path, { key, value });
      this.#version = fileVersion(this.#path);
      this.#take(written);
    } finally {
      this.#ownWrites -= 1;
    }
  }

  #take(values: ReadonlyMap<string, string>): void {
    this.#values = values;
    this.#texts.clear();
    this.#wrong = firstRefusal(this.#knownValues());
  }

  #knownValues(): ConfigEntry[] {
    return Object.keys(KNOWN).flatMap((key) => this.#lookup(key) ?? []);
  }

  /** The environment goes before the file, and the file before an older key. */
  #lookup(key: string): ConfigEntry | undefined {
    const setting = settingOf(key);
    for (const variable of [setting?.variable, variableFor(key)]) {
      const value = variable === undefined ? undefined : this.#env[variable];
      if (variable !== undefined && value !== undefined) return { key, value, source: variable };
    }
    const written = this.written(key);
    if (written !== undefined) return { key, value: written, source: this.#path };
    if (setting === undefined) return undefined;
    const { instead } = setting;
    const other = instead && this.#lookup(instead.key);
    return instead === undefined || other === undefined || other.source === 'default'
      ? { key, value: setting.value, source: 'default' }
      : { key, value: `${other.value}${instead.unit}`, source: other.source };
  }
}

function settingOf(key: string): KnownSetting | undefined {
  return Object.hasOwn(KNOWN, key) ? KNOWN[key as KnownKey] : undefined;
}

/** `sync.push` → `BD_SYNC_PUSH`. */
export function variableFor(key: string): string {
  return `BD_${key.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
}

function firstRefusal(values: readonly ConfigEntry[]): BdError | undefined {
  return values.flatMap((value) => refusal(value) ?? [])[0];
}

/** Why a value cannot be used; undefined when it can. */
function refusal(found: ConfigEntry): BdError | undefined {
  const { key, value, source } = found;
  const right = expected(key, value);
  if (right === undefined) return undefined;
  return new BdError('INVALID_VALUE', {
    message: `${key} is "${value}" (from ${source})`,
    remedy: `Set it to ${right}.`,
  });
}

/** What a wrong value should have been; undefined when it is right. */
function expected(key: string, value: string): string | undefined {
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

const KEY_SHAPE = /^[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/;

function checkKey(key: string): void {
  if (KEY_SHAPE.test(key)) return;
  throw new BdError('INVALID_VALUE', {
    message: `"${key}" is not a setting's name`,
    remedy: 'Use letters, digits, "_" and "-" in parts joined by dots, as in sync.push.',
  });
}
